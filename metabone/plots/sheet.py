"""What the layouts of figures share: a sheet that is filled from its top to its bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from metabone.plots.primitives import Canvas, HAlign, Layout
from metabone.plots.sizing import MARGIN
from metabone.plots.spec import Tick
from metabone.plots.styles import Style, find_style
from metabone.plots.text import Face, check_family, readable, width, wrap

#: Height of capitals, as a share of the size; room of a sign with its gap in a legend, in em.
CAPITALS, SIGN = 0.729, 1.75

#: Words of a legend, and what paints their sign at (left end, height of its middle).
Entry = tuple[str, Callable[[float, float], None]]


def look(font: str | None, name: str = "metabone") -> tuple[Style, Face]:
    """A style and its face, or the face of another font in its size.

    Raises
    ------
    UsageError
        For a font that is not here.
    """
    style = find_style(name)
    return style, Face(style.family if font is None else check_family(font), style.size)


def densest(
    tick_sets: Sequence[tuple[Tick, ...]], place: Callable[[float], float], apart: float
) -> tuple[Tick, ...]:
    """The first set of ticks, from dense to sparse, that stand apart; the last if none does."""
    for ticks in tick_sets:
        places = sorted(place(tick.at) for tick in ticks)
        if all(b - a >= apart for a, b in pairwise(places)):
            return ticks
    return tick_sets[-1]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A table that is drawn: its face, width of the figure, room of the rows' names, and the sides
    of its columns, all in points."""

    face: Face
    width: float
    head: float
    columns: tuple[tuple[float, float], ...]


class Sheet:
    """One figure on its way from top to bottom; `y` is how far it is filled."""

    #: In em: gaps under title and banner, over the footer, and under each paragraph of it.
    UNDER_TITLE, UNDER_BANNER = 0.35, 0.3
    OVER_FOOT, UNDER_FOOT = 0.5, 0.25

    def __init__(self, style: Style, face: Face, width: float) -> None:
        self.style = style
        self.face = face
        self.small = face.scaled(style.small)
        self.em = face.size
        self.lead = style.line * face.size
        self.total = width
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
            self.y += self.UNDER_TITLE * self.em
        if banner:
            top = self.y
            self.y += 0.4 * self.em
            self.paragraph(banner, self.face.bold(), colors.warning)
            self.y += 0.4 * self.em
            self.canvas.box(MARGIN - 3, top, self.right + 3, self.y, colors.warning_band)
            self.y += self.UNDER_BANNER * self.em

    def legend(self, entries: Iterable[Entry], *, gap: float, step: float) -> None:
        """Signs and their words beside each other, in as many lines as they take.

        The sheet is then filled down to the top of the last of them.

        Parameters
        ----------
        gap : between entries, in em.
        step : from one line to the next, in lines of text.
        """
        x = MARGIN
        for words, paint in entries:
            wide = SIGN * self.em + width(words, self.face)
            if x > MARGIN and x + wide > self.right:
                x, self.y = MARGIN, self.y + step * self.lead
            middle = self.y + self.lead / 2
            paint(x, middle)
            lines = wrap(words, self.face, self.right - x - SIGN * self.em)
            more = (len(lines) - 1) * self.lead
            ink = self.style.palette.ink
            self.block(x + SIGN * self.em, middle + more / 2, lines, self.face, ink)
            self.y += more
            x += wide + gap * self.em

    def block(
        self, x: float, middle: float, lines: Sequence[str], face: Face, color: str,
        align: HAlign = "left",
    ) -> None:  # fmt: skip
        """Lines of text, centred on a height by their capitals."""
        lead = self.style.line * face.size
        first = middle - (len(lines) - 1) * lead / 2 + CAPITALS * face.size / 2
        for i, text in enumerate(lines):
            self.canvas.write(x, first + i * lead, text, face, color, align)

    def foot(self, texts: Iterable[str]) -> None:
        """What stands under the figure."""
        self.y += self.OVER_FOOT * self.em
        for text in texts:
            self.paragraph(text, self.small, self.style.palette.muted)
            self.y += self.UNDER_FOOT * self.em

    def finished(self, title: str, description: str) -> Layout:
        """The figure as far as it is filled, and a margin."""
        return Layout(
            width=self.total, height=self.y + MARGIN, backdrop=tuple(self.canvas.backdrop),
            lines=tuple(self.canvas.lines), shapes=tuple(self.canvas.shapes),
            texts=tuple(self.canvas.texts), title=title, description=readable(description),
        )  # fmt: skip
