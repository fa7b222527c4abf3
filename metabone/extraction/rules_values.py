"""Rules about the values of one row: what is impossible, contradictory or missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabone.extraction.rows import ARMS, Message, Rows, join
from metabone.extraction.schema import BY_NAME
from metabone.extraction.table import Finding
from metabone.vocabulary.judgements import tool_of

Floats = NDArray[Any]

HUGE_N = 500
_BOTH = ("treated", "control")
NOT_A_REASON = frozenset({"no", "n", "0", "false", "none", "keep", "include", "included"})


def study_blank(rows: Rows) -> Iterator[Finding]:
    """Every row belongs to a study."""
    yield from rows.report(
        ~rows.filled("study"), "study", "study-blank",
        "is blank; every row names its study (a merged cell holds its value only once)",
    )  # fmt: skip


def outcome_blank(rows: Rows) -> Iterator[Finding]:
    """Every row has an outcome."""
    message = "is blank; every row names its outcome"
    yield from rows.report(~rows.filled("outcome"), "outcome", "outcome-blank", message)


def animals(rows: Rows) -> Iterator[Finding]:
    """Numbers of animals are whole and large enough to have a dispersion."""
    tests = rows.any_filled(("t", "f", "p"))
    for arm in ARMS:
        name = f"n_{arm}"
        n = rows.number(name)
        means = rows.any_filled(_numbers_of(arm)) | (tests if arm != "sham" else False)
        yield from rows.report(
            n < 1, name, "n-too-small", "is no number of animals; a whole number from 2 is allowed"
        )
        yield from rows.report(
            (n > 1) & (n % 1 != 0), name, "n-not-whole",
            "is not a whole number of animals; nothing is rounded",
        )  # fmt: skip
        yield from rows.report(
            (n == 1) & means, name, "n-too-small",
            "one animal has no standard deviation; at least 2 are needed",
        )  # fmt: skip
        yield from rows.report(
            n > HUGE_N, name, "n-huge",
            f"is more than {HUGE_N} animals in one arm; is it the n of cells or fields?",
        )  # fmt: skip


def _numbers_of(arm: str) -> tuple[str, ...]:
    if arm == "sham":
        return ("mean_sham", "dispersion_sham")
    return (f"mean_{arm}", f"dispersion_{arm}", f"median_{arm}")


def dispersion(rows: Rows) -> Iterator[Finding]:
    """A dispersion is above 0: 0 is a rounded number and would have infinite weight."""
    for arm in ARMS:
        name = f"dispersion_{arm}"
        value = rows.number(name)
        yield from rows.report(
            value < 0, name, "negative-dispersion", "is below 0; a dispersion is above 0"
        )
        yield from rows.report(
            value == 0, name, "zero-dispersion",
            "is 0, which would give the row infinite weight; give more decimals or leave it blank",
        )  # fmt: skip


def dispersion_type(rows: Rows) -> Iterator[Finding]:
    """Whether a dispersion is an SD or an SEM is said, never guessed."""
    allowed = BY_NAME["dispersion_type"].allowed
    kind = rows.text("dispersion_type")
    unknown = rows.filled("dispersion_type") & ~np.isin(kind.astype(str), allowed)
    given = rows.any_filled(f"dispersion_{arm}" for arm in ARMS)
    yield from rows.report(
        given & ~rows.filled("dispersion_type"), "dispersion_type", "dispersion-type-blank",
        f"is blank although a dispersion is given; {join(allowed, 'or')} is needed, it is never "
        "assumed",
    )  # fmt: skip
    yield from rows.report(
        unknown, "dispersion_type", "unknown-dispersion-type",
        f"is no kind of dispersion; {join(allowed, 'or')} is allowed",
    )  # fmt: skip


def quantiles(rows: Rows) -> Iterator[Finding]:
    """min ≤ q1 ≤ median ≤ q3 ≤ max, and the mean within the range."""
    for arm in _BOTH:
        chain = [f"{word}_{arm}" for word in ("min", "q1", "median", "q3", "max")]
        told = np.zeros(len(rows), dtype=bool)
        for place, lower in enumerate(chain):
            for upper in chain[place + 1 :]:
                wrong = (rows.number(lower) > rows.number(upper)) & ~told
                told |= wrong
                quartiles = not {chain[0], chain[4]} & {lower, upper}
                code = "quartile-order" if quartiles else "range-order"
                yield from rows.report(
                    wrong, upper, code, _below(rows, lower, "min, q1, median, q3, max rise")
                )
        yield from _mean_in_range(rows, arm)
        for low, high in (("q1", "q3"), ("min", "max")):
            same = rows.number(f"{low}_{arm}") == rows.number(f"{high}_{arm}")
            yield from rows.report(
                same, f"{high}_{arm}", "zero-dispersion",
                f"equals {low}_{arm}: no dispersion, which would give the row infinite weight",
            )  # fmt: skip


def _below(rows: Rows, lower: str, rule: str) -> Message:
    return lambda at: f"is below {lower} ({rows.cell(at, lower)}); {rule}"


def _mean_in_range(rows: Rows, arm: str) -> Iterator[Finding]:
    mean = rows.number(f"mean_{arm}")
    outside = (mean < rows.number(f"min_{arm}")) | (mean > rows.number(f"max_{arm}"))
    message = f"is outside min_{arm} and max_{arm}"
    yield from rows.report(outside, f"mean_{arm}", "range-order", message)


def statistics(rows: Rows) -> Iterator[Finding]:
    """F is not negative and p is a probability."""
    yield from rows.report(
        rows.number("f") < 0, "f", "f-negative", "is below 0; an F statistic is 0 or more"
    )
    p = rows.number("p")
    yield from rows.report(
        (p <= 0) | (p > 1), "p", "p-out-of-range",
        "is no p value; above 0 and at most 1 is allowed (0.000 is a rounded number)",
    )  # fmt: skip


def signs(rows: Rows) -> Iterator[Finding]:
    """Which way a test points is said, and agrees with t and with the means."""
    sign, given = rows.text("sign"), rows.filled("sign")
    known = np.isin(sign.astype(str), ("+", "-"))
    yield from rows.report(
        given & ~known, "sign", "unknown-sign", "is no sign; + (treated arm higher) or - is allowed"
    )
    direction = np.where(sign == "+", 1.0, np.where(sign == "-", -1.0, 0.0))
    t = rows.number("t")
    yield from rows.report(
        direction * np.nan_to_num(t) < 0, "sign", "sign-contradiction",
        lambda at: f"contradicts t ({rows.cell(at, 't')})",
    )  # fmt: skip
    with np.errstate(over="ignore"):
        difference = np.nan_to_num(rows.number("mean_treated") - rows.number("mean_control"))
    yield from rows.report(
        direction * difference < 0, "sign", "sign-contradiction",
        lambda at: f"contradicts the means ({rows.cell(at, 'mean_treated')} treated, "
        f"{rows.cell(at, 'mean_control')} control)",
    )  # fmt: skip
    needed = rows.any_filled(("f", "p")) & ~rows.any_filled(("t", "yi", "sign"))
    means = rows.all_filled(("mean_treated", "mean_control"))
    yield from rows.report(
        needed & ~means, "sign", "sign-missing",
        "is blank; F and p do not say whether the treated arm is higher (+) or lower (-)",
    )  # fmt: skip


def t_and_f(rows: Rows) -> Iterator[Finding]:
    """F of two arms is t squared."""
    t, f = rows.number("t"), rows.number("f")
    apart = np.abs(t * t - f) > 0.05 * np.maximum(1.0, np.abs(f))
    yield from rows.report(
        apart, "f", "t-f-disagree",
        lambda at: f"is not the square of t ({rows.cell(at, 't')}), as it is for two arms",
    )  # fmt: skip


def precomputed(rows: Rows) -> Iterator[Finding]:
    """An effect computed elsewhere comes with its variance, and the variance is above 0."""
    vi, sei = rows.number("vi"), rows.number("sei")
    lonely = rows.filled("yi") & ~rows.any_filled(("vi", "sei"))
    yield from rows.report(
        lonely, "yi", "yi-without-variance", "has neither vi nor sei beside it; one is needed"
    )
    for name, value in (("vi", vi), ("sei", sei)):
        yield from rows.report(
            value <= 0, name, "variance-not-positive", "is not above 0; a variance is"
        )
    both = (vi > 0) & (sei > 0)
    low, high = _rounding(rows, "sei", both)
    vi_low, vi_high = _rounding(rows, "vi", both)
    apart = (np.square(high) < vi_low) | (np.square(np.maximum(low, 0)) > vi_high)
    yield from rows.report(
        apart & both, "sei", "vi-sei-contradict",
        lambda at: f"squared is not vi ({rows.cell(at, 'vi')}); keep the one that is right",
    )  # fmt: skip


def _rounding(rows: Rows, name: str, where: Floats) -> tuple[Floats, Floats]:
    """What a printed number may have been before it was rounded to its last decimal."""
    value, cells = rows.number(name), rows.cells(name)
    half = np.zeros(len(rows))
    for at in where.nonzero()[0]:
        mantissa, _, exponent = str(cells[at]).strip().replace(",", ".").casefold().partition("e")
        decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
        half[at] = 0.5 * 10.0 ** -min(max(decimals, -300), 300)
    slack = half + 1e-9 * np.abs(value)
    return value - slack, value + slack


def times_and_dose(rows: Rows) -> Iterator[Finding]:
    """Weeks and doses are not negative."""
    for name in ("timepoint_weeks", "age_weeks", "duration_weeks"):
        yield from rows.report(
            rows.number(name) < 0, name, "negative-time", "is below 0; weeks from 0 are allowed"
        )
    yield from rows.report(
        rows.number("dose") < 0, "dose", "negative-dose", "is below 0; a dose from 0 is allowed"
    )


def choices(rows: Rows) -> Iterator[Finding]:
    """better, and the items by which studies are judged, hold one of their few words."""
    better = rows.filled("better") & ~np.isin(rows.text("better").astype(str), ("higher", "lower"))
    yield from rows.report(
        better, "better", "unknown-better", "is neither higher nor lower; one of them is allowed"
    )
    for name in map(str, rows.frame.columns):
        tool = tool_of(name, rows.vocabulary)
        if tool is not None and name in rows.headers:
            known = np.isin(rows.text(name).astype(str), tool.allowed)
            message = f"is no judgement of {tool.about}; {join(tool.allowed, 'or')} is allowed"
            yield from rows.report(rows.filled(name) & ~known, name, "unknown-rob", message)


def exclude(rows: Rows) -> Iterator[Finding]:
    """A cell in `exclude` is a reason; a 'no' there would keep the row out."""
    wrong = np.array([str(word).casefold() in NOT_A_REASON for word in rows.text("exclude")])
    yield from rows.report(
        wrong & rows.filled("exclude"), "exclude", "exclude-not-a-reason",
        "is no reason; any text here keeps the row out: give the reason, or leave it blank",
    )  # fmt: skip


def incomplete(rows: Rows) -> Iterator[Finding]:
    """A row that has some numbers but not enough for an effect, by any route."""
    arms = [f"{word}_{arm}" for arm in _BOTH for word in ("n", "mean", "dispersion")]
    medians = [f"{word}_{arm}" for arm in _BOTH for word in ("median", "q1", "q3", "min", "max")]
    tests, effects = ("t", "f", "p"), ("yi", "vi", "sei")
    numbers = rows.all_filled(("n_treated", "n_control"))
    by_arms = numbers & _arm_complete(rows, "treated") & _arm_complete(rows, "control")
    by_test = numbers & rows.any_filled(tests)
    by_effect = rows.filled("yi")  # without a variance it is an error of its own
    some = rows.any_filled((*arms, *medians, *tests, *effects))
    lacking = some & ~by_arms & ~by_test & ~by_effect
    yield from rows.report(lacking, "", "incomplete-row", lambda at: _what_is_missing(rows, at))
    yield from rows.report(
        ~some, "", "no-numbers", "the row has no numbers; it is listed but cannot be pooled"
    )


def _arm_complete(rows: Rows, arm: str) -> Floats:
    by_mean = rows.all_filled((f"mean_{arm}", f"dispersion_{arm}"))
    spread = rows.all_filled((f"q1_{arm}", f"q3_{arm}")) | rows.all_filled(
        (f"min_{arm}", f"max_{arm}")
    )
    by_median: Floats = rows.filled(f"median_{arm}") & spread
    return by_mean | by_median


def _what_is_missing(rows: Rows, at: int) -> str:
    filled = {name for name, where in rows.filled_by_name.items() if where[at]}
    lacking = [f"n_{arm}" for arm in _BOTH if f"n_{arm}" not in filled]
    tests = filled & {"t", "f", "p"}
    medians = any(name.startswith(("median_", "q1_", "q3_", "min_", "max_")) for name in filled)
    means = [f"{word}_{arm}" for arm in _BOTH for word in ("mean", "dispersion")]
    if filled & {"vi", "sei"} and not filled & {*means, *tests}:
        lacking = ["yi"]
    elif medians:
        lacking.append("median and quartiles (or range) of an arm")
    elif not tests or filled & set(means):
        lacking += [name for name in means if name not in filled]
    return f"{join(lacking)} {'are' if len(lacking) > 1 else 'is'} blank: no effect size"
