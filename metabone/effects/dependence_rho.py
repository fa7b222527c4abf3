"""How strongly different measurements of the same animals correlate: rho, its table, and time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from metabone.effects.dependence_arms import IntArray, codes, combine
from metabone.effects.formulas import FloatArray
from metabone.errors import UsageError
from metabone.options import nearest

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.dependence_arms import Arms
    from metabone.vocabulary import Vocabulary

TABLE_COLUMNS = ("outcome", "site", "assay")
TABLE_KEYS = ("column", "a", "b", "rho")
RhoTable = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ByPair:
    """Correlations between the values of one column.

    Parameters
    ----------
    value : (k,) number of the row's value.
    level : (k,) its place in `matrix`; the last place is for values that no pair names.
    matrix : (levels, levels) correlation of two different values.
    """

    value: IntArray
    level: IntArray
    matrix: FloatArray


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlation between the measurements of the same animals.

    Parameters
    ----------
    rho : where two rows differ in what no table and no time decay speaks of.
    rest : (k,) number of all that.
    pairs : one for each column that the table names.
    weeks, decay : (k,) time and the correlation at one week apart; `decay` is None if time counts
        among `rest`.
    """

    rho: float
    rest: IntArray
    pairs: tuple[ByPair, ...]
    weeks: FloatArray
    decay: float | None

    def between(self, rows: IntArray) -> FloatArray:
        """(m, n, n) correlations within each of m sets of n rows."""

        def cross(values: Any) -> tuple[Any, Any]:
            return values[rows][:, :, None], values[rows][:, None, :]

        a, b = cross(self.rest)
        result: FloatArray = np.where(a == b, 1.0, self.rho)
        for pair in self.pairs:
            a, b = cross(pair.value)
            level_a, level_b = cross(pair.level)
            result *= np.where(a == b, 1.0, pair.matrix[level_a, level_b])
        if self.decay is not None:
            a, b = cross(self.weeks)
            apart = np.abs(a - b)
            by_time = np.where(np.isnan(apart), self.rho, self.decay ** np.nan_to_num(apart))
            result *= np.where(np.isnan(a) & np.isnan(b), 1.0, by_time)
        return result


def find_correlation(
    frame: pd.DataFrame,
    arms: Arms,
    vocabulary: Vocabulary,
    *,
    rho: float,
    rho_table: RhoTable | None,
    time_decay: float | None,
) -> tuple[Correlation, list[str]]:
    """The correlations that the options ask for, and warnings.

    Raises
    ------
    UsageError
        If an option is out of range, or the table is malformed, contradicts itself, or names an
        outcome or assay that nobody knows.
    """
    rho = check_correlation("rho", rho)
    if time_decay is not None:
        time_decay = _check_decay(time_decay)
    table, warnings = _read_table(frame, vocabulary, rho_table or ())
    rest = [arms.repeat]
    rest += [codes(frame, name) for name in TABLE_COLUMNS if name not in table]
    weeks = frame["timepoint_weeks"].to_numpy(dtype=float)
    if time_decay is None:
        rest.append(codes(frame, "timepoint_weeks"))
    pairs = tuple(_by_pair(frame, name, known, rho) for name, known in table.items())
    return Correlation(rho, combine(*rest), pairs, weeks, time_decay), warnings


def check_correlation(name: str, value: Any) -> float:
    """`value` as a number between −1 and 1.

    Raises
    ------
    UsageError
        Otherwise.

    Examples
    --------
    >>> check_correlation("rho", 0.5)
    0.5
    """
    number = _number(value)
    if not -1 < number < 1:
        raise UsageError(f"{name} must be a number above -1 and below 1; got {value!r}")
    return number


def _check_decay(value: Any) -> float:
    number = _number(value)
    if not 0 <= number < 1:
        raise UsageError(
            "time_decay is the correlation of two measurements one week apart, "
            f"a number from 0 to below 1; got {value!r}"
        )
    return number


def _number(value: Any) -> float:
    """A finite number, or NaN for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return math.nan
    return float(value)


def _read_table(
    frame: pd.DataFrame, vocabulary: Vocabulary, table: RhoTable
) -> tuple[dict[str, dict[tuple[str, str], float]], list[str]]:
    """Pairs by column, each in both orders."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    warnings: list[str] = []
    for number, line in enumerate(table, start=1):
        place = f"rho_table, entry {number}"
        _check_keys(line, place)
        column = line["column"]
        if column not in TABLE_COLUMNS:
            hint = "; for times use time_decay" if "time" in str(column) else ""
            allowed = ", ".join(TABLE_COLUMNS)
            raise UsageError(f"{place}: column must be one of {allowed}{hint}; got {column!r}")
        a, b = (_word(frame, vocabulary, column, line[key], place, warnings) for key in "ab")
        if a == b:
            raise UsageError(f"{place}: a and b are both {a!r}; a pair has two different words")
        value = check_correlation(f"{place}: rho", line["rho"])
        pairs = found.setdefault(column, {})
        if pairs.get((a, b), value) != value:
            raise UsageError(f"{place}: the pair {a!r} and {b!r} has already another rho")
        pairs[a, b] = pairs[b, a] = value
    return found, list(dict.fromkeys(warnings))


def _check_keys(line: Any, place: str) -> None:
    listed = ", ".join(TABLE_KEYS)
    if not isinstance(line, Mapping):
        raise UsageError(f"{place}: must have the keys {listed}; got {line!r}")
    for key in line:
        if key not in TABLE_KEYS:
            close = nearest(str(key), TABLE_KEYS)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise UsageError(f"{place}: unknown key {key!r}{hint}; the keys are {listed}")
    missing = [key for key in TABLE_KEYS if key not in line]
    if missing:
        raise UsageError(f"{place}: {', '.join(missing)} is missing; the keys are {listed}")


def _word(
    frame: pd.DataFrame,
    vocabulary: Vocabulary,
    column: str,
    word: Any,
    place: str,
    warnings: list[str],
) -> str:
    """The word as the table writes it: canonical where the vocabulary knows it."""
    if not isinstance(word, str) or not word.strip():
        raise UsageError(f"{place}: a and b must be words of the column {column}; got {word!r}")
    present = {str(value) for value in frame[column].dropna().unique()}
    term = vocabulary.find(column, word) if column in ("outcome", "assay") else None
    name = term.name if term and word not in present else word
    if name in present or term:
        return name
    near = nearest(word, present)
    hint = f"; nearest in the table: {', '.join(map(repr, near))}" if near else ""
    if column != "site":
        raise UsageError(f"{place}: {column} {word!r} is not known{hint}")
    warnings.append(f"{place}: no row has the site {word!r}{hint}")
    return name


def _by_pair(
    frame: pd.DataFrame, column: str, pairs: Mapping[tuple[str, str], float], rho: float
) -> ByPair:
    levels = {name: place for place, name in enumerate(dict.fromkeys(a for a, _ in pairs))}
    matrix = np.full((len(levels) + 1, len(levels) + 1), rho)
    for (a, b), value in pairs.items():
        matrix[levels[a], levels[b]] = value
    level = np.array([levels.get(word, len(levels)) for word in frame[column]], dtype=np.int64)
    return ByPair(codes(frame, column), level, matrix)
