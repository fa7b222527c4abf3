"""The mean over what the truth may be, where the chance jumps at 0, against adaptive quadrature."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import f as f_dist
from scipy.stats import ncf, norm, t

from metabone.planning.designs.truth_average import RULES, averaged


def f_test(n: int) -> tuple[float, int, int]:
    """Critical value and df of an F test of three groups."""
    return float(f_dist.isf(0.05, 2, 3 * n - 3)), 2, 3 * n - 3


@pytest.mark.parametrize(
    ("n", "mean", "scale", "df"),
    [
        (150, 0.4, 2.0, math.inf), (8, 0.0, 0.1, math.inf), (6, 1.2, 0.5, 4.0),
        (30, -0.3, 1.0, 1.0), (5000, 0.2, 0.3, 3.0), (4, 0.8, 1e-4, math.inf),
    ],
)  # fmt: skip
def test_an_f_test_finds_nothing_in_the_wrong_direction(
    n: int, mean: float, scale: float, df: float
) -> None:
    cut, d1, d2 = f_test(n)

    def chance(size: float, right: bool) -> float:
        # scipy's distribution has no noncentrality of 0.
        return float(ncf.sf(cut, d1, d2, max(n * size**2 / 2, 1e-12))) if right else 0.0

    known = norm if df == math.inf else t(df)
    z = abs(mean) / scale
    edges = [0.0, *np.geomspace(0.02, 40, 25) / math.sqrt(n) / scale]
    edges = sorted({*edges, *(max(z + k, 0.0) for k in range(-8, 9)), edges[-1] + 9 + z})
    exact = sum(
        quad(lambda x: known.pdf(x - z) * chance(scale * x, True), a, b, epsabs=1e-11)[0]
        for a, b in pairwise(edges)
    )
    exact += known.sf(edges[-1] - z)
    assert averaged(chance, mean, scale, df) == pytest.approx(exact, abs=1e-7)


def test_the_rules_are_exact_for_polynomials() -> None:
    for power in range(0, 24, 2):
        whole = 2 / (power + 1)
        kronrod, gauss = (
            sum(rule[which] * rule[0] ** power * (2 if rule[0] else 1) for rule in RULES)
            for which in (1, 2)
        )
        assert kronrod == pytest.approx(whole, abs=1e-14)
        if power < 14:
            assert gauss == pytest.approx(whole, abs=1e-14)


def test_a_known_truth_and_a_hopeless_test() -> None:
    assert averaged(lambda size, right: 0.25 * size, 2.0, 0.0, math.inf) == 0.5
    assert averaged(lambda size, right: 0.0, 1.0, 0.5, 5.0) == pytest.approx(0.0, abs=1e-9)
