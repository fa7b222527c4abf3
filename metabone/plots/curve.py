"""The figure of a specification curve: estimates on top, the options behind them below."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from metabone.errors import UsageError
from metabone.options import CurveShow, check_option
from metabone.plots.curve_spec import CurvePanel, CurvePoint, CurveSpec, DashRow, LegendMark
from metabone.plots.scales import find_scale, tick_sets
from metabone.plots.styles import find_style
from metabone.plots.words import level_text, number, p_text
from metabone.synthesis.choices.factors import TITLES, words_of
from metabone.synthesis.choices.importance import INTERACTIONS
from metabone.synthesis.choices.permutation import MEDIAN
from metabone.synthesis.choices.text import (
    direction_text,
    ordered_factors,
    share_text,
    significance_text,
)

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.choices.results import ChoicesResult, ScaleLine, Specification

#: More scales than these do not stand side by side: then z is shown.
MOST_PANELS = 3
#: The share of interval limits that the axis has at least; the rest may run beyond it.
REACH = 0.96
#: Words over an axis of logarithms, which is marked in per cent.
_PERCENT = {
    "ROM": "change against control, %", "VR": "change of the SD, %", "CVR": "change of the CV, %",
}  # fmt: skip


def curve(
    result: ChoicesResult,
    *,
    show: str = "auto",
    title: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw a specification curve.

    Parameters
    ----------
    result : of `metabone.synthesis.choices.analyse.choices`.
    show : ``estimate`` (a panel for each scale), ``z`` (all analyses in one panel, by the normal
        quantile of their p-values), or ``auto``: estimates of up to three scales, else z.
    title : above the figure; an empty text shows none.
    width_mm : width of the figure, 178 mm by default.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        For an unknown option or font, or a width too narrow.
    """
    from metabone.plots.curve_layout import lay_out_curve
    from metabone.plots.draw import SpecFigure

    spec = curve_spec(result, show=show, title=title)
    return SpecFigure.of(lambda width: lay_out_curve(spec, width_mm=width, font=font), width_mm)


def curve_spec(result: ChoicesResult, *, show: str = "auto", title: str | None = None) -> CurveSpec:
    """The specification curve as data; arguments as in `curve`.

    Raises
    ------
    UsageError
        For another word than ``auto``, ``estimate`` and ``z``, or too many scales for estimates.
    """
    show = check_option("show", show, CurveShow)
    scales = len(result.scales)
    if show == "estimate" and scales > MOST_PANELS:
        raise UsageError(f"estimates on {scales} scales do not fit side by side; show 'z' instead")
    in_z = show == "z" or (show == "auto" and scales > MOST_PANELS)
    groups: list[Sequence[Specification]]
    if in_z:
        groups = [sorted(result.answered, key=lambda one: one.z)]
        panels = [_z_panel(result, groups[0])]
    else:
        groups = [result.on_scale(line.scale) for line in result.scales]
        panels = [
            _panel(result, line, those) for line, those in zip(result.scales, groups, strict=True)
        ]
    named = f"{result.outcome}: every way to analyse it" if title is None else title
    by_z = in_z or scales > 1
    shares = result.importance_z if by_z else result.importance
    return CurveSpec(
        title=named,
        panels=tuple(panels),
        rows=tuple(_rows(result, groups, shares, in_z=by_z)),
        share_title=f"share of the variance of {'z' if by_z else 'estimates'}",
        reference_text="reference",
        legend=tuple(_legend(result, panels)),
        footer=_footer(result, shares),
        banner="SYNTHETIC DATA" if result.effects.synthetic else None,
        description=_describe(result),
    )


def _panel(result: ChoicesResult, line: ScaleLine, those: Sequence[Specification]) -> CurvePanel:
    measure = line.measures[0]
    scale = find_scale(measure, "percent" if measure in _PERCENT else None)
    points = tuple(_point(one, result.level) for one in those)
    band = tuple(zip(line.null_low, line.null_high, strict=True))
    low, high = _limits(points, band)
    unit = f" ({result.effects.unit})" if measure == "MD" and result.effects.unit else ""
    name = f"{', '.join(line.measures)}, {_PERCENT.get(measure, line.scale)}{unit}"
    return CurvePanel(
        title=f"{name}; {line.count}\u00a0{'analysis' if line.count == 1 else 'analyses'}",
        points=points, band=band, low=low, high=high, tick_sets=tick_sets(low, high, scale),
        guides=(), reference=_reference(result, those),
    )  # fmt: skip


def _z_panel(result: ChoicesResult, those: Sequence[Specification]) -> CurvePanel:
    from metabone.models.intervals import critical

    points = tuple(
        CurvePoint(one.z, math.nan, math.nan, one.pvalue < 1 - result.level) for one in those
    )
    test = result.permutation
    band = () if test is None else tuple(zip(test.null_low, test.null_high, strict=True))
    limit = float(critical(math.nan, result.level))
    low, high = _limits(points, (*band, (-1.1 * limit, 1.1 * limit)))
    return CurvePanel(
        title=f"z of the p-value, with the sign of the estimate; {len(points)}\u00a0analyses",
        points=points, band=band, low=low, high=high,
        tick_sets=tick_sets(low, high, find_scale("SMD", None)), guides=(-limit, limit),
        reference=_reference(result, those),
    )  # fmt: skip


