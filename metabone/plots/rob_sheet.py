"""What the figures of judged studies share: title, banner, legend, footer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from metabone.plots.judgement_marks import paint_judgement
from metabone.plots.primitives import Canvas, HAlign, TextRun
from metabone.plots.rob_spec import Judgement
from metabone.plots.sizing import MARGIN
from metabone.plots.styles import Style
from metabone.plots.text import Face, width, wrap

CAPITALS = 0.729
#: In em: the circle of a judgement from its middle, and the room that it takes in a legend.
HALF, SIGN = 0.62, 1.75


class RobSheet:
    """One figure on its way from top to bottom."""

    def __init__(self, style: Style, face: Face, width: float) -> None:
        self.style = style
        self.face = face
        self.em = face.size
        self.lead = style.line * face.size
        self.right = width - MARGIN
        self.canvas = Canvas()
        self.y = MARGIN

    def paragraph(self, text: str, face: Face, color: str) -> None:
        """Text from margin to margin."""
        for line in wrap(text, face, self.right - MARGIN):
            self.y += self.style.line * face.size
            self.canvas.write(MARGIN, self.y - 0.3 * face.size, line, face, color)

    def head(self, title: str, banner: str | None) -> None:
        """Title, and the words that must not be overlooked."""
        colors = self.style.palette
        if title:
            self.paragraph(title, self.face.scaled(1.2).bold(), colors.ink)
            self.y += 0.35 * self.em
        if banner:
            top = self.y
            self.y += 0.4 * self.em
            self.paragraph(banner, self.face.bold(), colors.warning)
            self.y += 0.4 * self.em
            self.canvas.box(MARGIN - 3, top, self.right + 3, self.y, colors.warning_band)
            self.y += 0.3 * self.em

    def legend(
        self, entries: Sequence[Judgement], swatch: Callable[..., None] | None = None
    ) -> None:
        """What the signs mean, in as many lines as they take.

        `swatch` paints (judgement, x, middle) instead of the circle.
        """
        self.y += 0.3 * self.em
        x = MARGIN
        for one in entries:
            wide = SIGN * self.em + width(one.words, self.face)
            if x > MARGIN and x + wide > self.right:
                x, self.y = MARGIN, self.y + 1.35 * self.lead
            middle = self.y + self.lead / 2
            if swatch is None:
                center = (x + HALF * self.em, middle)
                paint_judgement(self.canvas, one.tone, one.sign, center, HALF * self.em, self.face)
            else:
                swatch(one, x, middle)
            self.block(x + SIGN * self.em, middle, (one.words,), self.face, self.style.palette.ink)
            x += wide + 1.6 * self.em
        self.y += 1.6 * self.lead

    def block(
        self, x: float, middle: float, lines: tuple[str, ...], face: Face, color: str,
        align: HAlign = "left",
    ) -> None:  # fmt: skip
        """Lines of text, centred on a height by their capitals."""
        lead = self.style.line * face.size
        first = middle - (len(lines) - 1) * lead / 2 + CAPITALS * face.size / 2
        for i, text in enumerate(lines):
            self.canvas.write(x, first + i * lead, text, face, color, align)

    def upright(self, x: float, bottom: float, text: str, face: Face, color: str) -> None:
        """A line of text that runs upwards from `bottom`, its middle at `x`."""
        if text.strip():
            run = TextRun(x + CAPITALS * face.size / 2, bottom, text, face, color, "left", 90.0)
            self.canvas.texts.append(run)

    def foot(self, texts: Iterable[str]) -> None:
        """What stands under the figure."""
        self.y += 0.5 * self.em
        face = self.face.scaled(self.style.small)
        for text in texts:
            self.paragraph(text, face, self.style.palette.muted)
            self.y += 0.25 * self.em
