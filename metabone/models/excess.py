"""Counting significant effects: too many of them, and how many null results would undo a mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from metabone.errors import DataError, UsageError
from metabone.models.intervals import chi2_p

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ExcessFit:
    """Test of excess significance; all (...) but `power` (..., k).

    Attributes
    ----------
    observed, expected : effects that are significant, and how many their power lets one expect.
    pvalue : chance of as many or more, from the exact (Poisson-binomial) distribution.
    chi2, chi2_pvalue : Ioannidis and Trikalinos's A and its p-value, one-sided for an excess.
    theta : the effect that the power was computed for.
    """

    observed: FloatArray
    expected: FloatArray
    pvalue: FloatArray
    chi2: FloatArray
    chi2_pvalue: FloatArray
    theta: FloatArray
    power: FloatArray


def excess_significance(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    theta: ArrayLike | None = None,
    tau2: ArrayLike = 0.0,
    alpha: float = 0.05,
) -> ExcessFit:
    """Test of excess significance: more significant effects than their power allows?

    Parameters
    ----------
    yi, vi : (..., k) effect sizes and sampling variances; an effect is significant if |yᵢ| / √vᵢ
        passes the two-sided normal quantile.
    theta : (...) true mean effect; by default the mean weighted by 1 / vi.
    tau2 : (...) variance of true effects around it, over which the power is averaged.
    alpha : level of significance, two-sided.

    Raises
    ------
    DataError
        If shapes differ, a value is not finite or a variance not positive.
    UsageError
        If alpha does not lie between 0 and 1.

    References
    ----------
    Ioannidis & Trikalinos (2007), doi:10.1177/1740774507079441.

    Examples
    --------
    >>> fit = excess_significance([0.9, 0.8, 1.1, 0.2], [0.16, 0.15, 0.25, 0.01])
    >>> float(fit.observed), round(float(fit.expected), 3), round(float(fit.pvalue), 4)
    (4.0, 1.189, 0.0011)
    """
    y, v = _checked(yi, vi)
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie between 0 and 1; got {alpha!r}")
    k = y.shape[-1]
    mean = (y / v).sum(axis=-1) / (1 / v).sum(axis=-1) if theta is None else np.asarray(theta)
    mean = np.broadcast_to(np.asarray(mean, dtype=float), y.shape[:-1])
    critical = -ndtri(alpha / 2)
    observed = (np.abs(y) / np.sqrt(v) >= critical).sum(axis=-1).astype(float)
    spread = np.sqrt(v + np.asarray(tau2, dtype=float)[..., None])
    edge = critical * np.sqrt(v)
    power = ndtr((mean[..., None] - edge) / spread) + ndtr((-mean[..., None] - edge) / spread)
    expected = power.sum(axis=-1)
    gap = observed - expected
    chi2 = gap**2 / expected + gap**2 / (k - expected)
    two_sided = chi2_p(chi2, 1)
    return ExcessFit(
        observed=observed, expected=expected, pvalue=poisson_binomial_tail(power, observed),
        chi2=chi2, chi2_pvalue=np.where(gap > 0, two_sided / 2, 1 - two_sided / 2),
        theta=mean, power=power,
    )  # fmt: skip


def poisson_binomial_tail(chances: ArrayLike, at_least: ArrayLike) -> FloatArray:
    """P(X ≥ at_least) of the number X of successes in independent trials of unequal chance.

    Parameters
    ----------
    chances : (..., k).
    at_least : (...) whole numbers.

    Examples
    --------
    >>> round(float(poisson_binomial_tail([0.5, 0.5, 0.2], 2)), 3)
    0.35
    """
    p = np.asarray(chances, dtype=float)
    mass = np.zeros((*p.shape[:-1], p.shape[-1] + 1))
    mass[..., 0] = 1.0
    for i in range(p.shape[-1]):
        chance = p[..., i, None]
        mass[..., 1:] = mass[..., 1:] * (1 - chance) + mass[..., :-1] * chance
        mass[..., 0] *= 1 - chance[..., 0]
    counts = np.arange(p.shape[-1] + 1)
    there = counts >= np.asarray(at_least, dtype=float)[..., None]
    return np.asarray(np.minimum(1.0, (mass * there).sum(axis=-1)))


def rosenthal_n(yi: ArrayLike, vi: ArrayLike, *, alpha: float = 0.05) -> FloatArray:
    """Rosenthal's fail-safe N: unseen effects of zero that would make Stouffer's test fail.

    Parameters
    ----------
    yi, vi : (..., k) effect sizes and sampling variances.
    alpha : one-sided level of the combined test.

    Returns
    -------
    (...) whole numbers; 0 where the combined test is not significant as it is.

    References
    ----------
    Rosenthal (1979), doi:10.1037/0033-2909.86.3.638.

    Examples
    --------
    >>> float(rosenthal_n([0.9, 0.8, 1.1], [0.16, 0.15, 0.25]))
    13.0
    """
    y, v = _checked(yi, vi)
    if not 0 < alpha < 0.5:
        raise UsageError(f"alpha of a one-sided test must lie between 0 and 0.5; got {alpha!r}")
    total = (y / np.sqrt(v)).sum(axis=-1)
    needed = np.ceil((total / ndtri(1 - alpha)) ** 2 - y.shape[-1])
    return np.asarray(np.maximum(0.0, needed))


def orwin_n(yi: ArrayLike, target: float, mean: ArrayLike | None = None) -> FloatArray:
    """Orwin's fail-safe N: unseen effects of zero that would bring the mean down to `target`.

    Parameters
    ----------
    yi : (..., k) effect sizes.
    target : size of a mean too small to matter; its sign does not count.
    mean : (...) the mean; by default the unweighted one, as published.

    Returns
    -------
    (...) whole numbers; 0 where the mean is no larger than that.

    References
    ----------
    Orwin (1983), doi:10.2307/1164923.

    Examples
    --------
    >>> float(orwin_n([0.9, 0.8, 1.1], 0.2))
    11.0
    """
    y = np.asarray(yi, dtype=float)
    size = abs(float(target))
    if not (np.isfinite(size) and size > 0):
        raise UsageError(
            f"the target of a fail-safe N must be a number other than 0; got {target!r}"
        )
    average = np.abs(y.mean(axis=-1) if mean is None else np.asarray(mean, dtype=float))
    # Rounding must not turn a whole number into the next one.
    raw = y.shape[-1] * (average - size) / size
    return np.asarray(np.maximum(0.0, np.ceil(raw - 1e-9)))


def _checked(yi: ArrayLike, vi: ArrayLike) -> tuple[FloatArray, FloatArray]:
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    if y.shape != v.shape or y.ndim == 0 or y.shape[-1] == 0:
        raise DataError(f"yi and vi must be of one shape (..., k); got {y.shape} and {v.shape}")
    if not (np.isfinite(y).all() and np.isfinite(v).all()) or (v <= 0).any():
        raise DataError("yi and vi must be finite, and every vi positive")
    return y, v
