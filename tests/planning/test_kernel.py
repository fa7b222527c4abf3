"""The kernel's numbers against mpmath's, published tables, scipy, and MicroPython's own."""

from __future__ import annotations

import ast
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from metabone.planning import kernel
from metabone.planning.kernel import (
    chi2_cdf,
    chi2_isf,
    chi2_pdf,
    chi2_ppf,
    chi2_sf,
    chi_nodes,
    dunnett_critical,
    dunnett_power,
    dunnett_quantile,
    f_cdf,
    f_isf,
    f_pdf,
    f_ppf,
    f_sf,
    gauss_legendre,
    ncf_cdf,
    ncf_sf,
    nct_cdf,
    nct_sf,
    ncx2_cdf,
    ncx2_sf,
    norm_cdf,
    norm_isf,
    norm_pdf,
    norm_ppf,
    norm_sf,
    normal_nodes,
    smallest_n,
    solve,
    t_cdf,
    t_isf,
    t_pdf,
    t_ppf,
    t_sf,
)

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FOLDER = ROOT / "metabone" / "planning" / "kernel"
REFERENCE: dict[str, list[list[float]]] = json.loads(
    (HERE / "data" / "kernel_reference.json").read_text(encoding="utf-8")
)
INF, NAN = math.inf, math.nan
TAILS: dict[str, tuple[Callable[..., float], Callable[..., float]]] = {
    "norm": (norm_cdf, norm_sf),
    "t": (t_cdf, t_sf),
    "chi2": (chi2_cdf, chi2_sf),
    "f": (f_cdf, f_sf),
    "nct": (nct_cdf, nct_sf),
    "ncx2": (ncx2_cdf, ncx2_sf),
    "ncf": (ncf_cdf, ncf_sf),
}
degrees = st.floats(1, 500)
shares = st.floats(1e-8, 1 - 1e-8)


def power(d: float, n1: float, n2: float, alpha: float = 0.05) -> float:
    """Two-sided t test of two groups."""
    df, nc = n1 + n2 - 2, d / math.sqrt(1 / n1 + 1 / n2)
    critical = t_isf(alpha / 2, df)
    return nct_sf(critical, df, nc) + nct_cdf(-critical, df, nc)


# --- against mpmath


@pytest.mark.parametrize("name", TAILS)
def test_both_tails_against_mpmath(name: str) -> None:
    """Within 1e-12, and to eleven digits of the smaller tail, down to 1e-290."""
    for *arguments, low, high in REFERENCE[name]:
        for function, expected in zip(TAILS[name], (low, high), strict=True):
            value = function(*arguments)
            assert value == pytest.approx(expected, abs=1e-290, rel=2e-11), (name, arguments)
            assert abs(value - expected) < 1e-12, (name, arguments)


def test_the_reference_covers_what_planning_needs() -> None:
    rows = REFERENCE["nct"]
    assert {row[1] for row in rows} >= {1, 1.5, 500}
    assert {row[2] for row in rows} >= {-60, 60}
    assert {row[3] for row in REFERENCE["ncf"]} >= {3600}
    assert sum(map(len, REFERENCE.values())) > 1700


@pytest.mark.parametrize(("name", "function"), [("t_isf", t_isf), ("chi2_isf", chi2_isf)])
def test_quantiles_against_mpmath(name: str, function: Callable[..., float]) -> None:
    for q, df, expected in REFERENCE[name]:
        assert function(q, df) == pytest.approx(expected, rel=1e-12)


def test_f_quantiles_against_mpmath() -> None:
    for q, d1, d2, expected in REFERENCE["f_isf"]:
        assert f_isf(q, d1, d2) == pytest.approx(expected, rel=1e-12)


def test_dunnett_against_nested_quadrature() -> None:
    for c, k, df, ratio, sides, expected in REFERENCE["dunnett"]:
        arms = [1.0] * int(k)
        found = dunnett_power([0.0] * int(k), arms, ratio, df, c, int(sides))
        assert found["any"] == pytest.approx(expected, abs=1e-10)
        assert dunnett_quantile(expected, int(k), df, ratio, int(sides)) == pytest.approx(
            c, rel=1e-9
        )


