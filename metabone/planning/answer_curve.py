"""Power and assurance of a plan against the number of animals: the points of its curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from metabone.errors import UsageError
from metabone.planning.question import said
from metabone.planning.sensitivity import scaled

if TYPE_CHECKING:
    from metabone.planning.answer import Answer

CURVE_POINTS = 48


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
