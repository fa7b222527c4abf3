"""Where everything in a forest plot stands: text is measured, nothing overlaps or is cut."""

from __future__ import annotations

from dataclasses import dataclass

from metabone.plots.axis import Side, paint_axis, place_sides
from metabone.plots.fruit import swarm_height
from metabone.plots.judgement_marks import SIGN_TONES, paint_judgement
from metabone.plots.marks import Stage, paint_mark
from metabone.plots.primitives import HAlign, Layout, Line
from metabone.plots.rob_columns import ROB_KEY
from metabone.plots.sheet import Sheet, look
from metabone.plots.sizing import (
    MARGIN,
    Grid,
    Slot,
    cleaned,
    fit,
    group_runs,
    header_face,
    indent,
    place_part,
    row_face,
)
from metabone.plots.spec import PLOT, ForestSpec, Row
from metabone.plots.styles import Style
from metabone.plots.text import Face, balance, clean, wrap

#: Height of a heading over several headers, in lines, and how far bands reach beyond the text.
GROUP, BLEED = 1.4, 3.0
#: Study names up to this length are not broken.
SHORT_NAME = 16
#: Notes narrower than this (points) run under the plot instead of beside it.
NOTE_LEAST = 118.0


def lay_out(spec: ForestSpec, *, width_mm: float | None = None, font: str | None = None) -> Layout:
    """Measure every text of a forest plot and give everything its place.

    Parameters
    ----------
    width_mm : width of the figure; by default what the columns need. The height follows from
        the rows.
    font : family, by default that of the style.

    Raises
    ------
    UsageError
        For a font that is not here, or a width into which the columns do not fit.
    """
    style, face = look(font, spec.style)
    ready = cleaned(spec, face)
    grid = fit(ready, style, face, width_mm)
    return _Sheet(ready, style, face.scaled(grid.scale), grid).build()


@dataclass(frozen=True, slots=True)
class _Line:
    """A row with its texts broken into lines and its height."""

    row: Row
    label: tuple[str, ...]
    cells: dict[str, tuple[tuple[str, ...], ...]]
    height: float
    above: float = 0.0
    across: bool = False


