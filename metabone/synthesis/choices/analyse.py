"""Every declared analysis of one table: the curve, what moves it, and what it is under the null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.effects.table import EffectTable
from metabone.errors import DataError, UsageError
from metabone.models.intervals import check_level
from metabone.options import Measure, Tau2Method, check_option, check_variance
from metabone.synthesis.choice import check_sharing, choose_model
from metabone.synthesis.choices.digest import digest, specify
from metabone.synthesis.choices.factors import (
    FACTORS,
    Factors,
    check_factors,
    default_factors,
)
from metabone.synthesis.choices.fits import Fits, experiment_codes, fit_all
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
    sign_patterns,
)
from metabone.synthesis.choices.results import ChoicesResult

if TYPE_CHECKING:
    from metabone.extraction.table import StudyTable

FloatArray = NDArray[np.float64]

PERMUTATIONS = 500


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
    workers: int | None = 1,
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
    workers : threads, None for as many as there are cores; the answer is the same for any number.

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
    (64, 144)
    """
    level = check_level(level)
    check_sharing(rho, control, rho_table, time_decay)
    if workers is not None and workers < 1:
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
    fits = _fit(analyses, inputs, patterns, workers or -1)
    specifications = specify(analyses, settings, fits, level)
    for one in specifications:
        if one.reason is not None:
            ledger.add("failed", one.reason)
    place = _place_of(reference, analyses, settings)
    if specifications[place].reason is not None:
        raise DataError(f"the reference analysis has no answer: {specifications[place].reason}")
    return digest(
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
    elif len(factors["rho"]) > 1 and not _rho_matters(factors["rho"], effects, inputs):
        vanished["rho"] = "no two effects are of the same animals"
    for name in vanished:
        left[name] = ("all",) if name == "rob" else factors[name][:1]
    return left, vanished


def _rho_matters(options: Sequence[str], effects: EffectTable, inputs: Inputs) -> bool:
    """Whether the sampling covariance changes with rho."""
    key = (effects.measure, effects.variance, False)
    first, last = (
        inputs.covariance(key, "exact", float(rho)) for rho in (min(options), max(options))
    )
    if isinstance(first, str) or isinstance(last, str):
        return True
    pairs = zip(first.blocks, last.blocks, strict=True)
    return any(not np.array_equal(one, other) for one, other in pairs)


def _alike(inputs: Inputs, effects: EffectTable) -> dict[str, str]:
    """Clusters that are another one in this table."""
    alike: dict[str, str] = {}
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


def _fit(analyses: Sequence[Analysis], inputs: Inputs, patterns: Patterns, workers: int) -> Fits:
    return fit_all(analyses, inputs, _settings(analyses, inputs, patterns.signs), workers=workers)
