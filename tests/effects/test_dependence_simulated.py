"""The sampling covariance against simulated animals.

Four groups of animals (sham, control, two treated) are measured twice (BV/TV and Tb.N, correlated
by 0.6 within each group), 20,000 times over. What the four effects covary by in those experiments
is held to the formula at the true means and SDs. The Monte Carlo error of a covariance is about
0.01 √(v_i v_j); the rest of the tolerance is for the formulas being first-order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from metabone.effects import formulas
from metabone.effects.dependence import sampling_covariance
from metabone.effects.escalc import escalc
from metabone.extraction.table import StudyTable

MakeTable = Callable[..., StudyTable]
R = 0.6
N = {"sham": 30, "control": 40, "low": 40, "high": 50}
MEAN = {"sham": (16.0, 5.2), "control": (10.0, 3.0), "low": (11.5, 3.4), "high": (13.0, 4.4)}
UNEQUAL = {"sham": (2.0, 0.5), "control": (1.5, 0.4), "low": (2.0, 0.5), "high": (2.4, 0.7)}
EQUAL = dict.fromkeys(MEAN, (2.0, 0.5))
OUTCOMES = ("BV/TV", "Tb.N")
PAIRS = [(arm, outcome) for outcome in (0, 1) for arm in ("low", "high")]
REPEATS = 20_000


def animals(sd: dict[str, Any], n: dict[str, int], seed: int) -> dict[str, Any]:
    """(repeats, 2) means and SDs of each group."""
    rng = np.random.default_rng(seed)
    groups = {}
    for arm, size in n.items():
        x = rng.standard_normal((2, size, REPEATS))
        x[1] = R * x[0] + math.sqrt(1 - R**2) * x[1]
        x = np.asarray(sd[arm])[:, None, None] * x + np.asarray(MEAN[arm])[:, None, None]
        groups[arm] = x.mean(axis=1), x.std(axis=1, ddof=1)
    return groups


@pytest.fixture(name="unequal", scope="module")
def _unequal() -> dict[str, Any]:
    return animals(UNEQUAL, N, 20261)


@pytest.fixture(name="equal", scope="module")
def _equal() -> dict[str, Any]:
    return animals(EQUAL, N, 20262)


def formula(table: MakeTable, sd: dict[str, Any], n: dict[str, int], measure: str) -> Any:
    """The (4, 4) covariance at the true values."""

    def row(arm: str, o: int) -> dict[str, Any]:
        cells = {"study": "A", "outcome": OUTCOMES[o], "comparison": arm, "control_id": "c"}
        for name, group in (("treated", arm), ("control", "control"), ("sham", "sham")):
            cells |= {
                f"n_{name}": n[group], f"mean_{name}": MEAN[group][o],
                f"dispersion_{name}": sd[group][o],
            }  # fmt: skip
        return cells | {"dispersion_type": "SD", "unit": ("%", "1/mm")[o]}

    effects = escalc(table(*(row(*pair) for pair in PAIRS)), measure)
    return sampling_covariance(effects, rho=R).blocks[0]


def simulated(groups: dict[str, Any], n: dict[str, int], measure: str) -> Any:
    """(4, repeats) effects."""
    effects = []
    for arm, o in PAIRS:
        cells = [
            part for name in (arm, "control")
            for part in (n[name], groups[name][0][o], groups[name][1][o])
        ]  # fmt: skip
        if measure == "NMD":
            cells += [n["sham"], groups["sham"][0][o], groups["sham"][1][o]]
        effects.append(getattr(formulas, measure.lower())(*cells)[0])
    return np.array(effects)


def gaps(found: Any, expected: Any) -> Any:
    """Differences of covariances in units of √(v_i v_j); the variances are tested elsewhere."""
    error = np.sqrt(np.diag(expected))
    gap = (np.cov(found) - expected) / np.outer(error, error)
    np.fill_diagonal(gap, 0.0)
    return gap


@pytest.mark.parametrize("measure", ["MD", "ROM", "NMD", "VR", "CVR"])
def test_arms_of_unequal_spread(table: MakeTable, unequal: dict[str, Any], measure: str) -> None:
    found = simulated(unequal, N, measure)
    expected = formula(table, UNEQUAL, N, measure)
    assert np.abs(gaps(found, expected)).max() < 0.03
    assert (expected > 0).all()


@pytest.mark.parametrize("measure", ["SMDH", "SMD1"])
def test_standardised_by_two_arms_or_one(
    table: MakeTable, equal: dict[str, Any], measure: str
) -> None:
    gap = gaps(simulated(equal, N, measure), formula(table, EQUAL, N, measure))
    assert np.abs(gap).max() < 0.045


def test_standardised_by_the_pooled_spread(table: MakeTable, equal: dict[str, Any]) -> None:
    expected = formula(table, EQUAL, N, "SMD")
    gap = gaps(simulated(equal, N, "SMD"), expected)
    same_animals = ([0, 1], [2, 3])
    assert np.abs(gap[same_animals]).max() < 0.03
    # Gleser and Olkin pool the SD over all arms that share the control.
    compared = ("control", "low", "high")
    df = sum(N[name] for name in compared) - 3
    square = sum((N[name] - 1) * equal[name][1] ** 2 for name in compared)
    spread = np.sqrt(square / df)
    d = np.array([(equal[arm][0][o] - equal["control"][0][o]) / spread[o] for arm, o in PAIRS])
    gap = gaps(formulas.hedges_j(df) * d, expected)
    shared_control = ([0, 2, 0, 1], [1, 3, 3, 2])
    assert np.abs(gap[shared_control]).max() < 0.03


@pytest.mark.parametrize(("n", "above"), [(6, -0.03), (8, 0.03), (10, 0.06), (50, 0.14)])
def test_pairwise_pooled_spread(table: MakeTable, n: int, above: float) -> None:
    # g takes its SD from its own two arms and not from all that share the control. To first order
    # the SDs then add g g n_c / (2 N_i N_j), three quarters of g g / (2 N); but first order falls
    # short in small groups, and with 6 to 10 animals Gleser and Olkin's number is the nearer one.
    g = np.array([2.0, 4.0])
    rng = np.random.default_rng(n)
    mean = rng.standard_normal((3, 10 * REPEATS)) / math.sqrt(n)
    square = rng.chisquare(n - 1, (3, 10 * REPEATS)) / (n - 1)
    spread = np.sqrt((square[1:] + square[0]) / 2)
    found = np.cov(formulas.hedges_j(2 * n - 2) * (mean[1:] + g[:, None] - mean[0]) / spread)[0, 1]
    rows = [
        {
            "study": "A", "comparison": f"arm {d}", "control_id": "c", "dispersion_type": "SD",
            "n_treated": n, "mean_treated": 10 + d, "dispersion_treated": 1.0,
            "n_control": n, "mean_control": 10.0, "dispersion_control": 1.0,
        }
        for d in g / formulas.hedges_j(2 * n - 2)
    ]  # fmt: skip
    formula = sampling_covariance(escalc(table(*rows), "SMD")).blocks[0][0, 1]
    assert formula == pytest.approx(1 / n + 8 / (6 * n), rel=1e-12)
    assert formula / found - 1 == pytest.approx(above, abs=0.015)
    if n <= 10:
        assert abs(formula / found - 1) < abs((1 / n + 1 / n) / found - 1)
