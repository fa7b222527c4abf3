"""What to think about before a plan is believed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from metabone.planning.question import SCANNED

if TYPE_CHECKING:
    from metabone.planning.answer import Answer

LARGE_D = 3.0
SMALL = 3
#: Words of an assay that scans.
_SCANS = ("ct", "dxa", "pqct")


def cautions(
    answer: Answer, evidence: Mapping[str, Any] | None, budget: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """All warnings of an answer, each a sentence, in order of weight."""
    found = [
        *_budget(answer, budget), *_size(answer), *_effect(answer), *_cages(answer),
        *_replicates(answer), *_scanner(answer), *_scans(answer), *_evidence(answer, evidence),
        *(str(note) for note in answer.outputs.get("notes", ())),
    ]  # fmt: skip
    return tuple(dict.fromkeys(sentence(text) for text in found))


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop.

    Examples
    --------
    >>> sentence("the cage is the unit")
    'The cage is the unit.'
    """
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _budget(answer: Answer, budget: Mapping[str, Any] | None) -> Iterator[str]:
    if budget is None or budget["within"]:
        return
    most = budget["animals"]
    if budget["within"] is None:
        asked = f"The budget of {most} animals cannot reach the target"
    else:
        asked = (
            f"The answer takes {answer.outputs['n_total_with_losses']} animals, the budget is "
            f"{most}"
        )
    if budget["size"] is None:
        yield f"{asked}: it is too small for this design at all"
        return
    parts = []
    for word in ("power", "assurance"):
        if budget[word] is not None:
            parts.append(f"{word} {budget[word]:.3g}")
    chance = " and ".join(parts) or "no power to tell"
    yield f"{asked}: {budget['n_total_with_losses']} animals fit into it, with {chance}"


def _size(answer: Answer) -> Iterator[str]:
    sizes = answer.outputs.get("n")
    if answer.reachable and sizes and min(sizes) < SMALL:
        yield (
            f"{min(sizes):g} animals in a group leave no room for a loss, nor to see whether the "
            "data are normal"
        )


def _effect(answer: Answer) -> Iterator[str]:
    d = answer.outputs.get("d")
    if isinstance(d, (int, float)) and abs(d) > LARGE_D:
        yield (
            f"The difference is {abs(d):.1f} SD; effects over {LARGE_D:g} SD often come from a SEM "
            "read as SD"
        )
    predictive = answer.question.predictive
    if predictive is not None and abs(predictive.mean) > LARGE_D:
        yield (
            f"The evidence has a mean of {abs(predictive.mean):.1f} SD; effects over {LARGE_D:g} "
            "SD often come from a SEM read as SD"
        )


def _cages(answer: Answer) -> Iterator[str]:
    name, inputs = answer.question.design["name"], answer.question.inputs
    cage = inputs.get("animals_per_cage") or inputs.get("animals_per_litter")
    if cage and cage > 1 and "cages" not in name and "litters" not in name:
        yield (
            "Animals are taken as independent: if all animals of a cage get the same treatment, "
            "the cage is the unit (cages-whole); mix the treatments within cages"
        )
    if name in ("cages-whole", "litters-whole") and cage and cage > 1 and not inputs.get("icc"):
        yield (
            f"Cage and treatment go together and the correlation of animals of one {_unit(name)} "
            "is taken as 0: give --icc"
        )


def _unit(name: str) -> str:
    return "litter" if name.startswith("litter") else "cage"


def _replicates(answer: Answer) -> Iterator[str]:
    count = answer.question.plan.get("design", "measurements", 1)
    if count > 1:
        yield (
            f"{count} measurements of one animal (slices, fields, both legs) are one n: average "
            "them for each animal first; the SD must be that of these averages"
        )


def _scanner(answer: Answer) -> Iterator[str]:
    plan = answer.question.plan
    theirs, ours = plan.get("variability", "scanner"), plan.get("study", "scanner")
    if theirs and ours and theirs != ours:
        yield (
            f"The SD was measured on another scanner ({theirs}) than yours ({ours}): voxel size "
            "and threshold change BV/TV and its CV; check with a pilot or historical controls"
        )
    elif answer.question.variability is not None:
        yield (
            "The CV was measured on other scanners: voxel size and threshold change it; compare it "
            "with your own historical controls"
        )


def _scans(answer: Answer) -> Iterator[str]:
    question = answer.question
    assay = str(question.plan.get("study", "assay") or "").casefold()
    scanned = not assay or any(word in assay for word in _SCANS)
    if question.design["name"] in SCANNED and scanned:
        yield (
            "Repeated in-vivo scans alter bone: in ovariectomised mice five scans lowered Tb.N by "
            "14 % (PMC6874075), in young rats weekly doses of 1.65 Gy and more lowered BMD and "
            "Tb.N (PMC6237372); scan controls as often, and keep the dose low"
        )


def _evidence(answer: Answer, evidence: Mapping[str, Any] | None) -> Iterator[str]:
    if evidence is None:
        return
    question = answer.question
    ceiling, target = evidence["ceiling"], question.target
    if ceiling < target and not question.assured:
        yield (
            f"Over what the evidence expects the ceiling of assurance is {ceiling:.2f}, below the "
            f"target of {target:g}: a power of {target:g} holds for the assumed difference alone"
        )
    yield from evidence["notes"]
    k = evidence["k"]
    if k is not None and k < 5:
        yield f"The evidence is {k} studies: how much true effects differ is hardly known"
