"""Effect directions: judgement, votes, the exact sign test, and what the answer says."""

import csv
import json
import math
from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabone.errors import DataError, UsageError
from metabone.extraction.schema import BY_NAME
from metabone.extraction.table import Exclusion, Source, StudyTable
from metabone.synthesis.direction import direction, sign_test, study_verdict
from metabone.vocabulary import load_vocabulary

NINE = Path(__file__).parents[2] / "datasets" / "exosome-osteoporosis" / "data.csv"


def table(rows: list[dict[str, object]]) -> StudyTable:
    """A table as reading makes it: all columns, None and NaN for blanks, rows from 2 on."""
    frame = pd.DataFrame(rows, index=range(2, len(rows) + 2))
    for name, column in BY_NAME.items():
        if name not in frame:
            blank = np.nan if column.kind == "number" else None
            frame[name] = pd.Series([blank] * len(frame), index=frame.index, dtype=(
                float if column.kind == "number" else object))  # fmt: skip
    frame = frame.astype(
        {name: object for name in frame.columns if frame[name].dtype.kind not in "fi"}
    )
    text = [name for name in frame.columns if frame[name].dtype == object]
    frame[text] = frame[text].where(frame[text].notna(), None)
    source = Source(file="test.csv", sha256="0" * 64, rows=len(frame))
    return StudyTable(frame, frame, source, load_vocabulary())


def row(study: str, outcome: str = "BMD", change: str | None = "increase", **more: object) -> dict:
    return {"study": study, "outcome": outcome, "change": change} | more


def nine() -> StudyTable:
    with NINE.open(encoding="utf-8", newline="") as stream:
        return table(
            [{k: v or None for k, v in line.items() if k not in ("year", "reference")}
             for line in csv.DictReader(stream)]
        )  # fmt: skip


# --- the sign test, against published numbers and exact fractions ---


@pytest.mark.parametrize(
    ("benefit", "harm", "pvalue", "low", "high"),
    [
        # R 4.2.2, binom.test(8, 9), (9, 9), (5, 10), (0, 9) and (682, 925).
        (8, 1, 0.0390625, 0.517503485, 0.997190863),
        (9, 0, 0.00390625, 0.663732883, 1.0),
        (5, 5, 1.0, 0.187086028, 0.812913972),
        (0, 9, 0.00390625, 0.0, 0.336267117),
        (682, 243, 7.087291e-49, 0.707668264, 0.765406558),
    ],
)
def test_sign_test_of_known_values(benefit, harm, pvalue, low, high):
    test = sign_test(benefit, harm)
    assert test.pvalue == pytest.approx(pvalue, rel=1e-6)
    assert (test.ci_low, test.ci_high) == pytest.approx((low, high), abs=1e-9)


@given(st.integers(0, 40), st.integers(0, 40))
def test_pvalue_is_the_exact_binomial_sum(benefit, harm):
    n = benefit + harm
    test = sign_test(benefit, harm)
    if n == 0:
        assert math.isnan(test.pvalue)
        return
    tail = sum(Fraction(comb(n, i), 2**n) for i in range(min(benefit, harm) + 1))
    assert test.pvalue == pytest.approx(float(min(Fraction(1), 2 * tail)), rel=1e-12)
    assert test.pvalue >= test.smallest_pvalue * (1 - 1e-12)


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.5, 0.999))
def test_limits_invert_the_binomial_tails(benefit, harm, level):
    n = benefit + harm
    if n == 0:
        return
    test = sign_test(benefit, harm, level=level)
    alpha = (1 - level) / 2

    def at_least(k: int, p: float) -> float:
        return math.fsum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))

    if benefit:
        assert at_least(benefit, test.ci_low) == pytest.approx(alpha, rel=1e-6)
    if harm:
        assert 1 - at_least(benefit + 1, test.ci_high) == pytest.approx(alpha, rel=1e-6)
    assert test.ci_low <= test.proportion <= test.ci_high


