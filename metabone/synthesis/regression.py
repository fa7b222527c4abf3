"""Meta-regression: effect sizes explained by moderators, what is left over, and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone._version import __version__
from metabone.errors import DataError, ModelError, UsageError
from metabone.models.intervals import check_level, chi2_p, two_sided_p
from metabone.models.random_effects import r_squared, random_effects
from metabone.options import CIMethod, Model, Tau2Method, check_option
from metabone.synthesis.assumptions import combinations
from metabone.synthesis.checks import (
    FEW_DF,
    refuse_mixtures,
    warn_dependence,
    warn_mixtures,
)
from metabone.synthesis.choice import (
    Sharing,
    check_methods,
    check_random,
    check_sharing,
    choose_model,
    row_places,
    with_covariance,
)
from metabone.synthesis.counting import count_studies
from metabone.synthesis.design import Design, design
from metabone.synthesis.formula import Formula, parse_formula
from metabone.synthesis.multilevel import Multilevel
from metabone.synthesis.regression_fits import (
    RegressionFit,
    fit_multilevel,
    fit_univariate,
)
from metabone.synthesis.regression_results import (
    Coefficient,
    ModeratorTest,
    RegressionAssumption,
    RegressionResult,
)

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.dependence import BlockCovariance
    from metabone.effects.table import EffectTable

FloatArray = NDArray[np.float64]

# Rule of thumb of the Cochrane Handbook, 10.11.5.1: ten studies for each moderator.
EFFECTS_PER_MODERATOR = 10


def regress(
    effects: EffectTable,
    formula: str,
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
) -> RegressionResult:
    """Mixed-effects meta-regression of the effect sizes on moderators.

    The univariate model is ``y = X b + u + e`` with ``u ~ N(0, τ²)`` and independent sampling
    errors e of known variance. The multilevel model has random effects of study, experiment and
    effect (those that the data can tell apart) for u, and errors e that covary within studies.

    Parameters
    ----------
    effects : effect sizes of one measure.
    formula : moderators, e.g. ``"duration_weeks * species"``; see
        `metabone.synthesis.formula.parse_formula`. Rows with a blank moderator are set aside.
    model : ``univariate``, ``multilevel``, or ``auto``: multilevel where a study gives more than
        one of the effects used.
    tau2 : estimator of the residual variance of true effects; the multilevel model has REML and ML.
    ci : of the univariate model ``hksj`` (the default; Knapp-Hartung: t and F with k − p degrees of
        freedom), ``hksj_adhoc`` (the same, never narrower than ``wald``) or ``wald`` (normal and
        χ²). Of the multilevel model ``cr2`` (the default; cluster-robust by study with
        Satterthwaite df, and AHT tests), ``cr1``, ``cr0``, ``t`` (model-based with containment df)
        or ``wald``.
    level : level of the intervals.
    rho : correlation of the sampling errors of different outcomes, sites, assays and times of the
        same animals.
    control : how shared controls enter: ``exact`` covariance, ``split``, or ``ignore``.
    rho_table, time_decay : pairs and times whose correlation is known better, see
        `metabone.effects.dependence.sampling_covariance`.
    random : further random factors, columns that may cross the studies (strain, laboratory).

    Raises
    ------
    UsageError
        For an unknown option or column, an option that the model does not have, or a formula
        outside the grammar.
    DataError
        For outcomes that cannot be mixed, or a moderator that cannot be used as it is.
    ModelError
        For coefficients that these data cannot tell apart, or too few studies for them.

    References
    ----------
    Knapp & Hartung (2003), doi:10.1002/sim.1482; Viechtbauer et al. (2015),
    doi:10.1037/met0000011; Tipton & Pustejovsky (2015), doi:10.3102/1076998615606099; Higgins et
    al., Cochrane Handbook, 10.11.
    """
    model = check_option("model", model, Model)
    tau2 = check_option("tau2", tau2, Tau2Method)
    ci = None if ci is None else check_option("ci", ci, CIMethod)
    sharing = check_sharing(rho, control, rho_table, time_decay)
    level = check_level(level)
    checked = parse_formula(formula, [str(column) for column in effects.frame.columns])
    if "yi" in checked.columns:
        raise UsageError("yi is the effect size itself; it cannot be its own moderator")
    made = design(effects.frame, checked)
    used = _used(effects, made)
    refuse_mixtures(used)
    model, reason = choose_model(used, model)
    tau2, ci, pi = check_methods(model, tau2, ci, None)
    factors = check_random(used, random, model)
    job = _Job(checked, used, made, model, reason, tau2, ci, pi, level, factors)
    if model == "univariate":
        return _univariate(job)
    answer = _multilevel(job, sharing)
    return replace(answer, assumptions=_assumptions(job, sharing))


@dataclass(frozen=True, slots=True)
class _Job:
    """What is fitted to which effects, and how."""

    formula: Formula
    used: EffectTable
    made: Design
    model: str
    reason: str
    tau2: str
    ci: str
    pi: str
    level: float
    random: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Data:
    """The effects with their covariance, as a way of treating controls wants them."""

    table: EffectTable
    frame: pd.DataFrame
    made: Design
    covariance: BlockCovariance
    model: Multilevel


def _univariate(job: _Job) -> RegressionResult:
    used, made = job.used, job.made
    fit = fit_univariate(used.frame, made.X, method=job.tau2, ci=job.ci, level=job.level)
    r2 = float("nan")
    if job.tau2 != "EE" and _has_mean(made):
        null = random_effects(used.yi, used.vi, method=job.tau2)
        r2 = r_squared(float(null.tau2), fit.tau2)
    said = [*warn_dependence(used.frame), *_warnings(used, made, fit, "effects")]
    return _result(job, used, made, fit, r2, said)


def _multilevel(job: _Job, sharing: Sharing) -> RegressionResult:
    data = _data(job, sharing)
    fit = fit_multilevel(data.model, data.frame, data.made.X, limits=True)
    r2 = float("nan")
    if _has_mean(data.made):
        r2 = r_squared(data.model.fit(data.frame, None).tau2, fit.tau2)
    said = [
        *data.covariance.warnings, *_warnings(data.table, data.made, fit, "studies"),
        *_few_df(data.made.names, fit),
    ]  # fmt: skip
    answer = _result(job, data.table, data.made, fit, r2, said)
    return replace(answer, random=job.random, **sharing.to_dict())


def _data(job: _Job, sharing: Sharing) -> _Data:
    table, covariance = with_covariance(job.used, sharing)
    made, columns = job.made, list(job.formula.columns)
    frame = table.frame.loc[list(made.rows)]
    if not frame[columns].equals(job.used.frame[columns]):
        made = design(frame, job.formula)  # split controls have another n_control and vi
    place = row_places(table.frame)
    model = Multilevel(job.tau2, job.ci, job.pi, job.level, covariance, place, job.random)
    return _Data(table, frame, made, covariance, model)


def _assumptions(job: _Job, sharing: Sharing) -> tuple[RegressionAssumption, ...]:
    """The coefficients under other assumptions; none where a combination has no answer."""
    lines = []
    for one in combinations(job.used, sharing):
        value, way, chosen = one.rho, one.control, one == sharing
        try:
            data = _data(job, one)
            fit = fit_multilevel(data.model, data.frame, data.made.X)
        except (DataError, ModelError):
            lines.append(RegressionAssumption(value, way, float("nan"), (), chosen))
            continue
        found = _coefficients(data.made.names, fit)
        lines.append(RegressionAssumption(value, way, fit.tau2, found, chosen))
    return tuple(lines)


def _result(
    job: _Job, used: EffectTable, made: Design, fit: RegressionFit, r2: float, said: Sequence[str]
) -> RegressionResult:
    intercept = job.formula.intercept
    return RegressionResult(
        effects=used,
        formula=str(job.formula),
        coefficients=_coefficients(made.names, fit),
        vcov=tuple(tuple(row) for row in fit.vcov.tolist()),
        moderators=_test("all moderators", range(int(intercept), len(made.names)), fit, intercept),
        tests=tuple(_test(term.label, term.columns, fit, intercept) for term in made.terms),
        tau2=fit.tau2, tau2_low=fit.tau2_low, tau2_high=fit.tau2_high, i2=fit.i2, h2=fit.h2,
        r2=r2, qe=fit.qe, qe_df=fit.qe_df, qe_pvalue=float(chi2_p(fit.qe, fit.qe_df)),
        converged=fit.converged, k_studies=count_studies(used.frame), k_effects=used.k,
        levels={label: tuple(levels) for label, levels in made.levels.items()},
        model=job.model, model_reason=job.reason, tau2_method=job.tau2, ci_method=job.ci,
        level=job.level, warnings=tuple(said), version=__version__, design=made, fit=fit,
    )  # fmt: skip


def _used(effects: EffectTable, made: Design) -> EffectTable:
    ledger = sorted((*effects.excluded, *made.excluded), key=lambda line: line.row)
    return replace(effects, frame=effects.frame.loc[list(made.rows)], excluded=tuple(ledger))


def _coefficients(names: Sequence[str], fit: RegressionFit) -> tuple[Coefficient, ...]:
    statistic = fit.coef / fit.se
    pvalue = two_sided_p(statistic, fit.df)
    columns = zip(names, fit.coef, fit.se, statistic, pvalue, fit.df, strict=True)
    return tuple(
        Coefficient(name, float(b), float(s), float(t), float(p), float(df))
        for name, b, s, t, p, df in columns
    )


def _test(term: str, columns: Sequence[int], fit: RegressionFit, intercept: bool) -> ModeratorTest:
    """Test that the coefficients in `columns` are all zero.

    Without an intercept the coefficients of a full set of levels are their means, and the test is
    that all of them are zero.
    """
    statistic, df, df2, pvalue, test = fit.joint(columns)
    return ModeratorTest(term, statistic, df, df2, pvalue, test, intercept)


def _has_mean(made: Design) -> bool:
    """Whether the model without moderators is inside this one, so that R² means something."""
    ones = np.ones(len(made.X))
    fitted = made.X @ np.linalg.lstsq(made.X, ones, rcond=None)[0]
    return bool(np.allclose(fitted, ones, rtol=0, atol=1e-8))


def _warnings(used: EffectTable, made: Design, fit: RegressionFit, unit: str) -> list[str]:
    """What to think about; `unit` is what the model counts as independent."""
    found = warn_mixtures(used)
    studies = used.frame["study"].nunique()
    k = used.k if unit == "effects" else studies
    moderators = len(made.names) - int(made.formula.intercept)
    if k < EFFECTS_PER_MODERATOR * moderators:
        found.append(
            f"{k} {unit} for {moderators} moderator coefficient{'s' if moderators > 1 else ''}: "
            f"with fewer than {EFFECTS_PER_MODERATOR} each, chance findings are likely"
        )
    if studies <= len(made.names) < used.k:
        found.append(
            f"{len(made.names)} coefficients rest on {studies} studies: moderators that "
            "differ only between studies cannot be told from the studies"
        )
    for label, counts in made.level_counts.items():
        thin = [repr(level) for level, count in counts.items() if count == 1]
        if thin:
            found.append(f"{label}: only one effect each for {', '.join(thin)}")
    if not fit.converged:
        found.append("the estimate of tau2 did not converge; try another estimator")
    if unit == "effects" and np.isnan(fit.vcov).any():
        found.append(
            "the effects lie on the regression without scatter, so Knapp-Hartung gives no "
            "interval; use hksj_adhoc or wald"
        )
    if used.synthetic:
        found.append("SYNTHETIC data: made by a script, not measured")
    return found


def _few_df(names: Sequence[str], fit: RegressionFit) -> list[str]:
    """Coefficients whose robust interval does not exist, or hangs on too few studies."""
    found: dict[str, list[str]] = {}
    for name, study in zip(names, fit.alone(np.eye(len(names))), strict=True):
        if study is not None:
            found.setdefault(study, []).append(name)
    messages = [
        f"{', '.join(terms)} cannot be told without the study {study}, so no cluster-robust "
        "interval exists; leave the moderator out, or take model-based intervals with --ci t"
        for study, terms in found.items()
    ]
    still = np.isnan(fit.se) & [study is None for study in fit.alone(np.eye(len(names)))]
    if still.any():
        terms = ", ".join(name for name, flag in zip(names, still, strict=True) if flag)
        messages.append(
            f"the effects lie on the regression without scatter, so no cluster-robust interval "
            f"exists for {terms}; use t or wald"
        )
    few = [
        f"{name} ({df:.1f})"
        for name, df in zip(names, fit.df, strict=True)
        if 0 < df < FEW_DF
    ]  # fmt: skip
    if few:
        messages.append(
            f"fewer than {FEW_DF} degrees of freedom for {', '.join(few)}: these intervals and "
            "p-values hang on very few studies"
        )
    return messages
