"""Cells into a workbook as inert text, and a workbook to bytes that do not depend on the clock."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING

from metabone.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import Cell as WorkbookCell
    from openpyxl.cell import MergedCell
    from openpyxl.worksheet.worksheet import Worksheet

LONGEST_CELL = 32767  # of the XLSX format; openpyxl would cut without a word
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384  # of the XLSX format

_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def need_openpyxl() -> None:
    """Say how to get openpyxl where it is missing.

    Raises
    ------
    MissingExtraError
        If openpyxl is not installed.
    """
    try:
        import openpyxl  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "writing a workbook needs pip install 'metabone[excel]'; a .csv needs nothing"
        ) from error


def put(sheet: Worksheet, row: int, column: int, value: str | float | int | None) -> None:
    """Write one cell; text stays text whatever it begins with.

    Raises
    ------
    DataError
        If a text is longer than a cell of a workbook can be.
    """
    if value is None or value == "":
        return
    cell = sheet.cell(row=row, column=column)
    if not isinstance(value, str):
        cell.value = int(value) if float(value).is_integer() and abs(value) < 1e15 else value
        return
    put_text(cell, value)


def put_text(cell: WorkbookCell | MergedCell, text: str) -> None:
    """Make a cell hold a text and nothing that is computed.

    Raises
    ------
    DataError
        If the text is longer than a cell of a workbook can be.
    """
    if len(text) > LONGEST_CELL:
        raise DataError(f"a cell of {len(text)} characters does not fit into a workbook")
    cell.value = inert(text)
    cell.data_type = "s"
    cell.quotePrefix = text[:1] in ("=", "+", "-", "@", "\t", "\r", "'")


def inert(text: str) -> str:
    """The text with what XML cannot hold made visible."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


def packed(book: Workbook) -> bytes:
    """Save and pack again without the clock, so that the same sheet gives the same bytes."""
    from datetime import datetime

    book.properties.created = datetime(2000, 1, 1)
    stream = io.BytesIO()
    book.save(stream)
    again = io.BytesIO()
    with (
        zipfile.ZipFile(stream) as old,
        zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as new,
    ):
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                data = _MODIFIED.sub(rb"\g<1>2000-01-01T00:00:00Z", data)
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            new.writestr(entry, data)
    return again.getvalue()
