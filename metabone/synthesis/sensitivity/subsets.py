"""The pooled answer of all subsets of the studies, or of a sample of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metabone.errors import UsageError
from metabone.models import gosh as arrays
from metabone.synthesis.sensitivity.base import Base, fewest, prepare, units
from metabone.synthesis.sensitivity.resampling_results import GoshResult
from metabone.synthesis.univariate import effect_arrays

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable

SAMPLE = 1_000_000


def gosh(
    effects: EffectTable, sample: int = SAMPLE, seed: int = 1, workers: int = 1, **options: Any
) -> GoshResult:
    """Pool every subset of the effects, or of the studies where effects depend on each other.

    In the multilevel model subsets are of whole studies. A study enters with its mean, given its
    sampling covariance and the variance within studies of the whole fit; the variance between
    studies is estimated in each subset. The subset of all studies gives the multilevel estimate.

    Parameters
    ----------
    effects : the effect table, of one measure.
    sample : the most subsets; where there are more, so many are drawn.
    seed : of the sample.
    workers : processes; the answer does not depend on it.
    options : as for `metabone.synthesis.pool.pool`: model, tau2, ci, level, rho, control,
        rho_table, time_decay, random.

    Raises
    ------
    DataError
        If there are fewer than three effects or studies, or they must not be pooled.
    UsageError
        For an unknown option, or random factors that cross the studies.

    References
    ----------
    Olkin, Dahabreh & Trikalinos (2012), doi:10.1002/jrsm.1053.
    """
    return fit_subsets(prepare(effects, **options), sample, seed, workers)


def fit_subsets(base: Base, sample: int = SAMPLE, seed: int = 1, workers: int = 1) -> GoshResult:
    """`gosh` of effects that are prepared."""
    unit = "study" if base.multilevel else "effect"
    fewest(base, unit, 3, "subsets")
    if base.multilevel:
        from metabone.models.cluster_influence import cluster_means

        if base.random:
            raise UsageError(
                "subsets of studies need random factors that lie within studies; leave out "
                f"{', '.join(base.random)}"
            )
        yi, vi = cluster_means(base.fit())
    else:
        yi, vi = effect_arrays(base.frame)
    found = arrays.gosh(yi, vi, sample=sample, seed=seed, method=base.tau2, n_jobs=workers)
    return GoshResult(
        estimate=found.estimate, tau2=found.tau2, i2=found.i2, size=found.size,
        members=found.members, labels=tuple(one.label for one in units(base.frame, unit)),
        unit=unit, complete=found.complete, seed=found.seed, overall=base.overall,
        effects=base.effects, model=base.model,
    )  # fmt: skip
