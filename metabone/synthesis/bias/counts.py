"""The parts for independent effects: ranks, trim and fill, limits, and counts of significance."""

from __future__ import annotations

import numpy as np

from metabone.errors import DataError
from metabone.models.asymmetry import NO_SPREAD, limit_meta
from metabone.models.excess import excess_significance, orwin_n, rosenthal_n
from metabone.models.random_effects import random_effects
from metabone.models.rank_correlation import rank_test
from metabone.models.trimfill import trim_fill
from metabone.synthesis.bias.regressions import corrected, line_of
from metabone.synthesis.bias.results import (
    ExcessSignificance,
    FailSafe,
    Limit,
    RankTest,
    TrimFill,
)
from metabone.synthesis.bias.units import Counted


def ranks(counted: Counted) -> RankTest:
    """Begg and Mazumdar's test.

    Raises
    ------
    DataError
        If all variances are equal.
    """
    _refuse_flat(counted)
    found = rank_test(counted.yi, counted.precise)
    return RankTest(
        float(found.tau), float(found.statistic), float(found.pvalue), bool(found.exact),
        counted.variance, len(counted.yi),
    )  # fmt: skip


def trimmed(counted: Counted, estimator: str, *, tau2: str, ci: str, level: float) -> TrimFill:
    """Trim and fill on the side that a regression on the standard errors points to.

    Raises
    ------
    DataError
        If the procedure does not settle.
    """
    found = trim_fill(counted.yi, counted.precise, estimator=estimator, method=tau2, test=ci)
    if np.isnan(found.k0):
        raise DataError("it does not settle on a number of missing effects")
    where = np.flatnonzero(~np.isnan(found.filled_yi))
    fit = found.fit
    mean = corrected(float(fit.coef[0]), float(fit.se[0]), float(fit.df), level)
    return TrimFill(
        estimator=estimator, side="left" if found.left else "right", k0=int(found.k0),
        k0_se=float(found.k0_se), k0_pvalue=float(found.k0_pvalue), unit=counted.unit,
        filled_yi=tuple(found.filled_yi[where].tolist()),
        filled_vi=tuple(counted.vi[where].tolist()),
        filled_rows=tuple(counted.units[i].rows for i in where),
        corrected=mean, tau2=float(fit.tau2), i2=float(fit.i2),
        variance=counted.variance,
    )  # fmt: skip


def limits(counted: Counted, *, tau2: str, ci: str, level: float) -> Limit:
    """Limit meta-analysis.

    Raises
    ------
    DataError
        If all variances are equal.
    """
    _refuse_flat(counted)
    found = limit_meta(counted.yi, counted.precise, method=tau2, test=ci)
    line = line_of(found.regression)
    return Limit(
        alpha=line.slope, alpha_se=line.slope_se, alpha_pvalue=line.pvalue,
        corrected=line.corrected(level), tau2=float(found.tau2), q=float(found.q),
        q_small=float(found.q_small), q_small_pvalue=float(found.q_small_pvalue),
        q_residual=float(found.q_residual), q_residual_df=len(counted.yi) - 2,
        q_residual_pvalue=float(found.q_residual_pvalue), variance=counted.variance,
    )  # fmt: skip


def excess(counted: Counted, *, tau2: str, alpha: float) -> ExcessSignificance:
    """Test of excess significance, power at the random-effects mean over its τ²."""
    fit = random_effects(counted.yi, counted.vi, method=tau2, test="wald")
    spread = 0.0 if np.isnan(fit.tau2) else float(fit.tau2)
    found = excess_significance(counted.yi, counted.vi, theta=fit.coef[0], tau2=spread, alpha=alpha)
    return ExcessSignificance(
        observed=int(found.observed), expected=float(found.expected), k=len(counted.yi),
        pvalue=float(found.pvalue), chi2=float(found.chi2),
        chi2_pvalue=float(found.chi2_pvalue), theta=float(fit.coef[0]), tau2=spread, alpha=alpha,
    )  # fmt: skip


def fail_safe(counted: Counted, *, target: float | None, alpha: float) -> FailSafe:
    """Rosenthal's number, and Orwin's where a target is given."""
    orwin = None if target is None else int(orwin_n(counted.yi, target))
    rosenthal = int(rosenthal_n(counted.yi, counted.vi, alpha=alpha))
    return FailSafe(rosenthal, alpha, orwin, target, len(counted.yi))


def _refuse_flat(counted: Counted) -> None:
    v = counted.precise
    if np.ptp(v) <= NO_SPREAD * v.max():
        raise DataError(f"all {counted.unit}s have the same variance")
