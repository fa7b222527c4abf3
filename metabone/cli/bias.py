"""``metabone bias``: do small studies differ from large ones, and what if they did not?"""

from __future__ import annotations

from typing import Annotated

import typer

from metabone.cli import common as c

PredictorName = Annotated[
    list[str] | None,
    typer.Option(
        "--predictor",
        help="auto (safe for the measure), sei, vi, sqrtninv (1/√N), ninv (1/N), arms "
        "(√(1/n1 + 1/n2)); may be repeated.",
    ),
]
Year = Annotated[
    str | None,
    typer.Option("--year", help="Column with the year of each study (default: year, if there)."),
]
Target = Annotated[
    float | None,
    typer.Option("--target", help="Mean too small to matter, for Orwin's fail-safe N."),
]
Alpha = Annotated[float, typer.Option("--alpha", help="When an effect counts as significant.")]


def bias(
    table: c.Table,
    predictor: PredictorName = None,
    year: Year = None,
    target: Target = None,
    alpha: Alpha = 0.05,
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
    output: c.Output = None,
    force: c.Force = False,
) -> None:
    """Ask for small-study effects: asymmetry, what may be missing, and corrected means.

    Where a study gives more than one effect the regressions are multilevel with cluster-robust
    errors, and the other methods take one mean for each study.

    -o writes every test and every corrected mean as CSV; - prints that instead of the summary.
    """
    c.check_targets(json, output, force=force, table=table)
    from metabone.effects.escalc import escalc
    from metabone.files import frame_to_csv, write_whole
    from metabone.synthesis.bias.bias import bias as ask

    rows = c.load(
        table, sheet=sheet, vocabulary=vocabulary, outcome=outcome, where=where, on_error=on_error
    )
    effects = escalc(rows, measure, variance=variance, align=align, unit=unit)
    result = ask(
        effects, predictor=predictor or "auto", model=model, tau2=tau2, ci=ci, level=level,
        rho=rho, control=control, rho_table=c.read_rho_table(rho_table), time_decay=time_decay,
        random=random or (), year=year, target=target, alpha=alpha,
    )  # fmt: skip
    c.report_ledger(result.effects)
    for warning in result.warnings:
        c.say(f"warning: {warning}")
    text = frame_to_csv(result.to_frame())
    to_stdout = str(output) == "-"
    if output is not None and not to_stdout:
        write_whole(output, text, force=force)
        c.say(f"wrote {output}")
    if c.emit_json(result.to_dict(), json, force=force):
        return
    if to_stdout:
        typer.echo(c.visible(text), nl=False)
    else:
        c.show(result.summary())
