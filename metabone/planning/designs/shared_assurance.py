"""Assurance of several arms alike against one control, where one arm's t test is not the test.

Holm's steps, and any or all arms, have no power in closed form. Given the error SD S, an arm's
statistic is normal around V = shift · δ + b · z, δ what the evidence expects and z the control's
mean. What is found is a function of V alone (the mean over S), and V's density is known, so that
assurance costs one sum over V, not a power for each δ.
"""

import math

from metabone.planning.designs.shared_control import (
    differences_of,
    loads_of,
    rough_cut,
    shifts,
    sizes_of,
)
from metabone.planning.kernel import (
    dunnett_critical,
    gauss_legendre,
    norm_cdf,
    norm_ppf,
    t_isf,
    t_pdf,
)
from metabone.planning.kernel.holm import alike_rejected, alike_through
from metabone.planning.kernel.mixture import log_chi_rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block

INF = float("inf")
ROOT_HALF = 0.7071067811865476
ROOT_2PI = 2.5066282746310002
# Beyond, in SD of what is normal, less than 1e-9 is left (of a rough answer 1e-5).
REACH, ROUGH_REACH = 6.2, 4.3
# Weights below it add less than 1e-9 together (1e-5).
TINY, ROUGH_TINY = 1e-12, 1e-7
# Exponents of the error of the sum over V, and nodes over a truth of the wrong sign.
FINE, ROUGH = 25.0, 11.0
WRONG, WRONG_ROUGH = tuple(gauss_legendre(20)), tuple(gauss_legendre(8))


def shared_assurance(
    inputs: "Block", mean: float, scale: float, pdf: float, fine: bool = True
) -> "float | None":
    """Chance that a study finds the effect in the direction of the evidence, to 1e-8.

    Parameters
    ----------
    inputs : complete, with the size.
    mean, scale, pdf : of δ in SD, as in `assurance`.
    fine : False for an answer within `assurance.DOUBT`, at a fraction of the cost.

    Returns
    -------
    None for arms that differ in size or in effect.
    """
    gaps = differences_of(inputs)
    sizes = sizes_of(inputs, len(gaps))
    treated = sizes[1:]
    if min(gaps) != max(gaps) or min(treated) != max(treated) or scale == 0:
        return None
    shift = shifts([1.0], 1.0, treated[:1], sizes[0])[0]
    test = _test(inputs, sizes, fine)
    known = shift * abs(mean), shift * scale, pdf
    found = _over_all(test, *known) + _over_wrong(test, *known)
    return min(1.0, max(0.0, found))


def _test(inputs: "Block", sizes: "list[float]", fine: bool) -> "Block":
    """The test's critical values, and the rule over S."""
    arms, wanted = len(sizes) - 1, inputs["question"]
    df = sum(sizes) - len(sizes)
    b = loads_of(sizes[1:], sizes[0])[0]
    root = math.sqrt(1 - b * b)
    cuts = _cuts(inputs, sizes, df, fine)
    if wanted == "any":
        # Of arms alike one is found if any passes the first step.
        cuts = cuts[:1]
    top = max(abs(cuts[0]), abs(cuts[-1]))
    errors = log_chi_rule(df, top / root, top, 1.0 if fine else 2.0)
    share = {"any": 1 - 0.5 ** (1 / arms), "all": 0.5 ** (1 / arms), "each": 0.5}[wanted]
    return {
        "arms": arms,
        "wanted": wanted,
        "b": b,
        "root": root,
        "cuts": cuts,
        "errors": errors,
        "fine": fine,
        "reach": REACH if fine else ROUGH_REACH,
        "tiny": TINY if fine else ROUGH_TINY,
        # A normal curve near the chance at V.
        "middle": cuts[-1] + root * norm_ppf(share),
        "about": math.sqrt(root * root + top * top / (2 * df)),
    }


def _cuts(inputs: "Block", sizes: "list[float]", df: float, fine: bool) -> "list[float]":
    """Critical values in the order of the steps: one for each arm, the same for a single step."""
    method, arms = inputs["method"], len(sizes) - 1
    alpha, sides = inputs["alpha"], inputs["sides"]
    if method == "holm":
        return [t_isf(alpha / (sides * (arms - step)), df) for step in range(arms)]
    if method == "dunnett" and fine:
        return [dunnett_critical(alpha, sizes[1:], sizes[0], df, sides)]
    if method == "dunnett":
        return [rough_cut(inputs, sizes[0] / sizes[1], df)]
    return [t_isf(alpha / (sides * (arms if method == "bonferroni" else 1)), df)]


def _step(test: "Block", spread: float) -> float:
    """Step of the sum over V, of variance `spread` or more.

    The error is below exp(−2π²/(h²·a)) where the integrand grows like exp(a·y²/2) off the real
    line; up to three arms do so like two, more of them like 0.6 times their number.
    """
    arms = float(test["arms"])
    grown = max(min(arms, 2.0), 0.6 * arms) / test["root"] ** 2 + 1 / spread
    return math.pi * math.sqrt(2 / ((FINE if test["fine"] else ROUGH) * grown))


