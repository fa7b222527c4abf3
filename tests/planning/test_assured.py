"""Assurance of any design, by averaging its own power, against the exact answer of two groups."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from metabone.errors import UsageError
from metabone.planning.assured import Known, assurance_at, averaged, n_for_assurance
from metabone.planning.chi import chi_rule, refine
from metabone.planning.designs.assurance import ceiling, passes, smallest_size
from metabone.planning.plan_file import Plan
from metabone.planning.predictive import Predictive, assurance
from metabone.planning.question import Question, make_question


def question(**design: object) -> Question:
    return make_question(Plan({"design": {"sd": 1.0, "difference": 1.0, **design}}))


TEN = Predictive(1.5, math.hypot(0.8, 0.25), 8)


@pytest.mark.parametrize(("n", "chance"), [(8, 0.6660), (12, 0.7488), (20, 0.8178)])
def test_published_chain(n: int, chance: float) -> None:
    assert averaged(question(), TEN, n) == pytest.approx(chance, abs=5e-5)


@pytest.mark.parametrize(
    "predictive",
    [
        TEN, Predictive(-0.4, 0.6, 3), Predictive(0.2, 1.0, 1), Predictive(2.0, 0.5, math.inf),
        Predictive(1.0, 0.0), Predictive(0.3, 2.0, 2.5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("n", [2, 5, 30])
def test_rule_against_the_exact_answer(predictive: Predictive, sides: int, n: int) -> None:
    exact = assurance(n, n, predictive, sides=sides)
    assert averaged(question(sides=sides), predictive, n) == pytest.approx(exact, abs=1e-7)


def test_cages_against_simulation() -> None:
    asked = replace(question(cage=3, icc=0.3), predictive=TEN)
    rng = np.random.default_rng(1)
    k, cages, m, icc = 40_000, 6, 3, 0.3
    delta = TEN.mean + TEN.scale * rng.standard_t(TEN.df, k)
    spread = math.sqrt(icc + (1 - icc) / m)
    treated = delta[:, None] + spread * rng.standard_normal((k, cages))
    control = spread * rng.standard_normal((k, cages))
    pooled = np.sqrt((treated.var(axis=1, ddof=1) + control.var(axis=1, ddof=1)) / 2)
    t = (treated.mean(axis=1) - control.mean(axis=1)) / (pooled * math.sqrt(2 / cages))
    # 97.5 % point of t with 10 df, from a printed table.
    won = float((t > 2.228139).mean())
    assert assurance_at(asked, cages) == pytest.approx(won, abs=4 * math.sqrt(0.25 / k))


def test_designs_without_a_difference_have_none() -> None:
    plan = Plan({"design": {"name": "fold-change", "cv": 30.0, "percent": 50.0}})
    asked = replace(make_question(plan), predictive=TEN)
    with pytest.raises(UsageError, match="has no assurance"):
        assurance_at(asked, 10)
    with pytest.raises(UsageError, match="needs evidence"):
        assurance_at(question(), 10)


FAR = [
    TEN, Predictive(-0.4, 0.6, 3), Predictive(0.2, 1.0, 1), Predictive(0.3, 2.0, 2.5),
    Predictive(6.0, 0.05, 8), Predictive(0.0, 5.0, 0.7), Predictive(1.5, 0.4, 200),
]  # fmt: skip


@pytest.mark.parametrize("known", FAR)
@pytest.mark.parametrize("n", [2, 3, 12, 40, 300])
@pytest.mark.parametrize("level", [0.5, 0.05, 0.025, 1e-4])
def test_integral_against_a_fine_product_rule(known: Predictive, n: int, level: float) -> None:
    """Both χ variables by halved trapezoids until 12 digits stand, with scipy's normal and t."""
    df, m = 2 * n - 2, math.sqrt(n / 2)
    cut = -float(stdtrit(df, level))

    def value(halvings: int) -> NDArray[np.float64]:
        s, s_weights = chi_rule(df, halvings)
        u, u_weights = chi_rule(known.df, halvings)
        spread = np.hypot(1.0, m * known.scale / u)
        return np.asarray(
            s_weights @ ndtr((m * known.mean - cut * s[:, None]) / spread) @ u_weights
        )

    found = passes(m, df, cut, known.mean, known.scale, known.df)
    assert found == pytest.approx(float(refine(value)), abs=1e-9)


