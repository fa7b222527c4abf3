"""Cluster wild bootstrap of a multilevel fit: tests and intervals that hold for few clusters.

Under H0: Cβ = c the residuals of the restricted fit are turned, whole clusters at a time, by random
weights η with mean 0 and variance 1; each replicate y* = Xβ̃ + η_j ẽ_j is fitted again, and its
robust Wald statistic takes its place beside the observed one.

Cameron, Gelbach & Miller (2008), doi:10.1162/rest.90.3.414; Joshi, Pustejovsky & Beretvas (2022),
doi:10.1002/jrsm.1554; Webb (2023), doi:10.1111/caje.12661 (six-point weights).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.intervals import check_level, critical
from metabone.models.multilevel import MultilevelFit
from metabone.models.wild_replicates import (
    Replicator,
    Scheme,
    Settings,
    restricted,
    unrestricted,
)
from metabone.options import (
    RobustType,
    WildInterval,
    WildResiduals,
    WildWeights,
    check_option,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# A replicate this close to the observed statistic is equal to it but for the refit's rounding.
TIE = 1e-5
# Limits found by inversion are this exact, in standard errors.
EXACT = 5e-4
MAX_WIDENINGS = 12


@dataclass(frozen=True, slots=True)
class WildTest:
    """A bootstrap test of q contrasts.

    Attributes
    ----------
    statistic, df1 : the observed robust Wald F and q.
    pvalue : (1 + #{F* ≥ F}) / (B + 1) for random weights. With ``exact`` all 2^m patterns of signs
        are gone through, the data's own among them, and it is #{F* ≥ F} / B.
    replicates, failed : how many are counted; how many refits did not converge and are not.
    draws : (replicates,) F*, in the order they were drawn.
    warnings : what to know before the p-value is believed.
    """

    statistic: float
    df1: int
    pvalue: float
    replicates: int
    failed: int
    exact: bool
    m: int
    weights: str
    type: str
    residuals: str
    refit: bool
    seed: int
    warnings: tuple[str, ...]
    draws: FloatArray = field(repr=False)


def wild_test(
    fit: MultilevelFit,
    contrasts: ArrayLike,
    *,
    value: ArrayLike = 0.0,
    cluster: ArrayLike | None = None,
    weights: str = "rademacher",
    type: str = "CR1",
    residuals: str = "plain",
    refit: bool = True,
    replicates: int = 999,
    seed: int = 1,
    n_jobs: int = 1,
) -> WildTest:
    """Test that ``contrasts @ coef`` is `value` by the cluster wild bootstrap.

    Parameters
    ----------
    fit : the fitted model, with what is tested in it.
    contrasts : (p,) or (q, p).
    value : number or (q,).
    cluster : (k,) labels; by default the first random factor.
    weights : ``rademacher`` (±1), or ``webb`` (six points, better with fewer than ten clusters).
        Where no more than `replicates` patterns of signs differ, each is taken once instead.
    type : of the robust covariance: ``CR0``, ``CR1``, ``CR1p`` or ``CR2``. The first three differ
        by a factor, which leaves the p-value as it is.
    residuals : ``plain``, or ``CR2`` to scale them first as the working model says they should be.
    refit : estimate the variance components again, under H0 and in each replicate; otherwise they
        stay as they are in `fit`.
    replicates : B.
    seed : one number gives one answer, whatever `n_jobs`.
    n_jobs : processes to share the work, as joblib counts them.

    Raises
    ------
    UsageError
        If an option is unknown or the replicates are fewer than 99.
    DataError
        If the contrasts do not fit the model or depend on each other.
    ModelError
        If the clusters are too few or cross a random factor, or no replicate can be fitted.

    Examples
    --------
    >>> from metabone.models.multilevel import multilevel
    >>> fit = multilevel([0.2, 0.4, 0.9, 1.1, 0.1, 0.3, 0.6, 0.7, 0.5, 0.4], [0.05] * 10,
    ...                  {"study": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5], "effect": range(10)})
    >>> test = wild_test(fit, [1.0])
    >>> test.exact, test.replicates, test.pvalue
    (True, 16, 0.0625)
    """
    settings = _settings(type, residuals, refit)
    codes = _codes(fit, cluster)
    c, target = _contrasts(fit, contrasts, value)
    scheme = _scheme(fit, codes, weights, replicates, seed)
    replicator = restricted(fit, codes, c, target, settings)
    observed = replicator.observed()
    pvalue, draws = _pvalue(replicator, scheme, observed, _runner(n_jobs))
    failed = scheme.count - len(draws)
    return WildTest(
        statistic=observed,
        df1=len(c),
        pvalue=pvalue,
        replicates=len(draws),
        failed=failed,
        exact=scheme.exact,
        m=scheme.m,
        weights=scheme.weights,
        type=settings.type,
        residuals=settings.residuals,
        refit=refit,
        seed=seed,
        warnings=_warnings(scheme, failed),
        draws=draws,
    )


def wild_interval(
    fit: MultilevelFit,
    contrast: ArrayLike,
    level: float = 0.95,
    *,
    kind: str = "inversion",
    cluster: ArrayLike | None = None,
    weights: str = "rademacher",
    type: str = "CR1",
    residuals: str = "plain",
    refit: bool = True,
    replicates: int = 999,
    seed: int = 1,
    n_jobs: int = 1,
) -> tuple[float, float]:
    """Bootstrap interval of one contrast of the coefficients.

    Parameters
    ----------
    fit, cluster, weights, type, residuals, refit, replicates, seed, n_jobs : as for
        :func:`wild_test`.
    contrast : (p,), e.g. ``[1, 0]`` for the first of two coefficients.
    level : of confidence.
    kind : ``inversion``: the values that :func:`wild_test` does not reject, to within a
        two-thousandth of a standard error, with the same weights for every value; about 25 tests.
        ``symmetric``: estimate ± se times the quantile of abs t* around the unrestricted fit; one
        bootstrap. A side that no value ends is infinite: the clusters are too few for the level.

    Examples
    --------
    >>> from metabone.models.multilevel import multilevel
    >>> fit = multilevel([0.2, 0.4, 0.9, 1.1, 0.1, 0.3, 0.6, 0.7, 0.5, 0.4], [0.05] * 10,
    ...                  {"study": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5], "effect": range(10)})
    >>> [round(limit, 2) for limit in wild_interval(fit, [1.0], 0.9, refit=False)]
    [0.2, 1.0]
    >>> wild_interval(fit, [1.0], 0.95)
    (-inf, inf)
    """
    kind = check_option("kind", kind, WildInterval)
    alpha = 1 - check_level(level)
    settings = _settings(type, residuals, refit)
    codes = _codes(fit, cluster)
    c, _ = _contrasts(fit, contrast, 0.0)
    if len(c) != 1:
        raise DataError(f"an interval is for one contrast; {len(c)} came")
    scheme = _scheme(fit, codes, weights, replicates, seed)
    run = _runner(n_jobs)
    estimate = float((c @ fit.coef)[0])
    se = _standard_error(fit, codes, c, settings)
    if kind == "symmetric":
        half = _symmetric(unrestricted(fit, codes, c, settings), scheme, alpha, run) * se
        return estimate - half, estimate + half

    def rejected(value: float) -> bool:
        replicator = restricted(fit, codes, c, np.array([value]), settings)
        return _pvalue(replicator, scheme, replicator.observed(), run)[0] <= alpha

    if scheme.least(settings.residuals) > alpha:
        return -math.inf, math.inf
    step = float(critical(max(scheme.m - len(fit.coef), 1), level)) * se
    return (
        _limit(rejected, estimate, -step, EXACT * se),
        _limit(rejected, estimate, step, EXACT * se),
    )


Run = Callable[[Replicator, Scheme], FloatArray]


def _runner(n_jobs: int) -> Run:
    """How all chunks are computed: here, or by processes."""
    if n_jobs == 1:
        return lambda replicator, scheme: np.concatenate(
            [_chunk(replicator, scheme, number) for number in range(scheme.chunks)]
        )
    from joblib import Parallel, delayed

    def run(replicator: Replicator, scheme: Scheme) -> FloatArray:
        jobs = (delayed(_chunk)(replicator, scheme, number) for number in range(scheme.chunks))
        return np.concatenate(Parallel(n_jobs=n_jobs)(jobs))

    return run


def _chunk(replicator: Replicator, scheme: Scheme, number: int) -> FloatArray:
    return replicator.statistics(scheme.eta(number))


def _pvalue(
    replicator: Replicator, scheme: Scheme, observed: float, run: Run
) -> tuple[float, FloatArray]:
    draws = run(replicator, scheme)
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        raise ModelError("none of the bootstrap replicates could be fitted")
    least = observed * (1 - TIE)
    if scheme.exact and replicator.settings.residuals == "plain":
        # The first pattern changes no sign: it is the data.
        return float((draws >= least).mean()), draws
    return (1 + int((draws >= least).sum())) / (len(draws) + 1), draws


def _symmetric(replicator: Replicator, scheme: Scheme, alpha: float, run: Run) -> float:
    """The quantile of abs t*; infinite where so few replicates cannot hold it."""
    draws = run(replicator, scheme)
    size = np.sort(np.sqrt(draws[np.isfinite(draws)]))
    rank = math.ceil((1 - alpha) * (len(size) + 1) - 1e-9)
    return float(size[rank - 1]) if rank <= len(size) else math.inf


def _limit(rejected: Callable[[float], bool], estimate: float, step: float, exact: float) -> float:
    """The value where rejection begins on one side, by bisection."""
    inside, outside = estimate, estimate + step
    for _ in range(MAX_WIDENINGS):
        if rejected(outside):
            break
        inside, outside = outside, outside + 2 * (outside - estimate)
    else:
        return math.copysign(math.inf, step)
    while abs(outside - inside) > exact:
        middle = (inside + outside) / 2
        if rejected(middle):
            outside = middle
        else:
            inside = middle
    return (inside + outside) / 2


def _standard_error(
    fit: MultilevelFit, codes: IntArray, c: FloatArray, settings: Settings
) -> float:
    """Robust standard error of the contrast, from the statistic of a test one unit away."""
    one = unrestricted(fit, codes, c, settings)
    away = Replicator(fit, codes, c, one.value - 1, one.fitted, one.residual, settings)
    return 1 / math.sqrt(away.observed())


def _settings(type: str, residuals: str, refit: bool) -> Settings:
    return Settings(
        check_option("type", type, RobustType),
        check_option("residuals", residuals, WildResiduals),
        refit,
    )


def _codes(fit: MultilevelFit, cluster: ArrayLike | None) -> IntArray:
    labels = next(iter(fit.problem.codes.values())) if cluster is None else np.asarray(cluster)
    codes = np.unique(labels, return_inverse=True)[1].reshape(-1)
    if len(codes) != fit.k:
        raise DataError(f"cluster has {len(codes)} labels for {fit.k} effects")
    return codes


def _contrasts(
    fit: MultilevelFit, contrasts: ArrayLike, value: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    c = np.atleast_2d(np.asarray(contrasts, dtype=float))
    p = len(fit.coef)
    if c.ndim != 2 or c.shape[1] != p or not np.isfinite(c).all():
        raise DataError(f"contrasts must be (q, {p}) finite numbers; got the shape {c.shape}")
    if np.linalg.matrix_rank(c) < len(c):
        raise DataError("the contrasts depend on each other")
    target = np.broadcast_to(np.asarray(value, dtype=float), (len(c),))
    return c, target.copy()


def _scheme(
    fit: MultilevelFit, codes: IntArray, weights: str, replicates: int, seed: int
) -> Scheme:
    weights = check_option("weights", weights, WildWeights)
    if replicates < 99:
        raise UsageError(f"replicates must be 99 or more; got {replicates}")
    m = int(codes.max()) + 1
    if m <= len(fit.coef):
        raise ModelError(f"{m} clusters cannot give robust tests of {len(fit.coef)} coefficients")
    return Scheme(weights, m, replicates, seed)


def _warnings(scheme: Scheme, failed: int) -> tuple[str, ...]:
    found = []
    if scheme.weights == "rademacher" and scheme.m < 10:
        found.append(
            f"{scheme.m} clusters have {2 ** (scheme.m - 1)} patterns of signs, so that no p-value "
            f"is below {2.0 ** (1 - scheme.m):.2g}; weights='webb' are finer"
        )
    if failed:
        found.append(f"{failed} of {scheme.count} refits did not converge and are not counted")
    return tuple(found)
