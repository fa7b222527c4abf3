"""From what papers print to what formulas need: dispersions, medians and tests, as pure arrays.

Every function broadcasts, and is NaN where there is no answer: fewer than two animals, quantiles
out of order, a p value outside (0, 1].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from metabone.effects.formulas import FloatArray, hedges_j


def sem_to_sd(sem: ArrayLike, n: ArrayLike) -> FloatArray:
    """Standard deviation from the standard error of a mean: SEM √n.

    Examples
    --------
    >>> float(sem_to_sd(0.5, 16))
    2.0
    """
    sem, n = _floats(sem, n)
    return np.where(n >= 2, sem * np.sqrt(np.maximum(n, 0)), np.nan)


def ci95_to_sd(half_width: ArrayLike, n: ArrayLike) -> FloatArray:
    """Standard deviation from the half-width of a mean's 95% interval: h √n / t.

    t is the 97.5% point of the t distribution with n − 1 degrees of freedom, since groups of
    animals are small. An interval that its authors computed with 1.96 gives too small an SD
    this way: by 13% at n = 10.

    References
    ----------
    Cochrane Handbook, section 6.5.2.2.

    Examples
    --------
    >>> round(float(ci95_to_sd(2.0, 25)), 4)  # the handbook divides by 4.128 / 2
    4.8452
    """
    half_width, n = _floats(half_width, n)
    usable = n >= 2
    quantile = stdtrit(np.where(usable, n - 1, 1.0), 0.975)
    return np.where(usable, half_width * np.sqrt(np.maximum(n, 0)) / quantile, np.nan)


def range_in_sds(n: ArrayLike) -> FloatArray:
    """Expected range of n normal values, in SDs: 2 Φ⁻¹((n − 0.375) / (n + 0.25)).

    This is Blom's approximation, for every n; it lies 2.7% above the exact expectation at n = 3,
    1.4% at n = 5, and within 0.5% from n = 10 on.

    References
    ----------
    Wan et al. (2014), doi:10.1186/1471-2288-14-135, eq. 9.

    Examples
    --------
    >>> round(float(range_in_sds(50)), 3)
    4.487
    """
    n = np.asarray(n, dtype=float)
    return _spread_in_sds(n, (n - 0.375) / (n + 0.25))


def iqr_in_sds(n: ArrayLike) -> FloatArray:
    """Expected interquartile range of n normal values: 2 Φ⁻¹((0.75 n − 0.125) / (n + 0.25)).

    References
    ----------
    Wan et al. (2014), doi:10.1186/1471-2288-14-135, eq. 16.

    Examples
    --------
    >>> round(float(iqr_in_sds(1e6)), 3)
    1.349
    """
    n = np.asarray(n, dtype=float)
    return _spread_in_sds(n, (0.75 * n - 0.125) / (n + 0.25))


def range_to_mean_sd(
    n: ArrayLike, minimum: ArrayLike, median: ArrayLike, maximum: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Mean (Luo) and SD (Wan) of a near-normal group from its median and range.

    mean = w (min + max) / 2 + (1 − w) median with w = 4 / (4 + n^0.75);
    SD = (max − min) / `range_in_sds`.

    References
    ----------
    Luo et al. (2018), doi:10.1177/0962280216669183, eq. 7;
    Wan et al. (2014), doi:10.1186/1471-2288-14-135, eq. 9.

    Examples
    --------
    >>> mean, sd = range_to_mean_sd(40, 2, 5, 11)
    >>> round(float(mean), 4), round(float(sd), 4)
    (5.3014, 2.0869)
    """
    n, minimum, median, maximum = _floats(n, minimum, median, maximum)
    usable = (n >= 2) & (minimum <= median) & (median <= maximum) & (minimum < maximum)
    size = np.where(n >= 2, n, 2.0)
    w = 4 / (4 + size**0.75)
    mean = w * (minimum + maximum) / 2 + (1 - w) * median
    return _both(mean, (maximum - minimum) / range_in_sds(n), usable)


