"""``metabone pool``: a table in, the pooled answer out."""

from __future__ import annotations

from typing import Annotated

import typer

from metabone.cli import common as c

Wild = Annotated[
    int,
    typer.Option(
        "--wild", min=0, help="Replicates of a cluster wild bootstrap of the mean; 0 for none."
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the bootstrap.")]


def pool(
    table: c.Table,
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
    wild: Wild = 0,
    seed: Seed = 1,
    on_error: c.OnError = "refuse",
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    output: c.Output = None,
    force: c.Force = False,
) -> None:
    """Pool effect sizes in a random-effects meta-analysis, overall and by strata.

    Where a study gives more than one effect the model is multilevel, with the covariance of effects
    that share animals and cluster-robust standard errors.

    -o writes the tidy table of the answer as CSV; - prints it instead of the summary.
    """
    c.check_targets(json, output, force=force, table=table)
    effects, result = c.pooled(
        table, outcome=outcome, where=where, by=by, measure=measure, variance=variance,
        align=align, unit=unit, model=model, tau2=tau2, ci=ci, pi=pi, strata_tau2=strata_tau2,
        level=level, rho=rho, control=control, on_error=on_error, vocabulary=vocabulary,
        sheet=sheet, rho_table=rho_table, time_decay=time_decay, random=random, wild=wild,
        seed=seed,
    )  # fmt: skip
    c.report_ledger(effects)
    c.report_warnings(result)
    to_stdout = str(output) == "-"
    if output is not None:
        from metabone.files import frame_to_csv, write_whole

        text = frame_to_csv(result.to_frame())
        if to_stdout:
            typer.echo(c.visible(text), nl=False)
        else:
            write_whole(output, text, force=force)
            c.say(f"wrote {output}")
    if not c.emit_json(result.to_dict(), json, force=force) and not to_stdout:
        c.show(result.summary())
