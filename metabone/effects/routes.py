"""Which numbers of a row give its effect size: the arms, a printed effect, or a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.effects import conversions
from metabone.effects.formulas import FloatArray

if TYPE_CHECKING:
    import pandas as pd

DISPERSION_TEXT = {"SD": "", "SEM": "SEM × √n", "CI95": "CI95 half-width × √n / t(n − 1)"}
QUARTILES = "median and quartiles to mean (Luo 2018) and SD (Wan 2014)"
RANGE = "median and range to mean (Luo 2018) and SD (Wan 2014)"
FIVE_NUMBERS = "median, quartiles and range to mean (Luo 2018) and SD (Shi 2020)"
AS_GIVEN = "yi and vi as given"
NOTHING = "neither means, medians, a test nor an effect size is given"
TEST_TEXT = {
    "t": "t × √(1/n₁ + 1/n₂) × J",
    "f": "√F with its sign as t; t × √(1/n₁ + 1/n₂) × J",
    "p": "t of the two-sided p with its sign; t × √(1/n₁ + 1/n₂) × J",
}


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of every row after conversion; NaN where the row does not give it.

    Parameters
    ----------
    n, mean, sd : (k,) animals, mean and standard deviation.
    text : (k,) what was done to what the paper prints; empty for a mean and SD as printed.
    blank : (k,) names of the blank columns that an effect size would need.
    median : (k,) whether mean and SD come from a median.
    """

    n: FloatArray
    mean: FloatArray
    sd: FloatArray
    text: tuple[str, ...]
    blank: tuple[tuple[str, ...], ...]
    median: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Routes:
    """The way from each row to its effect size.

    Parameters
    ----------
    name : (k,) ``mean``, ``median``, ``yi``, ``t``, ``f``, ``p``; None where there is no way.
    text : (k,) in words what is done on the way.
    reason : (k,) why there is no way; empty where there is one.
    treated, control, sham : the arms.
    t : (k,) Student's t of the rows whose way is a test.
    """

    name: tuple[str | None, ...]
    text: tuple[str, ...]
    reason: tuple[str, ...]
    treated: Arm
    control: Arm
    sham: Arm
    t: FloatArray

    def by(self, *names: str) -> NDArray[np.bool_]:
        """(k,) the rows that go one of these ways."""
        return np.array([name in names for name in self.name], dtype=bool)


def read_arm(frame: pd.DataFrame, arm: str) -> Arm:
    """Mean and SD of ``treated``, ``control`` or ``sham`` in every row.

    A mean with its dispersion comes first; else a median with quartiles, range or both.
    """
    n, mean, spread = (_column(frame, f"{word}_{arm}") for word in ("n", "mean", "dispersion"))
    kind = frame["dispersion_type"].to_numpy(dtype=object)
    sd = np.select(
        [kind == "SD", kind == "SEM", kind == "CI95"],
        [spread, conversions.sem_to_sd(spread, n), conversions.ci95_to_sd(spread, n)],
        np.nan,
    )
    text = [DISPERSION_TEXT.get(word, "") for word in kind]
    median = np.zeros(len(frame), dtype=bool)
    if f"median_{arm}" in frame.columns:
        quantiles = {
            word: _column(frame, f"{word}_{arm}") for word in ("min", "q1", "median", "q3", "max")
        }
        mean, sd, median = _from_quantiles(n, mean, spread, sd, text, quantiles)
    return Arm(n, mean, sd, tuple(text), tuple(_blank(frame, arm, median)), median)


