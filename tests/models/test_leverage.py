"""Contrasts of a regression: which hang on one cluster, and what robust errors others get."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from metabone.models.leverage import sole_cluster
from metabone.models.multilevel import multilevel
from metabone.models.problem import constant_correlation
from metabone.models.robust import robust


def _estimable(X: np.ndarray, c: np.ndarray) -> bool:
    return bool(np.linalg.matrix_rank(np.vstack([X, c])) == np.linalg.matrix_rank(X))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000))
def test_a_sole_cluster_is_one_that_cannot_be_left_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.integers(0, 5, 14))
    codes = np.unique(codes, return_inverse=True)[1]
    group = (rng.random(5) < 0.4)[codes].astype(float)  # a moderator that may be one cluster's
    dose = np.round(rng.normal(size=14), 1) * np.where(rng.random() < 0.5, group, 1.0)
    X = np.column_stack([np.ones(14), group, dose, group * dose])
    X = X[:, : rng.integers(1, 5)]
    if np.linalg.matrix_rank(X) < X.shape[1]:
        return
    contrasts = np.vstack([np.eye(X.shape[1]), X[0], X[-1] - X[0]])
    contrasts = contrasts[np.abs(contrasts).sum(axis=1) > 0]
    got = sole_cluster(X, codes, contrasts)
    for c, found in zip(contrasts, got, strict=True):
        needed = [i for i in range(codes.max() + 1) if not _estimable(X[codes != i], c)]
        assert found == (needed[0] if needed else -1)


def test_a_robust_error_leaves_out_what_one_cluster_alone_tells() -> None:
    """Why such contrasts get no interval: 2,000 data sets from the very model that is fitted."""
    rng = np.random.default_rng(11)
    codes = np.repeat(np.arange(8), 3)
    X = np.column_stack([np.ones(24), codes == 7, codes < 3]).astype(float)
    assert sole_cluster(X, codes, np.eye(3)).tolist() == [-1, 7, -1]
    random = {"study": codes, "effect": range(24)}
    fit = multilevel(rng.normal(size=24), np.full(24, 0.1), random, X)
    theta = np.array([0.3, 0.1])
    phi = 0.3 * (codes[:, None] == codes) + 0.2 * np.eye(24)
    bread = np.linalg.inv(X.T @ np.linalg.solve(phi, X))
    truth = np.diagonal(bread)
    from dataclasses import replace

    sigma2 = dict(zip(("study", "effect"), theta.tolist(), strict=True))
    y = rng.multivariate_normal(np.zeros(24), phi, size=2000)
    estimated = []
    for one in y:
        coef = bread @ X.T @ np.linalg.solve(phi, one)
        problem = replace(fit.problem, yi=one)
        at = replace(fit, coef=coef, sigma2=sigma2, problem=problem)
        estimated.append(robust(at).se ** 2)
    ratio = np.mean(estimated, axis=0) / truth
    np.testing.assert_allclose(ratio[[0, 2]], 1.0, atol=0.06)  # exact for the others
    assert ratio[1] < 0.3


def _fit(rng: np.random.Generator, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    codes = np.repeat(np.arange(9), 4)
    X = np.column_stack([np.ones(36), rng.normal(size=36), codes < 4]).astype(float)
    y = rng.normal(size=36) + rng.normal(size=9)[codes]
    V = constant_correlation(rng.uniform(0.1, 0.5, 36), codes, 0.5)
    cr2 = robust(multilevel(y, V, {"study": codes, "effect": range(36)}, X @ np.linalg.inv(turn)))
    return cr2.contrast(np.array([[1, 0.7, 1], [0, 1, 0]]) @ np.linalg.inv(turn))


def test_a_contrast_is_the_coefficient_that_it_becomes_in_another_basis() -> None:
    plain = _fit(np.random.default_rng(3), np.eye(3))
    turn = np.array([[1, 0.7, 1], [0, 1, 0], [0, 0, 1e6]])
    for a, b in zip(plain, _fit(np.random.default_rng(3), turn), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7)
    # and in that basis the two contrasts are the first two coefficients
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(9), 4)
    X = np.column_stack([np.ones(36), rng.normal(size=36), codes < 4]).astype(float)
    y = rng.normal(size=36) + rng.normal(size=9)[codes]
    V = constant_correlation(rng.uniform(0.1, 0.5, 36), codes, 0.5)
    cr2 = robust(multilevel(y, V, {"study": codes, "effect": range(36)}, X @ np.linalg.inv(turn)))
    np.testing.assert_allclose(cr2.se[:2], plain[0], rtol=1e-7)
    np.testing.assert_allclose(cr2.df[:2], plain[1], rtol=1e-7)
    f, _, df2, _ = cr2.wald(np.eye(3)[:1])
    np.testing.assert_allclose([f, df2], [(cr2.coef[0] / cr2.se[0]) ** 2, cr2.df[0]], rtol=1e-9)
