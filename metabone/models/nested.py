"""Likelihood of the two-level model (study / effect), closed by cluster and batched.

Within a cluster M = A + σ²_study 11′ with A = V + σ²_effect I (see `within`; 1 is rotated as the
data are), so that M⁻¹ b = A⁻¹b − A⁻¹1 (σ²_study / (1 + σ²_study s)) 1′A⁻¹b with s = 1′A⁻¹1 (Sherman
& Morrison 1950). Gradient and information are those of the (restricted) likelihood with
P = M⁻¹ − M⁻¹X(X′M⁻¹X)⁻¹X′M⁻¹: ∂ℓ/∂σ²_l = ½ (y′PG_lPy − tr PG_l), and the observed information
y′PG_lPG_mPy − ½ tr PG_lPG_m.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.models.clusters import Clusters
from metabone.models.newton import Surface
from metabone.models.within import Within, within

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Solution:
    """Generalised least squares at one point, for B data sets and p coefficients.

    ``coef`` (B, p), ``cov`` = (X′M⁻¹X)⁻¹ (B, p, p), ``h`` = M⁻¹X as (B, p, k), ``r`` = Py (B, k),
    ``q`` = y′Py (B,), ``logdet`` = log|M| (B,).
    """

    coef: FloatArray
    cov: FloatArray
    h: FloatArray
    r: FloatArray
    q: FloatArray
    logdet: FloatArray


@dataclass(frozen=True, slots=True)
class _Parts:
    """What M⁻¹ is made of: ``inner`` A⁻¹, ``ones`` = A⁻¹1 (b, k), and (b, m) each ``s`` = 1′A⁻¹1,
    ``den`` = 1 + σ²_study s, ``shrink`` = σ²_study / den.
    """

    inner: Within
    ones: FloatArray
    s: FloatArray
    den: FloatArray
    shrink: FloatArray

    def inverse(self, values: FloatArray) -> FloatArray:
        """M⁻¹v for each row v of `values`, (b or 1, n, k)."""
        c, ones = self.inner.clusters, self.ones[:, None]
        own = c.spread(self.shrink[:, None] * c.sums(ones * values))
        return self.inner.inverse(values) - ones * own


@dataclass(frozen=True, slots=True)
class Nested:
    """Rotated data: ``y`` (B or 1, k), ``x`` (p, k), or (B, p, k) where each data set has its own.

    ``on`` (B, k) 0/1 leaves effects out.
    """

    clusters: Clusters
    y: FloatArray
    x: FloatArray
    restricted: bool
    on: FloatArray | None = None

    names = ("study", "effect")

    def _rows(self, values: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
        return values if len(values) == 1 else values[rows]

    def solve(self, theta: FloatArray, rows: NDArray[np.intp]) -> Solution:
        """Coefficients and what they rest on at `theta` (b, 2), for the data sets `rows`."""
        return self._solve(theta, rows)[0]

    def _solve(self, theta: FloatArray, rows: NDArray[np.intp]) -> tuple[Solution, _Parts]:
        parts = self._parts(theta, None if self.on is None else self._rows(self.on, rows))
        y = self._rows(self.y, rows)
        x = self.x[None] if self.x.ndim == 2 else self.x[rows]
        h = parts.inverse(x)
        cov = np.linalg.inv(h @ np.swapaxes(x, 1, 2)).astype(float, copy=False)
        coef = (cov @ (h @ y[:, :, None]))[:, :, 0]
        e = y - (coef[:, None] @ x)[:, 0]
        r = parts.inverse(e[:, None])[:, 0]
        logdet = parts.inner.logdet + np.log(parts.den).sum(axis=1)
        return Solution(coef, cov, h, r, np.einsum("bk,bk->b", r, e), logdet), parts

    def _parts(self, theta: FloatArray, on: FloatArray | None) -> _Parts:
        inner = within(self.clusters, theta[:, 1:], on)
        ones = inner.inverse(self.clusters.one[None, None])[:, 0]
        s = self.clusters.sums(ones * self.clusters.one)
        den = 1 + theta[:, :1] * s
        return _Parts(inner, ones, s, den, theta[:, :1] / den)

    def inverse(self, theta: FloatArray, values: FloatArray) -> FloatArray:
        """M⁻¹v at one point `theta` (2,) for each row v of `values` (n, k), rotated both."""
        solved: FloatArray = self._parts(theta[None], None).inverse(values[None])[0]
        return solved

    def inverse_trace(self) -> float:
        """tr V⁻¹."""
        return float(within(self.clusters, np.zeros((1, 1)), None).traces()[0][0])

    def evaluate(self, theta: FloatArray, rows: NDArray[np.intp]) -> Surface:
        """Log-likelihood (without constants), gradient and information at `theta` (b, 2)."""
        c = self.clusters
        at, parts = self._solve(theta, rows)
        inner, a, s, den, shrink = parts.inner, parts.ones, parts.s, parts.den, parts.shrink
        rs = c.sums(c.one * at.r)
        quadratic = np.stack([(rs**2).sum(axis=1), (at.r**2).sum(axis=1)], axis=1)
        # y′PG_lM⁻¹G_mPy; the part of P that is not M⁻¹ follows below
        ar = c.sums(a * at.r)
        cubic = _symmetric(
            (rs**2 * s / den).sum(axis=1),
            (rs * ar / den).sum(axis=1),
            (inner.forms(at.r) - shrink * ar**2).sum(axis=1),
        )
        s2, s3 = c.sums(a * a), inner.forms(a)
        once, twice = inner.traces()
        trace = np.stack([(s / den).sum(axis=1), once - (shrink * s2).sum(axis=1)], axis=1)
        squared = _symmetric(
            ((s / den) ** 2).sum(axis=1),
            (s2 / den**2).sum(axis=1),
            twice + (-2 * shrink * s3 + (shrink * s2) ** 2).sum(axis=1),
        )
        hs = c.sums(c.one * at.h)
        seen = np.stack([hs @ rs[:, :, None], at.h @ at.r[:, :, None]], axis=1)[..., 0]
        cubic -= np.einsum("blp,bpq,bmq->blm", seen, at.cov, seen)
        if self.restricted:
            first, second = self._design_terms(at, parts, hs)
            trace -= np.einsum("bpq,blqp->bl", at.cov, first)
            turned = at.cov[:, None] @ first
            squared += np.einsum("blpq,bmqp->blm", turned, turned)
            squared -= 2 * np.einsum("bpq,blmqp->blm", at.cov, second)
        value = -0.5 * (at.logdet + at.q)
        if self.restricted:
            value = value + 0.5 * np.linalg.slogdet(at.cov)[1]
        return Surface(value, 0.5 * (quadratic - trace), cubic - 0.5 * squared, 0.5 * squared)

    def _design_terms(
        self, at: Solution, parts: _Parts, hs: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """X′M⁻¹G_lM⁻¹X (b, 2, p, p) and X′M⁻¹G_lM⁻¹G_mM⁻¹X (b, 2, 2, p, p)."""
        ht, hst = np.swapaxes(at.h, 1, 2), np.swapaxes(hs, 1, 2)
        first = np.stack([hs @ hst, at.h @ ht], axis=1)
        ah = self.clusters.sums(parts.ones[:, None] * at.h)
        aht = np.swapaxes(ah, 1, 2)
        both = (hs * (parts.s / parts.den)[:, None]) @ hst
        mixed = (hs / parts.den[:, None]) @ aht
        effect = parts.inner.products(at.h) - (parts.shrink[:, None] * ah) @ aht
        top = np.stack([both, mixed], axis=1)
        low = np.stack([np.swapaxes(mixed, 1, 2), effect], axis=1)
        return first, np.stack([top, low], axis=1)


def _symmetric(a: FloatArray, b: FloatArray, d: FloatArray) -> FloatArray:
    """(b, 2, 2) matrices from their three entries."""
    out = np.empty((*a.shape, 2, 2))
    out[..., 0, 0], out[..., 1, 1] = a, d
    out[..., 0, 1] = out[..., 1, 0] = b
    return out


def constant(k: int, p: int, *, restricted: bool) -> float:
    """The part of the log-likelihood that no parameter moves (X orthonormal)."""
    return -0.5 * (k - (p if restricted else 0)) * math.log(2 * math.pi)
