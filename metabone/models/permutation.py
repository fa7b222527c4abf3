"""Permutation tests of a univariate model: signs turned for the mean, rows of X for moderators."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.arrangements import Arrangements, Signs
from metabone.models.random_effects import NO_SPREAD, random_effects
from metabone.models.shared import estimate_shared, shared
from metabone.options import CIMethod, Tau2Method, check_option

FloatArray = NDArray[np.float64]

# A permuted statistic this close to the observed one is equal to it but for rounding.
TIE = 1e-8
LEAST = 99
FURTHEST = 1e300


@dataclass(frozen=True, slots=True)
class Permutation:
    """A permutation test of p coefficients.

    Attributes
    ----------
    statistic : (p,) observed t (or z).
    pvalue : (p,) two-sided; NaN where the permutations say nothing of a coefficient.
    omnibus, omnibus_pvalue : QM of all moderators together and its p-value; the mean's squared
        statistic where there are none.
    iterations : how many permutations are counted.
    exact : whether they are all there are, the data's own among them: then p is the share of them
        that is as far out. Otherwise it is (1 + # as far out) / (1 + iterations).
    failed : how many could not be fitted, and are not counted.
    """

    statistic: FloatArray
    pvalue: FloatArray
    omnibus: float
    omnibus_pvalue: float
    iterations: int
    exact: bool
    failed: int
    seed: int
    draws: FloatArray = field(repr=False)


def permutation_test(
    yi: ArrayLike,
    vi: ArrayLike,
    X: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    method: str = "REML",
    test: str = "hksj",
    iterations: int = 1000,
    seed: int = 1,
    n_jobs: int = 1,
) -> Permutation:
    """Test the mean by turning signs, or moderators by exchanging the rows of their design.

    τ² and the standard errors are estimated again in every permutation. Where no more than
    `iterations` permutations differ, all of them are gone through and the test is exact.

    Parameters
    ----------
    yi, vi : (k,) effects and their sampling variances.
    X : (k, p) design with an intercept first; None for a mean alone.
    groups : (k,) labels of effects that must stay together: their signs turn together. With X the
        whole groups exchange their rows, which must be alike within a group.
    method, test : as for `metabone.models.random_effects.random_effects`; what is compared is the
        t (or z) that they give.
    iterations : permutations to draw, 99 or more.
    seed : one number gives one answer, whatever `n_jobs`.
    n_jobs : processes to share the work, as joblib counts them.

    Raises
    ------
    UsageError
        For an unknown option, or too few iterations.
    DataError
        If shapes differ, or rows of X differ within a group.
    ModelError
        If there are not more effects than coefficients, or no permutation has an answer.

    References
    ----------
    Higgins & Thompson (2004), doi:10.1002/sim.1752; Follmann & Proschan (1999),
    doi:10.1111/j.0006-341X.1999.00732.x; Phipson & Smyth (2010), doi:10.2202/1544-6115.1585
    (Monte Carlo p-values are never zero).

    Examples
    --------
    >>> test = permutation_test([0.2, 0.5, 0.9, 0.4, 0.7, 0.6, 0.8, 0.3], [0.05] * 8)
    >>> test.pvalue.tolist(), test.exact, test.iterations
    ([0.0078125], True, 128)
    """
    method = check_option("method", method, Tau2Method)
    test = check_option("test", test, CIMethod)
    check_iterations(iterations)
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    x = None if X is None else np.asarray(X, dtype=float)
    observed = random_effects(y, v, x, method=method, test=test)
    if y.ndim != 1 or not len(y) > len(observed.coef):
        raise ModelError(f"{y.size} effects cannot test {len(observed.coef)} coefficients")
    codes = _codes(groups, len(y))
    if x is None:
        signs = Signs(int(codes.max()) + 1, iterations, seed)
        scheme: Signs | Arrangements = signs
        run: Callable[[int], FloatArray] = _SignRun(y, v, codes, method, test, signs)
        own = np.array([float(observed.statistic[0])] * 2)
        tested = np.array([True])
    else:
        scheme = orders = Arrangements(_labels(x, codes), iterations, seed)
        run = _RowRun(y, v, x, codes, method, test, orders)
        own = np.r_[observed.statistic, math.sqrt(max(float(observed.qm), 0.0))]
        tested = ~(x == 1).all(axis=0)
    draws = run_chunks(run, scheme.chunks, n_jobs)
    return judge(own, draws, tested, scheme, seed)


def judge(
    observed: FloatArray,
    draws: FloatArray,
    tested: NDArray[np.bool_],
    scheme: Signs | Arrangements,
    seed: int,
) -> Permutation:
    """P-values of `observed` (p + 1,) among `draws` (B, p + 1), the last column the omnibus root.

    Raises
    ------
    ModelError
        If no permutation could be fitted, or the data have no statistic.
    """
    if not np.isfinite(observed[:-1][tested]).all():
        raise ModelError("effects without scatter have no statistic to compare; use wald or t")
    good = np.isfinite(draws[:, :-1][:, tested]).all(axis=1)
    kept = draws[good]
    if not len(kept):
        raise ModelError("none of the permutations could be fitted")
    further = np.abs(kept) >= np.abs(observed) * (1 - TIE)
    count = further.sum(axis=0)
    p = count / len(kept) if scheme.exact else (1 + count) / (1 + len(kept))
    return Permutation(
        statistic=observed[:-1],
        pvalue=np.where(tested, p[:-1], np.nan),
        omnibus=float(observed[-1] ** 2),
        omnibus_pvalue=float(p[-1]) if math.isfinite(observed[-1]) else math.nan,
        iterations=len(kept),
        exact=scheme.exact,
        failed=int((~good).sum()),
        seed=seed,
        draws=kept,
    )


def run_chunks(run: Callable[[int], FloatArray], chunks: int, n_jobs: int) -> FloatArray:
    """The statistics of all chunks, computed here or by processes; the same either way."""
    if n_jobs == 1 or chunks == 1:
        return np.concatenate([run(chunk) for chunk in range(chunks)])
    from joblib import Parallel, delayed

    return np.concatenate(Parallel(n_jobs=n_jobs)(delayed(run)(chunk) for chunk in range(chunks)))


def check_iterations(iterations: int) -> int:
    """Refuse so few permutations that no p-value could be small.

    Raises
    ------
    UsageError
        Below 99, or above ten million.
    """
    if not LEAST <= iterations <= 10_000_000:
        raise UsageError(f"iterations must be from {LEAST} to 10,000,000; got {iterations!r}")
    return int(iterations)


def _codes(groups: ArrayLike | None, k: int) -> NDArray[np.intp]:
    labels = np.arange(k) if groups is None else np.asarray(groups)
    if labels.shape != (k,):
        raise DataError(f"groups must have the shape ({k},); got {labels.shape}")
    return np.unique(labels, return_inverse=True)[1].reshape(-1)


def _labels(x: FloatArray, codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Which row of X each group has, as numbers: groups with one row need not be told apart."""
    rows, labels = np.unique(x, axis=0, return_inverse=True)
    labels = labels.reshape(-1)
    of_group = np.empty(int(codes.max()) + 1, dtype=np.intp)
    of_group[codes] = labels
    if (of_group[codes] != labels).any():
        raise DataError("moderators differ within a group, so that groups cannot exchange them")
    if len(rows) < 2:
        raise DataError("the rows of X are all the same: there is nothing to exchange")
    return of_group


@dataclass(frozen=True, slots=True)
class _SignRun:
    """The statistics of one chunk of turned signs, (b, 2)."""

    y: FloatArray
    v: FloatArray
    codes: NDArray[np.intp]
    method: str
    test: str
    scheme: Signs

    def __call__(self, chunk: int) -> FloatArray:
        sign = self.scheme.signs(chunk)[:, self.codes]
        batch = shared(self.y, self.v, sign=sign)
        found = estimate_shared(batch, self.method)
        w = batch.weights(found.tau2)
        total = w.sum(axis=1)
        mean = np.einsum("bk,bk->b", w, batch.y) / total
        off = batch.y - mean[:, None]
        factor = np.einsum("bk,bk,bk->b", w, off, off) / (len(self.y) - 1)
        if self.test == "wald":
            factor = np.ones_like(factor)
        elif self.test == "hksj_adhoc":
            factor = np.maximum(factor, 1.0)
        # Turned signs that leave no scatter at all are as far out as can be.
        fine = factor > NO_SPREAD
        t = np.where(mean > 0, FURTHEST, np.where(mean < 0, -FURTHEST, 0.0))
        t[fine] = mean[fine] * np.sqrt(total[fine] / factor[fine])
        return np.stack([t, t], axis=1)


@dataclass(frozen=True, slots=True)
class _RowRun:
    """The statistics of one chunk of exchanged rows, (b, p + 1)."""

    y: FloatArray
    v: FloatArray
    x: FloatArray
    codes: NDArray[np.intp]
    method: str
    test: str
    scheme: Arrangements

    def __call__(self, chunk: int) -> FloatArray:
        rows = np.unique(self.x, axis=0)
        x = rows[self.scheme.labels_of(chunk)[:, self.codes]]
        size = x.shape[:2]
        out = np.full((size[0], x.shape[2] + 1), np.nan)
        # Groups of different sizes can leave a design without full rank.
        able = np.flatnonzero(np.linalg.matrix_rank(x) == x.shape[2])
        if not len(able):
            return out
        shape = (len(able), size[1])
        fit = random_effects(
            np.broadcast_to(self.y, shape), np.broadcast_to(self.v, shape), x[able],
            method=self.method, test=self.test,
        )  # fmt: skip
        out[able] = np.column_stack([fit.statistic, np.sqrt(np.maximum(fit.qm, 0.0))])
        return out
