"""What every import must keep: the account of the rows, and the pooled answer."""

from __future__ import annotations

import io
from pathlib import Path

from metabone.effects.escalc import escalc
from metabone.extraction.importers.results import LEFT_OUT, Imported
from metabone.extraction.reading import read_table
from metabone.extraction.table import StudyTable
from metabone.extraction.where import select
from metabone.files import frame_to_csv
from metabone.synthesis.pool import pool


def accounted(made: Imported, rows: list[int]) -> None:
    """Each source row once; used with table rows that exist, or left out with a known code."""
    assert [line.row for line in made.ledger] == rows
    numbers = set(range(2, len(made.frame) + 2))
    for line in made.ledger:
        assert (line.code is None) == bool(line.table_rows), line
        assert set(line.table_rows) <= numbers
        assert line.code is None or (line.code in LEFT_OUT and line.reason)
    assert numbers == {number for line in made.ledger for number in line.table_rows}


def written(made: Imported, path: Path) -> StudyTable:
    """The table as `check` and `pool` read it from the file that is written."""
    target = path.with_name("table.csv")
    target.write_text(frame_to_csv(made.frame), encoding="utf-8")
    return read_table(target)


def answer(table: StudyTable, outcome: str, measure: str = "SMD") -> tuple[float, ...]:
    """The pooled answer in numbers."""
    overall = pool(escalc(select(table, outcome=(outcome,)), measure)).overall
    low, high = overall.ci(0.95)
    return (
        overall.estimate, overall.se, low, high, overall.tau2, overall.k_effects,
        overall.k_studies, overall.n_animals,
    )  # fmt: skip


def typed(text: str, path: Path) -> StudyTable:
    """A table typed by hand."""
    target = path.with_name("typed.csv")
    target.write_bytes(io.BytesIO(text.encode()).read())
    return read_table(target)
