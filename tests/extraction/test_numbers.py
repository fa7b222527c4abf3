"""A number comes back exactly as printed, or not at all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.extraction.codes import SEVERITY
from metabone.extraction.numbers import explain, find_decimal, parse_column, parse_number

finite = st.floats(allow_nan=False, allow_infinity=False)
STYLES = {
    "repr": repr,
    "exponent": lambda x: f"{x:.17e}",
    "upper exponent": lambda x: f"{x:.17E}",
    "plus": lambda x: f"{x:+.17e}",
    "blanks": lambda x: f"  {x!r}\u00a0",
    "typographic minus": lambda x: repr(x).replace("-", "−", 1) if x < 0 else repr(x),
}


@pytest.mark.parametrize("style", STYLES)
@given(number=finite)
def test_a_printed_float_comes_back_to_the_last_bit(style: str, number: float) -> None:
    read = parse_number(STYLES[style](number))
    assert np.float64(read).tobytes() == np.float64(number).tobytes()


@given(number=finite)
def test_a_decimal_comma_changes_no_digit(number: float) -> None:
    assert parse_number(repr(number).replace(".", ","), ",") == number


@given(number=st.integers(-(10**15), 10**15))
def test_whole_numbers_are_exact(number: int) -> None:
    assert parse_number(str(number)) == number


@given(text=st.text(max_size=12))
def test_any_text_is_a_finite_number_blank_or_refused(text: str) -> None:
    for decimal in (".", ","):
        refused = None
        try:
            read = parse_number(text, decimal)  # type: ignore[arg-type]
        except ValueError as error:
            refused = str(error)
        if refused is None:
            assert math.isnan(read) or math.isfinite(read)
        else:
            assert refused in SEVERITY
            assert explain(text, refused)


@given(
    lead=st.integers(1, 999), digits=st.integers(0, 999), sign=st.sampled_from(["", "-", "+", "−"])
)
def test_one_group_after_a_comma_is_never_read_in_a_file_of_points(
    lead: int, digits: int, sign: str
) -> None:
    with pytest.raises(ValueError, match="ambiguous-number"):
        parse_number(f"{sign}{lead},{digits:03d}")


REFUSED = {
    "ambiguous-number": ["1,239", "-12,500"],
    "mixed-decimals": ["0,45", "12,5", "0,450", "1234,5"],
    "thousands-mark": ["1,234,567", "1,234.5", "1.234,5", "1 234", "1'234", "1\u202f234"],
    "infinite-number": ["inf", "-Infinity", "∞", "1e999"],
    "date-instead-of-number": [
        "7-Oct", "Oct-07", "2024-10-07", "07/10/2024", "2024-10-07 00:00:00",
    ],
    "spreadsheet-error": ["#DIV/0!", "#VALUE!"],
    "unreadable-number": [
        "7-10", "7–10", "12 (3)", "1.5 ± 0.2", "1.56 ±", "<0.001", "18.1*", "n.s.", "12%", "8 rats",
        "1_000", "0x10", "١٢", "１２", "1e5.5", "--1", "TRUE", "?", "not reported", "²",
        "0.69 0.05)",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "code"), [(cell, code) for code, cells in REFUSED.items() for cell in cells]
)
def test_what_is_no_plain_number_is_refused_by_name(cell: str, code: str) -> None:
    with pytest.raises(ValueError, match=f"^{code}$"):
        parse_number(cell)


@pytest.mark.parametrize(
    "cell", ["", "  ", "NA", "n/a", "N/A", "NaN", "nan", "-", "–", "—", ".", "*", "  *", "#N/A"]
)
def test_marks_of_a_missing_value_are_blank(cell: str) -> None:
    assert math.isnan(parse_number(cell))


@pytest.mark.parametrize(
    ("cell", "number"),
    [("5.", 5.0), (".008", 0.008), ("+3", 3.0), ("1E-3", 0.001), ("–0.3", -0.3), ("007", 7.0)],
)
def test_plain_numbers_in_every_spelling(cell: str, number: float) -> None:
    assert parse_number(cell) == number


@pytest.mark.parametrize(
    ("columns", "mark"),
    [
        ([["1", "2"]], "."),
        ([["0.45", "1.2"]], "."),
        ([["0,45", "8"]], ","),
        ([["12,5", "1,239"]], ","),
        ([["1,239", "4,500"]], "."),  # no cell says that it is a decimal
        ([["0,45", "0,46", "0.47"]], ","),
        ([["0,45", "0.46", "0.47"]], "."),
        ([["1234,5"]], ","),
        ([["0,450"]], ","),
    ],
)
def test_the_decimal_mark_needs_clear_evidence(columns: list[list[str]], mark: str) -> None:
    assert find_decimal(columns).mark == mark


def test_native_numbers_are_read_as_they_are() -> None:
    cells = np.array(["0.1", "1,239", "1e+300"], dtype=object)
    parsed = parse_column(
        cells, decimal=",", thousands_possible=True, native=np.array([True, False, True])
    )
    assert parsed.values[0] == 0.1
    assert parsed.values[2] == 1e300
    assert parsed.bad.tolist() == [None, "ambiguous-number", None]
