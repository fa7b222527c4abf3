"""Thousands of random-effects fits of one set of effects: subsets of it, or its signs turned.

Since all fits share yi and vi, every weighted sum of `moments` is a product of a (B, k) matrix with
a (k, n) one. A likelihood is looked at on one grid of τ² for all, which finds the highest maximum
where there are two, and Newton's steps begin there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.models.moments import Moments, at_least
from metabone.models.tau2 import SPREAD, Batch, Tau2, estimate

FloatArray = NDArray[np.float64]

# Values of τ² at which a likelihood is looked at; more where the sampling variances differ much.
GRID, WIDE_GRID = 16, 60


@dataclass(frozen=True)
class Shared(Batch):
    """B fits of the effects ``y1`` and ``v1`` (k,) for a mean.

    ``on`` (B, k) 0/1 leaves effects out; ``sign`` (B, k) ±1 turns them. `Batch` sees ``y``, ``v``
    as views of the two.
    """

    y1: FloatArray
    v1: FloatArray
    sign: FloatArray | None = None

    def moments(self, tau2: FloatArray) -> Moments:
        """The weighted sums at `tau2` (B,), as products of matrices."""
        w = self.weights(tau2)
        basis = np.stack([np.ones_like(self.y1), self.y1, self.y1**2], axis=1)
        w2 = w * w
        w3 = w2 * w
        (s1, a1, b1), (s2, a2, b2), (s3, a3, b3) = (self._sums(part, basis) for part in (w, w2, w3))
        mean = a1 / s1
        share = s2 / s1
        q2 = np.maximum(b2 - 2 * mean * a2 + mean**2 * s2, 0.0)
        q3 = np.maximum(b3 - 2 * mean * a3 + mean**2 * s3, 0.0)
        return Moments(
            coef=mean[:, None],
            cov=(1 / s1)[:, None, None],
            sum_w=s1,
            sum_w2=s2,
            tr_p=s1 - share,
            tr_pp=at_least(s2 - 2 * s3 / s1 + share**2, s1 - share, len(self.y1)),
            q=np.maximum(b1 - mean * a1, 0.0),
            q2=q2,
            q3=q3 - (a2 - mean * s2) ** 2 / s1,
        )

    def _sums(self, w: FloatArray, basis: FloatArray) -> FloatArray:
        """Σ w, Σ w y and Σ w y² as (3, B)."""
        sums: FloatArray = (w @ basis).T
        if self.sign is not None:
            sums[1] = (w * self.sign) @ self.y1
        return sums

    def take(self, rows: NDArray[np.intp] | slice) -> Shared:
        """Some of the data sets."""
        on = None if self.on is None else self.on[rows]
        sign = None if self.sign is None else self.sign[rows]
        part = shared(self.y1, self.v1, on=on, sign=sign, size=len(self.y[rows]))
        if "at_zero" in self.__dict__:
            part.__dict__["at_zero"] = Moments(*(column[rows] for column in self.at_zero))
        return part

    def grid(self) -> FloatArray:
        """(G,) values of τ² between which every maximum lies, zero first."""
        low, high = float(self.v1.min()), float(self.v1.max())
        centre = 0.0 if self.sign is not None else float(self.y1.mean())
        reach = high + float(((self.y1 - centre) ** 2).max()) * (1 if self.sign is not None else 4)
        count = WIDE_GRID if high > SPREAD * low else GRID
        return np.append(0.0, np.geomspace(low / 10, reach, count - 1))

    def best_on_grid(self, *, restricted: bool) -> FloatArray:
        """(B,) the τ² of the grid at which the (restricted) likelihood is highest."""
        points = self.grid()
        w = 1 / (self.v1[:, None] + points)
        wy, wyy, logs = w * self.y1[:, None], w * self.y1[:, None] ** 2, np.log(w)
        if self.on is None:
            s, b, total = w.sum(axis=0), wyy.sum(axis=0), logs.sum(axis=0)
        else:
            s, b, total = self.on @ w, self.on @ wyy, self.on @ logs
        a = (self.sign if self.sign is not None else self._ones()) @ wy
        loglik = total - (b - a**2 / s)
        if restricted:
            loglik -= np.log(s)
        best: FloatArray = points[loglik.argmax(axis=1)]
        return best

    def _ones(self) -> FloatArray:
        return np.ones((1, len(self.y1))) if self.on is None else self.on


def shared(
    y: FloatArray,
    v: FloatArray,
    *,
    on: FloatArray | None = None,
    sign: FloatArray | None = None,
    size: int | None = None,
) -> Shared:
    """Fits of subsets `on` (B, k), or with signs (B, k), of the effects (k,)."""
    if size is None:
        size = len(on) if on is not None else 1 if sign is None else len(sign)
    shape = (size, len(y))
    turned = np.broadcast_to(y, shape) if sign is None else sign * y
    return Shared(turned, np.broadcast_to(v, shape), None, on, y, v, sign)


def estimate_shared(batch: Shared, method: str) -> Tau2:
    """τ² of each fit by `method`, as `metabone.models.tau2.estimate` gives it."""
    start = None
    if method in ("REML", "ML") and bool((batch.k > 1).all()):
        start = batch.best_on_grid(restricted=method == "REML")
    return estimate(batch, method, start)
