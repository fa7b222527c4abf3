"""Group-sequential designs: looks at the data while animals still come in."""

import math

from metabone.planning.designs.common import (
    RULE,
    answer,
    caution,
    deviation,
    difference,
    t_power,
    whole,
)
from metabone.planning.designs.inputs import (
    ALPHA,
    EFFECT,
    HOUSING,
    SIDES,
    SPREAD,
    joined,
    number,
    word,
)
from metabone.planning.designs.sequential_t import t_crossings
from metabone.planning.kernel import norm_cdf, norm_isf, norm_pdf, norm_sf, solve, t_isf
from metabone.planning.kernel.quadrature import panel_nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block

# Animals a group up to which the estimated SD is followed from look to look.
SMALL = 60


def crossings(
    bounds: "list[float]", times: "list[float]", drift: float, sides: int
) -> "list[float]":
    """P(first crossing at look k) of z statistics; `drift` is the mean of the last one.

    `times` are the information fractions, rising to 1. The density of the score process inside
    the bounds is carried from look to look by quadrature.

    References
    ----------
    Armitage, McPherson & Rowe (1969), doi:10.2307/2343787.
    Jennison & Turnbull (2000), Group Sequential Methods, ch. 19.

    Examples
    --------
    >>> round(sum(crossings([1.959964] * 2, [0.5, 1], 0.0, 2)), 4)
    0.0831
    """
    chances: list[float] = []
    nodes: list[tuple[float, float]] = [(0.0, 1.0)]
    before = 0.0
    for k in range(len(bounds)):
        step = times[k] - before
        root = math.sqrt(step)
        edge = bounds[k] * math.sqrt(times[k])
        stop = 0.0
        for x, mass in nodes:
            centre = x + drift * step
            up = norm_sf((edge - centre) / root)
            down = norm_cdf((-edge - centre) / root) if sides == 2 else 0.0
            stop += mass * (up + down)
        chances.append(stop)
        middle = drift * times[k]
        low = -edge if sides == 2 else min(middle, edge) - 9 * math.sqrt(times[k])
        inside = []
        for half in ((low, 0.5 * (low + edge)), (0.5 * (low + edge), edge)):
            for y, weight in panel_nodes(list(RULE), half[0], half[1]):
                density = 0.0
                for x, mass in nodes:
                    density += mass * norm_pdf((y - x - drift * step) / root)
                inside.append((y, weight * density / root))
        nodes = inside
        before = times[k]
    return chances


def spent(fraction: float, alpha: float, sides: int) -> float:
    """Alpha spent by an information fraction, in the manner of O'Brien and Fleming.

    References
    ----------
    Lan & DeMets (1983), doi:10.1093/biomet/70.3.659.
    """
    return sides * 2 * norm_sf(norm_isf(alpha / (2 * sides)) / math.sqrt(fraction))


def boundaries(kind: str, times: "list[float]", alpha: float, sides: int) -> "list[float]":
    """Critical z values of the looks.

    `kind`: obrien-fleming (high first, falling as 1 / sqrt(t)), pocock (the same at every look) or
    spending (O'Brien-Fleming-like alpha spending, for looks at any time).

    Examples
    --------
    >>> [round(c, 4) for c in boundaries("obrien-fleming", [1 / 3, 2 / 3, 1], 0.025, 1)]
    [3.4711, 2.4544, 2.004]
    """
    if kind == "spending":
        return _spending(times, alpha, sides)

    def shape(c: float) -> "list[float]":
        return [c / math.sqrt(t) if kind == "obrien-fleming" else c for t in times]

    single = norm_isf(alpha / sides)
    if len(times) == 1:
        return [single]
    found = solve(
        lambda c: sum(crossings(shape(c), times, 0.0, sides)), alpha, single, single + 1.5, 1e-11
    )
    return shape(found)


def _spending(times: "list[float]", alpha: float, sides: int) -> "list[float]":
    bounds: list[float] = []
    before = 0.0
    for k in range(len(times)):
        here = spent(times[k], alpha, sides)
        share, seen = here - before, times[: k + 1]

        def last(c: float, seen_: "list[float]" = seen, old: "list[float]" = bounds) -> float:
            return crossings(list(old) + [c], seen_, 0.0, sides)[-1]  # noqa: RUF005

        bounds.append(solve(last, share, 0.5, 12.0, 1e-11))
        before = here
    return bounds


def inflation(
    bounds: "list[float]", times: "list[float]", alpha: float, sides: int, power: float
) -> float:
    """Largest sample of the sequential design over that of one look, for the same power."""
    single = norm_isf(alpha / sides) + norm_isf(1 - power)
    drift = solve(
        lambda x: sum(crossings(bounds, times, x, sides)), power, 0.5 * single, 2 * single, 1e-11
    )
    return (drift / single) ** 2


