"""A run from file to folder: what is in it, that it is exact, and that it is whole or not there."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from metabone.analysis.run import RunResult, find_analysis, run_analysis
from metabone.cli import main
from metabone.errors import DataError, FileWriteError, UsageError

# Effects given with their variances, so that the pooled answers can be worked out on paper.
TABLE = """\
study,outcome,species,sex,yi,vi,n_treated,n_control,exclude
A 2020,BV/TV,rat,male,1,0.1,10,10,
B 2021,BV/TV,rat,male,2,0.1,10,10,
C 2022,BV/TV,rat,female,3,0.1,10,10,
D 2022,BV/TV,mouse,female,1,0.1,10,10,
E 2023,BV/TV,mouse,female,1,0.1,10,10,
F 2023,BV/TV,mouse,male,9,0.1,10,10,retracted
G 2024,Tb.Sp,mouse,male,1,0.1,10,10,
"""
ANALYSIS = """\
title = "A | title <b>with</b> *marks*"
[data]
table = "data/t.csv"
where = ["species in ('rat', 'mouse')"]
[[pool]]
outcome = "BV/TV"
by = ["species", ["species", "sex"]]
tau2 = "EE"
ci = "wald"
[[figure]]
kind = "forest"
by = "species"
formats = ["svg", "pdf", "png"]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a table and an analysis file."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "t.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "a.toml").write_text(ANALYSIS, encoding="utf-8")
    return tmp_path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_folder_holds_what_the_page_says(place: Path) -> None:
    result = run_analysis(place / "a.toml", place / "out")
    assert list(result.files) == [
        "analysis.toml", "figures/forest-bv-tv.pdf", "figures/forest-bv-tv.png",
        "figures/forest-bv-tv.svg", "json/bv-tv.json", "methods.md", "provenance.json",
        "summary.md", "tables/check.csv", "tables/effects-bv-tv.csv", "tables/ledger.csv",
        "tables/pooled.csv", "tables/two-way-bv-tv-species-x-sex.csv",
    ]  # fmt: skip
    found = {p.relative_to(place / "out").as_posix() for p in (place / "out").rglob("*.*")}
    assert found == set(result.files)
    assert (place / "out" / "analysis.toml").read_text(encoding="utf-8") == ANALYSIS


def test_the_numbers_are_those_of_the_paper(place: Path) -> None:
    """Five effects with equal variances: the mean is (1+2+3+1+1)/5, its SE sqrt(0.1/5)."""
    run_analysis(place / "a.toml", place / "out")
    lines = read_csv(place / "out" / "tables" / "pooled.csv")
    overall = lines[0]
    assert overall["stratum"] == "overall"
    assert float(overall["estimate"]) == pytest.approx(1.6, abs=1e-12)
    assert float(overall["se"]) == pytest.approx(0.02**0.5, abs=1e-12)
    assert float(overall["q"]) == pytest.approx(3.2 / 0.1, abs=1e-9)
    by_name = {(line["by"], line["stratum"]): line for line in lines}
    rat = by_name["species", "rat"]
    assert float(rat["estimate"]) == pytest.approx(2.0, abs=1e-12)
    mouse = by_name["species", "mouse"]
    assert (mouse["pooled"], mouse["k_studies"]) == ("false", "2")
    assert "fewer than 3" in mouse["reason"]


def test_two_way_table_keeps_its_empty_cells(place: Path) -> None:
    run_analysis(place / "a.toml", place / "out")
    lines = read_csv(place / "out" / "tables" / "two-way-bv-tv-species-x-sex.csv")
    counts = {next(iter(line.values())): line for line in lines}
    assert (counts["rat"]["male"], counts["rat"]["female"]) == ("2", "1")
    assert (counts["mouse"]["male"], counts["mouse"]["female"]) == ("0", "2")


