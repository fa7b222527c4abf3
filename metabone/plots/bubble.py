"""Bubble plot: effects against a moderator of a meta-regression, with what it expects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from metabone.errors import DataError, UsageError
from metabone.models.intervals import check_level, critical
from metabone.options import PointLabels, check_option, nearest
from metabone.plots.bubble_text import describe, footer, key
from metabone.plots.forest import BANNER, outcome_title, sides
from metabone.plots.labels import row_labels, sentence_case
from metabone.plots.scales import check_limits, find_scale, limits
from metabone.plots.spec import Axis, Mark, Tick
from metabone.plots.styles import find_style
from metabone.plots.words import measure_names
from metabone.plots.xy_scales import LOGARITHM, PLAIN, across, span, upright
from metabone.plots.xy_spec import Area, Dot, Panel, Stroke, XYSpec
from metabone.synthesis.factors import NumericFactor, TextFactor

if TYPE_CHECKING:
    import pandas as pd

    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.regression_results import RegressionResult

Band = Literal["prediction", "confidence"]
#: Values of the moderator at which the line is drawn.
STEPS = 80
#: At most so many names beside bubbles unless all are asked for.
MOST_LABELS = 10
#: Half the width of the band of a level, and of the room for its bubbles, of the room it has.
BAND, SPREAD = 0.36, 0.3
#: Room for the name of a level, in millimetres.
LEVEL_MM = 20.0


def bubble(
    result: RegressionResult,
    moderator: str | None = None,
    *,
    at: Mapping[str, Any] | None = None,
    level: float | None = None,
    show_prediction: bool = True,
    labels: str = "auto",
    title: str | None = None,
    xlabel: str | None = None,
    ylim: tuple[float, float] | None = None,
    transform: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw a bubble plot; the arguments are those of `bubble_spec`, and two more.

    Parameters
    ----------
    width_mm : width of the figure, 130 mm by default.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        For an unknown moderator, option or font, or a width too narrow.
    DataError
        For a value in `at` that the model does not know.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.xy_layout import lay_out_xy

    spec = bubble_spec(
        result, moderator, at=at, level=level, show_prediction=show_prediction, labels=labels,
        title=title, xlabel=xlabel, ylim=ylim, transform=transform,
    )  # fmt: skip
    return SpecFigure.of(lambda width: lay_out_xy(spec, width_mm=width, font=font), width_mm)


def bubble_spec(
    result: RegressionResult,
    moderator: str | None = None,
    *,
    at: Mapping[str, Any] | None = None,
    level: float | None = None,
    show_prediction: bool = True,
    labels: str = "auto",
    title: str | None = None,
    xlabel: str | None = None,
    ylim: tuple[float, float] | None = None,
    transform: str | None = None,
) -> XYSpec:
    """The bubble plot of a meta-regression, as data.

    A moderator in numbers gives a line with its confidence and prediction bands; one in words gives
    the mean of each level with both intervals, the effects beside each other.

    Parameters
    ----------
    result : the meta-regression; the line is `result.predict`, nothing is fitted here.
    moderator : a column of the formula; may be left out where there is only one.
    at : values of the other columns; by default the mean of numbers and the most frequent word.
    level : of the intervals; by default that of the analysis.
    show_prediction : whether prediction intervals are drawn.
    labels : ``auto`` (effects outside the prediction that the model gives them), ``all`` or
        ``none``.
    title : above the plot; by default the outcome. An empty text shows none.
    xlabel : under the axis; by default the column.
    ylim : ends of the vertical axis as it is shown.
    transform : ``percent``, ``ratio`` or ``none``, see `find_scale`.

    Raises
    ------
    UsageError
        For a moderator that is not in the formula, or an unknown option.
    DataError
        For a value in `at` that the model does not know.

    References
    ----------
    Thompson & Higgins (2002), doi:10.1002/sim.1187.
    """
    check_option("labels", labels, PointLabels)
    level = result.level if level is None else check_level(level)
    plot = _plot(result, moderator, dict(at or {}), level)
    style, scale = find_style("metabone"), find_scale(result.effects.measure, transform)
    dots = _dots(plot, labels, level)
    ends = _heights(plot, show_prediction) if ylim is None else check_limits(ylim, scale)
    effects = result.effects
    _, long = measure_names(effects.measure, effects.unit, style, scale.name)
    words = {"treated": style.words.treated, "control": style.words.control}
    down, up = sides(effects.measure, effects.better, style, words)
    areas, strokes = _fitted(plot, show_prediction)
    x = _across(plot, plot.name if xlabel is None else xlabel)
    panel = Panel(
        x=x,
        y=upright(ends, f"{long}; ↑ {_low(up)}, ↓ {_low(down)}", scale=scale),
        areas=areas,
        strokes=(Stroke(((x.low, 0.0), (x.high, 0.0)), "zero"), *strokes),
        dots=dots,
        x_names=tuple(Tick(float(i), sentence_case(w)) for i, w in enumerate(plot.levels)),
        size=_size(len(dots)),
    )
    return XYSpec(
        kind="Bubble plot",
        title=outcome_title(result) if title is None else title,
        panels=(panel,),
        key=key(panel, level),
        footer=footer(result, style, panel, plot),
        banner=BANNER if effects.synthetic else None,
        description=describe(result, panel, plot),
        heights=(0.7,),
        width_mm=max(130.0, min(LEVEL_MM * len(plot.levels), 260.0)),
    )


@dataclass(frozen=True, slots=True)
class BubblePlot:
    """A moderator with what the model expects along it.

    `levels` are its words, empty for numbers; `x` the places of the effects and `grid` those of
    `expected`, which has ``estimate ci_low ci_high pi_low pi_high``; `log`: the places are
    logarithms; `held` the values of the other columns.
    """

    result: RegressionResult
    column: str
    levels: tuple[str, ...]
    log: bool
    x: tuple[float, ...]
    grid: tuple[float, ...]
    expected: pd.DataFrame
    held: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The column for people."""
        what = self.column.removesuffix("_weeks") or self.column
        name = sentence_case(what.replace("_", " "))
        return name if what == self.column else f"{name}, weeks"

    def band(self, name: str) -> list[float]:
        """One column of what is expected."""
        return [float(value) for value in self.expected[name]]


