"""Data frames for metafor: every row a row, under the names of the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from metabone.errors import DataError
from metabone.extraction.importers.metafor import read_metafor

from .checks import accounted, answer, typed, written
from .exports import text_of
from .test_revman import by_hand

Save = Callable[..., Path]


def test_means_give_the_answer_of_the_table_typed_by_hand(save: Save) -> None:
    table = by_hand()
    frame = [
        {"": str(number), "study": line["study"], "n1i": line["n_treated"],
         "m1i": line["mean_treated"], "sd1i": line["dispersion_treated"],
         "n2i": line["n_control"], "m2i": line["mean_control"],
         "sd2i": line["dispersion_control"], "outcome": line["outcome"], "species": "rat",
         "factor": "a"}
        for number, line in enumerate(table, start=1)
    ]  # fmt: skip
    path = save(text_of(frame))
    made = read_metafor(path)
    accounted(made, list(range(2, len(frame) + 2)))
    assert answer(written(made, path), "BMD") == pytest.approx(
        answer(typed(text_of(table), path), "BMD"), rel=1e-12, abs=1e-12
    )
    assert made.frame["column A"].tolist()[:2] == ["1", "2"]  # R's row names
    assert set(made.frame["dispersion_type"]) == {"SD"}
    assert "m1i" not in made.frame  # mean_treated repeats it
    assert made.frame["factor"].tolist() == ["a"] * len(table)


def test_effects_with_author_and_year_and_an_outcome_from_outside(save: Save) -> None:
    path = save(
        "author,year,yi,vi,ablat\nAronson,1948,-0.8893,0.3256,44\nFerguson,1949,-1.5854,0.1946,55\n"
    )
    made = read_metafor(path, outcome="BMD")
    assert made.frame["study"].tolist() == ["Aronson 1948", "Ferguson 1949"]
    assert made.frame["yi"].tolist() == [-0.8893, -1.5854]
    assert made.frame["ablat"].tolist() == ["44", "55"]
    assert answer(written(made, path), "BMD")[5] == 2


def test_a_study_column_beside_authors_is_the_name(save: Save) -> None:
    made = read_metafor(save("study,author,year,yi,sei\nA,Bo,2001,1,0.5\n"), outcome="BMD")
    assert made.frame["study"].tolist() == ["A"]
    assert made.frame["author"].tolist() == ["Bo"]
    assert made.frame["sei"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yi,vi\n1,2\n", "no column that names the studies"),
        ("study,yi,vi\nA,1,2\n", "no column 'outcome'; name the outcome with --outcome"),
        ("study,outcome,ai,bi\nA,BMD,1,2\n", "neither effects"),
        ("study,outcome,yi,vi\n", "no row below it"),
        ("", "is empty"),
    ],
)
def test_what_is_no_such_frame_is_refused_in_words(save: Save, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_metafor(save(text))


def test_counts_beside_means_are_kept_and_told(save: Save) -> None:
    made = read_metafor(save("study,outcome,ai,n1i,yi,vi\nA,BMD,3,8,NA,NA\n"))
    assert made.frame["ai"].tolist() == ["3"]
    assert "yi" not in made.frame or made.frame["yi"].tolist() == [None]
    assert any("counts (ai)" in note for note in made.notes)


def test_tests_are_read(save: Save) -> None:
    made = read_metafor(save("slab,outcome,n1i,n2i,ti,pi\nA,BMD,8,8,-2.5,0.03\n"))
    row = dict(made.frame.iloc[0])
    assert (row["study"], row["t"], row["p"]) == ("A", -2.5, 0.03)
