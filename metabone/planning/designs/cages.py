"""Clusters: cages or litters as the unit, whole or split, and randomised blocks."""

import math

from metabone.planning.designs.common import (
    answer,
    beta_rule,
    caution,
    deviation,
    difference,
    f_power,
    t_estimate,
    t_power,
    whole,
    with_losses,
)
from metabone.planning.designs.inputs import (
    ALPHA,
    EFFECT,
    FRACTION,
    SIDES,
    SPREAD,
    joined,
    number,
    word,
)
from metabone.planning.designs.several_arms import (
    COMPARISONS,
    CONTRAST,
    contrast_se,
    read_means,
    simultaneous,
    spread_of,
)
from metabone.planning.kernel import t_isf, t_sf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def design_effect(m: float, icc: float) -> float:
    """Variance inflation of a mean of `m` animals of one cage.

    Examples
    --------
    >>> design_effect(3, 0.3)
    1.6
    """
    return 1 + (m - 1) * icc


def whole_cage_power(
    d: float, m: float, control: float, treated: float, icc: float, alpha: float, sides: int
) -> float:
    """Power of the t test on cage means, `control` and `treated` cages of `m` animals.

    References
    ----------
    Raudenbush (1997), doi:10.1037/1082-989X.2.2.173.
    """
    return t_power(d / whole_cage_se(m, control, treated, icc), control + treated - 2, alpha, sides)


def whole_cage_se(m: float, control: float, treated: float, icc: float) -> float:
    """Standard error of the difference of two means of cage means, in SD of one animal."""
    return math.sqrt((icc + (1 - icc) / m) * (1 / control + 1 / treated))


def naive_error(cages: float, m: float, icc: float, alpha: float) -> float:
    """Type I error of a two-sided t test that takes the animals of a cage as independent.

    `cages` in all, half of them for each treatment. Sums of squares between and within cages add
    to the naive error; given the share of the first the statistic is a stretched t.

    Examples
    --------
    >>> round(naive_error(12, 4, 0.3, 0.05), 3)
    0.161
    """
    swell, inside, df = design_effect(m, icc), 1 - icc, cages * m - 2
    if m == 1 or icc == 0:
        return alpha
    cut = t_isf(alpha / 2, df)
    return 2 * sum(
        [
            weight * t_sf(cut * math.sqrt((swell * share + inside * (1 - share)) / swell), df)
            for share, weight in beta_rule(0.5 * (cages - 2), 0.5 * cages * (m - 1))
        ]
    )


def cluster_sizes(inputs: "Block", key: str) -> "list[int]":
    """Clusters of the control and of the treated group."""
    given = inputs.get(key)
    if given is None:
        raise ValueError("give " + key)
    if isinstance(given, (list, tuple)):
        if len(given) != 2:
            raise ValueError(key + " needs one number for each of the 2 groups")
        return list(given)
    return [
        given,
        whole(given * inputs["ratio"]) if given == int(given) else given * inputs["ratio"],
    ]


def _whole_clusters(inputs: "Block", key: str, unit: str) -> "Block":
    """Treatment given to whole cages or litters."""
    effect, sd = difference(inputs), deviation(inputs)
    m, icc = inputs.get("animals_per_" + unit), inputs["icc"]
    if m is None:
        raise ValueError("give animals_per_" + unit)
    clusters = cluster_sizes(inputs, key)
    lost = inputs["cluster_losses"]
    started = [with_losses(count, lost) for count in clusters]
    m_started = with_losses(m, inputs["losses"])
    d = effect / sd
    alpha, sides = inputs["alpha"], inputs["sides"]
    notes = caution(d)
    notes.append("the " + unit + " is the unit: animals of one " + unit + " do not count singly")
    result = answer(
        inputs,
        whole_cage_power(d, m, clusters[0], clusters[1], icc, alpha, sides),
        [count * m for count in clusters],
        arms=["control", "treated"],
        effect=effect,
        sd=sd,
        d=d,
        se=sd * whole_cage_se(m, clusters[0], clusters[1], icc),
        df=sum(clusters) - 2,
        design_effect=design_effect(m, icc),
        alpha_if_animals_counted=naive_error(sum(clusters), m, icc, alpha),
        test="t test on " + unit + " means",
        notes=notes,
    )
    result.update(
        {
            "n_with_losses": [count * m_started for count in started],
            "n_total_with_losses": sum(started) * m_started,
            "clusters": clusters,
            "clusters_with_losses": started,
            "animals_per_cage": m_started if unit == "cage" else None,
            "cages": sum(started) if unit == "cage" else None,
        }
    )
    return result


