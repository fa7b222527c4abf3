"""Climb a likelihood that is not concave, between bounds, for many data sets at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.models.step_likelihood import Curve

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

MAX_ITERATIONS = 200
MAX_HALVINGS = 30
# What the log-likelihood could still gain, by its curvature, when the search stops.
GAIN = 1e-12
# A direction is flat with less curvature than this share of the steepest, in units of `radius`.
FLAT = 1e-9
NOISE = 1e-13

Evaluate = Callable[[FloatArray, IntArray], Curve]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the parameters may be: `low` and `high` (P,).

    `radius` (B, P) is the longest step of each, and its natural unit. `held` (B, P) marks those
    that stay where they start.
    """

    low: FloatArray
    high: FloatArray
    radius: FloatArray
    held: BoolArray

    def take(self, rows: IntArray) -> Bounds:
        """Of some of the data sets."""
        return Bounds(self.low, self.high, self.radius[rows], self.held[rows])


@dataclass(frozen=True, slots=True)
class Peak:
    """Where the searches ended: ``theta`` (B, P), ``value`` and ``converged`` (B,).

    ``observed`` (B, P, P) is the information there, ``free`` (B, P) which parameters are neither
    held nor at a bound.
    """

    theta: FloatArray
    value: FloatArray
    converged: BoolArray
    observed: FloatArray
    free: BoolArray


def climb(evaluate: Evaluate, start: FloatArray, bounds: Bounds) -> Peak:
    """Newton's method with the absolute values of the curvatures, projected into the bounds.

    A direction that curves upwards is followed uphill, so that saddles push the search away
    instead of drawing it in (Dauphin et al. 2014, arXiv:1406.2572). Converged is a search that
    ends with no gain left where the information is positive definite.

    Parameters
    ----------
    evaluate : called with points (b, P) and the numbers of their rows (b,).
    start : (B, P) where each search begins.
    """
    theta = np.clip(start, bounds.low, bounds.high)
    size = len(theta)
    rows = np.arange(size)
    at = evaluate(theta, rows)
    value, observed = at.value.copy(), at.observed.copy()
    converged = np.zeros(size, dtype=bool)
    free = ~bounds.held
    for _ in range(MAX_ITERATIONS):
        here = bounds.take(rows)
        step, open_, curved = _step(at, theta[rows], here)
        free[rows] = open_
        gain = np.einsum("bp,bp->b", step, at.gradient)
        done = gain <= GAIN * (1 + np.abs(at.value))
        converged[rows[done]] = curved[done]
        rows, step, at = rows[~done], step[~done], at.take(~done)
        if not len(rows):
            break
        gain, curved = gain[~done], curved[~done]
        moved, at, stuck = _shorten(evaluate, rows, theta[rows], step, gain, at)
        theta[rows], value[rows], observed[rows] = moved, at.value, at.observed
        converged[rows[stuck]] = (gain[stuck] <= 1e-7) & curved[stuck]
        rows, at = rows[~stuck], at.take(~stuck)
        if not len(rows):
            break
    return Peak(theta, value, converged & np.isfinite(value), observed, free)


def _step(at: Curve, theta: FloatArray, bounds: Bounds) -> tuple[FloatArray, BoolArray, BoolArray]:
    """The step, which parameters are free in it, and whether the surface is concave in them."""
    blocked = (theta <= bounds.low) & (at.gradient <= 0)
    blocked |= (theta >= bounds.high) & (at.gradient >= 0)
    free = ~(blocked | bounds.held)
    step, concave = _newton(at, free, bounds.radius)
    crossing = (theta + step < bounds.low) | (theta + step > bounds.high)
    if crossing.any():
        edge = np.where(step < 0, bounds.low, bounds.high)
        to_edge = np.where(crossing, edge - theta, 0.0)
        rest, _ = _newton(at, free & ~crossing, bounds.radius, to_edge)
        step = np.clip(theta + np.where(crossing, to_edge, rest), bounds.low, bounds.high) - theta
        # Putting a parameter at its bound may not lead uphill: then each goes by itself.
        wrong = np.einsum("bp,bp->b", step, at.gradient) <= 0
        if wrong.any():
            size = np.abs(np.diagonal(at.observed, axis1=1, axis2=2)) + 1 / bounds.radius**2
            alone = np.where(free, at.gradient / size, 0.0)
            alone = np.clip(theta + alone, bounds.low, bounds.high) - theta
            step[wrong] = alone[wrong]
    return _limit(step, bounds.radius), free, concave


def _newton(
    at: Curve, free: BoolArray, radius: FloatArray, given: FloatArray | None = None
) -> tuple[FloatArray, BoolArray]:
    """|H|⁻¹ g in the free parameters, after the others went by `given`; and whether H < 0."""
    gradient = at.gradient
    if given is not None:
        gradient = gradient - np.einsum("bpq,bq->bp", at.observed, given)
    scale = np.where(free, radius, 0.0)
    curvature = at.observed * scale[:, :, None] * scale[:, None, :]
    # A parameter that is not free gets a curvature that neither adds a flat nor a steep direction.
    top = np.maximum(np.abs(curvature).max(axis=(1, 2)), 1e-300)
    place = np.arange(free.shape[1])
    curvature[:, place, place] += np.where(free, 0.0, top[:, None])
    bad = ~np.isfinite(curvature).all(axis=(1, 2))
    curvature[bad] = np.eye(free.shape[1])
    values, vectors = np.linalg.eigh(curvature)
    largest = np.abs(values).max(axis=1)
    concave = (values[:, 0] > FLAT * largest) & ~bad
    size = np.maximum(np.abs(values), np.maximum(FLAT * largest, 1e-300)[:, None])
    along = np.einsum("bpq,bp->bq", vectors, np.where(free, gradient * scale, 0.0)) / size
    return scale * np.einsum("bpq,bq->bp", vectors, along), concave


def _limit(step: FloatArray, radius: FloatArray) -> FloatArray:
    longest = (np.abs(step) / radius).max(axis=1)
    return np.asarray(step / np.maximum(1.0, longest)[:, None])


def _shorten(
    evaluate: Evaluate,
    rows: IntArray,
    theta: FloatArray,
    step: FloatArray,
    gain: FloatArray,
    before: Curve,
) -> tuple[FloatArray, Curve, BoolArray]:
    """Take the step, or half of it until the likelihood does not fall; which never got better."""
    noise = NOISE * (1 + np.abs(before.value))
    length = np.ones(len(rows))
    moved = theta + step
    after = evaluate(moved, rows)
    short = ~(after.value >= before.value + 1e-4 * gain - noise)
    for _ in range(MAX_HALVINGS):
        if not short.any():
            break
        length[short] /= 2
        moved[short] = theta[short] + length[short, None] * step[short]
        again = evaluate(moved[short], rows[short])
        after.value[short] = again.value
        after.gradient[short], after.observed[short] = again.gradient, again.observed
        short = ~(after.value >= before.value + 1e-4 * length * gain - noise)
    moved[short] = theta[short]
    after.value[short] = before.value[short]
    after.gradient[short], after.observed[short] = before.gradient[short], before.observed[short]
    return moved, after, short
