"""Printed cells to the canonical columns of the extraction table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metabone.errors import DataError
from metabone.extraction.codes import SEVERITY
from metabone.extraction.delimited import CONTROL
from metabone.extraction.grid import Grid
from metabone.extraction.numbers import (
    MISSING_WORDS,
    DecimalStyle,
    Parsed,
    explain,
    find_decimal,
    is_mark,
    number_style,
    parse_column,
)
from metabone.extraction.schema import (
    BY_NAME,
    COLUMNS,
    IMPLIED_DISPERSION,
    canonical_column,
    fold_header,
)
from metabone.extraction.table import Finding

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_NUMBER = r"[-+−–]?[0-9]+(?:[.,][0-9]+)?\s?%?"
_TWO_NUMBERS = re.compile(rf"{_NUMBER}\s*(?:±|\+/-|\+-|\s|\(|\[)\s*{_NUMBER}\s*[)\]]?\s*[*†‡§#]*")
_DISPERSIONS = ("dispersion_treated", "dispersion_control", "dispersion_sham")


@dataclass(frozen=True, slots=True)
class Built:
    """The table before its words are understood and its values are checked.

    Parameters
    ----------
    frame : canonical columns first, then ``rob_`` columns, then the others.
    printed : cells as the file prints them, under its own names.
    headers : canonical name to the file's own name.
    implied : what the headers of the dispersion columns say they are, or None.
    bad : for each number column which cells are filled but cannot be read.
    """

    frame: pd.DataFrame
    printed: pd.DataFrame
    headers: Mapping[str, str]
    decimal: DecimalStyle
    implied: str | None
    bad: Mapping[str, NDArray[Any]]
    findings: tuple[Finding, ...]


def build(file: str, grid: Grid, separator: str | None) -> Built:
    """Name and type the columns of a grid.

    Raises
    ------
    DataError
        If the headers contradict each other about the kind of dispersion.
    """
    import numpy as np
    import pandas as pd

    index = pd.Index(grid.rows, name="row")
    headers = {canonical_column(name) or name: name for name in grid.header}
    places = {name: grid.header.index(header) for name, header in headers.items()}
    numeric = [name for name in places if name in BY_NAME and BY_NAME[name].kind == "number"]
    decimal = find_decimal(
        grid.columns[places[name]][~grid.native[places[name]]] for name in numeric
    )
    maker = _Maker(grid, headers, decimal, separator)
    made = {name: maker.make(name, place) for name, place in places.items()}
    no_number = pd.Series(np.nan, index=index, dtype=float)
    no_text = pd.Series([None] * len(index), index=index, dtype=object)
    frame = pd.DataFrame(
        {
            name: pd.Series(made[name], index=index, dtype=made[name].dtype)
            if name in made
            else (no_number if BY_NAME[name].kind == "number" else no_text)
            for name in _order(made)
        },
        index=index,
    )
    printed = pd.DataFrame(
        {
            header: pd.Series(cells, index=index, dtype=object)
            for header, cells in zip(grid.header, grid.columns, strict=True)
        },
        index=index,
    )
    if grid.ragged:  # their cells stand under the wrong names
        frame.loc[sorted(grid.ragged)] = None
    implied = _implied_dispersion(file, headers)
    findings = (*_header_notes(headers, grid.top), *maker.summary(), *maker.findings)
    return Built(frame, printed, headers, decimal, implied, maker.bad, findings)


def _order(made: Mapping[str, Any]) -> list[str]:
    known = [column.name for column in COLUMNS]
    rob = [name for name in made if name not in BY_NAME and canonical_column(name) == name]
    return list(dict.fromkeys([*known, *rob, *made]))


def map_unique(cells: NDArray[Any], step: Callable[[str], Any]) -> NDArray[Any]:
    """Apply `step` once to each distinct text; blanks (None) stay."""
    import numpy as np
    import pandas as pd

    codes, found = pd.factorize(cells)
    results = np.empty(len(found) + 1, dtype=object)
    results[:-1] = [step(str(cell)) for cell in found]
    results[-1] = None  # where the code is -1
    return results[codes]


class _Maker:
    """Types one column after the other and remembers what is told about the whole file."""

    def __init__(
        self, grid: Grid, headers: Mapping[str, str], decimal: DecimalStyle, separator: str | None
    ) -> None:
        self.grid = grid
        self.headers = headers
        self.decimal = decimal
        self.separator = separator
        # Only a file that cannot separate by commas, and never writes a point, settles "1,239".
        self.thousands = separator not in (";", "\t") or decimal.points
        self.findings: list[Finding] = []
        self.bad: dict[str, NDArray[Any]] = {}
        self.marks: dict[str, int] = {}
        self.minus = 0
        self.collapsed: dict[str, int] = {}

    def make(self, name: str, place: int) -> NDArray[Any]:
        cells = self.grid.columns[place]
        self._control_characters(name, cells)
        if name in BY_NAME and BY_NAME[name].kind == "number":
            return self._numbers(name, cells, self._parse(cells, place))
        if name not in BY_NAME and canonical_column(name) is None:
            parsed = self._parse(cells, place)
            if self._is_numeric(name, cells, parsed):
                self._count(parsed)
                return parsed.values
            self._two_numbers(name, cells)
        return self._text(name, cells)

    def _parse(self, cells: NDArray[Any], place: int) -> Parsed:
        return parse_column(
            cells,
            decimal=self.decimal.mark,
            thousands_possible=self.thousands,
            native=self.grid.native[place],
        )

    def _count(self, parsed: Parsed) -> None:
        for mark, count in parsed.marks.items():
            self.marks[mark] = self.marks.get(mark, 0) + count
        self.minus += int(parsed.minus.sum())

    def _numbers(self, name: str, cells: NDArray[Any], parsed: Parsed) -> NDArray[Any]:
        self._count(parsed)
        moderator = BY_NAME[name].role == "moderator"
        self.bad[name] = parsed.bad != None  # noqa: E711  (elementwise)
        for at in self.bad[name].nonzero()[0].tolist():
            cell, code = str(cells[at]), str(parsed.bad[at])
            message = explain(cell, code)
            if moderator:
                code, message = "unreadable-moderator", f"{message}; it is taken as blank"
            self._add(at, name, cell, code, message)
        self._point_or_thousands(name, cells)
        return parsed.values

    def _point_or_thousands(self, name: str, cells: NDArray[Any]) -> None:
        if self.separator != ";" or self.decimal.clear_points or self.decimal.commas:
            return
        for at, cell in enumerate(cells):
            if number_style(str(cell).strip()) == "1.239":
                whole = str(cell).strip().replace(".", "")
                message = f"is read as a decimal; in a semicolon file it may also mean {whole}"
                self._add(at, name, str(cell), "point-or-thousands", message)

    def _is_numeric(self, name: str, cells: NDArray[Any], parsed: Parsed) -> bool:
        import numpy as np

        bad = parsed.bad != None  # noqa: E711  (elementwise)
        numbers = int(np.isfinite(parsed.values).sum())
        if numbers and not bad.any():
            return True
        if numbers > 4 and bad.sum() * 10 <= numbers:
            at = int(bad.nonzero()[0][0])
            message = (
                f"{numbers} cells of this column are numbers, {int(bad.sum())} are not; "
                "the column is read as text"
            )
            self._add(at, name, str(cells[at]), "column-mostly-numbers", message)
        return False

    def _two_numbers(self, name: str, cells: NDArray[Any]) -> None:
        """Columns of other people's tables: "0.73 (0.08)" or "12 ± 3" in one cell."""
        for at, cell in enumerate(cells):
            text = str(cell).strip()
            if _TWO_NUMBERS.fullmatch(text):
                message = (
                    "holds two numbers; mean and dispersion are read from columns of their own, "
                    "such as mean_treated and dispersion_treated"
                )
                if text.count("(") != text.count(")"):
                    message = "holds two numbers and a bracket without its partner; cannot be read"
                self._add(at, name, str(cell), "two-numbers-in-cell", message)

    def _text(self, name: str, cells: NDArray[Any]) -> NDArray[Any]:
        import pandas as pd

        counts = pd.Series(cells, dtype=object).value_counts()
        for cell, count in counts.items():
            text = str(cell)
            if is_mark(text, MISSING_WORDS):
                self.marks[text.strip()] = self.marks.get(text.strip(), 0) + int(count)
            elif text != _tidy(text) and _tidy(text) and name not in ("note", "location"):
                self.collapsed[name] = self.collapsed.get(name, 0) + int(count)
        return map_unique(cells, lambda cell: None if is_mark(cell, MISSING_WORDS) else _tidy(cell))

    def _control_characters(self, name: str, cells: NDArray[Any]) -> None:
        for at, cell in enumerate(cells):
            if not cell.isprintable() and (found := CONTROL.search(cell)):
                message = f"holds the control character {ord(found.group()):#04x}; delete it"
                self._add(at, name, cell, "control-character", message)

    def _add(self, at: int, name: str, cell: str, code: str, message: str) -> None:
        row = self.grid.rows[at]
        self.findings.append(Finding(row, self.headers[name], cell, code, SEVERITY[code], message))

    def summary(self) -> list[Finding]:
        """What was understood in many cells alike, once."""
        told: list[tuple[str, str]] = []
        if self.decimal.mark == ",":
            told.append(("decimal-comma", "numbers are read with a decimal comma"))
        if self.marks:
            listed = ", ".join(f"{mark!r} ({count})" for mark, count in self.marks.items())
            told.append(("missing-marks", f"read as blank: {listed}"))
        if self.minus:
            told.append(
                ("unicode-minus", f"a typographic minus is read as - in {self.minus} cells")
            )
        if self.collapsed:
            listed = ", ".join(f"{name} ({count})" for name, count in self.collapsed.items())
            told.append(("blanks-collapsed", f"superfluous blanks are not kept: {listed}"))
        return [Finding(None, None, None, code, "note", message) for code, message in told]


