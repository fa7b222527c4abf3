"""Groups of animals that say how much an endpoint varies: shipped ones, or arms of a table."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from metabone.effects.routes import read_arm
from metabone.errors import DataError, UsageError
from metabone.extraction.shipped import dataset
from metabone.extraction.where import select
from metabone.options import nearest
from metabone.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from metabone.extraction.table import StudyTable

LABELS = ("species", "strain", "sex", "site", "assay")
NOT_STATED = "not stated"

# Files that come from the same animals or the same laboratory: one source of variation.
_SAME_LAB: Mapping[str, str] = MappingProxyType(
    {"OSD-351": "STS-62", "OSD-310": "STS-62", "OSD-477": "Ko 2020", "LSDS-41": "Ko 2020"}
)
_SCAN = re.compile(r" group, scan at week \d+$")


@dataclass(frozen=True, slots=True)
class Group:
    """One group of animals, once measured.

    Parameters
    ----------
    lab : who measured; a new study is a new lab.
    animals : name of the animals, the same when they are measured again.
    labels : species, strain, sex, site and assay.
    n : animals.
    value : CV as a fraction, or a correlation.
    """

    lab: str
    animals: str
    labels: Mapping[str, str]
    n: int
    value: float

    def to_dict(self) -> dict[str, Any]:
        """The group as JSON prints it."""
        return {"lab": self.lab, "animals": self.animals, **self.labels, "n": self.n,
                "value": self.value}  # fmt: skip


def shipped_cv(endpoint: str) -> list[Group]:
    """The groups of the shipped data set ``bone-variability`` with that endpoint.

    Raises
    ------
    UsageError
        If it has none; the message names the nearest endpoints.

    Examples
    --------
    >>> len(shipped_cv("BV/TV"))
    30
    """
    rows = [row for row in _shipped("data.csv") if row["cv_pct"]]
    return [
        _group(row, int(row["n"]), float(row["sd"]) / abs(float(row["mean"])))
        for row in _with_endpoint(rows, endpoint)
    ]


def shipped_endpoints(kind: str) -> tuple[str, ...]:
    """The endpoints of ``bone-variability`` with a CV (``cv``) or a ``correlation``.

    Examples
    --------
    >>> shipped_endpoints("correlation")
    ('aBMD', 'vBMD')
    """
    file = "data.csv" if kind == "cv" else "prepost_correlation.csv"
    rows = [row for row in _shipped(file) if kind != "cv" or row["cv_pct"]]
    return tuple(sorted({row["endpoint"] for row in rows}))


def shipped_correlations(endpoint: str) -> list[Group]:
    """The correlations of a first and a later scan in ``bone-variability`` of that endpoint.

    Examples
    --------
    >>> {group.lab for group in shipped_correlations("vBMD")}
    {'Ko 2020'}
    """
    rows = list(_shipped("prepost_correlation.csv"))
    return [_group(row, int(row["n"]), float(row["r"])) for row in _with_endpoint(rows, endpoint)]


def table_cv(table: StudyTable, endpoint: str, arms: tuple[str, ...]) -> tuple[list[Group], int]:
    """The arms of an extraction table with that endpoint, and how many have no CV.

    A control group that several rows share is one group. SEM, intervals and quartiles become SD as
    they do for effect sizes.

    Raises
    ------
    UsageError
        If the table does not have the endpoint.
    DataError
        For an impossible value in its rows.
    """
    known = [str(name) for name in table.frame["outcome"].dropna().unique()]
    frame = select(table, outcome=[named(endpoint, known)]).usable()
    found: dict[tuple[Any, ...], Group] = {}
    lost = 0
    for arm in arms:
        numbers = read_arm(frame, arm)
        rows = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
        for row, n, mean, sd in zip(rows, numbers.n, numbers.mean, numbers.sd, strict=True):
            if not (n >= 2 and mean > 0 and sd > 0):
                lost += 1
                continue
            animals = _animals(row, arm)
            group = _group(row | {"dataset": row["study"]}, int(n), float(sd / mean), animals)
            labels = (*group.labels.values(), row["timepoint_weeks"])
            found.setdefault((animals, labels, int(n), float(mean), float(sd)), group)
    return list(found.values()), lost


def choose(groups: Iterable[Group], wanted: Mapping[str, str | None]) -> list[Group]:
    """The groups that have all wanted labels: whole words first, else parts of longer names.

    Raises
    ------
    UsageError
        If no group has one of them; the message lists those there are.

    Examples
    --------
    >>> chosen = choose(shipped_cv("BV/TV"), {"site": "metaphysis", "assay": "µCT"})
    >>> {group.labels["site"] for group in chosen}
    {'distal femur metaphysis'}
    """
    left = list(groups)
    for name, word in wanted.items():
        if word is None:
            continue
        known = sorted({group.labels[name] for group in left})
        folded = _canonical(name, word).casefold()
        hits = [each for each in known if each.casefold() == folded]
        hits = hits or [each for each in known if folded in each.casefold()]
        if not hits:
            listed = ", ".join(map(repr, known))
            raise UsageError(f"no group has the {name} {word!r}; there are {listed}")
        left = [group for group in left if group.labels[name] in hits]
    return left


@cache
def _shipped(name: str) -> tuple[dict[str, str], ...]:
    path = dataset("bone-variability").folder / name
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return tuple(csv.DictReader(lines))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _with_endpoint(rows: Sequence[dict[str, str]], endpoint: str) -> list[dict[str, str]]:
    name = named(endpoint, sorted({row["endpoint"] for row in rows}))
    return [row for row in rows if row["endpoint"] == name]


def named(endpoint: str, known: list[str]) -> str:
    """The endpoint as the data name it.

    Raises
    ------
    UsageError
        If the data have no such endpoint, or it has no coefficient of variation.
    """
    term = load_vocabulary().endpoint(endpoint)
    if term is not None and not term.ratio_scale:
        raise UsageError(
            f"{term.name} can be zero or negative, so it has no coefficient of variation; "
            "plan with its SD"
        )
    name = term.name if term is not None else endpoint.strip()
    for each in known:
        if each.casefold() == name.casefold():
            return each
    close = nearest(name, known) or known
    raise UsageError(
        f"there is nothing on {endpoint!r}; nearest: {', '.join(map(repr, close[:12]))}"
    )


def _group(row: Mapping[str, Any], n: int, value: float, animals: str | None = None) -> Group:
    lab = _SAME_LAB.get(str(row["dataset"]), str(row["dataset"]))
    labels = {name: _text(row[name]) for name in LABELS}
    if animals is None:
        arm = _SCAN.sub("", str(row["arm"]))
        animals = f"{lab}, {labels['sex']}, {arm}"
    return Group(lab, animals, MappingProxyType(labels), n, value)


def _animals(row: Mapping[str, Any], arm: str) -> str:
    named = row["control_id"] if arm == "control" else row["comparison"]
    parts = (row["study"], row["experiment"], named, arm)
    return ", ".join(_text(part) for part in parts if _text(part) != NOT_STATED)


def _text(value: Any) -> str:
    blank = value is None or value == "" or (isinstance(value, float) and math.isnan(value))
    return NOT_STATED if blank else str(value)


def _canonical(kind: str, word: str) -> str:
    term = load_vocabulary().find(kind, word) if kind in ("species", "assay") else None
    return word.strip() if term is None else term.name


def spread_of(values: Iterable[float]) -> tuple[float, float]:
    """Least and greatest of some values."""
    found = np.array(list(values), dtype=float)
    return float(found.min()), float(found.max())
