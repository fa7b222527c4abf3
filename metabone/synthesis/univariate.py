"""The univariate model behind pooled answers: effects taken as independent of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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
from metabone.synthesis.results import Between, Estimate

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]


class Pooler(Protocol):
    """What strata need of a model: pool a frame of effects, and compare several."""

    def overall(self, frame: pd.DataFrame) -> Estimate:
        """Pool all effects, with all that is said of the overall answer alone."""
        ...

    def pool(self, frame: pd.DataFrame) -> Estimate:
        """Pool the effects of a frame."""
        ...

    def pool_common(self, parts: Sequence[pd.DataFrame]) -> list[Estimate]:
        """Pool several frames with one heterogeneity for all."""
        ...

    def between(
        self,
        by: tuple[str, ...],
        parts: Sequence[pd.DataFrame],
        estimates: Sequence[Estimate],
        *,
        common: bool,
    ) -> Between | None:
        """Test whether the frames have one mean; None where there is nothing to compare."""
        ...


@dataclass(frozen=True, slots=True)
class Univariate:
    """Random effects with one τ²; options as in `metabone.synthesis.pool.pool`."""

    tau2: str
    ci: str
    pi: str
    level: float

    def overall(self, frame: pd.DataFrame) -> Estimate:
        """Pool all effects; the same as `pool`."""
        return self.pool(frame)

    def pool(self, frame: pd.DataFrame) -> Estimate:
        """Pool the effects of a frame with columns ``yi vi study`` and the arms' n."""
        yi, vi = effect_arrays(frame)
        fit = random_effects(yi, vi, method=self.tau2, test=self.ci)
        limits = self._limits(yi, vi, None)
        return self._estimate(fit, 0, frame, limits, q=float(fit.q), i2=float(fit.i2), p=1)

    def pool_common(self, parts: Sequence[pd.DataFrame]) -> list[Estimate]:
        """Pool several frames with one τ² for all."""
        yi, vi, X = _stack(parts)
        fit = random_effects(yi, vi, X, method=self.tau2, test=self.ci)
        limits = self._limits(yi, vi, X)
        estimates = []
        for position, part in enumerate(parts):
            y, v = effect_arrays(part)
            alone = random_effects(y, v, method="EE")
            i2 = float(alone.i2 if self.tau2 == "EE" else i2_from_tau2(fit.tau2, v))
            estimates.append(
                self._estimate(fit, position, part, limits, q=float(alone.q), i2=i2, p=len(parts))
            )
        return estimates

    def between(
        self,
        by: tuple[str, ...],
        parts: Sequence[pd.DataFrame],
        estimates: Sequence[Estimate],
        *,
        common: bool,
    ) -> Between | None:
        """χ² of separate means around their common one, or the test of the joint regression.

        Borenstein et al. (2009), doi:10.1002/9780470743386, ch. 19.
        """
        if common and len(parts) > 1:
            return self._between_common(by, parts)
        usable = [one for one in estimates if math.isfinite(one.se) and one.se > 0]
        if len(usable) < 2:
            return None
        mean = np.array([one.estimate for one in usable])
        weight = np.array([one.se**-2 for one in usable])
        statistic = float((weight * (mean - np.average(mean, weights=weight)) ** 2).sum())
        df = len(usable) - 1
        return Between(by, statistic, float(df), None, float(chi2_p(statistic, df)), "chi2")

    def _between_common(self, by: tuple[str, ...], parts: Sequence[pd.DataFrame]) -> Between:
        yi, vi, X = _stack(parts)
        X[:, 0] = 1.0  # the first stratum becomes the reference, the others differences from it
        fit = random_effects(yi, vi, X, method=self.tau2, test=self.ci)
        wald = self.ci == "wald"
        df2 = None if wald else float(fit.df)
        return Between(
            by, float(fit.qm), float(fit.qm_df), df2, float(fit.qm_pvalue), "chi2" if wald else "F"
        )

    def _limits(self, yi: FloatArray, vi: FloatArray, X: FloatArray | None) -> tuple[float, float]:
        """Q-profile limits of τ²; NaN under equal effects, which have no τ²."""
        if self.tau2 == "EE":
            return math.nan, math.nan
        low, high = tau2_interval(yi, vi, X, level=self.level)
        return float(low), float(high)

    def _estimate(
        self,
        fit: RandomEffectsFit,
        position: int,
        frame: pd.DataFrame,
        limits: tuple[float, float],
        *,
        q: float,
        i2: float,
        p: int,
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
            tau2_low=limits[0],
            tau2_high=limits[1],
            i2=i2,
            h2=h2_from(i2, q, q_df, equal_effects=self.tau2 == "EE"),
            q=q,
            q_df=q_df,
            q_pvalue=float(chi2_p(q, q_df)),
            pi_df=-1.0 if self.tau2 == "EE" else prediction_df(self.pi, int(fit.k), p),
            level=self.level,
            converged=bool(fit.converged),
            weights=dict(zip(frame.index.tolist(), share.tolist(), strict=True)),
        )


def effect_arrays(frame: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """``yi`` and ``vi`` of a frame, (k,) each."""
    return frame["yi"].to_numpy(float), frame["vi"].to_numpy(float)


def _stack(parts: Sequence[pd.DataFrame]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Effects of several frames end to end, with an indicator column for each."""
    yi, vi = (np.concatenate(column) for column in zip(*map(effect_arrays, parts), strict=True))
    return yi, vi, indicators(parts)


def indicators(parts: Sequence[pd.DataFrame]) -> FloatArray:
    """(k, parts) columns of 0 and 1: whose each effect is."""
    member = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    columns: FloatArray = (member[:, None] == np.arange(len(parts))).astype(float)
    return columns


def prediction_df(pi: str, k: int, p: int) -> float:
    """Degrees of freedom of the prediction interval; NaN means the normal distribution.

    Examples
    --------
    >>> prediction_df("t_k_minus_2", 10, 1)
    8.0
    """
    return {"t_k_minus_1": float(k - p), "t_k_minus_2": float(k - p - 1)}.get(pi, math.nan)


def h2_from(i2: float, q: float, q_df: int, *, equal_effects: bool) -> float:
    """H² that goes with I²: Q / df under equal effects, 1 / (1 − I²) otherwise."""
    if math.isnan(i2):
        return math.nan
    return q / q_df if equal_effects else 1 / (1 - i2 / 100)
