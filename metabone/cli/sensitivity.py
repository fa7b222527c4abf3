"""``metabone sensitivity``: how far a pooled answer hangs on single studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.cli.forest import parse_limits
from metabone.errors import UsageError

LeaveOneOut = Annotated[
    str | None,
    typer.Option("--leave-one-out", help="Pool again without each study, or each effect."),
]
Cumulative = Annotated[
    str | None,
    typer.Option(
        "--cumulative", help="Pool as evidence came in: year, precision, quality or a column."
    ),
]
Influence = Annotated[
    bool, typer.Option("--influence", help="Residuals, DFFITS, Cook's distance and the rest.")
]
Baujat = Annotated[bool, typer.Option("--baujat", help="Where heterogeneity comes from.")]
Gosh = Annotated[bool, typer.Option("--gosh", help="Pool every subset of the studies.")]
GoshSample = Annotated[
    int, typer.Option("--gosh-sample", help="The most subsets; where there are more, a sample.")
]
Permutation = Annotated[
    int, typer.Option("--permutation", help="Iterations of a permutation test; 0 for none.")
]
FormulaText = Annotated[
    str | None,
    typer.Option("--formula", help="Moderators that the permutation test is about."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of subsets and permutations.")]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="Processes for subsets and permutations.")
]
Plot = Annotated[
    str | None,
    typer.Option(
        "--plot",
        help="Figure to write with -o: leave-one-out, cumulative, influence, baujat or gosh.",
    ),
]
Highlight = Annotated[
    str | None,
    typer.Option("--highlight", help="GOSH: draw subsets with and without this study apart."),
]


def sensitivity(
    table: c.Table,
    leave_one_out: LeaveOneOut = None,
    cumulative: Cumulative = None,
    influence: Influence = False,
    baujat: Baujat = False,
    gosh: Gosh = False,
    gosh_sample: GoshSample = 1_000_000,
    permutation: Permutation = 0,
    formula: FormulaText = None,
    seed: Seed = 1,
    workers: Workers = 1,
    plot: Plot = None,
    output: f.MaybeFigure = None,
    highlight: Highlight = None,
    labels: f.MaybeLabels = None,
    style: f.MaybeStyle = None,
    title: f.Title = None,
    xlabel: f.XLabel = None,
    xlim: f.XLim = None,
    transform: f.Transform = None,
    width: f.Width = None,
    dpi: f.Dpi = None,
    font: f.Font = None,
    outcome: c.Outcome = None,
    where: c.Where = None,
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
    on_error: c.OnError = "refuse",
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write the tables behind the text as CSV.")
    ] = None,
    force: c.Force = False,
) -> None:
    """Ask how far a pooled answer hangs on single studies, on their order, and on its model.

    Without any question it leaves out each study and gives the influence diagnostics. Where a study
    gives more than one effect, whole studies are judged in the multilevel model.

    --plot asks for what it draws.
    """
    c.check_targets(json, csv, output, force=force, table=table)
    if plot is not None or output is not None:
        _check_figure(plot, output)
    limits = parse_limits(xlim)
    influence, baujat = influence or plot == "influence", baujat or plot == "baujat"
    # As without any question, whole studies, and in the order of their years.
    leave_one_out = leave_one_out or ("study" if plot == "leave-one-out" else None)
    cumulative = cumulative or ("year" if plot == "cumulative" else None)
    gosh = gosh or plot == "gosh"
    from metabone.effects.escalc import escalc
    from metabone.files import frame_to_csv, write_whole
    from metabone.synthesis.sensitivity.sensitivity import sensitivity as ask

    rows = c.load(
        table, sheet=sheet, vocabulary=vocabulary, outcome=outcome, where=where, on_error=on_error
    )
    result = ask(
        escalc(rows, measure, variance=variance, align=align, unit=unit),
        leave_one_out=leave_one_out, cumulative=cumulative, influence=influence, baujat=baujat,
        gosh=gosh, gosh_sample=gosh_sample, permutation=permutation, formula=formula, seed=seed,
        workers=workers, model=model, tau2=tau2, ci=ci, level=level, rho=rho, control=control,
        rho_table=c.read_rho_table(rho_table), time_decay=time_decay, random=random or (),
    )  # fmt: skip
    c.report_ledger(result.effects)
    for warning in result.warnings:
        c.say(f"warning: {warning}")
    if plot is not None and output is not None:
        from metabone.plots.export import export
        from metabone.plots.sensitivity import draw_sensitivity

        figure = draw_sensitivity(
            result, plot, highlight=highlight, labels=labels, style=style, title=title,
            xlabel=xlabel, xlim=limits, transform=transform, width_mm=width, font=font,
        )  # fmt: skip
        export(figure, output, dpi=dpi, force=force)
        c.say(f"wrote {output}")
    if csv is not None and str(csv) != "-":
        write_whole(csv, frame_to_csv(result.to_frame()), force=force)
        c.say(f"wrote {csv}")
    if c.emit_json(result.to_dict(), json, force=force):
        return
    if str(csv) == "-":
        typer.echo(c.visible(frame_to_csv(result.to_frame())), nl=False)
    else:
        c.show(result.summary())


def _check_figure(plot: str | None, output: Path | None) -> None:
    """Refuse a figure without a name, a name without a figure, and unknown ones of both.

    Raises
    ------
    UsageError
        If one of the two is missing or unknown.
    """
    from metabone.options import SensitivityPlot, check_option
    from metabone.plots.export import figure_format

    if plot is None or output is None:
        raise UsageError("--plot KIND and -o FIGURE go together: what to draw, and where to")
    check_option("plot", plot, SensitivityPlot)
    figure_format(output)