def _from_quantiles(
    n: FloatArray,
    mean: FloatArray,
    spread: FloatArray,
    sd: FloatArray,
    text: list[str],
    quantiles: dict[str, FloatArray],
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Fill mean, SD and `text` of the rows that print quantiles instead of mean and dispersion."""
    low, q1, middle, q3, high = quantiles.values()
    open_rows = ~np.isnan(middle) & (np.isnan(mean) | np.isnan(spread))
    has_quartiles = open_rows & ~np.isnan(q1) & ~np.isnan(q3)
    has_range = open_rows & ~np.isnan(low) & ~np.isnan(high)
    for rows, (m, s), words in (
        (has_range, conversions.range_to_mean_sd(n, low, middle, high), RANGE),
        (has_quartiles, conversions.quartiles_to_mean_sd(n, q1, middle, q3), QUARTILES),
        (
            has_quartiles & has_range,
            conversions.five_numbers_to_mean_sd(n, low, q1, middle, q3, high),
            FIVE_NUMBERS,
        ),
    ):
        mean, sd = np.where(rows, m, mean), np.where(rows, s, sd)
        for i in np.flatnonzero(rows):
            text[i] = words
    return mean, sd, has_quartiles | has_range


def _blank(frame: pd.DataFrame, arm: str, median: NDArray[np.bool_]) -> list[tuple[str, ...]]:
    """The blank columns of one arm that keep each row from having n, mean and SD."""
    n, mean = f"n_{arm}", f"mean_{arm}"
    names = (n, mean, f"dispersion_{arm}", "dispersion_type")
    void = {name: frame[name].isna().to_numpy(dtype=bool) for name in names}
    half = np.zeros(len(frame), dtype=bool)  # a median without its quantiles
    if f"median_{arm}" in frame.columns:
        half = void[mean] & frame[f"median_{arm}"].notna().to_numpy(dtype=bool) & ~median
    blank = []
    for i in range(len(frame)):
        needed = (n,) if median[i] or half[i] else names
        found = tuple(name for name in needed if void[name][i])
        blank.append(
            (*found, f"q1_{arm} and q3_{arm} (or min_{arm} and max_{arm})") if half[i] else found
        )
    return blank


def find_routes(frame: pd.DataFrame, measure: str, variance: str) -> Routes:
    """Choose for each row the way to its effect size.

    In this order: both arms by mean or median; the effect size that the row gives itself; a
    t, F or p (SMD only).
    """
    treated, control, sham = (read_arm(frame, arm) for arm in ("treated", "control", "sham"))
    columns = {name: _column(frame, name) for name in ("yi", "vi", "sei", "t", "f", "p")}
    signs = [_sign(word) for word in frame["sign"]]
    names: list[str | None] = []
    texts: list[str] = []
    reasons: list[str] = []
    t = np.full(len(frame), np.nan)
    has_arms = _has_arms(frame)
    for i in range(len(frame)):
        row = {name: float(values[i]) for name, values in columns.items()}
        blank = _needed_blank(measure, variance, treated.blank[i], control.blank[i], sham.blank[i])
        if not blank:
            names.append("median" if treated.median[i] or control.median[i] else "mean")
            texts.append(_arms_text(treated.text[i], control.text[i]))
            reasons.append("")
            continue
        name, statistic, text, reason = _other_way(row, signs[i], measure, treated, control, i)
        t[i] = statistic
        names.append(name)
        texts.append(text)
        reasons.append("" if name else _reason(blank, reason, measure, has_arms=has_arms[i]))
    return Routes(tuple(names), tuple(texts), tuple(reasons), treated, control, sham, t)


def _other_way(
    row: dict[str, float], sign: float, measure: str, treated: Arm, control: Arm, i: int
) -> tuple[str | None, float, str, str]:
    """(route, t, text, reason) of a row whose arms are not complete."""
    if not np.isnan(row["yi"]):
        if not np.isnan(row["vi"]):
            return "yi", np.nan, AS_GIVEN, ""
        if not np.isnan(row["sei"]):
            return "yi", np.nan, "yi as given; sei² as vi", ""
        return None, np.nan, "", "yi has neither vi nor sei"
    name = next((word for word in ("t", "f", "p") if not np.isnan(row[word])), None)
    if name is None:
        return None, np.nan, "", ""
    if measure != "SMD":
        words = {"t": "a t", "f": "an F", "p": "a p"}[name]
        return None, np.nan, "", f"only {words} is given, which gives an SMD and no {measure}"
    blank = [w for arm in (treated, control) for w in arm.blank[i] if w.startswith("n_")]
    if blank:
        return None, np.nan, "", are_blank(blank)
    if np.isnan(sign) and name != "t":
        return None, np.nan, "", f"{name} has no sign (+ or -)"
    df = treated.n[i] + control.n[i] - 2
    if name == "f":
        value = conversions.f_to_t(row["f"], sign)
    elif name == "p":
        value = conversions.p_to_t(row["p"], df, sign)
    else:
        value = np.asarray(row["t"] if np.isnan(sign) else abs(row["t"]) * sign)
    return name, float(value), TEST_TEXT[name], ""


def _needed_blank(
    measure: str,
    variance: str,
    treated: Sequence[str],
    control: Sequence[str],
    sham: Sequence[str],
) -> list[str]:
    """The blank columns that keep the arms of one row from giving this measure."""
    blank = list(dict.fromkeys((*treated, *control)))
    if measure == "VR":
        blank = [name for name in blank if not name.startswith("mean_")]
    if measure == "NMD":
        needed = [name for name in sham if name == "mean_sham" or variance == "DELTA"]
        blank += [name for name in needed if name not in blank]
    return blank


def _has_arms(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """(k,) whether the row prints anything of its treated or control arm beside n."""
    words = ("mean", "dispersion", "median", "q1", "q3", "min", "max")
    names = [f"{word}_{arm}" for word in words for arm in ("treated", "control")]
    return frame[names].notna().any(axis=1).to_numpy(dtype=bool)


def _reason(blank: list[str], other: str, measure: str, *, has_arms: bool) -> str:
    """Why a row gives no effect size, as precisely as its cells allow."""
    if not has_arms:
        return other or NOTHING
    words = are_blank(blank)
    if measure == "NMD" and any(name.endswith("_sham") for name in blank):
        words += " (NMD needs the healthy level)"
    return f"{words}; {other}" if other and other != words else words


def are_blank(names: Sequence[str]) -> str:
    """``a is blank``, ``a and b are blank``, ``a, b and c are blank``.

    Examples
    --------
    >>> are_blank(["n_treated", "n_control"])
    'n_treated and n_control are blank'
    """
    if len(names) == 1:
        return f"{names[0]} {'are' if ' and ' in names[0] else 'is'} blank"
    return f"{', '.join(names[:-1])} and {names[-1]} are blank"


def _arms_text(treated: str, control: str) -> str:
    if treated == control:
        return treated or "none"
    return f"treated: {treated or 'none'}; control: {control or 'none'}"


def _sign(word: Any) -> float:
    return {"+": 1.0, "-": -1.0}.get(word, np.nan) if isinstance(word, str) else np.nan


def _column(frame: pd.DataFrame, name: str) -> FloatArray:
    return frame[name].to_numpy(dtype=float)
