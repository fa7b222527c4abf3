"""A meta-regression for people, as plain text no wider than a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from metabone.synthesis.summary import CI_WORDS, CONTROL_WORDS

if TYPE_CHECKING:
    from metabone.synthesis.regression_results import (
        ModeratorTest,
        RegressionAssumption,
        RegressionResult,
    )

# How many coefficients the table of assumptions shows, and how many of them in one row.
MAX_SHOWN = 6
SIDE_BY_SIDE = 3


def summarise_regression(result: RegressionResult) -> str:
    """The whole answer: coefficients, tests, what is left over, other assumptions."""
    lines = [*_head(result), "", *_table(result), "", *_foot(result)]
    if len(result.assumptions) > 1:
        lines += ["", *_assumption_lines(result)]
    return "\n".join(lines)


def _head(result: RegressionResult) -> list[str]:
    effects = result.effects
    lines = ["SYNTHETIC DATA: made by a script, not measured"] if effects.synthetic else []
    unit = f" in {effects.unit}" if effects.unit else ""
    lines += [
        f"Meta-regression of {result.outcome}: {effects.measure}{unit} ~ {result.formula}",
        f"{result.k_effects} effects from {result.k_studies} studies; variance {effects.variance}, "
        f"τ² by {result.tau2_method}, intervals {_interval_words(result)}",
    ]
    if result.model == "multilevel":
        since = "" if result.model_reason == "as asked" else "since "
        lines += [
            f"random effects {' / '.join(result.fit.sigma2 or ())}; rho {result.rho:g}, "
            f"{CONTROL_WORDS[str(result.control)]}",
            f"multilevel {since}{result.model_reason}",
        ]
    if effects.align != "none":
        lines.append("outcomes where lower is better are flipped: above zero is benefit")
    for label, levels in result.levels.items():
        lines.append(f"{label}: reference {levels[0]}; others {', '.join(levels[1:])}")
    return lines


def _interval_words(result: RegressionResult) -> str:
    """The multilevel intervals in words; those of the univariate model by name."""
    return CI_WORDS[result.ci_method] if result.model == "multilevel" else result.ci_method


def _table(result: RegressionResult) -> list[str]:
    percent = f"{100 * result.level:g} % CI"
    letter = "z" if math.isnan(result.df) else "t"
    own_df = result.model == "multilevel" and letter == "t"
    rows = [("term", "estimate", "SE", letter, *(["df"] if own_df else []), "p", percent)]
    for each in result.coefficients:
        low, high = each.ci(result.level)
        shown = partial(_to, decimals=_decimals(each.se))
        rows.append(
            (
                each.term, shown(each.estimate), shown(each.se), _statistic(each.statistic),
                *([f"{each.df:.1f}" if each.df > 0 else "NA"] if own_df else []), _p(each.pvalue),
                f"{shown(low)} to {shown(high)}",
            )
        )  # fmt: skip
    return _columns(rows)


def _decimals(se: float) -> int | None:
    """As many as give the standard error two digits, two at least; None where that says nothing."""
    if not 1e-5 < se < 1e5:
        return None
    return max(2, 1 - math.floor(math.log10(se)))


def _to(value: float, decimals: int | None) -> str:
    return _number(value) if decimals is None or math.isnan(value) else f"{value:.{decimals}f}"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as aligned text: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    ]


def _assumption_lines(result: RegressionResult) -> list[str]:
    """The coefficients under what the data do not tell, the chosen line marked."""
    lines = ["other assumptions on shared animals (* = the answer above)"]
    names = [each.term for each in result.coefficients]
    shown = names[:MAX_SHOWN]
    for start in range(0, len(shown), SIDE_BY_SIDE):
        lines += [""] if start else []
        part = range(start, min(start + SIDE_BY_SIDE, len(shown)))
        rows = [("rho  controls", *(_cut(names[j]) for j in part))]
        for one in result.assumptions:
            mark = "*" if one.chosen else " "
            head = f"{one.rho:.2g}{mark} {one.control}"
            rows.append((head, *(_under(one, j, result.level) for j in part)))
        lines += _columns(rows)
    if len(names) > len(shown):
        lines.append(f"({len(names) - len(shown)} more coefficients: see the JSON)")
    return lines


def _under(one: RegressionAssumption, position: int, level: float) -> str:
    if not one.coefficients:
        return "no answer"
    each = one.coefficients[position]
    low, high = each.ci(level)
    return f"{_brief(each.estimate)} ({_brief(low)} to {_brief(high)})"


def _cut(label: str, width: int = 26) -> str:
    return label if len(label) <= width else label[: width - 1] + "…"


def _foot(result: RegressionResult) -> list[str]:
    lines = [_test_line(result.moderators)]
    if len(result.tests) > 1:
        lines += [f"  {_test_line(test)}" for test in result.tests]
    if any(":" in test.term for test in result.tests):
        lines.append("beside an interaction, a term is tested where the other moderators are zero "
                     "or at their reference")  # fmt: skip
    if not result.moderators.intercept:
        lines.append("without an intercept these tests ask whether the coefficients are zero, "
                     "not whether levels differ")  # fmt: skip
    lines.append(
        f"residual heterogeneity: Q = {result.qe:.2f}, df = {result.qe_df}, "
        f"{_p_phrase(result.qe_pvalue)}; I² = {result.i2:.0f} %"
    )
    if result.tau2_method != "EE":
        lines += _variances(result)
    return lines


def _variances(result: RegressionResult) -> list[str]:
    fit = result.fit
    percent = f"{100 * result.level:g} % CI"
    explained = "" if math.isnan(result.r2) else f"; R² = {result.r2:.0f} % of τ² explained"
    head = f"τ² = {_number(result.tau2)}"
    if fit.sigma2 is None:
        limits = f"{_number(result.tau2_low)} to {_number(result.tau2_high)}"
        return [f"{head} ({percent} {limits}){explained}"]
    low, high, share = fit.sigma2_low or {}, fit.sigma2_high or {}, fit.i2_levels or {}
    width = max(map(len, fit.sigma2))
    return [f"{head}, the sum of σ²{explained}"] + [
        f"  {name:<{width}}  {_number(value)} ({percent} {_number(low[name])} to "
        f"{_number(high[name])}; I² = {share[name]:.0f} %)"
        for name, value in fit.sigma2.items()
    ]


def _test_line(test: ModeratorTest) -> str:
    if math.isnan(test.qm) and test.test == "AHT":
        return f"{test.term}: no robust test"
    if test.df2 is None:
        return f"{test.term}: χ²({test.df}) = {test.qm:.2f}, {_p_phrase(test.pvalue)}"
    name, df2 = ("robust F", f"{test.df2:.3g}") if test.test == "AHT" else ("F", f"{test.df2:g}")
    return f"{test.term}: {name}({test.df}, {df2}) = {test.qm:.2f}, {_p_phrase(test.pvalue)}"


def _statistic(value: float) -> str:
    return "NA" if math.isnan(value) else f"{value:.2f}"


def _brief(value: float) -> str:
    """Two decimals, or two digits where these would say nothing."""
    if math.isnan(value):
        return "NA"
    return f"{value:.2f}" if value == 0 or 0.1 <= abs(value) < 1e4 else f"{value:.2g}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NA"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e5 else f"{value:.3g}"


def _p(value: float) -> str:
    if math.isnan(value):
        return "NA"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _p_phrase(value: float) -> str:
    shown = _p(value)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"
