"""Sensitivity analyses for people, as plain text no wider than 100 columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from metabone.synthesis.summary import (
    CI_WORDS,
    CONTROL_WORDS,
    effect,
    limits_text,
    mean_text,
    number,
    p_value,
)

if TYPE_CHECKING:
    from metabone.synthesis.sensitivity.influence_results import (
        BaujatResult,
        InfluenceLine,
        InfluenceResult,
        RefitLine,
        Refits,
    )
    from metabone.synthesis.sensitivity.resampling_results import (
        GoshResult,
        PermutationResult,
        PermutedCoefficient,
    )
    from metabone.synthesis.sensitivity.results import SensitivityResult

# Names are cut beyond this many columns.
NAME = 32
# Of members and points, so many are listed: those that matter most.
LISTED = 8
BY_WORDS = {
    "year": "year",
    "precision": "precision, the smallest standard error first",
    "quality": "risk of bias, the most items judged low first",
}
MEASURES: Mapping[str, str] = {
    "rstudent": "rstudent", "dffits": "DFFITS", "cook_d": "Cook's D", "cov_ratio": "cov. ratio",
    "hat": "hat", "weight": "weight", "dfbetas": "DFBETAS",
}  # fmt: skip


def summarise(result: SensitivityResult) -> str:
    """The whole answer: what it is about, then each analysis that was asked for."""
    lines = ["SYNTHETIC DATA"] if result.effects.synthetic else []
    lines += _head(result)
    for name, part in result.parts.items():
        lines += ["", *_WRITERS[name](part)]
    return "\n".join(lines)


def headline(result: SensitivityResult) -> str:
    """The answer in one line."""
    one, effects = result.overall, result.effects
    parts = [f"{effects.measure}{f' in {effects.unit}' if effects.unit else ''} {mean_text(one)}"]
    if result.leave_one_out is not None:
        low, high = result.leave_one_out.range
        parts.append(f"without each {result.leave_one_out.by} {effect(low)} to {effect(high)}")
    if result.influence is not None:
        found = len(result.influence.influential)
        noun = {"study": "studies", "effect": "effects"}[result.influence.by]
        parts.append(f"{found or 'no'} influential {result.influence.by if found == 1 else noun}")
    if result.gosh is not None:
        low, _, _, _, high = result.gosh.quantiles()
        parts.append(f"subsets {effect(low)} to {effect(high)}")
    if result.permutation is not None and not math.isnan(result.permutation.pvalue):
        parts.append(f"{p_value(result.permutation.pvalue)} by permutation")
    return ", ".join(parts)


def _head(result: SensitivityResult) -> list[str]:
    one = result.overall
    head = f"{result.outcome or 'Outcome'}: {result.effects.measure}"
    if result.effects.unit:
        head += f" in {result.effects.unit}"
    how = (
        "equal effects" if result.tau2_method == "EE" else f"{result.model} ({result.tau2_method})"
    )
    line = f"{how}, {CI_WORDS[result.ci_method]} interval, variance {result.effects.variance}"
    if result.effects.align == "benefit":
        line += ", aligned: higher is better"
    lines = [head, line]
    if result.rho is not None:
        lines.append(f"rho {result.rho:g}, {CONTROL_WORDS[str(result.control)]}")
    lines.append(
        f"All {one.k_effects} effects of {one.k_studies} studies: {mean_text(one)} "
        f"({100 * result.level:g} % CI {limits_text(one.ci())}, {p_value(one.pvalue)})"
    )
    return lines


def _refits(part: Refits) -> list[str]:
    out = part.kind == "leave_one_out"
    if out:
        lines = [f"Without each {part.by}"]
    else:
        lines = [f"As evidence came in, by {BY_WORDS.get(part.by, part.by)}"]
    rows = [["without" if out else "with", *([] if out else ["", ]), "effects", "estimate",
             f"{100 * part.level:g} % CI", "p", "τ²"]]  # fmt: skip
    rows += [_refit_row(line, out) for line in part.lines]
    lines += _table(rows, left=(0, 3) if out else (0, 1, 4))
    lines += [
        f"  {_cut(line.label)}: {line.reason}" for line in part.lines if math.isnan(line.estimate)
    ]
    if out:
        lines.append(_range_line(part))
    return lines


def _refit_row(line: RefitLine, out: bool) -> list[str]:
    shown = [_cut(line.label)] + ([] if out else [_cut(line.value or "", 16)])
    if math.isnan(line.estimate):
        return [*shown, str(line.k_effects), "n/a", "", "", ""]
    return [
        *shown, str(line.k_effects), mean_text(line),
        limits_text((line.ci_low, line.ci_high)), _bare_p(line.pvalue), number(line.tau2),
    ]  # fmt: skip


def _range_line(part: Refits) -> str:
    low, high = part.range
    line = f"  estimates from {effect(low)} to {effect(high)}"
    alpha = 1 - part.level
    if math.isnan(part.overall.pvalue):
        return line
    significant = part.overall.pvalue < alpha
    known = [one for one in part.lines if not math.isnan(one.pvalue)]
    turned = [one for one in known if (one.pvalue < alpha) != significant]
    lost = "lost" if significant else "gained"
    if not turned:
        return f"{line}; significance at {alpha:.2g} never {lost}"
    names = ", ".join(_cut(one.label) for one in turned[:3])
    more = f" and {len(turned) - 3} more" if len(turned) > 3 else ""
    return f"{line}; significance at {alpha:.2g} {lost} without {names}{more}"


def _influence(part: InfluenceResult) -> list[str]:
    lines = [f"Influence of each {part.by}"]
    rows = [["", *MEASURES.values(), ""]]
    for one in part.lines:
        values = [float(getattr(one, name)) for name in MEASURES]
        cells = ["n/a" if math.isnan(value) else f"{value:.2f}" for value in values]
        cells[5] = f"{one.weight:.1f} %"
        rows.append([_cut(one.label, 26), *cells, "*" if one.influential else ""])
    lines += _table(rows, left=(0,))
    limits = ", ".join(
        f"{MEASURES[name]} {'beyond ±' if name in ('dffits', 'dfbetas') else 'above '}"
        f"{'' if name not in ('dffits', 'dfbetas') else ' '}{value:.2f}"
        for name, value in part.thresholds.items()
        if not math.isnan(value)
    )
    lines.append(f"  * = {limits}")
    lost = [_cut(one.label) for one in part.lines if math.isnan(one.cook_d)]
    if lost:
        lines.append(f"  n/a: the others cannot give the model without {', '.join(lost[:LISTED])}")
    found = part.influential
    lines.append(
        "  none is influential by these"
        if not found
        else "  influential: " + "; ".join(_why(one) for one in found[:LISTED])
        + (f"; and {len(found) - LISTED} more" if len(found) > LISTED else "")
    )  # fmt: skip
    return lines


def _why(one: InfluenceLine) -> str:
    return f"{_cut(one.label)} ({', '.join(MEASURES[name] for name in one.flags)})"


def _baujat(part: BaujatResult) -> list[str]:
    total = sum(point.q for point in part.points)
    lines = ["Where heterogeneity comes from (Baujat)"]
    rows = [["", "part in Q", "of it", "influence"]]
    ordered = sorted(part.points, key=lambda point: -point.q)
    for point in ordered[:LISTED]:
        share = f"{100 * point.q / total:.0f} %" if total > 0 else "n/a"
        rows.append([_cut(point.label), f"{point.q:.2f}", share, f"{point.influence:.3f}"])
    lines += _table(rows, left=(0,))
    if len(ordered) > LISTED:
        lines.append(f"  and {len(ordered) - LISTED} more with smaller parts in Q")
    return lines


def _gosh(part: GoshResult) -> list[str]:
    count = len(part.estimate)
    which = "all" if part.complete else "a sample of"
    tail = "" if part.complete else f" (seed {part.seed})"
    noun = {"study": "studies", "effect": "effects"}[part.unit]
    low, first, middle, third, high = part.quantiles()
    positive = float((part.estimate > 0).mean())
    lines = [
        f"Subsets (GOSH): {which} {count:,} subsets of {len(part.labels)} {noun}{tail}",
        f"  estimates from {effect(low)} to {effect(high)}, quartiles {effect(first)}, "
        f"{effect(middle)}, {effect(third)}; {100 * positive:.1f} % above zero",
    ]
    rows = [["median estimate, I²", "with it", "without it", "I² with", "without"]]
    ranked = sorted(
        part.by_member(), key=lambda one: -abs(one[1] - one[2]) if one[1] == one[1] else 0.0
    )
    for label, with_it, without, i2_with, i2_without in ranked[:LISTED]:
        rows.append(
            [_cut(label), effect(with_it), effect(without), f"{i2_with:.0f} %",
             f"{i2_without:.0f} %"]
        )  # fmt: skip
    lines += _table(rows, left=(0,))
    if len(ranked) > LISTED:
        lines.append(f"  and {len(ranked) - LISTED} more that move the median less")
    return lines


def _permutation(part: PermutationResult) -> list[str]:
    what = "the mean" if part.formula is None else part.formula
    lines = [f"Permutation test of {what}"]
    rows = [["", "estimate", "statistic", "p by permutation", "p of the model", "permutations"]]
    rows += [
        [
            _cut(one.term), effect(one.estimate), f"{one.statistic:.2f}", _bare_p(one.pvalue),
            _bare_p(one.pvalue_model), _count(one),
        ]
        for one in part.coefs
    ]  # fmt: skip
    if part.formula is not None and not math.isnan(part.pvalue):
        rows.append(
            ["all moderators", "", f"{part.statistic:.2f}", _bare_p(part.pvalue),
             _bare_p(part.pvalue_model), ""]
        )  # fmt: skip
    lines += _table(rows, left=(0,))
    used = dict.fromkeys(one.permuted for one in part.coefs)
    lines += [f"  {_PERMUTED[part.unit, word]}" for word in used if word]
    if not all(one.exact for one in part.coefs if one.permuted):
        lines.append(f"  random permutations by seed {part.seed}")
    if part.failed:
        lines.append(f"  {part.failed} permutations could not be fitted and are not counted")
    return lines


_PERMUTED = {
    ("effect", "signs"): "signs are turned",
    ("study", "signs"): "signs are turned, of whole studies",
    ("effect", "rows"): "moderators change places between effects",
    ("study", "studies"): "moderators of studies change places between whole studies",
    ("study", "within"): "moderators within studies change places inside their study",
}


def _count(one: PermutedCoefficient) -> str:
    if not one.permuted:
        return ""
    return f"all {one.iterations:,}" if one.exact else f"{one.iterations:,}"


_WRITERS: Mapping[str, Callable[..., list[str]]] = {
    "leave_one_out": _refits, "cumulative": _refits, "influence": _influence, "baujat": _baujat,
    "gosh": _gosh, "permutation": _permutation,
}  # fmt: skip


def _bare_p(value: float) -> str:
    return p_value(value).removeprefix("p ").removeprefix("= ")


def _cut(text: str, width: int = NAME) -> str:
    """A name on one line, no wider than `width`."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def _table(rows: Sequence[Sequence[str]], left: tuple[int, ...]) -> list[str]:
    """Columns under each other; those in `left` begin at their left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = (
            f"{cell:<{width}}" if i in left else f"{cell:>{width}}"
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return lines
