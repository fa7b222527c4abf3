"""Assurance of any design, by averaging its own power, against the exact answer of two groups."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from metabone.errors import UsageError
from metabone.planning.assured import assurance_at, averaged
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
    assert averaged(question(sides=sides), predictive, n) == pytest.approx(exact, abs=2e-6)


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
