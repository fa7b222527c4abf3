"""As good as: equivalence (two one-sided tests) and non-inferiority to a positive control."""

import math

from metabone.planning.designs.common import answer, deviation, group_sizes, t_estimate
from metabone.planning.designs.inputs import (
    ALPHA,
    HOUSING,
    PERCENT,
    SIZE,
    SPREAD,
    UNIT,
    joined,
    number,
    word,
)
from metabone.planning.kernel import chi_nodes, nct_sf, norm_cdf, t_isf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def tost_power(low: float, high: float, diff: float, se: float, df: float, alpha: float) -> float:
    """Power of two one-sided t tests, exact.

    `low` and `high` are the margins, `diff` the true difference and `se` its true standard error;
    given the estimated SD both tests reject on an interval of the mean, whose probability is
    averaged over the SD (the same number as a difference of two Owen's Q functions).

    References
    ----------
    Phillips (1990), doi:10.1007/BF01063556.

    Examples
    --------
    >>> round(tost_power(-1, 1, 0, (2 / 18) ** 0.5, 34, 0.05), 6)
    0.804545
    """
    cut = t_isf(alpha, df)
    up, down = (high - diff) / se, (low - diff) / se
    # Beyond this SD no mean lies inside both one-sided limits.
    most = (up - down) / (2 * cut)
    if most <= 0:
        return 0.0
    power = 0.0
    for s, weight in chi_nodes(df, most):
        power += weight * (norm_cdf(up - cut * s) - norm_cdf(down + cut * s))
    return max(power, 0.0)


def noninferiority_power(margin: float, diff: float, se: float, df: float, alpha: float) -> float:
    """Power of the one-sided t test that the difference is above minus the margin."""
    return nct_sf(t_isf(alpha, df), df, (diff + abs(margin)) / se)


def log_sd(cv: float) -> float:
    """SD of the natural logarithm of a log-normal value with coefficient of variation `cv`.

    Examples
    --------
    >>> round(log_sd(0.3), 4)
    0.2936
    """
    return math.sqrt(math.log(1 + cv * cv))


def _margin(inputs: "Block") -> float:
    if inputs.get("margin") is not None:
        return abs(float(inputs["margin"]))
    if inputs.get("margin_percent") is None or inputs.get("mean_control") is None:
        raise ValueError("give margin, or margin_percent together with mean_control")
    return abs(float(inputs["mean_control"]) * float(inputs["margin_percent"])) / 100


def margin_estimate(inputs: "Block") -> "Block":
    """The difference to the reference, by the interval that agrees with one-sided tests."""
    n1, n2 = group_sizes(inputs)
    se = deviation(inputs) * math.sqrt(1 / n1 + 1 / n2)
    found = t_estimate(float(inputs["difference"]), se, n1 + n2 - 2)
    found["tails"] = 2
    return found


def ratio_estimate(inputs: "Block") -> "Block":
    """The logarithm of the ratio to the reference; as `margin_estimate`."""
    if not inputs.get("cv"):
        raise ValueError("give cv, the CV between animals in per cent")
    n1, n2 = group_sizes(inputs)
    se = log_sd(inputs["cv"] / 100) * math.sqrt(1 / n1 + 1 / n2)
    found = t_estimate(math.log(inputs["true_ratio"]), se, n1 + n2 - 2)
    found.update({"tails": 2, "scale": "ratio"})
    return found


def equivalence(inputs: "Block") -> "Block":
    """The treated mean lies within `margin` of the reference's: two one-sided tests."""
    sd, margin, diff = deviation(inputs), _margin(inputs), float(inputs["difference"])
    sizes = group_sizes(inputs)
    se = sd * math.sqrt(1 / sizes[0] + 1 / sizes[1])
    df = sum(sizes) - 2
    notes = []
    if abs(diff) >= margin:
        notes.append("the true difference is not inside the margin: power is at most alpha")
    return answer(
        inputs,
        tost_power(-margin, margin, diff, se, df, inputs["alpha"]),
        sizes,
        sides=1,
        arms=["reference", "treated"],
        effect=margin,
        difference=diff,
        sd=sd,
        d=margin / sd,
        se=se,
        df=df,
        test="two one-sided t tests (equivalence)",
        notes=notes,
    )


