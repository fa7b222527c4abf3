"""What every design shares: bench inputs, whole animals, losses, power of t and F tests.

`math` and the kernel alone, plain functions and plain dicts: MicroPython runs these files too.
"""

import math

from metabone.planning.kernel import f_isf, gauss_legendre, ncf_sf, nct_cdf, nct_sf, t_isf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Block = dict[str, Any]

# A quotient such as 12 / (1 - 0.2) must not round up because of its last binary digit.
SLACK = 1e-9
RULE = tuple(gauss_legendre(56))
SHORT_RULE = tuple(gauss_legendre(32))


def whole(x: float) -> int:
    """Smallest whole number that is not below x."""
    return math.ceil(x - SLACK)


def t_power(nc: float, df: float, alpha: float, sides: int) -> float:
    """Power of a t test whose statistic has noncentrality `nc`; both tails count when two-sided.

    One-sided tests look in the direction of the effect, so the sign of `nc` does not matter.
    """
    nc = abs(nc)
    if sides == 1:
        return nct_sf(t_isf(alpha, df), df, nc)
    cut = t_isf(alpha / 2, df)
    return nct_sf(cut, df, nc) + nct_cdf(-cut, df, nc)


def f_power(lam: float, df1: float, df2: float, alpha: float) -> float:
    """Power of an F test whose statistic has noncentrality `lam`."""
    if lam <= 0:
        return alpha
    return ncf_sf(f_isf(alpha, df1, df2), df1, df2, lam)


def difference(inputs: "Block") -> float:
    """Difference of means in the endpoint's unit: given, or per cent of the control mean."""
    if inputs.get("difference") is not None:
        return float(inputs["difference"])
    change, mean = inputs.get("percent_change"), inputs.get("mean_control")
    if change is None or mean is None:
        raise ValueError("give difference, or percent_change together with mean_control")
    return float(mean) * float(change) / 100


def deviation(inputs: "Block", key: str = "sd", cv: str = "cv") -> float:
    """SD between animals in the endpoint's unit: given, or CV (per cent) of the control mean."""
    if inputs.get(key) is not None:
        sd = float(inputs[key])
    elif inputs.get(cv) is not None and inputs.get("mean_control") is not None:
        sd = abs(float(inputs["mean_control"])) * float(inputs[cv]) / 100
    else:
        raise ValueError("give " + key + ", or " + cv + " together with mean_control")
    if sd <= 0:
        raise ValueError(key + " must be above 0")
    return sd


def group_sizes(inputs: "Block", arms: int = 2) -> "list[float]":
    """Animals in each arm, the control first: a list, or one number (control) times `ratio`.

    A whole control group gives whole groups, rounded up.
    """
    n = inputs.get("n")
    if n is None:
        raise ValueError("give n, the animals in a group")
    if isinstance(n, (list, tuple)):
        if len(n) != arms:
            raise ValueError("n needs one number for each of the " + str(arms) + " arms")
        return list(n)
    other = n * inputs.get("ratio", 1)
    if n == int(n):
        n, other = int(n), whole(other)
    sizes = [n]
    for _ in range(arms - 1):
        sizes.append(other)
    return sizes


def with_losses(n: float, losses: float) -> int:
    """Animals to start with so that `n` are expected at the end."""
    return whole(n / (1 - losses))


def answer(inputs: "Block", power: float, n: "list[float]", **more: "Any") -> "Block":
    """The dict every design returns: power, animals with and without losses, cages, notes."""
    losses = inputs.get("losses") or 0.0
    started = [with_losses(size, losses) for size in n]
    result = {
        "power": power,
        "n": n,
        "n_total": sum(n),
        "n_with_losses": started,
        "n_total_with_losses": sum(started),
        "animals_per_cage": inputs.get("animals_per_cage"),
        "cages": None,
        "alpha": inputs.get("alpha", 0.05),
        "sides": inputs.get("sides", 2),
        "notes": [],
    }
    housed = inputs.get("animals_per_cage")
    if housed:
        result["cages"] = sum([whole(size / housed) for size in started])
    result.update(more)
    return result


def t_estimate(
    value: float, se: float, df: float, shares: float = 1, kind: str = "confidence interval"
) -> "Block":
    """What a design estimates by a t distribution: for its assurance and its interval.

    Returns
    -------
    ``value``, ``se`` (standard error at the true SD), ``df``, ``kind`` of its interval, ``scale``
    (difference, or ratio where value and se are of the logarithm), ``beta`` (parameters of a share
    that varies from study to study, or None) and ``at``: (standard error, df, critical value) for
    such a share, an alpha and sides; `shares` comparisons have the alpha together. A design may add
    ``varies``: "se" where the share changes the standard error alone, by its root, and ``about``, a
    cheap `at` whose critical value is right to 1e-3.
    """

    def at(share: float, alpha: float, sides: int) -> "tuple[float, float, float]":
        return se, df, t_isf(alpha / (sides * shares), df)

    return {
        "value": value,
        "se": se,
        "df": df,
        "kind": kind,
        "scale": "difference",
        "beta": None,
        "at": at,
    }


def caution(d: float) -> "list[str]":
    """Notes about a standardised effect that is larger than honest experiments show."""
    if abs(d) > 3:
        return ["the difference is more than 3 SD: check the SD (a standard error?) and the effect"]
    return []


def beta_rule(a: float, b: float) -> "list[tuple[float, float]]":
    """(x, weight) pairs so that the sum of weight g(x) is the mean of g(x), x ~ Beta(a, b).

    x = sin^2(angle) takes the edges away for a and b of one half and more.
    """
    values, logs = [], []
    peak = (a - 0.5) / max(a + b - 1, 1e-9)
    middle = math.asin(math.sqrt(min(max(peak, 0.0), 1.0)))
    rule, wide = _nodes_for(a, b)
    spread = wide / math.sqrt(2 * (a + b))
    low, high = max(0.0, middle - spread), min(0.5 * math.pi, middle + spread)
    for x, weight in rule:
        angle = 0.5 * (low + high) + 0.5 * (high - low) * x
        sine, cosine = math.sin(angle), math.cos(angle)
        values.append((sine * sine, weight))
        logs.append((2 * a - 1) * math.log(sine) + (2 * b - 1) * math.log(cosine))
    # Against the largest, so that thousands of animals do not underflow.
    top = max(logs)
    weights = [values[i][1] * math.exp(logs[i] - top) for i in range(len(logs))]
    total = sum(weights)
    chosen = [i for i in range(len(logs)) if weights[i] > 1e-16 * total]
    return [(values[i][0], weights[i] / total) for i in chosen]


def _nodes_for(a: float, b: float) -> "tuple[tuple[tuple[float, float], ...], float]":
    """(rule, reach) that follow the density of a Beta(a, b) to 1e-12: few nodes where it is narrow.

    At an edge it is half a bell, which needs twice the reach.
    """
    if min(a, b) >= 2.5:
        return SHORT_RULE, 6.0
    return (SHORT_RULE if max(a, b) >= 2.5 and min(a, b) <= 1.5 else RULE), 9.0
