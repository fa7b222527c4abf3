"""Importance, outlier rules and the permutation test, each against a slow way of its own."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.formula.api import ols

from metabone.errors import UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.where import select
from metabone.models.random_effects import random_effects
from metabone.synthesis.choices.analyse import choices
from metabone.synthesis.choices.digest import signed_z
from metabone.synthesis.choices.importance import importance
from metabone.synthesis.choices.outliers import outlier_masks, rstudents
from metabone.synthesis.choices.permutation import curve_statistics, null_band, sign_patterns

FACTORS = {"a": "xyz", "b": "uv", "c": "pq"}


def grid() -> list[dict[str, str]]:
    return [dict(zip(FACTORS, one, strict=True)) for one in product(*FACTORS.values())]


def test_importance_of_a_full_factorial_is_its_analysis_of_variance() -> None:
    options = grid()
    y = np.random.default_rng(2).normal(size=len(options))
    frame = pd.DataFrame(options).assign(y=y)
    anova = sm.stats.anova_lm(ols("y ~ C(a) + C(b) + C(c)", frame).fit(), typ=2)["sum_sq"]
    total = ((y - y.mean()) ** 2).sum()
    shares = importance(y, options, FACTORS)
    for name in FACTORS:
        assert shares[name] == pytest.approx(anova[f"C({name})"] / total)
    assert shares["interactions"] == pytest.approx(anova["Residual"] / total)


def test_importance_of_an_unbalanced_list_averages_all_orders() -> None:
    options = [one for i, one in enumerate(grid()) if i not in (0, 3, 7)]
    y = np.random.default_rng(5).normal(size=len(options))
    frame = pd.DataFrame(options)
    total = ((y - y.mean()) ** 2).sum()

    def r2(names: tuple[str, ...]) -> float:
        parts = [pd.get_dummies(frame[name]).to_numpy(float) for name in names]
        x = np.column_stack([np.ones(len(y)), *parts])
        e = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        return 1 - (e @ e) / total

    orders = list(permutations(FACTORS))
    shares = importance(y, options, FACTORS)
    for name in FACTORS:
        added = [
            r2(order[: order.index(name) + 1]) - r2(order[: order.index(name)]) for order in orders
        ]
        assert shares[name] == pytest.approx(np.mean(added))
    assert sum(shares.values()) == pytest.approx(1)


def test_a_factor_that_some_analyses_lack_explains_only_the_others() -> None:
    options = [{"c": "m", "r": "1"}, {"c": "m", "r": "2"}, {"c": "u"}, {"c": "u"}]
    shares = importance([1.0, 3.0, 8.0, 8.0], options, {"c": "mu", "r": "12"})
    # 2 and 8 are the means of c; within m the two options of r differ by 2.
    assert shares["c"] == pytest.approx(36 / 38)
    assert shares["r"] == pytest.approx(2 / 38)


def test_importance_of_nothing() -> None:
    assert all(
        np.isnan(v) for v in importance([2.0, 2.0], [{"a": "x"}, {"a": "y"}], FACTORS).values()
    )


@pytest.fixture
def sample() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    study = np.array([0, 0, 1, 2, 2, 3, 4, 5, 6])
    y = rng.normal(0.5, 0.5, (3, len(study)))
    y[1, 4] += 6
    return y, rng.uniform(0.05, 0.3, len(study)), study


def test_rstudents_are_those_of_refits(sample: tuple[np.ndarray, ...]) -> None:
    y, vi, _ = sample
    base = np.ones(len(vi), dtype=bool)
    base[2] = False
    found = rstudents(y, vi, base)
    for f in range(len(y)):
        for i in np.flatnonzero(base):
            rest = base & (np.arange(len(vi)) != i)
            fit = random_effects(y[f, rest], vi[rest], test="wald")
            spread = vi[i] + float(fit.tau2) + float(fit.vcov[0, 0])
            assert found[f, i] == pytest.approx((y[f, i] - float(fit.coef[0])) / spread**0.5)
    assert (found[:, 2] == 0).all()


def test_outlier_rules(sample: tuple[np.ndarray, ...]) -> None:
    y, vi, study = sample
    base = np.ones(len(vi), dtype=bool)
    assert outlier_masks("none", y, vi, base, study).all()
    assert not outlier_masks("rstudent_3", y, vi, base, study)[1, 4]
    largest = outlier_masks("largest_vi", y, vi, base, study)
    assert (~largest).sum(axis=1).tolist() == [1, 1, 1]
    assert not largest[:, vi.argmax()].any()
    without = outlier_masks("influential_study", y, vi, base, study)
    for f in range(len(y)):
        moved = {}
        whole = float(random_effects(y[f], vi).coef[0])
        for name in np.unique(study):
            rest = study != name
            moved[name] = abs(float(random_effects(y[f, rest], vi[rest]).coef[0]) - whole)
        assert set(study[~without[f]]) == {max(moved, key=lambda name: moved[name])}
    few = np.zeros(len(vi), dtype=bool)
    few[:2] = True
    assert (outlier_masks("rstudent_3", y, vi, few, study) == few).all()


def test_all_patterns_or_random_ones() -> None:
    exact = sign_patterns(6, 500, 1)
    assert exact.exact
    assert len({tuple(row) for row in exact.signs} | {tuple(-row) for row in exact.signs}) == 64
    drawn = sign_patterns(30, 500, 1)
    assert not drawn.exact
    assert drawn.iterations == 500
    assert (drawn.signs[0] == 1).all()
    assert (drawn.signs == sign_patterns(30, 500, 1).signs).all()
    assert (drawn.signs != sign_patterns(30, 500, 2).signs).any()
    with pytest.raises(UsageError, match="permutations"):
        sign_patterns(3, 10**6, 1)


def test_the_test_of_the_curve_against_plain_loops() -> None:
    rows = select(read_table("unloading"), where="assay == 'microCT'", outcome=("Tb.N",))
    lists = {
        "measure": "SMD", "variance": ["LS", "AV"], "rho": [0.2, 0.5], "outliers": "none",
        "control": "ignore", "cluster": "none", "tau2": ["EE", "DL"], "ci": "wald",
    }  # fmt: skip
    result = choices(rows, lists, permutations=5000)
    assert result.permutation is not None
    assert result.permutation.exact
    assert "means nothing in any" in result.vanished["rho"]
    from metabone.effects.escalc import escalc

    tables = [escalc(rows, "SMD", variance=variance) for variance in ("LS", "AV")]
    names = list(dict.fromkeys(tables[0].frame["study"]))
    observed: list[np.ndarray] = []
    for signs in product([1, -1], repeat=len(names)):
        flip = dict(zip(names, signs, strict=True))
        z = []
        for effects in tables:
            y = effects.yi * effects.frame["study"].map(flip).to_numpy(float)
            w = 1 / effects.vi
            mean = (w * y).sum() / w.sum()
            q = (w * (y - mean) ** 2).sum()
            tau2 = max(0, (q - len(y) + 1) / (w.sum() - (w**2).sum() / w.sum()))
            for between in (0, tau2):
                w = 1 / (effects.vi + between)
                z.append((w * y).sum() / w.sum() ** 0.5)
        observed.append(np.array(z))
    curves = np.array(observed)
    limit = stats.norm.isf(0.025)
    statistics = {
        "median z": np.abs(np.median(curves, axis=1)),
        "share significant": np.maximum(*((s * curves > limit).mean(axis=1) for s in (1, -1))),
        "mean z": np.abs(curves.mean(axis=1)),
    }  # fmt: skip
    for test in result.permutation.tests:
        values = statistics[test.statistic]
        assert test.observed == pytest.approx(values[0])
        assert test.pvalue == pytest.approx((values >= values[0] - 1e-9).mean())
        assert test.expected == pytest.approx(np.median(values))
    ranked = np.sort(curves, axis=1)
    assert result.permutation.null_low == pytest.approx(np.quantile(ranked, 0.025, axis=0))
    assert result.permutation.null_high == pytest.approx(np.quantile(ranked, 0.975, axis=0))


def test_p_values_are_uniform_when_nothing_is_there() -> None:
    # 1000 sets of 8 studies without an effect, one weighted mean: P(p <= α) must not exceed α.
    rng = np.random.default_rng(9)
    patterns = sign_patterns(8, 500, 1)
    small = 0
    for _ in range(1000):
        y, w = rng.normal(size=8), rng.uniform(0.5, 2, 8)
        z = (patterns.signs * w) @ y / np.sqrt((w**2).sum())
        value = curve_statistics(z[None], (np.abs(z) > 1.96).astype(float)[None])["mean z"]
        small += (value >= value[0] - 1e-9).mean() <= 0.05
    assert 30 <= small <= 68  # 6/128 = 4.7 % of 1000, within three binomial standard errors


def test_statistics_pass_over_what_has_no_answer() -> None:
    z = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    found = curve_statistics(z, (z > 2).astype(float))
    assert found["median z"][0] == 2
    assert found["share significant"][0] == 0.5
    assert np.isnan(found["median z"][1])
    assert np.isnan(null_band(z, 0.95)[0]).all()


def test_signed_z_of_tiny_p() -> None:
    assert np.isfinite(signed_z(np.array([-1.0]), np.array([0.0]))).all()
