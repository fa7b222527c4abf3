"""One suspicion about a table: what, where, how strongly, and what it would mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from metabone.files import plain

SuspicionSeverity = Literal["warning", "note"]

#: A suspicion at least this strong is a warning, a weaker one a note.
WARNING_FROM = 0.5


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One thing in a table that looks like a slip. Nothing is changed by it.

    Parameters
    ----------
    row : row as the spreadsheet counts, or None where it is about the whole file or study.
    rows : the other rows involved, as the spreadsheet counts.
    columns : columns as the file writes them, the first one first to look at.
    value : the cell of the first column as it is printed, or None.
    code : stable kebab-case name, see ``docs/audit.md``.
    severity : ``warning`` (strength from 0.5) or ``note``.
    strength : how likely the suspicion is right, 0 to 1. For the codes of the dispersion a
        posterior probability, held against injected errors; for the others the share of alarms
        that the documentation gives the rule.
    message : what is suspected and why.
    look_up : what to look up in the paper.
    correction : canonical columns and the values that they would have if the suspicion is right;
        None where no single correction follows.
    """

    row: int | None
    rows: tuple[int, ...]
    columns: tuple[str, ...]
    value: str | None
    code: str
    severity: SuspicionSeverity
    strength: float
    message: str
    look_up: str
    correction: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The suspicion as JSON prints it."""
        return {
            "row": self.row,
            "rows": list(self.rows),
            "columns": list(self.columns),
            "value": self.value,
            "code": self.code,
            "severity": self.severity,
            "strength": self.strength,
            "message": self.message,
            "look_up": self.look_up,
            "correction": None if self.correction is None else plain(dict(self.correction)),
        }

    def __str__(self) -> str:
        place = f"row {self.row}" if self.row is not None else ""
        if self.columns:
            place += f"{', ' if place else ''}column {self.columns[0]}"
        shown = f" ({self.value!r})" if self.value not in (None, "") else ""
        said = f"{place}{shown}: {self.message}" if place else self.message
        return f"{said} [{self.code}, {self.strength:.0%}]"