def _plot(
    result: RegressionResult, moderator: str | None, at: dict[str, Any], level: float
) -> BubblePlot:
    columns = result.design.formula.columns
    column = _column(moderator, columns)
    others = [name for name in columns if name != column]
    for name in at:
        if name not in others:
            raise UsageError(
                f"at: {name!r} is no other column of the formula; they are "
                f"{', '.join(map(repr, others)) or 'none'}"
            )
    frame = result.effects.frame
    held = {name: at.get(name, _typical(result, name)) for name in others}
    levels = _words(result, column)
    log = not levels and _is_log(result, column)
    if levels:
        words = [f"{v:.12g}" if isinstance(v, float) else str(v) for v in frame[column]]
        x = tuple(float(levels.index(word)) for word in words)
        grid = tuple(map(float, range(len(levels))))
        shown: list[Any] = list(levels)
    else:
        values = frame[column].astype(float).tolist()
        x = tuple(math.log(v) if log else v for v in values)
        grid = tuple(np.linspace(min(x), max(x), STEPS + 1).tolist())
        # The ends exactly, so that they do not lie outside the data by a rounding.
        inner = [math.exp(g) if log else g for g in grid[1:-1]]
        shown = [min(values), *inner, max(values)]
    expected = result.predict({column: shown, **held}, level)
    return BubblePlot(result, column, levels, log, x, grid, expected, held)


