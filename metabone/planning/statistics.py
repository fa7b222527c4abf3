"""From a design and its bench inputs to the study that is simulated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from metabone.errors import UsageError
from metabone.options import nearest
from metabone.planning import statistics_animals as animals
from metabone.planning import statistics_arms as arms
from metabone.planning import statistics_two as two
from metabone.planning.trials import Trial, compound

Inputs = Mapping[str, Any]


def make_trial(design: str, inputs: Inputs) -> Trial:
    """Prepare the study that a design and its inputs describe.

    Inputs are completed and checked as the planner does; what they mean is worked out here once
    more. Beside the planner's designs there is ``assurance``: two groups whose true difference
    (in SD) has a t distribution with `mean`, `scale` and `df`.

    Raises
    ------
    UsageError
        If there is no such design, it cannot be simulated, or its inputs are wrong.

    Examples
    --------
    >>> make_trial("two-groups", {"difference": 2, "sd": 1, "n": 6}).test
    "Student's t, two-sided"
    """
    from metabone.planning.designs.inputs import completed
    from metabone.planning.designs.registry import find

    try:
        if design == "assurance":  # of two groups; no design of its own
            return _assurance(inputs)
        entry = find(design)
        make = SIMULATORS.get(design)
        if make is None:
            close = nearest(design, SIMULATORS)
            hint = f"; {', '.join(close)} can be" if close else ""
            raise UsageError(f"the design {design!r} cannot be simulated{hint}")
        return make(completed(entry, dict(inputs)))
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{design}: {error}") from error


def _difference(inputs: Inputs) -> float:
    if inputs.get("difference") is not None:
        return float(inputs["difference"])
    if inputs.get("percent_change") is None or inputs.get("mean_control") is None:
        raise ValueError("give difference, or percent_change together with mean_control")
    return float(inputs["percent_change"]) / 100 * float(inputs["mean_control"])


def _sd(inputs: Inputs, key: str = "sd", control: float | None = None) -> float:
    if inputs.get(key) is not None:
        sd = float(inputs[key])
    else:
        mean = inputs["mean_control"] if inputs.get("mean_control") is not None else control
        if inputs.get("cv") is None or mean is None:
            raise ValueError(f"give {key}, or cv together with mean_control")
        sd = abs(float(inputs["cv"]) / 100 * float(mean))
    if not sd > 0:
        raise ValueError(f"{key} must be above 0")
    return sd


def _counts(inputs: Inputs, key: str, groups: int) -> tuple[int, ...]:
    """Whole animals (or cages) of each group, the control first."""
    given = inputs.get(key)
    if given is None:
        raise ValueError(f"give {key}")
    if not isinstance(given, (list, tuple)):
        other = math.ceil(given * (inputs.get("ratio") or 1) - 1e-9)
        given = [given, *[other] * (groups - 1)]
    if len(given) != groups:
        raise ValueError(f"{key} needs one number for each of the {groups} groups")
    if any(value != int(value) or value < 1 for value in given):
        raise ValueError(f"a study is simulated with whole {key}; got {given}")
    return tuple(int(value) for value in given)


def _pair(inputs: Inputs, key: str = "n") -> tuple[int, int]:
    first, second = _counts(inputs, key, 2)
    return first, second


def _test(inputs: Inputs) -> dict[str, Any]:
    return {"alpha": float(inputs["alpha"]), "sides": int(inputs["sides"])}


def _contrast(inputs: Inputs) -> tuple[list[float], list[float]]:
    """Means of the arms, and the contrast's coefficients."""
    means = inputs.get("means")
    if not isinstance(means, (list, tuple)) or len(means) < 2:
        raise ValueError("means needs the mean of each arm, as a list")
    means = [float(mean) for mean in means]
    names = list(inputs.get("arms") or [])
    if inputs.get("contrast") is not None:
        weights = [float(weight) for weight in inputs["contrast"]]
        if len(weights) != len(means):
            raise ValueError("contrast needs one weight for each arm")
    else:
        if inputs.get("compare") is None:
            raise ValueError("give compare = [treated, reference], or contrast")
        weights = [0.0] * len(means)
        for sign, arm in zip((1.0, -1.0), inputs["compare"], strict=True):
            weights[names.index(arm) if isinstance(arm, str) else int(arm) - 1] = sign
    if inputs.get("difference") is not None:
        value = sum(w * m for w, m in zip(weights, means, strict=True))
        move = (float(inputs["difference"]) - value) / sum(w for w in weights if w > 0)
        means = [m + move * (w > 0) for w, m in zip(weights, means, strict=True)]
    return means, weights


