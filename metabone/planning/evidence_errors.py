"""What significance does to an estimate: wrong signs (type S) and exaggeration (type M)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from metabone.errors import UsageError
from metabone.planning.kernel import chi_nodes, nct_cdf, nct_sf, norm_isf, norm_pdf, t_isf
from metabone.planning.predictive import check_design


@dataclass(frozen=True, slots=True)
class DesignErrors:
    """What to expect of a significant result if the true effect is the one named.

    Parameters
    ----------
    power : chance of a significant result in either direction.
    type_s : share of the significant results that point the wrong way.
    type_m : how many times larger than the truth a significant estimate is on average.
    """

    power: float
    type_s: float
    type_m: float


def design_errors(
    effect: float, se: float, *, df: float = float("inf"), alpha: float = 0.05
) -> DesignErrors:
    """Power, type S and type M error of a two-sided test of an estimate.

    The estimate is normal with standard error `se`; the test divides it by an estimated standard
    error with `df` degrees of freedom, so that Student's t is exact.

    Parameters
    ----------
    effect : true effect, not 0.
    se : true standard error of its estimate, in the same unit.
    df : of the estimated standard error; infinite for a known one.

    Raises
    ------
    UsageError
        If the effect is 0 or not finite, or a number is impossible.

    References
    ----------
    Gelman & Carlin (2014), doi:10.1177/1745691614551642; Lu, Qiu & Deng (2019),
    doi:10.1111/bmsp.12132 (closed form for the normal).

    Examples
    --------
    >>> found = design_errors(0.5, 1)
    >>> [round(x, 4) for x in (found.power, found.type_s, found.type_m)]
    [0.0791, 0.0878, 4.7886]
    """
    if not (math.isfinite(effect) and effect != 0):
        raise UsageError(f"effect must be a finite number other than 0; got {effect!r}")
    if not (math.isfinite(se) and se > 0):
        raise UsageError(f"se must be a positive number; got {se!r}")
    if not df > 0:
        raise UsageError(f"df must be positive; got {df!r}")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie between 0 and 1, e.g. 0.05; got {alpha!r}")
    nc = abs(effect) / se
    c = norm_isf(alpha / 2) if math.isinf(df) else t_isf(alpha / 2, df)
    right, wrong = nct_sf(c, df, nc), nct_cdf(-c, df, nc)
    # The mean of |Z + nc| beyond ± c S, Z standard normal.
    beyond = [w * (norm_pdf(c * s - nc) + norm_pdf(c * s + nc)) for s, w in chi_nodes(df, steep=c)]
    size = nc * (right - wrong) + sum(beyond)
    total = right + wrong
    return DesignErrors(total, wrong / total, size / total / nc)


def type_s(d: float, n1: int, n2: int, *, alpha: float = 0.05) -> float:
    """Share of significant t-tests of two groups that point the wrong way; see `design_errors`.

    Examples
    --------
    >>> round(type_s(0.5, 8, 8), 5)
    0.01228
    """
    return _two_groups(d, n1, n2, alpha).type_s


def type_m(d: float, n1: int, n2: int, *, alpha: float = 0.05) -> float:
    """How many times too large a significant difference of two means is on average.

    The difference itself, not its ratio to the observed SD; see `design_errors`.

    Examples
    --------
    >>> round(type_m(0.5, 8, 8), 4)
    2.435
    """
    return _two_groups(d, n1, n2, alpha).type_m


def _two_groups(d: float, n1: int, n2: int, alpha: float) -> DesignErrors:
    check_design(n1, n2, alpha, 2)
    return design_errors(d, math.sqrt(1 / n1 + 1 / n2), df=n1 + n2 - 2, alpha=alpha)