def quartiles_to_mean_sd(
    n: ArrayLike, q1: ArrayLike, median: ArrayLike, q3: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Mean (Luo) and SD (Wan) of a near-normal group from its median and quartiles.

    mean = w (q1 + q3) / 2 + (1 − w) median with w = 0.7 + 0.39 / n;
    SD = (q3 − q1) / `iqr_in_sds`.

    References
    ----------
    Luo et al. (2018), doi:10.1177/0962280216669183, eq. 11;
    Wan et al. (2014), doi:10.1186/1471-2288-14-135, eq. 16.

    Examples
    --------
    >>> mean, sd = quartiles_to_mean_sd(60, 3, 5, 8)
    >>> round(float(mean), 4), round(float(sd), 4)
    (5.3533, 3.7979)
    """
    n, q1, median, q3 = _floats(n, q1, median, q3)
    usable = (n >= 2) & (q1 <= median) & (median <= q3) & (q1 < q3)
    w = 0.7 + 0.39 / np.where(n >= 2, n, 2.0)
    mean = w * (q1 + q3) / 2 + (1 - w) * median
    return _both(mean, (q3 - q1) / iqr_in_sds(n), usable)


def five_numbers_to_mean_sd(
    n: ArrayLike,
    minimum: ArrayLike,
    q1: ArrayLike,
    median: ArrayLike,
    q3: ArrayLike,
    maximum: ArrayLike,
) -> tuple[FloatArray, FloatArray]:
    """Mean (Luo) and SD (Shi) of a near-normal group from median, quartiles and range.

    mean = w₁ (min + max) / 2 + w₂ (q1 + q3) / 2 + (1 − w₁ − w₂) median with
    w₁ = 2.2 / (2.2 + n^0.75) and w₂ = 0.7 − 0.72 / n^0.55;
    SD = w (max − min) / `range_in_sds` + (1 − w) (q3 − q1) / `iqr_in_sds` with
    w = 1 / (1 + 0.07 n^0.6).

    References
    ----------
    Luo et al. (2018), doi:10.1177/0962280216669183, eq. 15;
    Shi et al. (2020), doi:10.1002/jrsm.1429, eq. 11.

    Examples
    --------
    >>> mean, sd = five_numbers_to_mean_sd(50, 2, 4, 5, 7, 10)
    >>> round(float(mean), 4), round(float(sd), 4)
    (5.4129, 1.9973)
    """
    n, minimum, q1, median, q3, maximum = _floats(n, minimum, q1, median, q3, maximum)
    ordered = (minimum <= q1) & (q1 <= median) & (median <= q3) & (q3 <= maximum)
    usable = (n >= 2) & ordered & (minimum < maximum)
    size = np.where(n >= 2, n, 2.0)
    w1, w2 = 2.2 / (2.2 + size**0.75), 0.7 - 0.72 / size**0.55
    mean = w1 * (minimum + maximum) / 2 + w2 * (q1 + q3) / 2 + (1 - w1 - w2) * median
    w = 1 / (1 + 0.07 * size**0.6)
    sd = w * (maximum - minimum) / range_in_sds(n) + (1 - w) * (q3 - q1) / iqr_in_sds(n)
    return _both(mean, sd, usable)


def t_to_g(t: ArrayLike, n1: ArrayLike, n2: ArrayLike) -> FloatArray:
    """Hedges' g behind a two-sample t statistic: J t √(1/n1 + 1/n2).

    It is exactly the g of the arms if the test pooled their variances (Student, not Welch).

    References
    ----------
    Borenstein (2009), in The Handbook of Research Synthesis and Meta-Analysis, eq. 12.18.

    Examples
    --------
    >>> round(float(t_to_g(2.985, 50, 50)), 4)
    0.5924
    """
    t, n1, n2 = _floats(t, n1, n2)
    usable = (n1 >= 2) & (n2 >= 2)
    size1, size2 = np.where(usable, n1, 2.0), np.where(usable, n2, 2.0)
    g = hedges_j(size1 + size2 - 2) * t * np.sqrt(1 / size1 + 1 / size2)
    return np.where(usable, g, np.nan)


def f_to_t(f: ArrayLike, sign: ArrayLike) -> FloatArray:
    """Student's t behind an F with one numerator degree of freedom: √F with a given sign.

    Parameters
    ----------
    sign : +1 where the treated arm is higher, −1 where it is lower.

    Examples
    --------
    >>> float(f_to_t(9.0, -1))
    -3.0
    """
    f, sign = _floats(f, sign)
    return np.where(f >= 0, sign * np.sqrt(np.maximum(f, 0)), np.nan)


def p_to_t(p: ArrayLike, df: ArrayLike, sign: ArrayLike) -> FloatArray:
    """Student's t behind a two-sided p value, with a given sign.

    Parameters
    ----------
    p : two-sided p value in (0, 1].
    df : degrees of freedom of the test, n1 + n2 − 2.
    sign : +1 where the treated arm is higher, −1 where it is lower.

    Examples
    --------
    >>> round(float(p_to_t(0.05, 10, 1)), 3)
    2.228
    """
    p, df, sign = _floats(p, df, sign)
    usable = (p > 0) & (p <= 1) & (df >= 1)
    # The lower tail keeps the digits that 1 − p/2 loses for a tiny p.
    tail = stdtrit(np.where(usable, df, 1.0), np.where(usable, p, 1.0) / 2)
    return np.where(usable, sign * np.abs(tail), np.nan)


def _spread_in_sds(n: FloatArray, upper: FloatArray) -> FloatArray:
    usable = n >= 2
    return np.where(usable, 2 * ndtri(np.where(usable, upper, 0.75)), np.nan)


def _floats(*values: ArrayLike) -> tuple[FloatArray, ...]:
    return tuple(np.asarray(value, dtype=float) for value in values)


def _both(
    mean: FloatArray, sd: FloatArray, usable: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    known = usable & np.isfinite(mean) & np.isfinite(sd) & (sd > 0)
    return np.where(known, mean, np.nan), np.where(known, sd, np.nan)
