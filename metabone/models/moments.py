"""The weighted sums that every τ² estimator and every fit is made of.

With weights W = diag(1 / (v + τ²)) and P = W − W X (X′WX)⁻¹ X′W, all estimators of τ² are functions
of y′Py, y′PPy, y′PPPy, tr P and tr PP. They are computed here once, for a whole batch of data sets,
with a shorter way for a mean alone (X a column of ones).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError

FloatArray = NDArray[np.float64]

# Sampling variances further apart than this leave no digit of the less precise effects.
FAR_APART = 1e16


class Moments(NamedTuple):
    """Sums for B data sets of k effects and p coefficients.

    ``coef`` (B, p), ``cov`` = (X′WX)⁻¹ (B, p, p), the others (B,): ``sum_w`` = tr W,
    ``sum_w2`` = tr W², ``tr_p`` = tr P, ``tr_pp`` = tr PP, ``q`` = y′Py, ``q2`` = y′PPy,
    ``q3`` = y′PPPy.
    """

    coef: FloatArray
    cov: FloatArray
    sum_w: FloatArray
    sum_w2: FloatArray
    tr_p: FloatArray
    tr_pp: FloatArray
    q: FloatArray
    q2: FloatArray
    q3: FloatArray


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Row by row Σ a·b."""
    total: FloatArray = np.einsum("bk,bk->b", a, b)
    return total


def refuse_far_apart(vi: FloatArray) -> None:
    """Refuse sampling variances (..., k) that no sum can hold together.

    Raises
    ------
    DataError
        If the largest of a data set is more than 10¹⁶ times the smallest.
    """
    low, high = vi.min(axis=-1), vi.max(axis=-1)
    if (high > FAR_APART * low).any():
        first = np.flatnonzero((high > FAR_APART * low).reshape(-1))[0]
        raise DataError(
            f"the sampling variances reach from {low.reshape(-1)[first]:.3g} to "
            f"{high.reshape(-1)[first]:.3g}, too far apart to be weighted together; look for a "
            "wrong unit or standard deviation"
        )


def at_least(square: FloatArray, trace: FloatArray, k: int) -> FloatArray:
    """tr PP, which cannot be less than (tr P)² / k; (B,).

    Rounding makes it less, or 0, where one weight is 10⁸ times the others.
    """
    return np.maximum(square, trace**2 / k)


def mean_moments(y: FloatArray, w: FloatArray) -> Moments:
    """Sums for a weighted mean; `y` and `w` are (B, k), a weight of 0 leaves an effect out."""
    s1, s2 = w.sum(axis=1), _dot(w, w)
    mean = _dot(w, y) / s1
    e = y - mean[:, None]
    r = w * e  # Py
    wr = w * r
    share = s2 / s1
    s3 = np.einsum("bk,bk,bk->b", w, w, w)
    trace = s1 - share
    return Moments(
        coef=mean[:, None],
        cov=(1 / s1)[:, None, None],
        sum_w=s1,
        sum_w2=s2,
        tr_p=trace,
        tr_pp=at_least(s2 - 2 * s3 / s1 + share**2, trace, y.shape[1]),
        q=_dot(r, e),
        q2=_dot(r, r),
        q3=_dot(wr, r) - wr.sum(axis=1) ** 2 / s1,
    )


def regression_moments(y: FloatArray, w: FloatArray, x: FloatArray) -> Moments:
    """Sums for a weighted regression; `x` is (B, k, p), or (1, k, p) when all share it."""
    wx = w[:, :, None] * x
    w2x = w[:, :, None] * wx
    xt = np.swapaxes(x, -1, -2)
    cov = np.linalg.inv(xt @ wx).astype(float, copy=False)
    coef = (cov @ (np.swapaxes(wx, -1, -2) @ y[:, :, None]))[:, :, 0]
    e = y - (x @ coef[:, :, None])[:, :, 0]
    r = w * e
    inner = cov @ (xt @ w2x)
    cubed = cov @ (np.swapaxes(wx, -1, -2) @ w2x)
    xwr = (np.swapaxes(wx, -1, -2) @ r[:, :, None])[:, :, 0]
    s1, s2 = w.sum(axis=1), _dot(w, w)
    trace = s1 - np.trace(inner, axis1=1, axis2=2)
    square = s2 - 2 * np.trace(cubed, axis1=1, axis2=2) + np.einsum("bij,bji->b", inner, inner)
    return Moments(
        coef=coef,
        cov=cov,
        sum_w=s1,
        sum_w2=s2,
        tr_p=trace,
        tr_pp=at_least(square, trace, y.shape[1]),
        q=_dot(r, e),
        q2=_dot(r, r),
        q3=_dot(w * r, r) - np.einsum("bi,bij,bj->b", xwr, cov, xwr),
    )


def moments(y: FloatArray, w: FloatArray, x: FloatArray | None) -> Moments:
    """Sums for a mean (`x` None) or a regression."""
    return mean_moments(y, w) if x is None else regression_moments(y, w, x)
