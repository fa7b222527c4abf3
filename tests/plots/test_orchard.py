"""Orchard and caterpillar plots: what they show is the answer, and nothing is hidden."""

from __future__ import annotations

import math
from itertools import combinations, pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from metabone.errors import DataError, UsageError
from metabone.plots.caterpillar import ALL_NAMED, ONE_LINE, caterpillar, caterpillar_spec
from metabone.plots.export import render
from metabone.plots.forest import BANNER
from metabone.plots.orchard import orchard, orchard_spec
from metabone.plots.swarm import OVERLAP, swarm


@pytest.fixture(scope="module")
def result(samples: ModuleType) -> Any:
    rows = samples.rows_of(20)
    rows += [dict(row, exosome_source="GMSC") for row in samples.rows_of(1, name=lambda i: "Zhu")]
    return samples.answer(rows)


def test_bubbles_of_a_swarm_stand_apart() -> None:
    draw = np.random.default_rng(2)
    xs, radii = draw.normal(0, 20, 150).tolist(), draw.uniform(1, 3, 150).tolist()
    offsets = swarm(xs, radii, 1000)
    for i, j in combinations(range(150), 2):
        apart = math.hypot(xs[i] - xs[j], offsets[i] - offsets[j])
        assert apart >= (1 - OVERLAP) * (radii[i] + radii[j]) - 1e-6


def test_a_swarm_does_not_hang_on_the_order_of_the_rows() -> None:
    xs = np.linspace(0, 9, 40).tolist()
    radii = [1.0 + (i % 7) / 10 for i in range(40)]
    there = swarm(xs, radii, 50)
    back = swarm(xs[::-1], radii[::-1], 50)
    assert back[::-1] == there


def test_a_swarm_of_equal_effects_keeps_within_its_height() -> None:
    offsets = swarm([1.0] * 300, [2.0] * 300, 30.0)
    assert max(map(abs, offsets)) + 2.0 <= 30.0 + 1e-9
    assert len(set(offsets)) > 250  # pressed together, not on each other


def test_rows_are_strata_with_all_their_effects(result: Any) -> None:
    spec = orchard_spec(result)
    shown = [stratum for stratum in result.strata if stratum.rows]
    rows = spec.of_kind("study")
    assert [row.cells["study"][0] for row in rows] == [one.label for one in shown]
    yi = dict(zip(result.effects.frame.index, result.effects.yi, strict=True))
    for row, stratum in zip(rows, shown, strict=True):
        assert row.mark is not None
        assert [x for x, _ in row.mark.fruit] == [yi[at] for at in stratum.rows]
        assert row.cells["effects"] == (str(stratum.k_effects),)
        assert row.cells["studies"] == (str(stratum.k_studies),)
        if stratum.estimate is None:
            assert math.isnan(row.mark.estimate)
        else:
            assert (row.mark.low, row.mark.high) == stratum.estimate.ci()
            assert row.mark.spread == stratum.estimate.pi()
    (overall,) = spec.of_kind("overall")
    assert overall.mark is not None
    assert len(overall.mark.fruit) == result.overall.k_effects


def test_area_is_precision(result: Any) -> None:
    (overall,) = orchard_spec(result, by="").of_kind("overall")
    assert overall.mark is not None
    areas = np.array([area for _, area in overall.mark.fruit])
    precision = 1 / np.sqrt(result.effects.vi)
    np.testing.assert_allclose(areas, precision / precision.max())


def test_a_stratum_that_is_not_pooled_says_why(result: Any) -> None:
    (note,) = orchard_spec(result).of_kind("note")
    assert note.label.startswith("1 study: fewer than 3")


def test_no_prediction_interval(result: Any) -> None:
    spec = orchard_spec(result, show_prediction=False)
    assert spec.column("pi") is None
    assert all(row.mark.spread is None for row in spec.rows if row.mark is not None)
    assert "prediction interval." not in spec.footer[0].split("Bubbles")[1]


def test_effects_beyond_the_axis_are_counted(result: Any) -> None:
    low, high = 0.5, 1.0
    spec = orchard_spec(result, xlim=(low, high))
    beyond = sum(not low <= yi <= high for yi in result.effects.yi)
    assert f"beyond the axis ({beyond} effects)" in spec.footer[0]


def test_an_unknown_grouping_is_refused(result: Any) -> None:
    with pytest.raises(UsageError, match="the answer is stratified by 'exosome_source'"):
        orchard_spec(result, by="species")


