"""Regression tests of funnel plot asymmetry, and the effects that they extrapolate to.

Each test regresses effects on a measure of how imprecise they are. The slope says whether small
studies differ from large ones; the value at predictor 0 is what an infinitely precise study would
show. All functions take one data set or a stack of them (leading axes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import DataError
from metabone.models.intervals import chi2_p, critical, two_sided_p
from metabone.models.random_effects import random_effects
from metabone.options import AsymmetryModel, check_option

FloatArray = NDArray[np.float64]

# A predictor that varies by less than this share of its size is constant but for rounding.
NO_SPREAD = 1e-9
# PET hands over to PEESE below this one-sided p-value.
PET_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class RegressionTest:
    """Effects regressed on one predictor; all (...).

    Attributes
    ----------
    slope, slope_se : change of the effect with the predictor.
    limit, limit_se : expected effect where the predictor is 0.
    df : degrees of freedom of both, NaN for the normal.
    tau2 : residual variance of true effects; NaN in the least-squares form, which has none.

    Everything is NaN where the predictor does not vary; errors are NaN where no effect is left over
    to estimate them from.
    """

    slope: FloatArray
    slope_se: FloatArray
    limit: FloatArray
    limit_se: FloatArray
    df: FloatArray
    tau2: FloatArray

    @property
    def statistic(self) -> FloatArray:
        """(...) t or z of the slope."""
        return _ratio(self.slope, self.slope_se)

    @property
    def pvalue(self) -> FloatArray:
        """(...) two-sided p-value of the slope: the test of asymmetry."""
        return two_sided_p(self.statistic, self.df)

    @property
    def limit_statistic(self) -> FloatArray:
        """(...) t or z of the limit."""
        return _ratio(self.limit, self.limit_se)

    @property
    def limit_pvalue(self) -> FloatArray:
        """(...) two-sided p-value of the limit."""
        return two_sided_p(self.limit_statistic, self.df)

    def limit_ci(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """(...) lower and upper confidence limits of the effect at predictor 0."""
        half = critical(self.df, level) * self.limit_se
        return self.limit - half, self.limit + half


def regression_test(
    yi: ArrayLike,
    vi: ArrayLike,
    predictor: ArrayLike,
    *,
    model: str = "mixed",
    method: str = "REML",
    test: str = "wald",
) -> RegressionTest:
    """Regression test of funnel plot asymmetry.

    Parameters
    ----------
    yi, vi : (..., k) effect sizes and sampling variances.
    predictor : (..., k) standard errors, or another measure such as √(1/n1 + 1/n2).
    model : ``mixed``, a random-effects meta-regression with additive residual variance; or
        ``least_squares``, weights 1 / vi and a multiplicative residual variance, t with k − 2 df.
        With the standard error as predictor the second is Egger's test.
    method, test : of the mixed model, as in `metabone.models.random_effects.random_effects`.

    Raises
    ------
    DataError
        If shapes differ, a value is not finite or a variance not positive.
    UsageError
        For an unknown model, method or test.

    References
    ----------
    Egger et al. (1997), doi:10.1136/bmj.315.7109.629; Sterne & Egger (2005),
    doi:10.1002/0470870168.ch6; Zwetsloot et al. (2017), doi:10.7554/eLife.24260 (SMD).

    Examples
    --------
    >>> fit = regression_test([0.2, 0.5, 0.4, 1.1], [0.02, 0.06, 0.11, 0.2],
    ...                       [0.141, 0.245, 0.332, 0.447], model="least_squares")
    >>> round(float(fit.slope), 3), round(float(fit.limit), 3), round(float(fit.pvalue), 3)
    (2.302, -0.127, 0.094)
    """
    model = check_option("model", model, AsymmetryModel)
    y, v, x = _checked(yi, vi, predictor)
    mean, spread, flat = _standard(x)
    z = (x - mean[..., None]) / spread[..., None]
    # A constant predictor gets a dummy so that the others can be fitted, and NaN at the end.
    z = np.where(flat[..., None], np.linspace(-1, 1, z.shape[-1]), z)
    k = y.shape[-1]
    if k < 2 or (k < 3 and model == "mixed"):
        nothing = np.full(y.shape[:-1], np.nan)
        return RegressionTest(*[nothing] * 6)
    fit = _least_squares(y, v, z) if model == "least_squares" else _mixed(y, v, z, method, test)
    (a, b), (vaa, vab, vbb), df, tau2 = fit
    shift = mean / spread
    limit_var = vaa - 2 * shift * vab + shift**2 * vbb
    columns = (b / spread, np.sqrt(vbb) / spread, a - shift * b, np.sqrt(limit_var), df, tau2)
    return RegressionTest(*(np.where(flat, np.nan, column) for column in columns))


@dataclass(frozen=True, slots=True)
class PetPeeseFit:
    """PET, PEESE, and which of them the conditional estimator takes; all (...)."""

    pet: RegressionTest
    peese: RegressionTest
    use_peese: NDArray[np.bool_]
    pet_pvalue: FloatArray

    @property
    def estimate(self) -> FloatArray:
        """(...) the conditional estimate."""
        return np.where(self.use_peese, self.peese.limit, self.pet.limit)


def pet_peese(
    yi: ArrayLike,
    vi: ArrayLike,
    predictor: ArrayLike | None = None,
    *,
    direction: ArrayLike | None = None,
    model: str = "least_squares",
    method: str = "REML",
    test: str = "wald",
) -> PetPeeseFit:
    """Precision-effect test and precision-effect estimate with standard error.

    Parameters
    ----------
    yi, vi : (..., k) effect sizes and sampling variances.
    predictor : (..., k) what PET regresses on; PEESE takes its square. By default the standard
        errors.
    direction : (...) sign of the effect that is expected; by default that of the mean weighted by
        1 / vi. PEESE is taken where PET's limit differs from 0 in this direction, at 5 % one-sided.
    model, method, test : as in `regression_test`; the published method is ``least_squares``.

    References
    ----------
    Stanley & Doucouliagos (2014), doi:10.1002/jrsm.1095; Stanley (2017),
    doi:10.1177/1948550617693062 (the one-sided rule).

    Examples
    --------
    >>> fit = pet_peese([0.2, 0.5, 0.4, 1.1], [0.02, 0.06, 0.11, 0.2])
    >>> bool(fit.use_peese), round(float(fit.estimate), 3)
    (False, -0.129)
    """
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    x = np.sqrt(v) if predictor is None else np.asarray(predictor, dtype=float)
    pet = regression_test(y, v, x, model=model, method=method, test=test)
    peese = regression_test(y, v, x**2, model=model, method=method, test=test)
    if direction is None:
        direction = (y / v).sum(axis=-1)
    one_sided = pet_one_sided(pet.limit_statistic, pet.df, direction)
    return PetPeeseFit(pet, peese, one_sided < PET_ALPHA, one_sided)


def pet_one_sided(statistic: ArrayLike, df: ArrayLike, direction: ArrayLike) -> FloatArray:
    """One-sided p-value of a t (or z, where df is NaN) against 0 in the sign of `direction`.

    Examples
    --------
    >>> round(float(pet_one_sided(-2.0, 10, -1)), 4), round(float(pet_one_sided(-2.0, 10, 1)), 4)
    (0.0367, 0.9633)
    """
    toward = np.asarray(statistic, dtype=float) * np.sign(np.asarray(direction, dtype=float))
    half = two_sided_p(toward, df) / 2
    return np.where(toward > 0, half, 1 - half)


@dataclass(frozen=True, slots=True)
class LimitFit:
    """Limit meta-analysis; all (...).

    Attributes
    ----------
    regression : its slope is α, its limit β0 = β + τα, the expected effect of a study without
        sampling error.
    tau2 : between-study variance of the random-effects model, taken as known.
    q, q_residual, q_small : Cochran's Q (k − 1 df), what of it is left around the regression on the
        standard errors (k − 2 df), and the difference (1 df), with the p-values of the last two.
    """

    regression: RegressionTest
    tau2: FloatArray
    q: FloatArray
    q_residual: FloatArray
    q_residual_pvalue: FloatArray
    q_small: FloatArray
    q_small_pvalue: FloatArray


def limit_meta(
    yi: ArrayLike, vi: ArrayLike, *, method: str = "REML", test: str = "wald"
) -> LimitFit:
    """Limit meta-analysis: small-study effects in a random-effects model, extrapolated.

    The model is yᵢ = β + √(vᵢ + τ²)(α + εᵢ), εᵢ ~ N(0, 1), with τ² from the random-effects model.
    Its effect at vᵢ = 0 is β + τα: the intercept of the regression of yᵢ on √(vᵢ + τ²) − τ with
    weights 1 / (vᵢ + τ²). With τ² = 0 it is PET with a known error variance.

    Parameters
    ----------
    yi, vi : (..., k) effect sizes and sampling variances.
    method : estimator of τ².
    test : ``wald``, the model as it stands; or ``hksj``, residual variance estimated, t with
        k − 2 df.

    References
    ----------
    Rücker et al. (2011), doi:10.1093/biostatistics/kxq046.

    Examples
    --------
    >>> fit = limit_meta([0.2, 0.5, 0.4, 1.1], [0.02, 0.06, 0.11, 0.2])
    >>> round(float(fit.tau2), 3), round(float(fit.regression.limit), 3)
    (0.025, 0.046)
    """
    y, v = np.asarray(yi, dtype=float), np.asarray(vi, dtype=float)
    plain = random_effects(y, v, method=method, test="wald")
    tau2 = plain.tau2
    total = v + np.where(np.isnan(tau2), 0.0, tau2)[..., None]
    x = np.sqrt(total) - np.sqrt(total - v)
    fit = regression_test(y, total, x, method="EE", test=test)
    flat = np.isnan(fit.slope)
    residual = _residual_q(y, v, np.sqrt(v))
    residual = np.where(flat, np.nan, residual)
    k = y.shape[-1]
    small = np.maximum(plain.q - residual, 0.0)
    return LimitFit(
        regression=RegressionTest(
            fit.slope, fit.slope_se, fit.limit, fit.limit_se, fit.df, np.where(flat, np.nan, tau2)
        ),
        tau2=tau2, q=plain.q, q_residual=residual, q_residual_pvalue=chi2_p(residual, k - 2),
        q_small=small, q_small_pvalue=chi2_p(small, 1),
    )  # fmt: skip


def _checked(*columns: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    y, v, x = (np.asarray(column, dtype=float) for column in columns)
    if y.shape != v.shape or y.shape != x.shape or y.ndim == 0 or y.shape[-1] == 0:
        raise DataError(
            f"yi, vi and the predictor must be of one shape (..., k); got {y.shape}, {v.shape} and "
            f"{x.shape}"
        )
    if not (np.isfinite(y).all() and np.isfinite(v).all() and np.isfinite(x).all()):
        raise DataError("yi, vi and the predictor must be finite numbers")
    if (v <= 0).any():
        raise DataError("every sampling variance vi must be positive")
    return y, v, x


def _standard(x: FloatArray) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Mean and SD of the predictor, so that no unit harms the algebra; where it is constant."""
    mean, spread = x.mean(axis=-1), x.std(axis=-1)
    flat = np.asarray(np.ptp(x, axis=-1) <= NO_SPREAD * np.abs(x).max(axis=-1))
    return mean, np.where(flat, 1.0, spread), flat


