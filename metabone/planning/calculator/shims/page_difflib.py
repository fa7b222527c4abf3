"""``difflib.get_close_matches`` by the same likeness (Ratcliff and Obershelp)."""

from __future__ import annotations

from collections.abc import Iterable


def get_close_matches(
    word: str, possibilities: Iterable[str], n: int = 3, cutoff: float = 0.6
) -> list[str]:
    """Up to `n` of the possibilities whose likeness to the word is at least `cutoff`."""
    scored = [(_ratio(other, word), other) for other in possibilities]
    close = sorted([pair for pair in scored if pair[0] >= cutoff], reverse=True)
    return [other for _, other in close[:n]]


def _ratio(a: str, b: str) -> float:
    return 2.0 * _matches(a, b) / (len(a) + len(b)) if a or b else 1.0


def _matches(a: str, b: str) -> int:
    """Letters in common: the longest common piece, then the same left and right of it."""
    best, at, bt = 0, 0, 0
    lengths: dict[int, int] = {}
    for i in range(len(a)):
        fresh: dict[int, int] = {}
        for j in range(len(b)):
            if a[i] == b[j]:
                k = lengths.get(j - 1, 0) + 1
                fresh[j] = k
                if k > best:
                    best, at, bt = k, i - k + 1, j - k + 1
        lengths = fresh
    if not best:
        return 0
    left = _matches(a[:at], b[:bt])
    return best + left + _matches(a[at + best :], b[bt + best :])
