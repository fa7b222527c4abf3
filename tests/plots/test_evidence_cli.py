"""Orchard, caterpillar, refit plots and maps from the command line and from analysis files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from metabone.analysis.plan import make_plan
from metabone.analysis.run import run_analysis
from metabone.analysis.spec import parse_spec
from metabone.cli import main
from metabone.errors import UsageError

UNLOADING = ("unloading", "--outcome", "BV/TV", "--where", "assay == 'microCT'")
HEAD = b'title = "t"\n[data]\ndataset = "exosome-synthetic"\n'


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["orchard", *UNLOADING, "--by", "species", "--style", "bmj"], "Orchard plot of BV/TV"),
        (["caterpillar", *UNLOADING, "--no-prediction"], "Caterpillar plot of BV/TV"),
        (["sensitivity", *UNLOADING, "--plot", "leave-one-out", "--style", "jama"],
         "Leave-one-out forest plot"),
        (["sensitivity", *UNLOADING, "--plot", "cumulative", "--cumulative", "precision"],
         "Cumulative forest plot"),
        (["map", *UNLOADING, "--rows", "species", "--columns", "site"], "Evidence map of"),
    ],
)  # fmt: skip
def test_figures_are_written(tmp_path: Path, capsys: Any, arguments: list[str], words: str) -> None:
    target = tmp_path / "figure.svg"
    assert run(*arguments, "-o", str(target), "--json", "-") == 0
    said = capsys.readouterr()
    json.loads(said.out)
    assert f"wrote {target}" in said.err
    assert words in target.read_text(encoding="utf-8")


def test_nine_studies_without_numbers_have_a_map(tmp_path: Path, capsys: Any) -> None:
    target = tmp_path / "map.svg"
    assert run("map", "exosome-osteoporosis", "-o", str(target), "--json", "-") == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["basis"], found["gaps"], found["total"]["k_studies"]) == ("direction", 6, 9)
    assert "note: nothing is pooled, the map shows directions" in said.err
    refused = ["--show", "estimate", "--force"]
    assert run("map", "exosome-osteoporosis", "-o", str(target), *refused) == 1
    assert "gives SMD" in capsys.readouterr().err


def test_a_table_of_names_is_counted(tmp_path: Path, capsys: Any) -> None:
    table, target = tmp_path / "t.csv", tmp_path / "map.svg"
    table.write_text("study,outcome,exosome_source,target_cell\nA,BMD,BMSC,osteoblast\n")
    assert run("map", str(table), "-o", str(target), "--json", "-") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["basis"] == "counts"
    assert "note: no direction is known, the map counts studies" in said.err
    assert run("map", str(table), "-o", str(target), "--force", "--show", "direction") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["orchard", *UNLOADING, "-o", "x.svg", "--style", "lancet"], "style must be one of"),
        (["caterpillar", *UNLOADING, "-o", "x.jpg"], "a figure ends in one of"),
        (["map", *UNLOADING, "-o", "x.svg", "--rows", "speceis"], "did you mean species"),
        (["map", *UNLOADING, "-o", "x.svg", "--show", "all"], "show must be one of"),
        (["sensitivity", *UNLOADING, "--plot", "cumulative", "-o", "x.svg", "--xlim", "1"],
         "--xlim takes LOW,HIGH"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("metabone: ")
    assert message in last
    assert not list(tmp_path.iterdir())


def test_an_analysis_file_draws_them(tmp_path: Path) -> None:
    figures = b"".join(
        b'[[figure]]\nkind = "%s"\nformats = ["svg"]\n' % kind
        for kind in (b"orchard", b"caterpillar", b"map", b"leave-one-out", b"cumulative")
    )
    text = (
        HEAD
        + b"""
[[pool]]
outcome = "BMD"
by = [["exosome_source", "target_cell"], "exosome_source"]
[[sensitivity]]
outcome = "BMD"
leave_one_out = "study"
cumulative = "precision"
[[direction]]
outcome = "BMD"
"""
        + figures
        + b'[[figure]]\nkind = "map"\ndirection = "direction-bmd"\nformats = ["svg"]\n'
    )
    path = tmp_path / "a.toml"
    path.write_bytes(text)
    run_analysis(path, tmp_path / "out")
    written = sorted(found.stem for found in (tmp_path / "out").rglob("*.svg"))
    assert written == [
        "caterpillar-bmd", "cumulative-sensitivity-bmd", "leave-one-out-sensitivity-bmd",
        "map-bmd", "map-direction-bmd", "orchard-bmd",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("section", "figure", "message"),
    [
        (b'[[sensitivity]]\noutcome = "BMD"\nbaujat = true\n', b'kind = "cumulative"',
         "is not asked for cumulative"),
        (b'[[pool]]\noutcome = "BMD"\n', b'kind = "caterpillar"\nstyle = "bmj"',
         "a caterpillar figure takes no 'style'"),
        (b'[[pool]]\noutcome = "BMD"\n', b'kind = "orchard"\nby = "species"',
         "is stratified by nothing"),
    ],
)  # fmt: skip
def test_an_analysis_that_cannot_be_drawn_is_refused(
    section: bytes, figure: bytes, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make_plan(parse_spec(HEAD + section + b"[[figure]]\n" + figure, "a.toml"))
