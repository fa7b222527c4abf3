"""Table rows and the source rows behind them to one frame that keeps every source column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metabone.extraction.importers.results import FIRST_ROW, LedgerLine
from metabone.extraction.importers.sheet import Sheet, Value
from metabone.extraction.schema import BY_NAME, canonical_column

if TYPE_CHECKING:
    import pandas as pd

# Source columns under these names would enter an effect size or keep rows out by accident.
_NOT_FROM_SOURCE = frozenset(
    {name for name, column in BY_NAME.items() if column.role == "data"} | {"exclude"}
)


@dataclass(frozen=True, slots=True)
class Made:
    """One row of the table.

    Parameters
    ----------
    values : canonical columns.
    parts : for each role the position of its source row; the first role is the main one.
    """

    values: Mapping[str, Value]
    parts: Mapping[str, int]


def assemble(
    kind: str, sheet: Sheet, rows: Sequence[Made], copied: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Canonical columns first, in the order of the schema, then every column of the source.

    A source column keeps its name and gives the main source row's cell. It is prefixed with
    ``kind_`` where its name would clash with a column of the table or would be read as data. Where
    another source row of a table row (its control, its healthy arm) says something else, that
    stands in ``kind_role_name``.

    Parameters
    ----------
    copied : for canonical columns the field of the sheet that they were copied from; where a
        canonical column repeats it cell for cell, the source column is not kept a second time.
    """
    import pandas as pd

    names = dict.fromkeys([*BY_NAME, *(name for row in rows for name in row.values)])
    made = [
        name
        for name in names
        if (name in BY_NAME and BY_NAME[name].required)
        or any(row.values.get(name) is not None for row in rows)
    ]
    columns: dict[str, list[Value]] = {
        name: [row.values.get(name) for row in rows] for name in made
    }
    taken = {_meaning(name) for name in made}
    roles = list(dict.fromkeys(role for row in rows for role in row.parts))
    main = [next(iter(row.parts.values())) for row in rows]
    of_role = {role: [row.parts.get(role) for row in rows] for role in roles}
    for place, header in enumerate(sheet.header):
        kept = sheet.kept(place)
        mine: list[Value] = [kept[at] for at in main]
        if _repeated(sheet, place, mine, main, [
            columns[name] for name, field in (copied or {}).items()
            if name in columns and sheet.places.get(field) == place
        ]):  # fmt: skip
            continue
        name = _free(header, kind, taken)
        columns[name] = mine
        for role in roles[1:]:
            parts = of_role[role]
            other: list[Value] = [None if at is None else kept[at] for at in parts]
            if any(
                at is not None and cell != own
                for at, cell, own in zip(parts, other, mine, strict=True)
            ):
                columns[_free(f"{kind}_{role}_{header}", kind, taken)] = other
    if len(roles) > 1:
        for role in roles:
            columns[_free(f"{kind}_row_{role}", kind, taken)] = [
                str(sheet.rows[row.parts[role]]) if role in row.parts else None for row in rows
            ]
    return pd.DataFrame(columns, index=range(len(rows)), dtype=object)


def _meaning(name: str) -> str:
    return canonical_column(name) or name


def _free(name: str, kind: str, taken: set[str]) -> str:
    """A name that nothing else in the table has or means; marks it as taken."""
    chosen = name
    if _meaning(name) in taken | _NOT_FROM_SOURCE:
        chosen = f"{kind}_{name}"
    number = 2
    while _meaning(chosen) in taken:
        chosen = f"{kind}_{name} ({number})"
        number += 1
    taken.add(_meaning(chosen))
    return chosen


def _repeated(
    sheet: Sheet,
    place: int,
    printed: list[Value],
    main: Sequence[int],
    copies: Sequence[list[Value]],
) -> bool:
    """Whether a canonical column that was copied from this one repeats it cell for cell."""
    cells = [sheet.cell(at, place) for at in main] if copies else []
    return any(copy in (cells, printed) for copy in copies)


def ledger_of(
    sheet: Sheet, rows: Sequence[Made], left_out: Mapping[int, LedgerLine]
) -> list[LedgerLine]:
    """One line for each source row: where it went, or why it was left out.

    Parameters
    ----------
    left_out : by position in the sheet, the lines of rows that no table row uses; a line of a row
        that is used after all is dropped.
    """
    used: dict[int, tuple[str, list[int]]] = {}
    for number, row in enumerate(rows, start=FIRST_ROW):
        for role, at in row.parts.items():
            used.setdefault(at, (role, []))[1].append(number)
    lines = [
        LedgerLine(sheet.rows[at], None, used[at][0], tuple(used[at][1]))
        if at in used
        else left_out[at]
        for at in range(len(sheet))
    ]
    return sorted((*sheet.ledger, *lines), key=lambda line: line.row)
