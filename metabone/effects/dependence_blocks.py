"""Covariance blocks, computed for all studies of one size at once, and the proof of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabone.effects.dependence_arms import Arms, IntArray
from metabone.effects.dependence_parts import Parts
from metabone.effects.dependence_rho import Correlation
from metabone.effects.formulas import FloatArray

#: How many cells of blocks are computed in one go.
CHUNK = 2**19
#: A block whose correlation matrix has a smaller eigenvalue is as good as singular.
SMALLEST = 1e-9


def studies_by_size(study: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """(numbers of studies, (m, n) positions of their rows) of all studies with n rows.

    Large sets come in several pieces, so that memory stays bounded.

    Examples
    --------
    >>> for names, rows in studies_by_size(np.array([0, 1, 0, 2])):
    ...     print(names.tolist(), rows.tolist())
    [1, 2] [[1], [3]]
    [0] [[0, 2]]
    """
    order = np.argsort(study, kind="stable")
    size = np.bincount(study)
    start = np.cumsum(size) - size
    for n in np.unique(size).tolist():
        of_size = np.flatnonzero(size == n)
        step = max(1, CHUNK // n**2)
        for at in range(0, len(of_size), step):
            names = of_size[at : at + step]
            yield names, order[start[names][:, None] + np.arange(n)]


def covariance(
    rows: IntArray,
    vi: FloatArray,
    arms: Arms,
    parts: Parts,
    correlation: Correlation,
    outcome: IntArray,
) -> FloatArray:
    """(m, n, n) sampling covariance within each of m studies of n rows.

    With r the correlation of two measurements, the errors of means covary by r and those of SDs
    by r² (Gleser and Olkin 2009); groups of different size are nested, so that the covariance is
    that of the larger group.
    """

    def both(values: NDArray[Any]) -> tuple[Any, Any]:
        return values[rows][:, :, None], values[rows][:, None, :]

    def same(numbers: IntArray) -> NDArray[np.bool_]:
        a, b = both(numbers)
        return np.asarray(a == b)

    r = correlation.between(rows)
    means, spreads = np.zeros((2, *r.shape))
    shared = [same(number) for number in (arms.treated, arms.control, arms.sham)]
    for arm, together in enumerate(shared):
        n_a, n_b = both(parts.n[arm])
        ratio = np.minimum(n_a, n_b) / np.maximum(n_a, n_b)
        weight = np.where(together, np.sqrt(np.where(np.isfinite(ratio), ratio, 1.0)), 0.0)
        a, b = both(parts.mean[arm])
        means += weight * a * b
        a, b = both(parts.spread[arm])
        spreads += weight * a * b
    a, b = both(parts.pooled)
    spreads += a * b * _pooled(parts, shared, both)
    # Within one outcome two effects of which one is flipped covary the other way round. Between
    # outcomes rho is the correlation of the effects as they stand in the table.
    a, b = both(parts.sign)
    signs = np.where(same(outcome), a * b, 1.0)
    result: FloatArray = r * signs * means + r**2 * spreads
    diagonal = np.arange(rows.shape[1])
    result[:, diagonal, diagonal] = vi[rows]
    return result


def _pooled(parts: Parts, shared: list[NDArray[np.bool_]], both: Any) -> FloatArray:
    """Covariance of the logs of two pooled SDs."""
    own, wide = (np.minimum(*both(values)) for values in (parts.own, parts.wide))
    treated, control = shared[0], shared[1]
    return np.where(treated & control, own, np.where(treated | control, wide, 0.0))


def first_indefinite(blocks: FloatArray) -> int | None:
    """Which of (m, n, n) blocks is the first that is not positive definite, or None."""
    scaled = _scaled(blocks)
    try:
        np.linalg.cholesky(scaled - SMALLEST * np.eye(scaled.shape[-1]))
    except np.linalg.LinAlgError:
        least = np.linalg.eigvalsh(scaled)[:, 0]
        # Cholesky and the eigenvalue may differ in the last digit; the smallest is the culprit.
        below = np.flatnonzero(least <= SMALLEST)
        return int(below[0] if below.size else np.argmin(least))
    return None


def contradiction(block: FloatArray) -> list[int]:
    """A small set of rows of an (n, n) block that are not positive definite together.

    Every row of it is needed: without any one of them the rest is positive definite.

    Examples
    --------
    >>> contradiction(np.array([[1.0, 0, 2], [0, 1, 0], [2, 0, 1]]))
    [0, 2]
    """
    scaled = _scaled(block)
    bonds = np.abs(np.triu(scaled, 1))
    if bonds.max(initial=0.0) >= 1 - SMALLEST:
        return [int(place) for place in np.unravel_index(np.argmax(bonds), bonds.shape)]
    kept = list(range(len(scaled)))
    step = max(1, len(kept) // 2)
    while step:  # leave out ever smaller runs that the contradiction does not need
        at = 0
        while at < len(kept):
            rest = kept[:at] + kept[at + step :]
            if rest and first_indefinite(scaled[np.ix_(rest, rest)][None]) is not None:
                kept = rest
            else:
                at += step
        step //= 2
    return kept


def _scaled(blocks: FloatArray) -> FloatArray:
    error = np.sqrt(np.diagonal(blocks, axis1=-2, axis2=-1))
    return np.asarray(blocks / (error[..., :, None] * error[..., None, :]))
