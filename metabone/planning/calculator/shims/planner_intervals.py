"""Intervals of the models' floor for single numbers, with the kernel's quantiles."""

from __future__ import annotations

from metabone.errors import UsageError
from metabone.planning.kernel import norm_isf, t_isf


def check_level(level: float) -> float:
    """`level` if it lies strictly between 0 and 1."""
    if not 0 < level < 1:
        raise UsageError(f"level must lie between 0 and 1, e.g. 0.95; got {level!r}")
    return level


def interval(estimate: float, se: float, df: float, level: float = 0.95) -> tuple[float, float]:
    """``estimate ± critical × se``; `df` NaN means the normal distribution.

    Examples
    --------
    >>> tuple(round(x, 3) for x in interval(1.0, 0.5, 10))
    (-0.114, 2.114)
    """
    tail = (1 - check_level(level)) / 2
    half = (norm_isf(tail) if df != df else t_isf(tail, df)) * se
    return estimate - half, estimate + half
