"""How wide each column must be, and where it stands in a figure of a given width."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from metabone.errors import UsageError
from metabone.plots.primitives import MM_PER_POINT, HAlign
from metabone.plots.spec import PLOT, Column, ForestSpec, PartAlign, Row
from metabone.plots.styles import Style
from metabone.plots.text import Face, clean, longest_word, widest, width, wrap

MARGIN = 6.0
#: No text is set smaller than this (points).
SMALLEST = 5.0
#: Text columns: no wider than this before they wrap, no narrower than that when room is short.
WRAP_AT, WRAP_LEAST, WORD_MOST = 165.0, 46.0, 84.0
#: A header takes this many em, and this many times the width of its cells, before it wraps.
HEAD_LEAST, HEAD_SPARE = 6.5, 1.25
#: Text may shrink by so many per cent before it wraps.
NEARLY = 7
#: Width aimed at when none is asked for, and the least (points: 180 mm and 120 mm).
PAGE, CARD = 180 / MM_PER_POINT, 120 / MM_PER_POINT
POOLED = ("subtotal", "overall")


@dataclass(frozen=True, slots=True)
class ColumnSize:
    """A column's widths in points at full size.

    Parameters
    ----------
    parts : for each part of its cells the width up to the decimal point, and after it.
    content : width of the cells; `natural` and `least` include the header.
    """

    column: Column
    parts: tuple[tuple[float, float], ...]
    content: float
    natural: float
    least: float


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a column stands: left edge, width, and the left edge of its cells."""

    size: ColumnSize
    x: float
    width: float
    content_x: float

    @property
    def right(self) -> float:
        """Right edge."""
        return self.x + self.width


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns in place; `scale` shrinks all text from the style's size."""

    scale: float
    width: float
    slots: Mapping[str, Slot]
    plot_left: float
    plot_right: float

    def before_plot(self) -> list[Slot]:
        """The columns left of the plot."""
        return [slot for slot in self.slots.values() if slot.right <= self.plot_left]

    def after_plot(self) -> list[Slot]:
        """The columns right of the plot."""
        return [slot for slot in self.slots.values() if slot.x >= self.plot_right]


def row_face(style: Style, row: Row, face: Face) -> Face:
    """The face of a row's text."""
    bold = (row.kind in POOLED and style.bold_pooled) or (
        row.kind == "heading" and style.bold_heading
    )
    if row.kind == "note":
        return face.scaled(style.small)
    return face.bold() if bold else face


def header_face(style: Style, face: Face) -> Face:
    """The face of the column headers."""
    return face.bold() if style.bold_header else face


def cleaned(spec: ForestSpec, face: Face) -> ForestSpec:
    """The spec with every text in characters that can be painted."""

    def lines(text: str) -> str:
        return "\n".join(clean(line, face) for line in text.split("\n"))

    rows = tuple(
        replace(
            row,
            label=clean(row.label, face),
            cells={key: tuple(clean(p, face) for p in parts) for key, parts in row.cells.items()},
        )
        for row in spec.rows
    )
    columns = tuple(
        replace(column, header=lines(column.header), group=clean(column.group, face))
        for column in spec.columns
    )
    axis = replace(
        spec.axis, label=clean(spec.axis.label, face), left=clean(spec.axis.left, face),
        right=clean(spec.axis.right, face),
    )  # fmt: skip
    return replace(
        spec, title=clean(spec.title, face), columns=columns, rows=rows, axis=axis,
        footer=tuple(clean(text, face) for text in spec.footer),
    )  # fmt: skip


def split_decimal(text: str) -> tuple[str, str]:
    """A number before its decimal point, and from the point on.

    Examples
    --------
    >>> split_decimal("12.30"), split_decimal("7")
    (('12', '.30'), ('7', ''))
    """
    whole, point, rest = text.partition(".")
    return whole, point + rest


def measure_columns(spec: ForestSpec, style: Style, face: Face) -> list[ColumnSize]:
    """The widths of all columns but the plot, at full size."""
    sizes = [
        _measure_column(column, spec.rows, style, face)
        for column in spec.columns
        if column.key != PLOT
    ]
    return _widen_labels(spec, _widen_groups(sizes, header_face(style, face)), style, face)


