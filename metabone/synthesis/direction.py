"""Synthesis without numbers: which way the studies point, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import bdtr, betaincinv

from metabone._version import __version__
from metabone.errors import DataError, UsageError
from metabone.options import Better, check_option, nearest
from metabone.synthesis.direction_results import (
    NO_BETTER,
    Cell,
    DirectionResult,
    Judgement,
    RowVerdict,
    SignTest,
    StudyVerdict,
)
from metabone.synthesis.direction_text import bone_sentence, swim_items, warnings_of
from metabone.synthesis.strata import BLANK

if TYPE_CHECKING:
    import pandas as pd

    from metabone.extraction.table import StudyTable

    Line = Mapping[str, Any]

AGREEMENT = 0.70
DEFAULT_BY = ("exosome_source", "target_cell")
CHANGE_WORDS: Mapping[str, str] = {
    "increase": "increase", "increased": "increase", "up": "increase", "higher": "increase",
    "↑": "increase",
    "decrease": "decrease", "decreased": "decrease", "down": "decrease", "lower": "decrease",
    "reduced": "decrease", "↓": "decrease",
    "no change": "no change", "unchanged": "no change", "none": "no change",
    "unclear": "unclear", "unknown": "unclear", "mixed": "unclear",
}  # fmt: skip
FACT_WORDS: Mapping[str, tuple[str, ...]] = {
    "in_vivo": ("yes", "no", "unclear"),
    "vesicles_given": ("yes", "no", "unclear"),
    "bone_mass": ("skeletal", "local", "none", "unclear"),
}


def direction(
    table: StudyTable,
    *,
    by: Sequence[str] | None = None,
    level: float = 0.95,
) -> DirectionResult:
    """Which way the studies of a table point: effect directions, counts and a sign test.

    A row's direction is what its ``change`` column says; without one, the sign of the difference
    of means or medians (treated minus control), or the ``sign`` column beside a test. Whether that
    is a benefit is a judgement by the better direction of the outcome: the ``better`` column, else
    the vocabulary. A study's direction is the one that at least 70% of its rows have (Boon and
    Thomson 2021); otherwise it is mixed. Size, precision and p values play no part.

    Parameters
    ----------
    table : extraction table; rows set aside in its ledger are not used.
    by : none, one or two columns of the counts table (default: ``exosome_source`` and
        ``target_cell``, where the table fills them in).
    level : level of the interval of the proportion.

    Raises
    ------
    UsageError
        For an unknown column, more than two columns, or a level outside (0, 1).
    DataError
        If no row says in which direction its outcome went, or a word of the columns ``change``,
        ``in_vivo``, ``vesicles_given`` or ``bone_mass`` is unknown.

    References
    ----------
    Boon and Thomson (2021), doi:10.1002/jrsm.1458 (effect direction plot);
    Campbell et al. (2020), doi:10.1136/bmj.l6890 (SWiM);
    McKenzie and Brennan (2019), Cochrane Handbook, chapter 12 (sign test).

    Examples
    --------
    >>> from metabone.extraction.reading import read_table
    >>> result = direction(read_table("exosome-osteoporosis"))
    >>> result.counts["benefit"], result.counts["harm"]
    (8, 1)
    >>> result.sign_test.pvalue
    0.0390625
    """
    if not 0 < level < 1:
        raise UsageError(f"level must lie between 0 and 1; got {level!r}")
    frame = table.usable()
    columns, notes = _columns(frame, by)
    _check_facts(frame)
    verdicts = _verdicts(frame, table)
    studies = _studies(frame, verdicts)
    test = sign_test(
        sum(study.verdict == "benefit" for study in studies),
        sum(study.verdict == "harm" for study in studies),
        level=level,
        left_out=sum(study.verdict not in ("benefit", "harm") for study in studies),
    )
    cells = _cells(frame, verdicts, columns)
    return DirectionResult(
        by=columns,
        rows=tuple(verdicts.values()),
        studies=studies,
        cells=cells,
        sign_test=test,
        bone_sentence=bone_sentence(studies),
        swim=swim_items(tuple(verdicts.values()), studies, cells, columns, test),
        warnings=(
            *notes,
            *_contradictions(frame, verdicts),
            *warnings_of(tuple(verdicts.values()), studies, test, table.vocabulary),
        ),
        source=table.source,
        selected=table.selected,
        excluded=table.excluded,
        synthetic=table.synthetic,
        version=__version__,
        level=level,
    )


def sign_test(benefit: int, harm: int, *, level: float = 0.95, left_out: int = 0) -> SignTest:
    """Exact two-sided sign test, with the Clopper-Pearson interval of the proportion.

    Parameters
    ----------
    benefit, harm : studies that point each way, at least 0.
    level : level of the interval.
    left_out : studies without a direction, carried along.

    References
    ----------
    Clopper and Pearson (1934), doi:10.1093/biomet/26.4.404. The p value is twice the smaller tail
    of the binomial distribution with probability 1/2, at most 1.

    Examples
    --------
    >>> test = sign_test(8, 1)
    >>> test.pvalue, round(test.ci_low, 4), round(test.ci_high, 4)
    (0.0390625, 0.5175, 0.9972)
    """
    n = benefit + harm
    if n == 0:
        nothing = float("nan")
        return SignTest(benefit, harm, left_out, nothing, nothing, nothing, nothing, level)
    tail = (1 - level) / 2
    low = float(betaincinv(benefit, harm + 1, tail)) if benefit else 0.0
    high = float(betaincinv(benefit + 1, harm, 1 - tail)) if harm else 1.0
    pvalue = min(1.0, 2 * float(bdtr(min(benefit, harm), n, 0.5)))
    return SignTest(benefit, harm, left_out, benefit / n, low, high, pvalue, level)


def study_verdict(verdicts: Sequence[Judgement]) -> Judgement:
    """The judgement that at least 70% of a study's rows share, else ``mixed``.

    Rows that are unclear have no vote; a study with no other rows is unclear.

    References
    ----------
    Boon and Thomson (2021), doi:10.1002/jrsm.1458.

    Examples
    --------
    >>> study_verdict(["benefit"] * 7 + ["harm"] * 3)
    'benefit'
    >>> study_verdict(["benefit", "benefit", "harm"])
    'mixed'
    """
    votes = Counter(verdict for verdict in verdicts if verdict != "unclear")
    if not votes:
        return "unclear"
    winner, most = votes.most_common(1)[0]
    # Counts are compared as integers, so that 7 of 10 is 70% and not a hair below it.
    return winner if most * 100 >= round(AGREEMENT * 100) * votes.total() else "mixed"


def _columns(
    frame: pd.DataFrame, by: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of the counts table, and what to say of those left out."""
    asked = DEFAULT_BY if by is None else tuple(by)
    if len(asked) > 2 or len(set(asked)) < len(asked):
        raise UsageError(f"by takes at most two different columns; got {', '.join(asked)}")
    for column in asked:
        if column not in frame.columns:
            close = nearest(column, map(str, frame.columns))
            hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise UsageError(f"by: the table has no column {column!r}{hint}")
    blank = [column for column in asked if frame[column].isna().all()]
    if blank and by is not None:
        raise DataError(f"by: column {blank[0]!r} is blank in every row that is used")
    notes = tuple(f"{column} is blank in every row: not used for the counts" for column in blank)
    return tuple(column for column in asked if column not in blank), notes


