"""Published cases of planning from evidence, answered in the words they are given in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from metabone.effects.formulas import hedges_j
from metabone.planning.evidence_errors import design_errors
from metabone.planning.evidence_limits import d_interval, safeguard, selection_adjusted
from metabone.planning.evidence_update import updated_power
from metabone.planning.predictive import (
    Predictive,
    assurance,
    assurance_known_sd,
    ceiling,
    n_for_assurance,
)

Block = dict[str, Any]

_NORMAL = re.compile(r"N\(\s*([-+.\deE]+)\s*,\s*([-+.\deE]+)\s*\)")


def evaluate_evidence(design: str, inputs: Mapping[str, Any]) -> Block:
    """Answer a case; a design that has nothing to do with evidence gives an empty answer.

    Parameters
    ----------
    design : the case's own name of its design.
    inputs : in the case's own words.

    Examples
    --------
    >>> evaluate_evidence("safeguard d", {"cases": [[1.5, 8, 8]]})["d"][0].__round__(4)
    0.9902
    """
    name = design.casefold()
    for words, reader in READERS.items():
        if words in name:
            return reader(inputs)
    return {}


def _chain(inputs: Mapping[str, Any]) -> Block:
    mu, se, tau = inputs["mu"], inputs["se"], inputs["tau"]
    new = Predictive(mu, float(np.hypot(tau, se)), inputs.get("df", inputs["k"] - 2))
    return {"pred_sd": new.scale, "pi_95": list(new.interval(0.95))} | _sizes(
        new, inputs["alpha"], "n_plugin_80", "assur_n{}", (8, 12, 20)
    )


def _normal_prior(inputs: Mapping[str, Any]) -> Block:
    match = _NORMAL.fullmatch(inputs["prior"].strip())
    if match is None:
        return {}
    new = Predictive(float(match[1]), float(match[2]))
    return _sizes(new, inputs["alpha"], "n_power80_at_mean", "assur_at_{}", (11, 12))


def _sizes(new: Predictive, alpha: float, plug_in: str, at: str, ns: tuple[int, ...]) -> Block:
    """Sizes for .8 and .9, the assurance there, one below and at `ns`, the plug-in, the ceiling."""
    mean = Predictive(new.mean, 0.0)
    found = [n_for_assurance(goal, new, alpha=alpha)["n1"] for goal in (0.8, 0.9)]
    around = {n - less for n in found if n is not None for less in (0, 1) if n - less >= 2}
    return {at.format(n): assurance(n, n, new, alpha=alpha) for n in sorted({*ns, *around})} | {
        plug_in: n_for_assurance(0.8, mean, alpha=alpha)["n1"],
        "n_assur80": found[0],
        "n_assur90": found[1],
        "ceiling": ceiling(new),
    }


def _known_sd(inputs: Mapping[str, Any]) -> Block:
    cases = [(Predictive(mean, v**0.5), (2 / n) ** 0.5) for mean, v, n in inputs["cases"]]
    test = {"alpha": inputs.get("alpha", 0.025), "sides": inputs.get("sides", 1)}
    return {"assurance": [assurance_known_sd(se, new, **test) for new, se in cases]}


def _one_sample(inputs: Mapping[str, Any], prior_n: float | None) -> list[float]:
    variance, sides = inputs["sigsq"], inputs.get("sides", 1)
    scale = 0.0 if prior_n is None else (variance / prior_n) ** 0.5
    new = Predictive(inputs["delta"], scale)
    return [
        assurance_known_sd((variance / n) ** 0.5, new, alpha=inputs["alpha"], sides=sides)
        for n in inputs["n"]
    ]


def _errors(inputs: Mapping[str, Any]) -> Block:
    if "n" in inputs:
        n = inputs["n"]
        found = design_errors(inputs["d"], (2 / n) ** 0.5, df=2 * n - 2, alpha=inputs["alpha"])
    else:
        found = design_errors(inputs["effect"], inputs["se"], alpha=inputs["alpha"])
    return {"power": found.power, "type_S": found.type_s, "type_M": found.type_m}


def _update(inputs: Mapping[str, Any]) -> Block:
    tau = inputs["tau2"] ** 0.5
    old = Predictive(inputs["theta"], float(np.hypot(tau, inputs["se"])), se=inputs["se"],
                     estimate=inputs["theta"], tau=tau)  # fmt: skip
    options = {"labs": inputs["m_new"], "effect": inputs["delta"], "alpha": inputs["alpha"]}
    return {"cp": [updated_power(n, n, old, **options) for n in inputs["n_per_group"]]}


def _selection(inputs: Mapping[str, Any]) -> Block:
    n = inputs["n"]
    d = selection_adjusted(
        inputs["t_observed"], n, n, alpha=inputs["alpha_prior"], confidence=inputs["assurance"]
    )
    size = n_for_assurance(inputs["power"], Predictive(d, 0.0), alpha=inputs["alpha_planned"])
    return {"n_returned": size["n1"], "ncp": d * (n / 2) ** 0.5}


def _limits(inputs: Mapping[str, Any]) -> Block:
    n1, n2 = inputs["n1"], inputs["n2"]
    d = inputs["d"] if "d" in inputs else inputs["t"] * (1 / n1 + 1 / n2) ** 0.5
    low, high = d_interval(d, n1, n2, inputs["conf"])
    return {"low": low, "d": d, "high": high}


READERS: Mapping[str, Callable[[Mapping[str, Any]], Block]] = MappingProxyType(
    {
        "safeguard": lambda inputs: {"d": [safeguard(*case) for case in inputs["cases"]]},
        "type s": _errors,
        "one-sample z, one-sided": lambda inputs: {"assurance": _one_sample(inputs, inputs["n_d"])},
        "one-sample z power": lambda inputs: {"power": _one_sample(inputs, None)},
        "two-group assurance": _known_sd,
        "animals for assurance": _normal_prior,
        "predictive t": _chain,
        "updated meta-analysis": _update,
        "bias- and uncertainty": _selection,
        "noncentral-t ci": _limits,
        "small-sample factor": lambda inputs: {"J": hedges_j(inputs["df"]).tolist()},
    }
)
