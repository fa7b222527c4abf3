"""What a plan comes to, in words: the answer first, then what it rests on."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from metabone.planning.chances import share
from metabone.planning.question import IN_PERCENT, IN_SD

if TYPE_CHECKING:
    from metabone.planning.answer import Answer
    from metabone.planning.question import Question
    from metabone.planning.sensitivity import Grid

WIDTH = 100
#: What a design's effect is called, and its unit if it has one of its own.
EFFECTS = {
    "difference": ("difference", None), "margin": ("margin", None),
    "half_width": ("half-width", None), "fold": ("fold change", "-fold"),
    "percent_of_differences": ("share of the differences", "%"),
}  # fmt: skip
#: Further chances that a design computes.
CHANCES = {
    "power_omnibus": "omnibus F: whether any arms differ",
    "power_unadjusted": "the comparison without Bonferroni",
    "power_without_baseline": "without the baseline",
    "power_any": "at least one",
    "power_all": "all",
    "power_each": "each",
    "power_simple": "effect in diseased animals alone",
    "power_model": "main effect of the disease",
    "power_treatment": "main effect of the treatment",
    "power_interaction": "group by time",
    "power_change": "change from first to last scan",
    "power_slope": "slope over time",
    "power_one_look": "one look at the end",
}
_PLURALS = {"mouse": "mice", "rat": "rats", "rabbit": "rabbits", "sheep": "sheep", "pig": "pigs"}


def animals_of(question: Question) -> str:
    """The plural of the plan's species, ``animals`` where it names none."""
    species = str(question.plan.get("study", "species") or "").strip().casefold()
    return _PLURALS.get(species, "animals")


def count(value: float | None) -> str:
    """A number of animals: whole, with thousands apart.

    Examples
    --------
    >>> count(1200), count(12.5), count(None)
    ('1,200', '12.5', '–')
    """
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def amount(value: float | None, unit: str = "") -> str:
    """A quantity with three digits and its unit.

    Examples
    --------
    >>> amount(3.14159, "%"), amount(1234.5, "N"), amount(None)
    ('3.14 %', '1234 N', '–')
    """
    if value is None:
        return "–"
    digits = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{digits} {unit}".strip()


def headline(answer: Answer) -> str:
    """The answer in one line.

    Examples
    --------
    >>> from metabone.planning.answer import answer_n
    >>> from metabone.planning.plan_file import Plan
    >>> from metabone.planning.question import make_question
    >>> study = {"mean": 20, "cv": 20, "percent": 30, "cage": 3}
    >>> plan = Plan({"study": {"species": "rat"}, "design": study})
    >>> headline(answer_n(make_question(plan)))
    '9 rats a group, 18 in all, 6 cages of 3'
    """
    question, outputs = answer.question, answer.outputs
    if not answer.reachable:
        return answer.reason
    if _label_only(outputs):
        return f"{outputs['label']} with {groups(question, outputs)}: a label, no power"
    if answer.asked == "n":
        return groups(question, outputs)
    if answer.asked == "mde":
        return _detectable(answer)
    chance = f"power {share(outputs['power'])}"
    if answer.evidence is not None and answer.evidence["assurance"] is not None:
        assured = f"assurance {share(answer.evidence['assurance'])}"
        chance = f"{assured}, {chance}" if question.assured else f"{chance}, {assured}"
    return f"{chance} with {groups(question, outputs)}"


def _label_only(outputs: Mapping[str, Any]) -> bool:
    power = outputs.get("power")
    return power is None or power != power


def groups(question: Question, outputs: Mapping[str, Any], *, started: bool = True) -> str:
    """How many animals in each group, in all, and in how many cages.

    Parameters
    ----------
    started : count the animals to start with, losses included.
    """
    key = "n_with_losses" if started and outputs.get("n_with_losses") else "n"
    sizes: Sequence[float] = outputs[key]
    word = animals_of(question)
    parts = [_sizes(sizes, word, outputs), *_in_all(sizes, word, outputs)]
    lost = sum(sizes) != sum(outputs["n"])
    parts += _housed(outputs) if started or outputs["n"] == outputs.get("n_with_losses") else []
    text = ", ".join(parts)
    return f"{text} ({count(sum(outputs['n']))} expected at the end)" if started and lost else text


