"""Chances in words, and why no number of animals gives the chance that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metabone.planning.question import Question


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


def no_power(question: Question, ceiling: float | None) -> str:
    """Why the wanted power is out of reach."""
    top = "" if ceiling is None else f"; the ceiling is {share(ceiling)}"
    return f"no number of animals reaches a power of {share(question.target)}{top}"


def no_assurance(question: Question, found: Mapping[str, Any]) -> str:
    """Why the wanted assurance is out of reach, from what `n_for_assurance` found."""
    if found["reason"] == "ceiling":
        return (
            f"no number of animals reaches an assurance of {share(question.target)}: the ceiling "
            f"is {share(found['ceiling'])}, the chance that the true effect has the expected sign"
        )
    return (
        f"an assurance of {share(question.target)} takes more than 100,000 animals a group; the "
        f"ceiling is {share(found['ceiling'])}"
    )
