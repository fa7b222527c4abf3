"""Correlated and hierarchical working models against robumeta and clubSandwich.

Calls, R 4.2.2 with robumeta 2.0 and clubSandwich 0.5.8::

    robu(effectsize ~ 1, data = corrdat, studynum = studyid, var.eff.size = var,
         modelweights = "CORR", rho = .8, small = TRUE)
    robu(effectsize ~ followup + males + binge + college, …)
    robu(effectsize ~ binge + followup + sreport + age, data = hierdat, …, modelweights = "HIER")
    robu(effect.size ~ 1, data = oswald2013.ex1, studynum = Study, …)
    coef_test(fit, vcov = vcovCR(fit, type = "CR2", target = Phi)), Wald_test(test = "HTZ")
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.multilevel import multilevel
from metabone.models.robust import robust
from metabone.models.working import WorkingFit, working_model

Table = Callable[[str], dict[str, np.ndarray]]


def _corr(table: Table, moderators: bool, **options: object) -> WorkingFit:
    d = table("corrdat.csv")
    columns = ("followup", "males", "binge", "college") if moderators else ()
    X = np.column_stack([np.ones(172), *(d[name] for name in columns)])
    return working_model(d["effectsize"], d["var"], d["studyid"], X, **options)


def _hier(table: Table, moderators: bool, **options: object) -> WorkingFit:
    d = table("hierdat.csv")
    columns = ("binge", "followup", "sreport", "age") if moderators else ()
    X = np.column_stack([np.ones(68), *(d[name] for name in columns)])
    return working_model(d["effectsize"], d["var"], d["studyid"], X, model="HIER", **options)


def _close(got: object, expected: object, rtol: float = 1e-10) -> None:
    np.testing.assert_allclose(got, expected, rtol=rtol)


@pytest.mark.parametrize(
    ("rho", "coef", "se", "df", "p", "i2", "tau2"),
    [
        (0.8, 0.232314512913, 0.062635458651, 36.4418536893, 0.000689860625302,
         75.8781730073, 0.154619289611),
        (0.2, 0.232219292678, 0.0626302010522, 36.4364590011, 0.000692349444795,
         75.6490536062, 0.154152405952),
    ],
)  # fmt: skip
def test_correlated_mean(
    table: Table, rho: float, coef: float, se: float, df: float, p: float, i2: float, tau2: float
) -> None:
    fit = _corr(table, moderators=False, rho=rho)
    out = fit.robust
    got = [fit.coef[0], out.se[0], out.df[0], out.pvalue[0], fit.i2, fit.tau2]
    _close(got, [coef, se, df, p, i2, tau2], 2e-10)
    assert (fit.k, fit.m) == (172, 39)
    assert math.isnan(fit.omega2)


def test_correlated_with_moderators(table: Table) -> None:
    fit = _corr(table, moderators=True)
    _close(
        fit.coef,
        [0.226225941884589, -0.001941200771180, -0.000752923361708, 0.182574387380434,
         0.351781899925039],
    )  # fmt: skip
    _close(
        fit.robust.se,
        [0.239529851310319, 0.000953367126933, 0.003620536023539, 0.115041123084454,
         0.190486975014331],
    )  # fmt: skip
    _close(
        fit.robust.df,
        [14.7262736978, 2.5077791857, 14.6110293917, 21.9177216807, 13.5149783880],
        1e-9,
    )
    _close(
        fit.robust.pvalue,
        [0.3601745261843, 0.1522405212888, 0.8381318298011, 0.1268274010508, 0.0867916994412],
        1e-9,
    )
    _close([fit.i2, fit.tau2], [69.93882089572945, 0.12456739563946])
    f, df1, df2, p = fit.robust.wald(np.eye(5)[1:])
    assert df1 == 4
    _close([f, df2, p], [2.20786313, 8.206501518, 0.1560688503], 1e-9)


def test_large_sample_correction(table: Table) -> None:
    """``small = FALSE``: m / (m − p) and m − p degrees of freedom."""
    fit = _corr(table, moderators=True, type="CR1p")
    _close(
        fit.robust.se,
        [0.237078046515135, 0.000877200372036, 0.003612243889068, 0.113771775436681,
         0.189260346676627],
    )  # fmt: skip
    assert fit.robust.df.tolist() == [34.0] * 5
    hier = _hier(table, moderators=True, type="CR1p")
    _close(
        hier.robust.pvalue,
        [0.58058960174817, 0.00174635077621, 0.06257742478413, 0.00438981344741, 0.29068696314815],
    )


def test_hierarchical(table: Table) -> None:
    fit = _hier(table, moderators=False)
    out = fit.robust
    got = [fit.coef[0], out.se[0], out.df[0], out.pvalue[0], fit.omega2, fit.tau2]
    _close(
        got,
        [0.249825975819, 0.0594407879823, 4.2671826989, 0.0119146538735, 0.1560801889362,
         0.0683554686904],
    )  # fmt: skip
    fit = _hier(table, moderators=True)
    _close(
        fit.coef,
        [0.39695129909450, 0.45158406600564, 0.00133090043124, 0.53875845311834,
         -0.04371412951597],
    )  # fmt: skip
    _close(
        fit.robust.se,
        [0.658006122335605, 0.101641412245472, 0.000722572888797, 0.143397506153936,
         0.037874467126594],
    )  # fmt: skip
    _close(
        fit.robust.df,
        [3.05662882902, 3.59187535623, 2.03226315390, 4.35924929844, 2.69489689027],
    )
    _close([fit.omega2, fit.tau2], [0.1086550542958, 0.0236207086179])


def test_published_data(table: Table) -> None:
    """Brain activity in Oswald et al. (2013), which Fisher & Tipton (2015) analyse."""
    d = table("oswald2013.csv")
    fit = working_model(d["yi"], d["vi"], d["study"])
    got = [fit.coef[0], fit.robust.se[0], fit.robust.df[0], fit.robust.pvalue[0]]
    _close(got, [0.27713987527, 0.18064101737, 7.83530219113, 0.164311477548])
    _close([fit.i2, fit.tau2], [82.05271861469913, 0.18498123967879])


def test_target_of_the_adjustment(table: Table) -> None:
    """CR2 with weights that are not the inverse of the working covariance."""
    fit = _corr(table, moderators=True, target="model")
    _close(
        fit.robust.se,
        [0.219967683223815, 0.000918965290022, 0.003390153181415, 0.107768545840920,
         0.191134456823907],
    )  # fmt: skip
    _close(
        fit.robust.df,
        [13.2566916097, 2.2913970759, 13.4232721948, 15.2486452929, 13.3558372351],
    )
    f, _, df2, p = fit.robust.wald(np.eye(5)[1:])
    _close([f, df2, p], [2.019877447, 7.454018115, 0.1903989824], 1e-9)
    fit = _hier(table, moderators=True, target="model")
    _close(
        fit.robust.se,
        [0.657515733733908, 0.101367181714472, 0.000691477158102, 0.142384953393550,
         0.037763078123040],
    )  # fmt: skip
    _close(
        fit.robust.df,
        [3.07430112131, 4.02199633883, 2.13606378834, 4.66884849993, 2.50507631380],
    )


# The seed of the data, then robumeta's omega.sq and tau.sq (HIER) and tau.sq and I² (CORR): where a
# moment estimate is negative it is 0, and the other is found anew given that.
NEGATIVE = [
    (1, 0.0, 0.4289244, 0.4426244, 63.28143),
    (2, 0.0, 0.0, 0.0, 0.0),
    (3, 0.5510604, 0.01377796, 0.6858652, 73.8266),
    (4, 0.0, 0.0, 0.0, 0.0),
    (7, 0.0, 0.3016341, 0.2397066, 51.0767),
    (9, 0.9134047, 0.0, 1.203301, 83.22165),
    (10, 0.0, 0.3643857, 0.4876268, 65.52392),
]


@pytest.mark.parametrize(("seed", "omega2", "tau2", "corr", "i2"), NEGATIVE)
def test_negative_estimates(seed: int, omega2: float, tau2: float, corr: float, i2: float) -> None:
    rng = np.random.default_rng(seed)
    study = np.repeat(np.arange(10), 1 + rng.poisson(2, 10))
    v = rng.uniform(0.1, 0.4, len(study))
    y = rng.normal(0, np.sqrt(v))
    if seed % 3 == 0:
        y = y + rng.normal(0, 0.8, len(study))
    elif seed % 3 == 1:
        y = y * 0.2 + rng.normal(0, 0.8, 10)[study]
    else:
        y = y * 0.3
    fit = working_model(y, v, study, model="HIER")
    np.testing.assert_allclose([fit.omega2, fit.tau2], [omega2, tau2], rtol=5e-7)
    fit = working_model(y, v, study)
    np.testing.assert_allclose([fit.tau2, fit.i2], [corr, i2], rtol=5e-7)


@given(st.integers(0, 10_000), st.sampled_from(["CORR", "HIER"]))
def test_order_and_scale(seed: int, model: str) -> None:
    rng = np.random.default_rng(seed)
    study = rng.integers(0, 7, 24)
    v, y = rng.uniform(0.05, 0.5, 24), rng.normal(size=24) + rng.normal(size=7)[study]
    order = rng.permutation(24)
    fit = working_model(y, v, study, model=model)
    moved = working_model(3 * y[order], 9 * v[order], study[order], model=model)
    np.testing.assert_allclose(moved.tau2, 9 * fit.tau2, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(moved.robust.se, 3 * fit.robust.se, rtol=1e-9)
    np.testing.assert_allclose(9 * moved.weights, fit.weights[order], rtol=1e-9)


def test_one_effect_a_study_is_the_plain_model() -> None:
    """Then CORR is DerSimonian and Laird's with a robust standard error."""
    y = np.array([0.1, 0.5, 0.9, -0.2, 0.4, 1.4, 0.3])
    v = np.array([0.1, 0.05, 0.2, 0.1, 0.07, 0.15, 0.1])
    fit = working_model(y, v, range(7))
    w = 1 / v
    q = float((w * (y - (w @ y) / w.sum()) ** 2).sum())
    assert math.isclose(fit.tau2, (q - 6) / (w.sum() - (w @ w) / w.sum()), rel_tol=1e-12)
    assert math.isclose(fit.q_df, 6)


