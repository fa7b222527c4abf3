"""Where everything in a summary of judgements stands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from metabone.plots.judgement_marks import INKS, paint_bar, paint_judgement, paint_sign
from metabone.plots.primitives import MM_PER_POINT, Layout, Line
from metabone.plots.rob_sheet import HALF, RobSheet
from metabone.plots.rob_spec import Bar, Judgement, SummarySpec
from metabone.plots.sheet import look
from metabone.plots.sizing import MARGIN, SMALLEST, too_narrow
from metabone.plots.styles import Style
from metabone.plots.text import (
    Face,
    balance,
    clean,
    longest_word,
    widest,
    width,
)

#: Width when none is asked for (points: 165 mm), and the shortest axis.
USUAL, SHORTEST = 165 / MM_PER_POINT, 110.0
#: In em: height of a bar, of the room of its row, longest line of a label, step of the hatching.
BAR, ROW, LABEL, STEP = 1.55, 2.15, 24.0, 0.42


@dataclass(frozen=True, slots=True)
class _Plan:
    """Text scale, width of the figure, of the labels and of each column of numbers."""

    scale: float
    width: float
    label: float
    number: float


def lay_out_summary(
    spec: SummarySpec, *, width_mm: float | None = None, font: str | None = None
) -> Layout:
    """Measure every text and give everything its place.

    Raises
    ------
    UsageError
        For a font that is not here, or a width that is too narrow.
    """
    style, face = look(font)
    ready = replace(
        spec, title=clean(spec.title, face), footer=tuple(clean(one, face) for one in spec.footer),
        bars=tuple(replace(bar, label=clean(bar.label, face)) for bar in spec.bars),
    )  # fmt: skip
    plan = _fit(ready, style, face, USUAL if width_mm is None else width_mm / MM_PER_POINT)
    return _Sheet(ready, style, face.scaled(plan.scale), plan).build()


def _fit(spec: SummarySpec, style: Style, face: Face, total: float) -> _Plan:
    """The largest text with which labels, axis and numbers fit."""
    smallest = SMALLEST / (style.size * style.small)
    labels = [bar.label for bar in spec.bars]
    for scale in [*(1 - 0.03 * i for i in range(40) if 1 - 0.03 * i > smallest), smallest]:
        shrunk = face.scaled(scale)
        number = width("100%", shrunk) + 0.9 * shrunk.size
        room = total - 2 * MARGIN - number * len(spec.legend) - SHORTEST - 2 * shrunk.size
        most = min(widest(labels, shrunk.bold()), LABEL * shrunk.size)
        words = min(max(longest_word(one, shrunk.bold()) for one in labels), LABEL * shrunk.size)
        if room >= min(most, max(words, 9 * shrunk.size)):
            return _Plan(scale, total, min(most, room), number)
    needed = total - room + min(most, max(words, 9 * shrunk.size))
    raise too_narrow(total, "labels, bars and numbers: they take", needed)


class _Sheet(RobSheet):
    """One summary on its way from top to bottom."""

    def __init__(self, spec: SummarySpec, style: Style, face: Face, plan: _Plan) -> None:
        super().__init__(style, face, plan.width)
        self.spec = spec
        self.plan = plan
        self.left = MARGIN + plan.label + self.em
        self.end = self.right - plan.number * len(spec.legend) - self.em

    def build(self) -> Layout:
        """Everything in its place."""
        self.head(self.spec.title, self.spec.banner)
        self.judgements(self.spec.legend, self._swatch)
        self._numbers_head()
        top = self.y
        for bar in self.spec.bars:
            self._bar(bar)
        self._axis(top)
        self.foot(self.spec.footer)
        return self.finished(self.spec.title or "Summary of judgements", self.spec.description)

    def _swatch(self, one: Judgement, x: float, middle: float) -> None:
        """A piece of a bar with its hatching and its sign."""
        half = 0.68 * self.em
        box = (x, x + 2 * half, middle - half, middle + half)
        paint_bar(self.canvas, one.tone, *box, STEP * self.em)
        self._sign(one, x + half, middle)

    def _sign(self, one: Judgement, x: float, middle: float) -> None:
        """A sign in a disc of the bar's own colour, so that no hatching runs through it."""
        if one.sign:
            paint_judgement(self.canvas, one.tone, "", (x, middle), 0.52 * self.em, self.face)
            paint_sign(
                self.canvas, one.sign, (x, middle), HALF * self.em, INKS[one.tone], self.face
            )

    def _columns(self) -> list[float]:
        """Right edges of the numbers."""
        start = self.end + self.em
        return [start + self.plan.number * (i + 1) for i in range(len(self.spec.legend))]

    def _numbers_head(self) -> None:
        middle = self.y + 0.6 * self.lead
        for one, right in zip(self.spec.legend, self._columns(), strict=True):
            center = (right - 0.45 * self.plan.number, middle)
            paint_judgement(self.canvas, one.tone, one.sign, center, HALF * self.em, self.face)
        self.y += 1.5 * self.lead

    def _bar(self, bar: Bar) -> None:
        colors = self.style.palette
        face = self.face.bold() if bar.overall else self.face
        if bar.overall:
            self.y += 0.5 * self.em
        lines = balance(bar.label, face, self.plan.label + 0.01)
        high = max(ROW * self.em, len(lines) * self.lead + 0.3 * self.em)
        middle = self.y + high / 2
        self.block(MARGIN, middle, lines, face, colors.ink)
        start, total = self.left, sum(bar.percents)
        for one, percent in zip(self.spec.legend, bar.percents, strict=True):
            stop = start + (self.end - self.left) * percent / total
            if percent > 0:
                box = (start, stop, middle - BAR * self.em / 2, middle + BAR * self.em / 2)
                paint_bar(self.canvas, one.tone, *box, STEP * self.em)
                if stop - start > 1.5 * self.em:
                    self._sign(one, (start + stop) / 2, middle)
            start = stop
        for percent, right in zip(bar.percents, self._columns(), strict=True):
            text = percent_text(percent)
            self.block(right, middle, (text,), face, colors.ink, "right")
        self.y += high

    def _axis(self, top: float) -> None:
        colors = self.style.palette
        self.y += 0.3 * self.em
        self.canvas.rule(self.left, self.end, self.y, 0.6, colors.rule)
        for tick in (0, 25, 50, 75, 100):
            x = self.left + (self.end - self.left) * tick / 100
            self.canvas.lines.append(
                Line(((x, self.y), (x, self.y + 0.35 * self.em)), 0.6, colors.rule)
            )
            base = self.y + 0.45 * self.em + 0.9 * self.lead
            self.canvas.write(x, base, f"{tick}", self.face, colors.ink, "center")
        self.y += 0.6 * self.em + 0.9 * self.lead
        middle = (self.left + self.end) / 2
        self.canvas.write(
            middle, self.y + self.lead, self.spec.axis, self.face, colors.ink, "center"
        )
        self.y += 1.3 * self.lead


def percent_text(percent: float) -> str:
    """A per cent without decimals; what is there is never 0 and what is not all never 100.

    Examples
    --------
    >>> percent_text(42.4), percent_text(0.2), percent_text(99.8), percent_text(0.0)
    ('42%', '<1%', '>99%', '0%')
    """
    if 0 < percent < 0.5:
        return "<1%"
    if 99.5 <= percent < 100 - 1e-9:
        return ">99%"
    return f"{percent:.0f}%"
