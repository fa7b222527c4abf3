"""The axis under a plot: line, ticks, and the words on either side of zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from metabone.plots.marks import Stage
from metabone.plots.primitives import Canvas, HAlign, Line
from metabone.plots.spec import Tick
from metabone.plots.styles import Style
from metabone.plots.text import Face, longest_word, widest, width, wrap

LEFT_ARROW, RIGHT_ARROW = "← ", " →"


@dataclass(frozen=True, slots=True)
class Side:
    """Words on one side of zero; `level` 1 stands under level 0."""

    x: float
    align: HAlign
    lines: tuple[str, ...]
    level: int = 0

    def left(self, face: Face) -> float:
        """Left edge of the words."""
        return self.x - (widest(self.lines, face) if self.align == "right" else 0.0)

    def right(self, face: Face) -> float:
        """Right edge of the words."""
        return self.x + (widest(self.lines, face) if self.align == "left" else 0.0)


def place_sides(stage: Stage, style: Style, face: Face, bounds: tuple[float, float]) -> list[Side]:
    """The words on either side of zero, between `bounds`.

    They meet at zero or near it, on one line or on several; where there is no room for both, the
    right one stands under the left one.
    """
    left, right = _with_arrows(stage)
    zero, gap = stage.clip(stage.axis.zero), 0.6 * face.size
    choices = []
    for one in _ways(left, face):
        for other in _ways(right, face):
            wide = (widest(one, face) + gap, widest(other, face) + gap)
            if sum(wide) <= bounds[1] - bounds[0]:
                meet = min(max(zero, bounds[0] + wide[0]), bounds[1] - wide[1])
                # A line more is as bad as words three em away from zero.
                cost = len(one) + len(other) + abs(meet - zero) / (3 * face.size)
                choices.append((cost, meet, one, other))
    if choices:
        _, meet, one, other = min(choices)
        return [Side(meet - gap, "right", one), Side(meet + gap, "left", other)]
    whole = bounds[1] - bounds[0]
    return [
        Side(bounds[0], "left", wrap(left, face, whole)),
        Side(bounds[1], "right", wrap(right, face, whole), 1),
    ]


def _ways(text: str, face: Face) -> list[tuple[str, ...]]:
    """A text on one line, and broken into as many lines as it has words or fewer."""
    limits = (width(text, face), 0.62 * width(text, face), 0.0)
    ways = [wrap(text, face, max(limit, longest_word(text, face)) + 0.01) for limit in limits]
    return list(dict.fromkeys(ways))


def _with_arrows(stage: Stage) -> tuple[str, str]:
    # A no-break space keeps an arrow with its word.
    left = f"{LEFT_ARROW.rstrip()}\u00a0{stage.axis.left}" if stage.axis.left else ""
    right = f"{stage.axis.right}\u00a0{RIGHT_ARROW.lstrip()}" if stage.axis.right else ""
    return left, right


def paint_axis(
    canvas: Canvas,
    stage: Stage,
    y: float,
    style: Style,
    face: Face,
    sides: Sequence[Side],
    bounds: tuple[float, float],
) -> float:
    """Add the axis at height `y`; the height at which it ends."""
    colors = style.palette
    canvas.rule(stage.left, stage.right, y, 0.7, colors.ink)
    for tick in choose_ticks(stage, face, bounds):
        x = stage.x(tick.at)
        canvas.lines.append(Line(((x, y), (x, y + 0.35 * face.size)), 0.7, colors.ink))
        canvas.write(x, y + 1.35 * face.size, tick.text, face, colors.ink, "center")
    y += 1.75 * face.size
    leading = style.line * face.size
    for level in (0, 1):
        here = [side for side in sides if side.level == level]
        for side in here:
            for i, text in enumerate(side.lines):
                canvas.write(side.x, y + (i + 0.8) * leading, text, face, colors.ink, side.align)
        y += leading * max((len(side.lines) for side in here), default=0)
    if stage.axis.label:
        y = _label(canvas, stage, y, style, face, bounds)
    return y


def _label(
    canvas: Canvas, stage: Stage, y: float, style: Style, face: Face, bounds: tuple[float, float]
) -> float:
    """The axis label, centred under the plot as far as its bounds allow."""
    leading = style.line * face.size
    middle = (stage.left + stage.right) / 2
    half = min(middle - bounds[0], bounds[1] - middle)
    y += 0.25 * face.size
    for text in wrap(stage.axis.label, face, 2 * half):
        canvas.write(middle, y + 0.8 * leading, text, face, style.palette.ink, "center")
        y += leading
    return y


def choose_ticks(stage: Stage, face: Face, bounds: tuple[float, float]) -> tuple[Tick, ...]:
    """The densest set of ticks whose labels stand apart, whole or else as far as it has room; the
    last set if not even two have."""
    cut: tuple[Tick, ...] = ()
    for ticks in stage.axis.tick_sets:
        halves = [width(tick.text, face) / 2 for tick in ticks]
        spans = [
            (stage.x(tick.at) - half, stage.x(tick.at) + half)
            for tick, half in zip(ticks, halves, strict=True)
        ]
        if any(b[0] - a[1] < 0.8 * face.size for a, b in pairwise(spans)):
            continue
        inside = tuple(
            tick
            for tick, (left, right) in zip(ticks, spans, strict=True)
            if left >= bounds[0] and right <= bounds[1]
        )
        if len(inside) == len(ticks) and len(ticks) != 1:
            return ticks
        cut = inside if len(inside) > max(1, len(cut)) else cut
    return cut or stage.axis.tick_sets[-1]
