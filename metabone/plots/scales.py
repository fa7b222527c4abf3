"""The horizontal scale: transforms for showing, limits that one giant cannot stretch, ticks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from metabone.errors import UsageError
from metabone.options import nearest
from metabone.plots.spec import Mark, Tick
from metabone.plots.words import MINUS, number

#: Measures whose `yi` is a natural logarithm.
LOG_MEASURES = frozenset({"ROM", "VR", "CVR"})
TRANSFORMS = ("none", "percent", "ratio")
#: How many typical widths beyond the middle an interval may reach before it is clipped.
REACH = 4.0
#: Log axes: multiples to mark within powers of ten, and of how many powers, dense to sparse. In
#: per cent change the ratios 0.5, 1.25, 2 and 10 are −50, +25, +100 and +900.
_LOG_STEPS: Mapping[str, tuple[tuple[tuple[float, ...], int], ...]] = {
    "ratio": (
        ((1, 1.5, 2, 3, 5, 7), 1), ((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 5),
    ),
    "percent": (
        ((1, 1.25, 1.5, 2, 3, 5, 7.5), 1), ((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2),
        ((1,), 5),
    ),
}  # fmt: skip
#: Below this length (a factor of about 5) a log axis may be marked in equal steps.
NARROW = 1.6


@dataclass(frozen=True, slots=True)
class Scale:
    """How a value of the analysis is shown, and back."""

    name: str
    show: Callable[[float], float]
    back: Callable[[float], float]

    @property
    def logarithmic(self) -> bool:
        """Whether equal steps on the axis are equal ratios."""
        return self.name != "none"


def percent_change(log_ratio: float) -> float:
    """Per cent change against control that a log ratio means.

    Examples
    --------
    >>> round(percent_change(-0.6931471805599453), 9), percent_change(0.0)
    (-50.0, 0.0)
    """
    return 100 * _expm1(log_ratio)


def _expm1(value: float) -> float:
    try:
        return math.expm1(value)
    except OverflowError:
        return math.inf


def _exp(value: float) -> float:
    return _expm1(value) + 1


def find_scale(measure: str, transform: str | None) -> Scale:
    """The scale on which effects of a measure are shown.

    Parameters
    ----------
    transform : ``percent`` (default for ROM), ``ratio`` (default for VR and CVR), ``none`` (the
        logarithm itself, or the measure as it is), or None for the default.

    Raises
    ------
    UsageError
        For another word, or a transform of a measure that is no logarithm.

    Examples
    --------
    >>> find_scale("ROM", None).show(0.0)
    0.0
    """
    if transform is None:
        transform = {"ROM": "percent", "VR": "ratio", "CVR": "ratio"}.get(measure, "none")
    word = transform.casefold()
    if word not in TRANSFORMS:
        near = nearest(word, TRANSFORMS, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        listed = ", ".join(repr(name) for name in TRANSFORMS)
        raise UsageError(f"transform must be one of {listed}; got {transform!r}{hint}")
    if word == "none":
        return Scale("none", float, float)
    if measure not in LOG_MEASURES:
        listed = ", ".join(sorted(LOG_MEASURES))
        raise UsageError(f"transform {word!r} is for log ratios ({listed}); {measure} is none")
    if word == "percent":
        return Scale("percent", percent_change, lambda shown: math.log1p(shown / 100))
    return Scale("ratio", _exp, math.log)


def limits(marks: Sequence[Mark]) -> tuple[float, float]:
    """Where the axis begins and ends.

    Zero and every diamond are on it. Intervals of single effects are on it as far as four typical
    widths (the larger of the median interval and twice the MAD's SD) from the median effect;
    what lies beyond is clipped and gets an arrow.

    Examples
    --------
    >>> marks = [Mark("square", g, g - 1, g + 1) for g in (0.2, 0.4, 0.6)]
    >>> low, high = limits([*marks, Mark("square", 60.0, 50.0, 70.0)])
    >>> low > -2, high < 10
    (True, True)
    """
    single = [mark for mark in marks if mark.kind == "square" and math.isfinite(mark.estimate)]
    pooled = [mark for mark in marks if mark.kind == "diamond"]
    low, high = _fences(single)
    ends = [0.0]
    for mark in pooled:
        ends += [mark.estimate, mark.low, mark.high]
    for mark in marks:
        for end in (mark.estimate, mark.low, mark.high, *(mark.spread or ())):
            ends.append(min(max(end, low), high))
    finite = [end for end in ends if math.isfinite(end)]
    first, last = min(finite), max(finite)
    room = 0.03 * (last - first) or 1.0
    return first - room, last + room


def _fences(marks: Sequence[Mark]) -> tuple[float, float]:
    estimates = [mark.estimate for mark in marks]
    if len(estimates) < 2:
        return -math.inf, math.inf
    widths = [mark.high - mark.low for mark in marks if math.isfinite(mark.high - mark.low)]
    middle = median(estimates)
    mad = 1.4826 * median([abs(value - middle) for value in estimates])
    reach = REACH * max(median(widths) if widths else 0.0, 2 * mad)
    return (middle - reach, middle + reach) if reach > 0 else (-math.inf, math.inf)


def check_limits(xlim: tuple[float, float], scale: Scale) -> tuple[float, float]:
    """Limits as the user sees them (per cent, ratio) on the scale of the analysis.

    Raises
    ------
    UsageError
        If they are not two finite numbers in ascending order that the scale has.
    """
    low, high = (float(end) for end in xlim)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(f"xlim must be LOW,HIGH with LOW below HIGH; got {low:g},{high:g}")
    least = {"percent": -100.0, "ratio": 0.0}.get(scale.name)
    if least is not None and low <= least:
        raise UsageError(f"xlim on a {scale.name} scale must lie above {least:g}; got {low:g}")
    return scale.back(low), scale.back(high)


def tick_sets(low: float, high: float, scale: Scale) -> tuple[tuple[Tick, ...], ...]:
    """Alternative sets of ticks for an axis, from dense to sparse.

    Examples
    --------
    >>> [tick.text for tick in tick_sets(-1.1, 3.2, find_scale("SMD", None))[-2]]
    ['0', '2']
    >>> [tick.text for tick in tick_sets(-0.8, 0.8, find_scale("ROM", None))[0]]
    ['−50', '−25', '0', '+25', '+50', '+100']
    """
    if not scale.logarithmic:
        sets = [_linear(low, high, scale, step) for step in _steps(high - low)]
    else:
        sets = [_logs(low, high, scale, steps, every) for steps, every in _LOG_STEPS[scale.name]]
        if high - low < NARROW:
            # A narrow stretch of a log axis is nearly linear: round numbers of what is shown.
            linear = _linear_shown(low, high, scale)
            sets = linear + sets if max(map(len, sets)) < 3 else sets
    sets = [ticks for ticks in sets if len({tick.text for tick in ticks}) == len(ticks) > 1]
    return (*dict.fromkeys(sets), _only(low, high, scale))


def _steps(span: float) -> list[float]:
    """Round steps from about a tenth of the span upwards."""
    power = 10 ** math.floor(math.log10(span / 8))
    return [
        base * power * ten
        for ten in (1, 10)
        for base in (1, 2, 5)
        if base * power * ten >= span / 8
    ]


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _shown(value: float, decimals: int, scale: Scale) -> str:
    return number(value, decimals, signed=scale.name == "percent")


def _linear(low: float, high: float, scale: Scale, step: float) -> tuple[Tick, ...]:
    decimals = _decimals(step)
    return tuple(Tick(at, _shown(at, decimals, scale)) for at in _multiples(low, high, step))


def _linear_shown(low: float, high: float, scale: Scale) -> list[tuple[Tick, ...]]:
    first, last = scale.show(low), scale.show(high)
    sets = []
    for step in _steps(last - first):
        values = [value for value in _multiples(first, last, step) if _is_shown(value, scale)]
        decimals = _decimals(step)
        sets.append(tuple(Tick(scale.back(v), _shown(v, decimals, scale)) for v in values))
    return sets


def _is_shown(value: float, scale: Scale) -> bool:
    return value > (-100 if scale.name == "percent" else 0)


def _logs(
    low: float, high: float, scale: Scale, steps: Sequence[float], every: int
) -> tuple[Tick, ...]:
    """The multiples `steps` of every so many powers of ten, as the scale shows them."""
    first, last = math.floor(low / math.log(10)), math.ceil(high / math.log(10))
    powers = [power for power in range(first, last + 1) if power % every == 0]
    ratios = [step * 10.0**power for power in powers for step in steps]
    return tuple(
        Tick(math.log(ratio), _ratio_text(ratio, scale))
        for ratio in dict.fromkeys(sorted(ratios))
        if low <= math.log(ratio) <= high
    )


def _ratio_text(ratio: float, scale: Scale) -> str:
    """A ratio, or the per cent change that it means, without needless decimals."""
    value = 100 * ratio - 100 if scale.name == "percent" else ratio
    if abs(value) >= 1e7 or 0 < abs(value) < 1e-3:
        return number(value, 0) if abs(value) >= 1e7 else f"{value:.3g}".replace("-", MINUS)
    decimals = next(d for d in range(9) if math.isclose(value, round(value, d), rel_tol=1e-9))
    return number(value, decimals, signed=scale.name == "percent")


def _only(low: float, high: float, scale: Scale) -> tuple[Tick, ...]:
    """One tick, at zero if the axis has it, else in its middle."""
    at = 0.0 if low <= 0 <= high else (low + high) / 2
    value = scale.show(at)
    return (Tick(at, _shown(value, 0 if value == round(value) else 2, scale)),)
