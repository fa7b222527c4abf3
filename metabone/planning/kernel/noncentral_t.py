"""Noncentral t, as the expectation of a normal probability over the error SD.

T = (Z + δ)/S with S = √(χ²_df/df) gives P(T ≤ x) = E Φ(xS − δ), and P(T > x) = E Φ(δ − xS). The
integrand is positive in both tails, so nothing cancels: the series of AS 243 (Lenth 1989) loses the
lower tail by alternating signs, and underflows for |δ| above 37. The integrand over log s is
log-concave; its peak and its ends are found, and Gauss-Legendre nodes are laid between.
"""

import math

from metabone.planning.kernel.basis import (
    ROOT_2PI,
    check_df,
    check_number,
)
from metabone.planning.kernel.central import ROOT_HALF, norm_cdf, norm_sf, t_tails
from metabone.planning.kernel.quadrature import FINE_RULE, chi_power, chi_scale

INF = float("inf")
# The ends of the integral lie where the integrand has fallen by e^(−38), 3e-17 of its peak.
FALL = 38.0


def nct_cdf(x: float, df: float, nc: float) -> float:
    """P(T ≤ x) of the noncentral t with df degrees of freedom and noncentrality nc.

    References
    ----------
    Lenth RV. Algorithm AS 243. Applied Statistics 1989;38:185-189. doi:10.2307/2347693
    Benton D, Krishnamoorthy K. Computing discrete mixtures of continuous distributions.
    Computational Statistics & Data Analysis 2003;43:249-267.
    doi:10.1016/S0167-9473(02)00283-9

    Examples
    --------
    >>> round(nct_cdf(2.0, 10, 1.5), 9)
    0.659154072
    """
    return _nct(x, df, nc, 1.0)


def nct_sf(x: float, df: float, nc: float) -> float:
    """P(T > x) of the noncentral t: the power of a one-sided t test at critical value x.

    Examples
    --------
    Power of the two-sided 5 % t test of two groups of 6 that differ by 2 SD.

    >>> from metabone.planning.kernel.central import t_isf
    >>> critical, shift = t_isf(0.025, 10), 2 * 3**0.5
    >>> round(nct_sf(critical, 10, shift) + nct_cdf(-critical, 10, shift), 10)
    0.8764177714
    """
    return _nct(x, df, nc, -1.0)


def _nct(x: float, df: float, nc: float, sign: float) -> float:
    """E Φ(sign·(xS − nc)): limits first, then the integral of the smaller tail's side."""
    check_number(x, "x")
    check_df(df, "df", True)
    if not -1e8 <= nc <= 1e8:
        raise ValueError("nc must lie between -1e8 and 1e8, not be " + str(nc))
    if abs(x) > 1e40:
        return 1.0 if x * sign > 0 else 0.0
    if nc == 0.0 and df < 1e6:
        return t_tails(x, df)[0 if sign > 0 else 1]
    if x == 0.0 or df > 1e15:
        return norm_cdf(x - nc) if sign > 0 else norm_sf(x - nc)
    # The larger tail is 1 less the smaller one; the middle of T is near nc.
    if (x - nc) * sign > 0:
        return max(0.0, 1.0 - _integral(-sign * x, df, -sign * nc))
    return _integral(sign * x, df, sign * nc)


def _integral(x: float, df: float, nc: float) -> float:
    """E Φ(xS − nc) over S by Gauss-Legendre panels between the ends of the integrand."""
    peak, curve = _peak(x, df, nc)
    low, high = _ends(x, df, nc, peak, curve)
    cuts = [low]
    for side in (-6.0, 6.0):
        cut = nc / x + side / abs(x)
        if low * 1.01 < cut < high * 0.99:
            cuts.append(cut)
    cuts.append(high)
    total = 0.0
    for i in range(len(cuts) - 1):
        total += _panel(x, df, nc, cuts[i], cuts[i + 1])
    return min(1.0, total * chi_scale(df))


def _panel(x: float, df: float, nc: float, low: float, high: float) -> float:
    """Integral of s^(df−1) e^(−df(s²−1)/2) Φ(xs − nc) from low to high, over w with s = w^k."""
    power = chi_power(df)
    if power != 1.0:
        low, high = low ** (1.0 / power), high ** (1.0 / power)
    half, middle = 0.5 * (high - low), 0.5 * (high + low)
    log, exp, erfc = math.log, math.exp, math.erfc
    a, b = -x * ROOT_HALF, nc * ROOT_HALF
    total = 0.0
    for node, weight in FINE_RULE:
        w = middle + half * node
        s = w if power == 1.0 else w**power
        shape = exp(df * (log(s) - 0.5 * (s - 1.0) * (s + 1.0)))
        total += weight * shape * erfc(a * s + b) / w
    return 0.5 * half * power * total


def _log_norm(a: float) -> float:
    """log Φ(a), by its asymptotic series where Φ would underflow."""
    if a > -30.0:
        return math.log(0.5 * math.erfc(-a * ROOT_HALF))
    i = 1.0 / (a * a)
    return -0.5 * a * a - math.log(-a * ROOT_2PI) - i * (1.0 - 2.5 * i)


def _hazard(a: float) -> float:
    """φ(a)/Φ(a)."""
    if a > 38.0:
        return 0.0
    if a > -30.0:
        return math.exp(-0.5 * a * a) / (ROOT_2PI * 0.5 * math.erfc(-a * ROOT_HALF))
    return -a / (1.0 - 1.0 / (a * a))


def _log_integrand(s: float, x: float, df: float, nc: float) -> float:
    return df * (math.log(s) - 0.5 * (s - 1.0) * (s + 1.0)) + _log_norm(x * s - nc)


def _peak(x: float, df: float, nc: float) -> tuple[float, float]:
    """Peak of the integrand over log s, nearly, and its second derivative in s there."""
    s = 1.0
    curve = -2.0 * df
    for _ in range(80):
        a = x * s - nc
        hazard = _hazard(a)
        slope = df / s - df * s + x * hazard
        curve = -df / (s * s) - df - x * x * hazard * (a + hazard)
        move = -slope / curve
        s = s + move if s + move > 0.25 * s else 0.25 * s
        if move * move * -curve < 1e-3:
            break
    return s, curve


def _ends(x: float, df: float, nc: float, peak: float, curve: float) -> tuple[float, float]:
    """Where the integrand has fallen by about e^(−38) on either side, by scaling parabolas."""
    top = _log_integrand(peak, x, df, nc)
    width = math.sqrt(2.0 * FALL / -curve)
    ends = []
    for side in (-1.0, 1.0):
        reach = width / peak
        s = peak
        for _ in range(12):
            s = peak * math.exp(side * reach) if side < 0 else peak * (1.0 + reach)
            fall = top - _log_integrand(s, x, df, nc)
            if 36.0 < fall < 50.0:
                break
            reach *= min(4.0, math.sqrt(FALL * 1.1 / max(fall, 1e-3)))
        ends.append(s)
    return ends[0], ends[1]
