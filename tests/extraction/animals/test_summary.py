"""Files of animals, well and badly made, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metabone.effects.dependence_arms import find_arms
from metabone.errors import DataError, UsageError
from metabone.extraction.animals.sheet import read_sheet
from metabone.extraction.animals.summarise import summarise_animals
from metabone.extraction.animals.summary import find_control
from metabone.extraction.reading import parse_table
from metabone.files import frame_to_csv

DATA = Path(__file__).parent / "data"
Write = Callable[[str], Path]
BASE = {"animal": "id", "group": "arm", "control": "PBS"}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def writer(text: str) -> Path:
        path = tmp_path / "rats.csv"
        path.write_bytes(text.encode("utf-8"))
        return path

    return writer


def wide(rows: dict[str, list[str]], column: str = "x") -> str:
    """``arm`` to cells, one animal each."""
    lines, number = [f"id,arm,{column}"], 0
    for arm, cells in rows.items():
        for cell in cells:
            number += 1
            lines.append(f"{number},{arm},{cell}")
    return "\n".join(lines) + "\n"


GOOD = {"PBS": ["1.5", "2.5", "4"], "exo": ["3", "5", "7", "9"]}


def test_numbers_by_hand(write: Write) -> None:
    made = summarise_animals(write(wide(GOOD)), outcome=["x"], study="A 2020", **BASE)
    row = made.rows.iloc[0]
    assert (row["n_treated"], row["mean_treated"]) == (4, 6)
    assert row["dispersion_treated"] == pytest.approx((20 / 3) ** 0.5, rel=1e-15)
    assert row["n_control"] == 3
    assert row["dispersion_control"] == pytest.approx(np.std([1.5, 2.5, 4], ddof=1), rel=1e-15)
    assert (row["study"], row["comparison"], row["control_id"]) == (
        "A 2020", "exo vs PBS", "A 2020 / PBS",
    )  # fmt: skip


def test_the_written_table_is_read_without_a_finding(write: Write) -> None:
    made = summarise_animals(
        write(wide(GOOD, "BV/TV (%)")), outcome=["BV/TV (%)"], study="A 2020",
        fixed=["species=rat", "site=distal femur"], **BASE,
    )  # fmt: skip
    table = parse_table("t.csv", frame_to_csv(made.rows).encode())
    assert [found for found in table.findings if found.severity != "note"] == []
    first = table.frame.iloc[0]
    assert (first["outcome"], first["unit"], first["species"]) == ("BV/TV", "%", "rat")
    assert first["mean_treated"] == made.rows["mean_treated"].iloc[0]


def test_an_outcome_that_nobody_would_find_is_told(write: Write) -> None:
    known = summarise_animals(write(wide(GOOD, "BV/TV (%)")), outcome=["BV/TV (%)"], **BASE)
    assert not any("vocabulary" in note for note in known.notes)
    slip = summarise_animals(write(wide(GOOD, "trab_thicknes")), outcome=["trab_thicknes"], **BASE)
    (note,) = (note for note in slip.notes if "vocabulary" in note)
    assert note == (
        "no outcome of the vocabulary: 'trab_thicknes'; to check, pool and plan by a known one, "
        "name it in a map, such as trab_thicknes = Tb.Th"
    )
    assert slip.rows["outcome"].unique().tolist() == ["trab_thicknes"]


def test_missing_values_are_counted_and_listed(write: Write) -> None:
    text = wide({"PBS": ["1", "2", "*"], "exo": ["3", "", "NA", "5"]})
    made = summarise_animals(write(text), outcome=["x"], **BASE)
    assert made.groups[["n", "blank", "absent"]].to_numpy().tolist() == [[2, 1, 0], [2, 2, 0]]
    assert [(line["row"], line["animal"]) for line in made.ledger] == [
        (4, "3"), (6, "5"), (7, "6"),
    ]  # fmt: skip
    assert made.rows["note"].iloc[0] == (
        "treated: 2 animals without a value; control: 1 animal without a value"
    )
    assert "read as missing: '*' (1), 'NA' (1)" in made.notes


def test_two_header_rows_and_a_misspelt_column() -> None:
    sheet = read_sheet(DATA / "osd477_lsds40_wistar_rat_femur_microct.csv")
    assert len(sheet) == 140
    assert sheet.rows[0] == 3
    assert sheet.find("Structure_model_index_SMI", "--outcome").startswith(
        "Femoral Trabecular Bone|"
    )
    longitudinal = read_sheet(DATA / "lsds41_wistar_rat_tibia_pqct_longitudinal.csv")
    with pytest.raises(UsageError, match=r"may be 'trabecular.*give one in full"):
        longitudinal.find("1 week", "--outcome")
    dxa = read_sheet(DATA / "osd351_sts62_ovx_f344_rat_femur_dxa_microct.csv")
    with pytest.raises(UsageError, match=r"no column 'Treatment'.*nearest: 'Teatment'"):
        dxa.find("Treatment", "--group")
    assert dxa.find("teatment", "--group") == "Teatment"


def test_star_and_empty_rows() -> None:
    path = Path(__file__).parents[1] / "data" / "star_for_missing.csv"
    made = summarise_animals(
        path, animal="Source Name", group="PWB", control="PWB40",
        outcome=["Mineral_apposition_rate_MAR_micrometers_per_day"],
    )  # fmt: skip
    assert any(note.startswith("read as missing: '*'") for note in made.notes)
    assert sum(made.groups["blank"]) == len(made.ledger) > 0
    # A line of commas is no animal; it is told, not lost.
    assert any(note.startswith("left out, without animal or group") for note in made.notes)


@pytest.mark.parametrize(
    ("decimal", "cells", "mean"),
    [
        ("auto", ["1.5", "2.5"], 2.0),
        ("auto", ['"1,5"', '"2,75"'], 2.125),
        (".", ['"1,239"', '"1,249.5"'], 1244.25),
        (",", ['"1,239"', '"1.249,5"'], (1.239 + 1249.5) / 2),
    ],
)
def test_decimal_and_thousands_marks(
    write: Write, decimal: str, cells: list[str], mean: float
) -> None:
    text = wide({"PBS": cells, "exo": cells})
    made = summarise_animals(write(text), outcome=["x"], decimal=decimal, **BASE)
    assert made.rows["mean_control"].iloc[0] == pytest.approx(mean, rel=1e-15)


def test_a_comma_that_may_be_either_is_refused(write: Write) -> None:
    text = wide({"PBS": ['"1,239"', "2.5"], "exo": ["3.5", "4.5"]})
    with pytest.raises(DataError, match=r"row 2.*may mean 1\.239 or 1239.*--decimal"):
        summarise_animals(write(text), outcome=["x"], **BASE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,arm,x\n1,PBS,1\n2,PBS,2\n1,exo,3\n3,exo,4\n",
         "animal '1' is in two groups.*row 2: 'PBS', row 4: 'exo'"),
        ("id,arm,x\n1,PBS,1\n1,PBS,2\n3,exo,3\n4,exo,4\n",
         "rows 2-3 are all animal '1'.*--average"),
        ("id,arm,x\n1,PBS,1\n1,PBS,1\n3,exo,3\n4,exo,4\n", "rows 2-3 are the same in every cell"),
        ("id,arm,x\n1,PBS,1\n,PBS,2\n3,exo,3\n4,exo,4\n", "row 3 holds values but no animal"),
        ("id,arm,x\n1,PBS,1\n2,,2\n3,exo,3\n4,exo,4\n", "row 3 holds values but no group"),
        ("id,arm,x\n1,PBS,1\n2,PBS,lost\n3,exo,broke\n4,exo,4\n",
         "2 cells are no numbers: row 3, column x .'lost'.*row 4"),
        ("id,arm,x\n1,PBS,1,9\n2,exo,2\n", "row 2 do not have 3 cells"),
        ("id,arm,x,x\n1,PBS,1,9\n", "columns C and D are both named 'x'"),
        ("id,arm,\n1,PBS,1\n", "column C has no name but row 2 holds '1'"),
        ("id,arm,x\n", "no row below it"),
        ("", "is empty"),
        ("\n\n , \n", "no cell is filled"),
        ("id,arm,x\n1,PBS,\n2,PBS,*\n3,exo,\n", "no animal of 'exo' and 'PBS' has a value"),
        ("id,arm,x\n1,PBS,1\n2,PBS,2\n", "no group can be compared with 'PBS'; groups: 'PBS'"),
        ("id,arm,x\n1,PBS,1\n2,PBS,lost\n3,exo,4\n", "csv: 1 cell is no number: row 3"),
    ],
)  # fmt: skip
def test_what_cannot_be_summarised_says_where(write: Write, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        summarise_animals(write(text), outcome=["x"], **BASE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outcome": ["y"]}, "no column 'y'"),
        ({"outcome": []}, "name the columns"),
        ({"control": "PBSS"}, "no group is named 'PBSS' .--control.; nearest: 'PBS'"),
        ({"sham": "PBS"}, "cannot be both"),
        ({"fixed": ["n_treated=8"]}, "written by the summary itself"),
        ({"fixed": ["study=x"]}, "written by the summary itself"),
        ({"fixed": ["species"]}, "NAME=VALUE"),
        ({"decimal": ";"}, "decimal must be one of"),
        ({"where": "nothing > 1"}, "nothing"),
        ({"by": ["arm_x"]}, "no column 'arm_x' .--by"),
    ],
)
def test_wrong_words_are_refused(write: Write, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        summarise_animals(write(wide(GOOD)), **({"outcome": ["x"]} | BASE | options))


def test_a_number_must_be_one_where_the_table_wants_it(write: Write) -> None:
    with pytest.raises(DataError, match="age_weeks 'old' is no number"):
        summarise_animals(write(wide(GOOD)), outcome=["x"], fixed=["age_weeks=old"], **BASE)


def test_the_control_is_taken_by_its_name_only_if_one_has_it() -> None:
    assert find_control(["exo", "OVX + vehicle"], None) == "OVX + vehicle"
    assert find_control(["Confocal", "con"], None) == "con"
    with pytest.raises(UsageError, match="which group is the control"):
        find_control(["sham control", "vehicle"], None)
    with pytest.raises(UsageError, match="which group is the control"):
        find_control(["a", "b"], None)


def test_one_animal_and_no_spread_stay_in_the_table_with_a_reason(write: Write) -> None:
    text = wide({"PBS": ["1", "2"], "one": ["3"], "same": ["0.1"] * 7})
    made = summarise_animals(write(text), outcome=["x"], **BASE)
    assert made.rows["exclude"].tolist() == [
        "one treated animal has no SD",
        "all treated animals have the same value, so the SD is 0",
    ]
    assert np.isnan(made.rows["dispersion_treated"].iloc[0])
    assert made.rows["dispersion_treated"].iloc[1] == 0
    assert parse_table("t.csv", frame_to_csv(made.rows).encode()).errors == ()


def test_several_measurements_are_averaged_first(write: Write) -> None:
    text = (
        "id,arm,scan,x\n1,PBS,a,1\n1,PBS,b,3\n2,PBS,a,4\n2,PBS,b,\n"
        "3,exo,a,5\n4,exo,a,7\n4,exo,b,8\n"
    )
    made = summarise_animals(write(text), outcome=["x"], average=True, **BASE)
    row = made.rows.iloc[0]
    assert (row["n_control"], row["mean_control"]) == (2, 3.0)
    assert (row["n_treated"], row["mean_treated"]) == (2, 6.25)
    assert "x: 2 values each of 2 animals were averaged first" in made.notes


def test_sham_is_written_beside(write: Write) -> None:
    text = wide(GOOD | {"sham": ["10", "12"]})
    made = summarise_animals(write(text), outcome=["x"], sham="sham", **BASE)
    assert made.rows["comparison"].tolist() == ["exo vs PBS"]
    assert made.rows[["n_sham", "mean_sham"]].to_numpy().tolist() == [[2, 11]]


LONG = "id,arm,bone,week,what,value\n" + "".join(
    f"{i},{arm},{bone},{week},{what},{value + i}\n"
    for week, first in ((4, 0), (8, 10))
    for i, arm in enumerate(["PBS"] * 3 + ["low"] * 3 + ["high"] * 3, start=first)
    for bone in ("femur", "tibia")
    for what, value in (("BV/TV", 20), ("Tb.N", 3))
)


def test_shared_and_separate_animals_are_told_to_the_covariance(write: Write) -> None:
    made = summarise_animals(
        write(LONG), outcome=["value"], names="what", site="bone", week="week", study="A 2020",
        **BASE,
    )  # fmt: skip
    table = parse_table("t.csv", frame_to_csv(made.rows).encode())
    assert len(table.frame) == 2 * 2 * 2 * 2
    # Rats of week 4 and of week 8 are different ones, and no column says so but the ids.
    assert set(table.frame["experiment"]) == {"animals of week 4", "animals of week 8"}
    arms = find_arms(table.frame)
    assert len(set(arms.treated.tolist())) == 4
    assert len(set(arms.control.tolist())) == 2
    for week in (4, 8):
        at = (table.frame["timepoint_weeks"] == week).to_numpy()
        assert len(set(arms.control[at].tolist())) == 1
        assert len(set(arms.treated[at].tolist())) == 2


def test_the_same_animals_scanned_twice_are_one_experiment(write: Write) -> None:
    text = "id,arm,week,x\n" + "".join(
        f"{i},{arm},{week},{i * week + (i % 2)}\n"
        for week in (4, 8)
        for i, arm in enumerate(["PBS"] * 3 + ["exo"] * 3)
    )
    made = summarise_animals(write(text), outcome=["x"], week="week", **BASE)
    assert made.rows["experiment"].isna().all()
    assert made.rows["control_id"].nunique() == 1
    assert made.rows["timepoint_weeks"].tolist() == ["4", "8"]


def test_few_shared_animals_are_said(write: Write) -> None:
    text = "id,arm,x,y\n" + "".join(
        f"{i},{'PBS' if i % 2 else 'exo'},{i if i < 9 else ''},{i * i if i > 7 else ''}\n"
        for i in range(16)
    )
    made = summarise_animals(write(text), outcome=["x", "y"], **BASE)
    assert any("share 1 animals of 8" in note for note in made.notes)
    assert made.rows["experiment"].isna().all()


def test_experiments_of_their_own_by_a_column(write: Write) -> None:
    text = "id,arm,sex,x\n" + "".join(
        f"{i},{arm},{sex},{i + j}\n"
        for j, sex in enumerate(("female", "male"))
        for i, arm in enumerate(["PBS"] * 3 + ["exo"] * 3)
    )
    made = summarise_animals(write(text), outcome=["x"], by=["sex"], **BASE)
    assert made.rows["sex"].tolist() == made.rows["experiment"].tolist() == ["female", "male"]
    assert made.rows["control_id"].nunique() == 2
    assert any("6 animals occur in several sex" in note for note in made.notes)


def test_a_stratum_without_controls_is_in_the_ledger(write: Write) -> None:
    text = "id,arm,day,x\n1,PBS,1,1\n2,PBS,1,2\n3,exo,1,3\n4,exo,1,5\n5,exo,2,4\n6,exo,2,6\n"
    made = summarise_animals(write(text), outcome=["x"], by=["day"], **BASE)
    assert len(made.rows) == 1
    assert made.ledger[-1]["reason"] == "no row in day 2: there is no 'PBS' for 'exo'"


def test_a_map_names_what_the_table_calls_them(write: Write, tmp_path: Path) -> None:
    mapping = tmp_path / "map.csv"
    mapping.write_text(
        "column,outcome,unit,site,timepoint_weeks\nx,BV/TV,%,distal femur,4\n", encoding="utf-8"
    )
    made = summarise_animals(write(wide(GOOD)), mapping=mapping, **BASE)
    row = made.rows.iloc[0]
    assert (row["outcome"], row["unit"], row["site"], row["timepoint_weeks"]) == (
        "BV/TV", "%", "distal femur", "4",
    )  # fmt: skip
    mapping.write_text("column,outcome,mean_treated\nx,BV/TV,3\n", encoding="utf-8")
    with pytest.raises(UsageError, match="written by the summary itself"):
        summarise_animals(write(wide(GOOD)), mapping=mapping, **BASE)
    mapping.write_text("column,outcome\nx,BV/TV\nx,BV/TV\n", encoding="utf-8")
    with pytest.raises(DataError, match="row 3 says again"):
        summarise_animals(write(wide(GOOD)), mapping=mapping, **BASE)


def test_a_key_opens_a_blinded_file(write: Write, tmp_path: Path) -> None:
    path = write("id,x\n1,1\n2,2\n3,3\n4,5\n")
    key = tmp_path / "key.csv"
    key.write_text("id,arm\n4,exo\n3,exo\n2,PBS\n1,PBS\n9,PBS\n", encoding="utf-8")
    made = summarise_animals(path, outcome=["x"], key=key, **BASE)
    assert made.rows[["mean_treated", "mean_control"]].to_numpy().tolist() == [[4, 1.5]]
    assert "animals of the key without a measurement: '9'" in made.notes
    key.write_text("id,arm\n4,exo\n3,exo\n2,PBS\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"lacks animals of .*'1'"):
        summarise_animals(path, outcome=["x"], key=key, **BASE)
    key.write_text("id,arm\n4,exo\n4,PBS\n", encoding="utf-8")
    with pytest.raises(DataError, match="rows 2-3 both are animal '4'"):
        summarise_animals(path, outcome=["x"], key=key, **BASE)


def test_names_that_a_spreadsheet_would_run_are_written_as_text(write: Write) -> None:
    text = wide({"PBS": ["1", "2"], "=cmd|' /C calc'!A0": ["3", "4"], "<script>": ["5", "7"]})
    made = summarise_animals(write(text), outcome=["x"], study="@SUM(1)", **BASE)
    lines = frame_to_csv(made.rows).splitlines()
    assert all(line.startswith("'@SUM(1)") for line in lines[1:])
    assert ",'=cmd|' /C calc'!A0 vs PBS," in lines[1]


def test_groups_that_look_alike_are_told(write: Write) -> None:
    text = wide({"PBS": ["1", "2"], "Exo": ["3", "4"], "exo": ["5", "7"]})
    made = summarise_animals(write(text), outcome=["x"], **BASE)
    assert any("'Exo', 'exo' differ only in letter case" in note for note in made.notes)
    assert len(made.rows) == 2


def test_values_too_large_for_an_sd_are_refused(write: Write) -> None:
    rows = {**GOOD, "exo": ["3", "1e308", "-1e308"]}
    with pytest.raises(DataError, match="column x: the values of 'exo' are too large"):
        summarise_animals(write(wide(rows)), outcome=["x"], **BASE)
