"""Trim and fill: how many effects would make the funnel symmetric, and the mean with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError
from metabone.models.asymmetry import regression_test
from metabone.models.random_effects import RandomEffectsFit, random_effects
from metabone.options import TrimEstimator, TrimSide, check_option

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

MAX_ITERATIONS = 100
# Effects within this share of their size of the centre are ranked as lying on it.
ROUNDING = 1e-13


@dataclass(frozen=True, slots=True)
class TrimFillFit:
    """Trim and fill of B data sets (leading axes ``...``) of k effects.

    Attributes
    ----------
    k0, k0_se : (...) effects that seem to be missing, and the standard error of that number; NaN
        where the procedure does not settle.
    k0_pvalue : (...) chance of so many or more with a symmetric funnel; ``R0`` alone has it.
    left : (...) whether they are missing on the left, so that small effects are.
    filled_yi, filled_vi : (..., k) the effects filled in, NaN elsewhere; each mirrors the effect in
        the same place of `yi`.
    fit : the mean with them, by the model that was asked for; NaN where `k0` is.
    """

    k0: FloatArray
    k0_se: FloatArray
    k0_pvalue: FloatArray
    left: BoolArray
    filled_yi: FloatArray
    filled_vi: FloatArray
    fit: RandomEffectsFit
    estimator: str


def trim_fill(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    estimator: str = "L0",
    side: str = "auto",
    method: str = "REML",
    test: str = "hksj",
) -> TrimFillFit:
    """Trim and fill.

    Parameters
    ----------
    yi, vi : (..., k) effect sizes and sampling variances.
    estimator : ``L0`` (from the sum of ranks) or ``R0`` (from the run of the most extreme ranks).
    side : where effects are missing: ``left``, ``right``, or ``auto``: left where the regression on
        the standard errors has a slope that is not negative.
    method, test : of the means before and after, as in
        `metabone.models.random_effects.random_effects`.

    Raises
    ------
    DataError
        For fewer than three effects, or values that no model takes.

    References
    ----------
    Duval & Tweedie (2000a), doi:10.1111/j.0006-341X.2000.00455.x; (2000b),
    doi:10.1080/01621459.2000.10473905.

    Examples
    --------
    >>> fit = trim_fill([0.0, 0.3, 0.4, 1.2, 1.9, 2.4], [0.05, 0.06, 0.07, 0.3, 0.4, 0.5],
    ...                 test="wald")
    >>> float(fit.k0), bool(fit.left), round(float(fit.fit.coef[0]), 3)
    (3.0, True, 0.219)
    """
    estimator = check_option("estimator", estimator, TrimEstimator)
    side = check_option("side", side, TrimSide)
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    if y.shape != v.shape or y.ndim == 0 or y.shape[-1] < 3:
        raise DataError(
            f"trim and fill takes yi and vi of one shape (..., k) with k of 3 or more; got "
            f"{y.shape} and {v.shape}"
        )
    shape, k = y.shape[:-1], y.shape[-1]
    y, v = y.reshape(-1, k), v.reshape(-1, k)
    left = _missing_left(y, v, side, method)
    sign = np.where(left, 1.0, -1.0)[:, None]
    order = np.argsort(sign * y, axis=1, kind="stable")
    ys, vs = np.take_along_axis(sign * y, order, 1), np.take_along_axis(v, order, 1)
    k0, raw, center = _settle(ys, vs, estimator, method)
    known = np.where(np.isnan(k0), 0.0, k0)
    mirrored = np.arange(k)[None, :] >= (k - known)[:, None]
    place = np.argsort(order, axis=1, kind="stable")
    fill = np.take_along_axis(np.where(mirrored, 2 * center[:, None] - ys, np.nan), place, 1)
    filled_y = sign * fill
    filled_v = np.where(np.isnan(fill), np.nan, v)
    fit = _with_filled(y, v, filled_y, filled_v, shape, method, test)
    fit = _without(fit, np.isnan(k0).reshape(shape))
    return TrimFillFit(
        k0=k0.reshape(shape), k0_se=_error(raw, k, estimator).reshape(shape),
        k0_pvalue=np.where(estimator == "R0", 0.5 ** (k0 + 1), np.nan).reshape(shape),
        left=left.reshape(shape), filled_yi=filled_y.reshape(*shape, k),
        filled_vi=filled_v.reshape(*shape, k), fit=fit, estimator=estimator,
    )  # fmt: skip


def _missing_left(y: FloatArray, v: FloatArray, side: str, method: str) -> BoolArray:
    if side != "auto":
        return np.full(len(y), side == "left")
    slope = regression_test(y, v, np.sqrt(v), method=method).slope
    # A constant standard error has no slope.
    return np.asarray(~(slope < 0))


def _settle(
    y: FloatArray, v: FloatArray, estimator: str, method: str
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """k0, the same before it is rounded, and the centre; NaN where k0 goes round or is NaN.

    The effects of each data set ascend.
    """
    size, k = y.shape
    k0, raw, center = np.zeros(size), np.zeros(size), np.empty(size)
    moving, before = np.arange(size), np.full(size, -1.0)
    place = np.arange(k)[None, :]
    for _ in range(MAX_ITERATIONS):
        rest = k - k0[moving]
        mean = random_effects(
            y[moving], v[moving], method=method, test="wald", include=place < rest[:, None]
        ).coef[:, 0]
        # One effect, which has no τ², is its own centre.
        center[moving] = np.where(rest == 1, y[moving, 0], mean)
        before[moving] = k0[moving]
        raw[moving] = _missing(_centered(y[moving], center[moving]), estimator)
        k0[moving] = np.rint(raw[moving])
        moving = moving[(k0[moving] != before[moving]) & ~np.isnan(k0[moving])]
        if not len(moving):
            break
    k0[moving] = np.nan
    return k0, np.where(np.isnan(k0), np.nan, raw), center


def _centered(y: FloatArray, center: FloatArray) -> FloatArray:
    """Effects less their centre (b, k); one that differs from it by rounding alone lies on it."""
    size = np.abs(y).max(axis=1, keepdims=True)
    off = y - center[:, None]
    return np.where(np.abs(off) <= ROUNDING * size, 0.0, off)


def _missing(centered: FloatArray, estimator: str) -> FloatArray:
    """The estimated number of missing effects, not negative; `centered` (b, k).

    R0 is NaN where no effect lies below the centre, so that there is no run to measure.
    """
    k = centered.shape[1]
    order = np.argsort(np.abs(centered), axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable") + 1
    if estimator == "R0":
        highest_left = np.where(centered < 0, rank, 0).max(axis=1)
        raw = np.where(highest_left > 0, k - highest_left - 1.0, np.nan)
    else:
        wilcoxon = np.where(centered > 0, rank, 0).sum(axis=1)
        raw = (4.0 * wilcoxon - k * (k + 1)) / (2 * k - 1)
    return np.asarray(np.maximum(raw, 0.0))


def _error(k0: FloatArray, k: int, estimator: str) -> FloatArray:
    """Standard error of k0, taken before it is rounded; Duval & Tweedie (2000b)."""
    if estimator == "R0":
        return np.asarray(np.sqrt(2 * k0 + 2))
    n = float(k)
    variance = (
        n * (n + 1) * (2 * n + 1) + 10 * k0**3 + 27 * k0**2 + 17 * k0
        - 18 * n * k0**2 - 18 * n * k0 + 6 * n**2 * k0
    ) / 24  # fmt: skip
    error: FloatArray = 4 * np.sqrt(variance) / (2 * n - 1)
    return error


def _with_filled(
    y: FloatArray,
    v: FloatArray,
    filled_y: FloatArray,
    filled_v: FloatArray,
    shape: tuple[int, ...],
    method: str,
    test: str,
) -> RandomEffectsFit:
    both = (*shape, 2 * y.shape[1])
    there = np.hstack([np.ones_like(y, dtype=bool), ~np.isnan(filled_y)])
    return random_effects(
        np.hstack([y, np.where(np.isnan(filled_y), 0.0, filled_y)]).reshape(both),
        np.hstack([v, np.where(np.isnan(filled_v), 1.0, filled_v)]).reshape(both),
        method=method, test=test, include=there.reshape(both),
    )  # fmt: skip


def _without(fit: RandomEffectsFit, lost: BoolArray) -> RandomEffectsFit:
    """The fit with NaN for the data sets (...) that have no number of missing effects."""
    if not lost.any():
        return fit
    tau2, q, i2, h2 = (
        np.where(lost, np.nan, column) for column in (fit.tau2, fit.q, fit.i2, fit.h2)
    )
    coef = np.where(lost[..., None], np.nan, fit.coef)
    vcov = np.where(lost[..., None, None], np.nan, fit.vcov)
    return replace(fit, coef=coef, vcov=vcov, tau2=tau2, q=q, i2=i2, h2=h2)
