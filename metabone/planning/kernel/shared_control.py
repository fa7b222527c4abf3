"""Several arms against one control: Dunnett's critical value, and the power of each step.

The t statistics of k arms share the control mean and the error SD. Given those two (a standard
normal z with loading b = √(n/(n + n0)), and S) they are independent normals, so every probability
here is a double integral of a product, whatever k. Without effects the inner one is a function of
c·S alone: it is kept as Chebyshev series, so that another critical value costs a single integral.
"""

import math

from metabone.planning.kernel.basis import check_above_zero, check_df, check_finite
from metabone.planning.kernel.central import norm_sf, t_isf, t_pdf, t_sf
from metabone.planning.kernel.mixture import log_chi_rule
from metabone.planning.kernel.noncentral_t import nct_cdf, nct_sf
from metabone.planning.kernel.quadrature import PI, chi_nodes, log_chi_nodes, normal_steps
from metabone.planning.kernel.search import solve

INF = float("inf")
ROOT_HALF = 0.7071067811865476
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


# A search for an effect, or over several effects, asks for the same few critical values again.
MOST_KNOWN = 500
_KNOWN: dict[tuple[object, ...], float] = {}
# Series of the null distribution by loadings and sides; a search over sizes has few of them.
MOST_SERIES = 50
_SERIES: dict[tuple[object, ...], dict[int, list[float]]] = {}
# Terms of a series, over one unit of c·S: to 1e-14.
TERMS = 13
ANGLES = tuple([PI * (i + 0.5) / TERMS for i in range(TERMS)])
# Nothing of the null distribution lies outside.
LEAST, MOST = -9.0, 13.0
# Pairs of nodes with less weight add less than 1e-12 together.
TINY = 1e-15
# Below, the rule of equal steps over log S has no fewer nodes than Gauss's.
FEW_DF = 8.0
# Above, S is 1 to the last digit that counts.
MANY_DF = 1e12
# From this many df on log S is spread evenly enough for the rule of equal steps.
SMOOTH_DF = 24.0


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
    # Equal steps of log S have half the nodes; where S may be next to 0 they are too many.
    few = df < FEW_DF or df > MANY_DF
    outer = (
        chi_nodes(df, steep=bonferroni) if few else log_chi_rule(df, bonferroni, bonferroni, 0.8)
    )
    beyond = _null(_loadings(arms, control), sides)

    def familywise(c: float) -> float:
        return sum([weight * beyond(c * s) for s, weight in outer])

    found = _by_secants(familywise, alpha, _like_normal(alpha, arms, control, df, sides), df)
    if found is not None and single <= found <= bonferroni:
        return found
    return solve(familywise, alpha, single, bonferroni, 1e-13)


def _like_normal(
    alpha: float, arms: "Sequence[float]", control: float, df: float, sides: int
) -> float:
    """About Dunnett's critical value: the level of one comparison is that of many df."""
    if df > MANY_DF:
        return t_isf(alpha / (sides * math.sqrt(len(arms))), df)
    return t_isf(norm_sf(dunnett_critical(alpha, arms, control, INF, sides)), df)


def _by_secants(
    familywise: "Callable[[float], float]",
    alpha: float,
    start: float,
    df: float,
    tolerance: float = 1e-8,
) -> "float | None":
    """Where the familywise error is alpha, on the scale of its logarithm; None if that fails.

    The logarithm falls nearly as that of one comparison, which gives the first slope. The last
    step is shorter than `tolerance`, relative; what is left is far less.
    """
    c, before, height = start, 0.0, 0.0
    for turn in range(12):
        error = familywise(c)
        if not error > 0.0:
            return None
        now = math.log(error / alpha)
        slope = (now - height) / (c - before) if turn else -t_pdf(c, df) / t_sf(c, df)
        if now == 0.0 or not slope < 0.0:
            return c if now == 0.0 else None
        before, height = c, now
        c -= now / slope
        if not 0.0 < c < 2.0 * start:
            return None
        if abs(c - before) < tolerance * c:
            return c
    return None


def dunnett_about(alpha: float, k: int, df: float, ratio: float, sides: int) -> float:
    """`dunnett_quantile` to about 1e-4 of itself, by a short rule over S at a fraction of its cost.

    Examples
    --------
    >>> round(dunnett_about(0.05, 4, 20, 1.0, 2) - dunnett_quantile(0.05, 4, 20), 3)
    0.0
    """
    arms = [1.0] * k
    if k > 1 and df < MANY_DF:
        start = _like_normal(alpha, arms, ratio, df, sides)
        beyond = _null(_loadings(arms, ratio), sides)
        rule = log_chi_rule(df, start, start, 2.0)

        def familywise(c: float) -> float:
            return sum([weight * beyond(c * s) for s, weight in rule])

        found = _by_secants(familywise, alpha, start, df, 1e-3)
        if found is not None:
            return found
    return dunnett_critical(alpha, arms, ratio, df, sides)


