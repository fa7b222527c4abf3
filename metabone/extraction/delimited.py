"""Bytes of a CSV file to records: encoding, separator and quotation marks."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator

from metabone.errors import DataError
from metabone.extraction.grid import Raw
from metabone.extraction.schema import canonical_column
from metabone.extraction.table import Finding

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
# The longer marks first: UTF-32 begins with the mark of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with BOM"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
#: The csv module reads no longer cell than this unless the whole process is told so.
LONGEST_FIELD = 131_072
# A cell in quotation marks, which may be open, or one without.
_CELL = {
    mark: re.compile(rf'(?:^|(?<={mark}))(?:"(?:[^"]|"")*+"?+)?+[^{mark}\r\n]*+')
    for mark in SEPARATORS
}
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def read_delimited(file: str, data: bytes) -> Raw:
    """Records of a CSV file.

    Raises
    ------
    DataError
        If the bytes are no text, or a quotation mark is left open.
    """
    text, encoding, findings = _decode(file, data)
    _refuse_binary(file, text, data)
    told, text = _told_separator(text)
    separator = told or _detect_separator(text)
    # The line "sep=;" is a row of the spreadsheet.
    records = _split(file, text, separator, before=[[]] if told is not None else [])
    return Raw(
        records=records,
        about=f"text in {encoding}, separated by {SEPARATORS.get(separator, repr(separator))}",
        delimited=True,
        encoding=encoding,
        separator=separator,
        findings=findings,
    )


def _decode(file: str, data: bytes) -> tuple[str, str, tuple[Finding, ...]]:
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(codec), name, ()
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{file} begins as {name} but byte {error.start} does not fit: "
                    "the file is damaged or cut off"
                ) from error
    try:
        return data.decode("utf-8"), "UTF-8", ()
    except UnicodeDecodeError as error:
        bad = error.start
    try:
        text, name = data.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        text, name = data.decode("latin-1"), "Latin-1"
    row = data.count(b"\n", 0, bad) + 1
    start = data.rfind(b"\n", 0, bad) + 1
    word = text[max(start, bad - 12) : bad + 12].splitlines()[0]
    message = (
        f"is not UTF-8 (first at line {row}); read as {name}. "
        f"Look whether {word!r} is spelled right"
    )
    return text, name, (Finding(None, None, None, "encoding", "note", message),)


def _refuse_binary(file: str, text: str, data: bytes) -> None:
    if "\0" in text:
        hint = (
            "it may be UTF-16 without its mark; save it as CSV UTF-8"
            if data[1:2] == b"\0" or data[:1] == b"\0"
            else "it is damaged or no text"
        )
        raise DataError(f"{file} holds NUL bytes: {hint}")
    controls = CONTROL.findall(text)
    if len(controls) * 100 > len(text):
        raise DataError(
            f"{file} is no table: it holds control characters such as {ord(controls[0]):#04x}; "
            "CSV, XLSX or Parquet is needed"
        )


def _told_separator(text: str) -> tuple[str | None, str]:
    """The separator of a first line ``sep=;``, which Excel writes and honours."""
    first, _, rest = text.partition("\n")
    told = first.strip("\r\n\ufeff ").casefold()
    if told.startswith("sep=") and told[4:] in SEPARATORS:
        return told[4:], rest
    return None, text


def _detect_separator(text: str) -> str:
    """The separator that gives the header most known names, then most names."""
    lines = text.lstrip("\r\n\ufeff ")
    scores = dict.fromkeys(SEPARATORS, (0, 0))
    for mark in SEPARATORS:
        try:
            header = next(csv.reader(io.StringIO(lines, newline=""), delimiter=mark), [])
        except csv.Error:
            continue
        known = sum(canonical_column(name) is not None for name in header)
        scores[mark] = (known, len(header))
    return max(SEPARATORS, key=lambda mark: scores[mark])


def _split(file: str, text: str, separator: str, before: list[list[str]]) -> list[list[str]]:
    lines = _Lines(text, len(before))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    records = before
    try:
        for record in reader:
            records.append(record)
            lines.done()
    except csv.Error as error:
        place = f"{file}: row {len(records) + 1}"
        cells = _cells_of(text[lines.start :], separator)
        if cells[-1] > LONGEST_FIELD:
            header = next(filter(None, records), [])
            at = len(cells) - 1
            name = f"column {header[at][:40]!r}" if at < len(header) else f"cell {at + 1}"
            raise DataError(
                f"{place}, {name} (line {lines.first} of the file) holds {cells[at]:,} characters, "
                f"where at most {LONGEST_FIELD:,} are read and a spreadsheet has no more than "
                "32,767: is a quotation mark open in this cell?"
            ) from error
        raise DataError(
            f"{place} cannot be split into cells ({error}); "
            f"is a quotation mark open or alone? (line {lines.read} of the file)"
        ) from error
    return records


class _Lines:
    """The lines of a text, and where the record began that is being read from them."""

    def __init__(self, text: str, read: int) -> None:
        self._lines = io.StringIO(text, newline="")
        self._place = self.start = 0
        self.read, self.first = read, read + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.read += 1
        self._place += len(line)
        return line

    def done(self) -> None:
        """A record is complete: the next one begins at the next line."""
        self.start, self.first = self._place, self.read + 1


def _cells_of(text: str, separator: str) -> list[int]:
    """Length of the cells of a record up to the first that is too long to be read."""
    cells: list[int] = []
    for found in _CELL[separator].finditer(text):
        cells.append(len(found[0]))
        if cells[-1] > LONGEST_FIELD or text[found.end() : found.end() + 1] != separator:
            break
    return cells