@given(st.integers(0, 30), st.integers(0, 30))
def test_sides_are_symmetric(benefit, harm):
    one, other = sign_test(benefit, harm), sign_test(harm, benefit)
    assert np.isclose(one.pvalue, other.pvalue, equal_nan=True)
    assert np.isclose(one.ci_low, 1 - other.ci_high, equal_nan=True)


# --- the votes of a study ---


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["benefit"] * 7 + ["harm"] * 3, "benefit"),  # exactly 70%
        (["benefit"] * 69 + ["harm"] * 31, "mixed"),
        (["harm"] * 3 + ["no change"], "harm"),
        (["benefit", "harm"], "mixed"),
        (["no change"] * 3, "no change"),
        (["unclear", "unclear"], "unclear"),
        (["unclear", "benefit"], "benefit"),
    ],
)
def test_seventy_per_cent_rule(verdicts, expected):
    assert study_verdict(verdicts) == expected


# --- judgement by the vocabulary ---


@pytest.mark.parametrize(
    ("outcome", "change", "more", "verdict"),
    [
        ("BMD", "increase", {}, "benefit"),
        ("BMD", "decrease", {}, "harm"),
        ("Tb.Sp", "increase", {}, "harm"),
        ("Tb.Sp", "decrease", {}, "benefit"),
        ("osteoclast_number", "increase", {}, "harm"),
        ("osteoclast_formation", "decrease", {}, "benefit"),
        ("BMD", "no change", {}, "no change"),
        ("BMD", "unclear", {}, "unclear"),
        ("BMD", "Increase", {}, "benefit"),
        ("BMD", "↓", {}, "harm"),
        ("BMD", "increase", {"better": "lower"}, "harm"),
        ("an unheard-of thing", "increase", {}, "unclear"),
        ("an unheard-of thing", "increase", {"better": "higher"}, "benefit"),
    ],
)
def test_benefit_is_the_vocabularys_judgement(outcome, change, more, verdict):
    result = direction(table([row("A", outcome, change, **more)]), by=())
    assert result.rows[0].verdict == verdict
    assert result.studies[0].verdict == verdict


@pytest.mark.parametrize(
    ("more", "change", "basis"),
    [
        ({"mean_treated": 2.0, "mean_control": 1.0}, "increase", "means"),
        ({"mean_treated": 1.0, "mean_control": 2.0}, "decrease", "means"),
        ({"mean_treated": 1.0, "mean_control": 1.0}, "no change", "means"),
        ({"median_treated": 3.0, "median_control": 1.0}, "increase", "medians"),
        ({"p": 0.01, "sign": "-"}, "decrease", "column sign"),
        ({"yi": 0.5, "vi": 0.1}, "unclear", ""),
        ({"mean_treated": 2.0}, "unclear", ""),
    ],
)
def test_direction_from_numbers_when_no_change_is_given(more, change, basis):
    result = direction(table([row("A", change=None, **more), row("B")]), by=())
    assert (result.rows[0].change, result.rows[0].basis) == (change, basis)
    assert (basis or "none") in result.swim["metric"]


def test_rows_without_a_better_direction_are_counted_by_outcome():
    rows = [row("A"), row("B", "thing"), row("C", "thing"), row("D", "other thing")]
    warnings = direction(table(rows), by=()).warnings
    told = [line for line in warnings if "which direction is good" in line]
    assert len(told) == 1
    assert told[0].startswith("3 rows unclear (rows 3, 4, 5)")
    assert told[0].endswith("thing (2) and other thing (1)")


def test_change_that_contradicts_the_numbers_is_reported():
    result = direction(table([row("A", mean_treated=1.0, mean_control=2.0)]), by=())
    assert any("opposite of the numbers in row 2" in warning for warning in result.warnings)


# --- refusals ---


def test_table_without_directions_is_refused():
    with pytest.raises(DataError, match="no row says in which direction its outcome went"):
        direction(table([row("A", change=None)]))