def _housed(outputs: Mapping[str, Any]) -> list[str]:
    """Cages or litters, as far as the plan says."""
    cages, housed = outputs.get("cages"), outputs.get("animals_per_cage")
    if cages and housed:
        return [f"{count(cages)} cage{'' if cages == 1 else 's'} of {count(housed)}"]
    litters = outputs.get("clusters_with_losses")
    return [f"{count(sum(litters))} litters"] if litters and not cages else []


def _sizes(sizes: Sequence[float], word: str, outputs: Mapping[str, Any]) -> str:
    if len(sizes) == 1:
        return f"{count(sizes[0])} {word}"
    if len(set(sizes)) == 1:
        return f"{count(sizes[0])} {word} a group"
    first, rest = sizes[0], set(sizes[1:])
    names = outputs.get("arms") or []
    lead = names[0] if len(names) == len(sizes) else "control"
    if len(rest) == 1:
        others = "treated" if len(sizes) == 2 else f"in each of {len(sizes) - 1} other groups"
        return f"{count(first)} {word} in {lead}, {count(sizes[1])} {others}"
    if len(names) != len(sizes):
        names = [f"group {index}" for index in range(1, len(sizes) + 1)]
    listed = ", ".join(f"{count(n)} in {name}" for n, name in zip(sizes, names, strict=True))
    return f"{word}: {listed}"


def _in_all(sizes: Sequence[float], word: str, outputs: Mapping[str, Any]) -> list[str]:
    return [f"{count(sum(sizes))} in all"] if len(sizes) > 1 else []


def _detectable(answer: Answer) -> str:
    question, outputs = answer.question, answer.outputs
    what, name = effect_words(answer, plain=True), effect_name(question)
    return (
        f"a {name} of {what} is found with power {share(question.target)} by "
        f"{groups(question, outputs, started=False)}"
    )


def summary(answer: Answer) -> str:
    """The answer for people: first line, what it rests on, sensitivity, warnings."""
    blocks = [headline(answer), "\n".join(_basis(answer))]
    if answer.evidence is not None:
        blocks.append("\n".join(_evidence(answer)))
    if answer.grid is not None:
        blocks.append("\n".join(grid_lines(answer.grid, answer.question)))
    if answer.warnings:
        blocks.append("\n".join(_wrapped("! ", warning) for warning in answer.warnings))
    return "\n\n".join(block for block in blocks if block)


