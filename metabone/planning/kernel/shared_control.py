"""Several arms against one control: Dunnett's critical value, and the power of each step.

The t statistics of k arms share the control mean and the error SD. Given those two (a standard
normal z with loading b = √(n/(n + n0)), and S) they are independent normals, so every probability
here is a double integral of a product, whatever k.
"""

import math

from metabone.planning.kernel.basis import check_above_zero, check_df, check_finite
from metabone.planning.kernel.central import t_isf
from metabone.planning.kernel.noncentral_t import nct_cdf, nct_sf
from metabone.planning.kernel.quadrature import chi_nodes, normal_nodes
from metabone.planning.kernel.search import solve

ROOT_HALF = 0.7071067811865476
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


# A search for an effect, or over several effects, asks for the same few critical values again.
MOST_KNOWN = 500
_KNOWN: dict[tuple[object, ...], float] = {}
# Pairs of nodes with less weight add less than 1e-13 together.
TINY = 1e-17


def dunnett_quantile(alpha: float, k: int, df: float, ratio: float = 1.0, sides: int = 2) -> float:
    """Dunnett's critical value of k arms of equal size against a shared control.

    Parameters
    ----------
    alpha
        Familywise error rate.
    k
        Arms, the control not counted.
    df
        Degrees of freedom of the pooled error.
    ratio
        Animals in the control over animals in one arm; the correlation is 1/(1 + ratio).
    sides
        1 or 2.

    References
    ----------
    Dunnett CW. A multiple comparison procedure for comparing several treatments with a control.
    J Am Stat Assoc 1955;50:1096-1121. doi:10.1080/01621459.1955.10501294
    Dunnett CW. New tables for multiple comparisons with a control. Biometrics 1964;20:482-491.
    doi:10.2307/2528490

    Examples
    --------
    >>> round(dunnett_quantile(0.05, 4, 20), 2), round(dunnett_quantile(0.05, 4, 20, sides=1), 2)
    (2.65, 2.3)
    """
    if k < 1:
        raise ValueError("Dunnett's test needs 1 arm or more beside the control, not " + str(k))
    check_above_zero(ratio, "ratio")
    return dunnett_critical(alpha, [1.0] * k, ratio, df, sides)


def dunnett_critical(
    alpha: float, arms: "Sequence[float]", control: float, df: float, sides: int = 2
) -> float:
    """Dunnett's critical value of arms with these numbers of animals, equal or not.

    P(max |T| > c) = alpha, between the unadjusted value and Bonferroni's.
    """
    _check(arms, control, df, sides)
    if not 0 < alpha < 1:
        raise ValueError("alpha must lie between 0 and 1, not be " + str(alpha))
    key = (alpha, tuple(sorted(arms)), control, df, sides)
    if key not in _KNOWN:
        if len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[key] = _critical(alpha, arms, control, df, sides)
    return _KNOWN[key]


def _critical(
    alpha: float, arms: "Sequence[float]", control: float, df: float, sides: int
) -> float:
    """Dunnett's critical value, computed."""
    single = t_isf(alpha / sides, df)
    bonferroni = t_isf(alpha / (sides * len(arms)), df)
    if len(arms) == 1:
        return single
    loadings = [math.sqrt(n / (n + control)) for n in arms]
    groups = _alike([(0.0, b) for b in loadings])
    inner, outer = _inner(loadings), chi_nodes(df, steep=bonferroni)
    if sides == 2:
        # Without effects both signs of the control's mean are alike.
        inner = [(z, 2.0 * share) for z, share in inner if z > 0.0]
    return solve(
        lambda c: 1.0 - _product(groups, c, sides, inner, outer, True, TINY * alpha),
        alpha,
        single,
        bonferroni,
        1e-13,
    )


