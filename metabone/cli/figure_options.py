"""Options that the commands for figures share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metabone.cli.forest import Dpi, Figure, Font, Title, Transform, Width, XLabel, XLim

Labels = Annotated[
    str,
    typer.Option("--labels", help="Names beside points: auto (those that stand out), all, none."),
]
MaybeLabels = Annotated[
    str | None,
    typer.Option("--labels", help="Names beside points: auto (those that stand out), all, none."),
]
MaybeStyle = Annotated[
    str | None,
    typer.Option("--style", help="Forest plots: metabone (default), revman, jama or bmj."),
]
YLim = Annotated[
    str | None,
    typer.Option("--ylim", metavar="LOW,HIGH", help="Ends of the upright axis as it is shown."),
]
MaybeFigure = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Figure to write: .svg, .pdf, .png, .tif or .tiff."),
]

__all__ = [
    "Dpi", "Figure", "Font", "Labels", "MaybeFigure", "MaybeLabels", "MaybeStyle", "Title",
    "Transform", "Width", "XLabel", "XLim", "YLim",
]  # fmt: skip
