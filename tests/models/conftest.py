"""Published data that several tests of models use."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


@pytest.fixture
def konstantopoulos() -> dict[str, np.ndarray]:
    """Konstantopoulos (2011), as metafor's dat.konstantopoulos2011: yi, vi, district, year."""
    with gzip.open(HERE.parent / "oracle" / "data" / "metafor-5.1.json.gz", "rt") as stream:
        cases = json.load(stream)
    data = next(
        case["data"]
        for case in cases
        if case["id"] == "konstantopoulos2011" and case["kind"] == "multilevel_metareg"
    )
    columns = {"yi": data["yi"], "vi": data["vi"], "district": data["study"], "year": data["X"]}
    return {
        name: np.array(next(iter(column.values())) if isinstance(column, dict) else column)
        for name, column in columns.items()
    }


@pytest.fixture
def table():
    """Read one of the CSV files of data/ as columns, numeric where every cell is a number."""

    def read(name: str) -> dict[str, np.ndarray]:
        with (HERE / "data" / name).open() as stream:
            rows = list(csv.DictReader(stream))
        return {column: _numbers([row[column] for row in rows]) for column in rows[0]}

    return read


def _numbers(cells: list[str]) -> np.ndarray:
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        return np.array(cells)
