"""Cluster-robust inference that holds for few clusters: CR2 with Satterthwaite df, AHT F tests.

With working covariance Φ and weights W = Φ⁻¹, V = A Σ_i X_i′W_i A_i e_i e_i′A_i′W_i X_i A where
A = (X′WX)⁻¹. CR0 has A_i = I; CR1 multiplies by m / (m − 1), CR1p by m / (m − p); CR2 takes
A_i = D_i′(D_i B_i D_i′)^(−1/2) D_i with D_i′D_i = Φ_i and B_i = Φ_i − X_i A X_i′, which makes V
exact if Φ is right. Where the weights are not Φ⁻¹, B_i is the i-th block of (I − H)Φ(I − H)′ with
H = XAX′W.

Bell & McCaffrey (2002); Tipton (2015), doi:10.1037/met0000011; Pustejovsky & Tipton (2018),
doi:10.1080/07350015.2016.1247004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError
from metabone.models.intervals import critical, f_p, two_sided_p
from metabone.models.multilevel import MultilevelFit
from metabone.models.nested import Nested
from metabone.options import RobustType, check_option

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# Eigenvalues of B_i below this share of the largest stand for directions that the design uses up.
RANK = 1e-9
# A robust standard error below this share of the model's is rounding: the effects do not scatter.
NO_SCATTER = 1e-8


@dataclass(frozen=True, slots=True)
class ClusterGroup:
    """Clusters of one size n: ``rows`` (g, n), ``x`` (g, n, p), ``phi`` (g, n, n), ``e`` (g, n).

    ``e`` are residuals; ``rows`` count the effects as the caller has them. ``w`` (g, n, n) are the
    weights where they are not the inverses of the working covariance ``phi``.
    """

    rows: IntArray
    x: FloatArray
    phi: FloatArray
    e: FloatArray
    w: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class RobustFit:
    """Cluster-robust covariance of p coefficients from m clusters.

    ``df`` (p,) are Satterthwaite's for CR2 and m − p otherwise. With a_i = A_i W_i X_i A the
    covariance of the clusters' scores is P_ij = δ_ij a_i′Φ_i a_i − l_i′ K l_j: ``_inner`` (m, p, p)
    holds the first part, ``_loads`` (m, r, p) the l_i of each coefficient, ``_kernel`` (r, r) is K.
    They are kept in a basis of the design: a contrast c of the coefficients is ``c @ _turn`` there.
    """

    coef: FloatArray
    vcov: FloatArray
    df: FloatArray
    type: str
    m: int
    _kernel: FloatArray = field(repr=False)
    _loads: FloatArray = field(repr=False)
    _inner: FloatArray = field(repr=False)
    _basis_vcov: FloatArray = field(repr=False)
    _turn: FloatArray = field(repr=False)

    @property
    def se(self) -> FloatArray:
        """(p,) standard errors."""
        return np.sqrt(np.diagonal(self.vcov))

    @property
    def statistic(self) -> FloatArray:
        """(p,) t statistics; NaN where the effects leave no scatter to test by."""
        model = np.sqrt(np.einsum("np,pq,nq->n", self._turn, self._expected(), self._turn))
        scatter = self.se > NO_SCATTER * model
        return np.where(scatter, self.coef / np.where(scatter, self.se, 1.0), np.nan)

    @property
    def pvalue(self) -> FloatArray:
        """(p,) two-sided p-values."""
        return two_sided_p(self.statistic, self.df)

    def ci(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """(p,) lower and upper confidence limits; NaN where `statistic` is."""
        half = np.where(np.isnan(self.statistic), np.nan, critical(self.df, level) * self.se)
        return self.coef - half, self.coef + half

    def contrast(self, contrasts: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Standard errors (n,) and degrees of freedom (n,) of each row of `contrasts` (n, p).

        Each row is a linear combination of the coefficients, such as an expected effect; its df are
        Satterthwaite's for CR2 and m − p otherwise.
        """
        c = np.atleast_2d(np.asarray(contrasts, dtype=float)) @ self._turn
        se = np.sqrt(np.einsum("np,pq,nq->n", c, self._basis_vcov, c))
        if self.type != "CR2":
            return se, np.full(len(c), float(self.m - len(self.coef)))
        return se, _satterthwaite(self._loads, self._inner, self._kernel, c)

    def wald(self, contrasts: ArrayLike) -> tuple[float, int, float, float]:
        """Approximate Hotelling T² (AHT) test that ``contrasts @ coef`` is zero.

        Returns
        -------
        F, its two degrees of freedom, and the p-value. The second df is NaN (and so is the
        p-value) where the clusters are too few for any test of so many contrasts.

        References
        ----------
        Tipton & Pustejovsky (2015), doi:10.3102/1076998615606099.
        """
        c = np.atleast_2d(np.asarray(contrasts, dtype=float))
        count = len(c)
        # The test is of the space that the contrasts span: an orthonormal basis of it keeps units
        # and collinear moderators out of the numbers.
        basis, triangle = np.linalg.qr((c @ self._turn).T)
        value = np.linalg.solve(triangle.T, c @ self.coef)
        wald = float(value @ np.linalg.solve(basis.T @ self._basis_vcov @ basis, value))
        eta = self._hotelling_df(basis.T)
        df2 = eta - count + 1
        if not df2 > 0:
            return float("nan"), count, float("nan"), float("nan")
        statistic = wald * df2 / (eta * count)
        return statistic, count, df2, float(f_p(statistic, count, df2))

    def _expected(self) -> FloatArray:
        """What the robust covariance is on average if the working model is right, (p, p)."""
        used = np.einsum("mrp,rs,msq->pq", self._loads, self._kernel, self._loads, optimize=True)
        expected: FloatArray = self._inner.sum(axis=0) - used
        return expected

    def _hotelling_df(self, contrasts: FloatArray) -> float:
        """η = q(q + 1) / Σ_st var of the entries of the standardised covariance."""
        omega = contrasts @ self._expected() @ contrasts.T
        values, vectors = np.linalg.eigh(omega)
        root = vectors @ np.diag(values**-0.5) @ vectors.T @ contrasts  # (q, p)
        count = len(root)
        # X_i′ p_i for each standardised contrast: (m, q, r)
        load = np.swapaxes(self._loads @ root.T, 1, 2)
        diagonal = root @ self._inner @ root.T  # (m, q, q)
        crossed = (load @ self._kernel) @ np.swapaxes(load, 1, 2)
        # P^{st} = diag(D_st) − L_s K L_t′; wanted is Σ_st P^{st}·P^{ts} + P^{ss}·P^{tt}
        own = np.einsum("mqq->m", diagonal)
        total = float((diagonal * (diagonal - 2 * crossed)).sum())
        total += float(own @ (own - 2 * np.einsum("mqq->m", crossed)))
        for s in range(count):
            pairs = np.einsum("mr,mts->trs", load[:, s], load, optimize=True)  # L_s′L_t
            turned = self._kernel * (pairs @ self._kernel @ (pairs + np.swapaxes(pairs, 1, 2)))
            total += float(turned.sum())
        return count * (count + 1) / total


