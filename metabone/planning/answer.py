"""Answers of the planner: animals, power, detectable difference and assurance of one plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from metabone._version import __version__
from metabone.errors import UsageError
from metabone.planning.budget import budget_of
from metabone.planning.cautions import cautions
from metabone.planning.question import IN_SD, Question

SCHEMA_VERSION = "1.0"
Asked = Literal["n", "power", "mde", "assurance"]
SD_FACTORS = (0.75, 1.0, 1.25, 1.5)
EFFECT_FACTORS = (0.75, 1.0, 1.25)
TARGETS = (0.5, 0.6, 0.7, 0.8, 0.9)
CURVE_POINTS = 48


@dataclass(frozen=True, slots=True)
class Grid:
    """What the answer would be with another SD and another effect.

    Parameters
    ----------
    counts : what a cell holds: ``size`` (animals in a group or what the design counts), ``power``
        or ``difference``.
    sds, effects : rows and columns, in bench units; `sd_factors` and `effect_factors` say how many
        times the plan's own. A grid of detectable differences has one column.
    cells : row by row; None where there is no answer.
    """

    counts: str
    sd_factors: tuple[float, ...]
    effect_factors: tuple[float, ...]
    sds: tuple[float | None, ...]
    effects: tuple[float, ...]
    cells: tuple[tuple[float | None, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """The grid as JSON prints it."""
        return {
            "counts": self.counts, "sd_factors": list(self.sd_factors),
            "effect_factors": list(self.effect_factors), "sds": list(self.sds),
            "effects": list(self.effects), "cells": [list(row) for row in self.cells],
        }  # fmt: skip


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
        from metabone.planning.words import headline

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


@contextmanager
def said(question: Question) -> Iterator[None]:
    """What a design refuses, as an error of usage that names the design."""
    try:
        yield
    except UsageError:
        raise
    except ValueError as error:
        name, text = question.design["name"], str(error)
        raise UsageError(text if text.startswith(name) else f"{name}: {text}") from error


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
    with said(question):
        from metabone.planning.designs.solve import solve_n

        found = solve_n(question.design, question.inputs, question.target)
    size = found.get("size", found.get("n"))
    reason = "" if found["reachable"] else _no_power(question, found["ceiling"])
    answer = Answer(
        "n", question, found, size, reachable=found["reachable"], ceiling=found["ceiling"],
        reason=reason,
    )  # fmt: skip
    return _finish(answer, grid=grid)


def answer_power(question: Question, *, grid: bool = True) -> Answer:
    """The chance of finding the difference with the animals that the plan gives."""
    with said(question):
        found = question.design["power"](question.sized)
    asked: Asked = "assurance" if question.assured else "power"
    return _finish(Answer(asked, question, found, question.size), grid=grid)


def answer_mde(question: Question, *, grid: bool = True) -> Answer:
    """The smallest difference that the animals of the plan detect with the wanted power."""
    with said(question):
        from metabone.planning.designs.solve import solve_effect

        found = solve_effect(question.design, question.sized, question.target)
    return _finish(Answer("mde", _with_effect(question, found), found, question.size), grid=grid)


def _with_effect(question: Question, found: Mapping[str, Any]) -> Question:
    """The question with the effect found in place of the one given, if any: curves and texts of a
    detectable difference speak of it."""
    key = question.design["effect"]
    if key is None or found.get("effect") is None:
        return question
    asked = {name: value for name, value in question.inputs.items()
             if name not in ("percent_change", "margin_percent")}  # fmt: skip
    return replace(question, inputs={**asked, key: found["effect"]})


def curve(answer: Answer, *, sd_factor: float = 1.0) -> tuple[tuple[int, float], ...]:
    """Power against the size, from 2 to about twice the answer.

    Parameters
    ----------
    sd_factor : how many times the plan's SD.
    """
    return tuple(curve_steps(answer, sd_factor=sd_factor))


def curve_steps(answer: Answer, *, sd_factor: float = 1.0) -> Iterator[tuple[int, float]]:
    """The points of `curve`, one at a time."""
    from metabone.planning.designs.solve import chance

    question = answer.question
    with said(question):
        inputs = scaled(question, answer.outputs, sd_factor, 1.0)
        key = question.design["size"]
        for n in curve_sizes(answer):
            yield n, chance(question.design, {**inputs, key: n})


def assurance_points(answer: Answer) -> tuple[tuple[int, float], ...]:
    """Assurance against the size; see `curve`."""
    return tuple(assurance_steps(answer))


def assurance_steps(answer: Answer) -> Iterator[tuple[int, float]]:
    """The points of `assurance_points`, one at a time."""
    from metabone.planning.assured import assurance_at

    with said(answer.question):
        for n in curve_sizes(answer):
            yield n, assurance_at(answer.question, n)


def curve_sizes(answer: Answer) -> tuple[int, ...]:
    """Whole sizes to draw a curve at: every one, or evenly spaced, the answer among them."""
    size = answer.size
    if isinstance(size, (list, tuple)):
        raise UsageError("a curve needs one number of animals for all groups; got a list")
    floor = answer.question.design.get("floor", 2)
    low = int(floor if isinstance(floor, int) else floor(answer.question.inputs))
    last = max(low + 10, 2 * int(size)) if size else 60
    step = max(1, (last - low) // CURVE_POINTS)
    sizes = set(range(low, last + 1, step)) | ({int(size)} if size else set())
    return tuple(sorted(sizes))


def scaled(
    question: Question, outputs: Mapping[str, Any], sd_factor: float, effect_factor: float
) -> dict[str, Any]:
    """The inputs with another SD and another effect."""
    inputs = {
        key: _times(value, sd_factor) if _is_spread(key) else value
        for key, value in question.inputs.items()
    }
    key = question.design["effect"]
    if key is None or effect_factor == 1:
        return inputs
    effect = outputs.get("effect")
    if effect is None:
        return inputs
    inputs.pop("percent_change", None)
    value = inputs.get(key)
    if key == "fold" and value is not None:
        inputs[key] = value**effect_factor
    elif isinstance(value, (list, tuple)):
        inputs[key] = _times(value, effect_factor)
    else:
        inputs[key] = effect * effect_factor
    return inputs


def _is_spread(key: str) -> bool:
    return key.split("_")[0] in ("sd", "sds", "cv")


def _times(value: Any, factor: float) -> Any:
    if isinstance(value, (list, tuple)):
        return [_times(item, factor) for item in value]
    return value * factor if isinstance(value, (int, float)) else value


def _finish(answer: Answer, *, grid: bool, known: dict[int, float] | None = None) -> Answer:
    """Evidence, sensitivity and warnings, which all answers have alike.

    Parameters
    ----------
    known : assurances by size that were computed on the way.
    """
    evidence = _evidence(answer, {} if known is None else known)
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


def _assured_n(question: Question, *, grid: bool) -> Answer:
    from metabone.planning.assured import n_for_assurance

    with said(question):
        known: dict[int, float] = {}
        found = n_for_assurance(question, question.target, known)
        size = found["size"]
        key = question.design["size"]
        outputs = question.design["power"]({**question.inputs, key: size or 2})
    reason = ""
    if size is None:
        outputs = {**outputs, "power": None, "n": None, "n_total": None, "cages": None,
                   "n_with_losses": None, "n_total_with_losses": None}  # fmt: skip
        reason = _no_assurance(question, found)
    answer = Answer(
        "n", question, outputs, size, reachable=size is not None, ceiling=found["ceiling"],
        reason=reason,
    )  # fmt: skip
    return _finish(answer, grid=grid, known=known)


def _no_assurance(question: Question, found: Mapping[str, Any]) -> str:
    if found["reason"] == "ceiling":
        return (
            f"no number of animals reaches an assurance of {share(question.target)}: the ceiling "
            f"is {share(found['ceiling'])}, the chance that the true effect has the expected sign"
        )
    return (
        f"an assurance of {share(question.target)} takes more than 100,000 animals a group; the "
        f"ceiling is {share(found['ceiling'])}"
    )


def _no_power(question: Question, ceiling: float | None) -> str:
    top = "" if ceiling is None else f"; the ceiling is {share(ceiling)}"
    return f"no number of animals reaches a power of {share(question.target)}{top}"


def share(value: float) -> str:
    """A chance with three digits, never rounded to a certainty that it is not.

    Examples
    --------
    >>> share(0.8), share(0.94435), share(0.99996), share(1.0)
    ('0.8', '0.944', '>0.999', '1')
    """
    if 0.9995 <= value < 1:
        return ">0.999"
    return "<0.001" if 0 < value < 0.0005 else f"{value:.3g}"


def _evidence(answer: Answer, known: dict[int, float]) -> Mapping[str, Any] | None:
    """The predictive, its ceiling, what the answer's size is worth, and other ways to read it."""
    question = answer.question
    predictive = question.predictive
    if predictive is None:
        return None
    from metabone.planning.evidence_compare import compare_effects
    from metabone.planning.predictive import ceiling

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


