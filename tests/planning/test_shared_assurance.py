"""Assurance of arms alike, mixed powers and detectable effects, against other ways to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import beta, nct, t

from metabone.planning.designs import assurance
from metabone.planning.designs.ancova import contrast_exact
from metabone.planning.designs.registry import find
from metabone.planning.designs.share_assurance import share_passes, share_places
from metabone.planning.designs.shared_assurance import shared_assurance
from metabone.planning.designs.solve import chance, solve_effect
from metabone.planning.designs.truth_average import averaged
from metabone.planning.designs.two_groups import critical_values
from metabone.planning.kernel import dunnett_critical, dunnett_quantile
from metabone.planning.kernel.mixture import mixed_power
from metabone.planning.kernel.shared_control import dunnett_about

SHARED = find("shared-control")
DRAWS = 100_000


def simulated(
    arms: int, n: int, method: str, wanted: str, mean: float, scale: float, df: float
) -> float:
    """Chance of two-sided rejections with the sign of the evidence, by simulation."""
    rng = np.random.default_rng(20)
    delta = mean + scale * (
        rng.standard_normal(DRAWS) if df == math.inf else rng.standard_t(df, DRAWS)
    )
    control = rng.standard_normal(DRAWS) / math.sqrt(n)
    treated = delta[:, None] + rng.standard_normal((DRAWS, arms)) / math.sqrt(n)
    error_df = (arms + 1) * (n - 1)
    s = np.sqrt(rng.chisquare(error_df, DRAWS) / error_df)
    statistic = (treated - control[:, None]) / (s * math.sqrt(2 / n))[:, None]
    order = np.argsort(-np.abs(statistic), axis=1)
    ranked = np.take_along_axis(statistic, order, axis=1)
    left = np.arange(arms, 0, -1) if method == "holm" else np.full(arms, arms)
    cuts = t.isf(0.05 / (2 * left), error_df)
    if method == "dunnett":
        cuts[:] = dunnett_critical(0.05, [n] * arms, n, error_df, 2)
    passed = np.abs(ranked) > cuts
    found = np.logical_and.accumulate(passed, axis=1) & (ranked * np.sign(mean) > 0)
    if wanted == "each":
        return float(found.mean())
    return float((found.any(axis=1) if wanted == "any" else found.all(axis=1)).mean())


@pytest.mark.parametrize("wanted", ["each", "any", "all"])
@pytest.mark.parametrize(
    ("arms", "n", "method", "mean", "scale", "df"),
    [(2, 12, "holm", 1.5, 0.84, 8.0), (3, 8, "holm", -0.6, 0.9, 3.0),
     (4, 10, "bonferroni", 0.8, 0.4, math.inf), (3, 3, "dunnett", 1.0, 1.2, 4.0)],
)  # fmt: skip
def test_against_simulation(
    arms: int, n: int, method: str, wanted: str, mean: float, scale: float, df: float
) -> None:
    inputs = {"sd": 1.0, "treated_arms": arms, "method": method, "question": wanted}
    found = assurance.assurance(SHARED, inputs, n, 1.0, mean, scale, df)
    won = simulated(arms, n, method, wanted, mean, scale, df)
    assert found == pytest.approx(won, abs=4 * math.sqrt(0.25 / DRAWS))


@pytest.mark.parametrize("wanted", ["each", "any", "all"])
def test_against_the_power_averaged(wanted: str) -> None:
    method = "holm" if wanted == "each" else "dunnett"
    inputs = {"sd": 1.0, "treated_arms": 2, "method": method, "question": wanted, "sides": 1}

    def won(delta: float, right: bool) -> float:
        return assurance.success(SHARED, inputs, 6, 1.0, delta, right)

    mean = averaged(won, 0.9, 0.5, math.inf)
    found = assurance.assurance(SHARED, inputs, 6, 1.0, 0.9, 0.5, math.inf)
    assert found == pytest.approx(mean, abs=2e-7)


def test_arms_that_differ_are_averaged() -> None:
    inputs = {"sd": 1.0, "differences": [1.0, 1.0 + 1e-6], "question": "any"}
    alike = {"sd": 1.0, "differences": [1.0, 1.0], "question": "any"}
    one, other = (
        assurance.assurance(SHARED, asked, 5, 1.0, 0.9, 0.5, math.inf) for asked in (inputs, alike)
    )
    assert one == pytest.approx(other, abs=1e-6)
    assert one != other


@pytest.mark.parametrize("method", ["dunnett", "holm", "none"])
@pytest.mark.parametrize("allocation", ["equal", "sqrt"])
@pytest.mark.parametrize(
    ("n", "mean", "scale", "df"),
    [(2, -1.0, 0.3, 2.0), (3, 0.0, 0.02, 8.0), (7, 0.8, 2.0, 1.0), (40, 0.3, 0.1, math.inf)],
)
def test_the_rough_answer_is_within_its_doubt(
    method: str, allocation: str, n: int, mean: float, scale: float, df: float
) -> None:
    for wanted in ("each", "any", "all"):
        for arms, sides, alpha in ((2, 2, 0.05), (3, 1, 0.2), (6, 2, 0.01)):
            inputs = {"difference": 1.0, "differences": None, "sd": 1.0, "treated_arms": arms,
                      "method": method, "question": wanted, "allocation": allocation, "n": n,
                      "alpha": alpha, "sides": sides}  # fmt: skip
            fine = shared_assurance(inputs, mean, scale, df)
            rough = shared_assurance(inputs, mean, scale, df, fine=False)
            assert rough == pytest.approx(fine, abs=assurance.DOUBT / 3)
            assert rough != fine


def test_the_rough_critical_value() -> None:
    for k in (1, 2, 4, 12):
        for df in (2.0, 6.0, 30.0, 1e13):
            for sides, ratio in ((1, 1.0), (2, 2.0)):
                exact = dunnett_quantile(0.05, k, df, ratio, sides)
                assert dunnett_about(0.05, k, df, ratio, sides) == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("total", [5, 8, 40, 400])
@pytest.mark.parametrize("covariates", [1, 2])
@pytest.mark.parametrize(
    ("mean", "scale", "pdf"),
    [(1.5, 0.84, 8.0), (0.0, 2.0, math.inf), (0.4, 0.3, 3.0), (0.2, 0.04, math.inf)],
)
def test_shares_on_a_line_are_the_sum_over_shares(
    total: int, covariates: int, mean: float, scale: float, pdf: float
) -> None:
    df = total - 2 - covariates
    places = [one for one in share_places(0.5 * (df + 1), 0.5 * covariates) if one[0] > 0.1]
    shift, cut = math.sqrt(total) / 2, float(t.isf(0.025, df))
    each = sum(
        weight * assurance.passes(shift * math.sqrt(share), df, cut, mean, scale, pdf)
        for share, weight in places
    )
    found = share_passes(places, shift, df, cut, mean, scale, pdf)
    if found is None:
        # So narrow a distribution is left to the sum.
        assert scale * shift < 0.6
    else:
        assert found == pytest.approx(each, abs=1e-9)


@pytest.mark.parametrize("df", [2, 9, 80, 5000])
@pytest.mark.parametrize("nc", [0.0, 1.0, 4.0, 12.0])
def test_one_t_test_is_the_noncentral_t(df: float, nc: float) -> None:
    cut = float(t.isf(0.025, df))
    exact = nct.sf(cut, df, nc) + (nct.cdf(-cut, df, nc) if nc < 6 else 0.0)
    assert mixed_power([(1.0, nc, cut)], df, 2) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize(("total", "covariates"), [(6, 1), (10, 3), (40, 1)])
def test_covariates_against_quadrature(total: int, covariates: int) -> None:
    df = total - 2 - covariates
    cut = float(t.isf(0.05, df))
    share = beta((df + 1) / 2, covariates / 2)

    def at(angle: float) -> float:
        x = math.sin(angle) ** 2
        return float(share.pdf(x) * nct.sf(cut, df, 2.5 * math.sqrt(x)) * math.sin(2 * angle))

    exact, _ = quad(at, 0, math.pi / 2, epsabs=1e-11)
    found = contrast_exact(2.5, 2, total, covariates, 0.05, 1)
    assert found == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize(("low", "high"), [(1, 5), (2, 4), (3, 60), (30, 31), (7, 7)])
@pytest.mark.parametrize("level", [0.05, 0.025, 1e-5])
def test_critical_values_between_degrees_of_freedom(low: float, high: float, level: float) -> None:
    at = critical_values(low, high, level)
    for df in np.linspace(low, high, 23):
        assert at(float(df)) == pytest.approx(float(t.isf(level, df)), rel=1e-8)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("target", [0.06, 0.5, 0.8, 0.999])
def test_the_detectable_difference_has_its_digits_in_any_unit(scale: float, target: float) -> None:
    n, cut = 8, float(t.isf(0.025, 14))

    def gap(nc: float) -> float:
        # scipy has no such lower tail far out, where it is nothing.
        lower = nct.cdf(-cut, 14, nc) if nc < 6 else 0.0
        return float(nct.sf(cut, 14, nc) + lower) - target

    wanted = brentq(gap, 1e-6, 12, xtol=1e-13) * math.sqrt(2 / n) * scale
    found = solve_effect("two-groups", {"sd": scale, "n": n}, target)["effect"]
    assert found == pytest.approx(wanted, rel=1e-8)


@pytest.mark.parametrize("method", ["dunnett", "holm"])
@pytest.mark.parametrize("wanted", ["each", "any", "all"])
def test_the_detectable_difference_has_its_power(method: str, wanted: str) -> None:
    inputs = {"sd": 2.0, "n": 7, "treated_arms": 3, "method": method, "question": wanted}
    effect = solve_effect(SHARED, inputs, 0.9)["effect"]
    assert chance(SHARED, {**inputs, "difference": effect}) == pytest.approx(0.9, abs=1e-9)


@pytest.mark.parametrize("allocation", ["equal", "sqrt"])
@pytest.mark.parametrize("n", [2, 5, 30])
def test_a_rough_critical_value_is_within_the_doubt(allocation: str, n: int) -> None:
    inputs = {"sd": 1.0, "treated_arms": 3, "allocation": allocation}
    known = (SHARED, inputs, n, 1.0, 0.8, 0.4, 9.0)
    near = assurance.about(*known)
    assert near == pytest.approx(assurance.assurance(*known), abs=assurance.DOUBT / 3)
    assert near != assurance.assurance(*known)
