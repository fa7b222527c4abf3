"""Names of SyRF's studies, experiments and cohorts that can be told apart."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from metabone.extraction.importers.sheet import Sheet
from metabone.extraction.importers.syrf_entries import Entry

# What stands between two authors in reference managers' exports.
_BETWEEN = re.compile(r"\s*(?:;|,|\||\s:\s|\s&\s|\band\b|\bet al)\s*", re.IGNORECASE)


class Names:
    """Readable names of studies, experiments and cohorts, each told apart from the others."""

    def __init__(self, sheet: Sheet, entries: Sequence[Entry]) -> None:
        self.study = study_names(sheet, entries)
        self.experiment = labels_of(
            sheet, entries, lambda e: (e.study, e.experiment), "experiment_label"
        )
        self.cohort = labels_of(
            sheet, entries, lambda e: (e.study, e.experiment, e.cohort), "cohort_label"
        )
        # SyRF lets a cohort stand in several experiments of a study: they are the same animals.
        homes: dict[str, set[str]] = {}
        for entry in entries:
            homes.setdefault(entry.cohort, set()).add(entry.study)
        self.reused = {cohort for cohort, places in homes.items() if len(places) > 1}

    def cohort_of(self, entry: Entry) -> str:
        """Label of a cohort."""
        return self.cohort[(entry.study, entry.experiment, entry.cohort)]

    def control_id(self, entry: Entry) -> str:
        """Id of the animals of a cohort, not shared between studies."""
        if entry.cohort not in self.reused:
            return entry.cohort
        return f"{entry.study}/{entry.cohort}"


def first_author(authors: str | None) -> str:
    """The first of the authors, as printed.

    Examples
    --------
    >>> first_author('Ko, Frank; Adler, A'), first_author(' "J. Li, F. F. Chen and C. Zhou"')
    ('Ko', 'J. Li')
    >>> first_author("L. Akinfiresoye and Y. Tizabi"), first_author("Thorn Da : Zhang C")
    ('L. Akinfiresoye', 'Thorn Da')
    """
    return _BETWEEN.split((authors or "").strip(" \t\"'[]"))[0].strip()


def study_names(sheet: Sheet, entries: Iterable[Entry]) -> dict[str, str]:
    """First author and year of each study where the export gives them; else its id.

    Two studies that would have one name get the beginning of their ids behind it.
    """
    firsts: dict[str, str] = {}
    for entry in entries:
        if entry.study not in firsts:
            first = first_author(sheet.text(entry.at, "authors"))
            year = sheet.text(entry.at, "year")
            firsts[entry.study] = f"{first} {year}" if first and year else entry.study
    return _apart(firsts, lambda name, key: f"{name} [{key[:8]}]")


def labels_of(
    sheet: Sheet, entries: Iterable[Entry], key: Callable[[Entry], tuple[str, ...]], label: str
) -> dict[tuple[str, ...], str]:
    """The first label of each thing, or its id; alike labels in one place get the id behind."""
    firsts: dict[tuple[str, ...], str] = {}
    for entry in entries:
        if key(entry) not in firsts:
            firsts[key(entry)] = sheet.text(entry.at, label) or key(entry)[-1]
    apart: dict[tuple[str, ...], str] = {}
    places: dict[tuple[str, ...], dict[str, str]] = {}
    for full, name in firsts.items():
        places.setdefault(full[:-1], {})[full[-1]] = name
    for place, inside in places.items():
        for last, name in _apart(inside, lambda name, key: f"{name} [{key}]").items():
            apart[(*place, last)] = name
    return apart


def _apart(names: Mapping[str, str], longer: Callable[[str, str], str]) -> dict[str, str]:
    """Names that are told apart, also by those who ignore case and blanks."""
    counts: dict[str, int] = {}
    for name in names.values():
        folded = " ".join(name.casefold().split())
        counts[folded] = counts.get(folded, 0) + 1
    return {
        key: longer(name, key) if counts[" ".join(name.casefold().split())] > 1 else name
        for key, name in names.items()
    }


def weeks(minutes: float) -> float | None:
    """Minutes as weeks; None for NaN.

    Examples
    --------
    >>> weeks(40320.0)
    4.0
    """
    return None if math.isnan(minutes) else minutes / 10080