def test_unknown_change_names_the_row():
    with pytest.raises(DataError, match="row 3, column change: 'risen' is not increase"):
        direction(table([row("A"), row("B", change="risen")]))


@pytest.mark.parametrize("column", ["in_vivo", "vesicles_given", "bone_mass"])
def test_unknown_fact_names_the_row(column):
    with pytest.raises(DataError, match=f"row 2, column {column}: 'perhaps' is not one of"):
        direction(table([row("A", **{column: "perhaps"})]))


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (("exosome_sorce",), "no column 'exosome_sorce'; did you mean 'exosome_source'"),
        (("species", "model", "sex"), "at most two"),
        (("species", "species"), "two different columns"),
    ],
)
def test_wrong_by_is_refused(by, message):
    with pytest.raises(UsageError, match=message):
        direction(table([row("A", species="rat", model="OVX", sex="female")]), by=by)


def test_blank_by_is_refused_when_asked_and_told_when_default():
    with pytest.raises(DataError, match="'species' is blank in every row"):
        direction(table([row("A")]), by=("species",))
    result = direction(table([row("A", target_cell="osteoblast")]))
    assert result.by == ("target_cell",)
    assert "exosome_source is blank in every row: not used for the counts" in result.warnings


@pytest.mark.parametrize("level", [0, 1, 95, -0.1])
def test_level_outside_0_1_is_refused(level):
    with pytest.raises(UsageError, match="level"):
        direction(table([row("A")]), level=level)


# --- cells, ledger ---


def test_two_way_table_keeps_empty_cells():
    rows = [
        row("A", exosome_source="BMSC", target_cell="osteoblast"),
        row("B", exosome_source="AD-MSC", target_cell="osteoclast", change="decrease"),
        row("C", exosome_source="AD-MSC", target_cell=None),
    ]
    result = direction(table(rows))
    cells = {tuple(cell.by.values()): cell for cell in result.cells}
    assert len(cells) == 6
    assert cells["BMSC", "osteoclast"].empty
    assert cells["AD-MSC", "osteoclast"].counts["harm"] == 1
    assert [study.study for study in cells["AD-MSC", "(not reported)"].studies] == ["C"]
    assert result.levels("exosome_source") == ("BMSC", "AD-MSC")


def test_a_study_is_judged_anew_in_each_cell():
    rows = [
        row("A", change="increase", species="rat"),
        row("A", change="decrease", species="mouse"),
    ]
    result = direction(table(rows), by=("species",))
    assert result.studies[0].verdict == "mixed"
    assert [cell.studies[0].verdict for cell in result.cells] == ["benefit", "harm"]
    assert result.sign_test.n == 0
    assert math.isnan(result.sign_test.pvalue)
    assert "no sign test" in result.summary()


def test_rows_of_the_ledger_have_no_vote():
    full = table([row("A"), row("B", change="decrease")])
    result = direction(full.set_aside([Exclusion(3, "retracted")]), by=())
    assert [study.study for study in result.studies] == ["A"]
    assert result.to_dict()["input"]["excluded"] == [{"row": 3, "reason": "retracted"}]


@given(st.permutations(range(9)))
@settings(max_examples=25)
def test_order_of_rows_does_not_matter(order):
    rows = [row(f"S{i}", change=("increase", "decrease")[i % 2]) for i in range(9)]
    result = direction(table([rows[i] for i in order]), by=())
    assert (result.counts["benefit"], result.counts["harm"]) == (5, 4)


# --- the nine studies of the seed review ---


def test_eight_benefits_one_harm():
    result = direction(nine())
    verdicts = {study.study: study.verdict for study in result.studies}
    assert verdicts.pop("Xu 2018") == "harm"
    assert set(verdicts.values()) == {"benefit"}
    assert len(verdicts) == 8
    assert result.sign_test.pvalue == 0.0390625


