"""Width of a confidence interval instead of power (accuracy in parameter estimation)."""

import math

from metabone.planning.designs.common import answer, deviation, group_sizes
from metabone.planning.designs.inputs import (
    FRACTION,
    HOUSING,
    SIZE,
    SPREAD,
    UNIT,
    joined,
    number,
)
from metabone.planning.kernel import chi2_cdf, chi2_ppf, nct_cdf, nct_sf, solve, t_isf
from metabone.planning.kernel.quadrature import chi_scale

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def expected_s(df: float) -> float:
    """Mean of s / sigma: Gamma((df + 1) / 2) / Gamma(df / 2) sqrt(2 / df).

    Examples
    --------
    >>> round(expected_s(10), 6)
    0.97535
    """
    # Both gammas through the density of s at 1, which the kernel knows without cancellation.
    ratio = chi_scale(df) / chi_scale(df + 1)
    return ratio * math.exp(0.5 * (df + 1) * math.log(1 + 1 / df) - 0.5)


def half_width(sd: float, n1: float, n2: float, conf: float) -> float:
    """Expected half-width of the interval of a difference of two means."""
    df = n1 + n2 - 2
    return t_isf((1 - conf) / 2, df) * sd * expected_s(df) * math.sqrt(1 / n1 + 1 / n2)


def chance_of_width(width: float, sd: float, n1: float, n2: float, conf: float) -> float:
    """P(the interval's half-width comes out at `width` or less)."""
    df = n1 + n2 - 2
    most = width / (t_isf((1 - conf) / 2, df) * sd * math.sqrt(1 / n1 + 1 / n2))
    return chi2_cdf(df * most * most, df)


def d_interval(t: float, n1: float, n2: float, conf: float) -> "tuple[float, float]":
    """Exact interval of d from a t statistic, by inverting the noncentral t.

    References
    ----------
    Steiger & Fouladi (1997), in What if there were no significance tests?, ch. 9.

    Examples
    --------
    >>> low, high = d_interval(2.6, 10, 10, 0.95)
    >>> round(low, 4), round(high, 4)
    (0.195, 2.1034)
    """
    df = n1 + n2 - 2
    tail = (1 - conf) / 2
    reach = 5 + abs(t)
    low = solve(lambda nc: nct_sf(t, df, nc), tail, t - reach, t + reach)
    high = solve(lambda nc: nct_cdf(t, df, nc), tail, t - reach, t + reach)
    root = math.sqrt(1 / n1 + 1 / n2)
    return low * root, high * root


def d_width(d: float, n: float, conf: float) -> float:
    """Width of the exact interval of d when `d` is observed, `n` animals a group."""
    low, high = d_interval(d * math.sqrt(n / 2), n, n, conf)
    return high - low


def observed_limit(d: float, n: float, assurance: float) -> float:
    """The observed |d| that is not passed with probability `assurance` when `d` is true."""
    root = math.sqrt(n / 2)
    nc = d * root
    top = solve(lambda t: nct_cdf(t, 2 * n - 2, nc), assurance, nc - 10, 2 * nc + 20)
    return top / root


def ancova_half_width_n(
    variance: float, weights: "list[float]", width: float, conf: float, assurance: "float | None"
) -> int:
    """Animals a group for the full width of an ANCOVA contrast's interval.

    `variance` is that of the error given the covariate, whose chance imbalance is left out.

    References
    ----------
    Lai & Kelley (2012), doi:10.1111/j.2044-8317.2011.02029.x.
    """
    arms = len(weights)
    square = sum([w * w for w in weights])
    n = 2
    while n < 1000000:
        df = arms * n - arms - 1
        if df > 0:
            swell = 1.0 if assurance is None else chi2_ppf(assurance, df) / df
            half = t_isf((1 - conf) / 2, df) * math.sqrt(variance * swell * square / n)
            if 2 * half <= width:
                return n
        n += 1
    raise ValueError("no number of animals reaches this width")


def interval_width(inputs: "Block") -> "Block":
    """The chance that the interval of a difference is as narrow as wanted."""
    sd = deviation(inputs)
    width = inputs.get("half_width")
    if width is None:
        raise ValueError("give half_width, the largest plus-minus that is useful")
    sizes = group_sizes(inputs)
    conf = inputs["confidence"]
    return answer(
        inputs,
        chance_of_width(width, sd, sizes[0], sizes[1], conf),
        sizes,
        expected_half_width=half_width(sd, sizes[0], sizes[1], conf),
        arms=["control", "treated"],
        effect=width,
        sd=sd,
        d=width / sd,
        df=sum(sizes) - 2,
        alpha=1 - conf,
        test="width of the confidence interval of a difference",
        notes=["power is here the chance that the interval is as narrow as wanted"],
    )


DESIGNS = {
    "interval-width": {
        "title": "Width of the confidence interval of a difference",
        "inputs": joined(
            {
                "half_width": number("largest plus-minus that is useful", UNIT, None, 0.0),
                "confidence": number("level of the interval", FRACTION, 0.95, 0.5, 0.9999),
            },
            SPREAD,
            SIZE,
            {"ratio": number("treated animals for each control animal", "", 1, 0.05, 20)},
            HOUSING,
        ),
        "power": interval_width,
        "no_interval": "the interval is the design's own answer: expected_half_width",
        "size": "n",
        "effect": "half_width",
    },
}
