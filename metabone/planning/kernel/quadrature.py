"""Gauss-Legendre nodes, and expectations over S = √(χ²_df/df), the error SD of a t statistic.

Given S the t statistics of one error term are normal and independent of it: t tests, equivalence
tests and Dunnett's comparisons are all expectations over S, of positive integrands.
"""

import math

from metabone.planning.kernel.basis import ROOT_2PI, check_df, stirling_error

INF = float("inf")
PI = 3.141592653589793
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def gauss_legendre(count: int) -> list[tuple[float, float]]:
    """Nodes and weights on [−1, 1], in rising order: Newton's steps on P_count.

    Examples
    --------
    >>> [(round(x, 6), round(w, 6)) for x, w in gauss_legendre(2)]
    [(-0.57735, 1.0), (0.57735, 1.0)]
    """
    if count < 1:
        raise ValueError("count of nodes must be 1 or more, not " + str(count))
    rule = []
    for i in range(count):
        x = -math.cos(PI * (i + 0.75) / (count + 0.5))
        slope = 1.0
        for _ in range(100):
            value, before = x, 1.0
            for k in range(2, count + 1):
                value, before = ((2 * k - 1) * x * value - (k - 1) * before) / k, value
            slope = count * (before - x * value) / (1.0 - x * x)
            step = value / slope
            x -= step
            if abs(step) < 1e-15:
                break
        rule.append((x, 2.0 / ((1.0 - x * x) * slope * slope)))
    return rule


def panel_nodes(
    rule: "Sequence[tuple[float, float]]", low: float, high: float
) -> list[tuple[float, float]]:
    """The rule moved from [−1, 1] to [low, high]."""
    half = 0.5 * (high - low)
    middle = 0.5 * (high + low)
    return [(middle + half * x, half * w) for x, w in rule]


RULE = tuple(gauss_legendre(40))
FINE_RULE = tuple(gauss_legendre(56))


def chi_scale(df: float) -> float:
    """Density of S = √(χ²_df/df) at 1: √(df/π)·e^(−δ(df/2)), δ Stirling's remainder."""
    return math.sqrt(df / PI) * math.exp(-stirling_error(0.5 * df))


def chi_power(df: float) -> float:
    """Power k of the substitution s = w^k under which few df are smooth at s = 0."""
    return 1.0 if df >= 8.0 else 4.0


def _chi_end(df: float, side: float) -> float:
    """Value of S at which s·f(s) has fallen by about e^(−38) from its peak at 1."""
    reach = math.sqrt(38.0 / df)
    s = 1.0
    for _ in range(12):
        s = math.exp(-reach) if side < 0 else 1.0 + reach
        fall = df * (0.5 * (s - 1.0) * (s + 1.0) - math.log(s))
        if 36.0 < fall < 50.0:
            break
        reach *= math.sqrt(42.0 / fall)
    return s


def chi_nodes(df: float, high: float = INF, steep: float = 0.0) -> list[tuple[float, float]]:
    """Nodes and weights of an expectation over S = √(χ²_df/df), the error SD of a t statistic.

    Parameters
    ----------
    df
        Degrees of freedom; with infinity, or more than a double can tell from it, S is 1.
    high
        Nothing above this S is counted: the weights then add to P(S ≤ high).
    steep
        The integrand is a function of ``steep``·S plus a normal variable (a critical value, say):
        enough nodes are taken to follow it. 0 for what is smooth over the whole of S.

    Examples
    --------
    The t distribution is the expectation of a normal one.

    >>> from metabone.planning.kernel.central import norm_sf
    >>> round(sum(w * norm_sf(2.228138852 * s) for s, w in chi_nodes(10)), 9)
    0.025
    """
    check_df(df, "df", True)
    if df > 1e15:
        return [(1.0, 1.0)] if high >= 1.0 else []
    low, top = _chi_end(df, -1.0), min(high, _chi_end(df, 1.0))
    if not low < top:
        return []
    power, scale = chi_power(df), chi_scale(df)
    panels = min(100, max(1, math.ceil((top - low) * abs(steep) / 10.0)))
    nodes = []
    for i in range(panels):
        left = (low + (top - low) * i / panels) ** (1.0 / power)
        right = (low + (top - low) * (i + 1) / panels) ** (1.0 / power)
        for w, weight in panel_nodes(RULE, left, right):
            s = w**power
            shape = math.exp(df * (math.log(s) - 0.5 * (s - 1.0) * (s + 1.0)))
            nodes.append((s, weight * shape * scale * power / w))
    return nodes


def normal_nodes(panels: int = 1) -> list[tuple[float, float]]:
    """Nodes and weights of an expectation over a standard normal variable, from −8.5 to 8.5.

    More panels for functions with a step narrower than about half a standard deviation.
    """
    width = 17.0 / panels
    nodes = []
    for i in range(panels):
        low = -8.5 + width * i
        for z, weight in panel_nodes(RULE, low, low + width):
            nodes.append((z, weight * math.exp(-0.5 * z * z) / ROOT_2PI))
    return nodes


def normal_steps(step: float, reach: float = 8.5) -> list[tuple[float, float]]:
    """Nodes and weights of an expectation over a standard normal variable, in equal steps.

    Fewer than Gauss's for a smooth function; 0 is a node, and both signs have the same.

    References
    ----------
    Trefethen LN, Weideman JAC. The exponentially convergent trapezoidal rule. SIAM Review
    2014;56:385-458. doi:10.1137/130932132

    Examples
    --------
    >>> round(sum(w * z**4 for z, w in normal_steps(0.5)), 12)
    3.0
    """
    count = math.ceil(reach / step)
    step = reach / count
    places = [i * step for i in range(-count, count + 1)]
    return [(z, step * math.exp(-0.5 * z * z) / ROOT_2PI) for z in places]


def log_chi_nodes(df: float, steep: float) -> list[tuple[float, float]]:
    """`chi_nodes` for many df and a smooth function: equal steps of log S, about half as many.

    From 24 df on the error is below 1e-10 for functions that `steep` describes.

    Examples
    --------
    >>> round(sum(w * s * s for s, w in log_chi_nodes(30, 2.5)), 10)
    1.0
    """
    check_df(df, "df", True)
    if df > 1e15:
        return [(1.0, 1.0)]
    low, high = _log_end(df, -1.0), _log_end(df, 1.0)
    step = 0.7 / math.sqrt(2.0 * df + steep * steep)
    count = math.ceil((high - low) / step)
    step = (high - low) / count
    scale = chi_scale(df) * step
    nodes = []
    for i in range(count + 1):
        x = low + i * step
        s = math.exp(x)
        nodes.append((s, scale * math.exp(df * (x - 0.5 * (s - 1.0) * (s + 1.0)))))
    return nodes


def _log_end(df: float, side: float) -> float:
    """Value of log S at which its density has fallen by about e^(−28) from its peak at 0."""
    reach = math.sqrt(28.0 / df)
    for _ in range(12):
        s = math.exp(side * reach)
        fall = df * (0.5 * (s - 1.0) * (s + 1.0) - side * reach)
        if 27.0 < fall < 30.0:
            break
        reach *= math.sqrt(28.0 / fall)
    return side * reach
