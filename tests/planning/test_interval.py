"""Expected intervals: studies drawn animal by animal, the precision design, and their reasons."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from metabone.planning.answer import answer_mde, answer_n, answer_power
from metabone.planning.designs.interval import expected_interval
from metabone.planning.designs.precision import half_width
from metabone.planning.designs.registry import DESIGNS, find, power
from metabone.planning.plan_file import Plan
from metabone.planning.question import make_question

STUDIES = 40_000
Array = NDArray[np.float64]


def agrees(drawn: Array, expected: float) -> bool:
    error = float(drawn.std(ddof=1)) / math.sqrt(drawn.size)
    return abs(float(drawn.mean()) - expected) <= 4 * error


def half(name: str, **inputs: Any) -> float:
    return float(expected_interval(find(name), inputs)["half_width"])


def pooled(*groups: Array) -> Array:
    squares = sum(g.var(1, ddof=1) * (g.shape[1] - 1) for g in groups)
    return np.asarray(np.sqrt(squares / (sum(g.shape[1] for g in groups) - len(groups))))


def test_two_groups_as_the_precision_design_has_it() -> None:
    inputs = {"sd": 4.0, "n": [7, 11]}
    wide = power("interval-width", {**inputs, "half_width": 3.0})["expected_half_width"]
    assert half("two-groups", **inputs, difference=6.0) == pytest.approx(wide, rel=1e-12)
    assert wide == half_width(4.0, 7, 11, 0.95)


def test_drawn_studies_of_two_groups_and_of_a_contrast() -> None:
    rng = np.random.default_rng(21)
    groups = [2.0 * rng.standard_normal((STUDIES, n)) for n in (4, 5, 6)]
    t2, t3 = stats.t.isf(0.025, 7), stats.t.isf(0.025 / 3, 12)
    drawn = t2 * pooled(*groups[:2]) * math.sqrt(1 / 4 + 1 / 5)
    assert agrees(drawn, half("two-groups", sd=2.0, n=[4, 5], difference=1.0))
    drawn = t3 * pooled(*groups) * math.sqrt(1 / 4 + 1 / 6)
    found = expected_interval(
        find("several-arms"),
        {"sd": 2.0, "n": [4, 5, 6], "means": [0, 0, 1], "compare": [3, 1], "comparisons": 3},
    )
    assert agrees(drawn, found["half_width"])
    assert found["kind"] == "simultaneous over 3 comparisons (Bonferroni)"


def test_drawn_studies_of_welch() -> None:
    rng = np.random.default_rng(22)
    x, y = rng.standard_normal((STUDIES, 4)), 3.0 * rng.standard_normal((STUDIES, 7))
    a, b = x.var(1, ddof=1) / 4, y.var(1, ddof=1) / 7
    df = (a + b) ** 2 / (a**2 / 3 + b**2 / 6)
    drawn = stats.t.isf(0.025, df) * np.sqrt(a + b)
    assert agrees(
        drawn, half("two-groups-welch", sd_control=1.0, sd_treated=3.0, n=[4, 7], difference=1)
    )


def test_drawn_studies_of_ancova() -> None:
    """Standard error of the adjusted difference from each study's own regression."""
    rng = np.random.default_rng(23)
    n, r = 5, 0.7
    base = rng.standard_normal((STUDIES, 2 * n))
    final = r * base + math.sqrt(1 - r * r) * rng.standard_normal((STUDIES, 2 * n))
    label = np.repeat([0.0, 1.0], n)
    design = np.stack([np.ones_like(base), np.broadcast_to(label, base.shape), base], axis=2)
    inverse = np.linalg.inv(design.transpose(0, 2, 1) @ design)
    beta = np.einsum("sij,skj,sk->si", inverse, design, final)
    residual = final - np.einsum("skj,sj->sk", design, beta)
    df = 2 * n - 3
    se = np.sqrt((residual**2).sum(1) / df * inverse[:, 1, 1])
    inputs = {"means": [0, 1], "compare": [2, 1], "sd": 1.0, "correlation": r, "n": n}
    assert agrees(stats.t.isf(0.025, df) * se, half("ancova", **inputs))
    spread = float(beta[:, 1].std(ddof=1))
    assert power("ancova", inputs)["se"] == pytest.approx(spread, rel=4 / math.sqrt(2 * STUDIES))


def test_drawn_studies_of_whole_and_of_mixed_cages() -> None:
    rng = np.random.default_rng(24)
    cages, m, icc = 5, 4, 0.4
    cage = math.sqrt(icc) * rng.standard_normal((STUDIES, 2 * cages, 1))
    animals = cage + math.sqrt(1 - icc) * rng.standard_normal((STUDIES, 2 * cages, m))
    means = animals.mean(2)
    t = stats.t.isf(0.025, 2 * cages - 2)
    drawn = t * pooled(means[:, :cages], means[:, cages:]) * math.sqrt(2 / cages)
    shared = {"sd": 1.0, "difference": 1.0, "animals_per_cage": m, "icc": icc}
    assert agrees(drawn, half("cages-whole", cages=cages, **shared))
    change = animals[:, :, :2].mean(2) - animals[:, :, 2:].mean(2)
    k = 2 * cages
    drawn = stats.t.isf(0.025, k - 1) * change.std(1, ddof=1) / math.sqrt(k)
    assert agrees(drawn, half("cages-within", cages=k, error="clusters", **shared))


