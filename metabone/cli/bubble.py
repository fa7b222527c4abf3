"""``metabone bubble``: a table and a formula in, the bubble plot of a moderator out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.cli.bundles import Json, Measured, Model, bundled, tell
from metabone.cli.regress import FormulaText
from metabone.errors import UsageError

Moderator = Annotated[
    str | None,
    typer.Option("--moderator", help="Column to draw along (default: the only one)."),
]
At = Annotated[
    list[str] | None,
    typer.Option(
        "--at",
        metavar="COLUMN=VALUE",
        help="Where another moderator is held (default: its mean, or most frequent word).",
    ),
]


@bundled
def bubble(
    data: Measured,
    formula: FormulaText,
    output: f.Figure,
    fit: Model,
    look: f.Look,
    out: Json,
    moderator: Moderator = None,
    at: At = None,
    prediction: f.Prediction = True,
    labels: f.Labels = "auto",
    xlabel: f.XLabel = None,
    ylim: f.YLim = None,
    transform: f.Transform = None,
) -> None:
    """Draw effects against a moderator, with what the meta-regression expects along it."""
    out.check(data.table, output)
    limits, held = f.parse_limits(ylim, "--ylim"), parse_values(at)
    from metabone.plots.bubble import bubble as draw
    from metabone.plots.export import figure_format
    from metabone.synthesis.regression import regress

    figure_format(output)
    result = regress(data.effects(), formula, **fit.chosen())
    tell(result)
    figure = draw(
        result, moderator, at=held, show_prediction=prediction, labels=labels, xlabel=xlabel,
        ylim=limits, transform=transform, **look.chosen(),
    )  # fmt: skip
    look.write(figure, output, force=out.force)
    c.emit_json(result.to_dict(), out.json, force=out.force)


def parse_values(entries: Sequence[str] | None) -> dict[str, float | str]:
    """``COLUMN=VALUE`` entries as a mapping; what reads as a number is one.

    Raises
    ------
    UsageError
        For an entry without an equals sign, a column or a value.

    Examples
    --------
    >>> parse_values(["species=rat", "age_weeks=12"])
    {'species': 'rat', 'age_weeks': 12.0}
    """
    values: dict[str, float | str] = {}
    for entry in entries or ():
        name, _, text = (part.strip() for part in entry.partition("="))
        if not name or not text:
            raise UsageError(f"--at takes COLUMN=VALUE, e.g. species=rat; got {entry!r}")
        try:
            values[name] = float(text)
        except ValueError:
            values[name] = text
    return values
