"""Normal, t, χ² and F: both tails, quantiles from either tail.

``_sf`` is the upper tail and keeps its relative accuracy where ``1 − cdf`` has none; ``_isf`` is
its inverse: ``t_isf(0.025, df)`` is the two-sided 5 % critical value.
"""

import math

from metabone.planning.kernel.basis import (
    EPS,
    ROOT_2PI,
    beta_front,
    beta_tails,
    check_df,
    check_number,
    check_probability,
    gamma_tails,
    log1p,
    poisson_density,
    stirling_error,
)

ROOT_HALF = 0.7071067811865476
INF = float("inf")
# Critical values of t: a search asks for the same few again.
MOST_KNOWN = 500
_KNOWN: dict[tuple[float, float], float] = {}
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def norm_pdf(x: float) -> float:
    """Density of the standard normal distribution."""
    check_number(x, "x")
    return math.exp(-0.5 * x * x) / ROOT_2PI if abs(x) < 40.0 else 0.0


def norm_cdf(x: float) -> float:
    """P(Z ≤ x) = erfc(−x/√2)/2.

    Examples
    --------
    >>> round(norm_cdf(-1.959963984540054), 12)
    0.025
    """
    check_number(x, "x")
    return 0.5 * math.erfc(-x * ROOT_HALF)


def norm_sf(x: float) -> float:
    """P(Z > x)."""
    check_number(x, "x")
    return 0.5 * math.erfc(x * ROOT_HALF)


def norm_isf(q: float) -> float:
    """Value that a standard normal exceeds with probability q.

    Abramowitz and Stegun's 26.2.23 to start with, then Halley's step on log q, which is concave
    and nearly a parabola, so that two or three steps are enough in any tail.
    """
    check_probability(q, "q")
    if q in (0.0, 1.0):
        return INF if q == 0.0 else -INF
    if q > 0.5:
        return -norm_isf(1.0 - q)
    t = math.sqrt(-2.0 * math.log(q))
    x = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (
        1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    )
    for _ in range(4):
        tail = 0.5 * math.erfc(x * ROOT_HALF)
        ratio = tail * ROOT_2PI * math.exp(0.5 * x * x)
        step = math.log(tail / q) * ratio
        x += step / (1.0 + 0.5 * step * (x - 1.0 / ratio))
        if abs(step) < 1e-9:
            break
    return x


def norm_ppf(p: float) -> float:
    """Quantile of the standard normal distribution; ±∞ at 0 and 1.

    Examples
    --------
    >>> round(norm_ppf(0.975), 12)
    1.95996398454
    """
    check_probability(p, "p")
    return -norm_isf(p)


def t_pdf(x: float, df: float) -> float:
    """Density of Student's t, with the gamma functions' ratio by Stirling's remainder."""
    _check_t(x, df)
    if df == INF:
        return norm_pdf(x)
    if abs(x) > 1e150:
        return 0.0
    m = 0.5 * df
    top = m * log1p(0.5 / m) - 0.5 + stirling_error(m + 0.5) - stirling_error(m)
    return math.exp(top - (m + 0.5) * log1p(x * x / df)) / ROOT_2PI


def t_tails(x: float, df: float) -> tuple[float, float]:
    """(P(T ≤ x), P(T > x)), each without loss in its tail.

    P(T > x) = I(df/(df + x²); df/2, ½)/2 for x ≥ 0, Abramowitz and Stegun 26.7.1. ``df`` may be
    any real number from 0.5, and infinity (normal). Beyond |x| = 1e150 the tail is given as 0.
    """
    _check_t(x, df)
    if df > 1e12:
        return norm_cdf(x), norm_sf(x)
    if abs(x) > 1e150:
        tail = 0.0
    else:
        square = x * x
        whole = df + square
        tail = 0.5 * beta_tails(0.5 * df, 0.5, df / whole, square / whole)[0]
    return (1.0 - tail, tail) if x >= 0 else (tail, 1.0 - tail)


def t_cdf(x: float, df: float) -> float:
    """P(T ≤ x) of Student's t with df degrees of freedom."""
    return t_tails(x, df)[0]


def t_sf(x: float, df: float) -> float:
    """P(T > x) of Student's t with df degrees of freedom."""
    return t_tails(x, df)[1]


def t_isf(q: float, df: float) -> float:
    """Value that Student's t exceeds with probability q.

    Examples
    --------
    >>> round(t_isf(0.025, 10), 9)
    2.228138852
    """
    check_probability(q, "q")
    check_df(df, "df", True)
    if q in (0.0, 1.0):
        return INF if q == 0.0 else -INF
    if q > 0.5:
        return -t_isf(1.0 - q, df)
    if q == 0.5:
        return 0.0
    if df > 1e12:
        return norm_isf(q)
    key = (q, df)
    if key not in _KNOWN:
        if len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[key] = _t_solve(q, df, _t_start(q, df))
    return _KNOWN[key]


