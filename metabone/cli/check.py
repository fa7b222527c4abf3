"""``metabone check``: what is in a table, and everything that is or looks wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metabone.cli import common as c
from metabone.errors import UsageError

if TYPE_CHECKING:
    from metabone.report.check import Checked

Off = Annotated[
    list[str] | None,
    typer.Option("--off", metavar="CODE", help="Do not tell this code; may be repeated."),
]
Everything = Annotated[
    bool, typer.Option("--all", help="List everything instead of what fits one screen.")
]
NoImpact = Annotated[
    bool,
    typer.Option("--no-impact", help="Do not pool to see what each suspicion would change."),
]
Annotate = Annotated[
    Path | None,
    typer.Option(
        "--annotate", metavar="FILE.xlsx", help="Write the table back, coloured and commented."
    ),
]


def check(
    table: c.Table,
    everything: Everything = False,
    off: Off = None,
    no_impact: NoImpact = False,
    annotate: Annotate = None,
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    force: c.Force = False,
) -> None:
    """Check every cell of an extraction table: what is wrong, and what looks like a slip.

    The exit status is 1 if there is an error, 0 otherwise; a suspicion does not change it.
    """
    _check_targets(json, annotate, table=table, force=force)
    from metabone.extraction.reading import parse_table, read_bytes
    from metabone.report.check import check_table
    from metabone.report.check_text import screen
    from metabone.vocabulary import load_vocabulary

    file, data = read_bytes(table)
    read = parse_table(file, data, vocabulary=load_vocabulary(vocabulary), sheet=sheet)
    checked = check_table(read, off=off or (), impact=not no_impact)
    if annotate is not None:
        _annotate(checked, file, data, annotate, force=force)
    if not c.emit_json(checked.to_dict(), json, force=force):
        c.show("\n".join(screen(checked, everything=everything)))
    if read.errors:
        raise typer.Exit(1)


def _check_targets(json: str | None, annotate: Path | None, *, table: str, force: bool) -> None:
    """Refuse a target before any work is done; none may be the table, shipped ones included."""
    from metabone.extraction.shipped import find_dataset

    if annotate is not None and annotate.suffix.casefold() != ".xlsx":
        raise UsageError(f"--annotate writes a workbook, FILE.xlsx; got {str(annotate)!r}")
    shipped = None if Path(table).is_file() else find_dataset(table)
    c.check_targets(json, annotate, force=force, table=str(shipped or table))


def _annotate(checked: Checked, file: str, data: bytes, target: Path, *, force: bool) -> None:
    from metabone.files import write_whole
    from metabone.report.check_sheet import annotated_workbook

    made = annotated_workbook(checked, file, data)
    write_whole(target, made.content, force=force)
    for sentence in made.said:
        c.say(f"note: {sentence}")
    c.say(f"wrote {target}")