def within_power(
    d: float,
    m: float,
    clusters: float,
    icc: float,
    slope_icc: float,
    alpha: float,
    sides: int,
    whole_error: bool,
) -> float:
    """Power with both treatments in each of `clusters` cages of `m` animals (m / 2 each).

    `slope_icc` is the share of variance by which the treatment's effect differs between cages. The
    test of the mean of cage differences has clusters - 1 df; with `whole_error` the effect is taken
    as equal in all cages and the animals within cages give the error.
    """
    nc = d / within_se(m, clusters, icc, slope_icc)
    df = clusters * m - clusters - 1 if whole_error else clusters - 1
    return t_power(nc, df, alpha, sides)


def within_se(m: float, clusters: float, icc: float, slope_icc: float = 0.0) -> float:
    """Standard error of the treatment's effect within cages, in SD of one animal."""
    variance = 1 - icc + (m * slope_icc - slope_icc if slope_icc else 0.0)
    return 2 * math.sqrt(variance / (clusters * m))


def _whole_estimate(inputs: "Block", key: str, unit: str) -> "Block":
    m = inputs.get("animals_per_" + unit)
    if m is None:
        raise ValueError("give animals_per_" + unit)
    control, treated = cluster_sizes(inputs, key)
    se = deviation(inputs) * whole_cage_se(m, control, treated, inputs["icc"])
    return t_estimate(difference(inputs), se, control + treated - 2)


def _split_estimate(inputs: "Block", key: str, unit: str) -> "Block":
    m, clusters = inputs.get("animals_per_" + unit), inputs.get(key)
    if m is None or clusters is None:
        raise ValueError("give " + key + " and animals_per_" + unit)
    se = deviation(inputs) * within_se(m, clusters, inputs["icc"])
    df = clusters * m - clusters - 1 if inputs["error"] == "animals" else clusters - 1
    return t_estimate(difference(inputs), se, df)


