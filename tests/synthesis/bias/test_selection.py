"""Selection models of an effect table: what they go by, refuse, warn of and say."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.table import Source
from metabone.extraction.where import select
from metabone.files import dump_json
from metabone.models.selection import selection_model
from metabone.models.selection_clusters import cluster_bootstrap, cluster_vcov
from metabone.models.selection_profile import selection_profile
from metabone.synthesis.bias.bias import bias
from metabone.vocabulary import load_vocabulary


def effects(k: int = 24, measure: str = "SMD", per_study: int = 1, **columns: Any) -> EffectTable:
    """k effects with arms of 4 to 15; `columns` replace or add."""
    rng = np.random.default_rng(23)
    n1, n2 = (rng.integers(4, 16, k).astype(float) for _ in range(2))
    yi = 0.6 + rng.normal(0, 0.3, k) + rng.normal(0, 1, k) * np.sqrt(1 / n1 + 1 / n2)
    frame = pd.DataFrame(
        {
            "study": [f"study {i // per_study}" for i in range(k)], "experiment": None,
            "comparison": None, "control_id": None, "outcome": "BV/TV", "unit": "%",
            "assay": "microCT", "source": "table", "n_treated": n1, "n_control": n2,
            "better_used": "higher", "flipped": False, "computed_from": "yi", "yi": yi,
            "vi": 1 / n1 + 1 / n2 + yi**2 / (2 * (n1 + n2)), "ni": n1 + n2,
        }
        | columns,
        index=range(2, k + 2),
    )  # fmt: skip
    return EffectTable(
        frame, measure=measure, variance="LS", align="none", better="higher",
        unit="%" if measure == "MD" else None, source=Source("made.csv", "0" * 64, k),
        vocabulary=load_vocabulary(), selected=k,
    )  # fmt: skip


@pytest.fixture(scope="module")
def unloading() -> EffectTable:
    return escalc(select(read_table("unloading"), outcome=("BV/TV",)), "SMD")


def test_a_standardised_effect_goes_by_its_arms_and_others_by_vi() -> None:
    for measure, variance in (("SMD", "arms"), ("MD", "vi")):
        table = effects(measure=measure)
        one = bias(table, selection=[(0.025,)]).selection[0]
        arms = (1 / table.frame["n_treated"] + 1 / table.frame["n_control"]).to_numpy()
        fit = selection_model(table.yi, arms if variance == "arms" else table.vi)
        limits = selection_profile(fit)
        assert one.variance == variance
        assert one.interval == "profile"
        assert np.isclose(one.estimate, fit.coef[0])
        assert np.allclose([one.corrected.ci_low, one.corrected.ci_high], limits.coef[0])
        assert np.allclose([one.delta_low[1], one.delta_high[1]], limits.delta[1])
        assert np.allclose([one.lrt, one.lrt_pvalue], [fit.lrt, fit.lrt_pvalue])
        assert one.pvalue == one.lrt_pvalue
        assert math.isnan(one.wald_pvalue)
        assert one.counts == tuple(fit.counts)


def test_dependent_effects_have_robust_errors_and_an_f_test(unloading: EffectTable) -> None:
    result = bias(unloading, selection=[(0.025,), (0.025, 0.5)])
    one, two = result.selection
    frame = result.effects.frame
    study = frame["study"].to_numpy(str)
    arms = (1 / frame["n_treated"] + 1 / frame["n_control"]).to_numpy()
    fit = selection_model(frame["yi"].to_numpy(float), arms)
    vcov = cluster_vcov(fit, study)
    assert one.clustered
    assert one.interval == "robust"
    assert one.corrected.df == len(set(study)) - 1
    assert np.isclose(one.corrected.se, math.sqrt(vcov[0, 0]))
    assert math.isnan(one.lrt_pvalue)
    # One weight: F is the square of t of its logarithm.
    t = math.log(fit.delta[1]) / (math.sqrt(vcov[2, 2]) / fit.delta[1])
    assert np.isclose(one.wald, t**2)
    assert (one.wald_df, one.wald_df2, two.wald_df, two.wald_df2) == (1, 7, 2, 6)
    assert one.delta_low[1] < one.deltas[1] < one.delta_high[1]
    assert math.isnan(one.tau2_low)
    assert one.side == "less"


def test_bootstrap_draws_studies_and_is_the_interval(unloading: EffectTable) -> None:
    result = bias(unloading, selection=[(0.025,)], bootstrap=200, seed=3)
    one = result.selection[0]
    frame = result.effects.frame
    arms = (1 / frame["n_treated"] + 1 / frame["n_control"]).to_numpy()
    fit = selection_model(frame["yi"].to_numpy(float), arms)
    again = cluster_bootstrap(fit, frame["study"].to_numpy(str), replicates=200, seed=3)
    low, high = again.ci()
    assert one.interval == "bootstrap"
    assert np.allclose([one.corrected.ci_low, one.corrected.ci_high], [low[0], high[0]])
    assert np.allclose([one.tau2_low, one.delta_high[1]], [low[1], high[2]])
    assert one.bootstrap is not None
    assert one.bootstrap.counted + one.bootstrap.empty + one.bootstrap.unsettled == 200


def test_equal_effects_have_no_tau2() -> None:
    one = bias(effects(), tau2="EE", selection=[(0.025,)]).selection[0]
    assert one.tau2 == 0
    assert math.isnan(one.tau2_low)
    assert one.interval == "profile"


def test_what_has_no_answer_is_left_out_and_said() -> None:
    few = bias(effects(4), selection=[(0.025,)])
    assert not few.selection
    line = next(one for one in few.left_out if one.part == "selection (0.025)")
    assert line.reason == (
        "4 effects are too few for 3 parameters; a selection model with 1 step takes 5"
    )
    assert f"no selection model (0.025): {line.reason}" in few.warnings
    assert "selection model (0.025): 4 effects are too few" in few.summary()
    large = effects(12, yi=np.linspace(4.0, 5.0, 12))
    reasons = [one.reason for one in bias(large, selection=[(0.025,)]).left_out]
    assert any("no effect has a one-sided p-value of p > 0.025" in reason for reason in reasons)


def test_sparse_intervals_and_lost_replicates_are_warned_of() -> None:
    yi = np.r_[np.linspace(1.6, 2.5, 14), 0.1]
    table = effects(15, yi=yi, n_treated=10.0, n_control=np.arange(8.0, 23.0))
    result = bias(table, selection=[(0.025,)], bootstrap=150)
    assert any("hardly any effects have p > 0.025 (1)" in words for words in result.warnings)
    assert any("of 150 bootstrap replicates have no answer" in words for words in result.warnings)


def test_summary_table_and_json_hold_it(unloading: EffectTable) -> None:
    result = bias(unloading, selection=[(0.025, 0.5)])
    said = result.summary()
    assert "selection model 0.025, 0.5         F(2, 6) =" in said
    assert "none of 4 tests" in said
    assert all(len(line) <= 110 for line in said.splitlines())
    told = json.loads(dump_json(result.to_dict()))["selection"][0]
    assert told["intervals"] == ["p ≤ 0.025", "0.025 < p ≤ 0.5", "p > 0.5"]
    assert told["deltas"][0] == 1
    assert told["delta_se"][0] is None
    assert told["bootstrap"] is None
    rows = result.to_frame()
    rows = rows[rows["part"] == "selection"]
    assert rows["name"].tolist() == [
        "selection model 0.025, 0.5", "selection model 0.025, 0.5: all weights 1",
        "selection model 0.025, 0.5: weight of 0.025 < p ≤ 0.5",
        "selection model 0.025, 0.5: weight of p > 0.5",
    ]  # fmt: skip
    assert rows["value"].iloc[-1] == told["deltas"][2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"selection": [(0.5, 0.025)]}, "steps are one-sided p-values"),
        ({"selection": [(0.025,)], "selection_side": "left"}, "side of selection must be one of"),
        ({"bootstrap": 1000}, "bootstrap draws the studies of a selection model"),
        ({"selection": [(0.025,)], "bootstrap": 10}, "replicates must be from 99"),
        ({"selection": [(0.025,)], "bootstrap": -1}, "bootstrap must be 0"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        bias(effects(), **options)
