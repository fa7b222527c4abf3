"""Maps of the evidence: every study counted where it stands, and every gap shown."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from metabone.errors import UsageError
from metabone.extraction.reading import read_table
from metabone.plots.evidence_map import evidence_map, map_spec
from metabone.plots.export import render
from metabone.plots.text import width
from metabone.synthesis.direction import direction
from metabone.synthesis.evidence_map import EvidenceMap, map_of, map_of_counts

BY = ("exosome_source", "target_cell")


@pytest.fixture(scope="module")
def nine() -> EvidenceMap:
    """The nine studies, which have no numbers."""
    return map_of(direction(read_table("exosome-osteoporosis")))


@pytest.fixture(scope="module")
def pooled(samples: ModuleType) -> Any:
    rows = samples.rows_of(40)
    for row in rows:
        if (row["exosome_source"], row["target_cell"]) == ("BMSC", "osteoclast"):
            row["mean_treated"] -= 14
    rows = [row for row in rows if (row["exosome_source"], row["target_cell"]) != (
        "AD-MSC", "osteoblast")]  # fmt: skip
    return samples.answer(rows, by=(BY, *BY))


def test_the_nine_studies_by_counts_and_directions(nine: EvidenceMap) -> None:
    found = {(cell.row, cell.column): (cell.k_studies, cell.verdict) for cell in nine.cells}
    assert len(found) == 12
    assert found["BMSC", "osteoblast"] == (4, "benefit")
    assert found["BMSC", "osteoclast"] == (1, "harm")
    assert found["GMSC", "osteoblast"] == (0, None)
    assert len(nine.gaps) == 6
    assert nine.basis == "direction"
    assert (nine.total.k_studies, nine.total.verdict) == (9, "benefit")
    assert [cell.k_studies for cell in nine.row_totals] == [1, 6, 1, 1]
    assert {cell.column: cell.verdict for cell in nine.column_totals}["osteoclast"] == "mixed"
    assert all(cell.estimate is None for cell in (*nine.cells, nine.total))


def test_cells_are_the_strata_of_the_pooled_answer(pooled: Any) -> None:
    found = map_of(pooled)
    strata = {tuple(one.by.values()): one for one in pooled.strata}
    for cell in found.cells:
        stratum = strata[cell.row, cell.column]
        assert (cell.k_studies, cell.k_effects) == (stratum.k_studies, stratum.k_effects)
        if stratum.estimate is not None:
            assert cell.estimate == stratum.estimate.estimate
            assert (cell.ci_low, cell.ci_high) == stratum.estimate.ci()
            assert cell.verdict == ("benefit" if cell.estimate > 0 else "harm")
            assert cell.clear == (stratum.estimate.pvalue < 0.05)
    assert {cell.verdict for cell in found.cells} >= {"benefit", "harm", None}
    assert found.total.estimate == pooled.overall.estimate
    for cell in found.row_totals:
        assert cell.estimate == strata[(cell.row,)].estimate.estimate
    (gap,) = found.gaps
    assert (gap.row, gap.column) == ("AD-MSC", "osteoblast")


def test_lower_can_be_better_or_neither(samples: ModuleType) -> None:
    for outcome, verdict in (("Tb.Sp", "harm"), ("parity", "higher")):
        rows = [dict(row, outcome=outcome, unit=None) for row in samples.rows_of(12, per=1)]
        assert map_of(samples.answer(rows, by=(BY,))).total.verdict == verdict


def test_a_study_in_two_cells_counts_once_in_the_total(samples: ModuleType) -> None:
    rows = samples.rows_of(8)
    for i, row in enumerate(rows):
        row["target_cell"] = ("osteoblast", "osteoclast")[i % 2]
    found = map_of(samples.answer(rows, by=(BY,)))
    assert sum(cell.k_studies for cell in found.cells) == 8
    assert found.total.k_studies == 4


def test_rows_and_columns_can_change_places(nine: EvidenceMap) -> None:
    turned = map_of(direction(read_table("exosome-osteoporosis")), BY[::-1])
    assert (turned.rows, turned.columns) == (nine.columns, nine.rows)


def test_a_table_without_numbers_and_directions_is_counted(samples: ModuleType) -> None:
    pairs = [("BMSC", "osteoblast"), ("BMSC", None), ("serum", "osteoblast")]
    table = samples.study_table([
        {"study": f"S{i}", "outcome": "BMD", "exosome_source": source, "target_cell": cell}
        for i, (source, cell) in enumerate(pairs)
    ])  # fmt: skip
    found = map_of_counts(table)
    assert found.columns == ("osteoblast", "(not reported)")
    assert [cell.k_studies for cell in found.cells] == [1, 1, 1, 0]
    assert found.total.verdict == "unclear"
    assert "studies are counted" in map_spec(found).footer[0]
    with pytest.raises(UsageError, match="no column 'target'; did you mean target_cell"):
        map_of_counts(table, ("exosome_source", "target"))
    with pytest.raises(UsageError, match="two different columns"):
        map_of_counts(table, ("study", "study"))


def test_answers_by_other_columns_are_refused(samples: ModuleType) -> None:
    with pytest.raises(UsageError, match="pooled by two columns together in nothing"):
        map_of(samples.answer(8))
    with pytest.raises(UsageError, match="counted by exosome_source; a map takes two"):
        map_of(direction(read_table("exosome-osteoporosis"), by=["exosome_source"]))


def test_the_map_shows_cells_gaps_and_totals(nine: EvidenceMap) -> None:
    spec = map_spec(nine)
    assert spec.rows[-1] == spec.columns[-1] == "All"
    assert len(spec.cells) == 12 - 6 + 4 + 3 + 1
    placed = evidence_map(nine).placed
    assert sum(run.text == "no study" for run in placed.texts) == 6
    assert "6 of 12 combinations have no study" in spec.footer[0]
    assert spec.verdicts == ("benefit", "harm", "mixed")
    assert "GMSC × osteoblast: no study." in spec.description


def test_numbers_of_the_map(pooled: Any) -> None:
    found = map_of(pooled)
    spec = map_spec(found)
    tile = spec.cells[len(found.rows), len(found.columns)]
    low, high = pooled.overall.ci()
    assert tile.lines[1] == f"{pooled.overall.estimate:.2f}".replace("-", "−")
    assert tile.lines[2] == f"{low:.2f}\u00a0to\u00a0{high:.2f}".replace("-", "−")


def test_signs_say_it_without_colour(pooled: Any) -> None:
    placed = evidence_map(map_of(pooled)).placed
    # Arrows have seven corners; up and down differ in shape, solid and pale in lightness.
    arrows = [shape for shape in placed.shapes if len(shape.points) == 7]
    tips = {shape.points[0][1] < shape.points[3][1] for shape in arrows}
    assert tips == {True, False}


@pytest.mark.parametrize("width_mm", [None, 150.0])
def test_nothing_is_cut(pooled: Any, width_mm: float | None) -> None:
    name = "<b>stem cells of the dental pulp of Wistar rats</b>"
    found = map_of(pooled)
    rows = (name, *found.rows[1:])
    placed = evidence_map(replace(found, rows=rows), width_mm=width_mm).placed
    for run in placed.texts:
        wide = width(run.text, run.face)
        left = run.x - {"left": 0.0, "center": wide / 2, "right": wide}[run.align]
        assert left >= -0.1
        assert left + wide <= placed.width + 0.1
        assert run.y < placed.height
    with pytest.raises(UsageError, match="too narrow for 3 columns of cells"):
        evidence_map(found, width_mm=40)


def test_the_same_bytes_and_synthetic(nine: EvidenceMap) -> None:
    made = replace(nine, synthetic=True, rows=("<script>", *nine.rows[1:]))
    first, second = (render(evidence_map(made), "svg") for _ in range(2))
    assert first == second
    assert b"<script" not in first
    assert map_spec(made).banner
    assert "SYNTHETIC DATA" in map_spec(made).description


def test_json_and_table(nine: EvidenceMap) -> None:
    written = nine.to_dict()
    assert written["gaps"] == 6
    assert written["total"]["k_studies"] == 9
    assert len(nine.to_frame()) == 12 + 4 + 3 + 1
