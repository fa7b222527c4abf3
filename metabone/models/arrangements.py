"""Which signs or rows a permutation test goes through: all there are, or random ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# Permutations that are fitted together. Each such chunk has its own stream of random numbers, so
# that the answer does not depend on who computes it.
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of m groups.

    A two-sided statistic does not change when all signs do, so that 2^(m − 1) patterns are all
    there are; the first of them changes nothing.
    """

    m: int
    iterations: int
    seed: int

    @property
    def exact(self) -> bool:
        """Whether all patterns are gone through."""
        return self.m - 1 <= math.log2(self.iterations)

    @property
    def count(self) -> int:
        """How many patterns there are."""
        return 2 ** (self.m - 1) if self.exact else self.iterations

    @property
    def chunks(self) -> int:
        """How many chunks they come in."""
        return -(-self.count // CHUNK)

    def signs(self, chunk: int) -> FloatArray:
        """(≤ CHUNK, m) the patterns of one chunk."""
        numbers = np.arange(chunk * CHUNK, min((chunk + 1) * CHUNK, self.count))
        if self.exact:
            bits = numbers[:, None] >> np.arange(self.m - 1) & 1
            return np.hstack([np.ones((len(numbers), 1)), 1.0 - 2.0 * bits])
        drawn = stream(self.seed, chunk).integers(0, 2, (len(numbers), self.m))
        return 1.0 - 2.0 * drawn.astype(np.float64)


@dataclass(frozen=True, slots=True)
class Arrangements:
    """Labels (m,) of groups in another order; `strata` (m,) say who may change places with whom.

    Orders that give every group the label it had are one arrangement: there are
    m! / (n₁! n₂! …) of them, within each stratum.
    """

    labels: IntArray
    iterations: int
    seed: int
    strata: IntArray | None = None

    @property
    def _parts(self) -> list[IntArray]:
        if self.strata is None:
            return [np.arange(len(self.labels))]
        return [np.flatnonzero(self.strata == one) for one in np.unique(self.strata)]

    @property
    def possible(self) -> int:
        """How many arrangements differ."""
        total = 1
        for part in self._parts:
            total *= math.factorial(len(part))
            for count in np.unique(self.labels[part], return_counts=True)[1]:
                total //= math.factorial(int(count))
        return total

    @property
    def exact(self) -> bool:
        """Whether all arrangements are gone through."""
        return self.possible <= self.iterations

    @property
    def count(self) -> int:
        """How many there are."""
        return self.possible if self.exact else self.iterations

    @property
    def chunks(self) -> int:
        """How many chunks they come in."""
        return -(-self.count // CHUNK)

    def labels_of(self, chunk: int) -> IntArray:
        """(≤ CHUNK, m) the arrangements of one chunk."""
        start = chunk * CHUNK
        size = min(CHUNK, self.count - start)
        if self.exact:
            listed = itertools.islice(self._all(), start, start + size)
            return np.array(list(listed), dtype=np.intp)
        rng = stream(self.seed, chunk)
        out = np.tile(self.labels, (size, 1))
        for part in self._parts:
            out[:, part] = rng.permuted(out[:, part], axis=1)
        return out

    def _all(self) -> Iterator[IntArray]:
        parts = self._parts
        orders = (list(distinct(self.labels[part].tolist())) for part in parts)
        for choice in itertools.product(*orders):
            out = np.empty(len(self.labels), dtype=np.intp)
            for part, order in zip(parts, choice, strict=True):
                out[part] = order
            yield out


def distinct(labels: list[int]) -> Iterator[list[int]]:
    """All different orders of labels, in lexicographic order.

    References
    ----------
    Knuth (2011), *The Art of Computer Programming* 4A, 7.2.1.2, algorithm L.

    Examples
    --------
    >>> list(distinct([1, 0, 0]))
    [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    """
    order = sorted(labels)
    while True:
        yield order.copy()
        left = len(order) - 2
        while left >= 0 and order[left] >= order[left + 1]:
            left -= 1
        if left < 0:
            return
        right = len(order) - 1
        while order[left] >= order[right]:
            right -= 1
        order[left], order[right] = order[right], order[left]
        order[left + 1 :] = order[left + 1 :][::-1]


def stream(seed: int, chunk: int) -> np.random.Generator:
    """The random numbers of one chunk."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(chunk,)))
