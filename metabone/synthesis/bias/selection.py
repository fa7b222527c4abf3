"""Selection models of an effect table: weights of p-values, and the mean that they leave."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, UsageError
from metabone.models.intervals import critical, f_p
from metabone.models.selection import (
    SelectionFit,
    check_steps,
    interval_words,
    selection_model,
)
from metabone.models.selection_clusters import (
    SelectionBootstrap,
    cluster_bootstrap,
    cluster_vcov,
)
from metabone.models.selection_profile import selection_profile
from metabone.options import SelectionSide, check_option
from metabone.synthesis.bias.regressions import corrected
from metabone.synthesis.bias.results import Corrected
from metabone.synthesis.bias.units import Counted
from metabone.synthesis.shaping import Record

FloatArray = NDArray[np.float64]

# A model takes this many more effects (studies, where effects depend) than it has parameters.
SPARE = 2
# Weights of intervals with fewer effects than this, or shares of replicates that fail beyond this,
# are told.
SPARSE, LOST = 3, 0.05


@dataclass(frozen=True, slots=True)
class Replicates(Record):
    """A bootstrap of whole studies: `counted` of `replicates` have an answer.

    `empty` had no effect in one of the intervals or too few studies, `unsettled` no maximum.
    """

    replicates: int
    counted: int
    empty: int
    unsettled: int
    seed: int


@dataclass(frozen=True, slots=True)
class Selection(Record):
    """A step-function selection model.

    Parameters
    ----------
    steps : cut points of one-sided p; J = len(steps) + 1 intervals.
    side : ``greater`` or ``less``, the effects whose p-values are small.
    variance : what p-values and likelihood go by: ``vi``, or ``arms`` (1/n1 + 1/n2).
    counts, deltas, delta_se, delta_low, delta_high : (J,) effects in each interval and its weight
        relative to the first, which is 1.
    corrected, tau2, tau2_low, tau2_high : mean and variance of effects before selection.
    uncorrected, uncorrected_tau2, loglik_uncorrected : the same model without selection, by ML.
    interval : where the limits come from: ``profile``, ``robust`` (Wald, studies as clusters) or
        ``bootstrap`` (percentiles).
    lrt, lrt_df, lrt_pvalue : likelihood-ratio test that all weights are 1; NaN where effects
        depend on each other.
    wald, wald_df, wald_df2, wald_pvalue : F test of the same with cluster-robust errors; NaN where
        they do not.
    clustered : whether errors allow for effects of one study that depend on each other.
    """

    steps: tuple[float, ...]
    side: str
    variance: str
    counts: tuple[int, ...]
    deltas: tuple[float, ...]
    delta_se: tuple[float, ...]
    delta_low: tuple[float, ...]
    delta_high: tuple[float, ...]
    corrected: Corrected
    tau2: float
    tau2_low: float
    tau2_high: float
    uncorrected: float
    uncorrected_tau2: float
    loglik: float
    loglik_uncorrected: float
    interval: str
    lrt: float
    lrt_df: int
    lrt_pvalue: float
    wald: float
    wald_df: int
    wald_df2: float
    wald_pvalue: float
    k_effects: int
    k_studies: int
    clustered: bool
    bootstrap: Replicates | None
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return f"selection model {_words(self.steps)}"

    @property
    def estimate(self) -> float:
        """The mean before selection."""
        return self.corrected.estimate

    @property
    def pvalue(self) -> float:
        """P-value of the test that all weights are 1."""
        return self.wald_pvalue if self.clustered else self.lrt_pvalue

    @property
    def intervals(self) -> tuple[str, ...]:
        """(J,) intervals of p in words."""
        return tuple(interval_words(self.steps, j) for j in range(len(self.deltas)))

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        # Not `super()`, whose class is the one before slots were added.
        return Record.to_dict(self) | {"intervals": list(self.intervals)}

    def rows(self) -> Iterator[dict[str, Any]]:
        """One line for the mean, one for the test, one for each weight after the first."""
        head = {"part": "selection", "predictor": self.variance, "model": "step function"}
        yield head | {"name": self.name} | self.corrected.to_dict()
        test = {"statistic": self.lrt, "df": self.lrt_df, "pvalue": self.lrt_pvalue}
        if self.clustered:
            test = {"statistic": self.wald, "df": self.wald_df2, "pvalue": self.wald_pvalue}
        yield head | {"name": f"{self.name}: all weights 1"} | test
        for j, words in enumerate(self.intervals[1:], start=1):
            yield head | {
                "name": f"{self.name}: weight of {words}", "value": self.deltas[j],
                "value_se": self.delta_se[j],
            }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """How selection models are asked for.

    Parameters
    ----------
    models : the steps of each.
    side : ``auto``, ``greater`` or ``less``.
    heterogeneity : whether τ² is estimated.
    bootstrap : replicates; 0 for none.
    """

    models: tuple[tuple[float, ...], ...]
    side: str
    heterogeneity: bool
    level: float
    bootstrap: int
    seed: int
    workers: int


def check_models(
    selection: Sequence[Sequence[float]], side: str, bootstrap: int
) -> tuple[tuple[tuple[float, ...], ...], str]:
    """The steps of each model and the side.

    Raises
    ------
    UsageError
        For steps that do not rise between 0 and 1, an unknown side, or a bootstrap of no model.
    """
    models = tuple(dict.fromkeys(check_steps(steps) for steps in selection))
    if bootstrap and not models:
        raise UsageError("bootstrap draws the studies of a selection model: ask for one, too")
    if bootstrap < 0:
        raise UsageError(f"bootstrap must be 0 or a number of replicates; got {bootstrap!r}")
    return models, check_option("side of selection", side, SelectionSide)


def select(
    counted: Counted, study: Sequence[str], asked: Asked, steps: tuple[float, ...], clustered: bool
) -> Selection:
    """One selection model.

    Where effects depend on each other the likelihood still takes each by itself; errors, intervals
    and the test take studies as clusters.

    Parameters
    ----------
    counted : single effects, each by itself.
    study : of each effect.
    clustered : whether effects of one study depend on each other.

    Raises
    ------
    DataError
        For fewer effects, or studies, than parameters and two; or an interval without an effect.
    ModelError
        If the likelihood has no maximum.
    """
    labels = np.asarray(list(study))
    studies = len(set(study))
    _refuse_few(studies if clustered else len(labels), clustered, asked, steps)
    fit = selection_model(
        counted.yi, counted.precise, steps=steps, side=asked.side,
        heterogeneity=asked.heterogeneity,
    )  # fmt: skip
    again = None
    if asked.bootstrap:
        again = cluster_bootstrap(
            fit, labels, replicates=asked.bootstrap, seed=asked.seed, n_jobs=asked.workers
        )
    vcov = cluster_vcov(fit, labels) if clustered else fit.vcov
    df = studies - 1.0 if clustered else math.nan
    limits, interval = _limits(fit, vcov, df, asked.level, again, clustered)
    wald = _wald(fit, vcov, studies) if clustered else (math.nan, len(steps), math.nan, math.nan)
    errors = np.sqrt(np.diagonal(vcov))
    mean = corrected(float(fit.coef[0]), float(errors[0]), df, asked.level)
    low, high = limits[0]
    mean = Corrected(
        mean.estimate, mean.se, mean.df, mean.statistic, mean.pvalue, float(low), float(high)
    )
    return Selection(
        steps=fit.steps, side="greater" if fit.side > 0 else "less", variance=counted.variance,
        counts=tuple(int(n) for n in fit.counts), deltas=_floats(fit.delta),
        delta_se=(math.nan, *_floats(errors[2:])), delta_low=(math.nan, *_floats(limits[2:, 0])),
        delta_high=(math.nan, *_floats(limits[2:, 1])), corrected=mean, tau2=float(fit.tau2),
        tau2_low=float(limits[1, 0]), tau2_high=float(limits[1, 1]),
        uncorrected=float(fit.null_coef[0]), uncorrected_tau2=float(fit.null_tau2),
        loglik=float(fit.loglik), loglik_uncorrected=float(fit.loglik_null), interval=interval,
        lrt=math.nan if clustered else float(fit.lrt), lrt_df=fit.lrt_df,
        lrt_pvalue=math.nan if clustered else float(fit.lrt_pvalue),
        wald=wald[0], wald_df=wald[1], wald_df2=wald[2], wald_pvalue=wald[3],
        k_effects=len(labels), k_studies=studies, clustered=clustered,
        bootstrap=None if again is None else _replicates(again),
        warnings=_warnings(fit, again),
    )  # fmt: skip


def _refuse_few(k: int, clustered: bool, asked: Asked, steps: Sequence[float]) -> None:
    parameters = 1 + len(steps) + asked.heterogeneity
    if k < parameters + SPARE:
        noun = "studies" if clustered else "effects"
        raise DataError(
            f"{k} {noun} are too few for {parameters} parameters; a selection model with "
            f"{len(steps)} {'step' if len(steps) == 1 else 'steps'} takes {parameters + SPARE}"
        )


def _limits(
    fit: SelectionFit,
    vcov: FloatArray,
    df: float,
    level: float,
    again: SelectionBootstrap | None,
    clustered: bool,
) -> tuple[FloatArray, str]:
    """(2 + J − 1, 2) limits of mean, τ² and the weights after the first, and where from."""
    if again is not None:
        return np.column_stack(again.ci(level)), "bootstrap"
    if not clustered:
        found = selection_profile(fit, level)
        return np.vstack([found.coef, found.tau2[None], found.delta[1:]]), "profile"
    half = float(critical(df, level)) * np.sqrt(np.diagonal(vcov))
    limits = np.full((len(half), 2), np.nan)
    limits[0] = fit.coef[0] - half[0], fit.coef[0] + half[0]
    # Weights are positive: their intervals are those of their logarithms.
    spread = np.exp(half[2:] / fit.delta[1:])
    limits[2:] = np.column_stack([fit.delta[1:] / spread, fit.delta[1:] * spread])
    return limits, "robust"


def _wald(fit: SelectionFit, vcov: FloatArray, studies: int) -> tuple[float, int, float, float]:
    """Hotelling's F that all log weights are 0: F, its two df and the p-value."""
    logs = np.log(fit.delta[1:])
    q = len(logs)
    covariance = vcov[2:, 2:] / np.outer(fit.delta[1:], fit.delta[1:])
    df2 = float(studies - q)
    if not np.linalg.cond(covariance) < 1e12:
        return math.nan, q, df2, math.nan
    squared = float(logs @ np.linalg.solve(covariance, logs))
    statistic = squared * df2 / (q * (studies - 1))
    return statistic, q, df2, float(f_p(statistic, q, df2))


def _replicates(again: SelectionBootstrap) -> Replicates:
    return Replicates(again.replicates, len(again.draws), again.empty, again.unsettled, again.seed)


def _warnings(fit: SelectionFit, again: SelectionBootstrap | None) -> tuple[str, ...]:
    name = f"selection model {_words(fit.steps)}"
    found = []
    thin = [j for j, n in enumerate(fit.counts) if n < SPARSE]
    if thin:
        words = " and ".join(f"{interval_words(fit.steps, j)} ({fit.counts[j]:g})" for j in thin)
        found.append(f"{name}: hardly any effects have {words}, so that little is known of weights")
    if again is not None and again.failed > LOST * again.replicates:
        told = (
            f"{name}: {again.failed:,} of {again.replicates:,} bootstrap replicates have no answer "
            f"({again.empty:,} with an interval without effects or too few studies, "
            f"{again.unsettled:,} without a maximum)"
        )
        if np.isnan(again.se).all():
            found.append(f"{told}: too many for an interval")
        else:
            found.append(f"{told}; the interval is of the others and may be too narrow")
    return tuple(found)


def _floats(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(one) for one in values)


def _words(steps: Sequence[float]) -> str:
    return ", ".join(f"{one:g}" for one in steps)
