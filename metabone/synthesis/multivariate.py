"""Several outcomes pooled together: BMD, BV/TV and markers, each with a mean of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone._version import __version__
from metabone.errors import DataError, ModelError, UsageError
from metabone.extraction.table import rows_text
from metabone.models.borrowing import NESTED, borrowed_strength, likelihood_ratio
from metabone.models.components import Blocks
from metabone.models.intervals import check_level, two_sided_p
from metabone.models.multivariate import (
    REPEATED,
    MultivariateFit,
    fit_structure,
    multivariate,
    robust_multivariate,
)
from metabone.models.outcomes import FEWEST, arrange, refuse
from metabone.options import (
    CI_OF_MODEL,
    BetweenStructure,
    CIMethod,
    MultilevelMethod,
    check_option,
    choices,
    default_pi,
)
from metabone.synthesis.assumptions import combinations
from metabone.synthesis.checks import UNIT_BOUND, refuse_mixtures, warn_small_arms
from metabone.synthesis.choice import Sharing, check_sharing, row_places, with_covariance
from metabone.synthesis.counting import count_animals, count_studies
from metabone.synthesis.multilevel import Multilevel, random_factors
from metabone.synthesis.multivariate_results import (
    OutcomeEstimate,
    OutcomesAssumption,
    OutcomesResult,
    StructureLine,
)
from metabone.synthesis.results import Estimate
from metabone.synthesis.univariate import effect_arrays, prediction_df

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.dependence import BlockCovariance
    from metabone.effects.table import EffectTable

FloatArray = NDArray[np.float64]

# Below so many degrees of freedom Satterthwaite's approximation is poor (Tipton 2015).
FEWEST_DF = 4
# So many outcomes are named in a message.
NAMED = 8


def pool_outcomes(
    effects: EffectTable,
    *,
    structure: str = "UN",
    method: str = "REML",
    ci: str | None = None,
    level: float = 0.95,
    rho: float = 0.5,
    control: str = "exact",
    rho_table: Sequence[Mapping[str, Any]] | None = None,
    time_decay: float | None = None,
    covariance: BlockCovariance | None = None,
) -> OutcomesResult:
    """Pool several outcomes in one multivariate model, so that sparse ones borrow strength.

    Each outcome keeps a mean of its own, so that bone measurements and markers may be together, and
    the directions that are better need not agree.

    Where a study gives an outcome more than once (sites, weeks, arms) its true effects vary within
    the study too. That variance is taken from the multilevel model of the outcome by itself and
    added to the sampling covariance; the cluster-robust interval does not rest on it.

    Parameters
    ----------
    effects : the effect table, of one measure and two outcomes or more.
    structure : of the covariance of true effects between studies. ``UN``: any; ``HCS``: a variance
        for each outcome and one correlation; ``CS``: one variance and one correlation, for outcomes
        on one scale; ``DIAG``: no correlation.
    method : ``REML`` or ``ML``.
    ci : ``cr2`` (the default), ``cr1``, ``cr0`` (cluster-robust by study), ``t`` (model-based) or
        ``wald``.
    level : level of all intervals.
    rho, control, rho_table, time_decay : what effects of the same animals share, as in
        `metabone.synthesis.pool.pool`.
    covariance : the sampling covariance of the effects, where it is known; instead of the four.

    Raises
    ------
    DataError
        If outcomes have several units under MD, or effects of one outcome must not be pooled.
    ModelError
        If the data cannot carry the structure: fewer than two outcomes, an outcome in fewer than
        three studies, outcomes that fewer than three studies have together.
    UsageError
        For an unknown option.

    References
    ----------
    Berkey et al. (1998), doi:10.1002/(SICI)1097-0258(19981130)17:22<2537::AID-SIM953>3.0.CO;2-C;
    Jackson, Riley & White (2011), doi:10.1002/sim.4172; Pustejovsky & Tipton (2022),
    doi:10.1007/s11121-021-01246-3 (CR2 over a working model).

    Examples
    --------
    >>> from metabone.effects.escalc import escalc
    >>> from metabone.extraction.reading import read_table
    >>> from metabone.extraction.where import select
    >>> rows = select(read_table("exosome-synthetic"), outcome=("BMD", "OCN"))
    >>> result = pool_outcomes(escalc(rows, "SMD"))
    >>> [(one.outcome, one.k_studies, round(one.estimate, 2)) for one in result.estimates]
    [('BMD', 27, 0.94), ('OCN', 8, 0.77)]
    """
    sharing = check_sharing(rho, control, rho_table, time_decay)
    joint = Joint(
        check_option("structure", structure, BetweenStructure),
        check_option("tau2 method", method, MultilevelMethod),
        _check_ci(ci),
        check_level(level),
    )
    _refuse(effects, joint)
    given = effects
    if covariance is None:
        effects, V = with_covariance(effects, sharing)
    else:
        V = covariance
    fitted = joint.fit(effects.frame, V)
    estimates = _estimates(effects, joint, fitted)
    fit = fitted.fit
    result = OutcomesResult(
        effects=effects, estimates=estimates, covariance=fit.between,
        covariance_se=fit.between_se, correlation=fit.rho, together=fit.together,
        structure=joint.structure, structures=_structures(effects, fit), method=joint.method,
        ci_method=joint.ci, pi_method=joint.pi, level=joint.level, loglik=fit.loglik,
        converged=fit.converged, boundary=fit.rank < len(estimates),
        k_studies=count_studies(effects.frame), n_animals=count_animals(effects.frame),
        warnings=tuple(_warnings(effects, V, joint, fitted)), version=__version__,
        rho=None, control=None,
    )  # fmt: skip
    if covariance is not None:
        return result
    lines = tuple(_assumption(given, joint, one, sharing) for one in combinations(given, sharing))
    return replace(result, assumptions=lines, **sharing.to_dict())


@dataclass(frozen=True, slots=True)
class Fitted:
    """A multivariate fit with the errors to report, and what its parts say by themselves.

    ``se`` and ``df`` (p,) are those of the interval that was asked for, ``within`` (p,) variances
    of true effects within studies, ``parts`` and ``alone`` the effects of each outcome and their
    mean pooled by themselves.
    """

    fit: MultivariateFit
    se: FloatArray
    df: FloatArray
    within: FloatArray
    parts: tuple[pd.DataFrame, ...]
    alone: tuple[Estimate, ...]


@dataclass(frozen=True, slots=True)
class Joint:
    """The model of all outcomes together; options as in `pool_outcomes`."""

    structure: str
    method: str
    ci: str
    level: float

    @property
    def pi(self) -> str:
        """How the prediction intervals count, by the confidence interval."""
        return default_pi(self.ci)

    @property
    def df(self) -> str:
        """The degrees of freedom of the model-based interval."""
        return "normal" if self.ci == "wald" else "contain"

    def fit(self, frame: pd.DataFrame, covariance: BlockCovariance) -> Fitted:
        """Fit each outcome by itself, then all together."""
        place = row_places(frame)
        alone = Multilevel(self.method, self.ci, self.pi, self.level, covariance, place)
        parts = tuple(frame[frame["outcome"] == name] for name in outcomes_of(frame))
        separate = tuple(alone.pool(part) for part in parts)
        blocks = alone.blocks(frame)
        within = np.array([_within(one) for one in separate])
        for part, one in zip(parts, separate, strict=True):
            blocks = _add_levels(blocks, part, one, place)
        yi, _ = effect_arrays(frame)
        fit = multivariate(
            yi, blocks, frame["study"].to_numpy(str), frame["outcome"].to_numpy(str),
            structure=self.structure, method=self.method, df=self.df,
        )  # fmt: skip
        if self.ci in ("t", "wald"):
            return Fitted(fit, fit.se, fit.df, within, parts, separate)
        sandwich = robust_multivariate(fit, type=self.ci.upper())
        return Fitted(fit, sandwich.se, sandwich.df, within, parts, separate)


def outcomes_of(frame: pd.DataFrame) -> list[str]:
    """The outcomes of a frame, in the order that the model has them in."""
    return [str(name) for name in np.unique(frame["outcome"].to_numpy(str))]


def _within(alone: Estimate) -> float:
    """Variance of true effects within studies."""
    levels = alone.sigma2 or {}
    return float(sum(value for name, value in levels.items() if name != "study"))


def _add_levels(
    blocks: Blocks, part: pd.DataFrame, alone: Estimate, place: Mapping[int, int]
) -> Blocks:
    """Add an outcome's variances within studies to the sampling covariance of all effects."""
    where = [place[row] for row in part.index.tolist()]
    for name, codes in random_factors(part).items():
        variance = (alone.sigma2 or {}).get(name, 0.0)
        if name == "study" or not variance:
            continue
        member = np.full(len(place), -1, dtype=np.int64)
        member[where] = codes
        blocks = [(rows, block + variance * _alike(member[rows])) for rows, block in blocks]
    return blocks


