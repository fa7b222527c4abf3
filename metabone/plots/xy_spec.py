"""Figures of points between two axes as data: panels, points, lines, areas and their key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from metabone.plots.spec import Axis, Tick

#: ``effect`` one effect (or study); ``flagged`` one that stands out; ``filled`` one that
#: trim and fill adds; ``bubble`` an effect whose area is its weight; ``level`` a mean.
DotKind = Literal["effect", "flagged", "filled", "bubble", "level"]
#: ``estimate`` the fitted or pooled line; ``limit`` the edge of an interval or region;
#: ``prediction`` of a prediction interval; ``zero`` no effect; ``cut`` a rule of thumb; ``trace``
#: joins points; ``interval`` and ``hair`` are those of one effect among few and among very many;
#: ``trunk`` and ``branch`` confidence and prediction interval of a mean; ``with`` and ``without``
#: outline the subsets with and without a study.
StrokeKind = Literal[
    "estimate", "limit", "prediction", "zero", "cut", "trace", "filled", "with", "without",
    "interval", "hair", "trunk", "branch",
]  # fmt: skip
#: ``p10 p05 p01`` significance at .10, .05 and .01; ``confidence prediction`` bands; ``count`` a
#: cell whose shade is how many lie in it; ``bar`` a bar of a histogram.
AreaKind = Literal["p10", "p05", "p01", "confidence", "prediction", "count", "bar"]
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Dot:
    """One point.

    Parameters
    ----------
    x, y : on the scales of the axes; beyond an axis an arrow head stands at its end.
    kind : what it is.
    area : as a fraction of the largest of the panel.
    label : words that are wanted beside it, or empty.
    rank : labels of higher rank find their place first.
    source : row of the spreadsheet behind it, or None.
    """

    x: float
    y: float
    kind: DotKind = "effect"
    area: float = 1.0
    label: str = ""
    rank: float = 0.0
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through some places; what lies beyond the axes is cut off."""

    points: tuple[Place, ...]
    kind: StrokeKind


@dataclass(frozen=True, slots=True)
class Area:
    """A filled polygon behind the points; `shade` (0 to 1) is how dark a ``count`` is."""

    points: tuple[Place, ...]
    kind: AreaKind
    shade: float = 1.0


@dataclass(frozen=True, slots=True)
class Upright:
    """A vertical axis.

    Parameters
    ----------
    low, high : its ends; the higher one is on top unless `down`.
    tick_sets : alternatives from dense to sparse.
    label : words over the panel.
    down : whether values grow downwards.
    names : words at heights instead of numbers, each at its height as far as there is room.
    """

    low: float
    high: float
    tick_sets: tuple[tuple[Tick, ...], ...] = ((),)
    label: str = ""
    down: bool = False
    names: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes with what stands between them.

    `row` and `column` say where in the grid of panels; `size` is the radius, in em, of the largest
    point; `x_names` are words instead of numbers along the horizontal axis. Without `x_shown` or
    `y_shown` the axis is a line without numbers: a neighbour has them.
    """

    x: Axis
    y: Upright
    areas: tuple[Area, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    dots: tuple[Dot, ...] = ()
    title: str = ""
    row: int = 0
    column: int = 0
    size: float = 0.36
    x_names: tuple[Tick, ...] = ()
    x_shown: bool = True
    y_shown: bool = True

    def of_kind(self, kind: DotKind) -> tuple[Dot, ...]:
        """The points of one kind."""
        return tuple(dot for dot in self.dots if dot.kind == kind)

    def line(self, kind: StrokeKind) -> tuple[Stroke, ...]:
        """The lines of one kind."""
        return tuple(stroke for stroke in self.strokes if stroke.kind == kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the key: a sample of a point, line or area, and what it means."""

    sample: Dot | Stroke | Area
    words: str


@dataclass(frozen=True, slots=True)
class XYSpec:
    """A figure of points as data.

    Parameters
    ----------
    kind : what it is called, ``Funnel plot``.
    widths : of the columns of panels, in proportion to each other.
    heights : of the rows of panels, as a share of the width of all panels, or in em if `in_em`.
    footer : paragraphs under the figure; what could not be labelled is added to them.
    description : the figure in words, for readers who cannot see it.
    """

    kind: str
    title: str
    panels: tuple[Panel, ...]
    key: tuple[Entry, ...]
    footer: tuple[str, ...]
    banner: str | None
    description: str
    widths: tuple[float, ...] = (1.0,)
    heights: tuple[float, ...] = (0.66,)
    in_em: bool = False
    width_mm: float = 130.0


def inside(dot: Dot, panel: Panel) -> bool:
    """Whether a point lies between the ends of both axes."""
    x, y = panel.x, panel.y
    return x.low <= dot.x <= x.high and y.low <= dot.y <= y.high


def beyond_note(panels: Sequence[Panel]) -> str:
    """A sentence on the points that lie beyond the axes; empty if none does."""
    n = sum(not inside(dot, panel) for panel in panels for dot in panel.dots)
    if not n:
        return ""
    return f"{n} {'point lies' if n == 1 else 'points lie'} beyond the axes: arrow heads. "
