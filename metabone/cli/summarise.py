"""``metabone summarise``: a file of animals in, rows of the extraction table out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metabone.cli import common as c

if TYPE_CHECKING:
    from metabone.extraction.animals.summary import AnimalSummary

File = Annotated[
    str,
    typer.Argument(metavar="FILE", help="Animals (CSV, XLSX, Parquet): a row each, or several."),
]
Group = Annotated[str, typer.Option("--group", help="Column of the arm.")]
Animal = Annotated[str, typer.Option("--id", help="Column that names the animal.")]
Outcomes = Annotated[
    list[str] | None, typer.Option("--outcome", help="Column of an outcome; may be repeated.")
]
ControlArm = Annotated[
    str | None, typer.Option("--control", help="Control arm (default: the one named so).")
]
Sham = Annotated[str | None, typer.Option("--sham", help="Healthy arm, for NMD.")]
Names = Annotated[
    str | None,
    typer.Option("--names", help="Long file: column that names the outcome of each row."),
]
SiteColumn = Annotated[
    str | None, typer.Option("--site-column", help="Column that says where a row was measured.")
]
WeekColumn = Annotated[
    str | None, typer.Option("--week-column", help="Column of the weeks since treatment began.")
]
By = Annotated[
    list[str] | None,
    typer.Option("--by", help="Column that splits the file into experiments; may be repeated."),
]
Cage = Annotated[str | None, typer.Option("--cage", help="Column of the cage.")]
Baseline = Annotated[
    str | None, typer.Option("--baseline", help="Column of the outcome before treatment.")
]
MapFile = Annotated[
    Path | None,
    typer.Option("--map", help="Table that names the outcome, unit, site … of each column."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key", help="Table with further columns for each animal (a blinding key)."),
]
Study = Annotated[
    str | None, typer.Option("--study", help="Name of the study (default: of the file).")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A cell of every row; may be repeated."),
]
Average = Annotated[
    bool, typer.Option("--average", help="Average several rows of one animal on one measurement.")
]
Decimal = Annotated[
    str, typer.Option("--decimal", help="auto, or the decimal mark: . or , (thousands: the other).")
]
Checks = Annotated[
    bool, typer.Option("--checks/--no-checks", help="Check the animals behind the rows.")
]
ChecksJson = Annotated[
    str | None,
    typer.Option("--checks-json", metavar="FILE|-", help="Write account and checks as JSON."),
]


def summarise(
    table: File,
    group: Group,
    animal: Animal,
    outcome: Outcomes = None,
    control: ControlArm = None,
    sham: Sham = None,
    names: Names = None,
    site_column: SiteColumn = None,
    week_column: WeekColumn = None,
    by: By = None,
    cage: Cage = None,
    baseline: Baseline = None,
    map_file: MapFile = None,
    key: KeyFile = None,
    where: c.Where = None,
    study: Study = None,
    fixed: Set = None,
    average: Average = False,
    decimal: Decimal = "auto",
    level: c.Level = 0.95,
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    checks: Checks = True,
    checks_json: ChecksJson = None,
    output: c.Output = None,
    force: c.Force = False,
) -> None:
    """Summarise animal-level data as rows of the extraction table, and check the animals.

    Prints the table as CSV; with -o writes it, and prints the checks.
    """
    c.check_targets(checks_json, output, force=force, table=table)
    from metabone.extraction.animals.summarise import summarise_animals
    from metabone.files import frame_to_csv, write_whole
    from metabone.vocabulary import load_vocabulary

    made = summarise_animals(
        table, animal=animal, group=group, outcome=outcome or (), control=control, sham=sham,
        names=names, site=site_column, week=week_column, cage=cage, by=by or (),
        baseline=baseline, mapping=map_file, key=key, where=where, study=study, fixed=fixed or (),
        average=average, decimal=decimal, sheet=sheet, vocabulary=load_vocabulary(vocabulary),
    )  # fmt: skip
    _say(made)
    written = output is not None and str(output) != "-"
    checked = None
    if checks_json is not None or (checks and written):
        from metabone.synthesis.animal_checks import check_animals

        checked = check_animals(made, level=level)
    text = frame_to_csv(made.rows)
    if output is not None and written:
        write_whole(output, text, force=force)
        c.say(f"wrote {output}")
    only_json = checked is not None and c.emit_json(checked.to_dict(), checks_json, force=force)
    if only_json:
        return
    if not written:
        c.show_table(text)
    elif checked is not None and checks:
        c.show(str(checked))


def _say(made: AnimalSummary) -> None:
    """The account on stderr: how the file was read, and what is in no row."""
    animals = made.values.frame[["stratum", "animal"]].drop_duplicates()
    count = f"{len(made.rows)} row{'' if len(made.rows) == 1 else 's'}"
    c.say(f"{len(animals)} animals, control {made.control!r}: {count}")
    for note in made.notes:
        c.say(f"note: {note}")
    gone = made.groups["blank"] + made.groups["absent"]
    missing = made.groups[(gone > 0) & (made.groups["n"] > 0)]
    lines = [
        ", ".join(filter(None, (line["group"], line["experiment"], line["column"])))
        + f": {line['blank'] + line['absent']} of {line['n'] + line['blank'] + line['absent']}"
        for line in missing.to_dict("records")
    ]
    if lines:
        c.say("animals without a value:")
    for text in lines[:12]:
        c.say(f"  {text}")
    if len(lines) > 12:
        c.say(f"  … and {len(lines) - 12} more; --checks-json has them all")
    reasons = dict.fromkeys(
        f"{line['group']}, {line['outcome']}: {line['reason']}"
        for line in made.ledger
        if line["row"] is None
    )
    for text in list(reasons)[:12]:
        c.say(f"  {text}")
    if len(reasons) > 12:
        c.say(f"  … and {len(reasons) - 12} more without a row; --checks-json has them all")
