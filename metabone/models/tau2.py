"""Estimators of the between-study variance τ², batched over data sets.

Closed forms: DL, HE, HS, SJ. Roots of the generalised Q statistic: PM, EB (the same estimate) and
the Q-profile interval. Maxima of a likelihood: ML, REML, by Newton steps kept inside a bracket of
the score, so that each step that overshoots is halved and zero is an exact answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from metabone.models.moments import Moments, moments

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MAX_ITERATIONS = 200
# Newton's steps shrink quadratically: after one this small (relative to τ² plus the typical
# sampling variance) the error is near 1e-12. Other steps must shrink to the second figure.
NEWTON_TOLERANCE = 1e-6
TOLERANCE = 1e-12
# Where the sampling variances of a data set differ by more than this factor its likelihood may have
# two maxima; then a grid of this many values of τ² is looked at as well.
SPREAD = 30.0
# Where tr P is a smaller share of the sum of weights than this, rounding takes its seventh digit.
NOTHING = 1e-10
GRID = 60


@dataclass(frozen=True)
class Batch:
    """B data sets: `y`, `v` (B, k), `x` (B or 1, k, p) or None for a mean, `on` (B, k) 0/1."""

    y: FloatArray
    v: FloatArray
    x: FloatArray | None
    on: FloatArray | None

    @property
    def p(self) -> int:
        """Number of coefficients."""
        return 1 if self.x is None else int(self.x.shape[-1])

    @property
    def k(self) -> FloatArray:
        """(B,) number of effects."""
        if self.on is None:
            return np.full(len(self.y), float(self.y.shape[1]))
        count: FloatArray = self.on.sum(axis=1)
        return count

    def weights(self, tau2: FloatArray) -> FloatArray:
        """(B, k) weights 1 / (v + τ²), zero for effects left out."""
        w = self.v + tau2[:, None]
        np.reciprocal(w, out=w)
        return w if self.on is None else w * self.on

    def moments(self, tau2: FloatArray) -> Moments:
        """The weighted sums at `tau2` (B,)."""
        return moments(self.y, self.weights(tau2), self.x)

    @cached_property
    def at_zero(self) -> Moments:
        """The weighted sums at τ² = 0, which many steps need."""
        return self.moments(np.zeros(len(self.y)))

    @property
    def typical_variance(self) -> FloatArray:
        """(B,) Higgins and Thompson's typical sampling variance (k − p) / tr P at τ² = 0.

        NaN where nothing is left over to take it from.
        """
        none = self.unknown
        return np.where(none, np.nan, (self.k - self.p) / np.where(none, 1.0, self.at_zero.tr_p))

    @property
    def unknown(self) -> BoolArray:
        """(B,) where the effects say nothing of τ².

        There are no more of them than coefficients, or one is so much more precise that the others'
        share in tr P, which is what its weight leaves of the sum, is rounding error.
        """
        at = self.at_zero
        nothing: BoolArray = (self.k <= self.p) | (at.tr_p <= NOTHING * at.sum_w)
        return nothing

    def take(self, rows: NDArray[np.intp] | slice) -> Batch:
        """Some of the data sets."""
        x = self.x if self.x is None or len(self.x) == 1 else self.x[rows]
        part = Batch(self.y[rows], self.v[rows], x, None if self.on is None else self.on[rows])
        if "at_zero" in self.__dict__:
            part.__dict__["at_zero"] = Moments(*(column[rows] for column in self.at_zero))
        return part


@dataclass(frozen=True, slots=True)
class Tau2:
    """τ² of each data set, whether it converged and after how many steps; all (B,)."""

    tau2: FloatArray
    converged: BoolArray
    iterations: NDArray[np.int64]


def estimate(batch: Batch, method: str, start: FloatArray | None = None) -> Tau2:
    """τ² by `method`, never negative; NaN where no effect is left over to estimate it from.

    Where it is known near which τ² (B,) a likelihood has its highest maximum, `start` says so, and
    no other is looked for.

    References
    ----------
    Viechtbauer (2005), doi:10.3102/10769986030003261; DerSimonian & Laird (1986),
    doi:10.1016/0197-2456(86)90046-2; Paule & Mandel (1982), doi:10.6028/jres.087.022;
    Sidik & Jonkman (2005), doi:10.1111/j.1467-9876.2005.00489.x.
    """
    if method != "EE" and (short := batch.unknown).any():
        return _estimate_rest(batch, method, short)
    if method in ("REML", "ML"):
        if start is not None:
            return _climb(batch, _Likelihood(method == "REML"), start)
        return _maximise(batch, restricted=method == "REML")
    if method in ("PM", "EB"):
        return solve_q(batch, batch.k - batch.p)
    tau2 = np.maximum(_closed_form(batch, method), 0.0)
    known = np.isfinite(tau2)
    return Tau2(tau2, known, np.zeros(len(tau2), dtype=np.int64))


def _estimate_rest(batch: Batch, method: str, short: BoolArray) -> Tau2:
    tau2 = np.full(len(short), np.nan)
    converged = np.zeros(len(short), dtype=bool)
    iterations = np.zeros(len(short), dtype=np.int64)
    rows = np.flatnonzero(~short)
    if len(rows):
        rest = estimate(batch.take(rows), method)
        tau2[rows], converged[rows] = rest.tau2, rest.converged
        iterations[rows] = rest.iterations
    return Tau2(tau2, converged, iterations)


def _closed_form(batch: Batch, method: str) -> FloatArray:
    zero = np.zeros(len(batch.y))
    if method == "EE":
        return zero
    df = batch.k - batch.p
    if method == "DL":
        return (batch.at_zero.q - df) / batch.at_zero.tr_p
    if method == "HS":
        return (batch.at_zero.q - batch.k) / batch.at_zero.sum_w
    if method == "HE":
        return _hedges(batch)
    return _sidik_jonkman(batch)


def _hedges(batch: Batch) -> FloatArray:
    """Unweighted residual variance less the part that sampling explains."""
    on = np.ones_like(batch.y) if batch.on is None else batch.on
    df = batch.k - batch.p
    if batch.x is None:
        spread = batch.y - (on * batch.y).sum(axis=1, keepdims=True) / batch.k[:, None]
        q = (on * spread**2).sum(axis=1)
        trace_pv = (on * batch.v).sum(axis=1) * (1 - 1 / batch.k)
    else:
        unweighted = moments(batch.y, on, batch.x)
        q = unweighted.q
        hat = ((batch.x @ unweighted.cov) * batch.x).sum(axis=-1)
        trace_pv = (on * batch.v * (1 - hat)).sum(axis=1)
    tau2: FloatArray = (q - trace_pv) / df
    return tau2


def _sidik_jonkman(batch: Batch) -> FloatArray:
    on = np.ones_like(batch.y) if batch.on is None else batch.on
    spread = batch.y - (on * batch.y).sum(axis=1, keepdims=True) / batch.k[:, None]
    crude = (on * spread**2).sum(axis=1) / batch.k
    # Effects without any spread have no crude variance to start from: then τ² is 0.
    flat = crude <= 0
    at = batch.moments(np.where(flat, 1.0, crude))
    return np.where(flat, 0.0, crude * at.q / (batch.k - batch.p))


def solve_q(batch: Batch, target: FloatArray) -> Tau2:
    """The τ² at which the generalised Q statistic y′Py equals `target` (B,); 0 where Q(0) is less.

    Q falls and is convex in τ², so Newton's steps from 0 climb to the root and never pass it.
    """
    size = len(batch.y)
    tau2 = np.zeros(size)
    converged = np.zeros(size, dtype=bool)
    iterations = np.zeros(size, dtype=np.int64)
    scale = batch.typical_variance
    rows = np.arange(size)
    part = batch
    for step_number in range(1, MAX_ITERATIONS + 1):
        at = part.moments(tau2[rows])
        above = at.q > target[rows]
        step = np.where(above, (at.q - target[rows]) / np.where(above, at.q2, 1.0), 0.0)
        tau2[rows] += step
        iterations[rows] = step_number
        done = step <= NEWTON_TOLERANCE * (tau2[rows] + scale[rows])
        converged[rows[done]] = True
        rows = rows[~done]
        if not len(rows):
            break
        part = batch.take(rows)
    return Tau2(tau2, converged, iterations)


class _Likelihood:
    """Score and information of τ² under ML or REML, all halved alike so that the ½ cancels."""

    def __init__(self, restricted: bool) -> None:
        self.restricted = restricted

    def terms(self, at: Moments) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Score, expected and observed information at the moments, (B,) each."""
        trace, squared = (at.tr_p, at.tr_pp) if self.restricted else (at.sum_w, at.sum_w2)
        return at.q2 - trace, squared, 2 * at.q3 - squared

    def value(self, batch: Batch, tau2: FloatArray) -> FloatArray:
        """Log-likelihood up to a constant, (B,)."""
        total = np.log(batch.v + tau2[:, None])
        logs = (total if batch.on is None else total * batch.on).sum(axis=1)
        at = batch.moments(tau2)
        if self.restricted:
            logs = logs - np.linalg.slogdet(at.cov)[1]
        loglik: FloatArray = -0.5 * (logs + at.q)
        return loglik


