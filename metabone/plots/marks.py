"""The geometry of squares, diamonds, intervals and arrows on a horizontal scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from metabone.plots.primitives import Canvas, Line, Shape
from metabone.plots.spec import Axis, Mark
from metabone.plots.styles import Style

Point = tuple[float, float]
#: Smallest square, and size of an arrow head (points).
SPECK, HEAD = 1.3, 3.6


@dataclass(frozen=True, slots=True)
class Stage:
    """The plot's place: values from `low` to `high` between `left` and `right` (points)."""

    axis: Axis
    left: float
    right: float
    size: float

    def x(self, value: float) -> float:
        """Where a value stands; not clipped."""
        share = (value - self.axis.low) / (self.axis.high - self.axis.low)
        return self.left + share * (self.right - self.left)

    def clip(self, value: float) -> float:
        """Where a value stands, or the edge that it lies beyond."""
        return min(max(self.x(value), self.left), self.right)


def paint_mark(canvas: Canvas, stage: Stage, mark: Mark, y: float, style: Style) -> None:
    """Add what a row shows at height `y`; NaN shows nothing."""
    if mark.kind == "square":
        _square(canvas, stage, mark, y, style)
    elif mark.kind == "swarm":
        from metabone.plots.fruit import paint_swarm

        paint_swarm(canvas, stage, mark, y, style)
    elif mark.kind == "diamond":
        _diamond(canvas, stage, mark, y, style, overall=mark.spread is None)
    else:
        _prediction(canvas, stage, mark, y, style)


def _square(canvas: Canvas, stage: Stage, mark: Mark, y: float, style: Style) -> None:
    if math.isnan(mark.estimate):
        return
    colors = style.palette
    if not math.isnan(mark.low + mark.high):
        _stroke(canvas, stage, (mark.low, mark.high), y, style.interval_width, colors.interval)
    if not stage.axis.low <= mark.estimate <= stage.axis.high:
        return  # the arrow says where it is; the numbers say how far
    weight = mark.weight if math.isfinite(mark.weight) else 0.0
    half = max(SPECK, style.square * stage.size * math.sqrt(weight)) / 2
    x = stage.x(mark.estimate)
    corners = (
        (x - half, y - half),
        (x + half, y - half),
        (x + half, y + half),
        (x - half, y + half),
    )
    canvas.shapes.append(Shape(corners, colors.square))


def _stroke(canvas: Canvas, stage: Stage, ends: Point, y: float, width: float, color: str) -> None:
    """An interval as a line, with an arrow head where it runs beyond the axis."""
    low, high = ends
    x1, x2 = stage.clip(low), stage.clip(high)
    if x1 == x2 and low != high:  # wholly beyond: a short arrow at the edge
        x1, x2 = (x1 - 2.5 * HEAD, x2) if low > stage.axis.low else (x1, x2 + 2.5 * HEAD)
    before, after = low < stage.axis.low, high > stage.axis.high
    canvas.lines.append(
        Line(((x1 + HEAD / 2 * before, y), (x2 - HEAD / 2 * after, y)), width, color)
    )
    if before:
        canvas.shapes.append(_head(stage.left, y, 1, color))
    if after:
        canvas.shapes.append(_head(stage.right, y, -1, color))


def _head(x: float, y: float, inwards: int, color: str) -> Shape:
    back = x + inwards * HEAD
    return Shape(((x, y), (back, y - 0.55 * HEAD), (back, y + 0.55 * HEAD)), color)


def _diamond(
    canvas: Canvas, stage: Stage, mark: Mark, y: float, style: Style, *, overall: bool
) -> None:
    colors = style.palette
    if mark.spread is not None and not math.isnan(sum(mark.spread)):
        _whisker(canvas, stage, mark.spread, y, style, 0.2 * stage.size)
    if math.isnan(mark.low + mark.high):
        return
    half = style.diamond_height * stage.size / 2
    middle = stage.x(mark.estimate)
    corners = [
        (stage.x(mark.low), y),
        (middle, y - half),
        (stage.x(mark.high), y),
        (middle, y + half),
    ]
    shown = clip_polygon(corners, stage.left, stage.right)
    fill = colors.overall if overall else colors.diamond
    edge = colors.overall_edge if overall else colors.diamond_edge
    if shown:
        canvas.shapes.append(Shape(tuple(shown), fill, edge, 0.6))
    if mark.low < stage.axis.low:
        canvas.shapes.append(_head(stage.left, y, 1, edge))
    if mark.high > stage.axis.high:
        canvas.shapes.append(_head(stage.right, y, -1, edge))


def _prediction(canvas: Canvas, stage: Stage, mark: Mark, y: float, style: Style) -> None:
    if not math.isnan(mark.low + mark.high):
        _whisker(canvas, stage, (mark.low, mark.high), y, style, 0.3 * stage.size)


def _whisker(canvas: Canvas, stage: Stage, ends: Point, y: float, style: Style, cap: float) -> None:
    """A prediction interval: a line that ends in bars."""
    color, width = style.palette.prediction, style.interval_width
    _stroke(canvas, stage, ends, y, width, color)
    for value in ends:
        if stage.axis.low <= value <= stage.axis.high:
            x = stage.x(value)
            canvas.lines.append(Line(((x, y - cap), (x, y + cap)), width, color))


def clip_polygon(points: Sequence[Point], left: float, right: float) -> list[Point]:
    """The part of a convex polygon between two vertical lines.

    Examples
    --------
    >>> clip_polygon([(0, 0), (2, -1), (4, 0), (2, 1)], 2, 9)
    [(2, -1), (4, 0), (2, 1)]
    """
    kept = _clip_side(list(points), left, 1)
    return _clip_side(kept, right, -1)


def _clip_side(points: list[Point], at: float, sign: int) -> list[Point]:
    kept: list[Point] = []
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True):
        inside1, inside2 = sign * (x1 - at) >= 0, sign * (x2 - at) >= 0
        if inside1:
            kept.append((x1, y1))
        crossing = (x1, y1) if x1 == at else (x2, y2) if x2 == at else None
        if inside1 != inside2 and crossing is None:
            kept.append((at, y1 + (at - x1) / (x2 - x1) * (y2 - y1)))
    return kept
