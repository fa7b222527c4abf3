"""``metabone effects`` from a file to CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from metabone.cli import main

HEADER = (
    "study,outcome,unit,n_treated,mean_treated,dispersion_treated,n_control,mean_control,"
    "dispersion_control,dispersion_type,note\n"
)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(
        HEADER
        + "Ä 2020,BV/TV,%,10,12,2,12,9,3,SD,=1+1\n"
        + "B 2021,BV/TV,%,10,12,2,12,9,3,SEM,-5\n"
        + "C 2022,BV/TV,%,,12,2,,9,3,SD,\n",
        encoding="utf-8",
    )
    return path


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(part) for part in arguments])
    return int(stop.value.code or 0)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_on_stdout_and_the_ledger_on_stderr(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("effects", path, "--measure", "MD") == 0
    out, err = capsys.readouterr()
    first, second = rows_of(out)
    assert (first["row"], first["study"], first["yi"], first["n1i"]) == ("2", "Ä 2020", "3", "10")
    assert float(first["vi"]) == pytest.approx(1.15)  # 4/10 + 9/12
    assert float(second["vi"]) == pytest.approx(4 + 9)  # of two SEMs
    assert (first["conversion"], second["conversion"]) == ("none", "SEM × √n")
    assert (first["flipped"], first["better_used"]) == ("false", "higher")
    assert "doi" not in first
    assert "1 of 3 selected rows set aside" in err
    assert "row 4: n_treated and n_control are blank" in err
    assert "SEM × √n: row 3" in err
    assert "\r" not in out


def test_no_cell_is_a_formula(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("effects", path) == 0
    first, second = rows_of(capsys.readouterr().out)
    assert first["note"] == "'=1+1"
    assert second["note"] == "-5"  # a number is none


def test_json_is_exact_and_alone(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("effects", path, "--variance", "UB", "--json", "-") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema_version"]
    assert (answer["measure"], answer["variance"], answer["align"]) == ("SMD", "UB", "none")
    assert answer["input"]["excluded"] == [
        {"row": 4, "reason": "n_treated and n_control are blank"}
    ]
    assert [row["row"] for row in answer["effects"]] == [2, 3]
    assert answer["effects"][0]["note"] == "=1+1"
    assert answer["better"] == "higher"


def test_a_file_is_written_once(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = path.with_name("effects.csv")
    assert run("effects", path, "-o", target) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert f"wrote {target}" in err
    assert [row["row"] for row in rows_of(target.read_text(encoding="utf-8"))] == ["2", "3"]
    assert run("effects", path, "-o", target) == 1
    assert "use --force" in capsys.readouterr().err
    assert run("effects", path, "-o", target, "--force") == 0


def test_synthetic_rows_are_said(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = path.read_text(encoding="utf-8").replace(",note", ",source").replace("=1+1", "synthetic")
    path.write_text(text, encoding="utf-8")
    assert run("effects", path) == 0
    assert "SYNTHETIC" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--variance", "HO"], 2, "variance of SMD must be one of"),
        (["--measure", "OR"], 2, "measure must be one of"),
        (["--unit", "%"], 2, "SMD has no unit"),
        (["--align", "benefit", "--measure", "VR"], 2, "VR compares spreads"),
        (["--outcome", "Tb.Spp"], 2, "the table has no outcome 'Tb.Spp'"),
        (["--json", "-", "-o", "-"], 2, "cannot both go to stdout"),
        (["--where", "study == 'C 2022'"], 1, "none of the 1 selected rows gives SMD"),
        (["--measure", "NMD"], 1, "n_sham, mean_sham and dispersion_sham are blank"),
    ],
)
def test_one_line_and_an_exit_status(
    path: Path, capsys: pytest.CaptureFixture[str], options: list[str], status: int, said: str
) -> None:
    assert run("effects", path, *options) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.splitlines()[-1].startswith("metabone: ")
    assert "Traceback" not in err
