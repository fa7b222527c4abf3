"""``metabone rob``: how the studies were judged, item by item."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metabone.cli import common as c
from metabone.cli.bundles import Json, Rows, bundled
from metabone.cli.figure_options import Look, MaybeFigure
from metabone.errors import UsageError

if TYPE_CHECKING:
    from metabone.synthesis.results import PoolResult
    from metabone.synthesis.rob_results import RobResult

Tool = Annotated[str, typer.Option("--tool", help="syrcle (columns rob_…), camarades or arrive.")]
Weights = Annotated[
    str,
    typer.Option("--weights", help="What the shares count: studies, effects, animals or pooled."),
]
Overall = Annotated[
    str | None,
    typer.Option(
        "--overall", metavar="RULE", help="Rule of an overall judgement: worst or highs:N."
    ),
]
Conflicts = Annotated[
    str,
    typer.Option("--conflicts", help="Rows of a study that differ: show them, or take the worst."),
]
Plot = Annotated[
    str | None, typer.Option("--plot", help="Figure for -o: traffic-light (default) or summary.")
]


@bundled
def rob(
    data: Rows,
    out: Json,
    look: Look,
    tool: Tool = "syrcle",
    weights: Weights = "studies",
    overall: Overall = None,
    conflicts: Conflicts = "show",
    measure: c.Measure = "SMD",
    plot: Plot = None,
    output: MaybeFigure = None,
) -> None:
    """Count the studies by judgement of risk of bias, quality or reporting.

    -o draws the traffic-light plot or the summary. Nothing is judged here: the table says it.
    """
    out.check(data.table, output)
    if plot is not None and output is None:
        raise UsageError("--plot needs a file to draw to: add -o FIGURE")
    if output is not None:
        from metabone.plots.export import figure_format

        figure_format(output)
    from metabone.options import RobPlot, RobTool, check_option
    from metabone.synthesis.rob import assess, check_rule

    drawn = check_option("plot", plot or "traffic-light", RobPlot)
    check_rule(overall, check_option("tool", tool, RobTool))
    rows = data.load()
    pooled: PoolResult | None = None
    if weights.casefold() == "pooled":
        from metabone.effects.escalc import escalc
        from metabone.synthesis.pool import pool

        pooled = pool(escalc(rows, measure))
        c.report_ledger(pooled.effects)
    result = assess(
        rows, tool, weights=weights, overall=overall, conflicts=conflicts, pooled=pooled
    )
    if output is not None:
        _draw(result, drawn, output, look, force=out.force)
    if not c.emit_json(result.to_dict(), out.json, force=out.force):
        c.show(result.summary())


def _draw(result: RobResult, drawn: str, output: Path, look: Look, *, force: bool) -> None:
    """Write the figure; of several pages each to a file of its own."""
    from metabone.plots.rob_figures import draw_rob, page_paths

    figures = draw_rob(result, drawn, **look.chosen())
    paths = page_paths(output, len(figures))
    if len(paths) > 1:
        c.check_targets(*paths, force=force)
    for path, figure in zip(paths, figures, strict=True):
        look.write(figure, path, force=force)
