"""Answers of the planner: animals, power, detectable difference and assurance of one plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from metabone._version import __version__
from metabone.errors import UsageError
from metabone.planning.answer_evidence import evidence_of
from metabone.planning.budget import budget_of
from metabone.planning.cautions import cautions
from metabone.planning.chances import no_assurance, no_power
from metabone.planning.question import Question, said
from metabone.planning.sensitivity import Grid, sensitivity
from metabone.planning.words import headline

if TYPE_CHECKING:
    from metabone.planning.assured import Known

SCHEMA_VERSION = "1.0"
Asked = Literal["n", "power", "mde", "assurance"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a plan comes to.

    Parameters
    ----------
    asked : ``n``, ``power``, ``mde`` (smallest detectable difference) or ``assurance``.
    outputs : the design's own answer at the size found or given: power, n, cages, effect, d, ….
    size : animals in a group, or what the design counts; None where no number is enough.
    reachable : whether the target can be met.
    ceiling : what no number of animals exceeds, where that is known.
    reason : why the target cannot be met, in words; empty if it can.
    evidence : what a pooled result expects, and what each way of reading it asks for.
    interval : expected confidence interval of the effect, or None; see `designs.interval`.
    interval_reason : why there is none; empty if there is one.
    budget : what the animals of the plan's budget buy, or None without one; see `budget`.
    grid : sensitivity, or None.
    warnings : sentences to read before using the answer.
    """

    asked: Asked
    question: Question
    outputs: Mapping[str, Any]
    size: Any
    reachable: bool = True
    ceiling: float | None = None
    reason: str = ""
    evidence: Mapping[str, Any] | None = None
    grid: Grid | None = None
    warnings: tuple[str, ...] = field(default=())
    interval: Mapping[str, Any] | None = None
    interval_reason: str = ""
    budget: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        question, plan = self.question, self.question.plan
        return {
            "schema_version": SCHEMA_VERSION,
            "metabone_version": __version__,
            "asked": self.asked,
            "answer": headline(self),
            "design": question.design["name"],
            "title": question.design["title"],
            "target": question.target,
            "target_of": "assurance" if question.assured else "power",
            "reachable": self.reachable,
            "ceiling": self.ceiling,
            "reason": self.reason or None,
            "size": self.size,
            "unit": question.unit or None,
            "inputs": question.inputs,
            "outputs": dict(self.outputs),
            "interval": self.interval,
            "interval_reason": self.interval_reason or None,
            "budget": self.budget,
            "evidence": self.evidence,
            "variability": question.variability,
            "grid": None if self.grid is None else self.grid.to_dict(),
            "notes": list(question.notes),
            "warnings": list(self.warnings),
            "plan": {section: dict(values) for section, values in plan.values.items()},
        }


def answer_n(question: Question, *, grid: bool = True) -> Answer:
    """How many animals: for a wanted power, or for a wanted assurance.

    Raises
    ------
    UsageError
        If the design lacks an input or cannot be solved for its size.

    Examples
    --------
    >>> from metabone.planning.plan_file import Plan
    >>> from metabone.planning.question import make_question
    >>> plan = Plan({"design": {"mean": 20, "cv": 20, "percent": 30}})
    >>> answer_n(make_question(plan)).outputs["n"]
    [9, 9]
    """
    if question.assured:
        return _assured_n(question, grid=grid)
    _want_difference(question)
    with said(question):
        from metabone.planning.designs.solve import solve_n

        found = solve_n(question.design, question.inputs, question.target)
    size = found.get("size", found.get("n"))
    reason = "" if found["reachable"] else no_power(question, found["ceiling"])
    answer = Answer(
        "n", question, found, size, reachable=found["reachable"], ceiling=found["ceiling"],
        reason=reason,
    )  # fmt: skip
    return _finish(answer, grid=grid)


def answer_power(question: Question, *, grid: bool = True) -> Answer:
    """The chance of finding the difference with the animals that the plan gives."""
    _want_difference(question)
    with said(question):
        found = question.design["power"](question.sized)
    asked: Asked = "assurance" if question.assured else "power"
    return _finish(Answer(asked, question, found, question.size), grid=grid)


def answer_mde(question: Question, *, grid: bool = True) -> Answer:
    """The smallest difference that the animals of the plan detect with the wanted power."""
    question = question.with_equal_means()
    with said(question):
        from metabone.planning.designs.solve import solve_effect

        found = solve_effect(question.design, question.sized, question.target)
    return _finish(Answer("mde", _with_effect(question, found), found, question.size), grid=grid)


def _want_difference(question: Question) -> None:
    if question.means_missing:
        raise UsageError(
            f"{question.design['name']}: give the smallest difference worth finding (--difference "
            "or --percent), or the mean of each arm as the input means"
        )


def _with_effect(question: Question, found: Mapping[str, Any]) -> Question:
    """The question with the effect found in place of the one given, if any: curves and texts of a
    detectable difference speak of it."""
    key = question.design["effect"]
    if key is None or found.get("effect") is None:
        return question
    asked = {name: value for name, value in question.inputs.items()
             if name not in ("percent_change", "margin_percent")}  # fmt: skip
    return replace(question, inputs={**asked, key: found["effect"]})


def _assured_n(question: Question, *, grid: bool) -> Answer:
    from metabone.planning.assured import Known, n_for_assurance

    with said(question):
        known = Known()
        found = n_for_assurance(question, question.target, known)
        size = found["size"]
        key = question.design["size"]
        outputs = question.design["power"]({**question.inputs, key: size or 2})
    reason = ""
    if size is None:
        outputs = {**outputs, "power": None, "n": None, "n_total": None, "cages": None,
                   "n_with_losses": None, "n_total_with_losses": None}  # fmt: skip
        reason = no_assurance(question, found)
    answer = Answer(
        "n", question, outputs, size, reachable=size is not None, ceiling=found["ceiling"],
        reason=reason,
    )  # fmt: skip
    return _finish(answer, grid=grid, known=known)


def _finish(answer: Answer, *, grid: bool, known: Known | None = None) -> Answer:
    """Evidence, sensitivity and warnings, which all answers have alike.

    Parameters
    ----------
    known : assurances that were computed on the way.
    """
    evidence = evidence_of(answer, known)
    table = sensitivity(answer) if grid and answer.reachable else None
    with said(answer.question):
        interval, reason = interval_of(answer)
        budget = budget_of(answer)
    return Answer(
        answer.asked, answer.question, answer.outputs, answer.size, answer.reachable,
        answer.ceiling, answer.reason, evidence, table, cautions(answer, evidence, budget),
        interval, reason, budget,
    )  # fmt: skip


def interval_of(answer: Answer) -> tuple[Mapping[str, Any] | None, str]:
    """The interval that the study is expected to end with, and why there is none.

    If the true effect is the one of the answer: of ``mde``, the detectable one.
    """
    from metabone.planning.designs.interval import expected_interval

    question = answer.question
    key = question.design["size"]
    if answer.size is None or key is None:
        why = question.design.get("no_interval") or "no size of the study is enough"
        return None, why
    inputs = dict(question.inputs)
    inputs[key] = answer.size
    effect = question.design["effect"]
    if answer.asked == "mde" and effect in ("difference", "fold"):
        inputs.pop("percent_change", None)
        inputs[effect] = answer.outputs["effect"]
    found = expected_interval(question.design, inputs)
    reason = found.pop("reason")
    if reason:
        return None, reason
    unit = "-fold" if found["scale"] == "ratio" else question.unit
    per = found.pop("per")
    found["unit"] = " ".join([part for part in (unit, per) if part]) or None
    return found, ""
