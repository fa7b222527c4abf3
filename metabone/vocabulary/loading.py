"""TOML files into terms: every table checked, every spelling owned by one term."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from metabone.errors import UsageError
from metabone.options import Better, choices, nearest
from metabone.vocabulary.folding import fold_word, singular
from metabone.vocabulary.terms import DOMAINS, Endpoint, Item, Term
from metabone.vocabulary.units import dimensions, fold_unit, into

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
            "outcomes_ranges.toml",
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
        "arrive": ("risk_of_bias.toml",),
    }
)
# Ordered sets.
TERM_KEYS = MappingProxyType(dict.fromkeys(("label", "synonyms", "note", "parent")))
ITEM_KEYS = MappingProxyType(dict.fromkeys((*TERM_KEYS, "domain")))
#: Kinds whose terms are items of a list that judges studies.
ITEM_KINDS = ("rob", "camarades", "arrive")
ENDPOINT_KEYS = MappingProxyType(
    dict.fromkeys(
        (*TERM_KEYS, "dimension", "unit", "units", "other_units", "domain", "better", "skeletal",
         "ratio_scale", "ranges", "range_source")
    )
)  # fmt: skip
# Changing one of these on a known endpoint would change what its ranges and factors mean.
SETTLED = ("dimension", "unit", "domain")
_BETTER = choices(Better)


@dataclass(frozen=True, slots=True)
class Kind:
    """The terms of one kind by canonical name, and the name that each folded spelling means."""

    terms: Mapping[str, Term]
    index: Mapping[str, str]

    def means(self, word: str) -> str | None:
        """The canonical name of `word` in any spelling, singular or plural."""
        folded = fold_word(word)
        return self.index.get(folded) or self.index.get(singular(folded))


@dataclass(frozen=True, slots=True)
class _Place:
    """A table of a TOML file: reads its keys and says where something is wrong."""

    file: str
    kind: str
    name: str
    table: Mapping[str, Any]

    def wrong(self, key: str, message: str) -> UsageError:
        """The error of a key of this table: file, table, key and what is wrong."""
        where = f'{self.kind}."{self.name}"' + (f".{key}" if key else "")
        return UsageError(f"{self.file}: {where}: {message}")

    def get(self, key: str, is_right: Callable[[Any], bool], wanted: str, default: Any) -> Any:
        """The value of a key, or `default` where the table leaves it out; refused if not right."""
        if key not in self.table:
            return default
        value = self.table[key]
        if not is_right(value):
            raise self.wrong(key, f"must be {wanted}; got {value!r}")
        return value

    def text(self, key: str, default: str = "") -> str:
        """A text without blanks around it."""
        return str(self.get(key, _is_text, "a text", default)).strip()

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a list, none where the key is left out."""
        return tuple(self.get(key, _is_texts, "a list of texts", ()))

    def flag(self, key: str, default: bool) -> bool:
        """A true or false."""
        return bool(self.get(key, _is_flag, "true or false", default))

    def mapping(self, key: str) -> Mapping[str, Any]:
        """A table inside this one, empty where it is left out."""
        found: Mapping[str, Any] = self.get(key, _is_table, "a table", {})
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
        merged = merge(merged, kind, _shipped(file), file)
    return merged


@cache
def _shipped(file: str) -> Mapping[str, Any]:
    return MappingProxyType(read_toml(Path(__file__).with_name(file)))


def read_extra(path: Path) -> Mapping[str, Kind]:
    """The kinds that a user's own file adds to, each merged with the shipped terms.

    Raises
    ------
    UsageError
        For whatever is malformed, naming file, table and key.
    """
    content = read_toml(path)
    for kind, table in content.items():
        if kind not in (*FILES, "defaults"):
            raise UsageError(f"{path}: {kind} is no kind of word; {_hint(kind, FILES)}")
        if not isinstance(table, dict):
            raise UsageError(f'{path}: {kind} must hold tables such as [{kind}."a name"]')
    _check_defaults(content, str(path))
    own: dict[str, Kind] = {}
    kinds = [kind for kind in content if kind in FILES]
    for kind in sorted(kinds, key=lambda name: name != "species"):  # ranges name species
        own[kind] = merge(built_in(kind), kind, content, str(path), own.get("species"))
    return MappingProxyType(own)


