"""``metabone choices``: a table in, the curve of every way to analyse it out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metabone.cli import common as c
from metabone.cli.bundles import Json, Rows, bundled, tell
from metabone.cli.figure_options import Look, MaybeFigure

Plan = Annotated[
    Path | None,
    typer.Option("--plan", help="TOML with lists of options (default: lists of its own)."),
]
Choice = Annotated[
    list[str] | None,
    typer.Option(
        "--choice",
        metavar="FACTOR=A,B",
        help="Options of one factor, the reference first, e.g. measure=SMD,ROM; repeatable.",
    ),
]
Permutations = Annotated[
    int,
    typer.Option(
        "--permutations", min=0, help="Sign patterns of the test of the whole curve; 0 for none."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the sign patterns.")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Threads (default: the cores there are).")
]
Show = Annotated[
    str, typer.Option("--show", help="Figure: estimate (a panel a scale), z, or auto.")
]
Csv = Annotated[
    Path | None, typer.Option("--csv", help="Table to write: one row for each analysis.")
]


@bundled
def choices(
    data: Rows,
    out: Json,
    look: Look,
    plan: Plan = None,
    choice: Choice = None,
    align: c.Align = "none",
    unit: c.Unit = None,
    rho_table: c.RhoFile = None,
    time_decay: c.TimeDecay = None,
    level: c.Level = 0.95,
    permutations: Permutations = 500,
    seed: Seed = 1,
    workers: Workers = None,
    show: Show = "auto",
    csv: Csv = None,
    output: MaybeFigure = None,
) -> None:
    """Analyse a table in every defensible way, and say which choices matter.

    -o draws the specification curve, --csv writes one row for each analysis.
    """
    out.check(data.table, csv, output)
    if output is not None:
        from metabone.plots.export import figure_format

        figure_format(output)
    from metabone.synthesis.choices.analyse import choices as analyse
    from metabone.synthesis.choices.plan import parse_lists, read_plan

    lists = ({} if plan is None else read_plan(plan)) | parse_lists(choice or ())
    result = analyse(
        data.load(), lists, align=align, unit=unit, rho_table=c.read_rho_table(rho_table),
        time_decay=time_decay, level=level, permutations=permutations, seed=seed,
        workers=workers,
    )  # fmt: skip
    tell(result)
    if output is not None:
        from metabone.plots.curve import curve

        look.write(curve(result, show=show, **look.chosen()), output, force=out.force)
    out.answer(result, csv=csv)
