"""Maximise a likelihood over variances that cannot be negative, for many data sets at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MAX_ITERATIONS = 200
MAX_HALVINGS = 40
# Newton's decrement: what the log-likelihood could still gain. Its square root is the distance to
# the maximum in standard errors.
DECREMENT = 1e-12
# Further away than this (in log-likelihood) expected information leads better than observed.
FAR = 0.1
# Rounding of a log-likelihood of this size must not be taken for a fall.
NOISE = 1e-13


@dataclass(frozen=True, slots=True)
class Surface:
    """A log-likelihood at one point for B data sets and L variances.

    ``value`` (B,), ``gradient`` (B, L), ``observed`` and ``expected`` information (B, L, L).
    """

    value: FloatArray
    gradient: FloatArray
    observed: FloatArray
    expected: FloatArray

    def take(self, rows: NDArray[np.intp] | BoolArray) -> Surface:
        """Some of the data sets."""
        return Surface(*(getattr(self, one.name)[rows] for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where the search ended: ``theta`` (B, L), ``value``, ``converged``, ``iterations`` (B,).

    ``observed`` (B, L, L) is the information there.
    """

    theta: FloatArray
    value: FloatArray
    converged: BoolArray
    iterations: NDArray[np.int64]
    observed: FloatArray

    def take(self, rows: NDArray[np.intp] | BoolArray) -> Maximum:
        """Some of the data sets."""
        return Maximum(*(getattr(self, one.name)[rows] for one in fields(self)))


Evaluate = Callable[[FloatArray, NDArray[np.intp]], Surface]
Rows = TypeVar("Rows", FloatArray, BoolArray)


def maximise(evaluate: Evaluate, start: FloatArray, fixed: BoolArray | None = None) -> Maximum:
    """Projected Newton with step-halving from `start` (B, L), keeping ``theta >= 0``.

    Parameters
    ----------
    evaluate : called with points (b, L) and the numbers of their data sets (b,).
    start : (B, L) where each search begins.
    fixed : (L,) variances to leave where they start.
    """
    theta = np.maximum(start, 0.0)
    size, n_variances = theta.shape
    held = np.zeros(n_variances, dtype=bool) if fixed is None else fixed
    every = np.arange(size)
    surface = evaluate(theta, every)
    value, observed = surface.value.copy(), surface.observed.copy()
    converged = np.zeros(size, dtype=bool)
    iterations = np.zeros(size, dtype=np.int64)
    rows = every
    for number in range(1, MAX_ITERATIONS + 1):
        step = _step(surface, theta[rows], held)
        gain = np.einsum("bl,bl->b", step, surface.gradient)
        done = gain <= DECREMENT * (1 + np.abs(surface.value))
        converged[rows[done]] = True
        iterations[rows] = number
        if done.all():
            break
        rows, step, gain, surface = rows[~done], step[~done], gain[~done], surface.take(~done)
        moved, surface, stuck = _halve(evaluate, rows, theta[rows], step, gain, surface)
        theta[rows], value[rows], observed[rows] = moved, surface.value, surface.observed
        # No step of any length climbs: the point is a maximum to within rounding.
        converged[rows[stuck]] = gain[stuck] <= 1e-6
        rows, surface = rows[~stuck], surface.take(~stuck)
        if not len(rows):
            break
    return Maximum(theta, value, converged, iterations, observed)


def _step(surface: Surface, theta: FloatArray, held: BoolArray) -> FloatArray:
    """Newton's step in the free variances.

    By expected information (Fisher's scoring) where the surface is not concave or the maximum is
    far, since curvature far away says little of it.
    """
    blocked = held | ((theta <= 0) & (surface.gradient <= 0))
    free = ~blocked
    gradient = np.where(free, surface.gradient, 0.0)
    eye = np.eye(theta.shape[1])
    observed, expected = surface.observed, surface.expected
    if blocked.any():
        both = free[:, :, None] & free[:, None, :]
        observed = np.where(both, observed, eye * ~both)
        expected = np.where(both, expected, eye * ~both)
    step = _solve(_usable(expected), gradient)
    chosen = expected
    near = (np.einsum("bl,bl->b", step, gradient) < FAR) & _positive_definite(observed)
    if near.any():
        chosen = np.where(near[:, None, None], observed, expected)
        step = _solve(_usable(chosen), gradient)
    return _stop_at_zero(theta, step, gradient, chosen)


def _solve(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    """(B, L) solutions."""
    return np.asarray(np.linalg.solve(matrices, vectors[:, :, None])[:, :, 0], dtype=float)


def _usable(information: FloatArray) -> FloatArray:
    """The matrices, those that are singular replaced by their diagonals."""
    good = _positive_definite(information)
    if good.all():
        return information
    size = np.maximum(np.abs(np.diagonal(information, axis1=1, axis2=2)), 1e-300)
    return np.where(good[:, None, None], information, np.eye(size.shape[1]) * size[:, :, None])


def _stop_at_zero(
    theta: FloatArray, step: FloatArray, gradient: FloatArray, information: FloatArray
) -> FloatArray:
    """Where the step crosses zero put that variance at zero and solve again for the others."""
    crossing = (theta + step < 0) & (step < 0)
    if not crossing.any() or theta.shape[1] == 1:
        return np.maximum(step, -theta)
    to_zero = np.where(crossing, -theta, 0.0)
    both = ~crossing[:, :, None] & ~crossing[:, None, :]
    eye = np.eye(theta.shape[1])
    pull = gradient - np.einsum("blm,bm->bl", information, to_zero)
    rest = _solve(np.where(both, information, eye * ~both), np.where(crossing, 0.0, pull))
    return np.maximum(np.where(crossing, to_zero, rest), -theta)


def _positive_definite(matrices: FloatArray) -> BoolArray:
    """Which of (B, L, L) symmetric matrices have only clearly positive eigenvalues."""
    if matrices.shape[1] == 2:  # the common case, by its determinant and trace
        a, d = matrices[:, 0, 0], matrices[:, 1, 1]
        trace, b = a + d, matrices[:, 0, 1]
        two: BoolArray = (trace > 0) & (a * d - b * b > 1e-12 * trace * trace)
        return two
    values = np.linalg.eigvalsh(matrices)
    good: BoolArray = values[:, 0] > 1e-12 * np.abs(values[:, -1])
    return good


def _halve(
    evaluate: Evaluate,
    rows: NDArray[np.intp],
    theta: FloatArray,
    step: FloatArray,
    gain: FloatArray,
    before: Surface,
) -> tuple[FloatArray, Surface, BoolArray]:
    """Take the step, or half of it until the likelihood does not fall; which never got better."""
    length = np.ones(len(rows))
    moved = theta + step
    after = evaluate(moved, rows)
    noise = NOISE * (1 + np.abs(before.value))
    short = ~(after.value >= before.value + 1e-4 * length * gain - noise)
    for _ in range(MAX_HALVINGS):
        if not short.any():
            break
        length[short] /= 2
        moved[short] = np.maximum(theta[short] + length[short, None] * step[short], 0.0)
        again = evaluate(moved[short], rows[short])
        after = _replace(after, short, again)
        short = ~(after.value >= before.value + 1e-4 * length * gain - noise)
    if short.any():
        moved[short] = theta[short]
        after = _replace(after, short, before.take(short))
    return moved, after, short


def _replace(surface: Surface, rows: BoolArray, other: Surface) -> Surface:
    columns = []
    for one in fields(surface):
        column = getattr(surface, one.name).copy()
        column[rows] = getattr(other, one.name)
        columns.append(column)
    return Surface(*columns)
