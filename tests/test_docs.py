"""The documentation keeps up: every command, option, analysis key and result field is in it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from metabone._version import __version__
from metabone.analysis.compute import compute, read_data
from metabone.analysis.plan import make_plan
from metabone.analysis.provenance import provenance
from metabone.analysis.spec import SECTIONS, AnalysisSpec, parse_spec
from metabone.cli import COMMANDS, GROUPS, build_app, main
from metabone.extraction.shipped import list_datasets
from metabone.options import (
    VARIANCES,
    CIMethod,
    FigureFormat,
    Measure,
    PIMethod,
    Style,
    Tau2Method,
    choices,
)
from metabone.planning.plan_keys import SECTIONS as PLAN_SECTIONS
from metabone.planning.plan_keys import keys_of
from metabone.planning.question import design_names, find_design
from metabone.report.check import check_table

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def page(name: str) -> str:
    path = DOCS / name
    assert path.is_file(), f"docs/{name} is missing"
    return path.read_text(encoding="utf-8")


def code_words(text: str) -> set[str]:
    """Everything that stands in backticks, and every word of it."""
    spans = re.findall(r"`([^`\n]+)`", text) + re.findall(r"```.*?\n(.*?)```", text, re.DOTALL)
    return {word for span in spans for word in (span, *re.findall(r"[\w./-]+", span))}


def options() -> Iterator[tuple[str, str]]:
    """(command, spelling) of every option of every command."""
    root: Any = typer.main.get_command(build_app())
    for name, command in root.commands.items():
        for each in (command, *getattr(command, "commands", {}).values()):
            for parameter in each.params:
                if parameter.param_type_name == "option":
                    for spelling in (*parameter.opts, *parameter.secondary_opts):
                        yield name, spelling


def test_every_command_is_known() -> None:
    root: Any = typer.main.get_command(build_app())
    assert set(root.commands) == set(COMMANDS)
    assert len(list(options())) > 40


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_that_names_its_options(command: str) -> None:
    words = code_words(page(f"commands/{command}.md"))
    asked = {spelling for name, spelling in options() if name == command}
    assert sorted(asked - words) == []


def test_every_sub_command_has_a_part_of_its_own() -> None:
    root: Any = typer.main.get_command(build_app())
    for group in GROUPS:
        text = page(f"commands/{group}.md")
        for name in root.commands[group].commands:
            assert f"## `metabone {group} {name}`" in text, name


def test_every_key_of_a_plan_file_is_explained() -> None:
    text = page("planning.md")
    for section in PLAN_SECTIONS:
        assert f"### `[{section}]`" in text
        part = text.split(f"### `[{section}]`", 1)[1].split("\n### ", 1)[0]
        assert sorted({key.name for key in keys_of(section)} - code_words(part)) == []


def test_every_design_is_explained() -> None:
    words = code_words(page("planning.md"))
    assert sorted(set(design_names()) - words) == []
    inputs = {name for design in design_names() for name in find_design(design)["inputs"]}
    assert sorted(inputs - words) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_page_is_linked_from_the_front_page(command: str) -> None:
    assert f"commands/{command}.md" in page("index.md")


def test_no_page_names_an_option_that_is_gone() -> None:
    known = {spelling for _, spelling in options()} | {"--help", "--version", "-h"}
    for path in sorted((DOCS / "commands").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))
        assert sorted(named - known) == [], path.name


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_an_analysis_file_is_explained(section: str) -> None:
    text = page("analysis-file.md")
    heading = f"## `[[{section}]]`" if f"## `[[{section}]]`" in text else f"## `[{section}]`"
    assert heading in text
    part = text.split(heading, 1)[1].split("\n## ", 1)[0]
    words = code_words(part)
    assert sorted(set(SECTIONS[section].model_fields) - words) == []


def test_every_top_key_of_an_analysis_file_is_explained() -> None:
    assert sorted(set(AnalysisSpec.model_fields) - code_words(page("analysis-file.md"))) == []


def test_every_choice_is_explained() -> None:
    words = code_words(page("analysis-file.md"))
    asked = {
        *choices(Measure), *choices(Tau2Method), *choices(CIMethod), *choices(PIMethod),
        *choices(Style), *choices(FigureFormat),
        *(name for names in VARIANCES.values() for name in names),
    }  # fmt: skip
    assert sorted(asked - words) == []


def keys(value: Any, skip: frozenset[str]) -> set[str]:
    """Every key of nested JSON; below the keys in `skip` the table's own words are keys."""
    if isinstance(value, dict):
        inner = [keys(item, skip) for key, item in value.items() if key not in skip]
        return set(value).union(*inner)
    if isinstance(value, list):
        return set().union(*(keys(item, skip) for item in value))
    return set()


