"""Multilevel pooling: against R on real effects, by its parts, and what it says of itself."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metabone.effects.dependence import BlockCovariance
from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import DataError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.where import select
from metabone.files import dump_json
from metabone.models.problem import constant_correlation
from metabone.synthesis.multilevel import Multilevel, random_factors
from metabone.synthesis.pool import pool

# Effect sizes (SMD) of BV/TV from the shipped unloading data; R 4.2.2, metafor 3.8-1 and
# clubSandwich 0.5.8 answered for them with
#   V <- vcalc(vi, cluster=study, obs=obs, rho=.5, data=d)
#   r <- rma.mv(yi, V, random=~1|study/row, data=d)
BVTV = Path(__file__).parent / "data" / "unloading_bvtv.csv"


def _frame() -> pd.DataFrame:
    frame = pd.read_csv(BVTV).set_index("row")
    blank = {"experiment": None, "comparison": None, "control_id": None}
    return frame.assign(**blank, n_treated=8.0, n_control=8.0, flipped=False)


def _pooler(frame: pd.DataFrame, ci: str = "cr2") -> Multilevel:
    blocks = constant_correlation(frame["vi"], frame["study"], 0.5)
    positions, covariances = zip(*blocks, strict=True)
    names = tuple(frame["study"].iloc[rows[0]] for rows in positions)
    place = {row: i for i, row in enumerate(frame.index)}
    covariance = BlockCovariance(names, positions, covariances)
    return Multilevel("REML", ci, "t_k_minus_1", 0.95, covariance, place)


def test_overall_is_that_of_r() -> None:
    frame = _frame()
    one = _pooler(frame).overall(frame)
    assert math.isclose(one.estimate, -1.13294437169, rel_tol=1e-6)
    assert one.sigma2 is not None
    assert one.sigma2["study"] == 0.0  # R stops at 4.5e-9
    assert math.isclose(one.sigma2["effect"], 0.611689164009, rel_tol=1e-6)
    assert math.isclose(one.q, 124.379281155, rel_tol=1e-9)
    # coef_test(r, vcov="CR2"), conf_int()
    assert (round(one.se, 2), round(one.df, 2), round(one.pvalue, 5)) == (0.19, 5.15, 0.00173)
    assert (round(one.ci()[0], 2), round(one.ci()[1], 3)) == (-1.62, -0.648)
    weights = list(one.weights.values())[:5]
    want = [4.62255460585, 4.79838130968, 5.48563142006, 4.35934614053, 4.65385869107]
    np.testing.assert_allclose(weights, want, rtol=1e-5)  # rowSums(solve(vcov(r, type="obs")))
    assert one.sigma2_high is not None
    assert one.sigma2_high["effect"] > one.sigma2["effect"]


def test_model_based_interval_is_that_of_r() -> None:
    frame = _frame()
    one = _pooler(frame, "wald").pool(frame)
    assert math.isclose(one.se, 0.215982066388, rel_tol=1e-6)
    assert math.isnan(one.df)
    assert _pooler(frame, "t").pool(frame).df == 7.0


def test_strata_are_compared_by_the_robust_test_of_r() -> None:
    """Wald_test(rma.mv(yi, V, mods=~species), test="HTZ") and conf_int(mods=~species-1)."""
    frame = _frame()
    parts = [frame[frame["species"] == name] for name in ("mouse", "rat")]
    pooler = _pooler(frame)
    between = pooler.between(("species",), parts, [], common=False)
    assert between is not None
    assert between.df2 is not None
    assert (round(between.statistic, 3), round(between.df2, 2)) == (0.028, 2.70)
    assert (round(between.pvalue, 3), between.test) == (0.879, "AHT")
    mouse, rat = pooler.pool_common(parts)
    assert [round(x, 2) for x in mouse.ci()] == [-1.75, -0.45]
    assert (round(mouse.df, 2), round(rat.df, 2)) == (4.04, 1.0)
    assert math.isclose(mouse.tau2, 0.00336478544383 + 0.63486051231657, rel_tol=1e-4)


def _bvtv() -> EffectTable:
    where = "assay == 'microCT' and n_treated > 0 and n_control > 0"
    return escalc(select(read_table("unloading"), where=where, outcome=("BV/TV",)))


def test_auto_says_what_it_took_and_why() -> None:
    effects = _bvtv()
    result = pool(effects)
    assert result.model == "multilevel"
    assert "7 of 8 studies give more than one effect" in result.model_reason
    assert (result.rho, result.control, result.ci_method) == (0.5, "exact", "cr2")
    assert "multilevel since 7 of 8 studies" in str(result)
    assert not any("independent" in text for text in result.warnings)
    one_each = effects.frame.drop_duplicates("study")
    alone = pool(replace(effects, frame=one_each))
    assert (alone.model, alone.model_reason) == ("univariate", "every study gives one effect")
    asked = pool(effects, model="univariate")
    assert (asked.model, asked.model_reason, asked.ci_method) == ("univariate", "as asked", "hksj")
    assert any("independent" in text for text in asked.warnings)


def test_every_multilevel_answer_shows_what_it_does_not_know() -> None:
    result = pool(_bvtv())
    lines = {(one.rho, one.control): one for one in result.assumptions}
    assert set(lines) == {(r, c) for r in (0.2, 0.5, 0.8) for c in ("exact", "split", "ignore")}
    chosen = [one for one in result.assumptions if one.chosen]
    assert [(one.rho, one.control) for one in chosen] == [(0.5, "exact")]
    assert math.isclose(chosen[0].estimate, result.overall.estimate, rel_tol=1e-12)
    other = pool(_bvtv(), rho=0.2, control="split")
    assert math.isclose(other.overall.estimate, lines[0.2, "split"].estimate, rel_tol=1e-9)
    assert math.isclose(other.overall.se, lines[0.2, "split"].se, rel_tol=1e-9)
    assert set(other.effects.frame.index) == set(result.effects.frame.index)


def test_a_new_effect_in_a_known_study_is_predicted_more_closely() -> None:
    table = select(read_table("exosome-synthetic"), outcome=("BMD",))
    result = pool(escalc(table))
    low, high = result.overall.pi()
    assert len(result.studies) == result.overall.k_studies
    for one in result.studies:
        assert one.pi_high - one.pi_low < high - low
        assert one.pi_low < one.estimate < one.pi_high


def test_sparse_cells_borrow_and_are_marked() -> None:
    table = select(read_table("exosome-synthetic"), outcome=("BMD",))
    result = pool(escalc(table), by=[("exosome_source", "target_cell")])
    filled = [one for one in result.strata if one.rows]
    assert all(one.partial is not None for one in filled)
    assert all(one.partial is None for one in result.strata if not one.rows)
    assert "~ = too few studies" in str(result)
    for one in filled:
        assert one.partial is not None
        if one.estimate is not None:
            own = one.estimate.ci()
            assert one.partial.ci_high - one.partial.ci_low < own[1] - own[0]
    cells = [one for one in result.to_dict()["strata"] if one["partial"]]
    assert set(cells[0]["partial"]) == {"estimate", "se", "ci_low", "ci_high"}


def test_holm_stands_beside_the_raw_p() -> None:
    table = select(read_table("exosome-synthetic"), outcome=("BMD",))
    result = pool(escalc(table), by=["exosome_source"], model="univariate")
    pooled = [one for one in result.strata if one.estimate is not None]
    raw = sorted(one.estimate.pvalue for one in pooled if one.estimate is not None)
    want, worst = [], 0.0
    for rank, p in enumerate(raw):
        worst = max(worst, min(1.0, p * (len(raw) - rank)))
        want.append(worst)
    got = sorted(one.pvalue_holm for one in pooled if one.pvalue_holm is not None)
    np.testing.assert_allclose(got, want)


def test_random_factors_are_those_that_can_be_told_apart() -> None:
    frame = _frame()
    assert list(random_factors(frame)) == ["study", "effect"]
    assert list(random_factors(frame.drop_duplicates("study"))) == ["study"]
    cohorts = frame.assign(experiment=[str(i // 2) for i in range(len(frame))])
    assert list(random_factors(cohorts)) == ["study", "experiment", "effect"]
    few = frame.assign(experiment=np.where(frame["study"] == "Ko 2020", "a", "b"))
    assert list(random_factors(few)) == ["study", "effect"]  # the studies over again
    with pytest.raises(DataError, match=r"one study \(Ko 2020\)"):
        random_factors(frame[frame["study"] == "Ko 2020"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ci": "hksj"}, "'hksj' belongs to the univariate model"),
        ({"tau2": "DL"}, "'DL' belongs to the univariate model"),
        ({"model": "univariate", "ci": "cr2"}, "'cr2' belongs to the multilevel model"),
        ({"rho": 1.0}, "rho must be at least 0 and below 1"),
        ({"rho": -0.1}, "rho must be at least 0 and below 1"),
        ({"control": "half"}, "control must be one of 'exact', 'split', 'ignore'"),
        ({"model": "two-level"}, "model must be one of 'auto'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pool(_bvtv(), **options)


def test_json_has_the_levels() -> None:
    answer = json.loads(dump_json(pool(_bvtv(), by=["species"]).to_dict()))
    overall = answer["overall"]
    assert set(overall["sigma2"]) == {"study", "experiment", "effect"}
    assert set(overall["i2_levels"]) == set(overall["sigma2_low"]) == set(overall["sigma2"])
    assert math.isclose(overall["tau2"], sum(overall["sigma2"].values()))
    assert overall["tau2_low"] is None
    assert (answer["model"], answer["rho"], answer["control"]) == ("multilevel", 0.5, "exact")
    assert len(answer["assumptions"]) == 9


def _few(studies: int, each: int, spread: float) -> EffectTable:
    """A table of so many studies whose SMDs differ by `spread`."""
    effects = escalc(select(read_table("exosome-synthetic"), outcome=("BMD",)))
    k = studies * each
    frame = effects.frame.iloc[:k].assign(
        study=[f"S{i // each}" for i in range(k)], experiment=None, comparison=None,
        control_id=None, yi=[0.5 + spread * (i % 3) for i in range(k)], vi=0.2,
    )  # fmt: skip
    return replace(effects, frame=frame)


def test_effects_without_scatter_have_no_robust_interval() -> None:
    result = pool(_few(4, 2, 0.0))
    one = result.overall
    assert one.estimate == pytest.approx(0.5)
    assert all(math.isnan(x) for x in (one.se, one.pvalue, one.statistic, *one.ci()))
    assert any("no cluster-robust interval; use t or wald" in text for text in result.warnings)
    assert "(95 % CI n/a; no test)" in str(result)
    assert "nan" not in str(result)
    assert pool(_few(4, 2, 0.0), ci="t").overall.se > 0


def test_an_interval_on_few_degrees_of_freedom_is_spoken_of() -> None:
    few = "degrees of freedom: the interval and its p-value hang on very few studies"
    assert f"1.0 {few}" in pool(_few(2, 2, 0.3)).warnings
    assert not any(few in text for text in pool(_few(6, 2, 0.3)).warnings)


def test_animals_that_no_row_counts_are_not_zero() -> None:
    effects = _few(4, 2, 0.3)
    unknown = replace(effects, frame=effects.frame.assign(n_treated=np.nan, n_control=np.nan))
    result = pool(unknown)
    assert "8 effects of 4 studies, animals not reported" in str(result)
    assert result.to_dict()["overall"]["n_animals"] is None


def test_controls_too_few_to_split_are_named() -> None:
    table = select(read_table("exosome-synthetic"), outcome=("BMD",))
    frame = table.frame.assign(n_control=2.0)
    effects = escalc(replace(table, frame=frame))
    with pytest.raises(DataError, match=r"splitting the controls leaves no effect .* rows \d"):
        pool(effects, control="split")
    result = pool(effects)
    lines = [line for line in str(result).splitlines() if "split" in line]
    assert [line.split()[-2:] for line in lines] == [["no", "answer"]] * 3
