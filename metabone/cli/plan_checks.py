"""``metabone plan simulate | selftest``: answers tried out by simulation."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabone.cli import common as c
from metabone.cli.plan_options import UNREACHABLE, ask, planned

if TYPE_CHECKING:
    from collections.abc import Callable

    from metabone.planning.plan_file import Plan

Replicates = Annotated[
    int | None, typer.Option("--replicates", help="Studies to simulate (100,000).")
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the simulation (1).")]
Engine = Annotated[
    str, typer.Option("--engine", help="threads (default), processes (joblib) or dask.")
]
Workers = Annotated[int | None, typer.Option("--workers", help="Workers (default: all cores).")]
Scheduler = Annotated[str | None, typer.Option("--scheduler", help="Address of a Dask scheduler.")]
TargetError = Annotated[
    float | None,
    typer.Option("--target-error", help="Stop at this Monte Carlo error of the power."),
]
CheckpointFile = Annotated[
    Path | None,
    typer.Option("--checkpoint", metavar="FILE", help="Keep finished chunks here and go on later."),
]


Full = Annotated[
    bool, typer.Option("--full", help="100,000 simulated studies of each case, not 20,000.")
]


@planned
def simulate(
    plan: Plan,
    replicates: Replicates = None,
    seed: Seed = None,
    engine: Engine = "threads",
    workers: Workers = None,
    scheduler: Scheduler = None,
    target_error: TargetError = None,
    checkpoint: CheckpointFile = None,
    json: c.Json = None,
    force: c.Force = False,
) -> None:
    """Simulate studies of the plan.

    With the animals of --n, or those that the plan needs.

    The same seed gives the same counts on every engine.
    """
    from metabone.planning.answer import answer_n, answer_power
    from metabone.planning.simulation import simulate as run
    from metabone.planning.words import groups

    c.check_targets(json, force=force)
    question = ask(plan)
    answer = (answer_n if question.size is None else answer_power)(question, grid=False)
    if not answer.reachable:
        c.say(f"metabone: {answer.reason}")
        raise typer.Exit(UNREACHABLE)
    inputs = {**question.inputs, question.design["size"]: answer.size}
    wanted = replicates or int(plan.get("simulation", "replicates", 100_000))
    with progress("simulated studies") as step:
        found = run(
            question.design["name"], inputs, wanted,
            int(plan.get("simulation", "seed", 1)) if seed is None else seed,
            engine=engine, workers=workers, scheduler=scheduler, target_error=target_error,
            checkpoint=checkpoint, progress=step,
        )  # fmt: skip
    formula = float(answer.outputs["power"])
    margin = (found.power.estimate - formula) / found.power.error
    content: dict[str, Any] = {
        "schema_version": "1.0", **found.to_dict(), "formula": formula, "margin": margin,
    }  # fmt: skip
    if not c.emit_json(content, json, force=force):
        told = groups(question, answer.outputs, started=False)
        c.show(
            f"{found.summary()}\nby formula {formula:.4f} with {told}: the simulation lies "
            f"{abs(margin):.1f} Monte Carlo errors {'above' if margin >= 0 else 'below'}"
        )


def selftest(
    full: Full = False,
    seed: Seed = None,
    workers: Workers = None,
    json: c.Json = None,
    force: c.Force = False,
) -> None:
    """Hold the planner against published numbers.

    And against simulated studies of every design, on this machine; margins are in Monte Carlo
    errors. Exit status 1 if something disagrees.
    """
    from metabone.planning.selftest import SEED
    from metabone.planning.selftest import selftest as run

    c.check_targets(json, force=force)
    with progress("comparisons") as step:
        found = run(full=full, seed=SEED if seed is None else seed, workers=workers, progress=step)
    if not c.emit_json({"schema_version": "1.0", **found.to_dict()}, json, force=force):
        c.show(found.summary())
    if not found.ok:
        raise typer.Exit(1)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr where that is a terminal; else None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def step(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield step
