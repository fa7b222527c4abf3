"""What an analysis file may say, and the sentence for each thing that it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from metabone.analysis.spec import parse_spec, read_spec
from metabone.errors import UsageError

HEAD = 'title = "t"\n[data]\ndataset = "unloading"\n'
POOL = '[[pool]]\noutcome = "BV/TV"\n'


def refused(text: str | bytes) -> str:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(UsageError) as caught:
        parse_spec(content, "a.toml")
    message = str(caught.value)
    assert message.startswith("a.toml")
    assert "pydantic" not in message
    assert "Traceback" not in message
    return message


def test_the_example_of_the_plan_is_understood() -> None:
    text = """
title = "Skeletal unloading and trabecular bone in rats and mice"
[data]
table = "../datasets/unloading/data.csv"
where = "species in ('rat', 'mouse') and timepoint_weeks >= 1"
[effect]
measure = "SMD"
[[pool]]
outcome = "BV/TV"
by = ["species", "site", ["species", "site"]]
[[regress]]
outcome = "BV/TV"
formula = "duration_weeks + species"
[[figure]]
kind = "forest"
outcome = "BV/TV"
style = "revman"
columns = ["study", "species", "arms", "weight"]
formats = ["svg", "pdf"]
"""
    spec = parse_spec(text.encode(), "a.toml")
    assert spec.pool[0].by == ("species", "site", ("species", "site"))
    assert spec.data.where == ("species in ('rat', 'mouse') and timepoint_weeks >= 1",)
    assert spec.figure[0].columns == ("study", "species", "arms", "weight")
    assert spec.pool[0].tau2 == "REML"
    assert spec.pool[0].ci is None


def test_options_take_either_case() -> None:
    spec = parse_spec(f'{HEAD}{POOL}tau2 = "reml"\nci = "HKSJ"\n'.encode(), "a.toml")
    assert (spec.pool[0].tau2, spec.pool[0].ci) == ("REML", "hksj")


def test_a_where_may_be_a_list_and_span_lines() -> None:
    text = (
        "title = 't'\n[data]\ndataset = 'x'\nwhere = ['a == 1', '''b == 2\nor c == 3''']\n" + POOL
    )
    assert parse_spec(text.encode(), "a.toml").data.where == ("a == 1", "b == 2 or c == 3")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"{HEAD}[[pool]]\noutcome='a'\n[[pool]]\noutcome='b'\noutcom='c'",
         ["[[pool]] 2: unknown key 'outcom'; did you mean 'outcome'?"]),
        (f"titel = 't'\n{HEAD}{POOL}", ["unknown key 'titel'; did you mean 'title'?"]),
        (f"{HEAD}datset = 'x'\n{POOL}", ["[data]: unknown key 'datset'; did you mean 'dataset'?"]),
        (f"{HEAD}[effects]\nmeasure = 'MD'\n{POOL}", ["'effects'; did you mean 'effect'?"]),
        (f"{HEAD}{POOL}zzz = 1", ["[[pool]] 1: unknown key 'zzz'; known are 'name', "]),
        (f"{HEAD}[pool]\noutcome = 'x'", ["'pool' is a table; write it as [[pool]]"]),
        (f"title = 't'\ndata = 3\n{POOL}", ["'data' is a table; write it as [data]"]),
        (f"{HEAD}{POOL}tau2 = 'remel'", ["[[pool]] 1: tau2 must be one of 'REML'", "'remel'"]),
        (f"{HEAD}{POOL}ci = 3", ["[[pool]] 1: ci must be one of 'hksj'", "got 3"]),
        (f"{HEAD}{POOL}level = 95", ["[[pool]] 1: level must be between 0 and 1", "got 95"]),
        (f"{HEAD}{POOL}level = nan", ["level must be between 0 and 1", "got nan"]),
        (f"{HEAD}{POOL}level = '0.9'", ["level takes a number; got '0.9'"]),
        (f"{HEAD}{POOL}unit = 3", ["unit takes a text in quotes; got 3"]),
        (f"{HEAD}[[pool]]\nby = ['species']", ["[[pool]] 1: the key 'outcome' is missing"]),
        (f"{HEAD}[[pool]]\noutcome = []", ["outcome needs at least one text"]),
        (f"{HEAD}[[pool]]\noutcome = ['']", ["outcome needs at least one text"]),
        (f"{HEAD}[[pool]]\noutcome = 3", ["outcome takes a text or a list of texts; got 3"]),
        (f"{HEAD}{POOL}by = [['a', 'b', 'c']]", ["by takes columns, or pairs of columns"]),
        (f"{HEAD}{POOL}by = 3", ["by takes a list of columns; got 3"]),
        (f"{HEAD}{POOL}name = '../../etc/x'", ["name becomes part of file names"]),
        (f"{HEAD}{POOL}name = '.hidden'", ["name becomes part of file names"]),
        (f"{HEAD}[effect]\nmeasure = 'ROM'\nvariance = 'UB'\n{POOL}",
         ["[effect]: variance of ROM must be one of 'LS', 'AV'; got 'UB'"]),
        ("title = 't'\n[data]\ndataset = 'x'\ntable = 'y'\n" + POOL,
         ["[data]: give either table (a path) or dataset"]),
        ("title = 't'\n[data]\nwhere = 'x == 1'\n" + POOL, ["[data]: give either table"]),
        (HEAD, ["it asks nothing: add a [[pool]]"]),
        (HEAD + '[[outcomes]]\noutcome = ["BMD"]', ["[[outcomes]] 1: outcome takes two outcomes"]),
        (HEAD + '[[outcomes]]\noutcome = ["BMD", "OCN"]\ntau2 = "DL"', ["tau2 must be one of"]),
        ("", ["the key 'title' is missing", "the key 'data' is missing"]),
        ('title = "t\nx', ["a.toml is no TOML", "line 1"]),
        (b"\xff\xfe", ["a.toml is not UTF-8 text (byte 0)"]),
        ("a = " + "[" * 5000, ["a.toml is nested too deeply"]),
        ("#" * 1_000_001, ["at most 1 MB"]),
        (f"{HEAD}{POOL}[[figure]]\nkind = 'funel'", ["kind must be one of 'forest', 'harvest'"]),
        (f"{HEAD}{POOL}[[figure]]\nkind = 'forest'\nformats = ['gif']",
         ["formats must be one of 'svg', 'pdf', 'png', 'tiff'; got 'gif'"]),
        (f"{HEAD}{POOL}[[figure]]\nkind = 'forest'\nwidth_mm = 4", ["width_mm must be from 40"]),
        (f"{HEAD}{POOL}[[figure]]\nkind = 'forest'\nxlim = [1, 'a']", ["xlim takes two numbers"]),
        (f"{HEAD}{POOL}[[figure]]\nkind = 'harvest'\nstyle = 'jama'",
         ["a harvest figure takes no 'style'"]),
        (f"{HEAD}[[direction]]\nby = ['a', 'b', 'c']", ["by takes one or two columns; got 3"]),
        (f"{HEAD}{POOL}measure = 'SDM'\nalign = 'yes'",
         ["2 problems", "measure must", "align must"]),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_said(text: str | bytes, parts: list[str]) -> None:
    message = refused(text)
    for part in parts:
        assert part in message


def test_all_problems_are_told_at_once() -> None:
    message = refused(f"{HEAD}colour = 1\n[[pool]]\noutcom = 'x'\n[[figure]]\nkind = 'pie'")
    assert message.count("\n  ") == 4


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.toml cannot be read"):
        read_spec(tmp_path / "nowhere.toml")


def test_an_answer_of_its_own_measure_takes_that_measures_variance() -> None:
    text = f"{HEAD}[effect]\nvariance = 'UB'\n{POOL}measure = 'ROM'\n{POOL}"
    spec = parse_spec(text.encode(), "a.toml")
    assert spec.pool[0].effect(spec.effect).variance == "LS"
    assert spec.pool[1].effect(spec.effect).variance == "UB"


def test_known_correlations_are_read() -> None:
    pairs = '[effect]\nrho_table = [{column = "site", a = "femur", b = "tibia", rho = 0.8}]\n'
    effect = parse_spec((HEAD + pairs + "time_decay = 0.0\n" + POOL).encode(), "a.toml").effect
    assert [pair.model_dump() for pair in effect.rho_table] == [
        {"column": "site", "a": "femur", "b": "tibia", "rho": 0.8}
    ]
    assert effect.time_decay == 0.0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rho_table = 3", "[effect]: rho_table takes a list of tables with column, a, b and rho"),
        ('rho_table = [{column = "site", a = "x", b = "y", rho = "z"}]',
         "[effect]: rho_table 1: rho takes a number; got 'z'"),
        ('rho_table = [{column = "site", a = "x", b = "y", rho = 1.5}]',
         "[effect]: rho_table 1: rho must be above -1 and below 1; got 1.5"),
        ('rho_table = [{column = "site", a = "x", b = "y", roh = 0.5}]',
         "[effect]: rho_table 1: unknown key 'roh'; did you mean 'rho'?"),
        ("time_decay = 1.5", "[effect]: time_decay must be at least 0 and below 1; got 1.5"),
        ("rho = 1.0", "[effect]: rho must be at least 0 and below 1; got 1.0"),
    ],
)  # fmt: skip
def test_correlations_that_cannot_be_are_said(line: str, words: str) -> None:
    assert words in refused(f"{HEAD}[effect]\n{line}\n{POOL}")


def test_a_bootstrap_of_less_than_nothing_is_refused() -> None:
    assert "[[pool]] 1: wild must be 0 or more; got -1" in refused(f"{HEAD}{POOL}wild = -1\n")
