"""The multilevel model behind pooled answers: study / experiment / effect, V, and CR2."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, ModelError
from metabone.models.blup import predict_clusters, predict_levels, weights
from metabone.models.components import Blocks
from metabone.models.intervals import chi2_p, f_p, interval, two_sided_p
from metabone.models.multilevel import MultilevelFit, multilevel, profile_interval
from metabone.models.robust import RobustFit, robust
from metabone.synthesis.counting import count_animals, count_studies
from metabone.synthesis.results import Between, Estimate, StudyMean, WildAnswer
from metabone.synthesis.univariate import effect_arrays, h2_from, indicators, prediction_df

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.dependence import BlockCovariance

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# A random factor this close to the span of the design has no variance left to estimate.
SPAN_TOLERANCE = 1e-8
# An experiment level of its own needs this many experiments to estimate a variance from.
MIN_EXPERIMENTS = 5
# Below so many clusters a bootstrap by signs has too few patterns.
WEBB_BELOW = 10
# A cluster-robust standard error this far below the model's is rounding error around zero.
NO_SPREAD = 1e-8


@dataclass(frozen=True, slots=True)
class Multilevel:
    """Effects nested in studies; options as in `metabone.synthesis.pool.pool`.

    Parameters
    ----------
    method : ``REML`` or ``ML``.
    ci : ``cr2``, ``cr1``, ``cr0`` (cluster-robust by study), ``t`` (model-based, containment df) or
        ``wald``.
    pi : how the prediction interval counts: its k is the number of studies.
    covariance : sampling covariance of all effects.
    place : position of each spreadsheet row in it.
    random : columns that are further random factors, nested or crossed.
    """

    method: str
    ci: str
    pi: str
    level: float
    covariance: BlockCovariance
    place: Mapping[int, int]
    random: tuple[str, ...] = ()

    def overall(self, frame: pd.DataFrame) -> Estimate:
        """Pool all effects, with profile-likelihood limits of the variances."""
        fit = self.fit(frame, None)
        se, df = self._errors(fit)
        return self._estimate(fit, 0, frame, se, df, weights(fit), self.profile(fit))

    def pool(self, frame: pd.DataFrame) -> Estimate:
        """Pool the effects of a frame."""
        fit = self.fit(frame, None)
        se, df = self._errors(fit)
        return self._estimate(fit, 0, frame, se, df, weights(fit), None)

    def pool_common(self, parts: Sequence[pd.DataFrame]) -> list[Estimate]:
        """Pool several frames with the same variance components for all."""
        frame = _join(parts)
        fit = self.fit(frame, indicators(parts))
        se, df = self._errors(fit)
        estimates = []
        for position, part in enumerate(parts):
            share = 1 / (effect_arrays(part)[1] + fit.tau2)
            estimates.append(
                self._estimate(fit, position, part, se, df, 100 * share / share.sum(), None)
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
        """Test in one regression on the strata, since strata may share studies."""
        if len(parts) < 2:
            return None
        X = indicators(parts)
        X[:, 0] = 1.0
        fit = self.fit(_join(parts), X)
        contrasts = np.eye(len(parts))[1:]
        statistic, df, df2, pvalue, test = joint_test(fit, self.sandwich(fit), contrasts, self.ci)
        return Between(by, statistic, df, df2, pvalue, test)

    def fit(self, frame: pd.DataFrame, X: FloatArray | None) -> MultilevelFit:
        """Fit the model to the effects of a frame.

        Raises
        ------
        DataError
            If all effects come from one study.
        """
        yi, _ = effect_arrays(frame)
        factors = random_factors(frame, self.random)
        if X is not None:
            # What X tells apart leaves nothing to estimate a variance of the same thing from.
            for name in [name for name in self.random if name in factors]:
                if spanned(X, factors[name]):
                    del factors[name]
        return multilevel(
            yi, self.blocks(frame), factors, X, method=self.method,
            df="normal" if self.ci == "wald" else "contain",
        )  # fmt: skip

    def blocks(self, frame: pd.DataFrame) -> Blocks:
        """Sampling covariance of the effects of a frame, by study."""
        where = np.full(self.covariance.k, -1, dtype=np.intp)
        where[[self.place[row] for row in frame.index]] = np.arange(len(frame))
        return keep_blocks(
            zip(self.covariance.positions, self.covariance.blocks, strict=True), where
        )

    def study_means(self, frame: pd.DataFrame, estimate: Estimate) -> tuple[StudyMean, ...]:
        """Each study's predicted mean, and the prediction interval of a new effect in it."""
        fit = self.fit(frame, None)
        if "effect" not in fit.sigma2:
            return ()
        names = np.unique(frame["study"].to_numpy(str))
        found = predict_clusters(fit) or predict_levels(fit, {"study": np.arange(len(names))})
        inside = fit.tau2 - fit.sigma2["study"]
        means = []
        for name, mean, se in zip(names, found.estimate, found.se, strict=True):
            spread = math.sqrt(float(se) ** 2 + inside)
            low, high = interval(float(mean), spread, estimate.pi_df, self.level)
            means.append(StudyMean(str(name), float(mean), float(se), low, high))
        return tuple(means)

    def wild(
        self, frame: pd.DataFrame, *, replicates: int, seed: int
    ) -> tuple[WildAnswer, tuple[str, ...]]:
        """Cluster wild bootstrap of the mean of a frame's effects, and what to think about in it.

        Few clusters get the six-point weights of Webb, since two signs give too few patterns.
        """
        from metabone.models.wild import wild_interval, wild_test

        fit = self.fit(frame, None)
        few = fit.levels["study"] < WEBB_BELOW
        weights = "webb" if few else "rademacher"
        try:
            test = wild_test(fit, [1.0], weights=weights, replicates=replicates, seed=seed)
        except ModelError as error:
            raise ModelError(f"no wild bootstrap by study: {error}") from error
        low, high = wild_interval(
            fit,
            [1.0],
            self.level,
            kind="symmetric",
            weights=weights,
            replicates=replicates,
            seed=seed,
        )
        answer = WildAnswer(test.pvalue, low, high, test.replicates, test.weights, test.exact, seed)
        return answer, test.warnings

    def sandwich(self, fit: MultilevelFit) -> RobustFit | None:
        """Cluster-robust inference by study, None where the intervals are model-based."""
        if self.ci not in ("cr2", "cr1", "cr0"):
            return None
        try:
            return robust(fit, type=self.ci.upper())
        except ModelError as error:
            raise ModelError(f"{error}; take model-based intervals with --ci t") from error

    def _errors(self, fit: MultilevelFit) -> tuple[FloatArray, FloatArray]:
        """(p,) standard errors and their degrees of freedom.

        Effects without any scatter have no robust error: NaN, not zero.
        """
        sandwich = self.sandwich(fit)
        if sandwich is None:
            return fit.se, fit.df
        still = without_scatter(fit, sandwich, np.eye(len(fit.coef)))
        return np.where(still, np.nan, sandwich.se), sandwich.df

    def profile(self, fit: MultilevelFit) -> tuple[dict[str, float], dict[str, float]]:
        """Lower and upper profile-likelihood limits of each variance, by level."""
        limits = {name: profile_interval(fit, name, self.level) for name in fit.sigma2}
        low = {name: pair[0] for name, pair in limits.items()}
        return low, {name: pair[1] for name, pair in limits.items()}

    def _estimate(
        self,
        fit: MultilevelFit,
        position: int,
        frame: pd.DataFrame,
        se: FloatArray,
        df: FloatArray,
        share: FloatArray,
        limits: tuple[dict[str, float], dict[str, float]] | None,
    ) -> Estimate:
        coef, error, dof = float(fit.coef[position]), float(se[position]), float(df[position])
        statistic = coef / error if error > 0 else math.nan
        q, q_df, i2 = fit.q, fit.q_df, fit.i2
        p = len(fit.coef)
        return Estimate(
            k_studies=count_studies(frame),
            k_effects=len(frame),
            n_animals=count_animals(frame),
            estimate=coef,
            se=error,
            df=dof,
            statistic=statistic,
            pvalue=float(two_sided_p(statistic, dof)),
            tau2=fit.tau2,
            tau2_low=math.nan,
            tau2_high=math.nan,
            i2=i2["total"],
            h2=h2_from(i2["total"], q, q_df, equal_effects=False),
            q=q,
            q_df=q_df,
            q_pvalue=float(chi2_p(q, q_df)),
            pi_df=prediction_df(self.pi, fit.levels["study"], p),
            level=self.level,
            converged=fit.converged,
            weights=dict(zip(frame.index.tolist(), share.tolist(), strict=True)),
            sigma2=fit.sigma2,
            sigma2_low=None if limits is None else limits[0],
            sigma2_high=None if limits is None else limits[1],
            i2_levels={name: value for name, value in i2.items() if name != "total"},
        )


