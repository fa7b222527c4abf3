"""Influence panel: six diagnostics of each effect or study beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from metabone.errors import DataError
from metabone.models.intervals import critical
from metabone.plots.forest import BANNER, title_of
from metabone.plots.spec import Tick
from metabone.plots.words import number
from metabone.plots.xy_scales import across, span
from metabone.plots.xy_spec import Dot, Entry, Panel, Stroke, StrokeKind, Upright, XYSpec
from metabone.plots.xy_text import sensitivity_footer

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.sensitivity.influence_results import InfluenceLine, InfluenceResult

#: Diagnostic, its name over the panel, and the value of an effect that sways nothing.
MEASURES: tuple[tuple[str, str, float], ...] = (
    ("rstudent", "rstudent", 0.0), ("dffits", "DFFITS", 0.0), ("cook_d", "Cook’s d", 0.0),
    ("cov_ratio", "cov. ratio", 1.0), ("hat", "hat", 0.0), ("weight", "weight, %", 0.0),
)  # fmt: skip
#: Diagnostics that are drawn on both sides, so that their threshold stands twice.
TWO_SIDED = frozenset({"dffits"})
#: Up to so many lines all are named; beyond, the influential ones.
ALL_NAMED = 45
#: Height of a named line and of the whole panel of unnamed ones, in em.
PITCH, HIGH = 1.5, 62.0


def influence(
    result: InfluenceResult,
    *,
    title: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw the influence panel; the arguments are those of `influence_spec`, and two more.

    Parameters
    ----------
    width_mm : width of the figure, 180 mm by default.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    DataError
        If no effect has any diagnostic.
    UsageError
        For an unknown font, or a width too narrow.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.xy_layout import lay_out_xy

    spec = influence_spec(result, title=title)
    return SpecFigure.of(lambda width: lay_out_xy(spec, width_mm=width, font=font), width_mm)


def influence_spec(result: InfluenceResult, *, title: str | None = None) -> XYSpec:
    """The influence panel, as data: a line for each effect or study, a panel for each diagnostic.

    Parameters
    ----------
    result : the answer of `metabone.synthesis.sensitivity.influence`.
    title : above the panels; by default the outcome. An empty text shows none.

    Raises
    ------
    DataError
        If no effect has any diagnostic.

    References
    ----------
    Viechtbauer & Cheung (2010), doi:10.1002/jrsm.11.
    """
    lines = result.lines
    if not any(math.isfinite(getattr(line, name)) for line in lines for name, _, _ in MEASURES):
        raise DataError("no effect has an influence diagnostic: too few to leave one out")
    k = len(lines)
    named = lines if k <= ALL_NAMED else result.influential
    place = {id(line): i + 1 for i, line in enumerate(lines)}
    names = tuple(Tick(float(place[id(line)]), line.label) for line in named)
    upright = Upright(0.3, k + 0.7, ((),), "", down=True, names=names)
    panels = tuple(
        _panel(result, column, upright, named=k <= ALL_NAMED) for column in range(len(MEASURES))
    )
    return XYSpec(
        kind="Influence diagnostics",
        title=title_of(result.effects) if title is None else title,
        panels=panels,
        key=_key(result, panels),
        footer=sensitivity_footer(result.effects, result.overall, result.model, *_told(result)),
        banner=BANNER if result.effects.synthetic else None,
        description=_describe(result),
        widths=(1.0,) * len(MEASURES),
        heights=(min(PITCH * k, HIGH) if k > ALL_NAMED else PITCH * k,),
        in_em=True,
        width_mm=180.0,
    )


def _panel(result: InfluenceResult, column: int, upright: Upright, *, named: bool) -> Panel:
    name, words, still = MEASURES[column]
    values = [float(getattr(line, name)) for line in result.lines]
    cuts = _cuts(result, name)
    finite = [value for value in values if math.isfinite(value)]
    low, high = span([still], [*finite, *cuts], room=0.07)
    k = len(values)
    stems = tuple(
        Stroke(((still, i + 1.0), (value, i + 1.0)), "trace")
        for i, value in enumerate(values)
        if math.isfinite(value)
    )
    ends = (0.3, k + 0.7)
    kind: StrokeKind = "limit" if name == "rstudent" else "cut"
    cut = tuple(Stroke(((at, ends[0]), (at, ends[1])), kind) for at in cuts)
    dots = tuple(
        Dot(value, i + 1.0, "flagged" if line.influential else "effect", source=line.row)
        for i, (line, value) in enumerate(zip(result.lines, values, strict=True))
        if math.isfinite(value)
    )
    return Panel(
        x=across((low, high), ""),
        y=upright,
        strokes=(Stroke(((still, ends[0]), (still, ends[1])), "zero"), *cut, *stems),
        dots=dots,
        title=words,
        column=column,
        size=0.32 if named else 0.2,
        y_shown=column == 0,
    )


def _cuts(result: InfluenceResult, name: str) -> list[float]:
    """The thresholds that flags go by; of residuals, which have none, their 95% range."""
    if name == "rstudent":
        z = float(critical(math.nan, 0.95))
        return [-z, z]
    at = result.thresholds.get(name, math.nan)
    if not math.isfinite(at):
        return []
    return [-at, at] if name in TWO_SIDED else [at]


def _key(result: InfluenceResult, panels: Sequence[Panel]) -> tuple[Entry, ...]:
    unit = "study" if result.by == "study" else "effect"
    key = [Entry(Dot(0, 0, "effect"), unit)]
    if any(panel.of_kind("flagged") for panel in panels):
        key.append(Entry(Dot(0, 0, "flagged"), f"influential {unit}, beyond a threshold"))
    cuts = [line for panel in panels for line in panel.line("cut")]
    key += [Entry(line, "threshold") for line in cuts[:1]]
    normal = [line for panel in panels for line in panel.line("limit")]
    return (*key, *(Entry(line, "95% of residuals lie between") for line in normal[:1]))


def _told(result: InfluenceResult) -> list[str]:
    told = []
    k, n = len(result.lines), len(result.influential)
    noun = "studies" if result.by == "study" else "effects"
    told.append(f"{n} of {k} {noun} {'is' if n == 1 else 'are'} beyond a threshold.")
    if k > ALL_NAMED and n:
        told.append("Only those are named.")
    lost = sum(not _whole(line) for line in result.lines)
    if lost:
        told.append(f"{lost} of them lack a diagnostic, which is not drawn.")
    return told


def _whole(line: InfluenceLine) -> bool:
    return all(math.isfinite(getattr(line, name)) for name, _, _ in MEASURES)


def _describe(result: InfluenceResult) -> str:
    kind = "Influence diagnostics"
    kind += " (SYNTHETIC DATA)" if result.effects.synthetic else ""
    noun = "studies" if result.by == "study" else "effects"
    parts = [f"{kind} of {len(result.lines)} {noun}."]
    for line in result.influential:
        said = ", ".join(f"{words} {number(getattr(line, name), 2)}" for name, words, _ in MEASURES)
        parts.append(f"{line.label} is influential: {said}.")
    if not result.influential:
        parts.append("None is beyond a threshold.")
    return " ".join(parts)
