"""``metabone forest``: a table in, its forest plot out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from metabone.cli import common as c
from metabone.errors import UsageError

Figure = Annotated[
    Path,
    typer.Option("-o", "--output", help="Figure to write: .svg, .pdf, .png, .tif or .tiff."),
]
Style = Annotated[str, typer.Option("--style", help="metabone, revman, jama or bmj.")]
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
Title = Annotated[
    str | None, typer.Option("--title", help="Words above (default: the outcome; '' for none).")
]
XLabel = Annotated[str | None, typer.Option("--xlabel", help="Words under the axis.")]
XLim = Annotated[
    str | None,
    typer.Option(
        "--xlim",
        metavar="LOW,HIGH",
        help="Ends of the axis as it is shown; what reaches further ends in an arrow.",
    ),
]
Label = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="NAME=WORDS",
        help="Call something by other words, e.g. treated=Unloaded; repeatable.",
    ),
]
Transform = Annotated[
    str | None,
    typer.Option(
        "--transform", help="percent, ratio or none, for log ratios (default: percent for ROM)."
    ),
]
Prediction = Annotated[
    bool, typer.Option("--prediction/--no-prediction", help="Draw the prediction interval.")
]
Width = Annotated[
    float | None,
    typer.Option("--width", metavar="MM", help="Width in millimetres (default: what it takes)."),
]
Dpi = Annotated[float | None, typer.Option("--dpi", help="Pixels per inch of PNG and TIFF (300).")]
Font = Annotated[
    str | None, typer.Option("--font", help="Font family of this machine (default: DejaVu Sans).")
]


def forest(
    table: c.Table,
    output: Figure,
    outcome: c.Outcome = None,
    where: c.Where = None,
    by: c.By = None,
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
    pi: c.PI = None,
    strata_tau2: c.StrataTau2 = "separate",
    level: c.Level = 0.95,
    style: Style = "metabone",
    columns: Columns = None,
    sort: Sort = None,
    title: Title = None,
    xlabel: XLabel = None,
    xlim: XLim = None,
    label: Label = None,
    transform: Transform = None,
    prediction: Prediction = True,
    width: Width = None,
    dpi: Dpi = None,
    font: Font = None,
    on_error: c.OnError = "refuse",
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    force: c.Force = False,
) -> None:
    """Draw the forest plot of a random-effects meta-analysis.

    The first --by gives the subgroups of the figure.
    """
    c.check_targets(output, json, force=force, table=table)
    limits, names = parse_limits(xlim), parse_labels(label)
    from metabone.plots.export import export, figure_format
    from metabone.plots.forest import forest as draw

    figure_format(output)
    effects, result = c.pooled(
        table, outcome=outcome, where=where, by=by, measure=measure, variance=variance,
        align=align, unit=unit, model=model, tau2=tau2, ci=ci, pi=pi, strata_tau2=strata_tau2,
        level=level, rho=rho, control=control, on_error=on_error, vocabulary=vocabulary,
        sheet=sheet, rho_table=rho_table, time_decay=time_decay, random=random,
    )  # fmt: skip
    c.report_ledger(effects)
    c.report_warnings(result)
    figure = draw(
        result, style=style, columns=columns, sort=sort,
        title=title, xlabel=xlabel, xlim=limits, labels=names, transform=transform,
        show_prediction=prediction, width_mm=width, font=font,
    )  # fmt: skip
    export(figure, output, dpi=dpi, force=force)
    c.say(f"wrote {output}")
    c.emit_json(result.to_dict(), json, force=force)


def parse_limits(text: str | None, option: str = "--xlim") -> tuple[float, float] | None:
    """``LOW,HIGH`` as two numbers.

    Raises
    ------
    UsageError
        For anything else.

    Examples
    --------
    >>> parse_limits("-1.5, 3")
    (-1.5, 3.0)
    """
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} takes LOW,HIGH, e.g. -2,4; got {text!r}") from None
    return low, high


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
