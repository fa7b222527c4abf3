"""``metabone effects``: a table in, its effect sizes out."""

from __future__ import annotations

import typer

from metabone.cli import common as c


def effects(
    table: c.Table,
    outcome: c.Outcome = None,
    where: c.Where = None,
    measure: c.Measure = "SMD",
    variance: c.Variance = "LS",
    align: c.Align = "none",
    unit: c.Unit = None,
    on_error: c.OnError = "refuse",
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    output: c.Output = None,
    force: c.Force = False,
) -> None:
    """Compute effect sizes and their variances, with every input and conversion.

    Prints CSV, or writes it with -o; rows that give no effect are listed on stderr.
    """
    c.check_targets(json, output, force=force, table=table)
    from metabone.effects.escalc import escalc
    from metabone.files import frame_to_csv, write_whole
    from metabone.synthesis.results import SCHEMA_VERSION

    rows = c.load(
        table, sheet=sheet, vocabulary=vocabulary, outcome=outcome, where=where, on_error=on_error
    )
    answer = escalc(rows, measure, variance=variance, align=align, unit=unit)
    c.report_ledger(answer)
    if answer.synthetic:
        c.say("SYNTHETIC: rows of this table are generated, not observed")
    text = frame_to_csv(answer.to_frame())
    if output is not None and str(output) != "-":
        write_whole(output, text, force=force)
        c.say(f"wrote {output}")
    content = {"schema_version": SCHEMA_VERSION} | answer.to_dict()
    printed = c.emit_json(content, json, force=force)
    if not printed and (output is None or str(output) == "-"):
        typer.echo(c.visible(text), nl=False)
