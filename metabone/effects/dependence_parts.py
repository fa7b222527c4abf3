"""What the sampling error of each effect owes to each arm: pure arrays.

To first order the error of an effect size is a sum over its arms of the errors of their means and
SDs. A load is the standard error of one such part. Two effects covary by the product of their loads
on the arms they share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabone.effects import formulas
from metabone.effects.dependence_arms import BoolArray, IntArray, combine
from metabone.effects.formulas import FloatArray


@dataclass(frozen=True, slots=True)
class Inputs:
    """An effect table as arrays, each (k,); arms in the order treated, control, sham.

    Parameters
    ----------
    n, m, sd : (3, k) arm data after conversion; NaN where they were not used.
    printed : (2, k) animals of the treated and control arm as the table gives them.
    given : whether the effect size was given and not computed.
    sign : −1 where `yi` runs against the measurement (flipped by alignment), else 1.
    """

    yi: FloatArray
    vi: FloatArray
    n: FloatArray
    m: FloatArray
    sd: FloatArray
    printed: FloatArray
    given: BoolArray
    sign: FloatArray


@dataclass(frozen=True, slots=True)
class Parts:
    """Loads of each effect.

    Parameters
    ----------
    mean : (3, k) on the means of the treated, control and sham arm.
    spread : (3, k) on their SDs.
    pooled : (k,) on the log of an SD pooled over arms: −g of an SMD, 0 elsewhere.
    own, wide : (k,) variance of that log when it is pooled over the row's two arms, and over all
        arms that are compared through shared ones.
    n : (3, k) animals of each arm, NaN if unknown.
    sign : (k,) as in `Inputs`; for NMD the sign of the denominator.
    given : (k,) whether loads are shares of `vi`, for want of arm data.
    """

    mean: FloatArray
    spread: FloatArray
    pooled: FloatArray
    own: FloatArray
    wide: FloatArray
    n: FloatArray
    sign: FloatArray
    given: BoolArray


def find_parts(inputs: Inputs, measure: str, variance: str, total: FloatArray) -> Parts:
    """Loads of every effect of one measure.

    Parameters
    ----------
    total : (k,) animals of all arms that are compared through shared ones (see `total_animals`).
    """
    blank = np.full((1, len(inputs.yi)), np.nan)
    pooled, own, wide = np.zeros((3, len(inputs.yi)))
    sign = inputs.sign
    with np.errstate(all="ignore"):
        mean, spread = _mean_loads(inputs, measure, variance), _spread_loads(inputs, measure)
        if measure == "SMD":
            pooled, own, wide = _pooled_part(inputs, variance, total)
        if measure == "NMD":
            sign = np.sign(inputs.m[2] - inputs.m[1])
    unknown = inputs.given | ~np.isfinite(mean + spread + pooled + own + wide).all(axis=0)
    for part in (spread, pooled, own, wide):
        part[..., unknown] = 0.0
    return Parts(
        mean=np.where(unknown, _given_part(inputs), mean),
        spread=spread,
        pooled=pooled,
        own=own,
        wide=wide,
        n=np.where(unknown, np.vstack([inputs.printed, blank]), inputs.n),
        sign=np.where(unknown, inputs.sign, sign),
        given=unknown,
    )


def _mean_loads(inputs: Inputs, measure: str, variance: str) -> FloatArray:
    """(3, k) loads on the means: each arm's share of `vi` that comes from its mean."""
    n, m, sd = inputs.n, inputs.m, inputs.sd
    load = np.zeros_like(n)
    if measure == "MD":
        scale = sd if variance == "LS" else formulas.pooled_sd(n[0], sd[0], n[1], sd[1])
        load[:2] = (scale / np.sqrt(n))[:2]
    elif measure in ("SMD", "SMD1"):
        load[:2] = 1 / np.sqrt(n[:2])
        if variance == "LS2":
            load *= formulas.hedges_j(n[0] + n[1] - 2)
    elif measure == "SMDH":
        load[:2] = sd[:2] / np.sqrt((sd[0] ** 2 + sd[1] ** 2) / 2 * (n[:2] - 1))
    elif measure in ("ROM", "CVR"):
        load[:2] = np.sqrt(formulas.log_mean_term(n, m, sd))[:2]
        if variance == "AV":  # the correlation stays, the variance is the averaged one
            load *= np.sqrt(inputs.vi / (load**2).sum(axis=0))
    elif measure == "NMD":
        load = _nmd_loads(inputs, variance)
    return load


