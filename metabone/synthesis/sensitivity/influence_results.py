"""What the answer owes to each study or effect: refits without it, influence, Baujat's plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metabone.files import plain
from metabone.synthesis.results import Estimate
from metabone.synthesis.shaping import Record, flat_frame, named

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable


@dataclass(frozen=True, slots=True)
class RefitLine:
    """The pooled answer of some of the effects.

    `label` names the study or effect that this refit leaves out, or that it adds to those before;
    `rows` are its spreadsheet rows. `value` is what a cumulative analysis is ordered by, as text.
    Where the rest cannot give the answer the numbers are NaN and `reason` says why.
    """

    label: str
    study: str
    rows: tuple[int, ...]
    k_studies: int
    k_effects: int
    estimate: float
    se: float
    df: float
    ci_low: float
    ci_high: float
    pvalue: float
    tau2: float
    i2: float
    q: float
    value: str | None = None
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON prints it."""
        return named(
            self,
            "label", "study", "rows", "value", "k_studies", "k_effects", "estimate", "se", "df",
            "ci_low", "ci_high", "pvalue", "tau2", "i2", "q", "reason",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refits:
    """The answer without each study or effect, or as evidence came in.

    Parameters
    ----------
    kind : ``leave_one_out`` or ``cumulative``.
    by : ``study`` or ``effect``; of a cumulative analysis ``year``, ``precision``, ``quality`` or
        the column that it is ordered by.
    overall : the answer of all effects.
    level : level of the intervals.
    """

    kind: str
    by: str
    lines: tuple[RefitLine, ...]
    overall: Estimate
    effects: EffectTable = field(repr=False)
    level: float
    model: str

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest estimate; NaN if there is none."""
        found = [line.estimate for line in self.lines if line.estimate == line.estimate]
        return (min(found), max(found)) if found else (float("nan"), float("nan"))

    def to_dict(self) -> dict[str, Any]:
        """The refits as JSON prints them."""
        low, high = self.range
        return {
            "kind": self.kind,
            "by": self.by,
            "estimate_min": plain(low),
            "estimate_max": plain(high),
            "lines": [line.to_dict() for line in self.lines],
        }

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row for each refit."""
        return flat_frame([line.to_dict() for line in self.lines])


@dataclass(frozen=True, slots=True)
class InfluenceLine:
    """How one effect, or one study with all its effects, sways the pooled mean.

    Attributes
    ----------
    label, study, rows, row : whose; `row` is the first of its spreadsheet rows.
    rstudent : externally standardised residual (of the study's mean, where it is a study).
    dffits : change of the mean in standard errors of its part in it.
    cook_d : squared change of the mean over its variance.
    cov_ratio : variance of the mean without it over that with it.
    hat, weight : leverage, and weight in per cent.
    dfbetas : change of the mean over its standard error with the heterogeneity of the rest.
    tau2_deleted, q_deleted : heterogeneity of the rest.
    flags : which of the measures lie beyond their threshold.
    """

    label: str
    row: int
    study: str
    rows: tuple[int, ...]
    rstudent: float
    dffits: float
    cook_d: float
    cov_ratio: float
    hat: float
    weight: float
    dfbetas: float
    tau2_deleted: float
    q_deleted: float
    flags: tuple[str, ...]

    @property
    def influential(self) -> bool:
        """Whether any of the measures lies beyond its threshold."""
        return bool(self.flags)

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON prints it."""
        return named(
            self,
            "label", "study", "rows", "rstudent", "dffits", "cook_d", "cov_ratio", "hat",
            "weight", "dfbetas", "tau2_deleted", "q_deleted", "influential", "flags",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class InfluenceResult:
    """Influence of each effect or study; `thresholds` by measure, those that flags go by."""

    by: str
    lines: tuple[InfluenceLine, ...]
    thresholds: Mapping[str, float]
    overall: Estimate
    effects: EffectTable = field(repr=False)
    model: str

    @property
    def influential(self) -> tuple[InfluenceLine, ...]:
        """The lines with any flag."""
        return tuple(line for line in self.lines if line.flags)

    def to_dict(self) -> dict[str, Any]:
        """The diagnostics as JSON prints them."""
        return {
            "by": self.by,
            "thresholds": plain(self.thresholds),
            "lines": [line.to_dict() for line in self.lines],
        }

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row for each effect or study."""
        return flat_frame([line.to_dict() for line in self.lines])


@dataclass(frozen=True, slots=True)
class BaujatPoint(Record):
    """One effect or study: its part in Q, and how far the mean moves without it."""

    label: str
    row: int
    study: str
    q: float
    influence: float


@dataclass(frozen=True, slots=True)
class BaujatResult:
    """Where heterogeneity comes from, and whether it matters for the mean."""

    by: str
    points: tuple[BaujatPoint, ...]
    overall: Estimate
    effects: EffectTable = field(repr=False)
    model: str

    def to_dict(self) -> dict[str, Any]:
        """The points as JSON prints them."""
        return {"by": self.by, "points": [point.to_dict() for point in self.points]}

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row for each point."""
        return flat_frame([point.to_dict() for point in self.points])
