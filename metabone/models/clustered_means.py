"""Multilevel means of many data sets at once: the same clusters, many V and many y.

`multilevel` and `robust` fit one data set with any design. Here the design is a mean, all random
factors and sampling errors are nested in clusters, and B data sets of the same rows are fitted
together: every step is an array operation over (B, clusters of one size, n, n). Formulas as in
`nested` and `robust`, with P = M⁻¹ − c h h′, h = M⁻¹1, c = 1 / (1′h).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError
from metabone.models.newton import Maximum, Surface, maximise
from metabone.models.problem import doubtful
from metabone.models.robust import adjustment, inflation

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# Numbers that one array of a batch may hold: about 16 MB, so that a machine with little memory
# does not notice.
BATCH = 2_000_000
# A cluster-robust standard error this far below the model's is rounding error around zero.
NO_SPREAD = 1e-8
# Starts whose log-likelihood is within this of the maximum found may lead to a higher one.
NEAR = 2.0


@dataclass(frozen=True, slots=True)
class ClusteredMeans:
    """Means of B data sets.

    Attributes
    ----------
    coef, se : (B,) mean and its model-based standard error.
    robust_se, robust_df : by type (``CR2``, ``CR1``, ``CR0``), (B,) cluster-robust standard error
        (NaN where effects leave no scatter) and its degrees of freedom, Satterthwaite's for CR2.
    sigma2 : (B, L) variance components, in the order of the random factors.
    converged : (B,) whether the (restricted) likelihood reached its maximum.
    df : containment degrees of freedom of the model-based t.
    """

    coef: FloatArray
    se: FloatArray
    robust_se: Mapping[str, FloatArray]
    robust_df: Mapping[str, FloatArray]
    sigma2: FloatArray
    converged: BoolArray
    df: float

    @property
    def tau2(self) -> FloatArray:
        """(B,) total variance of true effects."""
        total: FloatArray = self.sigma2.sum(axis=1)
        return total


@dataclass(frozen=True, slots=True)
class _Size:
    """Clusters of one size n: ``index`` (g, n) rows, ``members`` (g,) which of all they are.

    ``z`` has for each random factor its indicators (g, n, c), None where each effect is a level.
    """

    index: IntArray
    members: IntArray
    z: list[FloatArray | None]

    def covariance(self, v: FloatArray, theta: FloatArray) -> FloatArray:
        """M = V + Σ_l θ_l Z_l Z_l′ at `theta` (b, L), from `v` (b, g, n, n)."""
        m = v.copy()
        for variance, z in zip(theta.T, self.z, strict=True):
            if z is None:
                place = np.arange(m.shape[-1])
                m[:, :, place, place] += variance[:, None, None]
            else:
                m += variance[:, None, None, None] * (z @ np.swapaxes(z, 1, 2))
        return m


@dataclass(frozen=True, slots=True)
class _At:
    """Generalised least squares at b points: ``inverse`` by size (b, g, n, n), ``h`` (b, k)."""

    inverse: list[FloatArray]
    h: FloatArray
    r: FloatArray
    cov: FloatArray
    coef: FloatArray
    logdet: FloatArray
    q: FloatArray


@dataclass(frozen=True, slots=True)
class _Engine:
    """``y`` (B, k); ``v`` by size (S, g, n, n), ``which`` (B,) of the S each data set has."""

    y: FloatArray
    v: list[FloatArray]
    which: IntArray
    sizes: list[_Size]
    restricted: bool

    def solve(self, theta: FloatArray, rows: IntArray) -> _At:
        """Generalised least squares of the data sets `rows` (b,), each at its `theta` (b, L)."""
        y, which = self.y[rows], self.which[rows]
        h, my = np.empty_like(y), np.empty_like(y)
        logdet = np.zeros(len(y))
        inverses = []
        for size, v in zip(self.sizes, self.v, strict=True):
            inverse = _inverse(size.covariance(v[which], theta))
            h[:, size.index] = inverse.sum(axis=3)
            my[:, size.index] = (inverse @ y[:, size.index][..., None])[..., 0]
            logdet -= np.linalg.slogdet(inverse)[1].sum(axis=1)
            inverses.append(inverse)
        cov = 1 / h.sum(axis=1)
        coef = cov * my.sum(axis=1)
        r = my - coef[:, None] * h
        q: FloatArray = (r * (y - coef[:, None])).sum(axis=1)
        return _At(inverses, h, r, cov, coef, logdet, q)

    def value(self, theta: FloatArray, rows: IntArray) -> FloatArray:
        """(b,) (restricted) log-likelihood without constants."""
        return self._value(self.solve(theta, rows))

    def _value(self, at: _At) -> FloatArray:
        value: FloatArray = -0.5 * (at.logdet + at.q)
        return value + 0.5 * np.log(at.cov) if self.restricted else value

    def evaluate(self, theta: FloatArray, rows: IntArray) -> Surface:
        """(Restricted) log-likelihood without constants, gradient and information."""
        at = self.solve(theta, rows)
        b, levels = theta.shape
        quadratic, trace, seen, hgh = (np.zeros((b, levels)) for _ in range(4))
        cubic, squared, crossed = (np.zeros((b, levels, levels)) for _ in range(3))
        for size, inverse in zip(self.sizes, at.inverse, strict=True):
            zr = [_gather(z, at.r[:, size.index]) for z in size.z]
            zh = [_gather(z, at.h[:, size.index]) for z in size.z]
            for one in range(levels):
                quadratic[:, one] += _dot(zr[one], zr[one])
                hgh[:, one] += _dot(zh[one], zh[one])
                seen[:, one] += _dot(zh[one], zr[one])
                left = _gather(size.z[one], np.swapaxes(inverse, -1, -2))  # M⁻¹Z_l, (b, g, n, c)
                for other in range(one, levels):
                    inner = _gather(size.z[other], np.swapaxes(left, -1, -2))  # Z_l′M⁻¹Z_m
                    if one == other:
                        trace[:, one] += np.einsum("bgcc->b", inner)
                    squared[:, one, other] += np.einsum("bgcd,bgcd->b", inner, inner)
                    cubic[:, one, other] += _form(zr[one], inner, zr[other])
                    crossed[:, one, other] += _form(zh[one], inner, zh[other])
        for matrix in (cubic, squared, crossed):
            lower = np.tril_indices(levels, -1)
            matrix[:, lower[0], lower[1]] = matrix[:, lower[1], lower[0]]
        c = at.cov[:, None]
        cubic -= c[..., None] * seen[:, :, None] * seen[:, None, :]
        value = self._value(at)
        if self.restricted:
            trace = trace - c * hgh
            squared += (c * hgh)[:, :, None] * (c * hgh)[:, None, :] - 2 * c[..., None] * crossed
        return Surface(value, 0.5 * (quadratic - trace), cubic - 0.5 * squared, 0.5 * squared)


def clustered_means(
    y: ArrayLike,
    blocks: Sequence[Sequence[tuple[IntArray, FloatArray]]],
    which: ArrayLike,
    random: Mapping[str, ArrayLike],
    *,
    method: str = "REML",
    types: Sequence[str] = ("CR2",),
    careful: ArrayLike = True,
) -> ClusteredMeans:
    """Fit the mean of many data sets in multilevel models that share their clusters.

    Parameters
    ----------
    y : (B, k) effect sizes.
    blocks : S sampling covariances, each a sequence of blocks ``(rows, covariance)`` that name each
        of the k rows once and lie within clusters.
    which : (B,) which of the S each data set has.
    random : labels (k,) of each random factor; the first are the clusters, all others are nested in
        them.
    method : ``REML`` or ``ML``.
    types : robust standard errors to give: ``CR2``, ``CR1``, ``CR0``.
    careful : (B,) or for all: whether to climb from other starts as well where a component is zero
        or the likelihood flat, as `multilevel` does, in case there is a second maximum. Where
        False, only if the likelihood of another start is not far below the maximum found: a second
        maximum that is higher is then missed about never, in a tenth of the time.

    Raises
    ------
    DataError
        If shapes differ or a covariance is not positive definite.
    ModelError
        If there are fewer than two clusters, or something crosses them.

    References
    ----------
    Van den Noortgate et al. (2013), doi:10.3758/s13428-012-0261-6; Pustejovsky & Tipton (2018),
    doi:10.1080/07350015.2016.1247004.

    Examples
    --------
    >>> blocks = [(np.array([i]), np.array([[0.05]])) for i in range(6)]
    >>> fit = clustered_means([[0.2, 0.4, 0.9, 1.1, 0.1, 0.3]], [blocks], [0],
    ...                       {"study": [1, 1, 2, 2, 3, 3], "effect": range(6)})
    >>> round(float(fit.coef[0]), 3), round(float(fit.robust_se["CR2"][0]), 3)
    (0.5, 0.252)
    """
    data = np.asarray(y, dtype=float)
    if data.ndim != 2 or not np.isfinite(data).all():
        raise DataError("y must be a (B, k) array of finite numbers")
    codes = _factors(random, data.shape[1])
    sizes = _sizes(list(codes.values()))
    v = _stack(blocks, sizes, next(iter(codes.values())))
    chosen = np.asarray(which, dtype=np.intp)
    width = sum(size.index.size * size.index.shape[1] for size in sizes)
    care = np.broadcast_to(np.asarray(careful, dtype=bool), len(data))
    step = max(1, BATCH // max(width, 1))
    parts = []
    for i in range(0, len(data), step):
        rows = slice(i, i + step)
        engine = _Engine(data[rows], v, chosen[rows], sizes, method == "REML")
        parts.append(_fit(engine, types, care[rows]))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    counts = [int(labels.max()) + 1 for labels in codes.values()]
    return ClusteredMeans(
        coef=joined["coef"],
        se=joined["se"],
        robust_se={kind: joined[f"se {kind}"] for kind in types},
        robust_df={kind: joined[f"df {kind}"] for kind in types},
        sigma2=joined["sigma2"],
        converged=joined["converged"].astype(bool),
        df=float(min(*counts, data.shape[1]) - 1),
    )


def _factors(random: Mapping[str, ArrayLike], k: int) -> dict[str, NDArray[np.int64]]:
    codes: dict[str, NDArray[np.int64]] = {}
    for name, labels in random.items():
        found = np.unique(np.asarray(labels), return_inverse=True)[1].reshape(-1).astype(np.int64)
        if len(found) != k:
            raise DataError(f"the factor {name} has {len(found)} labels for {k} effects")
        codes[name] = found
    first = next(iter(codes))
    if int(codes[first].max()) == 0:
        raise ModelError(f"all effects are of one {first}; two or more are needed")
    for name, labels in codes.items():
        pairs = len(np.unique(labels * (int(codes[first].max()) + 1) + codes[first]))
        if pairs > int(labels.max()) + 1:
            raise ModelError(f"the factor {name} is not nested in {first}")
    return codes


def _sizes(codes: Sequence[NDArray[np.int64]]) -> list[_Size]:
    cluster = codes[0]
    order = np.argsort(cluster, kind="stable")
    counts = np.bincount(cluster)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    found = []
    for size in np.unique(counts):
        members = np.flatnonzero(counts == size)
        index = order[starts[members][:, None] + np.arange(size)]
        found.append(_Size(index, members, [_indicators(code[index]) for code in codes]))
    return found


def _indicators(labels: NDArray[np.int64]) -> FloatArray | None:
    """(g, n, c) levels of a factor within each cluster; None where each effect has its own."""
    place = np.stack([np.unique(row, return_inverse=True)[1].reshape(-1) for row in labels])
    levels = int(place.max()) + 1
    if (place == np.arange(place.shape[1])).all() and levels > 1:
        return None
    indicators: FloatArray = (place[:, :, None] == np.arange(levels)).astype(float)
    return indicators


def _stack(
    blocks: Sequence[Sequence[tuple[IntArray, FloatArray]]],
    sizes: Sequence[_Size],
    cluster: NDArray[np.int64],
) -> list[FloatArray]:
    """V of each of the S models by size of cluster, (S, g, n, n)."""
    k = len(cluster)
    dense = np.zeros((len(blocks), k, k))
    for model, parts in zip(dense, blocks, strict=True):
        for rows, block in parts:
            model[np.ix_(rows, rows)] = block
    if dense[:, cluster[:, None] != cluster[None, :]].any():
        raise ModelError("sampling errors of different clusters are correlated")
    stacked = [dense[:, size.index[:, :, None], size.index[:, None, :]] for size in sizes]
    for part in stacked:
        if not (np.linalg.eigvalsh(part)[..., 0] > 0).all():
            raise DataError("a sampling covariance is not positive definite")
    return stacked


def _fit(engine: _Engine, types: Sequence[str], careful: BoolArray) -> dict[str, FloatArray]:
    found = _search(engine, careful)
    every = np.arange(len(engine.y))
    at = engine.solve(found.theta, every)
    answer: dict[str, FloatArray] = {
        "coef": at.coef, "se": np.sqrt(at.cov), "sigma2": found.theta,
        "converged": found.converged.astype(float),
    }  # fmt: skip
    for kind in types:
        answer[f"se {kind}"], answer[f"df {kind}"] = _robust(engine, found.theta, at, kind)
    return answer


def _search(engine: _Engine, careful: BoolArray) -> Maximum:
    """From variances shared evenly; where that is doubtful, from each component alone as well."""
    base, count = _base(engine), len(engine.sizes[0].z)
    found = maximise(engine.evaluate, np.repeat(base[:, None] / count, count, axis=1))
    doubt = np.flatnonzero(doubtful(found))
    if not len(doubt):
        return found
    shares = 0.9 * np.eye(count) + 0.1 / count
    rows = np.tile(doubt, count)  # every other start of every doubtful data set
    starts = np.concatenate([base[doubt, None] * share for share in shares])
    near = careful[rows] | ~found.converged[rows]
    near |= engine.value(starts, rows) > found.value[rows] - NEAR
    rows, starts = rows[near], starts[near]
    if not len(rows):
        return found

    def evaluate(theta: FloatArray, which: IntArray) -> Surface:
        return engine.evaluate(theta, rows[which])

    other = maximise(evaluate, starts)
    # From the lowest to the highest, so that of several climbs the highest stays.
    for one in np.argsort(np.where(other.converged, other.value, -np.inf), kind="stable"):
        row = rows[one]
        higher = not found.converged[row] or other.value[one] > found.value[row]
        if other.converged[one] and higher:
            for part in fields(Maximum):
                getattr(found, part.name)[row] = getattr(other, part.name)[one]
    return found


def _base(engine: _Engine) -> FloatArray:
    """(B,) a first guess at the total variance of true effects."""
    spread = engine.y.var(axis=1)
    diagonal = np.concatenate(
        [np.einsum("sgii->sgi", v).reshape(len(v), -1) for v in engine.v], axis=1
    )
    typical = diagonal.mean(axis=1)[engine.which]
    base: FloatArray = np.maximum(np.maximum(spread - typical, 0.1 * spread), 1e-8 * typical)
    return base


def _robust(
    engine: _Engine, theta: FloatArray, at: _At, kind: str
) -> tuple[FloatArray, FloatArray]:
    """(B,) cluster-robust standard errors and their degrees of freedom; see `robust`."""
    size_b, m = len(theta), sum(len(size.members) for size in engine.sizes)
    score, load, inner = (np.empty((size_b, m)) for _ in range(3))
    residual = engine.y - at.coef[:, None]
    for size, v in zip(engine.sizes, engine.v, strict=True):
        phi = size.covariance(v[engine.which], theta)
        a = (at.h * at.cov[:, None])[:, size.index][..., None]
        if kind == "CR2":
            one = np.ones((*size.index.shape, 1))
            a = adjustment(one, phi, at.cov[:, None, None, None]) @ a
        flat = a[..., 0]
        score[:, size.members] = (flat * residual[:, size.index]).sum(axis=2)
        load[:, size.members] = flat.sum(axis=2)
        inner[:, size.members] = (flat * (phi @ a)[..., 0]).sum(axis=2)
    se = np.sqrt((score**2).sum(axis=1) * inflation(kind, m, 1))
    se = np.where(se > NO_SPREAD * np.sqrt(at.cov), se, np.nan)
    if kind != "CR2":
        return se, np.full(size_b, float(m - 1))
    cross = load**2 * at.cov[:, None]
    first = (inner - cross).sum(axis=1)
    second = (inner**2 - 2 * inner * cross).sum(axis=1)
    second = second + (at.cov * (load**2).sum(axis=1)) ** 2
    return se, np.where(second > 0, first**2 / np.where(second > 0, second, 1.0), 0.0)


def _gather(z: FloatArray | None, values: FloatArray) -> FloatArray:
    """Z′v along the last axis: (b, g, …, n) to (b, g, …, c)."""
    if z is None:
        return values
    if z.shape[2] == 1 and z.all():
        total: FloatArray = values.sum(axis=-1, keepdims=True)
        return total
    return values @ z if values.ndim == 4 else np.einsum("bgn,gnc->bgc", values, z)


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Σ a b over clusters and levels, (b,)."""
    total: FloatArray = np.einsum("bgc,bgc->b", a, b)
    return total


def _form(a: FloatArray, inner: FloatArray, b: FloatArray) -> FloatArray:
    """Σ a′ inner b over clusters, (b,)."""
    return _dot(a, (inner @ b[..., None])[..., 0])


def _inverse(m: FloatArray) -> FloatArray:
    if m.shape[-1] == 1:
        return 1 / m
    inverse: FloatArray = np.linalg.inv(m).astype(float, copy=False)
    return inverse
