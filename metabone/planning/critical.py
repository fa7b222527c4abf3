"""Critical values of the tests that simulated studies are put to.

These come from scipy.special and quadrature of their own; nothing here is shared with the
closed-form designs, so that a fault of either shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]


def t_cut(alpha: float, df: float, sides: int) -> float:
    """Smallest |t| (or t, one-sided) that is significant.

    Examples
    --------
    >>> round(t_cut(0.05, 10, 2), 4), round(t_cut(0.05, 10, 1), 4)
    (2.2281, 1.8125)
    """
    return float(-special.stdtrit(df, alpha / sides))


def f_cut(alpha: float, df1: float, df2: float) -> float:
    """Smallest significant F.

    Examples
    --------
    >>> round(f_cut(0.05, 4, 20), 4)
    2.8661
    """
    return float(special.fdtri(df1, df2, 1 - alpha))


@lru_cache(maxsize=256)
def dunnett_cut(alpha: float, control: float, treated: tuple[float, ...], sides: int) -> float:
    """Dunnett's critical value for groups of any size against one control.

    Given the control mean and the pooled SD the comparisons are independent; both are integrated
    out (Gauss-Hermite and Gauss-Legendre over the quantiles of χ²).

    Parameters
    ----------
    control : animals in the control group.
    treated : animals in each treated group.

    References
    ----------
    Dunnett (1955), doi:10.1080/01621459.1955.10501294, tables 1 and 2.

    Examples
    --------
    >>> round(dunnett_cut(0.05, 5, (5, 5, 5, 5), 2), 3)
    2.651
    """
    df = control + sum(treated) - len(treated) - 1
    load = np.sqrt([n / (n + control) for n in treated])[:, None, None]
    rest = np.sqrt(1 - load**2)
    z, weight_z = special.roots_hermitenorm(60)
    weight_z = weight_z / weight_z.sum()
    node, weight_s = special.roots_legendre(160)
    s = np.sqrt(special.chdtri(df, 0.5 - 0.5 * node) / df)[:, None]

    def missed(cut: float) -> float:
        """1 - alpha reached with this critical value."""
        upper = special.ndtr((cut * s + load * z) / rest)
        lower = special.ndtr((-cut * s + load * z) / rest) if sides == 2 else 0.0
        inside = np.prod(upper - lower, axis=0)
        return float(0.5 * weight_s @ inside @ weight_z)

    return bisect(lambda cut: missed(cut) - (1 - alpha), 0.0, 200.0)


def bisect(f: Callable[[float], float], low: float, high: float) -> float:
    """Root of a rising function between `low` and `high`, to the last digits.

    Examples
    --------
    >>> round(bisect(lambda x: x * x - 2, 0, 2), 9)
    1.414213562
    """
    for _ in range(80):
        middle = 0.5 * (low + high)
        if f(middle) < 0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@lru_cache(maxsize=64)
def sequential_cuts(
    kind: str, fractions: tuple[float, ...], alpha: float, sides: int
) -> FloatArray:
    """Boundaries (looks,) of z: ``obrien-fleming``, ``pocock``, ``spending`` or ``none``.

    The chance to cross is summed over looks by recursive integration of the density of z √k among
    the studies that go on.

    Parameters
    ----------
    fractions : information at each look, the last 1.
    kind : ``spending`` spends alpha as O'Brien-Fleming boundaries of continuous looks would.

    References
    ----------
    Lan & DeMets (1983), doi:10.1093/biomet/70.3.659;
    Armitage, McPherson & Rowe (1969), doi:10.2307/2343787; O'Brien & Fleming (1979),
    doi:10.2307/2530245; Pocock (1977), doi:10.1093/biomet/64.2.191.

    Examples
    --------
    >>> sequential_cuts("obrien-fleming", (0.5, 1.0), 0.025, 1).round(4).tolist()
    [2.7965, 1.9774]
    """
    share = np.asarray(fractions, dtype=float)
    if kind == "none":
        return np.full(len(share), float(-special.ndtri(alpha / sides)))
    if kind == "spending":
        return _spending(share, alpha, sides)
    shape = 1 / np.sqrt(share) if kind == "obrien-fleming" else np.ones(len(share))
    scale = bisect(lambda c: alpha - crossing(c * shape, share, sides), 0.5, 12.0)
    cuts = scale * shape
    cuts.setflags(write=False)
    return cuts


def _spending(share: FloatArray, alpha: float, sides: int) -> FloatArray:
    outer = float(-special.ndtri(alpha / (2 * sides)))
    found: list[float] = []
    for look, at in enumerate(share, 1):
        spent = sides * 2 * float(special.ndtr(-outer / np.sqrt(at)))

        def left(cut: float, look: int = look, spent: float = spent) -> float:
            return spent - crossing([*found, cut], share[:look], sides)

        found.append(bisect(left, 0.5, 12.0))
    return np.array(found)


def crossing(cuts: Sequence[float] | FloatArray, share: FloatArray, sides: int) -> float:
    """Chance, without an effect, that z leaves its boundary at one look or another.

    Examples
    --------
    >>> round(crossing([1.959964, 1.959964], np.array([0.5, 1.0]), 2), 4)  # two peeks at 5 %
    0.0831
    """
    node, weight = special.roots_legendre(220)
    gone, density, before, points, span = 0.0, None, 0.0, None, None
    for cut, at in zip(cuts, share, strict=True):
        top = cut * np.sqrt(at)  # on the scale of Brownian motion at time `at`
        bottom = -top if sides == 2 else -9.0 * np.sqrt(at)
        if density is None:
            gone += sides * float(special.ndtr(-cut))
        else:
            step = np.sqrt(at - before)
            out = special.ndtr((points - top) / step)
            if sides == 2:
                out = out + special.ndtr((bottom - points) / step)
            gone += float(span @ (density * out))
        grid = bottom + (top - bottom) * (node + 1) / 2
        if density is None:
            new = np.exp(-(grid**2) / (2 * at)) / np.sqrt(2 * np.pi * at)
        else:
            gap = at - before
            kernel = np.exp(-((grid[:, None] - points) ** 2) / (2 * gap))
            new = kernel @ (span * density) / np.sqrt(2 * np.pi * gap)
        density, before, points, span = new, at, grid, weight * (top - bottom) / 2
    return gone


@lru_cache(maxsize=64)
def rank_sum_cut(n1: int, n2: int, alpha: float, sides: int) -> int:
    """Smallest U that is significant by its exact distribution (n1·n2 + 1 where none is).

    References
    ----------
    Mann & Whitney (1947), doi:10.1214/aoms/1177730491.

    Examples
    --------
    >>> rank_sum_cut(5, 5, 0.05, 2), rank_sum_cut(3, 3, 0.05, 2)
    (23, 10)
    """
    # Ways to reach each U: the coefficients of the Gaussian binomial, one factor at a time.
    ways = np.zeros(n1 * n2 + 1)
    ways[0] = 1.0
    for i in range(1, n1 + 1):
        ways[n2 + i :] -= ways[: max(0, len(ways) - n2 - i)].copy()
        for u in range(i, len(ways)):
            ways[u] += ways[u - i]
    ways /= ways.sum()
    tail = np.cumsum(ways[::-1])[::-1]
    small = np.flatnonzero(tail <= alpha / sides * (1 + 1e-12))
    return int(small[0]) if len(small) else n1 * n2 + 1
