"""``metabone orchard``: a table in, its orchard plot out."""

from __future__ import annotations

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.cli.forest import Prediction, Style, parse_limits


def orchard(
    table: c.Table,
    output: f.Figure,
    outcome: c.Outcome = None,
    where: c.Where = None,
    by: c.By = None,
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
    pi: c.PI = None,
    strata_tau2: c.StrataTau2 = "separate",
    level: c.Level = 0.95,
    style: Style = "metabone",
    title: f.Title = None,
    xlabel: f.XLabel = None,
    xlim: f.XLim = None,
    transform: f.Transform = None,
    prediction: Prediction = True,
    width: f.Width = None,
    dpi: f.Dpi = None,
    font: f.Font = None,
    on_error: c.OnError = "refuse",
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    force: c.Force = False,
) -> None:
    """Draw the orchard plot of a pooled answer: every effect as a bubble, by its strata.

    The first --by gives the rows of the figure.
    """
    c.check_targets(output, json, force=force, table=table)
    limits = parse_limits(xlim)
    from metabone.plots.export import export, figure_format
    from metabone.plots.orchard import orchard as draw

    figure_format(output)
    effects, result = c.pooled(
        table, outcome=outcome, where=where, by=by, measure=measure, variance=variance,
        align=align, unit=unit, model=model, tau2=tau2, ci=ci, pi=pi,
        strata_tau2=strata_tau2, level=level, rho=rho, control=control,
        on_error=on_error, vocabulary=vocabulary, sheet=sheet, rho_table=rho_table,
        time_decay=time_decay, random=random,
    )  # fmt: skip
    c.report_ledger(effects)
    c.report_warnings(result)
    figure = draw(
        result, style=style, title=title, xlabel=xlabel, xlim=limits, transform=transform,
        show_prediction=prediction, width_mm=width, font=font,
    )  # fmt: skip
    export(figure, output, dpi=dpi, force=force)
    c.say(f"wrote {output}")
    c.emit_json(result.to_dict(), json, force=force)
