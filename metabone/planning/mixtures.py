"""Mixtures of normal distributions: what a prior of a mean is made of, and what data make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, ndtr

from metabone.errors import UsageError
from metabone.options import check_option

FloatArray = NDArray[np.float64]

EssMethod = Literal["elir", "moment"]

LOG_ROOT = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, slots=True)
class NormalMixture:
    """Σ w N(mean, sd²) of q components.

    Parameters
    ----------
    weights, means, sds : (q,) each; the weights sum to 1.

    Raises
    ------
    UsageError
        If shapes differ, a number is not finite, a weight is negative or an SD not positive.

    Examples
    --------
    >>> half = NormalMixture.of([0.5, 0.5], [0, 2], [1, 1])
    >>> half.mean, round(half.sd, 4)
    (1.0, 1.4142)
    """

    weights: FloatArray
    means: FloatArray
    sds: FloatArray

    @classmethod
    def of(cls, weights: ArrayLike, means: ArrayLike, sds: ArrayLike) -> NormalMixture:
        """From anything array-like; the weights are scaled to sum to 1."""
        w, m, s = (np.atleast_1d(np.asarray(x, dtype=float)) for x in (weights, means, sds))
        good = w.shape == m.shape == s.shape and all(np.isfinite(x).all() for x in (w, m, s))
        if not good or (w < 0).any() or w.sum() <= 0 or (s <= 0).any():
            raise UsageError("a mixture needs as many weights, means and positive SDs, all finite")
        return cls(w / w.sum(), m, s)

    @property
    def mean(self) -> float:
        """Its mean."""
        return float(self.weights @ self.means)

    @property
    def sd(self) -> float:
        """Its standard deviation."""
        square = self.weights @ (self.sds**2 + (self.means - self.mean) ** 2)
        return float(np.sqrt(square))

    def cdf(self, x: ArrayLike) -> FloatArray:
        """P(θ ≤ x), in the shape of `x`."""
        z = (np.asarray(x, dtype=float)[..., None] - self.means) / self.sds
        return np.asarray(ndtr(z) @ self.weights)

    def quantile(self, p: float) -> float:
        """Where the distribution function is `p`, by halving a bracket.

        Raises
        ------
        UsageError
            If `p` does not lie strictly between 0 and 1.
        """
        if not 0 < p < 1:
            raise UsageError(f"a quantile is asked for between 0 and 1; got {p!r}")
        low = float((self.means - 40 * self.sds).min())
        high = float((self.means + 40 * self.sds).max())
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if self.cdf(middle) < p else (low, middle)
        return (low + high) / 2

    def robust(self, weight: float, mean: float, sd: float) -> NormalMixture:
        """With a vague component of that weight added.

        References
        ----------
        Schmidli et al. (2014), doi:10.1111/biom.12242.
        """
        if not 0 <= weight <= 1:
            raise UsageError(f"the weight of the vague part must lie in [0, 1]; got {weight!r}")
        return NormalMixture.of(
            np.append((1 - weight) * self.weights, weight), np.append(self.means, mean),
            np.append(self.sds, sd),
        )  # fmt: skip

    def posterior(
        self, mean: ArrayLike, se: ArrayLike
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Weights, means and SDs, (…, q) each, after an estimate with standard error `se` (…).

        Examples
        --------
        >>> weights, means, sds = NormalMixture.of([1], [0], [1]).posterior(2.0, 1.0)
        >>> means, sds.round(4)
        (array([1.]), array([0.7071]))
        """
        y, v = np.asarray(mean, dtype=float)[..., None], np.asarray(se, dtype=float)[..., None] ** 2
        prior = self.sds**2
        total = prior + v
        with np.errstate(divide="ignore"):  # a component of weight 0 stays one
            log_w = np.log(self.weights) - (y - self.means) ** 2 / (2 * total) - np.log(total) / 2
        weights = np.exp(log_w - logsumexp(log_w, axis=-1, keepdims=True))
        return weights, (prior * y + v * self.means) / total, np.sqrt(prior * v / total)

    def ess(self, sd: float, method: str = "elir") -> float:
        """How many animals the distribution is worth, if one animal has the SD `sd`.

        Parameters
        ----------
        method : ``elir``, the expected local information ratio sd² E[(d log p / dθ)²], or
            ``moment``, sd² over the variance, which a long tail makes small.

        References
        ----------
        Neuenschwander et al. (2020), doi:10.1111/biom.13252.

        Examples
        --------
        >>> round(NormalMixture.of([1], [0], [0.5]).ess(2.0), 6)
        16.0
        """
        method = check_option("method", method, EssMethod)
        if not (np.isfinite(sd) and sd > 0):
            raise UsageError(f"sd must be a positive number; got {sd!r}")
        if method == "moment":
            return float(sd**2 / self.sd**2)
        return float(sd**2 * self._information())

    def _information(self) -> float:
        """∫ p′² / p, on a grid that is fine wherever a component is narrow."""
        z = np.linspace(-9, 9, max(201, 8000 // len(self.means)))
        theta = np.unique(self.means[:, None] + self.sds[:, None] * z)
        z = (theta[:, None] - self.means) / self.sds
        with np.errstate(divide="ignore"):
            log_p = np.log(self.weights / self.sds) - z**2 / 2 - LOG_ROOT
        share = np.exp(log_p - logsumexp(log_p, axis=1, keepdims=True))
        slope = (share * z / self.sds).sum(axis=1)
        value = np.exp(logsumexp(log_p, axis=1)) * slope**2
        return float((np.diff(theta) * (value[1:] + value[:-1]) / 2).sum())
