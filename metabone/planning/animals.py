"""The list of animals to allocate: read from a file, every problem said at once."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metabone.errors import DataError, UsageError
from metabone.extraction.delimited import read_delimited
from metabone.extraction.numbers import find_decimal, parse_number
from metabone.options import nearest

if TYPE_CHECKING:
    import pandas as pd

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column says what; None where the list has no such column.

    Parameters
    ----------
    strata : columns whose levels are randomised each for itself, such as sex or litter.
    """

    id: str = "id"
    cage: str | None = None
    weight: str | None = None
    strata: tuple[str, ...] = ()


def read_animals(path: str | Path) -> pd.DataFrame:
    """Read a CSV list of animals; every cell as text, blanks around it removed.

    Commas, semicolons or tabs, UTF-8 or Latin-1. The index is the row number of a spreadsheet.

    Raises
    ------
    DataError
        If the file is missing, no table, has no row, a name twice or cells below no name.
    """
    import pandas as pd

    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    records = read_delimited(path.name, data).records
    filled = [(row, cells) for row, cells in enumerate(records, 1) if any(map(str.strip, cells))]
    if len(filled) < 2:
        raise DataError(f"{path.name} holds no animals: a header and a row for each are needed")
    header = [name.strip("\ufeff ").strip() for name in filled[0][1]]
    while header and not header[-1]:
        header.pop()
    _check_header(path.name, header)
    for row, cells in filled[1:]:
        if any(cell.strip() for cell in cells[len(header) :]) or len(cells) < len(header):
            raise DataError(
                f"{path.name}: row {row} has {len(cells)} cells where the header has {len(header)}"
            )
    rows = [[cell.strip() for cell in cells[: len(header)]] for _, cells in filled[1:]]
    return pd.DataFrame(rows, columns=header, index=[row for row, _ in filled[1:]], dtype=object)


def _check_header(file: str, header: Sequence[str]) -> None:
    if "" in header:
        raise DataError(f"{file}: column {header.index('') + 1} has no name")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"{file} has the column {twice[0]!r} twice; keep one of them")


def check_animals(animals: pd.DataFrame, roles: Roles, most_per_cage: int | None = None) -> None:
    """Refuse a list in which an animal cannot be told, or lacks what its allocation needs.

    Raises
    ------
    UsageError
        If a column is not there.
    DataError
        If identities are blank, repeated or alike, hold control characters; a cage, stratum or
        weight is missing; a weight is no positive number; a cage is too full. All at once.
    """
    named = [roles.id, roles.cage, roles.weight, *roles.strata]
    columns = list(map(str, animals.columns))
    for name in named:
        if name is not None and name not in columns:
            close = nearest(name, columns)
            hint = f"nearest: {', '.join(close)}" if close else f"there are {', '.join(columns)}"
            raise UsageError(f"the animals have no column {name!r}; {hint}")
    if len(animals) == 0:
        raise DataError("there are no animals to allocate")
    found = _identities(animals, roles.id)
    for name in (roles.cage, *roles.strata):
        if name is not None:
            found += _blank(animals, name)
    if roles.weight is not None:
        found += weights_of(animals, roles.weight)[1]
    if roles.cage is not None and most_per_cage is not None:
        counts = animals[roles.cage].map(text_of).value_counts(sort=False)
        found += [
            f"cage {cage!r} holds {count} animals; at most {most_per_cage} are allowed"
            for cage, count in counts.items()
            if count > most_per_cage and cage
        ]
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise DataError("; ".join(found[:_SHOWN]) + more)


def text_of(value: object) -> str:
    """A cell as text: blanks around it removed, missing as nothing, 7.0 as 7.

    Examples
    --------
    >>> text_of(" R1 "), text_of(7.0), text_of(float("nan")), text_of(None)
    ('R1', '7', '', '')
    """
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _identities(animals: pd.DataFrame, name: str) -> list[str]:
    texts = [text_of(value) for value in animals[name]]
    found = _blank(animals, name)
    first: dict[str, tuple[int, str]] = {}
    for row, text in zip(animals.index, texts, strict=True):
        if not text:
            continue
        if _CONTROL.search(text):
            found.append(f"row {row}: {name} {text!r} holds a control character")
        folded = " ".join(text.casefold().split())
        if folded not in first:
            first[folded] = (row, text)
            continue
        other, spelled = first[folded]
        if spelled == text:
            found.append(f"row {row}: {name} {text!r} is that of row {other} too")
        else:
            found.append(f"row {row}: {name} {text!r} looks like {spelled!r} of row {other}")
    return found


def _blank(animals: pd.DataFrame, name: str) -> list[str]:
    rows = [str(row) for row, value in animals[name].items() if not text_of(value)]
    if not rows:
        return []
    plural = "rows" if len(rows) > 1 else "row"
    more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return [f"{name} is blank in {plural} {', '.join(rows[:_SHOWN])}{more}"]


def weights_of(animals: pd.DataFrame, name: str) -> tuple[list[float], list[str]]:
    """Weights (n,), and what is wrong with them; decimal commas are understood."""
    cells = [text_of(value) for value in animals[name]]
    mark = find_decimal([cells]).mark
    values, found = [], _blank(animals, name)
    for row, cell in zip(animals.index, cells, strict=True):
        try:
            value = parse_number(cell, mark)
        except ValueError:
            value = -1.0
        if cell and not value > 0:
            found.append(f"row {row}: {name} {cell!r} is not a positive number")
        values.append(value if value > 0 else math.nan)
    return values, found
