"""Where everything in an evidence map stands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from metabone.plots.evidence_map import FILLS, VERDICTS, MapSpec, Tile
from metabone.plots.primitives import MM_PER_POINT, Layout, Line, Shape, circle
from metabone.plots.sheet import Matrix, Sheet, look
from metabone.plots.signs import PALE, paint_sign
from metabone.plots.sizing import CARD, MARGIN, PAGE, SMALLEST, too_narrow
from metabone.plots.styles import Style
from metabone.plots.text import (
    Face,
    balance,
    clean,
    longest_word,
    widest,
    wrap,
)

GAP, GAP_FILL, TOTAL_FILL = "no study", "#f3f4f6", "#eef2f5"
#: In em: radius of the largest bubble, half a sign, padding of a cell, longest line of a row's
#: name, and least width of a cell.
BUBBLE, HALF, PAD, NAME, CELL = 1.5, 0.52, 0.55, 16.0, 6.0
#: Smallest radius of a bubble (points), and the sides that its circle has.
SPECK, RIM = 1.4, 36
#: Room of a column that is not narrowed, in em.
WISH = 9.5
#: What the harvest plot calls the three fills of a sign.
_FILL = {"clear": "bone", "pooled": "animal", "vote": "other"}


def lay_out_map(spec: MapSpec, *, width_mm: float | None = None, font: str | None = None) -> Layout:
    """Measure every text of an evidence map and give everything its place.

    Raises
    ------
    UsageError
        For a font that is not here, or a width into which the columns do not fit.
    """
    style, face = look(font)
    ready = _cleaned(spec, face)
    return _Sheet(ready, style, _fit(ready, style, face, width_mm)).build()


def _cleaned(spec: MapSpec, face: Face) -> MapSpec:
    tidy = partial(clean, face=face)
    return replace(
        spec, title=tidy(spec.title), row_name=tidy(spec.row_name),
        column_name=tidy(spec.column_name), rows=tuple(map(tidy, spec.rows)),
        columns=tuple(map(tidy, spec.columns)), footer=tuple(map(tidy, spec.footer)),
    )  # fmt: skip


def _fit(spec: MapSpec, style: Style, face: Face, width_mm: float | None) -> Matrix:
    """Columns of one width, as wide as they wish if there is room, else narrower, else smaller."""
    em, bold, n = face.size, face.bold(), len(spec.columns)
    heads = (*spec.rows, spec.row_name)
    name = min(widest(heads, bold), NAME * em)
    name = max(name, min(max(longest_word(text, bold) for text in heads), NAME * em))
    cells = [line for tile in spec.cells.values() for line in tile.lines]
    words = [word for line in cells for word in line.split(" ")]
    least = max(CELL * em, widest((*words, GAP), face) + 2 * PAD * em)
    wish = max(least, WISH * em, min(widest(cells, face) + 2 * PAD * em, 13 * em))
    natural = 2 * MARGIN + name + n * wish
    if width_mm is None:
        narrow = 2 * MARGIN + name + n * least
        total, scale = max(min(natural, PAGE), narrow, CARD), 1.0
    else:
        total = width_mm / MM_PER_POINT
        scale = min(1.0, (total - 2 * MARGIN) / (name + n * least))
    smallest = SMALLEST / (style.size * style.small)
    if scale < smallest:
        needed = 2 * MARGIN + smallest * (name + n * least)
        raise too_narrow(total, f"{n} columns of cells: they take", needed)
    left = MARGIN + scale * name + 0.8 * em * scale
    each = (total - MARGIN - left) / n
    edges = tuple((left + i * each, left + (i + 1) * each) for i in range(n))
    return Matrix(face.scaled(scale), total, scale * name, edges)


class _Sheet(Sheet):
    """One evidence map on its way from top to bottom."""

    UNDER_FOOT = 0.0

    def __init__(self, spec: MapSpec, style: Style, table: Matrix) -> None:
        super().__init__(style, table.face, table.width)
        self.spec = spec
        self.table = table
        # Totals would dwarf all cells: their bubbles are as large as the largest cell's at most.
        inner = [tile.studies for (row, column), tile in spec.cells.items()
                 if row < len(spec.rows) - 1 and column < len(spec.columns) - 1]  # fmt: skip
        self.most = max(inner, default=1)

    def build(self) -> Layout:
        """Everything in its place."""
        self.head(self.spec.title, self.spec.banner)
        self._legend()
        self._header()
        for row in range(len(self.spec.rows)):
            self._row(row)
        self.foot(self.spec.footer)
        return self.finished(self.spec.title or "Evidence map", self.spec.description)

    def _legend(self) -> None:
        """What the signs and their fills mean, in as many lines as they take."""
        self.y += 0.3 * self.em
        verdicts = [(verdict, "clear", VERDICTS[verdict]) for verdict in self.spec.verdicts]
        fills = [("swatch", fill, FILLS[fill]) for fill in self.spec.fills]
        for signs in (verdicts, fills):
            entries = [(text, partial(self._sign, verdict, fill)) for verdict, fill, text in signs]
            self.legend(entries, gap=1.8, step=1.25)
            self.y += 1.25 * self.lead
        self.y += 0.5 * self.em

    def _sign(self, verdict: str, fill: str, x: float, middle: float) -> None:
        half = HALF * self.em
        paint_sign(self.canvas, verdict, _FILL[fill], (x + 1.1 * half, middle), half, self.face)

    def _header(self) -> None:
        spec, colors, bold = self.spec, self.style.palette, self.face.bold()
        left = self.table.columns[0][0]
        self.canvas.write(left + PAD * self.em, self.y + 0.8 * self.lead,
                          spec.column_name, self.face, colors.muted)  # fmt: skip
        self.y += 1.25 * self.lead
        heads = [
            wrap(text, bold, b - a - PAD * self.em)
            for text, (a, b) in zip(spec.columns, self.table.columns, strict=True)
        ]
        names = balance(spec.row_name, self.face, self.table.head + 0.01)
        self.y += max(len(names), *map(len, heads)) * self.lead
        base = self.y - 0.3 * self.em
        for i, text in enumerate(reversed(names)):
            self.canvas.write(MARGIN, base - i * self.lead, text, self.face, colors.muted)
        for lines, (a, b) in zip(heads, self.table.columns, strict=True):
            for i, text in enumerate(reversed(lines)):
                y = base - i * self.lead
                self.canvas.write((a + b) / 2, y, text, bold, colors.ink, "center")
        self.y += 0.35 * self.em
        self.canvas.rule(MARGIN, self.right, self.y, self.style.rule_width, colors.rule)

    def _row(self, row: int) -> None:
        spec, colors, em = self.spec, self.style.palette, self.em
        last = row == len(spec.rows) - 1
        tiles = [spec.cells.get((row, column)) for column in range(len(spec.columns))]
        broken = [
            [] if tile is None else [
                part for line in tile.lines
                for part in balance(line, self.face, b - a - PAD * em)
            ]
            for tile, (a, b) in zip(tiles, self.table.columns, strict=True)
        ]  # fmt: skip
        name = balance(spec.rows[row], self.face.bold(), self.table.head + 0.01)
        text = max(map(len, broken)) * self.lead
        height = max(2 * BUBBLE * em + text + 1.1 * em, len(name) * self.lead + 0.8 * em)
        top, self.y = self.y, self.y + height
        if last:
            self.canvas.box(MARGIN - 3, top, self.right + 3, self.y, TOTAL_FILL)
        self.block(MARGIN, top + height / 2, name, self.face.bold(), colors.ink)
        for column, (tile, (a, b)) in enumerate(zip(tiles, self.table.columns, strict=True)):
            if column == len(spec.columns) - 1 and not last:
                self.canvas.box(a, top, self.right + 3, self.y, TOTAL_FILL)
            if tile is None:
                self._gap(a, b, top, height)
            else:
                self._tile(tile, broken[column], (a + b) / 2, top)
        self.canvas.rule(MARGIN, self.right, self.y, 0.5, colors.hairline)

    def _tile(self, tile: Tile, lines: Sequence[str], x: float, top: float) -> None:
        """A bubble, the sign beside it, and words under both."""
        em = self.em
        middle = top + 0.45 * em + BUBBLE * em
        share = min(tile.studies / self.most, 1.0)
        radius = max(SPECK, BUBBLE * em * math.sqrt(share))
        # Centred together; the sign's place is the same whatever the bubble's size.
        bubble = (x - 0.75 * em, middle)
        self.canvas.shapes.append(
            Shape(circle(*bubble, radius, RIM), PALE[tile.verdict], "#39424c", 0.6)
        )
        if tile.studies > self.most:  # a total larger than every cell
            wide = circle(*bubble, radius + 1.3, RIM)
            self.canvas.lines.append(Line((*wide, wide[0]), 0.5, "#39424c"))
        sign = (x + 1.65 * em, middle)
        paint_sign(self.canvas, tile.verdict, _FILL[tile.sure], sign, 0.62 * em, self.face)
        under = top + 0.75 * em + 2 * BUBBLE * em + len(lines) * self.lead / 2
        self.block(x, under, lines, self.face, self.style.palette.ink, "center")

    def _gap(self, left: float, right: float, top: float, height: float) -> None:
        inset = 0.22 * self.em
        left, right, bottom, top = left + inset, right - inset, top + height - inset, top + inset
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        self.canvas.backdrop.append(Shape(corners, GAP_FILL))
        color = self.style.palette.muted
        self.canvas.lines.append(Line((*corners, corners[0]), 0.5, "#9aa4ae", (2.0, 2.0)))
        self.block((left + right) / 2, (top + bottom) / 2, (GAP,), self.face, color, "center")
