"""How much animals differ in every arm of a table: log CV with its sampling error, by endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, polygamma, stdtrit

from metabone.extraction.audit.sheet import Bools, Floats, Sheet
from metabone.extraction.rows import ARMS

Ints = NDArray[np.int64]

#: Animals an arm of unknown size is taken to have where no other arm of its study says.
TYPICAL_N = 8.0
#: Means of one outcome are two groups where this much of log lies between, with rows on each side.
GAP, GAP_ROWS = float(np.log(2.0)), 6
KINDS = ("SD", "SEM", "CI95", "variance")


@dataclass(frozen=True)
class Spread:
    """The dispersions of a table as numbers; A = 3 arms (treated, control, sham).

    Parameters
    ----------
    printed : (k, A) logarithm of the printed dispersion; NaN where there is none.
    size : (k, A) logarithm of what the SD is divided by: the mean's absolute value, or one in the
        canonical unit where a mean of 0 does not mean none (log SD then stands for log CV).
    mean, n : (k, A) as in the table, NaN where blank.
    likely : (k, A) n, or where it is blank what the other arms of the study have, else 8.
    error : (k, A) variance of the log CV by sampling and by rounding of the printed digits.
    share : (k, A) part of its weight that an arm has here, since other rows print it too.
    kind : (k,) 0 SD, 1 SEM, 2 CI95, -1 where none is declared, or no SD follows for want of n.
    label : (k,) the same as declared.
    endpoint, study : (k,) numbers of groups.
    names : names of the endpoints' groups.
    relative : whether the group is on the scale of CV.
    """

    printed: Floats
    size: Floats
    mean: Floats
    n: Floats
    likely: Floats
    error: Floats
    share: Floats
    kind: Ints
    label: Ints
    endpoint: Ints
    study: Ints
    names: tuple[str, ...]
    relative: Bools

    @cached_property
    def given(self) -> Bools:
        """(k, A) where a dispersion of a declared kind can be looked at."""
        return np.isfinite(self.printed + self.size) & (self.kind >= 0)[:, None]

    @cached_property
    def labels(self) -> Ints:
        """(studies, kinds) how many rows of each study declare each kind (place in `KINDS`)."""
        counts = np.zeros((int(self.study.max()) + 1, len(KINDS)), dtype=np.int64)
        declared = self.label >= 0
        np.add.at(counts, (self.study[declared], self.label[declared]), 1)
        return counts

    def log_sd(self, kind: int) -> Floats:
        """(k, A) logarithm of the SD if the printed dispersion is of a kind (place in `KINDS`).

        Where the number of animals is blank the likely one is taken. The bias of the log of an
        SD, ½ (ψ(ν/2) − log(ν/2)) with ν = n − 1, is taken off.
        """
        root, quantile, bias = self.by_size
        raw = (
            self.printed,
            self.printed + root,
            self.printed + root - quantile,
            self.printed / 2,
        )
        return np.asarray(raw[kind] - bias)

    @cached_property
    def by_size(self) -> tuple[Floats, Floats, Floats]:
        """(k, A) ½ log n, log of the 97.5% quantile of t, and the bias of the log of an SD."""
        sizes, inverse = np.unique(self.likely, return_inverse=True)
        root, quantile = 0.5 * np.log(sizes), np.log(stdtrit(sizes - 1, 0.975))
        place = inverse.reshape(self.n.shape)
        return root[place], quantile[place], log_sd_bias(sizes)[place]


def log_sd_bias(n: ArrayLike) -> Floats:
    """Bias of the log of a sample SD of normal data.

    Examples
    --------
    >>> round(float(log_sd_bias(6)), 4)
    -0.1066
    """
    half = (np.asarray(n, dtype=float) - 1) / 2
    return np.asarray(0.5 * (digamma(half) - np.log(half)))


def log_sd_variance(n: ArrayLike) -> Floats:
    """Variance of the log of a sample SD of normal data: ψ′((n − 1)/2) / 4.

    Close to 1 / (2 (n − 1)) for large n.

    Examples
    --------
    >>> round(float(log_sd_variance(100)), 5), round(1 / 198, 5)
    (0.0051, 0.00505)
    """
    return np.asarray(polygamma(1, (np.asarray(n, dtype=float) - 1) / 2) / 4)


def read_spread(sheet: Sheet) -> Spread:
    """The dispersions of all rows of a sheet."""
    d, m, n = (
        np.stack([sheet.number(f"{word}_{arm}") for arm in ARMS], axis=1)
        for word in ("dispersion", "mean", "n")
    )
    n = np.where((n >= 2) & (n % 1 == 0), n, np.nan)
    half_d, half_m = (
        np.stack([sheet.half_digit(f"{word}_{arm}") for arm in ARMS], axis=1)
        for word in ("dispersion", "mean")
    )
    study = sheet.groups(["study"])
    likely = _likely_n(n, study)
    endpoint, names, relative, factor = _endpoints(sheet, m)
    by_cv = np.asarray(relative)[endpoint][:, None]
    with np.errstate(all="ignore"):
        printed = np.where(d > 0, np.log(d), np.nan)
        by_mean = np.log(np.abs(np.where(m == 0, np.nan, m)))
        size = np.where(by_cv, by_mean, -np.log(factor)[:, None])
        of_mean = np.where(by_cv, (half_m / m) ** 2 / 3, 0.0)
        sizes, inverse = np.unique(likely, return_inverse=True)
        sampling = log_sd_variance(sizes)[inverse.reshape(n.shape)]
        error = sampling + np.minimum((half_d / d) ** 2 / 3, 0.3) + of_mean
    kind = np.full(len(sheet), -1)
    for place, word in enumerate(KINDS[:3]):
        kind[sheet.text("dispersion_type") == word] = place
    label = kind.copy()
    kind[(kind > 0) & np.isnan(n[:, :2]).all(axis=1)] = -1
    share = _shares(sheet, n)
    return Spread(
        printed, size, m, n, likely, error, share, kind, label, endpoint, study, names, relative
    )


def _likely_n(n: Floats, study: Ints) -> Floats:
    """n, or where it is blank the median of the study's arms, else `TYPICAL_N`."""
    of_study = pd.Series(n.ravel()).groupby(np.repeat(study, n.shape[1])).transform("median")
    usual = of_study.fillna(TYPICAL_N).to_numpy().reshape(n.shape)
    return np.where(np.isnan(n), usual, n)


