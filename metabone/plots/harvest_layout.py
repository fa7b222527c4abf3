"""Where everything in a harvest plot stands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from metabone.errors import UsageError
from metabone.plots.primitives import MM_PER_POINT, Canvas, HAlign, Layout
from metabone.plots.signs import paint_sign
from metabone.plots.sizing import MARGIN, PAGE, SMALLEST
from metabone.plots.spec import Direction, HarvestSpec
from metabone.plots.styles import Style, find_style
from metabone.plots.text import (
    Face,
    balance,
    check_family,
    clean,
    longest_word,
    readable,
    widest,
    width,
    wrap,
)

EVIDENCE = {
    "bone": "skeletal bone mass, animal given vesicles",
    "animal": "other animal study",
    "other": "no animal, or not stated",
}
GAP = "no study"
GAP_FILL = "#f3f4f6"
#: In em: a sign with its gap, padding of a cell, gap between columns, longest line of a name.
SIGN, PAD, GUTTER, NAME = 1.75, 0.7, 0.9, 21.0
CAPITALS = 0.729


def lay_out_harvest(
    spec: HarvestSpec, *, width_mm: float | None = None, font: str | None = None
) -> Layout:
    """Measure every text of a harvest plot and give everything its place.

    Raises
    ------
    UsageError
        For a font that is not here, or a width into which the columns do not fit.
    """
    style = find_style("metabone")
    family = check_family(font) if font is not None else style.family
    face = Face(family, style.size)
    ready = _cleaned(spec, face)
    table = _fit(ready, style, face, width_mm)
    return _Sheet(ready, style, table).build()


@dataclass(frozen=True, slots=True)
class _Table:
    """Faces and column edges of the matrix, in points."""

    face: Face
    width: float
    head: float
    columns: tuple[tuple[float, float], ...]


def _cleaned(spec: HarvestSpec, face: Face) -> HarvestSpec:
    def tidy(text: str) -> str:
        return clean(text, face)

    cells = {
        (tidy(row), tidy(column)): tuple(replace(one, study=tidy(one.study)) for one in studies)
        for (row, column), studies in spec.cells.items()
    }
    return replace(
        spec, title=tidy(spec.title), row_name=tidy(spec.row_name), cells=cells,
        column_name=tidy(spec.column_name), rows=tuple(map(tidy, spec.rows)),
        columns=tuple(map(tidy, spec.columns)), footer=tuple(map(tidy, spec.footer)),
    )  # fmt: skip


def _fit(spec: HarvestSpec, style: Style, face: Face, width_mm: float | None) -> _Table:
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
            mm = -int(-needed * MM_PER_POINT // 1)
            raise UsageError(
                f"width {width_mm:g} mm is too narrow for {len(spec.columns)} columns of studies: "
                f"they take at least {mm} mm"
            )
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
    return _Table(face.scaled(scale), total, widths[0], tuple(edges))


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


class _Sheet:
    """One harvest plot on its way from top to bottom."""

    def __init__(self, spec: HarvestSpec, style: Style, table: _Table) -> None:
        self.spec = spec
        self.style = style
        self.table = table
        self.face = table.face
        self.em = table.face.size
        self.lead = style.line * table.face.size
        self.right = table.width - MARGIN
        self.canvas = Canvas()
        self.y = MARGIN

    def build(self) -> Layout:
        """Everything in its place."""
        self._title()
        self._legend()
        self._header()
        for row in self.spec.rows:
            self._row(row)
        self._footer()
        return Layout(
            width=self.table.width, height=self.y + MARGIN, backdrop=tuple(self.canvas.backdrop),
            lines=tuple(self.canvas.lines), shapes=tuple(self.canvas.shapes),
            texts=tuple(self.canvas.texts), title=self.spec.title or "Harvest plot",
            description=readable(self.spec.description),
        )  # fmt: skip

    def _paragraph(self, text: str, face: Face, color: str) -> None:
        for line in wrap(text, face, self.right - MARGIN):
            self.y += self.style.line * face.size
            self.canvas.write(MARGIN, self.y - 0.3 * face.size, line, face, color)

    def _title(self) -> None:
        colors = self.style.palette
        if self.spec.title:
            self._paragraph(self.spec.title, self.face.scaled(1.2).bold(), colors.ink)
            self.y += 0.35 * self.em
        if self.spec.banner:
            top = self.y
            self.y += 0.4 * self.em
            self._paragraph(self.spec.banner, self.face.bold(), colors.warning)
            self.y += 0.4 * self.em
            self.canvas.box(MARGIN - 3, top, self.right + 3, self.y, colors.warning_band)
            self.y += 0.3 * self.em

    def _legend(self) -> None:
        """What the signs and their fills mean, in as many lines as they take."""
        self.y += 0.3 * self.em
        verdicts = [(word, "bone", f"{word} ({n})") for word, n in self.spec.legend]
        fills = [("swatch", kind, text) for kind, text in EVIDENCE.items()]
        for entries in (verdicts, fills):
            x = MARGIN
            for verdict, kind, text in entries:
                wide = SIGN * self.em + width(text, self.face)
                if x > MARGIN and x + wide > self.right:
                    x, self.y = MARGIN, self.y + 1.25 * self.lead
                middle = self.y + self.lead / 2
                self._entry(x, middle, verdict, kind, (text,))
                x += wide + 1.8 * self.em
            self.y += 1.25 * self.lead
        self.y += 0.8 * self.em

    def _entry(
        self, x: float, middle: float, verdict: str, kind: str, lines: tuple[str, ...]
    ) -> None:
        """A sign and the words beside it, centred on a height."""
        half = 0.52 * self.em
        paint_sign(self.canvas, verdict, kind, (x + 1.1 * half, middle), half, self.face)
        self._block(x + SIGN * self.em, middle, lines, self.face, self.style.palette.ink)

    def _block(
        self, x: float, middle: float, lines: tuple[str, ...], face: Face, color: str,
        align: HAlign = "left",
    ) -> None:  # fmt: skip
        lead = self.style.line * face.size
        first = middle - (len(lines) - 1) * lead / 2 + CAPITALS * face.size / 2
        for i, text in enumerate(lines):
            self.canvas.write(x, first + i * lead, text, face, color, align)

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
        self._block(MARGIN, middle, name, bold, colors.ink)
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
        self._block((left + right) / 2, top + height / 2, (GAP,), self.face,
                    self.style.palette.muted, "center")  # fmt: skip

    def _footer(self) -> None:
        self.y += 0.5 * self.em
        face = self.face.scaled(self.style.small)
        for text in self.spec.footer:
            self._paragraph(text, face, self.style.palette.muted)
            self.y += 0.25 * self.em
