"""Where everything in a harvest plot stands."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from metabone.plots.primitives import MM_PER_POINT, Layout
from metabone.plots.sheet import SIGN, Matrix, Sheet, look
from metabone.plots.signs import paint_sign
from metabone.plots.sizing import MARGIN, PAGE, SMALLEST, too_narrow
from metabone.plots.spec import Direction, HarvestSpec
from metabone.plots.styles import Style
from metabone.plots.text import (
    Face,
    balance,
    clean,
    longest_word,
    widest,
    width,
)

EVIDENCE = {
    "bone": "skeletal bone mass, animal given vesicles",
    "animal": "other animal study",
    "other": "no animal, or not stated",
}
GAP = "no study"
GAP_FILL = "#f3f4f6"
#: In em: padding of a cell, gap between columns, longest line of a name.
PAD, GUTTER, NAME = 0.7, 0.9, 21.0


def lay_out_harvest(
    spec: HarvestSpec, *, width_mm: float | None = None, font: str | None = None
) -> Layout:
    """Measure every text of a harvest plot and give everything its place.

    Raises
    ------
    UsageError
        For a font that is not here, or a width into which the columns do not fit.
    """
    style, face = look(font)
    ready = _cleaned(spec, face)
    table = _fit(ready, style, face, width_mm)
    return _Sheet(ready, style, table).build()


def _cleaned(spec: HarvestSpec, face: Face) -> HarvestSpec:
    tidy = partial(clean, face=face)
    cells = {
        (tidy(row), tidy(column)): tuple(replace(one, study=tidy(one.study)) for one in studies)
        for (row, column), studies in spec.cells.items()
    }
    return replace(
        spec, title=tidy(spec.title), row_name=tidy(spec.row_name), cells=cells,
        column_name=tidy(spec.column_name), rows=tuple(map(tidy, spec.rows)),
        columns=tuple(map(tidy, spec.columns)), footer=tuple(map(tidy, spec.footer)),
    )  # fmt: skip


def _fit(spec: HarvestSpec, style: Style, face: Face, width_mm: float | None) -> Matrix:
    """Widths of the columns: what they need if there is room, else wrapped, else smaller."""
    natural, least = _needs(spec, face)
    gutter = GUTTER * face.size
    gaps = gutter * len(spec.columns)
    whole = 2 * MARGIN + sum(natural) + gaps
    total = min(max(whole, 120 / MM_PER_POINT), PAGE)
    if width_mm is not None:
        total = width_mm / MM_PER_POINT
    smallest = SMALLEST / (style.size * style.small)
    room = total - 2 * MARGIN
    scale = min(1.0, room / (sum(least) + gaps))
    if scale < smallest:
        needed = 2 * MARGIN + smallest * (sum(least) + gaps)
        if width_mm is not None:
            wanted = f"{len(spec.columns)} columns of studies: they take"
            raise too_narrow(total, wanted, needed)
        scale, total = 1.0, 2 * MARGIN + sum(least) + gaps
        room = total - 2 * MARGIN
    spare = room / scale - sum(least) - gaps
    wish = sum(natural) - sum(least)
    share = min(1.0, spare / wish) if wish > 0 else 1.0
    widths = [scale * (b + share * (a - b)) for a, b in zip(natural, least, strict=True)]
    extra = (room - sum(widths) - scale * gaps) / len(spec.columns)
    edges, x = [], MARGIN + widths[0]
    for wide in widths[1:]:
        x += scale * gutter
        edges.append((x, x + wide + extra))
        x += wide + extra
    return Matrix(face.scaled(scale), total, widths[0], tuple(edges))


def _needs(spec: HarvestSpec, face: Face) -> tuple[list[float], list[float]]:
    """Natural and least widths: of the row names, then of each column."""
    bold, most = face.bold(), NAME * face.size
    heads = [*spec.rows, spec.row_name]
    natural = [min(widest(heads, bold), most)]
    least = [min(max(longest_word(text, bold) for text in heads), most)]
    for column in spec.columns:
        names = [one.study for row in spec.rows for one in spec.cells.get((row, column), ())]
        frame = (SIGN + 2 * PAD) * face.size
        head = 2 * PAD * face.size
        natural.append(max(
            min(widest(names, face), most) + frame, min(width(column, bold), most) + head,
            width(GAP, face) + head,
        ))  # fmt: skip
        words = max((longest_word(name, face) for name in names), default=0.0)
        least.append(max(
            min(words, most) + frame, min(longest_word(column, bold), most) + head,
            width(GAP, face) + head,
        ))  # fmt: skip
    return natural, least


class _Sheet(Sheet):
    """One harvest plot on its way from top to bottom."""

    def __init__(self, spec: HarvestSpec, style: Style, table: Matrix) -> None:
        super().__init__(style, table.face, table.width)
        self.spec = spec
        self.table = table

    def build(self) -> Layout:
        """Everything in its place."""
        self.head(self.spec.title, self.spec.banner)
        self._legend()
        self._header()
        for row in self.spec.rows:
            self._row(row)
        self.foot(self.spec.footer)
        return self.finished(self.spec.title or "Harvest plot", self.spec.description)

    def _legend(self) -> None:
        """What the signs and their fills mean, in as many lines as they take."""
        self.y += 0.3 * self.em
        verdicts = [(word, "bone", f"{word} ({n})") for word, n in self.spec.legend]
        fills = [("swatch", kind, text) for kind, text in EVIDENCE.items()]
        for signs in (verdicts, fills):
            entries = [(text, partial(self._sign, verdict, kind)) for verdict, kind, text in signs]
            self.legend(entries, gap=1.8, step=1.25)
            self.y += 1.25 * self.lead
        self.y += 0.8 * self.em

    def _sign(self, verdict: str, kind: str, x: float, middle: float) -> None:
        half = 0.52 * self.em
        paint_sign(self.canvas, verdict, kind, (x + 1.1 * half, middle), half, self.face)

    def _entry(
        self, x: float, middle: float, verdict: str, kind: str, lines: tuple[str, ...]
    ) -> None:
        """A sign and the words beside it, centred on a height."""
        self._sign(verdict, kind, x, middle)
        self.block(x + SIGN * self.em, middle, lines, self.face, self.style.palette.ink)

    def _header(self) -> None:
        spec, colors, bold = self.spec, self.style.palette, self.face.bold()
        pad = PAD * self.em
        heads = [
            balance(text, bold, right - left - 2 * pad + 0.01)
            for text, (left, right) in zip(spec.columns, self.table.columns, strict=True)
        ]
        if spec.column_name:
            left = self.table.columns[0][0] + pad
            self.canvas.write(left, self.y + 0.8 * self.lead, spec.column_name, self.face,
                              colors.muted)  # fmt: skip
            self.y += 1.15 * self.lead
        names = balance(spec.row_name, self.face, self.table.head) if spec.row_name else ()
        count = max(len(names), *(len(lines) for lines in heads))
        self.y += count * self.lead
        for i, text in enumerate(reversed(names)):
            y = self.y - 0.3 * self.em - i * self.lead
            self.canvas.write(MARGIN, y, text, self.face, colors.muted)
        for lines, (left, _) in zip(heads, self.table.columns, strict=True):
            for i, text in enumerate(reversed(lines)):
                y = self.y - 0.3 * self.em - i * self.lead
                self.canvas.write(left + pad, y, text, bold, colors.ink)
        self.y += 0.35 * self.em
        self.canvas.rule(MARGIN, self.right, self.y, self.style.rule_width, colors.rule)

    def _row(self, row: str) -> None:
        colors, bold = self.style.palette, self.face.bold()
        pad = PAD * self.em
        room = [right - left - 2 * pad - SIGN * self.em for left, right in self.table.columns]
        cells = [self.spec.cells.get((row, column), ()) for column in self.spec.columns]
        broken = [
            [(one, balance(one.study, self.face, max(wide, 1.0) + 0.01)) for one in studies]
            for studies, wide in zip(cells, room, strict=True)
        ]
        name = balance(row, bold, self.table.head + 0.01)
        heights = [sum(self._height(lines) for _, lines in studies) for studies in broken]
        height = max(*heights, len(name) * self.lead, self.lead) + 2 * 0.55 * self.em
        top = self.y
        middle = top + 0.7 * self.em + len(name) * self.lead / 2
        self.block(MARGIN, middle, name, bold, colors.ink)
        for studies, (left, right) in zip(broken, self.table.columns, strict=True):
            if studies:
                self._cell(studies, left + pad, top + 0.55 * self.em)
            else:
                self._gap(left, right, top, height)
        self.y = top + height
        self.canvas.rule(MARGIN, self.right, self.y, 0.5, colors.hairline)

    def _height(self, lines: tuple[str, ...]) -> float:
        return len(lines) * self.lead + 0.3 * self.em

    def _cell(self, studies: list[tuple[Direction, tuple[str, ...]]], x: float, top: float) -> None:
        for one, lines in studies:
            height = self._height(lines)
            self._entry(x, top + height / 2, one.verdict, one.evidence, lines)
            top += height

    def _gap(self, left: float, right: float, top: float, height: float) -> None:
        inset = 0.22 * self.em
        self.canvas.box(left, top + inset, right, top + height - inset, GAP_FILL)
        self.block((left + right) / 2, top + height / 2, (GAP,), self.face,
                    self.style.palette.muted, "center")  # fmt: skip
