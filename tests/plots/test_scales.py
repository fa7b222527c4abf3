from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabone.errors import UsageError
from metabone.plots.scales import check_limits, find_scale, limits, percent_change, tick_sets
from metabone.plots.spec import Mark

RANGES = st.tuples(st.floats(-20, 20), st.floats(0.01, 30)).map(lambda p: (p[0], p[0] + p[1]))


def test_percent_change_of_known_ratios() -> None:
    assert percent_change(math.log(0.5)) == pytest.approx(-50)
    assert percent_change(math.log(2)) == pytest.approx(100)
    assert percent_change(1000.0) == math.inf


@pytest.mark.parametrize(
    ("measure", "transform", "name"),
    [("SMD", None, "none"), ("ROM", None, "percent"), ("VR", None, "ratio"), ("CVR", None, "ratio"),
     ("ROM", "ratio", "ratio"), ("ROM", "NONE", "none"), ("MD", None, "none")],
)  # fmt: skip
def test_default_scales(measure: str, transform: str | None, name: str) -> None:
    assert find_scale(measure, transform).name == name


def test_refused_transforms() -> None:
    with pytest.raises(UsageError, match=r"'percent', 'ratio'; got 'per cent' .did you mean"):
        find_scale("ROM", "per cent")
    with pytest.raises(UsageError, match=r"log ratios .CVR, ROM, VR.; SMD is none"):
        find_scale("SMD", "percent")


def test_ticks_of_a_log_axis_are_back_transformed() -> None:
    ticks = tick_sets(math.log(0.4), math.log(2.2), find_scale("ROM", None))[0]
    shown = {tick.text: tick.at for tick in ticks}
    assert shown["−50"] == pytest.approx(math.log(0.5))
    assert shown["0"] == 0
    assert shown["+100"] == pytest.approx(math.log(2))
    ratio = tick_sets(math.log(0.1), math.log(10), find_scale("VR", None))
    assert {"0.1", "0.5", "1", "2", "10"} <= {tick.text for tick in ratio[0]}


@pytest.mark.parametrize(("measure", "transform"), [("SMD", None), ("ROM", None), ("VR", None)])
@given(RANGES)
def test_every_set_of_ticks_lies_on_the_axis(
    measure: str, transform: str | None, ends: tuple[float, float]
) -> None:
    low, high = ends
    scale = find_scale(measure, transform)
    for ticks in tick_sets(low, high, scale):
        places = [tick.at for tick in ticks]
        assert places
        assert places == sorted(set(places))
        room = 1e-6 * (high - low)
        assert all(low - room <= place <= high + room for place in places)
        assert len({tick.text for tick in ticks}) == len(ticks)


def squares(*values: tuple[float, float]) -> list[Mark]:
    return [Mark("square", value, value - half, value + half) for value, half in values]


def test_a_giant_does_not_squash_the_others() -> None:
    marks = squares(*((0.2 * i, 1.0) for i in range(8)), (40.0, 12.0))
    low, high = limits(marks)
    assert low < -1
    assert 2.4 < high < 12


def test_without_a_giant_nothing_is_clipped() -> None:
    marks = squares((-1.0, 0.7), (0.1, 0.9), (1.5, 0.8), (2.0, 0.7))
    low, high = limits(marks)
    assert low < min(mark.low for mark in marks)
    assert high > max(mark.high for mark in marks)


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(0, 40)), min_size=1, max_size=20),
    st.floats(-30, 30),
    st.floats(0, 20),
)
def test_zero_and_diamonds_are_always_on_the_axis(
    values: list[tuple[float, float]], middle: float, half: float
) -> None:
    diamond = Mark("diamond", middle, middle - half, middle + half)
    low, high = limits([*squares(*values), diamond])
    assert low < min(0.0, diamond.low)
    assert high > max(0.0, diamond.high)
    assert math.isfinite(high - low)


def test_effects_that_are_all_the_same_still_give_an_axis() -> None:
    low, high = limits([Mark("square", 0.0, 0.0, 0.0), Mark("diamond", 0.0, math.nan, math.nan)])
    assert low < 0 < high


def test_limits_as_the_reader_sees_them() -> None:
    low, high = check_limits((-50, 100), find_scale("ROM", None))
    assert (low, high) == pytest.approx((math.log(0.5), math.log(2)))
    with pytest.raises(UsageError, match="above -100; got -100"):
        check_limits((-100, 100), find_scale("ROM", None))
    with pytest.raises(UsageError, match="LOW below HIGH; got 2,1"):
        check_limits((2, 1), find_scale("SMD", None))
    with pytest.raises(UsageError, match="LOW below HIGH"):
        check_limits((0, math.inf), find_scale("SMD", None))
