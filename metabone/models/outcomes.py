"""The data of a multivariate model: outcomes of studies, checked, and what they can carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError
from metabone.models.components import Blocks, Components, Group, group_components
from metabone.models.problem import check_covariance, refuse_indefinite

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# Fewer studies say nothing about a variance, nor fewer with two outcomes about their correlation.
FEWEST = 3


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The data of a multivariate model: p outcomes of m studies.

    ``outcome`` and ``study`` (k,) are codes, ``names`` what the outcomes are called; ``triangle``
    (q, q) turns ``x`` (k, q) into the engine's orthonormal basis; ``scale`` (p,) is the typical
    sampling error of an outcome.
    """

    engine: Components
    yi: FloatArray
    x: FloatArray
    triangle: FloatArray
    outcome: IntArray
    study: IntArray
    names: tuple[str, ...]
    vi: FloatArray
    scale: FloatArray
    method: str
    df: str

    @property
    def together(self) -> NDArray[np.int64]:
        """(p, p) how many studies have both outcomes; on the diagonal, how many have one."""
        seen = np.zeros((int(self.study.max()) + 1, len(self.names)), dtype=np.int64)
        seen[self.study, self.outcome] = 1
        return seen.T @ seen


def half_vector(matrix: FloatArray) -> FloatArray:
    """The lower triangle of (p, p) by rows."""
    return matrix[np.tril_indices(len(matrix))]


def has_means_only(data: Outcomes) -> bool:
    """Whether the design is one mean for each outcome, in their order."""
    wanted = data.outcome[:, None] == np.arange(len(data.names))
    return data.x.shape == wanted.shape and bool((data.x == wanted).all())


def arrange(
    yi: ArrayLike,
    V: ArrayLike | Blocks,
    study: ArrayLike,
    outcome: ArrayLike,
    X: ArrayLike | None,
    *,
    method: str,
    df: str,
) -> Outcomes:
    """Check the data and choose the basis in which the likelihood is evaluated."""
    y = np.asarray(yi, dtype=float)
    if y.ndim != 1 or not len(y) or not np.isfinite(y).all():
        raise DataError("yi must be a (k,) vector of finite numbers")
    names, codes = _labels("outcome", outcome, len(y))
    _, studies = _labels("study", study, len(y))
    x = codes[:, None] == np.arange(len(names)) if X is None else np.asarray(X)
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or len(x) != len(y) or not np.isfinite(x).all():
        raise DataError(f"X must be ({len(y)}, q) finite numbers; got the shape {x.shape}")
    if x.shape[1] >= len(y):
        raise ModelError(f"{len(y)} effects cannot give {x.shape[1]} coefficients and variances")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise ModelError("the columns of X depend on each other: drop a moderator or a level")
    vi, blocks = check_covariance(V, len(y))
    parts = blocks or [(np.array([i]), vi[i : i + 1, None]) for i in range(len(y))]
    refuse_indefinite(parts)
    if any((studies[rows] != studies[rows[0]]).any() for rows, _ in parts):
        raise DataError("a block of V spans studies: their effects would not be independent")
    basis, triangle = np.linalg.qr(x)
    groups = _groups(studies, codes, parts, len(names))
    engine = Components(names, y[None], basis.T, groups, method == "REML")
    scale = np.sqrt(np.bincount(codes, weights=vi) / np.bincount(codes))
    return Outcomes(engine, y, x, triangle, codes, studies, names, vi, scale, method, df)


def only(data: Outcomes, outcome: int) -> Outcomes:
    """The effects of one outcome by themselves, with one mean."""
    keep = np.flatnonzero(data.outcome == outcome)
    number = np.full(len(data.yi), -1)
    number[keep] = np.arange(len(keep))
    parts = []
    for group in data.engine.groups:
        inside = number[group.index] >= 0
        for rows, block, mine in zip(group.index, group.v, inside, strict=True):
            if mine.any():
                parts.append((number[rows[mine]], block[np.ix_(mine, mine)]))
    name, studies = data.names[outcome], data.study[keep]
    labels = [name] * len(keep)
    return arrange(data.yi[keep], parts, studies, labels, None, method=data.method, df=data.df)


def _labels(name: str, labels: ArrayLike, k: int) -> tuple[tuple[str, ...], IntArray]:
    found, codes = np.unique(np.asarray(labels), return_inverse=True)
    codes = codes.reshape(-1)
    if len(codes) != k:
        raise DataError(f"{name} has {len(codes)} labels for {k} effects")
    return tuple(str(one) for one in found), codes


def _groups(
    studies: IntArray, codes: IntArray, parts: Sequence[tuple[IntArray, FloatArray]], p: int
) -> tuple[Group, ...]:
    """Studies of equal size with the place of each entry of T in them, (g, L, n, n)."""
    rows, columns = np.tril_indices(p)
    entry = np.zeros((len(rows), p, p))
    entry[np.arange(len(rows)), rows, columns] = 1
    entry[np.arange(len(rows)), columns, rows] = 1
    found = []
    for group in group_components(studies.astype(np.int64), [studies.astype(np.int64)], parts):
        kind = codes[group.index]
        place = entry[:, kind[:, :, None], kind[:, None, :]]
        found.append(replace(group, z=np.moveaxis(place, 0, 1)))
    return tuple(found)


def refuse(data: Outcomes, structure: str) -> None:
    """Say in words what these data cannot carry.

    Raises
    ------
    ModelError
        If there is one outcome, too few studies have one, or too few have two together.
    """
    names, seen = data.names, data.together
    if len(names) < 2:
        raise ModelError(f"one outcome ({names[0]}) is no multivariate model: pool it by itself")
    for name, count in zip(names, np.diagonal(seen), strict=True):
        if count < FEWEST:
            raise ModelError(
                f"{name} is in {_studies(int(count))}; a variance between studies needs {FEWEST} "
                "or more: leave the outcome out"
            )
    if structure == "UN":
        _refuse_pairs(names, seen)
    elif structure in ("CS", "HCS"):
        size = np.unique(data.study * len(names) + data.outcome) // len(names)
        both = int((np.bincount(size) > 1).sum())
        if both < FEWEST:
            raise ModelError(
                f"{_studies(both)} {'has' if both < 2 else 'have'} more than one of the outcomes "
                f"{', '.join(names)}; their correlation needs {FEWEST} or more: use the structure "
                "DIAG, or pool each by itself"
            )


def _refuse_pairs(names: tuple[str, ...], seen: NDArray[np.int64]) -> None:
    few = [
        f"{names[a]} and {names[b]} ({_studies(int(seen[a, b]))})"
        for a in range(len(names))
        for b in range(a)
        if seen[a, b] < FEWEST
    ]
    if few:
        raise ModelError(
            f"too few studies have both {'; '.join(few)}: a correlation needs {FEWEST} or more. "
            "Use the structure HCS or CS, which has one correlation for all pairs, or leave an "
            "outcome out"
        )


def _studies(count: int) -> str:
    return "no study" if count == 0 else f"{count} {'study' if count == 1 else 'studies'}"