def test_drawn_studies_of_paired_repeated_and_two_by_two() -> None:
    rng = np.random.default_rng(25)
    n, r = 6, 0.6
    animal = math.sqrt(r) * rng.standard_normal((STUDIES, 2 * n, 1))
    scans = animal + math.sqrt(1 - r) * rng.standard_normal((STUDIES, 2 * n, 3))
    change = scans[:, :, 2] - scans[:, :, 0]
    one = stats.t.isf(0.025, n - 1) * change[:, :n].std(1, ddof=1) / math.sqrt(n)
    assert agrees(one, half("paired", sd=1.0, correlation=r, difference=1.0, n=n))
    two = stats.t.isf(0.025, 2 * n - 2) * pooled(change[:, :n], change[:, n:]) * math.sqrt(2 / n)
    means = [[0.0, 0.0, 0.0], [0.0, 0.5, 1.0]]
    scanned = {"sd": 1.0, "correlation": r, "means": means, "n": n}
    assert agrees(two, half("repeated-scans", **scanned, question="change"))
    slope = (scans * np.array([-2.0, 0.0, 2.0])).sum(2) / 8
    three = stats.t.isf(0.025, 2 * n - 2) * pooled(slope[:, :n], slope[:, n:]) * math.sqrt(2 / n)
    found = expected_interval(
        find("repeated-scans"), {**scanned, "question": "slope", "times": [0, 2, 4]}
    )
    assert agrees(three, found["half_width"])
    assert (found["per"], found["estimate"]) == ("per week", pytest.approx(0.25))
    cells = [rng.standard_normal((STUDIES, 3)) for _ in range(4)]
    four = stats.t.isf(0.025, 8) * pooled(*cells) * math.sqrt(4 / 3)
    assert agrees(four, half("two-by-two", sd=1.0, means=[0, 0, 0, 1], n=3))


def test_dunnett_covers_all_arms_at_once() -> None:
    """95 % of drawn studies have every true difference inside; two arms, equal groups."""
    rng = np.random.default_rng(26)
    n, arms = 5, 2
    groups = [rng.standard_normal((STUDIES, n)) for _ in range(arms + 1)]
    se = pooled(*groups) * math.sqrt(2 / n)
    gaps = np.stack([g.mean(1) - groups[0].mean(1) for g in groups[1:]])
    inputs = {"sd": 1.0, "difference": 1.0, "treated_arms": arms, "n": n}
    found = expected_interval(find("shared-control"), inputs)
    assert found["kind"] == "simultaneous over 2 arms (Dunnett)"
    # The multiple of the estimated standard error that this half-width stands for.
    cut = found["half_width"] / float(se.mean())
    inside = (np.abs(gaps).max(0) < cut * se).mean()
    assert inside == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / STUDIES) + 0.001)
    holm = expected_interval(find("shared-control"), {**inputs, "method": "holm"})
    assert holm["half_width"] is None
    assert "Holm" in holm["reason"]


def test_one_sided_tests_keep_their_level_and_margins_take_two_alpha() -> None:
    both = half("two-groups", sd=1.0, difference=1.0, n=8)
    assert half("two-groups", sd=1.0, difference=1.0, n=8, sides=1) == both
    found = expected_interval(find("equivalence"), {"sd": 1.0, "margin": 1.0, "n": 8})
    assert found["level"] == pytest.approx(0.9)
    assert found["half_width"] == pytest.approx(half_width(1.0, 8, 8, 0.9))
    lower = {"sd": 1.0, "margin": 1.0, "n": 8, "difference": -0.2, "better": "lower"}
    found = expected_interval(find("non-inferiority"), lower)
    assert (found["level"], found["estimate"]) == (pytest.approx(0.95), -0.2)


def test_a_ratio_is_told_as_a_ratio() -> None:
    found = expected_interval(find("fold-change"), {"fold": 1.5, "cv": 35.0, "n": 10})
    log = half_width(math.sqrt(math.log(1 + 0.35**2)), 10, 10, 0.95)
    assert found["scale"] == "ratio"
    assert found["half_width"] == pytest.approx(math.exp(log))
    assert found["low"] * found["half_width"] == pytest.approx(1.5)
    assert found["high"] / found["half_width"] == pytest.approx(1.5)


def test_every_design_has_an_interval_or_a_reason() -> None:
    for entry in DESIGNS.values():
        assert (entry.get("estimate") is None) != (entry.get("no_interval") is None), entry["name"]


def plan(**design: Any) -> Any:
    return make_question(Plan({"study": {"unit": "%"}, "design": design}))


def test_answers_carry_the_interval() -> None:
    answer = answer_n(plan(mean=20.0, cv=20.0, percent=30.0), grid=False)
    content = answer.to_dict()
    assert content["interval"]["unit"] == "%"
    assert content["interval"]["low"] == pytest.approx(6 - content["interval"]["half_width"])
    assert content["interval_reason"] is None
    found = answer_mde(plan(sd=4.0, difference=1.0, n=9), grid=False)
    assert found.interval is not None
    assert found.interval["estimate"] == pytest.approx(found.outputs["effect"])
    ranks = answer_power(plan(name="ranks", sd=4.0, difference=6.0, n=5), grid=False)
    assert ranks.interval is None
    assert "rank test" in ranks.interval_reason
