"""How many studies and animals stand behind a set of effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

#: What an arm is known by, and its number of animals.
_ARMS = (
    (("study", "experiment", "comparison"), "n_treated"),
    (("study", "control_id"), "n_control"),
)


def count_animals(frame: pd.DataFrame) -> int:
    """Animals behind the effects, each counted once as far as the table tells.

    A treated arm is known by study, experiment and comparison, a control arm by study and
    control_id; rows that leave the name blank count as arms of their own. Where rows of one arm
    differ in n (losses, several sites) the largest counts.
    """
    treated, control = (_largest(frame, *arm) for arm in _ARMS)
    return round(float(treated.sum()) + float(control.sum()))


def count_animals_by_study(frame: pd.DataFrame) -> dict[str, int]:
    """Animals behind the effects of each study, counted as `count_animals` does.

    Examples
    --------
    >>> import pandas as pd
    >>> arms = {"experiment": None, "comparison": ["a", "b"], "control_id": "c"}
    >>> rows = pd.DataFrame({"study": "A", **arms, "n_treated": [8, 6], "n_control": [7, 9]})
    >>> count_animals_by_study(rows), count_animals(rows)
    ({'A': 23}, 23)
    """
    treated, control = (_largest(frame, *arm) for arm in _ARMS)
    total = treated.add(control, fill_value=0.0)
    return {str(study): round(float(n)) for study, n in total.items()}


def _largest(frame: pd.DataFrame, keys: Sequence[str], n: str) -> pd.Series[float]:
    """By study the sum over its arms of the largest n; an arm without its last key is its own."""
    import pandas as pd

    named = frame[keys[-1]].notna()
    # Blank experiments are one cohort: the study itself.
    groups = frame.loc[named].groupby([frame.loc[named, key].fillna("") for key in keys])
    alone = frame.loc[~named].groupby(frame.loc[~named, "study"].fillna(""))[n].sum()
    several = groups[n].max().groupby(level=0).sum()
    total: pd.Series[float] = pd.concat([several, alone]).groupby(level=0).sum()
    return total


def count_studies(frame: pd.DataFrame) -> int:
    """Number of different studies."""
    return int(frame["study"].nunique())
