"""Likelihood of any random-effects structure, nested or crossed, by connected components.

Effects that share a sampling block or a level of any random factor form a component; the covariance
M = V + Σ_l σ_l² Z_l Z_l′ is block-diagonal by component and each block is handled whole. Cost grows
with the cube of the largest component: where a few levels of a crossed factor tie everything
together `crossed` is linear, for studies alone `nested`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.models.nested import Solution
from metabone.models.newton import Surface

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Blocks = Sequence[tuple[IntArray, FloatArray]]
Point = tuple[float, FloatArray, FloatArray, FloatArray]


@dataclass(frozen=True, slots=True)
class Group:
    """Components of one size n: ``index`` (g, n) rows, ``v`` (g, n, n), ``z`` (g, L, n, n)."""

    index: IntArray
    v: FloatArray
    z: FloatArray


@dataclass(frozen=True, slots=True)
class Components:
    """Data in the caller's order: ``y`` (B or 1, k), ``x`` (p, k), and the groups that hold M."""

    names: tuple[str, ...]
    y: FloatArray
    x: FloatArray
    groups: tuple[Group, ...]
    restricted: bool

    def solve(self, theta: FloatArray, rows: IntArray) -> Solution:
        """Coefficients and what they rest on at `theta` (b, L), for the data sets `rows`."""
        return solution(
            [self._solve_one(point, row)[0] for point, row in zip(theta, rows, strict=True)]
        )

    def evaluate(self, theta: FloatArray, rows: IntArray) -> Surface:
        """Log-likelihood (without constants), gradient and information at `theta` (b, L)."""
        return likelihood(self._evaluate_one, theta, rows)

    def inverse(self, theta: FloatArray, columns: FloatArray) -> FloatArray:
        """M⁻¹b for each row b of `columns` (n, k)."""
        out = np.empty_like(columns)
        for group in self.groups:
            m = group.v + np.einsum("l,glij->gij", theta, group.z)
            part = np.moveaxis(columns[:, group.index], 0, -1)
            out[:, group.index] = np.moveaxis(np.linalg.solve(m, part), -1, 0)
        return out

    def inverse_trace(self) -> float:
        """tr V⁻¹."""
        return sampling_trace(self.groups)

    def _solve_one(self, theta: FloatArray, row: int) -> tuple[Solution, list[FloatArray]]:
        inverses = inverses_of(self.groups, theta)
        k, p = self.x.shape[1], self.x.shape[0]
        y = self.y[0] if len(self.y) == 1 else self.y[row]
        h = np.empty((p, k))
        solved = np.empty(k)
        logdet = 0.0
        for group, inverse in zip(self.groups, inverses, strict=True):
            h[:, group.index] = np.einsum("gij,pgj->pgi", inverse, self.x[:, group.index])
            solved[group.index] = np.einsum("gij,gj->gi", inverse, y[group.index])
            logdet -= float(np.linalg.slogdet(inverse)[1].sum())
        return solve_for(self.x, y, h, solved, logdet), inverses

    def _evaluate_one(self, theta: FloatArray, row: int) -> Point:
        at, inverses = self._solve_one(theta, row)
        levels, p = len(theta), len(self.x)
        quadratic, trace = np.zeros(levels), np.zeros(levels)
        cubic, squared = np.zeros((levels, levels)), np.zeros((levels, levels))
        seen = np.zeros((levels, p))
        first, second = np.zeros((levels, p, p)), np.zeros((levels, levels, p, p))
        for group, inverse in zip(self.groups, inverses, strict=True):
            r, h = at.r[group.index], at.h[:, group.index]
            turned = inverse[:, None] @ group.z  # M⁻¹ G_l
            gr = np.einsum("glij,gj->lgi", group.z, r)
            gh = np.einsum("glij,pgj->lpgi", group.z, h)
            quadratic += np.einsum("gi,lgi->l", r, gr)
            trace += np.einsum("glii->l", turned)
            cubic += np.einsum("lgi,mgi->lm", gr, np.einsum("gij,lgj->lgi", inverse, gr))
            squared += np.einsum("glij,gmji->lm", turned, turned)
            seen += np.einsum("pgi,lgi->lp", h, gr)
            first += np.einsum("pgi,lqgi->lpq", h, gh)
            solved = np.einsum("gij,lpgj->lpgi", inverse, gh)
            second += np.einsum("lpgi,mqgi->lmpq", gh, solved)
        sums = Sums(quadratic, trace, cubic, squared, seen, first, second)
        return at_point(at, sums, restricted=self.restricted)


_SOLUTION_FIELDS = ("coef", "cov", "h", "r", "q", "logdet")


def solution(parts: Sequence[Solution]) -> Solution:
    """The solutions of several points together."""
    return Solution(
        *(np.stack([getattr(part, name) for part in parts]) for name in _SOLUTION_FIELDS)
    )


