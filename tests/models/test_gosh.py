"""All subsets against metafor, against each fit by itself, and as a sample."""

from __future__ import annotations

import numpy as np
import pytest

from metabone.errors import DataError, UsageError
from metabone.models.gosh import CHUNK, gosh
from metabone.models.influence import fit_parts
from metabone.models.shared import estimate_shared, shared
from metabone.models.tau2 import Batch, _Likelihood

Y = np.array([0.1, 0.5, 0.9, 0.3])
V = np.array([0.04, 0.05, 0.1, 0.02])


def _data(k: int, wide: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(k)
    v = 10 ** rng.uniform(-3, 1, k) if wide else rng.uniform(0.02, 0.3, k)
    return rng.normal(0.3, np.sqrt(v + 0.1)), v


def test_all_subsets_are_those_of_metafor() -> None:
    """gosh(rma(yi, vi)), metafor 3.8-1, threshold 1e-14; its rows by size, ours by counting."""
    found = gosh(Y, V)
    estimate = [0.1, 0.5, 0.9, 0.3, 0.2875, 0.4625, 0.6375, 0.233333333333333, 0.357142857142857,
                0.533333333333333, 0.450820021453537, 0.289473684210527, 0.362215390877877,
                0.470511219771201, 0.371104321999225]  # fmt: skip
    tau2 = [0, 0, 0, 0, 0.035, 0.25, 0.005, 0, 0, 0.12, 0.0872157872696237, 0,
            0.0627105312869303, 0.0242417566646527, 0.0208531336265343]  # fmt: skip
    i2 = [0, 0, 0, 0, 43.75, 78.125, 6.25, 0, 0, 66.6666666666667, 60.1030061764998, 0,
          59.6048043098519, 33.99938205085, 32.8806418628396]  # fmt: skip
    order = [0, 1, 3, 7, 2, 4, 5, 8, 9, 11, 6, 10, 12, 13, 14]
    np.testing.assert_allclose(found.estimate[order], estimate, rtol=1e-6)
    np.testing.assert_allclose(found.tau2[order], tau2, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.i2[order], i2, rtol=1e-5, atol=1e-6)
    assert found.complete
    assert found.seed is None
    assert len({tuple(row) for row in found.include().tolist()}) == 15


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("method", ["REML", "DL", "HE", "HS", "SJ", "PM", "EE"])
def test_each_subset_is_its_own_fit(wide: bool, method: str) -> None:
    y, v = _data(9, wide)
    found = gosh(y, v, method=method)
    each = fit_parts(y, v, found.include(), method=method, test="wald")
    np.testing.assert_allclose(found.estimate, each.coef[:, 0], atol=1e-9)
    np.testing.assert_allclose(found.tau2, each.tau2, atol=1e-9)
    np.testing.assert_allclose(found.i2, each.i2, atol=1e-6)
    np.testing.assert_array_equal(found.size, each.k)


@pytest.mark.parametrize("restricted", [True, False])
def test_the_highest_maximum_is_found(restricted: bool) -> None:
    """No value of τ² on a fine grid has a higher likelihood, also where there are two maxima."""
    y, v = _data(10, True)
    rng = np.random.default_rng(0)
    on = (rng.random((300, 10)) < 0.5).astype(float)
    on = on[on.sum(axis=1) > 1]
    found = estimate_shared(shared(y, v, on=on), "REML" if restricted else "ML")
    batch = Batch(np.where(on > 0, y, 0.0), np.where(on > 0, v, 1.0), None, on)
    likelihood = _Likelihood(restricted)
    best = likelihood.value(batch, found.tau2)
    for point in np.r_[0.0, np.geomspace(1e-5, 50, 300)]:
        assert (likelihood.value(batch, np.full(len(on), point)) <= best + 1e-9).all()


def test_members_come_and_go_together() -> None:
    y, v = _data(6, False)
    found = gosh(y, v, members=["b", "b", "a", "c", "c", "c"])
    assert len(found.size) == 7
    whole = fit_parts(y, v, np.ones((1, 6)), test="wald")
    np.testing.assert_allclose(found.estimate[-1], whole.coef[0, 0])
    alone = fit_parts(y, v, [[0, 0, 0, 1, 1, 1]], test="wald")  # the third member is c
    np.testing.assert_allclose(found.estimate[3], alone.coef[0, 0])
    assert found.size.tolist() == [1, 1, 2, 1, 2, 2, 3]


def test_a_sample_is_the_same_for_any_number_of_workers() -> None:
    y, v = _data(30, False)
    one = gosh(y, v, sample=CHUNK + 500, seed=3)
    two = gosh(y, v, sample=CHUNK + 500, seed=3, n_jobs=2)
    np.testing.assert_array_equal(one.estimate, two.estimate)
    np.testing.assert_array_equal(one.members, two.members)
    assert not one.complete
    assert one.seed == 3
    # Each member is in half of the subsets, none of which is empty.
    assert one.size.min() >= 1
    share = one.include().mean(axis=0)
    assert np.abs(share - 0.5).max() < 5 * 0.5 / np.sqrt(len(one.size))
    assert (gosh(y, v, sample=100, seed=4).estimate != one.estimate[:100]).any()


def test_a_sample_of_two_members_has_no_empty_subset() -> None:
    found = gosh([0.1, 0.4], [0.1, 0.1], sample=2, seed=5)
    assert not found.complete
    assert found.size.min() >= 1


def test_a_large_mean_costs_no_digits() -> None:
    y, v = _data(8, False)
    near, far = gosh(y, v), gosh(y + 1e6, v)
    np.testing.assert_allclose(far.estimate - 1e6, near.estimate, atol=1e-8)
    np.testing.assert_allclose(far.tau2, near.tau2, atol=1e-8)


def test_effects_that_are_all_alike() -> None:
    found = gosh(np.ones(5), np.full(5, 0.1))
    assert (found.estimate == 1).all()
    assert (found.tau2 == 0).all()
    assert (found.i2 == 0).all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="there is one"):
        gosh([1.0], [0.1])
    with pytest.raises(UsageError, match="sample must be from 1"):
        gosh(Y, V, sample=0)
    with pytest.raises(UsageError, match="method must be one of"):
        gosh(Y, V, method="GLS")
    with pytest.raises(DataError, match="members must have the shape"):
        gosh(Y, V, members=[1, 2])
