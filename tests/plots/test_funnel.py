from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import stats

from metabone.effects.formulas import smd_variance
from metabone.errors import DataError, UsageError
from metabone.plots.funnel import funnel_spec, trim_fill_of
from metabone.synthesis.bias.bias import bias


def xs(spec: Any) -> list[float]:
    return [dot.x for dot in spec.panels[0].dots]


def test_points_stand_at_their_precision(samples: ModuleType) -> None:
    result = samples.answer(20, by=(), measure="MD")
    frame = result.effects.frame
    heights = {
        "sei": np.sqrt(frame["vi"]), "seinv": 1 / np.sqrt(frame["vi"]),
        "sqrtninv": (frame["n_treated"] + frame["n_control"]) ** -0.5,
        "arms": np.sqrt(1 / frame["n_treated"] + 1 / frame["n_control"]),
    }  # fmt: skip
    for axis, expected in heights.items():
        spec = funnel_spec(result, precision=axis)
        dots = spec.panels[0].dots
        assert [dot.source for dot in dots] == frame.index.tolist()
        assert xs(spec) == frame["yi"].tolist()
        assert [dot.y for dot in dots] == pytest.approx(expected.tolist())
        assert spec.panels[0].y.down == (axis != "seinv")
    assert funnel_spec(result, precision="se") == funnel_spec(result, precision="sei")


def test_the_axis_suits_the_measure(samples: ModuleType) -> None:
    standardised = funnel_spec(samples.answer(12, by=()))
    assert standardised.panels[0].y.label.startswith("√(1/n₁ + 1/n₂)")
    assert "lopsided without any bias" in standardised.footer[0]
    ratio = funnel_spec(samples.answer(12, by=(), measure="ROM"))
    assert ratio.panels[0].y.label == "Standard error"
    assert "lopsided" not in ratio.footer[0]
    asked = funnel_spec(samples.answer(12, by=()), precision="sei")
    assert "sqrtninv and arms are free of that" in asked.footer[0]


def test_the_pseudo_region_and_the_contours_are_those_of_the_normal(samples: ModuleType) -> None:
    result = samples.answer(30, by=(), measure="ROM")
    panel = funnel_spec(result).panels[0]
    mean, z = result.overall.estimate, stats.norm.ppf(0.975)
    left, right = panel.line("limit")
    assert all(x == pytest.approx(mean - z * y) for x, y in left.points)
    assert all(x == pytest.approx(mean + z * y) for x, y in right.points)
    for kind, p in (("p10", 0.1), ("p05", 0.05), ("p01", 0.01)):
        areas = [area for area in panel.areas if area.kind == kind]
        assert len(areas) == 2
        near = [(x, y) for x, y in areas[1].points[: len(left.points)] if y > 0]
        assert [2 * stats.norm.sf(x / y) for x, y in near] == pytest.approx([p] * len(near))


@pytest.mark.parametrize("axis", ["arms", "sqrtninv"])
def test_contours_on_sizes_are_right_for_equal_arms(samples: ModuleType, axis: str) -> None:
    result = samples.answer(30, by=())
    panel = funnel_spec(result, precision=axis).panels[0]
    far = 2 * max(abs(panel.x.low), abs(panel.x.high))
    area = [one for one in panel.areas if one.kind == "p05"][1]
    half = len(area.points) // 2
    for g, y in area.points[:half]:
        n = 2 / y**2 if axis == "arms" else 0.5 / y**2  # animals of each arm
        if g >= far or n < 3:
            continue
        # The variance of the package, which the curve does not use.
        vi = float(smd_variance(g, n, n))
        assert 2 * stats.norm.sf(g / math.sqrt(vi)) == pytest.approx(0.05, rel=1e-6)


def test_no_region_where_none_follows(samples: ModuleType) -> None:
    result = samples.answer(12, by=(), measure="MD")
    spec = funnel_spec(result, precision="arms")
    assert not spec.panels[0].areas
    assert not spec.panels[0].line("limit")
    assert "no regions" in spec.footer[0]
    with pytest.raises(UsageError, match="contours: on the axis arms"):
        funnel_spec(result, precision="arms", contours=True)
    assert not funnel_spec(result, contours=False).panels[0].areas


