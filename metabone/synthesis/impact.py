"""What a suspicion about a row would change in the pooled answer: as it is, corrected, left out."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from metabone.effects.escalc import escalc
from metabone.errors import DataError
from metabone.extraction.table import Exclusion
from metabone.extraction.where import select
from metabone.models.random_effects import random_effects
from metabone.options import Measure, check_option
from metabone.synthesis.shaping import Record

if TYPE_CHECKING:
    import pandas as pd

    from metabone.extraction.audit.results import Suspicion
    from metabone.extraction.table import StudyTable

#: Corrected copies of rows are numbered from here, above any row of a spreadsheet.
_COPIES = 1 << 40
# So many effects, of all data sets that are pooled at once, are held in memory.
_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True)
class Pooled(Record):
    """A pooled answer: estimate, standard error, 95% confidence limits, number of effects."""

    estimate: float
    se: float
    ci_low: float
    ci_high: float
    k: int


@dataclass(frozen=True, slots=True)
class ImpactLine(Record):
    """What one suspicion, or all of one code in an outcome, would change.

    Parameters
    ----------
    row : the row that is suspected; None where there are several, or none.
    rows : the rows that are corrected or left out.
    code, outcome : of the suspicion and its row.
    measure : effect measure.
    as_is, corrected, left_out : the pooled answers; None where there is none, see `reason`.
    reason : why an answer is missing; empty where none is.
    """

    row: int | None
    rows: tuple[int, ...]
    code: str
    outcome: str | None
    measure: str
    as_is: Pooled | None = None
    corrected: Pooled | None = None
    left_out: Pooled | None = None
    reason: str = ""

    @property
    def after(self) -> Pooled | None:
        """The answer with the rows corrected, or else without them."""
        return self.corrected or self.left_out

    @property
    def shift(self) -> float:
        """How far the estimate would move, in its standard errors; 0 where that is not known."""
        if self.as_is is None or self.after is None or not self.as_is.se > 0:
            return 0.0
        return abs(self.after.estimate - self.as_is.estimate) / self.as_is.se


@dataclass(frozen=True, slots=True)
class Impact:
    """What the suspicions would change.

    Parameters
    ----------
    measure : effect measure.
    lines : one for each suspicion, in the order given.
    together : one for each code and outcome: all of its rows at once.
    """

    measure: str
    lines: tuple[ImpactLine, ...]
    together: tuple[ImpactLine, ...]

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        return {
            "measure": self.measure,
            "lines": [line.to_dict() for line in self.lines],
            "together": [line.to_dict() for line in self.together],
        }

    def to_frame(self) -> pd.DataFrame:
        """One line for each suspicion: row, code, outcome, three estimates with their limits."""
        import pandas as pd

        records = []
        for line in self.lines:
            record: dict[str, Any] = {"row": line.row, "code": line.code, "outcome": line.outcome}
            for name in ("as_is", "corrected", "left_out"):
                one = getattr(line, name)
                for part in ("estimate", "ci_low", "ci_high"):
                    record[f"{name}_{part}"] = math.nan if one is None else getattr(one, part)
            records.append({**record, "reason": line.reason})
        return pd.DataFrame.from_records(records)


@dataclass(frozen=True, slots=True)
class _Question:
    """Rows of one outcome suspected of one thing, and what each would be; None where unknown."""

    rows: tuple[int, ...]
    code: str
    fixes: tuple[Mapping[str, Any], ...] | None


@dataclass(frozen=True, slots=True)
class _Change:
    """One data set to pool: rows that change, and to which copies (None: they are left out)."""

    rows: tuple[int, ...]
    copies: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class _Effects:
    """Rows of one outcome that give an effect as they are; (yi, vi) of these and of copies."""

    own: tuple[int, ...]
    values: Mapping[int, tuple[float, float]]


def impact(
    table: StudyTable,
    suspicions: Sequence[Suspicion],
    measure: str = "SMD",
    *,
    most: int = 200,
    most_outcomes: int = 200,
) -> Impact:
    """Pool each outcome with suspected rows as they are, corrected and left out.

    A quick look at the size of the change, not the analysis: every effect counts as independent
    (REML, Hartung-Knapp), whatever rows share. Rows with errors or with a reason in ``exclude``
    are left out, and a row that gives no effect as it is gives none corrected.

    Parameters
    ----------
    table : the table that the suspicions are about; it is not changed.
    suspicions : as `metabone.extraction.audit.audit.audit` returns them.
    measure : effect measure.
    most : how many suspicions are looked at one by one, the first ones; the others get a line
        that says so. Together with those of their code they all are.
    most_outcomes : how many outcomes are looked at, those of the first suspicions.

    Raises
    ------
    UsageError
        For an unknown measure.

    Examples
    --------
    >>> from metabone import read_table
    >>> from metabone.extraction.audit.audit import audit
    >>> table = read_table("exosome-synthetic")
    >>> line = impact(table, audit(table)).lines[0]
    >>> line.code, round(line.as_is.estimate, 3), round(line.corrected.estimate, 3)
    ('sem-as-sd', -0.654, -0.647)
    """
    measure = check_option("measure", measure, Measure)
    lines = [_missing(each, None, measure, "") for each in suspicions]
    by_outcome: dict[str, list[int]] = {}
    for i, outcome in enumerate(_outcomes(table, suspicions)):
        reason = "the suspicion is about no single row with an outcome"
        if outcome is not None and (outcome in by_outcome or len(by_outcome) < most_outcomes):
            by_outcome.setdefault(outcome, []).append(i)
            reason = f"only the first {most} suspicions are looked at one by one"
        elif outcome is not None:
            reason = f"only the first {most_outcomes} outcomes are looked at"
        lines[i] = _missing(suspicions[i], outcome, measure, reason)
    alone = set(sorted(i for places in by_outcome.values() for i in places)[: max(0, most)])
    together: list[ImpactLine] = []
    for outcome, part in _parts(table, by_outcome):
        places = by_outcome[outcome]
        singly = [i for i in places if i in alone]
        told = _of_outcome(
            part, outcome, [suspicions[i] for i in singly], [suspicions[i] for i in places], measure
        )
        for i, line in zip(singly, told[: len(singly)], strict=True):
            lines[i] = line
        together += told[len(singly) :]
    return Impact(measure, tuple(lines), tuple(together))


def _outcomes(table: StudyTable, suspicions: Sequence[Suspicion]) -> list[str | None]:
    """The outcome of the row of each suspicion."""
    known = dict(zip(table.frame.index.tolist(), table.frame["outcome"].tolist(), strict=True))
    found = (known.get(each.row) if each.row is not None else None for each in suspicions)
    return [outcome if isinstance(outcome, str) else None for outcome in found]


def _missing(found: Suspicion, outcome: str | None, measure: str, reason: str) -> ImpactLine:
    rows = () if found.row is None else (found.row,)
    return ImpactLine(found.row, rows, found.code, outcome, measure, reason=reason)


def _parts(table: StudyTable, outcomes: Collection[str]) -> Iterator[tuple[str, StudyTable]]:
    """The rows of each outcome, those that cannot be pooled set aside."""
    if not outcomes:
        return
    table = replace(select(table, on_error="exclude"), findings=())
    aside = {line.row: line for line in table.excluded}
    groups = table.frame.groupby("outcome", sort=False)
    for outcome in outcomes:
        frame = groups.get_group(outcome)
        excluded = tuple(aside[row] for row in frame.index.tolist() if row in aside)
        yield outcome, replace(table, frame=frame, excluded=excluded, selected=len(frame))


def _of_outcome(
    part: StudyTable, outcome: str, singly: Sequence[Suspicion], found: Sequence[Suspicion],
    measure: str,
) -> list[ImpactLine]:  # fmt: skip
    """Lines of the suspicions that are looked at one by one, then of each code of all of them."""
    questions = [_question([each], outcome) for each in singly]
    by_code: dict[str, list[Suspicion]] = {}
    for each in found:
        by_code.setdefault(each.code, []).append(each)
    asked = list(range(len(singly)))
    for alike in by_code.values():
        same = [i for i, each in enumerate(singly) if len(alike) == 1 and each is alike[0]]
        asked.append(same[0] if same else len(questions))
        if not same:
            questions.append(_question(alike, outcome))
    wide, copies = _with_copies(part, questions)
    try:
        effects = _effects(part, wide, measure)
    except DataError as error:
        told = [_line(question, outcome, measure, reason=str(error)) for question in questions]
    else:
        told = _lines(effects, outcome, measure, questions, copies)
    return [told[i] for i in asked]


def _question(alike: Sequence[Suspicion], outcome: str) -> _Question:
    """Suspicions of one code; a row suspected twice is corrected in everything at once."""
    fixes: dict[int, dict[str, Any]] = {}
    known = True
    for each in alike:
        fix = each.correction
        known = known and fix is not None and fix.get("outcome", outcome) == outcome
        fixes.setdefault(int(each.row or 0), {}).update(fix or {})
    return _Question(tuple(fixes), alike[0].code, tuple(fixes.values()) if known else None)


def _with_copies(
    part: StudyTable, questions: Sequence[_Question]
) -> tuple[StudyTable, list[tuple[int, ...] | None]]:
    """The rows with a corrected copy of each that is asked about, and the copies' numbers."""
    import pandas as pd

    rows: list[int] = []
    columns = set(part.frame.columns)
    cells: dict[str, tuple[list[int], list[Any]]] = {}
    numbers: list[tuple[int, ...] | None] = []
    for question in questions:
        if question.fixes is None:
            numbers.append(None)
            continue
        numbers.append(tuple(range(_COPIES + len(rows), _COPIES + len(rows) + len(question.rows))))
        for row, fix in zip(question.rows, question.fixes, strict=True):
            for name in fix.keys() & columns:
                places, values = cells.setdefault(name, ([], []))
                places.append(len(rows))
                values.append(fix[name])
            rows.append(row)
    if not rows:
        return part, numbers
    copies = part.frame.loc[rows].set_axis(range(_COPIES, _COPIES + len(rows)), axis=0)
    for name, (places, values) in cells.items():
        column = copies[name].copy()
        column.iloc[places] = pd.Series(values, dtype=column.dtype).array
        copies[name] = column
    aside = {line.row: line.reason for line in part.excluded}
    excluded = tuple(
        Exclusion(_COPIES + i, aside[row]) for i, row in enumerate(rows) if row in aside
    )
    wide = pd.concat([part.frame, copies])
    return replace(part, frame=wide, excluded=(*part.excluded, *excluded)), numbers


