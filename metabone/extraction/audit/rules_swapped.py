"""Rules about swapped arms: a control that is treated elsewhere, an effect against all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabone.extraction.audit.rest import middles_of_rest
from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.sheet import Floats, Sheet

#: How rare a swap is, studies needed to know an effect, other outcomes to know a comparison.
_PRIOR, _LEAST_STUDIES, _LEAST_OTHERS = 0.02, 7, 3
_TOLD_FROM, _POINTS_FROM = 0.3, 1.2
#: Least SD of true effects between studies, and between the outcomes of a comparison.
_LEAST_SPREAD = 0.4


def control_as_treated(sheet: Sheet) -> Iterator[Suspicion]:
    """The numbers of the treated arm are those of the control arm of other rows of the study."""
    keys = ["study", "outcome", "unit", "site", "timepoint_weeks"]
    place = sheet.groups(keys)
    words = ("n", "mean", "dispersion")
    numbers = {
        arm: np.stack([sheet.number(f"{word}_{arm}") for word in words], axis=1)
        for arm in ("treated", "control")
    }  # fmt: skip
    usable = np.isfinite(numbers["treated"]).all(axis=1) & np.isfinite(numbers["control"]).all(
        axis=1
    )
    places = place.tolist()
    treated, control = (
        [(where, *own) for where, own in zip(places, numbers[arm].tolist(), strict=True)]
        for arm in ("treated", "control")
    )
    controls: dict[tuple[Any, ...], list[int]] = {}
    for at in np.flatnonzero(usable).tolist():
        controls.setdefault(control[at], []).append(at)
    for at in np.flatnonzero(usable).tolist():
        others = [o for o in controls.get(treated[at], ()) if o != at]
        own = controls[control[at]]
        if not others or len(others) < len(own):
            continue
        yield sheet.tell(
            at, ("mean_treated", "mean_control"), "arms-swapped", 0.85 if len(others) > 1 else 0.5,
            "the treated arm is what other rows of the study call the control",
            rows=others[:8], correction=_swapped(sheet, at),
        )  # fmt: skip


def against_the_rest(sheet: Sheet) -> Iterator[Suspicion]:
    """A row that would agree with all other studies, or its own, if its arms were swapped.

    Two readings of an effect, as it is and with its sign turned, under the robust mean and spread
    of the other studies of the same outcome (at least six), or of all outcomes turned so that more
    is better; and of the other outcomes of the same animals (at least three), turned so as well.
    A swap is rare (2%); an effect below 1.2 of its standard errors points nowhere. The other
    studies alone tell a study that is turned as a whole.
    """
    g, v = _effects(sheet)
    better = _better(sheet)
    aligned = g * better
    by_study, middle, studies = _by_other_studies(sheet, g, v, better)
    by_own = _by_own_study(sheet, aligned, v)
    alone, together = _posterior(by_study), _posterior(by_study + by_own)
    with np.errstate(invalid="ignore"):
        points = np.abs(g) > _POINTS_FROM * np.sqrt(v)
    strength = np.where(points, np.maximum(alone, together), 0.0)
    for at in np.flatnonzero(strength >= _TOLD_FROM).tolist():
        said = (
            f"that of the other {studies[at]} studies (median {middle[at]:+.2g})"
            if studies[at] and by_study[at] >= by_own[at]
            else "what the other outcomes of the same animals say"
        )
        yield sheet.tell(
            at, ("mean_treated", "mean_control"), "arms-swapped", float(strength[at]),
            f"the effect ({g[at]:+.2g} SD) is opposite to {said}, and would agree if turned",
            correction=_swapped(sheet, at),
        )  # fmt: skip


def _better(sheet: Sheet) -> Floats:
    """(k,) 1 where more is better, -1 where less is, NaN where that is not known."""
    own = sheet.text("better")
    words = [
        own[at] or (None if endpoint is None else endpoint.better)
        for at, endpoint in enumerate(sheet.endpoints)
    ]
    return np.array([{"higher": 1.0, "lower": -1.0}.get(str(word), np.nan) for word in words])


def _by_other_studies(
    sheet: Sheet, g: Floats, v: Floats, better: Floats
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Log odds of being turned by the other studies, 0 where too few; their median and number."""
    gain, centre = np.zeros(len(sheet)), np.full(len(sheet), np.nan)
    count = np.zeros(len(sheet), dtype=np.int64)
    study, outcomes = sheet.groups(["study"]), sheet.groups(["outcome"])
    anywhere = np.zeros(len(sheet), dtype=np.int64)
    for way, keys in ((np.ones(len(sheet)), outcomes), (better, anywhere)):
        effect = g * way
        new = np.flatnonzero(np.isfinite(effect) & (count == 0))
        there = np.flatnonzero(np.isfinite(effect))
        order = there[np.argsort(keys[there], kind="stable")]
        for rows in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            names, inside = np.unique(study[rows], return_inverse=True)
            if len(names) < _LEAST_STUDIES:
                continue
            means = np.bincount(inside, weights=effect[rows]) / np.bincount(inside)
            low, high, _ = middles_of_rest(means, np.zeros(len(means), dtype=int))
            middle = ((low + high) / 2)[inside]
            odds = _odds(effect[rows], middle, _spread(means), v[rows])
            mine = np.isin(rows, new)
            gain[rows[mine]], centre[rows[mine]] = odds[mine], (middle * way[rows])[mine]
            count[rows[mine]] = len(names) - 1
    return gain, centre, count


