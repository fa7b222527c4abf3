"""How points, lines and areas look: told apart by shape and lightness, not by colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from metabone.plots.xy_spec import AreaKind, DotKind, StrokeKind

Outline = Literal["circle", "diamond", "square"]
INK, BLUE, DEEP, RUST = "#1c2126", "#3f6f8f", "#16374f", "#a8480f"


@dataclass(frozen=True, slots=True)
class DotLook:
    """Fill, edge, shape; `scale` is the radius against that of a plain point."""

    fill: str
    edge: str
    outline: Outline = "circle"
    width: float = 0.5
    scale: float = 1.0
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class StrokeLook:
    """Colour, width in points and dashes."""

    color: str
    width: float
    dash: tuple[float, float] | None = None


DOTS: Mapping[DotKind, DotLook] = {
    "effect": DotLook(BLUE, "#ffffff"),
    "flagged": DotLook(RUST, "#ffffff", "diamond", 0.5, 1.45),
    "filled": DotLook("#ffffff", RUST, "circle", 1.0),
    "bubble": DotLook("#7fa6bd", DEEP, "circle", 0.7, 1.0, 0.55),
    "level": DotLook(DEEP, "#ffffff", "square", 0.8, 1.0),
}
STROKES: Mapping[StrokeKind, StrokeLook] = {
    "estimate": StrokeLook(DEEP, 1.3),
    "limit": StrokeLook(DEEP, 0.8, (4.0, 2.2)),
    "prediction": StrokeLook(DEEP, 0.8, (1.2, 1.8)),
    "zero": StrokeLook("#6b7580", 0.7),
    "cut": StrokeLook(RUST, 0.8, (4.0, 2.2)),
    "trace": StrokeLook("#8fa9ba", 0.6),
    "filled": StrokeLook(RUST, 1.1, (4.0, 2.2)),
    "with": StrokeLook(RUST, 1.3),
    "without": StrokeLook(DEEP, 1.0, (2.6, 1.6)),
    "interval": StrokeLook("#8fa9ba", 0.7),
    "hair": StrokeLook("#a9c3d3", 0.35),
    "trunk": StrokeLook(DEEP, 3.2),
    "branch": StrokeLook(DEEP, 0.9),
}
AREAS: Mapping[AreaKind, str] = {
    "p10": "#eaf0f4", "p05": "#d5e0e8", "p01": "#bccdd9",
    "confidence": "#c3d4df", "prediction": "#e8eff3", "bar": "#a9c3d3", "count": DEEP,
}  # fmt: skip
#: The palest and the darkest shade of a count.
PALE, DARK = "#d3e0e8", "#0f2c42"


def shade(share: float) -> str:
    """The colour of a count between the palest (0) and the darkest (1).

    Examples
    --------
    >>> shade(0), shade(1)
    ('#d3e0e8', '#0f2c42')
    """
    share = min(max(share, 0.0), 1.0)
    pairs = [(int(PALE[i : i + 2], 16), int(DARK[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)
