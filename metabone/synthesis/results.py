"""What pooling answers with: frozen results that carry everything they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metabone.files import plain
from metabone.synthesis.shaping import Record, Summarised, effects_dict, named

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable

SCHEMA_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Estimate:
    """One pooled effect with its heterogeneity.

    Intervals are kept as half-widths' ingredients, so that any level can be asked for:
    `ci` and `pi`. I² is per cent. ``df`` is NaN where the interval is normal.

    A multilevel estimate has its variance by level in `sigma2` with profile-likelihood limits in
    `sigma2_low` and `sigma2_high` (where they were asked for), the I² of each level in
    `i2_levels`, and in `tau2` their sum, which has no limits.
    """

    k_studies: int
    k_effects: int
    n_animals: int
    estimate: float
    se: float
    df: float
    statistic: float
    pvalue: float
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    h2: float
    q: float
    q_df: int
    q_pvalue: float
    pi_df: float
    level: float
    converged: bool
    weights: Mapping[int, float] = field(repr=False)
    sigma2: Mapping[str, float] | None = None
    sigma2_low: Mapping[str, float] | None = None
    sigma2_high: Mapping[str, float] | None = None
    i2_levels: Mapping[str, float] | None = None

    def ci(self, level: float | None = None) -> tuple[float, float]:
        """Confidence interval of the mean at `level` (default: the level of the analysis)."""
        from metabone.models.intervals import interval

        return interval(self.estimate, self.se, self.df, self.level if level is None else level)

    def pi(self, level: float | None = None) -> tuple[float, float]:
        """Prediction interval for the true effect of a new study at `level`."""
        from metabone.models.intervals import interval

        spread = (self.tau2 + self.se**2) ** 0.5
        return interval(self.estimate, spread, self.pi_df, self.level if level is None else level)

    def to_dict(self) -> dict[str, Any]:
        """The estimate as JSON prints it."""
        ci_low, ci_high = self.ci()
        pi_low, pi_high = self.pi()
        values = {
            "k_studies": self.k_studies, "k_effects": self.k_effects,
            # No row says its n: that is no count of zero.
            "n_animals": self.n_animals or None, "estimate": self.estimate, "se": self.se,
            "ci_low": ci_low, "ci_high": ci_high, "df": self.df, "statistic": self.statistic,
            "pvalue": self.pvalue, "pi_low": pi_low, "pi_high": pi_high, "pi_df": self.pi_df,
            "tau2": self.tau2, "tau2_low": self.tau2_low, "tau2_high": self.tau2_high,
            "i2": self.i2, "h2": self.h2, "q": self.q, "q_df": self.q_df,
            "q_pvalue": self.q_pvalue, "sigma2": self.sigma2, "sigma2_low": self.sigma2_low,
            "sigma2_high": self.sigma2_high, "i2_levels": self.i2_levels,
            "converged": self.converged, "level": self.level,
        }  # fmt: skip
        return dict(plain(values))


@dataclass(frozen=True, slots=True)
class PartialEstimate(Record):
    """The mean of a cell, drawn to its row, its column and the overall mean (normal limits)."""

    estimate: float
    se: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class StudyMean(Record):
    """A study's own true mean as the model predicts it, and the interval of a new effect in it."""

    study: str
    estimate: float
    se: float
    pi_low: float
    pi_high: float


@dataclass(frozen=True, slots=True)
class Assumption(Record):
    """The overall answer under another assumption on what the effects share."""

    rho: float
    control: str
    estimate: float
    se: float
    df: float
    ci_low: float
    ci_high: float
    tau2: float
    chosen: bool