def _by_own_study(sheet: Sheet, aligned: Floats, v: Floats) -> Floats:
    """Log odds of being turned by the other outcomes of the same comparison, 0 where too few."""
    keys = sheet.groups(["study", "experiment", "comparison", "control_id"])
    low, high, others = middles_of_rest(aligned, keys)
    middle = (low + high) / 2
    known = np.isfinite(middle) & (others >= _LEAST_OTHERS)
    if not known.any():
        return np.zeros(len(sheet))
    spread = max(1.4826 * float(np.median(np.abs(aligned - middle)[known])), _LEAST_SPREAD)
    return np.where(known, np.nan_to_num(_odds(aligned, middle, spread, v)), 0.0)


def _spread(values: Floats) -> float:
    return max(1.4826 * float(np.median(np.abs(values - np.median(values)))), _LEAST_SPREAD)


def _odds(g: Floats, middle: Floats, spread: float, v: Floats) -> Floats:
    """Log ratio of the densities turned and as it is: Student's t with 4 df, for long tails."""
    width = np.sqrt(spread**2 + v)
    densities = [-2.5 * np.log1p(((each - middle) / width) ** 2 / 4) for each in (-g, g)]
    return np.asarray(densities[0] - densities[1], dtype=float)


def _posterior(gain: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-gain - np.log(_PRIOR))), dtype=float)


def _effects(sheet: Sheet) -> tuple[Floats, Floats]:
    """Standardised difference and its variance of every row, from arms or as given."""
    n1, n2 = sheet.number("n_treated"), sheet.number("n_control")
    with np.errstate(all="ignore"):
        pooled = np.sqrt((sheet.sd("treated") ** 2 + sheet.sd("control") ** 2) / 2)
        d = (sheet.number("mean_treated") - sheet.number("mean_control")) / pooled
        d *= 1 - 3 / (4 * (n1 + n2 - 2) - 1)
        v = 1 / n1 + 1 / n2 + d**2 / (2 * (n1 + n2))
    vi = sheet.number("vi")
    vi = np.where(np.isfinite(vi), vi, sheet.number("sei") ** 2)
    return np.where(np.isfinite(d), d, sheet.number("yi")), np.where(np.isfinite(v), v, vi)


def _swapped(sheet: Sheet, at: int) -> dict[str, Any] | None:
    if np.isfinite(sheet.number("yi")[at]) and np.isnan(sheet.number("mean_treated")[at]):
        return {"yi": -float(sheet.number("yi")[at])}
    out: dict[str, Any] = {}
    for word in ("n", "mean", "dispersion"):
        for arm, other in (("treated", "control"), ("control", "treated")):
            out[f"{word}_{arm}"] = float(sheet.number(f"{word}_{other}")[at])
    return out
