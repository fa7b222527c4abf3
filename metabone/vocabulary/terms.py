"""What a word of the vocabulary carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from metabone.options import Better
from metabone.vocabulary.units import fold_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word that the tables use.

    Parameters
    ----------
    name : the canonical spelling, which tables hold after reading.
    label : the words that figures and reports print; a table may use them too.
    synonyms : other spellings; letter case, spaces and punctuation need not be repeated.
    note : what a reader should know before using it.
    parent : the canonical name of the wider term of the same kind, or None.
    """

    name: str
    label: str
    synonyms: tuple[str, ...] = ()
    note: str = ""
    parent: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only mappings cannot be pickled; plain dictionaries can, and come back read-only.
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        plain = {key: dict(v) if isinstance(v, Mapping) else v for key, v in values.items()}
        return _rebuild, (type(self), plain)


#: Where a bias enters; a list of reporting has ``reporting`` alone.
DOMAINS = ("selection", "performance", "detection", "attrition", "reporting", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Term):
    """An item of a list that judges studies.

    Parameters
    ----------
    domain : one of `DOMAINS`.
    """

    domain: str = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Term):
    """An outcome: what it measures, in which units, and which way is better.

    Parameters
    ----------
    dimension : name of the physical dimension (see ``units.toml``).
    unit : canonical unit; the empty text for a number without unit.
    units : what one of each accepted unit is in the canonical one.
    other_units : units in which it is also reported but which no factor converts.
    better : which way is benefit in the treatment of osteoporosis; None where it depends.
    skeletal : whether it is measured on bone tissue of an animal (mass, structure, strength,
        histomorphometry), and not in serum, in genes and proteins, or in cells.
    ratio_scale : whether zero means none of it, so that a ratio of means has a meaning.
    domain : the family of methods, such as ``microct`` or ``serum``.
    ranges : species to the lowest and highest plausible group mean, in the canonical unit.
    range_source : where the ranges come from.
    """

    dimension: str
    unit: str
    units: Mapping[str, float] = field(hash=False)
    domain: str
    other_units: tuple[str, ...] = ()
    better: Better | None = None
    skeletal: bool = False
    ratio_scale: bool = True
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)
    range_source: str = ""

    def __post_init__(self) -> None:
        for name in ("units", "ranges"):
            given = getattr(self, name)
            if not isinstance(given, MappingProxyType):
                object.__setattr__(self, name, MappingProxyType(dict(given)))

    def factor(self, unit: str | None) -> float | None:
        """What one `unit` is in the canonical unit; None where that is not known.

        A blank unit is known only where the outcome has none.

        Examples
        --------
        >>> from metabone.vocabulary import load_vocabulary
        >>> thickness = load_vocabulary().endpoint("Tb.Th")
        >>> thickness.unit, thickness.factor("mm"), thickness.factor("μm"), thickness.factor("g")
        ('um', 1000.0, 1.0, None)
        """
        if unit is None or unit.strip() in ("", "-", "–", "—"):
            return 1.0 if self.unit == "" else None
        folded = fold_unit(unit)
        spelling = self._like(folded)
        return None if folded is None or spelling is None else folded[0] * self.units[spelling]

    def spelled(self, unit: str | None) -> str | None:
        """The vocabulary's spelling of `unit`; None where it is unknown or carries a power of ten.

        Examples
        --------
        >>> from metabone.vocabulary import load_vocabulary
        >>> load_vocabulary().endpoint("Tb.N").spelled("mm⁻¹")
        '1/mm'
        """
        folded = fold_unit(unit) if unit else None
        if folded is None or folded[0] != 1.0:
            return None
        for other in (*self.units, *self.other_units):
            if fold_unit(other) == folded:
                return other
        return None

    def accepts(self, unit: str | None) -> bool:
        """Whether `unit` is one in which this outcome is reported, convertible or not.

        Examples
        --------
        >>> from metabone.vocabulary import load_vocabulary
        >>> marker = load_vocabulary().endpoint("OCN")
        >>> marker.accepts("fold"), marker.factor("fold"), marker.accepts("mm")
        (True, None, False)
        """
        if self.factor(unit) is not None:
            return True
        return self.spelled(unit) is not None

    def _like(self, folded: tuple[float, str] | None) -> str | None:
        key = None if folded is None else (1.0, folded[1])
        return next((spelling for spelling in self.units if fold_unit(spelling) == key), None)


def _rebuild(kind: type[Term], values: dict[str, Any]) -> Term:
    return kind(**values)
