"""Holm's power, and Dunnett's critical value, against rectangles of scipy's multivariate normal."""

import math

import pytest
from scipy.stats import multivariate_normal

from metabone.planning.kernel import dunnett_critical, holm_power, norm_isf

INF = float("inf")


def rectangle(low: list[float], high: list[float], nc: list[float]) -> float:
    """P(low < X < high) of two comparisons that share a control of their own size."""
    law = multivariate_normal(nc, [[1, 0.5], [0.5, 1]], abseps=1e-13)
    return float(law.cdf(high, lower_limit=low))


@pytest.mark.parametrize("nc", [[1.5, 3.0], [2.5, 2.5], [0.0, 4.0]])
def test_two_arms_of_holm(nc: list[float]) -> None:
    """Both rejected: both pass the second value, and not both stop short of the first."""
    far, near = norm_isf(0.0125), norm_isf(0.025)
    any_, every, each = holm_power(nc, [math.sqrt(0.5)] * 2, INF, 0.025, 1)
    assert any_ == pytest.approx(1 - rectangle([-40, -40], [far, far], nc), abs=1e-9)
    both = rectangle([near, near], [40, 40], nc) - rectangle([near, near], [far, far], nc)
    assert every == pytest.approx(both, abs=1e-9)
    alone = [rectangle([far, -40], [40, near], nc), rectangle([-40, far], [near, 40], nc)]
    assert each == pytest.approx([both + share for share in alone], abs=1e-9)


def test_two_arms_of_dunnett() -> None:
    for alpha in (0.3, 0.05, 1e-4):
        c = dunnett_critical(alpha, [7, 7], 7, INF)
        assert 1 - rectangle([-c, -c], [c, c], [0, 0]) == pytest.approx(alpha, abs=1e-11)