def inverses_of(groups: Sequence[Group], theta: FloatArray) -> list[FloatArray]:
    """The inverse of V + Σ_l σ_l² G_l of each group."""
    return [np.linalg.inv(g.v + np.einsum("l,glij->gij", theta, g.z)) for g in groups]


def solve_for(
    x: FloatArray, y: FloatArray, h: FloatArray, solved: FloatArray, logdet: float
) -> Solution:
    """Generalised least squares, from h = M⁻¹x (p, k), M⁻¹y (k,) and log |M|."""
    cov = np.linalg.inv(h @ x.T)
    coef = cov @ (h @ y)
    r = solved - coef @ h
    q = np.float64(r @ (y - coef @ x))
    return Solution(coef, cov, h, r, q, np.float64(logdet))  # type: ignore[arg-type]


def sampling_trace(groups: Sequence[Group]) -> float:
    """tr V⁻¹."""
    return sum(float(np.trace(np.linalg.inv(g.v), axis1=1, axis2=2).sum()) for g in groups)


@dataclass(frozen=True, slots=True)
class Sums:
    """What a likelihood and its derivatives need of M⁻¹, r, h and the G_l = Z_l Z_l′ of L factors.

    Parameters
    ----------
    quadratic, trace : (L,) r′G_l r and tr M⁻¹G_l.
    cubic, squared : (L, L) r′G_l M⁻¹G_m r and tr M⁻¹G_l M⁻¹G_m.
    seen : (L, p) h G_l r.
    first, second : (L, p, p) h G_l h′ and (L, L, p, p) h G_l M⁻¹G_m h′.
    """

    quadratic: FloatArray
    trace: FloatArray
    cubic: FloatArray
    squared: FloatArray
    seen: FloatArray
    first: FloatArray
    second: FloatArray


def at_point(at: Solution, sums: Sums, *, restricted: bool) -> Point:
    """Log-likelihood without constants, gradient, observed and expected information."""
    cubic = sums.cubic - sums.seen @ at.cov @ sums.seen.T
    value, trace, squared = -0.5 * float(at.logdet + at.q), sums.trace, sums.squared
    if restricted:
        trace = trace - np.einsum("pq,lqp->l", at.cov, sums.first)
        with_cov = at.cov @ sums.first
        squared = squared + np.einsum("lpq,mqp->lm", with_cov, with_cov)
        squared = squared - 2 * np.einsum("pq,lmqp->lm", at.cov, sums.second)
        value += 0.5 * float(np.linalg.slogdet(at.cov)[1])
    return value, 0.5 * (sums.quadratic - trace), cubic - 0.5 * squared, 0.5 * squared


def likelihood(
    evaluate: Callable[[FloatArray, int], Point], theta: FloatArray, rows: IntArray
) -> Surface:
    """The likelihood at several points, one after the other.

    NaN where M is singular to within rounding, so that a search turns back from there.
    """
    parts = []
    for point, row in zip(theta, rows, strict=True):
        try:
            parts.append(evaluate(point, int(row)))
        except np.linalg.LinAlgError:
            square = np.full((len(point), len(point)), np.nan)
            parts.append((float("nan"), square[0], square, square))
    value, gradient, observed, expected = zip(*parts, strict=True)
    return Surface(np.array(value), np.stack(gradient), np.stack(observed), np.stack(expected))


def connect(
    factors: Sequence[NDArray[np.int64]], block_codes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Component (k,) of each effect: those that share a level of any factor or a block of V."""
    # Needed here alone, and slow to import.
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    columns, offset = [], 0
    for codes in (*factors, block_codes):
        columns.append(codes + offset)
        offset += int(codes.max()) + 1
    k = len(block_codes)
    rows = np.tile(np.arange(k), len(columns))
    levels = np.concatenate(columns) + k
    links = coo_matrix((np.ones(len(rows)), (rows, levels)), shape=(k + offset, k + offset))
    labels = connected_components(links, directed=False)[1][:k]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def group_components(
    component: NDArray[np.int64],
    factors: Sequence[NDArray[np.int64]],
    blocks: Blocks,
) -> tuple[Group, ...]:
    """Components of equal size together, with V from `blocks` (rows, covariance) filled in."""
    order = np.argsort(component, kind="stable")
    sizes = np.bincount(component)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    where = np.empty(len(order), dtype=np.intp)
    where[order] = np.arange(len(order)) - np.repeat(starts, sizes)
    groups = []
    for size in np.unique(sizes):
        members = np.flatnonzero(sizes == size)
        index = order[starts[members][:, None] + np.arange(size)]
        number = np.full(len(sizes), -1)
        number[members] = np.arange(len(members))
        v = np.zeros((len(members), size, size))
        for rows, block in blocks:
            member = number[component[rows[0]]]
            if member >= 0:
                place = where[rows]
                v[member, place[:, None], place] = block
        z = np.stack([codes[index][:, :, None] == codes[index][:, None, :] for codes in factors], 1)
        groups.append(Group(index, v, z.astype(float)))
    return tuple(groups)
