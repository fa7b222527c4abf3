"""Pooling of an effect table: overall, by strata, between strata, under other assumptions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from metabone._version import __version__
from metabone.errors import UsageError
from metabone.models.intervals import check_level
from metabone.options import StrataTau2, check_option, nearest
from metabone.synthesis.assumptions import other_assumptions
from metabone.synthesis.checks import (
    FEW_DF,
    refuse_mixtures,
    warn_dependence,
    warn_mixtures,
    warn_small_arms,
)
from metabone.synthesis.choice import (
    check_methods,
    check_random,
    check_sharing,
    choose_model,
    make_pooler,
    with_covariance,
)
from metabone.synthesis.results import Estimate, PoolResult, Stratum, WildAnswer
from metabone.synthesis.strata import pool_strata

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.dependence import BlockCovariance
    from metabone.effects.table import EffectTable
    from metabone.synthesis.multilevel import Multilevel


def pool(
    effects: EffectTable,
    *,
    by: Sequence[str | tuple[str, ...]] = (),
    model: str = "auto",
    tau2: str = "REML",
    ci: str | None = None,
    pi: str | None = None,
    strata_tau2: str = "separate",
    level: float = 0.95,
    rho: float = 0.5,
    control: str = "exact",
    rho_table: Sequence[Mapping[str, Any]] | None = None,
    time_decay: float | None = None,
    random: Sequence[str] = (),
    wild: int = 0,
    seed: int = 1,
) -> PoolResult:
    """Pool effects in a random-effects model.

    Parameters
    ----------
    effects : the effect table, of one measure.
    by : columns to stratify by; a tuple of two columns is a two-way table, whose empty cells are
        kept and whose cells also get partially pooled means.
    model : ``univariate`` takes effects as independent; ``multilevel`` nests them in studies, with
        the covariance of their sampling errors; ``auto`` takes the second where a study gives more
        than one effect.
    tau2 : estimator of the between-study variance: REML, ML, DL, PM, EB, HE, HS, SJ, or EE (equal
        effects); the multilevel model has REML and ML.
    ci : ``hksj``, ``hksj_adhoc`` or ``wald`` of the univariate model; ``cr2``, ``cr1``, ``cr0``,
        ``t`` or ``wald`` of the multilevel one. The first of each is the default.
    pi : ``t_k_minus_1``, ``t_k_minus_2`` or ``normal`` (the default with ``wald``); in the
        multilevel model k is the number of studies.
    strata_tau2 : ``separate`` or ``common`` heterogeneity of the strata.
    level : level of all intervals.
    rho : correlation of the sampling errors of different outcomes, sites, assays and times of the
        same animals.
    control : how shared controls enter: ``exact`` covariance, ``split``, or ``ignore``.
    rho_table, time_decay : pairs and times whose correlation is known better, see
        `metabone.effects.dependence.sampling_covariance`.
    random : further random factors of the multilevel model, columns that may cross the studies
        (strain, laboratory).
    wild : replicates of a cluster wild bootstrap of the overall mean; 0 for none.
    seed : of the bootstrap.

    Raises
    ------
    DataError
        If fewer than two effects are left, or they must not be pooled (see `refuse_mixtures`).
    UsageError
        For an unknown option or column, or one that the model does not have.

    References
    ----------
    Hartung & Knapp (2001), doi:10.1002/sim.791; Higgins, Thompson & Spiegelhalter (2009),
    doi:10.1111/j.1467-985X.2008.00552.x (prediction); Viechtbauer (2007), doi:10.1002/sim.2514
    (interval of τ²); Van den Noortgate et al. (2013), doi:10.3758/s13428-012-0261-6 (levels);
    Pustejovsky & Tipton (2022), doi:10.1007/s11121-021-01246-3 (working models and CR2).
    """
    strata_tau2 = check_option("strata_tau2", strata_tau2, StrataTau2)
    groupings = [_check_columns(effects, entry) for entry in by]
    level = check_level(level)
    sharing = check_sharing(rho, control, rho_table, time_decay)
    refuse_mixtures(effects)
    model, reason = choose_model(effects, model)
    tau2, ci, pi = check_methods(model, tau2, ci, pi)
    factors = check_random(effects, random, model)
    if wild and model != "multilevel":
        raise UsageError(
            "the wild bootstrap belongs to the multilevel model; use --model multilevel"
        )
    make = partial(make_pooler, tau2=tau2, ci=ci, pi=pi, level=level, random=factors)
    covariance = None
    given = effects
    if model == "multilevel":
        effects, covariance = with_covariance(effects, sharing)
    pooler = make(effects, covariance)
    overall = pooler.overall(effects.frame)
    strata, between = pool_strata(effects.frame, groupings, pooler, common=strata_tau2 == "common")
    multilevel = None if covariance is None else cast("Multilevel", pooler)
    strata, doubts = _draw_together(strata, groupings, effects.frame, multilevel, level)
    told = (*_dependence(effects, covariance), *_warnings(effects, overall, ci), *doubts)
    answer = PoolResult(
        effects=effects, outcome=_outcome(effects), overall=overall, strata=strata,
        between=between, model=model, model_reason=reason, tau2_method=tau2, ci_method=ci,
        pi_method=pi, strata_tau2=strata_tau2, level=level, warnings=told,
        version=__version__,
    )  # fmt: skip
    if multilevel is None:
        return answer
    lines = other_assumptions(given, lambda table, V: make(table, V).pool(table.frame), sharing)
    means = multilevel.study_means(effects.frame, overall)
    bootstrap, doubts = _bootstrap(multilevel, effects.frame, replicates=wild, seed=seed)
    return replace(
        answer, studies=means, assumptions=lines, random=factors, wild=bootstrap,
        warnings=(*told, *doubts), **sharing.to_dict(),
    )  # fmt: skip


def _draw_together(
    strata: tuple[Stratum, ...],
    groupings: Sequence[tuple[str, ...]],
    frame: pd.DataFrame,
    multilevel: Multilevel | None,
    level: float,
) -> tuple[tuple[Stratum, ...], tuple[str, ...]]:
    """The strata, cells of two-way tables with partially pooled means, and doubts of these."""
    if all(len(names) < 2 for names in groupings):
        return strata, ()
    # The multilevel modules are loaded where an answer needs them, and not before.
    from metabone.synthesis.partial import add_partial

    blocks = None if multilevel is None else multilevel.blocks(frame)
    return add_partial(strata, frame, blocks, level=level)


def _bootstrap(
    multilevel: Multilevel, frame: pd.DataFrame, *, replicates: int, seed: int
) -> tuple[WildAnswer | None, tuple[str, ...]]:
    """The wild bootstrap, if there shall be one, and what to say of it."""
    if not replicates:
        return None, ()
    answer, doubts = multilevel.wild(frame, replicates=replicates, seed=seed)
    return answer, tuple(f"wild bootstrap: {text}" for text in doubts)


def _outcome(effects: EffectTable) -> str:
    return " + ".join(sorted(effects.frame["outcome"].dropna().unique()))


def _dependence(effects: EffectTable, covariance: BlockCovariance | None) -> list[str]:
    """What to say of effects that depend on each other."""
    if covariance is None:
        return warn_dependence(effects.frame)
    return list(covariance.warnings)


def _check_columns(effects: EffectTable, entry: str | tuple[str, ...]) -> tuple[str, ...]:
    names = (entry,) if isinstance(entry, str) else tuple(entry)
    for name in names:
        if name not in effects.frame.columns:
            close = nearest(name, [str(column) for column in effects.frame.columns])
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise UsageError(f"by: the table has no column {name!r}{hint}")
    if not 1 <= len(set(names)) == len(names) <= 2:
        raise UsageError(f"by takes one column or two different ones; got {', '.join(names)}")
    return names


def _warnings(effects: EffectTable, overall: Estimate, ci: str) -> list[str]:
    messages = warn_mixtures(effects) + warn_small_arms(effects, overall.estimate)
    if not overall.converged:
        messages.append("the estimate of the heterogeneity did not converge")
    if math.isnan(overall.se):
        how = "Hartung-Knapp gives no interval; use hksj_adhoc or wald"
        if overall.sigma2 is not None:
            how = "there is no cluster-robust interval; use t or wald"
        messages.append(f"all effects are the same, so {how}")
    elif 0 < overall.df < FEW_DF and overall.sigma2 is not None:
        messages.append(
            f"{overall.df:.1f} degrees of freedom: the interval and its p-value hang on very few "
            "studies"
        )
    elif ci == "hksj" and _narrower_than_wald(effects, overall):
        messages.append(
            "the Hartung-Knapp standard error is smaller than Wald's here; hksj_adhoc does not "
            "allow that"
        )
    if effects.synthetic:
        messages.append("SYNTHETIC data: made by a script, not measured")
    return messages


def _narrower_than_wald(effects: EffectTable, overall: Estimate) -> bool:
    wald = 1 / math.sqrt(float((1 / (effects.vi + overall.tau2)).sum()))
    return overall.se < wald
