"""Rules about numbers of animals: ranges, cohorts that are exceeded, the same animals twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.sheet import Sheet, shortened

_RANGE = r"(?<![\d.])(\d{1,3})\s*(?:[-‐‑‒–—―−~]|to)\s*(\d{1,3})(?!\.?\d)"
_ANIMALS = r"(?:(?:fe)?male\s|adult\s|old\s|young\s)*(?:animals?|rats?|mice|mouse|rabbits?|sheep)\b"
# A time, a place or a cage is not a group: "days 7-10 per group", "3-5 rats per cage".
_BEFORE = ("week", "weeks", "day", "days", "month", "months", "table", "fig\\.")
_NOTS = "".join(rf"(?<!\b{word}\s)" for word in _BEFORE)
_NOT_CAGE = r"(?!\s*(?:/|per\s|in\s(?:each|a|one)\s)\s*(?:cage|pen|box|litter))"
# "n = 7-10", "N: 8 to 9 per group", "n ranged from 6 to 8", "7-10 animals", "8–11/group"
_N_RANGE = re.compile(
    r"(?:\bn|\bnumber|\bsample\ssizes?|\bgroup\ssizes?|\bgroups\sof)\s*"
    r"(?:=|:|≈|~|is|was|were|of|varie[sd]|rang(?:es|ed|ing))?\s*(?:from\s)?\s*"
    rf"{_RANGE}{_NOT_CAGE}|"
    r"\bn\s*(?:=|:|is|was)?\s*between\s(\d{1,3})\sand\s(\d{1,3})(?!\.?\d)|"
    rf"{_NOTS}{_RANGE}\s*(?:/|per\s|in\seach\s)?\s*(?:{_ANIMALS}|group\b|arm\b){_NOT_CAGE}",
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


_CONTROL = ("n_control", "mean_control", "dispersion_control")
_COHORT_NAMES = ("n_total", "n_cohort", "cohort_n", "cohort_size", "total_n", "n_animals",
                 "total_animals", "animals_total")  # fmt: skip
# "N = 48 rats in all"; a small n, and one of each group, is the size of a group.
_COHORT = re.compile(
    r"(?<![\w.])N\s*=\s*(\d{1,4})(?![\d.\-–—])(?!\s*(?:\w+\s)?(?:\w+\s)?(?:per\b|/|\w+/|in\seach|each))"
)


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
    """Two studies, or two controls of one study, that print the same numbers.

    Between studies the control's n, mean and dispersion of an outcome with six digits in all, or of
    two outcomes; or those of both arms with seven. Within a study, where another id or experiment
    stands for other animals, the control's at one site and time with four.
    """
    best: dict[int, Suspicion] = {}
    by_id, by_experiment = sheet.groups(["study", "control_id"]), sheet.groups(
        ["study", "experiment"])  # fmt: skip
    ids = sheet.filled("control_id")
    owners = np.where(ids, by_id, by_experiment + by_id.max() + 1)
    studies = sheet.groups(["study"])
    place = sheet.groups(["outcome", "unit", "site", "timepoint_weeks", *_CONTROL])
    anywhere = sheet.groups(["outcome", *_CONTROL])
    for keys, judge in ((place, _same_study), (anywhere, _other_study)):
        for (_, other), shared in _pairs(sheet, keys, owners).items():
            found = None
            if (studies[shared[0][0]] == studies[shared[0][1]]) == (judge is _same_study):
                found = judge(sheet, shared)
            if found is not None and (other not in best or found.strength > best[other].strength):
                best[other] = found
    yield from best.values()


def _pairs(sheet: Sheet, keys: Any, owners: Any) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Two owners of animals to the rows, first and later, in which both print one control."""
    mean, spread = sheet.number("mean_control"), sheet.number("dispersion_control")
    usable = np.flatnonzero(np.isfinite(mean) & np.isfinite(spread) & (spread > 0))
    order = usable[np.argsort(keys[usable], kind="stable")]
    pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for rows in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
        firsts = {int(owners[at]): int(at) for at in rows[::-1].tolist()}
        listed = sorted(firsts.items(), key=lambda each: each[1])[:20]
        for i, (owner, at) in enumerate(listed):
            for other, later in listed[i + 1 :]:
                pairs.setdefault((owner, other), []).append((at, later))
    return pairs


def _same_study(sheet: Sheet, shared: list[tuple[int, int]]) -> Suspicion | None:
    first, later = shared[0]
    blank = sheet.text("control_id")[first] is None or sheet.text("control_id")[later] is None
    if blank and sheet.text("experiment")[first] == sheet.text("experiment")[later]:
        return None  # shared-control-undeclared says it
    digits = sum(_digits(sheet, at, "control") for at, _ in shared)
    if digits < 4:
        return None
    strength = {4: 0.4, 5: 0.5}.get(digits, 0.65)
    return _told_twice(sheet, shared, strength, "control", "of another control of the study")


def _other_study(sheet: Sheet, shared: list[tuple[int, int]]) -> Suspicion | None:
    both = [pair for pair in shared if _arms_agree(sheet, *pair)]
    control = sum(_digits(sheet, at, "control") for at, _ in shared)
    arms = sum(_digits(sheet, at, arm) for at, _ in both for arm in ("treated", "control"))
    # Only half of an effect twice is rarely typed twice by mistake, a whole one is.
    if len(shared) < 2 and control < 6 and arms < 7:
        return None
    strength = 0.8 if arms >= 7 else 0.5
    who = f"of study {shortened(str(sheet.text('study')[shared[0][0]]))!r}"
    return _told_twice(sheet, shared, strength, "" if arms >= 7 else "control", who)


def _arms_agree(sheet: Sheet, first: int, later: int) -> bool:
    names = ("n_treated", "mean_treated", "dispersion_treated")
    return all(sheet.number(name)[first] == sheet.number(name)[later] for name in names)


def _told_twice(
    sheet: Sheet, shared: list[tuple[int, int]], strength: float, arm: str, who: str
) -> Suspicion:
    first, later = shared[0]
    count = f"{len(shared)} outcomes or places" if len(shared) > 1 else "one outcome"
    numbers = f"{arm} numbers" if arm else "numbers of both arms"
    return sheet.tell(
        later, ("control_id", "mean_control", "dispersion_control"), "same-animals-twice",
        min(strength + 0.15 * (len(shared) - 1), 0.95),
        f"prints the same {numbers} as row {sheet.row(first)} {who}, in {count}; the same animals "
        "count once",
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
