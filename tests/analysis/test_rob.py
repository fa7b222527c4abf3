"""``[[rob]]`` of an analysis file: its answer, its figures, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metabone.analysis.run import run_analysis
from metabone.analysis.spec import parse_spec
from metabone.errors import UsageError

TEXT = """
title = "t"
[data]
dataset = "exosome-synthetic"
[[rob]]
outcome = "BMD"
overall = "worst"
weights = "pooled"
[[figure]]
kind = "traffic-light"
formats = ["svg"]
[[figure]]
kind = "rob-summary"
formats = ["svg"]
"""


def test_a_run_holds_table_json_and_figures(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(TEXT, encoding="utf-8")
    result = run_analysis(path, tmp_path / "out")
    assert {"tables/rob-syrcle.csv", "json/rob-syrcle.json"} <= set(result.files)
    assert set(result.figures) == {
        "figures/traffic-light-rob-syrcle.svg", "figures/rob-summary-rob-syrcle.svg",
    }  # fmt: skip
    content = json.loads((tmp_path / "out/json/rob-syrcle.json").read_text(encoding="utf-8"))
    assert (content["rule"], content["weights"]) == ("worst", "pooled")
    assert "most often high risk" in result.summary()
    assert "Sequence generation" in (tmp_path / "out/summary.md").read_text(encoding="utf-8")
    asked = result.provenance["answers"][0]
    assert (asked["measure"], asked["rho"]) == ("SMD", 0.5)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"worst"', '"best"', r"\[\[rob\]\] 1: overall must be 'worst' or 'highs:N'"),
        ('weights = "pooled"', 'weights = "n"', "weights must be one of"),
        ('weights = "pooled"', 'tool = "arrive"', "no overall judgement"),
        ('kind = "rob-summary"', 'kind = "rob-summary"\nxlim = [0, 1]', "takes no 'xlim'"),
    ],
)
def test_what_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_spec(TEXT.replace(old, new).encode(), "a.toml")
