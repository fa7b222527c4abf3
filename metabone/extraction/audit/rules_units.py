"""Rules about units: powers of ten, per cent and fraction, two units in a cell, area and volume."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabone.extraction.audit.rest import middles_of_rest
from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.sheet import Bools, Floats, Sheet
from metabone.extraction.rows import join
from metabone.vocabulary import Endpoint

#: Powers of ten by which units slip: mm and um, per cent and fraction, g and mg, mm3 and cm3.
POWERS = (-6, -4, -3, -2, -1, 1, 2, 3, 4, 6)
#: Log mean of an outcome between papers: least SD, and how rare a slip is.
_LEAST_SD, _PRIOR = 0.35, 0.004
_TOLD_FROM = 0.3
#: Strength at most, of ten-fold by the own paper, and where either of two rows may be off.
_MOST_TEN, _MOST_EITHER = 0.75, 0.4
#: Log mean within a paper, at the same site and at any.
_OWN_SD = (0.35, 0.5)
_MEANS = ("mean_treated", "mean_control", "mean_sham", "median_treated", "median_control")
_AREAL, _VOLUMETRIC = ("BMD", "aBMD"), ("vBMD", "Tb.vBMD", "Ct.vBMD", "TMD", "Ct.TMD")


def scale(sheet: Sheet) -> Iterator[Suspicion]:
    """Means that fit the outcome once they are moved by a power of ten, both arms or one.

    A row is judged twice: by what the outcome is elsewhere, which tells a whole paper that slipped,
    and by that together with the other rows of the paper, which tells one row among sound ones.
    """
    level = np.stack([_log_mean(sheet, name) for name in _MEANS], axis=1)
    centre, sd = _expected(sheet, level)
    middle = _middle(level)
    elsewhere = _gains(middle, centre, sd)
    own, own_centre, most = _in_own_paper(sheet, elsewhere)
    slip, strength = _slips(elsewhere)
    both = np.where(np.isfinite(elsewhere), elsewhere, 0.0) + own
    slip_of_row, strength_of_row = _slips(both)
    # Old and young animals of a paper may differ ten-fold, hardly a hundred-fold.
    most = np.where(np.abs(slip_of_row) == 1, np.minimum(most, _MOST_TEN), most)
    strength_of_row = np.minimum(strength_of_row, most)
    by_row = strength_of_row > strength
    slip, strength = np.where(by_row, slip_of_row, slip), np.maximum(strength, strength_of_row)
    usual = np.exp(np.where(np.isfinite(centre), centre, own_centre))
    for at in np.flatnonzero(strength >= _TOLD_FROM).tolist():
        paper = float(np.exp(own_centre[at])) if by_row[at] else np.nan
        yield _moved(
            sheet, at, int(slip[at]), float(strength[at]), float(usual[at]), in_paper=paper
        )
    yield from _one_arm(sheet, level, centre, sd, strength < _TOLD_FROM)


def _middle(level: Floats) -> Floats:
    """(k,) middle of the log means of both arms, NaN where these are far apart."""
    first = np.fmin.reduce(level[:, [0, 1, 3, 4]], axis=1)
    last = np.fmax.reduce(level[:, [0, 1, 3, 4]], axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(last - first < np.log(4), (first + last) / 2, np.nan)


def _gains(value: Floats, centre: Floats, sd: Floats | float) -> Floats:
    """(powers, k) what moving a value by each power of ten gains in log density."""
    moved = np.stack([_tail(value - p * np.log(10), centre, sd) for p in POWERS])
    return np.asarray(moved - _tail(value, centre, sd), dtype=float)


def _in_own_paper(sheet: Sheet, elsewhere: Floats) -> tuple[Floats, Floats, Floats]:
    """What the other rows of the paper say: those of the same site, else of any.

    Of two rows that are apart either may be off: what the outcome is elsewhere tells which; where
    that is not known both are told, weakly. More than two speak where the middle ones agree.

    Returns
    -------
    gains : (powers, k), 0 where they say nothing.
    centre : (k,) their log middle.
    most : (k,) strength that they can give.
    """
    middle = _middle(np.stack([_log_mean(sheet, name, raw=True) for name in _MEANS], axis=1))
    centre, width = np.full(len(sheet), np.nan), np.full(len(sheet), _OWN_SD[1])
    one = np.zeros(len(sheet), dtype=bool)
    for keys, sd in zip((["site"], []), _OWN_SD, strict=True):
        groups = sheet.groups(["study", "outcome", "unit", *keys])
        low, high, others = middles_of_rest(middle, groups)
        with np.errstate(invalid="ignore"):
            new = np.isnan(centre) & (high - low < np.log(4))
        centre[new], width[new] = (low[new] + high[new]) / 2, sd
        one[new] = others[new] == 1
    gains = _gains(middle, centre, width)
    unknown = ~np.isfinite(elsewhere).any(axis=0)
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(gains) & (~one | unknown | (elsewhere > 0))
    return np.where(usable, gains, 0.0), centre, np.where(one & unknown, _MOST_EITHER, 1.0)


def _slips(gains: Floats) -> tuple[NDArray[np.int64], Floats]:
    """(k,) most likely power of ten, and its posterior probability."""
    odds = np.where(np.isfinite(gains), gains + np.log(_PRIOR), -np.inf)
    total = np.logaddexp.reduce(np.vstack([np.zeros((1, odds.shape[1])), odds]), axis=0)
    return np.array(POWERS)[odds.argmax(axis=0)], np.exp(odds.max(axis=0) - total)


def _log_mean(sheet: Sheet, name: str, *, raw: bool = False) -> Floats:
    """Log of a mean in the canonical unit, where it has one; NaN for means that may be negative.

    `raw`: as it is printed.
    """
    value = sheet.number(name)
    factor = 1.0 if raw else _factors(sheet)
    with np.errstate(all="ignore"):
        return np.where(sheet.ratio_scale & (value > 0), np.log(value * factor), np.nan)


def _factors(sheet: Sheet) -> Floats:
    """(k,) what one unit of the row is in the canonical one; 1 where the outcome is unknown."""
    known: dict[tuple[Any, Any], float] = {}
    out = np.ones(len(sheet))
    words = zip(sheet.text("outcome").tolist(), sheet.text("unit").tolist(), strict=True)
    for at, key in enumerate(words):
        if key not in known:
            endpoint = sheet.sized[at]
            factor = None if endpoint is None else endpoint.factor(key[1])
            known[key] = 1.0 if endpoint is None else (np.nan if factor is None else factor)
        out[at] = known[key]
    return out


def _expected(sheet: Sheet, level: Floats) -> tuple[Floats, Floats]:
    """(k,) log mean that the outcome has in the species, and its SD between papers.

    From the vocabulary's plausible range (its ends are taken as 3 SD); else from the other papers
    of the table, when there are at least four.
    """
    centre, sd = np.full(len(sheet), np.nan), np.full(len(sheet), np.nan)
    there = np.isfinite(level)
    with np.errstate(invalid="ignore"):
        row = np.where(there, level, 0.0).sum(axis=1) / there.sum(axis=1)
    studies = sheet.groups(["study"])
    keys = sheet.groups(["outcome", "species"])
    kinds = np.unique([each.name if each else "" for each in sheet.sized], return_inverse=True)[1]
    keys = keys * (kinds.max() + 1) + kinds  # BMD by area and by volume
    unknown = np.array([each is None for each in sheet.endpoints], dtype=bool)
    if unknown.any():  # without a unit to convert, only rows of one unit are compared
        keys = np.where(
            unknown, sheet.groups(["outcome", "species", "unit"]) + keys.max() + 1, keys
        )
    order = np.argsort(keys, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
        limits = _range(sheet, int(rows[0]))
        if limits is not None:
            low, high = (float(np.log(end)) for end in limits)
            centre[rows], sd[rows] = (low + high) / 2, max((high - low) / 6, _LEAST_SD)
            continue
        papers = _by_paper(row[rows], studies[rows])
        if len(papers) < 4:
            continue
        middle = float(np.median(papers))
        mad = 1.4826 * float(np.median(np.abs(papers - middle)))
        centre[rows], sd[rows] = middle, max(1.3 * mad, _LEAST_SD)
    return centre, sd


def _by_paper(values: Floats, studies: NDArray[np.int64]) -> Floats:
    """Mean of the rows of each paper."""
    there = np.isfinite(values)
    _, inside = np.unique(studies[there], return_inverse=True)
    return np.asarray(np.bincount(inside, weights=values[there]) / np.bincount(inside))


def _range(sheet: Sheet, at: int) -> tuple[float, float] | None:
    endpoint: Endpoint | None = sheet.sized[at]
    limits = None if endpoint is None else endpoint.ranges.get(str(sheet.text("species")[at]))
    return None if limits is None or limits[0] <= 0 else limits


def _tail(value: Floats, centre: Floats, sd: Floats | float) -> Floats:
    """Log density of Student's t with 5 df: papers differ more than a normal lets them."""
    return np.asarray(-3.0 * np.log1p(((value - centre) / sd) ** 2 / 5))


