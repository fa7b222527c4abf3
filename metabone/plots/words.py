"""Numbers and names as a figure prints them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from metabone.plots.styles import Numbers, Style
from metabone.synthesis.results import Between, Estimate

MINUS = "−"
#: What stands where a number does not exist.
NO_NUMBER = "–"
_LOW_DIGITS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_HIGH_DIGITS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

#: Measure → (short name, long name); {std} is spelt as the style spells it.
MEASURES: Mapping[str, tuple[str, str]] = {
    "MD": ("MD", "Mean difference"),
    "SMD": ("SMD", "{Std} mean difference (Hedges’ g)"),
    "SMDH": ("SMD", "{Std} mean difference, unequal SDs"),
    "SMD1": ("SMD", "{Std} mean difference (Glass’ Δ)"),
    "ROM": ("RoM", "Ratio of means"),
    "NMD": ("NMD, %", "Normalised mean difference, % of the way to sham"),
    "VR": ("VR", "Variability ratio"),
    "CVR": ("CVR", "Ratio of coefficients of variation"),
}
LOG_NAMES: Mapping[str, str] = {"ROM": "lnRR", "VR": "lnVR", "CVR": "lnCVR"}
VARIANCES: Mapping[tuple[str, str], str] = {
    ("MD", "LS"): "s₁²/n₁ + s₂²/n₂",
    ("MD", "HO"): "pooled s² (1/n₁ + 1/n₂)",
    ("SMD", "LS"): "1/n₁ + 1/n₂ + g²/2N",
    ("SMD", "LS2"): "J² (1/n₁ + 1/n₂ + d²/2N)",
    ("SMD", "UB"): "unbiased, Hedges 1983",
    ("SMD", "AV"): "1/n₁ + 1/n₂ + ḡ²/2N, ḡ the mean g weighted by N",
    ("SMD", "REVMAN"): "1/n₁ + 1/n₂ + g²/2(N − 3.94)",
    ("SMDH", "LS"): "Bonett 2009",
    ("SMD1", "LS"): "1/n₁ + 1/n₂ + Δ²/2n₂",
    ("ROM", "LS"): "s₁²/n₁m₁² + s₂²/n₂m₂²",
    ("ROM", "AV"): "mean squared coefficient of variation of each arm over its n",
    ("NMD", "DELTA"): "delta method over treated, control and sham",
    ("NMD", "FIXED_SHAM"): "sham mean taken as known",
    ("VR", "LS"): "1/2(n₁ − 1) + 1/2(n₂ − 1)",
    ("CVR", "LS"): "sum of those of the log ratios of SDs and of means",
}
TAU2: Mapping[str, str] = {
    "REML": "restricted maximum likelihood (REML)",
    "ML": "maximum likelihood (ML)",
    "DL": "DerSimonian-Laird (DL)",
    "PM": "Paule-Mandel (PM)",
    "EB": "empirical Bayes (EB)",
    "HE": "Hedges (HE)",
    "HS": "Hunter-Schmidt (HS)",
    "SJ": "Sidik-Jonkman (SJ)",
}
CI: Mapping[str, str] = {
    "hksj": "Hartung-Knapp",
    "hksj_adhoc": "Hartung-Knapp, truncated so that it is never narrower than Wald’s,",
    "wald": "Wald",
    "cr2": "cluster-robust standard errors (CR2, by study) with Satterthwaite df",
    "cr1": "cluster-robust standard errors (CR1, by study)",
    "cr0": "cluster-robust standard errors (CR0, by study)",
    "t": "model-based standard errors, t with containment df",
}
CONTROL: Mapping[str, str] = {
    "exact": "shared controls by their exact covariance",
    "split": "shared controls split between the arms",
    "ignore": "shared controls taken as separate animals",
}
PI: Mapping[str, str] = {
    "t_k_minus_1": "t with k − 1 df",
    "t_k_minus_2": "t with k − 2 df",
    "normal": "normal",
}


def number(value: float, decimals: int, *, signed: bool = False) -> str:
    """A number with a true minus sign; a zero has no sign; NaN is a dash.

    Examples
    --------
    >>> number(-0.514, 2), number(-0.001, 2), number(12.3, 0, signed=True), number(1e9, 2)
    ('−0.51', '0.00', '+12', '1.0×10⁹')
    """
    if not math.isfinite(value):
        return NO_NUMBER if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    if abs(value) >= 1e7:
        digits, power = f"{value:.1e}".split("e")
        text = f"{digits}×10{str(int(power)).translate(_HIGH_DIGITS)}"
    else:
        text = f"{value:.{decimals}f}"
        if float(text) == 0:
            text = text.lstrip("-")
    if signed and value > 0 and text.strip("0."):
        text = f"+{text}"
    return text.replace("-", MINUS)


def decimals_for(spread: float, *, digits: int = 2, most: int = 5) -> int:
    """Decimals that show `spread` with so many significant digits.

    Examples
    --------
    >>> decimals_for(0.031), decimals_for(14.0), decimals_for(float("nan"))
    (3, 0, 2)
    """
    if not math.isfinite(spread) or spread <= 0:
        return 2
    return max(0, min(most, digits - 1 - math.floor(math.log10(spread))))


def level_text(level: float) -> str:
    """``95%`` for 0.95."""
    return f"{100 * level:.6g}%"


def p_text(p: float, numbers: Numbers) -> str:
    """A p value with its symbol, as the style prints it.

    Examples
    --------
    >>> p_text(0.0312, Numbers(eq=" = ")), p_text(0.00002, Numbers(eq="=", p_zero=False))
    ('p = 0.031', 'p<.001')
    """
    if math.isnan(p):
        return f"{numbers.p_symbol}{numbers.eq}{NO_NUMBER}"
    if p < 0.001:
        sign, text = numbers.eq.replace("=", "<"), "0.001"
    else:
        sign, text = numbers.eq, f"{p:.3f}" if p < 0.095 else f"{p:.2f}"
        if p > 0.99:
            sign, text = numbers.eq.replace("=", ">"), "0.99"
    if not numbers.p_zero:
        text = text.removeprefix("0")
    return f"{numbers.p_symbol}{sign}{text}"


def interval_parts(low: str, high: str, numbers: Numbers) -> tuple[str, str]:
    """Both limits with the style's brackets, to be set under one another."""
    return f"{numbers.open}{low}{numbers.separator}", f"{high}{numbers.close}"


