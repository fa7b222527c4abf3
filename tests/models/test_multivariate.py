"""Outcomes pooled together against the published example, R and dense algebra.

R 4.2.2 with metafor 3.8-1 and clubSandwich 0.5.8::

    rma.mv(yi, V, mods = ~ outcome - 1, random = ~ outcome | trial, struct = "UN", data = dat,
           control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15))
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.errors import DataError, ModelError, UsageError
from metabone.models import between
from metabone.models.borrowing import borrowed_strength, likelihood_ratio, study_effects
from metabone.models.multivariate import MultivariateFit, multivariate, robust_multivariate
from metabone.models.problem import constant_correlation

Table = Callable[[str], dict[str, np.ndarray]]


def _berkey(table: Table, moderator: bool = False, **options: object) -> MultivariateFit:
    d = table("berkey1998.csv")
    V = []
    for trial in np.unique(d["trial"]):
        rows = np.flatnonzero(d["trial"] == trial)
        V.append((rows, np.column_stack([d["v1i"][rows], d["v2i"][rows]])))
    X = None
    if moderator:
        al, year = d["outcome"] == "AL", d["year"] - 1983
        X = np.column_stack([al, ~al, al * year, ~al * year]).astype(float)
    return multivariate(d["yi"], V, d["trial"], d["outcome"], X, **options)


def _three(seed: int, rho: float) -> dict[str, np.ndarray]:
    """Three outcomes of 14 studies, about a quarter of them missing."""
    rng = np.random.default_rng(seed)
    sd = np.array([0.5, 0.3, 0.8])
    T = np.outer(sd, sd) * between.correlated(3, rho)
    rows = []
    for study in range(14):
        u = rng.multivariate_normal([0.4, 0.9, -0.3], T, method="cholesky")
        v = rng.uniform(0.05, 0.3, 3)
        S = 0.5 * np.outer(v**0.5, v**0.5) + 0.5 * np.diag(v)
        y = u + rng.multivariate_normal(np.zeros(3), S, method="cholesky")
        x = rng.normal()
        have = rng.uniform(size=3) < 0.75
        if not have.any():
            have[0] = True
        rows += [(study, a, y[a], v[a], x) for a in np.flatnonzero(have)]
    return dict(zip(("study", "outcome", "yi", "vi", "x"), np.array(rows).T, strict=True))


def _fit(d: dict[str, np.ndarray], X: np.ndarray | None = None, **how: object) -> MultivariateFit:
    V = constant_correlation(d["vi"], d["study"], 0.5)
    return multivariate(d["yi"], V, d["study"], d["outcome"].astype(int), X, **how)


def test_berkey_as_published(table: Table) -> None:
    """Berkey et al. (1998) as metafor's documentation prints it."""
    fit = _berkey(table, df="normal")
    assert fit.outcomes == ("AL", "PD")
    assert [f"{x:.4f}" for x in fit.coef] == ["-0.3392", "0.3534"]
    assert [f"{x:.4f}" for x in fit.se] == ["0.0879", "0.0588"]
    assert [f"{x:.4f}" for x in fit.tau2] == ["0.0327", "0.0117"]
    assert f"{fit.rho[0, 1]:.4f}" == "0.6088"
    assert f"{fit.q:.4f}" == "128.2267"
    assert f"{fit.wald(np.eye(2))[0]:.3f}" == "108.862"
    assert (fit.q_df, fit.k, fit.m, fit.rank, fit.warnings) == (8, 10, 5, 2, ())


