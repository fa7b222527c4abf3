"""Figures of points from the command line and from analysis files."""

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
ANSWERS = b"""
[[pool]]
outcome = "BMD"
[[regress]]
outcome = "BMD"
formula = "duration_weeks + species"
[[bias]]
outcome = "BMD"
[[sensitivity]]
outcome = "BMD"
baujat = true
"""


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


def test_a_funnel_with_trim_and_fill(tmp_path: Path, capsys: Any) -> None:
    target = tmp_path / "funnel.svg"
    options = ["--trim-fill", "L0", "--precision", "sei", "--json", "-"]
    assert run("funnel", *UNLOADING, *options, "-o", str(target)) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["measure"] == "SMD"
    assert f"wrote {target}" in said.err
    assert "Trim and fill adds" in target.read_text(encoding="utf-8")


def test_a_bubble_plot(tmp_path: Path, capsys: Any) -> None:
    target = tmp_path / "bubble.svg"
    options = ["--formula", "duration_weeks + species", "--moderator", "duration_weeks"]
    assert run("bubble", *UNLOADING, *options, "--at", "species=rat", "-o", str(target)) == 0
    assert "against duration_weeks" in target.read_text(encoding="utf-8")


def test_a_sensitivity_figure(tmp_path: Path, capsys: Any) -> None:
    target = tmp_path / "baujat.svg"
    assert run("sensitivity", *UNLOADING, "--plot", "baujat", "-o", str(target)) == 0
    assert "Baujat plot of" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["funnel", *UNLOADING, "-o", "x.jpg"], "a figure ends in one of"),
        (["funnel", *UNLOADING, "-o", "x.svg", "--precision", "vi"], "precision must be one of"),
        (["funnel", *UNLOADING, "-o", "x.svg", "--trim-fill", "L1"], "trim-fill must be one of"),
        (["bubble", *UNLOADING, "--formula", "species", "--ylim", "1", "-o", "x.svg"],
         "--ylim takes LOW,HIGH"),
        (["sensitivity", *UNLOADING, "--plot", "baujat"], "--plot KIND and -o FIGURE go together"),
        (["sensitivity", *UNLOADING, "-o", "x.svg"], "--plot KIND and -o FIGURE go together"),
        (["sensitivity", *UNLOADING, "--plot", "hat", "-o", "x.svg"], "plot must be one of"),
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


def test_figures_of_an_analysis_file(tmp_path: Path) -> None:
    figures = b"""
[[figure]]
kind = "funnel"
formats = ["svg"]
[[figure]]
kind = "funnel"
trim_fill = "L0"
formats = ["svg"]
[[figure]]
kind = "bubble"
moderator = "duration_weeks"
at = {species = "rat"}
formats = ["svg"]
[[figure]]
kind = "baujat"
point_labels = "none"
formats = ["svg"]
"""
    file = tmp_path / "a.toml"
    file.write_bytes(HEAD + ANSWERS + figures)
    done = run_analysis(file, tmp_path / "out")
    assert sorted(done.figures) == [
        "figures/baujat-sensitivity-bmd.svg", "figures/bubble-regress-bmd.svg",
        "figures/funnel-bias-bmd.svg", "figures/funnel-bmd.svg",
    ]  # fmt: skip
    for path in done.figures:
        assert "SYNTHETIC DATA" in (done.out / path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        (b'kind = "funnel"\nmoderator = "x"', "a funnel figure takes no 'moderator'"),
        (b'kind = "bubble"\nat = 3', "takes a table of column = number or text"),
        (b'kind = "funnel"\npool = "bmd"\nbias = "bias-bmd"', "give either pool or bias"),
        (b'kind = "funnel"\npool = "bmd"\ntrim_fill = "L0"', "trim_fill is part of a"),
        (b'kind = "gosh"', "'sensitivity-bmd' is not asked for gosh; add gosh"),
        (b'kind = "bubble"\nregress = "b"', r"no \[\[regress\]\] is called 'b'"),
    ],
)
def test_what_a_figure_cannot_draw_is_refused(figure: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_plan(parse_spec(HEAD + ANSWERS + b"[[figure]]\n" + figure, "a.toml"))
