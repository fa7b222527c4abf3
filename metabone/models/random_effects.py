"""Random-effects meta-analysis and meta-regression, for one data set or thousands at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError
from metabone.models.intervals import chi2_p, critical, f_p, two_sided_p
from metabone.models.moments import refuse_far_apart
from metabone.models.tau2 import Batch, estimate, profile_interval
from metabone.options import CIMethod, Tau2Method, check_option

FloatArray = NDArray[np.float64]

# A chunk of this many effects keeps all intermediate arrays in the processor's cache.
CHUNK = 16384
# A Hartung-Knapp factor at or below this is rounding error around zero.
NO_SPREAD = 1e-20


@dataclass(frozen=True, slots=True)
class RandomEffectsFit:
    """Fits of B data sets (leading axes ``...`` as they came in) with p coefficients.

    Attributes
    ----------
    coef, vcov : (..., p) coefficients and (..., p, p) their covariance, scaled as `test` says.
    df : (...) degrees of freedom of the coefficients' t, NaN for a normal (``wald``).
    tau2, converged, iterations : (...) between-study variance and how it was reached.
    q, q_df, q_pvalue : (...) test of (residual) heterogeneity.
    i2, h2 : (...) I² in per cent and H², by the typical sampling variance.
    qm, qm_df, qm_pvalue : (...) test of all coefficients but the intercept: χ², or F with `df` as
        its second degrees of freedom; NaN for a mean alone.
    k : (...) number of effects.
    """

    coef: FloatArray
    vcov: FloatArray
    df: FloatArray
    tau2: FloatArray
    converged: NDArray[np.bool_]
    iterations: NDArray[np.int64]
    q: FloatArray
    q_df: FloatArray
    i2: FloatArray
    h2: FloatArray
    qm: FloatArray
    qm_df: int
    k: FloatArray
    method: str
    test: str

    @property
    def se(self) -> FloatArray:
        """(..., p) standard errors."""
        return np.sqrt(np.diagonal(self.vcov, axis1=-2, axis2=-1))

    @property
    def statistic(self) -> FloatArray:
        """(..., p) t or z."""
        return self.coef / self.se

    @property
    def pvalue(self) -> FloatArray:
        """(..., p) two-sided p-values."""
        return two_sided_p(self.statistic, self.df[..., None])

    @property
    def q_pvalue(self) -> FloatArray:
        """(...) p-value of the heterogeneity test."""
        return chi2_p(self.q, self.q_df)

    @property
    def qm_pvalue(self) -> FloatArray:
        """(...) p-value of the moderators together."""
        if self.qm_df == 0:
            return np.full_like(self.qm, np.nan)
        if self.test == "wald":
            return chi2_p(self.qm, self.qm_df)
        return f_p(self.qm, self.qm_df, self.df)

    def ci(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """(..., p) lower and upper confidence limits of the coefficients."""
        half = critical(self.df, level)[..., None] * self.se
        return self.coef - half, self.coef + half

    def pi(self, level: float = 0.95, df: ArrayLike | None = None) -> tuple[FloatArray, FloatArray]:
        """(...) prediction interval around the first coefficient.

        `df` NaN means the normal; by default the df of the coefficients.
        """
        spread = np.sqrt(self.tau2 + self.vcov[..., 0, 0])
        half = critical(self.df if df is None else df, level) * spread
        return self.coef[..., 0] - half, self.coef[..., 0] + half


def random_effects(
    yi: ArrayLike,
    vi: ArrayLike,
    X: ArrayLike | None = None,
    *,
    method: str = "REML",
    test: str = "hksj",
    include: ArrayLike | None = None,
) -> RandomEffectsFit:
    """Fit a random-effects model by inverse variance.

    Parameters
    ----------
    yi, vi : (..., k) effect sizes and their sampling variances; leading axes are data sets.
    X : (k, p) or (..., k, p) design, intercept first if there is one; None for a mean alone.
    method : estimator of τ²: REML, ML, DL, PM, EB, HE, HS, SJ, or EE (no τ²).
    test : ``hksj`` (Hartung-Knapp, t), ``hksj_adhoc`` (the same, its factor never below 1) or
        ``wald`` (normal).
    include : (..., k) booleans; an effect that is False is left out of that data set.

    Returns
    -------
    RandomEffectsFit

    Raises
    ------
    DataError
        If shapes differ, a value is not finite, a variance not positive, or variances more than a
        factor of 10¹⁶ apart.
    ModelError
        If a data set has fewer effects than coefficients, or X has dependent columns.

    References
    ----------
    Viechtbauer (2005), doi:10.3102/10769986030003261; Hartung & Knapp (2001),
    doi:10.1002/sim.791; Knapp & Hartung (2003), doi:10.1002/sim.1482; Röver et al. (2015),
    doi:10.1186/s12874-015-0091-1 (truncation).

    Examples
    --------
    >>> fit = random_effects([0.1, 0.6, 1.1], [0.04, 0.05, 0.06], method="DL", test="wald")
    >>> round(float(fit.coef[0]), 4), round(float(fit.tau2), 4)
    (0.5867, 0.2007)
    """
    method = check_option("method", method, Tau2Method)
    test = check_option("test", test, CIMethod)
    batch, shape = _as_batch(yi, vi, X, include)
    size, k = batch.y.shape
    step = max(1, CHUNK // k)
    # One empty chunk keeps the shapes right when there is no data set at all.
    parts = [
        _fit(batch.take(slice(i, i + step)), method, test) for i in range(0, max(size, 1), step)
    ]
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    coef, vcov, df, tau2, converged, iterations, q, q_df, i2, h2, qm, count = (
        column.reshape(shape + column.shape[1:]) for column in joined
    )
    return RandomEffectsFit(
        coef=coef, vcov=vcov, df=df, tau2=tau2, converged=converged, iterations=iterations,
        q=q, q_df=q_df, i2=i2, h2=h2, qm=qm, qm_df=len(_moderators(batch.x)), k=count,
        method=method, test=test,
    )  # fmt: skip


def tau2_interval(
    yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None, *, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Q-profile confidence interval of τ², (...) lower and upper limits.

    Parameters and errors as in `random_effects`. Both limits are NaN where the interval is empty:
    the effects lie closer together than sampling error alone would put them.

    References
    ----------
    Viechtbauer (2007), doi:10.1002/sim.2514.
    """
    batch, shape = _as_batch(yi, vi, X, None)
    lower, upper = profile_interval(batch, level)
    return lower.reshape(shape), upper.reshape(shape)


