"""Quantiles and p-values by ``scipy.special`` alone, which costs a tenth of ``scipy.stats``."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, fdtrc, ndtr, ndtri, stdtr, stdtrit

from metabone.errors import UsageError

FloatArray = NDArray[np.float64]


def check_level(level: float) -> float:
    """Return `level` if it lies strictly between 0 and 1.

    Raises
    ------
    UsageError
        Otherwise.
    """
    if not 0 < level < 1:
        raise UsageError(f"level must lie between 0 and 1, e.g. 0.95; got {level!r}")
    return float(level)


def critical(df: ArrayLike, level: float) -> FloatArray:
    """Two-sided critical value of t with `df` degrees of freedom, of the normal where df is NaN.

    A df of 0 or less has no distribution and gives NaN.

    Examples
    --------
    >>> [round(float(x), 4) for x in critical([float("nan"), 4, 0], 0.95)]
    [1.96, 2.7764, nan]
    """
    tail = (1 + check_level(level)) / 2
    df = np.asarray(df, dtype=float)
    known = np.where(df > 0, df, 1.0)
    return np.where(np.isnan(df), ndtri(tail), np.where(df > 0, stdtrit(known, tail), np.nan))


def interval(estimate: float, se: float, df: float, level: float = 0.95) -> tuple[float, float]:
    """``estimate ± critical × se`` as two floats; `df` NaN means the normal distribution.

    Examples
    --------
    >>> tuple(round(x, 3) for x in interval(1.0, 0.5, 10))
    (-0.114, 2.114)
    """
    half = float(critical(df, level)) * se
    return float(estimate - half), float(estimate + half)


def two_sided_p(statistic: ArrayLike, df: ArrayLike) -> FloatArray:
    """Two-sided p-value of a t statistic, of a z where df is NaN.

    Examples
    --------
    >>> round(float(two_sided_p(1.96, float("nan"))), 4)
    0.05
    """
    size = -np.abs(np.asarray(statistic, dtype=float))
    df = np.asarray(df, dtype=float)
    known = np.where(df > 0, df, 1.0)
    student = np.where(df > 0, stdtr(known, size), np.nan)
    return 2 * np.where(np.isnan(df), ndtr(size), student)


def chi2_p(statistic: ArrayLike, df: ArrayLike) -> FloatArray:
    """Upper-tail p-value of a χ² statistic; NaN where df is not positive."""
    statistic, df = np.asarray(statistic, dtype=float), np.asarray(df, dtype=float)
    return np.where(df > 0, chdtrc(np.where(df > 0, df, 1), np.maximum(statistic, 0)), np.nan)


def f_p(statistic: ArrayLike, df1: ArrayLike, df2: ArrayLike) -> FloatArray:
    """Upper-tail p-value of an F statistic; NaN where a df is not positive."""
    statistic = np.asarray(statistic, dtype=float)
    df1, df2 = np.asarray(df1, dtype=float), np.asarray(df2, dtype=float)
    good = (df1 > 0) & (df2 > 0)
    tail = fdtrc(np.where(good, df1, 1), np.where(good, df2, 1), np.maximum(statistic, 0))
    return np.where(good, tail, np.nan)
