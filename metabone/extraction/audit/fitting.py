"""Means and scales of log CV by endpoint, from the table itself and what is known before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from metabone.extraction.audit.mixture import (
    Batch,
    Evidence,
    Scales,
    Tree,
    mixed,
    pass_messages,
    posterior,
    terms,
)
from metabone.extraction.audit.sheet import Floats

ROUNDS = 3
FIT_ROWS = 3_000
#: How many rows the shares of the readings weigh before the table is seen, and their bound.
PRIOR_ROWS, MOST = 60.0, 0.15
_STEPS = (0.7, 1.4)
_LOWEST = {"study": 0.12, "cell": 0.12, "row": 0.06, "arm": 0.06}
_HIGHEST = 0.9
#: How firmly the scales are held: SD of their logarithm before the table is seen.
_SCALE_PRIOR = 0.35


@dataclass(frozen=True)
class Known:
    """What is known of the endpoints before: mean and SD of the mean log CV, NaN if nothing."""

    mean: Floats
    sd: Floats


@dataclass(frozen=True)
class Fit:
    """Mean log CV (or log SD) of each endpoint, the scales, and the log share of each reading."""

    mean: Floats
    scales: Scales
    prior: Floats


def fit(data: Evidence, known: Known, batches: Sequence[Batch]) -> Fit:
    """Estimate means and scales by turns; the means with rows cleaned by what they probably are."""
    scales = Scales()
    mean = _start(data, known)
    part, groups = _sample(data, batches)
    for _ in range(ROUNDS):
        readings, chosen = posterior(part, mean, scales, groups)
        mean = _means(part, known, mean, scales, readings)
        scales = _scales(part, mean, scales)
        part = replace(part, prior=_shares(data.prior, readings, groups, chosen))
    return Fit(mean, scales, part.prior)


def _shares(start: Floats, readings: Floats, batches: Sequence[Batch], chosen: Floats) -> Floats:
    """Log share of each reading: as before, moved by what single rows turned out to be."""
    before, count = np.exp(start), readings.sum(axis=1)
    for batch, probability in zip(batches, chosen, strict=True):
        count[batch.reading] -= probability * len(batch.rows)
    count = np.maximum(count, 0.0)
    shares = (before * PRIOR_ROWS + count) / (PRIOR_ROWS + count.sum())
    shares = np.maximum(shares, before / 2)
    shares[1:] = np.minimum(shares[1:], np.maximum(MOST, before[1:]))
    shares[0] = max(1 - float(shares[1:].sum()), 0.5)
    return np.asarray(np.log(shares / shares.sum()))


def _start(data: Evidence, known: Known) -> Floats:
    """Medians by endpoint, drawn to what is known."""
    y = np.nanmean(np.where(np.isfinite(data.y[0]), data.y[0], np.nan), axis=1)
    there = np.isfinite(y)
    middle = _overall(known, y)
    mean = np.full(len(known.mean), middle)
    for group in range(len(mean)):
        mine = y[there & (data.endpoint == group)]
        prior, sd = _prior(known, group, middle)
        weight = min(len(mine), 20) / 10
        if len(mine):
            mean[group] = (np.median(mine) * weight + prior / sd**2 * 0.09) / (
                weight + 0.09 / sd**2
            )
        else:
            mean[group] = prior
    return mean


def _overall(known: Known, y: Floats) -> float:
    if np.isfinite(known.mean).any():
        return float(np.nanmean(known.mean))
    return float(np.nanmedian(y)) if np.isfinite(y).any() else 0.0


def _prior(known: Known, group: int, middle: float) -> tuple[float, float]:
    if np.isfinite(known.mean[group]):
        return float(known.mean[group]), float(known.sd[group])
    return middle, 0.7


def _sample(data: Evidence, batches: Sequence[Batch]) -> tuple[Evidence, list[Batch]]:
    """Whole studies, evenly taken, when the table is larger than the fit needs."""
    k, studies = len(data), int(data.study.max()) + 1
    if k <= FIT_ROWS:
        return data, list(batches)
    every = int(np.ceil(k / FIT_ROWS))
    chosen = np.arange(studies) % every == 0
    rows = np.flatnonzero(chosen[data.study])
    place = np.full(k, -1)
    place[rows] = np.arange(len(rows))
    number = np.cumsum(chosen) - 1
    part = data.take(rows)
    groups = [
        replace(batch, study=int(number[batch.study]), rows=place[batch.rows])
        for batch in batches
        if chosen[batch.study]
    ]
    return replace(part, study=number[part.study]), groups


def _means(data: Evidence, known: Known, mean: Floats, scales: Scales, readings: Floats) -> Floats:
    """Generalised least squares of the cleaned cells on their endpoints, robustly."""
    found = terms(data, mean, scales)
    sound = readings[:-1].sum(axis=0)
    clean = (readings[:-1] * found.centre[:-1]).sum(axis=0) / np.maximum(sound, 1e-9)
    w = sound / found.variance[0]
    tree = Tree(data.study, data.endpoint)
    weight = np.maximum(np.add.reduceat(w[tree.order], tree.cells), 1e-9)
    cell = np.add.reduceat((w * clean)[tree.order], tree.cells) / weight
    variance = scales.cell**2 + 1 / weight
    study = _study_effects(cell, variance, tree, scales)
    off = cell - study[tree.study_of_cell]
    total = variance + 0.3 * scales.study**2
    huber = np.minimum(1, 1.5 / np.maximum(np.abs(off) / np.sqrt(total), 1e-9))
    cell_weight = huber / total
    top = np.bincount(tree.endpoint_of_cell, weights=cell_weight * off, minlength=len(mean))
    bottom = np.bincount(tree.endpoint_of_cell, weights=cell_weight, minlength=len(mean))
    middle = _middle(known, mean, np.asarray(bottom, dtype=float))
    out = mean.copy()
    for group in range(len(mean)):
        prior, sd = _prior(known, group, middle)
        out[group] += (top[group] + (prior - mean[group]) / sd**2) / (bottom[group] + sd**-2)
    return out


def _middle(known: Known, mean: Floats, bottom: Floats) -> float:
    seen = bottom > 0
    return float(np.median(mean[seen])) if seen.any() else _overall(known, mean)


def _study_effects(cell: Floats, variance: Floats, tree: Tree, scales: Scales) -> Floats:
    """Best linear prediction of the study effects from the cells."""
    weight = np.add.reduceat(1 / variance, tree.studies)
    total = np.add.reduceat(cell / variance, tree.studies)
    return np.asarray(total / (weight + scales.study**-2))


def _scales(data: Evidence, mean: Floats, scales: Scales) -> Scales:
    """One step of each scale to where the penalised likelihood is higher."""
    best, value = scales, _penalised(data, mean, scales)
    for name in ("study", "cell", "row", "arm"):
        for step in _STEPS:
            size = min(max(getattr(best, name) * step, _LOWEST[name]), _HIGHEST)
            other = replace(best, **{name: size})
            new = _penalised(data, mean, other)
            if new > value:
                best, value = other, new
                break
    return best


def _penalised(data: Evidence, mean: Floats, scales: Scales) -> float:
    found = terms(data, mean, scales)
    # Terms are scaled row by row; the scale taken off depends on the scales and is put back.
    log_f = mixed(found, data.prior)
    total = float(pass_messages(log_f, Tree(data.study, data.endpoint), scales).likelihood.sum())
    total += float(found.top.sum())
    start = Scales()
    held = sum(
        (np.log(getattr(scales, name) / getattr(start, name)) / _SCALE_PRIOR) ** 2
        for name in ("study", "cell", "row", "arm")
    )
    return total - 0.5 * float(held)
