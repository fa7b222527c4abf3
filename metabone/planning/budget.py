"""What a budget of animals buys: the largest study that it pays for, losses included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metabone.planning.answer import Answer
    from metabone.planning.question import Question

MOST = 100_000


def budget_of(answer: Answer) -> Mapping[str, Any] | None:
    """The plan's budget of animals against what the answer asks for.

    Returns
    -------
    ``animals`` (the budget), ``within`` (whether the answer's study fits; None where it has no
    size), ``size`` (the largest that fits, as the design counts it; None where none does),
    ``n_total_with_losses``, ``power`` and ``assurance`` of that size (None without evidence). None
    without a budget.
    """
    question = answer.question
    animals = question.plan.get("design", "budget")
    if animals is None:
        return None
    needed = None if answer.size is None else answer.outputs.get("n_total_with_losses")
    found: dict[str, Any] = {
        "animals": animals, "within": None if needed is None else needed <= animals, "size": None,
        "n_total_with_losses": None, "power": None, "assurance": None,
    }  # fmt: skip
    size = largest_size(question, answer, animals)
    if size is None:
        return found
    outputs = question.design["power"](_inputs(answer, size))
    power = float(outputs["power"])
    able = question.design["effect"] == "difference" and question.sd is not None
    found["size"], found["n_total_with_losses"] = size, outputs["n_total_with_losses"]
    found["power"] = None if power != power else power
    if question.predictive is not None and able:
        from metabone.planning.assured import assurance_at

        found["assurance"] = assurance_at(question, size)
    return found


def largest_size(question: Question, answer: Answer, animals: int) -> int | None:
    """Largest size, as the design counts it, that takes no more than `animals` in all."""
    floor = question.design.get("floor", 2)
    low = floor if isinstance(floor, int) else floor(question.inputs)
    if needs(question, answer, low) > animals:
        return None
    high = 2 * low
    while high < MOST and needs(question, answer, high) <= animals:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if needs(question, answer, middle) <= animals:
            low = middle
        else:
            high = middle
    return low


def needs(question: Question, answer: Answer, size: int) -> int:
    """Animals that a study of this size starts with."""
    from metabone.planning.designs.animals import animals_started

    return animals_started(question.design, _inputs(answer, size))


def _inputs(answer: Answer, size: int) -> dict[str, Any]:
    question = answer.question
    inputs = dict(question.inputs)
    inputs[question.design["size"] or "n"] = size
    effect = question.design["effect"]
    if answer.asked == "mde" and effect is not None:
        inputs.pop("percent_change", None)
        inputs[effect] = answer.outputs["effect"]
    return inputs
