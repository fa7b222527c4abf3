"""Evidence to animals: outside numbers, other integrals, and simulated animals."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from metabone.effects.escalc import escalc
from metabone.errors import DataError, ModelError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.where import select
from metabone.planning import evidence
from metabone.planning.evidence import Predictive, assurance, from_result
from metabone.planning.evidence_cases import evaluate_evidence
from metabone.planning.evidence_limits import t_above
from metabone.synthesis.pool import pool
from metabone.synthesis.regression import regress

# d of 1.5 (SE .25, τ .8, k = 10): t with k − 2 df.
CHAIN = Predictive(1.5, float(np.hypot(0.8, 0.25)), 8, estimate=1.5, se=0.25, tau=0.8, k=10)
# O'Hagan-style normal prior N(1.5, .6²).
NORMAL = Predictive(1.5, 0.6)


def pooled(**more: Any) -> dict[str, Any]:
    part = {"k_studies": 10, "k_effects": 10, "estimate": 1.5, "se": 0.25, "tau2": 0.64,
            "pi_df": 9.0}  # fmt: skip
    head = {"measure": "SMD", "model": "univariate", "tau2_method": "REML"}
    return head | {"overall": part | more.pop("overall", {})} | more


# --- the chain -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "expected"), [(8, 0.6660109781), (12, 0.7487967966), (20, 0.8177845923)]
)
def test_the_chance_of_success_of_the_chain(n: int, expected: float) -> None:
    # The outside value at 12 carries a quadrature error of 8e-9; see the next test.
    assert assurance(n, n, CHAIN) == pytest.approx(expected, abs=2e-8)


@pytest.mark.parametrize("n", [2, 5, 8, 12, 20, 81])
@pytest.mark.parametrize("predictive", [CHAIN, NORMAL, Predictive(0.4, 1.1, 2.6)])
def test_assurance_is_the_mean_power_over_the_predictive(n: int, predictive: Predictive) -> None:
    df, root = 2 * n - 2, np.sqrt(n / 2)
    critical = stats.t.isf(0.025, df)
    shape = stats.norm() if np.isinf(predictive.df) else stats.t(predictive.df)

    def inner(p: float) -> float:
        d = predictive.mean + predictive.scale * shape.ppf(p)
        return float(stats.nct.sf(critical, df, np.clip(d * root, -37, 37)))

    edges = [1e-9, 1e-4, 0.02, 0.1, 0.3, 0.6, 0.9, 0.99, 1 - 1e-9]
    pieces = [integrate.quad(inner, a, b, epsabs=1e-10, limit=400)[0] for a, b in pairwise(edges)]
    assert assurance(n, n, predictive) == pytest.approx(sum(pieces), abs=3e-7)


def test_animals_for_the_chain() -> None:
    assert evidence.n_for_assurance(0.8, CHAIN)["n1"] == 18
    assert evidence.n_for_assurance(0.9, CHAIN)["n1"] == 81
    assert evidence.n_for_assurance(0.8, Predictive(1.5, 0.0))["n1"] == 9
    assert evidence.ceiling(CHAIN) == pytest.approx(0.9443504995, abs=1e-10)
    assert CHAIN.interval(0.95) == pytest.approx((-0.4327837, 3.4327837), abs=1e-7)


def test_a_target_over_the_ceiling_has_no_animals() -> None:
    answer = evidence.n_for_assurance(0.95, CHAIN)
    assert not answer["reachable"]
    assert answer["n1"] is None
    assert "0.94435" in answer["reason"]
    assert assurance(100_000, 100_000, CHAIN) < evidence.ceiling(CHAIN)


def test_a_target_beyond_the_largest_study_is_not_called_impossible() -> None:
    answer = evidence.n_for_assurance(0.9, CHAIN, largest=50)
    assert not answer["reachable"]
    assert "more than 50" in answer["reason"]


def test_animals_with_a_normal_prior() -> None:
    assert assurance(12, 12, NORMAL) == pytest.approx(0.8158933, abs=1e-7)
    assert assurance(11, 11, NORMAL) == pytest.approx(0.7966431, abs=1e-7)
    assert [evidence.n_for_assurance(x, NORMAL)["n1"] for x in (0.8, 0.9)] == [12, 21]
    assert evidence.ceiling(NORMAL) == pytest.approx(0.9937903347, abs=1e-10)


def test_a_case_has_the_assurance_at_its_own_sizes() -> None:
    found = evaluate_evidence("animals for assurance", {"prior": "N(1.2,.5)", "alpha": 0.05})
    size = found["n_assur80"]
    prior = Predictive(1.2, 0.5)
    assert found[f"assur_at_{size}"] == assurance(size, size, prior) >= 0.8
    assert found[f"assur_at_{size - 1}"] < 0.8
    never = evaluate_evidence("animals for assurance", {"prior": "N(.3,1)", "alpha": 0.05})
    assert never["n_assur80"] is None


def test_many_animals_give_the_assurance_of_a_known_sd() -> None:
    # Φ((m − z s) / √(v + s²)), O'Hagan, Stevens & Campbell 2005, doi:10.1002/pst.175.
    n, mean, scale = 20_000, 0.02, 0.015
    s = np.sqrt(2 / n)
    known = stats.norm.cdf((mean - stats.norm.isf(0.025) * s) / np.hypot(scale, s))
    assert assurance(n, n, Predictive(mean, scale)) == pytest.approx(known, abs=2e-5)


def test_the_first_and_the_last_numbers_of_a_simulated_study() -> None:
    # Animals, means and pooled SDs; no formula of power.
    rng, replicates, n1, n2 = np.random.default_rng(11), 200_000, 6, 9
    true = 1.5 + CHAIN.scale * rng.standard_t(8, replicates)
    treated = rng.standard_normal((replicates, n1)) + true[:, None]
    control = rng.standard_normal((replicates, n2))
    spread = (treated.var(axis=1, ddof=1) * (n1 - 1) + control.var(axis=1, ddof=1) * (n2 - 1)) / 13
    t = (treated.mean(axis=1) - control.mean(axis=1)) / np.sqrt(spread * (1 / n1 + 1 / n2))
    critical = stats.t.isf(0.025, 13)
    for direction, hits in (
        ("higher", t > critical), ("lower", t < -critical), ("both", abs(t) > critical),
    ):  # fmt: skip
        rate = hits.mean()
        error = np.sqrt(rate * (1 - rate) / replicates)
        assert assurance(n1, n2, CHAIN, direction=direction) == pytest.approx(rate, abs=4 * error)


@pytest.mark.parametrize(
    ("d", "n1", "n2", "alpha", "expected"),
    # planning.json, each from R's pwr or a noncentral t computed twice.
    [
        (2, 6, 6, 0.05, 0.8764177714), (1.5, 8, 8, 0.05, 0.7965450101),
        (3, 4, 4, 0.05, 0.9389357455), (1.5, 10, 10, 0.0125, 0.7132474265),
        (6.8, 3, 3, 0.05, 0.9999479159), (1.2, 9, 18, 0.05, 0.8064519196),
        (0.356, 30, 40, 0.05, 0.3064767),
    ],
)  # fmt: skip
def test_no_spread_is_plain_power(
    d: float, n1: int, n2: int, alpha: float, expected: float
) -> None:
    found = evidence.power(d, n1, n2, alpha=alpha, direction="both")
    assert found == pytest.approx(expected, abs=1e-7)


@settings(deadline=None, max_examples=60)
@given(
    mean=st.floats(-4, 4), scale=st.floats(0, 3), df=st.floats(0.7, 300),
    n1=st.integers(2, 200), n2=st.integers(2, 200), alpha=st.floats(1e-4, 0.4),
)  # fmt: skip
def test_directions_mirror_and_add_up(
    mean: float, scale: float, df: float, n1: int, n2: int, alpha: float
) -> None:
    one, other = Predictive(mean, scale, df), Predictive(-mean, scale, df)
    up = assurance(n1, n2, one, alpha=alpha, direction="higher")
    down = assurance(n1, n2, one, alpha=alpha, direction="lower")
    assert 0 <= up <= 1
    assert up == pytest.approx(assurance(n2, n1, other, alpha=alpha, direction="lower"), abs=1e-10)
    both = assurance(n1, n2, one, alpha=alpha, direction="both")
    assert both == pytest.approx(up + down, abs=1e-10)
    assert evidence.ceiling(one, direction="both") == (1.0 if scale or mean else 0.0)


@pytest.mark.parametrize(("df", "nc", "t"), [(2, 5, 4.3), (1.7, -3, -8), (500, 60, 58), (6, 30, 5)])
def test_the_tail_of_the_noncentral_t(df: float, nc: float, t: float) -> None:
    # By its definition, integrated over the χ² another way.
    def inner(q: float) -> float:
        return float(stats.norm.cdf(nc - t * np.sqrt(stats.chi2.ppf(q, df) / df)))

    expected = integrate.quad(inner, 0, 1, epsabs=1e-11, limit=1000)[0]
    assert t_above(t, df, nc) == pytest.approx(expected, abs=1e-8)


CASES = [
    case
    for case in json.loads((Path(__file__).parent / "data" / "planning.json").read_text("utf-8"))
    if evaluate_evidence(case["design"], case["inputs"])
]


def test_the_outside_cases_of_evidence_are_all_there() -> None:
    assert len(CASES) >= 14
    assert {"ma-assur", "ma-cond-power", "bucss", "safeguard"} <= {case["id"] for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_outside_cases(case: dict[str, Any]) -> None:
    found = evaluate_evidence(case["design"], case["inputs"])
    assert set(case["expected"]) <= set(found)
    for key, expected in case["expected"].items():
        # Where the tolerance is for whole animals, the rest is held to its printed digits.
        tolerance = 5e-4 if key == "ncp" else case["tolerance"]
        assert np.allclose(found[key], expected, rtol=1e-6, atol=tolerance), key


# --- from a result -------------------------------------------------------------------------------


def test_a_pooled_result_predicts_with_two_df_fewer_than_studies() -> None:
    new = from_result(pooled())
    assert (new.mean, new.df) == (1.5, 8)
    assert new.scale == pytest.approx(0.8381527307, abs=1e-10)
    assert assurance(8, 8, new) == pytest.approx(0.6660109781, abs=1e-9)
    assert from_result(pooled(), df="result").df == 9
    assert np.isinf(from_result(pooled(overall={"pi_df": None}), df="result").df)


def test_a_file_says_what_the_mapping_says(tmp_path: Path) -> None:
    path = tmp_path / "pool.json"
    path.write_text(json.dumps(pooled()), encoding="utf-8")
    assert from_result(path) == from_result(str(path)) == from_result(pooled())


def test_a_multilevel_result_sums_its_components() -> None:
    sigma2 = {"study": 0.3, "experiment": 0.04, "effect": 0.3}
    new = from_result(pooled(overall={"sigma2": sigma2, "pi_df": 7.0}, model="multilevel"))
    assert new.df == 7
    assert new.scale**2 == pytest.approx(0.64 + 0.25**2)


def test_a_stratum_by_label_and_by_values() -> None:
    rat = {"by": {"species": "rat", "sex": "female"}, "pooled": True, "k_studies": 5,
           "k_effects": 5, "estimate": 1.1, "se": 0.2, "tau2": 0.1}  # fmt: skip
    dog = {"by": {"species": "dog", "sex": "male"}, "pooled": False, "reason": "1 study"}
    result = pooled(strata=[rat, dog])
    new = from_result(result, {"species": "rat", "sex": "female"})
    assert new == from_result(result, "Rat × female")
    assert (new.mean, new.df, new.k) == (1.1, 3, 5)
    with pytest.raises(DataError, match="1 study"):
        from_result(result, "dog × male")
    with pytest.raises(UsageError, match="no stratum is called 'cat'; the result has 'rat × fem"):
        from_result(result, "cat")


@pytest.mark.parametrize(
    ("result", "options", "error", "words"),
    [
        ({"overall": {}}, {}, ModelError, "no estimate"),
        ({"answer": 1}, {}, DataError, "metabone pool"),
        ([1.5], {}, DataError, "metabone pool"),
        (pooled(tau2_method="EE"), {}, ModelError, "equal effects"),
        (pooled(overall={"k_effects": 2, "k_studies": 2}), {}, ModelError, "2 studies"),
        (pooled(overall={"se": None}), {}, ModelError, "no se"),
        (pooled(measure="VR"), {}, UsageError, "VR is no difference"),
        (pooled(measure="ROM"), {}, UsageError, "needs cv"),
        (pooled(measure="ROM"), {"cv": 0.0}, UsageError, "needs cv"),
        (pooled(measure="MD", unit="%"), {}, UsageError, "in %"),
        (pooled(), {"sd": 2.0}, UsageError, "not used for SMD"),
        (pooled(), {"df": "k"}, UsageError, "'auto', 'result' or a number"),
        (pooled(), {"df": -1.0}, UsageError, "must be positive"),
        (pooled(), {"at": {"weeks": 4}}, UsageError, "no moderators"),
    ],
)  # fmt: skip
def test_refusals(result: Any, options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        from_result(result, **options)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        from_result(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="no JSON"):
        from_result(tmp_path / "bad.json")


def test_other_measures_become_standardised() -> None:
    assert from_result(pooled(measure="MD"), sd=3.0).mean == pytest.approx(0.5)
    log = from_result(pooled(measure="ROM"), cv=0.25)
    # The SD of the logarithm of a log-normal variable with that CV, from a large sample.
    rng, width = np.random.default_rng(3), np.sqrt(np.log(1 + 0.25**2))
    sample = np.exp(rng.normal(0, width, 400_000))
    assert sample.std() / sample.mean() == pytest.approx(0.25, rel=0.01)
    assert log.scale / from_result(pooled()).scale == pytest.approx(1 / width)


def test_evidence_of_harm_and_generated_data_are_said() -> None:
    notes = from_result(pooled(better="lower", synthetic=True)).notes
    assert any("harm" in note for note in notes)
    assert any("SYNTHETIC" in note for note in notes)


@pytest.fixture(scope="module")
def effects() -> Any:
    table = select(read_table("unloading"), where="species in ('rat', 'mouse')", outcome=["BV/TV"])
    return escalc(table, "SMD")


def test_pooled_unloading_studies(effects: Any) -> None:
    result = pool(effects, by=["species"])
    new = from_result(result, "mouse")
    stratum = next(one for one in result.strata if one.label == "mouse").estimate
    assert stratum is not None
    assert new.interval(0.9) == pytest.approx(stratum.pi(0.9))
    with pytest.raises(DataError, match="fewer than 3"):
        from_result(result, "rat")


@pytest.mark.parametrize("model", ["univariate", "multilevel"])
@pytest.mark.parametrize(
    ("formula", "at"),
    [
        ("duration_weeks + sex", {"duration_weeks": 3, "sex": "male"}),
        ("duration_weeks * sex", {"duration_weeks": 3, "sex": "male"}),
        ("duration_weeks * sex", {"duration_weeks": 3, "sex": "female"}),
        ("species - 1", {"species": "mouse"}),
    ],
)
def test_moderator_values(effects: Any, model: str, formula: str, at: dict[str, Any]) -> None:
    result = regress(effects, formula, model=model)
    told = result.predict(at).iloc[0]
    from_json = from_result(json.loads(json.dumps(result.to_dict())), at=at)
    assert from_json.mean == pytest.approx(told["estimate"], abs=1e-12)
    assert from_json.se == pytest.approx(told["se"], abs=1e-9)
    whole = from_result(result, at=at)
    assert (whole.mean, whole.scale, whole.df) == pytest.approx(
        (from_json.mean, from_json.scale, from_json.df)
    )
    if model == "multilevel":
        assert whole.df == told["pi_df"]
        assert whole.interval(0.95) == pytest.approx((told["pi_low"], told["pi_high"]))


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ({"sex": "male"}, "value of the moderator 'duration_weeks'"),
        ({"duration_weeks": 3}, "value of the moderator 'sex'"),
        ({"duration_weeks": 3, "sex": "neuter"}, "no level 'neuter'"),
        ({"duration_weeks": "3", "sex": "male"}, "must be a number"),
        ({"duration_weeks": 3, "sex": "male", "dose": 1}, "'dose' is no moderator"),
    ],
)
def test_wrong_moderators(effects: Any, at: dict[str, Any], words: str) -> None:
    result = regress(effects, "duration_weeks + sex").to_dict()
    with pytest.raises(UsageError, match=words):
        from_result(result, at=at)


def test_a_function_of_a_moderator_needs_the_fit(effects: Any) -> None:
    result = regress(effects, "log(duration_weeks)")
    assert from_result(result, at={"duration_weeks": 3}).mean < 0
    with pytest.raises(DataError, match="cannot be computed from JSON"):
        from_result(result.to_dict(), at={"duration_weeks": 3})


# --- cautious effects ----------------------------------------------------------------------------


@pytest.mark.parametrize(("d", "n", "expected"), [(0.5, 20, 0.226254203), (1.5, 8, 0.990166601)])
def test_safeguard_effects(d: float, n: int, expected: float) -> None:
    # MBESS ci.smd(conf = .6).
    assert evidence.safeguard(d, n, n) == pytest.approx(expected, abs=1e-7)
    assert evidence.safeguard(-d, n, n) == pytest.approx(-expected, abs=1e-7)


def test_exact_limits_of_d() -> None:
    # Steiger & Fouladi 1997 via MBESS; and d = -1.2, n = 6 of planning.json.
    found = evidence.d_interval(1.1627553, 10, 10)
    assert found == pytest.approx((0.1949863, 2.1033794), abs=1e-6)
    assert evidence.d_interval(-1.2, 6, 6) == pytest.approx((-2.4205, 0.0693), abs=5e-5)
    assert evidence.safeguard(0.05, 6, 6) == 0


def test_an_effect_corrected_for_selection() -> None:
    # BUCSS ss.power.it(t = 3, n = 20, assurance .8) gives a noncentrality of 1.105 and n = 130.
    d = evidence.selection_adjusted(3, 20, 20, confidence=0.8)
    assert d * np.sqrt(10) == pytest.approx(1.105, abs=5e-4)
    assert abs(evidence.n_for_assurance(0.8, Predictive(d, 0.0))["n1"] - 130) <= 2
    assert evidence.selection_adjusted(-3, 20, 20, confidence=0.8) == pytest.approx(-d)
    assert evidence.selection_adjusted(2.03, 20, 20) == 0
    with pytest.raises(DataError, match="not significant"):
        evidence.selection_adjusted(1.9, 20, 20)


@pytest.mark.parametrize(
    ("effect", "se", "expected", "digits"),
    [
        (0.5, 1, (0.0790975342, 0.0878352027, 4.7885936766), 1e-9),  # retrodesign
        (0.1, 3.28, (0.0501064821, 0.464422843, 76.69), 1e-3),  # Gelman & Carlin 2014
    ],
)
def test_errors_of_a_normal_estimate(
    effect: float, se: float, expected: tuple[float, ...], digits: float
) -> None:
    found = evidence.design_errors(effect, se)
    assert (found.power, found.type_s, found.type_m) == pytest.approx(expected, rel=digits)


@pytest.mark.parametrize(
    ("d", "n", "expected"),
    [
        (0.5, 8, (0.1540475023, 0.0122802723, 2.4350423528)),
        (1.5, 6, (0.6495814802, 1.0874e-05, 1.1965186114)),
    ],
)
def test_errors_of_a_t_test(d: float, n: int, expected: tuple[float, float, float]) -> None:
    found = evidence.design_errors(d, np.sqrt(2 / n), df=2 * n - 2)
    assert (found.power, found.type_s, found.type_m) == pytest.approx(expected, rel=1e-5)
    assert evidence.type_s(-d, n, n) == pytest.approx(found.type_s)
    assert evidence.type_m(-d, n, n) == pytest.approx(found.type_m)


def test_errors_of_simulated_animals() -> None:
    rng, replicates, n, d = np.random.default_rng(5), 300_000, 5, 0.8
    difference = d + rng.standard_normal(replicates) * np.sqrt(2 / n)
    sd = np.sqrt(rng.chisquare(2 * n - 2, replicates) / (2 * n - 2))
    hits = abs(difference / (sd * np.sqrt(2 / n))) > stats.t.isf(0.025, 2 * n - 2)
    size = abs(difference[hits])
    assert evidence.type_m(d, n, n) == pytest.approx(size.mean() / d, abs=0.01)
    assert evidence.type_s(d, n, n) == pytest.approx((difference[hits] < 0).mean(), abs=0.001)


def test_g_back_to_d() -> None:
    for df, j in {4: 0.7978845608, 8: 0.9027033337, 14: 0.9452877293}.items():
        assert evidence.g_to_d(j, df) == pytest.approx(1, abs=1e-9)
    with pytest.raises(UsageError, match="2 or more"):
        evidence.g_to_d(1.0, 1)


# --- the updated meta-analysis -------------------------------------------------------------------

OLD = Predictive(0.6, 0.79, estimate=0.6, se=0.35, tau=0.5**0.5)


def test_power_of_the_updated_meta_analysis() -> None:
    # Roloff, Higgins & Sutton 2013, in the numbers of planning.json.
    expected = {6: 0.4420242, 10: 0.4848951, 20: 0.5234992, 100: 0.5599535, 10**9: 0.5700521}
    for n, value in expected.items():
        assert evidence.updated_power(n, n, OLD, effect=0.8) == pytest.approx(value, abs=1e-7)
    assert evidence.updated_ceiling(OLD, effect=0.8) == pytest.approx(0.5700521, abs=1e-6)


@pytest.mark.parametrize("effect", [0.8, "evidence"])
def test_simulated_updates(effect: float | str) -> None:
    # Several labs with true effects of their own; the pooled mean and its z by hand.
    rng, replicates, labs, n = np.random.default_rng(8), 200_000, 3, 12
    mean = np.full(replicates, effect) if isinstance(effect, float) else (
        0.6 + 0.35 * rng.standard_normal(replicates)
    )  # fmt: skip
    delta = effect if isinstance(effect, float) else 0.6
    v = 2 / n + delta**2 / (4 * n)
    each = mean[:, None] + rng.standard_normal((replicates, labs)) * np.sqrt(0.5 + v)
    w0, w1 = 1 / 0.35**2, 1 / (0.5 + v)
    z = (w0 * 0.6 + w1 * each.sum(axis=1)) / np.sqrt(w0 + labs * w1)
    rate = (z > 1.959964).mean()
    found = evidence.updated_power(n, n, OLD, labs=labs, effect=effect)
    assert found == pytest.approx(rate, abs=4 * np.sqrt(0.25 / replicates))


def test_more_labs_where_more_animals_do_not_help() -> None:
    alone = evidence.n_for_update(0.8, OLD, labs=1, effect=0.8)
    assert not alone["reachable"]
    assert alone["ceiling"] < 0.8
    four = evidence.n_for_update(0.8, OLD, labs=4, effect=0.8)
    n = four["n_per_group"]
    assert four["n_total"] == 8 * n
    assert evidence.updated_power(n, n, OLD, labs=4, effect=0.8) >= 0.8
    assert evidence.updated_power(n - 1, n - 1, OLD, labs=4, effect=0.8) < 0.8


def test_an_update_needs_the_old_numbers() -> None:
    with pytest.raises(DataError, match="standard error"):
        evidence.updated_power(8, 8, Predictive(1.0, 0.5))


# --- beside each other ---------------------------------------------------------------------------


def test_ways_of_reading_the_evidence() -> None:
    ways = {row["name"]: row for row in evidence.compare_effects(CHAIN, 0.8, bias_adjusted=0.9)}
    assert ways["plug-in"]["n1"] == 9
    assert ways["assurance"]["n1"] == 18
    assert ways["assurance, bias-adjusted"]["n1"] > 18
    plain = {row["name"]: row for row in evidence.compare_effects(CHAIN, 0.8)}
    assert plain["plug-in"]["true_chance"] == pytest.approx(0.69, abs=0.005)
    assert plain["plug-in"]["n1"] < plain["safeguard 60 %"]["n1"] < plain["assurance"]["n1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1, 8), "n1 must be a whole number"), ((8, 6.5), "n2 must be a whole number"),
        ((8, float("nan")), "n2"),
    ],
)  # fmt: skip
def test_impossible_sizes(arguments: tuple[Any, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        assurance(*arguments, CHAIN)


@pytest.mark.parametrize(
    "options", [{"alpha": 0.0}, {"sides": 3}, {"direction": "up"}, {"alpha": float("nan")}]
)
def test_impossible_tests(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        assurance(8, 8, CHAIN, **options)


@pytest.mark.parametrize("numbers", [(float("nan"), 1, 8), (1, -1, 8), (1, 1, 0), (1, 1, -3)])
def test_impossible_predictives(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError):
        Predictive(*numbers)
