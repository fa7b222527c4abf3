"""Refits of a random-effects model on parts of the effects, and what they say of each effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError
from metabone.models.intervals import critical, two_sided_p
from metabone.models.random_effects import random_effects

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# A direction of the design with less than this share outside a group rests on that group.
ALONE = 1e-9
# Numbers that a batch of refits may hold at once in one array.
BATCH = 4_000_000


@dataclass(frozen=True, slots=True)
class Deletions:
    """Refits of m parts of the effects, with p coefficients each.

    ``coef``, ``se``, (m, p); ``vcov`` (m, p, p); ``df``, ``tau2``, ``i2`` (per cent), ``q`` (m,)
    test of the rest's heterogeneity, ``k`` how many effects are in it. NaN where the rest cannot
    give the coefficients. One effect for a mean alone is that effect, with τ² = 0.
    """

    coef: FloatArray
    vcov: FloatArray
    df: FloatArray
    tau2: FloatArray
    i2: FloatArray
    q: FloatArray
    k: FloatArray
    converged: BoolArray

    @property
    def se(self) -> FloatArray:
        """(m, p) standard errors."""
        return np.sqrt(np.diagonal(self.vcov, axis1=1, axis2=2))

    @property
    def pvalue(self) -> FloatArray:
        """(m, p) two-sided p-values."""
        return two_sided_p(self.coef / self.se, self.df[:, None])

    def ci(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """(m, p) lower and upper confidence limits."""
        half = critical(self.df, level)[:, None] * self.se
        return self.coef - half, self.coef + half


@dataclass(frozen=True, slots=True)
class Influence:
    """Case diagnostics of m effects (or clusters of them) and p coefficients.

    Attributes
    ----------
    rstudent : (m,) externally standardised residual: what the others predict, less what is there,
        over the standard error of that difference.
    dffits : (m,) change of the fitted value, over √(hat · (τ²₍₋ᵢ₎ + vᵢ)).
    cook_d : (m,) squared change of all coefficients, over the full fit's covariance.
    cov_ratio : (m,) determinant of the covariance of the coefficients without it, over that with.
    hat : (m,) leverage; the sum is p.
    weight : (m,) weight in per cent.
    dfbetas : (m, p) change of each coefficient over its standard error, the latter with all effects
        and the heterogeneity of the others.
    tau2_deleted, q_deleted : (m,) heterogeneity of the others.
    """

    rstudent: FloatArray
    dffits: FloatArray
    cook_d: FloatArray
    cov_ratio: FloatArray
    hat: FloatArray
    weight: FloatArray
    dfbetas: FloatArray
    tau2_deleted: FloatArray
    q_deleted: FloatArray

    def thresholds(self) -> dict[str, float]:
        """Where each measure begins to be remarkable; see `flags`."""
        from scipy.special import chdtri

        m, p = self.dfbetas.shape
        return {
            "dffits": 3 * float(np.sqrt(p / (m - p))) if m > p else float("nan"),
            "cook_d": float(chdtri(p, 0.5)),
            "hat": 3 * p / m,
            "dfbetas": 1.0,
        }

    def flags(self) -> dict[str, BoolArray]:
        """(m,) by measure, whether it lies beyond its threshold.

        DFFITS beyond ± 3 √(p / (m − p)); Cook's distance that cuts off half of χ² with p degrees of
        freedom; a leverage above 3 p / m; any DFBETAS beyond ± 1.

        References
        ----------
        Viechtbauer & Cheung (2010), doi:10.1002/jrsm.11.
        """
        limit = self.thresholds()
        return {
            "dffits": np.abs(self.dffits) > limit["dffits"],
            "cook_d": self.cook_d > limit["cook_d"],
            "hat": np.asarray(self.hat > limit["hat"]),
            "dfbetas": np.asarray((np.abs(self.dfbetas) > limit["dfbetas"]).any(axis=1)),
        }


def fit_parts(
    yi: ArrayLike,
    vi: ArrayLike,
    include: ArrayLike,
    X: ArrayLike | None = None,
    *,
    method: str = "REML",
    test: str = "hksj",
) -> Deletions:
    """Fit the random-effects model to m parts of the effects, in one batch.

    Parameters
    ----------
    yi, vi : (k,) effects and their sampling variances.
    include : (m, k) booleans, the effects of each part.
    X, method, test : as for `metabone.models.random_effects.random_effects`.

    Raises
    ------
    DataError
        If the shapes do not fit.

    Examples
    --------
    >>> parts = fit_parts([0.1, 0.6, 1.1], [0.04, 0.05, 0.06], [[1, 0, 0], [1, 1, 1]], test="wald")
    >>> parts.coef[:, 0].round(4).tolist(), parts.tau2.round(4).tolist()
    ([0.1, 0.5867], [0.0, 0.2003])
    """
    y, v = _effects(yi, vi)
    on = np.asarray(include, dtype=bool)
    k = len(y)
    if on.ndim != 2 or on.shape[1] != k:
        raise DataError(f"include must have the shape (m, {k}); got {on.shape}")
    x = None if X is None else np.asarray(X, dtype=float)
    p = 1 if x is None else x.shape[-1]
    m = len(on)
    out = Deletions(
        np.full((m, p), np.nan), np.full((m, p, p), np.nan), np.full(m, np.nan),
        np.full(m, np.nan), np.full(m, np.nan), np.full(m, np.nan),
        on.sum(axis=1).astype(float), np.zeros(m, dtype=bool),
    )  # fmt: skip
    able = (out.k > p) & _estimable(on, x)
    rows = np.flatnonzero(able)
    step = max(1, BATCH // (k * p))
    for part in np.split(rows, range(step, len(rows), step)):
        if len(part):
            _fill(out, part, y, v, x, on[part], method, test)
    if p == 1 and (x is None or bool((x == 1).all())):
        _fill_single(out, y, v, on, test)
    return out


def _fill(
    out: Deletions,
    rows: IntArray,
    y: FloatArray,
    v: FloatArray,
    x: FloatArray | None,
    on: BoolArray,
    method: str,
    test: str,
) -> None:
    size = on.shape
    fit = random_effects(
        np.broadcast_to(y, size), np.broadcast_to(v, size), x, method=method, test=test, include=on
    )
    out.coef[rows], out.vcov[rows], out.df[rows] = fit.coef, fit.vcov, fit.df
    out.tau2[rows], out.i2[rows], out.q[rows] = fit.tau2, fit.i2, fit.q
    out.converged[rows] = fit.converged


def _fill_single(out: Deletions, y: FloatArray, v: FloatArray, on: BoolArray, test: str) -> None:
    """Parts of one effect: that effect, with no heterogeneity to see."""
    rows = np.flatnonzero(out.k == 1)
    which = on[rows].argmax(axis=1)
    out.coef[rows, 0], out.vcov[rows, 0, 0] = y[which], v[which]
    out.df[rows] = np.nan if test == "wald" else 0.0
    out.tau2[rows], out.i2[rows], out.q[rows] = 0.0, 0.0, 0.0
    out.converged[rows] = True


def _estimable(on: BoolArray, x: FloatArray | None) -> BoolArray:
    """(m,) whether the effects of each part still tell all coefficients apart."""
    if x is None:
        return np.ones(len(on), dtype=bool)
    basis = np.linalg.qr(x)[0]
    gram = np.einsum("mk,kp,kq->mpq", on.astype(float), basis, basis, optimize=True)
    whole: BoolArray = np.linalg.eigvalsh(gram)[:, 0] > ALONE
    return whole


def leave_one_out(
    yi: ArrayLike,
    vi: ArrayLike,
    X: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    method: str = "REML",
    test: str = "hksj",
) -> Deletions:
    """Refit without each effect, or without each group of them.

    Parameters
    ----------
    yi, vi, X, method, test : as for `metabone.models.random_effects.random_effects`; (k,) effects.
    groups : (k,) labels; by default each effect is a group. The refits are in the order of the
        sorted labels.

    Raises
    ------
    ModelError
        If there are fewer than two groups.

    References
    ----------
    Viechtbauer & Cheung (2010), doi:10.1002/jrsm.11.

    Examples
    --------
    >>> leave_one_out([0.1, 0.6, 1.1], [0.04, 0.05, 0.06], method="DL").coef[:, 0].round(4).tolist()
    [0.84, 0.59, 0.34]
    """
    y, v = _effects(yi, vi)
    labels = np.arange(len(y)) if groups is None else np.asarray(groups)
    if labels.shape != y.shape:
        raise DataError(f"groups must have the shape {y.shape}; got {labels.shape}")
    names, codes = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise ModelError("leaving one out takes two effects or groups of them; there is one")
    include = codes.reshape(-1) != np.arange(len(names))[:, None]
    return fit_parts(y, v, include, X, method=method, test=test)


def cumulative(
    yi: ArrayLike,
    vi: ArrayLike,
    order: ArrayLike | None = None,
    *,
    groups: ArrayLike | None = None,
    method: str = "REML",
    test: str = "hksj",
) -> Deletions:
    """Fit the first effect, the first two, and so on.

    Parameters
    ----------
    yi, vi, method, test : as for `metabone.models.random_effects.random_effects`; (k,) effects.
    order : (m,) the groups (or effects) in the order in which they come; by default as they are.
    groups : (k,) number 0 … m − 1 of each effect's group, whose effects come in together.

    References
    ----------
    Lau et al. (1992), doi:10.1056/NEJM199207233270406.

    Examples
    --------
    >>> cumulative([0.1, 0.6, 1.1], [0.04, 0.05, 0.06], [2, 1, 0]).coef[:, 0].round(4).tolist()
    [1.1, 0.84, 0.5867]
    """
    y, v = _effects(yi, vi)
    codes = np.arange(len(y)) if groups is None else np.asarray(groups)
    m = int(codes.max()) + 1
    turn = np.arange(m) if order is None else np.asarray(order)
    if codes.shape != y.shape or not np.array_equal(np.sort(turn), np.arange(m)):
        raise DataError(f"order must name each of the {m} groups once, and groups each effect's")
    place = np.empty(m, dtype=np.intp)
    place[turn] = np.arange(m)
    include = place[codes] <= np.arange(m)[:, None]
    return fit_parts(y, v, include, method=method, test=test)


def influence(
    yi: ArrayLike, vi: ArrayLike, X: ArrayLike | None = None, *, method: str = "REML"
) -> Influence:
    """Case diagnostics of a random-effects model, its covariance taken as the model has it.

    The Hartung-Knapp factor is left out: it is a matter of the interval, not of influence.

    Parameters
    ----------
    yi, vi : (k,) effects and their sampling variances.
    X : (k, p) design; None for a mean alone.
    method : estimator of τ².

    Raises
    ------
    ModelError
        If there are not more effects than coefficients.

    References
    ----------
    Viechtbauer & Cheung (2010), doi:10.1002/jrsm.11; Belsley, Kuh & Welsch (1980),
    doi:10.1002/0471725153 (the measures).

    Examples
    --------
    >>> found = influence([0.1, 0.5, 0.9, 0.3, 1.2], [0.04, 0.05, 0.1, 0.02, 0.3])
    >>> found.rstudent.round(3).tolist()
    [-1.335, 0.066, 1.746, -0.585, 1.429]
    """
    y, v = _effects(yi, vi)
    x = np.ones((len(y), 1)) if X is None else np.asarray(X, dtype=float)
    fit = random_effects(y, v, X, method=method, test="wald")
    rest = leave_one_out(y, v, X, method=method, test="wald")
    w = 1 / (v + float(fit.tau2))
    hat = w * np.einsum("kp,pq,kq->k", x, fit.vcov, x)
    change = fit.coef - rest.coef
    off = y - np.einsum("kp,kp->k", x, rest.coef)
    own = v + rest.tau2
    spread = own + np.einsum("kp,kpq,kq->k", x, rest.vcov, x)
    # All effects, weighted by the heterogeneity of the others.
    precision = np.einsum("ik,kp,kq->ipq", 1 / (v + rest.tau2[:, None]), x, x, optimize=True)
    se = np.sqrt(np.diagonal(_inverses(precision), axis1=1, axis2=2))
    return Influence(
        rstudent=off / np.sqrt(spread),
        dffits=np.einsum("kp,kp->k", x, change) / np.sqrt(hat * own),
        cook_d=np.einsum("kp,pq,kq->k", change, np.linalg.inv(fit.vcov), change),
        cov_ratio=cov_ratio(rest.vcov, fit.vcov),
        hat=hat,
        weight=100 * w / w.sum(),
        dfbetas=change / se,
        tau2_deleted=rest.tau2,
        q_deleted=rest.q,
    )


def cov_ratio(without: FloatArray, whole: FloatArray) -> FloatArray:
    """Determinants of (m, p, p) over that of (p, p); NaN where a matrix is."""
    out = np.full(len(without), np.nan)
    good = np.isfinite(without).all(axis=(1, 2)) & np.isfinite(whole).all()
    if not good.any():
        return out
    sign, size = np.linalg.slogdet(without[good])
    out[good] = sign * np.exp(size - np.linalg.slogdet(whole)[1])
    return out


def _inverses(matrices: FloatArray) -> FloatArray:
    """(m, p, p) inverses, NaN where a matrix is."""
    out = np.full_like(matrices, np.nan)
    good = np.isfinite(matrices).all(axis=(1, 2))
    out[good] = np.linalg.inv(matrices[good])
    return out


def baujat(yi: ArrayLike, vi: ArrayLike, *, method: str = "EE") -> tuple[FloatArray, FloatArray]:
    """Each effect's part in Q, and its influence on the mean.

    Parameters
    ----------
    yi, vi : (k,) effects and their sampling variances.
    method : estimator of τ² of the mean that is influenced. Baujat and colleagues take none
        (``EE``).

    Returns
    -------
    (k,) contributions, whose sum is Q, and (k,) squared changes of the mean without each effect,
    over the variance of the mean without it.

    References
    ----------
    Baujat et al. (2002), doi:10.1002/sim.1221.

    Examples
    --------
    >>> part, moved = baujat([0.1, 0.6, 1.1], [0.04, 0.05, 0.06])
    >>> part.round(3).tolist(), moved.round(3).tolist()
    ([4.675, 0.091, 5.369], [3.187, 0.044, 1.988])
    """
    y, v = _effects(yi, vi)
    at_zero = random_effects(y, v, method="EE", test="wald")
    contribution = (y - at_zero.coef[0]) ** 2 / v
    mean = random_effects(y, v, method=method, test="wald").coef[0]
    rest = leave_one_out(y, v, method=method, test="wald")
    return contribution, (mean - rest.coef[:, 0]) ** 2 / rest.vcov[:, 0, 0]


def _effects(yi: ArrayLike, vi: ArrayLike) -> tuple[FloatArray, FloatArray]:
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    if y.ndim != 1 or y.shape != v.shape or not len(y):
        raise DataError(f"yi and vi must be of one shape (k,); got {y.shape} and {v.shape}")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise DataError("yi and vi must be finite numbers, and every vi positive")
    return y, v
