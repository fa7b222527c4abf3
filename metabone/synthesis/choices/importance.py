"""How much of the differences between analyses each choice explains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

#: What main effects do not explain.
INTERACTIONS = "interactions"
# A variance this far below the square of the values is rounding error.
NO_SPREAD = 1e-20


def importance(
    values: ArrayLike,
    options: Sequence[Mapping[str, str]],
    factors: Mapping[str, Sequence[str]],
) -> dict[str, float]:
    """Shares of the variance of `values` that the main effects of the factors explain.

    The share of a factor is what it adds to R² of the regression on the options, averaged over all
    orders in which the factors can enter (the Shapley value; Lindeman, Merenda and Gold's measure).
    Where all combinations are there it is the factor's sum of squares over the total one, as in an
    analysis of variance; where they are not, no order is preferred. A factor that means nothing in
    some analyses explains differences only among the others.

    Parameters
    ----------
    values : (n,) finite numbers, one for each analysis.
    options : (n,) the option of each factor, by its name.
    factors : the options of each factor.

    Returns
    -------
    A share for each factor and ``interactions``, the rest; they sum to 1. All NaN where the values
    do not differ.

    References
    ----------
    Grömping (2006), doi:10.18637/jss.v017.i01.

    Examples
    --------
    >>> grid = [{"a": a, "b": b} for a in "xy" for b in "uv"]
    >>> importance([0, 1, 2, 3], grid, {"a": "xy", "b": "uv"})
    {'a': 0.8, 'b': 0.2, 'interactions': 0.0}
    """
    y = np.asarray(values, dtype=float)
    names = list(factors)
    total = float(((y - y.mean()) ** 2).sum()) if len(y) else 0.0
    if not total > NO_SPREAD * float((y**2).sum()):
        return dict.fromkeys([*names, INTERACTIONS], math.nan)
    columns = {name: _columns(name, factors[name], options) for name in names}
    moving = [name for name in names if columns[name].size]
    explained = _explained(y - y.mean(), [columns[name] for name in moving])
    shares = dict.fromkeys(names, 0.0)
    shares |= dict(zip(moving, _shapley(explained, len(moving)), strict=True))
    rest = 1 - explained[tuple(range(len(moving)))]
    clean = {name: round(share, 12) + 0.0 for name, share in shares.items()}
    return clean | {INTERACTIONS: max(0.0, round(rest, 12)) + 0.0}


def _columns(name: str, known: Sequence[str], options: Sequence[Mapping[str, str]]) -> FloatArray:
    """(n, options) indicators, centred among the analyses that have the factor, 0 in the others."""
    member = np.array([[one.get(name) == option for option in known] for one in options], float)
    applies = member.any(axis=1)
    if applies.any():
        member[applies] -= member[applies].mean(axis=0)
    used = np.abs(member).max(axis=0) > 0
    chosen: FloatArray = member[:, used]
    return chosen


def _explained(y: FloatArray, columns: Sequence[FloatArray]) -> dict[tuple[int, ...], float]:
    """R² of the regression on every set of factors."""
    total = float(y @ y)
    found: dict[tuple[int, ...], float] = {(): 0.0}
    for size in range(1, len(columns) + 1):
        for chosen in combinations(range(len(columns)), size):
            x = np.concatenate([columns[i] for i in chosen], axis=1)
            x = x - x.mean(axis=0)
            gram, cross = x.T @ x, x.T @ y
            fitted = float(cross @ (np.linalg.pinv(gram, rcond=1e-10, hermitian=True) @ cross))
            found[chosen] = min(1.0, fitted / total)
    return found


def _shapley(explained: Mapping[tuple[int, ...], float], count: int) -> list[float]:
    shares = []
    for one in range(count):
        others = [i for i in range(count) if i != one]
        share = 0.0
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for chosen in combinations(others, size):
                joined = tuple(sorted((*chosen, one)))
                share += weight * (explained[joined] - explained[chosen])
        shares.append(share)
    return shares