def _spread_loads(inputs: Inputs, measure: str) -> FloatArray:
    """(3, k) loads on the SDs of single arms."""
    n, sd = inputs.n, inputs.sd
    load = np.zeros_like(n)
    if measure == "SMDH":
        square = (sd[0] ** 2 + sd[1] ** 2) / 2
        load[:2] = inputs.yi * sd[:2] ** 2 / square / np.sqrt(8 * (n[:2] - 1))
    elif measure == "SMD1":
        load[1] = inputs.yi / np.sqrt(2 * n[1])
    elif measure in ("VR", "CVR"):
        load[:2] = np.sqrt(formulas.log_sd_term(n))[:2]
    return load


def _pooled_part(
    inputs: Inputs, variance: str, total: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(load, variance over two arms, variance over all arms) of the pooled SD of an SMD."""
    pair = inputs.n[0] + inputs.n[1]
    g = inputs.yi
    if variance == "AV":  # the mean g of all rows, as the variance itself holds it
        spread = inputs.vi - 1 / inputs.n[0] - 1 / inputs.n[1]
        g = inputs.sign * np.sqrt(np.maximum(spread, 0.0) * 2 * pair)
    return g.copy(), log_sd_variance(pair, variance), log_sd_variance(total, variance)


def log_sd_variance(total: FloatArray, variance: str) -> FloatArray:
    """What g² is multiplied by in the variance formula of an SMD of `total` animals.

    Examples
    --------
    >>> float(log_sd_variance(np.array(20.0), "LS"))
    0.025
    """
    if variance == "REVMAN":
        return 1 / (2 * (total - 3.94))
    if variance == "UB":
        df = total - 2
        return 1 - (df - 2) / (df * formulas.hedges_j(df) ** 2)
    return 1 / (2 * total)


def _nmd_loads(inputs: Inputs, variance: str) -> FloatArray:
    """Loads of the NMD: 100/|D| times 1, r − 1 and −r for treated, control and sham."""
    error = inputs.sd / np.sqrt(inputs.n)
    r = inputs.yi / 100
    ones, zeros = np.ones_like(r), np.zeros_like(r)
    if variance == "FIXED_SHAM":
        factor, error[2] = np.stack([ones, -ones, zeros]), 0.0
    else:
        factor = np.stack([ones, r - 1, -r])
    return np.asarray(100 / np.abs(inputs.m[2] - inputs.m[1]) * factor * error)


def _given_part(inputs: Inputs) -> FloatArray:
    """`vi` shared out to treated and control arm as 1/n; half and half where n is not known.

    Two such effects of equal arms that share a control correlate by 0.5.
    """
    with np.errstate(all="ignore"):
        n1, n2 = inputs.printed
        share = n2 / (n1 + n2)
    share = np.where(np.isfinite(share) & (share > 0) & (share < 1), share, 0.5)
    return np.asarray(np.sqrt(inputs.vi * np.stack([share, 1 - share, np.zeros_like(share)])))


def total_animals(
    n: FloatArray, treated: IntArray, control: IntArray, measurement: IntArray
) -> FloatArray:
    """(k,) animals of all arms that are compared with each other through shared arms.

    Parameters
    ----------
    n : (2 or more, k) animals of the treated and control arm.
    treated, control, measurement : (k,) numbers, see `Arms`.

    Examples
    --------
    >>> same = np.zeros(2, dtype=int)
    >>> total_animals(np.array([[25.0, 22], [25, 25]]), np.array([0, 1]), same, same)
    array([72., 72.])
    """
    arms = (combine(measurement, treated), combine(measurement, control))
    group = np.arange(len(treated))
    while True:  # the smallest row number spreads to all rows that are tied by arms
        before = group
        for arm in arms:
            least = np.full(arm.max(initial=-1) + 1, len(group))
            np.minimum.at(least, arm, group)
            group = least[arm]
        if np.array_equal(group, before):
            break
    total = np.zeros(len(group))
    for arm, animals in zip(arms, n, strict=False):
        most, first = np.full(arm.max(initial=-1) + 1, np.nan), np.unique(arm, return_index=True)[1]
        np.fmax.at(most, arm, animals)
        np.add.at(total, group[first], np.nan_to_num(most))
    return total[group]