Fit = tuple[
    tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray, FloatArray], FloatArray, FloatArray
]


def _mixed(y: FloatArray, v: FloatArray, z: FloatArray, method: str, test: str) -> Fit:
    """Coefficients, their variances and covariance, df and τ² of a random-effects regression."""
    design = np.stack([np.ones_like(z), z], axis=-1)
    fit = random_effects(y, v, design, method=method, test=test)
    c = fit.vcov
    coef = (fit.coef[..., 0], fit.coef[..., 1])
    return coef, (c[..., 0, 0], c[..., 0, 1], c[..., 1, 1]), fit.df, fit.tau2


def _weighted_line(
    y: FloatArray, v: FloatArray, z: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Intercept and slope at weights 1 / v, the residual sum, and what their variances need."""
    w = 1 / v
    total = w.sum(axis=-1)
    zbar = (w * z).sum(axis=-1) / total
    ybar = (w * y).sum(axis=-1) / total
    dz, dy = z - zbar[..., None], y - ybar[..., None]
    szz = (w * dz**2).sum(axis=-1)
    b = (w * dz * dy).sum(axis=-1) / szz
    rest = (w * (dy - b[..., None] * dz) ** 2).sum(axis=-1)
    return ybar - b * zbar, b, rest, total, zbar, szz


def _least_squares(y: FloatArray, v: FloatArray, z: FloatArray) -> Fit:
    a, b, rest, total, zbar, szz = _weighted_line(y, v, z)
    df = y.shape[-1] - 2
    scale = rest / df if df > 0 else np.full_like(rest, np.nan)
    # Effects on the line to the last digit leave no error to judge it by.
    scale = np.where(scale <= 1e-20 * np.maximum((y**2 / v).sum(axis=-1), 1e-300), np.nan, scale)
    spread = (scale * (1 / total + zbar**2 / szz), -scale * zbar / szz, scale / szz)
    none = np.full_like(a, np.nan)
    return (a, b), spread, np.full_like(a, float(df)), none


def _residual_q(y: FloatArray, v: FloatArray, x: FloatArray) -> FloatArray:
    mean, spread, flat = _standard(x)
    z = np.where(flat[..., None], np.linspace(-1, 1, x.shape[-1]), (x - mean[..., None]))
    return _weighted_line(y, v, z / spread[..., None])[2]


def _ratio(value: FloatArray, error: FloatArray) -> FloatArray:
    """value / error, NaN where there is no error to divide by."""
    usable = np.isfinite(error) & (error > 0)
    return np.where(usable, value / np.where(usable, error, 1.0), np.nan)
