"""``[[figure]]``: which drawings there are, what they draw, and the keys that each takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from metabone.analysis.spec_values import (
    Formats,
    Limits,
    Name,
    OneGrouping,
    Section,
    Width,
    option,
    words,
)
from metabone.errors import UsageError
from metabone.options import CurveShow, FunnelPrecision, PointLabels, Style, TrimEstimator

FigureKind = Literal[
    "forest", "harvest", "funnel", "bubble", "orchard", "caterpillar", "map", "leave-one-out",
    "cumulative", "influence", "baujat", "gosh", "choices", "traffic-light",
    "rob-summary",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of figure: the sections whose answers it draws, the most natural first, and its keys.

    `part` is the key that must be on in the section, where the answer has several parts.
    """

    sections: tuple[str, ...]
    keys: frozenset[str]
    part: str | None = None


_EVERY = frozenset({"kind", "name", "title", "formats", "width_mm", "dpi", "outcome"})
_POINTS = frozenset({"xlabel", "transform", "font", "point_labels"})
_REFITS = frozenset({"style", "xlabel", "xlim", "transform", "font"})
#: Each kind of figure; a new one needs its line here and its drawer in `metabone.analysis.figures`.
KINDS: Mapping[str, Kind] = {
    "forest": Kind(
        ("pool",),
        frozenset({"by", "style", "columns", "sort", "xlabel", "xlim", "labels",
                   "show_prediction", "transform", "font"}),
    ),
    "harvest": Kind(("direction",), frozenset()),
    "funnel": Kind(
        ("pool", "bias"), _POINTS | {"precision", "contours", "trim_fill", "xlim"}
    ),
    "bubble": Kind(("regress",), _POINTS | {"moderator", "at", "ylim", "show_prediction"}),
    "orchard": Kind(
        ("pool",),
        frozenset({"by", "style", "xlabel", "xlim", "show_prediction", "transform", "font"}),
    ),
    "caterpillar": Kind(
        ("pool",), frozenset({"xlabel", "xlim", "show_prediction", "transform", "font"})
    ),
    "map": Kind(("pool", "direction"), frozenset({"by", "font"})),
    "leave-one-out": Kind(("sensitivity",), _REFITS, "leave_one_out"),
    "cumulative": Kind(("sensitivity",), _REFITS, "cumulative"),
    "influence": Kind(("sensitivity",), frozenset({"font"}), "influence"),
    "baujat": Kind(("sensitivity",), frozenset({"font", "point_labels"}), "baujat"),
    "gosh": Kind(
        ("sensitivity",), frozenset({"font", "xlabel", "transform", "highlight"}), "gosh"
    ),
    "choices": Kind(("choices",), frozenset({"show", "font"})),
    "traffic-light": Kind(("rob",), frozenset({"font"})),
    "rob-summary": Kind(("rob",), frozenset({"font"})),
}  # fmt: skip


def _held(value: Any) -> Any:
    """Values of moderators: numbers and texts by column."""
    if not isinstance(value, dict) or not all(
        isinstance(one, (int, float, str)) and not isinstance(one, bool) for one in value.values()
    ):
        raise UsageError(f"takes a table of column = number or text; got {value!r}")
    return {name: one if isinstance(one, str) else float(one) for name, one in value.items()}


class FigureSpec(Section):
    """``[[figure]]``: one drawing of an answer of this file."""

    kind: Annotated[FigureKind, option("kind", FigureKind)]
    name: Name = None
    title: str | None = None
    pool: str | None = None
    regress: str | None = None
    bias: str | None = None
    sensitivity: str | None = None
    choices: str | None = None
    direction: str | None = None
    rob: str | None = None
    outcome: Annotated[tuple[str, ...] | None, BeforeValidator(words)] = None
    by: OneGrouping = None
    style: Annotated[Style, option("style", Style)] = "metabone"
    columns: Annotated[tuple[str, ...] | None, BeforeValidator(words)] = None
    sort: str | None = None
    xlabel: str | None = None
    xlim: Limits = None
    ylim: Limits = None
    labels: dict[str, str] = Field(default_factory=dict)
    show_prediction: bool = True
    transform: str | None = None
    font: str | None = None
    precision: Annotated[FunnelPrecision, option("precision", FunnelPrecision)] = "auto"
    contours: bool | None = None
    trim_fill: Annotated[TrimEstimator | None, option("trim_fill", TrimEstimator)] = None
    moderator: str | None = None
    at: Annotated[dict[str, float | str], BeforeValidator(_held)] = Field(default_factory=dict)
    highlight: str | None = None
    show: Annotated[CurveShow, option("show", CurveShow)] = "auto"
    point_labels: Annotated[PointLabels, option("point_labels", PointLabels)] = "auto"
    formats: Formats = ("svg", "pdf")
    width_mm: Width | None = None
    dpi: Annotated[int, Field(ge=50, le=2400)] = 300

    @model_validator(mode="after")
    def _keys_of_kind(self) -> Self:
        kind = KINDS[self.kind]
        for key in sorted(self.model_fields_set - {*_EVERY, *kind.keys, *kind.sections}):
            raise UsageError(f"a {self.kind} figure takes no {key!r}")
        if self.trim_fill is not None and self.pool is not None:
            raise UsageError("trim_fill is part of a [[bias]]; draw one instead of a [[pool]]")
        named = [one for one in kind.sections if getattr(self, one) is not None]
        if len(named) > 1:
            raise UsageError(f"a figure draws one answer; give either {' or '.join(named)}")
        return self

    @property
    def sections(self) -> tuple[str, ...]:
        """Sections whose answers may be meant, the most natural first."""
        known = KINDS[self.kind].sections
        named = tuple(one for one in known if getattr(self, one) is not None)
        if named:
            return named
        return ("bias",) if self.trim_fill is not None else known
