"""Diagnostics of whole clusters: against refits of R, against single effects, by their sums."""

from __future__ import annotations

import math

import numpy as np
import pytest

from metabone.errors import ModelError
from metabone.models.cluster_influence import (
    cluster_influence,
    cluster_means,
    clusters_of,
    q_parts,
)
from metabone.models.influence import influence
from metabone.models.multilevel import multilevel
from metabone.models.problem import constant_correlation
from metabone.models.random_effects import random_effects

Y = np.array([0.2, 0.4, 0.9, 1.1, 0.1, 0.3, 0.6, 0.75, 0.5, 0.95, 0.35])
V = np.array([0.05, 0.04, 0.06, 0.05, 0.02, 0.07, 0.05, 0.03, 0.08, 0.04, 0.06])
S = np.array([1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6])


def _fit(df: str = "contain"):
    random = {"study": S, "effect": range(11)}
    return multilevel(Y, constant_correlation(V, S, 0.5), random, df=df)


def test_refits_are_those_of_r() -> None:
    """metafor 3.8-1, without each s: rma.mv(y, V, random=~1|s/e), V of vcalc(…, rho=.5)."""
    # sigma2 (study, effect), estimate, se, QE
    without = [
        (0.05206127244, 0.03815589919, 0.6080580884647, 0.1502823314242, 26.71247604863),
        (0.01238890178, 0.04066652407, 0.4618534246198, 0.1195256026673, 21.07657747387),
        (0.01682156470, 0.03028121850, 0.6495910039703, 0.1212769449675, 16.53225382198),
        (0.06401243609, 0.03887266406, 0.5257209986636, 0.1592252851697, 26.65517204480),
        (0.06707130627, 0.03011283936, 0.5630911503267, 0.1516872857271, 28.95130819425),
        (0.10003752040, 0.0, 0.5195925020966, 0.1658490980839, 19.77107299823),
    ]
    fit = _fit()
    mean, se = float(fit.coef[0]), float(fit.se[0])
    found = cluster_influence(fit)
    for i, (study, effect, estimate, error, q) in enumerate(without):
        assert math.isclose(found.tau2_deleted[i], study + effect, rel_tol=2e-3)
        assert math.isclose(found.cook_d[i], ((mean - estimate) / se) ** 2, rel_tol=1e-3)
        assert math.isclose(found.cov_ratio[i], (error / se) ** 2, rel_tol=2e-3)
        assert math.isclose(found.q_deleted[i], q, rel_tol=1e-9)


def test_dfbetas_and_cook_are_those_of_r() -> None:
    """dfbetas(fit, cluster=s) and cooks.distance(fit, cluster=s), metafor 3.8-1."""
    found = cluster_influence(_fit())
    dfbetas = [-0.391323514551075, 0.84894623841214, -0.875365659356602, 0.201674394362135,
               -0.0586261559646668, 0.232367188515818]  # fmt: skip
    cook = [0.161415423569055, 0.489458541098566, 0.510707802747048, 0.0477380887234139,
            0.00397198459263301, 0.0700434514866658]  # fmt: skip
    np.testing.assert_allclose(found.dfbetas[:, 0], dfbetas, rtol=1e-2)
    np.testing.assert_allclose(found.cook_d, cook, rtol=1e-2)


@pytest.mark.parametrize("moderator", [False, True])
def test_one_effect_a_cluster_is_the_univariate_model(moderator: bool) -> None:
    X = np.column_stack([np.ones(11), np.cos(np.arange(11))]) if moderator else None
    fit = multilevel(Y, V, {"study": range(11)}, X, df="normal")
    many, single = cluster_influence(fit), influence(Y, V, X)
    for name in single.__slots__:
        np.testing.assert_allclose(
            getattr(many, name), getattr(single, name), rtol=1e-4, atol=1e-6, err_msg=name
        )


def test_sums_are_what_they_must_be() -> None:
    fit = _fit()
    found = cluster_influence(fit)
    assert math.isclose(found.hat.sum(), 1.0)
    assert math.isclose(found.weight.sum(), 100.0)
    np.testing.assert_allclose(100 * found.hat, found.weight)
    assert math.isclose(q_parts(clusters_of(fit)).sum(), fit.q)


def test_the_model_of_means_is_the_multilevel_one() -> None:
    """With the variance within held, the variance between and the mean are the same."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        study = np.repeat(np.arange(9), rng.integers(1, 5, 9))
        v = rng.uniform(0.05, 0.3, len(study))
        y = rng.normal(0, 0.5, 9)[study] + rng.normal(0, np.sqrt(v + 0.1))
        fit = multilevel(
            y, constant_correlation(v, study, 0.5), {"study": study, "effect": range(len(y))}
        )
        means = random_effects(*cluster_means(fit), test="wald")
        assert math.isclose(means.coef[0], fit.coef[0], rel_tol=1e-5, abs_tol=1e-7)
        assert math.isclose(means.tau2, fit.sigma2["study"], rel_tol=1e-4, abs_tol=1e-6)
        assert math.isclose(means.se[0], fit.se[0], rel_tol=1e-4)


def test_what_ties_clusters_together_is_refused() -> None:
    crossed = {"study": S, "strain": [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1], "effect": range(11)}
    fit = multilevel(Y, V, crossed)
    with pytest.raises(ModelError, match="strain crosses study"):
        cluster_influence(fit)
    with pytest.raises(ModelError, match="no moderators"):
        cluster_means(multilevel(Y, V, {"study": S}, np.column_stack([np.ones(11), V])))


def test_a_cluster_that_alone_tells_the_levels_apart_has_no_refit() -> None:
    study = [1, 1, 2, 3, 4, 5]
    fit = multilevel(Y[:6], V[:6], {"study": study, "effect": range(6)})
    found = cluster_influence(fit)
    assert math.isnan(found.cook_d[0])
    assert np.isfinite(found.cook_d[1:]).all()
    assert not any(mask[0] for name, mask in found.flags().items() if name != "hat")
