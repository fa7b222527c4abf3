"""Points counted in hexagons, for clouds too dense to draw one by one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
_ROOT3 = math.sqrt(3)


@dataclass(frozen=True, slots=True)
class Cell:
    """One hexagon: its corners on the scales of the axes, and how many points lie in it."""

    corners: tuple[tuple[float, float], ...]
    count: int


def hexagons(
    x: FloatArray,
    y: FloatArray,
    x_ends: tuple[float, float],
    y_ends: tuple[float, float],
    across: int,
    shape: float,
) -> list[Cell]:
    """Count points in hexagons that are regular on paper; empty ones are left out.

    Parameters
    ----------
    x, y : (m,) the points.
    x_ends, y_ends : ends of the axes.
    across : hexagons side by side.
    shape : height of the panel over its width.

    References
    ----------
    Carr et al. (1987), doi:10.1080/01621459.1987.10478445.

    Examples
    --------
    >>> cells = hexagons(np.array([0.1, 0.1, 0.9]), np.array([0.5, 0.5, 0.5]), (0, 1), (0, 1), 9, 1)
    >>> [cell.count for cell in cells], len(cells[0].corners)
    ([2, 1], 6)
    """
    side = 1 / (_ROOT3 * across)
    wide, high = x_ends[1] - x_ends[0], y_ends[1] - y_ends[0]
    u, v = (x - x_ends[0]) / wide, shape * (y - y_ends[0]) / high
    column, row = _nearest(u, v, side)
    # One number for each cell; rows of a panel are few, columns fewer.
    places, counts = np.unique(row * 100_003 + column, return_counts=True)
    cells = []
    for place, count in zip(places.tolist(), counts.tolist(), strict=True):
        j, i = divmod(place + 50_001, 100_003)
        i -= 50_001
        cu, cv = side * _ROOT3 * (i + 0.5 * (j % 2)), side * 1.5 * j
        corners = tuple(
            (
                x_ends[0] + wide * (cu + side * math.sin(math.pi * turn / 3)),
                y_ends[0] + high * (cv + side * math.cos(math.pi * turn / 3)) / shape,
            )
            for turn in range(6)
        )
        cells.append(Cell(corners, count))
    return cells


def _nearest(
    u: FloatArray, v: FloatArray, side: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Column and row of the nearest centre: of two rectangular lattices, the nearer one."""
    found = []
    for odd in (0, 1):
        # Rows of this lattice: even or odd ones; odd ones are half a step to the right.
        j = 2 * np.rint((v / (1.5 * side) - odd) / 2) + odd
        i = np.rint(u / (_ROOT3 * side) - 0.5 * odd)
        away = (u - _ROOT3 * side * (i + 0.5 * odd)) ** 2 + (v - 1.5 * side * j) ** 2
        found.append((i, j, away))
    second = found[1][2] < found[0][2]
    column = np.where(second, found[1][0], found[0][0]).astype(np.int64)
    row = np.where(second, found[1][1], found[0][1]).astype(np.int64)
    return column, row