def _moved(
    sheet: Sheet, at: int, power: int, strength: float, usual: float, *, in_paper: float
) -> Suspicion:
    endpoint = sheet.sized[at]
    unit = sheet.text("unit")[at]
    named = None if endpoint is None else _unit_for(endpoint, unit, -power)
    usually = (
        f"usually about {usual:.2g}{' ' + endpoint.unit if endpoint and endpoint.unit else ''}"
        if np.isnan(in_paper)
        else f"about {in_paper:.2g} in other rows of the study"
    )
    size = "large" if power > 0 else "small"
    so = (
        f"the unit is {named}, not {unit}"
        if named
        else f"they are {10 ** abs(power):,} times too {size}"
    )
    message = f"the means fit {sheet.text('outcome')[at]} ({usually}) only if {so}"
    if named:
        correction: dict[str, Any] = {"unit": named}
    else:
        correction = {
            name: float(f"{sheet.number(name)[at] * 10.0**-power:.12g}")
            for name in _scaled_columns(sheet, at)
        }
    return sheet.tell(
        at, (*(["unit"] if named else []), "mean_treated", "mean_control"), "unit-scale", strength,
        message, correction=correction,
    )  # fmt: skip


def _scaled_columns(sheet: Sheet, at: int, arms: tuple[str, ...] = ()) -> list[str]:
    names = [
        f"{word}_{arm}"
        for arm in (arms or ("treated", "control", "sham"))
        for word in ("mean", "dispersion")
    ]
    return [name for name in names if np.isfinite(sheet.number(name)[at])]


