"""Rows of a SyRF export as cohorts: who they are, and whether they are ill and treated."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from metabone.extraction.importers.arms import tidy
from metabone.extraction.importers.results import LedgerLine
from metabone.extraction.importers.sheet import Sheet
from metabone.extraction.importers.syrf_columns import FALSE, TRUE, parts_of
from metabone.extraction.importers.syrf_people import agreed_rows
from metabone.extraction.table import rows_text

Out = dict[int, LedgerLine]


@dataclass(frozen=True, slots=True)
class Entry:
    """One cohort, measured on one outcome at one time.

    Parameters
    ----------
    at : position in the sheet; row : row of the source.
    ill, treated : whether it has a disease model, or a treatment, that is no control.
    diseases : the disease models that are no controls.
    vehicles : the treatments that are controls.
    called : labels and ids of the cohort and, if it is untreated, of its treatments.
    """

    at: int
    row: int
    study: str
    experiment: str
    cohort: str
    outcome: str
    time: Hashable
    ill: bool
    treated: bool
    diseases: frozenset[str]
    vehicles: frozenset[str]
    called: frozenset[str]

    @property
    def group(self) -> tuple[Hashable, ...]:
        """What cohorts must share to be compared."""
        return (self.study, self.experiment, self.outcome, self.time)


def find_entries(sheet: Sheet, investigator: str | None) -> tuple[list[Entry], Out, list[str]]:
    """The rows that can be joined, a ledger line for each that cannot, and notes.

    Raises
    ------
    UsageError
        If nobody of that name entered anything.
    """
    agreed, out, notes = agreed_rows(sheet, investigator)
    entries = [entry for at in agreed if (entry := _entry(sheet, at, out)) is not None]
    return _once(sheet, entries, out), out, notes


def leave(sheet: Sheet, at: int, code: str, reason: str) -> LedgerLine:
    """A ledger line for a row that is left out."""
    return LedgerLine(sheet.rows[at], code=code, reason=reason)


def _entry(sheet: Sheet, at: int, out: Out) -> Entry | None:
    names = ("study", "experiment", "cohort")
    words = {name: sheet.text(at, name) for name in names}
    outcome = sheet.text(at, "outcome") or sheet.text(at, "outcome_label")
    blank = [name for name, word in {**words, "outcome": outcome}.items() if word is None]
    if blank:
        out[at] = leave(sheet, at, "id-blank", f"{' and '.join(blank)} blank")
        return None
    try:
        diseases, _ = _flags(sheet, at, "healthy", "disease", "disease_label")
        treatments, vehicles = _flags(sheet, at, "untreated", "treatment", "treatment_label")
    except ValueError as error:
        out[at] = leave(sheet, at, "flag-unreadable", str(error))
        return None
    average = sheet.text(at, "average")
    if average is not None and average.casefold() not in ("mean", "median"):
        out[at] = leave(sheet, at, "not-a-mean", f"the average is a {average}")
        return None
    time = sheet.value(at, "time")
    return Entry(
        at=at,
        row=sheet.rows[at],
        study=str(words["study"]),
        experiment=str(words["experiment"]),
        cohort=str(words["cohort"]),
        outcome=str(outcome),
        time=time,
        ill=bool(diseases),
        treated=bool(treatments),
        diseases=diseases,
        vehicles=vehicles,
        called=_called(sheet, at, treated=bool(treatments)),
    )


def _called(sheet: Sheet, at: int, *, treated: bool) -> frozenset[str]:
    words = [sheet.text(at, name) or "" for name in ("cohort", "cohort_label")]
    if not treated:
        words += [word for name in ("treatment", "treatment_label")
                  for word in parts_of(sheet, at, name)]  # fmt: skip
    return frozenset(tidy(word) for word in words if word)


def _flags(
    sheet: Sheet, at: int, flag: str, ids: str, labels: str
) -> tuple[frozenset[str], frozenset[str]]:
    """What is no control, and what is one."""
    words = parts_of(sheet, at, flag)
    names = parts_of(sheet, at, ids) or parts_of(sheet, at, labels)
    header = sheet.header[sheet.places[flag]]
    if not words:
        if names:
            raise ValueError(f"{header} is blank beside {'; '.join(names)!r}")
        return frozenset(), frozenset()
    known = [_truth(word, header) for word in words]
    if len(names) != len(known):  # which flag belongs to which name is not said
        active = frozenset(names or ("",)) if not all(known) else frozenset()
        return active, frozenset() if active else frozenset(names)
    return (
        frozenset(name for name, control in zip(names, known, strict=True) if not control),
        frozenset(name for name, control in zip(names, known, strict=True) if control),
    )


def _truth(word: str, header: str) -> bool:
    if word.casefold() in TRUE:
        return True
    if word.casefold() in FALSE:
        return False
    raise ValueError(f"{header} is {word!r}; TRUE or FALSE is allowed")


def _once(sheet: Sheet, entries: list[Entry], out: Out) -> list[Entry]:
    """Each cohort once for each outcome and time; rows that contradict each other leave all."""
    by_key: dict[tuple[Hashable, ...], list[Entry]] = {}
    for entry in entries:
        by_key.setdefault((*entry.group, entry.cohort), []).append(entry)
    kept: list[Entry] = []
    for same in by_key.values():
        first = same[0]
        if len({_says(sheet, entry) for entry in same}) == 1:
            kept.append(first)
            for entry in same[1:]:
                reason = f"says what row {first.row} says"
                out[entry.at] = leave(sheet, entry.at, "repeats", reason)
            continue
        where = rows_text([entry.row for entry in same])
        for entry in same:
            reason = f"{where} say different things of one cohort, outcome and time"
            out[entry.at] = leave(sheet, entry.at, "contradicts", reason)
    return sorted(kept, key=lambda entry: entry.at)


def _says(sheet: Sheet, entry: Entry) -> tuple[Hashable, ...]:
    names = ("n", "mean", "average", "spread", "spread_kind", "unit", "worse")
    return (
        entry.ill, entry.treated, entry.diseases, entry.vehicles,
        *(sheet.value(entry.at, name) for name in names),
    )  # fmt: skip
