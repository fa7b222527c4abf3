"""The words of a funnel plot: key, footer, and the figure in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metabone.plots.funnel_shape import BY_SIZE, PRECISIONS, REGIONS, FunnelPlot
from metabone.plots.words import level_text, number
from metabone.plots.xy_spec import Area, Dot, Entry, Panel

if TYPE_CHECKING:
    from metabone.synthesis.bias.results import TrimFill
    from metabone.synthesis.results import PoolResult


def key(result: PoolResult, panel: Panel) -> list[Entry]:
    """Samples of what the panel shows."""
    level = level_text(result.level)
    key = [Entry(Dot(0, 0, "effect"), "effect")]
    if panel.of_kind("flagged"):
        key.append(
            Entry(Dot(0, 0, "flagged"), f"effect outside the {level} that the model expects")
        )
    if panel.of_kind("filled"):
        key.append(Entry(Dot(0, 0, "filled"), "added by trim and fill"))
    for kind, words in (
        ("estimate", "pooled effect"),
        ("filled", "pooled effect with those added"),
        ("limit", f"pseudo {level} confidence region (no heterogeneity)"),
        ("zero", "no effect"),
    ):
        found = next((one for one in panel.strokes if one.kind == kind), None)
        if found is not None:
            key.append(Entry(found, words))
    for (region, p, _), words in zip(REGIONS, (".10", ".05", ".01"), strict=True):
        if p and any(area.kind == region for area in panel.areas):
            key.append(Entry(Area((), region), f"p < {words}"))
    return key


def told(plot: FunnelPlot, panel: Panel, trimfill: TrimFill | None) -> str:
    """What to know of the axis, the regions and the filled effects."""
    parts = [plot.reason] if plot.reason else []
    if plot.lost:
        noun = "effect has" if plot.lost == 1 else "effects have"
        parts.append(f"{plot.lost} {noun} no place on this axis and are not shown.")
    if plot.axis in BY_SIZE and panel.line("limit"):
        parts.append("Region and p-values on this axis are those of arms of equal size.")
    elif not panel.line("limit"):
        parts.append("The standard error does not follow from this height: no regions.")
    if trimfill is not None:
        added = len(panel.of_kind("filled"))
        noun = "study mean" if trimfill.unit == "study" else "effect"
        parts.append(
            f"Trim and fill ({trimfill.estimator}) adds {added} {noun}{'' if added == 1 else 's'}"
            + (f" on the {trimfill.side}." if added else ".")
        )
    if plot.result.overall.k_effects > plot.result.overall.k_studies:
        parts.append("Effects of one study depend on each other; each has a point of its own.")
    return " ".join(parts)


def describe(plot: FunnelPlot, panel: Panel, trimfill: TrimFill | None) -> str:
    """The figure in a few sentences, for readers who cannot see it."""
    result, overall = plot.result, plot.result.overall
    kind = "Funnel plot (SYNTHETIC DATA)" if result.effects.synthetic else "Funnel plot"
    below = sum(x < plot.estimate for x in plot.x)
    low, high = overall.ci()
    parts = [
        f"{kind} of {result.outcome}: {overall.k_effects} effects of {overall.k_studies} studies "
        f"against {PRECISIONS[plot.axis]}.",
        f"Pooled effect {number(overall.estimate, 2)} ({number(low, 2)} to {number(high, 2)}); "
        f"{below} effects lie left of it and {len(plot.x) - below} right.",
    ]
    flagged = panel.of_kind("flagged")
    if flagged:
        names = "; ".join(dot.label for dot in flagged if dot.label)
        parts.append(
            f"{len(flagged)} lie outside the {level_text(result.level)} that the model expects"
            + (f": {names}." if names else ".")
        )
    if trimfill is not None:
        parts.append(
            f"Trim and fill adds {len(panel.of_kind('filled'))}; with them the pooled effect is "
            f"{number(trimfill.corrected.estimate, 2)}."
        )
    return " ".join(parts)
