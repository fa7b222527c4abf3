"""Which reading of a dispersion fits: a mixture over readings with study and endpoint effects.

log CV = mean of the endpoint + study + study × endpoint + row + arm + sampling error, all normal;
a reading moves it by a known amount. Given the study and study × endpoint effects rows are
independent, so that both are integrated on a grid exactly, upward for the likelihood and downward
for what every row is in the light of all others. Whole studies, experiments and printed tables
that are read otherwise are hypotheses of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from metabone.extraction.audit.sheet import Floats

Ints = NDArray[np.int64]

GRID = np.linspace(-2.5, 2.5, 51)
STEP = float(GRID[1] - GRID[0])
FLOOR = 1e-290
#: Cells whose SDs differ by less than this part are integrated together.
SD_STEP = 0.12
#: Study and endpoint effects beyond this are not expected; log odds that are not looked at.
NEAR, NEGLIGIBLE = 1.2, 11.5
#: Rows of a cell, and cells of a study, count for no more than so many: of more the density has its
#: mass between two points of the grid, and what is lost there would decide.
MOST_TOGETHER = 100
#: Share of rows that no reading explains, in a study that is read otherwise as a whole.
ODD_SHARE = 0.04


@dataclass(frozen=True, slots=True)
class Scales:
    """Standard deviations of log CV: study, study × endpoint, row, arm."""

    study: float = 0.25
    cell: float = 0.30
    row: float = 0.15
    arm: float = 0.15


@dataclass(frozen=True, slots=True)
class Expected:
    """What the other rows make expected of the log CV of every row.

    Parameters
    ----------
    mean, sd : (k,) by the endpoint in other studies, and how uncertain that is.
    site, site_variance : (k,) what the site of the row adds, by the other outcomes there.
    """

    mean: Floats
    sd: Floats
    site: Floats
    site_variance: Floats


@dataclass(frozen=True)
class Evidence:
    """Rows as the mixture takes them; Z readings, the first as declared and the last odd.

    Parameters
    ----------
    y : (Z, k, A) log CV of every arm by every reading, NaN where it cannot be read.
    extra : (Z, k) further log evidence for a reading, -inf where the row cannot be read so.
    error, share : (k, A) sampling variance, and part of its weight that an arm has.
    wide : (Z, 2) extra variance between arms and of the row.
    prior : (Z,) log probability of each reading of a row.
    label : (Z, k) what the labels of the other rows add to it.
    endpoint, study, site : (k,) numbers of groups.
    """

    y: Floats
    extra: Floats
    error: Floats
    share: Floats
    wide: Floats
    prior: Floats
    label: Floats
    endpoint: Ints
    study: Ints
    site: Ints

    @cached_property
    def row_prior(self) -> Floats:
        """(Z, k) log probability of each reading of each row."""
        odds = self.prior[:, None] + self.label
        return np.asarray(odds - logsumexp(odds, axis=0))

    def __len__(self) -> int:
        return len(self.study)

    def take(self, rows: Ints) -> Evidence:
        """These rows."""
        return replace(
            self, y=self.y[:, rows], extra=self.extra[:, rows], label=self.label[:, rows],
            error=self.error[rows], share=self.share[rows], endpoint=self.endpoint[rows],
            study=self.study[rows], site=self.site[rows],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Batch:
    """A hypothesis: these rows of a study are all of one reading."""

    study: int
    reading: int
    rows: Ints
    prior: float


class Tree:
    """Rows below cells (study × endpoint) below studies."""

    def __init__(self, study: Ints, endpoint: Ints) -> None:
        self.order = np.lexsort((endpoint, study))
        s, e = study[self.order], endpoint[self.order]
        new_study = np.r_[True, s[1:] != s[:-1]]
        new_cell = new_study | np.r_[True, e[1:] != e[:-1]]
        self.cells = np.flatnonzero(new_cell)
        self.cell_of_row = np.cumsum(new_cell) - 1
        self.study_of_cell = (np.cumsum(new_study) - 1)[self.cells]
        self.studies = np.flatnonzero(np.r_[True, np.diff(self.study_of_cell) > 0])
        self.study_number = s[new_study]
        self.endpoint_of_cell = e[self.cells]

    @cached_property
    def weight(self) -> tuple[Floats, Floats]:
        """By cell the weight of each of its rows, and its own weight in its study."""
        rows = np.bincount(self.cell_of_row)
        cells = np.bincount(self.study_of_cell)[self.study_of_cell]
        return np.minimum(1.0, MOST_TOGETHER / rows), np.minimum(1.0, MOST_TOGETHER / cells)

    @cached_property
    def inverse(self) -> Ints:
        """Places of the rows in the sorted order."""
        return np.argsort(self.order)


@dataclass(frozen=True)
class Messages:
    """What the tree says: posterior of cells on the grid, and each study's log likelihood."""

    cell: Floats
    study: Floats
    likelihood: Floats


