"""The choices of an analysis: their names, their options, and which ones stand for themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from metabone.errors import UsageError
from metabone.options import (
    VARIANCES,
    CIMethod,
    Cluster,
    Control,
    Measure,
    OutlierRule,
    RiskCut,
    Tau2Method,
    Variance,
    check_option,
    nearest,
)

Factors = Mapping[str, tuple[str, ...]]

#: Every factor, in the order in which an analysis meets them, and the words that it takes.
OPTIONS: Mapping[str, Any] = MappingProxyType({
    "measure": Measure, "variance": Variance, "rob": RiskCut, "outliers": OutlierRule,
    "control": Control, "rho": None, "cluster": Cluster, "tau2": Tau2Method, "ci": CIMethod,
})  # fmt: skip
FACTORS = tuple(OPTIONS)
#: What the factors are called in text and figures.
TITLES: Mapping[str, str] = MappingProxyType({
    "measure": "Effect measure", "variance": "Variance formula", "rob": "Risk of bias",
    "outliers": "Outliers", "control": "Shared controls", "rho": "Correlation rho",
    "cluster": "Clusters", "tau2": "Heterogeneity", "ci": "Interval",
})  # fmt: skip
#: What the options mean, in a few words; those not here are called by their name.
WORDS: Mapping[tuple[str, str], str] = MappingProxyType({
    ("measure", "SMD"): "SMD (Hedges' g)", ("measure", "SMDH"): "SMDH (unequal SDs)",
    ("measure", "SMD1"): "SMD1 (control's SD)", ("measure", "ROM"): "ROM (log ratio of means)",
    ("measure", "MD"): "MD (raw difference)", ("measure", "NMD"): "NMD (% of healthy)",
    ("variance", "LS"): "LS (large sample)", ("variance", "LS2"): "LS2 (exact weights)",
    ("variance", "UB"): "UB (unbiased)", ("variance", "AV"): "AV (at the mean effect)",
    ("variance", "REVMAN"): "REVMAN (2(N − 3.94))", ("variance", "HO"): "HO (one SD)",
    ("variance", "FIXED_SHAM"): "FIXED_SHAM (sham known)",
    ("rob", "all"): "all effects", ("rob", "no_high"): "no item at high risk",
    ("rob", "low"): "all items at low risk",
    ("outliers", "none"): "all kept", ("outliers", "rstudent_3"): "without |rstudent| > 3",
    ("outliers", "rstudent_2"): "without |rstudent| > 2",
    ("outliers", "largest_vi"): "without the largest vi",
    ("outliers", "influential_study"): "without the most influential study",
    ("control", "exact"): "by covariance", ("control", "split"): "split between arms",
    ("control", "ignore"): "ignored",
    ("cluster", "study"): "multilevel by study",
    ("cluster", "experiment"): "multilevel by experiment",
    ("cluster", "averaged"): "averaged within study", ("cluster", "none"): "taken as independent",
    ("tau2", "DL"): "DerSimonian-Laird", ("tau2", "PM"): "Paule-Mandel",
    ("tau2", "EE"): "none (equal effects)", ("tau2", "SJ"): "Sidik-Jonkman",
    ("tau2", "HE"): "Hedges", ("tau2", "HS"): "Hunter-Schmidt", ("tau2", "EB"): "empirical Bayes",
    ("ci", "cr2"): "cluster-robust CR2", ("ci", "cr1"): "cluster-robust CR1",
    ("ci", "cr0"): "cluster-robust CR0", ("ci", "hksj"): "Hartung-Knapp",
    ("ci", "hksj_adhoc"): "Hartung-Knapp, ad hoc", ("ci", "wald"): "Wald (normal)",
    ("ci", "t"): "model-based t",
})  # fmt: skip
#: Measures whose estimates are in one unit, by the measure, and what the unit is called.
SCALES: Mapping[str, str] = MappingProxyType({
    "SMD": "SD units", "SMDH": "SD units", "SMD1": "SD units", "ROM": "log ratio of means",
    "MD": "mean difference", "NMD": "% of the healthy level", "VR": "log ratio of SDs",
    "CVR": "log ratio of CVs",
})  # fmt: skip
#: What else the same question may be answered with by default.
_COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "SMD": ("SMDH", "ROM"), "SMDH": ("SMD", "ROM"), "SMD1": ("SMD", "ROM"), "ROM": ("SMD",),
    "MD": ("SMD", "ROM"), "NMD": ("SMD",), "VR": (), "CVR": (),
}  # fmt: skip
MULTILEVEL = ("study", "experiment")
#: More combinations than these are a mistake more often than a wish.
MOST = 50_000


def words_of(factor: str, option: str) -> str:
    """An option for people.

    Examples
    --------
    >>> words_of("cluster", "none"), words_of("tau2", "REML"), words_of("rho", "0.5")
    ('taken as independent', 'REML', '0.5')
    """
    return WORDS.get((factor, option), option)


def check_factors(given: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The declared lists of options, each checked and spelt as the options are.

    Parameters
    ----------
    given : for each factor one option or a list of options; `rho` takes numbers.

    Raises
    ------
    UsageError
        For an unknown factor or option, or an empty list.

    Examples
    --------
    >>> check_factors({"tau2": ["reml", "DL"], "rho": [0.2, 0.5]})
    {'rho': ('0.2', '0.5'), 'tau2': ('REML', 'DL')}
    """
    for name in given:
        if name not in OPTIONS:
            close = nearest(str(name), FACTORS, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(FACTORS)}"
            raise UsageError(f"there is no choice called {name!r}; {hint}")
    return {name: _checked(name, given[name]) for name in FACTORS if name in given}


