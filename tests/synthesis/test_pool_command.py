"""``metabone pool`` on the command line: where its answer goes."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from pathlib import Path

import pytest

from metabone.cli import main
from metabone.extraction.shipped import dataset

BMD = ("--outcome", "BMD")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_a_dash_prints_the_table_and_writes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("pool", "exosome-synthetic", *BMD, "--by", "species", "-o", "-") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[0]["stratum"] == "overall"
    assert float(rows[0]["estimate"]) > 0
    assert run("datasets", "unloading", "-o", "-") == 0
    assert capsys.readouterr().out.encode() == dataset("unloading").data.read_bytes()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["pool"], ["effects"], ["regress", "--formula", "species"]])
def test_two_results_do_not_go_to_one_place(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for target in ("-", str(tmp_path / "both")):
        asked = (*command, "exosome-synthetic", *BMD, "--json", target, "-o", target)
        assert run(*asked) == 2
        assert "two results cannot both go to" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ["pool", "-o"],
        ["outcomes", "-o"],
        ["effects", "-o"],
        ["check", "--json"],
        ["pool", "--json"],
    ],
)
def test_the_table_itself_is_never_written_over(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "mine.csv"
    shutil.copy(dataset("exosome-synthetic").data, table)
    before = table.read_bytes()
    assert run(command[0], str(table), command[1], str(table), "--force") == 2
    assert "is the table itself" in capsys.readouterr().err
    assert table.read_bytes() == before


def test_rows_that_a_misspelt_outcome_keeps_out_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = dataset("unloading").data.read_text(encoding="utf-8")
    slip = tmp_path / "slip.csv"
    slip.write_text(text.replace(",Tb.Th,", ",Trabecular thicknes,", 1), encoding="utf-8")
    assert run("pool", str(slip), "--outcome", "Tb.Th", "--where", "assay == 'microCT'") == 0
    assert "('Trabecular thicknes'): is no outcome of the voc" in capsys.readouterr().err


def test_a_table_without_numbers_is_sent_to_its_directions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("pool", "exosome-osteoporosis") == 1
    assert capsys.readouterr().err.endswith("Directions need no numbers: metabone direction\n")
    assert run("direction", "exosome-osteoporosis") == 0
    # 2 (1 + 9) / 2^9 and 2 / 2^9.
    assert "sign test p = 0.039 (no smaller than 0.0039 with 9 studies)" in (
        capsys.readouterr().out
    )


def test_a_log_ratio_is_also_told_as_a_change_with_both_intervals(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("pool", "unloading", "--outcome", "Tb.Th", "--measure", "ROM", "--level", "0.9")
    assert run(*asked, "--json", "-") == 0
    overall = json.loads(capsys.readouterr().out)["overall"]
    names = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
    per_cent = [f"{100 * (math.exp(overall[name]) - 1):+.1f}" for name in names]
    assert run(*asked) == 0
    change, low, high, pi_low, pi_high = per_cent
    assert (
        f"as change     {change} %  (90 % CI {low} to {high} %; prediction {pi_low} to {pi_high} %)"
    ) in capsys.readouterr().out
