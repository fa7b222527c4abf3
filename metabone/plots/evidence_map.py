"""Evidence map: how much is known of each combination of two columns, and which way it points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metabone.plots.forest import BANNER
from metabone.plots.labels import sentence_case
from metabone.plots.scales import Scale, find_scale
from metabone.plots.styles import find_style
from metabone.plots.words import decimals_for, level_text, measure_names, number

if TYPE_CHECKING:
    from metabone.plots.draw import SpecFigure
    from metabone.synthesis.evidence_map import EvidenceMap, MapCell

#: Heading of the totals.
ALL = "All"
_NAMES = {"exosome_source": "Vesicle source", "target_cell": "Target cell"}
#: Verdicts in the order of the legend, and what they are called there.
VERDICTS: Mapping[str, str] = {
    "benefit": "benefit", "harm": "harm", "higher": "higher in treated",
    "lower": "lower in treated", "no change": "no change", "mixed": "mixed", "unclear": "unclear",
}  # fmt: skip
#: How sure a sign is: its fill.
FILLS: Mapping[str, str] = {
    "clear": "pooled, interval leaves no effect out",
    "pooled": "pooled, interval includes no effect",
    "vote": "not pooled: what 70% of the studies show",
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One cell as it is drawn.

    Parameters
    ----------
    studies : its number; the bubble's area.
    verdict : a word of `VERDICTS`.
    sure : a word of `FILLS`.
    lines : words under the bubble.
    """

    studies: int
    verdict: str
    sure: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MapSpec:
    """An evidence map as data; the last row and the last column are totals.

    Parameters
    ----------
    cells : what is drawn by (row, column); a cell that is not in it is a gap.
    legend : verdicts that occur, and fills that occur.
    """

    title: str
    row_name: str
    column_name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[int, int], Tile]
    verdicts: tuple[str, ...]
    fills: tuple[str, ...]
    footer: tuple[str, ...]
    banner: str | None
    description: str


def evidence_map(
    result: EvidenceMap,
    *,
    title: str | None = None,
    width_mm: float | None = None,
    font: str | None = None,
) -> SpecFigure:
    """Draw an evidence map: a bubble for each combination, with the sign of its direction.

    Parameters
    ----------
    result : the answer of `metabone.synthesis.evidence_map.map_of`.
    title : above the map; an empty text shows none.
    width_mm : width of the figure; by default what it needs.
    font : family to set it in; by default DejaVu Sans.

    Raises
    ------
    UsageError
        For an unknown font, or a width into which the columns do not fit.
    """
    from metabone.plots.draw import SpecFigure
    from metabone.plots.map_layout import lay_out_map

    spec = map_spec(result, title=title)
    return SpecFigure.of(lambda width: lay_out_map(spec, width_mm=width, font=font), width_mm)


