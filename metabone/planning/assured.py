"""Assurance of any design whose effect is a difference: its own power, averaged over evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metabone.errors import UsageError
from metabone.planning.designs import assurance as kernel

if TYPE_CHECKING:
    from metabone.planning.predictive import Predictive
    from metabone.planning.question import Question

MOST = 100_000


def assurance_at(question: Question, size: Any) -> float:
    """Chance that a study of this size shows the effect, over what the evidence expects.

    A significant result in the wrong direction is no success. Exact where the design's test is a
    t test (1e-8), else by `averaged`.

    Parameters
    ----------
    size : of the design's own kind: animals in a group, cages, blocks.

    Raises
    ------
    UsageError
        Without evidence, or for a design whose effect is no difference.
    """
    known = _predictive(question)
    return kernel.assurance(
        question.design, question.inputs, size, question.sd or 1.0, known.mean, known.scale,
        known.df,
    )  # fmt: skip


def averaged(question: Question, predictive: Predictive, size: Any) -> float:
    """The mean of the design's power over the predictive, by the trapezoid rule on asinh.

    The rule itself adds less than 2e-6.
    """
    sd = question.sd or 1.0

    def chance(delta: float, right: bool) -> float:
        return kernel.success(question.design, question.inputs, size, sd, delta, right)

    return kernel.averaged(chance, predictive.mean, predictive.scale, predictive.df)


def n_for_assurance(
    question: Question, target: float, known: dict[int, float] | None = None
) -> dict[str, Any]:
    """Smallest size whose assurance reaches `target`, or its ceiling.

    Parameters
    ----------
    known : assurances by size that were computed before; it grows.

    Returns
    -------
    ``size`` (None where no size is enough), ``ceiling``, ``assurance`` at that size, ``reason``.
    """
    predictive = _predictive(question)
    top = kernel.ceiling(predictive.mean, predictive.scale, predictive.df)
    answer: dict[str, Any] = {"size": None, "ceiling": top, "assurance": None, "reason": None}
    if target >= top:
        answer["reason"] = "ceiling"
        return answer
    before: dict[int, float] = {} if known is None else known

    def at(size: int) -> float:
        if size not in before:
            before[size] = assurance_at(question, size)
        return before[size]

    guess = 0 if before else kernel.rough_size(
        question.design, question.inputs, question.sd or 1.0, predictive.mean, predictive.scale,
        predictive.df, target, MOST,
    )  # fmt: skip
    size = kernel.smallest_size(at, target, MOST, guess, before)
    if size is None:
        answer["reason"] = "too many"
        return answer
    answer.update({"size": size, "assurance": at(size)})
    return answer


def _predictive(question: Question) -> Predictive:
    if question.predictive is None:
        raise UsageError("assurance needs evidence: --from-meta FILE.json, or result in [evidence]")
    if question.design["effect"] != "difference" or question.sd is None:
        raise UsageError(
            f"the design {question.design['name']} has no assurance: it needs a difference and one "
            "SD between animals"
        )
    return question.predictive