def _effects(part: StudyTable, wide: StudyTable, measure: str) -> _Effects:
    """The effects of the rows and of their copies.

    Raises
    ------
    DataError
        If the rows themselves give none, or are refused.
    """
    try:
        frame = escalc(wide, measure).frame
    except DataError:
        # A copy may be refused where the row is not, and no message names the number of a copy.
        frame = escalc(part, measure).frame
    rows = frame.index.tolist()
    pairs = zip(frame["yi"].tolist(), frame["vi"].tolist(), strict=True)
    own = tuple(row for row in rows if row < _COPIES)
    return _Effects(own, dict(zip(rows, pairs, strict=True)))


def _line(question: _Question, outcome: str, measure: str, **told: Any) -> ImpactLine:
    row = question.rows[0] if len(question.rows) == 1 else None
    return ImpactLine(row, question.rows, question.code, outcome, measure, **told)


def _lines(
    effects: _Effects, outcome: str, measure: str, questions: Sequence[_Question],
    copies: Sequence[tuple[int, ...] | None],
) -> list[ImpactLine]:  # fmt: skip
    """The answers to the questions of one outcome, pooled in two batches."""
    own = set(effects.own)
    changes, without = [], []
    for question, numbers in zip(questions, copies, strict=True):
        used = [at for at, row in enumerate(question.rows) if row in own]
        rows = tuple(question.rows[at] for at in used)
        without.append(_Change(rows, None))
        fixed = None if numbers is None else tuple(numbers[at] for at in used)
        whole = fixed is not None and all(copy in effects.values for copy in fixed)
        changes.append(_Change(rows, fixed) if rows and whole else None)
    base = _pool(effects, [_Change((), None)])[0]
    left_out = _pool(effects, without)
    corrected = iter(_pool(effects, [change for change in changes if change is not None]))
    lines = []
    for question, change, less, aside in zip(questions, changes, left_out, without, strict=True):
        fixed_answer = None if change is None else next(corrected)
        told = {"as_is": base, "corrected": fixed_answer, "left_out": less if aside.rows else None}
        reason = _reason(question, len(own), bool(aside.rows), change is not None, told)
        lines.append(_line(question, outcome, measure, **told, reason=reason))
    return lines