# --- against published tables


@pytest.mark.parametrize(
    ("df", "nc", "x", "expected"),
    [
        (1, 3, 12, 0.958368), (2, 2, 6, 0.775015), (4, 4, 14, 0.883645), (4, 16, 16, 0.352378),
        (10, 16, 12, 0.039595), (3.001, 0.8, 0.67, 0.084415),
    ],
)  # fmt: skip
def test_noncentral_chi2_of_penev_and_raykov(
    df: float, nc: float, x: float, expected: float
) -> None:
    """Penev & Raykov 2000, Computational Statistics 15:219 (the fifth as corrected by ELV)."""
    assert ncx2_cdf(x, df, nc) == pytest.approx(expected, abs=6e-7)


@pytest.mark.parametrize(
    ("df", "nc", "x", "expected"),
    [
        (1, 0.5, 3, 0.8231218864), (2, 0.5, 3, 0.9049021510), (3, 1, 3, 0.8774010255),
        (1, 2, 3, 0.5248571617), (2, 4, 3, 0.2112148916), (3, 4, 3, 0.2074730718),
        (15, 7, 15, 0.9981130072), (25, 7, 15, 0.9998391562), (1, 1, 0.05, 0.168610566972),
        (10, 2, 4, 0.9247683363), (10, 4, 4, 0.4659802096), (10, 4, 6, 0.8688007350),
    ],
)  # fmt: skip
def test_noncentral_t_of_mathematica(df: float, nc: float, x: float, expected: float) -> None:
    """Mathematica's values in Burkardt's TEST_VALUES."""
    assert nct_cdf(x, df, nc) == pytest.approx(expected, abs=2e-10)


@pytest.mark.parametrize(
    ("df", "row"),
    [
        (5, "2.44 2.68 2.85 2.98 3.08 3.16 3.24 3.30 3.36 3.41 3.45"),
        (10, "2.15 2.34 2.47 2.56 2.64 2.70 2.76 2.81 2.85 2.89 2.92"),
        (20, "2.03 2.19 2.30 2.39 2.46 2.51 2.56 2.60 2.64 2.67 2.70"),
        (60, "1.95 2.10 2.21 2.28 2.35 2.39 2.44 2.48 2.51 2.54 2.56"),
        (INF, "1.92 2.06 2.16 2.23 2.29 2.34 2.38 2.42 2.45 2.48 2.50"),
    ],
)
def test_dunnett_1955_one_sided(df: float, row: str) -> None:
    """Dunnett 1955 (5 %); k = 2 to 12 arms, two decimals (2.35 for 2.3448 at df 60, k = 6)."""
    for k, printed in enumerate(row.split(), 2):
        assert dunnett_quantile(0.05, k, df, 1, 1) == pytest.approx(float(printed), abs=0.0055)


@pytest.mark.parametrize(
    ("alpha", "df", "row"),
    [
        (0.05, 5, "2.57 3.03 3.29 3.48 3.62 3.73 3.82 3.90 3.97"),
        (0.05, 20, "2.09 2.38 2.54 2.65 2.73 2.80 2.86 2.90 2.95"),
        (0.05, INF, "1.96 2.21 2.35 2.44 2.51 2.57 2.61 2.65 2.69"),
        (0.01, 20, "2.85 3.13 3.29 3.40 3.48 3.55 3.60 3.65 3.69"),
    ],
)
def test_dunnett_1964_two_sided(alpha: float, df: float, row: str) -> None:
    """Dunnett 1964, Tables II; k = 1 to 9 arms, printed to two decimals."""
    for k, printed in enumerate(row.split(), 1):
        assert dunnett_quantile(alpha, k, df) == pytest.approx(float(printed), abs=0.0051)


