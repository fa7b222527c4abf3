"""Funnel plot: each effect against its precision, with what to judge asymmetry by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from metabone.errors import DataError, UsageError
from metabone.models.intervals import critical
from metabone.options import FunnelPrecision, PointLabels, check_option
from metabone.plots.footer import about
from metabone.plots.forest import BANNER, outcome_title, sides
from metabone.plots.labels import row_labels
from metabone.plots.scales import check_limits, find_scale
from metabone.plots.styles import find_style
from metabone.plots.words import level_text, measure_names, number
from metabone.plots.xy_scales import across, fences, span, upright
from metabone.plots.xy_spec import (
    Area,
    AreaKind,
    Dot,
    Entry,
    Panel,
    Place,
    Stroke,
    XYSpec,
    beyond_note,
)
from metabone.synthesis.bias.predictors import STANDARDISED, choose_predictors, values

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.bias.results import TrimFill
    from metabone.synthesis.results import PoolResult

#: Words on the vertical axis.
PRECISIONS: Mapping[str, str] = {
    "sei": "Standard error",
    "seinv": "Precision, 1 / standard error",
    "sqrtninv": "1/√N, N the animals of both arms",
    "arms": "√(1/n₁ + 1/n₂), n the animals of each arm",
}
#: Names that say the same.
ALIASES: Mapping[str, str] = {"se": "sei", "sqrt_n": "sqrtninv"}
BY_SIZE = frozenset({"sqrtninv", "arms"})
SAFE = (
    "The height is not the standard error, which grows with a standardised effect and so makes a "
    "funnel lopsided without any bias."
)
UNSAFE = (
    "The standard error of a standardised effect grows with the effect, so that this funnel is "
    "lopsided without any bias; sqrtninv and arms are free of that."
)
#: Two-sided p-values at which the regions begin.
REGIONS: tuple[tuple[AreaKind, float, float], ...] = (
    ("p10", 0.10, 0.05), ("p05", 0.05, 0.01), ("p01", 0.01, 0.0),
)  # fmt: skip
_STEPS = 60
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
    plot = _plot(result, precision)
    if contours and not plot.error:
        raise UsageError(
            f"contours: on the axis {plot.axis} p-values do not follow from the height; take "
            "sei or seinv"
        )
    style, scale = find_style("metabone"), find_scale(result.effects.measure, transform)
    filled = _filled(plot, trimfill)
    dots = (*_dots(plot, labels), *filled)
    low, high = _heights(plot)
    ends = _ends(plot, dots, (low, high)) if xlim is None else check_limits(xlim, scale)
    edges = _edges(plot, (low, high))
    words = {"treated": style.words.treated, "control": style.words.control}
    effects = result.effects
    _, long = measure_names(effects.measure, effects.unit, style, scale.name)
    show_contours = bool(plot.error) if contours is None else contours
    panel = Panel(
        x=across(ends, long if xlabel is None else xlabel, scale=scale,
                 sides=sides(effects.measure, effects.better, style, words)),
        y=upright((low, high), PRECISIONS[plot.axis], down=plot.axis != "seinv"),
        areas=tuple(_contours(plot, (low, high), ends)) if show_contours else (),
        strokes=(*edges, *_uprights(plot, trimfill, (low, high))),
        dots=dots,
        size=0.36 if len(dots) <= 100 else 0.28,
    )  # fmt: skip
    return XYSpec(
        kind="Funnel plot",
        title=outcome_title(result) if title is None else title,
        panels=(panel,),
        key=tuple(_key(result, panel)),
        footer=about(result, style, beyond_note([panel]) + _told(plot, panel, trimfill)),
        banner=BANNER if effects.synthetic else None,
        description=_describe(plot, panel, trimfill),
        heights=(0.7,),
    )


@dataclass(frozen=True, slots=True)
class _Plot:
    """The effects with their heights; `error` is the SE of an effect g at a height, if known.

    `rows` (of the spreadsheet), `x`, `y` and `se` are of those that have a height; `lost` is the
    number of those that have none. `reason` says why the axis was chosen.
    """

    result: PoolResult
    axis: str
    reason: str
    rows: tuple[int, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    se: tuple[float, ...]
    lost: int
    error: Callable[[float, float], float] | None

    @property
    def estimate(self) -> float:
        return self.result.overall.estimate

    @property
    def z(self) -> float:
        return float(critical(math.nan, self.result.level))


def _plot(result: PoolResult, precision: str) -> _Plot:
    wanted = check_option("precision", ALIASES.get(precision, precision), FunnelPrecision)
    effects, reason = result.effects, ""
    if wanted == "auto":
        wanted = choose_predictors(effects, "auto")[0].name
        if wanted != "sei":
            reason = SAFE
    if wanted in ("sei", "seinv") and effects.measure in STANDARDISED:
        reason = UNSAFE
    with np.errstate(divide="ignore", invalid="ignore"):
        y = values(effects.frame, "sei" if wanted == "seinv" else wanted)
        y = 1 / y if wanted == "seinv" else y
    known = np.flatnonzero(np.isfinite(y))
    if not len(known):
        raise DataError(f"no effect has what the axis {wanted} of a funnel plot needs")
    rows = effects.frame.index.to_numpy()
    return _Plot(
        result, wanted, reason, tuple(map(int, rows[known])), tuple(effects.yi[known].tolist()),
        tuple(y[known].tolist()), tuple((effects.vi**0.5)[known].tolist()),
        len(y) - len(known), _error(wanted, effects.measure, effects.variance),
    )  # fmt: skip


def _error(axis: str, measure: str, variance: str) -> Callable[[float, float], float] | None:
    """The standard error of an effect g at a height, None where it does not follow from it."""
    if axis == "sei":
        return lambda y, g: y
    if axis == "seinv":
        return lambda y, g: 1 / y
    if measure != "SMD" or variance != "LS":
        return None
    # Arms of equal size: 1/n₁ + 1/n₂ is 4/N, and the variance of g is 4/N + g²/2N.
    part = 1.0 if axis == "arms" else 4.0
    return lambda y, g: math.sqrt(part * y * y * (1 + g * g / 8))


def _heights(plot: _Plot) -> tuple[float, float]:
    """Ends of the vertical axis: a standard error begins at 0, where the funnel has its point."""
    _, far = fences(plot.y)
    top = min(max(plot.y), far)
    if plot.axis == "sei":
        return 0.0, 1.06 * top if top > 0 else 1.0
    low, high = span(plot.y, room=0.1)
    return max(low, 0.25 * min(plot.y)), high


def _ends(plot: _Plot, dots: Sequence[Dot], heights: tuple[float, float]) -> tuple[float, float]:
    also = [plot.estimate, 0.0]
    if plot.error is not None:
        widest = heights[1] if plot.axis != "seinv" else heights[0]
        half = plot.z * plot.error(widest, plot.estimate)
        also += [plot.estimate - half, plot.estimate + half]
    middle = sorted(plot.se)[len(plot.se) // 2]
    return span([dot.x for dot in dots], also, width=2 * plot.z * middle, room=0.04)


def _grid(heights: tuple[float, float]) -> list[float]:
    low, high = heights
    return [low + (high - low) * i / _STEPS for i in range(_STEPS + 1)]


def _edges(plot: _Plot, heights: tuple[float, float]) -> list[Stroke]:
    """Both sides of the pseudo confidence region."""
    if plot.error is None:
        return []
    strokes = []
    for sign in (-1, 1):
        places = [
            (plot.estimate + sign * plot.z * plot.error(y, plot.estimate), y)
            for y in _grid(heights) if y > 0 or plot.axis == "sei"
        ]  # fmt: skip
        strokes.append(Stroke(tuple(places), "limit"))
    return strokes


def _uprights(plot: _Plot, trimfill: TrimFill | None, heights: tuple[float, float]) -> list[Stroke]:
    """No effect, the pooled effect, and that with the filled effects."""
    low, high = heights
    lines = [
        Stroke(((0.0, low), (0.0, high)), "zero"),
        Stroke(((plot.estimate, low), (plot.estimate, high)), "estimate"),
    ]
    if trimfill is not None and math.isfinite(trimfill.corrected.estimate):
        lines.append(
            Stroke(
                ((trimfill.corrected.estimate, low), (trimfill.corrected.estimate, high)), "filled"
            )
        )
    return lines


def _contours(plot: _Plot, heights: tuple[float, float], ends: tuple[float, float]) -> list[Area]:
    """Regions of significance against no effect, on both sides of it."""
    far = 2 * max(abs(ends[0]), abs(ends[1]))
    grid = [y for y in _grid(heights) if y > 0 or plot.axis == "sei"]
    areas = []
    for kind, outer, inner in REGIONS:
        near = [min(_significant(plot, y, outer), far) for y in grid]
        away = [min(_significant(plot, y, inner), far) if inner else far for y in grid]
        for sign in (-1, 1):
            there: list[Place] = [(sign * x, y) for x, y in zip(near, grid, strict=True)]
            back: list[Place] = [(sign * x, y) for x, y in zip(away, grid, strict=True)]
            areas.append(Area((*there, *reversed(back)), kind))
    return areas


def _significant(plot: _Plot, y: float, p: float) -> float:
    """The smallest effect at a height whose two-sided p-value is at most p."""
    z = float(critical(math.nan, 1 - p))
    base = plot.error(y, 0.0) if plot.error is not None else math.nan
    if plot.axis not in BY_SIZE:
        return z * base
    # g = z √(s² (1 + g²/8)), solved for g; where there is no solution nothing is significant.
    left = 1 - z * z * base * base / 8
    return z * base / math.sqrt(left) if left > 0 else math.inf


def _dots(plot: _Plot, labels: str) -> list[Dot]:
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


def _filled(plot: _Plot, trimfill: TrimFill | None) -> list[Dot]:
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


def _key(result: PoolResult, panel: Panel) -> list[Entry]:
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


def _told(plot: _Plot, panel: Panel, trimfill: TrimFill | None) -> str:
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


def _describe(plot: _Plot, panel: Panel, trimfill: TrimFill | None) -> str:
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