def robust(fit: MultilevelFit, cluster: ArrayLike | None = None, *, type: str = "CR2") -> RobustFit:
    """Cluster-robust inference for a multilevel fit.

    Parameters
    ----------
    fit : the fitted model; its covariance is the working model.
    cluster : (k,) labels; by default the first random factor. Random factors and blocks of V must
        be nested in the clusters.
    type : ``CR2``, ``CR1p``, ``CR1`` or ``CR0``.

    Raises
    ------
    ModelError
        If a random factor crosses the clusters, or there are not more clusters than coefficients.
    """
    type = check_option("type", type, RobustType)
    problem = fit.problem
    labels = next(iter(problem.codes.values())) if cluster is None else np.asarray(cluster)
    codes = np.unique(labels, return_inverse=True)[1].reshape(-1)
    if len(codes) != fit.k:
        raise DataError(f"cluster has {len(codes)} labels for {fit.k} effects")
    # In an orthonormal basis of X, so that moderators on any scale leave bread well conditioned.
    turn = np.linalg.inv(problem.triangle).astype(float, copy=False)
    groups = [replace(group, x=group.x @ turn) for group in working_groups(fit, codes)]
    return sandwich(groups, fit.coef, type=type, turn=turn)


def working_groups(fit: MultilevelFit, codes: NDArray[np.intp]) -> list[ClusterGroup]:
    """The fit's data by cluster, clusters of equal size together."""
    problem, engine = fit.problem, fit.problem.engine
    e = problem.yi - problem.x @ fit.coef
    same = _same(codes, next(iter(problem.codes.values())))
    if isinstance(engine, Nested) and same:
        return _nested_groups(fit, engine, e)
    return general_groups(fit, codes, e)


