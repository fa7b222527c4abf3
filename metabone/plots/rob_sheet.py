"""What the figures of judged studies share: legend and upright text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from metabone.plots.judgement_marks import paint_judgement
from metabone.plots.primitives import TextRun
from metabone.plots.rob_spec import Judgement
from metabone.plots.sheet import CAPITALS, Sheet
from metabone.plots.text import Face

#: The circle of a judgement from its middle, in em.
HALF = 0.62


class RobSheet(Sheet):
    """One figure on its way from top to bottom."""

    def judgements(
        self, judged: Sequence[Judgement], swatch: Callable[..., None] | None = None
    ) -> None:
        """What the signs mean, in as many lines as they take.

        `swatch` paints (judgement, x, middle) instead of the circle.
        """
        self.y += 0.3 * self.em
        paint = self._circle if swatch is None else swatch
        self.legend([(one.words, partial(paint, one)) for one in judged], gap=1.6, step=1.35)
        self.y += 1.6 * self.lead

    def _circle(self, one: Judgement, x: float, middle: float) -> None:
        center = (x + HALF * self.em, middle)
        paint_judgement(self.canvas, one.tone, one.sign, center, HALF * self.em, self.face)

    def upright(self, x: float, bottom: float, text: str, face: Face, color: str) -> None:
        """A line of text that runs upwards from `bottom`, its middle at `x`."""
        if text.strip():
            run = TextRun(x + CAPITALS * face.size / 2, bottom, text, face, color, "left", 90.0)
            self.canvas.texts.append(run)
