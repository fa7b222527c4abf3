"""Summary of judgements: for each item a bar of the per cent of every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metabone.plots.forest import BANNER
from metabone.plots.rob_spec import Bar, SummarySpec, footer_of, judgement, shortened
from metabone.synthesis.rob_results import WEIGHT_WORDS

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.rob_results import RobResult

OVERALL = "Overall"


def rob_summary(
    result: RobResult,
    *,
    title: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw the shares of an assessment as stacked bars, the numbers beside them.

    Parameters
    ----------
    result : the answer of `metabone.synthesis.rob.assess`.
    title : above the figure; an empty text shows none.
    width_mm : width of the figure; by default 165 mm.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        For an unknown font, or a width into which labels, bars and numbers do not fit.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.rob_summary_layout import lay_out_summary

    spec = summary_spec(result, title=title)
    return SpecFigure.of(lambda wide: lay_out_summary(spec, width_mm=wide, font=font), width_mm)


def summary_spec(result: RobResult, *, title: str | None = None) -> SummarySpec:
    """The summary of an assessment, as data."""
    answers = result.answers
    bars = [
        Bar(
            shortened(item.label),
            tuple(result.share(item.name, answer).percent for answer in answers),
        )
        for item in result.items
    ]
    if result.overall is not None:
        percents = [
            result.share(None, answer).percent if answer in result.tool.allowed else 0.0
            for answer in answers
        ]
        bars.append(Bar(OVERALL, tuple(percents), overall=True))
    weighted = [study for study in result.studies if study.percent is not None]
    unit = WEIGHT_WORDS[result.weights]
    about = result.tool.about
    counts = f"{len(weighted)} {'study' if len(weighted) == 1 else 'studies'}"
    axis = f"Per cent of {unit}" + (f" ({counts})" if result.weights != "pooled" else "")
    if result.unweighted:
        shares = f"{len(result.unweighted)} of {len(result.studies)} studies have no weight."
    else:
        shares = ""
    return SummarySpec(
        title=about[:1].upper() + about[1:] if title is None else title,
        bars=tuple(bars),
        legend=tuple(judgement(result, answer) for answer in answers),
        axis=axis,
        footer=footer_of(result, shares=shares),
        banner=BANNER if result.synthetic else None,
        description=_describe(result, axis, bars),
    )


def _describe(result: RobResult, axis: str, bars: list[Bar]) -> str:
    kind = "Summary of judgements (SYNTHETIC DATA)" if result.synthetic else "Summary of judgements"
    parts = [f"{kind} by {result.tool.label}. {axis}."]
    for bar in bars:
        shares = zip(result.answers, bar.percents, strict=True)
        parts.append(f"{bar.label}: {', '.join(f'{one} {share:.0f}%' for one, share in shares)}.")
    return " ".join(parts)
