"""How much animals differ by outcome, from the shipped summaries of animal-level data."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from metabone.extraction.audit.fitting import Known
from metabone.extraction.audit.spread import Spread, log_sd_bias
from metabone.extraction.shipped import dataset

if TYPE_CHECKING:
    from metabone.vocabulary import Vocabulary

#: SD of mean log CV between data sets of one outcome, and what stays when there are many.
_BETWEEN, _LEAST = 0.4, 0.2
#: Least SD between the outcomes of a family of methods.
_FAMILY = 0.6


@cache
def shipped_variability() -> Mapping[str, tuple[float, float]]:
    """Mean log CV of an outcome between data sets, and its SD, by canonical name; read-only.

    Data sets count once each; the small-sample bias of the log of an SD is taken off.

    Examples
    --------
    >>> mean, sd = shipped_variability()["BV/TV"]
    >>> 0.1 < float(np.exp(mean)) < 0.5
    True
    """
    with dataset("bone-variability").data.open(encoding="utf-8", newline="") as file:
        return summarise(csv.DictReader(file))


def summarise(lines: csv.DictReader[str]) -> Mapping[str, tuple[float, float]]:
    """Mean and SD of log CV by outcome, of lines with dataset, endpoint, n and cv_pct."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        if line["cv_pct"] and float(line["cv_pct"]) > 0:
            y = np.log(float(line["cv_pct"]) / 100) - float(log_sd_bias(float(line["n"])))
            values[line["endpoint"]][line["dataset"]].append(y)
    known = {}
    for endpoint, by_set in values.items():
        means = [float(np.mean(part)) for part in by_set.values()]
        known[endpoint] = (float(np.mean(means)), _BETWEEN / len(means) ** 0.5)
    return MappingProxyType({name: (m, max(sd, _LEAST)) for name, (m, sd) in known.items()})


def known_of(
    spread: Spread, variability: Mapping[str, tuple[float, float]], vocabulary: Vocabulary
) -> Known:
    """What is known of the endpoints of a table: of the outcome, else of its family of methods."""
    mean, sd = np.full(len(spread.names), np.nan), np.full(len(spread.names), np.nan)
    families = _families(variability, vocabulary)
    for group, name in enumerate(spread.names):
        if not spread.relative[group]:
            sd[group] = np.inf
            continue
        endpoint = vocabulary.endpoint(name)
        family = families.get(endpoint.domain) if endpoint else None
        found = variability.get(name, family)
        if found is not None:
            mean[group], sd[group] = found
    return Known(mean, sd)


def _families(
    variability: Mapping[str, tuple[float, float]], vocabulary: Vocabulary
) -> dict[str, tuple[float, float]]:
    """Mean and SD of the outcomes of each family of methods that has two or more."""
    by_domain: dict[str, list[float]] = defaultdict(list)
    for name, (mean, _) in variability.items():
        endpoint = vocabulary.endpoint(name)
        if endpoint is not None:
            by_domain[endpoint.domain].append(mean)
    return {
        domain: (float(np.mean(means)), max(float(np.std(means, ddof=1)), _FAMILY))
        for domain, means in by_domain.items()
        if len(means) > 1
    }
