"""From a file of animals to the rows of an extraction table, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from metabone.errors import DataError, UsageError
from metabone.extraction.animals.measures import (
    Measure,
    fixed_words,
    named_measures,
    read_map,
    settable,
)
from metabone.extraction.animals.sheet import Sheet, join_key, read_sheet
from metabone.extraction.animals.summary import AnimalSummary, summarise_values
from metabone.extraction.animals.values import Roles, animal_values, choose_rows
from metabone.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from metabone.vocabulary import Vocabulary


def summarise_animals(
    path: str | Path,
    *,
    animal: str,
    group: str,
    outcome: Sequence[str] = (),
    control: str | None = None,
    sham: str | None = None,
    names: str | None = None,
    site: str | None = None,
    week: str | None = None,
    cage: str | None = None,
    by: Sequence[str] = (),
    baseline: str | None = None,
    mapping: str | Path | None = None,
    key: str | Path | None = None,
    where: str | None = None,
    study: str | None = None,
    fixed: Sequence[str] = (),
    average: bool = False,
    decimal: str = "auto",
    sheet: str | None = None,
    vocabulary: Vocabulary | None = None,
) -> AnimalSummary:
    """Summarise the animals of a file as rows of the extraction table.

    Parameters
    ----------
    path : CSV, workbook or Parquet; one row for each animal, or for each measurement of one.
    animal, group : columns with the animal and its arm.
    outcome : columns of outcomes; with `names` the one column of values. By default those of the
        map.
    control, sham : arms by name; without `control` the only arm whose name says that it is one.
    names : column that names the outcome of a row (a long file).
    site, week : columns that say where and when a row was measured.
    cage : column of the cage, for the checks.
    by : columns that split the file into experiments with controls of their own.
    baseline : column of the one outcome before treatment; of several, see `read_map`.
    mapping : table that says what the extraction table calls each column, see `read_map`.
    key : table with further columns for each animal, such as the arms of a blinded study.
    where : condition on rows of the file.
    study : name of the study; the file's name by default.
    fixed : ``NAME=VALUE`` for every row, such as ``species=rat``.
    average : average several rows of one animal on one measurement.
    decimal : decimal mark, if the cells leave it open; the other one may mark thousands.

    Raises
    ------
    UsageError
        For a column, group, word or option that does not fit the file.
    DataError
        If the file cannot be read or cannot give a row; see `animal_values`.
    """
    words = load_vocabulary() if vocabulary is None else vocabulary
    cells = read_sheet(path, sheet=sheet)
    identity = cells.find(animal, "--id")
    if key is not None:
        cells = join_key(cells, key, identity)
    roles = Roles(
        animal=identity,
        group=cells.find(group, "--group"),
        names=None if names is None else cells.find(names, "--names"),
        site=None if site is None else cells.find(site, "--site-column"),
        week=None if week is None else cells.find(week, "--week-column"),
        cage=None if cage is None else cells.find(cage, "--cage"),
        by=tuple(cells.find(name, "--by") for name in by),
    )
    for name in roles.by:
        settable(name, "--by")
    cells = choose_rows(cells, where)
    if names is not None:
        roles = replace(roles, value=_value_column(cells, outcome))
    base = None if baseline is None else cells.find(baseline, "--baseline")
    measures = _measures(cells, roles, outcome, mapping, base, words)
    values = animal_values(cells, roles, measures, average=average, decimal=decimal)
    made = summarise_values(
        values, file=cells.file, sha256=cells.sha256, roles=roles,
        study=study or PurePath(cells.file).stem or "animals", control=control, sham=sham,
        fixed=fixed_words(fixed), notes=cells.notes,
    )  # fmt: skip
    return replace(made, notes=(*made.notes, *_unknown(made, words)))


def _unknown(made: AnimalSummary, words: Vocabulary) -> list[str]:
    """Columns whose outcome nobody will find under its name, and how to name it."""
    outcomes = [str(name) for name in made.rows["outcome"].unique()]
    unknown = [name for name in outcomes if words.find("outcome", name) is None]
    if not unknown:
        return []
    near = words.nearest("outcome", unknown[0], 1)
    example = f", such as {unknown[0]} = {near[0]}" if near else ""
    listed = ", ".join(map(repr, unknown[:4])) + (", …" if len(unknown) > 4 else "")
    return [
        f"no outcome of the vocabulary: {listed}; to check, pool and plan by a known one, name it "
        f"in a map{example}"
    ]


def _value_column(cells: Sheet, outcome: Sequence[str]) -> str:
    if len(outcome) != 1:
        raise UsageError("with --names, --outcome is the one column that holds the values")
    return cells.find(outcome[0], "--outcome")


def _measures(
    cells: Sheet,
    roles: Roles,
    outcome: Sequence[str],
    mapping: str | Path | None,
    baseline: str | None,
    words: Vocabulary,
) -> list[Measure]:
    """What is measured, from the map or the columns themselves."""
    mapped = None if mapping is None else read_map(mapping)
    if roles.names is not None:
        return _long_measures(cells, roles.names, mapped, baseline, words)
    columns = list(dict.fromkeys(cells.find(name, "--outcome") for name in outcome))
    if mapped is None:
        if not columns:
            raise UsageError("name the columns of outcomes with --outcome, or give a --map")
        return named_measures(columns, words, baseline)
    if baseline is not None:
        raise UsageError("with --map, baselines stand in its column baseline")
    found = [
        replace(
            measure,
            column=cells.find(measure.column, "--map"),
            baseline=None if measure.baseline is None else cells.find(measure.baseline, "--map"),
        )
        for measure in mapped
    ]
    chosen = [measure for measure in found if not columns or measure.column in columns]
    lost = set(columns) - {measure.column for measure in chosen}
    if lost:
        raise UsageError(f"the map has no line for {', '.join(map(repr, sorted(lost)))}")
    return chosen


def _long_measures(
    cells: Sheet, names: str, mapped: list[Measure] | None, baseline: str | None, words: Vocabulary
) -> list[Measure]:
    there = [str(word) for word in dict.fromkeys(cells.columns[names]) if word]
    blank = [int(row) for row, word in zip(cells.rows, cells.columns[names], strict=True)
             if not word]  # fmt: skip
    if blank:
        raise DataError(
            f"{cells.file}: {len(blank)} rows name no outcome (column {names}), the first is row "
            f"{blank[0]}; fill it in, or leave them out with --where"
        )
    if baseline is not None:
        raise UsageError("--baseline is a column of a file with one row for each animal")
    if mapped is None:
        return named_measures(there, words)
    lost = [measure.column for measure in mapped if measure.column not in there]
    if lost:
        listed = ", ".join(map(repr, there[:12]))
        raise UsageError(f"the column {names} never holds {lost[0]!r}; it holds {listed}")
    return mapped
