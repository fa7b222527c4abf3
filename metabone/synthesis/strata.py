"""Strata of an effect table: pooled where three studies allow it, else listed with the reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from metabone.synthesis.counting import count_animals, count_studies
from metabone.synthesis.results import Between, Estimate, Stratum

if TYPE_CHECKING:
    import pandas as pd

    from metabone.synthesis.univariate import Pooler

MIN_STUDIES = 3
BLANK = "(not reported)"


def pool_strata(
    frame: pd.DataFrame,
    groupings: Sequence[tuple[str, ...]],
    pooler: Pooler,
    *,
    common: bool,
) -> tuple[tuple[Stratum, ...], tuple[Between, ...]]:
    """Pool each stratum of each grouping and test between those that are pooled.

    A stratum needs effects of three studies. With `common` the pooled strata of a grouping share
    one heterogeneity, estimated in a regression on them.
    """
    strata: list[Stratum] = []
    between: list[Between] = []
    for columns in groupings:
        cells = list(cells_of(frame, columns))
        ready = [(by, part) for by, part in cells if _reason(by, part) is None]
        parts = [part for _, part in ready]
        together = common and len(parts) > 1
        estimates = pooler.pool_common(parts) if together else [pooler.pool(x) for x in parts]
        holm = _holm([one.pvalue for one in estimates])
        found = {
            tuple(by.values()): pair
            for (by, _), pair in zip(ready, zip(estimates, holm, strict=True), strict=True)
        }
        nothing: tuple[Estimate | None, float | None] = (None, None)
        strata += [
            _stratum(by, part, *found.get(tuple(by.values()), nothing)) for by, part in cells
        ]
        test = pooler.between(columns, parts, estimates, common=common)
        if test is not None:
            between.append(test)
    return tuple(strata), tuple(between)


def _holm(pvalues: Sequence[float]) -> list[float]:
    """p-values after Holm's correction; NaN stays NaN and does not count."""
    known = [value for value in pvalues if not math.isnan(value)]
    if len(known) < 2:
        return list(pvalues)
    # Slow to import, and needed here alone.
    from statsmodels.stats.multitest import multipletests

    adjusted = iter(multipletests(known, method="holm")[1].tolist())
    return [value if math.isnan(value) else next(adjusted) for value in pvalues]


def cells_of(
    frame: pd.DataFrame, columns: tuple[str, ...]
) -> Iterable[tuple[dict[str, str], pd.DataFrame]]:
    """Each combination of values that the columns take, also those without any row."""
    labels = [_labels(frame[column]) for column in columns]
    levels = [_sorted_levels(label) for label in labels]
    for values in product(*levels):
        mask = np.ones(len(frame), dtype=bool)
        for label, value in zip(labels, values, strict=True):
            mask &= (label == value).to_numpy()
        yield dict(zip(columns, values, strict=True)), frame[mask]


def _labels(column: pd.Series) -> pd.Series:
    """Values as text; whole numbers without ``.0``, blanks named."""
    return column.map(_label).astype(object)


def _label(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return BLANK
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _sorted_levels(labels: pd.Series) -> list[str]:
    """Numbers by size, words by alphabet, blanks last."""
    levels = sorted(set(labels) - {BLANK}, key=_sort_key)
    return levels + ([BLANK] if (labels == BLANK).any() else [])


def _sort_key(label: str) -> tuple[float, str, str]:
    try:
        number = float(label)
    except ValueError:
        number = math.inf
    # Words such as nan and inf are words; the label itself settles ties such as rat and Rat.
    return (number if math.isfinite(number) else math.inf), label.casefold(), label


def _reason(by: Mapping[str, str], part: pd.DataFrame) -> str | None:
    """Why a stratum is not pooled, or None."""
    if part.empty:
        return "no study"
    blank = [column for column, value in by.items() if value == BLANK]
    if blank:
        return f"{' and '.join(blank)} not reported"
    studies = count_studies(part)
    if studies < MIN_STUDIES:
        noun = "study" if studies == 1 else "studies"
        return f"{studies} {noun}: fewer than {MIN_STUDIES} are listed, not pooled"
    return None


def _stratum(
    by: Mapping[str, str], part: pd.DataFrame, estimate: Estimate | None, holm: float | None
) -> Stratum:
    return Stratum(
        by=by,
        rows=tuple(part.index.tolist()),
        k_studies=count_studies(part),
        k_effects=len(part),
        n_animals=count_animals(part),
        estimate=estimate,
        reason=_reason(by, part),
        pvalue_holm=holm,
    )