def _assurance(question: Question, size: Any, known: dict[int, float]) -> float:
    """Assurance of a size, looked up or computed; a list of sizes is in no dictionary."""
    from metabone.planning.assured import assurance_at

    if isinstance(size, (list, tuple)) or size != int(size):
        return assurance_at(question, size)
    if size not in known:
        known[size] = assurance_at(question, size)
    return known[size]


def _targets(question: Question, known: dict[int, float]) -> list[dict[str, Any]]:
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


def sensitivity(answer: Answer) -> Grid | None:
    """SD × effect around the plan's own; None for a design that has no such inputs."""
    grid = None
    for found in sensitivity_steps(answer):
        grid = found
    return grid


def sensitivity_steps(answer: Answer) -> Iterator[Grid | None]:
    """`sensitivity` at the end of its steps; None before, after each cell that was computed."""
    question = answer.question
    has_sd = any(map(_is_spread, question.inputs))
    effect = answer.outputs.get("effect")
    if (
        question.unit == IN_SD
        or not has_sd
        or question.design["effect"] is None
        or not isinstance(effect, (int, float))
    ):
        return
    counts, cell = _cell(answer)
    columns = (1.0,) if counts == "difference" else EFFECT_FACTORS
    rows: list[tuple[float | None, ...]] = []
    for row in SD_FACTORS:
        cells: list[float | None] = []
        for column in columns:
            cells.append(cell(scaled(question, answer.outputs, row, column)))
            yield None
        rows.append(tuple(cells))
    sd = question.sd if question.sd is not None else answer.outputs.get("sd")
    sds = tuple(None if sd is None else sd * factor for factor in SD_FACTORS)
    shown = [effect**c if question.design["effect"] == "fold" else effect * c
             for c in columns]  # fmt: skip
    yield Grid(counts, SD_FACTORS, columns, sds, tuple(shown), tuple(rows))


def _cell(answer: Answer) -> tuple[str, Callable[[dict[str, Any]], float | None]]:
    """What a cell of the grid holds, and how it is computed."""
    from metabone.planning.designs.solve import chance, solve_effect, solve_n

    question = answer.question
    design, key = question.design, question.design["size"]
    if answer.asked == "n" and not question.assured:

        def cell(inputs: dict[str, Any]) -> float | None:
            found = solve_n(design, inputs, question.target)
            value: float | None = found.get("size")
            return value

        return "size", cell
    if answer.asked == "mde":

        def detectable(inputs: dict[str, Any]) -> float | None:
            sized = {**inputs, key: answer.size}
            value: float = solve_effect(design, sized, question.target)["effect"]
            return value

        return "difference", detectable

    def powered(inputs: dict[str, Any]) -> float | None:
        return chance(design, {**inputs, key: answer.size})

    return "power", powered
