"""Rules about numbers of animals: ranges, cohorts that are exceeded, the same animals twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.sheet import Sheet

_RANGE = r"(?<![\d.])(\d{1,3})\s*(?:-|–|—|−|to)\s*(\d{1,3})(?![\d.])"
# "n = 7-10", "N: 8 to 9 per group", "7-10 animals", "8–11/group"
_N_RANGE = re.compile(
    rf"\bn\s*(?:=|:|is|was|of)?\s*{_RANGE}|"
    rf"{_RANGE}\s*(?:/|per\s|in\seach\s)?\s*(?:animals?|rats?|mice|group|arm)\b",
    re.IGNORECASE,
)
_TEXTS = ("note", "location", "comparison")
_ENDS = ("the lower end", "the upper end", "the middle")


def n_as_range(sheet: Sheet) -> Iterator[Suspicion]:
    """A range of n in the row's own words, of which one end was entered as the number."""
    known: dict[str, tuple[int, int] | None] = {}
    for name in _TEXTS:
        for at, text in enumerate(sheet.text(name).tolist()):
            if text is None:
                continue
            if text not in known:
                known[text] = read_range(text)
            limits = known[text]
            if limits is not None:
                yield from _entered(sheet, at, name, limits)


def read_range(text: Any) -> tuple[int, int] | None:
    """The range of animals that a text prints, or None.

    Examples
    --------
    >>> read_range("n = 7–10/group as printed"), read_range("weeks 3-4"), read_range("n = 8")
    ((7, 10), None, None)
    """
    found = _N_RANGE.search(str(text))
    if found is None:
        return None
    low, high = (int(part) for part in found.groups() if part is not None)
    return (low, high) if 1 < low < high <= 5 * low else None


def _entered(sheet: Sheet, at: int, name: str, limits: tuple[int, int]) -> Iterator[Suspicion]:
    low, high = limits
    for arm in ("treated", "control"):
        n = float(sheet.number(f"n_{arm}")[at])
        ends = dict(zip((low, high, (low + high) / 2), _ENDS, strict=True))
        if np.isnan(n) or not (low <= n <= high):
            continue
        place = ends.get(n, "a number inside")
        yield sheet.tell(
            at, (f"n_{arm}", name), "n-as-range", 0.9 if n in ends else 0.6,
            f"is {place} of a range of animals that {name} prints ({low} to {high}); the n of "
            "this arm is not known",
            note=True,
        )  # fmt: skip
