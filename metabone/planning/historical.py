"""Historical control groups to a prior of the control mean in a new study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from metabone.errors import DataError, UsageError
from metabone.planning.historical_groups import ControlGroup, control_groups
from metabone.planning.mixtures import NormalMixture

__all__ = ["ControlGroup", "MapPrior", "control_groups", "map_prior"]

FloatArray = NDArray[np.float64]

# Nodes for τ, and how many scales of its prior they reach: beyond 7 lies 1e-12 of it.
NODES, REACH = 96, 7.0
# Components that weigh less than this are left out.
NEGLIGIBLE = 1e-12


@dataclass(frozen=True, slots=True)
class MapPrior:
    """Meta-analytic-predictive prior of the control mean.

    Parameters
    ----------
    mixture : the prior, a mixture of normals over the nodes of τ.
    sd : SD of one animal; `effective_animals` is in animals of that SD.
    tau_scale : scale of the half-normal prior of τ.
    tau_mean, tau_sd : posterior mean and SD of τ.
    studies, animals : what it rests on.
    robust_weight : weight of the vague part that was added, 0 for none.
    """

    mixture: NormalMixture
    sd: float
    tau_scale: float
    tau_mean: float
    tau_sd: float
    studies: int
    animals: int
    robust_weight: float = 0.0

    def effective_animals(self, method: str = "elir") -> float:
        """The prior's effective sample size in animals; see `NormalMixture.ess`."""
        return self.mixture.ess(self.sd, method)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Equal-tailed interval of the control mean in a new study."""
        tail = (1 - level) / 2
        return self.mixture.quantile(tail), self.mixture.quantile(1 - tail)

    def robust(
        self, weight: float = 0.2, mean: float | None = None, sd: float | None = None
    ) -> MapPrior:
        """With a vague part, so that a conflict with the new animals makes the prior give way.

        Parameters
        ----------
        weight : prior probability that the new study is not like the old ones.
        mean : of the vague part, by default that of the prior.
        sd : of the vague part, by default that of one animal, so that it is worth one animal, or
            that of the prior where this is wider.
        """
        if self.robust_weight:
            raise UsageError("the prior already has a vague part")
        wide = max(self.sd, self.mixture.sd)
        mixture = self.mixture.robust(
            weight, self.mixture.mean if mean is None else mean, wide if sd is None else sd
        )
        return MapPrior(
            mixture, self.sd, self.tau_scale, self.tau_mean, self.tau_sd, self.studies,
            self.animals, weight,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The prior as JSON prints it."""
        low, high = self.interval()
        return {
            "mean": self.mixture.mean, "sd": self.mixture.sd, "low": low, "high": high,
            "animal_sd": self.sd, "tau_prior": f"half-normal({self.tau_scale:g})",
            "tau_mean": self.tau_mean, "tau_sd": self.tau_sd, "studies": self.studies,
            "animals": self.animals, "robust_weight": self.robust_weight,
            "effective_animals_elir": self.effective_animals("elir"),
            "effective_animals_moment": self.effective_animals("moment"),
        }  # fmt: skip


def map_prior(
    groups: Sequence[ControlGroup],
    *,
    sd: float | None = None,
    tau_scale: float | None = None,
    mean_prior: tuple[float, float] | None = None,
) -> MapPrior:
    """The distribution of a new study's control mean, given those of old studies.

    Means are normal around their study's true mean with sd²/n, true means normal around μ with τ²;
    μ is flat or normal, τ half-normal. τ is integrated numerically, the rest in closed form.

    Parameters
    ----------
    groups : one control group a study.
    sd : SD of one animal, by default the pooled SD of the groups.
    tau_scale : scale of the half-normal prior of τ, by default the larger of `sd` and the SD of the
        study means: bone labs differ by more than their animals do. For human trials half of
        `sd` is usual.
    mean_prior : mean and SD of a normal prior of μ; flat by default.

    Raises
    ------
    DataError
        For fewer than two studies, or two groups of one study.
    UsageError
        For an SD or scale that is not positive.

    References
    ----------
    Neuenschwander et al. (2010), doi:10.1177/1740774509356002; Schmidli et al. (2014),
    doi:10.1111/biom.12242.

    Examples
    --------
    >>> groups = [ControlGroup("a", 12, 18.0, 4.0), ControlGroup("b", 10, 21.0, 5.0),
    ...           ControlGroup("c", 8, 19.5, 4.5)]
    >>> prior = map_prior(groups)
    >>> round(prior.mixture.mean, 1), round(prior.effective_animals(), 1)
    (19.5, 5.0)
    """
    studies = [group.study for group in groups]
    if len(groups) < 2:
        raise DataError(f"a prior needs control groups of at least 2 studies; got {len(groups)}")
    if len(set(studies)) < len(studies):
        raise DataError("a prior takes one control group a study; combine those of one study")
    n = np.array([group.n for group in groups], dtype=float)
    y = np.array([group.mean for group in groups])
    if sd is None:
        squares = np.array([group.sd for group in groups]) ** 2
        sd = float(np.sqrt((n - 1) @ squares / (n - 1).sum()))
    scale = max(sd, float(y.std(ddof=1))) if tau_scale is None else tau_scale
    for name, value in (("sd", sd), ("tau_scale", scale)):
        if not (np.isfinite(value) and value > 0):
            raise UsageError(f"{name} must be a positive number; got {value!r}")
    v = sd**2 / n
    tau, tau_weights = _tau_nodes(scale, float(np.sqrt(v.min())))
    log_w, means, variances = _given_tau(y, v, tau, mean_prior)
    log_w += np.log(tau_weights) - tau**2 / (2 * scale**2)
    weights = np.exp(log_w - log_w.max())
    weights /= weights.sum()
    tau_mean = float(weights @ tau)
    kept = weights > NEGLIGIBLE
    return MapPrior(
        mixture=NormalMixture.of(
            weights[kept], means[kept], np.sqrt(variances[kept] + tau[kept] ** 2)
        ),
        sd=sd, tau_scale=scale, tau_mean=tau_mean,
        tau_sd=float(np.sqrt(weights @ (tau - tau_mean) ** 2)), studies=len(groups),
        animals=int(n.sum()),
    )  # fmt: skip


def _tau_nodes(scale: float, least: float) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes and weights of τ, evenly spread in asinh(τ / t₀).

    t₀ is the smaller of the prior's scale and the smallest standard error, so that a posterior much
    narrower than the prior has its nodes as well.
    """
    small = min(scale, least)
    x, w = leggauss(NODES)
    top = np.arcsinh(REACH * scale / small)
    u = (x + 1) / 2 * top
    return small * np.sinh(u), w / 2 * top * small * np.cosh(u)


def _given_tau(
    y: FloatArray, v: FloatArray, tau: FloatArray, mean_prior: tuple[float, float] | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log marginal likelihood, mean and variance of μ at each τ, (t,) each."""
    m0, precision = 0.0, 0.0
    if mean_prior is not None:
        m0, s0 = mean_prior
        if not (np.isfinite(m0) and np.isfinite(s0) and s0 > 0):
            raise UsageError(f"mean_prior must be a mean and a positive SD; got {mean_prior!r}")
        precision = 1 / s0**2
    w = 1 / (v + tau[:, None] ** 2)
    total = w.sum(axis=1) + precision
    mean = (w @ y + precision * m0) / total
    misfit = (w * (y - mean[:, None]) ** 2).sum(axis=1) + precision * (m0 - mean) ** 2
    return (np.log(w).sum(axis=1) - np.log(total) - misfit) / 2, mean, 1 / total