def _alike(codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n, n) whether two effects are of one group; −1 is of none."""
    same: NDArray[np.bool_] = (codes[:, None] == codes) & (codes[:, None] >= 0)
    return same


def _check_ci(ci: str | None) -> str:
    known = CI_OF_MODEL["multilevel"]
    checked = check_option("ci", ci or known[0], CIMethod)
    if checked not in known:
        listed = ", ".join(repr(word) for word in known)
        raise UsageError(f"ci of outcomes pooled together must be one of {listed}; got {ci!r}")
    return checked


def _refuse(effects: EffectTable, joint: Joint) -> None:
    """Say in words what must not be pooled, and what these data cannot carry."""
    frame = effects.frame
    if effects.k < 2:
        refuse_mixtures(effects)
    blank = frame.index[frame["outcome"].isna()].tolist()
    if blank:
        raise DataError(f"outcome is blank in {rows_text(blank)}; fill it, or leave these rows out")
    yi, vi = effect_arrays(frame)
    names = outcomes_of(frame)
    if len(names) < 2:
        raise ModelError(
            f"all {effects.k} effects are of one outcome ({names[0]}), which has no other to go "
            "with: give --outcome twice or more, or use metabone pool"
        )
    parts = [frame[frame["outcome"] == name] for name in names]
    _refuse_sparse(names, parts)
    study, outcome = frame["study"].to_numpy(str), frame["outcome"].to_numpy(str)
    refuse(arrange(yi, vi, study, outcome, None, method="ML", df="normal"), joint.structure)
    for name, part in zip(names, parts, strict=True):
        own = replace(effects, frame=part, better=None)
        if len(_units(own)) > 1:
            raise DataError(
                f"{name} is in several units ({', '.join(_units(own))}) and has one mean "
                "difference; write one unit for each outcome into the table, or use --measure SMD "
                "or ROM"
            )
        try:
            refuse_mixtures(own)
        except DataError as error:
            raise DataError(f"{name}: {error}") from error
    units = _units(effects)
    if joint.structure == "CS" and len(units) > 1:
        raise DataError(
            "the structure CS has one variance for all outcomes, and mean differences in "
            f"{', '.join(units)} are not on one scale; use UN, HCS or DIAG, or --measure SMD or ROM"
        )


def _refuse_sparse(names: Sequence[str], parts: Sequence[pd.DataFrame]) -> None:
    """All outcomes that too few studies have, at once."""
    counts = zip(names, map(count_studies, parts), strict=True)
    few = [f"{name} ({count})" for name, count in counts if count < FEWEST]
    if few:
        more = f" and {len(few) - NAMED} more" if len(few) > NAMED else ""
        raise ModelError(
            f"a variance between studies needs {FEWEST} studies or more, and these outcomes have "
            f"fewer: {', '.join(few[:NAMED])}{more}; choose others with --outcome"
        )


def _units(effects: EffectTable) -> list[str]:
    """The units that effects are in, of measures that have one."""
    if effects.measure not in UNIT_BOUND:
        return []
    return sorted(effects.frame["unit"].fillna("(blank)").unique())


def _estimates(effects: EffectTable, joint: Joint, fitted: Fitted) -> tuple[OutcomeEstimate, ...]:
    fit = fitted.fit
    borrowed = borrowed_strength(fit).percent
    tau2_se = np.diagonal(fit.between_se)
    found = []
    for a, (part, alone) in enumerate(zip(fitted.parts, fitted.alone, strict=True)):
        coef, se, df = float(fit.coef[a]), float(fitted.se[a]), float(fitted.df[a])
        statistic = coef / se if se > 0 else math.nan
        between, within = float(fit.tau2[a]), float(fitted.within[a])
        found.append(
            OutcomeEstimate(
                outcome=fit.outcomes[a], better=_only(part["better_used"]),
                unit=_only(part["unit"]) if effects.measure in UNIT_BOUND else None,
                k_studies=count_studies(part), k_effects=len(part),
                n_animals=count_animals(part), estimate=coef, se=se, df=df, statistic=statistic,
                pvalue=float(two_sided_p(statistic, df)),
                pi_df=prediction_df(joint.pi, count_studies(part), 1), tau2=between,
                tau2_se=float(tau2_se[a]), within=within, i2=_i_squared(part, between + within),
                borrowed=float(borrowed[a]), level=joint.level, alone=alone,
            )
        )  # fmt: skip
    return tuple(found)


def _only(column: pd.Series[Any]) -> str | None:
    """The one word of a column, None where there are several or a blank."""
    words = column.unique()
    return str(words[0]) if len(words) == 1 and isinstance(words[0], str) else None


def _i_squared(part: pd.DataFrame, variance: float) -> float:
    """Per cent, against Higgins & Thompson's typical sampling variance."""
    w = 1 / effect_arrays(part)[1]
    typical = (len(w) - 1) * w.sum() / (w.sum() ** 2 - (w**2).sum())
    return float(100 * variance / (variance + typical))


