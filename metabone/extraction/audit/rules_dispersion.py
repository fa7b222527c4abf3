"""Rules about dispersions: another kind than declared, another unit, or unexplained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabone.extraction.audit.dispersion import Dispersions, dispersions
from metabone.extraction.audit.readings import ODD, READINGS, Reading
from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.sheet import Bools, Floats, Sheet
from metabone.extraction.audit.spread import KINDS
from metabone.extraction.rows import ARMS

#: Posterior from which a suspicion of each kind is told; where `dispersion-odd` is the likeliest,
#: that of all readings but the declared one together.
TOLD_FROM = 0.25
ODD_FROM = 0.75
#: Weaker ones down to this are told, too, the strongest first, while no more than this share of all
#: rows would be told wrongly by their own posteriors.
MAYBE_FROM, WRONGLY_TOLD = 0.1, 0.02
CODES = tuple(dict.fromkeys(reading.code for reading in READINGS if reading.code))
_NAMES = ("SD", "SEM", "half-width of a 95% interval", "variance")
_ARTICLE = {name: f"{'an' if name[0] == 'S' else 'a'} {name}" for name in _NAMES}
_SIZE = ("small", "large")
_SHOWN = 8


def dispersion_kinds(sheet: Sheet) -> Iterator[Suspicion]:
    """What the mixture says of every row: at most one suspicion for a row."""
    found = dispersions(sheet)
    if found is None:
        return
    best, strength, told = likeliest(found)
    mates = _mates(found)
    for at in np.flatnonzero(told).tolist():
        code = CODES[best[at]]
        places = [z for z, reading in enumerate(READINGS) if reading.code == code]
        z = places[int(np.argmax(found.readings[places, at]))]
        yield _tell(sheet, found, at, z, float(strength[at]), mates.get((at, code), ()))


def likeliest(found: Dispersions) -> tuple[NDArray[np.intp], Floats, Bools]:
    """The likeliest suspicion of each row.

    Returns
    -------
    place in `CODES`, strength, whether it is told : (k,) each.
    """
    strengths = np.stack([found.of_code(code) for code in CODES])
    best = strengths.argmax(axis=0)
    odd = best == CODES.index(READINGS[ODD].code)
    strength = np.where(odd, strengths.sum(axis=0), strengths.max(axis=0))
    told = strength >= np.where(odd, ODD_FROM, TOLD_FROM)
    spare = WRONGLY_TOLD * len(found.used) - float((1 - strength[told]).sum())
    maybe = np.flatnonzero(~told & ~odd & (strength >= MAYBE_FROM))
    maybe = maybe[np.argsort(-strength[maybe], kind="stable")]
    told[maybe[np.cumsum(1 - strength[maybe]) <= spare]] = True
    return best, strength, told


def _mates(found: Dispersions) -> dict[tuple[int, str], list[int]]:
    """Rows that a likely hypothesis reads otherwise together."""
    together: dict[tuple[int, str], list[int]] = {}
    for batch, probability in zip(found.batches, found.batch, strict=True):
        if probability >= 0.2 and len(batch.rows) > 1:
            rows = found.used[batch.rows].tolist()
            code = READINGS[batch.reading].code
            for at in rows:
                if len(rows) > len(together.get((at, code), ())):
                    together[at, code] = rows
    return together


def _tell(
    sheet: Sheet, found: Dispersions, at: int, z: int, strength: float, mates: Sequence[int]
) -> Suspicion:
    """The suspicion about a row; `mates` are the rows that are read so with it, itself included."""
    reading = READINGS[z]
    arms = [a for a in reading.arms if found.spread.given[at, a]]
    words = [ARMS[a] for a in arms]
    columns = [f"dispersion_{word}" for word in words]
    if reading.kind is not None:
        columns.append("dispersion_type")
    message = _message(sheet, found, at, reading, words)
    message += _labels(found, at, z)
    if mates:
        message += f"; {len(mates) - 1} other rows of the study alike"
    # Of the mates only the first are looked at: there may be as many as there are rows.
    others = [mate for mate in mates[: _SHOWN + 1] if mate != at][:_SHOWN]
    return sheet.tell(
        at, columns, reading.code, strength, message, rows=others,
        correction=_correction(sheet, found, at, reading, arms),
    )  # fmt: skip


def _message(sheet: Sheet, found: Dispersions, at: int, reading: Reading, words: list[str]) -> str:
    spread = found.spread
    declared = _NAMES[spread.kind[at]]
    group = spread.endpoint[at]
    usual = float(np.exp(found.fit.mean[group]))
    relative = bool(spread.relative[group])
    now, then = _spread_of(found, 0, at), _spread_of(found, READINGS.index(reading), at)
    outcome = sheet.text("outcome")[at]
    scale = "coefficient of variation" if relative else "SD"
    usually = f"animals usually differ by {_percent(usual, relative)} in {outcome}"
    arms = "" if len(words) > 1 else f" of the {words[0]} arm"
    if reading.code == "dispersion-odd":
        return (
            f"the dispersion fits neither the declared {declared} ({scale} "
            f"{_percent(now, relative)}; {usually}) nor another kind or unit"
        )
    if reading.kind is None:
        what = f"is {10.0 ** abs(reading.power):g} times too {_SIZE[reading.power > 0]}"
    else:
        what = f"is {_ARTICLE[_NAMES[reading.kind]]}, not {_ARTICLE[declared]}"
    return (
        f"the dispersion{arms} looks as if it {what}: as it stands the {scale} is "
        f"{_percent(now, relative)}, then {_percent(then, relative)}; {usually}"
        f"{_animals(found, at, reading)}"
    )


def _animals(found: Dispersions, at: int, reading: Reading) -> str:
    """That n was guessed, where a kind of dispersion is converted by it."""
    spread = found.spread
    if reading.kind is None or not np.isnan(spread.n[at, :2]).any():
        return ""
    place = int(np.flatnonzero(np.isnan(spread.n[at, :2]))[0])
    return f" (n is blank: {spread.likely[at, place]:g} animals are assumed)"


def _labels(found: Dispersions, at: int, z: int) -> str:
    """That the other rows of the study declare the suspected kind, where they speak for it."""
    spread, kind = found.spread, READINGS[z].kind
    if kind is None or found.evidence.label[z, np.searchsorted(found.used, at)] <= 0:
        return ""
    alike = int(spread.labels[spread.study[at], kind])
    rows = f"{alike} other rows of the study say" if alike > 1 else "another row of the study says"
    return f"; {rows} {_NAMES[kind]}"


def _spread_of(found: Dispersions, z: int, at: int) -> float:
    """Geometric mean of the arms' CV (or SD) by a reading."""
    return float(found.usual[z, np.searchsorted(found.used, at)])