def _t_solve(q: float, df: float, start: float) -> float:
    """Halley's steps, cubic from a good start; from a bad one the bracketed search."""
    x = start
    for _ in range(6):
        density = t_pdf(x, df)
        if density == 0.0 or x > 1e100:
            break
        miss = (t_sf(x, df) - q) / density
        bend = 0.5 * miss * (df + 1.0) * x / (df + x * x)
        if not abs(bend) < 0.3:
            break
        step = miss / (1.0 - bend)
        x += step
        if abs(step) <= 1e-6 * abs(x):
            return x
    return _newton_log(lambda x: t_sf(x, df), lambda x: -t_pdf(x, df), q, start)


def _t_start(q: float, df: float) -> float:
    """First guess: Fisher and Cornish's expansion, or the power tail for few df."""
    z = norm_isf(q)
    square = z * z
    guess = z * (
        1.0
        + (square + 1.0) / (4.0 * df)
        + ((5.0 * square + 16.0) * square + 3.0) / (96.0 * df * df)
    )
    if square < df:
        return guess
    # P(T > x) is near C·x^(−df), and that for every x where df is few.
    top = 0.5 * df * math.log(df) + math.log(t_pdf(0.0, df) / math.sqrt(df) / q)
    return max(guess, math.exp(min(340.0, top / df)))


def t_ppf(p: float, df: float) -> float:
    """Quantile of Student's t; ±∞ at 0 and 1."""
    check_probability(p, "p")
    return -t_isf(p, df)


def chi2_pdf(x: float, df: float) -> float:
    """Density of χ²; at 0 it is 0 for df above 2, and stands for the limit ∞ below 2."""
    _check_positive_kind(x, df)
    if x == 0.0:
        return 0.0 if df > 2 else (0.5 if df == 2 else INF)
    return poisson_density(0.5 * df, 0.5 * x) * 0.5 * df / x if 0 < x < 1e300 else 0.0


def chi2_cdf(x: float, df: float) -> float:
    """P(X ≤ x) of χ² with df degrees of freedom: P(df/2, x/2)."""
    _check_positive_kind(x, df)
    return gamma_tails(0.5 * df, 0.5 * x)[0]


def chi2_sf(x: float, df: float) -> float:
    """P(X > x) of χ² with df degrees of freedom."""
    _check_positive_kind(x, df)
    return gamma_tails(0.5 * df, 0.5 * x)[1]


def chi2_ppf(p: float, df: float) -> float:
    """Quantile of χ²: 0 at p = 0, ∞ at p = 1."""
    check_probability(p, "p")
    return _chi2_inverse(p, 1.0 - p, df)


def chi2_isf(q: float, df: float) -> float:
    """Value that χ² exceeds with probability q.

    Examples
    --------
    >>> round(chi2_isf(0.05, 3), 9)
    7.814727903
    """
    check_probability(q, "q")
    return _chi2_inverse(1.0 - q, q, df)


def _chi2_inverse(p: float, q: float, df: float) -> float:
    """Solve in the smaller tail, from Wilson and Hilferty's cube or the power law near 0."""
    check_df(df)
    if p == 0.0 or q == 0.0:
        return 0.0 if p == 0.0 else INF
    z = -norm_isf(p) if p < 0.5 else norm_isf(q)
    cube = 1.0 - 2.0 / (9.0 * df) + z * math.sqrt(2.0 / (9.0 * df))
    start = df * cube * cube * cube if cube > 0.2 else 0.0
    if start == 0.0:
        a = 0.5 * df
        start = 2.0 * math.exp(max(-690.0, (math.log(p) + math.lgamma(a + 1.0)) / a))
    if p <= q:
        return _newton_log(lambda x: chi2_cdf(x, df), lambda x: chi2_pdf(x, df), p, start)
    return _newton_log(lambda x: chi2_sf(x, df), lambda x: -chi2_pdf(x, df), q, start)


def f_pdf(x: float, d1: float, d2: float) -> float:
    """Density of F for x > 0; ``d2`` may be infinity (χ²/d1)."""
    _check_f(x, d1, d2)
    if d2 == INF:
        return d1 * chi2_pdf(d1 * x, d1)
    if not 0 < x < 1e250:
        return 0.0
    odds = d1 / d2 * x
    front = beta_front(0.5 * d1, 0.5 * d2, odds / (1.0 + odds), 1.0 / (1.0 + odds))
    return front * 0.5 * d1 / x


