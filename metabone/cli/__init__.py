"""The command line: one thin command for each step, one file for each command."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from keyword import iskeyword
from typing import Any

import typer

from metabone.errors import DataError, MetaboneError, UsageError

# One module for each command; the module's function of the same name is the command. A word that
# Python keeps for itself has an underscore behind it in both names.
COMMANDS = (
    "new", "import", "summarise", "check", "effects", "pool", "outcomes", "regress", "bias",
    "sensitivity", "choices", "rob", "direction", "forest", "funnel", "bubble", "orchard",
    "caterpillar", "map", "plan", "calculator", "run", "datasets",
)  # fmt: skip
# Commands whose function gives an application with sub-commands.
GROUPS = ("plan",)


def _version(asked: bool) -> None:
    if asked:
        from metabone._version import __version__

        typer.echo(f"metabone {__version__}")
        raise typer.Exit


def _entry(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Meta-analysis and study planning for animal studies of bone."""


def build_app(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """The application with its commands, or with some of them."""
    app = typer.Typer(
        name="metabone",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_entry)
    for name in names:
        own = f"{name}_" if iskeyword(name) else name
        made = getattr(import_module(f"metabone.cli.{own}"), own)
        if name in GROUPS:
            app.add_typer(made(), name=name)
        else:
            app.command(name, short_help=_first_sentences(made))(_naming_its_table(made))
    return app


def _first_sentences(command: Callable[..., None]) -> str:
    """The first paragraph of a command's help, whole: a list of commands would cut it short."""
    return " ".join((command.__doc__ or "").split("\n\n")[0].split())


def _naming_its_table(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with the table's name in front of what is wrong with its data."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except DataError as error:
            table = options.get("table")
            if not isinstance(table, str) or table in str(error):
                raise
            raise DataError(f"{table}: {error}") from error

    return run


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; known errors become one line on stderr and an exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Where the command is clear the others need not be built: it is felt at every call.
    names = given[:1] if given[:1] and given[0] in COMMANDS else COMMANDS
    try:
        build_app(names)(args=given, prog_name="metabone")
    except MetaboneError as error:
        from metabone.cli.common import visible

        typer.echo(visible(f"metabone: {error}"), err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        # The reader of a pipe went away; point stdout elsewhere so that exit does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def run() -> None:
    """The console's entry: `main`, in a process that is too short to collect garbage often.

    Importing pandas makes objects by the hundred thousand; looking through them again and again,
    and once more at the end, costs a fifth of a small answer's time.
    """
    gc.set_threshold(100_000, 50, 50)
    try:
        main()
    finally:
        gc.freeze()
