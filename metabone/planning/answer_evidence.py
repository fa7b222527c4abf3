"""What a pooled result says of a plan: its prediction, and what the plan's size is worth by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from metabone.planning.question import Question, said

if TYPE_CHECKING:
    from metabone.planning.answer import Answer
    from metabone.planning.assured import Known

TARGETS = (0.5, 0.6, 0.7, 0.8, 0.9)


def evidence_of(answer: Answer, known: Known | None = None) -> Mapping[str, Any] | None:
    """The predictive, its ceiling, what the answer's size is worth, and other ways to read it.

    Parameters
    ----------
    known : assurances that were computed on the way to the answer.
    """
    question = answer.question
    predictive = question.predictive
    if predictive is None:
        return None
    from metabone.planning.assured import Known
    from metabone.planning.evidence_compare import compare_effects
    from metabone.planning.predictive import ceiling

    known = Known() if known is None else known
    low, high = predictive.interval()
    able = question.design["effect"] == "difference" and question.sd is not None
    sized = answer.size is not None and able
    with said(question):
        inputs = question.inputs
        ways = compare_effects(
            predictive, question.target, alpha=inputs.get("alpha", 0.05),
            sides=inputs.get("sides", 2),
            bias_adjusted=question.plan.get("evidence", "bias_adjusted"),
        )  # fmt: skip
        return {
            **predictive.to_dict(),
            "pi_low": low,
            "pi_high": high,
            "ceiling": ceiling(predictive),
            "assurance": _assurance(question, answer.size, known) if sized else None,
            "targets": _targets(question, known) if able else [],
            "ways": ways,
            "update": _update(answer),
        }


def _assurance(question: Question, size: Any, known: Known) -> float:
    """Assurance of a size, looked up or computed; a list of sizes is in no dictionary."""
    from metabone.planning.assured import assurance_at

    if isinstance(size, (list, tuple)) or size != int(size):
        return assurance_at(question, size)
    return known.at(question, int(size))


def _targets(question: Question, known: Known) -> list[dict[str, Any]]:
    """Sizes for several chances of success."""
    from metabone.planning.assured import n_for_assurance

    return [
        {"assurance": target, "size": n_for_assurance(question, target, known)["size"]}
        for target in TARGETS
    ]


def _update(answer: Answer) -> Mapping[str, Any] | None:
    """Power of the meta-analysis once this study, or several labs' ones, are in it."""
    question, outputs = answer.question, answer.outputs
    predictive, sizes = question.predictive, outputs.get("n")
    if predictive is None or not predictive.se or predictive.tau is None or not sizes:
        return None
    if len(sizes) < 2 or any(int(n) != n for n in sizes):
        return None
    from metabone.planning.evidence_update import updated_ceiling, updated_power

    labs = int(question.plan.get("evidence", "labs", 1))
    alpha = question.inputs.get("alpha", 0.05)
    n2, n1 = int(sizes[0]), int(sizes[1])
    return {
        "labs": labs,
        "power": updated_power(n1, n2, predictive, labs=labs, alpha=alpha),
        "ceiling": updated_ceiling(predictive, labs=labs, alpha=alpha),
    }