def test_power_printed_by_gpower() -> None:
    """G*Power 3.1 manual, sections 19 and 20."""
    assert nct_sf(1.699127, 29, 3.423266) == pytest.approx(0.955144, abs=1e-6)
    both = nct_sf(2.009575, 49, 2.981424) + nct_cdf(-2.009575, 49, 2.981424)
    assert both == pytest.approx(0.832114, abs=1e-6)
    assert power(0.5, 64, 64) == pytest.approx(0.801460, abs=1e-6)


def test_dunnett_power_of_unequal_effects() -> None:
    """Computed twice with R's mvtnorm (shared case `dunnett-power`)."""
    critical = dunnett_quantile(0.05, 4, 35)
    found = dunnett_power([0.5, 1, 1.5, 1.5], [8] * 4, 8, 35, critical)
    assert found["any"] == pytest.approx(0.8233637529, abs=1e-9)
    assert found["all"] == pytest.approx(0.0486381436, abs=1e-9)
    assert found["each"] == pytest.approx(
        [0.070665598, 0.3029798695, 0.6703103014, 0.6703103014], abs=1e-9
    )


# --- against scipy where it is right


@given(df=degrees, nc=st.floats(0.01, 30), z=st.floats(-2, 2))
def test_noncentral_t_against_scipy(df: float, nc: float, z: float) -> None:
    """scipy's upper tail, body of the distribution; its lower tail is what fails."""
    x = nc + z * math.sqrt(1 + nc * nc / (2 * df))
    assert nct_sf(x, df, nc) == pytest.approx(stats.nct.sf(x, df, nc), abs=1e-8)


@given(df=degrees, p=st.floats(0.001, 0.999))
def test_central_quantiles_against_scipy(df: float, p: float) -> None:
    assert norm_ppf(p) == pytest.approx(special.ndtri(p), rel=1e-11, abs=1e-12)
    assert t_ppf(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9, abs=1e-9)
    assert chi2_ppf(p, df) == pytest.approx(stats.chi2.ppf(p, df), rel=1e-10)
    assert f_ppf(p, 4, df) == pytest.approx(stats.f.ppf(p, 4, df), rel=1e-8)


@pytest.mark.parametrize("df", [1, 2.5, 10, 300])
def test_densities_against_scipy(df: float) -> None:
    for x in (0.0, 0.1, 1.0, 3.0, 40.0):
        assert norm_pdf(x) == pytest.approx(stats.norm.pdf(x), rel=1e-12, abs=1e-300)
        assert t_pdf(-x, df) == pytest.approx(stats.t.pdf(x, df), rel=1e-11)
        if x > 0:
            assert chi2_pdf(x, df) == pytest.approx(stats.chi2.pdf(x, df), rel=1e-11)
            assert f_pdf(x, 3, df) == pytest.approx(stats.f.pdf(x, 3, df), rel=1e-11)
    assert f_pdf(2, 3, INF) == pytest.approx(3 * stats.chi2.pdf(6, 3), rel=1e-12)
    assert (chi2_pdf(0, 1), chi2_pdf(0, 2), chi2_pdf(0, 3)) == (INF, 0.5, 0)


# --- identities that tie the distributions together


@given(df=degrees, nc=st.floats(0, 60), x=st.floats(0.01, 80))
def test_t_squared_is_f(df: float, nc: float, x: float) -> None:
    both = nct_sf(x, df, nc) + nct_cdf(-x, df, nc)
    assert ncf_sf(x * x, 1, df, nc * nc) == pytest.approx(both, rel=1e-9, abs=1e-13)
    assert chi2_sf(x * x, 1) == pytest.approx(2 * norm_sf(x), rel=1e-12)


@given(df=degrees, nc=st.floats(-60, 60), x=st.floats(-100, 100))
def test_noncentral_t_reflects_and_adds_up(df: float, nc: float, x: float) -> None:
    low, high = nct_cdf(x, df, nc), nct_sf(x, df, nc)
    assert 0 <= low <= 1
    assert low + high == pytest.approx(1, abs=1e-12)
    assert nct_sf(-x, df, -nc) == pytest.approx(low, rel=1e-10, abs=1e-300)


