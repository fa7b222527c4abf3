"""Every real reporting error is found, each with the right suspicion."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from metabone.errors import DataError
from metabone.extraction.audit.audit import audit
from metabone.extraction.audit.published import audit_published
from metabone.extraction.reading import read_table
from metabone.extraction.shipped import dataset

from ..tables import as_csv

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True)
class Trap:
    """Rows of a file (as the spreadsheet counts) and the code that says what is wrong with them."""

    file: str
    code: str
    rows: tuple[int, ...]
    words: str = ""

    def __str__(self) -> str:
        return f"{self.file}-{self.code}"


TRAPS = (
    # SE printed as a fraction beside a mean in per cent: a hundred times too small.
    Trap("se_as_fraction", "dispersion-scale", (2, 3), "100 times too small"),
    Trap("se_as_fraction", "effect-over-bound", (2, 3)),
    Trap("se_as_fraction", "tiny-dispersion", (2, 3)),
    # SE of 28.1 and 15.76 on means near 10: the decimal point slipped.
    Trap("se_larger_than_mean", "dispersion-scale", (2, 3), "of the treated arm"),
    Trap("se_larger_than_mean", "arms-differ", (2, 3)),
    Trap("se_larger_than_mean", "dispersion-over-mean", (2, 3, 4)),
    Trap("dispersion_missing", "incomplete-row", (2, 3), "dispersion_treated"),
    Trap("zero_dispersion", "zero-dispersion", tuple(range(2, 10))),
    Trap("n_as_range", "unreadable-number", tuple(range(2, 21)), "range"),
    Trap("mm_for_um", "unit-scale", (2, 3, 4, 5), "unit is um, not mm"),
    Trap("mm_for_um", "unit-scale", (6,), "names mm and cm"),
    Trap("broken_brackets", "two-numbers-in-cell", (2, 3, 4)),
    Trap("conflicting_reports", "conflicting-reports", (2, 3, 4, 5, 6, 7)),
    Trap("thousands_comma", "ambiguous-number", (2,)),
)


@pytest.mark.parametrize("trap", TRAPS, ids=str)
def test_the_error_is_found_and_named(trap: Trap) -> None:
    table = read_table(DATA / f"{trap.file}.csv")
    told = [*table.findings, *audit(table)]
    mine = [each for each in told if each.code == trap.code and trap.words in each.message]
    assert {each.row for each in mine} >= set(trap.rows)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("two_header_rows", "header spans two rows"),
        ("star_for_missing", "no columns 'study' and 'outcome'"),
        ("latin1", "read as text in cp1252"),
        ("duplicate_values", "no column 'outcome'"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(file: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read_table(DATA / f"{file}.csv")
    assert words in str(caught.value)


def test_every_file_of_the_folder_is_a_case() -> None:
    tried = {trap.file for trap in TRAPS}
    refused = {"two_header_rows", "star_for_missing", "latin1", "duplicate_values"}
    assert tried | refused == {path.stem for path in DATA.glob("*.csv")}


def printed_pairs() -> list[dict[str, str]]:
    with (DATA / "duplicate_values.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("pair", printed_pairs(), ids=lambda pair: pair["study"])
def test_values_printed_twice_are_found_when_they_are_typed(
    pair: Mapping[str, str], tmp_path: Path
) -> None:
    rows = []
    for cell in ("a", "b"):
        mean, spread = pair[f"printed_{cell}"].split(" ± ")
        rows.append({
            "study": pair["study"], "comparison": pair[f"cell_{cell}"], "outcome": "P1NP",
            "site": pair[f"cell_{cell}"], "unit": "ng/ml", "mean_treated": mean,
            "dispersion_treated": spread, "mean_control": f"3{len(rows)}.5",
            "dispersion_control": f"7.{len(rows)}1",
        })  # fmt: skip
    path = tmp_path / "typed.csv"
    path.write_text(as_csv(*rows), encoding="utf-8")
    found = [each for each in audit(read_table(path)) if each.code == "duplicate-value"]
    assert [(each.row, each.rows) for each in found] == [(3, (2,))]


def test_the_copied_cell_of_a_shipped_table_is_found() -> None:
    """0.257 ± 0.008 stands in two rows of Ko 2017; the table's problems.csv says so."""
    found = [each for each in audit(read_table("unloading")) if each.code == "duplicate-value"]
    strongest = found[0]
    assert (strongest.value, strongest.rows, strongest.severity) == ("0.257", (23,), "warning")


def test_the_small_sd_of_a_humerus_is_told() -> None:
    """Dadwal 2019: SD of SMI 0.04 to 0.07 in the humerus, a tenth of those of the tibia."""
    table = read_table("unloading")
    rows = table.frame[
        (table.frame["study"] == "Dadwal 2019") & (table.frame["outcome"] == "SMI")
        & (table.frame["dispersion_control"] < 0.1)
    ]  # fmt: skip
    told = {each.row: each.code for each in audit(table)}
    assert [told.get(int(row)) for row in rows.index] == ["dispersion-odd"]


def test_of_the_published_results_the_interval_of_twenty_studies_is_too_narrow() -> None:
    with dataset("published-results").data.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    found = audit_published(lines)
    assert [(each.row, each.code) for each in found] == [(11, "pooled-interval-too-narrow")]
    assert lines[9]["review"].startswith("Mai J 2025")
    assert "151 a study" in found[0].message