def _same(a: NDArray[np.intp], b: NDArray[np.int64]) -> bool:
    return bool((a == b).all())


def _nested_groups(fit: MultilevelFit, engine: Nested, e: FloatArray) -> list[ClusterGroup]:
    """In the rotated basis, which CR2 does not notice."""
    c = engine.clusters
    x, turned = c.rotate(fit.problem.x.T), c.rotate(e)
    study, effect = fit.theta
    groups = []
    for size in np.unique(c.sizes):
        index = c.starts[c.sizes == size][:, None] + np.arange(size)
        one = c.one[index]
        phi = study * one[:, :, None] * one[:, None, :]
        phi[:, np.arange(size), np.arange(size)] += c.variance[index] + effect
        if c.factor is not None:
            phi += c.factor[index][:, :, None] * c.factor[index][:, None, :]
        rows = c.order[index]
        groups.append(ClusterGroup(rows, np.moveaxis(x[:, index], 0, -1), phi, turned[index]))
    return groups


def general_groups(
    fit: MultilevelFit, codes: NDArray[np.intp], e: FloatArray
) -> list[ClusterGroup]:
    """The data by any clusters that random factors and blocks of V are nested in."""
    problem = fit.problem
    for name, factor in problem.codes.items():
        owners = len(np.unique(factor * (int(codes.max()) + 1) + codes))
        if owners > int(factor.max()) + 1:
            raise ModelError(
                f"the random factor {name} crosses the clusters, so that they are not independent; "
                "cluster-robust standard errors do not exist for it"
            )
    blocks = problem.blocks or [(np.array([i]), problem.vi[i : i + 1, None]) for i in range(fit.k)]
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    place = np.empty(fit.k, dtype=np.intp)
    place[order] = np.arange(fit.k) - np.repeat(starts, sizes)
    groups = []
    for size in np.unique(sizes):
        members = np.flatnonzero(sizes == size)
        index = order[starts[members][:, None] + np.arange(size)]
        phi = np.zeros((len(members), size, size))
        number = np.full(len(sizes), -1)
        number[members] = np.arange(len(members))
        for rows, block in blocks:
            owner = codes[rows[0]]
            if (codes[rows] != owner).any():
                raise ModelError("sampling errors of different clusters are correlated")
            if number[owner] >= 0:
                phi[number[owner], place[rows][:, None], place[rows]] = block
        for variance, factor in zip(fit.theta, problem.codes.values(), strict=True):
            level = factor[index]
            phi += variance * (level[:, :, None] == level[:, None, :])
        groups.append(ClusterGroup(index, problem.x[index], phi, e[index]))
    return groups


def sandwich(
    groups: Sequence[ClusterGroup],
    coef: FloatArray,
    *,
    type: str,
    turn: FloatArray | None = None,
) -> RobustFit:
    """Robust covariance and degrees of freedom from clustered data and their weights.

    `turn` (p, p) goes from the basis of X in the groups to that of `coef`; None: they are the same.
    """
    p = len(coef)
    turn = np.eye(p) if turn is None else turn
    m = sum(len(group.x) for group in groups)
    if m <= p:
        raise ModelError(f"{m} clusters cannot give robust standard errors of {p} coefficients")
    own = all(group.w is None for group in groups)
    weighted = [_weigh(group) for group in groups]  # W_i X_i
    pairs = zip(groups, weighted, strict=True)
    gram: FloatArray = np.sum([np.einsum("gnp,gnq->pq", g.x, w) for g, w in pairs], axis=0)
    bread = np.linalg.inv(gram).astype(float, copy=False)
    meat = gram if own else _meat(groups, weighted)
    scores, loads, inners = [], [], []
    for group, wx in zip(groups, weighted, strict=True):
        turned = wx @ bread
        if type == "CR2":
            turned = _whiten(group.phi, _spread(group, wx, bread, meat)) @ turned
        # a_i of each coefficient: (g, n, p)
        scores.append(np.einsum("gnp,gn->gp", turned, group.e))
        loads.append(_load(group, wx, turned, bread, own=own))
        inners.append(np.einsum("gnp,gnl,glq->gpq", turned, group.phi, turned, optimize=True))
    score, load, inner = np.concatenate(scores), np.concatenate(loads), np.concatenate(inners)
    kernel: FloatArray = bread if own else _kernel(bread, meat)
    vcov = score.T @ score * inflation(type, m, p)
    df = np.full(p, float(m - p))
    if type == "CR2":
        df = _satterthwaite(load, inner, kernel, turn)
    return RobustFit(
        coef, turn @ vcov @ turn.T, df, type, m,
        _kernel=kernel, _loads=load, _inner=inner, _basis_vcov=vcov, _turn=turn,
    )  # fmt: skip


