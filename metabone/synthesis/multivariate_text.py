"""Outcomes pooled together for people, as plain text no wider than 100 columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from metabone.synthesis.summary import CI_WORDS, CONTROL_WORDS, p_value

if TYPE_CHECKING:
    from metabone.synthesis.multivariate_results import (
        OutcomeEstimate,
        OutcomesAssumption,
        OutcomesResult,
        StructureLine,
    )

STRUCTURE_WORDS = {
    "UN": "unstructured",
    "HCS": "one correlation",
    "CS": "one variance and one correlation",
    "DIAG": "no correlation",
}
WIDTH = 100
# Names are cut, but not below this.
SHORTEST = 6
# So many outcomes stand beside each other in one table.
COLUMNS = 4


def summarise_outcomes(result: OutcomesResult) -> str:
    """The whole answer: each mean, how outcomes go together, and what else could be assumed."""
    lines = ["SYNTHETIC DATA"] if result.effects.synthetic else []
    lines += _head(result)
    lines += ["", *_means(result), "", *_spread(result), "", *_together(result)]
    if len(result.structures) > 1:
        lines += ["", *_structures(result)]
    if len(result.assumptions) > 1:
        lines += ["", *_assumptions(result)]
    return "\n".join(lines)


def _head(result: OutcomesResult) -> list[str]:
    how = f"between studies {result.structure} ({STRUCTURE_WORDS[result.structure]})"
    line = f"variance {result.effects.variance}"
    if result.rho is not None:
        line += f", rho {result.rho:g}, {CONTROL_WORDS[str(result.control)]}"
    if result.effects.align == "benefit":
        line += ", aligned: higher is better"
    return [
        f"{len(result.outcomes)} outcomes together: {result.effects.measure}",
        f"multivariate random effects ({result.method}), {how}",
        f"{CI_WORDS[result.ci_method]} interval, {line}",
        f"{result.effects.k} effects of {result.k_studies} studies, {result.n_animals} animals",
    ]


def _means(result: OutcomesResult) -> list[str]:
    """Each mean, and beside it the outcome pooled by itself."""
    percent = f"{100 * result.level:g} % CI"
    rows = [["", "studies", "together", percent, "p", "alone", percent, "borrowed"]]
    for one in result.estimates:
        shown = _decimals(one)
        p = p_value(one.pvalue).removeprefix("p ").removeprefix("= ")
        rows.append(
            [
                one.outcome, str(one.k_studies), shown(one.estimate), _range(one.ci(), shown), p,
                shown(one.alone.estimate), _range(one.alone.ci(), shown),
                f"{one.borrowed:.0f} %",
            ]
        )  # fmt: skip
    return [
        *_table(rows, left=(0, 3, 6)),
        "  alone = the outcome pooled by itself; borrowed = by how much the others shrink the",
        "  variance of its mean. Each outcome has its own mean, whichever direction is better.",
    ]


def _spread(result: OutcomesResult) -> list[str]:
    """How true effects vary, and what a new study can expect."""
    percent = f"{100 * result.level:g} % prediction"
    rows = [["", "better", "effects", "τ² (SE)", "σ² within", "I²", percent, "unit"]]
    for one in result.estimates:
        error = "" if math.isnan(one.tau2_se) else f" ({one.tau2_se:.2g})"
        rows.append(
            [
                one.outcome, one.better or "?", str(one.k_effects), f"{one.tau2:.3g}{error}",
                f"{one.within:.3g}", f"{one.i2:.0f} %", _range(one.pi(), _decimals(one)),
                one.unit or "",
            ]
        )  # fmt: skip
    if not any(row[-1] for row in rows[1:]):
        rows = [row[:-1] for row in rows]
    return _table(rows, left=(0, 1, 3, 6, 7))


def _decimals(one: OutcomeEstimate) -> Callable[[float], str]:
    """How numbers of an outcome are written: two digits of the standard error."""
    usable = math.isfinite(one.se) and one.se > 0
    count = 1 - math.floor(math.log10(one.se)) if usable else 2
    count = min(max(count, 0), 8)
    return lambda value: "n/a" if math.isnan(value) else f"{value:.{count}f}"


def _table(rows: Sequence[Sequence[str]], *, left: Sequence[int]) -> list[str]:
    """Columns as wide as they must be; the first, of names, gives way to the rest."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[0] = max(min(widths[0], WIDTH - sum(widths[1:]) - 2 * len(widths)), SHORTEST)
    lines = []
    for row in rows:
        cells = [_cut(row[0], widths[0]), *row[1:]]
        shown = (
            f"{cell:<{width}}" if number in left else f"{cell:>{width}}"
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        lines.append(("  " + "  ".join(shown)).rstrip())
    return lines


def _together(result: OutcomesResult) -> list[str]:
    """Correlations below the diagonal, studies with both above it."""
    names = result.outcomes
    lines = [
        "Between studies: τ on the diagonal, correlations below it, studies with both above it"
    ]
    for columns in _chunks(range(len(names))):
        rows = [["", *(f"{_cut(names[b], 10):>8}" for b in columns)]]
        rows += [[name, *(_cell(result, a, b) for b in columns)] for a, name in enumerate(names)]
        lines += _table(rows, left=(0,))
    if result.boundary:
        lines.append("  The covariance has less than full rank: see the warnings.")
    return lines


def _cell(result: OutcomesResult, a: int, b: int) -> str:
    if a == b:
        return f"{float(result.covariance[a, a]) ** 0.5:.3g}"
    if a < b:
        return str(int(result.together[a, b]))
    correlation = float(result.correlation[a, b])
    return "n/a" if math.isnan(correlation) else f"{correlation:.2f}"


def _structures(result: OutcomesResult) -> list[str]:
    lines = [f"Structures between studies, {result.method}"]
    lines.append("        parameters  log-likelihood       AIC  against " + result.structure)
    lines += [_structure_line(one) for one in result.structures]
    said = "  * = the answer above"
    if result.boundary:
        said += "; it lies on the boundary, where these p-values are only a guide"
    return [*lines, said]


def _structure_line(one: StructureLine) -> str:
    head = f"  {one.structure:<5}"
    if one.loglik is None or one.aic is None:
        return f"{head} no fit: too few studies have these outcomes together"
    line = f"{head} {one.parameters:>10}  {one.loglik:>14.2f}  {one.aic:>8.2f}"
    if one.chosen:
        return line + "  *"
    if one.statistic is None or one.pvalue is None:
        return line
    return line + f"  χ²({one.df}) = {one.statistic:.2f}, {p_value(one.pvalue)}"


def _assumptions(result: OutcomesResult) -> list[str]:
    lines = ["Other assumptions on shared animals: estimate (SE)"]
    for columns in _chunks(range(len(result.outcomes))):
        rows = [["rho  controls", *(_cut(result.outcomes[a], 12) for a in columns), ""]]
        for one in result.assumptions:
            head = f"{one.rho:.1f}  {one.control}"
            rows.append([head, *_assumed(result, one, columns), "*" if one.chosen else ""])
        lines += _table(rows, left=(0,))
    return [*lines, "  * = the answer above"]


def _assumed(
    result: OutcomesResult, one: OutcomesAssumption, columns: Sequence[int]
) -> Iterator[str]:
    for a in columns:
        shown = _decimals(result.estimates[a])
        missing = math.isnan(one.estimate[a])
        yield "no answer" if missing else f"{shown(one.estimate[a])} ({shown(one.se[a])})"


def _chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), COLUMNS):
        yield numbers[start : start + COLUMNS]


def _cut(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"


def _range(limits: tuple[float, float], shown: Callable[[float], str]) -> str:
    return f"{shown(limits[0])} to {shown(limits[1])}"