@pytest.mark.parametrize(
    ("structure", "method", "loglik", "coef", "se", "tau2", "rho"),
    [
        ("UN", "REML", 3.69176769, [-0.33921518, 0.35342817], [0.08790514, 0.05884863],
         [0.03265134, 0.01173303], 0.60879872),
        ("HCS", "REML", 3.69176769, [-0.33921518, 0.35342817], [0.08790514, 0.05884863],
         [0.03265134, 0.01173303], 0.60879872),
        ("CS", "REML", 3.31056111, [-0.33796116, 0.36359418], [0.07817945, 0.07876251],
         [0.02502043, 0.02502043], 0.52904083),
        ("DIAG", "REML", 3.20124471, [-0.35294779, 0.36133885], [0.08737130, 0.05862492],
         [0.03222859, 0.01158826], 0.0),
        ("UN", "ML", 5.84065688, [-0.33793811, 0.34483916], [0.07976316, 0.04945984],
         [0.02614452, 0.00700200], 0.69923062),
        ("CS", "ML", 5.20555741, [-0.33680668, 0.36047171], [0.07059276, 0.07159040],
         [0.01973961, 0.01973961], 0.55306119),
        ("DIAG", "ML", 5.16541764, [-0.35388863, 0.35725526], [0.07883443, 0.04996159],
         [0.02547341, 0.00714554], 0.0),
    ],
)  # fmt: skip
def test_structures_are_those_of_r(
    table: Table,
    structure: str,
    method: str,
    loglik: float,
    coef: list[float],
    se: list[float],
    tau2: list[float],
    rho: float,
) -> None:
    fit = _berkey(table, structure=structure, method=method)
    assert fit.loglik > loglik - 1e-8
    np.testing.assert_allclose(fit.loglik, loglik, atol=1e-7)
    np.testing.assert_allclose(fit.coef, coef, atol=2e-7)
    np.testing.assert_allclose(fit.se, se, atol=2e-7)
    np.testing.assert_allclose(fit.tau2, tau2, atol=2e-7)
    np.testing.assert_allclose(fit.rho[0, 1], rho, atol=5e-6)


def test_a_moderator_of_each_outcome(table: Table) -> None:
    """mods = ~ outcome + outcome:I(year - 1983) - 1, as in Berkey et al. (1998), section 4."""
    fit = _berkey(table, moderator=True)
    np.testing.assert_allclose(
        fit.coef, [-0.335736829, 0.358757360, -0.011536708, 0.004861641], atol=6e-7
    )
    np.testing.assert_allclose(
        fit.se, [0.097999599, 0.073451411, 0.029963974, 0.021851462], rtol=3e-5
    )
    np.testing.assert_allclose(fit.loglik, 2.07317364, atol=1e-7)
    assert fit.df.tolist() == [3.0] * 4
    with pytest.raises(ModelError, match="without moderators"):
        fit.pi()
    with pytest.raises(ModelError, match="without moderators"):
        borrowed_strength(fit)


# Seed, correlation and structure of _three(); log-likelihood, means, standard errors, variances and
# the (first) correlation of metafor. In the third T has rank 1, in the fifth a variance is zero.
SIMULATED = [
    (1, 0.6, "UN", -19.90531538, [0.2476820367, 0.8113715122, -0.1916829989],
     [0.2246668632, 0.1430886319, 0.1622953215], [0.4065783996, 0.0404131023, 0.1714582873],
     0.92647811),
    (1, 0.6, "HCS", -20.49479864, [0.2472717150, 0.8219519223, -0.1915884582],
     [0.2178420004, 0.1357362041, 0.1627669092], [0.3583904165, 0.0162643819, 0.1770235143],
     0.69741183),
    (3, 0.95, "UN", -19.58441711, [-0.0603959091, 0.7496692716, -0.4444015492],
     [0.1816542840, 0.1520086771, 0.2730254880], [0.3018637705, 0.1477910611, 0.8174798939], 1.0),
    (3, 0.95, "CS", -27.07471898, [-0.0484082182, 0.7489410687, -0.3426223712],
     [0.2099140547, 0.2147910450, 0.2163883903], [0.4437727524] * 3, 0.90565821),
    (2, 0.6, "DIAG", -22.05606021, [0.8175413997, 0.9650774129, -0.0094706026],
     [0.1823662610, 0.1166335482, 0.2552067840], [0.2170903573, 0.0, 0.4723333887], np.nan),
    (2, 0.6, "HCS", -22.02640529, [0.8197922625, 0.9648532999, -0.0328062988],
     [0.1820970163, 0.1165299759, 0.2532087435], [0.2155769163, 0.0, 0.4603213624], np.nan),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seed", "correlation", "structure", "loglik", "coef", "se", "tau2", "rho"), SIMULATED
)
def test_missing_outcomes_and_boundaries_are_those_of_r(
    seed: int,
    correlation: float,
    structure: str,
    loglik: float,
    coef: list[float],
    se: list[float],
    tau2: list[float],
    rho: float,
) -> None:
    fit = _fit(_three(seed, correlation), structure=structure)
    assert fit.loglik > loglik - 1e-7
    np.testing.assert_allclose(fit.loglik, loglik, atol=1e-6)
    np.testing.assert_allclose(fit.coef, coef, atol=3e-6)
    np.testing.assert_allclose(fit.se, se, atol=3e-6)
    np.testing.assert_allclose(fit.tau2, tau2, atol=5e-6)
    np.testing.assert_allclose(fit.rho[0, 1], rho, atol=5e-6)
    on_boundary = fit.rank < 3
    assert on_boundary == bool(fit.warnings)
    assert on_boundary == bool(np.isnan(fit.between_se).any())


