"""TOML files into terms: every table checked, every spelling owned by one term."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from metabone.errors import UsageError
from metabone.options import Better, choices, nearest
from metabone.vocabulary.folding import fold_word
from metabone.vocabulary.terms import Endpoint, Term
from metabone.vocabulary.units import Dimension, dimensions, fold_unit

FILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "outcome": (
            "outcomes_density.toml",
            "outcomes_microct.toml",
            "outcomes_histomorphometry.toml",
            "outcomes_mechanics.toml",
            "outcomes_repair.toml",
            "outcomes_serum.toml",
            "outcomes_molecular.toml",
            "outcomes_cell.toml",
        ),
        "exosome_source": ("exosome_sources.toml",),
        "target_cell": ("target_cells.toml",),
        "model": ("models.toml",),
        "species": ("animals.toml",),
        "sex": ("animals.toml",),
        "assay": ("assays.toml",),
        "route": ("routes.toml",),
        "rob": ("risk_of_bias.toml",),
        "camarades": ("risk_of_bias.toml",),
    }
)
TERM_KEYS = ("label", "synonyms", "note", "parent")
ENDPOINT_KEYS = (
    *TERM_KEYS, "dimension", "unit", "units", "other_units", "domain", "better", "skeletal",
    "ratio_scale", "ranges", "range_source",
)  # fmt: skip
# Changing one of these on a known endpoint would change what its ranges and factors mean.
SETTLED = ("dimension", "unit", "domain")


@dataclass(frozen=True, slots=True)
class Kind:
    """The terms of one kind by canonical name, and the name that each folded spelling means."""

    terms: Mapping[str, Term]
    index: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Place:
    """A table of a TOML file: reads its keys and says where something is wrong."""

    file: str
    kind: str
    name: str
    table: Mapping[str, Any]

    def wrong(self, key: str, message: str) -> UsageError:
        where = f'{self.kind}."{self.name}"' + (f".{key}" if key else "")
        return UsageError(f"{self.file}: {where}: {message}")

    def get(self, key: str, is_right: Callable[[Any], bool], wanted: str, default: Any) -> Any:
        value = self.table.get(key, default)
        if key in self.table and not is_right(value):
            raise self.wrong(key, f"must be {wanted}; got {value!r}")
        return value

    def text(self, key: str, default: str = "") -> str:
        return str(self.get(key, lambda v: isinstance(v, str), "a text", default)).strip()

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self.get(key, _is_texts, "a list of texts", ()))

    def flag(self, key: str, default: bool) -> bool:
        return bool(self.get(key, lambda v: isinstance(v, bool), "true or false", default))

    def mapping(self, key: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.get(key, lambda v: isinstance(v, dict), "a table", {})
        return found


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a vocabulary file.

    Raises
    ------
    UsageError
        If it cannot be read or is not TOML; the message has the line and column.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text (byte {error.start + 1})") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: is not valid TOML: {error}") from error


@cache
def built_in(kind: str) -> Kind:
    """The shipped terms of one kind."""
    merged = Kind(MappingProxyType({}), MappingProxyType({}))
    for file in FILES[kind]:
        path = Path(__file__).with_name(file)
        merged = merge(merged, kind, read_toml(path).get(kind, {}), path.name)
    return merged


def read_extra(path: Path) -> Mapping[str, Kind]:
    """The kinds that a user's own file adds to, each merged with the shipped terms.

    Raises
    ------
    UsageError
        For whatever is malformed, naming file, table and key.
    """
    content = read_toml(path)
    for kind, table in content.items():
        if kind not in FILES:
            raise UsageError(f"{path}: {kind} is no kind of word; {_hint(kind, FILES)}")
        if not isinstance(table, dict):
            raise UsageError(f'{path}: {kind} must hold tables such as [{kind}."a name"]')
    own: dict[str, Kind] = {}
    for kind in sorted(content, key=lambda name: name != "species"):  # ranges name species
        species = own.get("species")
        own[kind] = merge(built_in(kind), kind, content[kind], str(path), species)
    return MappingProxyType(own)


def merge(
    base: Kind, kind: str, tables: Mapping[str, Any], file: str, species: Kind | None = None
) -> Kind:
    """Add the tables of a file to the terms of a kind.

    Raises
    ------
    UsageError
        For a malformed table, or a spelling that would mean two terms.
    """
    terms, index = dict(base.terms), dict(base.index)
    touched: list[_Place] = []
    for name, table in tables.items():
        place = _Place(file, kind, name, table if isinstance(table, dict) else {})
        if not isinstance(table, dict):
            raise place.wrong("", f"must be a table; got {table!r}")
        old = terms.get(index.get(fold_word(name), ""))
        term = _endpoint(place, old, species) if kind == "outcome" else _term(place, old)
        terms[term.name] = term
        _claim(index, term, place)
        touched.append(place)
    for place in touched:
        parent = terms[index[fold_word(place.name)]].parent
        if parent is not None and parent not in terms:
            raise place.wrong("parent", f"{parent!r} is not known; {_hint(parent, terms)}")
    return Kind(MappingProxyType(terms), MappingProxyType(index))


def _claim(index: dict[str, str], term: Term, place: _Place) -> None:
    for word in (term.name, *term.synonyms):
        folded = fold_word(word)
        key = "" if word == term.name else "synonyms"
        if not folded:
            raise place.wrong(key, f"{word!r} has no letter or digit")
        owner = index.setdefault(folded, term.name)
        if owner != term.name:
            raise place.wrong(key, f"{word!r} already belongs to {owner!r}")


def _term(place: _Place, old: Term | None) -> Term:
    _check_keys(place, TERM_KEYS)
    label = place.text("label", old.label if old else place.name)
    parent = place.text("parent", (old.parent or "") if old else "") or None
    synonyms = _together(old.synonyms if old else (), place.texts("synonyms"))
    note = place.text("note", old.note if old else "")
    name = old.name if old else place.name
    return Term(name=name, label=label, synonyms=synonyms, note=note, parent=parent)


def _endpoint(place: _Place, old: Term | None, species: Kind | None) -> Endpoint:
    _check_keys(place, ENDPOINT_KEYS)
    plain = _term(_Place(place.file, place.kind, place.name, _only(place.table, TERM_KEYS)), old)
    common = {key: getattr(plain, key) for key in ("name", "label", "synonyms", "note", "parent")}
    if isinstance(old, Endpoint):
        _check_settled(place, old)
        known = replace(old, **common)
    else:
        known = _fresh(place, common)
    units = dict(known.units) | _own_units(place, known.units)
    ranges = dict(known.ranges) | _ranges(place, species)
    source = place.text("range_source")
    if place.mapping("ranges") and not source:
        raise place.wrong("range_source", "must say where the ranges come from")
    return replace(
        known,
        units=units,
        other_units=_together(known.other_units, _other_units(place)),
        better=_better(place, known.better),
        skeletal=place.flag("skeletal", known.skeletal),
        ratio_scale=place.flag("ratio_scale", known.ratio_scale),
        ranges=ranges,
        range_source="; ".join(part for part in (known.range_source, source) if part),
    )


def _fresh(place: _Place, common: Mapping[str, Any]) -> Endpoint:
    for key in ("dimension", "unit", "domain"):
        if key not in place.table:
            raise place.wrong(key, "is missing: a new outcome needs dimension, unit and domain")
    dimension = _dimension(place)
    unit = place.text("unit")
    units = _own_units(place, {})
    if unit in dimension.units:
        units = dimension.into(unit) | units
    elif dimension.name == "none" and unit == "":
        units = dict(dimension.units) | units
    elif dimension.name == "other":
        units = {unit: 1.0} | units if unit else units
    else:
        raise place.wrong(
            "unit", f"{unit!r} is no {dimension.name}; {_hint(unit, dimension.units)}"
        )
    return Endpoint(
        **common, dimension=dimension.name, unit=unit, units=units, domain=place.text("domain")
    )


def _dimension(place: _Place) -> Dimension:
    name = place.text("dimension")
    known = dimensions()
    if name not in known:
        raise place.wrong("dimension", f"{name!r} is not known; {_hint(name, known)}")
    return known[name]


def _own_units(place: _Place, known: Mapping[str, float]) -> dict[str, float]:
    units = {}
    for unit, factor in place.mapping("units").items():
        if not _is_number(factor) or factor <= 0:
            raise place.wrong(f'units."{unit}"', f"must be a number above 0; got {factor!r}")
        folded = _unit(place, "units", unit)
        for other, present in known.items():
            same = fold_unit(other) == folded and unit not in known
            if (same or other == unit) and not math.isclose(present, factor):
                raise place.wrong(
                    f'units."{unit}"', f"is {present:g} already; a factor cannot be changed"
                )
        units[unit] = float(factor)
    return units


def _other_units(place: _Place) -> tuple[str, ...]:
    others = place.texts("other_units")
    for unit in others:
        _unit(place, "other_units", unit)
    return others


def _unit(place: _Place, key: str, unit: str) -> tuple[float, str]:
    folded = fold_unit(unit)
    if folded is None:
        raise place.wrong(key, f"{unit!r} cannot be read as a unit such as 'mg/cm3' or 'N*mm'")
    return folded


def _ranges(place: _Place, species: Kind | None) -> dict[str, tuple[float, float]]:
    found = {}
    for word, pair in place.mapping("ranges").items():
        key = f"ranges.{word}"
        known = species or built_in("species")
        name = known.index.get(fold_word(word))
        if name is None:
            raise place.wrong(key, f"{word!r} is no known species; {_hint(word, known.terms)}")
        if not _is_pair(pair):
            raise place.wrong(key, f"must be [lowest, highest] with lowest < highest; got {pair!r}")
        found[name] = (float(pair[0]), float(pair[1]))
    return found


def _better(place: _Place, default: Better | None) -> Better | None:
    value: Better | None = place.get(
        "better", lambda v: v in choices(Better), '"higher" or "lower"', default
    )
    return value


def _check_keys(place: _Place, allowed: Iterable[str]) -> None:
    known = tuple(allowed)
    for key in place.table:
        if key not in known:
            raise place.wrong(key, f"is not a known key; {_hint(key, known)}")


def _check_settled(place: _Place, old: Endpoint) -> None:
    for key in SETTLED:
        if key in place.table and place.table[key] != getattr(old, key):
            raise place.wrong(
                key, f"is {getattr(old, key)!r} and cannot be changed; add to `units` instead"
            )


def _hint(word: str, known: Iterable[str]) -> str:
    words = tuple(known)
    close = nearest(word, words)
    shown = close or words
    return ("nearest: " if close else "known: ") + ", ".join(repr(name) for name in shown)


def _together(old: Iterable[str], new: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*old, *new)))


def _only(table: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: table[key] for key in keys if key in table}


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(_is_number(item) for item in value)
        and value[0] < value[1]
    )
