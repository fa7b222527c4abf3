"""Searches that published cases need: fractional and whole sizes for a power."""

from metabone.planning.kernel import smallest_n, solve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from metabone.planning.designs.common import Block


def real_n(power_at: "Callable[[float], float]", target: float, low: float = 2.0) -> float:
    """Size, fractions allowed, at which a rising power meets the target; `low` if it is above."""
    if power_at(low) >= target:
        return low
    high = 2 * low
    while power_at(high) < target:
        high *= 2
        if high > 1e9:
            raise ValueError("no size reaches this power")
    return solve(power_at, target, high / 2, high)


def sizes(power_at: "Callable[[float], float]", target: float, low: int = 2) -> "Block":
    """`n_frac`, `n_int` and the power at the whole number and one below."""
    whole_n = smallest_n(power_at, target, low)
    answer: Block = {
        "n_frac": real_n(power_at, target, low),
        "n_int": whole_n,
        "power": power_at(whole_n),
        "power_at_" + str(whole_n): power_at(whole_n),
    }
    if whole_n > low:
        answer["power_at_" + str(whole_n - 1)] = power_at(whole_n - 1)
    return answer


def first(inputs: "Block", *names: str) -> "Any":
    """The first of these inputs that is given; None without any."""
    for name in names:
        if name in inputs:
            return inputs[name]
    return None


def pair_of(inputs: "Block") -> "tuple[float, float]":
    """Both group sizes: n1 and n2, or n for each."""
    return first(inputs, "n1", "n"), first(inputs, "n2", "n")


def sides_of(inputs: "Block", default: int = 2) -> int:
    """1 or 2 from a number or a word such as less or two-sided."""
    given = inputs.get("sides", default)
    if isinstance(given, str):
        return 2 if given.startswith("two") else 1
    return int(given)


def rising(power_at: "Callable[[float], float]", target: float, start: float = 1.0) -> float:
    """Effect from 0 on at which a rising power meets the target."""
    high = start
    while power_at(high) < target:
        high *= 2
        if high > 1e9:
            raise ValueError("no effect reaches this power")
    return solve(power_at, target, 0.0, high)
