"""ANCOVA on a baseline scan, exact for a covariate that is measured, not fixed."""

import math

from metabone.planning.designs.common import (
    answer,
    beta_rule,
    caution,
    f_power,
    group_sizes,
    t_estimate,
    t_power,
)
from metabone.planning.designs.inputs import (
    ALPHA,
    FRACTION,
    HOUSING,
    SIDES,
    SIZE,
    SPREAD,
    joined,
    number,
)
from metabone.planning.designs.several_arms import (
    COMPARISONS,
    CONTRAST,
    between,
    contrast_nc,
    contrast_se,
    read_means,
    simultaneous,
    spread_of,
)
from metabone.planning.kernel import t_isf
from metabone.planning.kernel.mixture import mixed_power

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def _omnibus(
    lam: float, arms: int, total: float, covariates: int, alpha: float, share_df: float
) -> float:
    df1, df2 = arms - 1, total - arms - covariates
    shares = beta_rule(0.5 * share_df, 0.5 * covariates)
    if df1 == 1:
        # The square of a two-sided t test, which costs less.
        cut = t_isf(0.5 * alpha, df2)
        return mixed_power([(weight, math.sqrt(lam * x), cut) for x, weight in shares], df2, 2)
    return sum([weight * f_power(lam * share, df1, df2, alpha) for share, weight in shares])


def omnibus_exact(lam: float, arms: int, total: float, covariates: int, alpha: float) -> float:
    """Power of the ANCOVA F of adjusted means with normal covariates.

    `lam` = sum n (mean - grand mean)^2 / error variance. Chance differences of the covariates cost
    it a share: in the direction u of the true differences what is left is
    1 - u'X (W + X'X)^-1 X'u, X the contrasts of the covariates' means (arms - 1 rows) and W their
    sums of squares within arms. W with the other rows of X is a Wishart matrix of total - 2 df, so
    the share is beta with (total - 1 - covariates) / 2 and covariates / 2.
    """
    return _omnibus(lam, arms, total, covariates, alpha, total - 1 - covariates)


def omnibus_shieh(lam: float, arms: int, total: float, covariates: int, alpha: float) -> float:
    """Power of the ANCOVA F as Shieh's formula and the R packages print it.

    It takes the share of one contrast for that of all; for three arms and more the true power is
    a little larger (`omnibus_exact`).

    References
    ----------
    Shieh (2020), doi:10.1007/s11336-019-09692-3.
    """
    return _omnibus(lam, arms, total, covariates, alpha, total - arms - covariates + 1)


def contrast_exact(
    nc: float, arms: int, total: float, covariates: int, alpha: float, sides: int
) -> float:
    """Power of one contrast of adjusted means with normal covariates.

    References
    ----------
    Shieh (2020), doi:10.1007/s11336-019-09692-3.
    """
    df = total - arms - covariates
    cut = t_isf(alpha / sides, df)
    shares = beta_rule(0.5 * (df + 1), 0.5 * covariates)
    cases = [(weight, abs(nc) * math.sqrt(share), cut) for share, weight in shares]
    return mixed_power(cases, df, sides)


def variance_factor(before: int, after: int, rho: float) -> float:
    """Variance of the mean of `after` scans given the mean of `before` ones, in sd^2.

    References
    ----------
    Frison & Pocock (1992), doi:10.1002/sim.4780111304.

    Examples
    --------
    >>> round(variance_factor(1, 1, 0.7), 2)
    0.51
    """
    rest = (1 + (after - 1) * rho) / after
    return rest - before * rho * rho / (1 + (before - 1) * rho)


def adjusted_sd(inputs: "Block", sd: float) -> float:
    """SD between animals with the same baseline."""
    r = inputs.get("correlation")
    if r is None:
        raise ValueError("give correlation, that of the baseline with the endpoint")
    return sd * math.sqrt(1 - r * r)


