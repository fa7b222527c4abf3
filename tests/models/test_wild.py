"""The cluster wild bootstrap against R's refits, dense algebra, and what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.multilevel import MultilevelFit, multilevel
from metabone.models.problem import constant_correlation
from metabone.models.robust import robust
from metabone.models.wild import wild_interval, wild_test


def _fit(seed: int, m: int, p: int = 2, size: int = 3) -> MultilevelFit:
    rng = np.random.default_rng(seed)
    study = np.repeat(np.arange(m), size)
    k = len(study)
    v = rng.uniform(0.05, 0.5, k)
    y = 0.3 + rng.normal(0, 0.4, m)[study] + rng.normal(0, 1, k) * np.sqrt(v + 0.1)
    X = np.column_stack([np.ones(k), rng.normal(size=(k, p - 1))])
    V = constant_correlation(v, study, 0.5)
    return multilevel(y, V, {"study": study, "effect": range(k)}, X)


def test_all_patterns_are_those_of_r(konstantopoulos: dict[str, np.ndarray]) -> None:
    """All 1,024 patterns of signs of 11 districts, each refitted by metafor 3.8-1.

    ``full <- rma.mv(yi, vi, mods = ~ I(year - 1990), random = ~ 1 | district/school)``, the null
    model without the moderator; F = b² / V with ``vcovCR(fit, type = "CR1")`` of clubSandwich 0.5.8
    for ``ys = coef(null) + eta[district] * (yi - coef(null))``; 614 of 1,024 F are at least that of
    the data.
    """
    d = konstantopoulos
    X = np.column_stack([np.ones(56), d["year"] - 1990])
    fit = multilevel(d["yi"], d["vi"], {"district": d["district"], "school": range(56)}, X)
    test = wild_test(fit, [0, 1], replicates=1024)
    assert (test.exact, test.replicates, test.failed) == (True, 1024, 0)
    assert math.isclose(test.statistic, 0.3496581432, rel_tol=1e-6)
    assert test.pvalue == 614 / 1024
    np.testing.assert_allclose(
        test.draws[:12],
        [0.34965814, 0.29982625, 0.21585073, 0.18065660, 6.82364241, 6.12567267,
         6.09054181, 5.58424369, 0.59775627, 0.52907352, 0.42212274, 0.37127731],
        rtol=2e-6,
    )  # fmt: skip
    quantiles = np.quantile(test.draws, [0.5, 0.9, 0.95, 0.99], method="inverted_cdf")
    np.testing.assert_allclose(quantiles, [0.6389691, 7.0375051, 11.2623912, 21.4293165], rtol=2e-6)


@pytest.mark.parametrize("type", ["CR1", "CR2"])
def test_fixed_variances_are_dense_algebra(type: str) -> None:
    """F* of all patterns with the working model held, from matrices written out."""
    fit = _fit(3, 6)
    problem, x = fit.problem, fit.problem.x
    study = problem.codes["study"]
    phi = fit.sigma2["study"] * (study[:, None] == study) + fit.sigma2["effect"] * np.eye(fit.k)
    for rows, block in problem.blocks or []:
        phi[np.ix_(rows, rows)] += block
    w = np.linalg.inv(phi)
    hat = np.linalg.solve(x.T @ w @ x, x.T @ w)
    ones = x[:, :1]
    null = float(np.linalg.solve(ones.T @ w @ ones, ones.T @ w @ problem.yi)[0])
    bread = np.linalg.inv(x.T @ w @ x)

    def statistic(y: np.ndarray) -> float:
        coef = hat @ y
        total = 0.0
        for j in range(6):
            i = study == j
            e = y[i] - x[i] @ coef
            if type == "CR2":
                b = phi[np.ix_(i, i)] - x[i] @ bread @ x[i].T
                d = np.linalg.cholesky(phi[np.ix_(i, i)]).T
                values, vectors = np.linalg.eigh(d @ b @ d.T)
                e = d.T @ (vectors * values**-0.5) @ vectors.T @ d @ e
            total += float(hat[1, i] @ e) ** 2 if type == "CR1" else float((hat[:, i] @ e)[1]) ** 2
        return coef[1] ** 2 / (total * (6 / 5 if type == "CR1" else 1))

    test = wild_test(fit, [0, 1], type=type, refit=False)
    assert test.exact
    for number, draw in enumerate(test.draws):
        signs = np.array([1] + [-1 if number >> bit & 1 else 1 for bit in range(5)])
        y = null + signs[study] * (problem.yi - null)
        assert math.isclose(draw, statistic(y), rel_tol=1e-8)


@pytest.mark.parametrize("options", [{}, {"refit": False}, {"weights": "webb"}, {"type": "CR2"}])
def test_any_number_of_workers_gives_one_answer(options: dict[str, object]) -> None:
    fit = _fit(5, 14)
    alone = wild_test(fit, [0, 1], replicates=250, seed=7, **options)
    shared = wild_test(fit, [0, 1], replicates=250, seed=7, n_jobs=2, **options)
    assert (alone.draws == shared.draws).all()
    assert alone.pvalue == shared.pvalue
    other = wild_test(fit, [0, 1], replicates=250, seed=8, **options)
    assert (alone.draws != other.draws).any()


def test_the_batch_is_the_single_way() -> None:
    """A cluster label in another order goes through `robust` one by one; the sum is the same."""
    fit = _fit(9, 7, p=3)
    labels = -fit.problem.codes["study"]
    for type in ("CR0", "CR1", "CR1p", "CR2"):
        batch = wild_test(fit, np.eye(3)[1:], type=type)
        single = wild_test(fit, np.eye(3)[1:], type=type, cluster=labels)
        assert batch.df1 == 2
        assert batch.pvalue == single.pvalue
        np.testing.assert_allclose(np.sort(batch.draws), np.sort(single.draws), rtol=1e-5)


def test_clusters_of_studies_and_three_levels() -> None:
    rng = np.random.default_rng(2)
    fit = _fit(4, 24)
    study = fit.problem.codes["study"]
    coarse = wild_test(fit, [1, 0], cluster=study // 2, replicates=199, refit=False)
    assert coarse.m == 12
    experiment = study * 2 + (np.arange(fit.k) % 3 == 0)
    random = {"study": study, "experiment": experiment, "effect": range(fit.k)}
    three = multilevel(fit.problem.yi, fit.problem.vi, random)
    test = wild_test(three, [1], replicates=99)
    assert test.pvalue <= 0.05
    assert test.failed < 5
    with pytest.raises(ModelError, match="crosses the clusters"):
        wild_test(fit, [1, 0], cluster=rng.integers(0, 12, fit.k), replicates=99)


def test_statistic_is_the_robust_one() -> None:
    fit = _fit(8, 12)
    for type in ("CR1", "CR2"):
        test = wild_test(fit, [0, 1], type=type, replicates=99, refit=False)
        assert math.isclose(test.statistic, robust(fit, type=type).statistic[1] ** 2, rel_tol=1e-9)


def test_webb_weights_have_six_values() -> None:
    from metabone.models.wild_replicates import Scheme

    scheme = Scheme("webb", 5, 6000, 3)
    assert not scheme.exact
    eta = np.concatenate([scheme.eta(chunk) for chunk in range(scheme.chunks)])
    values, counts = np.unique(eta, return_counts=True)
    np.testing.assert_allclose(values**2, [1.5, 1.0, 0.5, 0.5, 1.0, 1.5])
    assert (np.abs(counts / 5000 - 1) < 0.06).all()
    assert eta.shape == (6000, 5)


def test_interval_holds_what_is_not_rejected() -> None:
    fit = _fit(10, 11)
    low, high = wild_interval(fit, [0, 1], refit=False)
    width = high - low
    for value, rejected in (
        (low - 0.02 * width, True),
        (low + 0.02 * width, False),
        (high - 0.02 * width, False),
        (high + 0.02 * width, True),
    ):
        assert (wild_test(fit, [0, 1], value=value, refit=False).pvalue <= 0.05) is rejected
    again = wild_interval(fit, [0, 1])
    assert abs(again[0] - low) + abs(again[1] - high) < 0.2 * width
    symmetric = wild_interval(fit, [0, 1], kind="symmetric")
    assert math.isclose(sum(symmetric) / 2, fit.coef[1], abs_tol=1e-9)
    assert symmetric[0] < fit.coef[1] < symmetric[1]


def test_too_few_clusters_for_the_level_is_an_infinite_interval() -> None:
    fit = _fit(12, 5, p=1)
    assert wild_interval(fit, [1]) == (-math.inf, math.inf)
    test = wild_test(fit, [1])
    assert test.pvalue >= 1 / 16
    assert "16 patterns" in test.warnings[0]
    low, high = wild_interval(fit, [1], weights="webb", refit=False)
    assert low < fit.coef[0] < high


def test_size_under_the_null() -> None:
    """A true null of 9 clusters is rejected at 5 % in about 5 % of cases."""
    hits = 0
    for seed in range(200):
        fit = _fit(100 + seed, 9)
        hits += wild_test(fit, [0, 1], refit=False).pvalue <= 0.05
    assert 0.02 < hits / 200 < 0.085


def test_refusals() -> None:
    fit = _fit(1, 12)
    with pytest.raises(DataError, match=r"contrasts must be \(q, 2\)"):
        wild_test(fit, [1, 0, 0])
    with pytest.raises(DataError, match="depend on each other"):
        wild_test(fit, [[1, 0], [2, 0]])
    with pytest.raises(DataError, match="one contrast; 2 came"):
        wild_interval(fit, np.eye(2))
    with pytest.raises(DataError, match="3 labels for 36 effects"):
        wild_test(fit, [1, 0], cluster=[1, 2, 3])
    with pytest.raises(UsageError, match="weights must be one of"):
        wild_test(fit, [1, 0], weights="mammen")
    with pytest.raises(UsageError, match="99 or more"):
        wild_test(fit, [1, 0], replicates=10)
    with pytest.raises(ModelError, match="2 clusters cannot give"):
        wild_test(fit, [1, 0], cluster=np.arange(36) // 18)
