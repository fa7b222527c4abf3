"""Which cell of a sheet is marked, how strongly, and what its comment says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from metabone.extraction.audit.results import Suspicion
from metabone.extraction.grid import Raw
from metabone.extraction.schema import canonical_column
from metabone.extraction.table import Finding
from metabone.files import visible
from metabone.report.check import Checked, correction_text, impact_dict, shortened
from metabone.report.check_words import likely
from metabone.synthesis.impact import ImpactLine

# A comment is read in a small box; the sheet of findings has everything.
LONGEST_COMMENT = 900
LONGEST_MESSAGE = 500
MOST_PARTS = 5
RANK = {"error": 0, "warning": 1, "note": 2}


@dataclass(slots=True)
class Mark:
    """One marked cell: the worst severity told of it, and everything that is told."""

    severity: str
    parts: list[str] = field(default_factory=list)

    def add(self, severity: str, text: str) -> None:
        """Tell one more thing of the cell."""
        self.parts.append(text)
        self.severity = min(self.severity, severity, key=RANK.__getitem__)

    def comment(self, findings: str) -> str:
        """The comment: what fits, and where the rest stands."""
        kept: list[str] = []
        for part in self.parts[:MOST_PARTS]:
            if kept and sum(map(len, kept)) + len(part) > LONGEST_COMMENT:
                break
            kept.append(part)
        left = len(self.parts) - len(kept)
        more = [f"… and {left} more: see the sheet {findings!r}"] if left else []
        return "\n\n".join([*kept, *more])


@dataclass(frozen=True, slots=True)
class Place:
    """Where things stand in the sheet: rows as they are counted, columns by the file's names."""

    header: int
    columns: Mapping[str, int]

    @classmethod
    def of(cls, raw: Raw) -> Place:
        """The places of a file's records: row of the header and column of each name, from 1."""
        top = next(at for at, record in enumerate(raw.records) if any(map(str.strip, record)))
        columns: dict[str, int] = {}
        for at, cell in enumerate(raw.records[top], start=1):
            name = " ".join(cell.replace("\ufeff", "").split())
            columns.setdefault(name, at)
            columns.setdefault(canonical_column(name) or name, at)
        columns.pop("", None)
        return cls(top + 1, columns)

    def cell(self, row: int | None, column: str | None) -> tuple[int, int] | None:
        """(row, column) of a cell; the row's study where the file has no such column."""
        if row is None and column not in self.columns:
            return None
        at = self.columns.get(column or "", self.columns.get("study", 1))
        return (self.header if row is None else row, at)


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the sheet of findings.

    Parameters
    ----------
    cell : the cell that it is about, or None for the whole file.
    values : what the line prints, one for each of `HEAD` after the cell.
    """

    cell: tuple[int, int] | None
    severity: str
    values: Sequence[str | float | None]


HEAD = (
    "severity", "cell", "code", "row", "other rows", "columns", "value", "strength", "message",
    "look up in the paper", "if so", "pooled", "as it is", "corrected", "left out",
)  # fmt: skip
WIDTHS = (10, 8, 24, 7, 14, 24, 22, 10, 70, 46, 30, 20, 10, 10, 10)
#: How each column stands in its cell; numbers in the middle, so that they do not touch texts.
ALIGNED = tuple("center" if name in ("row", "strength") else None for name in HEAD)


def marks(checked: Checked, place: Place) -> dict[tuple[int, int], Mark]:
    """Every cell to be marked, the worst first."""
    found: dict[tuple[int, int], Mark] = {}

    def tell(cell: tuple[int, int] | None, severity: str, text: str) -> None:
        if cell is not None:
            found.setdefault(cell, Mark(severity)).add(severity, text)

    for one, _ in checked.worst_first():
        if isinstance(one, Finding):
            tell(place.cell(one.row, one.column), one.severity, _finding_text(one))
            continue
        cells = [place.cell(one.row, column) for column in one.columns or (None,)]
        tell(cells[0], one.severity, suspicion_text(one))
        pointer = f"{one.severity.upper()} {one.code}: see column {one.columns[0]!r} of this row"
        for cell in dict.fromkeys(cells[1:]):
            if cell != cells[0]:
                tell(cell, one.severity, visible(pointer))
    return dict(sorted(found.items(), key=lambda item: RANK[item[1].severity]))


def _finding_text(found: Finding) -> str:
    message = shortened(found.message, LONGEST_MESSAGE)
    return visible(f"{found.severity.upper()} {found.code}\n{message}")


def suspicion_text(one: Suspicion) -> str:
    """What a comment says of a suspicion: code, strength, reason, what to look up."""
    lines = [
        f"{one.severity.upper()} {one.code} ({likely(one.strength)})",
        str(shortened(one.message, LONGEST_MESSAGE)),
        f"Look up: {one.look_up}",
    ]
    fix = correction_text(one)
    if fix:
        lines.append(f"If so: {fix}")
    return visible("\n".join(lines))


def told(checked: Checked, place: Place) -> Iterable[Told]:
    """The lines of the sheet of findings, the worst first."""
    for one, impact in checked.worst_first():
        if isinstance(one, Finding):
            cell = place.cell(one.row, one.column)
            about = (one.code, one.row, None, one.column, one.value, None, one.message)
            yield Told(cell, one.severity, tuple(map(_shown, (*about, *[None] * 6))))
            continue
        cell = place.cell(one.row, one.columns[0] if one.columns else None)
        rows, columns = ", ".join(map(str, one.rows)), ", ".join(one.columns)
        values = (
            one.code, one.row, rows, columns, one.value, one.strength, one.message, one.look_up,
            correction_text(one), *_impact(impact),
        )  # fmt: skip
        yield Told(cell, one.severity, tuple(map(_shown, values)))


def _impact(impact: ImpactLine | None) -> tuple[str | float | None, ...]:
    if impact is None:
        return (None,) * 4
    known = impact.as_is is not None and impact.after is not None
    label = f"{impact.measure} of {impact.outcome}" if known else impact.reason
    numbers = impact_dict(impact)
    return (label, *(numbers[name] for name in ("as_is", "corrected", "left_out")))


def _shown(value: Any) -> Any:
    return visible(str(shortened(value))) if isinstance(value, str) else value
