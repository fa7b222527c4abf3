"""Assurance of any design whose effect is a difference: its own power, averaged over evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metabone.errors import UsageError
from metabone.planning.designs import assurance as kernel
from metabone.planning.designs.truth_average import averaged as over_truth

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
    """The mean of the design's power over the predictive, within 1e-7."""
    sd = question.sd or 1.0

    def chance(delta: float, right: bool) -> float:
        return kernel.success(question.design, question.inputs, size, sd, delta, right)

    return over_truth(chance, predictive.mean, predictive.scale, predictive.df)


class Known:
    """Assurances of a question by size, as far as they were computed.

    Parameters
    ----------
    exact : by size.
    about : by size, within `kernel.DOUBT`: enough to tell on which side of a target most sizes lie.
    """

    def __init__(self) -> None:
        self.exact: dict[int, float] = {}
        self.about: dict[int, float] = {}

    def at(self, question: Question, size: int) -> float:
        """The assurance of a size."""
        if size not in self.exact:
            self.exact[size] = assurance_at(question, size)
        return self.exact[size]

    def beside(self, question: Question, size: int, target: float) -> float:
        """The same, but where it is certainly not near the target, about."""
        if size in self.exact:
            return self.exact[size]
        if size not in self.about:
            known = _predictive(question)
            near = kernel.about(
                question.design, question.inputs, size, question.sd or 1.0, known.mean,
                known.scale, known.df,
            )  # fmt: skip
            if near is None:
                return self.at(question, size)
            self.about[size] = near
        near = self.about[size]
        return near if abs(near - target) > kernel.DOUBT else self.at(question, size)

    def decided(self, target: float) -> dict[int, float]:
        """Those that say on which side of the target their size lies."""
        sure = {n: near for n, near in self.about.items() if abs(near - target) > kernel.DOUBT}
        sure.update(self.exact)
        return sure


def n_for_assurance(
    question: Question, target: float, known: Known | None = None
) -> dict[str, Any]:
    """Smallest size whose assurance reaches `target`, or its ceiling.

    Parameters
    ----------
    known : assurances that were computed before; it grows.

    Returns
    -------
    ``size`` (None where no size is enough), ``ceiling``, ``reason``.
    """
    predictive = _predictive(question)
    top = kernel.ceiling(predictive.mean, predictive.scale, predictive.df)
    answer: dict[str, Any] = {"size": None, "ceiling": top, "reason": None}
    if target >= top:
        answer["reason"] = "ceiling"
        return answer
    before = Known() if known is None else known
    seen = before.decided(target)

    def at(size: int) -> float:
        return before.beside(question, size, target)

    guess = 0 if seen else kernel.rough_size(
        question.design, question.inputs, question.sd or 1.0, predictive.mean, predictive.scale,
        predictive.df, target, MOST,
    )  # fmt: skip
    answer["size"] = kernel.smallest_size(at, target, MOST, guess, seen)
    if answer["size"] is None:
        answer["reason"] = "too many"
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