def merge(
    base: Kind, kind: str, content: Mapping[str, Any], file: str, species: Kind | None = None
) -> Kind:
    """Add what a file says of a kind to its terms.

    Raises
    ------
    UsageError
        For a malformed table, or a spelling that would mean two terms.
    """
    terms, index = dict(base.terms), dict(base.index)
    touched: list[_Place] = []
    defaults = content.get("defaults", {}).get(kind)
    for name, table in content.get(kind, {}).items():
        place = _Place(file, kind, name, table if isinstance(table, dict) else {})
        if not isinstance(table, dict):
            raise place.wrong("", f"must be a table; got {table!r}")
        old = terms.get(base.means(name) or index.get(fold_word(name), ""))
        if old is None and defaults:
            place = _Place(file, kind, name, {**defaults, **table})
        term = _made(kind, place, old, species)
        terms[term.name] = term
        _claim(index, term, place)
        touched.append(place)
    for place in touched:
        parent = terms[index[fold_word(place.name)]].parent
        if parent is not None and parent not in terms:
            raise place.wrong("parent", f"{parent!r} is not known; {_hint(parent, terms)}")
    return Kind(MappingProxyType(terms), MappingProxyType(index))


def _check_defaults(content: Mapping[str, Any], file: str) -> None:
    for kind, table in content.get("defaults", {}).items():
        if kind not in FILES or not isinstance(table, dict):
            raise UsageError(
                f"{file}: defaults.{kind} must be a table of one kind; {_hint(kind, FILES)}"
            )
        place = _Place(file, "defaults", kind, table)
        _check_keys(place, _keys_of(kind))


def _claim(index: dict[str, str], term: Term, place: _Place) -> None:
    named = (("", term.name), ("label", term.label), *(("synonyms", w) for w in term.synonyms))
    for key, word in named:
        folded = fold_word(word)
        if not folded:
            raise place.wrong(key, f"{word!r} has no letter or digit")
        owner = index.setdefault(folded, term.name)
        if owner != term.name:
            raise place.wrong(key, f"{word!r} already belongs to {owner!r}")


def _keys_of(kind: str) -> Mapping[str, None]:
    if kind == "outcome":
        return ENDPOINT_KEYS
    return ITEM_KEYS if kind in ITEM_KINDS else TERM_KEYS


def _made(kind: str, place: _Place, old: Term | None, species: Kind | None) -> Term:
    if kind == "outcome":
        return _endpoint(place, old, species)
    _check_keys(place, _keys_of(kind))
    if kind not in ITEM_KINDS:
        return Term(**_common(place, old))
    known = old.domain if isinstance(old, Item) else "other"
    domain = place.text("domain", known)
    if domain not in DOMAINS:
        raise place.wrong("domain", f"{domain!r} is not known; {_hint(domain, DOMAINS)}")
    return Item(**_common(place, old), domain=domain)


def _common(place: _Place, old: Term | None) -> dict[str, Any]:
    return {
        "name": old.name if old else place.name,
        "label": place.text("label", old.label if old else place.name),
        "synonyms": _together(old.synonyms if old else (), place.texts("synonyms")),
        "note": place.text("note", old.note if old else ""),
        "parent": place.text("parent", (old.parent or "") if old else "") or None,
    }


