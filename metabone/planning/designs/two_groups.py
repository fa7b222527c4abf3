"""Two groups: one common SD, two SDs (Welch), and pairs of measurements on one animal."""

import math

from metabone.planning.designs.common import (
    answer,
    beta_rule,
    caution,
    deviation,
    difference,
    group_sizes,
    t_estimate,
    t_power,
)
from metabone.planning.designs.inputs import (
    ALPHA,
    EFFECT,
    FRACTION,
    HOUSING,
    SIDES,
    SIZE,
    SPREAD,
    UNIT,
    joined,
    number,
)
from metabone.planning.kernel import t_isf
from metabone.planning.kernel.mixture import mixed_power

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from metabone.planning.designs.common import Block

# Degrees of freedom at which Welch's critical values are computed.
PLACES = 12


def pooled_power(d: float, n1: float, n2: float, alpha: float, sides: int) -> float:
    """Power of the two-sample t test for a difference of `d` SD.

    References
    ----------
    Cohen (1988), Statistical Power Analysis, ch. 2, with both tails of the noncentral t.

    Examples
    --------
    >>> round(pooled_power(2, 6, 6, 0.05, 2), 6)
    0.876418
    """
    return t_power(d * math.sqrt(n1 * n2 / (n1 + n2)), n1 + n2 - 2, alpha, sides)


def two_groups_estimate(inputs: "Block") -> "Block":
    """The difference of two means."""
    n1, n2 = group_sizes(inputs)
    se = deviation(inputs) * math.sqrt(1 / n1 + 1 / n2)
    return t_estimate(difference(inputs), se, n1 + n2 - 2)


def two_groups(inputs: "Block") -> "Block":
    """Two-sample t test with the pooled SD."""
    effect, sd = difference(inputs), deviation(inputs)
    sizes = group_sizes(inputs)
    n1, n2 = sizes
    d = effect / sd
    power = pooled_power(d, n1, n2, inputs["alpha"], inputs["sides"])
    return answer(
        inputs,
        power,
        sizes,
        arms=["control", "treated"],
        effect=effect,
        sd=sd,
        d=d,
        se=sd * math.sqrt(1 / n1 + 1 / n2),
        df=n1 + n2 - 2,
        test="two-sample t test, pooled SD",
        notes=caution(d),
    )


def satterthwaite(v1: float, v2: float, df1: float, df2: float) -> float:
    """Degrees of freedom of a sum of two variances of means."""
    return (v1 + v2) ** 2 / (v1 * v1 / df1 + v2 * v2 / df2)


def welch_approximate(
    delta: float, n1: float, n2: float, sd1: float, sd2: float, alpha: float, sides: int
) -> float:
    """Power of Welch's test by one noncentral t at the df of the true SDs, as R packages print."""
    v1, v2 = sd1 * sd1 / n1, sd2 * sd2 / n2
    df = satterthwaite(v1, v2, n1 - 1, n2 - 1)
    return t_power(delta / math.sqrt(v1 + v2), df, alpha, sides)


def hsu_power(
    delta: float, n1: float, n2: float, sd1: float, sd2: float, alpha: float, sides: int
) -> float:
    """Power of the unequal-variance t test with the smaller group's df (Hsu)."""
    nc = delta / math.sqrt(sd1 * sd1 / n1 + sd2 * sd2 / n2)
    return t_power(nc, min(n1, n2) - 1, alpha, sides)


