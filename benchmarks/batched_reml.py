"""2,000 random-effects fits (REML, k = 20): metabone in one call against its peers.

    python benchmarks/batched_reml.py

The peers get the same arrays. PyMARE is called once for all data sets (its vectorised form), pimeta
and metafor once for each of a sample, which their rate is taken from. All estimates are compared.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from metabone.models.random_effects import random_effects

SETS, K, SAMPLE = 2000, 20, 100
METAFOR = """
suppressMessages(library(metafor))
data <- jsonlite::fromJSON(commandArgs(TRUE)[1])
start <- proc.time()[["elapsed"]]
tau2 <- sapply(seq_len(nrow(data$y)), function(i)
  rma(yi = data$y[i, ], vi = data$v[i, ], method = "REML", test = "knha")$tau2)
cat(jsonlite::toJSON(list(seconds = proc.time()[["elapsed"]] - start, tau2 = tau2), digits = NA,
    auto_unbox = TRUE))
"""


def best_of(call: Callable[[], np.ndarray], times: int) -> tuple[float, np.ndarray]:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - start)
    return min(seconds), answer


def metabone(y: np.ndarray, v: np.ndarray) -> np.ndarray:
    return random_effects(y, v, method="REML", test="hksj").tau2


def pymare(y: np.ndarray, v: np.ndarray) -> np.ndarray:
    from pymare.estimators import VarianceBasedLikelihoodEstimator

    fit = VarianceBasedLikelihoodEstimator(method="REML").fit(y.T, v.T, np.ones((K, 1)))
    return np.ravel(fit.params_["tau2"])


def pimeta(y: np.ndarray, v: np.ndarray) -> np.ndarray:
    from pimeta import rma

    return np.array([rma(a, b, method="REML", test="knha").tau2 for a, b in zip(y, v, strict=True)])


def metafor(y: np.ndarray, v: np.ndarray) -> tuple[float, np.ndarray] | None:
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        data, script = Path(folder) / "data.json", Path(folder) / "fit.R"
        data.write_text(json.dumps({"y": y.tolist(), "v": v.tolist()}))
        script.write_text(METAFOR)
        done = subprocess.run(
            ["Rscript", str(script), str(data)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        print("metafor could not run:", done.stderr.strip().splitlines()[-1])
        return None
    answer = json.loads(done.stdout)
    return float(answer["seconds"]), np.array(answer["tau2"])


def main() -> None:
    rng = np.random.default_rng(1)
    v = rng.uniform(0.02, 0.3, (SETS, K))
    y = rng.normal(0.3, np.sqrt(v + 0.1))
    few = slice(0, SAMPLE)
    metabone(y, v)
    seconds, ours = best_of(lambda: metabone(y, v), 15)
    rate = SETS / seconds
    print(f"metabone {1e6 / rate:9.2f} µs a fit")
    for name, call, sets, times in (
        ("PyMARE", pymare, slice(0, SETS), 5),
        ("pimeta", pimeta, few, 3),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            elapsed, theirs = best_of(lambda c=call, s=sets: c(y[s], v[s]), times)
        report(name, rate, len(theirs) / elapsed, ours[sets], theirs)
    answer = metafor(y[few], v[few])
    if answer is not None:
        report("metafor", rate, SAMPLE / answer[0], ours[few], answer[1])


def report(name: str, ours: float, theirs: float, tau2: np.ndarray, other: np.ndarray) -> None:
    gap = np.abs(tau2 - other).max()
    print(
        f"{name:8s} {1e6 / theirs:9.2f} µs a fit; metabone is {ours / theirs:7.1f} times as fast; "
        f"largest difference of tau2 {gap:.1e}"
    )


if __name__ == "__main__":
    main()
