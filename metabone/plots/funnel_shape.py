"""The geometry of a funnel: heights of effects, the regions that follow from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from metabone.errors import DataError
from metabone.models.intervals import critical
from metabone.options import FunnelPrecision, check_option
from metabone.plots.xy_scales import fences, span
from metabone.plots.xy_spec import Area, AreaKind, Dot, Place, Stroke
from metabone.synthesis.bias.predictors import STANDARDISED, choose_predictors, values

if TYPE_CHECKING:
    from metabone.synthesis.bias.results import TrimFill
    from metabone.synthesis.results import PoolResult

#: Words on the vertical axis.
PRECISIONS: Mapping[str, str] = {
    "sei": "Standard error",
    "seinv": "Precision, 1 / standard error",
    "sqrtninv": "1/√N, N the animals of both arms",
    "arms": "√(1/n₁ + 1/n₂), n the animals of each arm",
}
#: Names that say the same.
ALIASES: Mapping[str, str] = {"se": "sei", "sqrt_n": "sqrtninv"}
BY_SIZE = frozenset({"sqrtninv", "arms"})
SAFE = (
    "The height is not the standard error, which grows with a standardised effect and so makes a "
    "funnel lopsided without any bias."
)
UNSAFE = (
    "The standard error of a standardised effect grows with the effect, so that this funnel is "
    "lopsided without any bias; sqrtninv and arms are free of that."
)
#: Two-sided p-values at which the regions begin.
REGIONS: tuple[tuple[AreaKind, float, float], ...] = (
    ("p10", 0.10, 0.05), ("p05", 0.05, 0.01), ("p01", 0.01, 0.0),
)  # fmt: skip
_STEPS = 60


@dataclass(frozen=True, slots=True)
class FunnelPlot:
    """The effects with their heights; `error` is the SE of an effect g at a height, if known.

    `rows` (of the spreadsheet), `x`, `y` and `se` are of those that have a height; `lost` is the
    number of those that have none. `reason` says why the axis was chosen.
    """

    result: PoolResult
    axis: str
    reason: str
    rows: tuple[int, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    se: tuple[float, ...]
    lost: int
    error: Callable[[float, float], float] | None

    @property
    def estimate(self) -> float:
        """The pooled effect."""
        return self.result.overall.estimate

    @property
    def z(self) -> float:
        """Standard errors to either side of an interval at the level of the analysis."""
        return float(critical(math.nan, self.result.level))


def funnel_plot(result: PoolResult, precision: str) -> FunnelPlot:
    """The effects at their heights; see `metabone.plots.funnel.funnel_spec`."""
    wanted = check_option("precision", ALIASES.get(precision, precision), FunnelPrecision)
    effects, reason = result.effects, ""
    if wanted == "auto":
        wanted = choose_predictors(effects, "auto")[0].name
        if wanted != "sei":
            reason = SAFE
    if wanted in ("sei", "seinv") and effects.measure in STANDARDISED:
        reason = UNSAFE
    with np.errstate(divide="ignore", invalid="ignore"):
        y = values(effects.frame, "sei" if wanted == "seinv" else wanted)
        y = 1 / y if wanted == "seinv" else y
    known = np.flatnonzero(np.isfinite(y))
    if not len(known):
        raise DataError(f"no effect has what the axis {wanted} of a funnel plot needs")
    rows = effects.frame.index.to_numpy()
    return FunnelPlot(
        result, wanted, reason, tuple(map(int, rows[known])), tuple(effects.yi[known].tolist()),
        tuple(y[known].tolist()), tuple((effects.vi**0.5)[known].tolist()),
        len(y) - len(known), _error(wanted, effects.measure, effects.variance),
    )  # fmt: skip


def _error(axis: str, measure: str, variance: str) -> Callable[[float, float], float] | None:
    """The standard error of an effect g at a height, None where it does not follow from it."""
    if axis == "sei":
        return lambda y, g: y
    if axis == "seinv":
        return lambda y, g: 1 / y
    if measure != "SMD" or variance != "LS":
        return None
    # Arms of equal size: 1/n₁ + 1/n₂ is 4/N, and the variance of g is 4/N + g²/2N.
    part = 1.0 if axis == "arms" else 4.0
    return lambda y, g: math.sqrt(part * y * y * (1 + g * g / 8))


def heights_of(plot: FunnelPlot) -> tuple[float, float]:
    """Ends of the vertical axis: a standard error begins at 0, where the funnel has its point."""
    _, far = fences(plot.y)
    top = min(max(plot.y), far)
    if plot.axis == "sei":
        return 0.0, 1.06 * top if top > 0 else 1.0
    low, high = span(plot.y, room=0.1)
    return max(low, 0.25 * min(plot.y)), high


def ends_of(
    plot: FunnelPlot, dots: Sequence[Dot], heights: tuple[float, float]
) -> tuple[float, float]:
    """Ends of the horizontal axis: zero, the region, and all effects but extreme ones."""
    also = [plot.estimate, 0.0]
    if plot.error is not None:
        widest = heights[1] if plot.axis != "seinv" else heights[0]
        half = plot.z * plot.error(widest, plot.estimate)
        also += [plot.estimate - half, plot.estimate + half]
    middle = sorted(plot.se)[len(plot.se) // 2]
    return span([dot.x for dot in dots], also, width=2 * plot.z * middle, room=0.04)


def _grid(heights: tuple[float, float]) -> list[float]:
    low, high = heights
    return [low + (high - low) * i / _STEPS for i in range(_STEPS + 1)]


def edges_of(plot: FunnelPlot, heights: tuple[float, float]) -> list[Stroke]:
    """Both sides of the pseudo confidence region."""
    if plot.error is None:
        return []
    strokes = []
    for sign in (-1, 1):
        places = [
            (plot.estimate + sign * plot.z * plot.error(y, plot.estimate), y)
            for y in _grid(heights) if y > 0 or plot.axis == "sei"
        ]  # fmt: skip
        strokes.append(Stroke(tuple(places), "limit"))
    return strokes


def uprights_of(
    plot: FunnelPlot, trimfill: TrimFill | None, heights: tuple[float, float]
) -> list[Stroke]:
    """No effect, the pooled effect, and that with the filled effects."""
    low, high = heights
    lines = [
        Stroke(((0.0, low), (0.0, high)), "zero"),
        Stroke(((plot.estimate, low), (plot.estimate, high)), "estimate"),
    ]
    if trimfill is not None and math.isfinite(trimfill.corrected.estimate):
        lines.append(
            Stroke(
                ((trimfill.corrected.estimate, low), (trimfill.corrected.estimate, high)), "filled"
            )
        )
    return lines


def contours_of(
    plot: FunnelPlot, heights: tuple[float, float], ends: tuple[float, float]
) -> list[Area]:
    """Regions of significance against no effect, on both sides of it."""
    far = 2 * max(abs(ends[0]), abs(ends[1]))
    grid = [y for y in _grid(heights) if y > 0 or plot.axis == "sei"]
    areas = []
    for kind, outer, inner in REGIONS:
        near = [min(_significant(plot, y, outer), far) for y in grid]
        away = [min(_significant(plot, y, inner), far) if inner else far for y in grid]
        for sign in (-1, 1):
            there: list[Place] = [(sign * x, y) for x, y in zip(near, grid, strict=True)]
            back: list[Place] = [(sign * x, y) for x, y in zip(away, grid, strict=True)]
            areas.append(Area((*there, *reversed(back)), kind))
    return areas


def _significant(plot: FunnelPlot, y: float, p: float) -> float:
    """The smallest effect at a height whose two-sided p-value is at most p."""
    z = float(critical(math.nan, 1 - p))
    base = plot.error(y, 0.0) if plot.error is not None else math.nan
    if plot.axis not in BY_SIZE:
        return z * base
    # g = z √(s² (1 + g²/8)), solved for g; where there is no solution nothing is significant.
    left = 1 - z * z * base * base / 8
    return z * base / math.sqrt(left) if left > 0 else math.inf
