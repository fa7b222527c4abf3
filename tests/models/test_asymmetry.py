"""Regression tests of asymmetry, PET-PEESE, limits and ranks, against R and published examples.

BCG: log risk ratios of dat.bcg; numbers that R 4.2.2 with metafor 3.8-1 prints (threshold 1e-12).
Third wave: 18 trials of stress interventions for students (Harrer et al. 2021, Doing Meta-Analysis
with R, doi:10.1201/9781003107347), whose chapter on publication bias prints the rounded numbers.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabone.errors import DataError, UsageError
from metabone.models.asymmetry import limit_meta, pet_one_sided, pet_peese, regression_test
from metabone.models.random_effects import random_effects
from metabone.models.rank_correlation import exact_p, rank_test

BCG_Y = np.array([
    -0.889311333920205, -1.58538865720143, -1.34807314829969, -1.44155119002131,
    -0.217547322211296, -0.786115585818864, -1.62089822359839, 0.0119523335238405,
    -0.469417648738149, -1.37134480347278, -0.339358828338391, 0.445913400571379,
    -0.0173139482168798,
])  # fmt: skip
BCG_V = np.array([
    0.325584765003961, 0.194581121398144, 0.415367965367965, 0.0200100319022476,
    0.0512101721696309, 0.00690561845590876, 0.223017247572315, 0.00396157929781773,
    0.056434210463249, 0.0730247936130289, 0.0124122139715597, 0.532505845200153,
    0.0714046596839863,
])  # fmt: skip
WAVE_Y = np.array([
    0.7091362, 0.3548641, 1.79117, 0.1824552, 0.4218509, 0.63, 0.7248838, 0.5286638, 0.284,
    1.2750682, 0.1036082, 0.3883906, 0.5407398, 0.4261593, 0.5153969, 1.479726, 0.6125782, 0.6,
])  # fmt: skip
WAVE_SE = np.array([
    0.2608202, 0.1963624, 0.3455692, 0.1177874, 0.1448128, 0.196, 0.2246641, 0.2104609, 0.168,
    0.3371997, 0.1947275, 0.2307689, 0.2443133, 0.2579379, 0.3512737, 0.3152817, 0.2266834, 0.249,
])  # fmt: skip


def test_egger_of_a_book() -> None:
    # "intercept 4.111, 95% CI 2.39 - 5.83, t = 4.677, p = 0.00025"
    fit = regression_test(WAVE_Y, WAVE_SE**2, WAVE_SE, model="least_squares")
    assert round(float(fit.slope), 3) == 4.111
    assert round(float(fit.statistic), 3) == 4.677
    assert round(float(fit.pvalue), 5) == 0.00025
    assert float(fit.df) == 16


def test_limit_meta_analysis_of_a_book() -> None:
    # "Adjusted estimate -0.0345", of a random-effects mean 0.5771 with tau^2 = 0.0820
    fit = limit_meta(WAVE_Y, WAVE_SE**2)
    assert round(float(fit.tau2), 4) == 0.0820
    assert round(float(fit.regression.limit), 4) == -0.0345


def test_limit_meta_analysis_is_a_regression_in_r() -> None:
    fit = limit_meta(BCG_Y, BCG_V)
    found = (fit.regression.limit, fit.regression.limit_se, fit.regression.slope)
    assert np.allclose(found, (-0.6299879092, 0.2343872542, -1.0409655798), rtol=1e-8)
    assert np.isclose(fit.regression.slope_se, 1.8516511477, rtol=1e-8)
    assert np.isclose(fit.q_residual, 129.1743203, rtol=1e-8)
    assert np.isclose(fit.q_small + fit.q_residual, fit.q)
    scaled = limit_meta(BCG_Y, BCG_V, test="hksj")
    assert np.isclose(scaled.regression.limit_se, 0.2429581759, rtol=1e-8)
    assert float(scaled.regression.df) == 11


def test_without_heterogeneity_the_limit_is_pet_with_known_variances() -> None:
    y, v = [0.2, 0.22, 0.18, 0.21], [0.02, 0.06, 0.11, 0.2]
    fit = limit_meta(y, v)
    pet = regression_test(y, v, np.sqrt(v), model="least_squares")
    assert float(fit.tau2) == 0
    assert np.isclose(fit.regression.limit, pet.limit)
    assert fit.regression.limit_se > pet.limit_se


def test_the_regression_test_is_that_of_the_general_model() -> None:
    x = np.sqrt(BCG_V)
    X = np.column_stack([np.ones(13), x])
    for test in ("wald", "hksj"):
        fit = regression_test(BCG_Y, BCG_V, x, test=test)
        general = random_effects(BCG_Y, BCG_V, X, test=test)
        assert np.allclose([fit.limit, fit.slope], general.coef)
        assert np.allclose([fit.limit_se, fit.slope_se], general.se)


@pytest.mark.parametrize("model", ["mixed", "least_squares"])
def test_a_stack_is_its_data_sets_one_by_one(model: str) -> None:
    rng = np.random.default_rng(3)
    y, v = rng.normal(size=(2, 3, 9)), rng.uniform(0.05, 0.6, (2, 3, 9))
    fit = regression_test(y, v, np.sqrt(v), model=model)
    both = pet_peese(y, v)
    for at in np.ndindex(2, 3):
        one = regression_test(y[at], v[at], np.sqrt(v[at]), model=model)
        assert np.allclose(
            [one.slope, one.limit, one.limit_se, one.pvalue],
            [fit.slope[at], fit.limit[at], fit.limit_se[at], fit.pvalue[at]],
        )
        assert np.isclose(pet_peese(y[at], v[at]).estimate, both.estimate[at])


@given(st.floats(1e-6, 1e6), st.floats(-50, 50))
@settings(max_examples=30, deadline=None)
def test_units_of_the_predictor_do_not_matter(scale: float, shift: float) -> None:
    x = np.sqrt(BCG_V)
    fit = regression_test(BCG_Y, BCG_V, x, model="least_squares")
    other = regression_test(BCG_Y + shift, BCG_V, x * scale, model="least_squares")
    assert np.isclose(other.slope * scale, fit.slope, rtol=1e-6)
    assert np.isclose(other.pvalue, fit.pvalue, rtol=1e-6)
    assert np.isclose(other.limit, fit.limit + shift, rtol=1e-6, atol=1e-8)


def test_a_predictor_that_does_not_vary_has_no_test() -> None:
    y = np.array([[0.1, 0.5, 0.4, 0.9], [0.1, 0.5, 0.4, 0.9]])
    v = np.full((2, 4), 0.1)
    x = np.array([[0.3, 0.3 + 1e-15, 0.3, 0.3], [0.1, 0.2, 0.3, 0.4]])
    for model in ("mixed", "least_squares"):
        fit = regression_test(y, v, x, model=model)
        assert np.isnan(fit.slope[0])
        assert np.isnan(fit.limit[0])
        assert np.isnan(fit.pvalue[0])
        assert np.isfinite(fit.pvalue[1])
    limit = limit_meta(y[0], v[0])
    assert np.isnan(limit.regression.limit)
    assert np.isnan(limit.q_small)


def test_too_few_effects_and_no_scatter_have_no_error() -> None:
    two = regression_test([0.1, 0.5], [0.1, 0.2], [0.3, 0.4], model="least_squares")
    assert np.isclose(two.limit, -1.1)
    assert np.isnan(two.limit_se)
    assert np.isnan(regression_test([0.1, 0.5], [0.1, 0.2], [0.3, 0.4]).limit)
    line = regression_test([1.0, 2, 3], [0.1, 0.2, 0.3], [1.0, 2, 3], model="least_squares")
    assert np.isclose(line.slope, 1)
    assert np.isnan(line.pvalue)


def test_pet_hands_over_to_peese_in_the_direction_of_the_mean() -> None:
    v = np.array([0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2])
    strong = 1 + np.array([0.01, -0.02, 0.03, -0.01, 0.02, -0.03, 0.01])
    for sign in (1, -1):
        fit = pet_peese(sign * strong, v)
        assert bool(fit.use_peese)
        assert np.isclose(fit.estimate, fit.peese.limit)
        # Against the direction it must not.
        assert not pet_peese(sign * strong, v, direction=-sign).use_peese
    assert np.isnan(pet_one_sided(float("nan"), 5, 1))


@pytest.mark.parametrize(
    ("yi", "vi", "x", "error"),
    [
        ([1.0, 2], [1.0], [1.0, 2], DataError), ([], [], [], DataError),
        ([1.0, math.nan], [1.0, 1], [1.0, 2], DataError),
        ([1.0, 2], [1.0, 0], [1.0, 2], DataError),
    ],
)  # fmt: skip
def test_impossible_input_is_refused(yi: list, vi: list, x: list, error: type) -> None:
    with pytest.raises(error):
        regression_test(yi, vi, x)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(UsageError, match="model must be one of 'mixed', 'least_squares'"):
        regression_test([1.0, 2, 3], [1.0, 1, 1], [1.0, 2, 3], model="egger")


def test_ranks_of_bcg_as_r_counts_them() -> None:
    fit = rank_test(BCG_Y, BCG_V)
    assert bool(fit.exact)
    assert np.isclose(fit.tau, 0.02564102564)
    assert np.isclose(fit.pvalue, 0.952361908, rtol=1e-8)


def test_exact_p_values_count_all_orders() -> None:
    for k in (3, 4, 5, 6):
        pairs = list(itertools.combinations(range(k), 2))
        all_s = [
            sum(1 if order[i] < order[j] else -1 for i, j in pairs)
            for order in itertools.permutations(range(k))
        ]
        for s in set(all_s):
            counted = np.mean([abs(other) >= abs(s) for other in all_s])
            assert np.isclose(exact_p(s, k), counted)


def test_ranks_agree_with_scipy_with_and_without_ties() -> None:
    from scipy.stats import kendalltau

    rng = np.random.default_rng(4)
    y = rng.normal(size=(20, 12))
    for v in (rng.uniform(0.1, 1, (20, 12)), rng.integers(1, 5, (20, 12)) / 4):
        fit = rank_test(y, v)
        w = 1 / v
        mean = (w * y).sum(1, keepdims=True) / w.sum(1, keepdims=True)
        standard = (y - mean) / np.sqrt(v - 1 / w.sum(1, keepdims=True))
        for i in range(20):
            tied = len(np.unique(v[i])) < 12
            want = kendalltau(standard[i], v[i], method="asymptotic" if tied else "exact")
            assert np.isclose(fit.tau[i], want.statistic)
            assert np.isclose(fit.pvalue[i], want.pvalue)
            assert bool(fit.exact[i]) is not tied


def test_ranks_of_equal_variances_or_two_effects_have_no_test() -> None:
    assert np.isnan(rank_test([0.1, 0.5, 0.3], [0.1, 0.1, 0.1]).tau)
    two = rank_test([0.1, 0.5], [0.1, 0.2])
    assert float(two.tau) == 1
    assert np.isnan(two.pvalue)
    assert np.isnan(rank_test([0.1], [0.1]).tau)
