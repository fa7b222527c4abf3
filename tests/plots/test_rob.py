"""Figures of judged studies: what they say without colour, on which pages, and in which files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from metabone.cli import main
from metabone.effects.escalc import escalc
from metabone.errors import UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.where import select
from metabone.plots.export import render
from metabone.plots.forest import forest, forest_spec
from metabone.plots.judgement_marks import FILLS, INKS, hatch_lines
from metabone.plots.primitives import Layout
from metabone.plots.rob_columns import letter_of
from metabone.plots.rob_figures import draw_rob, page_paths
from metabone.plots.rob_summary import summary_spec
from metabone.plots.text import width
from metabone.plots.traffic_light import split, traffic_light, traffic_light_pages, traffic_spec
from metabone.synthesis.pool import pool
from metabone.synthesis.results import PoolResult
from metabone.synthesis.rob import assess
from metabone.synthesis.rob_results import RobResult

HOSTILE = ("<script>alert(1)</script>", "=cmd|' /C calc'!A0", "x\u202edesrever", "$x_1^2$ " * 60)


@pytest.fixture(scope="module")
def judged() -> RobResult:
    return assess(read_table("exosome-synthetic"), overall="worst")


@pytest.fixture(scope="module")
def pooled() -> PoolResult:
    return pool(escalc(select(read_table("exosome-synthetic"), outcome=("BMD",)), "SMD"))


def with_studies(result: RobResult, count: int) -> RobResult:
    found = [result.studies[i % len(result.studies)] for i in range(count)]
    named = [
        replace(one, study=f"Author {i} and others 20{i % 25:02}") for i, one in enumerate(found)
    ]
    return replace(result, studies=tuple(named))


def luminance(color: str) -> float:
    """WCAG 2's relative luminance."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def inside(layout: Layout) -> None:
    """Nothing reaches beyond the page."""
    for run in layout.texts:
        long = width(run.text, run.face)
        if run.angle:
            assert run.y - long >= 0
            assert run.x <= layout.width
            continue
        left = {"left": run.x, "center": run.x - long / 2, "right": run.x - long}[run.align]
        assert left >= -0.5, run.text
        assert left + long <= layout.width + 0.5, run.text
    for shape in layout.shapes:
        assert all(-0.5 <= x <= layout.width + 0.5 for x, _ in shape.points)


def test_fills_are_told_apart_on_a_grey_copy() -> None:
    tones = ("good", "middle", "bad")
    for i, one in enumerate(tones):
        for other in tones[i + 1 :]:
            assert contrast(FILLS[one], FILLS[other]) > 1.9, (one, other)
    for tone, fill in FILLS.items():
        assert contrast(fill, INKS[tone]) > 4.5, tone


@pytest.mark.parametrize("count", [1, 5, 40])
def test_a_page_holds_the_studies(judged: RobResult, count: int) -> None:
    figures = traffic_light_pages(with_studies(judged, count))
    assert len(figures) == 1
    assert figures[0].placed.height <= 245 * 72 / 25.4 + 0.01
    inside(figures[0].placed)


def test_many_studies_go_over_pages_and_none_is_lost(judged: RobResult) -> None:
    many = with_studies(judged, 150)
    figures = traffic_light_pages(many)
    assert len(figures) == 2
    shown: list[str] = []
    for figure in figures:
        inside(figure.placed)
        assert figure.placed.height <= 245 * 72 / 25.4 + 0.01
        assert min(run.face.size for run in figure.placed.texts if run.text != "?") >= 4.99
        texts = {run.text for run in figure.placed.texts}
        shown += [study.study for study in many.studies if study.study in texts]
    assert sorted(shown) == sorted(study.study for study in many.studies)


def test_pages_split_evenly(judged: RobResult) -> None:
    spec = traffic_spec(judged)
    parts = split(spec, 4)
    assert [len(part.rows) for part in parts] == [8, 8, 8, 6]
    assert tuple(row for part in parts for row in part.rows) == spec.rows
    assert [part.title for part in parts][:1] == ["Risk of bias (1 of 4)"]
    assert all(len(part.overall) == len(part.rows) for part in parts)


def test_every_judgement_has_its_sign(judged: RobResult) -> None:
    spec = traffic_spec(judged)
    assert {one.sign for _, row in spec.rows for one in row} == {"+", "?", "−"}
    names = [label for label, _ in spec.columns]
    assert names[0] == "Sequence generation"
    study = judged.studies[0]
    wanted = {"low": "+", "unclear": "?", "high": "−"}
    assert [one.sign for one in spec.rows[0][1]] == [
        wanted[study.judgements[item.name]] for item in judged.items
    ]


def test_the_shares_are_those_of_the_answer(judged: RobResult) -> None:
    spec = summary_spec(judged)
    for bar, item in zip(spec.bars, judged.items, strict=False):
        wanted = [judged.share(item.name, answer).percent for answer in judged.answers]
        assert list(bar.percents) == wanted
    assert spec.bars[-1].overall
    layout = draw_rob(judged, "summary")[0].placed
    inside(layout)
    first = f"{judged.share('rob_sequence_generation', 'unclear').percent:.0f}%"
    assert first in {run.text for run in layout.texts}


def test_synthetic_data_say_so(judged: RobResult) -> None:
    for kind in ("traffic-light", "summary"):
        layout = draw_rob(judged, kind)[0].placed
        assert any("SYNTHETIC DATA" in run.text for run in layout.texts)
        assert "SYNTHETIC DATA" in layout.description


@pytest.mark.parametrize("kind", ["traffic-light", "summary"])
@pytest.mark.parametrize("form", ["svg", "pdf", "png"])
def test_bytes_are_the_same_each_time(judged: RobResult, kind: str, form: str) -> None:
    five = with_studies(judged, 5)
    once, again = (render(draw_rob(five, kind)[0], form, dpi=72) for _ in range(2))
    assert once == again


