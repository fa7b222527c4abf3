"""Noncentral χ² and F as Poisson mixtures of central ones, summed so that every term adds.

With μ = nc/2 and N Poisson(μ), χ'² given N is χ² of df + 2N, and F' likewise. The lower tails
G_j of the mixture fall with j by a known amount: G_j = G_(j+1) + f_j. So the lower tail is summed
from its far end downwards, the upper tail from its near end upwards, each from one evaluation of a
central distribution, with nothing ever subtracted.
"""

import math

from metabone.planning.kernel.basis import (
    beta_front,
    beta_tails,
    check_df,
    check_number,
    gamma_tails,
    poisson_density,
)

INF = float("inf")
SMALL = 1e-18


def ncx2_cdf(x: float, df: float, nc: float) -> float:
    """P(X ≤ x) of the noncentral χ² with df degrees of freedom and noncentrality nc ≥ 0.

    References
    ----------
    Benton D, Krishnamoorthy K. Computing discrete mixtures of continuous distributions.
    Computational Statistics & Data Analysis 2003;43:249-267.
    doi:10.1016/S0167-9473(02)00283-9

    Examples
    --------
    >>> round(ncx2_cdf(5.0, 3, 2.0), 9)
    0.59340518
    """
    _check(x, df, nc)
    return _chi2(x, df, nc, True)


def ncx2_sf(x: float, df: float, nc: float) -> float:
    """P(X > x) of the noncentral χ²."""
    _check(x, df, nc)
    return _chi2(x, df, nc, False)


def ncf_cdf(x: float, d1: float, d2: float, nc: float) -> float:
    """P(F ≤ x) of the noncentral F with d1 and d2 degrees of freedom and noncentrality nc ≥ 0.

    ``d2`` may be infinity: then d1·F is a noncentral χ².

    References
    ----------
    Benton D, Krishnamoorthy K. Computing discrete mixtures of continuous distributions.
    Computational Statistics & Data Analysis 2003;43:249-267.
    doi:10.1016/S0167-9473(02)00283-9
    """
    _check(x, d1, nc, d2)
    return _f(x, d1, d2, nc, True)


def ncf_sf(x: float, d1: float, d2: float, nc: float) -> float:
    """P(F > x) of the noncentral F: the power of an F test with critical value x.

    Examples
    --------
    Five arms of five animals, means 100, 75, 76, 88 and 92, SD 10: nc is n·Σ(mean − grand)²/SD².

    >>> from metabone.planning.kernel.central import f_isf
    >>> nc = 5 * (13.8**2 + 11.2**2 + 10.2**2 + 1.8**2 + 5.8**2) / 10**2
    >>> round(ncf_sf(f_isf(0.05, 4, 20), 4, 20, nc), 4)
    0.9429
    """
    _check(x, d1, nc, d2)
    return _f(x, d1, d2, nc, False)


def _check(x: float, df: float, nc: float, d2: "float | None" = None) -> None:
    check_number(x, "x")
    check_df(df, "df" if d2 is None else "d1")
    if d2 is not None and d2 != INF:
        check_df(d2, "d2")
    if not 0 <= nc <= 1e8:
        raise ValueError("nc must lie between 0 and 1e8, not be " + str(nc))


def _chi2(x: float, df: float, nc: float, lower: bool) -> float:
    """One tail of the noncentral χ²."""
    if x <= 0.0 or x > 1e250:
        return 1.0 if (x > 0.0) == lower else 0.0
    a, y, mean = 0.5 * df, 0.5 * x, 0.5 * nc
    if y > 4.0 * (a + mean) + 2000.0:
        return 1.0 if lower else 0.0  # by Chernoff's bound the upper tail is below e^(−745)
    if mean < SMALL:
        return gamma_tails(a, y)[0 if lower else 1]
    peak = math.sqrt(0.25 * a * a + mean * y) - 0.5 * a
    first, centre = _first(mean, peak, lower)
    tail = gamma_tails(a + first, y)[0 if lower else 1]
    front = poisson_density(a + first, y)
    if lower:
        return _down(mean, first, centre, tail, front, (a, y, 0.0))
    return _up(mean, first, centre, tail, front, (a, y, 0.0))


def _f(x: float, d1: float, d2: float, nc: float, lower: bool) -> float:
    """One tail of the noncentral F."""
    if d2 == INF:
        return _chi2(d1 * x, d1, nc, lower)
    if x <= 0.0 or x > 1e250:
        return 1.0 if (x > 0.0) == lower else 0.0
    odds = d1 / d2 * x
    a, b, p, q = 0.5 * d1, 0.5 * d2, odds / (1.0 + odds), 1.0 / (1.0 + odds)
    mean = 0.5 * nc
    if mean < SMALL:
        return beta_tails(a, b, p, q)[0 if lower else 1]
    lean = mean * p - a
    peak = 0.5 * (lean + math.sqrt(lean * lean + 4.0 * mean * p * (a + b)))
    first, centre = _first(mean, peak, lower)
    tail = beta_tails(a + first, b, p, q)[0 if lower else 1]
    front = beta_front(a + first, b, p, q)
    if lower:
        return _down(mean, first, centre, tail, front, (a, p * (a + b), p))
    return _up(mean, first, centre, tail, front, (a, p * (a + b), p))


def _first(mean: float, peak: float, lower: bool) -> tuple[int, float]:
    """Index to begin with, and where the summands are largest.

    In the body of the distribution they are largest near the Poisson mean, in a far tail where
    weight times density is (``peak``). Beyond 8.5 standard deviations nothing is left of a double.
    """
    centre = min(mean, peak) if lower else max(mean, peak)
    reach = 8.5 * math.sqrt(centre) + 12.0
    return max(0, int(centre + reach if lower else centre - reach)), centre


def _down(
    mean: float,
    j: int,
    centre: float,
    tail: float,
    front: float,
    ratio: tuple[float, float, float],
) -> float:
    """Σ w_i G_i for i from j down to 0, with G_(i−1) = G_i + f_(i−1).

    ``ratio`` (a, c, p) gives f_(i+1)/f_i = (c + p·i)/(a + i + 1).
    """
    a, c, p = ratio
    weight = poisson_density(j, mean)
    total = weight * tail
    while j > 0:
        weight *= j / mean
        j -= 1
        front *= (a + j + 1.0) / (c + p * j)
        tail += front
        term = weight * tail
        total += term
        if term < SMALL * total and j < centre:
            break
    return min(1.0, total)


def _up(
    mean: float,
    j: int,
    centre: float,
    tail: float,
    front: float,
    ratio: tuple[float, float, float],
) -> float:
    """Σ w_i (1 − G_i) for i from j upwards, with 1 − G_(i+1) = 1 − G_i + f_i."""
    a, c, p = ratio
    weight = poisson_density(j, mean)
    total = weight * tail
    while True:
        tail += front
        front *= (c + p * j) / (a + j + 1.0)
        j += 1
        weight *= mean / j
        term = weight * tail
        total += term
        if term <= SMALL * total and j > centre:
            return min(1.0, total)
