"""Power of the meta-analysis that a new study, or several labs together, will update."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from metabone.errors import DataError, UsageError
from metabone.planning.predictive import LARGEST_N, Predictive, check_design

ASSUMED = "evidence"


def updated_power(
    n1: int,
    n2: int,
    predictive: Predictive,
    *,
    labs: int = 1,
    effect: float | str = ASSUMED,
    alpha: float = 0.05,
) -> float:
    """Chance that the pooled mean is significant, in its own direction, once new studies are in.

    The old mean θ has weight W = 1/SE², the new studies w = labs / (τ² + v), where
    v = 1/n1 + 1/n2 + δ²/(2 (n1 + n2)). With an assumed mean effect δ of the new studies the power
    is Φ((W θ + w δ − z √(W + w)) / √w) for θ ≥ 0, and its mirror image else. τ² and the variances
    count as known, as in the paper; the test is normal.

    Parameters
    ----------
    n1, n2 : animals a group in each new study.
    predictive : it must know its ``estimate``, ``se`` and ``tau``.
    labs : how many new studies of that size.
    effect : the mean effect δ assumed for them, or ``evidence``: normal around the old mean with
        its own standard error, so that the answer is a predictive power.

    Raises
    ------
    UsageError
        For impossible numbers.
    DataError
        If the predictive does not say what it was made of.

    References
    ----------
    Roloff, Higgins & Sutton (2013), doi:10.1002/sim.5514.

    Examples
    --------
    >>> old = Predictive(0.6, 0.79, estimate=0.6, se=0.35, tau=0.5**0.5)
    >>> [round(updated_power(n, n, old, effect=0.8), 4) for n in (6, 10, 20)]
    [0.442, 0.4849, 0.5235]
    """
    check_design(n1, n2, alpha, 2)
    if not (labs >= 1 and labs == int(labs)):
        raise UsageError(f"labs must be a whole number of at least 1; got {labs!r}")
    theta = _old(predictive)[0]
    delta = _delta(effect, theta)
    variance = 1 / n1 + 1 / n2 + delta**2 / (2 * (n1 + n2))
    return _chance(predictive, labs, variance, effect, alpha)


def updated_ceiling(
    predictive: Predictive, *, labs: int = 1, effect: float | str = ASSUMED, alpha: float = 0.05
) -> float:
    """What `updated_power` tends to with ever more animals in each of the same number of labs.

    Examples
    --------
    >>> old = Predictive(0.6, 0.79, estimate=0.6, se=0.35, tau=0.5**0.5)
    >>> round(updated_ceiling(old, effect=0.8), 4)
    0.5701
    """
    return _chance(predictive, labs, 0.0, effect, alpha)


def n_for_update(
    target: float,
    predictive: Predictive,
    *,
    labs: int = 1,
    effect: float | str = ASSUMED,
    alpha: float = 0.05,
    largest: int = LARGEST_N,
) -> dict[str, Any]:
    """Fewest animals a group in each of `labs` new studies for a wanted power of the update.

    Returns
    -------
    ``target``, ``labs``, ``ceiling``, ``reachable``, ``n_per_group``, ``n_total`` over all labs and
    ``power``; the sizes are None where no number is enough.

    Examples
    --------
    >>> old = Predictive(0.6, 0.79, estimate=0.6, se=0.35, tau=0.5**0.5)
    >>> [n_for_update(0.8, old, labs=m, effect=0.8)["n_per_group"] for m in (2, 3, 4)]
    [None, 32, 9]
    """
    if not 0 < target < 1:
        raise UsageError(f"target must lie between 0 and 1, e.g. 0.8; got {target!r}")
    top = updated_ceiling(predictive, labs=labs, effect=effect, alpha=alpha)

    def at(n: int) -> float:
        return updated_power(n, n, predictive, labs=labs, effect=effect, alpha=alpha)

    answer: dict[str, Any] = {
        "target": target, "labs": labs, "ceiling": top, "reachable": False, "n_per_group": None,
        "n_total": None, "power": None,
    }  # fmt: skip
    n = next((n for n in _doubling(largest) if at(n) >= target), None)
    if n is None:
        return answer
    low = n // 2
    while n - low > 1:
        middle = (low + n) // 2
        low, n = (low, middle) if middle >= 2 and at(middle) >= target else (middle, n)
    return answer | {
        "reachable": True, "n_per_group": n, "n_total": 2 * n * labs, "power": at(n),
    }  # fmt: skip


def _doubling(largest: int) -> list[int]:
    ns = [2]
    while ns[-1] < largest:
        ns.append(min(2 * ns[-1], largest))
    return ns


def _old(predictive: Predictive) -> tuple[float, float, float]:
    made = (predictive.estimate, predictive.se, predictive.tau)
    if any(value is None for value in made) or not predictive.se:
        raise DataError(
            f"the update of {predictive.label} needs its estimate, standard error and τ"
        )
    return float(made[0] or 0.0), float(made[1] or 0.0), float(made[2] or 0.0)


def _delta(effect: float | str, theta: float) -> float:
    if isinstance(effect, str):
        if effect != ASSUMED:
            raise UsageError(f"effect must be a number or {ASSUMED!r}; got {effect!r}")
        return theta
    if not np.isfinite(effect):
        raise UsageError(f"effect must be a finite number; got {effect!r}")
    return float(effect)


def _chance(
    predictive: Predictive, labs: int, variance: float, effect: float | str, alpha: float
) -> float:
    theta, se, tau = _old(predictive)
    delta = _delta(effect, theta)
    sign = 1.0 if theta >= 0 else -1.0
    old = 1 / se**2
    if tau**2 + variance == 0:
        # Infinitely many animals and no heterogeneity: the new studies tell δ itself.
        return float(sign * delta > 0)
    new = labs / (tau**2 + variance)
    critical = -float(ndtri(alpha / 2))
    # What the new studies' own mean will be varies by 1/w, and by SE² if δ is not assumed.
    spread = np.sqrt(new + (new**2 / old if isinstance(effect, str) else 0.0))
    return float(
        ndtr((sign * (old * theta + new * delta) - critical * np.sqrt(old + new)) / spread)
    )
