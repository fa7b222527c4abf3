"""One-way designs: the question is a contrast of arms; the omnibus F is shown beside it."""

import math

from metabone.planning.designs.common import (
    answer,
    caution,
    deviation,
    f_power,
    group_sizes,
    t_estimate,
    t_power,
)
from metabone.planning.designs.inputs import (
    ALPHA,
    HOUSING,
    SIDES,
    SIZE,
    SPREAD,
    UNIT,
    joined,
    number,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from metabone.planning.designs.common import Block


def between(means: "list[float]", sizes: "list[float]") -> float:
    """Sum of n (mean - grand mean)^2, the grand mean weighted by n."""
    grand = sum([means[i] * sizes[i] for i in range(len(means))]) / sum(sizes)
    return sum([sizes[i] * (means[i] - grand) ** 2 for i in range(len(means))])


def omnibus_power(means: "list[float]", sd: float, sizes: "list[float]", alpha: float) -> float:
    """Power of the one-way F test of "all means equal".

    Examples
    --------
    >>> round(omnibus_power([100, 75, 76, 88, 92], 10, [5] * 5, 0.05), 4)
    0.9429
    """
    arms = len(means)
    return f_power(between(means, sizes) / (sd * sd), arms - 1, sum(sizes) - arms, alpha)


def contrast_nc(weights: "list[float]", value: float, sd: float, sizes: "list[float]") -> float:
    """Noncentrality of the t test of a contrast worth `value`, with the pooled error."""
    return value / contrast_se(weights, sd, sizes)


def contrast_se(weights: "list[float]", sd: float, sizes: "list[float]") -> float:
    """Standard error of a contrast."""
    return sd * math.sqrt(sum([weights[i] ** 2 / sizes[i] for i in range(len(sizes))]))


def simultaneous(inputs: "Block") -> str:
    """What kind of interval a contrast has: its alpha may be shared with others."""
    count = inputs["comparisons"]
    if count == 1:
        return "confidence interval"
    return "simultaneous over " + str(count) + " comparisons (Bonferroni)"


def position(arm: "Any", names: "list[str]") -> int:
    """Index of an arm given by its name or its number (from 1)."""
    if isinstance(arm, str):
        if arm not in names:
            raise ValueError("no arm is called " + arm + "; the arms are " + ", ".join(names))
        return names.index(arm)
    if arm != int(arm) or not 1 <= arm <= len(names):
        raise ValueError("arms are numbered 1 to " + str(len(names)) + "; got " + repr(arm))
    return int(arm) - 1


def arm_names(inputs: "Block", count: int) -> "list[str]":
    """Names of the arms: given, or arm 1, arm 2, ..."""
    names = inputs.get("arms")
    if names is None:
        return ["arm " + str(i + 1) for i in range(count)]
    if len(names) != count:
        raise ValueError("arms names " + str(len(names)) + " of " + str(count) + " arms")
    return list(names)


def contrast_weights(inputs: "Block", names: "list[str]") -> "list[float]":
    """Weights of the contrast asked about: `contrast`, or `compare` = [treated, reference]."""
    count = len(names)
    if inputs.get("contrast") is not None:
        weights = list(inputs["contrast"])
        if len(weights) != count or abs(sum(weights)) > 1e-9 or not any(weights):
            raise ValueError("contrast needs one weight for each arm, adding up to 0")
        return weights
    if inputs.get("compare") is None:
        raise ValueError("say which arms to compare: compare = [treated, reference], or contrast")
    pair = inputs["compare"]
    if len(pair) != 2 or position(pair[0], names) == position(pair[1], names):
        raise ValueError("compare needs two different arms: [treated, reference]")
    weights = [0.0] * count
    weights[position(pair[0], names)] = 1.0
    weights[position(pair[1], names)] = -1.0
    return weights


def moved(means: "list[float]", weights: "list[float]", value: float) -> "list[float]":
    """Means with the arms of positive weight shifted so that the contrast is `value`."""
    now = sum([weights[i] * means[i] for i in range(len(means))])
    up = sum([w for w in weights if w > 0])
    return [means[i] + ((value - now) / up if weights[i] > 0 else 0) for i in range(len(means))]


def read_means(inputs: "Block") -> "tuple[list[float], list[str], list[float], float]":
    """(means, arm names, contrast weights, value of the contrast) of a design with several arms."""
    means = inputs.get("means")
    if not isinstance(means, (list, tuple)) or len(means) < 2:
        raise ValueError("means needs the mean of each arm, as a list")
    means = [float(mean) for mean in means]
    names = arm_names(inputs, len(means))
    weights = contrast_weights(inputs, names)
    if inputs.get("difference") is not None:
        means = moved(means, weights, float(inputs["difference"]))
    value = sum([weights[i] * means[i] for i in range(len(means))])
    return means, names, weights, value


def spread_of(inputs: "Block", means: "list[float]") -> float:
    """SD between animals: `sd`, or `cv` of the reference (`mean_control` or the first arm)."""
    filled = dict(inputs)
    if filled.get("mean_control") is None:
        filled["mean_control"] = means[0]
    return deviation(filled)


def several_arms_estimate(inputs: "Block") -> "Block":
    """The contrast asked about."""
    means, _, weights, value = read_means(inputs)
    sizes = group_sizes(inputs, len(means))
    se = contrast_se(weights, spread_of(inputs, means), sizes)
    df = sum(sizes) - len(means)
    return t_estimate(value, se, df, inputs["comparisons"], simultaneous(inputs))


def several_arms(inputs: "Block") -> "Block":
    """A contrast in a one-way design with the error of all arms; the omnibus F beside it."""
    means, names, weights, value = read_means(inputs)
    sd = spread_of(inputs, means)
    sizes = group_sizes(inputs, len(means))
    alpha, sides = inputs["alpha"], inputs["sides"]
    df = sum(sizes) - len(means)
    nc = contrast_nc(weights, value, sd, sizes)
    share = alpha / inputs["comparisons"]
    d = value / sd
    notes = caution(d)
    notes.append("the omnibus F asks whether any arms differ, not whether these two do")
    return answer(
        inputs,
        t_power(nc, df, share, sides),
        sizes,
        power_unadjusted=t_power(nc, df, alpha, sides),
        power_omnibus=omnibus_power(means, sd, sizes, alpha),
        arms=names,
        means=means,
        contrast=weights,
        effect=value,
        sd=sd,
        d=d,
        se=contrast_se(weights, sd, sizes),
        df=df,
        alpha_each=share,
        test="contrast with the pooled error of all arms",
        notes=notes,
    )


CONTRAST = {
    "means": number("mean of each arm", UNIT, None, None, None, "list"),
    "arms": dict(number("names of the arms", "", None), kind="free"),
    "compare": dict(number("[treated, reference] by name or number from 1", "", None), kind="free"),
    "contrast": number("weights of the arms, instead of compare", "", None, None, None, "list"),
    "difference": number("value of the contrast, instead of that of the means", UNIT),
}
COMPARISONS = {
    "comparisons": number("comparisons that share alpha (Bonferroni)", "", 1, 1, 1000, "whole")
}

DESIGNS = {
    "several-arms": {
        "title": "Several arms, one contrast",
        "inputs": joined(CONTRAST, SPREAD, SIZE, COMPARISONS, SIDES, ALPHA, HOUSING),
        "power": several_arms,
        "estimate": several_arms_estimate,
        "size": "n",
        "effect": "difference",
    },
}
