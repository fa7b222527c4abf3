"""Rank correlation of effects with their variances (Begg and Mazumdar's test)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError
from metabone.models.intervals import two_sided_p

FloatArray = NDArray[np.float64]

# Above this many effects the normal approximation is as good as the exact distribution.
EXACT_BELOW = 50
# Pairs compared at a time, so that a large batch does not fill the memory.
CHUNK = 4_000_000


@dataclass(frozen=True, slots=True)
class RankFit:
    """Kendall's τ_b, the sum S of the signs of all pairs, z and p-value; all (...).

    `exact` says where the p-value comes from the permutation distribution.
    """

    tau: FloatArray
    s: FloatArray
    statistic: FloatArray
    pvalue: FloatArray
    exact: NDArray[np.bool_]


def rank_test(yi: ArrayLike, vi: ArrayLike, *, exact: bool = True) -> RankFit:
    """Rank correlation test of funnel plot asymmetry.

    Kendall's τ_b between the variances and the standardised effects
    (yᵢ − ȳ) / √(vᵢ − 1 / Σ 1/vⱼ), ȳ the mean weighted by 1 / vᵢ.

    Parameters
    ----------
    yi, vi : (..., k) effect sizes and sampling variances.
    exact : take the exact permutation distribution of S where k < 50 and there are no ties; else,
        and where there are ties, the normal approximation with Kendall's variance for ties and
        without continuity correction.

    Returns
    -------
    RankFit
        τ of two effects is ±1 and has no test; τ is NaN where all variances are equal.

    Raises
    ------
    DataError
        If shapes differ, a value is not finite or a variance not positive.

    References
    ----------
    Begg & Mazumdar (1994), doi:10.2307/2533446; Kendall (1938), doi:10.1093/biomet/30.1-2.81.

    Examples
    --------
    >>> fit = rank_test([0.1, 0.5, 0.3, 0.8, 0.9], [0.1, 0.2, 0.3, 0.4, 0.5])
    >>> round(float(fit.tau), 3), round(float(fit.pvalue), 4)
    (0.8, 0.0833)
    """
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    if y.shape != v.shape or y.ndim == 0 or y.shape[-1] == 0:
        raise DataError(f"yi and vi must be of one shape (..., k); got {y.shape} and {v.shape}")
    if not (np.isfinite(y).all() and np.isfinite(v).all()) or (v <= 0).any():
        raise DataError("yi and vi must be finite, and every vi positive")
    shape, k = y.shape[:-1], y.shape[-1]
    y, v = y.reshape(-1, k), v.reshape(-1, k)
    w = 1 / v
    mean = (w * y).sum(axis=1, keepdims=True) / w.sum(axis=1, keepdims=True)
    # With one effect nothing is left of its variance, and there is no pair either.
    left = v - 1 / w.sum(axis=1, keepdims=True)
    standard = (y - mean) / np.sqrt(np.where(left > 0, left, 1.0))
    step = max(1, CHUNK // (k * k))
    parts = [
        _kendall(standard[i : i + step], v[i : i + step]) for i in range(0, max(len(y), 1), step)
    ]
    tau, s, variance, ties = (np.concatenate(column) for column in zip(*parts, strict=True))
    z = np.where(variance > 0, s / np.sqrt(np.where(variance > 0, variance, 1.0)), np.nan)
    pvalue = two_sided_p(z, np.nan)
    by_counting = ~ties & (2 < k < EXACT_BELOW) & exact
    if by_counting.any():
        pvalue = np.where(by_counting, exact_p(s, k), pvalue)
    columns = (tau, s, z, pvalue)
    tau, s, z, pvalue = (column.reshape(shape) for column in columns)
    return RankFit(tau, s, z, pvalue, by_counting.reshape(shape))


def _kendall(
    x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.bool_]]:
    """τ_b, S, the variance of S under no association, and whether there are ties; (b,)."""
    size, k = x.shape
    s = np.zeros(size)
    # How many effects share the value of each, itself among them.
    tx, ty = np.empty((size, k), dtype=np.int64), np.empty((size, k), dtype=np.int64)
    step = max(1, CHUNK // (size * k))
    for start in range(0, k, step):
        rows = slice(start, start + step)
        signs_x = np.sign(x[:, rows, None] - x[:, None, :])
        signs_y = np.sign(y[:, rows, None] - y[:, None, :])
        s += np.einsum("bij,bij->b", signs_x, signs_y) / 2
        tx[:, rows], ty[:, rows] = (signs_x == 0).sum(axis=2), (signs_y == 0).sum(axis=2)
    pairs = k * (k - 1) / 2
    free = (pairs - (tx - 1).sum(axis=1) / 2) * (pairs - (ty - 1).sum(axis=1) / 2)
    tau = np.where(free > 0, s / np.sqrt(np.where(free > 0, free, 1.0)), np.nan)
    ties = np.asarray((tx > 1).any(axis=1) | (ty > 1).any(axis=1))
    return tau, s, _tied_variance(tx, ty, k), ties


def _tied_variance(tx: NDArray[np.int64], ty: NDArray[np.int64], k: int) -> FloatArray:
    """Kendall's variance of S; sums over groups of ties are taken over their members."""
    if k < 3:
        return np.full(len(tx), np.nan)
    first = [((t - 1) * (2 * t + 5)).sum(axis=1) for t in (tx, ty)]
    second = [(t - 1).sum(axis=1) for t in (tx, ty)]
    third = [((t - 1) * (t - 2)).sum(axis=1) for t in (tx, ty)]
    variance: FloatArray = (
        (k * (k - 1) * (2 * k + 5) - first[0] - first[1]) / 18
        + second[0] * second[1] / (2 * k * (k - 1))
        + third[0] * third[1] / (9 * k * (k - 1) * (k - 2))
    )
    return variance


def exact_p(s: ArrayLike, k: int) -> FloatArray:
    """Two-sided p-value of S among all k! orders without ties.

    The number of discordant pairs is distributed as the inversions of a random permutation: the sum
    of independent uniform numbers on 0 … i − 1, i = 1 … k.

    Examples
    --------
    >>> [round(float(p), 4) for p in exact_p([6, 4, 0], 4)]
    [0.0833, 0.3333, 1.0]
    """
    chance = np.ones(1)
    for i in range(2, k + 1):
        chance = np.convolve(chance, np.full(i, 1 / i))
    at_most = np.minimum(np.cumsum(chance), 1.0)
    pairs = k * (k - 1) // 2
    size = np.abs(np.asarray(s, dtype=float))
    # The distribution is symmetric: |S| and more stands at this many discordant pairs or fewer.
    discordant = np.rint((pairs - size) / 2).astype(int)
    return np.asarray(np.minimum(1.0, 2 * at_most[discordant]))
