"""The marks of a specification curve, from a few dots to thousands of analyses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from metabone.plots.curve_spec import CurvePoint, LegendMark
from metabone.plots.primitives import Canvas, Line, Shape
from metabone.plots.styles import Palette

#: Analyses as far apart as this (points) are dots; closer ones are strokes, and those closer than
#: the thinnest stroke are counted in bins.
DOTS, STROKE, BIN = 2.6, 0.4, 1.2
#: Strokes as far apart as this leave a gap between them.
APART = 0.8
#: Radius of a dot by the distance of two, and its least and largest.
RADIUS, SPECK, DISC = 0.40, 0.62, 1.7
INTERVAL = "#a9b7c2"
BAND, EDGE = "#e3e7eb", "#5f6b76"


@dataclass(frozen=True, slots=True)
class Track:
    """`count` analyses side by side between `left` and `right` (points)."""

    left: float
    right: float
    count: int

    @property
    def step(self) -> float:
        """Distance of two analyses."""
        return (self.right - self.left) / max(self.count, 1)

    @property
    def bins(self) -> int:
        """How many bins the analyses are counted in; one for each where there is room."""
        if self.step >= STROKE:
            return self.count
        return max(1, math.floor((self.right - self.left) / BIN))

    def x(self, place: float) -> float:
        """Middle of an analysis."""
        return self.left + (place + 0.5) * self.step

    def bin_of(self, place: int) -> int:
        """The bin of an analysis."""
        return min(self.bins - 1, place * self.bins // self.count)

    def edges(self, number: int) -> tuple[float, float]:
        """Left and right end of a bin."""
        width = (self.right - self.left) / self.bins
        return self.left + number * width, self.left + (number + 1) * width


def paint_row(
    canvas: Canvas,
    places: Sequence[int],
    track: Track,
    y: float,
    height: float,
    colors: Palette,
) -> None:
    """Mark the analyses of one option: dots, strokes, or bars as high as their share of a bin."""
    if not places:
        return
    if track.step >= DOTS:
        radius = min(DISC, max(SPECK, RADIUS * track.step))
        for place in places:
            canvas.shapes.append(Shape(disc(track.x(place), y, radius), colors.ink))
        return
    counts = [0] * track.bins
    whole = [0] * track.bins
    for place in range(track.count):
        whole[track.bin_of(place)] += 1
    for place in places:
        counts[track.bin_of(place)] += 1
    bottom = y + 0.36 * height
    gap = 0.25 * track.step if track.step >= 1.5 * APART else 0.0
    heights = [0.72 * height * n / max(all_, 1) for n, all_ in zip(counts, whole, strict=True)]
    for group in _runs(heights, join=gap == 0):
        outline = [(track.edges(group[0])[0] + gap / 2, bottom)]
        for number in group:
            left, right = track.edges(number)
            outline += [(left + gap / 2, bottom - heights[number]),
                        (right - gap / 2, bottom - heights[number])]  # fmt: skip
        outline.append((track.edges(group[-1])[1] - gap / 2, bottom))
        canvas.shapes.append(Shape(tuple(outline), colors.ink))


def _runs(heights: Sequence[float], *, join: bool) -> list[list[int]]:
    """Bins with something in them, neighbours together if they touch."""
    filled = [number for number, height in enumerate(heights) if height > 0]
    if not join:
        return [[number] for number in filled]
    # Within a run of neighbours number and position grow alike.
    grouped = groupby(enumerate(filled), key=lambda pair: pair[1] - pair[0])
    return [[number for _, number in run] for _, run in grouped]


def paint_points(
    canvas: Canvas,
    points: Sequence[CurvePoint],
    track: Track,
    y: Callable[[float], float],
    colors: Palette,
) -> None:
    """Intervals as upright lines (their outline where they are too many), estimates over them.

    Significant estimates are filled, the others hollow; where dots would touch they become a line,
    thick where significant.
    """
    if track.step >= APART:
        width = min(1.1, max(0.4, 0.45 * track.step))
        for place, point in enumerate(points):
            if math.isfinite(point.low) and math.isfinite(point.high):
                x = track.x(place)
                line = Line(((x, y(point.high)), (x, y(point.low))), width, INTERVAL)
                canvas.lines.append(line)
    else:
        _outline(canvas, points, track, y)
    radius = min(DISC, max(SPECK, RADIUS * track.step))
    if radius < 0.9:
        _string(canvas, points, track, y, colors)
        return
    for place, point in enumerate(points):
        x, height = track.x(place), y(point.estimate)
        if point.significant:
            canvas.shapes.append(Shape(disc(x, height, radius), colors.ink, colors.ink, 0.5))
        else:
            canvas.shapes.append(Shape(disc(x, height, radius), "#ffffff", colors.ink, 0.6))


def _string(
    canvas: Canvas,
    points: Sequence[CurvePoint],
    track: Track,
    y: Callable[[float], float],
    colors: Palette,
) -> None:
    """Estimates too close for dots, as a thick line where significant, else thin and pale."""
    for significant, run in groupby(enumerate(points), key=lambda pair: pair[1].significant):
        corners: list[tuple[float, float]] = []
        for place, point in run:
            height, half = y(point.estimate), track.step / 2
            corners += [(track.x(place) - half, height), (track.x(place) + half, height)]
        color, width = (colors.ink, 1.7) if significant else (EDGE, 0.7)
        canvas.lines.append(Line(tuple(corners), width, color))


def paint_key(
    canvas: Canvas,
    mark: LegendMark,
    ends: tuple[float, float],
    y: float,
    em: float,
    colors: Palette,
) -> None:
    """The sample of a mark in the legend, between two x."""
    left, right = ends
    middle = (left + right) / 2
    if mark == "filled":
        canvas.lines.append(Line(((left, y), (right, y)), 1.7, colors.ink))
        canvas.shapes.append(Shape(disc(middle, y, DISC), colors.ink, colors.ink, 0.5))
    elif mark == "hollow":
        canvas.lines.append(Line(((left, y), (right, y)), 0.7, EDGE))
        canvas.shapes.append(Shape(disc(middle, y, DISC), "#ffffff", colors.ink, 0.6))
    elif mark == "interval":
        top, bottom = y - 0.45 * em, y + 0.45 * em
        canvas.lines.append(Line(((middle, top), (middle, bottom)), 1.1, INTERVAL))
    elif mark == "guide":
        canvas.lines.append(Line(((left, y), (right, y)), 0.6, colors.muted, (3.0, 2.0)))
    else:
        canvas.box(left, y - 0.4 * em, right, y + 0.4 * em, BAND)
        for edge in (y - 0.4 * em, y + 0.4 * em):
            canvas.lines.append(Line(((left, edge), (right, edge)), 0.6, EDGE, (2.0, 1.5)))


def _outline(
    canvas: Canvas, points: Sequence[CurvePoint], track: Track, y: Callable[[float], float]
) -> None:
    """From the highest to the lowest limit in each bin, as one shape."""
    reach: dict[int, tuple[float, float]] = {}
    for place, point in enumerate(points):
        if math.isfinite(point.low) and math.isfinite(point.high):
            number = track.bin_of(place)
            low, high = reach.get(number, (math.inf, -math.inf))
            reach[number] = (min(low, point.low), max(high, point.high))
    for number, (low, high) in reach.items():
        left, right = track.edges(number)
        x = (left + right) / 2
        canvas.lines.append(Line(((x, y(high)), (x, y(low))), right - left, INTERVAL))


def disc(x: float, y: float, radius: float) -> tuple[tuple[float, float], ...]:
    """A circle as a polygon, with as many corners as its size needs."""
    corners = 8 if radius < 1.0 else 16
    turns = [2 * math.pi * (i + 0.5) / corners for i in range(corners)]
    return tuple((x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns)