def _two_groups(inputs: Inputs) -> Trial:
    sd = _sd(inputs)
    return two.two_groups(_difference(inputs), (sd, sd), _pair(inputs), **_test(inputs))


def _welch(inputs: Inputs) -> Trial:
    sd = (_sd(inputs, "sd_control"), _sd(inputs, "sd_treated"))
    return two.two_groups(_difference(inputs), sd, _pair(inputs), welch=True, **_test(inputs))


def _paired(inputs: Inputs) -> Trial:
    (n,) = _counts(inputs, "n", 1)
    if inputs.get("sd_difference") is not None:
        # Uncorrelated measurements whose difference has this SD.
        sd, correlation = float(inputs["sd_difference"]) / math.sqrt(2), 0.0
    elif inputs.get("correlation") is None:
        raise ValueError("give sd_difference, or correlation together with sd or cv")
    else:
        sd, correlation = _sd(inputs), float(inputs["correlation"])
    return animals.paired(_difference(inputs), (sd, sd), correlation, n, **_test(inputs))


def _several_arms(inputs: Inputs) -> Trial:
    means, weights = _contrast(inputs)
    return arms.one_way(
        means, _sd(inputs, control=means[0]), _counts(inputs, "n", len(means)), weights,
        comparisons=int(inputs["comparisons"]), **_test(inputs),
    )  # fmt: skip


def _ancova(inputs: Inputs) -> Trial:
    means, weights = _contrast(inputs)
    if inputs.get("correlation") is None:
        raise ValueError("give correlation, that of the baseline with the endpoint")
    return animals.ancova(
        means, _sd(inputs, control=means[0]), float(inputs["correlation"]),
        _counts(inputs, "n", len(means)), weights, covariates=int(inputs["covariates"]),
        comparisons=int(inputs["comparisons"]), **_test(inputs),
    )  # fmt: skip


def _blocks(inputs: Inputs) -> Trial:
    means, weights = _contrast(inputs)
    sd = _sd(inputs, control=means[0])
    (count,) = _counts(inputs, "blocks", 1)
    # Blocks as different as animals of one block: the test must not mind.
    return arms.blocks(
        means, sd, count, weights, block_sd=sd, comparisons=int(inputs["comparisons"]),
        **_test(inputs),
    )  # fmt: skip


def _shared_control(inputs: Inputs) -> Trial:
    given = inputs.get("differences")
    if given is None:
        gaps = [_difference(inputs)] * int(inputs["treated_arms"])
    else:
        gaps = [float(gap) for gap in given]
        if inputs.get("difference") is not None:
            scale = float(inputs["difference"]) / max(abs(gap) for gap in gaps)
            gaps = [gap * scale for gap in gaps]
    n = inputs.get("n")
    if n is not None and not isinstance(n, (list, tuple)):
        control = (
            math.ceil(n * math.sqrt(len(gaps)) - 1e-9) if inputs["allocation"] == "sqrt" else n
        )
        inputs = {**inputs, "n": [control, *[n] * len(gaps)]}
    control, *treated = _counts(inputs, "n", len(gaps) + 1)
    return arms.shared_control(
        gaps, _sd(inputs), control, treated, method=inputs["method"],
        question=inputs["question"], **_test(inputs),
    )  # fmt: skip


