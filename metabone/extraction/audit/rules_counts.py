"""Rules about numbers of animals: ranges, cohorts that are exceeded, the same animals twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.sheet import Sheet

_RANGE = r"(?<![\d.])(\d{1,3})\s*(?:-|–|—|−|to)\s*(\d{1,3})(?![\d.])"
# "n = 7-10", "N: 8 to 9 per group", "7-10 animals", "8–11/group"
_N_RANGE = re.compile(
    rf"\bn\s*(?:=|:|is|was|of)?\s*{_RANGE}|"
    rf"{_RANGE}\s*(?:/|per\s|in\seach\s)?\s*(?:animals?|rats?|mice|group|arm)\b",
    re.IGNORECASE,
)
_TEXTS = ("note", "location", "comparison")
_ENDS = ("the lower end", "the upper end", "the middle")


def n_as_range(sheet: Sheet) -> Iterator[Suspicion]:
    """A range of n in the row's own words, of which one end was entered as the number."""
    known: dict[str, tuple[int, int] | None] = {}
    for name in _TEXTS:
        for at, text in enumerate(sheet.text(name).tolist()):
            if text is None:
                continue
            if text not in known:
                known[text] = read_range(text)
            limits = known[text]
            if limits is not None:
                yield from _entered(sheet, at, name, limits)


def read_range(text: Any) -> tuple[int, int] | None:
    """The range of animals that a text prints, or None.

    Examples
    --------
    >>> read_range("n = 7–10/group as printed"), read_range("weeks 3-4"), read_range("n = 8")
    ((7, 10), None, None)
    """
    found = _N_RANGE.search(str(text))
    if found is None:
        return None
    low, high = (int(part) for part in found.groups() if part is not None)
    return (low, high) if 1 < low < high <= 5 * low else None


def _entered(sheet: Sheet, at: int, name: str, limits: tuple[int, int]) -> Iterator[Suspicion]:
    low, high = limits
    ends = dict(zip((low, high, (low + high) / 2), _ENDS, strict=True))
    places = {}
    for arm in ("treated", "control"):
        n = float(sheet.number(f"n_{arm}")[at])
        if low <= n <= high:
            places[arm] = ends.get(n, "a number inside")
    if places:
        said = " and ".join(f"n_{arm} is {place}" for arm, place in places.items())
        at_an_end = any(place in _ENDS for place in places.values())
        yield sheet.tell(
            at, (*(f"n_{arm}" for arm in places), name), "n-as-range", 0.9 if at_an_end else 0.6,
            f"{said} of a range of animals that {name} prints ({low} to {high}); the n of this "
            "outcome is not known",
            note=True,
        )  # fmt: skip


_COHORT_NAMES = ("n_total", "n_cohort", "cohort_n", "cohort_size", "total_n", "n_animals",
                 "total_animals", "animals_total")  # fmt: skip
# "N = 48 rats in all"; a small n is the size of a group.
_COHORT = re.compile(r"(?<![\w.])N\s*=\s*(\d{1,4})(?![\d.\-–—])(?!\s*(?:per|/|in\seach))")


def cohort_exceeded(sheet: Sheet) -> Iterator[Suspicion]:
    """The arms of one experiment hold more animals than its cohort."""
    size, source = _cohorts(sheet)
    groups = sheet.groups(["study", "experiment"])
    stated = np.flatnonzero(np.isfinite(size))
    for group in np.unique(groups[stated]).tolist():
        rows = np.flatnonzero(groups == group)
        told = rows[np.isfinite(size[rows])]
        cohort, animals = float(np.max(size[told])), _animals(sheet, rows)
        if animals > cohort:
            first = int(told[0])
            yield sheet.tell(
                first, (source, "n_treated", "n_control"), "cohort-exceeded", 0.8,
                f"gives {cohort:g} animals, but the arms of the experiment add up to {animals:g}",
                rows=[int(row) for row in rows if row != first][:8],
            )  # fmt: skip