class _Sheet(Sheet):
    """One figure on its way from top to bottom."""

    def __init__(self, spec: ForestSpec, style: Style, face: Face, grid: Grid) -> None:
        super().__init__(style, face, grid.width)
        self.spec = spec
        self.grid = grid
        self.stage = Stage(spec.axis, grid.plot_left, grid.plot_right, face.size)
        self.indent = indent(spec.rows, style, face)
        # With little room left of the plot, notes run under it, and its lines are broken there.
        self.beside = self._label_end() - self.start >= NOTE_LEAST
        self.gaps: list[tuple[float, float]] = []

    def build(self) -> Layout:
        """Everything in its place."""
        self.head(self.spec.title, None)
        self._banner()
        sides = self._header()
        body = self.y
        lines = [self._break(row) for row in self.spec.rows]
        last = max(i for i, line in enumerate(lines) if line.row.mark is not None)
        centers = self._rows(lines[: last + 1])
        foot = self.y + 0.25 * self.face.size
        self._guides(body, foot, centers)
        # The axis stands beside the closing notes if there is room, else above them.
        under = paint_axis(
            self.canvas, self.stage, foot, self.style, self.face, sides, self._bounds()
        )
        if self.beside:
            self._rows(lines[last + 1 :])
            self.y = max(self.y, under)
        else:
            self.y = under + 0.4 * self.face.size
            self._rows(lines[last + 1 :])
        self._footer()
        return self.finished(self.spec.title or "Forest plot", self.spec.description)

    # ---- room -------------------------------------------------------------------------------

    @property
    def start(self) -> float:
        """Left edge of the labels: that of the study column."""
        return self.grid.slots["study"].x

    def _label_end(self) -> float:
        """Right edge of a label that no cell follows: the plot, or the margin behind it."""
        if self.grid.plot_left > self.start:
            return self.grid.plot_left - self.face.size
        return self.right

    def _bounds(self) -> tuple[float, float]:
        """How far the words under the axis may reach: not into the notes beside them."""
        if not self.beside:
            return MARGIN, self.right
        if self.grid.plot_left > self.start:
            return self.grid.plot_left - self.face.size, self.right
        return MARGIN, self.start - self.face.size

    def _leading(self, face: Face) -> float:
        return self.style.line * face.size

    def _label_room(self, row: Row) -> float:
        """Room for a label: as far as the next filled cell, or the plot."""
        if row.kind == "note" and not self.beside:
            return self.right - MARGIN
        cells = [self.grid.slots[key].x - self.face.size for key in row.cells if key != "study"]
        return min([x for x in cells if x > self.start] + [self._label_end()]) - self.start

    # ---- rows -------------------------------------------------------------------------------

    def _break(self, row: Row) -> _Line:
        face = row_face(self.style, row, self.face)
        inset = self.indent if row.kind == "note" else 0.0
        label = wrap(row.label, face, self._label_room(row) - inset) if row.label else ()
        cells = {key: self._break_cell(row, key, parts, face) for key, parts in row.cells.items()}
        count = max([len(label), *(len(part) for cell in cells.values() for part in cell)])
        text = count * self._leading(face)
        if row.mark is not None and row.mark.kind == "swarm":
            text = max(text, swarm_height(self.stage, row.mark))
        pad = self.style.row_pad * self.face.size * (0.35 if row.kind == "note" else 1.0)
        above = {"heading": 0.55, "overall": 0.5}.get(row.kind, 0.0) * self.face.size
        across = row.kind == "note" and not self.beside
        return _Line(row, label, cells, text + pad, above, across)

    def _break_cell(
        self, row: Row, key: str, parts: tuple[str, ...], face: Face
    ) -> tuple[tuple[str, ...], ...]:
        slot = self.grid.slots[key]
        if not slot.size.column.wrap:
            return tuple((part,) for part in parts)
        inset = self._inset(row) if key == "study" else 0.0
        texts = [_kept_together(part) for part in parts] if key == "study" else parts
        return tuple(balance(text, face, slot.width - inset) for text in texts)

    def _inset(self, row: Row) -> float:
        return self.indent if row.kind in ("study", "note") else 0.0

    def _rows(self, lines: list[_Line]) -> dict[int, float]:
        """Set rows under one another; the heights of their middles."""
        centers: dict[int, float] = {}
        banded = False
        for i, line in enumerate(lines):
            if i or line.row.kind != "heading":
                self.y += line.above
            if line.row.kind == "overall" and self.style.overall_rule:
                y = self.y - 0.15 * self.face.size
                self.canvas.rule(MARGIN, self.right, y, 0.5, self.style.palette.hairline)
            top = self.y
            self.y += line.height
            centers[i] = middle = (top + self.y) / 2
            banded = line.row.kind == "study" and not banded
            if banded and self.style.palette.band:
                self.canvas.box(*self._band(top, self.y), self.style.palette.band)
            if line.across:
                self.gaps.append((top, self.y))
            self._set(line, middle)
            if line.row.mark is not None:
                paint_mark(self.canvas, self.stage, line.row.mark, middle, self.style)
        return centers

    def _set(self, line: _Line, middle: float) -> None:
        row = line.row
        face = row_face(self.style, row, self.face)
        color = self.style.palette.muted if row.kind == "note" else self.style.palette.ink
        x = (MARGIN if line.across else self.start) + self._inset(row)
        self.block(x, middle, line.label, face, color)
        for key, parts in line.cells.items():
            slot = self.grid.slots[key]
            if key.startswith(ROB_KEY):
                self._sign(parts[0][0], slot.x + slot.width / 2, middle)
                continue
            for index, texts in enumerate(parts):
                anchor, align = place_part(slot, index, texts[0], face, self.grid.scale)
                shift = self._inset(row) if key == "study" else 0.0
                self.block(anchor + shift, middle, texts, face, color, align)

    def _sign(self, sign: str, x: float, middle: float) -> None:
        """A judgement as a circle with its sign; nothing where there is none."""
        if sign:
            half = 0.56 * self.face.size
            tone = SIGN_TONES[sign]
            paint_judgement(self.canvas, tone, sign, (x, middle), half, self.face)

    def _guides(self, top: float, bottom: float, centers: dict[int, float]) -> None:
        """The line of no effect and the line of the overall effect, broken where notes run."""
        colors, axis = self.style.palette, self.spec.axis
        if axis.low <= axis.zero <= axis.high:
            self._upright(self.stage.x(axis.zero), top, bottom, 0.6, colors.zero, None)
        overall = [i for i, row in enumerate(self.spec.rows) if row.kind == "overall"]
        if colors.guide and axis.guide is not None and axis.low <= axis.guide <= axis.high:
            end = centers.get(overall[0], bottom) if overall else bottom
            self._upright(self.stage.x(axis.guide), top, end, 0.6, colors.guide, (3.0, 2.2))

    def _upright(
        self, x: float, top: float, bottom: float, width_: float, color: str,
        dash: tuple[float, float] | None,
    ) -> None:  # fmt: skip
        start = top
        for gap_top, gap_bottom in (*self.gaps, (bottom, bottom)):
            stop = min(gap_top, bottom)
            if stop > start:
                self.canvas.lines.insert(0, Line(((x, start), (x, stop)), width_, color, dash))
            start = max(start, gap_bottom)

    # ---- head and foot ----------------------------------------------------------------------

    def _banner(self) -> None:
        size, colors = self.face.size, self.style.palette
        if self.spec.banner:
            face = self.face.bold()
            text = clean(self.spec.banner, face)
            lines = wrap(text, face, self.right - MARGIN)
            height = len(lines) * self._leading(face) + 0.8 * size
            self.canvas.box(*self._band(self.y, self.y + height), colors.warning_band)
            self.block(MARGIN, self.y + height / 2, lines, face, colors.warning)
            self.y += height + 0.3 * size

    def _header(self) -> list[Side]:
        """Column headers with the headings over them; the words beside zero that are still due."""
        style, colors = self.style, self.style.palette
        face = header_face(style, self.face)
        leading, pad = self._leading(face), 0.5 * face.size
        self.y += 0.2 * face.size
        top = self.y
        heads = self._headers(face)
        upstairs = self._sides_on_top()
        under = [len(heads[key]) for key, slot in self.grid.slots.items() if slot.size.column.group]
        groups = max(under) + GROUP if under else 0.0
        count = max(groups, 1, *(len(lines) for lines in heads.values()),
                    *(len(side.lines) for side in upstairs))  # fmt: skip
        bottom = top + pad + count * leading + 0.7 * pad
        base = bottom - 0.7 * pad - 0.27 * face.size
        if under:
            self._groups(base - max(under) * leading, face)
        for key, lines in heads.items():
            x, align = self._head_anchor(key)
            self._stack(x, base, lines, face, align)
        for side in upstairs:
            self._stack(side.x, base, side.lines, self.face, side.align)
        if colors.header_band:
            self.canvas.box(*self._band(top, bottom), colors.header_band)
        if style.top_rule:
            self.canvas.rule(MARGIN, self.right, top, style.rule_width, colors.rule)
        left, _, right, _ = self._band(top, bottom)
        if not colors.header_band:
            left, right = MARGIN, self.right
        self.canvas.rule(left, right, bottom, style.rule_width, colors.rule)
        self.y = bottom + 0.3 * face.size
        return [] if upstairs else place_sides(self.stage, style, self.face, self._bounds())

    def _stack(
        self, x: float, base: float, lines: tuple[str, ...], face: Face, align: HAlign
    ) -> None:
        """Lines of a header that end on a common base line."""
        for i, text in enumerate(reversed(lines)):
            y = base - i * self._leading(face)
            self.canvas.write(x, y, text, face, self.style.palette.ink, align)

    def _sides_on_top(self) -> list[Side]:
        """The words beside zero, if the style has them in the header and they fit."""
        bounds = (self.grid.plot_left, self.grid.plot_right)
        if not self.style.favours_on_top or self.style.plot_header:
            return []
        sides = place_sides(self.stage, self.style, self.face, bounds)
        return sides if all(side.level == 0 for side in sides) else []

    def _band(self, top: float, bottom: float) -> tuple[float, float, float, float]:
        return MARGIN - BLEED, top, self.right + BLEED, bottom

    def _headers(self, face: Face) -> dict[str, tuple[str, ...]]:
        heads: dict[str, tuple[str, ...]] = {}
        for column in self.spec.columns:
            if column.key == PLOT:
                room = self.grid.plot_right - self.grid.plot_left
            else:
                room = self.grid.slots[column.key].width + 0.01
            lines = [part for line in column.header.split("\n") for part in wrap(line, face, room)]
            heads[column.key] = tuple(lines)
        return heads

    def _head_anchor(self, key: str) -> tuple[float, HAlign]:
        if key == PLOT:
            return (self.grid.plot_left + self.grid.plot_right) / 2, "center"
        slot = self.grid.slots[key]
        if slot.size.column.lefthand:
            return slot.x, "left"
        return slot.x + slot.width / 2, "center"

    def _groups(self, y: float, face: Face) -> None:
        """Headings over several columns, with a hairline under each."""
        slots: list[Slot] = list(self.grid.slots.values())
        for run in group_runs([slot.size.column for slot in slots]):
            text = slots[run[0]].size.column.group
            if not text:
                continue
            left, right = slots[run[0]].x, slots[run[-1]].right
            base = y - (GROUP - 1) * self._leading(face)
            self._stack((left + right) / 2, base, (text,), face, "center")
            under = y - 0.12 * self._leading(face)
            self.canvas.rule(left, right, under, 0.5, self.style.palette.hairline)

    def _footer(self) -> None:
        style, colors = self.style, self.style.palette
        self.y += 0.7 * self.face.size
        line = colors.rule if style.bottom_rule else colors.hairline
        self.canvas.rule(MARGIN, self.right, self.y, style.rule_width if style.bottom_rule
                         else 0.5, line)  # fmt: skip
        self.y += 0.35 * self.face.size
        for text in self.spec.footer:
            self.paragraph(text, self.small, colors.muted)


def _kept_together(label: str) -> str:
    """A short study name that no line break parts: the break falls before what follows it.

    Examples
    --------
    >>> _kept_together("Ko 2017: distal femur").replace("\u00a0", "~")
    'Ko~2017: distal femur'
    """
    name, colon, rest = label.partition(": ")
    return name.replace(" ", "\u00a0") + colon + rest if len(name) <= SHORT_NAME else label
