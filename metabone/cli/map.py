"""``metabone map``: a table in, the map of its evidence by two columns out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.cli.bundles import Json, Measured, Model, bundled
from metabone.errors import DataError

if TYPE_CHECKING:
    from metabone.synthesis.evidence_map import EvidenceMap

RowsColumn = Annotated[
    str, typer.Option("--rows", metavar="COLUMN", help="Column of the map's rows.")
]
Columns = Annotated[
    str, typer.Option("--columns", metavar="COLUMN", help="Column of the map's columns.")
]
Show = Annotated[
    str,
    typer.Option(
        "--show",
        help="estimate (pooled), direction, counts, or auto: the first that the table allows.",
    ),
]


@bundled
def map(
    data: Measured,
    output: f.Figure,
    fit: Model,
    look: f.Look,
    out: Json,
    rows: RowsColumn = "exosome_source",
    columns: Columns = "target_cell",
    show: Show = "auto",
    strata_tau2: c.StrataTau2 = "separate",
) -> None:
    """Draw a map of the evidence: studies of each combination of two columns, and the gaps."""
    out.check(data.table, output)
    from metabone.options import MapShow, check_option
    from metabone.plots.evidence_map import evidence_map as draw
    from metabone.plots.export import figure_format

    figure_format(output)
    show = check_option("show", show, MapShow)
    found = _found(data, (rows, columns), show, fit.chosen() | {"strata_tau2": strata_tau2})
    for warning in found.warnings:
        c.say(f"warning: {warning}")
    look.write(draw(found, **look.chosen()), output, force=out.force)
    c.emit_json(found.to_dict(), out.json, force=out.force)


def _found(data: Measured, by: tuple[str, str], show: str, options: dict[str, Any]) -> EvidenceMap:
    """The map that is asked for, or the first that the table allows, with a word on why."""
    from metabone.synthesis.direction import direction
    from metabone.synthesis.evidence_map import check_pair, map_of, map_of_counts

    read = data.load()
    check_pair(by, read.frame)
    if show in ("auto", "estimate"):
        try:
            return _pooled(data, by, options)
        except DataError as error:
            if show == "estimate":
                raise
            c.say(f"note: nothing is pooled, the map shows directions: {error}")
    if show in ("auto", "direction"):
        try:
            return map_of(direction(read, by=by, level=options["level"]), by)
        except DataError as error:
            if show == "direction":
                raise
            c.say(f"note: no direction is known, the map counts studies: {error}")
    return map_of_counts(read, by)


def _pooled(data: Measured, by: tuple[str, str], options: dict[str, Any]) -> EvidenceMap:
    from metabone.synthesis.evidence_map import map_of
    from metabone.synthesis.pool import pool

    # Rows and columns by themselves give the totals.
    result = pool(data.effects(), by=[by, *by], **options)
    c.report_ledger(result.effects)
    return map_of(result, by)
