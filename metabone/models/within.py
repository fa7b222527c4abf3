"""The part of a cluster's covariance that its study's random effect leaves, and its inverse.

A = V + σ²_effect I, where V is diagonal (after rotation, see `clusters`) but for one factor:
V = Λ + f f′. With W = (Λ + σ²_effect I)⁻¹ the inverse is W − W f κ f′W with κ = 1 / (1 + f′W f)
(Sherman & Morrison 1950), and W alone where there is no factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.models.clusters import Clusters

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Within:
    """A⁻¹ of b data sets: ``w`` (b, k), ``wf`` = W f (b, k), ``kappa`` (b, m), ``logdet`` (b,)."""

    clusters: Clusters
    w: FloatArray
    wf: FloatArray | None
    kappa: FloatArray | None
    logdet: FloatArray

    def inverse(self, values: FloatArray) -> FloatArray:
        """A⁻¹v for each row v of `values`, (b or 1, n, k)."""
        solved: FloatArray = self.w[:, None] * values
        if self.wf is not None and self.kappa is not None:
            c, wf = self.clusters, self.wf[:, None]
            solved -= wf * c.spread(self.kappa[:, None] * c.sums(wf * values))
        return solved

    def forms(self, values: FloatArray) -> FloatArray:
        """v′A⁻¹v by cluster, (b, k) to (b, m)."""
        c = self.clusters
        out = c.sums(self.w * values * values)
        if self.wf is not None and self.kappa is not None:
            out = out - self.kappa * c.sums(self.wf * values) ** 2
        return out

    def products(self, values: FloatArray) -> FloatArray:
        """v A⁻¹v′ of all clusters together, (b, n, k) to (b, n, n)."""
        out = (self.w[:, None] * values) @ np.swapaxes(values, 1, 2)
        if self.wf is not None and self.kappa is not None:
            part = self.clusters.sums(self.wf[:, None] * values)
            out = out - (self.kappa[:, None] * part) @ np.swapaxes(part, 1, 2)
        return out

    def traces(self) -> tuple[FloatArray, FloatArray]:
        """tr A⁻¹ and tr A⁻², (b,) each."""
        first, second = self.w.sum(axis=1), np.einsum("bk,bk->b", self.w, self.w)
        if self.wf is not None and self.kappa is not None:
            squares = self.wf * self.wf
            size = self.kappa * self.clusters.sums(squares)
            first = first - size.sum(axis=1)
            crossed = self.kappa * self.clusters.sums(self.w * squares)
            second = second + (size * size - 2 * crossed).sum(axis=1)
        return first, second


def within(clusters: Clusters, effect: FloatArray, on: FloatArray | None) -> Within:
    """A⁻¹ for σ²_effect = `effect` (b, 1); `on` (b, k) 0/1 leaves effects out."""
    w = 1 / (clusters.variance + effect)
    logs = -np.log(w)
    if on is not None:
        w, logs = w * on, logs * on
    logdet = logs.sum(axis=1)
    if clusters.factor is None:
        return Within(clusters, w, None, None, logdet)
    wf = w * clusters.factor
    size = 1 + clusters.sums(wf * clusters.factor)
    return Within(clusters, w, wf, 1 / size, logdet + np.log(size).sum(axis=1))
