"""Mean differences of one unit: the conversion that is asked for, by the vocabulary's factors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from metabone.effects.routes import Arm
from metabone.errors import DataError, UsageError
from metabone.extraction.table import rows_text

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.formulas import FloatArray
    from metabone.vocabulary import Vocabulary


def unit_factors(frame: pd.DataFrame, unit: str, vocabulary: Vocabulary) -> FloatArray:
    """What one of each row's unit is in `unit`.

    Returns
    -------
    (k,) factors.

    Raises
    ------
    UsageError
        If `unit` is none that an outcome of the rows is measured in.
    DataError
        If a row's unit is blank or not known; the message names rows, outcome and unit.

    Examples
    --------
    >>> import pandas as pd
    >>> from metabone.vocabulary import load_vocabulary
    >>> rows = pd.DataFrame({"outcome": ["Tb.Th", "Tb.Th"], "unit": ["mm", "um"]}, index=[2, 3])
    >>> unit_factors(rows, "um", load_vocabulary()).tolist()
    [1000.0, 1.0]
    """
    factors = np.ones(len(frame))
    unknown: dict[tuple[str, str], list[int]] = {}
    for i, (row, outcome, own) in enumerate(
        zip(frame.index, frame["outcome"], frame["unit"], strict=True)
    ):
        if own == unit:
            continue
        endpoint = vocabulary.endpoint(outcome)
        target = endpoint.factor(unit) if endpoint else None
        if endpoint is not None and target is None:
            known = ", ".join(name for name in endpoint.units if name)
            raise UsageError(
                f"unit {unit!r} is none of {endpoint.name}; it is measured in "
                f"{known or 'no unit that can be converted'}"
            )
        factor = endpoint.factor(own) if endpoint else None
        if factor is None or target is None:
            unknown.setdefault((outcome, own or ""), []).append(int(row))
        else:
            factors[i] = factor / target
    if unknown:
        listed = "; ".join(
            f"{outcome} in {own!r} ({rows_text(rows)})"
            if own
            else f"{outcome} without unit ({rows_text(rows)})"
            for (outcome, own), rows in unknown.items()
        )
        raise DataError(f"no factor is known that converts to {unit}: {listed}")
    return factors


def scaled(arm: Arm, factors: FloatArray) -> Arm:
    """The arm in another unit."""
    return replace(arm, mean=arm.mean * factors, sd=arm.sd * factors)
