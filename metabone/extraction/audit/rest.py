"""What the other rows of a group say, for every row at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def middles_of_rest(
    values: Floats, groups: NDArray[Any]
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """The one or two middle values of a group without each one, and how many these others are.

    The median of the others is half of the sum; where they are odd in number both are the same.

    Parameters
    ----------
    values : (k,) numbers; NaN where there is none, which belongs to no group.
    groups : (k,) number of the group of each value.

    Returns
    -------
    low, high : (k,), NaN where the value is missing or alone in its group.
    others : (k,) number of the other values of the group, 0 where the value is missing.

    Examples
    --------
    >>> low, high, others = middles_of_rest(np.array([1.0, 2.0, 9.0, 4.0]), np.array([0, 0, 0, 1]))
    >>> low.tolist(), high.tolist(), others.tolist()
    ([2.0, 1.0, 1.0, nan], [9.0, 9.0, 2.0, nan], [2, 2, 2, 0])
    """
    values, groups = np.asarray(values, dtype=float), np.asarray(groups)
    ends = np.full((2, len(values)), np.nan)
    others = np.zeros(len(values), dtype=np.int64)
    there = np.flatnonzero(np.isfinite(values))
    order = there[np.lexsort((values[there], groups[there]))]
    if len(order) == 0:
        return ends[0], ends[1], others
    number = np.cumsum(np.r_[False, np.diff(groups[order]) != 0])
    size = np.bincount(number)[number]
    start = np.flatnonzero(np.r_[True, np.diff(number) != 0])[number]
    place = np.arange(len(order)) - start
    ranked = values[order]
    for end, middle in zip(ends, ((size - 2) // 2, (size - 1) // 2), strict=True):
        at = np.clip(start + middle + (place <= middle), start, start + size - 1)
        end[order] = np.where(size > 1, ranked[at], np.nan)
    others[order] = size - 1
    return ends[0], ends[1], others
