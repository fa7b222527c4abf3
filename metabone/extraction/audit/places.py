"""How much more or less animals differ at one site of a study than at its others.

The epiphysis of a femur varies less between animals than its metaphysis, in every outcome measured
there. What is expected of a row takes this from the other outcomes at its site, never from its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabone.extraction.audit.mixture import Evidence, Ints, Scales
from metabone.extraction.audit.sheet import Floats

#: SD of log CV between the sites of a study.
SITE_SD = 0.3
#: Studies with more sites are left as they are: labels of single animals, say, are no sites.
MOST_SITES = 16


@dataclass(frozen=True)
class _Parts:
    """Rows of one study, site and outcome brought together.

    Parameters
    ----------
    of_row : (k,) part of each row.
    cell, site : (P,) number of the study × outcome, and place of the site within the study.
    sites : (P,) how many the study has.
    study : (P,) its number.
    mean, weight : (P,) of the rows, less the study's effect.
    """

    of_row: Ints
    cell: Ints
    site: Ints
    sites: Ints
    study: Ints
    mean: Floats
    weight: Floats


def site_effects(
    data: Evidence, clean: Floats, weight: Floats, study: Floats, scales: Scales
) -> tuple[Floats, Floats]:
    """What a row's site adds to its expected log CV, by the other outcomes there.

    Best linear prediction with normal effects of sites and of cells (study × outcome).

    Parameters
    ----------
    clean, weight : (k,) log CV less its endpoint's mean, by what rows probably are, and its weight.
    study : (k,) effect of the row's study.

    Returns
    -------
    mean, variance : (k,) both 0 in a study with one site, or more than `MOST_SITES`.
    """
    parts = _parts(data, clean - study, weight)
    mean, variance = np.zeros(len(parts.mean)), np.zeros(len(parts.mean))
    for sites in np.unique(parts.sites[(parts.sites > 1) & (parts.sites <= MOST_SITES)]).tolist():
        at = np.flatnonzero(parts.sites == sites)
        mean[at], variance[at] = _without_own(parts, at, sites, scales)
    return mean[parts.of_row], variance[parts.of_row]


def _parts(data: Evidence, off: Floats, weight: Floats) -> _Parts:
    count, outcomes = int(data.site.max()) + 1, int(data.endpoint.max()) + 1
    place = data.study * count + data.site
    keys, of_row = np.unique(place * outcomes + data.endpoint, return_inverse=True)
    total = np.maximum(np.bincount(of_row, weights=weight), 1e-9)
    mean = np.bincount(of_row, weights=weight * off) / total
    place, outcome = np.divmod(keys, outcomes)
    study = place // count
    _, cell = np.unique(study * outcomes + outcome, return_inverse=True)
    there, site = np.unique(place, return_inverse=True)
    _, first, sites = np.unique(there // count, return_index=True, return_counts=True)
    number = np.repeat(np.arange(len(first)), sites)[site]
    return _Parts(of_row, cell, site - first[number], sites[number], number, mean, total)


def _without_own(parts: _Parts, at: Ints, sites: int, scales: Scales) -> tuple[Floats, Floats]:
    """Effect of the site of each part in studies of so many sites, without the part's own cell.

    With the effect of a cell integrated out its parts say D of the sites, D = diag(w) − w wᵀ / (Σw
    + 1/σ²); the site effects have precision ΣD + I/τ² and mean (ΣD + I/τ²)⁻¹ ΣD m.
    """
    cells, cell = np.unique(parts.cell[at], return_inverse=True)
    _, study = np.unique(parts.study[at], return_inverse=True)
    w, m = np.zeros((len(cells), sites)), np.zeros((len(cells), sites))
    w[cell, parts.site[at]], m[cell, parts.site[at]] = parts.weight[at], parts.mean[at]
    total = w.sum(axis=1) + scales.cell**-2
    own = np.eye(sites) * w[:, None] - w[:, :, None] * w[:, None] / total[:, None, None]
    told = (own @ m[..., None])[..., 0]
    study_of = np.zeros(len(cells), dtype=np.int64)
    study_of[cell] = study
    precision, sums = np.zeros((study.max() + 1, sites, sites)), np.zeros((study.max() + 1, sites))
    np.add.at(precision, study_of, own)
    np.add.at(sums, study_of, told)
    inverse = np.linalg.inv(precision[study_of] - own + np.eye(sites) * SITE_SD**-2)
    mean = (inverse @ (sums[study_of] - told)[..., None])[..., 0]
    variance = np.diagonal(inverse, axis1=1, axis2=2)
    return mean[cell, parts.site[at]], variance[cell, parts.site[at]]
