"""Permutation test of the whole curve: what it looks like when no study has an effect."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.errors import UsageError
from metabone.synthesis.choices.results import CurvePermutation, CurveTest

FloatArray = NDArray[np.float64]

MEDIAN, SHARE, MEAN = "median z", "share significant", "mean z"
# Statistics that differ by less are equal: a pattern must not lose to itself by rounding.
TIE = 1e-9
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Patterns:
    """(F, studies) signs; the first are all +1. ``exact``: all patterns up to their mirror images.

    Statistics do not change when all signs do, so that one of each pair of mirror images is enough.
    """

    signs: FloatArray
    exact: bool
    seed: int

    @property
    def iterations(self) -> int:
        """How many patterns the test rests on."""
        return len(self.signs) if self.exact else len(self.signs) - 1


def sign_patterns(studies: int, permutations: int, seed: int) -> Patterns:
    """Signs to flip whole studies by: all patterns where they are few, else drawn at random.

    Parameters
    ----------
    permutations : the most patterns to go through; 0 for the data alone.

    Examples
    --------
    >>> sign_patterns(3, 500, 1).signs.tolist()
    [[1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, -1.0], [1.0, -1.0, -1.0]]
    """
    if not 0 <= permutations <= MOST:
        raise UsageError(f"permutations must be 0 to {MOST}; got {permutations!r}")
    if permutations == 0 or studies < 2:
        return Patterns(np.ones((1, studies)), False, seed)
    if studies - 1 <= math.log2(permutations):
        bits = np.arange(2 ** (studies - 1))[:, None] >> np.arange(studies - 1) & 1
        signs = np.hstack([np.ones((len(bits), 1)), 1.0 - 2.0 * bits])
        return Patterns(signs, True, seed)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    drawn = rng.integers(0, 2, (permutations, studies)) * 2.0 - 1
    return Patterns(np.vstack([np.ones((1, studies)), drawn]), False, seed)


def curve_statistics(z: FloatArray, significant: FloatArray) -> dict[str, FloatArray]:
    """Three statistics of curves (S, F), (F,) each; analyses without an answer (NaN) do not count.

    The median and the mean of z without its sign, and the larger share of the analyses that are
    significant in one direction.
    """
    with warnings.catch_warnings():
        # A pattern in which no analysis has an answer has no statistic either.
        warnings.simplefilter("ignore", RuntimeWarning)
        counted = np.isfinite(z).sum(axis=0)
        up, down = ((significant * (sign * z > 0)).sum(axis=0) / counted for sign in (1, -1))
        return {
            MEDIAN: np.abs(np.nanmedian(z, axis=0)),
            SHARE: np.maximum(up, down),
            MEAN: np.abs(np.nanmean(z, axis=0)),
        }


def judge_curve(
    z: FloatArray, significant: FloatArray, patterns: Patterns, *, studies: int, level: float
) -> CurvePermutation:
    """Compare the curve with those under other signs.

    Parameters
    ----------
    z : (S, F) signed normal quantiles of the p-values; the first column is the data's.
    significant : (S, F) 0 or 1.

    References
    ----------
    Simonsohn, Simmons & Nelson (2020), doi:10.1038/s41562-020-0912-z.
    """
    tests = []
    for name, values in curve_statistics(z, significant).items():
        known = values[np.isfinite(values)]
        reached = known >= values[0] - TIE * max(1.0, abs(values[0]))
        # The data's own pattern is one of them, so that p is never 0.
        tests.append(
            CurveTest(name, float(values[0]), float(np.median(known)), float(reached.mean()))
        )
    low, high = null_band(z, level)
    return CurvePermutation(
        tests=tuple(tests), iterations=patterns.iterations, exact=patterns.exact,
        seed=patterns.seed, studies=studies, unanswered=int((~np.isfinite(z)).sum()),
        null_low=low, null_high=high,
    )  # fmt: skip


def null_band(values: FloatArray, level: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Limits of each rank of the curve under the null, from curves (S, F) and their mirror images.

    Curves that lack an answer are left out.
    """
    whole = values[:, np.isfinite(values).all(axis=0)]
    if not whole.size:
        nothing = (math.nan,) * len(values)
        return nothing, nothing
    curves = np.sort(np.concatenate([whole, -whole], axis=1), axis=0)
    low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=1)
    return tuple(low.tolist()), tuple(high.tolist())
