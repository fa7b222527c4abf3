"""Several outcomes pooled together, so that each borrows strength from those it goes with.

Study i gives y_i = X_i β + Z_i u_i + e_i with u_i ~ N(0, T), T the p × p covariance of true effects
of p outcomes, and e_i ~ N(0, V_i). A study need not have all outcomes.

Berkey et al. (1998), doi:10.1002/(SICI)1097-0258(19981130)17:22<2537::AID-SIM953>3.0.CO;2-C;
Jackson, Riley & White (2011), doi:10.1002/sim.4172.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabone.errors import ModelError
from metabone.models import between
from metabone.models.components import Blocks
from metabone.models.intervals import chi2_p, critical, f_p, two_sided_p
from metabone.models.nested import Solution, constant
from metabone.models.outcomes import Outcomes, arrange, half_vector, has_means_only, refuse
from metabone.models.robust import ClusterGroup, RobustFit, sandwich
from metabone.options import (
    BetweenStructure,
    MultilevelDf,
    MultilevelMethod,
    RobustType,
    check_option,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# Eigenvalues of T below this share of the largest, or of the sampling variance, are zero.
RANK = 1e-6
# Said where a study has several effects of one outcome, which T gives one true effect.
REPEATED = (
    "a study gives an outcome more than once; these effects share one true effect of that study, "
    "so that they differ by sampling alone"
)
# Where the search starts: correlations, with shares of the first guess of the standard deviations.
STARTS = ((0.0, 1.0), (0.6, 1.0), (-0.4, 1.0), (0.8, 0.3))


@dataclass(frozen=True, slots=True)
class MultivariateFit:
    """A fitted multivariate model of p outcomes with q coefficients.

    Attributes
    ----------
    coef, vcov : (q,) and (q, q), model-based; without moderators one mean for each of ``outcomes``.
    df : (q,) degrees of freedom, NaN for the normal.
    between : (p, p) covariance T of true effects.
    between_se : (p, p) standard errors of its entries by the observed information, NaN where T is
        on the boundary.
    rank : of T; below p some true effects determine others, which is said in ``warnings``.
    loglik : (restricted) log-likelihood with all constants; n_parameters, of T.
    q, q_df : residual heterogeneity statistic with W = V⁻¹.
    i2 : (p,) per cent, T_aa against the typical sampling variance of the outcome.
    together : (p, p) how many studies have both outcomes.
    """

    coef: FloatArray
    vcov: FloatArray
    df: FloatArray
    between: FloatArray
    between_se: FloatArray
    structure: str
    method: str
    loglik: float
    n_parameters: int
    rank: int
    converged: bool
    iterations: int
    q: float
    q_df: int
    i2: FloatArray
    outcomes: tuple[str, ...]
    together: NDArray[np.int64]
    k: int
    m: int
    warnings: tuple[str, ...]
    data: Outcomes = field(repr=False)

    @property
    def se(self) -> FloatArray:
        """(q,) model-based standard errors."""
        return np.sqrt(np.diagonal(self.vcov))

    @property
    def statistic(self) -> FloatArray:
        """(q,) t or z."""
        return self.coef / self.se

    @property
    def pvalue(self) -> FloatArray:
        """(q,) two-sided p-values."""
        return two_sided_p(self.statistic, self.df)

    @property
    def tau2(self) -> FloatArray:
        """(p,) variances of true effects."""
        return np.diagonal(self.between).copy()

    @property
    def rho(self) -> FloatArray:
        """(p, p) correlations of true effects, NaN where a variance is zero."""
        sd = np.sqrt(np.where(self.tau2 > 0, self.tau2, np.nan))
        rho: FloatArray = self.between / np.outer(sd, sd)
        return rho

    def ci(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """(q,) lower and upper confidence limits."""
        half = critical(self.df, level) * self.se
        return self.coef - half, self.coef + half

    def pi(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """(p,) limits for the true effects of a new study; only without moderators.

        Raises
        ------
        ModelError
            With moderators, which would have to be given too.
        """
        if not has_means_only(self.data):
            raise ModelError("a prediction interval of outcomes needs a model without moderators")
        half = critical(self.df, level) * np.sqrt(self.tau2 + self.se**2)
        return self.coef - half, self.coef + half

    def wald(self, contrasts: ArrayLike) -> tuple[float, int, float, float]:
        """Test that ``contrasts @ coef`` is zero: χ² or F, its df, p; df2 is NaN for χ²."""
        c = np.atleast_2d(np.asarray(contrasts, dtype=float))
        part = c @ self.coef
        wald = float(part @ np.linalg.solve(c @ self.vcov @ c.T, part))
        df2 = float(self.df[(c != 0).any(axis=0)].min())
        if math.isnan(df2):
            return wald, len(c), df2, float(chi2_p(wald, len(c)))
        return wald / len(c), len(c), df2, float(f_p(wald / len(c), len(c), df2))

    @property
    def solution(self) -> Solution:
        """Generalised least squares at the estimate, in the engine's own basis."""
        return self.data.engine.solve(half_vector(self.between)[None], np.zeros(1, dtype=np.intp))


