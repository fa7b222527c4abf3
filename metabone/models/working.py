"""Robust variance estimation with the correlated and hierarchical working models of robumeta.

The weights of a working model need not be right: the standard errors are robust. They differ from
those of a multilevel model in how the variances are found, by moments, and in how effects share
their study's weight.

Hedges, Tipton & Johnson (2010), doi:10.1002/jrsm.5; Tipton (2015), doi:10.1037/met0000011; Fisher &
Tipton (2015), arXiv:1503.02220.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.robust import ClusterGroup, RobustFit, sandwich
from metabone.options import RobustType, WorkingModel, WorkingTarget, check_option

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class WorkingFit:
    """A robust meta-regression of k effects in m studies with p coefficients.

    Attributes
    ----------
    robust : estimates, covariance, degrees of freedom, intervals and tests.
    tau2 : variance of true effects between studies.
    omega2 : variance of true effects within studies; NaN for ``CORR``, which has none.
    q, q_df : residual heterogeneity with the weights of no heterogeneity, and what it is on average
        then. The latter is not a whole number where effects of a study are correlated.
    i2 : per cent; ``CORR``: 100 (q − q_df) / q, ``HIER``: share of τ² + ω² in the total with the
        typical sampling variance.
    weights : (k,) of the final fit.
    rho : correlation that ``CORR`` takes between effects of one study; NaN for ``HIER``.
    """

    robust: RobustFit
    model: str
    tau2: float
    omega2: float
    q: float
    q_df: float
    i2: float
    rho: float
    k: int
    m: int
    weights: FloatArray = field(repr=False)

    @property
    def coef(self) -> FloatArray:
        """(p,) coefficients."""
        return self.robust.coef


@dataclass(frozen=True, slots=True)
class _Data:
    """Effects sorted by study: y, v, codes (k,), x (k, p), and of each study sizes, starts (m,)."""

    y: FloatArray
    v: FloatArray
    x: FloatArray
    codes: IntArray
    sizes: IntArray
    starts: IntArray
    order: IntArray

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum over each study along the first axis."""
        total: FloatArray = np.add.reduceat(values, self.starts, axis=0)
        return total


def working_model(
    yi: ArrayLike,
    vi: ArrayLike,
    study: ArrayLike,
    X: ArrayLike | None = None,
    *,
    model: str = "CORR",
    rho: float = 0.8,
    type: str = "CR2",
    target: str = "weights",
) -> WorkingFit:
    """Fit a meta-regression with a working model's weights and cluster-robust standard errors.

    Parameters
    ----------
    yi, vi : (k,) effects and sampling variances.
    study : (k,) labels.
    X : (k, p) design; None for a mean alone.
    model : ``CORR``: effects of a study differ by sampling alone, with the correlation `rho`, and
        share the weight 1 / (mean v + τ²) evenly. ``HIER``: effects with independent sampling
        errors, 1 / (v + τ² + ω²) each.
    rho : for ``CORR``, 0 to 1; it moves τ² a little and the rest hardly.
    type : of the robust covariance. ``CR2`` is robumeta's ``small = TRUE``; ``CR1p`` with m − p
        degrees of freedom its ``small = FALSE``.
    target : the covariance for which CR2 is exact: ``weights`` (the inverse weights, as robumeta
        has it) or ``model`` (what the working model says, correlations included).

    Raises
    ------
    DataError
        If shapes differ or a variance is not positive.
    ModelError
        If the studies are not more than the coefficients, the design has dependent columns, or no
        study has two effects to estimate ω² from.

    Examples
    --------
    >>> fit = working_model([0.2, 0.4, 0.9, 1.1, 0.1, 0.3], [0.05] * 6, [1, 1, 2, 2, 3, 3])
    >>> round(fit.tau2, 4), round(float(fit.robust.se[0]), 4)
    (0.1525, 0.2517)
    """
    model = check_option("model", model, WorkingModel)
    type = check_option("type", type, RobustType)
    target = check_option("target", target, WorkingTarget)
    if model == "CORR" and not 0 <= rho <= 1:
        raise UsageError(f"rho must lie between 0 and 1; got {rho!r}")
    data = _arrange(yi, vi, study, X)
    return _correlated(data, rho, type, target) if model == "CORR" else _hier(data, type, target)


def _arrange(yi: ArrayLike, vi: ArrayLike, study: ArrayLike, X: ArrayLike | None) -> _Data:
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    if y.ndim != 1 or not len(y) or not np.isfinite(y).all():
        raise DataError("yi must be a (k,) vector of finite numbers")
    if v.shape != y.shape or not np.isfinite(v).all() or (v <= 0).any():
        raise DataError(f"vi must be ({len(y)},) positive numbers")
    x = np.ones((len(y), 1)) if X is None else np.asarray(X, dtype=float)
    if x.ndim != 2 or len(x) != len(y) or not np.isfinite(x).all():
        raise DataError(f"X must be ({len(y)}, p) finite numbers; got the shape {x.shape}")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise ModelError("the columns of X depend on each other: drop a moderator or a level")
    codes = np.unique(np.asarray(study), return_inverse=True)[1].reshape(-1)
    if len(codes) != len(y):
        raise DataError(f"study has {len(codes)} labels for {len(y)} effects")
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    if len(sizes) <= x.shape[1]:
        raise ModelError(
            f"{len(sizes)} studies cannot give robust standard errors of {x.shape[1]} coefficients"
        )
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return _Data(y[order], v[order], x[order], codes[order], sizes, starts, order)


