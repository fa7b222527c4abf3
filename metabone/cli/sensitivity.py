"""``metabone sensitivity``: how far a pooled answer hangs on single studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metabone.cli import figure_options as f
from metabone.cli.bundles import Json, Measured, Model, bundled, tell
from metabone.errors import UsageError

LeaveOneOut = Annotated[
    str | None,
    typer.Option("--leave-one-out", help="Pool again without each study, or each effect."),
]
Cumulative = Annotated[
    str | None,
    typer.Option(
        "--cumulative", help="Pool as evidence came in: year, precision, quality or a column."
    ),
]
Influence = Annotated[
    bool, typer.Option("--influence", help="Residuals, DFFITS, Cook's distance and the rest.")
]
Baujat = Annotated[bool, typer.Option("--baujat", help="Where heterogeneity comes from.")]
Gosh = Annotated[bool, typer.Option("--gosh", help="Pool every subset of the studies.")]
GoshSample = Annotated[
    int, typer.Option("--gosh-sample", help="The most subsets; where there are more, a sample.")
]
Permutation = Annotated[
    int, typer.Option("--permutation", help="Iterations of a permutation test; 0 for none.")
]
FormulaText = Annotated[
    str | None,
    typer.Option("--formula", help="Moderators that the permutation test is about."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of subsets and permutations.")]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="Processes for subsets and permutations.")
]
Plot = Annotated[
    str | None,
    typer.Option(
        "--plot",
        help="Figure to write with -o: leave-one-out, cumulative, influence, baujat or gosh.",
    ),
]
Highlight = Annotated[
    str | None,
    typer.Option("--highlight", help="GOSH: draw subsets with and without this study apart."),
]

Csv = Annotated[
    Path | None, typer.Option("--csv", help="Write the tables behind the text as CSV; - prints.")
]


@bundled
def sensitivity(
    data: Measured,
    fit: Model,
    out: Json,
    look: f.Look,
    scale: f.Scale,
    leave_one_out: LeaveOneOut = None,
    cumulative: Cumulative = None,
    influence: Influence = False,
    baujat: Baujat = False,
    gosh: Gosh = False,
    gosh_sample: GoshSample = 1_000_000,
    permutation: Permutation = 0,
    formula: FormulaText = None,
    seed: Seed = 1,
    workers: Workers = 1,
    plot: Plot = None,
    output: f.MaybeFigure = None,
    highlight: Highlight = None,
    labels: f.MaybeLabels = None,
    style: f.MaybeStyle = None,
    csv: Csv = None,
) -> None:
    """Ask how far a pooled answer hangs on single studies, on their order, and on its model.

    Without any question it leaves out each study and gives the influence diagnostics. Where a study
    gives more than one effect, whole studies are judged in the multilevel model.

    --plot asks for what it draws.
    """
    out.check(data.table, csv, output)
    if plot is not None or output is not None:
        _check_figure(plot, output)
    drawn = scale.chosen() | look.chosen()
    from metabone.synthesis.sensitivity.sensitivity import sensitivity as ask

    # Without a word on how: whole studies, and in the order of their years.
    result = ask(
        data.effects(),
        leave_one_out=leave_one_out or ("study" if plot == "leave-one-out" else None),
        cumulative=cumulative or ("year" if plot == "cumulative" else None),
        influence=influence or plot == "influence", baujat=baujat or plot == "baujat",
        gosh=gosh or plot == "gosh", gosh_sample=gosh_sample, permutation=permutation,
        formula=formula, seed=seed, workers=workers, **fit.chosen(),
    )  # fmt: skip
    tell(result)
    if plot is not None and output is not None:
        from metabone.plots.sensitivity import draw_sensitivity

        figure = draw_sensitivity(
            result, plot, highlight=highlight, labels=labels, style=style, **drawn
        )
        look.write(figure, output, force=out.force)
    out.answer(result, csv=csv)


def _check_figure(plot: str | None, output: Path | None) -> None:
    """Refuse a figure without a name, a name without a figure, and unknown ones of both.

    Raises
    ------
    UsageError
        If one of the two is missing or unknown.
    """
    from metabone.options import SensitivityPlot, check_option
    from metabone.plots.export import figure_format

    if plot is None or output is None:
        raise UsageError("--plot KIND and -o FIGURE go together: what to draw, and where to")
    check_option("plot", plot, SensitivityPlot)
    figure_format(output)
