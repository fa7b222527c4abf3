"""The true effect that a new study may have, and the chance that the study shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from metabone.errors import UsageError
from metabone.options import check_option
from metabone.planning.chi import chi_rule, refine
from metabone.planning.designs.assurance import expected_range, passes, smallest_size
from metabone.planning.kernel import norm_cdf, t_cdf, t_isf

FloatArray = NDArray[np.float64]
Direction = Literal["evidence", "higher", "lower", "both"]

LARGEST_N = 100_000


@dataclass(frozen=True, slots=True)
class Predictive:
    """Distribution of the true standardised difference δ in one new study.

    δ = mean + scale · T, T with `df` degrees of freedom (infinite: normal).

    Parameters
    ----------
    mean, scale : on the scale of δ, treated minus control over the SD of one animal.
    df : degrees of freedom, any positive number.
    estimate, se, tau : what it was made of, on the same scale.
    k : studies behind it.
    label : what it is of.
    measure : measure that was pooled.
    better : which way is good for the animal, where the evidence says so.
    notes : sentences to read before using it.

    Raises
    ------
    UsageError
        If a number is not finite, the scale negative or df not positive.

    Examples
    --------
    >>> new = Predictive(1.5, (0.8**2 + 0.25**2) ** 0.5, 8)
    >>> [round(x, 4) for x in new.interval(0.95)]
    [-0.4328, 3.4328]
    """

    mean: float
    scale: float
    df: float = float("inf")
    estimate: float | None = None
    se: float | None = None
    tau: float | None = None
    k: int | None = None
    label: str = "overall"
    measure: str = "SMD"
    better: str | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mean) and np.isfinite(self.scale) and self.scale >= 0):
            raise UsageError(
                "a predictive distribution needs a finite mean and a scale of 0 or more; got "
                f"mean {self.mean!r} and scale {self.scale!r}"
            )
        if not self.df > 0:
            raise UsageError(f"df of a predictive distribution must be positive; got {self.df!r}")

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Prediction interval of δ at `level`."""
        return expected_range(self.mean, self.scale, self.df, level)

    def to_dict(self) -> dict[str, Any]:
        """The distribution as JSON prints it; `df` is None for the normal."""
        return {
            "mean": self.mean, "scale": self.scale, "df": None if np.isinf(self.df) else self.df,
            "estimate": self.estimate, "se": self.se, "tau": self.tau, "k": self.k,
            "label": self.label, "measure": self.measure, "better": self.better,
            "notes": list(self.notes),
        }  # fmt: skip


def assurance(
    n1: int,
    n2: int,
    predictive: Predictive,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    direction: str = "evidence",
) -> float:
    """Chance that a new study of two groups shows the effect, over what the true effect may be.

    The study succeeds when Student's t-test (pooled SD) rejects at `alpha` **and** the difference
    goes in `direction`. With δ a scaled mixture of normals by χ, and the t statistic likewise, it
    is the mean over two independent χ variables U (of the predictive's df) and S (n1 + n2 − 2) of
    Φ((m·mean − c·S) / √(1 + (m·scale/U)²)), m² = n1·n2/(n1 + n2).

    Parameters
    ----------
    n1, n2 : animals in the treated and the control group.
    predictive : distribution of the true effect; with scale 0 the answer is the power.
    alpha, sides : level of the test, which a two-sided test halves.
    direction : ``evidence`` (the way the mean of the predictive points), ``higher``, ``lower``, or
        ``both``, which also counts significant results in the wrong direction.

    Raises
    ------
    UsageError
        For an impossible size, level or direction.

    References
    ----------
    O'Hagan, Stevens & Campbell (2005), doi:10.1002/pst.175 (assurance); Higgins, Thompson &
    Spiegelhalter (2009), doi:10.1111/j.1467-985X.2008.00552.x (the predictive t).

    Examples
    --------
    >>> new = Predictive(1.5, (0.8**2 + 0.25**2) ** 0.5, 8)
    >>> [round(assurance(n, n, new), 4) for n in (8, 12, 20)]
    [0.666, 0.7488, 0.8178]
    """
    check_design(n1, n2, alpha, sides)
    signs = _signs(predictive, direction)
    dfe = n1 + n2 - 2
    m, cut = (n1 * n2 / (n1 + n2)) ** 0.5, t_isf(alpha / sides, dfe)
    known = predictive
    chances = [passes(m, dfe, cut, sign * known.mean, known.scale, known.df) for sign in signs]
    return min(1.0, sum(chances))


def assurance_known_sd(
    se: float,
    predictive: Predictive,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    direction: str = "evidence",
) -> float:
    """As `assurance`, for a z-test of an estimate whose standard error is known.

    Φ((mean − z·se) / √(se² + (scale/U)²)), averaged over the U of a predictive t.

    Parameters
    ----------
    se : standard error of the estimate, on the predictive's scale.

    References
    ----------
    O'Hagan, Stevens & Campbell (2005), doi:10.1002/pst.175.

    Examples
    --------
    >>> round(assurance_known_sd((2 / 10) ** 0.5, Predictive(1.0, 0.5)), 6)
    0.57302
    """
    check_design(2, 2, alpha, sides)
    if not (np.isfinite(se) and se > 0):
        raise UsageError(f"se must be a positive number; got {se!r}")
    signs, z = _signs(predictive, direction), -float(ndtri(alpha / sides))

    def value(halvings: int) -> FloatArray:
        u, weights = chi_rule(predictive.df if predictive.scale > 0 else np.inf, halvings)
        spread = np.hypot(se, predictive.scale / u)
        return np.asarray(
            sum(weights @ ndtr((sign * predictive.mean - z * se) / spread) for sign in signs)
        )

    return float(np.clip(refine(value), 0.0, 1.0))


