"""From a pooled answer to a forest plot: what stands where, as data, and the figure of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from metabone.errors import UsageError
from metabone.plots.columns import choose, define, shown_columns
from metabone.plots.footer import describe, footer
from metabone.plots.labels import row_labels
from metabone.plots.rob_columns import ROB, fill_rob, legend_of, shown_items
from metabone.plots.rows import Builder, order_rows
from metabone.plots.scales import Scale, check_limits, find_scale, limits, tick_sets
from metabone.plots.spec import PLOT, Axis, ForestSpec, Mark
from metabone.plots.styles import Style, find_style
from metabone.plots.words import level_text, measure_names

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.regression_results import RegressionResult
    from metabone.synthesis.results import PoolResult, Stratum

#: Words that `labels` can replace.
LABELS = ("study", "effect", "plot", "weight", "treated", "control", "axis", "left", "right")
#: Measures of spread, of which neither direction is better.
VARIABILITY = ("VR", "CVR")
BANNER = "SYNTHETIC DATA: made by a script, not measured in animals"


def forest(
    result: PoolResult,
    *,
    by: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    style: str = "metabone",
    sort: str | None = None,
    title: str | None = None,
    xlabel: str | None = None,
    xlim: tuple[float, float] | None = None,
    labels: Mapping[str, str] | None = None,
    show_prediction: bool = True,
    transform: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw a forest plot; the arguments are those of `forest_spec`, and two more.

    Parameters
    ----------
    width_mm : width of the figure; by default what its columns need, near 180 mm.
    font : family to set it in, if this machine has it; by default DejaVu Sans, which every
        machine with matplotlib has.

    Returns
    -------
    SpecFigure
        A matplotlib figure, made without pyplot; `metabone.plots.export.export` writes it.

    Raises
    ------
    UsageError
        For an unknown option, column or font, or a width into which the columns do not fit.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.layout import lay_out

    spec = forest_spec(
        result, by=by, columns=columns, style=style, sort=sort, title=title, xlabel=xlabel,
        xlim=xlim, labels=labels, show_prediction=show_prediction, transform=transform,
    )  # fmt: skip
    return SpecFigure.of(lambda width: lay_out(spec, width_mm=width, font=font), width_mm)


def forest_spec(
    result: PoolResult,
    *,
    by: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    style: str = "metabone",
    sort: str | None = None,
    title: str | None = None,
    xlabel: str | None = None,
    xlim: tuple[float, float] | None = None,
    labels: Mapping[str, str] | None = None,
    show_prediction: bool = True,
    transform: str | None = None,
) -> ForestSpec:
    """The forest plot of a pooled answer, as data.

    Parameters
    ----------
    result : the answer; nothing is computed here that it does not hold.
    by : the grouping to show as subgroups, one of those it was pooled by; by default the first.
        An empty text shows none.
    columns : from left to right: ``study dose timepoint duration arms n rob weight effect plot``
        or any column of the table; by default those of the style. ``rob`` is a sign for each item
        of risk of bias.
    style : ``metabone``, ``revman``, ``jama`` or ``bmj``.
    sort : ``effect``, ``precision`` or ``study``; by default the order of the table, with the
        rows of one study together.
    title : above the plot; by default the outcome. An empty text shows none.
    xlabel : under the axis; by default the measure.
    xlim : ends of the axis as it is shown (per cent, ratio); by default wide enough for all but
        extreme intervals, which are clipped with an arrow.
    labels : words to replace, by the names ``study effect plot weight treated control axis left
        right`` or that of a column.
    show_prediction : whether the prediction interval is drawn.
    transform : ``percent``, ``ratio`` or ``none``, see `find_scale`.

    Raises
    ------
    UsageError
        For an unknown option or column, or limits that the scale does not have.
    """
    look = find_style(style)
    scale = find_scale(result.effects.measure, transform)
    frame = result.effects.frame
    strata = strata_of(result, by)
    keys = choose(columns, look, frame.columns)
    words = _words(result, look, scale, labels, keys, xlabel)
    groups = order_rows(result, strata, sort)
    names = row_labels(frame, groups, shown_columns(keys))
    items = shown_items(result.effects) if ROB in keys else ()
    judged = fill_rob(result.effects, items)
    builder = Builder(result, look, scale, keys, names, show_prediction, judged)
    rows = builder.rows(strata, groups)
    marks = [row.mark for row in rows if row.mark is not None]
    under = footer(result, look, strata, marks)
    return ForestSpec(
        style=look.name,
        title=outcome_title(result) if title is None else title,
        columns=define(keys, frame, look, words, items),
        rows=rows,
        axis=_axis(result, marks, scale, words, xlim),
        footer=(legend_of(items), *under) if items else under,
        banner=BANNER if result.effects.synthetic else None,
        description=describe(result, strata),
    )


def strata_of(result: PoolResult, by: str | Sequence[str] | None) -> tuple[Stratum, ...]:
    """The strata of the grouping to show; empty cells of a two-way table have no rows."""
    groupings = list(dict.fromkeys(tuple(stratum.by) for stratum in result.strata))
    if by is None:
        wanted = groupings[0] if groupings else ()
    else:
        wanted = tuple(part.strip() for part in by.split(",")) if isinstance(by, str) else tuple(by)
        wanted = tuple(filter(None, wanted))
    if wanted and wanted not in groupings:
        known = ", ".join(repr(",".join(names)) for names in groupings) or "nothing"
        raise UsageError(f"by: the answer is stratified by {known}, not by {','.join(wanted)!r}")
    return tuple(stratum for stratum in result.strata if tuple(stratum.by) == wanted)


def outcome_title(result: PoolResult | RegressionResult) -> str:
    """The outcome as people call it, with its short name."""
    return title_of(result.effects, result.outcome)


def title_of(effects: EffectTable, outcome: str | None = None) -> str:
    """One outcome as people call it, with its short name; several as `outcome` or joined."""
    names = [str(name) for name in effects.frame["outcome"].dropna().unique()]
    term = effects.vocabulary.find("outcome", names[0]) if len(names) == 1 else None
    if term is None or term.label.casefold() == term.name.casefold():
        return " + ".join(sorted(names)) if outcome is None else outcome
    # Names with an underscore are for files; the label says the same.
    return term.label if "_" in term.name else f"{term.label} ({term.name})"


def _words(
    result: PoolResult,
    style: Style,
    scale: Scale,
    labels: Mapping[str, str] | None,
    keys: Sequence[str],
    xlabel: str | None,
) -> dict[str, str]:
    """Headers and names, the caller's before the style's."""
    for name in labels or {}:
        if name not in LABELS and name not in keys:
            listed = ", ".join(dict.fromkeys((*LABELS, *keys)))
            raise UsageError(f"labels: {name!r} is nothing that can be renamed; choose of {listed}")
    effects = result.effects
    short, long = measure_names(effects.measure, effects.unit, style, scale.name)
    ci = f"{level_text(result.level)}\u00a0CI"
    header = f"{short} {style.numbers.open}{ci}{style.numbers.close}"
    if style.plot_header:
        weighting = "Fixed" if result.tau2_method == "EE" else "Random"
        unit = "%" if scale.name == "percent" else effects.unit if effects.measure == "MD" else None
        name = long.split(" (")[0] + (f", {unit}" if unit else "")
        header = f"{name}\nIV, {weighting}, {ci}"
    words = {
        "study": style.words.study, "weight": style.words.weight, "effect": header,
        "plot": header if style.plot_header else "", "treated": style.words.treated,
        "control": style.words.control,
        "axis": long if style.axis_label else "",
    } | dict(labels or {})  # fmt: skip
    if xlabel is not None:
        words["axis"] = xlabel
    left, right = sides(effects.measure, effects.better, style, words)
    return {"left": left, "right": right} | words


def sides(
    measure: str, better: str | None, style: Style, words: Mapping[str, str]
) -> tuple[str, str]:
    """What effects below and above zero mean."""
    arm = words["treated"][:1].lower() + words["treated"][1:]
    if measure in VARIABILITY:
        return f"Less variable in {arm}", f"More variable in {arm}"
    if better is None:
        return f"Lower in {arm}", f"Higher in {arm}"
    treated, control = (words[arm][:1].lower() + words[arm][1:] for arm in ("treated", "control"))
    treated = "treatment" if treated == "treated" else treated
    sides = (f"{style.words.favours} {control}", f"{style.words.favours} {treated}")
    return sides if better == "higher" else (sides[1], sides[0])


def _axis(
    result: PoolResult,
    marks: Sequence[Mark],
    scale: Scale,
    words: Mapping[str, str],
    xlim: tuple[float, float] | None,
) -> Axis:
    low, high = limits(marks) if xlim is None else check_limits(xlim, scale)
    return Axis(
        low=low,
        high=high,
        tick_sets=tick_sets(low, high, scale),
        zero=0.0,
        guide=result.overall.estimate,
        label=words["axis"],
        left=words["left"],
        right=words["right"],
    )


__all__ = ["BANNER", "LABELS", "PLOT", "forest", "forest_spec"]
