"""Multilevel meta-analysis: effects nested in studies, or crossed with strains and laboratories."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError
from metabone.models.components import Blocks
from metabone.models.intervals import chi2_p, critical, f_p, two_sided_p
from metabone.models.nested import Solution, constant
from metabone.models.newton import Maximum
from metabone.models.problem import Problem, build_problem, search
from metabone.options import MultilevelDf, MultilevelMethod, check_option

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MultilevelFit:
    """A fitted multilevel model with p coefficients and L variance components.

    Attributes
    ----------
    coef, vcov : (p,) and (p, p), model-based.
    df : (p,) degrees of freedom, NaN for the normal.
    sigma2 : variance component of each random factor, by name.
    loglik : (restricted) log-likelihood with all constants.
    boundary : the components that were estimated as exactly zero.
    q, q_df : residual heterogeneity statistic with W = V⁻¹, and its degrees of freedom.
    i2 : share of each component in the total variance, per cent, by name, and ``total``.
    qm, qm_df, qm_df2 : Wald test of all coefficients but the intercept (of the intercept where it
        stands alone): χ² where qm_df2 is NaN, else F.
    levels : how many levels each random factor has.
    """

    coef: FloatArray
    vcov: FloatArray
    df: FloatArray
    sigma2: Mapping[str, float]
    loglik: float
    method: str
    converged: bool
    iterations: int
    boundary: tuple[str, ...]
    q: float
    q_df: int
    i2: Mapping[str, float]
    qm: float
    qm_df: int
    qm_df2: float
    k: int
    levels: Mapping[str, int]
    problem: Problem = field(repr=False)

    @property
    def se(self) -> FloatArray:
        """(p,) model-based standard errors."""
        return np.sqrt(np.diagonal(self.vcov))

    @property
    def statistic(self) -> FloatArray:
        """(p,) t or z."""
        return self.coef / self.se

    @property
    def pvalue(self) -> FloatArray:
        """(p,) two-sided p-values."""
        return two_sided_p(self.statistic, self.df)

    @property
    def q_pvalue(self) -> float:
        """p-value of the heterogeneity test."""
        return float(chi2_p(self.q, self.q_df))

    @property
    def qm_pvalue(self) -> float:
        """p-value of the moderators together."""
        if math.isnan(self.qm_df2):
            return float(chi2_p(self.qm, self.qm_df))
        return float(f_p(self.qm, self.qm_df, self.qm_df2))

    @property
    def tau2(self) -> float:
        """Total variance of true effects: the sum of the components."""
        return float(sum(self.sigma2.values()))

    def ci(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """(p,) lower and upper confidence limits."""
        half = critical(self.df, level) * self.se
        return self.coef - half, self.coef + half

    def pi(
        self, level: float = 0.95, *, se: float | None = None, df: float | None = None
    ) -> tuple[float, float]:
        """Prediction interval around the first coefficient for a new effect in a new study.

        A robust `se` with its `df` may take the place of the model's.
        """
        spread = math.sqrt(self.tau2 + (float(self.se[0]) if se is None else se) ** 2)
        half = float(critical(self.df[0] if df is None else df, level)) * spread
        return float(self.coef[0]) - half, float(self.coef[0]) + half

    @property
    def solution(self) -> Solution:
        """Generalised least squares at the estimate, in the problem's own basis."""
        return self.problem.engine.solve(self.theta[None], np.arange(1))

    @property
    def theta(self) -> FloatArray:
        """(L,) variance components in the order of their factors."""
        return np.array(list(self.sigma2.values()))


def multilevel(
    yi: ArrayLike,
    V: ArrayLike | Blocks,
    random: Mapping[str, ArrayLike],
    X: ArrayLike | None = None,
    *,
    method: str = "REML",
    df: str = "contain",
) -> MultilevelFit:
    """Fit a multilevel random-effects model.

    Parameters
    ----------
    yi : (k,) effect sizes.
    V : (k,) sampling variances, or the sampling covariance as a sequence of blocks
        ``(rows, covariance)`` that together name each row once.
    random : labels (k,) of each random factor by name, e.g. ``{"study": …, "effect": range(k)}``.
        Factors may be nested or crossed.
    X : (k, p) design; None for a mean alone.
    method : ``REML`` or ``ML``.
    df : of the coefficients' t: ``contain`` (levels − p of the smallest factor within whose levels
        the moderator is constant, k − p if there is none), ``residual`` (k − p), or ``normal``.

    Raises
    ------
    DataError
        If shapes differ or V is not positive definite.
    ModelError
        If the design has dependent columns, two factors have the same levels, or the model does
        not converge from any start.

    References
    ----------
    Konstantopoulos (2011), doi:10.1002/jrsm.35; Van den Noortgate et al. (2013),
    doi:10.3758/s13428-012-0261-6; Schluchter & Elashoff (1990), doi:10.1080/00949659008811295
    (containment).

    Examples
    --------
    >>> fit = multilevel([0.2, 0.4, 0.9, 1.1, 0.1, 0.3], [0.05] * 6,
    ...                  {"study": [1, 1, 2, 2, 3, 3], "effect": range(6)})
    >>> round(float(fit.coef[0]), 3), fit.boundary
    (0.5, ('effect',))
    """
    method = check_option("method", method, MultilevelMethod)
    df = check_option("df", df, MultilevelDf)
    problem = build_problem(yi, V, random, X, method=method, df=df)
    return _finish(problem, search(problem))


