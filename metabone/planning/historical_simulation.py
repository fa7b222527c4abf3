"""What borrowing historical controls really does to type I error and power, by simulation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from metabone.errors import UsageError
from metabone.planning.historical import MapPrior
from metabone.planning.mixtures import NormalMixture
from metabone.planning.predictive import check_design, power

FloatArray = NDArray[np.float64]

# Replicates at a time: a few megabytes with a hundred components.
CHUNK = 4000


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """One state of nature: how far the new study's control mean lies from the prior's.

    Parameters
    ----------
    drift : true control mean minus the prior's mean, in the endpoint's unit.
    type1 : chance of a significant difference, either way, if the treatment does nothing.
    type1_benefit : the part of it in the direction of the wanted effect.
    power : chance of a significant difference in the direction of the effect.
    type1_error, power_error : Monte Carlo standard errors.
    power_alone : power of Student's t-test without the historical animals (exact).
    """

    drift: float
    type1: float
    type1_benefit: float
    power: float
    type1_error: float
    power_error: float
    power_alone: float

    def to_dict(self) -> dict[str, Any]:
        """The point as JSON prints it."""
        return {name: getattr(self, name) for name in self.__slots__}


def operating_characteristics(
    prior: MapPrior | NormalMixture,
    n_treated: int,
    n_control: int,
    effect: float,
    *,
    sd: float | None = None,
    drift: Sequence[float] = (0.0,),
    alpha: float = 0.05,
    replicates: int = 100_000,
    seed: int = 1,
) -> list[OperatingPoint]:
    """Simulate studies that borrow, and count.

    The treated mean has a flat prior. A difference is significant when its posterior probability
    reaches Φ(t), t being the upper alpha/2 quantile of Student's t with n_treated + n_control − 2
    df, and the SD that of the new animals: without borrowing this is the t-test. All drifts
    see the same random numbers.

    Parameters
    ----------
    effect : true difference, treated minus control, not 0.
    sd : true SD of one animal; by default that of the prior.
    drift : true control means, as distances from the prior's mean.

    Raises
    ------
    UsageError
        For impossible numbers.

    Examples
    --------
    >>> wide = NormalMixture.of([1], [0], [1e6])
    >>> point = operating_characteristics(wide, 6, 6, 1.5, sd=1, replicates=20_000)[0]
    >>> bool(abs(point.type1 - 0.05) < 4 * point.type1_error)
    True
    """
    check_design(n_treated, n_control, alpha, 2)
    mixture = prior.mixture if isinstance(prior, MapPrior) else prior
    sd = prior.sd if sd is None and isinstance(prior, MapPrior) else sd
    if sd is None or not (np.isfinite(sd) and sd > 0):
        raise UsageError(f"sd must be a positive number; got {sd!r}")
    if not (np.isfinite(effect) and effect != 0):
        raise UsageError(f"effect must be a finite number other than 0; got {effect!r}")
    if not (isinstance(replicates, int) and replicates >= 100):
        raise UsageError(f"replicates must be a whole number of at least 100; got {replicates!r}")
    alone = power(effect / sd, n_treated, n_control, alpha=alpha)
    points = []
    for distance in drift:
        hits = np.zeros(3)
        for arms in _studies(n_treated, n_control, sd, replicates, seed):
            hits += _count(mixture, arms, (n_treated, n_control), float(distance), effect, alpha)
        low, high, right = (float(hit) / replicates for hit in hits)
        type1 = low + high
        points.append(
            OperatingPoint(
                drift=float(distance), type1=type1, type1_benefit=high if effect > 0 else low,
                power=right, type1_error=_error(type1, replicates),
                power_error=_error(right, replicates), power_alone=alone,
            )
        )  # fmt: skip
    return points


def _studies(
    n_treated: int, n_control: int, sd: float, replicates: int, seed: int
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """Errors of both means, and SDs, of all studies: the sufficient statistics, chunk by chunk."""
    rng, df = np.random.default_rng(seed), n_treated + n_control - 2
    for start in range(0, replicates, CHUNK):
        size = min(CHUNK, replicates - start)
        yield (
            rng.standard_normal(size) * sd / np.sqrt(n_treated),
            rng.standard_normal(size) * sd / np.sqrt(n_control),
            sd * np.sqrt(rng.chisquare(df, size) / df),
        )


def _count(
    mixture: NormalMixture,
    arms: tuple[FloatArray, FloatArray, FloatArray],
    sizes: tuple[int, int],
    drift: float,
    effect: float,
    alpha: float,
) -> FloatArray:
    """Significant studies: lower and higher without an effect, and in its direction with it."""
    treated, control, s = arms
    true = mixture.mean + drift
    weights, means, sds = mixture.posterior(true + control, s / np.sqrt(sizes[1]))
    spread = np.hypot(sds, (s / np.sqrt(sizes[0]))[:, None])
    bar = float(ndtr(-stdtrit(sum(sizes) - 2, alpha / 2)))

    def above(shift: float) -> FloatArray:
        z = ((true + shift + treated)[:, None] - means) / spread
        return np.asarray((weights * ndtr(z)).sum(axis=1))

    none, real = above(0.0), above(effect)
    right = real > bar if effect > 0 else real < 1 - bar
    return np.array([(none < 1 - bar).sum(), (none > bar).sum(), right.sum()], dtype=float)


def _error(rate: float, replicates: int) -> float:
    return float(np.sqrt(rate * (1 - rate) / replicates))
