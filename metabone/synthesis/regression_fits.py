"""A meta-regression fitted in either model, in one shape: numbers, tests, errors of contrasts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone.errors import ModelError
from metabone.models.intervals import chi2_p, f_p
from metabone.models.leverage import sole_cluster
from metabone.models.multilevel import MultilevelFit
from metabone.models.random_effects import random_effects, tau2_interval
from metabone.models.robust import RobustFit
from metabone.synthesis.multilevel import (
    Multilevel,
    joint_test,
    random_factors,
    spanned,
    without_scatter,
)
from metabone.synthesis.univariate import effect_arrays, h2_from, prediction_df

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
JointTest = tuple[float, int, float | None, float, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionFit(ABC):
    """The numbers of a fit with p coefficients.

    ``tau2`` is Σσ² in the multilevel model, which has it by level in ``sigma2`` (with its limits);
    ``df`` (p,) is NaN for the normal, and 0 where there is no error to have any.
    """

    coef: FloatArray
    vcov: FloatArray
    df: FloatArray
    tau2: float
    tau2_low: float = float("nan")
    tau2_high: float = float("nan")
    i2: float
    h2: float
    qe: float
    qe_df: int
    pi_df: float
    converged: bool
    sigma2: Mapping[str, float] | None = None
    sigma2_low: Mapping[str, float] | None = None
    sigma2_high: Mapping[str, float] | None = None
    i2_levels: Mapping[str, float] | None = None

    @property
    def se(self) -> FloatArray:
        """(p,) standard errors."""
        return np.sqrt(np.diagonal(self.vcov))

    @abstractmethod
    def joint(self, columns: Sequence[int]) -> JointTest:
        """Test that some coefficients are all zero: statistic, df, second df, p-value, its name."""

    @abstractmethod
    def errors(self, x0: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Standard errors and df, (n,) each, of expected effects ``x0 @ coef``; `x0` (n, p)."""

    def alone(self, x0: FloatArray) -> list[str | None]:
        """The study without which an expected effect has no robust error; None elsewhere."""
        return [None] * len(x0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnivariateRegression(RegressionFit):
    """Effects independent of each other; ``df`` is one number for all."""

    def joint(self, columns: Sequence[int]) -> JointTest:
        """Wald test, as χ² or F with the residual df."""
        chosen = list(columns)
        se = self.se[chosen]
        z = self.coef[chosen] / se
        correlation = self.vcov[np.ix_(chosen, chosen)] / np.outer(se, se)
        wald, m = float(z @ np.linalg.solve(correlation, z)), len(chosen)
        df2 = float(self.df[0])
        if np.isnan(df2):
            return wald, m, None, float(chi2_p(wald, m)), "chi2"
        return wald / m, m, df2, float(f_p(wald / m, m, df2)), "F"

    def errors(self, x0: FloatArray) -> tuple[FloatArray, FloatArray]:
        """By the covariance of the coefficients and their common df."""
        variance = np.einsum("ij,jk,ik->i", x0, self.vcov, x0)
        return np.sqrt(variance), np.full(len(x0), self.df[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class MultilevelRegression(RegressionFit):
    """Effects nested in studies; ``fit`` and ``sandwich`` are in columns scaled by ``lengths``."""

    fit: MultilevelFit = field(repr=False)
    sandwich: RobustFit | None = field(repr=False)
    lengths: FloatArray = field(repr=False)
    ci: str
    studies: tuple[str, ...] = field(repr=False)

    def joint(self, columns: Sequence[int]) -> JointTest:
        """AHT with cluster-robust intervals, else F or χ²; NaN where a study stands alone."""
        contrasts = np.eye(len(self.coef))[list(columns)]
        count = len(contrasts)
        if any(name is not None for name in self._alone(contrasts)):
            nan = float("nan")
            return nan, count, nan, nan, "AHT"
        statistic, _, df2, pvalue, test = joint_test(self.fit, self.sandwich, contrasts, self.ci)
        return statistic, count, df2, pvalue, test

    def errors(self, x0: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Satterthwaite df for CR2; the least containment df of the coefficients involved else."""
        scaled = x0 / self.lengths
        if self.sandwich is None:
            se = np.sqrt(np.einsum("np,pq,nq->n", scaled, self.fit.vcov, scaled))
            df = np.where(x0 != 0, self.fit.df, np.inf).min(axis=1)
            return se, np.where(np.isinf(df), np.nan, df)
        se, df = self.sandwich.contrast(scaled)
        hidden = np.array([name is not None for name in self._alone(scaled)])
        hidden |= without_scatter(self.fit, self.sandwich, scaled)
        return np.where(hidden, np.nan, se), np.where(hidden, 0.0, df)

    def alone(self, x0: FloatArray) -> list[str | None]:
        """See the base; only cluster-robust errors lean on the residuals of several studies."""
        return self._alone(x0 / self.lengths)

    def _alone(self, scaled: FloatArray) -> list[str | None]:
        if self.sandwich is None:
            return [None] * len(scaled)
        problem = self.fit.problem
        found = sole_cluster(problem.x, problem.codes["study"], scaled)
        return [None if code < 0 else self.studies[code] for code in found]


def fit_univariate(
    frame: pd.DataFrame, X: FloatArray, *, method: str, ci: str, level: float
) -> UnivariateRegression:
    """One τ²; the options as in `metabone.synthesis.regression.regress`."""
    yi, vi = effect_arrays(frame)
    # Fitted on an orthonormal basis of X and turned back: nothing but the coefficients depends on
    # the basis, and X'WX stays invertible when a dose counts 10^12 particles beside an intercept.
    lengths = np.linalg.norm(X, axis=0)
    basis, triangle = np.linalg.qr(X / lengths)
    fit = random_effects(yi, vi, basis, method=method, test=ci)
    back = np.linalg.inv(triangle) / lengths[:, None]
    limits = (np.nan, np.nan) if method == "EE" else tau2_interval(yi, vi, basis, level=level)
    return UnivariateRegression(
        coef=back @ fit.coef, vcov=back @ fit.vcov @ back.T,
        df=np.full(X.shape[1], float(fit.df)), tau2=float(fit.tau2), tau2_low=float(limits[0]),
        tau2_high=float(limits[1]), i2=float(fit.i2), h2=float(fit.h2), qe=float(fit.q),
        qe_df=int(fit.q_df), pi_df=float(fit.df), converged=bool(fit.converged),
    )  # fmt: skip


def fit_multilevel(
    model: Multilevel, frame: pd.DataFrame, X: FloatArray, *, limits: bool = False
) -> MultilevelRegression:
    """Nested random effects with the sampling covariance of `model`.

    Parameters
    ----------
    limits : whether to find profile-likelihood limits of the variances.

    Raises
    ------
    ModelError
        If the moderators leave nothing to estimate a variance from, or there are too few studies
        for cluster-robust intervals.
    """
    _check_room(model, X, random_factors(frame, model.random))
    lengths = np.linalg.norm(X, axis=0)
    fit = model.fit(frame, X / lengths)
    sandwich = model.sandwich(fit)
    low, high = model.profile(fit) if limits else (None, None)
    answer = MultilevelRegression(
        coef=fit.coef / lengths,
        vcov=(fit.vcov if sandwich is None else sandwich.vcov) / np.outer(lengths, lengths),
        df=fit.df if sandwich is None else sandwich.df,
        tau2=fit.tau2, i2=fit.i2["total"],
        h2=h2_from(fit.i2["total"], fit.q, fit.q_df, equal_effects=False),
        qe=fit.q, qe_df=fit.q_df, pi_df=prediction_df(model.pi, fit.levels["study"], X.shape[1]),
        converged=fit.converged, sigma2=fit.sigma2, sigma2_low=low, sigma2_high=high,
        i2_levels={name: value for name, value in fit.i2.items() if name != "total"},
        fit=fit, sandwich=sandwich, lengths=lengths, ci=model.ci,
        studies=tuple(np.unique(frame["study"].to_numpy(str)).tolist()),
    )  # fmt: skip
    none = np.isnan(answer.errors(np.eye(len(lengths)))[0])
    hidden = none[:, None] | none[None, :]
    return replace(
        answer, vcov=np.where(hidden, np.nan, answer.vcov), df=np.where(none, 0.0, answer.df)
    )


def _check_room(model: Multilevel, X: FloatArray, factors: Mapping[str, IntArray]) -> None:
    """Refuse a design that leaves too little for the variances, or for robust intervals."""
    k, p = X.shape
    for name, codes in factors.items():
        if spanned(X, codes):
            raise ModelError(
                f"the moderators tell every {name} from the others, so that nothing is left to "
                f"estimate the variance between them from: leave a moderator out"
            )
    if k - p < len(factors):
        raise ModelError(
            f"{k} effects and {p} coefficients leave too little to estimate the variances of "
            f"{' and '.join(factors)} from: leave a moderator out"
        )
    studies = int(factors["study"].max()) + 1
    if model.ci in ("cr2", "cr1", "cr0") and studies <= p:
        raise ModelError(
            f"{studies} studies cannot give cluster-robust intervals of {p} coefficients: "
            "leave moderators out, or take model-based intervals with --ci t"
        )