def _finish(problem: Problem, found: Maximum) -> MultilevelFit:
    engine, x = problem.engine, problem.x
    k, p = x.shape
    rows = np.arange(1)
    at = engine.solve(found.theta, rows)
    turn = np.linalg.inv(problem.triangle)
    coef, vcov = turn @ at.coef[0], turn @ at.cov[0] @ turn.T
    sigma2 = dict(zip(problem.names, found.theta[0].tolist(), strict=True))
    flat = engine.solve(np.zeros_like(found.theta), rows)
    restricted = problem.method == "REML"
    dof = degrees_of_freedom(problem)
    qm, qm_df, qm_df2 = _moderator_test(coef, vcov, x, dof)
    return MultilevelFit(
        coef=coef,
        vcov=vcov,
        df=dof,
        sigma2=sigma2,
        loglik=float(found.value[0]) + constant(k, p, restricted=restricted),
        method=problem.method,
        converged=bool(found.converged[0]),
        iterations=int(found.iterations[0]),
        boundary=tuple(name for name, value in sigma2.items() if value == 0),
        q=float(flat.q[0]),
        q_df=k - p,
        i2=_i_squared(problem, flat, sigma2),
        qm=qm,
        qm_df=qm_df,
        qm_df2=qm_df2,
        k=k,
        levels={name: int(codes.max()) + 1 for name, codes in problem.codes.items()},
        problem=problem,
    )


def degrees_of_freedom(problem: Problem) -> FloatArray:
    """(p,) degrees of freedom of the coefficients by the problem's rule."""
    k, p = problem.x.shape
    if problem.df == "normal":
        return np.full(p, np.nan)
    dof = np.full(p, float(k - p))
    if problem.df == "residual":
        return dof
    for codes in problem.codes.values():
        count = int(codes.max()) + 1
        one = np.empty(count, dtype=np.intp)  # an effect of each level
        one[codes] = np.arange(k)
        constant_within = (problem.x == problem.x[one[codes]]).all(axis=0)
        dof[constant_within] = np.minimum(dof[constant_within], count - p)
    return np.where(dof > 0, dof, 0.0)


def _moderator_test(
    coef: FloatArray, vcov: FloatArray, x: FloatArray, dof: FloatArray
) -> tuple[float, int, float]:
    """All coefficients but the intercept together; of the intercept where it stands alone."""
    chosen = [j for j in range(x.shape[1]) if not (x[:, j] == 1).all()] or [0]
    part = coef[chosen]
    wald = float(part @ np.linalg.solve(vcov[np.ix_(chosen, chosen)], part))
    df2 = float(dof[chosen].min())
    return wald if math.isnan(df2) else wald / len(chosen), len(chosen), df2


def _i_squared(problem: Problem, flat: Solution, sigma2: Mapping[str, float]) -> dict[str, float]:
    """Shares of the total variance, with the typical sampling variance (k − p) / tr P, P at V.

    Higgins & Thompson (2002), doi:10.1002/sim.1186, extended to levels as by Nakagawa & Santos
    (2012), doi:10.1007/s10682-012-9555-5.
    """
    k, p = problem.x.shape
    h = flat.h[0]
    trace = problem.engine.inverse_trace() - float(np.einsum("pq,pk,qk->", flat.cov[0], h, h))
    typical = (k - p) / trace
    total = sum(sigma2.values()) + typical
    shares = {name: 100 * value / total for name, value in sigma2.items()}
    return {"total": 100 * sum(sigma2.values()) / total} | shares


def profile_interval(fit: MultilevelFit, name: str, level: float = 0.95) -> tuple[float, float]:
    """Profile-likelihood interval of one variance component.

    The limits are where twice the fall of the profile log-likelihood reaches the χ² quantile; a
    lower limit of exactly 0 means that zero lies inside.

    Raises
    ------
    DataError
        If the model has no component of that name.
    """
    from scipy.optimize import brentq
    from scipy.special import chdtri

    if name not in fit.sigma2:
        raise DataError(f"the model has no component {name!r}; it has {', '.join(fit.sigma2)}")
    top = float(search(fit.problem, {name: fit.sigma2[name]}, fit.theta).value[0])
    drop = float(chdtri(1, 1 - level)) / 2

    def excess(value: float) -> float:
        return top - float(search(fit.problem, {name: value}, fit.theta).value[0]) - drop

    estimate = fit.sigma2[name]
    low = 0.0
    if estimate > 0 and excess(0.0) > 0:
        low = float(brentq(excess, 0.0, estimate, xtol=1e-7 * estimate, rtol=1e-7))
    high = max(2 * estimate, float(fit.problem.vi.mean()))
    for _ in range(60):
        if excess(high) > 0:
            return low, float(brentq(excess, estimate, high, xtol=1e-7 * high, rtol=1e-7))
        high *= 2
    return low, math.inf


def likelihood_ratio(fit: MultilevelFit, name: str) -> tuple[float, float]:
    """Test that a variance component is zero: statistic and p-value.

    Zero lies on the boundary, so that the reference is half χ² with 1 df and half a point at 0.

    References
    ----------
    Self & Liang (1987), doi:10.1080/01621459.1987.10478472.
    """
    without = search(fit.problem, {name: 0.0})
    full = search(fit.problem)
    statistic = max(0.0, 2 * float(full.value[0] - without.value[0]))
    return statistic, 0.5 * float(chi2_p(statistic, 1)) if statistic > 0 else 1.0


def refit(fit: MultilevelFit, *, method: str) -> MultilevelFit:
    """The same model by another method, e.g. ML to compare moderators."""
    method = check_option("method", method, MultilevelMethod)
    engine = replace(fit.problem.engine, restricted=method == "REML")
    problem = replace(fit.problem, engine=engine, method=method)
    return _finish(problem, search(problem))
