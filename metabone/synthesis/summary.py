"""A pooled answer for people, as plain text no wider than a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from metabone.synthesis.results import (
        Between,
        Estimate,
        PoolResult,
        Stratum,
        WildAnswer,
    )

CI_WORDS = {
    "hksj": "Hartung-Knapp",
    "hksj_adhoc": "Hartung-Knapp, truncated at 1",
    "wald": "Wald",
    "cr2": "cluster-robust (CR2)",
    "cr1": "cluster-robust (CR1)",
    "cr0": "cluster-robust (CR0)",
    "t": "model-based t",
}
PI_WORDS = {"t_k_minus_1": "t, k − 1 df", "t_k_minus_2": "t, k − 2 df", "normal": "normal"}
CONTROL_WORDS = {
    "exact": "shared controls by their covariance",
    "split": "shared controls split between arms",
    "ignore": "shared controls ignored",
}


class HasMean(Protocol):
    """What has an estimate and its standard error."""

    @property
    def estimate(self) -> float:
        """The mean."""
        ...

    @property
    def se(self) -> float:
        """Its standard error."""
        ...


def number(value: float, digits: int = 3) -> str:
    """A number with a fixed count of significant digits, and words for what is no number.

    Examples
    --------
    >>> number(-0.98765), number(1234.5), number(1.5e-9), number(float("nan"))
    ('-0.988', '1234', '1.50e-09', 'n/a')
    """
    if math.isnan(value):
        return "n/a"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    # Where six decimals would not show a digit, the power of ten does.
    return f"{value:.{decimals}f}" if decimals <= 6 else f"{value:.{digits - 1}e}"


def effect(value: float, spread: float = math.nan) -> str:
    """An effect size with two decimals, or with as many as show two figures of a small `spread`.

    `spread` is its standard error; without one a value that two decimals would hide gets more.

    Examples
    --------
    >>> effect(0.937, 0.17), effect(0.0075, 0.0015), effect(0.0004)
    ('0.94', '0.0075', '0.00040')
    """
    if math.isnan(value):
        return "n/a"
    if 0 < spread < 0.01:
        return f"{value:.{min(8, 1 - math.floor(math.log10(spread)))}f}"
    return f"{value:.2f}" if abs(value) >= 0.005 or value == 0 else number(value, 2)


def p_value(value: float) -> str:
    """A p-value as journals print it.

    Examples
    --------
    >>> p_value(0.00002), p_value(0.0347)
    ('p < 0.001', 'p = 0.035')
    """
    if math.isnan(value):
        return "p n/a"
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _change_line(result: PoolResult) -> str:
    """A log ratio of means as what it says of the treated arm, with both intervals."""
    ends = (*result.overall.ci(), *result.overall.pi())
    change, low, high, pi_low, pi_high = (
        f"{100 * math.expm1(x):+.1f}" for x in (result.overall.estimate, *ends)
    )
    text = f"  as change     {change} %  ({100 * result.level:g} % CI {low} to {high} %"
    return f"{text}; prediction {pi_low} to {pi_high} %)" if not math.isnan(ends[2]) else f"{text})"


def summarise_pool(result: PoolResult) -> str:
    """The whole answer: what was pooled, overall, strata, tests between them."""
    effects = result.effects
    head = f"{result.outcome or 'Outcome'}: {effects.measure}"
    if effects.unit:
        head += f" in {effects.unit}"
    lines = ["SYNTHETIC DATA"] if effects.synthetic else []
    lines += [head, _method_line(result), ""]
    lines += _estimate_lines(result.overall, result.level)
    if result.wild is not None:
        lines.append(_wild_line(result.wild, result.level))
    if effects.measure == "ROM":
        lines.append(_change_line(result))
    for columns in dict.fromkeys(tuple(stratum.by) for stratum in result.strata):
        group = [stratum for stratum in result.strata if tuple(stratum.by) == columns]
        test = [one for one in result.between if one.by == columns]
        if len(columns) == 1 or any(one.pooled for one in group):
            lines += ["", *_strata_lines(columns, group, test, result.level)]
        if len(columns) == 2:
            lines += ["", *_evidence_map(columns, group)]
    if len(result.assumptions) > 1:
        lines += ["", *_assumption_lines(result)]
    return "\n".join(lines)


def _wild_line(one: WildAnswer, level: float) -> str:
    how = "all sign patterns" if one.exact else f"{one.replicates} replicates, seed {one.seed}"
    return (
        f"  wild bootstrap {p_value(one.pvalue)}, {100 * level:g} % CI "
        f"{limits_text((one.ci_low, one.ci_high))}  ({one.weights}, {how})"
    )


def _assumption_lines(result: PoolResult) -> list[str]:
    """The overall answer under what the data do not tell, the chosen line marked."""
    lines = ["Other assumptions on shared animals", "  rho  controls  estimate  interval"]
    for one in result.assumptions:
        if math.isnan(one.estimate):
            # The covariance contradicts itself, or too few controls are left to split.
            shown = "no answer"
        else:
            shown = f"{mean_text(one):>8}  {limits_text((one.ci_low, one.ci_high))}"
        mark = " *" if one.chosen else ""
        lines.append(f"  {one.rho:.1f}  {one.control:<8}  {shown}{mark}")
    return [*lines, "  * = the answer above"]


def _method_line(result: PoolResult) -> str:
    line = f"{model_words(result)}, {CI_WORDS[result.ci_method]} interval"
    line += f", variance {result.effects.variance}"
    if result.effects.align == "benefit":
        line += ", aligned: higher is better"
    if result.model == "multilevel":
        line += f"\nrho {result.rho:g}, {CONTROL_WORDS[str(result.control)]}"
        line += f"\nmultilevel {'' if result.model_reason == 'as asked' else 'since '}"
        line += result.model_reason
    return line


def model_words(result: PoolResult) -> str:
    """The model and its estimator."""
    if result.tau2_method == "EE":
        return "equal effects"
    if result.overall.sigma2 is None:
        return f"random effects ({result.tau2_method})"
    return f"random effects {' / '.join(result.overall.sigma2)} ({result.tau2_method})"


def _estimate_lines(one: Estimate, level: float) -> list[str]:
    percent = f"{100 * level:g} %"
    ci, pi = one.ci(), one.pi()
    lines = [
        f"  k             {one.k_effects} effects of {one.k_studies} studies, "
        f"{animals(one.n_animals)}",
        f"  estimate      {mean_text(one)}  ({percent} CI {limits_text(ci)}; {_test(one)})",
    ]
    if not math.isnan(pi[0]):
        lines.append(f"  prediction    {limits_text(pi)}  ({percent}, true effect of a new study)")
    if not math.isnan(one.tau2):
        lines.append(
            f"  heterogeneity {variances(one)}, I² {_i_squared(one)}, "
            f"Q {one.q:.2f} (df {one.q_df}, {p_value(one.q_pvalue)})"
        )
    return lines


def animals(count: int) -> str:
    """A count of animals, which is 0 where no row says its n."""
    return f"{count} animals" if count else "animals not reported"


def variances(one: Estimate) -> str:
    """τ² with its limits, or the variance of each level with those that were asked for."""
    if one.sigma2 is None:
        return f"τ² {number(one.tau2)}{_limits(one.tau2_low, one.tau2_high)}"
    low, high = one.sigma2_low or {}, one.sigma2_high or {}
    return "σ² " + ", ".join(
        f"{name} {number(value)}{_limits(low.get(name, math.nan), high.get(name, math.nan))}"
        for name, value in one.sigma2.items()
    )


def _limits(low: float, high: float) -> str:
    return "" if math.isnan(low) else f" [{number(low)}, {number(high)}]"


def _i_squared(one: Estimate) -> str:
    if one.i2_levels is None or len(one.i2_levels) < 2:
        return f"{one.i2:.0f} %"
    levels = ", ".join(f"{name} {value:.0f}" for name, value in one.i2_levels.items())
    return f"{one.i2:.0f} % ({levels})"


def mean_text(one: HasMean) -> str:
    """The estimate with the decimals that its standard error asks for."""
    return effect(one.estimate, one.se)


def limits_text(limits: tuple[float, float], word: str = " to ") -> str:
    """Both limits of an interval, with the decimals that its width asks for."""
    if any(math.isnan(limit) for limit in limits):
        return "n/a"
    spread = (limits[1] - limits[0]) / 4  # about the standard error
    return f"{effect(limits[0], spread)}{word}{effect(limits[1], spread)}"


def _test(one: Estimate) -> str:
    if math.isnan(one.statistic):
        return "no test"
    name = "z" if math.isnan(one.df) else f"t({one.df:.4g})"
    return f"{name} = {one.statistic:.2f}, {p_value(one.pvalue)}"


def _strata_lines(
    columns: tuple[str, ...], group: list[Stratum], test: list[Between], level: float
) -> list[str]:
    width = min(max(len(stratum.label) for stratum in group), 44)
    title = " × ".join(columns)
    lines = [f"By {title}", f"  {'':<{width}}  studies  effects  estimate  {100 * level:g} % CI"]
    if any(one.pvalue_holm is not None for one in group):
        lines[-1] += "  (p, p by Holm)"
    # The map below a two-way table lists what is not pooled.
    shown = [one for one in group if one.pooled or len(columns) == 1]
    lines += [_stratum_line(stratum, width) for stratum in shown]
    for one in test:
        dof = f"{one.df:g}" if one.df2 is None else f"{one.df:g}, {one.df2:.4g}"
        if math.isnan(one.statistic):
            lines.append("  between strata: no robust test")
            continue
        name = {"chi2": "χ²", "F": "F", "AHT": "robust F"}[one.test]
        lines.append(
            f"  between strata: {name}({dof}) = {one.statistic:.2f}, {p_value(one.pvalue)}"
        )
    return lines


def _evidence_map(columns: tuple[str, ...], group: list[Stratum]) -> list[str]:
    """Two-way table of what there is: its empty cells are the evidence gaps."""
    rows, heads = (list(dict.fromkeys(one.by[column] for one in group)) for column in columns)
    cells = {tuple(one.by.values()): _map_cell(one) for one in group}
    first = max(len(_short(row)) for row in rows)
    widths = [max(len(_short(head)), 9) for head in heads]
    lines = [f"{columns[0]} (down) × {columns[1]} (across): estimate (studies)"]
    title = "  ".join(f"{_short(head):>{w}}" for head, w in zip(heads, widths, strict=True))
    lines.append(f"  {'':<{first}}  {title}")
    for row in rows:
        shown = (f"{cells[row, head]:>{w}}" for head, w in zip(heads, widths, strict=True))
        lines.append(f"  {_short(row):<{first}}  {'  '.join(shown)}")
    lines.append("  ~ = too few studies for a mean of their own: partially pooled; – = no study")
    return lines


def _map_cell(stratum: Stratum) -> str:
    if not stratum.rows:
        return "–"
    if stratum.estimate is not None:
        return f"{mean_text(stratum.estimate)} ({stratum.k_studies})"
    if stratum.partial is not None:
        return f"~{mean_text(stratum.partial)} ({stratum.k_studies})"
    return f"({stratum.k_studies})"


def _short(label: str, width: int = 18) -> str:
    return label if len(label) <= width else label[: width - 1] + "…"


def _stratum_line(stratum: Stratum, width: int) -> str:
    label = stratum.label
    if len(label) > width:
        label = label[: width - 1] + "…"
    head = f"  {label:<{width}}  {stratum.k_studies:>7}  {stratum.k_effects:>7}  "
    if stratum.estimate is None:
        return head + str(stratum.reason)
    one = stratum.estimate
    tail = ""
    if stratum.pvalue_holm is not None:
        tail = f"  ({_bare_p(one.pvalue)}, {_bare_p(stratum.pvalue_holm)})"
    return head + f"{mean_text(one):>8}  {limits_text(one.ci())}{tail}"


def _bare_p(value: float) -> str:
    return p_value(value).removeprefix("p ").removeprefix("= ")
