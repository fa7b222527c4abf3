"""``metabone direction``: which way the studies point, when there are no numbers to pool."""

from __future__ import annotations

from collections.abc import Sequence

from metabone.cli import common as c


def direction(
    table: c.Table,
    outcome: c.Outcome = None,
    where: c.Where = None,
    by: c.By = None,
    level: c.Level = 0.95,
    on_error: c.OnError = "refuse",
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    output: c.Output = None,
    force: c.Force = False,
) -> None:
    """Count directions of effect by vesicle source and target cell, with an exact sign test.

    -o draws the harvest plot (svg, pdf, png or tiff). --by takes one or two columns.
    """
    c.check_targets(json, output, force=force, table=table)
    if output is not None:
        from metabone.plots.export import figure_format

        figure_format(output)
    from metabone.synthesis.direction import direction as synthesise

    rows = c.load(
        table, sheet=sheet, vocabulary=vocabulary, outcome=outcome, where=where, on_error=on_error
    )
    result = synthesise(rows, by=_columns(by), level=level)
    if output is not None:
        from metabone.plots.export import export
        from metabone.plots.harvest import harvest

        export(harvest(result), output, force=force)
        c.say(f"wrote {output}")
    if not c.emit_json(result.to_dict(), json, force=force):
        c.show(result.summary())


def _columns(by: Sequence[str] | None) -> list[str] | None:
    """One flat list of ``--by a --by b`` and ``--by a,b``; None if nothing was asked."""
    if by is None:
        return None
    names: list[str] = []
    for entry in c.strata_columns(by):
        names += [entry] if isinstance(entry, str) else entry
    return names
