"""Rows of a file of animals to one value for each animal and measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from metabone.errors import DataError, UsageError
from metabone.extraction.animals.cells import Numbers
from metabone.extraction.animals.measures import Measure
from metabone.extraction.animals.sheet import Sheet
from metabone.extraction.numbers import MISSING_MARKS, is_mark
from metabone.extraction.table import rows_text
from metabone.extraction.where import compile_where

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column of the file is what.

    Parameters
    ----------
    animal, group : who it is, and the arm it is in.
    names, value : of a long file, the column that names the outcome of a row, and the column that
        holds its value.
    site, week : of a file with several rows for each animal, where and when it was measured.
    cage : who lived together.
    by : columns whose values are experiments with animals and controls of their own.
    """

    animal: str
    group: str
    names: str | None = None
    value: str | None = None
    site: str | None = None
    week: str | None = None
    cage: str | None = None
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Values:
    """One value for each animal and measurement.

    Parameters
    ----------
    frame : columns ``row`` (the first it came from), ``animal``, ``group``, ``stratum`` (words of
        the columns `Roles.by`, joined), ``cage``, ``measure`` (place in `measures`), ``value`` and
        ``baseline`` (NaN where missing), ``repeats`` (values averaged).
    measures : what was measured, sites and weeks of the rows filled in.
    notes : what was averaged and read, and how.
    """

    frame: pd.DataFrame
    measures: tuple[Measure, ...]
    notes: tuple[str, ...]


def choose_rows(sheet: Sheet, where: str | None) -> Sheet:
    """The rows of a file that meet a condition; columns of numbers only are compared as numbers.

    Raises
    ------
    UsageError
        If the condition is not in the language or names no column.
    DataError
        If no row meets it.
    """
    if where is None:
        return sheet
    import pandas as pd

    expression = compile_where(where, sheet.columns)
    frame = pd.DataFrame({name: _typed(sheet, name) for name in expression.columns})
    mask = expression(frame)
    if not mask.any():
        raise DataError(f"{sheet.file}: where {where!r} selects no row")
    left = len(sheet) - int(mask.sum())
    return sheet.take(mask, f"where {where!r} leaves out rows: {left}") if left else sheet


def _typed(sheet: Sheet, name: str) -> Any:
    import numpy as np

    numbers = Numbers(sheet, [name])
    values = numbers.read(name)
    try:
        numbers.finish()
    except DataError:
        words = np.empty(len(sheet), dtype=object)
        words[:] = [None if _blank(cell) else cell for cell in sheet.columns[name]]
        return words
    return values


def _blank(cell: str) -> bool:
    return not cell or is_mark(cell, MISSING_MARKS)


def animal_values(
    sheet: Sheet,
    roles: Roles,
    measures: Sequence[Measure],
    *,
    average: bool = False,
    decimal: str = "auto",
) -> Values:
    """One value for each animal and measurement.

    Parameters
    ----------
    measures : of a wide file, by their columns; of a long one (`Roles.names`), by the words that
        name them.
    average : average several rows of one animal on one measurement, instead of refusing them.

    Raises
    ------
    DataError
        Naming the rows: cells that are no numbers; values without an animal or a group; an animal
        in two groups or two cages; rows that are copies of each other; several values of one
        animal without `average`.
    """
    long = _long(sheet, roles, measures, decimal)
    frame, expanded, notes = long.frame, long.measures, list(long.notes)
    filled = frame["value"].notna().to_numpy()
    for role, name in (("animal", roles.animal), ("group", roles.group)):
        lost = filled & ~frame[f"has_{role}"].to_numpy()
        if lost.any():
            rows = sorted(set(frame["row"][lost].tolist()))
            hold = "hold" if len(rows) > 1 else "holds"
            raise DataError(
                f"{sheet.file}: {rows_text(rows)} {hold} values but no {role} (column {name}); "
                "fill it in, or leave the rows out with --where"
            )
    known = (frame["has_animal"] & frame["has_group"]).to_numpy()
    if not known.all():
        rows = sorted(set(frame["row"][~known].tolist()))
        notes.append(f"left out, without animal or group and without a value: {rows_text(rows)}")
        frame = frame[known]
    frame = frame.drop(columns=["has_animal", "has_group"])
    _refuse_two(sheet, frame, "group", roles.group)
    if roles.cage is not None:
        _refuse_two(sheet, frame, "cage", roles.cage)
    frame, said = _one_each(sheet, frame, expanded, average)
    strata = frame[["stratum", "animal"]].drop_duplicates()
    twice = strata["animal"][strata["animal"].duplicated()].unique()
    if len(twice):
        notes.append(
            f"{len(twice)} animals occur in several {', '.join(roles.by)} "
            f"({_some(twice)}): taken as different animals"
        )
    return Values(frame.reset_index(drop=True), expanded, (*notes, *said))


