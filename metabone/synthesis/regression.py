"""Meta-regression: effect sizes explained by moderators, what is left over, and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone._version import __version__
from metabone.errors import UsageError
from metabone.models.intervals import check_level, chi2_p, f_p, two_sided_p
from metabone.models.random_effects import r_squared, random_effects, tau2_interval
from metabone.options import CIMethod, Tau2Method, check_option
from metabone.synthesis.checks import refuse_mixtures, warn_dependence, warn_mixtures
from metabone.synthesis.counting import count_studies
from metabone.synthesis.design import Design, design
from metabone.synthesis.formula import parse_formula
from metabone.synthesis.regression_results import Coefficient, ModeratorTest, RegressionResult

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable

FloatArray = NDArray[np.float64]

# Rule of thumb of the Cochrane Handbook, 10.11.5.1: ten studies for each moderator.
EFFECTS_PER_MODERATOR = 10


def regress(
    effects: EffectTable,
    formula: str,
    *,
    tau2: str = "REML",
    ci: str = "hksj",
    level: float = 0.95,
) -> RegressionResult:
    """Mixed-effects meta-regression of the effect sizes on moderators.

    The model is ``y = X b + u + e`` with ``u ~ N(0, τ²)`` and known sampling variances; the effects
    are taken as independent of each other, and a warning says where they are not.

    Parameters
    ----------
    effects : effect sizes of one measure.
    formula : moderators, e.g. ``"duration_weeks * species"``; see
        `metabone.synthesis.formula.parse_formula`. Rows with a blank moderator are set aside.
    tau2 : estimator of the residual between-study variance.
    ci : ``hksj`` (Knapp-Hartung: t and F with k − p degrees of freedom), ``hksj_adhoc`` (the same,
        never narrower than ``wald``) or ``wald`` (normal and χ²).
    level : level of the intervals.

    Raises
    ------
    UsageError
        For an unknown option or column, or a formula outside the grammar.
    DataError
        For outcomes that cannot be mixed, or a moderator that cannot be used as it is.
    ModelError
        For coefficients that these data cannot tell apart.

    References
    ----------
    Knapp & Hartung (2003), doi:10.1002/sim.1482; Viechtbauer et al. (2015),
    doi:10.1037/met0000011; Higgins et al., Cochrane Handbook, 10.11.
    """
    tau2 = check_option("tau2", tau2, Tau2Method)
    ci = check_option("ci", ci, CIMethod)
    level = check_level(level)
    checked = parse_formula(formula, [str(column) for column in effects.frame.columns])
    if "yi" in checked.columns:
        raise UsageError("yi is the effect size itself; it cannot be its own moderator")
    made = design(effects.frame, checked)
    used = _used(effects, made)
    refuse_mixtures(used)
    fit = _fit(used.yi, used.vi, made.X, tau2, ci, level)
    moderators = range(int(checked.intercept), len(made.names))
    return RegressionResult(
        effects=used,
        formula=str(checked),
        coefficients=_coefficients(made.names, fit),
        vcov=tuple(tuple(row) for row in fit.vcov.tolist()),
        moderators=_test("all moderators", moderators, fit, intercept=checked.intercept),
        tests=tuple(
            _test(term.label, term.columns, fit, intercept=checked.intercept)
            for term in made.terms
        ),
        tau2=fit.tau2, tau2_low=fit.tau2_low, tau2_high=fit.tau2_high, i2=fit.i2, h2=fit.h2,
        r2=_explained(used, made, fit.tau2, tau2), qe=fit.qe, qe_df=fit.qe_df,
        qe_pvalue=float(chi2_p(fit.qe, fit.qe_df)), df=fit.df, converged=fit.converged,
        k_studies=count_studies(used.frame), k_effects=used.k,
        levels={label: tuple(levels) for label, levels in made.levels.items()},
        tau2_method=tau2, ci_method=ci, level=level,
        warnings=_warnings(used, made, fit), version=__version__, design=made,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Fit:
    coef: FloatArray
    vcov: FloatArray
    df: float
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    h2: float
    qe: float
    qe_df: int
    converged: bool


def _fit(
    yi: FloatArray, vi: FloatArray, X: FloatArray, method: str, test: str, level: float
) -> _Fit:
    # Fitted on an orthonormal basis of X and turned back: nothing but the coefficients depends on
    # the basis, and X'WX stays invertible when a dose counts 10^12 particles beside an intercept.
    lengths = np.linalg.norm(X, axis=0)
    Q, R = np.linalg.qr(X / lengths)
    fit = random_effects(yi, vi, Q, method=method, test=test)
    back = np.linalg.inv(R) / lengths[:, None]
    low, high = (np.nan, np.nan) if method == "EE" else tau2_interval(yi, vi, Q, level=level)
    return _Fit(
        coef=back @ fit.coef, vcov=back @ fit.vcov @ back.T, df=float(fit.df),
        tau2=float(fit.tau2), tau2_low=float(low), tau2_high=float(high), i2=float(fit.i2),
        h2=float(fit.h2), qe=float(fit.q), qe_df=int(fit.q_df), converged=bool(fit.converged),
    )  # fmt: skip


def _used(effects: EffectTable, made: Design) -> EffectTable:
    ledger = sorted((*effects.excluded, *made.excluded), key=lambda line: line.row)
    return replace(effects, frame=effects.frame.loc[list(made.rows)], excluded=tuple(ledger))


def _coefficients(names: Sequence[str], fit: _Fit) -> tuple[Coefficient, ...]:
    se = np.sqrt(np.diagonal(fit.vcov))
    statistic = fit.coef / se
    pvalue = two_sided_p(statistic, fit.df)
    columns = zip(names, fit.coef, se, statistic, pvalue, strict=True)
    return tuple(
        Coefficient(name, float(b), float(s), float(t), float(p), fit.df)
        for name, b, s, t, p in columns
    )


def _test(term: str, columns: Sequence[int], fit: _Fit, *, intercept: bool) -> ModeratorTest:
    """Wald test that the coefficients in `columns` are all zero.

    Without an intercept the coefficients of a full set of levels are their means, and the test is
    that all of them are zero.
    """
    chosen = list(columns)
    se = np.sqrt(np.diagonal(fit.vcov))[chosen]
    z = fit.coef[chosen] / se
    correlation = fit.vcov[np.ix_(chosen, chosen)] / np.outer(se, se)
    wald = float(z @ np.linalg.solve(correlation, z))
    m = len(chosen)
    if np.isnan(fit.df):
        return ModeratorTest(term, wald, m, None, float(chi2_p(wald, m)), "chi2", intercept)
    f = wald / m
    return ModeratorTest(term, f, m, fit.df, float(f_p(f, m, fit.df)), "F", intercept)


def _explained(used: EffectTable, made: Design, tau2: float, method: str) -> float:
    """R² in per cent; NaN where the model without moderators is not inside this one."""
    if method == "EE":
        return float("nan")
    ones = np.ones(used.k)
    fitted = made.X @ np.linalg.lstsq(made.X, ones, rcond=None)[0]
    if not np.allclose(fitted, ones, rtol=0, atol=1e-8):
        return float("nan")
    return r_squared(float(random_effects(used.yi, used.vi, method=method).tau2), tau2)


def _warnings(used: EffectTable, made: Design, fit: _Fit) -> tuple[str, ...]:
    found = warn_dependence(used.frame) + warn_mixtures(used)
    k, studies = used.k, used.frame["study"]
    moderators = len(made.names) - int(made.formula.intercept)
    if k < EFFECTS_PER_MODERATOR * moderators:
        found.append(
            f"{k} effects for {moderators} moderator coefficient{'s' if moderators > 1 else ''}: "
            f"with fewer than {EFFECTS_PER_MODERATOR} each, chance findings are likely"
        )
    if studies.nunique() <= len(made.names) < k:
        found.append(
            f"{len(made.names)} coefficients rest on {studies.nunique()} studies: moderators that "
            "differ only between studies cannot be told from the studies"
        )
    for label, counts in made.level_counts.items():
        thin = [repr(level) for level, count in counts.items() if count == 1]
        if thin:
            found.append(f"{label}: only one effect each for {', '.join(thin)}")
    if not fit.converged:
        found.append("the estimate of tau2 did not converge; try another estimator")
    if np.isnan(fit.vcov).any():
        found.append(
            "the effects lie on the regression without scatter, so Knapp-Hartung gives no "
            "interval; use hksj_adhoc or wald"
        )
    if used.synthetic:
        found.append("SYNTHETIC data: made by a script, not measured")
    return tuple(found)
