"""Extraction tables in memory, built without the reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from metabone.extraction.schema import COLUMNS
from metabone.extraction.table import Finding, Source, StudyTable
from metabone.vocabulary import load_vocabulary

MakeTable = Callable[..., StudyTable]


def build(*rows: dict[str, Any], findings: tuple[Finding, ...] = ()) -> StudyTable:
    """A table of these rows; the first is row 2, as in a spreadsheet with one header row."""
    filled = [
        {"study": f"Study {i}", "outcome": "BV/TV", "unit": "%"} | r for i, r in enumerate(rows)
    ]
    numbers = {column.name for column in COLUMNS if column.kind == "number"}
    names = [column.name for column in COLUMNS]
    names += [name for row in filled for name in row if name not in names]
    frame = pd.DataFrame(
        {
            name: np.array([row.get(name, np.nan) for row in filled], dtype=float)
            if name in numbers
            else pd.Series([row.get(name) for row in filled], dtype=object)
            for name in dict.fromkeys(names)
        }
    )
    frame.index = pd.RangeIndex(2, 2 + len(filled))
    return StudyTable(
        frame=frame, printed=frame, vocabulary=load_vocabulary(), findings=findings,
        source=Source("table.csv", "0" * 64, len(filled)),
    )  # fmt: skip


@pytest.fixture(name="table", scope="session")
def _table() -> MakeTable:
    return build
