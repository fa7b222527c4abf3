"""Groups to one value for each lab, and labs to a pooled one with the interval of a new lab."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, polygamma, stdtrit

from metabone.models.intervals import critical
from metabone.models.random_effects import random_effects
from metabone.planning.variability_groups import Group


@dataclass(frozen=True, slots=True)
class LabMean:
    """What one lab says, on the scale of pooling (log CV, or Fisher's z), with its variance."""

    lab: str
    y: float
    v: float
    n: int


@dataclass(frozen=True, slots=True)
class Pooled:
    """Pooled mean on the scale of pooling.

    Parameters
    ----------
    mean, se, df : df is NaN for the normal.
    tau : SD of true values between labs; NaN for one lab.
    labs, animals : how many; animals measured repeatedly count once.
    """

    mean: float
    se: float
    df: float
    tau: float
    labs: int
    animals: int

    def ci(self, level: float) -> tuple[float, float]:
        """Confidence interval of the mean."""
        half = float(critical(self.df, level)) * self.se
        return self.mean - half, self.mean + half

    def quantile(self, p: float) -> float:
        """Quantile `p` of the true value in a new lab: t with labs − 2 df; NaN for two labs.

        References
        ----------
        Higgins, Thompson & Spiegelhalter (2009), doi:10.1111/j.1467-985X.2008.00552.x.
        """
        if self.labs < 3:
            return float("nan")
        return float(self.mean + stdtrit(self.labs - 2, p) * np.hypot(self.tau, self.se))


#: `pool_labs`, or a function that gives the same.
Pool = Callable[[Iterable[Group], Callable[[Sequence[Group]], LabMean]], Pooled]


def lab_cv(groups: Sequence[Group]) -> LabMean:
    """One lab's log CV: squares of CVs averaged by their degrees of freedom.

    The expectation and variance of the log of an SD are exact for normal data, ½(ψ(f/2) − ln(f/2))
    and ¼ψ′(f/2); the mean adds CV²/n. Repeated measures of the same animals add no degrees of
    freedom.

    References
    ----------
    Nakagawa et al. (2015), doi:10.1111/2041-210X.12309 (lnCV, with the first-order terms
    1/(2(n − 1)) of both).

    Examples
    --------
    >>> found = lab_cv([Group("a", "a", {}, 12, 0.25)])
    >>> round(found.y, 4), round(found.v, 4)
    (-1.3395, 0.055)
    """
    weights = np.array([group.n - 1 for group in groups], dtype=float)
    squares = np.array([group.value**2 for group in groups])
    square = float(weights @ squares / weights.sum())
    f, n = _once(groups, -1), _once(groups, 0)
    bias = (digamma(f / 2) - np.log(f / 2)) / 2
    variance = float(polygamma(1, f / 2)) / 4 + square / n
    return LabMean(groups[0].lab, float(np.log(square) / 2 - bias), variance, n)


def lab_correlation(groups: Sequence[Group]) -> LabMean:
    """One lab's Fisher z: averaged by n − 3, and repeated measures add nothing.

    References
    ----------
    Fisher (1921), Metron 1, 3-32.

    Examples
    --------
    >>> found = lab_correlation([Group("a", "a", {}, 103, 0.8)])
    >>> round(found.y, 4), found.v
    (1.0986, 0.01)
    """
    weights = np.array([group.n - 3 for group in groups], dtype=float)
    z = np.arctanh([group.value for group in groups])
    return LabMean(
        groups[0].lab, float(weights @ z / weights.sum()), 1 / _once(groups, -3), _once(groups, 0)
    )


def pool_labs(groups: Iterable[Group], one: Callable[[Sequence[Group]], LabMean]) -> Pooled:
    """Random-effects mean over labs (REML, Hartung-Knapp not below 1); one lab by itself.

    Examples
    --------
    >>> groups = [Group("a", "a", {}, 12, 0.2), Group("b", "b", {}, 10, 0.3)]
    >>> pooled = pool_labs(groups, lab_cv)
    >>> pooled.labs, pooled.animals, round(float(np.exp(pooled.mean)), 3)
    (2, 22, 0.253)
    """
    by_lab: dict[str, list[Group]] = {}
    for group in groups:
        by_lab.setdefault(group.lab, []).append(group)
    means = [one(members) for members in by_lab.values()]
    animals = sum(mean.n for mean in means)
    if len(means) == 1:
        nan = float("nan")
        return Pooled(means[0].y, float(np.sqrt(means[0].v)), nan, nan, 1, animals)
    fit = random_effects(
        [mean.y for mean in means], [mean.v for mean in means], method="REML", test="hksj_adhoc"
    )
    return Pooled(
        float(fit.coef[0]), float(fit.se[0]), float(fit.df), float(np.sqrt(fit.tau2)), len(means),
        animals,
    )  # fmt: skip


def _once(groups: Sequence[Group], off: int) -> int:
    """Animals, or their degrees of freedom (n + off), each counted once."""
    most: dict[str, int] = {}
    for group in groups:
        most[group.animals] = max(most.get(group.animals, 0), group.n + off)
    return sum(most.values())