def test_a_single_effect_is_no_answer(samples: ModuleType) -> None:
    with pytest.raises(DataError, match="one effect is left to pool"):
        samples.answer(1)


@pytest.mark.parametrize("draw", [orchard, caterpillar])
def test_figures_are_the_same_bytes_and_say_synthetic(samples: ModuleType, draw: Any) -> None:
    rows = [dict(row, source="synthetic") for row in samples.rows_of(9, name=samples.greek)]
    rows[0]["study"] = '<script>alert("x")</script>'
    answer = samples.answer(rows)
    first, second = (render(draw(answer), "svg") for _ in range(2))
    assert first == second
    assert b"<script" not in first
    assert any(run.text.startswith(BANNER[:9]) for run in draw(answer).placed.texts)
    assert "SYNTHETIC DATA" in draw(answer).placed.description


@pytest.mark.parametrize("draw", [orchard, caterpillar])
@pytest.mark.parametrize("n", [5, 40])
def test_nothing_is_cut(samples: ModuleType, draw: Any, n: int) -> None:
    from metabone.plots.text import width

    placed = draw(samples.answer(n, name=samples.long)).placed
    for run in placed.texts:
        wide = width(run.text, run.face)
        left = run.x - {"left": 0.0, "center": wide / 2, "right": wide}[run.align]
        assert left >= -0.1, run.text
        assert left + wide <= placed.width + 0.1, run.text
        assert 0 < run.y < placed.height
    for shape in placed.shapes:
        assert all(-0.5 <= x <= placed.width + 0.5 for x, _ in shape.points)
        assert all(0 <= y <= placed.height for _, y in shape.points)


@pytest.mark.parametrize("draw", [orchard, caterpillar])
def test_equal_effects_are_drawn(samples: ModuleType, draw: Any) -> None:
    row = samples.rows_of(1)[0]
    answer = samples.answer([dict(row, study=f"S{i}") for i in range(6)])
    assert draw(answer).placed.shapes


def test_effects_stand_in_the_order_of_their_size(result: Any) -> None:
    spec = caterpillar_spec(result)
    upper, lower = spec.panels
    xs = [dot.x for dot in upper.dots]
    assert xs == sorted(result.effects.yi)
    frame = result.effects.frame
    for dot, line in zip(upper.dots, upper.line("interval"), strict=True):
        half = 1.959964 * math.sqrt(frame.at[dot.source, "vi"])
        (low, _), (high, _) = line.points
        assert (low, high) == pytest.approx((dot.x - half, dot.x + half), abs=1e-5)
    assert len(upper.y.names) == len(xs) <= ALL_NAMED
    ((low, _), (high, _)) = lower.line("trunk")[0].points
    assert (low, high) == result.overall.ci()
    ((low, _), (high, _)) = lower.line("branch")[0].points
    assert (low, high) == result.overall.pi()


@pytest.mark.parametrize(("k", "name"), [(12, "long"), (30, "long"), (48, "long"), (20, "plain")])
def test_names_stand_beside_what_they_name(samples: ModuleType, k: int, name: str) -> None:
    from metabone.plots.xy_layout import lay_out_xy

    rows = samples.rows_of(k, per=1, name=samples.NAMERS[name])
    laid = lay_out_xy(caterpillar_spec(samples.answer(rows, by=(), model="univariate")))
    # A name that was pushed away has a slanted line to its effect; all else is upright or level.
    for line in laid.lines:
        for (x1, y1), (x2, y2) in pairwise(line.points):
            assert abs(x1 - x2) < 1e-6 or abs(y1 - y2) < 1e-6


def test_very_many_effects_stay_on_a_page(samples: ModuleType) -> None:
    n = ONE_LINE + 20
    answer = samples.answer(samples.rows_of(n, per=1), by=(), model="univariate", tau2="DL")
    spec = caterpillar_spec(answer)
    assert spec.panels[0].y.names == ()
    assert len(spec.panels[0].line("hair")) == n
    (line,) = spec.panels[0].line("estimate")
    assert [x for x, _ in line.points] == sorted(answer.effects.yi)
    from metabone.plots.xy_layout import lay_out_xy

    assert lay_out_xy(spec).height < 297 / 25.4 * 72


def test_intervals_that_are_cut_are_counted(result: Any) -> None:
    (first, *_) = caterpillar_spec(result, xlim=(0.5, 1.0)).footer
    assert "intervals run beyond the axis and are cut there" in first
    assert "arrow heads" in first
