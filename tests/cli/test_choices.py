"""``metabone choices`` at the command line, and ``[[choices]]`` in an analysis file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from metabone.analysis.run import run_analysis
from metabone.analysis.spec import parse_spec
from metabone.cli import main
from metabone.errors import UsageError
from metabone.synthesis.choices.plan import parse_lists, parse_plan

ASKED = ["choices", "unloading", "--outcome", "Tb.N", "--where", "assay == 'microCT'"]
SMALL = ["--choice", "measure=SMD", "--choice", "outliers=none", "--choice", "cluster=none",
         "--permutations", "20", "--workers", "2"]  # fmt: skip


def run(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 0


def test_everything_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "choices.toml"
    plan.write_text('tau2 = ["REML", "PM"]\nmeasure = ["ROM"]\n', encoding="utf-8")
    files = [tmp_path / name for name in ("curve.svg", "all.csv", "all.json")]
    run([*ASKED, *SMALL, "--plan", str(plan), "-o", str(files[0]), "--csv", str(files[1]),
         "--json", str(files[2])])  # fmt: skip
    out = capsys.readouterr().out
    assert "ways to analyse" in out
    content = json.loads(files[2].read_text(encoding="utf-8"))
    assert content["factors"]["tau2"] == ["REML", "PM"]
    assert content["fixed"]["measure"] == "SMD"  # --choice is stronger than the plan
    rows = list(csv.DictReader(files[1].read_text(encoding="utf-8").splitlines()))
    assert len(rows) == len(content["specifications"])
    assert [row["reference"] for row in rows].count("true") == 1
    assert files[0].read_bytes().startswith(b"<?xml")


def test_json_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    run([*ASKED, *SMALL, "--json", "-", "--permutations", "0"])
    content = json.loads(capsys.readouterr().out)
    assert content["permutation"] is None
    assert content["answered"] > 5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--choice", "tau=REML"], "did you mean 'tau2'"),
        (["--choice", "tau2"], "--choice takes FACTOR=OPTION"),
        (["--choice", "tau2="], "at least one option"),
        (["--plan", "no-such.toml"], "cannot be read"),
        (["-o", "curve.doc"], "a figure ends in one of"),
        (["--show", "ratio", "-o", "c.svg"], "show must be one of"),
    ],
)
def test_wrong_usage(
    options: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main([*ASKED, *SMALL, *options])
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_plan_files() -> None:
    assert parse_plan(b"\xef\xbb\xbfrho = 0.3", "p.toml") == {"rho": ("0.3",)}
    for content, sentence in (
        (b"rho = [0.3", "is no TOML"), (b"\xff", "is not UTF-8"),
        (b"# " + b"x" * 200_000, "at most"),
        (b"[rho]\na = 1", r"p.toml: rho takes a list"), (b"ci = []", "at least one option"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=sentence):
            parse_plan(content, "p.toml")
    assert parse_lists(["rho=0.2", "rho=0.4,0.6"]) == {"rho": ("0.4", "0.6")}


FILE = """
title = "t"
[data]
dataset = "unloading"
where = "assay == 'microCT'"
[effect]
measure = "ROM"
[[choices]]
outcome = "Tb.N"
variance = "LS"
outliers = ["none", "largest_vi"]
cluster = "none"
permutations = 20
[[figure]]
kind = "choices"
formats = ["svg"]
show = "z"
"""


def test_an_analysis_file(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(FILE, encoding="utf-8")
    result = run_analysis(path, tmp_path / "out")
    assert {"tables/choices-tb-n.csv", "json/choices-tb-n.json", "summary.md",
            "figures/choices-tb-n.svg"} <= set(result.files)  # fmt: skip
    summary = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert "ways to analyse" in summary
    assert "if no study had an effect" in summary
    options = result.provenance["answers"][0]
    asked = options.get("options", options)
    assert asked["outliers"] == ["none", "largest_vi"]
    assert asked["measure"] == ["ROM", "SMD"]
    assert "significant in the direction of the reference" in result.summary()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("rho = [0.2, 2]", r"\[\[choices\]\] 1: rho takes numbers of 0 or more"),
        ("cluser = 'none'", "unknown key 'cluser'; did you mean 'cluster'"),
        ("tau2 = 'remel'", "tau2 must be one of"),
        ("permutations = -1", r"\[\[choices\]\] 1: permutations"),
    ],
)
def test_refusals_in_an_analysis_file(line: str, sentence: str) -> None:
    text = FILE.replace("permutations = 20", line)
    with pytest.raises(UsageError, match=sentence):
        parse_spec(text.encode(), "a.toml")
