"""Assurance: the chance that a study shows the effect, over what the true effect may be.

δ, the true difference in SD of one animal, is mean + scale · T, T with `pdf` degrees of freedom
(infinite: normal). A significant result in the direction that the mean does not point to is no
success. `math` and the kernel alone: MicroPython runs this file too.
"""

import math

from metabone.planning.designs.inputs import completed
from metabone.planning.designs.share_assurance import over_places, share_passes, share_places
from metabone.planning.designs.truth_average import averaged
from metabone.planning.kernel import nct_sf, norm_cdf, norm_isf, t_cdf, t_isf
from metabone.planning.kernel.mixture import log_chi_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from metabone.planning.designs.common import Block

INF = float("inf")
ROOT_HALF = 0.7071067811865476
# More nodes than this in the error SD are left to the noncentral t, which finds its own.
NODES = 80
# Shares above it are taken together.
BROAD = 0.1
# What `about` may be off by: about three times what it was ever seen to be.
DOUBT = 1e-3


def ceiling(mean: float, scale: float, pdf: float) -> float:
    """What no number of animals exceeds: the chance that δ has the sign of its mean.

    Examples
    --------
    >>> round(ceiling(1.5, (0.8**2 + 0.25**2) ** 0.5, 8), 5)
    0.94435
    """
    if scale == 0:
        return 1.0 if mean != 0 else 0.0
    z = abs(mean) / scale
    return norm_cdf(z) if pdf == INF else t_cdf(z, pdf)


def expected_range(
    mean: float, scale: float, pdf: float, level: float = 0.95
) -> "tuple[float, float]":
    """Prediction interval of δ.

    Examples
    --------
    >>> low, high = expected_range(1.5, (0.8**2 + 0.25**2) ** 0.5, 8)
    >>> round(low, 4), round(high, 4)
    (-0.4328, 3.4328)
    """
    tail = (1 - level) / 2
    half = scale * (norm_isf(tail) if pdf == INF else t_isf(tail, pdf))
    return mean - half, mean + half


def passes(
    shift: float, df: float, cut: float, mean: float, scale: float, pdf: float = INF
) -> float:
    """Chance that a t statistic with the mean `shift` · δ and `df` passes `cut`.

    The mean over two independent χ variables U (of `pdf`) and S (of `df`) of
    Φ((shift·mean − cut·S) / √(1 + (shift·scale/U)²)), to 1e-9.

    Parameters
    ----------
    shift : mean of the statistic for a difference of one SD, not negative.
    cut : critical value.
    mean : of δ, positive if it points to the side of the critical value.

    References
    ----------
    O'Hagan, Stevens & Campbell (2005), doi:10.1002/pst.175 (assurance).
    Higgins, Thompson & Spiegelhalter (2009), doi:10.1111/j.1467-985X.2008.00552.x (the t).

    Examples
    --------
    >>> cut, scale = t_isf(0.025, 22), (0.8**2 + 0.25**2) ** 0.5
    >>> round(passes(6**0.5, 22, cut, 1.5, scale, 8), 4)
    0.7488
    """
    centre, wide = shift * mean, shift * scale
    # Beside the sampling error of 1, so little spread shows in no digit; a ratio to it would.
    if wide < 1e-12 or pdf == INF:
        spread = math.sqrt(1 + wide * wide)
        return nct_sf(cut / spread, df, centre / spread)
    lows = log_chi_rule(pdf, 3.0, (abs(centre) + abs(cut)) / wide)
    reach = abs(cut) * (1 + 3 / math.sqrt(2 * df))
    errors = log_chi_rule(df, max(abs(cut), min(centre + 2, reach)), abs(cut))
    total = 0.0
    if len(errors) > NODES:
        for u, weight in lows:
            spread = math.sqrt(1 + (wide / u) ** 2)
            total += weight * nct_sf(cut / spread, df, centre / spread)
        return min(1.0, total)
    erfc = math.erfc
    for u, weight in lows:
        # Where δ is nearly certain to be far off, both ends cancel: nothing is lost.
        narrow = ROOT_HALF / math.sqrt(1 + (wide / u) ** 2)
        a, b = -centre * narrow, cut * narrow
        total += weight * sum([share * erfc(a + b * s) for s, share in errors])
    return min(1.0, 0.5 * total)