def _reason(
    question: _Question, k: int, used: bool, fixed: bool, told: Mapping[str, Pooled | None]
) -> str:
    """Why an answer is missing."""
    rows = "the row gives" if len(question.rows) == 1 else "the rows give"
    if not used:
        return f"{rows} no effect, so nothing is changed"
    if told["as_is"] is None:
        return "one effect alone is not pooled" if k < 2 else "the model does not converge"
    reasons = []
    if question.fixes is None:
        reasons.append("no single correction follows")
    elif not fixed:
        reasons.append("corrected, a row gives no effect")
    elif told["corrected"] is None:
        reasons.append("corrected, the model does not converge")
    if told["left_out"] is None:
        reasons.append(f"without {rows.split(' give')[0]} fewer than two effects stay, or "
                       "the model does not converge")  # fmt: skip
    return "; ".join(reasons)


def _pool(effects: _Effects, changes: Sequence[_Change]) -> list[Pooled | None]:
    """Pool every changed data set, as many at once as fit in memory."""
    if len(effects.own) < 2:
        return [None] * len(changes)
    step = max(1, _AT_ONCE // len(effects.own))
    answers: list[Pooled | None] = []
    for start in range(0, len(changes), step):
        answers += _chunk(effects, changes[start : start + step])
    return answers


def _chunk(effects: _Effects, changes: Sequence[_Change]) -> list[Pooled | None]:
    place = {row: i for i, row in enumerate(effects.own)}
    start = np.array([effects.values[row] for row in effects.own], dtype=float)
    y, v = (np.tile(start[:, j], (len(changes), 1)) for j in (0, 1))
    include = np.ones(y.shape, dtype=bool)
    for i, change in enumerate(changes):
        at = [place[row] for row in change.rows]
        if change.copies is None:
            include[i, at] = False
        elif at:
            y[i, at], v[i, at] = np.array([effects.values[copy] for copy in change.copies]).T
    enough = np.flatnonzero(include.sum(axis=1) >= 2)
    answers: list[Pooled | None] = [None] * len(changes)
    if not len(enough):
        return answers
    fit = random_effects(y[enough], v[enough], include=include[enough])
    low, high = fit.ci(0.95)
    for at_fit, i in enumerate(enough.tolist()):
        if fit.converged[at_fit]:
            mean, se, left, right = (
                float(each[at_fit, 0]) for each in (fit.coef, fit.se, low, high)
            )
            answers[i] = Pooled(mean, se, left, right, int(fit.k[at_fit]))
    return answers
