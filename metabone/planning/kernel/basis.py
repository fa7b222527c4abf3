"""What every distribution of the planner is built from, accurate in both tails.

Densities are written by saddle point (Loader 2000): the large logarithms of gamma functions never
appear, so nothing cancels. Like every file of the kernel this one needs ``math`` alone, and keeps
to the Python that MicroPython runs too.
"""

import math

ROOT_2PI = 2.5066282746310005
TINY = 1e-300
EPS = 2.220446049250313e-16
# Fractions and series converge in about √df terms; this many is for df beyond 1e9.
TERMS = 200000
# Bernoulli terms of Stirling's series; the ninth is below 1e-17 from x = 16 on.
_STIRLING = (
    1 / 12,
    -1 / 360,
    1 / 1260,
    -1 / 1680,
    1 / 1188,
    -691 / 360360,
    1 / 156,
    -3617 / 122400,
)


def check_number(x: float, name: str) -> None:
    """Refuse NaN in words."""
    if x != x:
        raise ValueError(name + " is not a number")


def check_finite(x: float, name: str) -> None:
    """Refuse NaN and infinity in words."""
    if not (-1.8e308 < x < 1.8e308):
        raise ValueError(name + " must be a finite number, not " + str(x))


def check_above_zero(x: float, name: str) -> None:
    """Refuse what is not above zero (NaN neither)."""
    if not x > 0:
        raise ValueError(name + " must be above 0, not " + str(x))


def check_df(df: float, name: str = "df", infinite: bool = False) -> None:
    """Refuse degrees of freedom outside ½ to 1e9; infinity is taken where it has a meaning."""
    if not 0.5 <= df <= 1e9 and not (infinite and df > 1e9):
        raise ValueError(name + " must lie between 0.5 and 1e9, not be " + str(df))


def check_probability(p: float, name: str) -> None:
    """Refuse what is not in [0, 1]."""
    if not 0 <= p <= 1:
        raise ValueError(name + " must be a probability from 0 to 1, not " + str(p))


def log1p(x: float) -> float:
    """log(1 + x) without loss near 0 (MicroPython has no ``math.log1p``; Kahan's form)."""
    u = 1.0 + x
    if u == 1.0:
        return x
    return math.log(u) * x / (u - 1.0)


def deviance(x: float, mean: float) -> float:
    """x·log(x/mean) + mean − x, without loss where x is near the mean.

    Loader's ``bd0``: with d = (mean − x)/x it is x·(d − log(1 + d)), and near d = 0 the series
    of the inverse hyperbolic tangent in y = d/(2 + d).

    References
    ----------
    Loader C. Fast and accurate computation of binomial probabilities. 2000.
    """
    d = (mean - x) / x
    if not -0.3 < d < 0.4:
        return x * (d - math.log(mean / x))
    y = d / (2.0 + d)
    square = y * y
    term = 2.0 * y * square
    total = d * y
    k = 3
    while True:
        step = term / k
        if total - step == total:
            return x * total
        total -= step
        term *= square
        k += 2


def stirling_error(x: float) -> float:
    """log Γ(x + 1) − [(x + ½) log x − x + ½ log 2π], for x > 0."""
    if x < 16.0:
        return math.lgamma(x + 1.0) - (x + 0.5) * math.log(x) + x - math.log(ROOT_2PI)
    inverse = 1.0 / x
    square = inverse * inverse
    total = 0.0
    for coefficient in reversed(_STIRLING):
        total = total * square + coefficient
    return total * inverse


def poisson_density(x: float, mean: float) -> float:
    """mean^x e^(−mean) / Γ(x + 1) for real x ≥ 0 and mean ≥ 0."""
    if mean == 0.0:
        return 1.0 if x == 0.0 else 0.0
    if x == 0.0:
        return math.exp(-mean)
    if x < TINY * mean or mean > 1e300:
        return 0.0 if mean > 800.0 else math.exp(-mean)
    if mean < x * 1e-290:
        return 0.0
    return math.exp(-stirling_error(x) - deviance(x, mean)) / (ROOT_2PI * math.sqrt(x))


