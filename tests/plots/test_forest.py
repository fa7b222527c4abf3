from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest

from metabone.errors import UsageError
from metabone.plots.forest import BANNER, forest_spec
from metabone.plots.spec import ForestSpec, Row
from metabone.plots.styles import STYLES


def label(row: Row) -> str:
    return row.label or row.cells["study"][0]


def numbers(row: Row) -> list[float]:
    """The numbers of an ``effect`` cell, as a reader reads them."""
    text = " ".join(row.cells["effect"]).replace("−", "-")
    return [float(part) for part in text.translate(str.maketrans("[](),", "     ")).split()]


@pytest.fixture(scope="module")
def result(samples: ModuleType) -> Any:
    rows = samples.rows_of(20)
    rows += [dict(row, exosome_source="GMSC") for row in samples.rows_of(1, name=lambda i: "Zhu")]
    return samples.answer(rows)


@pytest.fixture(scope="module")
def spec(result: Any) -> ForestSpec:
    return forest_spec(result)


def test_rows_stand_under_their_headings(spec: ForestSpec, result: Any) -> None:
    headings = [row.label for row in spec.of_kind("heading")]
    assert headings == [stratum.label for stratum in result.strata]
    assert headings == ["AD-MSC", "BMSC", "GMSC", "hUC-MSC"]
    under: dict[str, list[int | None]] = {}
    for row in spec.rows:
        if row.kind == "heading":
            current = under.setdefault(row.label, [])
        elif row.kind == "study":
            current.append(row.source)
    assert under == {stratum.label: list(stratum.rows) for stratum in result.strata}


def test_pooled_rows_show_the_result(spec: ForestSpec, result: Any) -> None:
    pooled = [stratum for stratum in result.strata if stratum.pooled]
    subtotals = spec.of_kind("subtotal")
    assert len(subtotals) == len(pooled) == 3
    for row, stratum in zip(subtotals, pooled, strict=True):
        found = stratum.estimate
        expected = [found.estimate, *found.ci()]
        assert numbers(row) == pytest.approx(expected, abs=0.005001)
        assert row.mark is not None
        assert (row.mark.estimate, row.mark.low, row.mark.high) == tuple(expected)
        assert row.mark.spread == found.pi()
        assert f"k\u00a0=\u00a0{found.k_effects} in {found.k_studies} studies" in row.label
    (overall,) = spec.of_kind("overall")
    ends = [result.overall.estimate, *result.overall.ci()]
    assert numbers(overall) == pytest.approx(ends, abs=0.005001)


def test_effects_show_their_own_interval(spec: ForestSpec, result: Any) -> None:
    for row in spec.of_kind("study"):
        yi, vi = result.effects.frame.loc[row.source, ["yi", "vi"]]
        half = 1.959964 * math.sqrt(vi)
        assert numbers(row) == pytest.approx([yi, yi - half, yi + half], abs=0.005001)


def test_weights_are_per_cent_of_the_overall_model(spec: ForestSpec, result: Any) -> None:
    shown = {row.source: float(row.cells["weight"][0].rstrip("%")) for row in spec.of_kind("study")}
    assert shown == pytest.approx(dict(result.overall.weights), abs=0.0501)
    assert sum(shown.values()) == pytest.approx(100, abs=1.1)
    areas = [row.mark.weight for row in spec.of_kind("study") if row.mark]
    assert max(areas) == 1.0


def test_a_stratum_that_is_not_pooled_says_why(spec: ForestSpec) -> None:
    rows = list(spec.rows)
    place = [row.label for row in rows].index("GMSC")
    assert rows[place + 1].kind == "study"
    assert rows[place + 2].kind == "note"
    assert rows[place + 2].label.startswith("1 study: fewer than 3")


def test_heterogeneity_and_between_lines(spec: ForestSpec, result: Any) -> None:
    notes = [row.label.replace("\u00a0", " ") for row in spec.of_kind("note")]
    overall = result.overall
    assert any(
        f"I² = {overall.i2:.0f}%" in note and f"Q = {overall.q:.2f}" in note for note in notes
    )
    (test,) = result.between
    assert notes[-1].startswith(
        f"Difference between subgroups: F = {test.statistic:.2f}, df = {test.df:.0f} and"
    )
    assert sum("95% prediction interval" in note for note in notes) == 3


def test_prediction_interval(spec: ForestSpec, result: Any) -> None:
    (row,) = spec.of_kind("prediction")
    assert numbers(row) == pytest.approx(list(result.overall.pi()), abs=0.005001)
    assert row.mark is not None
    assert row.mark.kind == "interval"
    hidden = forest_spec(result, show_prediction=False)
    assert not hidden.of_kind("prediction")
    assert all(row.mark.spread is None for row in hidden.of_kind("subtotal") if row.mark)


def test_equal_effects_have_no_prediction_interval(samples: ModuleType) -> None:
    spec = forest_spec(samples.answer(8, by=(), model="univariate", tau2="EE"))
    assert not spec.of_kind("prediction")
    assert "Equal-effects model" in spec.footer[0]


