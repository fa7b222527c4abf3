"""``metabone funnel``: a table in, its funnel plot out."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.cli.forest import parse_limits

Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Upright axis: auto (safe for the measure), sei, seinv (1/SE), sqrtninv (1/√N), arms "
        "(√(1/n1 + 1/n2)).",
    ),
]
Contours = Annotated[
    bool | None,
    typer.Option(
        "--contours/--no-contours", help="Regions of p < .10, .05, .01 (default: if there are any)."
    ),
]
TrimFillName = Annotated[
    str | None, typer.Option("--trim-fill", help="Add the effects of trim and fill: L0 or R0.")
]


def funnel(
    table: c.Table,
    output: f.Figure,
    outcome: c.Outcome = None,
    where: c.Where = None,
    precision: Precision = "auto",
    contours: Contours = None,
    trim_fill: TrimFillName = None,
    labels: f.Labels = "auto",
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
    level: c.Level = 0.95,
    title: f.Title = None,
    xlabel: f.XLabel = None,
    xlim: f.XLim = None,
    transform: f.Transform = None,
    width: f.Width = None,
    dpi: f.Dpi = None,
    font: f.Font = None,
    on_error: c.OnError = "refuse",
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    force: c.Force = False,
) -> None:
    """Draw the funnel plot of a pooled answer: each effect against its precision."""
    c.check_targets(output, json, force=force, table=table)
    limits = parse_limits(xlim)
    from metabone.options import TrimEstimator, check_option
    from metabone.plots.export import export, figure_format
    from metabone.plots.funnel import funnel as draw
    from metabone.plots.funnel import trim_fill_of
    from metabone.synthesis.bias.bias import bias

    figure_format(output)
    if trim_fill is not None:
        check_option("trim-fill", trim_fill, TrimEstimator)
    shared: dict[str, Any] = {
        "model": model, "tau2": tau2, "ci": ci, "level": level, "rho": rho, "control": control,
    }  # fmt: skip
    effects, result = c.pooled(
        table, outcome=outcome, where=where, by=None, measure=measure, variance=variance,
        align=align, unit=unit, pi=None, strata_tau2="separate", on_error=on_error,
        vocabulary=vocabulary, sheet=sheet, rho_table=rho_table, time_decay=time_decay,
        random=random, **shared,
    )  # fmt: skip
    c.report_ledger(effects)
    c.report_warnings(result)
    added = None
    if trim_fill is not None:
        shared |= {"rho_table": c.read_rho_table(rho_table), "time_decay": time_decay}
        added = trim_fill_of(bias(effects, random=random or (), **shared), trim_fill)
    figure = draw(
        result, precision=precision, contours=contours, trimfill=added, labels=labels,
        title=title, xlabel=xlabel, xlim=limits, transform=transform, width_mm=width, font=font,
    )  # fmt: skip
    export(figure, output, dpi=dpi, force=force)
    c.say(f"wrote {output}")
    c.emit_json(result.to_dict(), json, force=force)
