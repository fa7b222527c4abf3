"""Printed cells to numbers, exactly or not at all."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

Decimal = Literal[".", ","]

MISSING_MARKS = frozenset({"na", "n/a", "nan", "#n/a", ".", "-", "–", "—", "−", "*"})
MISSING_WORDS = frozenset({"na", "n/a", "nan", "#n/a"})

_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_POINT = re.compile(rf"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+){_EXPONENT}")
_COMMA = re.compile(rf"[+-]?[0-9]*,[0-9]+{_EXPONENT}")
# One group of three after a short lead that is not 0: 1,239 may be 1.239 or 1239.
_MAYBE_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:([\s,.'’])[0-9]{3})(?:\1[0-9]{3})*(?:[.,][0-9]+)?")
_INFINITE = re.compile(r"[+-]?inf(?:inity)?|[+-]?∞", re.IGNORECASE)
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ].*)?|[0-9]{{1,2}}[-./ ](?:{_MONTH})[a-z]*.*"
    rf"|(?:{_MONTH})[a-z]*[-./ ][0-9]{{1,4}}|[0-9]{{1,2}}[./][0-9]{{1,2}}[./][0-9]{{2,4}}",
    re.IGNORECASE,
)
_RANGE = re.compile(r"[0-9.,]+ ?(?:[-–—]|to) ?[0-9.,]+")
_MINUS = str.maketrans({"−": "-", "–": "-", "﹣": "-", "－": "-"})


@dataclass(frozen=True, slots=True)
class Parsed:
    """One column of cells as numbers.

    Parameters
    ----------
    values : (rows,) float64, NaN where the cell is blank or cannot be read.
    bad : (rows,) code of the problem, or None.
    marks : how often each mark of a missing value stands in the column.
    minus : (rows,) whether the cell was written with a typographic minus.
    """

    values: NDArray[Any]
    bad: NDArray[Any]
    marks: dict[str, int]
    minus: NDArray[Any]


def clean(cell: str) -> str:
    """The cell without blanks around it and with an ASCII minus in front.

    Examples
    --------
    >>> clean("\\u00a0−0.3 ")
    '-0.3'
    """
    text = cell.strip()
    if text.isascii() or len(text) < 2:
        return text
    return text[:1].translate(_MINUS) + text[1:]


def parse_number(cell: str, decimal: Decimal = ".") -> float:
    """The number that a cell prints; NaN for a blank cell.

    Parameters
    ----------
    cell : the cell as the file prints it.
    decimal : the decimal mark of the file.

    Raises
    ------
    ValueError
        With the code of what is wrong, if the cell is not one plain finite number.

    Examples
    --------
    >>> parse_number("0,45", ","), parse_number("-1.5e-3")
    (0.45, -0.0015)
    """
    text = clean(cell)
    if not text or text.casefold() in MISSING_MARKS:
        return math.nan
    style = number_style(text)
    if style in ("integer", decimal) or (style == "1,239" and decimal == ","):
        value = float(text.replace(",", "."))
    elif style == "1.239" and decimal == ".":
        value = float(text)
    else:
        raise ValueError(_problem(text, style, decimal))
    if math.isinf(value):
        raise ValueError("infinite-number")
    return value


def number_style(text: str) -> str | None:
    """How a cleaned cell writes its number.

    Returns
    -------
    str or None
        ``integer``; ``.`` or ``,`` for a clear decimal mark; ``1.239`` or ``1,239`` where the
        mark may stand before decimals or after thousands; None if it is not a plain number.
    """
    if _POINT.fullmatch(text):
        if "." not in text:
            return "integer"
        return "1.239" if _MAYBE_THOUSANDS.fullmatch(text) else "."
    if _COMMA.fullmatch(text):
        return "1,239" if _MAYBE_THOUSANDS.fullmatch(text) else ","
    return None


def _problem(text: str, style: str | None, decimal: Decimal) -> str:
    if style == "1,239":
        return "ambiguous-number"
    if style is not None:
        return "mixed-decimals"
    if _INFINITE.fullmatch(text):
        return "infinite-number"
    if _THOUSANDS.fullmatch(text):
        return "thousands-mark"
    if _DATE.fullmatch(text):
        return "date-instead-of-number"
    if text.startswith("#"):
        return "spreadsheet-error"
    return "unreadable-number"


_EXPLAIN: Mapping[str, str] = {
    "mixed-decimals": "is written with the other decimal mark than most of the file; use one mark",
    "thousands-mark": "holds a thousands mark; write the number without it",
    "infinite-number": "is not finite; give the number or leave the cell blank",
    "date-instead-of-number": "is a date (a spreadsheet program makes dates of ranges such as "
    "7-10); a number is needed",
    "spreadsheet-error": "is an error value of a spreadsheet program; a number is needed",
}


def explain(cell: str, code: str) -> str:
    """What is wrong with a cell that `parse_number` refused, and what is allowed."""
    text = clean(cell)
    if code == "ambiguous-number":
        point, whole = text.replace(",", "."), text.replace(",", "")
        return f"may mean {point} or {whole}; write one of them, without a thousands mark"
    return _EXPLAIN.get(code) or _explain_unreadable(text)


def _explain_unreadable(text: str) -> str:
    allowed = "one plain number or a blank cell is allowed"
    if "±" in text or "+/-" in text:
        return f"holds two numbers; mean and dispersion go into their own columns ({allowed})"
    if _RANGE.fullmatch(text):
        return "is a range; no midpoint is taken: give the exact number or leave the cell blank"
    if "(" in text or ")" in text or "[" in text:
        return f"holds brackets; mean and dispersion go into their own columns ({allowed})"
    if text[0] in "<>≤≥=~≈":
        return f"is an inequality or an approximation ({allowed})"
    if text.endswith("%"):
        return f"holds a per cent sign; write it in the unit column ({allowed})"
    if text.rstrip("*†‡§#abcd ") and number_style(text.rstrip("*†‡§#abcd ")):
        return f"holds a mark beside the number ({allowed})"
    return f"is not a number ({allowed})"


@dataclass(frozen=True, slots=True)
class DecimalStyle:
    """How a file writes decimals.

    Parameters
    ----------
    mark : ``,`` only if more cells can be nothing but a decimal comma (``0,45``, ``12,5``) than
        can be nothing but a decimal point.
    points, commas : whether any number is written with that mark at all.
    clear_points : whether any can be nothing but a decimal point.
    """

    mark: Decimal
    points: bool
    commas: bool
    clear_points: bool


def find_decimal(columns: Iterable[Iterable[str]]) -> DecimalStyle:
    """How a file writes decimals, from the cells of its number columns.

    Examples
    --------
    >>> find_decimal([["0,45", "1,239"], ["8", "NA"]]).mark
    ','
    """
    counts = dict.fromkeys(("integer", ".", ",", "1.239", "1,239"), 0)
    for cells in columns:
        for cell in set(cells):
            style = number_style(clean(cell))
            if style is not None:
                counts[style] += 1
    return DecimalStyle(
        mark="," if counts[","] > counts["."] else ".",
        points=counts["."] + counts["1.239"] > 0,
        commas=counts[","] + counts["1,239"] > 0,
        clear_points=counts["."] > 0,
    )


def parse_column(
    cells: NDArray[Any],
    *,
    decimal: Decimal,
    thousands_possible: bool,
    native: NDArray[Any] | None = None,
) -> Parsed:
    """Parse one column; each distinct cell is looked at once.

    Parameters
    ----------
    cells : (rows,) str, as printed.
    decimal : the file's decimal mark.
    thousands_possible : whether ``1,239`` stays ambiguous although the decimal mark is a comma.
    native : (rows,) true where the file holds a number itself (a workbook), printed with a point.
    """
    import numpy as np
    import pandas as pd

    codes, found = pd.factorize(cells)
    uniques = [str(cell) for cell in found] or [""]
    parsed = [_parse_one(cell, decimal, thousands_possible) for cell in uniques]
    values = np.array([value for value, _ in parsed], dtype=float)[codes]
    bad = np.array([code for _, code in parsed], dtype=object)[codes]
    if native is not None and native.any():
        values[native] = [float(cell) for cell in cells[native]]
        bad[native] = None
        bad[native & np.isinf(values)] = "infinite-number"
        values[np.isinf(values)] = math.nan
    counts = np.bincount(codes, minlength=len(uniques)).tolist()
    marks: dict[str, int] = {}
    for cell, count in zip(uniques, counts, strict=True):
        if is_mark(cell, MISSING_MARKS):
            marks[cell.strip()] = marks.get(cell.strip(), 0) + count
    minus = np.array([_has_minus(cell) for cell in uniques], dtype=bool)[codes]
    return Parsed(values, bad, marks, minus)


def is_mark(cell: str, marks: frozenset[str]) -> bool:
    """Whether the cell is one of the marks of a missing value (a blank cell is not)."""
    return cell.strip().casefold() in marks


def _parse_one(cell: str, decimal: Decimal, thousands_possible: bool) -> tuple[float, str | None]:
    if thousands_possible and "," in cell and number_style(clean(cell)) == "1,239":
        return math.nan, "ambiguous-number"
    try:
        return parse_number(cell, decimal), None
    except ValueError as error:
        return math.nan, str(error)


def _has_minus(cell: str) -> bool:
    if cell.isascii():
        return False
    text = cell.strip()
    return len(text) > 1 and text[0] != "-" and clean(text)[0] == "-"
