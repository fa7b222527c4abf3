"""Baujat plot: which effects make the heterogeneity, and which of them move the mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from metabone.options import PointLabels, check_option
from metabone.plots.forest import BANNER, title_of
from metabone.plots.words import number
from metabone.plots.xy_scales import across, span, upright
from metabone.plots.xy_spec import Dot, Entry, Panel, XYSpec
from metabone.plots.xy_text import sensitivity_footer

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.sensitivity.influence_results import BaujatPoint, BaujatResult

X_LABEL = "Contribution to heterogeneity (part of Q)"
Y_LABEL = "Influence on the pooled effect (squared change over its variance)"
#: At most so many names beside points unless all are asked for.
MOST_LABELS = 10
#: A point is named, and stands out, if it has so many times the share of Q or of influence that it
#: would have if all had the same.
NAMED, TIMES = 1.5, 3.0


def baujat(
    result: BaujatResult,
    *,
    labels: str = "auto",
    title: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw a Baujat plot; the arguments are those of `baujat_spec`, and two more.

    Parameters
    ----------
    width_mm : width of the figure, 130 mm by default.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        For an unknown option or font, or a width too narrow.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.xy_layout import lay_out_xy

    spec = baujat_spec(result, labels=labels, title=title)
    return SpecFigure.of(lambda width: lay_out_xy(spec, width_mm=width, font=font), width_mm)


def baujat_spec(result: BaujatResult, *, labels: str = "auto", title: str | None = None) -> XYSpec:
    """The Baujat plot, as data.

    Both axes reach as far as the points do: the extreme ones are what the plot is for.

    Parameters
    ----------
    result : the answer of `metabone.synthesis.sensitivity.baujat`.
    labels : ``auto`` (points with one and a half times their even share of Q or of influence),
        ``all`` or ``none``.
    title : above the plot; by default the outcome. An empty text shows none.

    Raises
    ------
    UsageError
        For an unknown option.

    References
    ----------
    Baujat et al. (2002), doi:10.1002/sim.1221.
    """
    check_option("labels", labels, PointLabels)
    ranks = _ranks(result)
    first = sorted(ranks, key=lambda i: (-ranks[i], i))[:MOST_LABELS]
    named = {i for i in first if ranks[i] >= NAMED}
    dots = tuple(
        Dot(
            point.q, point.influence, "flagged" if ranks[i] >= TIMES else "effect",
            label=point.label if labels == "all" or (labels == "auto" and i in named) else "",
            rank=ranks[i], source=point.row,
        )
        for i, point in enumerate(result.points)
        if math.isfinite(point.q) and math.isfinite(point.influence)
    )  # fmt: skip
    panel = Panel(
        x=across(_ends([dot.x for dot in dots]), X_LABEL),
        y=upright(_ends([dot.y for dot in dots]), Y_LABEL),
        dots=dots,
        size=0.36 if len(dots) <= 100 else 0.3,
    )
    unit = "study" if result.by == "study" else "effect"
    key = [Entry(Dot(0, 0, "effect"), unit)]
    if panel.of_kind("flagged"):
        words = f"{unit} with three times its even share of either"
        key.append(Entry(Dot(0, 0, "flagged"), words))
    lost = len(result.points) - len(dots)
    noun = "point has" if lost == 1 else "points have"
    told = f"{lost} {noun} no numbers and are not shown." if lost else ""
    return XYSpec(
        kind="Baujat plot",
        title=title_of(result.effects) if title is None else title,
        panels=(panel,),
        key=tuple(key),
        footer=sensitivity_footer(result.effects, result.overall, result.model, told),
        banner=BANNER if result.effects.synthetic else None,
        description=_describe(result, [result.points[i] for i in first if i in named]),
        heights=(0.66,),
    )


def _ranks(result: BaujatResult) -> dict[int, float]:
    """How many times its even share of Q or of influence each point has, the larger of both."""
    found = {
        i: (point.q, point.influence)
        for i, point in enumerate(result.points)
        if math.isfinite(point.q) and math.isfinite(point.influence)
    }
    totals = [sum(pair[axis] for pair in found.values()) or math.inf for axis in (0, 1)]
    return {
        i: max(len(found) * pair[axis] / totals[axis] for axis in (0, 1))
        for i, pair in found.items()
    }


def _ends(values: list[float]) -> tuple[float, float]:
    low, high = span([0.0], values)
    return min(0.0, low) / 2, high


def _describe(result: BaujatResult, named: list[BaujatPoint]) -> str:
    kind = "Baujat plot (SYNTHETIC DATA)" if result.effects.synthetic else "Baujat plot"
    noun = "studies" if result.by == "study" else "effects"
    parts = [
        f"{kind} of {len(result.points)} {noun}: part in Q across, influence on the mean upright."
    ]
    for point in named:
        parts.append(f"{point.label}: {number(point.q, 2)} and {number(point.influence, 2)}.")
    return " ".join(parts)
