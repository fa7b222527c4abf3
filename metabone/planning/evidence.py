"""From a fitted meta-analysis to the distribution of the true effect in the next study."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metabone.effects.formulas import hedges_j
from metabone.errors import DataError, ModelError, UsageError
from metabone.planning.evidence_compare import adjusted, compare_effects
from metabone.planning.evidence_errors import DesignErrors, design_errors, type_m, type_s
from metabone.planning.evidence_limits import (
    d_interval,
    safeguard,
    safeguard_pooled,
    selection_adjusted,
)
from metabone.planning.evidence_moderators import at_values
from metabone.planning.evidence_scale import divisor
from metabone.planning.evidence_update import n_for_update, updated_ceiling, updated_power
from metabone.planning.predictive import (
    Predictive,
    assurance,
    assurance_curve,
    assurance_known_sd,
    ceiling,
    n_for_assurance,
    power,
)

# Everything that plans from evidence can be had from here.
__all__ = [
    "DesignErrors",
    "Predictive",
    "adjusted",
    "assurance",
    "assurance_curve",
    "assurance_known_sd",
    "ceiling",
    "compare_effects",
    "d_interval",
    "design_errors",
    "from_result",
    "g_to_d",
    "n_for_assurance",
    "n_for_update",
    "power",
    "safeguard",
    "safeguard_pooled",
    "selection_adjusted",
    "type_m",
    "type_s",
    "updated_ceiling",
    "updated_power",
]

Result = Mapping[str, Any]


def from_result(
    source: Any,
    stratum: str | Mapping[str, Any] | None = None,
    *,
    at: Mapping[str, Any] | None = None,
    df: str | float = "auto",
    sd: float | None = None,
    cv: float | None = None,
) -> Predictive:
    """The predictive distribution of the true effect in a new study.

    δ_new = estimate + √(τ² + SE²) · T, where τ² of a multilevel result is the sum of its variance
    components: the new study brings a new study, experiment and effect.

    Parameters
    ----------
    source : a result of `metabone pool` or `metabone regress`: the object, its JSON as a mapping,
        or the path of a JSON file.
    stratum : which stratum: its label (``"rat"``), or a mapping of columns to values
        (``{"species": "rat"}``); by default the overall answer.
    at : values of every moderator, for a regression.
    df : degrees of freedom of T: ``auto`` is k − 2 for a univariate mean (k − p − 1 for a
        regression) and the model's own (``pi_df``: studies − p) for a multilevel one;
        ``result`` is always ``pi_df``; or a number, ``inf`` for the normal.
    sd : SD of one animal in the unit of a mean difference, or in per cent of the gap between
        control and sham for an NMD. Not for standardised effects.
    cv : coefficient of variation (0.2 is 20 %) of one animal, for a log ratio of means.

    Raises
    ------
    UsageError
        For an unknown stratum or moderator, or an SD or CV that the measure does not take or lacks.
    DataError
        If the source is no such result, or the stratum was not pooled.
    ModelError
        If the result has no predictive distribution: equal effects, or too few studies.

    References
    ----------
    Higgins, Thompson & Spiegelhalter (2009), doi:10.1111/j.1467-985X.2008.00552.x.

    Examples
    --------
    >>> pooled = {"measure": "SMD", "model": "univariate", "tau2_method": "REML", "overall": {
    ...     "k_studies": 10, "k_effects": 10, "estimate": 1.5, "se": 0.25, "tau2": 0.64}}
    >>> new = from_result(pooled)
    >>> round(new.scale, 6), new.df
    (0.838153, 8.0)
    """
    result = read_source(source)
    part: Result
    if "coefficients" in result:
        if stratum is not None:
            raise UsageError("a regression has no strata; give values of its moderators (at)")
        part, label = at_values(source, result, at or {})
    elif at:
        raise UsageError("a pooled result has no moderators; give a stratum, or a regression")
    else:
        part, label = _part(result, stratum)
    estimate, se, tau = _numbers(result, part, label)
    factor, scale_note = divisor(result, sd=sd, cv=cv)
    notes = [scale_note] if scale_note else []
    if result.get("synthetic"):
        notes.append("SYNTHETIC: the evidence comes from generated data")
    better = result.get("better")
    if better and estimate * (1 if better == "higher" else -1) < 0:
        notes.append(f"the evidence points to harm: {better} is better, the estimate is not")
    k = part.get("k_studies")
    return Predictive(
        mean=estimate / factor, scale=float(np.hypot(tau, se)) / factor,
        df=_df(result, part, label, df), estimate=estimate / factor, se=se / factor,
        tau=tau / factor, k=None if k is None else int(k), label=label,
        measure=str(result.get("measure", "SMD")), better=better,
        notes=(*notes, *map(str, part.get("notes", ()))),
    )  # fmt: skip


def g_to_d(g: float, df: float) -> float:
    """Cohen's d of a sample whose Hedges' g is `g`: d = g / J(df).

    Only an observed effect is turned back, to get its t statistic. A pooled g estimates the true δ
    as it is.

    Raises
    ------
    UsageError
        If `df` is below 2, where J does not exist.

    References
    ----------
    Hedges (1981), doi:10.3102/10769986006002107.

    Examples
    --------
    >>> round(g_to_d(0.922746, 10), 4)
    1.0
    """
    factor = float(hedges_j(df))
    if not np.isfinite(factor):
        raise UsageError(f"g can be turned into d for df of 2 or more; got {df!r}")
    return g / factor


def read_source(source: Any) -> Result:
    """A result as a mapping, whatever it came as: see `from_result`.

    Raises
    ------
    DataError
        If it cannot be read, or is no result of ``metabone pool`` or ``metabone regress``.
    """
    if isinstance(source, (str, Path)):
        try:
            content = json.loads(Path(source).read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(f"{source} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise DataError(f"{source} is no JSON: {error}") from error
        except RecursionError as error:
            raise DataError(f"{source} is nested too deeply") from error
        file = f"{source}: "
    else:
        content = source.to_dict() if hasattr(source, "to_dict") else source
        file = ""
    if not isinstance(content, Mapping) or not ("overall" in content or "coefficients" in content):
        raise DataError(
            f"{file}the evidence must be a result of `metabone pool` or `metabone regress` as "
            "JSON, with the field 'overall' or 'coefficients'"
        )
    return content


def _part(result: Result, stratum: str | Mapping[str, Any] | None) -> tuple[Result, str]:
    """The overall answer, or the one stratum that is meant, with its label."""
    if stratum is None:
        return result["overall"], "overall"
    strata = list(result.get("strata") or [])
    if isinstance(stratum, str):
        found = [one for one in strata if _label(one).casefold() == stratum.strip().casefold()]
    else:
        wanted = _pairs(stratum)
        found = [one for one in strata if _pairs(one["by"]) == wanted]
    if len(found) != 1:
        known = ", ".join(repr(_label(one)) for one in strata) or "none: pool with --by"
        several = "more than one stratum is" if found else "no stratum is"
        raise UsageError(f"{several} called {stratum!r}; the result has {known}")
    if not found[0].get("pooled"):
        raise DataError(f"the stratum {_label(found[0])!r} was not pooled: {found[0]['reason']}")
    return found[0], _label(found[0])


def _pairs(by: Result) -> list[tuple[str, str]]:
    """Columns with their values, in an order that does not depend on how they were named."""
    return sorted((str(column), str(value)) for column, value in by.items())


def _label(stratum: Result) -> str:
    return " × ".join(map(str, stratum["by"].values()))


def _numbers(result: Result, part: Result, label: str) -> tuple[float, float, float]:
    """Estimate, standard error and τ; τ² of a multilevel result is the sum of its components."""
    if result.get("tau2_method") == "EE":
        raise ModelError(
            "with equal effects (EE) there is no spread of true effects to predict from; pool with "
            "random effects"
        )
    sigma2 = part.get("sigma2")
    tau2 = sum(map(float, sigma2.values())) if sigma2 else part.get("tau2")
    numbers = {"estimate": part.get("estimate"), "se": part.get("se"), "tau2": tau2}
    for name, value in numbers.items():
        if not isinstance(value, (int, float)) or not np.isfinite(value) or (
            name != "estimate" and value < 0
        ):  # fmt: skip
            raise ModelError(f"the result gives no {name} for {label}: nothing can be predicted")
    return float(numbers["estimate"]), float(numbers["se"]), float(np.sqrt(numbers["tau2"]))  # type: ignore[arg-type]


def _df(result: Result, part: Result, label: str, df: str | float) -> float:
    if isinstance(df, (int, float)):
        return float(df)
    if df not in ("auto", "result"):
        raise UsageError(f"df must be 'auto', 'result' or a number; got {df!r}")
    if df == "result" or part.get("sigma2"):
        # A result prints the normal's df as null.
        given = part.get("pi_df")
        value = float("inf") if given is None else float(given)
    else:
        p = len(result.get("coefficients", [None]))
        value = float(part.get("k_effects") or part.get("k_studies") or 0) - p - 1
    if not value > 0:
        raise ModelError(
            f"{label} has {part.get('k_studies')} studies, too few for a predictive distribution "
            f"(df {value:g}); choose df yourself if you must"
        )
    return value
