"""How often do tests for small-study effects cry wolf? Simulated animals, nothing missing.

    OPENBLAS_NUM_THREADS=1 python benchmarks/bias_rates.py [--sets 1000]

Each data set has k studies (10, 20, 40) with 5 to 8 animals an arm, drawn for each arm by itself;
animals are normal with SD 1, true effects have the mean 0, 0.5, 1 or 1.5 and vary between studies
with SD 0 or 0.5. Every study is seen. The shares are of data sets in which

* the regression on the standard error (Egger's test, least squares; mixed model, Hartung-Knapp)
  and on √(1/n1 + 1/n2) (the same two forms),
* Begg's rank correlation on the sampling variance vi, and on 1/n1 + 1/n2,
* excess significance (exact),
* the likelihood-ratio test of the three-parameter selection model (one step at 0.025), by vi and by
  1/n1 + 1/n2,

have p < 0.05, and in which trim and fill L0 or R0, by vi or by 1/n1 + 1/n2, fills in anything
(k0 > 0); and in which the selection model has no answer ("none"), mostly since no effect lies on
one side of the step. Then how far the means of PET, PEESE, limit meta-analysis, trim and fill and
the selection model (its median, where it has one), each by the standard error and by
√(1/n1 + 1/n2), lie from the truth, beside the uncorrected mean.

A second table has k studies of two arms and one control, their effects nested and correlated: the
multilevel regressions with CR2, against the same test that ignores the dependence, on either
predictor.

The script fails if the safe predictor rejects in more than 7 % of any cell (Monte Carlo error 0.7 %
with 1,000 sets), or if the standard error does not reject more often than it at a mean of 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np

from metabone.effects.formulas import hedges_j
from metabone.models.asymmetry import limit_meta, pet_peese, regression_test
from metabone.models.excess import excess_significance
from metabone.models.intervals import two_sided_p
from metabone.models.multilevel import multilevel
from metabone.models.random_effects import random_effects
from metabone.models.rank_correlation import rank_test
from metabone.models.robust import robust
from metabone.models.selection import selection_model
from metabone.models.trimfill import trim_fill

STUDIES = (10, 20, 40)
MEANS = (0.0, 0.5, 1.0, 1.5)
SPREADS = (0.0, 0.5)
FEWEST, MOST = 5, 8
ALPHA = 0.05
SAFE_BOUND = 7.0
WITHIN = 0.3
RATES = (
    "Egger SE", "mixed SE", "LS arms", "mixed arms", "Begg vi", "Begg arms", "excess", "L0 vi",
    "R0 vi", "L0 arms", "R0 arms", "3PSM vi", "3PSM arms", "none vi", "none arms",
)  # fmt: skip
BIASES = (
    "uncorrected", "PET SE", "PEESE SE", "PET arms", "PEESE arms", "limit SE", "limit arms",
    "L0 vi", "R0 vi", "L0 arms", "R0 arms", "3PSM vi", "3PSM arms",
)  # fmt: skip
NESTED = ("SE, CR2", "SE, ign.", "arms, CR2", "arms, ign.")


def simulate(
    rng: np.random.Generator, sets: int, k: int, mean: float, spread: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hedges' g, its variance LS and 1/n1 + 1/n2, each (sets, k)."""
    n1, n2 = rng.integers(FEWEST, MOST + 1, (2, sets, k))
    true = mean + spread * rng.normal(size=(sets, k))
    df = n1 + n2 - 2
    # Means and pooled SDs are sufficient: no animal need be drawn by itself.
    difference = true + rng.normal(size=(sets, k)) * np.sqrt(1 / n1 + 1 / n2)
    g = hedges_j(df) * difference / np.sqrt(rng.chisquare(df) / df)
    arms = 1 / n1 + 1 / n2
    return g, arms + g**2 / (2 * (n1 + n2)), arms


def rates_and_biases(
    y: np.ndarray, v: np.ndarray, arms: np.ndarray, mean: float
) -> tuple[list[float], list[float]]:
    """Per cent of false alarms, and how far each mean lies from the truth."""
    tests = [
        regression_test(y, v, np.sqrt(x), model=model, test="hksj").pvalue
        for x in (v, arms)
        for model in ("least_squares", "mixed")
    ]
    tests += [rank_test(y, v).pvalue, rank_test(y, arms).pvalue]
    plain = random_effects(y, v, test="wald")
    tests.append(excess_significance(y, v, theta=plain.coef[:, 0], tau2=plain.tau2).pvalue)
    # A data set in which all arms are alike has no test, and so no false alarm.
    alarms = [np.mean(np.nan_to_num(p, nan=1.0) < ALPHA) for p in tests]
    filled = [
        trim_fill(y, x, estimator=name, test="wald") for x in (v, arms) for name in ("L0", "R0")
    ]
    alarms += [np.mean(np.nan_to_num(one.k0) > 0) for one in filled]
    selected = [selection_model(y, x) for x in (v, arms)]
    alarms += [np.mean(np.nan_to_num(one.lrt_pvalue, nan=1.0) < ALPHA) for one in selected]
    alarms += [np.mean(~one.converged) for one in selected]
    means = [plain.coef[:, 0]]
    for x in (v, arms):
        fit = pet_peese(y, v, np.sqrt(x))
        means += [fit.pet.limit, fit.peese.limit]
    means += [limit_meta(y, x).regression.limit for x in (v, arms)]
    means += [one.fit.coef[:, 0] for one in filled]
    off = [float(np.nanmean(m)) - mean for m in means]
    # Some maxima lie far out, so that a mean would say little.
    off += [float(np.nanmedian(one.coef[:, 0])) - mean for one in selected]
    return [100 * float(a) for a in alarms], off


