"""The words of a bubble plot: key, footer, and the figure in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metabone.plots.footer import measure_of, paragraphs
from metabone.plots.labels import cell_text
from metabone.plots.words import CI, CONTROL, TAU2, level_text, number, p_text
from metabone.plots.xy_spec import Dot, Entry, Panel, beyond_note

if TYPE_CHECKING:
    from metabone.plots.bubble import BubblePlot
    from metabone.plots.styles import Style
    from metabone.synthesis.regression_results import RegressionResult


def key(panel: Panel, level: float) -> tuple[Entry, ...]:
    """Samples of what the panel shows."""
    entries = [Entry(Dot(0, 0, "bubble"), "effect, area by weight")]
    entries += [Entry(line, "expected effect") for line in panel.line("estimate")[:1]]
    words = {
        "confidence": f"{level_text(level)} confidence interval",
        "prediction": f"{level_text(level)} prediction interval",
    }
    for kind, text in words.items():
        entries += [Entry(area, text) for area in panel.areas if area.kind == kind][:1]
    return (*entries, *(Entry(line, "no effect") for line in panel.line("zero")))


def footer(
    result: RegressionResult, style: Style, panel: Panel, plot: BubblePlot
) -> tuple[str, ...]:
    """Model, test of the moderator, measure, where the line is drawn, what lies beyond."""
    told = [
        _model(result), _tests(result, plot.column, style), measure_of(result.effects, style),
        "Weight: 1 / (sampling variance + τ²)." if result.tau2_method != "EE" else
        "Weight: 1 / sampling variance.",
        _held(plot.held, many=bool(plot.levels)), beyond_note([panel]).strip(),
        _gaps(plot),
    ]  # fmt: skip
    return paragraphs(result, [text for text in told if text])


def _model(result: RegressionResult) -> str:
    ci = f"{level_text(result.level)} CI by {CI[result.ci_method]}".removesuffix(",")
    if result.tau2_method == "EE":
        return f"Equal-effects meta-regression on {result.formula}; {ci}."
    if result.model != "multilevel":
        tau2 = f"τ² by {TAU2[result.tau2_method]}"
        return f"Mixed-effects meta-regression on {result.formula}; {tau2}; {ci}."
    levels = " / ".join(result.fit.sigma2 or ())
    return (
        f"Multilevel meta-regression ({levels}) on {result.formula}; measurements of the same "
        f"animals correlate by {result.rho:g}, {CONTROL[str(result.control)]}; σ² by "
        f"{TAU2[result.tau2_method]}; {ci}."
    )


def _tests(result: RegressionResult, column: str, style: Style) -> str:
    """The test of each term that has the column in it, and R²."""
    factors = {one.label for one in result.design.formula.factors if one.column == column}
    parts = [
        f"{test.term}: {p_text(test.pvalue, style.numbers)}"
        for test in result.tests
        if factors & set(test.term.split(":"))
    ]
    if result.r2 == result.r2:
        parts.append(f"R²{style.numbers.eq}{number(result.r2, 0)}%")
    return f"{'; '.join(parts)}." if parts else ""


def _held(held: Mapping[str, Any], *, many: bool) -> str:
    if not held:
        return ""
    values = ", ".join(f"{name} {cell_text(value)}" for name, value in held.items())
    return f"{'Means' if many else 'Line'} and intervals at {values}."


def _gaps(plot: BubblePlot) -> str:
    """Why intervals are missing, where they are."""
    notes: Sequence[str] = list(dict.fromkeys(filter(None, plot.expected["note"])))
    return " ".join(f"{note[:1].upper()}{note[1:]}." for note in notes)


def describe(result: RegressionResult, panel: Panel, plot: BubblePlot) -> str:
    """The figure in a few sentences, for readers who cannot see it."""
    kind = "Bubble plot (SYNTHETIC DATA)" if result.effects.synthetic else "Bubble plot"
    parts = [
        f"{kind} of {result.outcome} against {plot.column}: {result.k_effects} effects of "
        f"{result.k_studies} studies."
    ]
    table = plot.expected
    ends = range(len(table)) if plot.levels else (0, len(table) - 1)
    for i in ends:
        row = table.iloc[i]
        value = plot.levels[i] if plot.levels else number(float(row[plot.column]), 2)
        parts.append(
            f"Expected at {plot.column} {value}: {number(float(row['estimate']), 2)} "
            f"({number(float(row['ci_low']), 2)} to {number(float(row['ci_high']), 2)})."
        )
    named = "; ".join(dot.label for dot in panel.dots if dot.label)
    return " ".join([*parts, f"Named: {named}." if named else ""]).strip()
