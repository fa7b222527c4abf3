"""Every declared analysis of one table: the curve, what moves it, and what it is under the null."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone._version import __version__
from metabone.effects.table import EffectTable
from metabone.errors import DataError, UsageError
from metabone.models.intervals import check_level, critical, two_sided_p
from metabone.options import Measure, Tau2Method, check_option, check_variance
from metabone.synthesis.choice import check_sharing, choose_model
from metabone.synthesis.choices.factors import (
    FACTORS,
    MULTILEVEL,
    SCALES,
    Factors,
    check_factors,
    default_factors,
)
from metabone.synthesis.choices.fits import Fits, experiment_codes, fit_all
from metabone.synthesis.choices.importance import importance
from metabone.synthesis.choices.inputs import (
    Inputs,
    Setting,
    SettingKey,
    data_as_they_are,
    setting_key,
)
from metabone.synthesis.choices.lattice import (
    Analysis,
    Ledger,
    count_declared,
    find_analyses,
    reference_of,
)
from metabone.synthesis.choices.outliers import rob_columns_of
from metabone.synthesis.choices.permutation import (
    Patterns,
    judge_curve,
    null_band,
    sign_patterns,
)
from metabone.synthesis.choices.results import (
    ChoicesResult,
    CurvePermutation,
    OptionLine,
    ScaleLine,
    Specification,
)

if TYPE_CHECKING:
    from metabone.extraction.table import StudyTable

FloatArray = NDArray[np.float64]

PERMUTATIONS = 500
#: Fewer studies than this cannot give a small p-value by flipping signs.
FEW_STUDIES = 6


def choices(
    table: StudyTable,
    factors: Mapping[str, Any] | None = None,
    *,
    measure: str = "SMD",
    variance: str = "LS",
    align: str = "none",
    unit: str | None = None,
    rho: float = 0.5,
    control: str = "exact",
    rho_table: Sequence[Mapping[str, Any]] | None = None,
    time_decay: float | None = None,
    tau2: str = "REML",
    ci: str | None = None,
    level: float = 0.95,
    permutations: int = PERMUTATIONS,
    seed: int = 1,
    workers: int = 1,
) -> ChoicesResult:
    """Analyse a table in every way that a list of options makes.

    Parameters
    ----------
    table : the selected rows of one question.
    factors : for each of ``measure variance rob outliers control rho cluster tau2 ci`` its options;
        the first of each is the reference analysis. A factor that is not named has its default
        list, which begins with the option below.
    measure, variance, rho, control, tau2, ci : of the reference analysis; see
        `metabone.synthesis.pool.pool`.
    align, unit, rho_table, time_decay : the same in every analysis.
    level : of the intervals; 1 − level is the limit of significance.
    permutations : sign patterns of the permutation test of the whole curve, 0 for none. All
        patterns are gone through where they are no more than that.
    seed : of the patterns that are drawn.
    workers : threads; the answer is the same for any number.

    Raises
    ------
    UsageError
        For an unknown factor or option, too many combinations, or first options that do not go
        together.
    DataError, ModelError
        If the reference analysis cannot be done.

    References
    ----------
    Simonsohn, Simmons & Nelson (2020), doi:10.1038/s41562-020-0912-z; Voracek, Kossmeier & Tran
    (2019), doi:10.1027/2151-2604/a000357.

    Examples
    --------
    >>> from metabone.extraction.reading import read_table
    >>> from metabone.extraction.where import select
    >>> rows = select(read_table("unloading"), where="assay == 'microCT'", outcome=("BV/TV",))
    >>> lists = {"measure": "SMD", "outliers": "none", "cluster": ["none", "averaged"]}
    >>> result = choices(rows, lists, permutations=0)
    >>> len(result.answered), result.declared
    (36, 72)
    """
    level = check_level(level)
    check_sharing(rho, control, rho_table, time_decay)
    if workers < 1:
        raise UsageError(f"workers must be 1 or more; got {workers}")
    sign_patterns(1, permutations, seed)  # refuses a wrong number before any work
    own = check_factors(factors or {})
    first = own.get("measure", (check_option("measure", measure, Measure),))[0]
    inputs = Inputs(table, align, unit, rho_table, time_decay)
    formula = "LS" if "measure" in own and "variance" not in own else variance
    effects = _probe(inputs, first, own.get("variance", (formula,))[0])
    multilevel = choose_model(effects, "auto")[0] == "multilevel"
    lists = default_factors(
        measure=first, variance=check_variance(first, formula), rho=rho, control=control,
        tau2=check_option("tau2", tau2, Tau2Method), ci=ci, multilevel=multilevel,
    )  # fmt: skip
    whole = {name: own.get(name, lists[name]) for name in FACTORS}
    count_declared(whole)
    whole, vanished = _without_choice(whole, effects, inputs)
    alike = _alike(inputs, effects)
    reference = reference_of(whole, alike)
    effects = inputs.start(reference)
    ledger = Ledger()
    analyses = list(find_analyses(whole, alike, ledger).values())
    settings = _settings(analyses, inputs, data_as_they_are(len(inputs.studies)))
    analyses = _different_data(analyses, settings, ledger)
    patterns = sign_patterns(len(inputs.studies), permutations, seed)
    fits = _fit(analyses, inputs, patterns, workers)
    specifications = _specifications(analyses, settings, fits, level)
    for one in specifications:
        if one.reason is not None:
            ledger.add("failed", one.reason)
    place = _place_of(reference, analyses, settings)
    if specifications[place].reason is not None:
        raise DataError(f"the reference analysis has no answer: {specifications[place].reason}")
    return _result(
        whole, vanished, ledger, specifications, fits, patterns, place, effects, level,
    )  # fmt: skip


def _probe(inputs: Inputs, measure: str, variance: str) -> EffectTable:
    """Effects of the first measure, by which the default lists are made."""
    name = check_variance(measure, variance)
    return inputs.start(
        Analysis({}, measure, name, "all", "none", "exact", None, "none", "REML", "wald")
    )


def _without_choice(
    factors: Factors, effects: EffectTable, inputs: Inputs
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """The lists without what this table gives no choice of, and why."""
    left, vanished = dict(factors), {}
    if len(factors["rob"]) > 1 and not rob_columns_of(effects.frame):
        vanished["rob"] = "the table has no risk-of-bias judgements (columns rob_…)"
    if len(factors["control"]) > 1 and not inputs.shares_controls():
        vanished["control"] = "no control group is shared by several arms"
    if len(factors["rho"]) > 1 and not effects.frame["study"].duplicated().any():
        vanished["rho"] = "every study gives one effect, so no two share animals"
    for name in vanished:
        left[name] = ("all",) if name == "rob" else factors[name][:1]
    return left, vanished


def _alike(inputs: Inputs, effects: EffectTable) -> dict[str, str]:
    """Clusters that are another one in this table."""
    alike = {}
    table = inputs.prepared((effects.measure, effects.variance, False))
    if isinstance(table, str):
        return alike
    if not effects.frame["study"].duplicated().any():
        alike["averaged"] = "none"
    if len(np.unique(experiment_codes(table))) == len(np.unique(table.study)):
        alike["experiment"] = "study"
    return alike


def _settings(
    analyses: Sequence[Analysis], inputs: Inputs, signs: FloatArray
) -> dict[SettingKey, Setting | str]:
    """The data of every analysis; tables and covariances are all made here, once each."""
    for one in analyses:
        inputs.prepared(setting_key(one)[:3])
        if one.rho is not None:
            inputs.covariance(setting_key(one)[:3], one.control, one.rho)
    missing = len(inputs.studies) - signs.shape[1]
    if missing:
        signs = np.hstack([signs, np.ones((len(signs), missing))])
    return {key: inputs.setting(key, signs) for key in dict.fromkeys(map(setting_key, analyses))}


def _data_key(analysis: Analysis, settings: Mapping[SettingKey, Setting | str]) -> Any:
    """What makes an analysis one of its own once the rows that it keeps are known."""
    setting = settings[setting_key(analysis)]
    if isinstance(setting, str):
        return analysis.key
    rest = (analysis.control, analysis.rho, analysis.cluster, analysis.tau2, analysis.ci)
    return (analysis.measure, analysis.variance, setting.masks[0].tobytes(), *rest)


def _different_data(
    analyses: Sequence[Analysis], settings: Mapping[SettingKey, Setting | str], ledger: Ledger
) -> list[Analysis]:
    """Leave out analyses whose rules keep the same effects as those of one before."""
    found: dict[Any, Analysis] = {}
    for one in analyses:
        key = _data_key(one, settings)
        if key not in found:
            found[key] = one
            continue
        first = found[key]
        parts = []
        if one.rob != first.rob:
            parts.append(f"risk of bias {one.rob} keeps what {first.rob} keeps")
        if one.outliers != first.outliers:
            parts.append(f"outlier rule {one.outliers} keeps what {first.outliers} keeps")
        ledger.add("same", "; ".join(parts))
    return list(found.values())


def _place_of(
    reference: Analysis,
    analyses: Sequence[Analysis],
    settings: Mapping[SettingKey, Setting | str],
) -> int:
    """Where the reference analysis stands; the first of those that are the same."""
    wanted = _data_key(reference, settings)
    return next(i for i, one in enumerate(analyses) if _data_key(one, settings) == wanted)


def _fit(
    analyses: Sequence[Analysis], inputs: Inputs, patterns: Patterns, workers: int
) -> Fits:
    return fit_all(
        analyses, inputs, _settings(analyses, inputs, patterns.signs), workers=workers
    )


def signed_z(estimate: FloatArray, pvalue: FloatArray) -> FloatArray:
    """The normal quantile of a two-sided p-value, with the sign of the estimate.

    Examples
    --------
    >>> signed_z(np.array([-1.0, 2.0]), np.array([0.05, 1.0])).round(2).tolist()
    [-1.96, 0.0]
    """
    from scipy.special import ndtri

    tail = np.maximum(pvalue / 2, np.finfo(float).tiny)
    z: FloatArray = np.sign(estimate) * np.abs(ndtri(tail))
    return z


def _pvalues(fits: Fits) -> FloatArray:
    """(S, F) two-sided p-values."""
    with np.errstate(invalid="ignore"):
        known = np.where(np.isfinite(fits.se), fits.estimate / fits.se, np.nan)
    return two_sided_p(known, fits.df)


def _specifications(
    analyses: Sequence[Analysis],
    settings: Mapping[SettingKey, Setting | str],
    fits: Fits,
    level: float,
) -> list[Specification]:
    pvalue = _pvalues(fits)[:, 0]
    z = signed_z(fits.estimate[:, 0], pvalue)
    half = critical(fits.df[:, 0], level) * fits.se[:, 0]
    found = []
    for i, one in enumerate(analyses):
        setting = settings[setting_key(one)]
        effects = studies = 0
        if isinstance(setting, Setting):
            effects = int(setting.masks[0].sum())
            studies = len(np.unique(setting.table.study[setting.masks[0]]))
        reason = fits.reasons.get(i)
        nothing = reason is not None
        estimate = math.nan if nothing else float(fits.estimate[i, 0])
        found.append(
            Specification(
                options=one.options, scale=SCALES[one.measure], estimate=estimate,
                se=math.nan if nothing else float(fits.se[i, 0]),
                df=math.nan if nothing else float(fits.df[i, 0]),
                ci_low=estimate - float(half[i]), ci_high=estimate + float(half[i]),
                pvalue=math.nan if nothing else float(pvalue[i]),
                z=math.nan if nothing else float(z[i]),
                tau2=math.nan if nothing else float(fits.tau2[i, 0]),
                k_studies=studies, k_effects=effects, reason=reason,
            )
        )  # fmt: skip
    return found


def _result(
    factors: Factors,
    vanished: Mapping[str, str],
    ledger: Ledger,
    specifications: Sequence[Specification],
    fits: Fits,
    patterns: Patterns,
    reference: int,
    effects: EffectTable,
    level: float,
) -> ChoicesResult:
    chosen = specifications[reference]
    order = sorted(
        range(len(specifications)), key=lambda i: _rank(specifications[i], chosen.scale, i)
    )
    ranked = [specifications[i] for i in order]
    answered = [i for i in order if specifications[i].reason is None]
    good = [specifications[i] for i in answered]
    on_scale = [one for one in good if one.scale == chosen.scale]
    several = {name: options for name, options in factors.items() if len(options) > 1}
    furthest = max(on_scale, key=lambda one: abs(one.estimate - chosen.estimate))
    permutation = _permutation(fits, answered, patterns, effects, level)
    options = [one.options for one in good]
    return ChoicesResult(
        specifications=tuple(ranked), reference=order.index(reference),
        most_different=ranked.index(furthest), factors=several,
        fixed={name: options[0] for name, options in factors.items() if len(options) == 1},
        vanished=vanished, declared=math.prod(len(options) for options in factors.values()),
        left_out=ledger.lines(), shares=_shares(good, chosen, level),
        importance=importance(
            [one.estimate for one in on_scale], [one.options for one in on_scale], several
        ),
        importance_z=importance([one.z for one in good], options, several),
        by_option=_by_option(several, good, chosen, level),
        scales=_scales(specifications, answered, fits, patterns, level),
        permutation=permutation, level=level,
        outcome=" + ".join(sorted(effects.frame["outcome"].dropna().unique())), effects=effects,
        warnings=tuple(_warnings(good, ledger, permutation, effects)), version=__version__,
    )  # fmt: skip


def _rank(one: Specification, scale: str, place: int) -> tuple[object, ...]:
    """The reference's scale first, by estimate; what failed last."""
    failed = one.reason is not None
    return failed, one.scale != scale, one.scale, 0.0 if failed else one.estimate, place