def _endpoint(place: _Place, old: Term | None, species: Kind | None) -> Endpoint:
    _check_keys(place, ENDPOINT_KEYS)
    known = old if isinstance(old, Endpoint) else None
    if known is not None:
        _check_settled(place, known)
    source = place.text("range_source")
    ranges = _ranges(place, species)
    if ranges and not source:
        raise place.wrong("range_source", "must say where the ranges come from")
    return Endpoint(
        **_common(place, old),
        **(_measure(place) if known is None else _more_units(place, known)),
        other_units=_together(known.other_units if known else (), _other_units(place)),
        better=_better(place, known.better if known else None),
        skeletal=place.flag("skeletal", known.skeletal if known else False),
        ratio_scale=place.flag("ratio_scale", known.ratio_scale if known else True),
        ranges={**(known.ranges if known else {}), **ranges},
        range_source="; ".join(filter(None, (known.range_source if known else "", source))),
    )


def _measure(place: _Place) -> dict[str, Any]:
    """What a new outcome measures, its unit, and what converts into it."""
    for key in SETTLED:
        if key not in place.table:
            raise place.wrong(key, "is missing: a new outcome needs dimension, unit and domain")
    name, unit = place.text("dimension"), place.text("unit")
    if name not in dimensions():
        raise place.wrong("dimension", f"{name!r} is not known; {_hint(name, dimensions())}")
    if unit and name == "other":
        _unit(place, "unit", unit)
    elif unit not in dimensions()[name].units and not (unit == "" and name in ("none", "other")):
        hint = _hint(unit, dimensions()[name].units)
        raise place.wrong("unit", f"{unit!r} is no unit of {name}; {hint}")
    units = into(name, unit)
    return {
        "dimension": name,
        "unit": unit,
        "domain": place.text("domain"),
        "units": {**units, **_own_units(place, units)} if "units" in place.table else units,
    }


def _more_units(place: _Place, known: Endpoint) -> dict[str, Any]:
    settled = {key: getattr(known, key) for key in SETTLED}
    return settled | {"units": {**known.units, **_own_units(place, known.units)}}


def _own_units(place: _Place, known: Mapping[str, float]) -> dict[str, float]:
    units = {}
    for unit, factor in place.mapping("units").items():
        key = f'units."{unit}"'
        if not _is_number(factor) or factor <= 0:
            raise place.wrong(key, f"must be a number above 0; got {factor!r}")
        folded = _unit(place, key, unit)
        for other, present in known.items():
            if fold_unit(other) == folded and not math.isclose(present, factor):
                raise place.wrong(key, f"is {present:g} already; a factor cannot be changed")
        units[unit] = float(factor)
    return units


def _other_units(place: _Place) -> tuple[str, ...]:
    others = place.texts("other_units")
    for unit in others:
        _unit(place, "other_units", unit)
    return others


def _unit(place: _Place, key: str, unit: str) -> tuple[float, str]:
    folded = fold_unit(unit)
    if folded is None or folded[0] != 1.0:
        raise place.wrong(key, f"{unit!r} cannot be read as a unit such as 'mg/cm3' or 'N*mm'")
    return folded


def _ranges(place: _Place, species: Kind | None) -> dict[str, tuple[float, float]]:
    found = {}
    for word, pair in place.mapping("ranges").items():
        key = f"ranges.{word}"
        known = species or built_in("species")
        name = known.means(word)
        if name is None:
            raise place.wrong(key, f"{word!r} is no known species; {_hint(word, known.terms)}")
        if not _is_pair(pair):
            raise place.wrong(key, f"must be [lowest, highest] with lowest < highest; got {pair!r}")
        found[name] = (float(pair[0]), float(pair[1]))
    return found


def _better(place: _Place, default: Better | None) -> Better | None:
    value: Better | None = place.get("better", _is_better, '"higher" or "lower"', default)
    return value


def _check_keys(place: _Place, allowed: Mapping[str, None]) -> None:
    if place.table.keys() <= allowed.keys():
        return
    key = next(key for key in place.table if key not in allowed)
    raise place.wrong(key, f"is not a known key; {_hint(key, allowed)}")


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


def _together(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*old, *new))) if old else new


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_better(value: Any) -> bool:
    return isinstance(value, str) and value in _BETTER


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
