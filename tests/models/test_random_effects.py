"""The random-effects model: published analyses, properties, degenerate data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import optimize, stats

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.random_effects import (
    i2_from_tau2,
    r_squared,
    random_effects,
    tau2_interval,
)

METHODS = ("REML", "ML", "DL", "PM", "EB", "HE", "HS", "SJ", "EE")
RNG = np.random.default_rng(20240517)


def _reml_loglik(tau2: float, y: np.ndarray, v: np.ndarray, x: np.ndarray) -> float:
    """Restricted log-likelihood written from its definition with dense matrices."""
    cov = np.diag(v + tau2)
    inner = x.T @ np.linalg.inv(cov) @ x
    beta = np.linalg.solve(inner, x.T @ np.linalg.inv(cov) @ y)
    e = y - x @ beta
    return -0.5 * (
        np.linalg.slogdet(cov)[1] + np.linalg.slogdet(inner)[1] + e @ np.linalg.inv(cov) @ e
    )


def _simulate(k: int, tau2: float, spread: float) -> tuple[np.ndarray, np.ndarray]:
    v = np.exp(RNG.normal(math.log(0.2), spread, k))
    return RNG.normal(0.5, np.sqrt(v + tau2)), v


@pytest.mark.parametrize("k", [3, 5, 12])
@pytest.mark.parametrize("spread", [0.1, 1.0, 2.5])
@pytest.mark.parametrize("p", [1, 2])
def test_reml_reaches_the_highest_point_of_a_dense_search(k: int, spread: float, p: int) -> None:
    for tau2 in (0.0, 0.1, 2.0):
        y, v = _simulate(k, tau2, spread)
        x = np.column_stack([np.ones(k), np.arange(k)])[:, :p]
        fit = random_effects(y, v, x if p > 1 else None)
        grid = np.concatenate([[0.0], np.geomspace(1e-5, 1e3, 400)])
        values = [_reml_loglik(t, y, v, x) for t in grid]
        best = int(np.argmax(values))
        around = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        fine = optimize.minimize_scalar(
            lambda t, y=y, v=v, x=x: -_reml_loglik(t, y, v, x),
            bounds=around,
            method="bounded",
            options={"xatol": 1e-12},
        )
        assert bool(fit.converged)
        assert _reml_loglik(float(fit.tau2), y, v, x) >= max(-fine.fun, values[best]) - 1e-7


def test_boundary_is_exactly_zero() -> None:
    y = np.array([0.50, 0.52, 0.49, 0.51])
    for method in METHODS:
        if method != "SJ":  # Sidik and Jonkman's estimate is positive by construction
            assert float(random_effects(y, np.full(4, 0.3), method=method).tau2) == 0.0


def test_a_batch_equals_its_parts() -> None:
    y, v = RNG.normal(size=(3, 40, 9)), RNG.uniform(0.05, 2, size=(3, 40, 9))
    x = np.column_stack([np.ones(9), np.linspace(-1, 1, 9)])
    for design in (None, x):
        whole = random_effects(y, v, design)
        for i, j in ((0, 0), (1, 17), (2, 39)):
            one = random_effects(y[i, j], v[i, j], design)
            np.testing.assert_allclose(whole.coef[i, j], one.coef, rtol=1e-9)
            np.testing.assert_allclose(whole.vcov[i, j], one.vcov, rtol=1e-7)
            assert math.isclose(whole.tau2[i, j], one.tau2, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_leaving_out_equals_not_having(method: str) -> None:
    y, v = _simulate(8, 0.3, 0.5)
    include = np.ones((8, 8), dtype=bool) & ~np.eye(8, dtype=bool)
    batch = random_effects(np.tile(y, (8, 1)), np.tile(v, (8, 1)), method=method, include=include)
    for i in range(8):
        one = random_effects(np.delete(y, i), np.delete(v, i), method=method)
        np.testing.assert_allclose(batch.coef[i], one.coef, rtol=1e-8)
        np.testing.assert_allclose(batch.q[i], one.q, rtol=1e-8)
        assert float(batch.k[i]) == 7


def test_paule_mandel_makes_q_its_df() -> None:
    y, v = _simulate(10, 1.0, 0.5)
    fit = random_effects(y, v, method="PM")
    w = 1 / (v + fit.tau2)
    mean = (w * y).sum() / w.sum()
    assert math.isclose((w * (y - mean) ** 2).sum(), 9.0, rel_tol=1e-9)


def test_q_profile_meets_the_chi2_quantiles() -> None:
    y, v = _simulate(10, 1.0, 0.5)
    for limit, tail in zip(tau2_interval(y, v, level=0.9), (0.95, 0.05), strict=True):
        w = 1 / (v + limit)
        mean = (w * y).sum() / w.sum()
        assert math.isclose((w * (y - mean) ** 2).sum(), stats.chi2.ppf(tail, 9), rel_tol=1e-8)


def test_q_profile_of_effects_too_alike_is_empty() -> None:
    low, high = tau2_interval([0.5, 0.5001, 0.5002, 0.5], [1.0, 1.0, 1.0, 1.0])
    assert math.isnan(low)
    assert math.isnan(high)


@settings(deadline=None, max_examples=60)
@given(
    y=arrays(float, 6, elements=st.floats(-5, 5)),
    v=arrays(float, 6, elements=st.floats(0.01, 10)),
    scale=st.floats(0.01, 100),
    shift=st.floats(-10, 10),
    order=st.permutations(range(6)),
)
@pytest.mark.parametrize("method", METHODS)
def test_scale_shift_and_order(
    method: str, y: np.ndarray, v: np.ndarray, scale: float, shift: float, order: list[int]
) -> None:
    base = random_effects(y, v, method=method)
    moved = random_effects(scale * y[order] + shift, scale**2 * v[order], method=method)
    unit = scale**2 * (float(base.tau2) + v.max())
    assert abs(float(moved.tau2) - scale**2 * float(base.tau2)) <= 1e-5 * unit
    assert abs(float(moved.coef[0]) - shift - scale * float(base.coef[0])) <= 1e-4 * math.sqrt(unit)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("test", ["hksj", "hksj_adhoc", "wald"])
def test_degenerate_data_give_nan_not_confidence(method: str, test: str) -> None:
    same = random_effects([0.3, 0.3, 0.3], [0.1, 0.1, 0.1], method=method, test=test)
    assert math.isnan(same.se[0]) == (test == "hksj")
    if method != "EE":
        one = random_effects([1.0], [0.1], method=method, test=test)
        assert math.isnan(one.coef[0])
        assert math.isnan(one.ci()[0][0])
    alone, _ = tau2_interval([1.0], [0.1])
    assert math.isnan(alone)


@pytest.mark.parametrize(
    ("yi", "vi", "error"),
    [
        ([1.0, 2.0], [0.1], DataError),
        ([1.0, math.nan], [0.1, 0.1], DataError),
        ([1.0, 2.0], [0.1, 0.0], DataError),
        ([1.0, 2.0], [0.1, -0.1], DataError),
        ([1.0, 2.0], [0.1, math.inf], DataError),
        ([], [], DataError),
    ],
)
def test_impossible_input_is_refused(
    yi: list[float], vi: list[float], error: type[Exception]
) -> None:
    with pytest.raises(error):
        random_effects(yi, vi)


def test_design_is_checked() -> None:
    y, v = np.arange(4.0), np.ones(4)
    with pytest.raises(ModelError, match="depend on each other"):
        random_effects(y, v, np.ones((4, 2)))
    with pytest.raises(ModelError, match="cannot give 5"):
        random_effects(y, v, np.ones((4, 5)))
    with pytest.raises(DataError, match="shape"):
        random_effects(y, v, np.ones((3, 2)))
    with pytest.raises(UsageError, match="REML"):
        random_effects(y, v, method="remel")


def test_i2_and_r2_have_their_definitions() -> None:
    assert math.isclose(float(i2_from_tau2(0.3, [0.1, 0.1, 0.1])), 75.0)
    assert r_squared(0.2, 0.3) == 0.0


def test_coverage_of_hartung_knapp_by_simulation() -> None:
    """Monte Carlo: 95 % intervals of 8 small studies hold the truth in about 95 % of data sets."""
    rng = np.random.default_rng(7)
    v = rng.uniform(0.1, 0.6, (6000, 8))
    y = rng.normal(0.4, np.sqrt(v + 0.2))
    low, high = random_effects(y, v).ci()
    cover = float(((low[:, 0] < 0.4) & (high[:, 0] > 0.4)).mean())
    assert abs(cover - 0.95) < 0.012


def test_one_effect_far_more_precise_than_all_others() -> None:
    """tr PP loses all its digits long before τ² does, which Newton's bracket still finds."""
    y, v = np.array([0.1, 0.2, 5.0, 9.0]), np.array([1e-8, 1.0, 2.0, 0.5])
    fit = random_effects(y, v)
    top = optimize.minimize_scalar(
        lambda t: -_reml_loglik(t, y, v, np.ones((4, 1))), bounds=(0, 100), method="bounded"
    )
    assert fit.converged
    assert np.isclose(fit.tau2, top.x, rtol=1e-5)
    # Where rounding would have a say in τ², it is unknown; farther apart there is nothing to say.
    lost = random_effects(y, [1e-12, 1.0, 2.0, 0.5], method="DL")
    assert np.isnan(lost.tau2)
    assert np.isnan(lost.coef).all()
    with pytest.raises(DataError, match="reach from 1e-18 to 2, too far apart"):
        random_effects(y, [1e-18, 1.0, 2.0, 0.5])


def test_one_effect_has_no_typical_variance() -> None:
    assert np.isnan(i2_from_tau2(0.1, [0.2]))
