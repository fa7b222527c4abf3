"""Sequential t tests with the SD estimated anew at each look."""

import math

from metabone.planning.designs.lattice import lattice, root_chi
from metabone.planning.kernel import norm_cdf, norm_ppf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

INF = float("inf")


def t_crossings(d: float, seen: "list[int]", cuts: "list[float]", sides: int) -> "list[float]":
    """P(first crossing at look k) of two-sample t statistics with the pooled SD so far.

    Parameters
    ----------
    d : difference in SD, not negative
    seen : animals in each group at each look
    cuts : critical t of each look
    sides : 1 or 2

    With I = n / 2 the score U = I times the difference of means grows by independent normal
    steps. The sum of squares grows by the square of how far the new difference lies from the old
    one and by an independent chi-square. So given the chi-squares and the past, a look rejects on
    an interval of the step, whose probability is exact; a lattice takes the rest (errors 2e-4).
    """
    looks = len(seen)
    fresh = [seen[0]]
    for k in range(1, looks):
        fresh.append(seen[k] - seen[k - 1])
    roots = [root_chi(2 * fresh[k] - (2 if k == 0 else 1)) for k in range(looks)]
    totals = [0.0] * looks
    count = 0
    for place in lattice(2 * looks - 1):
        count += 1
        _walk(place, d, seen, fresh, cuts, sides, roots, totals)
    return [total / count for total in totals]


def _walk(
    place: "list[float]",
    d: float,
    seen: "list[int]",
    fresh: "list[int]",
    cuts: "list[float]",
    sides: int,
    roots: "list[Callable[[float], float]]",
    totals: "list[float]",
) -> None:
    """One path through the looks, kept inside the bounds; adds its chances to `totals`."""
    looks = len(seen)
    chance, score, square = 1.0, 0.0, 0.0
    for k in range(looks):
        square += roots[k](norm_ppf(place[2 * k])) ** 2
        step = 0.5 * fresh[k]
        spread = math.sqrt(step)
        parts = _rejection(score, square, k, seen, fresh, cuts, sides)
        # Chances of the pieces of the step's line that reject, in rising order.
        pieces, reject = [], 0.0
        for low, high in parts:
            a = norm_cdf((low - d * step) / spread) if low > -INF else 0.0
            b = norm_cdf((high - d * step) / spread) if high < INF else 1.0
            pieces.append((a, b))
            reject += max(b - a, 0.0)
        totals[k] += chance * reject
        if k == looks - 1 or reject > 1 - 1e-12:
            return
        chance *= 1 - reject
        u = place[2 * k + 1] * (1 - reject)
        for a, b in pieces:
            if u >= a:
                u += b - a
        move = d * step + spread * norm_ppf(min(max(u, 1e-15), 1 - 1e-15))
        if k:
            square += _curve(k, seen, fresh) * (move / step - score / (0.5 * seen[k - 1])) ** 2
        score += move


def _curve(k: int, seen: "list[int]", fresh: "list[int]") -> float:
    """Half of n m / (n + m): what the squared gap of new and old differences adds."""
    old = seen[k - 1]
    return 0.5 * old * fresh[k] / (old + fresh[k])


def _rejection(
    score: float,
    square: float,
    k: int,
    seen: "list[int]",
    fresh: "list[int]",
    cuts: "list[float]",
    sides: int,
) -> "list[tuple[float, float]]":
    """Intervals of the step x for which the look rejects, in rising order.

    (score + x)^2 / I > (cut^2 / df) (square + c (x / step - score / I_before)^2).
    """
    information = 0.5 * seen[k]
    limit = cuts[k] ** 2 / (2 * seen[k] - 2)
    step = 0.5 * fresh[k]
    curve, old = (0.0, 0.0) if k == 0 else (_curve(k, seen, fresh), score / (0.5 * seen[k - 1]))
    a = 1 / information - limit * curve / step**2
    b = 2 * (score / information + limit * curve * old / step)
    c = score**2 / information - limit * (square + curve * old**2)
    inside = b * b - 4 * a * c
    if abs(a) < 1e-300:
        return []
    if inside <= 0:
        # Without roots the sign of a decides; with a > 0 the origin of U would be a root's place.
        return []
    root = math.sqrt(inside)
    first, second = sorted(((-b - root) / (2 * a), (-b + root) / (2 * a)))
    if a > 0:
        return [(second, INF)] if sides == 1 else [(-INF, first), (second, INF)]
    # A step so far from the past swells the SD: only steps between the roots reject.
    if sides == 1 and score + 0.5 * (first + second) < 0:
        return []
    return [(first, second)]
