"""``metabone run``: an analysis file in, a folder of results out."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metabone.cli import common as c

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# A bar that appears and vanishes at once only flickers.
PATIENCE_SECONDS = 1.0


def run(
    analysis: Annotated[
        str,
        typer.Argument(
            metavar="ANALYSIS",
            help="Analysis file (TOML), or the name of a shipped one, e.g. unloading.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to make for the results.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a folder of earlier results, or a file.")
    ] = False,
    json: c.Json = None,
) -> None:
    """Run an analysis file: tables, JSON, figures, summary and provenance in one folder.

    The folder appears when all of it is written, or not at all.
    """
    from metabone.analysis.run import run_analysis

    c.check_targets(json, force=force)
    with Bar() as bar:
        result = run_analysis(analysis, output, force=force, progress=bar.step)
    number = sum(len(answer.warnings) for answer in result.answers)
    if number:
        c.say(f"{number} warning{'s' * (number > 1)}, under their answers in {output}/summary.md")
    if not c.emit_json(result.to_dict(), json, force=force):
        c.show(result.summary())


class Bar:
    """A progress bar on stderr, for people, once the work takes more than a moment."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.stack = ExitStack()
        self.shown: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def step(self, name: str, done: int, total: int) -> None:
        """Say what is being done now, and how much is done."""
        if self.shown is None and time.monotonic() - self.began > PATIENCE_SECONDS:
            self.shown = self._show(total, done)
        if self.shown is not None:
            progress, task = self.shown
            progress.update(task, completed=done, description=c.visible(name))

    def _show(self, total: int, done: int) -> tuple[Progress, TaskID] | None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        console = Console(stderr=True)
        if not console.is_terminal:
            return None
        # Names come from a file, so that none of them is read as markup.
        words = TextColumn("{task.description}", markup=False)
        progress = self.stack.enter_context(
            Progress(words, BarColumn(), MofNCompleteColumn(), console=console, transient=True)
        )
        return progress, progress.add_task("", total=total, completed=done)
