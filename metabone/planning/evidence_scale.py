"""What an effect must be divided by to become a standardised difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from metabone.errors import UsageError

STANDARDISED = ("SMD", "SMDH", "SMD1")


def divisor(result: Mapping[str, Any], *, sd: float | None, cv: float | None) -> tuple[float, str]:
    """Divisor of the effects of a result, and a note on what that takes for granted.

    A log ratio of means becomes the standardised difference of the logarithms, whose SD is
    √ln(1 + CV²) for log-normal data; so the test is one of log values.

    Parameters
    ----------
    result : JSON of a result, of which ``measure`` and ``unit`` are read.
    sd, cv : see `metabone.planning.evidence.from_result`.

    Raises
    ------
    UsageError
        If the measure lacks its SD or CV, has one that it does not take, or is no difference of
        means.

    Examples
    --------
    >>> divisor({"measure": "MD", "unit": "%"}, sd=2.5, cv=None)[0]
    2.5
    >>> round(divisor({"measure": "ROM"}, sd=None, cv=0.2)[0], 4)
    0.198
    """
    measure = str(result.get("measure", "SMD"))
    takes = {"MD": "sd", "NMD": "sd", "ROM": "cv"}.get(measure)
    if takes is None and measure not in STANDARDISED:
        raise UsageError(f"{measure} is no difference of means; pool SMD, MD, ROM or NMD to plan")
    given = {"sd": sd, "cv": cv}
    for name, value in given.items():
        if value is not None and name != takes:
            raise UsageError(f"{name} is not used for {measure}; leave it out")
    if takes is None:
        return 1.0, "" if measure == "SMD" else _other_sd(measure)
    value = given[takes]
    if value is None or not (np.isfinite(value) and value > 0):
        what = {
            "MD": f"the SD of one animal in {result.get('unit') or 'its unit'}",
            "NMD": "the SD of one animal in per cent of the gap between control and sham",
            "ROM": "the coefficient of variation of one animal",
        }[measure]
        raise UsageError(f"{measure} needs {takes}: {what}, above 0; got {value!r}")
    if takes == "cv":
        return float(np.sqrt(np.log1p(value**2))), "the new study tests logarithms"
    return float(value), f"effects were divided by an SD of {value:g}"


def _other_sd(measure: str) -> str:
    which = "the mean of both variances" if measure == "SMDH" else "the control group's SD"
    return f"{measure} is standardised by {which}; the new study's test pools the SD"