# Maps whose keys are words of the table, file names or options explained elsewhere.
FREE = frozenset(
    {"by", "levels", "outputs", "versions", "counts", "swim", "correction", "labels", "judgements",
     "rows_by_answer"}
)  # fmt: skip

ANALYSIS = b"""
title = "t"
[data]
dataset = "exosome-synthetic"
[[pool]]
outcome = "BMD"
by = ["exosome_source", ["exosome_source", "target_cell"]]
[[outcomes]]
outcome = ["BMD", "OCN"]
[[regress]]
outcome = "BMD"
formula = "duration_weeks + species"
[[bias]]
outcome = "BMD"
[[sensitivity]]
outcome = "BMD"
leave_one_out = "study"
cumulative = "precision"
influence = true
baujat = true
gosh = true
gosh_sample = 500
permutation = 99
formula = "species"
[[choices]]
outcome = "BMD"
measure = "SMD"
rob = "all"
outliers = "none"
permutations = 9
[[direction]]
outcome = "BMD"
[[rob]]
overall = "worst"
[[figure]]
kind = "forest"
"""


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """One answer of each kind, and the provenance of all three, as JSON."""
    spec = parse_spec(ANALYSIS, "a.toml")
    plan = make_plan(spec)
    table = read_data(spec.data, ROOT)
    answers = compute(spec, plan, table, lambda _: None)
    record = provenance(spec, ANALYSIS, ROOT / "a.toml", table, answers, plan.drawings)
    effects = answers[0].effects
    assert effects is not None
    return {type(one.result).__name__: one.result.to_dict() for one in answers} | {
        "provenance": record | {"outputs": {}},
        "effects": effects.to_dict() | {"effects": []},
        "check": check_table(table).to_dict(),
        "datasets": {"datasets": [info.to_dict() for info in list_datasets()]},
    }


@pytest.mark.parametrize(
    "kind",
    [
        "PoolResult", "OutcomesResult", "RegressionResult", "BiasResult",
        "SensitivityResult", "ChoicesResult", "DirectionResult", "RobResult", "provenance",
        "effects", "check", "datasets",
    ],
)  # fmt: skip
def test_every_field_of_a_result_is_explained(written: dict[str, Any], kind: str) -> None:
    words = code_words(page("results-json.md"))
    skip = FREE | {"answers", "figures", "data"} if kind == "provenance" else FREE
    assert sorted(keys(written[kind], skip) - words) == []


def shown(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def sessions() -> list[tuple[str, list[str]]]:
    """(command, lines that it is shown to print) of the tour; what two pages show is run once."""
    shown_lines: dict[str, list[str]] = {}
    for path in (ROOT / "README.md", DOCS / "index.md"):
        for block in shown(path.read_text(encoding="utf-8"), "console"):
            for part in block.split("$ ")[1:]:
                command, *lines = part.splitlines()
                shown_lines.setdefault(command, []).extend(
                    line for line in lines if line not in ("", "…")
                )
    return list(shown_lines.items())


# Run once for all tests that look at it; see conftest.py.
LONGEST = "metabone run unloading -o results"


@pytest.mark.parametrize(
    ("command", "lines"), [session for session in sessions() if session[0] != LONGEST]
)
def test_the_tour_prints_what_it_shows(
    command: str,
    lines: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(command)
    assert program == "metabone"
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    said = capsys.readouterr()
    refused = any(line.startswith("metabone: ") for line in lines)
    assert bool(stop.value.code) == refused, said.err
    assert unprinted(lines, said.out + said.err) == []


def unprinted(lines: list[str], said: str) -> list[str]:
    """The lines that are shown and were not printed; blanks may differ."""
    printed = {" ".join(line.split()) for line in said.splitlines()}
    return [line for line in lines if " ".join(line.split()) not in printed]


def test_the_longest_of_the_tour_prints_what_it_shows(unloading_run: Any) -> None:
    lines = dict(sessions())[LONGEST]
    assert lines
    assert unprinted(lines, unloading_run.said) == []


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    blocks = shown((ROOT / "README.md").read_text(encoding="utf-8"), "python")
    assert blocks
    for block in blocks:
        run = subprocess.run(
            [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        assert run.stdout


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    assert len(pages) > 20
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in pages
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))
        if not target.startswith(("http://", "https://", "mailto:"))
        and not (path.parent / target).exists()
    ]
    assert broken == []


def test_the_plan_of_decisions_lists_them_all() -> None:
    text = page("decisions/README.md")
    for path in (DOCS / "decisions").glob("[0-9]*.md"):
        assert path.name in text


def test_the_citation_names_this_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation
    assert "\ncff-version: 1.2.0\n" in f"\n{citation}"
    licence = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"\nlicense: {licence['license']}\n" in citation


def test_the_changelog_has_this_version_and_a_place_for_changed_numbers() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {__version__}" in text
    assert "### Numbers that changed" in text
