"""How the animals of each arm are spread: normality, equal variance, animals that stand apart."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NAN = float("nan")

#: Animals in an arm to the power of the Shapiro-Wilk test at 5 % against exponential values: by
#: 4000 simulated arms each.
SHAPIRO_POWER: Mapping[int, float] = MappingProxyType(
    {4: 0.12, 5: 0.16, 6: 0.22, 7: 0.28, 8: 0.33, 10: 0.45, 12: 0.53, 15: 0.68, 20: 0.83, 30: 0.96}
)
#: Above this the p value of the Shapiro-Wilk test is not exact (Royston 1995).
SHAPIRO_MOST = 5000
#: The median absolute deviation of normal values is the SD times this.
_NORMAL_MAD = 0.6744897501960817


@dataclass(frozen=True, slots=True)
class ArmTest:
    """A statistic with its p value; NaN and a reason where it does not exist.

    Parameters
    ----------
    group : the arm, or None for all arms together.
    power : of the test at 5 % with that many animals, where it is known to be low; else NaN.
    """

    group: str | None
    n: int
    statistic: float
    pvalue: float
    power: float = NAN
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The test as JSON prints it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Outlier:
    """An animal far from its arm's median: reported, never left out.

    Parameters
    ----------
    distance : from the median, in SDs by the median absolute deviation.
    """

    row: int
    animal: str
    group: str
    value: float
    distance: float

    def to_dict(self) -> dict[str, Any]:
        """The animal as JSON prints it."""
        return {name: getattr(self, name) for name in self.__slots__}


def quietly(call: Callable[[], Any]) -> tuple[Any, str]:
    """The answer of a library, and what it warned of, in words."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = call()
    # What a library will change in its next version says nothing of these animals.
    told = [
        one for one in caught if not issubclass(one.category, (DeprecationWarning, FutureWarning))
    ]
    said = dict.fromkeys(str(one.message).strip().split("\n")[0] for one in told)
    return answer, "; ".join(said)


def constant(values: Floats) -> bool:
    """Whether values do not differ by more than rounding."""
    return bool(np.ptp(values) <= 1e-12 * np.max(np.abs(values))) if len(values) else True


def shapiro_power(n: int) -> float:
    """Power of the Shapiro-Wilk test against exponential values, of the next smaller known n.

    Examples
    --------
    >>> shapiro_power(6), shapiro_power(9), shapiro_power(100)
    (0.22, 0.33, 0.96)
    """
    known = [size for size in SHAPIRO_POWER if size <= n]
    return SHAPIRO_POWER[max(known)] if known else NAN


def normality(values: Floats, group: str | None = None) -> ArmTest:
    """Shapiro-Wilk test, with the power that so few animals leave it.

    Parameters
    ----------
    values : (n,) one arm, or the residuals of all arms.
    """
    import pingouin

    n = len(values)
    if n < 4:
        return ArmTest(group, n, NAN, NAN, note="fewer than 4 animals")
    if constant(values):
        return ArmTest(group, n, NAN, NAN, note="all values are the same")
    if n > SHAPIRO_MOST:
        return ArmTest(group, n, NAN, NAN, note=f"more than {SHAPIRO_MOST} animals: look at a plot")
    found, said = quietly(lambda: pingouin.normality(values))
    return ArmTest(
        group, n, float(found["W"].iloc[0]), float(found["pval"].iloc[0]), shapiro_power(n), said
    )


def equal_variance(groups: Mapping[str, Floats]) -> ArmTest:
    """Brown-Forsythe test (Levene's about the medians) over all arms.

    Parameters
    ----------
    groups : arm to (n,) values.
    """
    import pandas as pd
    import pingouin

    used = {name: values for name, values in groups.items() if len(values) >= 3}
    n = sum(map(len, used.values()))
    if len(used) < 2:
        return ArmTest(None, n, NAN, NAN, note="fewer than 2 arms of 3 animals")
    spread = [np.abs(values - np.median(values)) for values in used.values()]
    if all(constant(each) for each in spread):
        return ArmTest(None, n, NAN, NAN, note="the distances from the medians do not vary")
    names = np.repeat(np.arange(len(used)), [len(values) for values in used.values()])
    frame = pd.DataFrame({"value": np.concatenate(list(used.values())), "arm": names})
    found, said = quietly(
        lambda: pingouin.homoscedasticity(
            frame, dv="value", group="arm", method="levene", center="median"
        )
    )
    return ArmTest(None, n, float(found["W"].iloc[0]), float(found["pval"].iloc[0]), note=said)


def outliers(
    values: Floats, rows: Sequence[int], animals: Sequence[str], group: str
) -> tuple[list[Outlier], str]:
    """Animals that the MAD-median rule sets apart in one arm, and why there are none to tell.

    Parameters
    ----------
    values, rows, animals : (n,) of one arm.
    """
    import pingouin

    if len(values) < 4:
        return [], "fewer than 4 animals"
    middle = float(np.median(values))
    spread = float(np.median(np.abs(values - middle))) / _NORMAL_MAD
    if not spread > 1e-12 * abs(middle):
        return [], "half of the animals have the same value"
    apart = np.asarray(pingouin.madmedianrule(values), dtype=bool)
    return [
        Outlier(int(rows[at]), str(animals[at]), group, float(values[at]),
                (float(values[at]) - middle) / spread)
        for at in apart.nonzero()[0].tolist()
    ], ""  # fmt: skip


def residuals(values: Floats, codes: NDArray[np.int64]) -> Floats:
    """Values less the mean of their arm; (n,) codes number the arms from 0."""
    sums = np.bincount(codes, weights=values)
    counts = np.bincount(codes)
    with np.errstate(invalid="ignore"):
        means: Floats = sums / counts
    out: Floats = values - means[codes]
    return out


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlation of baseline and end within arms (deviations from the arms' means).

    Parameters
    ----------
    df : animals less arms less 1.
    """

    r: float
    ci_low: float
    ci_high: float
    n: int
    df: int
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The correlation as JSON prints it."""
        return {name: getattr(self, name) for name in self.__slots__}


def baseline_within(
    start: Floats, end: Floats, codes: NDArray[np.int64], level: float
) -> Correlation:
    """What a scan before treatment tells of the end, arms apart.

    Parameters
    ----------
    start, end : (n,) of the animals that have both.
    codes : (n,) arms numbered from 0.

    Notes
    -----
    The partial correlation given the arm; interval by Fisher's z with one animal less for each
    further arm (Fisher 1924).
    """
    import pingouin

    n = len(end)
    arms = len(np.unique(codes))
    df = n - arms - 1
    if df < 3:
        return Correlation(NAN, NAN, NAN, n, df, "too few animals have both values")
    codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    x, y = residuals(start, codes), residuals(end, codes)
    if np.ptp(x) <= 1e-12 * np.max(np.abs(start)) or np.ptp(y) <= 1e-12 * np.max(np.abs(end)):
        return Correlation(NAN, NAN, NAN, n, df, "baseline or end does not vary within arms")
    found, said = quietly(lambda: pingouin.corr(x, y))
    r = float(found["r"].iloc[0])
    if not math.isfinite(r) or abs(r) >= 1 - 1e-12:
        return Correlation(r, NAN, NAN, n, df, said or "a perfect correlation has no interval")
    low, high = pingouin.compute_esci(
        stat=r, nx=n - arms + 1, eftype="r", confidence=level, decimals=15
    )
    return Correlation(r, float(low), float(high), n, df, said)
