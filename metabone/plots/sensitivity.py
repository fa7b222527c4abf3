"""The figures of a sensitivity answer, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from metabone.errors import UsageError
from metabone.options import SensitivityPlot, check_option

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.sensitivity.results import SensitivityResult


def _influence(part: Any, options: Mapping[str, Any]) -> SpecFigure:
    from metabone.plots.influence import influence

    return influence(part, **options)


def _baujat(part: Any, options: Mapping[str, Any]) -> SpecFigure:
    from metabone.plots.baujat import baujat

    return baujat(part, **options)


def _gosh(part: Any, options: Mapping[str, Any]) -> SpecFigure:
    from metabone.plots.gosh import gosh

    return gosh(part, **options)


def _refits(part: Any, options: Mapping[str, Any]) -> SpecFigure:
    from metabone.plots.refits_forest import refits_forest

    return refits_forest(part, **options)


_FOREST = frozenset({"style", "xlabel", "xlim", "transform"})
#: Name of the figure → the part of the answer that it draws, how, and the options it has beside
#: title, width_mm and font.
DRAWERS: Mapping[
    str, tuple[str, Callable[[Any, Mapping[str, Any]], SpecFigure], frozenset[str]]
] = {
    "leave-one-out": ("leave_one_out", _refits, _FOREST),
    "cumulative": ("cumulative", _refits, _FOREST),
    "influence": ("influence", _influence, frozenset()),
    "baujat": ("baujat", _baujat, frozenset({"labels"})),
    "gosh": ("gosh", _gosh, frozenset({"highlight", "xlabel", "transform"})),
}


def draw_sensitivity(result: SensitivityResult, kind: str, **options: Any) -> SpecFigure:
    """Draw one part of a sensitivity answer.

    Parameters
    ----------
    result : the answer; it must hold the part.
    kind : ``leave-one-out``, ``cumulative``, ``influence``, ``baujat`` or ``gosh``.
    options : ``title``, ``width_mm``, ``font``, and those of the figure (``style``, ``xlabel``,
        ``xlim`` and ``transform`` of a leave-one-out or cumulative forest plot, ``labels`` of a
        Baujat plot, ``highlight``, ``xlabel`` and ``transform`` of a GOSH plot). None is the
        default.

    Raises
    ------
    UsageError
        For an unknown figure, one whose part was not asked for, or an option that it has not.
    """
    kind = check_option("plot", kind, SensitivityPlot)
    name, drawer, known = DRAWERS[kind]
    part = getattr(result, name)
    if part is None:
        raise UsageError(f"plot: the answer holds no {name.replace('_', ' ')} to draw")
    given = {key: value for key, value in options.items() if value is not None}
    for key in given:
        if key not in known | {"title", "width_mm", "font"}:
            raise UsageError(f"a {kind} figure takes no {key}")
    return drawer(part, given)