def _check_facts(frame: pd.DataFrame) -> None:
    """Refuse words that the columns about vesicles and bone mass do not have."""
    wrong = []
    for column, words in FACT_WORDS.items():
        if column not in frame.columns:
            continue
        for row, value in frame[column].items():
            if (word := _word(value)) is not None and word not in words:
                known = ", ".join(words)
                wrong.append(f"row {row}, column {column}: {value!r} is not one of {known}")
    if wrong:
        raise DataError("; ".join(wrong))


def _lines(frame: pd.DataFrame) -> dict[int, Line]:
    """The rows of `frame` by their row number."""
    records = frame.to_dict("index")
    return {
        int(str(row)): {str(column): value for column, value in line.items()}
        for row, line in records.items()
    }


def _verdicts(frame: pd.DataFrame, table: StudyTable) -> dict[int, RowVerdict]:
    """One verdict for each row, by its row number."""
    lines = _lines(frame)
    changes: dict[int, tuple[str, str]] = {}
    wrong = []
    for row, line in lines.items():
        try:
            changes[row] = _change(line)
        except DataError as error:
            wrong.append(f"row {row}, {error}")
    if wrong:
        raise DataError("; ".join(wrong))
    if not any(basis for _, basis in changes.values()):
        raise DataError(
            "no row says in which direction its outcome went: fill in the column change "
            "(increase, decrease, no change or unclear), or give mean_treated and mean_control"
        )
    return {row: _judge(row, line, *changes[row], table=table) for row, line in lines.items()}


def _change(line: Line) -> tuple[str, str]:
    """What the outcome did under treatment, and where that is known from ("" if it is not)."""
    written = _word(line.get("change"))
    if written is not None:
        word = CHANGE_WORDS.get(written)
        if word is None:
            known = "increase, decrease, no change or unclear"
            raise DataError(f"column change: {written!r} is not {known}")
        return word, "column change"
    return _change_by_numbers(line)


