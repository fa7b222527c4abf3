"""Structures of the covariance of true effects between studies, and the search for the best one.

Each structure maps free parameters φ to a p × p matrix T that is never indefinite, so that the
search has no bounds; T of less than full rank is a point like any other. First and second
derivatives are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MAX_ITERATIONS = 500
MAX_HALVINGS = 50
# What the log-likelihood could still gain, as in `newton`.
DECREMENT = 1e-12
# Directions that are flatter than this share of the steepest get a step as if they were not.
FLAT = 1e-9
# An upward bend of less than this share of the strongest is rounding.
UPWARD = 1e-6


class Structure(Protocol):
    """How φ (n,) makes T (p, p)."""

    @property
    def p(self) -> int:
        """Number of outcomes."""

    @property
    def n(self) -> int:
        """Number of free parameters."""

    def build(self, phi: FloatArray) -> FloatArray:
        """T (p, p)."""

    def slopes(self, phi: FloatArray) -> FloatArray:
        """∂T/∂φ, (n, p, p)."""

    def bend(self, phi: FloatArray, slope: FloatArray) -> FloatArray:
        """Σ_ab S_ab ∂²T_ab/∂φ∂φ′, (n, n), for a symmetric S (p, p)."""

    def start(self, sd: FloatArray, rho: float) -> FloatArray:
        """φ for standard deviations (p,) and one correlation."""


@dataclass(frozen=True, slots=True)
class Unstructured:
    """UN: T = L L′, φ the lower triangle of L by rows."""

    p: int

    @property
    def n(self) -> int:
        """p (p + 1) / 2."""
        return self.p * (self.p + 1) // 2

    def _lower(self, phi: FloatArray) -> FloatArray:
        lower = np.zeros((self.p, self.p))
        lower[np.tril_indices(self.p)] = phi
        return lower

    def build(self, phi: FloatArray) -> FloatArray:
        """T (p, p)."""
        lower = self._lower(phi)
        return lower @ lower.T

    def slopes(self, phi: FloatArray) -> FloatArray:
        """∂T/∂φ, (n, p, p)."""
        lower = self._lower(phi)
        out = np.zeros((self.n, self.p, self.p))
        for number, (a, r) in enumerate(zip(*np.tril_indices(self.p), strict=True)):
            out[number, a] += lower[:, r]
            out[number, :, a] += lower[:, r]
        return out

    def bend(self, phi: FloatArray, slope: FloatArray) -> FloatArray:
        """Σ_ab S_ab ∂²T_ab/∂φ∂φ′, (n, n)."""
        rows, columns = np.tril_indices(self.p)
        bend: FloatArray = 2 * slope[np.ix_(rows, rows)] * (columns[:, None] == columns)
        return bend

    def start(self, sd: FloatArray, rho: float) -> FloatArray:
        """φ for standard deviations (p,) and one correlation."""
        lower = np.linalg.cholesky(correlated(self.p, rho))
        return (sd[:, None] * lower)[np.tril_indices(self.p)]


@dataclass(frozen=True, slots=True)
class Heteroscedastic:
    """HCS: T_ab = s_a s_b ρ and T_aa = s_a².

    φ = (root of s, ζ) with ρ = ρ₀ + (1 − ρ₀) sin² ζ, where ρ₀ = −1 / (p − 1) is the least that p
    outcomes can all have. The roots keep s from changing sign, and ρ with it.
    """

    p: int

    @property
    def n(self) -> int:
        """p + 1."""
        return self.p + 1

    @property
    def _lowest(self) -> float:
        return -1 / (self.p - 1)

    def _rho(self, zeta: float) -> float:
        return self._lowest + (1 - self._lowest) * float(np.sin(zeta)) ** 2

    def build(self, phi: FloatArray) -> FloatArray:
        """T (p, p)."""
        s = phi[:-1] ** 2
        return np.outer(s, s) * correlated(self.p, self._rho(phi[-1]))

    def slopes(self, phi: FloatArray) -> FloatArray:
        """∂T/∂φ, (n, p, p)."""
        s, r = phi[:-1] ** 2, correlated(self.p, self._rho(phi[-1]))
        out = np.zeros((self.n, self.p, self.p))
        for a in range(self.p):
            out[a, a] += 2 * phi[a] * r[a] * s
            out[a, :, a] += 2 * phi[a] * r[a] * s
        turn = (1 - self._lowest) * np.sin(2 * phi[-1])
        out[-1] = turn * np.outer(s, s) * (1 - np.eye(self.p))
        return out

    def bend(self, phi: FloatArray, slope: FloatArray) -> FloatArray:
        """Σ_ab S_ab ∂²T_ab/∂φ∂φ′, (n, n)."""
        root, r = phi[:-1], correlated(self.p, self._rho(phi[-1]))
        s = root**2
        out = np.zeros((self.n, self.n))
        out[:-1, :-1] = 8 * np.outer(root, root) * slope * r + 4 * np.diag((slope * r) @ s)
        off = slope * (1 - np.eye(self.p))
        turn = (1 - self._lowest) * np.sin(2 * phi[-1])
        out[-1, :-1] = out[:-1, -1] = 4 * turn * root * (off @ s)
        out[-1, -1] = 2 * (1 - self._lowest) * np.cos(2 * phi[-1]) * float(s @ off @ s)
        return out

    def start(self, sd: FloatArray, rho: float) -> FloatArray:
        """φ for standard deviations (p,) and one correlation."""
        share = (rho - self._lowest) / (1 - self._lowest)
        return np.append(np.sqrt(sd), np.arcsin(np.sqrt(share)))


@dataclass(frozen=True, slots=True)
class Squares:
    """T = Σ_l φ_l² G_l, each G_l (p, p) without negative eigenvalues: DIAG and CS."""

    parts: FloatArray

    @property
    def p(self) -> int:
        """Number of outcomes."""
        return int(self.parts.shape[1])

    @property
    def n(self) -> int:
        """Number of parts."""
        return len(self.parts)

    def build(self, phi: FloatArray) -> FloatArray:
        """T (p, p)."""
        total: FloatArray = np.einsum("l,lab->ab", phi**2, self.parts)
        return total

    def slopes(self, phi: FloatArray) -> FloatArray:
        """∂T/∂φ, (n, p, p)."""
        slopes: FloatArray = 2 * phi[:, None, None] * self.parts
        return slopes

    def bend(self, phi: FloatArray, slope: FloatArray) -> FloatArray:
        """Σ_ab S_ab ∂²T_ab/∂φ∂φ′, (n, n)."""
        return np.diag(2 * np.einsum("lab,ab->l", self.parts, slope))

    def start(self, sd: FloatArray, rho: float) -> FloatArray:
        """φ for standard deviations (p,) and one correlation."""
        target = np.outer(sd, sd) * correlated(self.p, rho)
        size = np.einsum("lab,lab->l", self.parts, self.parts)
        fit = np.einsum("lab,ab->l", self.parts, target) / size
        root: FloatArray = np.sqrt(np.maximum(fit, 1e-3 * float(sd @ sd)))
        return root


def structure(name: str, p: int) -> Structure:
    """The structure of that name for p outcomes.

    CS has the eigenvalues τ²(1 + (p − 1)ρ) along the ones and τ²(1 − ρ) across them.
    """
    if name == "UN":
        return Unstructured(p)
    if name == "HCS":
        return Heteroscedastic(p)
    if name == "CS":
        along = np.full((p, p), 1 / p)
        return Squares(np.stack([along, np.eye(p) - along]))
    return Squares(np.eye(p)[:, :, None] * np.eye(p)[:, None, :])


def correlated(p: int, rho: float) -> FloatArray:
    """A correlation matrix with one correlation."""
    return np.full((p, p), rho) + (1 - rho) * np.eye(p)


@dataclass(frozen=True, slots=True)
class Peak:
    """Where a search ended: ``phi`` (n,), the ``hessian`` (n, n) there."""

    phi: FloatArray
    value: float
    hessian: FloatArray
    converged: bool
    iterations: int


Objective = Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]


def ascend(objective: Objective, start: FloatArray) -> Peak:
    """Newton's method that climbs away from saddles: each eigenvalue counts by its size.

    Parameters
    ----------
    objective : value, gradient (n,) and Hessian (n, n) at a point.
    start : (n,).

    References
    ----------
    Gill, Murray & Wright (1981), *Practical Optimization*, section 4.4 (modified Newton).
    """
    phi = start
    value, gradient, hessian = objective(phi)
    for number in range(1, MAX_ITERATIONS + 1):
        values, vectors = np.linalg.eigh(hessian)
        size = np.maximum(np.abs(values), FLAT * np.abs(values).max() + 1e-12)
        step = vectors @ ((vectors.T @ gradient) / size)
        gain = float(step @ gradient)
        # A positive eigenvalue without slope is a saddle or a minimum, which has to be left.
        if gain <= DECREMENT * (1 + abs(value)):
            if values[-1] <= UPWARD * np.abs(values).max():
                return Peak(phi, value, hessian, True, number)
            step = vectors[:, -1] * max(1e-3, 1e-2 * float(np.linalg.norm(phi)))
            gain = 0.0
        length = 1.0
        for _ in range(MAX_HALVINGS):
            after = objective(phi + length * step)
            if after[0] >= value + 1e-4 * length * gain - 1e-13 * (1 + abs(value)):
                break
            length /= 2
        else:
            return Peak(phi, value, hessian, gain <= 1e-6, number)
        phi = phi + length * step
        value, gradient, hessian = after
    return Peak(phi, value, hessian, False, MAX_ITERATIONS)
