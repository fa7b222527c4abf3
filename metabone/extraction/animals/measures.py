"""Which columns are outcomes, and what the extraction table calls them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from metabone.errors import DataError, UsageError
from metabone.extraction.animals.sheet import read_sheet
from metabone.extraction.numbers import parse_number
from metabone.extraction.schema import BY_NAME, canonical_column, fold_header

if TYPE_CHECKING:
    from metabone.vocabulary import Vocabulary

#: What the summary itself says of a row; nobody else may.
RESERVED = frozenset(
    ("study", "experiment", "comparison", "control_id", "outcome", "source", "location", "exclude")
)
_UNIT = re.compile(r"(?P<name>.+?)\s*[(\[](?P<unit>[^()\[\]]+)[)\]]")


@dataclass(frozen=True, slots=True)
class Measure:
    """One column of outcomes.

    Parameters
    ----------
    column : name in the file (in a long file, the word that names the outcome).
    outcome : what the extraction table calls it.
    words : further cells of its rows, such as ``unit``, ``site``, ``timepoint_weeks``.
    baseline : column of the same animals before treatment, or None.
    """

    column: str
    outcome: str
    words: Mapping[str, str] = field(default_factory=dict)
    baseline: str | None = None


def named_measures(
    columns: Iterable[str], vocabulary: Vocabulary, baseline: str | None = None
) -> list[Measure]:
    """Columns as outcomes of their own name; ``BV/TV (%)`` is BV/TV in %.

    Raises
    ------
    UsageError
        If one baseline is given for several outcomes.
    """
    measures = []
    for column in columns:
        outcome, words = column, {}
        found = _UNIT.fullmatch(column)
        if found and vocabulary.endpoint(column) is None and vocabulary.endpoint(found["name"]):
            outcome, words = found["name"], {"unit": found["unit"].strip()}
        measures.append(Measure(column, outcome, words, baseline))
    if baseline is not None and len(measures) > 1:
        raise UsageError(
            "--baseline is for one outcome; for several, name each one's in the column baseline "
            "of --map"
        )
    return measures


def read_map(path: str | Path) -> list[Measure]:
    """The measures that a map names.

    A map is a table with the columns ``column`` (as the file of animals names it) and ``outcome``,
    and any of ``baseline`` and the columns of the extraction table (``unit``, ``site``, ``assay``,
    ``timepoint_weeks``, …).

    Raises
    ------
    UsageError
        If a column is missing, or one is written by the summary itself.
    DataError
        If a column is named twice for the same words, or a cell that must be filled is blank.
    """
    sheet = read_sheet(path)
    heads = {fold_header(name): name for name in sheet.columns}
    for needed in ("column", "outcome"):
        if needed not in heads:
            raise UsageError(f"the map {sheet.file} has no column {needed!r}")
    names = {
        settable(name, f"the map {sheet.file}"): name
        for folded, name in heads.items()
        if folded not in ("column", "outcome", "baseline")
    }
    measures: list[Measure] = []
    for at, row in enumerate(sheet.rows.tolist()):
        cell = {key: str(sheet.columns[name][at]) for key, name in heads.items()}
        if not cell["column"] or not cell["outcome"]:
            raise DataError(f"the map {sheet.file}: row {row} needs a column and an outcome")
        words = {key: str(sheet.columns[name][at]) for key, name in names.items()}
        for key, word in words.items():
            check_word(key, word, f"the map {sheet.file}, row {row}")
        kept = {key: word for key, word in words.items() if word}
        measure = Measure(cell["column"], cell["outcome"], kept, cell.get("baseline") or None)
        if any(_key(measure) == _key(other) for other in measures):
            raise DataError(
                f"the map {sheet.file}: row {row} says again what a row above says of "
                f"{measure.outcome!r}; rows differ in outcome, site, assay or timepoint_weeks"
            )
        measures.append(measure)
    return measures


def _key(measure: Measure) -> tuple[str, ...]:
    words = measure.words
    return (measure.outcome, *(words.get(k, "") for k in ("site", "assay", "timepoint_weeks")))


def settable(name: str, where: str) -> str:
    """The extraction table's name of a column that a user may fill for whole rows.

    Raises
    ------
    UsageError
        If the summary writes that column itself.
    """
    known = canonical_column(name) or fold_header(name)
    column = BY_NAME.get(known)
    computed = column is not None and column.role == "data" and known != "better"
    if not known or known in RESERVED or computed:
        raise UsageError(
            f"{where}: the column {name!r} is written by the summary itself; what can be given is "
            "unit, site, assay, timepoint_weeks, species, strain, sex, doi and the like"
        )
    return known


def check_word(name: str, word: str, where: str) -> None:
    """Refuse a word where the extraction table wants a number.

    Raises
    ------
    DataError
        With the place, the column and the word.
    """
    column = BY_NAME.get(name)
    if word and column is not None and column.kind == "number":
        try:
            parse_number(word)
        except ValueError as error:
            raise DataError(f"{where}: {name} {word[:40]!r} is no number") from error


def fixed_words(pairs: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` pairs that every row gets.

    Raises
    ------
    UsageError
        For a text without ``=``, a name given twice, or one that the summary writes itself.

    Examples
    --------
    >>> fixed_words(["species=rat", "Age weeks=12"])
    {'species': 'rat', 'age_weeks': '12'}
    """
    words: dict[str, str] = {}
    for pair in pairs:
        name, mark, value = pair.partition("=")
        if not mark or not name.strip() or not value.strip():
            raise UsageError(f"--set takes NAME=VALUE; got {pair!r}")
        known = settable(name.strip(), "--set")
        if known in words:
            raise UsageError(f"--set gives {known!r} twice")
        check_word(known, value.strip(), "--set")
        words[known] = value.strip()
    return words
