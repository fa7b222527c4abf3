"""Rules about digits: cells copied twice, digits that people prefer, effects beyond any bound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.stats import binom, nct

from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.rules_counts import significant
from metabone.extraction.audit.sheet import Floats, Sheet, shortened
from metabone.extraction.schema import fold_header

#: Largest true difference, in SDs, that is taken to be possible; the bound is its 99.9% quantile.
LARGEST_TRUE = 4.0
#: Digits of mean and dispersion together from which two equal pairs are suspicious.
LEAST_DIGITS = 4
#: Last digits of one study from which their shares are looked at, and the p told from.
LEAST_LAST, PREFERENCE_P = 12, 1e-4
_ARMS = ("treated", "control", "sham")


def copied_values(sheet: Sheet) -> Iterator[Suspicion]:
    """The same mean, or mean and dispersion, in two cells of a study that are not one group."""
    seen: dict[tuple[Any, ...], tuple[int, str]] = {}
    means: dict[tuple[Any, ...], tuple[int, str]] = {}
    told: set[tuple[int, int]] = set()
    columns = {
        f"{word}_{arm}": sheet.cells(f"{word}_{arm}").tolist()
        for arm in _ARMS for word in ("mean", "dispersion")
    }  # fmt: skip
    labels = [sheet.text(name).tolist() for name in ("study", "outcome", "control_id")]
    # Of a large table most cells are printed many times.
    digits = {cell: significant(str(cell)) for cells in columns.values() for cell in set(cells)}
    place = sheet.groups(["outcome", "site", "timepoint_weeks", "assay"]).tolist()
    for at in range(len(sheet)):
        study = labels[0][at]
        for arm in _ARMS:
            mean, spread = columns[f"mean_{arm}"][at], columns[f"dispersion_{arm}"][at]
            if not mean or not spread:
                continue
            alone = digits[mean]
            for found, key, enough in (
                (seen, (study, mean, spread), alone + digits[spread] >= LEAST_DIGITS),
                (means, (study, mean), alone >= LEAST_DIGITS),
            ):
                if not enough:
                    continue
                first, other = found.setdefault(key, (at, arm))
                if (first, other) == (at, arm) or (first, at) in told:
                    continue
                if _one_group(sheet, place, labels[1], (first, other), (at, arm)):
                    continue
                told.add((first, at))
                yield _copied(sheet, (first, other), (at, arm), found is seen)


def conflicting_reports(sheet: Sheet) -> Iterator[Suspicion]:
    """Further columns ``first_…`` and ``second_…`` that hold two different reports of one cell."""
    names = {fold_header(str(name)): str(name) for name in sheet.frame}
    for folded, first in names.items():
        second = names.get(folded.replace("first_", "second_", 1))
        if not folded.startswith("first_") or second is None or "location" in folded:
            continue
        for at, (a, b) in enumerate(zip(sheet.text(first), sheet.text(second), strict=True)):
            if a is not None and b is not None and _bare(a) != _bare(b):
                yield sheet.tell(
                    at, (first, second), "conflicting-reports", 0.9,
                    f"the paper prints another value elsewhere ({sheet.cell(at, second)!r})",
                )  # fmt: skip


def _bare(value: Any) -> str:
    """A printed value without blanks, and with one kind of minus."""
    return "".join(str(value).replace("–", "-").replace("−", "-").split())


def _one_group(
    sheet: Sheet, place: list[int], outcomes: list[Any], a: tuple[int, str], b: tuple[int, str]
) -> bool:
    """Whether two cells are rightly the same: one shared control or sham arm."""
    if place[a[0]] != place[b[0]]:
        return False
    if a[1] == b[1] and a[1] != "treated":
        return True
    # A treated arm that is a control elsewhere is told as swapped or as a design, not as a copy.
    return a[1] != b[1] and outcomes[a[0]] == outcomes[b[0]] and a[0] != b[0]


def _copied(sheet: Sheet, a: tuple[int, str], b: tuple[int, str], both: bool) -> Suspicion:
    (first, arm), (at, mine) = a, b
    what = "mean and dispersion are" if both else "the mean is"
    same_row = first == at
    where = f"the {arm} arm" if same_row else (
        f"row {sheet.row(first)} ({shortened(str(sheet.text('outcome')[first]))}, {arm} arm)"
    )  # fmt: skip
    outcome_differs = sheet.text("outcome")[first] != sheet.text("outcome")[at]
    digits = sum(significant(sheet.cell(at, f"{word}_{mine}")) for word in ("mean", "dispersion"))
    alike = {4: 0.4, 5: 0.5}.get(digits, 0.65)
    strength = (max(alike, 0.6) if outcome_differs else alike) if both else 0.3
    return sheet.tell(
        at, (f"mean_{mine}", f"dispersion_{mine}"), "duplicate-value", strength,
        f"{what} digit by digit that of {where}; chance, or copied twice?",
        rows=[] if same_row else [first],
    )  # fmt: skip


def digit_preference(sheet: Sheet) -> Iterator[Suspicion]:
    """Last digits of a study's means and dispersions that are 0 or 5 far too often.

    A digit 0 at the end is often not printed, so that 5 alone and 0 with 5 are both looked at,
    against shares of a tenth and a fifth, by the exact binomial upper tail.
    """
    study = sheet.groups(["study"])
    last = _last_digits(sheet)
    total, fives, rounds = (
        np.bincount(study, weights=where.sum(axis=1))
        for where in (last >= 0, last == 5, (last == 5) | (last == 0))
    )
    p = np.minimum(binom.sf(fives - 1, total, 0.1), binom.sf(rounds - 1, total, 0.2))
    for group in np.flatnonzero((total >= LEAST_LAST) & (p < PREFERENCE_P)).tolist():
        rows = np.flatnonzero(study == group)
        yield sheet.tell(
            int(rows[0]), ("mean_treated",), "digit-preference", 0.5,
            f"{rounds[group]:g} of {total[group]:g} numbers of the study end in 0 or 5 "
            f"(p = {p[group]:.1g})",
            rows=[int(row) for row in rows[1:9]], note=True,
        )  # fmt: skip


def _last_digits(sheet: Sheet) -> Floats:
    """(k, 4) last printed digit of decimals, -1 where there is none; shared controls count once."""
    out = np.empty((len(sheet), 4))
    names = [f"{word}_{arm}" for arm in ("treated", "control") for word in ("mean", "dispersion")]
    again = sheet.frame.duplicated(["study", "outcome", "site", "timepoint_weeks", "mean_control"])
    for j, name in enumerate(names):
        cells = sheet.cells(name).tolist()
        known = {cell: _last_digit(str(cell or "").strip()) for cell in set(cells)}
        out[:, j] = [known[cell] for cell in cells]
    out[again.to_numpy(), 2:] = -1
    return out


def _last_digit(text: str) -> int:
    # "323.0" is how programs write a whole number.
    decimal = "." in text and text[-1:].isdigit() and not text.endswith(".0")
    return int(text[-1]) if decimal and significant(text) >= 2 else -1


def over_bound(sheet: Sheet) -> Iterator[Suspicion]:
    """Arms further apart than so few animals ever show, if the truth is at most four SDs."""
    n1, n2 = sheet.number("n_treated"), sheet.number("n_control")
    with np.errstate(all="ignore"):
        variance = ((n1 - 1) * sheet.sd("treated") ** 2 + (n2 - 1) * sheet.sd("control") ** 2) / (
            n1 + n2 - 2
        )
        d = np.abs(sheet.number("mean_treated") - sheet.number("mean_control")) / np.sqrt(variance)
    bound = effect_bound(n1, n2)
    with np.errstate(invalid="ignore"):
        beyond = np.isfinite(d) & (d > bound)
    for at in np.flatnonzero(beyond).tolist():
        yield sheet.tell(
            at, ("mean_treated", "dispersion_treated", "dispersion_type"), "effect-over-bound",
            float(np.clip(0.4 + 0.1 * d[at] / bound[at], 0.4, 0.9)),
            f"the arms are {d[at]:.3g} SDs apart; with {n1[at]:g} and {n2[at]:g} animals a true "
            f"difference of {LARGEST_TRUE:g} SDs shows over {bound[at]:.3g} once in a thousand",
        )  # fmt: skip


def effect_bound(n1: Any, n2: Any, largest: float = LARGEST_TRUE) -> Floats:
    """99.9% quantile of Cohen's d when the true difference is `largest` SDs.

    Examples
    --------
    >>> [round(float(b), 1) for b in effect_bound([3, 10, 50], [3, 10, 50])]
    [28.1, 8.2, 5.3]
    """
    n1, n2 = np.asarray(n1, dtype=float), np.asarray(n2, dtype=float)
    out = np.full(n1.shape, np.nan)
    usable = np.isfinite(n1 + n2) & (n1 >= 2) & (n2 >= 2)
    pairs, inverse = np.unique(np.stack([n1[usable], n2[usable]], axis=1), axis=0,
                               return_inverse=True)  # fmt: skip
    root = np.sqrt(1 / pairs[:, 0] + 1 / pairs[:, 1])
    values = nct.ppf(0.999, pairs.sum(axis=1) - 2, largest / root) * root
    out[usable] = values[inverse.ravel()]
    return out