def _structures(effects: EffectTable, fit: MultivariateFit) -> tuple[StructureLine, ...]:
    """The other structures, fitted to the same data."""
    names = list(choices(BetweenStructure))
    if len(fit.outcomes) == 2:
        # Two outcomes have one correlation anyway.
        names.remove("UN" if fit.structure == "HCS" else "HCS")
    if len(_units(effects)) > 1:
        names.remove("CS")
    return tuple(_structure(name, fit) for name in names)


def _structure(name: str, chosen: MultivariateFit) -> StructureLine:
    if name == chosen.structure:
        fit = chosen
    else:
        try:
            refuse(chosen.data, name)
            fit = fit_structure(chosen.data, name)
        except ModelError as error:
            return StructureLine(name, None, None, None, None, None, None, False, str(error))
    pair = [fit, chosen] if (name, chosen.structure) in NESTED else [chosen, fit]
    test: tuple[float | None, int | None, float | None] = (None, None, None)
    if (pair[0].structure, pair[1].structure) in NESTED:
        test = likelihood_ratio(*pair)
    aic = 2 * fit.n_parameters - 2 * fit.loglik
    return StructureLine(name, fit.n_parameters, fit.loglik, aic, *test, name == chosen.structure)


def _assumption(
    effects: EffectTable, joint: Joint, one: Sharing, chosen: Sharing
) -> OutcomesAssumption:
    """Fit again under another assumption; NaN where that has no answer."""
    try:
        table, covariance = with_covariance(effects, one)
        fitted = joint.fit(table.frame, covariance)
    except (DataError, ModelError):
        none = (math.nan,) * len(outcomes_of(effects.frame))
        return OutcomesAssumption(one.rho, one.control, none, none, one == chosen)
    estimate, se = tuple(fitted.fit.coef.tolist()), tuple(fitted.se.tolist())
    return OutcomesAssumption(one.rho, one.control, estimate, se, one == chosen)


