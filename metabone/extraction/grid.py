"""A file as rows of printed cells: what every format is turned into before it is understood."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from metabone.errors import DataError
from metabone.extraction.numbers import MISSING_MARKS, clean, is_mark, number_style
from metabone.extraction.schema import BY_NAME, canonical_column, fold_header
from metabone.extraction.table import Finding

if TYPE_CHECKING:
    from numpy.typing import NDArray

REQUIRED = tuple(column.name for column in BY_NAME.values() if column.required)
_HEADER_WORDS = frozenset(
    ("n", "mean", "sd", "sem", "se", "ci", "median", "unit", "units", "treated", "control", "sham",
     "value", "weeks", "number", "min", "max", "q1", "q3", "study", "outcome", "exosome", "vehicle")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Raw:
    """Records of a file in its order, blank ones included, so that they count as rows.

    Parameters
    ----------
    records : cells of each record as text.
    numbers : places ``(record, cell)`` where the file holds a number itself (a workbook).
    about : how it was read, in words, for messages about the whole file.
    delimited : whether records may differ in length (CSV).
    findings : what reading the bytes already found.
    """

    records: list[list[str]]
    about: str
    numbers: frozenset[tuple[int, int]] = frozenset()
    delimited: bool = False
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """A rectangle of printed cells below a header with unique names.

    Parameters
    ----------
    header : names as the file prints them, blanks around them removed.
    top : row number of the header.
    rows : row number of each record, as a spreadsheet counts.
    columns : for each name its cells as printed.
    native : for each name which cells are numbers in the file itself.
    ragged : rows with more or fewer cells than the header.
    """

    header: tuple[str, ...]
    top: int
    rows: tuple[int, ...]
    columns: tuple[NDArray[Any], ...]
    native: tuple[NDArray[Any], ...]
    ragged: frozenset[int] = frozenset()
    findings: tuple[Finding, ...] = field(default=())


def column_letter(place: int) -> str:
    """What a spreadsheet calls the column at `place` (counted from 0).

    Examples
    --------
    >>> column_letter(0), column_letter(27)
    ('A', 'AB')
    """
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def to_grid(file: str, raw: Raw) -> Grid:
    """Find the header and lay the records below it.

    Raises
    ------
    DataError
        If the file is no table: empty, no row below the header, a header over two rows or below
        a title, required columns missing, names repeated, cells below no name.
    """
    top = next((i for i, record in enumerate(raw.records) if _filled(record)), None)
    if top is None:
        raise DataError(f"{file} is empty: no cell is filled")
    header = [_name(cell) for cell in raw.records[top]]
    body = [(i, raw.records[i]) for i in range(top + 1, len(raw.records))]
    filled = [(i, record) for i, record in body if _filled(record)]
    _refuse_two_headers(file, header, top, filled)
    _refuse_missing(file, header, top, filled, raw)
    _refuse_repeats(file, header)
    if not filled:
        raise DataError(f"{file} has a header in row {top + 1} but no row below it")
    width = _width(file, header, filled, raw)
    grid = _lay(header[:width], top, filled, raw)
    return replace(grid, findings=(*_blank_rows(body, filled), *grid.findings))


def _name(cell: str) -> str:
    return " ".join(cell.replace("\ufeff", "").split())


def _filled(record: Sequence[str]) -> bool:
    return any(cell and not cell.isspace() for cell in record)


def _refuse_two_headers(
    file: str, header: list[str], top: int, filled: list[tuple[int, list[str]]]
) -> None:
    if not filled:
        return
    second, record = filled[0]
    cells = [*record, *[""] * (len(header) - len(record))]
    words = [cell for cell in cells if cell.strip()]
    numeric = any(number_style(clean(cell)) for cell in words)
    under_blank = sum(
        bool(cell.strip()) for name, cell in zip(header, cells, strict=False) if not name
    )
    known = [canonical_column(name) for name in header]
    in_numbers = [
        clean(cell)
        for name, cell in zip(known, cells, strict=False)
        if name is not None and name in BY_NAME and BY_NAME[name].kind == "number" and cell.strip()
    ]
    worded = [cell for cell in in_numbers if cell[0].isalpha() and not is_mark(cell, MISSING_MARKS)]
    unnamed = any(
        name in REQUIRED and not cell.strip() for name, cell in zip(known, cells, strict=False)
    ) or any(fold_header(cell) in _HEADER_WORDS for cell in worded)
    all_words = len(worded) >= 2 and len(worded) == len(in_numbers)
    if (under_blank >= 2 and not numeric) or (all_words and unnamed):
        raise DataError(
            f"{file}: the header spans two rows ({top + 1} and {second + 1}); "
            "give each column one name, in one row"
        )


def _refuse_missing(
    file: str, header: list[str], top: int, filled: list[tuple[int, list[str]]], raw: Raw
) -> None:
    found = {canonical_column(name) for name in header}
    missing = [name for name in REQUIRED if name not in found]
    if not missing:
        return
    for place, record in filled[:20]:
        if all(name in {canonical_column(_name(cell)) for cell in record} for name in REQUIRED):
            raise DataError(
                f"{file}: the column names are in row {place + 1}; "
                f"delete the rows above it (row {top + 1} holds {_shown(header)})"
            )
    alike = [
        f"{word!r} looks like {name!r}"
        for name in missing
        for word in header
        if name in fold_header(word).split("_")
        or difflib.SequenceMatcher(None, name, fold_header(word)).ratio() > 0.75
    ][:3]
    hint = f"; {' and '.join(alike)}" if alike else ""
    plural = "columns" if len(missing) > 1 else "column"
    raise DataError(
        f"{file} has no {plural} {' and '.join(map(repr, missing))}{hint}; "
        f"it was read as {raw.about} and row {top + 1} holds {_shown(header)}"
    )


def _shown(header: list[str]) -> str:
    names = [name for name in header if name]
    listed = ", ".join(repr(name[:40]) for name in names[:5])
    return listed + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _refuse_repeats(file: str, header: list[str]) -> None:
    seen: dict[str, int] = {}
    for place, name in enumerate(header):
        if not name:
            continue
        key = canonical_column(name) or name
        if key in seen:
            first = seen[key]
            raise DataError(
                f"{file}: columns {column_letter(first)} ({header[first]!r}) and "
                f"{column_letter(place)} ({name!r}) both mean {key!r}; keep one of them"
            )
        seen[key] = place


def _width(file: str, header: list[str], filled: list[tuple[int, list[str]]], raw: Raw) -> int:
    """Columns up to the last named one; cells below no name are refused, not dropped."""
    unnamed = [place for place, name in enumerate(header) if not name]
    for place in unnamed:
        for row, record in filled:
            if place < len(record) and record[place].strip():
                raise DataError(
                    f"{file}: column {column_letter(place)} has no name but row {row + 1} holds "
                    f"{record[place].strip()[:40]!r} there; name the column or empty it"
                )
    return max(place for place, name in enumerate(header) if name) + 1


def _lay(header: list[str], top: int, filled: list[tuple[int, list[str]]], raw: Raw) -> Grid:
    import numpy as np

    width = len(header)
    findings: list[Finding] = []
    ragged: set[int] = set()
    cells: list[list[str]] = []
    names, first = [fold_header(name) for name in header], header[0].casefold()
    for place, record in filled:
        row = place + 1
        if raw.delimited and (len(record) < width or _filled(record[width:])):
            ragged.add(row)
            findings.append(_ragged(row, len(record), width))
        cells.append([*record[:width], *[""] * (width - len(record))])
        if record[0].strip().casefold() == first and (
            [fold_header(cell) for cell in record[:width]] == names
        ):
            ragged.add(row)
            findings.append(
                Finding(row, None, None, "repeated-header", "error",
                        "repeats the header; delete the row")
            )  # fmt: skip
    square = np.empty((width, len(cells)), dtype=object)
    square[:] = np.array(cells, dtype=object).T
    order = {place: position for position, (place, _) in enumerate(filled)}
    native = np.zeros((width, len(cells)), dtype=bool)
    for place, cell in raw.numbers:
        if place in order and cell < width:
            native[cell, order[place]] = True
    kept = [place for place, name in enumerate(header) if name]
    return Grid(
        header=tuple(header[place] for place in kept),
        top=top + 1,
        rows=tuple(place + 1 for place, _ in filled),
        columns=tuple(square[place] for place in kept),
        native=tuple(native[place] for place in kept),
        ragged=frozenset(ragged),
        findings=tuple(findings),
    )


def _ragged(row: int, cells: int, width: int) -> Finding:
    hint = (
        "is a text with the separator in it, or a decimal comma, not in quotation marks?"
        if cells > width
        else "is the row cut off?"
    )
    message = f"has {cells} cells where the header has {width}; {hint} The row is not read"
    return Finding(row, None, None, "ragged-row", "error", message)


def _blank_rows(
    body: list[tuple[int, list[str]]], filled: list[tuple[int, list[str]]]
) -> tuple[Finding, ...]:
    last = filled[-1][0]
    blank = [place + 1 for place, record in body if place < last and not _filled(record)]
    if not blank:
        return ()
    listed = ", ".join(map(str, blank[:10])) + (", …" if len(blank) > 10 else "")
    message = f"{len(blank)} empty row{'s' if len(blank) > 1 else ''} skipped ({listed})"
    return (Finding(None, None, None, "blank-rows", "note", message),)
