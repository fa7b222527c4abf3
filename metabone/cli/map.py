"""``metabone map``: a table in, the map of its evidence by two columns out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.errors import DataError

if TYPE_CHECKING:
    from metabone.extraction.table import StudyTable
    from metabone.synthesis.evidence_map import EvidenceMap

Rows = Annotated[str, typer.Option("--rows", metavar="COLUMN", help="Column of the map's rows.")]
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


def map(
    table: c.Table,
    output: f.Figure,
    outcome: c.Outcome = None,
    where: c.Where = None,
    rows: Rows = "exosome_source",
    columns: Columns = "target_cell",
    show: Show = "auto",
    measure: c.Measure = "SMD",
    variance: c.Variance = "LS",
    align: c.Align = "none",
    unit: c.Unit = None,
    model: c.ModelName = "auto",
    rho: c.Rho = 0.5,
    control: c.ControlMode = "exact",
    rho_table: c.RhoFile = None,
    time_decay: c.TimeDecay = None,
    random: c.Random = None,
    tau2: c.Tau2 = "REML",
    ci: c.CI = None,
    strata_tau2: c.StrataTau2 = "separate",
    level: c.Level = 0.95,
    title: f.Title = None,
    width: f.Width = None,
    dpi: f.Dpi = None,
    font: f.Font = None,
    on_error: c.OnError = "refuse",
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    force: c.Force = False,
) -> None:
    """Draw a map of the evidence: studies of each combination of two columns, and the gaps."""
    c.check_targets(output, json, force=force, table=table)
    from metabone.options import MapShow, check_option
    from metabone.plots.evidence_map import evidence_map as draw
    from metabone.plots.export import export, figure_format

    figure_format(output)
    show = check_option("show", show, MapShow)
    read = c.load(
        table, sheet=sheet, vocabulary=vocabulary, outcome=outcome, where=where, on_error=on_error
    )
    options: dict[str, Any] = {
        "model": model, "tau2": tau2, "ci": ci, "level": level, "rho": rho, "control": control,
        "rho_table": c.read_rho_table(rho_table), "time_decay": time_decay,
        "random": random or (), "strata_tau2": strata_tau2,
    }  # fmt: skip
    effect = {"measure": measure, "variance": variance, "align": align, "unit": unit}
    found = _found(read, (rows, columns), show, effect, options)
    for warning in found.warnings:
        c.say(f"warning: {warning}")
    figure = draw(found, title=title, width_mm=width, font=font)
    export(figure, output, dpi=dpi, force=force)
    c.say(f"wrote {output}")
    c.emit_json(found.to_dict(), json, force=force)


def _found(
    read: StudyTable,
    by: tuple[str, str],
    show: str,
    effect: dict[str, Any],
    options: dict[str, Any],
) -> EvidenceMap:
    """The map that is asked for, or the first that the table allows, with a word on why."""
    from metabone.synthesis.direction import direction
    from metabone.synthesis.evidence_map import check_pair, map_of, map_of_counts

    check_pair(by, read.frame)
    if show in ("auto", "estimate"):
        try:
            return _pooled(read, by, effect, options)
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


def _pooled(
    read: StudyTable, by: tuple[str, str], effect: dict[str, Any], options: dict[str, Any]
) -> EvidenceMap:
    from metabone.effects.escalc import escalc
    from metabone.synthesis.evidence_map import map_of
    from metabone.synthesis.pool import pool

    # Rows and columns by themselves give the totals.
    result = pool(escalc(read, **effect), by=[by, *by], **options)
    c.report_ledger(result.effects)
    return map_of(result, by)