def _tidy(cell: str) -> str | None:
    return " ".join(cell.split()) or None


def _header_notes(headers: Mapping[str, str], row: int) -> list[Finding]:
    findings: list[Finding] = []
    spellings = [
        word for column in COLUMNS for word in (column.name, *column.synonyms) if len(word) > 3
    ]
    for name, header in headers.items():
        if canonical_column(header) is not None:
            if header != name:
                message = f"is read as {name}"
                findings.append(Finding(row, header, None, "column-read-as", "note", message))
            continue
        alike = _lookalike(fold_header(header), spellings)
        if alike and canonical_column(alike) not in headers:
            message = f"is no known column but looks like {alike!r}; kept as a column of its own"
            findings.append(Finding(row, header, None, "unknown-column", "warning", message))
    return findings


def _lookalike(folded: str, spellings: list[str]) -> str | None:
    import difflib

    close = [
        word
        for word in difflib.get_close_matches(folded, spellings, n=3, cutoff=0.84)
        if word[0] == folded[0] and not _same_but_number(word, folded)
    ]
    return close[0] if close else None


def _same_but_number(one: str, other: str) -> bool:
    """Whether two names are a pair on purpose, such as dose and dose_2."""
    return one.strip("0123456789_") == other.strip("0123456789_")


def _implied_dispersion(file: str, headers: Mapping[str, str]) -> str | None:
    """SD, SEM or CI95 if the headers of all dispersion columns say so."""
    present = {name: fold_header(headers[name]) for name in _DISPERSIONS if name in headers}
    said = {name: IMPLIED_DISPERSION.get(folded) for name, folded in present.items()}
    kinds = {kind for kind in said.values() if kind is not None}
    if len(kinds) > 1:
        listed = ", ".join(repr(headers[name]) for name, kind in said.items() if kind)
        raise DataError(
            f"{file}: the columns {listed} hold different kinds of dispersion; "
            "all arms of a row have the same one, named in dispersion_type"
        )
    return kinds.pop() if kinds and None not in said.values() else None