def _null(loadings: list[float], sides: int) -> "Callable[[float], float]":
    """P(the largest statistic exceeds x | S = 1) without effects, as a function of x."""
    key = (tuple(sorted(loadings)), sides)
    if key not in _SERIES:
        if len(_SERIES) >= MOST_SERIES:
            _SERIES.clear()
        _SERIES[key] = {}
    series = _SERIES[key]
    groups = alike([(0.0, b) for b in loadings])
    inner = control_nodes(loadings, 8.5)
    if sides == 2:
        # Without effects both signs of the control's mean are alike.
        inner = [(z, share if z == 0.0 else 2.0 * share) for z, share in inner if z >= 0.0]

    def beyond(x: float) -> float:
        if not LEAST < x < MOST:
            return 1.0 if x <= LEAST else 0.0
        place = math.floor(x)
        if place not in series:
            values = []
            for angle in ANGLES:
                at = place + 0.5 + 0.5 * math.cos(angle)
                values.append(_chances(groups, at, sides, inner, ((1.0, 1.0),), 0.0)[0])
            series[place] = _chebyshev(values)
        t = 2.0 * (x - place) - 1.0
        twice, before, last = 2.0 * t, 0.0, 0.0
        terms = series[place]
        for term in terms:
            before, last = twice * before - last + term, before
        # The last term, of degree 0, is halved as it is made.
        return before - t * last

    return beyond


def _chebyshev(values: list[float]) -> list[float]:
    """Coefficients of the series through values at cos(ANGLES), from the highest degree down."""
    series = []
    for degree in range(TERMS - 1, -1, -1):
        total = sum([values[i] * math.cos(degree * ANGLES[i]) for i in range(TERMS)])
        series.append(total * (2.0 if degree else 1.0) / TERMS)
    return series


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
    groups = alike([(shifts[i], loadings[i]) for i in range(len(arms))])
    alone: dict[float, float] = {}
    for shift, _, _ in groups:
        lower = nct_cdf(-critical, df, shift) if sides == 2 else 0.0
        alone[shift] = nct_sf(critical, df, shift) + lower
    inner, outer = control_nodes(loadings, 7.0), error_nodes(critical, df, groups)
    some, every = _chances(groups, critical, sides, inner, outer, TINY)
    if every < 1e-3:
        # So small a chance comes from pairs of nodes that are themselves unlikely.
        every = _chances(groups, critical, sides, control_nodes(loadings, 8.5), outer, 0.0)[1]
    return {"any": some, "all": every, "each": [alone[shift] for shift in shifts]}


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
    return shifts, _loadings(arms, control)


def _loadings(arms: "Sequence[float]", control: float) -> list[float]:
    return [math.sqrt(n / (n + control)) for n in arms]


def alike(pairs: list[tuple[float, float]]) -> list[tuple[float, float, int]]:
    """(shift, loading, how many) of arms that share both."""
    groups: list[tuple[float, float, int]] = []
    for pair in sorted(pairs):
        if groups and groups[-1][:2] == pair:
            groups[-1] = (pair[0], pair[1], groups[-1][2] + 1)
        else:
            groups.append((pair[0], pair[1], 1))
    return groups


def control_nodes(loadings: list[float], reach: float) -> list[tuple[float, float]]:
    """Nodes over the control's mean: the more arms, and the less their own share, the closer.

    The rule's error is below exp(−2π²/(h²·a)) where the integrand grows like exp(a·y²/2) off the
    real line; up to three arms do so like two, more of them like 0.6 times their number.
    """
    b = max(loadings)
    many = max(min(float(len(loadings)), 2.0), 0.6 * len(loadings))
    grown = 1.0 + many * b * b / max(1.0 - b * b, 1e-12)
    return normal_steps(max(0.005, PI * math.sqrt(2.0 / (30.0 * grown))), reach)


def error_nodes(
    critical: float,
    df: float,
    groups: list[tuple[float, float, int]],
    mixed: bool = False,
) -> list[tuple[float, float]]:
    """Nodes over S: the product changes faster where arms of different shifts meet.

    `mixed`: or where arms alike meet different critical values, of which this is the largest.
    """
    steep = abs(critical)
    if len(groups) > 1 or mixed:
        b = max([group[1] for group in groups])
        steep /= math.sqrt(1.0 - b * b)
    return chi_nodes(df, steep=steep) if df < SMOOTH_DF else log_chi_nodes(df, steep)


def _chances(
    groups: list[tuple[float, float, int]],
    critical: float,
    sides: int,
    inner: "Sequence[tuple[float, float]]",
    outer: "Sequence[tuple[float, float]]",
    tiny: float,
) -> tuple[float, float]:
    """P(at least one arm passes ±critical·S), P(every arm does): means over S and z."""
    rows: list[tuple[float, list[float], int]] = []
    for shift, b, many in groups:
        unit = ROOT_HALF / math.sqrt(1.0 - b * b)
        rows.append((critical * unit, [(shift + b * z) * unit for z, _ in inner], many))
    shares = [share for _, share in inner]
    some, every = 0.0, 0.0
    for s, weight in outer:
        if weight > 0.0:
            one, whole = _given(rows, shares, s, sides, tiny / weight)
            some += weight * one
            every += weight * whole
    return min(1.0, some), min(1.0, every)


def _given(
    rows: list[tuple[float, list[float], int]],
    shares: list[float],
    s: float,
    sides: int,
    least: float,
) -> tuple[float, float]:
    """`_chances` given S: sums over the control's mean, where the arms are independent."""
    erfc = math.erfc
    some, every = 0.0, 0.0
    for i in range(len(shares)):
        if shares[i] < least:
            continue
        one, whole = 0.0, 1.0
        for cut, middles, many in rows:
            edge, middle = cut * s, middles[i]
            passing = 0.5 * erfc(edge - middle)
            if sides == 2:
                passing += 0.5 * erfc(edge + middle)
            for _ in range(many):
                # Summed up, not 1 less a product: a small chance keeps its digits.
                one = passing + (1.0 - passing) * one
                whole *= passing
        some += shares[i] * one
        every += shares[i] * whole
    return some, every
