"""The user's own sheet back, with its suspicious cells coloured and commented."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from metabone.errors import DataError
from metabone.extraction.grid import Raw, column_letter
from metabone.extraction.reading import read_raw
from metabone.extraction.workbook_writing import (
    LAST_COLUMN,
    LAST_ROW,
    LONGEST_CELL,
    inert,
    need_openpyxl,
    packed,
    put,
    put_text,
)
from metabone.files import visible
from metabone.report.check import Checked, count, shortened
from metabone.report.check_marks import ALIGNED, HEAD, WIDTHS, Mark, Place, marks, told

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

# Bright enough to be seen, pale enough to read the cell; the comment says it in words.
COLOURS = {"error": "F4A6A0", "warning": "FFD98A", "note": "CFE3F5"}
MEANING = {
    "error": "error: cannot be right",
    "warning": "warning: look it up in the paper",
    "note": "note: how it was understood, or a weak suspicion",
}
AUTHOR = "metabone"
# Spreadsheet programs become slow with more comments, and refuse more links in one sheet.
MOST_COMMENTS = 5_000
MOST_LINKS = 60_000
# Row of the column names in the sheet of findings, below one line in words and the colours.
TOP = 6
# Lines of one cell that the sheet of findings shows.
MOST_LINES = 10
# Digits that a spreadsheet keeps of a number.
MOST_DIGITS = 15
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Annotated:
    """A workbook, and what in it is not as in the table.

    Parameters
    ----------
    content : its bytes.
    said : sentences for the person who asked for it.
    """

    content: bytes
    said: tuple[str, ...]


def annotated_workbook(checked: Checked, file: str, data: bytes) -> Annotated:
    """The table as a workbook with marked cells and a sheet of all findings.

    The cells and their order are those of the file; of a workbook the formats too, as far as
    openpyxl keeps them. Nothing in it is computed: formulas become text.

    Parameters
    ----------
    checked : what checking said about the table.
    file, data : the file's name and bytes, from which the table was read.

    Raises
    ------
    DataError
        If the table has more rows or columns than a workbook can hold.
    MissingExtraError
        If openpyxl is not installed.
    """
    need_openpyxl()
    raw = read_raw(file, data, checked.table.source.sheet)
    said: list[str] = []
    copy = _own(data, raw, said) or _fresh(checked, raw, said)
    place = Place.of(raw)
    name = _free_name(copy.book)
    _mark(copy, raw, marks(checked, place), name, said)
    _findings(copy.book.create_sheet(name), copy.sheet.title, checked, place, said)
    copy.book.active = copy.book.sheetnames.index(copy.sheet.title)
    return Annotated(packed(copy.book), tuple(said))


@dataclass(frozen=True, slots=True)
class Copy:
    """A workbook that holds the table: its sheet, and where formulas stood in it."""

    book: Workbook
    sheet: Worksheet
    formulas: frozenset[tuple[int, int]]


def _own(data: bytes, raw: Raw, said: list[str]) -> Copy | None:
    """The workbook itself with its formulas as text; None if the file is none of that kind."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    if raw.sheet is None:
        return None
    # What openpyxl cannot keep it tells as warnings; they reach the person.
    with warnings.catch_warnings(record=True) as told_by_openpyxl:
        warnings.simplefilter("always")
        try:
            book = openpyxl.load_workbook(io.BytesIO(data), rich_text=True, keep_links=False)
            sheet = book[raw.sheet]
        except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError,
                AttributeError, IndexError, OSError, SyntaxError):  # fmt: skip
            said.append("its formats cannot be kept, since it is no XLSX that openpyxl reads")
            return None
    said += list(dict.fromkeys(str(warning.message) for warning in told_by_openpyxl))
    formulas = [_formulas_to_text(each) for each in book.worksheets]
    if any(formulas):
        said.append(
            f"{count(sum(map(len, formulas)), 'formula')} written as text, so that nothing in the "
            "copy is computed; in the sheet that was checked a comment has the saved result"
        )
    return Copy(book, sheet, frozenset(formulas[book.worksheets.index(sheet)]))


def _formulas_to_text(sheet: Worksheet) -> set[tuple[int, int]]:
    """Make every formula of a sheet a text; where they stood."""
    found = set()
    for row, cells in enumerate(sheet.iter_rows(), start=1):
        for column, cell in enumerate(cells, start=1):
            if cell.data_type == "f":
                text = cell.value if isinstance(cell.value, str) else f"={_formula(cell.value)}"
                put_text(cell, text[:LONGEST_CELL])
                found.add((row, column))
    return found


def _formula(value: Any) -> str:
    """The text of an array formula or a data table, which are objects."""
    return str(getattr(value, "text", None) or getattr(value, "ref", "")).removeprefix("=")


