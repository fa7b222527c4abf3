"""A specification curve for people, as plain text that fits one screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from metabone.synthesis.choices.factors import TITLES, words_of
from metabone.synthesis.choices.permutation import SHARE
from metabone.synthesis.summary import effect, p_value

if TYPE_CHECKING:
    from metabone.synthesis.choices.results import (
        ChoicesResult,
        CurveTest,
        OptionLine,
        Specification,
    )

_KINDS = {
    "same": "the same as another",
    "impossible": "options that do not go together",
    "failed": "without an answer",
}
_LEADS = {
    "variance": "variance ", "rob": "effects with ", "outliers": "effects ",
    "control": "shared controls ", "rho": "rho ", "ci": "interval ",
}  # fmt: skip
WIDTH = 98
#: Of the reasons why combinations are no analyses, this many of each kind are told.
NAMED = 2


def summarise_choices(result: ChoicesResult) -> str:
    """What was analysed, how far the answers differ, what makes them differ, and the null."""
    reference = result.specifications[result.reference]
    lines = ["SYNTHETIC DATA"] if result.effects.synthetic else []
    lines += [
        f"{result.outcome or 'Outcome'}: {len(result.answered)} ways to analyse "
        f"{reference.k_effects} effects of {reference.k_studies} studies",
        f"  reference      {_answer(reference, result.level)}",
        *_folded("                 ", option_words(reference)),
        f"  estimates      {range_text(result)[0]}",
        *(f"                 {text}" for text in range_text(result)[1:]),
        f"  direction      {direction_text(result)}",
        f"  significance   {significance_text(result)}",
        *_folded("  most different ", different_text(result)),
    ]
    if result.permutation is not None:
        lines += [f"  whole curve    {permutation_text(result)}"]
        lines += [f"                 {curve_test_text(one)}" for one in result.permutation.tests]
    lines += ["", *_options(result), "", *_left_out(result)]
    return "\n".join(lines)


def headline_choices(result: ChoicesResult) -> str:
    """The answer in one line."""
    main = result.scales[0]
    text = (
        f"{len(result.answered)} analyses, median {effect(main.median)} (from {effect(main.low)} "
        f"to {effect(main.high)}, {', '.join(main.measures)}), "
        f"{share_text(result.shares['significant_same'])} significant in the direction of the "
        "reference"
    )
    if result.permutation is not None:
        text += f"; whole curve {p_value(result.permutation.tests[0].pvalue)}"
    return text


def share_text(share: float) -> str:
    """A share in per cent, never rounded to all or none that it is not.

    Examples
    --------
    >>> share_text(0.95), share_text(0.9999), share_text(1.0), share_text(float("nan"))
    ('95 %', '>99 %', '100 %', 'n/a')
    """
    if math.isnan(share):
        return "n/a"
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 < share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %"


def option_words(one: Specification) -> str:
    """All options of a specification in words."""
    return ", ".join(
        f"{_LEADS.get(name, '')}{words_of(name, one.options[name])}"
        for name in TITLES
        if name in one.options and (name, one.options[name]) != ("rob", "all")
    )


def difference_words(result: ChoicesResult, one: Specification) -> str:
    """The options of a specification that the reference has not, in words."""
    reference = result.specifications[result.reference]
    changed = [
        f"{TITLES[name].casefold().removesuffix(' rho')}: {words_of(name, one.options[name])}"
        for name in TITLES
        if name in one.options and one.options[name] != reference.options.get(name)
    ]
    return "; ".join(changed) or "no other option"


def range_text(result: ChoicesResult) -> list[str]:
    """Median and range of the estimates, a line for each scale."""
    lines = []
    for line in result.scales:
        measures = ", ".join(line.measures)
        noun = "analysis" if line.count == 1 else "analyses"
        lines.append(
            f"median {effect(line.median)}, from {effect(line.low)} to {effect(line.high)}  "
            f"({line.scale}; {line.count} {noun}, {measures})"
        )
    return lines


def direction_text(result: ChoicesResult) -> str:
    """How many analyses change the sign of the estimate."""
    changed = result.shares["sign_changed"]
    sign = "below" if result.specifications[result.reference].estimate < 0 else "above"
    if changed == 0:
        return f"every analysis lies {sign} zero, as the reference does"
    return f"{share_text(1 - changed)} lie {sign} zero as the reference; sign changed in " + (
        share_text(changed)
    )


def significance_text(result: ChoicesResult) -> str:
    """How many analyses are significant, and how many say otherwise than the reference."""
    shares = result.shares
    text = f"{share_text(shares['significant_same'])} significant in that direction"
    text += f", {share_text(shares['significant_opposite'])} in the other"
    reference = result.specifications[result.reference]
    verdict = "significant" if reference.pvalue < 1 - result.level else "not significant"
    changed = shares["significance_changed"]
    return f"{text}; the reference is {verdict}, {share_text(changed)} are not so"


def different_text(result: ChoicesResult) -> str:
    """The analysis that lies furthest from the reference, and what it does otherwise."""
    one = result.specifications[result.most_different]
    return f"{_answer(one, result.level)}, with {difference_words(result, one)}"


def permutation_text(result: ChoicesResult) -> str:
    """What the permutation test did."""
    test = result.permutation
    if test is None:
        return "not tested"
    patterns = f"all {test.iterations}" if test.exact else f"{test.iterations} random"
    return f"if no study had an effect (signs of whole studies flipped, {patterns} patterns):"


def curve_test_text(test: CurveTest) -> str:
    """One statistic of the curve, what the null gives, and the p-value.

    Examples
    --------
    >>> from metabone.synthesis.choices.results import CurveTest
    >>> curve_test_text(CurveTest("median z", 4.29, 0.81, 0.0156))
    'median z 4.29 where 0.81 is usual, p = 0.016'
    """
    if test.statistic == SHARE:
        seen, usual = share_text(test.observed), share_text(test.expected)
    else:
        seen, usual = effect(test.observed), effect(test.expected)
    return f"{test.statistic} {seen} where {usual} is usual, {p_value(test.pvalue)}"


def ordered_factors(result: ChoicesResult, *, in_z: bool = False) -> list[str]:
    """The factors, the one that moves the estimates (or z) most first."""
    shares = result.importance_z if in_z else result.importance

    def weight(name: str) -> float:
        return -shares[name] if math.isfinite(shares[name]) else 0.0

    return sorted(result.factors, key=weight)


def _answer(one: Specification, level: float) -> str:
    limits = f"{effect(one.ci_low)} to {effect(one.ci_high)}"
    return f"{effect(one.estimate)} ({100 * level:g} % CI {limits}; {p_value(one.pvalue)})"


def _options(result: ChoicesResult) -> list[str]:
    """Which choice matters, and what the analyses with each option say."""
    lines = [
        "Share of the variance     estim.    z    option (* reference)               n  median"
        "  signif."
    ]
    for factor in ordered_factors(result):
        title = TITLES[factor]
        shares = (share_text(result.importance[factor]), share_text(result.importance_z[factor]))
        for line in (line for line in result.by_option if line.factor == factor):
            lines.append(_option(result, title, shares, line))
            title, shares = "", ("", "")
    rest = (share_text(result.importance["interactions"]),
            share_text(result.importance_z["interactions"]))  # fmt: skip
    lines.append(f"  {'Interactions':<22}{rest[0]:>8}{rest[1]:>7}")
    return lines


def _option(result: ChoicesResult, title: str, shares: tuple[str, str], line: OptionLine) -> str:
    reference = result.specifications[result.reference].options.get(line.factor)
    name = words_of(line.factor, line.option)
    name = f"{name[:28]} *" if line.option == reference else name[:30]
    median = "" if math.isnan(line.median) else effect(line.median)
    said = f"{line.count:>5}{median:>8}{share_text(line.significant) if line.count else '':>9}"
    return f"  {title:<22}{shares[0]:>8}{shares[1]:>7}  {name:<31}{said}"


def _left_out(result: ChoicesResult) -> list[str]:
    lines = [
        f"{len(result.answered)} analyses of {result.declared} declared combinations; the others:"
    ]
    for kind, words in _KINDS.items():
        those = [line for line in result.left_out if line.kind == kind]
        if not those:
            continue
        named = "; ".join(f"{line.reason} ({line.count})" for line in those[:NAMED])
        rest = len(those) - NAMED
        more = f"; and {rest} more reason{'s' if rest > 1 else ''}" if rest > 0 else ""
        lines += _folded(f"  {sum(line.count for line in those):>5} ", f"{words}: {named}{more}")
    for factor, reason in result.vanished.items():
        lines.append(f"        {TITLES[factor]}: no choice, {reason}")
    return lines if len(lines) > 1 else lines[:1]


def _folded(head: str, text: str) -> list[str]:
    """A line that may run on, under its beginning."""
    import textwrap

    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * max(len(head), 8),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
