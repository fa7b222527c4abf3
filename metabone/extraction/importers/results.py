"""What an import gives: the table, the ledger of the source and what was understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metabone.extraction.table import Source

if TYPE_CHECKING:
    import pandas as pd

#: Row of the first table row in the file that is written: the header is row 1.
FIRST_ROW = 2

LEFT_OUT: Mapping[str, str] = {
    "ragged-row": "More or fewer cells than the header.",
    "repeated-header": "The row repeats the header.",
    "id-blank": "A study, experiment, cohort or outcome is blank, so that nothing can be joined.",
    "flag-unreadable": "A flag is neither true nor false, or is blank beside a label.",
    "not-reconciled": "The study has a reconciled entry; this one is not it.",
    "several-annotators": "Several people entered the study and no entry is the agreed one.",
    "repeats": "Says what another row says already.",
    "contradicts": "Says something else than another row of the same cohort, outcome and time.",
    "not-a-mean": "A mode, or another average that is neither mean nor median.",
    "healthy-treated": "Treated animals without the disease of their experiment.",
    "no-treated": "No treated arm to be compared with.",
    "no-control": "No control arm to be compared with.",
    "ambiguous-control": "Several control arms, and nothing says which.",
    "ambiguous-sham": "Several healthy arms, and nothing says which.",
    "mixed-dispersion": "Arms print dispersions of different kinds that cannot be converted.",
    "mixed-units": "Arms print different units.",
    "arm-unknown": "Nothing says whether this is the treated, the control or the healthy arm.",
    "no-mean": "An error bar without the mean that it belongs to.",
    "not-a-study": "A heading, subtotal or total.",
    "not-continuous": "Counts, or observed minus expected: no means and no effect size.",
    "part-of-study": "A subgroup of a study that the same analysis has as a whole.",
    "scale-unknown": "An effect whose interval does not tell whether it is on the log scale.",
    "unreadable-point": "The point is not a number.",
}
"""Why a source row was left out: code and meaning."""


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """What became of one source row, or of one cell of it where a row holds several points.

    Parameters
    ----------
    row : row of the source, as a spreadsheet counts.
    column : series of a digitised figure; None where the line is about the whole row.
    used_as : ``treated``, ``control``, ``sham``, ``row`` (the row is a row of the table),
        ``error bar``; empty if it was left out.
    table_rows : rows of the written table that it went into, header counted.
    code : why it was left out, one of `LEFT_OUT`; None if it was used.
    reason : the same in words, with the rows concerned.
    """

    row: int
    column: str | None = None
    used_as: str = ""
    table_rows: tuple[int, ...] = ()
    code: str | None = None
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON prints it."""
        return {
            "row": self.row,
            "column": self.column,
            "used_as": self.used_as,
            "table_rows": list(self.table_rows),
            "code": self.code,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Imported:
    """An extraction table made of another program's export.

    Parameters
    ----------
    kind : the program: ``syrf``, ``revman``, ``wpd``, ``metadigitise`` or ``metafor``.
    source : where the export came from and how it was read.
    frame : the table, as text and numbers, ready for `metabone.files.frame_to_csv`; its first
        row is row 2 of the file.
    ledger : one line for each source row (for each point of a digitised figure), in order.
    notes : what was understood, and what to look at.
    """

    kind: str
    source: Source
    frame: pd.DataFrame
    ledger: tuple[LedgerLine, ...]
    notes: tuple[str, ...]

    @property
    def left_out(self) -> tuple[LedgerLine, ...]:
        """The lines of the ledger that went into no table row."""
        return tuple(line for line in self.ledger if line.code is not None)

    def ledger_frame(self) -> pd.DataFrame:
        """The ledger as a table."""
        import pandas as pd

        rows = [
            {**line.to_dict(), "table_rows": "; ".join(map(str, line.table_rows))}
            for line in self.ledger
        ]
        names = ("row", "column", "used_as", "table_rows", "code", "reason")
        return pd.DataFrame(rows, columns=list(names), dtype=object)

    def to_dict(self) -> dict[str, Any]:
        """The account of the import as JSON prints it; the table itself is the CSV."""
        return {
            "kind": self.kind,
            "input": {
                "file": self.source.file,
                "sha256": self.source.sha256,
                "rows": self.source.rows,
                "encoding": self.source.encoding,
                "separator": self.source.separator,
                "decimal": self.source.decimal,
                "sheet": self.source.sheet,
            },
            "rows": len(self.frame),
            "columns": [str(name) for name in self.frame.columns],
            "left_out": len(self.left_out),
            "ledger": [line.to_dict() for line in self.ledger],
            "notes": list(self.notes),
        }
