"""How alike animals of one cage are: the intraclass correlation, arms apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, fdtri

from metabone.synthesis.animal_groups import constant, quietly, residuals

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
NAN = float("nan")
#: Beyond these a mixed model takes too long beside the closed form, which then stands alone.
REML_CAGES, REML_ANIMALS, CROSSED_CAGES = 500, 5000, 500


@dataclass(frozen=True, slots=True)
class CageICC:
    """Share of the variance within arms that lies between cages.

    Parameters
    ----------
    icc : from the analysis of variance; it can be below 0, which means 0 or competition in cages.
    ci_low, ci_high : interval by the F distribution, not below 0.
    icc_reml : from a mixed model by REML, which cannot be below 0.
    f, df1, df2, pvalue : test of cages within arms.
    m0 : animals of a typical cage.
    design_effect : ``1 + (m0 - 1) icc``, with an ICC of at least 0: by how much cages inflate the
        variance of an arm's mean when whole cages are treated.
    cages : how many; ``mixed`` of them hold several arms.
    note : why something is NaN, or stands at its boundary.
    """

    icc: float
    ci_low: float
    ci_high: float
    icc_reml: float
    f: float
    df1: int
    df2: int
    pvalue: float
    m0: float
    design_effect: float
    animals: int
    cages: int
    mixed: int
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The correlation as JSON prints it."""
        return {name: getattr(self, name) for name in self.__slots__}


def cage_icc(values: Floats, arms: Codes, cages: Codes, *, level: float = 0.95) -> CageICC:
    """Intraclass correlation of the animals of a cage, given their arm.

    Parameters
    ----------
    values : (n,) one for each animal.
    arms, cages : (n,) numbered from 0 without gaps.

    Notes
    -----
    Henderson's method 3 for one random factor (Searle, Casella & McCulloch 1992, Variance
    Components, section 5.5): with F the mean square of cages given arms over that within both,
    ICC = (F - 1) / (F - 1 + m0). The interval divides F by its quantiles: exact for cages of one
    size that each hold one arm, approximate otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> found = cage_icc(np.array([1., 2, 4, 5, 7, 9, 2, 3]), np.zeros(8, int), np.arange(8) // 2)
    >>> round(found.icc, 3), found.df1, found.df2
    (0.899, 3, 4)
    """
    n, n_arms, n_cages = len(values), int(arms.max()) + 1, int(cages.max()) + 1
    cells = np.unique(np.column_stack([arms, cages]), axis=0)
    mixed = int((np.bincount(cells[:, 1]) > 1).sum())
    if mixed and n_cages > CROSSED_CAGES:
        return _nothing(
            n, n_cages, mixed, f"more than {CROSSED_CAGES} cages that hold several arms"
        )
    within, df2, df1 = _within(values, arms, cages, n_arms, n_cages, bool(mixed))
    if df1 < 1:
        return _nothing(n, n_cages, mixed, "each arm is one cage: cage and treatment are one thing")
    if df2 < 1:
        return _nothing(n, n_cages, mixed, "no cage holds two animals of an arm")
    total = float(np.sum(residuals(values, arms) ** 2))
    if constant(values) or within <= 1e-20 * total or total <= 0:
        return _nothing(n, n_cages, mixed, "animals of a cage do not differ")
    f = max((total - within) / df1, 0.0) / (within / df2)
    m0 = _typical(arms, cages) / df1
    low, high = (
        _back(f / float(fdtri(df1, df2, p)), m0) for p in ((1 + level) / 2, (1 - level) / 2)
    )
    icc = _back(f, m0)
    reml, said = _reml(values, arms, cages)
    notes = [said, "" if icc > 0 else "the estimate is at or below its boundary 0"]
    return CageICC(
        icc=icc, ci_low=max(low, 0.0), ci_high=max(high, 0.0), icc_reml=reml, f=f, df1=df1,
        df2=df2, pvalue=float(fdtrc(df1, df2, f)), m0=m0,
        design_effect=1 + (m0 - 1) * max(icc, 0.0), animals=n, cages=n_cages, mixed=mixed,
        note="; ".join(filter(None, notes)),
    )  # fmt: skip


def _back(f: float, m0: float) -> float:
    return (f - 1) / (f - 1 + m0)


def _nothing(n: int, cages: int, mixed: int, note: str) -> CageICC:
    return CageICC(NAN, NAN, NAN, NAN, NAN, 0, 0, NAN, NAN, NAN, n, cages, mixed, note)


def _typical(arms: Codes, cages: Codes) -> float:
    """The trace of Z'MZ for cages Z and the residual maker M of the arms: df1 times m0."""
    pairs, counts = np.unique(np.column_stack([arms, cages]), axis=0, return_counts=True)
    sizes = np.bincount(arms)
    return float(len(arms) - np.sum(counts**2 / sizes[pairs[:, 0]]))


def _within(
    values: Floats, arms: Codes, cages: Codes, n_arms: int, n_cages: int, mixed: bool
) -> tuple[float, int, int]:
    """Sum of squares within arms and cages, its df, and the df of cages given arms."""
    n = len(values)
    if not mixed:
        return float(np.sum(residuals(values, cages) ** 2)), n - n_cages, n_cages - n_arms
    design = np.zeros((n, n_arms + n_cages))
    design[np.arange(n), arms] = 1
    design[np.arange(n), n_arms + cages] = 1
    centred = values - values.mean()
    solved, _, rank, _ = np.linalg.lstsq(design, centred)
    left = centred - design @ solved
    return float(left @ left), n - int(rank), int(rank) - n_arms


def _reml(values: Floats, arms: Codes, cages: Codes) -> tuple[float, str]:
    """ICC of a random intercept for cages, arms fixed; NaN and why where the fit fails."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    n, n_cages = len(values), int(cages.max()) + 1
    if n_cages > REML_CAGES or n > REML_ANIMALS:
        return NAN, f"no mixed model beyond {REML_CAGES} cages or {REML_ANIMALS} animals"
    scaled = residuals(values, arms)
    scaled = scaled / np.std(scaled)
    design = (arms[:, None] == np.arange(int(arms.max()) + 1)).astype(float)

    def fit() -> Any:
        # By Powell's method: those that follow the gradient stop short of the boundary 0.
        return MixedLM(scaled, design, groups=cages).fit(reml=True, method="powell")

    try:
        found, said = quietly(fit)
    except (np.linalg.LinAlgError, ValueError) as error:
        return NAN, f"the mixed model failed ({error})"
    between, scale = float(found.cov_re[0, 0]), float(found.scale)
    if not found.converged or not np.isfinite(between + scale):
        return NAN, "the mixed model did not converge"
    notes = [f"mixed model: {said}"] if said and between > 1e-6 else []
    if between <= 1e-6:
        notes.append("the mixed model is at its boundary: no variance between cages")
    return between / (between + scale), "; ".join(notes)
