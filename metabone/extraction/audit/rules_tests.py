"""Rules of arithmetic: t, p and yi against the arms, intervals against their estimate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.sheet import Bools, Floats, Sheet

#: A printed t is off beyond rounding when it differs from that of the arms by this factor.
T_FACTOR = 1.35
#: A printed p is off when the t that it stands for differs by this factor, or this much near 0.
P_FACTOR, P_NEAR = 1.5, 0.5
#: An interval is as wide as a standard error says when it differs by no more than this share.
_AS_PRINTED = 0.15
LOW_NAMES = ("ci_low", "ci_lower", "ci_lb", "lower", "lower_ci", "ci_l", "ll", "lcl", "ci95_low")
HIGH_NAMES = ("ci_high", "ci_upper", "ci_ub", "upper", "upper_ci", "ci_u", "ul", "ucl", "ci95_high")


def t_and_p(sheet: Sheet) -> Iterator[Suspicion]:
    """t and p follow from means, dispersions and animals, as far as they are printed."""
    low, high = t_limits(sheet)
    df = sheet.number("n_treated") + sheet.number("n_control") - 2
    t = np.abs(sheet.number("t"))
    t = np.where(np.isnan(t), np.sqrt(np.maximum(sheet.number("f"), 0)), t)
    half = np.where(np.isfinite(sheet.number("t")), sheet.half_digit("t"), sheet.half_digit("f"))
    name = "t" if np.isfinite(sheet.number("t")).any() else "f"
    off = _apart(t - half, t + half, low, high, T_FACTOR, 0.25)
    for at in np.flatnonzero(off).tolist():
        column = "t" if np.isfinite(sheet.number("t")[at]) else name
        yield _mismatch(sheet, at, column, "t-mismatch", (low[at], high[at]), float(t[at]))
    p_low, p_high = _t_of_p(sheet, df)
    off = _apart(p_low, p_high, low, high, P_FACTOR, P_NEAR) & np.isfinite(sheet.number("p"))
    for at in np.flatnonzero(off).tolist():
        middle = float(-stdtrit(df[at], sheet.number("p")[at] / 2))
        yield _mismatch(sheet, at, "p", "p-mismatch", (low[at], high[at]), middle)


def difference_of(sheet: Sheet) -> Floats:
    """(k,) treated mean less control mean; infinite where it is beyond the computer's numbers."""
    with np.errstate(over="ignore"):
        return np.asarray(sheet.number("mean_treated") - sheet.number("mean_control"), dtype=float)


def t_limits(sheet: Sheet, kind: str | None = None) -> tuple[Floats, Floats]:
    """(k,) smallest and largest |t| of the arms that the printed digits allow, Welch or pooled.

    `kind` reads the dispersions as another kind than the rows declare.
    """
    n1, n2 = sheet.number("n_treated"), sheet.number("n_control")
    spread = [sheet.number(f"dispersion_{arm}") for arm in ("treated", "control")]
    slack = [sheet.half_digit(f"dispersion_{arm}") for arm in ("treated", "control")]
    difference = np.abs(difference_of(sheet))
    rounding = sheet.half_digit("mean_treated") + sheet.half_digit("mean_control")
    kinds = sheet.text("dispersion_type") if kind is None else np.full(len(sheet), kind, object)
    smallest, largest = np.full(len(sheet), np.inf), np.zeros(len(sheet))
    with np.errstate(all="ignore"):
        for side in (-1, 1):
            se2 = [
                _squared_error(np.maximum(s + side * h, s / 10), n, kinds)
                for s, h, n in zip(spread, slack, (n1, n2), strict=True)
            ]
            welch = np.sqrt(se2[0] + se2[1])
            pooled = np.sqrt(
                ((n1 - 1) * se2[0] * n1 + (n2 - 1) * se2[1] * n2) / (n1 + n2 - 2)
                * (1 / n1 + 1 / n2)
            )  # fmt: skip
            for error in (welch, pooled):
                smallest = np.minimum(smallest, np.maximum(difference - rounding, 0) / error)
                largest = np.maximum(largest, (difference + rounding) / error)
    known = np.isfinite(smallest) & np.isfinite(largest) & (n1 >= 2) & (n2 >= 2)
    return np.where(known, smallest, np.nan), np.where(known, largest, np.nan)


