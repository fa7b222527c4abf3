"""Published cases of one and two means: t tests, equivalence, fold changes, ranks, widths."""

import math

from metabone.planning.designs.cases_common import first, pair_of, real_n, rising, sides_of, sizes
from metabone.planning.designs.common import whole
from metabone.planning.designs.equivalence import log_sd, noninferiority_power, tost_power
from metabone.planning.designs.fold_change import fold_d
from metabone.planning.designs.precision import (
    ancova_half_width_n,
    chance_of_width,
    d_interval,
    d_width,
    half_width,
    observed_limit,
)
from metabone.planning.designs.ranks import noether_n, noether_power
from metabone.planning.designs.two_groups import (
    hsu_power,
    paired_power,
    pooled_power,
    welch_approximate,
)
from metabone.planning.kernel import nct_sf, norm_cdf, norm_isf, smallest_n, t_isf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def _two_sample(name: str, inputs: "Block") -> "Block":
    if "type s" in name or "assurance" in name:
        return {}
    # `m` comparisons share the error by Bonferroni.
    alpha, sides = inputs.get("alpha", 0.05) / inputs.get("m", 1), sides_of(inputs)
    ratio, target = inputs.get("ratio", 1), inputs.get("power")
    if "d" not in inputs:
        n1, n2 = pair_of(inputs)
        return {"d": rising(lambda d: pooled_power(d, n1, n2, alpha, sides), inputs["power"])}
    d = inputs["d"]
    if target is None:
        n1, n2 = pair_of(inputs)
        nc = abs(d) * math.sqrt(n1 * n2 / (n1 + n2))
        power = pooled_power(d, n1, n2, alpha, sides)
        cut = t_isf(alpha / sides, n1 + n2 - 2)
        one = nct_sf(cut, n1 + n2 - 2, nc)
        return {
            "power": power, "power_strict": power, "power_one_tail_counted": one, "nc": nc,
            "crit": cut,
        }  # fmt: skip

    def at(n: float) -> float:
        other = ratio * n
        if ratio != 1 and n == int(n):
            other = whole(other)
        return pooled_power(d, n, other, alpha, sides)

    answer = sizes(at, target, inputs.get("n_min", 2))
    fraction = real_n(lambda n: pooled_power(d, n, ratio * n, alpha, sides), target)
    answer["n_frac"] = answer["n_per_group"] = answer["n1"] = fraction
    if ratio != 1:
        # powertools, whose first group is asked for, tests unequal groups by Welch's df.
        answer["n1"] = real_n(
            lambda n: welch_approximate(d, n, ratio * n, 1, 1, alpha, sides), target
        )
    if name.endswith("near 2") or fraction <= 2:
        answer["n1"], answer["n2"] = answer["n_int"], whole(ratio * answer["n_int"])
    return answer


def _one_sample(name: str, inputs: "Block") -> "Block":
    alpha, sides = inputs.get("alpha", 0.05), sides_of(inputs)
    d = first(inputs, "d", "dz")
    n = first(inputs, "n", "n_pairs")
    if "assurance" in name:
        return {}
    if " z " in name:
        return _one_sample_z(inputs)
    if n is None:
        answer = sizes(lambda n: paired_power(d, n, alpha, sides), inputs["power"])
        found = answer["n_int"]
        answer["crit_at_" + str(found)] = t_isf(alpha / sides, found - 1)
        return answer
    if d is None:
        return {"d": rising(lambda x: paired_power(x, n, alpha, sides), inputs["power"])}
    return {
        "power": paired_power(d, n, alpha, sides),
        "nc": abs(d) * math.sqrt(n),
        "crit": t_isf(alpha / sides, n - 1),
    }


def _one_sample_z(inputs: "Block") -> "Block":
    alpha, sides = inputs.get("alpha", 0.05), sides_of(inputs)
    sd, cut = math.sqrt(inputs["sigsq"]), norm_isf(inputs["alpha"] / sides)
    powers = []
    for n in inputs["n"]:
        nc = inputs["delta"] * math.sqrt(n) / sd
        powers.append(norm_cdf(nc - cut) + (norm_cdf(-nc - cut) if sides == 2 else 0.0))
    return {"power": powers, "alpha": alpha}


def _unequal(name: str, inputs: "Block") -> "Block":
    alpha, sides = inputs.get("alpha", 0.05), sides_of(inputs)
    rest = (inputs["sd1"], inputs["sd2"], alpha, sides)
    test = hsu_power if "hsu" in name else welch_approximate
    if "power" in inputs:
        ratio = inputs.get("ratio", 1)
        answer = sizes(lambda n: test(inputs["delta"], n, ratio * n, *rest), inputs["power"])
        answer["n_per_group"] = answer["n1"] = answer["n_frac"]
        return answer
    n1, n2 = pair_of(inputs)
    return {"power": test(inputs["delta"], n1, n2, *rest)}


