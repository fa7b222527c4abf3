"""An export as named columns of printed cells, and the columns that an importer asks for."""

from __future__ import annotations

import hashlib
import io
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from metabone.errors import DataError
from metabone.extraction.grid import Raw, column_letter
from metabone.extraction.importers.results import LedgerLine
from metabone.extraction.numbers import (
    MISSING_WORDS,
    Decimal,
    clean,
    find_decimal,
    is_mark,
    number_style,
    parse_number,
)
from metabone.extraction.reading import read_bytes, read_raw
from metabone.extraction.table import Source, rows_text
from metabone.options import nearest

Value = str | float | None

# What a second column of one name gets behind it.
_NUMBERED = re.compile(r" \(\d+\)$")
# How many missing columns a message lists.
_LISTED = 4
# Headers, folded, by which an export of each kind is known; any one set of them suffices.
_SIGNS: Mapping[str, tuple[frozenset[str], ...]] = {
    "syrf": (frozenset({"cohortid", "numberofanimals"}),),
    "revman": (
        frozenset({"experimentaln", "controln", "study"}),
        frozenset({"total1", "total2", "comparisonnumber"}),
    ),
    "metadigitise": (frozenset({"filename", "groupid", "variable"}),),
    "metafor": (frozenset({"yi", "vi"}), frozenset({"m1i", "m2i"})),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column that an importer asks for.

    Parameters
    ----------
    name : what the importer calls it.
    spellings : headers that mean it; letter case, blanks and punctuation do not matter.
    required : whether the export must have it.
    number : whether its cells are numbers.
    """

    name: str
    spellings: tuple[str, ...]
    required: bool = False
    number: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of an export below one header.

    Parameters
    ----------
    source : the file.
    header : names as printed, each once: a second column of one name gets `` (2)``.
    rows : row numbers, as a spreadsheet counts.
    records : cells as printed, one for each name.
    native : places (position, column) where a workbook holds a number itself.
    places : the asked-for columns that are there: name to position in the header.
    decimal : decimal mark of the file.
    thousands : whether ``1,239`` may also mean 1239.
    ledger : rows that could not be read.
    notes : how the file was understood.
    """

    source: Source
    header: tuple[str, ...]
    rows: tuple[int, ...]
    records: tuple[tuple[str, ...], ...]
    native: frozenset[tuple[int, int]]
    places: Mapping[str, int]
    decimal: Decimal
    thousands: bool
    ledger: tuple[LedgerLine, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, name: str) -> bool:
        return name in self.places

    def text(self, at: int, name: str) -> str | None:
        """A cell as a word, blanks around it removed; None if it is blank or not there."""
        if name not in self.places:
            return None
        cell = self.records[at][self.places[name]]
        return None if is_mark(cell, MISSING_WORDS) else " ".join(cell.split()) or None

    def value(self, at: int, name: str) -> Value:
        """A cell as a number; as printed if it is none; None if it is blank or not there."""
        if name not in self.places:
            return None
        return self.cell(at, self.places[name])

    def number(self, at: int, name: str) -> float:
        """A cell as a number; NaN if it is none."""
        value = self.value(at, name)
        return value if isinstance(value, float) else math.nan

    def cell(self, at: int, place: int) -> Value:
        """Any cell as a number, as printed, or None."""
        printed = self.records[at][place]
        if (at, place) in self.native:
            return float(printed)
        return _understood(printed, self.decimal, self.thousands)

    def kept(self, place: int) -> list[str | None]:
        """A column that is only carried along: its cells as printed, with a decimal point."""
        cells = [record[place] for record in self.records]
        if self.decimal == ",":
            cells = [
                printed if (at, place) in self.native else self._with_point(printed)
                for at, printed in enumerate(cells)
            ]
        return [printed if printed and not printed.isspace() else None for printed in cells]

    def _with_point(self, printed: str) -> str:
        style = number_style(clean(printed))
        if style == "," or (style == "1,239" and not self.thousands):
            return clean(printed).replace(",", ".")
        return printed


@lru_cache(maxsize=65536)
def _understood(printed: str, decimal: Decimal, thousands: bool) -> Value:
    """A printed cell as a number, as it is, or None; exports repeat their cells."""
    if thousands and number_style(clean(printed)) == "1,239":
        return printed
    try:
        value = parse_number(printed, decimal)
    except ValueError:
        return printed
    return None if math.isnan(value) else value


def fold(header: str) -> str:
    """A header without anything but its letters and digits, in lower case.

    Examples
    --------
    >>> fold("DiseaseModelId(s)")
    'diseasemodelids'
    """
    return "".join(mark for mark in header.casefold() if mark.isalnum())


def open_export(path: str | Path, sheet: str | None) -> tuple[Source, Raw]:
    """How a file was read, and its records before they are understood."""
    file, data = read_bytes(path)
    _refuse_archive(file, data)
    raw = read_raw(file, data, sheet)
    source = Source(
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        rows=0,
        encoding=raw.encoding,
        separator=raw.separator,
        sheet=raw.sheet,
    )
    return source, raw


def _refuse_archive(file: str, data: bytes) -> None:
    """RevMan and WebPlotDigitizer hand out archives: name what is in them."""
    if not data.startswith(b"PK\x03\x04"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return
    tables = [name for name in names if name.casefold().endswith((".csv", ".tsv", ".txt"))]
    if tables:
        listed = ", ".join(repr(name) for name in tables[:6])
        more = f" and {len(tables) - 6} more" if len(tables) > 6 else ""
        raise DataError(f"{file} is a ZIP archive; unpack it and give one of {listed}{more}")


def read_sheet(
    path: str | Path, kind: str, fields: Sequence[Field], *, sheet: str | None = None
) -> Sheet:
    """Read an export and find the columns that are asked for.

    Raises
    ------
    DataError
        If the file is no table, has no row below its header, lacks a required column (named,
        with the nearest that is there), or has two columns of one meaning.
    UsageError, MissingExtraError
        As `metabone.extraction.reading.read_table`.
    """
    source, raw = open_export(path, sheet)
    top = next((at for at, record in enumerate(raw.records) if filled(record)), None)
    if top is None:
        raise DataError(f"{source.file} is empty: no cell is filled")
    body = [
        (at, raw.records[at]) for at in range(top + 1, len(raw.records)) if filled(raw.records[at])
    ]
    if not body:
        raise DataError(f"{source.file} has a header in row {top + 1} but no row below it")
    header = _header(source.file, raw.records[top], body)
    places = _places(source.file, kind, header, fields, top)
    good, ledger = _readable(header, body, raw)
    records = tuple(
        (*record[: len(header)], *[""] * (len(header) - len(record))) for _, record in good
    )
    order = {at: position for position, (at, _) in enumerate(good)}
    native = frozenset(
        (order[at], place) for at, place in raw.numbers if at in order and place < len(header)
    )
    style = find_decimal(
        [record[places[field.name]] for record in records]
        for field in fields
        if field.number and field.name in places
    )
    made = Sheet(
        source=replace(source, rows=len(body), decimal=style.mark),
        header=tuple(header),
        rows=tuple(at + 1 for at, _ in good),
        records=records,
        native=native,
        places=places,
        decimal=style.mark,
        thousands=raw.separator not in (";", "\t") or style.points,
        ledger=tuple(ledger),
        notes=(),
    )
    return replace(made, notes=(*_notes(raw, made, top, body), *_rivals(made, fields)))


def filled(record: Sequence[str]) -> bool:
    """Whether any cell of a record holds something."""
    return any(cell and not cell.isspace() for cell in record)


def _header(file: str, record: Sequence[str], body: Sequence[tuple[int, list[str]]]) -> list[str]:
    """Unique names; columns without name and content at the end are cut off."""
    names = [" ".join(cell.replace("\ufeff", "").split()) for cell in record]
    held = {
        place
        for place, name in enumerate(names)
        if not name and any(place < len(cells) and cells[place].strip() for _, cells in body)
    }
    while names and not names[-1] and len(names) - 1 not in held:
        names.pop()
    counts: dict[str, int] = {}
    header: list[str] = []
    for place, printed in enumerate(names):
        name = printed or f"column {column_letter(place)}"
        counts[name] = counts.get(name, 0) + 1
        header.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise DataError(f"{file} has two columns {twice!r}; name them differently")
    return header


def _places(
    file: str, kind: str, header: Sequence[str], fields: Sequence[Field], top: int
) -> dict[str, int]:
    folded: dict[str, list[int]] = {}
    for place, name in enumerate(header):
        folded.setdefault(fold(name), []).append(place)
    places: dict[str, int] = {}
    for field in fields:
        found = [at for word in field.spellings for at in folded.get(fold(word), ())]
        if len(found) > 1 and field.required:
            listed = " and ".join(repr(header[at]) for at in found[:2])
            raise DataError(f"{file}: columns {listed} both mean {field.name}; keep one of them")
        if found:
            places[field.name] = found[0]
    missing = [field for field in fields if field.required and field.name not in places]
    if missing:
        shown = ", ".join(repr(name[:40]) for name in header[:5])
        more = f" and {len(header) - 5} more" if len(header) > 5 else ""
        lacks = "; no column ".join(_absent(field, header) for field in missing[:_LISTED])
        if len(missing) > _LISTED:
            lacks += f"; {len(missing) - _LISTED} more are missing"
        raise DataError(
            f"{file} is no {kind} export: no column {lacks} "
            f"(row {top + 1} holds {shown}{more}){advice(kind, header)}"
        )
    return places


def advice(kind: str, header: Sequence[str]) -> str:
    """What to do if the columns are those of another program; empty if they are of none.

    Examples
    --------
    >>> advice("revman", ["CohortId", "NumberOfAnimals"])
    "; its columns are those of 'metabone import syrf'"
    """
    names = {fold(name) for name in header}
    other = [
        one
        for one, signs in _SIGNS.items()
        if one != kind.casefold() and any(sign <= names for sign in signs)
    ]
    return f"; its columns are those of 'metabone import {other[0]}'" if other else ""


def _rivals(sheet: Sheet, fields: Sequence[Field]) -> list[str]:
    """Notes on columns that mean what another column already means.

    Raises
    ------
    DataError
        If two columns of one name, one of which is asked for, differ.
    """
    plain = [fold(_NUMBERED.sub("", name)) for name in sheet.header]
    notes = []
    for field in fields:
        if field.name not in sheet:
            continue
        used = sheet.places[field.name]
        spellings = {fold(word) for word in field.spellings}
        for place, name in enumerate(plain):
            if place == used or name not in spellings:
                continue
            mine, other = sheet.header[used], sheet.header[place]
            alike = all(record[used] == record[place] for record in sheet.records)
            if name == plain[used] and not alike:
                raise DataError(
                    f"{sheet.source.file} has two columns {mine!r} that differ; keep one of them"
                )
            how = "repeats" if alike else "may mean the same as"
            notes.append(f"column {other!r} {how} {mine!r}, which is used")
    return notes


def _absent(field: Field, header: Sequence[str]) -> str:
    close = nearest(field.spellings[0], header, n=1)
    hint = f", the nearest is {close[0]!r}" if close else ""
    return f"{field.spellings[0]!r}{hint}"


def _readable(
    header: Sequence[str], body: Sequence[tuple[int, list[str]]], raw: Raw
) -> tuple[list[tuple[int, list[str]]], list[LedgerLine]]:
    """The rows with as many cells as the header, and ledger lines of the others."""
    width, names = len(header), [fold(name) for name in header]
    good: list[tuple[int, list[str]]] = []
    ledger: list[LedgerLine] = []
    for at, record in body:
        if raw.delimited and (len(record) < width or filled(record[width:])):
            reason = f"has {len(record)} cells where the header has {width}"
            ledger.append(LedgerLine(at + 1, code="ragged-row", reason=reason))
        elif fold(record[0]) == names[0] and [fold(cell) for cell in record[:width]] == names:
            ledger.append(LedgerLine(at + 1, code="repeated-header", reason="repeats the header"))
        else:
            good.append((at, record))
    return good, ledger


def _notes(
    raw: Raw, sheet: Sheet, top: int, body: Sequence[tuple[int, list[str]]]
) -> tuple[str, ...]:
    notes = [found.message for found in raw.findings if found.code != "sheet"]
    if raw.sheet is not None and any(found.code == "sheet" for found in raw.findings):
        notes.append(f"read sheet {raw.sheet!r}; name another with --sheet")
    if sheet.decimal == ",":
        notes.append("numbers are read with a decimal comma and written with a point")
    used = {at for at, _ in body}
    blank = [at + 1 for at in range(top + 1, body[-1][0]) if at not in used]
    if blank:
        verb = "is" if len(blank) == 1 else "are"
        notes.append(f"{rows_text(blank)} {verb} empty")
    bad = sheet.source.rows - len(sheet)
    if bad:
        notes.append(f"{bad} rows could not be read and are in the ledger")
    return tuple(notes)
