"""Where everything in a figure of points stands: text is measured, nothing overlaps or is cut."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from metabone.plots.axis import paint_axis, place_sides
from metabone.plots.marks import Stage
from metabone.plots.power_layout import spread
from metabone.plots.primitives import MM_PER_POINT, Layout, Line
from metabone.plots.sheet import Sheet, densest, look
from metabone.plots.sizing import MARGIN, too_narrow
from metabone.plots.spec import Axis, Tick
from metabone.plots.styles import Style
from metabone.plots.text import Face, clean, widest, width, wrap
from metabone.plots.xy_key import paint_key
from metabone.plots.xy_panel import Frame, paint_panel
from metabone.plots.xy_spec import Dot, Entry, Panel, Upright, XYSpec

#: Narrowest panel in points, for one column and for each of several.
LEAST, LEAST_EACH = 120.0, 38.0
#: Gap between columns and rows of panels, and from ticks to their numbers, in em.
GAP, ROW_GAP, TICK = 1.6, 0.8, 0.35
#: Widest that names beside a panel may be, as a share of the figure; the later ones where with the
#: first so many names take several lines that they push each other away from what they name.
NAMES = (0.3, 0.38, 0.46)
#: Tallest panel that names in several lines stretch (points: 190 mm, so that a page holds it).
TALL = 190 / MM_PER_POINT


def lay_out_xy(spec: XYSpec, *, width_mm: float | None = None, font: str | None = None) -> Layout:
    """Measure every text of a figure of points and give everything its place.

    Parameters
    ----------
    width_mm : width of the figure; by default that of the spec. The height follows.
    font : family, by default DejaVu Sans.

    Raises
    ------
    UsageError
        For a font that is not here, or a width that leaves no room for the panels.
    """
    style, face = look(font)
    total = (spec.width_mm if width_mm is None else width_mm) / MM_PER_POINT
    return _Sheet(_cleaned(spec, face), style, face, total).build()


def _cleaned(spec: XYSpec, face: Face) -> XYSpec:
    tidy = partial(clean, face=face)

    def ticks(some: Sequence[Tick]) -> tuple[Tick, ...]:
        return tuple(replace(tick, text=tidy(tick.text)) for tick in some)

    def axis(x: Axis) -> Axis:
        return replace(
            x, label=tidy(x.label), left=tidy(x.left), right=tidy(x.right),
            tick_sets=tuple(map(ticks, x.tick_sets)),
        )  # fmt: skip

    def upright(y: Upright) -> Upright:
        return replace(y, label=tidy(y.label), names=ticks(y.names))

    def dot(one: Dot) -> Dot:
        return replace(one, label=tidy(one.label)) if one.label else one

    def panel(one: Panel) -> Panel:
        return replace(
            one, x=axis(one.x), y=upright(one.y), title=tidy(one.title),
            dots=tuple(map(dot, one.dots)), x_names=ticks(one.x_names),
        )  # fmt: skip

    return replace(
        spec, title=tidy(spec.title), footer=tuple(map(tidy, spec.footer)),
        panels=tuple(map(panel, spec.panels)),
        key=tuple(Entry(entry.sample, tidy(entry.words)) for entry in spec.key),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of panels: where its numbers begin, and the sides of its panels."""

    start: float
    left: float
    right: float


