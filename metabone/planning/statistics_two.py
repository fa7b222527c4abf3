"""Studies of two groups, by their means and sums of squares."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from metabone.planning.critical import sequential_cuts, t_cut
from metabone.planning.trials import (
    BoolArray,
    Drawn,
    FloatArray,
    Trial,
    beyond,
    chi2,
    expected_side,
    sides_text,
)


def two_groups(
    difference: float,
    sd: tuple[float, float],
    n: tuple[int, int],
    *,
    alpha: float = 0.05,
    sides: int = 2,
    welch: bool = False,
    null: float = 0.0,
) -> Trial:
    """Student's or Welch's t test of a difference of means against `null`.

    Parameters
    ----------
    difference : true mean of the second group less that of the first.
    sd, n : of the first group, of the second.
    """
    turned = expected_side(difference - null, sides)
    shift = turned * (difference - null)
    cut = t_cut(alpha, n[0] + n[1] - 2, sides)

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        first = rng.standard_normal(size) * (sd[0] / math.sqrt(n[0]))
        second = rng.standard_normal(size) * (sd[1] / math.sqrt(n[1])) + shift
        squares = (chi2(rng, n[0] - 1, size) * sd[0] ** 2, chi2(rng, n[1] - 1, size) * sd[1] ** 2)
        if welch:
            return [_welch(second - first, squares, n, alpha, sides)], []
        pooled = (squares[0] + squares[1]) / (n[0] + n[1] - 2)
        t = (second - first) / np.sqrt(pooled * (1 / n[0] + 1 / n[1]))
        return [beyond(t, cut, sides)], []

    name = "Welch's" if welch else "Student's"
    return Trial(("power",), draw, f"{name} t, {sides_text(sides)}")


def _welch(
    gap: FloatArray, squares: Sequence[FloatArray], n: tuple[int, int], alpha: float, sides: int
) -> BoolArray:
    a = squares[0] / ((n[0] - 1) * n[0])
    b = squares[1] / ((n[1] - 1) * n[1])
    df = (a + b) ** 2 / (a * a / (n[0] - 1) + b * b / (n[1] - 1))
    t = gap / np.sqrt(a + b)
    # By the p value: a critical value for every df would take far longer.
    tail: FloatArray = special.stdtr(df, -np.abs(t) if sides == 2 else -t)
    return tail < alpha / sides


def assured(
    mean: float,
    scale: float,
    df: float,
    n: tuple[int, int],
    *,
    alpha: float = 0.05,
    sides: int = 2,
) -> Trial:
    """Student's t test of a difference (in SD) that is itself uncertain: what assurance means.

    Parameters
    ----------
    mean, scale, df : of the t distribution of the true difference; `df` may be infinite.
    """
    turned = -1.0 if mean < 0 else 1.0
    cut = t_cut(alpha / sides, n[0] + n[1] - 2, 1)
    root = math.sqrt(1 / n[0] + 1 / n[1])

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        true = rng.standard_normal(size)
        if math.isfinite(df):
            true /= np.sqrt(chi2(rng, df, size) / df)
        true = turned * mean + scale * true
        spread = np.sqrt(chi2(rng, n[0] + n[1] - 2, size) / (n[0] + n[1] - 2))
        t = (rng.standard_normal(size) * root + true) / (spread * root)
        return [t > cut], []

    test = f"Student's t in the direction of the evidence, {sides_text(sides)}"
    return Trial(("power",), draw, test)


def equivalence(
    difference: float,
    sd: float,
    n: tuple[int, int],
    low: float,
    high: float,
    *,
    alpha: float = 0.05,
) -> Trial:
    """Two one-sided t tests; an infinite margin leaves one of them out (non-inferiority)."""
    df = n[0] + n[1] - 2
    cut = t_cut(alpha, df, 1)
    scale = math.sqrt(1 / n[0] + 1 / n[1])

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        first = rng.standard_normal(size) * (sd / math.sqrt(n[0]))
        second = rng.standard_normal(size) * (sd / math.sqrt(n[1])) + difference
        gap = second - first
        half = cut * sd * np.sqrt(chi2(rng, df, size) / df) * scale
        return [(gap - half > low) & (gap + half < high)], []

    both = math.isfinite(low) and math.isfinite(high)
    return Trial(("power",), draw, "two one-sided t tests" if both else "one-sided t on a margin")


def interval_width(
    sd: float, n: tuple[int, int], half_width: float, *, level: float = 0.95
) -> Trial:
    """Half-width of the interval of a difference of means, and how often it is small enough."""
    df = n[0] + n[1] - 2
    factor = t_cut(1 - level, df, 2) * sd * math.sqrt(1 / n[0] + 1 / n[1])

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        halves = factor * np.sqrt(chi2(rng, df, size) / df)
        return [halves <= half_width], [halves]

    return Trial(("power",), draw, f"width of the {100 * level:g} % interval of a difference",
                 quantities=("expected_half_width",))  # fmt: skip


def standardized_width(d: float, n: tuple[int, int], width: float, *, level: float = 0.95) -> Trial:
    """Width of the exact interval of a standardised difference (noncentral t)."""
    df = n[0] + n[1] - 2
    scale = math.sqrt(1 / n[0] + 1 / n[1])
    span = 8 * math.sqrt(1 + (d / scale) ** 2 / (2 * df)) + 1
    grid = np.linspace(d / scale - 4 * span, d / scale + 4 * span, 3001)
    limits = [special.nctdtrinc(df, (1 - side * level) / 2, grid) for side in (-1, 1)]
    known = np.isfinite(limits[0]) & np.isfinite(limits[1])
    across = (np.abs(limits[1] - limits[0]) * scale)[known]

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        t = (rng.standard_normal(size) + d / scale) / np.sqrt(chi2(rng, df, size) / df)
        widths = np.interp(t, grid[known], across)
        return [widths <= width], [widths]

    return Trial(("power",), draw, f"width of the exact {100 * level:g} % interval of d",
                 quantities=("width",))  # fmt: skip


def sequential(
    difference: float,
    sd: float,
    looks: Sequence[tuple[int, int]],
    *,
    kind: str = "obrien-fleming",
    alpha: float = 0.025,
    sides: int = 1,
    known: bool = False,
    cuts: Sequence[float] | None = None,
) -> Trial:
    """Two groups looked at several times, with t tests at the nominal levels of z boundaries.

    Parameters
    ----------
    looks : animals of the two groups by each look, growing.
    known : test z with the true SD instead of t.
    cuts : boundaries of z; by default those of `kind`.
    """
    turned = expected_side(difference, sides)
    total = looks[-1][0] + looks[-1][1]
    if cuts is None:
        shares = tuple((a + b) / total for a, b in looks)
        cuts = sequential_cuts(kind, shares, alpha, sides).tolist()
    levels = special.ndtr(-np.asarray(cuts))
    bounds = [
        cut if known else t_cut(float(level), a + b - 2, 1)
        for cut, level, (a, b) in zip(cuts, levels, looks, strict=True)
    ]

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        stopped = np.zeros(size, dtype=bool)
        animals = np.zeros(size)
        at: list[BoolArray] = []
        mean, within = [np.zeros(size), np.zeros(size)], np.zeros(size)
        before = (0, 0)
        for (a, b), bound in zip(looks, bounds, strict=True):
            for arm, (now, old) in enumerate(((a, before[0]), (b, before[1]))):
                within += _grow(rng, mean, arm, old, now, turned * difference * arm, sd)
            spread = sd if known else np.sqrt(within / (a + b - 2))
            statistic = (mean[1] - mean[0]) / (spread * math.sqrt(1 / a + 1 / b))
            animals[~stopped] = a + b
            now_stopped = beyond(statistic, bound, sides) & ~stopped
            at.append(now_stopped)
            stopped |= now_stopped
            before = (a, b)
        return [stopped, *at], [animals]

    names = tuple(f"power_by_look[{place}]" for place in range(len(looks)))
    test = f"{'z' if known else 't'} at {len(looks)} looks, {kind}, {sides_text(sides)}"
    return Trial(("power", *names), draw, test, quantities=("expected_n_total",))


def _grow(
    rng: np.random.Generator,
    mean: list[FloatArray],
    arm: int,
    old: int,
    now: int,
    true: float,
    sd: float,
) -> FloatArray:
    """Add animals to a group's mean in place; return what its sum of squares grows by.

    Chan, Golub & LeVeque (1983), doi:10.1080/00031305.1983.10483115.
    """
    size, new = len(mean[arm]), now - old
    if new == 0:
        return np.zeros(size)
    added = true + rng.standard_normal(size) * (sd / math.sqrt(new))
    growth = chi2(rng, new - 1, size) * sd**2
    gap = added - mean[arm]
    if old:
        growth += gap**2 * (old * new / now)
    mean[arm] = mean[arm] + gap * (new / now)
    return growth
