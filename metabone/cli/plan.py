"""``metabone plan``: how many animals, and what a study of so many can show."""

from __future__ import annotations

import typer

from metabone.cli.plan_animals import allocate
from metabone.cli.plan_answers import assurance, compare, mde, n, power
from metabone.cli.plan_checks import selftest, simulate
from metabone.cli.plan_files import new, report

# In the order of the work.
COMMANDS = (new, n, power, mde, compare, assurance, allocate, simulate, report, selftest)


def plan() -> typer.Typer:
    """The sub-commands as one application."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="How many animals a study needs, and what so many can show.",
    )
    for command in COMMANDS:
        app.command(command.__name__)(command)
    return app