def _significant(one: Specification, level: float) -> bool:
    return one.pvalue < 1 - level


def _shares(
    good: Sequence[Specification], chosen: Specification, level: float
) -> dict[str, float]:
    same = np.array([one.estimate * chosen.estimate > 0 for one in good])
    significant = np.array([_significant(one, level) for one in good])
    return {
        "sign_changed": float((~same).mean()),
        "significance_changed": float((significant != _significant(chosen, level)).mean()),
        "significant": float(significant.mean()),
        "significant_same": float((significant & same).mean()),
        "significant_opposite": float((significant & ~same).mean()),
    }


def _by_option(
    factors: Factors, good: Sequence[Specification], chosen: Specification, level: float
) -> tuple[OptionLine, ...]:
    lines = []
    for factor, options in factors.items():
        for option in options:
            those = [one for one in good if one.options.get(factor) == option]
            here = [one.estimate for one in those if one.scale == chosen.scale]
            count = len(those)
            lines.append(
                OptionLine(
                    factor, option, count, float(np.median(here)) if here else math.nan,
                    _mean([_significant(one, level) for one in those]),
                    _mean([not one.estimate * chosen.estimate > 0 for one in those]),
                )
            )  # fmt: skip
    return tuple(lines)


def _mean(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else math.nan


def _scales(
    specifications: Sequence[Specification],
    answered: Sequence[int],
    fits: Fits,
    patterns: Patterns,
    level: float,
) -> tuple[ScaleLine, ...]:
    lines = []
    for scale in dict.fromkeys(specifications[i].scale for i in answered):
        those = [i for i in answered if specifications[i].scale == scale]
        estimates = np.array([specifications[i].estimate for i in those])
        band: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
        if len(patterns.signs) > 1:
            band = null_band(fits.estimate[those], level)
        measures = dict.fromkeys(specifications[i].options["measure"] for i in those)
        lines.append(
            ScaleLine(
                scale, tuple(measures), len(those), float(np.median(estimates)),
                float(estimates.min()), float(estimates.max()), *band,
            )
        )  # fmt: skip
    return tuple(lines)


def _permutation(
    fits: Fits, answered: Sequence[int], patterns: Patterns, effects: EffectTable, level: float
) -> CurvePermutation | None:
    if len(patterns.signs) < 2:
        return None
    pvalue = _pvalues(fits)[list(answered)]
    z = signed_z(fits.estimate[list(answered)], pvalue)
    significant = (pvalue < 1 - level).astype(float)
    return judge_curve(z, significant, patterns, studies=patterns.signs.shape[1], level=level)


def _warnings(
    good: Sequence[Specification],
    ledger: Ledger,
    permutation: CurvePermutation | None,
    effects: EffectTable,
) -> list[str]:
    told = []
    failed = sum(line.count for line in ledger.lines() if line.kind == "failed")
    if failed:
        told.append(f"{failed} analyses could not be done; left_out says why")
    counts = sorted({one.k_effects for one in good if one.options["outliers"] == "none"})
    if len(counts) > 1:
        told.append(
            f"not all analyses rest on the same effects: {counts[0]} to {counts[-1]} before any "
            "outlier rule, since not every row gives every measure"
        )
    if permutation is not None:
        if permutation.studies < FEW_STUDIES:
            told.append(
                f"with {permutation.studies} studies the permutation test cannot give a p-value "
                f"below {2.0 ** (1 - permutation.studies):.2g}"
            )
        if permutation.unanswered:
            told.append(
                f"{permutation.unanswered} fits under other signs gave no answer and do not count "
                "in the permutation test"
            )
    if effects.synthetic:
        told.append("SYNTHETIC data: made by a script, not measured")
    return told


__all__ = ["MULTILEVEL", "choices", "signed_z"]
