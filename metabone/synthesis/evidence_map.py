"""What is known of each combination of two columns, e.g. vesicle source and target cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metabone.errors import DataError, UsageError
from metabone.synthesis.direction import study_verdict
from metabone.synthesis.direction_results import DirectionResult
from metabone.synthesis.results import SCHEMA_VERSION, Estimate, PoolResult
from metabone.synthesis.shaping import named
from metabone.synthesis.strata import cells_of

if TYPE_CHECKING:
    import pandas as pd

    from metabone.extraction.table import StudyTable

#: The columns of the map unless others are asked for.
DEFAULT_BY = ("exosome_source", "target_cell")
ALL = "All"


@dataclass(frozen=True, slots=True)
class MapCell:
    """One cell of the map, or one of its totals (`row` or `column` is then None).

    Attributes
    ----------
    k_studies, k_effects : studies and effects (rows of the table, where nothing is pooled) in it; a
        study can stand in several cells, so that totals are no sums.
    verdict : ``benefit``, ``harm``, ``higher`` or ``lower`` (where neither is known to be better),
        ``no change``, ``mixed``, ``unclear``, or None in an empty cell. Of the pooled effect
        where there is one, else what at least 70% of the studies show.
    estimate, ci_low, ci_high : the pooled effect; None where there is none, with `reason`.
    """

    row: str | None
    column: str | None
    k_studies: int
    k_effects: int
    verdict: str | None
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    reason: str | None = None

    @property
    def empty(self) -> bool:
        """Whether no study is in it: a gap in the evidence."""
        return self.k_studies == 0

    @property
    def clear(self) -> bool:
        """Whether the interval of its pooled effect leaves no effect out."""
        if self.ci_low is None or self.ci_high is None:
            return False
        return self.ci_low > 0 or self.ci_high < 0

    def to_dict(self) -> dict[str, Any]:
        """The cell as JSON prints it."""
        return named(
            self, "row", "column", "k_studies", "k_effects", "verdict", "estimate", "ci_low",
            "ci_high", "reason",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class EvidenceMap:
    """How much is known of each combination of two columns, and which way it points.

    Parameters
    ----------
    by : the columns: that of the rows, that of the columns.
    rows, columns : their words, in order.
    cells : every combination, row by row, empty ones too.
    row_totals, column_totals : over a whole row or column.
    total : over everything.
    basis : ``estimate`` (pooled effects), ``direction`` or ``counts`` (neither is known).
    measure : of the pooled effects, or None; `level` that of their intervals.
    """

    by: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[MapCell, ...]
    row_totals: tuple[MapCell, ...]
    column_totals: tuple[MapCell, ...]
    total: MapCell
    basis: str
    outcome: str | None
    level: float
    synthetic: bool
    version: str
    measure: str | None = None
    better: str | None = None
    warnings: tuple[str, ...] = ()
    excluded: int = 0

    @property
    def gaps(self) -> tuple[MapCell, ...]:
        """The cells without any study."""
        return tuple(cell for cell in self.cells if cell.empty)

    def to_dict(self) -> dict[str, Any]:
        """The map as JSON prints it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "metabone_version": self.version,
            "by": list(self.by),
            "basis": self.basis,
            "outcome": self.outcome,
            "measure": self.measure,
            "better": self.better,
            "level": self.level,
            "synthetic": self.synthetic,
            "cells": [cell.to_dict() for cell in self.cells],
            "row_totals": [cell.to_dict() for cell in self.row_totals],
            "column_totals": [cell.to_dict() for cell in self.column_totals],
            "total": self.total.to_dict(),
            "gaps": len(self.gaps),
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row for each cell; totals last, with a blank for what they span."""
        import pandas as pd

        every = (*self.cells, *self.row_totals, *self.column_totals, self.total)
        return pd.DataFrame([cell.to_dict() for cell in every])


def map_of(result: PoolResult | DirectionResult, by: Sequence[str] | None = None) -> EvidenceMap:
    """The evidence map of a pooled answer or of a synthesis of directions.

    Parameters
    ----------
    result : an answer that was asked for by two columns together.
    by : which two; by default its first such grouping.

    Raises
    ------
    UsageError
        If the answer was not asked for by two columns, or not by these.

    Examples
    --------
    >>> from metabone.extraction.reading import read_table
    >>> from metabone.synthesis.direction import direction
    >>> found = map_of(direction(read_table("exosome-osteoporosis")))
    >>> found.total.k_studies, len(found.cells), len(found.gaps)
    (9, 12, 6)
    """
    wanted = None if by is None else tuple(by)
    if isinstance(result, DirectionResult):
        return _of_directions(result, wanted)
    return _of_pool(result, wanted)


def map_of_counts(table: StudyTable, by: Sequence[str] = DEFAULT_BY) -> EvidenceMap:
    """The evidence map of a table that says neither numbers nor directions: how many studies.

    Raises
    ------
    UsageError
        For an unknown column, or the same one twice.
    """
    from metabone._version import __version__

    frame = table.usable()
    pair = check_pair(by, frame)
    return _build(
        frame, pair, lambda row, column, part: _cell(row, column, part, "unclear"),
        basis="counts", outcome=None, level=0.95, synthetic=table.synthetic, version=__version__,
        excluded=len(table.excluded),
    )  # fmt: skip


def check_pair(by: Sequence[str], frame: pd.DataFrame) -> tuple[str, str]:
    """Two different columns of a table.

    Raises
    ------
    UsageError
        For anything else; the nearest columns are named.
    """
    from metabone.options import nearest

    for name in by:
        if name not in frame.columns:
            near = nearest(name, map(str, frame.columns))
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise UsageError(f"map: the table has no column {name!r}{hint}")
    if len(by) != 2 or by[0] == by[1]:
        raise UsageError(f"map: rows and columns are two different columns; got {', '.join(by)}")
    return by[0], by[1]


def _cell(row: str | None, column: str | None, part: pd.DataFrame, verdict: str) -> MapCell:
    k = int(part["study"].nunique())
    return MapCell(row, column, k, len(part), verdict if k else None)


def _build(
    frame: pd.DataFrame,
    by: tuple[str, str],
    make: Callable[[str | None, str | None, pd.DataFrame], MapCell],
    **facts: Any,
) -> EvidenceMap:
    """Every cell and total of a table of rows."""
    if frame.empty:
        raise DataError("no row is left to map")
    parts = {(values[by[0]], values[by[1]]): part for values, part in cells_of(frame, by)}
    rows = tuple(dict.fromkeys(row for row, _ in parts))
    columns = tuple(dict.fromkeys(column for _, column in parts))
    across = {values[by[0]]: part for values, part in cells_of(frame, by[:1])}
    down = {values[by[1]]: part for values, part in cells_of(frame, by[1:])}
    return EvidenceMap(
        by=by,
        rows=rows,
        columns=columns,
        cells=tuple(make(row, column, part) for (row, column), part in parts.items()),
        row_totals=tuple(make(row, None, across[row]) for row in rows),
        column_totals=tuple(make(None, column, down[column]) for column in columns),
        total=make(None, None, frame),
        **facts,
    )


def _of_directions(result: DirectionResult, by: tuple[str, ...] | None) -> EvidenceMap:
    pair = result.by if by is None else by
    if len(pair) != 2 or set(pair) != set(result.by):
        asked = " and ".join(result.by) or "no column"
        raise UsageError(f"map: the directions were counted by {asked}; a map takes two columns")
    import pandas as pd

    words = {row: cell.by for cell in result.cells for study in cell.studies for row in study.rows}
    lines = [
        {"study": row.study, "verdict": row.verdict} | dict(words[row.row]) for row in result.rows
    ]
    frame = pd.DataFrame(lines, index=[row.row for row in result.rows])

    def make(row: str | None, column: str | None, part: pd.DataFrame) -> MapCell:
        return _cell(row, column, part, _vote(zip(part["study"], part["verdict"], strict=True)))

    return _build(
        frame, (pair[0], pair[1]), make, basis="direction", outcome=None, level=result.level,
        synthetic=result.synthetic, version=result.version, warnings=result.warnings,
        excluded=len(result.excluded),
    )  # fmt: skip


def _vote(rows: Iterable[tuple[str, Any]]) -> str:
    """What at least 70% of the studies show, each with one vote; else ``mixed``."""
    by_study: dict[str, list[Any]] = {}
    for study, verdict in rows:
        by_study.setdefault(study, []).append(verdict)
    return study_verdict([study_verdict(verdicts) for verdicts in by_study.values()])


def _of_pool(result: PoolResult, by: tuple[str, ...] | None) -> EvidenceMap:
    pairs = [tuple(one.by) for one in result.strata if len(one.by) == 2]
    if by is None and pairs:
        by = pairs[0]
    if by is None or by not in pairs:
        known = ", ".join(repr(",".join(names)) for names in dict.fromkeys(pairs)) or "nothing"
        asked = "" if by is None else f", not by {','.join(by)!r}"
        raise UsageError(f"map: the answer is pooled by two columns together in {known}{asked}")
    pair = (by[0], by[1])
    effects = result.effects
    strata = {
        (one.by.get(pair[0]), one.by.get(pair[1])): one
        for one in result.strata
        if set(one.by) <= set(pair)
    }
    words = _words_of_signs(effects.better)

    def make(row: str | None, column: str | None, part: pd.DataFrame) -> MapCell:
        signs = [words[(yi > 0) - (yi < 0)] for yi in part["yi"].tolist()]
        cell = _cell(row, column, part, _vote(zip(part["study"], signs, strict=True)))
        if row is None and column is None:
            return _with_estimate(cell, result.overall, words)
        stratum = strata.get((row, column))
        if stratum is None or cell.empty:
            return cell
        if stratum.estimate is None:
            return MapCell(*_head(cell), reason=stratum.reason)
        return _with_estimate(cell, stratum.estimate, words)

    return _build(
        effects.frame, pair, make, basis="estimate", outcome=result.outcome, level=result.level,
        synthetic=effects.synthetic, version=result.version, measure=effects.measure,
        better=effects.better, warnings=result.warnings, excluded=len(effects.excluded),
    )  # fmt: skip


def _words_of_signs(better: str | None) -> Mapping[int, Any]:
    """What an effect above (1), at (0) or below (−1) zero is called."""
    if better is None:
        return {1: "higher", 0: "no change", -1: "lower"}
    up, down = ("benefit", "harm") if better == "higher" else ("harm", "benefit")
    return {1: up, 0: "no change", -1: down}


def _head(cell: MapCell) -> tuple[str | None, str | None, int, int, str | None]:
    return cell.row, cell.column, cell.k_studies, cell.k_effects, cell.verdict


def _with_estimate(cell: MapCell, found: Estimate, words: Mapping[int, Any]) -> MapCell:
    low, high = found.ci()
    sign = (found.estimate > 0) - (found.estimate < 0)
    head = (*_head(cell)[:4], words[sign])
    return MapCell(*head, estimate=found.estimate, ci_low=low, ci_high=high)