def multivariate(
    yi: ArrayLike,
    V: ArrayLike | Blocks,
    study: ArrayLike,
    outcome: ArrayLike,
    X: ArrayLike | None = None,
    *,
    structure: str = "UN",
    method: str = "REML",
    df: str = "contain",
) -> MultivariateFit:
    """Fit a multivariate random-effects model.

    Parameters
    ----------
    yi : (k,) effects.
    V : (k,) sampling variances, or the sampling covariance as blocks ``(rows, covariance)``, each
        within a study.
    study, outcome : (k,) labels.
    X : (k, q) design; None for one mean for each outcome, in the order of their sorted labels.
    structure : of T. ``UN``: any; ``HCS``: a variance for each outcome and one correlation; ``CS``:
        one variance and one correlation, for outcomes on one scale; ``DIAG``: no correlation.
    method : ``REML`` or ``ML``.
    df : of the coefficients' t: ``contain`` (studies with the outcomes that a coefficient is about,
        less the coefficients about no others), ``residual`` (k − q), or ``normal``.

    Raises
    ------
    DataError
        If shapes differ, V is not positive definite, or a block of it spans studies.
    ModelError
        If there is one outcome, an outcome has fewer than three studies, fewer than three studies
        have two outcomes whose correlation the structure estimates, the design has dependent
        columns, or the search does not converge.

    Examples
    --------
    >>> study = [1, 1, 2, 2, 3, 3, 4, 4, 5]
    >>> outcome = ["BMD", "BV/TV"] * 4 + ["BMD"]
    >>> yi = [0.2, 0.5, 0.6, 1.1, 0.9, 1.2, 0.4, 0.5, 1.4]
    >>> fit = multivariate(yi, [0.05] * 9, study, outcome, structure="CS")
    >>> fit.outcomes, fit.coef.round(3).tolist()
    (('BMD', 'BV/TV'), [0.7, 0.963])
    """
    structure = check_option("structure", structure, BetweenStructure)
    method = check_option("method", method, MultilevelMethod)
    df = check_option("df", df, MultilevelDf)
    data = arrange(yi, V, study, outcome, X, method=method, df=df)
    refuse(data, structure)
    return fit_structure(data, structure)


def fit_structure(data: Outcomes, name: str) -> MultivariateFit:
    """Fit one structure to data that can carry it."""
    shape = between.structure(name, len(data.names))
    # One scale for a structure with one variance, else a scale for each outcome.
    scale = (
        np.full(shape.p, math.sqrt(float((data.scale**2).mean()))) if name == "CS" else data.scale
    )
    found = _search(data, shape, scale)
    if not found.converged:
        raise ModelError(f"the multivariate model with the structure {name} does not converge")
    matrix = np.outer(scale, scale) * shape.build(found.phi)
    standard = matrix / np.outer(data.scale, data.scale)
    values, vectors = np.linalg.eigh(standard)
    kept = values > RANK * max(1.0, float(values[-1]))
    rank = int(kept.sum())
    if rank < shape.p:
        # What is zero but for rounding is zero.
        standard = (vectors * np.where(kept, values, 0.0)) @ vectors.T
        gone = np.diagonal(standard) <= RANK * max(1.0, float(values[-1]))
        standard[gone] = standard[:, gone] = 0.0
        matrix = standard * np.outer(data.scale, data.scale)
    return _finish(data, name, shape, found, matrix, rank, _errors(shape, found, scale, rank))


