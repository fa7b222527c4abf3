"""Figures as data: what stands in which row and column, before anything is measured or painted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PartAlign = Literal["left", "right", "decimal", "center"]
RowKind = Literal["heading", "study", "subtotal", "overall", "prediction", "note"]
MarkKind = Literal["square", "diamond", "interval", "swarm"]
CurveKind = Literal["power", "assurance", "other"]

#: The key under which the plot itself stands among the columns.
PLOT = "plot"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the figure.

    Parameters
    ----------
    key : name by which rows refer to it.
    header : words over it; a line break stays a line break.
    group : heading that it shares with its neighbours of the same group, or empty.
    parts : alignment of each part of a cell; an interval has three parts, so that estimates and
        limits each stand under one another.
    glue : gap between the parts, in em.
    wrap : whether its words may run over several lines.
    """

    key: str
    header: str
    group: str = ""
    parts: tuple[PartAlign, ...] = ("left",)
    glue: float = 0.35
    wrap: bool = False

    @property
    def lefthand(self) -> bool:
        """Whether the column is text that starts at its left edge."""
        return self.parts == ("left",)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a row shows in the plot, on the scale of the analysis (logs stay logs).

    Parameters
    ----------
    kind : ``square`` (one effect), ``diamond`` (a pooled one), ``interval`` (prediction) or
        ``swarm`` (effects as bubbles, over them the pooled one with both intervals).
    estimate, low, high : NaN where there is none.
    weight : area of the square as a fraction of the largest one.
    spread : prediction interval to draw through a diamond or a swarm, or None.
    fruit : of a swarm, the place of each bubble and its area as a fraction of the largest one.
    """

    kind: MarkKind
    estimate: float
    low: float
    high: float
    weight: float = 1.0
    spread: tuple[float, float] | None = None
    fruit: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the figure.

    `label` runs from the left edge as far as the next filled cell; `cells` maps the key of a
    column to the parts of its text. `source` is the row of the spreadsheet behind a study row.
    """

    kind: RowKind
    label: str = ""
    cells: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mark: Mark | None = None
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick: where on the scale of the analysis, and what stands there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The horizontal axis, on the scale of the analysis.

    `tick_sets` are alternatives from dense to sparse: the layout takes the first that fits.
    `left` and `right` say what effects on either side of `zero` mean.
    """

    low: float
    high: float
    tick_sets: tuple[tuple[Tick, ...], ...]
    zero: float
    guide: float | None
    label: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class ForestSpec:
    """A forest plot as data.

    Parameters
    ----------
    columns : in reading order; the one with the key ``plot`` is where the plot stands.
    rows : from top to bottom.
    footer : paragraphs under the plot.
    banner : words that must not be overlooked (synthetic data), or None.
    description : the figure in words, for readers who cannot see it.
    """

    style: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    axis: Axis
    footer: tuple[str, ...]
    banner: str | None
    description: str

    def column(self, key: str) -> Column | None:
        """The column with this key, or None."""
        return next((column for column in self.columns if column.key == key), None)

    def of_kind(self, kind: RowKind) -> tuple[Row, ...]:
        """The rows of one kind, from top to bottom."""
        return tuple(row for row in self.rows if row.kind == kind)


@dataclass(frozen=True, slots=True)
class Direction:
    """One study in a harvest plot.

    `evidence` is ``bone`` (skeletal bone mass in an animal given vesicles), ``animal`` (another
    animal study) or ``other`` (no animal, or the table does not say).
    """

    study: str
    verdict: str
    evidence: Literal["bone", "animal", "other"]


@dataclass(frozen=True, slots=True)
class HarvestSpec:
    """An effect-direction plot as data.

    Parameters
    ----------
    row_name, column_name : what the rows and the columns are; empty where there is one only.
    rows, columns : their words, in order.
    cells : studies by (row, column); a cell without any is a gap in the evidence.
    legend : verdicts to explain, with the number of studies that have each.
    """

    title: str
    row_name: str
    column_name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], tuple[Direction, ...]]
    legend: tuple[tuple[str, int], ...]
    footer: tuple[str, ...]
    banner: str | None
    description: str

    @property
    def gaps(self) -> tuple[tuple[str, str], ...]:
        """The (row, column) of every cell without a study."""
        return tuple(
            (row, column)
            for row in self.rows
            for column in self.columns
            if not self.cells.get((row, column))
        )


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve of a power plot.

    Parameters
    ----------
    name : words beside its end.
    kind : ``power`` (for one true effect), ``assurance`` (over what the evidence expects) or
        ``other`` (power under other assumptions, drawn thin).
    points : animals in a group and the chance of success, by ascending number.
    ceiling : the chance that no number of animals can exceed, or None.
    """

    name: str
    kind: CurveKind
    points: tuple[tuple[float, float], ...]
    ceiling: float | None = None


@dataclass(frozen=True, slots=True)
class PowerSpec:
    """A power curve as data.

    Parameters
    ----------
    curves : in painting order.
    target : the chance that is asked for, or None.
    chosen : animals in a group that are planned, or None.
    chosen_text : words over them.
    x_label, y_label : what the axes count.
    """

    title: str
    curves: tuple[Curve, ...]
    target: float | None
    chosen: float | None
    chosen_text: str
    x_label: str
    y_label: str
    footer: tuple[str, ...]
    banner: str | None
    description: str
