"""Permutation tests against metafor's exact ones, by brute force, and their size by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.arrangements import CHUNK, Arrangements, Signs
from metabone.models.multilevel import multilevel
from metabone.models.multilevel_permutation import permute_moderators, split_columns
from metabone.models.permutation import permutation_test
from metabone.models.problem import constant_correlation
from metabone.models.random_effects import random_effects

Y = np.array([0.1, 0.5, 0.9, 0.3, 1.2, 0.2, 0.7, 0.4])
V = np.array([0.04, 0.05, 0.1, 0.02, 0.3, 0.06, 0.08, 0.03])
X = np.array([0.0, 0, 1, 0, 1, 1, 0, 1])
Z = np.array([1.0, 3, 2, 5, 4, 7, 6, 8])
ONE = np.ones(8)


@pytest.mark.parametrize(
    ("test", "method", "want"),
    [("wald", "REML", 0.46875), ("wald", "DL", 0.6171875), ("hksj", "REML", 0.5),
     ("hksj", "DL", 0.6171875)],
)  # fmt: skip
def test_exact_signs_are_metafors(test: str, method: str, want: float) -> None:
    """permutest(rma(yi - .45, vi, …), exact = TRUE), metafor 3.8-1."""
    found = permutation_test(Y - 0.45, V, test=test, method=method)
    assert found.exact
    assert found.iterations == 128  # half of metafor's 256: turning all signs changes nothing
    assert found.pvalue.tolist() == [want]
    assert found.omnibus_pvalue == want


def test_exact_rows_are_metafors() -> None:
    """permutest(rma(yi, vi, mods = ~ x), exact = TRUE), and ~ z + x of the first six."""
    for test, want in (("wald", 0.457142857142857), ("hksj", 0.485714285714286)):
        found = permutation_test(Y, V, np.column_stack([ONE, X]), test=test)
        assert (found.exact, found.iterations) == (True, 70)
        assert math.isnan(found.pvalue[0])
        assert math.isclose(found.pvalue[1], want, rel_tol=1e-12)
        assert math.isclose(found.omnibus_pvalue, want, rel_tol=1e-12)
    found = permutation_test(Y[:6], V[:6], np.column_stack([ONE, Z, X])[:6])
    want = [0.465277777777778, 0.204166666666667, 0.408333333333333]
    np.testing.assert_allclose([*found.pvalue[1:], found.omnibus_pvalue], want)


def test_random_signs_come_near_the_exact_p() -> None:
    rng = np.random.default_rng(8)
    v = rng.uniform(0.02, 0.3, 14)
    y = rng.normal(0.25, np.sqrt(v + 0.1))
    exact = permutation_test(y, v, iterations=2**13)
    drawn = permutation_test(y, v, iterations=4000, seed=2)
    assert (exact.exact, drawn.exact) == (True, False)
    p = exact.pvalue[0]
    assert abs(drawn.pvalue[0] - p) < 4 * math.sqrt(p * (1 - p) / 4000) + 1 / 4000
    # The Monte Carlo p counts the data themselves.
    far = int((np.abs(drawn.draws[:, 0]) >= abs(drawn.statistic[0]) * (1 - 1e-8)).sum())
    assert drawn.pvalue[0] == (1 + far) / 4001


def test_statistics_of_turned_signs_are_fits_of_their_own() -> None:
    found = permutation_test(Y, V, iterations=128)
    signs = Signs(8, 128, 1).signs(0)
    for row in (0, 5, 77, 127):
        one = random_effects(signs[row] * Y, V)
        assert math.isclose(found.draws[row, 0], float(one.statistic[0]), rel_tol=1e-7)


def test_groups_turn_together() -> None:
    groups = [0, 0, 1, 1, 2, 2, 3, 3]
    found = permutation_test(Y, V, groups=groups, iterations=99)
    assert found.iterations == 8
    signs = [s for s in itertools.product([1.0, -1.0], repeat=4) if s[0] > 0]
    t = [float(random_effects(np.repeat(s, 2) * Y, V).statistic[0]) for s in signs]
    np.testing.assert_allclose(sorted(found.draws[:, 0]), sorted(t), rtol=1e-7)
    assert found.pvalue[0] == np.mean(np.abs(t) >= t[0] * (1 - 1e-8))


def test_groups_exchange_their_rows() -> None:
    groups = np.repeat(np.arange(4), 2)
    x = np.column_stack([ONE, np.repeat([0.0, 1, 1, 0], 2)])
    found = permutation_test(Y, V, x, groups=groups)
    assert (found.exact, found.iterations) == (True, 6)
    t = []
    for ones in itertools.combinations(range(4), 2):
        column = np.isin(groups, ones).astype(float)
        t.append(float(random_effects(Y, V, np.column_stack([ONE, column])).statistic[1]))
    assert math.isclose(found.pvalue[1], np.mean(np.abs(t) >= abs(found.statistic[1]) * (1 - 1e-8)))
    with pytest.raises(DataError, match="differ within a group"):
        permutation_test(Y, V, np.column_stack([ONE, Z]), groups=groups)


def test_one_seed_gives_one_answer_on_any_number_of_workers() -> None:
    y, v = np.tile(Y, 3), np.tile(V, 3) + np.arange(24) / 500
    for wide in (None, np.column_stack([np.ones(24), np.arange(24.0)])):
        one = permutation_test(y, v, wide, iterations=CHUNK + 10, seed=4)
        two = permutation_test(y, v, wide, iterations=CHUNK + 10, seed=4, n_jobs=2)
        other = permutation_test(y, v, wide, iterations=CHUNK + 10, seed=5)
        np.testing.assert_array_equal(one.draws, two.draws)
        assert (one.draws != other.draws).any()


def test_arrangements_are_all_there_once() -> None:
    scheme = Arrangements(np.array([0, 0, 1, 2]), 99, 1)
    found = {tuple(row) for row in scheme.labels_of(0).tolist()}
    assert found == set(itertools.permutations([0, 0, 1, 2]))
    assert len(found) == scheme.possible == 12
    strata = Arrangements(np.array([0, 1, 0, 1, 2]), 99, 1, np.array([0, 0, 1, 1, 1]))
    found = {tuple(row) for row in strata.labels_of(0).tolist()}
    assert len(found) == strata.possible == 12
    assert all(set(row[:2]) == {0, 1} and sorted(row[2:]) == [0, 1, 2] for row in found)


def test_the_test_rejects_as_often_as_it_says() -> None:
    """Under no effect, with errors that are not normal, at most 10 % of p-values are below 0.1."""
    rng = np.random.default_rng(3)
    runs, count = 200, 0
    for _ in range(runs):
        v = rng.uniform(0.02, 0.3, 7)
        y = rng.laplace(0, 1, 7) * np.sqrt(v + 0.2)
        count += permutation_test(y, v).pvalue[0] <= 0.1
    assert count / runs < 0.1 + 3 * math.sqrt(0.09 / runs)
    assert count / runs > 0.04


def test_effects_without_scatter_have_no_test() -> None:
    with pytest.raises(ModelError, match="without scatter"):
        permutation_test(np.ones(6), np.full(6, 0.1))
    found = permutation_test(np.ones(6), np.full(6, 0.1), test="wald", iterations=99)
    assert found.pvalue[0] == 1 / 32


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="iterations must be from 99"):
        permutation_test(Y, V, iterations=10)
    with pytest.raises(ModelError, match="cannot test"):
        permutation_test([1.0], [0.1], test="wald")
    with pytest.raises(DataError, match="nothing to exchange"):
        permutation_test(Y, V, np.ones((8, 1)))


def _studies(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    study = np.repeat(np.arange(6), [3, 2, 2, 1, 2, 3])
    v = rng.uniform(0.05, 0.4, len(study))
    y = 0.4 + rng.normal(0, 0.4, 6)[study] + rng.normal(0, 0.3, len(study))
    return y + rng.normal(0, 1, len(study)) * np.sqrt(v), v, study


def test_moderators_of_studies_change_places_between_studies() -> None:
    y, v, study = _studies(1)
    random = {"study": study, "effect": range(len(y))}
    blocks = constant_correlation(v, study, 0.5)
    x = np.column_stack([np.ones(len(y)), np.array([0.0, 1, 0, 1, 1, 0])[study]])
    fit = multilevel(y, blocks, random, x)
    found = permute_moderators(fit, [1])
    assert (found.exact, found.iterations, found.failed) == (True, 20, 0)
    t = []
    for ones in itertools.combinations(range(6), 3):
        x[:, 1] = np.isin(study, ones)
        t.append(float(multilevel(y, blocks, random, x).statistic[1]))
    want = np.mean(np.abs(t) >= abs(fit.statistic[1]) * (1 - 1e-6))
    assert found.pvalue[1] == want
    assert math.isnan(found.pvalue[0])
    np.testing.assert_allclose(sorted(np.abs(found.draws[:, 1])), sorted(np.abs(t)), rtol=1e-4)


def test_moderators_within_studies_stay_in_them() -> None:
    y, v, study = _studies(2)
    random = {"study": study, "effect": range(len(y))}
    site = np.array([0.0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0])
    both = np.column_stack([np.ones(len(y)), site, np.array([0.0, 1, 0, 1, 1, 0])[study]])
    fit = multilevel(y, constant_correlation(v, study, 0.5), random, both)
    between, within = split_columns(fit)
    assert between.tolist() == [False, False, True]
    assert within.tolist() == [False, True, False]
    found = permute_moderators(fit, within, iterations=99)
    assert (found.exact, found.iterations) == (True, 3 * 2 * 1 * 1 * 2 * 3)
    one = permute_moderators(fit, within, iterations=99, seed=9)
    assert one.pvalue[1] == found.pvalue[1]
    with pytest.raises(DataError, match="one kind at a time"):
        permute_moderators(fit, [1, 2])


def test_one_by_one_is_as_in_a_batch() -> None:
    """Experiments as a third level take another engine; with no variance they change nothing."""
    y, v, study = _studies(4)
    x = np.column_stack([np.ones(len(y)), np.array([0.0, 1, 0, 1, 1, 0])[study]])
    two = {"study": study, "effect": range(len(y))}
    three = {"study": study, "experiment": np.arange(len(y)) // 2 + 10 * study,
             "effect": range(len(y))}  # fmt: skip
    blocks = constant_correlation(v, study, 0.5)
    fits = [multilevel(y, blocks, random, x) for random in (two, three)]
    assert fits[1].sigma2["experiment"] == 0
    found = [permute_moderators(fit, [1]) for fit in fits]
    np.testing.assert_allclose(found[0].statistic, found[1].statistic, rtol=1e-5)
    assert found[1].iterations == 20
    assert found[1].failed == 0
