"""Which measurements were made on the same animals: what one `experiment` is in the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from metabone.extraction.animals.measures import Measure

if TYPE_CHECKING:
    import pandas as pd


def cohorts(
    frame: pd.DataFrame, measures: Sequence[Measure]
) -> tuple[dict[tuple[str, int], str], list[str]]:
    """Tell measurements of other animals apart.

    Two measurements of an experiment belong to one cohort when an animal has both, directly or
    through further ones. Animals killed at week 4 and others killed at week 8 are two cohorts.

    Parameters
    ----------
    frame : of `Values`.

    Returns
    -------
    names : (stratum, measure) to what is added to the experiment's name; blank where the stratum
        has one cohort.
    notes : measurements of one cohort that share few animals.
    """
    names: dict[tuple[str, int], str] = {}
    notes: list[str] = []
    for stratum, part in frame[frame["value"].notna()].groupby("stratum", sort=False):
        shared, present = _shared(part)
        groups = _connected(shared)
        for place, members in enumerate(groups):
            chosen = [present[at] for at in members]
            word = _name([measures[m] for m in chosen], place) if len(groups) > 1 else ""
            names |= {(str(stratum), m): word for m in chosen}
        notes += _few(shared, [measures[m] for m in present])
    return names, notes


def _shared(part: pd.DataFrame) -> tuple[Any, list[int]]:
    """(m, m) animals that have both measurements, and the measures' places."""
    import numpy as np
    import pandas as pd

    codes, present = pd.factorize(part["measure"], sort=True)
    animals, names = pd.factorize(part["animal"])
    has = np.zeros((len(names), len(present)), dtype=np.float64)
    has[animals, codes] = 1
    return has.T @ has, [int(each) for each in present]


def _connected(shared: Any) -> list[list[int]]:
    left, groups = set(range(len(shared))), []
    while left:
        queue = [min(left)]
        group: list[int] = []
        left.discard(queue[0])
        while queue:
            at = queue.pop()
            group.append(at)
            near = {other for other in left if shared[at, other] > 0}
            left -= near
            queue += sorted(near)
        groups.append(sorted(group))
    return groups


def _name(measures: Sequence[Measure], place: int) -> str:
    weeks = {measure.words.get("timepoint_weeks") for measure in measures}
    week = weeks.pop() if len(weeks) == 1 else None
    return f"animals of week {week}" if week else f"cohort {place + 1}"


def _few(shared: Any, measures: Sequence[Measure]) -> list[str]:
    """Dependence takes the animals of a cohort as the same; say where less than half are."""
    notes = []
    for i in range(len(shared)):
        for j in range(i):
            least = min(shared[i, i], shared[j, j])
            if 0 < shared[i, j] < least / 2:
                notes.append(
                    f"{measures[j].outcome} ({measures[j].column}) and {measures[i].outcome} "
                    f"({measures[i].column}) share {shared[i, j]:.0f} animals of {least:.0f}, but "
                    "count as measured on the same ones"
                )
    return notes
