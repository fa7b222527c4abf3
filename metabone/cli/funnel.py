"""``metabone funnel``: a table in, its funnel plot out."""

from __future__ import annotations

from typing import Annotated

import typer

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.cli.bundles import Json, Measured, Model, bundled, tell

Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Upright axis: auto (safe for the measure), sei, seinv (1/SE), sqrtninv (1/√N), arms "
        "(√(1/n1 + 1/n2)).",
    ),
]
Contours = Annotated[
    bool | None,
    typer.Option(
        "--contours/--no-contours", help="Regions of p < .10, .05, .01 (default: if there are any)."
    ),
]
TrimFillName = Annotated[
    str | None, typer.Option("--trim-fill", help="Add the effects of trim and fill: L0 or R0.")
]


@bundled
def funnel(
    data: Measured,
    output: f.Figure,
    fit: Model,
    look: f.Look,
    scale: f.Scale,
    out: Json,
    precision: Precision = "auto",
    contours: Contours = None,
    trim_fill: TrimFillName = None,
    labels: f.Labels = "auto",
) -> None:
    """Draw the funnel plot of a pooled answer: each effect against its precision."""
    out.check(data.table, output)
    drawn = scale.chosen() | look.chosen()
    from metabone.options import TrimEstimator, check_option
    from metabone.plots.export import figure_format
    from metabone.plots.funnel import funnel as draw
    from metabone.plots.funnel import trim_fill_of
    from metabone.synthesis.bias.bias import bias
    from metabone.synthesis.pool import pool

    figure_format(output)
    if trim_fill is not None:
        check_option("trim-fill", trim_fill, TrimEstimator)
    effects, options = data.effects(), fit.chosen()
    result = pool(effects, **options)
    tell(result)
    added = None
    if trim_fill is not None:
        added = trim_fill_of(bias(effects, **options), trim_fill)
    figure = draw(
        result, precision=precision, contours=contours, trimfill=added, labels=labels, **drawn
    )
    look.write(figure, output, force=out.force)
    c.emit_json(result.to_dict(), out.json, force=out.force)
