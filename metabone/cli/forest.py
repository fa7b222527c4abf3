"""``metabone forest``: a table in, its forest plot out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.cli.bundles import Json, Measured, Model, bundled, tell
from metabone.errors import UsageError

Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B,C",
        help="From left to right: study, dose, timepoint, duration, arms, n, weight, effect, plot, "
        "or any column of the table (default: those of the style).",
    ),
]
Sort = Annotated[
    str | None,
    typer.Option("--sort", help="effect, precision or study (default: the order of the table)."),
]
Label = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="NAME=WORDS",
        help="Call something by other words, e.g. treated=Unloaded; repeatable.",
    ),
]


@bundled
def forest(
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
    columns: Columns = None,
    sort: Sort = None,
    label: Label = None,
    prediction: f.Prediction = True,
) -> None:
    """Draw the forest plot of a random-effects meta-analysis.

    The first --by gives the subgroups of the figure.
    """
    out.check(data.table, output)
    drawn = scale.chosen() | look.chosen() | {"labels": parse_labels(label)}
    from metabone.plots.export import figure_format
    from metabone.plots.forest import forest as draw
    from metabone.synthesis.pool import pool

    figure_format(output)
    result = pool(
        data.effects(), by=c.strata_columns(by), pi=pi, strata_tau2=strata_tau2, **fit.chosen()
    )
    tell(result)
    figure = draw(
        result, style=style, columns=columns, sort=sort, show_prediction=prediction, **drawn
    )
    look.write(figure, output, force=out.force)
    c.emit_json(result.to_dict(), out.json, force=out.force)


def parse_labels(entries: Sequence[str] | None) -> dict[str, str]:
    """``NAME=WORDS`` entries as a mapping.

    Raises
    ------
    UsageError
        For an entry without an equals sign or a name.

    Examples
    --------
    >>> parse_labels(["treated=Unloaded", "axis=g = d × J"])
    {'treated': 'Unloaded', 'axis': 'g = d × J'}
    """
    labels = {}
    for entry in entries or ():
        name, equals, words = entry.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--label takes NAME=WORDS, e.g. treated=Unloaded; got {entry!r}")
        labels[name.strip()] = words.strip()
    return labels
