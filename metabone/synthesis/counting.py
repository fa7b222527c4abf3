"""How many studies and animals stand behind a set of effects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
    return round(math.fsum(n for arm in _ARMS for n in _largest(frame, *arm).values()))


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
    return {study: round(treated[study] + control[study]) for study in sorted(treated)}


def _largest(frame: pd.DataFrame, keys: Sequence[str], n: str) -> dict[str, float]:
    """By study the sum over its arms of the largest n; an arm without its last key is its own."""
    total: dict[str, float] = {}
    largest: dict[tuple[Any, ...], float] = {}
    cells = (frame[key].tolist() for key in keys)
    for count, *names in zip(frame[n].tolist(), *cells, strict=True):
        # Blank experiments are one cohort: the study itself.
        arm = tuple("" if _blank(name) else name for name in names)
        total.setdefault(str(arm[0]), 0.0)
        if math.isnan(count):
            continue
        if _blank(names[-1]):
            total[str(arm[0])] += count
        else:
            largest[arm] = max(largest.get(arm, -math.inf), count)
    for arm, count in largest.items():
        total[str(arm[0])] += count
    return total


def _blank(cell: Any) -> bool:
    """Whether a cell is None or NaN."""
    return cell is None or cell != cell


def count_studies(frame: pd.DataFrame) -> int:
    """Number of different studies."""
    return int(frame["study"].nunique())
