"""The extraction table in memory: its rows, where they came from, and what was found in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

    from metabone.vocabulary import Vocabulary

Severity = Literal["error", "warning", "note"]

# The row of the column names, as the spreadsheet counts.
HEADER = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in a table.

    Parameters
    ----------
    row : row as the spreadsheet counts (the header is row 1), or None for the whole file.
    column : column as the file writes it, or None.
    value : the cell as it is printed, or None.
    code : stable kebab-case name of the rule.
    severity : ``error`` (the value is impossible or unreadable: the row cannot be pooled),
        ``warning`` (look again) or ``note`` (what was understood, and how).
    message : what is wrong and what is allowed.
    """

    row: int | None
    column: str | None
    value: str | None
    code: str
    severity: Severity
    message: str

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON prints it."""
        return {
            "row": self.row,
            "column": self.column,
            "value": self.value,
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
        }

    def __str__(self) -> str:
        place = ", ".join(
            part
            for part in (
                f"row {self.row}" if self.row is not None else "",
                f"column {self.column}" if self.column else "",
            )
            if part
        )
        shown = f" ({self.value!r})" if self.value not in (None, "") else ""
        return f"{place}{shown}: {self.message}" if place else self.message


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A row that was set aside, and why: one line of the ledger."""

    row: int
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON prints it."""
        return {"row": self.row, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a table came from and how it was read."""

    file: str
    sha256: str
    rows: int
    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class StudyTable:
    """A validated extraction table.

    Parameters
    ----------
    frame : one row per comparison; the index is the row number of the spreadsheet. Canonical
        columns come first and always exist; numbers are float64 with NaN for a blank cell, text
        is ``str`` with ``None`` for a blank cell. Words are canonical (see `vocabulary`).
    printed : the same rows and index with each cell as the file prints it, under the file's own
        column names.
    findings : everything that validation found, in row order.
    excluded : the ledger of rows set aside so far.
    selected : how many rows `where` and `outcome` kept, before exclusions.
    """

    frame: pd.DataFrame
    printed: pd.DataFrame
    source: Source
    vocabulary: Vocabulary
    findings: tuple[Finding, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    selected: int = field(default=-1)

    def __post_init__(self) -> None:
        if self.selected < 0:
            object.__setattr__(self, "selected", len(self.frame))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep a row from being pooled."""
        return tuple(found for found in self.findings if found.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings to look at again."""
        return tuple(found for found in self.findings if found.severity == "warning")

    @property
    def synthetic(self) -> bool:
        """Whether any row is declared synthetic in its ``source`` column."""
        return bool((self.frame["source"] == "synthetic").any())

    def keep(self, mask: Any) -> StudyTable:
        """The rows where `mask` is true, as a deliberate selection (not an exclusion)."""
        frame = self.frame.loc[mask]
        rows = set(frame.index)
        excluded = tuple(line for line in self.excluded if line.row in rows)
        return replace(
            self, frame=frame, printed=self.printed.loc[frame.index], excluded=excluded,
            findings=tuple(f for f in self.findings if f.row in (None, HEADER) or f.row in rows),
            selected=len(frame),
        )  # fmt: skip

    def set_aside(self, lines: Iterable[Exclusion]) -> StudyTable:
        """Add lines to the ledger; a row keeps the first reason it was given."""
        known = {line.row for line in self.excluded}
        fresh: list[Exclusion] = []
        for line in lines:
            if line.row not in known:
                known.add(line.row)
                fresh.append(line)
        ledger = sorted((*self.excluded, *fresh), key=lambda line: line.row)
        return replace(self, excluded=tuple(ledger))

    def usable(self) -> pd.DataFrame:
        """The rows that no line of the ledger sets aside."""
        return self.frame.drop(index=[line.row for line in self.excluded])

    def pipe(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call ``step(self, …)``, so that steps read from left to right."""
        return step(self, *args, **kwargs)


#: Runs of rows that a sentence lists before it counts the rest.
LISTED_RUNS = 30


def rows_text(rows: Iterable[int], most: int | None = LISTED_RUNS) -> str:
    """Row numbers in words, runs shortened; after `most` runs the other rows are counted.

    Examples
    --------
    >>> rows_text([3, 4, 5, 9]), rows_text([7])
    ('rows 3-5, 9', 'row 7')
    >>> rows_text([3, 5, 7, 9, 10], most=2)
    'rows 3, 5 and 3 more'
    """
    runs: list[list[int]] = []
    for row in sorted(set(rows)):
        if runs and row <= runs[-1][-1] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    parts = [str(r[0]) if r[0] == r[-1] else f"{r[0]}-{r[-1]}" for r in runs[:most]]
    rest = sum(len(run) for run in runs[len(parts) :])
    many = len(runs) > 1 or (runs and runs[0][0] != runs[0][-1])
    return f"row{'s' if many else ''} {', '.join(parts)}" + (f" and {rest} more" if rest else "")
