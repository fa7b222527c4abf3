"""What a multilevel fit says of single effects and levels: weights, partially pooled estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError
from metabone.models.multilevel import MultilevelFit
from metabone.models.nested import Nested
from metabone.models.random_effects import random_effects

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predicted true means (n,) with the standard errors of prediction (n,)."""

    estimate: FloatArray
    se: FloatArray


def weights(fit: MultilevelFit) -> FloatArray:
    """Weight of each effect in the mean, (k,) per cent: the row sums of M⁻¹.

    They can be negative where sampling errors are strongly correlated.
    """
    _, solved = _solve(fit, np.ones((1, fit.k)))
    share: FloatArray = 100 * solved[0] / solved[0].sum()
    return share


def predict_levels(
    fit: MultilevelFit, levels: Mapping[str, ArrayLike], X: ArrayLike | None = None
) -> Prediction:
    """Best linear unbiased predictions for given levels of the random factors.

    Parameters
    ----------
    fit : the fitted model.
    levels : for each random factor that takes part, (n,) codes of its levels (0 … as
        ``fit.problem.codes`` numbers them); −1 for a level that the data do not have.
    X : (n, p) design of the predictions; None for a mean alone.

    References
    ----------
    Robinson (1991), doi:10.1214/ss/1177011926; Henderson (1975), doi:10.2307/2529430.
    """
    wanted = {name: np.asarray(codes) for name, codes in levels.items()}
    unknown = set(wanted) - set(fit.problem.codes)
    if unknown:
        raise DataError(f"the model has no random factor {', '.join(sorted(unknown))}")
    n = len(next(iter(wanted.values())))
    p = fit.problem.x.shape[1]
    x0 = np.ones((n, 1)) if X is None and p == 1 else np.asarray(X, dtype=float)
    if x0.shape != (n, p):
        raise DataError(f"X must have the shape ({n}, {p}); got {x0.shape}")
    shared, prior = np.zeros((n, fit.k)), np.zeros(n)
    for name, codes in wanted.items():
        same = codes[:, None] == fit.problem.codes[name][None, :]
        shared += fit.sigma2[name] * same
        prior += fit.sigma2[name]
    h, solved = _solve(fit, shared)
    residual = fit.problem.yi - fit.problem.x @ fit.coef
    estimate = x0 @ fit.coef + solved @ residual
    left = x0 - shared @ h
    spread = prior - np.einsum("nk,nk->n", shared, solved)
    spread = spread + np.einsum("np,pq,nq->n", left, fit.vcov, left)
    return Prediction(estimate, np.sqrt(np.maximum(spread, 0.0)))


def predict_clusters(fit: MultilevelFit) -> Prediction | None:
    """The prediction of every level of the first random factor, in the time of one solution.

    The same as `predict_levels` of that factor, for a mean alone. None where another factor crosses
    it, so that M is not zero between its levels.
    """
    name, codes = next(iter(fit.problem.codes.items()))
    levels = int(codes.max()) + 1
    nested = all(
        len(np.unique(other * levels + codes)) == int(other.max()) + 1
        for other in fit.problem.codes.values()
    )
    if not nested:
        return None
    if fit.problem.x.shape[1] != 1 or np.ptp(fit.problem.x) > 0:
        raise DataError("clusters are predicted for a mean alone")
    x = float(fit.problem.x[0, 0])
    h = _solve(fit, np.empty((0, fit.k)))[0][:, 0] / x  # M⁻¹1
    residual = fit.problem.yi - x * fit.coef[0]
    prior = fit.sigma2[name]
    share = prior * np.bincount(codes, h)
    estimate = x * fit.coef[0] + prior * np.bincount(codes, h * residual)
    spread = prior * (1 - share) + (1 - share) ** 2 * x**2 * fit.vcov[0, 0]
    return Prediction(estimate, np.sqrt(np.maximum(spread, 0.0)))


def predict_effects(
    yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None, *, method: str = "REML"
) -> Prediction:
    """Best linear unbiased predictions of the true effects of a univariate random-effects model.

    Each effect is drawn to what the model expects of it, the more the less it is known:
    λ yᵢ + (1 − λ) xᵢb with λ = τ² / (τ² + vᵢ).

    Parameters
    ----------
    yi, vi : (k,) effects and their sampling variances.
    X : (k, p) design; None for a mean alone.
    method : estimator of τ².

    References
    ----------
    Robinson (1991), doi:10.1214/ss/1177011926; Raudenbush & Bryk (1985),
    doi:10.3102/10769986010002075.

    Examples
    --------
    >>> predict_effects([0.1, 0.6, 1.1], [0.04, 0.05, 0.06]).estimate.round(3).tolist()
    [0.181, 0.597, 0.982]
    """
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    fit = random_effects(y, v, X, method=method, test="wald")
    x = np.ones((len(y), 1)) if X is None else np.asarray(X, dtype=float)
    share = fit.tau2 / (fit.tau2 + v)
    estimate = share * y + (1 - share) * (x @ fit.coef)
    spread = np.einsum("kp,pq,kq->k", x, fit.vcov, x)
    return Prediction(estimate, np.sqrt(share * v + (1 - share) ** 2 * spread))


def _solve(fit: MultilevelFit, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """M⁻¹X (k, p) and M⁻¹b for each row b of `vectors` (n, k), in the caller's order."""
    engine, theta = fit.problem.engine, fit.theta
    columns = np.vstack([fit.problem.x.T, vectors])
    if isinstance(engine, Nested):
        c = engine.clusters
        solved = c.restore(engine.inverse(theta, c.rotate(columns)))
    else:
        solved = engine.inverse(theta, columns)
    p = fit.problem.x.shape[1]
    return solved[:p].T, solved[p:]
