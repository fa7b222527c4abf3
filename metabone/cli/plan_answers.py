"""``metabone plan n | power | mde | assurance | compare``: numbers of a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabone.cli import common as c
from metabone.cli.plan_options import UNREACHABLE, ask, planned
from metabone.errors import UsageError

if TYPE_CHECKING:
    from metabone.planning.answer import Answer
    from metabone.planning.plan_file import Plan

Figure = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FIGURE", help="Draw the power curve (svg, pdf, png)."),
]
GridOption = Annotated[
    bool, typer.Option("--grid/--no-grid", help="With the sensitivity grid (default), or without.")
]
Width = Annotated[
    float | None, typer.Option("--width", metavar="MM", help="Width of the figure (130).")
]
Designs = Annotated[
    str | None,
    typer.Option(
        "--designs",
        metavar="A,B,…",
        help="Designs to compare (default: those that look for a difference).",
    ),
]


@planned
def n(
    plan: Plan,
    grid: GridOption = True,
    json: c.Json = None,
    output: Figure = None,
    width: Width = None,
    force: c.Force = False,
) -> None:
    """Animals for the wanted power or assurance.

    With evidence (--from-meta) and no difference, the target is one of assurance.
    """
    from metabone.planning.answer import answer_n

    _check(json, output, force=force)
    _give(answer_n(ask(plan), grid=grid), json, output, width, force=force)


@planned
def power(
    plan: Plan,
    grid: GridOption = True,
    json: c.Json = None,
    output: Figure = None,
    width: Width = None,
    force: c.Force = False,
) -> None:
    """The chance of success with the animals of --n."""
    from metabone.planning.answer import answer_power

    _check(json, output, force=force)
    _give(answer_power(ask(plan), grid=grid), json, output, width, force=force)


@planned
def mde(
    plan: Plan,
    grid: GridOption = True,
    json: c.Json = None,
    output: Figure = None,
    width: Width = None,
    force: c.Force = False,
) -> None:
    """The smallest difference that --n animals find."""
    from metabone.planning.answer import answer_mde

    _check(json, output, force=force)
    _give(answer_mde(ask(plan), grid=grid), json, output, width, force=force)


@planned
def assurance(
    plan: Plan,
    grid: GridOption = True,
    json: c.Json = None,
    output: Figure = None,
    width: Width = None,
    force: c.Force = False,
) -> None:
    """The chance of success over all that is expected.

    It needs evidence (--from-meta) and the animals of --n.
    """
    from dataclasses import replace

    from metabone.planning.answer import answer_power

    _check(json, output, force=force)
    question = ask(plan)
    if question.predictive is None:
        raise UsageError("assurance needs evidence: --from-meta FILE.json, or result in [evidence]")
    answer = answer_power(replace(question, assured=True), grid=grid)
    _give(answer, json, output, width, force=force)


@planned
def compare(
    plan: Plan, designs: Designs = None, json: c.Json = None, force: c.Force = False
) -> None:
    """The same question asked of several designs."""
    from metabone.planning.comparison import compare_designs, comparison_lines

    _check(json, None, force=force)
    names = None if designs is None else [name.strip() for name in designs.split(",")]
    rows = compare_designs(plan, names)
    content: dict[str, Any] = {"schema_version": "1.0", "designs": rows}
    if not c.emit_json(content, json, force=force):
        c.show("\n".join(comparison_lines(rows)))


def _check(json: str | None, output: Path | None, *, force: bool) -> None:
    c.check_targets(json, output, force=force)
    if output is not None:
        from metabone.plots.export import figure_format

        figure_format(output)


def _give(
    answer: Answer, json: str | None, output: Path | None, width: float | None, *, force: bool
) -> None:
    """Figure, JSON or words; exit status 3 where no number of animals is enough."""
    from metabone.planning.words import summary

    if output is not None:
        from metabone.plots.export import export
        from metabone.plots.plan_curve import plan_curve

        export(plan_curve(answer, width_mm=width), output, force=force)
        c.say(f"wrote {output}")
    if not c.emit_json(answer.to_dict(), json, force=force):
        c.show(summary(answer))
    if not answer.reachable:
        c.say(f"metabone: {answer.reason}")
        raise typer.Exit(UNREACHABLE)