def _wrapped(lead: str, text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _basis(answer: Answer) -> Iterator[str]:
    """One line for each thing that the answer rests on."""
    question, outputs = answer.question, answer.outputs
    plan = question.plan
    title = plan.get("", "title")
    if title:
        yield f"study       {title}"
    measured = [plan.get("study", key) for key in ("endpoint", "site", "assay")]
    if any(measured):
        yield f"endpoint    {', '.join(str(word) for word in measured if word)}"
    named, called = question.design["title"], f"({question.design['name']})"
    yield f"design      {named}" if called in named else f"design      {named} {called}"
    yield f"test        {the_test(answer)}"
    if answer.reachable and not _label_only(outputs):
        wanted = "" if question.assured else f" (wanted {share(question.target)})"
        yield f"power       {share(outputs['power'])}{wanted}"
        yield from _chances(outputs)
    if isinstance(outputs.get("effect"), (int, float)):
        name = effect_name(question)
        yield f"{name:<10}  {effect_words(answer)}"
    if answer.interval is not None:
        yield f"interval    {interval_words(answer)}"
    yield from _budget(answer)
    spread = spread_words(question)
    if spread:
        yield f"SD          {spread}"
    losses = question.inputs.get("losses")
    if losses:
        yield f"losses      {100 * losses:.3g} % of the animals"
    for note in question.notes:
        yield _wrapped("note        ", note)


def interval_words(answer: Answer) -> str:
    """The confidence interval to expect, in one line; empty where there is none."""
    found = answer.interval
    if found is None:
        return ""
    unit, ratio = found["unit"] or "", found["scale"] == "ratio"
    level = f"{100 * found['level']:.4g} %"
    half, low = amount(found["half_width"], "" if ratio else unit), amount(found["low"])
    sign = "×/÷" if ratio else "±"
    high = amount(found["high"], unit).replace(" -fold", "-fold")
    text = f"{sign} {half} expected ({level}), from {low} to {high}"
    return text if found["kind"] == "confidence interval" else f"{text}; {found['kind']}"


def _budget(answer: Answer) -> Iterator[str]:
    found = answer.budget
    if found is None:
        return
    text = f"budget      {count(found['animals'])} animals in all"
    if found["size"] is None:
        yield f"{text} do not pay for the smallest study of this design"
        return
    parts = []
    for word in ("power", "assurance"):
        if found[word] is not None:
            parts.append(f"{word} {share(found[word])}")
    chance = f": {', '.join(parts)}" if parts else ""
    total = count(found["n_total_with_losses"])
    start = "to start with" if answer.question.inputs.get("losses") else "in all"
    word = size_words(answer.question)
    yield f"{text} pay for {count(found['size'])} {word}, {total} {start}{chance}"


def _chances(outputs: Mapping[str, Any]) -> Iterator[str]:
    """The other chances that a design computes, by what they ask."""
    for key, meaning in CHANCES.items():
        value = outputs.get(key)
        if isinstance(value, (list, tuple)):
            yield f"            {', '.join(map(share, value))}: {meaning}"
        elif value is not None and abs(value - outputs["power"]) > 1e-9:
            yield f"            {share(value)}: {meaning}"
    if outputs.get("expected_n_total") is not None:
        yield f"            {amount(outputs['expected_n_total'])} animals expected in all"


def the_test(answer: Answer) -> str:
    """The test, its sides and its level."""
    outputs, inputs = answer.outputs, answer.question.inputs
    parts = [str(outputs.get("test") or answer.question.design["title"])]
    sides = inputs.get("sides", 2 if "sides" in answer.question.design["inputs"] else None)
    if sides:
        parts.append("two-sided" if sides == 2 else "one-sided")
    parts.append(f"alpha {inputs.get('alpha', outputs.get('alpha', 0.05)):g}")
    return ", ".join(parts)


def effect_words(answer: Answer, *, plain: bool = False) -> str:
    """The effect in bench units, and in SD for reference unless `plain`."""
    question, outputs = answer.question, answer.outputs
    key = question.design["effect"]
    text = effect_amount(outputs["effect"], question)
    mean = question.inputs.get("mean_control")
    if mean and key == "difference" and question.unit != IN_PERCENT:
        text += f" ({100 * outputs['effect'] / abs(mean):+.0f} % of the control mean)"
    d = outputs.get("d")
    own = EFFECTS.get(key, ("", None))[1] is not None
    return text if plain or d is None or own or question.unit == IN_SD else f"{text}, or {d:.2f} SD"


def effect_amount(value: float, question: Question, *, short: bool = False) -> str:
    """An effect of the design with its unit, in a table a `short` one."""
    own = EFFECTS.get(question.design["effect"], ("", None))[1]
    unit = (unit_short(question) if short else question.unit) if own is None else own
    return amount(value, unit).replace(" -fold", "-fold")


def unit_short(question: Question) -> str:
    """The unit as a table has room for it."""
    return "%" if question.unit == IN_PERCENT else question.unit


def effect_name(question: Question) -> str:
    """What the design's effect is called."""
    return EFFECTS.get(question.design["effect"], ("effect", None))[0]


def spread_words(question: Question) -> str:
    """SD between animals, and where it comes from."""
    if question.sd is None or question.unit == IN_SD:
        return ""
    text = f"{amount(question.sd, question.unit)} between animals"
    mean = question.inputs.get("mean_control")
    if mean:
        text += f" (CV {100 * question.sd / abs(mean):.3g} %)"
    if question.variability is not None:
        text += f"; {question.variability['source']}"
    return text


def _evidence(answer: Answer) -> Iterator[str]:
    evidence, question = answer.evidence, answer.question
    if evidence is None:
        return
    k = "" if evidence["k"] is None else f"{evidence['k']} studies, "
    yield (
        f"evidence    {k}{evidence['label']}: mean {evidence['mean']:.3g} SD, 95 % prediction "
        f"interval {evidence['pi_low']:.3g} to {evidence['pi_high']:.3g}"
    )
    if evidence["assurance"] is not None:
        yield f"assurance   {share(evidence['assurance'])} (ceiling {share(evidence['ceiling'])})"
    else:
        yield f"ceiling     {share(evidence['ceiling'])}"
    if evidence["targets"]:
        word = size_words(question)
        cells = "; ".join(
            f"{one['assurance']:g}: {count(one['size'])}" for one in evidence["targets"]
        )
        yield f"            {word} for an assurance of {cells}"
    if evidence["ways"]:
        yield f"            two groups, for {share(question.target)}, other ways of reading it:"
        yield from (f"              {_way(way)}" for way in evidence["ways"])
    update = evidence["update"]
    if update is not None:
        labs = "this study" if update["labs"] == 1 else f"{update['labs']} such studies"
        yield (
            f"            the meta-analysis with {labs} in it: power {share(update['power'])} "
            f"(ceiling {share(update['ceiling'])})"
        )


def _way(way: Mapping[str, Any]) -> str:
    """One way of reading the evidence, and what its number is really worth."""
    effect = "all effects" if way["effect"] is None else f"d {way['effect']:.2f}"
    if way["n1"] is None:
        return f"{way['name']} ({effect}): out of reach"
    text = f"{way['name']} ({effect}): {count(way['n1'])} a group"
    if way["true_chance"] is not None:
        text += f", chance of success {share(way['true_chance'])}"
    if way["type_m"] is not None:
        text += f", exaggeration {way['type_m']:.2f}"
    return text


def size_words(question: Question) -> str:
    """What the size of the design counts: animals a group (at the end, if some are lost), cages,
    blocks."""
    key = question.design["size"] or "n"
    left = " at the end" if question.inputs.get("losses") else ""
    return f"{animals_of(question)} a group{left}" if key == "n" else str(key)


def grid_lines(grid: Grid, question: Question) -> Iterator[str]:
    """The sensitivity grid: rows are SDs, columns are effects."""
    name = effect_name(question)
    word = {"size": size_words(question), "power": "power", "difference": name}
    what = word[grid.counts]
    sided = "" if grid.counts == "difference" else f" and {name}"
    yield f"sensitivity {what} by SD{sided}"
    heads = [effect_amount(effect, question, short=True) for effect in grid.effects]
    if grid.counts == "difference":
        heads = [""]
    rows = [_grid_name(grid, index, question) for index in range(len(grid.sd_factors))]
    cells = [[_cell(value, grid.counts) for value in row] for row in grid.cells]
    first = max(len(name) for name in rows)
    wide = max(8, *(len(head) for head in heads), *(len(c) for row in cells for c in row))
    if any(heads):
        yield " " * (14 + first) + "".join(f"  {head:>{wide}}" for head in heads)
    for name, row in zip(rows, cells, strict=True):
        yield f"  {name:>{first + 12}}" + "".join(f"  {cell:>{wide}}" for cell in row)


def _grid_name(grid: Grid, index: int, question: Question) -> str:
    sd, factor = grid.sds[index], grid.sd_factors[index]
    if sd is None:
        return f"SD × {factor:g}"
    return f"SD {amount(sd, '' if question.unit == 'SD' else unit_short(question))}"


def _cell(value: float | None, counts: str) -> str:
    if value is None:
        return "–"
    if counts == "size":
        return count(value)
    return f"{value:.2f}" if counts == "power" else amount(value)
