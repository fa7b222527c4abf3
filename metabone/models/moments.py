"""The weighted sums that every τ² estimator and every fit is made of.

With weights W = diag(1 / (v + τ²)) and P = W − W X (X′WX)⁻¹ X′W, all estimators of τ² are functions
of y′Py, y′PPy, y′PPPy, tr P and tr PP. They are computed here once, for a whole batch of data sets,
with a shorter way for a mean alone (X a column of ones).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


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


def mean_moments(y: FloatArray, w: FloatArray) -> Moments:
    """Sums for a weighted mean; `y` and `w` are (B, k), a weight of 0 leaves an effect out."""
    s1, s2 = w.sum(axis=1), _dot(w, w)
    mean = _dot(w, y) / s1
    e = y - mean[:, None]
    r = w * e  # Py
    wr = w * r
    share = s2 / s1
    s3 = np.einsum("bk,bk,bk->b", w, w, w)
    return Moments(
        coef=mean[:, None],
        cov=(1 / s1)[:, None, None],
        sum_w=s1,
        sum_w2=s2,
        tr_p=s1 - share,
        tr_pp=s2 - 2 * s3 / s1 + share**2,
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
    return Moments(
        coef=coef,
        cov=cov,
        sum_w=s1,
        sum_w2=s2,
        tr_p=s1 - np.trace(inner, axis1=1, axis2=2),
        tr_pp=s2 - 2 * np.trace(cubed, axis1=1, axis2=2) + np.einsum("bij,bji->b", inner, inner),
        q=_dot(r, e),
        q2=_dot(r, r),
        q3=_dot(w * r, r) - np.einsum("bi,bij,bj->b", xwr, cov, xwr),
    )


def moments(y: FloatArray, w: FloatArray, x: FloatArray | None) -> Moments:
    """Sums for a mean (`x` None) or a regression."""
    return mean_moments(y, w) if x is None else regression_moments(y, w, x)
