"""Axes of figures of points: ends that one giant cannot stretch, and their ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from metabone.plots.scales import REACH, Scale, find_scale, tick_sets
from metabone.plots.spec import Axis, Tick
from metabone.plots.xy_spec import Upright

PLAIN = find_scale("SMD", "none")
#: A scale with logarithmic steps, for moderators that enter as log().
LOGARITHM = find_scale("ROM", "ratio")


def fences(values: Sequence[float], width: float = 0.0) -> tuple[float, float]:
    """How far an axis reaches at most: four typical widths from the median.

    A typical width is `width` or twice the SD that the median absolute deviation implies, whichever
    is larger; with fewer than five values, or without scatter, nothing is beyond.

    Examples
    --------
    >>> fences([1, 2, 3, 4, 5])
    (-8.8608, 14.8608)
    >>> fences([2, 2, 2])
    (-inf, inf)
    """
    if len(values) < 5:
        return -math.inf, math.inf
    middle = median(values)
    mad = 1.4826 * median([abs(value - middle) for value in values])
    reach = REACH * max(width, 2 * mad)
    return (middle - reach, middle + reach) if reach > 0 else (-math.inf, math.inf)


def span(
    values: Sequence[float],
    also: Sequence[float] = (),
    *,
    width: float = 0.0,
    room: float = 0.06,
) -> tuple[float, float]:
    """Ends of an axis: `values` within their fences, everything in `also`, and some room.

    Examples
    --------
    >>> span([0.0, 1.0], [2.0], room=0.1)
    (-0.2, 2.2)
    >>> span([3.0])
    (2.0, 4.0)
    """
    low, high = fences(values, width)
    ends = [min(max(value, low), high) for value in values] + list(also)
    finite = [end for end in ends if math.isfinite(end)] or [0.0]
    first, last = min(finite), max(finite)
    margin = room * (last - first)
    if last - first <= 1e-12 * max(abs(first), abs(last)):
        margin = abs(first) / 3 or 1.0
    return first - margin, last + margin


def across(
    ends: tuple[float, float],
    label: str,
    *,
    scale: Scale = PLAIN,
    sides: tuple[str, str] = ("", ""),
    ticks: tuple[Tick, ...] | None = None,
) -> Axis:
    """A horizontal axis; `sides` are the words on either side of zero."""
    sets = tick_sets(*ends, scale) if ticks is None else (ticks,)
    if ticks is None:
        # Where a narrow panel has no room for a set, its two ends say more than a single number.
        pairs = [(one[0], one[-1]) for one in sets[:-1] if len(one) > 2]
        sets = (*sets[:-1], *pairs, sets[-1])
    return Axis(*ends, sets, 0.0, None, label, *sides)


def upright(
    ends: tuple[float, float], label: str, *, scale: Scale = PLAIN, down: bool = False
) -> Upright:
    """A vertical axis with numbers."""
    return Upright(*ends, tick_sets(*ends, scale), label, down)