def tested(design: "Block", inputs: "Block") -> "Block | None":
    """What the design estimates, if a t test of that is its test; None otherwise.

    See `common.t_estimate`.
    """
    if design.get("estimate") is None or design["effect"] != "difference":
        return None
    found: Block = design["estimate"](completed(design, inputs))
    return None if found.get("tested") == "no" else found


def over_shares(found: "Block", value: "Callable[[float], float]") -> float:
    """Mean of a smooth function of an estimate's beta share, by a polynomial through places."""
    if found["beta"] is None:
        return value(1.0)
    return over_places(share_places(found["beta"][0], found["beta"][1]), value)


def assurance(
    design: "Block",
    inputs: "Block",
    size: "float | list[float]",
    sd: float,
    mean: float,
    scale: float,
    pdf: float = INF,
) -> float:
    """Chance that a study of this size shows the effect, over what δ may be.

    Parameters
    ----------
    design : an entry of ``DESIGNS`` whose effect is a difference.
    inputs : its inputs.
    size : of the design's own kind: animals in a group, cages, blocks.
    sd : between animals, in the unit of the difference.

    Returns
    -------
    Exact (1e-8) where the design's test is a t test, else `averaged` (1e-7).
    """
    found = tested(design, _sized(design, inputs, sd, size))
    if found is None and design.get("assurance") is not None:
        known = completed(design, _sized(design, inputs, sd, size))
        chance: float | None = design["assurance"](known, mean, scale, pdf)
        if chance is not None:
            return chance
    if found is None:
        return averaged(
            lambda delta, right: success(design, inputs, size, sd, delta, right), mean, scale, pdf
        )
    alpha, sides = _level(design, inputs, found)
    return _t_assurance(found, alpha, sides, sd, (abs(mean), scale, pdf))


def about(
    design: "Block",
    inputs: "Block",
    size: "float | list[float]",
    sd: float,
    mean: float,
    scale: float,
    pdf: float = INF,
) -> "float | None":
    """`assurance` within `DOUBT` where that costs far less; None elsewhere."""
    known = _sized(design, inputs, sd, size)
    found = tested(design, known)
    if found is not None and found.get("about") is not None:
        alpha, sides = _level(design, inputs, found)
        found["at"] = found["about"]
        return _t_assurance(found, alpha, sides, sd, (abs(mean), scale, pdf))
    if design.get("assurance") is None or found is not None:
        return None
    chance: float | None = design["assurance"](completed(design, known), mean, scale, pdf, False)
    return chance


def _t_assurance(
    found: "Block", alpha: float, sides: int, sd: float, known: "tuple[float, float, float]"
) -> float:
    """Assurance of a t test; `known` is δ's mean, scale and df."""
    at, times = found["at"], found.get("times", 1.0)
    mean, scale, pdf = known

    def given(share: float) -> float:
        se, df, cut = at(share, alpha, sides)
        return passes(times * sd / se, df, cut, mean, scale, pdf)

    if found["beta"] is None:
        return given(1.0)
    places = share_places(found["beta"][0], found["beta"][1])
    total = 0.0
    if found.get("varies") == "se":
        se, df, cut = at(1.0, alpha, sides)
        # Of a small share little comes, and that in a narrow band.
        broad = [place for place in places if place[0] > BROAD]
        chance = share_passes(broad, times * sd / se, df, cut, mean, scale, pdf)
        if chance is not None:
            total, places = chance, [place for place in places if place[0] <= BROAD]
    return min(1.0, total + over_places(places, given))


def _level(design: "Block", inputs: "Block", found: "Block") -> "tuple[float, int]":
    known = completed(design, inputs)
    return known["alpha"], 2 if found.get("tested") == "both" else known["sides"]


def rough_size(
    design: "Block",
    inputs: "Block",
    sd: float,
    mean: float,
    scale: float,
    pdf: float,
    target: float,
    most: int,
) -> int:
    """Where to look first for a size whose assurance is slow to compute; 0 where none is known.

    The share that varies is taken at its mean, the alpha of several arms is shared by Bonferroni.
    """

    def estimate(size: int) -> "Block":
        found: Block = design["estimate"](completed(design, _sized(design, inputs, sd, size)))
        return found

    if design.get("estimate") is None or design["effect"] != "difference":
        return 0
    probe = estimate(8)
    # Without a test of its own a design may still have one to guess from.
    if probe.get("rough") is None and (probe.get("tested") == "no" or probe["beta"] is None):
        return 0

    def at(size: int) -> float:
        found = estimate(size)
        share = 1.0 if found["beta"] is None else found["beta"][0] / sum(found["beta"])
        alpha, sides = _level(design, inputs, found)
        near: Callable[[float, float, int], tuple[float, float, float]] = (
            found["rough"] if "rough" in found else found["at"]
        )
        se, df, cut = near(share, alpha, sides)
        return passes(found.get("times", 1.0) * sd / se, df, cut, abs(mean), scale, pdf)

    return smallest_size(at, target, most) or 0


