"""Small-study effects for people: what each test says in plain words, on one terminal screen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from metabone.synthesis.summary import (
    CI_WORDS,
    animals,
    effect,
    limits_text,
    mean_text,
    model_words,
    number,
    p_value,
)

if TYPE_CHECKING:
    from metabone.synthesis.bias.results import (
        AsymmetryTest,
        BiasResult,
        Corrected,
        TimeLag,
        TrimFill,
    )
    from metabone.synthesis.bias.selection import Selection

# Tests of asymmetry have little power, so that they are read at 10 %: Sterne et al. (2011),
# doi:10.1136/bmj.d4002.
SIGN = 0.10
WIDTH = 34
PARTS = {
    "rank": "rank correlation", "trim_fill": "trim and fill", "pet_peese": "PET-PEESE",
    "limit": "limit meta-analysis", "selection": "selection model",
    "time_lag": "change over the years",
}  # fmt: skip
FORMS = {"mixed": "mixed model", "least_squares": "least squares", "multilevel": "multilevel"}


def summarise_bias(result: BiasResult) -> str:
    """The whole answer."""
    lines = [*_head(result), "", "Do small studies differ from large ones?"]
    lines += _tests(result)
    lines += ["", f"The mean, uncorrected and corrected ({100 * result.level:g} % CI)"]
    lines += _means(result)
    lines += ["", *_conclusion(result)]
    return "\n".join(lines)


def headline_bias(result: BiasResult) -> str:
    """The answer in one line."""
    said = _agreement(result).removeprefix("In short: ").removesuffix(".")
    return f"{said}. {_shift(result)}"


def _head(result: BiasResult) -> list[str]:
    pooled, effects = result.pooled, result.effects
    one = pooled.overall
    lines = ["SYNTHETIC DATA"] if effects.synthetic else []
    unit = f" in {effects.unit}" if effects.unit else ""
    counted = f"{one.k_effects} effects of {one.k_studies} studies, {animals(one.n_animals)}"
    lines.append(
        f"Small-study effects of {pooled.outcome or 'the outcome'}: {effects.measure}{unit}"
    )
    lines.append(f"{counted}; variance {effects.variance}")
    interval = CI_WORDS[pooled.ci_method]
    if result.unit == "study":
        lines.append(f"regressions: {model_words(pooled)}, {interval}")
        lines.append("all else: one mean for each study, since its effects depend on each other")
    else:
        lines.append(f"{model_words(pooled)}, {interval}; effects taken as independent")
    return lines


def _line(name: str, numbers: str, words: str) -> str:
    return f"  {name:<{WIDTH}} {numbers:<24} {words}".rstrip()


def _tests(result: BiasResult) -> list[str]:
    lines = []
    for test in result.asymmetry:
        mark = " !" if test.warning else ""
        name = f"{_short(test)}, {FORMS[test.model]}{mark}"
        lines.append(_line(name, _statistic(test), _verdict(test.pvalue, test.slope)))
    rank = result.rank
    if rank is not None:
        numbers = "no scatter to test by"
        if not math.isnan(rank.tau):
            numbers = f"tau {rank.tau:.2f}, {p_value(rank.pvalue)}"
        lines.append(_line("rank correlation", numbers, _verdict(rank.pvalue, rank.tau)))
    for one in result.trim_fill:
        lines.append(_line(f"trim and fill {one.estimator}", _missing(one), _side(one, result)))
    lines.append(_excess_line(result))
    lines += [_selection_line(one) for one in result.selection]
    if result.time_lag is not None:
        lines.append(_time_line(result.time_lag))
    if any(test.warning for test in result.asymmetry):
        lines.append("  ! finds asymmetry without bias in this measure: see the warning")
    return lines


def _short(test: AsymmetryTest) -> str:
    return test.name.replace("regression on ", "").replace("the ", "")


def _statistic(test: AsymmetryTest) -> str:
    return _t_or_z(test.statistic, test.df, test.pvalue)


def _t_or_z(statistic: float, df: float, pvalue: float) -> str:
    if math.isnan(statistic):
        return "no scatter to test by"
    letter = "z" if math.isnan(df) else f"t({df:.4g})"
    return f"{letter} = {statistic:.2f}, {p_value(pvalue)}"


def _verdict(pvalue: float, slope: float) -> str:
    if math.isnan(pvalue):
        return "no test"
    if pvalue >= SIGN:
        return "no sign"
    return f"small studies show {'higher' if slope > 0 else 'lower'} effects"


def _missing(one: TrimFill) -> str:
    return f"{one.k0} missing (SE {one.k0_se:.1f})"


def _side(one: TrimFill, result: BiasResult) -> str:
    noun = "studies" if result.unit == "study" else "effects"
    if not one.k0:
        return "no sign"
    return f"{noun} filled in on the {one.side}"


def _excess_line(result: BiasResult) -> str:
    one = result.excess
    numbers = f"{one.observed} of {one.k}, {p_value(one.pvalue)}"
    words = f"{one.expected:.1f} expected: " + ("too many" if one.pvalue < SIGN else "no sign")
    return _line("significant at 5 %" if one.alpha == 0.05 else "significant", numbers, words)


def _selection_line(one: Selection) -> str:
    """The test of the weights, and the weights."""
    numbers = f"chi2({one.lrt_df}) = {one.lrt:.2f}, {p_value(one.lrt_pvalue)}"
    if one.clustered:
        numbers = "no test"
        if not math.isnan(one.wald):
            numbers = f"F({one.wald_df}, {one.wald_df2:g}) = {one.wald:.2f}, {p_value(one.pvalue)}"
    weights = ", ".join(f"{delta:.2f}" for delta in one.deltas[1:])
    seen = "no test" if math.isnan(one.pvalue) else "no sign"
    if one.pvalue < SIGN:
        seen = "weights differ"
    return _line(one.name, numbers, f"{seen}: weights 1, {weights}")


def _time_line(one: TimeLag) -> str:
    words = f"{number(one.slope, 2)} a year, {one.first:g} to {one.last:g}"
    numbers = _t_or_z(one.statistic, one.df, one.pvalue)
    return _line(f"effect by {one.column}", numbers, words)


def _means(result: BiasResult) -> list[str]:
    pooled = result.pooled.overall
    rows: list[tuple[str, str, str]] = [
        ("uncorrected", mean_text(pooled), limits_text(pooled.ci(result.level)))
    ]
    rows += [(name, mean_text(one), limits_text((one.ci_low, one.ci_high)))
             for name, one in corrected_means(result)]  # fmt: skip
    return [f"  {name:<{WIDTH}} {mean:>7}   {limits}" for name, mean, limits in rows]


def corrected_means(result: BiasResult) -> list[tuple[str, Corrected]]:
    """Every corrected mean with its name."""
    found: list[tuple[str, Corrected]] = [
        (f"trim and fill {one.estimator}", one.corrected) for one in result.trim_fill
    ]
    both = result.pet_peese
    if both is not None:
        found.append((f"PET-PEESE (takes {both.chosen})", both.corrected))
    if result.limit is not None:
        found.append(("limit meta-analysis", result.limit.corrected))
    found += [(one.name, one.corrected) for one in result.selection]
    return found


def _conclusion(result: BiasResult) -> list[str]:
    lines = [_agreement(result), _shift(result), _fail_safe(result)]
    few = " These few studies could hide a lot." if len(result.units) < 10 else ""
    lines += [
        "Asymmetry is not bias: small studies may differ in animals, dose or care, and chance does",
        f"it too. Nor does symmetry prove that nothing is missing.{few}",
    ]
    reasons: dict[str, list[str]] = {}
    for one in result.left_out:
        reasons.setdefault(one.reason, []).append(_part(one.part))
    lines += [f"Left out: {', '.join(parts)}: {reason}." for reason, parts in reasons.items()]
    return lines


def _part(code: str) -> str:
    """The name of a part for people; what stands in brackets stays."""
    name, _, rest = code.partition(" ")
    return f"{PARTS.get(name, name)} {rest}".strip()


def _fail_safe(result: BiasResult) -> str:
    safe = result.fail_safe
    noun = "studies" if result.unit == "study" else "effects"
    text = f"Fail-safe N: {safe.rosenthal} unseen {noun} of zero would undo the combined test"
    if not safe.rosenthal:
        text = "Fail-safe N: 0, the combined test is not significant as it is"
    if safe.orwin is not None:
        text += f", {safe.orwin} bring the mean to {effect(float(safe.target or 0))}"
    return text + "."


def _agreement(result: BiasResult) -> str:
    """How many tests see something; those with a warning and second forms are not counted."""
    forms = {test.model for test in result.asymmetry[:1]}
    seen = [test.pvalue for test in result.asymmetry if not test.warning and test.model in forms]
    if result.rank is not None:
        seen.append(result.rank.pvalue)
    seen.append(result.excess.pvalue)
    # Models with other steps are second forms of the first.
    seen += [one.pvalue for one in result.selection[:1]]
    known = [p for p in seen if not math.isnan(p)]
    hits = sum(p < SIGN for p in known)
    total = len(known)
    if not hits:
        said = f"none of {total} tests sees anything" if total > 1 else "the one test sees nothing"
    elif hits == total:
        said = f"all {total} tests see something" if total > 1 else "the one test sees something"
    else:
        said = f"{hits} of {total} tests {'sees' if hits == 1 else 'see'} something: they disagree"
    return f"In short: {said} (p < {SIGN:.2f})."


def _shift(result: BiasResult) -> str:
    one = result.pooled.overall
    means = [mean.estimate for _, mean in corrected_means(result)]
    if not means:
        return "No method gives a corrected mean."
    low, high = min(means), max(means)
    text = f"Corrected means run from {effect(low, one.se)} to {effect(high, one.se)}"
    if _flips(means, one.estimate):
        return text + ": some turn the sign of the answer."
    return text + ", all on the same side of zero as the answer."


def _flips(means: Sequence[float], estimate: float) -> bool:
    return any(mean * estimate < 0 for mean in means)
