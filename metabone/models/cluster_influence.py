"""Influence of whole clusters on a multilevel model, by the refits that leave each of them out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.errors import ModelError
from metabone.models.influence import ALONE, Influence, cov_ratio
from metabone.models.multilevel import MultilevelFit
from metabone.models.refits import ClusterRefits, leave_one_cluster_out
from metabone.models.sampling import cluster_sampling

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The effects of one level of the first random factor: ``rows``, ``x``, ``y`` and ``v``."""

    rows: IntArray
    x: FloatArray
    y: FloatArray
    v: FloatArray
    same: FloatArray

    def covariance(self, sigma2: FloatArray) -> FloatArray:
        """(n, n) marginal covariance M of the effects at variance components (L,)."""
        m: FloatArray = self.v + np.einsum("l,lij->ij", sigma2, self.same)
        return m


def clusters_of(fit: MultilevelFit) -> list[Cluster]:
    """The clusters of a fit, each with the covariance of its sampling errors.

    Raises
    ------
    ModelError
        If another random factor, or the sampling covariance, ties clusters together.
    """
    problem = fit.problem
    codes = next(iter(problem.codes.values()))
    for name, other in problem.codes.items():
        pairs = np.unique(np.stack([other, codes]), axis=1).shape[1]
        if pairs > int(other.max()) + 1:
            first = next(iter(problem.codes))
            raise ModelError(
                f"the random factor {name} crosses {first}, so that one level of {first} cannot be "
                "judged apart from the others"
            )
    v = cluster_sampling(fit)
    found = []
    for number in range(int(codes.max()) + 1):
        rows = np.flatnonzero(codes == number)
        same = np.stack(
            [(c[rows][:, None] == c[rows][None, :]).astype(float) for c in problem.codes.values()]
        )
        found.append(Cluster(rows, problem.x[rows], problem.yi[rows], v[number], same))
    return found


def cluster_influence(fit: MultilevelFit, refits: ClusterRefits | None = None) -> Influence:
    """Case diagnostics of each level of the first random factor, with all of its effects.

    Of a cluster the residual is that of its effects' mean, weighted by M⁻¹ as the model weighs
    them; leverage and weight are the sums of its effects'; DFFITS is the change of that mean's
    fitted value, over √(leverage · variance of the mean without what the cluster itself says of the
    components). With one effect a cluster all are those of `metabone.models.influence.influence`.

    Parameters
    ----------
    fit : a multilevel fit whose further random factors are nested in the first.
    refits : of `leave_one_cluster_out`, if they are there already.

    Raises
    ------
    ModelError
        If there are fewer than three clusters, or something ties them together.

    References
    ----------
    Viechtbauer & Cheung (2010), doi:10.1002/jrsm.11; Demidenko & Stukel (2005),
    doi:10.1002/sim.1974 (deletion of clusters in mixed models).

    Examples
    --------
    >>> from metabone.models.multilevel import multilevel
    >>> fit = multilevel([0.2, 0.4, 0.9, 1.1, 0.1, 0.3, 0.6, 0.7], [0.05] * 8,
    ...                  {"study": [1, 1, 2, 2, 3, 3, 4, 4], "effect": range(8)})
    >>> found = cluster_influence(fit)
    >>> found.weight.round(1).tolist(), found.hat.round(2).tolist()
    ([25.0, 25.0, 25.0, 25.0], [0.25, 0.25, 0.25, 0.25])
    """
    clusters = clusters_of(fit)
    rest = leave_one_cluster_out(fit) if refits is None else refits
    change = fit.coef - rest.coef
    weight, rows = np.empty(len(clusters)), np.full((len(clusters), 3), np.nan)
    for i, cluster in enumerate(clusters):
        m = cluster.covariance(fit.theta)
        weight[i] = float(np.linalg.solve(m, np.ones(len(m))).sum())
        hat = float(np.trace(np.linalg.solve(m, cluster.x @ fit.vcov @ cluster.x.T)))
        rows[i, 0] = hat
        if rest.converged[i]:
            rows[i, 1:] = _residual(cluster, rest, i, hat, change[i])
    return Influence(
        rstudent=rows[:, 1],
        dffits=rows[:, 2],
        cook_d=np.einsum("mp,pq,mq->m", change, np.linalg.inv(fit.vcov), change),
        cov_ratio=cov_ratio(rest.vcov, fit.vcov),
        hat=rows[:, 0],
        weight=100 * weight / weight.sum(),
        dfbetas=change / _errors(fit, rest),
        tau2_deleted=rest.sigma2.sum(axis=1),
        q_deleted=q_without(clusters),
    )


