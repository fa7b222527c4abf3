"""From a checked formula and a table to the design matrix of a meta-regression."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, ModelError, UsageError
from metabone.extraction.table import Exclusion
from metabone.synthesis.factors import (
    LearntFactor,
    NumericFactor,
    TextFactor,
    blank_cells,
    check_new,
    learn,
)
from metabone.synthesis.formula import Formula, parse_formula

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]

# A column this close (relative to its length) to the span of those before it is not estimable;
# below it X'WX is singular to double precision.
ALIAS_TOLERANCE = 1e-7
INTERCEPT = "intercept"
_PART = re.compile(r"f(?P<factor>\d+)(?:\[(?P<treatment>T\.)?(?P<item>\d+)\])?")


@dataclass(frozen=True, slots=True)
class DesignTerm:
    """A term of the formula and the columns of X that belong to it."""

    label: str
    columns: tuple[int, ...]
    categorical: bool


@dataclass(frozen=True, slots=True)
class Design:
    """A design matrix that can be made again for new rows.

    Parameters
    ----------
    formula : the checked formula.
    X : (k, p) the matrix; text is treatment-coded against the first level.
    names : its columns: ``intercept``, ``weeks``, ``species[T.rat]`` (rat against the reference),
        ``species[rat]`` (rat itself), ``ns(weeks, 2)[1]``, and their products with ``:``.
    rows : (k,) index labels of the rows used.
    excluded : rows with a blank moderator, with the reason.
    terms : which columns belong to which term.
    factors : what each factor remembers of the data.
    spec : formulaic's model specification, over names of our own making.
    """

    formula: Formula
    X: FloatArray
    names: tuple[str, ...]
    rows: tuple[int, ...]
    excluded: tuple[Exclusion, ...]
    terms: tuple[DesignTerm, ...]
    factors: tuple[LearntFactor, ...]
    spec: Any

    @property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Levels of each categorical factor, the reference first."""
        return {
            each.factor.label: each.levels for each in self.factors if isinstance(each, TextFactor)
        }

    @property
    def level_counts(self) -> dict[str, dict[str, int]]:
        """How many rows each level of each categorical factor has."""
        return {
            each.factor.label: dict(zip(each.levels, each.counts, strict=True))
            for each in self.factors
            if isinstance(each, TextFactor)
        }

    def at(self, new: pd.DataFrame) -> FloatArray:
        """The matrix of new rows, which give every column of the formula.

        Raises
        ------
        UsageError
            If a column is missing or holds text where numbers are needed.
        DataError
            If a value is blank, or a level that the model does not know.
        """
        for column in self.formula.columns:
            if column not in new.columns:
                raise UsageError(f"the new rows need a column {column!r}")
        for each in self.factors:
            check_new(each, new)
        return np.asarray(_materialise(self.spec, self.factors, new), dtype=float)

    def outside(self, new: pd.DataFrame) -> list[str]:
        """For each new row, which of its numbers lie outside the data; empty text if none."""
        notes: list[list[str]] = [[] for _ in range(len(new))]
        ranges = {
            each.factor.column: each for each in self.factors if isinstance(each, NumericFactor)
        }
        for column, each in ranges.items():
            for i, value in enumerate(new[column].astype(float)):
                if not each.low <= value <= each.high:
                    notes[i].append(
                        f"{column} {value:g} lies outside the data ({each.low:g} to {each.high:g})"
                    )
        return ["; ".join(note) for note in notes]


def design(frame: pd.DataFrame, formula: str | Formula) -> Design:
    """Design matrix of `formula` over the rows of `frame` that have every moderator.

    Parameters
    ----------
    frame : numbers are numeric moderators, text is categorical with its levels in alphabetical
        order and the first as reference; numbers become categories only by ``C()``.
    formula : see `metabone.synthesis.formula.parse_formula`.

    Raises
    ------
    UsageError
        For a formula that is not one, and for ``log()`` of text.
    DataError
        For a logarithm of zero, a moderator without variation or blank everywhere.
    ModelError
        If some coefficients cannot be told apart, or there are too few rows for them.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"species": ["rat", "mouse", "rat", None], "weeks": [1.0, 2, 4, 8]})
    >>> made = design(rows, "species")
    >>> made.names, made.X.tolist()
    (('intercept', 'species[T.rat]'), [[1.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> made.excluded
    (Exclusion(row=3, reason='species is blank'),)
    """
    checked = parse_formula(formula, list(frame.columns)) if isinstance(formula, str) else formula
    used, excluded = _complete(frame, checked)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is named below
        factors = tuple(learn(factor, used[factor.column]) for factor in checked.factors)
        _check_width(checked, factors, len(used))
        matrix = _materialise(_formula_text(checked), factors, used)
    X = np.asarray(matrix, dtype=float)
    names = tuple(_name(column, factors) for column in matrix.columns)
    _check_size(X, names)
    _check_rank(X, names)
    terms = _terms(matrix.model_spec.structure, checked, factors)
    rows = tuple(int(row) for row in used.index)
    return Design(checked, X, names, rows, excluded, terms, factors, matrix.model_spec)