def _tost(name: str, inputs: "Block") -> "Block":
    alpha = inputs.get("alpha", 0.05)
    logs = "ratio" in inputs or "theta0" in inputs
    if logs:
        low: float = math.log(inputs.get("theta1", 0.8))
        high: float = math.log(inputs.get("theta2", 1.25))
        diff = math.log(first(inputs, "ratio", "theta0"))
        sd = log_sd(inputs["cv"])
    else:
        high = float(first(inputs, "theta2", "margin") or 0)
        low = float(inputs.get("theta1", -high))
        diff, sd = inputs.get("diff", 0), first(inputs, "sigma", "sd") or 1.0
    if "df" in inputs:
        if logs and "theta0" not in inputs:
            # MBESS, after Diletti, takes the CV itself for the SD of the logarithm.
            sd = inputs["cv"]
        se = sd * math.sqrt(2 / inputs["n"])
        return {"power": tost_power(low, high, diff, se, inputs["df"], alpha)}

    def at(n: float) -> float:
        return tost_power(low, high, diff, sd * math.sqrt(2 / n), 2 * n - 2, alpha)

    if "margins" in inputs:
        found = []
        for m in inputs["margins"]:
            found.append(_tost(name, dict(_without(inputs, "margins"), margin=m))["n_int"])
        return {"n_int": found}
    if "power" in inputs:
        answer = sizes(at, inputs["power"])
        answer["N"] = 2 * answer["n_int"]
        answer["n_per_group"] = answer["n_int"]
        return answer
    return {"power": at(inputs["n"])}


def _without(inputs: "Block", key: str) -> "Block":
    rest = dict(inputs)
    rest.pop(key, None)
    return rest


def _noninferior(name: str, inputs: "Block") -> "Block":
    alpha, sd = inputs.get("alpha", 0.025), inputs.get("sd", 1)

    def at(n: float) -> float:
        se = sd * math.sqrt(2 / n)
        return noninferiority_power(inputs["margin"], inputs.get("diff", 0), se, 2 * n - 2, alpha)

    if "n" in inputs:
        return {"power": at(inputs["n"])}
    answer = sizes(at, inputs["power"])
    answer["N"], answer["n_per_group"] = 2 * answer["n_int"], answer["n_int"]
    return answer


def _fold(name: str, inputs: "Block") -> "Block":
    d = fold_d(inputs["fold"], inputs["cv"])
    rest = dict(_without(_without(inputs, "fold"), "cv"), d=d)
    answer = _two_sample("two-sample t", rest)
    answer["d"] = d
    return answer


def _rank_sum(name: str, inputs: "Block") -> "Block":
    alpha, sides = inputs.get("alpha", 0.05), sides_of(inputs)
    if "cases" in inputs:
        found = [noether_n(p, alpha, sides, power) / 2 for p, power in inputs["cases"]]
        return {"n_per_group": found}
    p = inputs["p"]
    if "power" in inputs:
        half = noether_n(p, alpha, sides, inputs["power"]) / 2
        return {"n_per_group": half, "n_int": whole(half)}
    n1, n2 = pair_of(inputs)
    return {"power": noether_power(p, n1, n2, alpha, sides)}


def _width(name: str, inputs: "Block") -> "Block":
    if "replicates" in name:
        return {}
    conf = inputs.get("conf", 0.95)
    if "error_var_anova" in inputs:
        variance = inputs["error_var_anova"] * (1 - inputs["rho"] ** 2)
        n = ancova_half_width_n(
            variance, inputs["c"], inputs["width"], conf, inputs.get("assurance")
        )
        return {"n_per_group": n}
    if "d" in inputs:
        return _d_width(inputs, conf)
    if "halfwidth" in inputs:
        goal, sd = inputs["halfwidth"], inputs["sd"]
        if "assurance" not in inputs:
            size = real_n(lambda n: -half_width(sd, n, n, conf), -goal)
        else:
            size = real_n(lambda n: chance_of_width(goal, sd, n, n, conf), inputs["assurance"])
        return {"n1": size, "n_per_group": size, "n_int": whole(size)}
    sd = inputs.get("sd", 1)
    given = inputs["n"] if isinstance(inputs["n"], list) else [inputs["n"]]
    widths = [half_width(sd, n, n, conf) for n in given]
    return {"halfwidth": widths if isinstance(inputs["n"], list) else widths[0]}


def _d_width(inputs: "Block", conf: float) -> "Block":
    d, sure = inputs["d"], inputs.get("assurance")
    goal: float = inputs["width"]

    def n_for(chance: "float | None") -> int:
        def gap(n: int) -> float:
            seen = d if chance is None else observed_limit(d, n, chance)
            return goal / (goal + d_width(seen, n, conf))

        return smallest_n(gap, 0.5)

    if isinstance(sure, list):
        return {"n_per_group": [n_for(chance) for chance in sure]}
    return {"n_per_group": n_for(sure)}


def _d_interval(name: str, inputs: "Block") -> "Block":
    n1, n2, t = inputs["n1"], inputs["n2"], inputs["t"]
    low, high = d_interval(t, n1, n2, inputs.get("conf", 0.95))
    return {"low": low, "high": high, "d": t * math.sqrt(1 / n1 + 1 / n2)}


def _bonferroni(name: str, inputs: "Block") -> "Block":
    return _two_sample("two-sample t", inputs) if "m" in inputs else {}


READERS = (
    (("welch", "hsu"), _unequal),
    (("two-sample t",), _two_sample),
    (("one-sample", "paired t"), _one_sample),
    (("tost", "equivalence"), _tost),
    (("non-inferiority",), _noninferior),
    (("fold change",), _fold),
    (("mann-whitney", "rank-sum", "ranksum", "wilcoxon"), _rank_sum),
    (("noncentral-t ci",), _d_interval),
    (("width", "aipe"), _width),
    (("bonferroni over",), _bonferroni),
)
