"""Clustered effects turned so that their sampling errors are independent.

A study's effects have the covariance V + σ²_effect I + σ²_study 11′. With V = U Λ U′, the rotated
effects U′y have independent sampling errors Λ and the study's column of ones becomes U′1. The
rotation is made once; each later step is a weighted sum by study, linear in the number of effects.

One correlation ρ for all needs no rotation: V = Λ + f f′ with Λ = (1 − ρ) v and f = √(ρ v).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Clusters:
    """k effects sorted by m clusters and rotated within each.

    ``order`` (k,) sorts the caller's rows by cluster; ``starts`` and ``sizes`` (m,) and ``codes``
    (k,) say which are whose; ``variance`` (k,) is Λ; ``one`` (k,) is the rotated column of ones;
    ``rotations`` are the eigenvectors by cluster size, None if nothing is rotated; ``factor`` (k,)
    is f, None if V is diagonal after rotation.
    """

    order: IntArray
    starts: IntArray
    sizes: IntArray
    codes: IntArray
    variance: FloatArray
    one: FloatArray
    rotations: tuple[tuple[IntArray, FloatArray], ...] | None
    factor: FloatArray | None = None

    def rotate(self, values: FloatArray) -> FloatArray:
        """Sort the last axis (k) of `values` by cluster and rotate it."""
        values = np.ascontiguousarray(values[..., self.order])
        if self.rotations is None:
            return values
        out = np.empty_like(values)
        for index, vectors in self.rotations:
            out[..., index] = np.einsum("...mi,mij->...mj", values[..., index], vectors)
        return out

    def restore(self, values: FloatArray) -> FloatArray:
        """Undo `rotate`: turn back within clusters and put into the caller's order."""
        turned = values
        if self.rotations is not None:
            turned = np.empty_like(values)
            for index, vectors in self.rotations:
                turned[..., index] = np.einsum("...mj,mij->...mi", values[..., index], vectors)
        out = np.empty_like(turned)
        out[..., self.order] = turned
        return out

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum over each cluster along the last axis, (…, k) to (…, m)."""
        total: FloatArray = np.add.reduceat(values, self.starts, axis=-1)
        return total

    def spread(self, values: FloatArray) -> FloatArray:
        """Each cluster's value for each of its effects, (…, m) to (…, k)."""
        return np.repeat(values, self.sizes, axis=-1)


def arrange(
    codes: NDArray[np.int64], vi: FloatArray | None, blocks: Sequence[FloatArray] | None
) -> Clusters:
    """Sort effects by cluster and take V apart.

    Parameters
    ----------
    codes : (k,) cluster of each effect, 0 … m − 1.
    vi : (k,) sampling variances if they are independent, else None.
    blocks : sampling covariance of each cluster, in the order of its effects in `codes`.
    """
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    k = len(codes)
    shared = {"order": order, "starts": starts, "sizes": sizes, "codes": codes[order]}
    if blocks is None:
        if vi is None:
            raise ValueError("either vi or blocks must be given")
        return Clusters(**shared, variance=vi[order], one=np.ones(k), rotations=None)
    simple = _one_correlation(blocks, sizes, starts)
    if simple is not None:
        diagonal, factor = simple
        return Clusters(**shared, variance=diagonal, one=np.ones(k), rotations=None, factor=factor)
    variance, one = np.empty(k), np.empty(k)
    rotations = []
    by_size = np.argsort(sizes, kind="stable")
    for members in np.split(by_size, np.flatnonzero(np.diff(sizes[by_size])) + 1):
        index = starts[members, None] + np.arange(sizes[members[0]])
        values, vectors = np.linalg.eigh(np.array([blocks[i] for i in members.tolist()]))
        variance[index] = values
        one[index] = vectors.sum(axis=1)
        rotations.append((index, vectors))
    return Clusters(**shared, variance=variance, one=one, rotations=tuple(rotations))


# Correlations that differ by less are one correlation, rounded.
SAME = 1e-12


def _one_correlation(
    blocks: Sequence[FloatArray], sizes: IntArray, starts: IntArray
) -> tuple[FloatArray, FloatArray | None] | None:
    """Λ and f if all blocks have one correlation, 0 or more; f None if it is 0."""
    if sizes.max() == 1:
        return np.concatenate([block[0] for block in blocks]), None
    entries = np.concatenate([block.ravel() for block in blocks])
    row_sizes = np.repeat(sizes, sizes)  # each effect has a row of its block
    begins = np.cumsum(row_sizes) - row_sizes
    first = np.repeat(starts, sizes)
    effects = np.arange(len(first))
    diagonal = begins + effects - first
    v = entries[diagonal]
    if not (v > 0).all():
        return None
    root = np.sqrt(v)
    column = np.arange(len(entries)) - np.repeat(begins - first, row_sizes)
    correlations = entries / (np.repeat(root, row_sizes) * root[column])
    pair = int(begins[starts[sizes > 1][0]]) + 1
    rho = float(correlations[pair])
    correlations[diagonal] = rho
    if not (0 <= rho < 1 and np.abs(correlations - rho).max() < SAME):
        return None
    return (1 - rho) * v, (math.sqrt(rho) * root if rho > 0 else None)
