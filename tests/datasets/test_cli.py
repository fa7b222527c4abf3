"""``metabone datasets`` and ``metabone direction`` on the shipped data."""

import json
from pathlib import Path

import pytest

from metabone.cli.datasets import datasets
from metabone.cli.direction import direction
from metabone.errors import DataError, FileWriteError, UsageError
from metabone.extraction.shipped import dataset, list_datasets


def test_list_names_every_data_set(capsys):
    datasets()
    out = capsys.readouterr().out
    for info in list_datasets():
        assert f"{info.name}: {info.rows} rows" in out
    assert "SYNTHETIC" not in out.split("exosome-synthetic")[0]


def test_one_data_set_tells_where_it_is(capsys):
    datasets("exosome-osteoporosis")
    out = capsys.readouterr().out
    assert out.startswith("# exosome-osteoporosis")
    assert str(dataset("exosome-osteoporosis").folder) in out


def test_json_is_alone_on_stdout(capsys):
    datasets(json="-")
    content = json.loads(capsys.readouterr().out)
    assert {"name", "rows", "studies", "licence", "path", "extraction"} <= set(
        content["datasets"][0]
    )
    assert all(Path(entry["path"]).is_file() for entry in content["datasets"])


def test_copy_is_byte_for_byte_and_spares_what_exists(tmp_path, capsys):
    target = tmp_path / "copy.csv"
    datasets("unloading", output=target)
    assert target.read_bytes() == dataset("unloading").data.read_bytes()
    assert capsys.readouterr().out == ""
    with pytest.raises(FileWriteError, match="--force"):
        datasets("unloading", output=target)
    datasets("anabolic", output=target, force=True)
    assert target.read_bytes() == dataset("anabolic").data.read_bytes()


def test_wrong_calls():
    with pytest.raises(UsageError, match="did you mean 'anabolic'"):
        datasets("anabolics")
    with pytest.raises(UsageError, match="needs the NAME"):
        datasets(output=Path("x.csv"))


def test_direction_of_the_nine(capsys):
    direction(table="exosome-osteoporosis")
    out = capsys.readouterr().out
    assert "benefit 8, harm 1" in out
    assert "Two of the nine studies measure skeletal bone mass in an animal given vesicles" in out


def test_direction_json(capsys):
    direction(table="exosome-osteoporosis", by=["exosome_source,target_cell"], json="-")
    content = json.loads(capsys.readouterr().out)
    assert content["by"] == ["exosome_source", "target_cell"]
    assert content["sign_test"]["pvalue"] == 0.0390625
    assert content["input"]["used"] == 9


def test_direction_by_two_options_is_the_same_table(capsys):
    direction(table="exosome-osteoporosis", by=["exosome_source", "target_cell"], json="-")
    assert len(json.loads(capsys.readouterr().out)["cells"]) == 12


def test_direction_where(capsys):
    direction(table="exosome-osteoporosis", where="bone_mass == 'skeletal'", json="-")
    content = json.loads(capsys.readouterr().out)
    assert [study["study"] for study in content["studies"]] == [
        "Zuo 2019", "Zhang 2021", "Xu 2018",
    ]  # fmt: skip


def test_direction_refuses_a_table_without_directions(tmp_path):
    table = tmp_path / "bare.csv"
    table.write_text("study,outcome\nA 2020,BMD\nB 2021,BMD\n", encoding="utf-8")
    with pytest.raises(DataError, match="no row says in which direction"):
        direction(table=str(table))


def test_direction_refuses_an_unknown_figure_before_any_work():
    with pytest.raises(UsageError, match="a figure ends in one of"):
        direction(table="no such table", output=Path("harvest.docx"))


@pytest.mark.parametrize("name", [info.name for info in list_datasets() if info.extraction])
def test_extraction_tables_have_no_errors(name):
    from metabone.extraction.reading import read_table

    table = read_table(name)
    assert len(table.frame) == dataset(name).rows
    assert table.errors == ()
    assert table.synthetic == (name == "exosome-synthetic")