def _widen_labels(
    spec: ForestSpec, sizes: list[ColumnSize], style: Style, face: Face
) -> list[ColumnSize]:
    """Let the study column wish for the room that the labels of pooled rows need."""
    keys = [column.key for column in spec.columns]
    after = dict(zip(keys, [*_gaps(spec.columns, style, face)[1:], 0.0], strict=True))
    by_key = {size.column.key: size for size in sizes}
    place = keys.index("study")
    wish = by_key["study"].natural
    for row in spec.rows:
        room = after["study"] - face.size
        for key in keys[place + 1 :]:
            if key in row.cells or key == PLOT:
                break
            room += by_key[key].natural + after[key]
        if row.kind in (*POOLED, "prediction"):
            wish = max(wish, width(row.label, row_face(style, row, face)) - room)
    wider = max(by_key["study"].natural, min(wish, WRAP_AT))
    return [replace(size, natural=wider) if size.column.key == "study" else size for size in sizes]


def _measure_column(column: Column, rows: Sequence[Row], style: Style, face: Face) -> ColumnSize:
    cells = [(row_face(style, row, face), row.cells[column.key]) for row in rows
             if column.key in row.cells]  # fmt: skip
    parts = []
    for index, align in enumerate(column.parts):
        halves = [_halves(parts[index], align, f) for f, parts in cells]
        parts.append((max((h[0] for h in halves), default=0.0),
                      max((h[1] for h in halves), default=0.0)))  # fmt: skip
    glue = column.glue * face.size * (len(parts) - 1)
    content = sum(sum(part) for part in parts) + glue
    if column.key == "study":
        content += indent(rows, style, face)
    head = header_face(style, face)
    if not column.wrap:
        written = column.header.split("\n")
        room = max(
            HEAD_SPARE * content,
            HEAD_LEAST * face.size,
            *(longest_word(line, head) for line in written),
        )
        lines = [part for line in written for part in wrap(line, head, room)]
        natural = max(content, widest(lines, head))
        return ColumnSize(column, tuple(parts), content, natural, natural)
    texts = [texts[0] for _, texts in cells] + [column.header]
    word = max((longest_word(text, head) for text in texts), default=0.0)
    natural = min(max(content, width(column.header, head)), max(WRAP_AT, min(word, WRAP_AT)))
    least = min(natural, max(WRAP_LEAST, min(word, WORD_MOST)))
    return ColumnSize(column, tuple(parts), content, natural, least)


def indent(rows: Sequence[Row], style: Style, face: Face) -> float:
    """How far rows stand in under their headings; 0 where there are none."""
    return style.indent * face.size if any(row.kind == "heading" for row in rows) else 0.0


def _halves(text: str, align: PartAlign, face: Face) -> tuple[float, float]:
    if align != "decimal":
        return width(text, face), 0.0
    _, rest = split_decimal(text)
    after = width(rest, face)
    return width(text, face) - after, after


def _widen_groups(sizes: list[ColumnSize], face: Face) -> list[ColumnSize]:
    """Give the columns under a heading the room that the heading needs."""
    made = list(sizes)
    for run in group_runs([size.column for size in sizes]):
        text = sizes[run[0]].column.group
        if not text:
            continue
        room = sum(sizes[i].natural for i in run) + _inner_gap(face) * (len(run) - 1)
        extra = max(0.0, width(text, face) - room) / len(run)
        for i in run:
            wider = sizes[i].natural + extra
            made[i] = replace(sizes[i], natural=wider, least=wider)
    return made


def group_runs(columns: Sequence[Column]) -> list[list[int]]:
    """Indices of neighbours that share a heading; a column without one stands alone."""
    runs: list[list[int]] = []
    for i, column in enumerate(columns):
        if runs and column.group and columns[runs[-1][-1]].group == column.group:
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def _inner_gap(face: Face) -> float:
    return 0.95 * face.size


def _gaps(columns: Sequence[Column], style: Style, face: Face) -> list[float]:
    """The gap before each column; those under one heading stand closer."""
    gaps = [0.0]
    for left, right in pairwise(columns):
        same = left.group and left.group == right.group
        gaps.append(_inner_gap(face) if same else style.gap * face.size)
    return gaps


def fit(spec: ForestSpec, style: Style, face: Face, width_mm: float | None) -> Grid:
    """Place the columns in a figure of `width_mm`.

    Text wraps first, then everything shrinks, but no text below 5 points.

    Raises
    ------
    UsageError
        If the columns do not fit even so; the least width is named.
    """
    sizes = {size.column.key: size for size in measure_columns(spec, style, face)}
    gaps = _gaps(spec.columns, style, face)
    room = Room(style, sizes, sum(gaps))
    if width_mm is None:
        total, scale = room.natural_page()
    else:
        total = width_mm / MM_PER_POINT
        scale = room.scale_for(total, [column.key for column in spec.columns])
    widths, plot = room.share(total, scale)
    slots: dict[str, Slot] = {}
    x, left, right = MARGIN, 0.0, 0.0
    for column, gap in zip(spec.columns, gaps, strict=True):
        x += gap * scale
        if column.key == PLOT:
            left, right = x, x + plot
            x = right
            continue
        size, wide = sizes[column.key], widths[column.key]
        inset = 0.0 if column.lefthand else (wide - size.content * scale) / 2
        slots[column.key] = Slot(size, x, wide, x + inset)
        x += wide
    return Grid(scale, total, slots, left, right)