def _checked(name: str, value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str | int | float) else value
    if not isinstance(listed, Sequence):
        raise UsageError(f"{name} takes a list of options; got {value!r}")
    if not listed:
        raise UsageError(f"{name} takes at least one option; got an empty list")
    if name == "rho":
        return tuple(dict.fromkeys(_correlation(one) for one in listed))
    found = []
    for one in listed:
        if not isinstance(one, str):
            raise UsageError(f"{name} takes a list of words; got {one!r}")
        found.append(check_option(name, one, OPTIONS[name]))
    return tuple(dict.fromkeys(found))


def _correlation(value: Any) -> str:
    try:
        rho = float(value)
    except (TypeError, ValueError):
        rho = -1.0
    if isinstance(value, bool) or not 0 <= rho < 1:
        raise UsageError(f"rho takes numbers of 0 or more, below 1; got {value!r}")
    return f"{rho:g}"


def default_factors(
    *, measure: str, variance: str, rho: float, control: str, tau2: str, ci: str | None,
    multilevel: bool,
) -> dict[str, tuple[str, ...]]:  # fmt: skip
    """The lists that hold where none is declared; the first option of each is the reference.

    Examples
    --------
    >>> default_factors(measure="SMD", variance="LS", rho=0.5, control="exact", tau2="REML",
    ...                 ci=None, multilevel=True)["cluster"]
    ('study', 'averaged', 'none')
    """
    usual = ("cr2", "hksj", "wald") if multilevel else ("hksj", "wald")
    own = () if ci is None else (ci,)
    first = "LS" if variance == VARIANCES[measure][0] else variance
    further = {"MD": ("HO",), "NMD": ("FIXED_SHAM",)}.get(measure, ())
    lists = {
        "measure": (measure, *_COMPANIONS[measure]),
        "variance": (first, "LS", *further, "AV"),
        "rob": ("all", "no_high", "low"),
        "outliers": ("none", "rstudent_3", "largest_vi"),
        "control": (control, "exact", "split"),
        "rho": (f"{rho:g}", "0.2", "0.5", "0.8"),
        "cluster": ("study", "averaged", "none") if multilevel else ("none",),
        "tau2": (tau2, "REML", "DL"),
        "ci": (*own, *usual),
    }
    return {name: tuple(dict.fromkeys(options)) for name, options in lists.items()}
