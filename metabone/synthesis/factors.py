"""Moderators as the design takes them: what each one learns from the data, and its columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, UsageError
from metabone.models.basis import (
    NaturalSpline,
    OrthogonalPolynomial,
    natural_spline,
    orthogonal_polynomial,
)
from metabone.synthesis.formula import WITH_NUMBER, Factor

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NumericFactor:
    """A numeric moderator with what its functions remember of the data.

    Parameters
    ----------
    factor : the factor of the formula.
    low, high : range of the column in the rows used.
    centres : the mean that each ``center()`` takes away, in the order of the functions.
    basis : of ``ns()`` or ``poly()``.
    """

    factor: Factor
    low: float
    high: float
    centres: tuple[float, ...]
    basis: NaturalSpline | OrthogonalPolynomial | None

    @property
    def width(self) -> int:
        """Number of columns."""
        return 1 if self.basis is None else int(self.factor.number or 1)

    def encode(self, values: pd.Series) -> Any:
        """Values as formulaic takes them: an array, or a dict of the basis' columns."""
        x = values.to_numpy(dtype=float)
        centres = iter(self.centres)
        for name in self.factor.functions:
            if name == "center":
                x = x - next(centres)
            elif name not in WITH_NUMBER:
                x = _elementary(name, x, values, self.factor)
        columns = x[:, None] if self.basis is None else self.basis(x)
        if not np.isfinite(columns).all():
            raise DataError(f"{self.factor.label} overflows: rescale {self.factor.column}")
        if self.basis is None:
            return x
        return {str(i + 1): column for i, column in enumerate(columns.T)}


@dataclass(frozen=True, slots=True)
class TextFactor:
    """A categorical moderator: its levels, the reference first, and how many rows each has."""

    factor: Factor
    levels: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def width(self) -> int:
        """Number of columns against the reference."""
        return len(self.levels) - 1

    def encode(self, values: pd.Series) -> Any:
        """Values as a pandas Categorical of level numbers, so that no text reaches formulaic."""
        import pandas as pd

        words = _words(values)
        unknown = sorted(set(words) - set(self.levels))
        if unknown:
            raise DataError(
                f"{self.factor.column} {unknown[0]!r} is not among the levels of the model: "
                f"{', '.join(self.levels)}"
            )
        numbers = [str(i) for i in range(len(self.levels))]
        codes = [str(self.levels.index(word)) for word in words]
        return pd.Categorical(codes, categories=numbers)


LearntFactor = NumericFactor | TextFactor


def blank_cells(values: pd.Series) -> NDArray[np.bool_]:
    """(k,) which cells are blank: no value, or text of spaces only."""
    missing = values.isna().to_numpy(dtype=bool)
    if _is_number(values):
        return missing
    return np.asarray(missing | np.array([str(value).strip() == "" for value in values]))


def _is_number(values: pd.Series) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _words(values: pd.Series) -> list[str]:
    if _is_number(values):
        return [f"{value:.12g}" for value in values]
    return [str(value) for value in values]


def learn(factor: Factor, values: pd.Series) -> LearntFactor:
    """Decide whether a moderator is numeric or categorical, and learn what it needs.

    Raises
    ------
    UsageError
        For a function of text, or a reference that is no level.
    DataError
        For a moderator without variation, an infinite value, ``log()`` of zero or below, or too few
        different values for ``ns()`` or ``poly()``.
    """
    if _is_number(values) and not np.isfinite(values.to_numpy(dtype=float)).all():
        rows = values.index[~np.isfinite(values.to_numpy(dtype=float))]
        raise DataError(f"{factor.column} is infinite in {_rows(rows)}")
    if "C" in factor.functions or (not factor.functions and not _is_number(values)):
        return _learn_levels(factor, values)
    if not _is_number(values):
        raise UsageError(f"{factor.label} needs numbers, and {factor.column} is text")
    return _learn_number(factor, values)


def _learn_levels(factor: Factor, values: pd.Series) -> TextFactor:
    if _is_number(values):
        levels = list(dict.fromkeys(_words(values.sort_values())))
    else:
        levels = sorted(set(_words(values)), key=lambda word: (word.casefold(), word))
    if factor.reference is not None:
        if factor.reference not in levels:
            raise UsageError(
                f"reference {factor.reference!r} is no level of {factor.column} in the rows used; "
                f"there are {', '.join(levels)}"
            )
        levels.remove(factor.reference)
        levels.insert(0, factor.reference)
    if len(levels) == 1:
        raise DataError(
            f"{factor.column} is {levels[0]!r} in every row used, so it cannot explain a difference"
        )
    words = _words(values)
    return TextFactor(factor, tuple(levels), tuple(words.count(level) for level in levels))


def _learn_number(factor: Factor, values: pd.Series) -> NumericFactor:
    x = values.to_numpy(dtype=float)
    low, high = float(x.min()), float(x.max())
    if low == high:
        raise DataError(
            f"{factor.column} is {low:g} in every row used, so it cannot explain a difference"
        )
    centres = []
    basis: NaturalSpline | OrthogonalPolynomial | None = None
    for name in factor.functions:
        if name == "center":
            centres.append(float(x.mean()))
            x = x - centres[-1]
        elif name in WITH_NUMBER:
            make = natural_spline if name == "ns" else orthogonal_polynomial
            try:
                basis = make(x, int(factor.number or 0))
            except DataError as error:
                raise DataError(f"{factor.label}: {error}") from error
        else:
            x = _elementary(name, x, values, factor)
    return NumericFactor(factor, low, high, tuple(centres), basis)


def _elementary(name: str, x: FloatArray, values: pd.Series, factor: Factor) -> FloatArray:
    wrong = x <= 0 if name == "log" else x < 0
    if wrong.any():
        need = "above zero" if name == "log" else "zero or more"
        shown = ", ".join(f"{value:g}" for value in values[wrong].head(5))
        raise DataError(
            f"{factor.label} needs values {need}; {factor.column} is {shown} in "
            f"{_rows(values.index[wrong])}"
        )
    return np.asarray(np.log(x) if name == "log" else np.sqrt(x), dtype=float)


def _rows(index: Any) -> str:
    rows = [str(row) for row in index]
    more = f" and {len(rows) - 10} more" if len(rows) > 10 else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(rows[:10])}{more}"


def check_new(each: LearntFactor, new: pd.DataFrame) -> None:
    """Refuse new rows whose cells for this factor are blank or of the wrong kind.

    Raises
    ------
    UsageError
        For text where the model has a number.
    DataError
        For a blank or infinite value.
    """
    values = new[each.factor.column]
    if isinstance(each, NumericFactor):
        if not _is_number(values):
            raise UsageError(f"{each.factor.column} of the new rows must hold numbers")
        if not all(math.isfinite(value) for value in values):
            raise DataError(f"{each.factor.column} of the new rows is blank or infinite")
    elif blank_cells(values).any():
        raise DataError(f"{each.factor.column} of the new rows is blank")
