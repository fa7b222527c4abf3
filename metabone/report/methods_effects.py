"""What a methods section says of effect sizes, models and what effects share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from metabone.effects.table import EffectTable

MEASURES: Mapping[str, str] = MappingProxyType({
    "MD": "differences of means",
    "SMD": "standardised mean differences, Hedges' g with the exact correction for small samples "
    "[@hedges1981]",
    "SMDH": "standardised mean differences for unequal variances (by the root of the mean of both "
    "variances), with the exact correction for small samples [@bonett2008]",
    "SMD1": "differences of means in standard deviations of the control group, Glass' Δ with the "
    "exact correction for small samples [@glass1976; @hedges1981]",
    "ROM": "log ratios of means, corrected for small samples [@hedges1999; @lajeunesse2015]",
    "NMD": "normalised mean differences, in per cent of the difference between sham and control "
    "animals, so that 100 is full rescue [@vesterinen2014]",
    "VR": "log variability ratios [@nakagawa2015]",
    "CVR": "log ratios of coefficients of variation [@nakagawa2015; @senior2020]",
})  # fmt: skip
VARIANCES: Mapping[tuple[str, str], str] = MappingProxyType({
    ("MD", "LS"): "that of two means with variances of their own",
    ("MD", "HO"): "that of two means with one pooled variance",
    ("SMD", "LS"): "the large-sample 1/n₁ + 1/n₂ + g²/(2(n₁ + n₂))",
    ("SMD", "LS2"): "J²(1/n₁ + 1/n₂ + d²/(2(n₁ + n₂))), where g = Jd",
    ("SMD", "UB"): "the unbiased one",
    ("SMD", "AV"): "1/n₁ + 1/n₂ + ḡ²/(2(n₁ + n₂)), with ḡ the mean of all effects, so that it does "
    "not depend on the effect itself",
    ("SMD", "REVMAN"): "1/n₁ + 1/n₂ + g²/(2(n₁ + n₂ − 3.94)), as in RevMan",
    ("ROM", "AV"): "that of first order, with the mean coefficient of variation of all effects in "
    "place of each group's own",
    ("NMD", "DELTA"): "that of first order over all three groups",
    ("NMD", "FIXED_SHAM"): "that with the difference between sham and control taken as known",
})  # fmt: skip
TAU2: Mapping[str, str] = MappingProxyType({
    "REML": "restricted maximum likelihood [@viechtbauer2005]",
    "ML": "maximum likelihood [@viechtbauer2005]",
    "DL": "the method of DerSimonian and Laird [@dersimonian1986]",
    "PM": "the method of Paule and Mandel [@paule1982]",
    "EB": "the empirical Bayes method",
    "HE": "Hedges' method",
    "HS": "the method of Hunter and Schmidt",
    "SJ": "the method of Sidik and Jonkman [@sidik2005]",
})  # fmt: skip
INTERVALS: Mapping[str, str] = MappingProxyType({
    "hksj": "the method of Hartung and Knapp, by a t distribution with k − 1 degrees of freedom "
    "[@hartung2001]",
    "hksj_adhoc": "the method of Hartung and Knapp, never narrower than the usual interval "
    "[@hartung2001; @rover2015]",
    "wald": "the normal distribution",
    "cr2": "cluster-robust standard errors (CR2) with Satterthwaite degrees of freedom, the study "
    "being the cluster [@tipton2015; @pustejovsky2018]",
    "cr1": "cluster-robust standard errors (CR1), the study being the cluster",
    "cr0": "cluster-robust standard errors (CR0), the study being the cluster",
    "t": "the model's standard errors and a t distribution",
})  # fmt: skip
PREDICTIONS: Mapping[str, str] = MappingProxyType({
    "t_k_minus_1": "a t distribution with k − 1 degrees of freedom",
    "t_k_minus_2": "a t distribution with k − 2 degrees of freedom",
    "normal": "the normal distribution",
})  # fmt: skip


class Modelled(Protocol):
    """What any answer by a model says of it."""

    @property
    def model(self) -> str:
        """``univariate`` or ``multilevel``."""
        ...

    @property
    def tau2_method(self) -> str:
        """How the variances of true effects were estimated."""
        ...

    @property
    def ci_method(self) -> str:
        """What the intervals are by."""
        ...

    @property
    def rho(self) -> float | None:
        """The correlation of effects of the same animals."""
        ...

    @property
    def control(self) -> str | None:
        """What was made of shared controls."""
        ...

    @property
    def random(self) -> tuple[str, ...]:
        """Random factors that were asked for."""
        ...

    @property
    def rho_table(self) -> tuple[Mapping[str, Any], ...]:
        """Correlations of pairs of outcomes."""
        ...

    @property
    def time_decay(self) -> float | None:
        """How the correlation falls from week to week."""
        ...


def effect_words(effects: EffectTable) -> str:
    """How the effects were expressed, and their sampling variance."""
    measure, variance = effects.measure, effects.variance
    unit = f" in {effects.unit}" if effects.unit else ""
    against = "" if measure == "NMD" else ", treated against control"
    text = f"Effects were expressed as {MEASURES[measure]}{unit}{against}."
    if (measure, variance) in VARIANCES:
        text += f" Their sampling variance was {VARIANCES[measure, variance]}."
    if effects.align == "benefit":
        text += " Signs were turned where lower is better, so that above zero is benefit."
    return text


def conversion_words(tables: Sequence[EffectTable]) -> str:
    """What had to be done to numbers that were not means and SDs."""
    texts = []
    if any(one.frame["conversion"].astype(str).str.contains("SEM × √n").any() for one in tables):
        texts.append("Standard errors were turned into standard deviations by √n.")
    used = {way for one in tables for way in one.frame["computed_from"]}
    if "median" in used:
        texts.append("Means and SDs of groups with medians were estimated from these [@wan2014].")
    if "yi" in used:
        texts.append("Effect sizes that a source gave were taken as they were.")
    if used & {"t", "f", "p"}:
        texts.append("Where no means were given, effects were computed from test statistics.")
    return " ".join(texts)


def model_words(result: Modelled, factors: tuple[str, ...]) -> str:
    """The model in full, with `factors` the random factors of a multilevel one."""
    if result.model == "multilevel":
        levels = " and ".join(filter(None, [", ".join(factors[:-1]), factors[-1]]))
        text = (
            f"with random effects of {levels} [@konstantopoulos2011; @vandennoortgate2013], fitted "
            f"by {TAU2[result.tau2_method]}"
        )
    elif result.tau2_method == "EE":
        text = "as equal effects, without any variance between studies"
    else:
        text = f"with random effects, whose variance τ² was estimated by {TAU2[result.tau2_method]}"
    return f"{text}; confidence intervals and tests are by {INTERVALS[result.ci_method]}."


def shared_words(result: Modelled, tried: tuple[tuple[float, str], ...]) -> str:
    """What effects of one study were taken to share; `tried` are other assumptions shown."""
    if result.model != "multilevel" or result.rho is None:
        return ""
    controls = {
        "exact": "effects that share control animals covary accordingly",
        "split": "control animals that several effects share were divided between them",
        "ignore": "that effects share control animals was left out of account",
    }[str(result.control)]
    text = (
        f" Sampling errors of effects measured in the same animals were taken to correlate by "
        f"{result.rho:g}; {controls} [@gleser2009; @lajeunesse2011]."
    )
    if result.rho_table:
        text += " Some pairs of outcomes have correlations of their own."
    if result.time_decay is not None:
        text += f" Between scans it falls by the factor {result.time_decay:g} with each week."
    others = sorted({rho for rho, _ in tried} - {result.rho})
    if others:
        text += (
            f" The answer with correlations of {' and '.join(f'{rho:g}' for rho in others)} and "
            "with shared controls split or ignored is given beside it."
        )
    return text
