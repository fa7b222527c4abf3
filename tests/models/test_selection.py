"""Selection models: the likelihood against integrals, the fits against metafor and simulation."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.random_effects import random_effects
from metabone.models.selection import intervals_of, selection_model
from metabone.models.selection_clusters import cluster_bootstrap, cluster_vcov
from metabone.models.selection_profile import selection_profile
from metabone.models.selection_search import problem_of

# metadat's dat.bangertdrowns2004 (k 48): yi, vi and the moderator length (weeks), and dat.bcg.
BD = np.genfromtxt(
    __file__.replace("test_selection.py", "data/bangertdrowns2004.csv"), delimiter=",", names=True
)
YI, VI = BD["yi"], BD["vi"]
BCG = np.array(
    [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209, 0.0120, -0.4694, -1.3713,
     -0.3394, 0.4459, -0.0173]
)  # fmt: skip
BCG_V = np.array(
    [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230, 0.0040, 0.0564, 0.0730, 0.0124,
     0.5325, 0.0714]
)  # fmt: skip


def log_density(theta: np.ndarray, y: float, v: float, steps: tuple[float, ...]) -> float:
    """One effect by quadrature of weight times density, sharing nothing with the module."""
    mean, tau2, *logs = theta
    w = np.exp([0.0, *logs])
    law = norm(mean, math.sqrt(v + tau2))

    def weight(x: float) -> float:
        return float(w[np.searchsorted(steps, norm.sf(x / math.sqrt(v)))])

    edges = [norm.isf(a) * math.sqrt(v) for a in reversed(steps)]
    ends = [mean - 12 * law.std(), *edges, mean + 12 * law.std()]
    total = 0.0
    for a, b in pairwise(ends):
        total += weight((a + b) / 2) * quad(law.pdf, a, b, epsabs=1e-13)[0]
    return math.log(weight(y)) + float(law.logpdf(y)) - math.log(total)


STEPS = (0.025, 0.1, 0.5)
THETA = np.array([0.3, 0.2, -0.7, 0.4, -1.2])


def likelihood(steps: tuple[float, ...] = STEPS, weights: np.ndarray | None = None):  # type: ignore[no-untyped-def]
    y, v = YI[None, :12], VI[None, :12]
    problem = problem_of(y, v, np.ones((1, 12, 1)), steps, np.ones(1), True, weights)
    return problem.likelihood


def test_likelihood_is_the_integral_of_weight_and_density() -> None:
    like = likelihood()
    got = like.evaluate(THETA[None], np.zeros(1, dtype=int)).value[0]
    want = sum(log_density(THETA, y, v, STEPS) for y, v in zip(YI[:12], VI[:12], strict=True))
    assert math.isclose(got, want, rel_tol=1e-9)


def test_derivatives_are_those_of_finite_differences() -> None:
    weights = np.random.default_rng(3).integers(0, 3, (1, 12)).astype(float)
    like = likelihood(weights=weights)
    zero = np.zeros(1, dtype=int)
    at = like.evaluate(THETA[None], zero)
    for i, step in enumerate(np.eye(5) * 1e-5):
        up, down = (like.evaluate(THETA[None] + sign * step, zero) for sign in (1, -1))
        assert math.isclose(at.gradient[0, i], (up.value - down.value)[0] / 2e-5, rel_tol=1e-6)
        slope = (up.gradient - down.gradient)[0] / 2e-5
        assert np.allclose(-at.observed[0, i], slope, rtol=1e-6, atol=1e-7)
    assert np.allclose(like.scores(THETA).sum(axis=0), at.gradient[0])


def test_far_tails_neither_cancel_nor_overflow() -> None:
    like = likelihood()
    for mean in (-60.0, 60.0):
        theta = np.array([[mean, 1e-4, -12.0, -13.0, 13.0]])
        at = like.evaluate(theta, np.zeros(1, dtype=int))
        assert np.isfinite(at.value).all()
        assert np.isfinite(at.gradient).all()
        assert np.isfinite(at.observed).all()


def test_agrees_with_metafor() -> None:
    # metafor 3.8-1, selmodel(rma(yi, vi, method="ML"), type="stepfun", steps=...).
    fit = selection_model(YI, VI, steps=(0.025, 0.5))
    assert math.isclose(fit.loglik, -17.42167331, abs_tol=1e-7)
    assert np.allclose(
        [fit.coef[0], fit.se[0], fit.tau2], [0.105687, 0.090309, 0.027382], rtol=1e-4
    )
    assert np.allclose(fit.delta, [1, 0.401404, 0.276428], rtol=1e-4)
    assert np.allclose(fit.delta_se[1:], [0.327268, 0.296391], rtol=1e-4)
    assert np.allclose([fit.lrt, fit.lrt_pvalue], [1.680982, 0.431499], rtol=1e-5)
    five = selection_model(YI, VI, steps=(0.01, 0.05, 0.1, 0.5))
    assert math.isclose(five.loglik, -17.52410132, abs_tol=1e-7)
    assert np.allclose(five.delta[1:], [1.529348, 1.719695, 1.128891, 0.976537], rtol=1e-4)
    fixed = selection_model(YI, VI, heterogeneity=False)
    assert math.isclose(fixed.loglik, -18.80528475, abs_tol=1e-7)
    assert np.allclose([fixed.coef[0], fixed.se[0], fixed.delta[1], fixed.delta_se[1]],
                       [0.0753955, 0.0330572, 0.144675, 0.0690669], rtol=1e-4)  # fmt: skip
    assert fixed.tau2 == 0
    assert math.isnan(fixed.tau2_se)


def test_moderators_agree_with_metafor() -> None:
    known = ~np.isnan(BD["length"])
    X = np.column_stack([np.ones(known.sum()), BD["length"][known]])
    fit = selection_model(YI[known], VI[known], X)
    assert math.isclose(fit.loglik, -13.49535733, abs_tol=1e-7)
    assert np.allclose(fit.coef, [0.03465897, 0.01242446], rtol=1e-4)
    assert np.allclose(fit.se, [0.07585044, 0.00669054], rtol=1e-4)
    assert np.allclose([fit.tau2, fit.delta[1]], [0.02660355, 0.5234569], rtol=1e-4)


def test_profiles_agree_with_metafor() -> None:
    # confint() of selmodel(..., alternative="less"), to its four digits.
    fit = selection_model(BCG, BCG_V)
    assert fit.side == -1
    found = selection_profile(fit)
    assert np.allclose(found.tau2, [0.1071, 0.8922], atol=5e-4)
    assert np.allclose(found.delta[1], [0.0981, 3.8862], rtol=2e-3)
    assert np.isnan(found.delta[0]).all()


def test_profile_of_the_mean_is_where_the_likelihood_has_fallen() -> None:
    fit = selection_model(YI, VI)
    found = selection_profile(fit, 0.9)
    like = fit.problem.likelihood
    from scipy.optimize import minimize

    for limit in found.coef[0]:
        best = minimize(
            lambda rest, limit=limit: -like.evaluate(
                np.array([[limit, math.exp(rest[0]), rest[1]]]), np.zeros(1, dtype=int)
            ).value[0],
            [math.log(fit.tau2), math.log(fit.delta[1])], method="Nelder-Mead",
            options={"xatol": 1e-8, "fatol": 1e-10},
        )  # fmt: skip
        assert math.isclose(2 * (float(fit.loglik) + best.fun), norm.ppf(0.95) ** 2, abs_tol=1e-5)


def test_the_other_side_is_the_mirror_image() -> None:
    fit, mirrored = selection_model(YI, VI), selection_model(-YI, VI)
    assert np.allclose(mirrored.coef, -fit.coef)
    assert np.allclose([mirrored.tau2, mirrored.loglik], [fit.tau2, fit.loglik])
    low, high = selection_profile(fit).coef[0]
    assert np.allclose(selection_profile(mirrored).coef[0], [-high, -low])
    against = selection_model(YI, VI, side="less")
    assert against.side == -1
    assert not math.isclose(against.loglik, fit.loglik)


def test_units_do_not_matter() -> None:
    for scale in (1e-4, 1e4):
        fit, scaled = selection_model(YI, VI), selection_model(scale * YI, scale**2 * VI)
        assert np.allclose(scaled.coef / scale, fit.coef, rtol=1e-6)
        assert np.allclose(scaled.delta, fit.delta, rtol=1e-6)
        assert np.allclose(
            selection_profile(scaled).coef / scale, selection_profile(fit).coef, rtol=1e-5
        )


def test_without_selection_it_is_the_ml_model() -> None:
    fit = selection_model(YI, VI)
    plain = random_effects(YI, VI, method="ML", test="wald")
    assert np.allclose(fit.null_coef, plain.coef, rtol=1e-6)
    assert np.allclose(fit.null_tau2, plain.tau2, rtol=1e-5)


def test_many_data_sets_are_answered_as_each_by_itself() -> None:
    rng = np.random.default_rng(5)
    v = rng.uniform(0.02, 0.3, (6, 30))
    y = 0.3 + rng.normal(size=(6, 30)) * np.sqrt(v + 0.05)
    y[3] = 5.0 + 0.01 * np.arange(30)
    both = selection_model(y, v)
    assert both.coef.shape == (6, 1)
    assert np.isnan(both.coef[3]).all()
    assert np.isnan(both.lrt_pvalue[3])
    assert not both.converged[3]
    for i in (0, 1, 2, 4, 5):
        one = selection_model(y[i], v[i])
        assert np.allclose(both.coef[i], one.coef, rtol=1e-5, atol=1e-7)
        assert np.allclose(both.delta[i], one.delta, rtol=1e-5)


def test_selected_effects_are_put_right() -> None:
    """Effects of mean 0.2 of which only 30 % that are not significant were seen."""
    rng = np.random.default_rng(11)
    sets, k = 60, 120
    v = rng.uniform(0.02, 0.2, (sets, 6 * k))
    y = 0.2 + rng.normal(size=v.shape) * np.sqrt(v + 0.04)
    seen = (y / np.sqrt(v) > norm.isf(0.025)) | (rng.random(v.shape) < 0.3)
    order = np.argsort(~seen, axis=1, kind="stable")[:, :k]
    y, v = np.take_along_axis(y, order, 1), np.take_along_axis(v, order, 1)
    fit = selection_model(y, v)
    assert fit.converged.all()
    noise = fit.coef[:, 0].std() / math.sqrt(sets)
    assert abs(fit.coef[:, 0].mean() - 0.2) < 4 * noise
    assert abs(np.median(fit.delta[:, 1]) - 0.3) < 0.08
    assert fit.null_coef[:, 0].mean() > 0.3
    covered = np.abs(fit.coef[:, 0] - 0.2) < 1.96 * fit.se[:, 0]
    assert covered.mean() > 0.85
    assert (fit.lrt_pvalue < 0.05).mean() > 0.8


def test_a_tau2_of_nothing_is_at_its_bound() -> None:
    rng = np.random.default_rng(2)
    v = np.full(20, 0.2)
    y = 0.8 + rng.normal(size=20) * 0.2
    fit = selection_model(y, v)
    assert fit.tau2 == 0
    assert math.isnan(fit.tau2_se)
    assert np.isfinite(fit.se).all()
    assert selection_profile(fit).tau2[0] == 0


def test_robust_errors_are_those_of_independent_effects_where_they_are() -> None:
    rng = np.random.default_rng(8)
    v = rng.uniform(0.02, 0.2, 1500)
    y = 0.2 + rng.normal(size=1500) * np.sqrt(v + 0.05)
    fit = selection_model(y, v)
    robust = np.sqrt(np.diagonal(cluster_vcov(fit, np.arange(1500))))
    assert np.allclose(robust, np.sqrt(np.diagonal(fit.vcov)), rtol=0.12)
    # Each effect twice tells no more than once: the curvature does not know, the clusters do.
    twice = selection_model(np.repeat(y, 2), np.repeat(v, 2))
    doubled = np.sqrt(np.diagonal(cluster_vcov(twice, np.repeat(np.arange(1500), 2))))
    assert np.allclose(doubled, robust, rtol=1e-4)
    assert np.allclose(twice.se, fit.se / math.sqrt(2), rtol=1e-4)


def test_bootstrap_is_the_same_for_any_number_of_workers() -> None:
    fit = selection_model(YI, VI)
    study = np.repeat(np.arange(24), 2)[: len(YI)]
    one = cluster_bootstrap(fit, study, replicates=300, seed=4)
    two = cluster_bootstrap(fit, study, replicates=300, seed=4, n_jobs=2)
    assert np.array_equal(one.draws, two.draws)
    other = cluster_bootstrap(fit, study, replicates=300, seed=5)
    assert not np.array_equal(one.draws, other.draws)
    assert len(one.draws) + one.failed == 300
    low, high = one.ci()
    assert (low[0] < fit.coef[0]) & (fit.coef[0] < high[0])
    assert 0.6 < one.se[0] / math.sqrt(cluster_vcov(fit, study)[0, 0]) < 1.7


def test_a_replicate_is_the_fit_of_what_was_drawn() -> None:
    fit = selection_model(BCG, BCG_V)
    found = cluster_bootstrap(fit, np.arange(13), replicates=99, seed=1)
    rng = np.random.default_rng(np.random.SeedSequence(1, spawn_key=(0,)))
    times = rng.multinomial(13, np.full(13, 1 / 13), 99)
    drawn = np.repeat(np.arange(13), times[0])
    again = selection_model(BCG[drawn], BCG_V[drawn], side="less")
    assert np.allclose(found.draws[0], [again.coef[0], again.tau2, again.delta[1]], rtol=1e-4)


def test_failed_replicates_are_counted_and_too_many_give_no_interval() -> None:
    y = np.r_[np.linspace(1.0, 2.0, 9), 0.05]
    v = np.full(10, 0.1)
    fit = selection_model(y, v)
    found = cluster_bootstrap(fit, np.arange(10), replicates=400)
    # An effect alone on its side is not drawn in (1 - 1/10)^10 = 35 % of replicates.
    assert abs(found.empty / 400 - 0.9**10) < 0.1
    with pytest.raises(ModelError, match="none of the bootstrap replicates"):
        cluster_bootstrap(fit, np.r_[np.zeros(9), 1], replicates=99)


def test_where_most_replicates_fail_there_is_no_interval() -> None:
    fit = selection_model(
        np.r_[np.linspace(1.0, 2.0, 9), 0.05, -0.1], [0.1] * 11, steps=(0.025, 0.5)
    )
    found = cluster_bootstrap(fit, np.arange(11), replicates=200)
    assert found.failed > 100
    assert len(found.draws) == 200 - found.failed
    assert np.isnan(found.ci()).all()
    assert np.isnan(found.se).all()


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([0.1, 0.2], [0.1, 0.1]), ModelError, "2 effects cannot estimate 3 parameters"),
        (([2.0, 2.1, 2.2, 2.3], [0.1] * 4), DataError, r"no effect has .* of p > 0.025"),
        (([0.1, 0.2, math.nan], [0.1] * 3), DataError, "finite"),
        (([0.1, 0.2, 0.3], [0.1, 0.0, 0.1]), DataError, "positive"),
        (([0.1, 0.2], [0.1]), DataError, "one shape"),
        (([], []), DataError, "one shape"),
    ],
)
def test_refusals(arguments: tuple[list[float], list[float]], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        selection_model(*arguments)


@pytest.mark.parametrize(
    "steps", [(), (0.5, 0.025), (0.0, 0.5), (0.5, 1.0), (0.1, 0.1), (math.nan,)]
)
def test_steps_rise_between_0_and_1(steps: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="steps"):
        selection_model(YI, VI, steps=steps)


def test_a_p_value_at_a_step_belongs_to_the_smaller_ones() -> None:
    assert intervals_of([0.0, 1.0], [1.0, 1.0], (0.5,), 1).tolist() == [2.0, 0.0]


def test_more_refusals() -> None:
    with pytest.raises(UsageError, match="side must be one of"):
        selection_model(YI, VI, side="left")
    with pytest.raises(DataError, match="X must be"):
        selection_model(YI, VI, np.ones((3, 1)))
    with pytest.raises(ModelError, match="linear combinations"):
        selection_model(YI, VI, np.ones((len(YI), 2)))
    fit = selection_model(YI, VI)
    with pytest.raises(DataError, match="clusters must have the shape"):
        cluster_vcov(fit, [1, 2])
    with pytest.raises(DataError, match="one cluster"):
        cluster_vcov(fit, np.zeros(len(YI)))
    with pytest.raises(UsageError, match="replicates must be from 99"):
        cluster_bootstrap(fit, np.arange(len(YI)), replicates=10)


def test_a_maximum_with_no_heterogeneity_may_not_be_the_highest() -> None:
    """selmodel(rma(yi, vi, method="ML"), type="stepfun", steps=.025) of R's metafor 3.8-1.

    Without selection τ² is 0; with it a lower maximum lies there too (log-likelihood 18.506).
    """
    y = [0.039039, 0.017055, -0.002754, 0.024019, 0.017164, 0.017811]
    v = [8.7312e-5, 1.3056e-5, 5.2522e-5, 3.8784e-5, 1.0163e-5, 4.5064e-5]
    fit = selection_model(y, v)
    assert np.isclose(fit.loglik, 19.0282, atol=1e-3)
    assert np.allclose([fit.coef[0], fit.delta[1]], [0.0126425, 0.2105227], rtol=5e-3)
    assert np.isclose(fit.tau2, 9.5566e-5, rtol=5e-3)
