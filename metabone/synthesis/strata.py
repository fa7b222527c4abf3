"""Strata of an effect table: pooled where three studies allow it, else listed with the reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from metabone.models.intervals import chi2_p
from metabone.synthesis.counting import count_animals, count_studies
from metabone.synthesis.estimates import pool_common, pool_frame
from metabone.synthesis.results import Between, Estimate, Stratum

if TYPE_CHECKING:
    import pandas as pd

    from metabone.models.random_effects import RandomEffectsFit

MIN_STUDIES = 3
BLANK = "(not reported)"


def pool_strata(
    frame: pd.DataFrame,
    groupings: Sequence[tuple[str, ...]],
    *,
    tau2: str,
    ci: str,
    pi: str,
    level: float,
    common: bool,
) -> tuple[tuple[Stratum, ...], tuple[Between, ...]]:
    """Pool each stratum of each grouping and test between those that are pooled.

    A stratum needs effects of three studies. With `common` the pooled strata of a grouping share
    one τ², estimated in a regression on them.
    """
    strata: list[Stratum] = []
    between: list[Between] = []
    for columns in groupings:
        cells = list(_cells(frame, columns))
        ready = [(by, part) for by, part in cells if _reason(by, part) is None]
        parts = [part for _, part in ready]
        if common and len(ready) > 1:
            estimates, fit = pool_common(parts, tau2=tau2, ci=ci, pi=pi, level=level)
            test: Between | None = _between_common(ready, fit)
        else:
            estimates = [pool_frame(part, tau2=tau2, ci=ci, pi=pi, level=level) for part in parts]
            test = _between_separate(ready, estimates)
        found = {tuple(by.values()): one for (by, _), one in zip(ready, estimates, strict=True)}
        strata += [_stratum(by, part, found.get(tuple(by.values()))) for by, part in cells]
        if test is not None:
            between.append(test)
    return tuple(strata), tuple(between)


def _cells(
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


def _sort_key(label: str) -> tuple[float, str]:
    try:
        return float(label), ""
    except ValueError:
        return math.inf, label.casefold()


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


def _stratum(by: Mapping[str, str], part: pd.DataFrame, estimate: Estimate | None) -> Stratum:
    return Stratum(
        by=by,
        rows=tuple(part.index.tolist()),
        k_studies=count_studies(part),
        k_effects=len(part),
        n_animals=count_animals(part),
        estimate=estimate,
        reason=_reason(by, part),
    )


Ready = Sequence[tuple[Mapping[str, str], "pd.DataFrame"]]


def _between_separate(ready: Ready, estimates: Sequence[Estimate]) -> Between | None:
    """χ² of the strata's means around their inverse-variance mean.

    Borenstein et al. (2009), doi:10.1002/9780470743386, ch. 19.
    """
    usable = [one for one in estimates if math.isfinite(one.se) and one.se > 0]
    if len(usable) < 2:
        return None
    mean = np.array([one.estimate for one in usable])
    weight = np.array([one.se**-2 for one in usable])
    statistic = float((weight * (mean - np.average(mean, weights=weight)) ** 2).sum())
    df = len(usable) - 1
    return Between(
        tuple(ready[0][0]), statistic, float(df), None, float(chi2_p(statistic, df)), "chi2"
    )


def _between_common(ready: Ready, fit: RandomEffectsFit) -> Between:
    """The regression's test that all strata have one mean: F with Hartung-Knapp, χ² with Wald."""
    wald = fit.test == "wald"
    return Between(
        tuple(ready[0][0]), float(fit.qm), float(fit.qm_df),
        None if wald else float(fit.df), float(fit.qm_pvalue), "chi2" if wald else "F",
    )  # fmt: skip
