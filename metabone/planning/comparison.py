"""The same question, asked of several designs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metabone.errors import MetaboneError
from metabone.planning.answer import answer_n
from metabone.planning.chances import share
from metabone.planning.plan_file import Plan
from metabone.planning.question import design_names, find_design, make_question
from metabone.planning.words import headline


def compare_designs(plan: Plan, names: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """What each design needs for the plan's question.

    A word of the plan that a design does not take is left out for it, and named.

    Parameters
    ----------
    names : designs to ask; by default all whose effect is a difference.

    Returns
    -------
    One mapping a design, those with an answer first, by animals: ``design``, ``title``, ``answer``
    in words, ``size``, ``n_total`` (losses included), ``power``, ``left_out`` and, where there is
    no answer, the ``reason``.

    Raises
    ------
    UsageError
        For a name that is no design.

    Examples
    --------
    >>> plan = Plan({"design": {"mean": 20, "cv": 20, "percent": 30, "baseline_correlation": 0.7}})
    >>> [(row["design"], row["n_total"]) for row in compare_designs(plan, ["two-groups", "ancova"])]
    [('ancova', 12), ('two-groups', 18)]
    """
    same = [name for name in design_names() if find_design(name)["effect"] == "difference"]
    chosen = [find_design(name)["name"] for name in names or same]
    rows = [_row(plan, name) for name in dict.fromkeys(chosen)]
    return sorted(rows, key=lambda row: (row["n_total"] is None, row["n_total"] or 0))


def _row(plan: Plan, name: str) -> dict[str, Any]:
    design = find_design(name)
    row: dict[str, Any] = {
        "design": name, "title": design["title"], "answer": None, "size": None, "n_total": None,
        "power": None, "left_out": [], "reason": None,
    }  # fmt: skip
    own = plan.with_values("design", {"name": name})
    try:
        question = make_question(own, lenient=True)
        answer = answer_n(question, grid=False)
    except MetaboneError as error:
        return row | {"reason": str(error)}
    row["left_out"] = list(question.left_out)
    if not answer.reachable:
        return row | {"reason": answer.reason}
    outputs: Mapping[str, Any] = answer.outputs
    return row | {
        "answer": headline(answer), "size": answer.size,
        "n_total": outputs["n_total_with_losses"], "power": outputs["power"],
    }  # fmt: skip


def comparison_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The comparison for people: those with an answer, then why the others have none."""
    answered = [row for row in rows if row["n_total"] is not None]
    wide = max((len(row["design"]) for row in rows), default=0)
    for row in answered:
        yield f"{row['design']:<{wide}}  {row['answer']}; power {share(row['power'])}"
        if row["left_out"]:
            yield f"{'':<{wide}}    without {', '.join(row['left_out'])}"
    others = [row for row in rows if row["n_total"] is None]
    if others:
        yield ""
        yield "No answer:"
    for row in others:
        reason = str(row["reason"]).splitlines()[0].removeprefix(f"{row['design']}: ")
        yield f"{row['design']:<{wide}}  {reason}"
