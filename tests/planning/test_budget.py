"""A budget of animals: what it buys, and when it is too small."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from metabone.errors import UsageError
from metabone.planning.answer import answer_n, answer_power
from metabone.planning.assured import assurance_at
from metabone.planning.designs.animals import animals_started
from metabone.planning.designs.registry import find
from metabone.planning.plan_file import Plan
from metabone.planning.predictive import Predictive
from metabone.planning.question import Question, make_question
from metabone.planning.words import summary

RATS = {"mean": 20.0, "cv": 20.0, "percent": 30.0, "losses": 0.1}


def question(**design: Any) -> Question:
    return make_question(Plan({"design": {**RATS, **design}}))


def test_too_small_a_budget_warns_and_says_what_it_buys() -> None:
    # 9 a group, 10 with losses: 20. Of 15 animals 7 a group start and 6 are expected at the end.
    answer = answer_n(question(budget=15), grid=False)
    found = answer.to_dict()["budget"]
    assert (found["animals"], found["within"], found["size"]) == (15, False, 6)
    assert found["n_total_with_losses"] == 14
    assert found["power"] == pytest.approx(find("two-groups")["power"](
        {"difference": 6.0, "sd": 4.0, "n": 6})["power"])  # fmt: skip
    assert found["assurance"] is None
    assert answer.warnings[0].startswith("The answer takes 20 animals, the budget is 15")
    assert "budget      15 animals in all pay for 6 animals a group" in summary(answer)


def test_a_budget_that_is_enough_does_not_warn() -> None:
    answer = answer_n(question(budget=20), grid=False)
    assert answer.budget is not None
    assert (answer.budget["within"], answer.budget["size"]) == (True, 9)
    assert not any("budget" in warning for warning in answer.warnings)


def test_no_study_at_all() -> None:
    answer = answer_power(question(budget=3, n=8), grid=False)
    assert answer.budget is not None
    assert answer.budget["size"] is None
    assert "too small for this design" in answer.warnings[0]
    assert "do not pay" in summary(answer)


def test_evidence_and_an_unreachable_target() -> None:
    asked = replace(question(budget=40), predictive=Predictive(0.2, 1.0, 5), assured=True)
    answer = answer_n(asked, grid=False)
    assert not answer.reachable
    assert answer.budget is not None
    assert answer.budget["within"] is None
    assert answer.budget["assurance"] == pytest.approx(assurance_at(asked, answer.budget["size"]))
    assert "cannot reach the target" in answer.warnings[0]


def test_a_budget_is_a_whole_number_of_animals() -> None:
    for wrong in (0, 2.5, "many"):
        with pytest.raises(UsageError, match="budget"):
            Plan().with_values("design", {"budget": wrong})


ARMS = {"means": [1, 2, 3], "compare": [3, 1], "sd": 1.0}
PAIR = {"difference": 1.0, "sd": 1.0}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("two-groups", {**PAIR, "ratio": 1.5}),
    ("two-groups-welch", {"difference": 1.0, "sd_control": 1.0, "sd_treated": 2.0}),
    ("paired", {**PAIR, "correlation": 0.5}),
    ("several-arms", ARMS),
    ("shared-control", {**PAIR, "treated_arms": 3, "allocation": "sqrt", "method": "bonferroni"}),
    ("two-by-two", {"means": [1, 1, 1, 2], "sd": 1.0}),
    ("cages-whole", {**PAIR, "animals_per_cage": 3, "cluster_losses": 0.2, "ratio": 2}),
    ("cages-within", {**PAIR, "animals_per_cage": 4, "cluster_losses": 0.2}),
    ("litters-whole", {**PAIR, "animals_per_litter": 3}),
    ("litters-within", {**PAIR, "animals_per_litter": 4}),
    ("randomised-blocks", ARMS),
    ("ancova", {**ARMS, "correlation": 0.5}),
    ("repeated-scans", {"means": [[0, 0], [0, 1]], "sd": 1.0, "correlation": 0.5}),
    ("co-primary", {"differences": [1, 1], "sds": [1, 1]}),
    ("equivalence", {"sd": 1.0, "margin": 1.0}),
    ("non-inferiority", {"sd": 1.0, "margin": 1.0}),
    ("equivalent-ratio", {"cv": 20}),
    ("fold-change", {"cv": 20, "fold": 2.0}),
    ("ranks", PAIR),
    ("interval-width", {"sd": 1.0, "half_width": 1.0}),
    ("group-sequential", PAIR),
    ("resource-equation", {"groups": 4}),
]


@pytest.mark.parametrize(("name", "inputs"), CASES, ids=[name for name, _ in CASES])
@pytest.mark.parametrize("size", [4, 7])
def test_animals_are_those_of_the_answer(name: str, inputs: dict[str, Any], size: int) -> None:
    design = find(name)
    sized = {**inputs, "losses": 0.13, design["size"] or "n": size}
    assert animals_started(design, sized) == design["power"](sized)["n_total_with_losses"]


def test_all_designs_are_among_the_cases() -> None:
    from metabone.planning.designs.registry import DESIGNS

    assert {name for name, _ in CASES} == set(DESIGNS)
