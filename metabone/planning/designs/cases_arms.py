"""Published cases of several means: ANOVA, contrasts, factorials, ANCOVA, repeated measures."""

import math

from metabone.planning.designs.ancova import contrast_exact, omnibus_shieh, variance_factor
from metabone.planning.designs.cases_common import first, rising, sides_of, sizes
from metabone.planning.designs.common import f_power, t_power
from metabone.planning.designs.factorial import two_way
from metabone.planning.designs.repeated import (
    large_sample_n,
    last_scan_factor,
    last_scan_power,
    slope_variance,
    within_f,
)
from metabone.planning.designs.several_arms import between, contrast_nc, omnibus_power
from metabone.planning.designs.two_groups import pooled_power
from metabone.planning.kernel import f_isf, f_sf, ncf_sf, smallest_n

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from metabone.planning.designs.common import Block


def _one_way(name: str, inputs: "Block") -> "Block":
    if "c" in inputs or "contrast" in inputs:
        return _contrast(inputs)
    if "means" in inputs and isinstance(inputs.get("n"), list):
        power = omnibus_power(inputs["means"], inputs["sd"], inputs["n"], inputs["alpha"])
        return {"power": power}
    k = first(inputs, "k", "groups")
    if "means" in inputs:
        k = len(inputs["means"])
        f2 = between(inputs["means"], [1] * k) / k / inputs["sd"] ** 2
    elif "between_var" in inputs:
        f2 = (k - 1) * inputs["between_var"] / (k * inputs["within_var"])
    elif "f" in inputs:
        f2 = inputs["f"] ** 2
    else:
        n, alpha = inputs["n"], inputs["alpha"]
        found = rising(lambda f: f_power(f * f * k * n, k - 1, k * n - k, alpha), inputs["power"])
        return {"f": found}
    if "crit_F" in inputs:
        total = inputs["N"]
        lam, df2 = f2 * total, total - k
        return {
            "power": ncf_sf(inputs["crit_F"], k - 1, df2, lam),
            "alpha": f_sf(inputs["crit_F"], k - 1, df2),
            "lam": lam,
        }
    return _one_way_size(inputs, k, f2)


def _one_way_size(inputs: "Block", k: int, f2: float) -> "Block":
    alpha = inputs.get("alpha", 0.05)

    def at(n: float) -> float:
        return f_power(f2 * k * n, k - 1, k * (n - 1), alpha)

    n = inputs["N"] / k if "N" in inputs else inputs.get("n")
    if n is not None:
        return {"power": at(n), "f": math.sqrt(f2), "lam": f2 * k * n}
    answer = sizes(at, inputs["power"])
    whole_n, fraction = answer["n_int"], answer["n_frac"]
    answer.update(
        {
            "f": math.sqrt(f2),
            "n_per_group": fraction,
            "N": k * fraction,
            "N_int": k * whole_n,
            "power_at_N": at(whole_n),
            "lam": f2 * k * whole_n,
            "crit": f_isf(alpha, k - 1, k * (whole_n - 1)),
        }
    )
    for size in range(2, whole_n + 2):
        answer["power_at_n" + str(size)] = at(size)
    return answer


def _contrast(inputs: "Block") -> "Block":
    means, sd, alpha, sides = inputs["means"], inputs["sd"], inputs["alpha"], sides_of(inputs)
    arms = len(means)
    if "c" in inputs:
        weights, n = inputs["c"], inputs["n"]
        each = list(n) if isinstance(n, list) else [n] * arms
        value = sum([weights[i] * means[i] for i in range(arms)])
        nc = contrast_nc(weights, value, sd, each)
        return {"power": t_power(nc, sum(each) - arms, alpha, sides)}
    one, other = [int(part.replace("arm", "")) - 1 for part in inputs["contrast"].split("-")]
    weights = [float(i == one) - float(i == other) for i in range(arms)]
    answer: Block = {"omnibus": [], "contrast": [], "contrast_bonferroni3": []}
    for n in inputs["n"]:
        nc = contrast_nc(weights, means[one] - means[other], sd, [n] * arms)
        df = arms * n - arms
        answer["omnibus"].append(omnibus_power(means, sd, [n] * arms, alpha))
        answer["contrast"].append(t_power(nc, df, alpha, sides))
        answer["contrast_bonferroni3"].append(t_power(nc, df, alpha / 3, sides))
    return answer


