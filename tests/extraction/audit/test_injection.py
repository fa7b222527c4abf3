"""Errors put into a tenth of a shipped table are found; the benchmark ``audit_rules`` has more."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from metabone.extraction.audit import rules_counts, rules_tests, rules_units
from metabone.extraction.audit.sheet import Rule, Sheet
from metabone.extraction.reading import parse_table, read_table

Spoilt = tuple[pd.DataFrame, set[int]]
NUMBERS = [f"{word}_{arm}" for word in ("mean", "dispersion") for arm in ("treated", "control")]


@pytest.fixture(scope="module")
def printed() -> pd.DataFrame:
    """The rows of a real table that have all numbers, as printed."""
    table = read_table("unloading")
    whole = table.frame[["n_treated", "n_control", *NUMBERS]].notna().all(axis=1)
    return table.printed[whole.to_numpy()].reset_index(drop=True)


def tenth(frame: pd.DataFrame) -> list[int]:
    return np.random.default_rng(7).choice(len(frame), len(frame) // 10, replace=False).tolist()


def ten_fold(frame: pd.DataFrame) -> Spoilt:
    rows = tenth(frame)
    for at in rows:
        for name in NUMBERS:
            frame.at[at, name] = f"{Decimal(frame.at[at, name]) * 10:f}"
    return frame, set(rows)


def in_another_study(frame: pd.DataFrame) -> Spoilt:
    more = frame.loc[tenth(frame)].assign(control_id="")
    more["study"] = "Later " + more["study"]
    out = pd.concat([frame, more], ignore_index=True)
    return out, set(range(len(frame), len(out)))


def under_another_id(frame: pd.DataFrame) -> Spoilt:
    more = frame.loc[tenth(frame)].copy()
    more["control_id"] = [f"new {at}" for at in more.index]
    more["mean_treated"] = [f"{Decimal(cell) * Decimal('1.1'):f}" for cell in more["mean_treated"]]
    out = pd.concat([frame, more], ignore_index=True)
    return out, set(range(len(frame), len(out)))


def p_of_another_row(frame: pd.DataFrame) -> Spoilt:
    names = ["n_treated", "n_control", *NUMBERS]
    cells = {name: frame[name].to_numpy(dtype=float) for name in names}
    sem = frame["dispersion_type"].eq("SEM").to_numpy()
    sd = {
        arm: cells[f"dispersion_{arm}"] * np.where(sem, np.sqrt(cells[f"n_{arm}"]), 1.0)
        for arm in ("treated", "control")
    }
    p = stats.ttest_ind_from_stats(
        cells["mean_treated"], sd["treated"], cells["n_treated"],
        cells["mean_control"], sd["control"], cells["n_control"],
    ).pvalue  # fmt: skip
    frame["p"] = [f"{each:.2g}" for each in p]
    rows = tenth(frame)
    frame.loc[rows, "p"] = [f"{p[(at + 97) % len(frame)]:.2g}" for at in rows]
    return frame, set(rows)


@pytest.mark.parametrize(
    ("spoil", "rule", "least", "most"),
    [
        (ten_fold, rules_units.scale, 0.8, 0.01),
        (in_another_study, rules_counts.same_animals, 0.8, 0.01),
        (under_another_id, rules_counts.same_animals, 0.8, 0.01),
        (p_of_another_row, rules_tests.t_and_p, 0.5, 0.0),
    ],
)  # fmt: skip
def test_injected_errors_are_found_and_sound_rows_left_alone(
    printed: pd.DataFrame, spoil: Callable[[pd.DataFrame], Spoilt], rule: Rule, least: float,
    most: float,
) -> None:  # fmt: skip
    frame, wrong = spoil(printed.copy())
    table = parse_table("t.csv", frame.to_csv(index=False).encode())
    found = list(rule(Sheet.of(table)))
    told = {each.row - 2 for each in found if each.row is not None}
    named = told | {row - 2 for each in found for row in each.rows}
    assert len(named & wrong) >= least * len(wrong)
    assert len(told - wrong) <= most * (len(frame) - len(wrong))
