"""Leave-one-out and cumulative forest plots show their refits, also those without an answer."""

from __future__ import annotations

import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from metabone.errors import DataError, UsageError
from metabone.plots.export import render
from metabone.plots.forest import BANNER
from metabone.plots.refits_forest import refits_forest, refits_forest_spec
from metabone.plots.sensitivity import draw_sensitivity
from metabone.plots.styles import STYLES
from metabone.synthesis.sensitivity.sensitivity import sensitivity


@pytest.fixture(scope="module")
def result(samples: ModuleType) -> Any:
    rows = [dict(row, source="synthetic") for row in samples.rows_of(12)]
    effects = samples.answer(rows, by=()).effects
    return sensitivity(effects, leave_one_out="study", cumulative="precision")


def no_answer(line: Any) -> Any:
    nan = dict.fromkeys(("estimate", "se", "df", "ci_low", "ci_high", "pvalue", "tau2"), math.nan)
    return replace(line, **nan, reason="two studies are left")


@pytest.mark.parametrize("part", ["leave_one_out", "cumulative"])
def test_rows_are_refits(result: Any, part: str) -> None:
    refits = getattr(result, part)
    spec = refits_forest_spec(refits)
    rows = spec.of_kind("study")
    assert [row.cells["study"][0] for row in rows] == [line.label for line in refits.lines]
    for row, line in zip(rows, refits.lines, strict=True):
        assert row.mark is not None
        assert row.mark.estimate == line.estimate
        assert row.cells["effects"] == (str(line.k_effects),)
        shown = float(row.cells["effect"][0].replace("−", "-"))
        assert shown == pytest.approx(line.estimate, abs=0.00501)
    (overall,) = spec.of_kind("overall")
    assert overall.mark is not None
    assert (overall.mark.low, overall.mark.high) == result.overall.ci()
    assert spec.banner == BANNER
    assert "SYNTHETIC" in spec.description


def test_headers_say_which_it_is(result: Any) -> None:
    heads = [
        [column.header for column in refits_forest_spec(part).columns[:2]]
        for part in (result.leave_one_out, result.cumulative)
    ]
    assert heads == [["Without", "Studies"], ["Adding", "SE"]]


def test_refits_without_an_answer_say_why(result: Any) -> None:
    refits = result.leave_one_out
    some = replace(refits, lines=(no_answer(refits.lines[0]), *refits.lines[1:]))
    spec = refits_forest_spec(some)
    assert spec.of_kind("study")[0].cells["effect"] == ("–", "", "")
    (note,) = spec.of_kind("note")
    assert note.label == f"No answer without {refits.lines[0].label}: two studies are left."
    none = replace(refits, lines=tuple(map(no_answer, refits.lines)))
    assert refits_forest(none).placed.texts
    with pytest.raises(DataError, match="no refit"):
        refits_forest_spec(replace(refits, lines=()))


def test_early_steps_do_not_stretch_the_axis(result: Any) -> None:
    refits = result.cumulative
    wide = replace(refits.lines[1], ci_low=-90.0, ci_high=90.0)
    axis = refits_forest_spec(
        replace(refits, lines=(refits.lines[0], wide, *refits.lines[2:]))
    ).axis
    assert axis.high - axis.low < 20


@pytest.mark.parametrize("style", STYLES)
def test_every_style_draws_the_same_bytes(result: Any, style: str) -> None:
    first, second = (
        render(draw_sensitivity(result, "leave-one-out", style=style), "svg") for _ in range(2)
    )
    assert first == second


def test_hostile_names_are_letters(result: Any) -> None:
    lines = [replace(line, label="<script>x</script>\x1b[31m") for line in result.cumulative.lines]
    figure = refits_forest(replace(result.cumulative, lines=tuple(lines)))
    assert b"<script" not in render(figure, "svg")
    assert any("□[31m" in run.text for run in figure.placed.texts)


def test_options_that_a_figure_has_not_are_refused(result: Any) -> None:
    with pytest.raises(UsageError, match="a cumulative figure takes no highlight"):
        draw_sensitivity(result, "cumulative", highlight="x")
    with pytest.raises(UsageError, match="style must be one of"):
        draw_sensitivity(result, "cumulative", style="lancet")
