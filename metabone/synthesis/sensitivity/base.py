"""What every sensitivity analysis starts from: the effects, the model, and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from metabone.errors import DataError, UsageError
from metabone.models.intervals import check_level
from metabone.options import DeletionUnit, check_option
from metabone.synthesis.checks import refuse_mixtures
from metabone.synthesis.choice import (
    Sharing,
    check_methods,
    check_random,
    check_sharing,
    choose_model,
    make_pooler,
    with_covariance,
)
from metabone.synthesis.results import Estimate
from metabone.synthesis.univariate import Pooler

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.dependence import BlockCovariance
    from metabone.effects.table import EffectTable
    from metabone.models.multilevel import MultilevelFit
    from metabone.synthesis.multilevel import Multilevel


@dataclass(frozen=True, slots=True)
class Base:
    """The effects as the model takes them, how it pools them, and the pooled answer.

    `given` are the effects as they came, before controls were split.
    """

    given: EffectTable
    effects: EffectTable
    model: str
    reason: str
    tau2: str
    ci: str
    level: float
    sharing: Sharing
    random: tuple[str, ...]
    pooler: Pooler
    overall: Estimate
    warnings: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """The effects, one row each."""
        return self.effects.frame

    @property
    def multilevel(self) -> bool:
        """Whether effects depend on each other in the model."""
        return self.model == "multilevel"

    def fit(self) -> MultilevelFit:
        """The multilevel fit of all effects."""
        return cast("Multilevel", self.pooler).fit(self.frame, None)

    def options(self) -> dict[str, Any]:
        """The options as `metabone.synthesis.regression.regress` takes them."""
        return {
            "model": self.model, "tau2": self.tau2, "ci": self.ci, "level": self.level,
            "random": self.random, **self.sharing.to_dict(),
        }  # fmt: skip


def prepare(
    effects: EffectTable,
    *,
    model: str = "auto",
    tau2: str = "REML",
    ci: str | None = None,
    level: float = 0.95,
    rho: float = 0.5,
    control: str = "exact",
    rho_table: Sequence[Mapping[str, Any]] | None = None,
    time_decay: float | None = None,
    random: Sequence[str] = (),
) -> Base:
    """Check the options and pool all effects; parameters and errors as for
    `metabone.synthesis.pool.pool`.
    """
    level = check_level(level)
    sharing = check_sharing(rho, control, rho_table, time_decay)
    refuse_mixtures(effects)
    model, reason = choose_model(effects, model)
    tau2, ci, pi = check_methods(model, tau2, ci, None)
    factors = check_random(effects, random, model)
    covariance: BlockCovariance | None = None
    used = effects
    told: tuple[str, ...] = ()
    if model == "multilevel":
        used, covariance = with_covariance(effects, sharing)
        told = covariance.warnings
    pooler = make_pooler(used, covariance, tau2=tau2, ci=ci, pi=pi, level=level, random=factors)
    overall = pooler.pool(used.frame)
    if not overall.converged:
        told = (*told, "the estimate of the heterogeneity did not converge")
    return Base(
        effects, used, model, reason, tau2, ci, level, sharing, factors, pooler, overall, told
    )


@dataclass(frozen=True, slots=True)
class Unit:
    """An effect, or a study with all its effects: `places` in the frame, spreadsheet `rows`."""

    label: str
    study: str
    rows: tuple[int, ...]
    places: tuple[int, ...]


def units(frame: pd.DataFrame, by: str) -> list[Unit]:
    """The studies of a frame in the order of their names, or its effects in their own order.

    Raises
    ------
    UsageError
        If `by` is neither ``study`` nor ``effect``.
    """
    by = check_option("by", by, DeletionUnit)
    study = frame["study"].to_numpy(str)
    rows = np.array([int(row) for row in frame.index])
    if by == "study":
        found = []
        for name in np.unique(study):
            places = np.flatnonzero(study == name)
            found.append(Unit(str(name), str(name), tuple(rows[places].tolist()),
                              tuple(places.tolist())))  # fmt: skip
        return found
    names, counts = np.unique(study, return_counts=True)
    several = set(names[counts > 1].tolist())
    return [
        Unit(f"{name} (row {row})" if name in several else str(name), str(name), (row,), (place,))
        for place, (name, row) in enumerate(zip(study.tolist(), rows.tolist(), strict=True))
    ]


def check_by(base: Base, by: str | None) -> str:
    """Whom diagnostics are about: studies in the multilevel model, effects in the other.

    Raises
    ------
    UsageError
        For a word that is neither, or one that the model cannot answer.
    """
    default = "study" if base.multilevel else "effect"
    if by is None:
        return default
    by = check_option("by", by, DeletionUnit)
    if base.multilevel and by == "effect":
        raise UsageError(
            "effects of one study depend on each other, so the multilevel model judges whole "
            "studies; use --model univariate to judge effects one by one"
        )
    if not base.multilevel and by == "study" and base.overall.k_studies < base.effects.k:
        raise UsageError(
            "the univariate model knows no studies and judges effects one by one; use --model "
            "multilevel to judge studies"
        )
    return by


def fewest(base: Base, by: str, least: int, what: str) -> None:
    """Refuse an analysis of fewer studies or effects than it takes.

    Raises
    ------
    DataError
        If there are fewer than `least`.
    """
    count = base.overall.k_studies if by == "study" else base.effects.k
    if count < least:
        noun = {"study": "studies", "effect": "effects"}[by]
        raise DataError(f"{what} takes {least} {noun} or more, and there are {count}")
