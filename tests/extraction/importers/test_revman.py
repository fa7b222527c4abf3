"""RevMan's exports: studies become rows, headings names, counts ledger lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from metabone.errors import DataError
from metabone.extraction.importers.revman import read_revman

from .checks import accounted, answer, typed, written
from .exports import read, revman_5_of, revman_web_of, text_of

Save = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[3]


def by_hand() -> list[dict[str, str]]:
    """One row with an SD of each study of two outcomes, as somebody would type them for RevMan."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for line in read(ROOT / "datasets" / "exosome-synthetic" / "data.csv"):
        if line["outcome"] in ("BMD", "Tb.Sp") and line["dispersion_type"] == "SD":
            rows.setdefault((line["study"], line["outcome"]), line)
    names = ("study", "outcome", "unit", "n_treated", "mean_treated", "dispersion_treated",
             "n_control", "mean_control", "dispersion_control", "dispersion_type",
             "species")  # fmt: skip
    return [{name: line[name] for name in names} for line in rows.values()]


@pytest.mark.parametrize("shape", [revman_web_of, revman_5_of])
def test_the_pooled_answer_is_that_of_the_table_typed_by_hand(
    save: Save, shape: Callable[..., list[dict[str, str]]]
) -> None:
    table = by_hand()
    path = save(b"\xef\xbb\xbf" + text_of(shape(table)).encode())
    made = read_revman(path)
    accounted(made, list(range(2, len(shape(table)) + 2)))
    assert len(made.frame) == len(table)
    for outcome, measure in (("BMD", "SMD"), ("Tb.Sp", "ROM")):
        mine = answer(written(made, path), outcome, measure)
        theirs = answer(typed(text_of(table), path), outcome, measure)
        assert mine == pytest.approx(theirs, rel=1e-12, abs=1e-12)
        assert theirs[5] >= 10


def test_headings_of_revman_5_name_the_rows_below(save: Save) -> None:
    rows = revman_5_of(by_hand()[:2])
    rows.insert(2, {"Comparison Number": "1", "Outcome Number": "1", "Subgroup Number": "1",
                    "Name": "Rats"})  # fmt: skip
    rows[3]["Subgroup Number"] = "1"
    rows.append({"Comparison Number": "1", "Outcome Number": "1", "Name": "Total"})
    made = read_revman(save(text_of(rows)))
    codes = [line.code for line in made.ledger]
    assert codes[:3] == ["not-a-study"] * 3
    assert codes[-1] == "not-a-study"
    assert [line.reason for line in made.ledger[:3]] == [
        "names a comparison", "names an outcome", "names a subgroup"
    ]  # fmt: skip
    first = dict(made.frame.iloc[0])
    assert (first["comparison"], first["outcome"]) == ("Unloaded versus loaded", "BMD")
    assert first["subgroup"] == "Rats"
    assert first["dispersion_type"] == "SD"


def web(**cells: str) -> dict[str, str]:
    return {**revman_web_of(by_hand()[:1])[0], **cells}


def test_generic_inverse_variance_becomes_an_effect(save: Save) -> None:
    blank = dict.fromkeys(
        ("Experimental mean", "Experimental SD", "Control mean", "Control SD"), ""
    )
    path = save(text_of([web(), web(**blank, **{"GIV Mean": "-0.5", "GIV SE": "0.25"})]))
    made = read_revman(path)
    assert made.frame["yi"].tolist() == [None, -0.5]
    assert made.frame["sei"].tolist() == [None, 0.25]
    assert made.frame["dispersion_type"].tolist() == ["SD", None]
    assert not written(made, path).errors


def test_counts_and_observed_minus_expected_are_left_out_and_told(save: Save) -> None:
    blank = dict.fromkeys(
        ("Experimental mean", "Experimental SD", "Control mean", "Control SD"), ""
    )
    counts = web(**blank, **{"Experimental cases": "3", "Control cases": "5"})
    peto = web(**blank, **{"O-E": "1.5", "Variance": "2"})
    made = read_revman(save(text_of([web(), counts, peto])))
    assert [line.code for line in made.ledger] == [None, "not-continuous", "not-continuous"]
    assert any("2 rows hold counts" in note for note in made.notes)


def test_the_revman_estimates_are_kept_and_are_no_data(save: Save) -> None:
    row = dict(read_revman(save(text_of([web()]))).frame.iloc[0])
    assert (row["Mean"], row["CI start"], row["Weight"]) == ("-1.1", "-2", "3.5")
    assert "yi" not in row
    assert "Study" not in row  # study repeats it


def test_two_columns_of_one_meaning_and_missing_ones_are_named(save: Save) -> None:
    text = text_of([web()])
    with pytest.raises(DataError, match="no column 'Mean 1'"):
        read_revman(save(text.replace("Experimental mean", "Experimental me an value")))
    with pytest.raises(DataError, match=r"'Study' and 'Name' both mean study"):
        read_revman(save(text_of([web(Name="x")])))


def test_a_semicolon_file_with_decimal_commas(save: Save) -> None:
    table = by_hand()
    text = text_of(revman_web_of(table))
    commas = "\n".join(line.replace(",", ";").replace(".", ",") for line in text.splitlines())
    commas = commas.replace("Tb,Sp", "Tb.Sp")
    path = save(commas.encode("cp1252"))
    point = save(text, "point.csv")
    one, other = (answer(written(read_revman(p), p), "BMD") for p in (path, point))
    assert one == other
