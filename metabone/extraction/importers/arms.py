"""Digitised groups to arms: which is treated, control or healthy, and who goes with whom."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from metabone.errors import UsageError

ROLES = ("treated", "control", "sham")


@dataclass(frozen=True, slots=True)
class ArmNames:
    """What the groups of a figure are called.

    Parameters
    ----------
    treated, control, sham : names; none given: the words treated, control and sham themselves.
        With a control named and no treated arm, every group without another role is treated.
    """

    treated: tuple[str, ...] = ()
    control: str | None = None
    sham: str | None = None

    def __post_init__(self) -> None:
        given = [tidy(name) for name in (*self.treated, self.control, self.sham) if name]
        twice = next((name for name in given if given.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"{twice!r} cannot be two arms")

    def role(self, name: str | None) -> str | None:
        """Role of a group, or None if nothing says it.

        Examples
        --------
        >>> ArmNames(control="PBS").role("exosomes"), ArmNames().role("exosomes")
        ('treated', None)
        >>> ArmNames().role("Control")
        'control'
        """
        word = tidy(name or "")
        if word == tidy(self.control or "control"):
            return "control"
        if word == tidy(self.sham or "sham"):
            return "sham"
        if word in {tidy(one) for one in self.treated or ("treated",)}:
            return "treated"
        return "treated" if self.control and not self.treated and word else None


def unjoined(treated: int, controls: int) -> str | None:
    """Code of why arms cannot be joined; None if there is one control and something treated."""
    if not treated:
        return "no-treated"
    if controls != 1:
        return "ambiguous-control" if controls else "no-control"
    return None


def tidy(name: str) -> str:
    """A name without case and superfluous blanks."""
    return " ".join(name.casefold().split())


def read_counts(text: str | None) -> dict[str, float]:
    """Animals by arm from ``8`` (every arm) or ``8,7`` or ``8,7,6`` (treated, control, sham).

    Raises
    ------
    UsageError
        If it is none of these.

    Examples
    --------
    >>> read_counts("8,7")
    {'treated': 8.0, 'control': 7.0}
    """
    if text is None:
        return {}
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 3 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(
            f"--n takes a number of animals, or two or three (treated,control,sham); got {text!r}"
        )
    counts = [float(part) for part in parts]
    if len(counts) == 1:
        return dict.fromkeys(ROLES, counts[0])
    return dict(zip(ROLES, counts, strict=False))


def match_points(one: Sequence[float], other: Sequence[float]) -> dict[int, int]:
    """Pairs of points at the same place of a digitised axis, by position in `one` and `other`.

    Two points belong together if each is the nearest to the other and they are closer than half
    of the smallest gap in either series; what does not fit stays without a partner.

    Examples
    --------
    >>> match_points([0.02, 4.1, 8.0], [3.9, 8.1])
    {1: 0, 2: 1}
    """
    gap = min((_smallest_gap(series) for series in (one, other)), default=float("inf"))
    nearest_other, nearest_one = _Nearest(other), _Nearest(one)
    pairs: dict[int, int] = {}
    for i, x in enumerate(one):
        near = nearest_other.to(x)
        if near is None or abs(other[near] - x) >= gap / 2:
            continue
        if nearest_one.to(other[near]) == i:
            pairs[i] = near
    return pairs


class _Nearest:
    """Which point of a series is the nearest to a place; the first of two that are as near."""

    def __init__(self, series: Sequence[float]) -> None:
        self.series = series
        self.order = sorted(range(len(series)), key=series.__getitem__)
        self.placed = [series[at] for at in self.order]

    def to(self, x: float) -> int | None:
        """Position in the series; None if it is empty."""
        right = bisect.bisect_left(self.placed, x)
        left = bisect.bisect_left(self.placed, self.placed[right - 1]) if right else right
        near = [at for at in {left, right} if at < len(self.placed)]
        return min(
            (self.order[at] for at in near),
            key=lambda at: (abs(self.series[at] - x), at),
            default=None,
        )


def _smallest_gap(series: Sequence[float]) -> float:
    placed = sorted(series)
    return min((b - a for a, b in itertools.pairwise(placed)), default=float("inf"))