def _warnings(effects: EffectTable, V: BlockCovariance, joint: Joint, fitted: Fitted) -> list[str]:
    messages = [*V.warnings]
    messages += [text for text in fitted.fit.warnings if text != REPEATED]
    if joint.ci.startswith("cr"):
        low = [
            f"{name} ({df:.1f})"
            for name, df in zip(fitted.fit.outcomes, fitted.df.tolist(), strict=True)
            if df < FEWEST_DF
        ]
        if low:
            messages.append(
                f"the cluster-robust interval has fewer than {FEWEST_DF} degrees of freedom for "
                f"{', '.join(low)}, so that it is rough there; see also --ci t"
            )
    for name, part in zip(fitted.fit.outcomes, fitted.parts, strict=True):
        assays = sorted(part["assay"].dropna().unique())
        if len(assays) > 1:
            messages.append(f"{name}: measurements by {', '.join(assays)} are pooled")
        if effects.measure in UNIT_BOUND and part["unit"].isna().all():
            messages.append(f"{name} has no unit: mean differences are taken to share one")
    small: dict[str, list[str]] = {}
    for name, part, mean in zip(
        fitted.fit.outcomes, fitted.parts, fitted.fit.coef.tolist(), strict=True
    ):
        for text in warn_small_arms(replace(effects, frame=part), mean):
            small.setdefault(text, []).append(name)
    messages += [f"{', '.join(names)}: {text}" for text, names in small.items()]
    if effects.synthetic:
        messages.append("SYNTHETIC data: made by a script, not measured")
    return messages