def test_two_of_the_nine_measure_bone_mass_after_vesicles():
    result = direction(nine())
    assert result.bone_sentence.startswith(
        "Two of the nine studies measure skeletal bone mass in an animal given vesicles: "
        "Zuo 2019 and Zhang 2021."
    )
    for study in ("Zhao 2018", "Liao 2019", "Qi 2016", "Hu 2021", "Nakao 2021", "Xu 2018"):
        assert study in result.bone_sentence
    assert "Xu 2018 (the animal was not given vesicles)" in result.bone_sentence


def test_summary_of_the_nine_says_what_must_be_said():
    text = direction(nine()).summary()
    assert "8 of 9 studies with a direction point to benefit" in text
    assert "Harm: Xu 2018." in text
    assert "osteoclast_number increases, lower is better" in text
    assert "says nothing about the size of an effect" in text
    assert "in vitro only, no animal: Zhao 2018" in text
    assert "doi:10.1136/bmj.l6890" in text
    assert "SYNTHETIC" not in text


def test_source_by_target_of_the_nine():
    # Table 1 of doi:10.4252/wjsc.v15.i3.83: four sources, three cell types, 12 combinations.
    result = direction(nine())
    filled = {tuple(cell.by.values()): len(cell.studies) for cell in result.cells if cell.studies}
    assert filled == {
        ("BMSC", "BMSC"): 1, ("BMSC", "osteoblast"): 4, ("BMSC", "osteoclast"): 1,
        ("hiPSC-MSC", "osteoblast"): 1, ("AD-MSC", "osteoclast"): 1, ("GMSC", "osteoclast"): 1,
    }  # fmt: skip
    assert len(result.cells) == 12


def test_swim_has_its_nine_items():
    swim = direction(nine()).swim
    assert list(swim) == [
        "grouping", "metric", "method", "prioritisation", "heterogeneity", "certainty",
        "presentation", "results", "limitations",
    ]  # fmt: skip
    assert "6 of 12 groups have no study" in swim["heterogeneity"]
    assert all(text.endswith(".") for text in swim.values())


def test_json_is_exact_and_complete():
    result = direction(nine())
    content = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert content["schema_version"] == "1.0"
    assert content["sign_test"]["pvalue"] == 0.0390625
    assert content["bone_mass"]["studies"] == ["Zuo 2019", "Zhang 2021"]
    assert len(content["rows"]) == content["input"]["used"] == 9


def test_frame_is_tidy():
    frame = direction(nine()).to_frame()
    assert len(frame) == 9
    harm = frame[frame["verdict"] == "harm"]
    assert harm[["study", "exosome_source", "target_cell"]].to_numpy().tolist() == [
        ["Xu 2018", "BMSC", "osteoclast"]
    ]


def test_table_that_does_not_say_gets_the_sentence_that_says_so():
    result = direction(table([row("A")]), by=())
    assert "does not say which studies measure skeletal bone mass" in result.bone_sentence


def test_one_good_row_is_enough_for_a_study():
    facts = {"in_vivo": "yes", "vesicles_given": "yes", "bone_mass": "skeletal"}
    rows = [row("A", "ALP", in_vivo="no", vesicles_given="no", bone_mass="none"), row("A", **facts)]
    result = direction(table(rows), by=())
    assert result.bone_sentence == (
        "The one study measures skeletal bone mass in an animal given vesicles: A."
    )


def test_few_studies_cannot_be_significant_and_that_is_said():
    result = direction(table([row("A"), row("B"), row("C")]), by=())
    assert any("cannot give a p value below 0.25" in warning for warning in result.warnings)


def test_synthetic_is_named():
    result = direction(table([row("A", source="synthetic")]), by=())
    assert result.synthetic
    assert result.summary().count("SYNTHETIC") == 2


def test_no_number_of_the_table_leaks_into_html():
    result = direction(table([row("<script>alert(1)</script>")]), by=())
    assert "<script>" not in result._repr_html_()
