"""``metabone new``: an extraction sheet to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metabone.cli import common as c

Target = Annotated[
    Path, typer.Argument(metavar="SHEET", help="Sheet to write: a name in .xlsx or .csv.")
]
Start = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="DATASET|FILE",
        help="Begin with the rows of a shipped data set or of a table of your own.",
    ),
]


def new(
    target: Target,
    start: Start = None,
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    force: c.Force = False,
) -> None:
    """Write an extraction sheet with drop-down lists, a dictionary and an example.

    --sheet names the sheet of a workbook given by --from.
    """
    c.check_targets(target, force=force)
    from metabone.extraction.template import write_template
    from metabone.vocabulary import load_vocabulary

    words = load_vocabulary(vocabulary)
    table = None
    if start is not None:
        from metabone.extraction.reading import read_table

        table = read_table(start, vocabulary=words, sheet=sheet)
    written = write_template(target, start=table, vocabulary=words, force=force)
    rows = "" if table is None else f", {len(written.rows)} rows from {start}"
    c.say(f"wrote {target}: {len(written.columns)} columns{rows}")
    if table is None:
        c.say(
            "each row needs study and outcome; to be pooled also n, mean and dispersion of both "
            f"arms, with dispersion_type. Then: metabone check {target}"
        )
    if any(row.get("look_up") for row in written.rows):
        c.say("the column look_up says what to find in each paper")
    if table is not None and table.synthetic:
        c.say("SYNTHETIC: rows of this table are generated, not observed")
    if table is not None and (table.errors or table.warnings):
        found = len(table.errors) + len(table.warnings)
        c.say(f"{found} cells or rows of {start} need a look: metabone check {start}")
