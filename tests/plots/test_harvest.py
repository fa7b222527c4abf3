from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from metabone.errors import UsageError
from metabone.extraction.reading import read_table
from metabone.plots.export import render
from metabone.plots.harvest import harvest, harvest_spec
from metabone.plots.signs import COLORS, SIGNS
from metabone.plots.spec import HarvestSpec
from metabone.synthesis.direction import direction


@pytest.fixture(scope="module")
def nine() -> Any:
    """The nine studies of the review's Table 1."""
    return direction(read_table("exosome-osteoporosis"))


@pytest.fixture(scope="module")
def spec(nine: Any) -> HarvestSpec:
    return harvest_spec(nine)


def table(tmp_path: Path, lines: str) -> Any:
    path = tmp_path / "table.csv"
    path.write_text(lines, encoding="utf-8")
    return read_table(path)


def test_every_study_stands_in_its_cell(spec: HarvestSpec) -> None:
    found = {
        (row, column): {one.study for one in studies}
        for (row, column), studies in spec.cells.items()
        if studies
    }
    # Table 1 of the review; Nakao's vesicles come from gingiva, Qi's from induced stem cells.
    assert found == {
        ("BMSC", "BMSC"): {"Zuo 2019"},
        ("BMSC", "Osteoblast"): {"Zhao 2018", "Liao 2019", "Hu 2021", "Wei 2019"},
        ("BMSC", "Osteoclast"): {"Xu 2018"},
        ("hiPSC-MSC", "Osteoblast"): {"Qi 2016"},
        ("AD-MSC", "Osteoclast"): {"Zhang 2021"},
        ("GMSC", "Osteoclast"): {"Nakao 2021"},
    }
    assert len(spec.gaps) == 6


def test_harm_is_shown_as_harm(spec: HarvestSpec) -> None:
    (xu,) = spec.cells["BMSC", "Osteoclast"]
    assert xu.verdict == "harm"
    others = [one.verdict for studies in spec.cells.values() for one in studies if one != xu]
    assert others == ["benefit"] * 8
    assert spec.legend == (("benefit", 8), ("harm", 1))


def test_two_studies_measure_skeletal_bone_mass(spec: HarvestSpec) -> None:
    solid = {one.study for cell in spec.cells.values() for one in cell if one.evidence == "bone"}
    assert solid == {"Zuo 2019", "Zhang 2021"}


def test_footer_gives_sign_test_and_bone_sentence(spec: HarvestSpec) -> None:
    # Eight of nine: p = 2 (1 + 9) / 2⁹ = 0.039; Clopper-Pearson 0.518 to 0.997.
    first, second = (text.replace("\u00a0", " ") for text in spec.footer)
    assert "8 of 9 studies with a direction point to benefit: proportion 0.89" in first
    assert "0.52 to 1.00 (Clopper-Pearson)" in first
    assert "sign test p = 0.039" in first
    assert second.startswith("Two of the nine studies measure skeletal bone mass")


def test_signs_differ_in_shape_and_not_only_in_colour() -> None:
    shapes = [SIGNS[verdict] for verdict in ("benefit", "harm", "no change", "mixed", "unclear")]
    assert len(set(shapes)) == 5
    up, down = SIGNS["benefit"], SIGNS["harm"]
    assert min(up, key=lambda point: point[1])[0] == 0  # the tip points up: y counts downwards
    assert max(down, key=lambda point: point[1])[0] == 0


def test_painted_signs(nine: Any) -> None:
    shapes = harvest(nine).placed.shapes
    edges = [shape.edge for shape in shapes]
    # One for each study and one in the legend.
    assert edges.count(COLORS["harm"]) == 2
    assert edges.count(COLORS["benefit"]) == 9


def test_gaps_are_named(nine: Any) -> None:
    texts = [run.text for run in harvest(nine).placed.texts]
    assert texts.count("no study") == 6


@pytest.fixture(scope="module")
def layout_tests() -> Any:
    import importlib.util

    path = Path(__file__).with_name("test_layout.py")
    found = importlib.util.spec_from_file_location("plot_layout_checks", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("by", [(), ("exosome_source",), ("exosome_source", "target_cell")])
@pytest.mark.parametrize("width_mm", [None, 85, 250])
def test_nothing_overlaps_or_is_cut(
    nine: Any, layout_tests: Any, by: tuple[str, ...], width_mm: float | None
) -> None:
    result = direction(read_table("exosome-osteoporosis"), by=by)
    layout_tests.check(harvest(result, width_mm=width_mm))


def test_every_verdict_and_hostile_words(tmp_path: Path, layout_tests: Any) -> None:
    changes = ["increase", "decrease", "no change", "unclear"]
    long = "Consortium for vesicles in the osteoporotic skeleton of ageing rats 2021"
    lines = ["study,outcome,exosome_source,target_cell,change,source"]
    for i in range(24):
        name = f"{long} {i}" if i % 5 == 0 else f"$S_{i}$ β \\alpha"
        source = ("BMSC", "M2 macrophage", "中文", "plasma; serum")[i % 4]
        cell = ("osteoblast", "osteoclast", "T cell (γδ)")[i % 3]
        lines.append(f"{name},BMD,{source},{cell},{changes[i % 4]},synthetic")
    lines.append("Mixed 2020,BMD,BMSC,osteoblast,increase,synthetic")
    lines.append("Mixed 2020,BMD,BMSC,osteoblast,decrease,synthetic")
    result = direction(table(tmp_path, "\n".join(lines) + "\n"))
    made = harvest_spec(result)
    assert made.banner is not None
    assert {word for word, n in made.legend if n} == {
        "benefit", "harm", "no change", "mixed", "unclear",
    }  # fmt: skip
    layout_tests.check(harvest(result))


def test_same_bytes(nine: Any) -> None:
    for kind in ("svg", "pdf"):
        assert render(harvest(nine), kind) == render(harvest(nine), kind)


def test_refusals(nine: Any) -> None:
    with pytest.raises(UsageError, match="'row' is neither 'rows' nor 'columns'"):
        harvest_spec(nine, labels={"row": "x"})
    with pytest.raises(UsageError, match=r"width 40 mm is too narrow for 3 columns .* \d+ mm"):
        harvest(nine, width_mm=40)
    assert harvest_spec(nine, labels={"rows": "From"}).row_name == "From"
    assert harvest_spec(nine, title="").title == ""
