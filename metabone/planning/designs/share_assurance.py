"""Assurance of a t test whose noncentrality has a share that varies from study to study.

A statistic passes if Y + Z > cut · S, Y = √share · shift · δ, Z normal and S the error SD. What
Y must be is a function of Y alone (the mean over Z and S), and Y has a density that needs no
integral but over the share: so one rule on Y's line takes the place of one over share, δ and S.
"""

import math

from metabone.planning.designs.common import beta_rule
from metabone.planning.kernel import t_pdf
from metabone.planning.kernel.basis import ROOT_2PI
from metabone.planning.kernel.mixture import log_chi_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INF = float("inf")
ROOT_HALF = 0.7071067811865476
# Places at which what varies with a beta share is computed.
PLACES = 11
# Beyond, in SD of what is normal, less than 1e-10 is left.
REACH = 6.5
# A shorter step than this is left to `passes`, which follows a narrow density.
SHORTEST = 0.12


def share_places(a: float, b: float) -> "list[tuple[float, float]]":
    """(share, weight) so that the sum of weight · g(share) is the mean of a smooth g.

    That of the polynomial through the places, over Beta(a, b); a weight may be below 0.

    Examples
    --------
    >>> round(sum([weight * share for share, weight in share_places(9.0, 0.5)]), 9)
    0.947368421
    """
    rule = [pair for pair in beta_rule(a, b) if pair[1] > 1e-10]
    low = math.asin(math.sqrt(min([share for share, _ in rule])))
    high = math.asin(math.sqrt(max([share for share, _ in rule])))
    half, middle = 0.5 * (high - low), 0.5 * (low + high)
    turns = [math.pi * (i + 0.5) / PLACES for i in range(PLACES)]
    places = [math.cos(turn) for turn in turns]
    signs = [math.sin(turns[i]) * (-1) ** i for i in range(PLACES)]
    weights = [0.0] * PLACES
    for share, weight in rule:
        x = (math.asin(math.sqrt(share)) - middle) / half if half else 0.0
        terms = [signs[i] / ((x - places[i]) or 1e-300) for i in range(PLACES)]
        total = sum(terms)
        for i in range(PLACES):
            weights[i] += weight * terms[i] / total
    return [(math.sin(middle + half * places[i]) ** 2, weights[i]) for i in range(PLACES)]


def over_places(
    places: "Sequence[tuple[float, float]]", value: "Callable[[float], float]"
) -> float:
    """Mean of a smooth function of the share."""
    return sum([weight * value(share) for share, weight in places])


def line_step(wide: float, pdf: float) -> float:
    """Step on Y's line for 1e-10, Y's spread `wide` and of `pdf` degrees of freedom.

    The rule's error is exp(−2πd/h) at a distance d from the real line at which the integrand has
    grown by little: it grows like exp(d²/2 · (1 + 1/wide²)), and ends at the t density's poles.
    """
    grown = 1.4 * (1 + 1 / (wide * wide))
    return 1 / math.sqrt(grown if pdf == INF else grown + 14 / (wide * wide * pdf))


def share_passes(
    places: "Sequence[tuple[float, float]]",
    shift: float,
    df: float,
    cut: float,
    mean: float,
    scale: float,
    pdf: float = INF,
) -> "float | None":
    """Chance that √share · shift · δ + Z passes cut · S, the mean over shares; to 1e-9.

    Parameters
    ----------
    places : of `share_places`, or some of them.
    shift, df, cut, mean, scale, pdf : as in `assurance.passes`.

    Returns
    -------
    None where Y has too little spread for such a rule.

    References
    ----------
    Trefethen & Weideman (2014), doi:10.1137/130932132 (equal steps).
    """
    if not places:
        return None
    roots = [(math.sqrt(share), weight) for share, weight in places]
    narrow = min([root for root, _ in roots]) * shift * scale
    if narrow < 0.05:
        return None
    step = line_step(narrow, pdf)
    if step < SHORTEST:
        return None
    errors = log_chi_rule(df, abs(cut) * (1 + 3 / math.sqrt(2 * df)), abs(cut))
    top = max([s for s, weight in errors if weight > 1e-12]) * abs(cut) + REACH
    about = min(math.sqrt(1 + cut * cut / (2 * df)), 1 + abs(cut) / REACH)
    centres = [(root * shift * mean, root * shift * scale, weight) for root, weight in roots]
    # A normal curve near the chance at Y has its mean over Y from the χ of δ alone …
    total = _smooth(centres, cut, about, pdf)
    # … and what the chance is beyond it fades on both sides.
    count = math.ceil((top + REACH) / step)
    erfc = math.erfc
    for i in range(count + 1):
        y = -REACH + i * step
        unit = y * ROOT_HALF
        given = sum([share * erfc(cut * ROOT_HALF * s - unit) for s, share in errors])
        beyond = 0.5 * (given - erfc((cut - y) * ROOT_HALF / about))
        if abs(beyond) > 1e-12:
            total += step * beyond * _density(y, centres, pdf)
    return total


def _smooth(
    centres: "Sequence[tuple[float, float, float]]", cut: float, about: float, pdf: float
) -> float:
    """Mean of Φ((Y − cut) / about) over Y."""
    if pdf == INF:
        lows = [(1.0, 1.0)]
    else:
        slope = max([abs(cut) + abs(centre) for centre, _, _ in centres])
        lows = log_chi_rule(pdf, 3.0, slope / min([wide for _, wide, _ in centres]))
    total, square, erfc = 0.0, about * about, math.erfc
    inverse = [(share, 1 / (u * u)) for u, share in lows]
    for centre, wide, weight in centres:
        gap, spread = (cut - centre) * ROOT_HALF, wide * wide
        part = [share * erfc(gap / math.sqrt(square + spread * one)) for share, one in inverse]
        total += 0.5 * weight * sum(part)
    return total


def _density(y: float, centres: "Sequence[tuple[float, float, float]]", pdf: float) -> float:
    """Density of Y."""
    if pdf == INF:
        exp = math.exp
        parts = [
            weight / wide * exp(-0.5 * ((y - centre) / wide) ** 2)
            for centre, wide, weight in centres
        ]
        return sum(parts) / ROOT_2PI
    power, most = -0.5 * (pdf + 1), t_pdf(0.0, pdf)
    parts = [
        weight / wide * math.pow(1 + ((y - centre) / wide) ** 2 / pdf, power)
        for centre, wide, weight in centres
    ]
    return most * sum(parts)
