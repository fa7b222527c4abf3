"""Studies of several groups, by their means and the pooled sum of squares."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from metabone.planning.critical import dunnett_cut, f_cut, t_cut
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


def one_way(
    means: Sequence[float],
    sd: float,
    n: Sequence[int],
    contrast: Sequence[float] | None,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    comparisons: int = 1,
    df_lost: int = 0,
) -> Trial:
    """Contrast with the pooled error, and the omnibus F.

    Parameters
    ----------
    contrast : one coefficient a group; None plans for the omnibus F.
    comparisons : Bonferroni's divisor of alpha for the contrast.
    df_lost : further degrees of freedom that the error has given up.
    """
    groups, total = len(means), sum(n)
    df = total - groups - df_lost
    f_bound = f_cut(alpha, groups - 1, df) * (groups - 1) / df
    weights = np.zeros(groups) if contrast is None else np.asarray(contrast, dtype=float)
    weights = weights * expected_side(float(weights @ np.asarray(means, float)), sides)
    cut = t_cut(alpha / comparisons, df, sides)
    unit = cut / math.sqrt(df) * math.sqrt(sum(w * w / m for w, m in zip(weights, n, strict=True)))
    centre = [float(mean) / sd for mean in means]
    error = [1 / math.sqrt(m) for m in n]

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        mean = rng.standard_normal((groups, size))
        for group in range(groups):
            mean[group] *= error[group]
            mean[group] += centre[group]
        within = chi2(rng, df, size)
        omnibus = _between(mean, n, total) > f_bound * within
        if contrast is None:
            return [omnibus], []
        gap = np.zeros(size)
        for weight, row in zip(weights, mean, strict=True):
            if weight:
                gap += weight * row
        return [beyond(gap, unit * np.sqrt(within), sides), omnibus], []

    if contrast is None:
        return Trial(("power",), draw, "one-way ANOVA, omnibus F")
    text = f"contrast with the pooled error, {sides_text(sides)}"
    if comparisons > 1:
        text += f", Bonferroni over {comparisons}"
    return Trial(("power", "power_omnibus"), draw, text)


def _between(mean: FloatArray, n: Sequence[int], total: int) -> FloatArray:
    """Sum of squares between groups from their means (groups, size)."""
    grand = np.zeros(mean.shape[1])
    for m, row in zip(n, mean, strict=True):
        grand += (m / total) * row
    between = np.zeros(mean.shape[1])
    for m, row in zip(n, mean, strict=True):
        off = row - grand
        off *= off
        off *= m
        between += off
    return between


def shared_control(
    differences: Sequence[float],
    sd: float,
    control: int,
    treated: Sequence[int],
    *,
    method: str = "dunnett",
    question: str = "each",
    alpha: float = 0.05,
    sides: int = 2,
) -> Trial:
    """Several groups against one control: at least one found, all found, and each.

    Parameters
    ----------
    method : ``dunnett``, ``bonferroni``, ``holm`` or ``none``.
    question : what is the power: of the weakest real effect (``each``), ``any`` or ``all``.
    """
    arms = len(differences)
    df = control + sum(treated) - arms - 1
    shift = [gap / sd / math.sqrt(1 / n + 1 / control)
             for gap, n in zip(differences, treated, strict=True)]  # fmt: skip
    side = expected_side(sum(shift), sides)
    real = [arm for arm in range(arms) if shift[arm]] or list(range(arms))
    weakest = min(real, key=lambda arm: abs(shift[arm]))
    cuts = [t_cut(alpha / (arms - step), df, sides) for step in range(arms)]
    if method == "dunnett":
        cuts = [dunnett_cut(alpha, control, tuple(treated), sides)] * arms
    elif method == "bonferroni":
        cuts = [cuts[0]] * arms
    elif method == "none":
        cuts = [cuts[-1]] * arms

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        zero = rng.standard_normal(size) / math.sqrt(control)
        spread = np.sqrt(chi2(rng, df, size) / df)
        t = np.empty((arms, size))
        for arm, (gap, n) in enumerate(zip(differences, treated, strict=True)):
            mean = rng.standard_normal(size) / math.sqrt(n) + side * gap / sd
            t[arm] = (mean - zero) / (spread * math.sqrt(1 / n + 1 / control))
        found = _steps(t, cuts, sides) if method == "holm" else beyond(t, cuts[0], sides)
        some, every = found.any(axis=0), found.all(axis=0)
        asked = {"any": some, "all": every}.get(question, found[weakest])
        return [asked, some, every, *found], []

    names = tuple(f"power_each[{arm}]" for arm in range(arms))
    test = f"each group against the control, {method}, {sides_text(sides)}"
    return Trial(("power", "power_any", "power_all", *names), draw, test)


def _steps(t: FloatArray, cuts: Sequence[float], sides: int) -> BoolArray:
    """Holm: the largest against the strictest value, and so on until one fails."""
    size_of = np.abs(t) if sides == 2 else t
    order = np.argsort(-size_of, axis=0)
    going = np.ones(t.shape[1], dtype=bool)
    found = np.zeros(t.shape, dtype=bool)
    for step, cut in enumerate(cuts):
        place = order[step][None, :]
        going = going & (np.take_along_axis(size_of, place, axis=0)[0] > cut)
        np.put_along_axis(found, place, going[None, :], axis=0)
    return found


def two_by_two(
    means: Sequence[float], sd: float, n: Sequence[int], *, alpha: float = 0.05, sides: int = 2
) -> Trial:
    """Interaction, main effects and the effect in disease as contrasts of four cell means.

    Parameters
    ----------
    means, n : healthy vehicle, healthy treated, diseased vehicle, diseased treated.
    """
    signs = {"power": (1, -1, -1, 1), "power_model": (-1, -1, 1, 1),
             "power_treatment": (-1, 1, -1, 1), "power_simple": (0, 0, -1, 1)}  # fmt: skip
    df = sum(n) - 4
    # Only the interaction has an expected direction.
    tails = (sides, 2, 2, 2)
    true = sum(s * m for s, m in zip(signs["power"], means, strict=True))
    turned = (expected_side(true, sides), 1.0, 1.0, 1.0)
    scale = [
        t_cut(alpha, df, tail) * math.sqrt(sum(s * s / m for s, m in zip(sign, n, strict=True)))
        for tail, sign in zip(tails, signs.values(), strict=True)
    ]

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        cell = [rng.standard_normal(size) / math.sqrt(m) + mean / sd
                for mean, m in zip(means, n, strict=True)]  # fmt: skip
        error = np.sqrt(chi2(rng, df, size) / df)
        found = []
        for side, sign, unit, tail in zip(turned, signs.values(), scale, tails, strict=True):
            gap = sum((s * c for s, c in zip(sign, cell, strict=True) if s), np.zeros(size))
            found.append(beyond(side * gap, unit * error, tail))
        return found, []

    return Trial(tuple(signs), draw, f"2 × 2 interaction, {sides_text(sides)}")


def blocks(
    means: Sequence[float],
    sd: float,
    count: int,
    contrast: Sequence[float] | None,
    *,
    block_sd: float = 0.0,
    alpha: float = 0.05,
    sides: int = 2,
    comparisons: int = 1,
) -> Trial:
    """Randomised complete blocks, animal by animal: additive model, contrast and omnibus F.

    Parameters
    ----------
    sd : between animals of one block.
    count : blocks, each with one animal a group.
    block_sd : between blocks; it does not matter to the test, and is drawn to show that.
    """
    groups = len(means)
    df = (groups - 1) * (count - 1)
    weights = np.zeros(groups) if contrast is None else np.asarray(contrast, dtype=float)
    weights = weights * expected_side(float(weights @ np.asarray(means, float)), sides)
    cut = t_cut(alpha / comparisons, df, sides)
    f_bound = f_cut(alpha, groups - 1, df)
    scale = math.sqrt(float(weights @ weights) / count)

    def draw(rng: np.random.Generator, size: int) -> Drawn:
        y = sd * rng.standard_normal((groups, count, size))
        y += block_sd * rng.standard_normal((count, size))
        y += np.asarray(means, float)[:, None, None]
        group, block, grand = y.mean(axis=1), y.mean(axis=0), y.mean(axis=(0, 1))
        rest = y - group[:, None] - block[None] + grand
        error = (rest * rest).sum(axis=(0, 1)) / df
        treatment = count * ((group - grand) ** 2).sum(axis=0) / (groups - 1)
        omnibus = treatment > f_bound * error
        if contrast is None:
            return [omnibus], []
        gap = (weights[:, None] * group).sum(axis=0)
        return [beyond(gap, cut * scale * np.sqrt(error), sides), omnibus], []

    if contrast is None:
        return Trial(("power",), draw, "randomised blocks, omnibus F", "animals")
    test = f"randomised blocks, contrast, {sides_text(sides)}"
    return Trial(("power", "power_omnibus"), draw, test, "animals")
