"""``metabone summarise``: from a file of animals to a table, and on to a plan."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metabone.cli import main

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["summarise", *arguments])
    return int(stop.value.code or 0)


@pytest.fixture
def rats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two arms of eight rats in cages of two, with a first scan; the last has no value."""
    rng = np.random.default_rng(4)
    lines = ["rat,arm,cage,BV/TV (%),start,note"]
    for number in range(16):
        base = 20 + 3 * rng.normal()
        arm = "PBS" if number < 8 else "exosomes"
        value = "" if number == 15 else f"{base + (number > 7) * 4 + rng.normal():.3f}"
        lines.append(f"R{number},{arm},{number // 2},{value},{base:.3f},")
    path = tmp_path / "rats.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return path


OPTIONS = ("rats.csv", "--group", "arm", "--id", "rat", "--outcome", "BV/TV (%)", "--cage", "cage",
           "--baseline", "start", "--set", "species=rat", "--set", "site=distal femur",
           "--study", "Own 2024")  # fmt: skip


def test_table_checks_and_account(rats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*OPTIONS, "-o", "table.csv", "--checks-json", "checks.json") == 0
    said = capsys.readouterr()
    assert all(len(line) <= 100 for line in said.out.splitlines())
    for words in ("the row gives the same", "Shapiro-Wilk", "Brown-Forsythe", "baseline and end",
                  "cages: ICC"):  # fmt: skip
        assert words in said.out
    assert "16 animals, control 'PBS': 1 row" in said.err
    assert "exosomes, BV/TV (%): 1 of 8" in said.err
    answer = json.loads(Path("checks.json").read_text(encoding="utf-8"))
    assert [line["reason"] for line in answer["ledger"]] == ["no value"]
    assert answer["checks"][0]["effects"][0]["agrees"] is True
    assert answer["checks"][0]["cage"]["cages"] == 8
    # An existing table is not replaced, and the file of animals never.
    assert run(*OPTIONS, "-o", "table.csv") == 1
    assert run(*OPTIONS, "-o", "rats.csv", "--force") == 2


def test_the_table_goes_on_to_a_plan(rats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*OPTIONS, "-o", "table.csv", "--no-checks") == 0
    with pytest.raises(SystemExit) as stop:
        main(["check", "table.csv"])
    assert not stop.value.code
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(["plan", "n", "--endpoint", "BV/TV", "--species", "rat", "--variability", "table.csv",
              "--percent", "30", "--json", "-"])  # fmt: skip
    said = capsys.readouterr()
    assert not stop.value.code, said.err
    plan = json.loads(said.out)
    with Path("table.csv").open(encoding="utf-8") as lines:
        names, cells = (line.strip().split(",") for line in lines)
    row = dict(zip(names, cells, strict=True))
    cv = 100 * float(row["dispersion_control"]) / float(row["mean_control"])
    found = plan["variability"]
    assert "table.csv" in found["source"]
    # The pooled CV of one lab adds the bias of the log of an SD, and nothing else.
    assert found["cv"] == pytest.approx(cv, rel=0.1)


def test_without_a_file_the_table_is_printed(
    rats: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*OPTIONS) == 0
    said = capsys.readouterr()
    header, row = said.out.splitlines()
    assert header.startswith("study,comparison,") or header.startswith("study,experiment,")
    assert "animal-level data" in row


def keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def test_json_alone_and_every_field_explained(
    rats: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*OPTIONS, "--checks-json", "-") == 0
    answer = json.loads(capsys.readouterr().out)
    page = (ROOT / "docs" / "results-json.md").read_text(encoding="utf-8")
    part = page.split("## `metabone summarise`", 1)[1].split("\n## ", 1)[0]
    assert sorted(keys(answer) - set(re.findall(r"`(\w+)`", part))) == []


def test_hostile_names_do_not_steer_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arm = "\x1b[31m\u202eexo<script>=cmd|'/C calc'!A0"
    lines = [f"{i},{'PBS' if i % 20 else arm},{i * i},{i // 2}" for i in range(200)]
    Path("a.csv").write_text("\n".join(["id,arm,=x,cage", *lines]), encoding="utf-8")
    assert run("a.csv", "--group", "arm", "--id", "id", "--outcome", "=x", "--cage", "cage",
               "-o", "t.csv") == 0  # fmt: skip
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert "\u202e" not in said.out + said.err
    written = Path("t.csv").read_text(encoding="utf-8")
    assert ",'=x," in written
    # A cell of ten megabytes is no number, and is not printed whole.
    huge = "9" * 5_000_000 + "x" * 5_000_000
    Path("b.csv").write_text(f"id,arm,x\n1,PBS,{huge}\n2,exo,2\n", encoding="utf-8")
    assert run("b.csv", "--group", "arm", "--id", "id", "--outcome", "x") == 1
    assert len(capsys.readouterr().err) < 1000


@pytest.mark.parametrize("text", ["", "\n", "id,arm,x\n", "\x00\x01\x02"])
def test_files_that_are_none(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(text, encoding="utf-8")
    assert run("a.csv", "--group", "arm", "--id", "id", "--outcome", "x") == 1
    said = capsys.readouterr()
    assert said.err.startswith("metabone: ")
    assert said.err.count("\n") == 1


def test_a_hundred_thousand_animals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(6)
    x, y = rng.normal(20, 3, 100_000), rng.normal(5, 1, 100_000)
    lines = [
        f"{i},{'PBS' if i % 4 == 0 else f'dose {i % 4}'},{i // 16},{a:.4f},{b:.4f}"
        for i, (a, b) in enumerate(zip(x, y, strict=True))
    ]
    Path("a.csv").write_text("\n".join(["id,arm,cage,x,y", *lines]), encoding="utf-8")
    assert run("a.csv", "--group", "arm", "--id", "id", "--outcome", "x", "--outcome", "y",
               "-o", "t.csv") == 0  # fmt: skip
    row = Path("t.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
    assert "25000" in row
    assert str(x[::4].round(4).mean())[:8] in ",".join(row)
