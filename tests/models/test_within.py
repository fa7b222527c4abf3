"""Three ways to one likelihood: a common correlation, any sampling covariance, and dense blocks."""

from __future__ import annotations

import numpy as np
import pytest

from metabone.models.blup import weights
from metabone.models.multilevel import MultilevelFit, multilevel
from metabone.models.nested import Nested
from metabone.models.newton import Surface
from metabone.models.problem import constant_correlation
from metabone.models.refits import leave_one_cluster_out
from metabone.models.robust import robust
from metabone.models.wild import wild_test

Blocks = list[tuple[np.ndarray, np.ndarray]]
RNG = np.random.default_rng(4)
STUDY = RNG.permutation(np.repeat(np.arange(9), [1, 2, 2, 3, 4, 5, 1, 3, 3]))
K = len(STUDY)
V = RNG.uniform(0.05, 0.6, K)
Y = 0.4 + RNG.normal(0, 0.5, 9)[STUDY] + RNG.normal(0, 0.8, K)
X = np.column_stack([np.ones(K), RNG.normal(size=K)])


def _blocks(rho: float, apart: float = 0.0) -> Blocks:
    """One correlation, but for one pair whose correlation is `apart` higher."""
    blocks = list(constant_correlation(V, STUDY, rho))
    number = next(i for i, (rows, _) in enumerate(blocks) if len(rows) == 5)
    rows, block = blocks[number]
    block = block.copy()
    block[0, 1] += apart * np.sqrt(block[0, 0] * block[1, 1])
    block[1, 0] = block[0, 1]
    blocks[number] = (rows, block)
    return blocks


def _fit(blocks: Blocks, *, dense: bool = False, method: str = "REML") -> MultilevelFit:
    """The other order of the factors is for the engine that inverts blocks."""
    names = ("effect", "study") if dense else ("study", "effect")
    labels = {"study": STUDY, "effect": np.arange(K)}
    return multilevel(Y, blocks, {name: labels[name] for name in names}, X, method=method)


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize(
    ("rho", "apart", "simple"),
    [(0.5, 0.0, True), (0.0, 0.0, True), (0.9, 0.0, True), (0.5, 0.2, False), (-0.2, 0.0, False)],
)
def test_value_gradient_and_information_agree(
    method: str, rho: float, apart: float, simple: bool
) -> None:
    blocks = _blocks(rho, apart)
    fit, other = _fit(blocks, method=method), _fit(blocks, dense=True, method=method)
    engine = fit.problem.engine
    assert isinstance(engine, Nested)
    assert (engine.clusters.rotations is None) == simple
    assert (engine.clusters.factor is not None) == (simple and rho > 0)
    theta, rows = np.array([[0.07, 0.2], [0.0, 0.4], [0.3, 0.0]]), np.zeros(3, dtype=int)
    mine = engine.evaluate(theta, rows)
    theirs = other.problem.engine.evaluate(theta[:, ::-1], rows)
    turned = Surface(
        theirs.value,
        theirs.gradient[:, ::-1],
        theirs.observed[:, ::-1, ::-1],
        theirs.expected[:, ::-1, ::-1],
    )
    for name in ("value", "gradient", "observed", "expected"):
        np.testing.assert_allclose(getattr(mine, name), getattr(turned, name), rtol=1e-9)


@pytest.mark.parametrize(("rho", "apart"), [(0.5, 0.0), (0.5, 0.2)])
def test_what_rests_on_the_fit_agrees(rho: float, apart: float) -> None:
    """Robust standard errors, weights, I², refits and bootstraps of either way against dense."""
    fit, dense = _fit(_blocks(rho, apart)), _fit(_blocks(rho, apart), dense=True)
    np.testing.assert_allclose(fit.coef, dense.coef, atol=1e-7)
    np.testing.assert_allclose(fit.i2["total"], dense.i2["total"], rtol=1e-5)
    np.testing.assert_allclose(weights(fit), weights(dense), rtol=1e-5)
    here, there = robust(fit), robust(dense, STUDY)
    np.testing.assert_allclose(here.se, there.se, rtol=1e-6)
    np.testing.assert_allclose(here.df, there.df, rtol=1e-5)
    left = leave_one_cluster_out(fit)
    for study in (0, 5):
        keep = study != STUDY
        number = np.cumsum(keep) - 1
        blocks = [(number[r], b) for r, b in _blocks(rho, apart) if keep[r].all()]
        random = {"study": STUDY[keep], "effect": np.arange(int(keep.sum()))}
        one = multilevel(Y[keep], blocks, random, X[keep])
        np.testing.assert_allclose(left.coef[study], one.coef, atol=1e-6)
    for type in ("CR1", "CR2"):
        batch = wild_test(fit, [0, 1], type=type, refit=False)
        single = wild_test(dense, [0, 1], type=type, refit=False, cluster=STUDY)
        np.testing.assert_allclose(batch.draws, single.draws, rtol=1e-4)
        assert batch.pvalue == single.pvalue
