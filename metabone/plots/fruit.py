"""A row of an orchard plot: bubbles, and over them the pooled effect with both intervals."""

from __future__ import annotations

import math

from metabone.plots.marks import Stage
from metabone.plots.primitives import Canvas, Shape, circle
from metabone.plots.spec import Mark
from metabone.plots.styles import Style
from metabone.plots.swarm import SPECK, bubble_radius, swarm

#: Farthest that a bubble's rim is from the middle of its row, in em.
HIGHEST = 4.6
#: Height of the confidence and of the prediction interval, and radius of the mean, in em.
TRUNK, BRANCH, MEAN = 0.46, 0.14, 0.38
#: Opacity of a bubble: of few, and of so many that they lie on each other.
CLEAR, DENSE, MANY = 0.5, 0.32, 400
#: Size of the arrow head of a bubble or interval beyond the axis (points).
HEAD = 4.0
_RIM = 24


def swarm_height(stage: Stage, mark: Mark) -> float:
    """Height that a row of bubbles takes (points)."""
    reach = max((abs(y) + radius for _, y, radius in _bubbles(stage, mark)), default=0.0)
    return 2 * max(reach, MEAN * stage.size) + 0.3 * stage.size


def paint_swarm(canvas: Canvas, stage: Stage, mark: Mark, y: float, style: Style) -> None:
    """Add the bubbles of a row at height `y`, and what is pooled of them."""
    opacity = CLEAR if len(mark.fruit) <= MANY else DENSE
    color = style.palette.square
    for x, offset, radius in _bubbles(stage, mark):
        rim = circle(x, y + offset, radius, _RIM)
        canvas.shapes.append(Shape(rim, color, "#ffffff", 0.35, opacity))
    for place, _ in mark.fruit:
        if place < stage.axis.low:
            canvas.shapes.append(_head(stage.left, y, 1, color))
        elif place > stage.axis.high:
            canvas.shapes.append(_head(stage.right, y, -1, color))
    _pooled(canvas, stage, mark, y, style)


def _bubbles(stage: Stage, mark: Mark) -> list[tuple[float, float, float]]:
    """Place, offset and radius of each bubble on the axis; the largest first."""
    shown = [one for one in mark.fruit if stage.axis.low <= one[0] <= stage.axis.high]
    largest = bubble_radius(len(shown), stage.size)
    xs = [stage.x(place) for place, _ in shown]
    radii = [max(SPECK, largest * math.sqrt(max(area, 0.0))) for _, area in shown]
    offsets = swarm(xs, radii, HIGHEST * stage.size)
    return sorted(zip(xs, offsets, radii, strict=True), key=lambda one: (-one[2], one[0], one[1]))


def _pooled(canvas: Canvas, stage: Stage, mark: Mark, y: float, style: Style) -> None:
    color = style.palette.overall
    if mark.spread is not None:
        _bar(canvas, stage, mark.spread, y, BRANCH * stage.size / 2, color)
    _bar(canvas, stage, (mark.low, mark.high), y, TRUNK * stage.size / 2, color)
    if stage.axis.low <= mark.estimate <= stage.axis.high:  # never of NaN
        rim = circle(stage.x(mark.estimate), y, MEAN * stage.size, _RIM)
        canvas.shapes.append(Shape(rim, "#ffffff", color, 1.3))


def _bar(
    canvas: Canvas, stage: Stage, ends: tuple[float, float], y: float, half: float, color: str
) -> None:
    """An interval as a bar, with an arrow head where it runs beyond the axis; NaN shows nothing."""
    low, high = ends
    if math.isnan(low + high):
        return
    left, right = stage.clip(low), stage.clip(high)
    if low < stage.axis.low:
        canvas.shapes.append(_head(stage.left, y, 1, color))
        left = min(left + HEAD, stage.right)
    if high > stage.axis.high:
        canvas.shapes.append(_head(stage.right, y, -1, color))
        right = max(right - HEAD, stage.left)
    if right > left:
        corners = ((left, y - half), (right, y - half), (right, y + half), (left, y + half))
        canvas.shapes.append(Shape(corners, color))


def _head(x: float, y: float, inwards: int, color: str) -> Shape:
    back = x + inwards * HEAD
    return Shape(((x, y), (back, y - 0.6 * HEAD), (back, y + 0.6 * HEAD)), color)
