"""What a row is called: the study, and what tells it from the study's other rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: Columns that can tell the rows of one study apart, the most telling first.
TELLING = (
    "comparison", "site", "timepoint_weeks", "outcome", "experiment", "sex", "species", "strain",
    "dose", "duration_weeks", "age_weeks", "model", "exosome_source", "target_cell", "cargo",
    "engineered", "route", "frequency", "assay",
)  # fmt: skip
#: Columns that a column of the figure already shows.
SHOWN_BY = {"dose": ("dose", "dose_unit"), "timepoint": ("timepoint_weeks",),
            "duration": ("duration_weeks",)}  # fmt: skip
#: Cells that mean nothing without the name of their column.
_ANSWERS = frozenset({"yes", "no", "true", "false", "unclear", "none", "0", "1"})
#: How many letters one column more is worth: one long column beats two short ones up to here.
COST = 10
_UNITS = {"timepoint_weeks": "wk", "duration_weeks": "wk treatment", "age_weeks": "wk old"}


def cell_text(value: Any) -> str:
    """A cell of the table for people: nothing for a blank, no decimals for a whole number.

    Examples
    --------
    >>> cell_text(8.0), cell_text(None), cell_text(float("nan")), cell_text(0.1 + 0.2)
    ('8', '', '', '0.3')
    """
    if value is None or value != value:  # NaN is not itself
        return ""
    if isinstance(value, (bool, str)):
        return str(value)
    if isinstance(value, (int, float)) or hasattr(value, "dtype"):
        return f"{float(value):.6g}"
    return str(value)


def sentence_case(text: str) -> str:
    """`text` with a capital, unless its first word is a name with a spelling of its own.

    Examples
    --------
    >>> sentence_case("osteoblast"), sentence_case("miR-335"), sentence_case("hUC-MSC")
    ('Osteoblast', 'miR-335', 'hUC-MSC')
    """
    first = text.split(" ")[0]
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text


def detail_text(row: pd.Series, column: str) -> str:
    """A cell with what makes it readable on its own (unit, weeks)."""
    text = cell_text(row[column])
    if not text:
        return ""
    if column == "dose":
        return f"{text} {cell_text(row.get('dose_unit'))}".rstrip()
    if text.casefold() in _ANSWERS:
        return f"{column.replace('_', ' ')}: {text}"
    return f"{text} {_UNITS[column]}" if column in _UNITS else text


def row_labels(
    frame: pd.DataFrame, groups: Iterable[Sequence[int]], shown: Iterable[str] = ()
) -> dict[int, str]:
    """A name for each row of a figure.

    A study with one row in its group is called by its name. Where it has several, what differs
    between them is added: as few columns and words as tell them all apart. Rows that no column
    tells apart get their spreadsheet row.

    Parameters
    ----------
    frame : effects, indexed by spreadsheet row.
    groups : rows that stand under one heading.
    shown : columns of the frame that the figure shows anyway; they need not be repeated.
    """
    hidden = [name for name in TELLING if name in frame.columns and name not in set(shown)]
    labels: dict[int, str] = {}
    for rows in groups:
        by_study: dict[str, list[int]] = {}
        for row in rows:
            by_study.setdefault(cell_text(frame.at[row, "study"]), []).append(row)
        for study, members in by_study.items():
            seen = [
                tuple(cell_text(frame.at[row, name]) for name in frame.columns if name in shown)
                for row in members
            ]
            labels |= _tell_apart(frame.loc[members], study, hidden, seen)
    return labels


def _tell_apart(
    frame: pd.DataFrame, study: str, hidden: Sequence[str], seen: Sequence[tuple[str, ...]]
) -> dict[int, str]:
    rows = list(frame.index)
    if len(rows) == 1:
        return {rows[0]: study}
    lines = [line for _, line in frame.iterrows()]
    texts = {name: [detail_text(line, name) for line in lines] for name in hidden}
    varying = [name for name in hidden if len(set(texts[name])) > 1]
    chosen = _fewest(texts, varying, seen)
    details = [
        ", ".join(filter(None, (texts[name][i] for name in chosen))) for i in range(len(rows))
    ]
    counts = [(detail, seen[i]) for i, detail in enumerate(details)]
    return {
        row: _joined(study, details[i], row if counts.count(counts[i]) > 1 else None)
        for i, row in enumerate(rows)
    }


def _joined(study: str, detail: str, row: int | None) -> str:
    parts = [detail] if detail else []
    if row is not None:
        parts.append(f"row {row}")
    return f"{study}: {', '.join(parts)}" if parts else study


def _fewest(
    texts: dict[str, list[str]], varying: Sequence[str], seen: Sequence[tuple[str, ...]]
) -> tuple[str, ...]:
    """The columns that tell most rows apart, and of those the fewest and shortest words."""
    best: tuple[str, ...] = ()
    best_score = (len(set(seen)), 0)
    for size in (1, 2, 3):
        for names in combinations(varying, size):
            keys = {(*key, *(texts[n][i] for n in names)) for i, key in enumerate(seen)}
            words = sum(len(text) for name in names for text in texts[name])
            score = (len(keys), -words - COST * size * len(seen))
            if score > best_score:
                best, best_score = names, score
    return best
