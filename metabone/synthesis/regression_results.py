"""What a meta-regression answers with: frozen results, their JSON, their table and their text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metabone.files import plain
from metabone.synthesis.results import SCHEMA_VERSION

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable
    from metabone.synthesis.design import Design


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
class ModeratorTest:
    """Test that all coefficients of a term are zero (QM).

    `df2` is None for a χ² test, else the second degrees of freedom of F. Without an intercept the
    coefficients can be level means, so that the test is not one of differences: `intercept` says.
    """

    term: str
    qm: float
    df: int
    df2: float | None
    pvalue: float
    test: str
    intercept: bool

    def to_dict(self) -> dict[str, Any]:
        """The test as JSON prints it."""
        values = {
            "term": self.term, "qm": self.qm, "df": self.df, "df2": self.df2,
            "pvalue": self.pvalue, "test": self.test, "intercept": self.intercept,
        }  # fmt: skip
        return dict(plain(values))


@dataclass(frozen=True, slots=True)
class RegressionResult:
    """A meta-regression.

    Parameters
    ----------
    effects : the effects used, with the ledger of those set aside.
    formula : the formula as it was understood, interactions written out.
    coefficients : one for each column of the design, in its order.
    vcov : (p, p) their covariance.
    moderators : QM test of all coefficients but the intercept (of all without one).
    tests : QM test of each term of the formula.
    tau2, tau2_low, tau2_high : residual between-study variance and its Q-profile interval.
    i2, h2, r2 : residual I² (per cent), H², and the per cent of τ² that the moderators explain
        (NaN where the model has no mean in it, or no τ²).
    qe, qe_df, qe_pvalue : test of residual heterogeneity.
    df : degrees of freedom of the coefficients, NaN for ``wald``.
    levels : of each categorical factor, the reference first.
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
    df: float
    converged: bool
    k_studies: int
    k_effects: int
    levels: Mapping[str, tuple[str, ...]]
    tau2_method: str
    ci_method: str
    level: float
    warnings: tuple[str, ...]
    version: str
    design: Design = field(repr=False)

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
            The moderators, then ``estimate se ci_low ci_high``, ``pi_low pi_high`` (a new study's
            true effect, by the same t or normal as the coefficients), and ``note``, which says
            where a number lies outside the data.

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
            "input": self.effects.input_dict(),
            "measure": self.effects.measure,
            "variance": self.effects.variance,
            "align": self.effects.align,
            "better": self.effects.better,
            "unit": self.effects.unit,
            "synthetic": self.effects.synthetic,
            "model": "univariate",
            "formula": self.formula,
            "levels": self.levels,
            "tau2_method": self.tau2_method,
            "ci_method": self.ci_method,
            "level": self.level,
        }
        numbers = {
            "k_studies": self.k_studies, "k_effects": self.k_effects,
            "coefficients": [each.to_dict(self.level) for each in self.coefficients],
            "vcov": self.vcov, "tau2": self.tau2, "tau2_low": self.tau2_low,
            "tau2_high": self.tau2_high, "i2": self.i2, "h2": self.h2, "r2": self.r2,
            "qe": self.qe, "qe_df": self.qe_df, "qe_pvalue": self.qe_pvalue, "qm": test.qm,
            "qm_df": test.df, "qm_df2": test.df2, "qm_pvalue": test.pvalue, "qm_test": test.test,
            "tests": [each.to_dict() for each in self.tests], "converged": self.converged,
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
        return "\n".join([*_head(self), "", *_table(self), "", *_foot(self)])

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.summary())}</pre>"


def _head(result: RegressionResult) -> list[str]:
    effects = result.effects
    lines = ["SYNTHETIC DATA: made by a script, not measured"] if effects.synthetic else []
    unit = f" in {effects.unit}" if effects.unit else ""
    lines += [
        f"Meta-regression of {result.outcome}: {effects.measure}{unit} ~ {result.formula}",
        f"{result.k_effects} effects from {result.k_studies} studies; variance {effects.variance}, "
        f"tau2 by {result.tau2_method}, intervals {result.ci_method}",
    ]
    if effects.align != "none":
        lines.append("outcomes where lower is better are flipped: above zero is benefit")
    for label, levels in result.levels.items():
        lines.append(f"{label}: reference {levels[0]}; others {', '.join(levels[1:])}")
    return lines


def _table(result: RegressionResult) -> list[str]:
    percent = f"{100 * result.level:g}% CI"
    letter = "z" if math.isnan(result.df) else "t"
    rows = [("term", "estimate", "SE", letter, "p", percent)]
    for each in result.coefficients:
        low, high = each.ci(result.level)
        rows.append(
            (
                each.term, _number(each.estimate), _number(each.se), f"{each.statistic:.2f}",
                _p(each.pvalue), f"{_number(low)} to {_number(high)}",
            )
        )  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    ]


def _foot(result: RegressionResult) -> list[str]:
    lines = [_test_line(result.moderators)]
    if len(result.tests) > 1:
        lines += [f"  {_test_line(test)}" for test in result.tests]
    if any(":" in test.term for test in result.tests):
        lines.append("beside an interaction, a term is tested where the other moderators are zero "
                     "or at their reference")  # fmt: skip
    if not result.moderators.intercept:
        lines.append("without an intercept these tests ask whether the coefficients are zero, "
                     "not whether levels differ")  # fmt: skip
    lines.append(
        f"residual heterogeneity: Q = {result.qe:.2f}, df = {result.qe_df}, "
        f"{_p_phrase(result.qe_pvalue)}; I2 = {result.i2:.1f}%"
    )
    if result.tau2_method != "EE":
        explained = "" if math.isnan(result.r2) else f"; R2 = {result.r2:.1f}% of tau2 explained"
        lines.append(
            f"tau2 = {_number(result.tau2)} ({100 * result.level:g}% CI "
            f"{_number(result.tau2_low)} to {_number(result.tau2_high)}){explained}"
        )
    return lines


def _test_line(test: ModeratorTest) -> str:
    if test.df2 is None:
        return f"{test.term}: chi2({test.df}) = {test.qm:.2f}, {_p_phrase(test.pvalue)}"
    return f"{test.term}: F({test.df}, {test.df2:g}) = {test.qm:.2f}, {_p_phrase(test.pvalue)}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NA"
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"


def _p(value: float) -> str:
    if math.isnan(value):
        return "NA"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _p_phrase(value: float) -> str:
    shown = _p(value)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"
