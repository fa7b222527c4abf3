"""Which clusters a regression leans on: contrasts that no other cluster could tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# A direction of the design whose leverage in one cluster comes this close to 1 is that cluster's
# alone; and a contrast has a share in it if its cosine with it is above the second number.
ALONE = 1e-9
SHARE = 1e-6


def sole_cluster(X: ArrayLike, clusters: ArrayLike, contrasts: ArrayLike) -> IntArray:
    """The cluster without which a contrast of the coefficients could not be estimated, or −1.

    Its residuals say nothing of the error of such a contrast, so that a cluster-robust standard
    error leaves out the part that may be the largest.

    Parameters
    ----------
    X : (k, p) design of full rank.
    clusters : (k,) codes 0 … m − 1 of the clusters.
    contrasts : (n, p) rows c of contrasts c′β.

    Returns
    -------
    (n,) the code of the first such cluster.

    References
    ----------
    Pustejovsky & Tipton (2018), doi:10.1080/07350015.2016.1247004, on clusters with leverage 1.

    Examples
    --------
    >>> X = [[1, 0], [1, 0], [1, 0], [1, 1]]  # the second moderator is cluster 2's alone
    >>> sole_cluster(X, [0, 1, 2, 2], [[1, 0], [0, 1]]).tolist()
    [-1, 2]
    """
    x = np.asarray(X, dtype=float)
    codes = np.asarray(clusters).reshape(-1)
    lengths = np.linalg.norm(x, axis=0)
    basis, triangle = np.linalg.qr(x / lengths)
    c = np.linalg.solve(triangle.T, (np.atleast_2d(np.asarray(contrasts, float)) / lengths).T).T
    size = np.linalg.norm(c, axis=1, keepdims=True)
    c = c / np.where(size > 0, size, 1.0)
    order = np.argsort(codes, kind="stable")
    starts = np.cumsum(np.bincount(codes))[:-1]
    rows = basis[order]
    gram = np.add.reduceat(rows[:, :, None] * rows[:, None, :], np.r_[0, starts], axis=0)
    values, vectors = np.linalg.eigh(gram)
    own = np.abs(np.einsum("np,mpq->nmq", c, vectors)) > SHARE
    leans = (own & (values > 1 - ALONE)).any(axis=2)
    return np.where(leans.any(axis=1), leans.argmax(axis=1), -1).astype(np.int64)
