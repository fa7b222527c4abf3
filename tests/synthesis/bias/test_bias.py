"""Small-study effects of an effect table: what is chosen, refused, warned of and said."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from metabone.effects.dependence import sampling_covariance
from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import DataError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.table import Source
from metabone.extraction.where import select
from metabone.files import dump_json
from metabone.models.asymmetry import limit_meta, pet_peese, regression_test
from metabone.models.rank_correlation import rank_test
from metabone.models.trimfill import trim_fill
from metabone.synthesis.bias.bias import bias
from metabone.synthesis.bias.results import BiasResult
from metabone.synthesis.regression import regress
from metabone.vocabulary import load_vocabulary

K = 12


def effects(measure: str = "SMD", variance: str = "LS", **columns: Any) -> EffectTable:
    """K effects of K studies with arms of 4 to 15; `columns` replace or add."""
    rng = np.random.default_rng(17)
    k = len(columns.get("yi", range(K)))
    n1, n2 = (np.resize(np.arange(4, 16), k).astype(float) for _ in range(2))
    n2 = n2[::-1] + n1 - n1[::-1]
    yi = 0.6 + 2 * (np.sqrt(1 / n1 + 1 / n2) - 0.5) + rng.normal(0, 0.3, k)
    frame = pd.DataFrame(
        {
            "study": [f"study {i}" for i in range(k)], "experiment": None, "comparison": None,
            "control_id": None, "outcome": "BV/TV", "unit": "%", "assay": "microCT",
            "source": "table", "n_treated": n1, "n_control": n2, "better_used": "higher",
            "flipped": False, "computed_from": "yi", "yi": yi,
            "vi": 1 / n1 + 1 / n2 + yi**2 / (2 * (n1 + n2)), "ni": n1 + n2,
            "year": np.resize(np.arange(2005, 2017), k).astype(float),
        }
        | columns,
        index=range(2, k + 2),
    )  # fmt: skip
    return EffectTable(
        frame, measure=measure, variance=variance, align="none", better="higher",
        unit="%" if measure == "MD" else None, source=Source("made.csv", "0" * 64, k),
        vocabulary=load_vocabulary(), selected=k,
    )  # fmt: skip


@pytest.fixture(scope="module")
def unloading() -> tuple[EffectTable, BiasResult]:
    table = escalc(select(read_table("unloading"), outcome=("BV/TV",)), "SMD")
    return table, bias(table)


def arrays(table: EffectTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frame = table.frame
    return table.yi, table.vi, (1 / frame["n_treated"] + 1 / frame["n_control"]).to_numpy()


def test_an_smd_gets_the_safe_predictor_and_variance() -> None:
    table = effects()
    result = bias(table)
    y, v, arms = arrays(table)
    mixed, least = result.asymmetry
    assert result.predictors == ("arms",)
    assert (mixed.model, least.model) == ("mixed", "least_squares")
    assert np.isclose(mixed.pvalue, regression_test(y, v, np.sqrt(arms), test="hksj").pvalue)
    fit = regression_test(y, v, np.sqrt(arms), model="least_squares")
    low, high = fit.limit_ci()
    assert np.allclose([least.slope, least.limit_low, least.limit_high], [fit.slope, low, high])
    assert result.rank is not None
    assert np.isclose(result.rank.tau, rank_test(y, arms).tau)
    assert result.limit is not None
    assert np.isclose(
        result.limit.corrected.estimate, limit_meta(y, arms, test="hksj").regression.limit
    )
    assert result.pet_peese is not None
    both = pet_peese(y, v, np.sqrt(arms))
    assert np.isclose(result.pet_peese.corrected.estimate, both.estimate)
    filled = {one.estimator: one for one in result.trim_fill}
    for name, one in filled.items():
        assert one.k0 == trim_fill(y, arms, estimator=name).k0
        assert one.variance == "arms"
    assert not any(test.warning for test in result.asymmetry)
    assert not any("go by the sampling variance" in text for text in result.warnings)


def test_the_standard_error_of_an_smd_is_used_where_asked_for_and_warned_of() -> None:
    table = effects()
    result = bias(table, predictor=["sei", "arms"])
    y, v, _ = arrays(table)
    assert result.predictors == ("sei", "arms")
    eggers = [test for test in result.asymmetry if test.name == "Egger's test"]
    assert np.isclose(
        eggers[0].pvalue, regression_test(y, v, np.sqrt(v), model="least_squares").pvalue
    )
    assert "holds the SMD itself" in str(eggers[0].warning)
    assert any("holds the SMD itself" in text for text in result.warnings)
    assert "least squares !" in result.summary()


@pytest.mark.parametrize(
    ("measure", "variance", "columns", "want"),
    [
        ("MD", "LS", {}, "sei"), ("ROM", "LS", {}, "sei"), ("NMD", "DELTA", {}, "arms"),
        ("SMD", "LS", {"n_treated": math.nan, "n_control": math.nan}, "sqrtninv"),
        ("SMD", "LS", {"n_treated": math.nan, "n_control": math.nan, "ni": math.nan}, "sei"),
    ],
)  # fmt: skip
def test_auto_takes_what_is_safe_and_known(
    measure: str, variance: str, columns: dict[str, Any], want: str
) -> None:
    result = bias(effects(measure, variance, **columns))
    assert result.predictors == (want,)
    assert any(test.warning for test in result.asymmetry) == (measure == "SMD" and want == "sei")
    by_variance = any("go by the sampling variance" in text for text in result.warnings)
    assert by_variance == (measure in ("SMD", "NMD"))


def test_a_predictor_without_animals_names_the_rows() -> None:
    table = effects()
    table.frame.loc[[4, 5], "n_control"] = math.nan
    with pytest.raises(DataError, match=r"predictor arms needs n_treated and n_control.*rows 4-5"):
        bias(table, predictor="arms")
    with pytest.raises(UsageError, match="predictor must be one of 'auto', 'sei'"):
        bias(table, predictor="se")


def test_fewer_than_three_are_refused_and_fewer_than_ten_warned_of() -> None:
    with pytest.raises(DataError, match="2 effects cannot tell small from large"):
        bias(effects(yi=[0.1, 0.5], vi=[0.1, 0.2]))
    few = bias(effects(yi=[0.1, 0.5, 0.7], vi=[0.1, 0.2, 0.25]))
    assert any("3 effects: with fewer than 10" in text for text in few.warnings)
    assert math.isfinite(few.asymmetry[0].pvalue)
    assert not any("with fewer than 10" in text for text in bias(effects()).warnings)


def test_equal_precision_leaves_out_what_it_cannot_give_and_says_so() -> None:
    rng = np.random.default_rng(2)
    yi = rng.normal(0.5, 0.4, 8)
    result = bias(effects("MD", yi=yi, vi=[0.1] * 8))
    assert result.asymmetry == ()
    assert (result.rank, result.pet_peese, result.limit) == (None, None, None)
    parts = {line.part: line.reason for line in result.left_out}
    assert parts["rank"] == "all effects have the same variance"
    assert parts["pet_peese"] == "it is the same for all effects"
    assert "asymmetry (sei, mixed)" in parts
    assert len(result.trim_fill) == 2
    said = "Left out: rank correlation, limit meta-analysis: all effects have the same variance."
    assert said in result.summary()
    assert "the one test sees nothing" in result.summary()
    assert any(text.startswith("no regression test") for text in result.warnings)


def test_effects_without_scatter_have_no_test_and_no_confident_number() -> None:
    result = bias(effects(yi=[0.5] * K, vi=np.linspace(0.1, 0.5, K)))
    assert all(math.isnan(test.pvalue) for test in result.asymmetry)
    assert result.pet_peese is not None
    assert math.isnan(result.pet_peese.corrected.ci_low)
    assert "no scatter to test by" in result.summary()
    assert "nan" not in result.summary()


def test_names_from_a_table_are_escaped_where_they_are_shown() -> None:
    result = bias(effects(study=[f"\x1b[31m{i}" for i in range(K)], outcome="<script>"))
    assert "<script>" not in result._repr_html_()


def test_effects_that_depend_are_regressed_multilevel_and_counted_by_study(
    unloading: tuple[EffectTable, BiasResult],
) -> None:
    table, result = unloading
    assert result.unit == "study"
    assert [test.model for test in result.asymmetry] == ["multilevel"]
    assert len(result.units) == result.pooled.overall.k_studies == 8
    assert sorted(row for unit in result.units for row in unit.rows) == sorted(table.frame.index)
    # The same as a meta-regression on a column that holds the predictor.
    frame = table.frame.assign(imprecision=np.sqrt(arrays(table)[2]))
    fit = regress(
        EffectTable(
            frame, measure="SMD", variance="LS", align="none", better=None, unit=None,
            source=table.source, vocabulary=table.vocabulary, selected=table.selected,
        ),
        "imprecision",
    )  # fmt: skip
    slope = fit.coefficients[1]
    test = result.asymmetry[0]
    assert np.allclose([test.slope, test.se, test.df], [slope.estimate, slope.se, slope.df])


def test_a_study_mean_is_generalised_least_squares(
    unloading: tuple[EffectTable, BiasResult],
) -> None:
    table, result = unloading
    sigma2 = dict(result.pooled.overall.sigma2 or {})
    V = sampling_covariance(table, rho=0.5).to_dense()
    frame, arms = table.frame.reset_index(drop=True), arrays(table)[2]
    for unit in result.units:
        at = frame.index[frame["study"] == unit.label].to_numpy()
        same = frame.loc[at, "experiment"].fillna("").to_numpy()
        within = sigma2["effect"] * np.eye(len(at))
        within += sigma2["experiment"] * (same[:, None] == same[None, :])
        inverse = np.linalg.inv(V[np.ix_(at, at)] + within)
        assert np.isclose(unit.vi, 1 / inverse.sum())
        assert np.isclose(unit.yi, (inverse @ table.yi[at]).sum() / inverse.sum())
        if len(at) == 1:
            assert np.isclose(unit.safe_vi, arms[at[0]] + within[0, 0])
        assert unit.safe_vi < unit.vi


def test_effects_by_year() -> None:
    table = effects()
    year = table.frame["year"].to_numpy()
    result = bias(table)
    fit = regression_test(table.yi, table.vi, year, test="hksj")
    lag = result.time_lag
    assert lag is not None
    assert np.allclose([lag.slope, lag.pvalue], [fit.slope, fit.pvalue])
    assert np.isclose(lag.effect_last, fit.limit + 2016 * fit.slope)
    assert (lag.first, lag.last, lag.k_effects) == (2005, 2016, K)


def test_a_year_that_cannot_be_used_is_an_error_where_it_was_asked_for() -> None:
    with pytest.raises(UsageError, match="no column 'yaer'; did you mean year"):
        bias(effects(), year="yaer")
    with pytest.raises(DataError, match="must hold years as numbers; rows 2-13 have 'microCT'"):
        bias(effects(), year="assay")
    same = bias(effects(year=2010.0))
    assert same.time_lag is None
    assert any("year is 2010 in every row" in line.reason for line in same.left_out)
    table = effects()
    table.frame.loc[[3, 4], "year"] = math.nan
    partly = bias(table)
    assert partly.time_lag is not None
    assert partly.time_lag.k_effects == K - 2
    assert any("by year: rows 3-4 set aside" in text for text in partly.warnings)


def test_orwin_has_a_target_for_standardised_means_alone() -> None:
    assert bias(effects()).fail_safe.target == 0.2
    assert bias(effects("MD")).fail_safe.orwin is None
    assert bias(effects("MD"), target=-0.1).fail_safe.target == 0.1
    for wrong in (0.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="target"):
            bias(effects(), target=wrong)
    with pytest.raises(UsageError, match="alpha"):
        bias(effects(), alpha=0.5)


def test_the_json_is_exact_and_the_table_has_a_row_for_each_part() -> None:
    result = bias(effects())
    told = json.loads(dump_json(result.to_dict()))
    assert told["pooled"]["estimate"] == result.pooled.overall.estimate
    assert told["asymmetry"][0]["pvalue"] == result.asymmetry[0].pvalue
    assert len(told["trim_fill"][0]["filled_yi"]) == told["trim_fill"][0]["k0"]
    assert told["selection"] == []
    frame = result.to_frame()
    assert frame["part"].tolist() == [
        "uncorrected", "regression", "regression", "rank", "trim_fill", "trim_fill", "excess",
        "pet_peese", "pet_peese", "limit", "fail_safe", "fail_safe", "time_lag",
    ]  # fmt: skip
    assert frame["chosen"].sum() == 1


def test_the_summary_fits_a_screen_and_warns_that_asymmetry_is_not_bias() -> None:
    table = effects()
    for result in (bias(table), bias(table, predictor=["arms", "sei", "sqrtninv"])):
        lines = result.summary().splitlines()
        assert len(lines) <= 36
        assert max(map(len, lines)) <= 100
        assert any(line.startswith("Asymmetry is not bias") for line in lines)
        assert any(line.startswith("In short: ") for line in lines)
    assert "&lt;" in bias(effects(outcome="<b>"))._repr_html_()


def test_agreement_counts_each_question_once() -> None:
    result = bias(effects(), predictor=["arms", "sei"])
    seen = [result.asymmetry[0].pvalue, result.rank.pvalue, result.excess.pvalue]  # type: ignore[union-attr]
    hits = sum(p < 0.10 for p in seen)
    words = {0: "none of 3 tests", 3: "all 3 tests"}.get(hits, f"{hits} of 3 tests")
    assert f"In short: {words}" in result.summary()


def test_flipping_all_signs_mirrors_everything() -> None:
    one, other = bias(effects()), bias(effects(yi=-effects().yi))
    assert np.isclose(one.asymmetry[0].slope, -other.asymmetry[0].slope)
    assert np.isclose(one.asymmetry[0].pvalue, other.asymmetry[0].pvalue)
    assert one.pet_peese is not None
    assert other.pet_peese is not None
    assert one.pet_peese.chosen == other.pet_peese.chosen
    assert {a.side for a in one.trim_fill} == {"left"}
    assert {a.side for a in other.trim_fill} == {"right"}
    assert one.fail_safe == other.fail_safe