def _complete(frame: pd.DataFrame, formula: Formula) -> tuple[pd.DataFrame, tuple[Exclusion, ...]]:
    blank = {column: blank_cells(frame[column]) for column in formula.columns}
    for column, mask in blank.items():
        if len(frame) and mask.all():
            raise DataError(f"{column} is blank in every row, so it cannot be a moderator")
    lines = []
    for i, row in enumerate(frame.index):
        missing = [column for column, mask in blank.items() if mask[i]]
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            lines.append(Exclusion(int(row), f"{' and '.join(missing)} {verb} blank"))
    used = frame.drop(index=[line.row for line in lines])
    if not len(used):
        raise DataError(f"no row has all of {', '.join(formula.columns)}")
    return used, tuple(lines)


def _formula_text(formula: Formula) -> str:
    number = {factor: i for i, factor in enumerate(formula.factors)}
    terms = [":".join(f"f{number[factor]}" for factor in term) for term in formula.terms]
    return " + ".join(["1" if formula.intercept else "0", *terms])


def _materialise(spec: Any, factors: tuple[LearntFactor, ...], frame: pd.DataFrame) -> Any:
    """Let formulaic build the matrix; it sees only the names f0, f1, … and finished columns."""
    import pandas as pd
    from formulaic import Formula as FormulaicFormula

    encoded = {f"f{i}": each.encode(frame[each.factor.column]) for i, each in enumerate(factors)}
    data = pd.DataFrame({"row": range(len(frame))})
    for name, value in encoded.items():
        if not isinstance(value, dict):
            data[name] = value
    bases = {name: value for name, value in encoded.items() if isinstance(value, dict)}
    maker = FormulaicFormula(spec) if isinstance(spec, str) else spec
    return maker.get_model_matrix(data, context=bases, na_action="raise")


def _name(column: str, factors: tuple[LearntFactor, ...]) -> str:
    if column == "Intercept":
        return INTERCEPT
    parts = []
    for piece in column.split(":"):
        found = _PART.fullmatch(piece)
        if found is None:
            raise ModelError(f"the design has a column {column!r} that no term accounts for")
        each = factors[int(found["factor"])]
        item = found["item"]
        if isinstance(each, TextFactor):
            level = each.levels[int(item)]
            parts.append(f"{each.factor.stem}[{'T.' if found['treatment'] else ''}{level}]")
        else:
            parts.append(each.factor.label + (f"[{item}]" if item else ""))
    return ":".join(parts)


def _terms(
    structure: Any, formula: Formula, factors: tuple[LearntFactor, ...]
) -> tuple[DesignTerm, ...]:
    text = {each.factor: isinstance(each, TextFactor) for each in factors}
    place: dict[frozenset[str], tuple[int, ...]] = {}
    start = 0
    for entry in structure:
        place[frozenset(str(entry.term).split(":"))] = tuple(
            range(start, start + len(entry.columns))
        )
        start += len(entry.columns)
    number = {factor: f"f{i}" for i, factor in enumerate(formula.factors)}
    return tuple(
        DesignTerm(
            ":".join(factor.label for factor in term),
            place[frozenset(number[factor] for factor in term)],
            any(text[factor] for factor in term),
        )
        for term in formula.terms
    )


def _check_width(formula: Formula, factors: tuple[LearntFactor, ...], k: int) -> None:
    """Refuse a formula that is far too wide before its matrix is built."""
    width = {each.factor: each.width for each in factors}
    p = sum(math.prod(width[factor] for factor in term) for term in formula.terms)
    if p >= k:
        raise _too_few(k, f"{p} coefficients or more")


def _too_few(k: int, needs: str) -> ModelError:
    have = "effect has" if k == 1 else "effects have"
    return ModelError(
        f"the formula needs {needs} and only {k} {have} every moderator: leave something out"
    )


def _check_size(X: FloatArray, names: tuple[str, ...]) -> None:
    k, p = X.shape
    if not np.isfinite(X).all():
        bad = names[int(np.flatnonzero(~np.isfinite(X).all(axis=0))[0])]
        raise DataError(f"{bad} overflows: rescale the column")
    if k <= p:
        more = ", …" if p > 8 else ""
        raise _too_few(k, f"{p} coefficients ({', '.join(names[:8])}{more})")


def _check_rank(X: FloatArray, names: tuple[str, ...]) -> None:
    basis: list[FloatArray] = []
    aliased = []
    for name, column in zip(names, X.T, strict=True):
        length = float(np.linalg.norm(column))
        rest = column / length if length > 0 else column
        for _ in range(2):  # twice is enough for orthogonality to working precision
            for direction in basis:
                rest = rest - (direction @ rest) * direction
        left = float(np.linalg.norm(rest))
        if length == 0 or left < ALIAS_TOLERANCE:
            aliased.append(name)
        else:
            basis.append(rest / left)
    if aliased:
        raise ModelError(
            f"these data cannot tell {', '.join(aliased)} from the coefficients before: "
            f"leave {'it' if len(aliased) == 1 else 'them'} out of the formula"
        )
