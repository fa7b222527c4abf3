"""The search for the maximum of a step-function likelihood, for many data sets at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from metabone.models.ascent import Bounds, Peak, climb
from metabone.models.step_likelihood import StepLikelihood

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# |log δ| beyond this is a weight of nothing or of everything: the likelihood has no maximum.
LIMIT = 14.0
# Where searches begin: log δ of the last interval, and the share of the unadjusted mean.
STARTS = ((0.0, 1.0), (-1.5, 1.0), (-1.5, 0.3), (-3.5, 0.0), (1.5, 1.0), (3.0, 1.5))
# The same, with τ² as large as all the spread: a τ² of 0 may be a maximum too, and not the highest.
WIDE_STARTS = ((-1.5, 1.0), (-1.5, 0.3))
# A search that climbs this much higher than the best that converged has run away from a maximum.
AWAY = 1e-3
# Data sets that are fitted together.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """What is searched: the likelihood, turned so that large effects are favoured, and its bounds.

    `side` (B,) says how each data set was turned.
    """

    likelihood: StepLikelihood
    side: FloatArray
    heterogeneity: bool

    def bounds(self, held: Sequence[int] = ()) -> Bounds:
        """Bounds of every data set; `held` are parameters that stay where they start."""
        like = self.likelihood
        size, p, total = len(like.weights), like.p, like.size
        low, high = np.full(total, -np.inf), np.full(total, np.inf)
        low[p], low[p + 1 :], high[p + 1 :] = 0.0, -LIMIT, LIMIT
        spread = like.v.mean(axis=1) + like.y.var(axis=1)
        x_size = np.sqrt((like.x**2).mean(axis=1))
        radius = np.full((len(spread), total), 2.0)
        radius[:, :p] = 2 * np.sqrt(spread)[:, None] / np.maximum(x_size, 1e-300)
        radius[:, p] = 2 * spread
        fixed = np.zeros((size, total), dtype=bool)
        fixed[:, p] = not self.heterogeneity
        fixed[:, list(held)] = True
        return Bounds(low, high, np.broadcast_to(radius, (size, total)), fixed)


def problem_of(
    y: FloatArray,
    v: FloatArray,
    x: FloatArray,
    steps: tuple[float, ...],
    side: FloatArray,
    heterogeneity: bool,
    weights: FloatArray | None = None,
) -> Problem:
    """The problem of data sets (n, k), or of one that is weighted in B ways (B, k)."""
    turned = side[:, None] * y
    edges = -np.sqrt(v)[..., None] * ndtri(np.array(steps))
    counted = np.ones(y.shape) if weights is None else weights
    like = StepLikelihood(turned, v, x, edges, interval_of(turned, v, steps), counted)
    return Problem(like, np.broadcast_to(side, (len(counted),)), heterogeneity)


class Found(NamedTuple):
    """θ and its null, their values, whether a maximum was found, and the covariance, (b, …)."""

    theta: FloatArray
    null: FloatArray
    value: FloatArray
    null_value: FloatArray
    good: BoolArray
    vcov: FloatArray


def search(
    problem: Problem, starts: Sequence[tuple[float, float]], near: FloatArray | None = None
) -> Found:
    """The maxima of all data sets; `near` (P,) is one more place to begin."""
    size = len(problem.likelihood.weights)
    parts = [
        _chunk(problem, np.arange(first, min(first + CHUNK, size)), starts, near)
        for first in range(0, size, CHUNK)
    ]
    return Found(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _chunk(
    problem: Problem,
    rows: IntArray,
    starts: Sequence[tuple[float, float]],
    near: FloatArray | None,
) -> Found:
    like = problem.likelihood
    p, total = like.p, like.size
    null = _null(problem, rows)
    places = [_place(null.theta, p, *one) for one in starts]
    if problem.heterogeneity and near is None:
        wide = null.theta.copy()
        wide[:, p] += _spread(like, rows)
        places += [_place(wide, p, *one) for one in WIDE_STARTS]
    if near is not None:
        places.append(np.broadcast_to(near, (len(rows), total)))
    found = _search(problem, rows, np.stack(places, axis=1), ())
    interval = like.interval if len(like.interval) == 1 else like.interval[rows]
    counts = count_intervals(interval, like.weights[rows], total - p)
    good = found.converged & null.converged & (counts > 0).all(axis=1)
    good &= (np.abs(found.theta[:, p + 1 :]) < LIMIT).all(axis=1)
    good &= found.value >= null.value - 1e-8
    vcov = _covariance(found, p)
    return Found(found.theta, null.theta, found.value, null.value, good, vcov)


def _place(null: FloatArray, p: int, weight: float, share: float) -> FloatArray:
    start = null.copy()
    start[:, :p] *= share
    steps = start.shape[1] - p - 1
    start[:, p + 1 :] = weight * np.arange(1, steps + 1) / steps
    return start


def _spread(like: StepLikelihood, rows: IntArray) -> FloatArray:
    """(b,) unweighted variance of the effects of each data set."""
    y = like.y if len(like.y) == 1 else like.y[rows]
    return np.broadcast_to(y.var(axis=1), (len(rows),))


def _null(problem: Problem, rows: IntArray) -> Peak:
    """Without selection, from τ² of 0 and from all the spread of the effects."""
    like = problem.likelihood
    p, total = like.p, like.size
    n = like.weights[rows]
    y, v, x = (one if len(one) == 1 else one[rows] for one in (like.y, like.v, like.x))
    x = np.broadcast_to(x, (len(rows), *x.shape[1:]))
    wide = _spread(like, rows) * problem.heterogeneity
    places = []
    for spread in (0.0, 1.0):
        tau2 = spread * wide
        w = n / (v + tau2[:, None])
        cross = np.einsum("bk,bkp,bkq->bpq", w, x, x)
        right = np.einsum("bk,bkp->bp", w * y, x)
        start = np.zeros((len(rows), total))
        start[:, :p] = np.einsum("bpq,bq->bp", np.linalg.pinv(cross, hermitian=True), right)
        start[:, p] = tau2
        places.append(start)
    return _search(problem, rows, np.stack(places, axis=1), range(p + 1, total))


def _search(problem: Problem, rows: IntArray, starts: FloatArray, held: Sequence[int]) -> Peak:
    """The best of searches from `starts` (b, S, P); not converged where one runs away from it."""
    each = starts.shape[1]
    which = np.repeat(rows, each)
    bounds = problem.bounds(held).take(which)
    found = climb(
        lambda theta, at: problem.likelihood.evaluate(theta, which[at]),
        starts.reshape(len(which), -1),
        bounds,
    )
    shape = (len(rows), each)
    value = np.where(np.isfinite(found.value), found.value, -np.inf).reshape(shape)
    settled = np.where(found.converged.reshape(shape), value, -np.inf)
    best = np.arange(len(rows)) * each + np.where(
        np.isfinite(settled).any(axis=1), settled.argmax(axis=1), value.argmax(axis=1)
    )
    converged = found.converged[best] & (found.value[best] >= value.max(axis=1) - AWAY)
    return Peak(
        found.theta[best], found.value[best], converged, found.observed[best], found.free[best]
    )


def _covariance(found: Peak, p: int) -> FloatArray:
    """(b, P, P) of (β, τ², δ), from the information of the free parameters of (β, τ², log δ)."""
    both = found.free[:, :, None] & found.free[:, None, :]
    scale = np.sqrt(np.maximum(np.abs(np.diagonal(found.observed, axis1=1, axis2=2)), 1e-300))
    scale = np.where(found.free, scale, 1.0)
    unit = found.observed / (scale[:, :, None] * scale[:, None, :])
    usable = np.where(both, unit, np.eye(both.shape[1]))
    usable[~np.isfinite(usable).all(axis=(1, 2))] = 0.0
    inverse = np.linalg.pinv(usable, hermitian=True) / (scale[:, :, None] * scale[:, None, :])
    change = np.ones_like(found.theta)
    change[:, p + 1 :] = np.exp(found.theta[:, p + 1 :])
    return np.asarray(np.where(both, inverse, np.nan) * change[:, :, None] * change[:, None, :])


def interval_of(y: FloatArray, v: FloatArray, steps: tuple[float, ...]) -> IntArray:
    """(..., k) number of the interval; a p-value at a step belongs to the smaller ones."""
    p = ndtr(-y / np.sqrt(v))
    return np.asarray(np.searchsorted(np.array(steps), p, side="left"), dtype=np.intp)


def count_intervals(interval: IntArray, weights: FloatArray, intervals: int) -> FloatArray:
    """(..., J) effects in each interval, weighted."""
    own = interval[..., None] == np.arange(intervals)
    return np.asarray((weights[..., None] * own).sum(axis=-2))
