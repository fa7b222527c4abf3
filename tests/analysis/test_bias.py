"""``[[bias]]`` in an analysis file: its keys, its table, its line in the summary."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from metabone.analysis.run import run_analysis
from metabone.analysis.spec import parse_spec
from metabone.errors import UsageError

HEAD = """title = "t"
[data]
dataset = "exosome-synthetic"
[[bias]]
outcome = "BMD"
"""


def test_it_runs_into_tables_json_and_summary(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(HEAD + 'predictor = ["auto", "sei"]\n', encoding="utf-8")
    result = run_analysis(path, tmp_path / "out")
    assert result.answers[0].name == "bias-bmd"
    with (tmp_path / "out" / "tables" / "small-study-effects.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    told = json.loads((tmp_path / "out" / "json" / "bias-bmd.json").read_text(encoding="utf-8"))
    assert told["predictors"] == ["arms", "sei"]
    assert [row["predictor"] for row in rows if row["part"] == "regression"] == ["arms", "sei"]
    assert float(rows[0]["estimate"]) == told["pooled"]["estimate"]
    summary = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert "## Small-study effects of BMD" in summary
    assert "Asymmetry is not bias" in summary
    assert "Corrected means run from" in result.summary()
    asked = result.provenance["answers"][0]
    assert asked["kind"] == "bias"
    assert asked["model"] == "multilevel"
    assert asked["predictor"] == ["arms", "sei"]


def test_selection_models_are_asked_for_by_their_steps(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    asked = "selection = [[0.025], [0.025, 0.5]]\nbootstrap = 99\nseed = 7\n"
    path.write_text(HEAD + asked, encoding="utf-8")
    run_analysis(path, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "json" / "bias-bmd.json").read_text(encoding="utf-8"))
    assert [one["steps"] for one in told["selection"]] == [[0.025], [0.025, 0.5]]
    assert told["selection"][0]["bootstrap"]["seed"] == 7
    summary = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert "selection model 0.025, 0.5" in summary
    spec = parse_spec((HEAD + "selection = [0.025, 0.5]").encode(), "a.toml")
    assert spec.bias[0].selection == ((0.025, 0.5),)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('predictor = "egger"', r"\[\[bias\]\] 1: predictor must be one of 'auto', 'sei'"),
        ("target = 0", r"\[\[bias\]\] 1: target"),
        ("alpha = 0.5", "alpha must be above 0 and below 0.5; got 0.5"),
        ("target = -1.0", "target must be above 0; got -1.0"),
        ('selection = "0.025"', "selection takes a list of one-sided p-values"),
        ("selection = [[0.025], 0.5]", "selection takes a list of one-sided p-values"),
        ("selection = [0.5, 0.025]", "steps are one-sided p-values that rise"),
        ("bootstrap = 1000", "bootstrap draws the studies of a selection model"),
        ('selection_side = "up"', "selection_side must be one of 'auto', 'greater', 'less'"),
        ('predictors = "sei"', "unknown key 'predictors'; did you mean 'predictor'"),
    ],
)
def test_wrong_keys_are_named_with_their_place(line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_spec((HEAD + line).encode(), "a.toml")
