"""A specification curve as data, before anything is measured or painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from metabone.plots.spec import Tick

LegendMark = Literal["filled", "hollow", "interval", "band", "guide"]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One analysis: its estimate and interval (NaN for none) on the scale of its panel."""

    estimate: float
    low: float
    high: float
    significant: bool


@dataclass(frozen=True, slots=True)
class CurvePanel:
    """The analyses on one scale, by ascending estimate.

    Parameters
    ----------
    title : what the estimates are, and how many there are.
    points : from left to right.
    band : for each rank the limits under the null, or empty.
    low, high : ends of the vertical axis; `tick_sets` are alternatives from dense to sparse.
    guides : heights of dashed lines, beside the line of no effect at 0.
    reference : place of the reference analysis, None in a panel that has it not.
    """

    title: str
    points: tuple[CurvePoint, ...]
    band: tuple[tuple[float, float], ...]
    low: float
    high: float
    tick_sets: tuple[tuple[Tick, ...], ...]
    guides: tuple[float, ...]
    reference: int | None


@dataclass(frozen=True, slots=True)
class DashRow:
    """One row of the dashboard: an option, and for each panel the places of its analyses.

    A heading has no places; `share` is its importance in words.
    """

    label: str
    places: tuple[tuple[int, ...], ...] = ()
    heading: bool = False
    share: str = ""
    reference: bool = False


@dataclass(frozen=True, slots=True)
class CurveSpec:
    """A specification curve: panels on top, below them one row for each option.

    Parameters
    ----------
    share_title : words over the importance of the factors.
    reference_text : words over the reference analysis.
    legend : the marks that are there, and what they mean.
    """

    title: str
    panels: tuple[CurvePanel, ...]
    rows: tuple[DashRow, ...]
    share_title: str
    reference_text: str
    legend: tuple[tuple[LegendMark, str], ...]
    footer: tuple[str, ...]
    banner: str | None
    description: str
