"""Means and scales of log CV by endpoint, from the table itself and what is known before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from metabone.extraction.audit.mixture import (
    Batch,
    Evidence,
    Expected,
    Ints,
    Scales,
    Tree,
    alone,
    mixed,
    pass_messages,
    posterior,
    terms,
)
from metabone.extraction.audit.places import site_effects
from metabone.extraction.audit.sheet import Floats

ROUNDS = 3
#: SD of the mean log CV of an outcome of which nothing is known, and of all in the first round.
UNKNOWN_SD, FIRST_SD = 0.7, 0.3
FIT_ROWS = 3_000
#: Of a large table with no more studies than these the fit needs some rows of every study.
FEW_STUDIES = 100
#: How many rows the shares of the readings weigh before the table is seen, and their bound.
PRIOR_ROWS, MOST = 60.0, 0.15
_STEPS = (0.7, 1.4)
_LOWEST = {"study": 0.12, "cell": 0.12, "row": 0.06, "arm": 0.06}
_HIGHEST = 0.9
#: How firmly the scales are held: SD of their logarithm before the table is seen.
_SCALE_PRIOR = 0.35


@dataclass(frozen=True)
class Known:
    """What is known of the endpoints before: mean and SD of the mean log CV, NaN if nothing.

    The SD is infinite on the scale of the outcome's unit, where other outcomes say nothing either.
    """

    mean: Floats
    sd: Floats


@dataclass(frozen=True)
class Fit:
    """Mean log CV (or log SD) of each endpoint, what each row is expected to be, and more.

    Parameters
    ----------
    mean : mean log CV (or log SD) of each endpoint in the whole table.
    expected : the same for each row, by the other studies and what is known before.
    scales : standard deviations of log CV.
    prior : log share of each reading.
    """

    mean: Floats
    expected: Expected
    scales: Scales
    prior: Floats


def fit(data: Evidence, known: Known, batches: Sequence[Batch]) -> Fit:
    """Estimate means and scales by turns; the means with rows cleaned by what they probably are."""
    scales = Scales()
    mean = _start(data, known)
    part, groups = _sample(data, batches)
    none = np.zeros(len(part))
    expected = Expected(mean[part.endpoint], np.full(len(part), FIRST_SD), none, none)
    for _ in range(ROUNDS):
        readings, chosen = posterior(part, expected, scales, groups)
        cells = _cells(part, mean, scales, readings, expected)
        expected = _expected(known, mean, cells)
        mean = _means(known, mean, cells)
        scales = _scales(part, expected, scales)
        part = replace(part, prior=_shares(data.prior, readings, groups, chosen))
    if len(part) < len(data):
        fitted = part, expected, mean, cells
        expected = _everywhere(replace(data, prior=part.prior), known, fitted, scales)
    return Fit(mean, expected, scales, part.prior)


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
    known_mean, sd = _priors(known, _overall(known, y))
    mean = known_mean.copy()
    for group in np.unique(data.endpoint[there]).tolist():
        mine = y[there & (data.endpoint == group)]
        weight, before = min(len(mine), 20) / 10, 0.09 / sd[group] ** 2
        mean[group] = (np.median(mine) * weight + mean[group] * before) / (weight + before)
    return mean


def _overall(known: Known, y: Floats) -> float:
    if np.isfinite(known.mean).any():
        return float(np.nanmean(known.mean))
    return float(np.nanmedian(y)) if np.isfinite(y).any() else 0.0


def _priors(known: Known, middle: float) -> tuple[Floats, Floats]:
    """Mean and SD of each endpoint before the table is seen."""
    there = np.isfinite(known.mean)
    sd = np.where(np.isnan(known.sd), UNKNOWN_SD, known.sd)
    return np.where(there, known.mean, middle), sd


def _sample(data: Evidence, batches: Sequence[Batch]) -> tuple[Evidence, list[Batch]]:
    """Whole studies, evenly taken, when the table is larger than the fit needs.

    Of few studies all are taken, and of large ones rows evenly, so that each is still judged by the
    others.
    """
    k, studies = len(data), int(data.study.max()) + 1
    if k <= FIT_ROWS:
        return data, list(batches)
    every = max(1, min(int(np.ceil(k / FIT_ROWS)), studies // FEW_STUDIES))
    chosen = np.arange(studies) % every == 0
    rows = np.flatnonzero(chosen[data.study])
    if len(rows) > 2 * FIT_ROWS:
        rows = np.sort(_evenly(data, rows, len(rows) // FIT_ROWS))
    place = np.full(k, -1)
    place[rows] = np.arange(len(rows))
    number = np.cumsum(chosen) - 1
    part = data.take(rows)
    groups = []
    for batch in batches:
        mine = place[batch.rows]
        if (mine >= 0).any():
            study = int(number[batch.study])
            groups.append(replace(batch, study=study, rows=mine[mine >= 0]))
    return replace(part, study=number[part.study]), groups


def _evenly(data: Evidence, rows: Ints, every: int) -> Ints:
    """Of every study one of so many rows, over its outcomes, and at least one."""
    tree = Tree(data.study[rows], data.endpoint[rows])
    first = tree.cells[tree.studies][tree.study_of_cell[tree.cell_of_row]]
    place = np.arange(len(rows)) - first
    return np.asarray(rows[tree.order[place % every == 0]])


@dataclass(frozen=True)
class Cells:
    """How far each cell (study × endpoint) lies from the mean of its endpoint, and its weight.

    Parameters
    ----------
    off, weight : by cell, less the effects of study and sites; outlying ones weigh less (Huber).
    site, site_variance : (k,) what the site of a row adds.
    """

    tree: Tree
    off: Floats
    weight: Floats
    site: Floats
    site_variance: Floats

    def sums(self, endpoints: int) -> tuple[Floats, Floats]:
        """Weighted sum and weight by endpoint."""
        place = self.tree.endpoint_of_cell
        top = np.bincount(place, weights=self.weight * self.off, minlength=endpoints)
        bottom = np.bincount(place, weights=self.weight, minlength=endpoints)
        return np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)


def _cells(
    data: Evidence, mean: Floats, scales: Scales, readings: Floats, expected: Expected
) -> Cells:
    """The rows, cleaned by what they probably are, as cells."""
    flat = replace(expected, mean=mean[data.endpoint], site=np.zeros(len(data)))
    found = terms(data, flat, scales)
    sound = readings[:-1].sum(axis=0)
    clean = (readings[:-1] * found.centre[:-1]).sum(axis=0) / np.maximum(sound, 1e-9)
    w = sound / found.variance[0]
    tree = Tree(data.study, data.endpoint)
    weight = np.maximum(np.add.reduceat(w[tree.order], tree.cells), 1e-9)
    variance = scales.cell**2 + 1 / weight

    def less(site: Floats) -> tuple[Floats, Floats]:
        cell = np.add.reduceat((w * (clean - site))[tree.order], tree.cells) / weight
        return cell, _study_effects(cell, variance, tree, scales)[tree.study_of_cell]

    _, study = less(expected.site)
    of_row = study[tree.cell_of_row[tree.inverse]]
    site, site_variance = site_effects(data, clean, w, of_row, scales)
    cell, study = less(site)
    off = cell - study
    total = variance + 0.3 * scales.study**2
    huber = np.minimum(1, 1.5 / np.maximum(np.abs(off) / np.sqrt(total), 1e-9))
    return Cells(tree, off, huber / total, site, site_variance)


def _means(known: Known, mean: Floats, cells: Cells) -> Floats:
    """Generalised least squares of the cells on their endpoints, with what is known before."""
    top, bottom = cells.sums(len(mean))
    prior, sd = _priors(known, _middle(known, mean, bottom))
    # An outcome that the fitted part of the table does not hold stays where it was.
    return np.asarray(mean + (top + (prior - mean) / sd**2) / np.maximum(bottom + sd**-2, 1e-9))


def _expected(known: Known, mean: Floats, cells: Cells) -> Expected:
    """The same for each row without the cell it is in, which must not vouch for itself."""
    top, bottom = cells.sums(len(mean))
    prior, sd = _priors(known, _middle(known, mean, bottom))
    place = cells.tree.endpoint_of_cell
    weight = np.maximum(bottom[place] - cells.weight, 0.0) + sd[place] ** -2
    rest = top[place] - cells.weight * cells.off + ((prior - mean) / sd**2)[place]
    # Where nothing else is known the cell can be compared with itself alone.
    by_itself = weight <= UNKNOWN_SD**-2 / 2
    weight = np.where(by_itself, UNKNOWN_SD**-2, weight)
    off = mean[place] + np.where(by_itself, 0.0, rest / weight)
    row = cells.tree.cell_of_row[cells.tree.inverse]
    return Expected(off[row], (weight**-0.5)[row], cells.site, cells.site_variance)


def _everywhere(
    data: Evidence, known: Known, fitted: tuple[Evidence, Expected, Floats, Cells], scales: Scales
) -> Expected:
    """What is expected of all rows of a table of which a part was fitted.

    Where many studies made the means it does not matter that a row's own was among them. Of few,
    all of which the part holds, a row has what its study and outcome have there.

    Parameters
    ----------
    fitted : the part, what is expected of its rows, the means, and its cells.
    """
    part, there, mean, cells = fitted
    _, bottom = cells.sums(len(mean))
    _, sd = _priors(known, 0.0)
    none = np.zeros(len(data))
    weight = np.maximum(bottom + sd**-2, UNKNOWN_SD**-2)
    middle, wide = mean[data.endpoint], (weight**-0.5)[data.endpoint]
    if int(data.study.max()) < FEW_STUDIES:
        keys, first = np.unique(part.study * len(mean) + part.endpoint, return_index=True)
        key = data.study * len(mean) + data.endpoint
        at = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
        fits = keys[at] == key
        middle = np.where(fits, there.mean[first[at]], middle)
        wide = np.where(fits, there.sd[first[at]], wide)
    expected = Expected(middle, wide, none, none)
    readings = alone(terms(data, expected, scales), data.row_prior, scales, expected.sd)
    whole = _cells(data, mean, scales, readings, expected)
    return replace(expected, site=whole.site, site_variance=whole.site_variance)


def _middle(known: Known, mean: Floats, bottom: Floats) -> float:
    seen = bottom > 0
    return float(np.median(mean[seen])) if seen.any() else _overall(known, mean)


def _study_effects(cell: Floats, variance: Floats, tree: Tree, scales: Scales) -> Floats:
    """Best linear prediction of the study effects from the cells."""
    weight = np.add.reduceat(1 / variance, tree.studies)
    total = np.add.reduceat(cell / variance, tree.studies)
    return np.asarray(total / (weight + scales.study**-2))


def _scales(data: Evidence, expected: Expected, scales: Scales) -> Scales:
    """One step of each scale to where the penalised likelihood is higher."""
    best, value = scales, _penalised(data, expected, scales)
    for name in ("study", "cell", "row", "arm"):
        for step in _STEPS:
            size = min(max(getattr(best, name) * step, _LOWEST[name]), _HIGHEST)
            other = replace(best, **{name: size})
            new = _penalised(data, expected, other)
            if new > value:
                best, value = other, new
                break
    return best


def _penalised(data: Evidence, expected: Expected, scales: Scales) -> float:
    found = terms(data, expected, scales)
    # Terms are scaled row by row; the scale taken off depends on the scales and is put back.
    log_f = mixed(found, data.row_prior)
    tree = Tree(data.study, data.endpoint)
    total = float(pass_messages(log_f, tree, scales, expected.sd).likelihood.sum())
    total += float(found.top.sum())
    start = Scales()
    held = sum(
        (np.log(getattr(scales, name) / getattr(start, name)) / _SCALE_PRIOR) ** 2
        for name in ("study", "cell", "row", "arm")
    )
    return total - 0.5 * float(held)
