"""What a plan says to an ethics committee, and what it answers of ARRIVE 2.0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metabone._version import __version__
from metabone.planning.cautions import sentence
from metabone.planning.chances import share
from metabone.planning.words import (
    amount,
    animals_of,
    count,
    effect_amount,
    effect_name,
    effect_words,
    groups,
    headline,
    size_words,
    spread_words,
    the_test,
    unit_short,
)
from metabone.report.document import Document, Section

if TYPE_CHECKING:
    from metabone.planning.answer import Answer
    from metabone.planning.question import Question

OPEN = "To be written:"
ARRIVE = "10.1371/journal.pbio.3000410"


def plan_document(answer: Answer, picture: bytes | None = None) -> Document:
    """The plan as a document: paragraph for an ethics form, ARRIVE items, sensitivity, cautions.

    Parameters
    ----------
    picture : the power curve as PNG, for formats that hold one.

    References
    ----------
    Percie du Sert et al. (2020), ARRIVE 2.0, doi:10.1371/journal.pbio.3000410.
    """
    question = answer.question
    title = str(question.plan.get("", "title") or "Study plan")
    cautions = Section("Before this plan is used", bullets=answer.warnings)
    sections = [
        Section("Justification of the number of animals", (ethics_paragraph(answer),)),
        Section("ARRIVE 2.0, the Essential 10", (
            "What the plan answers of each item; the rest is marked. "
            f"Percie du Sert et al. 2020, doi:{ARRIVE}.",
        ), arrive_items(answer)),
        *_sensitivity(answer),
        *([cautions] if answer.warnings else []),
    ]  # fmt: skip
    evidence = answer.evidence
    synthetic = evidence is not None and any("SYNTHETIC" in note for note in evidence["notes"])
    return Document(
        title=title,
        sections=tuple(sections),
        banner="SYNTHETIC DATA: for trying things on, not for an application." if synthetic else "",
        footer=f"Computed with metabone {__version__}.",
        picture=picture,
        caption=sentence(headline(answer)),
    )


def ethics_paragraph(answer: Answer) -> str:
    """The number of animals and its reasons in one paragraph."""
    question = answer.question
    parts = [_purpose(question), _outcome(question), _number(answer), _interval(answer)]
    parts += [_losses(answer)]
    parts += [_unit(answer), _basis(question), _evidence(answer), _reduction(answer)]
    return " ".join(part for part in parts if part)


def _purpose(question: Question) -> str:
    asked = str(question.plan.get("", "question") or "").strip()
    if asked:
        return sentence(asked)
    given, control = _arms(question)
    return f"The study compares {given} with {control}."


def _arms(question: Question) -> tuple[str, str]:
    plan = question.plan
    return (
        str(plan.get("study", "treatment") or "the treatment"),
        str(plan.get("study", "control") or "the control"),
    )


def _outcome(question: Question) -> str:
    plan = question.plan
    name = plan.get("study", "endpoint")
    if not name:
        return ""
    site, assay = plan.get("study", "site"), plan.get("study", "assay")
    place = f" of the {site}" if site else ""
    how = f", measured by {assay}" if assay else ""
    return f"The primary outcome is {name}{place}{how}."


def _number(answer: Answer) -> str:
    question, outputs = answer.question, answer.outputs
    if not answer.reachable:
        return sentence(answer.reason)
    found = groups(question, outputs, started=False)
    evidence = answer.evidence
    if question.assured and evidence is not None and evidence["assurance"] is not None:
        return (
            f"With {found}, the chance that the study shows the effect ({the_test(answer)}) is "
            f"{share(evidence['assurance'])}, averaged over the true effects that the evidence "
            f"expects (assurance); if the true difference is {effect_words(answer)}, its power is "
            f"{share(outputs['power'])}."
        )
    return (
        f"With {found}, the study has a power of {share(outputs['power'])} to find a "
        f"{effect_name(question)} of {effect_words(answer)} ({the_test(answer)})."
    )


def _interval(answer: Answer) -> str:
    """How precisely the study estimates its effect, whether it finds one or not."""
    found = answer.interval
    if found is None or not answer.reachable:
        return ""
    unit, ratio = found["unit"] or "", found["scale"] == "ratio"
    half = amount(found["half_width"], "" if ratio else unit)
    reach = f"a factor of {half} either way" if ratio else f"{half} on either side of the estimate"
    kind = "" if found["kind"] == "confidence interval" else f", {found['kind']},"
    return (
        f"The {100 * found['level']:.4g} % confidence interval{kind} is expected to reach {reach}."
    )


def _losses(answer: Answer) -> str:
    losses = answer.question.inputs.get("losses")
    if not losses or not answer.reachable:
        return ""
    started = groups(answer.question, answer.outputs)
    return (
        f"Since {100 * losses:.3g} % of the animals may be lost, the study starts with {started}."
    )


def _unit(answer: Answer) -> str:
    return f"The experimental unit is {unit_words(answer)}."


def unit_words(answer: Answer) -> str:
    """The experimental unit of the design."""
    name = answer.question.design["name"]
    if name in ("cages-whole", "litters-whole"):
        unit = "cage" if name.startswith("cages") else "litter"
        return f"the {unit}: all animals of one {unit} get the same treatment"
    return "the single animal; several measurements of one animal are averaged first"


def _basis(question: Question) -> str:
    spread = spread_words(question)
    return f"The SD was taken to be {spread}." if spread else ""


def _evidence(answer: Answer) -> str:
    evidence = answer.evidence
    if evidence is None:
        return ""
    k = "earlier studies" if evidence["k"] is None else f"{evidence['k']} earlier studies"
    part = "" if evidence["label"] == "overall" else f" ({evidence['label']})"
    chance = "the chance of success"
    if evidence["assurance"] is not None and not answer.question.assured:
        chance += f" is {share(evidence['assurance'])} with this number of animals and"
    else:
        chance = f"whatever the number of animals, {chance}"
    return (
        f"A random-effects meta-analysis of {k}{part} expects the true effect of a new study at "
        f"{evidence['mean']:.3g} SD, with a 95 % prediction interval of {evidence['pi_low']:.3g} "
        f"to {evidence['pi_high']:.3g}: over these, {chance} cannot exceed "
        f"{share(evidence['ceiling'])}."
    )


def _reduction(answer: Answer) -> str:
    """What fewer animals would mean."""
    size, question = answer.size, answer.question
    if not answer.reachable or not isinstance(size, (int, float)) or size < 4:
        return ""
    # One fewer shows that the number is the least; a quarter fewer, what such a cut would cost.
    fewer = sorted({max(2, int(size * 0.75)), int(size) - 1}, reverse=True)
    key = question.design["size"]
    powers = [question.design["power"]({**question.inputs, key: n})["power"] for n in fewer]
    if not powers[0] < question.target:
        return ""
    more = f" and with {count(fewer[1])} it would be {share(powers[1])}" if len(fewer) > 1 else ""
    return (
        f"Fewer animals would not do: with {count(fewer[0])} {size_words(question)} the power for "
        f"that difference would be {share(powers[0])}{more}, where {share(question.target)} is "
        "wanted, and a study that cannot answer its question wastes all its animals."
    )


def _sensitivity(answer: Answer) -> list[Section]:
    grid, question = answer.grid, answer.question
    if grid is None:
        return []
    name = effect_name(question)
    what = {"size": size_words(question), "power": "power", "difference": name}
    heads = [effect_amount(effect, question, short=True) for effect in grid.effects]
    if grid.counts == "difference":
        heads = [f"smallest {name} found"]
    rows = [("SD", *heads)]
    for sd, factor, cells in zip(grid.sds, grid.sd_factors, grid.cells, strict=True):
        spread = f"× {factor:g}" if sd is None else amount(sd, unit_short(question))
        rows.append((spread, *(_cell(cell, grid.counts) for cell in cells)))
    text = f"How the {what[grid.counts]} depend on what was assumed: SD down"
    text += f", {name} across." if grid.counts != "difference" else "."
    return [Section("Sensitivity", (text,), tuple(rows))]


def _cell(value: float | None, counts: str) -> str:
    if value is None:
        return "–"
    return count(value) if counts == "size" else share(value)


def arrive_items(answer: Answer) -> tuple[tuple[str, ...], ...]:
    """The items of the Essential 10 as rows: number and name, and what the plan says."""
    question = answer.question
    plan = question.plan
    given, control = _arms(question)
    named = [plan.get("study", key) for key in ("control", "treatment")]
    both = named if all(named) and len(answer.outputs.get("arms") or ()) == 2 else None
    names = plan.get("study", "groups") or both or answer.outputs.get("arms")
    compared = f"{given} against {control}"
    listed = f" Groups: {', '.join(map(str, names))}." if names else ""
    return (
        ("Item", "What the plan says"),
        ("1a Study design: groups", f"{question.design['title']}: {compared}.{listed}"),
        ("1b Study design: experimental unit", sentence(unit_words(answer))),
        ("2a Sample size: numbers", sentence(headline(answer))),
        ("2b Sample size: reason", f"{_number(answer)} See the justification above."),
        ("3a Inclusion and exclusion: criteria", _own(question, "exclusion", "criteria for leaving "
         "out animals or values, set before the study")),
        ("3b, 3c Inclusion and exclusion: what happened", f"{OPEN} after the study, exclusions and "
         "the exact n of each analysis."),
        ("4a Randomisation: sequence", _sequence(question)),
        ("4b Randomisation: confounders", "Allocation is balanced by weight and cage where the "
         "list of animals has them, and a randomisation test checks that treatment is not "
         f"confounded with cage, weight or surgeon. {OPEN} order of treatments and measurements."),
        ("5 Blinding", _blinding(question)),
        ("6a Outcome measures: definition", _outcome(question) or f"{OPEN} all outcomes measured."),
        ("6b Outcome measures: primary", str(plan.get("study", "endpoint") or f"{OPEN} the primary "
         "outcome.")),
        ("7a Statistical methods: analyses", sentence(the_test(answer))),
        ("7b Statistical methods: assumptions", f"{OPEN} how normality and equal variances are "
         "looked at, and what is done if they fail."),
        ("8a Experimental animals: details", _animals(question)),
        ("8b Experimental animals: provenance and health", f"{OPEN} source, health status, earlier "
         "procedures."),
        ("9 Experimental procedures", f"{OPEN} what is done, how, when, where and why; {given}: "
         "dose, route, frequency."),
        ("10 Results", f"{OPEN} after the study, for each group mean and SD, and the effect with "
         "its confidence interval."),
    )  # fmt: skip


def _own(question: Question, key: str, missing: str) -> str:
    own = str(question.plan.get("study", key) or "").strip()
    return sentence(own) if own else f"{OPEN} {missing}."


def _sequence(question: Question) -> str:
    seed = question.plan.get("allocation", "seed")
    unit = question.plan.get("allocation", "unit", "animal")
    if seed is None:
        return f"{OPEN} who randomises and how (metabone plan allocate gives a seeded sequence)."
    return (
        f"Computer-generated, by metabone {__version__} with seed {seed}, blocked; each {unit} is "
        "allocated by itself."
    )


def _blinding(question: Question) -> str:
    own = str(question.plan.get("study", "blinding") or "").strip()
    if own:
        return sentence(own)
    return (
        "Groups carry codes; the key is in a separate file. "
        f"{OPEN} who keeps it, and who is blind at treatment, measurement and analysis."
    )


def _animals(question: Question) -> str:
    plan = question.plan
    words = [plan.get("study", key) for key in ("strain", "sex")]
    species = animals_of(question)
    age = plan.get("study", "age_weeks")
    parts = [" ".join([*(str(word) for word in words if word), species])]
    if age:
        parts.append(f"{amount(age)} weeks old at the start")
    if plan.get("study", "model"):
        parts.append(str(plan.get("study", "model")))
    missing = [key for key in ("strain", "sex", "age_weeks") if not plan.get("study", key)]
    left = f" {OPEN} {', '.join(missing).replace('_', ' in ')}." if missing else ""
    return f"{sentence(', '.join(parts))}{left}"