def f_tails(x: float, d1: float, d2: float) -> tuple[float, float]:
    """(P(F ≤ x), P(F > x)): I(d1·x/(d1·x + d2); d1/2, d2/2) and its complement."""
    _check_f(x, d1, d2)
    if d2 == INF:
        return gamma_tails(0.5 * d1, 0.5 * d1 * x)
    if x <= 0:
        return 0.0, 1.0
    if x > 1e250:
        return 1.0, 0.0
    # In units of d2, so that d1·x cannot run over.
    odds = d1 / d2 * x
    return beta_tails(0.5 * d1, 0.5 * d2, odds / (1.0 + odds), 1.0 / (1.0 + odds))


def f_cdf(x: float, d1: float, d2: float) -> float:
    """P(F ≤ x) with d1 and d2 degrees of freedom."""
    return f_tails(x, d1, d2)[0]


def f_sf(x: float, d1: float, d2: float) -> float:
    """P(F > x) with d1 and d2 degrees of freedom."""
    return f_tails(x, d1, d2)[1]


def f_ppf(p: float, d1: float, d2: float) -> float:
    """Quantile of F: 0 at p = 0, ∞ at p = 1."""
    check_probability(p, "p")
    return _f_inverse(p, 1.0 - p, d1, d2)


def f_isf(q: float, d1: float, d2: float) -> float:
    """Value that F exceeds with probability q.

    Examples
    --------
    >>> round(f_isf(0.05, 4, 20), 9)
    2.866081402
    """
    check_probability(q, "q")
    return _f_inverse(1.0 - q, q, d1, d2)


def _f_inverse(p: float, q: float, d1: float, d2: float) -> float:
    """Solve in the smaller tail, from the χ² quantile with Wilson and Hilferty's F."""
    _check_f(1.0, d1, d2)
    if p == 0.0 or q == 0.0:
        return 0.0 if p == 0.0 else INF
    if d2 == INF:
        return _chi2_inverse(p, q, d1) / d1
    start = _f_start(p, q, d1, d2)
    if p <= q:
        return _newton_log(lambda x: f_tails(x, d1, d2)[0], lambda x: f_pdf(x, d1, d2), p, start)
    return _newton_log(lambda x: f_tails(x, d1, d2)[1], lambda x: -f_pdf(x, d1, d2), q, start)


def _f_start(p: float, q: float, d1: float, d2: float) -> float:
    """Wilson and Hilferty's cube root of F where it holds, else 1."""
    z = -norm_isf(p) if p < 0.5 else norm_isf(q)
    u, v = 2.0 / (9.0 * d1), 2.0 / (9.0 * d2)
    a, b, c = (1.0 - v) ** 2 - z * z * v, (1.0 - u) * (1.0 - v), (1.0 - u) ** 2 - z * z * u
    inside = b * b - a * c
    if a <= 0.05 or inside <= 0:
        return 1.0
    root = (b + math.copysign(math.sqrt(inside), z)) / a
    return root * root * root if root > 0.05 else 1.0


def _newton_log(
    tail: "Callable[[float], float]", slope: "Callable[[float], float]", target: float, x: float
) -> float:
    """Solve tail(x) = target for x > 0 by Newton's steps of log tail over log x, bracketed.

    The tails here are log-concave over log x, and straight lines where they are power laws. A
    step out of the bracket, or none at all, is replaced by halving the bracket's logarithm.
    """
    low, high = 1e-300, 1e300
    for _ in range(200):
        value = tail(x)
        steep = slope(x)
        # A rising tail below its target, or a falling one above it: the root is to the right.
        if (value < target) == (steep >= 0):
            low = x
        else:
            high = x
        following = 0.0
        if value > 0 and steep != 0.0:
            move = math.log(target / value) * value / (steep * x)
            if abs(move) < 1e-14:
                return x
            if abs(move) < 300:
                following = x * math.exp(move)
            if abs(move) < 1e-9:
                return following
        if not low < following < high:
            following = math.sqrt(low) * math.sqrt(high)
        if high - low <= 4 * EPS * low:
            return x
        x = following
    return x


def _check_t(x: float, df: float) -> None:
    check_number(x, "x")
    check_df(df, "df", True)


def _check_positive_kind(x: float, df: float) -> None:
    check_number(x, "x")
    check_df(df)


def _check_f(x: float, d1: float, d2: float) -> None:
    check_number(x, "x")
    check_df(d1, "d1")
    if d2 != INF:
        check_df(d2, "d2")
