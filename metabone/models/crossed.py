"""Likelihood where a few levels of crossed factors tie all effects together.

M = D + Z Λ Z′: D holds the sampling covariance and the factors with many levels and is
block-diagonal, Z (k, q) the levels of the others. All that a likelihood needs follows from D⁻¹ and
matrices of q rows by the identity of Woodbury, M⁻¹ = D⁻¹ − D⁻¹Z C Z′D⁻¹ with C = (Λ⁻¹ + Z′D⁻¹Z)⁻¹,
so that cost grows with k instead of k³ (Harville 1977, doi:10.1080/01621459.1977.10480998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from metabone.models.components import (
    Blocks,
    Group,
    Point,
    Sums,
    at_point,
    connect,
    group_components,
    inverses_of,
    likelihood,
    sampling_trace,
    solution,
    solve_for,
)
from metabone.models.nested import Solution
from metabone.models.newton import Surface

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

#: Below this many effects in one component the whole matrix is as quick.
SMALL = 100


@dataclass(frozen=True, slots=True)
class Crossed:
    """Data in the caller's order: ``y`` (B or 1, k), ``x`` (p, k); D by groups, Z by levels.

    Parameters
    ----------
    tied : (L,) whether a factor is in Z.
    groups : components of D; their ``z`` holds the factors that are not in Z, in order.
    z : (q, k) indicators of the levels of the factors in Z.
    level : (q,) factor of each row of z, in the order of `names`.
    """

    names: tuple[str, ...]
    y: FloatArray
    x: FloatArray
    groups: tuple[Group, ...]
    restricted: bool
    tied: NDArray[np.bool_]
    z: FloatArray
    level: IntArray

    def solve(self, theta: FloatArray, rows: IntArray) -> Solution:
        """Coefficients and what they rest on at `theta` (b, L), for the data sets `rows`."""
        return solution(
            [
                self._solve_one(_Inverse.of(self, point), row)
                for point, row in zip(theta, rows, strict=True)
            ]
        )

    def evaluate(self, theta: FloatArray, rows: IntArray) -> Surface:
        """Log-likelihood (without constants), gradient and information at `theta` (b, L)."""
        return likelihood(self._evaluate_one, theta, rows)

    def inverse(self, theta: FloatArray, columns: FloatArray) -> FloatArray:
        """M⁻¹b for each row b of `columns` (n, k)."""
        return _Inverse.of(self, theta).times(columns)

    def inverse_trace(self) -> float:
        """tr V⁻¹."""
        return sampling_trace(self.groups)

    def _solve_one(self, inverse: _Inverse, row: int) -> Solution:
        y = self.y[0] if len(self.y) == 1 else self.y[row]
        h, solved = inverse.times(self.x), inverse.times(y[None])[0]
        return solve_for(self.x, y, h, solved, inverse.logdet)

    def _evaluate_one(self, theta: FloatArray, row: int) -> Point:
        inverse = _Inverse.of(self, theta)
        at = self._solve_one(inverse, row)
        levels, p = len(theta), len(self.x)
        turned = np.stack([self._factor(f, np.vstack([at.r, at.h])) for f in range(levels)])
        gr, gh = turned[:, 0], turned[:, 1:]
        flat = gh.reshape(levels * p, -1)
        second = (flat @ inverse.times(flat).T).reshape(levels, p, levels, p)
        trace, squared = self._traces(inverse)
        sums = Sums(
            gr @ at.r,
            trace,
            gr @ inverse.times(gr).T,
            squared,
            gr @ at.h.T,
            np.einsum("pk,lqk->lpq", at.h, gh),
            second.transpose(0, 2, 1, 3),
        )
        return at_point(at, sums, restricted=self.restricted)

    def _factor(self, number: int, columns: FloatArray) -> FloatArray:
        """G_l b for each row b of `columns` (n, k): sums over the effects that share a level."""
        if self.tied[number]:
            z = self.z[self.level == number]
            return np.asarray((columns @ z.T) @ z)
        place = int((~self.tied[:number]).sum())
        out = np.empty_like(columns)
        for group in self.groups:
            out[:, group.index] = np.einsum(
                "gij,ngj->ngi", group.z[:, place], columns[:, group.index]
            )
        return out

    def _traces(self, inverse: _Inverse) -> tuple[FloatArray, FloatArray]:
        """(L,) tr M⁻¹G_l, and (L, L) tr M⁻¹G_l M⁻¹G_m."""
        count = len(self.tied)
        trace, squared = np.zeros(count), np.zeros((count, count))
        blocks = np.flatnonzero(~self.tied).tolist()
        within = [self._factor(number, inverse.a) for number in blocks]  # G_l D⁻¹Z
        sums = [inverse.a @ part.T for part in within]
        solved = [inverse.of_blocks(part) for part in within]
        plain, pairs = self._block_traces(inverse)
        for (i, one), (j, other) in product(enumerate(blocks), repeat=2):
            both = 2 * np.sum(inverse.c * (within[i] @ solved[j].T).T)
            crossed = np.sum((inverse.c @ sums[i]) * (inverse.c @ sums[j]).T)
            squared[one, other] = pairs[i, j] - both + crossed
        trace[blocks] = plain - [np.sum(inverse.c * part.T) for part in sums]
        ties = np.flatnonzero(self.tied).tolist()
        for one in ties:
            rows = self.level == one
            trace[one] = np.trace(inverse.t[np.ix_(rows, rows)])
            for other in ties:
                squared[one, other] = np.sum(inverse.t[np.ix_(rows, self.level == other)] ** 2)
            b = inverse.b[rows]
            for other in blocks:
                squared[one, other] = squared[other, one] = np.sum(b * self._factor(other, b))
        return trace, squared

    def _block_traces(self, inverse: _Inverse) -> tuple[FloatArray, FloatArray]:
        """tr D⁻¹G_l, and tr D⁻¹G_l D⁻¹G_m, of the factors in D."""
        count = int((~self.tied).sum())
        trace, pairs = np.zeros(count), np.zeros((count, count))
        for group, block in zip(self.groups, inverse.blocks, strict=True):
            turned = block[:, None] @ group.z
            trace += np.einsum("glii->l", turned)
            pairs += np.einsum("glij,gmji->lm", turned, turned)
        return trace, pairs


@dataclass(frozen=True, slots=True)
class _Inverse:
    """M⁻¹ at one point.

    Parameters
    ----------
    blocks : D⁻¹ by groups.
    a : (q, k) Z′D⁻¹.
    c : (q, q) as above.
    t : (q, q) Z′M⁻¹Z.
    b : (q, k) Z′M⁻¹.
    logdet : log |M|.
    """

    engine: Crossed
    blocks: list[FloatArray]
    a: FloatArray
    c: FloatArray
    t: FloatArray
    b: FloatArray
    logdet: float

    @classmethod
    def of(cls, engine: Crossed, theta: FloatArray) -> _Inverse:
        """M⁻¹ at the variances `theta`, by the identity of Woodbury."""
        blocks = inverses_of(engine.groups, theta[~engine.tied])
        a = _by_blocks(engine.groups, blocks, engine.z)
        s = a @ engine.z.T
        root = np.sqrt(theta[engine.level])
        inner = np.eye(len(s)) + root[:, None] * s * root
        c = root[:, None] * np.linalg.inv(inner) * root
        logdet = float(np.linalg.slogdet(inner)[1])
        logdet -= sum(float(np.linalg.slogdet(block)[1].sum()) for block in blocks)
        left = np.eye(len(s)) - s @ c
        return cls(engine, blocks, a, c, left @ s, left @ a, logdet)

    def of_blocks(self, columns: FloatArray) -> FloatArray:
        """D⁻¹b for each row b of `columns` (n, k)."""
        return _by_blocks(self.engine.groups, self.blocks, columns)

    def times(self, columns: FloatArray) -> FloatArray:
        """M⁻¹b for each row b of `columns` (n, k)."""
        return np.asarray(self.of_blocks(columns) - (columns @ self.a.T) @ self.c @ self.a)


def _by_blocks(
    groups: Sequence[Group], blocks: Sequence[FloatArray], columns: FloatArray
) -> FloatArray:
    out = np.empty_like(columns)
    for group, block in zip(groups, blocks, strict=True):
        out[:, group.index] = np.einsum("gij,ngj->ngi", block, columns[:, group.index])
    return out


def split_factors(
    factors: Sequence[NDArray[np.int64]], block_codes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(L,) which factors are better taken out of the blocks, those of the fewest levels first.

    No factor where the largest component is small, or where less than half is gained.
    """
    k = len(block_codes)
    levels = np.array([int(codes.max()) + 1 for codes in factors])
    order = np.argsort(levels, kind="stable")
    none = np.zeros(len(factors), dtype=bool)
    best, least = none, np.inf
    for taken in range(len(factors)):
        tied = none.copy()
        tied[order[:taken]] = True
        kept = [codes for codes, out in zip(factors, tied, strict=True) if not out]
        sizes = np.bincount(connect(kept, block_codes)).astype(float)
        if not taken and sizes.max() <= SMALL:
            return none
        cost = float((sizes**3).sum()) + k * float(levels[tied].sum()) ** 2
        if cost < least / 2:
            best, least = tied, cost
    return best


def build_crossed(
    names: tuple[str, ...],
    y: FloatArray,
    x: FloatArray,
    factors: Sequence[NDArray[np.int64]],
    tied: NDArray[np.bool_],
    block_codes: NDArray[np.int64],
    parts: Blocks,
    *,
    restricted: bool,
) -> Crossed:
    """The engine with the factors of `tied` in Z and the others in the blocks."""
    kept = [codes for codes, out in zip(factors, tied, strict=True) if not out]
    groups = group_components(connect(kept, block_codes), kept, parts)
    rows, level = [], []
    for number in np.flatnonzero(tied).tolist():
        codes = factors[number]
        count = int(codes.max()) + 1
        rows.append(np.arange(count)[:, None] == codes)
        level.append(np.full(count, number, dtype=np.intp))
    z = np.vstack(rows).astype(float)
    return Crossed(names, y[None], x, groups, restricted, tied, z, np.concatenate(level))
