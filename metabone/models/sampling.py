"""The sampling errors of a multilevel fit, by cluster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabone.errors import ModelError
from metabone.models.multilevel import MultilevelFit

FloatArray = NDArray[np.float64]


def cluster_sampling(fit: MultilevelFit) -> list[FloatArray]:
    """Sampling covariance V of each level of the first random factor, in the order of its rows.

    Raises
    ------
    ModelError
        If sampling errors covary between the levels.
    """
    problem = fit.problem
    codes = next(iter(problem.codes.values()))
    members = [np.flatnonzero(codes == number) for number in range(int(codes.max()) + 1)]
    parts = [np.diag(problem.vi[rows]) for rows in members]
    place = np.empty(len(codes), dtype=np.intp)
    for rows in members:
        place[rows] = np.arange(len(rows))
    for rows, block in problem.blocks or ():
        owner = codes[rows]
        if (owner != owner[0]).any():
            raise ModelError("sampling errors covary between the levels of the first random factor")
        parts[int(owner[0])][np.ix_(place[rows], place[rows])] = block
    return parts


def mean_variances(fit: MultilevelFit) -> FloatArray:
    """(m,) sampling variance of each cluster's best mean, 1 / 1′V⁻¹1."""
    found = [1 / float(np.linalg.solve(v, np.ones(len(v))).sum()) for v in cluster_sampling(fit)]
    return np.array(found)
