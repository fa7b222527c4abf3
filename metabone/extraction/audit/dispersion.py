"""What the dispersions of a table are: fit, posterior by row, hypotheses about whole studies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metabone.extraction.audit.evidence import gather
from metabone.extraction.audit.fitting import Fit, fit
from metabone.extraction.audit.known import known_of, shipped_variability
from metabone.extraction.audit.mixture import Batch, Evidence, posterior
from metabone.extraction.audit.readings import READINGS
from metabone.extraction.audit.sheet import Floats, Sheet
from metabone.extraction.audit.spread import Spread, read_spread

#: Probability that a whole study is read otherwise, by code; an experiment or table has a part.
STUDY_PRIOR: Mapping[str, float] = {
    "sem-as-sd": 0.06, "sd-as-sem": 0.03, "ci-as-sd": 0.004, "variance-as-sd": 0.003,
    "sd-as-ci": 0.01, "sem-as-ci": 0.02,
}  # fmt: skip
PART_SHARE = 0.3
MOST_PARTS = 12
_PARTS = ("experiment", "location", "assay")


@dataclass(frozen=True)
class Dispersions:
    """The answer of the mixture about one table.

    Parameters
    ----------
    readings : (Z, k) posterior of every reading of `READINGS`; NaN where a row has none.
    batches, batch : hypotheses about several rows of a study at once, and their posteriors.
    """

    spread: Spread
    evidence: Evidence
    fit: Fit
    readings: Floats
    batches: tuple[Batch, ...]
    batch: Floats
    used: NDArray[np.int64]

    @cached_property
    def usual(self) -> Floats:
        """(Z, used rows) geometric mean of the arms' CV (or SD) by every reading."""
        y = self.evidence.y
        there = np.isfinite(y)
        total = np.where(there, y, 0.0).sum(axis=2)
        with np.errstate(all="ignore"):
            return np.asarray(np.exp(total / there.sum(axis=2)))

    def of_code(self, code: str) -> Floats:
        """(k,) posterior of all readings of a code; 0 where a row has no dispersion."""
        own = [z for z, reading in enumerate(READINGS) if reading.code == code]
        return np.asarray(np.nansum(self.readings[own], axis=0))


def dispersions(
    sheet: Sheet, variability: Mapping[str, tuple[float, float]] | None = None
) -> Dispersions | None:
    """Fit the mixture to a table; None when no row has a dispersion of a declared kind.

    Parameters
    ----------
    variability : mean and SD of log CV by outcome, known before; the shipped ones by default.
    """
    spread = read_spread(sheet)
    used = np.flatnonzero(spread.given[:, :2].any(axis=1))
    if not len(used):
        return None
    whole = gather(sheet, spread)
    data = whole.take(used)
    _, study = np.unique(data.study, return_inverse=True)
    data = replace(data, study=study.astype(np.int64))
    batches = tuple(_batches(sheet, spread, data, used))
    before = shipped_variability() if variability is None else variability
    found = fit(data, known_of(spread, before, sheet.vocabulary), batches)
    data = replace(data, prior=found.prior)
    inside, chosen = posterior(data, found.expected, found.scales, batches)
    readings = np.full((len(READINGS), len(sheet)), np.nan)
    readings[:, used] = inside
    return Dispersions(spread, data, found, readings, batches, chosen, used)


def _batches(
    sheet: Sheet, spread: Spread, data: Evidence, used: NDArray[np.int64]
) -> Iterator[Batch]:
    kind = spread.kind[used]
    order = np.argsort(data.study, kind="stable")
    by_study = np.split(order, np.cumsum(np.bincount(data.study))[:-1])
    parts = [sheet.groups([name])[used] for name in _PARTS]
    for z, reading in enumerate(READINGS):
        if not reading.batch:
            continue
        can = (kind == reading.declared) & np.isfinite(data.extra[z])
        prior = STUDY_PRIOR[reading.code]
        for study, rows in enumerate(by_study):
            mine = rows[can[rows]]
            if not len(mine):
                continue
            yield Batch(study, z, mine, prior)
            if reading.code in ("sem-as-sd", "sd-as-sem"):
                yield from _part_batches(study, z, mine, parts, prior)


def _part_batches(
    study: int, z: int, mine: NDArray[np.int64], parts: list[NDArray[np.int64]], prior: float
) -> Iterator[Batch]:
    """Each experiment, printed table or assay of a study, where there are a few."""
    told = {mine.tobytes()}
    subsets = []
    for part in parts:
        labels = part[mine]
        values = np.unique(labels)
        if 1 < len(values) <= MOST_PARTS:
            subsets += [mine[labels == value] for value in values]
    unique = []
    for rows in subsets:
        if rows.tobytes() not in told:
            told.add(rows.tobytes())
            unique.append(rows)
    for rows in unique:
        yield Batch(study, z, rows, PART_SHARE * prior / len(unique))
