"""Published cases of shared controls, several endpoints, cages, blocks, looks and rules."""

import math

from metabone.planning.designs.cages import (
    blocks_power,
    design_effect,
    naive_error,
    whole_cage_power,
    within_power,
)
from metabone.planning.designs.cases_common import first, real_n, sides_of, sizes
from metabone.planning.designs.common import with_losses
from metabone.planning.designs.coprimary import all_known, any_known, correlation_matrix
from metabone.planning.designs.resource import mead_e, resource_range, snedecor_n
from metabone.planning.designs.sequential import (
    boundaries,
    crossings,
    inflation,
    mean_share,
    peeking_error,
)
from metabone.planning.designs.shared_control import best_allocation, family_power
from metabone.planning.designs.two_groups import pooled_power
from metabone.planning.kernel import dunnett_quantile, norm_isf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def _dunnett(name: str, inputs: "Block") -> "Block":
    if "cases" in inputs:
        sides = 1 if "one-sided" in name else 2
        alpha = inputs.get("alpha", 0.05)
        return {"crit": [dunnett_quantile(alpha, k, df, 1.0, sides) for k, df in inputs["cases"]]}
    if "delta" not in inputs:
        return {}
    delta, n = inputs["delta"], inputs["n"]
    each = [first(inputs, "n0", "n")] + [n] * len(delta)
    wanted = {"alpha": inputs.get("alpha", 0.05), "sides": sides_of(inputs)}
    if "bonferroni" in name or "holm" in name:
        answer = {}
        for method in ("bonferroni", "holm", "none", "dunnett"):
            answer[method] = family_power(delta, each, dict(wanted, method=method))[2]
        return answer
    some, every, powers, cut = family_power(delta, each, dict(wanted, method="dunnett"))
    return {"any": some, "all": every, "each": powers, "crit": cut}


def _root_k(name: str, inputs: "Block") -> "Block":
    found = best_allocation(
        inputs["N"], inputs["k"], inputs["d"], inputs.get("alpha", 0.05), sides_of(inputs)
    )
    answer = {"best_n": found["n"], "best_n0": found["n0"]}
    for n, n0 in found["powers"]:
        answer["power_" + str(n) + "_" + str(n0)] = found["powers"][(n, n0)]
    return answer


def _several_endpoints(name: str, inputs: "Block") -> "Block":
    sides = sides_of(inputs, 1)
    cut = norm_isf(inputs["alpha"] / sides)
    ds = inputs.get("d")
    if ds is None:
        gaps = inputs["delta"]
        sds = inputs.get("sd")
        if sds is None:
            sds = [math.sqrt(v) for v in inputs.get("var", [1] * len(gaps))]
        ds = [gaps[i] / sds[i] for i in range(len(gaps))]
    matrix = correlation_matrix(inputs.get("rho", 0.0), len(ds))
    at_least_one = "at least one" in name

    def at(n: float) -> float:
        nc = [d * math.sqrt(n / 2) for d in ds]
        return any_known(nc, cut, matrix[0][1]) if at_least_one else all_known(nc, cut, matrix)

    if "n" in inputs:
        return {"power": at(inputs["n"])}
    answer = sizes(at, inputs["power"])
    answer["n_per_group"] = answer["n_frac"]
    return answer


def _cages(name: str, inputs: "Block") -> "Block":
    alpha, sides = inputs.get("alpha", 0.05), sides_of(inputs)
    d, icc, half = inputs["d"], inputs["icc"], inputs["J_total"] / 2
    if "m" in inputs:
        power = whole_cage_power(d, inputs["m"], half, half, icc, alpha, sides)
        return {"power": power}
    m = real_n(lambda m: whole_cage_power(d, m, half, half, icc, alpha, sides), inputs["power"], 1)
    return {"m": m}


def _cages_ignored(name: str, inputs: "Block") -> "Block":
    alpha = inputs.get("alpha", 0.05)
    error = naive_error(inputs["J"], inputs["m"], inputs["icc"], alpha)
    # The t test on cage means is exact under normality: its error is alpha.
    half = inputs["J"] / 2
    return {
        "naive_animal_t": error,
        "cage_mean_t": whole_cage_power(0.0, inputs["m"], half, half, inputs["icc"], alpha, 2),
    }


def _split(name: str, inputs: "Block") -> "Block":
    power = within_power(
        inputs["delta"] / inputs["sd"], inputs["m"], inputs["J"], inputs.get("icc0", 0.0),
        inputs.get("icc1", 0.0), inputs.get("alpha", 0.05), sides_of(inputs), False,
    )  # fmt: skip
    return {"power": power}


