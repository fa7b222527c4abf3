"""The signs of judgements: circles that say by sign, by lightness and by hue what was judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from metabone.plots.primitives import Canvas, Line, Shape
from metabone.plots.text import Face

Tone = Literal["good", "middle", "bad", "conflict", "blank"]
Point = tuple[float, float]
#: Blue, yellow and dark red: apart for every kind of colour vision, and middle, light and dark
#: on a grey copy.
FILLS: Mapping[str, str] = {
    "good": "#5aa9d6", "middle": "#f5e08c", "bad": "#a5301a", "conflict": "#d9dce0",
    "blank": "#ffffff",
}  # fmt: skip
EDGES: Mapping[str, str] = {
    "good": "#2b6f96", "middle": "#a88d1c", "bad": "#6d1c0d", "conflict": "#4a525b",
    "blank": "#9aa2ab",
}  # fmt: skip
INKS: Mapping[str, str] = {
    "good": "#0d2230", "middle": "#33290a", "bad": "#ffffff", "conflict": "#1c2126",
    "blank": "#5a6470",
}  # fmt: skip
#: The tone that a sign of risk of bias has.
SIGN_TONES: Mapping[str, Tone] = {"+": "good", "?": "middle", "−": "bad", "≠": "conflict"}
#: Directions of the hatching of bars, in degrees; the good answer and the blank one are plain.
HATCHES: Mapping[str, tuple[int, ...]] = {"middle": (45,), "bad": (-45,), "conflict": (0,)}
_ROUND: tuple[Point, ...] = tuple(
    (math.cos(math.tau * i / 32), math.sin(math.tau * i / 32)) for i in range(32)
)


def paint_judgement(
    canvas: Canvas, tone: Tone, sign: str, center: Point, half: float, face: Face
) -> None:
    """Add the circle of a judgement with its sign: + − ± as strokes, any other as a character."""
    x, y = center
    points = tuple((x + half * dx, y + half * dy) for dx, dy in _ROUND)
    canvas.shapes.append(Shape(points, FILLS[tone], EDGES[tone], 0.5))
    paint_sign(canvas, sign, center, half, INKS[tone], face)


def paint_sign(canvas: Canvas, sign: str, center: Point, half: float, ink: str, face: Face) -> None:
    """Add a sign alone, of the size that fits into a circle of radius `half`."""
    x, y = center
    arm, thick = 0.56 * half, 0.13 * half
    if sign in ("+", "−"):
        canvas.shapes.append(_bar(x, y, arm, thick, ink))
        if sign == "+":
            canvas.shapes.append(_bar(x, y, thick, arm, ink))
    elif sign == "±":
        canvas.shapes.append(_bar(x, y - 0.18 * half, 0.46 * half, thick, ink))
        canvas.shapes.append(_bar(x, y - 0.18 * half, thick, 0.42 * half, ink))
        canvas.shapes.append(_bar(x, y + 0.5 * half, 0.46 * half, thick, ink))
    elif sign:
        mark = Face(face.family, 1.4 * half, "bold")
        canvas.write(x, y + 0.365 * mark.size, sign, mark, ink, "center")


def _bar(x: float, y: float, wide: float, high: float, ink: str) -> Shape:
    corners = (
        (x - wide, y - high),
        (x + wide, y - high),
        (x + wide, y + high),
        (x - wide, y + high),
    )
    return Shape(corners, ink)


def paint_bar(
    canvas: Canvas, tone: Tone, left: float, right: float, top: float, bottom: float, step: float
) -> None:
    """Add a bar in the colour of a judgement, hatched by its tone with lines `step` apart."""
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    canvas.backdrop.append(Shape(corners, FILLS[tone], EDGES[tone], 0.5))
    # The hatching of the dark bar is lighter than it, those of the others darker.
    color = "#d97a63" if tone == "bad" else EDGES[tone]
    for angle in HATCHES.get(tone, ()):
        for points in hatch_lines(left, right, top, bottom, angle, step):
            canvas.lines.append(Line(points, 0.45, color))


def hatch_lines(
    left: float, right: float, top: float, bottom: float, angle: int, step: float
) -> list[tuple[Point, Point]]:
    """Parallel lines in a rectangle, cut at its edges.

    Examples
    --------
    >>> hatch_lines(0, 4, 0, 2, 0, 1)
    [((0, 1), (4, 1))]
    >>> hatch_lines(0, 2, 0, 2, 45, 2)
    [((0, 2), (2, 0))]
    """
    if angle == 0:
        count = max(0, math.ceil((bottom - top) / step) - 1)
        levels = [top + step * i for i in range(1, count + 1)]
        return [((left, y), (right, y)) for y in levels]
    high, found = bottom - top, []
    for i in range(1, math.ceil((right - left + high) / step)):
        # A line that falls to the right, from (reach - high, top) to (reach, bottom), then cut.
        reach = left + step * i
        first, last = max(reach - high, left), min(reach, right)
        if last - first > 1e-9:
            heights = (bottom - (reach - first), bottom - (reach - last))
            found.append(((first, heights[0]), (last, heights[1])))
    if angle < 0:
        return found
    return [((a, top + bottom - y), (b, top + bottom - z)) for (a, y), (b, z) in found]
