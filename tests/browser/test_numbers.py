"""The page gives the planner's own numbers, on two hundred plans over all its designs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from metabone.files import plain
from metabone.planning.answer_curve import assurance_points, curve
from metabone.planning.words import headline, summary

from .conftest import Watched
from .plans import CASES, Case, python_answer

PAGE_DESIGNS = {
    "two-groups", "two-groups-welch", "several-arms", "shared-control", "ancova", "cages-whole",
    "cages-within", "two-by-two", "repeated-scans", "non-inferiority",
}  # fmt: skip


def differences(page: Any, planner: Any, place: str = "") -> list[str]:
    """Where two answers differ: words at all, numbers by more than 1e-6 of themselves."""
    if isinstance(planner, Mapping):
        if not isinstance(page, Mapping) or set(page) != set(planner):
            keys = set(page) if isinstance(page, Mapping) else page
            return [f"{place}: {keys} and {set(planner)}"]
        return [
            d for key in planner for d in differences(page[key], planner[key], f"{place}.{key}")
        ]
    if isinstance(planner, list):
        if not isinstance(page, list) or len(page) != len(planner):
            return [f"{place}: {page} and {planner}"]
        pairs = enumerate(zip(page, planner, strict=True))
        return [d for i, (a, b) in pairs for d in differences(a, b, f"{place}[{i}]")]
    number = isinstance(planner, (int, float)) and not isinstance(planner, bool)
    if number and isinstance(page, (int, float)) and not isinstance(page, bool):
        close = math.isclose(page, planner, rel_tol=1e-6, abs_tol=1e-12)
        return [] if close else [f"{place}: {page!r} and {planner!r}"]
    # True is no 1, although Python calls them equal.
    same = page == planner and isinstance(page, bool) == isinstance(planner, bool)
    return [] if same else [f"{place}: {page!r} and {planner!r}"]


def key_of(desk: Watched, case: Case) -> str | None:
    """The name that the case's evidence has in the page."""
    if case.file is None:
        return None
    shelf = desk.page.evaluate("() => JSON.parse(document.getElementById('data').textContent)")
    wanted = dict(case.stratum) or None
    keys = {one["key"] for one in shelf["evidence"]
            if one["file"] == case.file and (one["stratum"] or None) == wanted}  # fmt: skip
    assert len(keys) == 1, (case, keys)
    return str(keys.pop())


def request(desk: Watched, case: Case, what: str) -> dict[str, Any]:
    return {"what": what, "asked": case.asked, "plan": case.plan(key_of(desk, case))}


def as_page(value: Any) -> Any:
    """A value as it comes out of JSON."""
    return json.loads(json.dumps(plain(value)))


def test_there_are_two_hundred_plans_of_every_design() -> None:
    cases = [case for family in CASES.values() for case in family]
    assert len(cases) == 200
    assert len({str(case) for case in cases}) == 200
    assert {case.design for case in cases} == PAGE_DESIGNS
    assert {case.asked for case in cases} == {"n", "power", "mde"}
    assert sum(case.file is not None for case in cases) == 20


@pytest.mark.parametrize("family", CASES)
def test_answers_are_the_planners(desk: Watched, results: Path, family: str) -> None:
    wrong = []
    for case in CASES[family]:
        answer = python_answer(case, results)
        page = desk.ask(request(desk, case, "answer"))
        if not page["ok"]:
            wrong.append(f"{case}: {page['error']}")
            continue
        planner = as_page(answer.to_dict())
        for one in (planner, page["answer"]):
            for silent in ("grid", "plan"):  # asked for alone; holds the path of the evidence
                one.pop(silent, None)
        found = differences(page["answer"], planner)
        found += differences(page["headline"], headline(answer), "headline")
        found += differences(page["summary"], summary(answer), "summary")
        wrong += [f"{case}: {one}" for one in found]
    assert wrong == []


@pytest.mark.parametrize("family", CASES)
def test_curves_and_sensitivity_are_the_planners(desk: Watched, results: Path, family: str) -> None:
    case = CASES[family][0]
    answer = python_answer(case, results, grid=True)
    page = desk.ask(request(desk, case, "curve"))
    assert differences(page["power"], as_page(curve(answer))) == []
    assert page["assurance"] is None
    assert answer.grid is not None
    grid = desk.ask(request(desk, case, "grid"))["grid"]
    assert differences(grid, as_page(answer.grid.to_dict())) == []


def test_the_curve_of_evidence_has_assurance_and_its_ceiling(desk: Watched, results: Path) -> None:
    case = next(c for c in CASES["two_groups"] if c.file == "ten.json" and c.asked == "n")
    answer = python_answer(case, results)
    page = desk.ask(request(desk, case, "curve"))
    assert differences(page["assurance"], as_page(assurance_points(answer))) == []
    # Chance that a t of 8 df, scale √(.64 + .25²) around 1.5, has the expected sign.
    assert page["ceiling"] == pytest.approx(0.94435, abs=1e-5)
    assert max(chance for _, chance in page["assurance"]) < page["ceiling"]


def test_a_difference_of_a_millionth_is_seen() -> None:
    assert differences({"a": [1.0, "x", None]}, {"a": [1.0 + 5e-7, "x", None]}) == []
    for page in ({"a": [1.000002, "x", None]}, {"a": [1.0, "y", None]}, {"a": [1.0, "x", 0.0]},
                 {"a": [1.0, "x"]}, {"b": 1}, {"a": [True, "x", None]}):  # fmt: skip
        assert differences(page, {"a": [1.0, "x", None]}) != []


@pytest.mark.parametrize(
    ("plan", "field", "words"),
    [
        ({"design": {"name": "two-groups", "difference": 1}}, "sd", "how much do animals vary"),
        ({"design": {"sd": 1, "difference": 1, "alpha": 5}}, "alpha", "between 0 and 1"),
        ({"design": {"sd": 0, "difference": 1}}, "sd", "above 0"),
        ({"design": {"sd": 1, "difference": 1, "losses": 2}}, "losses", "from 0 to 0.9"),
        ({"design": {"sd": "1", "difference": 1}}, "sd", "takes a number"),
        ({"design": {"sd": 1, "difference": 1, "sds": 1}}, None, "did you mean"),
        ({"design": {"name": "two-gruops", "sd": 1, "difference": 1}}, "name", "did you mean"),
        ({"design": {"sd": 1}}, None, "difference"),
        ({"evidence": {"result": "../../etc/passwd"}}, None, ""),
        ({"evidence": {"result": "__proto__"}}, None, ""),
        ({"study": {"endpoint": "no such thing", "species": "rat"}, "design": {"percent": 30}},
         None, ""),
        ({"attic": {"sd": 1}}, None, "attic"),
        ({"design": {"sd": 1e-320, "difference": 1e300}}, None, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_words(
    desk: Watched, plan: dict[str, Any], field: str | None, words: str
) -> None:
    for what in ("answer", "curve", "grid"):
        page = desk.ask({"what": what, "asked": "n", "plan": plan})
        assert page["ok"] is False, page
        assert words in page["error"]
        assert len(page["error"]) > 10
        assert "Traceback" not in page["error"]
        if field is not None:
            assert page["field"] == field
    # The next plan is answered as ever.
    good = {"design": {"mean": 20, "cv": 20, "percent": 30}}
    assert desk.ask({"what": "answer", "asked": "n", "plan": good})["answer"]["size"] == 9


def test_the_desk_was_calm(desk: Watched) -> None:
    assert desk.said == []
    assert desk.strangers() == []
