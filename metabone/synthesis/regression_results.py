"""What a meta-regression answers with: frozen results, their JSON, their table and their text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metabone.files import plain
from metabone.synthesis.results import SCHEMA_VERSION
from metabone.synthesis.shaping import Record, Summarised, effects_dict, named

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable
    from metabone.synthesis.design import Design
    from metabone.synthesis.regression_fits import RegressionFit


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One coefficient; `df` is NaN where its test is normal."""

    term: str
    estimate: float
    se: float
    statistic: float
    pvalue: float
    df: float

    def ci(self, level: float) -> tuple[float, float]:
        """Confidence interval at `level`."""
        from metabone.models.intervals import interval

        return interval(self.estimate, self.se, self.df, level)

    def to_dict(self, level: float) -> dict[str, Any]:
        """The coefficient with its interval at `level`, as JSON prints it."""
        low, high = self.ci(level)
        values = {
            "term": self.term, "estimate": self.estimate, "se": self.se, "df": self.df,
            "statistic": self.statistic, "pvalue": self.pvalue, "ci_low": low, "ci_high": high,
        }  # fmt: skip
        return dict(plain(values))


@dataclass(frozen=True, slots=True)
class ModeratorTest(Record):
    """Test that all coefficients of a term are zero (QM).

    `test` is ``chi2``, ``F``, or ``AHT`` (cluster-robust F); `df2` is None for a χ² test, else the
    second degrees of freedom of F, NaN where there is no robust test. Without
    an intercept the coefficients can be level means, so that the test is not one of differences:
    `intercept` says.
    """

    term: str
    qm: float
    df: int
    df2: float | None
    pvalue: float
    test: str
    intercept: bool


@dataclass(frozen=True, slots=True)
class RegressionAssumption:
    """The coefficients under another assumption on what effects share; none: it has no answer."""

    rho: float
    control: str
    tau2: float
    coefficients: tuple[Coefficient, ...]
    chosen: bool

    def to_dict(self, level: float) -> dict[str, Any]:
        """The line as JSON prints it."""
        values = {
            "rho": self.rho, "control": self.control, "tau2": self.tau2, "chosen": self.chosen,
            "coefficients": [each.to_dict(level) for each in self.coefficients],
        }  # fmt: skip
        return dict(plain(values))


@dataclass(frozen=True, slots=True)
class RegressionResult(Summarised):
    """A meta-regression.

    Parameters
    ----------
    effects : the effects used, with the ledger of those set aside.
    formula : the formula as it was understood, interactions written out.
    coefficients : one for each column of the design, in its order.
    vcov : (p, p) their covariance.
    moderators : QM test of all coefficients but the intercept (of all without one).
    tests : QM test of each term of the formula.
    tau2, tau2_low, tau2_high : residual variance of true effects and its Q-profile interval. In the
        multilevel model it is the sum of `sigma2` and has no interval.
    i2, h2, r2 : residual I² (per cent), H², and the per cent of τ² that the moderators explain
        (NaN where the model has no mean in it, or no τ²).
    qe, qe_df, qe_pvalue : test of residual heterogeneity.
    levels : of each categorical factor, the reference first.
    fit : the numbers by level, and what predictions need.
    rho, control, assumptions : of the multilevel model; None and empty else.
    """

    effects: EffectTable = field(repr=False)
    formula: str
    coefficients: tuple[Coefficient, ...]
    vcov: tuple[tuple[float, ...], ...] = field(repr=False)
    moderators: ModeratorTest
    tests: tuple[ModeratorTest, ...]
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    h2: float
    r2: float
    qe: float
    qe_df: int
    qe_pvalue: float
    converged: bool
    k_studies: int
    k_effects: int
    levels: Mapping[str, tuple[str, ...]]
    model: str
    model_reason: str
    tau2_method: str
    ci_method: str
    level: float
    warnings: tuple[str, ...]
    version: str
    design: Design = field(repr=False)
    fit: RegressionFit = field(repr=False)
    rho: float | None = None
    control: str | None = None
    rho_table: tuple[Mapping[str, Any], ...] = ()
    time_decay: float | None = None
    random: tuple[str, ...] = ()
    assumptions: tuple[RegressionAssumption, ...] = ()

    @property
    def df(self) -> float:
        """Degrees of freedom of the coefficients: NaN for ``wald``, the least where they differ."""
        return min(each.df for each in self.coefficients)

    @property
    def outcome(self) -> str:
        """The outcomes regressed, as one text."""
        return " + ".join(sorted(self.effects.frame["outcome"].dropna().unique()))

    def predict(
        self, new: pd.DataFrame | Mapping[str, Any], level: float | None = None
    ) -> pd.DataFrame:
        """Expected effect at new values of the moderators.

        Parameters
        ----------
        new : a table, or a mapping of column to one value or to a list of values. Every column of
            the formula is needed; others are ignored.
        level : of the intervals (default: the level of the analysis).

        Returns
        -------
        DataFrame
            The moderators, then ``estimate se df ci_low ci_high``, ``pi_low pi_high`` (the true
            effect of a new study) with ``pi_df``, and ``note``, which says where a number lies
            outside the data or has no robust interval. df is NaN for the normal; in the univariate
            model it is that of the coefficients, in the multilevel one each expected effect has
            its own, and pi_df is studies − p.

        Raises
        ------
        UsageError
            If a column is missing or of the wrong kind.
        DataError
            For a blank value or an unknown level.
        """
        from metabone.synthesis.prediction import predict

        return predict(self, new, self.level if level is None else level)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        test = self.moderators
        head = {
            "schema_version": SCHEMA_VERSION,
            "metabone_version": self.version,
            "outcome": self.outcome,
            **effects_dict(self.effects),
            "synthetic": self.effects.synthetic,
            **named(
                self, "model", "model_reason", "formula", "levels", "tau2_method", "ci_method",
                "level", "rho", "control", "rho_table", "time_decay", "random",
            ),
        }  # fmt: skip
        numbers = {
            "k_studies": self.k_studies, "k_effects": self.k_effects,
            "coefficients": [each.to_dict(self.level) for each in self.coefficients],
            "vcov": self.vcov, "tau2": self.tau2, "tau2_low": self.tau2_low,
            "tau2_high": self.tau2_high, "sigma2": self.fit.sigma2,
            "sigma2_low": self.fit.sigma2_low, "sigma2_high": self.fit.sigma2_high, "i2": self.i2,
            "i2_levels": self.fit.i2_levels, "h2": self.h2, "r2": self.r2,
            "qe": self.qe, "qe_df": self.qe_df, "qe_pvalue": self.qe_pvalue, "qm": test.qm,
            "qm_df": test.df, "qm_df2": test.df2, "qm_pvalue": test.pvalue, "qm_test": test.test,
            "tests": [each.to_dict() for each in self.tests], "converged": self.converged,
            "assumptions": [each.to_dict(self.level) for each in self.assumptions],
            "warnings": self.warnings,
        }  # fmt: skip
        return dict(plain(head | numbers))

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: one row for each coefficient."""
        import pandas as pd

        rows = []
        for each in self.coefficients:
            low, high = each.ci(self.level)
            rows.append(
                {
                    "term": each.term, "estimate": each.estimate, "se": each.se, "df": each.df,
                    "statistic": each.statistic, "pvalue": each.pvalue, "ci_low": low,
                    "ci_high": high, "level": self.level,
                }
            )  # fmt: skip
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """The answer for people, as plain text."""
        from metabone.synthesis.regression_text import summarise_regression

        return summarise_regression(self)
