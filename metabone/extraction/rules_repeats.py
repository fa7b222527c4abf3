"""Rules across rows: repeats, shared controls, names that almost agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabone.extraction.rows import Message, Rows
from metabone.extraction.schema import BY_NAME
from metabone.extraction.table import Finding

_PLACE = ("study", "outcome", "unit", "site", "assay", "timepoint_weeks")
_CONTROL = ("n_control", "mean_control", "dispersion_control")


def duplicates(rows: Rows) -> Iterator[Finding]:
    """The same row twice, cell by cell."""
    first = _firsts(rows.printed_groups)
    yield from rows.report(
        first >= 0, "", "duplicate-row",
        lambda at: f"repeats row {rows.row(int(first[at]))} in every cell; a study counts once",
    )  # fmt: skip


def conflicts(rows: Rows) -> Iterator[Finding]:
    """The same comparison twice, with different numbers."""
    keys = [
        str(name) for name in rows.frame
        if str(name) not in BY_NAME or BY_NAME[str(name)].role in ("label", "moderator")
    ]  # fmt: skip
    first = _firsts(rows.groups(keys))
    same = _firsts(rows.printed_groups) >= 0
    numbers = rows.any_filled(("mean_treated", "mean_control", "yi", "t", "f", "p"))
    yield from rows.report(
        (first >= 0) & ~same & numbers, "", "conflicting-rows",
        lambda at: f"describes the same comparison as row {rows.row(int(first[at]))} with other "
        "numbers; which is right, or what tells them apart?",
    )  # fmt: skip


def shared_controls(rows: Rows) -> Iterator[Finding]:
    """The same control numbers in several rows of a study, without a control_id."""
    given = rows.all_filled(("mean_control", "dispersion_control")) & rows.filled("study")
    groups = rows.groups((*_PLACE, *_CONTROL))
    others = _others(groups, given)
    shared = given & ~rows.filled("control_id") & (others >= 0)
    yield from rows.report(
        shared, "control_id", "shared-control-undeclared",
        lambda at: f"is blank, but row {rows.row(int(others[at]))} of the study prints the same "
        "control; if the animals are the same, give both rows one control_id",
    )  # fmt: skip


def control_mismatch(rows: Rows) -> Iterator[Finding]:
    """One control_id is one group of animals: it has one n and one mean for each outcome."""
    first = _firsts(rows.groups((*_PLACE, "control_id")))
    known = (first >= 0) & rows.filled("control_id")
    for name in _CONTROL:
        value = rows.number(name)
        differs = known & (value != value[first]) & ~np.isnan(value) & ~np.isnan(value[first])
        yield from rows.report(
            differs, name, "control-mismatch",
            _differs(rows, name, first),
        )  # fmt: skip


def _differs(rows: Rows, name: str, first: NDArray[Any]) -> Message:
    return lambda at: (
        f"differs from row {rows.row(int(first[at]))} ({rows.cell(int(first[at]), name)}), which "
        f"has the same control_id {rows.cell(at, 'control_id')!r}, outcome, site and time"
    )


def control_in_two_studies(rows: Rows) -> Iterator[Finding]:
    """A control group belongs to one study."""
    owner: dict[Any, tuple[Any, int]] = {}
    told: set[tuple[Any, Any]] = set()
    found: dict[int, int] = {}
    pairs = zip(rows.text("control_id"), rows.text("study"), strict=True)
    for at, (control, study) in enumerate(pairs):
        if control is None or study is None:
            continue
        first_study, first = owner.setdefault(control, (study, at))
        if first_study != study and (control, study) not in told:
            told.add((control, study))
            found[at] = first
    where = np.zeros(len(rows), dtype=bool)
    where[list(found)] = True
    yield from rows.report(
        where, "control_id", "control-in-two-studies",
        lambda at: f"is also the control of study {rows.text('study')[found[at]]!r} (row "
        f"{rows.row(found[at])}); a control group belongs to one study",
    )  # fmt: skip


def study_names(rows: Rows) -> Iterator[Finding]:
    """Study names that differ only in case, blanks or punctuation are one study."""
    seen: dict[str, str] = {}
    told: dict[int, str] = {}
    for at, name in enumerate(rows.text("study")):
        folded = "".join(mark for mark in str(name).casefold() if mark.isalnum())
        if name is None or not folded:
            continue
        known = seen.setdefault(folded, name)
        if known != name and name not in seen:
            told[at] = known
            seen[name] = name
    where = np.zeros(len(rows), dtype=bool)
    where[list(told)] = True
    yield from rows.report(
        where, "study", "study-names-alike",
        lambda at: f"is almost {told[at]!r}; the two count as different studies",
    )  # fmt: skip


def _firsts(groups: NDArray[Any]) -> NDArray[Any]:
    """(rows,) place of the first earlier row of the same group, or -1."""
    _, first = np.unique(groups, return_index=True)
    place: NDArray[Any] = first[groups]
    return np.where(place == np.arange(len(groups)), -1, place)


def _others(groups: NDArray[Any], given: NDArray[Any]) -> NDArray[Any]:
    """(rows,) place of another row of the same group among those given, or -1."""
    members: dict[int, list[int]] = {}
    for at in given.nonzero()[0].tolist():
        members.setdefault(int(groups[at]), []).append(at)
    others = np.full(len(groups), -1)
    for places in members.values():
        if len(places) > 1:
            others[places] = places[0]
            others[places[0]] = places[1]
    return others
