"""What the question for small-study effects answers with: frozen results and their JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from metabone.files import plain
from metabone.synthesis.results import SCHEMA_VERSION, PoolResult
from metabone.synthesis.shaping import Record, Summarised, effects_dict, named

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable
    from metabone.synthesis.bias.selection import Selection


class Part(Protocol):
    """What each part of the answer can do."""

    def to_dict(self) -> dict[str, Any]:
        """The part as JSON prints it."""
        ...

    def rows(self) -> Iterator[dict[str, Any]]:
        """Its lines of the tidy table."""
        ...


@dataclass(frozen=True, slots=True)
class Unit(Record):
    """What the methods for independent effects count: an effect, or the mean of a study's effects.

    `vi` of a study's mean holds its sampling variance and the variance of true effects within the
    study. `safe_vi` is the same without the part that grows with the effect itself (SMD); None
    where it is not known or not needed.
    """

    label: str
    rows: tuple[int, ...]
    yi: float
    vi: float
    safe_vi: float | None = None


@dataclass(frozen=True, slots=True)
class AsymmetryTest(Record):
    """Effects regressed on a measure of their imprecision.

    Parameters
    ----------
    name : for people.
    predictor : ``sei``, ``vi``, ``sqrtninv``, ``ninv`` or ``arms``.
    model : ``mixed``, ``least_squares`` or ``multilevel``.
    slope, se, statistic, df, pvalue : the test that the slope is 0; df is NaN for the normal.
    limit, limit_low, limit_high : expected effect at predictor 0, and its interval.
    warning : why not to trust it, if there is a reason.
    """

    name: str
    predictor: str
    model: str
    slope: float
    se: float
    statistic: float
    df: float
    pvalue: float
    limit: float
    limit_low: float
    limit_high: float
    warning: str | None = None

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line."""
        yield {
            "part": "regression", "name": self.name, "predictor": self.predictor,
            "model": self.model, "value": self.slope, "value_se": self.se,
            "statistic": self.statistic, "df": self.df, "pvalue": self.pvalue,
            "estimate": self.limit, "ci_low": self.limit_low, "ci_high": self.limit_high,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RankTest(Record):
    """Begg and Mazumdar's rank correlation; `variance` says what was ranked, ``vi`` or ``arms``."""

    tau: float
    statistic: float
    pvalue: float
    exact: bool
    variance: str
    k: int

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line."""
        yield {
            "part": "rank", "name": "rank correlation", "predictor": self.variance,
            "value": self.tau, "statistic": self.statistic, "pvalue": self.pvalue,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Corrected(Record):
    """A mean that some method corrected, with its interval."""

    estimate: float
    se: float
    df: float
    statistic: float
    pvalue: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class TrimFill(Record):
    """Trim and fill by one estimator.

    `side` is where effects seem to be missing; `k0` how many (`k0_pvalue`: R0 alone). `filled_yi`
    and `filled_vi` mirror `filled_rows`, the spreadsheet rows of the units they come from. The mean
    with them is `corrected`, its heterogeneity `tau2` and `i2`; both weigh by `variance`, ``vi`` or
    ``arms``.
    """

    estimator: str
    side: str
    k0: int
    k0_se: float
    k0_pvalue: float
    unit: str
    filled_yi: tuple[float, ...]
    filled_vi: tuple[float, ...]
    filled_rows: tuple[tuple[int, ...], ...]
    corrected: Corrected
    tau2: float
    i2: float
    variance: str

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line."""
        yield {
            "part": "trim_fill", "name": f"trim and fill {self.estimator}",
            "predictor": self.variance, "value": self.k0,
            "value_se": self.k0_se,
        } | self.corrected.to_dict()  # fmt: skip


@dataclass(frozen=True, slots=True)
class PetPeese(Record):
    """PET and PEESE, and the one that the rule takes (`chosen`).

    PEESE is taken where PET's limit differs from 0 in the direction of the uncorrected mean,
    one-sided p (`pet_pvalue`) below 0.05. `predictor` is PET's; PEESE has its square.
    """

    predictor: str
    model: str
    pet: Corrected
    peese: Corrected
    pet_pvalue: float
    chosen: str

    @property
    def corrected(self) -> Corrected:
        """The one that the rule takes."""
        return self.peese if self.chosen == "PEESE" else self.pet

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line for each of the two."""
        for name, one in (("PET", self.pet), ("PEESE", self.peese)):
            yield {
                "part": "pet_peese", "name": name, "predictor": self.predictor,
                "model": self.model, "chosen": name == self.chosen,
            } | one.to_dict()  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limit(Record):
    """Limit meta-analysis: α of the standardised error, and the mean without sampling error.

    `q_small` (1 df) is the part of Cochran's `q` that goes with the standard errors, `q_residual`
    (`q_residual_df`) what is left. `variance` is ``vi`` or ``arms``.
    """

    alpha: float
    alpha_se: float
    alpha_pvalue: float
    corrected: Corrected
    tau2: float
    q: float
    q_small: float
    q_small_pvalue: float
    q_residual: float
    q_residual_df: int
    q_residual_pvalue: float
    variance: str

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line."""
        yield {
            "part": "limit", "name": "limit meta-analysis", "predictor": self.variance,
            "value": self.alpha, "value_se": self.alpha_se,
        } | self.corrected.to_dict()  # fmt: skip


@dataclass(frozen=True, slots=True)
class FailSafe(Record):
    """How many unseen null results would undo the answer.

    `rosenthal` would make Stouffer's combined test fail at one-sided `alpha`; `orwin` would bring
    the unweighted mean down to `target` (both None where no target is given).
    """

    rosenthal: int
    alpha: float
    orwin: int | None
    target: float | None
    k: int

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line for each number."""
        yield {"part": "fail_safe", "name": "Rosenthal", "value": self.rosenthal}
        if self.orwin is not None:
            yield {"part": "fail_safe", "name": "Orwin", "value": self.orwin}


@dataclass(frozen=True, slots=True)
class ExcessSignificance(Record):
    """Test of excess significance, power at `theta` and over `tau2`; `pvalue` is exact."""

    observed: int
    expected: float
    k: int
    pvalue: float
    chi2: float
    chi2_pvalue: float
    theta: float
    tau2: float
    alpha: float

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line."""
        yield {
            "part": "excess", "name": "excess significance", "value": self.observed,
            "expected": self.expected, "statistic": self.chi2, "pvalue": self.pvalue,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimeLag(Record):
    """Effects by year: `slope` per year, and the expected effects of the first and last year."""

    column: str
    model: str
    slope: float
    se: float
    statistic: float
    df: float
    pvalue: float
    ci_low: float
    ci_high: float
    first: float
    last: float
    effect_first: float
    effect_last: float
    k_effects: int
    k_studies: int

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line."""
        yield {
            "part": "time_lag", "name": f"effect by {self.column}", "model": self.model,
            "value": self.slope, "value_se": self.se, "statistic": self.statistic, "df": self.df,
            "pvalue": self.pvalue,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class LeftOut(Record):
    """A part that has no answer here, and why."""

    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class BiasResult(Summarised):
    """Small-study effects of a set of effects.

    Parameters
    ----------
    pooled : the uncorrected answer.
    unit : what the methods for independent effects count, ``effect`` or ``study``.
    units : these, with their effects.
    predictors : of the regression tests, the first also of PET-PEESE.
    left_out : parts without an answer, each with its reason.
    selection : selection models, where they were asked for.
    """

    pooled: PoolResult
    unit: str
    units: tuple[Unit, ...] = field(repr=False)
    predictors: tuple[str, ...]
    asymmetry: tuple[AsymmetryTest, ...]
    rank: RankTest | None
    trim_fill: tuple[TrimFill, ...]
    pet_peese: PetPeese | None
    limit: Limit | None
    fail_safe: FailSafe
    excess: ExcessSignificance
    time_lag: TimeLag | None
    left_out: tuple[LeftOut, ...]
    level: float
    warnings: tuple[str, ...]
    version: str
    selection: tuple[Selection, ...] = ()

    @property
    def effects(self) -> EffectTable:
        """The effects used, with the ledger of those set aside."""
        return self.pooled.effects

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts that have an answer, in the order of the summary."""
        found: list[Part | None] = [
            *self.asymmetry, self.rank, *self.trim_fill, self.excess, self.pet_peese, self.limit,
            *self.selection, self.fail_safe, self.time_lag,
        ]  # fmt: skip
        return tuple(part for part in found if part is not None)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        pooled, effects = self.pooled, self.effects
        head = {
            "schema_version": SCHEMA_VERSION, "metabone_version": self.version,
            "outcome": pooled.outcome, **effects_dict(effects), "synthetic": effects.synthetic,
            **named(pooled, "model", "model_reason", "tau2_method", "ci_method"),
            "level": self.level,
            **named(pooled, "rho", "control", "rho_table", "time_decay", "random"),
            "pooled": pooled.overall.to_dict(),
        }  # fmt: skip
        parts = {
            "counted": self.unit, "units": [one.to_dict() for one in self.units],
            "predictors": list(self.predictors),
            "asymmetry": [one.to_dict() for one in self.asymmetry],
            "rank": _maybe(self.rank), "trim_fill": [one.to_dict() for one in self.trim_fill],
            "pet_peese": _maybe(self.pet_peese), "limit": _maybe(self.limit),
            "selection": [one.to_dict() for one in self.selection],
            "fail_safe": self.fail_safe.to_dict(), "excess": self.excess.to_dict(),
            "time_lag": _maybe(self.time_lag),
            "left_out": [one.to_dict() for one in self.left_out],
            "warnings": list(self.warnings),
        }  # fmt: skip
        return dict(plain(head | parts))

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: one row for each test and each corrected mean, the uncorrected one first.

        ``value`` (with ``value_se``) is what a test is about: a slope, τ_b, a count; ``estimate``
        (with ``se`` and its interval) a mean. ``statistic df pvalue`` belong to the value in tests
        and to the mean in corrected means.
        """
        import pandas as pd

        one = self.pooled.overall
        low, high = one.ci(self.level)
        rows: list[dict[str, Any]] = [
            {
                "part": "uncorrected", "name": "pooled", "model": self.pooled.model,
                "estimate": one.estimate, "se": one.se, "df": one.df, "statistic": one.statistic,
                "pvalue": one.pvalue, "ci_low": low, "ci_high": high,
            }
        ]  # fmt: skip
        for part in self.parts:
            rows += part.rows()
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """The answer for people, as plain text."""
        from metabone.synthesis.bias.text import summarise_bias

        return summarise_bias(self)


def _maybe(part: Part | None) -> dict[str, Any] | None:
    return None if part is None else part.to_dict()