def _unit_for(endpoint: Endpoint, unit: str | None, power: int) -> str | None:
    """The accepted unit that is 10 to a power times the printed one."""
    factor = endpoint.factor(unit)
    if factor is None:
        return None
    for other, size in endpoint.units.items():
        if abs(size / (factor * 10.0**power) - 1) < 1e-9:
            return other or None
    return None


def _one_arm(
    sheet: Sheet, level: Floats, centre: Floats, sd: Floats, free: Bools
) -> Iterator[Suspicion]:
    """Arms that differ by close to a power of ten: one of them is in another unit."""
    with np.errstate(invalid="ignore"):
        apart = (level[:, 0] - level[:, 1]) / np.log(10)
        power = np.round(apart)
        close = (np.abs(apart - power) < 0.25) & free
        close &= (np.abs(power) >= 1) & (np.abs(power) <= max(POWERS))
    for at in np.flatnonzero(close).tolist():
        step = int(power[at])
        known = np.isfinite(centre[at])
        off = np.abs(level[at, :2] - centre[at])
        treated = bool(off[0] > off[1]) if known else abs(step) > 0
        arm = "treated" if treated else "control"
        shift = step if treated else -step
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = np.log10(sheet.number("dispersion_treated")[at])
            spread -= np.log10(sheet.number("dispersion_control")[at])
        both = bool(abs(spread - step) < abs(step) / 2)  # the dispersion is in that unit, too
        names = _scaled_columns(sheet, at, (arm,)) if both else [f"mean_{arm}"]
        yield sheet.tell(
            at, (f"mean_{arm}", "unit"), "unit-scale", 0.7 if abs(step) > 1 else 0.35,
            f"the arms differ by a factor near {10 ** abs(step):,}; the {arm} arm looks as if it "
            "were in another unit",
            correction={n: float(f"{sheet.number(n)[at] * 10.0**-shift:.12g}") for n in names},
        )  # fmt: skip


