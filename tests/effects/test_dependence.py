"""The sampling covariance against published examples, metafor, hand computation and its promises.

What simulated animals do is in test_dependence_simulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metabone.effects.dependence import sampling_covariance
from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import DataError, UsageError
from metabone.extraction.table import StudyTable

MakeTable = Callable[..., StudyTable]
Rows = list[dict[str, Any]]


def row(n1: float, m1: float, sd1: float, n2: float, m2: float, sd2: float, **more: Any) -> Any:
    return {
        "study": "A", "n_treated": n1, "mean_treated": m1, "dispersion_treated": sd1,
        "n_control": n2, "mean_control": m2, "dispersion_control": sd2, "dispersion_type": "SD",
    } | more  # fmt: skip


def shared(**more: Any) -> Rows:
    """Two treated arms against one control group."""
    return [
        row(10, 12.0, 2.0, 8, 8.0, 1.5, comparison="low", control_id="c") | more,
        row(12, 14.0, 2.5, 8, 8.0, 1.5, comparison="high", control_id="c") | more,
    ]


def j(df: int) -> float:
    """Hedges (1981), eq. 6e."""
    return math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)


def gls(V: Any, y: Any, X: Any) -> tuple[Any, Any, float]:
    """(coefficients, their covariance, Q) of generalised least squares."""
    weight = np.linalg.inv(V)
    cov = np.linalg.inv(X.T @ weight @ X)
    beta = cov @ X.T @ weight @ y
    return beta, cov, float((y - X @ beta) @ weight @ (y - X @ beta))


# Published ---------------------------------------------------------------------------------------

# Gleser and Olkin (2009), Handbook of Research Synthesis, ch. 19, multiple-treatment studies with
# standardized mean differences; (study, treatment, mean, control mean, pooled SD, n, control n)
TREATMENTS = [
    ("1", 1, 7.87, -1.36, 4.2593, 25, 25), ("1", 2, 4.35, -1.36, 4.2593, 22, 25),
    ("2", 1, 9.32, 0.98, 2.8831, 38, 40), ("3", 1, 8.08, 1.17, 3.1764, 50, 50),
    ("4", 1, 7.44, 0.45, 2.9344, 30, 30), ("4", 2, 5.34, 0.45, 2.9344, 30, 30),
]  # fmt: skip


def test_gleser_and_olkin_2009_several_treatments(table: MakeTable) -> None:
    rows = [
        row(n1, m1, sd, n2, m2, sd, study=study, comparison=f"treatment {arm}", control_id="c")
        for study, arm, m1, m2, sd, n1, n2 in TREATMENTS
    ]
    effects = escalc(table(*rows), "SMD")
    # The chapter takes d without J, and the SD and N of all arms in the variance too.
    total = np.array([72, 72, 78, 100, 90, 90])
    frame = effects.frame
    d = (frame["m1i"] - frame["m2i"]) / frame["sd1i"]
    frame = frame.assign(yi=d, vi=1 / frame["n1i"] + 1 / frame["n2i"] + d**2 / (2 * total))
    V = sampling_covariance(replace(effects, frame=frame)).to_dense()
    assert V[0, 1] == pytest.approx(0.0601743177409)  # R 4.2.2, metafor 3.8-1, calc.v of the page
    assert V[4, 5] == pytest.approx(0.0553867001793)
    arm = np.array([line[1] for line in TREATMENTS])
    X = np.stack([arm == 1, arm == 2], axis=1).astype(float)
    beta, cov, q = gls(V, d.to_numpy(), X)
    # metafor-project.org/doku.php/analyses:gleser2009; the chapter prints 2.3743, 1.5702, 3.9447
    np.testing.assert_allclose(beta, [2.374308919, 1.570189267], atol=5e-10)
    assert q == pytest.approx(3.944738, abs=5e-7)
    np.testing.assert_allclose(cov, [[0.02257, 0.01244], [0.01244, 0.03554]], atol=5e-6)


def test_gleser_and_olkin_2009_several_endpoints(table: MakeTable) -> None:
    # As above, SAT coaching: (school, r, n coached, n uncoached, d of math and reading)
    m1 = [2.3, 2.5, 2.4, 1.3, 2.5, 2.4, 3.3, 1.7, 1.1, 2.0, 2.8, 2.1, 1.7, 0.6]
    m2 = [10.3, 6.6, 9.7, 3.1, 8.7, 3.7, 7.5, 8.5, 2.2, 2.1, 3.8, 1.4, 1.8, 3.9]
    sd = [8.2, 7.3, 8.3, 8.9, 8.5, 8.3, 7.7, 9.8, 9.1, 10.4, 9.6, 7.9, 9.2, 10.2]
    r = [0.55, 0.43, 0.57, 0.66, 0.51, 0.59, 0.49]
    n1, n2 = [22, 21, 26, 18, 38, 42, 39], [24, 21, 23, 18, 36, 42, 38]
    d = np.round((np.array(m2) - m1) / sd, 3)
    V = np.zeros((14, 14))
    for i in range(7):
        rows = [row(n1[i], m2[j], sd[j], n2[i], m1[j], sd[j]) for j in (2 * i, 2 * i + 1)]
        effects = escalc(table(rows[0] | {"outcome": "BMD"}, rows[1]), "SMD")
        pair = d[2 * i : 2 * i + 2]
        vi = np.round(1 / n1[i] + 1 / n2[i] + pair**2 / (2 * (n1[i] + n2[i])), 4)
        frame = effects.frame.assign(yi=pair, vi=vi)
        block = sampling_covariance(replace(effects, frame=frame), rho=r[i]).blocks[0]
        V[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = np.round(block, 4)  # as printed in the chapter
    X = np.tile(np.eye(2), (7, 1))
    beta, cov, q = gls(V, d, X)
    np.testing.assert_allclose(beta, [0.3617, 0.2051], atol=5e-5)  # metafor's test of the chapter
    np.testing.assert_allclose(cov, [[0.01008, 0.00537], [0.00537, 0.00989]], atol=5e-6)
    assert q == pytest.approx(19.6264, abs=5e-5)  # 19.62 in the chapter


def given_effects(table: MakeTable, vi: list[float], **columns: list[Any]) -> EffectTable:
    rows = [
        {"study": "A", "yi": 1.0, "vi": v} | {name: values[i] for name, values in columns.items()}
        for i, v in enumerate(vi)
    ]
    return escalc(table(*rows), "SMD")


def test_vcalc_constant_rho(table: MakeTable) -> None:
    # R 4.2.2, metafor 3.8-1: vcalc(vi, cluster=study, obs=1:6, rho=0.6)
    study = ["A", "A", "A", "A", "B", "B"]
    effects = given_effects(table, [0.10, 0.12, 0.20, 0.15, 0.3, 0.25], study=study)
    V = sampling_covariance(effects, rho=0.6)
    expected = [
        [0.10000000000, 0.06572670690, 0.08485281374, 0.07348469228],
        [0.06572670690, 0.12000000000, 0.09295160031, 0.08049844719],
        [0.08485281374, 0.09295160031, 0.20000000000, 0.10392304845],
        [0.07348469228, 0.08049844719, 0.10392304845, 0.15000000000],
    ]
    np.testing.assert_allclose(V.blocks[0], expected, rtol=1e-9)
    np.testing.assert_allclose(V.blocks[1][0, 1], 0.1643167673, rtol=1e-9)
    assert V.to_dense()[0, 4] == 0
    assert "rho = 0.6" in " ".join(V.notes)


ARMS = {
    "comparison": ["low", "high", "low", "high"],
    "control_id": ["c"] * 4,
    "outcome": ["BMD", "BMD", "BV/TV", "BV/TV"],
}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        # vcalc(vi, cluster=study, type=outcome, grp1=arm, grp2=ctl, rho=0.6)
        ({}, [0.05477225575, 0.08485281374, 0.03674234614, 0.04647580015, 0.08049844719,
              0.08660254038]),
        # the same with w1 = n1i = 8, 10, 8, 10 and w2 = n2i = 6
        ({"n_treated": [8, 10, 8, 10], "n_control": [6.0] * 4},
         [0.06546536707, 0.08485281374, 0.04391550328, 0.05554920599, 0.08049844719,
          0.10350983390]),
    ],
)  # fmt: skip
def test_vcalc_shared_control_of_given_effects(
    table: MakeTable, sizes: dict[str, Any], expected: list[float]
) -> None:
    effects = given_effects(table, [0.10, 0.12, 0.20, 0.15], **ARMS, **sizes)
    V = sampling_covariance(effects, rho=0.6)
    np.testing.assert_allclose(V.blocks[0][np.triu_indices(4, 1)], expected, rtol=1e-9)
    assert "without arm data" in " ".join(V.notes)


def test_vcalc_autoregressive_times(table: MakeTable) -> None:
    # vcalc(vi, cluster=study, time1=wk, phi=0.8), weeks 2, 4, 8, 12
    effects = given_effects(table, [0.1, 0.2, 0.3, 0.25], timepoint_weeks=[2, 4, 8, 12])
    V = sampling_covariance(effects, time_decay=0.8).blocks[0]
    expected = [0.09050966799, 0.04540467269, 0.01697734891, 0.10033109986, 0.03751499545,
                0.11217357978]  # fmt: skip
    np.testing.assert_allclose(V[np.triu_indices(4, 1)], expected, rtol=1e-9)


def test_vcalc_outcomes_over_time(table: MakeTable) -> None:
    # vcalc(vi, cluster=study, type=out, time1=wk, rho=0.6, phi=0.9)
    effects = given_effects(
        table, [0.1, 0.2, 0.3, 0.25],
        outcome=["BMD", "BV/TV", "BMD", "BV/TV"], timepoint_weeks=[4, 4, 8, 8],
    )  # fmt: skip
    V = sampling_covariance(effects, rho=0.6, time_decay=0.9).blocks[0]
    expected = [0.08485281374, 0.11363985348, 0.06224311119, 0.09642661321, 0.14670842000,
                0.16431676725]  # fmt: skip
    np.testing.assert_allclose(V[np.triu_indices(4, 1)], expected, rtol=1e-9)


# By hand -----------------------------------------------------------------------------------------


def test_shared_control_of_each_measure(table: MakeTable) -> None:
    expected = {
        "MD": 1.5**2 / 8,
        "ROM": 1.5**2 / (8 * 8.0**2),  # Lajeunesse 2011, doi:10.1890/11-0423.1
        "VR": 1 / 14,
        "CVR": 1.5**2 / (8 * 8.0**2) + 1 / 14,
    }
    for measure, value in expected.items():
        V = sampling_covariance(escalc(table(*shared()), measure))
        assert V.blocks[0][0, 1] == pytest.approx(value, rel=1e-12), measure
        np.testing.assert_array_equal(np.diag(V.blocks[0]), escalc(table(*shared()), measure).vi)


def test_shared_control_of_standardised_measures(table: MakeTable) -> None:
    effects = escalc(table(*shared()), "SMD")
    g = effects.yi
    V = sampling_covariance(effects).blocks[0]
    assert V[0, 1] == pytest.approx(1 / 8 + g[0] * g[1] / (2 * 30), rel=1e-12)
    effects = escalc(table(*shared()), "SMD1")
    delta = effects.yi
    V = sampling_covariance(effects).blocks[0]
    assert V[0, 1] == pytest.approx(1 / 8 + delta[0] * delta[1] / 16, rel=1e-12)
    effects = escalc(table(*shared()), "SMDH")
    g = effects.yi
    s2 = [(2.0**2 + 1.5**2) / 2, (2.5**2 + 1.5**2) / 2]
    hand = 1.5**2 / 7 / np.sqrt(s2[0] * s2[1]) + g[0] * g[1] * 1.5**4 / (8 * s2[0] * s2[1] * 7)
    assert sampling_covariance(effects).blocks[0][0, 1] == pytest.approx(hand, rel=1e-12)


@pytest.mark.parametrize("variance", ["LS", "LS2", "UB", "AV", "REVMAN"])
def test_variance_formula_of_smd_is_kept(table: MakeTable, variance: str) -> None:
    effects = escalc(table(*shared()), "SMD", variance=variance)
    g, N = effects.yi, 30
    V = sampling_covariance(effects).blocks[0]
    np.testing.assert_array_equal(np.diag(V), effects.vi)
    hand = {
        "LS": 1 / 8 + g[0] * g[1] / (2 * N),
        "LS2": j(16) * j(18) / 8 + g[0] * g[1] / (2 * N),
        "UB": 1 / 8 + (1 - 26 / (28 * j(28) ** 2)) * g[0] * g[1],
        "AV": 1 / 8 + ((18 * g[0] + 20 * g[1]) / 38) ** 2 / (2 * N),
        "REVMAN": 1 / 8 + g[0] * g[1] / (2 * (N - 3.94)),
    }
    assert V[0, 1] == pytest.approx(hand[variance], rel=1e-10)


def test_other_variance_formulas(table: MakeTable) -> None:
    effects = escalc(table(*shared()), "MD", variance="HO")
    pooled = [
        np.sqrt((9 * 2.0**2 + 7 * 1.5**2) / 16), np.sqrt((11 * 2.5**2 + 7 * 1.5**2) / 18)
    ]  # fmt: skip
    V = sampling_covariance(effects).blocks[0]
    assert V[0, 1] == pytest.approx(pooled[0] * pooled[1] / 8, rel=1e-12)
    plain = sampling_covariance(escalc(table(*shared()), "ROM")).blocks[0]
    averaged = sampling_covariance(escalc(table(*shared()), "ROM", variance="AV")).blocks[0]
    correlation = [V[0, 1] / np.sqrt(V[0, 0] * V[1, 1]) for V in (plain, averaged)]
    assert correlation[0] == pytest.approx(correlation[1], rel=1e-12)


SHAM = {"n_sham": 9.0, "mean_sham": 16.0, "dispersion_sham": 3.0}


def test_nmd_shares_control_and_sham(table: MakeTable) -> None:
    rows = shared(**SHAM)
    V = sampling_covariance(escalc(table(*rows), "NMD")).blocks[0]
    p, q = 4 / 8, 6 / 8
    control, sham = 1.5**2 / 8, 3.0**2 / 9
    hand = 100**2 / 8**2 * ((1 - p) * (1 - q) * control + p * q * sham)
    assert V[0, 1] == pytest.approx(hand, rel=1e-12)
    V = sampling_covariance(escalc(table(*rows), "NMD", variance="FIXED_SHAM")).blocks[0]
    assert V[0, 1] == pytest.approx(100**2 / 8**2 * control, rel=1e-12)
    # Controls of their own, one healthy level: one cohort
    own = [line | {"control_id": None} for line in rows]
    V = sampling_covariance(escalc(table(*own), "NMD")).blocks[0]
    assert V[0, 1] == pytest.approx(100**2 / 8**2 * p * q * sham, rel=1e-12)
    apart = [own[0], own[1] | {"experiment": "second"}]
    assert sampling_covariance(escalc(table(*apart), "NMD")).is_diagonal
    other = [own[0], own[1] | {"mean_sham": 17.0}]
    assert sampling_covariance(escalc(table(*other), "NMD")).is_diagonal
    assert sampling_covariance(escalc(table(*rows), "NMD"), control="ignore").is_diagonal


def test_shared_treated_arm(table: MakeTable) -> None:
    rows = [
        row(10, 12.0, 2.0, 8, 8.0, 1.5, comparison="exosomes", control_id="saline"),
        row(10, 12.0, 2.0, 9, 9.0, 1.2, comparison="exosomes", control_id="liposome"),
    ]
    V = sampling_covariance(escalc(table(*rows), "MD")).blocks[0]
    assert V[0, 1] == pytest.approx(2.0**2 / 10, rel=1e-12)
    effects = escalc(table(*rows), "SMD")
    g = effects.yi
    V = sampling_covariance(effects).blocks[0]
    assert V[0, 1] == pytest.approx(1 / 10 + g[0] * g[1] / (2 * 27), rel=1e-12)


def two_outcomes(**more: Any) -> Rows:
    """Two treated arms, one control group, two outcomes."""
    second = {"outcome": "Tb.N", "unit": "1/mm", "mean_control": 4.0, "dispersion_control": 0.8}
    return [line | more for line in shared()] + [
        line | second | {"mean_treated": 5.0, "dispersion_treated": 0.9} | more for line in shared()
    ]


def test_outcomes_of_shared_animals(table: MakeTable) -> None:
    V = sampling_covariance(escalc(table(*two_outcomes()), "MD"), rho=0.3).blocks[0]
    control = 1.5 * 0.8 / 8
    assert V[0, 3] == pytest.approx(0.3 * control, rel=1e-12)  # low, BV/TV against high, Tb.N
    assert V[0, 2] == pytest.approx(0.3 * (control + 2.0 * 0.9 / 10), rel=1e-12)
    V = sampling_covariance(escalc(table(*two_outcomes()), "MD"), rho=0.3, control="ignore")
    assert V.blocks[0][0, 3] == V.blocks[0][0, 1] == 0
    assert V.blocks[0][0, 2] == pytest.approx(0.3 * (control + 2.0 * 0.9 / 10), rel=1e-12)


def test_proportional_parts_give_rho(table: MakeTable) -> None:
    rows = [row(8, 11, 2, 8, 10, 2), row(8, 25, 6, 8, 20, 6, outcome="Tb.N", unit="1/mm")]
    for measure in ("MD", "SMDH"):
        effects = escalc(table(*rows), measure)
        V = sampling_covariance(effects, rho=0.6).blocks[0]
        expected = 0.6 * np.sqrt(effects.vi.prod())
        assert V[0, 1] == pytest.approx(expected, rel=1e-12 if measure == "MD" else 0.1)


def test_lost_animals_are_a_subset(table: MakeTable) -> None:
    # Six of the eight controls were left for the second outcome: cov = r sd sd / 8
    rows = shared()
    rows[1] |= {"outcome": "Tb.N", "n_control": 6}
    V = sampling_covariance(escalc(table(*rows), "MD")).blocks[0]
    assert V[0, 1] == pytest.approx(0.5 * 1.5**2 / 8, rel=1e-12)


def test_alignment_turns_both_effects(table: MakeTable) -> None:
    rows = [line | {"outcome": "Tb.Sp", "unit": "mm"} for line in shared()]
    plain = sampling_covariance(escalc(table(*rows), "ROM")).blocks[0]
    turned = sampling_covariance(escalc(table(*rows), "ROM", align="benefit")).blocks[0]
    np.testing.assert_allclose(plain, turned, rtol=1e-12)
    rows[1]["better"] = "higher"  # one of the two is not flipped
    mixed = sampling_covariance(escalc(table(*rows), "ROM", align="benefit")).blocks[0]
    assert mixed[0, 1] == pytest.approx(-plain[0, 1], rel=1e-12)
    both = [shared()[0], shared()[0] | {"outcome": "Tb.Sp", "unit": "mm"}]
    V = sampling_covariance(escalc(table(*both), "ROM", align="benefit")).blocks[0]
    assert V[0, 1] == pytest.approx(0.5 * V[0, 0], rel=1e-12)  # rho holds for aligned effects


# Correlations ------------------------------------------------------------------------------------


def correlations(table: MakeTable, columns: dict[str, list[Any]], **options: Any) -> Any:
    effects = given_effects(table, [1.0] * len(next(iter(columns.values()))), **columns)
    return sampling_covariance(effects, **options).blocks[0]


def test_rho_table(table: MakeTable) -> None:
    columns = {"outcome": ["BMD", "BV/TV", "Tb.N", "BMD"], "site": ["femur"] * 3 + ["tibia"]}
    pairs = [{"column": "outcome", "a": "bone volume fraction", "b": "BMD", "rho": 0.7}]
    V = correlations(table, columns, rho=0.4, rho_table=pairs)
    assert V[0, 1] == pytest.approx(0.7)
    assert V[0, 2] == pytest.approx(0.4)  # a pair of outcomes that the table does not name
    assert V[0, 3] == pytest.approx(0.4)  # another site
    assert V[1, 3] == pytest.approx(0.7 * 0.4)  # outcome by the table, site by rho
    V = correlations(table, columns, rho=0.4)
    assert V[1, 3] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"column": "outcome", "a": "BMD", "b": "BV/TVV", "rho": 0.7}, "'BV/TV'"),
        ({"column": "outcome", "a": "BMD", "b": "bmd", "rho": 0.7}, "both 'BMD'"),
        ({"column": "species", "a": "rat", "b": "mouse", "rho": 0.7}, "outcome, site, assay"),
        ({"column": "timepoint_weeks", "a": "4", "b": "8", "rho": 0.7}, "time_decay"),
        ({"column": "outcome", "a": "BMD", "b": "BV/TV", "rho": 1.7}, "entry 1: rho must be"),
        ({"column": "outcome", "a": "BMD", "b": "BV/TV", "rho": True}, "got True"),
        ({"column": "outcome", "a": "BMD", "b": "BV/TV"}, "rho is missing"),
        ({"column": "outcome", "a": "BMD", "b": 3, "rho": 0.1}, "got 3"),
        ({"column": "outcome", "a": "BMD", "b": "BV/TV", "rh": 0.1}, "did you mean 'rho'"),
        ("BMD", "keys column, a, b, rho"),
    ],
)
def test_wrong_rho_table(table: MakeTable, line: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", "\\(")):
        correlations(table, {"outcome": ["BMD", "BV/TV"]}, rho_table=[line])


def test_contradicting_and_unused_pairs(table: MakeTable) -> None:
    one = {"column": "outcome", "a": "BMD", "b": "BV/TV", "rho": 0.7}
    with pytest.raises(UsageError, match="has already another rho"):
        correlations(
            table, {"outcome": ["BMD"]}, rho_table=[one, one | {"a": "BV/TV", "b": "BMD", "rho": 0}]
        )
    effects = given_effects(table, [1.0, 1.0], site=["femur", "tibia"])
    V = sampling_covariance(
        effects, rho_table=[{"column": "site", "a": "femr", "b": "tibia", "rho": 0.7}]
    )
    assert "nearest in the table: 'femur'" in V.warnings[0]


@pytest.mark.parametrize("rho", [1, -1, 1.5, float("nan"), "0.5", True, None])
def test_rho_must_be_a_correlation(table: MakeTable, rho: Any) -> None:
    with pytest.raises(UsageError, match="rho must be"):
        sampling_covariance(escalc(table(*shared()), "MD"), rho=rho)


@pytest.mark.parametrize("decay", [1.0, -0.1, float("nan"), "0.5"])
def test_time_decay_must_be_a_correlation(table: MakeTable, decay: Any) -> None:
    with pytest.raises(UsageError, match="time_decay"):
        sampling_covariance(escalc(table(*shared()), "MD"), time_decay=decay)


def test_blank_times_fall_back_on_rho(table: MakeTable) -> None:
    columns = {"timepoint_weeks": [4.0, 6.0, np.nan, np.nan], "site": ["a", "a", "a", "b"]}
    V = correlations(table, columns, rho=0.3, time_decay=0.9)
    assert V[0, 1] == pytest.approx(0.81)
    assert V[0, 2] == pytest.approx(0.3)
    assert V[2, 3] == pytest.approx(0.3)


# Who shares animals ------------------------------------------------------------------------------


def test_without_control_id_each_row_has_its_own(table: MakeTable) -> None:
    rows = [line | {"control_id": None, "mean_control": 8.0 + i} for i, line in enumerate(shared())]
    V = sampling_covariance(escalc(table(*rows), "SMD"))
    assert V.is_diagonal
    assert not V.warnings
    rows = [line | {"comparison": None} for line in rows]
    assert sampling_covariance(escalc(table(*rows), "SMD")).is_diagonal


def test_a_control_id_belongs_to_one_study(table: MakeTable) -> None:
    rows = [line | {"study": name} for line, name in zip(shared(), "AB", strict=True)]
    V = sampling_covariance(escalc(table(*rows), "SMD"))
    assert V.studies == ("A", "B")
    assert V.is_diagonal


def test_suspected_sharing_is_said(table: MakeTable) -> None:
    rows = [line | {"control_id": None} for line in shared()]
    V = sampling_covariance(escalc(table(*rows), "MD"))
    assert V.is_diagonal
    assert "control arm are the same" in V.warnings[0]
    assert "A (rows 2-3)" in V.warnings[0]
    half = [shared()[0], shared()[1] | {"control_id": None}]
    assert "rows 2-3" in sampling_covariance(escalc(table(*half), "MD")).warnings[0]
    other = [rows[0], rows[1] | {"site": "tibia"}]
    assert not sampling_covariance(escalc(table(*other), "MD")).warnings


def test_suspected_treated_arm_and_mismatch_are_said(table: MakeTable) -> None:
    rows = [shared()[0], shared()[0] | {"comparison": "again", "control_id": "d"}]
    assert "treated arm are the same" in sampling_covariance(escalc(table(*rows), "MD")).warnings[0]
    rows = [shared()[0], shared()[1] | {"n_control": 7}]
    warning = sampling_covariance(escalc(table(*rows), "MD")).warnings[0]
    assert "different control numbers: A (rows 2-3)" in warning


def test_repeats_of_one_comparison_correlate_by_rho(table: MakeTable) -> None:
    rows = [shared()[0], shared()[0] | {"mean_treated": 13.0}]
    V = sampling_covariance(escalc(table(*rows), "MD"), rho=0.4)
    assert V.blocks[0][0, 1] == pytest.approx(0.4 * V.blocks[0][0, 0], rel=1e-12)
    assert "rows agree in comparison" in V.warnings[0]


def test_arms_that_differ_in_dose_are_different_animals(table: MakeTable) -> None:
    rows = [shared()[0] | {"dose": 50.0}, shared()[0] | {"dose": 100.0, "outcome": "Tb.N"}]
    rows[0]["control_id"] = rows[1]["control_id"] = None
    V = sampling_covariance(escalc(table(*rows), "MD"))
    assert V.is_diagonal
    assert V.notes == (
        "rows of one comparison that differ in dose are different animals: rows 2-3",
    )
    rows[1]["dose"] = np.nan  # a blank cell says nothing
    assert not sampling_covariance(escalc(table(*rows), "MD")).is_diagonal


def test_unnamed_arms_are_matched_in_order(table: MakeTable) -> None:
    rows = [line | {"comparison": None} for line in two_outcomes()]
    named = sampling_covariance(escalc(table(*two_outcomes()), "SMD"))
    V = sampling_covariance(escalc(table(*rows), "SMD"))
    np.testing.assert_array_equal(V.blocks[0], named.blocks[0])
    assert "in the order of the table: rows 2-5" in V.notes[0]


def test_given_effects_of_two_arms_share_half(table: MakeTable) -> None:
    V = sampling_covariance(given_effects(table, [0.2, 0.3], control_id=["c", "c"])).blocks[0]
    assert V[0, 1] == pytest.approx(0.5 * np.sqrt(0.06), rel=1e-12)
    V = sampling_covariance(given_effects(table, [0.2, 0.3], comparison=["low", "high"]))
    assert V.is_diagonal


def test_effects_from_tests_have_arms(table: MakeTable) -> None:
    line = {"study": "A", "control_id": "c", "n_treated": 8, "n_control": 10}
    rows = [line | {"t": 2.0, "comparison": "low"}, line | {"t": 3.0, "comparison": "high"}]
    effects = escalc(table(*rows), "SMD")
    V = sampling_covariance(effects).blocks[0]
    assert V[0, 1] == pytest.approx(1 / 10 + effects.yi.prod() / (2 * 26), rel=1e-12)


# Positive definite -------------------------------------------------------------------------------


def test_a_circle_of_arms_is_refused(table: MakeTable) -> None:
    arms = {"T1": 12.0, "T2": 13.0}
    controls = {"c": 8.0, "d": 9.0}
    rows = [
        row(8, m1, 2.0, 8, m2, 2.0, comparison=arm, control_id=control)
        for arm, m1 in arms.items()
        for control, m2 in controls.items()
    ]
    extra = row(8, 11, 2.0, 8, 10.0, 2.0, comparison="T3", control_id="e")
    with pytest.raises(DataError, match=r"'A' is not positive definite at rows 3-6: .*circle"):
        sampling_covariance(escalc(table(extra, *rows), "MD"))
    sampling_covariance(escalc(table(extra, *rows[:-1]), "MD"))


def test_impossible_correlations_are_refused(table: MakeTable) -> None:
    columns = {"outcome": ["Tb.Sp", "BMD", "BV/TV", "Tb.N"]}
    pairs = [
        {"column": "outcome", "a": "BMD", "b": "BV/TV", "rho": 0.9},
        {"column": "outcome", "a": "BV/TV", "b": "Tb.N", "rho": 0.9},
        {"column": "outcome", "a": "BMD", "b": "Tb.N", "rho": -0.9},
    ]
    with pytest.raises(DataError, match=r"rows 3-5: the correlations of rho, rho_table"):
        correlations(table, columns, rho_table=pairs)
    with pytest.raises(DataError, match=r"rho = -0.6 is too far from 0"):
        correlations(table, columns, rho=-0.6)


def test_too_small_a_variance_is_refused(table: MakeTable) -> None:
    rows = shared()
    effects = escalc(table(*rows), "MD")
    frame = effects.frame.assign(vi=[0.1, 0.2])
    with pytest.raises(DataError, match=r"not positive definite at rows 2-3"):
        sampling_covariance(replace(effects, frame=frame))
    with pytest.raises(DataError, match="must be positive; row 3"):
        sampling_covariance(replace(effects, frame=frame.assign(vi=[0.1, np.nan])))


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10**6), rho=st.sampled_from([0.0, 0.2, 0.5, 0.8, 0.95]),
    measure=st.sampled_from(["MD", "SMD", "SMDH", "SMD1", "ROM", "NMD", "VR", "CVR"]),
    decay=st.sampled_from([None, 0.5, 0.9]),
)  # fmt: skip
def test_every_design_is_positive_definite_and_keeps_its_order(
    table: MakeTable, seed: int, rho: float, measure: str, decay: float | None
) -> None:
    rng = np.random.default_rng(seed)
    rows: Rows = []
    for study in ("A", "B"):
        for outcome in ("BMD", "BV/TV", "Tb.N"):
            m2, sd2, n2 = rng.uniform(8, 12), rng.uniform(1, 2), int(rng.integers(4, 12))
            sham = {"n_sham": 6.0, "mean_sham": m2 + 9, "dispersion_sham": 1.5}
            rows += [
                row(int(rng.integers(4, 12)), m2 + rng.uniform(-2, 9), rng.uniform(1, 2), n2, m2,
                    sd2, study=study, outcome=outcome, comparison=arm, control_id="c",
                    timepoint_weeks=float(week)) | sham
                for arm in ("low", "mid", "high") for week in (4, 8) if rng.random() < 0.8
            ]  # fmt: skip
    effects = escalc(table(*rows), measure)
    V = sampling_covariance(effects, rho=rho, time_decay=decay).to_dense()
    np.testing.assert_array_equal(np.diag(V), effects.vi)
    assert np.linalg.eigvalsh(V)[0] > 0
    order = rng.permutation(effects.k)
    moved = replace(effects, frame=effects.frame.iloc[order])
    again = sampling_covariance(moved, rho=rho, time_decay=decay)
    np.testing.assert_allclose(again.to_dense(), V[np.ix_(order, order)], rtol=1e-12, atol=1e-15)
    assert all((np.diff(places) > 0).all() for places in again.positions)


def test_other_units_change_nothing_but_the_scale(table: MakeTable) -> None:
    rows = two_outcomes()
    scaled = [
        {k: v * 1000 if k.startswith(("mean", "disp")) and k != "dispersion_type" else v
         for k, v in line.items()}
        for line in rows
    ]  # fmt: skip
    for measure, factor in (("MD", 10**6), ("SMD", 1), ("ROM", 1), ("SMDH", 1)):
        V = sampling_covariance(escalc(table(*rows), measure)).blocks[0]
        W = sampling_covariance(escalc(table(*scaled), measure)).blocks[0]
        np.testing.assert_allclose(W, factor * V, rtol=1e-10)


# Size --------------------------------------------------------------------------------------------


def test_a_hundred_thousand_effects(table: MakeTable) -> None:
    effects = escalc(table(*two_outcomes()), "SMD")
    copies = 25_000
    frame = effects.frame.iloc[np.tile(np.arange(4), copies)].reset_index(drop=True)
    frame["study"] = np.repeat([f"S{i}" for i in range(copies)], 4).astype(object)
    V = sampling_covariance(replace(effects, frame=frame))
    assert V.k == 100_000
    assert len(V.blocks) == copies
    one = sampling_covariance(effects).blocks[0]
    np.testing.assert_array_equal(V.blocks[0], one)
    np.testing.assert_array_equal(V.blocks[-1], one)
    np.testing.assert_array_equal(V.positions[-1], np.arange(99_996, 100_000))
    with pytest.raises(ValueError, match="read-only"):
        V.blocks[0][0, 0] = 1.0