def _weigh(group: ClusterGroup) -> FloatArray:
    if group.w is not None:
        return np.asarray(group.w @ group.x)
    return np.linalg.solve(group.phi, group.x).astype(float, copy=False)


def _meat(groups: Sequence[ClusterGroup], weighted: Sequence[FloatArray]) -> FloatArray:
    """X′WΦWX, (p, p); it is X′WX where W = Φ⁻¹."""
    parts = [
        np.einsum("gnp,gnl,glq->pq", w, group.phi, w, optimize=True)
        for group, w in zip(groups, weighted, strict=True)
    ]
    total: FloatArray = np.sum(parts, axis=0)
    return total


def _spread(group: ClusterGroup, wx: FloatArray, bread: FloatArray, meat: FloatArray) -> FloatArray:
    """B_i, what the residuals of each cluster vary by under the working model, (g, n, n)."""
    xt = np.swapaxes(group.x, 1, 2)
    if group.w is None:
        return group.phi - group.x @ bread @ xt
    crossed = group.phi @ wx @ bread @ xt
    both: FloatArray = group.x @ (bread @ meat @ bread) @ xt
    return group.phi - crossed - np.swapaxes(crossed, 1, 2) + both


def _load(
    group: ClusterGroup, wx: FloatArray, turned: FloatArray, bread: FloatArray, *, own: bool
) -> FloatArray:
    """The l_i of each coefficient: X_i′a_i, and below it A X_i′W_iΦ_i a_i for other weights."""
    plain: FloatArray = np.einsum("gnr,gnp->grp", group.x, turned)
    if own:
        return plain
    other = bread @ np.swapaxes(group.phi @ wx, 1, 2) @ turned
    return np.concatenate([plain, other], axis=1)


def _kernel(bread: FloatArray, meat: FloatArray) -> FloatArray:
    """K with l_i′K l_j = u_i′f_j + f_i′u_j − u_i′A X′WΦWX A u_j for l = (u, f)."""
    eye = np.eye(len(bread))
    return np.block([[-bread @ meat @ bread, eye], [eye, np.zeros_like(eye)]])


def inflation(type: str, m: int, p: int) -> float:
    """Small-sample factor of the covariance from m clusters: CR1's and CR1p's, else 1."""
    return {"CR1": m / (m - 1), "CR1p": m / (m - p)}.get(type, 1.0)


def adjustment(x: FloatArray, phi: FloatArray, bread: FloatArray) -> FloatArray:
    """CR2's A_i = D′(D B D′)^(−1/2) D, by the eigenvalues that are not zero.

    `x` (…, n, p), `phi` (…, n, n) and `bread` (…, p, p) give (…, n, n).
    """
    return _whiten(phi, phi - x @ bread @ np.swapaxes(x, -1, -2))


def _whiten(phi: FloatArray, b: FloatArray) -> FloatArray:
    """A with A B A′ = Φ, symmetric: D′ (D B D′)^(−1/2) D with D′D = Φ."""
    lower = np.linalg.cholesky(phi)
    d = np.swapaxes(lower, -1, -2)
    values, vectors = np.linalg.eigh(d @ b @ lower)
    keep = values > RANK * values[..., -1:]
    root = np.where(keep, np.where(keep, values, 1.0) ** -0.5, 0.0)
    half = (vectors * root[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    adjusted: FloatArray = lower @ half @ d
    return adjusted


def _satterthwaite(
    load: FloatArray, inner: FloatArray, kernel: FloatArray, contrasts: FloatArray
) -> FloatArray:
    """(n,) degrees of freedom (tr P)² / tr P² with P = diag(d) − L K L′ for each contrast (n, p).

    A contrast without any variance has 0, which no distribution has.
    """
    df = np.empty(len(contrasts))
    for j, c in enumerate(contrasts):
        u, d = load @ c, inner @ c @ c
        cross = np.einsum("mp,pq,mq->m", u, kernel, u)
        gram = kernel @ (u.T @ u)
        first = float((d - cross).sum())
        second = float((d**2 - 2 * d * cross).sum() + np.trace(gram @ gram))
        df[j] = first**2 / second if second > 0 else 0.0
    return df
