"""What an XLSX says of a sheet beside its values: lost results, per cent formats, hidden rows."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from metabone.errors import DataError
from metabone.extraction.table import Finding, rows_text

# A formula that was never computed, or whose result is an error, reads as an empty cell.
_NO_RESULT = re.compile(
    rb"(?:</f>|<f\b[^>]*/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>|<c\b[^>]*\bt=\"e\"[^>]*>"
)
_PLACE = re.compile(rb'\br="([A-Z]+[0-9]+)"')
_COLUMN, _ROW = re.compile(rb'\br="([A-Z]{1,3})[0-9]+"'), re.compile(rb'\br="[A-Z]+([0-9]+)"')
_KIND = re.compile(rb'\bt="([a-zA-Z]+)"')
_HIDDEN = re.compile(rb'<row\b(?=[^>]*\bhidden="(?:1|true)")[^>]*\br="([0-9]+)"')
_SPAN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# Formats of Excel's own that show a per cent.
_PER_CENT = frozenset({"9", "10"})
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
#: A sheet is read as a rectangle: one with more places, of which so few are filled, is refused.
MOST_PLACES, FILLED = 5_000_000, 20
#: How many cells a message names.
_NAMED = 5
_DAMAGED = (zipfile.BadZipFile, zlib.error, ElementTree.ParseError, OSError, RuntimeError,
            KeyError, ValueError, NotImplementedError)  # fmt: skip


def refuse_far_cells(file: str, data: bytes) -> None:
    """Refuse a workbook with a cell so far from the others that its sheet fits no memory.

    Raises
    ------
    DataError
        With the cell.
    """
    far: list[str] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
                    far += _far(archive.read(name))
    except _DAMAGED:
        return  # not XLSX, or damaged: calamine says so
    if far:
        raise DataError(
            f"{file}: a sheet has {far[0]}: delete what lies far from the table (in a spreadsheet "
            "program Ctrl+End goes there)"
        )


def _far(xml: bytes) -> Iterator[str]:
    letters = _COLUMN.findall(xml)
    if not letters:
        return
    rows, column = max(map(int, _ROW.findall(xml))), max(set(letters), key=_number)
    if rows * _number(column) > max(MOST_PLACES, FILLED * len(letters)):
        yield (
            f"cells down to row {rows:,} and out to column {column.decode()}, and only "
            f"{len(letters):,} in all"
        )


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def sheet_findings(data: bytes, sheet: str) -> list[Finding]:
    """What is to be known of the cells of a sheet; nothing where the file is no XLSX."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            xml = archive.read(_part(archive, sheet))
            shown = _per_cent_styles(archive)
    except _DAMAGED:
        return []  # not XLSX, or damaged beyond what calamine needs
    return [*_without_result(xml), *_per_cent(xml, shown), *_hidden(xml)]


def _part(archive: zipfile.ZipFile, sheet: str) -> str:
    """Name of the part that holds a sheet."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    wanted = next(
        each.get(_RELATION) for each in book.iter(f"{_SPAN}sheet") if each.get("name") == sheet
    )
    target = next(str(link.get("Target")) for link in links if link.get("Id") == wanted)
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _per_cent_styles(archive: zipfile.ZipFile) -> frozenset[bytes]:
    """Numbers of the cell styles that show a number as per cent."""
    if "xl/styles.xml" not in archive.namelist():
        return frozenset()
    styles = ElementTree.fromstring(archive.read("xl/styles.xml"))
    codes = {
        each.get("numFmtId")
        for each in styles.iter(f"{_SPAN}numFmt")
        if "%" in _LITERAL.sub("", str(each.get("formatCode")))
    }
    listed = styles.find(f"{_SPAN}cellXfs")
    return frozenset(
        str(number).encode()
        for number, each in enumerate(() if listed is None else listed)
        if each.get("numFmtId") in codes | _PER_CENT
    )


def _without_result(xml: bytes) -> Iterator[Finding]:
    empty = []
    for match in _NO_RESULT.finditer(xml):
        start = xml.rfind(b"<c ", 0, match.start() + 3)
        opening = xml[start : xml.find(b">", start)]
        place = _PLACE.search(opening)
        # A formula may give an empty text on purpose.
        if place and b't="str"' not in opening:
            empty.append(place.group(1).decode())
    if empty:
        message = (
            f"{_named(empty)}: a formula without a saved result, or with an error as result, reads "
            "as blank; open the workbook in a spreadsheet program and save it"
        )
        yield Finding(None, None, None, "formula-without-value", "warning", message)


def _per_cent(xml: bytes, styles: frozenset[bytes]) -> Iterator[Finding]:
    """Numbers that are shown a hundred times as large as they are."""
    if not styles:
        return
    cell = re.compile(
        rb'<c\b(?=[^>]*\bs="(?:' + b"|".join(sorted(styles)) + rb')")([^>]*)>'
        rb"(?:<f\b.*?(?:</f>|/>))?\s*<v>([^<]*)</v>",
        re.DOTALL,
    )
    found = []
    for match in cell.finditer(xml):
        kind, place = _KIND.search(match[1]), _PLACE.search(match[1])
        if place and (kind is None or kind[1] == b"n"):
            found.append((place[1].decode(), match[2].decode()))
    if found:
        first, value = found[0]
        message = (
            f"{_named([place for place, _ in found])}: shown as per cent but read as the number "
            f"that the cell holds ({first} is {value}, shown a hundred times as large): is that "
            "number in the row's unit? Nothing is converted"
        )
        yield Finding(None, None, None, "percent-format", "warning", message)


def _hidden(xml: bytes) -> Iterator[Finding]:
    hidden = {int(row) for row in _HIDDEN.findall(xml)}
    # Rows without a cell may be hidden to make the sheet look short.
    rows = hidden & set(map(int, _ROW.findall(xml))) if hidden else None
    if rows:
        message = f"{rows_text(rows, 10)} hidden in the sheet; read like the others"
        yield Finding(None, None, None, "hidden-rows", "note", message)


def _named(cells: Sequence[str]) -> str:
    more = f" and {len(cells) - _NAMED} more" if len(cells) > _NAMED else ""
    return ", ".join(cells[:_NAMED]) + more
