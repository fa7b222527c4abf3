"""GOSH plot: the mean and the heterogeneity of every subset, with and without one study."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, UsageError
from metabone.options import nearest
from metabone.plots.forest import BANNER, sides, title_of
from metabone.plots.hexagons import Cell, hexagons
from metabone.plots.scales import find_scale
from metabone.plots.styles import find_style
from metabone.plots.words import measure_names, number
from metabone.plots.xy_scales import across, upright
from metabone.plots.xy_spec import Area, Entry, Panel, Stroke, StrokeKind, Upright, XYSpec
from metabone.plots.xy_text import sensitivity_footer

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.plots.spec import Axis
    from metabone.synthesis.sensitivity.resampling_results import GoshResult

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
#: Share of the subsets that may lie beyond each end of the axis.
BEYOND = 0.0005
#: Hexagons across a single panel, bars of a histogram.
ACROSS, BARS = 46, 50
#: Width of the marginal panel and heights of both rows, against one main panel.
MARGIN, TOP, MAIN = 0.17, 0.12, 0.6


def gosh(
    result: GoshResult,
    *,
    highlight: str | None = None,
    title: str | None = None,
    xlabel: str | None = None,
    transform: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw a GOSH plot; the arguments are those of `gosh_spec`, and two more.

    Parameters
    ----------
    width_mm : width of the figure; by default 130 mm, with a highlighted study 180 mm.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        For a study that is not among the members, an unknown option or font, or a width too
        narrow.
    DataError
        If no subset has an answer.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.xy_layout import lay_out_xy

    spec = gosh_spec(result, highlight=highlight, title=title, xlabel=xlabel, transform=transform)
    return SpecFigure.of(lambda width: lay_out_xy(spec, width_mm=width, font=font), width_mm)


def gosh_spec(
    result: GoshResult,
    *,
    highlight: str | None = None,
    title: str | None = None,
    xlabel: str | None = None,
    transform: str | None = None,
) -> XYSpec:
    """The GOSH plot, as data: how many subsets lie where, and both marginal distributions.

    Parameters
    ----------
    result : the answer of `metabone.synthesis.sensitivity.gosh`.
    highlight : a member (study or effect): the subsets with it and those without it are drawn in
        panels of their own, on the same axes and in the same shades.
    title : above the panels; by default the outcome. An empty text shows none.
    xlabel : under the axis; by default the measure.
    transform : ``percent``, ``ratio`` or ``none``, see `find_scale`.

    Raises
    ------
    UsageError
        For a study that is not among the members, or an unknown option.
    DataError
        If no subset has an answer.

    References
    ----------
    Olkin, Dahabreh & Trikalinos (2012), doi:10.1002/jrsm.1053.
    """
    plot = _plot(result, highlight)
    style, effects = find_style("metabone"), result.effects
    scale = find_scale(effects.measure, transform)
    _, long = measure_names(effects.measure, effects.unit, style, scale.name)
    words = {"treated": style.words.treated, "control": style.words.control}
    left, right = sides(effects.measure, effects.better, style, words)
    label = long if xlabel is None else xlabel
    x = across(plot.ends, label, scale=scale, sides=(left, right))
    if not plot.ends[0] < 0 < plot.ends[1]:  # words on both sides of zero need a zero
        x = across(plot.ends, f"{label}; → {_low(right)}", scale=scale)
    parts = [_main(plot, part, x, column) for column, part in enumerate(plot.parts)]
    most = max(cell.count for _, cells in parts for cell in cells)
    panels = [panel_of(cells, panel, most) for panel, cells in parts]
    tops = [_top(plot, part, x, column) for column, part in enumerate(plot.parts)]
    return XYSpec(
        kind="GOSH plot",
        title=title_of(effects) if title is None else title,
        panels=(*tops, *panels, _side(plot, len(plot.parts))),
        key=_key(plot, panels, most),
        footer=sensitivity_footer(effects, result.overall, result.model, *_told(plot)),
        banner=BANNER if effects.synthetic else None,
        description=_describe(plot),
        widths=(*(1.0 for _ in plot.parts), MARGIN),
        heights=_row_heights(len(plot.parts)),
        width_mm=130.0 if len(plot.parts) == 1 else 180.0,
    )


def _low(text: str) -> str:
    return text[:1].lower() + text[1:]


@dataclass(frozen=True, slots=True)
class _Part:
    """Some of the subsets: what they are called, which, and how their outline is drawn."""

    title: str
    which: BoolArray
    outline: StrokeKind | None


@dataclass(frozen=True, slots=True)
class _Plot:
    """The subsets that have an answer, the ends of the axis, and the panels they go to."""

    result: GoshResult
    estimate: FloatArray
    i2: FloatArray
    ends: tuple[float, float]
    parts: tuple[_Part, ...]
    highlight: str | None

    @property
    def seen(self) -> BoolArray:
        """(m,) subsets between the ends of the axis."""
        return (self.estimate >= self.ends[0]) & (self.estimate <= self.ends[1])


def _plot(result: GoshResult, highlight: str | None) -> _Plot:
    known = np.isfinite(result.estimate) & np.isfinite(result.i2)
    if not known.any():
        raise DataError("no subset has an answer, so there is nothing to draw")
    estimate, i2 = result.estimate[known], result.i2[known]
    low, high = (float(end) for end in np.quantile(estimate, (BEYOND, 1 - BEYOND)))
    low, high = min(low, result.overall.estimate), max(high, result.overall.estimate)
    room = 0.04 * (high - low) or 1.0
    ends = (low - room, high + room)
    everything = np.ones(len(estimate), dtype=bool)
    if highlight is None:
        parts: tuple[_Part, ...] = (_Part("", everything, None),)
    else:
        there = result.with_member(_member(result, highlight))[known]
        parts = (
            _Part(f"With {highlight}", there, "with"),
            _Part(f"Without {highlight}", ~there, "without"),
        )
    return _Plot(result, estimate, i2, ends, parts, highlight)


def _member(result: GoshResult, name: str) -> int:
    if name in result.labels:
        return result.labels.index(name)
    near = nearest(name, result.labels, 3)
    hint = " or ".join(map(repr, near)) or ", ".join(map(repr, result.labels[:8]))
    raise UsageError(f"highlight: no member is called {name!r}; try {hint}")


def _row_heights(panels: int) -> tuple[float, float]:
    """Heights against the width of all panels, so that a main panel keeps its shape."""
    whole, taller = panels + MARGIN, _taller(panels)
    return taller * TOP / whole, taller * MAIN / whole


def _taller(panels: int) -> float:
    """How much taller panels are that stand beside each other."""
    return 1.0 if panels == 1 else 1.3


def _main(plot: _Plot, part: _Part, x: Axis, column: int) -> tuple[Panel, list[Cell]]:
    """A main panel without its hexagons, and the hexagons with their counts."""
    shape = MAIN * _taller(len(plot.parts))
    which = part.which & plot.seen
    across_ = ACROSS if len(plot.parts) == 1 else round(0.7 * ACROSS)
    cells = hexagons(plot.estimate[which], plot.i2[which], plot.ends, (-4.0, 104.0), across_, shape)
    estimate = plot.result.overall.estimate
    lines = [Stroke(((estimate, -4.0), (estimate, 104.0)), "estimate")]
    if plot.ends[0] < 0 < plot.ends[1]:
        lines.insert(0, Stroke(((0.0, -4.0), (0.0, 104.0)), "zero"))
    y = upright((-4.0, 104.0), "I², %" if column == 0 else "")
    panel = Panel(x=x, y=y, strokes=tuple(lines), row=1, column=column, y_shown=column == 0)
    return panel, cells


def panel_of(cells: Sequence[Cell], panel: Panel, most: int) -> Panel:
    """The panel with its hexagons, as dark as the logarithm of their counts."""
    areas = tuple(
        Area(cell.corners, "count", _shade(cell.count, most)) for cell in cells if cell.count
    )
    return Panel(
        x=panel.x, y=panel.y, areas=areas, strokes=panel.strokes, title=panel.title, row=panel.row,
        column=panel.column, y_shown=panel.y_shown,
    )  # fmt: skip


def _shade(count: int, most: int) -> float:
    return math.log(count) / math.log(most) if most > 1 else 1.0


def _counts(values: FloatArray, ends: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    counts, edges = np.histogram(values, bins=BARS, range=ends)
    return counts.astype(float), edges


def _top(plot: _Plot, part: _Part, x: Axis, column: int) -> Panel:
    """The distribution of the estimates over a main panel."""
    which = part.which & plot.seen
    counts, edges = _counts(plot.estimate[which], plot.ends)
    most = max(
        float(_counts(plot.estimate[one.which & plot.seen], plot.ends)[0].max())
        for one in plot.parts
    )
    bars = tuple(
        Area(((a, 0.0), (b, 0.0), (b, n), (a, n)), "bar")
        for a, b, n in zip(edges, edges[1:], counts, strict=False) if n
    )  # fmt: skip
    y = Upright(0.0, 1.05 * most or 1.0)
    return Panel(x=x, y=y, areas=bars, title=part.title, column=column, x_shown=False,
                 y_shown=False)  # fmt: skip


def _side(plot: _Plot, column: int) -> Panel:
    """The distribution of I² beside the main panels; of both kinds of subsets as outlines."""
    ends = (-4.0, 104.0)
    areas: list[Area] = []
    strokes: list[Stroke] = []
    most = 0.0
    for part in plot.parts:
        counts, edges = _counts(plot.i2[part.which & plot.seen], ends)
        most = max(most, float(counts.max()))
        if part.outline is None:
            areas += [
                Area(((0.0, a), (0.0, b), (n, b), (n, a)), "bar")
                for a, b, n in zip(edges, edges[1:], counts, strict=False) if n
            ]  # fmt: skip
        else:
            places = [(n, at) for a, b, n in zip(edges, edges[1:], counts, strict=False)
                      for at in (a, b)]  # fmt: skip
            strokes.append(Stroke(tuple(places), part.outline))
    x = across((0.0, 1.05 * most or 1.0), "")
    return Panel(x=x, y=Upright(*ends), areas=tuple(areas), strokes=tuple(strokes), row=1,
                 column=column, x_shown=False, y_shown=False)  # fmt: skip


def _key(plot: _Plot, panels: Sequence[Panel], most: int) -> tuple[Entry, ...]:
    middle = round(math.sqrt(most))
    counts = list(dict.fromkeys((1, middle, most)))
    key = [
        Entry(Area((), "count", _shade(n, most)), f"{n:,} subset{'' if n == 1 else 's'} in a cell")
        for n in counts
    ]
    words = {"estimate": "pooled effect of all", "zero": "no effect"}
    for kind, text in words.items():
        key += [Entry(line, text) for line in panels[0].strokes if line.kind == kind]
    for part in plot.parts:
        if part.outline is not None:
            said = f"{part.title[:1].lower()}{part.title[1:]}"
            key.append(Entry(Stroke((), part.outline), f"I² of subsets {said}"))
    return tuple(key)


def _told(plot: _Plot) -> list[str]:
    result = plot.result
    n, m = len(result.labels), len(result.estimate)
    unit = {"study": "studies"}.get(result.unit, "effects")
    told = [
        f"All {m:,} subsets of {n} {unit}."
        if result.complete
        else f"{m:,} random subsets of {n} {unit} (seed {result.seed})."
    ]
    lost = m - len(plot.estimate)
    if lost:
        told.append(f"{lost:,} have no answer and are not shown.")
    beyond = int((~plot.seen).sum())
    if beyond:
        told.append(f"{beyond:,} lie beyond the axis.")
    told.append("Shades go by the logarithm of the count.")
    return told


def _describe(plot: _Plot) -> str:
    result = plot.result
    kind = "GOSH plot (SYNTHETIC DATA)" if result.effects.synthetic else "GOSH plot"
    parts = [f"{kind}: mean and I² of {len(plot.estimate):,} subsets."]
    for part in plot.parts:
        if not part.which.any():
            continue
        low, middle, high = np.quantile(plot.estimate[part.which], (0.025, 0.5, 0.975))
        parts.append(
            f"{part.title or 'All'}: median mean {number(float(middle), 2)}, 95% of them from "
            f"{number(float(low), 2)} to {number(float(high), 2)}; median I² "
            f"{number(float(np.median(plot.i2[part.which])), 0)}%."
        )
    return " ".join(parts)