def critical_values(low: float, high: float, level: float) -> "Callable[[float], float]":
    """The t distribution's critical value for any df from `low` to `high`.

    Its logarithm over 1/df is a polynomial to 1e-10, but near a single degree of freedom.
    """
    if low < 2 or high <= low:
        return lambda df: t_isf(level, df)
    middle, half = 0.5 * (1 / low + 1 / high), 0.5 * (1 / low - 1 / high)
    angles = [math.pi * (i + 0.5) / PLACES for i in range(PLACES)]
    places = [math.cos(angle) for angle in angles]
    signs = [math.sin(angles[i]) * (-1) ** i for i in range(PLACES)]
    logs = [math.log(t_isf(level, 1 / (middle + half * x))) for x in places]

    def at(df: float) -> float:
        x = (1 / df - middle) / half
        above, below = 0.0, 0.0
        for i in range(PLACES):
            gap = x - places[i]
            if gap == 0.0:
                return math.exp(logs[i])
            above += signs[i] / gap * logs[i]
            below += signs[i] / gap
        return math.exp(above / below)

    return at


def welch_cut(
    share: float,
    v1: float,
    v2: float,
    df1: float,
    df2: float,
    critical: "Callable[[float], float]",
) -> float:
    """Critical value of difference / (true standard error · S), given the first group's share.

    `share` is that of the first group in the two sums of squares, each in units of its variance;
    S is the root of their sum over df1 + df2, independent of it. `critical` is that of Student's t
    at any df.
    """
    e1, e2 = v1 * share / df1, v2 * (1 - share) / df2
    cut = critical(satterthwaite(e1, e2, df1, df2))
    return cut * math.sqrt((df1 + df2) * (e1 + e2) / (v1 + v2))


def welch_exact(
    delta: float, n1: float, n2: float, sd1: float, sd2: float, alpha: float, sides: int
) -> float:
    """Power of Welch's test with its df estimated from the data.

    Given the share of the two sums of squares, the critical value is known and the statistic is
    a scaled noncentral t; the mean over that share (a beta variable) is the power.

    References
    ----------
    Jan & Shieh (2011), Behavior Research Methods 43, 1014-1022.
    """
    df1, df2 = n1 - 1, n2 - 1
    v1, v2 = sd1 * sd1 / n1, sd2 * sd2 / n2
    nc = abs(delta) / math.sqrt(v1 + v2)
    critical = critical_values(min(df1, df2), df1 + df2, alpha / sides)
    cases = [
        (weight, nc, welch_cut(share, v1, v2, df1, df2, critical))
        for share, weight in beta_rule(0.5 * df1, 0.5 * df2)
    ]
    return mixed_power(cases, df1 + df2, sides)


def welch_estimate(inputs: "Block") -> "Block":
    """The difference of two means whose SDs differ."""
    sd1 = deviation(inputs, "sd_control", "cv")
    sd2 = deviation(inputs, "sd_treated", "cv")
    n1, n2 = group_sizes(inputs)
    v1, v2, df1, df2 = sd1 * sd1 / n1, sd2 * sd2 / n2, n1 - 1, n2 - 1
    se = math.sqrt(v1 + v2)
    found = t_estimate(difference(inputs), se, df1 + df2)

    def at(share: float, alpha: float, sides: int) -> "tuple[float, float, float]":
        cut = welch_cut(share, v1, v2, df1, df2, lambda df: t_isf(alpha / sides, df))
        return se, df1 + df2, cut

    found.update({"beta": (0.5 * df1, 0.5 * df2), "at": at})
    return found


def welch(inputs: "Block") -> "Block":
    """Welch's t test: two SDs, df estimated from the data."""
    effect = difference(inputs)
    sd1 = deviation(inputs, "sd_control", "cv")
    sd2 = deviation(inputs, "sd_treated", "cv")
    sizes = group_sizes(inputs)
    n1, n2 = sizes
    rest = (inputs["alpha"], inputs["sides"])
    d = effect / math.sqrt((sd1 * sd1 + sd2 * sd2) / 2)
    return answer(
        inputs,
        welch_exact(effect, n1, n2, sd1, sd2, *rest),
        sizes,
        power_satterthwaite=welch_approximate(effect, n1, n2, sd1, sd2, *rest),
        arms=["control", "treated"],
        effect=effect,
        d=d,
        se=math.sqrt(sd1 * sd1 / n1 + sd2 * sd2 / n2),
        df=satterthwaite(sd1 * sd1 / n1, sd2 * sd2 / n2, n1 - 1, n2 - 1),
        test="Welch's t test",
        notes=caution(d),
    )


