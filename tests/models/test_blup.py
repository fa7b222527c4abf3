"""Weights and partially pooled predictions against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest

from metabone.errors import DataError
from metabone.models.blup import predict_clusters, predict_levels, weights
from metabone.models.multilevel import MultilevelFit, multilevel
from metabone.models.problem import constant_correlation

RNG = np.random.default_rng(5)
STUDY = np.array([3, 0, 1, 1, 2, 0, 3, 2, 2, 4, 4, 1, 0, 5, 5])
LAB = np.array([0, 1, 0, 1, 2, 2, 1, 0, 2, 1, 0, 2, 1, 0, 1])
V = RNG.uniform(0.05, 0.3, 15)
Y = RNG.normal(0.5, 0.6, 15) + RNG.normal(0, 0.7, 6)[STUDY]


def _fit(crossed: bool) -> MultilevelFit:
    random = {"study": STUDY, "effect": range(15)} | ({"lab": LAB} if crossed else {})
    return multilevel(Y, constant_correlation(V, STUDY, 0.4), random)


def _dense(fit: MultilevelFit) -> np.ndarray:
    m = np.zeros((15, 15))
    for rows, block in constant_correlation(V, STUDY, 0.4):
        m[np.ix_(rows, rows)] = block
    for name, codes in fit.problem.codes.items():
        m += fit.sigma2[name] * (codes[:, None] == codes)
    return m


@pytest.mark.parametrize("crossed", [False, True])
def test_weights_make_the_mean(crossed: bool) -> None:
    fit = _fit(crossed)
    share = weights(fit)
    inverse = np.linalg.inv(_dense(fit))
    np.testing.assert_allclose(share, 100 * inverse.sum(axis=1) / inverse.sum(), rtol=1e-8)
    np.testing.assert_allclose(share @ Y / 100, fit.coef[0], rtol=1e-9)


@pytest.mark.parametrize("crossed", [False, True])
def test_predictions_solve_the_mixed_model_equations(crossed: bool) -> None:
    """Henderson's equations for (β, u) give the same predictions and their errors."""
    fit = _fit(crossed)
    sampling = np.zeros((15, 15))
    for rows, block in constant_correlation(V, STUDY, 0.4):
        sampling[np.ix_(rows, rows)] = block
    names = [name for name, value in fit.sigma2.items() if value > 0]
    z = [np.eye(fit.levels[name])[fit.problem.codes[name]] for name in names]
    w = np.hstack([np.ones((15, 1)), *z])
    prior = np.concatenate([[0.0], *[np.full(fit.levels[n], 1 / fit.sigma2[n]) for n in names]])
    left = np.linalg.inv(w.T @ np.linalg.inv(sampling) @ w + np.diag(prior))
    solution = left @ w.T @ np.linalg.inv(sampling) @ Y
    got = predict_levels(fit, {"study": np.arange(6)})
    assert names[0] == "study"
    pick = np.zeros((6, len(solution)))
    pick[:, 0] = 1
    pick[np.arange(6), 1 + np.arange(6)] = 1
    np.testing.assert_allclose(got.estimate, pick @ solution, rtol=1e-8)
    np.testing.assert_allclose(got.se**2, np.diag(pick @ left @ pick.T), rtol=1e-7)


def test_an_unseen_level_is_the_mean_with_the_levels_variance() -> None:
    fit = _fit(crossed=False)
    got = predict_levels(fit, {"study": [-1]})
    np.testing.assert_allclose(got.estimate, fit.coef)
    np.testing.assert_allclose(got.se**2, fit.vcov[0, 0] + fit.sigma2["study"])
    with pytest.raises(DataError, match="no random factor strain"):
        predict_levels(fit, {"strain": [0]})


@pytest.mark.parametrize("crossed", [False, True])
def test_clusters_are_predicted_at_once_where_nothing_crosses_them(crossed: bool) -> None:
    fit = _fit(crossed)
    got = predict_clusters(fit)
    if crossed:
        assert got is None
        return
    want = predict_levels(fit, {"study": np.arange(6)})
    assert got is not None
    np.testing.assert_allclose(got.estimate, want.estimate, rtol=1e-10)
    np.testing.assert_allclose(got.se, want.se, rtol=1e-10)


def test_clusters_are_predicted_for_a_mean_alone() -> None:
    fit = multilevel(Y, V, {"study": STUDY, "effect": range(15)}, np.c_[np.ones(15), LAB])
    with pytest.raises(DataError, match="a mean alone"):
        predict_clusters(fit)
