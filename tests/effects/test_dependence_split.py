"""Control animals split between the arms that share them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from metabone.effects.conversions import p_to_t
from metabone.effects.dependence import sampling_covariance
from metabone.effects.dependence_split import control_shares, split_controls
from metabone.effects.escalc import escalc
from metabone.errors import UsageError
from metabone.extraction.table import Exclusion, StudyTable

MakeTable = Callable[..., StudyTable]


def row(arm: str, mean: float, **more: Any) -> dict[str, Any]:
    return {
        "study": "A", "comparison": arm, "control_id": "c", "dispersion_type": "SD",
        "n_treated": 10, "mean_treated": mean, "dispersion_treated": 2.0,
        "n_control": 12, "mean_control": 8.0, "dispersion_control": 1.5,
    } | more  # fmt: skip


def test_n_is_divided_and_kept(table: MakeTable) -> None:
    split = split_controls(table(row("low", 12.0), row("high", 14.0), row("low", 9.0, study="B")))
    assert split.frame["n_control"].tolist() == [6.0, 6.0, 12.0]
    np.testing.assert_array_equal(split.frame["n_control_whole"], [12.0, 12.0, np.nan])
    assert split.printed["n_control"].tolist() == [12, 12, 12]
    vi = escalc(split, "MD").vi
    np.testing.assert_allclose(vi[:2], 2.0**2 / 10 + 1.5**2 / 6, rtol=1e-12)


def test_small_sample_factor_follows(table: MakeTable) -> None:
    effects = escalc(split_controls(table(row("low", 12.0), row("high", 14.0))), "SMD")
    spread = math.sqrt((9 * 2.0**2 + 5 * 1.5**2) / 14)
    j = math.exp(math.lgamma(7) - math.lgamma(6.5)) / math.sqrt(7)
    g = np.array([j * 4 / spread, j * 6 / spread])
    np.testing.assert_allclose(effects.yi, g, rtol=1e-12)
    np.testing.assert_allclose(effects.vi, 1 / 10 + 1 / 6 + g**2 / 32, rtol=1e-12)


def test_each_outcome_site_and_time_is_split_by_its_own_arms(table: MakeTable) -> None:
    rows = [
        row("low", 12.0), row("mid", 12.5), row("high", 14.0),
        row("low", 12.0, site="tibia"), row("high", 13.0, site="tibia"),
        row("low", 12.0, timepoint_weeks=8), row("low", 12.0, control_id=None, outcome="Tb.N"),
    ]  # fmt: skip
    assert control_shares(table(*rows).frame).tolist() == [3, 3, 3, 2, 2, 1, 1]


@pytest.mark.parametrize("kind", ["SEM", "CI95"])
def test_spreads_are_converted_with_the_whole_n(table: MakeTable, kind: str) -> None:
    t = {10: 2.2621571628540993, 12: 2.2009851600829453}  # R: qt(0.975, c(9, 11))
    width = {
        name: sd / math.sqrt(n) * (t[n] if kind == "CI95" else 1)
        for name, sd, n in (("treated", 2.0, 10), ("control", 1.5, 12), ("sham", 1.0, 10))
    }
    more = {f"dispersion_{name}": value for name, value in width.items()}
    more |= {"dispersion_type": kind, "n_sham": 10, "mean_sham": 20.0}
    printed = [row("low", 12.0, **more), row("high", 14.0, **more)]
    plain = [row(line["comparison"], line["mean_treated"], n_sham=10, mean_sham=20.0,
                 dispersion_sham=1.0) for line in printed]  # fmt: skip
    for measure in ("MD", "NMD"):
        found = escalc(split_controls(table(*printed)), measure)
        expected = escalc(split_controls(table(*plain)), measure)
        np.testing.assert_allclose(found.vi, expected.vi, rtol=1e-9)


def test_quantiles_are_converted_with_the_whole_n(table: MakeTable) -> None:
    blank = {"mean_control": np.nan, "dispersion_control": np.nan, "mean_treated": np.nan,
             "dispersion_treated": np.nan}  # fmt: skip
    quantiles = {
        "median_control": 8.0, "q1_control": 7.0, "q3_control": 9.2,
        "median_treated": 12.0, "q1_treated": 11.0, "q3_treated": 13.5,
    }  # fmt: skip
    rows = [row(arm, np.nan, **blank, **quantiles) for arm in ("low", "high")]
    whole = escalc(table(*rows), "MD")
    split = escalc(split_controls(table(*rows)), "MD")
    np.testing.assert_allclose(split.yi, whole.yi, rtol=1e-12)
    np.testing.assert_allclose(split.frame["sd2i"], whole.frame["sd2i"], rtol=1e-12)
    assert split.frame["n2i"].tolist() == [6.0, 6.0]


@pytest.mark.parametrize(
    "test",
    [{"t": -2.5}, {"t": 2.5, "sign": "-"}, {"f": 6.25, "sign": "-"}, {"p": 0.02, "sign": "-"}],
)
def test_a_test_keeps_its_difference(table: MakeTable, test: dict[str, Any]) -> None:
    line = {"study": "A", "control_id": "c", "n_treated": 10, "n_control": 12} | test
    effects = escalc(
        split_controls(table(line | {"comparison": "low"}, line | {"comparison": "high"})), "SMD"
    )
    t = p_to_t(0.02, 20, -1.0) if "p" in test else -2.5
    j = math.exp(math.lgamma(7) - math.lgamma(6.5)) / math.sqrt(7)
    g = float(t) * math.sqrt(1 / 10 + 1 / 12) * j  # d of the whole groups, J of the split ones
    np.testing.assert_allclose(effects.yi, g, rtol=1e-12)
    np.testing.assert_allclose(effects.vi, 1 / 10 + 1 / 6 + g**2 / 32, rtol=1e-12)


def test_rows_of_the_ledger_do_not_share(table: MakeTable) -> None:
    aside = table(row("low", 12.0), row("high", 14.0)).set_aside([Exclusion(3, "unclear")])
    assert split_controls(aside).frame["n_control"].tolist() == [12.0, 12.0]


def test_given_effects_keep_their_variance(table: MakeTable) -> None:
    line = {"study": "A", "control_id": "c", "yi": 1.0, "vi": 0.2}
    split = split_controls(table(line | {"comparison": "low"}, line | {"comparison": "high"}))
    assert escalc(split, "SMD").vi.tolist() == [0.2, 0.2]


def test_split_and_exact_exclude_each_other(table: MakeTable) -> None:
    whole = table(row("low", 12.0), row("high", 14.0))
    with pytest.raises(UsageError, match="pass the table through split_controls"):
        sampling_covariance(escalc(whole, "SMD"), control="split")
    split = escalc(split_controls(whole), "SMD")
    with pytest.raises(UsageError, match="count shared controls twice"):
        sampling_covariance(split)
    V = sampling_covariance(split, control="split")
    assert V.is_diagonal
    assert "split between them" in V.notes[0]
    own = escalc(table(row("low", 12.0, control_id=None)), "SMD")
    assert sampling_covariance(own, control="split").is_diagonal
    with pytest.raises(UsageError, match="'exact', 'split', 'ignore'"):
        sampling_covariance(own, control="whole")


def test_animals_are_counted_once(table: MakeTable) -> None:
    effects = escalc(split_controls(table(row("low", 12.0), row("high", 14.0))), "SMD")
    assert effects.frame["ni"].sum() == 32
    again = replace(effects, frame=effects.frame.iloc[:1])
    assert sampling_covariance(again, control="split").is_diagonal
