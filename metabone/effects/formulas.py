"""Effect sizes and their sampling variances: pure arrays, 1 = treated and 2 = control.

Every function takes ``n1, m1, sd1, n2, m2, sd2`` (sizes, means and standard deviations that
broadcast against each other, with any leading axes) and returns ``(yi, vi)`` of the broadcast
shape. Where a formula has no answer (an arm of fewer than two animals, an SD that is zero or
negative, a logarithm of a mean that is not positive, a missing value) both are NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import poch

from metabone.options import check_variance

FloatArray = NDArray[np.float64]
Effects = tuple[FloatArray, FloatArray]


def hedges_j(df: ArrayLike) -> FloatArray:
    """Exact small-sample factor that makes Cohen's d unbiased.

    J = Γ(df/2) / (√(df/2) Γ((df − 1)/2)).

    Parameters
    ----------
    df : (…) degrees of freedom of the SD; below 2 the factor does not exist and is NaN.

    References
    ----------
    Hedges (1981), doi:10.3102/10769986006002107, eq. 6e.

    Examples
    --------
    >>> round(float(hedges_j(10)), 6)
    0.922746
    """
    df = np.asarray(df, dtype=float)
    usable = df >= 2
    # Γ(a + ½) / Γ(a) as a Pochhammer symbol keeps its digits where a difference of two large
    # log gammas would lose them.
    half = np.where(usable, df, 2.0) / 2
    return np.where(usable, poch(half - 0.5, 0.5) / np.sqrt(half), np.nan)


def mean_term(n: ArrayLike, sd: ArrayLike) -> FloatArray:
    """Sampling variance of one arm's mean: sd² / n."""
    n, sd = _floats(n, sd)
    return np.asarray(sd**2 / n)


def log_mean_term(n: ArrayLike, m: ArrayLike, sd: ArrayLike) -> FloatArray:
    """First-order sampling variance of the log of one arm's mean: sd² / (n m²).

    Two ratios that share a control arm covary by that arm's term.
    """
    n, m, sd = _floats(n, m, sd)
    return np.asarray(sd**2 / (n * m**2))


def log_sd_term(n: ArrayLike) -> FloatArray:
    """First-order sampling variance of the log of one arm's SD: 1 / (2 (n − 1)).

    It is also the bias that a log SD carries with a minus sign (Raudenbush and Bryk 1987).
    """
    return np.asarray(1 / (2 * (np.asarray(n, dtype=float) - 1)))


