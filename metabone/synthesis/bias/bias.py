"""Small-study effects of an effect table: every test, every corrected mean, and what to think."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from metabone._version import __version__
from metabone.errors import DataError, ModelError, UsageError
from metabone.models.intervals import check_level
from metabone.options import TrimEstimator, choices
from metabone.synthesis.bias import counts
from metabone.synthesis.bias.predictors import Choice, choose_predictors, leaning
from metabone.synthesis.bias.regressions import Regressor, asymmetry_test, pet_peese, time_lag
from metabone.synthesis.bias.results import (
    AsymmetryTest,
    BiasResult,
    LeftOut,
    TimeLag,
    TrimFill,
)
from metabone.synthesis.bias.selection import Asked, Selection, check_models
from metabone.synthesis.bias.selection import select as fit_selection
from metabone.synthesis.bias.units import Counted, single_effects, study_means
from metabone.synthesis.choice import check_sharing, row_places, with_covariance
from metabone.synthesis.pool import pool

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable
    from metabone.synthesis.results import PoolResult

T = TypeVar("T")

# Tests take at least so many independent units, and have little power below so many.
FEWEST, FEW = 3, 10
# A standardised mean that is small by Cohen's convention: Orwin's target unless one is given.
SMALL_EFFECT = 0.2
YEAR = "year"


def bias(
    effects: EffectTable,
    *,
    predictor: str | Sequence[str] = "auto",
    model: str = "auto",
    tau2: str = "REML",
    ci: str | None = None,
    level: float = 0.95,
    rho: float = 0.5,
    control: str = "exact",
    rho_table: Sequence[Mapping[str, Any]] | None = None,
    time_decay: float | None = None,
    random: Sequence[str] = (),
    year: str | None = None,
    target: float | None = None,
    alpha: float = 0.05,
    selection: Sequence[Sequence[float]] = (),
    selection_side: str = "auto",
    bootstrap: int = 0,
    seed: int = 1,
    workers: int = 1,
) -> BiasResult:
    """Ask whether small studies differ from large ones, and what the mean would be without them.

    Parameters
    ----------
    effects : the effect table, of one measure.
    predictor : what the regression tests regress on, one or several: ``sei``, ``vi``, ``sqrtninv``
        (1/√N), ``ninv`` (1/N), ``arms`` (√(1/n1 + 1/n2)); ``auto`` is ``arms`` for standardised
        effects, whose standard error holds the effect itself, and ``sei`` for others. The first is
        that of PET-PEESE.
    model : ``univariate``, ``multilevel`` or ``auto``, as in `metabone.synthesis.pool.pool`. In the
        multilevel model the regressions are multilevel with CR2 errors, and the methods for
        independent effects (ranks, trim and fill, limit, fail-safe N, excess significance) take
        one mean for each study.
    tau2, ci, level, rho, control, rho_table, time_decay, random : as in
        `metabone.synthesis.pool.pool`.
    year : column with the year of each study; by default ``year`` where the table has it.
    target : of Orwin's fail-safe N; by default 0.2 for standardised mean differences.
    alpha : level of significance of an effect (two-sided, excess significance) and of the combined
        test (one-sided, Rosenthal's fail-safe N).
    selection : selection models, each by its steps of one-sided p: ``[(0.025,), (0.025, 0.5)]`` are
        the three- and the four-parameter model; τ² is 0 where `tau2` is ``EE``.
    selection_side : ``greater``, ``less``, or ``auto``, the direction of the unadjusted ML mean.
    bootstrap : replicates of whole studies for percentile intervals of the selection models; 0 for
        none. `seed` makes it reproducible, whatever number of `workers` (processes) shares it.

    Raises
    ------
    DataError
        For fewer than three effects or studies that can be counted, or effects that must not be
        pooled.
    UsageError
        For an unknown option or column.

    References
    ----------
    Egger et al. (1997), doi:10.1136/bmj.315.7109.629; Begg & Mazumdar (1994), doi:10.2307/2533446;
    Duval & Tweedie (2000), doi:10.1111/j.0006-341X.2000.00455.x; Stanley & Doucouliagos (2014),
    doi:10.1002/jrsm.1095; Rücker et al. (2011), doi:10.1093/biostatistics/kxq046; Ioannidis &
    Trikalinos (2007), doi:10.1177/1740774507079441; Zwetsloot et al. (2017),
    doi:10.7554/eLife.24260; Pustejovsky & Rodgers (2019), doi:10.1002/jrsm.1332; Vevea & Hedges
    (1995), doi:10.1007/BF02294384.
    """
    level = check_level(level)
    _check_numbers(alpha, target)
    models, side = check_models(selection, selection_side, bootstrap)
    pooled = pool(
        effects, model=model, tau2=tau2, ci=ci, level=level, rho=rho, control=control,
        rho_table=rho_table, time_decay=time_decay, random=random,
    )  # fmt: skip
    regressor, counted = _prepare(effects, pooled)
    _refuse_few(counted)
    effects = pooled.effects
    predictors = choose_predictors(effects, predictor)
    out = _Left()
    tests = _asymmetry(regressor, effects, predictors, out)
    options = _univariate_options(pooled)
    mean = pooled.overall.estimate
    lag, told = _time(regressor, effects, year, out)
    asked = Asked(models, side, pooled.tau2_method != "EE", level, bootstrap, seed, workers)
    selected = _selected(effects, pooled.model == "multilevel", asked, out)
    return BiasResult(
        pooled=pooled, unit=counted.unit, units=counted.units,
        predictors=tuple(one.name for one in predictors), asymmetry=tests,
        rank=out.attempt("rank", lambda: counts.ranks(counted)),
        trim_fill=_trim(counted, options, out),
        pet_peese=out.attempt(
            "pet_peese", lambda: pet_peese(regressor, effects.frame, predictors[0].name, mean)
        ),
        limit=out.attempt("limit", lambda: counts.limits(counted, **options)),
        fail_safe=counts.fail_safe(counted, target=_target(effects, target), alpha=alpha),
        excess=counts.excess(counted, tau2=pooled.tau2_method, alpha=alpha),
        time_lag=lag, left_out=tuple(out.lines), level=level,
        warnings=(*pooled.warnings, *_warnings(effects, counted, predictors, out), *told,
                  *(words for one in selected for words in one.warnings)),
        version=__version__, selection=selected,
    )  # fmt: skip


def _check_numbers(alpha: float, target: float | None) -> None:
    if not 0 < alpha < 0.5:
        raise UsageError(f"alpha must lie between 0 and 0.5; got {alpha!r}")
    if target is not None and not 0 < abs(target) < float("inf"):
        raise UsageError(f"target must be a number other than 0; got {target!r}")


class _Left:
    """Collects the parts that have no answer."""

    def __init__(self) -> None:
        self.lines: list[LeftOut] = []

    def attempt(self, part: str, answer: Callable[[], T]) -> T | None:
        """The answer, or None with its reason in the ledger."""
        try:
            return answer()
        except (DataError, ModelError) as error:
            self.lines.append(LeftOut(part, str(error)))
            return None


def _prepare(effects: EffectTable, pooled: PoolResult) -> tuple[Regressor, Counted]:
    if pooled.model != "multilevel":
        made = Regressor(pooled.tau2_method, pooled.ci_method, pooled.level, None)
        return made, single_effects(pooled.effects)
    from metabone.synthesis.multilevel import Multilevel

    sharing = check_sharing(
        float(pooled.rho or 0.0), str(pooled.control), pooled.rho_table, pooled.time_decay
    )
    table, covariance = with_covariance(effects, sharing)
    multilevel = Multilevel(
        pooled.tau2_method, pooled.ci_method, pooled.pi_method, pooled.level, covariance,
        row_places(table.frame), pooled.random,
    )  # fmt: skip
    made = Regressor(pooled.tau2_method, pooled.ci_method, pooled.level, multilevel)
    return made, study_means(table, multilevel.blocks(table.frame), pooled.overall)


def _refuse_few(counted: Counted) -> None:
    k = len(counted.yi)
    if k < FEWEST:
        raise DataError(
            f"{k} {'studies' if counted.unit == 'study' else 'effects'} cannot tell small from "
            f"large ones; small-study effects take {FEWEST} or more, and {FEW} to say much"
        )


def _univariate_options(pooled: PoolResult) -> dict[str, Any]:
    """Options of the methods for independent effects: those of the model, or their like."""
    ci = pooled.ci_method
    if pooled.model != "univariate":
        ci = "wald" if ci == "wald" else "hksj"
    return {"tau2": pooled.tau2_method, "ci": ci, "level": pooled.level}


def _asymmetry(
    regressor: Regressor, effects: EffectTable, predictors: Sequence[Choice], out: _Left
) -> tuple[AsymmetryTest, ...]:
    found = []
    for choice in predictors:
        for form in regressor.forms:
            name = f"asymmetry ({choice.name}, {form})"
            ask = partial(asymmetry_test, regressor, effects.frame, choice, form)
            test = out.attempt(name, ask)
            if test is not None:
                found.append(test)
    return tuple(found)


def _trim(counted: Counted, options: Mapping[str, Any], out: _Left) -> tuple[TrimFill, ...]:
    """Both estimators."""
    found = []
    for name in choices(TrimEstimator):
        ask = partial(counts.trimmed, counted, name, **options)
        one = out.attempt(f"trim_fill ({name})", ask)
        if one is not None:
            found.append(one)
    return tuple(found)


def _selected(
    effects: EffectTable, clustered: bool, asked: Asked, out: _Left
) -> tuple[Selection, ...]:
    """The selection models, of single effects also where these depend on each other."""
    single = single_effects(effects)
    study = [str(name) for name in effects.frame["study"]]
    found = []
    for steps in asked.models:
        ask = partial(fit_selection, single, study, asked, steps, clustered)
        one = out.attempt(f"selection ({', '.join(f'{step:g}' for step in steps)})", ask)
        if one is not None:
            found.append(one)
    return tuple(found)


def _time(
    regressor: Regressor, effects: EffectTable, year: str | None, out: _Left
) -> tuple[TimeLag | None, tuple[str, ...]]:
    if year is None and YEAR not in effects.frame.columns:
        out.lines.append(LeftOut("time_lag", "the table has no column year; name one"))
        return None, ()
    if year is None and effects.frame[YEAR].isna().all():
        out.lines.append(LeftOut("time_lag", "the column year is blank"))
        return None, ()
    if year is not None:
        # What was asked for by name is an error where it cannot be answered.
        return time_lag(regressor, effects, year)
    answer = out.attempt("time_lag", lambda: time_lag(regressor, effects, YEAR))
    return (None, ()) if answer is None else answer


def _target(effects: EffectTable, target: float | None) -> float | None:
    if target is not None:
        return abs(target)
    return SMALL_EFFECT if effects.measure in ("SMD", "SMDH", "SMD1") else None


def _warnings(
    effects: EffectTable, counted: Counted, predictors: Sequence[Choice], out: _Left
) -> list[str]:
    found = []
    k = len(counted.yi)
    if k < FEW:
        noun = "studies" if counted.unit == "study" else "effects"
        found.append(
            f"{k} {noun}: with fewer than {FEW} these tests have little power, so that no sign of "
            "asymmetry says little"
        )
    found += [one.warning for one in predictors if one.warning]
    if counted.variance == "vi" and leaning(effects, "vi"):
        found.append(
            f"the rank correlation, trim and fill and the limit meta-analysis go by the sampling "
            f"variance, which holds the {effects.measure} itself: they see asymmetry without any "
            "bias, the more so the larger the effects"
        )
    said = {line.part for line in out.lines}
    if any(part.startswith("asymmetry") for part in said):
        reason = next(line.reason for line in out.lines if line.part.startswith("asymmetry"))
        found.append(f"no regression test of asymmetry: {reason}")
    found += [
        f"no selection model {line.part.removeprefix('selection ')}: {line.reason}"
        for line in out.lines
        if line.part.startswith("selection")
    ]
    return found
