"""Trim and fill and counts of significance, against R (4.2.2, metafor 3.8-1) and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from metabone.errors import DataError, UsageError
from metabone.models.excess import (
    excess_significance,
    orwin_n,
    poisson_binomial_tail,
    rosenthal_n,
)
from metabone.models.random_effects import random_effects
from metabone.models.trimfill import trim_fill

# dat.bcg, log risk ratios
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
SMALL_Y = np.array([0, 0.3, 0.4, 1.2, 1.9, 2.4])
SMALL_V = np.array([0.05, 0.06, 0.07, 0.3, 0.4, 0.5])


@pytest.mark.parametrize(
    ("y", "v", "estimator", "test", "want"),
    [
        # trimfill(rma(yi, vi), estimator=): k0, its SE, the mean and its SE; side. Hartung-Knapp
        # errors are those of rma(test="knha") of the filled effects, which trimfill itself drops.
        (SMALL_Y, SMALL_V, "L0", "wald", (3, 1.63852508, 0.21865387, 0.44959504, "left")),
        (SMALL_Y, SMALL_V, "R0", "wald", (2, 2.44948974, 0.37392640, 0.47063857, "left")),
        (BCG_Y, BCG_V, "L0", "hksj", (1, 2.4527986432, -0.6570828, 0.18150601, "right")),
        (BCG_Y, BCG_V, "R0", "hksj", (0, 1.4142135624, -0.71453234, 0.18079174, "right")),
    ],
)  # fmt: skip
def test_agrees_with_r(
    y: np.ndarray, v: np.ndarray, estimator: str, test: str, want: tuple
) -> None:
    found = trim_fill(y, v, estimator=estimator, test=test)
    assert float(found.k0) == want[0]
    assert np.isclose(found.k0_se, want[1], rtol=1e-8)
    # R's refits stop early (threshold 1e-5), ours do not.
    assert np.allclose([found.fit.coef[0], found.fit.se[0]], want[2:4], rtol=2e-5)
    assert bool(found.left) == (want[4] == "left")


def test_r0_has_the_chance_of_so_long_a_run() -> None:
    assert np.isclose(trim_fill(SMALL_Y, SMALL_V, estimator="R0").k0_pvalue, 0.125)
    assert np.isnan(trim_fill(SMALL_Y, SMALL_V).k0_pvalue)


def test_filled_effects_mirror_the_largest_around_the_trimmed_mean() -> None:
    order = [4, 0, 5, 2, 1, 3]
    found = trim_fill(SMALL_Y[order], SMALL_V[order])
    center = float(random_effects(SMALL_Y[:3], SMALL_V[:3]).coef[0])
    mirrored = np.isin(order, [3, 4, 5])
    assert (np.isnan(found.filled_yi) == ~mirrored).all()
    assert np.allclose(found.filled_yi[mirrored], 2 * center - SMALL_Y[order][mirrored])
    assert np.allclose(found.filled_vi[mirrored], SMALL_V[order][mirrored])


def test_the_mirror_image_misses_as_many_on_the_other_side() -> None:
    for estimator in ("L0", "R0"):
        one = trim_fill(SMALL_Y, SMALL_V, estimator=estimator)
        other = trim_fill(-SMALL_Y, SMALL_V, estimator=estimator)
        assert float(one.k0) == float(other.k0)
        assert not other.left
        assert np.isclose(one.fit.coef[0], -other.fit.coef[0])


def test_a_symmetric_funnel_misses_nothing() -> None:
    y = np.array([-1, -0.5, -0.1, 0, 0.1, 0.5, 1])
    v = np.array([0.5, 0.3, 0.1, 0.05, 0.1, 0.3, 0.5])
    for estimator, side in itertools.product(("L0", "R0"), ("left", "right")):
        found = trim_fill(y, v, estimator=estimator, side=side)
        assert float(found.k0) == 0
        assert np.isnan(found.filled_yi).all()


def test_a_stack_is_its_data_sets_one_by_one() -> None:
    rng = np.random.default_rng(8)
    v = rng.uniform(0.02, 0.8, (30, 11))
    y = 1.5 * np.sqrt(v) + rng.normal(0, np.sqrt(v))
    for estimator in ("L0", "R0"):
        both = trim_fill(y, v, estimator=estimator)
        assert (both.k0 > 0).any()
        for i in range(30):
            one = trim_fill(y[i], v[i], estimator=estimator)
            assert np.array_equal(one.k0, both.k0[i], equal_nan=True)
            assert np.allclose(one.fit.coef, both.fit.coef[i])


def test_two_of_three_effects_may_stand_alone() -> None:
    """The smallest effect is then the centre, and the others have their mirror images."""
    y, v = [0.1, 1.6, 2.4], [0.02, 0.5, 0.9]
    # trimfill(rma(yi, vi, control=list(threshold=1e-12)))
    found = trim_fill(y, v, test="wald")
    assert (float(found.k0), bool(found.left)) == (2, True)
    assert np.allclose(found.filled_yi, [np.nan, -1.4, -2.2], equal_nan=True)
    assert np.allclose([found.fit.coef[0], found.fit.se[0]], [0.1, 0.8115136], rtol=1e-5)
    assert np.allclose(found.fit.tau2, 2.762529, rtol=1e-4)


def test_no_number_without_a_run_below_the_centre() -> None:
    y, v = np.full((2, 4), 0.5), np.full((2, 4), 0.1)
    y[1] = [0.1, 0.4, 0.9, 1.1]
    found = trim_fill(y, v, estimator="R0")
    for part in (found.k0, found.fit.coef, found.fit.se, found.fit.tau2):
        assert np.isnan(part[0]).all()
        assert np.isfinite(part[1]).all()
    # Effects that are all the same lie on their centre, however it is rounded.
    for value in (0.1, 0.3, 0.7):
        alike = trim_fill([value] * 5, [0.1, 0.2, 0.3, 0.4, 0.7])
        assert float(alike.k0) == 0


def test_two_effects_are_too_few_and_words_are_checked() -> None:
    with pytest.raises(DataError, match="3 or more"):
        trim_fill([0.1, 0.2], [0.1, 0.1])
    with pytest.raises(UsageError, match="estimator"):
        trim_fill(SMALL_Y, SMALL_V, estimator="Q0")


def test_excess_significance_of_bcg_as_r_counts_it() -> None:
    found = excess_significance(BCG_Y, BCG_V)  # tes(yi, vi, test="exact")
    assert float(found.observed) == 8
    assert np.allclose(
        [found.expected, found.pvalue, found.theta],
        [6.0926590903, 0.1344085854, -0.4302851637],
        rtol=1e-9,
    )
    wide = excess_significance(BCG_Y, BCG_V, theta=-0.7, tau2=0.3)
    # R integrates over the true effects by quadrature; the integral has a closed form.
    assert np.allclose([wide.expected, wide.pvalue], [7.7281261047, 0.5631947855], rtol=1e-5)


def test_excess_chi_squared_is_ioannidis_and_trikalinoss_a() -> None:
    # A = (O - E)^2 / E + (O - E)^2 / (n - E), with O 4, E 1.189107 and n 4
    found = excess_significance([0.9, 0.8, 1.1, 0.2], [0.16, 0.15, 0.25, 0.01])
    gap = 4 - 1.189107
    assert np.isclose(found.chi2, gap**2 / 1.189107 + gap**2 / (4 - 1.189107), rtol=1e-5)
    assert 0 < float(found.chi2_pvalue) < 0.01
    few = excess_significance([0.1, -0.1, 0.05], [0.16, 0.15, 0.25], theta=1.0)
    assert float(few.chi2_pvalue) > 0.5


def test_the_count_is_summed_over_all_outcomes() -> None:
    chances = np.array([0.1, 0.4, 0.8, 0.35])
    for at_least in range(6):
        total = sum(
            np.prod(np.where(hits, chances, 1 - chances))
            for hits in itertools.product((True, False), repeat=4)
            if sum(hits) >= at_least
        )
        assert np.isclose(poisson_binomial_tail(chances, at_least), total)


def test_fail_safe_numbers_by_hand() -> None:
    # fsn(): Rosenthal 13, Orwin 11 down to 0.2
    y, v = [0.9, 0.8, 1.1], [0.16, 0.15, 0.25]
    assert float(rosenthal_n(y, v)) == 13
    assert float(orwin_n(y, 0.2)) == 11
    assert float(orwin_n([-0.5, -0.7], -0.2)) == float(orwin_n([0.5, 0.7], 0.2)) == 4
    assert float(rosenthal_n([0.1, -0.1], [0.1, 0.1])) == 0
    assert float(orwin_n([0.1, 0.1], 0.2)) == 0
    assert np.array_equal(rosenthal_n([y, [0.0, 0, 0]], [v, v]), [13, 0])


def test_impossible_levels_and_targets_are_refused() -> None:
    with pytest.raises(UsageError, match="target"):
        orwin_n([0.1], 0.0)
    with pytest.raises(UsageError, match="alpha"):
        rosenthal_n([0.1], [0.1], alpha=0.7)
    with pytest.raises(UsageError, match="alpha"):
        excess_significance([0.1], [0.1], alpha=1.0)
    with pytest.raises(DataError):
        rosenthal_n([0.1], [0.0])