def _sized(
    design: "Block",
    inputs: "Block",
    sd: float,
    size: "float | list[float]",
    delta: float = 1.0,
) -> "Block":
    """The inputs with a size and a difference of `delta` SD."""
    filled = dict(inputs)
    filled.pop("percent_change", None)
    filled["difference"] = sd * delta
    filled[design["size"]] = size
    return filled


def success(
    design: "Block",
    inputs: "Block",
    size: "float | list[float]",
    sd: float,
    delta: float,
    right: bool,
) -> float:
    """Chance of a significant result in the direction of the evidence.

    The truth is `delta` SD, in that direction (`right`) or in the other.
    """
    # At exactly 0 some designs have nothing to detect.
    filled = _sized(design, inputs, sd, size, max(delta, 1e-9))
    known = completed(design, filled)
    power = design["power"]
    if design.get("success") is not None:
        return float(design["success"](known, right))
    if "sides" not in design["inputs"] or known.get("question") == "interaction":
        # An F test has no direction: what it finds of a wrong truth is no success.
        return float(power(filled)["power"]) if right else 0.0
    tail = known["alpha"] / known["sides"]
    filled["alpha"], filled["sides"] = tail, 1
    one = float(power(filled)["power"])
    if right:
        return one
    # What both tails reject beyond the right one is what the wrong truth wins.
    filled["alpha"], filled["sides"] = 2 * tail, 2
    return float(power(filled)["power"]) - one


def smallest_size(
    at: "Callable[[int], float]",
    target: float,
    most: int,
    guess: int = 0,
    known: "dict[int, float] | None" = None,
) -> "int | None":
    """Smallest whole size from 2 on whose assurance `at` reaches `target`; None beyond `most`.

    Parameters
    ----------
    guess : where to look first (0: at the smallest); the answer does not depend on it.
    known : assurances by size that were computed before: they tell where to look.

    Examples
    --------
    >>> smallest_size(lambda n: 1 - 1 / n, 0.9, 1000), smallest_size(lambda n: 0.5, 0.9, 1000)
    (10, None)
    """
    seen = dict(known or {})
    seen[1] = -1.0
    turn = 0
    while True:
        low = max([n for n in seen if seen[n] < target])
        over = [n for n in seen if n > low and seen[n] >= target]
        high = min(over) if over else 0
        if high == low + 1:
            return high
        if low >= most:
            return None
        if turn == 0 and len(seen) == 1 and guess:
            n = min(max(2, guess), most)
        else:
            n = _between(seen, target, low, high, most, turn)
        seen[n] = at(n)
        turn += 1


def _between(
    seen: "dict[int, float]", target: float, low: int, high: int, most: int, turn: int
) -> int:
    """The size to look at next, above `low` and below `high` (0: no end is known yet).

    By the line through the two nearest sizes, on the scales of the root of the size and of the
    normal quantile. Every fifth time the middle is taken, so that a poor line costs little.
    """
    last = high - 1 if high else most
    near = sorted(
        [n for n in seen if 1e-9 < seen[n] < 1 - 1e-9], key=lambda n: abs(seen[n] - target)
    )
    if turn % 5 == 4 or len(near) < 2:
        return (low + high) // 2 if high else min(last, max(2, 2 * low))
    one, two = near[0], near[1]
    rise = norm_isf(seen[one]) - norm_isf(seen[two])
    run = math.sqrt(one) - math.sqrt(two)
    if rise * run >= 0:
        return (low + high) // 2 if high else min(last, 2 * low)
    place = math.sqrt(one) + (norm_isf(target) - norm_isf(seen[one])) * run / rise
    n = math.ceil(min(max(place, 0.0), math.sqrt(most)) ** 2 - 1e-9)
    # Where the answer is this size, the one below it must fail: looked at next.
    return min(last, max(low + 1, n))