def _residual(
    cluster: Cluster, rest: ClusterRefits, i: int, hat: float, change: FloatArray
) -> tuple[float, float]:
    """rstudent and DFFITS of a cluster's weighted mean."""
    m = cluster.covariance(rest.sigma2[i])
    inverse = np.linalg.solve(m, np.ones(len(m)))
    own = 1 / float(inverse.sum())  # variance of the mean
    share = inverse * own
    x = share @ cluster.x
    off = float(share @ cluster.y - x @ rest.coef[i])
    spread = own + float(x @ rest.vcov[i] @ x)
    return off / np.sqrt(spread), float(x @ change) / np.sqrt(hat * own)


def _errors(fit: MultilevelFit, rest: ClusterRefits) -> FloatArray:
    """(m, p) standard errors with all effects, at the variance components of each refit."""
    out = np.full(rest.coef.shape, np.nan)
    good = np.flatnonzero(rest.converged)
    if len(good):
        at = fit.problem.engine.solve(rest.sigma2[good], np.zeros(len(good), dtype=np.intp))
        turn = np.linalg.inv(fit.problem.triangle)
        out[good] = np.sqrt(np.diagonal(turn @ at.cov @ turn.T, axis1=1, axis2=2))
    return out


def q_parts(clusters: list[Cluster]) -> FloatArray:
    """(m,) contribution of each cluster to Q, residuals weighted by V⁻¹ around the mean of V⁻¹."""
    return _around(clusters)[2]


def q_without(clusters: list[Cluster]) -> FloatArray:
    """(m,) Q of all clusters but one; NaN where the others do not give the coefficients."""
    gram, moment, parts = _around(clusters)
    whole, out = gram.sum(axis=0), np.full(len(clusters), np.nan)
    scale = np.sqrt(np.diagonal(whole))
    for i in range(len(clusters)):
        left = whole - gram[i]
        if np.linalg.eigvalsh(left / np.outer(scale, scale))[0] < ALONE:
            continue
        # The residuals' own moments sum to zero, so those of the others are less this one's.
        moved = np.linalg.solve(left, -moment[i])
        out[i] = parts.sum() - parts[i] + float(moment[i] @ moved)
    return out


def _around(clusters: list[Cluster]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """X′V⁻¹X (m, p, p), X′V⁻¹e (m, p) and e′V⁻¹e (m,) of the residuals around V⁻¹'s mean."""
    solved = [np.linalg.solve(one.v, np.column_stack([one.x, one.y])) for one in clusters]
    p = clusters[0].x.shape[1]
    gram = np.stack([one.x.T @ s[:, :p] for one, s in zip(clusters, solved, strict=True)])
    moment = np.stack([one.x.T @ s[:, p] for one, s in zip(clusters, solved, strict=True)])
    coef = np.linalg.solve(gram.sum(axis=0), moment.sum(axis=0))
    parts = []
    for one, s in zip(clusters, solved, strict=True):
        parts.append(float((one.y - one.x @ coef) @ (s[:, p] - s[:, :p] @ coef)))
    return gram, moment - gram @ coef, np.array(parts)


def cluster_means(fit: MultilevelFit) -> tuple[FloatArray, FloatArray]:
    """Each cluster's mean and its variance, (m,) each, with the components inside clusters held.

    With A = V + Σ σ²_l Z_lZ_l′ over all factors but the first, the mean is 1′A⁻¹y / 1′A⁻¹1 and
    1 / 1′A⁻¹1 its variance: what is left to estimate of the model is the variance between clusters,
    and a univariate model of these means has the same likelihood in it, and the same mean.

    Raises
    ------
    ModelError
        If the fit has moderators, or something ties clusters together.

    Examples
    --------
    >>> from metabone.models.multilevel import multilevel
    >>> fit = multilevel([0.2, 0.4, 0.9, 1.1, 0.1, 0.3], [0.05] * 6,
    ...                  {"study": [1, 1, 2, 2, 3, 3], "effect": range(6)})
    >>> yi, vi = cluster_means(fit)
    >>> yi.round(2).tolist(), vi.round(3).tolist()
    ([0.3, 1.0, 0.2], [0.025, 0.025, 0.025])
    """
    if fit.problem.x.shape[1] != 1 or np.ptp(fit.problem.x) > 0:
        raise ModelError("clusters have one mean only where the model has no moderators")
    inside = fit.theta.copy()
    inside[0] = 0.0
    means, variances = [], []
    for one in clusters_of(fit):
        solved = np.linalg.solve(one.covariance(inside), np.ones(len(one.y)))
        means.append(float(solved @ one.y) / float(solved.sum()))
        variances.append(1 / float(solved.sum()))
    return np.array(means), np.array(variances)
