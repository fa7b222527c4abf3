"""The table as the rules of the audit see it: arrays, printed digits, and one way to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabone.extraction.audit.codes import LOOK_UP
from metabone.extraction.audit.results import WARNING_FROM, Suspicion
from metabone.extraction.rows import Rows
from metabone.extraction.schema import canonical_column
from metabone.extraction.table import StudyTable

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Objects = NDArray[Any]
Correction = Mapping[str, Any] | None


class Sheet(Rows):
    """All rows of a validated table, with the ways of telling a suspicion.

    Every array has one element for each row, in order. Numbers are NaN and words None where a
    cell is blank.
    """

    @classmethod
    def of(cls, table: StudyTable) -> Sheet:
        """The sheet of a table that was read."""
        printed = table.printed
        headers = {canonical_column(str(name)) or str(name): str(name) for name in printed}
        return cls(table.frame, printed, headers, {}, table.vocabulary)

    @cached_property
    def excluded(self) -> Bools:
        """Where the column ``exclude`` keeps the row out."""
        return np.asarray(self.filled("exclude"), dtype=bool)

    def tell(
        self,
        at: int,
        columns: Sequence[str],
        code: str,
        strength: float,
        message: str,
        *,
        rows: Sequence[int] = (),
        correction: Correction = None,
        note: bool = False,
    ) -> Suspicion:
        """The suspicion about the row at a place; `rows` are places of the other rows involved."""
        shown = min(max(float(strength), 0.0), 1.0)
        quiet = note or shown < WARNING_FROM or bool(self.excluded[at])
        return Suspicion(
            row=self.row(at),
            rows=tuple(self.row(int(other)) for other in rows),
            columns=tuple(self.headers.get(name, name) for name in columns),
            value=self.cell(at, columns[0]) if columns else None,
            code=code,
            severity="note" if quiet else "warning",
            strength=round(shown, 4),
            message=message,
            look_up=LOOK_UP[code],
            correction=correction,
        )

    @cached_property
    def _halves(self) -> dict[str, Floats]:
        return {}

    def half_digit(self, name: str) -> Floats:
        """(rows,) half of one unit of the last printed decimal of a number column."""
        known = self._halves
        if name not in known:
            cells = self.cells(name)
            known[name] = _half_digits(cells) if name in self.headers else np.zeros(len(self))
        return known[name]

    def extra(self, *names: str) -> Objects | None:
        """The first further column of one of these names (as folded headers), or None."""
        by_name = {_folded(str(name)): str(name) for name in self.frame}
        for name in names:
            if name in by_name:
                return self._arrays[by_name[name]]
        return None

    def extra_name(self, *names: str) -> str | None:
        """The file's own name of that column, or None."""
        by_name = {_folded(str(name)): str(name) for name in self.frame}
        return next((by_name[name] for name in names if name in by_name), None)


#: Names of the table in a sentence are cut to so many letters.
LONGEST_NAME = 60


def shortened(name: str) -> str:
    """A name of the table that leaves room for the rest of a sentence.

    Examples
    --------
    >>> shortened("A 2020"), len(shortened("A" * 1000))
    ('A 2020', 60)
    """
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


Rule = Callable[[Sheet], Iterator[Suspicion]]


def _folded(name: str) -> str:
    from metabone.extraction.schema import fold_header

    return fold_header(name)


def _half_digits(cells: Objects) -> Floats:
    """Half of the last printed decimal place; half a unit for whole numbers."""
    known: dict[Any, float] = {}
    out = np.empty(len(cells))
    for at, cell in enumerate(cells.tolist()):
        half = known.get(cell)
        if half is None:
            half = known[cell] = _half_digit(cell)
        out[at] = half
    return out


def _half_digit(cell: Any) -> float:
    mantissa, _, exponent = str(cell).strip().replace(",", ".").casefold().partition("e")
    try:
        power = int(exponent or 0)
    except ValueError:
        return 0.0
    decimals = len(mantissa.partition(".")[2]) - power
    return float(0.5 * 10.0 ** -min(max(decimals, -300), 300))
