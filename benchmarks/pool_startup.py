"""From the shell's prompt to a pooled answer on 40 rows: whole processes, medians of 15 runs.

python benchmarks/pool_startup.py
"""

from __future__ import annotations

import csv
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RUNS = 15
METAFOR = """
suppressMessages(library(metafor))
dat <- read.csv(commandArgs(TRUE)[1])
print(rma(yi, vi, data = dat, method = "REML", test = "knha"))
"""


def median_seconds(command: list[str]) -> float:
    seconds = []
    for _ in range(RUNS + 2):  # the first two warm the file cache
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds.append(time.perf_counter() - start)
        if done.returncode:
            raise SystemExit(f"{command[0]} failed: {done.stderr}")
    return statistics.median(seconds[2:])


def write_tables(folder: Path) -> tuple[Path, Path]:
    """The same 40 effects as arm data for metabone and as yi and vi for the peers."""
    rng = np.random.default_rng(3)
    arms, effects = folder / "arms.csv", folder / "effects.csv"
    names = "study outcome n_treated mean_treated dispersion_treated n_control mean_control"
    with arms.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow([*names.split(), "dispersion_control", "dispersion_type", "source"])
        for i in range(40):
            mean = 20 + rng.normal(2, 2)
            out.writerow([f"S{i}", "BV/TV", 8, f"{mean:.2f}", 3, 8, 20, 3, "SD", "synthetic"])
    with effects.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["study", "yi", "vi"])
        for i in range(40):
            out.writerow([f"S{i}", f"{rng.normal(0.6, 0.7):.4f}", "0.27"])
    return arms, effects


def main() -> None:
    binaries = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arms, effects = write_tables(folder)
        imports = median_seconds([sys.executable, "-c", "import pandas, scipy.special"])
        pool = median_seconds([str(binaries / "metabone"), "pool", str(arms)])
        print(f"import of pandas and scipy.special {imports:.3f} s")
        print(f"metabone pool                      {pool:.3f} s = {pool / imports:.2f} imports")
        if (binaries / "pimeta").exists():
            peer = median_seconds(
                [str(binaries / "pimeta"), "fit", str(effects), "--yi", "yi", "--vi", "vi"]
            )
            print(
                f"pimeta fit                         {peer:.3f} s = {peer / pool:.2f} metabone pool"
            )
        if shutil.which("Rscript"):
            script = folder / "fit.R"
            script.write_text(METAFOR)
            peer = median_seconds(["Rscript", str(script), str(effects)])
            print(
                f"Rscript with metafor               {peer:.3f} s = {peer / pool:.2f} metabone pool"
            )


if __name__ == "__main__":
    main()