def test_what_the_model_does_not_expect_stands_out(samples: ModuleType) -> None:
    rows = samples.rows_of(30, per=1)
    rows[4]["mean_treated"] = rows[4]["mean_control"] + 9 * rows[4]["dispersion_control"]
    result = samples.answer(rows, by=(), measure="MD")
    panel = funnel_spec(result).panels[0]
    yi, vi = result.effects.yi, result.effects.vi
    away = np.abs(yi - result.overall.estimate) / np.sqrt(vi + result.overall.tau2)
    assert [dot.kind == "flagged" for dot in panel.dots] == (away > stats.norm.ppf(0.975)).tolist()
    assert panel.dots[4].label == "Author 4 2004"
    assert not any(dot.label for dot in panel.of_kind("effect"))
    assert all(dot.label for dot in funnel_spec(result, labels="all").panels[0].dots)


@pytest.mark.parametrize("per", [1, 2])
@pytest.mark.parametrize("axis", ["sei", "seinv", "arms"])
def test_trim_and_fill_is_drawn_hollow(samples: ModuleType, per: int, axis: str) -> None:
    rows = samples.rows_of(24, per=per, seed=3)
    for i, row in enumerate(rows):  # small studies show more
        n = 4 + i
        row |= {"n_treated": n, "n_control": n}
        row["mean_treated"] = row["mean_control"] + row["dispersion_control"] * (0.2 + 9 / n)
    answer = bias(samples.answer(rows, by=()).effects)
    found = trim_fill_of(answer, "L0")
    assert found.k0 > 0
    spec = funnel_spec(answer.pooled, precision=axis, trimfill=found)
    filled = spec.panels[0].of_kind("filled")
    assert [dot.x for dot in filled] == list(found.filled_yi)
    if axis == "sei":
        assert [dot.y**2 for dot in filled] == pytest.approx(list(found.filled_vi))
    if axis == "arms" and per == 1:
        heights = {dot.source: dot.y for dot in spec.panels[0].dots if dot.source is not None}
        assert [dot.y for dot in filled] == [heights[row] for (row,) in found.filled_rows]
    (line,) = spec.panels[0].line("filled")
    assert line.points[0][0] == found.corrected.estimate
    assert f"adds {found.k0}" in spec.footer[0]
    with pytest.raises(UsageError, match="trim_fill must be one of"):
        trim_fill_of(answer, "L1")


def test_rows_without_sizes_are_counted(samples: ModuleType) -> None:
    rows = samples.rows_of(8, per=1)
    for row in rows[:3]:
        for key in [key for key in row if key.startswith(("n_", "mean_", "dispersion_"))]:
            row[key] = None
        row |= {"yi": 0.5, "vi": 0.2}
    result = samples.answer(rows, by=())
    spec = funnel_spec(result, precision="sqrtninv")
    assert len(spec.panels[0].dots) == 5
    assert "3 effects have no place on this axis" in spec.footer[0]
    # The axis is not chosen so that it loses effects.
    assert funnel_spec(result).panels[0].y.label == "Standard error"
    alone = samples.answer(rows[:3], by=())
    with pytest.raises(DataError, match="no effect has what the axis arms"):
        funnel_spec(alone, precision="arms")


def test_a_giant_ends_in_an_arrow(samples: ModuleType) -> None:
    rows = samples.rows_of(20, per=1)
    rows[0]["mean_treated"] = rows[0]["mean_control"] + 400 * rows[0]["dispersion_control"]
    spec = funnel_spec(samples.answer(rows, by=(), model="univariate"), precision="sei")
    assert spec.panels[0].x.high < 100
    assert "beyond the axes: arrow heads" in spec.footer[0]


def test_synthetic_data_and_words_for_readers(samples: ModuleType) -> None:
    rows = samples.rows_of(10, per=1)
    for row in rows:
        row["source"] = "synthetic"
    spec = funnel_spec(samples.answer(rows, by=()))
    assert spec.banner is not None
    assert spec.footer[0].startswith("SYNTHETIC DATA")
    assert spec.description.startswith("Funnel plot (SYNTHETIC DATA) of BV/TV: 10 effects of 10")
    axis = spec.panels[0].x
    assert (axis.left, axis.right) == ("favours control", "favours treatment")
    with pytest.raises(UsageError, match="precision must be one of"):
        funnel_spec(samples.answer(rows, by=()), precision="vi")