def _column(moderator: str | None, columns: Sequence[str]) -> str:
    listed = ", ".join(map(repr, columns))
    if moderator is None:
        if len(columns) == 1:
            return columns[0]
        raise UsageError(f"moderator: the formula has {listed}; say which to draw")
    if moderator not in columns:
        near = nearest(moderator, columns, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; it has {listed}"
        raise UsageError(f"moderator: the formula has no column {moderator!r}{hint}")
    return moderator


def _words(result: RegressionResult, column: str) -> tuple[str, ...]:
    """The levels of a column that enters as words, the reference first; empty for numbers."""
    for each in result.design.factors:
        if each.factor.column == column and isinstance(each, TextFactor):
            return each.levels
    return ()


def _is_log(result: RegressionResult, column: str) -> bool:
    """Whether a column enters only as its logarithm."""
    factors = [one.factor for one in result.design.factors if one.factor.column == column]
    return all("log" in factor.functions for factor in factors)


def _typical(result: RegressionResult, column: str) -> Any:
    """The mean of a column of numbers, or its most frequent word (of equals the first level)."""
    for each in result.design.factors:
        if each.factor.column != column:
            continue
        if isinstance(each, TextFactor):
            return each.levels[int(np.argmax(each.counts))]
        if isinstance(each, NumericFactor):
            return float(result.effects.frame[column].astype(float).mean())
    raise DataError(f"the model does not know the column {column!r}")


def _dots(plot: BubblePlot, labels: str, level: float) -> tuple[Dot, ...]:
    result = plot.result
    yi, vi = result.effects.yi, result.effects.vi
    weight = 1 / (vi + result.tau2)
    area = weight / weight.max()
    rows = [int(row) for row in result.effects.frame.index]
    coef = [each.estimate for each in result.coefficients]
    fitted = dict(zip(result.design.rows, result.design.X @ np.array(coef), strict=True))
    own = np.array([fitted[row] for row in rows])
    away = np.abs(yi - own) * np.sqrt(weight)
    names = row_labels(result.effects.frame, [rows]) if labels != "none" else {}
    first = sorted(range(len(rows)), key=lambda i: (-away[i], i))[:MOST_LABELS]
    named = {i for i in first if away[i] > critical(math.nan, level)}
    xs = _apart(plot) if plot.levels else plot.x
    return tuple(
        Dot(
            float(xs[i]), float(yi[i]), "bubble", float(area[i]),
            label=names.get(row, "") if labels == "all" or i in named else "",
            rank=float(away[i]), source=row,
        )
        for i, row in enumerate(rows)
    )  # fmt: skip


def _apart(plot: BubblePlot) -> list[float]:
    """Places of effects beside each other within their level, in the order of their size.

    The golden ratio spreads any number of them evenly without chance.
    """
    yi, x = plot.result.effects.yi, list(plot.x)
    for level in set(plot.x):
        here = [i for i, value in enumerate(plot.x) if value == level]
        here.sort(key=lambda i: yi[i])
        for place, i in enumerate(here):
            share = (place * 0.6180339887498949 + 0.5) % 1 if len(here) > 1 else 0.5
            x[i] = level + SPREAD * (2 * share - 1)
    return x


def _size(k: int) -> float:
    """Radius of the largest bubble in em: smaller the more there are."""
    return max(0.55, min(1.15, 1.15 * math.pow(30 / max(k, 1), 0.35)))


def _heights(plot: BubblePlot, show_prediction: bool) -> tuple[float, float]:
    """Zero and the line are on the axis, single effects as far as in a forest plot."""
    names = ("ci_low", "ci_high", *(("pi_low", "pi_high") if show_prediction else ()))
    bands = [v for name in names for v in plot.band(name) if math.isfinite(v)]
    effects = plot.result.effects
    half = critical(math.nan, 0.95) * np.sqrt(effects.vi)
    marks = [
        Mark("square", y, y - h, y + h)
        for y, h in zip(effects.yi.tolist(), half.tolist(), strict=True)
    ]
    low, high = limits(marks)
    inside = [y for y in effects.yi.tolist() if low <= y <= high]
    return span([0.0], [*inside, *bands, *plot.band("estimate")], room=0.05)


def _across(plot: BubblePlot, label: str) -> Axis:
    if plot.levels:
        return across((-0.5, len(plot.levels) - 0.5), label, ticks=())
    low, high = min(plot.x), max(plot.x)
    room = 0.05 * (high - low)
    return across((low - room, high + room), label, scale=LOGARITHM if plot.log else PLAIN)


def _fitted(plot: BubblePlot, show_prediction: bool) -> tuple[tuple[Area, ...], tuple[Stroke, ...]]:
    """Bands and line, or a band and a line for each level."""
    areas, strokes = [], []
    bands: tuple[Band, ...] = ("prediction", "confidence")
    for kind in bands if show_prediction else bands[1:]:
        short = "pi" if kind == "prediction" else "ci"
        lower, upper = plot.band(f"{short}_low"), plot.band(f"{short}_high")
        if plot.levels:
            pieces = [
                ([g - BAND, g + BAND], [a, a], [b, b])
                for g, a, b in zip(plot.grid, lower, upper, strict=True)
            ]
        else:
            pieces = [(list(plot.grid), lower, upper)]
        for xs, a, b in pieces:
            if not all(map(math.isfinite, (*a, *b))):
                continue
            there = list(zip(xs, a, strict=True))
            back = list(zip(xs[::-1], b[::-1], strict=True))
            areas.append(Area((*there, *back), kind))
            if kind == "prediction":
                strokes += [Stroke(tuple(there), kind), Stroke(tuple(back), kind)]
    middle = plot.band("estimate")
    if plot.levels:
        strokes += [
            Stroke(((g - BAND, m), (g + BAND, m)), "estimate")
            for g, m in zip(plot.grid, middle, strict=True)
        ]
    else:
        strokes.append(Stroke(tuple(zip(plot.grid, middle, strict=True)), "estimate"))
    return tuple(areas), tuple(strokes)


def _low(text: str) -> str:
    return text[:1].lower() + text[1:]