def power(
    d: float,
    n1: int,
    n2: int,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    direction: str = "evidence",
) -> float:
    """Chance of success if the true effect is exactly `d`; see `assurance`.

    Examples
    --------
    >>> round(power(0.5, 64, 64), 4)
    0.8015
    """
    return assurance(
        n1, n2, Predictive(d, 0.0), alpha=alpha, sides=sides, direction=direction
    )  # fmt: skip


def ceiling(predictive: Predictive, *, direction: str = "evidence") -> float:
    """What the assurance tends to with ever more animals: the chance that δ has the right sign.

    Examples
    --------
    >>> round(ceiling(Predictive(1.5, (0.8**2 + 0.25**2) ** 0.5, 8)), 5)
    0.94435
    """
    signs = _signs(predictive, direction)
    if predictive.scale == 0:
        return float(any(sign * predictive.mean > 0 for sign in signs))
    z = predictive.mean / predictive.scale
    df = predictive.df
    tails = [norm_cdf(sign * z) if np.isinf(df) else t_cdf(sign * z, df) for sign in signs]
    return min(1.0, sum(tails))


def n_for_assurance(
    target: float,
    predictive: Predictive,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    direction: str = "evidence",
    ratio: float = 1.0,
    largest: int = LARGEST_N,
) -> dict[str, Any]:
    """Fewest animals for which the assurance reaches `target`, or that there is no such number.

    Parameters
    ----------
    target : wanted assurance, between 0 and 1.
    ratio : control animals for each treated one; the control group is rounded up.
    largest : where the search ends.

    Returns
    -------
    ``target``, ``ceiling``, ``reachable``, ``n1``, ``n2``, ``n_total``, ``assurance`` at that size
    and ``reason``; the sizes are None and the reason says why where there is no answer.

    Examples
    --------
    >>> new = Predictive(1.5, (0.8**2 + 0.25**2) ** 0.5, 8)
    >>> [n_for_assurance(target, new)["n1"] for target in (0.8, 0.9, 0.95)]
    [18, 81, None]
    """
    if not 0 < target < 1:
        raise UsageError(f"target must lie between 0 and 1, e.g. 0.8; got {target!r}")
    if not (np.isfinite(ratio) and ratio > 0):
        raise UsageError(f"ratio must be a positive number; got {ratio!r}")
    top = ceiling(predictive, direction=direction)

    def at(n1: int) -> float:
        n2 = sizes(n1, ratio)
        return assurance(n1, n2, predictive, alpha=alpha, sides=sides, direction=direction)

    answer: dict[str, Any] = {
        "target": target, "ceiling": top, "reachable": False, "n1": None, "n2": None,
        "n_total": None, "assurance": None, "reason": None,
    }  # fmt: skip
    if target >= top:
        why = f"no number of animals reaches {target:g}: the assurance stays below {top:.5g}"
        return answer | {"reason": why}
    n1 = smallest_size(at, target, largest)
    if n1 is None:
        why = f"{target:g} needs more than {largest} animals a group; the ceiling is {top:.5g}"
        return answer | {"reason": why}
    n2 = sizes(n1, ratio)
    return answer | {
        "reachable": True, "n1": n1, "n2": n2, "n_total": n1 + n2, "assurance": at(n1),
    }  # fmt: skip


def assurance_curve(
    sizes_treated: Sequence[int],
    predictive: Predictive,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    direction: str = "evidence",
    ratio: float = 1.0,
) -> list[float]:
    """The assurance at each number of treated animals."""
    return [
        assurance(n, sizes(n, ratio), predictive, alpha=alpha, sides=sides, direction=direction)
        for n in sizes_treated
    ]


def sizes(n1: int, ratio: float) -> int:
    """Whole control animals for `n1` treated ones, at least two."""
    return max(2, int(np.ceil(n1 * ratio - 1e-9)))


def check_design(n1: float, n2: float, alpha: float, sides: int) -> None:
    """Refuse sizes, levels and sides that no t-test has.

    Raises
    ------
    UsageError
        If so.
    """
    for name, n in (("n1", n1), ("n2", n2)):
        if not (np.isfinite(n) and n >= 2 and n == int(n)):
            raise UsageError(f"{name} must be a whole number of at least 2 animals; got {n!r}")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie between 0 and 1, e.g. 0.05; got {alpha!r}")
    if sides not in (1, 2):
        raise UsageError(f"sides must be 1 or 2; got {sides!r}")


def _signs(predictive: Predictive, direction: str) -> tuple[int, ...]:
    chosen = check_option("direction", direction, Direction)
    if chosen == "both":
        return (1, -1)
    if chosen == "evidence":
        return (1,) if predictive.mean >= 0 else (-1,)
    return (1,) if chosen == "higher" else (-1,)