@dataclass(frozen=True, slots=True)
class WildAnswer(Record):
    """Cluster wild bootstrap of the overall mean: test of no effect, symmetric-t interval.

    `exact` says that all patterns of signs were gone through, so that no chance is left in it.
    """

    pvalue: float
    ci_low: float
    ci_high: float
    replicates: int
    weights: str
    exact: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Stratum:
    """One stratum: pooled, or listed with the reason why not.

    `by` names its columns and values; `rows` are the spreadsheet rows in it (empty for an empty
    cell of a two-way table). `pvalue_holm` is the p-value after Holm's correction over the pooled
    strata of the grouping. `partial` is the partially pooled mean of a cell of a two-way table.
    """

    by: Mapping[str, str]
    rows: tuple[int, ...]
    k_studies: int
    k_effects: int
    n_animals: int
    estimate: Estimate | None
    reason: str | None
    pvalue_holm: float | None = None
    partial: PartialEstimate | None = None

    @property
    def pooled(self) -> bool:
        """Whether the stratum has an estimate."""
        return self.estimate is not None

    @property
    def label(self) -> str:
        """The stratum's name for people."""
        return " × ".join(self.by.values())

    def to_dict(self) -> dict[str, Any]:
        """The stratum as JSON prints it."""
        head: dict[str, Any] = {
            "by": dict(self.by),
            "pooled": self.pooled,
            "reason": self.reason,
            "rows": list(self.rows),
            "pvalue_holm": plain(self.pvalue_holm),
            "partial": None if self.partial is None else self.partial.to_dict(),
        }
        if self.estimate is not None:
            return head | self.estimate.to_dict()
        return head | {
            "k_studies": self.k_studies,
            "k_effects": self.k_effects,
            "n_animals": self.n_animals,
        }


@dataclass(frozen=True, slots=True)
class Between(Record):
    """Test of whether the strata differ; `df2` is None for a χ² test, else the F's second df.

    `test` is ``chi2``, ``F``, or ``AHT`` (cluster-robust F).
    """

    by: tuple[str, ...]
    statistic: float
    df: float
    df2: float | None
    pvalue: float
    test: str


@dataclass(frozen=True, slots=True)
class PoolResult(Summarised):
    """A pooled answer: overall, by stratum, between strata."""

    effects: EffectTable
    outcome: str
    overall: Estimate
    strata: tuple[Stratum, ...]
    between: tuple[Between, ...]
    model: str
    tau2_method: str
    ci_method: str
    pi_method: str
    strata_tau2: str
    level: float
    warnings: tuple[str, ...]
    version: str
    model_reason: str = ""
    control: str | None = None
    rho: float | None = None
    rho_table: tuple[Mapping[str, Any], ...] = ()
    time_decay: float | None = None
    random: tuple[str, ...] = ()
    wild: WildAnswer | None = None
    studies: tuple[StudyMean, ...] = ()
    assumptions: tuple[Assumption, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "metabone_version": self.version,
            "outcome": self.outcome,
            **effects_dict(self.effects),
            **named(
                self, "model", "model_reason", "tau2_method", "ci_method", "pi_method",
                "strata_tau2", "level", "rho", "control", "rho_table", "time_decay", "random",
            ),
            "synthetic": self.effects.synthetic,
            "overall": self.overall.to_dict(),
            "strata": [stratum.to_dict() for stratum in self.strata],
            "between": [test.to_dict() for test in self.between],
            "wild": None if self.wild is None else self.wild.to_dict(),
            "studies": [one.to_dict() for one in self.studies],
            "assumptions": [one.to_dict() for one in self.assumptions],
            "warnings": list(self.warnings),
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: one row for the overall answer, then one for each stratum."""
        import pandas as pd

        rows = [{"by": "", "stratum": "overall", "pooled": True} | self.overall.to_dict()]
        for stratum in self.strata:
            line = stratum.to_dict()
            line.pop("rows")
            line |= {f"partial_{key}": value for key, value in (line.pop("partial") or {}).items()}
            by = line.pop("by")
            rows.append({"by": " × ".join(by), "stratum": stratum.label} | line)
        return pd.DataFrame([_flat(row) for row in rows])

    def summary(self) -> str:
        """The answer for people, as plain text."""
        from metabone.synthesis.summary import summarise_pool

        return summarise_pool(self)


_BY_LEVEL = ("sigma2", "sigma2_low", "sigma2_high", "i2_levels")


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Values by level as columns of their own, e.g. ``sigma2_study``."""
    flat = {key: value for key, value in row.items() if key not in _BY_LEVEL}
    for key in _BY_LEVEL:
        flat |= {f"{key}_{level}": value for level, value in (row.get(key) or {}).items()}
    return flat
