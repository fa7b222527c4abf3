"""What pooled answers become when rows that are suspected are corrected together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from metabone.effects.escalc import escalc
from metabone.errors import MetaboneError
from metabone.extraction.audit.results import Suspicion
from metabone.extraction.table import Exclusion, StudyTable
from metabone.extraction.where import select
from metabone.files import plain
from metabone.synthesis.results import Estimate
from metabone.synthesis.univariate import Univariate


@dataclass(frozen=True, slots=True)
class Change:
    """One outcome's pooled answer as the table stands, and with suspected rows put right.

    Parameters
    ----------
    outcome : the outcome that is pooled; empty where the suspicion is about no row.
    measure : effect measure.
    as_is : pooled effect of the table as it stands; NaN where it cannot be pooled.
    se : its standard error.
    corrected : with the suspected rows corrected; NaN where a row has no single correction.
    left_out : without the suspected rows.
    reason : why a number is missing, or None.
    """

    outcome: str
    measure: str
    as_is: float = math.nan
    se: float = math.nan
    corrected: float = math.nan
    left_out: float = math.nan
    reason: str | None = None

    @property
    def is_corrected(self) -> bool:
        """Whether the rows can be corrected, and not only be left out."""
        return math.isfinite(self.corrected)

    @property
    def after(self) -> float:
        """The pooled effect with the rows corrected, or else without them."""
        return self.corrected if self.is_corrected else self.left_out

    @property
    def shift(self) -> float:
        """How far the pooled effect would move, in its standard errors; 0 where not known."""
        moved = abs(self.after - self.as_is) / self.se if self.se > 0 else math.nan
        return moved if math.isfinite(moved) else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON prints it."""
        names = ("outcome", "measure", "as_is", "se", "corrected", "left_out", "reason")
        return {name: plain(getattr(self, name)) for name in names}


def corrected_together(
    table: StudyTable, suspicions: Sequence[Suspicion], measure: str = "SMD"
) -> tuple[Change, ...]:
    """Pool each outcome that suspected rows are of: as it is, corrected, and without these rows.

    The rows of one outcome are put right all at once. Effects are pooled by random effects (REML)
    as if they were independent: it says how far a slip moves an answer, not what the answer is.

    Parameters
    ----------
    table : as it was read; it is not changed.
    suspicions : of any rows; those about no row are left aside.
    measure : effect measure to pool.

    Returns
    -------
    One change for each outcome, the largest shift first.

    Examples
    --------
    >>> from metabone import read_table
    >>> from metabone.extraction.audit.audit import audit
    >>> table = read_table("anabolic")
    >>> corrected_together(table, [])
    ()
    """
    by_outcome: dict[str, list[Suspicion]] = {}
    for one in suspicions:
        outcome = None if one.row is None else table.frame.at[one.row, "outcome"]
        if isinstance(outcome, str):
            by_outcome.setdefault(outcome, []).append(one)
    changes = [_change(table, outcome, found, measure) for outcome, found in by_outcome.items()]
    return tuple(sorted(changes, key=lambda change: -change.shift))


def _change(
    table: StudyTable, outcome: str, suspicions: Sequence[Suspicion], measure: str
) -> Change:
    own = table.keep(table.frame["outcome"] == outcome)
    rows = {one.row for one in suspicions if one.row is not None}
    try:
        now = _pooled(own, measure, rows)
    except MetaboneError as error:
        return Change(outcome, measure, reason=str(error))
    fixed = _corrected(own, suspicions)
    after, reason = _try(fixed, measure) if fixed is not None else (math.nan, None)
    without = own.set_aside(Exclusion(row, "suspected") for row in sorted(rows))
    left_out, missing = _try(without, measure)
    return Change(
        outcome, measure, now.estimate, now.se, after, left_out, reason=reason or missing
    )  # fmt: skip


def _corrected(table: StudyTable, suspicions: Sequence[Suspicion]) -> StudyTable | None:
    """The table with every correction made; None if one of the rows has none."""
    if any(one.correction is None for one in suspicions):
        return None
    frame = table.frame.copy()
    for one in suspicions:
        for name, value in (one.correction or {}).items():
            frame.at[one.row, name] = value
    return replace(table, frame=frame)


def _try(table: StudyTable, measure: str) -> tuple[float, str | None]:
    try:
        return _pooled(table, measure).estimate, None
    except MetaboneError as error:
        return math.nan, str(error)


def _pooled(table: StudyTable, measure: str, needed: set[int] | None = None) -> Estimate:
    """The pooled effect of one outcome.

    Raises
    ------
    DataError
        If there is no effect of two rows or more, or none of the rows that are `needed`.
    """
    from metabone.errors import DataError

    effects = escalc(select(table, on_error="exclude"), measure)
    frame = effects.frame
    if needed is not None and not needed & set(frame.index):
        raise DataError("the suspected rows give no effect size, so they change no answer")
    if len(frame) < 2:
        raise DataError("one effect alone is not pooled")
    return Univariate("REML", "hksj", "t_k_minus_1", 0.95).pool(frame)