def _objective(data: Outcomes, shape: between.Structure, scale: FloatArray) -> between.Objective:
    """Log-likelihood with first and second derivatives in φ, by those in the entries of T."""
    p = shape.p
    rows, columns = np.tril_indices(p)
    size = scale[rows] * scale[columns]
    # Off the diagonal an entry stands in T twice.
    share = np.where(rows == columns, 1.0, 0.5)
    first = np.zeros(1, dtype=np.intp)

    def objective(phi: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        theta = size * half_vector(shape.build(phi))
        at = data.engine.evaluate(theta[None], first)
        gradient = size * at.gradient[0]
        slope = np.zeros((p, p))
        slope[rows, columns] = slope[columns, rows] = share * gradient
        jacobian = shape.slopes(phi)[:, rows, columns]
        curve = -at.observed[0] * np.outer(size, size)
        hessian = jacobian @ curve @ jacobian.T + shape.bend(phi, slope)
        return float(at.value[0]), jacobian @ gradient, hessian

    return objective


def _search(data: Outcomes, shape: between.Structure, scale: FloatArray) -> between.Peak:
    """The highest of the maxima from several starts."""
    objective = _objective(data, shape, scale)
    spread = np.array([data.yi[data.outcome == a].var(ddof=1) for a in range(shape.p)])
    sampling = data.scale**2
    sd = np.sqrt(np.maximum(spread - sampling, 0.1 * sampling)) / scale
    lowest = -0.9 / (shape.p - 1) if shape.p > 1 else 0.0
    starts = [shape.start(share * sd, max(rho, lowest)) for rho, share in STARTS]
    if isinstance(shape, between.Heteroscedastic):
        # An outcome that goes against the others may do best with no variance of its own.
        without = np.where(np.eye(shape.p, dtype=bool), 0.05, 1.0)
        starts += [shape.start(share * sd, 0.8) for share in without]
    peaks = [between.ascend(objective, start) for start in starts]
    return max(peaks, key=lambda peak: (peak.converged, peak.value))


def _errors(
    shape: between.Structure, found: between.Peak, scale: FloatArray, rank: int
) -> FloatArray:
    """(p, p) standard errors of T by the delta method; NaN on the boundary."""
    p = shape.p
    values = np.linalg.eigvalsh(found.hessian)
    if rank < p or values[-1] >= 0:
        return np.full((p, p), np.nan)
    slopes = shape.slopes(found.phi)
    variance = np.einsum("iab,ij,jab->ab", slopes, np.linalg.inv(-found.hessian), slopes)
    errors: FloatArray = np.outer(scale, scale) * np.sqrt(variance)
    return errors


def _finish(
    data: Outcomes,
    name: str,
    shape: between.Structure,
    found: between.Peak,
    matrix: FloatArray,
    rank: int,
    errors: FloatArray,
) -> MultivariateFit:
    first = np.zeros(1, dtype=np.intp)
    k, q = data.x.shape
    at = data.engine.solve(half_vector(matrix)[None], first)
    flat = data.engine.solve(np.zeros((1, shape.p * (shape.p + 1) // 2)), first)
    turn = np.linalg.inv(data.triangle)
    return MultivariateFit(
        coef=turn @ at.coef[0],
        vcov=turn @ at.cov[0] @ turn.T,
        df=_degrees_of_freedom(data),
        between=matrix,
        between_se=errors,
        structure=name,
        method=data.method,
        loglik=found.value + constant(k, q, restricted=data.method == "REML"),
        n_parameters=shape.n,
        rank=rank,
        converged=found.converged,
        iterations=found.iterations,
        q=float(flat.q[0]),
        q_df=k - q,
        i2=_i_squared(data, matrix),
        outcomes=data.names,
        together=data.together,
        k=k,
        m=int(data.study.max()) + 1,
        warnings=_warnings(data, matrix, rank),
        data=data,
    )


def _degrees_of_freedom(data: Outcomes) -> FloatArray:
    """(q,) by the rule that the fit was asked for."""
    k, q = data.x.shape
    if data.df == "normal":
        return np.full(q, np.nan)
    if data.df == "residual":
        return np.full(q, float(k - q))
    about = np.stack([(data.x[data.outcome == a] != 0).any(axis=0) for a in range(len(data.names))])
    dof = np.empty(q)
    for j in range(q):
        mine = about[:, j]
        studies = len(np.unique(data.study[mine[data.outcome]]))
        dof[j] = studies - int((~about[~mine].any(axis=0)).sum())
    return np.maximum(dof, 0.0)


def _i_squared(data: Outcomes, matrix: FloatArray) -> FloatArray:
    """(p,) T_aa / (T_aa + typical v) with Higgins & Thompson's typical sampling variance."""
    out = np.empty(len(data.names))
    for a in range(len(out)):
        w = 1 / data.vi[data.outcome == a]
        typical = (len(w) - 1) * w.sum() / (w.sum() ** 2 - (w**2).sum())
        out[a] = 100 * matrix[a, a] / (matrix[a, a] + typical)
    return out


def _warnings(data: Outcomes, matrix: FloatArray, rank: int) -> tuple[str, ...]:
    found = []
    names, p = data.names, len(data.names)
    repeated = len(np.unique(data.study * p + data.outcome)) < len(data.yi)
    if repeated:
        found.append(REPEATED)
    variance = np.diagonal(matrix)
    for a in np.flatnonzero(variance == 0):
        found.append(f"the true effects of {names[a]} are estimated not to vary between studies")
    varying = int((variance > 0).sum())
    if rank < varying:
        found.append(
            f"the covariance of the {varying} outcomes{' that do' if varying < p else ''} "
            f"between studies has rank {rank}: some true effects are estimated to determine "
            "others, and standard errors take that as known"
        )
    return tuple(found)


def robust_multivariate(fit: MultivariateFit, *, type: str = "CR2") -> RobustFit:
    """Inference by studies that holds if T or V are not right; see :mod:`robust`.

    Parameters
    ----------
    fit : the fitted model; its covariance is the working model.
    type : ``CR2``, ``CR1p``, ``CR1`` or ``CR0``.

    Raises
    ------
    ModelError
        If there are not more studies than coefficients.
    """
    type = check_option("type", type, RobustType)
    data = fit.data
    e = data.yi - data.x @ fit.coef
    groups = []
    for group in data.engine.groups:
        phi = group.v + np.einsum("l,glij->gij", half_vector(fit.between), group.z)
        groups.append(ClusterGroup(group.index, data.x[group.index], phi, e[group.index]))
    return sandwich(groups, fit.coef, type=type)
