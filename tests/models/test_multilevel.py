"""The multilevel model and its robust inference against R, dense algebra and simulation."""

from __future__ import annotations

import csv
import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabone.errors import DataError, ModelError
from metabone.models.multilevel import (
    likelihood_ratio,
    multilevel,
    profile_interval,
    refit,
)
from metabone.models.problem import constant_correlation
from metabone.models.robust import robust

HERE = Path(__file__).parent


def _konstantopoulos(kind: str = "multilevel") -> dict[str, list[float]]:
    path = HERE.parent / "oracle" / "data" / "metafor-5.1.json.gz"
    with gzip.open(path, "rt") as stream:
        cases = json.load(stream)
    return next(
        case["data"]
        for case in cases
        if case["id"] == "konstantopoulos2011" and case["kind"] == kind
    )


def _assink() -> dict[str, np.ndarray]:
    with (HERE / "data" / "assink2016.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    numeric = ("study", "yi", "vi", "year", "lab")
    data = {name: np.array([float(row[name]) for row in rows]) for name in numeric}
    return data | {"deltype": np.array([row["deltype"] for row in rows])}


def test_konstantopoulos_2011() -> None:
    """The published example as metafor's documentation prints it, profile limits included."""
    data = _konstantopoulos()
    fit = multilevel(data["yi"], data["vi"], {"district": data["study"], "school": range(56)})
    assert math.isclose(fit.coef[0], 0.1847131637, rel_tol=1e-7)
    assert math.isclose(fit.sigma2["district"], 0.0650619442, rel_tol=1e-6)
    assert math.isclose(fit.sigma2["school"], 0.0327365170, rel_tol=1e-6)
    assert math.isclose(fit.loglik, -7.9587240337, rel_tol=1e-9)
    assert fit.df.tolist() == [10.0]  # containment: 11 districts
    limits = (*profile_interval(fit, "district"), *profile_interval(fit, "school"))
    assert [f"{limit:.4f}" for limit in limits] == ["0.0222", "0.2072", "0.0163", "0.0628"]
    cr2 = robust(fit)
    assert math.isclose(cr2.df[0], 9.863156, rel_tol=1e-6)
    statistic, p = likelihood_ratio(fit, "district")
    assert math.isclose(statistic, 17.7735507, rel_tol=1e-6)
    assert p < 1e-4


def test_ml_with_a_moderator_is_that_of_r() -> None:
    """rma.mv(yi, vi, mods=~I(year-2000), random=~1|district/school, method="ML"), 3.8-1."""
    data = _konstantopoulos("multilevel_metareg")
    year = np.array(next(iter(data["X"].values()))) - 2000.0
    random = {"district": data["study"], "school": range(56)}
    fit = multilevel(data["yi"], data["vi"], random, np.column_stack([np.ones(56), year]))
    assert fit.df.tolist() == [9.0, 54.0]  # dfs="contain": one district has two years
    ml = refit(fit, method="ML")
    np.testing.assert_allclose(ml.coef, [0.23102904988734, 0.00507372043699], rtol=1e-5)
    assert math.isclose(ml.sigma2["district"], 0.05646284995123, rel_tol=1e-5)
    assert math.isclose(ml.sigma2["school"], 0.03293901327146, rel_tol=1e-5)
    assert math.isclose(ml.loglik, -8.21814256584317, rel_tol=1e-9)


def test_crossed_factor_is_that_of_r() -> None:
    """Study / effect crossed with a laboratory and sampling correlation 0.6.

    V <- vcalc(vi, cluster=study, obs=esid, rho=.6, data=a);
    rma.mv(yi, V, mods=~I(year-2000), random=list(~1|study/esid, ~1|lab)), metafor 3.8-1.
    """
    a = _assink()
    random = {"study": a["study"], "effect": range(100), "lab": a["lab"]}
    X = np.column_stack([np.ones(100), a["year"] - 2000])
    fit = multilevel(a["yi"], constant_correlation(a["vi"], a["study"], 0.6), random, X)
    np.testing.assert_allclose(fit.coef, [-77.1674163361, -0.0387754799688], rtol=2e-7)
    np.testing.assert_allclose(fit.se, [31.0624451874, 0.0155361208227], rtol=2e-7)
    assert math.isclose(fit.sigma2["study"], 0.0407529457742, rel_tol=1e-6)
    assert math.isclose(fit.sigma2["effect"], 0.155663572791, rel_tol=1e-6)
    assert fit.sigma2["lab"] == 0.0
    assert fit.boundary == ("lab",)
    assert fit.loglik >= -69.3002321122
    with pytest.raises(ModelError, match="lab crosses the clusters"):
        robust(fit)


def _deltype_fit() -> tuple[np.ndarray, object]:
    a = _assink()
    X = np.column_stack(
        [np.ones(100), a["year"] - 2000, a["deltype"] == "general", a["deltype"] == "overt"]
    ).astype(float)
    V = constant_correlation(a["vi"], a["study"], 0.6)
    return X, multilevel(a["yi"], V, {"study": a["study"], "effect": range(100)}, X)


def test_robust_is_that_of_clubsandwich() -> None:
    """coef_test() and Wald_test(test="HTZ") of clubSandwich 0.5.8 on the fit of metafor 3.8-1."""
    _, fit = _deltype_fit()
    cr2 = robust(fit)
    np.testing.assert_allclose(
        fit.coef, [-68.6581544351525, -0.0342042044601, 0.6765901159837, 0.4495066653717], rtol=1e-6
    )
    np.testing.assert_allclose(cr2.se, [46.0508, 0.0231, 0.0541, 0.0936], rtol=3e-3)
    np.testing.assert_allclose(cr2.df, [7.75, 7.73, 2.33, 2.18], atol=0.005)
    np.testing.assert_allclose(cr2.pvalue, [0.17551, 0.17750, 0.00344, 0.03418], atol=5e-6)
    np.testing.assert_allclose(
        robust(fit, type="CR0").se,
        [40.9245753643533, 0.0204884234800, 0.0326054982287, 0.0477510230686],
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        robust(fit, type="CR1").se,
        [42.1840867284746, 0.0211189835280, 0.0336089782933, 0.0492206279608],
        rtol=1e-5,
    )
    f, df1, df2, p = cr2.wald(np.eye(4)[1:])
    assert (round(f, 1), df1, round(df2, 2), round(p, 4)) == (21.7, 3, 1.36, 0.0961)
    f, df1, df2, p = cr2.wald(np.eye(4)[2:])
    assert (round(f, 1), df1, round(df2, 3), round(p, 2)) == (38.4, 2, 0.965, 0.12)


def test_effects_without_scatter_have_no_robust_test() -> None:
    study = np.repeat(np.arange(4), 2)
    fit = multilevel(np.full(8, 0.1), np.full(8, 0.2), {"study": study, "effect": range(8)})
    for kind in ("CR2", "CR1", "CR0"):
        found = robust(fit, type=kind)
        for part in (found.statistic, found.pvalue, *found.ci()):
            assert np.isnan(part).all()


def test_both_engines_give_one_answer() -> None:
    """A third factor that is almost the effect itself forces the general engine."""
    a = _assink()
    V = constant_correlation(a["vi"], a["study"], 0.6)
    nested = multilevel(a["yi"], V, {"study": a["study"], "effect": range(100)})
    general = multilevel(a["yi"], V, {"effect": range(100), "study": a["study"]})
    assert math.isclose(nested.loglik, general.loglik, abs_tol=1e-9)
    for name in ("study", "effect"):
        assert math.isclose(nested.sigma2[name], general.sigma2[name], rel_tol=1e-6)
        assert math.isclose(nested.i2[name], general.i2[name], rel_tol=1e-6)
    np.testing.assert_allclose(robust(nested).se, robust(general, a["study"]).se, rtol=1e-6)
    np.testing.assert_allclose(robust(nested).df, robust(general, a["study"]).df, rtol=1e-5)


def test_gradient_and_information_are_derivatives() -> None:
    X, fit = _deltype_fit()
    engine, rows, h = fit.problem.engine, np.arange(1), 1e-6
    theta = np.array([[0.07, 0.2]])
    at = engine.evaluate(theta, rows)
    for level in range(2):
        move = h * np.eye(2)[level]
        up, down = engine.evaluate(theta + move, rows), engine.evaluate(theta - move, rows)
        slope = (up.value - down.value) / (2 * h)
        np.testing.assert_allclose(at.gradient[:, level], slope, rtol=1e-6)
        bend = -(up.gradient - down.gradient) / (2 * h)
        np.testing.assert_allclose(at.observed[:, level], bend, rtol=1e-5)
    assert X.shape == (100, 4)


def test_likelihood_is_that_of_dense_algebra() -> None:
    X, fit = _deltype_fit()
    a = _assink()
    phi = np.zeros((100, 100))
    for index, block in constant_correlation(a["vi"], a["study"], 0.6):
        phi[np.ix_(index, index)] = block
    phi += fit.sigma2["effect"] * np.eye(100)
    phi += fit.sigma2["study"] * (a["study"][:, None] == a["study"])
    inverse = np.linalg.inv(phi)
    inner = X.T @ inverse @ X
    beta = np.linalg.solve(inner, X.T @ inverse @ a["yi"])
    e = a["yi"] - X @ beta
    dense = -0.5 * (
        96 * math.log(2 * math.pi) - np.linalg.slogdet(X.T @ X)[1] + np.linalg.slogdet(phi)[1]
        + np.linalg.slogdet(inner)[1] + e @ inverse @ e
    )  # fmt: skip
    assert math.isclose(fit.loglik, dense, rel_tol=1e-9)
    np.testing.assert_allclose(fit.coef, beta, rtol=1e-7)
    np.testing.assert_allclose(fit.vcov, np.linalg.inv(inner), rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.floats(-50, 50))
def test_order_scale_and_shift(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    study = rng.integers(0, 6, 24)
    y, v = rng.normal(0, 1, 24) + rng.normal(0, 1, 6)[study], rng.uniform(0.05, 0.5, 24)
    order = rng.permutation(24)

    def fit(y: np.ndarray, v: np.ndarray, study: np.ndarray) -> object:
        V = constant_correlation(v, study, 0.4)
        return multilevel(y, V, {"study": study, "effect": range(len(y))})

    base = fit(y, v, study)
    moved = fit(scale * y[order] + shift, scale**2 * v[order], study[order])
    unit = scale**2 * (base.tau2 + v.mean())
    assert abs(moved.tau2 - scale**2 * base.tau2) < 1e-5 * unit
    assert abs(moved.coef[0] - shift - scale * base.coef[0]) < 1e-5 * math.sqrt(unit) + 1e-9 * abs(
        shift
    )


def test_refusals() -> None:
    y, v, study = np.arange(6.0), np.ones(6), [1, 1, 2, 2, 3, 3]
    with pytest.raises(ModelError, match="split the effects in the same way"):
        multilevel(y, v, {"study": range(6), "effect": range(6)})
    with pytest.raises(ModelError, match="one level"):
        multilevel(y, v, {"study": [1] * 6, "effect": range(6)})
    with pytest.raises(DataError, match="name each row once"):
        multilevel(y, [(np.arange(5), np.eye(5))], {"study": study})
    bad = np.array([[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(DataError, match=r"effects \[2, 3\].*positive definite"):
        multilevel(
            y,
            [(np.array([0, 1]), np.eye(2)), (np.array([2, 3]), bad), (np.array([4, 5]), np.eye(2))],
            {"study": study, "effect": range(6)},
        )
    lopsided = np.array([[1.0, 0.5], [0.1, 1.0]])
    with pytest.raises(DataError, match="symmetric"):
        multilevel(y, [(np.arange(2 * i, 2 * i + 2), lopsided) for i in range(3)], {"study": study})
    random = {"study": study, "effect": range(6)}
    X = np.column_stack([np.ones(6), [0, 1] * 3, [1, 2, 2, 4, 5, 9]])
    three = multilevel(y + np.sin(y), v, random, X)
    with pytest.raises(ModelError, match="clusters cannot give"):
        robust(three)
    with pytest.raises(DataError, match="no component 'lab'"):
        profile_interval(three, "lab")


def test_variances_that_the_design_hides_are_refused() -> None:
    """Else the likelihood is flat, and its top lies where the search happened to start."""
    rng = np.random.default_rng(4)
    study = np.repeat(np.arange(4), 3)
    y, v, random = rng.normal(size=12), np.full(12, 0.2), {"study": study, "effect": range(12)}
    saturated = np.column_stack([np.ones(12), *(study == j for j in (1, 2, 3))])
    with pytest.raises(ModelError, match="take up all levels of the random factor study"):
        multilevel(y, v, random, saturated)
    left = multilevel(y, v, random, saturated[:, :3])
    assert left.converged
    # Studies of two effects, one of each of two laboratories: pairs and their difference are all.
    pairs, arm = np.repeat(np.arange(2), 2), np.tile([0, 1], 2)
    factors = {"study": pairs, "lab": arm, "effect": range(4)}
    with pytest.raises(ModelError, match="study and lab and effect cannot be told apart"):
        multilevel(y[:4], v[:4], factors, np.column_stack([np.ones(4), pairs == arm]))


def test_coverage_by_simulation() -> None:
    """CR2 intervals of 12 studies with 3 correlated effects hold the truth in 95 % of cases."""
    rng = np.random.default_rng(11)
    study = np.repeat(np.arange(12), 3)
    hits, runs = 0, 400
    for _ in range(runs):
        v = rng.uniform(0.1, 0.5, 36)
        common = rng.normal(size=12)[study]
        error = np.sqrt(v) * (math.sqrt(0.5) * common + math.sqrt(0.5) * rng.normal(size=36))
        y = 0.3 + rng.normal(0, 0.4, 12)[study] + rng.normal(0, 0.3, 36) + error
        V = constant_correlation(v, study, 0.5)
        low, high = robust(multilevel(y, V, {"study": study, "effect": range(36)})).ci()
        hits += bool(low[0] < 0.3 < high[0])
    assert abs(hits / runs - 0.95) < 0.035
