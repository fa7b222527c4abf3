"""Whole animals for a target power, and the value of an input that just reaches a target.

Both refuse in words. Neither starts at a guess that it could stop at: the integer search doubles
and halves, the real search needs a bracket whose ends lie on either side of the target.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

INF = float("inf")
EPS = 2.220446049250313e-16


def smallest_n(
    power_at: "Callable[[int], float]",
    target: float,
    low: int = 2,
    high: int = 100000,
    guess: int = 0,
) -> int:
    """Smallest whole n from ``low`` on at which ``power_at(n)`` reaches ``target``.

    Doubling, then halving; then the neighbours below are tried, because a power that moves in
    whole cages or blocks can saw up and down.

    Parameters
    ----------
    guess
        Where to look first (0: at ``low``); a power that only rises has the same answer from
        everywhere.

    Raises
    ------
    ValueError
        If the target is no probability, or isn't reached at ``high`` (the message gives the power
        there).

    Examples
    --------
    >>> smallest_n(lambda n: 1 - 0.5**n, 0.9)
    4
    """
    if not 0 < target < 1:
        raise ValueError("the target must lie between 0 and 1, not be " + str(target))
    if low > high:
        raise ValueError("no whole number from " + str(low) + " to " + str(high))
    below, n, step = low - 1, min(max(low, guess), high), 1
    while n > low and _power(power_at, n) >= target:
        under = max(low, n - step)
        if _power(power_at, under) < target:
            below = under
            break
        n, step = under, step * 2
    step = 1
    while _power(power_at, n) < target:
        if n >= high:
            raise ValueError(
                "the target "
                + str(target)
                + " is not reached by n = "
                + str(high)
                + ": it is "
                + str(_power(power_at, high))
                + " there"
            )
        below, n, step = n, min(high, n + step), step * 2
    while n - below > 1:
        middle = (below + n) // 2
        if _power(power_at, middle) < target:
            below = middle
        else:
            n = middle
    return _walk_down(power_at, target, low, n)


def _walk_down(
    power_at: "Callable[[int], float]", target: float, low: int, n: int, reach: int = 3
) -> int:
    """Smallest n that a walk of up to ``reach`` failures below n finds."""
    best, k = n, n - 1
    while k >= low and best - k <= reach:
        if _power(power_at, k) >= target:
            best = k
        k -= 1
    return best


def _power(power_at: "Callable[[int], float]", n: int) -> float:
    value = power_at(n)
    if value != value:
        raise ValueError("the power at n = " + str(n) + " is not a number")
    return value


def solve(
    f: "Callable[[float], float]",
    target: float,
    low: float,
    high: float,
    tolerance: float = 1e-12,
) -> float:
    """x in [low, high] with f(x) = target, by inverse quadratic steps and bisections.

    f must be continuous, and cross the target an odd number of times between the ends.

    Parameters
    ----------
    tolerance
        Width of the last bracket, relative to its ends (absolute below 1).

    Raises
    ------
    ValueError
        If both ends lie on the same side of the target: with both values in the message.

    References
    ----------
    Chandrupatla TR. A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear
    function without using derivatives. Advances in Engineering Software 1997;28:145-149.
    doi:10.1016/S0965-9978(96)00051-8

    Examples
    --------
    >>> round(solve(lambda x: x * x, 2.0, 0.0, 2.0), 12)
    1.414213562373
    """
    if not (-INF < low < high < INF):
        raise ValueError("the search needs low < high, not " + str(low) + " and " + str(high))
    at_low, at_high = _gap(f, low, target), _gap(f, high, target)
    if at_low == 0.0 or at_high == 0.0:
        return low if at_low == 0.0 else high
    if (at_low > 0) == (at_high > 0):
        raise ValueError(
            "the target "
            + str(target)
            + " is out of reach: the value is "
            + str(at_low + target)
            + " at "
            + str(low)
            + " and "
            + str(at_high + target)
            + " at "
            + str(high)
        )
    return _close(f, target, (low, at_low), (high, at_high), tolerance)


def _close(
    f: "Callable[[float], float]",
    target: float,
    left: tuple[float, float],
    right: tuple[float, float],
    tolerance: float,
) -> float:
    """Shrink a bracket: inverse quadratic steps where three points allow one, else bisection."""
    (a, fa), (b, fb) = left, right
    c, fc = a, fa
    share = fa / (fa - fb)
    for _ in range(400):
        width = abs(b - a)
        least = max(tolerance, 4.0 * EPS) * max(1.0, abs(a), abs(b))
        if width <= least:
            break
        # Not nearer to an end than the tolerance, so that the next bracket can be the last.
        edge = 0.5 * least / width
        x = a + min(max(share, edge), 1.0 - edge) * (b - a)
        fx = _gap(f, x, target)
        if fx == 0.0:
            return x
        if (fx > 0) == (fa > 0):
            c, fc = a, fa
        else:
            c, fc, b, fb = b, fb, a, fa
        a, fa = x, fx
        share = _step(a, fa, b, fb, c, fc)
    return b if abs(fb) < abs(fa) else a


def _step(a: float, fa: float, b: float, fb: float, c: float, fc: float) -> float:
    """Where to look next between a and b, as a share of the way, given the point before."""
    place, height = (a - b) / (c - b), (fa - fb) / (fc - fb)
    if not (height * height < place and (1.0 - height) * (1.0 - height) < 1.0 - place):
        return 0.5
    far = (c - a) / (b - a)
    return fa / (fb - fa) * fc / (fb - fc) + far * fa / (fc - fa) * fb / (fc - fb)


def _gap(f: "Callable[[float], float]", x: float, target: float) -> float:
    value = f(x)
    if value != value:
        raise ValueError("the value at " + str(x) + " is not a number")
    return value - target
