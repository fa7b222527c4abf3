"""Conversions against printed tables, the Cochrane Handbook, R, scipy's tests and simulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from metabone.effects import conversions, formulas

# Wan et al. (2014), table 1: ξ(n), the exact expected range of n standard normal values
WAN_TABLE_1 = {
    3: 1.693, 4: 2.059, 5: 2.326, 6: 2.534, 7: 2.704, 8: 2.847, 9: 2.970, 10: 3.078, 12: 3.259,
    15: 3.472, 20: 3.735, 25: 3.931, 30: 4.086, 40: 4.322, 50: 4.498,
}  # fmt: skip


@pytest.mark.parametrize(("n", "exact"), list(WAN_TABLE_1.items()))
def test_the_range_is_within_bloms_error_of_wans_table(n: int, exact: float) -> None:
    # Wan's equation 9 approximates the table by 2.7% at n = 3 and 0.5% from n = 10 on.
    allowed = 0.028 if n < 5 else 0.015 if n < 10 else 0.005
    assert float(conversions.range_in_sds(n)) == pytest.approx(exact, rel=allowed)


def test_medians_agree_with_the_published_formulas_in_r() -> None:
    # R 4.2.2, qnorm; Luo et al. eq. 7, 11, 15; Wan et al. eq. 9, 16; Shi et al. eq. 11 with θ₁, θ₂
    got = conversions.range_to_mean_sd(40, 2, 5, 11)
    assert [round(float(x), 5) for x in got] == [5.30143, 2.08685]
    got = conversions.quartiles_to_mean_sd(60, 3, 5, 8)
    assert [round(float(x), 5) for x in got] == [5.35325, 3.79791]
    got = conversions.five_numbers_to_mean_sd(50, 2, 4, 5, 7, 10)
    assert [round(float(x), 5) for x in got] == [5.41288, 1.99727]


def _summaries(n: int, draws: int = 60_000) -> tuple[Any, ...]:
    """Normal samples of mean 10 and SD 2: (low, q1, median, q3, high), and the samples' SDs."""
    samples = np.random.default_rng(n).normal(10.0, 2.0, (draws, n))
    return (*np.quantile(samples, [0, 0.25, 0.5, 0.75, 1], axis=1), samples.std(1, ddof=1))


@pytest.mark.parametrize("n", [5, 9, 21, 61])
def test_medians_of_normal_groups_by_simulation(n: int) -> None:
    low, q1, median, q3, high, _ = _summaries(n)
    ways = {
        "range": conversions.range_to_mean_sd(n, low, median, high),
        "quartiles": conversions.quartiles_to_mean_sd(n, q1, median, q3),
        "five": conversions.five_numbers_to_mean_sd(n, low, q1, median, q3, high),
    }
    for mean, sd in ways.values():
        assert float(np.mean(mean)) == pytest.approx(10.0, abs=0.03)
        assert float(np.mean(sd)) == pytest.approx(2.0, rel=0.02)
        assert np.var(mean) <= np.var(median)  # what Luo's weights are for
    if n > 9:  # and Shi's: better than range or quartiles alone
        spread = {name: float(np.var(sd)) for name, (_, sd) in ways.items()}
        assert spread["five"] < min(spread["range"], spread["quartiles"])


@pytest.mark.parametrize(
    ("convert", "cells"),
    [
        (conversions.range_to_mean_sd, (1, 1, 2, 3)),
        (conversions.range_to_mean_sd, (9, 4, 2, 3)),
        (conversions.range_to_mean_sd, (9, 2, 2, 2)),
        (conversions.range_to_mean_sd, (np.nan, 1, 2, 3)),
        (conversions.quartiles_to_mean_sd, (9, 1, 2, 1.5)),
        (conversions.quartiles_to_mean_sd, (9, 2, 2, 2)),
        (conversions.quartiles_to_mean_sd, (0, 1, 2, 3)),
        (conversions.quartiles_to_mean_sd, (9, np.nan, 2, 3)),
        (conversions.five_numbers_to_mean_sd, (9, 2, 1, 3, 4, 5)),
        (conversions.five_numbers_to_mean_sd, (1, 1, 2, 3, 4, 5)),
    ],
)
def test_no_mean_from_impossible_quantiles(
    convert: Callable[..., Any], cells: tuple[float, ...]
) -> None:
    mean, sd = convert(*cells)
    assert np.isnan(mean)
    assert np.isnan(sd)


