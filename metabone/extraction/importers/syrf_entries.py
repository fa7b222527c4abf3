"""Rows of a SyRF export as cohorts: who they are, and whether they are ill and treated."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

from metabone.errors import UsageError
from metabone.extraction.importers.results import LedgerLine
from metabone.extraction.importers.sheet import Field, Sheet
from metabone.extraction.table import rows_text

FIELDS = (
    Field("study", ("StudyId", "StudyIdStr"), required=True),
    Field("experiment", ("ExperimentId", "ExperimentIdStr"), required=True),
    Field("experiment_label", ("ExperimentLabel",)),
    Field("cohort", ("CohortId", "CohortIdStr"), required=True),
    Field("cohort_label", ("CohortLabel",)),
    Field("outcome", ("OutcomeId", "OutcomeIdStr", "OutcomeAssessmentId")),
    Field("outcome_label", ("OutcomeLabel", "OutcomeAssessmentLabel"), required=True),
    Field("time", ("TimeInMinute", "TimeInMinutes"), number=True),
    Field("n", ("NumberOfAnimals",), required=True, number=True),
    Field("mean", ("OutcomeAverage", "OutcomeResult"), required=True, number=True),
    Field("average", ("OutcomeAverageType", "AverageType")),
    Field("spread", ("OutcomeError",), required=True, number=True),
    Field("spread_kind", ("OutcomeErrorType", "ErrorType"), required=True),
    Field("unit", ("OutcomeUnit", "OutcomeUnits", "Unit", "Units")),
    Field("worse", ("GreaterIsWorse",)),
    Field("healthy", ("IsDiseaseModelControl",), required=True),
    Field("untreated", ("IsTreatmentControl",), required=True),
    Field(
        "disease",
        ("DiseaseModelId(s)", "DiseaseModelId", "DiseaseModelInductionId", "ModelId"),
    ),
    Field("disease_label", ("DiseaseModelLabel(s)", "DiseaseModelLabel", "ModelLabel")),
    Field("treatment", ("TreatmentId(s)", "TreatmentId", "InterventionId")),
    Field("treatment_label", ("TreatmentLabel(s)", "TreatmentLabel", "InterventionLabel")),
    Field("authors", ("Authors", "Author")),
    Field("year", ("Year",)),
    Field("reconciled", ("Reconciled", "Is this a reconciliation?", "IsReconciled")),
    Field(
        "investigator",
        ("InvestigatorId", "InvestigatorName", "AnnotatorId", "AnnotatorIdStr"),
    ),
)
_TRUE = frozenset({"true", "1", "yes"})
_FALSE = frozenset({"false", "0", "no"})
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
    out: Out = {}
    notes: list[str] = []
    if investigator is not None:
        known = {sheet.text(at, "investigator") or "" for at in range(len(sheet))} - {""}
        if investigator not in known:
            listed = ", ".join(map(repr, sorted(known)[:10])) or "no column that names anyone"
            raise UsageError(
                f"{sheet.source.file} has no investigator {investigator!r}; it has {listed}"
            )
    agreed = _agreed(sheet, investigator, out, notes)
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
    )


def _flags(
    sheet: Sheet, at: int, flag: str, ids: str, labels: str
) -> tuple[frozenset[str], frozenset[str]]:
    """What is no control, and what is one; several in one cell are separated by semicolons."""
    words = [word.strip() for word in (sheet.text(at, flag) or "").split(";")]
    words = [word for word in words if word]
    named = sheet.text(at, ids) or sheet.text(at, labels) or ""
    names = [name.strip() for name in named.split(";") if name.strip()]
    header = sheet.header[sheet.places[flag]]
    if not words:
        if names:
            raise ValueError(f"{header} is blank beside {named!r}")
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
    if word.casefold() in _TRUE:
        return True
    if word.casefold() in _FALSE:
        return False
    raise ValueError(f"{header} is {word!r}; TRUE or FALSE is allowed")


def _agreed(sheet: Sheet, investigator: str | None, out: Out, notes: list[str]) -> list[int]:
    """The rows of the agreed entry of each study."""
    by_study: dict[str | None, list[int]] = {}
    for at in range(len(sheet)):
        by_study.setdefault(sheet.text(at, "study"), []).append(at)
    agreed: list[int] = []
    for rows in by_study.values():
        agreed += _agreed_of_study(sheet, rows, investigator, out)
    lost = [line for line in out.values() if line.code == "not-reconciled"]
    if lost:
        notes.append(f"{len(lost)} rows are not of the agreed entry of their study")
    several = [line for line in out.values() if line.code == "several-annotators"]
    if several:
        notes.append(
            f"{len(several)} rows are of studies that several people entered and nobody "
            "reconciled; choose whose with --investigator"
        )
    return sorted(agreed)


def _agreed_of_study(
    sheet: Sheet, rows: list[int], investigator: str | None, out: Out
) -> list[int]:
    def people(among: Iterable[int]) -> list[str]:
        return sorted({sheet.text(at, "investigator") or "" for at in among})

    final = [at for at in rows if (sheet.text(at, "reconciled") or "").casefold() in _TRUE]
    kept = final or rows
    for at in set(rows) - set(kept):
        out[at] = leave(sheet, at, "not-reconciled", "the study has a reconciled entry")
    if investigator is not None and len(people(kept)) > 1 and investigator in people(kept):
        mine = [at for at in kept if sheet.text(at, "investigator") == investigator]
        for at in set(kept) - set(mine):
            out[at] = leave(sheet, at, "not-reconciled", f"not entered by {investigator}")
        return mine
    if len(people(kept)) > 1:
        listed = ", ".join(repr(name) for name in people(kept))
        what = "reconciled" if final else "entered and nobody reconciled"
        for at in kept:
            out[at] = leave(sheet, at, "several-annotators", f"{listed} {what} the study")
        return []
    return kept


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


def study_names(sheet: Sheet, entries: Iterable[Entry]) -> dict[str, str]:
    """First author and year of each study where the export gives them; else its id.

    Two studies that would have one name get the beginning of their ids behind it.
    """
    firsts: dict[str, str] = {}
    for entry in entries:
        if entry.study not in firsts:
            authors, year = sheet.text(entry.at, "authors"), sheet.text(entry.at, "year")
            first = (authors or "").split(";")[0].split(",")[0].strip()
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
