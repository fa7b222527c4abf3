"""Studies drawn animal by animal, where means and sums of squares are not enough or not simple."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from metabone.planning.critical import f_cut, rank_sum_cut, t_cut
from metabone.planning.trials import (
    Drawn,
    FloatArray,
    Trial,
    beyond,
    chi2,
    compound,
    correlated,
    expected_side,
    factor,
    sides_text,
)


def paired(
    difference: float,
    sd: tuple[float, float],
    correlation: float,
    n: int,
    *,
    alpha: float = 0.05,
    sides: int = 2,
) -> Trial:
    """Two measurements of each animal; t test of the differences."""
    lower = factor(compound(2, correlation), "correlation")
    cut = t_cut(alpha, n - 1, sides)
    shift = difference * expected_side(difference, sides)

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        z = correlated(rng, lower, (n, size))
        change = sd[1] * z[1] - sd[0] * z[0] + shift
        mean = change.mean(axis=0)
        change -= mean
        spread = np.sqrt((change * change).sum(axis=0) / (n - 1))
        return [beyond(mean, cut * spread / math.sqrt(n), sides)], []

    return Trial(("power",), draw, f"paired t, {sides_text(sides)}", "animals")


def cages(
    difference: float,
    sd: float,
    icc: float,
    counts: tuple[int, int],
    housed: int,
    *,
    alpha: float = 0.05,
    sides: int = 2,
) -> Trial:
    """Whole cages (or litters) get one treatment: t test of cage means, and the animals' t test.

    Parameters
    ----------
    sd : between animals of one group, all cages together.
    icc : share of that variance between cages.
    counts : cages of each group.
    housed : animals in a cage.
    """
    shift = difference * expected_side(difference, sides)
    cage_sd, rest = sd * math.sqrt(icc), sd * math.sqrt(1 - icc)
    df = sum(counts) - 2
    df_animals = sum(counts) * housed - 2
    cut, cut_animals = t_cut(alpha, df, sides), t_cut(alpha, df_animals, sides)
    scale = math.sqrt(1 / counts[0] + 1 / counts[1])

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        gap, between = np.zeros(size), np.zeros(size)
        for sign, count in zip((-1, 1), counts, strict=True):
            mean = cage_sd * rng.standard_normal((count, size))
            mean += rest / math.sqrt(housed) * rng.standard_normal((count, size))
            middle = mean.mean(axis=0)
            gap += sign * middle
            between += ((mean - middle) ** 2).sum(axis=0)
        gap += shift
        within = rest**2 * chi2(rng, sum(counts) * (housed - 1), size)
        unit = cut * scale * np.sqrt(between / df)
        pooled = (housed * between + within) / df_animals
        unit_animals = cut_animals * scale * np.sqrt(pooled / housed)
        return [beyond(gap, unit, sides), beyond(gap, unit_animals, sides)], []

    test = f"t of cage means, {sides_text(sides)}"
    return Trial(("power", "animals taken as independent"), draw, test)


def within_cages(
    difference: float,
    sd: float,
    icc: float,
    count: int,
    housed: tuple[int, int],
    *,
    slope_sd: float = 0.0,
    by_cage: bool = False,
    alpha: float = 0.05,
    sides: int = 2,
) -> Trial:
    """Both treatments in every cage: animals with the cage as a block, and t of differences.

    Parameters
    ----------
    count : cages; `housed` animals of each group in each.
    slope_sd : SD between cages of the treatment's effect; the differences' t test allows for it.
    by_cage : plan for the t test of the cages' differences, not for animals in blocks.
    """
    shift = difference * expected_side(difference, sides)
    cage_sd, rest = sd * math.sqrt(icc), sd * math.sqrt(1 - icc)
    a, b = housed
    df = count * (a + b) - count - 1
    df_cages = count - 1
    cut, cut_cages = t_cut(alpha, df, sides), t_cut(alpha, df_cages, sides)

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        level = cage_sd * rng.standard_normal((count, size))
        extra = slope_sd * rng.standard_normal((count, size)) if slope_sd else 0.0
        first = level + rest * rng.standard_normal((a, count, size))
        second = level + extra + shift + rest * rng.standard_normal((b, count, size))
        low, high = first.mean(axis=0), second.mean(axis=0)
        gap = high - low
        middle = gap.mean(axis=0)
        spread = ((gap - middle) ** 2).sum(axis=0)
        inside = ((first - low) ** 2).sum(axis=(0, 1)) + ((second - high) ** 2).sum(axis=(0, 1))
        # Additive model: cage by treatment goes into the error.
        error = (inside + spread * (a * b / (a + b))) / df
        unit = cut * np.sqrt(error * (1 / a + 1 / b) / count)
        unit_cages = cut_cages * np.sqrt(spread / df_cages / count)
        found = [beyond(middle, unit, sides), beyond(middle, unit_cages, sides)]
        return found[::-1] if by_cage else found, []

    tests = ["cage as a block", "t of cage differences"]
    planned, other = tests[::-1] if by_cage else tests
    test = f"treatment within cages, {planned}, {sides_text(sides)}"
    return Trial(("power", other), draw, test, "animals")


def ancova(
    means: Sequence[float],
    sd: float,
    correlation: float,
    n: Sequence[int],
    contrast: Sequence[float] | None,
    *,
    covariates: int = 1,
    alpha: float = 0.05,
    sides: int = 2,
    comparisons: int = 1,
) -> Trial:
    """Groups adjusted for baseline measurements: contrast and omnibus F by least squares.

    Parameters
    ----------
    sd : between animals of one group, before adjusting.
    correlation : of the outcome with the first covariate; further covariates are noise.
    contrast : None plans for the omnibus F.
    """
    groups, total = len(means), sum(n)
    df = total - groups - covariates
    weights = np.zeros(groups) if contrast is None else np.asarray(contrast, dtype=float)
    weights = weights * expected_side(float(weights @ np.asarray(means, float)), sides)
    cut = t_cut(alpha / comparisons, df, sides)
    f_bound = f_cut(alpha, groups - 1, df) * (groups - 1) / df
    rest = math.sqrt(1 - correlation**2)

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        x = rng.standard_normal((covariates, total, size))
        y = correlation * x[0] + rest * rng.standard_normal((total, size))
        centred = [_centred(values, n) for values in (*x, y)]
        inside = [values for values, _ in centred]
        mean_x = np.array([mean for _, mean in centred[:-1]])
        mean_y = centred[-1][1] + np.asarray(means, float)[:, None] / sd
        slopes, error, cross = _regress(inside)
        adjusted = mean_y - (slopes[:, None] * mean_x).sum(axis=0)
        gap = (weights[:, None] * adjusted).sum(axis=0)
        leverage = _quadratic(cross, (weights[:, None] * mean_x).sum(axis=1))
        variance = sum(w * w / m for w, m in zip(weights, n, strict=True)) + leverage
        found = beyond(gap, cut * np.sqrt(error / df * variance), sides)
        y_all = _lift(inside[-1], mean_y, n)
        x_all = [_lift(v, m, n) for v, m in zip(inside[:-1], mean_x, strict=True)]
        without = _regress([v - v.mean(axis=0) for v in (*x_all, y_all)])[1]
        omnibus = without - error > f_bound * error
        return ([omnibus] if contrast is None else [found, omnibus]), []

    names = ("power",) if contrast is None else ("power", "power_omnibus")
    kind = "omnibus F" if contrast is None else f"contrast, {sides_text(sides)}"
    return Trial(names, draw, f"analysis of covariance, {kind}", "animals")


def _centred(values: FloatArray, n: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """Values (animals, size) less the mean of their group, and the means (groups, size)."""
    rest, means, start = np.empty_like(values), [], 0
    for m in n:
        part = values[start : start + m]
        means.append(part.mean(axis=0))
        rest[start : start + m] = part - means[-1]
        start += m
    return rest, np.array(means)


def _lift(inside: FloatArray, mean: FloatArray, n: Sequence[int]) -> FloatArray:
    return inside + np.repeat(mean, n, axis=0)


def _regress(columns: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
    """Least squares of the last column on the others: slopes, residual sum of squares, and rows
    that make the covariates orthonormal (for quadratic forms in their inverse cross products).

    Gram-Schmidt, which needs no matrix of each replicate.
    """
    axes: list[FloatArray] = []
    # coordinates[i] expresses orthonormal axis i by the covariates, (covariates, size).
    coordinates: list[FloatArray] = []
    count, size = len(columns) - 1, columns[0].shape[1]
    y = columns[-1]
    slopes = np.zeros((count, size))
    for place, column in enumerate(columns[:-1]):
        own = np.zeros((count, size))
        own[place] = 1.0
        rest = column
        for axis, coordinate in zip(axes, coordinates, strict=True):
            along = (axis * column).sum(axis=0)
            rest = rest - along * axis
            own = own - along * coordinate
        length = np.sqrt((rest * rest).sum(axis=0))
        axes.append(rest / length)
        coordinates.append(own / length)
    for axis, coordinate in zip(axes, coordinates, strict=True):
        along = (axis * columns[-1]).sum(axis=0)
        slopes += along * coordinate
        y = y - along * axis
    return slopes, (y * y).sum(axis=0), coordinates


def _quadratic(coordinates: Sequence[FloatArray], vector: FloatArray) -> FloatArray:
    """v' (X'X)⁻¹ v for each replicate, from the coordinates of `_regress`."""
    parts = [((coordinate * vector).sum(axis=0)) ** 2 for coordinate in coordinates]
    return np.asarray(sum(parts))


def repeated(
    means: Sequence[Sequence[float]],
    sd: float,
    correlation: float,
    n: Sequence[int],
    times: Sequence[float],
    *,
    question: str = "interaction",
    alpha: float = 0.05,
    sides: int = 2,
    epsilon: float = 1.0,
) -> Trial:
    """Animals scanned several times: group × time, and the last group's change against the first's.

    Parameters
    ----------
    means : (groups, scans).
    times : of the scans, for the slopes.
    question : the power's test: ``interaction`` (univariate F), ``change`` (t of last less first
        scan) or ``slope`` (t of each animal's slope).
    epsilon : multiplies the degrees of freedom of the F test. The scans are drawn with one
        correlation, for which the right value is 1.
    """
    true = np.asarray(means, dtype=float)
    groups, scans = true.shape
    total = sum(n)
    lower = sd * factor(compound(scans, correlation), "correlation")
    df1, df2 = (groups - 1) * (scans - 1), (total - groups) * (scans - 1)
    f_bound = f_cut(alpha, df1 * epsilon, df2 * epsilon) * df1 / df2
    along = np.asarray(times, float) - np.mean(times)
    ends = np.zeros(scans)
    ends[0], ends[-1] = -1.0, 1.0
    scores = [w * expected_side(float(w @ (true[-1] - true[0])), sides) for w in (ends, along)]
    cut = t_cut(alpha, total - groups, sides) * math.sqrt(1 / n[0] + 1 / n[-1])
    share = np.asarray(n, float)[:, None, None]

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        mean = np.empty((groups, scans, size))
        within, squares = np.zeros(size), [np.zeros(size), np.zeros(size)]
        for group, m in enumerate(n):
            y = correlated(rng, lower, (m, size)) + true[group][:, None, None]
            mean[group] = y.mean(axis=1)
            y -= mean[group][:, None]
            for place, weight in enumerate(scores):
                squares[place] += ((weight[:, None, None] * y).sum(axis=0) ** 2).sum(axis=0)
            y -= y.mean(axis=0)
            within += (y * y).sum(axis=(0, 1))
        profile = mean - mean.mean(axis=1, keepdims=True)
        pooled = (share * profile).sum(axis=0) / total
        departure = (share * (profile - pooled) ** 2).sum(axis=(0, 1))
        found = {"interaction": departure > f_bound * within}
        for name, weight, square in zip(("change", "slope"), scores, squares, strict=True):
            gap = (weight[:, None] * (mean[-1] - mean[0])).sum(axis=0)
            found[name] = beyond(gap, cut * np.sqrt(square / (total - groups)), sides)
        return [found[question], *found.values()], []

    names = ("power", "power_interaction", "power_change", "power_slope")
    return Trial(names, draw, f"repeated scans, {question}", "animals")


def coprimary(
    differences: Sequence[float],
    sd: Sequence[float],
    correlation: FloatArray,
    n: tuple[int, int],
    *,
    question: str = "all",
    alpha: float = 0.05,
    sides: int = 2,
    known: bool = False,
) -> Trial:
    """Several endpoints of the same animals, each found only where it is expected to go.

    Parameters
    ----------
    correlation : (endpoints, endpoints) within groups.
    question : the power is that of ``all`` endpoints, or of ``any`` at alpha shared by Bonferroni.
    sides : 2 halves alpha; a difference in the wrong direction is no success.
    known : test z with the true SDs instead of t.
    """
    count, df = len(differences), n[0] + n[1] - 2
    # Each statistic is turned to where it is expected, and with it its correlations.
    turn = np.array([expected_side(gap, 1) for gap in differences])
    lower = factor(correlation, "correlation") * turn[:, None]
    shift = np.abs(differences) / np.asarray(sd, float) / math.sqrt(1 / n[0] + 1 / n[1])
    share = alpha / count if question == "any" else alpha
    cut = t_cut(share / sides, math.inf if known else df, 1)

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        z = correlated(rng, lower, (size,)) + shift[:, None]
        if not known:
            z /= np.sqrt(_wishart_diagonal(rng, lower, df, size) / df)
        found = z > cut
        asked = found.any(axis=0) if question == "any" else found.all(axis=0)
        return [asked, *found], []

    names = tuple(f"power_each[{place}]" for place in range(count))
    test = f"{question} of {count} endpoints by {'z' if known else 't'}, {sides_text(sides)}"
    return Trial(("power", *names), draw, test)


def _wishart_diagonal(
    rng: np.random.Generator, lower: FloatArray, df: int, size: int
) -> FloatArray:
    """Diagonal (variables, size) of a Wishart matrix: the sums of squares within groups.

    Bartlett's decomposition where there are more animals than endpoints, else the animals.
    """
    count = len(lower)
    if df < count:
        return np.asarray((correlated(rng, lower, (df, size)) ** 2).sum(axis=1))
    triangle = [[rng.standard_normal(size) for _ in range(i)]
                + [np.sqrt(chi2(rng, df - i, size))] for i in range(count)]  # fmt: skip
    diagonal = np.zeros((count, size))
    for i in range(count):
        for k in range(i + 1):
            entry = sum((lower[i, j] * triangle[j][k] for j in range(k, i + 1)), np.zeros(size))
            diagonal[i] += entry * entry
    return diagonal


def ranks(
    difference: float,
    sd: tuple[float, float],
    n: tuple[int, int],
    *,
    alpha: float = 0.05,
    sides: int = 2,
) -> Trial:
    """Wilcoxon-Mann-Whitney test of normal data; its exact distribution up to 50 animals a group.

    Ranks do not see a rising transformation: log-normal data give the same with their logs.
    """
    shift = difference * expected_side(difference, sides)
    bound = float(rank_sum_cut(*n, alpha, sides)) if max(n) <= 50 else _normal_cut(n, alpha, sides)

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        first = sd[0] * rng.standard_normal((n[0], size))
        second = sd[1] * rng.standard_normal((n[1], size)) + shift
        u = np.zeros(size)
        for row in first:
            u += np.count_nonzero(second > row, axis=0)
        high = u >= bound
        return [high | (n[0] * n[1] - u >= bound) if sides == 2 else high], []

    return Trial(("power",), draw, f"Wilcoxon-Mann-Whitney, {sides_text(sides)}", "animals")


def _normal_cut(n: tuple[int, int], alpha: float, sides: int) -> float:
    sd = math.sqrt(n[0] * n[1] * (n[0] + n[1] + 1) / 12)
    return n[0] * n[1] / 2 + 0.5 + sd * t_cut(alpha, math.inf, sides)
