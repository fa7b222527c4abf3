"""``metabone import``: an export of another program in, an extraction table out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metabone.cli import common as c

if TYPE_CHECKING:
    from metabone.extraction.importers.results import Imported

NOTES_SHOWN = 20
Kind = Annotated[
    str, typer.Argument(metavar="KIND", help="syrf, revman, wpd, metadigitise or metafor.")
]
File = Annotated[str, typer.Argument(metavar="FILE", help="The export (CSV, XLSX), or -.")]
Ledger = Annotated[
    Path | None,
    typer.Option("--ledger", help="CSV to write: what became of every row of the export."),
]
Investigator = Annotated[
    str | None,
    typer.Option(
        "--investigator",
        help="syrf: whose entry (id or name) to take where several were not reconciled.",
    ),
]
Study = Annotated[str | None, typer.Option("--study", help="Name of the study in the figure.")]
OutcomeName = Annotated[
    str | None, typer.Option("--outcome", help="Name of the outcome, where the export has none.")
]
UnitName = Annotated[str | None, typer.Option("--unit", help="Unit of the means in the figure.")]
Animals = Annotated[
    str | None,
    typer.Option(
        "--n", help="wpd: animals in each arm, or treated,control or treated,control,sham."
    ),
]
Error = Annotated[
    str | None, typer.Option("--error", help="wpd: what the error bars are: SD, SEM or CI95.")
]
Label = Annotated[
    str | None,
    typer.Option("--label", help="wpd: column for labels or x, e.g. site or timepoint_weeks."),
]
Treated = Annotated[
    list[str] | None,
    typer.Option("--treated", help="Name of a treated arm in the figure; may be repeated."),
]
ControlName = Annotated[
    str | None,
    typer.Option(
        "--control", help="Name of the control arm in the figure; syrf: which of several controls."
    ),
]
ShamName = Annotated[
    str | None, typer.Option("--sham", help="Name of the healthy arm in the figure.")
]


def import_(
    kind: Kind,
    file: File,
    investigator: Investigator = None,
    study: Study = None,
    outcome: OutcomeName = None,
    unit: UnitName = None,
    n: Animals = None,
    error: Error = None,
    label: Label = None,
    treated: Treated = None,
    control: ControlName = None,
    sham: ShamName = None,
    sheet: c.Sheet = None,
    ledger: Ledger = None,
    json: c.Json = None,
    output: c.Output = None,
    force: c.Force = False,
) -> None:
    """Turn an export of another program into an extraction table.

    Prints CSV, or writes it with -o; every row of the export is in the ledger.
    """
    c.check_targets(json, output, ledger, force=force, table=file)
    from metabone.extraction.importers.kinds import import_table
    from metabone.files import frame_to_csv, write_whole
    from metabone.synthesis.results import SCHEMA_VERSION

    made = import_table(
        kind, file, investigator=investigator, study=study, outcome=outcome, unit=unit, n=n,
        error=error, label=label, treated=tuple(treated or ()), control=control, sham=sham,
        sheet=sheet,
    )  # fmt: skip
    _report(made)
    text = frame_to_csv(made.frame)
    if output is not None and str(output) != "-":
        write_whole(output, text, force=force)
        c.say(f"wrote {output}")
    if ledger is not None and str(ledger) != "-":
        write_whole(ledger, frame_to_csv(made.ledger_frame()), force=force)
        c.say(f"wrote {ledger}")
    elif ledger is not None:
        c.show_table(frame_to_csv(made.ledger_frame()))
    printed = c.emit_json({"schema_version": SCHEMA_VERSION} | made.to_dict(), json, force=force)
    if not printed and str(ledger) != "-" and (output is None or str(output) == "-"):
        c.show_table(text)


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _report(made: Imported) -> None:
    """What was made and what was left out, on stderr."""
    from metabone.extraction.table import rows_text

    source, made_rows = _rows(made.source.rows), _rows(len(made.frame))
    c.say(
        f"{made.kind}: {source} of {made.source.file} to {made_rows} of a table; "
        f"{len(made.left_out)} left out"
    )
    codes: dict[str, list[int]] = {}
    for line in made.left_out:
        codes.setdefault(str(line.code), []).append(line.row)
    for code, rows in codes.items():
        shown = rows_text(dict.fromkeys(rows))
        c.say(f"  {code} ({len(rows)}): {shown if len(shown) < 70 else shown[:66] + ' …'}")
    for note in made.notes[:NOTES_SHOWN]:
        c.say(f"note: {note}")
    if len(made.notes) > NOTES_SHOWN:
        c.say(f"… and {len(made.notes) - NOTES_SHOWN} more notes; --json has them all")
