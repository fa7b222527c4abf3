"""The figures of judged studies by their names, and the files of their pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabone.options import RobPlot, check_option

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.rob_results import RobResult


def draw_rob(result: RobResult, kind: str, **options: Any) -> tuple[SpecFigure, ...]:
    """Draw a ``traffic-light`` plot, on as many pages as it takes, or a ``summary``.

    Parameters
    ----------
    options : as of `traffic_light_pages` and `rob_summary`.

    Raises
    ------
    UsageError
        For another kind, an unknown font, or a width that is too narrow.
    """
    if check_option("plot", kind, RobPlot) == "summary":
        from metabone.plots.rob_summary import rob_summary

        return (rob_summary(result, **options),)
    from metabone.plots.traffic_light import traffic_light_pages

    return traffic_light_pages(result, **options)


def page_paths(path: Path, count: int) -> tuple[Path, ...]:
    """The file itself, or for several pages files that are numbered.

    Examples
    --------
    >>> [str(one) for one in page_paths(Path("rob.svg"), 2)]
    ['rob-1.svg', 'rob-2.svg']
    """
    if count == 1:
        return (path,)
    return tuple(path.with_name(f"{path.stem}-{i}{path.suffix}") for i in range(1, count + 1))
