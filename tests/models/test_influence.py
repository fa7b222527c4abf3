"""Refits and case diagnostics against metafor, and against fits made one by one.

The numbers of metafor 3.8-1 (R 4.2.2) come from ``influence(rma(yi, vi, mods = ~ z))``,
``dfbetas``, ``baujat(rma(yi, vi, method = "FE"))`` and ``cumul(rma(yi, vi, test = "knha"))`` with
``control = list(threshold = 1e-14, maxiter = 1000)``.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metabone.errors import DataError, ModelError
from metabone.models.influence import (
    baujat,
    cumulative,
    fit_parts,
    influence,
    leave_one_out,
)
from metabone.models.random_effects import random_effects

Y = np.array([0.1, 0.5, 0.9, 0.3, 1.2, 0.2, 0.7, 0.4])
V = np.array([0.04, 0.05, 0.1, 0.02, 0.3, 0.06, 0.08, 0.03])
Z = np.column_stack([np.ones(8), [1, 3, 2, 5, 4, 7, 6, 8]])

METAFOR = {
    "rstudent": [-1.90409387886639, 0.288267198153007, 1.80830083230517, -0.553719902053413,
                 1.50008093701197, -0.813648882613405, 1.06953028715553, -0.0975578791087433],
    "dffits": [-1.93257079114061, -0.0326638912398337, 0.911384999740386, -0.437812710427792,
               0.40252811178694, -0.517168301681487, 0.412994776485426, -0.138306914880001],
    "cook_d": [3.19647724049603, 0.0028235671058678, 0.731673356265536, 0.397093688917071,
               0.156289659566899, 0.356344472962335, 0.164139057929541, 0.126293450438964],
    "cov_ratio": [1.54342287993861, 2.30331738384859, 0.602263332357944, 3.13738440253365,
                  0.589383203436481, 2.19072622619885, 0.828400480195396, 4.95122131321784],
    "hat": [0.523538751930552, 0.196988252073261, 0.167998837952023, 0.240752615170688,
            0.0290037507888192, 0.207668796022703, 0.110908756910476, 0.523140239151477],
    "tau2_deleted": [0.00685625945715594, 0.0348462272801448, 0.0, 0.0481196999089186,
                     0.00204901093017285, 0.0317223618349472, 0.0074206997744992,
                     0.0481588330102472],
    "q_deleted": [5.52469449976642, 8.93585584824054, 6.04419946665599, 8.78166652494848,
                  7.03027207603749, 8.52317301359984, 8.00981183810027, 9.31364830884994],
}  # fmt: skip
DFBETAS = [
    [-1.91777044168675, -0.0140223353283322, 0.929080298591995, -0.288409062506141,
     0.334897682338453, -0.000863966683375464, 0.0841329961904285, -0.152972169434456],
    [1.66195494388103, -0.00716975964899949, -0.681515360109492, 0.0688102083730937,
     -0.167124481693394, -0.234981081346182, 0.116556616934082, 0.0274604261206144],
]  # fmt: skip


def test_diagnostics_of_a_regression_are_those_of_metafor() -> None:
    found = influence(Y, V, Z)
    for name, want in METAFOR.items():
        np.testing.assert_allclose(getattr(found, name), want, rtol=2e-6, atol=1e-8, err_msg=name)
    np.testing.assert_allclose(found.dfbetas.T, DFBETAS, rtol=2e-5, atol=1e-8)


def test_flags_go_by_the_published_thresholds() -> None:
    """metafor stars the first effect alone (DFFITS and Cook's distance)."""
    found = influence(Y, V, Z)
    limits = found.thresholds()
    assert math.isclose(limits["dffits"], 3 * math.sqrt(2 / 6))
    assert math.isclose(limits["cook_d"], -2 * math.log(0.5))  # median of χ² with 2 df
    assert limits["hat"] == 0.75
    flags = found.flags()
    assert [bool(flags[name][0]) for name in ("dffits", "cook_d", "hat", "dfbetas")] == [
        True, True, False, True,
    ]  # fmt: skip
    assert not any(mask[1:].any() for mask in flags.values())


def test_leverage_and_weights_add_up() -> None:
    found = influence(Y, V, Z)
    assert math.isclose(found.hat.sum(), 2.0)
    assert math.isclose(found.weight.sum(), 100.0)


def test_baujat_is_metafors_and_its_parts_add_up_to_q() -> None:
    part, moved = baujat(Y, V)
    want_part = [2.04280785246877, 0.260587745389649, 2.64346460440214, 0.36854253420583,
                 2.20944755106088, 0.575693039857228, 1.2335990481856,
                 0.00667063255998415]  # fmt: skip
    want_moved = [0.350195631851787, 0.0345530712118874, 0.164360493537958, 0.152500358981722,
                  0.0439691054937485, 0.0622370853899696, 0.0973893985409694,
                  0.00161712304484479]  # fmt: skip
    np.testing.assert_allclose(part, want_part, rtol=1e-9)
    np.testing.assert_allclose(moved, want_moved, rtol=1e-9)
    assert math.isclose(part.sum(), float(random_effects(Y, V, method="EE").q))
    # Only the mean that moves has heterogeneity.
    part_reml, moved_reml = baujat(Y, V, method="REML")
    np.testing.assert_array_equal(part_reml, part)
    rest = random_effects(Y[1:], V[1:], test="wald")
    mean = random_effects(Y, V).coef[0]
    assert math.isclose(moved_reml[0], (mean - rest.coef[0]) ** 2 / rest.vcov[0, 0], rel_tol=1e-9)


def test_cumulative_fits_are_those_of_metafor() -> None:
    found = cumulative(Y, V)
    want = [0.1, 0.2875, 0.450820021453537, 0.371104321999225, 0.435348002920404,
            0.362963355488434, 0.413128364785745, 0.38585365853659]  # fmt: skip
    se = [0.2, 0.199608992783391, 0.224357880380849, 0.142953017631203, 0.158982887298068,
          0.120135684110537, 0.117115744734187, 0.0883806134234125]  # fmt: skip
    np.testing.assert_allclose(found.coef[:, 0], want, rtol=1e-6)
    np.testing.assert_allclose(found.se[:, 0], se, rtol=1e-6)
    assert np.isnan(found.ci()[0][0, 0])
    assert math.isnan(float(found.pvalue[0, 0]))


@pytest.mark.parametrize("method", ["REML", "DL", "EE", "PM"])
@pytest.mark.parametrize("test", ["hksj", "hksj_adhoc", "wald"])
def test_the_batch_is_each_refit(method: str, test: str) -> None:
    groups = np.array(["b", "a", "b", "c", "c", "a", "d", "d"])
    found = leave_one_out(Y, V, Z, groups=groups, method=method, test=test)
    low, high = found.ci(0.9)
    for i, name in enumerate("abcd"):
        keep = groups != name
        one = random_effects(Y[keep], V[keep], Z[keep], method=method, test=test)
        np.testing.assert_allclose(found.coef[i], one.coef, rtol=1e-8)
        np.testing.assert_allclose(found.se[i], one.se, rtol=1e-8)
        np.testing.assert_allclose([low[i], high[i]], one.ci(0.9), rtol=1e-8)
        np.testing.assert_allclose(found.i2[i], one.i2, rtol=1e-6, atol=1e-8)
        assert found.k[i] == keep.sum()


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100), shift=st.floats(-5, 5))
def test_diagnostics_do_not_know_the_unit(seed: int, scale: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.02, 0.5, 9)
    y = rng.normal(0, np.sqrt(v + 0.1))
    one, other = influence(y, v), influence(scale * (y + shift), scale**2 * v)
    for name in ("rstudent", "dffits", "cook_d", "cov_ratio", "hat"):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=1e-4, atol=1e-5, err_msg=name
        )
    order = rng.permutation(9)
    np.testing.assert_allclose(influence(y[order], v[order]).cook_d, one.cook_d[order], rtol=1e-6)