def two_units(sheet: Sheet) -> Iterator[Suspicion]:
    """A unit cell that names two units of the outcome: the arms are in different ones."""
    known: dict[tuple[Any, Any], tuple[str, ...]] = {}
    pairs = zip(sheet.endpoints.tolist(), sheet.cells("unit").tolist(), strict=True)
    for at, (endpoint, unit) in enumerate(pairs):
        if endpoint is None or not unit:
            continue
        key = (endpoint.name, unit)
        if key not in known:
            known[key] = _units_named(endpoint, str(unit))
        if len(known[key]) > 1:
            yield sheet.tell(
                at, ("unit", "mean_treated", "mean_control"), "unit-scale", 0.8,
                f"names {join(known[key])}: are the two arms in different units?",
            )  # fmt: skip


def _units_named(endpoint: Endpoint, text: str) -> tuple[str, ...]:
    """Units of different size that a text names as words."""
    if endpoint.accepts(text):
        return ()
    words = re.split(r"[\s(),;]+", text)
    lengths = {"cm": 1e4, "mm": 1e3, "um": 1.0, "μm": 1.0, "µm": 1.0, "nm": 1e-3}
    found: dict[float, str] = {}
    for word in words:
        size = endpoint.factor(word) if word else None
        if size is None and endpoint.dimension == "length":
            size = lengths.get(word)
        if size is not None and word:
            found.setdefault(size, word)
    return tuple(found.values())


def areal_or_volumetric(sheet: Sheet) -> Iterator[Suspicion]:
    """Density by area under a name of density by volume, or the other way round."""
    areal, volumetric = sheet.vocabulary.endpoint("aBMD"), sheet.vocabulary.endpoint("vBMD")
    if areal is None or volumetric is None:
        return
    words = zip(
        sheet.text("outcome").tolist(), sheet.text("unit").tolist(), sheet.text("assay").tolist(),
        strict=True,
    )  # fmt: skip
    for at, (outcome, unit, assay) in enumerate(words):
        if outcome not in (*_AREAL, *_VOLUMETRIC):
            continue
        by_area, by_volume = areal.factor(unit) is not None, volumetric.factor(unit) is not None
        named_area = outcome in _AREAL
        if unit and ((named_area and by_volume) or (not named_area and by_area)):
            right = "vBMD" if named_area else "aBMD"
            yield sheet.tell(
                at, ("outcome", "unit"), "areal-as-volumetric", 0.9,
                f"is density by {'area' if named_area else 'volume'}, but {unit} is by "
                f"{'volume' if named_area else 'area'}: {right}?",
                correction={"outcome": right},
            )  # fmt: skip
        elif _device_says(str(assay or ""), named_area):
            yield sheet.tell(
                at, ("outcome", "assay", "unit"), "areal-as-volumetric", 0.6,
                f"is density by {'area' if named_area else 'volume'}, but {assay} measures it by "
                f"{'volume' if named_area else 'area'}",
            )  # fmt: skip


def _device_says(assay: str, named_area: bool) -> bool:
    """Whether the device measures the other kind of density."""
    word = assay.casefold().replace("-", "").replace(" ", "")
    by_area = word.startswith(("dxa", "dexa", "piximus", "sxa"))
    by_volume = "qct" in word or word.startswith(("microct", "µct", "uct", "microcomputed"))
    return by_volume if named_area else by_area
