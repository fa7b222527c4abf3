"""Points of figures: series and labels to arms, bars to dispersions, the unsaid left blank."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from metabone.errors import DataError, UsageError
from metabone.extraction.importers.arms import ArmNames, match_points, read_counts
from metabone.extraction.importers.metadigitise import read_metadigitise
from metabone.extraction.importers.wpd import read_wpd

from .checks import written

Save = Callable[..., Path]
SERIES = """PBS,,PBS upper,,exosomes,,exosomes upper,
Label,Y,Label,Y,Label,Y,Label,Y
femur,10,femur,12,femur,15,femur,18
tibia,20,tibia,21,tibia,26,tibia,30
"""
BARS = """mean,,upper,
Label,Y,Label,Y
Sham,30.5,Sham,32
Vehicle,20,Vehicle,22.5
Low,24,Low,25
High,28,High,30
"""
LINES = """control,,control upper,,treated,,treated upper,
X,Y,X,Y,X,Y,X,Y
0.02,10,0.01,11,-0.03,10.5,0,11.5
3.97,9,4.02,10,4.05,12,4,14
8.1,8,8,9.5,7.95,13,8.02,15
"""


def test_series_are_arms_and_labels_tell_sites_apart(save: Save) -> None:
    path = save(SERIES)
    made = read_wpd(path, study="A 2020", outcome="BV/TV", unit="%", n="8,7", error="SEM",
                    control="PBS", label="site")  # fmt: skip
    rows = made.frame.to_dict("records")
    assert [(r["site"], r["mean_treated"], r["dispersion_treated"], r["mean_control"],
             r["dispersion_control"], r["n_treated"], r["n_control"]) for r in rows] == [
        ("femur", 15, 3, 10, 2, 8, 7), ("tibia", 26, 4, 20, 1, 8, 7)]  # fmt: skip
    assert {r["control_id"] for r in rows} == {"export.csv: PBS"}
    assert [(line.row, line.column, line.used_as, line.table_rows) for line in made.ledger][:4] == [
        (3, "PBS", "control", (2,)), (3, "PBS upper", "error bar", (2,)),
        (3, "exosomes", "treated", (2,)), (3, "exosomes upper", "error bar", (2,)),
    ]  # fmt: skip
    assert len(made.ledger) == 8
    assert not made.left_out
    assert not written(made, path).errors


def test_labels_are_arms_and_one_control_is_shared(save: Save) -> None:
    made = read_wpd(save(BARS), study="A", outcome="BMD", control="vehicle", sham="sham")
    rows = made.frame.to_dict("records")
    assert [r["comparison"] for r in rows] == ["Low vs Vehicle", "High vs Vehicle"]
    assert [r["mean_sham"] for r in rows] == [30.5, 30.5]
    assert [r["dispersion_control"] for r in rows] == [2.5, 2.5]
    control = next(line for line in made.ledger if line.row == 4 and line.column == "mean")
    assert (control.used_as, control.table_rows) == ("control", (2, 3))


def test_what_the_figure_does_not_say_stays_blank_and_is_told(save: Save) -> None:
    path = save(BARS)
    made = read_wpd(path, study="A", outcome="BMD", control="Vehicle")
    assert not {"n_treated", "dispersion_type", "unit"} & set(made.frame)
    assert "blank in the table, for want of --unit, --n, --error" in made.notes
    codes = {found.code for found in written(made, path).errors}
    assert "dispersion-type-blank" in codes


def test_points_on_an_axis_are_matched_by_place(save: Save) -> None:
    made = read_wpd(save(LINES), study="A", outcome="BMD", label="timepoint_weeks")
    rows = made.frame.to_dict("records")
    assert [r["timepoint_weeks"] for r in rows] == [-0.03, 4.05, 7.95]
    assert [r["dispersion_treated"] for r in rows] == [1, 2, 2]
    assert [r["mean_control"] for r in rows] == [10, 9, 8]


def test_points_that_fit_no_other_are_left_out(save: Save) -> None:
    shifted = LINES.replace("7.95,13", "6.0,13")
    made = read_wpd(save(shifted), study="A", outcome="BMD")
    assert len(made.frame) == 2
    assert {(line.row, line.column, line.code) for line in made.left_out} == {
        (5, "treated", "no-control"), (5, "control", "no-treated"),
        (5, "control upper", "no-treated"), (5, "treated upper", "no-mean"),
    }  # fmt: skip


def test_unknown_arms_and_lone_bars_are_left_out(save: Save) -> None:
    made = read_wpd(save(BARS.replace("Low,25", "Lo,25")), study="A", outcome="BMD",
                    control="Vehicle", treated=["Low"])  # fmt: skip
    left = {(line.row, line.column): line.code for line in made.left_out}
    assert left[5, "upper"] == "no-mean"
    assert left[6, "mean"] == left[6, "upper"] == "arm-unknown"


def test_an_uneven_bar_is_told_and_both_ends_give_half_of_the_way(save: Save) -> None:
    text = """mean,,upper,,lower,
