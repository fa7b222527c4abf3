"""The checks of animals against scipy, pingouin, shipped numbers and simulation."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pingouin
import pytest
from scipy import stats

from metabone.extraction.animals.summarise import summarise_animals
from metabone.synthesis import animal_cages
from metabone.synthesis.animal_cages import cage_icc
from metabone.synthesis.animal_checks import check_animals
from metabone.synthesis.animal_groups import (
    SHAPIRO_POWER,
    baseline_within,
    equal_variance,
    normality,
    outliers,
    quietly,
)

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "extraction" / "animals" / "data"
SCANS = "lsds41_wistar_rat_tibia_pqct_longitudinal.csv"
BONES = {"trabecular": "proximal tibia", "cortical": "tibia (cortical slice)"}


def test_normality_is_scipys() -> None:
    values = np.random.default_rng(1).normal(size=12)
    found, wanted = normality(values, "a"), stats.shapiro(values)
    assert (found.statistic, found.pvalue) == pytest.approx(tuple(wanted), rel=1e-12)
    assert (found.group, found.n, found.power) == ("a", 12, 0.53)


@pytest.mark.parametrize("n", [5, 6, 8, 12])
def test_the_power_that_is_told_is_the_one_that_is_simulated(n: int) -> None:
    draws = np.random.default_rng(n).exponential(size=(2000, n))
    power = np.mean([stats.shapiro(each).pvalue < 0.05 for each in draws])
    assert SHAPIRO_POWER[n] == pytest.approx(power, abs=4 * (0.25 / 2000) ** 0.5)


@pytest.mark.parametrize(
    ("values", "note"),
    [([1.0, 2, 3], "fewer than 4"), ([0.1] * 6, "the same"), (np.arange(6000.0), "more than 5000")],
)
def test_normality_that_cannot_be_tested_says_why(values: list[float], note: str) -> None:
    found = normality(np.asarray(values, dtype=float))
    assert np.isnan(found.pvalue)
    assert note in found.note


def test_equal_variance_is_brown_and_forsythes() -> None:
    rng = np.random.default_rng(3)
    groups = {"a": rng.normal(0, 1, 7), "b": rng.normal(0, 3, 9), "c": rng.normal(5, 1, 5)}
    wanted = stats.levene(*groups.values(), center="median")
    found = equal_variance(groups)
    assert (found.statistic, found.pvalue) == pytest.approx(tuple(wanted), rel=1e-12)
    assert "fewer than 2 arms" in equal_variance({"a": groups["a"], "b": groups["b"][:2]}).note
    assert np.isnan(equal_variance({"a": np.ones(4), "b": np.full(4, 0.1)}).pvalue)


def test_outliers_are_named_and_nothing_else() -> None:
    values = np.array([10.0, 11, 12, 10.5, 11.5, 30])
    found, why = outliers(values, [4, 5, 6, 7, 8, 9], list("abcdef"), "exo")
    assert why == ""
    assert [(one.row, one.animal, one.value) for one in found] == [(9, "f", 30.0)]
    middle = np.median(values)
    mad = stats.median_abs_deviation(values, scale="normal")
    assert found[0].distance == pytest.approx((30 - middle) / mad, rel=1e-12)
    assert outliers(np.array([1.0, 1, 1, 9]), [2, 3, 4, 5], list("abcd"), "x")[1] != ""


@pytest.mark.parametrize("bone", BONES)
@pytest.mark.parametrize("week", [1, 2, 4])
def test_baseline_correlations_are_the_shipped_ones(bone: str, week: int) -> None:
    name = f"{bone}_BMD_mg_per_cubic_centimeters"
    made = summarise_animals(
        DATA / SCANS, animal="Source Name", group="PWB", control="PWB100",
        outcome=[f"{name}|{week} week"], baseline=f"{name}|0 week",
    )  # fmt: skip
    found = check_animals(made).checks[0].baseline
    assert found is not None
    with (ROOT / "datasets/bone-variability/prepost_correlation.csv").open() as lines:
        (row,) = [
            row
            for row in csv.DictReader(lines)
            if row["site"] == BONES[bone] and row["followup_week"] == str(week)
        ]
    assert found.n == int(row["n"])
    assert found.r == pytest.approx(float(row["r"]), abs=5.1e-5)
    z, half = np.arctanh(found.r), 1.959963984540054 / (found.n - 3 - 3) ** 0.5
    assert (found.ci_low, found.ci_high) == pytest.approx(
        (np.tanh(z - half), np.tanh(z + half)), abs=1e-9
    )


def test_the_baseline_correlation_is_pingouins_partial_one() -> None:
    rng = np.random.default_rng(5)
    codes = np.repeat([0, 1, 2], [6, 5, 7])
    start = rng.normal(size=18) + codes
    end = 0.7 * start + rng.normal(size=18) - 3 * codes
    frame = pd.DataFrame({"x": start, "y": end, "b": codes == 1, "c": codes == 2}).astype(float)
    wanted, _ = quietly(lambda: pingouin.partial_corr(frame, x="x", y="y", covar=["b", "c"]))
    found = baseline_within(start, end, codes, 0.95)
    assert found.r == pytest.approx(float(wanted["r"].iloc[0]), rel=1e-10)
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(wanted["CI95"].iloc[0]), abs=0.006)
    assert "too few" in baseline_within(start[:4], end[:4], codes[:4], 0.95).note
    assert "does not vary" in baseline_within(np.ones(18), end, codes, 0.95).note


def balanced(seed: int, cages: int, size: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    cage = np.repeat(np.arange(cages), size)
    values = share**0.5 * rng.normal(size=cages)[cage] + (1 - share) ** 0.5 * rng.normal(
        size=cages * size
    )
    return values, cage


@pytest.mark.parametrize(("seed", "share"), [(1, 0.6), (2, 0.2), (3, 0.0)])
def test_the_cage_correlation_is_pingouins_where_cages_are_equal(seed: int, share: float) -> None:
    values, cage = balanced(seed, 8, 3, share)
    found = cage_icc(values, np.zeros(24, dtype=int), cage)
    frame = pd.DataFrame({"cage": cage, "seat": np.tile(np.arange(3), 8), "value": values})
    one, _ = quietly(
        lambda: pingouin.intraclass_corr(
            frame, targets="cage", raters="seat", ratings="value"
        ).iloc[0]
    )
    assert one["Type"] == "ICC(1,1)"
    assert found.icc == pytest.approx(one["ICC"], rel=1e-9)
    assert (found.f, found.df1, found.df2) == pytest.approx((one["F"], one["df1"], one["df2"]))
    low, high = one["CI95"]
    assert found.ci_low == pytest.approx(max(low, 0), abs=0.0051)
    assert found.ci_high == pytest.approx(max(high, 0), abs=0.0051)
    # REML is the analysis of variance where it is not below 0.
    assert found.icc_reml == pytest.approx(max(found.icc, 0), abs=2e-4)


def test_cages_within_arms_and_across_them() -> None:
    values, cage = balanced(7, 10, 4, 0.5)
    arms = cage % 2
    shifted = cage_icc(values + 100 * arms, arms, cage)
    plain = cage_icc(values, arms, cage)
    assert shifted.icc == pytest.approx(plain.icc, rel=1e-9)
    assert (plain.df1, plain.df2, plain.mixed, plain.m0) == (8, 30, 0, pytest.approx(4))
    across = np.tile([0, 1], 20)
    mixed = cage_icc(values + 100 * across, across, cage)
    assert (mixed.mixed, mixed.df1, mixed.df2) == (10, 9, 29)
    assert mixed.icc == pytest.approx(mixed.icc_reml, abs=0.01)


def test_the_interval_of_the_cage_correlation_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    # The mixed model takes all the time and has no part in the interval.
    monkeypatch.setattr(animal_cages, "_reml", lambda *_: (np.nan, ""))
    rng = np.random.default_rng(11)
    cage = np.repeat(np.arange(12), [2, 3, 4] * 4)
    arms = np.repeat([0, 1], [len(cage[cage < 6]), len(cage[cage >= 6])])
    hits, runs = 0, 300
    for _ in range(runs):
        values = 0.4**0.5 * rng.normal(size=12)[cage] + 0.6**0.5 * rng.normal(size=len(cage))
        found = cage_icc(values, arms, cage)
        hits += found.ci_low <= 0.4 <= found.ci_high
    assert hits / runs == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize(
    ("arms", "cages", "note"),
    [
        ([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], "cage and treatment are one thing"),
        ([0, 0, 0, 1, 1, 1], [0, 1, 2, 3, 4, 5], "no cage holds two animals"),
    ],
)
def test_cages_that_tell_nothing_say_so(arms: list[int], cages: list[int], note: str) -> None:
    values = np.array([1.0, 2, 3, 5, 4, 7])
    found = cage_icc(values, np.array(arms), np.array(cages))
    assert np.isnan(found.icc)
    assert note in found.note
    same = cage_icc(np.array([1.0, 1, 2, 2]), np.zeros(4, dtype=int), np.array([0, 0, 1, 1]))
    assert "do not differ" in same.note


def test_a_row_that_is_not_its_animals_is_caught() -> None:
    made = summarise_animals(
        DATA / "osd489_lsds15_rr1_mouse_vertebra_microct.csv", animal="Source Name",
        group="Factor Value", control="Ground Control",
        outcome=["percent_bone_volume_bvtv_percent", "trabecular_number_1_by_mm"],
    )  # fmt: skip
    checked = check_animals(made)
    witnesses = [one for each in checked.checks for one in each.effects]
    assert len(witnesses) == len(made.rows) == 6
    assert all(one.agrees for one in witnesses)
    wrong = made.rows.copy()
    wrong.loc[0, "dispersion_treated"] /= wrong.loc[0, "n_treated"] ** 0.5
    again = check_animals(replace(made, rows=wrong))
    assert [one.agrees for each in again.checks for one in each.effects].count(False) == 1
    assert "BUT THE ROW GIVES" in str(again)


def test_the_difference_is_a_t_test() -> None:
    path = DATA / "osd310_lsds30_sts62_ovx_rat_L2_histomorphometry.csv"
    column = "Bone_volume_BVTV_percent"
    made = summarise_animals(
        path, animal="Source Name", group="Spaceflight", control="Ground Control", outcome=[column]
    )
    with path.open(encoding="utf-8-sig") as lines:
        rats = list(csv.DictReader(lines))
    flown, kept = (
        [float(rat[column]) for rat in rats if rat["Spaceflight"].casefold() == name]
        for name in ("space flight", "ground control")
    )
    (one,) = check_animals(made, level=0.9).checks[0].effects
    for name, equal in (("", True), ("welch_", False)):
        wanted = stats.ttest_ind(flown, kept, equal_var=equal)
        interval = wanted.confidence_interval(0.9)
        low = getattr(one, f"{name or 'ci_'}low")
        assert getattr(one, f"{name}pvalue") == pytest.approx(wanted.pvalue, rel=1e-9)
        assert low == pytest.approx(interval.low, rel=1e-9)
