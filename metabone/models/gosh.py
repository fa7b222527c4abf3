"""All subsets of a meta-analysis, or a sample of them, fitted in batches (GOSH)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, UsageError
from metabone.models.shared import Shared, estimate_shared, shared
from metabone.options import Tau2Method, check_option

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Subsets that are fitted together. Each such chunk has its own stream of random numbers, so that
# the answer does not depend on who computes it; memory is bounded by it.
CHUNK = 20_000
# Effects of fits that stay together in the processor's cache.
CACHE = 32768
# More subsets than this would hold hundreds of megabytes, for a picture that no eye tells apart.
MOST = 10_000_000


@dataclass(frozen=True, slots=True)
class Gosh:
    """The pooled answer of m subsets of n members.

    Attributes
    ----------
    estimate, tau2, i2 : (m,) mean, heterogeneity and I² (per cent). A subset of one effect is that
        effect, with τ² and I² zero.
    size : (m,) number of members.
    members : (m, ⌈n / 8⌉) which members each subset has, packed as by ``numpy.packbits``.
    complete : whether all 2ⁿ − 1 subsets are there, each once.
    seed : of the sample, None if complete.
    n : number of members.
    """

    estimate: FloatArray
    tau2: FloatArray
    i2: FloatArray
    size: NDArray[np.int64]
    members: NDArray[np.uint8]
    complete: bool
    seed: int | None
    n: int

    def include(self, rows: slice | NDArray[np.intp] = slice(None)) -> BoolArray:
        """(…, n) whether each member is in the subsets `rows`."""
        return np.unpackbits(self.members[rows], axis=-1, count=self.n).astype(bool)


def gosh(
    yi: ArrayLike,
    vi: ArrayLike,
    members: ArrayLike | None = None,
    *,
    sample: int = 1_000_000,
    seed: int = 1,
    method: str = "REML",
    n_jobs: int = 1,
) -> Gosh:
    """Pool every subset of the effects, or of groups of them.

    Where there are more than `sample` subsets, that many are drawn instead, independently and each
    subset with the same chance (so that one may come twice).

    Parameters
    ----------
    yi, vi : (k,) effects and their sampling variances.
    members : (k,) labels of the groups that come and go together; by default each effect is one.
    sample : the most subsets to fit.
    seed : of the sample; one number gives one answer, whatever `n_jobs`.
    method : estimator of τ².
    n_jobs : processes to share the work, as joblib counts them.

    Raises
    ------
    UsageError
        If `sample` is not from 1 to ten million, or the estimator is unknown.
    DataError
        If there are fewer than two members.

    References
    ----------
    Olkin, Dahabreh & Trikalinos (2012), doi:10.1002/jrsm.1053.

    Examples
    --------
    >>> found = gosh([0.1, 0.6, 1.1], [0.04, 0.05, 0.06], method="DL")
    >>> found.size.tolist(), found.complete
    ([1, 1, 2, 1, 2, 2, 3], True)
    >>> found.estimate.round(2).tolist()
    [0.1, 0.6, 0.34, 1.1, 0.59, 0.84, 0.59]
    """
    method = check_option("method", method, Tau2Method)
    if not 1 <= sample <= MOST:
        raise UsageError(f"sample must be from 1 to {MOST:,}; got {sample!r}")
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    labels = np.arange(len(y)) if members is None else np.asarray(members)
    if labels.shape != y.shape:
        raise DataError(f"members must have the shape {y.shape}; got {labels.shape}")
    names, codes = np.unique(labels, return_inverse=True)
    n = len(names)
    if n < 2:
        raise DataError(f"subsets take two effects or more; there {'is one' if n else 'is none'}")
    scheme = Subsets(n, sample, seed)
    run = _Run(y, v, codes.reshape(-1), method, scheme)
    chunks = range(scheme.chunks)
    if n_jobs == 1:
        parts = [run(chunk) for chunk in chunks]
    else:
        from joblib import Parallel, delayed

        parts = list(Parallel(n_jobs=n_jobs)(delayed(run)(chunk) for chunk in chunks))
    estimate, tau2, i2, size, packed = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return Gosh(
        estimate, tau2, i2, size.astype(np.int64), packed.astype(np.uint8, copy=False),
        scheme.complete, None if scheme.complete else seed, n,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subsets:
    """Which subsets of n members: all of them in counting order, or random ones."""

    n: int
    sample: int
    seed: int

    @property
    def complete(self) -> bool:
        """Whether all subsets fit into the sample."""
        return self.n < 63 and 2**self.n - 1 <= self.sample

    @property
    def count(self) -> int:
        """How many subsets there are."""
        return 2**self.n - 1 if self.complete else self.sample

    @property
    def chunks(self) -> int:
        """How many chunks they come in."""
        return -(-self.count // CHUNK)

    def include(self, chunk: int) -> BoolArray:
        """(≤ CHUNK, n) the subsets of one chunk."""
        size = min(CHUNK, self.count - chunk * CHUNK)
        if self.complete:
            numbers = np.arange(1 + chunk * CHUNK, 1 + chunk * CHUNK + size)
            return (numbers[:, None] >> np.arange(self.n) & 1).astype(bool)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(chunk,)))
        drawn = rng.integers(0, 2, (size, self.n), dtype=np.uint8).astype(bool)
        while (empty := ~drawn.any(axis=1)).any():
            drawn[empty] = rng.integers(0, 2, (int(empty.sum()), self.n), dtype=np.uint8)
        return drawn

    def __iter__(self) -> Iterator[BoolArray]:
        return (self.include(chunk) for chunk in range(self.chunks))


@dataclass(frozen=True, slots=True)
class _Run:
    """The fits of one chunk, as arrays; picklable, so that processes can share the chunks."""

    y: FloatArray
    v: FloatArray
    codes: NDArray[np.intp]
    method: str
    scheme: Subsets

    def __call__(self, chunk: int) -> tuple[NDArray[np.generic], ...]:
        members = self.scheme.include(chunk)
        on = members[:, self.codes].astype(float)
        count = on.sum(axis=1)
        # Centred, so that squares do not lose what is small beside the mean.
        centre = float(np.average(self.y, weights=1 / self.v))
        y = self.y - centre
        estimate, tau2, i2 = on @ y, np.zeros(len(on)), np.zeros(len(on))
        rows = np.flatnonzero(count > 1)
        step = max(1, CACHE // len(y))
        for part in np.split(rows, range(step, len(rows), step)):
            if not len(part):
                continue
            batch = shared(y, self.v, on=on[part])
            found = estimate_shared(batch, self.method)
            estimate[part] = batch.moments(found.tau2).coef[:, 0]
            tau2[part] = found.tau2
            i2[part] = self._i2(batch, found.tau2)
        return estimate + centre, tau2, i2, members.sum(axis=1), np.packbits(members, axis=1)

    def _i2(self, batch: Shared, tau2: FloatArray) -> FloatArray:
        if self.method == "EE":
            q = batch.at_zero.q
            excess: FloatArray = np.maximum(0.0, q - (batch.k - 1))
            return 100 * excess / np.where(q > 0, q, 1.0)
        return 100 * tau2 / (tau2 + batch.typical_variance)
