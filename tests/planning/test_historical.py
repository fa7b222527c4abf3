"""Historical controls: published priors, other integrals, exact conjugate answers, the t-test."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from metabone.errors import DataError, UsageError
from metabone.extraction.reading import read_table
from metabone.planning.historical import ControlGroup, control_groups, map_prior
from metabone.planning.historical_simulation import operating_characteristics
from metabone.planning.mixtures import NormalMixture
from metabone.planning.predictive import power

# Crohn's disease, RBesT's vignette "RBesT for a Normal Endpoint" (version 1.9-0): change of CDAI in
# six placebo groups, SD 88.
CROHN = [
    ControlGroup(study, n, mean, 88.0)
    for study, n, mean in (
        ("Gastr06", 74, -51), ("AIMed07", 166, -49), ("NEJM07", 328, -36),
        ("Gastr01a", 20, -47), ("APhTh04", 25, -90), ("Gastr01b", 58, -54),
    )
]  # fmt: skip
# The mixture that the vignette fits to its sample of the prior, as printed.
FITTED = NormalMixture.of(
    [0.50104846, 0.41871594, 0.08023561],
    [-51.42408665, -47.25917128, -55.07086416],
    [19.04525409, 7.85193726, 44.57325],
)


@pytest.fixture(scope="module")
def crohn():  # type: ignore[no-untyped-def]
    return map_prior(CROHN, sd=88, tau_scale=44, mean_prior=(0, 88))


def test_the_prior_of_the_crohn_example(crohn) -> None:  # type: ignore[no-untyped-def]
    # Printed from a Monte Carlo sample: known to half a unit, in the tails to two or three.
    assert crohn.tau_mean == pytest.approx(14.30, abs=0.4)
    assert crohn.tau_sd == pytest.approx(9.99, abs=0.4)
    assert crohn.mixture.mean == pytest.approx(-50.0, abs=0.5)
    assert crohn.mixture.sd == pytest.approx(19.3, abs=0.5)
    assert crohn.mixture.quantile(0.5) == pytest.approx(-48.6, abs=0.5)
    assert crohn.interval(0.95) == pytest.approx((-93.1, -13.8), abs=3)
    assert crohn.effective_animals("moment") == pytest.approx(21, abs=1)
    assert crohn.effective_animals("elir") == pytest.approx(39, abs=4)


def test_the_prior_by_another_integral(crohn) -> None:  # type: ignore[no-untyped-def]
    y = np.array([group.mean for group in CROHN])
    v = np.array([88**2 / group.n for group in CROHN])

    # Both parameters on one grid of points, summed.
    mu, tau = np.linspace(-180, 80, 1301), np.linspace(0, 260, 2601)[:, None]
    logs = -((mu / 88) ** 2) / 2 - (tau / 44) ** 2 / 2
    for mean_i, v_i in zip(y, v, strict=True):
        logs = logs - (mean_i - mu) ** 2 / (2 * (v_i + tau**2)) - np.log(v_i + tau**2) / 2
    p = np.exp(logs - logs.max())
    p[0] /= 2  # the edge of the trapezoidal rule
    p /= p.sum()
    mean = (p * mu).sum()
    square = (p * ((mu - mean) ** 2 + tau**2)).sum()
    assert crohn.mixture.mean == pytest.approx(mean, abs=1e-3)
    assert crohn.mixture.sd == pytest.approx(np.sqrt(square), abs=1e-3)
    assert crohn.tau_mean == pytest.approx((p * tau).sum(), abs=1e-3)


def test_effective_sizes_and_the_posterior_of_the_vignette() -> None:
    assert round(FITTED.ess(88, "elir")) == 39
    assert round(FITTED.ess(88, "moment")) == 21
    robust = FITTED.robust(0.2, -50, 88)
    assert robust.weights == pytest.approx([0.40083877, 0.33497275, 0.06418848, 0.2])
    assert round(robust.ess(88)) == 28
    # postmix and pmixdiff: P(active - placebo <= 0) and P(… <= -50).
    w, m, s = robust.posterior(-63.1, 13.9)
    _, active, spread = NormalMixture.of([1], [-50], [88]).posterior(-29.2, 14.0)
    for bound, expected in ((0.0, 0.06270104), (-50.0, 3.827361e-06)):
        chance = (w * stats.norm.cdf(bound, active - m, np.hypot(spread, s))).sum()
        assert chance == pytest.approx(expected, rel=1e-6)


def test_elir_by_another_integral() -> None:
    def part(theta: float) -> float:
        p = FITTED.weights * stats.norm.pdf(theta, FITTED.means, FITTED.sds)
        slope = (p * (FITTED.means - theta) / FITTED.sds**2).sum()
        return float(slope**2 / p.sum()) if p.sum() > 0 else 0.0

    information = integrate.quad(part, -400, 300, points=[-60, -50, -40], limit=400)[0]
    assert FITTED.ess(88) == pytest.approx(88**2 * information, rel=1e-4)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0.05, 1), st.floats(-5, 5), st.floats(0.2, 4)), min_size=1,
             max_size=4),
    st.floats(0.01, 0.99),
)  # fmt: skip
def test_quantiles_and_moments(parts: list[tuple[float, float, float]], p: float) -> None:
    mixture = NormalMixture.of(*zip(*parts, strict=True))
    assert float(mixture.cdf(mixture.quantile(p))) == pytest.approx(p, abs=1e-9)
    # The information of any distribution is at least that of a normal of its variance.
    assert mixture.ess(1.0, "elir") >= mixture.ess(1.0, "moment") * (1 - 1e-3)


def test_a_known_tau_leaves_the_classical_prediction() -> None:
    # A scale near 0 is τ = 0: the fixed-effect mean and its variance.
    prior = map_prior(CROHN, sd=88, tau_scale=1e-6)
    v = np.array([88**2 / group.n for group in CROHN])
    y = np.array([group.mean for group in CROHN])
    assert prior.mixture.mean == pytest.approx((y / v).sum() / (1 / v).sum())
    assert prior.mixture.sd == pytest.approx((1 / v).sum() ** -0.5)
    assert prior.effective_animals() == pytest.approx(671, rel=1e-4)  # every patient counts


def test_a_prior_is_invariant_to_the_unit() -> None:
    grams = [ControlGroup(g.study, g.n, g.mean * 1000 + 7, g.sd * 1000) for g in CROHN]
    one, other = map_prior(CROHN), map_prior(grams)
    assert other.mixture.mean == pytest.approx(one.mixture.mean * 1000 + 7)
    assert other.effective_animals() == pytest.approx(one.effective_animals())


def test_labs_that_differ_leave_little_to_borrow() -> None:
    groups, unit = control_groups(
        read_table("unloading"), "BV/TV", where="species == 'mouse' and assay == 'microCT'"
    )
    assert unit == "%"
    assert len(groups) == len({group.study for group in groups}) >= 5
    prior = map_prior(groups)
    assert prior.animals > 100
    assert prior.effective_animals() < 1


def test_the_vague_part_is_never_narrower_than_the_prior() -> None:
    apart = map_prior([ControlGroup(str(i), 10, 20.0 * i, 1.0) for i in range(4)])
    assert apart.robust(0.3).mixture.sds[-1] == pytest.approx(apart.mixture.sd)
    assert map_prior(CROHN).robust(0.3).mixture.sds[-1] == pytest.approx(88)


def test_the_groups_of_a_table(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "t.csv"
    path.write_text(
        "study,outcome,unit,control_id,n_treated,mean_treated,dispersion_treated,n_control,"
        "mean_control,dispersion_control,dispersion_type\n"
        "A,BV/TV,%,c,8,20,2,8,10,2,SEM\n"  # SD 2√8
        "A,BV/TV,%,c,8,22,2,8,10,2,SEM\n"  # the same control
        "A,BV/TV,%,d,8,22,2,4,16,4,SEM\n"  # another one
        "B,BV/TV,fraction,e,6,.2,.02,6,.15,.03,SD\n"
        "C,BV/TV,%,f,6,20,2,,15,3,SD\n",
        encoding="utf-8",
    )
    groups, unit = control_groups(read_table(path), "BV/TV")
    a, b = groups
    assert (a.study, a.n, a.mean) == ("A", 12, pytest.approx((8 * 10 + 4 * 16) / 12))
    assert a.sd == pytest.approx(np.sqrt((7 * 32 + 3 * 64) / 10))
    assert (b.n, b.mean, b.sd, unit) == (6, pytest.approx(15), pytest.approx(3), "%")


# --- operating characteristics -------------------------------------------------------------------


def test_without_information_it_is_the_t_test() -> None:
    vague = NormalMixture.of([1], [10], [1e7])
    point = operating_characteristics(vague, 6, 8, 3.0, sd=2.0, replicates=100_000, seed=4)[0]
    assert point.type1 == pytest.approx(0.05, abs=4 * point.type1_error)
    assert point.type1_benefit == pytest.approx(0.025, abs=0.002)
    assert point.power == pytest.approx(power(1.5, 6, 8), abs=4 * point.power_error)
    assert point.power_alone == pytest.approx(power(1.5, 6, 8))


def test_a_single_normal_prior_with_many_animals_is_exact() -> None:
    # With n large the SD is known: a z-test with a shrunken control mean, in closed form.
    n, sd, prior_sd, drift, effect = 400, 1.0, 0.05, 0.04, 0.15
    prior = NormalMixture.of([1], [0], [prior_sd])
    point = operating_characteristics(
        prior, n, n, effect, sd=sd, drift=[drift], replicates=200_000, seed=2
    )[0]
    v, p = sd**2 / n, prior_sd**2
    shrink = p / (p + v)
    post = np.sqrt(v + p * v / (p + v))
    noise = np.sqrt(v + shrink**2 * v)

    def beyond(shift: float) -> float:
        return float(stats.norm.sf((1.959964 * post - shift) / noise))

    bias = drift * (1 - shrink)
    assert point.power == pytest.approx(beyond(effect + bias), abs=0.004)
    assert point.type1 == pytest.approx(beyond(bias) + beyond(-bias), abs=0.003)


def test_conflict_costs_type_one_error_and_a_vague_part_limits_it(crohn) -> None:  # type: ignore[no-untyped-def]
    drift = [0.0, -100.0]
    plain = operating_characteristics(crohn, 40, 20, -60, drift=drift, replicates=20_000)
    robust = operating_characteristics(
        crohn.robust(0.5), 40, 20, -60, drift=drift, replicates=20_000
    )
    assert plain[0].power > plain[0].power_alone
    assert plain[1].type1 > 0.1
    assert robust[1].type1 < plain[1].type1 - 0.05


def test_a_seed_is_a_result() -> None:
    prior = NormalMixture.of([1], [0], [1])
    runs = [
        operating_characteristics(prior, 5, 5, 1, sd=1, replicates=9_000, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: map_prior(CROHN[:1]), DataError, "at least 2 studies"),
        (lambda: map_prior([CROHN[0], CROHN[0]]), DataError, "one control group a study"),
        (lambda: map_prior(CROHN, sd=0.0), UsageError, "sd must be"),
        (lambda: map_prior(CROHN, tau_scale=-1.0), UsageError, "tau_scale"),
        (lambda: map_prior(CROHN, mean_prior=(0, 0)), UsageError, "mean_prior"),
        (lambda: ControlGroup("a", 1, 2.0, 1.0), UsageError, "n of 2"),
        (lambda: ControlGroup("a", 5, 2.0, 0.0), UsageError, "positive"),
        (lambda: FITTED.ess(88, "morita"), UsageError, "'elir', 'moment'"),
        (lambda: FITTED.ess(0.0), UsageError, "sd must be"),
        (lambda: FITTED.robust(1.5, 0, 1), UsageError, "[0, 1]"),
        (lambda: FITTED.quantile(1.0), UsageError, "between 0 and 1"),
        (lambda: NormalMixture.of([1], [0], [0]), UsageError, "positive SDs"),
        (lambda: map_prior(CROHN).robust().robust(), UsageError, "already"),
        (lambda: operating_characteristics(FITTED, 5, 5, 1.0), UsageError, "sd must be"),
        (lambda: operating_characteristics(FITTED, 5, 5, 0.0, sd=1), UsageError, "effect"),
        (lambda: operating_characteristics(FITTED, 5, 1, 1.0, sd=1), UsageError, "n2"),
        (lambda: operating_characteristics(FITTED, 5, 5, 1.0, sd=1, replicates=9), UsageError,
         "replicates"),
    ],
)  # fmt: skip
def test_refusals(call, error, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=re.escape(words)):
        call()


def test_units_that_do_not_meet(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "t.csv"
    path.write_text(
        "study,outcome,unit,n_control,mean_control,dispersion_control,dispersion_type\n"
        "A,BV/TV,%,8,10,2,SD\nB,BV/TV,furlong,8,10,2,SD\n",
        encoding="utf-8",
    )
    with pytest.raises(DataError, match="furlong"):
        control_groups(read_table(path), "BV/TV")
