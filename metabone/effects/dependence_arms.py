"""Which effects come from the same animals: treated, control and sham arms told apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.extraction.table import rows_text

if TYPE_CHECKING:
    import pandas as pd

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: What tells one measurement of an arm from another.
MEASUREMENT = ("outcome", "site", "assay", "timepoint_weeks")
#: Properties of an arm: rows that differ in one of them are different animals, whatever their name.
ARM_COLUMNS = (
    "exosome_source", "cargo", "engineered", "species", "strain", "sex", "age_weeks", "model",
    "dose", "dose_unit", "route", "frequency",
)  # fmt: skip
LISTED = 30


@dataclass(frozen=True, slots=True)
class Arms:
    """The animals behind each effect; equal numbers mean the same animals.

    Parameters
    ----------
    study, studies : (k,) number of the study, and the names in order of first appearance.
    treated, control, sham : (k,) numbers of the arms. No number occurs in two studies.
    measurement : (k,) number of study, outcome, site, assay and time.
    repeat : (k,) how many earlier rows have the same arms and measurement.
    named : (k,) whether the row has a ``control_id``.
    notes : what was taken for what, for the reader.
    """

    study: IntArray
    studies: tuple[str, ...]
    treated: IntArray
    control: IntArray
    sham: IntArray
    measurement: IntArray
    repeat: IntArray
    named: BoolArray
    notes: tuple[str, ...] = ()

    def apart(self, *, sham: bool) -> Arms:
        """The arms with every comparison's controls taken for animals of their own."""
        return replace(
            self,
            control=combine(self.control, self.treated),
            sham=combine(self.sham, self.treated) if sham else self.sham,
        )


def find_arms(frame: pd.DataFrame) -> Arms:
    """Tell the arms of every row apart.

    A treated arm is known by study, experiment, comparison and the properties of `ARM_COLUMNS`;
    without a comparison, by its control and its turn among rows of one measurement. A control arm
    is known by study and ``control_id``; without one it belongs to its treated arm alone. A sham
    arm belongs to study and experiment; where that has several, to the control.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"study": "A", "outcome": ["BMD", "BMD", "BV/TV"],
    ...                      "comparison": ["low", "high", "low"], "control_id": "vehicle"})
    >>> arms = find_arms(rows)
    >>> arms.treated.tolist(), arms.control.tolist()
    ([0, 1, 0], [0, 0, 0])
    """
    import pandas as pd

    study, names = pd.factorize(frame["study"], use_na_sentinel=False)
    measurement = combine(study, *(codes(frame, name) for name in MEASUREMENT))
    identity = codes(frame, "control_id")
    treated, notes = _treated(frame, study.astype(np.int64), measurement, identity)
    own = identity == 0
    control = combine(study, identity, np.where(own, treated + 1, 0))
    return Arms(
        study=study.astype(np.int64),
        studies=tuple("" if pd.isna(name) else str(name) for name in names),
        treated=treated,
        control=control,
        sham=_sham(frame, study.astype(np.int64), measurement, control),
        measurement=measurement,
        repeat=turns(combine(treated, control, measurement)),
        named=~own,
        notes=tuple(notes),
    )


def _treated(
    frame: pd.DataFrame, study: IntArray, measurement: IntArray, identity: IntArray
) -> tuple[IntArray, list[str]]:
    """Numbers of the treated arms, and what had to be presumed."""
    comparison = codes(frame, "comparison")
    blank = comparison == 0
    base = combine(study, codes(frame, "experiment"), comparison, np.where(blank, identity, 0))
    treated, notes = base, list[str]()
    for name in ARM_COLUMNS:
        value = codes(frame, name)
        varies = _spans(base, value)[base]
        if not varies.any():
            continue
        treated = combine(treated, np.where(varies, value + 1, 0))
        if (varies & ~blank).any():
            notes.append(
                f"rows of one comparison that differ in {name} are different animals: "
                f"{listed(frame, varies & ~blank)}"
            )
    # A measurement that returns without a name for its arm is another arm; an effect size that is
    # only given says nothing of arms, so that it is one more measurement of the same animals.
    from_arms = ~_is(frame, "computed_from", "yi") | (identity > 0)
    turn = np.where(blank & from_arms, turns(combine(treated, measurement)), 0)
    guessed = np.isin(base, base[turn > 0]) & _spans(base, measurement + 1)[base]
    if guessed.any():
        notes.append(
            "rows without a comparison that repeat a measurement are arms of their own, matched "
            f"between measurements in the order of the table: {listed(frame, guessed)}"
        )
    return combine(treated, turn), notes


def _sham(
    frame: pd.DataFrame, study: IntArray, measurement: IntArray, control: IntArray
) -> IntArray:
    """Numbers of the sham arms: one for each cohort unless its numbers say otherwise."""
    cohort = combine(study, codes(frame, "experiment"))
    numbers = combine(*(codes(frame, name) for name in ("n3i", "m3i", "sd3i")))
    several = shared(combine(cohort, measurement), numbers)
    mixed = np.isin(cohort, cohort[several])
    sham = combine(cohort, np.where(mixed, control + 1, 0))
    # The controls of one id were compared with one healthy level, whichever experiment names it.
    first = np.unique(control, return_index=True)[1]
    return sham[first[control]]


