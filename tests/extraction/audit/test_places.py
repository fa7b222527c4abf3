"""Effects of sites on the spread of animals, against the exact conditional expectation."""

from __future__ import annotations

import numpy as np
import pytest

from metabone.extraction.audit import mixture as mix
from metabone.extraction.audit.places import SITE_SD, site_effects


def evidence(study: list[int], site: list[int], endpoint: list[int]) -> mix.Evidence:
    k = len(study)
    blank = np.zeros((1, k))
    return mix.Evidence(
        y=np.zeros((1, k, 2)), extra=blank, error=np.zeros((k, 2)), share=np.ones((k, 2)),
        wide=np.zeros((1, 2)), prior=np.zeros(1), label=blank, endpoint=np.array(endpoint),
        study=np.array(study), site=np.array(site),
    )  # fmt: skip


def exact(
    site: np.ndarray, outcome: np.ndarray, clean: np.ndarray, error: float, row: int, cell: float
) -> tuple[float, float]:
    """Mean and variance of the site's effect, given the rows of the other outcomes."""
    others = np.flatnonzero(outcome != outcome[row])
    same_site = (site[others, None] == site[others]).astype(float)
    same_cell = (outcome[others, None] == outcome[others]).astype(float)
    covariance = SITE_SD**2 * same_site + cell**2 * same_cell + error * np.eye(len(others))
    with_site = SITE_SD**2 * (site[others] == site[row])
    solved = np.linalg.solve(covariance, with_site)
    return float(solved @ clean[others]), float(SITE_SD**2 - solved @ with_site)


def test_a_site_is_known_by_its_other_outcomes() -> None:
    rng = np.random.default_rng(3)
    site, outcome = np.tile([0, 1], 6), np.repeat(np.arange(6), 2)
    clean = np.where(site == 0, -0.5, 0.2) + rng.normal(0, 0.3, 6)[outcome] + rng.normal(0, 0.1, 12)
    data = evidence([0] * 12, site.tolist(), outcome.tolist())
    got = site_effects(data, clean, np.full(12, 100.0), np.zeros(12), mix.Scales(cell=0.3))
    for row in range(12):
        mean, variance = exact(site, outcome, clean, 0.01, row, 0.3)
        assert got[0][row] == pytest.approx(mean, abs=1e-9)
        assert got[1][row] == pytest.approx(variance, rel=1e-9)
    assert got[0][site == 0].max() < got[0][site == 1].min() - 0.5


def test_one_site_or_one_outcome_says_nothing() -> None:
    scales = mix.Scales()
    alone = evidence([0, 0, 0], [2, 2, 2], [0, 1, 2])
    mean, variance = site_effects(alone, np.full(3, -0.7), np.full(3, 50.0), np.zeros(3), scales)
    assert not mean.any()
    assert not variance.any()
    one = evidence([0, 0], [0, 1], [0, 0])
    mean, variance = site_effects(one, np.array([-0.7, 0.7]), np.full(2, 50.0), np.zeros(2), scales)
    assert mean == pytest.approx([0, 0], abs=1e-12)
    assert variance == pytest.approx([SITE_SD**2] * 2)


def test_sites_of_other_studies_are_other_sites() -> None:
    data = evidence([0, 0, 1, 1, 1, 1], [0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 2, 2])
    clean = np.array([-1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    mean, _ = site_effects(data, clean, np.full(6, 50.0), np.zeros(6), mix.Scales())
    assert mean == pytest.approx(np.zeros(6), abs=1e-12)


def test_labels_of_single_rows_are_no_sites() -> None:
    """A site for each of 20,000 rows of one study would ask for a matrix of that size."""
    k = 20_000
    data = evidence([0] * k, list(range(k)), [0] * k)
    found = site_effects(data, np.ones(k), np.ones(k), np.zeros(k), mix.Scales())
    assert not np.stack(found).any()
