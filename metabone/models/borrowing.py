"""What a multivariate fit gives beyond its means: structures compared, borrowed strength, BLUPs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabone.errors import ModelError
from metabone.models.intervals import chi2_p
from metabone.models.multivariate import MultivariateFit, fit_structure
from metabone.models.outcomes import half_vector, has_means_only, only

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Which structures are special cases of which.
NESTED = (
    ("DIAG", "UN"),
    ("DIAG", "HCS"),
    ("CS", "HCS"),
    ("CS", "UN"),
    ("HCS", "UN"),
)


def likelihood_ratio(small: MultivariateFit, large: MultivariateFit) -> tuple[float, int, float]:
    """Test one structure of T within a wider one: χ², its df, p-value.

    DIAG lies within UN and HCS, CS within HCS and UN, HCS within UN. Where either fit has T on the
    boundary χ² is not the reference and the p-value is only a guide.

    Raises
    ------
    ModelError
        If the structures are not nested, the methods differ, or (REML) the designs do.
    """
    pair = (small.structure, large.structure)
    if pair not in NESTED:
        raise ModelError(f"the structure {pair[0]} is not a special case of {pair[1]}")
    if small.method != large.method or small.k != large.k:
        raise ModelError("the fits to compare must be by one method on the same effects")
    if small.data.x.shape != large.data.x.shape or (small.data.x != large.data.x).any():
        raise ModelError("the fits to compare must have the same design")
    statistic = max(0.0, 2 * (large.loglik - small.loglik))
    df = large.n_parameters - small.n_parameters
    return statistic, df, float(chi2_p(statistic, df))


@dataclass(frozen=True, slots=True)
class Borrowed:
    """How much each mean owes to the other outcomes.

    Attributes
    ----------
    outcomes, estimate, se : (p,) of the multivariate fit.
    percent : (p,) borrowed strength: by how much the variance of the mean is smaller than that from
        the outcome's own effects with the same T, 100 (1 − V / V_own).
    alone, alone_se, alone_tau2 : (p,) the outcome pooled by itself, its τ² estimated by itself.
    """

    outcomes: tuple[str, ...]
    estimate: FloatArray
    se: FloatArray
    percent: FloatArray
    alone: FloatArray
    alone_se: FloatArray
    alone_tau2: FloatArray


def borrowed_strength(fit: MultivariateFit) -> Borrowed:
    """Borrowed strength of each mean, with the outcome pooled by itself beside it.

    The per cent is never negative: with one T more data cannot say less. The standard error beside
    it can be smaller than the multivariate one, since its τ² is another.

    Raises
    ------
    ModelError
        With moderators, or where an outcome by itself cannot be fitted.

    References
    ----------
    Jackson, White, Price, Copas & Riley (2017), doi:10.1177/0962280215611702, eq. 12; Copas et al.
    (2018), doi:10.1111/rssc.12274.
    """
    if not has_means_only(fit.data):
        raise ModelError("borrowed strength is of the means of a model without moderators")
    p = len(fit.outcomes)
    own, alone, alone_se, alone_tau2 = np.empty((4, p))
    for a in range(p):
        data = only(fit.data, a)
        first = np.zeros(1, dtype=np.intp)
        at = data.engine.solve(fit.between[a : a + 1, a : a + 1], first)
        own[a] = float(at.cov[0, 0, 0] / data.triangle[0, 0] ** 2)
        single = fit_structure(data, "DIAG")
        alone[a], alone_se[a], alone_tau2[a] = single.coef[0], single.se[0], single.tau2[0]
    percent = np.maximum(100 * (1 - fit.se**2 / own), 0.0)
    return Borrowed(fit.outcomes, fit.coef, fit.se, percent, alone, alone_se, alone_tau2)


@dataclass(frozen=True, slots=True)
class StudyEffects:
    """True effects of m studies on p outcomes, in the order of their sorted labels.

    Attributes
    ----------
    estimate, se : (m, p) best linear unbiased predictions and standard errors of prediction.
    deviation, deviation_se : (m, p) the same of the deviations u from the means.
    measured : (m, p) whether the study has the outcome; where not, all of it is borrowed.
    """

    estimate: FloatArray
    se: FloatArray
    deviation: FloatArray
    deviation_se: FloatArray
    measured: BoolArray


def study_effects(fit: MultivariateFit) -> StudyEffects:
    """Predict the true effects of each study, those of outcomes it did not measure too.

    Raises
    ------
    ModelError
        With moderators, whose values are not known for outcomes that a study did not measure.

    References
    ----------
    Robinson (1991), doi:10.1214/ss/1177011926.
    """
    data = fit.data
    if not has_means_only(data):
        raise ModelError("effects of studies are predicted by a model without moderators")
    m, p = fit.m, len(fit.outcomes)
    residual = data.yi - data.x @ fit.coef
    deviation, variance, total = np.empty((m, p)), np.empty((m, p)), np.empty((m, p))
    for group in data.engine.groups:
        marginal = group.v + np.einsum("l,glij->gij", half_vector(fit.between), group.z)
        towards = fit.between[:, data.outcome[group.index]].transpose(1, 0, 2)  # T Z′, (g, p, n)
        gain = towards @ np.linalg.inv(marginal)
        x = data.x[group.index]
        who = data.study[group.index[:, 0]]
        deviation[who] = np.einsum("gpn,gn->gp", gain, residual[group.index])
        known = gain @ np.swapaxes(towards, 1, 2)
        off = -(gain @ x)  # what the coefficients' errors do to u, and to β + u
        left = np.diagonal(fit.between - known, axis1=1, axis2=2)
        variance[who] = left + _quadratic(off, fit.vcov)
        total[who] = left + _quadratic(np.eye(p) + off, fit.vcov)
    measured = np.zeros((m, p), dtype=bool)
    measured[data.study, data.outcome] = True
    return StudyEffects(
        fit.coef + deviation,
        np.sqrt(np.maximum(total, 0.0)),
        deviation,
        np.sqrt(np.maximum(variance, 0.0)),
        measured,
    )


def _quadratic(rows: FloatArray, cov: FloatArray) -> FloatArray:
    """Diagonals of (g, p, q) cov (g, p, q)′."""
    out: FloatArray = np.einsum("gpq,qr,gpr->gp", rows, cov, rows)
    return out
