"""Meta-regression on the multilevel model: against R, by its properties, and what it refuses."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from metabone.cli import main
from metabone.effects.dependence_split import split_controls
from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import MetaboneError, ModelError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.where import select
from metabone.files import dump_json
from metabone.synthesis.regression import regress
from metabone.synthesis.regression_results import RegressionResult

# SMD of BV/TV from the shipped unloading data; R 4.2.2, metafor 3.8-1 and clubSandwich 0.5.8
# answered for them with
#   d$obs <- ave(d$row, d$study, FUN=seq_along)
#   V <- vcalc(vi, cluster=study, obs=obs, rho=.5, data=d)
#   r <- rma.mv(yi, V, mods=~…, random=~1|study/row, data=d, control=list(rel.tol=1e-10))
#   coef_test(r, vcov="CR2"); conf_int(r, vcov="CR2")
#   Wald_test(r, constraints=constrain_zero(…), vcov="CR2", test="HTZ")
#   linear_contrast(r, vcov="CR2", contrasts=…)
# metafor's σ² stop short of zero, at 1e-9.
BVTV = Path(__file__).parent / "data" / "unloading_bvtv.csv"


@pytest.fixture
def bvtv(tmp_path: Path) -> EffectTable:
    """The same effects, all of a study from the same animals, so that V is that of vcalc.

    Two ages in `age_weeks` would be different animals, so that another column holds them.
    """
    frame = pd.read_csv(BVTV).rename(columns={"row": "site", "age_weeks": "old"})
    frame.assign(outcome="BV/TV", comparison="HLU").to_csv(tmp_path / "t.csv", index=False)
    return escalc(read_table(tmp_path / "t.csv"))


def close(got: Any, expected: Any, rtol: float = 1e-6) -> None:
    np.testing.assert_allclose(
        np.asarray(got, dtype=float), np.asarray(expected, dtype=float), rtol=rtol, atol=1e-8
    )


def columns(result: RegressionResult, *names: str) -> list[list[float]]:
    return [[getattr(each, name) for each in result.coefficients] for name in names]


# ---------------------------------------------------------------- metafor and clubSandwich


def test_species_are_compared_as_in_r(bvtv: EffectTable) -> None:
    """mods=~species; contrasts rbind(c(1,0), c(1,1))."""
    result = regress(bvtv, "species")
    assert (result.model, result.ci_method) == ("multilevel", "cr2")
    estimate, se, df, pvalue = columns(result, "estimate", "se", "df", "pvalue")
    close(estimate, [-1.10088873711, -0.0823298175309], 1e-5)
    close(se, [0.235986006946, 0.492142965291], 1e-5)
    close(df, [4.04102782632, 2.70044636074], 1e-5)
    close(pvalue, [0.0093214064000, 0.8788715248000], 1e-5)
    close(result.coefficients[0].ci(0.95), [-1.75347577538, -0.448301698838], 1e-5)
    assert result.fit.sigma2 is not None
    close(list(result.fit.sigma2.values()), [0.00336478972983, 0.634860494949], 2e-5)
    close([result.qe, result.tau2], [123.022942003389, 0.638225284679], 1e-6)
    assert (result.qe_df, result.k_studies, result.k_effects) == (26, 8, 28)
    test = result.moderators
    close(
        [test.qm, test.df2 or 0, test.pvalue], [0.0279854144146, 2.7004463607, 0.8788715248], 1e-4
    )
    assert (test.test, test.df) == ("AHT", 1)
    # σ² without moderators is 0.611689161, so they explain nothing.
    assert result.r2 == 0.0
    expected = result.predict({"species": ["mouse", "rat"]})
    close(expected["estimate"], [-1.10088873711, -1.18321855464], 1e-5)
    close(expected["se"], [0.235986006946, 0.431874174744], 1e-5)
    close(expected["df"], [4.04102782632, 1.00063539149], 1e-5)
    close(expected["ci_low"], [-1.75347577538, -6.66247288120], 1e-5)
    close(expected["ci_high"], [-0.448301698838, 4.296035771923], 1e-5)
    assert expected["pi_df"].tolist() == [6.0, 6.0]  # 8 studies less 2 coefficients
    spread = 2.44691185 * np.sqrt(0.638225284679 + expected["se"] ** 2)  # qt(.975, 6)
    close(expected["pi_high"] - expected["estimate"], spread, 1e-5)


def test_an_interaction_of_age_and_sex_is_that_of_r(bvtv: EffectTable) -> None:
    """mods=~age_weeks*sex, without the three effects whose age is blank."""
    result = regress(bvtv, "old * sex")
    assert [line.reason for line in result.effects.excluded] == ["old is blank"] * 3
    names = [each.term for each in result.coefficients]
    assert names == ["intercept", "old", "sex[T.male]", "old:sex[T.male]"]
    estimate, se, df, pvalue = columns(result, "estimate", "se", "df", "pvalue")
    close(estimate, [-3.66565105812, 0.192894227267, 3.70721870112, -0.266446432078])
    close(se, [1.19166544391, 0.0711287956627, 1.86133776037, 0.124336902266])
    close(df, [1.76969303685, 1.39873095562, 1.63235093880, 1.61014479711])
    close(pvalue, [0.106201613164, 0.163796468371, 0.212513191697, 0.195335460719])
    ci = [each.ci(0.95) for each in result.coefficients]
    close(
        [low for low, _ in ci], [-9.48862400013, -0.281269564499, -6.30453983715, -0.946911600892]
    )
    close(
        [high for _, high in ci], [2.157321883892, 0.667058019033, 13.718977239386, 0.414018736736]
    )
    close([result.qe, result.tau2], [95.0806739454, 0.502564003829])
    close(result.r2, 100 * (1 - 0.502564003829 / 0.596994151071), 1e-5)
    tests = [result.moderators, *result.tests]
    close(
        [test.qm for test in tests],
        [0.773553989250, 7.354405141236, 3.966852376769, 4.592188766660],
    )
    close(
        [test.df2 or 0 for test in tests],
        [0.556008291060, 1.39873095562, 1.6323509388, 1.61014479711],
    )
    close(
        [test.pvalue for test in tests],
        [0.718194161642, 0.163796468371, 0.212513191697, 0.195335460719],
    )
    assert [test.df for test in tests] == [3, 1, 1, 1]
    expected = result.predict({"old": [12, 12, 20], "sex": ["female", "male", "female"]})
    close(expected["estimate"], [-1.35092033091, -0.841058814730, 0.192233487221])
    close(expected["se"], [0.386978872171, 0.272448827657, 0.335209810843])
    close(expected["df"], [1.42232457258, 1.00236007139, 1.04328191809])
    close(expected["ci_low"], [-3.86593337664, -4.28364740063, -3.67132437201])
    close(expected["ci_high"], [1.16409271481, 2.60152977117, 4.05579134646])


@pytest.mark.parametrize(
    ("ci", "se"),
    [
        ("cr0", [0.769627250458, 0.0433567973661, 0.941143907209, 0.0608519774212]),
        ("cr1", [0.831292440775, 0.0468306935405, 1.01655160375, 0.0657276477754]),
    ],
)
def test_plain_sandwiches_are_those_of_r(bvtv: EffectTable, ci: str, se: list[float]) -> None:
    """coef_test(r, vcov="CR0") and "CR1"; the t has studies − p df."""
    result = regress(bvtv, "old * sex", ci=ci)
    close(columns(result, "se", "df"), [se, [3.0] * 4])
    assert result.predict({"old": 12, "sex": "male"})["df"].tolist() == [3.0]


def test_model_based_inference_is_that_of_r(bvtv: EffectTable) -> None:
    """rma.mv(…, test="t", dfs="contain") and its predict()."""
    result = regress(bvtv, "old * sex", ci="t")
    se, df, pvalue = columns(result, "se", "df", "pvalue")
    close(se, [1.10673589524, 0.0800477382999, 2.27137833971, 0.164366302809])
    assert df == [3.0, 21.0, 3.0, 3.0]
    close(pvalue, [0.0453199447768, 0.0252198095073, 0.201151011, 0.2034533692])
    test = result.moderators
    close([test.qm, test.df, test.df2 or 0, test.pvalue], [2.05428802116, 3, 3, 0.284695175466])
    assert test.test == "F"
    expected = result.predict({"old": [12, 12], "sex": ["female", "male"]})
    assert expected["df"].tolist() == [3.0, 3.0]
    limits = expected[["se", "ci_low", "ci_high", "pi_low", "pi_high"]].round(4).to_numpy().tolist()
    assert limits == [
        [0.3110, -2.3405, -0.3613, -3.8145, 1.1127],
        [0.3937, -2.0939, 0.4118, -3.4217, 1.7396],
    ]


def test_maximum_likelihood_is_that_of_r(bvtv: EffectTable) -> None:
    """mods=~duration_weeks+species, method="ML", with the normal and χ²."""
    result = regress(bvtv, "duration_weeks + species", tau2="ML", ci="wald")
    estimate, se = columns(result, "estimate", "se")
    close(estimate, [-0.594439297457, -0.157957027616, -0.234914581583])
    close(se, [0.608535984766, 0.170377932635, 0.461981896877])
    close(result.tau2, 0.573839599793)
    close([result.moderators.qm, result.moderators.pvalue], [0.892001969623, 0.640183141602])
    assert (result.moderators.test, result.moderators.df2) == ("chi2", None)
    assert math.isnan(result.df)
    assert result.predict({"duration_weeks": 2, "species": "rat"})["pi_df"].isna().all()


def test_two_moderators_are_those_of_r(bvtv: EffectTable) -> None:
    """mods=~duration_weeks+species."""
    result = regress(bvtv, "duration_weeks + species")
    estimate, se, df = columns(result, "estimate", "se", "df")
    close(estimate, [-0.583755480081, -0.163124447482, -0.256372324032], 2e-5)
    close(se, [0.432822058118, 0.132998213079, 0.546577550089], 2e-5)
    close(df, [2.64246891268, 1.98290714820, 2.68517139051], 2e-5)
    test = result.moderators
    close([test.qm, test.df2 or 0], [0.469997411770, 1.628305072391], 2e-5)
    expected = result.predict({"duration_weeks": [2, 2], "species": ["mouse", "rat"]})
    close(expected["df"], [3.58015504271, 1.00837178558], 2e-5)
    close(expected["se"], [0.255154247605, 0.459231937625], 2e-5)


# ---------------------------------------------------------------- what rests on one study


def test_what_one_study_alone_tells_has_no_robust_interval(bvtv: EffectTable) -> None:
    """Only Ko 2020 has rats of several durations.

    clubSandwich gives the rats' difference in slope the error of the mice's slope (0.3696 beside
    0.3690), as if Ko 2020 had none.
    """
    result = regress(bvtv, "duration_weeks * species")
    estimate, se, df = columns(result, "estimate", "se", "df")
    close(estimate, [-0.306742198476, -0.250754821983, -0.656532298869, 0.138773163250], 3e-5)
    close(se, [1.12491486407, 0.368990898449, math.nan, math.nan], 3e-5)
    close(df, [3.10180318505, 2.95519038606, 0, 0], 3e-5)
    assert [math.isnan(test.pvalue) for test in result.tests] == [False, True, True]
    assert "all moderators: no robust test" in str(result)
    (text,) = (text for text in result.warnings if "cannot be told without" in text)
    assert "species[T.rat], duration_weeks:species[T.rat]" in text
    assert "study Ko 2020" in text
    content = json.loads(dump_json(result.to_dict()))
    rat = content["coefficients"][3]
    assert (rat["se"], rat["ci_low"], rat["pvalue"]) == (None, None, None)
    assert content["vcov"][3] == [None] * 4
    new = result.predict({"duration_weeks": [2, 4, 3], "species": ["mouse", "rat", "rat"]})
    assert new["se"].isna().tolist() == [False, True, True]
    assert new["note"][0] == ""
    assert new["note"][1] == "only Ko 2020 tells this: no cluster-robust interval"
    # The model's own error knows of Ko 2020.
    model = regress(bvtv, "duration_weeks * species", ci="t")
    assert min(columns(model, "se")[0]) > 0
    assert not any("cannot be told" in text for text in model.warnings)


# ---------------------------------------------------------------- properties


def numbers(result: RegressionResult) -> list[float]:
    tests = [x for test in result.tests for x in (test.qm, test.df2 or 0)]
    return [x for part in columns(result, "estimate", "se", "df") for x in part] + tests


def test_the_order_of_rows_does_not_matter(bvtv: EffectTable) -> None:
    first = numbers(regress(bvtv, "old * sex"))
    order = np.random.default_rng(5).permutation(bvtv.k)
    other = regress(replace(bvtv, frame=bvtv.frame.iloc[order]), "old * sex")
    close(numbers(other), first, 1e-6)


@pytest.mark.parametrize("factor", [1e-9, 1e6, 1e12])
def test_the_unit_of_a_moderator_changes_only_its_coefficient(
    bvtv: EffectTable, factor: float
) -> None:
    frame = bvtv.frame.assign(dose=bvtv.frame["old"] * factor, year=2000 + bvtv.frame["vi"])
    plain = regress(replace(bvtv, frame=frame), "old * year")
    scaled = regress(replace(bvtv, frame=frame), "dose * year")
    close(scaled.coefficients[1].estimate * factor, plain.coefficients[1].estimate, 1e-4)
    close(columns(scaled, "statistic", "df"), columns(plain, "statistic", "df"), 1e-4)
    close(
        [t.qm for t in (scaled.moderators, *scaled.tests)],
        [t.qm for t in (plain.moderators, *plain.tests)], 1e-4,
    )  # fmt: skip
    old = plain.predict({"old": 12, "year": 2000.3})
    new = scaled.predict({"dose": 12 * factor, "year": 2000.3})
    close(new["se"], old["se"], 1e-4)


def test_centring_moves_the_intercept_to_the_mean(bvtv: EffectTable) -> None:
    plain, centred = regress(bvtv, "old"), regress(bvtv, "center(old)")
    close(columns(centred, "se", "df")[0][1], columns(plain, "se", "df")[0][1])
    mean = float(centred.effects.frame["old"].mean())
    expected = plain.predict({"old": mean})
    close([centred.coefficients[0].estimate], expected["estimate"])
    close([centred.coefficients[0].se, centred.coefficients[0].df], expected.loc[0, ["se", "df"]])


def test_level_means_are_predictions_with_another_reference(bvtv: EffectTable) -> None:
    means = regress(bvtv, "0 + species")
    other = regress(bvtv, 'C(species, reference="rat")')
    expected = other.predict({"species": ["mouse", "rat"]})
    close(columns(means, "estimate", "se", "df"), expected[["estimate", "se", "df"]].T)
    close(means.r2, other.r2)
    close(means.tau2, other.tau2)


def test_splines_run_on_the_multilevel_model(bvtv: EffectTable) -> None:
    result = regress(bvtv, "ns(duration_weeks, 2)")
    assert len(result.coefficients) == 3
    assert result.tests[0].df == 2
    assert result.tests[0].test == "AHT"


# ---------------------------------------------------------------- what is not known


def unloading() -> EffectTable:
    where = "assay == 'microCT' and n_treated > 0 and n_control > 0"
    return escalc(select(read_table("unloading"), where=where, outcome=("BV/TV",)))


def test_coefficients_are_shown_under_other_assumptions() -> None:
    result = regress(unloading(), "species")
    lines = {(one.rho, one.control): one for one in result.assumptions}
    assert set(lines) == {(r, c) for r in (0.2, 0.5, 0.8) for c in ("exact", "split", "ignore")}
    chosen = [one for one in result.assumptions if one.chosen]
    assert [(one.rho, one.control) for one in chosen] == [(0.5, "exact")]
    assert chosen[0].coefficients == result.coefficients
    other = regress(unloading(), "species", rho=0.2, control="split")
    assert (other.rho, other.control) == (0.2, "split")
    close(columns(other, "estimate"), [[c.estimate for c in lines[0.2, "split"].coefficients]])
    text = str(result)
    assert "other assumptions on shared animals" in text
    assert "0.5* exact" in text
    content = json.loads(dump_json(result.to_dict()))
    assert content["assumptions"][0]["coefficients"][1]["term"] == "species[T.rat]"
    assert {"rho", "control", "tau2", "chosen"} <= set(content["assumptions"][0])


def test_split_controls_change_moderators_that_count_them() -> None:
    """`vi` (the test of small-study effects) is then that of the split controls."""
    effects = unloading()
    assert effects.table is not None
    rows = effects.table.keep(effects.table.frame.index.isin(effects.frame.index))
    by_hand = escalc(split_controls(rows))
    result = regress(effects, "vi", control="split")
    close(result.effects.frame["vi"], by_hand.frame["vi"])
    fitted = result.predict({"vi": by_hand.frame["vi"].tolist()})
    again = regress(replace(by_hand, table=None), "vi", model="univariate", ci="wald")
    assert result.design.X[:, 1].tolist() == again.design.X[:, 1].tolist()
    assert fitted["note"].eq("").all()


# ---------------------------------------------------------------- what it says and refuses


def test_the_answer_says_what_it_rests_on(bvtv: EffectTable) -> None:
    result = regress(bvtv, "species")
    content = json.loads(dump_json(result.to_dict()))
    assert (content["model"], content["rho"], content["control"]) == ("multilevel", 0.5, "exact")
    assert "7 of 8 studies give more than one effect" in content["model_reason"]
    levels = {"study", "effect"}
    for name in ("sigma2", "sigma2_low", "sigma2_high", "i2_levels"):
        assert set(content[name]) == levels
    close(content["tau2"], sum(content["sigma2"].values()))
    close(content["i2"], sum(content["i2_levels"].values()))
    assert content["sigma2_low"]["effect"] < content["sigma2"]["effect"]
    assert content["tau2_low"] is None
    assert content["qm_test"] == "AHT"
    text = str(result)
    assert "cluster-robust (CR2)" in text
    assert "random effects study / effect; rho 0.5" in text
    assert "robust F(1, 2.7) = 0.03" in text
    assert not any("independent" in warning for warning in result.warnings)
    assert any("species[T.rat] (2.7)" in warning for warning in result.warnings)
    assert any("8 studies for 1 moderator" in warning for warning in result.warnings)


def test_one_effect_of_each_study_stays_univariate(bvtv: EffectTable) -> None:
    one_each = replace(bvtv, frame=bvtv.frame.drop_duplicates("study"))
    result = regress(one_each, "species")
    assert (result.model, result.ci_method, result.rho) == ("univariate", "hksj", None)
    assert result.assumptions == ()
    asked = regress(bvtv, "species", model="univariate")
    assert (asked.model_reason, asked.ci_method) == ("as asked", "hksj")
    content = asked.to_dict()
    assert (content["sigma2"], content["rho"], content["control"]) == (None, None, None)
    # The rows used decide, not those set aside.
    frame = bvtv.frame.copy()
    frame.loc[frame.duplicated("study"), "species"] = None
    assert regress(replace(bvtv, frame=frame), "species").model == "univariate"


@pytest.mark.parametrize(
    ("formula", "options", "kind", "words"),
    [
        ("species", {"ci": "hksj"}, UsageError, "'hksj' belongs to the univariate model"),
        ("species", {"tau2": "DL"}, UsageError, "'DL' belongs to the univariate model"),
        ("species", {"ci": "cr2", "model": "univariate"}, UsageError, "to the multilevel model"),
        ("species", {"rho": 1.5}, UsageError, "rho must be at least 0 and below 1"),
        ("species", {"control": "none"}, UsageError, "control must be one of"),
        ("species", {"model": "nested"}, UsageError, "model must be one of"),
        ("study", {}, ModelError, "tell every study from the others"),
        ("poly(yi_rank, 7)", {}, ModelError, "8 studies cannot give .* of 8 .* --ci t"),
    ],
)
def test_refusals(
    bvtv: EffectTable,
    formula: str,
    options: dict[str, Any],
    kind: type[MetaboneError],
    words: str,
) -> None:
    frame = bvtv.frame.assign(yi_rank=np.arange(28.0) % 11)
    with pytest.raises(kind, match=words) as caught:
        regress(replace(bvtv, frame=frame), formula, **options)
    assert "\n" not in str(caught.value)


def test_too_many_moderators_for_robust_intervals_still_have_those_of_the_model(
    bvtv: EffectTable,
) -> None:
    frame = bvtv.frame.assign(rank=np.arange(28.0) % 11)
    result = regress(replace(bvtv, frame=frame), "poly(rank, 7)", ci="t")
    assert all(each.se > 0 for each in result.coefficients)
    # the intercept is constant within studies, of which none is left; the others vary there
    assert columns(result, "df")[0] == [0.0] + [20.0] * 7
    assert math.isnan(result.coefficients[0].pvalue)


def test_too_few_effects_for_two_variances_are_refused(bvtv: EffectTable) -> None:
    frame = bvtv.frame.iloc[:4].assign(a=[0.0, 1.0, 0.0, 2.0], b=[1.0, 0.0, 5.0, 5.0])
    with pytest.raises(ModelError, match="leave too little to estimate the variances of study and"):
        regress(replace(bvtv, frame=frame), "a + b")


# ---------------------------------------------------------------- the command


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["regress", "unloading", "--outcome", "BV/TV", "--formula", "species", *arguments])
    return int(left.value.code or 0)


def test_the_command_takes_the_model_and_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "-", "--rho", "0.3", "--control", "ignore", "--ci", "t") == 0
    out, err = capsys.readouterr()
    content = json.loads(out)
    assert (content["model"], content["rho"], content["control"]) == ("multilevel", 0.3, "ignore")
    assert content["ci_method"] == "t"
    assert "which is ignored" in err
    assert run() == 0
    out, err = capsys.readouterr()
    assert "multilevel since 7 of 8 studies" in out
    assert "other assumptions on shared animals" in out
    assert max(map(len, out.splitlines())) < 130
    assert run("--model", "univariate", "--ci", "cr2") == 2
    assert "belongs to the multilevel model" in capsys.readouterr().err


def test_effects_that_lie_on_the_regression_have_no_robust_interval(bvtv: EffectTable) -> None:
    """Rounding error would pass for a standard error, and give a p-value of nothing."""
    frame = bvtv.frame.assign(x=[0.1 * (i % 5) for i in range(bvtv.k)])
    exact = replace(bvtv, frame=frame.assign(yi=1 + 2 * frame["x"]))
    result = regress(exact, "x")
    assert [round(value, 6) for value in columns(result, "estimate")[0]] == [1.0, 2.0]
    assert all(math.isnan(one.se) and math.isnan(one.pvalue) for one in result.coefficients)
    assert math.isnan(result.moderators.pvalue)
    assert any("without scatter" in text for text in result.warnings)
    assert math.isnan(result.predict({"x": 0.3})["se"].iloc[0])
    assert regress(exact, "x", ci="t").coefficients[1].se > 0
