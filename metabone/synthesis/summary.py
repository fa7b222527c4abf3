"""A pooled answer for people, as plain text no wider than a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metabone.synthesis.results import Between, Estimate, PoolResult, Stratum

CI_WORDS = {
    "hksj": "Hartung-Knapp",
    "hksj_adhoc": "Hartung-Knapp, truncated at 1",
    "wald": "Wald",
}
PI_WORDS = {"t_k_minus_1": "t, k − 1 df", "t_k_minus_2": "t, k − 2 df", "normal": "normal"}


def number(value: float, digits: int = 3) -> str:
    """A number with a fixed count of significant digits, and words for what is no number.

    Examples
    --------
    >>> number(-0.98765), number(1234.5), number(float("nan"))
    ('-0.988', '1234', 'n/a')
    """
    if math.isnan(value):
        return "n/a"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 6)}f}"


def effect(value: float) -> str:
    """An effect size with two decimals, with more only where it would vanish."""
    if math.isnan(value):
        return "n/a"
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


def summarise_pool(result: PoolResult) -> str:
    """The whole answer: what was pooled, overall, strata, tests between them."""
    effects = result.effects
    head = f"{result.outcome or 'Outcome'}: {effects.measure}"
    if effects.unit:
        head += f" in {effects.unit}"
    lines = ["SYNTHETIC DATA"] if effects.synthetic else []
    lines += [head, _method_line(result), ""]
    lines += _estimate_lines(result.overall, result.level)
    if effects.measure == "ROM":
        low, high = result.overall.ci()
        shown = [f"{100 * math.expm1(x):+.1f} %" for x in (result.overall.estimate, low, high)]
        lines.append(f"  as change     {shown[0]} [{shown[1]}, {shown[2]}]")
    for columns in dict.fromkeys(tuple(stratum.by) for stratum in result.strata):
        group = [stratum for stratum in result.strata if tuple(stratum.by) == columns]
        test = [one for one in result.between if one.by == columns]
        lines += ["", *_strata_lines(columns, group, test, result.level)]
        if len(columns) == 2:
            lines += ["", *_evidence_map(columns, group)]
    return "\n".join(lines)


def _method_line(result: PoolResult) -> str:
    model = (
        "equal effects" if result.tau2_method == "EE" else f"random effects ({result.tau2_method})"
    )
    line = f"{model}, {CI_WORDS[result.ci_method]} interval, variance {result.effects.variance}"
    if result.effects.align == "benefit":
        line += ", aligned: higher is better"
    return line


def _estimate_lines(one: Estimate, level: float) -> list[str]:
    percent = f"{100 * level:g} %"
    ci, pi = one.ci(), one.pi()
    lines = [
        f"  k             {one.k_effects} effects of {one.k_studies} studies, "
        f"{one.n_animals} animals",
        f"  estimate      {effect(one.estimate)}  ({percent} CI {_range(ci)}; {_test(one)})",
    ]
    if not math.isnan(pi[0]):
        lines.append(f"  prediction    {_range(pi)}  ({percent}, true effect of a new study)")
    if not math.isnan(one.tau2):
        limits = (
            "" if math.isnan(one.tau2_low)
            else f" [{number(one.tau2_low)}, {number(one.tau2_high)}]"
        )  # fmt: skip
        lines.append(
            f"  heterogeneity τ² {number(one.tau2)}{limits}, I² {one.i2:.0f} %, "
            f"Q {one.q:.2f} (df {one.q_df}, {p_value(one.q_pvalue)})"
        )
    return lines


def _range(limits: tuple[float, float]) -> str:
    return f"{effect(limits[0])} to {effect(limits[1])}"


def _test(one: Estimate) -> str:
    name = "z" if math.isnan(one.df) else f"t({one.df:g})"
    return f"{name} = {one.statistic:.2f}, {p_value(one.pvalue)}"


def _strata_lines(
    columns: tuple[str, ...], group: list[Stratum], test: list[Between], level: float
) -> list[str]:
    width = min(max(len(stratum.label) for stratum in group), 44)
    title = " × ".join(columns)
    lines = [f"By {title}", f"  {'':<{width}}  studies  effects  estimate  {100 * level:g} % CI"]
    # The map below a two-way table lists what is not pooled.
    shown = [one for one in group if one.pooled or len(columns) == 1]
    lines += [_stratum_line(stratum, width) for stratum in shown]
    for one in test:
        dof = f"{one.df:g}" if one.df2 is None else f"{one.df:g}, {one.df2:g}"
        name = "χ²" if one.test == "chi2" else "F"
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
    lines.append("  (n) = listed, not pooled; – = no study")
    return lines


def _map_cell(stratum: Stratum) -> str:
    if not stratum.rows:
        return "–"
    if stratum.estimate is None:
        return f"({stratum.k_studies})"
    return f"{effect(stratum.estimate.estimate)} ({stratum.k_studies})"


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
    return head + f"{effect(one.estimate):>8}  {_range(one.ci())}"
