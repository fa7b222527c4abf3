"""From a ``[[figure]]`` and its answer to the drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metabone.analysis.spec_figure import FigureSpec
from metabone.errors import UsageError
from metabone.synthesis.bias.results import BiasResult
from metabone.synthesis.choices.results import ChoicesResult
from metabone.synthesis.direction_results import DirectionResult
from metabone.synthesis.regression_results import RegressionResult
from metabone.synthesis.results import PoolResult
from metabone.synthesis.rob_results import RobResult
from metabone.synthesis.sensitivity.results import SensitivityResult

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure


def draw(asked: FigureSpec, result: object) -> SpecFigure:
    """Draw what is asked of an answer.

    Raises
    ------
    UsageError
        If the figure cannot show this answer, or not with these options.
    DataError
        If the answer does not hold what the figure shows.
    """
    if asked.kind == "harvest" and isinstance(result, DirectionResult):
        from metabone.plots.harvest import harvest

        return harvest(result, title=asked.title)
    if asked.kind == "forest" and isinstance(result, PoolResult):
        return _forest(asked, result)
    if asked.kind == "orchard" and isinstance(result, PoolResult):
        return _orchard(asked, result)
    if asked.kind == "caterpillar" and isinstance(result, PoolResult):
        return _caterpillar(asked, result)
    if asked.kind == "map" and isinstance(result, PoolResult | DirectionResult):
        return _map(asked, result)
    if asked.kind == "funnel" and isinstance(result, PoolResult | BiasResult):
        return _funnel(asked, result)
    if asked.kind == "bubble" and isinstance(result, RegressionResult):
        return _bubble(asked, result)
    if asked.kind == "choices" and isinstance(result, ChoicesResult):
        from metabone.plots.curve import curve

        return curve(
            result, show=asked.show, title=asked.title, width_mm=asked.width_mm, font=asked.font
        )
    if isinstance(result, SensitivityResult):
        return _sensitivity(asked, result)
    raise UsageError(f"a {asked.kind} figure cannot show this answer")


def draw_pages(asked: FigureSpec, result: object) -> tuple[SpecFigure, ...]:
    """Draw what is asked of an answer, on as many pages as it takes; errors as of `draw`."""
    if asked.kind in ("traffic-light", "rob-summary") and isinstance(result, RobResult):
        from metabone.plots.rob_figures import draw_rob

        return draw_rob(
            result, asked.kind.removeprefix("rob-"), title=asked.title, width_mm=asked.width_mm,
            font=asked.font,
        )  # fmt: skip
    return (draw(asked, result),)


def _forest(asked: FigureSpec, result: PoolResult) -> SpecFigure:
    from metabone.plots.forest import forest

    return forest(
        result, by=asked.by, columns=asked.columns, style=asked.style, sort=asked.sort,
        title=asked.title, xlabel=asked.xlabel, xlim=asked.xlim, labels=asked.labels,
        show_prediction=asked.show_prediction, transform=asked.transform, width_mm=asked.width_mm,
        font=asked.font,
    )  # fmt: skip


def _orchard(asked: FigureSpec, result: PoolResult) -> SpecFigure:
    from metabone.plots.orchard import orchard

    return orchard(
        result, by=asked.by, style=asked.style, title=asked.title, xlabel=asked.xlabel,
        xlim=asked.xlim, show_prediction=asked.show_prediction, transform=asked.transform,
        width_mm=asked.width_mm, font=asked.font,
    )  # fmt: skip


def _caterpillar(asked: FigureSpec, result: PoolResult) -> SpecFigure:
    from metabone.plots.caterpillar import caterpillar

    return caterpillar(
        result, title=asked.title, xlabel=asked.xlabel, xlim=asked.xlim,
        show_prediction=asked.show_prediction, transform=asked.transform,
        width_mm=asked.width_mm, font=asked.font,
    )  # fmt: skip


def _map(asked: FigureSpec, result: PoolResult | DirectionResult) -> SpecFigure:
    from metabone.plots.evidence_map import evidence_map
    from metabone.synthesis.evidence_map import map_of

    by = (asked.by,) if isinstance(asked.by, str) else asked.by
    return evidence_map(
        map_of(result, by), title=asked.title, width_mm=asked.width_mm, font=asked.font
    )


def _funnel(asked: FigureSpec, result: PoolResult | BiasResult) -> SpecFigure:
    from metabone.plots.funnel import funnel, trim_fill_of

    added = None
    if asked.trim_fill is not None and isinstance(result, BiasResult):
        added = trim_fill_of(result, asked.trim_fill)
    return funnel(
        result.pooled if isinstance(result, BiasResult) else result, precision=asked.precision,
        contours=asked.contours, trimfill=added, labels=asked.point_labels, title=asked.title,
        xlabel=asked.xlabel, xlim=asked.xlim, transform=asked.transform, width_mm=asked.width_mm,
        font=asked.font,
    )  # fmt: skip


def _bubble(asked: FigureSpec, result: RegressionResult) -> SpecFigure:
    from metabone.plots.bubble import bubble

    return bubble(
        result, asked.moderator, at=asked.at, show_prediction=asked.show_prediction,
        labels=asked.point_labels, title=asked.title, xlabel=asked.xlabel, ylim=asked.ylim,
        transform=asked.transform, width_mm=asked.width_mm, font=asked.font,
    )  # fmt: skip


def _sensitivity(asked: FigureSpec, result: SensitivityResult) -> SpecFigure:
    from metabone.plots.sensitivity import draw_sensitivity

    options: dict[str, Any] = {
        key: getattr(asked, key)
        for key in ("style", "highlight", "xlabel", "xlim", "transform", "font", "title")
        if key in asked.model_fields_set
    }
    if "point_labels" in asked.model_fields_set:
        options["labels"] = asked.point_labels
    return draw_sensitivity(result, asked.kind, width_mm=asked.width_mm, **options)
