"""Control groups of an extraction table, one a study, in one unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from metabone.effects.routes import read_arm
from metabone.errors import DataError, UsageError
from metabone.extraction.where import select

if TYPE_CHECKING:
    from metabone.extraction.table import StudyTable


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """Control animals of one study.

    Raises
    ------
    UsageError
        If n is below 2, or a number is not finite or the SD not positive.
    """

    study: str
    n: int
    mean: float
    sd: float

    def __post_init__(self) -> None:
        if not (self.n >= 2 and np.isfinite(self.mean) and np.isfinite(self.sd) and self.sd > 0):
            raise UsageError(
                f"the control group of {self.study!r} needs n of 2 or more, a mean and a positive "
                f"SD; got n {self.n!r}, mean {self.mean!r}, SD {self.sd!r}"
            )


def control_groups(
    table: StudyTable, outcome: str, *, where: str | None = None
) -> tuple[list[ControlGroup], str | None]:
    """The control groups of each study, and their unit.

    Groups that rows share are taken once; several of one study are joined by their n, with the
    pooled SD, for they do not tell how studies differ. Choose site, assay and time with `where`:
    studies that measured something else are no controls.

    Returns
    -------
    One group a study, and the canonical unit (None for an endpoint without one).

    Raises
    ------
    DataError
        If no row has n, mean and SD, or units cannot be brought together.
    UsageError
        For an unknown outcome or condition.

    Examples
    --------
    >>> from metabone.extraction.reading import read_table
    >>> groups, unit = control_groups(read_table("unloading"), "Conn.D", where="species == 'mouse'")
    >>> [(group.study, group.n, round(group.mean, 1)) for group in groups], unit
    ([('Ko 2017', 20, 92.0), ('Keune 2019', 20, 227.4), ('RR-1 mice', 9, 128.6)], '1/mm3')
    """
    frame = select(table, where=where, outcome=[outcome]).usable()
    arm = read_arm(frame, "control")
    factors, unit = _factors(table, frame)
    seen: dict[str, dict[tuple[Any, ...], tuple[float, float, float]]] = {}
    for i, row in enumerate(frame.to_dict("records")):
        n, mean, sd = float(arm.n[i]), float(arm.mean[i]), float(arm.sd[i])
        if not (n >= 2 and np.isfinite(mean) and sd > 0):
            continue
        numbers = (n, mean * factors[i], sd * factors[i])
        place = tuple(str(row[name]) for name in ("site", "assay", "timepoint_weeks"))
        seen.setdefault(str(row["study"]), {})[(row["control_id"], place, *numbers)] = numbers
    if not seen:
        raise DataError(f"no control group of {outcome} has n, mean and SD")
    return [_joined(study, list(groups.values())) for study, groups in seen.items()], unit


def _factors(table: StudyTable, frame: Any) -> tuple[list[float], str | None]:
    """What takes each row to the canonical unit, and that unit."""
    endpoint = table.vocabulary.endpoint(str(frame["outcome"].iloc[0]))
    units = [None if unit is None or unit != unit else str(unit) for unit in frame["unit"]]
    found = {unit: endpoint.factor(unit) if endpoint and unit else None for unit in set(units)}
    if len(found) == 1 and None in found.values():
        return [1.0] * len(units), units[0]
    unknown = sorted(str(unit) for unit, factor in found.items() if factor is None)
    if unknown or endpoint is None:
        raise DataError(f"control groups cannot be brought to one unit; not known: {unknown[0]!r}")
    return [float(found[unit] or 1.0) for unit in units], endpoint.unit


def _joined(study: str, groups: list[tuple[float, float, float]]) -> ControlGroup:
    n, mean, sd = np.array(groups).T
    pooled = float(np.sqrt((n - 1) @ sd**2 / (n - 1).sum()))
    return ControlGroup(study, int(n.sum()), float(n @ mean / n.sum()), pooled)
