"""The calculator's page answers as the planner does, is safe, and always the same."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from metabone.errors import DataError, UsageError
from metabone.planning.answer import answer_mde, answer_n, answer_power
from metabone.planning.answer_curve import curve
from metabone.planning.calculator.bridge import Desk, field_of, finite, plan_of
from metabone.planning.calculator.bundle import STAND_INS, bundle, portable
from metabone.planning.calculator.command import command_line, option_of, plan_toml
from metabone.planning.calculator.data import baked, describe
from metabone.planning.calculator.page import calculator_page, page_bundle, vendored
from metabone.planning.calculator.shims import (
    page_difflib,
    page_math,
    page_textwrap,
    page_words,
)
from metabone.planning.plan_file import Plan, parse_plan
from metabone.planning.plan_keys import KEYS
from metabone.planning.question import make_question
from metabone.planning.sensitivity import sensitivity
from metabone.planning.words import headline, summary
from metabone.report.plan_text import ethics_paragraph

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "metabone" / "planning" / "calculator"
POOLED = {
    "schema_version": "1.0", "measure": "SMD", "model": "multilevel", "tau2_method": "REML",
    "better": "higher", "synthetic": True,
    "overall": {"k_studies": 14, "k_effects": 21, "estimate": 1.1, "se": 0.2, "pi_df": 12.4,
                "sigma2": {"study": 0.3, "effect": 0.06}},
    "strata": [
        {"by": {"species": "rat"}, "pooled": True, "reason": None, "k_studies": 8, "k_effects": 12,
         "estimate": 1.4, "se": 0.22, "pi_df": 6.8, "sigma2": {"study": 0.2, "effect": 0.04}},
        {"by": {"species": "mouse", "assay": "DXA", "site": "femur"}, "pooled": True,
         "reason": None, "k_studies": 5, "k_effects": 8, "estimate": 0.7, "se": 0.3, "pi_df": 4.1,
         "sigma2": {"study": 0.25, "effect": 0.0}},
        {"by": {"species": "pig"}, "pooled": False, "reason": "1 study", "k_studies": 1},
    ],
}  # fmt: skip
RAT = {"species": "rat", "endpoint": "BV/TV", "unit": "%", "treatment": "exosomes"}
FISCHER = {"endpoint": "bv/tv", "species": "rats", "strain": "Fischer", "site": "metaphysis"}
MEANS = {"mean": 20, "sd": 4}
DESIGNS: dict[str, dict[str, Any]] = {
    "two-groups": {**MEANS, "difference": 5, "cage": 3, "losses": 0.1, "budget": 30},
    "two-groups-welch": {"mean": 20, "percent": 30,
                         "inputs": {"sd_control": 4, "sd_treated": 5, "ratio": 1.5}},
    "several-arms": {"sd": 4, "inputs": {"means": [20, 20, 25], "compare": [3, 1]}},
    "shared-control": {**MEANS, "difference": 5, "arms": 4},
    "two-by-two": {"sd": 4, "inputs": {"means": [20, 20, 12, 17]}},
    "cages-whole": {**MEANS, "difference": 5, "cage": 3, "icc": 0.2},
    "cages-within": {**MEANS, "difference": 5, "cage": 4, "icc": 0.2},
    "ancova": {"sd": 4, "baseline_correlation": 0.7,
               "inputs": {"means": [20, 25], "compare": [2, 1]}},
    "repeated-scans": {"sd": 4, "baseline_correlation": 0.7,
                       "inputs": {"means": [[20, 20], [20, 25]]}},
    "non-inferiority": {**MEANS, "difference": 5, "alpha": 0.025},
}  # fmt: skip


def requests() -> list[dict[str, Any]]:
    """Plans of every design of the page, with evidence, with shipped variability, refused ones."""
    found: list[dict[str, Any]] = []

    def ask(what: str, asked: str, **plan: Any) -> None:
        found.append({"id": len(found), "what": what, "asked": asked, "plan": plan})

    for name, words in DESIGNS.items():
        design = {"name": name, **words}
        ask("answer", "n", study=RAT, design=design)
        for asked in ("power", "mde"):
            ask("answer", asked, study=RAT, design={**design, "n": 8})
    for name in ("two-groups", "several-arms", "cages-whole"):
        ask("curve", "n", study=RAT, design={"name": name, **DESIGNS[name]})
        ask("grid", "n", study=RAT, design={"name": name, **DESIGNS[name]})
    ask("grid", "mde", design={"name": "two-groups", **MEANS, "n": 8})
    mice = {"site": "femur", "assay": "DXA", "species": "mouse"}
    for stratum in (None, {"species": "rat"}, mice):
        evidence = {"result": "pooled.json", "stratum": stratum, "assurance": 0.75}
        ask("answer", "n", evidence=evidence, design={"name": "two-groups", "sd": 4})
        ask("answer", "power", evidence=evidence, design={"name": "ancova", "sd": 4, "n": 9,
            "difference": 4, "baseline_correlation": 0.6})  # fmt: skip
    for method, wanted in (("dunnett", "each"), ("dunnett", "any"), ("holm", "all")):
        ask("answer", "n", evidence={"result": "pooled.json", "assurance": 0.75},
            design={"name": "shared-control", "sd": 4, "arms": 3,
                    "inputs": {"method": method, "question": wanted}})  # fmt: skip
    ask("curve", "n", evidence=evidence, design={"name": "two-groups", "sd": 4})
    ask("answer", "n", evidence={"result": "pooled.json", "assurance": 0.99},
        design={"name": "two-groups", "sd": 4})  # fmt: skip
    ask("answer", "n", study=FISCHER, design={"name": "two-groups", "percent": 30})
    for site in ("distal femur", "proximal tibia"):
        ask("answer", "n", study={"endpoint": "vBMD", "site": site, "species": "mouse"},
            design={"name": "ancova", "percent": 10})  # fmt: skip
    for study in ({"endpoint": "BV/TV"}, {"endpoint": "bone"}, {**FISCHER, "site": "skull"}):
        ask("answer", "n", study=study, design={"name": "two-groups", "percent": 30})
    ask("answer", "n", design={"name": "two-groups", "sd": -1, "alpha": 2})
    ask("answer", "n", design={"name": "two-grops", "sd": 1})
    ask("answer", "n", design={"sd": 1, "difference": 1, "inputs": {"ratoi": 2}})
    ask("answer", "power", design={"sd": 1, "difference": 1})
    ask("answer", "n", study={"species": "<b>\u2028"}, design={"sd": 1, "difference": 0})
    ask("all", "n", design={})
    return found


def alike(ours: Any, theirs: Any, place: str = "") -> None:
    """Texts to the letter, numbers to 1e-9."""
    if isinstance(ours, dict):
        assert set(ours) == set(theirs), place
        for key in ours:
            alike(ours[key], theirs[key], f"{place}.{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), place
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            alike(*pair, f"{place}[{index}]")
    elif isinstance(ours, float) and not isinstance(theirs, str | None):
        assert theirs == pytest.approx(ours, rel=1e-9, abs=1e-9), place
    else:
        assert ours == theirs, place


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("calculator")
    (place / "pooled.json").write_text(json.dumps(POOLED), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def data(folder: Path) -> dict[str, Any]:
    return baked([folder / "pooled.json"])


@pytest.fixture(scope="module")
def page_answers(folder: Path, data: dict[str, Any]) -> list[str]:
    """What MicroPython answers to `requests`."""
    if shutil.which("node") is None:
        assert os.environ.get("CI") != "true", "node is missing"
        pytest.skip("no node here")
    (folder / "bundle.json").write_text(json.dumps(page_bundle(data)), encoding="utf-8")
    lines = "\n".join(json.dumps(request, ensure_ascii=False) for request in requests())
    (folder / "requests.txt").write_text(lines.replace("\u2028", "\\u2028"), encoding="utf-8")
    command = ["node", str(Path(__file__).parent / "calculator.mjs"), str(FOLDER),
               str(folder / "bundle.json"), str(folder / "requests.txt")]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout.strip().split("\n")


def test_the_page_answers_as_the_planner(
    page_answers: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    desk = Desk(ethics_paragraph)
    assert len(page_answers) == len(requests())
    for request, theirs in zip(requests(), page_answers, strict=True):
        ours = json.loads(desk.ask(json.dumps(request)))
        alike(ours, json.loads(theirs), f"{request}: ")


def test_the_desk_answers_as_the_functions_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    functions = {"n": answer_n, "power": answer_power, "mde": answer_mde}
    desk, answered = Desk(ethics_paragraph), 0
    for request in requests():
        found = json.loads(desk.ask(json.dumps(request)))
        if not found["ok"]:
            continue
        question = make_question(plan_of(request["plan"]))
        answer = functions[request["asked"]](question, grid=False)
        if request["what"] == "answer":
            answered += 1
            content = answer.to_dict()
            del content["grid"]
            alike(json.loads(json.dumps(finite(content))), found["answer"])
            assert found["headline"] == headline(answer)
            assert found["summary"] == summary(answer)
            assert found["ethics"] == ethics_paragraph(answer)
            alike(finite(content["interval"]), found["interval"])
        elif request["what"] == "curve":
            assert found["power"] == [list(point) for point in curve(answer)]
        elif request["what"] == "grid":
            grid = sensitivity(answer)
            assert grid is not None
            alike(json.loads(json.dumps(grid.to_dict())), found["grid"])
    assert answered > 30


def test_file_and_command_say_the_same_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex

    from metabone.cli.plan_options import OPTIONS, parse_inputs, parse_stratum, sizes

    monkeypatch.chdir(tmp_path)
    options = {f"--{name.replace('_', '-')}": place for name, (place, _) in OPTIONS.items()}
    for request in requests():
        try:
            plan = plan_of(request["plan"])
        except UsageError:
            continue
        text = plan_toml(plan, "n")
        values = {name: dict(part) for name, part in plan.values.items() if part}
        again = {name: dict(part) for name, part in
                 parse_plan(text.encode(), "plan.toml").values.items() if part}  # fmt: skip
        assert again == values
        words = shlex.split(command_line(plan, "n"))
        assert words[:3] == ["metabone", "plan", "n"]
        said: dict[str, dict[str, Any]] = {}
        for option, value in zip(words[3::2], words[4::2], strict=True):
            if option == "--set":
                inputs = said.setdefault("design", {}).setdefault("inputs", {})
                inputs |= parse_inputs([value])
            elif option == "--stratum":
                stratum = said.setdefault("evidence", {}).setdefault("stratum", {})
                stratum |= parse_stratum([value])
            elif option == "--from-meta":
                said.setdefault("evidence", {})["result"] = value
            else:
                section, key = options[option]
                kind = next(k.kind for k in KEYS if (k.section, k.name) == (section, key))
                read = sizes if kind == "counts" else str if kind == "text" else json.loads
                said.setdefault(section, {})[key] = read(value)
        assert said == values


def test_every_key_has_its_option_or_none() -> None:
    from metabone.cli.plan_options import OPTIONS

    place = {where: name for name, (where, _) in OPTIONS.items() if where is not None}
    special = {("evidence", "result"): "--from-meta", ("evidence", "stratum"): "--stratum",
               ("design", "inputs"): "--set"}  # fmt: skip
    for key in KEYS:
        where = (key.section, key.name)
        wanted = special.get(where)
        if wanted is None and where in place:
            wanted = "--" + place[where].replace("_", "-")
        assert option_of(*where) == wanted, where


def test_a_plan_that_options_cannot_say_is_answered_by_its_file() -> None:
    plan = Plan({"study": {"groups": ["a", "b"]}, "design": {"sd": 1, "difference": 1}})
    assert command_line(plan, "n") == "metabone plan n --plan plan.toml"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("[design]: alpha must be between 0 and 1; got 7", "alpha"),
        ("[design]: give either sd or cv, not both", "sd"),
        ("two-groups: sd must be above 0", "sd"),
        ("say how many: --n (the design's n), or n in [design]", "n"),
        ("there is no design 'x'; there are ancova", "name"),
        ("give --baseline-correlation: say more (--site) to take it", "baseline_correlation"),
        ("nothing of the kind", None),
    ],
)
def test_a_refusal_names_its_field(said: str, field: str | None) -> None:
    assert field_of(said, {"design": {"name": "two-groups"}}) == field


def test_numbers_are_written_as_python_writes_them() -> None:
    draw = random.Random(1)
    specs = ["", ".3g", ".0f", ",.0f", ",.1f", "+.0f", ".2f", "g", ".0%", ".6f", ".1e", ">8.3g"]
    values = [draw.uniform(-1, 1) * 10 ** draw.randint(-9, 12) for _ in range(400)]
    values += [0.0, 0.5, 1.5, 2.5, 0.125, 999.5, 9995.0, 0.00009995, 1e22, 5e-324, math.inf]
    for value in values:
        for spec in specs:
            assert page_words.formatted(value, spec) == format(value, spec), (value, spec)
    for value in (0, 7, 1234567, -1000):
        for spec in ("", ",", ">6", ",.0f", "g"):
            assert page_words.formatted(value, spec) == format(value, spec)
    for text, spec in (("a", ">4"), ("a", "<4"), ("a", "^4"), ("abc", ">2")):
        assert page_words.formatted(text, spec) == format(text, spec)
    for shown in ("it's", 'a"b', "a'\"", "\n\x00é\u2028", [1, "b"], (1,), {"a": 0.1}, None, True):
        assert page_words.shown(shown) == repr(shown) or "\u2028" in str(shown)


def test_words_are_compared_and_filled_as_python_does() -> None:
    import difflib
    import textwrap

    draw = random.Random(2)
    known = ["two-groups", "two-by-two", "ancova", "cages-whole", "ratio", "sd_control", "rho"]
    for _ in range(300):
        word = "".join(draw.choice("aotwi-sgrc") for _ in range(draw.randint(1, 9)))
        assert page_difflib.get_close_matches(word, known, 3, 0.5) == difflib.get_close_matches(
            word, known, 3, 0.5
        )
        text = " ".join("x" * draw.randint(1, 30) for _ in range(draw.randint(0, 30)))
        more = {"initial_indent": "! ", "subsequent_indent": "  ", "break_long_words": False,
                "break_on_hyphens": False}  # fmt: skip
        assert page_textwrap.fill(text, 40, **more) == textwrap.fill(text, 40, **more)
    for x in (1e-12, -1e-9, 0.3, 5.0, -0.9):
        assert page_math.log1p(x) == pytest.approx(math.log1p(x), rel=1e-14)
        assert page_math.expm1(x) == pytest.approx(math.expm1(x), rel=1e-14)
    assert page_math.hypot(3e200, 4e200) == pytest.approx(5e200)
    for word in ("ÉTÉ", "µCT", "Straße", "ΑΒ", "plain"):
        assert page_words.casefold(word) == word.casefold()


def test_what_micropython_lacks_is_said_otherwise() -> None:
    source = (
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True, slots=True)\n"
        "class A:\n    x: int\n    y: int = 2\n"
        "def f(a: int, *rest: int) -> list[int]:\n"
        "    return [*rest, a, *{**{'k': a}, 'm': 1}.values()]\n"
        "def g(x: float, w: int) -> str:\n    return f'{x!r} {x:>{w}.2f} {{}}'\n"
    )
    text = portable(source)
    for word in ("@dataclass", "*rest,", "**", "->", "{x!r}"):
        assert word not in text
    space: dict[str, Any] = {}
    exec(text.replace("import page_words as _w", ""), {"_w": page_words}, space)  # noqa: S102
    assert (space["A"](1).x, space["A"](1).y, space["A"].FIELDS) == (1, 2, ("x", "y"))
    assert space["f"](3, 1, 2) == [1, 2, 3, 3, 1]
    assert space["g"](1.5, 6) == "1.5   1.50 {}"


def test_the_bundle_imports_nothing_that_is_not_in_it() -> None:
    import ast

    sources = bundle()
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
               for path in sources}  # fmt: skip
    for path, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                inside = node.module in modules or any(name in modules for name in names)
                # Tables of the user's own are refused before they would be read.
                own = path.endswith("/spread.py") and str(node.module).startswith(
                    "metabone.extraction."
                )
                assert inside or own or node.module in ("math", "collections"), (path, node.module)
            if isinstance(node, ast.Import):
                for alias in node.names:
                    assert alias.name in {*modules, "math", "json"}, (path, alias.name)
    assert set(STAND_INS.values()) <= modules


def test_the_variability_of_the_page_is_that_of_the_planner(data: dict[str, Any]) -> None:
    from metabone.planning.spread import shipped_spread

    rows = describe(data)["variability"]
    assert len(rows) > 50
    for row in rows[::7]:
        found = shipped_spread(Plan({"study": {key: row[key] for key in
            ("endpoint", "species", "strain", "sex", "site", "assay")}}))  # fmt: skip
        assert (row["cv"], row["source"], row["notes"]) == (
            found["cv"], found["source"], found["notes"])  # fmt: skip


def test_evidence_is_offered_by_stratum_and_the_rest_named(data: dict[str, Any]) -> None:
    found = describe(data)
    assert [row["label"] for row in found["evidence"]] == ["overall", "rat", "mouse × DXA × femur"]
    assert all(row["synthetic"] for row in found["evidence"])
    assert [(row["label"], row["reason"]) for row in found["left_out"]] == [
        ("pig", "the stratum 'pig' was not pooled: 1 study")
    ]


def test_the_page_is_one_safe_text_and_always_the_same(folder: Path) -> None:
    hostile = folder / "<!--<script>.json"
    hostile.write_text(json.dumps({**POOLED, "unit": "</script><script>alert(1)</script>"}),
                       encoding="utf-8")  # fmt: skip
    page = calculator_page([hostile])
    assert page == calculator_page([hostile])
    assert len(page.encode()) < 1_000_000
    assert "alert(1)</script>" not in page
    assert "<!--<script>" not in page
    assert "http-equiv" in page
    assert page.count("<script") == page.count("</script>")
    assert "{{" not in page.split("<script", 1)[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "must be a result"),
        ('{"coefficients": []}', "no regressions"),
        (json.dumps({**POOLED, "tau2_method": "EE", "strata": []}), "equal effects"),
    ],
)
def test_what_is_no_evidence_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        baked([path])


def test_two_results_of_one_name_are_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "pooled.json"
    other.write_text(json.dumps(POOLED), encoding="utf-8")
    with pytest.raises(UsageError, match=r"two results are called pooled\.json"):
        baked([folder / "pooled.json", other])
    with pytest.raises(DataError, match="cannot be read"):
        baked([tmp_path / "none.json"])


def test_a_damaged_file_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from metabone.planning.calculator import page

    monkeypatch.setitem(page.VENDORED, "micropython.wasm", "0" * 64)
    with pytest.raises(DataError, match="damaged"):
        vendored("micropython.wasm")
    readme = (FOLDER / "vendor" / "README.md").read_text(encoding="utf-8")
    assert page.VENDORED["micropython.mjs"] in readme