def _fresh(checked: Checked, raw: Raw, said: list[str]) -> Copy:
    """A workbook with the records of a file that is none, or none that openpyxl reads."""
    import openpyxl

    width = max(map(len, raw.records), default=0)
    if len(raw.records) > LAST_ROW or width > LAST_COLUMN:
        raise DataError(
            f"{checked.table.source.file} has {len(raw.records)} rows and {width} columns; a "
            f"workbook holds {LAST_ROW} and {LAST_COLUMN}"
        )
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "table"
    place = Place.of(raw)
    numeric = _numeric_columns(checked, place)
    cut: dict[tuple[int, int], int] = {}
    for row, record in enumerate(raw.records, start=1):
        for column, text in enumerate(record, start=1):
            if len(text) > LONGEST_CELL:
                cut[row, column] = len(text)
                text = f"{text[: LONGEST_CELL - 100]}… [cut: {len(text):,} characters]"
            native = (row - 1, column - 1) in raw.numbers
            if native or (row > place.header and column in numeric):
                _put_number(sheet, row, column, text, checked.table.source.decimal or ".")
            else:
                put(sheet, row, column, text)
    _look(sheet, raw, place)
    for (row, column), length in cut.items():
        said.append(
            f"cell {column_letter(column - 1)}{row} has {length:,} characters, more than the "
            f"{LONGEST_CELL:,} of a workbook's cell: it is cut in the copy, and says so"
        )
    return Copy(book, sheet, frozenset())


def _numeric_columns(checked: Checked, place: Place) -> set[int]:
    frame = checked.table.frame
    return {
        at for name, at in place.columns.items() if name in frame and frame[name].dtype.kind == "f"
    }


def _put_number(sheet: Worksheet, row: int, column: int, text: str, mark: str) -> None:
    """A number as a number that shows the printed digits; as text where these would change."""
    plain = text.strip().replace(mark, ".") if mark == "," else text.strip()
    found = _PLAIN_NUMBER.fullmatch(plain)
    if found is None or sum(map(str.isdigit, plain)) > MOST_DIGITS:
        put(sheet, row, column, text)
        return
    cell = sheet.cell(row=row, column=column)
    decimals = len(found.group(1) or "")
    cell.value = float(plain) if decimals else int(plain)
    cell.number_format = f"0.{'0' * decimals}" if decimals else "0"


def _look(sheet: Worksheet, raw: Raw, place: Place) -> None:
    """A bold header that stays in view, and columns wide enough for what a cell mostly holds."""
    from openpyxl.styles import Font

    for at in set(place.columns.values()):
        cell = sheet.cell(row=place.header, column=at)
        cell.font = Font(bold=True)
        texts = [record[at - 1] for record in raw.records[:200] if len(record) >= at]
        longest = max(map(len, texts), default=0) + 3
        sheet.column_dimensions[column_letter(at - 1)].width = min(max(10, longest), 28)
    sheet.freeze_panes = f"B{place.header + 1}"


def _mark(
    copy: Copy, raw: Raw, found: dict[tuple[int, int], Mark], findings: str, said: list[str]
) -> None:
    """Colour and comment the cells, the worst first; formulas get their saved result."""
    from openpyxl.cell import MergedCell
    from openpyxl.styles import PatternFill

    for row, column in sorted(copy.formulas):
        printed = raw.records[row - 1][column - 1] if row <= len(raw.records) else ""
        mark = found.setdefault((row, column), Mark("note"))
        mark.parts.append(
            f"FORMULA written as text; its saved result was {visible(str(shortened(printed)))!r}"
        )
    fills = {severity: PatternFill("solid", fgColor=c) for severity, c in COLOURS.items()}
    for number, (place, mark) in enumerate(_by_anchor(copy.sheet, found).items()):
        cell = copy.sheet.cell(*place)
        if isinstance(cell, MergedCell):
            continue
        cell.fill = fills[mark.severity]
        if number < MOST_COMMENTS:
            _comment(cell, mark.comment(findings))
    if len(found) > MOST_COMMENTS:
        said.append(
            f"{len(found) - MOST_COMMENTS:,} marked cells have no comment, since a sheet with more "
            f"than {MOST_COMMENTS:,} is too slow to open; the sheet {findings!r} tells them"
        )


def _by_anchor(sheet: Worksheet, found: dict[tuple[int, int], Mark]) -> dict[tuple[int, int], Mark]:
    """The marks with those of a merged area put together, at the one cell of it that is shown."""
    if not sheet.merged_cells.ranges:
        return found
    together: dict[tuple[int, int], Mark] = {}
    for place, mark in found.items():
        anchor = together.setdefault(_first_of_merged(sheet, place), Mark(mark.severity))
        for part in mark.parts:
            anchor.add(mark.severity, part)
    return together


