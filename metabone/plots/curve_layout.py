"""Where everything in a specification curve stands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from metabone.plots.curve_marks import BAND, EDGE, Track, paint_key, paint_points, paint_row
from metabone.plots.curve_spec import CurvePanel, CurveSpec, DashRow
from metabone.plots.primitives import MM_PER_POINT, Layout, Line, Shape
from metabone.plots.sheet import Sheet, densest, look
from metabone.plots.sizing import MARGIN, too_narrow
from metabone.plots.spec import Tick
from metabone.plots.styles import Style
from metabone.plots.text import (
    Face,
    balance,
    clean,
    longest_word,
    widest,
    wrap,
)

WIDTH_MM = 178.0
#: Height of the curve in em; widest the names of options may be, as a share of the width.
HEIGHT, NAMES = 24.0, 0.30
#: Least width of a panel in points, and its least share of the room.
LEAST, SHARE = 60.0, 0.2
#: In em: height of a row and of a heading, gaps before panels and rows.
ROW, HEADING, GAP, INDENT = 1.42, 1.75, 1.2, 0.9


def lay_out_curve(
    spec: CurveSpec, *, width_mm: float | None = None, font: str | None = None
) -> Layout:
    """Measure every text of a specification curve and give everything its place.

    Raises
    ------
    UsageError
        For a font that is not here, or a width that leaves no room for the curve.
    """
    style, face = look(font)
    total = (WIDTH_MM if width_mm is None else width_mm) / MM_PER_POINT
    return _Sheet(_cleaned(spec, face), style, face, total).build()


def _cleaned(spec: CurveSpec, face: Face) -> CurveSpec:
    tidy = partial(clean, face=face)
    return replace(
        spec, title=tidy(spec.title), share_title=tidy(spec.share_title),
        reference_text=tidy(spec.reference_text),
        legend=tuple((mark, tidy(text)) for mark, text in spec.legend),
        footer=tuple(map(tidy, spec.footer)),
        panels=tuple(replace(panel, title=tidy(panel.title)) for panel in spec.panels),
        rows=tuple(replace(row, label=tidy(row.label)) for row in spec.rows),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Place:
    """One panel: its track, its ticks, and how to turn a value into a height."""

    panel: CurvePanel
    track: Track
    ticks: tuple[Tick, ...]
    top: float
    bottom: float

    def y(self, value: float) -> float:
        """Height of a value, or of the edge that it lies beyond."""
        share = (value - self.panel.low) / (self.panel.high - self.panel.low)
        return self.bottom - min(max(share, 0.0), 1.0) * (self.bottom - self.top)


class _Sheet(Sheet):
    """One specification curve on its way from top to bottom."""

    UNDER_TITLE, UNDER_BANNER, OVER_FOOT = 0.5, 0.4, 0.9

    def __init__(self, spec: CurveSpec, style: Style, face: Face, total: float) -> None:
        super().__init__(style, face, total)
        self.spec = spec
        self.share_width = widest([row.share for row in spec.rows], face.bold()) + 0.01
        self.names = self._names_width()
        self.ticks = [self._ticks(panel) for panel in spec.panels]
        self.places: list[_Place] = []
        self.edges: list[Line] = []

    def build(self) -> Layout:
        """Everything in its place."""
        self.head(self.spec.title, self.spec.banner)
        self._place_panels()
        for place in self.places:
            self._panel(place)
        self._legend()
        self._dashboard()
        self.foot(self.spec.footer)
        return self.finished(self.spec.title or "Specification curve", self.spec.description)

    def _names_width(self) -> float:
        """Width of the column of names: what it takes, up to a share of the figure."""
        wanted = 0.0
        least = 0.0
        for row in self.spec.rows:
            face = self._face_of(row)
            beside = self._beside(row)
            wanted = max(wanted, widest([row.label], face) + beside)
            least = max(least, min(longest_word(row.label, face), 8 * self.em) + beside)
        return max(least, min(wanted, NAMES * self.total)) + 0.01

    def _face_of(self, row: DashRow) -> Face:
        return self.face.bold() if row.heading or row.reference else self.face

    def _beside(self, row: DashRow) -> float:
        """What else stands in the line of a name: an indent, or its share."""
        if row.heading:
            return self.share_width + self.em if row.share else 0.0
        return INDENT * self.em

    def _ticks(self, panel: CurvePanel) -> tuple[Tick, ...]:
        """The densest set of ticks that stand two lines apart."""
        high = HEIGHT * self.em

        def place(at: float) -> float:
            return (at - panel.low) / (panel.high - panel.low) * high

        return densest(panel.tick_sets, place, 2 * self.lead)

    def _tick_width(self, ticks: Sequence[Tick]) -> float:
        return widest([tick.text for tick in ticks], self.face) + 0.7 * self.em

    def _place_panels(self) -> None:
        """Panels side by side, as wide as they have analyses, none very narrow."""
        panels = self.spec.panels
        first = MARGIN + self.names + GAP * self.em + self._tick_width(self.ticks[0])
        between = [GAP * self.em + self._tick_width(ticks) for ticks in self.ticks[1:]]
        room = self.total - MARGIN - 0.3 * self.em - first - sum(between)
        counts = [len(panel.points) for panel in panels]
        shares = [max(SHARE, count / sum(counts)) for count in counts]
        widths = [room * share / sum(shares) for share in shares]
        if min(widths) < LEAST:
            missing = LEAST * sum(shares) / min(shares) - room
            wanted = "a specification curve with its names: it takes"
            raise too_narrow(self.total, wanted, self.total + missing)
        lines = [balance(panel.title, self.face, wide + tick) for panel, wide, tick in zip(
            panels, widths, map(self._tick_width, self.ticks), strict=True)]  # fmt: skip
        top = self.y + max(map(len, lines)) * self.lead + 1.5 * self.em
        left = first
        for i, panel in enumerate(panels):
            left += between[i - 1] if i else 0.0
            track = Track(left, left + widths[i], len(panel.points))
            self.places.append(_Place(panel, track, self.ticks[i], top, top + HEIGHT * self.em))
            begin = left - self._tick_width(self.ticks[i])
            base = top - 1.5 * self.em - (len(lines[i]) - 1) * self.lead - 0.3 * self.em
            for number, text in enumerate(lines[i]):
                muted = self.style.palette.muted
                self.canvas.write(begin, base + number * self.lead, text, self.face, muted)
            left += widths[i]
        self.y = top + HEIGHT * self.em

    def _panel(self, place: _Place) -> None:
        colors, panel, track = self.style.palette, place.panel, place.track
        self._band(place)
        for tick in place.ticks:
            y = place.y(tick.at)
            self.canvas.rule(track.left, track.right, y, 0.35, colors.hairline)
            self.canvas.write(
                track.left - 0.5 * self.em, y + 0.36 * self.em, tick.text, self.face, colors.ink,
                "right",
            )  # fmt: skip
        self.canvas.rule(track.left, track.right, place.y(0.0), 0.9, colors.zero)
        for guide in panel.guides:
            ends = ((track.left, place.y(guide)), (track.right, place.y(guide)))
            self.canvas.lines.append(Line(ends, 0.6, colors.muted, (3.0, 2.0)))
        paint_points(self.canvas, panel.points, track, place.y, colors)
        self.canvas.lines += self.edges
        self.edges.clear()
        if panel.reference is not None:
            self._reference(place, panel.reference)

    def _band(self, place: _Place) -> None:
        band, track = place.panel.band, place.track
        known = [(i, pair) for i, pair in enumerate(band) if all(map(math.isfinite, pair))]
        if not known:
            return
        upper = [(track.x(i), place.y(pair[1])) for i, pair in known]
        lower = [(track.x(i), place.y(pair[0])) for i, pair in known]
        upper = [(track.left, upper[0][1]), *upper, (track.right, upper[-1][1])]
        lower = [(track.left, lower[0][1]), *lower, (track.right, lower[-1][1])]
        self.canvas.backdrop.append(Shape((*upper, *reversed(lower)), BAND))
        # Intervals hide the band's edge, which a line over them shows.
        self.edges += [Line(tuple(edge), 0.6, EDGE, (2.0, 1.5)) for edge in (upper, lower)]

    def _reference(self, place: _Place, at: int) -> None:
        """A diamond at the reference analysis, and its name over a line through all rows."""
        colors, x = self.style.palette, place.track.x(at)
        y, half = place.y(place.panel.points[at].estimate), 0.55 * self.em
        diamond = ((x - half, y), (x, y - half), (x + half, y), (x, y + half))
        self.canvas.shapes.append(Shape(diamond, "#ffffff", colors.ink, 1.1))
        text, face = self.spec.reference_text, self.face.bold()
        reach = widest([text], face) / 2
        middle = min(max(x, place.track.left + reach), self.total - MARGIN - reach)
        self.canvas.write(middle, place.top - 0.45 * self.em, text, face, colors.ink, "center")

    def _legend(self) -> None:
        """What the marks mean, in the room beside the first panel."""
        colors, small = self.style.palette, self.small
        y, x = self.places[0].top + 0.5 * self.em, MARGIN + 2.2 * self.em
        for mark, text in self.spec.legend:
            paint_key(self.canvas, mark, (MARGIN, x - 0.7 * self.em), y, self.em, colors)
            for line in wrap(text, small, self.names - 2.2 * self.em):
                self.canvas.write(x, y + 0.34 * small.size, line, small, colors.muted)
                y += self.style.line * small.size
            y += 0.45 * self.em

    def _dashboard(self) -> None:
        colors = self.style.palette
        self.y += 1.1 * self.em
        small = self.small
        lines = wrap(self.spec.share_title, small, self.names)
        first = self.spec.rows[0]
        start = self.y
        for row in self.spec.rows:
            if row is not first and row.heading and self.spec.rows.index(row) == 1:
                for text in lines:
                    self.y += self.style.line * small.size
                    self.canvas.write(
                        MARGIN + self.names, self.y - 0.2 * self.em, text, small, colors.muted,
                        "right",
                    )  # fmt: skip
            self._row(row)
        for place in self.places:
            at = place.panel.reference
            if at is not None:
                x = place.track.x(at)
                top = place.top - 0.2 * self.em
                self.canvas.lines.insert(0, Line(((x, top), (x, self.y)), 0.6, colors.muted))
            ends = ((place.track.left, start), (place.track.left, self.y))
            self.canvas.lines.append(Line(ends, 0.35, colors.hairline))

    def _row(self, row: DashRow) -> None:
        colors, face = self.style.palette, self._face_of(row)
        room = self.names - self._beside(row)
        x = MARGIN + (0 if row.heading else INDENT * self.em)
        lines = wrap(row.label, face, room)
        height = (HEADING if row.heading else ROW) * self.em + (len(lines) - 1) * self.lead
        base = self.y + height - 0.42 * self.em - (len(lines) - 1) * self.lead
        for number, text in enumerate(lines):
            self.canvas.write(x, base + number * self.lead, text, face, colors.ink)
        if row.heading:
            self.canvas.write(MARGIN + self.names, base, row.share, face, colors.ink, "right")
            y = self.y + 0.25 * self.em
            for place in self.places:
                self.canvas.rule(place.track.left, place.track.right, y, 0.35, colors.hairline)
        else:
            middle = self.y + height / 2
            for place, places in zip(self.places, row.places, strict=True):
                paint_row(self.canvas, places, place.track, middle, ROW * self.em, colors)
        self.y += height