def pooled_sd(n1: ArrayLike, sd1: ArrayLike, n2: ArrayLike, sd2: ArrayLike) -> FloatArray:
    """Within-group SD of two arms of equal true spread, with n1 + n2 − 2 degrees of freedom."""
    n1, sd1, n2, sd2 = _floats(n1, sd1, n2, sd2)
    return np.sqrt(((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / (n1 + n2 - 2))


def md(
    n1: ArrayLike, m1: ArrayLike, sd1: ArrayLike,
    n2: ArrayLike, m2: ArrayLike, sd2: ArrayLike, variance: str = "LS",
) -> Effects:  # fmt: skip
    """Mean difference m1 − m2, in the outcome's own unit.

    Parameters
    ----------
    variance : ``LS`` sd1²/n1 + sd2²/n2, or ``HO`` the pooled SD² (1/n1 + 1/n2), which takes both
        arms to have one spread.

    Raises
    ------
    UsageError
        For another variance.

    Examples
    --------
    >>> yi, vi = md(10, 103, 5.5, 20, 100, 4.5)
    >>> round(float(yi), 4), round(float(vi), 4)
    (3.0, 4.0375)
    """
    variance = check_variance("MD", variance)
    n1, m1, sd1, n2, m2, sd2 = _floats(n1, m1, sd1, n2, m2, sd2)
    with np.errstate(all="ignore"):
        if variance == "HO":
            vi = pooled_sd(n1, sd1, n2, sd2) ** 2 * (1 / n1 + 1 / n2)
        else:
            vi = mean_term(n1, sd1) + mean_term(n2, sd2)
        return _answer(m1 - m2, vi, _arms(n1, sd1, n2, sd2))


def smd(
    n1: ArrayLike, m1: ArrayLike, sd1: ArrayLike,
    n2: ArrayLike, m2: ArrayLike, sd2: ArrayLike, variance: str = "LS",
) -> Effects:  # fmt: skip
    """Standardised mean difference with the pooled SD: Hedges' g with the exact factor J.

    Parameters
    ----------
    variance : see `smd_variance`. It never changes `yi`.

    References
    ----------
    Hedges (1981), doi:10.3102/10769986006002107.

    Raises
    ------
    UsageError
        For another variance.

    Examples
    --------
    >>> yi, vi = smd(50, 103, 5.5, 50, 100, 4.5)
    >>> round(float(yi), 4), round(float(vi), 4)
    (0.5924, 0.0418)
    """
    variance = check_variance("SMD", variance)
    n1, m1, sd1, n2, m2, sd2 = _floats(n1, m1, sd1, n2, m2, sd2)
    usable = _arms(n1, sd1, n2, sd2)
    with np.errstate(all="ignore"):
        d = (m1 - m2) / pooled_sd(n1, sd1, n2, sd2)
        g = np.where(usable, hedges_j(n1 + n2 - 2) * d, np.nan)
        return _answer(g, smd_variance(g, n1, n2, variance), usable)


def smd_variance(g: ArrayLike, n1: ArrayLike, n2: ArrayLike, variance: str = "LS") -> FloatArray:
    """Sampling variance of Hedges' g.

    With N = n1 + n2, df = N − 2, u = 1/n1 + 1/n2 and d = g / J:

    ========  ==================================  ==========================================
    variance  formula                             source
    ========  ==================================  ==========================================
    LS        u + g² / (2 N)                      Hedges (1982), large-sample
    LS2       J² (u + d² / (2 N))                 Borenstein (2009), eq. 12.17
    UB        u + (1 − (df − 2) / (df J²)) g²     Hedges (1983), unbiased
    AV        u + ḡ² / (2 N)                      ḡ: mean of g over the last axis, weights N
    REVMAN    u + g² / (2 (N − 3.94))             RevMan and SyRF (Hedges and Olkin 1985)
    ========  ==================================  ==========================================

    Rows whose g or size is NaN do not count in ḡ.

    Raises
    ------
    UsageError
        For another variance.

    Examples
    --------
    >>> round(float(smd_variance(0.5, 10, 10, "REVMAN")), 6)
    0.207783
    """
    variance = check_variance("SMD", variance)
    g, n1, n2 = _floats(g, n1, n2)
    with np.errstate(all="ignore"):
        total, df, u = n1 + n2, n1 + n2 - 2, 1 / n1 + 1 / n2
        if variance == "LS2":
            j = hedges_j(df)
            return j**2 * (u + (g / j) ** 2 / (2 * total))
        if variance == "UB":
            return u + (1 - (df - 2) / (df * hedges_j(df) ** 2)) * g**2
        if variance == "AV":
            g = _weighted_mean(g, total)
        return u + g**2 / (2 * (total - 3.94 if variance == "REVMAN" else total))


def smdh(
    n1: ArrayLike, m1: ArrayLike, sd1: ArrayLike,
    n2: ArrayLike, m2: ArrayLike, sd2: ArrayLike, variance: str = "LS",
) -> Effects:  # fmt: skip
    """Standardised mean difference for unequal spreads: the SD is √((sd1² + sd2²) / 2).

    The factor J has n1 + n2 − 2 degrees of freedom; the variance is Bonett's,
    g² (sd1⁴/(n1 − 1) + sd2⁴/(n2 − 1)) / (8 s⁴) + (sd1²/(n1 − 1) + sd2²/(n2 − 1)) / s².

    References
    ----------
    Bonett (2008), doi:10.1037/1082-989X.13.2.99; Bonett (2009), doi:10.1037/a0014270.

    Examples
    --------
    >>> yi, vi = smdh(10, 103, 5.5, 10, 100, 4.5)
    >>> round(float(yi), 4)
    0.5717
    """
    check_variance("SMDH", variance)
    n1, m1, sd1, n2, m2, sd2 = _floats(n1, m1, sd1, n2, m2, sd2)
    with np.errstate(all="ignore"):
        square = (sd1**2 + sd2**2) / 2
        g = hedges_j(n1 + n2 - 2) * (m1 - m2) / np.sqrt(square)
        spread = (sd1**4 / (n1 - 1) + sd2**4 / (n2 - 1)) / (8 * square**2)
        means = (sd1**2 / (n1 - 1) + sd2**2 / (n2 - 1)) / square
        return _answer(g, g**2 * spread + means, _arms(n1, sd1, n2, sd2))


def smd1(
    n1: ArrayLike, m1: ArrayLike, sd1: ArrayLike,
    n2: ArrayLike, m2: ArrayLike, sd2: ArrayLike, variance: str = "LS",
) -> Effects:  # fmt: skip
    """Standardised mean difference with the control arm's SD: Glass' Δ.

    The factor J has n2 − 1 degrees of freedom; the variance is 1/n1 + 1/n2 + Δ² / (2 n2).

    References
    ----------
    Glass (1976), doi:10.3102/0013189X005010003; Hedges (1981),
    doi:10.3102/10769986006002107.

    Examples
    --------
    >>> yi, vi = smd1(10, 103, 5.5, 10, 100, 4.5)
    >>> round(float(yi), 4), round(float(vi), 4)
    (0.6092, 0.2186)
    """
    check_variance("SMD1", variance)
    n1, m1, sd1, n2, m2, sd2 = _floats(n1, m1, sd1, n2, m2, sd2)
    with np.errstate(all="ignore"):
        delta = hedges_j(n2 - 1) * (m1 - m2) / sd2
        vi = 1 / n1 + 1 / n2 + delta**2 / (2 * n2)
        return _answer(delta, vi, _arms(n1, sd1, n2, sd2))


def rom(
    n1: ArrayLike, m1: ArrayLike, sd1: ArrayLike,
    n2: ArrayLike, m2: ArrayLike, sd2: ArrayLike, variance: str = "LS",
) -> Effects:  # fmt: skip
    """Log ratio of means with the first-order correction of its small-sample bias (RRΔ).

    yi = ln(m1 / m2) + ½ (sd1²/(n1 m1²) − sd2²/(n2 m2²)).

    Parameters
    ----------
    variance : ``LS`` sd1²/(n1 m1²) + sd2²/(n2 m2²), or ``AV`` with each arm's coefficient of
        variation replaced by its mean over the last axis, weighted by the arm's size.

    References
    ----------
    Hedges, Gurevitch and Curtis (1999), doi:10.1890/0012-9658(1999)080[1150:TMAORR]2.0.CO;2;
    Lajeunesse (2015), doi:10.1890/14-2402.1, eq. 8.

    Raises
    ------
    UsageError
        For another variance.

    Examples
    --------
    >>> yi, vi = rom(10, 110, 11, 10, 100, 10)
    >>> round(float(yi), 5), round(float(vi), 5)
    (0.09531, 0.002)
    """
    variance = check_variance("ROM", variance)
    n1, m1, sd1, n2, m2, sd2 = _floats(n1, m1, sd1, n2, m2, sd2)
    usable = _arms(n1, sd1, n2, sd2) & (m1 > 0) & (m2 > 0)
    with np.errstate(all="ignore"):
        term1, term2 = log_mean_term(n1, m1, sd1), log_mean_term(n2, m2, sd2)
        yi = np.log(m1 / m2) + (term1 - term2) / 2
        if variance == "AV":
            term1 = _weighted_mean(np.where(usable, sd1 / m1, np.nan), n1) ** 2 / n1
            term2 = _weighted_mean(np.where(usable, sd2 / m2, np.nan), n2) ** 2 / n2
        return _answer(yi, term1 + term2, usable)


def nmd(
    n1: ArrayLike, m1: ArrayLike, sd1: ArrayLike,
    n2: ArrayLike, m2: ArrayLike, sd2: ArrayLike,
    n_sham: ArrayLike, m_sham: ArrayLike, sd_sham: ArrayLike, variance: str = "LS",
) -> Effects:  # fmt: skip
    """Normalised mean difference: 100 (m1 − m2) / (m_sham − m2), where 100 is full rescue.

    Parameters
    ----------
    variance : ``DELTA`` (``LS`` means the same): first order over all three groups. With
        D = m_sham − m2 and r = (m1 − m2) / D it is
        (100 / D)² (sd1²/n1 + (1 − r)² sd2²/n2 + r² sd_sham²/n_sham).
        ``FIXED_SHAM``: the healthy level, and with it the scale D, is taken as known, as
        CAMARADES does: (100 / D)² (sd1²/n1 + sd2²/n2); `n_sham` and `sd_sham` are not used.

    References
    ----------
    Vesterinen et al. (2014), doi:10.1016/j.jneumeth.2013.09.010, section 2.3.

    Raises
    ------
    UsageError
        For another variance.

    Examples
    --------
    >>> yi, vi = nmd(8, 0.15, 0.02, 8, 0.10, 0.02, 8, 0.20, 0.02)
    >>> round(float(yi), 4), round(float(vi), 4)
    (50.0, 75.0)
    """
    variance = check_variance("NMD", variance)
    n1, m1, sd1, n2, m2, sd2 = _floats(n1, m1, sd1, n2, m2, sd2)
    n_sham, m_sham, sd_sham = _floats(n_sham, m_sham, sd_sham)
    usable = _arms(n1, sd1, n2, sd2)
    with np.errstate(all="ignore"):
        scale = m_sham - m2
        r = (m1 - m2) / scale
        vi = mean_term(n1, sd1)
        if variance == "FIXED_SHAM":
            vi = vi + mean_term(n2, sd2)
        else:
            usable = usable & (n_sham >= 2) & (sd_sham > 0)
            vi = vi + (1 - r) ** 2 * mean_term(n2, sd2) + r**2 * mean_term(n_sham, sd_sham)
        return _answer(100 * r, (100 / scale) ** 2 * vi, usable)


def vr(
    n1: ArrayLike, m1: ArrayLike, sd1: ArrayLike,
    n2: ArrayLike, m2: ArrayLike, sd2: ArrayLike, variance: str = "LS",
) -> Effects:  # fmt: skip
    """Log variability ratio: ln(sd1 / sd2) + 1/(2 (n1 − 1)) − 1/(2 (n2 − 1)).

    The means are not used.

    References
    ----------
    Nakagawa et al. (2015), doi:10.1111/2041-210X.12309, eq. 5 and 6.

    Examples
    --------
    >>> yi, vi = vr(11, 0, 6.0, 11, 0, 3.0)
    >>> round(float(yi), 4), round(float(vi), 4)
    (0.6931, 0.1)
    """
    check_variance("VR", variance)
    n1, _, sd1, n2, _, sd2 = _floats(n1, m1, sd1, n2, m2, sd2)
    with np.errstate(all="ignore"):
        term1, term2 = log_sd_term(n1), log_sd_term(n2)
        yi = np.log(sd1 / sd2) + term1 - term2
        return _answer(yi, term1 + term2, _arms(n1, sd1, n2, sd2))


def cvr(
    n1: ArrayLike, m1: ArrayLike, sd1: ArrayLike,
    n2: ArrayLike, m2: ArrayLike, sd2: ArrayLike, variance: str = "LS",
) -> Effects:  # fmt: skip
    """Log ratio of coefficients of variation: `vr` minus `rom`, each corrected for bias.

    The variance is the sum of theirs: for normal data an arm's mean and SD are independent.

    References
    ----------
    Nakagawa et al. (2015), doi:10.1111/2041-210X.12309; Senior, Viechtbauer and Nakagawa
    (2020), doi:10.1002/jrsm.1423.

    Examples
    --------
    >>> yi, vi = cvr(11, 20, 6.0, 11, 20, 3.0)
    >>> round(float(yi), 4), round(float(vi), 4)
    (0.6901, 0.1102)
    """
    check_variance("CVR", variance)
    log_sd, sd_vi = vr(n1, m1, sd1, n2, m2, sd2)
    log_mean, mean_vi = rom(n1, m1, sd1, n2, m2, sd2)
    return log_sd - log_mean, sd_vi + mean_vi


def _floats(*values: ArrayLike) -> tuple[FloatArray, ...]:
    return tuple(np.asarray(value, dtype=float) for value in values)


def _arms(n1: FloatArray, sd1: FloatArray, n2: FloatArray, sd2: FloatArray) -> NDArray[np.bool_]:
    """Where both arms have a spread: two animals or more and a positive SD, all finite."""
    finite = np.isfinite(n1) & np.isfinite(n2) & np.isfinite(sd1) & np.isfinite(sd2)
    return finite & (n1 >= 2) & (n2 >= 2) & (sd1 > 0) & (sd2 > 0)


def _weighted_mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean over the last axis (kept, so that it broadcasts back), NaN left out."""
    if np.ndim(values) == 0:
        return values
    known = np.isfinite(values) & np.isfinite(weights)
    total: Any = np.where(known, values * weights, 0.0).sum(axis=-1, keepdims=True)
    return np.asarray(total / np.where(known, weights, 0.0).sum(axis=-1, keepdims=True))


def _answer(yi: FloatArray, vi: FloatArray, usable: NDArray[np.bool_]) -> Effects:
    """Both numbers, or NaN for both: half an effect size is of no use to anyone."""
    known = usable & np.isfinite(yi) & np.isfinite(vi) & (vi > 0)
    return np.where(known, yi, np.nan), np.where(known, vi, np.nan)
