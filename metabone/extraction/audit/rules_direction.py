"""Rules about direction: words against numbers, better against the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.rules_tests import difference_of, t_limits
from metabone.extraction.audit.sheet import Sheet

# What follows such a word may make it a name: a higher dose, the lower limb, reduced loading.
_NAME = (
    r"(?![\s-]+(?:dos(?:e|es|age)\b|limbs?\b|legs?\b|extremit|back\b|trochanter|fat\b|calori|calcium\b|"
    r"protein\b|(?:un)?loading\b|load\b|(?:body\s)?weights?\b|mass\sindex|gravity\b|activity\b|jaw\b|"
    r"concentrations?\b|frequency\b|intensity\b|number\sof\s(?:animals|rats|mice)))"
)
_UP = re.compile(
    r"\b(?:increas(?:e[sd]?|ing)|higher|greater|elevated|rais(?:es|ed)|improved?|rose|"
    rf"up-?regulated)\b{_NAME}|(?<![\d.])\+\s?\d+(?:\.\d+)?\s?%", re.IGNORECASE
)  # fmt: skip
_DOWN = re.compile(
    r"\b(?:decreas(?:e[sd]?|ing)|lower(?:ed)?|reduc(?:ed|es|tion)|declin(?:ed|es)|smaller|impaired|"
    rf"fell|dropped|diminished|suppressed|down-?regulated)\b{_NAME}|"
    r"(?<![\d.])[-−–]\s?\d+(?:\.\d+)?\s?%", re.IGNORECASE
)  # fmt: skip
# Neither which arm is higher nor that it is: denied, a loss made less, or held against another arm.
_UNCLEAR = re.compile(
    r"\b(?:no|not|without|neither|n\.s\.|ns|non-?significant(?:ly)?|unchanged|loss(?:es)?|lost|"
    r"prevent\w*|attenuat\w*|restor\w*|rescu\w*|revers\w*|blunt\w*|ameliorat\w*|protect\w*|"
    r"abolish\w*|(?:than|to|vs\.?|versus|with|from)\s(?:the\s)?(?:sham|baseline|before|week\s0)\w*)"
    r"(?!\w)|p\s*[>≥]", re.IGNORECASE
)  # fmt: skip
_WORDS = ("note",)
_EXTRA = ("direction", "conclusion", "result", "finding", "effect", "consequence")
#: |t| from which the arms point somewhere clearly.
CLEAR_T = 2.0


def better_against_vocabulary(sheet: Sheet) -> Iterator[Suspicion]:
    """`better` that says the opposite of the vocabulary."""
    for at in np.flatnonzero(sheet.filled("better")).tolist():
        endpoint, own = sheet.endpoints[at], sheet.text("better")[at]
        if endpoint is None or endpoint.better is None or own not in ("higher", "lower"):
            continue
        if own != endpoint.better:
            yield sheet.tell(
                at, ("better", "outcome"), "direction-contradiction", 0.6,
                f"says {own} is better, but for {endpoint.name} it is {endpoint.better}",
                correction={"better": endpoint.better},
            )  # fmt: skip


def words_against_numbers(sheet: Sheet) -> Iterator[Suspicion]:
    """The row's own words say that the treated arm is higher, its numbers that it is lower."""
    difference = difference_of(sheet)
    low, _ = t_limits(sheet)
    numbers = np.where(np.nan_to_num(low) > CLEAR_T, np.sign(difference), 0.0)
    yi = sheet.number("yi")
    numbers = np.where(np.isfinite(difference), numbers, np.sign(np.nan_to_num(yi)))
    extras = [name for name in (sheet.extra_name(word) for word in _EXTRA) if name]
    known: dict[Any, int] = {}
    for name in (*_WORDS, *extras):
        for at, text in enumerate(sheet.text(name).tolist()):
            if not isinstance(text, str) or numbers[at] == 0:
                continue
            if text not in known:
                known[text] = direction_of(text)
            if known[text] * numbers[at] < 0:
                said, is_ = ("higher", "lower") if known[text] > 0 else ("lower", "higher")
                yield sheet.tell(
                    at, (name, "mean_treated", "mean_control"), "direction-contradiction", 0.5,
                    f"speaks of {said}, but the treated arm is {is_}; are the arms swapped?",
                )  # fmt: skip


def direction_of(text: str) -> int:
    """1 where a text speaks only of more, -1 only of less, 0 where it says neither or both.

    Examples
    --------
    >>> direction_of("BV/TV was reduced after unloading"), direction_of("-27 % against control")
    (-1, -1)
    >>> direction_of("increased in femur, decreased in tibia"), direction_of("not increased")
    (0, 0)
    >>> direction_of("higher dose"), direction_of("reduced bone loss"), direction_of("than sham")
    (0, 0, 0)
    """
    up, down = _UP.search(text), _DOWN.search(text)
    if bool(up) == bool(down) or _UNCLEAR.search(text):
        return 0
    return 1 if up else -1