def test_interval_with_the_handbooks_t() -> None:
    # Cochrane Handbook 6.5.2.2: for 25 in a group divide the width by 4.128 (2 × 2.064)
    assert float(conversions.ci95_to_sd(2.0, 25)) == pytest.approx(5 * 4.0 / 4.128, rel=2e-4)


@pytest.mark.parametrize("n", [2, 5, 12, 40])
def test_dispersions_of_a_sample(n: int) -> None:
    sample = np.random.default_rng(n).normal(3.0, 0.7, n)
    low, high = stats.t.interval(0.95, n - 1, loc=sample.mean(), scale=stats.sem(sample))
    assert float(conversions.ci95_to_sd((high - low) / 2, n)) == pytest.approx(sample.std(ddof=1))
    assert float(conversions.sem_to_sd(stats.sem(sample), n)) == pytest.approx(sample.std(ddof=1))


@pytest.mark.parametrize("n", [1, 0, -2, np.nan])
def test_no_sd_of_one_animal(n: float) -> None:
    assert np.isnan(conversions.sem_to_sd(0.5, n))
    assert np.isnan(conversions.ci95_to_sd(0.5, n))


def test_p_to_t_of_the_handbook() -> None:
    # Cochrane Handbook 6.5.2.3: P = 0.008 with 25 + 22 - 2 = 45 df gives t = 2.78
    assert round(float(conversions.p_to_t(0.008, 45, 1)), 2) == 2.78
    assert round(float(conversions.p_to_t(0.008, 45, -1)), 2) == -2.78


def test_p_keeps_its_digits_in_the_far_tail() -> None:
    assert float(conversions.p_to_t(1e-30, 18, 1)) == pytest.approx(stats.t.isf(5e-31, 18))
    assert float(conversions.p_to_t(1.0, 18, -1)) == 0.0


@pytest.mark.parametrize(("p", "df"), [(0.0, 10), (-0.1, 10), (1.2, 10), (np.nan, 10), (0.05, 0)])
def test_impossible_p(p: float, df: float) -> None:
    assert np.isnan(conversions.p_to_t(p, df, 1))


@pytest.mark.parametrize("shift", [-1.5, -0.2, 0.0, 2.5])
def test_every_test_of_two_samples_gives_their_g(shift: float) -> None:
    rng = np.random.default_rng(7)
    treated, control = rng.normal(shift, 1, 7), rng.normal(0, 1, 9)
    g, _ = formulas.smd(
        7, treated.mean(), treated.std(ddof=1), 9, control.mean(), control.std(ddof=1)
    )
    student = stats.ttest_ind(treated, control)
    sign = np.sign(student.statistic)
    f = stats.f_oneway(treated, control).statistic
    for t in (
        student.statistic,
        conversions.f_to_t(f, sign),
        conversions.p_to_t(student.pvalue, 14, sign),
    ):
        assert float(conversions.t_to_g(t, 7, 9)) == pytest.approx(float(g), rel=1e-9)


def test_no_g_without_animals_and_no_t_of_a_negative_f() -> None:
    assert np.isnan(conversions.t_to_g(2.0, 1, 9))
    assert np.isnan(conversions.t_to_g(2.0, np.nan, 9))
    assert np.isnan(conversions.f_to_t(-1.0, 1))
    assert np.isnan(conversions.f_to_t(4.0, np.nan))
