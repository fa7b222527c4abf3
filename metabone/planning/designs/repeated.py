"""Repeated in-vivo scans: group by time, the change between two scans, and slopes."""

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
    FRACTION,
    HOUSING,
    SIDES,
    SIZE,
    SPREAD,
    UNIT,
    joined,
    number,
    word,
)
from metabone.planning.kernel import norm_cdf, norm_isf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from metabone.planning.designs.common import Block


def interaction_spread(means: "list[list[float]]", sizes: "list[float]") -> float:
    """Sum of n (group by time departure)^2 over groups and scans."""
    total, scans = sum(sizes), len(means[0])
    groups = range(len(means))
    at = [sum([means[g][t] * sizes[g] for g in groups]) / total for t in range(scans)]
    grand = sum(at) / scans
    result = 0.0
    for g in groups:
        own = sum(means[g]) / scans
        for t in range(scans):
            result += sizes[g] * (means[g][t] - own - at[t] + grand) ** 2
    return result


def within_f(
    lam: float, df1: float, subjects: float, groups: int, scans: int, alpha: float, epsilon: float
) -> float:
    """Power of a within-animal F: `lam` for sphericity, scaled with its df by `epsilon`."""
    df2 = (subjects - groups) * (scans - 1)
    return f_power(lam * epsilon, df1 * epsilon, df2 * epsilon, alpha)


def slope_variance(times: "list[float]", sd: float, rho: float) -> float:
    """Variance of one animal's least-squares slope when scans correlate by `rho`."""
    mean = sum(times) / len(times)
    return sd * sd * (1 - rho) / sum([(t - mean) ** 2 for t in times])


def large_sample_n(variance: float, delta: float, alpha: float, sides: int, target: float) -> float:
    """Animals a group for a difference of two means of variance / n, by the normal distribution."""
    z = norm_isf(alpha / sides) + norm_isf(1 - target)
    return 2 * variance * z * z / (delta * delta)


def inverse(matrix: "list[list[float]]") -> "list[list[float]]":
    """Inverse of a small symmetric positive matrix, by Gauss-Jordan."""
    size = len(matrix)
    rows = []
    for i in range(size):
        row = list(matrix[i])
        row.extend([1.0 if j == i else 0.0 for j in range(size)])
        rows.append(row)
    for i in range(size):
        pivot = rows[i][i]
        if abs(pivot) < 1e-14:
            raise ValueError("the correlations do not make a proper matrix")
        rows[i] = [x / pivot for x in rows[i]]
        for j in range(size):
            if j != i and rows[j][i]:
                factor = rows[j][i]
                rows[j] = [rows[j][k] - factor * rows[i][k] for k in range(2 * size)]
    return [row[size:] for row in rows]


def last_scan_factor(rho: float, retention: "list[float]") -> float:
    """Variance of the last scan's mean in units of sd^2 / n, with animals lost between scans.

    References
    ----------
    Lu, Luo & Chen (2008), doi:10.2202/1557-4679.1098.
    """
    scans = len(retention)
    information = [[0.0] * scans for _ in range(scans)]
    for seen in range(1, scans + 1):
        later = retention[seen] if seen < scans else 0.0
        share = retention[seen - 1] - later
        block = [[1.0 if i == j else rho for j in range(seen)] for i in range(seen)]
        part = inverse(block)
        for i in range(seen):
            for j in range(seen):
                information[i][j] += share * part[i][j]
    return inverse(information)[scans - 1][scans - 1]


def last_scan_power(
    n: float, delta: float, sd: float, factor: float, alpha: float, sides: int
) -> float:
    """Power of the last scan's comparison in a mixed model for repeated measures (normal)."""
    nc = abs(delta) / (sd * math.sqrt(2 * factor / n))
    cut = norm_isf(alpha / sides)
    return norm_cdf(nc - cut) + (norm_cdf(-nc - cut) if sides == 2 else 0.0)


def _moved(means: "list[list[float]]", value: float) -> "list[list[float]]":
    """Means whose last group departs at the last scan so that the change differs by `value`."""
    changed = [list(row) for row in means]
    reference, last = changed[0], changed[-1]
    last[-1] = last[0] + reference[-1] - reference[0] + value
    return changed


QUESTIONS = {
    "interaction": "group by time interaction",
    "change": "change from first to last scan, last group against first",
    "slope": "slope over time, last group against first",
}


