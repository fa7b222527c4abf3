"""Effects that can be counted: each by itself, or one mean for each study where they depend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone.synthesis.bias.predictors import safe_known, values
from metabone.synthesis.bias.results import Unit
from metabone.synthesis.univariate import effect_arrays

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable
    from metabone.models.components import Blocks
    from metabone.synthesis.results import Estimate

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counted:
    """The units as arrays (k,); `precise` is the variance to rank and extrapolate by.

    `variance` says which one that is: ``vi``, or ``arms`` where the part that grows with a
    standardised effect is left out.
    """

    unit: str
    units: tuple[Unit, ...]
    yi: FloatArray
    vi: FloatArray
    precise: FloatArray
    variance: str


def single_effects(effects: EffectTable) -> Counted:
    """Each effect by itself."""
    yi, vi = effect_arrays(effects.frame)
    safe = values(effects.frame, "arms") ** 2 if safe_known(effects) else None
    labels = [str(name) for name in effects.frame["study"]]
    rows: list[tuple[int, ...]] = [(int(row),) for row in effects.frame.index]
    return _counted("effect", labels, rows, yi, vi, safe)


def study_means(effects: EffectTable, blocks: Blocks, overall: Estimate) -> Counted:
    """One mean for each study, by generalised least squares.

    Within a study the effects have the covariance M = V + the variance components below the study;
    their mean is 1′M⁻¹y / 1′M⁻¹1 with variance 1 / 1′M⁻¹1. Only the variance between studies is
    left out of it, which the methods for independent effects estimate themselves.

    Parameters
    ----------
    blocks : sampling covariance, whose blocks do not span studies.
    overall : the pooled answer, for its components.
    """
    frame = effects.frame
    yi, vi = effect_arrays(frame)
    study = np.array([str(name) for name in frame["study"]])
    V = _dense_by_study(blocks, study)
    arms = values(frame, "arms") if safe_known(effects) else None
    means, variances, safe, rows = [], [], [], []
    names = list(dict.fromkeys(study.tolist()))
    for name in names:
        place = np.flatnonzero(study == name)
        within = _within(frame.iloc[place], overall)
        mean, variance = _gls(yi[place], V[name] + within)
        means.append(mean)
        variances.append(variance)
        rows.append(tuple(int(row) for row in frame.index[place]))
        if arms is not None:
            # The same correlations around variances that do not hold the effect.
            scale = arms[place] / np.sqrt(vi[place])
            safe.append(_gls(yi[place], V[name] * np.outer(scale, scale) + within)[1])
    smaller = np.array(safe) if arms is not None else None
    return _counted("study", names, rows, np.array(means), np.array(variances), smaller)


def _counted(
    unit: str,
    labels: list[str],
    rows: list[tuple[int, ...]],
    yi: FloatArray,
    vi: FloatArray,
    safe: FloatArray | None,
) -> Counted:
    units = tuple(
        Unit(
            labels[i], rows[i], float(yi[i]), float(vi[i]), None if safe is None else float(safe[i])
        )
        for i in range(len(yi))
    )
    if safe is None:
        return Counted(unit, units, yi, vi, vi, "vi")
    return Counted(unit, units, yi, vi, safe, "arms")


def _dense_by_study(blocks: Blocks, study: NDArray[np.str_]) -> dict[str, FloatArray]:
    """V of each study, in the order of its effects in the table."""
    names = dict.fromkeys(study.tolist())
    place = np.empty(len(study), dtype=np.intp)
    dense: dict[str, FloatArray] = {}
    for name in names:
        rows = np.flatnonzero(study == name)
        place[rows] = np.arange(len(rows))
        dense[name] = np.zeros((len(rows), len(rows)))
    for rows, block in blocks:
        at = place[rows]
        dense[str(study[rows[0]])][at[:, None], at] = block
    return dense


def _within(frame: pd.DataFrame, overall: Estimate) -> FloatArray:
    """Covariance of the true effects of one study around its own mean."""
    k = len(frame)
    total = np.zeros((k, k))
    for name, variance in (overall.sigma2 or {}).items():
        if name == "study":
            continue
        if name == "effect":
            total += variance * np.eye(k)
            continue
        labels = frame[name].fillna("").to_numpy(str)
        total += variance * (labels[:, None] == labels[None, :])
    return total


def _gls(y: FloatArray, m: FloatArray) -> tuple[float, float]:
    weights = np.linalg.solve(m, np.ones(len(y)))
    total = float(weights.sum())
    return float(weights @ y) / total, 1 / total
