"""``metabone plan allocate``: which animal gets which treatment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabone.cli import common as c
from metabone.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from metabone.planning.allocation import Allocation
    from metabone.planning.animals import Roles
    from metabone.planning.confounding import Check
    from metabone.planning.plan_file import Plan

# Columns that are tested if the list has them.
COVARIATES = ("weight", "cage", "surgeon")

Animals = Annotated[
    Path | None,
    typer.Argument(metavar="[ANIMALS]", help="CSV of the animals: id, and weight, cage, surgeon."),
]
PlanOption = Annotated[
    Path | None, typer.Option("--plan", help="Plan file with [allocation] and groups.")
]
Groups = Annotated[
    str | None,
    typer.Option("--groups", metavar="A,B,…", help="Groups; vehicle:2,exosomes:1 gives shares."),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the randomisation.")]
Unit = Annotated[str | None, typer.Option("--unit", help="animal (default), or cage: whole cages.")]
Id = Annotated[str, typer.Option("--id", metavar="COLUMN", help="Column of the identities.")]
Strata = Annotated[
    str | None,
    typer.Option("--strata", metavar="A,B", help="Columns randomised level by level, e.g. sex."),
]
Codes = Annotated[str, typer.Option("--codes", help="words (default), letters, or none.")]
Most = Annotated[int | None, typer.Option("--most-per-cage", help="Refuse fuller cages.")]
Checked = Annotated[
    str | None,
    typer.Option(
        "--check", metavar="A,B", help="Columns to test (default: weight, cage, surgeon)."
    ),
]
Grouped = Annotated[
    str | None,
    typer.Option("--grouped-by", metavar="COLUMN", help="Only test the groups of this column."),
]
List = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="LIST.csv", help="Coded list (default: printed)."),
]
Key = Annotated[
    Path | None, typer.Option("--key", metavar="KEY.csv", help="File for the key of the codes.")
]


def allocate(
    animals: Animals = None,
    plan: PlanOption = None,
    groups: Groups = None,
    seed: Seed = None,
    unit: Unit = None,
    identity: Id = "id",
    strata: Strata = None,
    codes: Codes = "words",
    most_per_cage: Most = None,
    check: Checked = None,
    grouped_by: Grouped = None,
    output: List = None,
    key: Key = None,
    json: c.Json = None,
    force: c.Force = False,
) -> None:
    """Randomise a list of animals, with coded groups.

    Blocked by weight and mixed within cages, or cage by cage.

    The list goes to -o and the key to --key, which belongs to somebody who does not treat or
    measure. --json holds the key too.
    """
    from metabone.planning.animals import read_animals
    from metabone.planning.plan_file import Plan, read_plan

    said = read_plan(plan) if plan is not None else Plan()
    path = animals if animals is not None else said.path("allocation", "animals")
    if path is None:
        raise UsageError("give the list of animals, or animals in [allocation]")
    c.check_targets(output, key, json, force=force, table=str(path))
    table = read_animals(path)
    if grouped_by is not None:
        _only_test(table, grouped_by, check, unit or said.get("allocation", "unit"), json, force)
        return
    made = _randomise(
        table, said, groups, seed=seed, unit=unit, strata=strata, identity=identity, codes=codes,
        most_per_cage=most_per_cage,
    )  # fmt: skip
    if key is None and codes != "none":
        raise UsageError("give --key FILE for the key of the codes")
    checks = _tests(made.table, check, "group", made.roles.cage if made.unit == "cage" else None)
    _write(made, output, key, force=force)
    content: dict[str, Any] = {"schema_version": "1.0", **made.to_dict()}
    content["checks"] = [one.to_dict() for one in checks]
    if not c.emit_json(content, json, force=force):
        lines = [made.summary(), *map(str, checks)]
        c.show("\n".join(lines) if output is not None else made.to_csv().rstrip("\n"))
        if output is None:
            c.say("\n".join(lines))


def _randomise(
    table: pd.DataFrame,
    said: Plan,
    groups: str | None,
    *,
    seed: int | None,
    unit: str | None,
    strata: str | None,
    identity: str,
    codes: str,
    most_per_cage: int | None,
) -> Allocation:
    from metabone.planning.allocation import allocate as randomise

    names: Any = said.get("study", "groups") if groups is None else parse_groups(groups)
    if names is None:
        pair = [said.get("study", "control"), said.get("study", "treatment")]
        names = pair if all(pair) else None
    if names is None:
        raise UsageError("give --groups, or groups in [study]")
    chosen = seed if seed is not None else said.get("allocation", "seed")
    if chosen is None:
        raise UsageError("give --seed, a whole number of your own: it makes the list reproducible")
    return randomise(
        table, names, seed=chosen, roles=_roles(table, identity, strata),
        unit=unit or said.get("allocation", "unit", "animal"), codes=codes,
        most_per_cage=most_per_cage,
    )  # fmt: skip


def _roles(table: pd.DataFrame, identity: str, strata: str | None) -> Roles:
    from metabone.planning.animals import Roles

    has = {name: name if name in table.columns else None for name in ("cage", "weight")}
    within = () if strata is None else tuple(name.strip() for name in strata.split(","))
    return Roles(id=identity, cage=has["cage"], weight=has["weight"], strata=within)


def parse_groups(text: str) -> list[str] | dict[str, int]:
    """``A,B`` as names; ``A:2,B:1`` as names with shares.

    Raises
    ------
    UsageError
        For a share that is no whole number.

    Examples
    --------
    >>> parse_groups("vehicle, exosomes"), parse_groups("vehicle:2,exosomes")
    (['vehicle', 'exosomes'], {'vehicle': 2, 'exosomes': 1})
    """
    names = [part.strip() for part in text.split(",")]
    if ":" not in text:
        return names
    shares: dict[str, int] = {}
    for name in names:
        group, share = name.rsplit(":", 1) if ":" in name else (name, "1")
        if not share.strip().isdecimal():
            raise UsageError(f"--groups takes NAME or NAME:SHARE, e.g. vehicle:2; got {name!r}")
        shares[group.strip()] = int(share)
    return shares


def _tests(
    table: pd.DataFrame, wanted: str | None, group: str, unit: str | None
) -> tuple[Check, ...]:
    from metabone.planning.confounding import check_confounding

    if wanted is not None:
        names = [name.strip() for name in wanted.split(",")]
    else:
        names = [name for name in COVARIATES if name in table.columns]
    return check_confounding(table, names, group=group, unit=unit) if names else ()


def _only_test(
    table: pd.DataFrame,
    group: str,
    wanted: str | None,
    unit: str | None,
    json: str | None,
    force: bool,
) -> None:
    """Look at groups that are there already."""
    checks = _tests(table, wanted, group, "cage" if unit == "cage" else None)
    content = {"schema_version": "1.0", "checks": [one.to_dict() for one in checks]}
    if not c.emit_json(content, json, force=force):
        c.show("\n".join(map(str, checks)) or "nothing to test: no weight, cage or surgeon")


def _write(made: Allocation, output: Path | None, key: Path | None, *, force: bool) -> None:
    from metabone.files import write_whole
    from metabone.planning.allocation import write_allocation

    if output is not None and key is not None:
        write_allocation(made, output, key, force=force)
        c.say(f"wrote {output} and the key {key}")
        return
    for path, text in ((key, made.key_csv()), (output, made.to_csv())):
        if path is not None:
            write_whole(path, text, force=force)
            c.say(f"wrote {path}")
