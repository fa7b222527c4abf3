"""The pooled answer without each study or effect, and as evidence came in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, ModelError
from metabone.models.influence import Deletions, fit_parts
from metabone.options import DeletionUnit, check_option
from metabone.synthesis.counting import count_studies
from metabone.synthesis.sensitivity.base import Base, Unit, fewest, prepare, units
from metabone.synthesis.sensitivity.influence_results import RefitLine, Refits
from metabone.synthesis.sensitivity.order import Step, steps
from metabone.synthesis.univariate import effect_arrays

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable

BoolArray = NDArray[np.bool_]


def leave_one_out(effects: EffectTable, by: str = "study", **options: Any) -> Refits:
    """Pool the effects again without each study, or without each effect.

    Each refit is what `metabone.synthesis.pool.pool` says of the rest: heterogeneity, intervals and
    degrees of freedom are estimated anew.

    Parameters
    ----------
    effects : the effect table, of one measure.
    by : ``study`` or ``effect``: what is left out.
    options : as for `metabone.synthesis.pool.pool`: model, tau2, ci, level, rho, control,
        rho_table, time_decay, random.

    Raises
    ------
    DataError
        If there are fewer than three studies (or effects), or they must not be pooled.
    UsageError
        For an unknown option.

    References
    ----------
    Viechtbauer & Cheung (2010), doi:10.1002/jrsm.11.
    """
    return without_each(prepare(effects, **options), by)


def cumulative(effects: EffectTable, by: str = "year", **options: Any) -> Refits:
    """Pool the first study, the first two, and so on.

    Parameters
    ----------
    effects : the effect table, of one measure.
    by : ``year`` (a column of that name, else the year in the study's name), ``precision`` (the
        smallest sampling variance first), ``quality`` (the most risk-of-bias items judged low
        first, then the fewest judged high), or a column. Where its value differs within a study,
        effects come one by one, else whole studies. Ties come in the order of the names.
    options : as for `leave_one_out`.

    Raises
    ------
    DataError
        If there are fewer than two steps, or a study has no value to be ordered by.
    UsageError
        For a column that the table does not have, or an unknown option.

    References
    ----------
    Lau et al. (1992), doi:10.1056/NEJM199207233270406.
    """
    return as_it_came(prepare(effects, **options), by)


def without_each(base: Base, by: str = "study") -> Refits:
    """`leave_one_out` of effects that are prepared."""
    by = check_option("by", by, DeletionUnit)
    found = units(base.frame, by)
    fewest(base, by, 3, "leaving one out")
    include = np.ones((len(found), base.effects.k), dtype=bool)
    for i, unit in enumerate(found):
        include[i, list(unit.places)] = False
    lines = _lines(base, found, include, [None] * len(found))
    return Refits("leave_one_out", by, lines, base.overall, base.effects, base.level, base.model)


def as_it_came(base: Base, by: str = "year") -> Refits:
    """`cumulative` of effects that are prepared."""
    found: list[Step] = steps(base, by)
    if len(found) < 2:
        raise DataError(f"a cumulative analysis takes two studies or more; there is {len(found)}")
    include = np.zeros((len(found), base.effects.k), dtype=bool)
    for i, step in enumerate(found):
        include[i:, list(step.unit.places)] = True
    lines = _lines(
        base, [step.unit for step in found], include, [step.value for step in found]
    )  # fmt: skip
    return Refits("cumulative", by, lines, base.overall, base.effects, base.level, base.model)


def _lines(
    base: Base, found: Sequence[Unit], include: BoolArray, values: Sequence[str | None]
) -> tuple[RefitLine, ...]:
    if base.multilevel:
        triples = zip(found, include, values, strict=True)
        return tuple(_multilevel_line(base, *triple) for triple in triples)
    yi, vi = effect_arrays(base.frame)
    rest = fit_parts(yi, vi, include, method=base.tau2, test=base.ci)
    return tuple(
        _univariate_line(base, rest, i, unit, include[i], values[i]) for i, unit in enumerate(found)
    )


def _univariate_line(
    base: Base, rest: Deletions, i: int, unit: Unit, on: BoolArray, value: str | None
) -> RefitLine:
    low, high = rest.ci(base.level)
    reason = None
    if math.isnan(float(rest.se[i, 0])):
        reason = "these effects are all the same, so there is no interval"
    return RefitLine(
        label=unit.label, study=unit.study, rows=unit.rows,
        k_studies=count_studies(base.frame[on]), k_effects=int(rest.k[i]),
        estimate=float(rest.coef[i, 0]), se=float(rest.se[i, 0]), df=float(rest.df[i]),
        ci_low=float(low[i, 0]), ci_high=float(high[i, 0]), pvalue=float(rest.pvalue[i, 0]),
        tau2=float(rest.tau2[i]), i2=float(rest.i2[i]), q=float(rest.q[i]), value=value,
        reason=reason,
    )  # fmt: skip


def _multilevel_line(base: Base, unit: Unit, on: BoolArray, value: str | None) -> RefitLine:
    frame = base.frame[on]
    studies = count_studies(frame)
    shared: dict[str, Any] = {
        "label": unit.label, "study": unit.study, "rows": unit.rows, "k_studies": studies,
        "k_effects": len(frame), "value": value,
    }  # fmt: skip
    if studies == 1:
        return _one_study(base, on, shared)
    try:
        one = base.pooler.pool(frame)
    except (DataError, ModelError) as error:
        return _empty(shared, str(error))
    low, high = one.ci(base.level)
    return RefitLine(
        **shared, estimate=one.estimate, se=one.se, df=one.df, ci_low=low, ci_high=high,
        pvalue=one.pvalue, tau2=one.tau2, i2=one.i2, q=one.q,
        reason=None if one.converged else "the estimate of the heterogeneity did not converge",
    )  # fmt: skip


def _one_study(base: Base, on: BoolArray, shared: dict[str, Any]) -> RefitLine:
    """A study alone: its mean given its sampling errors, with no heterogeneity to see."""
    from metabone.models.sampling import cluster_sampling

    fit = base.fit()
    rows = np.flatnonzero(on)
    code = int(fit.problem.codes["study"][rows[0]])
    inside = np.flatnonzero(np.isin(np.flatnonzero(fit.problem.codes["study"] == code), rows))
    covariance = cluster_sampling(fit)[code][np.ix_(inside, inside)]
    y = fit.problem.yi[rows]
    inverse = np.linalg.solve(covariance, np.ones(len(rows)))
    variance = 1 / float(inverse.sum())
    mean = variance * float(inverse @ y)
    q = float((y - mean) @ np.linalg.solve(covariance, y - mean))
    nan = math.nan
    return RefitLine(
        **shared, estimate=mean, se=math.sqrt(variance), df=0.0, ci_low=nan, ci_high=nan,
        pvalue=nan, tau2=0.0, i2=0.0, q=q, reason="one study: its own mean, and no interval",
    )  # fmt: skip


def _empty(shared: dict[str, Any], reason: str) -> RefitLine:
    nan = math.nan
    return RefitLine(
        **shared, estimate=nan, se=nan, df=nan, ci_low=nan, ci_high=nan, pvalue=nan, tau2=nan,
        i2=nan, q=nan, reason=reason,
    )  # fmt: skip
