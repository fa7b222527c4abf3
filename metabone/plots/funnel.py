"""Funnel plot: each effect against its precision, with what to judge asymmetry by."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from metabone.errors import DataError, UsageError
from metabone.options import PointLabels, TrimEstimator, check_option
from metabone.plots.footer import about
from metabone.plots.forest import BANNER, outcome_title, sides
from metabone.plots.funnel_shape import (
    BY_SIZE,
    PRECISIONS,
    FunnelPlot,
    contours_of,
    edges_of,
    ends_of,
    funnel_plot,
    heights_of,
    uprights_of,
)
from metabone.plots.funnel_text import describe, key, told
from metabone.plots.labels import row_labels
from metabone.plots.scales import check_limits, find_scale
from metabone.plots.styles import find_style
from metabone.plots.words import measure_names
from metabone.plots.xy_scales import across, upright
from metabone.plots.xy_spec import Dot, Panel, XYSpec, beyond_note

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.bias.results import BiasResult, TrimFill
    from metabone.synthesis.results import PoolResult

#: At most so many names beside points unless all are asked for.
MOST_LABELS = 12


def funnel(
    result: PoolResult,
    *,
    precision: str = "auto",
    contours: bool | None = None,
    trimfill: TrimFill | None = None,
    labels: str = "auto",
    title: str | None = None,
    xlabel: str | None = None,
    xlim: tuple[float, float] | None = None,
    transform: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw a funnel plot; the arguments are those of `funnel_spec`, and two more.

    Parameters
    ----------
    width_mm : width of the figure, 130 mm by default.
    font : family to set it in; by default DejaVu Sans.

    Returns
    -------
    SpecFigure
        A matplotlib figure, made without pyplot; `metabone.plots.export.export` writes it.

    Raises
    ------
    UsageError
        For an unknown option or font, or a width too narrow.
    DataError
        If no effect has what the vertical axis needs.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.xy_layout import lay_out_xy

    spec = funnel_spec(
        result, precision=precision, contours=contours, trimfill=trimfill, labels=labels,
        title=title, xlabel=xlabel, xlim=xlim, transform=transform,
    )  # fmt: skip
    return SpecFigure.of(lambda width: lay_out_xy(spec, width_mm=width, font=font), width_mm)


def funnel_spec(
    result: PoolResult,
    *,
    precision: str = "auto",
    contours: bool | None = None,
    trimfill: TrimFill | None = None,
    labels: str = "auto",
    title: str | None = None,
    xlabel: str | None = None,
    xlim: tuple[float, float] | None = None,
    transform: str | None = None,
) -> XYSpec:
    """The funnel plot of a pooled answer, as data.

    Parameters
    ----------
    result : the answer; nothing is pooled here.
    precision : the vertical axis: ``sei`` (or ``se``; standard error), ``seinv`` (its inverse),
        ``sqrtninv`` (or ``sqrt_n``; 1/√N), ``arms`` (√(1/n₁ + 1/n₂)), or ``auto``: for standardised
        measures ``arms``, or ``sqrtninv`` where the arms are not known, else ``sei``. The standard
        error of a standardised effect grows with the effect itself.
    contours : regions of p below .10, .05 and .01 against no effect. By default wherever the
        axis allows: on sizes of arms they exist for SMD (arms of equal size) alone.
    trimfill : effects that trim and fill adds, drawn hollow, with the mean that includes them.
    labels : ``auto`` (effects beyond what the random-effects model expects), ``all`` or ``none``.
    title : above the plot; by default the outcome. An empty text shows none.
    xlabel : under the axis; by default the measure.
    xlim : ends of the axis as it is shown; by default wide enough for all but extreme effects.
    transform : ``percent``, ``ratio`` or ``none``, see `find_scale`.

    Raises
    ------
    UsageError
        For an unknown option, or `contours` on an axis that has none.
    DataError
        If no effect has what the vertical axis needs.

    References
    ----------
    Sterne & Egger (2001), doi:10.1016/S0895-4356(01)00377-8; Peters et al. (2008),
    doi:10.1016/j.jclinepi.2007.11.010 (contours); Zwetsloot et al. (2017),
    doi:10.7554/eLife.24260 (axes for standardised mean differences).
    """
    check_option("labels", labels, PointLabels)
    plot = funnel_plot(result, precision)
    if contours and not plot.error:
        raise UsageError(
            f"contours: on the axis {plot.axis} p-values do not follow from the height; take "
            "sei or seinv"
        )
    style, scale = find_style("metabone"), find_scale(result.effects.measure, transform)
    filled = _filled(plot, trimfill)
    dots = (*_dots(plot, labels), *filled)
    low, high = heights_of(plot)
    ends = ends_of(plot, dots, (low, high)) if xlim is None else check_limits(xlim, scale)
    edges = edges_of(plot, (low, high))
    words = {"treated": style.words.treated, "control": style.words.control}
    effects = result.effects
    _, long = measure_names(effects.measure, effects.unit, style, scale.name)
    show_contours = bool(plot.error) if contours is None else contours
    panel = Panel(
        x=across(ends, long if xlabel is None else xlabel, scale=scale,
                 sides=sides(effects.measure, effects.better, style, words)),
        y=upright((low, high), PRECISIONS[plot.axis], down=plot.axis != "seinv"),
        areas=tuple(contours_of(plot, (low, high), ends)) if show_contours else (),
        strokes=(*edges, *uprights_of(plot, trimfill, (low, high))),
        dots=dots,
        size=0.36 if len(dots) <= 100 else 0.28,
    )  # fmt: skip
    return XYSpec(
        kind="Funnel plot",
        title=outcome_title(result) if title is None else title,
        panels=(panel,),
        key=tuple(key(result, panel)),
        footer=about(result, style, beyond_note([panel]) + told(plot, panel, trimfill)),
        banner=BANNER if effects.synthetic else None,
        description=describe(plot, panel, trimfill),
        heights=(0.7,),
    )


def _dots(plot: FunnelPlot, labels: str) -> list[Dot]:
    result = plot.result
    names = row_labels(result.effects.frame, [plot.rows]) if labels != "none" else {}
    away = [
        abs(x - plot.estimate) / math.sqrt(se**2 + result.overall.tau2)
        if se**2 + result.overall.tau2 > 0 else 0.0
        for x, se in zip(plot.x, plot.se, strict=True)
    ]  # fmt: skip
    named = {
        i for i in sorted(range(len(away)), key=lambda i: -away[i])[:MOST_LABELS]
        if away[i] > plot.z
    }  # fmt: skip
    return [
        Dot(
            x, y, "flagged" if away[i] > plot.z else "effect",
            label=names.get(row, "") if labels == "all" or i in named else "",
            rank=away[i], source=row,
        )
        for i, (row, x, y) in enumerate(zip(plot.rows, plot.x, plot.y, strict=True))
    ]  # fmt: skip


def _filled(plot: FunnelPlot, trimfill: TrimFill | None) -> list[Dot]:
    """Filled effects, each at the height of what it mirrors."""
    if trimfill is None:
        return []
    heights = dict(zip(plot.rows, plot.y, strict=True))
    dots = []
    for yi, vi, rows in zip(
        trimfill.filled_yi, trimfill.filled_vi, trimfill.filled_rows, strict=True
    ):
        y = math.sqrt(vi) if plot.axis == "sei" else 1 / math.sqrt(vi)
        if plot.axis in BY_SIZE:  # of a study with several effects the middle of their heights
            known = [heights[row] for row in rows if row in heights]
            y = median(known) if known else math.nan
        if math.isfinite(y):
            dots.append(Dot(yi, y, "filled"))
    return dots


def trim_fill_of(result: BiasResult, estimator: str) -> TrimFill:
    """Trim and fill by one estimator, of the answer on small-study effects.

    Raises
    ------
    UsageError
        For an unknown estimator.
    DataError
        If it has no answer, with the reason.
    """
    name = check_option("trim_fill", estimator, TrimEstimator)
    for one in result.trim_fill:
        if one.estimator == name:
            return one
    reasons = [one.reason for one in result.left_out if f"trim_fill ({name})" in one.part]
    raise DataError(f"trim and fill ({name}) has no answer: {'; '.join(reasons) or 'not asked'}")
