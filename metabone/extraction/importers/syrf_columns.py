"""The columns of SyRF's quantitative export, as SyRF and those who read it in R name them."""

from __future__ import annotations

from metabone.extraction.importers.sheet import Field, Sheet

# R's separate() writes a cell of several as Name[1], Name[2], Name[3].
SPLIT = 3
_SEVERAL: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("healthy", ("IsDiseaseModelControl", "ModelType"), True),
    ("untreated", ("IsTreatmentControl", "InterventionType"), True),
    (
        "disease",
        ("DiseaseModelId(s)", "DiseaseModelId", "DiseaseModelInductionId", "ModelId"),
        False,
    ),
    ("disease_label", ("DiseaseModelLabel(s)", "DiseaseModelLabel", "ModelLabel"), False),
    ("treatment", ("TreatmentId(s)", "TreatmentId", "InterventionId"), False),
    ("treatment_label", ("TreatmentLabel(s)", "TreatmentLabel", "InterventionLabel"), False),
)


def _parts() -> tuple[Field, ...]:
    """Fields whose cells may hold several, whole or split over numbered columns."""
    fields = []
    for name, spellings, required in _SEVERAL:
        first = (*spellings, *(f"{word}[1]" for word in spellings))
        fields.append(Field(name, first, required=required))
        fields += [
            Field(f"{name} {number}", tuple(f"{word}[{number}]" for word in spellings))
            for number in range(2, SPLIT + 1)
        ]
    return tuple(fields)


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
    *_parts(),
    Field("authors", ("Authors", "Author")),
    Field("year", ("Year",)),
    # SyRF's own mark, and the question that projects ask besides: the latter is often the only
    # one of the two that is ever TRUE.
    Field("reconciled", ("Reconciled", "IsReconciled")),
    Field(
        "reconciliation",
        (
            "Is this a reconciliation?",
            "Is this reconciliation?",
            "Is this a reconciled entry?",
            "IsReconciliation",
            "Reconciliation",
        ),
    ),
    Field(
        "investigator",
        ("InvestigatorId", "InvestigatorId(s)", "AnnotatorId", "AnnotatorIdStr"),
    ),
    Field("investigator_name", ("InvestigatorName", "InvestigatorName(s)", "AnnotatorName")),
)

TRUE = frozenset({"true", "1", "yes", "model control", "intervention control"})
FALSE = frozenset({"false", "0", "no", "model", "intervention"})


def parts_of(sheet: Sheet, at: int, name: str) -> list[str]:
    """The words of a cell of several, separated by semicolons or split over columns."""
    fields = (name, *(f"{name} {number}" for number in range(2, SPLIT + 1)))
    words = (word.strip() for field in fields for word in (sheet.text(at, field) or "").split(";"))
    return [word for word in words if word]