def _correlated(data: _Data, rho: float, type: str, target: str) -> WorkingFit:
    """τ² by the mean of y′Py under the working model, P with the weights 1 / (k_j mean v)."""
    sizes = data.sizes.astype(float)
    mean_v = data.sums(data.v) / sizes
    w = (1 / (sizes * mean_v))[data.codes]
    cov, e = _least_squares(data, w)
    q = float((w * e**2).sum())
    x_sums, wx_sums = data.sums(data.x), data.sums(w[:, None] * data.x)
    share = 1 / sizes
    alone = np.einsum("k,kp,kq->pq", w * share[data.codes], data.x, data.x)
    together = np.einsum("mp,mq->pq", wx_sums * share[:, None], x_sums)
    # E(q) = τ² (Σ w − tr cov X′WJWX) + m − tr cov [(1 − ρ) alone + ρ together]
    q_df = len(sizes) - float(np.trace(cov @ ((1 - rho) * alone + rho * together)))
    slope = float(w.sum() - np.trace(cov @ (wx_sums.T @ wx_sums)))
    tau2 = max(0.0, (q - q_df) / slope)
    weights = (1 / (sizes * (mean_v + tau2)))[data.codes]
    i2 = 100 * max(0.0, (q - q_df) / q) if q > 0 else 0.0

    def sampling(v: FloatArray) -> FloatArray:
        root = np.sqrt(v)
        return rho * root[:, :, None] * root[:, None, :] + _diagonal((1 - rho) * v) + tau2

    robust = _robust(data, weights, type, sampling if target == "model" else None)
    return WorkingFit(
        robust,
        "CORR",
        tau2,
        np.nan,
        q,
        q_df,
        i2,
        rho,
        len(data.y),
        len(sizes),
        _back(data, weights),
    )


def _hier(data: _Data, type: str, target: str) -> WorkingFit:
    """τ² and ω² from two sums of squared residuals, each set equal to its mean.

    With W = V⁻¹, R = I − X(X′WX)⁻¹X′W and J the ones of each study: y′R′WRy and y′R′JRy.
    """
    k, p = data.x.shape
    if (data.sizes == 1).all():
        raise ModelError("no study has two effects, so that omega² cannot be told from tau²")
    w = 1 / data.v
    cov, e = _least_squares(data, w)
    q, between = float((w * e**2).sum()), float((data.sums(e) ** 2).sum())
    (q_tau, q_omega), (b_tau, b_omega), b_sampling = _hier_means(data, w, cov)
    rest, b_rest = q - (k - p), between - b_sampling
    omega2 = max(0.0, (b_tau * rest - q_tau * b_rest) / (b_tau * q_omega - q_tau * b_omega))
    tau2 = max(0.0, (rest - omega2 * q_omega) / q_tau)
    weights = 1 / (data.v + tau2 + omega2)
    total = tau2 + omega2
    i2 = 100 * total / (total + (k - p) / q_omega)

    def working(v: FloatArray) -> FloatArray:
        return np.asarray(_diagonal(v + omega2) + tau2)

    robust = _robust(data, weights, type, working if target == "model" else None)
    m, rho = len(data.sizes), float("nan")
    return WorkingFit(robust, "HIER", tau2, omega2, q, k - p, i2, rho, k, m, _back(data, weights))


def _hier_means(
    data: _Data, w: FloatArray, cov: FloatArray
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """What the two sums are on average for τ² = 1 and for ω² = 1, and the second by sampling.

    The first is k − p by sampling alone, and tr P for ω² = 1.
    """
    x, sums, sizes = data.x, data.sums(data.x), data.sizes.astype(float)
    wx_sums = data.sums(w[:, None] * x)
    xwjx, xwjwx, xwwx = wx_sums.T @ sums, wx_sums.T @ wx_sums, (w**2 * x.T) @ x
    spread = cov @ (sums.T @ sums)
    q_tau = float(w.sum() - np.trace(cov @ xwjwx))
    q_omega = float(w.sum() - np.trace(cov @ xwwx))
    twice = float(np.trace(cov @ (wx_sums.T @ (sizes[:, None] * sums))))
    b_tau = float((sizes**2).sum()) - 2 * twice + float(np.trace(cov @ xwjwx @ spread))
    b_omega = len(x) - 2 * float(np.trace(cov @ xwjx)) + float(np.trace(cov @ xwwx @ spread))
    return (q_tau, q_omega), (b_tau, b_omega), float(data.v.sum() - np.trace(spread))


def _least_squares(data: _Data, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(X′WX)⁻¹ and the residuals of weighted least squares."""
    wx = w[:, None] * data.x
    cov = np.linalg.inv(wx.T @ data.x).astype(float, copy=False)
    residual: FloatArray = data.y - data.x @ (cov @ (wx.T @ data.y))
    return cov, residual


def _robust(
    data: _Data,
    weights: FloatArray,
    type: str,
    covariance: Callable[[FloatArray], FloatArray] | None,
) -> RobustFit:
    """The sandwich around the weights; `covariance` turns (g, n) sampling variances into Φ."""
    cov, e = _least_squares(data, weights)
    coef = cov @ ((weights[:, None] * data.x).T @ data.y)
    groups = []
    for size in np.unique(data.sizes):
        rows = data.starts[data.sizes == size][:, None] + np.arange(size)
        w = weights[rows]
        shared = (data.order[rows], data.x[rows])
        if covariance is None:
            groups.append(ClusterGroup(*shared, _diagonal(1 / w), e[rows]))
        else:
            groups.append(ClusterGroup(*shared, covariance(data.v[rows]), e[rows], _diagonal(w)))
    return sandwich(groups, coef, type=type)


def _diagonal(values: FloatArray) -> FloatArray:
    """(g, n) as the diagonals of (g, n, n)."""
    full: FloatArray = values[:, :, None] * np.eye(values.shape[1])
    return full


def _back(data: _Data, values: FloatArray) -> FloatArray:
    """Sorted values in the caller's order."""
    out = np.empty_like(values)
    out[data.order] = values
    return out
