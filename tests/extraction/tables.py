"""Small tables for the tests of reading and checking."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

GOOD: Mapping[str, str] = {
    "study": "Adams 2020",
    "outcome": "BV/TV",
    "unit": "%",
    "species": "rat",
    "n_treated": "8",
    "mean_treated": "20.1",
    "dispersion_treated": "2.5",
    "n_control": "8",
    "mean_control": "15.2",
    "dispersion_control": "2.2",
    "dispersion_type": "SD",
}
OTHER = {"study": "Brown 2021", "mean_treated": "21.4", "mean_control": "15.9"}


def as_csv(*rows: Mapping[str, str], separator: str = ",") -> str:
    """CSV of good rows with some cells replaced; new columns come last."""
    header = list(dict.fromkeys([*GOOD, *(name for row in rows for name in row)]))
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**GOOD, **row} for row in rows)
    return out.getvalue()
