"""A file of animals as named columns of printed cells: one header row, or two."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabone.errors import DataError, UsageError
from metabone.extraction.grid import column_letter
from metabone.extraction.numbers import clean, number_style
from metabone.extraction.reading import read_bytes, read_raw
from metabone.extraction.schema import fold_header
from metabone.extraction.table import rows_text
from metabone.options import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from metabone.extraction.grid import Raw

#: Stands between the names of an upper and a lower header row.
JOIN = "|"
LISTED = 8


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns of a file as printed.

    Parameters
    ----------
    file, sha256 : where it came from.
    rows : (n,) row numbers as a spreadsheet counts.
    columns : name to (n,) cells as printed, blanks around them removed.
    native : name to (n,) whether the file holds a number itself (a workbook).
    notes : how the file was understood.
    """

    file: str
    sha256: str
    rows: NDArray[Any]
    columns: Mapping[str, NDArray[Any]]
    native: Mapping[str, NDArray[Any]]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def find(self, name: str, role: str) -> str:
        """The column that a name means: its whole name, or the lower part where only one has it.

        Parameters
        ----------
        role : the option that names it, for the message.

        Raises
        ------
        UsageError
            If there is none, or several; a misspelt name is never taken for another one.
        """
        asked = " ".join(name.split())
        for fold in (str, fold_header):
            for lower in (False, True):
                hits = [
                    each
                    for each in self.columns
                    if fold(each.rpartition(JOIN)[2] if lower else each) == fold(asked) != ""
                ]
                if len(hits) == 1:
                    return hits[0]
                if hits:
                    raise UsageError(
                        f"{role} {name!r} may be {_listed(hits)} of {self.file}; give one in full"
                    )
        close = nearest(asked, self.columns, LISTED)
        hint = f"nearest: {_listed(close)}" if close else f"it has {_listed(self.columns)}"
        raise UsageError(f"{self.file} has no column {name!r} ({role}); {hint}")

    def take(self, mask: Any, *notes: str) -> Sheet:
        """The rows where `mask` is true, with further notes."""
        return replace(
            self,
            rows=self.rows[mask],
            columns={name: cells[mask] for name, cells in self.columns.items()},
            native={name: cells[mask] for name, cells in self.native.items()},
            notes=(*self.notes, *notes),
        )


def read_sheet(path: str | Path, *, sheet: str | None = None) -> Sheet:
    """Read a file of animals: CSV (any encoding and separator), workbook or Parquet.

    Two header rows are understood where the second holds words only and the first leaves names
    blank or repeats them: an upper name reaches to the next one, and both are joined by ``|``.

    Raises
    ------
    DataError
        If it is no table: empty, cells below no name, names repeated, rows that are too long or
        too short.
    """
    file, data = read_bytes(path)
    raw = read_raw(file, data, sheet)
    notes = [found.message for found in raw.findings if found.code != "sheet"]
    filled = [place for place, record in enumerate(raw.records) if any(map(str.strip, record))]
    if not filled:
        raise DataError(f"{file} is empty: no cell is filled")
    top, body = filled[0], filled[1:]
    header = [_name(cell) for cell in raw.records[top]]
    if body and _spans_two(header, raw.records[body[0]]):
        header = _joined(header, raw.records[body[0]])
        notes.append(f"the header spans rows {top + 1} and {body[0] + 1}; names joined by {JOIN}")
        body = body[1:]
    blank = filled[-1] - top + 1 - len(filled)
    if blank:
        notes.append(f"empty rows skipped: {blank}")
    if not body:
        raise DataError(f"{file} has a header in row {top + 1} but no row below it")
    _refuse_names(file, header, [(place, raw.records[place]) for place in body])
    return _lay(file, hashlib.sha256(data).hexdigest(), header, body, raw, notes)


def _name(cell: str) -> str:
    return " ".join(cell.replace("\ufeff", "").split())


def _spans_two(header: list[str], second: Sequence[str]) -> bool:
    """Whether the second row is words only, below names that are blank or repeated."""
    words = [clean(cell) for cell in second if cell.strip()]
    if not words or any(number_style(word) for word in words):
        return False
    named = [name for name in header if name]
    under = any(
        cell.strip() and not (header[place] if place < len(header) else "")
        for place, cell in enumerate(second)
    )
    return under or len(set(named)) < len(named)


