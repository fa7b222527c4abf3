"""The power curve of a planner's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metabone.planning.answer import Answer
from metabone.planning.answer_curve import assurance_points, curve
from metabone.planning.words import (
    count,
    effect_name,
    effect_words,
    size_words,
    spread_words,
    the_test,
)
from metabone.plots.power import percent, power
from metabone.plots.spec import Curve

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure

SYNTHETIC = "SYNTHETIC DATA"
#: How many times the plan's SD the thin curve assumes.
LARGER_SD = 1.25


def plan_curve(
    answer: Answer,
    *,
    title: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw power against the size of the design; with evidence also assurance and its ceiling.

    Parameters
    ----------
    answer : of any question of the planner.
    title : above the figure; by default that of the plan.
    width_mm, font : see `metabone.plots.power.power`.

    Raises
    ------
    UsageError
        For a plan with other numbers in each group, an unknown font, or a width too narrow.
    """
    question = answer.question
    word = size_words(question)
    named = title if title is not None else question.plan.get("", "title")
    evidence = answer.evidence
    synthetic = evidence is not None and any("SYNTHETIC" in note for note in evidence["notes"])
    return power(
        _curves(answer),
        target=question.target,
        chosen=answer.size,
        chosen_text=_chosen(answer),
        title=str(named) if named is not None else None,
        x_label=word[:1].upper() + word[1:],
        footer=_footer(answer),
        banner=SYNTHETIC if synthetic else None,
        width_mm=width_mm,
        font=font,
    )


def _curves(answer: Answer) -> list[Curve]:
    question, evidence = answer.question, answer.evidence
    curves = []
    if question.sd is not None:
        larger = f"power, SD {100 * (LARGER_SD - 1):g}% larger"
        curves.append(Curve(larger, "other", curve(answer, sd_factor=LARGER_SD)))
    what = effect_words(answer, plain=True).replace(" ", "\u00a0", 1)
    name = effect_name(question)
    curves.append(Curve(f"power if the {name} is {what}", "power", curve(answer)))
    if evidence is not None and evidence["targets"]:
        k = evidence["k"]
        over = "the evidence" if k is None else f"what {k} studies expect"
        points = assurance_points(answer)
        curves.append(Curve(f"assurance over {over}", "assurance", points, evidence["ceiling"]))
    return curves


def _chosen(answer: Answer) -> str:
    if answer.size is None:
        return ""
    outputs, evidence = answer.outputs, answer.evidence
    text = f"{count(answer.size)} {size_words(answer.question)}: power {percent(outputs['power'])}"
    if evidence is not None and evidence["assurance"] is not None:
        text += f", assurance {percent(evidence['assurance'])}"
    return text


def _footer(answer: Answer) -> tuple[str, ...]:
    lines = [f"{the_test(answer)}."]
    lines[0] = lines[0][:1].upper() + lines[0][1:]
    spread = spread_words(answer.question)
    if spread:
        lines[0] += f" SD {spread}."
    if not answer.reachable:
        lines.append(f"{answer.reason[:1].upper()}{answer.reason[1:]}.")
    return tuple(lines)
