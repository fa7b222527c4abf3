"""The checks of animal-level data in words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metabone.synthesis.animal_cages import CageICC
    from metabone.synthesis.animal_checks import AnimalChecks, MeasureChecks
    from metabone.synthesis.animal_groups import ArmTest

WIDTH = 100
LISTED = 12
OUTLIERS = 6
ALPHA = 0.05
#: A power below this is told beside a test that finds nothing.
LOW_POWER = 0.8


def checks_text(checks: AnimalChecks) -> str:
    """Everything that was checked, measurement by measurement."""
    lines: list[str] = []
    for each in checks.checks[:LISTED]:
        lines += ["", *_measure(each, checks.level)]
    left = len(checks.checks) - LISTED
    if left > 0:
        lines += ["", f"… and {left} more; --checks-json has them all"]
    return "\n".join(lines[1:])


def _measure(each: MeasureChecks, level: float) -> Iterator[str]:
    words = (each.site, each.timepoint_weeks and f"week {each.timepoint_weeks}", each.experiment)
    more = ", ".join(_cut(word) for word in words if word)
    yield from _wrap(f"{_cut(each.outcome)} ({more})" if more else _cut(each.outcome), 0)
    for one in each.effects:
        agrees = {
            True: "the row gives the same",
            False: f"BUT THE ROW GIVES {one.g_row:.4g}",
            None: one.note or "the row is not usable",
        }[one.agrees]
        ci = f" ({100 * level:g} % CI {one.ci_low:.4g} to {one.ci_high:.4g})"
        g = f"; g {one.g:.2f}" if math.isfinite(one.g) else ""
        yield from _wrap(
            f"{_cut(one.comparison)}: {one.difference:.4g}"
            f"{ci if math.isfinite(one.ci_low) else ''}{g}, {agrees}", 2,
        )  # fmt: skip
    yield from _wrap(_normality(each), 2)
    yield from _wrap(f"equal variance: {_p('Brown-Forsythe', each.equal_variance)}", 2)
    if each.outliers:
        yield from _wrap(_outliers(each), 2)
    if each.baseline is not None:
        r = each.baseline
        told = (
            f"r = {r.r:.2f} ({100 * level:g} % CI {r.ci_low:.2f} to {r.ci_high:.2f}; {r.n} animals)"
            if math.isfinite(r.ci_low)
            else f"no correlation: {r.note}"
        )
        yield from _wrap(f"baseline and end, within arms: {told}", 2)
    if each.cage is not None:
        yield from _wrap(f"cages: {_cage(each.cage, level)}", 2)


def _normality(each: MeasureChecks) -> str:
    low = [one for one in each.normality if one.pvalue < ALPHA]
    told = ", ".join(f"{_cut(one.group or '')} (p = {one.pvalue:.2g})" for one in low)
    tested = [one for one in each.normality if math.isfinite(one.pvalue)]
    text = f"normality: Shapiro-Wilk below 0.05 in {told}" if told else (
        f"normality: Shapiro-Wilk finds nothing in {len(tested)} "
        f"{'arm' if len(tested) == 1 else 'arms'}"
        if tested
        else f"normality: not tested ({each.normality[0].note})"
    )  # fmt: skip
    text += f"; residuals of all arms: {_p('', each.residual_normality)}"
    weak = [one for one in tested if one.power < LOW_POWER and one not in low]
    if weak:
        worst = min(weak, key=lambda one: one.n)
        text += (
            f". With {worst.n} animals the test finds even exponential values only "
            f"{100 * worst.power:.0f} times in 100: no finding is no proof"
        )
    return text


def _outliers(each: MeasureChecks) -> str:
    told = "; ".join(
        f"row {one.row}, animal {_cut(one.animal)} of {_cut(one.group)}: {one.value:.4g} "
        f"({one.distance:+.1f} SD)"
        for one in each.outliers[:OUTLIERS]
    )
    left = len(each.outliers) - OUTLIERS
    more = f"; and {left} more" if left > 0 else ""
    return (
        f"far from the median (none left out; of normal arms four in ten have one or more): {told}"
        f"{more}"
    )


def _cage(cage: CageICC, level: float) -> str:
    if not math.isfinite(cage.icc):
        return f"no intraclass correlation: {cage.note}"
    note = f"; {cage.note}" if cage.note else ""
    return (
        f"ICC {cage.icc:.2f} ({100 * level:g} % CI {cage.ci_low:.2f} to {cage.ci_high:.2f}; "
        f"mixed model {cage.icc_reml:.2f}), {cage.cages} cages of {cage.m0:.3g}; whole cages "
        f"treated, the variance of a mean is {cage.design_effect:.2f} times that of n animals{note}"
    )


def _p(name: str, test: ArmTest) -> str:
    lead = f"{name} " if name else ""
    return f"{lead}p = {test.pvalue:.2g}" if math.isfinite(test.pvalue) else f"{lead}{test.note}"


def _cut(word: str) -> str:
    return word if len(word) <= 60 else word[:59] + "…"


def _wrap(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 4),
        break_on_hyphens=False,
    )  # fmt: skip