def map_spec(result: EvidenceMap, *, title: str | None = None) -> MapSpec:
    """The evidence map as data; arguments as in `evidence_map`."""
    rows, columns = len(result.rows), len(result.columns)
    scale = None if result.measure is None else find_scale(result.measure, None)
    placed = {(i // columns, i % columns): cell for i, cell in enumerate(result.cells)}
    placed |= {(i, columns): cell for i, cell in enumerate(result.row_totals)}
    placed |= {(rows, j): cell for j, cell in enumerate(result.column_totals)}
    placed |= {(rows, columns): result.total}
    decimals = _decimals(result, scale)
    cells = {
        at: _tile(cell, result, scale, decimals) for at, cell in placed.items() if not cell.empty
    }
    names = [_human(name) for name in result.by]
    lower = [name[:1].lower() + name[1:] for name in names]
    head = "Evidence" if result.outcome is None else f"Evidence on {result.outcome}"
    return MapSpec(
        title=f"{head} by {lower[0]} and {lower[1]}" if title is None else title,
        row_name=names[0],
        column_name=names[1],
        rows=(*map(sentence_case, result.rows), ALL),
        columns=(*map(sentence_case, result.columns), ALL),
        cells=cells,
        verdicts=tuple(v for v in VERDICTS if any(tile.verdict == v for tile in cells.values())),
        fills=tuple(f for f in FILLS if any(tile.sure == f for tile in cells.values())),
        footer=_footer(result, scale),
        banner=BANNER if result.synthetic else None,
        description=_describe(result),
    )


def _human(column: str) -> str:
    return _NAMES.get(column, column[:1].upper() + column[1:].replace("_", " "))


def _decimals(result: EvidenceMap, scale: Scale | None) -> int:
    low, high = result.total.ci_low, result.total.ci_high
    if scale is None or low is None or high is None:
        return 2
    if result.measure in ("SMD", "SMDH", "SMD1") or scale.name == "ratio":
        return 2
    return decimals_for((scale.show(high) - scale.show(low)) / 2)


def _tile(cell: MapCell, result: EvidenceMap, scale: Scale | None, decimals: int) -> Tile:
    counts = _counted(cell.k_studies, "study", "studies")
    if cell.k_effects != cell.k_studies:
        noun = ("effect", "effects") if result.basis == "estimate" else ("row", "rows")
        counts += f", {_counted(cell.k_effects, *noun)}"
    lines = [counts]
    sure = "vote"
    if cell.estimate is not None and scale is not None:
        sure = "clear" if cell.clear else "pooled"
        lines += _numbers(cell, scale, decimals)
    return Tile(cell.k_studies, cell.verdict or "unclear", sure, tuple(lines))


def _counted(n: int, one: str, many: str) -> str:
    return f"{n}\u00a0{one if n == 1 else many}"


def _numbers(cell: MapCell, scale: Scale, decimals: int) -> list[str]:
    signed = scale.name == "percent"
    shown = [
        number(scale.show(float("nan") if value is None else value), decimals, signed=signed)
        for value in (cell.estimate, cell.ci_low, cell.ci_high)
    ]
    return [shown[0], f"{shown[1]}\u00a0to\u00a0{shown[2]}"]


def _footer(result: EvidenceMap, scale: Scale | None) -> tuple[str, ...]:
    told = ["SYNTHETIC DATA."] if result.synthetic else []
    noun = "effects" if result.basis == "estimate" else "rows"
    told.append(
        f"{_counted(result.total.k_studies, 'study', 'studies')} with {result.total.k_effects} "
        f"{noun}. Area of a bubble: number of studies; a second rim: a total larger than every "
        "cell. A study can stand in several cells; totals count it once."
    )
    gaps = len(result.gaps)
    told.append(
        f"{gaps} of {len(result.cells)} combinations have no study: gaps in the evidence."
        if gaps else "Every combination has a study."
    )  # fmt: skip
    if scale is not None and result.measure is not None:
        _, long = measure_names(result.measure, None, find_style("metabone"), scale.name)
        told.append(f"Numbers: {long}, pooled, with {level_text(result.level)} CI.")
    elif result.basis == "direction":
        told.append("Signs: direction of effect, one vote for each study; nothing is pooled.")
    else:
        told.append("The table says neither numbers nor directions: studies are counted.")
    if result.excluded:
        verb = "row is" if result.excluded == 1 else "rows are"
        told.append(f"{result.excluded} {verb} set aside; the ledger says why.")
    told.append(f"Made with metabone\u00a0{result.version}.")
    return (" ".join(told),)


def _describe(result: EvidenceMap) -> str:
    kind = "Evidence map" + (" (SYNTHETIC DATA)" if result.synthetic else "")
    total = result.total
    parts = [
        f"{kind} of {total.k_studies} studies by {result.by[0]} and {result.by[1]}: "
        f"{len(result.gaps)} of {len(result.cells)} combinations have no study."
    ]
    for cell in result.cells:
        said = "no study"
        if not cell.empty:
            said = f"{_counted(cell.k_studies, 'study', 'studies')}, {cell.verdict}"
        if cell.estimate is not None:
            said += f", pooled {number(cell.estimate, 2)}"
        parts.append(f"{cell.row} × {cell.column}: {said}.")
    return " ".join(parts)
