"""Cautious effects to plan with: exact limits of d, safeguard power, correction for selection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from metabone.errors import DataError, UsageError
from metabone.models.intervals import check_level, interval
from metabone.planning.chi import chi_rule, refine
from metabone.planning.predictive import Predictive, check_design

FloatArray = NDArray[np.float64]

SAFEGUARD = 0.60


def t_above(t: float, df: float, nc: float) -> float:
    """P(T > t) of Student's t with noncentrality `nc`: the mean of Φ(nc − t·S) over a χ.

    Examples
    --------
    >>> round(t_above(2.6, 18, 0.0), 6)
    0.00905
    """

    def value(halvings: int) -> FloatArray:
        s, weights = chi_rule(df, halvings)
        return np.asarray(weights @ ndtr(nc - t * s))

    return float(refine(value))


def d_interval(d: float, n1: int, n2: int, level: float = 0.95) -> tuple[float, float]:
    """Exact confidence interval of δ from an observed Cohen's d of two groups.

    Parameters
    ----------
    d : observed difference over the pooled SD (not corrected by J).
    n1, n2 : animals of the two groups.

    References
    ----------
    Steiger & Fouladi (1997), in Harlow et al. (eds.), What If There Were No Significance Tests?

    Examples
    --------
    >>> [round(x, 4) for x in d_interval(2.6 * (2 / 10) ** 0.5, 10, 10)]
    [0.195, 2.1034]
    """
    check_design(n1, n2, 0.5, 2)
    tail = (1 - check_level(level)) / 2
    if not np.isfinite(d):
        raise UsageError(f"d must be a finite number; got {d!r}")
    m, df = float(np.sqrt(n1 * n2 / (n1 + n2))), n1 + n2 - 2
    t = d * m
    low = _rising(lambda nc: t_above(t, df, nc), tail, t - 1, t + 1)
    high = _rising(lambda nc: t_above(t, df, nc), 1 - tail, t - 1, t + 1)
    return low / m, high / m


def safeguard(d: float, n1: int, n2: int, level: float = SAFEGUARD) -> float:
    """The limit of the 60 % interval of one study's d that lies nearer to 0.

    Never on the other side of 0: where the interval holds 0, the answer is 0.

    References
    ----------
    Perugini, Gallucci & Costantini (2014), doi:10.1177/1745691614528519.

    Examples
    --------
    >>> round(safeguard(1.5, 8, 8), 5)
    0.99017
    """
    return _nearer(d, *d_interval(d, n1, n2, level))


def safeguard_pooled(predictive: Predictive, level: float = SAFEGUARD) -> float:
    """The limit of the 60 % confidence interval of the pooled mean that lies nearer to 0.

    With the t of the predictive's df. It guards against an uncertain mean, not against
    heterogeneity: for that, see `metabone.planning.predictive.assurance`.

    Raises
    ------
    DataError
        If the predictive does not say which standard error it was made of.

    Examples
    --------
    >>> round(safeguard_pooled(Predictive(1.5, 0.84, 8, se=0.25)), 4)
    1.2778
    """
    if predictive.se is None:
        raise DataError(f"the standard error of {predictive.label} is not known")
    df = float("nan") if np.isinf(predictive.df) else predictive.df
    return _nearer(predictive.mean, *interval(predictive.mean, predictive.se, df, level))


def selection_adjusted(
    t: float, n1: int, n2: int, *, alpha: float = 0.05, confidence: float = 0.5
) -> float:
    """Effect δ behind a published significant t, given that only significant results are published.

    The δ ≥ 0 at which a t between the critical value and the observed one has the chance
    `confidence` among the significant results of |T|: 0.5 corrects for selection alone, more (0.8)
    for uncertainty too. 0 where no δ explains so small a t.

    Parameters
    ----------
    t : observed t of two groups, significant at `alpha` (two-sided).
    alpha : level that the study had to pass to be published.

    Raises
    ------
    DataError
        If the t is not significant, so that no selection took place.

    References
    ----------
    Anderson, Kelley & Maxwell (2017), doi:10.1177/0956797617723724; Taylor & Muller (1996),
    doi:10.1080/03610929608831787.

    Examples
    --------
    >>> round(selection_adjusted(3, 20, 20, confidence=0.8) * 10**0.5, 3)
    1.105
    """
    check_design(n1, n2, alpha, 2)
    check_level(confidence)
    df = n1 + n2 - 2
    critical = -float(stdtrit(df, alpha / 2))
    size = abs(t)
    if not size > critical:
        raise DataError(
            f"|t| = {size:g} is not significant at {alpha:g} (critical value {critical:.4g}): "
            "there is no selection to correct for"
        )

    def larger(nc: float) -> float:
        def beyond(x: float) -> float:
            return t_above(x, df, nc) + t_above(x, df, -nc)

        return beyond(size) / beyond(critical)

    if larger(0.0) >= 1 - confidence:
        return 0.0
    nc = _rising(larger, 1 - confidence, 0.0, size)
    return float(np.sign(t) * nc / np.sqrt(n1 * n2 / (n1 + n2)))


def _nearer(mean: float, low: float, high: float) -> float:
    return max(low, 0.0) if mean >= 0 else min(high, 0.0)


def _rising(chance: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Where a rising function of nc meets `target`, by widening and halving a bracket."""
    width = 2.0
    while chance(low) > target:
        low, width = low - width, 2 * width
    width = 2.0
    while chance(high) < target:
        high, width = high + width, 2 * width
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) < target else (low, middle)
        if high - low <= 1e-12 * max(1.0, abs(middle)):
            break
    return (low + high) / 2
