"""The summary of an analysis for people: Markdown, rounded, short."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from metabone.analysis.compute import Answer
from metabone.analysis.plan import label_of
from metabone.analysis.spec import AnalysisSpec
from metabone.analysis.tables import cells_of, excluded_of, pairs_of
from metabone.extraction.table import StudyTable
from metabone.report.check import Checked
from metabone.synthesis.bias.results import BiasResult
from metabone.synthesis.choices.results import ChoicesResult
from metabone.synthesis.direction_results import DirectionResult
from metabone.synthesis.multivariate_results import OutcomesResult
from metabone.synthesis.regression_results import ModeratorTest
from metabone.synthesis.results import Estimate, PoolResult, Stratum
from metabone.synthesis.rob_results import RobResult
from metabone.synthesis.sensitivity.results import SensitivityResult
from metabone.synthesis.summary import (
    CI_WORDS,
    CONTROL_WORDS,
    PI_WORDS,
    animals,
    effect,
    limits_text,
    mean_text,
    model_words,
    p_value,
    variances,
)

SYNTHETIC = "**SYNTHETIC DATA.** The rows were made by a script, not measured. No finding follows."
# Of ledger lines with one reason, this many rows are named.
NAMED_ROWS = 12


def summary_text(
    spec: AnalysisSpec, checked: Checked, answers: Sequence[Answer], figures: Sequence[str]
) -> str:
    """The whole of ``summary.md``.

    Parameters
    ----------
    checked : the table, and what checking says about it.
    figures : paths of the figures inside the result folder.
    """
    blocks = [f"# {escape(spec.title)}"]
    if any(answer.synthetic for answer in answers):
        blocks.append(f"> {SYNTHETIC}")
    if spec.question:
        blocks.append(escape(spec.question))
    blocks.append(_data_line(spec, checked.table))
    blocks.append(f"Check: {escape(checked.headline())}. All of it is in `tables/check.csv`.")
    for answer in answers:
        blocks += _section(answer)
    if figures:
        blocks += ["## Figures", *_pictures(figures)]
    blocks.append(
        "The methods with their references are in `methods.md`, the exact numbers in `tables/` and "
        "`json/`, the versions, options and hashes in `provenance.json`."
    )
    return "\n\n".join(blocks) + "\n"


def _pictures(figures: Sequence[str]) -> Iterable[str]:
    """Each figure as it is seen, if one of its formats can be shown, with links to all of them."""
    formats: dict[str, list[str]] = {}
    for path in figures:
        formats.setdefault(path.rpartition(".")[0], []).append(path)
    for stem, paths in formats.items():
        name = stem.rpartition("/")[2]
        shown = [path for path in paths if path.endswith((".svg", ".png"))][:1]
        links = ", ".join(f"[{path.rpartition('.')[2]}]({path})" for path in paths)
        yield "\n\n".join([*(f"![{name}]({path})" for path in shown), f"{name}: {links}"])


def headline(answer: Answer) -> str:
    """One answer in one line of plain text."""
    result = answer.result
    if isinstance(result, DirectionResult):
        counts = ", ".join(f"{n} {judgement}" for judgement, n in result.counts.items() if n)
        return f"{len(result.studies)} studies: {counts}{_on_bone(result)}"
    if isinstance(result, RobResult):
        from metabone.synthesis.rob_text import headline_rob

        return headline_rob(result)
    if isinstance(result, BiasResult):
        from metabone.synthesis.bias.text import headline_bias

        return headline_bias(result)
    if isinstance(result, ChoicesResult):
        from metabone.synthesis.choices.text import headline_choices

        return headline_choices(result)
    if isinstance(result, SensitivityResult):
        from metabone.synthesis.sensitivity.text import headline as headline_sensitivity

        return headline_sensitivity(result)
    head = f"{result.effects.measure}{f' in {result.effects.unit}' if result.effects.unit else ''}"
    if isinstance(result, PoolResult):
        one = result.overall
        return (
            f"{head} {mean_text(one)} ({_percent(result.level)} CI {limits_text(one.ci())}), "
            f"{one.k_effects} effects of {one.k_studies} studies"
        )
    if isinstance(result, OutcomesResult):
        means = [
            f"{one.outcome} {mean_text(one)} ({limits_text(one.ci())})" for one in result.estimates
        ]
        return f"{head} ({_percent(result.level)} CI): {', '.join(means)}"
    return (
        f"{head} ~ {result.formula}: {_moderators(result.moderators)}, "
        f"{result.k_effects} effects of {result.k_studies} studies"
    )


def _moderators(test: ModeratorTest) -> str:
    """The test of all moderators together."""
    if math.isnan(test.pvalue):
        return "no test of the moderators"
    name = {"chi2": "χ²", "F": "F", "AHT": "robust F"}[test.test]
    df = f"({test.df})" if test.df2 is None else f"({test.df}, {test.df2:.3g})"
    return f"{name}{df} = {test.qm:.2f}, {p_value(test.pvalue)}"


def _on_bone(result: DirectionResult) -> str:
    """How many studies are about skeletal bone mass, where the table says it."""
    if all(study.bone_mass is None for study in result.studies):
        return ""
    number = sum(study.counts_for_bone for study in result.studies)
    return f"; {number} measure skeletal bone mass in an animal given vesicles"


def escape(text: str) -> str:
    """Text of a table or a TOML so that Markdown and HTML show it and do nothing else.

    Examples
    --------
    >>> escape("a|b <script> *c*")
    'a\\\\|b &lt;script&gt; \\\\*c\\\\*'
    """
    text = " ".join(str(text).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An underscore between letters means nothing to Markdown; n_treated stays readable.
    return re.sub(r"([\\`*\[\]|#~]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", text)


def _data_line(spec: AnalysisSpec, table: StudyTable) -> str:
    source = table.source
    lines = [f"Data: `{_code(source.file)}`, {source.rows} rows, SHA-256 `{source.sha256[:12]}…`."]
    if spec.data.where:
        lines += ["", *_conditions("Rows used: those that fulfil all of", spec.data.where)]
    return "\n".join(lines)


def _conditions(title: str, conditions: Sequence[str]) -> list[str]:
    return [f"{title}:", "", *(f"- `{_code(condition)}`" for condition in conditions)]


def _section(answer: Answer) -> list[str]:
    blocks = [f"## {escape(answer.task.title)}"]
    if answer.task.asked.where:
        blocks.append("\n".join(_conditions("Of these rows, those with", answer.task.asked.where)))
    result = answer.result
    if isinstance(result, PoolResult):
        blocks += _pool_blocks(result)
        if answer.univariate is not None:
            blocks.append(_against_univariate(result, answer.univariate))
    else:
        blocks.append(_fenced(result.summary()))
    ledger = _ledger_block(answer)
    if ledger:
        blocks.append(ledger)
    if answer.warnings and not isinstance(result, DirectionResult | RobResult):  # in its text
        blocks.append(_bullets("Warnings", answer.warnings))
    if answer.notes:
        blocks.append(_bullets("Notes", answer.notes))
    return blocks


def _pool_blocks(result: PoolResult) -> list[str]:
    one, name = result.overall, result.effects.measure
    unit = f" {escape(result.effects.unit)}" if result.effects.unit else ""
    blocks = [
        f"**{name} {mean_text(one)}{unit}** ({_percent(result.level)} CI "
        f"{limits_text(one.ci())}; {p_value(one.pvalue)}){_as_change(result)}.{_predicted(one)} "
        f"{one.k_effects} effects of {one.k_studies} studies, {animals(one.n_animals)}; "
        f"{_spread(one)}.",
        _methods(result),
    ]
    for names in dict.fromkeys(tuple(stratum.by) for stratum in result.strata):
        strata = [stratum for stratum in result.strata if tuple(stratum.by) == names]
        if len(names) == 1:
            blocks.append(_strata_table(names[0], strata, result))
    for pair in pairs_of(result):
        blocks.append(_two_way(result, pair))
    if len(result.assumptions) > 1:
        blocks.append(_assumptions(result))
    return blocks


def _assumptions(result: PoolResult) -> str:
    """The overall answer under other assumptions on shared animals."""
    lines = []
    for one in result.assumptions:
        mark = "**" if one.chosen else ""
        shown = ("no answer", "") if math.isnan(one.estimate) else (
            mean_text(one), limits_text((one.ci_low, one.ci_high))
        )  # fmt: skip
        cells = (f"{one.rho:g}, {one.control}", *shown)
        lines.append(tuple(f"{mark}{cell}{mark}" if cell else "" for cell in cells))
    head = ("rho, shared controls", result.effects.measure, f"{_percent(result.level)} CI")
    return (
        "Under other assumptions on what the effects share (the answer above in bold):\n\n"
        + _table(head, lines)
    )


def _against_univariate(result: PoolResult, other: Estimate) -> str:
    """What the multilevel model changed against taking effects as independent."""
    mine = result.overall
    wider = (mine.ci()[1] - mine.ci()[0]) / (other.ci()[1] - other.ci()[0])
    change = f" with an interval {wider:.2f} times as wide" if math.isfinite(wider) else ""
    if abs(wider - 1) < 0.05:
        change = " with an interval as wide"
    return (
        f"Against the univariate model, which takes all effects as independent: there "
        f"{result.effects.measure} {mean_text(other)} ({_percent(result.level)} CI "
        f"{limits_text(other.ci())}; prediction {limits_text(other.pi())}; τ² "
        f"{effect(other.tau2)}), here {mean_text(mine)}{change}."
    )


def _methods(result: PoolResult) -> str:
    model = model_words(result)
    model = model[:1].upper() + model[1:]
    if result.model == "multilevel":
        model += (
            f" ({result.model_reason}); rho {result.rho:g}, {CONTROL_WORDS[str(result.control)]}"
        )
    aligned = "; aligned: above zero is benefit" if result.effects.align == "benefit" else ""
    return (
        f"{model}; {CI_WORDS[result.ci_method]} interval; prediction by "
        f"{PI_WORDS[result.pi_method]}; variance formula {result.effects.variance}{aligned}."
    )


def _predicted(one: Estimate) -> str:
    if math.isnan(one.pi()[0]):
        return ""
    return f" A new study's true effect is predicted between {limits_text(one.pi(), ' and ')}."


def _spread(one: Estimate) -> str:
    return f"{variances(one)}, I² {one.i2:.0f} %"


def _as_change(result: PoolResult) -> str:
    if result.effects.measure not in ("ROM", "VR", "CVR"):
        return ""
    low, high = result.overall.ci()
    shown = [f"{100 * math.expm1(value):+.1f}" for value in (result.overall.estimate, low, high)]
    return f", a change of {shown[0]} % ({shown[1]} to {shown[2]} %)"


def _strata_table(column: str, strata: Sequence[Stratum], result: PoolResult) -> str:
    head = (
        column, "studies", "effects", "animals", result.effects.measure,
        f"{_percent(result.level)} CI", "p by Holm", "prediction", "τ²", "I²",
    )  # fmt: skip
    lines = []
    for stratum in strata:
        first = (
            escape(stratum.label), str(stratum.k_studies), str(stratum.k_effects),
            str(stratum.n_animals),
        )  # fmt: skip
        one = stratum.estimate
        if one is None:
            lines.append((*first, escape(str(stratum.reason)), "", "", "", "", ""))
            continue
        lines.append(
            (
                *first, mean_text(one), limits_text(one.ci()), _holm(stratum),
                limits_text(one.pi()), effect(one.tau2), f"{one.i2:.0f} %",
            )
        )  # fmt: skip
    tests = [test for test in result.between if test.by == (column,)]
    text = _table(head, lines)
    for test in tests:
        df = f"{test.df:g}" if test.df2 is None else f"{test.df:g}, {test.df2:.4g}"
        sign = {"chi2": "χ²", "F": "F", "AHT": "cluster-robust F"}[test.test]
        if math.isnan(test.statistic):
            text += f"\n\nToo few studies to test between the strata of {escape(column)}."
            continue
        text += (
            f"\n\nBetween the pooled strata of {escape(column)}: {sign}({df}) = "
            f"{test.statistic:.2f}, {p_value(test.pvalue)}."
        )
    return text


def _holm(stratum: Stratum) -> str:
    if stratum.pvalue_holm is None:
        return ""
    return p_value(stratum.pvalue_holm).removeprefix("p ").removeprefix("= ")


def _two_way(result: PoolResult, pair: tuple[str, str]) -> str:
    rows, columns, cells = cells_of(result.strata, pair)
    empty = sum(not stratum.rows for stratum in cells.values())
    verb = "is" if empty == 1 else "are"
    gaps = f"{empty} of {len(cells)} cells {verb} empty: gaps in the evidence"
    if not empty:
        gaps = "Every cell has a study"
    lines = [
        (f"**{escape(row)}**", *(_cell(cells[row, column]) for column in columns)) for row in rows
    ]
    return (
        f"{escape(label_of(pair))}: {result.effects.measure}; with ~ partially pooled, where the "
        "studies are too few for a mean of their own. "
        f"{gaps}.\n\n" + _table(("", *map(escape, columns)), lines)
    )


def _cell(stratum: Stratum) -> str:
    if not stratum.rows:
        return "–"
    one = stratum.estimate
    if one is None:
        borrowed = "" if stratum.partial is None else f"~{mean_text(stratum.partial)} "
        return f"{borrowed}({stratum.k_studies})"
    return f"{mean_text(one)} [{limits_text(one.ci())}], {one.k_studies} studies"


def _ledger_block(answer: Answer) -> str:
    reasons: dict[str, list[int]] = {}
    for line in excluded_of(answer):
        reasons.setdefault(line.reason, []).append(line.row)
    if not reasons:
        return ""
    total = sum(map(len, reasons.values()))
    lines = []
    for reason, rows in reasons.items():
        named = ", ".join(map(str, rows[:NAMED_ROWS]))
        more = f" and {len(rows) - NAMED_ROWS} more" if len(rows) > NAMED_ROWS else ""
        lines.append(f"{reason}: row{'s' if len(rows) > 1 else ''} {named}{more}")
    return _bullets(f"Set aside, {total} of {answer.rows.selected} selected rows", lines)


def _bullets(title: str, lines: Iterable[str]) -> str:
    return f"{title}:\n\n" + "\n".join(f"- {escape(line)}" for line in lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *lines))


def _fenced(text: str) -> str:
    """Plain text as it is, in a fence longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())


def _percent(level: float) -> str:
    return f"{100 * level:g} %"
