from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from metabone.cli.bubble import parse_values
from metabone.errors import DataError, UsageError
from metabone.plots.bubble import bubble_spec
from metabone.synthesis.regression import regress


def weeks(samples: ModuleType, k: int = 30, **options: Any) -> Any:
    rows = samples.rows_of(k)
    for i, row in enumerate(rows):
        row["duration_weeks"] = float((2, 4, 8, 16, 3)[i % 5])
    measure = options.pop("measure", "SMD")
    return samples.answer(rows, by=(), measure=measure).effects


def test_the_line_is_what_the_model_predicts(samples: ModuleType) -> None:
    result = regress(weeks(samples), "duration_weeks + species")
    spec = bubble_spec(result, "duration_weeks", at={"species": "rat"})
    (line,) = spec.panels[0].line("estimate")
    intercept, slope, rat = (each.estimate for each in result.coefficients)
    assert line.points[0][0] == 2
    assert line.points[-1][0] == 16
    for x, y in line.points:
        assert y == pytest.approx(intercept + slope * x + rat)
    expected = result.predict({"duration_weeks": [2, 16], "species": "rat"})
    bands = {area.kind: area.points for area in spec.panels[0].areas}
    half = len(line.points)
    assert bands["confidence"][0][1] == pytest.approx(expected["ci_low"][0])
    assert bands["confidence"][half][1] == pytest.approx(expected["ci_high"][1])
    assert bands["prediction"][half - 1][1] == pytest.approx(expected["pi_low"][1])
    assert "Line and intervals at species rat." in spec.footer[0]
    plain = bubble_spec(result, "duration_weeks", show_prediction=False)
    assert {area.kind for area in plain.panels[0].areas} == {"confidence"}
    assert spec.panels[0].x.label == "Duration, weeks"


def test_others_are_held_at_the_mean_and_the_most_frequent_word(samples: ModuleType) -> None:
    effects = weeks(samples)
    result = regress(effects, "duration_weeks + species + timepoint_weeks")
    spec = bubble_spec(result, "duration_weeks")
    common = effects.frame["species"].value_counts().index[0]
    mean = effects.frame["timepoint_weeks"].mean()
    assert f"species {common}, timepoint_weeks {mean:.6g}" in spec.footer[0]


def test_bubbles_have_areas_in_proportion_to_weight(samples: ModuleType) -> None:
    effects = weeks(samples)
    result = regress(effects, "duration_weeks", model="univariate", tau2="DL")
    dots = bubble_spec(result).panels[0].dots
    weight = 1 / (effects.vi + result.tau2)
    assert [dot.area for dot in dots] == pytest.approx((weight / weight.max()).tolist())
    assert [(dot.x, dot.y) for dot in dots] == list(
        zip(effects.frame["duration_weeks"], effects.yi, strict=True)
    )


def test_a_logarithm_has_a_logarithmic_axis(samples: ModuleType) -> None:
    result = regress(weeks(samples, measure="ROM"), "log(duration_weeks)")
    panel = bubble_spec(result).panels[0]
    assert {round(math.exp(dot.x), 9) for dot in panel.dots} == {2, 3, 4, 8, 16}
    (line,) = panel.line("estimate")
    steps = np.diff([y for _, y in line.points])
    assert steps == pytest.approx(np.full(len(steps), steps[0]))  # straight on this axis
    assert "2" in [tick.text for tick in panel.x.tick_sets[0]]
    assert panel.y.label.startswith("Change against control (%)")


def test_words_have_a_mean_each(samples: ModuleType) -> None:
    effects = weeks(samples)
    result = regress(effects, "exosome_source")
    spec = bubble_spec(result)
    panel = spec.panels[0]
    names = [tick.text for tick in panel.x_names]
    assert names == ["AD-MSC", "BMSC", "hUC-MSC"]
    heights = [line.points[0][1] for line in panel.line("estimate")]
    expected = result.predict({"exosome_source": names})["estimate"].tolist()
    assert heights == pytest.approx(expected)
    for dot, word in zip(panel.dots, effects.frame["exosome_source"], strict=True):
        assert round(dot.x) == names.index(word)


def test_refusals(samples: ModuleType) -> None:
    result = regress(weeks(samples), "duration_weeks + species")
    with pytest.raises(UsageError, match="'duration_weeks', 'species'; say which to draw"):
        bubble_spec(result)
    with pytest.raises(UsageError, match="did you mean 'species'"):
        bubble_spec(result, "specis")
    with pytest.raises(UsageError, match="at: 'sex' is no other column"):
        bubble_spec(result, "species", at={"sex": "female"})
    with pytest.raises(DataError, match="'cow' is not among the levels"):
        bubble_spec(result, "duration_weeks", at={"species": "cow"})
    with pytest.raises(UsageError, match="--at takes COLUMN=VALUE"):
        parse_values(["species"])