@dataclass(frozen=True, slots=True)
class Room:
    """The room that columns and plot need, at full size and shrunk."""

    style: Style
    sizes: Mapping[str, ColumnSize]
    gaps: float

    @property
    def smallest(self) -> float:
        """The scale at which the smallest text has 5 points."""
        return min(1.0, SMALLEST / (self.style.size * self.style.small))

    def least(self, scale: float) -> float:
        """The least width of the figure at a scale."""
        columns = sum(size.least for size in self.sizes.values())
        return 2 * MARGIN + scale * (columns + self.gaps) + self.style.plot_least

    def natural(self) -> float:
        """The width at which nothing but long names wraps."""
        columns = sum(size.natural for size in self.sizes.values())
        return 2 * MARGIN + columns + self.gaps + self.style.plot_width

    def natural_page(self) -> tuple[float, float]:
        """Width and scale when no width is asked for: a page if possible, else what it takes."""
        if self.natural() <= PAGE:
            return max(self.natural(), CARD), 1.0
        # A little smaller without wrapping, before wrapping, before much smaller.
        for steps, comfort in ((NEARLY, 1.0), (13, 0.3)):
            for scale in (1 - 0.01 * step for step in range(steps)):
                if scale >= self.smallest and self._comfort(PAGE, scale) >= comfort:
                    return PAGE, scale
        return max(PAGE, min(self.natural(), self.least(1.0) + 60)), 1.0

    def scale_for(self, total: float, keys: Sequence[str]) -> float:
        """The largest scale at which the columns fit into `total` points."""
        steps = [1 - 0.01 * step for step in range(100) if 1 - 0.01 * step >= self.smallest]
        steps.append(self.smallest)
        for scale in steps[:NEARLY]:
            if self._comfort(total, scale) >= 1:
                return scale
        for scale in steps:
            comfort = self._comfort(total, scale)
            if comfort >= 0.3 or (comfort >= 0 and scale <= 0.86):
                return scale
        if self._comfort(total, steps[-1]) >= 0:
            return steps[-1]
        raise too_narrow(
            total, f"the columns {', '.join(keys)}: they take", self.least(self.smallest),
            "; leave one out or allow more",
        )  # fmt: skip

    def _comfort(self, total: float, scale: float) -> float:
        """Share of the columns' and the plot's wishes that fits; negative if the least does not.

        The plot wishes for a good width only; what then is left over is its own.
        """
        spare = total - self.least(scale)
        wish = scale * sum(size.natural - size.least for size in self.sizes.values())
        return spare / (wish + self.style.plot_good - self.style.plot_least)

    def share(self, total: float, scale: float) -> tuple[dict[str, float], float]:
        """Widths of the columns and of the plot, which takes what is left."""
        fraction = min(1.0, max(0.0, self._comfort(total, scale)))
        widths = {
            key: scale * (size.least + fraction * (size.natural - size.least))
            for key, size in self.sizes.items()
        }
        return widths, total - 2 * MARGIN - scale * self.gaps - sum(widths.values())


def too_narrow(width: float, wanted: str, least: float, advice: str = "") -> UsageError:
    """The error for a figure that is too narrow.

    Parameters
    ----------
    width, least : the width asked for and the least that does, in points.
    wanted : what it is too narrow for, with the verb: ``this figure: it takes``.
    advice : what else may help.

    Examples
    --------
    >>> print(too_narrow(72, "this figure: it takes", 100))
    width 25.4 mm is too narrow for this figure: it takes at least 36 mm
    """
    # Rounded up, so that the width named is one that does.
    mm = math.ceil(least * MM_PER_POINT)
    return UsageError(
        f"width {width * MM_PER_POINT:g} mm is too narrow for {wanted} at least {mm} mm{advice}"
    )


def place_part(slot: Slot, index: int, text: str, face: Face, scale: float) -> tuple[float, HAlign]:
    """Anchor and alignment of one part of a cell."""
    column, parts = slot.size.column, slot.size.parts
    glue = column.glue * face.size if len(parts) > 1 else 0.0
    start = slot.content_x + sum(scale * sum(part) + glue for part in parts[:index])
    left = scale * parts[index][0]
    align = column.parts[index]
    if align == "left":
        return start, "left"
    if align == "center":
        return start + left / 2, "center"
    if align == "decimal":
        return start + left + width(split_decimal(text)[1], face), "right"
    return start + left, "right"
