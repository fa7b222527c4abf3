"""Options that the commands for figures share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from metabone.cli import common as c
from metabone.cli.bundles import Bundle
from metabone.errors import UsageError

_TO_DRAW = typer.Option("-o", "--output", help="Figure to write: .svg, .pdf, .png, .tif or .tiff.")
_LABELS = typer.Option(
    "--labels", help="Names beside points: auto (those that stand out), all, none."
)
Figure = Annotated[Path, _TO_DRAW]
MaybeFigure = Annotated[Path | None, _TO_DRAW]
Labels = Annotated[str, _LABELS]
MaybeLabels = Annotated[str | None, _LABELS]
Style = Annotated[str, typer.Option("--style", help="metabone, revman, jama or bmj.")]
MaybeStyle = Annotated[
    str | None,
    typer.Option("--style", help="Forest plots: metabone (default), revman, jama or bmj."),
]
Prediction = Annotated[
    bool, typer.Option("--prediction/--no-prediction", help="Draw the prediction interval.")
]
XLabel = Annotated[str | None, typer.Option("--xlabel", help="Words under the axis.")]
Transform = Annotated[
    str | None,
    typer.Option(
        "--transform", help="percent, ratio or none, for log ratios (default: percent for ROM)."
    ),
]
YLim = Annotated[
    str | None,
    typer.Option("--ylim", metavar="LOW,HIGH", help="Ends of the upright axis as it is shown."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Bundle):
    """Words above a figure, its size and its letters."""

    title: Annotated[
        str | None, typer.Option("--title", help="Words above (default: the outcome; '' for none).")
    ] = None
    width: Annotated[
        float | None,
        typer.Option(
            "--width", metavar="MM", help="Width in millimetres (default: what it takes)."
        ),
    ] = None
    dpi: Annotated[
        float | None, typer.Option("--dpi", help="Pixels per inch of PNG and TIFF (300).")
    ] = None
    font: Annotated[
        str | None,
        typer.Option("--font", help="Font family of this machine (default: DejaVu Sans)."),
    ] = None

    def chosen(self) -> dict[str, Any]:
        """The options by the names of the library; the pixels are for `write`."""
        return {"title": self.title, "width_mm": self.width, "font": self.font}

    def write(self, figure: Any, target: Path, *, force: bool) -> None:
        """Write a figure where it is wanted."""
        from metabone.plots.export import export

        export(figure, target, dpi=self.dpi, force=force)
        c.say(f"wrote {target}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Bundle):
    """The axis of effects."""

    xlabel: XLabel = None
    xlim: Annotated[
        str | None,
        typer.Option(
            "--xlim",
            metavar="LOW,HIGH",
            help="Ends of the axis as it is shown; what reaches further ends in an arrow.",
        ),
    ] = None
    transform: Transform = None

    def chosen(self) -> dict[str, Any]:
        """The options by the names of the library."""
        return {
            "xlabel": self.xlabel, "xlim": parse_limits(self.xlim), "transform": self.transform,
        }  # fmt: skip


def parse_limits(text: str | None, option: str = "--xlim") -> tuple[float, float] | None:
    """``LOW,HIGH`` as two numbers.

    Raises
    ------
    UsageError
        For anything else.

    Examples
    --------
    >>> parse_limits("-1.5, 3")
    (-1.5, 3.0)
    """
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} takes LOW,HIGH, e.g. -2,4; got {text!r}") from None
    return low, high