def test_moderators_with_missing_outcomes_are_those_of_r() -> None:
    d = _three(1, 0.6)
    which = d["outcome"][:, None] == np.arange(3)
    fit = _fit(d, np.hstack([which, which * d["x"][:, None]]).astype(float))
    assert math.isclose(fit.loglik, -14.39140634, abs_tol=1e-7)
    np.testing.assert_allclose(
        fit.coef,
        [0.2624917018, 0.8522137429, -0.2209145388, 0.9695802628, 0.2356900484, 0.1688138396],
        atol=1e-6,
    )
    assert fit.df.tolist() == [8.0, 9.0, 9.0, 8.0, 9.0, 9.0]


def test_robust_standard_errors_are_those_of_clubsandwich() -> None:
    """coef_test(fit, vcov = "CR2", cluster = study), Wald_test(fit, constrain_zero(1:3))."""
    cr2 = robust_multivariate(_fit(_three(1, 0.6)))
    np.testing.assert_allclose(cr2.se, [0.2238384352, 0.1017760042, 0.1572745492], rtol=1e-6)
    np.testing.assert_allclose(cr2.df, [10.756998083, 9.947049749, 10.700396860], rtol=1e-6)
    f, df1, df2, p = cr2.wald(np.eye(3))
    np.testing.assert_allclose([f, df1, df2, p], [25.6274492, 3, 8.78855902, 0.000110620239], 1e-6)


def test_borrowed_strength_is_that_of_r() -> None:
    """100 (1 − se² / se_own²) with se_own by rma(yi, vi, subset, tau2 = that of the UN fit)."""
    found = borrowed_strength(_fit(_three(1, 0.6)))
    np.testing.assert_allclose(found.percent, [13.25086168, 6.954981386, 7.826824861], rtol=2e-6)
    np.testing.assert_allclose(found.alone, [0.1576217567, 0.8263619386, -0.2097665028], rtol=1e-6)
    np.testing.assert_allclose(found.alone_se, [0.2511078278, 0.1339971663, 0.1632831392], 1e-6)
    np.testing.assert_allclose(
        found.alone_tau2, [0.4545145361, 0.0, 0.1512104213], rtol=1e-5, atol=1e-9
    )


def test_nothing_is_borrowed_without_correlation() -> None:
    d = _three(4, -0.3)
    fit = multivariate(d["yi"], d["vi"], d["study"], d["outcome"], structure="DIAG")
    np.testing.assert_allclose(borrowed_strength(fit).percent, 0, atol=1e-9)


def test_study_effects_are_those_of_r(table: Table) -> None:
    """ranef(fit): deviations and their standard errors."""
    found = study_effects(_fit(_three(1, 0.6)))
    assert found.measured[[0, 3, 7]].tolist() == [
        [False, True, True],
        [False, True, False],
        [True, False, True],
    ]
    at = found.measured[[0, 3, 7]]
    np.testing.assert_allclose(
        found.deviation[[0, 3, 7]][at],
        [0.1086649683, 0.2310847473, 0.0406415269, 0.4184018893, 0.0249396133],
        rtol=2e-5,
    )
    np.testing.assert_allclose(
        found.deviation_se[[0, 3, 7]][at],
        [0.178243001, 0.292534565, 0.176889470, 0.347094378, 0.252100504],
        rtol=2e-5,
    )
    berkey = study_effects(_berkey(table))
    np.testing.assert_allclose(
        berkey.deviation[1:3],
        [[-0.2520116124, -0.1235264722], [0.2108883023, 0.0490283186]],
        rtol=1e-5,
    )
    np.testing.assert_allclose(berkey.deviation_se[2], [0.091902596, 0.064752254], rtol=1e-5)


