"""``metabone bubble``: a table and a formula in, the bubble plot of a moderator out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from metabone.cli import common as c
from metabone.cli import figure_options as f
from metabone.cli.forest import Prediction, parse_limits
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


def bubble(
    table: c.Table,
    formula: FormulaText,
    output: f.Figure,
    moderator: Moderator = None,
    at: At = None,
    prediction: Prediction = True,
    labels: f.Labels = "auto",
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
    title: f.Title = None,
    xlabel: f.XLabel = None,
    ylim: f.YLim = None,
    transform: f.Transform = None,
    width: f.Width = None,
    dpi: f.Dpi = None,
    font: f.Font = None,
    on_error: c.OnError = "refuse",
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    force: c.Force = False,
) -> None:
    """Draw effects against a moderator, with what the meta-regression expects along it."""
    c.check_targets(output, json, force=force, table=table)
    limits, held = parse_limits(ylim, "--ylim"), parse_values(at)
    from metabone.effects.escalc import escalc
    from metabone.plots.bubble import bubble as draw
    from metabone.plots.export import export, figure_format
    from metabone.synthesis.regression import regress

    figure_format(output)
    rows = c.load(
        table, sheet=sheet, vocabulary=vocabulary, outcome=outcome, where=where, on_error=on_error
    )
    result = regress(
        escalc(rows, measure, variance=variance, align=align, unit=unit), formula, model=model,
        tau2=tau2, ci=ci, level=level, rho=rho, control=control,
        rho_table=c.read_rho_table(rho_table), time_decay=time_decay, random=random or (),
    )  # fmt: skip
    c.report_ledger(result.effects)
    for warning in result.warnings:
        c.say(f"warning: {warning}")
    figure = draw(
        result, moderator, at=held, show_prediction=prediction, labels=labels, title=title,
        xlabel=xlabel, ylim=limits, transform=transform, width_mm=width, font=font,
    )  # fmt: skip
    export(figure, output, dpi=dpi, force=force)
    c.say(f"wrote {output}")
    c.emit_json(result.to_dict(), json, force=force)


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
