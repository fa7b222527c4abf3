"""Workbooks (XLSX, XLS, ODS) and Parquet files to records of printed cells."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from metabone.errors import DataError, MissingExtraError, UsageError
from metabone.extraction.grid import REQUIRED, Raw, column_letter
from metabone.extraction.schema import canonical_column
from metabone.extraction.table import Finding
from metabone.extraction.workbook_parts import refuse_far_cells, sheet_findings
from metabone.options import nearest

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook


def read_workbook(file: str, data: bytes, sheet: str | None) -> Raw:
    """Records of one sheet: the named one, or the first that has the required columns.

    Sheets that are hidden come after those that are seen.

    Raises
    ------
    DataError
        If the workbook cannot be opened, is empty, has a cell too far away, or its header cells are
        merged.
    UsageError
        If there is no sheet of that name.
    MissingExtraError
        If python-calamine is not installed.
    """
    refuse_far_cells(file, data)
    book = _open(file, data)
    with _opening(file):
        names = list(book.sheet_names)
        if not names:
            raise DataError(f"{file} holds no sheet")
        chosen, notes = _choose(file, book, names, sheet)
        records, numbers = _records(chosen.to_python(skip_empty_area=False))
        merged = _refuse_merged_header(file, chosen, records)
    return Raw(
        records=records,
        numbers=numbers,
        about=f"sheet {chosen.name!r} of a workbook"
        + (f" with {len(names)} sheets" if len(names) > 1 else ""),
        sheet=chosen.name,
        findings=(*notes, *merged, *sheet_findings(data, chosen.name)),
    )


@contextlib.contextmanager
def _opening(file: str) -> Iterator[None]:
    """Turn what calamine raises for a damaged workbook into one sentence."""
    import python_calamine

    try:
        yield
    except (python_calamine.CalamineError, OSError, OverflowError) as error:
        raise DataError(
            f"{file} cannot be opened as a workbook ({error}); is it damaged or locked by a "
            "password?"
        ) from error


def _open(file: str, data: bytes) -> CalamineWorkbook:
    try:
        import python_calamine
    except ImportError as error:
        raise MissingExtraError(
            f"{file} is a workbook; reading it needs pip install 'metabone[excel]'"
        ) from error
    with _opening(file):
        return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))


def _choose(
    file: str, book: CalamineWorkbook, names: list[str], sheet: str | None
) -> tuple[CalamineSheet, list[Finding]]:
    if sheet is not None:
        by_folded = {name.casefold(): name for name in names}
        found = by_folded.get(sheet.casefold())
        if found is None:
            close = nearest(sheet, names) or names
            raise UsageError(f"{file} has no sheet {sheet!r}; it has {', '.join(map(repr, close))}")
        return book.get_sheet_by_name(found), []
    from python_calamine import SheetVisibleEnum

    seen = SheetVisibleEnum.Visible
    hidden = {each.name for each in book.sheets_metadata if each.visible != seen}
    sheets = [book.get_sheet_by_name(name) for name in sorted(names, key=hidden.__contains__)]
    tables = [each for each in sheets if _has_required(each)]
    chosen = tables[0] if tables else next((s for s in sheets if s.start is not None), sheets[0])
    if len(names) == 1:
        return chosen, []
    more = [each.name for each in tables[1:]]
    how = " (it is hidden)" if chosen.name in hidden else ""
    message = f"read sheet {chosen.name!r}{how}, the first with the required columns" + (
        f"; {', '.join(map(repr, more))} also has them: name one with --sheet" if more else ""
    )
    return chosen, [Finding(None, None, None, "sheet", "note", message)]


def _has_required(sheet: CalamineSheet) -> bool:
    for record in sheet.to_python(skip_empty_area=False, nrows=50):
        filled = [str(cell) for cell in record if cell != ""]
        if filled:
            return set(REQUIRED) <= {canonical_column(cell) for cell in filled}
    return False


def _records(
    rows: Iterable[Iterable[Any]],
) -> tuple[list[list[str]], frozenset[tuple[int, int]]]:
    records: list[list[str]] = []
    numbers: set[tuple[int, int]] = set()
    for place, row in enumerate(rows):
        cells = list(row)
        records.append([print_cell(cell) for cell in cells])
        numbers.update(
            (place, at)
            for at, cell in enumerate(cells)
            if isinstance(cell, (int, float)) and not isinstance(cell, bool) and cell == cell
        )
    return records, frozenset(numbers)


def print_cell(cell: Any) -> str:
    """A cell of a workbook as text from which the number comes back exactly.

    Examples
    --------
    >>> print_cell(8.0), print_cell(0.1), print_cell(None), print_cell(True)
    ('8', '0.1', '', 'TRUE')
    """
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return str(cell)


def _refuse_merged_header(
    file: str, sheet: CalamineSheet, records: list[list[str]]
) -> list[Finding]:
    top = next((i for i, record in enumerate(records) if any(map(str.strip, record))), 0)
    findings: list[Finding] = []
    for (row, column), (last_row, last_column) in sheet.merged_cell_ranges or ():
        area = f"{column_letter(column)}{row + 1}:{column_letter(last_column)}{last_row + 1}"
        if row <= top <= last_row:
            raise DataError(
                f"{file}: the header cells {area} are merged; give each column one name, in one row"
            )
        message = f"cells {area} are merged; only the first holds the value: unmerge and fill them"
        findings.append(Finding(row + 1, None, None, "merged-cells", "warning", message))
    return findings


def read_parquet(file: str, data: bytes) -> Raw:
    """Records of a Parquet file, with its column names as row 1.

    Raises
    ------
    DataError
        If the file is damaged.
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            f"{file} is a Parquet file; reading it needs pip install 'metabone[excel]'"
        ) from error
    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
        columns = [column.to_pylist() for column in table.columns]
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read as Parquet ({error}); is it damaged?") from error
    rows = zip(*columns, strict=True)
    records, numbers = _records([table.column_names, *rows])
    return Raw(records=records, numbers=numbers, about="a Parquet file")