def welch_chance(inputs: "Block") -> float:
    """The power of `welch` alone."""
    n1, n2 = group_sizes(inputs)
    sds = deviation(inputs, "sd_control", "cv"), deviation(inputs, "sd_treated", "cv")
    return welch_exact(difference(inputs), n1, n2, *sds, inputs["alpha"], inputs["sides"])


def paired_power(dz: float, n: float, alpha: float, sides: int) -> float:
    """Power of the paired (or one-sample) t test for a mean change of `dz` SDs of the change."""
    return t_power(dz * math.sqrt(n), n - 1, alpha, sides)


def change_spread(inputs: "Block") -> float:
    """SD of one animal's change."""
    if inputs.get("sd_difference") is not None:
        return deviation(inputs, "sd_difference")
    r = inputs.get("correlation")
    if r is None:
        raise ValueError("give sd_difference, or correlation together with sd or cv")
    return deviation(inputs) * math.sqrt(2 * (1 - r))


def measured_twice(inputs: "Block") -> float:
    """Animals of a paired design."""
    n = inputs.get("n")
    if n is None:
        raise ValueError("give n, the animals measured twice")
    return float(n) if n != int(n) else int(n)


def paired_estimate(inputs: "Block") -> "Block":
    """The mean change of an animal."""
    n = measured_twice(inputs)
    return t_estimate(difference(inputs), change_spread(inputs) / math.sqrt(n), n - 1)


def paired(inputs: "Block") -> "Block":
    """Paired t test: two bones, or two scans, of the same animal."""
    effect, spread, n = difference(inputs), change_spread(inputs), measured_twice(inputs)
    dz = effect / spread
    return answer(
        inputs,
        paired_power(dz, n, inputs["alpha"], inputs["sides"]),
        [n],
        arms=["animals"],
        effect=effect,
        sd_difference=spread,
        d=dz,
        se=spread / math.sqrt(n),
        df=n - 1,
        test="paired t test",
        notes=caution(dz),
    )


_UNEQUAL = {"ratio": number("treated animals for each control animal", "", 1, 0.05, 20)}

DESIGNS = {
    "two-groups": {
        "title": "Two groups, one common SD",
        "inputs": joined(EFFECT, SPREAD, SIZE, _UNEQUAL, SIDES, ALPHA, HOUSING),
        "power": two_groups,
        "estimate": two_groups_estimate,
        "size": "n",
        "effect": "difference",
    },
    "two-groups-welch": {
        "title": "Two groups with different SDs (Welch)",
        "inputs": joined(
            EFFECT,
            {
                "mean_control": SPREAD["mean_control"],
                "cv": SPREAD["cv"],
                "sd_control": number("SD of the control group", UNIT, None, 0.0),
                "sd_treated": number("SD of the treated group", UNIT, None, 0.0),
            },
            SIZE,
            _UNEQUAL,
            SIDES,
            ALPHA,
            HOUSING,
        ),
        "power": welch,
        "chance": welch_chance,
        "estimate": welch_estimate,
        "size": "n",
        "effect": "difference",
    },
    "paired": {
        "title": "Two measurements of the same animal",
        "inputs": joined(
            EFFECT,
            SPREAD,
            {
                "correlation": number("correlation of the two", FRACTION, None, -0.99, 0.9999),
                "sd_difference": number("SD of the change, instead of sd", UNIT, None, 0.0),
                "n": number("animals, each measured twice", "animals", None, 2, None, "whole"),
            },
            SIDES,
            ALPHA,
            HOUSING,
        ),
        "power": paired,
        "estimate": paired_estimate,
        "size": "n",
        "effect": "difference",
    },
}
