"""The empty extraction sheet: what its columns, lists, dictionary and example say."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabone.errors import UsageError
from metabone.extraction.schema import (
    COLUMNS,
    Column,
    canonical_column,
    rob_columns,
)
from metabone.files import check_target, safe_cell, write_whole

if TYPE_CHECKING:
    from metabone.extraction.table import StudyTable
    from metabone.vocabulary import Vocabulary

Cell = str | float | None

EXAMPLE_NOTE = "SYNTHETIC example: every value is invented to show the form"
LOOK_UP = Column(
    "look_up", "text", "Study",
    "What to find in the paper for this row; metabone does not read it.", "bookkeeping",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Template:
    """An extraction sheet before anyone has filled it in.

    Parameters
    ----------
    columns : in the order of the schema, then risk of bias, then further columns of `rows`.
    rows : cells by column name; empty for a blank sheet.
    lists : drop-down lists by their name.
    list_of : the list that each column chooses from.
    vocabulary : the words behind the lists.
    """

    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Cell], ...]
    lists: Mapping[str, tuple[str, ...]]
    list_of: Mapping[str, str]
    vocabulary: Vocabulary

    @property
    def example(self) -> dict[str, Cell]:
        """One row that validates and says that it is synthetic."""
        row: dict[str, Cell] = {
            column.name: float(column.example) if column.kind == "number" else column.example
            for column in self.columns
            if column.example
        }
        return row | {"source": "synthetic", "note": EXAMPLE_NOTE}

    def allowed(self, column: Column) -> str:
        """What may stand in a column, in words."""
        name = self.list_of.get(column.name)
        if column.kind == "number":
            return "a number"
        if column.allowed:
            return ", ".join(column.allowed)
        if name is None:
            return "any text"
        return f"a word of the list {name!r}, or a word of your own"


def make_template(vocabulary: Vocabulary, start: StudyTable | None = None) -> Template:
    """Lay out a sheet, blank or half filled from a table.

    Parameters
    ----------
    vocabulary : where the drop-down lists come from.
    start : a table whose rows are carried over, with all its columns.

    Examples
    --------
    >>> from metabone.vocabulary import load_vocabulary
    >>> sheet = make_template(load_vocabulary())
    >>> sheet.columns[0].name, sheet.lists["dispersion_type"]
    ('study', ('SD', 'SEM', 'CI95'))
    """
    known = (*COLUMNS, *rob_columns(vocabulary))
    names = {column.name for column in known}
    extras: list[Column] = []
    if start is not None:
        extras = [_extra(str(name)) for name in start.frame.columns if name not in names]
    columns = [*known, *(column for column in extras if column is not LOOK_UP)]
    if LOOK_UP in extras:
        columns.insert(1, LOOK_UP)
    lists, list_of = _lists(tuple(columns), vocabulary)
    rows = () if start is None else tuple(_carried(start, column_names(columns)))
    return Template(tuple(columns), rows, lists, list_of, vocabulary)


def column_names(columns: list[Column] | tuple[Column, ...]) -> list[str]:
    """The names of columns, in order."""
    return [column.name for column in columns]


def _extra(name: str) -> Column:
    if name == LOOK_UP.name:
        return LOOK_UP
    return Column(name, "text", "Further columns", "A column of the table this sheet began with.")


def _lists(
    columns: tuple[Column, ...], vocabulary: Vocabulary
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    lists: dict[str, tuple[str, ...]] = {}
    list_of: dict[str, str] = {}
    for column in columns:
        if column.vocabulary is not None:
            lists[column.vocabulary] = tuple(vocabulary.terms(column.vocabulary))
            list_of[column.name] = column.vocabulary
        elif column.allowed:
            name = "risk_of_bias" if column.group == "Risk of bias" else column.name
            lists[name] = column.allowed
            list_of[column.name] = name
    lists["unit"] = _units(vocabulary)
    list_of["unit"] = "unit"
    return lists, list_of


def _units(vocabulary: Vocabulary) -> tuple[str, ...]:
    units: dict[str, None] = {}
    for name in vocabulary.terms("outcome"):
        endpoint = vocabulary.endpoint(name)
        if endpoint is not None:
            units.update(dict.fromkeys(unit for unit in endpoint.units if unit))
    return tuple(units)


def _carried(start: StudyTable, names: list[str]) -> list[dict[str, Cell]]:
    printed_as = {
        canonical_column(str(header)) or str(header): header for header in start.printed.columns
    }
    rows: list[dict[str, Cell]] = []
    for row in start.frame.index:
        cells: dict[str, Cell] = {}
        for name in names:
            value = _cell(start.frame.at[row, name]) if name in start.frame.columns else None
            if value is None and name in printed_as:
                # What could not be read is carried over as the file prints it, to be put right.
                value = _cell(start.printed.at[row, printed_as[name]])
            cells[name] = value
        rows.append(cells)
    return rows


def _cell(value: Any) -> Cell:
    if value is None or value != value or value == "":
        return None
    return value if isinstance(value, str) else float(value)


def template_csv(template: Template) -> str:
    """The sheet as CSV: its header, and its rows if it has any."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = column_names(template.columns)
    writer.writerow([safe_cell(name) for name in names])
    for row in template.rows:
        writer.writerow([safe_cell(row.get(name)) for name in names])
    return stream.getvalue()


def write_template(
    path: str | Path,
    *,
    start: StudyTable | None = None,
    vocabulary: Vocabulary | None = None,
    force: bool = False,
) -> Template:
    """Write an extraction sheet, XLSX or CSV by the name of the file.

    Parameters
    ----------
    path : a name that ends in ``.xlsx`` or ``.csv``.
    start : a table whose rows are carried over, or None for a blank sheet.
    vocabulary : by default that of `start`, or the shipped one.
    force : whether an existing file is replaced.

    Raises
    ------
    UsageError
        For another ending.
    MissingExtraError
        If openpyxl is needed and not installed.
    FileWriteError
        If the file exists, or cannot be written.
    """
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in (".xlsx", ".csv"):
        raise UsageError(f"{target}: a sheet's name ends in .xlsx or .csv")
    check_target(target, force=force)
    if vocabulary is None:
        from metabone.vocabulary import load_vocabulary

        vocabulary = load_vocabulary() if start is None else start.vocabulary
    template = make_template(vocabulary, start)
    content: Any = template_csv(template)
    if ending == ".xlsx":
        from metabone.extraction.template_workbook import template_workbook

        content = template_workbook(template)
    write_whole(target, content, force=force)
    return template