# Every design whose test is a t test, against its own power averaged over the predictive.
TESTED = [
    ("paired", {"inputs": {"correlation": 0.5}}, 9),
    ("several-arms", {"arms": 3, "inputs": {"comparisons": 2}}, 9),
    ("two-by-two", {}, 9),
    ("cages-whole", {"cage": 3, "icc": 0.3}, 6),
    ("cages-within", {"cage": 4, "icc": 0.3}, 4),
    ("cages-within", {"cage": 4, "icc": 0.3, "inputs": {"error": "clusters"}}, 4),
    ("randomised-blocks", {}, 7),
    ("repeated-scans", {"baseline_correlation": 0.5, "inputs": {"question": "change"}}, 8),
    ("repeated-scans", {"baseline_correlation": 0.5, "inputs": {"question": "slope"}}, 8),
    ("ancova", {"baseline_correlation": 0.6}, 4),
    ("two-groups-welch", {}, 4),
    ("shared-control", {"inputs": {"method": "bonferroni", "treated_arms": 3}}, 6),
]


@pytest.mark.parametrize(("name", "design", "size"), TESTED)
def test_exact_designs_against_their_own_power(
    name: str, design: dict[str, Any], size: int
) -> None:
    asked = replace(question(name=name, **design), predictive=Predictive(1.1, 0.9, 4))
    plain = averaged(asked, Predictive(1.1, 0.9, 4), size)
    assert assurance_at(asked, size) == pytest.approx(plain, abs=1e-6)


def test_an_interaction_of_two_groups_and_two_scans_is_a_two_sided_t_test() -> None:
    design = {"name": "repeated-scans", "baseline_correlation": 0.5}
    asked = replace(question(**design), predictive=TEN)
    change = replace(question(**design, inputs={"question": "change"}), predictive=TEN)
    assert assurance_at(asked, 8) == pytest.approx(assurance_at(change, 8), abs=1e-12)


def test_dunnett_against_simulation() -> None:
    asked = question(name="shared-control", inputs={"treated_arms": 2})
    asked = replace(asked, predictive=TEN)
    rng = np.random.default_rng(3)
    k, n = 40_000, 8
    delta = TEN.mean + TEN.scale * rng.standard_t(TEN.df, (k, 1))
    control = rng.standard_normal((k, n))
    treated = delta + rng.standard_normal((k, n))
    groups = np.stack([control, treated, delta + rng.standard_normal((k, n))])
    pooled = np.sqrt(groups.var(axis=2, ddof=1).mean(axis=0))
    t = (treated.mean(axis=1) - control.mean(axis=1)) / (pooled * math.sqrt(2 / n))
    # Dunnett's two-sided 5 % point of 2 arms and 21 df lies between 2.38 (20) and 2.35 (24) of the
    # printed table.
    low, high = float((t > 2.38).mean()), float((t > 2.35).mean())
    error = 4 * math.sqrt(0.25 / k)
    assert low - error <= assurance_at(asked, n) <= high + error


@pytest.mark.parametrize("guess", [0, 2, 3, 17, 18, 19, 40, 99_999])
def test_the_search_does_not_depend_on_where_it_starts(guess: int) -> None:
    seen: list[int] = []

    def at(size: int) -> float:
        seen.append(size)
        return 1 - 3.4 / size

    assert smallest_size(at, 0.8, 100_000, guess) == 17
    assert smallest_size(at, 0.1, 100_000, guess) == 4
    assert smallest_size(at, 0.99999, 100_000, guess) is None
    assert min(seen) >= 2
    assert max(seen) <= 100_000


@pytest.mark.parametrize(("target", "size"), [(0.8, 18), (0.9, 81), (0.95, None)])
def test_published_sizes(target: float, size: int | None) -> None:
    asked = replace(question(), predictive=TEN)
    assert n_for_assurance(asked, target)["size"] == size
    # Sizes that were computed for another target change nothing.
    known = Known()
    n_for_assurance(asked, 0.7, known)
    assert n_for_assurance(asked, target, known)["size"] == size
    assert ceiling(1.5, TEN.scale, 8) == pytest.approx(0.94435, abs=5e-6)
