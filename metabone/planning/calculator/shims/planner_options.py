"""The nearest of known words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from metabone.errors import UsageError


def nearest(word: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Up to `n` known words that look like `word`, best first."""
    by_folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=n, cutoff=0.5)
    return [by_folded[name] for name in found]


def check_option(name: str, value: str, words: tuple[str, ...]) -> str:
    """`value` if it is one of the words."""
    for word in words:
        if word.casefold() == str(value).casefold():
            return word
    listed = ", ".join([repr(word) for word in words])
    raise UsageError(f"{name} must be one of {listed}; got {value!r}")
