"""``metabone bias`` on the command line: its screen, its JSON, its refusals."""

from __future__ import annotations

import csv
import io
import json

import pytest

from metabone.cli import main

BMD = ("bias", "exosome-synthetic", "--outcome", "BMD")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def test_it_prints_a_screen_json_or_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*BMD, "--predictor", "auto", "--predictor", "sei") == 0
    said = capsys.readouterr()
    assert said.out.startswith("SYNTHETIC DATA\nSmall-study effects of BMD: SMD")
    assert "standard error, multilevel !" in said.out
    assert "warning: the standard error of an SMD holds the SMD itself" in said.err
    assert run(*BMD, "--json", "-") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counted"] == "study"
    assert told["predictors"] == ["arms"]
    assert run(*BMD, "-o", "-") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[1]["part"] == "regression"
    assert float(rows[1]["pvalue"]) == told["asymmetry"][0]["pvalue"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--predictor", "egger"), 2, "predictor must be one of"),
        (("--year", "when"), 2, "year: the table has no column 'when'"),
        (("--where", "study in ('Synthetic 01', 'Synthetic 03')"), 1, "small-study effects take 3"),
        (("--target", "0"), 2, "target must be a number other than 0"),
        (("--alpha", "0.7"), 2, "alpha must lie between 0 and 0.5"),
        (("--selection", "0.5,x"), 2, "--selection takes one-sided p-values between commas"),
        (("--selection", "0.5,0.1"), 2, "steps are one-sided p-values that rise"),
        (("--bootstrap", "1000"), 2, "bootstrap draws the studies of a selection model"),
    ],
)
def test_refusals_are_one_line(
    arguments: tuple[str, ...], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*BMD, *arguments) == status
    message = capsys.readouterr()
    assert said in message.err
    assert message.out == ""
    assert "Traceback" not in message.err


def test_selection_models_are_repeatable(capsys: pytest.CaptureFixture[str]) -> None:
    models = ("--selection", "0.025", "--selection", "0.025,0.5", "--selection-side", "greater")
    assert run(*BMD, *models, "--bootstrap", "99", "--seed", "2", "--json", "-") == 0
    told = json.loads(capsys.readouterr().out)["selection"]
    assert [one["steps"] for one in told] == [[0.025], [0.025, 0.5]]
    assert told[0]["side"] == "greater"
    assert told[0]["bootstrap"]["replicates"] == 99