@pytest.mark.parametrize(
    ("outcome", "align", "left", "right"),
    [
        ("BV/TV", "none", "favours control", "favours treatment"),
        ("Tb.Sp", "none", "favours treatment", "favours control"),
        ("Tb.Sp", "benefit", "favours control", "favours treatment"),
        ("parity", "none", "Lower in treated", "Higher in treated"),
    ],
)
def test_sides_follow_the_better_direction(
    samples: ModuleType, outcome: str, align: str, left: str, right: str
) -> None:
    rows = [dict(row, outcome=outcome, unit=None) for row in samples.rows_of(6)]
    axis = forest_spec(samples.answer(rows, by=(), align=align)).axis
    assert (axis.left, axis.right) == (left, right)


def test_sides_take_the_names_of_the_arms(result: Any) -> None:
    spec = forest_spec(result, style="jama", labels={"treated": "Unloaded", "control": "Vehicle"})
    assert (spec.axis.left, spec.axis.right) == ("Favors vehicle", "Favors unloaded")
    assert [spec.column(f"n.{arm}").header for arm in (1, 2)] == ["Unloaded", "Vehicle"]  # type: ignore[union-attr]
    assert forest_spec(result, labels={"left": "worse"}).axis.left == "worse"


def test_variability_has_no_better_direction(samples: ModuleType) -> None:
    axis = forest_spec(samples.answer(6, measure="VR", by=())).axis
    assert axis.left == "Less variable in treated"


def test_ratios_of_means_are_shown_as_per_cent_change(samples: ModuleType) -> None:
    result = samples.answer(12, measure="ROM", by=())
    spec = forest_spec(result)
    (overall,) = spec.of_kind("overall")
    ends = [result.overall.estimate, *result.overall.ci()]
    assert numbers(overall) == pytest.approx([100 * math.expm1(y) for y in ends], abs=0.5001)
    assert overall.mark is not None
    assert overall.mark.estimate == result.overall.estimate  # drawn on the log scale
    ticks = {tick.text: tick.at for tick in spec.axis.tick_sets[0]}
    assert ticks["0"] == 0
    assert ticks["+25"] == pytest.approx(math.log(1.25))
    assert spec.axis.label == "Change against control (%)"
    ratio = forest_spec(result, transform="ratio")
    assert numbers(ratio.of_kind("overall")[0])[0] == pytest.approx(math.exp(ends[0]), abs=0.005)


def test_synthetic_data_are_called_so(samples: ModuleType) -> None:
    rows = [dict(row, source="synthetic") for row in samples.rows_of(6)]
    spec = forest_spec(samples.answer(rows, by=()))
    assert spec.banner == BANNER
    assert spec.footer[0].startswith("SYNTHETIC DATA.")
    assert "SYNTHETIC" in spec.description
    real = forest_spec(samples.answer(6, by=()))
    assert real.banner is None
    assert "SYNTHETIC" not in " ".join(real.footer)


def test_footer_names_model_and_version(result: Any) -> None:
    (first, *notes) = forest_spec(result).footer
    for word in (
        "Multilevel random-effects model (study / effect)", "correlate by 0.5",
        "exact covariance", "restricted maximum likelihood (REML)", "CR2",
        "t with k − 1 df", "Hedges’ g", "variance LS: 1/n₁ + 1/n₂ + g²/2N",
        f"Made with metabone\u00a0{result.version}",
    ):  # fmt: skip
        assert word in first
    assert len(notes) == len(result.warnings)


def test_footer_of_the_univariate_model(samples: ModuleType) -> None:
    (first, *notes) = forest_spec(samples.answer(8, by=(), model="univariate")).footer
    assert "Random-effects model" in first
    assert "Hartung-Knapp" in first
    assert any("more than one effect" in note for note in notes)


def test_heterogeneity_is_shown_by_level(result: Any) -> None:
    notes = [row.label.replace("\u00a0", " ") for row in forest_spec(result).of_kind("note")]
    sigma2 = result.overall.sigma2
    assert any(f"(study {sigma2['study']:.3f}, effect {sigma2['effect']:.3f})" in n for n in notes)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_shows_the_same_numbers(result: Any, style: str) -> None:
    columns = ["study", "effect", "weight"]
    ours = forest_spec(result, columns=columns)
    theirs = forest_spec(result, style=style, columns=columns)
    for one, other in zip(ours.of_kind("study"), theirs.of_kind("study"), strict=True):
        assert one.cells["effect"][0] == other.cells["effect"][0]
    kinds = {"heading", "study", "subtotal", "overall", "prediction"}
    for kind in kinds:
        assert len(ours.of_kind(kind)) == len(theirs.of_kind(kind))  # type: ignore[arg-type]


def test_revman_columns_show_the_arms(result: Any, samples: ModuleType) -> None:
    spec = forest_spec(result, style="revman", columns=["study", "species", "arms", "weight"])
    keys = [column.key for column in spec.columns]
    assert keys == ["study", "species", "arms.m1", "arms.sd1", "arms.n1", "arms.m2", "arms.sd2",
                    "arms.n2", "weight", "plot"]  # fmt: skip
    row = spec.of_kind("study")[0]
    line = result.effects.frame.loc[row.source]
    assert float(row.cells["arms.m1"][0]) == pytest.approx(line["m1i"], abs=0.005)
    assert row.cells["arms.n2"] == (str(int(line["n2i"])),)
    # Without an effect column, pooled rows say the numbers in their label.
    assert f"{result.overall.estimate:.2f}" in spec.of_kind("overall")[0].label