def nested_alarms(rng: np.random.Generator, sets: int, studies: int, mean: float) -> list[float]:
    """Per cent of false alarms where two arms of a study share their controls."""
    study = np.repeat(np.arange(studies), 2)
    factors = {"study": study, "effect": np.arange(2 * studies)}
    alarms = np.zeros(len(NESTED))
    for _ in range(sets):
        y, v, covariance, arms = nested_set(rng, studies, mean)
        V = [(np.array([2 * i, 2 * i + 1]), covariance[i]) for i in range(studies)]
        pvalues = []
        for x in (np.sqrt(v), np.sqrt(arms)):
            # Centred, so that the two columns are as far from parallel as they can be.
            X = np.column_stack([np.ones(len(x)), x - x.mean()])
            fit = robust(multilevel(y, V, factors, X))
            alone = random_effects(y, v, X, test="hksj")
            pvalues += [float(fit.pvalue[1]), float(two_sided_p(alone.statistic[1], alone.df))]
        alarms += np.array(pvalues) < ALPHA
    return [float(a) for a in 100 * alarms / sets]


def nested_set(
    rng: np.random.Generator, studies: int, mean: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """g, vi and 1/n1 + 1/n2 (2 × studies), and the covariance (studies, 2, 2)."""
    control = rng.integers(FEWEST, MOST + 1, (studies, 1))
    treated = rng.integers(FEWEST, MOST + 1, (studies, 2))
    true = mean + 0.5 * rng.normal(size=(studies, 1)) + WITHIN * rng.normal(size=(studies, 2))
    scatter = rng.normal(size=(studies, 2)) / np.sqrt(treated)
    difference = true + scatter - rng.normal(size=(studies, 1)) / np.sqrt(control)
    squares = rng.chisquare(treated - 1), rng.chisquare(control - 1)
    df = treated + control - 2
    g = hedges_j(df) * difference / np.sqrt((squares[0] + squares[1]) / df)
    total = control + treated.sum(axis=1, keepdims=True)
    arms = 1 / treated + 1 / control
    v = arms + g**2 / (2 * (treated + control))
    covariance = np.empty((studies, 2, 2))
    covariance[:, [0, 1], [0, 1]] = v
    shared = (1 / control + g[:, :1] * g[:, 1:] / (2 * total))[:, 0]
    covariance[:, 0, 1] = covariance[:, 1, 0] = shared
    return g.ravel(), v.ravel(), covariance, arms.ravel()


def table(
    title: str, names: tuple[str, ...], lines: list[tuple[str, list[float]]], form: str
) -> None:
    print(f"\n{title}")
    print(f"{'':>24s}" + "".join(f"{name:>12s}" for name in names))
    for label, numbers in lines:
        print(f"{label:>24s}" + "".join(f"{number:12{form}}" for number in numbers))


def cells() -> Iterator[tuple[int, float, float]]:
    for k in STUDIES:
        for spread in SPREADS:
            for mean in MEANS:
                yield k, spread, mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=1000)
    sets = parser.parse_args().sets
    rng = np.random.default_rng(20190801)
    alarms, biases, failed = [], [], []
    for k, spread, mean in cells():
        label = f"k {k}, tau {spread:g}, mean {mean:g}"
        found, off = rates_and_biases(*simulate(rng, sets, k, mean, spread), mean)
        alarms.append((label, found))
        biases.append((label, off))
        if max(found[2], found[3]) > SAFE_BOUND:
            failed.append(f"{label}: the safe predictor rejects in {max(found[2:4]):.1f} %")
        if mean == 1 and found[0] <= found[2]:
            failed.append(f"{label}: the standard error rejects no more often than the arms")
    title = f"False alarms at 5 %, per cent of {sets:,} data sets"
    table(title, RATES, alarms, ".1f")
    table("Distance from the true mean", BIASES, biases, ".2f")
    fewer = max(1, sets // 2)
    nested = [
        (f"{k} studies, mean {mean:g}", nested_alarms(rng, fewer, k, mean))
        for k in STUDIES[:2]
        for mean in (0.0, 1.0)
    ]
    table(f"Two arms and one control, per cent of {fewer:,} data sets", NESTED, nested, ".1f")
    print(f"\nstandard error of 5 %: {100 * np.sqrt(0.05 * 0.95 / sets):.1f} %")
    if failed:
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main()