def _split_clusters(inputs: "Block", key: str, unit: str) -> "Block":
    """Both treatments within each cage or litter."""
    effect, sd = difference(inputs), deviation(inputs)
    m, icc = inputs.get("animals_per_" + unit), inputs["icc"]
    if m is None or m % 2:
        raise ValueError("give animals_per_" + unit + " as an even number: half get each treatment")
    clusters = inputs.get(key)
    if clusters is None:
        raise ValueError("give " + key)
    started = with_losses(clusters, inputs["cluster_losses"])
    m_started = m if not inputs["losses"] else 2 * with_losses(m // 2, inputs["losses"])
    block = inputs["error"] == "animals"
    d = effect / sd
    result = answer(
        inputs,
        within_power(d, m, clusters, icc, 0.0, inputs["alpha"], inputs["sides"], block),
        [clusters * m // 2, clusters * m // 2],
        arms=["control", "treated"],
        effect=effect,
        sd=sd,
        d=d,
        se=sd * within_se(m, clusters, icc),
        df=clusters * m - clusters - 1 if block else clusters - 1,
        test=unit + " as block" if block else "paired t test on " + unit + " differences",
        notes=caution(d),
    )
    result.update(
        {
            "n_with_losses": [started * m_started // 2, started * m_started // 2],
            "n_total_with_losses": started * m_started,
            "clusters": [clusters],
            "clusters_with_losses": [started],
            "animals_per_cage": m_started if unit == "cage" else None,
            "cages": started if unit == "cage" else None,
        }
    )
    return result


def whole_cages(inputs: "Block") -> "Block":
    """All animals of a cage get the same treatment."""
    return _whole_clusters(inputs, "cages", "cage")


def split_cages(inputs: "Block") -> "Block":
    """Half of the animals of each cage get the treatment."""
    return _split_clusters(inputs, "cages", "cage")


def whole_litters(inputs: "Block") -> "Block":
    """All animals of a litter get the same treatment."""
    return _whole_clusters(inputs, "litters", "litter")


def split_litters(inputs: "Block") -> "Block":
    """Half of the animals of each litter get the treatment."""
    return _split_clusters(inputs, "litters", "litter")


def blocks_power(spread: float, arms: int, blocks: float, sd: float, alpha: float) -> float:
    """Power of the treatment F in randomised blocks; `spread` is the sum of squared effects."""
    df1 = arms - 1
    return f_power(blocks * spread / (sd * sd), df1, df1 * (blocks - 1), alpha)


def blocks_estimate(inputs: "Block") -> "Block":
    """The contrast asked about, within blocks."""
    means, _, weights, value = read_means(inputs)
    blocks, arms = inputs["blocks"], len(means)
    se = contrast_se(weights, spread_of(inputs, means), [blocks] * arms)
    df = (arms - 1) * (blocks - 1)
    return t_estimate(value, se, df, inputs["comparisons"], simultaneous(inputs))


def randomised_blocks(inputs: "Block") -> "Block":
    """One animal of each arm in each block: a contrast, with the omnibus F beside it."""
    means, names, weights, value = read_means(inputs)
    sd = spread_of(inputs, means)
    blocks = inputs.get("blocks")
    if blocks is None:
        raise ValueError("give blocks")
    arms = len(means)
    mean = sum(means) / arms
    alpha = inputs["alpha"]
    df = (arms - 1) * (blocks - 1)
    nc = value / (sd * math.sqrt(sum([w * w for w in weights]) / blocks))
    return answer(
        inputs,
        t_power(nc, df, alpha / inputs["comparisons"], inputs["sides"]),
        [blocks] * arms,
        power_omnibus=blocks_power(sum([(x - mean) ** 2 for x in means]), arms, blocks, sd, alpha),
        arms=names,
        means=means,
        contrast=weights,
        effect=value,
        sd=sd,
        d=value / sd,
        se=contrast_se(weights, sd, [blocks] * arms),
        df=df,
        test="contrast in randomised blocks",
        notes=caution(value / sd),
    )


def _cluster_inputs(unit: str, key: str, split: bool) -> "Block":
    parts = {
        "animals_per_" + unit: number(
            "animals in a " + unit, "animals", None, 2 if split else 1, 1000, "whole"
        ),
        "icc": number("correlation of animals of one " + unit, FRACTION, 0.0, 0.0, 0.999),
        key: number(
            unit + "s" + (", each with both treatments" if split else " in a group"),
            unit + "s",
            None,
            2,
            None,
            "whole" if split else "sizes",
        ),
        "losses": number("animals expected to be lost within a " + unit, FRACTION, 0.0, 0.0, 0.9),
        "cluster_losses": number(
            "whole " + unit + "s expected to be lost", FRACTION, 0.0, 0.0, 0.9
        ),
    }
    if split:
        parts["error"] = word(
            "animals: error within " + unit + "s, the effect equal in all; clusters: differences",
            ("animals", "clusters"),
            "animals",
        )
    else:
        parts["ratio"] = number("treated " + unit + "s for each control one", "", 1, 0.05, 20)
    return joined(EFFECT, SPREAD, parts, SIDES, ALPHA)


DESIGNS = {
    "cages-whole": {
        "title": "Whole cages get one treatment",
        "inputs": _cluster_inputs("cage", "cages", False),
        "power": whole_cages,
        "estimate": lambda inputs: _whole_estimate(inputs, "cages", "cage"),
        "size": "cages",
        "effect": "difference",
    },
    "cages-within": {
        "title": "Both treatments in every cage",
        "inputs": _cluster_inputs("cage", "cages", True),
        "power": split_cages,
        "estimate": lambda inputs: _split_estimate(inputs, "cages", "cage"),
        "size": "cages",
        "effect": "difference",
    },
    "litters-whole": {
        "title": "Whole litters get one treatment",
        "inputs": _cluster_inputs("litter", "litters", False),
        "power": whole_litters,
        "estimate": lambda inputs: _whole_estimate(inputs, "litters", "litter"),
        "size": "litters",
        "effect": "difference",
    },
    "litters-within": {
        "title": "Both treatments in every litter",
        "inputs": _cluster_inputs("litter", "litters", True),
        "power": split_litters,
        "estimate": lambda inputs: _split_estimate(inputs, "litters", "litter"),
        "size": "litters",
        "effect": "difference",
    },
    "randomised-blocks": {
        "title": "Randomised blocks, one animal of each arm in a block",
        "inputs": joined(
            CONTRAST,
            SPREAD,
            {
                "blocks": number("blocks", "blocks", None, 2, None, "whole"),
                "losses": number("animals expected to be lost", FRACTION, 0.0, 0.0, 0.9),
                "animals_per_cage": number(
                    "animals housed together", "animals", None, 1, 100, "whole"
                ),
            },
            COMPARISONS,
            SIDES,
            ALPHA,
        ),
        "power": randomised_blocks,
        "estimate": blocks_estimate,
        "size": "blocks",
        "effect": "difference",
    },
}