@dataclass(frozen=True)
class Terms:
    """Every reading of every row as a normal in the cell effect.

    Parameters
    ----------
    centre, variance, weight : (Z, k); the weight is a logarithm, 0 for the heaviest of a row.
    top : (k,) what was taken off the weights of a row.
    """

    centre: Floats
    variance: Floats
    weight: Floats
    top: Floats

    def take(self, rows: Ints) -> Terms:
        """These rows."""
        return Terms(
            self.centre[:, rows], self.variance[:, rows], self.weight[:, rows], self.top[rows]
        )

    def density(self, z: int, rows: Ints | slice = slice(None)) -> Floats:
        """(rows, G) of one reading, without its prior."""
        off = (self.centre[z, rows][:, None] - GRID) ** 2
        spread = self.variance[z, rows][:, None]
        with np.errstate(under="ignore"):
            return np.exp(self.weight[z, rows][:, None] - 0.5 * off / spread)


def terms(data: Evidence, expected: Expected, scales: Scales) -> Terms:
    """Bring the arms of every row together, reading by reading, less what is expected."""
    mean = expected.mean + expected.site
    z_count, k = data.extra.shape
    centre, variance = np.zeros((z_count, k)), np.ones((z_count, k))
    weight = np.full((z_count, k), -np.inf)
    for z in range(z_count):
        y = data.y[z] - mean[:, None]
        there = np.isfinite(y)
        arms, row = data.wide[z]
        w = np.where(there, data.share / (data.error + scales.arm**2 + arms), 0.0)
        total = w.sum(axis=1)
        some = (total > 0) & np.isfinite(data.extra[z])
        safe = np.where(some, total, 1.0)
        y = np.where(there, y, 0.0)
        c = (w * y).sum(axis=1) / safe
        q = (w * (y - c[:, None]) ** 2).sum(axis=1)
        v = scales.row**2 + expected.site_variance + row + 1 / safe
        logs = 0.5 * np.log(np.where(w > 0, w, 1.0)).sum(axis=1) - 0.5 * np.log(safe)
        centre[z], variance[z] = c, v
        weight[z] = np.where(some, logs - 0.5 * q - 0.5 * np.log(v) + data.extra[z], -np.inf)
    # A reading that could not reach 1/100,000 of the best one anywhere is not looked at.
    far = np.maximum(np.abs(centre) - NEAR, 0.0)
    reach = weight + data.row_prior - 0.5 * far**2 / variance
    weight[reach < reach.max(axis=0) - NEGLIGIBLE] = -np.inf
    top = np.max(np.where(np.isfinite(weight), weight, -np.inf), axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    return Terms(centre, variance, weight - top, top)


def mixed(found: Terms, prior: Floats) -> Floats:
    """(k, G) log density of every row over its own readings."""
    total = np.full((found.centre.shape[1], len(GRID)), FLOOR)
    for z, log_prior in enumerate(prior):
        rows = np.flatnonzero(np.isfinite(found.weight[z]))
        if len(rows):
            total[rows] += np.exp(log_prior[rows])[:, None] * found.density(z, rows)
    return np.asarray(np.log(total))


def alone(found: Terms, prior: Floats, scales: Scales, sd: Floats) -> Floats:
    """(Z, k) posterior of every reading of every row by itself; 0 where no reading is possible."""
    wide = scales.study**2 + scales.cell**2 + sd**2
    total = found.variance + wide
    logs = found.weight + prior - 0.5 * found.centre**2 / total
    logs += 0.5 * np.log(found.variance / total)
    total = logsumexp(logs, axis=0)
    return np.asarray(np.exp(logs - np.where(np.isfinite(total), total, 0.0)))


def as_batch(found: Terms, readings: Ints, rows: Ints) -> Floats:
    """(rows, G) log density of rows that are each of one reading, or odd."""
    total = ODD_SHARE * found.density(len(found.centre) - 1, rows) + FLOOR
    for z in np.unique(readings).tolist():
        mine = np.flatnonzero(readings == z)
        total[mine] += (1 - ODD_SHARE) * found.density(z, rows[mine])
    return np.asarray(np.log(total))


def pass_messages(log_f: Floats, tree: Tree, scales: Scales, sd: Floats) -> Messages:
    """Integrate cell and study effects on the grid, up and down again.

    `sd` (k,) is that of the expected mean of the row's cell, which adds to that of the cells.
    """
    prior = -0.5 * (GRID / scales.study) ** 2
    prior -= logsumexp(prior)
    of_row, of_cell = tree.weight
    cell = np.add.reduceat(log_f[tree.order], tree.cells, axis=0) * of_row[:, None]
    kernels = _kernels(np.hypot(scales.cell, sd[tree.order][tree.cells]))
    up = _log_matmul(cell, [(cells, kernel.T) for cells, kernel in kernels]) * of_cell[:, None]
    study = np.add.reduceat(up, tree.studies, axis=0) + prior
    likelihood = np.asarray(logsumexp(study, axis=1))
    down = _log_matmul(study[tree.study_of_cell] - up, kernels)
    return Messages(_softmax(cell + down), _softmax(study), likelihood)


def _kernels(sd: Floats) -> list[tuple[Ints, Floats]]:
    """Cells of about the same SD, and the transition from the study's effect to theirs."""
    level = np.round(np.log(sd) / SD_STEP).astype(np.int64)
    out = []
    for each in np.unique(level).tolist():
        kernel = np.exp(-0.5 * ((GRID[:, None] - GRID) / np.exp(each * SD_STEP)) ** 2)
        out.append((np.flatnonzero(level == each), kernel / kernel.sum(axis=1, keepdims=True)))
    return out


def _log_matmul(logs: Floats, kernels: Sequence[tuple[Ints, Floats]]) -> Floats:
    top = logs.max(axis=1, keepdims=True)
    plain = np.exp(logs - top)
    out = np.empty_like(plain)
    for cells, kernel in kernels:
        out[cells] = plain[cells] @ kernel
    return np.asarray(np.log(out + FLOOR) + top)


def _softmax(logs: Floats) -> Floats:
    shifted = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def responsibilities(
    found: Terms, log_f: Floats, prior: Floats, tree: Tree, cell: Floats
) -> Floats:
    """(Z, k) posterior of every reading of every row, given all rows."""
    posterior = cell[tree.cell_of_row[tree.inverse]]
    ratio = posterior * np.exp(-log_f)
    out = np.zeros_like(found.centre)
    for z, log_prior in enumerate(prior):
        rows = np.flatnonzero(np.isfinite(found.weight[z]))
        if len(rows):
            told = (found.density(z, rows) * ratio[rows]).sum(axis=1)
            out[z, rows] = np.exp(log_prior[rows]) * told
    return np.asarray(out / np.maximum(out.sum(axis=0), FLOOR))


def posterior(
    data: Evidence, expected: Expected, scales: Scales, batches: Sequence[Batch]
) -> tuple[Floats, Floats]:
    """What each row is.

    Returns
    -------
    readings : (Z, k) posterior of every reading.
    hypotheses : (batches,) posterior of every batch.
    """
    found = terms(data, expected, scales)
    log_f = mixed(found, data.row_prior)
    tree = Tree(data.study, data.endpoint)
    plain = pass_messages(log_f, tree, scales, expected.sd)
    single = responsibilities(found, log_f, data.row_prior, tree, plain.cell)
    if not batches:
        return single, np.zeros(0)
    log_odds = _batch_odds(data, found, log_f, scales, expected.sd, batches, tree, plain)
    chosen = np.exp(log_odds)
    out = np.zeros_like(single)
    none = np.ones(int(data.study.max()) + 1)
    np.subtract.at(none, [batch.study for batch in batches], chosen)
    out += np.clip(none, 0, 1)[data.study] * single
    likely = [i for i in range(len(batches)) if chosen[i] > 1e-4]
    some = [batches[i] for i in likely]
    _add_batches(out, data, found, log_f, scales, expected.sd, some, chosen[likely])
    return out / np.maximum(out.sum(axis=0), FLOOR), chosen


@dataclass(frozen=True)
class Virtual:
    """Hypotheses as studies of their own.

    Parameters
    ----------
    rows : row of each virtual row.
    density : (rows, G) its log density.
    tree : the virtual rows below their cells and hypotheses.
    inside, readings : which virtual rows are held to be of which reading.
    """

    rows: Ints
    density: Floats
    tree: Tree
    inside: Ints
    readings: Ints


def _virtual(data: Evidence, found: Terms, log_f: Floats, batches: Sequence[Batch]) -> Virtual:
    """Each hypothesis as a study of its own: its rows, their densities, and the tree."""
    by_study = _rows_by_study(data.study)
    members = [by_study[batch.study] for batch in batches]
    rows = np.concatenate(members)
    number = np.repeat(np.arange(len(batches)), [len(part) for part in members])
    densities = log_f[rows]
    starts = np.cumsum([0, *(len(part) for part in members)])
    inside = np.concatenate(
        [
            start + np.searchsorted(part, batch.rows)
            for start, batch, part in zip(starts, batches, members, strict=False)
        ]
    )
    readings = np.repeat([b.reading for b in batches], [len(b.rows) for b in batches])
    densities[inside] = as_batch(found, readings, rows[inside])
    return Virtual(rows, densities, Tree(number, data.endpoint[rows]), inside, readings)


def _rows_by_study(study: Ints) -> list[Ints]:
    order = np.argsort(study, kind="stable")
    return np.split(order, np.cumsum(np.bincount(study))[:-1])


def _chunks(data: Evidence, batches: Sequence[Batch], size: int = 40_000) -> list[list[int]]:
    counts = np.bincount(data.study)
    chunks: list[list[int]] = [[]]
    held = 0
    for i, batch in enumerate(batches):
        if held > size:
            chunks.append([])
            held = 0
        chunks[-1].append(i)
        held += int(counts[batch.study])
    return [chunk for chunk in chunks if chunk]


def _batch_odds(
    data: Evidence, found: Terms, log_f: Floats, scales: Scales, sd: Floats,
    batches: Sequence[Batch], tree: Tree, plain: Messages,
) -> Floats:  # fmt: skip
    """(batches,) log posterior of every hypothesis within its study."""
    gain = np.zeros(len(batches))
    base = np.zeros(int(data.study.max()) + 1)
    base[tree.study_number] = plain.likelihood
    for chunk in _chunks(data, batches):
        part = [batches[i] for i in chunk]
        virtual = _virtual(data, found, log_f, part)
        likelihood = pass_messages(
            virtual.density, virtual.tree, scales, sd[virtual.rows]
        ).likelihood
        gain[chunk] = likelihood - base[[batch.study for batch in part]]
    study = np.array([batch.study for batch in batches])
    prior = np.array([batch.prior for batch in batches])
    rest = 1 - np.bincount(study, weights=prior, minlength=len(base))
    logs = gain + np.log(prior)
    top = np.maximum(np.log(np.maximum(rest, 0.05)), -np.inf)
    total = top.copy()
    np.logaddexp.at(total, study, logs)
    return np.asarray(logs - total[study], dtype=float)


def _add_batches(
    out: Floats, data: Evidence, found: Terms, log_f: Floats, scales: Scales, sd: Floats,
    batches: Sequence[Batch], chosen: Floats,
) -> None:  # fmt: skip
    """Add to `out` what the rows are under every likely hypothesis, by its probability."""
    odd = len(found.centre) - 1
    for chunk in _chunks(data, batches):
        part = [batches[i] for i in chunk]
        virtual = _virtual(data, found, log_f, part)
        rows, tree, place = virtual.rows, virtual.tree, virtual.inside
        cell = pass_messages(virtual.density, tree, scales, sd[rows]).cell
        told = responsibilities(found.take(rows), log_f[rows], data.row_prior[:, rows], tree, cell)
        posterior_c = cell[tree.cell_of_row[tree.inverse[place]]]
        wide = ODD_SHARE * found.density(odd, rows[place]) * np.exp(-virtual.density[place])
        strange = np.minimum((posterior_c * wide).sum(axis=1), 1.0)
        told[:, place] = 0.0
        told[virtual.readings, place] = 1 - strange
        told[odd, place] = strange
        lengths = np.bincount(data.study)[[batch.study for batch in part]]
        told *= np.repeat(chosen[chunk], lengths)
        for z in np.flatnonzero(told.any(axis=1)).tolist():
            np.add.at(out[z], rows, told[z])