def i2_from_tau2(tau2: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None) -> FloatArray:
    """I² in per cent that a value of τ² stands for, given the sampling variances (k,).

    References
    ----------
    Higgins & Thompson (2002), doi:10.1002/sim.1186.

    Examples
    --------
    >>> round(float(i2_from_tau2(0.05, [0.05, 0.05, 0.05])), 6)
    50.0
    """
    tau2 = np.asarray(tau2, dtype=float)
    batch, _ = _as_batch(np.zeros(len(np.asarray(vi))), vi, X, None)
    i2: FloatArray = 100 * tau2 / (tau2 + batch.typical_variance[0])
    return i2


def r_squared(tau2_null: float, tau2: float) -> float:
    """Share of τ² that the moderators explain, per cent; 0 where there was none to explain.

    References
    ----------
    Raudenbush (1994), in Cooper & Hedges (eds.), The Handbook of Research Synthesis, ch. 20;
    López-López et al. (2014), doi:10.1111/bmsp.12002.

    Examples
    --------
    >>> r_squared(0.4, 0.1), r_squared(0.0, 0.0)
    (75.0, 0.0)
    """
    if tau2_null <= 0:
        return 0.0
    return max(0.0, 100 * (tau2_null - tau2) / tau2_null)


def _as_batch(
    yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None, include: ArrayLike | None
) -> tuple[Batch, tuple[int, ...]]:
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    if y.shape != v.shape or y.ndim == 0 or y.shape[-1] == 0:
        raise DataError(f"yi and vi must be of one shape (..., k); got {y.shape} and {v.shape}")
    shape, k = y.shape[:-1], y.shape[-1]
    on = None
    if include is not None:
        chosen = np.broadcast_to(np.asarray(include, dtype=bool), y.shape)
        y, v = np.where(chosen, y, 0.0), np.where(chosen, v, 1.0)
        on = chosen.reshape(-1, k).astype(float)
    if not (np.isfinite(y).all() and np.isfinite(v).all()):
        raise DataError("yi and vi must be finite numbers")
    if (v <= 0).any():
        raise DataError("every sampling variance vi must be positive")
    if include is None:
        refuse_far_apart(v)
    batch = Batch(y.reshape(-1, k), v.reshape(-1, k), _as_design(X, shape, k), on)
    if (batch.k < batch.p).any():
        raise ModelError(f"{int(batch.k.min())} effects cannot give {batch.p} coefficients")
    return batch, shape