def keep_blocks(
    blocks: Iterable[tuple[NDArray[Any], FloatArray]], where: NDArray[np.intp]
) -> Blocks:
    """The blocks of V among some rows: `where` (k,) is each row's new number, −1 without one."""
    found = []
    for rows, block in blocks:
        new = where[rows]
        kept = np.flatnonzero(new >= 0)
        if len(kept):
            found.append((new[kept], block[np.ix_(kept, kept)]))
    return found


def without_scatter(fit: MultilevelFit, sandwich: RobustFit, contrasts: FloatArray) -> BoolArray:
    """Which contrasts (n, p) the effects hit so exactly that no residual says their error."""
    model = np.sqrt(np.einsum("np,pq,nq->n", contrasts, fit.vcov, contrasts))
    return np.asarray(sandwich.contrast(contrasts)[0] <= NO_SPREAD * model)


def joint_test(
    fit: MultilevelFit, sandwich: RobustFit | None, contrasts: FloatArray, ci: str
) -> tuple[float, float, float | None, float, str]:
    """Test that several contrasts are zero: statistic, df, second df, p-value and its name.

    Cluster-robust intervals go with the approximate Hotelling test (NaN where effects leave no
    scatter to test by), ``t`` with F on the smallest containment df, ``wald`` with χ².
    """
    count = len(contrasts)
    if sandwich is not None:
        if without_scatter(fit, sandwich, contrasts).any():
            return math.nan, float(count), math.nan, math.nan, "AHT"
        statistic, _, df2, pvalue = sandwich.wald(contrasts)
        return statistic, float(count), df2, pvalue, "AHT"
    values = contrasts @ fit.coef
    wald = float(values @ np.linalg.solve(contrasts @ fit.vcov @ contrasts.T, values))
    if ci == "wald":
        return wald, float(count), None, float(chi2_p(wald, count)), "chi2"
    df2 = float(fit.df[(contrasts != 0).any(axis=0)].min())
    return wald / count, float(count), df2, float(f_p(wald / count, count, df2)), "F"


