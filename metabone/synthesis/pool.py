"""Random-effects pooling of an effect table: overall, by strata, between strata."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from metabone._version import __version__
from metabone.errors import UsageError
from metabone.models.intervals import check_level
from metabone.options import (
    DEFAULT_PI,
    CIMethod,
    PIMethod,
    StrataTau2,
    Tau2Method,
    check_option,
    nearest,
)
from metabone.synthesis.checks import refuse_mixtures, warn_dependence, warn_mixtures
from metabone.synthesis.estimates import pool_frame
from metabone.synthesis.results import Estimate, PoolResult
from metabone.synthesis.strata import pool_strata

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable


def pool(
    effects: EffectTable,
    *,
    by: Sequence[str | tuple[str, ...]] = (),
    tau2: str = "REML",
    ci: str = "hksj",
    pi: str | None = None,
    strata_tau2: str = "separate",
    level: float = 0.95,
) -> PoolResult:
    """Pool effects in a random-effects model.

    Parameters
    ----------
    effects : the effect table, of one measure.
    by : columns to stratify by; a tuple of two columns is a two-way table, whose empty cells are
        kept.
    tau2 : estimator of the between-study variance: REML, ML, DL, PM, EB, HE, HS, SJ, or EE (equal
        effects).
    ci : ``hksj``, ``hksj_adhoc`` or ``wald``.
    pi : ``t_k_minus_1``, ``t_k_minus_2`` or ``normal``; by default the first with Hartung-Knapp
        and the last with Wald intervals.
    strata_tau2 : ``separate`` or ``common`` τ² of the strata.
    level : level of all intervals.

    Raises
    ------
    DataError
        If fewer than two effects are left, or they must not be pooled (see `refuse_mixtures`).
    UsageError
        For an unknown option or column.

    References
    ----------
    Hartung & Knapp (2001), doi:10.1002/sim.791; Higgins, Thompson & Spiegelhalter (2009),
    doi:10.1111/j.1467-985X.2008.00552.x (prediction); Viechtbauer (2007), doi:10.1002/sim.2514
    (interval of τ²).
    """
    tau2 = check_option("tau2", tau2, Tau2Method)
    ci = check_option("ci", ci, CIMethod)
    pi = check_option("pi", pi or DEFAULT_PI[ci], PIMethod)
    strata_tau2 = check_option("strata_tau2", strata_tau2, StrataTau2)
    groupings = [_check_columns(effects, entry) for entry in by]
    check_level(level)
    refuse_mixtures(effects)
    overall = pool_frame(effects.frame, tau2=tau2, ci=ci, pi=pi, level=level)
    strata, between = pool_strata(
        effects.frame, groupings, tau2=tau2, ci=ci, pi=pi, level=level,
        common=strata_tau2 == "common",
    )  # fmt: skip
    return PoolResult(
        effects=effects,
        outcome=" + ".join(sorted(effects.frame["outcome"].dropna().unique())),
        overall=overall,
        strata=strata,
        between=between,
        model="univariate",
        tau2_method=tau2,
        ci_method=ci,
        pi_method=pi,
        strata_tau2=strata_tau2,
        level=level,
        warnings=tuple(_warnings(effects, overall, ci)),
        version=__version__,
    )


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
    messages = warn_dependence(effects.frame) + warn_mixtures(effects)
    if not overall.converged:
        messages.append("the estimate of tau2 did not converge")
    if math.isnan(overall.se):
        messages.append(
            "all effects are the same, so Hartung-Knapp gives no interval; use hksj_adhoc or wald"
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
