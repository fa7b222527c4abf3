"""Paint a layout on a matplotlib figure, made without pyplot and without touching its settings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from metabone.plots.primitives import MM_PER_POINT, Layout, Line, Shape, TextRun

POINTS_PER_INCH = 72.0
#: Beginnings of the names of the settings that can change how a figure looks.
_APPEARANCE = (
    "agg.", "axes.", "figure.", "font.", "lines.", "patch.", "path.", "pdf.", "savefig.", "svg.",
    "text.",
)  # fmt: skip
Maker = Callable[[float | None], Layout]


def plain_settings() -> AbstractContextManager[None]:
    """matplotlib's own defaults for as long as the context lasts, whatever the user has set."""
    own = {
        name: value for name, value in mpl.rcParamsDefault.items() if name.startswith(_APPEARANCE)
    }
    return mpl.rc_context(own | {"text.hinting": "none", "text.usetex": False})


class SpecFigure(Figure):
    """A figure that remembers how it was laid out, so that it can be had in another width.

    Attributes
    ----------
    placed : what is painted, as data.
    maker : lays the figure out for a width in millimetres (None: the natural one).
    """

    placed: Layout
    maker: Maker

    @classmethod
    def of(cls, maker: Maker, width_mm: float | None = None) -> SpecFigure:
        """Lay out and paint."""
        layout = maker(width_mm)
        with plain_settings():
            size = (layout.width / POINTS_PER_INCH, layout.height / POINTS_PER_INCH)
            figure = cls(figsize=size, dpi=200, facecolor="white")
            FigureCanvasAgg(figure)
            axes = figure.add_axes((0, 0, 1, 1))
            paint(layout, axes)
        figure.placed = layout
        figure.maker = maker
        return figure

    def in_width(self, width_mm: float) -> SpecFigure:
        """The same figure laid out anew in another width; text keeps its size."""
        if abs(width_mm - self.placed.width_mm) < 0.01:
            return self
        return SpecFigure.of(self.maker, width_mm)

    def _repr_png_(self) -> bytes:
        from metabone.plots.export import png_bytes

        return png_bytes(self)


def paint(layout: Layout, axes: Axes) -> None:
    """Paint a layout on axes, which then count in points from the top left corner."""
    axes.set_axis_off()
    axes.set_xlim(0, layout.width)
    axes.set_ylim(layout.height, 0)
    for shape in layout.backdrop:
        _paint_shape(axes, shape, 1)
    for line in layout.lines:
        _paint_line(axes, line)
    for shape in layout.shapes:
        _paint_shape(axes, shape, 3)
    for run in layout.texts:
        _paint_text(axes, run)


def _paint_line(axes: Axes, line: Line) -> None:
    xs, ys = zip(*line.points, strict=True)
    style: Any = "-" if line.dash is None else (0, line.dash)
    # Not add_line or add_patch: they look for limits, which are given, and take most of the time.
    axes.add_artist(
        Line2D(
            xs, ys, color=line.color, linewidth=line.width, linestyle=style, zorder=2,
            solid_capstyle="butt", dash_capstyle="butt", marker="None",
        )
    )  # fmt: skip


def _paint_shape(axes: Axes, shape: Shape, zorder: int) -> None:
    fill: Any = shape.fill or "none"
    if shape.fill and shape.opacity < 1:
        fill = (shape.fill, shape.opacity)
    axes.add_artist(
        Polygon(
            shape.points, closed=True, facecolor=fill,
            edgecolor=shape.edge or "none", linewidth=shape.width, zorder=zorder,
            joinstyle="miter",
        )
    )  # fmt: skip


def _paint_text(axes: Axes, run: TextRun) -> None:
    axes.text(
        run.x, run.y, run.text, fontproperties=run.face.properties, color=run.color,
        ha=run.align, va="baseline", rotation=run.angle, rotation_mode="anchor", zorder=4,
        parse_math=False, usetex=False,
    )  # fmt: skip


__all__ = ["MM_PER_POINT", "SpecFigure", "paint", "plain_settings"]
