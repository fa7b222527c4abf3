"""Which effects or studies sway the pooled mean, and where heterogeneity comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.models import influence as arrays
from metabone.synthesis.sensitivity.base import Base, Unit, check_by, fewest, prepare, units
from metabone.synthesis.sensitivity.influence_results import (
    BaujatPoint,
    BaujatResult,
    InfluenceLine,
    InfluenceResult,
)
from metabone.synthesis.univariate import effect_arrays

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable

FloatArray = NDArray[np.float64]


def influence(effects: EffectTable, by: str | None = None, **options: Any) -> InfluenceResult:
    """Case diagnostics of the pooled mean: residuals, DFFITS, Cook's distance and the rest.

    Parameters
    ----------
    effects : the effect table, of one measure.
    by : ``study`` (the default of the multilevel model) or ``effect`` (of the univariate one).
    options : as for `metabone.synthesis.pool.pool`: model, tau2, ci, level, rho, control,
        rho_table, time_decay, random. The diagnostics rest on the model's own standard errors,
        whatever `ci`.

    Raises
    ------
    DataError
        If there are fewer than three effects or studies, or they must not be pooled.
    ModelError
        If a further random factor crosses the studies.
    UsageError
        For an unknown option, or effects one by one in the multilevel model.

    References
    ----------
    Viechtbauer & Cheung (2010), doi:10.1002/jrsm.11.
    """
    return diagnose(prepare(effects, **options), by)


def baujat(effects: EffectTable, by: str | None = None, **options: Any) -> BaujatResult:
    """Each effect's (or study's) part in Q, against how far the pooled mean moves without it.

    The part in Q is around the mean without heterogeneity, so that the parts add up to the Q of the
    pooled answer. The move is the squared change of that answer over its variance without the
    effect; with ``tau2="EE"`` both are as Baujat and colleagues have them.

    Parameters
    ----------
    effects, by, options : as for `influence`.

    Raises
    ------
    DataError, ModelError, UsageError
        As for `influence`.

    References
    ----------
    Baujat et al. (2002), doi:10.1002/sim.1221.
    """
    return locate(prepare(effects, **options), by)


def diagnose(base: Base, by: str | None = None) -> InfluenceResult:
    """`influence` of effects that are prepared."""
    by = check_by(base, by)
    fewest(base, by, 3, "influence")
    if base.multilevel:
        from metabone.models.cluster_influence import cluster_influence

        found = cluster_influence(base.fit())
    else:
        found = arrays.influence(*effect_arrays(base.frame), method=base.tau2)
    lines = _lines(units(base.frame, by), found)
    return InfluenceResult(
        by, lines, found.thresholds(), base.overall, base.effects, base.model
    )  # fmt: skip


def _lines(members: Sequence[Unit], found: arrays.Influence) -> tuple[InfluenceLine, ...]:
    flags = found.flags()
    columns = {
        name: getattr(found, name).tolist()
        for name in (
            "rstudent", "dffits", "cook_d", "cov_ratio", "hat", "weight", "tau2_deleted",
            "q_deleted",
        )
    }  # fmt: skip
    return tuple(
        InfluenceLine(
            label=unit.label,
            row=unit.rows[0],
            study=unit.study,
            rows=unit.rows,
            dfbetas=float(found.dfbetas[i, 0]),
            flags=tuple(name for name, mask in flags.items() if mask[i]),
            **{name: values[i] for name, values in columns.items()},
        )
        for i, unit in enumerate(members)
    )


def locate(base: Base, by: str | None = None) -> BaujatResult:
    """`baujat` of effects that are prepared."""
    by = check_by(base, by)
    fewest(base, by, 3, "a Baujat plot")
    if base.multilevel:
        part, moved = _by_study(base)
    else:
        part, moved = arrays.baujat(*effect_arrays(base.frame), method=base.tau2)
    points = tuple(
        BaujatPoint(unit.label, unit.rows[0], unit.study, q, size)
        for unit, q, size in zip(
            units(base.frame, by), part.tolist(), moved.tolist(), strict=True
        )
    )  # fmt: skip
    return BaujatResult(by, points, base.overall, base.effects, base.model)


def _by_study(base: Base) -> tuple[FloatArray, FloatArray]:
    from metabone.models.cluster_influence import clusters_of, q_parts
    from metabone.models.refits import leave_one_cluster_out

    fit = base.fit()
    rest = leave_one_cluster_out(fit)
    moved = (fit.coef[0] - rest.coef[:, 0]) ** 2 / rest.vcov[:, 0, 0]
    return q_parts(clusters_of(fit)), moved
