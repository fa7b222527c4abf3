"""``math`` with the functions that MicroPython's lacks."""

from math import *  # noqa: F403
from math import exp, log, sqrt


def log1p(x: float) -> float:  # type: ignore[no-redef]
    """ln(1 + x), also for small x."""
    whole = 1.0 + x
    return x if whole == 1.0 else log(whole) * x / (whole - 1.0)


def expm1(x: float) -> float:  # type: ignore[no-redef]
    """eˣ − 1, also for small x."""
    grown = exp(x)
    if grown == 1.0:
        return x
    if grown - 1.0 == -1.0 or grown == inf:  # noqa: F405
        return grown - 1.0
    return (grown - 1.0) * x / log(grown)


def hypot(x: float, y: float) -> float:  # type: ignore[no-redef]
    """√(x² + y²) without overflow."""
    x, y = max(abs(x), abs(y)), min(abs(x), abs(y))
    return x if y == 0.0 else x * sqrt(1.0 + (y / x) ** 2)