def test_what_was_set_aside_is_in_the_ledger_and_the_summary(place: Path) -> None:
    run_analysis(place / "a.toml", place / "out")
    assert read_csv(place / "out" / "tables" / "ledger.csv") == [
        {"answer": "bv-tv", "row": "7", "study": "F 2023", "outcome": "BV/TV",
         "reason": "retracted"}
    ]  # fmt: skip
    summary = (place / "out" / "summary.md").read_text(encoding="utf-8")
    assert "retracted: row 7" in summary
    assert "1 of 4 cells is empty: gaps in the evidence." in summary


def test_words_from_the_file_are_shown_and_nothing_else(place: Path) -> None:
    run_analysis(place / "a.toml", place / "out")
    summary = (place / "out" / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("# A \\| title &lt;b&gt;with&lt;/b&gt; \\*marks\\*\n")


def test_methods_say_what_was_done_and_figures_are_shown(place: Path) -> None:
    run_analysis(place / "a.toml", place / "out")
    methods = (place / "out" / "methods.md").read_text(encoding="utf-8")
    assert "Effects were pooled as equal effects" in methods
    assert "Rows were used where species in ('rat', 'mouse')" in methods
    assert "restricted maximum likelihood" not in methods
    summary = (place / "out" / "summary.md").read_text(encoding="utf-8")
    assert "![forest-bv-tv](figures/forest-bv-tv.svg)\n" in summary
    assert "[pdf](figures/forest-bv-tv.pdf)" in summary


def test_json_is_what_the_command_prints(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    run_analysis("a.toml", "out")
    with pytest.raises(SystemExit) as stop:
        main(["pool", "data/t.csv", "--outcome", "BV/TV", "--by", "species", "--by", "species,sex",
              "--where", "species in ('rat', 'mouse')", "--tau2", "EE", "--ci", "wald",
              "--json", "-"])  # fmt: skip
    assert not stop.value.code
    printed = json.loads(capsys.readouterr().out)
    assert read_json(place / "out" / "json" / "bv-tv.json") == printed


def test_provenance_names_every_file_by_its_hash(place: Path) -> None:
    run_analysis(place / "a.toml", place / "out")
    record = read_json(place / "out" / "provenance.json")
    for name, digest in record["outputs"].items():
        content = (place / "out" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    assert record["analysis"] == {
        "file": "a.toml", "sha256": hashlib.sha256(ANALYSIS.encode()).hexdigest(),
    }  # fmt: skip
    assert record["inputs"] == [
        {"file": "data/t.csv", "sha256": hashlib.sha256(TABLE.encode()).hexdigest(), "rows": 7}
    ]
    assert record["answers"][0]["tau2"] == "EE"
    assert record["answers"][0]["pi"] == "normal"
    assert record["answers"][0]["measure"] == "SMD"
    assert set(record["versions"]) >= {"python", "numpy", "pandas", "scipy", "matplotlib"}
    assert "date" not in record


def test_the_same_input_gives_the_same_bytes(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run_analysis(place / "a.toml", place / "out")
    other = tmp_path_factory.mktemp("another") / "place"
    place.joinpath("data").rename(place / "kept")
    other.mkdir()
    (place / "kept").rename(other / "data")
    (place / "a.toml").rename(other / "a.toml")
    result = run_analysis(other / "a.toml", other / "out")
    for name in result.files:
        assert (other / "out" / name).read_bytes() == (place / "out" / name).read_bytes(), name
        assert str(other).encode() not in (other / "out" / name).read_bytes()


def test_a_fixed_date_is_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    run_analysis(place / "a.toml", place / "out")
    assert read_json(place / "out" / "provenance.json")["date"] == "1970-01-02T00:00:00+00:00"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH must be seconds"):
        run_analysis(place / "a.toml", place / "out2")


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ('"BV/TV"', '"BV/TW"', UsageError, "bv-tw: "),
        ('"BV/TV"', '"Tb.Sp"', DataError, "tb-sp: one effect is left to pool"),
        ('"species", "sex"', '"species", "sexx"', UsageError, "did you mean sex"),
        ("data/t.csv", "data/u.csv", DataError, "u.csv"),
        ("species in", "spices in", UsageError, "[data]: "),
        ('"species in', "\"sex == 'male') or (species in", UsageError, "[data]: "),
        ("data/t.csv", "data", DataError, "data"),
        ('table = "data/t.csv"', 'dataset = "unlaoding"', UsageError, "did you mean 'unloading'"),
        ('table = "data/t.csv"', 'dataset = "bone-variability"', DataError, "bone-variability"),
        ('t.csv"', 't.csv"\nvocabulary = "none.toml"', UsageError, "none.toml"),
        ('kind = "forest"', 'kind = "forest"\ncolumns = ["stduy"]', UsageError, "stduy"),
    ],
)
def test_an_error_leaves_nothing_behind(
    place: Path, old: str, new: str, error: type[Exception], message: str
) -> None:
    (place / "a.toml").write_text(ANALYSIS.replace(old, new), encoding="utf-8")
    with pytest.raises(error) as caught:
        run_analysis(place / "a.toml", place / "out")
    assert message in str(caught.value)
    assert sorted(path.name for path in place.iterdir()) == ["a.toml", "data"]


def test_results_in_the_way_are_refused_before_any_work(place: Path) -> None:
    run_analysis(place / "a.toml", place / "out")
    (place / "data" / "t.csv").unlink()
    with pytest.raises(FileWriteError, match="use --force"):
        run_analysis(place / "a.toml", place / "out")


def test_force_replaces_results(place: Path) -> None:
    run_analysis(place / "a.toml", place / "out")
    text = ANALYSIS.replace('formats = ["svg", "pdf", "png"]', 'formats = ["svg"]')
    (place / "a.toml").write_text(text, encoding="utf-8")
    result = run_analysis(place / "a.toml", place / "out", force=True)
    assert result.figures == ("figures/forest-bv-tv.svg",)
    assert not (place / "out" / "figures" / "forest-bv-tv.png").exists()
    assert sorted(path.name for path in place.iterdir()) == ["a.toml", "data", "out"]


def test_a_stopped_run_leaves_the_old_results_whole(place: Path) -> None:
    """Interrupted at any moment, the folder holds either the old results or the new ones."""
    old = run_analysis(place / "a.toml", place / "out")
    before = read_json(place / "out" / "provenance.json")["outputs"]
    for delay in (0.6, 1.0, 1.4):
        process = subprocess.Popen(
            [sys.executable, "-m", "metabone", "run", "a.toml", "-o", "out", "--force"],
            cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        for name, digest in before.items():
            assert hashlib.sha256((place / "out" / name).read_bytes()).hexdigest() == digest
    run_analysis(place / "a.toml", place / "out", force=True)
    assert sorted(path.name for path in place.iterdir()) == ["a.toml", "data", "out"]
    assert set(before) | {"provenance.json"} == set(old.files)


def test_progress_counts_every_step(place: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    run_analysis(place / "a.toml", place / "out", progress=lambda *step: steps.append(step))
    assert steps == [
        ("reading", 0, 4), ("bv-tv", 1, 4), ("checking", 2, 4), ("forest-bv-tv", 3, 4),
    ]  # fmt: skip


def test_two_conditions_must_both_hold(place: Path) -> None:
    text = ANALYSIS.replace('by = ["species", ["species", "sex"]]', "where = \"sex == 'female'\"")
    text = text.replace('by = "species"\n', "")
    (place / "a.toml").write_text(text, encoding="utf-8")
    result = run_analysis(place / "a.toml", place / "out")
    pooled = read_json(place / "out" / "json" / "bv-tv.json")
    assert pooled["overall"]["k_effects"] == 3
    assert result.answers[0].rows.selected == 3


def test_outcomes_together_have_a_table_and_their_text(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        'title = "t"\n[data]\ndataset = "exosome-synthetic"\n'
        '[[outcomes]]\noutcome = ["BMD", "OCN"]\nstructure = "CS"\n'
    )
    run_analysis(tmp_path / "a.toml", tmp_path / "out")
    lines = read_csv(tmp_path / "out" / "tables" / "outcomes.csv")
    assert [(line["answer"], line["structure"], line["outcome"]) for line in lines] == [
        ("outcomes-bmd-ocn", "CS", "BMD"), ("outcomes-bmd-ocn", "CS", "OCN")
    ]  # fmt: skip
    answer = read_json(tmp_path / "out" / "json" / "outcomes-bmd-ocn.json")
    assert float(lines[1]["estimate"]) == answer["estimates"][1]["estimate"]
    assert "borrowed" in (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    asked = read_json(tmp_path / "out" / "provenance.json")["answers"][0]
    assert (asked["kind"], asked["ci"], asked["rho"]) == ("outcomes", "cr2", 0.5)


def test_an_answer_called_pooled_writes_over_no_table(tmp_path: Path) -> None:
    text = (
        "title = 't'\n[data]\ndataset = 'exosome-osteoporosis'\n[[direction]]\nname = 'pooled'\n"
        "[[direction]]\nname = 'ledger'\n"
    )
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    files = run_analysis(tmp_path / "a.toml", tmp_path / "out").files
    assert {"tables/direction-pooled.csv", "tables/direction-ledger.csv"} <= set(files)


def test_a_shipped_analysis_is_found_by_its_name() -> None:
    assert find_analysis("unloading").name == "unloading.toml"
    with pytest.raises(UsageError, match="did you mean 'unloading'"):
        find_analysis("unlaoding")


def test_synthetic_data_are_called_so_everywhere(tmp_path: Path) -> None:
    text = (
        "title = 't'\n[data]\ndataset = 'exosome-synthetic'\n[[pool]]\noutcome = 'BMD'\n"
        "[[figure]]\nkind = 'forest'\nformats = ['svg']\n"
    )
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    result = run_analysis(tmp_path / "a.toml", tmp_path / "out")
    assert result.synthetic
    assert "SYNTHETIC" in result.summary()
    for name in ("summary.md", "json/bmd.json", "provenance.json", "figures/forest-bmd.svg",
                 "tables/effects-bmd.csv"):  # fmt: skip
        content = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert "synthetic" in content.casefold(), name


def test_the_command_prints_the_answers_and_the_place(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(SystemExit) as stop:
        main(["run", "a.toml", "-o", "out"])
    assert not stop.value.code
    said = capsys.readouterr()
    assert "BV/TV: SMD 1.60 (95 % CI 1.32 to 1.88), 5 effects of 5 studies" in said.out
    assert re.search(r"^Results in out: summary.md and \d+ other files$", said.out, re.MULTILINE)


def test_the_command_prints_only_json_when_asked(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    with pytest.raises(SystemExit):
        main(["run", "a.toml", "-o", "out", "--json", "-"])
    content = json.loads(capsys.readouterr().out)
    assert content["answers"][0]["result"]["overall"]["estimate"] == pytest.approx(1.6)
    assert content["provenance"] == read_json(place / "out" / "provenance.json")


def test_no_bar_is_drawn_where_nobody_watches(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setattr("metabone.cli.run.PATIENCE_SECONDS", -1.0)
    with pytest.raises(SystemExit):
        main(["run", "a.toml", "-o", "out"])
    assert capsys.readouterr().err == ""


def test_a_bar_is_drawn_on_a_terminal(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setattr("metabone.cli.run.PATIENCE_SECONDS", -1.0)
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal
    with pytest.raises(SystemExit):
        main(["run", "a.toml", "-o", "out"])
    said = capsys.readouterr()
    assert "forest-bv-tv" in said.err
    assert "\x1b" not in said.out


@pytest.fixture(scope="module")
def shipped(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], RunResult]:
    """Runs a shipped analysis, once for this module; unloading once for all."""

    @cache
    def run(name: str) -> RunResult:
        if name == "unloading":
            result: RunResult = request.getfixturevalue("unloading_run").result
            return result
        return run_analysis(name, tmp_path_factory.mktemp(name) / "out")

    return run


SHIPPED = ("unloading", "anabolic", "synthetic", "direction")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_analysis_runs(name: str, shipped: Callable[[str], RunResult]) -> None:
    result = shipped(name)
    assert result.figures
    assert result.synthetic == (name == "synthetic")
    assert (result.out / "summary.md").stat().st_size > 500


def test_the_shipped_unloading_analysis_keeps_to_its_rules(
    shipped: Callable[[str], RunResult],
) -> None:
    """Nothing is pooled that the README of the data forbids; what shares animals is multilevel."""
    tables = sorted((shipped("unloading").out / "tables").glob("effects-*.csv"))
    assert len(tables) >= 8
    modelled = 0
    for path in tables:
        lines = read_csv(path)
        controls = [line["control_id"] for line in lines]
        if len(set(controls)) < len(controls) and "regress" not in path.name:
            name = path.stem.removeprefix("effects-")
            answer = json.loads((path.parents[1] / "json" / f"{name}.json").read_text())
            if "specifications" in answer:  # a curve: its reference is the analysis that counts
                chosen = answer["specifications"][answer["reference"]]["options"]
                assert (chosen["cluster"], chosen["control"]) == ("study", "exact"), path.name
            else:
                assert (answer["model"], answer["control"]) == ("multilevel", "exact"), path.name
                modelled += 1
        assert {line["assay"] for line in lines} == {"microCT"}
        assert "spaceflight, 1/6 g" not in {line["unloading_kind"] for line in lines}
        assert not {line["bone"] for line in lines} & {"calvaria", "pelvis"}
    assert modelled >= 5


def test_the_synthetic_analysis_has_bmd_in_three_sources_and_three_cells(
    shipped: Callable[[str], RunResult],
) -> None:
    lines = read_csv(shipped("synthetic").out / "tables" / "pooled.csv")
    bmd = [line for line in lines if line["answer"] == "bmd" and line["pooled"] == "true"]
    assert sum(line["by"] == "exosome_source" for line in bmd) >= 3
    assert sum(line["by"] == "target_cell" for line in bmd) >= 3


DEPENDENT = """\
title = "t"
[data]
dataset = "exosome-synthetic"
[effect]
control = "split"
[[pool]]
outcome = "BMD"
[[regress]]
outcome = "BMD"
formula = "duration_weeks"
"""


def test_effects_are_written_as_the_model_took_them(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(DEPENDENT, encoding="utf-8")
    run_analysis(tmp_path / "a.toml", tmp_path / "out")
    tables = tmp_path / "out" / "tables"
    pooled = {row["row"]: row for row in read_csv(tables / "effects-bmd.csv")}
    explained = read_csv(tables / "effects-regress-bmd.csv")
    assert any(float(row["n2i"]) % 1 for row in explained)  # controls that were divided
    assert all(row["vi"] == pooled[row["row"]]["vi"] for row in explained)
    text = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert text.count("shared control animals, which were split") == 2


def test_a_regression_without_a_test_is_told_in_words(tmp_path: Path) -> None:
    """A moderator of one study alone has no robust test; nan is no number to print."""
    lines = ["study,outcome,strain,yi,vi"]
    lines += [f"S{i // 2},BMD,{'a' if i < 2 else 'b'},{i % 3},0.2" for i in range(8)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "a.toml").write_text(
        'title = "t"\n[data]\ntable = "t.csv"\n[[regress]]\noutcome = "BMD"\nformula = "strain"\n',
        encoding="utf-8",
    )
    shown = run_analysis(tmp_path / "a.toml", tmp_path / "out").summary()
    assert "SMD ~ strain: no test of the moderators, 8 effects of 4 studies" in shown
    text = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert not re.search(r"\bnan\b", text)