def _first_of_merged(sheet: Worksheet, place: tuple[int, int]) -> tuple[int, int]:
    """The cell that holds the value of a merged area; the cell itself outside of one."""
    row, column = place
    for area in sheet.merged_cells.ranges:
        if area.min_row <= row <= area.max_row and area.min_col <= column <= area.max_col:
            return area.min_row, area.min_col
    return place


def _comment(cell: Cell, text: str) -> None:
    from openpyxl.comments import Comment

    text = inert(text)
    own = cell.comment
    if own is not None:
        text = f"{inert(own.text)}\n\n{AUTHOR}:\n{text}"
    lines = sum(1 + len(line) // 52 for line in text.splitlines())
    cell.comment = Comment(text, AUTHOR, height=min(30 + 17 * lines, 420), width=380)


def _free_name(book: Workbook) -> str:
    taken = {name.casefold() for name in book.sheetnames}
    number, name = 1, "Findings"
    while name.casefold() in taken:
        number, name = number + 1, f"Findings {number + 1}"
    return name


def _findings(sheet: Worksheet, own: str, checked: Checked, place: Place, said: list[str]) -> None:
    """One line for each finding, with a link to its cell."""
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.worksheet.properties import PageSetupProperties

    put(sheet, 1, 1, shortened(f"{checked.table.source.file}: {checked.headline()}"))
    sheet.cell(row=1, column=1).font = Font(bold=True)
    for at, (severity, meaning) in enumerate(MEANING.items()):
        put(sheet, 2 + at, 1, meaning)
        for column in range(1, 4):
            fill = PatternFill("solid", fgColor=COLOURS[severity])
            sheet.cell(row=2 + at, column=column).fill = fill
    for at, (title, width) in enumerate(zip(HEAD, WIDTHS, strict=True), start=1):
        put(sheet, TOP, at, title)
        sheet.cell(row=TOP, column=at).font = Font(bold=True)
        sheet.cell(row=TOP, column=at).alignment = Alignment(horizontal=ALIGNED[at - 1])
        sheet.column_dimensions[column_letter(at - 1)].width = width
    row = TOP
    top = Alignment(vertical="top")
    ways = [Alignment(wrap_text=True, vertical="top", horizontal=where) for where in ALIGNED[2:]]
    fills = {severity: PatternFill("solid", fgColor=c) for severity, c in COLOURS.items()}
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    for line in islice(told(checked, place), LAST_ROW - TOP):
        row += 1
        put(sheet, row, 1, line.severity)
        sheet.cell(row=row, column=1).fill = fills[line.severity]
        sheet.cell(row=row, column=1).alignment = top
        _link(sheet, row, own, line.cell, linked=row - TOP <= MOST_LINKS)
        sheet.cell(row=row, column=2).alignment = top
        for at, (value, way) in enumerate(zip(line.values, ways, strict=True), start=3):
            put(sheet, row, at, value)
            cell = sheet.cell(row=row, column=at)
            cell.alignment = way
            if isinstance(value, float):
                cell.number_format = "0%" if HEAD[at - 1] == "strength" else "0.00"
        sheet.row_dimensions[row].height = _height(line.values)
    if row - TOP > MOST_LINKS:
        said.append(f"only the first {MOST_LINKS:,} lines of {sheet.title!r} are linked to a cell")
    sheet.freeze_panes = f"D{TOP + 1}"
    sheet.auto_filter.ref = f"A{TOP}:{column_letter(len(HEAD) - 1)}{max(row, TOP + 1)}"


def _height(values: Sequence[str | float | None]) -> float:
    """Height of a line in points that shows the longest of its texts, up to `MOST_LINES` of them.

    Letters of two columns count twice; words do not break, so that lines are not quite full.
    """
    from rich.cells import cell_len

    most = 1
    for value, width in zip(values, WIDTHS[2:], strict=True):
        length = cell_len(value) if isinstance(value, str) else 0
        if length > 0.95 * width:
            most = max(most, -(-length // int(0.87 * width)))
    return 13.5 * min(most, MOST_LINES) + 3


def _link(
    sheet: Worksheet, row: int, own: str, cell: tuple[int, int] | None, *, linked: bool
) -> None:
    """The cell's name, linked to it inside the workbook."""
    from openpyxl.styles import Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    if cell is None:
        return
    name = f"{column_letter(cell[1] - 1)}{cell[0]}"
    put(sheet, row, 2, name)
    if linked:
        at = sheet.cell(row=row, column=2)
        quoted = own.replace("'", "''")
        at.hyperlink = Hyperlink(ref=at.coordinate, location=f"'{quoted}'!{name}", display=name)
        at.font = Font(color="1F4E9E", underline="single")
