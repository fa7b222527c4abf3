"""The likelihood by Woodbury's identity against the one that inverts the whole matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metabone.models import crossed
from metabone.models.blup import predict_levels
from metabone.models.components import Components, connect, group_components
from metabone.models.crossed import Crossed, build_crossed, split_factors
from metabone.models.multilevel import multilevel
from metabone.models.problem import constant_correlation


def drawn(k: int, seed: int = 1) -> tuple[np.ndarray, list, dict[str, np.ndarray]]:
    """Synthetic effects of studies that are crossed with sources and cells."""
    rng = np.random.default_rng(seed)
    study = np.sort(rng.integers(0, k // 3, k))
    factors = {
        "source": rng.integers(0, 3, k), "cell": rng.integers(0, 4, k),
        "study": np.unique(study, return_inverse=True)[1], "effect": np.arange(k),
    }  # fmt: skip
    y = 0.5 + rng.normal(0, 0.3, 3)[factors["source"]] + rng.normal(0, 0.2, 4)[factors["cell"]]
    y += rng.normal(0, 0.4, k)[factors["study"]] + rng.normal(0, 0.5, k)
    vi = rng.uniform(0.05, 0.4, k)
    return y, list(constant_correlation(vi, study, 0.4)), factors


def engines(k: int, *, restricted: bool) -> tuple[Components, Crossed]:
    y, blocks, factors = drawn(k)
    x = np.linalg.qr(np.column_stack([np.ones(k), np.linspace(-1, 1, k)]))[0].T
    codes = list(factors.values())
    block_codes = np.empty(k, dtype=np.int64)
    for number, (rows, _) in enumerate(blocks):
        block_codes[rows] = number
    names = tuple(factors)
    whole = Components(
        names, y[None], x, group_components(connect(codes, block_codes), codes, blocks), restricted
    )
    tied = np.array([True, True, False, False])
    return whole, build_crossed(
        names, y, x, codes, tied, block_codes, blocks, restricted=restricted
    )


@pytest.mark.parametrize("restricted", [True, False])
def test_likelihood_and_derivatives_are_those_of_the_whole_matrix(restricted: bool) -> None:
    whole, parts = engines(60, restricted=restricted)
    theta = np.array([[0.1, 0.05, 0.2, 0.3], [0.0, 0.4, 0.0, 0.1], [0.3, 0.0, 0.1, 0.0]])
    rows = np.zeros(3, dtype=np.intp)
    one, other = whole.evaluate(theta, rows), parts.evaluate(theta, rows)
    for name in ("value", "gradient", "observed", "expected"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-9, abs=1e-9)
    at, also = whole.solve(theta, rows), parts.solve(theta, rows)
    for name in ("coef", "cov", "h", "r", "q", "logdet"):
        assert getattr(also, name) == pytest.approx(getattr(at, name), rel=1e-9, abs=1e-10)
    columns = np.random.default_rng(0).normal(size=(3, 60))
    assert parts.inverse(theta[0], columns) == pytest.approx(whole.inverse(theta[0], columns))
    assert parts.inverse_trace() == pytest.approx(whole.inverse_trace())


def test_the_gradient_is_the_slope_of_the_likelihood() -> None:
    _, parts = engines(60, restricted=True)
    point, rows = np.array([0.1, 0.05, 0.2, 0.3]), np.zeros(1, dtype=np.intp)
    gradient = parts.evaluate(point[None], rows).gradient[0]
    for place in range(4):
        step = np.eye(4)[place] * 1e-5
        high, low = (parts.evaluate((point + s)[None], rows).value[0] for s in (step, -step))
        assert (high - low) / 2e-5 == pytest.approx(gradient[place], rel=1e-5, abs=1e-6)


def test_a_fit_and_its_predictions_do_not_depend_on_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    y, blocks, factors = drawn(150)
    fit = multilevel(y, blocks, factors)
    assert isinstance(fit.problem.engine, Crossed)
    assert fit.problem.engine.tied.tolist() == [True, True, False, False]
    monkeypatch.setattr(crossed, "SMALL", 10_000)
    whole = multilevel(y, blocks, factors)
    assert isinstance(whole.problem.engine, Components)
    assert fit.coef == pytest.approx(whole.coef, rel=1e-8)
    assert fit.vcov == pytest.approx(whole.vcov, rel=1e-6)
    assert list(fit.sigma2.values()) == pytest.approx(list(whole.sigma2.values()), abs=1e-7)
    assert fit.i2 == pytest.approx(whole.i2, rel=1e-6)
    assert fit.loglik == pytest.approx(whole.loglik, rel=1e-10)
    levels = {"source": np.array([0, 2]), "cell": np.array([1, 3])}
    one, other = predict_levels(fit, levels), predict_levels(whole, levels)
    assert one.estimate == pytest.approx(other.estimate, rel=1e-6)
    assert one.se == pytest.approx(other.se, rel=1e-6)


def test_two_crossed_factors_are_those_of_r() -> None:
    """The data of `drawn` in rma.mv of metafor 3.8-1 (optim, BFGS, reltol 1e-14).

    rma.mv(yi, V, random=list(~1|source, ~1|cell, ~1|study, ~1|effect)).
    """
    y, blocks, factors = drawn(150)
    fit = multilevel(y, blocks, factors)
    assert isinstance(fit.problem.engine, Crossed)
    assert fit.coef[0] == pytest.approx(0.3981380952589, rel=1e-7)
    assert fit.se[0] == pytest.approx(0.1376230222266, rel=1e-6)
    assert list(fit.sigma2.values()) == pytest.approx(
        [0.03728884970667, 0.01113808456619, 0.01303111640899, 0.12972138902770], rel=1e-5
    )
    assert fit.loglik == pytest.approx(-127.5810614181, rel=1e-11)
    assert fit.q == pytest.approx(332.1105001583, rel=1e-11)


def test_factors_with_few_levels_are_taken_out_where_that_saves_work() -> None:
    _, blocks, factors = drawn(400)
    codes = list(factors.values())
    block_codes = np.empty(400, dtype=np.int64)
    for number, (rows, _) in enumerate(blocks):
        block_codes[rows] = number
    assert split_factors(codes, block_codes).tolist() == [True, True, False, False]
    nested = codes[2:]
    assert not split_factors(nested, block_codes).any()
    small = [one[:30] for one in codes]
    assert not split_factors(small, np.unique(block_codes[:30], return_inverse=True)[1]).any()


def test_other_data_in_the_same_engine() -> None:
    """Bootstraps exchange y and x."""
    whole, parts = engines(60, restricted=True)
    y = np.random.default_rng(4).normal(size=(2, 60))
    theta, rows = np.tile([0.1, 0.05, 0.2, 0.3], (2, 1)), np.arange(2)
    one = replace(whole, y=y).solve(theta, rows)
    other = replace(parts, y=y).solve(theta, rows)
    assert other.coef == pytest.approx(one.coef, rel=1e-9)
