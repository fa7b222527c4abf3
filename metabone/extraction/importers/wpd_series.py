"""WebPlotDigitizer's CSV as series of points, with the cell that each came from."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from metabone.errors import DataError
from metabone.extraction.grid import Raw, column_letter
from metabone.extraction.importers.results import LedgerLine
from metabone.extraction.importers.sheet import advice, filled, fold, open_export
from metabone.extraction.numbers import Decimal, clean, find_decimal, number_style, parse_number
from metabone.extraction.table import Source

Mark = Literal["mean", "upper", "lower", "end"]

# Axis names that WebPlotDigitizer writes into the second header row.
_FIRST_AXES = frozenset({"x", "label"})
_SECOND_AXES = frozenset({"y", "value"})
_MARKS: dict[str, Mark] = {
    "mean": "mean", "upper": "upper", "top": "upper", "lower": "lower", "bottom": "lower",
    "end": "end",
}  # fmt: skip
_JOINED = re.compile(r"(?P<name>.+?)[\s_.:-]+\(?(?P<axis>x|y|label|value)\)?", re.IGNORECASE)
_UNNAMED = re.compile(r"bar\s*\d+", re.IGNORECASE)
_NAME = re.compile(rf"(?P<base>.*?)[\s_.:,-]*\(?(?P<mark>{'|'.join(_MARKS)})\)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Point:
    """One digitised point.

    Parameters
    ----------
    row : row of the file; column : the series, as the file names it.
    label : what stands in front of the value: a bar's label or x, as printed.
    x : the same as a number; NaN for a label.
    y : the value.
    """

    row: int
    column: str
    label: str
    x: float
    y: float


@dataclass(slots=True)
class Series:
    """Points of one data set.

    Parameters
    ----------
    name : as printed.
    base : the name without its mark: the arm, or what is measured.
    mark : ``mean`` (also where the name says nothing), or which end of the error bar.
    by_label : whether points have labels (bars) and not places on an axis.
    """

    name: str
    base: str
    mark: Mark
    by_label: bool
    points: list[Point] = field(default_factory=list)


def split_name(name: str) -> tuple[str, Mark]:
    """The arm or measure that a series is of, and what of it.

    Examples
    --------
    >>> split_name("Control upper"), split_name("mean"), split_name("OVX + exosomes")
    (('Control', 'upper'), ('', 'mean'), ('OVX + exosomes', 'mean'))
    """
    found = _NAME.fullmatch(name.strip())
    if found is None or (found["base"] and not re.search(r"[\s_.:,(-]", name.strip())):
        return name.strip(), "mean"
    return found["base"].strip(), _MARKS[found["mark"].casefold()]


def read_series(
    path: str | Path, *, sheet: str | None = None
) -> tuple[Source, list[Series], list[LedgerLine], list[str]]:
    """Series of a file, ledger lines of points that are no numbers, and notes.

    Raises
    ------
    DataError
        If the file is no export of WebPlotDigitizer.
    """
    source, raw = open_export(path, sheet)
    records = _records(raw)
    body = [(at + 1, record) for at, record in enumerate(records) if filled(record)]
    if not body:
        raise DataError(f"{source.file} is empty: no cell is filled")
    names, labels, first = _header(source.file, body)
    cells = body[first:]
    if not cells:
        raise DataError(f"{source.file} has a header but no point below it")
    width = 2 * len(names)
    beyond = next((row for row, record in cells if filled(record[width:])), None)
    if beyond is not None:
        raise DataError(
            f"{source.file}: row {beyond} has more cells than the {len(names)} series need (two "
            "each); is a name with a comma, or a decimal comma, not in quotation marks?"
        )
    style = find_decimal(
        [record[place] for _, record in cells if place < len(record)]
        for place in range(1, width, 2)
    )
    series: list[Series] = []
    ledger: list[LedgerLine] = []
    for place, name in enumerate(names):
        column = [
            (row, record[2 * place] if 2 * place < len(record) else "",
             record[2 * place + 1] if 2 * place + 1 < len(record) else "")
            for row, record in cells
        ]  # fmt: skip
        made, lost = _series(name, labels[place], column, style.mark)
        series.append(made)
        ledger += lost
    notes = [found.message for found in raw.findings]
    bars = {point.label for one in series if one.by_label for point in one.points}
    if bars and all(_UNNAMED.fullmatch(bar) for bar in bars):
        notes.append(
            "the bars have the names WebPlotDigitizer gives them (Bar0, Bar1, …): say which is "
            "which with --control, --treated and --sham, and give ends of error bars a data set "
            "of their own"
        )
    if style.mark == ",":
        notes.append("numbers are read with a decimal comma and written with a point")
    return replace(source, rows=len(cells), decimal=style.mark), series, ledger, notes


def _records(raw: Raw) -> list[list[str]]:
    """Records, split anew where commas are decimals: ``1,5; 2,25``."""
    joined = [",".join(record) for record in raw.records]
    held = [line for line in joined if line.strip()]
    if raw.separator == "," and held and all(line.count(";") == 1 for line in held):
        return [line.split(";") for line in joined]
    return raw.records


def _header(
    file: str, body: Sequence[tuple[int, list[str]]]
) -> tuple[list[str], list[bool | None], int]:
    """Names of the series, which of them have labels, and where their points begin."""
    top = [" ".join(cell.replace("\ufeff", "").split()) for cell in body[0][1]]
    axes = _axes(body[1][1]) if len(body) > 1 else None
    if axes is not None:
        top = _once_over_pairs(top)
        _refuse_names(file, top, len(axes))
        named = [top[2 * at] if 2 * at < len(top) else "" for at in range(len(axes))]
        _refuse_twice(file, named)
        return named, list(axes), 2
    if (joined := _joined_names(top)) is not None:
        _refuse_twice(file, [name for name, _ in joined])
        return [name for name, _ in joined], [by_label for _, by_label in joined], 1
    if (alone := _axes(body[0][1])) is not None and len(alone) == 1:
        return [""], list(alone), 1
    if sum(bool(cell) for cell in top) == 2 and number_style(clean(top[1])):
        return [""], [None], 0
    shown = ", ".join(repr(cell[:40]) for cell in top[:5])
    raise DataError(
        f"{file} is no export of WebPlotDigitizer: a row of series names and a row X, Y (or "
        f"Label, Y) for each is needed, or two columns of one series; row {body[0][0]} holds "
        f"{shown}{advice('wpd', top)}"
    )


def _once_over_pairs(top: Sequence[str]) -> list[str]:
    """Names without their repeats: some tools write a name over both columns of its series."""
    return ["" if at % 2 and name == top[at - 1] else name for at, name in enumerate(top)]


def _joined_names(top: Sequence[str]) -> list[tuple[str, bool]] | None:
    """Series of one header row ``PBS_X, PBS_Y, exosomes_X, exosomes_Y``; None if it is none."""
    names = list(top)
    while names and not names[-1]:
        names.pop()
    split = [_JOINED.fullmatch(name) for name in names]
    if not names or len(names) % 2 or None in split:
        return None
    pairs = [(one, other) for one, other in zip(split[::2], split[1::2], strict=True)
             if one and other]  # fmt: skip
    fits = all(
        one["name"] == other["name"]
        and fold(one["axis"]) in _FIRST_AXES
        and fold(other["axis"]) in _SECOND_AXES
        for one, other in pairs
    )
    return [(one["name"], fold(one["axis"]) == "label") for one, _ in pairs] if fits else None


def _refuse_twice(file: str, names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{file}: two series are called {twice!r}; give each its own name")


def _axes(record: Sequence[str]) -> list[bool] | None:
    """For each pair of axis names whether the first is a label; None if they are none."""
    words = [fold(cell) for cell in record]
    while words and not words[-1]:
        words.pop()
    if not words or len(words) % 2:
        return None
    fits = all(word in _FIRST_AXES for word in words[::2]) and all(
        word in _SECOND_AXES for word in words[1::2]
    )
    return [word == "label" for word in words[::2]] if fits else None


def _refuse_names(file: str, top: Sequence[str], count: int) -> None:
    odd = next((at for at, name in enumerate(top) if name and (at % 2 or at >= 2 * count)), None)
    if odd is not None:
        raise DataError(
            f"{file}: {top[odd]!r} stands over no series (column {column_letter(odd)}); "
            "WebPlotDigitizer does not quote names, so a name with a comma falls apart: rename it"
        )


def _series(
    name: str,
    by_label: bool | None,
    cells: Sequence[tuple[int, str, str]],
    decimal: Decimal,
) -> tuple[Series, list[LedgerLine]]:
    places = [first for _, first, second in cells if first.strip() or second.strip()]
    if by_label is None:
        by_label = not all(number_style(clean(place)) for place in places)
    base, mark = split_name(name)
    made = Series(name, base, mark, by_label)
    lost: list[LedgerLine] = []
    for row, first, second in cells:
        if not first.strip() and not second.strip():
            continue
        label = " ".join(first.split())
        x = math.nan if by_label else _number(label, decimal)
        y = _number(second, decimal)
        if math.isnan(y) or (math.isnan(x) and not by_label):
            reason = f"{(label, second.strip())!r} is no point"
            lost.append(LedgerLine(row, name or None, code="unreadable-point", reason=reason))
        else:
            made.points.append(Point(row, name, label, x, y))
    return made, lost


def _number(cell: str, decimal: Decimal) -> float:
    try:
        return parse_number(cell, decimal)
    except ValueError:
        return math.nan