def _two_by_two(inputs: Inputs) -> Trial:
    cells = inputs.get("means")
    if not isinstance(cells, (list, tuple)) or len(cells) != 4:
        raise ValueError("means needs four cells")
    cells = [float(cell) for cell in cells]
    if inputs.get("difference") is not None:
        cells[3] = float(inputs["difference"]) + cells[1] + cells[2] - cells[0]
    sd = _sd(inputs, control=cells[0])
    return arms.two_by_two(cells, sd, _counts(inputs, "n", 4), **_test(inputs))


def _whole(unit: str) -> Callable[[Inputs], Trial]:
    def make(inputs: Inputs) -> Trial:
        (housed,) = _counts(inputs, f"animals_per_{unit}", 1)
        return animals.cages(
            _difference(inputs), _sd(inputs), float(inputs["icc"]), _pair(inputs, f"{unit}s"),
            housed, **_test(inputs),
        )  # fmt: skip

    return make


def _within(unit: str) -> Callable[[Inputs], Trial]:
    def make(inputs: Inputs) -> Trial:
        (housed,), (count,) = (
            _counts(inputs, f"animals_per_{unit}", 1),
            _counts(inputs, f"{unit}s", 1),
        )
        if housed % 2:
            raise ValueError(f"animals_per_{unit} must be even: half get each treatment")
        return animals.within_cages(
            _difference(inputs), _sd(inputs), float(inputs["icc"]), count,
            (housed // 2, housed // 2), by_cage=inputs["error"] == "clusters", **_test(inputs),
        )  # fmt: skip

    return make


def _margin(inputs: Inputs) -> float:
    if inputs.get("margin") is not None:
        return abs(float(inputs["margin"]))
    if inputs.get("margin_percent") is None or inputs.get("mean_control") is None:
        raise ValueError("give margin, or margin_percent together with mean_control")
    return abs(float(inputs["margin_percent"]) / 100 * float(inputs["mean_control"]))


def _equivalence(inputs: Inputs) -> Trial:
    margin = _margin(inputs)
    return two.equivalence(
        float(inputs["difference"]), _sd(inputs), _pair(inputs), -margin, margin,
        alpha=float(inputs["alpha"]),
    )  # fmt: skip


def _noninferiority(inputs: Inputs) -> Trial:
    margin, higher = _margin(inputs), inputs["better"] == "higher"
    return two.equivalence(
        float(inputs["difference"]), _sd(inputs), _pair(inputs),
        -margin if higher else -math.inf, math.inf if higher else margin,
        alpha=float(inputs["alpha"]),
    )  # fmt: skip


def _log_sd(inputs: Inputs, key: str = "cv") -> float:
    """SD of the logs of log-normal values: their CV c obeys 1 + c² = exp(sd²)."""
    if not inputs.get(key):
        raise ValueError(f"give {key}, the CV between animals in per cent")
    return math.sqrt(math.log1p((float(inputs[key]) / 100) ** 2))


def _equivalent_ratio(inputs: Inputs) -> Trial:
    low, high = float(inputs["ratio_low"]), inputs.get("ratio_high")
    return two.equivalence(
        math.log(inputs["true_ratio"]), _log_sd(inputs), _pair(inputs), math.log(low),
        -math.log(low) if high is None else math.log(high), alpha=float(inputs["alpha"]),
    )  # fmt: skip


def _repeated(inputs: Inputs) -> Trial:
    means = [[float(mean) for mean in row] for row in inputs.get("means") or []]
    if len(means) < 2 or len(means[0]) < 2 or len({len(row) for row in means}) != 1:
        raise ValueError("means needs one list for each group, the mean at each scan")
    if inputs.get("difference") is not None:
        control, treated = means[0], means[-1]
        treated[-1] = float(inputs["difference"]) + treated[0] + control[-1] - control[0]
    if inputs.get("correlation") is None:
        raise ValueError("give correlation, that of two scans of one animal")
    times = list(inputs.get("times") or range(len(means[0])))
    if len(times) != len(means[0]):
        raise ValueError("times needs one number for each scan")
    return animals.repeated(
        means, _sd(inputs, control=means[0][0]), float(inputs["correlation"]),
        _counts(inputs, "n", len(means)), times, question=inputs["question"],
        epsilon=float(inputs["epsilon"]), **_test(inputs),
    )  # fmt: skip


def _coprimary(inputs: Inputs) -> Trial:
    gaps, sds, rho = inputs.get("differences"), inputs.get("sds"), inputs["rho"]
    if not gaps or not sds or len(gaps) != len(sds):
        raise ValueError("differences and sds need one number for each endpoint")
    share = inputs.get("percent_of_differences")
    scale = 1.0 if share is None else float(share) / 100
    correlation = compound(len(gaps), 0.0)
    upper = np.triu_indices(len(gaps), 1)
    correlation[upper] = rho
    correlation.T[upper] = rho
    return animals.coprimary(
        [scale * float(gap) for gap in gaps], [float(sd) for sd in sds], correlation,
        _pair(inputs), question=inputs["question"], **_test(inputs),
    )  # fmt: skip


def _fold_change(inputs: Inputs) -> Trial:
    if not inputs.get("fold"):
        raise ValueError("give fold, treated over control")
    sd = _log_sd(inputs)
    return two.two_groups(math.log(inputs["fold"]), (sd, sd), _pair(inputs), **_test(inputs))


def _ranks(inputs: Inputs) -> Trial:
    sd = _sd(inputs)
    return animals.ranks(_difference(inputs), (sd, sd), _pair(inputs), **_test(inputs))


def _interval_width(inputs: Inputs) -> Trial:
    if inputs.get("half_width") is None:
        raise ValueError("give half_width, the largest plus-minus that is useful")
    return two.interval_width(
        _sd(inputs), _pair(inputs), float(inputs["half_width"]), level=float(inputs["confidence"])
    )


def _sequential(inputs: Inputs) -> Trial:
    (n,), looks = _counts(inputs, "n", 1), int(inputs["looks"])
    by = [math.ceil(n * look / looks - 1e-9) for look in range(1, looks + 1)]
    if by[0] < 2 or len(set(by)) < looks:
        raise ValueError(f"too few animals for {looks} looks: 2 in a group at the first")
    return two.sequential(
        _difference(inputs), _sd(inputs), [(size, size) for size in by], kind=inputs["boundary"],
        **_test(inputs),
    )  # fmt: skip


def _assurance(inputs: Inputs) -> Trial:
    wrong = sorted(set(inputs) - {"mean", "scale", "df", "n", "alpha", "sides"})
    missing = [name for name in ("mean", "scale", "n") if inputs.get(name) is None]
    if wrong or missing:
        raise ValueError(f"it takes mean, scale and n (df, alpha, sides); {wrong + missing}")
    if not float(inputs["scale"]) >= 0:
        raise ValueError("scale must be 0 or more")
    df = inputs.get("df")
    return two.assured(
        float(inputs["mean"]), float(inputs["scale"]), math.inf if df is None else float(df),
        _pair(inputs), alpha=float(inputs.get("alpha", 0.05)), sides=int(inputs.get("sides", 2)),
    )  # fmt: skip


SIMULATORS: Mapping[str, Callable[[Inputs], Trial]] = {
    "two-groups": _two_groups,
    "two-groups-welch": _welch,
    "paired": _paired,
    "several-arms": _several_arms,
    "shared-control": _shared_control,
    "two-by-two": _two_by_two,
    "randomised-blocks": _blocks,
    "cages-whole": _whole("cage"),
    "cages-within": _within("cage"),
    "litters-whole": _whole("litter"),
    "litters-within": _within("litter"),
    "ancova": _ancova,
    "repeated-scans": _repeated,
    "equivalence": _equivalence,
    "non-inferiority": _noninferiority,
    "equivalent-ratio": _equivalent_ratio,
    "co-primary": _coprimary,
    "fold-change": _fold_change,
    "ranks": _ranks,
    "interval-width": _interval_width,
    "group-sequential": _sequential,
}
