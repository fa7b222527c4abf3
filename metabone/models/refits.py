"""Refits of a multilevel model that leave out one cluster at a time, all in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, ModelError
from metabone.models.components import Blocks
from metabone.models.multilevel import MultilevelFit, multilevel
from metabone.models.nested import Nested
from metabone.models.newton import Maximum, Surface, maximise
from metabone.models.problem import Problem, doubtful, highest

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# Numbers that a batch may hold at once in one array: it then stays in the processor's cache.
BATCH = 50_000
# A direction of the design with less than this share outside a cluster rests on that cluster.
ALONE = 1e-9


@dataclass(frozen=True, slots=True)
class ClusterRefits:
    """What the fit is without each of m clusters, in the order of their sorted labels.

    Attributes
    ----------
    coef, vcov : (m, p) and (m, p, p), model-based.
    sigma2 : (m, L) variance components.
    converged : (m,) False, and NaN in the others, where the rest cannot give the model: a
        coefficient rests on that cluster alone, or only that one tells the components apart.
    names : the L random factors.
    """

    coef: FloatArray
    vcov: FloatArray
    sigma2: FloatArray
    converged: BoolArray
    names: tuple[str, ...]

    @property
    def se(self) -> FloatArray:
        """(m, p) model-based standard errors."""
        return np.sqrt(np.diagonal(self.vcov, axis1=1, axis2=2))


def leave_one_cluster_out(fit: MultilevelFit) -> ClusterRefits:
    """Refit without each level of the first random factor.

    Studies with effects in them are refitted in one batch that starts from the whole fit; other
    structures one by one.

    Parameters
    ----------
    fit : a fit of :func:`~metabone.models.multilevel.multilevel`.

    Raises
    ------
    ModelError
        If there are fewer than three clusters.

    References
    ----------
    Viechtbauer & Cheung (2010), doi:10.1002/jrsm.11.

    Examples
    --------
    >>> fit = multilevel([0.2, 0.4, 0.9, 1.1, 0.1, 0.3, 0.6, 0.7], [0.05] * 8,
    ...                  {"study": [1, 1, 2, 2, 3, 3, 4, 4], "effect": range(8)})
    >>> leave_one_cluster_out(fit).coef[:, 0].round(4).tolist()
    [0.6167, 0.3833, 0.65, 0.5]
    """
    first = next(iter(fit.levels))
    if fit.levels[first] < 3:
        raise ModelError(
            f"the random factor {first} has {fit.levels[first]} levels: without one of them "
            "there is no multilevel model; three are needed"
        )
    if isinstance(fit.problem.engine, Nested):
        return _batched(fit, fit.problem.engine)
    return _one_by_one(fit, first)


def _batched(fit: MultilevelFit, engine: Nested) -> ClusterRefits:
    clusters = engine.clusters
    m, k, p = len(clusters.sizes), fit.k, len(fit.coef)
    theta, converged = np.full((m, 2), np.nan), np.zeros(m, dtype=bool)
    coef, cov = np.full((m, p), np.nan), np.full((m, p, p), np.nan)
    able = np.flatnonzero(_estimable(engine))
    step = max(1, BATCH // k)
    for members in np.split(able, range(step, len(able), step)):
        on = (clusters.codes != members[:, None]).astype(float)
        part = replace(engine, on=on)
        found = climb(part, fit.theta, fit.problem.start, len(members))
        at = part.solve(found.theta, np.arange(len(members)))
        good = found.converged
        rows = members[good]
        theta[rows], converged[rows] = found.theta[good], True
        coef[rows], cov[rows] = at.coef[good], at.cov[good]
    turn = np.linalg.inv(fit.problem.triangle)
    return ClusterRefits(coef @ turn.T, turn @ cov @ turn.T, theta, converged, fit.problem.names)


def _estimable(engine: Nested) -> BoolArray:
    """(m,) whether the design and both variances can still be estimated without each cluster."""
    clusters = engine.clusters
    # The basis is orthonormal, so that what a cluster leaves of the Gram matrix is I − X_i′X_i.
    own = np.add.reduceat(np.einsum("pk,qk->kpq", engine.x, engine.x), clusters.starts, axis=0)
    rest = np.eye(len(engine.x)) - own
    whole: BoolArray = np.linalg.eigvalsh(rest)[:, 0] > ALONE
    several = clusters.sizes > 1
    apart = several.sum() - several >= 1
    enough = clusters.sizes.sum() - clusters.sizes > len(engine.x)
    able: BoolArray = whole & apart & enough
    return able


def climb(engine: Nested, start: FloatArray, others: FloatArray, size: int) -> Maximum:
    """The highest maxima of `size` data sets from `start` (L,), from `others` too if in doubt."""
    found = maximise(engine.evaluate, np.tile(start, (size, 1)))
    again = np.flatnonzero(doubtful(found))
    if not len(again):
        return found

    def evaluate(theta: FloatArray, rows: IntArray) -> Surface:
        return engine.evaluate(theta, again[rows])

    more = [maximise(evaluate, np.tile(other, (len(again), 1))) for other in others]
    best = highest([found.take(again), *more])
    for part in fields(Maximum):
        getattr(found, part.name)[again] = getattr(best, part.name)
    return found


def _one_by_one(fit: MultilevelFit, first: str) -> ClusterRefits:
    problem = fit.problem
    m, p, count = fit.levels[first], len(fit.coef), len(fit.sigma2)
    coef, vcov = np.full((m, p), np.nan), np.full((m, p, p), np.nan)
    sigma2, converged = np.full((m, count), np.nan), np.zeros(m, dtype=bool)
    for cluster in range(m):
        keep = np.flatnonzero(problem.codes[first] != cluster)
        try:
            one = _refit_rows(problem, keep)
        except (ModelError, DataError):
            continue
        if one.converged:
            coef[cluster], vcov[cluster] = one.coef, one.vcov
            sigma2[cluster], converged[cluster] = one.theta, True
    return ClusterRefits(coef, vcov, sigma2, converged, problem.names)


def _refit_rows(problem: Problem, keep: IntArray) -> MultilevelFit:
    covariance = problem.vi[keep] if problem.blocks is None else _part(problem.blocks, keep)
    return multilevel(
        problem.yi[keep],
        covariance,
        {name: codes[keep] for name, codes in problem.codes.items()},
        problem.x[keep],
        method=problem.method,
        df=problem.df,
    )


def _part(blocks: Blocks, keep: IntArray) -> Sequence[tuple[IntArray, FloatArray]]:
    """The blocks of some rows, which are counted anew."""
    number = np.full(max(int(rows.max()) for rows, _ in blocks) + 1, -1)
    number[keep] = np.arange(len(keep))
    parts = []
    for rows, block in blocks:
        inside = number[rows] >= 0
        if inside.any():
            parts.append((number[rows[inside]], block[np.ix_(inside, inside)]))
    return parts
