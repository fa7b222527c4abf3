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
    power_at: "Callable[[int], float]", target: float, low: int = 2, high: int = 100000
) -> int:
    """Smallest whole n from ``low`` on at which ``power_at(n)`` reaches ``target``.

    Doubling, then halving; then the neighbours below are tried, because a power that moves in
    whole cages or blocks can saw up and down.

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
    below, n, step = low - 1, low, 1
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
    """x in [low, high] with f(x) = target, by false position with bisections between.

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
    Dowell M, Jarratt P. A modified regula falsi method for computing the root of an equation. BIT
    1971;11:168-174. doi:10.1007/BF01934364

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
    """Shrink a bracket: false position with halved weights (Illinois), bisection when it lags."""
    (a, fa), (b, fb) = left, right
    kept = 0
    for turn in range(400):
        width = b - a
        if width <= max(tolerance, 4.0 * EPS) * max(1.0, abs(a), abs(b)):
            break
        x = b - fb * (width / (fb - fa))
        if turn % 3 == 2 or not a < x < b:
            x = a + 0.5 * width
        fx = _gap(f, x, target)
        if fx == 0.0:
            return x
        if (fx > 0) == (fb > 0):
            b, fb = x, fx
            fa *= 0.5 if kept == 1 else 1.0
            kept = 1
        else:
            a, fa = x, fx
            fb *= 0.5 if kept == -1 else 1.0
            kept = -1
    return b if abs(fb) < abs(fa) else a


def _gap(f: "Callable[[float], float]", x: float, target: float) -> float:
    value = f(x)
    if value != value:
        raise ValueError("the value at " + str(x) + " is not a number")
    return value - target
