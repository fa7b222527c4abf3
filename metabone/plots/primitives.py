"""What a laid-out figure consists of: texts, lines and shapes at measured places.

All places are points from the top left corner, y downwards; sizes are points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from metabone.plots.text import Face

HAlign = Literal["left", "center", "right"]
MM_PER_POINT = 25.4 / 72


@dataclass(frozen=True, slots=True)
class TextRun:
    """One line of text: its anchor on the baseline, and how it is set.

    `angle` turns it about its anchor, in degrees against the clock.
    """

    x: float
    y: float
    text: str
    face: Face
    color: str
    align: HAlign = "left"
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """A stroke through some points."""

    points: tuple[tuple[float, float], ...]
    width: float
    color: str
    dash: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled polygon; `opacity` is that of its fill, its edge is solid."""

    points: tuple[tuple[float, float], ...]
    fill: str | None
    edge: str | None = None
    width: float = 0.0
    opacity: float = 1.0


def circle(
    x: float, y: float, radius: float, corners: int, turn: float = 0.0
) -> tuple[tuple[float, float], ...]:
    """A circle as a polygon; `turn` is the angle of its first corner."""
    turns = [turn + math.tau * i / corners for i in range(corners)]
    return tuple((x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns)


@dataclass(slots=True)
class Canvas:
    """A figure that is being laid out; `freeze` makes a `Layout` of it."""

    texts: list[TextRun] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    backdrop: list[Shape] = field(default_factory=list)

    def write(
        self, x: float, y: float, text: str, face: Face, color: str, align: HAlign = "left"
    ) -> None:
        """Set a line of text; blank text leaves nothing."""
        if text.strip():
            self.texts.append(TextRun(x, y, text, face, color, align))

    def rule(self, x1: float, x2: float, y: float, width: float, color: str) -> None:
        """A horizontal line."""
        self.lines.append(Line(((x1, y), (x2, y)), width, color))

    def box(self, x1: float, y1: float, x2: float, y2: float, fill: str) -> None:
        """A filled rectangle behind everything."""
        corners = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
        self.backdrop.append(Shape(corners, fill))


@dataclass(frozen=True, slots=True)
class Layout:
    """A figure in which everything has its place.

    Parameters
    ----------
    width, height : points.
    backdrop, lines, shapes, texts : in painting order.
    title, description : what the figure is called, and what it shows in words.
    """

    width: float
    height: float
    backdrop: tuple[Shape, ...]
    lines: tuple[Line, ...]
    shapes: tuple[Shape, ...]
    texts: tuple[TextRun, ...]
    title: str
    description: str

    @property
    def width_mm(self) -> float:
        """Width in millimetres."""
        return self.width * MM_PER_POINT
