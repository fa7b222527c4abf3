from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metabone.effects.table import EffectTable
from metabone.errors import UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.where import select
from metabone.plots.curve import curve, curve_spec
from metabone.plots.curve_marks import Track
from metabone.plots.export import render
from metabone.synthesis.choices import factors
from metabone.synthesis.choices.analyse import choices
from metabone.synthesis.choices.results import (
    ChoicesResult,
    OptionLine,
    ScaleLine,
    Specification,
)


@pytest.fixture(scope="module")
def layout_tests() -> Any:
    path = Path(__file__).with_name("test_layout.py")
    found = importlib.util.spec_from_file_location("plot_layout_checks_of_curves", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def real() -> ChoicesResult:
    rows = select(read_table("unloading"), where="assay == 'microCT'", outcome=("Tb.N",))
    lists = {"measure": ["SMD", "ROM"], "outliers": "none", "cluster": "none", "rho": 0.5}
    return choices(rows, lists, permutations=30)


def many(real: ChoicesResult, count: int, scales: int = 1) -> ChoicesResult:
    """As many analyses as wanted, with estimates that say nothing."""
    rng = np.random.default_rng(count)
    names = ["SD units", "log ratio of means", "log ratio of SDs", "mean difference"][:scales]
    measures = ["SMD", "ROM", "VR", "MD"]
    lists = {"outliers": ("none", "rstudent_3", "largest_vi"), "tau2": ("REML", "DL"),
             "ci": ("hksj", "wald")}  # fmt: skip
    found = []
    for scale, measure in zip(names, measures, strict=False):
        for estimate in np.sort(rng.normal(-0.3, 0.4, count // scales)):
            options = {name: str(rng.choice(known)) for name, known in lists.items()}
            half = float(rng.uniform(0.2, 1.5))
            found.append(
                Specification(
                    options | {"measure": measure}, scale, float(estimate), half / 2, 9.0,
                    estimate - half, estimate + half, 0.01 if abs(estimate) > half else 0.3,
                    float(estimate / half), 0.1, 5, 9,
                )
            )  # fmt: skip
    lines = []
    for i, scale in enumerate(names):
        values = sorted(one.estimate for one in found if one.scale == scale)
        band = tuple(np.linspace(-0.5, -0.1, len(values)).tolist())
        ends = (values[len(values) // 2], values[0], values[-1])
        mirror = tuple(-b for b in band[::-1])
        lines.append(ScaleLine(scale, (measures[i],), len(values), *ends, band, mirror))
    shares = dict.fromkeys([*lists, "interactions"], 0.25)
    by_option = tuple(
        OptionLine(name, option, 1, 0.0, 0.0, 0.0)
        for name, known in lists.items()
        for option in known
    )
    return replace(
        real, specifications=tuple(found), reference=count // (3 * scales), most_different=0,
        factors=lists, importance=shares, importance_z=shares, by_option=by_option,
        scales=tuple(lines), permutation=None,
    )  # fmt: skip


def test_every_analysis_stands_in_its_row(real: ChoicesResult) -> None:
    spec = curve_spec(real)
    assert [len(panel.points) for panel in spec.panels] == [line.count for line in real.scales]
    rows = [row for row in spec.rows if not row.heading]
    marked = sum(len(places) for row in rows[1:] for places in row.places)
    assert marked == sum(len(one.options.keys() & real.factors.keys()) for one in real.answered)
    significant = sum(len(places) for places in rows[0].places)
    assert significant == round(real.shares["significant"] * len(real.answered))
    wanted = real.specifications[real.reference]
    at = spec.panels[0].reference
    assert at is not None
    assert spec.panels[0].points[at].estimate == wanted.estimate
    assert spec.panels[1].reference is None
    bold = {row.label for row in rows if row.reference}
    assert bold == {factors.words_of(name, wanted.options[name]) for name in real.factors
                    if name in wanted.options}  # fmt: skip


def test_points_and_band_stand_where_the_axis_says(real: ChoicesResult) -> None:
    figure = curve(many(real, 60))
    spec = curve_spec(many(real, 60))
    panel = spec.panels[0]
    zero = next(line for line in figure.placed.lines if line.width == 0.9).points[0][1]
    intervals = [
        line for line in figure.placed.lines if line.color == "#a9b7c2" and line.width > 0.3
    ]
    heights = [
        line.points for line in intervals if abs(line.points[0][0] - line.points[1][0]) < 1e-9
    ]
    # All intervals have one scale: points per unit from any of them.
    drawn = [pair for pair in heights if pair[0][1] != pair[1][1]][:60]  # the legend's is last
    inside = [
        (points, point) for points, point in zip(drawn, panel.points, strict=False)
        if panel.low < point.low and point.high < panel.high
    ]  # fmt: skip
    scale = [(p[1][1] - p[0][1]) / (q.high - q.low) for p, q in inside]
    assert scale == pytest.approx([scale[0]] * len(scale), rel=1e-6)
    assert [zero - p[0][1] for p, _ in inside] == pytest.approx(
        [q.high * scale[0] for _, q in inside], abs=1e-6
    )


@pytest.mark.parametrize(("count", "scales"), [(1, 1), (48, 1), (300, 1), (300, 3), (2000, 1)])
@pytest.mark.parametrize("width_mm", [None, 130])
def test_nothing_overlaps_or_is_cut(
    layout_tests: Any, real: ChoicesResult, count: int, scales: int, width_mm: float | None
) -> None:
    if scales > 1 and width_mm:
        width_mm = 150
    layout_tests.check(curve(many(real, count, scales), width_mm=width_mm))


def test_long_and_hostile_names(
    layout_tests: Any, real: ChoicesResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "$x_1$ \\alpha <script> \x1b[31m 骨 " + "long_option_name_without_any_space" * 3
    words = {("tau2", "DL"): name, ("outliers", "largest_vi"): "a long name of many words " * 6}
    monkeypatch.setattr(factors, "WORDS", words)
    figure = curve(many(real, 90), title=name)
    layout_tests.check(figure)
    svg = render(figure, "svg").decode("utf-8")
    assert "<script>" not in svg
    assert "\x1b" not in svg


def test_thousands_of_analyses_stay_few_shapes(real: ChoicesResult) -> None:
    placed = curve(many(real, 2000)).placed
    assert len(placed.shapes) + len(placed.lines) < 3000
    track = Track(0, 300, 2000)
    assert track.bins == 250
    assert [track.bin_of(0), track.bin_of(1999)] == [0, 249]


def test_many_scales_are_shown_in_z(real: ChoicesResult) -> None:
    result = many(real, 80, 4)
    spec = curve_spec(result)
    assert len(spec.panels) == 1
    values = [point.estimate for point in spec.panels[0].points]
    assert values == sorted(one.z for one in result.answered)
    assert spec.panels[0].guides == pytest.approx((-1.96, 1.96), abs=1e-2)
    with pytest.raises(UsageError, match="4 scales do not fit"):
        curve_spec(result, show="estimate")
    with pytest.raises(UsageError, match="show must be one of"):
        curve_spec(result, show="ratio")


def test_significance_is_not_shown_by_colour_alone(real: ChoicesResult) -> None:
    dots = [shape for shape in curve(many(real, 60)).placed.shapes if len(shape.points) == 16]
    assert {shape.fill for shape in dots if shape.edge} == {"#ffffff", "#1c2126"}
    assert {"filled", "hollow"} <= {mark for mark, _ in curve_spec(many(real, 60)).legend}


def test_words(real: ChoicesResult) -> None:
    spec = curve_spec(real)
    assert spec.description.startswith(
        f"Specification curve of Tb.N: {len(real.answered)} analyses"
    )
    assert any("signs of whole studies flipped" in text for text in spec.footer)
    assert "Made with metabone" in spec.footer[0]
    synthetic = replace(real, effects=_synthetic(real.effects))
    assert curve_spec(synthetic).banner == "SYNTHETIC DATA"


def _synthetic(effects: EffectTable) -> EffectTable:
    return replace(effects, frame=effects.frame.assign(source="synthetic"))


@pytest.mark.parametrize("kind", ["svg", "pdf"])
def test_same_bytes(real: ChoicesResult, kind: str) -> None:
    first, second = (curve(real) for _ in range(2))
    assert render(first, kind) == render(second, kind)


def test_too_narrow(real: ChoicesResult) -> None:
    with pytest.raises(UsageError, match=r"40 mm is too narrow .* at least \d+ mm"):
        curve(many(real, 60), width_mm=40)
    with pytest.raises(UsageError, match="font"):
        curve(real, font="No Such Font")
