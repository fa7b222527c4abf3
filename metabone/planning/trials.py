"""A simulated study: which events are looked for, and a function that draws many at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Drawn = tuple[Sequence[BoolArray], Sequence[FloatArray]]
Draw = Callable[[np.random.Generator, int], Drawn]


@dataclass(frozen=True, slots=True)
class Trial:
    """How to draw studies of one design.

    Parameters
    ----------
    events : their names; the first is what the design is planned for.
    draw : from a generator and a size the events, each (size,) of booleans, and the quantities,
        each (size,) of floats.
    test : in words.
    drawn : ``statistics`` if means and sums of squares are drawn, ``animals`` if animals are.
    quantities : names of what is averaged.
    """

    events: tuple[str, ...]
    draw: Draw
    test: str
    drawn: Literal["statistics", "animals"] = "statistics"
    quantities: tuple[str, ...] = ()


def chi2(rng: np.random.Generator, df: float, size: int) -> FloatArray:
    """Draw from χ²(df), as twice a gamma, which numpy draws fastest; zeros for no freedom."""
    if df <= 0:
        return np.zeros(size)
    values = rng.standard_gamma(0.5 * df, size)
    values *= 2.0
    return values


def beyond(statistic: FloatArray, cut: float | FloatArray, sides: int) -> BoolArray:
    """Whether a statistic is past `cut`; one-sided tests look upwards."""
    return np.abs(statistic) > cut if sides == 2 else statistic > cut


def expected_side(effect: float, sides: int) -> float:
    """Return -1 if a one-sided test must look down (so that it can be turned), else 1."""
    return -1.0 if sides == 1 and effect < 0 else 1.0


def sides_text(sides: int) -> str:
    """``two-sided`` or ``one-sided``."""
    return "two-sided" if sides == 2 else "one-sided"


def compound(size: int, correlation: float) -> FloatArray:
    """Correlation matrix (size, size) with one correlation everywhere."""
    matrix = np.full((size, size), float(correlation))
    np.fill_diagonal(matrix, 1.0)
    return matrix


def factor(matrix: FloatArray, what: str) -> FloatArray:
    """Lower triangle whose product with its transpose is `matrix` (singular ones too).

    Raises
    ------
    ValueError
        If no variables have such correlations.

    Examples
    --------
    >>> factor(np.array([[1.0, 1.0], [1.0, 1.0]]), "correlation").tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    n = len(matrix)
    lower = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i, j] - float(lower[i, :j] @ lower[j, :j])
            if i == j:
                if rest < -1e-10:
                    raise ValueError(f"{what}: no variables have such correlations together")
                lower[i, i] = math.sqrt(max(rest, 0.0))
            elif lower[j, j] > 1e-12:
                lower[i, j] = rest / lower[j, j]
            elif abs(rest) > 1e-9:
                raise ValueError(f"{what}: no variables have such correlations together")
    return lower


def correlated(rng: np.random.Generator, lower: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Normal values (variables, *shape) with the covariance that `lower` is the factor of."""
    z = rng.standard_normal((len(lower), *shape))
    values = np.zeros_like(z)
    for i, row in enumerate(lower):
        for j in range(i + 1):
            if row[j] != 0.0:
                values[i] += row[j] * z[j]
    return values
