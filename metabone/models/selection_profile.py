"""Profile-likelihood intervals of a selection model: of its mean, τ² and weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.errors import ModelError
from metabone.models.ascent import Bounds, climb
from metabone.models.intervals import check_level, critical
from metabone.models.selection import SelectionFit
from metabone.models.selection_search import LIMIT

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# How often the distance from the estimate doubles before a side counts as open.
DOUBLINGS = 24
MAX_STEPS = 60
CLOSE = 1e-9
# A profile that climbs above the maximum shows that it was none.
ABOVE = 1e-5


@dataclass(frozen=True, slots=True)
class SelectionProfile:
    """Limits where twice the fall of the profile log-likelihood meets the χ² quantile (1 df).

    ``coef`` (p, 2), ``tau2`` (2,), ``delta`` (J, 2). A limit is infinite (of a weight also 0) where
    the likelihood does not bound that side; the first weight is 1 by definition and has NaN, and
    so has a τ² that was not estimated.
    """

    coef: FloatArray
    tau2: FloatArray
    delta: FloatArray
    level: float


@dataclass(frozen=True, slots=True)
class _Sides:
    """One row for each limit that is looked for: which parameter, and to which side."""

    fit: SelectionFit
    which: NDArray[np.intp]
    direction: FloatArray
    bounds: Bounds
    cut: float

    @property
    def top(self) -> FloatArray:
        """Where the likelihood is highest, (P,)."""
        return np.asarray(self.fit.theta[0])

    def fall(
        self, rows: NDArray[np.intp], at: FloatArray, near: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Root of twice the fall, less the critical value, with each parameter held `at`."""
        starts = np.stack([near, np.broadcast_to(self.top, near.shape)], axis=1)
        starts[np.arange(len(rows)), :, self.which[rows]] = at[:, None]
        each = np.repeat(rows, 2)
        like = self.fit.problem.likelihood
        found = climb(
            lambda theta, some: like.evaluate(theta, np.zeros(len(some), dtype=np.intp)),
            starts.reshape(len(each), -1),
            self.bounds.take(each),
        )
        value = found.value.reshape(-1, 2)
        best = value.argmax(axis=1)
        value = value[np.arange(len(rows)), best]
        lost = float(self.fit.loglik) - value
        if (lost < -ABOVE * (1 + abs(float(self.fit.loglik)))).any():
            raise ModelError(
                "the profile of the selection model climbs above the maximum that was found; the "
                "likelihood has several maxima, and its intervals cannot be given"
            )
        root = np.sqrt(2 * np.maximum(lost, 0.0)) - self.cut
        return root, found.theta[2 * np.arange(len(rows)) + best]


def selection_profile(fit: SelectionFit, level: float = 0.95) -> SelectionProfile:
    """Profile-likelihood limits of every parameter of one fit.

    Raises
    ------
    ModelError
        If a profile climbs above the maximum, or the fit is of many data sets.
    UsageError
        If the level does not lie between 0 and 1.

    Examples
    --------
    >>> from metabone.models.selection import selection_model
    >>> yi = [1.2, 0.9, 0.8, 0.7, 1.5, 0.3, 0.5, 0.1, 0.6, 0.4]
    >>> vi = [0.25, 0.16, 0.12, 0.1, 0.4, 0.04, 0.09, 0.05, 0.08, 0.06]
    >>> found = selection_profile(selection_model(yi, vi))
    >>> found.coef.round(2).tolist(), found.tau2.round(2).tolist()
    ([[-0.04, 0.52]], [0.0, 0.06])
    """
    if fit.coef.ndim != 1:
        raise ModelError("profiles are of one data set; take its own fit")
    sides = _sides(fit, check_level(level))
    limits = _search(sides)
    p = len(fit.coef)
    total = fit.problem.likelihood.size
    both = np.full((total, 2), np.nan)
    for row, (which, direction) in enumerate(zip(sides.which, sides.direction, strict=True)):
        both[which, 0 if direction < 0 else 1] = limits[row]
    if float(fit.side) < 0:
        both[:p] = -both[:p, ::-1]
    weights = np.where(both[p + 1 :] <= -LIMIT, 0.0, np.exp(np.minimum(both[p + 1 :], LIMIT)))
    weights = np.where(both[p + 1 :] >= LIMIT, np.inf, weights)
    delta = np.concatenate([np.full((1, 2), np.nan), weights])
    return SelectionProfile(both[:p], both[p], delta, level)