def _joined(upper: list[str], lower: Sequence[str]) -> list[str]:
    names, group = [], ""
    for place, cell in enumerate(lower):
        group = (upper[place] if place < len(upper) else "") or group
        below = _name(cell)
        names.append(f"{group}{JOIN}{below}" if group and below else below or group)
    return names


def _refuse_names(file: str, header: list[str], body: list[tuple[int, list[str]]]) -> None:
    seen: dict[str, int] = {}
    for place, name in enumerate(header):
        if name and name in seen:
            raise DataError(
                f"{file}: columns {column_letter(seen[name])} and {column_letter(place)} are both "
                f"named {name!r}; give each its own name"
            )
        seen[name] = place
    width = len(header)
    unnamed = [place for place, name in enumerate(header) if not name]
    ragged = []
    for row, record in body:
        for place in unnamed:
            if place < len(record) and record[place].strip():
                raise DataError(
                    f"{file}: column {column_letter(place)} has no name but row {row + 1} holds "
                    f"{record[place].strip()[:40]!r} there; name the column or empty it"
                )
        if len(record) < width or any(map(str.strip, record[width:])):
            ragged.append(row + 1)
    if ragged:
        raise DataError(
            f"{file}: {rows_text(ragged)} do not have {width} cells as the header has; is a text "
            "with the separator in it not in quotation marks?"
        )


def _lay(
    file: str, sha256: str, header: list[str], body: list[int], raw: Raw, notes: list[str]
) -> Sheet:
    import numpy as np

    width = len(header)
    square = np.empty((len(body), width), dtype=object)
    for at, place in enumerate(body):
        square[at] = [cell.strip() for cell in raw.records[place][:width]]
    native = np.zeros((len(body), width), dtype=bool)
    order = {place: at for at, place in enumerate(body)}
    for place, cell in raw.numbers:
        if place in order and cell < width:
            native[order[place], cell] = True
    named = [(place, name) for place, name in enumerate(header) if name]
    return Sheet(
        file=file,
        sha256=sha256,
        rows=np.array(body, dtype=np.int64) + 1,
        columns={name: square[:, place] for place, name in named},
        native={name: native[:, place] for place, name in named},
        notes=tuple(notes),
    )


def _listed(words: Iterable[str]) -> str:
    names = [repr(word[:60]) for word in words]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def join_key(sheet: Sheet, path: str | Path, animal: str) -> Sheet:
    """Add the columns of a key file (such as the code of a blinded study) by animal.

    Parameters
    ----------
    path : a file with one line for each animal: a column named as the animals' column, and others
        that the sheet does not have.
    animal : column of the sheet that names the animal.

    Raises
    ------
    DataError
        If an animal of the sheet is not in the key, or is in it twice.
    UsageError
        If the key has no column of that name, or one that the sheet has too.
    """
    import numpy as np

    key = read_sheet(path)
    name = key.find(animal.rpartition(JOIN)[2], "--id in the key")
    others = [each for each in key.columns if each != name]
    both = [each for each in others if each in sheet.columns]
    if both or not others:
        what = f"repeats {_listed(both)}" if both else "has no further column"
        raise UsageError(f"the key {key.file} {what}; it needs columns that {sheet.file} lacks")
    places: dict[str, int] = {}
    for at, word in enumerate(key.columns[name]):
        if word in places:
            rows = rows_text([int(key.rows[places[word]]), int(key.rows[at])])
            raise DataError(f"{key.file}: {rows} both are animal {word!r}")
        places[word] = at
    ids = sheet.columns[animal]
    lost = sorted({word for word in ids if word and word not in places})
    if lost:
        raise DataError(f"the key {key.file} lacks animals of {sheet.file}: {_listed(lost)}")
    at_key = np.array([places.get(word, -1) for word in ids], dtype=int)
    columns, native = dict(sheet.columns), dict(sheet.native)
    for each in others:
        columns[each] = np.where(at_key >= 0, key.columns[each][at_key], "")
        native[each] = key.native[each][at_key] & (at_key >= 0)
    spare = sorted(set(places) - set(ids) - {""})
    notes = (f"animals of the key without a measurement: {_listed(spare)}",) if spare else ()
    return replace(sheet, columns=columns, native=native, notes=(*sheet.notes, *key.notes, *notes))