def _factorial(name: str, inputs: "Block") -> "Block":
    alpha = inputs.get("alpha", 0.05)
    if "df1" in inputs:
        df2 = inputs["N"] - inputs["cells"]
        lam = inputs["f"] ** 2 * inputs["N"]
        return {"power": f_power(lam, inputs["df1"], df2, alpha), "lam": lam}
    if "size_A" in inputs:
        return _two_main_effects(inputs, alpha)
    if "cell_means" in inputs or "means" in inputs:
        cells = inputs.get("cell_means")
        if cells is None:
            m = inputs["means"]
            cells = [[m[0], m[1]], [m[2], m[3]]]
        found = two_way(
            cells, inputs["sd"], inputs["n"], alpha, inputs.get("ncov", 0), inputs.get("Rsq", 0.0)
        )
        found["lam"] = found["lam_AB"]
        return found
    return {}


def _two_main_effects(inputs: "Block", alpha: float) -> "Block":
    a, b = inputs["a"], inputs["b"]
    answer = {}
    for factor, levels, size in (("A", a, "size_A"), ("B", b, "size_B")):
        n = inputs[size] * a * b
        lam = n * inputs["f_" + factor] ** 2
        # pwr2 fits the main effects alone: the interaction stays in the error.
        answer["power_" + factor] = f_power(lam, levels - 1, n - a - b + 1, alpha)
        answer["lam_" + factor] = lam
    return answer


def _repeated(name: str, inputs: "Block") -> "Block":
    if "nscor" in inputs:
        return _webpower(inputs)
    if "eta2p" in inputs:
        return _conventions(inputs)
    f2, m, rho = inputs["f"] ** 2, inputs["m"], inputs["rho"]
    alpha, eps = inputs.get("alpha", 0.05), inputs.get("eps", 1)
    k = first(inputs, "k", "groups") or 1
    between_effect = "between" in name
    df1 = (k - 1) * (m - 1) if "group x time" in name else m - 1

    def at(total: float, epsilon: float) -> float:
        if between_effect:
            return f_power(total * m * f2 / (1 + (m - 1) * rho), k - 1, total - k, alpha)
        return within_f(total * m * f2 / (1 - rho), df1, total, k, m, alpha, epsilon)

    if "N" not in inputs:
        n = smallest_n(lambda n: at(k * n, eps), inputs["power"])
        return {"n_per_group": n, "N": k * n, "power": at(k * n, eps)}
    total = inputs["N"]
    return {
        "power": at(total, eps),
        "power_eps_0_75": at(total, 0.75),
        "lam": total * m * f2 / (1 + (m - 1) * rho if between_effect else 1 - rho) * eps,
        "crit": f_isf(alpha, k - 1, total - k)
        if between_effect
        else f_isf(alpha, df1 * eps, (total - k) * (m - 1) * eps),
    }


def _webpower(inputs: "Block") -> "Block":
    """WebPower's f holds the correlation already, and its N times f^2 is scaled by epsilon."""
    n, k, m, eps = inputs["n"], inputs["ng"], inputs["nm"], inputs["nscor"]
    alpha, lam = inputs["alpha"], inputs["f"] ** 2 * n
    if inputs["type"] == "between":
        return {"power": f_power(lam * eps, k - 1, n - k, alpha)}
    df1 = m - 1 if inputs["type"] == "within" else (k - 1) * (m - 1)
    return {"power": within_f(lam, df1, n, k, m, alpha, eps)}


def _conventions(inputs: "Block") -> "Block":
    """Four programs' sample sizes for the same partial eta squared of a within effect."""
    m, rho, alpha, target = inputs["m"], inputs["rho"], inputs["alpha"], inputs["power"]
    groups = inputs.get("groups", 1)
    f2 = inputs["eta2p"] / (1 - inputs["eta2p"])
    scales: dict[str, Callable[[float], float]] = {
        "N_gpower_default": lambda n: n * m / (1 - rho),
        "N_as_in_SPSS": lambda n: (n - groups) * (m - 1),
        "N_classical_PAMLj": lambda n: n * (m - 1),
        "N_as_in_Cohen_or_WebPower": lambda n: n,
    }
    answer = {}
    for name in scales:
        scale = scales[name]

        def at(n: int, scale_: "Callable[[float], float]" = scale) -> float:
            lam = scale_(n) * f2
            return within_f(lam, m - 1, n, groups, m, alpha, 1.0)

        answer[name] = smallest_n(at, target, groups + 1)
    return answer


