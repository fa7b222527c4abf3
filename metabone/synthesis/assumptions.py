"""The overall answer under other assumptions on what effects share: rho and control mode."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from metabone.errors import DataError, ModelError
from metabone.options import Control, choices
from metabone.synthesis.choice import with_covariance
from metabone.synthesis.results import Assumption, Estimate

if TYPE_CHECKING:
    from metabone.effects.dependence import BlockCovariance
    from metabone.effects.table import EffectTable

RHO = (0.2, 0.5, 0.8)
Fit = Callable[["EffectTable", "BlockCovariance"], Estimate]


def other_assumptions(
    effects: EffectTable, fit: Fit, *, rho: float, control: str
) -> tuple[Assumption, ...]:
    """Fit again under each of `combinations`.

    A combination that has no answer (its covariance is not positive definite) has NaN for one.
    """
    return tuple(
        _line(effects, fit, value, way, chosen=(value, way) == (rho, control))
        for value, way in combinations(effects, rho=rho, control=control)
    )


def combinations(effects: EffectTable, *, rho: float, control: str) -> list[tuple[float, str]]:
    """Rho 0.2, 0.5, 0.8 (and the one chosen) with each way of treating controls.

    Ways that change nothing, since no control is shared, are not listed.
    """
    shared = effects.frame.duplicated(["study", "control_id"], keep=False)
    shared &= effects.frame["control_id"].notna()
    ways = choices(Control) if shared.any() else (control,)
    return [(value, way) for value in sorted({*RHO, rho}) for way in ways]


def _line(effects: EffectTable, fit: Fit, rho: float, control: str, *, chosen: bool) -> Assumption:
    try:
        one = fit(*with_covariance(effects, control=control, rho=rho))
    except (DataError, ModelError):
        nan = math.nan
        return Assumption(rho, control, nan, nan, nan, nan, nan, nan, chosen)
    low, high = one.ci()
    return Assumption(rho, control, one.estimate, one.se, one.df, low, high, one.tau2, chosen)