def noninferiority(inputs: "Block") -> "Block":
    """The treated mean is not worse than the reference's by `margin` or more."""
    sd, margin, diff = deviation(inputs), _margin(inputs), float(inputs["difference"])
    if inputs["better"] == "lower":
        diff = -diff
    sizes = group_sizes(inputs)
    se = sd * math.sqrt(1 / sizes[0] + 1 / sizes[1])
    df = sum(sizes) - 2
    notes = []
    if diff <= -margin:
        notes.append("the true difference is not inside the margin: power is at most alpha")
    return answer(
        inputs,
        noninferiority_power(margin, diff, se, df, inputs["alpha"]),
        sizes,
        sides=1,
        arms=["reference", "treated"],
        effect=margin,
        difference=diff,
        sd=sd,
        d=margin / sd,
        se=se,
        df=df,
        test="non-inferiority t test",
        notes=notes,
    )


def equivalent_ratio(inputs: "Block") -> "Block":
    """The ratio of means lies between `ratio_low` and its upper limit: tests on the log scale."""
    low = float(inputs["ratio_low"])
    high = 1 / low if inputs.get("ratio_high") is None else float(inputs["ratio_high"])
    sd = log_sd(inputs["cv"] / 100) if inputs.get("cv") else None
    if sd is None:
        raise ValueError("give cv, the CV between animals in per cent")
    sizes = group_sizes(inputs)
    se = sd * math.sqrt(1 / sizes[0] + 1 / sizes[1])
    df = sum(sizes) - 2
    diff = math.log(inputs["true_ratio"])
    return answer(
        inputs,
        tost_power(math.log(low), math.log(high), diff, se, df, inputs["alpha"]),
        sizes,
        sides=1,
        arms=["reference", "treated"],
        effect=low,
        sd=sd,
        d=-math.log(low) / sd,
        se=se,
        df=df,
        test="two one-sided t tests on the log scale",
    )


_MARGIN = {
    "margin": number("largest difference that does not matter", UNIT, None, 0.0),
    "margin_percent": number("of the reference's mean, instead of margin", PERCENT, None, 0.0),
    "difference": number("true difference, treated minus reference", UNIT, 0.0),
}
_RATIO = {"ratio": number("treated animals for each control animal", "", 1, 0.05, 20)}

DESIGNS = {
    "equivalence": {
        "title": "Equivalent to a positive control",
        "inputs": joined(_MARGIN, SPREAD, SIZE, _RATIO, ALPHA, HOUSING),
        "power": equivalence,
        "estimate": margin_estimate,
        "size": "n",
        "effect": "margin",
    },
    "non-inferiority": {
        "title": "Not inferior to a positive control",
        "inputs": joined(
            _MARGIN,
            SPREAD,
            {"better": word("which direction is better", ("higher", "lower"), "higher")},
            SIZE,
            _RATIO,
            {"alpha": dict(ALPHA["alpha"], default=0.025)},
            HOUSING,
        ),
        "power": noninferiority,
        "estimate": margin_estimate,
        "size": "n",
        "effect": "margin",
    },
    "equivalent-ratio": {
        "title": "Ratio of means within limits",
        "inputs": joined(
            {
                "ratio_low": number("lower limit of the ratio", "", 0.8, 1e-6, 0.999999),
                "ratio_high": number("upper limit, if not 1 / ratio_low", "", None, 1.0000001),
                "true_ratio": number("true ratio, treated to reference", "", 1.0, 1e-6, 1e6),
                "cv": number("CV between animals", PERCENT, None, 0.0),
            },
            SIZE,
            _RATIO,
            ALPHA,
            HOUSING,
        ),
        "power": equivalent_ratio,
        "estimate": ratio_estimate,
        "size": "n",
        "effect": None,
    },
}
