"""A file to a validated StudyTable."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from metabone.errors import DataError, UsageError
from metabone.extraction.columns import build
from metabone.extraction.delimited import read_delimited
from metabone.extraction.grid import Raw, to_grid
from metabone.extraction.shipped import find_dataset, unknown_dataset
from metabone.extraction.table import Finding, Source, StudyTable
from metabone.extraction.validate import validate
from metabone.extraction.words import canonical_words
from metabone.extraction.workbook import read_parquet, read_workbook
from metabone.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from metabone.vocabulary import Vocabulary

# What a file is, is read from its first bytes: a wrong ending is common.
_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_PARQUET = b"PAR1"


def read_table(
    path: str | Path, *, vocabulary: Vocabulary | None = None, sheet: str | None = None
) -> StudyTable:
    """Read an extraction table and check every cell of it.

    Problems of rows are findings of the table, all at once; nothing is dropped or changed
    silently.

    Parameters
    ----------
    path : a CSV, XLSX, XLS, ODS or Parquet file, the name of a shipped data set, or ``-`` for
        standard input.
    vocabulary : the words to understand; the shipped ones by default.
    sheet : sheet of a workbook; by default the first that has the required columns.

    Raises
    ------
    DataError
        If the file is no table: missing, empty, not decodable, two header rows, a required column
        missing, two columns of one meaning.
    UsageError
        If there is no such sheet.
    MissingExtraError
        If the format needs a library that is not installed.

    Examples
    --------
    >>> table = read_table("unloading")
    >>> len(table.frame), len(table.errors)
    (483, 0)
    """
    return parse_table(*read_bytes(path), vocabulary=vocabulary, sheet=sheet)


def parse_table(
    file: str, data: bytes, *, vocabulary: Vocabulary | None = None, sheet: str | None = None
) -> StudyTable:
    """The table that the bytes of a file hold; see `read_table`.

    Parameters
    ----------
    file : name of the file, for messages.
    data : its bytes.

    Examples
    --------
    >>> len(parse_table("a.csv", b"study,outcome\\nA 2020,BMD\\n").frame)
    1
    """
    raw = read_raw(file, data, sheet)
    grid = to_grid(file, raw)
    built = build(file, grid, raw.separator)
    words = load_vocabulary() if vocabulary is None else vocabulary
    frame, read_as = canonical_words(built.frame, built.headers, words)
    frame, findings = validate(frame, built, words)
    found = (*raw.findings, *grid.findings, *built.findings, *read_as, *findings)
    return StudyTable(
        frame=frame,
        printed=built.printed,
        source=Source(
            file=file,
            sha256=hashlib.sha256(data).hexdigest(),
            rows=len(frame),
            encoding=raw.encoding,
            separator=raw.separator,
            decimal=built.decimal.mark,
            sheet=raw.sheet,
        ),
        vocabulary=words,
        findings=_settle(found, frozenset(frame["exclude"].dropna().index), grid.ragged),
    )


def _settle(
    findings: tuple[Finding, ...], excluded: frozenset[int], ragged: frozenset[int]
) -> tuple[Finding, ...]:
    """In row order; a row that `exclude` keeps out has no errors left, a ragged one only that."""
    kept = [
        replace(found, severity="note", message=f"{found.message} (the row is excluded)")
        if found.severity == "error"
        and found.row in excluded
        and found.code != "exclude-not-a-reason"
        else found
        for found in findings
        if found.row not in ragged or found.code in ("ragged-row", "repeated-header")
    ]
    return tuple(sorted(kept, key=lambda found: -1 if found.row is None else found.row))


def read_bytes(path: str | Path) -> tuple[str, bytes]:
    """Name and bytes of a file, a shipped data set, or standard input (``-``).

    Raises
    ------
    DataError
        If it does not exist or cannot be read.
    """
    file = str(path)
    if file == "-":
        return file, sys.stdin.buffer.read()
    place = Path(file)
    try:
        if not place.is_file():
            place = find_dataset(file) or place
        return file, place.read_bytes()
    except FileNotFoundError as error:
        raise DataError(_missing(file)) from error
    except IsADirectoryError as error:
        raise DataError(f"{file} is a folder; give the name of a file in it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{file!r} cannot be read: {reason}") from error


def _missing(file: str) -> str:
    if Path(file).suffix or len(Path(file).parts) > 1:
        return f"the file {file} does not exist"
    return f"the file {file} does not exist, and {unknown_dataset(file)}"


def read_raw(file: str, data: bytes, sheet: str | None = None) -> Raw:
    """Records of a file of any format, as printed; errors as in `read_table`."""
    if not data:
        raise DataError(f"{file} is empty (0 bytes)")
    if data.startswith(_WORKBOOK):
        return read_workbook(file, data, sheet)
    if sheet is not None:
        raise UsageError(f"--sheet {sheet!r} is for workbooks, but {file} is none")
    if data.startswith(_PARQUET):
        return read_parquet(file, data)
    return read_delimited(file, data)
