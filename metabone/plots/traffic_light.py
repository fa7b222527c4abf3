"""Traffic-light plot: every study by every item, each judgement a sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from metabone.plots.forest import BANNER
from metabone.plots.rob_spec import TrafficSpec, footer_of, judgement, shortened

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.rob_results import JudgedStudy, RobResult


def traffic_light(
    result: RobResult,
    *,
    title: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw all studies in one figure, however tall; see `traffic_light_pages` for pages.

    Parameters
    ----------
    result : the answer of `metabone.synthesis.rob.assess`.
    title : above the figure; an empty text shows none.
    width_mm : width of the figure; by default what it needs, up to 180 mm.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        For an unknown font, or a width into which the items do not fit.
    """
    return _figure(traffic_spec(result, title=title), width_mm, font)


def traffic_light_pages(
    result: RobResult,
    *,
    title: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> tuple[SpecFigure, ...]:
    """Draw the studies on as few pages (of 245 mm) as hold them; arguments as `traffic_light`.

    Where it helps the studies stand in two or more blocks side by side, and the text shrinks, but
    not below 5 points.

    Raises
    ------
    UsageError
        For an unknown font, or a width into which the items do not fit.
    """
    from metabone.plots.traffic_light_layout import fits_page

    whole = traffic_spec(result, title=title)
    count = 1
    while count < len(whole.rows):
        pages = split(whole, count)
        if all(fits_page(page, width_mm=width_mm, font=font) for page in pages):
            break
        count += 1
    return tuple(_figure(page, width_mm, font) for page in split(whole, count))


def split(spec: TrafficSpec, count: int) -> tuple[TrafficSpec, ...]:
    """The figure on `count` pages of about as many studies each."""
    if count == 1:
        return (spec,)
    size = -(-len(spec.rows) // count)
    starts = range(0, len(spec.rows), size)
    return tuple(
        replace(
            spec, rows=spec.rows[at : at + size], overall=spec.overall[at : at + size],
            title=f"{spec.title} ({page} of {len(starts)})" if spec.title else "",
            page=(page, len(starts)),
        )
        for page, at in enumerate(starts, start=1)
    )  # fmt: skip


def _figure(spec: TrafficSpec, width_mm: float | None, font: str | None) -> SpecFigure:
    from metabone.plots.draw import SpecFigure
    from metabone.plots.traffic_light_layout import lay_out_traffic

    return SpecFigure.of(lambda wide: lay_out_traffic(spec, width_mm=wide, font=font), width_mm)


def traffic_spec(result: RobResult, *, title: str | None = None) -> TrafficSpec:
    """The traffic-light plot of an assessment, as data."""
    shown = {answer: judgement(result, answer) for answer in result.answers}
    rows = tuple(
        (
            shortened(study.study),
            tuple(shown[study.judgements[item.name]] for item in result.items),
        )
        for study in result.studies
    )
    domains = result.tool.name != "arrive"  # there all items are of one
    about = result.tool.about
    return TrafficSpec(
        title=about[:1].upper() + about[1:] if title is None else title,
        columns=tuple(
            (shortened(item.label), item.domain if domains else "") for item in result.items
        ),
        rows=rows,
        overall=tuple(shown[study.overall] for study in result.studies if study.overall),
        legend=tuple(shown.values()),
        footer=footer_of(result),
        banner=BANNER if result.synthetic else None,
        description=_describe(result, result.studies),
    )


def _describe(result: RobResult, studies: Sequence[JudgedStudy]) -> str:
    kind = "Traffic-light plot (SYNTHETIC DATA)" if result.synthetic else "Traffic-light plot"
    parts = [f"{kind} of {len(studies)} studies by {result.tool.label}."]
    for item in result.items:
        counts = Counter(study.judgements[item.name] for study in studies)
        words = ", ".join(f"{answer} {counts[answer]}" for answer in result.answers)
        parts.append(f"{shortened(item.label)}: {words}.")
    return " ".join(parts)