def _squared_error(spread: Floats, n: Floats, kinds: NDArray[np.object_]) -> Floats:
    """Squared standard error of a mean."""
    quantile = stdtrit(np.where(n > 1, n - 1, np.nan), 0.975)
    return np.select(
        [kinds == "SD", kinds == "SEM", kinds == "CI95"],
        [spread**2 / n, spread**2, (spread / quantile) ** 2], np.nan,
    )  # fmt: skip


def _t_of_p(sheet: Sheet, df: Floats) -> tuple[Floats, Floats]:
    p, half = sheet.number("p"), sheet.half_digit("p")
    usable = (p > 0) & (p <= 1) & (df > 0)
    at = np.where(usable, df, np.nan)
    with np.errstate(all="ignore"):
        low = -stdtrit(at, np.minimum(p + half, 1.0) / 2)
        high = -stdtrit(at, np.maximum(p - half, p / 100) / 2)
    return low, high


def _apart(
    a_low: Floats, a_high: Floats, b_low: Floats, b_high: Floats, factor: float, near: float
) -> Bools:
    with np.errstate(invalid="ignore"):
        above = (a_low > b_high * factor) & (a_low > b_high + near)
        below = (b_low > a_high * factor) & (b_low > a_high + near)
    return np.asarray(above | below, dtype=bool)


def _mismatch(
    sheet: Sheet, at: int, name: str, code: str, limits: tuple[float, float], t: float
) -> Suspicion:
    df = float(sheet.number("n_treated")[at] + sheet.number("n_control")[at] - 2)
    middle = 0.5 * (limits[0] + limits[1])
    said = f"is |t| = {t:.3g}" if code == "p-mismatch" else "is printed"
    arms = f"|t| = {middle:.3g} (p = {2 * float(stdtr(df, -middle)):.2g})"
    message = f"{said}, but means, dispersions and n give {arms}"
    fits = _fitting_kind(sheet, at, t)
    correction = None
    if fits is not None:
        message += f"; it agrees if the dispersion is {fits}"
        correction = {"dispersion_type": fits}
    # Papers print p of ANOVA, of adjusted and of paired tests: alone a mismatch is weak, unless t
    # differs more than three-fold.
    apart = max(limits[0] / t if t > 0 else np.inf, t / limits[1] if limits[1] > 0 else np.inf)
    alone = 0.6 if code == "t-mismatch" else float(np.clip(0.32 + 0.15 * np.log2(apart), 0.4, 0.6))
    strength = 0.85 if fits else alone
    return sheet.tell(at, (name, "dispersion_type"), code, strength, message, correction=correction)


def _fitting_kind(sheet: Sheet, at: int, t: float) -> str | None:
    """The other kind of dispersion under which the printed test follows from the arms."""
    declared = sheet.text("dispersion_type")[at]
    one = _one_row(sheet, at)
    fits = []
    for kind in ("SD", "SEM", "CI95"):
        if kind == declared:
            continue
        low, high = t_limits(one, kind)
        if low[0] / 1.12 <= t <= high[0] * 1.12:
            fits.append(kind)
    return fits[0] if fits else None


def _one_row(sheet: Sheet, at: int) -> Sheet:
    return Sheet(
        sheet.frame.iloc[[at]], sheet.printed.iloc[[at]], sheet.headers, {}, sheet.vocabulary
    )


