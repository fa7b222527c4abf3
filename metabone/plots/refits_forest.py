"""Leave-one-out and cumulative forest plots, in the looks of the forest plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from metabone.errors import DataError
from metabone.plots.columns import effect_cell
from metabone.plots.forest import BANNER, sides, title_of
from metabone.plots.rows import TWO_DECIMALS
from metabone.plots.scales import Scale, check_limits, find_scale, limits, tick_sets
from metabone.plots.spec import PLOT, Axis, Column, ForestSpec, Mark, Row
from metabone.plots.styles import Style, find_style
from metabone.plots.words import (
    NO_NUMBER,
    decimals_for,
    level_text,
    measure_names,
    number,
    p_text,
)
from metabone.plots.xy_text import sensitivity_footer

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.results import Estimate
    from metabone.synthesis.sensitivity.influence_results import RefitLine, Refits

#: Area of a refit's square: all are alike, since none is an effect with a weight.
AREA = 0.4
#: More refits without an answer than this are counted, not named.
MOST_NAMED = 12
#: Intervals of fewer studies do not stretch the axis.
FEW = 3
_ORDERS = {
    "year": "the year", "precision": "precision, the most precise first",
    "quality": "quality, the best first",
}  # fmt: skip


def refits_forest(
    refits: Refits,
    *,
    style: str = "metabone",
    title: str | None = None,
    xlabel: str | None = None,
    xlim: tuple[float, float] | None = None,
    transform: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw a leave-one-out or cumulative forest plot; as `refits_forest_spec`, and two more.

    Parameters
    ----------
    width_mm : width of the figure; by default what its columns need, near 180 mm.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    DataError
        If there is no refit.
    UsageError
        For an unknown option or font, or a width into which the columns do not fit.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.layout import lay_out

    spec = refits_forest_spec(
        refits, style=style, title=title, xlabel=xlabel, xlim=xlim, transform=transform
    )
    return SpecFigure.of(lambda width: lay_out(spec, width_mm=width, font=font), width_mm)


def refits_forest_spec(
    refits: Refits,
    *,
    style: str = "metabone",
    title: str | None = None,
    xlabel: str | None = None,
    xlim: tuple[float, float] | None = None,
    transform: str | None = None,
) -> ForestSpec:
    """The forest plot of refits, as data: a row for each, then the answer of all effects.

    Parameters
    ----------
    refits : the answer of `leave_one_out` or `cumulative`; nothing is computed here.
    style : ``metabone``, ``revman``, ``jama`` or ``bmj``.
    title : above the plot; by default the outcome. An empty text shows none.
    xlabel : under the axis; by default the measure.
    xlim : ends of the axis as it is shown; by default wide enough for all but extreme intervals.
    transform : ``percent``, ``ratio`` or ``none``, see `find_scale`.

    Raises
    ------
    DataError
        If there is no refit.
    UsageError
        For an unknown option.

    References
    ----------
    Lau et al. (1992), doi:10.1056/NEJM199207233270406 (cumulative); Viechtbauer & Cheung (2010),
    doi:10.1002/jrsm.11 (leave-one-out).
    """
    if not refits.lines:
        raise DataError("there is no refit to draw")
    effects = refits.effects
    look, scale = find_style(style), find_scale(effects.measure, transform)
    rows = _rows(refits, look, scale)
    marks = _marks(refits, rows)
    low, high = limits(marks) if xlim is None else check_limits(xlim, scale)
    _, long = measure_names(effects.measure, effects.unit, look, scale.name)
    words = {"treated": look.words.treated, "control": look.words.control}
    return ForestSpec(
        style=look.name,
        title=title_of(effects) if title is None else title,
        columns=_columns(refits, look, scale),
        rows=rows,
        axis=Axis(
            low, high, tick_sets(low, high, scale), 0.0, refits.overall.estimate,
            long if xlabel is None else xlabel,
            *sides(effects.measure, effects.better, look, words),
        ),
        footer=sensitivity_footer(effects, refits.overall, refits.model, *_told(refits)),
        banner=BANNER if effects.synthetic else None,
        description=_describe(refits),
    )  # fmt: skip


def _columns(refits: Refits, style: Style, scale: Scale) -> tuple[Column, ...]:
    effects, numbers = refits.effects, style.numbers
    short, _ = measure_names(effects.measure, effects.unit, style, scale.name)
    header = f"{short} {numbers.open}{level_text(refits.level)}\u00a0CI{numbers.close}"
    left_out = refits.kind == "leave_one_out"
    columns = [Column("study", "Without" if left_out else "Adding", wrap=True)]
    if any(line.value for line in refits.lines):
        name = "SE" if refits.by == "precision" else refits.by.replace("_", " ")
        name = name[:1].upper() + name[1:]
        # Words from a column can be long; years and numbers are not.
        columns.append(Column("value", name, wrap=True))
    columns += [
        Column("studies", "Studies", parts=("right",)),
        Column("effects", "Effects", parts=("right",)),
        Column(PLOT, ""),
        Column("effect", header, parts=("right", "right", "right"), glue=0.4),
        Column("p", numbers.p_symbol, parts=("right",)),
        Column("tau2", "τ²", parts=("decimal",)),
    ]
    return tuple(columns)


def _rows(refits: Refits, style: Style, scale: Scale) -> tuple[Row, ...]:
    decimals = _decimals(refits, scale)
    rows = [_row(line, style, scale, decimals) for line in refits.lines]
    overall = refits.overall
    cells = _numbers(overall, overall.ci(), style, scale, decimals)
    mark = Mark("diamond", overall.estimate, *overall.ci())
    rows.append(Row("overall", "All effects", cells, mark))
    return (*rows, *(Row("note", text) for text in _missing(refits)))


def _marks(refits: Refits, rows: Sequence[Row]) -> list[Mark]:
    """What the axis must hold.

    The first steps of a cumulative analysis have one or no degree of freedom: their intervals end
    in arrows rather than squash all others.
    """
    few = {i for i, line in enumerate(refits.lines) if line.k_studies < FEW}
    few = few if len(few) < len(refits.lines) else set()
    return [
        replace(row.mark, low=row.mark.estimate, high=row.mark.estimate) if i in few else row.mark
        for i, row in enumerate(rows)
        if row.mark is not None
    ]


def _row(line: RefitLine, style: Style, scale: Scale, decimals: tuple[int, int]) -> Row:
    cells: dict[str, tuple[str, ...]] = {"study": (line.label,)}
    if line.value:
        cells["value"] = (line.value,)
    ends = (line.ci_low, line.ci_high)
    mark = Mark("square", line.estimate, *ends, weight=AREA)
    cells |= _numbers(line, ends, style, scale, decimals)
    return Row("study", cells=cells, mark=mark, source=line.rows[0] if line.rows else None)


def _numbers(
    found: RefitLine | Estimate,
    ends: tuple[float, float],
    style: Style,
    scale: Scale,
    decimals: tuple[int, int],
) -> dict[str, tuple[str, ...]]:
    """The cells of a refit or of the whole answer; a dash where it has no number."""
    cells: dict[str, tuple[str, ...]] = {
        "studies": (str(found.k_studies),), "effects": (str(found.k_effects),),
    }  # fmt: skip
    if math.isnan(found.estimate):
        return cells | {"effect": (NO_NUMBER, "", ""), "p": (NO_NUMBER,), "tau2": (NO_NUMBER,)}
    shown = (scale.show(found.estimate), scale.show(ends[0]), scale.show(ends[1]))
    signed = scale.name == "percent"
    p = p_text(found.pvalue, style.numbers).removeprefix(style.numbers.p_symbol)
    return cells | {
        "effect": effect_cell(shown, decimals[0], style, signed=signed),
        "p": (p.removeprefix(style.numbers.eq).strip("\u00a0 "),),
        "tau2": (number(found.tau2, decimals[1]),),
    }


def _decimals(refits: Refits, scale: Scale) -> tuple[int, int]:
    """Decimals of effects and of τ²."""
    overall = refits.overall
    tau2 = [line.tau2 for line in refits.lines if line.tau2 > 0] or [overall.tau2]
    for_tau2 = max(2, decimals_for(median(tau2), most=4))
    if refits.effects.measure in TWO_DECIMALS or scale.name == "ratio":
        return 2, for_tau2
    ends = [overall.ci(), *((line.ci_low, line.ci_high) for line in refits.lines)]
    widths = [scale.show(high) - scale.show(low) for low, high in ends]
    finite = [width for width in widths if math.isfinite(width)]
    return decimals_for(median(finite) / 2 if finite else math.nan), for_tau2


def _missing(refits: Refits) -> list[str]:
    """A line for each reason why refits have no answer, with their names."""
    by_reason: dict[str, list[str]] = {}
    for line in refits.lines:
        if math.isnan(line.estimate):
            by_reason.setdefault(line.reason or "the model has no answer", []).append(line.label)
    without = "without" if refits.kind == "leave_one_out" else "up to"
    return [
        f"No answer {without} {_listed(names)}: {reason}." for reason, names in by_reason.items()
    ]


def _listed(names: Sequence[str]) -> str:
    if len(names) > MOST_NAMED:
        return f"{len(names)} of them"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _told(refits: Refits) -> list[str]:
    if refits.kind == "leave_one_out":
        unit = "study with all its effects" if refits.by == "study" else "effect"
        told = [f"Each row: the answer without one {unit}."]
    else:
        order = _ORDERS.get(refits.by, f"the column {refits.by}")
        told = [f"Each row: the answer of the studies down to it, in the order of {order}."]
    low, high = refits.range
    if not math.isnan(low):
        told.append(f"Estimates from {number(low, 2)} to {number(high, 2)}.")
    told.append(
        f"Lines: {level_text(refits.level)} confidence intervals; diamond: all effects; "
        "arrows: beyond the axis."
    )
    return told


def _describe(refits: Refits) -> str:
    kind = "Leave-one-out forest plot" if refits.kind == "leave_one_out" else (
        "Cumulative forest plot"
    )  # fmt: skip
    kind += " (SYNTHETIC DATA)" if refits.effects.synthetic else ""
    overall = refits.overall
    low, high = overall.ci()
    parts = [
        f"{kind} of {title_of(refits.effects)}. All {overall.k_effects} effects of "
        f"{overall.k_studies} studies: {number(overall.estimate, 2)} ({number(low, 2)} to "
        f"{number(high, 2)})."
    ]
    lead = "Without" if refits.kind == "leave_one_out" else "Adding"
    for line in refits.lines:
        if math.isnan(line.estimate):
            parts.append(f"{lead} {line.label}: no answer.")
        else:
            ends = f"{number(line.ci_low, 2)} to {number(line.ci_high, 2)}"
            parts.append(f"{lead} {line.label}: {number(line.estimate, 2)} ({ends}).")
    return " ".join(parts)