def _endpoints(sheet: Sheet, m: Floats) -> tuple[Ints, tuple[str, ...], Bools, Floats]:
    """Group of each row, names of groups, whether they go by CV, and the factor of the unit."""
    number: dict[tuple[str, str, bool], int] = {}
    groups, factors = np.zeros(len(sheet), dtype=np.int64), np.ones(len(sheet))
    with np.errstate(invalid="ignore"):
        below = np.asarray((m[:, :2] <= 0).any(axis=1))
    factor_of: dict[tuple[Any, Any], float | None] = {}
    words = zip(sheet.text("outcome").tolist(), sheet.text("unit").tolist(), strict=True)
    for at, (outcome, unit) in enumerate(words):
        by_cv = bool(sheet.ratio_scale[at]) and not below[at]
        where = ""
        if not by_cv:
            endpoint, key = sheet.endpoints[at], (outcome, unit)
            if key not in factor_of:
                factor_of[key] = None if endpoint is None else endpoint.factor(unit)
            factor = factor_of[key]
            factors[at] = 1.0 if factor is None else factor
            where = str(unit) if factor is None else ""
            where += ", change" if below[at] and sheet.ratio_scale[at] else ""
        groups[at] = number.setdefault((str(outcome), where, by_cv), len(number))
    names = [", ".join(part for part in key[:2] if part) for key in number]
    relative = [key[2] for key in number]
    order = np.argsort(groups, kind="stable")
    ends = np.cumsum(np.bincount(groups))[:-1]
    for group, rows in enumerate(np.split(order, ends)):
        if not relative[group] or len(rows) < 2 * GAP_ROWS:
            continue
        upper = _upper_part(sheet, m, rows)
        if len(upper):
            groups[upper] = len(names)
            names.append(names[group])
            relative.append(True)
    return groups, tuple(names), np.asarray(relative, dtype=np.bool_), factors


def _upper_part(sheet: Sheet, m: Floats, rows: Ints) -> Ints:
    """The rows above a gap in the means of one outcome, empty where there is none.

    Trabecular and cortical density, or a bone and its marrow, share a name but not their spread.
    """
    with np.errstate(all="ignore"):
        level = np.log(np.fmax(np.abs(m[rows, 0]), np.abs(m[rows, 1])))
    for unit in set(sheet.text("unit")[rows].tolist()):
        endpoint = sheet.endpoints[rows[0]]
        factor = None if endpoint is None else endpoint.factor(unit)
        level[sheet.text("unit")[rows] == unit] += np.log(factor) if factor else 0.0
    order = np.argsort(level)
    sizes = level[order][np.isfinite(level[order])]
    if len(sizes) < 2 * GAP_ROWS:
        return rows[:0]
    gaps = np.diff(sizes)
    gaps[: GAP_ROWS - 1] = gaps[len(gaps) - GAP_ROWS + 1 :] = 0.0
    widest = int(np.argmax(gaps))
    if gaps[widest] < GAP:
        return rows[:0]
    return np.asarray(rows[level > sizes[widest]], dtype=np.int64)


def _shares(sheet: Sheet, n: Floats) -> Floats:
    """One over the number of rows that print the same arm of the same animals."""
    share = np.ones_like(n)
    place = ["study", "outcome", "unit", "site", "timepoint_weeks"]
    for arm, name in ((1, "control"), (2, "sham")):
        keys = [*place, f"n_{name}", f"mean_{name}"]
        groups = sheet.groups(keys)
        filled = sheet.filled(f"mean_{name}")
        count = np.bincount(groups, weights=filled.astype(float))
        share[:, arm] = 1 / np.maximum(count[groups], 1)
    return share
