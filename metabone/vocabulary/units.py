"""Units as papers print them, brought to one spelling, and what converts into what."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

_CHARACTERS = str.maketrans(
    {
        "−": "-", "‐": "-", "‑": "-", "–": "-", "—": "-", "μ": "u",
        "·": "*", "×": "*", "∙": "*", "⋅": "*", "•": "*", "[": "(", "]": ")",
    }
)  # fmt: skip
_POWER_OF_TEN = re.compile(r"^(?:[x*]\s*)?10\s*(-?\d{1,2})[\s*x]+(?=[A-Za-z])")
# Density against a hydroxyapatite phantom is printed "mg HA/cm3", "mgHA/cm3", "mg/ccmHA", …
_HYDROXYAPATITE = re.compile(r"\s*(?:hydroxyapatite|HAp?)(?![A-Za-z])")
_PERCENT = re.compile(r"\b(?:per\s?cent|percentage|pct)\b", re.IGNORECASE)
_DENOMINATOR = re.compile(r"/\s*\(([^()/]+)\)")
_FACTOR = re.compile(r"([A-Za-z%#]+)(-?\d+)?")


@dataclass(frozen=True, slots=True)
class Dimension:
    """A physical dimension: its units, each with what one of it is in the first."""

    name: str
    units: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Table:
    dimensions: Mapping[str, Dimension]
    spellings: Mapping[str, str]
    symbols: frozenset[str]


@cache
def _table() -> _Table:
    path = Path(__file__).with_name("units.toml")
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    named = {
        name: Dimension(name, MappingProxyType({key: float(v) for key, v in units.items()}))
        for name, units in content["dimension"].items()
    }
    spellings = {
        other: unit for unit, others in content["spelling"].items() for other in (unit, *others)
    }
    symbols = {
        found.group(1)
        for dimension in named.values()
        for unit in dimension.units
        for found in _FACTOR.finditer(unit)
    }
    return _Table(
        MappingProxyType(named), MappingProxyType(spellings), frozenset(symbols | {*spellings})
    )


def dimensions() -> Mapping[str, Dimension]:
    """The known dimensions by name.

    Examples
    --------
    >>> "areal_density" in dimensions()
    True
    """
    return _table().dimensions


@cache
def into(dimension: str, unit: str) -> Mapping[str, float]:
    """What one of each unit of a dimension is in `unit`; read-only.

    Examples
    --------
    >>> into("length", "mm")["um"]
    0.001
    """
    units = dimensions()[dimension].units
    if unit not in units:  # the dimensions "none" and "other"
        return MappingProxyType({unit: 1.0} if unit else dict(units))
    return MappingProxyType({other: factor / units[unit] for other, factor in units.items()})


@lru_cache(maxsize=2048)
def fold_unit(text: str) -> tuple[float, str] | None:
    """A power of ten and one spelling of the unit; None for what is no unit.

    Nothing is cancelled: ``mm3/mm3`` stays a volume per volume and ``um3/um2/d`` stays apart
    from ``um/d``. Symbols keep their letter case, since mN is not MN.

    Examples
    --------
    >>> fold_unit("μm³·μm⁻²·yr⁻¹") == fold_unit("um3/um2/year")
    True
    >>> fold_unit("10-3 g/cm2")
    (0.001, 'g/cm2')
    >>> fold_unit("mg HA/ccm") == fold_unit("mg/cm^3")
    True
    """
    words = unicodedata.normalize("NFKC", text).translate(_CHARACTERS).strip()
    words = _PERCENT.sub("%", re.sub(r"\s*(?:\^|\*\*)\s*", "", words))
    words = _whole(words)
    found = _POWER_OF_TEN.match(words)
    scale = float(f"1e{found.group(1)}") if found else 1.0
    words = words[found.end() :] if found else words
    words = _HYDROXYAPATITE.sub("", words)
    words = re.sub(r"\bper\b", "/", words)
    words = _DENOMINATOR.sub(lambda part: "/" + "/".join(_products(part.group(1))), words)
    if re.search(r"/\s*\(", words):
        return None
    key = _quotient(words.replace("(", " ").replace(")", " "))
    return None if key is None else (scale, key)


def _whole(text: str) -> str:
    """The unit that a whole text spells ("fold change"), or the text as it is."""
    spellings = _table().spellings
    return spellings.get(text, spellings.get(text.casefold(), text) if " " in text else text)


def _products(text: str) -> list[str]:
    """The factors of a product: ``N*mm``, ``N mm``, ``N.mm`` and ``N-mm`` are the same."""
    joined = re.sub(r"\s+(?=-\d)", "", text)
    joined = re.sub(r"(?<=[A-Za-z])-(?=[A-Za-z])|(?<=[A-Za-z\d])\.(?=[A-Za-z])", "*", joined)
    return [part.rstrip(".") for part in re.split(r"[*\s]+", joined) if part]


def _quotient(text: str) -> str | None:
    above: list[str] = []
    below: list[str] = []
    for place, segment in enumerate(text.split("/")):
        factors = _products(segment)
        if not factors and place:
            return None
        for part in factors:
            if part == "1" and place == 0:
                continue
            found = _FACTOR.fullmatch(part)
            if found is None:
                return None
            symbol, power = _symbol(found.group(1)), found.group(2) or ""
            downward = power.startswith("-") != bool(place)
            power = power.lstrip("-")
            if power == "1":
                power = ""
            (below if downward else above).append(f"{symbol}{power}")
    if below:
        above = [part for part in above if part != "count"]
    if not above and not below and text.strip() != "1":
        return None
    return "/".join(("*".join(sorted(above)) or "1", *sorted(below)))


def _symbol(word: str) -> str:
    """The symbol that `word` spells; letter case is forgiven, but not that of m and M."""
    table = _table()
    if word in table.spellings:
        return table.spellings[word]
    if word in table.symbols:
        return word
    alike = {
        table.spellings.get(known, known)
        for known in table.symbols
        if known.casefold() == word.casefold() and _same_m(known, word)
    }
    return alike.pop() if len(alike) == 1 else word


def _same_m(known: str, word: str) -> bool:
    """Whether milli, mega, metre and molar are told apart as in `known`."""
    return all(a == b or a not in "mM" for a, b in zip(known, word, strict=True))
