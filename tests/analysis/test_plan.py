"""Answers get names, figures find their answers, and what is not clear is refused."""

from __future__ import annotations

import pytest

from metabone.analysis.plan import Plan, make_plan, slug
from metabone.analysis.spec import parse_spec
from metabone.errors import UsageError

HEAD = "title = 't'\n[data]\ndataset = 'unloading'\n"


def planned(text: str) -> Plan:
    return make_plan(parse_spec((HEAD + text).encode(), "a.toml"))


def test_answers_are_named_after_their_outcomes() -> None:
    plan = planned(
        "[[pool]]\noutcome = 'BV/TV'\n[[pool]]\noutcome = 'BV/TV'\nmeasure = 'ROM'\n"
        "[[pool]]\noutcome = ['Tb.N', 'Tb.Th']\n[[regress]]\noutcome = 'BV/TV'\nformula = 'a'\n"
        "[[direction]]\n"
    )
    assert [task.name for task in plan.tasks] == [
        "bv-tv", "bv-tv-2", "tb-n-tb-th", "regress-bv-tv", "direction",
    ]  # fmt: skip


def test_a_name_of_the_file_goes_before_a_made_one() -> None:
    plan = planned("[[pool]]\noutcome = 'BMD'\n[[pool]]\noutcome = 'BV/TV'\nname = 'bmd'\n")
    assert [task.name for task in plan.tasks] == ["bmd-2", "bmd"]


def test_two_equal_names_are_refused() -> None:
    with pytest.raises(UsageError, match="two answers or figures are called 'B'"):
        planned("[[pool]]\noutcome = 'x'\nname = 'b'\n[[pool]]\noutcome = 'y'\nname = 'B'\n")


def test_names_become_harmless_file_names() -> None:
    assert slug("../../etc/passwd") == "etc-passwd"
    assert slug("N.Oc/B.Pm") == "n-oc-b-pm"
    assert len(slug("x" * 500)) == 60


TWO = "[[pool]]\noutcome = 'BV/TV'\nby = ['species']\n[[pool]]\noutcome = 'BV/TV'\nname = 'b'\n"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (TWO + "[[figure]]\nkind = 'forest'\npool = 'b'\n", "b"),
        (TWO + "[[figure]]\nkind = 'forest'\npool = 'bv-tv'\nby = 'species'\n", "bv-tv"),
        ("[[pool]]\noutcome = 'BV/TV'\n[[figure]]\nkind = 'forest'\noutcome = 'bv/tv'\n", "bv-tv"),
        ("[[direction]]\n[[figure]]\nkind = 'harvest'\n", "direction"),
    ],
)
def test_a_figure_finds_its_answer(text: str, answer: str) -> None:
    assert planned(text).drawings[0].answer == answer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TWO + "[[figure]]\nkind = 'forest'\n", "say which [[pool]] to draw: pool = one of"),
        (TWO + "[[figure]]\nkind = 'forest'\npool = 'bvtv'\n", "did you mean 'bv-tv'?"),
        (TWO + "[[figure]]\nkind = 'forest'\noutcome = 'BMD'\n", "with the outcome 'BMD' to draw"),
        (TWO + "[[figure]]\nkind = 'harvest'\n", "there is no [[direction]] to draw"),
        (TWO + "[[figure]]\nkind = 'forest'\npool = 'bv-tv'\nby = 'site'\n",
         "stratified by species; a figure shows only what the tables hold"),
    ],
)  # fmt: skip
def test_a_figure_without_a_clear_answer_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        planned(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("[[figure]] 1: ")
