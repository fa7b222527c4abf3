from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from metabone.cli import main
from metabone.cli.figure_options import parse_limits
from metabone.cli.forest import parse_labels
from metabone.errors import UsageError

UNLOADING = ("unloading", "--outcome", "BV/TV", "--where", "assay == 'microCT'")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["forest", *arguments])
    return int(stopped.value.code or 0)


def test_a_figure_from_a_shipped_data_set(tmp_path: Path, capsys: Any) -> None:
    target = tmp_path / "forest.svg"
    options = ["--by", "species", "--style", "bmj", "--columns", "study, site ,effect", "--label"]
    options += ["treated=Unloaded", "--xlim", "-6,3", "--width", "170"]
    status = run(*UNLOADING, *options, "-o", str(target))
    said = capsys.readouterr()
    assert status == 0
    assert said.out == ""
    assert f"wrote {target}" in said.err
    assert "set aside" in said.err
    root = ET.parse(target).getroot()
    assert float((root.get("width") or "").removesuffix("pt")) == pytest.approx(170 / 25.4 * 72)


def test_tiff_and_json(tmp_path: Path, capsys: Any) -> None:
    target = tmp_path / "forest.tif"
    arguments = ["--measure", "ROM", "--width", "120", "--dpi", "150", "--json", "-", "-o"]
    assert run(*UNLOADING, *arguments, str(target)) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["measure"] == "ROM"
    with Image.open(target) as image:
        assert image.size[0] == round(120 / 25.4 * 150)


def test_synthetic_data_are_called_so_on_the_figure(tmp_path: Path) -> None:
    target = tmp_path / "forest.svg"
    assert run("exosome-synthetic", "--outcome", "BMD", "-o", str(target)) == 0
    assert "SYNTHETIC DATA" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.jpg"], "a figure ends in one of svg, pdf, png, tif, tiff"),
        (["-o", "x.svg", "--style", "lancet"], "style must be one of 'metabone'"),
        (["-o", "x.svg", "--columns", "study,wieght"], "try 'weight'"),
        (["-o", "x.svg", "--xlim", "1;2"], "--xlim takes LOW,HIGH, e.g. -2,4; got '1;2'"),
        (["-o", "x.svg", "--label", "treated"], "--label takes NAME=WORDS"),
        (["-o", "x.svg", "--width", "40"], "too narrow for the columns"),
        (["-o", "x.png", "--dpi", "-1"], "dpi must be a positive number"),
        (["-o", "x.svg", "--font", "No Such Font"], "font 'No Such Font' is not installed"),
    ],
)
def test_wrong_usage_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*UNLOADING, *arguments) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("metabone: ")
    assert message in last
    assert not list(tmp_path.iterdir())


def test_a_figure_is_asked_for_before_any_work(tmp_path: Path, capsys: Any) -> None:
    target = tmp_path / "forest.svg"
    target.write_text("mine")
    assert run("nowhere.csv", "-o", str(target)) == 1
    assert "exists; use --force" in capsys.readouterr().err
    assert run("nowhere.csv") == 2  # -o is required
    assert target.read_text() == "mine"


def test_limits_and_labels() -> None:
    assert parse_limits(None) is None
    assert parse_limits("-2,4.5") == (-2.0, 4.5)
    assert parse_labels(["left=bone lost", "axis=a = b"]) == {"left": "bone lost", "axis": "a = b"}
    with pytest.raises(UsageError):
        parse_limits("1,2,3")
    with pytest.raises(UsageError):
        parse_labels(["=x"])
