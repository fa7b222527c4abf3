"""Simulated studies per second: statistics drawn, not animals; and how power itself agrees.

    OPENBLAS_NUM_THREADS=1 python benchmarks/plan_simulation.py

The five-arm study (means 100, 75, 76, 88, 92 % of sham, SD 10, n = 5): its contrast and its omnibus
F are counted in every replicate. Beside it stand the same studies drawn animal by animal and tested
by scipy's one-way ANOVA, vectorised over replicates, on one core. The script fails if metabone
draws fewer than three million replicates a second on two cores, if an engine counts otherwise than
another, or if a power is more than three Monte Carlo errors from the published one.
"""

from __future__ import annotations

import time

import numpy as np
from scipy import stats

from metabone.planning.simulation import simulate

MEANS, SD, ANIMALS = (100.0, 75.0, 76.0, 88.0, 92.0), 10.0, 5
STUDY = {"means": list(MEANS), "sd": SD, "n": ANIMALS, "compare": [4, 3]}
REPLICATES, WANTED = 24_000_000, 3e6
PUBLISHED = {"power": 0.439, "power_omnibus": 0.9429}
ROUNDED = 5e-5  # the published numbers have four digits
BY_ANIMALS = 100_000


def by_animals(replicates: int) -> tuple[float, float]:
    """Power of the omnibus F and replicates a second, every animal drawn."""
    rng = np.random.default_rng(1)
    begun = time.perf_counter()
    y = rng.normal(np.array(MEANS)[:, None, None], SD, (len(MEANS), replicates, ANIMALS))
    pvalue = stats.f_oneway(*y, axis=-1).pvalue
    return float((pvalue < 0.05).mean()), replicates / (time.perf_counter() - begun)


def main() -> None:
    failed = False
    counts = set()
    print(f"{'engine':28s}{'workers':>8s}{'replicates/s':>16s}{'contrast':>10s}{'omnibus':>10s}")
    for engine, workers in (("threads", 1), ("threads", 2), ("processes", 2)):
        simulate("several-arms", STUDY, 100_000, engine=engine, workers=workers)  # starts workers
        result = simulate("several-arms", STUDY, REPLICATES, engine=engine, workers=workers)
        speed = result.replicates / result.seconds
        rates = result.rates
        counts.add(tuple(rate.count for rate in rates.values()))
        powers = "".join(f"{rates[name].estimate:10.4f}" for name in PUBLISHED)
        print(f"{engine:28s}{workers:8d}{speed:16,.0f}{powers}")
        for name, expected in PUBLISHED.items():
            off = abs(rates[name].estimate - expected)
            failed |= off > 3 * rates[name].error + ROUNDED
        failed |= engine == "threads" and workers == 2 and speed < WANTED
    power, speed = by_animals(BY_ANIMALS)
    print(f"{'animals, scipy f_oneway':28s}{1:8d}{speed:16,.0f}{'':10s}{power:10.4f}")
    print(f"published{'':43s}{PUBLISHED['power']:10.4f}{PUBLISHED['power_omnibus']:10.4f}")
    failed |= len(counts) > 1
    if failed:
        raise SystemExit("too slow, or counts or powers differ")


if __name__ == "__main__":
    main()
