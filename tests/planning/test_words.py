"""What an answer says to people: what its numbers count, and what a slip of the hand is told."""

from __future__ import annotations

from typing import Any

import pytest

from metabone.errors import UsageError
from metabone.planning.answer import Answer, answer_mde, answer_n, answer_power
from metabone.planning.plan_file import Plan
from metabone.planning.question import Question, make_question
from metabone.planning.words import size_words, summary

DESIGN = {"mean": 20, "cv": 20, "percent": 30}


def question(**more: Any) -> Question:
    return make_question(Plan({"study": {"species": "rat"}, "design": {**DESIGN, **more}}))


def without_effect(name: str, **more: Any) -> Question:
    design = {"name": name, "mean": 20, "sd": 4, **more}
    return make_question(Plan({"design": design}))


def test_sizes_after_losses_are_said_to_be_those_at_the_end() -> None:
    lost = summary(answer_n(question(losses=0.1, budget=22)))
    assert lost.startswith("10 rats a group, 20 in all (18 expected at the end)")
    assert "sensitivity rats a group at the end by SD and difference" in lost
    # 22 / 2 x 0.9 = 9.9 and 24 / 2 x 0.9 = 10.8 animals are left: 9 of 10 and 10 of 12.
    assert "22 animals in all pay for 9 rats a group at the end, 20 to start with" in lost
    whole = summary(answer_n(question(budget=22)))
    assert "sensitivity rats a group by SD and difference" in whole
    assert "22 animals in all pay for 11 rats a group, 22 in all" in whole
    assert size_words(question(icc=0.3, cage=3, losses=0.1)) == "cages"


def test_a_note_is_no_part_of_the_line_above_it() -> None:
    text = summary(answer_n(make_question(Plan({"design": {"cv": 20, "percent": 30}}))))
    assert "note        no mean was given: everything is in per cent of the control mean" in text


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("dunnett", "Dunnett's test against"), ("holm", "t tests with Holm's correction against"),
        ("bonferroni", "t tests with Bonferroni's correction against"),
        ("none", "t tests without correction against"),
    ],
)  # fmt: skip
def test_the_test_has_its_name(method: str, words: str) -> None:
    made = question(name="shared-control", arms=3, inputs={"method": method})
    assert f"test        {words} the shared control" in summary(answer_n(made))


def detectable(name: str, **more: Any) -> Answer:
    return answer_mde(without_effect(name, n=8, **more))


def test_several_arms_have_a_detectable_difference_without_any_means() -> None:
    found = detectable("several-arms", arms=4)
    # As with a difference given, which only says where the search may begin.
    given = answer_mde(without_effect("several-arms", arms=4, n=8, difference=1))
    assert found.outputs["effect"] == pytest.approx(given.outputs["effect"], rel=1e-8)
    assert len(found.outputs["n"]) == 4
    # Two arms are two groups.
    two, pair = detectable("several-arms", arms=2), detectable("two-groups")
    assert two.outputs["effect"] == pytest.approx(pair.outputs["effect"], rel=1e-6)
    assert detectable("two-by-two").outputs["effect"] > found.outputs["effect"]


@pytest.mark.parametrize("name", ["several-arms", "two-by-two", "repeated-scans"])
def test_without_a_difference_the_plan_says_what_to_give(name: str) -> None:
    more = {"baseline_correlation": 0.7} if name == "repeated-scans" else {}
    asked = without_effect(name, n=8, **more)
    for answer in (answer_n, answer_power):
        with pytest.raises(UsageError, match=f"{name}: give the smallest difference.*--percent"):
            answer(asked)
