"""What a printed dispersion may be: as declared, another kind, off by a power of ten, odd."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabone.extraction.audit.sheet import Floats
from metabone.extraction.audit.spread import Spread

LOG10 = float(np.log(10.0))


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the dispersions of a row.

    Parameters
    ----------
    code : what it means if the row is read so; empty for as declared.
    declared : place in `spread.KINDS` of the kind that the row declares; None for any.
    kind : the kind that it is then; None for as declared.
    arms : which arms are read so.
    power : the dispersion was multiplied by ten to this power by mistake.
    prior : probability that a row is read so.
    wide : extra variance of log CV between arms and of the row, for what no reading explains.
    batch : whether a whole study or experiment may be read so.
    """

    code: str
    declared: int | None = None
    kind: int | None = None
    arms: tuple[int, ...] = (0, 1, 2)
    power: int = 0
    prior: float = 0.0
    wide: tuple[float, float] = (0.0, 0.0)
    batch: bool = False


def _kinds() -> list[Reading]:
    """Another kind of dispersion than declared, in all arms or in one."""
    table = (
        (0, 1, "sem-as-sd", 0.03, True), (0, 2, "ci-as-sd", 0.002, True),
        (0, 3, "variance-as-sd", 0.003, True), (1, 0, "sd-as-sem", 0.015, True),
        (1, 2, "ci-as-sem", 0.002, False), (2, 0, "sd-as-ci", 0.01, True),
        (2, 1, "sem-as-ci", 0.02, True),
    )  # fmt: skip
    whole = [Reading(code, old, new, prior=p, batch=b) for old, new, code, p, b in table]
    one = [
        Reading(code, old, new, (arm,), prior=0.002)
        for old, new, code in ((0, 1, "sem-as-sd"), (1, 0, "sd-as-sem"))
        for arm in (0, 1)
    ]
    return [*whole, *one]


READINGS: tuple[Reading, ...] = (
    Reading("", prior=0.88),
    *_kinds(),
    *(Reading("dispersion-scale", power=p, prior=0.001) for p in (-3, -2, -1, 1, 2, 3)),
    *(
        Reading("dispersion-scale", arms=(arm,), power=p, prior=0.0007)
        for arm in (0, 1)
        for p in (-2, -1, 1, 2)
    ),
    Reading("dispersion-odd", prior=0.03, wide=(0.6, 1.0)),
)
ODD = len(READINGS) - 1


def residuals(spread: Spread, reading: Reading, as_declared: Floats) -> Floats:
    """(k, A) log CV if rows are read so; NaN where they cannot be."""
    if reading.declared is None:
        y = as_declared.copy()
        y[:, list(reading.arms)] -= reading.power * LOG10
        return y - spread.size
    y = as_declared.copy()
    arms = list(reading.arms)
    y[:, arms] = spread.log_sd(reading.kind or 0)[:, arms]
    y[spread.kind != reading.declared] = np.nan
    return y - spread.size


def declared(spread: Spread) -> Floats:
    """(k, A) logarithm of the SD as the rows declare it."""
    kinds = np.stack([spread.log_sd(kind) for kind in range(3)])
    place = np.maximum(spread.kind, 0)
    return np.where((spread.kind >= 0)[:, None], kinds[place, np.arange(len(place))], np.nan)