def _maximise(batch: Batch, *, restricted: bool) -> Tau2:
    likelihood = _Likelihood(restricted)
    start = np.maximum(_hedges(batch), 0.0)
    found = _climb(batch, likelihood, start)
    return _check_other_maxima(batch, likelihood, found)


def _climb(batch: Batch, likelihood: _Likelihood, start: FloatArray) -> Tau2:
    """Newton on the score between `low` (score > 0) and `high` (score < 0), from `start`."""
    size = len(batch.y)
    scale = batch.typical_variance
    tau2 = start.copy()
    low, high = np.full(size, -1.0), np.full(size, np.inf)  # low < 0: zero not yet looked at
    converged = np.zeros(size, dtype=bool)
    iterations = np.zeros(size, dtype=np.int64)
    rows = np.arange(size)
    part = batch
    for step_number in range(1, MAX_ITERATIONS + 1):
        t = tau2[rows]
        score, expected, observed = likelihood.terms(part.moments(t))
        low[rows] = np.where(score > 0, t, low[rows])
        high[rows] = np.where(score < 0, t, high[rows])
        new, newton = _next(t, score, expected, observed, low[rows], high[rows])
        tolerance = np.where(newton, NEWTON_TOLERANCE, TOLERANCE)
        done = np.abs(new - t) <= tolerance * (t + scale[rows])
        tau2[rows] = new
        iterations[rows] = step_number
        converged[rows[done]] = True
        if done.any():
            rows = rows[~done]
            if not len(rows):
                break
            part = batch.take(rows)
    return Tau2(tau2, converged, iterations)


