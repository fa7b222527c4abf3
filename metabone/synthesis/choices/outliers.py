"""Which effects an outlier rule or a risk-of-bias cut keeps, for many sign patterns at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone.extraction.schema import ROB_PREFIX
from metabone.models.random_effects import random_effects

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

# Numbers that the refits of one step may hold.
BATCH = 2_000_000
_LIMITS = {"rstudent_3": 3.0, "rstudent_2": 2.0}


def rob_columns_of(frame: pd.DataFrame) -> list[str]:
    """The risk-of-bias items that the table judges at all."""
    return [
        name
        for name in map(str, frame.columns)
        if name.startswith(ROB_PREFIX) and frame[name].notna().any()
    ]


def cut_mask(frame: pd.DataFrame, cut: str) -> BoolArray:
    """(k,) the effects that a risk-of-bias cut keeps.

    ``no_high`` keeps those with an item judged and none high, ``low`` those with every item low; a
    blank counts as unclear.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"rob_a": ["low", "low", None], "rob_b": ["low", "unclear", "high"]})
    >>> cut_mask(frame, "no_high").tolist(), cut_mask(frame, "low").tolist()
    ([True, True, False], [True, False, False])
    """
    names = rob_columns_of(frame)
    if cut == "all" or not names:
        return np.ones(len(frame), dtype=bool)
    judged = frame[names].fillna("unclear").to_numpy(str)
    if cut == "low":
        return np.asarray((judged == "low").all(axis=1))
    known = frame[names].notna().to_numpy().any(axis=1)
    return np.asarray((judged != "high").all(axis=1) & known)


def outlier_masks(
    rule: str, y: FloatArray, vi: FloatArray, base: BoolArray, study: IntArray
) -> BoolArray:
    """(F, k) the effects that a rule keeps of `base` (k,), for each of F vectors `y` (F, k).

    ``rstudent_3`` and ``rstudent_2`` leave out effects whose externally studentised residual
    exceeds the limit; ``influential_study`` the study whose absence moves the mean most;
    ``largest_vi`` the least precise effect. The model of the rules is univariate with REML. Where
    fewer than three effects (for ``influential_study`` studies) are there, all are kept.

    References
    ----------
    Viechtbauer & Cheung (2010), doi:10.1002/jrsm.11.

    Examples
    --------
    >>> y = np.array([[0.1, 0.2, 0.15, 0.1, 5.0]])
    >>> outlier_masks("rstudent_3", y, np.full(5, 0.01), np.ones(5, bool), np.arange(5)).tolist()
    [[True, True, True, True, False]]
    """
    masks = np.tile(base, (len(y), 1))
    if rule == "none" or base.sum() < 3:
        return masks
    if rule == "largest_vi":
        masks[:, int(np.argmax(np.where(base, vi, -np.inf)))] = False
        return masks
    step = max(1, BATCH // (len(vi) * int(base.sum())))
    if rule == "influential_study" and len(np.unique(study[base])) < 3:
        return masks
    for i in range(0, len(y), step):
        some = y[i : i + step]
        if rule == "influential_study":
            masks[i : i + step] &= _without_most_influential(some, vi, base, study)
        else:
            masks[i : i + step] &= np.abs(rstudents(some, vi, base)) <= _LIMITS[rule]
    return masks


def rstudents(y: FloatArray, vi: FloatArray, base: BoolArray) -> FloatArray:
    """(F, k) externally studentised residuals of the effects in `base`, 0 for the others.

    Each effect against the mean of the others, with τ² from the others: (y_i − μ₋ᵢ) over the root
    of v_i + τ²₋ᵢ + Var(μ₋ᵢ).
    """
    rows = np.flatnonzero(base)
    fit = _without(y, vi, [np.flatnonzero(base & (np.arange(len(vi)) != i)) for i in rows])
    found = np.zeros_like(y)
    spread = vi[rows] + fit[1] + fit[2]
    found[:, rows] = (y[:, rows] - fit[0]) / np.sqrt(spread)
    return found


def _without_most_influential(
    y: FloatArray, vi: FloatArray, base: BoolArray, study: IntArray
) -> BoolArray:
    names = np.unique(study[base])
    every = np.flatnonzero(base)
    whole = _without(y, vi, [every])[0]
    rest = _without(y, vi, [every[study[every] != name] for name in names])[0]
    moved = np.abs(rest - whole)
    # Differences at rounding level must not decide which of two equal studies goes.
    first = np.argmax(moved >= moved.max(axis=1, keepdims=True) * (1 - 1e-9), axis=1)
    return np.asarray(study[None, :] != names[first][:, None])


def _without(
    y: FloatArray, vi: FloatArray, parts: list[IntArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean, τ² and variance of the mean (F, n) of n parts of the effects, for each row of `y`."""
    include = np.zeros((len(parts), len(vi)), dtype=bool)
    for line, rows in zip(include, parts, strict=True):
        line[rows] = True
    size = (len(y), len(parts), len(vi))
    fit = random_effects(
        np.broadcast_to(y[:, None], size), np.broadcast_to(vi, size), test="wald",
        include=np.broadcast_to(include, size),
    )  # fmt: skip
    return fit.coef[..., 0], fit.tau2, fit.vcov[..., 0, 0]
