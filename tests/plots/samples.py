"""Tables and answers for the tests of figures; run with a folder, it writes figures there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metabone.effects.escalc import escalc
from metabone.extraction.schema import COLUMNS
from metabone.extraction.table import Source, StudyTable
from metabone.synthesis.pool import pool
from metabone.synthesis.results import PoolResult
from metabone.vocabulary import load_vocabulary

Namer = Callable[[int], str]
SOURCES = ("BMSC", "AD-MSC", "hUC-MSC")


def plain(i: int) -> str:
    return f"Author {i} {2000 + i % 25}"


def long(i: int) -> str:
    return f"{i:02d} Consortium for vesicles in the osteoporotic skeleton 2021"


def greek(i: int) -> str:
    return ("Wnt/β-catenin τ² γδ", "$x_1^2$ \\alpha {a} % & # ~", "Åström_Γ ≥ 5 µm·kg⁻¹")[i % 3]


NAMERS: dict[str, Namer] = {"plain": plain, "long": long, "greek": greek}


def study_table(rows: Sequence[dict[str, Any]]) -> StudyTable:
    """A validated table of some rows; columns that they leave out are blank."""
    frame = pd.DataFrame(list(rows))
    for column in COLUMNS:
        if column.name not in frame:
            frame[column.name] = np.nan if column.kind == "number" else None
        if column.kind == "number":
            frame[column.name] = frame[column.name].astype(float)
        else:
            text = frame[column.name].astype(object)
            frame[column.name] = text.where(text.notna(), None)
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    source = Source("sample.csv", "0" * 64, len(frame))
    return StudyTable(frame, frame.astype(object), source, load_vocabulary())


def rows_of(n: int, *, name: Namer = plain, per: int = 2, seed: int = 1) -> list[dict[str, Any]]:
    """`n` seeded rows, `per` of each study, in three sources and two target cells."""
    draw = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        n1, n2 = draw.integers(5, 14, 2)
        mean, sd, effect = draw.uniform(15, 40), draw.uniform(2, 6), draw.normal(1.0, 0.7)
        rows.append({
            "study": name(i // per), "outcome": "BV/TV", "unit": "%",
            "site": ("femur", "tibia", "L4")[i % 3], "timepoint_weeks": (4, 8)[i % 2],
            "species": ("rat", "mouse")[(i // per) % 2], "model": "OVX",
            "dose": 100.0, "dose_unit": "µg", "comparison": "vesicles vs PBS",
            "exosome_source": SOURCES[(i // per) % 3],
            "target_cell": ("osteoblast", "osteoclast")[(i // per) % 2],
            "n_treated": n1, "mean_treated": mean + effect * sd,
            "dispersion_treated": sd * draw.uniform(0.8, 1.2),
            "n_control": n2, "mean_control": mean,
            "dispersion_control": sd * draw.uniform(0.8, 1.2),
            "dispersion_type": "SD", "source": "table",
        })  # fmt: skip
    return rows


def answer(
    rows: Sequence[dict[str, Any]] | int,
    *,
    measure: str = "SMD",
    by: Sequence[str | tuple[str, ...]] = ("exosome_source",),
    name: Namer = plain,
    **options: Any,
) -> PoolResult:
    """The pooled answer of some rows (or of so many made-up ones)."""
    if isinstance(rows, int):
        return _made_up(rows, measure, tuple(by), name, tuple(sorted(options.items())))
    align = options.pop("align", "none")
    return pool(escalc(study_table(rows), measure, align=align), by=by, **options)


@cache
def _made_up(
    k: int, measure: str, by: tuple[str | tuple[str, ...], ...], name: Namer,
    options: tuple[tuple[str, Any], ...],
) -> PoolResult:  # fmt: skip
    """Pooled once for all tests that draw it."""
    return answer(rows_of(k, name=name), measure=measure, by=by, **dict(options))


def write_all(folder: Path) -> None:
    """An SVG, a PDF and a TIFF of the same answer."""
    from metabone.plots.export import export
    from metabone.plots.forest import forest

    result = answer(12, name=greek)
    figure = forest(result, style="revman")
    for suffix in ("svg", "pdf", "tif"):
        export(figure, folder / f"forest.{suffix}", dpi=72)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
    if "matplotlib.pyplot" in sys.modules:
        sys.exit("pyplot, which has a state of its own, was imported")
