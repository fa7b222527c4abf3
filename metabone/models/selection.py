"""Selection models: effects seen more or less often by the interval their p-value falls into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.intervals import chi2_p, critical, two_sided_p
from metabone.models.random_effects import random_effects
from metabone.models.selection_search import (
    STARTS,
    Found,
    Problem,
    count_intervals,
    interval_of,
    problem_of,
    search,
)
from metabone.options import SelectionSide, check_option

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NO_MAXIMUM = (
    "the likelihood of the selection model has no maximum: it still rises as a weight goes to zero "
    "or infinity, or along a ridge; fewer steps, or more effects, may have one"
)


@dataclass(frozen=True, slots=True)
class SelectionFit:
    """Step-function selection models of B data sets (leading axes ``...`` as they came in).

    Attributes
    ----------
    steps : the cut points of one-sided p; J = len(steps) + 1 intervals.
    side : (...) 1 where small p-values are those of large effects, −1 of small ones.
    counts : (..., J) effects in each interval.
    coef : (..., p) coefficients of the mean, NaN with all else where there is no maximum.
    tau2 : (...) variance of true effects.
    delta : (..., J) weight of each interval relative to the first, which has 1.
    vcov : (..., P, P) inverse of the observed information of (coef, tau2, delta[1:]), P = p + J;
        NaN in the rows of a τ² that is 0 or held there.
    loglik, loglik_null : (...) of the model, and of the same model without selection (all weights
        1), both by maximum likelihood.
    null_coef, null_tau2 : (..., p), (...) the model without selection.
    converged : (...) whether a maximum was found.
    k : effects of a data set.
    problem, theta : what was searched, and (B, P) where it was highest: coef as `problem` turned
        it, τ² and log δ.
    """

    steps: tuple[float, ...]
    side: FloatArray
    counts: FloatArray
    coef: FloatArray
    tau2: FloatArray
    delta: FloatArray
    vcov: FloatArray
    loglik: FloatArray
    loglik_null: FloatArray
    null_coef: FloatArray
    null_tau2: FloatArray
    converged: BoolArray
    k: int
    heterogeneity: bool
    problem: Problem = field(repr=False)
    theta: FloatArray = field(repr=False)

    @property
    def se(self) -> FloatArray:
        """(..., p) standard errors of the coefficients."""
        return self._errors[..., : self.coef.shape[-1]]

    @property
    def tau2_se(self) -> FloatArray:
        """(...) standard error of τ²; NaN where it is 0."""
        return self._errors[..., self.coef.shape[-1]]

    @property
    def delta_se(self) -> FloatArray:
        """(..., J) standard errors of the weights; NaN for the first, which is 1 by definition."""
        tail = self._errors[..., self.coef.shape[-1] + 1 :]
        first = np.full((*tail.shape[:-1], 1), np.nan)
        return np.concatenate([first, tail], axis=-1)

    @property
    def _errors(self) -> FloatArray:
        return np.sqrt(np.diagonal(self.vcov, axis1=-2, axis2=-1))

    @property
    def statistic(self) -> FloatArray:
        """(..., p) z."""
        return self.coef / self.se

    @property
    def pvalue(self) -> FloatArray:
        """(..., p) two-sided p-values, from the normal."""
        return two_sided_p(self.statistic, np.nan)

    def ci(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """(..., p) Wald limits of the coefficients."""
        half = critical(np.nan, level) * self.se
        return self.coef - half, self.coef + half

    @property
    def lrt(self) -> FloatArray:
        """(...) likelihood-ratio statistic against the model without selection."""
        return np.maximum(0.0, 2 * (self.loglik - self.loglik_null))

    @property
    def lrt_df(self) -> int:
        """Degrees of freedom of `lrt`: one for each step."""
        return len(self.steps)

    @property
    def lrt_pvalue(self) -> FloatArray:
        """(...) p-value of `lrt`."""
        return chi2_p(self.lrt, self.lrt_df)


def selection_model(
    yi: ArrayLike,
    vi: ArrayLike,
    X: ArrayLike | None = None,
    *,
    steps: Sequence[float] = (0.025,),
    side: str = "auto",
    heterogeneity: bool = True,
) -> SelectionFit:
    """Fit effects that are seen with a chance that depends on their one-sided p-value.

    Each effect is normal with variance vᵢ + τ² and is seen with a weight that is constant between
    the steps: 1 for the smallest p-values, δ_j for the others. One step at 0.025 is the
    three-parameter model, steps at 0.025 and 0.5 the four-parameter one. Estimates are by maximum
    likelihood, the best of searches from several places.

    Parameters
    ----------
    yi, vi : (..., k) effect sizes and sampling variances, of one or many data sets.
    X : (k, p) or (..., k, p) design with its intercept; None for a mean alone.
    steps : cut points of the one-sided p-value of yᵢ / √vᵢ, rising, between 0 and 1.
    side : ``greater``: small p-values are those of large effects; ``less``; or ``auto``, the
        direction of the unadjusted ML mean (``greater`` where it is 0).
    heterogeneity : whether τ² is estimated; otherwise it is 0.

    Raises
    ------
    DataError
        If shapes differ, a value is not finite or a variance not positive; for one data set also
        if an interval holds no effect.
    UsageError
        For steps that do not rise between 0 and 1, or an unknown side.
    ModelError
        For fewer effects than parameters; for one data set also if the likelihood has no maximum.
        Of many data sets, one that has no answer is NaN.

    References
    ----------
    Iyengar & Greenhouse (1988), doi:10.1214/ss/1177013012; Vevea & Hedges (1995),
    doi:10.1007/BF02294384; Hedges & Vevea (1996), doi:10.3102/10769986021004299.

    Examples
    --------
    >>> yi = [1.2, 0.9, 0.8, 0.7, 1.5, 0.3, 0.5, 0.1, 0.6, 0.4]
    >>> vi = [0.25, 0.16, 0.12, 0.1, 0.4, 0.04, 0.09, 0.05, 0.08, 0.06]
    >>> fit = selection_model(yi, vi)
    >>> fit.coef.round(3).tolist(), fit.delta.round(3).tolist(), fit.counts.tolist()
    ([0.227], [1.0, 0.08], [6.0, 4.0])
    """
    y, v = _checked(yi, vi)
    cuts = check_steps(steps)
    x = _design(X, y)
    lead = y.shape[:-1]
    k, p = x.shape[-2:]
    if k < p + len(cuts) + heterogeneity:
        raise ModelError(
            f"{k} effects cannot estimate {p + len(cuts) + heterogeneity} parameters "
            f"({p} of the mean, {len(cuts)} of the steps{', τ²' if heterogeneity else ''})"
        )
    flat_y, flat_v = y.reshape(-1, k), v.reshape(-1, k)
    flat_x = np.broadcast_to(x, (*lead, k, p)).reshape(-1, k, p)
    signs = _signs(flat_y, flat_v, side, heterogeneity)
    problem = problem_of(flat_y, flat_v, flat_x, cuts, signs, heterogeneity)
    fit = fit_problem(problem, cuts, STARTS)
    if not lead:
        _refuse(fit)
    return _reshaped(fit, lead)


def check_steps(steps: Sequence[float]) -> tuple[float, ...]:
    """The cut points as floats.

    Raises
    ------
    UsageError
        Unless there is one or more, they lie between 0 and 1 and rise.

    Examples
    --------
    >>> check_steps([0.025, 0.5])
    (0.025, 0.5)
    """
    cuts = tuple(float(one) for one in steps)
    rising = all(a < b for a, b in pairwise(cuts))
    if not cuts or not rising or not all(0 < one < 1 for one in cuts):
        raise UsageError(
            "steps are one-sided p-values that rise between 0 and 1, e.g. 0.025 or 0.025, 0.5; "
            f"got {', '.join(f'{one:g}' for one in cuts) or 'none'}"
        )
    return cuts


def intervals_of(yi: ArrayLike, vi: ArrayLike, steps: Sequence[float], side: float) -> FloatArray:
    """(..., J) how many effects fall into each interval of one-sided p; `side` is 1 or −1.

    Examples
    --------
    >>> intervals_of([0.9, 0.1, -0.2], [0.1, 0.1, 0.1], (0.025, 0.5), 1).tolist()
    [1.0, 1.0, 1.0]
    """
    y, v = _checked(yi, vi)
    return count_intervals(
        interval_of(side * y, v, check_steps(steps)), np.ones(y.shape), len(steps) + 1
    )


def interval_words(steps: Sequence[float], number: int) -> str:
    """What an interval of one-sided p is called.

    Examples
    --------
    >>> [interval_words((0.025, 0.5), j) for j in range(3)]
    ['p ≤ 0.025', '0.025 < p ≤ 0.5', 'p > 0.5']
    """
    if number == 0:
        return f"p ≤ {steps[0]:g}"
    if number == len(steps):
        return f"p > {steps[-1]:g}"
    return f"{steps[number - 1]:g} < p ≤ {steps[number]:g}"


def fit_problem(
    problem: Problem,
    steps: tuple[float, ...],
    starts: Sequence[tuple[float, float]],
    near: FloatArray | None = None,
) -> SelectionFit:
    """The fits of all data sets; `near` (P,) is one more place to begin."""
    return _assembled(problem, steps, search(problem, starts, near))


def _assembled(problem: Problem, steps: tuple[float, ...], found: Found) -> SelectionFit:
    theta, null, value, null_value, good, vcov = found
    like = problem.likelihood
    p = like.p
    turn = np.ones(theta.shape)
    turn[:, :p] = problem.side[:, None]
    out = np.where(good[:, None], turn * theta, np.nan)
    delta = np.concatenate([np.where(good, 1.0, np.nan)[:, None], np.exp(out[:, p + 1 :])], axis=1)
    vcov = np.where(good[:, None, None], vcov * turn[:, :, None] * turn[:, None, :], np.nan)
    return SelectionFit(
        steps=steps, side=problem.side,
        counts=count_intervals(like.interval, like.weights, len(steps) + 1),
        coef=out[:, :p], tau2=out[:, p], delta=delta, vcov=vcov,
        loglik=np.where(good, value, np.nan), loglik_null=null_value,
        null_coef=problem.side[:, None] * null[:, :p], null_tau2=null[:, p],
        converged=good, k=like.y.shape[1], heterogeneity=problem.heterogeneity,
        problem=problem, theta=theta,
    )  # fmt: skip


def _refuse(fit: SelectionFit) -> None:
    """Say why one data set has no answer."""
    empty = np.flatnonzero(fit.counts[0] == 0)
    if len(empty):
        names = " and ".join(interval_words(fit.steps, int(j)) for j in empty)
        raise DataError(
            f"no effect has a one-sided p-value of {names}, so that its weight cannot be "
            "estimated; move the steps or take fewer"
        )
    if not fit.converged[0]:
        raise ModelError(NO_MAXIMUM)


def _reshaped(fit: SelectionFit, lead: tuple[int, ...]) -> SelectionFit:
    def shaped(values: NDArray) -> NDArray:  # type: ignore[type-arg]
        return values.reshape((*lead, *values.shape[1:]))

    return SelectionFit(
        steps=fit.steps, side=shaped(fit.side), counts=shaped(fit.counts), coef=shaped(fit.coef),
        tau2=shaped(fit.tau2), delta=shaped(fit.delta), vcov=shaped(fit.vcov),
        loglik=shaped(fit.loglik), loglik_null=shaped(fit.loglik_null),
        null_coef=shaped(fit.null_coef), null_tau2=shaped(fit.null_tau2),
        converged=shaped(fit.converged), k=fit.k, heterogeneity=fit.heterogeneity,
        problem=fit.problem, theta=fit.theta,
    )  # fmt: skip


def _signs(y: FloatArray, v: FloatArray, side: str, heterogeneity: bool) -> FloatArray:
    word = check_option("side", side, SelectionSide)
    if word == "auto":
        method = "ML" if heterogeneity else "EE"
        mean = random_effects(y, v, method=method, test="wald").coef[:, 0]
        return np.where(mean < 0, -1.0, 1.0)
    return np.full(len(y), 1.0 if word == "greater" else -1.0)


def _design(X: ArrayLike | None, y: FloatArray) -> FloatArray:
    if X is None:
        return np.ones((y.shape[-1], 1))
    x = np.asarray(X, dtype=float)
    if x.ndim < 2 or x.shape[-2] != y.shape[-1] or not np.isfinite(x).all():
        raise DataError(
            f"X must be finite and of shape (..., {y.shape[-1]}, p); got shape {x.shape}"
        )
    if (np.linalg.matrix_rank(x) < x.shape[-1]).any():
        raise ModelError("columns of X are linear combinations of each other")
    return x


def _checked(yi: ArrayLike, vi: ArrayLike) -> tuple[FloatArray, FloatArray]:
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    if y.shape != v.shape or y.ndim == 0 or y.shape[-1] == 0:
        raise DataError(f"yi and vi must be of one shape (..., k); got {y.shape} and {v.shape}")
    if not (np.isfinite(y).all() and np.isfinite(v).all()) or (v <= 0).any():
        raise DataError("yi and vi must be finite, and every vi positive")
    return y, v
