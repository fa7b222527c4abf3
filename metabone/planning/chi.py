"""Expectations over a standardised χ variable: the one integral behind t power and assurance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from metabone.errors import ModelError

FloatArray = NDArray[np.float64]
Rule = tuple[FloatArray, FloatArray]

# The density below exp(-DEPTH) of its peak adds nothing to 16 digits.
DEPTH = 42.0
TOLERANCE = 1e-12
HALVINGS = 8


def chi_rule(df: float, halvings: int = 0) -> Rule:
    """Nodes and weights of the mean of f(U) with df·U² ~ χ²(df).

    The trapezoidal rule in log U, whose error falls exponentially with the step for every df, also
    a fractional one below 1.

    Parameters
    ----------
    df : degrees of freedom; infinity gives the one node U = 1.
    halvings : how often the basic step is halved.

    Returns
    -------
    (q,) nodes and (q,) weights that sum to 1.

    References
    ----------
    Trefethen & Weideman (2014), doi:10.1137/130932132 (the rule).

    Examples
    --------
    >>> u, w = chi_rule(6)
    >>> round(float((w * u).sum()), 9), round(float((w * u**2).sum()), 9)
    (0.959368789, 1.0)
    """
    if np.isinf(df):
        return np.ones(1), np.ones(1)
    start, stop = _edge(2 * DEPTH / df, -1), _edge(2 * DEPTH / df, 1)
    step = min(0.1, 0.4 / np.sqrt(df)) / 2**halvings
    x = np.arange(start, stop + step, step)
    log_density = -df / 2 * (np.expm1(2 * x) - 2 * x)
    weights = np.exp(log_density)
    return np.exp(x), weights / weights.sum()


def _edge(depth: float, side: int) -> float:
    """Where expm1(2x) − 2x = depth, below (−1) or above (1) the peak at 0, by Newton's steps.

    The function is convex and both starts lie outside, so the steps cannot overshoot.
    """
    x = np.sqrt(depth / 2) if side > 0 else -np.sqrt(depth / 2) - depth / 2
    for _ in range(500):
        slope = 2 * np.expm1(2 * x)
        step = (np.expm1(2 * x) - 2 * x - depth) / slope
        x -= step
        if abs(step) <= 1e-9 * abs(x):
            break
    return float(x)


def refine(value: Callable[[int], FloatArray]) -> FloatArray:
    """`value` at the first number of halvings from which another changes nothing.

    Raises
    ------
    ModelError
        If the integral does not settle.
    """
    before = value(0)
    for halvings in range(1, HALVINGS + 1):
        now = value(halvings)
        if np.all(np.abs(now - before) <= TOLERANCE * np.maximum(1.0, np.abs(now))):
            return now
        before = now
    raise ModelError("the integral over the sampling error does not settle; check n and alpha")
