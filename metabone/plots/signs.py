"""The signs of a harvest plot: arrows that say a direction without their colour."""

from __future__ import annotations

import math
from collections.abc import Mapping

from metabone.plots.primitives import Canvas, Shape
from metabone.plots.text import Face

Point = tuple[float, float]
COLORS: Mapping[str, str] = {
    "benefit": "#1f6a8a", "harm": "#c0431a", "no change": "#6b7580", "mixed": "#7b5a9e",
    "unclear": "#6b7580", "swatch": "#39424c", "higher": "#2d5f8a", "lower": "#8a5a00",
}  # fmt: skip
PALE: Mapping[str, str] = {
    "benefit": "#b9d6e2", "harm": "#f2c4b3", "no change": "#d6dade", "mixed": "#d9cce6",
    "unclear": "#d6dade", "swatch": "#c9cfd6", "higher": "#bfd3e6", "lower": "#ecd9b4",
}  # fmt: skip
#: An arrow that points up, in a square from −1 to 1 with y downwards.
_UP: tuple[Point, ...] = (
    (0, -1), (0.82, -0.08), (0.34, -0.08), (0.34, 1), (-0.34, 1), (-0.34, -0.08), (-0.82, -0.08),
)  # fmt: skip
#: An arrow that points left and right.
_BOTH: tuple[Point, ...] = (
    (-1.1, 0), (-0.38, -0.62), (-0.38, -0.24), (0.38, -0.24), (0.38, -0.62), (1.1, 0),
    (0.38, 0.62), (0.38, 0.24), (-0.38, 0.24), (-0.38, 0.62),
)  # fmt: skip
_ROUND: tuple[Point, ...] = tuple(
    (math.cos(math.tau * i / 32), math.sin(math.tau * i / 32)) for i in range(32)
)
SIGNS: Mapping[str, tuple[Point, ...]] = {
    "benefit": _UP,
    "harm": tuple((x, -y) for x, y in _UP),
    "higher": _UP,
    "lower": tuple((x, -y) for x, y in _UP),
    "no change": _BOTH,
    "mixed": tuple((y, x) for x, y in _BOTH),
    "unclear": _ROUND,
    # For the legend of fills, which say nothing of direction.
    "swatch": ((-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)),
}


def paint_sign(
    canvas: Canvas, verdict: str, evidence: str, center: Point, half: float, face: Face
) -> None:
    """Add the sign of a verdict: solid (``bone``), pale (``animal``) or outlined (``other``)."""
    color = COLORS[verdict]
    fill = {"bone": color, "animal": PALE[verdict]}.get(evidence, "#ffffff")
    x, y = center
    points = tuple((x + half * dx, y + half * dy) for dx, dy in SIGNS[verdict])
    canvas.shapes.append(Shape(points, fill, color, 0.8))
    if verdict == "unclear":
        mark = Face(face.family, 1.45 * half, "bold")
        ink = "#ffffff" if evidence == "bone" else color
        canvas.write(x, y + 0.365 * mark.size, "?", mark, ink, "center")
