from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.errors import UsageError
from metabone.plots.text import Face, balance, check_family, clean, width, wrap

FACE = Face(size=8)
TEXT = st.text(max_size=80)


def test_width_is_that_of_the_font() -> None:
    # DejaVu Sans: the digits are 1303 and the minus sign 1716 of 2048 units wide.
    assert width("0000000000", FACE) == pytest.approx(10 * 8 * 1303 / 2048, rel=2e-3)
    assert width("−−", FACE) == pytest.approx(2 * 8 * 1716 / 2048, rel=2e-3)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("β-catenin", "β-catenin"),
        ("$x_1^2$ \\alpha", "$x_1^2$ \\alpha"),
        ("two\nlines\tand  more ", "two lines and more"),
        ("bell\x07 and esc\x1b[31m", "bell□ and esc□[31m"),
        ("turned \u202e around", "turned □ around"),
        ("soft\u00adhyphen zero\u200bwidth", "soft□hyphen zero□width"),
        ("中文 2020", "□□ 2020"),
        ("\ud800 alone", "□ alone"),
        ("e\u0301", "é"),
        ("\U0001f9b4 bone", "□ bone"),
        ("95%\u00a0CI", "95%\u00a0CI"),
    ],
)
def test_clean(written: str, shown: str) -> None:
    assert clean(written, FACE) == shown


@given(TEXT)
def test_clean_is_stable_and_can_be_measured(text: str) -> None:
    shown = clean(text, FACE)
    assert clean(shown, FACE) == shown
    assert width(shown, FACE) >= 0  # a missing glyph would warn, and a warning is an error


@given(TEXT, st.floats(10, 200))
def test_wrap_loses_nothing_and_keeps_its_width(text: str, limit: float) -> None:
    shown = clean(text, FACE)
    for lines in (wrap(shown, FACE, limit), balance(shown, FACE, limit)):
        # A line may begin or end where a space stood.
        assert "".join(lines).replace(" ", "") == shown.replace(" ", "")
        assert all(width(line, FACE) <= limit or len(line) == 1 for line in lines)


def test_balance_leaves_no_short_word_alone() -> None:
    text = "Ko 2020: PWB70 vs PWB100, 1wk"
    limit = width("Ko 2020: PWB70 vs PWB100,", FACE) + 1
    assert wrap(text, FACE, limit)[-1] == "1wk"
    assert len(balance(text, FACE, limit)) == 2
    assert balance(text, FACE, limit)[-1] != "1wk"


def test_balance_breaks_no_word_that_fits() -> None:
    text = "Author0\u00a02000: 4 wk"
    limit = width("Author0\u00a02000:", FACE) + 1
    assert balance(text, FACE, limit) == ("Author0\u00a02000:", "4 wk")


def test_unknown_font_names_near_ones() -> None:
    assert check_family("DejaVu Serif") == "DejaVu Serif"
    with pytest.raises(UsageError, match=re.escape("'DejaVu Sans'")):
        check_family("DejaVu San")
