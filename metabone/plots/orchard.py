"""Orchard plot: every effect as a bubble, over them what is pooled, with both intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from metabone.plots.columns import effect_cell
from metabone.plots.footer import about, describe
from metabone.plots.forest import BANNER, outcome_title, sides, strata_of
from metabone.plots.labels import sentence_case
from metabone.plots.rows import TWO_DECIMALS
from metabone.plots.scales import Scale, check_limits, find_scale, limits, tick_sets
from metabone.plots.spec import PLOT, Axis, Column, ForestSpec, Mark, Row
from metabone.plots.styles import Style, find_style
from metabone.plots.words import NO_NUMBER, decimals_for, level_text, measure_names

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.results import Estimate, PoolResult, Stratum

#: Width of the figure unless asked otherwise: the bubbles want room.
WIDTH_MM = 180.0


def orchard(
    result: PoolResult,
    *,
    by: str | Sequence[str] | None = None,
    style: str = "metabone",
    title: str | None = None,
    xlabel: str | None = None,
    xlim: tuple[float, float] | None = None,
    show_prediction: bool = True,
    transform: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw an orchard plot; the arguments are those of `orchard_spec`, and two more.

    Parameters
    ----------
    width_mm : width of the figure, 180 mm by default.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        For an unknown option or font, or a width into which the columns do not fit.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.layout import lay_out

    spec = orchard_spec(
        result, by=by, style=style, title=title, xlabel=xlabel, xlim=xlim,
        show_prediction=show_prediction, transform=transform,
    )  # fmt: skip
    return SpecFigure.of(
        lambda width: lay_out(spec, width_mm=WIDTH_MM if width is None else width, font=font),
        width_mm,
    )


def orchard_spec(
    result: PoolResult,
    *,
    by: str | Sequence[str] | None = None,
    style: str = "metabone",
    title: str | None = None,
    xlabel: str | None = None,
    xlim: tuple[float, float] | None = None,
    show_prediction: bool = True,
    transform: str | None = None,
) -> ForestSpec:
    """The orchard plot of a pooled answer, as data: a row for each stratum, then all effects.

    Parameters
    ----------
    result : the answer; nothing is computed here that it does not hold.
    by : the grouping to show, one of those it was pooled by; by default the first. An empty text
        shows all effects alone.
    style : ``metabone``, ``revman``, ``jama`` or ``bmj``.
    title : above the plot; by default the outcome. An empty text shows none.
    xlabel : under the axis; by default the measure.
    xlim : ends of the axis as it is shown; by default wide enough for all but extreme effects.
    show_prediction : whether prediction intervals are drawn and printed.
    transform : ``percent``, ``ratio`` or ``none``, see `find_scale`.

    Raises
    ------
    UsageError
        For an unknown option.

    References
    ----------
    Nakagawa et al. (2021), doi:10.1002/jrsm.1424.
    """
    look, effects = find_style(style), result.effects
    scale = find_scale(effects.measure, transform)
    strata = strata_of(result, by)
    rows = _rows(result, strata, look, scale, show_prediction)
    low, high = limits(_marks(rows)) if xlim is None else check_limits(xlim, scale)
    _, long = measure_names(effects.measure, effects.unit, look, scale.name)
    words = {"treated": look.words.treated, "control": look.words.control}
    return ForestSpec(
        style=look.name,
        title=outcome_title(result) if title is None else title,
        columns=_columns(result, strata, look, scale, show_prediction),
        rows=rows,
        axis=Axis(
            low, high, tick_sets(low, high, scale), 0.0, result.overall.estimate,
            long if xlabel is None else xlabel,
            *sides(effects.measure, effects.better, look, words),
        ),
        footer=about(result, look, _told(result, (low, high), show_prediction), strata),
        banner=BANNER if effects.synthetic else None,
        description=describe(result, strata, kind="Orchard plot"),
    )  # fmt: skip


def _columns(
    result: PoolResult, strata: Sequence[Stratum], style: Style, scale: Scale, prediction: bool
) -> tuple[Column, ...]:
    effects, numbers = result.effects, style.numbers
    short, _ = measure_names(effects.measure, effects.unit, style, scale.name)
    level = level_text(result.level)
    by = " × ".join(name.replace("_", " ") for name in strata[0].by) if strata else ""
    columns = [
        Column("study", by[:1].upper() + by[1:], wrap=True),
        Column("effects", "k", parts=("right",)),
        Column("studies", "Studies", parts=("right",)),
        Column(PLOT, ""),
        Column("effect", f"{short} {numbers.open}{level}\u00a0CI{numbers.close}",
               parts=("right", "right", "right"), glue=0.4),
    ]  # fmt: skip
    if prediction and any(_has_prediction(one) for one in _estimates(result, strata)):
        columns.append(Column("pi", f"{level}\u00a0PI", parts=("right", "right"), glue=0.4))
    return tuple(columns)


def _estimates(result: PoolResult, strata: Sequence[Stratum]) -> list[Estimate]:
    found = [stratum.estimate for stratum in strata if stratum.estimate is not None]
    return [*found, result.overall]


def _has_prediction(estimate: Estimate) -> bool:
    return not math.isnan(sum(estimate.pi()))


def _rows(
    result: PoolResult, strata: Sequence[Stratum], style: Style, scale: Scale, prediction: bool
) -> tuple[Row, ...]:
    decimals = _decimals(result, strata, scale)
    vi = result.effects.vi
    # Without any sampling variance (never from a table) all are as precise.
    precision = [1 / math.sqrt(v) if v > 0 else math.inf for v in vi.tolist()]
    most = max((p for p in precision if math.isfinite(p)), default=1.0)
    places = {
        row: (yi, min(p / most, 1.0))
        for row, yi, p in zip(
            result.effects.frame.index.tolist(), result.effects.yi.tolist(), precision, strict=True
        )
    }

    def row(
        kind: str, label: str, members: Sequence[int], counts: tuple[int, int],
        estimate: Estimate | None,
    ) -> Row:  # fmt: skip
        cells: dict[str, tuple[str, ...]] = {
            "effects": (str(counts[0]),),
            "studies": (str(counts[1]),),
        }
        cells |= _numbers(estimate, style, scale, decimals, prediction)
        fruit = tuple(places[member] for member in members)
        if estimate is None:
            mark = Mark("swarm", math.nan, math.nan, math.nan, fruit=fruit)
        else:
            spread = estimate.pi() if prediction else None
            mark = Mark("swarm", estimate.estimate, *estimate.ci(), spread=spread, fruit=fruit)
        if kind == "overall":
            return Row("overall", label, cells, mark)
        return Row("study", cells={"study": (label,)} | cells, mark=mark)

    rows: list[Row] = []
    for one in strata:
        if one.rows:  # an empty cell of a two-way table has nothing to draw
            label = " × ".join(sentence_case(value) for value in one.by.values())
            rows.append(row("study", label, one.rows, (one.k_effects, one.k_studies), one.estimate))
            if one.estimate is None:
                rows.append(Row("note", sentence_case(one.reason or "not pooled")))
    whole = result.overall
    label = "All effects" if strata else "Overall"
    members = result.effects.frame.index.tolist()
    rows.append(row("overall", label, members, (whole.k_effects, whole.k_studies), whole))
    return tuple(rows)


def _numbers(
    estimate: Estimate | None, style: Style, scale: Scale, decimals: int, prediction: bool
) -> dict[str, tuple[str, ...]]:
    """The cells of a pooled effect and of its prediction interval."""
    if estimate is None:
        return {"effect": (NO_NUMBER, "", "")}
    signed = scale.name == "percent"
    low, high = (scale.show(end) for end in estimate.ci())
    shown = (scale.show(estimate.estimate), low, high)
    cells: dict[str, tuple[str, ...]] = {
        "effect": effect_cell(shown, decimals, style, signed=signed)
    }
    if prediction and _has_prediction(estimate):
        low, high = (scale.show(end) for end in estimate.pi())
        cells["pi"] = effect_cell((math.nan, low, high), decimals, style, signed=signed)[1:]
    return cells


def _decimals(result: PoolResult, strata: Sequence[Stratum], scale: Scale) -> int:
    if result.effects.measure in TWO_DECIMALS or scale.name == "ratio":
        return 2
    ends = [one.ci() for one in _estimates(result, strata)]
    widths = [scale.show(high) - scale.show(low) for low, high in ends]
    finite = [width for width in widths if math.isfinite(width)]
    return decimals_for(median(finite) / 2 if finite else math.nan)


def _marks(rows: Sequence[Row]) -> list[Mark]:
    """What the axis must hold: the effects up to its fences, and what is pooled."""
    marks = [row.mark for row in rows if row.mark is not None]
    effects = [Mark("square", x, x, x) for x, _ in marks[-1].fruit]
    pooled = [
        Mark("diamond", one.estimate, one.low, one.high, spread=one.spread)
        for one in marks
        if not math.isnan(one.estimate)
    ]
    return [*effects, *pooled]


def _told(result: PoolResult, ends: tuple[float, float], prediction: bool) -> str:
    text = (
        "Bubbles: effects, area by precision (1/SE), their height in the row without meaning; "
        "circle: pooled effect; thick bar: its confidence interval"
    )
    if prediction:
        text += "; thin bar: prediction interval"
    beyond = sum(not ends[0] <= yi <= ends[1] for yi in result.effects.yi.tolist())
    if beyond:
        text += f"; arrows: beyond the axis ({beyond} {'effect' if beyond == 1 else 'effects'})"
    return f"{text}."
