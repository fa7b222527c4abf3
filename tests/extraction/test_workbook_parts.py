"""What a workbook says beside its values: far cells, hidden sheets and rows, per cent formats."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.workbook import Workbook

from metabone.errors import DataError
from metabone.extraction import workbook_parts
from metabone.extraction.reading import read_table
from metabone.extraction.table import StudyTable

from .tables import GOOD, OTHER

Read = Callable[[Workbook], StudyTable]


@pytest.fixture
def book() -> Workbook:
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    sheet.title = "table"
    for row in (list(GOOD), list(GOOD.values()), list({**GOOD, **OTHER}.values())):
        sheet.append([float(cell) if cell[0].isdigit() else cell for cell in row])
    return made


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reader(made: Workbook) -> StudyTable:
        out = io.BytesIO()
        made.save(out)
        path = tmp_path / "t.xlsx"
        path.write_bytes(out.getvalue())
        return read_table(path)

    return reader


def told(table: StudyTable, code: str) -> list[str]:
    return [found.message for found in table.findings if found.code == code]


@pytest.mark.parametrize("place", ["XFD1048576", "XFD400", "B1048576"])
def test_a_cell_far_from_the_table_is_refused(
    book: Workbook, read: Read, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Reading it as a rectangle took memory for 16 thousand million cells, and the process died.
    monkeypatch.setattr(workbook_parts, "MOST_PLACES", 1_000_000)
    book.worksheets[0][place] = "far"
    with pytest.raises(DataError, match=r"t\.xlsx: a sheet has cells down to row .* Ctrl\+End"):
        read(book)


def test_a_large_full_sheet_is_not_refused(
    book: Workbook, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook_parts, "MOST_PLACES", 10)
    assert len(read(book).frame) == 2


def test_a_sheet_that_is_seen_comes_before_a_hidden_one(book: Workbook, read: Read) -> None:
    seen = book.copy_worksheet(book.worksheets[0])
    seen.title = "seen"
    seen.delete_rows(3)
    book.worksheets[0].sheet_state = "hidden"
    book.active = 1
    table = read(book)
    assert (table.source.sheet, len(table.frame)) == ("seen", 1)
    seen.delete_cols(1)
    table = read(book)
    assert table.source.sheet == "table"
    assert told(table, "sheet") == [
        "read sheet 'table' (it is hidden), the first with the required columns"
    ]


def test_hidden_rows_are_read_and_told(book: Workbook, read: Read) -> None:
    sheet = book.worksheets[0]
    sheet.row_dimensions[3].hidden = True
    sheet.row_dimensions[900].hidden = True  # below the table, as is done to make a sheet short
    table = read(book)
    assert len(table.frame) == 2
    assert told(table, "hidden-rows") == ["row 3 hidden in the sheet; read like the others"]


@pytest.mark.parametrize(
    ("code", "is_told"), [("0.0%", True), ("0%", True), ('0.0"%"', False), ("0.00", False)]
)
def test_what_is_shown_as_per_cent_is_told(
    book: Workbook, read: Read, code: str, is_told: bool
) -> None:
    cell = book.worksheets[0].cell(row=2, column=list(GOOD).index("mean_treated") + 1)
    cell.value, cell.number_format = 0.205, code
    other = book.create_sheet("notes")
    other["A1"], other["A1"].number_format = 0.5, "0%"
    table = read(book)
    assert table.frame["mean_treated"][2] == 0.205
    found = told(table, "percent-format")
    assert [message.startswith(f"{cell.coordinate}: shown as per cent") for message in found] == (
        [True] if is_told else []
    )


def test_formulas_of_other_sheets_are_not_told(book: Workbook, read: Read) -> None:
    book.create_sheet("sums")["A1"] = "=1+1"
    assert told(read(book), "formula-without-value") == []
    book.worksheets[0]["F3"] = "=1+1"
    assert [message[:4] for message in told(read(book), "formula-without-value")] == ["F3: "]