def _design_effect(name: str, inputs: "Block") -> "Block":
    m, icc = inputs["m"], inputs["icc"]
    return {"deff": [design_effect(m[i], icc[i]) for i in range(len(m))]}


def _blocks(name: str, inputs: "Block") -> "Block":
    means = inputs["means"]
    grand = sum(means) / len(means)
    spread = sum([(mean - grand) ** 2 for mean in means])
    sd, alpha = inputs.get("sd", 1.0), inputs.get("alpha", 0.05)
    if "blocks" in inputs:
        return {"power": blocks_power(spread, len(means), inputs["blocks"], sd, alpha)}
    answer = sizes(lambda b: blocks_power(spread, len(means), b, sd, alpha), inputs["power"])
    answer["blocks"] = answer["n_int"]
    return answer


def _looks(name: str, inputs: "Block") -> "Block":
    alpha, power, sides = inputs.get("alpha", 0.025), inputs.get("power", 0.8), sides_of(inputs, 1)
    kind = "pocock" if "pocock" in name else "obrien-fleming"
    if "asof" in name or "spending" in name:
        kind = "spending"
    looks = inputs["looks"]
    if isinstance(looks, list):
        answer: Block = {"crit": []}
        for count in looks:
            times = [(k + 1) / count for k in range(count)]
            bounds = boundaries(kind, times, alpha, sides)
            answer["crit"].append(bounds[0])
            answer["inflation_" + str(count)] = inflation(bounds, times, alpha, sides, power)
        return answer
    times = [(k + 1) / looks for k in range(looks)]
    bounds = boundaries(kind, times, alpha, sides)
    swell = inflation(bounds, times, alpha, sides, power)
    answer = {"crit": bounds, "inflation": swell}
    if "d" in inputs:
        fixed = 2 * real_n(lambda n: pooled_power(inputs["d"], n, n, alpha, sides), power)
        drift = math.sqrt(swell) * (norm_isf(alpha / sides) + norm_isf(1 - power))
        share = mean_share(crossings(bounds, times, drift, sides), times)
        answer.update(
            {"n_fixed": fixed, "max_N": fixed * swell, "expected_N_H1": fixed * swell * share}
        )
    return answer


def _peeking(name: str, inputs: "Block") -> "Block":
    alpha, looks = inputs.get("alpha", 0.05), inputs["looks"]
    if isinstance(looks, list):
        return {"alpha": [peeking_error(count, alpha) for count in looks]}
    return {"alpha": peeking_error(looks, alpha)}


def _resource(name: str, inputs: "Block") -> "Block":
    if "r" in inputs:
        # Repeated measures of one group: the animals take the place of the group's size.
        ranges = [resource_range(r - 1) for r in inputs["r"]]
        return {"N_min": [low for low, _ in ranges], "N_max": [high for _, high in ranges]}
    ranges = [resource_range(k) for k in inputs["k"]]
    return {"n_min": [low for low, _ in ranges], "n_max": [high for _, high in ranges]}


def _mead(name: str, inputs: "Block") -> "Block":
    total, arms = inputs["N"], inputs["k"]
    return {"E": [mead_e(total, arms, blocks) for blocks in inputs["blocks"]]}


def _snedecor(name: str, inputs: "Block") -> "Block":
    ratios, constants = inputs["s_over_d"], inputs["C"]
    return {"n": [snedecor_n(ratios[i], constants[i]) for i in range(len(ratios))]}


def _losses(name: str, inputs: "Block") -> "Block":
    n, loss = inputs["n"], inputs["loss"]
    return {"n_start": [with_losses(n[i], loss[i]) for i in range(len(n))]}


READERS = (
    (("dunnett", "bonferroni/holm"), _dunnett),
    (("shared-control allocation",), _root_k),
    (("co-primaries", "co-primary", "at least one"), _several_endpoints),
    (("multisite", "within-cage"), _split),
    (("design effect",), _design_effect),
    (("cages are ignored",), _cages_ignored),
    (("cage-randomised", "whole-cage", "animals per cage"), _cages),
    (("rcbd", "randomised block", "randomized block"), _blocks),
    (("unadjusted looks", "peeking"), _peeking),
    (("group-sequential", "o'brien-fleming", "pocock", "looks asof", "asof"), _looks),
    (("resource equation",), _resource),
    (("mead",), _mead),
    (("n=1+2c",), _snedecor),
    (("losses", "attrition"), _losses),
)
