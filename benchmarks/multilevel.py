"""459 effects in 71 studies: REML, leaving out each study, 999 bootstrap replicates, and peers.

    OPENBLAS_NUM_THREADS=1 python benchmarks/multilevel.py

The data are synthetic, of the shape of a published review: studies with one to dozens of effects.
All get the same arrays. metabone's times are the best of several runs of the whole task. A peer's
fit is the best of three; leaving out each study is timed on three of the 71 and the bootstrap on
three of the 999 refits, and multiplied: of the bootstrap only the refits are counted for peers, not
the standard errors that each replicate needs too.
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

from metabone.models.multilevel import multilevel
from metabone.models.problem import constant_correlation
from metabone.models.refits import leave_one_cluster_out
from metabone.models.wild import wild_test

EFFECTS, STUDIES, REPLICATES, SAMPLE, RHO = 459, 71, 999, 3, 0.5
TASKS = ("REML, V diagonal", "REML, rho 0.5", "leave one study out", "999 wild replicates")
# How many times as fast as the fastest peer, as the project asks of itself.
ASKED = (100, 150, 500, 500)

METAFOR = """
suppressMessages(library(metafor))
args <- commandArgs(TRUE)
sparse <- args[2] == "sparse"
d <- jsonlite::fromJSON(args[1])
dat <- data.frame(y = d$y, v = d$v, study = d$study, effect = seq_along(d$y))
V <- vcalc(v, cluster = study, obs = effect, rho = d$rho, data = dat)
fit <- function(data, V) rma.mv(y, V, random = ~ 1 | study/effect, data = data, sparse = sparse)
clock <- function(call, times) {
  best <- Inf
  for (i in seq_len(times)) {
    start <- proc.time()[["elapsed"]]
    out <- call()
    best <- min(best, proc.time()[["elapsed"]] - start)
  }
  list(seconds = best, out = out)
}
a <- clock(function() fit(dat, dat$v), 3)
b <- clock(function() fit(dat, V), 3)
without <- function(s) { keep <- dat$study != s; fit(dat[keep, ], V[keep, keep])$sigma2 }
e <- clock(function() sapply(d$sample, without), 1)
f <- clock(function() apply(d$replicates, 1, function(y) { dat$y <- y; fit(dat, V)$sigma2 }), 1)
cat(jsonlite::toJSON(list(seconds = c(a$seconds, b$seconds, e$seconds, f$seconds),
  sigma2 = b$out$sigma2), digits = NA))
"""


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Effects, sampling variances and studies; sizes from 1 to several dozen."""
    rng = np.random.default_rng(1)
    share = rng.dirichlet(np.ones(STUDIES))
    sizes = 1 + rng.multinomial(EFFECTS - STUDIES, share)
    study = np.repeat(np.arange(STUDIES), sizes)
    v = rng.uniform(0.05, 0.6, EFFECTS)
    true = 0.5 + rng.normal(0, 0.5, STUDIES)[study] + rng.normal(0, 0.4, EFFECTS)
    return true + rng.normal(size=EFFECTS) * np.sqrt(v), v, study


def best_of(call: Callable[[], object], times: int) -> tuple[float, object]:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - start)
    return min(seconds), answer


def metabone(y: np.ndarray, v: np.ndarray, study: np.ndarray) -> tuple[list[float], np.ndarray]:
    random = {"study": study, "effect": range(EFFECTS)}
    V = constant_correlation(v, study, RHO)
    diagonal, _ = best_of(lambda: multilevel(y, v, random), 30)
    blocks, fit = best_of(lambda: multilevel(y, V, random), 30)
    without, refits = best_of(lambda: leave_one_cluster_out(fit), 15)
    wild, test = best_of(lambda: wild_test(fit, [1.0], replicates=REPLICATES), 5)
    assert refits.converged.all()
    assert test.failed == 0
    return [diagonal, blocks, without, wild], fit.theta


def pimeta(
    y: np.ndarray, v: np.ndarray, study: np.ndarray, sample: list[int], replicates: np.ndarray
) -> tuple[list[float], np.ndarray] | None:
    try:
        from pimeta import rma_mv, vcalc
    except ImportError:
        return None
    V = vcalc(v, cluster=study, rho=RHO)

    def fit(y: np.ndarray, V: np.ndarray, keep: np.ndarray) -> object:
        columns = {"study": study[keep], "effect": np.arange(EFFECTS)[keep]}
        return rma_mv(y[keep], V=V[np.ix_(keep, keep)], data=columns, random="~ 1 | study/effect")

    whole = np.ones(EFFECTS, dtype=bool)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diagonal, _ = best_of(lambda: fit(y, np.diag(v), whole), 3)
        blocks, out = best_of(lambda: fit(y, V, whole), 3)
        without, _ = best_of(lambda: [fit(y, V, study != one) for one in sample], 1)
        wild, _ = best_of(lambda: [fit(one, V, whole) for one in replicates], 1)
    return _scaled([diagonal, blocks, without, wild]), np.asarray(out.sigma2)


def metafor(
    y: np.ndarray,
    v: np.ndarray,
    study: np.ndarray,
    sample: list[int],
    replicates: np.ndarray,
    kind: str,
) -> tuple[list[float], np.ndarray] | None:
    if shutil.which("Rscript") is None:
        return None
    arrays = {"y": y.tolist(), "v": v.tolist(), "study": study.tolist(), "rho": RHO}
    arrays |= {"sample": sample, "replicates": replicates.tolist()}
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "data.json", Path(folder) / "fit.R"
        path.write_text(json.dumps(arrays))
        script.write_text(METAFOR)
        command = ["Rscript", str(script), str(path), kind]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print("metafor could not run:", done.stderr.strip().splitlines()[-1])
        return None
    answer = json.loads(done.stdout)
    return _scaled(answer["seconds"]), np.array(answer["sigma2"])


def _scaled(seconds: list[float]) -> list[float]:
    """The sampled refits as if all had been made."""
    one, two, without, wild = seconds
    return [one, two, without * STUDIES / SAMPLE, wild * REPLICATES / SAMPLE]


def main() -> None:
    y, v, study = data()
    rng = np.random.default_rng(2)
    sample = rng.choice(STUDIES, SAMPLE, replace=False).tolist()
    signs = rng.choice([-1.0, 1.0], (SAMPLE, STUDIES))
    replicates = y.mean() + signs[:, study] * (y - y.mean())
    ours, theta = metabone(y, v, study)
    peers = {"pimeta": pimeta(y, v, study, sample, replicates)}
    for kind in ("dense", "sparse"):
        peers[f"metafor {kind}"] = metafor(y, v, study, sample, replicates, kind)
    present = {name: answer for name, answer in peers.items() if answer is not None}
    print(f"{'':20s}{'metabone':>12s}" + "".join(f"{name:>18s}" for name in present))
    for row, task in enumerate(TASKS):
        cells = "".join(f"{answer[0][row]:16.2f} s" for answer in present.values())
        print(f"{task:20s}{1e3 * ours[row]:9.2f} ms{cells}")
    for name, (_, other) in present.items():
        print(f"largest difference of a variance from {name}: {np.abs(theta - other).max():.1e}")
    if present:
        for row, task in enumerate(TASKS):
            fastest = min(present, key=lambda name: present[name][0][row])
            ratio = present[fastest][0][row] / ours[row]
            print(f"{task}: {ratio:,.0f} times as fast as {fastest} (asked: {ASKED[row]})")


if __name__ == "__main__":
    main()
