"""The same evidence read in several ways, and how many animals each way asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from metabone.errors import UsageError
from metabone.planning.evidence_errors import design_errors
from metabone.planning.evidence_limits import safeguard_pooled
from metabone.planning.predictive import Predictive, assurance, n_for_assurance


def adjusted(predictive: Predictive, effect: float) -> Predictive:
    """The predictive distribution moved to a bias-adjusted mean; its spread stays.

    Parameters
    ----------
    effect : mean on the scale of δ from a method that corrects for small-study effects, such as
        PET-PEESE or a selection model.

    Raises
    ------
    UsageError
        If it is not a finite number.

    Examples
    --------
    >>> adjusted(Predictive(1.5, 0.84, 8), 0.9).mean
    0.9
    """
    if not np.isfinite(effect):
        raise UsageError(f"a bias-adjusted effect must be a finite number; got {effect!r}")
    note = f"mean moved from {predictive.mean:.4g} to {effect:.4g} for bias"
    notes = (*predictive.notes, note)
    return replace(predictive, mean=float(effect), estimate=float(effect), notes=notes)


def compare_effects(
    predictive: Predictive,
    target: float = 0.8,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    ratio: float = 1.0,
    bias_adjusted: float | None = None,
) -> list[dict[str, Any]]:
    """Animals for `target` by plug-in, safeguard and assurance, also after adjustment for bias.

    Returns
    -------
    One mapping a way of reading the evidence: ``name``, ``effect`` (None for assurance, which
    takes them all), the answer of `n_for_assurance`, ``true_chance`` (the assurance that this
    number really has, of the distribution given) and, of a two-sided test, the ``type_s`` and
    ``type_m`` error at the mean of that distribution. All count success in the direction of the
    evidence.

    Examples
    --------
    >>> new = Predictive(1.5, (0.8**2 + 0.25**2) ** 0.5, 8, se=0.25)
    >>> for way in compare_effects(new):
    ...     print(way["name"], way["n1"], round(way["true_chance"], 3))
    plug-in 9 0.693
    safeguard 60 % 11 0.733
    assurance 18 0.806
    """
    ways: list[tuple[str, Predictive]] = [("plug-in", Predictive(predictive.mean, 0.0))]
    if predictive.se is not None:
        ways.append(("safeguard 60 %", Predictive(safeguard_pooled(predictive), 0.0)))
    ways.append(("assurance", predictive))
    if bias_adjusted is not None:
        moved = adjusted(predictive, bias_adjusted)
        ways.append(("plug-in, bias-adjusted", Predictive(moved.mean, 0.0)))
        ways.append(("assurance, bias-adjusted", moved))
    truth = predictive if bias_adjusted is None else adjusted(predictive, bias_adjusted)
    side = "higher" if predictive.mean >= 0 else "lower"
    rows = []
    for name, way in ways:
        found = n_for_assurance(
            target, way, alpha=alpha, sides=sides, ratio=ratio, direction=side
        )  # fmt: skip
        row = {"name": name, "effect": way.mean if way.scale == 0 else None} | found
        rows.append(row | _really(truth, found, alpha, sides, side))
    return rows


def _really(
    truth: Predictive, found: dict[str, Any], alpha: float, sides: int, side: str
) -> dict[str, Any]:
    """What the number found is worth under the distribution."""
    n1, n2 = found["n1"], found["n2"]
    if n1 is None:
        return {"true_chance": None, "type_s": None, "type_m": None}
    chance = assurance(n1, n2, truth, alpha=alpha, sides=sides, direction=side)
    if truth.mean == 0 or sides == 1:
        return {"true_chance": chance, "type_s": None, "type_m": None}
    se = float(np.sqrt(1 / n1 + 1 / n2))
    errors = design_errors(truth.mean, se, df=n1 + n2 - 2, alpha=alpha)
    return {"true_chance": chance, "type_s": errors.type_s, "type_m": errors.type_m}