def random_factors(frame: pd.DataFrame, further: Sequence[str] = ()) -> dict[str, IntArray]:
    """The random factors that the effects of a frame can tell apart.

    ``study`` always; ``experiment`` where there are at least five that are neither the studies nor
    the effects over again; the `further` columns, unless they split these effects as a factor
    before them does, or not at all; ``effect`` where a study gives several.

    Raises
    ------
    DataError
        If all effects come from one study.
    """
    study = _codes(frame["study"].to_numpy(str))
    studies, k = int(study.max()) + 1, len(frame)
    if studies == 1:
        raise DataError(
            f"all {k} effects come from one study ({frame['study'].iloc[0]}), which says nothing "
            "of others; use --model univariate to take its effects as if they were independent"
        )
    factors = {"study": study}
    named = frame["experiment"].fillna("").to_numpy(str)
    experiment = _codes(np.array([f"{s}\n{name}" for s, name in zip(study, named, strict=True)]))
    experiments = int(experiment.max()) + 1
    if max(studies + 1, MIN_EXPERIMENTS) <= experiments < k:
        factors["experiment"] = experiment
    for name in further:
        codes = _codes(frame[name].to_numpy(str))
        levels = int(codes.max()) + 1
        if 1 < levels < k and not any(_alike(codes, other) for other in factors.values()):
            factors[name] = codes
    if studies < k:
        factors["effect"] = np.arange(k, dtype=np.int64)
    return factors


def spanned(X: FloatArray, codes: IntArray) -> bool:
    """Whether the columns of X tell all levels of a factor from each other."""
    levels = int(codes.max()) + 1
    if levels > X.shape[1]:
        return False
    basis = np.linalg.qr(X / np.linalg.norm(X, axis=0))[0]
    member = (codes[:, None] == np.arange(levels)).astype(float)
    return bool(np.abs(member - basis @ (basis.T @ member)).max() < SPAN_TOLERANCE)


def _codes(labels: NDArray[np.str_]) -> IntArray:
    return np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _alike(a: IntArray, b: IntArray) -> bool:
    """Whether two factors split the effects in the same way."""
    levels = int(b.max()) + 1
    return int(a.max()) + 1 == levels == len(np.unique(a * levels + b))


def _join(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(list(parts))
