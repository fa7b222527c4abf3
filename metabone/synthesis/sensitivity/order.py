"""In which order evidence comes in: by year, precision, quality, or a column of the table."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from metabone.errors import DataError, UsageError
from metabone.extraction.table import rows_text
from metabone.options import nearest
from metabone.synthesis.sensitivity.base import Base, Unit, units

if TYPE_CHECKING:
    import pandas as pd

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
WORDS = ("year", "precision", "quality")


@dataclass(frozen=True, slots=True)
class Step:
    """What comes in at one step, and the value that puts it there, as text."""

    unit: Unit
    value: str


def steps(base: Base, by: str) -> list[Step]:
    """The studies or effects in their order; see `metabone.synthesis.sensitivity.refits`.

    Raises
    ------
    DataError
        If a study has no value to be ordered by.
    UsageError
        For a column that the table does not have.
    """
    frame = base.frame
    if by == "precision":
        return _by_precision(base)
    if by == "quality":
        return _ordered(units(frame, "study"), _quality(frame))
    if by == "year" and "year" not in frame.columns:
        return _ordered(units(frame, "study"), _years_in_names(frame))
    if by not in frame.columns:
        known = [*WORDS, *(str(column) for column in frame.columns)]
        close = nearest(by, known)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise UsageError(f"cumulative: the table has no column {by!r}{hint}")
    return _by_column(frame, by)


def _ordered(found: Sequence[Unit], keys: dict[str, tuple[Any, str]]) -> list[Step]:
    """Studies by their key, ties by name; a key is what is sorted by and how it is shown."""
    order = sorted(found, key=lambda unit: (keys[unit.study][0], unit.study))
    return [Step(unit, keys[unit.study][1]) for unit in order]


def _by_precision(base: Base) -> list[Step]:
    """The smallest sampling variance first: of an effect, or of a study's mean."""
    frame = base.frame
    if not base.multilevel:
        vi = frame["vi"].to_numpy(float)
        found = units(frame, "effect")
        order = sorted(found, key=lambda unit: (vi[unit.places[0]], unit.study, unit.rows))
        return [Step(unit, f"{math.sqrt(vi[unit.places[0]]):.3g}") for unit in order]
    from metabone.models.sampling import mean_variances

    names = np.unique(frame["study"].to_numpy(str))
    variances = mean_variances(base.fit())
    keys = {
        str(name): (value, f"{math.sqrt(value):.3g}")
        for name, value in zip(names, variances.tolist(), strict=True)
    }
    return _ordered(units(frame, "study"), keys)


def _quality(frame: pd.DataFrame) -> dict[str, tuple[Any, str]]:
    """By study: how many risk-of-bias items are low (the more the earlier) and how many high."""
    columns = [str(name) for name in frame.columns if str(name).startswith("rob_")]
    judged = [name for name in columns if frame[name].notna().any()]
    if not judged:
        raise DataError("no study has a risk-of-bias item (rob_...) to be ordered by")
    keys: dict[str, tuple[Any, str]] = {}
    for study, rows in frame.groupby(frame["study"].astype(str)):
        # An item that differs between the rows of a study counts by its share.
        cells = [rows[name].dropna() for name in judged]
        low = sum(float((cell == "low").mean()) for cell in cells if len(cell))
        high = sum(float((cell == "high").mean()) for cell in cells if len(cell))
        keys[str(study)] = ((-low, high), f"{low:g} low, {high:g} high")
    return keys


def _years_in_names(frame: pd.DataFrame) -> dict[str, tuple[Any, str]]:
    keys: dict[str, tuple[Any, str]] = {}
    without = []
    for study in frame["study"].astype(str).unique():
        found = _YEAR.findall(study)
        if len(set(found)) == 1:
            keys[study] = (int(found[0]), found[0])
        else:
            without.append(study)
    if without:
        shown = ", ".join(repr(name) for name in without[:4])
        more = f" and {len(without) - 4} more" if len(without) > 4 else ""
        raise DataError(
            f"the table has no column year, and the names of {shown}{more} hold no one year; add "
            "the column, or order by another"
        )
    return keys


def _by_column(frame: pd.DataFrame, by: str) -> list[Step]:
    values = frame[by]
    blank = [int(row) for row in frame.index[values.isna()]]
    if blank:
        raise DataError(f"cumulative: {by} is blank in {rows_text(blank)}; fill it, or leave "
                        "these rows out")  # fmt: skip
    plain = values.tolist()
    numeric = all(isinstance(value, int | float) for value in plain)
    keys = [float(value) if numeric else str(value).casefold() for value in plain]
    shown = [f"{float(value):.10g}" if numeric else str(value) for value in plain]
    one = bool((frame.groupby(frame["study"].astype(str))[by].nunique() == 1).all())
    found = units(frame, "study" if one else "effect")
    order = sorted(found, key=lambda unit: (keys[unit.places[0]], unit.study, unit.rows))
    return [Step(unit, shown[unit.places[0]]) for unit in order]