Label,Y,Label,Y,Label,Y
control,10,control,12,control,8
treated,20,treated,23,treated,19
"""
    made = read_wpd(save(text), study="A", outcome="BMD")
    row = made.frame.iloc[0]
    assert (row["dispersion_control"], row["dispersion_treated"]) == (2, 2)
    assert any("'treated' reaches 3 up and 1 down" in note for note in made.notes)
    assert (row["wpd_upper_treated"], row["wpd_lower_treated"]) == (23, 19)


@pytest.mark.parametrize(
    ("text", "treated", "control"),
    [
        ("control, 10.5\ntreated, 12.25\n", 12.25, 10.5),
        ("control; 10,5\ntreated; 12,25\n", 12.25, 10.5),
        ("Label,Y\ncontrol,10.5\ntreated,12.25\n", 12.25, 10.5),
    ],
)
def test_one_series_alone(save: Save, text: str, treated: float, control: float) -> None:
    made = read_wpd(save(text), study="A", outcome="BMD")
    assert made.frame["mean_treated"].tolist() == [treated]
    assert made.frame["mean_control"].tolist() == [control]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a, b,,c,\nX,Y,X,Y\n1,2,3,4\n", "a name with a comma falls apart"),
        ("a,,a,\nX,Y,X,Y\n1,2,3,4\n", "two series are called 'a'"),
        ("study,outcome\nA,BMD\n", "is no export of WebPlotDigitizer"),
        ("a,\nX,Y\n", "no point below it"),
        ("a,\nX,Y\n1,2,3\n", "more cells than the 1 series need"),
        ("", "is empty"),
    ],
)
def test_what_is_no_export_of_webplotdigitizer(save: Save, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_wpd(save(text))


def test_a_point_that_is_no_number_is_in_the_ledger(save: Save) -> None:
    made = read_wpd(save(BARS.replace("Low,24", "Low,NaN")), study="A", outcome="BMD",
                    control="Vehicle", sham="Sham")  # fmt: skip
    assert (5, "mean", "unreadable-point") in {
        (line.row, line.column, line.code) for line in made.left_out
    }
    assert len(made.frame) == 1


@pytest.mark.parametrize("given", ["", "0", "8,7,6,5", "six", "8.5", "-1"])
def test_counts_are_whole_animals(given: str) -> None:
    with pytest.raises(UsageError, match="--n takes"):
        read_counts(given)


def test_one_name_is_not_two_arms() -> None:
    with pytest.raises(UsageError, match="'pbs' cannot be two arms"):
        ArmNames(("PBS",), "pbs")


def test_points_halfway_between_two_are_matched_with_neither() -> None:
    assert match_points([1.0, 2.0], [1.5]) == {}
    assert match_points([], [1.0]) == {}
    assert match_points([5.0], [9.0]) == {0: 0}


DIGITISED = """"","filename","variable","group_id","mean","sd","n","r","se","error_type","plot_type"
"1","001_Ko_2017_Fig1.png","BV/TV","Control",10,2,8,NA,0.7071,"se","mean_error"
"2","001_Ko_2017_Fig1.png","BV/TV","OVX exo",14,3,9,NA,1,"se","mean_error"
"3","001_Ko_2017_Fig1.png","Tb.N","Control",4,NA,NA,NA,0.25,"se","mean_error"
"4","001_Ko_2017_Fig1.png","Tb.N","OVX exo",5,NA,NA,NA,0.5,"se","mean_error"
"5","002_Li_2019_Fig2.png","BMD","OVX exo",1,0.5,6,NA,0.2,"se","mean_error"
"""


def test_groups_of_metadigitise_are_joined(save: Save) -> None:
    made = read_metadigitise(save(DIGITISED), control="control")
    rows = made.frame.to_dict("records")
    assert [(r["study"], r["outcome"], r["mean_treated"], r["dispersion_treated"],
             r["dispersion_type"], r["n_treated"]) for r in rows] == [
        ("001_Ko_2017_Fig1", "BV/TV", 14, 3, "SD", 9),
        ("001_Ko_2017_Fig1", "Tb.N", 5, 0.5, "SEM", None)]  # fmt: skip
    assert [line.code for line in made.ledger] == [None] * 4 + ["no-control"]
    assert {r["control_id"] for r in rows} == {"001_Ko_2017_Fig1.png: Control"}


def test_two_controls_of_metadigitise_are_not_guessed(save: Save) -> None:
    twice = DIGITISED.replace('"4","001_Ko_2017_Fig1.png","Tb.N","OVX exo"',
                              '"4","001_Ko_2017_Fig1.png","BV/TV","Control"')  # fmt: skip
    made = read_metadigitise(save(twice), control="Control")
    assert [line.code for line in made.ledger] == [
        "ambiguous-control", "ambiguous-control", "no-treated", "ambiguous-control", "no-control"
    ]  # fmt: skip
    made = read_metadigitise(save(DIGITISED))
    assert [line.code for line in made.ledger][1] == "arm-unknown"