def test_close_to_the_multilevel_model(table: Table) -> None:
    """Another road to the same place: hierarchical weights and REML, both with CR2."""
    d = table("hierdat.csv")
    random = {"study": d["studyid"], "effect": range(68)}
    other = robust(multilevel(d["effectsize"], d["var"], random))
    fit = _hier(table, moderators=False)
    assert abs(fit.coef[0] - other.coef[0]) < 0.5 * other.se[0]


def test_refusals() -> None:
    y, v = np.arange(6.0), np.full(6, 0.1)
    with pytest.raises(ModelError, match="no study has two effects"):
        working_model(y, v, range(6), model="HIER")
    with pytest.raises(ModelError, match="2 studies cannot give"):
        working_model(y, v, [1, 1, 1, 2, 2, 2], np.column_stack([np.ones(6), y]))
    with pytest.raises(ModelError, match="depend on each other"):
        working_model(y, v, range(6), np.ones((6, 2)))
    with pytest.raises(DataError, match=r"vi must be \(6,\) positive"):
        working_model(y, -v, range(6))
    with pytest.raises(DataError, match="5 labels for 6 effects"):
        working_model(y, v, range(5))
    with pytest.raises(UsageError, match="rho must lie between 0 and 1"):
        working_model(y, v, range(6), rho=1.5)
    with pytest.raises(UsageError, match="model must be one of 'CORR', 'HIER'"):
        working_model(y, v, range(6), model="SCE")