@given(q=shares, df=degrees, d2=degrees)
def test_quantiles_invert_their_tails(q: float, df: float, d2: float) -> None:
    assert norm_sf(norm_isf(q)) == pytest.approx(q, rel=1e-11)
    assert t_sf(t_isf(q, df), df) == pytest.approx(q, rel=1e-11)
    assert chi2_sf(chi2_isf(q, df), df) == pytest.approx(q, rel=1e-11)
    assert f_sf(f_isf(q, df, d2), df, d2) == pytest.approx(q, rel=1e-10)
    assert f_cdf(f_ppf(q, df, d2), df, d2) == pytest.approx(q, rel=1e-10)


def test_limits_are_reached_smoothly() -> None:
    assert t_sf(2, INF) == norm_sf(2)
    assert t_sf(2, 1e9) == pytest.approx(norm_sf(2), abs=1e-9)
    assert nct_sf(2, INF, 1) == pytest.approx(norm_sf(1), rel=1e-15)
    assert nct_sf(2, 1e9, 1) == pytest.approx(norm_sf(1), abs=1e-9)
    assert ncf_sf(2, 3, INF, 4) == ncx2_sf(6, 3, 4)
    assert ncf_sf(2, 3, 1e9, 4) == pytest.approx(ncx2_sf(6, 3, 4), abs=1e-8)
    assert nct_sf(1.5, 7, 1e-9) == pytest.approx(t_sf(1.5, 7), abs=1e-9)
    assert ncx2_sf(3, 4, 1e-12) == pytest.approx(chi2_sf(3, 4), abs=1e-12)
    assert dunnett_quantile(0.05, 1, 12) == t_isf(0.025, 12)
    assert t_isf(0.025, 1e13) == norm_isf(0.025)


# --- nothing that is not a number