def ancova_estimate(inputs: "Block") -> "Block":
    """The adjusted contrast; a chance difference of the baselines costs it a beta share."""
    means, _, weights, value = read_means(inputs)
    sizes = group_sizes(inputs, len(means))
    covariates, comparisons = inputs["covariates"], inputs["comparisons"]
    df = sum(sizes) - len(means) - covariates
    se = contrast_se(weights, adjusted_sd(inputs, spread_of(inputs, means)), sizes)
    found = t_estimate(value, se, df, 1, simultaneous(inputs))

    def at(share: float, alpha: float, sides: int) -> "tuple[float, float, float]":
        return se / math.sqrt(share), df, t_isf(alpha / (sides * comparisons), df)

    found.update({"beta": (0.5 * (df + 1), 0.5 * covariates), "at": at, "varies": "se"})
    found["se"] = unconditional(se, df, covariates)
    return found


def unconditional(se: float, df: float, covariates: int) -> "float | None":
    """Standard error over all chance differences of the covariates; None where it has no bound.

    The mean of 1 / share, share ~ Beta((df + 1) / 2, covariates / 2).
    """
    return se * math.sqrt(1 + covariates / (df - 1)) if df > 1 else None


def ancova(inputs: "Block") -> "Block":
    """Contrast of means adjusted for a baseline value of the same animals."""
    means, names, weights, value = read_means(inputs)
    sd = spread_of(inputs, means)
    error, covariates = adjusted_sd(inputs, sd), inputs["covariates"]
    arms = len(means)
    sizes = group_sizes(inputs, arms)
    total = sum(sizes)
    if total - arms - covariates < 1:
        raise ValueError("too few animals for " + str(covariates) + " covariates")
    alpha, sides = inputs["alpha"], inputs["sides"]
    nc = contrast_nc(weights, value, error, sizes)
    lam = between(means, sizes) / (error * error)
    share = alpha / inputs["comparisons"]
    plain = t_power(contrast_nc(weights, value, sd, sizes), total - arms, share, sides)
    return answer(
        inputs,
        contrast_exact(nc, arms, total, covariates, share, sides),
        sizes,
        power_omnibus=omnibus_exact(lam, arms, total, covariates, alpha),
        power_without_baseline=plain,
        arms=names,
        means=means,
        contrast=weights,
        effect=value,
        sd=sd,
        sd_adjusted=error,
        d=value / sd,
        se=unconditional(contrast_se(weights, error, sizes), total - arms - covariates, covariates),
        df=total - arms - covariates,
        test="contrast of baseline-adjusted means (ANCOVA)",
        notes=caution(value / sd),
    )


def ancova_chance(inputs: "Block") -> float:
    """The power of `ancova` alone."""
    means, _, weights, value = read_means(inputs)
    sizes = group_sizes(inputs, len(means))
    total, covariates = sum(sizes), inputs["covariates"]
    if total - len(means) - covariates < 1:
        raise ValueError("too few animals for " + str(covariates) + " covariates")
    error = adjusted_sd(inputs, spread_of(inputs, means))
    nc, share = contrast_nc(weights, value, error, sizes), inputs["alpha"] / inputs["comparisons"]
    return contrast_exact(nc, len(means), total, covariates, share, inputs["sides"])


DESIGNS = {
    "ancova": {
        "title": "Baseline scan as covariate",
        "inputs": joined(
            CONTRAST,
            SPREAD,
            {
                "correlation": number("of baseline and endpoint", FRACTION, None, -0.999, 0.999),
                "covariates": number("covariates", "", 1, 1, 20, "whole"),
            },
            SIZE,
            COMPARISONS,
            SIDES,
            ALPHA,
            HOUSING,
        ),
        "power": ancova,
        "chance": ancova_chance,
        "estimate": ancova_estimate,
        "size": "n",
        "floor": lambda inputs: 2 + int(inputs.get("covariates") or 1) // 2,
        "effect": "difference",
    },
}
