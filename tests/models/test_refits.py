"""Leaving out one cluster in a batch against refitting each, and against R."""

from __future__ import annotations

import math

import numpy as np
import pytest

from metabone.errors import ModelError
from metabone.models.multilevel import MultilevelFit, multilevel
from metabone.models.problem import constant_correlation
from metabone.models.refits import leave_one_cluster_out


def _data(seed: int, m: int, between: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    study = np.repeat(np.arange(m), 1 + rng.poisson(2, m))
    v = rng.uniform(0.05, 0.6, len(study))
    y = 0.5 + rng.normal(0, between, m)[study] + rng.normal(0, 1, len(study)) * np.sqrt(v + 0.1)
    return y, v, study


def _without(
    y: np.ndarray, v: np.ndarray, study: np.ndarray, X: np.ndarray, i: int, method: str
) -> MultilevelFit:
    keep = study != i
    V = constant_correlation(v[keep], study[keep], 0.5)
    random = {"study": study[keep], "effect": range(int(keep.sum()))}
    return multilevel(y[keep], V, random, X[keep], method=method)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("between", [0.0, 0.6])
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_batch_is_each_refit(seed: int, between: float, method: str) -> None:
    """From a warm start in one batch, and from scratch each: also where a variance is zero."""
    y, v, study = _data(seed, 12, between)
    X = np.column_stack([np.ones(len(y)), np.sin(np.arange(len(y)))])
    random = {"study": study, "effect": range(len(y))}
    fit = multilevel(y, constant_correlation(v, study, 0.5), random, X, method=method)
    out = leave_one_cluster_out(fit)
    assert out.converged.all()
    for i in range(12):
        one = _without(y, v, study, X, i, method)
        np.testing.assert_allclose(out.coef[i], one.coef, atol=1e-6)
        np.testing.assert_allclose(out.se[i], one.se, atol=1e-6)
        np.testing.assert_allclose(out.sigma2[i], one.theta, atol=1e-6)


def test_other_structures_are_refitted_one_by_one() -> None:
    y, v, study = _data(5, 8, 0.5)
    V = constant_correlation(v, study, 0.5)
    nested = leave_one_cluster_out(multilevel(y, V, {"s": study, "e": range(len(y))}))
    third = np.arange(len(y)) // 2 * 100 + study
    assert len(np.unique(third)) > 8
    three = multilevel(y, V, {"s": study, "x": third, "e": range(len(y))})
    out = leave_one_cluster_out(three)
    assert out.names == ("s", "x", "e")
    keep = study != 3
    one = multilevel(
        y[keep],
        constant_correlation(v[keep], study[keep], 0.5),
        {"s": study[keep], "x": third[keep], "e": range(int(keep.sum()))},
    )
    assert math.isclose(out.coef[3, 0], one.coef[0], abs_tol=1e-6)
    assert np.abs(out.coef - nested.coef).max() < 0.2


def test_what_rests_on_one_cluster_is_missing() -> None:
    y, v, study = _data(6, 8, 0.5)
    X = np.column_stack([np.ones(len(y)), study == 2])
    fit = multilevel(y, v, {"study": study, "effect": range(len(y))}, X)
    out = leave_one_cluster_out(fit)
    assert out.converged.tolist() == [i != 2 for i in range(8)]
    assert np.isnan(out.coef[2]).all()
    assert np.isnan(out.se[2]).all()
    assert np.isfinite(out.coef[out.converged]).all()


def test_only_one_cluster_with_several_effects() -> None:
    """Without it the two variances are one, and the same model does not exist."""
    y = np.array([0.1, 0.9, 0.4, 1.2, -0.3, 0.6])
    study = np.array([0, 0, 0, 1, 2, 3])
    out = leave_one_cluster_out(multilevel(y, [0.05] * 6, {"study": study, "effect": range(6)}))
    assert out.converged.tolist() == [False, True, True, True]


def test_two_clusters_are_refused() -> None:
    fit = multilevel([0.1, 0.5, 0.9, 1.0], [0.1] * 4, {"study": [1, 1, 2, 2], "effect": range(4)})
    with pytest.raises(ModelError, match="three are needed"):
        leave_one_cluster_out(fit)


def test_konstantopoulos_without_a_district_is_that_of_r(
    konstantopoulos: dict[str, np.ndarray],
) -> None:
    """rma.mv(yi, vi, random=~1|district/school, data=dat[dat$district != d,]), metafor 3.8-1."""
    d = konstantopoulos
    random = {"district": d["district"], "school": range(56)}
    out = leave_one_cluster_out(multilevel(d["yi"], d["vi"], random))
    expected = {
        0: [0.2069850086840, 0.0878723798008, 0.0654404959569, 0.0334302524874],  # 11
        7: [0.2063783120843, 0.0897575175139, 0.0626117743212, 0.0469315837960],  # 86
        10: [0.1862818174335, 0.0922807977929, 0.0725526139227, 0.0330397289916],  # 644
    }
    for row, numbers in expected.items():
        got = [out.coef[row, 0], out.se[row, 0], *out.sigma2[row]]
        np.testing.assert_allclose(got, numbers, rtol=2e-5)


def test_a_moderator_by_ml_is_that_of_r(konstantopoulos: dict[str, np.ndarray]) -> None:
    """The same with mods = ~ I(year - 1990), method = "ML", without district 11."""
    d = konstantopoulos
    X = np.column_stack([np.ones(56), d["year"] - 1990])
    random = {"district": d["district"], "school": range(56)}
    out = leave_one_cluster_out(multilevel(d["yi"], d["vi"], random, X, method="ML"))
    got = [*out.coef[0], *out.se[0], *out.sigma2[0]]
    np.testing.assert_allclose(
        got,
        [0.20272839786948, 0.00174510433345, 0.08494317482541, 0.00944357629841,
         0.05736228554894, 0.03359247270602],
        rtol=5e-5,
    )  # fmt: skip
