"""One panel of a figure of points: everything between its axes, clipped to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from metabone.plots.primitives import Canvas, Line, Shape, circle
from metabone.plots.text import Face
from metabone.plots.xy_labels import Obstacles, Placed, Wanted, place_labels
from metabone.plots.xy_spec import Area, Dot, DotKind, Panel, Place, Stroke, inside
from metabone.plots.xy_styles import AREAS, DOTS, STROKES, shade

#: Smallest radius of a point, and size of the arrow head of one beyond the axes (points).
SPECK, HEAD = 0.9, 4.2
_RIM = 28


@dataclass(frozen=True, slots=True)
class Frame:
    """The place of a panel: its sides in points, and where values stand in it."""

    panel: Panel
    left: float
    top: float
    right: float
    bottom: float
    em: float

    def x(self, value: float) -> float:
        """Where a horizontal value stands; not clipped."""
        axis = self.panel.x
        return self.left + (value - axis.low) / (axis.high - axis.low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Where a vertical value stands; not clipped."""
        axis = self.panel.y
        share = (value - axis.low) / (axis.high - axis.low)
        share = share if axis.down else 1 - share
        return self.top + share * (self.bottom - self.top)

    def at(self, place: Place) -> Place:
        """Where a pair of values stands."""
        return self.x(place[0]), self.y(place[1])

    @property
    def sides(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom

    def radius(self, dot: Dot) -> float:
        """Radius of a point."""
        share = dot.area if math.isfinite(dot.area) else 0.0
        size = self.panel.size * self.em * math.sqrt(max(share, 0.0))
        return max(SPECK, size * DOTS[dot.kind].scale)


def paint_panel(canvas: Canvas, frame: Frame, face: Face, leading: float, ink: str) -> list[str]:
    """Paint areas, lines, points and words; the words that found no place."""
    panel = frame.panel
    for area in panel.areas:
        _area(canvas, frame, area)
    for stroke in panel.strokes:
        for part in _parts(frame, stroke):
            look = STROKES[stroke.kind]
            canvas.lines.append(Line(part, look.width, look.color, look.dash))
    # The largest first, so that no small one is hidden.
    for dot in sorted(panel.dots, key=lambda each: (each.kind == "flagged", -frame.radius(each))):
        if math.isfinite(dot.x) and math.isfinite(dot.y):
            canvas.shapes.append(dot_shape(frame, dot))
    placed, left_out = _labels(frame, face, leading)
    for one in placed:
        _write(canvas, one, face, leading, ink)
    return left_out


def _area(canvas: Canvas, frame: Frame, area: Area) -> None:
    corners = clip_area([frame.at(place) for place in area.points], frame.sides)
    if len(corners) > 2:
        fill = shade(area.shade) if area.kind == "count" else AREAS[area.kind]
        # An edge of the same colour closes the seams between neighbours.
        edge = fill if area.kind == "count" else None
        canvas.backdrop.append(Shape(tuple(corners), fill, edge, 0.25 if edge else 0.0))


def _parts(frame: Frame, stroke: Stroke) -> list[tuple[Place, ...]]:
    """The runs of a line that lie within the frame."""
    runs: list[list[Place]] = []
    for a, b in pairwise([frame.at(place) for place in stroke.points]):
        if not all(map(math.isfinite, (*a, *b))):
            continue
        part = clip_segment(a, b, frame.sides)
        if part is None:
            continue
        if runs and runs[-1][-1] == part[0]:
            runs[-1].append(part[1])
        else:
            runs.append(list(part))
    return [tuple(run) for run in runs]


def dot_shape(frame: Frame, dot: Dot) -> Shape:
    """A point, or an arrow head at the end of the axis beyond which it lies."""
    x, y = frame.at((dot.x, dot.y))
    if inside(dot, frame.panel):
        return mark(x, y, frame.radius(dot), dot.kind)
    left, top, right, bottom = frame.sides
    to = (min(max(x, left), right), min(max(y, top), bottom))
    away = math.atan2(y - to[1], x - to[0])
    back = (to[0] - HEAD * math.cos(away), to[1] - HEAD * math.sin(away))
    across = (-0.55 * HEAD * math.sin(away), 0.55 * HEAD * math.cos(away))
    look = DOTS[dot.kind]
    corners = (to, (back[0] + across[0], back[1] + across[1]),
               (back[0] - across[0], back[1] - across[1]))  # fmt: skip
    return Shape(corners, look.fill, look.edge, look.width)


def mark(x: float, y: float, radius: float, kind: DotKind) -> Shape:
    """The shape of a point of some kind."""
    look = DOTS[kind]
    corners = {"circle": _RIM, "diamond": 4, "square": 4}[look.outline]
    turn = math.pi / 4 if look.outline == "square" else 0.0
    rim = circle(x, y, radius, corners, turn)
    return Shape(rim, look.fill, look.edge, look.width, look.opacity)


def _labels(frame: Frame, face: Face, leading: float) -> tuple[list[Placed], list[str]]:
    shown = [dot for dot in frame.panel.dots if math.isfinite(dot.x) and math.isfinite(dot.y)]
    wanted, circles = [], []
    for dot in shown:
        x, y, radius = frame.x(dot.x), frame.y(dot.y), frame.radius(dot)
        if not inside(dot, frame.panel):
            x, y = _edge(frame, x, y)
            radius = HEAD
        circles.append((x, y, radius))
        if dot.label:
            wanted.append(Wanted(x, y, radius, dot.label, dot.rank))
    segments = [
        (*a, *b)
        for stroke in frame.panel.strokes
        for part in _parts(frame, stroke)
        for a, b in pairwise(part)
    ]
    obstacles = Obstacles(
        np.array(circles, dtype=float).reshape(-1, 3),
        np.array(segments, dtype=float).reshape(-1, 4),
    )
    return place_labels(wanted, obstacles, frame.sides, face, leading)


def _edge(frame: Frame, x: float, y: float) -> Place:
    """The middle of the arrow head of a point beyond the axes."""
    left, top, right, bottom = frame.sides
    half = HEAD / 2
    return min(max(x, left + half), right - half), min(max(y, top + half), bottom - half)


def _write(canvas: Canvas, one: Placed, face: Face, leading: float, ink: str) -> None:
    for i, line in enumerate(one.lines):
        canvas.write(one.x, one.y + i * leading, line, face, ink, one.align)
    if one.leader is not None:
        canvas.lines.append(Line(one.leader, 0.4, ink))


def clip_segment(
    a: Place, b: Place, sides: tuple[float, float, float, float]
) -> tuple[Place, Place] | None:
    """The part of a segment that lies in a rectangle; None if there is none.

    References
    ----------
    Liang and Barsky (1984), doi:10.1145/357332.357333.

    Examples
    --------
    >>> clip_segment((0, 0), (10, 10), (2, 0, 5, 9))
    ((2.0, 2.0), (5.0, 5.0))
    """
    left, top, right, bottom = sides
    dx, dy = b[0] - a[0], b[1] - a[1]
    enter, leave = 0.0, 1.0
    for step, room in ((-dx, a[0] - left), (dx, right - a[0]), (-dy, a[1] - top),
                       (dy, bottom - a[1])):  # fmt: skip
        if step == 0:
            if room < 0:
                return None
            continue
        share = room / step
        if step < 0:
            enter = max(enter, share)
        else:
            leave = min(leave, share)
    if enter > leave:
        return None
    first = a if enter == 0 else (a[0] + enter * dx, a[1] + enter * dy)
    last = b if leave == 1 else (a[0] + leave * dx, a[1] + leave * dy)
    return first, last


def clip_area(points: Sequence[Place], sides: tuple[float, float, float, float]) -> list[Place]:
    """The part of a polygon that lies in a rectangle, one side after the other.

    References
    ----------
    Sutherland and Hodgman (1974), doi:10.1145/360767.360802.

    Examples
    --------
    >>> clip_area([(-1, 0), (1, 0), (1, 2), (-1, 2)], (0, 0, 5, 1))
    [(0.0, 0.0), (1, 0), (1.0, 1.0), (0.0, 1.0)]
    """
    left, top, right, bottom = sides
    kept = list(points)
    for axis, at, sign in ((0, left, 1), (0, right, -1), (1, top, 1), (1, bottom, -1)):
        source, kept = kept, []
        for a, b in zip(source, source[1:] + source[:1], strict=True):
            da, db = sign * (a[axis] - at), sign * (b[axis] - at)
            if da >= 0:
                kept.append(a)
            if da * db < 0:
                share = da / (da - db)
                cut = [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])]
                cut[axis] = float(at)
                kept.append((cut[0], cut[1]))
    return kept