class _Sheet(Sheet):
    """One figure on its way from top to bottom."""

    OVER_FOOT = 0.4

    def __init__(self, spec: XYSpec, style: Style, face: Face, total: float) -> None:
        super().__init__(style, face, total)
        self.spec = spec
        self.names = self._names()
        self.columns = self._columns()
        self.left_out: list[str] = []

    def build(self) -> Layout:
        """Everything in its place."""
        self.head(self.spec.title, self.spec.banner)
        for row in range(len(self.spec.heights)):
            self._row(row)
        bounds = (MARGIN, self.total - MARGIN)
        self.y = paint_key(self.canvas, self.spec.key, self.y, bounds, self.small, self.style)
        self.foot((*self.spec.footer, *self._missing()))
        return self.finished(self.spec.title or self.spec.kind, self.spec.description)

    # ---- room -------------------------------------------------------------------------------

    def _names(self) -> dict[str, tuple[str, ...]]:
        """Names beside panels, broken into lines: no more than lets each stand at its height."""
        panels = [panel for panel in self.spec.panels if panel.y.names]
        broken: dict[str, tuple[str, ...]] = {}
        for part in NAMES:
            broken = {
                tick.text: wrap(tick.text, self.face, part * self.total)
                for panel in panels for tick in panel.y.names
            }  # fmt: skip
            if all(self._own_heights(panel, broken) <= TALL for panel in panels):
                break
        return broken

    def _gutter(self, panel: Panel) -> float:
        """Room left of a panel for its numbers or names."""
        if not panel.y_shown:
            return 0.0
        if panel.y.names:
            lines = [line for tick in panel.y.names for line in self.names[tick.text]]
            return widest(lines, self.face) + 1.6 * self.em
        texts = [tick.text for ticks in panel.y.tick_sets for tick in ticks]
        return widest(texts, self.face) + 2 * TICK * self.em

    def _columns(self) -> list[_Column]:
        shares = self.spec.widths
        gutters = [
            max((self._gutter(p) for p in self.spec.panels if p.column == i), default=0.0)
            for i in range(len(shares))
        ]
        gaps = GAP * self.em * (len(shares) - 1)
        room = self.total - 2 * MARGIN - sum(gutters) - gaps - 0.5 * self.em
        least = LEAST if len(shares) == 1 else LEAST_EACH * sum(shares) / max(shares)
        if room < least:
            raise too_narrow(self.total, "this figure: it takes", self.total - room + least)
        x, columns = MARGIN, []
        for share, gutter in zip(shares, gutters, strict=True):
            left = x + gutter
            right = left + room * share / sum(shares)
            columns.append(_Column(x, left, right))
            x = right + GAP * self.em
        return columns

    def _height(self, row: int) -> float:
        wish = self.spec.heights[row]
        room = sum(column.right - column.left for column in self.columns)
        high = wish * (self.em if self.spec.in_em else room)
        for panel in self.spec.panels:
            if panel.row == row and panel.y.names:
                high = max(high, self._height_of_names(panel))
        return high

    def _height_of_names(self, panel: Panel) -> float:
        """Room for every name beside its own height; where that is too tall, for all together."""
        own = self._own_heights(panel, self.names)
        lines = sum(len(self.names[tick.text]) for tick in panel.y.names)
        together = lines * self.lead + self.em
        return own if own <= max(TALL, 1.1 * together) else together

    def _own_heights(self, panel: Panel, broken: Mapping[str, Sequence[str]]) -> float:
        """Height of a panel in which no name moves its neighbours."""
        names = sorted(panel.y.names, key=lambda tick: tick.at)
        room = [len(broken[tick.text]) * self.lead for tick in names]
        steps = [(one.at, other.at) for one, other in pairwise(names)]
        if any(one == other for one, other in steps):
            return math.inf
        span = abs(panel.y.high - panel.y.low)
        needs = [
            (upper + lower) / 2 / (other - one) * span
            for (one, other), (upper, lower) in zip(steps, pairwise(room), strict=True)
        ]
        return max(needs, default=room[0])

    # ---- parts ------------------------------------------------------------------------------

    def _row(self, row: int) -> None:
        """Panels beside each other: words over them, the panels, their axes."""
        panels = [panel for panel in self.spec.panels if panel.row == row]
        top = max(self._over(panel) for panel in panels) + 0.5 * self.em
        bottom = top + self._height(row)
        self.y = bottom
        for panel in panels:
            column = self.columns[panel.column]
            frame = Frame(panel, column.left, top, column.right, bottom, self.em)
            ink = self.style.palette.ink
            self.left_out += paint_panel(self.canvas, frame, self.small, self.lead * 0.9, ink)
            self._upright(frame, column)
            self.y = max(self.y, self._across(frame, column))
        self.y += ROW_GAP * self.em

    def _over(self, panel: Panel) -> float:
        """Title and label of the vertical axis; the height at which they end."""
        column, y = self.columns[panel.column], self.y
        colors = self.style.palette
        bold = self.face.bold()
        if panel.title:
            for line in wrap(panel.title, bold, column.right - column.left + 0.5 * self.em):
                y += self.lead
                self.canvas.write(column.left, y - 0.3 * self.em, line, bold, colors.ink)
        if panel.y.label:
            for line in wrap(panel.y.label, self.face, column.right - column.start):
                y += self.lead
                self.canvas.write(column.start, y - 0.3 * self.em, line, self.face, colors.muted)
        return y

    def _upright(self, frame: Frame, column: _Column) -> None:
        """The vertical axis: a line with numbers, or with names."""
        colors, panel = self.style.palette, frame.panel
        ends = ((frame.left, frame.top), (frame.left, frame.bottom))
        if panel.y.names and panel.y_shown:
            self._name(frame, column)
        if not any(panel.y.tick_sets):
            self.canvas.lines.append(Line(ends, 0.5, colors.hairline))
            return
        self.canvas.lines.append(Line(ends, 0.7, colors.ink))
        if not panel.y_shown:
            return
        for tick in self._ticks(frame):
            y = frame.y(tick.at)
            x = frame.left - TICK * self.em
            self.canvas.lines.append(Line(((x, y), (frame.left, y)), 0.7, colors.ink))
            self.canvas.write(
                x - 0.3 * self.em, y + 0.36 * self.em, tick.text, self.face, colors.ink, "right"
            )

    def _ticks(self, frame: Frame) -> tuple[Tick, ...]:
        """The densest set of ticks whose numbers stand apart."""
        return densest(frame.panel.y.tick_sets, frame.y, 2.2 * self.em)

    def _name(self, frame: Frame, column: _Column) -> None:
        """Names beside their heights, apart from each other; those that moved have a line."""
        names = sorted(frame.panel.y.names, key=lambda tick: frame.y(tick.at))
        broken = [self.names[tick.text] for tick in names]
        heights = [len(lines) * self.lead for lines in broken]
        wished = [frame.y(tick.at) for tick in names]
        limit = frame.bottom - sum(heights)
        middles = spread(wished, heights, min(frame.top, max(limit, frame.top - self.lead)))
        over = middles[-1] + heights[-1] / 2 - frame.bottom - self.lead / 2
        if over > 0:  # the last ones moved too far: let them end with the panel
            mirrored = spread(
                [-wish for wish in reversed(wished)], heights[::-1], -frame.bottom - self.lead / 2
            )
            middles = [-middle for middle in reversed(mirrored)]
        edge = frame.left - 1.4 * self.em
        ink = self.style.palette.ink
        for lines, wish, middle in zip(broken, wished, middles, strict=True):
            if abs(wish - middle) > 1.0:
                ends = ((edge + 0.25 * self.em, middle), (frame.left - 0.15 * self.em, wish))
                self.canvas.lines.append(Line(ends, 0.4, self.style.palette.muted))
            first = middle - (len(lines) - 1) * self.lead / 2 + 0.36 * self.em
            for i, line in enumerate(lines):
                x = max(column.start, edge - width(line, self.face))
                self.canvas.write(x, first + i * self.lead, line, self.face, ink)

    def _across(self, frame: Frame, column: _Column) -> float:
        """The horizontal axis; the height at which it ends."""
        axis, ink = frame.panel.x, self.style.palette.ink
        if not frame.panel.x_shown:
            self.canvas.rule(frame.left, frame.right, frame.bottom, 0.7, ink)
            return frame.bottom
        stage = Stage(axis, frame.left, frame.right, self.em)
        # Numbers at the ends reach into the gaps between columns, but not as far as each other.
        last = frame.panel.column == len(self.columns) - 1
        over = 0.4 * GAP * self.em
        right = self.total - MARGIN if last else frame.right + over
        bounds = (max(MARGIN, min(column.start, frame.left - over)), right)
        sides = place_sides(stage, self.style, self.face, bounds) if axis.left or axis.right else []
        if frame.panel.x_names:
            return self._words_across(frame, bounds)
        return paint_axis(self.canvas, stage, frame.bottom, self.style, self.face, sides, bounds)

    def _words_across(self, frame: Frame, bounds: tuple[float, float]) -> float:
        """Words under the panel instead of numbers, each in a slot of its own, and the label."""
        names, ink = frame.panel.x_names, self.style.palette.ink
        self.canvas.rule(frame.left, frame.right, frame.bottom, 0.7, ink)
        slot = (frame.right - frame.left) / len(names) - 0.6 * self.em
        broken = [wrap(tick.text, self.face, slot) for tick in names]
        for tick, lines in zip(names, broken, strict=True):
            for i, line in enumerate(lines):
                y = frame.bottom + 1.35 * self.em + i * self.lead
                self.canvas.write(frame.x(tick.at), y, line, self.face, ink, "center")
        y = frame.bottom + 0.5 * self.em + max(map(len, broken)) * self.lead
        middle = (frame.left + frame.right) / 2
        room = 2 * min(middle - bounds[0], bounds[1] - middle)
        for line in wrap(frame.panel.x.label, self.face, room):
            y += self.lead
            self.canvas.write(middle, y - 0.2 * self.em, line, self.face, ink, "center")
        return y

    def _missing(self) -> list[str]:
        """How many labels found no place."""
        n = len(self.left_out)
        if not n:
            return []
        return [f"{n} {'label has' if n == 1 else 'labels have'} no room beside the point."]