def _sides(fit: SelectionFit, level: float) -> _Sides:
    p, total = len(fit.coef), fit.problem.likelihood.size
    wanted = [i for i in range(total) if i != p or fit.heterogeneity]
    which = np.repeat(np.array(wanted, dtype=np.intp), 2)
    direction = np.tile([-1.0, 1.0], len(wanted))
    one = fit.problem.bounds()
    held = np.repeat(one.held, len(which), axis=0)
    held[np.arange(len(which)), which] = True
    bounds = Bounds(one.low, one.high, np.repeat(one.radius, len(which), axis=0), held)
    return _Sides(fit, which, direction, bounds, float(critical(math.nan, level)))


def _search(sides: _Sides) -> FloatArray:
    """Bracket each limit by doubling, then close in by the Illinois rule."""
    rows = np.arange(len(sides.which))
    centre = sides.top[sides.which]
    low, high = sides.bounds.low[sides.which], sides.bounds.high[sides.which]
    bound = np.where(sides.direction < 0, low, high)
    inner, f_inner = centre.copy(), np.full(len(rows), -sides.cut)
    outer, f_outer = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    near = np.repeat(sides.top[None], len(rows), axis=0)
    reach = _first_step(sides)
    limit = sides.direction * np.inf
    open_ = rows[inner != bound]
    limit[inner == bound] = bound[inner == bound]
    for _ in range(DOUBLINGS):
        if not len(open_):
            break
        aim = centre[open_] + sides.direction[open_] * reach[open_]
        stop = sides.direction[open_] * (aim - bound[open_]) >= 0
        aim = np.where(stop, bound[open_], aim)
        f, theta = sides.fall(open_, aim, near[open_])
        near[open_] = theta
        past = f >= 0
        outer[open_[past]], f_outer[open_[past]] = aim[past], f[past]
        inner[open_[~past]], f_inner[open_[~past]] = aim[~past], f[~past]
        # The bound itself is inside: it is the limit.
        limit[open_[~past & stop]] = bound[open_[~past & stop]]
        reach[open_] *= 2
        open_ = open_[~past & ~stop]
    found = np.flatnonzero(~np.isnan(outer))
    limit[found] = _close_in(sides, found, (inner, f_inner), (outer, f_outer), near)
    return limit


def _first_step(sides: _Sides) -> FloatArray:
    """One critical value of standard errors, on the scale of the search."""
    fit = sides.fit
    p = len(fit.coef)
    se = np.sqrt(np.diagonal(fit.vcov))
    se = np.concatenate([se[: p + 1], se[p + 1 :] / fit.delta[1:]])
    radius = sides.bounds.radius[0]
    usable = np.where(np.isfinite(se) & (se > 0), np.minimum(se, radius), radius / 10)
    return np.asarray(sides.cut * usable[sides.which])


def _close_in(
    sides: _Sides,
    rows: NDArray[np.intp],
    inner: tuple[FloatArray, FloatArray],
    outer: tuple[FloatArray, FloatArray],
    near: FloatArray,
) -> FloatArray:
    """Where the root of the fall crosses the critical value, between points on either side."""
    a, fa = inner[0][rows].copy(), inner[1][rows].copy()
    b, fb = outer[0][rows].copy(), outer[1][rows].copy()
    best = b.copy()
    kept = np.zeros(len(rows))
    active = np.arange(len(rows))
    for _ in range(MAX_STEPS):
        if not len(active):
            break
        one, other = a[active], b[active]
        x = other - fb[active] * (other - one) / (fb[active] - fa[active])
        f, theta = sides.fall(rows[active], x, near[rows[active]])
        near[rows[active]] = theta
        best[active] = x
        past = f >= 0
        # The end that stays twice counts half, so that both ends move.
        fa[active] = np.where(past & (kept[active] == 1), fa[active] / 2, fa[active])
        fb[active] = np.where(~past & (kept[active] == -1), fb[active] / 2, fb[active])
        kept[active] = np.where(past, 1, -1)
        b[active], fb[active] = np.where(past, x, b[active]), np.where(past, f, fb[active])
        a[active], fa[active] = np.where(past, a[active], x), np.where(past, fa[active], f)
        wide = np.abs(b[active] - a[active]) > CLOSE * (1e-3 + np.abs(x))
        active = active[(np.abs(f) > CLOSE) & wide]
    return best
