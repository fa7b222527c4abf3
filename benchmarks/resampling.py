"""Permutation test of 20 effects and GOSH of 13 studies: metabone against its peers.

    OPENBLAS_NUM_THREADS=1 python benchmarks/resampling.py

All get the same arrays, and REML in every refit. The permutation test turns signs 1,000 times with
the Hartung-Knapp statistic (PyMARE, which has no such statistic, with its own). GOSH takes all
8,191 subsets; metafor's is timed on a tenth of them, drawn with equal chance, and multiplied.
metabone also draws a million subsets of 40 effects, in a process of its own whose memory is read at
the end.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from metabone.models.gosh import gosh
from metabone.models.permutation import permutation_test

K, ITERATIONS, STUDIES, PART = 20, 1000, 13, 10
ASKED = {("permutation", "PyMARE"): 4, ("permutation", "metafor"): 1000,
         ("GOSH", "pimeta"): 50, ("GOSH", "metafor"): 800}  # fmt: skip

METAFOR = """
suppressMessages(library(metafor))
d <- jsonlite::fromJSON(commandArgs(TRUE)[1])
clock <- function() proc.time()[["elapsed"]]
fit <- rma(d$y, d$v, method = "REML", test = "knha")
start <- clock()
p <- permutest(fit, iter = d$iterations, progbar = FALSE)$pval
permutation <- clock() - start
whole <- rma(d$y13, d$v13, method = "REML")
start <- clock()
res <- gosh(whole, subsets = d$part, progbar = FALSE)$res
cat(jsonlite::toJSON(list(permutation = permutation, p = p, gosh = clock() - start,
  subsets = nrow(res), median = median(res$estimate, na.rm = TRUE)), digits = NA,
  auto_unbox = TRUE))
"""

MILLION = """
import resource, sys, time
import numpy as np
from metabone.models.gosh import gosh
rng = np.random.default_rng(3)
v = rng.uniform(0.02, 0.3, 40)
y = rng.normal(0.3, np.sqrt(v + 0.1))
start = time.perf_counter()
found = gosh(y, v, n_jobs=int(sys.argv[1]))
print(len(found.size), time.perf_counter() - start,
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def data(k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.02, 0.3, k)
    return rng.normal(0.15, np.sqrt(v + 0.1)), v


def best_of(call: Callable[[], object], times: int) -> tuple[float, object]:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - start)
    return min(seconds), answer


def pymare(y: np.ndarray, v: np.ndarray) -> tuple[float, float] | None:
    try:
        from pymare import Dataset
        from pymare.estimators import VarianceBasedLikelihoodEstimator
    except ImportError:
        return None
    table = Dataset(y[:, None], v[:, None], np.ones((len(y), 1)), add_intercept=False)
    fit = VarianceBasedLikelihoodEstimator(method="REML").fit_dataset(table).summary()
    seconds, test = best_of(lambda: fit.permutation_test(n_perm=ITERATIONS), 3)
    return seconds, float(np.ravel(test.perm_p["fe_p"])[0])


def pimeta(y: np.ndarray, v: np.ndarray) -> tuple[float, np.ndarray] | None:
    try:
        from pimeta import gosh as theirs
    except ImportError:
        return None
    seconds, found = best_of(lambda: theirs(y, v, method="REML"), 1)
    number = np.asarray(found.incl) @ 2 ** np.arange(len(y))
    estimate = np.empty(len(number))
    estimate[number - 1] = found.estimate
    return seconds, estimate


def metafor(y: np.ndarray, v: np.ndarray, y13: np.ndarray, v13: np.ndarray) -> dict | None:
    if shutil.which("Rscript") is None:
        return None
    arrays = {"y": y.tolist(), "v": v.tolist(), "y13": y13.tolist(), "v13": v13.tolist()}
    arrays |= {"iterations": ITERATIONS, "part": (2**STUDIES - 1) // PART}
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "data.json", Path(folder) / "run.R"
        path.write_text(json.dumps(arrays))
        script.write_text(METAFOR)
        done = subprocess.run(
            ["Rscript", str(script), str(path)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        print("metafor could not run:", done.stderr.strip().splitlines()[-1])
        return None
    # permutest and gosh speak before the answer.
    return dict(json.loads(done.stdout[done.stdout.index("{") :]))


def report(task: str, name: str, ours: float, theirs: float) -> None:
    asked = ASKED.get((task, name))
    tail = f" (asked: {asked:,})" if asked else ""
    ratio = f"metabone is {theirs / ours:8,.0f} times as fast"
    print(f"{task:12s} {name:8s} {theirs:9.3f} s; {ratio}{tail}")


def main() -> None:
    y, v = data(K, 1)
    y13, v13 = data(STUDIES, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        permuting, test = best_of(lambda: permutation_test(y, v, iterations=ITERATIONS), 20)
        subsets, found = best_of(lambda: gosh(y13, v13), 20)
        print(f"permutation  metabone {1e3 * permuting:9.2f} ms, p {test.pvalue[0]:.3f}")
        print(f"GOSH         metabone {1e3 * subsets:9.2f} ms, {len(found.size):,} subsets")
        other = pymare(y, v)
        if other is not None:
            report("permutation", "PyMARE", permuting, other[0])
            print(f"{'':22s} p {other[1]:.3f}")
        every = pimeta(y13, v13)
        if every is not None:
            report("GOSH", "pimeta", subsets, every[0])
            gap = np.abs(found.estimate - every[1])
            failed = int(np.isnan(gap).sum())
            print(
                f"{'':22s} largest difference {np.nanmax(gap):.1e}; it has no answer for {failed}"
            )
    answer = metafor(y, v, y13, v13)
    if answer is not None:
        report("permutation", "metafor", permuting, answer["permutation"])
        print(f"{'':22s} p {answer['p']:.3f}")
        whole = answer["gosh"] * (2**STUDIES - 1) / answer["subsets"]
        report("GOSH", "metafor", subsets, whole)
        gap = abs(answer["median"] - float(np.median(found.estimate)))
        print(f"{'':22s} medians of all and of its sample differ by {gap:.3f}")
    for workers in (1, 2):
        done = subprocess.run(
            [sys.executable, "-c", MILLION, str(workers)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        count, seconds, memory = done.stdout.split()
        print(
            f"GOSH of 40   metabone {int(count):,} subsets in {float(seconds):.1f} s on {workers} "
            f"process{'es' if workers > 1 else ''}, {float(memory):.0f} MB"
        )


if __name__ == "__main__":
    main()