def _long(sheet: Sheet, roles: Roles, measures: Sequence[Measure], decimal: str) -> Values:
    """Every row and measure below each other, with sites and weeks of the rows as measures."""
    import numpy as np
    import pandas as pd

    columns = [m.column for m in measures] if roles.value is None else [roles.value]
    bases = [m.baseline for m in measures if m.baseline is not None]
    numbers = Numbers(sheet, [*columns, *bases], decimal)
    parts: list[tuple[Any, int, Any, Any]] = []
    expanded: list[Measure] = []
    context = [c for c in (roles.site, roles.week) if c is not None]
    keys = _joined(sheet, context)
    for measure in measures:
        here = np.ones(len(sheet), dtype=bool)
        if roles.names is not None:
            here = sheet.columns[roles.names] == measure.column
        value = numbers.read(roles.value or measure.column, here)
        base = (
            np.full(len(sheet), np.nan)
            if measure.baseline is None
            else numbers.read(measure.baseline, here)
        )
        for key in dict.fromkeys(keys[here].tolist()):
            at = here & (keys == key)
            parts.append((at.nonzero()[0], len(expanded), value[at], base[at]))
            expanded.append(_placed(measure, roles, context, key))
    notes = numbers.finish()
    place = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, dtype=int)
    who, arm = sheet.columns[roles.animal], _words(sheet.columns[roles.group])
    cages = np.full(len(sheet), None) if roles.cage is None else sheet.columns[roles.cage]
    # As objects: texts of another kind are slow to go through one by one.
    texts = {"animal": who, "group": arm, "stratum": _joined(sheet, roles.by), "cage": cages}
    frame = pd.DataFrame(
        {
            "place": place,
            "row": sheet.rows[place],
            **{name: pd.Series(cells[place], dtype=object) for name, cells in texts.items()},
            "has_animal": _named(who)[place],
            "has_group": _named(arm)[place],
            "measure": np.concatenate([np.full(len(p[0]), p[1]) for p in parts] or [place]),
            "value": np.concatenate([part[2] for part in parts] or [place.astype(float)]),
            "baseline": np.concatenate([part[3] for part in parts] or [place.astype(float)]),
        }
    )
    return Values(frame, tuple(expanded), notes)


def _named(cells: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    known = {word: not _blank(word) for word in set(cells)}
    return np.array([known[word] for word in cells], dtype=bool)


def _words(cells: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    out = np.empty(len(cells), dtype=object)
    out[:] = [" ".join(str(cell).split()) for cell in cells]
    return out


def _joined(sheet: Sheet, columns: Sequence[str]) -> NDArray[Any]:
    """The words of some columns of each row as one text; empty without columns."""
    import numpy as np

    out = np.full(len(sheet), "", dtype=object)
    for place, name in enumerate(columns):
        words = _words(sheet.columns[name])
        out = words if place == 0 else out + "\x1f" + words
    return out


def _placed(measure: Measure, roles: Roles, context: Sequence[str], key: str) -> Measure:
    words = dict(measure.words)
    for name, word in zip(context, key.split("\x1f"), strict=False):
        target = "site" if name == roles.site else "timepoint_weeks"
        if target in words:
            raise UsageError(f"{target} is given by the map and by the column {name!r}; keep one")
        if word:
            words[target] = word
    return replace(measure, words=words)


def _refuse_two(sheet: Sheet, frame: pd.DataFrame, what: str, column: str) -> None:
    """An animal is in one group and one cage of its experiment."""
    pairs = frame[["stratum", "animal", what, "row"]].drop_duplicates(["stratum", "animal", what])
    twice = pairs[pairs.duplicated(["stratum", "animal"], keep=False)]
    if len(twice):
        name = twice["animal"].iloc[0]
        one = twice[(twice["animal"] == name) & (twice["stratum"] == twice["stratum"].iloc[0])]
        places = ", ".join(
            f"row {row}: {str(word)[:40]!r}"
            for row, word in zip(one["row"], one[what], strict=True)
        )
        many = twice.drop_duplicates(["stratum", "animal"])
        more = f" (and {len(many) - 1} more animals)" if len(many) > 1 else ""
        raise DataError(
            f"{sheet.file}: animal {str(name)[:40]!r} is in two {what}s of the column {column} "
            f"({places}){more}; is an id used twice? An experiment of its own is named by --by"
        )


def _one_each(
    sheet: Sheet, frame: pd.DataFrame, measures: Sequence[Measure], average: bool
) -> tuple[pd.DataFrame, list[str]]:
    """One line for each animal and measurement; several are averaged if that was asked for."""
    key = ["stratum", "animal", "measure"]
    again = frame.duplicated(key, keep=False).to_numpy()
    if not again.any():
        return frame.drop(columns="place").assign(repeats=1), []
    several = frame[again]
    _refuse_copies(sheet, several)
    if not average:
        first = several[(several[key] == several[key].iloc[0]).all(axis=1)]
        count = several[key].drop_duplicates()
        animals = count[["stratum", "animal"]].drop_duplicates()
        raise DataError(
            f"{sheet.file}: {rows_text(first['row'].tolist())} are all animal "
            f"{str(first['animal'].iloc[0])[:40]!r} ({len(animals)} animals stand in several rows)."
            " If they are several measurements of one animal, say --average; several bones or "
            "times are told apart with --site-column and --week-column"
        )
    made = frame.groupby(key, sort=False, dropna=False).agg(
        row=("row", "first"), group=("group", "first"), cage=("cage", "first"),
        value=("value", "mean"), baseline=("baseline", "mean"), repeats=("value", "count"),
    ).reset_index()  # fmt: skip
    notes = []
    for place, part in made[made["repeats"] > 1].groupby("measure"):
        low, high = int(part["repeats"].min()), int(part["repeats"].max())
        span = str(low) if low == high else f"{low} to {high}"
        name = measures[int(str(place))].outcome
        notes.append(f"{name}: {span} values each of {len(part)} animals were averaged first")
    return made, notes


def _refuse_copies(sheet: Sheet, several: pd.DataFrame) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for place in dict.fromkeys(several["place"].tolist()):
        cells = tuple(str(column[place]) for column in sheet.columns.values())
        if cells in seen:
            rows = [int(sheet.rows[seen[cells]]), int(sheet.rows[place])]
            raise DataError(
                f"{sheet.file}: {rows_text(rows)} are the same in every cell; delete the copy"
            )
        seen[cells] = place


def _some(words: Any) -> str:
    listed = [repr(str(word)[:40]) for word in words[:SHOWN]]
    return ", ".join(listed) + (", …" if len(words) > SHOWN else "")
