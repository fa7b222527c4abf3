"""Effect sizes against published examples, R, simulation and what must hold whatever the numbers.

Every default formula is also held to metafor's numbers in tests/oracle.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.effects import formulas
from metabone.errors import UsageError
from metabone.options import VARIANCES, Measure, check_variance, choices

BORENSTEIN = (50, 103.0, 5.5, 50, 100.0, 4.5)
TWO_ARMS: dict[str, Callable[..., Any]] = {
    "MD": formulas.md, "SMD": formulas.smd, "SMDH": formulas.smdh, "SMD1": formulas.smd1,
    "ROM": formulas.rom, "VR": formulas.vr, "CVR": formulas.cvr,
}  # fmt: skip

# R 4.2.2, metafor 3.8-1: escalc(measure, n1i, m1i, sd1i, n2i, m2i, sd2i, vtype = …) of these rows
FOUR = tuple(
    np.array(column, dtype=float)
    for column in (
        [6, 8, 5, 12], [10, 12, 9, 11], [2, 3, 1.5, 2.5], [6, 7, 5, 10], [8, 8, 8.5, 7],
        [1.8, 2.2, 2, 2.1],
    )
)  # fmt: skip
METAFOR_VI = {
    ("SMD", "LS"): [0.372534965800242, 0.334557557477715, 0.403259493234522, 0.245392773727264],
    ("SMD", "LS2"): [0.323021451527329, 0.303873987144168, 0.329208816686724, 0.231704609492777],
    ("SMD", "UB"): [0.390194611986661, 0.356657499770692, 0.405189864690440, 0.258102159578126],
    ("SMD", "AV"): [0.394980912600523, 0.317175206270895, 0.473977095120628, 0.216959285660891],
    ("ROM", "AV"): [0.0197304360980946, 0.0160625048689275, 0.0236765233177135, 0.0110455839913801],
}


@pytest.mark.parametrize(("measure", "variance"), list(METAFOR_VI))
def test_variances_agree_with_metafor_3(measure: str, variance: str) -> None:
    yi, vi = TWO_ARMS[measure](*FOUR, variance=variance)
    np.testing.assert_allclose(vi, METAFOR_VI[measure, variance], rtol=1e-12)
    if measure == "SMD":
        r = [0.969968648568506, 1.414571468189980, 0.255323059456917, 1.652457375345262]
        np.testing.assert_allclose(yi, r, rtol=1e-12)


def test_borenstein_2009_chapter_4() -> None:
    # Introduction to Meta-Analysis, pp. 22-28: D = 3.00, V = 1.01; g = 0.5924, V = 0.0411
    yi, vi = formulas.md(*BORENSTEIN, variance="HO")
    assert (round(float(yi), 4), round(float(vi), 4)) == (3.0, 1.01)
    yi, vi = formulas.smd(*BORENSTEIN, variance="LS2")
    assert (round(float(yi), 4), round(float(vi), 4)) == (0.5924, 0.0411)


def test_borenstein_2009_response_ratio() -> None:
    # p. 31: means 61.515 and 51.015, pooled SD 19.475, 10 a group: ln R = 0.1871, V = 0.0246
    yi, vi = formulas.rom(10, 61.515, 19.475, 10, 51.015, 19.475)
    assert round(float(vi), 4) == 0.0246
    correction = (19.475**2 / 10) * (61.515**-2 - 51.015**-2) / 2
    assert float(yi) - correction == pytest.approx(0.1871, abs=1e-4)


@pytest.mark.parametrize(
    ("df", "j"),
    # Hedges (1981), table 1: c(m)
    [(2, 0.5642), (3, 0.7236), (4, 0.7979), (5, 0.8408), (10, 0.9228), (20, 0.9619), (50, 0.9849)],
)
def test_hedges_1981_table_1(df: int, j: float) -> None:
    assert float(formulas.hedges_j(df)) == pytest.approx(j, abs=1e-4)


def test_j_keeps_its_digits_for_large_df() -> None:
    # 1 - 3/(4m) - 7/(32 m²) - 9/(128 m³) + …, from Stirling's series of the two gammas
    df = np.array([1e3, 1e5, 1e7, 1e9])
    series = 1 - 3 / (4 * df) - 7 / (32 * df**2) - 9 / (128 * df**3)
    np.testing.assert_allclose(formulas.hedges_j(df), series, rtol=2e-12)


@pytest.mark.parametrize("df", [1, 0, -3, np.nan, 1.9])
def test_j_does_not_exist_below_two(df: float) -> None:
    assert np.isnan(formulas.hedges_j(df))


def test_revman_variance_by_hand() -> None:
    # Deeks and Higgins (2010), Statistical algorithms in Review Manager 5:
    # SE² = N/(n1 n2) + g²/(2 (N - 3.94)); 20/100 + 0.25/(2 × 16.06)
    assert float(formulas.smd_variance(0.5, 10, 10, "REVMAN")) == pytest.approx(
        0.20778331, abs=1e-8
    )
    assert formulas.smd(*BORENSTEIN, variance="REVMAN")[0] == formulas.smd(*BORENSTEIN)[0]


def test_nmd_by_hand() -> None:
    # Healthy 40, diseased 20, treated 30: half of the loss is made good.
    arms = (10, 30.0, 4.0, 8, 20.0, 3.0, 6, 40.0, 5.0)
    yi, vi = formulas.nmd(*arms)
    # 25 × (16/10 + 0.25 × 9/8 + 0.25 × 25/6)
    assert float(yi) == 50.0
    assert float(vi) == pytest.approx(25 * (1.6 + 0.28125 + 1.0416666666666667), rel=1e-12)
    _, vi = formulas.nmd(*arms, variance="FIXED_SHAM")
    assert float(vi) == pytest.approx(25 * (1.6 + 1.125), rel=1e-12)
    assert np.isfinite(formulas.nmd(*arms[:6], np.nan, 40.0, np.nan, variance="FIXED_SHAM")[1])
    assert np.isnan(formulas.nmd(*arms[:6], np.nan, 40.0, np.nan)[1])


def test_nmd_variance_by_simulation() -> None:
    rng = np.random.default_rng(20140110)
    n1, m1, sd1, n2, m2, sd2, n3, m3, sd3 = (12, 33.0, 3.0, 10, 20.0, 2.0, 8, 40.0, 4.0)
    means = [
        rng.normal(m, sd / np.sqrt(n), 400_000)
        for n, m, sd in ((n1, m1, sd1), (n2, m2, sd2), (n3, m3, sd3))
    ]
    simulated = np.var(100 * (means[0] - means[1]) / (means[2] - means[1]))
    _, vi = formulas.nmd(n1, m1, sd1, n2, m2, sd2, n3, m3, sd3)
    assert float(vi) == pytest.approx(simulated, rel=0.03)  # the delta method is first-order
    known = np.var(100 * (means[0] - means[1]) / (m3 - m2))
    _, vi = formulas.nmd(n1, m1, sd1, n2, m2, sd2, n3, m3, sd3, variance="FIXED_SHAM")
    assert float(vi) == pytest.approx(known, rel=0.01)


def test_g_is_unbiased_and_its_variance_right_by_simulation() -> None:
    rng = np.random.default_rng(1981)
    n1, n2, delta, draws = 5, 6, 0.8, 200_000
    treated = rng.normal(delta, 1, (draws, n1))
    control = rng.normal(0, 1, (draws, n2))
    yi, vi = formulas.smd(
        n1, treated.mean(1), treated.std(1, ddof=1), n2, control.mean(1), control.std(1, ddof=1),
        variance="UB",
    )  # fmt: skip
    error = float(np.std(yi)) / np.sqrt(draws)
    assert float(np.mean(yi)) == pytest.approx(delta, abs=4 * error)
    assert float(np.mean(vi)) == pytest.approx(float(np.var(yi)), rel=0.02)  # UB: unbiased


@pytest.mark.parametrize("formula", [formulas.vr, formulas.cvr, formulas.rom])
def test_log_ratios_are_nearly_unbiased_by_simulation(formula: Callable[..., Any]) -> None:
    rng = np.random.default_rng(2015)
    n1, n2, draws = 9, 6, 200_000
    treated = rng.normal(10.0, 2.0, (draws, n1))
    control = rng.normal(8.0, 1.0, (draws, n2))
    yi, _ = formula(
        n1, treated.mean(1), treated.std(1, ddof=1), n2, control.mean(1), control.std(1, ddof=1)
    )
    # What the first-order corrections leave; without them: 0.037, 0.0009 and 0.037.
    truth = {
        "vr": (np.log(2.0), 0.006),
        "rom": (np.log(10 / 8), 0.0005),
        "cvr": (np.log((2 / 10) / (1 / 8)), 0.006),
    }
    value, left = truth[formula.__name__]
    assert float(np.mean(yi)) == pytest.approx(value, abs=left)


@pytest.mark.parametrize("measure", list(TWO_ARMS))
@pytest.mark.parametrize(
    "change",
    [
        {"n1": 1}, {"n2": 0}, {"n1": np.nan}, {"sd1": 0.0}, {"sd2": -1.0}, {"sd2": np.nan},
        {"sd1": np.inf}, {"n2": -4},
    ],
)  # fmt: skip
def test_degenerate_arms_have_no_effect(measure: str, change: dict[str, float]) -> None:
    arms = dict(zip(("n1", "m1", "sd1", "n2", "m2", "sd2"), BORENSTEIN, strict=True)) | change
    yi, vi = TWO_ARMS[measure](**arms)
    assert np.isnan(yi)
    assert np.isnan(vi)


@pytest.mark.parametrize("formula", [formulas.rom, formulas.cvr])
@pytest.mark.parametrize(("m1", "m2"), [(0.0, 5.0), (5.0, -1.0), (-5.0, -4.0)])
def test_logs_need_positive_means(formula: Callable[..., Any], m1: float, m2: float) -> None:
    yi, vi = formula(10, m1, 1.0, 10, m2, 1.0)
    assert np.isnan(yi)
    assert np.isnan(vi)


def test_glass_needs_three_controls_and_nmd_a_scale() -> None:
    assert np.isnan(formulas.smd1(10, 3.0, 1.0, 2, 1.0, 1.0)[0])
    assert np.isnan(formulas.nmd(8, 3.0, 1.0, 8, 2.0, 1.0, 8, 2.0, 1.0)[0])


def test_one_bad_row_leaves_the_others_alone() -> None:
    bad = [np.append(column, np.nan) for column in FOUR]
    for variance in ("LS", "AV"):
        np.testing.assert_allclose(
            formulas.smd(*bad, variance=variance)[1][:4], METAFOR_VI["SMD", variance], rtol=1e-12
        )


def test_leading_axes_broadcast() -> None:
    sd = np.array([[[1.0], [2.0]]])
    yi, vi = formulas.smd(np.full((3, 1, 4), 8), np.arange(4.0), sd, 9, 0.0, 1.5, variance="AV")
    assert yi.shape == vi.shape == (3, 2, 4)
    # AV averages over the last axis only: the rows of one data set share ḡ, others do not.
    g = np.mean(yi[0, 1])
    assert float(vi[0, 1, 0]) == pytest.approx(1 / 8 + 1 / 9 + g**2 / (2 * 17))


def test_every_measure_has_its_variances() -> None:
    assert tuple(VARIANCES) == choices(Measure)
    assert check_variance("NMD", "LS") == "DELTA"
    for measure, formula in TWO_ARMS.items():
        for variance in VARIANCES[measure]:
            assert np.isfinite(formula(*BORENSTEIN, variance=variance)[1])


@pytest.mark.parametrize(
    ("measure", "variance", "said"),
    [
        ("MD", "UB", "variance of MD must be one of 'LS', 'HO'; got 'UB'"),
        ("NMD", "AV", "variance of NMD must be one of 'DELTA', 'FIXED_SHAM'; got 'AV'"),
        ("VR", "HO", "variance of VR must be one of 'LS'; got 'HO'"),
        ("SMD", "LS3", "variance must be one of"),
        ("SMX", "LS", "measure must be one of"),
    ],
)
def test_a_variance_that_a_measure_does_not_have(measure: str, variance: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_variance(measure, variance)
    assert said in str(caught.value)
    if measure in TWO_ARMS:
        with pytest.raises(UsageError):
            TWO_ARMS[measure](*BORENSTEIN, variance=variance)


sizes = st.integers(3, 60)
means = st.floats(0.5, 100)
spreads = st.floats(0.1, 50)
arms = st.tuples(sizes, means, spreads, sizes, means, spreads)


@given(arms, st.floats(0.01, 100))
def test_scale(arms: tuple[float, ...], a: float) -> None:
    """A change of unit leaves ratios and standardised differences alone, and scales MD."""
    n1, m1, sd1, n2, m2, sd2 = arms
    scaled = (n1, a * m1, a * sd1, n2, a * m2, a * sd2)
    for measure, formula in TWO_ARMS.items():
        yi, vi = formula(*arms)
        factor = a if measure == "MD" else 1.0
        got = formula(*scaled)
        np.testing.assert_allclose(got[0], yi * factor, rtol=1e-7, atol=1e-9 * factor)
        np.testing.assert_allclose(got[1], vi * factor**2, rtol=1e-7)


@given(arms)
def test_swapping_the_arms_changes_the_sign_and_nothing_else(arms: tuple[float, ...]) -> None:
    for measure in ("MD", "SMD", "SMDH", "ROM", "VR", "CVR"):
        yi, vi = TWO_ARMS[measure](*arms)
        other = TWO_ARMS[measure](*arms[3:], *arms[:3])
        np.testing.assert_allclose(other[0], -yi, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(other[1], vi, rtol=1e-9)


@given(arms, st.tuples(sizes, st.floats(150, 300), spreads), st.floats(-50, 50))
def test_nmd_knows_neither_zero_nor_unit_nor_which_way_is_up(
    arms: tuple[float, ...], sham: tuple[float, ...], shift: float
) -> None:
    yi, vi = formulas.nmd(*arms, *sham)
    moved = [(n, shift - 3 * m, 3 * sd) for n, m, sd in (arms[:3], arms[3:], sham)]
    got = formulas.nmd(*moved[0], *moved[1], *moved[2])
    np.testing.assert_allclose(got[0], yi, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(got[1], vi, rtol=1e-7)


@given(st.lists(arms, min_size=2, max_size=8), st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[tuple[float, ...]], random: Any) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    columns = [np.array(column, dtype=float) for column in zip(*rows, strict=True)]
    for measure, variance in (("SMD", "AV"), ("ROM", "AV"), ("MD", "LS")):
        yi, vi = TWO_ARMS[measure](*columns, variance=variance)
        got = TWO_ARMS[measure](*(column[order] for column in columns), variance=variance)
        np.testing.assert_allclose(got[0], yi[order], rtol=1e-12)
        np.testing.assert_allclose(got[1], vi[order], rtol=1e-9)
