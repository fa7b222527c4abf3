"""Time of a multilevel fit from 1,000 to 100,000 effects: it must grow as their number does.

    OPENBLAS_NUM_THREADS=1 python benchmarks/multilevel_scaling.py [--figure FILE.svg]

Synthetic studies with 1 to 12 effects, sampling correlation 0.5, REML with two variance components,
then CR2 standard errors. The exponent is the slope of log time on log number of effects from 10,000
up; the script fails if it is above 1.1.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from metabone.files import write_whole
from metabone.models.multilevel import multilevel
from metabone.models.problem import constant_correlation
from metabone.models.robust import robust

SIZES = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
MOST, FIRST = 1.1, 10_000
METADATA = {"Date": None, "Title": "Time of a multilevel fit against the number of effects"}
COLOURS = {"REML, V diagonal": "#0072B2", "REML, rho 0.5": "#D55E00", "CR2": "#009E73"}


def data(k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`k` effects in about k / 6.5 studies."""
    rng = np.random.default_rng(k)
    sizes = rng.integers(1, 13, k)
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), k)) + 1]
    study = np.repeat(np.arange(len(sizes)), sizes)[:k]
    v = rng.uniform(0.05, 0.6, k)
    true = 0.5 + rng.normal(0, 0.5, len(sizes))[study] + rng.normal(0, 0.4, k)
    return true + rng.normal(size=k) * np.sqrt(v), v, study


def best_of(call: Callable[[], object], times: int = 3) -> tuple[float, object]:
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - start)
    return min(seconds), answer


def measure(k: int) -> list[float]:
    y, v, study = data(k)
    random = {"study": study, "effect": np.arange(k)}
    V = constant_correlation(v, study, 0.5)
    diagonal, _ = best_of(lambda: multilevel(y, v, random))
    blocks, fit = best_of(lambda: multilevel(y, V, random))
    cr2, _ = best_of(lambda: robust(fit))
    return [diagonal, blocks, cr2]


def exponent(seconds: np.ndarray) -> float:
    late = np.array(SIZES) >= FIRST
    return float(np.polyfit(np.log(np.array(SIZES)[late]), np.log(seconds[late]), 1)[0])


def figure(times: np.ndarray) -> bytes:
    """The times as SVG; the same numbers give the same bytes."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    style = {"svg.hashsalt": "multilevel-scaling", "svg.fonttype": "path", "font.size": 9}
    with mpl.rc_context(style):
        drawn, ax = plt.subplots(figsize=(5.2, 3.4), layout="constrained")
        for (name, colour), seconds in zip(COLOURS.items(), times.T, strict=True):
            ax.plot(SIZES, seconds, "o-", color=colour, markersize=4, linewidth=1.2)
            ax.annotate(
                name, (SIZES[-1], seconds[-1]), (6, 0), textcoords="offset points", color=colour,
                va="center",
            )  # fmt: skip
        line, low = np.array([FIRST, SIZES[-1]]), 0.4 * times[-1].min() / SIZES[-1]
        ax.plot(line, low * line, ":", color="0.5", linewidth=1)
        ax.annotate(
            "proportional", (line[-1], low * line[-1]), (6, 0), textcoords="offset points",
            color="0.4", va="center",
        )  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel="effects", ylabel="time of a fit")
        ax.set_xlim(SIZES[0] * 0.8, SIZES[-1] * 6)
        ax.set_xticks([1_000, 10_000, 100_000], ["1,000", "10,000", "100,000"])
        ax.set_yticks([0.001, 0.01, 0.1], ["1 ms", "10 ms", "100 ms"])
        ax.spines[["top", "right"]].set_visible(False)
        out = io.BytesIO()
        drawn.savefig(out, format="svg", metadata=METADATA)
        plt.close(drawn)
    return out.getvalue()


def main() -> None:
    times = np.array([measure(k) for k in SIZES])
    print(f"{'effects':>9s}" + "".join(f"{name:>22s}" for name in COLOURS))
    for k, row in zip(SIZES, times, strict=True):
        print(f"{k:9,d}" + "".join(f"{1e3 * seconds:19.2f} ms" for seconds in row))
    slopes = [exponent(column) for column in times.T]
    print(f"{'exponent':>9s}" + "".join(f"{slope:22.2f}" for slope in slopes))
    if "--figure" in sys.argv:
        path = Path(sys.argv[sys.argv.index("--figure") + 1])
        write_whole(path, figure(times), force=True)
        print(f"drew {path}")
    if max(slopes) > MOST:
        raise SystemExit(f"time grows faster than the number of effects: {max(slopes):.2f}")


if __name__ == "__main__":
    main()