def test_ends_of_the_line() -> None:
    for low, high in ((t_cdf, t_sf), (nct_cdf, nct_sf)):
        shape = (5, 2) if low is nct_cdf else (5,)
        assert (low(-INF, *shape), low(INF, *shape)) == (0, 1)
        assert (high(-INF, *shape), high(INF, *shape)) == (1, 0)
    for low, high, shape in (
        (chi2_cdf, chi2_sf, (5,)), (f_cdf, f_sf, (5, 3)),
        (ncx2_cdf, ncx2_sf, (5, 2)), (ncf_cdf, ncf_sf, (5, 3, 2)),
    ):  # fmt: skip
        for x in (-INF, -1.0, 0.0):
            assert (low(x, *shape), high(x, *shape)) == (0, 1)
        assert (low(INF, *shape), high(INF, *shape)) == (1, 0)
    assert (norm_isf(0), norm_isf(1), t_ppf(1, 3), chi2_isf(1, 3), f_ppf(1, 2, 3)) == (
        INF, -INF, INF, 0, INF,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (norm_cdf, (NAN,), "x is not a number"),
        (t_sf, (NAN, 5), "x is not a number"),
        (t_sf, (1, NAN), "df must lie between"),
        (t_sf, (1, 0), "df must lie between"),
        (t_isf, (1.2, 5), "q must be a probability"),
        (chi2_sf, (1, INF), "df must lie between"),
        (f_sf, (1, INF, 3), "d1 must lie between"),
        (f_sf, (1, 3, -1), "d2 must lie between"),
        (nct_sf, (1, 5, INF), "nc must lie between"),
        (nct_sf, (1, 5, NAN), "nc must lie between"),
        (ncx2_sf, (1, 5, -1), "nc must lie between"),
        (ncf_sf, (1, 5, 5, NAN), "nc must lie between"),
        (ncf_sf, (1, 5, 0, 1), "d2 must lie between"),
        (dunnett_quantile, (0.05, 0, 5), "1 arm or more"),
        (dunnett_quantile, (0, 3, 5), "alpha must lie between"),
        (dunnett_quantile, (0.05, 3, 5, 0), "ratio must be above 0"),
        (dunnett_quantile, (0.05, 3, 5, 1, 3), "sides must be 1 or 2"),
        (dunnett_critical, (0.05, [], 5, 5), "1 arm or more"),
        (dunnett_critical, (0.05, [4, -1], 5, 5), "animals in an arm must be above 0"),
        (dunnett_power, ([1], [4, 4], 4, 9, 2), "1 effects for 2 arms"),
        (dunnett_power, ([1, NAN], [4, 4], 4, 9, 2), "effect must be a finite number"),
        (gauss_legendre, (0,), "count of nodes"),
    ],
)
def test_refusals(function: Callable[..., Any], arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        function(*arguments)


wild = st.floats(allow_nan=False)
wild_df = st.floats(0.5, 1e9)


@given(x=wild, d1=wild_df, d2=wild_df, nc=st.floats(-1e4, 1e4))
def test_never_nan(x: float, d1: float, d2: float, nc: float) -> None:
    values = [
        norm_cdf(x), t_cdf(x, d1), t_sf(x, d1), chi2_cdf(x, d1), f_cdf(x, d1, d2), f_sf(x, d1, d2),
        nct_cdf(x, d1, nc), nct_sf(x, d1, nc), ncx2_cdf(x, d1, abs(nc)), ncx2_sf(x, d1, abs(nc)),
        ncf_cdf(x, d1, d2, abs(nc)), ncf_sf(x, d1, d2, abs(nc)),
    ]  # fmt: skip
    assert all(0 <= value <= 1 for value in values)


def test_where_scipy_has_no_number() -> None:
    """scipy 1.17's nct gives NaN in the lower tail, and statsmodels' power with it."""
    assert power(4.05, 10, 10) == pytest.approx(1 - 2.8e-11, abs=1e-12)
    assert 0 < nct_cdf(-2.1, 18, 9) < 1e-20


# --- nodes


def test_nodes_integrate_polynomials_and_moments() -> None:
    for count in (1, 5, 24, 64):
        rule = gauss_legendre(count)
        assert sum(w for _, w in rule) == pytest.approx(2, abs=1e-14)
        even = 2 * (count - 1)
        assert sum(w * x**even for x, w in rule) == pytest.approx(2 / (even + 1), rel=1e-12)
    normal = normal_nodes()
    for moment, expected in ((0, 1), (1, 0), (2, 1), (4, 3)):
        assert sum(w * z**moment for z, w in normal) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("df", [1, 1.5, 3, 7.9, 8, 40, 500, 1e6])
def test_chi_nodes_have_the_moments_of_s(df: float) -> None:
    """E S² = 1; E S by gamma functions; P(S ≤ h) by χ²."""
    for steep in (0.0, 30.0):
        nodes = chi_nodes(df, steep=steep)
        assert sum(w for _, w in nodes) == pytest.approx(1, abs=1e-11)
        assert sum(w * s * s for s, w in nodes) == pytest.approx(1, abs=1e-11)
        mean = math.sqrt(2 / df) * math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2))
        assert sum(w * s for s, w in nodes) == pytest.approx(mean, abs=1e-9)
    below = sum(w for _, w in chi_nodes(df, high=1.01))
    assert below == pytest.approx(chi2_cdf(df * 1.01**2, df), abs=1e-10)
    assert chi_nodes(df, high=1e-30) == []


# --- searches


def test_smallest_n_of_published_designs() -> None:
    """R's pwr and G*Power: 64 for d .5, 6 for d 2; d 6 would need fewer than the floor of 2."""
    assert smallest_n(lambda n: power(0.5, n, n), 0.8) == 64
    assert smallest_n(lambda n: power(2, n, n), 0.8) == 6
    assert smallest_n(lambda n: power(6, n, n), 0.8) == 2
    assert power(6, 2, 2) == pytest.approx(0.835738, abs=1e-6)


