"""The self-test agrees, covers every design, and would notice a fault."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from metabone.planning import selftest as module
from metabone.planning.designs import cases as published_cases
from metabone.planning.designs import registry
from metabone.planning.selftest import CASES, SelftestResult, _near, selftest
from metabone.planning.selftest_grid import GRID
from metabone.planning.simulation import CHUNK, simulate
from metabone.planning.statistics import SIMULATORS

HERE = Path(__file__).parent
SOURCE = json.loads((HERE / "data" / "planning.json").read_text(encoding="utf-8"))
PLANNED = [name for name, design in registry.DESIGNS.items() if design["size"] is not None]


@pytest.fixture(scope="module")
def result() -> SelftestResult:
    return selftest()


def test_everything_agrees(result: SelftestResult) -> None:
    assert result.ok, result.summary()
    assert len(result.published) > 180
    assert len(result.simulated) > 120


def test_every_design_with_a_power_is_simulated(result: SelftestResult) -> None:
    assert set(SIMULATORS) == set(PLANNED)
    assert {design for design, _ in GRID} == {*PLANNED, "assurance"}
    assert {item.design for item in result.simulated} == {*PLANNED, "assurance"}


def test_shipped_cases_are_the_published_ones() -> None:
    source = {case["id"]: case for case in SOURCE}
    for case in json.loads(CASES.read_text(encoding="utf-8")):
        known = source[case["id"]]
        assert case["source"] == known["source"]
        assert case["tolerance"] == known["tolerance"]
        if case["design"].startswith("assurance"):
            flat = str(known["expected"])
            for values in case["expected"].values():
                for value in values if isinstance(values, list) else [values]:
                    assert str(value) in flat
        else:
            assert case["inputs"] == known["inputs"]
            assert case["expected"].items() <= known["expected"].items()


def test_what_it_says(result: SelftestResult) -> None:
    lines = result.summary().splitlines()
    assert lines[0] == f"all {len(result.published)} published numbers agree"
    assert lines[1] == f"all {len(result.simulated)} simulated ones agree within 3 errors"
    assert any(line.startswith("group-sequential") for line in lines)
    held = result.to_dict()
    assert held["ok"] is True
    assert held["simulated"][0]["margin"] == result.simulated[0].margin
    assert set(held["versions"]) == {"metabone", "numpy", "scipy", "python"}


@pytest.mark.parametrize("off", [0.02, -0.02])
def test_a_fault_of_a_closed_form_is_noticed(monkeypatch: pytest.MonkeyPatch, off: float) -> None:
    plain = registry.power

    def wrong(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        answer = plain(name, inputs)
        return {**answer, "power": answer["power"] + off} if name == "paired" else answer

    monkeypatch.setattr(registry, "power", wrong)
    monkeypatch.setattr(module, "GRID", [case for case in GRID if case[0] in ("paired", "ranks")])
    result = selftest()
    far = [item for item in result.simulated if not item.ok]
    assert {item.design for item in far} == {"paired"}
    assert all(item.repeated and item.replicates == 80_000 for item in far)
    assert not result.ok
    assert "DISAGREES: paired" in result.summary()


def test_a_fault_of_a_published_case_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRID", ())
    monkeypatch.setattr(published_cases, "evaluate_case", lambda design, inputs: {})
    result = selftest()
    assert not any(item.ok for item in result.published if "assurance" not in item.design)
    assert "published numbers DISAGREE" in result.summary().splitlines()[0]

    def fails(design: str, inputs: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("no such thing")

    monkeypatch.setattr(published_cases, "evaluate_case", fails)
    assert "no such thing" in selftest().summary()


def test_nearness() -> None:
    assert _near(0.5000001, 0.5, 1e-6)
    assert not _near(0.50001, 0.5, 1e-6)
    assert not _near(float("nan"), 0.5, 1e-6)
    assert not _near(None, 0.5, 1e-6)
    assert not _near([1.0], [1.0, 2.0], 1e-6)
    assert not _near("0.5", 0.5, 1e-6)


def test_simulators_share_no_formula_with_the_designs() -> None:
    room = Path(module.__file__).parent
    allowed = {"metabone.planning.designs.inputs", "metabone.planning.designs.registry"}
    for path in (*room.glob("statistics*.py"), room / "critical.py", room / "trials.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert "kernel" not in node.module
                if node.module.startswith("metabone.planning.designs"):
                    assert node.module in allowed
                    assert {alias.name for alias in node.names} <= {"completed", "find"}


@pytest.mark.parametrize("number", [7, 28, 34, 46])
def test_counts_of_any_design_are_the_same_on_processes(number: int) -> None:
    design, inputs = GRID[number]
    results = [simulate(design, inputs, CHUNK + 900, seed=3, engine=engine, workers=2)
               for engine in ("threads", "processes")]  # fmt: skip
    assert results[0].rates == results[1].rates
    assert results[0].means == results[1].means
