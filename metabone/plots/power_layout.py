"""Where everything in a power curve stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from metabone.plots.power import percent
from metabone.plots.primitives import MM_PER_POINT, Layout, Line, Shape, circle
from metabone.plots.scales import find_scale, tick_sets
from metabone.plots.sheet import Sheet, look
from metabone.plots.sizing import MARGIN, too_narrow
from metabone.plots.spec import CurveKind, PowerSpec
from metabone.plots.styles import Style
from metabone.plots.text import Face, clean, longest_word, widest, wrap
from metabone.plots.words import level_text

WIDTH_MM = 130.0
#: Height of the plot by its width, and its least width in points.
RATIO, LEAST = 0.62, 110.0
#: In em: widest a label beside the plot may be, gap to the plot, radius of a dot.
LABEL, GAP, DOT = 15.0, 1.5, 0.38
COLORS: dict[CurveKind, str] = {"power": "#2b5f86", "assurance": "#a8480f", "other": "#8fa9ba"}
STROKES: dict[CurveKind, float] = {"power": 1.6, "assurance": 1.6, "other": 0.8}
_STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def lay_out_power(
    spec: PowerSpec, *, width_mm: float | None = None, font: str | None = None
) -> Layout:
    """Measure every text of a power curve and give everything its place.

    Raises
    ------
    UsageError
        For a font that is not here, or a width that leaves no room for the plot.
    """
    style, face = look(font)
    total = (WIDTH_MM if width_mm is None else width_mm) / MM_PER_POINT
    return _Sheet(_cleaned(spec, face), style, face, total).build()


def _cleaned(spec: PowerSpec, face: Face) -> PowerSpec:
    tidy = partial(clean, face=face)
    return replace(
        spec, title=tidy(spec.title), chosen_text=tidy(spec.chosen_text),
        x_label=tidy(spec.x_label), y_label=tidy(spec.y_label),
        footer=tuple(map(tidy, spec.footer)),
        curves=tuple(replace(curve, name=tidy(curve.name)) for curve in spec.curves),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Label:
    """Words beside the plot: what height they belong to and how they look."""

    y: float
    lines: tuple[str, ...]
    color: str


class _Sheet(Sheet):
    """One power curve on its way from top to bottom."""

    OVER_FOOT = 0.9

    def __init__(self, spec: PowerSpec, style: Style, face: Face, total: float) -> None:
        super().__init__(style, face, total)
        self.spec = spec
        texts = [text for _, text, _ in self._named()]
        words = max(longest_word(text, face) for text in texts)
        room = min(LABEL * self.em, max(0.3 * total, words))
        self.label_width = min(room, widest(texts, face)) + 0.01
        self.start = MARGIN + widest(["100"], face) + 0.7 * self.em
        self.end = total - MARGIN - self.label_width - GAP * self.em
        if self.end - self.start < LEAST:
            wanted = "a power curve with its labels: it takes"
            raise too_narrow(total, wanted, total - (self.end - self.start) + LEAST)
        counts = [count for curve in spec.curves for count, _ in curve.points]
        counts += [] if spec.chosen is None else [spec.chosen]
        self.low, self.high = min(counts), max(counts)
        self.top = self.bottom = 0.0

    def build(self) -> Layout:
        """Everything in its place."""
        self.head(self.spec.title, self.spec.banner)
        self._over()
        self._frame()
        self._lines()
        self._labels()
        self.foot(self.spec.footer)
        return self.finished(self.spec.title or "Power curve", self.spec.description)

    def _named(self) -> list[tuple[float, str, str]]:
        """(height as a share, words, colour) of everything that is named beside the plot."""
        muted = self.style.palette.muted
        named = []
        for curve in self.spec.curves:
            named.append((curve.points[-1][1], curve.name, COLORS[curve.kind]))
            if curve.ceiling is not None:
                text = f"ceiling {percent(curve.ceiling)}"
                named.append((curve.ceiling, text, COLORS[curve.kind]))
        if self.spec.target is not None:
            named.append((self.spec.target, f"target {level_text(self.spec.target)}", muted))
        return named

    def _x(self, count: float) -> float:
        return self.start + (count - self.low) / (self.high - self.low) * (self.end - self.start)

    def _height(self, share: float) -> float:
        return self.bottom - share * (self.bottom - self.top)

    def _over(self) -> None:
        """Words over the plot: what is drawn, and the planned number."""
        self.paragraph(self.spec.y_label, self.face, self.style.palette.muted)
        self._chosen_words()
        self.y += 0.6 * self.em

    def _chosen_words(self) -> None:
        """The planned number, over its line as far as the page allows."""
        if self.spec.chosen is None or not self.spec.chosen_text:
            return
        bold, limit = self.face.bold(), self.total - 2 * MARGIN
        lines = wrap(self.spec.chosen_text, bold, limit)
        wide = widest(lines, bold)
        x = min(max(self._x(self.spec.chosen), MARGIN + wide / 2), self.total - MARGIN - wide / 2)
        for line in lines:
            self.y += self.lead
            ink = self.style.palette.ink
            self.canvas.write(x, self.y - 0.3 * self.em, line, bold, ink, "center")

    def _frame(self) -> None:
        """Hairlines with their per cents, the lower axis with its ticks and its label."""
        colors = self.style.palette
        self.top = self.y
        self.bottom = self.top + RATIO * (self.end - self.start)
        for share in _STEPS:
            y = self._height(share)
            if share:
                self.canvas.rule(self.start, self.end, y, 0.4, colors.hairline)
            self.canvas.write(
                self.start - 0.5 * self.em, y + 0.36 * self.em, f"{100 * share:.0f}", self.face,
                colors.ink, "right",
            )  # fmt: skip
        self.canvas.rule(self.start, self.end, self.bottom, 0.7, colors.ink)
        for at, text in self._ticks():
            x = self._x(at)
            ends = ((x, self.bottom), (x, self.bottom + 0.35 * self.em))
            self.canvas.lines.append(Line(ends, 0.7, colors.ink))
            self.canvas.write(x, self.bottom + 1.5 * self.em, text, self.face, colors.ink, "center")
        self.y = self.bottom + 1.9 * self.em
        middle = (self.start + self.end) / 2
        for line in wrap(self.spec.x_label, self.face, 2 * (middle - MARGIN)):
            self.y += self.lead
            self.canvas.write(middle, self.y - 0.3 * self.em, line, self.face, colors.ink, "center")

    def _ticks(self) -> list[tuple[float, str]]:
        """Whole numbers of animals that stand apart; from dense to sparse, the first that fits."""
        sets = tick_sets(self.low, self.high, find_scale("SMD", "none"))
        for ticks in sets:
            whole = [(t.at, f"{t.at:.0f}") for t in ticks if abs(t.at - round(t.at)) < 1e-9]
            spans = [
                (self._x(at) - widest([text], self.face) / 2,
                 self._x(at) + widest([text], self.face) / 2)
                for at, text in whole
            ]  # fmt: skip
            if len(whole) > 1 and all(b[0] - a[1] > 1.2 * self.em for a, b in pairwise(spans)):
                return whole
        return [(self.low, f"{self.low:.0f}"), (self.high, f"{self.high:.0f}")]

    def _lines(self) -> None:
        """Ceilings, target, planned number and the curves, in this order."""
        colors = self.style.palette
        for curve in self.spec.curves:
            if curve.ceiling is not None:
                self._level(curve.ceiling, COLORS[curve.kind], (4.0, 2.5))
        if self.spec.target is not None:
            self._level(self.spec.target, colors.muted, (1.2, 2.0))
        if self.spec.chosen is not None:
            x = self._x(self.spec.chosen)
            self.canvas.lines.append(Line(((x, self.top - 2), (x, self.bottom)), 0.8, colors.ink))
        for curve in self.spec.curves:
            places = tuple((self._x(n), self._height(share)) for n, share in curve.points)
            self.canvas.lines.append(Line(places, STROKES[curve.kind], COLORS[curve.kind]))
            for n, share in curve.points:
                if n == self.spec.chosen and curve.kind != "other":
                    self._dot(self._x(n), self._height(share), COLORS[curve.kind])

    def _level(self, share: float, color: str, dash: tuple[float, float]) -> None:
        y = self._height(share)
        self.canvas.lines.append(Line(((self.start, y), (self.end, y)), 0.8, color, dash))

    def _dot(self, x: float, y: float, color: str) -> None:
        self.canvas.shapes.append(Shape(circle(x, y, DOT * self.em, 24), color, "#ffffff", 0.6))

    def _labels(self) -> None:
        """Names of curves and levels beside the plot, apart from each other."""
        labels = [
            _Label(self._height(share), wrap(text, self.face, self.label_width), color)
            for share, text, color in self._named()
        ]
        labels.sort(key=lambda label: label.y)
        heights = [len(label.lines) * self.lead + 0.15 * self.em for label in labels]
        x = self.end + GAP * self.em
        middles = spread([one.y for one in labels], heights, self.top - self.lead / 2)
        for label, middle in zip(labels, middles, strict=True):
            ends = ((self.end + 0.15 * self.em, label.y), (x - 0.35 * self.em, middle))
            self.canvas.lines.append(Line(ends, 0.5, label.color))
            first = middle - (len(label.lines) - 1) * self.lead / 2 + 0.36 * self.em
            for i, line in enumerate(label.lines):
                self.canvas.write(x, first + i * self.lead, line, self.face, label.color)
            below = middle + len(label.lines) * self.lead / 2
            self.y = max(self.y, below)


def spread(wished: Sequence[float], heights: Sequence[float], top: float) -> list[float]:
    """Middles of boxes that stand in order below `top`, apart, and near where they are wished.

    Neighbours that would overlap become one group around the mean of what its members wish.

    Examples
    --------
    >>> spread([10, 11, 40], [6, 6, 6], 0), spread([1, 2], [6, 6], 0)
    ([7.5, 13.5, 40.0], [3.0, 9.0])
    """
    groups: list[tuple[list[float], float, float]] = []
    for wish, height in zip(wished, heights, strict=True):
        members, mean = [height], float(wish)
        middle = max(mean, top + height / 2)
        while groups and groups[-1][2] + sum(groups[-1][0]) / 2 > middle - sum(members) / 2:
            before, centre, _ = groups.pop()
            share = len(before) / (len(before) + len(members))
            mean = share * centre + (1 - share) * mean
            members = [*before, *members]
            middle = max(mean, top + sum(members) / 2)
        groups.append((members, mean, middle))
    middles = []
    for members, _, middle in groups:
        at = middle - sum(members) / 2
        for height in members:
            middles.append(at + height / 2)
            at += height
    return middles