@pytest.mark.parametrize("kind", ["traffic-light", "summary"])
def test_hostile_names_are_letters(judged: RobResult, kind: str) -> None:
    studies = tuple(
        replace(one, study=name) for one, name in zip(judged.studies, HOSTILE, strict=False)
    )
    items = (replace(judged.items[0], label=HOSTILE[3]), *judged.items[1:])
    figure = draw_rob(replace(judged, studies=studies, items=items), kind)[0]
    inside(figure.placed)
    svg = render(figure, "svg").decode()
    assert "<script>" not in svg
    assert "\u202e" not in svg


def test_a_width_that_is_too_narrow(judged: RobResult) -> None:
    for kind in ("traffic-light", "summary"):
        with pytest.raises(UsageError, match=r"width 30 mm is too narrow .* at least \d+ mm"):
            draw_rob(judged, kind, width_mm=30)
    assert traffic_light(judged, width_mm=120).placed.width_mm == pytest.approx(120)


def test_hatching_stays_in_its_bar() -> None:
    for angle in (45, -45, 0):
        lines = hatch_lines(10, 47, 3, 12, angle, 2.5)
        assert len(lines) > 2
        for line in lines:
            for x, y in line:
                assert 10 - 1e-9 <= x <= 47 + 1e-9
                assert 3 - 1e-9 <= y <= 12 + 1e-9
            if angle:
                (a, b), (c, d) = line
                assert (d - b) / (c - a) == pytest.approx(-1 if angle > 0 else 1)
    assert hatch_lines(0, 0.1, 0, 5, 0, 9) == []


def test_columns_of_signs_in_the_forest_plot(pooled: PoolResult) -> None:
    spec = forest_spec(pooled, columns=["study", "n", "rob", "effect", "plot"])
    signs = [column for column in spec.columns if column.key.startswith("rob.")]
    assert [column.header for column in signs] == list("ABCDEFGHIJ")
    assert {column.group for column in signs} == {"Risk of bias"}
    frame = pooled.effects.frame
    wanted = {"low": "+", "unclear": "?", "high": "−"}
    for row in spec.of_kind("study"):
        for column in signs:
            judged = frame.at[row.source, column.key.removeprefix("rob.")]
            assert row.cells[column.key] == (wanted[judged],)
    assert "A\u00a0Sequence generation" in spec.footer[0]
    assert "? unclear risk" in spec.footer[0]
    layout = forest(pooled, columns="study,rob,effect,plot").placed  # type: ignore[arg-type]
    assert sum(shape.fill == FILLS["bad"] for shape in layout.shapes) == sum(
        row.cells[column.key] == ("−",) for row in spec.of_kind("study") for column in signs
    )


def test_signs_of_blank_and_contradicting_rows(pooled: PoolResult) -> None:
    frame = pooled.effects.frame.copy()
    twice = frame["study"].value_counts()
    study = str(twice.index[0])
    rows = frame.index[frame["study"] == study].tolist()
    frame["rob_sequence_generation"] = None
    frame.loc[rows[0], "rob_sequence_generation"] = "high"
    changed = replace(pooled, effects=replace(pooled.effects, frame=frame))
    spec = forest_spec(changed, columns=["study", "rob", "effect"])
    found = {row.source: row.cells["rob.rob_sequence_generation"] for row in spec.of_kind("study")}
    assert [found[row] for row in rows] == [("−",)] * len(rows)
    assert set(found.values()) == {("−",), ("",)}


def test_a_forest_plot_without_judgements() -> None:
    result = pool(escalc(select(read_table("unloading"), outcome=("BV/TV",)), "SMD"))
    with pytest.raises(UsageError, match="no effect has a judgement"):
        forest_spec(result, columns=["study", "rob", "effect"])


def test_letters() -> None:
    assert [letter_of(i) for i in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "AZ", "BA"]


def test_files_of_pages() -> None:
    assert [path.name for path in page_paths(Path("a/rob.tif"), 3)] == [
        "rob-1.tif", "rob-2.tif", "rob-3.tif",
    ]  # fmt: skip


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["rob", *arguments])
    return int(stop.value.code or 0)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, js = tmp_path / "r.svg", tmp_path / "r.json"
    assert run("exosome-synthetic", "--overall", "highs:2", "-o", str(out), "--json", str(js)) == 0
    said = capsys.readouterr()
    assert out.read_bytes().startswith(b"<?xml")
    assert '"rule": "highs:2"' in js.read_text(encoding="utf-8")
    assert "Overall: high with 2 items high or more" in said.out
    assert run("exosome-synthetic", "-o", str(out)) == 1  # it exists
    assert run("exosome-synthetic", "--plot", "summary") == 2
    assert run("exosome-synthetic", "--tool", "arrive", "--overall", "worst") == 2
    assert run("exosome-synthetic", "--tool", "camarades") == 1
    assert "no column of CAMARADES" in capsys.readouterr().err


def test_pages_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "t.csv"
    words = ("low", "high")
    lines = [f"Author {i} and others,BMD,{words[i % 2]}" for i in range(500)]
    table.write_text("\n".join(["study,outcome,rob_x", *lines]) + "\n", encoding="utf-8")
    out = tmp_path / "r.png"
    assert run(str(table), "-o", str(out), "--dpi", "50") == 0
    pages = sorted(path.name for path in tmp_path.glob("r*.png"))
    capsys.readouterr()
    assert pages == [f"r-{i}.png" for i in range(1, len(pages) + 1)]
    assert len(pages) > 1
    assert run(str(table), "-o", str(out), "--dpi", "50") == 1
    assert "r-1.png exists" in capsys.readouterr().err
