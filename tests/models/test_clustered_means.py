"""Many multilevel means at once against one at a time, and against a likelihood written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from metabone.errors import DataError, ModelError
from metabone.models.clustered_means import clustered_means
from metabone.models.multilevel import multilevel
from metabone.models.robust import robust

STUDY = np.array([0, 0, 0, 1, 2, 2, 3, 3, 3, 3, 4, 5, 5])
EXPERIMENT = np.array([0, 0, 1, 2, 3, 4, 5, 5, 6, 6, 7, 8, 8])
K = len(STUDY)


def blocks(rng: np.random.Generator, rho: float) -> list[tuple[np.ndarray, np.ndarray]]:
    vi = rng.uniform(0.05, 0.6, K)
    found = []
    for study in np.unique(STUDY):
        rows = np.flatnonzero(study == STUDY)
        root = np.sqrt(vi[rows])
        block = rho * np.outer(root, root)
        block[np.diag_indices(len(rows))] = vi[rows]
        found.append((rows, block))
    return found


def data(seed: int, count: int) -> tuple[np.ndarray, list, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = 0.4 + rng.normal(size=(count, 6))[:, STUDY] * 0.5 + rng.normal(size=(count, K)) * 0.6
    return y, [blocks(rng, rho) for rho in (0.0, 0.5, 0.8)], rng.integers(0, 3, count)


FACTORS = {
    "two": {"study": STUDY, "effect": np.arange(K)},
    "three": {"study": STUDY, "experiment": EXPERIMENT, "effect": np.arange(K)},
}


@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_each_data_set_gets_what_it_gets_alone(factors: str, method: str) -> None:
    y, models, which = data(3, 12)
    random = FACTORS[factors]
    types = ("CR2", "CR1", "CR0")
    fit = clustered_means(y, models, which, random, method=method, types=types)
    for i in range(len(y)):
        one = multilevel(y[i], models[which[i]], random, method=method)
        assert fit.coef[i] == pytest.approx(one.coef[0], abs=2e-6)
        assert fit.se[i] == pytest.approx(one.se[0], abs=2e-6)
        assert fit.sigma2[i] == pytest.approx(one.theta, abs=1e-5)
        assert fit.df == one.df[0]
        for kind in types:
            other = robust(one, type=kind)
            assert fit.robust_se[kind][i] == pytest.approx(other.se[0], rel=1e-5)
            assert fit.robust_df[kind][i] == pytest.approx(other.df[0], rel=1e-4)


def loglik(theta: np.ndarray, y: np.ndarray, v: np.ndarray) -> float:
    m = v + theta[0] * (STUDY[:, None] == STUDY) + theta[1] * np.eye(K)
    inverse = np.linalg.inv(m)
    one = np.ones(K)
    info = one @ inverse @ one
    e = y - (one @ inverse @ y) / info
    return float(0.5 * (np.linalg.slogdet(m)[1] + np.log(info) + e @ inverse @ e))


def test_the_likelihood_is_at_its_maximum() -> None:
    y, models, which = data(8, 6)
    fit = clustered_means(y, models, which, FACTORS["two"])
    assert fit.converged.all()
    for i in range(len(y)):
        v = np.zeros((K, K))
        for rows, block in models[which[i]]:
            v[np.ix_(rows, rows)] = block
        best = min(
            (minimize(loglik, start, (y[i], v), bounds=[(0, None)] * 2, method="L-BFGS-B")
             for start in ([0.1, 0.1], [0.5, 0.0], [0.0, 0.5])), key=lambda found: found.fun,
        )  # fmt: skip
        assert loglik(fit.sigma2[i], y[i], v) <= best.fun + 1e-7


def test_a_quick_look_at_other_starts_misses_no_maximum() -> None:
    y, models, which = data(21, 400)
    slow = clustered_means(y, models, which, FACTORS["three"])
    quick = clustered_means(y, models, which, FACTORS["three"], careful=False)
    assert np.abs(slow.coef - quick.coef).max() < 1e-4


def test_no_scatter_gives_no_robust_error() -> None:
    y, models, _ = data(1, 1)
    fit = clustered_means(np.full_like(y, 0.3), models[:1], [0], FACTORS["two"])
    assert fit.coef[0] == pytest.approx(0.3)
    assert np.isnan(fit.robust_se["CR2"][0])


def test_batches_do_not_change_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    y, models, which = data(5, 20)
    whole = clustered_means(y, models, which, FACTORS["two"])
    monkeypatch.setattr("metabone.models.clustered_means.BATCH", 200)
    parts = clustered_means(y, models, which, FACTORS["two"])
    assert parts.coef == pytest.approx(whole.coef, abs=1e-10)


def test_refusals() -> None:
    y, models, _ = data(1, 1)
    crossed = {"study": STUDY, "strain": np.arange(K) % 2}
    with pytest.raises(ModelError, match="not nested in study"):
        clustered_means(y, models[:1], [0], crossed)
    finer = {"experiment": EXPERIMENT, "effect": np.arange(K)}
    with pytest.raises(ModelError, match="different clusters are correlated"):
        clustered_means(y, models[1:2], [0], finer)
    with pytest.raises(ModelError, match="of one study"):
        clustered_means(y, models[:1], [0], {"study": np.zeros(K)})
    with pytest.raises(DataError, match="finite"):
        clustered_means(y * np.nan, models[:1], [0], FACTORS["two"])
    bad = [(rows, block - 10 * np.eye(len(rows))) for rows, block in models[0]]
    with pytest.raises(DataError, match="positive definite"):
        clustered_means(y, [bad], [0], FACTORS["two"])