def heterogeneity(estimate: Estimate, style: Style, scale: int) -> str:
    """The line on heterogeneity; `scale` is the number of decimals of τ²."""
    if estimate.q_df < 1:
        return f"{style.words.heterogeneity}not applicable"
    text = style.numbers.heterogeneity.format(
        eq=style.numbers.eq,
        tau2=_tau2(estimate, scale),
        i2=number(estimate.i2, 0),
        q=number(estimate.q, 2),
        df=estimate.q_df,
        df_low=str(estimate.q_df).translate(_LOW_DIGITS),
        p=p_text(estimate.q_pvalue, style.numbers),
    )
    return f"{style.words.heterogeneity}{text}"


def _tau2(estimate: Estimate, scale: int) -> str:
    """τ², and what each level has of it."""
    total = number(estimate.tau2, scale)
    if estimate.sigma2 is None or len(estimate.sigma2) < 2:
        return total
    levels = ", ".join(f"{name} {number(v, scale)}" for name, v in estimate.sigma2.items())
    return f"{total} ({levels})"


def overall_test(estimate: Estimate, style: Style) -> str:
    """The line on whether the mean effect is zero."""
    normal = math.isnan(estimate.df)
    low = style.numbers.test.count("{df_low}") > 0
    df = number(estimate.df, 0 if float(estimate.df).is_integer() else 1) if not normal else ""
    text = style.numbers.test.format(
        symbol="z" if normal else "t",
        eq=style.numbers.eq,
        statistic=number(estimate.statistic, 2),
        df="" if normal or low else f", df{style.numbers.eq}{df}",
        df_low=df.translate(_LOW_DIGITS),
        p=p_text(estimate.pvalue, style.numbers),
    )
    return f"{style.words.overall_test}{text}"


def between(test: Between, style: Style) -> str:
    """The line on whether the subgroups differ."""
    eq = style.numbers.eq
    value = number(test.statistic, 2)
    df = number(test.df, 0 if float(test.df).is_integer() else 1)
    if test.df2 is None:
        statistic = f"χ²{eq}{value}, df{eq}{df}"
    else:
        df2 = number(test.df2, 0 if float(test.df2).is_integer() else 1)
        statistic = f"F{eq}{value}, df{eq}{df} and {df2}"
    return style.numbers.between.format(
        statistic=statistic, p=p_text(test.pvalue, style.numbers)
    )  # fmt: skip


def measure_names(
    measure: str, unit: str | None, style: Style, transform: str = "none"
) -> tuple[str, str]:
    """Short and long name of what is shown, with its unit.

    `transform` is the name of the scale (see `metabone.plots.scales.find_scale`).

    Examples
    --------
    >>> from metabone.plots.styles import find_style
    >>> measure_names("MD", "g/cm2", find_style("jama"))
    ('MD, g/cm2', 'Mean difference (g/cm2)')
    >>> measure_names("ROM", None, find_style("bmj"), "percent")
    ('Change, %', 'Change against control (%)')
    """
    short, long = MEASURES[measure]
    if transform == "percent":
        changed = {"ROM": "Change", "VR": "Change in SD", "CVR": "Change in CV"}[measure]
        return f"{changed}, %", f"{changed} against control (%)"
    if measure in LOG_NAMES and transform == "none":
        return LOG_NAMES[measure], f"Log {long[:1].lower()}{long[1:]}"
    std = style.words.standardised
    long = long.replace("{Std}", std[:1].upper() + std[1:])
    if measure == "MD" and unit:
        return f"{short}, {unit}", f"{long} ({unit})"
    return short, long
