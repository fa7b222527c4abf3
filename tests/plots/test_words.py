from __future__ import annotations

import math

import pytest

from metabone.options import VARIANCES, Measure, PIMethod, Tau2Method, choices
from metabone.plots import words
from metabone.plots.styles import STYLES, find_style


@pytest.mark.parametrize(
    ("style", "p", "shown"),
    [
        ("metabone", 0.0004, "p\u00a0<\u00a00.001"),
        ("metabone", 0.0234, "p\u00a0=\u00a00.023"),
        ("metabone", 0.234, "p\u00a0=\u00a00.23"),
        ("metabone", 0.9999, "p\u00a0>\u00a00.99"),
        ("jama", 0.0234, "P\u00a0=\u00a0.023"),
        ("jama", 0.0004, "P\u00a0<\u00a0.001"),
        ("bmj", 0.0234, "P=0.023"),
        ("revman", math.nan, "P\u00a0=\u00a0–"),
    ],
)
def test_p_values_as_the_journal_prints_them(style: str, p: float, shown: str) -> None:
    assert words.p_text(p, find_style(style).numbers) == shown


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [(-0.004, 2, "0.00"), (-0.006, 2, "−0.01"), (1234.5, 1, "1234.5"), (3.2e8, 2, "3.2×10⁸"),
     (math.nan, 2, "–"), (-math.inf, 2, "−∞"), (-2.5e-9, 3, "0.000")],
)  # fmt: skip
def test_numbers(value: float, decimals: int, shown: str) -> None:
    assert words.number(value, decimals) == shown


def test_signs_are_shown_where_asked() -> None:
    shown = [words.number(value, 0, signed=True) for value in (12.0, -12.0, 0.0, 0.2)]
    assert shown == ["+12", "−12", "0", "0"]


def test_every_option_has_its_words() -> None:
    assert set(words.MEASURES) == set(choices(Measure))
    assert set(words.VARIANCES) == {(m, v) for m, names in VARIANCES.items() for v in names}
    assert set(words.TAU2) | {"EE"} == set(choices(Tau2Method))
    assert set(words.PI) == set(choices(PIMethod))


@pytest.mark.parametrize("style", STYLES)
def test_names_of_measures(style: str) -> None:
    short, long = words.measure_names("SMD", None, find_style(style))
    assert short == "SMD"
    assert long.endswith("mean difference (Hedges’ g)")
    assert "{" not in long
