"""The key under a figure of points: samples with what they mean, as many on a line as fit."""

from __future__ import annotations

from collections.abc import Sequence

from metabone.plots.primitives import Canvas, Line, Shape
from metabone.plots.styles import Style
from metabone.plots.text import Face, widest, wrap
from metabone.plots.xy_panel import mark
from metabone.plots.xy_spec import Area, Dot, Entry, Stroke
from metabone.plots.xy_styles import AREAS, DOTS, STROKES, shade

#: Width of a sample, its gap to the words, and the gap to the next entry, in em.
SAMPLE, TO_WORDS, TO_NEXT, RADIUS = 2.2, 0.6, 1.8, 0.42


def paint_key(
    canvas: Canvas,
    key: Sequence[Entry],
    y: float,
    bounds: tuple[float, float],
    face: Face,
    style: Style,
) -> float:
    """Paint the key from height `y` on; the height at which it ends."""
    if not key:
        return y
    em, lead = face.size, style.line * face.size * 1.1
    left, right = bounds
    y += 0.5 * em
    x, deepest = left, 1
    for entry in key:
        lines = wrap(entry.words, face, right - left - (SAMPLE + TO_WORDS) * em)
        wide = (SAMPLE + TO_WORDS) * em + widest(lines, face)
        if x > left and x + wide > right:
            x, y, deepest = left, y + deepest * lead, 1
        middle = y + lead / 2
        _sample(canvas, entry.sample, x, middle, em)
        for i, line in enumerate(lines):
            base = middle + 0.36 * em + i * lead
            canvas.write(
                x + (SAMPLE + TO_WORDS) * em, base, line, face, style.palette.ink
            )  # fmt: skip
        deepest = max(deepest, len(lines))
        x += wide + TO_NEXT * em
    return y + deepest * lead


def _sample(
    canvas: Canvas, sample: Dot | Stroke | Area, x: float, middle: float, em: float
) -> None:
    right = x + SAMPLE * em
    if isinstance(sample, Dot):
        radius = RADIUS * em * DOTS[sample.kind].scale
        canvas.shapes.append(mark((x + right) / 2, middle, radius, sample.kind))
    elif isinstance(sample, Stroke):
        look = STROKES[sample.kind]
        canvas.lines.append(Line(((x, middle), (right, middle)), look.width, look.color, look.dash))
    else:
        top, bottom = middle - 0.45 * em, middle + 0.45 * em
        fill = shade(sample.shade) if sample.kind == "count" else AREAS[sample.kind]
        corners = ((x, top), (right, top), (right, bottom), (x, bottom))
        canvas.backdrop.append(Shape(corners, fill, "#8c97a1", 0.4))