def _point(one: Specification, level: float) -> CurvePoint:
    return CurvePoint(one.estimate, one.ci_low, one.ci_high, one.pvalue < 1 - level)


def _reference(result: ChoicesResult, those: Sequence[Specification]) -> int | None:
    wanted = result.specifications[result.reference]
    return next((i for i, one in enumerate(those) if one is wanted), None)


def _limits(
    points: Sequence[CurvePoint], band: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """All estimates, the band and nearly all limits of intervals; zero in any case."""
    ends = [0.0, *(point.estimate for point in points)]
    ends += [end for pair in band for end in pair if math.isfinite(end)]
    lows = sorted(point.low for point in points if math.isfinite(point.low))
    highs = sorted(point.high for point in points if math.isfinite(point.high))
    if lows:
        beyond = math.floor((1 - REACH) / 2 * len(lows))
        ends += [lows[beyond], highs[len(highs) - 1 - beyond]]
    low, high = min(ends), max(ends)
    room = 0.04 * (high - low) or 1.0
    return low - room, high + room


def _rows(
    result: ChoicesResult,
    groups: Sequence[Sequence[Specification]],
    shares: Mapping[str, float],
    *,
    in_z: bool,
) -> list[DashRow]:
    """First which analyses are significant, then the factors, the most important first."""
    alpha = 1 - result.level
    found = tuple(tuple(i for i, one in enumerate(those) if one.pvalue < alpha) for those in groups)
    rows = [DashRow(f"Significant (p\u00a0<\u00a0{alpha:.2g})", found)]
    chosen = result.specifications[result.reference].options
    for factor in ordered_factors(result, in_z=in_z):
        rows.append(DashRow(TITLES[factor], heading=True, share=share_text(shares[factor])))
        for option in result.factors[factor]:
            places = tuple(
                tuple(i for i, one in enumerate(those) if one.options.get(factor) == option)
                for those in groups
            )
            rows.append(
                DashRow(words_of(factor, option), places, reference=chosen.get(factor) == option)
            )
    return rows


def _legend(
    result: ChoicesResult, panels: Sequence[CurvePanel]
) -> Iterator[tuple[LegendMark, str]]:
    level = level_text(result.level)
    points = [point for panel in panels for point in panel.points]
    if any(point.significant for point in points):
        yield "filled", f"significant, p\u00a0<\u00a0{1 - result.level:.2g}"
    if not all(point.significant for point in points):
        yield "hollow", "not significant"
    if any(math.isfinite(point.low) for point in points):
        yield "interval", f"{level} interval"
    if any(panel.guides for panel in panels):
        yield "guide", "limit of significance"
    if any(panel.band for panel in panels):
        yield "band", f"{level} of curves if no study has an effect"


def _footer(result: ChoicesResult, shares: Mapping[str, float]) -> tuple[str, ...]:
    lines = [
        f"{len(result.answered)} different analyses of {result.declared} declared combinations, "
        "sorted by what is shown on top. Below it a mark says which of them have an option; where "
        "marks would touch, their height is the share of the analyses at that place. Bold: the "
        "options of the reference. Per cent: how much of the variance a choice explains by itself; "
        f"interactions {share_text(shares[INTERACTIONS])}. "
        f"Made with metabone\u00a0{result.version}."
    ]
    if result.permutation is not None:
        test = next(one for one in result.permutation.tests if one.statistic == MEDIAN)
        numbers = find_style("metabone").numbers
        patterns = result.permutation.iterations
        kind = f"all {patterns}" if result.permutation.exact else f"{patterns} random"
        lines.append(
            f"Test of the whole curve by the median z, signs of whole studies flipped ({kind} "
            f"patterns): {p_text(test.pvalue, numbers)}."
        )
    return tuple(lines)


def _describe(result: ChoicesResult) -> str:
    """The figure in words."""
    reference = result.specifications[result.reference]
    parts = [
        f"Specification curve of {result.outcome}: {len(result.answered)} analyses.",
        f"Reference {number(reference.estimate, 2)} ({number(reference.ci_low, 2)} to "
        f"{number(reference.ci_high, 2)}).",
    ]
    for line in result.scales:
        parts.append(
            f"{', '.join(line.measures)} ({line.scale}): median {number(line.median, 2)}, from "
            f"{number(line.low, 2)} to {number(line.high, 2)}."
        )
    for text in (direction_text(result), significance_text(result)):
        parts.append(f"{text[:1].upper()}{text[1:]}.")
    return " ".join(parts)
