"""Rules about sizes: possible, but so unlikely that somebody should look again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabone.extraction.rows import ARMS, Message, Rows
from metabone.extraction.table import Finding

TINY_CV = 0.005
HUGE_D = 10.0
ARMS_APART = 10.0


def ranges(rows: Rows) -> Iterator[Finding]:
    """A mean lies in the range that is plausible for the species, in its unit."""
    low, high, factor = _limits(rows)
    for name in ("mean_treated", "mean_control", "mean_sham", "median_treated", "median_control"):
        with np.errstate(invalid="ignore"):
            value = rows.number(name) * factor
            outside = (value < low) | (value > high)

        def message(at: int) -> str:
            endpoint, species = rows.sized[at], rows.text("species")[at]
            unit = f" {endpoint.unit}" if endpoint.unit else ""
            return (
                f"is outside {low[at]:g} to {high[at]:g}{unit}, the plausible range of "
                f"{endpoint.name} in a {species} (unit of the row: "
                f"{rows.cell(at, 'unit') or 'none'}); is the unit right?"
            )

        yield from rows.report(outside, name, "out-of-range", message)


def _limits(rows: Rows) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    limits = np.full((3, len(rows)), np.nan)
    known: dict[tuple[object, object, object], tuple[float, float, float]] = {}
    words = zip(rows.text("outcome"), rows.text("species"), rows.text("unit"), strict=True)
    for at, key in enumerate(words):
        endpoint = rows.sized[at]
        if endpoint is None or key[1] not in endpoint.ranges:
            continue
        if key not in known:
            factor = endpoint.factor(key[2])
            known[key] = (*endpoint.ranges[key[1]], np.nan if factor is None else factor)
        limits[:, at] = known[key]
    return limits[0], limits[1], limits[2]


def negative_means(rows: Rows) -> Iterator[Finding]:
    """A quantity of which there can be none at all has no negative mean."""
    for arm in ARMS:
        name = f"mean_{arm}"
        yield from rows.report(
            rows.ratio_scale & (rows.number(name) < 0), name, "negative-mean",
            "is below 0, which this outcome cannot be; is it a change from baseline?",
        )  # fmt: skip


def dispersion_over_mean(rows: Rows) -> Iterator[Finding]:
    """A standard error above the mean of a quantity that cannot be negative."""
    for arm in ARMS:
        n = rows.number(f"n_{arm}")
        with np.errstate(all="ignore"):
            sem = rows.sd(arm) / np.sqrt(np.where(n > 0, n, np.nan))
        printed = rows.text("dispersion_type") == "SEM"
        sem = np.where(printed, rows.number(f"dispersion_{arm}"), sem)
        mean = np.abs(rows.number(f"mean_{arm}"))
        yield from rows.report(
            rows.ratio_scale & (sem > mean), f"dispersion_{arm}", "dispersion-over-mean",
            _beside(rows, f"mean_{arm}", "the standard error is above the mean ({}); is it "
                    "misprinted, or another unit?"),
        )  # fmt: skip


def tiny_dispersion(rows: Rows) -> Iterator[Finding]:
    """Animals differ by more than half a per cent."""
    for arm in ARMS:
        with np.errstate(all="ignore"):
            cv = rows.sd(arm) / np.abs(rows.number(f"mean_{arm}"))
        yield from rows.report(
            rows.ratio_scale & (cv > 0) & (cv < TINY_CV), f"dispersion_{arm}", "tiny-dispersion",
            _sized(100 * cv, "gives a coefficient of variation of {:.2g}%; is the dispersion in "
                   "another unit (fraction and per cent), or an SEM called SD?"),
        )  # fmt: skip


def huge_effects(rows: Rows) -> Iterator[Finding]:
    """Arms that lie more than ten standard deviations apart."""
    with np.errstate(all="ignore"):
        pooled = np.sqrt((rows.sd("treated") ** 2 + rows.sd("control") ** 2) / 2)
        d = (rows.number("mean_treated") - rows.number("mean_control")) / pooled
    huge = np.isfinite(d) & (np.abs(d) > HUGE_D)
    yield from rows.report(
        huge, "mean_treated", "huge-effect",
        _sized(np.abs(d), "the arms are {:.3g} standard deviations apart; is dispersion_type "
               "right, are both arms in the same unit?"),
    )  # fmt: skip


def arms_apart(rows: Rows) -> Iterator[Finding]:
    """Two arms of one outcome have means, and dispersions, of the same order of size."""
    for word, usable in (("mean", rows.ratio_scale), ("dispersion", np.ones(len(rows), bool))):
        treated, control = rows.number(f"{word}_treated"), rows.number(f"{word}_control")
        with np.errstate(all="ignore"):
            ratio = np.maximum(treated / control, control / treated)
        apart = usable & (treated > 0) & (control > 0) & (ratio >= ARMS_APART)
        yield from rows.report(
            apart, f"{word}_treated", "arms-differ",
            _sized(ratio, "differs {:.3g}-fold from " + f"{word}_control; are both arms in the "
                   "same unit?"),
        )  # fmt: skip


def _sized(size: NDArray[Any], message: str) -> Message:
    """The message with the size of the row in it."""
    return lambda at: message.format(size[at])


def _beside(rows: Rows, name: str, message: str) -> Message:
    """The message with another cell of the row in it."""
    return lambda at: message.replace("{}", str(rows.cell(at, name)))
