"""``metabone regress``: what the effects depend on."""

from __future__ import annotations

from typing import Annotated

import typer

from metabone.cli import common as c

FormulaText = Annotated[
    str,
    typer.Option(
        "--formula",
        help='Moderators, e.g. "duration_weeks + species"; columns, + * : -, C(), log(), sqrt(), '
        "center(), ns(), poly().",
    ),
]


def regress(
    table: c.Table,
    formula: FormulaText,
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
    """Explain effect sizes by moderators in a mixed-effects meta-regression.

    Where a study gives more than one effect the model is multilevel, with the covariance of effects
    that share animals and cluster-robust standard errors.

    -o writes the coefficients as CSV.
    """
    c.check_targets(json, output, force=force, table=table)
    from metabone.effects.escalc import escalc
    from metabone.files import frame_to_csv, write_whole
    from metabone.synthesis.regression import regress as fit

    rows = c.load(
        table, sheet=sheet, vocabulary=vocabulary, outcome=outcome, where=where, on_error=on_error
    )
    effects = escalc(rows, measure, variance=variance, align=align, unit=unit)
    result = fit(
        effects, formula, model=model, tau2=tau2, ci=ci, level=level, rho=rho, control=control,
        rho_table=c.read_rho_table(rho_table), time_decay=time_decay, random=random or (),
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