def _ancova(name: str, inputs: "Block") -> "Block":
    alpha, p = inputs.get("alpha", 0.05), inputs.get("covariates", 1)
    if "d_raw" in inputs:
        n, r, d = inputs["n"], inputs["r"], inputs["d_raw"]
        nc, sides = d / math.sqrt(1 - r * r) * math.sqrt(n / 2), sides_of(inputs)
        return {
            "power_ancova": contrast_exact(nc, 2, 2 * n, p, alpha, sides),
            "power_t": pooled_power(d, n, n, alpha, sides),
        }
    means, variance = inputs["means"], inputs["error_var"]
    arms = len(means)

    def at(each: "list[float]") -> float:
        return omnibus_shieh(between(means, each) / variance, arms, sum(each), p, alpha)

    given = inputs.get("n")
    if given is None and "N" in inputs:
        given = inputs["N"] / arms
    answer: Block = {}
    if given is not None:
        answer["power"] = at(given if isinstance(given, list) else [given] * arms)
    target = inputs.get("power", 0.8)
    low = 2 + p // arms
    n = smallest_n(lambda n: at([n] * arms), target, low)
    answer["n_per_group"], answer["N"] = n, n * arms
    answer["N_for_" + str(round(100 * target))] = n * arms
    return answer


def _scans(name: str, inputs: "Block") -> "Block":
    cases = inputs["cases"]
    return {"factor": [variance_factor(p, r, rho) for p, r, rho in cases]}


def _slopes(name: str, inputs: "Block") -> "Block":
    if "var_slope" in inputs:
        spread = inputs["var_slope"] + slope_variance(
            inputs["times"], math.sqrt(inputs["var_err"]), 0.0
        )
        n = large_sample_n(
            spread, inputs["delta"], inputs["alpha"], sides_of(inputs), inputs["power"]
        )
        return {"n_per_arm": n}
    times, alpha = inputs.get("times", [0, 2, 5]), inputs.get("alpha", 0.05)
    rows = []
    for rho in inputs["rho"]:
        row = []
        for variance in inputs["sigma2"]:
            spread = slope_variance(times, math.sqrt(variance), rho)
            n = large_sample_n(spread, inputs.get("d", 0.5), alpha, 1, inputs.get("power", 0.8))
            row.append(math.ceil(n))
        rows.append(row)
    return {"n_per_group": rows}


def _time_average(name: str, inputs: "Block") -> "Block":
    m, alpha, target = inputs.get("m", 3), inputs.get("alpha", 0.05), inputs.get("power", 0.8)
    rows = []
    for rho in inputs["rho"]:
        variance = (1 + (m - 1) * rho) / m
        row = [math.ceil(large_sample_n(variance, d, alpha, 1, target)) for d in inputs["delta"]]
        rows.append(row)
    return {"n_per_group": rows}


def _mmrm(name: str, inputs: "Block") -> "Block":
    alpha, sides, sd = inputs["alpha"], sides_of(inputs), inputs["sd"]
    factor = last_scan_factor(inputs["rho"], inputs["retention"])
    target = inputs["power"]
    n = large_sample_n(sd * sd * factor, inputs["delta"], alpha, sides, target)
    each = math.ceil(n)
    power = last_scan_power(each, inputs["delta"], sd, factor, alpha, 1 if sides == 1 else 2)
    return {"n_per_arm": n, "power_at_N" + str(2 * each): power}


READERS = (
    (("ancova on baseline", "one-way ancova"), _ancova),
    (("variance factor",), _scans),
    (("slope",), _slopes),
    (("time-averaged",), _time_average),
    (("mmrm",), _mmrm),
    (("rm-anova", "repeated measures anova"), _repeated),
    (("two-way", "three-way", "2x2", "2 x 2", "factorial"), _factorial),
    (("one-way", "anova", "omnibus", "contrast"), _one_way),
)
