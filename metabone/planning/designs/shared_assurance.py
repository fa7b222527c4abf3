"""Assurance of several arms alike against one control, where one arm's t test is not the test.

Holm's steps, and any or all arms, have no power in closed form. Given the error SD S, an arm's
statistic is normal around V = shift · δ + b · z, δ what the evidence expects and z the control's
mean: V has a density that is known, so that assurance costs one integral over S and V, not a power
for each δ.
"""

import math

from metabone.planning.designs.shared_control import differences_of, loads_of, shifts, sizes_of
from metabone.planning.kernel import dunnett_critical, norm_cdf, t_cdf, t_isf
from metabone.planning.kernel.holm import alike_rejected
from metabone.planning.kernel.mixture import log_chi_rule
from metabone.planning.kernel.shared_control import control_nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block

INF = float("inf")
ROOT_HALF = 0.7071067811865476
ROOT_2PI = 2.5066282746310002
# Beyond, in SD of what is normal, less than 1e-9 is left.
REACH = 6.2
# Pairs of nodes with less weight add less than 1e-9 together.
TINY = 1e-13


def shared_assurance(inputs: "Block", mean: float, scale: float, pdf: float) -> "float | None":
    """Chance that a study finds the effect in the direction of the evidence, to 1e-8.

    Parameters
    ----------
    inputs : complete, with the size.
    mean, scale, pdf : of δ in SD, as in `assurance`.

    Returns
    -------
    None for arms that differ in size or in effect.
    """
    gaps = differences_of(inputs)
    sizes = sizes_of(inputs, len(gaps))
    arms, control, treated = len(gaps), sizes[0], sizes[1:]
    if min(gaps) != max(gaps) or min(treated) != max(treated) or scale == 0:
        return None
    df = sum(sizes) - len(sizes)
    tail = inputs["alpha"] / inputs["sides"]
    b = loads_of(treated, control)[0]
    shift = shifts([1.0], 1.0, treated[:1], control)[0]
    one, two = _cuts(inputs, sizes, df, tail, 1), _cuts(inputs, sizes, df, 2 * tail, 2)
    errors = log_chi_rule(df, max(one[0], two[0]) / math.sqrt(1 - b * b), max(one[0], two[0]))
    top = max([s for s, weight in errors if weight > 1e-11]) * max(one[0], two[0]) + REACH
    places = _places(shift * abs(mean), shift * scale, pdf, b, arms, top)
    unit = ROOT_HALF / math.sqrt(1 - b * b)
    wanted = inputs["question"]
    below = norm_cdf(-abs(mean) / scale) if pdf == INF else t_cdf(-abs(mean) / scale, pdf)
    total = 1.0 - below
    for s, weight in errors:
        ones, twos = [cut * s * unit for cut in one], [cut * s * unit for cut in two]
        for v, right, wrong in places:
            middle = v * unit
            if middle - ones[0] > 4.8:
                # From here on every arm is found.
                break
            if weight * right < TINY and weight * wrong < TINY:
                continue
            up = [0.5 * math.erfc(edge - middle) for edge in ones]
            found = _found(up, arms, wanted)
            total -= weight * right * (1.0 - found)
            if weight * wrong > TINY:
                both = [
                    0.5 * (math.erfc(edge - middle) + math.erfc(edge + middle)) for edge in twos
                ]
                total += weight * wrong * (_found(both, arms, wanted) - found)
    return min(1.0, max(0.0, total))


def _found(passing: "list[float]", arms: int, wanted: str) -> float:
    """P(each, any or all of the arms are found | S, V): several critical values are Holm's."""
    if len(passing) > 1:
        return alike_rejected(passing)[("any", "all", "each").index(wanted)]
    chance = passing[0]
    if wanted == "any":
        return 1.0 - (1.0 - chance) ** arms
    return chance if wanted == "each" else chance**arms


def _cuts(
    inputs: "Block", sizes: "list[float]", df: float, alpha: float, sides: int
) -> "list[float]":
    """Critical values in the order of the steps: one for each arm, the same for a single step."""
    method, arms = inputs["method"], len(sizes) - 1
    if method == "holm":
        return [t_isf(alpha / (sides * (arms - step)), df) for step in range(arms)]
    if method == "dunnett":
        return [dunnett_critical(alpha, sizes[1:], sizes[0], df, sides)]
    return [t_isf(alpha / (sides * (arms if method == "bonferroni" else 1)), df)]


def _places(
    mean: float, scale: float, pdf: float, b: float, arms: int, top: float
) -> "list[tuple[float, float, float]]":
    """(V, weight with the right sign of δ, weight with the wrong one), V towards the truth.

    `mean` and `scale` are those of shift · δ. Above `top` every arm is found.
    """
    # The sign of δ changes with V as fast as one more arm does.
    nodes = control_nodes([b] * (arms + 1), REACH)
    step = b * (nodes[1][0] - nodes[0][0])
    spreads = [(1.0, 1.0)] if pdf == INF else log_chi_rule(pdf, 3.0, (mean + top) / scale)
    count = math.ceil((top + REACH * b) / step)
    places = []
    for i in range(count + 1):
        v = -REACH * b + i * step
        right, wrong = 0.0, 0.0
        for u, weight in spreads:
            wide = scale / u
            both = b * b + wide * wide
            root = math.sqrt(both)
            part = weight * step / (root * ROOT_2PI)
            slope = ROOT_HALF / (b * wide * root)
            near, far = (v - mean) / root, (v + mean) / root
            if near * near < 60.0:
                known = math.erfc(-(mean * b * b + v * wide * wide) * slope)
                right += part * math.exp(-0.5 * near * near) * 0.5 * known
            if far * far < 60.0:
                known = math.erfc((mean * b * b - v * wide * wide) * slope)
                wrong += part * math.exp(-0.5 * far * far) * 0.5 * known
        places.append((v, right, wrong))
    return places
