"""Printed cells of a file of animals as numbers, or an error that lists what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, cast

from metabone.errors import DataError, UsageError
from metabone.extraction.animals.sheet import Sheet
from metabone.extraction.numbers import Decimal, clean, explain, find_decimal, parse_column

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN = 5
_GROUPED = {
    ".": re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?"),
    ",": re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]*)?"),
}


class Numbers:
    """Reads columns of one file with one decimal mark.

    Parameters
    ----------
    sheet : the file.
    columns : the columns that will be read; the mark is found from all of them.
    decimal : ``auto``, or the mark; then the other mark may stand after thousands.
    """

    def __init__(self, sheet: Sheet, columns: Iterable[str], decimal: str = "auto") -> None:
        if decimal not in ("auto", ".", ","):
            raise UsageError(f"decimal must be one of 'auto', '.', ','; got {decimal!r}")
        style = find_decimal(
            sheet.columns[name][~sheet.native[name]] for name in dict.fromkeys(columns)
        )
        self.told = decimal != "auto"
        self.mark: Decimal = cast("Literal['.', ',']", decimal) if self.told else style.mark
        self.sheet = sheet
        self.thousands = not self.told and (self.mark == "." or style.points)
        self.ungrouped = 0
        self.marks: dict[str, int] = {}
        self._problems: list[str] = []
        self._count = 0

    def read(self, name: str, where: NDArray[Any] | None = None) -> NDArray[Any]:
        """(n,) float64, NaN where blank or marked as missing; problems are kept for `finish`.

        Parameters
        ----------
        where : (n,) cells to read; the others are NaN.
        """
        import numpy as np

        cells, native = self.sheet.columns[name], self.sheet.native[name]
        if where is not None:
            cells = np.where(where, cells, "")
            native = native & where
        if self.told:
            cells = self._without_thousands(cells, native)
        parsed = parse_column(
            cells, decimal=self.mark, thousands_possible=self.thousands, native=native
        )
        for mark, count in parsed.marks.items():
            self.marks[mark] = self.marks.get(mark, 0) + count
        bad = np.array([code is not None for code in parsed.bad], dtype=bool).nonzero()[0]
        self._count += len(bad)
        for at in bad[: max(SHOWN - len(self._problems), 0)].tolist():
            cell = str(cells[at])
            self._problems.append(
                f"row {int(self.sheet.rows[at])}, column {name} ({cell[:40]!r}) "
                f"{explain(cell[:200], parsed.bad[at])}"
            )
        return parsed.values

    def finish(self) -> tuple[str, ...]:
        """Notes on how numbers were read.

        Raises
        ------
        DataError
            If any cell could not be read; it lists them.
        """
        if self._count:
            more = f"; and {self._count - SHOWN} more" if self._count > SHOWN else ""
            hint = "" if self.told else " (for thousands marks, say --decimal)"
            what = (
                "1 cell is no number" if self._count == 1 else f"{self._count} cells are no numbers"
            )
            raise DataError(f"{self.sheet.file}: {what}: {'; '.join(self._problems)}{more}{hint}")
        notes = []
        if self.mark == ",":
            notes.append("numbers were read with a decimal comma")
        if self.ungrouped:
            notes.append(f"numbers read without their thousands marks: {self.ungrouped}")
        if self.marks:
            listed = ", ".join(f"{mark!r} ({count})" for mark, count in sorted(self.marks.items()))
            notes.append(f"read as missing: {listed}")
        return tuple(notes)

    def _without_thousands(self, cells: NDArray[Any], native: NDArray[Any]) -> NDArray[Any]:
        import numpy as np

        other, pattern = ("," if self.mark == "." else "."), _GROUPED[self.mark]
        grouped = np.array([bool(pattern.fullmatch(clean(str(cell)))) for cell in cells], bool)
        grouped &= ~native
        self.ungrouped += int(grouped.sum())
        plain = [
            str(cell).replace(other, "") if many else cell
            for cell, many in zip(cells, grouped, strict=True)
        ]
        out = np.empty(len(cells), dtype=object)
        out[:] = plain
        return out
