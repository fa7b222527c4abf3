"""The columns beside a forest plot: which there are, and what a row says in each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from metabone.errors import UsageError
from metabone.options import nearest
from metabone.plots.labels import SHOWN_BY, cell_text, detail_text
from metabone.plots.rob_columns import ROB, define_rob
from metabone.plots.spec import PLOT, Column
from metabone.plots.styles import Style
from metabone.plots.words import NO_NUMBER, decimals_for, interval_parts, number

if TYPE_CHECKING:
    import pandas as pd

    from metabone.synthesis.rob_results import JudgedItem

#: Columns that are made for the figure; any column of the table can be named besides.
MADE = ("study", "dose", "timepoint", "duration", "arms", "n", "rob", "weight", "effect", PLOT)
_ARMS = (("m1i", "sd1i", "n1i"), ("m2i", "sd2i", "n2i"))
_HEADERS = {
    "timepoint_weeks": "Weeks", "timepoint": "Weeks", "duration_weeks": "Weeks treated",
    "duration": "Weeks treated", "age_weeks": "Age, weeks", "exosome_source": "Source",
    "target_cell": "Target cell", "dose": "Dose", "doi": "DOI",
}  # fmt: skip


def choose(
    columns: Sequence[str] | None, style: Style, available: Iterable[str]
) -> tuple[str, ...]:
    """The keys of the columns in reading order, with ``study`` first and ``plot`` among them.

    Where the caller does not place the plot, it stands before the first column that the style
    has on its right.

    Raises
    ------
    UsageError
        For a column that neither the table nor the figure has, or one named twice.
    """
    if isinstance(columns, str):
        columns = tuple(part.strip() for part in columns.split(","))
    keys = list(columns) if columns is not None else list(style.columns)
    known = list(dict.fromkeys((*MADE, *map(str, available))))
    for key in keys:
        if key not in known:
            near = nearest(key, known) or list(MADE)
            listed = ", ".join(repr(name) for name in near)
            raise UsageError(f"columns: {key!r} is no column of the table or figure; try {listed}")
        if keys.count(key) > 1:
            raise UsageError(f"columns: {key!r} is named twice")
    if "study" not in keys:
        keys.insert(0, "study")
    if PLOT not in keys:
        right = [i for i, key in enumerate(keys) if key in style.right_of_plot]
        keys.insert(right[0] if right else len(keys), PLOT)
    return tuple(keys)


def shown_columns(keys: Iterable[str]) -> tuple[str, ...]:
    """The columns of the table that the chosen columns already show."""
    return tuple(name for key in keys for name in SHOWN_BY.get(key, (key,)))


def define(
    keys: Sequence[str],
    frame: pd.DataFrame,
    style: Style,
    words: Mapping[str, str],
    items: tuple[JudgedItem, ...] = (),
) -> tuple[Column, ...]:
    """The columns behind the keys; ``arms`` and ``n`` are several under two headings.

    `words` holds the headers for ``study effect plot weight treated control``; ``rob`` is a column
    for each of the `items`.
    """
    made: list[Column] = []
    for key in keys:
        made += define_rob(items) if key == ROB else _define_one(key, frame, style, words)
    return tuple(made)


def _define_one(
    key: str, frame: pd.DataFrame, style: Style, words: Mapping[str, str]
) -> list[Column]:
    arms = (words["treated"], words["control"])
    if key == "study":
        return [Column("study", words["study"], wrap=True)]
    if key == PLOT:
        return [Column(PLOT, words["plot"])]
    if key == "effect":
        return [Column("effect", words["effect"], parts=("right", "right", "right"), glue=0.4)]
    if key == "weight":
        return [Column("weight", words["weight"], parts=("right",))]
    if key == "n":
        return [
            Column(f"n.{arm}", name, group=style.words.total, parts=("right",))
            for arm, name in enumerate(arms, start=1)
        ]
    if key == "arms":
        return [
            column for arm, name in enumerate(arms, start=1) for column in _arm(arm, name, style)
        ]
    source = {"timepoint": "timepoint_weeks", "duration": "duration_weeks"}.get(key, key)
    header = words.get(key) or _HEADERS.get(key) or key[:1].upper() + key[1:].replace("_", " ")
    numeric = key != "dose" and frame[source].dtype.kind in "fiu"
    return [Column(key, header, parts=("decimal",) if numeric else ("left",), wrap=not numeric)]


def _arm(arm: int, name: str, style: Style) -> list[Column]:
    first = Column(f"arms.m{arm}", "Mean", group=name, parts=("decimal",))
    return [
        first,
        replace(first, key=f"arms.sd{arm}", header="SD"),
        replace(first, key=f"arms.n{arm}", header=style.words.total, parts=("right",)),
    ]


def fill(keys: Sequence[str], row: pd.Series) -> dict[str, tuple[str, ...]]:
    """What one effect says in the columns that come straight from the table."""
    cells: dict[str, tuple[str, ...]] = {}
    for key in keys:
        if key == "n":
            cells |= {f"n.{arm}": (_whole(row[f"n{arm}i"]),) for arm in (1, 2)}
        elif key == "arms":
            cells |= _fill_arms(row)
        elif key == "dose":
            cells[key] = (detail_text(row, "dose") or NO_NUMBER,)
        elif key not in MADE or key in SHOWN_BY:
            cells[key] = (cell_text(row[SHOWN_BY.get(key, (key,))[0]]) or NO_NUMBER,)
    return {key: tuple(part.replace("-", "−") if _is_number(part) else part for part in parts)
            for key, parts in cells.items()}  # fmt: skip


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _fill_arms(row: pd.Series) -> dict[str, tuple[str, ...]]:
    cells: dict[str, tuple[str, ...]] = {}
    spreads = [float(row[sd]) for _, sd, _ in _ARMS]
    # Three digits of the SD, but no fifth decimal unless two digits need it.
    least = decimals_for(max(spreads), most=9)
    decimals = min(decimals_for(max(spreads), digits=3, most=9), max(4, least))
    for arm, (mean, sd, n) in enumerate(_ARMS, start=1):
        cells[f"arms.m{arm}"] = (number(float(row[mean]), decimals),)
        cells[f"arms.sd{arm}"] = (number(float(row[sd]), decimals),)
        cells[f"arms.n{arm}"] = (_whole(row[n]),)
    return cells


def _whole(value: float) -> str:
    return NO_NUMBER if math.isnan(value) else f"{value:.6g}"


def fill_totals(
    keys: Sequence[str], frame: pd.DataFrame, animals: int
) -> dict[str, tuple[str, ...]]:
    """Animals in each arm over some rows, where no animal stands in two of them.

    Arms that share a control would count it twice; their totals are left blank.
    """
    sizes = [frame["n1i"].sum(skipna=False), frame["n2i"].sum(skipna=False)]
    if math.isnan(sum(sizes)) or sum(sizes) != animals:
        return {}
    wanted = [
        f"{key}.n{{}}" if key == "arms" else f"{key}.{{}}" for key in keys if key in ("n", "arms")
    ]
    return {name.format(arm): (_whole(sizes[arm - 1]),) for name in wanted for arm in (1, 2)}


def effect_cell(
    shown: tuple[float, float, float], decimals: int, style: Style, *, signed: bool = False
) -> tuple[str, str, str]:
    """Estimate and interval as the three parts of an ``effect`` cell; a NaN estimate is blank."""
    estimate, low, high = shown
    first = "" if math.isnan(estimate) else number(estimate, decimals, signed=signed)
    limits = (number(low, decimals, signed=signed), number(high, decimals, signed=signed))
    return (first, *interval_parts(*limits, style.numbers))


def weight_cell(percent: float, style: Style) -> tuple[str]:
    """A weight in per cent with one decimal."""
    sign = "%" if style.numbers.percent_in_cell else ""
    return (f"{number(percent, 1)}{sign if not math.isnan(percent) else ''}",)
