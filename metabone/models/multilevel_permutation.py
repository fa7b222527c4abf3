"""Permutation tests of multilevel models: studies exchange their moderators, or effects in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError
from metabone.models.arrangements import Arrangements
from metabone.models.multilevel import MultilevelFit
from metabone.models.nested import Nested
from metabone.models.newton import Surface, maximise
from metabone.models.permutation import Permutation, check_iterations, judge, run_chunks
from metabone.models.problem import Engine
from metabone.models.wild_replicates import turned

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]

# Refits that are made together.
BATCH = 100
# Columns of unit length whose remainder is shorter depend on those before.
RANK = 1e-8


def split_columns(fit: MultilevelFit) -> tuple[BoolArray, BoolArray]:
    """(p,) which moderators are constant within the first random factor, and which vary in it."""
    codes = next(iter(fit.problem.codes.values()))
    x = fit.problem.x
    one = np.empty(int(codes.max()) + 1, dtype=np.intp)
    one[codes] = np.arange(len(codes))
    constant = (x == x[one[codes]]).all(axis=0)
    intercept = np.ptp(x, axis=0) == 0
    return constant & ~intercept, ~constant


def permute_moderators(
    fit: MultilevelFit,
    columns: Sequence[int] | BoolArray,
    *,
    iterations: int = 1000,
    seed: int = 1,
    n_jobs: int = 1,
) -> Permutation:
    """Test moderators by exchanging their values, the other columns of X left where they are.

    Moderators that are constant within studies (levels of the first random factor) change places
    between whole studies; those that vary within studies change places between the effects of one
    study. The variance components are estimated again each time; what is compared is the
    coefficient over its model-based standard error.

    Parameters
    ----------
    fit : the fitted model with the moderators in it.
    columns : (p,) which of them to test, all constant within studies or all varying.
    iterations, seed, n_jobs : as for `metabone.models.permutation.permutation_test`.

    Raises
    ------
    DataError
        If no column is chosen, both kinds are, or there is nothing to exchange.
    ModelError
        If none of the permutations can be fitted.

    References
    ----------
    Higgins & Thompson (2004), doi:10.1002/sim.1752; Winkler et al. (2015),
    doi:10.1016/j.neuroimage.2015.05.092 (exchangeability blocks, whole and within).
    """
    check_iterations(iterations)
    chosen = np.zeros(len(fit.coef), dtype=bool)
    chosen[columns] = True
    between, within = split_columns(fit)
    whole = bool((chosen & between).any())
    if not chosen.any() or (chosen & ~(between if whole else within)).any():
        raise DataError(
            "permutation tests moderators that are constant within studies, or those that vary in "
            "them, one kind at a time"
        )
    codes = next(iter(fit.problem.codes.values()))
    rows, label = np.unique(fit.problem.x[:, chosen], axis=0, return_inverse=True)
    label = label.reshape(-1)
    owner = codes if whole else np.arange(fit.k)
    of_owner = np.empty(int(owner.max()) + 1, dtype=np.intp)
    of_owner[owner] = label
    scheme = Arrangements(of_owner, iterations, seed, None if whole else codes)
    if scheme.possible == 1:
        raise DataError("the moderators are alike everywhere: there is nothing to exchange")
    run = _Run(fit, chosen, rows, owner, scheme)
    observed = run.statistics(fit.problem.x[None], fit.theta)[0]
    return judge(observed, run_chunks(run, scheme.chunks, n_jobs), chosen, scheme, seed)


@dataclass(frozen=True, slots=True)
class _Run:
    """The statistics of one chunk of exchanged moderators, (b, p + 1)."""

    fit: MultilevelFit
    chosen: BoolArray
    rows: FloatArray
    owner: IntArray
    scheme: Arrangements

    def __call__(self, chunk: int) -> FloatArray:
        labels = self.scheme.labels_of(chunk)
        parts = np.split(labels, range(BATCH, len(labels), BATCH))
        return np.concatenate([self._part(part) for part in parts])

    def _part(self, labels: IntArray) -> FloatArray:
        x = np.repeat(self.fit.problem.x[None], len(labels), axis=0)
        x[:, :, self.chosen] = self.rows[labels[:, self.owner]]
        if isinstance(self.fit.problem.engine, Nested):
            return self.statistics(x)
        return np.concatenate([self.statistics(one[None]) for one in x])

    def statistics(self, x: FloatArray, theta: FloatArray | None = None) -> FloatArray:
        """(b, p + 1) coefficients over their errors, and the root of the chosen ones' Wald test.

        NaN where the columns of X (b, k, p) depend on each other or the model does not converge.
        """
        problem = self.fit.problem
        out = np.full((len(x), x.shape[2] + 1), np.nan)
        basis, triangle = np.linalg.qr(x / np.linalg.norm(x, axis=1, keepdims=True))
        full = np.abs(np.diagonal(triangle, axis1=1, axis2=2)).min(axis=1) > RANK
        if not full.any():
            return out
        rows = np.flatnonzero(full)
        basis, back = np.swapaxes(basis[rows], 1, 2), np.linalg.inv(triangle[rows])
        single = not isinstance(problem.engine, Nested)
        engine = replace(problem.engine, x=turned(problem.engine, basis[0] if single else basis))
        good = np.ones(len(rows), dtype=bool)
        if theta is None:
            theta, good = self._variances(engine, len(rows))
        else:
            theta = theta[None]
        at = engine.solve(theta, np.arange(len(rows)))
        coef = (back @ at.coef[:, :, None])[:, :, 0]
        cov = back @ at.cov @ np.swapaxes(back, 1, 2)
        part = coef[:, self.chosen]
        inner = cov[:, self.chosen][:, :, self.chosen]
        wald = np.einsum("bq,bq->b", part, np.linalg.solve(inner, part[:, :, None])[:, :, 0])
        size = np.sqrt(np.diagonal(cov, axis1=1, axis2=2))
        found = np.column_stack([coef / size, np.sqrt(np.maximum(wald, 0.0))])
        out[rows] = np.where(good[:, None], found, np.nan)
        return out

    def _variances(self, engine: Engine, size: int) -> tuple[FloatArray, BoolArray]:
        """(b, L) variance components, from those of the fit and, where that fails, from others."""
        found = maximise(engine.evaluate, np.tile(self.fit.theta, (size, 1)))
        theta, good = found.theta, found.converged
        for start in self.fit.problem.start:
            rest = np.flatnonzero(~good)
            if not len(rest):
                break
            some = partial(_evaluate, engine, rest)
            again = maximise(some, np.tile(start, (len(rest), 1)))
            theta[rest], good[rest] = again.theta, again.converged
        return theta, good


def _evaluate(engine: Engine, members: IntArray, theta: FloatArray, rows: IntArray) -> Surface:
    """The likelihood of some of the data sets."""
    return engine.evaluate(theta, members[rows])