def test_a_coefficient_that_rests_on_one_effect_has_no_refit_without_it() -> None:
    X = np.column_stack([np.ones(8), np.arange(8) == 2])
    found = leave_one_out(Y, V, X)
    assert np.isnan(found.coef[2]).all()
    assert np.isfinite(np.delete(found.coef, 2, axis=0)).all()
    assert found.converged.sum() == 7
    only = influence(Y, V, X)
    assert math.isnan(only.cook_d[2])
    assert math.isnan(only.cov_ratio[2])
    assert np.isfinite(np.delete(only.cov_ratio, 2)).all()


def test_effects_that_are_all_alike_have_no_hartung_knapp_error() -> None:
    found = leave_one_out(np.ones(4), np.full(4, 0.1))
    assert np.isnan(found.se).all()
    assert (found.coef == 1).all()
    same = influence(np.ones(4), np.full(4, 0.1))
    assert (same.cook_d == 0).all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ModelError, match="takes two effects"):
        leave_one_out([1.0], [0.1])
    with pytest.raises(DataError, match="one shape"):
        leave_one_out([1.0, 2.0], [0.1])
    with pytest.raises(DataError, match="finite"):
        influence([1.0, math.nan, 2.0], [0.1, 0.1, 0.1])
    with pytest.raises(DataError, match=r"include must have the shape \(m, 2\)"):
        fit_parts([1.0, 2.0], [0.1, 0.1], [[True]])
    with pytest.raises(DataError, match="each of the 3 groups once"):
        cumulative([1.0, 2.0, 3.0], [0.1, 0.1, 0.1], [0, 0, 1])
