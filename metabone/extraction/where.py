"""Which rows of a table go on: by a condition, by outcome, and without those set aside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from metabone.errors import DataError, UsageError
from metabone.extraction.expression import Expression, read_expression
from metabone.extraction.table import Exclusion, Finding, StudyTable
from metabone.options import OnError, check_option, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN = 3
# Rows whose cells cannot be told apart: whether a condition holds for them is not known.
_UNREAD = ("ragged-row", "repeated-header")


def compile_where(text: str, columns: Iterable[str]) -> Expression:
    """Read a condition on rows; called with a frame it gives a boolean for each row.

    A comparison with a blank cell is unknown; unknown rows are not selected.

    Parameters
    ----------
    text : such as ``species in ('rat', 'mouse') and timepoint_weeks >= 4``.
    columns : the names that may stand in it.

    Raises
    ------
    UsageError
        If the text is not in the language, names an unknown column, or (when called) compares
        a text column with a number.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"weeks": [4.0, float("nan"), 12.0]})
    >>> compile_where("not weeks > 4", frame.columns)(frame).tolist()
    [True, False, False]
    """
    return read_expression(text, columns)


def select(
    table: StudyTable,
    *,
    where: str | None = None,
    outcome: Sequence[str] = (),
    on_error: str = "refuse",
) -> StudyTable:
    """The rows that a condition and outcomes choose, with the ledger of those set aside.

    Parameters
    ----------
    where : a condition, see `compile_where`.
    outcome : names or synonyms of outcomes to keep; all by default.
    on_error : ``refuse`` raises when a selected row holds an impossible value; ``exclude`` puts
        such rows into the ledger.

    Raises
    ------
    UsageError
        For a condition or an outcome that the table does not know.
    DataError
        If no row remains, or (with ``refuse``) for each impossible value.

    Examples
    --------
    >>> from metabone.extraction.reading import read_table
    >>> chosen = select(read_table("unloading"), where="species == 'rat'", outcome=["BV/TV"])
    >>> set(chosen.frame["outcome"])
    {'BV/TV'}
    """
    refuse = check_option("on_error", on_error, OnError) == "refuse"
    kept = _narrow(table, where, (outcome,) if isinstance(outcome, str) else tuple(outcome))
    if refuse and kept.errors:
        raise DataError(refusal(kept.errors))
    by_row: dict[int, list[Finding]] = {}
    for found in kept.errors:
        if found.row is not None:
            by_row.setdefault(found.row, []).append(found)
    wrong = [Exclusion(row, "; ".join(map(_reason, found))) for row, found in by_row.items()]
    reasons = kept.frame["exclude"].dropna()
    said = [
        Exclusion(row, str(reason))
        for row, reason in zip(reasons.index.tolist(), reasons, strict=True)
    ]
    return kept.set_aside([*wrong, *said])


def _narrow(table: StudyTable, where: str | None, outcome: tuple[str, ...]) -> StudyTable:
    import numpy as np

    frame = table.frame
    mask: NDArray[Any] = np.ones(len(frame), dtype=bool)
    notes: list[Finding] = []
    if where is not None:
        expression = compile_where(where, map(str, frame.columns))
        truth = expression.truth(frame)
        mask &= truth.true
        if not mask.any():
            raise DataError(f"where {where!r} selects no row; {_values(table, expression)}")
        unknown = int((~truth.true & ~truth.false).sum())
        if unknown:
            message = f"where {where!r}: rows not selected because a cell is blank: {unknown}"
            notes.append(Finding(None, None, None, "where-unknown", "note", message))
    if outcome:
        names = {_outcome(table, word) for word in outcome}
        chosen = frame["outcome"].isin(names).to_numpy()
        blank = frame["outcome"].isna().to_numpy()
        if not (mask & chosen).any():
            raise DataError(f"no row with outcome {_listed(sorted(names))} meets where {where!r}")
        mask &= chosen | blank
    unread = {found.row for found in table.errors if found.code in _UNREAD}
    mask |= frame.index.isin(unread)
    kept = table if mask.all() else table.keep(mask)
    return replace(kept, findings=(*notes, *kept.findings)) if notes else kept


def _outcome(table: StudyTable, word: str) -> str:
    """The outcome as the frame names it."""
    present = [str(name) for name in table.frame["outcome"].dropna().unique()]
    term = table.vocabulary.find("outcome", word)
    if term is not None and term.name in present:
        return term.name
    for name in present:
        if name.casefold() == word.strip().casefold():
            return name
    close = nearest(term.name if term else word, present) or [
        name for name in table.vocabulary.nearest("outcome", word) if name in present
    ]
    shown = close or present
    lead = "nearest" if close else "it has"
    more = f" and {len(shown) - 10} more" if len(shown) > 10 else ""
    raise UsageError(f"the table has no outcome {word!r}; {lead}: {_listed(shown[:10])}{more}")


def _values(table: StudyTable, expression: Expression) -> str:
    """What the columns of a condition hold, so that a misspelt value is seen."""
    told = []
    for name in expression.columns:
        filled = table.frame[name].dropna()
        if not len(filled):
            told.append(f"{name} is blank in every row")
        elif filled.dtype == object:
            words = [str(word) for word in filled.unique()]
            more = ", …" if len(words) > 6 else ""
            told.append(f"{name} has {_listed(words[:6])}{more}")
        else:
            told.append(f"{name} goes from {filled.min():g} to {filled.max():g}")
    return "; ".join(told)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(map(repr, words))


def _reason(found: Finding) -> str:
    place = f"{found.column} " if found.column else ""
    value = f"{found.value!r} " if found.value else ""
    return f"{place}{value}{found.message}"


def refusal(errors: tuple[Finding, ...]) -> str:
    """The message that refuses rows with impossible values, and says what to do about them."""
    shown = "; ".join(f"row {found.row}: {_reason(found)}" for found in errors[:SHOWN])
    more = f"; and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
    plural = "values" if len(errors) > 1 else "value"
    return (
        f"{len(errors)} impossible {plural} in the selected rows: {shown}{more}. Correct them, "
        "give a reason in the column exclude, or set the rows aside with --on-error exclude (in an "
        'analysis file: on_error = "exclude" in [data])'
    )