def test_errors_of_unmeasured_outcomes_by_dense_algebra() -> None:
    """Var(θ̂ − θ) of every study and outcome from joint covariances written out."""
    d = _three(1, 0.6)
    fit = _fit(d)
    found = study_effects(fit)
    k, m, p = fit.k, fit.m, 3
    Z = np.zeros((k, m * p))
    Z[np.arange(k), (d["study"] * p + d["outcome"]).astype(int)] = 1
    full = np.kron(np.eye(m), fit.between)
    V = np.zeros((k, k))
    for rows, block in constant_correlation(d["vi"], d["study"], 0.5):
        V[np.ix_(rows, rows)] = block
    M, X = V + Z @ full @ Z.T, fit.data.x
    beta = np.linalg.solve(X.T @ np.linalg.solve(M, X), X.T @ np.linalg.inv(M))
    means = np.kron(np.ones((m, 1)), np.eye(p))
    predict = means @ beta + full @ Z.T @ np.linalg.inv(M) @ (np.eye(k) - X @ beta)
    np.testing.assert_allclose(predict @ d["yi"], found.estimate.ravel(), rtol=1e-8)
    off = predict @ M @ predict.T - predict @ Z @ full - full @ Z.T @ predict.T + full
    np.testing.assert_allclose(np.sqrt(np.diagonal(off)), found.se.ravel(), rtol=1e-7)
    assert (found.se[~found.measured].mean() > found.se[found.measured].mean()).all()


def test_prediction_interval_is_that_of_r() -> None:
    """predict(fit, newmods = diag(3), tau2.levels = levels(outcome))."""
    low, high = _fit(_three(1, 0.6), df="normal").pi()
    np.testing.assert_allclose(low, [-1.0773661, 0.3277429, -1.0633671], atol=3e-6)
    np.testing.assert_allclose(high, [1.5727302, 1.2950002, 0.6800011], atol=3e-6)


def test_structures_are_compared_as_in_r(table: Table) -> None:
    """anova(UN, CS) and anova(UN, DIAG)."""
    chi2, df, p = likelihood_ratio(_berkey(table, structure="CS"), _berkey(table))
    assert (round(chi2, 4), df, round(p, 4)) == (0.7624, 1, 0.3826)
    d = _three(1, 0.6)
    chi2, df, p = likelihood_ratio(_fit(d, structure="DIAG"), _fit(d))
    assert (round(chi2, 4), df, round(p, 4)) == (3.3208, 3, 0.3448)
    with pytest.raises(ModelError, match="UN is not a special case of CS"):
        likelihood_ratio(_fit(d), _fit(d, structure="CS"))
    with pytest.raises(ModelError, match="by one method"):
        likelihood_ratio(_fit(d, structure="CS"), _fit(d, method="ML"))


@pytest.mark.parametrize("name", ["UN", "HCS", "CS", "DIAG"])
def test_slopes_and_bends_are_derivatives(name: str) -> None:
    rng = np.random.default_rng(3)
    shape = between.structure(name, 3)
    phi = shape.start(np.array([0.5, 0.8, 1.1]), 0.3) + rng.normal(0, 0.1, shape.n)
    S = rng.normal(size=(3, 3))
    S = S + S.T
    h = 1e-5
    moves = h * np.eye(shape.n)
    slopes = [(shape.build(phi + e) - shape.build(phi - e)) / (2 * h) for e in moves]
    np.testing.assert_allclose(shape.slopes(phi), slopes, atol=1e-8)
    bends = [
        np.einsum("ab,nab->n", S, shape.slopes(phi + e) - shape.slopes(phi - e)) / (2 * h)
        for e in moves
    ]
    np.testing.assert_allclose(shape.bend(phi, S), bends, atol=1e-7)


def test_errors_of_variances_by_numerical_curvature(table: Table) -> None:
    """between_se of τ² against the inverse of the numerical Hessian in the entries of T."""
    fit = _berkey(table)
    theta = fit.between[np.tril_indices(2)]
    rows, h = np.zeros(1, dtype=int), 1e-5

    def gradient(move: np.ndarray) -> np.ndarray:
        return fit.data.engine.evaluate((theta + move)[None], rows).gradient[0]

    bend = np.stack([(gradient(e) - gradient(-e)) / (2 * h) for e in h * np.eye(3)])
    se = np.sqrt(np.diagonal(np.linalg.inv(-bend)))
    np.testing.assert_allclose(fit.between_se[np.tril_indices(2)], se, rtol=1e-4)


