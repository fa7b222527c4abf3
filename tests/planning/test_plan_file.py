from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.errors import UsageError
from metabone.planning.plan_file import Plan, parse_plan, read_plan, template, toml_value
from metabone.planning.plan_keys import KEYS, SECTIONS

TEXT = b"""
title = "Exosomes"
[study]
endpoint = "BV/TV"
[design]
name = "two-groups"
mean = 12
cv = 25.0
difference = -3.5
losses = 0.1
[design.inputs]
ratio = 2
[evidence]
result = "pool.json"
stratum = { species = "rat" }
"""


def refused(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_plan(text.encode("utf-8"), "p.toml")
    return str(caught.value)


def test_reads_what_is_written() -> None:
    plan = parse_plan(TEXT, "p.toml")
    assert plan.get("", "title") == "Exosomes"
    assert plan.get("design", "difference") == -3.5
    assert plan.get("design", "inputs") == {"ratio": 2}
    assert plan.get("evidence", "stratum") == {"species": "rat"}
    assert plan.get("design", "sd") is None


def test_paths_start_at_the_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(TEXT)
    assert read_plan(path).path("evidence", "result") == tmp_path / "pool.json"
    assert read_plan(path).path("allocation", "animals") is None


def test_options_replace_what_the_file_says() -> None:
    plan = parse_plan(TEXT, "p.toml").with_values("design", {"sd": 2.0, "percent": None})
    assert plan.get("design", "sd") == 2.0
    assert plan.get("design", "cv") is None
    assert plan.get("design", "difference") == -3.5
    with pytest.raises(UsageError, match="alpha must be between 0 and 1; got 5"):
        plan.with_values("design", {"alpha": 5})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[design]\nsd = 1\ncv = 2", "either sd or cv, not both"),
        ("[design]\ndifference = 1\npercent = 2", "either difference or percent, not both"),
        ("[design]\nslphs = 1", "unknown key 'slphs'"),
        ("[design]\nalfa = 1", "unknown key 'alfa'; did you mean 'alpha'?"),
        ("[desing]\nsd = 1", "unknown table [desing]; did you mean [design]?"),
        ("[design]\nendpoint = 'BMD'", "unknown key 'endpoint'; it stands in [study]"),
        ("[design]\nsd = 0", "sd must be above 0; got 0"),
        ("[design]\nsd = nan", "sd must be above 0; got nan"),
        ("[design]\nn = 6.5", "n takes a whole number or a list of them; got 6.5"),
        ("[design]\nn = true", "n takes a whole number or a list of them; got True"),
        ("[design]\nn = [8, 0]", "n must be at least 1; got 0"),
        ("[design]\nn = []", "n takes a whole number or a list"),
        ("[design]\nsides = 3", "sides must be from 1 to 2; got 3"),
        ("[design]\nlosses = 1.0", "from 0 to 0.9 (a share: 0.1 is 10 %); got 1.0"),
        ("[design]\nmean = inf", "mean must be a finite number; got inf"),
        ("[design]\nsd = '2'", "sd takes a number; got '2'"),
        ("design = 3", "design is a table"),
        ("[study]\ngroups = ['a', 2]", "groups takes a list of texts"),
        ("title = ", "is no TOML"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    assert message in refused(text)


def test_all_problems_at_once() -> None:
    said = refused("[design]\nsd = 0\nalfa = 1\n[study]\nspecies = 3")
    assert said.startswith("p.toml: 3 problems:")
    assert said.count("\n") == 3


def test_refuses_other_bytes() -> None:
    with pytest.raises(UsageError, match="not UTF-8"):
        parse_plan(b"title = '\xff'", "p.toml")
    with pytest.raises(UsageError, match="at most 1 MB"):
        parse_plan(b"#" * 1_000_001, "p.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_plan(Path("no/such.toml"))


def test_the_template_is_a_plan_and_names_every_key() -> None:
    text = template()
    assert parse_plan(text.encode("utf-8"), "t.toml").get("design", "alpha") == 0.05
    for key in KEYS:
        assert f"{key.name} = {key.example}  # {key.meaning}" in text


def test_no_number_of_an_example_is_taken_for_the_users() -> None:
    design = tomllib.loads(template())["design"]
    assert set(design) == {"name", "alpha", "sides", "power"}


def test_every_example_is_what_its_key_takes() -> None:
    bare = [line.removeprefix("# ") for line in template().splitlines()]
    pairs = (" = 25 ", " = 30 ")  # cv and percent exclude sd and difference
    text = "\n".join(line for line in bare if not any(pair in line for pair in pairs)
                     and ("=" in line or line.startswith("[")) and "metabone plan" not in line[:60]
                     and not line.startswith("How"))  # fmt: skip
    assert set(parse_plan(text.encode("utf-8"), "t.toml").values) == {"", *SECTIONS}


def test_the_template_keeps_what_it_is_given() -> None:
    values = {"": {"title": 'A "b" \\ c'}, "design": {"cv": 25.0, "inputs": {"ratio": 2}}}
    plan = parse_plan(template(values).encode("utf-8"), "t.toml")
    assert plan.get("", "title") == 'A "b" \\ c'
    assert plan.get("design", "cv") == 25.0
    assert plan.get("design", "inputs") == {"ratio": 2}


tomlish = st.recursive(
    st.text() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(tomlish)
def test_values_are_written_so_that_they_are_read_again(value: object) -> None:
    try:
        text = f"x = {toml_value(value)}"
        text.encode("utf-8")
    except UnicodeEncodeError:
        return
    assert tomllib.loads(text)["x"] == value


def test_a_plan_without_a_file() -> None:
    assert Plan().get("design", "alpha", 0.05) == 0.05
    assert Plan().with_values("design", {"sd": None}) == Plan()
