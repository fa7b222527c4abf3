"""What pooling several outcomes together answers with: frozen, with everything it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metabone.files import plain
from metabone.synthesis.results import SCHEMA_VERSION, Estimate
from metabone.synthesis.shaping import Record, Summarised, effects_dict

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from metabone.effects.table import EffectTable

_ALONE = ("estimate", "se", "df", "pvalue", "ci_low", "ci_high", "tau2", "i2")


@dataclass(frozen=True, slots=True)
class OutcomeEstimate:
    """The mean of one outcome in the model of all.

    Attributes
    ----------
    better : which way is good for the animal on the scale of the effect, if it is known.
    unit : of a mean difference.
    tau2, tau2_se : variance of true effects between studies, and its standard error by the observed
        information, NaN on the boundary.
    within : variance of true effects within a study, as the outcome by itself tells it; 0 where
        every study gives one effect.
    i2 : share of both in the total variance, per cent.
    borrowed : borrowed strength, per cent; see `metabone.models.borrowing.borrowed_strength`.
    alone : the outcome pooled by itself, with the same estimator and the same interval.
    """

    outcome: str
    better: str | None
    unit: str | None
    k_studies: int
    k_effects: int
    n_animals: int
    estimate: float
    se: float
    df: float
    statistic: float
    pvalue: float
    pi_df: float
    tau2: float
    tau2_se: float
    within: float
    i2: float
    borrowed: float
    level: float
    alone: Estimate

    def ci(self, level: float | None = None) -> tuple[float, float]:
        """Confidence interval of the mean at `level` (default: the level of the analysis)."""
        from metabone.models.intervals import interval

        return interval(self.estimate, self.se, self.df, self.level if level is None else level)

    def pi(self, level: float | None = None) -> tuple[float, float]:
        """Prediction interval for a true effect on this outcome in a new study."""
        from metabone.models.intervals import interval

        spread = (self.tau2 + self.within + self.se**2) ** 0.5
        return interval(self.estimate, spread, self.pi_df, self.level if level is None else level)

    def to_dict(self) -> dict[str, Any]:
        """The estimate as JSON prints it."""
        (ci_low, ci_high), (pi_low, pi_high) = self.ci(), self.pi()
        alone = self.alone.to_dict()
        values = {
            "outcome": self.outcome, "better": self.better, "unit": self.unit,
            "k_studies": self.k_studies, "k_effects": self.k_effects,
            "n_animals": self.n_animals, "estimate": self.estimate, "se": self.se,
            "ci_low": ci_low, "ci_high": ci_high, "df": self.df, "statistic": self.statistic,
            "pvalue": self.pvalue, "pi_low": pi_low, "pi_high": pi_high, "pi_df": self.pi_df,
            "tau2": self.tau2, "tau2_se": self.tau2_se, "within": self.within, "i2": self.i2,
            "borrowed": self.borrowed, "alone": {name: alone[name] for name in _ALONE},
        }  # fmt: skip
        return dict(plain(values))


@dataclass(frozen=True, slots=True)
class StructureLine(Record):
    """One structure of the covariance between studies, beside the one chosen.

    The likelihood-ratio test is against the chosen one, None where neither is a special case of the
    other. `reason` says why a structure has no fit.
    """

    structure: str
    parameters: int | None
    loglik: float | None
    aic: float | None
    statistic: float | None
    df: int | None
    pvalue: float | None
    chosen: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class OutcomesAssumption(Record):
    """The means under another assumption on what effects share, in the order of the outcomes.

    Both are NaN where the model has no answer.
    """

    rho: float
    control: str
    estimate: tuple[float, ...]
    se: tuple[float, ...]
    chosen: bool


@dataclass(frozen=True, slots=True)
class OutcomesResult(Summarised):
    """Several outcomes pooled together.

    Attributes
    ----------
    estimates : one for each of the p outcomes.
    covariance, covariance_se, correlation : (p, p), of true effects between studies.
    together : (p, p) how many studies have both outcomes.
    boundary : whether the covariance has less than full rank.
    rho, control : None where the sampling covariance was given.
    """

    effects: EffectTable
    estimates: tuple[OutcomeEstimate, ...]
    covariance: NDArray[np.float64]
    covariance_se: NDArray[np.float64]
    correlation: NDArray[np.float64]
    together: NDArray[np.int64]
    structure: str
    structures: tuple[StructureLine, ...]
    method: str
    ci_method: str
    pi_method: str
    level: float
    loglik: float
    converged: bool
    boundary: bool
    k_studies: int
    n_animals: int
    warnings: tuple[str, ...]
    version: str
    rho: float | None
    control: str | None
    rho_table: tuple[Mapping[str, Any], ...] = ()
    time_decay: float | None = None
    assumptions: tuple[OutcomesAssumption, ...] = ()

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What was pooled together."""
        return tuple(one.outcome for one in self.estimates)

    @property
    def outcome(self) -> str:
        """The outcomes in one line."""
        return " + ".join(self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        effects = self.effects
        values = {
            "schema_version": SCHEMA_VERSION, "metabone_version": self.version,
            "outcome": self.outcome, "outcomes": list(self.outcomes),
            **effects_dict(effects),
            "model": "multivariate", "structure": self.structure,
            "tau2_method": self.method, "ci_method": self.ci_method, "pi_method": self.pi_method,
            "level": self.level, "rho": self.rho, "control": self.control,
            "rho_table": list(self.rho_table), "time_decay": self.time_decay,
            "synthetic": effects.synthetic, "k_studies": self.k_studies, "k_effects": effects.k,
            "n_animals": self.n_animals, "loglik": self.loglik, "converged": self.converged,
            "boundary": self.boundary,
            "estimates": [one.to_dict() for one in self.estimates],
            "covariance": self.covariance.tolist(), "covariance_se": self.covariance_se.tolist(),
            "correlation": self.correlation.tolist(), "together": self.together.tolist(),
            "structures": [one.to_dict() for one in self.structures],
            "assumptions": [one.to_dict() for one in self.assumptions],
            "warnings": list(self.warnings),
        }  # fmt: skip
        return dict(plain(values))

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: one row for each outcome."""
        import pandas as pd

        lines = []
        for one in self.estimates:
            line = one.to_dict()
            alone = line.pop("alone")
            lines.append(line | {f"alone_{name}": value for name, value in alone.items()})
        return pd.DataFrame(lines)

    def summary(self) -> str:
        """The answer for people, as plain text."""
        from metabone.synthesis.multivariate_text import summarise_outcomes

        return summarise_outcomes(self)
