"""All sensitivity analyses of one pooled answer, those that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metabone._version import __version__
from metabone.errors import UsageError
from metabone.synthesis.checks import warn_dependence, warn_mixtures
from metabone.synthesis.sensitivity.base import Base, prepare
from metabone.synthesis.sensitivity.diagnostics import diagnose, locate
from metabone.synthesis.sensitivity.permutations import permute
from metabone.synthesis.sensitivity.refits import as_it_came, without_each
from metabone.synthesis.sensitivity.results import SensitivityResult
from metabone.synthesis.sensitivity.subsets import SAMPLE, fit_subsets

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable


def sensitivity(
    effects: EffectTable,
    *,
    leave_one_out: str | None = None,
    cumulative: str | None = None,
    influence: bool = False,
    baujat: bool = False,
    gosh: bool = False,
    gosh_sample: int = SAMPLE,
    permutation: int = 0,
    formula: str | None = None,
    seed: int = 1,
    workers: int = 1,
    **options: Any,
) -> SensitivityResult:
    """Ask how far a pooled answer hangs on single studies, on their order, and on its model.

    Without any question it leaves out each study and gives the influence diagnostics.

    Parameters
    ----------
    effects : the effect table, of one measure.
    leave_one_out : ``study`` or ``effect``; see `metabone.synthesis.sensitivity.refits`.
    cumulative : ``year``, ``precision``, ``quality`` or a column.
    influence, baujat : whether to give the diagnostics; see
        `metabone.synthesis.sensitivity.diagnostics`.
    gosh, gosh_sample : whether to pool all subsets, and the most of them.
    permutation : iterations of a permutation test; 0 for none.
    formula : moderators that the permutation test is about; None for the mean.
    seed : of the subsets and the permutations.
    workers : processes for both; the answers do not depend on it.
    options : as for `metabone.synthesis.pool.pool`: model, tau2, ci, level, rho, control,
        rho_table, time_decay, random.

    Raises
    ------
    DataError, ModelError
        If the effects cannot give an analysis that is asked for.
    UsageError
        For an unknown option.
    """
    if formula is not None and not permutation:
        raise UsageError("a formula is for the permutation test; say how many permutations")
    base = prepare(effects, **options)
    if not (leave_one_out or cumulative or influence or baujat or gosh or permutation):
        leave_one_out, influence = "study", True
    return SensitivityResult(
        effects=base.effects,
        outcome=" + ".join(sorted(base.frame["outcome"].dropna().unique())),
        overall=base.overall, model=base.model, model_reason=base.reason, tau2_method=base.tau2,
        ci_method=base.ci, level=base.level, warnings=_warnings(base), version=__version__,
        random=base.random, **(base.sharing.to_dict() if base.multilevel else {}),
        leave_one_out=without_each(base, leave_one_out) if leave_one_out else None,
        cumulative=as_it_came(base, cumulative) if cumulative else None,
        influence=diagnose(base) if influence else None,
        baujat=locate(base) if baujat else None,
        gosh=fit_subsets(base, gosh_sample, seed, workers) if gosh else None,
        permutation=permute(base, formula, permutation, seed, workers) if permutation else None,
    )  # fmt: skip


def _warnings(base: Base) -> tuple[str, ...]:
    told = [*base.warnings, *warn_mixtures(base.effects)]
    if not base.multilevel:
        told += warn_dependence(base.frame)
    if base.effects.synthetic:
        told.append("SYNTHETIC data: made by a script, not measured")
    return tuple(told)
