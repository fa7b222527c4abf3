"""Likelihood of effects that were selected by their one-sided p-values, with its derivatives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

ROOT_2PI = math.sqrt(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Curve:
    """A log-likelihood at one point for b data sets and P parameters.

    ``value`` (b,), ``gradient`` (b, P) and ``observed`` information (b, P, P).
    """

    value: FloatArray
    gradient: FloatArray
    observed: FloatArray

    def take(self, rows: NDArray[np.bool_] | IntArray) -> Curve:
        """Some of the data sets."""
        return Curve(self.value[rows], self.gradient[rows], self.observed[rows])


@dataclass(frozen=True, slots=True)
class _Effects:
    """Of each effect: its log-likelihood and derivatives by (μ, σ², λ)."""

    value: FloatArray
    by_mean: FloatArray
    by_variance: FloatArray
    by_weight: FloatArray
    mean_mean: FloatArray
    mean_variance: FloatArray
    variance_variance: FloatArray
    mean_weight: FloatArray
    variance_weight: FloatArray
    share: FloatArray


@dataclass(frozen=True, slots=True)
class StepLikelihood:
    """Normal effects seen with a weight w_j that depends on the interval j of their p-value.

    The density of an effect is w_j φ((y − μ)/σ)/σ / A with σ² = v + τ² and A = Σ_j w_j P_j, where
    P_j is the normal probability of interval j: Hedges & Vevea (1996),
    doi:10.3102/10769986021004299. Parameters are θ = (β, τ², λ_2 … λ_J), with w_1 = 1 and
    w_j = exp(λ_j).

    The P_j are differences of the smaller normal tail and A a sum of terms that are not negative.
    One P_j is at least 1/J, so that nothing cancels or underflows however far the tails are.

    Parameters
    ----------
    y, v : (n, k), n data sets or one that all share; selection favours large y.
    x : (n, k, p).
    edges : (n, k, J − 1) effects at which one interval turns into the next, falling.
    interval : (n, k) number of the interval of each effect, from 0.
    weights : (B, k) how often each effect is counted; 0 leaves it out.
    """

    y: FloatArray
    v: FloatArray
    x: FloatArray
    edges: FloatArray
    interval: IntArray
    weights: FloatArray

    @property
    def p(self) -> int:
        """Coefficients of the mean."""
        return int(self.x.shape[-1])

    @property
    def size(self) -> int:
        """Parameters in all."""
        return int(self.p + 1 + self.edges.shape[-1])

    def evaluate(self, theta: FloatArray, rows: IntArray) -> Curve:
        """Log-likelihood, gradient and information at `theta` (b, P) of data sets `rows` (b,)."""
        at, x = self._at(theta, rows)
        p, n = self.p, self.weights[rows]
        value = np.einsum("bk,bk->b", n, at.value)
        gradient = np.empty_like(theta)
        gradient[:, :p] = _mean_sum(n * at.by_mean, x)
        gradient[:, p] = np.einsum("bk,bk->b", n, at.by_variance)
        gradient[:, p + 1 :] = np.einsum("bk,bkj->bj", n, at.by_weight)
        h = np.empty((*theta.shape, theta.shape[1]))
        h[:, :p, :p] = np.einsum("bk,bkp,bkq->bpq", n * at.mean_mean, x, x, optimize=True)
        h[:, :p, p] = h[:, p, :p] = _mean_sum(n * at.mean_variance, x)
        h[:, p, p] = np.einsum("bk,bk->b", n, at.variance_variance)
        cross = np.einsum("bk,bkj,bkp->bpj", n, at.mean_weight, x, optimize=True)
        h[:, :p, p + 1 :] = cross
        h[:, p + 1 :, :p] = np.swapaxes(cross, 1, 2)
        other = np.einsum("bk,bkj->bj", n, at.variance_weight)
        h[:, p, p + 1 :] = h[:, p + 1 :, p] = other
        both = np.einsum("bk,bki,bkj->bij", n, at.share, at.share, optimize=True)
        place = np.arange(both.shape[1])
        both[:, place, place] -= np.einsum("bk,bkj->bj", n, at.share)
        h[:, p + 1 :, p + 1 :] = both
        return Curve(value, gradient, -h)

    def scores(self, theta: FloatArray) -> FloatArray:
        """(k, P) gradient of each effect of one data set, at `theta` (P,)."""
        at, x = self._at(theta[None], np.zeros(1, dtype=np.intp))
        parts = [at.by_mean[0, :, None] * x[0], at.by_variance[0, :, None], at.by_weight[0]]
        return np.asarray(self.weights[0, :, None] * np.concatenate(parts, axis=1))

    def _at(self, theta: FloatArray, rows: IntArray) -> tuple[_Effects, FloatArray]:
        p = self.p
        y, v, x, edges = (
            one if len(one) == 1 else one[rows] for one in (self.y, self.v, self.x, self.edges)
        )
        interval = self.interval if len(self.interval) == 1 else self.interval[rows]
        x = np.broadcast_to(x, (len(rows), *x.shape[1:]))
        mean = np.einsum("bkp,bp->bk", x, theta[:, :p])
        s = v + theta[:, p, None]
        log_w = np.zeros((len(rows), edges.shape[-1] + 1))
        log_w[:, 1:] = theta[:, p + 1 :]
        return _effects(y - mean, s, edges - mean[..., None], interval, log_w), x


def _mean_sum(values: FloatArray, x: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("bk,bkp->bp", values, x))


def _effects(
    r: FloatArray, s: FloatArray, gap: FloatArray, interval: IntArray, log_w: FloatArray
) -> _Effects:
    """All derivatives of log w_j + log φ(r/σ)/σ − log A; `gap` is edge − μ."""
    w = np.exp(log_w)[:, None, :]
    root = np.sqrt(s)
    u = gap / root[..., None]
    phi = np.exp(-u * u / 2) / ROOT_2PI
    share = w * _probabilities(u)
    total = share.sum(axis=-1)
    share /= total[..., None]
    jump = (w[..., 1:] - w[..., :-1]) * phi / total[..., None]
    a_m = -jump.sum(axis=-1) / root
    a_s = -(jump * u).sum(axis=-1) / (2 * s)
    a_mm = -(jump * u).sum(axis=-1) / s
    a_ms = (jump * (1 - u * u)).sum(axis=-1) / (2 * s * root)
    a_ss = (jump * u * (3 - u * u)).sum(axis=-1) / (4 * s * s)
    # By μ and σ², of w_j P_j / A, for the intervals after the first.
    p_m = -w[..., 1:] * _steps(phi) / (root * total)[..., None]
    p_s = -w[..., 1:] * _steps(u * phi) / (2 * s * total)[..., None]
    share = share[..., 1:]
    z = r * r / s
    interval = np.broadcast_to(interval, s.shape)
    chosen = np.take_along_axis(
        np.broadcast_to(log_w[:, None, :], (*s.shape, log_w.shape[1])), interval[..., None], axis=-1
    )[..., 0]
    own = interval[..., None] == np.arange(1, log_w.shape[1])
    return _Effects(
        value=chosen - 0.5 * (np.log(2 * math.pi * s) + z) - np.log(total),
        by_mean=r / s - a_m,
        by_variance=(z - 1) / (2 * s) - a_s,
        by_weight=own - share,
        mean_mean=-1 / s - a_mm + a_m**2,
        mean_variance=-r / (s * s) - a_ms + a_m * a_s,
        variance_variance=(0.5 - z) / (s * s) - a_ss + a_s**2,
        mean_weight=share * a_m[..., None] - p_m,
        variance_weight=share * a_s[..., None] - p_s,
        share=share,
    )


def _probabilities(u: FloatArray) -> FloatArray:
    """(…, J) normal probabilities between the falling edges `u` (…, J − 1), by the smaller tail."""
    lower, upper = ndtr(u), ndtr(-u)
    found = np.empty((*u.shape[:-1], u.shape[-1] + 1))
    found[..., 0] = upper[..., 0]
    found[..., -1] = lower[..., -1]
    right = upper[..., 1:] - upper[..., :-1]
    left = lower[..., :-1] - lower[..., 1:]
    found[..., 1:-1] = np.where(u[..., 1:] > 0, right, left)
    return found


def _steps(values: FloatArray) -> FloatArray:
    """Value at the upper edge less that at the lower one, of the intervals after the first."""
    found = values.copy()
    found[..., :-1] -= values[..., 1:]
    return found
