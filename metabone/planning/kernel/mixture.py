"""Powers of t tests whose noncentrality or critical value varies from study to study.

A covariate that is measured, and SDs that differ, leave such a test: its mean over the share that
varies is one over normal probabilities, since all its cases have one error SD.
"""

import math

from metabone.planning.kernel.basis import log1p
from metabone.planning.kernel.central import ROOT_HALF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Steps of the rule in log chi: at most, and in units of the width that the integrand has there.
STEP, SHARP = 0.2, 0.7
# The density below exp(-DEPTH) of its peak adds less than 1e-10.
DEPTH = 23.0


def _fall(depth: float, side: int) -> float:
    """Where exp(2x) - 1 - 2x = depth, below (-1) or above (1) 0, by Newton's steps from outside."""
    x = math.sqrt(depth / 2) if side > 0 else -math.sqrt(depth / 2) - depth / 2
    for _ in range(60):
        grown = math.exp(2 * x) - 1
        step = (grown - 2 * x - depth) / (2 * grown)
        x -= step
        if abs(step) < 1e-6 * abs(x):
            break
    return x


def log_chi_rule(
    df: float, steep: float, slope: float, ease: float = 1.0
) -> list[tuple[float, float]]:
    """Nodes and weights of the mean of f(S), S = √(χ²_df/df): trapezoids in log S.

    Parameters
    ----------
    steep : largest slope of f's normal argument over log S, which shortens the step.
    slope : its slope over S at 0: f is flat below where it, times S, is nothing. The first node
        carries all that lies below it.
    ease : above 1, for a rule with that many times longer steps, over a shorter range: 2 leaves an
        error of about 1e-4.

    References
    ----------
    Trefethen & Weideman (2014), doi:10.1137/130932132 (the rule).
    """
    depth = DEPTH / ease
    low = _fall(2 * (depth + log1p(slope)) / (df + 1), -1)
    high = _fall(2 * depth / df, 1)
    step = ease * min(STEP, SHARP / math.sqrt(2 * df + steep * steep))
    count = math.ceil((high - low) / step)
    step = (high - low) / count
    nodes, total = [], 0.0
    for i in range(count + 1):
        x = low + i * step
        s = math.exp(x)
        weight = math.exp(-0.5 * df * ((s - 1) * (s + 1) - 2 * x))
        if i == 0:
            weight /= 1 - math.exp(-df * step)
        nodes.append((s, weight))
        total += weight
    return [(s, weight / total) for s, weight in nodes]


def mixed_power(cases: "Sequence[tuple[float, float, float]]", df: float, sides: int) -> float:
    """Mean of the powers of t tests with one df, to 1e-9.

    Parameters
    ----------
    cases
        (weight, noncentrality, critical value) of each; two-sided ones reject below the negative
        value too.

    Examples
    --------
    >>> from metabone.planning.kernel.central import t_isf
    >>> round(mixed_power([(1.0, 2 * 3**0.5, t_isf(0.025, 10))], 10, 2), 8)
    0.87641777
    """
    cut = max([one[2] for one in cases])
    shift = max([one[1] for one in cases])
    reach = cut * (1 + 3 / math.sqrt(2 * df))
    rule = log_chi_rule(df, max(cut, min(shift + 2, reach)), cut)
    erfc = math.erfc
    total = 0.0
    for weight, nc, critical in cases:
        a, b = nc * ROOT_HALF, critical * ROOT_HALF
        total += weight * sum([share * erfc(b * s - a) for s, share in rule])
        # Above, the lower tail has less than 1e-10 of the mean.
        if sides == 2 and a < 4.6:
            total += weight * sum([share * erfc(b * s + a) for s, share in rule])
    return min(1.0, 0.5 * total)
