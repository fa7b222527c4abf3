"""Caterpillar plot: all effects in the order of their size, with what is pooled of them below."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from metabone.models.intervals import interval
from metabone.plots.footer import about
from metabone.plots.forest import BANNER, outcome_title, sides
from metabone.plots.labels import row_labels
from metabone.plots.scales import check_limits, find_scale
from metabone.plots.spec import Axis, Tick
from metabone.plots.styles import find_style
from metabone.plots.words import level_text, measure_names, number
from metabone.plots.xy_scales import across, span
from metabone.plots.xy_spec import Dot, Entry, Panel, Stroke, StrokeKind, Upright, XYSpec

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.results import PoolResult

#: Up to so many effects all are named; from so many on their intervals are hairs, and from so many
#: on their points lie so close that one line says where they are.
ALL_NAMED, HAIRS, ONE_LINE = 60, 250, 600
#: Height of a named effect, of the panel of very many effects, and of a pooled line, in em.
PITCH, HIGHEST, POOLED = 1.35, 84.0, 1.9
#: Radius of an effect's point, in em: named, unnamed, very many.
SIZES = (0.3, 0.2, 0.13)

Effect = tuple[int, float, float, float]


def caterpillar(
    result: PoolResult,
    *,
    title: str | None = None,
    xlabel: str | None = None,
    xlim: tuple[float, float] | None = None,
    show_prediction: bool = True,
    transform: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw a caterpillar plot; the arguments are those of `caterpillar_spec`, and two more.

    Parameters
    ----------
    width_mm : width of the figure, 150 mm by default.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        For an unknown option or font, or a width too narrow.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.xy_layout import lay_out_xy

    spec = caterpillar_spec(
        result, title=title, xlabel=xlabel, xlim=xlim, show_prediction=show_prediction,
        transform=transform,
    )  # fmt: skip
    return SpecFigure.of(lambda width: lay_out_xy(spec, width_mm=width, font=font), width_mm)


def caterpillar_spec(
    result: PoolResult,
    *,
    title: str | None = None,
    xlabel: str | None = None,
    xlim: tuple[float, float] | None = None,
    show_prediction: bool = True,
    transform: str | None = None,
) -> XYSpec:
    """The caterpillar plot of a pooled answer, as data.

    Parameters
    ----------
    result : the answer; nothing is pooled here.
    title : above the plot; by default the outcome. An empty text shows none.
    xlabel : under the axis; by default the measure.
    xlim : ends of the axis as it is shown; by default wide enough for all but extreme intervals.
    show_prediction : whether the prediction interval is drawn.
    transform : ``percent``, ``ratio`` or ``none``, see `find_scale`.

    Raises
    ------
    UsageError
        For an unknown option.

    References
    ----------
    Nakagawa et al. (2021), doi:10.1002/jrsm.1424.
    """
    effects, style = result.effects, find_style("metabone")
    scale = find_scale(effects.measure, transform)
    found = _sorted(result)
    prediction = show_prediction and not math.isnan(sum(result.overall.pi()))
    ends = _ends(result, found, prediction) if xlim is None else check_limits(xlim, scale)
    _, long = measure_names(effects.measure, effects.unit, style, scale.name)
    words = {"treated": style.words.treated, "control": style.words.control}
    axis = across(ends, long if xlabel is None else xlabel, scale=scale,
                  sides=sides(effects.measure, effects.better, style, words))  # fmt: skip
    upper = _effects(result, found, axis)
    lower = _pooled(result, axis, prediction)
    k = len(found)
    high = PITCH * k if k <= ALL_NAMED else min(PITCH * ALL_NAMED + 0.04 * (k - ALL_NAMED), HIGHEST)
    shown = _told(result, found, ends, prediction)
    return XYSpec(
        kind="Caterpillar plot",
        title=outcome_title(result) if title is None else title,
        panels=(upper, lower),
        key=_key(result, upper, prediction),
        footer=about(result, style, shown),
        banner=BANNER if effects.synthetic else None,
        description=_describe(result, found),
        heights=(high, POOLED * (2 if prediction else 1)),
        in_em=True,
        width_mm=150.0,
    )


def _sorted(result: PoolResult) -> list[Effect]:
    """Spreadsheet row, effect and interval, the smallest effect first; ties as in the table."""
    effects = result.effects
    found = [
        (row, yi, *interval(yi, math.sqrt(vi), math.nan, result.level))
        for row, yi, vi in zip(
            effects.frame.index.tolist(), effects.yi.tolist(), effects.vi.tolist(), strict=True
        )
    ]
    return sorted(found, key=lambda one: one[1])


def _ends(result: PoolResult, found: list[Effect], prediction: bool) -> tuple[float, float]:
    """Ends of the axis: no effect and all that is pooled are on it, giants are not."""
    typical = median(high - low for _, _, low, high in found)
    values = [value for _, yi, low, high in found for value in (low, yi, high)]
    pooled = [*result.overall.ci(), *(result.overall.pi() if prediction else ())]
    # With few studies a prediction interval can be far wider than all effects together.
    low, high = span(values, [0.0, result.overall.estimate], width=typical)
    room = high - low
    inside = [end for end in pooled if low - room <= end <= high + room]
    return span(values, [0.0, result.overall.estimate, *inside], width=typical, room=0.03)


def _effects(result: PoolResult, found: list[Effect], axis: Axis) -> Panel:
    k = len(found)
    named = k <= ALL_NAMED
    kind: StrokeKind = "interval" if k < HAIRS else "hair"
    labels = row_labels(result.effects.frame, [[one[0] for one in found]]) if named else {}
    names = tuple(Tick(i + 1.0, labels[one[0]]) for i, one in enumerate(found)) if named else ()
    floor = k + 0.8
    lines = [
        Stroke(((low, i + 1.0), (high, i + 1.0)), kind) for i, (_, _, low, high) in enumerate(found)
    ]
    dots = [Dot(yi, i + 1.0, source=row) for i, (row, yi, _, _) in enumerate(found)]
    through: list[Stroke] = []
    if k >= ONE_LINE:
        through = [Stroke(tuple((dot.x, dot.y) for dot in dots), "estimate")]
        dots = [dot for dot in dots if not axis.low <= dot.x <= axis.high]
    size = SIZES[0] if named else SIZES[1] if k < HAIRS else SIZES[2]
    return Panel(
        x=axis,
        y=Upright(0.2, floor, ((),), down=True, names=names),
        strokes=(*lines, *_uprights(result, (0.2, floor)), *through),
        dots=tuple(dots),
        size=size,
        x_shown=False,
    )


def _pooled(result: PoolResult, axis: Axis, prediction: bool) -> Panel:
    overall, level = result.overall, level_text(result.level)
    low, high = overall.ci()
    names = [Tick(1.0, f"Pooled, {level} CI")]
    lines = [Stroke(((low, 1.0), (high, 1.0)), "trunk")]
    floor = 1.5
    if prediction:
        floor = 2.5
        names.append(Tick(2.0, f"{level} prediction interval"))
        ends = overall.pi()
        lines.append(Stroke(((ends[0], 2.0), (ends[1], 2.0)), "branch"))
        lines += [Stroke(((x, 1.8), (x, 2.2)), "branch") for x in ends]
    return Panel(
        x=axis,
        y=Upright(0.4, floor, ((),), down=True, names=tuple(names)),
        strokes=(*_uprights(result, (0.4, floor)), *lines),
        dots=(Dot(overall.estimate, 1.0, "level"),),
        row=1,
        size=0.26,
    )


def _uprights(result: PoolResult, ends: tuple[float, float]) -> list[Stroke]:
    places: tuple[tuple[float, StrokeKind], ...] = (
        (0.0, "zero"), (result.overall.estimate, "limit"),
    )  # fmt: skip
    return [Stroke(((x, ends[0]), (x, ends[1])), kind) for x, kind in places]


def _key(result: PoolResult, panel: Panel, prediction: bool) -> tuple[Entry, ...]:
    level = level_text(result.level)
    many = panel.line("estimate")
    sample: Dot | Stroke = many[0] if many else Dot(0, 0)
    key = [
        Entry(sample, "effect"),
        Entry(panel.strokes[0], f"its {level} confidence interval"),
        Entry(Stroke((), "trunk"), "that of the pooled effect"),
    ]
    if prediction:
        key.append(Entry(Stroke((), "branch"), "prediction interval"))
    return (
        *key,
        Entry(Stroke((), "limit"), "pooled effect"),
        Entry(Stroke((), "zero"), "no effect"),
    )


def _told(
    result: PoolResult, found: list[Effect], ends: tuple[float, float], prediction: bool
) -> str:
    k, overall = len(found), result.overall
    told = [f"{k} effects in the order of their size" + ("." if k <= ALL_NAMED else ", unnamed.")]
    cut = sum(low < ends[0] or high > ends[1] for _, _, low, high in found)
    if cut:
        noun = "interval runs" if cut == 1 else "intervals run"
        told.append(f"{cut} {noun} beyond the axis and {'is' if cut == 1 else 'are'} cut there.")
    away = sum(not ends[0] <= yi <= ends[1] for _, yi, _, _ in found)
    if away:
        noun = "effect lies" if away == 1 else "effects lie"
        told.append(f"{away} {noun} beyond the axis: arrow heads.")
    pooled = [("confidence", overall.ci()), *([("prediction", overall.pi())] if prediction else [])]
    for name, (low, high) in pooled:
        if low < ends[0] or high > ends[1]:
            told.append(f"The {name} interval, {number(low, 2)} to {number(high, 2)}, is cut, too.")
    return " ".join(told)


def _describe(result: PoolResult, found: list[Effect]) -> str:
    overall = result.overall
    kind = "Caterpillar plot" + (" (SYNTHETIC DATA)" if result.effects.synthetic else "")
    above = sum(low > 0 for _, _, low, _ in found)
    below = sum(high < 0 for _, _, _, high in found)
    low, high = overall.ci()
    parts = [
        f"{kind} of {result.outcome}: {overall.k_effects} effects of {overall.k_studies} studies, "
        f"from {number(found[0][1], 2)} to {number(found[-1][1], 2)}.",
        f"The intervals of {above} lie above no effect, those of {below} below it.",
        f"Pooled effect {number(overall.estimate, 2)} ({number(low, 2)} to {number(high, 2)}).",
    ]
    ends = overall.pi()
    if not math.isnan(sum(ends)):
        parts.append(f"Prediction interval {number(ends[0], 2)} to {number(ends[1], 2)}.")
    return " ".join(parts)