def _cohorts(sheet: Sheet) -> tuple[np.ndarray[Any, Any], str]:
    """Size of each row's cohort by a column of its own, else by N = in the note."""
    import pandas as pd

    name = sheet.extra_name(*_COHORT_NAMES)
    if name is not None:
        return pd.to_numeric(sheet.frame[name], errors="coerce").to_numpy(dtype=float), name
    known: dict[Any, float] = {None: np.nan}
    out = np.full(len(sheet), np.nan)
    for at, text in enumerate(sheet.text("note").tolist()):
        if text not in known:
            found = _COHORT.search(str(text))
            known[text] = float(found.group(1)) if found else np.nan
        out[at] = known[text]
    return out, "note"


def _animals(sheet: Sheet, rows: Any) -> float:
    """Animals in all distinct arms: the most that any outcome or time shows of each."""
    arms: dict[tuple[str, Any], float] = {}
    names = (("treated", "comparison"), ("control", "control_id"), ("sham", "experiment"))
    for arm, label in names:
        for at in rows.tolist():
            n = float(sheet.number(f"n_{arm}")[at])
            key = (arm, sheet.text(label)[at])
            if n == n:
                arms[key] = max(arms.get(key, 0.0), n)
    return sum(arms.values())


def same_animals(sheet: Sheet) -> Iterator[Suspicion]:
    """Two studies, or two controls of one study, that print the same numbers of an outcome.

    One shared pair of mean and dispersion with four digits in all, or two pairs.
    """
    n, mean, spread = (sheet.number(f"{word}_control") for word in ("n", "mean", "dispersion"))
    usable = np.isfinite(mean) & np.isfinite(spread) & (spread > 0)
    groups = sheet.groups(["outcome", "unit", "site", "timepoint_weeks", "mean_control",
                           "dispersion_control", "n_control"])  # fmt: skip
    ids = sheet.filled("control_id")
    by_id, by_experiment = sheet.groups(["study", "control_id"]), sheet.groups(
        ["study", "experiment"])  # fmt: skip
    owners = np.where(ids, by_id, by_experiment + by_id.max() + 1)
    pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    order = np.flatnonzero(usable)[np.argsort(groups[usable], kind="stable")]
    for rows in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        firsts = {int(owners[at]): int(at) for at in rows[::-1].tolist()}
        listed = sorted(firsts.items())[:20]
        for i, (owner, at) in enumerate(listed):
            for other, later in listed[i + 1 :]:
                pairs.setdefault((owner, other), []).append((at, later))
    for shared in pairs.values():
        yield from _same(sheet, shared, n)


def _same(sheet: Sheet, shared: list[tuple[int, int]], n: Any) -> Iterator[Suspicion]:
    digits = max(_digits(sheet, at, "control") for at, _ in shared)
    if len(shared) < 2 and digits < 6:
        return
    first, later = shared[0]
    if sheet.text("study")[first] == sheet.text("study")[later]:
        blank = sheet.text("control_id")[first] is None or sheet.text("control_id")[later] is None
        if blank and sheet.text("experiment")[first] == sheet.text("experiment")[later]:
            return  # shared-control-undeclared says it
        who = "another control of the study"
    else:
        who = f"study {sheet.text('study')[first]!r}"
    count = f"{len(shared)} outcomes" if len(shared) > 1 else "one outcome"
    yield sheet.tell(
        later, ("control_id", "mean_control", "dispersion_control"), "same-animals-twice",
        min(0.5 + 0.15 * len(shared), 0.95),
        f"prints the same control numbers as {who} (row {sheet.row(first)}) in {count}; the same "
        "animals count once",
        rows=[first, *(at for _, at in shared[1:8])],
    )  # fmt: skip


def _digits(sheet: Sheet, at: int, arm: str) -> int:
    """Significant digits of mean and dispersion together."""
    cells = (sheet.cell(at, f"mean_{arm}"), sheet.cell(at, f"dispersion_{arm}"))
    return sum(significant(cell) for cell in cells)


@lru_cache(maxsize=65536)
def significant(cell: str | None) -> int:
    """Significant digits of a printed number.

    Examples
    --------
    >>> significant("0.0450"), significant("1200"), significant(None)
    (3, 2, 0)
    """
    digits = str(cell or "").strip().lstrip("-−+").casefold().partition("e")[0]
    kept = digits.replace(",", ".").replace(".", "").lstrip("0")
    return len(kept if "." in digits or "," in digits else kept.rstrip("0"))
