"""What stands under a forest plot, and the figure in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from metabone.plots.styles import STYLES
from metabone.plots.words import CI, CONTROL, PI, TAU2, VARIANCES, level_text, measure_names, number

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable
    from metabone.plots.spec import Mark
    from metabone.plots.styles import Style
    from metabone.synthesis.regression_results import RegressionResult
    from metabone.synthesis.results import PoolResult, Stratum


def footer(
    result: PoolResult, style: Style, strata: Sequence[Stratum], marks: Sequence[Mark]
) -> tuple[str, ...]:
    """Model, measure, marks, what was left out and version in one paragraph, then each warning."""
    told = [_model(result, strata), measure_of(result.effects, style), _marks(marks)]
    return paragraphs(result, [*told, *_rows(result, strata)])


def about(
    result: PoolResult, style: Style, shown: str, strata: Sequence[Stratum] = ()
) -> tuple[str, ...]:
    """`footer` for another figure of a pooled answer, with `shown` on its marks."""
    told = [
        _model(result, strata), measure_of(result.effects, style), shown, *_rows(result, strata)
    ]  # fmt: skip
    return paragraphs(result, [text for text in told if text])


def paragraphs(result: PoolResult | RegressionResult, told: Sequence[str]) -> tuple[str, ...]:
    """Sentences in one paragraph with the version, then each warning of the answer."""
    notes = [f"{text[:1].upper()}{text[1:]}." for text in _cautions(result)]
    synthetic = "SYNTHETIC DATA. " if result.effects.synthetic else ""
    made = f"Made with metabone\u00a0{result.version}."
    return (synthetic + " ".join([*told, made]), *(f"Note: {note}" for note in notes))


def _model(result: PoolResult, strata: Sequence[Stratum]) -> str:
    ci = f"{level_text(result.level)} CI by {CI[result.ci_method]}"
    ci = ci.removesuffix(",")
    if result.tau2_method == "EE":
        return f"Equal-effects model, inverse-variance weights; {ci}; no prediction interval."
    tau2 = f"{'σ²' if result.model == 'multilevel' else 'τ²'} by {TAU2[result.tau2_method]}"
    if strata:
        tau2 += ", one for all subgroups" if result.strata_tau2 == "common" else (
            ", separate in each subgroup"
        )  # fmt: skip
    prediction = f"prediction interval: {PI[result.pi_method]}"
    if result.model != "multilevel":
        return f"Random-effects model, inverse-variance weights; {tau2}; {ci}; {prediction}."
    levels = " / ".join(result.overall.sigma2 or ())
    return (
        f"Multilevel random-effects model ({levels}); measurements of the same animals correlate "
        f"by {result.rho:g}, {CONTROL[str(result.control)]}; {tau2}; {ci}; {prediction} "
        "(k studies)."
    )


def measure_of(effects: EffectTable, style: Style) -> str:
    """The measure with its variance formula, and which way is better."""
    scale = {"ROM": "ratio", "VR": "ratio", "CVR": "ratio"}.get(effects.measure, "none")
    _, long = measure_names(effects.measure, effects.unit, style, scale)
    formula = VARIANCES.get((effects.measure, effects.variance), "")
    of_log = " of the logarithm" if scale == "ratio" else ""
    text = f"{long}; variance{of_log} {effects.variance}" + (f": {formula}" if formula else "")
    if effects.align == "benefit":
        text += "; outcomes where lower is better are reversed, so that higher is better"
    return f"{text}."


def _marks(marks: Sequence[Mark]) -> str:
    parts = ["Squares: effects, area by weight in the overall model"]
    parts.append("diamonds: pooled effects and their intervals")
    if any(mark.kind == "interval" for mark in marks):
        parts.append("barred line: prediction interval")
    return "; ".join(parts) + "; arrows: beyond the axis."


def _rows(result: PoolResult, strata: Sequence[Stratum]) -> list[str]:
    effects = result.effects
    lines = []
    if effects.excluded:
        verb = "is" if len(effects.excluded) == 1 else "are"
        lines.append(
            f"{len(effects.excluded)} of {effects.selected} selected rows {verb} set aside; the "
            "ledger says why."
        )
    empty = sum(not stratum.rows for stratum in strata)
    if empty:
        lines.append(f"{empty} of {len(strata)} combinations have no study and are not listed.")
    return lines


def _cautions(result: PoolResult | RegressionResult) -> list[str]:
    """Warnings of the answer, without the one that the banner shows."""
    return [text for text in result.warnings if not text.startswith("SYNTHETIC")]


def describe(result: PoolResult, strata: Sequence[Stratum], kind: str = "Forest plot") -> str:
    """The figure in a few sentences, for readers who cannot see it."""
    effects, overall = result.effects, result.overall
    _, long = measure_names(effects.measure, effects.unit, STYLES["metabone"])
    kind += " (SYNTHETIC DATA)" if effects.synthetic else ""
    sentences = [
        f"{kind} of {result.outcome}: {overall.k_effects} effects of {overall.k_studies} studies.",
        f"Overall {long[:1].lower()}{long[1:]} {_range(overall.estimate, overall.ci())}.",
    ]
    low, high = overall.pi()
    if not math.isnan(low):
        sentences.append(f"Prediction interval {number(low, 2)} to {number(high, 2)}.")
    for stratum in strata:
        if stratum.estimate is not None:
            found = stratum.estimate
            sentences.append(f"{stratum.label}: {_range(found.estimate, found.ci())}.")
        elif stratum.rows:
            sentences.append(f"{stratum.label}: not pooled.")
    return " ".join(sentences)


def _range(estimate: float, ends: tuple[float, float]) -> str:
    return f"{number(estimate, 2)} ({number(ends[0], 2)} to {number(ends[1], 2)})"
