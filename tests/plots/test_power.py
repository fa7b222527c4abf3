from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from metabone.errors import UsageError
from metabone.plots.export import render
from metabone.plots.power import power, power_spec
from metabone.plots.power_layout import COLORS, spread
from metabone.plots.spec import Curve

# Power of a two-sided t test at d = 2 from R (planning cases: .7905 at 5, .8764 at 6), and
# assurance with its ceiling for a pooled d of 1.5 (.6660, .7488, .8178; ceiling .94435).
POWER = Curve("power, true d 2", "power", ((2, 0.2), (5, 0.790542), (6, 0.876418), (18, 0.9999)))
ASSURANCE = Curve(
    "assurance", "assurance", ((8, 0.6660), (12, 0.7488), (18, 0.8035), (20, 0.8178)), 0.94435
)


@pytest.fixture(scope="module")
def layout_tests() -> Any:
    path = Path(__file__).with_name("test_layout.py")
    found = importlib.util.spec_from_file_location("plot_layout_checks", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def at(figure: Any, color: str, share: float) -> float:
    """Height of a level that is drawn straight across in this colour."""
    lines = [line for line in figure.placed.lines if line.color == color and line.dash]
    assert len(lines) == 1, share
    (_, y1), (_, y2) = lines[0].points
    assert y1 == y2
    return float(y1)


def test_points_stand_where_the_axis_says() -> None:
    figure = power([POWER, ASSURANCE], target=0.8, chosen=18)
    texts = {run.text: run for run in figure.placed.texts}
    # Hairlines lie under the labels 0 and 100 of the axis; a share lies between them in proportion.
    low, high = texts["0"].y, texts["100"].y
    drop = texts["0"].face.size * 0.36
    ceiling = at(figure, COLORS["assurance"], 0.94435)
    assert (low - drop - ceiling) / (low - high) == pytest.approx(0.94435)
    curve = next(
        line for line in figure.placed.lines if line.color == COLORS["power"] and line.width > 1
    )
    shares = [(low - drop - y) / (low - high) for _, y in curve.points]
    assert shares == pytest.approx([share for _, share in POWER.points])
    xs = [x for x, _ in curve.points]
    steps = [(x - xs[0]) / (xs[-1] - xs[0]) for x in xs]
    assert steps == pytest.approx([0, 3 / 16, 4 / 16, 1])


def test_the_planned_number_has_a_dot_on_each_curve() -> None:
    figure = power([POWER, ASSURANCE], chosen=18, chosen_text="18 a group")
    dots = [shape for shape in figure.placed.shapes if len(shape.points) == 24]
    assert {dot.fill for dot in dots} == {COLORS["power"], COLORS["assurance"]}
    assert "18 a group" in [run.text for run in figure.placed.texts]


def test_ceiling_and_target_are_named() -> None:
    texts = [run.text for run in power([POWER, ASSURANCE], target=0.8).placed.texts]
    assert "ceiling 94%" in texts
    assert "target 80%" in texts


def test_description_tells_the_figure() -> None:
    spec = power_spec([POWER, ASSURANCE], target=0.8, chosen=18)
    assert "assurance: 67% with 8, 80% with 18, 82% with 20; ceiling 94%." in spec.description
    assert ">99% with 18" in spec.description
    assert spec.footer[-1].startswith("Made with metabone")


@pytest.mark.parametrize("width_mm", [None, 85, 250])
@pytest.mark.parametrize("chosen", [None, 2, 18, 20])
def test_nothing_overlaps_or_is_cut(
    layout_tests: Any, width_mm: float | None, chosen: float | None
) -> None:
    figure = power(
        [POWER, Curve("power if the SD is a third larger", "other", POWER.points), ASSURANCE],
        target=0.8, chosen=chosen, title="BV/TV after MSC exosomes in ovariectomised rats",
        footer=["Two groups, two-sided t test at 5%."] * 2, banner="SYNTHETIC DATA",
        width_mm=width_mm,
    )  # fmt: skip
    layout_tests.check(figure)


def test_hostile_words_are_only_shown(layout_tests: Any) -> None:
    name = "$x_1$ \\alpha <script> \x1b[31m 骨"
    figure = power([Curve(name, "power", ((2, 0.1), (9, 0.9)))], title=name, chosen_text=name)
    layout_tests.check(figure)
    svg = render(figure, "svg").decode("utf-8")
    assert "<script>" not in svg
    assert "\x1b" not in svg


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_same_bytes(kind: str) -> None:
    first, second = (power([POWER, ASSURANCE], target=0.8, chosen=18) for _ in range(2))
    assert render(first, kind) == render(second, kind)


def test_refusals() -> None:
    with pytest.raises(UsageError, match="at least two numbers of animals"):
        power_spec([Curve("one", "power", ((5, 0.5),))])
    with pytest.raises(UsageError, match="between 0 and 1; got 80"):
        power_spec([POWER], target=80)
    with pytest.raises(UsageError, match="got nan"):
        power_spec([Curve("nan", "power", ((2, 0.1), (3, float("nan"))))])
    with pytest.raises(UsageError, match=r"width 30 mm is too narrow .* at least \d+ mm"):
        power([POWER], width_mm=30)
    with pytest.raises(UsageError, match="font"):
        power([POWER], font="No Such Font")


def test_labels_keep_apart_and_in_order() -> None:
    middles = spread([5, 5, 5, 100], [10, 10, 10, 10], 0)
    assert middles == [5, 15, 25, 100]
    assert spread([50, 51], [10, 20], 0) == pytest.approx([40.5, 55.5])
