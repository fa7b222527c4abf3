"""Integrals over many dimensions: a fixed lattice of points, and chi-squares drawn on it."""

import math

from metabone.planning.kernel import chi2_isf, chi2_ppf, norm_cdf, norm_sf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Enough points for errors below 2e-4 of a probability.
POINTS = 6000
PRIMES = (
    2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
)  # fmt: skip


def lattice(dims: int, points: int = POINTS) -> "Iterator[list[float]]":
    """Points of a Richtmyer lattice inside the unit cube, folded so that its edges meet.

    References
    ----------
    Genz (1992), doi:10.1080/10618600.1992.10477010.

    Examples
    --------
    >>> round(sum(x * y for x, y in lattice(2)) / 6000, 3)
    0.25
    """
    if dims > len(PRIMES):
        raise ValueError("no lattice for " + str(dims) + " dimensions")
    steps = [math.sqrt(PRIMES[i]) % 1.0 for i in range(dims)]
    for point in range(1, points + 1):
        place = []
        for step in steps:
            x = 1 - abs(2 * ((point * step) % 1.0) - 1)
            place.append(min(max(x, 1e-9), 1 - 1e-9))
        yield place


def root_chi(df: float) -> "Callable[[float], float]":
    """Map from a standard normal score to the square root of a chi-square of `df`.

    The map is smooth and nearly straight, so that a cubic through a table serves.

    Examples
    --------
    >>> round(root_chi(10)(0.0) ** 2, 4)
    9.3418
    """
    table = []
    for i in range(97):
        z = -6 + 0.125 * i
        x = chi2_isf(norm_sf(z), df) if z > 0 else chi2_ppf(norm_cdf(z), df)
        table.append(math.sqrt(x))

    def root(z: float) -> float:
        z = min(max(z, -5.8), 5.8)
        at = (z + 6) / 0.125
        i = int(at)
        u = at - i
        a, b, c, d = table[i - 1], table[i], table[i + 1], table[i + 2]
        return b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a)))

    return root
