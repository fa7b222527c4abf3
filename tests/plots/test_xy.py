"""The parts that figures of points share: hexagons, clipping, places of words, axes, layout."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from metabone.errors import DataError, UsageError
from metabone.plots.axis import choose_ticks
from metabone.plots.baujat import baujat, baujat_spec
from metabone.plots.bubble import bubble
from metabone.plots.export import render
from metabone.plots.funnel import funnel
from metabone.plots.gosh import gosh, gosh_spec
from metabone.plots.hexagons import hexagons
from metabone.plots.influence import influence, influence_spec
from metabone.plots.marks import Stage
from metabone.plots.scales import find_scale, tick_sets
from metabone.plots.sensitivity import draw_sensitivity
from metabone.plots.sheet import look
from metabone.plots.spec import Axis
from metabone.plots.text import Face
from metabone.plots.xy_labels import Obstacles, Wanted, crossed, place_labels
from metabone.plots.xy_panel import clip_area, clip_segment
from metabone.plots.xy_scales import fences, span
from metabone.plots.xy_styles import AREAS, shade
from metabone.synthesis.regression import regress
from metabone.synthesis.sensitivity.sensitivity import sensitivity

SIZES = (5, 40, 120)


@pytest.fixture(scope="module")
def layout_tests() -> Any:
    path = Path(__file__).with_name("test_layout.py")
    found = importlib.util.spec_from_file_location("plot_layout_checks", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def answers(samples: ModuleType) -> dict[int, Any]:
    """Sensitivity answers of few effects and of many."""
    found = {}
    for k in SIZES:
        effects = samples.answer(k, by=()).effects
        found[k] = sensitivity(effects, influence=True, baujat=True, gosh=True, gosh_sample=2000,
                               model="univariate" if k == 5 else "auto")  # fmt: skip
    return found


def test_an_axis_whose_last_number_has_no_room_keeps_the_others() -> None:
    ticks = tick_sets(-0.026, 0.406, find_scale("SMD", None))
    axis = Axis(-0.026, 0.406, ticks, 0.0, None, "", "", "")
    style, face = look(None)
    stage = Stage(axis, 100.0, 145.0, style.size)
    shown = choose_ticks(stage, face, (0.0, 200.0))
    assert [tick.text for tick in shown] == ["0.0", "0.2", "0.4"]
    # The last number ends beyond the panel: it goes, not all of them.
    shown = choose_ticks(stage, face, (95.0, 146.0))
    assert [tick.text for tick in shown] == ["0.0", "0.2"]
    # Where not two have room, one is left.
    assert len(choose_ticks(Stage(axis, 100.0, 108.0, style.size), face, (99.0, 109.0))) == 1


def test_hexagons_count_what_the_nearest_centre_counts() -> None:
    draw = np.random.default_rng(5)
    x, y = draw.normal(0, 1, 600), draw.uniform(0, 100, 600)
    shape, across = 0.7, 12
    cells = hexagons(x, y, (-4.0, 4.0), (0.0, 100.0), across, shape)
    assert sum(cell.count for cell in cells) == 600
    # By brute force: the centre of a cell is the mean of its corners; count the nearest of all.
    middles = np.array([np.mean(cell.corners, axis=0) for cell in cells])
    paper = (middles - [-4, 0]) / [8, 100] * [1, shape]
    points = (np.column_stack([x, y]) - [-4, 0]) / [8, 100] * [1, shape]
    away = np.hypot(*(points[:, None] - paper[None]).transpose(2, 0, 1))
    counts = np.bincount(away.argmin(axis=1), minlength=len(cells))
    assert counts.tolist() == [cell.count for cell in cells]
    sides = np.diff(np.array(cells[0].corners) / [8, 100] * [1, shape], axis=0)
    assert np.hypot(*sides.T) == pytest.approx(np.full(5, 1 / (math.sqrt(3) * across)))


def test_what_lies_beyond_is_cut_off() -> None:
    frame = (0.0, 0.0, 10.0, 5.0)
    assert clip_segment((-5, 1), (15, 1), frame) == ((0, 1), (10, 1))
    assert clip_segment((-5, 6), (15, 6), frame) is None
    assert clip_segment((3, -1), (3, 9), frame) == ((3, 0), (3, 5))
    corners = clip_area([(-5, -5), (20, -5), (20, 20), (-5, 20)], frame)
    assert sorted(set(corners)) == [(0, 0), (0, 5), (10, 0), (10, 5)]
    assert clip_area([(11, 0), (12, 0), (12, 1)], frame) == []


def test_words_cover_nothing_and_the_important_ones_come_first() -> None:
    draw = np.random.default_rng(2)
    dots = np.column_stack([draw.uniform(0, 300, 60), draw.uniform(0, 200, 60), np.full(60, 2.5)])
    lines = np.array([[150.0, 0.0, 150.0, 200.0]])
    wanted = [Wanted(*dot, f"Author {i} 2020", float(i)) for i, dot in enumerate(dots)]
    placed, left = place_labels(
        wanted, Obstacles(dots, lines), (0.0, 0.0, 300.0, 200.0), Face(size=6), 7.0
    )
    assert len(placed) + len(left) == 60
    assert placed
    assert left
    for i, one in enumerate(placed):
        a, b, c, d = one.box
        assert a >= 0
        assert b >= 0
        assert c <= 300
        assert d <= 200
        gap = np.hypot(np.maximum(np.maximum(a - dots[:, 0], dots[:, 0] - c), 0),
                       np.maximum(np.maximum(b - dots[:, 1], dots[:, 1] - d), 0))  # fmt: skip
        assert gap.min() > 2.5
        assert not crossed(one.box, lines)
        for other in placed[:i]:
            e, f, g, h = other.box
            assert c <= e or g <= a or d <= f or h <= b
    # The label of the highest rank is the first to choose.
    assert "".join(placed[0].lines).replace(" ", "") == "Author592020"


def test_no_room_leaves_words_out() -> None:
    one = Wanted(5, 5, 2, "a name that is far too long for this frame", 1.0)
    obstacles = Obstacles(np.array([[5.0, 5.0, 2.0]]), np.zeros((0, 4)))
    placed, left = place_labels([one], obstacles, (0, 0, 10, 10), Face(size=7), 9.0)
    assert placed == []
    assert left == [one.text]


def test_one_giant_does_not_stretch_an_axis() -> None:
    values = [0.1 * i for i in range(20)] + [900.0]
    assert span(values)[1] < 20
    assert span(values, [50.0])[1] > 50
    assert fences([1.0, 2.0]) == (-math.inf, math.inf)


def test_shades_descend_in_lightness_without_colour() -> None:
    def grey(color: str) -> float:
        red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    regions = [grey(AREAS["p10"]), grey(AREAS["p05"]), grey(AREAS["p01"])]
    assert 255 > regions[0] > regions[1] + 12 > regions[2] + 24
    counts = [grey(shade(i / 10)) for i in range(11)]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("kind", ["influence", "baujat", "gosh"])
@pytest.mark.parametrize("k", SIZES)
def test_nothing_of_a_sensitivity_figure_overlaps_or_is_cut(
    layout_tests: Any, answers: dict[int, Any], kind: str, k: int
) -> None:
    layout_tests.check(draw_sensitivity(answers[k], kind))


@pytest.mark.parametrize("k", SIZES)
def test_nothing_of_funnel_and_bubble_overlaps_or_is_cut(
    layout_tests: Any, samples: ModuleType, k: int
) -> None:
    result = samples.answer(k, by=())
    for precision in ("sei", "arms"):
        layout_tests.check(funnel(result, precision=precision, labels="all"))
    if k > 5:
        fit = regress(result.effects, "timepoint_weeks + exosome_source")
        for moderator in ("timepoint_weeks", "exosome_source"):
            layout_tests.check(bubble(fit, moderator, labels="all", width_mm=100))


def test_hostile_names_are_only_shown(layout_tests: Any, samples: ModuleType) -> None:
    rows = samples.rows_of(20, name=samples.greek)
    rows[0]["study"] = "<script>alert(1)</script>\x1b[31m $x_1$ 骨"
    figure = funnel(samples.answer(rows, by=()), labels="all")
    layout_tests.check(figure)
    svg = render(figure, "svg").decode("utf-8")
    assert "<script>" not in svg
    assert "\x1b" not in svg


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_same_bytes(samples: ModuleType, answers: dict[int, Any], kind: str) -> None:
    result = samples.answer(40, by=())
    assert render(funnel(result), kind) == render(funnel(result), kind)
    part = answers[40].gosh
    assert render(gosh(part), kind) == render(gosh(part), kind)


def test_a_baujat_plot_shows_the_answer(answers: dict[int, Any]) -> None:
    part = answers[40].baujat
    panel = baujat_spec(part, labels="none").panels[0]
    assert [(dot.x, dot.y) for dot in panel.dots] == [(p.q, p.influence) for p in part.points]
    q, sway = sum(p.q for p in part.points), sum(p.influence for p in part.points)
    k = len(part.points)
    expected = [k * p.q / q >= 3 or k * p.influence / sway >= 3 for p in part.points]
    assert [dot.kind == "flagged" for dot in panel.dots] == expected
    assert not any(dot.label for dot in panel.dots)
    with pytest.raises(UsageError, match="labels must be one of"):
        baujat_spec(part, labels="some")


def test_the_influence_panel_shows_every_diagnostic(answers: dict[int, Any]) -> None:
    part = answers[40].influence
    spec = influence_spec(part)
    assert [panel.title for panel in spec.panels] == [
        "rstudent", "DFFITS", "Cook’s d", "cov. ratio", "hat", "weight, %",
    ]  # fmt: skip
    for panel, name in zip(
        spec.panels, ("rstudent", "dffits", "cook_d", "cov_ratio", "hat", "weight"), strict=True
    ):
        values = [getattr(line, name) for line in part.lines]
        assert [dot.x for dot in panel.dots] == values
        flags = [bool(line.flags) for line in part.lines]
        assert [dot.kind == "flagged" for dot in panel.dots] == flags
    assert [t.text for t in spec.panels[0].y.names] == [line.label for line in part.lines]
    cut = [stroke.points[0][0] for stroke in spec.panels[2].line("cut")]
    assert cut == [part.thresholds["cook_d"]]
    many = influence_spec(answers[120].influence)
    assert len(many.panels[0].y.names) == len(answers[120].influence.influential)


def test_a_gosh_plot_counts_every_subset_once(answers: dict[int, Any]) -> None:
    part = answers[40].gosh
    spec = gosh_spec(part)
    assert "2,000 random subsets of 20 studies (seed 1)" in spec.footer[0]
    top, main, side = spec.panels
    bars = sum(area.points[2][1] for area in top.areas)
    beyond = int(((part.estimate < top.x.low) | (part.estimate > top.x.high)).sum())
    assert bars + beyond == 2000
    assert sum(area.points[2][0] for area in side.areas) == bars
    assert all(area.kind == "count" for area in main.areas)
    name = part.labels[3]
    parts = gosh_spec(part, highlight=name)
    assert [panel.title for panel in parts.panels[:2]] == [f"With {name}", f"Without {name}"]
    with_it = sum(area.points[2][1] for area in parts.panels[0].areas)
    without = sum(area.points[2][1] for area in parts.panels[1].areas)
    assert with_it + without == bars
    has = np.unpackbits(part.members, axis=1, count=20)[:, 3].astype(bool)
    seen = (part.estimate >= top.x.low) & (part.estimate <= top.x.high)
    assert with_it == (has & seen).sum()
    with pytest.raises(UsageError, match="no member is called 'Nobody'"):
        gosh_spec(part, highlight="Nobody")


def test_figures_of_parts_that_were_not_asked_are_refused(samples: ModuleType) -> None:
    result = sensitivity(samples.answer(12, by=()).effects, baujat=True)
    with pytest.raises(UsageError, match="holds no gosh"):
        draw_sensitivity(result, "gosh")
    with pytest.raises(UsageError, match="a baujat figure takes no highlight"):
        draw_sensitivity(result, "baujat", highlight="x")
    assert result.baujat is not None
    with pytest.raises(UsageError, match=r"width 20 mm is too narrow .* at least \d+ mm"):
        baujat(result.baujat, width_mm=20)
    with pytest.raises(UsageError, match="font"):
        baujat(result.baujat, font="No Such Font")


def test_an_influence_panel_needs_a_diagnostic(answers: dict[int, Any]) -> None:
    from dataclasses import replace

    part = answers[5].influence
    names = ("rstudent", "dffits", "cook_d", "cov_ratio", "hat", "weight")
    blank: Any = dict.fromkeys(names, math.nan)
    lines = tuple(replace(line, **blank) for line in part.lines)
    with pytest.raises(DataError, match="too few to leave one out"):
        influence(replace(part, lines=lines))
