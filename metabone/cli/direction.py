"""``metabone direction``: which way the studies point, when there are no numbers to pool."""

from __future__ import annotations

from collections.abc import Sequence

from metabone.cli import common as c
from metabone.cli.bundles import Rows, Written, bundled


@bundled
def direction(data: Rows, out: Written, by: c.By = None, level: c.Level = 0.95) -> None:
    """Count directions of effect by vesicle source and target cell, with an exact sign test.

    -o draws the harvest plot (svg, pdf, png or tiff). --by takes one or two columns.
    """
    out.check(data.table)
    if out.output is not None:
        from metabone.plots.export import figure_format

        figure_format(out.output)
    from metabone.synthesis.direction import direction as synthesise

    result = synthesise(data.load(), by=_columns(by), level=level)
    if out.output is not None:
        from metabone.plots.export import export
        from metabone.plots.harvest import harvest

        export(harvest(result), out.output, force=out.force)
        c.say(f"wrote {out.output}")
    if not c.emit_json(result.to_dict(), out.json, force=out.force):
        c.show(result.summary())


def _columns(by: Sequence[str] | None) -> list[str] | None:
    """One flat list of ``--by a --by b`` and ``--by a,b``; None if nothing was asked."""
    if by is None:
        return None
    names: list[str] = []
    for entry in c.strata_columns(by):
        names += [entry] if isinstance(entry, str) else entry
    return names