def yi_against_arms(sheet: Sheet) -> Iterator[Suspicion]:
    """An effect computed elsewhere points where the arms, the test and the sign point."""
    yi = sheet.number("yi")
    low, _ = t_limits(sheet)
    difference = difference_of(sheet)
    clear = np.isfinite(yi) & (np.abs(yi) > sheet.half_digit("yi"))
    against = clear & (yi * difference < 0) & ((low > 0.7) | ~np.isfinite(low))
    for at in np.flatnonzero(against).tolist():
        yield sheet.tell(
            at, ("yi", "mean_treated", "mean_control"), "yi-sign", 0.9,
            f"points the other way than the means ({sheet.cell(at, 'mean_treated')} treated, "
            f"{sheet.cell(at, 'mean_control')} control)",
            correction={"yi": -float(yi[at])},
        )  # fmt: skip
    sign = np.where(sheet.text("sign") == "+", 1.0, np.where(sheet.text("sign") == "-", -1.0, 0.0))
    t = np.nan_to_num(sheet.number("t"))
    pointed = np.where(sign != 0, sign, np.sign(t))
    against = clear & (yi * pointed < 0) & ~np.isfinite(difference)
    for at in np.flatnonzero(against).tolist():
        yield sheet.tell(
            at, ("yi", "sign" if sign[at] else "t"), "yi-sign", 0.9,
            f"points the other way than {'sign' if sign[at] else 't'}",
            correction={"yi": -float(yi[at])},
        )  # fmt: skip


def intervals(sheet: Sheet) -> Iterator[Suspicion]:
    """The limits of an interval lie as far below as above an effect on an additive scale."""
    low_name, high_name = sheet.extra_name(*LOW_NAMES), sheet.extra_name(*HIGH_NAMES)
    if low_name is None or high_name is None:
        return
    low, high = _as_numbers(sheet, low_name), _as_numbers(sheet, high_name)
    yi, sei = sheet.number("yi"), sheet.number("sei")
    sei = np.where(np.isfinite(sei), sei, np.sqrt(np.maximum(sheet.number("vi"), 0)))
    halves = [sheet.half_digit(name) for name in ("yi", low_name, high_name)]
    for at, told in asymmetries(yi, low, high, *halves).items():
        yield sheet.tell(at, ("yi", low_name, high_name), "asymmetric-interval", *told)
    with np.errstate(all="ignore"):
        ratio = (high - low) / (2 * 1.959964 * sei)
        swapped = np.abs((high - low) / (2 * 1.959964 * sheet.number("vi")) - 1) < _AS_PRINTED
        wrong = (ratio > 1.5) | (ratio < 1 / 1.5) | (swapped & (np.abs(ratio - 1) > _AS_PRINTED))
    wrong &= np.isfinite(ratio)
    for at in np.flatnonzero(wrong).tolist():
        name = "sei" if np.isfinite(sheet.number("sei")[at]) else "vi"
        fits = " (it would fit if vi held the standard error)" if swapped[at] else ""
        yield sheet.tell(
            at,
            (name, low_name, high_name),
            "asymmetric-interval",
            0.7,
            f"gives an interval {1 / ratio[at]:.2g} times as wide as {low_name} to {high_name}"
            + fits,
        )


def asymmetries(
    middle: Floats, low: Floats, high: Floats, half: Floats, half_low: Floats, half_high: Floats
) -> dict[int, tuple[float, str]]:
    """Place to strength and words, of intervals that are not symmetric about their estimate."""
    with np.errstate(invalid="ignore"):
        slack = 2 * half + half_low + half_high + 1e-9 * np.abs(middle)
        down, up = middle - low, high - middle
        outside = np.isfinite(down + up) & ((down < -slack) | (up < -slack))
        uneven = (
            np.isfinite(down + up) & (np.abs(up - down) > slack + 0.03 * (up + down)) & ~outside
        )
    told = {}
    for at in np.flatnonzero(outside).tolist():
        told[at] = (0.95, f"lies outside its own interval ({low[at]:g} to {high[at]:g})")
    for at in np.flatnonzero(uneven).tolist():
        ratio = bool(low[at] > 0) and _even_in_logs(middle[at], low[at], high[at], slack[at])
        why = "; the limits are even on a log scale, so it may be a ratio" if ratio else ""
        told[at] = (
            0.6 if ratio else 0.85,
            f"lies {down[at]:.3g} above its lower and {up[at]:.3g} below its upper limit{why}",
        )
    return told


def _even_in_logs(middle: float, low: float, high: float, slack: float) -> bool:
    down, up = np.log(middle / low), np.log(high / middle)
    return bool(abs(up - down) <= 0.06 * (up + down) + slack / low)


def _as_numbers(sheet: Sheet, name: str) -> Floats:
    import pandas as pd

    values = pd.to_numeric(sheet.frame[name], errors="coerce")
    return np.asarray(values.to_numpy(dtype=float))
