"""What the commands share: the options by name, and how answers leave."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabone.errors import UsageError
from metabone.files import visible as visible

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable
    from metabone.extraction.table import StudyTable

Table = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="Extraction table (CSV, XLSX, Parquet), the name of a shipped data set, or -.",
    ),
]
Sheet = Annotated[
    str | None, typer.Option("--sheet", help="Sheet of a workbook (default: the first table).")
]
VocabularyFile = Annotated[
    Path | None, typer.Option("--vocabulary", help="TOML with words of your own.")
]
Outcome = Annotated[
    list[str] | None, typer.Option("--outcome", help="Outcome to use; may be repeated.")
]
Where = Annotated[
    str | None,
    typer.Option("--where", help="Rows to use, e.g. \"species == 'rat' and timepoint_weeks > 4\"."),
]
OnError = Annotated[
    str,
    typer.Option(
        "--on-error", help="Rows with impossible values: refuse (default) or exclude (ledger)."
    ),
]
Measure = Annotated[
    str, typer.Option("--measure", help="MD, SMD, SMDH, SMD1, ROM, NMD, VR or CVR.")
]
Variance = Annotated[
    str, typer.Option("--variance", help="Variance formula: LS, LS2, UB, AV, REVMAN, HO, ….")
]
Align = Annotated[
    str,
    typer.Option("--align", help="none, or benefit: flip outcomes where lower is better."),
]
Unit = Annotated[str | None, typer.Option("--unit", help="Convert to this unit first (MD).")]
By = Annotated[
    list[str] | None,
    typer.Option("--by", help="Stratify by COLUMN; COLUMN,COLUMN for a two-way table; repeatable."),
]
RhoFile = Annotated[
    Path | None,
    typer.Option(
        "--rho-table", help="CSV (column,a,b,rho) of pairs whose correlation is known better."
    ),
]
TimeDecay = Annotated[
    float | None,
    typer.Option("--time-decay", help="Correlation of two measurements one week apart."),
]
Random = Annotated[
    list[str] | None,
    typer.Option("--random", help="Further random factor, e.g. strain; may be repeated."),
]
Tau2 = Annotated[
    str, typer.Option("--tau2", help="REML, ML, DL, PM, EB, HE, HS, SJ or EE (equal effects).")
]
CI = Annotated[
    str | None,
    typer.Option(
        "--ci",
        help="hksj (default), hksj_adhoc, wald; multilevel: cr2 (default), cr1, cr0, t, wald.",
    ),
]
PI = Annotated[
    str | None,
    typer.Option(
        "--pi", help="t_k_minus_1 (default with hksj), t_k_minus_2 or normal (default with wald)."
    ),
]
StrataTau2 = Annotated[
    str, typer.Option("--strata-tau2", help="separate (default) or common tau2 of the strata.")
]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        help="auto (multilevel where a study gives several effects), univariate, multilevel.",
    ),
]
Rho = Annotated[
    float,
    typer.Option("--rho", help="Correlation of outcomes, sites and times of the same animals."),
]
ControlMode = Annotated[
    str, typer.Option("--control", help="Shared controls: exact (covariance), split or ignore.")
]
Level = Annotated[float, typer.Option("--level", help="Level of the intervals.")]
Json = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", help="Write exact JSON; - prints only that."),
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="File to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]


def say(message: str) -> None:
    """A message for the person at the terminal: on stderr, control characters made visible."""
    typer.echo(visible(message), err=True)


def show(text: str) -> None:
    """The answer: on stdout, control characters from the table made visible."""
    typer.echo(visible(text))


def show_table(text: str) -> None:
    """A table as CSV on stdout; it is said where a cell is not printed as it is."""
    shown = visible(text)
    if shown != text:
        say("note: control characters and marks of direction are printed as \\x and their code; "
            "-o FILE writes them as they are")  # fmt: skip
    typer.echo(shown, nl=False)


def emit_json(content: dict[str, Any], target: str | None, *, force: bool) -> bool:
    """Write JSON where ``--json`` points; True if it went to stdout, which must then stay clean."""
    if target is None:
        return False
    from metabone.files import dump_json, write_whole

    text = dump_json(content)
    if target == "-":
        typer.echo(text, nl=False)
        return True
    write_whole(target, text, force=force)
    say(f"wrote {target}")
    return False


def check_targets(*targets: str | Path | None, force: bool, table: str | None = None) -> None:
    """Refuse a target that exists or lies nowhere, before any work is done.

    Two results cannot go to one place, and none may take the place of the table it comes from.
    """
    from metabone.files import check_target

    given = [str(target) for target in targets if target is not None]
    places = [name if name == "-" else os.path.realpath(name) for name in given]
    for name, place in zip(given, places, strict=True):
        if places.count(place) > 1:
            where = "stdout" if name == "-" else name
            raise UsageError(f"two results cannot both go to {where}; give each a file of its own")
        if name == "-":
            continue
        if table is not None and _same_file(name, table):
            raise UsageError(f"{name} is the table itself, which is never written over")
        check_target(Path(name), force=force)


def _same_file(name: str, other: str) -> bool:
    try:
        return Path(name).samefile(other)
    except OSError:  # one of them does not exist
        return False


def strata_columns(by: Sequence[str] | None) -> list[str | tuple[str, ...]]:
    """``--by a --by a,b`` as a list: a name, or a tuple of two names for a two-way table.

    Raises
    ------
    UsageError
        For an empty name or more than two.

    Examples
    --------
    >>> strata_columns(["species", "exosome_source,target_cell"])
    ['species', ('exosome_source', 'target_cell')]
    """
    columns: list[str | tuple[str, ...]] = []
    for entry in by or ():
        names = tuple(part.strip() for part in entry.split(","))
        if not all(names) or len(names) > 2:
            raise UsageError(f"--by takes COLUMN or COLUMN,COLUMN; got {entry!r}")
        columns.append(names[0] if len(names) == 1 else names)
    return columns


def read_rho_table(path: Path | None) -> list[dict[str, Any]]:
    """The pairs of a rho table; an empty list without one.

    Raises
    ------
    DataError
        If the file cannot be read, or a rho in it is no number.
    UsageError
        If its columns are not column, a, b and rho.
    """
    if path is None:
        return []
    import csv

    from metabone.errors import DataError

    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows, names = list(reader), set(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    known = {"column", "a", "b", "rho"}
    if names != known or any(set(row) != known or None in row.values() for row in rows):
        raise UsageError(f"{path}: a rho table has the columns column, a, b and rho")
    pairs: list[dict[str, Any]] = []
    for number, row in enumerate(rows, start=2):
        try:
            pairs.append({**row, "rho": float(row["rho"])})
        except ValueError as error:
            raise DataError(
                f"{path}: row {number}, column rho ({row['rho']!r}) is not a number"
            ) from error
    return pairs


def load(
    table: str,
    *,
    sheet: str | None,
    vocabulary: Path | None,
    outcome: Sequence[str] | None,
    where: str | None,
    on_error: str,
) -> StudyTable:
    """Read, validate and select."""
    from metabone.extraction.reading import read_table
    from metabone.extraction.where import select
    from metabone.vocabulary import load_vocabulary

    words = load_vocabulary(vocabulary)
    read = read_table(table, vocabulary=words, sheet=sheet)
    for found in read.warnings:
        # A misspelt column or outcome looks like one that is not there; all else is for `check`.
        if found.code in ("unknown-column", "misspelt-outcome"):
            say(f"warning: {found}")
    return select(read, where=where, outcome=tuple(outcome or ()), on_error=on_error)


def report_ledger(effects: EffectTable) -> None:
    """Say on stderr which rows were set aside and what was done to the others."""
    if effects.excluded:
        from metabone.extraction.table import rows_text

        reasons: dict[str, list[int]] = {}
        for line in effects.excluded:
            reasons.setdefault(line.reason, []).append(line.row)
        say(f"{len(effects.excluded)} of {effects.selected} selected rows set aside:")
        for reason, rows in reasons.items():
            say(f"  {rows_text(rows)}: {reason}")
    for note in effects.notes:
        say(f"note: {note}")
