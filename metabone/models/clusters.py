"""Clustered effects turned so that their sampling errors are independent.

A study's effects have the covariance V + σ²_effect I + σ²_study 11′. With V = U Λ U′, the rotated
effects U′y have independent sampling errors Λ and the study's column of ones becomes U′1. The
rotation is made once; each later step is a weighted sum by study, linear in the number of effects.
"""

from __future__ import annotations

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
    (k,) say which are whose; ``variance`` (k,) are the eigenvalues of V; ``one`` (k,) is the
    rotated column of ones; ``rotations`` are the eigenvectors by cluster size, None for diagonal V.
    """

    order: IntArray
    starts: IntArray
    sizes: IntArray
    codes: IntArray
    variance: FloatArray
    one: FloatArray
    rotations: tuple[tuple[IntArray, FloatArray], ...] | None

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