def _over_all(test: "Block", centre: float, wide: float, pdf: float) -> float:
    """Mean of what one-sided tests find, over all of V."""
    middle, about, square = test["middle"], test["about"], test["b"] ** 2
    slope = (centre + abs(middle) + REACH) / wide
    lows = [(1.0, 1.0)]
    if pdf != INF:
        lows = log_chi_rule(pdf, 3.0, slope, 1.0 if test["fine"] else 2.0)
    total, spreads = 0.0, []
    for u, weight in lows:
        both = square + (wide / u) ** 2
        total += weight * norm_cdf((centre - middle) / math.sqrt(both + about * about))
        spreads.append((weight / math.sqrt(both), -0.5 / both))
    # The curve has its mean in closed form; what is found beyond it fades on both sides.
    high = 1.0 if pdf == INF else 1 + 4 / math.sqrt(2 * pdf)
    step, exp = _step(test, square + (wide / high) ** 2), math.exp
    first, last = _ends(test)
    reach, tiny = test["reach"], test["tiny"]
    low = min(first - reach * test["root"], middle - reach * about)
    top = max(last + reach * test["root"], middle + reach * about)
    for i in range(math.ceil((top - low) / step) + 1):
        v = low + i * step
        far = (v - centre) ** 2
        density = sum([part * exp(fall * far) for part, fall in spreads]) * step / ROOT_2PI
        if density > tiny:
            beyond = _given(test, v, density)[0] - norm_cdf((v - middle) / about)
            total += density * beyond
    return total


def _ends(test: "Block") -> "tuple[float, float]":
    """Least and largest critical value times S."""
    seen = [s for s, weight in test["errors"] if weight > 0.1 * test["tiny"]]
    ends = [cut * s for cut in test["cuts"] for s in (seen[0], seen[-1])]
    return min(ends), max(ends)


def _over_wrong(test: "Block", centre: float, wide: float, pdf: float) -> float:
    """What a wrong truth adds: found by two-sided tests beyond its own side, less `_over_all`'s.

    δ of the wrong sign is wide · sinh(s); it is as good as never found beyond `REACH`.
    """
    # Beyond, the density has less than 1e-11.
    far = 7.0 if pdf == INF else 14 * 1e5 ** (1 / pdf)
    end = min(REACH / wide, far)
    half = 0.5 * math.log(end + math.sqrt(end * end + 1))
    truths = []
    for node, weight in WRONG if test["fine"] else WRONG_ROUGH:
        grown = math.exp(half * (1 + node))
        t = 0.5 * (grown - 1 / grown)
        density = _density(t + centre / wide, pdf) * 0.5 * (grown + 1 / grown)
        truths.append((wide * t, half * weight * density))
    b, root, reach, tiny = test["b"], test["root"], test["reach"], test["tiny"]
    if max([weight for _, weight in truths]) < tiny:
        return 0.0
    step, total = _step(test, b * b), 0.0
    unit = step / (b * ROOT_2PI)
    # Below, no arm is found on the side of the evidence; above, none on the other one.
    low = reach * root - _ends(test)[0]
    first, last = min(-reach * b, -low), max(reach * b, low)
    for i in range(math.ceil((last - first) / step) + 1):
        v = first + i * step
        ours = _near(truths, v, -1.0, b) * unit
        theirs = _near(truths, v, 1.0, b) * unit
        if ours + theirs > tiny:
            one, two = _given(test, v, ours + theirs, theirs > tiny)
            total -= ours * one
            if theirs > tiny:
                total += theirs * (two - one)
    return total


def _near(truths: "list[tuple[float, float]]", v: float, sign: float, b: float) -> float:
    """Density of V, but for its constant, over wrong truths on the side of the sign."""
    total = 0.0
    for truth, weight in truths:
        far = (v - sign * truth) / b
        if far * far < 50.0:
            total += weight * math.exp(-0.5 * far * far)
    return total


def _density(t: float, pdf: float) -> float:
    """Student's density, or the normal one."""
    return math.exp(-0.5 * t * t) / ROOT_2PI if pdf == INF else t_pdf(t, pdf)


def _given(test: "Block", v: float, density: float, both: bool = False) -> "tuple[float, float]":
    """P(found | V) by one-sided tests and, if asked for, by two-sided ones: means over S."""
    unit = ROOT_HALF / test["root"]
    middle, least, clear = v * unit, test["tiny"] / density, 0.775 * test["reach"]
    arms, wanted, erfc = test["arms"], test["wanted"], math.erfc
    cuts = [cut * unit for cut in test["cuts"]]
    one, two = 0.0, 0.0
    for s, weight in test["errors"]:
        if weight < least:
            continue
        if middle - cuts[0] * s > clear:
            # Every arm is found, by all steps.
            one += weight
            two += weight
            continue
        if not both and cuts[-1] * s - middle > clear:
            continue
        up = [0.5 * erfc(cut * s - middle) for cut in cuts]
        one += weight * _found(up, arms, wanted)
        if both:
            passing = [0.5 * (erfc(cut * s - middle) + erfc(cut * s + middle)) for cut in cuts]
            two += weight * _found(passing, arms, wanted)
    return one, two


def _found(passing: "list[float]", arms: int, wanted: str) -> float:
    """P(each, any or all of the arms are found | S, V): several critical values are Holm's."""
    if len(passing) > 1 and wanted == "all":
        return alike_through(passing)[-1]
    if len(passing) > 1:
        return alike_rejected(passing)[("any", "all", "each").index(wanted)]
    chance = passing[0]
    if wanted == "any":
        return 1.0 - (1.0 - chance) ** arms
    return chance if wanted == "each" else chance**arms
