"""Bubbles that stand beside each other instead of on each other: a beeswarm without chance."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

#: Bubbles may overlap by this share of their radii: they are translucent.
OVERLAP = 0.12
#: Smallest radius of a bubble (points).
SPECK = 0.9


def swarm(xs: Sequence[float], radii: Sequence[float], most: float) -> list[float]:
    """How far above or below the middle line each bubble stands.

    From left to right, each takes the free place nearest to the middle line. Where the swarm would
    be higher than `most` on one side, all of it is pressed together.

    Parameters
    ----------
    xs, radii : (n,) places on the line and radii, in the same unit.
    most : the farthest that the rim of a bubble may be from the line.

    Returns
    -------
    list of float
        (n,) offsets; the same for the same bubbles, whatever their order.

    Examples
    --------
    >>> swarm([0.0, 5.0, 5.0], [1.0, 1.0, 1.0], 9.0)
    [0.0, 0.0, 1.76]
    """
    order = sorted(range(len(xs)), key=lambda i: (xs[i], -radii[i], i))
    widest = max(radii, default=0.0)
    offsets = [0.0] * len(xs)
    placed_x: list[float] = []
    for place, i in enumerate(order):
        first = bisect_left(placed_x, xs[i] - (radii[i] + widest))
        near = order[first:place]
        offsets[i] = _nearest_free(
            [_taken(xs[i] - xs[j], radii[i] + radii[j], offsets[j]) for j in near]
        )
        placed_x.append(xs[i])
    reach = max((abs(offsets[i]) + radii[i] for i in order), default=0.0)
    if reach > most:
        high = max(abs(offset) for offset in offsets)
        share = max(0.0, most - widest) / high if high else 1.0
        offsets = [offset * share for offset in offsets]
    return offsets


def _taken(dx: float, apart: float, offset: float) -> tuple[float, float]:
    """The offsets that a neighbour keeps from being taken; an empty interval if none."""
    apart *= 1 - OVERLAP
    half = math.sqrt(max(0.0, apart**2 - dx**2))
    return offset - half, offset + half


def _nearest_free(taken: Sequence[tuple[float, float]]) -> float:
    """The free offset nearest to 0; of two as near the positive one."""
    spans: list[list[float]] = []
    for low, high in sorted(taken):
        if high - low <= 0:
            continue
        if spans and low < spans[-1][1] - 1e-9:
            spans[-1][1] = max(spans[-1][1], high)
        else:
            spans.append([low, high])
    for low, high in spans:
        if low < 0 < high:
            return round(high, 9) if high <= -low + 1e-9 else round(low, 9)
    return 0.0


def bubble_radius(n: int, em: float) -> float:
    """Radius of the largest bubble where `n` share a line.

    Examples
    --------
    >>> bubble_radius(5, 10.0), bubble_radius(3000, 10.0)
    (7.0, 2.2)
    """
    share: float = (25 / max(n, 1)) ** 0.4
    return em * min(0.7, max(0.22, 0.7 * share))
