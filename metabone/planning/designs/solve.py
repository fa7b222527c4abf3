"""Animals for a wanted power, and the effect that given animals detect, for any design."""

import math

from metabone.planning.designs.inputs import completed
from metabone.planning.designs.registry import find
from metabone.planning.kernel import nct_sf, norm_ppf, smallest_n, solve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from metabone.planning.designs.common import Block

MOST = 100000
TOP = 1e9


def _named(design: "str | Block") -> "Block":
    return find(design) if isinstance(design, str) else design


def _check_target(target: float) -> None:
    if not 0 < target < 1:
        raise ValueError("the power to reach must lie between 0 and 1; got " + repr(target))


def _with(inputs: "Block", key: str, value: float) -> "Block":
    """A copy of the inputs with one of them set."""
    changed = dict(inputs)
    changed[key] = value
    return changed


def solve_n(design: "str | Block", inputs: "Block", target: float = 0.8) -> "Block":
    """Fewest animals that reach a power.

    Parameters
    ----------
    design : a name or an entry of ``DESIGNS``
    inputs : its inputs without the size
    target : wanted power

    Returns
    -------
    The design's answer at that size: ``power`` is the actual one after rounding to whole animals;
    ``target``, ``reachable`` and, where no size reaches the target, ``ceiling``.

    Examples
    --------
    >>> inputs = {"mean_control": 20, "cv": 20, "percent_change": 30}
    >>> answer = solve_n("two-groups", inputs, 0.8)
    >>> answer["n"], round(answer["power"], 4)
    ([9, 9], 0.8476)
    """
    design = _named(design)
    _check_target(target)
    key = design["size"]
    if key is None:
        raise ValueError(design["name"] + " has no power to solve for")
    power = design["power"]
    base = dict(inputs)
    base.pop(key, None)
    known: dict[int, float] = {}

    def at(n: int) -> float:
        if n not in known:
            known[n] = chance(design, _with(base, key, n))
        return known[n]

    floor = design["floor"]
    low = floor if isinstance(floor, int) else floor(base)
    guess = rough_n(design, base, target, low)
    ceiling = None if guess and at(guess) >= target else at(MOST)
    if ceiling is not None and ceiling < target:
        result: Block = power(_with(base, key, low))
        result.update({"target": target, "reachable": False, "ceiling": ceiling, "size": None})
        result["power"] = ceiling
        for name in ("n", "n_total", "n_with_losses", "n_total_with_losses", "cages"):
            result[name] = None
        return result
    n = smallest_n(at, target, low, MOST, guess)
    result = power(_with(base, key, n))
    result.update({"target": target, "reachable": True, "ceiling": None, "size": n})
    return result


def chance(design: "Block", inputs: "Block") -> float:
    """The power of a design alone, by the shorter way where it has one."""
    if design.get("chance") is not None:
        return float(design["chance"](completed(design, inputs)))
    return float(design["power"](inputs)["power"])


def rough_n(design: "Block", inputs: "Block", target: float, low: int) -> int:
    """Where to look first for the size of a design whose power is slow; 0 where that is unknown.

    A share that varies is taken at its mean, the alpha of several arms is shared by Bonferroni.
    """
    key = design["size"]
    if design.get("chance") is None or design.get("estimate") is None:
        return 0

    def estimate(n: int) -> "tuple[Block, Block]":
        known = completed(design, _with(inputs, key, n))
        return known, design["estimate"](known)

    _, probe = estimate(low)
    if probe.get("tested") == "no" and probe.get("rough") is None:
        return 0
    aim = probe["aim"](target) if probe.get("aim") is not None else target

    def at(n: int) -> float:
        known, found = estimate(n)
        share = 1.0 if found["beta"] is None else found["beta"][0] / sum(found["beta"])
        about = found.get("rough") or found["at"]
        se, df, cut = about(share, known["alpha"], known["sides"])
        return nct_sf(cut, df, abs(found["value"]) / se)

    if at(MOST) < aim:
        return 0
    return smallest_n(at, aim, low, MOST)


def _effect_inputs(design: "Block", inputs: "Block") -> "Block":
    """The inputs without what says how large the effect is."""
    base = dict(inputs)
    for name in (design["effect"], "percent_change"):
        base.pop(name, None)
    return base


def solve_effect(design: "str | Block", inputs: "Block", target: float = 0.8) -> "Block":
    """Effect in bench units that given animals detect with a wanted power.

    The sign of the answer follows the sign of the effect in `inputs`, or is positive.

    Examples
    --------
    >>> inputs = {"mean_control": 20, "sd": 4, "n": 8}
    >>> round(solve_effect("two-groups", inputs, 0.8)["effect"], 4)
    6.0265
    """
    design = _named(design)
    _check_target(target)
    key = design["effect"]
    if key is None:
        raise ValueError(design["name"] + " has no effect to solve for")
    base = _effect_inputs(design, inputs)
    low, high = design.get("effect_range", (0.0, None))
    given = inputs.get(key)
    if given is None:
        given = inputs.get("percent_change")
    sign = -1.0 if isinstance(given, (int, float)) and given < 0 else 1.0

    def at(effect: float) -> float:
        return chance(design, _with(base, key, sign * effect))

    root = None if high is not None else _nearby(at, target, _rough_effect(design, base, target))
    if root is None:
        if high is None:
            high = 1.0
            while at(high) < target and high < TOP:
                high *= 2
        root = solve(at, target, low, high, 1e-9)
    result: Block = design["power"](_with(base, key, sign * root))
    result.update({"target": target, "reachable": True, "ceiling": None})
    return result


def _rough_effect(design: "Block", base: "Block", target: float) -> float:
    """About the effect that is found with this power, from what the design estimates; 0 without.

    A share that varies is taken at its mean, the alpha of several arms is shared by Bonferroni.
    """
    if design.get("estimate") is None or design["effect"] != "difference":
        return 0.0
    known = completed(design, _with(base, "difference", 1.0))
    found = design["estimate"](known)
    if (found.get("tested") == "no" and found.get("rough") is None) or found["value"] == 0:
        return 0.0
    share = 1.0 if found["beta"] is None else found["beta"][0] / sum(found["beta"])
    about = found.get("rough") or found["at"]
    se, df, cut = about(share, known["alpha"], known["sides"])
    aim = found["aim"](target) if found.get("aim") is not None else target
    if not 0 < aim < 1:
        return 0.0
    # Where the noncentral t, taken as normal, passes the critical value with that chance.
    shift = cut + norm_ppf(aim) * math.sqrt(1 + cut * cut / (2 * df))
    return float(max(0.0, shift * se / abs(found["value"])))


def _nearby(at: "Callable[[float], float]", target: float, guess: float) -> "float | None":
    """The effect with this power by secants from a guess; None where they lead nowhere.

    They are drawn on the scale of the normal quantile, on which power is nearly a straight line.
    """
    if not 0 < guess < TOP:
        return None
    wanted, x, before, height = norm_ppf(target), guess, 0.0, 0.0
    for turn in range(12):
        power = at(x)
        if not 1e-12 < power < 1 - 1e-12:
            return None
        now = norm_ppf(power) - wanted
        # The line through 0 effect, where next to nothing is found, gives the first slope.
        slope = (now - height) / (x - before) if turn else 3.0 / guess
        if now == 0.0 or not slope > 0:
            return x if now == 0.0 else None
        before, height = x, now
        x -= now / slope
        if not 0.1 * guess < x < 10 * guess:
            return None
        if abs(x - before) < 1e-6 * before and turn:
            # A secant as near as that has its own error below 1e-11.
            return x
    return None