def codes(frame: pd.DataFrame, name: str) -> IntArray:
    """(k,) a number from 1 for each distinct value of a column, 0 for a blank cell."""
    import pandas as pd

    if name not in frame.columns:
        return np.zeros(len(frame), dtype=np.int64)
    return np.asarray(pd.factorize(frame[name])[0], dtype=np.int64) + 1


def combine(first: IntArray, *more: IntArray) -> IntArray:
    """(k,) a number from 0 for each distinct combination, in order of first appearance.

    Examples
    --------
    >>> combine(np.array([1, 1, 2]), np.array([5, 7, 5])).tolist()
    [0, 1, 2]
    """
    import pandas as pd

    whole = first
    for part in (*more, np.zeros_like(first)):
        whole = pd.factorize(whole * (part.max(initial=0) + 1) + part)[0].astype(np.int64)
    return whole


def turns(group: IntArray) -> IntArray:
    """(k,) how many earlier rows are in the same group.

    Examples
    --------
    >>> turns(np.array([0, 1, 0, 0])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(group, kind="stable")
    start = np.flatnonzero(np.diff(group[order], prepend=-1))
    length = np.diff(np.append(start, len(group)))
    turn = np.empty(len(group), dtype=np.int64)
    turn[order] = np.arange(len(group)) - np.repeat(start, length)
    return turn


def _spans(group: IntArray, value: IntArray) -> BoolArray:
    """(groups,) whether a group has two different values; blanks (0) do not count."""
    count = int(group.max(initial=-1)) + 1
    low, high = np.full(count, np.iinfo(np.int64).max), np.zeros(count, dtype=np.int64)
    filled = value > 0
    np.minimum.at(low, group[filled], value[filled])
    np.maximum.at(high, group[filled], value[filled])
    return (high > 0) & (low < high)


def shared(group: IntArray, member: IntArray) -> BoolArray:
    """(k,) whether the row's group has several distinct members."""
    return _spans(group, member + 1)[group]


def suspicions(frame: pd.DataFrame, arms: Arms) -> list[str]:
    """Arms that print the same numbers and are not said to be the same, and the reverse."""
    place = combine(arms.measurement, codes(frame, "unit"))
    found = []
    for arm, number, hint in (
        ("control", 2, "if these are the same animals, give the rows one control_id"),
        ("treated", 1, "if these are the same animals, give the rows one comparison"),
    ):
        n, mean, sd = (codes(frame, f"{word}{number}i") for word in ("n", "m", "sd"))
        group = combine(place, n, mean, sd)
        known = (n > 0) & (mean > 0) & (sd > 0)
        alike = shared(group, arms.control if arm == "control" else arms.treated) & known
        if arm == "control":
            unnamed = np.zeros(group.max(initial=0) + 1, dtype=bool)
            unnamed[group[~arms.named]] = True
            alike &= unnamed[group]
        if alike.any():
            found.append(
                f"n, mean and SD of the {arm} arm are the same in rows that count as different "
                f"animals; {hint}: {by_study(frame, alike)}"
            )
    found += _mismatches(frame, arms, place)
    if (arms.repeat > 0).any():
        cell = combine(arms.treated, arms.control, arms.measurement)
        again = np.isin(cell, cell[arms.repeat > 0])
        found.append(
            "rows agree in comparison, control, outcome, site, assay and time; they count as "
            f"measurements of the same animals, correlated by rho: {by_study(frame, again)}"
        )
    return found


def _mismatches(frame: pd.DataFrame, arms: Arms, place: IntArray) -> list[str]:
    group = combine(place, arms.control)
    differs = np.zeros(len(frame), dtype=bool)
    for name in ("n2i", "m2i", "sd2i"):
        if name not in frame.columns:
            continue
        value = frame[name].to_numpy(dtype=float)
        low, high = np.full((2, group.max(initial=-1) + 1), np.nan)
        np.fmin.at(low, group, value)
        np.fmax.at(high, group, value)
        wide = high - low > 1e-9 * np.maximum(np.abs(high), np.abs(low))
        differs |= wide[group] & arms.named
    if not differs.any():
        return []
    return [
        "rows of one control_id, outcome, site, assay and time print different control numbers: "
        f"{by_study(frame, differs)}"
    ]


def by_study(frame: pd.DataFrame, rows: BoolArray) -> str:
    """``Ko 2017 (rows 3-5); Li 2020 (rows 8, 9)``, the first ten studies."""
    groups = list(frame.loc[rows].groupby("study", sort=False, dropna=False).groups.items())
    text = "; ".join(f"{name} ({rows_text(index)})" for name, index in groups[:10])
    return text + (f"; and {len(groups) - 10} more studies" if len(groups) > 10 else "")


def listed(frame: pd.DataFrame, rows: BoolArray) -> str:
    """The rows by number while they are few, else how many."""
    count = int(rows.sum())
    return rows_text(frame.index[rows]) if count <= LISTED else f"{count} rows"


def _is(frame: pd.DataFrame, name: str, word: str) -> BoolArray:
    if name not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    equal: Any = frame[name] == word
    return np.asarray(equal, dtype=bool)