def beta_front(a: float, b: float, p: float, q: float) -> float:
    """p^a q^b / (a·B(a, b)) for p + q = 1: the factor before the incomplete beta's fraction."""
    if p == 0.0 or q == 0.0:
        return 0.0
    n = a + b
    power = (
        stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, n * p)
        - deviance(b, n * q)
    )
    return math.exp(power) * math.sqrt(b / (a * n)) / ROOT_2PI


def _gamma_series(a: float, x: float) -> float:
    """P(a, x) for x below a + 1: front factor times Σ x^k / ((a + 1)…(a + k)), DLMF 8.11.4."""
    total = term = 1.0
    k = a
    while term > EPS * 0.1 * total:
        k += 1.0
        term *= x / k
        total += term
    return poisson_density(a, x) * total


def _gamma_fraction(a: float, x: float) -> float:
    """Q(a, x) for x above a + 1 by its continued fraction, DLMF 8.9.2 (Lentz's method)."""
    b = x + 1.0 - a
    c = 1.0 / TINY
    d = 1.0 / b
    h = d
    for count in range(1, TERMS):
        n = float(count)
        step = n * (a - n)
        b += 2.0
        d = 1.0 / _away(step * d + b)
        c = _away(b + step / c)
        change = c * d
        h *= change
        if abs(change - 1.0) < 2.0 * EPS:
            break
    return h * a * poisson_density(a, x)


def gamma_tails(a: float, x: float) -> tuple[float, float]:
    """Regularised incomplete gamma functions (P, Q) of a > 0 at x ≥ 0, each without loss.

    References
    ----------
    NIST Digital Library of Mathematical Functions, 8.9.2 and 8.11.4.
    """
    if x <= 0.0:
        return 0.0, 1.0
    if x > 1e300:
        return 1.0, 0.0
    if x < a + 1.0:
        p = min(1.0, _gamma_series(a, x))
        return p, 1.0 - p
    q = min(1.0, _gamma_fraction(a, x))
    return 1.0 - q, q


def _away(x: float) -> float:
    """Keep a denominator of Lentz's method away from zero."""
    return x if abs(x) > TINY else TINY


def _beta_fraction(a: float, b: float, p: float) -> float:
    """Continued fraction of the incomplete beta function, DLMF 8.17.22 (Lentz's method)."""
    n = a + b
    c = 1.0
    d = 1.0 / _away(1.0 - n * p / (a + 1.0))
    h = d
    for count in range(1, TERMS):
        m = float(count)
        twice = a + m + m
        step = m * (b - m) * p / ((twice - 1.0) * twice)
        d = 1.0 / _away(1.0 + step * d)
        c = _away(1.0 + step / c)
        h *= c * d
        step = -(a + m) * (n + m) * p / (twice * (twice + 1.0))
        d = 1.0 / _away(1.0 + step * d)
        c = _away(1.0 + step / c)
        change = c * d
        h *= change
        if abs(change - 1.0) < 2.0 * EPS:
            break
    return h


def beta_tails(a: float, b: float, p: float, q: float) -> tuple[float, float]:
    """Regularised incomplete beta I_p(a, b) and its complement, each without loss.

    ``q`` is 1 − p; both are given, because the caller knows the small one exactly.

    References
    ----------
    NIST Digital Library of Mathematical Functions, 8.17.22.
    """
    if p <= 0.0:
        return 0.0, 1.0
    if q <= 0.0:
        return 1.0, 0.0
    if p * (a + b + 2.0) <= a + 1.0:
        low = min(1.0, beta_front(a, b, p, q) * _beta_fraction(a, b, p))
        return low, 1.0 - low
    high = min(1.0, beta_front(b, a, q, p) * _beta_fraction(b, a, q))
    return 1.0 - high, high
