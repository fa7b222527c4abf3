from __future__ import annotations

import pandas as pd

from metabone.plots.labels import row_labels


def frame(**columns: list[object]) -> pd.DataFrame:
    made = pd.DataFrame(columns)
    made.index = pd.RangeIndex(2, len(made) + 2)
    return made


def test_a_study_with_one_row_is_called_by_its_name() -> None:
    table = frame(study=["Ko 2017", "Li 2019"], site=["femur", "tibia"])
    assert row_labels(table, [(2, 3)]) == {2: "Ko 2017", 3: "Li 2019"}


def test_what_differs_is_added_and_nothing_else() -> None:
    table = frame(
        study=["Ko 2017"] * 3,
        comparison=["HLU vs CON"] * 3,
        site=["femur", "tibia", "L4"],
        timepoint_weeks=[3.0, 3.0, 3.0],
    )
    assert list(row_labels(table, [(2, 3, 4)]).values()) == [
        "Ko 2017: femur", "Ko 2017: tibia", "Ko 2017: L4",
    ]  # fmt: skip


def test_two_short_columns_where_one_is_not_enough() -> None:
    table = frame(
        study=["A"] * 4, site=["femur", "femur", "tibia", "tibia"],
        timepoint_weeks=[4.0, 8.0, 4.0, 8.0],
    )  # fmt: skip
    assert row_labels(table, [(2, 3, 4, 5)])[3] == "A: femur, 8 wk"


def test_what_the_figure_shows_anyway_is_not_repeated() -> None:
    table = frame(study=["A", "A"], site=["femur", "tibia"], timepoint_weeks=[4.0, 8.0])
    assert row_labels(table, [(2, 3)], shown=("site",)) == {2: "A", 3: "A"}


def test_groups_are_told_apart_by_their_heading() -> None:
    table = frame(study=["A", "A"], site=["femur", "tibia"])
    assert row_labels(table, [(2,), (3,)]) == {2: "A", 3: "A"}


def test_twins_get_their_spreadsheet_row() -> None:
    table = frame(study=["A", "A", "A"], site=["femur", "femur", "tibia"])
    assert row_labels(table, [(2, 3, 4)]) == {
        2: "A: femur, row 2", 3: "A: femur, row 3", 4: "A: tibia",
    }  # fmt: skip


def test_blank_cells_and_doses() -> None:
    table = frame(study=["A", "A"], dose=[100.0, None], dose_unit=["µg", None])
    assert row_labels(table, [(2, 3)]) == {2: "A: 100 µg", 3: "A"}
