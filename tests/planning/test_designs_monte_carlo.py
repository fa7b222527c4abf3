"""Designs whose formulas are their own, against animals drawn one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from metabone.planning.designs.ancova import omnibus_exact, omnibus_shieh
from metabone.planning.designs.cages import naive_error
from metabone.planning.designs.ranks import shift_power, skewed_power
from metabone.planning.designs.sequential import crossings
from metabone.planning.designs.sequential_t import t_crossings
from metabone.planning.designs.several_arms import between

REPLICATES = 60_000


def close(closed: float, drawn: NDArray[np.bool_], errors: float = 4.0) -> bool:
    rate = float(drawn.mean())
    return abs(closed - rate) <= errors * math.sqrt(rate * (1 - rate) / drawn.size)


def t_statistics(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    n, m = x.shape[1], y.shape[1]
    pooled = (x.var(1, ddof=1) * (n - 1) + y.var(1, ddof=1) * (m - 1)) / (n + m - 2)
    return (y.mean(1) - x.mean(1)) / np.sqrt(pooled * (1 / n + 1 / m))


def test_the_ancova_f_of_several_arms() -> None:
    """Residual sums of squares of both models, from the data; Shieh's share is too small."""
    rng = np.random.default_rng(11)
    sizes, means, p = [3.0] * 5, [0.0, 1.0, 2.0, 3.0, 4.0], 1
    label = np.repeat(np.arange(5), 3)
    x = rng.standard_normal((REPLICATES, 15))
    y = np.asarray(means, float)[label] + math.sqrt(1.2) * rng.standard_normal((REPLICATES, 15))

    def rss(groups: bool) -> NDArray[np.float64]:
        design = np.eye(5)[label] if groups else np.ones((15, 1))
        hat = design @ np.linalg.pinv(design)
        a, b = x - x @ hat, y - y @ hat
        return np.asarray((b * b).sum(1) - (a * b).sum(1) ** 2 / (a * a).sum(1))

    full, null = rss(True), rss(False)
    rejected = (null - full) / 4 / (full / (15 - 5 - p)) > stats.f.isf(0.05, 4, 9)
    lam = between(means, sizes) / 1.2
    assert close(omnibus_exact(lam, 5, 15, p, 0.05), rejected)
    assert not close(omnibus_shieh(lam, 5, 15, p, 0.05), rejected)


def test_the_error_of_counting_cage_mates_singly() -> None:
    rng = np.random.default_rng(12)
    cages, m, icc = 12, 4, 0.3
    cage = math.sqrt(icc) * rng.standard_normal((REPLICATES, cages, 1))
    animals = cage + math.sqrt(1 - icc) * rng.standard_normal((REPLICATES, cages, m))
    half = animals.reshape(REPLICATES, 2, -1)
    t = t_statistics(half[:, 0], half[:, 1])
    assert close(naive_error(cages, m, icc, 0.05), np.abs(t) > stats.t.isf(0.025, cages * m - 2))


@pytest.mark.parametrize("sides", [1, 2])
def test_looks_with_the_sd_so_far(sides: int) -> None:
    rng = np.random.default_rng(13)
    seen, d, cuts = [3, 5, 6], 1.2, [3.0, 2.4, 2.1]
    x = rng.standard_normal((REPLICATES, 6))
    y = d + rng.standard_normal((REPLICATES, 6))
    running = np.ones(REPLICATES, bool)
    chances = t_crossings(d, seen, cuts, sides)
    for k, n in enumerate(seen):
        t = t_statistics(x[:, :n], y[:, :n])
        crossed = running & ((t if sides == 1 else np.abs(t)) > cuts[k])
        assert close(chances[k], crossed)
        running &= ~crossed


def test_a_single_new_animal_in_a_group_at_a_look() -> None:
    """One fresh animal that lies far out swells the SD: rejection is then an interval."""
    rng = np.random.default_rng(14)
    seen, d, cuts = [2, 3], 2.5, [6.0, 5.0]
    x = rng.standard_normal((REPLICATES, 3))
    y = d + rng.standard_normal((REPLICATES, 3))
    first = np.abs(t_statistics(x[:, :2], y[:, :2])) > cuts[0]
    second = ~first & (np.abs(t_statistics(x, y)) > cuts[1])
    chances = t_crossings(d, seen, cuts, 2)
    assert close(chances[0], first)
    assert close(chances[1], second)


def test_many_animals_look_as_if_the_sd_were_known() -> None:
    times = [1 / 3, 2 / 3, 1.0]
    bounds = [2.2, 2.2, 2.2]
    known = crossings(bounds, times, 0.3 * math.sqrt(90), 2)
    estimated = t_crossings(0.3, [60, 120, 180], bounds, 2)
    assert known == pytest.approx(estimated, abs=6e-3)


@pytest.mark.parametrize(("n1", "n2", "d"), [(4, 4, 2.0), (5, 8, 1.3), (9, 9, 1.1)])
def test_ranks_of_small_groups(n1: int, n2: int, d: float) -> None:
    rng = np.random.default_rng(15)
    x, y = rng.standard_normal((REPLICATES, n1)), d + rng.standard_normal((REPLICATES, n2))
    u = (x[:, :, None] < y[:, None, :]).sum((1, 2))
    order = np.concatenate([u, n1 * n2 - u])
    tail = {value: _exact_tail(n1, n2, int(value)) for value in np.unique(order)}
    p = 2 * np.array([min(tail[value], tail[n1 * n2 - value]) for value in u])
    closed, exact = shift_power(n1, n2, d, 0.05, 2)
    assert exact
    assert close(closed, p <= 0.05)


def _exact_tail(n1: int, n2: int, count: int) -> float:
    """P(U >= count) of alike groups, by counting partitions (independent of the planner)."""
    table = np.zeros((n2 + 1, n1 * n2 + 1))
    table[0, 0] = 1
    for rank in range(1, n1 + n2 + 1):
        for taken in range(min(rank, n2), 0, -1):
            below = rank - taken
            if below <= n1:
                table[taken, below:] += table[taken - 1, : table.shape[1] - below]
    chances = table[n2] / math.comb(n1 + n2, n2)
    return float(chances[count:].sum())


def test_ranks_of_large_groups_within_what_is_promised() -> None:
    rng = np.random.default_rng(16)
    x, y = rng.standard_normal((REPLICATES, 20)), 0.9 + rng.standard_normal((REPLICATES, 20))
    u = np.array(
        [
            (a[:, :, None] < b[:, None, :]).sum((1, 2))
            for a, b in zip(np.array_split(x, 20), np.array_split(y, 20), strict=True)
        ]
    ).ravel()
    z = (np.abs(u - 200) - 0.5) / math.sqrt(400 * 41 / 12)
    rate = float((z > stats.norm.isf(0.025)).mean())
    assert skewed_power(20, 20, 0.9, 0.05, 2) == pytest.approx(rate, abs=0.004 + 0.006)