def _read(inputs: "Block") -> "tuple[list[list[float]], float, float, list[float]]":
    """(means by group and scan, SD, correlation, times of the scans)."""
    means: Any = inputs.get("means")
    good = isinstance(means, (list, tuple)) and len(means) > 1
    if not good or len({len(row) for row in means}) != 1 or len(means[0]) < 2:
        raise ValueError("means needs one list for each group, the mean at each scan")
    means = [[float(x) for x in row] for row in means]
    if inputs.get("difference") is not None:
        means = _moved(means, float(inputs["difference"]))
    filled = dict(inputs)
    if filled.get("mean_control") is None:
        filled["mean_control"] = means[0][0]
    rho = inputs.get("correlation")
    if rho is None:
        raise ValueError("give correlation, that of two scans of one animal")
    times = inputs.get("times") or list(range(len(means[0])))
    if len(times) != len(means[0]):
        raise ValueError("times needs one number for each scan")
    return means, deviation(filled), rho, times


def repeated_estimate(inputs: "Block") -> "Block":
    """The change between first and last scan, or the slope, of the last group against the first.

    The interaction of two groups and two scans is that change; of more it is no one number: `of`
    says then that its change is estimated, not tested.
    """
    means, sd, rho, times = _read(inputs)
    sizes = group_sizes(inputs, len(means))
    df, ends = sum(sizes) - len(means), 1 / sizes[0] + 1 / sizes[-1]
    if inputs["question"] == "slope":
        se = math.sqrt(slope_variance(times, sd, rho) * ends)
        found = t_estimate(_slope_gap(means, times), se, df)
        found["per"] = "per unit of time" if inputs.get("times") is None else "per week"
        return found
    se = sd * math.sqrt(2 * (1 - rho) * ends)
    found = t_estimate(means[-1][-1] - means[-1][0] - means[0][-1] + means[0][0], se, df)
    if inputs["question"] == "interaction":
        plain = len(means) == 2 and len(means[0]) == 2 and inputs["epsilon"] == 1
        found["tested"] = "both" if plain else "no"
    return found


def repeated_scans(inputs: "Block") -> "Block":
    """Group by time from means, SD and the correlation between scans."""
    means, sd, rho, times = _read(inputs)
    groups, scans = len(means), len(means[0])
    sizes = group_sizes(inputs, groups)
    alpha, sides, epsilon = inputs["alpha"], inputs["sides"], inputs["epsilon"]
    error = sd * sd * (1 - rho)
    df1, total = (groups - 1) * (scans - 1), sum(sizes)
    lam = interaction_spread(means, sizes) / error
    value = means[-1][-1] - means[-1][0] - means[0][-1] + means[0][0]
    ends = 1 / sizes[0] + 1 / sizes[-1]
    slope = _slope_gap(means, times) / math.sqrt(slope_variance(times, sd, rho) * ends)
    powers = {
        "interaction": within_f(lam, df1, total, groups, scans, alpha, epsilon),
        "change": t_power(value / math.sqrt(2 * error * ends), total - groups, alpha, sides),
        "slope": t_power(slope, total - groups, alpha, sides),
    }
    df: Any = total - groups
    if inputs["question"] == "interaction":
        df = [df1 * epsilon, (total - groups) * (scans - 1) * epsilon]
    notes = caution(value / sd)
    notes.append("repeated in-vivo scans irradiate the bone they measure: check the dose")
    result = answer(
        inputs,
        powers[inputs["question"]],
        sizes,
        arms=["group " + str(i + 1) for i in range(groups)],
        means=means,
        scans=scans,
        effect=value,
        sd=sd,
        d=value / sd,
        se=repeated_estimate(inputs)["se"],
        df=df,
        test=QUESTIONS[inputs["question"]],
        notes=notes,
    )
    for name in powers:
        result["power_" + name] = powers[name]
    return result


def _slope_gap(means: "list[list[float]]", times: "list[float]") -> float:
    """Difference of the least-squares slopes of the last and the first group's means."""
    mean = sum(times) / len(times)
    norm = sum([(t - mean) ** 2 for t in times])
    if norm == 0:
        raise ValueError("times of the scans must differ")
    gap = [means[-1][i] - means[0][i] for i in range(len(times))]
    return sum([(times[i] - mean) * gap[i] for i in range(len(times))]) / norm


DESIGNS = {
    "repeated-scans": {
        "title": "Repeated in-vivo scans: group by time",
        "inputs": joined(
            {
                "means": number(
                    "a list for each group: its mean at each scan", UNIT, None, None, None, "list"
                ),
                "difference": number("how much more the last group changes than the first", UNIT),
                "correlation": number("of two scans of one animal", FRACTION, None, 0.0, 0.9999),
                "epsilon": number("departure from sphericity (1 = none)", "", 1.0, 0.05, 1.0),
                "times": number("when the scans are made", "weeks", None, None, None, "list"),
                "question": word(
                    "interaction: any group by time; change: first to last scan; slope",
                    ("interaction", "change", "slope"),
                    "interaction",
                ),
            },
            SPREAD,
            SIZE,
            SIDES,
            ALPHA,
            HOUSING,
        ),
        "power": repeated_scans,
        "estimate": repeated_estimate,
        "size": "n",
        "effect": "difference",
    },
}