def _percent(value: float, relative: bool) -> str:
    return f"{100 * value:.2g}%" if relative else f"{value:.2g}"


def _correction(
    sheet: Sheet, found: Dispersions, at: int, reading: Reading, arms: list[int]
) -> dict[str, Any] | None:
    """The row as it would be; where one arm alone is of another kind it is converted."""
    if reading.code == "dispersion-odd":
        return None
    if reading.kind is None:
        return {
            f"dispersion_{ARMS[a]}": _round(
                float(sheet.number(f"dispersion_{ARMS[a]}")[at]) * 10.0**-reading.power
            )
            for a in arms
        }
    whole = len(reading.arms) > 1
    if whole and KINDS[reading.kind] != "variance":
        return {"dispersion_type": KINDS[reading.kind]}
    out: dict[str, Any] = {}
    for a in arms:
        if KINDS[reading.kind] != "variance" and np.isnan(found.spread.n[at, a]):
            return None  # the factor hangs on a number of animals that nobody knows
        value = float(sheet.number(f"dispersion_{ARMS[a]}")[at])
        root = float(np.sqrt(found.spread.n[at, a]))
        if KINDS[reading.kind] == "variance":
            out[f"dispersion_{ARMS[a]}"] = value**0.5
        else:
            out[f"dispersion_{ARMS[a]}"] = value * root if reading.kind == 1 else value / root
    return out


def _round(value: float) -> float:
    """Without the noise of binary fractions."""
    return float(f"{value:.12g}")


def strengths(sheet: Sheet) -> dict[str, Floats]:
    """(k,) posterior of every code of the dispersion, for measuring how often it is right."""
    found = dispersions(sheet)
    blank = np.zeros(len(sheet))
    return {code: blank if found is None else found.of_code(code) for code in CODES}