@given(answer=st.integers(2, 100000))
def test_smallest_n_finds_any_step(answer: int) -> None:
    asked: list[int] = []

    def power_at(n: int) -> float:
        asked.append(n)
        return 0.9 if n >= answer else 0.1

    assert smallest_n(power_at, 0.8) == answer
    assert len(asked) < 60
    assert min(asked) >= 2
    assert max(asked) <= 100000


def test_smallest_n_looks_at_the_neighbours() -> None:
    """A power that saws: 12 reaches the target, 13 and 14 do not, 15 does."""
    good = {12, 15, 16}
    assert smallest_n(lambda n: 0.9 if n in good or n > 16 else 0.5, 0.8) == 12


@pytest.mark.parametrize(
    ("power_at", "target", "words"),
    [
        (lambda n: 0.5, 0.8, "not reached by n = 1000: it is 0.5 there"),
        (lambda n: NAN, 0.8, "at n = 2 is not a number"),
        (lambda n: 0.5, 1.0, "between 0 and 1"),
        (lambda n: 0.5, NAN, "between 0 and 1"),
    ],
)
def test_smallest_n_refuses(power_at: Callable[[int], float], target: float, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        smallest_n(power_at, target, high=1000)
    with pytest.raises(ValueError, match="no whole number from 9 to 5"):
        smallest_n(power_at, 0.5, 9, 5)


@pytest.mark.parametrize("bracket", [(0, 10), (1e-9, 1e3), (1.5, 1.51), (0, 1.6)])
def test_detectable_effect_from_any_bracket(bracket: tuple[float, float]) -> None:
    """R: eight a group, 80 % power: d 1.506634228 (shared case `t2-mde-n8-p0.8-a0.05`)."""
    found = solve(lambda d: power(d, 8, 8), 0.8, *bracket)
    assert found == pytest.approx(1.506634228, abs=1e-9)


@given(
    root=st.floats(-50, 50), low=st.floats(0.001, 1e4), high=st.floats(0.001, 1e4),
    steep=st.floats(0.01, 100), falling=st.booleans(),
)  # fmt: skip
def test_solve_finds_any_crossing(
    root: float, low: float, high: float, steep: float, falling: bool
) -> None:
    calls = [0]

    def f(x: float) -> float:
        calls[0] += 1
        return math.atan(steep * (x - root)) * (-1 if falling else 1) + 7

    found = solve(f, 7, root - low, root + high)
    assert found == pytest.approx(root, abs=1e-10 * max(1, abs(low), abs(high)))
    assert calls[0] < 120


def test_solve_takes_an_end_and_refuses_in_words() -> None:
    assert solve(lambda x: x, 2, 2, 5) == 2
    assert solve(lambda x: x, 5, 2, 5) == 5
    with pytest.raises(ValueError, match=r"target 9 is out of reach: the value is 2.0 at 2.0"):
        solve(lambda x: x, 9, 2.0, 5.0)
    with pytest.raises(ValueError, match="low < high"):
        solve(lambda x: x, 9, 5, 2)
    with pytest.raises(ValueError, match="low < high"):
        solve(lambda x: x, 9, 5, INF)
    with pytest.raises(ValueError, match=r"value at 2.0 is not a number"):
        solve(lambda x: NAN, 9, 2.0, 5.0)


# --- Dunnett


@given(
    k=st.integers(2, 6), df=st.floats(2, 200), ratio=st.floats(0.2, 5), sides=st.integers(1, 2)
)  # fmt: skip
def test_dunnett_lies_between_unadjusted_and_bonferroni(
    k: int, df: float, ratio: float, sides: int
) -> None:
    c = dunnett_quantile(0.05, k, df, ratio, sides)
    assert t_isf(0.05 / sides, df) < c < t_isf(0.05 / sides / k, df)


def test_dunnett_of_unequal_arms() -> None:
    equal = dunnett_critical(0.05, [7, 7, 7], 14, 31)
    assert equal == pytest.approx(dunnett_quantile(0.05, 3, 31, 2), rel=1e-11)
    unequal = dunnett_critical(0.05, [5, 7, 9], 14, 31)
    assert unequal == pytest.approx(equal, rel=0.01)
    one = dunnett_power([1.2], [9], 9, 16, t_isf(0.025, 16))
    assert one["any"] == pytest.approx(power(1.2, 9, 9), abs=1e-10)
    assert one["all"] == pytest.approx(power(1.2, 9, 9), abs=1e-10)


# --- speed, and the other Python


def test_the_kernel_imports_math_and_itself() -> None:
    for path in FOLDER.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                assert [name.name for name in node.names] == ["math"], path
            elif isinstance(node, ast.ImportFrom):
                assert str(node.module).startswith("metabone.planning.kernel."), path


def test_the_kernel_loads_nothing_heavy() -> None:
    code = "import sys, metabone.planning.kernel; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "scipy", "pandas", "typing_extensions"} & set(run.stdout.split())


MICRO_CALLS = [
    *(f"{name}({', '.join(map(str, row[:-2]))})" for kind in TAILS for row in REFERENCE[kind][::5]
      for name in (f"{kind}_cdf", f"{kind}_sf")),
    *(f"{name}({', '.join(map(str, row[:-1]))})" for name in ("t_isf", "chi2_isf", "f_isf")
      for row in REFERENCE[name][::2]),
    "norm_isf(1e-9)", "dunnett_quantile(0.05, 4, 35)", "dunnett_quantile(0.05, 3, 12, 2, 1)",
    "dunnett_power([0.5, 1, 1.5, 1.5], [8, 8, 8, 8], 8, 35, 2.55)['any']",
    "solve(lambda d: nct_sf(2.1, 14, 2 * d), 0.8, 0, 10)",
    "smallest_n(lambda n: 1 - 0.9 ** n, 0.8)",
]  # fmt: skip
MICRO_SCRIPT = """\
from metabone.planning.kernel import *
for call in CALLS:
    print(repr(float(eval(call))))
for call in ("t_sf(float('nan'), 3)", "nct_sf(1, 2, float('inf'))", "smallest_n(lambda n: 0, 0.5)"):
    try:
        print(eval(call))
    except ValueError as error:
        print(str(error)[:12])
"""


MICROPYTHON = ROOT / "metabone" / "planning" / "calculator" / "vendor" / "micropython.mjs"


def micropython(script: Path, folder: Path) -> list[str] | None:
    """Command that runs `script` under MicroPython; None where there is none."""
    home = folder / "metabone" / "planning"
    if shutil.which("micropython"):
        shutil.copytree(FOLDER, home / "kernel")
        (folder / "metabone" / "__init__.py").touch()
        (home / "__init__.py").touch()
        return ["micropython", str(script)]
    if shutil.which("node"):
        return ["node", str(HERE / "micropython.mjs"), str(MICROPYTHON), str(ROOT), str(script)]
    assert os.environ.get("CI") != "true", "node is missing"
    return None


def test_micropython_gives_the_same_numbers(tmp_path: Path) -> None:
    """Needs `micropython`, or node to run the one that is vendored for the calculator."""
    script = tmp_path / "script.py"
    script.write_text(f"CALLS = {MICRO_CALLS!r}\n{MICRO_SCRIPT}", encoding="utf-8")
    command = micropython(script, tmp_path)
    if command is None:
        pytest.skip("no MicroPython here")
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300,
        env={**os.environ, "MICROPYPATH": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr + run.stdout
    lines = run.stdout.split("\n")
    assert lines[len(MICRO_CALLS) :][:3] == ["x is not a n", "nc must lie ", "the target 0"]
    names = {name: getattr(kernel, name) for name in kernel.__all__}
    for call, line in zip(MICRO_CALLS, lines[: len(MICRO_CALLS)], strict=True):
        ours = float(eval(call, names))  # noqa: S307  (the calls above)
        assert float(line) == pytest.approx(ours, rel=1e-12, abs=1e-300), call