@given(st.integers(0, 10_000), st.sampled_from(["UN", "HCS"]))
def test_order_and_scale_of_each_outcome(seed: int, structure: str) -> None:
    """Another unit of one outcome moves its numbers by that unit, and no others."""
    rng = np.random.default_rng(seed)
    study, outcome = np.repeat(np.arange(8), 2), np.tile(["a", "b"], 8)
    v = rng.uniform(0.05, 0.5, 16)
    y = rng.normal(size=8)[study] * (outcome == "a") + rng.normal(0, 1, 16)
    unit = np.where(outcome == "b", 1000.0, 1.0)
    order = rng.permutation(16)

    def fit(y: np.ndarray, v: np.ndarray, study: np.ndarray, outcome: np.ndarray) -> object:
        return multivariate(
            y, constant_correlation(v, study, 0.4), study, outcome, structure=structure
        )

    base = fit(y, v, study, outcome)
    moved = fit((y * unit)[order], (v * unit**2)[order], study[order], outcome[order])
    size = np.array([1.0, 1000.0])
    assert abs(moved.loglik + 7 * math.log(1000) - base.loglik) < 1e-6
    np.testing.assert_allclose(moved.coef / size, base.coef, atol=2e-5)
    np.testing.assert_allclose(
        moved.between / np.outer(size, size), base.between, atol=1e-4 * (base.tau2.max() + 0.1)
    )


def test_one_outcome_twice_in_a_study_is_said() -> None:
    d = _three(1, 0.6)
    outcome = np.where(d["outcome"] == 2, 1, d["outcome"])
    V = constant_correlation(d["vi"], d["study"], 0.5)
    fit = multivariate(d["yi"], V, d["study"], outcome, structure="CS")
    assert "more than once" in fit.warnings[0]


def test_refusals() -> None:
    d = _three(1, 0.6)
    V = constant_correlation(d["vi"], d["study"], 0.5)
    names = np.array(["BMD", "BV/TV", "OCN"])[d["outcome"].astype(int)]

    def fit(keep: np.ndarray, **how: object) -> MultivariateFit:
        return multivariate(d["yi"][keep], d["vi"][keep], d["study"][keep], names[keep], **how)

    with pytest.raises(ModelError, match=r"one outcome \(BMD\) is no multivariate model"):
        fit(names == "BMD")
    few = (names != "OCN") | (np.cumsum(names == "OCN") <= 2)
    with pytest.raises(ModelError, match="OCN is in 2 studies; a variance between studies needs 3"):
        fit(few)
    both = {s for s in d["study"] if {"BMD", "OCN"} <= set(names[d["study"] == s])}
    apart = (names != "OCN") | ~np.isin(d["study"], list(both))
    if (names[apart] == "OCN").sum() >= 3:
        with pytest.raises(ModelError, match=r"OCN and BMD \(no study\)"):
            fit(apart)
        assert fit(apart, structure="HCS").converged
    single = ([0.1, 0.5, 0.9, 0.3, 0.2, 1.1], [0.1] * 6, range(6), ["BMD", "OCN"] * 3)
    with pytest.raises(ModelError, match="no study has more than one of the outcomes BMD, OCN"):
        multivariate(*single, structure="CS")
    assert multivariate(*single, structure="DIAG").converged
    with pytest.raises(DataError, match="spans studies"):
        multivariate(d["yi"], [(np.arange(fit_k := len(names)), np.eye(fit_k))], d["study"], names)
    with pytest.raises(DataError, match="study has 3 labels"):
        multivariate(d["yi"], V, [1, 2, 3], names)
    with pytest.raises(UsageError, match="structure must be one of 'UN', 'HCS', 'CS', 'DIAG'"):
        multivariate(d["yi"], V, d["study"], names, structure="AR")
    with pytest.raises(ModelError, match="depend on each other"):
        multivariate(d["yi"], V, d["study"], names, np.ones((len(names), 2)))
