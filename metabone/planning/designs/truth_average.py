"""The mean of a chance over what the true difference may be, for tests without a shortcut.

An F test finds a difference of either sign: of the wrong one that is no success, so that the chance
jumps at 0. Each side of 0 is integrated by itself. `math` and the kernel alone.
"""

from metabone.planning.kernel import norm_isf, norm_pdf, norm_sf, t_isf, t_pdf, t_sf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

INF = float("inf")
# Chances nearer than this to 1, or to 0 in the wrong direction, are taken as that; so are truths
# that are less probable.
SETTLED = 1e-10
# Two rules on a panel differ by no more, or it is halved; how often.
AGREE, DEEPEST = 2e-7, 12
# Values of T at which the density of the truth is looked at anew.
BREAKS = (-8.0, -2.0, 0.0, 2.0, 8.0)
# Gauss's 7 and Kronrod's 15 nodes: place, Kronrod's weight, Gauss's (QUADPACK's rule, Piessens et
# al. 1983, doi:10.1007/978-3-642-61786-7).
RULES = (
    (0.9914553711208126, 0.0229353220105292, 0.0),
    (0.9491079123427585, 0.0630920926299786, 0.1294849661688697),
    (0.8648644233597691, 0.1047900103222502, 0.0),
    (0.7415311855993945, 0.1406532597155259, 0.2797053914892767),
    (0.5860872354676911, 0.1690047266392679, 0.0),
    (0.4058451513773972, 0.1903505780647854, 0.3818300505051189),
    (0.2077849550078985, 0.2044329400752989, 0.0),
    (0.0, 0.2094821410847278, 0.4179591836734694),
)


def averaged(
    chance: "Callable[[float, bool], float]", mean: float, scale: float, pdf: float
) -> float:
    """The mean of `chance` (δ's size, whether its sign is right) over δ = mean + scale · T.

    Each side by panels that are halved until two rules agree, to 1e-7; beyond the differences that
    are certain to be found (or, in the wrong direction, never mistaken) by T itself.

    Examples
    --------
    Where a difference is found at any size, the ceiling is left.

    >>> round(averaged(lambda size, right: float(right), 1.0, 0.5, float("inf")), 6)
    0.97725
    """
    if scale == 0:
        return chance(abs(mean), True)
    z = abs(mean) / scale
    far = norm_isf(SETTLED) if pdf == INF else t_isf(SETTLED, pdf)
    total = 0.0
    for right in (True, False):
        # In units of scale from 0 outwards; T is x − z on the right side, −x − z on the other.
        shift = z if right else -z
        start = max(shift - far, 0.0)
        end = _edge(chance, right, scale, max(far + shift, 0.0))

        def value(x: float, right: bool = right, shift: float = shift) -> float:
            t = x - shift
            density = norm_pdf(t) if pdf == INF else t_pdf(t, pdf)
            return density * chance(scale * x, right)

        # A narrow peak is not missed between nodes.
        low = start
        for high in [p for p in [shift + b for b in BREAKS] if start < p < end] + [end]:
            if high > low:
                total += _integral(value, low, high, AGREE, 0)
            low = high
        if right:
            total += norm_sf(end - shift) if pdf == INF else t_sf(end - shift, pdf)
    return min(1.0, total)


def _edge(chance: "Callable[[float, bool], float]", right: bool, scale: float, far: float) -> float:
    """Size from which the chance is settled, in units of `scale`, at most `far`."""
    settled = 1.0 if right else 0.0
    high = min(far, 1 / 64)
    while high < far and abs(chance(scale * high, right) - settled) > SETTLED:
        high *= 2.0
    low, high = 0.5 * high, min(high, far)
    for _ in range(3):
        middle = 0.5 * (low + high)
        if abs(chance(scale * middle, right) - settled) > SETTLED:
            low = middle
        else:
            high = middle
    return high


def _integral(
    value: "Callable[[float], float]", low: float, high: float, agree: float, depth: int
) -> float:
    half, middle = 0.5 * (high - low), 0.5 * (high + low)
    kronrod = gauss = 0.0
    for place, wide, narrow in RULES:
        found = value(middle + half * place)
        if place:
            found += value(middle - half * place)
        kronrod += wide * found
        gauss += narrow * found
    if half * abs(kronrod - gauss) <= agree or depth >= DEEPEST:
        return half * kronrod
    left = _integral(value, low, middle, 0.5 * agree, depth + 1)
    return left + _integral(value, middle, high, 0.5 * agree, depth + 1)
