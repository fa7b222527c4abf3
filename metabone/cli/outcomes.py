"""``metabone outcomes``: a table in, several outcomes pooled together out."""

from __future__ import annotations

from typing import Annotated

import typer

from metabone.cli import common as c

Structure = Annotated[
    str,
    typer.Option(
        "--structure",
        help="Covariance between studies: UN (any), HCS (one correlation), CS (one variance and "
        "correlation) or DIAG (none).",
    ),
]
Method = Annotated[str, typer.Option("--tau2", help="REML or ML.")]
RobustCI = Annotated[
    str | None,
    typer.Option("--ci", help="cr2 (default), cr1, cr0 (cluster-robust), t (model-based), wald."),
]


def outcomes(
    table: c.Table,
    outcome: c.Outcome = None,
    where: c.Where = None,
    structure: Structure = "UN",
    measure: c.Measure = "SMD",
    variance: c.Variance = "LS",
    align: c.Align = "none",
    unit: c.Unit = None,
    rho: c.Rho = 0.5,
    control: c.ControlMode = "exact",
    rho_table: c.RhoFile = None,
    time_decay: c.TimeDecay = None,
    tau2: Method = "REML",
    ci: RobustCI = None,
    level: c.Level = 0.95,
    on_error: c.OnError = "refuse",
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    output: c.Output = None,
    force: c.Force = False,
) -> None:
    """Pool several outcomes together, so that sparse ones borrow strength from the others.

    Each outcome keeps a mean of its own: bone measurements and markers may be together.

    -o writes one line for each outcome as CSV; - prints that instead of the summary.
    """
    from metabone.effects.escalc import escalc
    from metabone.files import frame_to_csv, write_whole
    from metabone.synthesis.multivariate import pool_outcomes

    c.check_targets(json, output, force=force, table=table)
    rows = c.load(
        table, sheet=sheet, vocabulary=vocabulary, outcome=outcome, where=where, on_error=on_error
    )
    effects = escalc(rows, measure, variance=variance, align=align, unit=unit)
    result = pool_outcomes(
        effects, structure=structure, method=tau2, ci=ci, level=level, rho=rho, control=control,
        rho_table=c.read_rho_table(rho_table), time_decay=time_decay,
    )  # fmt: skip
    c.report_ledger(result.effects)
    for warning in result.warnings:
        c.say(f"warning: {warning}")
    text, to_stdout = frame_to_csv(result.to_frame()), str(output) == "-"
    if output is not None and not to_stdout:
        write_whole(output, text, force=force)
        c.say(f"wrote {output}")
    if c.emit_json(result.to_dict(), json, force=force):
        return
    if to_stdout:
        typer.echo(c.visible(text), nl=False)
    else:
        c.show(result.summary())
