"""The words that every option takes, and the one function that checks them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

from metabone.errors import UsageError

Measure = Literal["MD", "SMD", "SMDH", "SMD1", "ROM", "NMD", "VR", "CVR"]
Variance = Literal["LS", "LS2", "UB", "AV", "REVMAN", "HO", "DELTA", "FIXED_SHAM"]
Tau2Method = Literal["REML", "ML", "DL", "PM", "EB", "HE", "HS", "SJ", "EE"]
CIMethod = Literal["hksj", "hksj_adhoc", "wald", "cr2", "cr1", "cr0", "t"]
PIMethod = Literal["t_k_minus_1", "t_k_minus_2", "normal"]
Model = Literal["auto", "univariate", "multilevel"]
Align = Literal["none", "benefit"]
Control = Literal["exact", "split", "ignore"]
Cluster = Literal["study", "experiment", "averaged", "none"]
OutlierRule = Literal["none", "rstudent_3", "rstudent_2", "largest_vi", "influential_study"]
RiskCut = Literal["all", "no_high", "low"]
RobTool = Literal["syrcle", "camarades", "arrive"]
RobWeights = Literal["studies", "effects", "animals", "pooled"]
RobConflicts = Literal["show", "worst"]
RobPlot = Literal["traffic-light", "summary"]
CurveShow = Literal["auto", "estimate", "z"]
MultilevelMethod = Literal["REML", "ML"]
MultilevelDf = Literal["contain", "residual", "normal"]
RobustType = Literal["CR0", "CR1", "CR1p", "CR2"]
WildWeights = Literal["rademacher", "webb"]
WildResiduals = Literal["plain", "CR2"]
WildInterval = Literal["inversion", "symmetric"]
WorkingModel = Literal["CORR", "HIER"]
WorkingTarget = Literal["weights", "model"]
BetweenStructure = Literal["UN", "HCS", "CS", "DIAG"]
Predictor = Literal["auto", "sei", "vi", "sqrtninv", "ninv", "arms"]
AsymmetryModel = Literal["mixed", "least_squares"]
TrimEstimator = Literal["L0", "R0"]
TrimSide = Literal["auto", "left", "right"]
SelectionSide = Literal["auto", "greater", "less"]
DeletionUnit = Literal["study", "effect"]
StrataTau2 = Literal["separate", "common"]
OnError = Literal["refuse", "exclude"]
DispersionType = Literal["SD", "SEM", "CI95"]
Better = Literal["higher", "lower"]
Style = Literal["metabone", "revman", "jama", "bmj"]
ForestSort = Literal["effect", "precision", "study"]
FunnelPrecision = Literal["auto", "sei", "seinv", "sqrtninv", "arms"]
PointLabels = Literal["auto", "all", "none"]
SensitivityPlot = Literal["leave-one-out", "cumulative", "influence", "baujat", "gosh"]
MapShow = Literal["auto", "estimate", "direction", "counts"]
FigureFormat = Literal["svg", "pdf", "png", "tiff"]

# The variance formulas of each measure, the default first; for NMD, LS means DELTA.
VARIANCES: Mapping[str, tuple[Variance, ...]] = MappingProxyType(
    {
        "MD": ("LS", "HO"),
        "SMD": ("LS", "LS2", "UB", "AV", "REVMAN"),
        "SMDH": ("LS",),
        "SMD1": ("LS",),
        "ROM": ("LS", "AV"),
        "NMD": ("DELTA", "FIXED_SHAM"),
        "VR": ("LS",),
        "CVR": ("LS",),
    }
)

# The intervals of each model, the default first.
CI_OF_MODEL: Mapping[str, tuple[CIMethod, ...]] = MappingProxyType(
    {
        "univariate": ("hksj", "hksj_adhoc", "wald"),
        "multilevel": ("cr2", "cr1", "cr0", "t", "wald"),
    }
)


def default_pi(ci: str) -> PIMethod:
    """The prediction interval that goes with a confidence interval.

    Examples
    --------
    >>> default_pi("hksj"), default_pi("wald")
    ('t_k_minus_1', 'normal')
    """
    return "normal" if ci == "wald" else "t_k_minus_1"


def choices(literal: Any) -> tuple[str, ...]:
    """The words of one of the ``Literal`` aliases of this module.

    Examples
    --------
    >>> choices(Align)
    ('none', 'benefit')
    """
    return get_args(literal)


def nearest(word: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Up to `n` known words that look like `word`, best first.

    Examples
    --------
    >>> nearest("remel", ["REML", "DL"])
    ['REML']
    """
    by_folded = {name.casefold(): name for name in known}
    return [
        by_folded[found]
        for found in difflib.get_close_matches(word.casefold(), by_folded, n=n, cutoff=0.5)
    ]


def check_option(name: str, value: str, literal: Any) -> str:
    """Return `value` if it is one of the words of `literal`; letter case is forgiven.

    Raises
    ------
    UsageError
        Otherwise; the message names the option, the choices and what came.

    Examples
    --------
    >>> check_option("tau2", "reml", Tau2Method)
    'REML'
    """
    known = choices(literal)
    by_folded = {word.casefold(): word for word in known}
    found = by_folded.get(str(value).casefold())
    if found is None:
        listed = ", ".join(repr(word) for word in known)
        raise UsageError(f"{name} must be one of {listed}; got {value!r}")
    return found


def check_variance(measure: str, variance: str) -> str:
    """Return the name of the variance formula that `variance` means for `measure`.

    Raises
    ------
    UsageError
        If either is unknown, or the measure has no such variance.

    Examples
    --------
    >>> check_variance("SMD", "ub"), check_variance("NMD", "LS")
    ('UB', 'DELTA')
    """
    measure = check_option("measure", measure, Measure)
    variance = check_option("variance", variance, Variance)
    known = VARIANCES[measure]
    if variance == "LS":
        return known[0]
    if variance not in known:
        listed = ", ".join(repr(word) for word in known)
        raise UsageError(f"variance of {measure} must be one of {listed}; got {variance!r}")
    return variance
