"""Power of Holm's step-down test of several arms against one control.

Given the control mean and the error SD the arms are independent. Holm rejects just the arms Y if
they step through the first |Y| critical values among themselves, and no other arm passes the next
one: a recursion over sets of arms, of which arms alike need only their number.
"""

import math

from metabone.planning.kernel.central import ROOT_HALF, t_isf
from metabone.planning.kernel.shared_control import TINY, alike, control_nodes, error_nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    # (index of the smaller set, its size, number of such sets, (group, arms left out) …)
    Term = tuple[int, int, int, list[tuple[int, int]]]

# Arms of each number out of up to 12.
ROWS = [[1.0]]
for _ in range(12):
    _before = ROWS[-1]
    _inside = [_before[_i] + _before[_i + 1] for _i in range(len(_before) - 1)]
    ROWS.append([1.0] + _inside + [1.0])  # noqa: RUF005


def holm_power(
    nc: "Sequence[float]", loads: "Sequence[float]", df: float, alpha: float, sides: int
) -> tuple[float, float, list[float]]:
    """(any, all, each) of Holm's step-down Bonferroni test, exact for a shared control.

    Parameters
    ----------
    nc
        Noncentrality of each comparison.
    loads
        Loading of each on the control's mean: a correlation is a product of two.

    References
    ----------
    Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70.

    Examples
    --------
    One arm is a plain t test.

    >>> any_, every, each = holm_power([2 * 3**0.5], [0.5**0.5], 10, 0.05, 2)
    >>> round(any_, 8), round(every, 8), round(each[0], 8)
    (0.87641777, 0.87641777, 0.87641777)
    """
    arms = len(nc)
    groups = alike([(nc[i], loads[i]) for i in range(arms)])
    cuts = [t_isf(alpha / (sides * (arms - step)), df) for step in range(arms)]
    if len(groups) == 1 and arms < len(ROWS):
        return _alike_power(groups[0], cuts, df, sides)
    sets = _sets([many for _, _, many in groups])
    steps = [_terms(sets, i) for i in range(len(sets))]
    chances = [0.0] * len(sets)
    inner = control_nodes(list(loads), 7.0)
    for s, weight in error_nodes(cuts[0], df, groups, True):
        edges = [cut * s for cut in cuts]
        for z, share in inner:
            both = weight * share
            if both < TINY:
                continue
            passing = [_passing(group, z, edges, sides) for group in groups]
            found = _rejected(sets, steps, passing)
            for i in range(len(sets)):
                chances[i] += both * found[i]
    each = [
        sum([chances[i] * sets[i][g] for i in range(len(sets))]) / groups[g][2]
        for g in range(len(groups))
    ]
    places = [(shift, b) for shift, b, _ in groups]
    powers = [min(1.0, each[places.index((nc[i], loads[i]))]) for i in range(arms)]
    return min(1.0, sum(chances[1:])), min(1.0, chances[-1]), powers


def _alike_power(
    group: tuple[float, float, int], cuts: list[float], df: float, sides: int
) -> tuple[float, float, list[float]]:
    """`holm_power` of arms alike."""
    some, every, each = 0.0, 0.0, 0.0
    inner = control_nodes([group[1]] * group[2], 7.0)
    for s, weight in error_nodes(cuts[0], df, [group], True):
        edges = [cut * s for cut in cuts]
        for z, share in inner:
            both = weight * share
            if both < TINY:
                continue
            one, whole, mean = alike_rejected(_passing(group, z, edges, sides))
            some += both * one
            every += both * whole
            each += both * mean
    return min(1.0, some), min(1.0, every), [min(1.0, each)] * group[2]


def _sets(many: list[int]) -> list[list[int]]:
    """Arms of each group in every set of arms, the smaller sets first."""
    found: list[list[int]] = [[]]
    for count in many:
        found = [before + [i] for before in found for i in range(count + 1)]  # noqa: RUF005
    return sorted(found, key=lambda counts: (sum(counts), counts))


def _choose(n: int, k: int) -> int:
    found = 1
    for i in range(k):
        found = found * (n - i) // (i + 1)
    return found


def _terms(sets: list[list[int]], index: int) -> "list[Term]":
    """Smaller sets at which a walk through this set may stop too early, and how many they are."""
    whole = sets[index]
    terms: list[Term] = []
    for i in range(len(sets)):
        part = sets[i]
        left = [(g, whole[g] - part[g]) for g in range(len(whole)) if whole[g] > part[g]]
        if min([whole[g] - part[g] for g in range(len(whole))]) < 0 or not left:
            continue
        ways = 1
        for g in range(len(whole)):
            ways *= _choose(whole[g], part[g])
        terms.append((i, sum(part), ways, left))
    return terms


def _passing(
    group: tuple[float, float, int], z: float, edges: list[float], sides: int
) -> list[float]:
    """P(an arm of the group passes each critical value | S, z)."""
    erfc = math.erfc
    shift, b, _ = group
    unit = ROOT_HALF / math.sqrt(1.0 - b * b)
    middle = (shift + b * z) * unit
    if sides == 1:
        return [0.5 * erfc(edge * unit - middle) for edge in edges]
    return [0.5 * (erfc(edge * unit - middle) + erfc(edge * unit + middle)) for edge in edges]


def _rejected(
    sets: list[list[int]], steps: "list[list[Term]]", passing: list[list[float]]
) -> list[float]:
    """P(Holm rejects just such a set | S, z), sets of the same numbers taken together."""
    through = [1.0]
    for index in range(1, len(sets)):
        last = sum(sets[index]) - 1
        # All pass the last critical value, without a stop at an earlier one.
        chance = 1.0
        for g in range(len(passing)):
            chance *= passing[g][last] ** sets[index][g]
        for i, size, ways, left in steps[index]:
            if size == last:
                continue
            stop = ways * through[i]
            for g, count in left:
                stop *= (passing[g][last] - passing[g][size]) ** count
            chance -= stop
        through.append(max(0.0, chance))
    found = []
    for i, size, ways, left in steps[-1]:
        stop = ways * through[i]
        for g, count in left:
            stop *= (1.0 - passing[g][size]) ** count
        found.append(stop)
    found.append(through[-1])
    return found


def alike_rejected(passing: list[float]) -> tuple[float, float, float]:
    """P(any, all, a given one of arms alike are rejected | S, z), by the number of them.

    Parameters
    ----------
    passing
        P(an arm passes the critical value of each step): one for each arm.

    Examples
    --------
    >>> alike_rejected([0.5, 0.5])
    (0.75, 0.25, 0.5)
    """
    arms, through = len(passing), alike_through(passing)
    row, each = ROWS[arms], 0.0
    for many in range(1, arms):
        each += many * row[many] * through[many] * (1.0 - passing[many]) ** (arms - many)
    every = through[-1]
    return 1.0 - (1.0 - passing[0]) ** arms, every, each / arms + every


def alike_through(passing: list[float]) -> list[float]:
    """P(m given arms alike pass the first m critical values step by step | S, z), m from 0 on.

    Examples
    --------
    >>> alike_through([0.5, 0.5])
    [1.0, 0.5, 0.25]
    """
    first = passing[0]
    through = [1.0, first]
    for many in range(2, len(passing) + 1):
        last, row = passing[many - 1], ROWS[many]
        chance = last**many - (last - first) ** many
        for i in range(1, many - 1):
            chance -= row[i] * through[i] * (last - passing[i]) ** (many - i)
        through.append(chance if chance > 0.0 else 0.0)
    return through
