"""What the answer of a plan would be with another SD and another effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metabone.planning.question import IN_SD, Question

if TYPE_CHECKING:
    from metabone.planning.answer import Answer

SD_FACTORS = (0.75, 1.0, 1.25, 1.5)
EFFECT_FACTORS = (0.75, 1.0, 1.25)


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
