"""Likelihood of the two-level model (study / effect), closed by cluster and batched.

Within a cluster M = W⁻¹ + σ²_study 1̃1̃′ with W⁻¹ = Λ + σ²_effect I diagonal (see `clusters`), so
that M⁻¹ b = W b − W 1̃ (σ²_study / (1 + σ²_study s)) 1̃′W b with s = 1̃′W 1̃ (Sherman & Morrison
1950). Gradient and information are those of the (restricted) likelihood with
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
class Nested:
    """Rotated data: ``y`` (B or 1, k), ``x`` (p, k); ``on`` (B, k) 0/1 leaves effects out."""

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

    def _solve(
        self, theta: FloatArray, rows: NDArray[np.intp]
    ) -> tuple[Solution, FloatArray, FloatArray, FloatArray]:
        c = self.clusters
        study, effect = theta[:, :1], theta[:, 1:]
        w = 1 / (c.variance + effect)
        logs = -np.log(w)
        if self.on is not None:
            on = self._rows(self.on, rows)
            w, logs = w * on, logs * on
        wo = w * c.one
        s = c.sums(wo * c.one)
        den = 1 + study * s
        shrink = study / den
        y = self._rows(self.y, rows)
        wo_x = wo[:, None, :] * self.x
        h = w[:, None, :] * self.x - wo[:, None, :] * c.spread(shrink[:, None] * c.sums(wo_x))
        cov = np.linalg.inv(h @ self.x.T).astype(float, copy=False)
        coef = (cov @ (h @ y[:, :, None]))[:, :, 0]
        e = y - coef @ self.x
        r = w * e - wo * c.spread(shrink * c.sums(wo * e))
        logdet = logs.sum(axis=1) + np.log(den).sum(axis=1)
        q = np.einsum("bk,bk->b", r, e)
        return Solution(coef, cov, h, r, q, logdet), w, s, den

    def evaluate(self, theta: FloatArray, rows: NDArray[np.intp]) -> Surface:
        """Log-likelihood (without constants), gradient and information at `theta` (b, 2)."""
        c = self.clusters
        at, w, s, den = self._solve(theta, rows)
        shrink = theta[:, :1] / den
        wo = w * c.one
        rs = c.sums(c.one * at.r)
        quadratic = np.stack([(rs**2).sum(axis=1), (at.r**2).sum(axis=1)], axis=1)
        # y′PG_lM⁻¹G_mPy; the part of P that is not M⁻¹ follows below
        wor = c.sums(wo * at.r)
        cubic = _symmetric(
            (rs**2 * s / den).sum(axis=1),
            (rs * wor / den).sum(axis=1),
            np.einsum("bk,bk,bk->b", w, at.r, at.r) - (shrink * wor**2).sum(axis=1),
        )
        wo2 = wo * wo
        s2, s3 = c.sums(wo2), c.sums(wo2 * w)
        trace = np.stack([(s / den).sum(axis=1), w.sum(axis=1) - (shrink * s2).sum(axis=1)], axis=1)
        squared = _symmetric(
            ((s / den) ** 2).sum(axis=1),
            (s2 / den**2).sum(axis=1),
            (w**2).sum(axis=1) + (-2 * shrink * s3 + (shrink * s2) ** 2).sum(axis=1),
        )
        hs = c.sums(c.one * at.h)
        seen = np.stack([hs @ rs[:, :, None], at.h @ at.r[:, :, None]], axis=1)[..., 0]
        cubic -= np.einsum("blp,bpq,bmq->blm", seen, at.cov, seen)
        if self.restricted:
            first, second = self._design_terms(at, w, wo, s, den, shrink, hs)
            trace -= np.einsum("bpq,blqp->bl", at.cov, first)
            turned = at.cov[:, None] @ first
            squared += np.einsum("blpq,bmqp->blm", turned, turned)
            squared -= 2 * np.einsum("bpq,blmqp->blm", at.cov, second)
        value = -0.5 * (at.logdet + at.q)
        if self.restricted:
            value = value + 0.5 * np.linalg.slogdet(at.cov)[1]
        return Surface(value, 0.5 * (quadratic - trace), cubic - 0.5 * squared, 0.5 * squared)

    def _design_terms(
        self,
        at: Solution,
        w: FloatArray,
        wo: FloatArray,
        s: FloatArray,
        den: FloatArray,
        shrink: FloatArray,
        hs: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """X′M⁻¹G_lM⁻¹X (b, 2, p, p) and X′M⁻¹G_lM⁻¹G_mM⁻¹X (b, 2, 2, p, p)."""
        ht, hst = np.swapaxes(at.h, 1, 2), np.swapaxes(hs, 1, 2)
        first = np.stack([hs @ hst, at.h @ ht], axis=1)
        wo_h = self.clusters.sums(wo[:, None] * at.h)
        wo_ht = np.swapaxes(wo_h, 1, 2)
        both = (hs * (s / den)[:, None]) @ hst
        mixed = (hs / den[:, None]) @ wo_ht
        effect = (w[:, None] * at.h) @ ht - (shrink[:, None] * wo_h) @ wo_ht
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
