"""Bytes of a CSV file to records: encoding, separator and quotation marks."""

from __future__ import annotations

import codecs
import csv
import io
import re

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
    records = _split(file, text, separator)
    if told is not None:
        records.insert(0, [])  # the line "sep=;" is a row of the spreadsheet
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


def _split(file: str, text: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    records: list[list[str]] = []
    try:
        records.extend(reader)
    except csv.Error as error:
        start = len(records) + 1
        raise DataError(
            f"{file}: row {start} cannot be split into cells ({error}); "
            f"is a quotation mark open or alone? (line {reader.line_num} of the file)"
        ) from error
    return records
