"""``metabone plan new | report``: a plan to fill in, and a plan as a document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metabone.cli import common as c
from metabone.cli.plan_options import UNREACHABLE, ask, planned
from metabone.errors import UsageError

if TYPE_CHECKING:
    from metabone.planning.plan_file import Plan

PlanFile = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE.toml", help="Plan file to write.")
]
Report = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE.md|FILE.docx", help="Document to write."),
]


@planned
def new(plan: Plan, output: PlanFile = None, force: c.Force = False) -> None:
    """Write a plan file to fill in.

    Options that are given are filled in already.
    """
    from metabone.planning.plan_file import template

    c.check_targets(output, force=force)
    values = {section: dict(entries) for section, entries in plan.values.items()}
    text = template(values)
    if output is None:
        c.show(text.rstrip("\n"))
        return
    from metabone.files import write_whole

    write_whole(output, text, force=force)
    c.say(f"wrote {output}")


@planned
def report(plan: Plan, output: Report = None, force: c.Force = False) -> None:
    """Text for an ethics form, and ARRIVE 2.0.

    As Markdown or docx.
    """
    from metabone.planning.answer import answer_n, answer_power
    from metabone.report.document import markdown
    from metabone.report.plan_text import plan_document

    suffix = ".md" if output is None else output.suffix.lower()
    if suffix not in (".md", ".docx"):
        raise UsageError(f"{output}: a report ends in .md or .docx")
    c.check_targets(output, force=force)
    question = ask(plan)
    answer = answer_n(question) if question.size is None else answer_power(question)
    content: str | bytes
    if suffix == ".docx":
        from metabone.plots.export import render
        from metabone.plots.plan_curve import plan_curve
        from metabone.report.plan_docx import docx_bytes

        picture = render(plan_curve(answer, title=""), "png")
        content = docx_bytes(plan_document(answer, picture))
    else:
        content = markdown(plan_document(answer))
    if output is None:
        c.show(str(content).rstrip("\n"))
    else:
        from metabone.files import write_whole

        write_whole(output, content, force=force)
        c.say(f"wrote {output}")
    if not answer.reachable:
        c.say(f"metabone: {answer.reason}")
        raise typer.Exit(UNREACHABLE)