def dunnett_power(
    effects: "Sequence[float]",
    arms: "Sequence[float]",
    control: float,
    df: float,
    critical: float,
    sides: int = 2,
) -> dict[str, object]:
    """Power of comparisons with a shared control at one critical value, Dunnett's or another.

    Parameters
    ----------
    effects
        True differences from the control, in units of the error SD.
    arms, control
        Animals in each arm, and in the control.
    critical
        Value that |T| (one-sided: T) must exceed.

    Returns
    -------
    dict
        ``any`` (at least one arm differs), ``all`` (every arm does), ``each`` (list, arm by arm).

    Examples
    --------
    >>> c = dunnett_quantile(0.05, 4, 35)
    >>> power = dunnett_power([0.5, 1, 1.5, 1.5], [8, 8, 8, 8], 8, 35, c)
    >>> round(power["any"], 6), round(power["all"], 6)
    (0.823364, 0.048638)
    """
    _check(arms, control, df, sides)
    check_finite(critical, "critical")
    shifts, loadings = _standard(effects, arms, control)
    groups = _alike([(shifts[i], loadings[i]) for i in range(len(arms))])
    inner, outer = _inner(loadings), chi_nodes(df, steep=_steep(critical, groups))
    each = []
    for shift in shifts:
        power = nct_sf(critical, df, shift)
        each.append(power + nct_cdf(-critical, df, shift) if sides == 2 else power)
    none = _none(groups, critical, sides, inner, outer)
    every = _product(groups, critical, sides, inner, outer, False)
    if every < 1e-3:
        # So small a chance comes from pairs of nodes that are themselves unlikely.
        every = _product(groups, critical, sides, inner, outer, False, 0.0)
    return {"any": max(0.0, 1.0 - none), "all": every, "each": each}


def _check(arms: "Sequence[float]", control: float, df: float, sides: int) -> None:
    check_df(df, "df", True)
    check_above_zero(control, "control")
    if not arms:
        raise ValueError("there must be 1 arm or more beside the control")
    for n in arms:
        check_above_zero(n, "animals in an arm")
        check_finite(n, "animals in an arm")
    check_finite(control, "control")
    if sides not in (1, 2):
        raise ValueError("sides must be 1 or 2, not " + str(sides))


def _standard(
    effects: "Sequence[float]", arms: "Sequence[float]", control: float
) -> tuple[list[float], list[float]]:
    """Noncentralities d/√(1/n + 1/n0) and loadings √(n/(n + n0))."""
    if len(effects) != len(arms):
        raise ValueError(
            "there are " + str(len(effects)) + " effects for " + str(len(arms)) + " arms"
        )
    for effect in effects:
        check_finite(effect, "effect")
    shifts = [effects[i] / math.sqrt(1.0 / arms[i] + 1.0 / control) for i in range(len(arms))]
    return shifts, [math.sqrt(n / (n + control)) for n in arms]


def _alike(pairs: list[tuple[float, float]]) -> list[tuple[float, float, int]]:
    """(shift, loading, how many) of arms that share both."""
    groups: list[tuple[float, float, int]] = []
    for pair in sorted(pairs):
        if groups and groups[-1][:2] == pair:
            groups[-1] = (pair[0], pair[1], groups[-1][2] + 1)
        else:
            groups.append((pair[0], pair[1], 1))
    return groups


def _inner(loadings: list[float]) -> list[tuple[float, float]]:
    """Nodes over the control's mean: the step of an arm is √(1 − b²)/b wide."""
    b = max(loadings)
    narrow = math.sqrt(1.0 - b * b) / b
    return normal_nodes(min(200, max(1, math.ceil(1.0 / max(narrow, 1e-9)))))


def _steep(critical: float, groups: list[tuple[float, float, int]]) -> float:
    """How fast the product changes with S: faster where arms of different shifts meet."""
    if len(groups) == 1:
        return critical
    b = max([group[1] for group in groups])
    return critical / math.sqrt(1.0 - b * b)


def _none(
    groups: list[tuple[float, float, int]],
    critical: float,
    sides: int,
    inner: list[tuple[float, float]],
    outer: list[tuple[float, float]],
) -> float:
    """P(no arm passes the critical value)."""
    return _product(groups, critical, sides, inner, outer, True)


def _product(
    groups: list[tuple[float, float, int]],
    critical: float,
    sides: int,
    inner: list[tuple[float, float]],
    outer: list[tuple[float, float]],
    inside: bool,
    tiny: float = TINY,
) -> float:
    """E Π P(arm is inside, or passes, ±critical·S | S, z) over S and z."""
    scaled = []
    for shift, b, many in groups:
        unit = ROOT_HALF / math.sqrt(1.0 - b * b)
        scaled.append((shift * unit, b * unit, unit, many))
    erfc = math.erfc
    total = 0.0
    for s, weight in outer:
        given = 0.0
        for z, share in inner:
            if weight * share < tiny:
                continue
            product = share
            for shift, load, unit, many in scaled:
                middle = shift + load * z
                edge = critical * s * unit
                passing = 0.5 * erfc(edge - middle)
                if sides == 2:
                    passing += 0.5 * erfc(edge + middle)
                product *= (1.0 - passing if inside else passing) ** many
            given += product
        total += weight * given
    return min(1.0, total)
