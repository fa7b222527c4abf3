"""SyRF's cohorts joined: who is compared with whom, what is not, and the same pooled answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from metabone.errors import DataError, UsageError
from metabone.extraction.importers.results import Imported
from metabone.extraction.importers.syrf import read_syrf
from metabone.extraction.reading import read_table
from metabone.extraction.shipped import find_dataset

from .checks import accounted, answer, written
from .exports import CONTROL, SHAM, TREATED, read, syrf, syrf_of

Save = Callable[..., Path]
ANNOTATIONS = (
    "site", "assay", "species", "strain", "sex", "age_weeks", "model", "duration_weeks",
)  # fmt: skip


def codes(made: Imported) -> dict[int, str | None]:
    return {line.row: line.code for line in made.ledger}


def cells(made: Imported, at: int = 0) -> dict[str, object]:
    return dict(made.frame.iloc[at])


def test_a_treated_cohort_its_control_and_the_healthy_one_are_one_row(save: Save) -> None:
    path = save(syrf(SHAM, TREATED, CONTROL))
    made = read_syrf(path)
    accounted(made, [2, 3, 4])
    assert [line.used_as for line in made.ledger] == ["sham", "treated", "control"]
    row = cells(made)
    expected = {
        "study": "Ko 2017", "experiment": "OVX", "comparison": "OVX + exosomes vs OVX + PBS",
        "control_id": "c2", "outcome": "BV/TV", "unit": "%", "timepoint_weeks": 4.0,
        "n_treated": 8.0, "mean_treated": 20.5, "mean_control": 15.25, "mean_sham": 25.0,
        "dispersion_treated": 2.5, "dispersion_sham": 2.5, "dispersion_type": "SD",
        "better": "higher", "model": "OVX", "Title": "A study; of bone",
        "syrf_control_CohortId": "c2", "syrf_row_treated": "3",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert not written(made, path).errors


def test_every_column_of_every_used_row_can_be_had_back(save: Save) -> None:
    made = read_syrf(save(syrf({**TREATED, "Dose": "5"}, {**CONTROL, "Dose": "0"}, SHAM)))
    row = cells(made)
    for role, source in (("control", {**CONTROL, "Dose": "0"}), ("sham", SHAM)):
        for name, cell in source.items():
            own = f"syrf_{role}_{name}"
            assert (row[own] if own in row else row[name]) == cell, name
    assert all(row[name] == cell for name, cell in {**TREATED, "Dose": "5"}.items())


@pytest.mark.parametrize(
    ("dataset", "disease", "measures"),
    [
        ("exosome-synthetic", True, ("SMD", "NMD")),
        ("unloading", False, ("SMD",)),
    ],
)
def test_the_pooled_answer_is_that_of_the_table_typed_by_hand(
    save: Save, dataset: str, disease: bool, measures: tuple[str, ...]
) -> None:
    folder = find_dataset(dataset)
    assert folder is not None
    table = [line for line in read(folder) if line["n_treated"] and line["mean_treated"]]
    annotations = [name for name in ANNOTATIONS if name in table[0]]
    rows = syrf_of(table, annotations, disease=disease)
    path = save(syrf(*rows))
    made = read_syrf(path)
    assert not made.left_out
    assert len(made.frame) == len(table)
    back, by_hand = written(made, path), read_table(dataset)
    for measure in measures:
        mine, theirs = (answer(each, "BV/TV", measure) for each in (back, by_hand))
        assert mine == pytest.approx(theirs, rel=1e-12, abs=1e-12)
        assert theirs[5] >= 15


def test_arms_that_share_a_control_share_its_id(save: Save) -> None:
    high = {**TREATED, "CohortId": "c9", "CohortLabel": "OVX + high", "OutcomeAverage": "23"}
    made = read_syrf(save(syrf(TREATED, high, CONTROL)))
    assert made.frame["control_id"].tolist() == ["c2", "c2"]
    assert made.ledger[2].table_rows == (2, 3)


def test_cohort_ids_used_twice_do_not_share_controls(save: Save) -> None:
    other = {"StudyId": "s2", "Authors": "Li, B", "ExperimentId": "e2"}
    path = save(syrf(TREATED, CONTROL, {**TREATED, **other}, {**CONTROL, **other}))
    made = read_syrf(path)
    assert made.frame["control_id"].tolist() == ["s1/c2", "s2/c2"]
    assert not [f for f in written(made, path).findings if f.code == "control-in-two-studies"]


def test_several_controls_without_a_match_are_not_guessed(save: Save) -> None:
    second = {**CONTROL, "CohortId": "c4", "TreatmentId(s)": "v2", "OutcomeAverage": "14"}
    made = read_syrf(save(syrf(TREATED, CONTROL, second, SHAM)))
    accounted(made, [2, 3, 4, 5])
    assert len(made.frame) == 0
    assert codes(made) == {2: "ambiguous-control", 3: "ambiguous-control", 4: "ambiguous-control",
                           5: "no-treated"}  # fmt: skip
    assert "rows 3-4 may each be its control" in str(made.ledger[0].reason)


def test_the_vehicle_that_a_treated_arm_names_finds_its_control(save: Save) -> None:
    second = {**CONTROL, "CohortId": "c4", "TreatmentId(s)": "v2", "OutcomeAverage": "14"}
    treated = {**TREATED, "TreatmentId(s)": "t1;v2", "IsTreatmentControl": "FALSE;TRUE"}
    made = read_syrf(save(syrf(treated, CONTROL, second)))
    assert made.frame["mean_control"].tolist() == [14.0]
    assert codes(made) == {2: None, 3: "no-treated", 4: None}


def test_a_control_of_another_disease_model_is_none(save: Save) -> None:
    made = read_syrf(save(syrf(TREATED, {**CONTROL, "DiseaseModelId(s)": "d7"})))
    assert codes(made) == {2: "no-control", 3: "no-treated"}


def test_ill_untreated_and_healthy_animals_alone_are_no_comparison(save: Save) -> None:
    assert codes(read_syrf(save(syrf(CONTROL, SHAM)))) == {2: "no-treated", 3: "no-treated"}


def test_treated_healthy_animals_are_no_arm_where_others_are_ill(save: Save) -> None:
    well = {**TREATED, "CohortId": "c8", "IsDiseaseModelControl": "TRUE"}
    assert codes(read_syrf(save(syrf(TREATED, CONTROL, well))))[4] == "healthy-treated"


def test_two_healthy_arms_leave_the_healthy_level_blank(save: Save) -> None:
    made = read_syrf(save(syrf(TREATED, CONTROL, SHAM, {**SHAM, "CohortId": "c5"})))
    assert "mean_sham" not in made.frame
    assert codes(made) == {2: None, 3: None, 4: "ambiguous-sham", 5: "ambiguous-sham"}
    assert "healthy arm not joined" in cells(made)["note"]  # type: ignore[operator]


@pytest.mark.parametrize("name", ["ExperimentId", "OutcomeId", "TimeInMinute"])
def test_nothing_is_joined_across_experiments_outcomes_and_times(save: Save, name: str) -> None:
    made = read_syrf(save(syrf(TREATED, {**CONTROL, name: "77"})))
    assert codes(made) == {2: "no-control", 3: "no-treated"}


def test_sem_and_sd_in_one_row_become_sd(save: Save) -> None:
    made = read_syrf(save(syrf(TREATED, {**CONTROL, "ErrorType": "SEM", "OutcomeError": "1.5"})))
    row = cells(made)
    assert row["dispersion_control"] == pytest.approx(1.5 * math.sqrt(8), abs=1e-15)
    assert (row["dispersion_treated"], row["dispersion_type"]) == (2.5, "SD")
    assert row["syrf_control_OutcomeError"] == "1.5"


def test_kinds_that_cannot_be_converted_are_not_joined(save: Save) -> None:
    made = read_syrf(save(syrf(TREATED, {**CONTROL, "ErrorType": "range"})))
    assert codes(made) == {2: "mixed-dispersion", 3: "mixed-dispersion"}


def test_an_interquartile_range_is_not_taken_for_a_dispersion(save: Save) -> None:
    change = {"ErrorType": "IQR", "OutcomeAverageType": "median"}
    path = save(syrf({**TREATED, **change}, {**CONTROL, **change}))
    made = read_syrf(path)
    row = cells(made)
    assert (row["median_treated"], row["median_control"]) == (20.5, 15.25)
    assert "dispersion_treated" not in row
    assert "mean_treated" not in row
    assert any("q1 and q3" in note for note in made.notes)
    found = {finding.code for finding in written(made, path).findings}
    assert "incomplete-row" in found


def test_greater_is_worse_gives_the_better_direction(save: Save) -> None:
    change = {"GreaterIsWorse": "True", "OutcomeLabel": "Tb.Sp", "OutcomeUnit": "um"}
    made = read_syrf(save(syrf({**TREATED, **change}, {**CONTROL, **change})))
    assert made.frame["better"].tolist() == ["lower"]


def test_units_that_differ_are_not_joined(save: Save) -> None:
    made = read_syrf(save(syrf(TREATED, {**CONTROL, "OutcomeUnit": "fraction"})))
    assert codes(made) == {2: "mixed-units", 3: "mixed-units"}


def test_only_the_reconciled_entry_counts(save: Save) -> None:
    draft = {"Reconciled": "FALSE", "InvestigatorId": "i2", "ExperimentId": "e9"}
    made = read_syrf(save(syrf({**TREATED, **draft}, {**CONTROL, **draft}, TREATED, CONTROL)))
    assert codes(made) == {2: "not-reconciled", 3: "not-reconciled", 4: None, 5: None}


def test_two_people_without_a_reconciled_entry_are_not_mixed(save: Save) -> None:
    one, two = ({"Reconciled": "FALSE", "InvestigatorId": who, "ExperimentId": who}
                for who in ("i1", "i2"))  # fmt: skip
    path = save(syrf(*({**row, **who} for who in (one, two) for row in (TREATED, CONTROL))))
    made = read_syrf(path)
    assert set(codes(made).values()) == {"several-annotators"}
    assert any("--investigator" in note for note in made.notes)
    chosen = read_syrf(path, investigator="i2")
    assert codes(chosen) == {2: "not-reconciled", 3: "not-reconciled", 4: None, 5: None}
    with pytest.raises(UsageError, match="no investigator 'i3'; it has 'i1', 'i2'"):
        read_syrf(path, investigator="i3")


def test_a_row_twice_is_used_once_and_one_that_contradicts_is_not(save: Save) -> None:
    made = read_syrf(save(syrf(TREATED, CONTROL, TREATED)))
    assert codes(made) == {2: None, 3: None, 4: "repeats"}
    made = read_syrf(save(syrf(TREATED, CONTROL, {**TREATED, "OutcomeAverage": "2.05"})))
    assert codes(made) == {2: "contradicts", 3: "no-treated", 4: "contradicts"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"IsTreatmentControl": "maybe"}, "flag-unreadable"),
        ({"IsTreatmentControl": ""}, "flag-unreadable"),
        ({"CohortId": ""}, "id-blank"),
        ({"OutcomeAverageType": "mode"}, "not-a-mean"),
    ],
)
def test_a_cohort_that_cannot_be_told_is_left_out(
    save: Save, change: Mapping[str, str], code: str
) -> None:
    made = read_syrf(save(syrf(TREATED, {**CONTROL, **change})))
    assert codes(made) == {2: "no-control", 3: code}


def test_alike_names_are_told_apart(save: Save) -> None:
    other = {"StudyId": "s2222222222", "ExperimentId": "e2"}
    twin = {"CohortId": "c6", "OutcomeAverage": "21"}
    made = read_syrf(save(syrf(TREATED, {**TREATED, **twin}, CONTROL,
                               {**TREATED, **other}, {**CONTROL, **other})))  # fmt: skip
    assert made.frame["study"].tolist() == ["Ko 2017 [s1]"] * 2 + ["Ko 2017 [s2222222]"]
    assert made.frame["comparison"].tolist()[:2] == [
        "OVX + exosomes [c1] vs OVX + PBS", "OVX + exosomes [c6] vs OVX + PBS"
    ]  # fmt: skip


def test_missing_columns_are_named_with_the_nearest(save: Save) -> None:
    text = syrf(TREATED, CONTROL).replace("CohortId,", "CohrtId,").replace("ErrorType", "Kind")
    with pytest.raises(DataError) as caught:
        read_syrf(save(text))
    assert "no column 'CohortId', the nearest is 'CohrtId'" in str(caught.value)
    assert "no column 'OutcomeErrorType'" in str(caught.value)


def test_bom_latin_1_decimal_commas_and_blank_rows(save: Save) -> None:
    change = {"CohortLabel": "Bénéfice", "OutcomeError": "2,5", "Dose": "0,25"}
    rows = ({**TREATED, **change, "OutcomeAverage": "20,5"},
            {**CONTROL, **change, "OutcomeAverage": "15,25"})  # fmt: skip
    lines = syrf(*rows, separator=";").splitlines()
    text = "\n".join([lines[0], "", lines[1], ";" * lines[0].count(";"), lines[2], "", ""])
    for content in (text.encode("latin-1"), b"\xef\xbb\xbf" + text.encode()):
        path = save(content)
        made = read_syrf(path)
        accounted(made, [3, 5])
        row = cells(made)
        assert (row["mean_treated"], row["mean_control"]) == (20.5, 15.25)
        assert row["Dose"] == "0.25"
        assert "Bénéfice" in str(row["comparison"])
        assert any("decimal comma" in note for note in made.notes)
        assert any(note == "rows 2, 4 are empty" for note in made.notes)
        assert not written(made, path).errors


def test_broken_rows_are_in_the_ledger(save: Save) -> None:
    header, *lines = syrf(TREATED, CONTROL).splitlines()
    made = read_syrf(save("\n".join([header, lines[0], "a,b", header, lines[1], lines[1] + ",x"])))
    assert codes(made) == {2: None, 3: "ragged-row", 4: "repeated-header", 5: None, 6: "ragged-row"}


def test_a_number_that_cannot_be_read_is_left_for_check_to_name(save: Save) -> None:
    path = save(syrf({**TREATED, "NumberOfAnimals": "6-8"}, CONTROL))
    table = written(read_syrf(path), path)
    assert [(f.column, f.value, f.code) for f in table.errors] == [
        ("n_treated", "6-8", "unreadable-number")
    ]


def test_source_columns_cannot_pass_for_data(save: Save) -> None:
    extra = {"exclude": "x", "p": "0.5", "yi": "9", "Species": "rat", "Unit ": "mm"}
    made = read_syrf(save(syrf({**TREATED, **extra}, CONTROL)))
    names = list(made.frame.columns)
    assert {"syrf_exclude", "syrf_p", "syrf_yi", "Species"} <= set(names)
    assert not {"exclude", "p", "yi"} & set(names)


@pytest.mark.parametrize(
    ("treated", "control", "column", "said"),
    [
        ({"TimeInMinute": "4w"}, {"TimeInMinute": "4w"}, "timepoint_weeks", "TimeInMinute is '4w'"),
        ({"GreaterIsWorse": "TRUE"}, {}, "better", "GreaterIsWorse is TRUE and FALSE in the two"),
        ({"GreaterIsWorse": "?"}, {"GreaterIsWorse": "?"}, "better", "is '?', neither true nor"),
    ],
)
def test_a_time_or_direction_that_cannot_be_read_is_told(
    save: Save, treated: Mapping[str, str], control: Mapping[str, str], column: str, said: str
) -> None:
    made = read_syrf(save(syrf({**TREATED, **treated}, {**CONTROL, **control})))
    row = cells(made)
    assert row.get(column) is None
    assert said in str(row["note"])
    assert f"{column} is blank" in str(row["note"])
