"""One pooled mean as a result: the fit, its heterogeneity, and what stands behind it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone.models.intervals import chi2_p
from metabone.models.random_effects import (
    RandomEffectsFit,
    i2_from_tau2,
    random_effects,
    tau2_interval,
)
from metabone.synthesis.counting import count_animals, count_studies
from metabone.synthesis.results import Estimate

if TYPE_CHECKING:
    import pandas as pd


def effect_arrays(frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``yi`` and ``vi`` of a frame, (k,) each."""
    return frame["yi"].to_numpy(float), frame["vi"].to_numpy(float)


def pool_frame(frame: pd.DataFrame, *, tau2: str, ci: str, pi: str, level: float) -> Estimate:
    """Pool the effects of a frame with columns ``yi vi study`` and the arms' n."""
    yi, vi = effect_arrays(frame)
    fit = random_effects(yi, vi, method=tau2, test=ci)
    low, high = heterogeneity_limits(yi, vi, None, method=tau2, level=level)
    return estimate_from(
        fit, 0, frame, tau2_low=low, tau2_high=high, level=level,
        q=float(fit.q), i2=float(fit.i2), pi_df=prediction_df(pi, len(frame), 1, method=tau2),
    )  # fmt: skip


def pool_common(
    parts: list[pd.DataFrame], *, tau2: str, ci: str, pi: str, level: float
) -> tuple[list[Estimate], RandomEffectsFit]:
    """Pool several frames with one τ² for all, and the fit that tests whether they differ."""
    arrays = [effect_arrays(part) for part in parts]
    yi, vi = (np.concatenate(column) for column in zip(*arrays, strict=True))
    member = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    X = (member[:, None] == np.arange(len(parts))).astype(float)
    fit = random_effects(yi, vi, X, method=tau2, test=ci)
    low, high = heterogeneity_limits(yi, vi, X, method=tau2, level=level)
    pi_df = prediction_df(pi, len(yi), len(parts), method=tau2)
    estimates = []
    for position, (part, (y, v)) in enumerate(zip(parts, arrays, strict=True)):
        alone = random_effects(y, v, method="EE")
        i2 = float(alone.i2 if tau2 == "EE" else i2_from_tau2(fit.tau2, v))
        estimates.append(
            estimate_from(
                fit,
                position,
                part,
                tau2_low=low,
                tau2_high=high,
                level=level,
                q=float(alone.q),
                i2=i2,
                pi_df=pi_df,
            )
        )
    X[:, 0] = 1.0  # the first stratum becomes the reference, the others differences from it
    return estimates, random_effects(yi, vi, X, method=tau2, test=ci)


def heterogeneity_limits(
    yi: NDArray[np.float64],
    vi: NDArray[np.float64],
    X: NDArray[np.float64] | None,
    *,
    method: str,
    level: float,
) -> tuple[float, float]:
    """Q-profile limits of τ²; NaN under equal effects, which have no τ²."""
    if method == "EE":
        return math.nan, math.nan
    low, high = tau2_interval(yi, vi, X, level=level)
    return float(low), float(high)


def prediction_df(pi: str, k: int, p: int, *, method: str) -> float:
    """Degrees of freedom of the prediction interval; NaN means the normal distribution.

    Equal effects leave nothing to predict (every study has the same true effect): -1, which has no
    distribution, so that the interval is NaN.

    Examples
    --------
    >>> prediction_df("t_k_minus_2", 10, 1, method="REML")
    8.0
    """
    if method == "EE":
        return -1.0
    return {"t_k_minus_1": float(k - p), "t_k_minus_2": float(k - p - 1)}.get(pi, math.nan)


def estimate_from(
    fit: RandomEffectsFit,
    position: int,
    frame: pd.DataFrame,
    *,
    tau2_low: float,
    tau2_high: float,
    q: float,
    i2: float,
    pi_df: float,
    level: float,
) -> Estimate:
    """Coefficient `position` of a fit as the pooled mean of the effects in `frame`."""
    _, vi = effect_arrays(frame)
    q_df = len(frame) - 1
    weights = 1 / (vi + float(fit.tau2))
    share = 100 * weights / weights.sum()
    return Estimate(
        k_studies=count_studies(frame),
        k_effects=len(frame),
        n_animals=count_animals(frame),
        estimate=float(fit.coef[position]),
        se=float(fit.se[position]),
        df=float(fit.df),
        statistic=float(fit.statistic[position]),
        pvalue=float(fit.pvalue[position]),
        tau2=float(fit.tau2),
        tau2_low=tau2_low,
        tau2_high=tau2_high,
        i2=i2,
        h2=math.nan if math.isnan(i2) else _h2_from(i2, q, q_df, fit.method),
        q=q,
        q_df=q_df,
        q_pvalue=float(chi2_p(q, q_df)),
        pi_df=pi_df,
        level=level,
        converged=bool(fit.converged),
        weights=dict(zip(frame.index.tolist(), share.tolist(), strict=True)),
    )


def _h2_from(i2: float, q: float, q_df: int, method: str) -> float:
    """H² that goes with I²: Q / df under equal effects, 1 / (1 − I²) otherwise."""
    return q / q_df if method == "EE" else 1 / (1 - i2 / 100)
