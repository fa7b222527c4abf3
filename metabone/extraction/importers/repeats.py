"""Rows of the table that say the same numbers of one study: told, so that none counts twice."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from metabone.extraction.importers.arms import tidy
from metabone.extraction.importers.assemble import Made
from metabone.extraction.importers.results import FIRST_ROW
from metabone.extraction.table import rows_text

_NUMBERS = (
    "n_treated", "mean_treated", "median_treated", "dispersion_treated",
    "n_control", "mean_control", "median_control", "dispersion_control", "yi", "sei",
)  # fmt: skip
_SHOWN = 5


def repeat_notes(rows: Sequence[Made], why: str) -> list[str]:
    """A note for rows of one study and outcome with the same numbers.

    Different arms with one control may be alike by chance and are no repeats.

    Parameters
    ----------
    rows : the rows of the table.
    why : how that may have come about, for the note.

    Examples
    --------
    >>> one = {"study": "A 2020", "outcome": "BMD", "mean_treated": 2.0, "mean_control": 1.0}
    >>> repeat_notes([Made(one, {"row": 0}), Made(one, {"row": 1})], "entered twice?")
    ['rows 2-3 of the table hold the same numbers of one study and outcome: entered twice?']
    """
    same: dict[tuple[Hashable, ...], list[int]] = {}
    for number, row in enumerate(rows, start=FIRST_ROW):
        numbers = tuple(row.values.get(name) for name in _NUMBERS)
        if any(value is not None for value in numbers):
            names = (tidy(str(row.values.get(name))) for name in ("study", "outcome"))
            key = (*names, row.values.get("timepoint_weeks"), *numbers)
            same.setdefault(key, []).append(number)
    groups = [
        numbers
        for numbers in same.values()
        if len(numbers) > 1 and not _arms_of_one_control([rows[at - FIRST_ROW] for at in numbers])
    ]
    notes = [
        f"{rows_text(numbers)} of the table hold the same numbers of one study and outcome: {why}"
        for numbers in groups[:_SHOWN]
    ]
    if len(groups) > _SHOWN:
        more = sum(len(numbers) for numbers in groups[_SHOWN:])
        notes.append(f"so do {more} more rows")
    return notes


def _arms_of_one_control(rows: Sequence[Made]) -> bool:
    controls = {row.values.get("control_id") for row in rows}
    arms = {row.values.get("comparison") for row in rows}
    return len(controls) == 1 and None not in controls and len(arms) == len(rows)
