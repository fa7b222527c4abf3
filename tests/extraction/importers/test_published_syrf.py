"""SyRF exports in the very shapes of published ones; the cells are synthetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from metabone.errors import UsageError
from metabone.extraction.importers.syrf import read_syrf
from metabone.extraction.importers.syrf_names import first_author
from metabone.extraction.reading import read_table
from metabone.extraction.shipped import find_dataset

from .checks import accounted, answer, written
from .exports import CONTROL, SHAM, TREATED, read, syrf, syrf_of, text_of

Save = Callable[..., Path]

# The header of SyRF's own example of a quantitative export.
SYRF_HEADER = (
    "StudyId,Title,Authors,PublicationName,AlternateName,Abstract,Url,AuthorAddress,Year,Doi,"
    "ReferenceType,Keywords,PdfRelativePath,CustomId,DateTimeStudyAdded,SystematicSearchId,"
    "SystematicSearchName,Reconciled,InvestigatorId,InvestigatorName,"
    "Random allocation to group (treatment/control),Type of cage/housing,DateTimeDataEntered,"
    "ExperimentId,ExperimentLabel,CohortId,CohortLabel,NumberOfAnimals,IsDiseaseModelControl,"
    "DiseaseModelId(s),DiseaseModelLabel(s),IsTreatmentControl,TreatmentId(s),TreatmentLabel(s),"
    "OutcomeId,OutcomeLabel,GreaterIsWorse,TimeInMinute,OutcomeAverage,OutcomeAverageType,"
    "OutcomeUnit,OutcomeError,ErrorType"
)
# What the R scripts that publish reconciled records rename.
RENAMED = {
    "ExperimentId": "ExperimentID", "DiseaseModelId(s)": "ModelID",
    "TreatmentId(s)": "InterventionID", "TreatmentLabel(s)": "InterventionLabel",
    "OutcomeAverage": "OutcomeResult",
}  # fmt: skip


def codes(made: object) -> list[str | None]:
    return [line.code for line in made.ledger]  # type: ignore[attr-defined]


def as_syrf_writes(rows: list[dict[str, str]]) -> str:
    """With the bibliography, blanks behind labels and a title that holds everything."""
    extra = {"Title": 'synthetic: "A, title; with, all"', "Abstract": "one\ntwo, three",
             "Reconciled": "FALSE", "OutcomeAverageType": "mean"}  # fmt: skip
    padded = ("CohortLabel", "ExperimentLabel", "OutcomeLabel")
    return text_of(
        [{**row, **extra, **{name: f"{row[name]} " for name in padded}} for row in rows],
        SYRF_HEADER.split(","),
    )


def entered(rows: list[dict[str, str]], who: str, *, question: str) -> list[dict[str, str]]:
    """The entry of one person: own ids for everything, and other numbers unless agreed."""
    ids = ("ExperimentId", "CohortId", "OutcomeId", "TreatmentId(s)", "DiseaseModelId(s)")
    factor = 1.0 if question == "TRUE" else 1.1
    return [
        {
            **row,
            **{name: f"{who}-{row[name]}" for name in ids if row.get(name)},
            "InvestigatorId": who, "InvestigatorName": f"Name {who}",
            "Is this a reconciliation?": question,
            "OutcomeAverage": repr(float(row["OutcomeAverage"]) * factor),
        }
        for row in rows
    ]  # fmt: skip


def hand_made() -> list[dict[str, str]]:
    folder = find_dataset("exosome-synthetic")
    assert folder is not None
    return [line for line in read(folder) if line["n_treated"] and line["mean_treated"]]


@pytest.mark.parametrize("shape", ["syrf", "r"])
def test_two_annotators_and_the_reconciliation_of_a_third_pool_as_typed_by_hand(
    save: Save, shape: str
) -> None:
    table = hand_made()
    rows = syrf_of(table, ("species", "site", "assay"), disease=True)
    asked = [row for who, question in (("p1", "FALSE"), ("p2", "FALSE"), ("p3", "TRUE"))
             for row in entered(rows, who, question=question)]  # fmt: skip
    if shape == "r":  # write.csv of the reconciled rows: row names, NA, renamed, True and False
        asked = [
            {"": str(number), **{RENAMED.get(name, name): (cell or "NA").replace("TRUE", "True")
                                 .replace("FALSE", "False") for name, cell in row.items()}}
            for number, row in enumerate(asked, start=1)
        ]  # fmt: skip
        path = save(text_of([{**row, "Reconciled": "FALSE"} for row in asked]))
    else:
        path = save(as_syrf_writes(asked))
    made = read_syrf(path)
    left = [line for line in made.ledger if line.code is not None]
    assert {line.code for line in left} == {"not-reconciled"}
    assert len(left) == 2 * len(rows)
    assert "reconciled entries are those with 'Is this a reconciliation?' TRUE" in made.notes
    assert len(made.frame) == len(table)
    tables = (written(made, path), read_table("exosome-synthetic"))
    mine, theirs = (answer(each, "BV/TV") for each in tables)
    assert mine == pytest.approx(theirs, rel=1e-12, abs=1e-12)


def test_either_mark_makes_an_entry_reconciled(save: Save) -> None:
    rows = [{**row, "InvestigatorId": who, "Reconciled": own, "is this a reconciliation?": asked}
            for who, own, asked in (("p1", "FALSE", "FALSE"), ("p2", "TRUE", "NA"))
            for row in (TREATED, CONTROL)]  # fmt: skip
    assert codes(read_syrf(save(syrf(*rows)))) == ["not-reconciled"] * 2 + [None] * 2
    both = [{**row, "is this a reconciliation?": "TRUE"} for row in rows]
    made = read_syrf(save(syrf(*both)))
    assert codes(made) == ["several-annotators"] * 4
    assert "'p1', 'p2' reconciled the study" in str(made.ledger[0].reason)


def test_another_column_on_reconciliation_is_told_and_not_used(save: Save) -> None:
    asked = {"Does this need reconciling?": "TRUE"}
    made = read_syrf(save(syrf({**TREATED, **asked}, {**CONTROL, **asked})))
    assert "'Does this need reconciling?' speaks of reconciliation and is not used" in made.notes


def test_an_investigator_may_be_called_by_name(save: Save) -> None:
    """One person put every cohort into an experiment of its own, as happens."""
    one = {"Reconciled": "FALSE", "InvestigatorId": "p1", "InvestigatorName": "Lu O'Connor"}
    two = {"Reconciled": "FALSE", "InvestigatorId": "p2", "InvestigatorName": "Em Bennett 2"}
    rows = [
        {**TREATED, **one}, {**CONTROL, **one},
        {**TREATED, **two, "ExperimentId": "x1"}, {**CONTROL, **two, "ExperimentId": "x2"},
    ]  # fmt: skip
    path = save(syrf(*rows))
    made = read_syrf(path)
    assert codes(made) == ["several-annotators"] * 4
    assert '"Lu O\'Connor"' in str(made.ledger[0].reason)
    assert codes(read_syrf(path, investigator="Lu O'Connor"))[:2] == [None, None]
    assert codes(read_syrf(path, investigator="Em Bennett 2")) == [
        "not-reconciled", "not-reconciled", "no-control", "no-treated"
    ]  # fmt: skip


def test_investigators_by_name_alone_are_told_apart(save: Save) -> None:
    rows = [{**row, "Reconciled": "FALSE", "InvestigatorId": "", "InvestigatorName": who,
             "ExperimentId": who} for who in ("A", "B") for row in (TREATED, CONTROL)]  # fmt: skip
    assert codes(read_syrf(save(syrf(*rows)))) == ["several-annotators"] * 4


def test_an_export_that_names_nobody_is_told(save: Save) -> None:
    rows = [{name: cell for name, cell in row.items() if name != "InvestigatorId"}
            for row in (TREATED, CONTROL)]  # fmt: skip
    made = read_syrf(save(text_of(rows)))
    assert codes(made) == [None, None]
    assert any("no column says who entered a row" in note for note in made.notes)


def test_arms_alike_by_chance_are_no_repeats(save: Save) -> None:
    twin = {**TREATED, "CohortId": "c9", "CohortLabel": "OVX + other"}
    made = read_syrf(save(syrf(TREATED, twin, CONTROL)))
    assert len(made.frame) == 2
    assert not any("same numbers" in note for note in made.notes)


def test_a_study_entered_twice_by_one_person_is_told(save: Save) -> None:
    again = {"ExperimentId": "e2", "CohortId": "other"}
    twin = [{**row, **again, "CohortId": row["CohortId"] + "b"} for row in (TREATED, CONTROL)]
    made = read_syrf(save(syrf(TREATED, CONTROL, *twin)))
    assert len(made.frame) == 2
    assert any("rows 2-3 of the table hold the same numbers" in note for note in made.notes)


def test_a_cotreatment_flagged_as_control_needs_the_control_to_be_named(save: Save) -> None:
    """Sedentary, fluoxetine, exercise and both: fluoxetine is flagged as a control treatment."""
    sedentary = {**CONTROL, "TreatmentId(s)": "v1", "TreatmentLabel(s)": "sed"}
    drug = {**CONTROL, "CohortId": "c4", "CohortLabel": "SPS F", "TreatmentId(s)": "v2",
            "TreatmentLabel(s)": "fluoxetine", "OutcomeAverage": "14"}  # fmt: skip
    exercise = {**TREATED, "CohortLabel": "SPS Ex"}
    both = {**TREATED, "CohortId": "c5", "CohortLabel": "SPS F Ex", "OutcomeAverage": "22",
            "IsTreatmentControl": "True;False", "TreatmentId(s)": "v2;t1",
            "TreatmentLabel(s)": "fluoxetine;exercise"}  # fmt: skip
    path = save(syrf(sedentary, drug, exercise, both))
    made = read_syrf(path)
    # The combination finds the control with its own cotreatment; exercise alone has two.
    assert made.frame["mean_control"].tolist() == [14]
    assert codes(made) == ["ambiguous-control", None, "ambiguous-control", None]
    assert any("say which with --control" in note for note in made.notes)
    for name in ("Sed", "v1", "ovx + pbs"):
        chosen = read_syrf(path, control=name)
        assert codes(chosen) == [None, "no-treated", None, None]
        assert chosen.frame["mean_control"].tolist() == [15.25, 15.25]
    with pytest.raises(UsageError, match=r"no untreated cohort .* 'sedd'; did you mean 'sed'\?"):
        read_syrf(path, control="sedd")


def test_two_controls_with_one_treatment_are_not_guessed(save: Save) -> None:
    """Controls of two doses share the treatment id; only their labels tell them apart."""
    first = {**CONTROL, "CohortLabel": "Sal (Ket 10)", "NumberOfAnimals": "7"}
    second = {**CONTROL, "CohortId": "c4", "CohortLabel": "Sal (Ket 3)", "NumberOfAnimals": "14"}
    low = {**TREATED, "CohortId": "c5", "CohortLabel": "Ket 3", "NumberOfAnimals": "14"}
    made = read_syrf(save(syrf(TREATED, first, low, second)))
    assert codes(made) == ["ambiguous-control"] * 4


def test_cells_of_several_may_be_split_over_columns(save: Save) -> None:
    def split(row: Mapping[str, str]) -> dict[str, str]:
        parts = {}
        for name in ("IsDiseaseModelControl", "IsTreatmentControl", "TreatmentId(s)"):
            words = [*row[name].split(";"), "NA"][:2]
            new = RENAMED.get(name, name)
            parts |= {f"{new}[{at}]": word for at, word in enumerate(words, start=1)}
        kept = {RENAMED.get(name, name): cell for name, cell in row.items()
                if name not in ("IsDiseaseModelControl", "IsTreatmentControl",
                                "TreatmentId(s)", "TreatmentLabel(s)")}  # fmt: skip
        return {**kept, **parts}

    second = {**CONTROL, "CohortId": "c4", "TreatmentId(s)": "v2", "OutcomeAverage": "14"}
    treated = {**TREATED, "TreatmentId(s)": "t1;v2", "IsTreatmentControl": "False;True"}
    whole = read_syrf(save(syrf(treated, CONTROL, second)))
    parts = read_syrf(save(text_of([split(row) for row in (treated, CONTROL, second)])))
    assert codes(parts) == codes(whole) == [None, "no-treated", None]
    assert parts.frame["mean_control"].tolist() == whole.frame["mean_control"].tolist() == [14]


def test_flags_may_be_words(save: Save) -> None:
    def old(row: Mapping[str, str], model: str, intervention: str) -> dict[str, str]:
        kept = {name: cell for name, cell in row.items() if not name.startswith("Is")}
        return {**kept, "ModelType": model, "InterventionType": intervention, "ErrorType": "sem"}

    rows = [old(TREATED, "model", "intervention"), old(CONTROL, "model", "intervention control"),
            old(SHAM, "model control", "intervention control")]  # fmt: skip
    made = read_syrf(save(text_of(rows)))
    assert [line.used_as for line in made.ledger] == ["treated", "control", "sham"]
    assert made.frame["dispersion_type"].tolist() == ["SEM"]


@pytest.mark.parametrize(
    ("printed", "first"),
    [
        ("Shafia, Sakineh and Nikkhah, Farkhonde", "Shafia"),
        (' "J. Li, F. F. Chen, X. D. Chen and C. Zhou"', "J. Li"),
        (" L. Akinfiresoye and Y. Tizabi", "L. Akinfiresoye"),
        ("Thorn Da : Zhang C : Zhang Y", "Thorn Da"),
        ("Anderson & Sand", "Anderson"),
        ("Brand, A", "Brand"),
        (None, ""),
    ],
)
def test_first_authors_as_reference_managers_write_them(printed: str | None, first: str) -> None:
    assert first_author(printed) == first


def test_every_row_of_every_shape_is_accounted_for(save: Save) -> None:
    path = save(as_syrf_writes(syrf_of(hand_made()[:6], (), disease=True)))
    made = read_syrf(path)
    accounted(made, [line.row for line in made.ledger])
    assert len(made.ledger) == made.source.rows
