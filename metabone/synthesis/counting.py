"""How many studies and animals stand behind a set of effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def count_animals(frame: pd.DataFrame) -> int:
    """Animals behind the effects, each counted once as far as the table tells.

    A treated arm is known by study, experiment and comparison, a control arm by study and
    control_id; rows that leave the name blank count as arms of their own. Where rows of one arm
    differ in n (losses, several sites) the largest counts.
    """
    treated = _largest(frame, ["study", "experiment", "comparison"], "comparison", "n_treated")
    control = _largest(frame, ["study", "control_id"], "control_id", "n_control")
    return round(treated + control)


def _largest(frame: pd.DataFrame, keys: list[str], name: str, n: str) -> float:
    named = frame[name].notna()
    # Blank experiments are one cohort: the study itself.
    groups = frame.loc[named].groupby([frame.loc[named, key].fillna("") for key in keys])
    return float(groups[n].max().sum() + frame.loc[~named, n].sum())


def count_studies(frame: pd.DataFrame) -> int:
    """Number of different studies."""
    return int(frame["study"].nunique())
