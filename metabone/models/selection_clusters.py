"""Selection models of effects that depend on each other: robust errors and a cluster bootstrap.

The likelihood takes the effects as independent. Where those of a study are not, its maximum still
estimates the mean, τ² and the weights of one effect at a time, but its curvature says nothing of
their errors; what varies is how studies pull on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.permutation import run_chunks
from metabone.models.selection import SelectionFit, fit_problem
from metabone.models.selection_search import STARTS, problem_of

FloatArray = NDArray[np.float64]

# Replicates that are fitted together, each such chunk with its own stream of random numbers.
CHUNK = 250
LEAST = 99
MOST = 100_000
# With fewer replicates than this share there is no interval.
ENOUGH = 0.5


@dataclass(frozen=True, slots=True)
class SelectionBootstrap:
    """Replicates of a selection model, in which whole clusters are drawn with replacement.

    Attributes
    ----------
    draws : (B, P) coef, tau2 and delta[1:] of those that have an answer.
    replicates : how many were drawn.
    empty : replicates without an effect in one of the intervals, or with too few clusters.
    unsettled : replicates whose likelihood has no maximum.
    clusters : how many there are.
    """

    draws: FloatArray = field(repr=False)
    replicates: int
    empty: int
    unsettled: int
    clusters: int
    seed: int

    @property
    def failed(self) -> int:
        """Replicates that have no answer, and are not counted."""
        return self.empty + self.unsettled

    @property
    def se(self) -> FloatArray:
        """(P,) standard deviations of the replicates; NaN where more than half failed."""
        if len(self.draws) < ENOUGH * self.replicates:
            return np.full(self.draws.shape[1], np.nan)
        return np.asarray(self.draws.std(axis=0, ddof=1))

    def ci(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """(P,) percentile limits; NaN where more than half of the replicates failed."""
        if len(self.draws) < ENOUGH * self.replicates:
            none = np.full(self.draws.shape[1], np.nan)
            return none, none.copy()
        tail = (1 - level) / 2
        low, high = np.quantile(self.draws, [tail, 1 - tail], axis=0)
        return low, high


def cluster_vcov(fit: SelectionFit, clusters: ArrayLike) -> FloatArray:
    """(P, P) cluster-robust covariance of (coef, tau2, delta[1:]) of one fit.

    I⁻¹ (Σ_g s_g s_g′) I⁻¹ m/(m − 1), with the observed information I and the score s_g of each of
    m clusters; NaN in the rows of a τ² that is 0.

    Raises
    ------
    DataError
        If there is not one label for each effect, or fewer than two clusters.

    References
    ----------
    White (1982), doi:10.2307/1912526.

    Examples
    --------
    >>> from metabone.models.selection import selection_model
    >>> yi = [1.2, 0.9, 0.8, 0.7, 1.5, 0.3, 0.5, 0.1, 0.6, 0.4]
    >>> vi = [0.25, 0.16, 0.12, 0.1, 0.4, 0.04, 0.09, 0.05, 0.08, 0.06]
    >>> vcov = cluster_vcov(selection_model(yi, vi), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    >>> float(vcov[0, 0] ** 0.5) > 0
    True
    """
    codes, m = _codes(fit, clusters)
    p, total = len(fit.coef), len(fit.vcov)
    turn = np.ones(total)
    turn[:p] = float(fit.side)
    turn[p + 1 :] = 1 / fit.delta[1:]
    scores = fit.problem.likelihood.scores(fit.theta[0]) * turn
    sums = np.zeros((m, total))
    np.add.at(sums, codes, scores)
    known = np.isfinite(np.diagonal(fit.vcov))
    bread = np.where(known[:, None] & known, fit.vcov, 0.0)
    robust = bread @ (sums.T @ sums) @ bread * m / (m - 1)
    return np.where(known[:, None] & known, robust, np.nan)


def cluster_bootstrap(
    fit: SelectionFit,
    clusters: ArrayLike,
    *,
    replicates: int = 1000,
    seed: int = 1,
    n_jobs: int = 1,
) -> SelectionBootstrap:
    """Fit the model again to clusters drawn with replacement, in the direction of the fit.

    Parameters
    ----------
    fit : of one data set.
    clusters : (k,) labels of what is drawn as a whole.
    replicates : from 99 to 100,000.
    seed : one number gives one answer, whatever `n_jobs`.
    n_jobs : processes to share the work, as joblib counts them.

    Raises
    ------
    DataError
        If there is not one label for each effect, or fewer than two clusters.
    UsageError
        For a number of replicates out of range.
    ModelError
        If no replicate has an answer.

    Examples
    --------
    >>> from metabone.models.selection import selection_model
    >>> yi = [1.2, 0.9, 0.8, 0.7, 1.5, 0.3, 0.5, 0.1, 0.6, 0.4]
    >>> vi = [0.25, 0.16, 0.12, 0.1, 0.4, 0.04, 0.09, 0.05, 0.08, 0.06]
    >>> again = cluster_bootstrap(selection_model(yi, vi), range(10), replicates=99)
    >>> len(again.draws) + again.failed
    99
    """
    if not LEAST <= replicates <= MOST:
        raise UsageError(f"replicates must be from {LEAST} to {MOST:,}; got {replicates!r}")
    codes, m = _codes(fit, clusters)
    run = _Run(fit, codes, m, int(replicates), seed)
    found = run_chunks(run, -(-run.replicates // CHUNK), n_jobs)
    draws, empty = found[:, :-1], found[:, -1] > 0
    good = np.isfinite(draws).all(axis=1)
    if not good.any():
        raise ModelError("none of the bootstrap replicates of the selection model has a maximum")
    return SelectionBootstrap(
        draws[good], run.replicates, int(empty.sum()), int((~good & ~empty).sum()), m, seed
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """The estimates of one chunk of replicates, (b, P), and whether an interval is empty."""

    fit: SelectionFit
    codes: NDArray[np.intp]
    m: int
    replicates: int
    seed: int

    def __call__(self, chunk: int) -> FloatArray:
        size = min(CHUNK, self.replicates - chunk * CHUNK)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(chunk,)))
        times = rng.multinomial(self.m, np.full(self.m, 1 / self.m), size)
        like = self.fit.problem.likelihood
        weights = times[:, self.codes].astype(float)
        side = np.array([float(self.fit.side)])
        y = side[:, None] * like.y
        problem = problem_of(
            y, like.v, like.x, self.fit.steps, side, self.fit.heterogeneity, weights
        )
        # With too few clusters the parameters are not determined.
        enough = (times > 0).sum(axis=1) >= like.size
        found = fit_problem(problem, self.fit.steps, STARTS[:2], self.fit.theta[0])
        empty = (found.counts == 0).any(axis=1) | ~enough
        columns = np.column_stack([found.coef, found.tau2, found.delta[:, 1:]])
        columns[empty] = np.nan
        return np.column_stack([columns, empty])


def _codes(fit: SelectionFit, clusters: ArrayLike) -> tuple[NDArray[np.intp], int]:
    labels = np.asarray(clusters)
    if fit.coef.ndim != 1 or labels.shape != (fit.k,):
        raise DataError(f"clusters must have the shape ({fit.k},), of one fit; got {labels.shape}")
    codes = np.unique(labels, return_inverse=True)[1].reshape(-1)
    m = int(codes.max()) + 1
    if m < 2:
        raise DataError("all effects are of one cluster; robust errors take two or more")
    return codes, m