def _change_by_numbers(line: Line) -> tuple[str, str]:
    for name in ("mean", "median"):
        difference = _number(line, f"{name}_treated") - _number(line, f"{name}_control")
        if np.isfinite(difference):
            return _of_sign(difference), f"{name}s"
    sign = _text(line.get("sign"))
    if sign in ("+", "-"):
        return ("increase" if sign == "+" else "decrease"), "column sign"
    return "unclear", ""


def _contradictions(frame: pd.DataFrame, verdicts: Mapping[int, RowVerdict]) -> tuple[str, ...]:
    """Rows whose column change says one direction and whose numbers say the other."""
    rows = [
        row
        for row, line in _lines(frame).items()
        if verdicts[row].basis == "column change"
        and {verdicts[row].change, _change_by_numbers(line)[0]} == {"increase", "decrease"}
    ]
    named = ", ".join(map(str, rows))
    return (f"column change says the opposite of the numbers in row {named}",) if rows else ()


def _judge(row: int, line: Line, change: str, basis: str, *, table: StudyTable) -> (
    RowVerdict
):  # fmt: skip
    outcome = str(line["outcome"])
    better = _better(line, table)
    verdict: Judgement
    reason = None
    if change == "unclear":
        verdict = "unclear"
        reason = "the table says unclear" if basis else "no change, means, medians or sign given"
    elif change == "no change":
        verdict = "no change"
    elif better is None:
        verdict = "unclear"
        reason = NO_BETTER
    else:
        good = (change == "increase") == (better == "higher")
        verdict = "benefit" if good else "harm"
    return RowVerdict(row, str(line["study"]), outcome, change, better, verdict, basis, reason)


def _better(line: Line, table: StudyTable) -> str | None:
    own = _text(line.get("better"))
    if own is not None:
        return check_option("better", own, Better)
    endpoint = table.vocabulary.find("outcome", str(line["outcome"]))
    return getattr(endpoint, "better", None)


def _studies(frame: pd.DataFrame, verdicts: Mapping[int, RowVerdict]) -> tuple[StudyVerdict, ...]:
    """One verdict for each study in `frame`, in its order."""
    rows_of: dict[str, list[int]] = {}
    for row in frame.index:
        rows_of.setdefault(verdicts[row].study, []).append(row)
    lines = _lines(frame[[column for column in FACT_WORDS if column in frame.columns]])
    found = []
    for name, rows in rows_of.items():
        own = [verdicts[row] for row in rows]
        found.append(
            StudyVerdict(
                study=name,
                rows=tuple(rows),
                verdict=study_verdict([line.verdict for line in own]),
                counts=dict(Counter(line.verdict for line in own)),
                outcomes=tuple(dict.fromkeys(line.outcome for line in own)),
                **_facts([lines[row] for row in rows]),
            )
        )
    return tuple(found)


def _facts(rows: Sequence[Line]) -> dict[str, str | None]:
    """What the rows of one study say of vesicles and bone mass.

    One row that measures skeletal bone mass in an animal given vesicles is enough for the study,
    so the words come from the row that goes furthest; `FACT_WORDS` has them in that order.
    """
    known = [column for column in FACT_WORDS if column in rows[0]]

    def rank(line: dict[str, str | None]) -> tuple[int, ...]:
        return tuple(
            FACT_WORDS[column].index(value) if (value := line[column]) else 9 for column in known
        )

    lines = [{column: _word(line[column]) for column in known} for line in rows]
    best = min(lines, key=lambda line: (sum(rank(line)), rank(line)))
    return {column: best.get(column) for column in FACT_WORDS}


def _cells(
    frame: pd.DataFrame, verdicts: Mapping[int, RowVerdict], columns: tuple[str, ...]
) -> tuple[Cell, ...]:
    """The counts table: each combination of the columns' words, with its studies."""
    if not columns:
        return ()
    words = frame[list(columns)].map(lambda value: _text(value) or BLANK)
    levels = [tuple(dict.fromkeys(words[column])) for column in columns]
    cells = []
    for combination in product(*levels):
        inside = (words == list(combination)).all(axis=1)
        cells.append(
            Cell(dict(zip(columns, combination, strict=True)), _studies(frame[inside], verdicts))
        )
    return tuple(cells)


def _of_sign(difference: float) -> str:
    if difference == 0:
        return "no change"
    return "increase" if difference > 0 else "decrease"


def _number(line: Line, column: str) -> float:
    value = line.get(column)
    return float("nan") if value is None else float(value)


def _word(value: Any) -> str | None:
    """A cell as a word in lower case; None if it is blank."""
    text = _text(value)
    return None if text is None else text.casefold()


def _text(value: Any) -> str | None:
    """A cell as text; None if it is blank."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    text = str(value).strip()
    return text or None
