"""``metabone caterpillar``: a table in, its caterpillar plot out."""

from __future__ import annotations

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.cli.bundles import Json, Measured, Model, bundled, tell


@bundled
def caterpillar(
    data: Measured,
    output: f.Figure,
    fit: Model,
    look: f.Look,
    scale: f.Scale,
    out: Json,
    pi: c.PI = None,
    prediction: f.Prediction = True,
) -> None:
    """Draw the caterpillar plot of a pooled answer: all effects in the order of their size."""
    out.check(data.table, output)
    drawn = scale.chosen() | look.chosen()
    from metabone.plots.caterpillar import caterpillar as draw
    from metabone.plots.export import figure_format
    from metabone.synthesis.pool import pool

    figure_format(output)
    result = pool(data.effects(), pi=pi, **fit.chosen())
    tell(result)
    look.write(draw(result, show_prediction=prediction, **drawn), output, force=out.force)
    c.emit_json(result.to_dict(), out.json, force=out.force)