def _next(
    t: FloatArray,
    score: FloatArray,
    expected: FloatArray,
    observed: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> tuple[FloatArray, BoolArray]:
    """The next τ²: Newton where the surface is concave, halving or a bold Fisher step elsewhere.

    At zero with a score that falls the answer is zero itself. Says also which steps are Newton's.
    """
    fisher = score / expected
    newton = score / np.where(observed > 0, observed, np.inf)
    trusted = (observed > 0) & (np.abs(newton) <= 10 * np.abs(fisher))
    bracketed = (low >= 0) & np.isfinite(high)
    # Fisher's step alone may creep; doubling finds the other side of the bracket soon.
    bold = np.where(score > 0, np.maximum(fisher, t), fisher)
    middle = (low + np.where(bracketed, high, low)) / 2
    new = np.where(trusted, t + newton, np.where(bracketed, middle, t + bold))
    over, under = new >= high, (low >= 0) & (new <= low)
    new = np.where(over, (t + high) / 2, np.where(under, (low + t) / 2, new))
    return np.maximum(new, 0.0), trusted & ~over & ~under


def _check_other_maxima(batch: Batch, likelihood: _Likelihood, found: Tau2) -> Tau2:
    """Keep the higher maximum where the likelihood has two, one of them often at zero.

    A cheap look at a few values of τ² serves where sampling variances are alike; a grid where they
    differ by orders of magnitude.
    """
    used = batch.v if batch.on is None else np.where(batch.on > 0, batch.v, np.nan)
    low, high = np.nanmin(used, axis=1), np.nanmax(used, axis=1)
    wide = high > SPREAD * low
    narrow = ~wide & (high > low)
    zero = np.zeros(len(low))
    falls = likelihood.terms(batch.at_zero)[0] <= 0
    inside = found.tau2 > 0
    found = _try_start(batch, likelihood, found, narrow & inside & falls, zero)
    for factor in (0.3, 3.0, 30.0):
        start = factor * batch.typical_variance
        rises = _rises(batch, likelihood, narrow & ~inside, start)
        found = _try_start(batch, likelihood, found, rises, start)
    if not wide.any():
        return found
    rows = np.flatnonzero(wide)
    part = batch.take(rows)
    centre = (part.y if part.on is None else part.y * part.on).sum(axis=1) / part.k
    reach = high.copy()
    reach[rows] += ((part.y - centre[:, None]) ** 2).max(axis=1)
    grid = np.vstack([zero, np.geomspace(low / 10, reach, GRID)])
    values = np.stack([likelihood.value(part, point[rows]) for point in grid])
    start = zero.copy()
    start[rows] = grid[values.argmax(axis=0), rows]
    return _try_start(batch, likelihood, found, wide, start)


def _rises(batch: Batch, likelihood: _Likelihood, which: BoolArray, tau2: FloatArray) -> BoolArray:
    """Which of the data sets in `which` have a likelihood that still rises at `tau2`."""
    rows = np.flatnonzero(which)
    up = np.zeros(len(which), dtype=bool)
    if len(rows):
        up[rows] = likelihood.terms(batch.take(rows).moments(tau2[rows]))[0] > 0
    return up


def _try_start(
    batch: Batch, likelihood: _Likelihood, found: Tau2, which: BoolArray, start: FloatArray
) -> Tau2:
    """Climb from `start` (B,) for the data sets in `which`; keep what is higher."""
    rows = np.flatnonzero(which)
    if not len(rows):
        return found
    part = batch.take(rows)
    other = _climb(part, likelihood, start[rows])
    tau2, converged = found.tau2.copy(), found.converged.copy()
    higher = likelihood.value(part, other.tau2) > likelihood.value(part, tau2[rows])
    tau2[rows[higher]] = other.tau2[higher]
    converged[rows[higher]] = other.converged[higher]
    return Tau2(tau2, converged, found.iterations)


def profile_interval(batch: Batch, level: float) -> tuple[FloatArray, FloatArray]:
    """Q-profile interval of τ²: where Q(τ²) meets the χ² quantiles; (B,) lower and upper limits.

    Both limits are NaN where even Q(0) lies below the lower quantile: the interval is empty.

    References
    ----------
    Viechtbauer (2007), doi:10.1002/sim.2514.
    """
    df = batch.k - batch.p
    tail = (1 - level) / 2
    at_zero = batch.at_zero.q
    lower, upper = np.full(len(df), np.nan), np.full(len(df), np.nan)
    low_target = chdtri(np.maximum(df, 1), 1 - tail)
    rows = np.flatnonzero((df > 0) & (at_zero >= low_target))
    if len(rows):
        part = batch.take(rows)
        lower[rows] = solve_q(part, chdtri(df[rows], tail)).tau2
        upper[rows] = solve_q(part, low_target[rows]).tau2
    return lower, upper
