"""What a wild bootstrap repeats: restricted fit, random weights and the statistic, in batches."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metabone.errors import ModelError
from metabone.models.multilevel import MultilevelFit
from metabone.models.nested import Nested, Solution
from metabone.models.newton import maximise
from metabone.models.problem import Engine
from metabone.models.robust import adjustment, general_groups, inflation, sandwich, working_groups

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# Replicates that are fitted together; each such chunk has its own stream of random numbers, so
# that the answer does not depend on who computes it.
CHUNK = 100
WEBB_SQUARED = (0.5, 1.0, 1.5)


@dataclass(frozen=True, slots=True)
class Settings:
    """How each replicate is made and judged; see :func:`~metabone.models.wild.wild_test`."""

    type: str
    residuals: str
    refit: bool


@dataclass(frozen=True, slots=True)
class Scheme:
    """Which weights (B, m) the clusters get: random, or each pattern of signs once.

    A statistic does not change when all signs do, so that 2^(m − 1) patterns are all there are.
    """

    weights: str
    m: int
    replicates: int
    seed: int

    @property
    def exact(self) -> bool:
        """Whether all patterns of signs are gone through."""
        return self.weights == "rademacher" and self.m - 1 <= math.log2(self.replicates)

    @property
    def count(self) -> int:
        """How many replicates there are."""
        return 2 ** (self.m - 1) if self.exact else self.replicates

    @property
    def chunks(self) -> int:
        """How many chunks of replicates there are."""
        return -(-self.count // CHUNK)

    def least(self, residuals: str) -> float:
        """The smallest p-value that these replicates can give."""
        return 1 / self.count if self.exact and residuals == "plain" else 1 / (self.count + 1)

    def eta(self, chunk: int) -> FloatArray:
        """The weights of one chunk, (≤ CHUNK, m); the first pattern of all is no change."""
        numbers = np.arange(chunk * CHUNK, min((chunk + 1) * CHUNK, self.count))
        if self.exact:
            bits = numbers[:, None] >> np.arange(self.m - 1) & 1
            return np.hstack([np.ones((len(numbers), 1)), 1.0 - 2.0 * bits])
        stream = np.random.SeedSequence(self.seed, spawn_key=(chunk,))
        rng = np.random.default_rng(stream)
        signs = rng.integers(0, 2, (len(numbers), self.m)) * 2.0 - 1
        size = np.ones(3) if self.weights == "rademacher" else np.sqrt(np.array(WEBB_SQUARED))
        drawn: FloatArray = signs * size[rng.integers(0, 3, signs.shape)]
        return drawn


@dataclass(frozen=True, slots=True)
class Replicator:
    """A hypothesis ``contrasts @ coef = value`` and the fitted values and residuals under it.

    ``codes`` (k,) are the clusters; ``fitted`` and ``residual`` (k,) are in the caller's order.
    """

    fit: MultilevelFit
    codes: IntArray
    contrasts: FloatArray
    value: FloatArray
    fitted: FloatArray
    residual: FloatArray
    settings: Settings

    def statistics(self, eta: FloatArray) -> FloatArray:
        """(b,) robust Wald F of replicates with weights `eta` (b, m); NaN where a refit fails."""
        y = self.fitted + eta[:, self.codes] * self.residual
        engine = self.fit.problem.engine
        engine = replace(engine, y=turned(engine, y))
        theta, good = self.fit.theta[None], np.ones(len(y), dtype=bool)
        if self.settings.refit:
            found = maximise(engine.evaluate, np.repeat(theta, len(y), axis=0))
            theta, good = found.theta, found.converged
        if isinstance(engine, Nested) and self._by_study():
            return np.where(good, self._batch(engine, theta, len(y)), np.nan)
        theta = np.broadcast_to(theta, (len(y), theta.shape[1]))
        every = zip(good, y, theta, strict=True)
        return np.array([self._one(*one) if fine else np.nan for fine, *one in every])

    def observed(self) -> float:
        """The statistic of the data themselves."""
        return self._one(self.fit.problem.yi, self.fit.theta)

    def _by_study(self) -> bool:
        return bool((self.codes == next(iter(self.fit.problem.codes.values()))).all())

    def _one(self, y: FloatArray, theta: FloatArray) -> float:
        """One replicate by the whole of :mod:`robust`, for any structure and any clusters."""
        problem = self.fit.problem
        engine = replace(problem.engine, y=turned(problem.engine, y[None]))
        at = engine.solve(theta[None], np.arange(1))
        coef = np.linalg.solve(problem.triangle, at.coef[0])
        fit = replace(
            self.fit,
            coef=coef,
            sigma2=dict(zip(problem.names, theta.tolist(), strict=True)),
            problem=replace(problem, engine=engine, yi=y),
        )
        vcov = sandwich(working_groups(fit, self.codes), coef, type=self.settings.type).vcov
        off = self.contrasts @ coef - self.value
        return float(_wald(off[None], (self.contrasts @ vcov @ self.contrasts.T)[None])[0])

    def _batch(self, engine: Nested, theta: FloatArray, size: int) -> FloatArray:
        """All replicates at once; `theta` (size or 1, 2)."""
        at = engine.solve(theta, np.arange(size))
        contrasts = self.contrasts @ np.linalg.inv(self.fit.problem.triangle)
        off = at.coef @ contrasts.T - self.value
        if self.settings.type == "CR2":
            scores = _adjusted_scores(engine, theta, at)
        else:
            scores = engine.clusters.sums(engine.x * at.r[:, None])
        half = contrasts @ at.cov @ scores
        m, p = len(engine.clusters.sizes), len(engine.x)
        return _wald(off, half @ np.swapaxes(half, 1, 2) * inflation(self.settings.type, m, p))


def turned(engine: Engine, values: FloatArray) -> FloatArray:
    """Rows of `values` (…, k) as the engine has them."""
    return engine.clusters.rotate(values) if isinstance(engine, Nested) else values


def _wald(off: FloatArray, vcov: FloatArray) -> FloatArray:
    """(b,) off′ vcov⁻¹ off / q, NaN where `vcov` (b, q, q) has no inverse."""
    count = off.shape[1]
    values = np.linalg.eigvalsh(vcov)
    good = np.isfinite(values).all(axis=1) & (values[:, 0] > 1e-12 * values[:, -1])
    safe = np.where(good[:, None, None], vcov, np.eye(count))
    wald = np.einsum("bq,bq->b", off, np.linalg.solve(safe, off[:, :, None])[:, :, 0])
    return np.where(good, wald / count, np.nan)


def _adjusted_scores(engine: Nested, theta: FloatArray, at: Solution) -> FloatArray:
    """X_i′W_i A_i e_i with CR2's A_i at each replicate's own variances, (b, p, m)."""
    c = engine.clusters
    residual = engine.y - at.coef @ engine.x
    scores = np.empty((len(residual), len(engine.x), len(c.sizes)))
    for size in np.unique(c.sizes):
        members = np.flatnonzero(c.sizes == size)
        index = c.starts[members][:, None] + np.arange(size)
        one = c.one[index]
        phi = theta[:, 0, None, None, None] * (one[:, :, None] * one[:, None, :])
        place = np.arange(size)
        phi[:, :, place, place] += c.variance[index] + theta[:, 1, None, None]
        if c.factor is not None:
            phi += c.factor[index][:, :, None] * c.factor[index][:, None, :]
        x = np.moveaxis(engine.x[:, index], 0, -1)
        adjust = adjustment(x, phi, at.cov[:, None])
        turned_e = adjust @ residual[:, index][..., None]
        scores[:, :, members] = np.einsum("bpgn,bgn->bpg", at.h[:, :, index], turned_e[..., 0])
    return scores


def unrestricted(
    fit: MultilevelFit,
    codes: IntArray,
    contrasts: FloatArray,
    settings: Settings,
) -> Replicator:
    """The replicator around the fit itself: the contrasts have the values that it gives them."""
    residual = _residual(fit, fit.vcov, codes, settings)
    fitted = fit.problem.x @ fit.coef
    return Replicator(fit, codes, contrasts, contrasts @ fit.coef, fitted, residual, settings)


def restricted(
    fit: MultilevelFit,
    codes: IntArray,
    contrasts: FloatArray,
    value: FloatArray,
    settings: Settings,
) -> Replicator:
    """The replicator under H0: ``contrasts @ coef = value``.

    The design is split into the directions that the contrasts fix and those they leave free.
    """
    problem = fit.problem
    back = np.linalg.inv(problem.triangle)
    count = len(contrasts)
    turn, upper = np.linalg.qr((contrasts @ back).T, mode="complete")
    fixed = turn[:, :count] @ np.linalg.solve(upper[:count].T, value)
    x = problem.x @ back @ turn[:, count:]
    offset = problem.x @ (back @ fixed)
    engine = replace(
        problem.engine,
        y=turned(problem.engine, (problem.yi - offset)[None]),
        x=turned(problem.engine, x.T),
    )
    theta = fit.theta
    if settings.refit:
        theta = _variances(engine, np.vstack([fit.theta, problem.start]))
    at = engine.solve(theta[None], np.arange(1))
    null = replace(
        fit,
        coef=at.coef[0],
        sigma2=dict(zip(problem.names, theta.tolist(), strict=True)),
        problem=replace(problem, engine=engine, x=x, yi=problem.yi - offset),
    )
    fitted = offset + x @ at.coef[0]
    residual = _residual(null, at.cov[0], codes, settings)
    return Replicator(fit, codes, contrasts, value, fitted, residual, settings)


def _variances(engine: Engine, starts: FloatArray) -> FloatArray:
    """(L,) variance components of one data set, the best of several searches."""
    rows = np.zeros(len(starts), dtype=np.intp)
    found = maximise(lambda theta, which: engine.evaluate(theta, rows[which]), starts)
    if not found.converged.any():
        raise ModelError("the model without what is tested does not converge")
    best: FloatArray = found.theta[np.where(found.converged, found.value, -np.inf).argmax()]
    return best


def _residual(
    fit: MultilevelFit, cov: FloatArray, codes: IntArray, settings: Settings
) -> FloatArray:
    """(k,) residuals, plain or turned by CR2's A_i so that they vary as the working model says."""
    residual = fit.problem.yi - fit.problem.x @ fit.coef
    if settings.residuals == "CR2":
        for group in general_groups(fit, codes, residual):
            adjust = adjustment(group.x, group.phi, cov)
            residual[group.rows] = (adjust @ group.e[:, :, None])[:, :, 0]
    return residual
