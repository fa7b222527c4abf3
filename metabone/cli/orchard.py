"""``metabone orchard``: a table in, its orchard plot out."""

from __future__ import annotations

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.cli.bundles import Json, Measured, Model, bundled, tell


@bundled
def orchard(
    data: Measured,
    output: f.Figure,
    fit: Model,
    look: f.Look,
    scale: f.Scale,
    out: Json,
    by: c.By = None,
    pi: c.PI = None,
    strata_tau2: c.StrataTau2 = "separate",
    style: f.Style = "metabone",
    prediction: f.Prediction = True,
) -> None:
    """Draw the orchard plot of a pooled answer: every effect as a bubble, by its strata.

    The first --by gives the rows of the figure.
    """
    out.check(data.table, output)
    drawn = scale.chosen() | look.chosen()
    from metabone.plots.export import figure_format
    from metabone.plots.orchard import orchard as draw
    from metabone.synthesis.pool import pool

    figure_format(output)
    result = pool(
        data.effects(), by=c.strata_columns(by), pi=pi, strata_tau2=strata_tau2, **fit.chosen()
    )
    tell(result)
    figure = draw(result, style=style, show_prediction=prediction, **drawn)
    look.write(figure, output, force=out.force)
    c.emit_json(result.to_dict(), out.json, force=out.force)
