"""The overall answer under other assumptions on what effects share: rho and control mode."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from metabone.errors import DataError, ModelError
from metabone.options import Control, choices
from metabone.synthesis.choice import Sharing, with_covariance
from metabone.synthesis.results import Assumption, Estimate

if TYPE_CHECKING:
    from metabone.effects.dependence import BlockCovariance
    from metabone.effects.table import EffectTable

RHO = (0.2, 0.5, 0.8)
Fit = Callable[["EffectTable", "BlockCovariance"], Estimate]


def other_assumptions(effects: EffectTable, fit: Fit, sharing: Sharing) -> tuple[Assumption, ...]:
    """Fit again under each of `combinations`.

    A combination that has no answer has NaN for one: its covariance is not positive definite, or
    too few controls are left to split.
    """
    return tuple(
        _line(effects, fit, one, chosen=one == sharing) for one in combinations(effects, sharing)
    )


def combinations(effects: EffectTable, sharing: Sharing) -> list[Sharing]:
    """Rho 0.2, 0.5, 0.8 (and the one chosen) with each way of treating controls.

    What a table or a time decay says of single pairs stays. Ways that change nothing, since no
    control is shared, are not listed.
    """
    shared = effects.frame.duplicated(["study", "control_id"], keep=False)
    shared &= effects.frame["control_id"].notna()
    ways = choices(Control) if shared.any() else (sharing.control,)
    values = sorted({*RHO, sharing.rho})
    return [replace(sharing, rho=value, control=way) for value in values for way in ways]


def _line(effects: EffectTable, fit: Fit, sharing: Sharing, *, chosen: bool) -> Assumption:
    rho, control = sharing.rho, sharing.control
    try:
        one = fit(*with_covariance(effects, sharing))
    except (DataError, ModelError):
        nan = math.nan
        return Assumption(rho, control, nan, nan, nan, nan, nan, nan, chosen)
    low, high = one.ci()
    return Assumption(rho, control, one.estimate, one.se, one.df, low, high, one.tau2, chosen)
