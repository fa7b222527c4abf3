"""Which way is better on the scale of an effect size, and the flip that aligns it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, UsageError
from metabone.extraction.table import rows_text

if TYPE_CHECKING:
    import pandas as pd

    from metabone.vocabulary import Vocabulary

#: Ratios of spread say nothing of benefit.
DIRECTIONLESS = ("VR", "CVR")


@dataclass(frozen=True, slots=True)
class Alignment:
    """What aligning does to each row.

    Parameters
    ----------
    flip : (k,) whether `yi` is multiplied by −1.
    better : (k,) ``higher`` or ``lower``, on the scale of `yi` after that; None if unknown.
    notes : what was done, for the reader.
    """

    flip: NDArray[np.bool_]
    better: tuple[str | None, ...]
    notes: tuple[str, ...]


def outcome_better(frame: pd.DataFrame, vocabulary: Vocabulary) -> list[str | None]:
    """Which way is better for each row's outcome: its own `better`, else the vocabulary's.

    Examples
    --------
    >>> import pandas as pd
    >>> from metabone.vocabulary import load_vocabulary
    >>> rows = pd.DataFrame({"outcome": ["BV/TV", "Tb.Sp", "x"], "better": [None, None, "lower"]})
    >>> outcome_better(rows, load_vocabulary())
    ['higher', 'lower', 'lower']
    """
    answers: list[str | None] = []
    for outcome, own in zip(frame["outcome"], frame["better"], strict=True):
        endpoint = None if isinstance(own, str) else vocabulary.endpoint(outcome)
        answers.append(own if isinstance(own, str) else endpoint.better if endpoint else None)
    return answers


def align_rows(frame: pd.DataFrame, measure: str, align: str, vocabulary: Vocabulary) -> Alignment:
    """Decide which rows are flipped, so that a positive effect is a benefit.

    Raises
    ------
    UsageError
        If benefit is asked of a measure of spread.
    DataError
        If it is not known which way is better; the message names outcomes and rows.
    """
    k = len(frame)
    flip = np.zeros(k, dtype=bool)
    if measure in DIRECTIONLESS:
        if align == "benefit":
            raise UsageError(f"{measure} compares spreads and has no better direction to align")
        return Alignment(flip, (None,) * k, ())
    if measure == "NMD":
        notes = ("NMD is not flipped: 100 is full rescue whichever way is better",)
        return Alignment(flip, ("higher",) * k, notes if align == "benefit" else ())
    better = outcome_better(frame, vocabulary)
    if align == "none":
        return Alignment(flip, tuple(better), ())
    _refuse_unknown(frame, better)
    flip = np.array([word == "lower" for word in better], dtype=bool)
    return Alignment(flip, ("higher",) * k, _flip_notes(frame, flip))


def _refuse_unknown(frame: pd.DataFrame, better: list[str | None]) -> None:
    unknown: dict[str, list[int]] = {}
    for row, outcome, word in zip(frame.index, frame["outcome"], better, strict=True):
        if word is None:
            unknown.setdefault(str(outcome), []).append(int(row))
    if unknown:
        listed = "; ".join(f"{name} ({rows_text(rows)})" for name, rows in unknown.items())
        raise DataError(
            f"align to benefit needs to know which way is better, and it is not known for "
            f"{listed}; fill the column better with higher or lower"
        )


def _flip_notes(frame: pd.DataFrame, flip: NDArray[np.bool_]) -> tuple[str, ...]:
    flipped = frame.loc[flip]
    if flipped.empty:
        return ("no effect was flipped: higher is better in every row",)
    return tuple(
        f"{outcome} multiplied by −1, since lower is better: {rows_text(rows.index)}"
        for outcome, rows in flipped.groupby("outcome", sort=True)
    )