def expected_share(bounds: "list[float]", times: "list[float]", drift: float, sides: int) -> float:
    """Expected information at the stop, as a share of the largest."""
    return mean_share(crossings(bounds, times, drift, sides), times)


def mean_share(chances: "list[float]", times: "list[float]") -> float:
    """Mean of the share of the sample at which the study ends."""
    last = len(times) - 1
    early = sum([chances[k] * times[k] for k in range(last)])
    return early + (1 - sum(chances[:last])) * times[last]


def peeking_error(looks: int, alpha: float) -> float:
    """Type I error of unadjusted two-sided tests at equally spaced looks.

    Examples
    --------
    >>> round(peeking_error(5, 0.05), 3)
    0.142
    """
    times = [(k + 1) / looks for k in range(looks)]
    return sum(crossings([norm_isf(alpha / 2)] * looks, times, 0.0, 2))


def look_sizes(n: float, looks: int) -> "list[float]":
    """Animals in a group at each of equally spaced looks, whole when `n` is."""
    if n != int(n):
        return [n * (k + 1) / looks for k in range(looks)]
    return [whole(n * (k + 1) / looks) for k in range(looks)]


def group_sequential(inputs: "Block") -> "Block":
    """Two-sample t tests at several looks, alpha shared between them."""
    effect, sd = difference(inputs), deviation(inputs)
    n, looks = inputs.get("n"), inputs["looks"]
    if n is None:
        raise ValueError("give n, the animals in a group at the last look")
    alpha, sides = inputs["alpha"], inputs["sides"]
    seen = look_sizes(n, looks)
    if seen[0] < 2 or len(set(seen)) < looks:
        raise ValueError("too few animals for " + str(looks) + " looks: 2 in a group at the first")
    times = [size / n for size in seen]
    bounds = boundaries(inputs["boundary"], times, alpha, sides)
    levels = [norm_sf(bound) for bound in bounds]
    cuts = [t_isf(levels[k], 2 * seen[k] - 2) for k in range(looks)]
    d = effect / sd
    chances, exact = _chances(abs(d), seen, cuts, bounds, times, sides)
    result = answer(
        inputs,
        sum(chances),
        [n, n],
        power_by_look=chances,
        power_one_look=t_power(d * math.sqrt(n / 2), 2 * n - 2, alpha, sides),
        expected_n_total=2 * n * mean_share(chances, times),
        looks=[2 * size for size in seen],
        critical=cuts,
        nominal_alpha=[sides * level for level in levels],
        exact=exact,
        arms=["control", "treated"],
        effect=effect,
        sd=sd,
        d=d,
        df=2 * n - 2,
        test="two-sample t tests at " + str(looks) + " looks, " + inputs["boundary"],
        notes=caution(d),
    )
    result["notes"].append(
        "looking without a plan at each of these would err more often than alpha"
    )
    return result


def _chances(
    d: float,
    seen: "list[float]",
    cuts: "list[float]",
    bounds: "list[float]",
    times: "list[float]",
    sides: int,
) -> "tuple[list[float], bool]":
    """(P(stop for effect at look k), exact): the estimated SD followed while groups are small."""
    n = seen[-1]
    if n <= SMALL and n == int(n):
        return t_crossings(d, [int(size) for size in seen], cuts, sides), True
    # With many animals the estimated SD only costs a little drift: that of one look.
    level = norm_sf(bounds[-1])
    drift = norm_isf(level) - norm_isf(t_power(d * math.sqrt(n / 2), 2 * n - 2, level, 1))
    return crossings(bounds, times, drift, sides), False


DESIGNS = {
    "group-sequential": {
        "title": "Looks at the data on the way (group-sequential)",
        "inputs": joined(
            EFFECT,
            SPREAD,
            {
                "n": number(
                    "animals in a group at the last look", "animals", None, 2, None, "whole"
                ),
                "looks": number("looks at the data, the last included", "", 2, 1, 5, "whole"),
                "boundary": word(
                    "how alpha is shared between the looks",
                    ("obrien-fleming", "pocock", "spending"),
                    "obrien-fleming",
                ),
            },
            SIDES,
            ALPHA,
            HOUSING,
        ),
        "power": group_sequential,
        "no_interval": "with looks on the way the interval depends on where the study stops",
        "size": "n",
        "floor": lambda inputs: max(2, 2 * int(inputs.get("looks") or 2) - 1),
        "effect": "difference",
    },
}