def _as_design(X: ArrayLike | None, shape: tuple[int, ...], k: int) -> FloatArray | None:
    if X is None:
        return None
    x = np.asarray(X, dtype=float)
    if x.ndim < 2 or x.shape[-2] != k:
        raise DataError(f"X must have the shape ({k}, p) or (..., {k}, p); got {x.shape}")
    if not np.isfinite(x).all():
        raise DataError("X must be finite numbers")
    if x.ndim == 2:
        x = x[None]
    else:
        x = np.broadcast_to(x, (*shape, k, x.shape[-1])).reshape(-1, k, x.shape[-1])
    if x.shape[-1] > k:
        raise ModelError(f"{k} effects cannot give {x.shape[-1]} coefficients")
    if (np.linalg.matrix_rank(x) < x.shape[-1]).any():
        raise ModelError("the columns of X depend on each other: drop a moderator or a level")
    return x


def _moderators(x: FloatArray | None) -> list[int]:
    """Columns that are not the intercept."""
    if x is None:
        return []
    return [j for j in range(x.shape[-1]) if not (x[..., j] == 1).all()]


def _fit(batch: Batch, method: str, test: str) -> tuple[NDArray[np.generic], ...]:
    found = estimate(batch, method)
    at = batch.moments(found.tau2)
    at_zero = batch.at_zero
    df = batch.k - batch.p
    enough = df > 0
    factor, t_df = np.ones_like(df), np.full_like(df, np.nan)
    if test != "wald":
        factor = np.where(enough, at.q / np.where(enough, df, 1), np.nan)
        t_df = df
        # Effects that are all the same would give an interval of no width: there is none.
        nothing = NO_SPREAD if test == "hksj" else -1.0
        factor = np.where(factor <= nothing, np.nan, factor)
    if test == "hksj_adhoc":
        factor = np.maximum(factor, 1.0)
    vcov = at.cov * factor[:, None, None]
    i2, h2 = _heterogeneity(batch, found.tau2, method)
    qm = _joint_test(at.coef, vcov, _moderators(batch.x), test)
    return (
        at.coef, vcov, t_df, found.tau2, found.converged, found.iterations,
        at_zero.q, df, i2, h2, qm, batch.k,
    )  # fmt: skip


def _heterogeneity(batch: Batch, tau2: FloatArray, method: str) -> tuple[FloatArray, FloatArray]:
    """I² and H²: from τ² and the typical sampling variance, or from Q when there is no τ².

    Higgins & Thompson (2002), doi:10.1002/sim.1186.
    """
    if method == "EE":
        df, q = batch.k - batch.p, batch.at_zero.q
        enough = df > 0
        h2 = np.where(enough, q / np.where(enough, df, 1), np.nan)
        i2 = np.where(enough, np.maximum(0.0, 100 * (q - df) / np.where(q > 0, q, 1.0)), np.nan)
        return i2, h2
    typical = batch.typical_variance
    return 100 * tau2 / (tau2 + typical), tau2 / typical + 1


def _joint_test(coef: FloatArray, vcov: FloatArray, columns: list[int], test: str) -> FloatArray:
    if not columns:
        return np.full(len(coef), np.nan)
    chosen = coef[:, columns]
    inner = vcov[:, columns][:, :, columns]
    wald: FloatArray = np.einsum(
        "bi,bi->b", chosen, np.linalg.solve(inner, chosen[:, :, None])[:, :, 0]
    )
    return wald if test == "wald" else wald / len(columns)
