"""Words beside points: each where it covers no point, line or other words, or left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.plots.primitives import HAlign
from metabone.plots.text import Face, longest_word, widest, wrap

FloatArray = NDArray[np.float64]
Place = tuple[float, float]
Box = tuple[float, float, float, float]
#: Widest that words beside a point may be, and the gap to the point, in em.
WIDEST, NEAR = 15.0, 0.35
#: Directions to try, the most readable first: right, left, above, below, then the corners.
_WAYS = (
    (1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (0.75, -0.75), (0.75, 0.75), (-0.75, -0.75),
    (-0.75, 0.75), (0.9, -0.4), (0.9, 0.4), (-0.9, -0.4), (-0.9, 0.4),
)  # fmt: skip
#: Distances to try, as multiples of the nearest one; from the second on a hairline leads there.
_STEPS = (1.0, 4.0, 8.0, 14.0, 22.0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Words that are wanted beside a point at (x, y) of some radius."""

    x: float
    y: float
    radius: float
    text: str
    rank: float


@dataclass(frozen=True, slots=True)
class Placed:
    """Words in their place: anchor, first baseline, and the ends of a leader line, if any."""

    x: float
    y: float
    lines: tuple[str, ...]
    align: HAlign
    leader: tuple[Place, Place] | None
    box: Box


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What words must not cover: points (n, 3) as x, y, radius, and segments (m, 4) of lines."""

    dots: FloatArray
    segments: FloatArray


def place_labels(
    wanted: Sequence[Wanted],
    obstacles: Obstacles,
    frame: Box,
    face: Face,
    leading: float,
) -> tuple[list[Placed], list[str]]:
    """Find a place for each label, those of the highest rank first.

    Parameters
    ----------
    frame : (left, top, right, bottom) that the words must stay within.
    leading : distance of baselines.

    Returns
    -------
    The labels that have a place, and the texts of those that have none.
    """
    placed: list[Placed] = []
    left_out: list[str] = []
    for one in sorted(wanted, key=lambda each: (-each.rank, each.text)):
        found = _best(one, placed, obstacles, frame, face, leading)
        if found is None:
            left_out.append(one.text)
        else:
            placed.append(found)
    return placed, left_out


def _best(
    one: Wanted,
    placed: Sequence[Placed],
    obstacles: Obstacles,
    frame: Box,
    face: Face,
    leading: float,
) -> Placed | None:
    """The first place that is free: on one line before two, near before far."""
    limit = min(WIDEST * face.size, 0.6 * (frame[2] - frame[0]))
    broken = wrap(one.text, face, limit)
    narrow = max(0.58 * widest(broken, face), longest_word(one.text, face)) + 0.01
    taken = [other.box for other in placed]
    leaders = np.array([sum(other.leader, ()) for other in placed if other.leader is not None])
    for lines in dict.fromkeys((broken, wrap(one.text, face, min(narrow, limit)))):
        size = (widest(lines, face), len(lines) * leading)
        for step in _STEPS:
            for way in _WAYS[: 8 if step == 1 else None]:
                box = _box(one, size, way, one.radius + NEAR * face.size * step)
                if not (_within(box, frame) and _free(box, taken, leaders, obstacles)):
                    continue
                made = _made(one, lines, box, way, step, face, leading)
                if made.leader is None or _clear(made.leader, one, taken, leaders, obstacles):
                    return made
    return None


def _box(one: Wanted, size: tuple[float, float], way: tuple[float, float], away: float) -> Box:
    wide, high = size
    x, y = one.x + way[0] * away, one.y + way[1] * away
    left = x - wide / 2 if way[0] == 0 else x if way[0] > 0 else x - wide
    top = y - high / 2 if abs(way[1]) < 0.5 else y if way[1] > 0 else y - high
    return left, top, left + wide, top + high


def _within(box: Box, frame: Box) -> bool:
    """Whether a box lies in the frame; its right and left side with a hair of room."""
    return (
        box[0] >= frame[0] + 1.5 and box[1] >= frame[1]
        and box[2] <= frame[2] - 1.0 and box[3] <= frame[3] - 1.0
    )  # fmt: skip


def _free(box: Box, taken: Sequence[Box], leaders: FloatArray, obstacles: Obstacles) -> bool:
    """Whether a box covers no words, leader, line or point."""
    left, top, right, bottom = box
    for a, b, c, d in taken:
        if left < c + 1.5 and right > a - 1.5 and top < d and bottom > b:
            return False
    if crossed(box, leaders) or crossed(box, obstacles.segments):
        return False
    x, y, radius = obstacles.dots.T
    dx = np.maximum(np.maximum(left - x, x - right), 0)
    dy = np.maximum(np.maximum(top - y, y - bottom), 0)
    # A point takes the square around it, so that words do not nestle into its corners.
    return not bool((np.maximum(dx, dy) < radius + 0.3).any())


def _clear(
    leader: tuple[Place, Place],
    one: Wanted,
    taken: Sequence[Box],
    leaders: FloatArray,
    obstacles: Obstacles,
) -> bool:
    """Whether a leader runs over no words, no other leader and no other point."""
    segment = np.array([sum(leader, ())])
    if any(crossed(box, segment) for box in taken):
        return False
    if any(_meet(segment[0], other) for other in leaders):
        return False
    (x1, y1), (x2, y2) = leader
    x, y, radius = obstacles.dots.T
    along = np.array([x2 - x1, y2 - y1])
    length = float(along @ along) or 1.0
    share = np.clip(((x - x1) * along[0] + (y - y1) * along[1]) / length, 0, 1)
    gap = np.hypot(x - x1 - share * along[0], y - y1 - share * along[1])
    others = np.hypot(x - one.x, y - one.y) > 1e-9
    return not bool((others & (gap < radius + 0.2)).any())


def _meet(a: FloatArray, b: FloatArray) -> bool:
    """Whether two segments (x1, y1, x2, y2) cross."""

    def side(s: FloatArray, x: float, y: float) -> float:
        return float((s[2] - s[0]) * (y - s[1]) - (s[3] - s[1]) * (x - s[0]))

    return (
        side(a, b[0], b[1]) * side(a, b[2], b[3]) < 0
        and side(b, a[0], a[1]) * side(b, a[2], a[3]) < 0
    )


def _made(
    one: Wanted,
    lines: tuple[str, ...],
    box: Box,
    way: tuple[float, float],
    step: float,
    face: Face,
    leading: float,
) -> Placed:
    left, top, right, bottom = box
    align: HAlign = "center" if way[0] == 0 else "left" if way[0] > 0 else "right"
    x = {"center": (left + right) / 2, "left": left, "right": right}[align]
    leader = None
    if step > 1:
        # To the middle of the side that faces the point, or to the end of it at a corner.
        end = (x, (top + bottom) / 2)
        if way[0] == 0:
            end = (x, bottom if way[1] < 0 else top)
        away = math.hypot(end[0] - one.x, end[1] - one.y)
        share = one.radius / away
        start = (one.x + share * (end[0] - one.x), one.y + share * (end[1] - one.y))
        near = 1 - 1.2 / away
        leader = (start, (one.x + near * (end[0] - one.x), one.y + near * (end[1] - one.y)))
    first = top + leading / 2 + 0.36 * face.size
    return Placed(x, first, lines, align, leader, box)


def crossed(box: Box, segments: FloatArray) -> int:
    """How many segments (m, 4) pass through a box, by clipping each against its sides.

    Examples
    --------
    >>> crossed((0, 0, 2, 1), np.array([[-1, 0.5, 3, 0.5], [-1, 2, 3, 2], [1, -1, 1, 3]]))
    2
    """
    if not len(segments):
        return 0
    x1, y1, x2, y2 = segments.T
    enter, leave = np.zeros(len(segments)), np.ones(len(segments))
    for start, step, low, high in (
        (x1, x2 - x1, box[0], box[2]),
        (y1, y2 - y1, box[1], box[3]),
    ):
        still = step == 0
        along = np.where(still, 1.0, step)
        a, b = (low - start) / along, (high - start) / along
        out = still & ((start < low) | (start > high))
        enter = np.where(still, enter, np.maximum(enter, np.minimum(a, b)))
        leave = np.where(still, leave, np.minimum(leave, np.maximum(a, b)))
        leave = np.where(out, -1.0, leave)
    return int((enter <= leave).sum())
