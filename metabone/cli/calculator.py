"""``metabone calculator``: the planner as one page for any browser, with no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metabone.cli import common as c
from metabone.errors import UsageError

DEFAULT = Path("calculator.html")

Page = Annotated[
    str | None,
    typer.Option(
        "-o", "--output", metavar="FILE.html", help="Page to write (calculator.html); - prints it."
    ),
]
Evidence = Annotated[
    list[Path] | None,
    typer.Option(
        "--evidence",
        metavar="FILE.json",
        help="Result of metabone pool --json to put into the page; repeatable.",
    ),
]
Serve = Annotated[
    bool,
    typer.Option("--serve", help="Serve the page on 127.0.0.1 until Ctrl-C; a file only with -o."),
]
Port = Annotated[
    int | None, typer.Option("--port", help="Port of --serve (default: one that is free).")
]


def calculator(
    output: Page = None,
    evidence: Evidence = None,
    serve: Serve = False,
    port: Port = None,
    force: c.Force = False,
) -> None:
    """Write the planner as one web page that needs no server and no network.

    With --serve it is given to this machine's browsers instead.
    """
    if port is not None and not serve:
        raise UsageError("--port goes with --serve")
    target = None if serve and output is None else str(output or DEFAULT)
    _check(target, evidence or [], force=force)
    if not serve:
        _write(_page(evidence or []), target, force=force)
        return
    from metabone.planning.calculator.serve import make_server

    # The port first: one that cannot be had leaves no file behind.
    with make_server(port or 0) as server:
        page = _page(evidence or [])
        _write(page, target, force=force)
        server.page = page.encode("utf-8")
        c.say(f"the calculator is at {server.address} (this machine alone); Ctrl-C ends it")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            c.say("ended")


def _page(evidence: list[Path]) -> str:
    from metabone.planning.calculator.data import left_out
    from metabone.planning.calculator.page import calculator_page

    page = calculator_page(evidence=evidence)
    for part in left_out(evidence):
        c.say(f"note: {part['file']}, {part['label']}: left out, since {part['reason']}")
    return page


def _check(target: str | None, evidence: list[Path], *, force: bool) -> None:
    """Refuse a target that cannot be, or that is the evidence, before any work."""
    for path in evidence:
        c.check_targets(target, force=force, table=str(path))
    c.check_targets(target, force=force)


def _write(page: str, target: str | None, *, force: bool) -> None:
    if target == "-":
        typer.echo(page, nl=False)
    elif target is not None:
        from metabone.files import write_whole

        write_whole(target, page, force=force)
        c.say(f"wrote {target}: open it in a browser")
