"""Specification curve of the unloading data, and how often the test of a curve cries wolf.

The curve: wall-clock seconds from the table to all analyses, without and with the permutation
test, on one and on two threads, and whether the answers are the same. The error rate: studies
whose effects are symmetric around zero, two arms against one control group each, analysed in a
small list of ways; the share of data sets with p at most 0.05, beside the share in which the most
significant analysis, picked afterwards, is significant.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path

import numpy as np

from metabone.analysis.run import find_analysis
from metabone.analysis.spec import read_spec
from metabone.extraction.reading import read_table
from metabone.extraction.table import StudyTable
from metabone.extraction.where import select
from metabone.synthesis.choices.analyse import choices

NULL_LISTS = {
    "measure": ["SMD", "ROM"], "variance": ["LS", "AV"], "outliers": ["none", "largest_vi"],
    "cluster": ["averaged", "none"], "rho": 0.5, "ci": ["hksj", "wald"],
}  # fmt: skip


def unloading() -> StudyTable:
    """The rows of BV/TV as the shipped analysis selects them."""
    spec, _ = read_spec(find_analysis("unloading"))
    where = " and ".join(f"({condition})" for condition in spec.data.where)
    return select(read_table("unloading"), where=where, outcome=("BV/TV",))


def time_curve(rows: StudyTable) -> None:
    """Seconds of each way to run the whole curve, the best of three."""
    answers = []
    for permutations, workers in ((0, 1), (500, 1), (500, 2)):
        best = np.inf
        for _ in range(3):
            start = time.perf_counter()
            result = choices(rows, permutations=permutations, workers=workers)
            best = min(best, time.perf_counter() - start)
        answers.append(result.to_dict())
        patterns = 0 if result.permutation is None else result.permutation.iterations
        print(
            f"{len(result.answered)} analyses, {patterns} patterns of signs, {workers} threads: "
            f"{best:.2f} s"
        )
    print(f"same answers on 1 and 2 threads: {answers[1] == answers[2]}")


def null_table(rng: np.random.Generator, studies: int, folder: Path) -> StudyTable:
    """Studies of six animals an arm; true effects of a study are one draw around zero."""
    path = folder / "null.csv"
    head = ["study", "comparison", "control_id", "outcome", "unit", "site"]
    head += [
        f"{name}_{arm}" for arm in ("treated", "control") for name in ("n", "mean", "dispersion")
    ]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*head, "dispersion_type"])
        for study in range(studies):
            shift = rng.normal(0, 0.6)
            control = rng.normal(20, 4, 6)
            for arm in range(2):
                treated = rng.normal(20 + 4 * (shift + rng.normal(0, 0.3)), 4, 6)
                cells = [(6, x.mean(), x.std(ddof=1)) for x in (treated, control)]
                row = [f"S{study}", f"arm {arm}", f"C{study}", "BV/TV", "%", "femur"]
                writer.writerow([*row, *cells[0], *cells[1], "SD"])
    return read_table(path)


def error_rate(sets: int, studies: int) -> None:
    """Rejections where no study has an effect."""
    rng = np.random.default_rng(20)
    curve = {"median z": 0, "share significant": 0, "mean z": 0}
    picked = 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(sets):
            result = choices(null_table(rng, studies, Path(folder)), NULL_LISTS, permutations=300)
            picked += min(one.pvalue for one in result.answered) <= 0.05
            for test in result.permutation.tests if result.permutation else ():
                curve[test.statistic] += test.pvalue <= 0.05
    print(f"{sets} data sets of {studies} studies without an effect, p at most 0.05:")
    for name, count in curve.items():
        print(f"  whole curve, {name}: {100 * count / sets:.1f} %")
    print(f"  most significant of {len(result.answered)} analyses: {100 * picked / sets:.1f} %")


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--studies", type=int, default=8)
    asked = parser.parse_args()
    time_curve(unloading())
    error_rate(asked.sets, asked.studies)


if __name__ == "__main__":
    main()
