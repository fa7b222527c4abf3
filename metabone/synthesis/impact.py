"""What a suspicion about a row would change in the pooled answer: as it is, corrected, left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.effects.escalc import escalc
from metabone.errors import DataError, ModelError
from metabone.extraction.table import Exclusion
from metabone.models.random_effects import random_effects
from metabone.options import Measure, check_option

if TYPE_CHECKING:
    import pandas as pd

    from metabone.extraction.audit.results import Suspicion
    from metabone.extraction.table import StudyTable

#: Row (None for several), rows, code.
_Group = tuple[int | None, tuple[int, ...], str]
#: Corrected copies of rows are numbered from here, above any row of a spreadsheet.
_COPIES = 1 << 40
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled answer: estimate, 95% confidence limits, number of effects."""

    estimate: float
    ci_low: float
    ci_high: float
    k: int

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        return {
            "estimate": self.estimate, "ci_low": self.ci_low, "ci_high": self.ci_high, "k": self.k,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImpactLine:
    """What one suspicion, or all of one code in an outcome, would change.

    Parameters
    ----------
    row : the row that is suspected; None where the line is about all rows of the code.
    rows : the rows that are corrected or left out.
    code, outcome : of the suspicion and its row.
    as_is, corrected, left_out : the pooled answers; None where there is none, see `reason`.
    reason : why an answer is missing; empty where none is.
    """

    row: int | None
    rows: tuple[int, ...]
    code: str
    outcome: str | None
    as_is: Pooled | None
    corrected: Pooled | None
    left_out: Pooled | None
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON prints it."""
        answers = {name: getattr(self, name) for name in ("as_is", "corrected", "left_out")}
        return {
            "row": self.row, "rows": list(self.rows), "code": self.code, "outcome": self.outcome,
            **{name: None if one is None else one.to_dict() for name, one in answers.items()},
            "reason": self.reason,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Impact:
    """What the suspicions would change.

    Parameters
    ----------
    measure : effect measure.
    lines : one for each suspicion, in the order given.
    together : one for each code and outcome with at least two rows: all of them at once.
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
class _Change:
    """One data set to pool: rows that change, and to which copies (None: only left out)."""

    rows: tuple[int, ...]
    copies: tuple[int, ...] | None


def impact(
    table: StudyTable, suspicions: Sequence[Suspicion], measure: str = "SMD", *, most: int = 200
) -> Impact:
    """Pool each outcome with the suspected row as it is, corrected and left out.

    A quick look at the size of the change, not the analysis: every effect counts as independent
    (REML, Hartung-Knapp), whatever rows share, and rows with errors are left out.

    Parameters
    ----------
    table : the table that the suspicions are about.
    suspicions : as `metabone.extraction.audit.audit.audit` returns them.
    measure : effect measure.
    most : how many suspicions of one outcome are looked at, the first ones; the others get a line
        that says so.

    Raises
    ------
    UsageError
        For an unknown measure.

    Examples
    --------
    >>> from metabone import read_table
    >>> from metabone.extraction.audit.audit import audit
    >>> table = read_table("anabolic")
    >>> found = [each for each in audit(table) if each.code == "sd-as-sem"]
    >>> impact(table, found).lines[0].code
    'sd-as-sem'
    """
    measure = check_option("measure", measure, Measure)
    lines: list[ImpactLine | None] = [None] * len(suspicions)
    by_outcome: dict[str, list[int]] = {}
    for i, found in enumerate(suspicions):
        outcome = _outcome(table, found)
        if outcome is None:
            lines[i] = _missing(found, None, "the suspicion is about no single row with an outcome")
        elif len(by_outcome.setdefault(outcome, [])) >= most:
            lines[i] = _missing(
                found, outcome, f"only the first {most} of an outcome are looked at"
            )
        else:
            by_outcome[outcome].append(i)
    together: list[ImpactLine] = []
    for outcome, places in by_outcome.items():
        mine = [suspicions[i] for i in places]
        told, joint = _of_outcome(table, outcome, mine, measure)
        for i, line in zip(places, told, strict=True):
            lines[i] = line
        together += joint
    return Impact(measure, tuple(line for line in lines if line is not None), tuple(together))


def _outcome(table: StudyTable, found: Suspicion) -> str | None:
    if found.row is None or found.row not in table.frame.index:
        return None
    outcome = table.frame.at[found.row, "outcome"]
    return outcome if isinstance(outcome, str) else None


def _missing(found: Suspicion, outcome: str | None, reason: str) -> ImpactLine:
    rows = () if found.row is None else (found.row,)
    return ImpactLine(found.row, rows, found.code, outcome, None, None, None, reason)


def _of_outcome(
    table: StudyTable, outcome: str, found: Sequence[Suspicion], measure: str
) -> tuple[list[ImpactLine], list[ImpactLine]]:
    """Lines of the suspicions of one outcome, and of its codes together."""
    part = table.keep(table.frame["outcome"] == outcome)
    bad = {each.row for each in part.errors if each.row is not None}
    part = part.set_aside(Exclusion(row, "an error of checking") for row in sorted(bad))
    wide = _with_copies(part, outcome, found)
    try:
        effects = escalc(wide, measure)
    except DataError as error:
        return [_missing(each, outcome, str(error)) for each in found], []
    rows = effects.frame.index.to_numpy()
    own = rows[rows < _COPIES]
    values = {int(row): (y, v) for row, y, v in zip(rows, effects.yi, effects.vi, strict=True)}
    groups: list[_Group] = [(each.row, (int(each.row or 0),), each.code) for each in found]
    copies: list[tuple[int, ...] | None] = [
        (_COPIES + i,) if _same_outcome(each, outcome) else None for i, each in enumerate(found)
    ]
    by_code: dict[str, dict[int, int]] = {}
    for i, each in enumerate(found):
        by_code.setdefault(each.code, {}).setdefault(int(each.row or 0), i)
    joint = {code: members for code, members in by_code.items() if len(members) > 1}
    for code, members in joint.items():
        groups.append((None, tuple(members), code))
        whole = all(copies[i] is not None for i in members.values())
        copies.append(tuple(_COPIES + i for i in members.values()) if whole else None)
    told = _lines(own, values, outcome, groups, copies)
    return told[: len(found)], told[len(found) :]


def _same_outcome(found: Suspicion, outcome: str) -> bool:
    """Whether the row has a correction that leaves it in its outcome."""
    return found.correction is not None and found.correction.get("outcome", outcome) == outcome


def _with_copies(part: StudyTable, outcome: str, found: Sequence[Suspicion]) -> StudyTable:
    """The rows, and below them a corrected copy for each suspicion that has a correction."""
    import pandas as pd

    frames, index = [], []
    for i, each in enumerate(found):
        if _same_outcome(each, outcome):
            row = part.frame.loc[[each.row]].copy()
            for name, value in (each.correction or {}).items():
                if name in row:
                    row[name] = pd.Series([value], index=row.index, dtype=row[name].dtype)
            frames.append(row)
            index.append(_COPIES + i)
    if not frames:
        return part
    copies = pd.concat(frames).set_axis(index, axis=0)
    return replace(part, frame=pd.concat([part.frame, copies]), findings=())


def _lines(
    own: NDArray[Any], values: Mapping[int, tuple[float, float]], outcome: str,
    groups: Sequence[_Group],
    copies: Sequence[tuple[int, ...] | None],
) -> list[ImpactLine]:  # fmt: skip
    base = _pool(own, values, [_Change((), None)])[0]
    rows = [group[1] for group in groups]
    out = _pool(own, values, [_Change(each, None) for each in rows])
    can = [
        copy is not None and set(each) <= values.keys() and set(copy) <= values.keys()
        for each, copy in zip(rows, copies, strict=True)
    ]
    fixes = [_Change(r, c) for r, c, good in zip(rows, copies, can, strict=True) if good]
    corrected = iter(_pool(own, values, fixes))
    lines = []
    for group, each, copy, good, less in zip(groups, rows, copies, can, out, strict=True):
        fixed = next(corrected) if good else None
        used = set(each) <= values.keys()
        reason = _reason(used, copy is not None, fixed, less, base)
        lines.append(
            ImpactLine(
                group[0], each, group[2], outcome, base, fixed, less if used else None, reason
            )
        )
    return lines


def _reason(
    used: bool, has_copy: bool, fixed: Pooled | None, less: Pooled | None, base: Pooled | None
) -> str:
    if base is None:
        return "fewer than two effects of the outcome, or the model does not converge"
    if not used:
        return "the row gives no effect, so it changes nothing as it is"
    reasons = []
    if not has_copy:
        reasons.append("no single correction follows")
    elif fixed is None:
        reasons.append("corrected, the row gives no effect")
    if less is None:
        reasons.append("without it fewer than two effects stay")
    return "; ".join(reasons)


def _pool(
    own: NDArray[Any], values: Mapping[int, tuple[float, float]], changes: Sequence[_Change]
) -> list[Pooled | None]:
    """Pool every changed data set at once, a chunk at a time."""
    answers: list[Pooled | None] = []
    for start in range(0, len(changes), _CHUNK):
        answers += _chunk(own, values, changes[start : start + _CHUNK])
    return answers


def _chunk(
    own: NDArray[Any], values: Mapping[int, tuple[float, float]], changes: Sequence[_Change]
) -> list[Pooled | None]:
    place = {int(row): i for i, row in enumerate(own)}
    start = np.array([values[int(row)] for row in own], dtype=float).reshape(-1, 2)
    y, v = (np.tile(start[:, j], (len(changes), 1)) for j in (0, 1))
    include = np.ones(y.shape, dtype=bool)
    for i, change in enumerate(changes):
        for j, row in enumerate(change.rows):
            if row not in place:
                continue
            if change.copies is None:
                include[i, place[row]] = False
            else:
                y[i, place[row]], v[i, place[row]] = values[change.copies[j]]
    enough = np.flatnonzero(include.sum(axis=1) >= 2)
    answers: list[Pooled | None] = [None] * len(changes)
    if not len(enough):
        return answers
    try:
        fit = random_effects(y[enough], v[enough], include=include[enough])
    except ModelError:
        return answers
    low, high = fit.ci(0.95)
    for at, i in enumerate(enough.tolist()):
        if fit.converged[at]:
            answers[i] = Pooled(
                float(fit.coef[at, 0]), float(low[at, 0]), float(high[at, 0]), int(fit.k[at])
            )
    return answers