@pytest.mark.parametrize(
    ("measure", "words"),
    [("MD", "Mean difference, %"), ("ROM", "Change against control, %"),
     ("SMD", "Std. mean difference")],
)  # fmt: skip
def test_the_header_of_revman_names_the_unit(samples: ModuleType, measure: str, words: str) -> None:
    answer = samples.answer(samples.rows_of(6, per=1), by=(), measure=measure)
    spec = forest_spec(answer, style="revman")
    (header,) = [column.header for column in spec.columns if column.key == "effect"]
    assert header.split("\n")[0] == words


def test_totals_are_left_blank_where_arms_share_a_control(samples: ModuleType) -> None:
    # Each row is a treated arm and a control of its own, so the arms add up to the animals.
    own = [dict(row, comparison=f"arm {i}") for i, row in enumerate(samples.rows_of(6))]
    overall = forest_spec(samples.answer(own, by=())).of_kind("overall")[0]
    assert overall.cells["n.2"] == (str(int(sum(row["n_control"] for row in own))),)
    shared = [dict(row, control_id="PBS") for row in own]
    assert "n.2" not in forest_spec(samples.answer(shared, by=())).of_kind("overall")[0].cells


@pytest.mark.parametrize("sort", ["effect", "precision", "study"])
def test_sorting(result: Any, sort: str) -> None:
    frame = result.effects.frame
    sources = [row.source for row in forest_spec(result, by="", sort=sort).of_kind("study")]
    column = {"effect": "yi", "precision": "vi", "study": "study"}[sort]
    values = frame.loc[sources, column].tolist()
    assert values == sorted(values)
    assert sorted(sources) == frame.index.tolist()


def test_rows_of_a_study_stay_together_in_table_order(samples: ModuleType) -> None:
    rows = samples.rows_of(6)
    mixed = [rows[i] for i in (0, 2, 1, 4, 3, 5)]
    spec = forest_spec(samples.answer(mixed, by=()))
    assert [row.source for row in spec.of_kind("study")] == [2, 4, 3, 6, 5, 7]


def test_groupings(samples: ModuleType) -> None:
    pair = ("exosome_source", "target_cell")
    result = samples.answer(12, by=["species", pair])
    assert [row.label for row in forest_spec(result).of_kind("heading")] == ["Mouse", "Rat"]
    two = forest_spec(result, by="exosome_source,target_cell")
    assert two.of_kind("heading")[0].label == "AD-MSC × Osteoblast"
    assert two.rows == forest_spec(result, by=pair).rows
    assert not forest_spec(result, by="").of_kind("heading")


def test_empty_cells_are_counted_not_drawn(samples: ModuleType) -> None:
    rows = [row for row in samples.rows_of(12)
            if (row["exosome_source"], row["target_cell"]) != ("BMSC", "osteoblast")]  # fmt: skip
    spec = forest_spec(samples.answer(rows, by=[("exosome_source", "target_cell")]))
    assert "BMSC × Osteoblast" not in [row.label for row in spec.of_kind("heading")]
    assert "1 of 6 combinations have no study" in spec.footer[0]


def test_title_is_the_outcome(result: Any) -> None:
    assert forest_spec(result).title == "Bone volume fraction (BV/TV)"
    assert forest_spec(result, title="").title == ""
    assert forest_spec(result, title="Mine", xlabel="g").axis.label == "g"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "lancet"}, r"style must be one of 'metabone', 'revman', 'jama', 'bmj'"),
        ({"columns": ["study", "specis"]}, r"'specis' is no column.*'species'"),
        ({"columns": "study,weight,weight"}, r"'weight' is named twice"),
        ({"sort": "size"}, r"sort must be one of 'effect', 'precision', 'study'; got 'size'"),
        ({"by": "species"}, r"stratified by 'exosome_source', not by 'species'"),
        ({"labels": {"titel": "x"}}, r"labels: 'titel' is nothing that can be renamed"),
        ({"xlim": (3, 1)}, r"LOW below HIGH; got 3,1"),
        ({"transform": "percent"}, r"SMD is none"),
    ],
)
def test_refusals(result: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        forest_spec(result, **options)


def test_description_says_what_the_figure_shows(result: Any) -> None:
    text = forest_spec(result).description
    assert text.startswith("Forest plot of BV/TV: 21 effects of 11 studies.")
    assert "GMSC: not pooled." in text


def test_limits_clip_the_axis_and_not_the_numbers(result: Any) -> None:
    spec = forest_spec(result, xlim=(-0.5, 0.5))
    assert (spec.axis.low, spec.axis.high) == (-0.5, 0.5)
    assert [row.cells for row in spec.rows] == [row.cells for row in forest_spec(result).rows]
