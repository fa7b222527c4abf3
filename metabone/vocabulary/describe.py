"""The vocabulary as Markdown tables, for the documentation and for a user who extended it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from metabone.vocabulary import KINDS, Endpoint, Term, Vocabulary, load_vocabulary
from metabone.vocabulary.terms import Item

_TITLES = {
    "outcome": "Outcomes",
    "exosome_source": "Vesicle sources",
    "target_cell": "Target cells",
    "model": "Disease models",
    "species": "Species",
    "sex": "Sex",
    "assay": "Assays",
    "route": "Routes",
    "rob": "Risk of bias: SYRCLE",
    "camarades": "Study quality: CAMARADES",
    "arrive": "Reporting: ARRIVE 2.0, Essential 10",
}
_DOMAINS = {
    "dxa": "Absorptiometry",
    "density": "Density and mass by other methods",
    "microct": "Micro-CT",
    "histomorphometry": "Histomorphometry",
    "mechanics": "Mechanics",
    "repair": "Defects, fractures, periodontitis",
    "serum": "Serum and urine",
    "animal": "The animal",
    "osteogenic": "Osteogenic genes and proteins",
    "adipogenic": "Adipogenic genes and proteins",
    "angiogenic": "Angiogenic genes and proteins",
    "osteoclastic": "Osteoclastic genes and proteins",
    "inflammation": "Inflammation",
    "cell": "Cells",
}


def describe(vocabulary: Vocabulary | None = None) -> str:
    """Every term in Markdown: one table for each kind, and one for each domain of outcomes.

    Examples
    --------
    >>> "| Tb.Sp | Trabecular separation | um |" in describe()
    True
    """
    known = vocabulary or load_vocabulary()
    parts: list[str] = []
    for kind in KINDS:
        parts.append(f"### {_TITLES[kind]}\n")
        terms = known.terms(kind)
        parts += _outcomes(terms) if kind == "outcome" else [_terms(terms.values()), _notes(terms)]
    return "\n".join(part for part in parts if part)


def _outcomes(terms: Mapping[str, Term]) -> list[str]:
    domains: dict[str, dict[str, Endpoint]] = {}
    for name, term in terms.items():
        if isinstance(term, Endpoint):
            domains.setdefault(term.domain, {})[name] = term
    parts: list[str] = []
    for domain, members in domains.items():
        parts.append(f"#### {_DOMAINS.get(domain, domain)}\n")
        rows = [_outcome(term) for term in members.values()]
        head = ("name", "words", "unit", "also", "better", "skeletal", "plausible means")
        parts += [_table(head, rows), _notes(members)]
    return parts


def _outcome(term: Endpoint) -> tuple[str, ...]:
    converted = [unit for unit in term.units if unit != term.unit]
    also = ", ".join((*converted, *(f"({unit})" for unit in term.other_units)))
    ranges = "; ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in term.ranges.items())
    skeletal = "yes" if term.skeletal else "no"
    better = term.better or "depends"
    return (term.name, term.label, term.unit, also, better, skeletal, ranges)


def _terms(terms: Iterable[Term]) -> str:
    listed = list(terms)
    if any(isinstance(term, Item) for term in listed):
        items = [(t.name, t.label, getattr(t, "domain", ""), ", ".join(t.synonyms)) for t in listed]
        return _table(("name", "words", "domain", "also written"), items)
    rows = [(t.name, t.label, t.parent or "", ", ".join(t.synonyms)) for t in listed]
    return _table(("name", "words", "part of", "also written"), rows)


def _notes(terms: Mapping[str, Term]) -> str:
    lines = [f"- {_cell(name)}: {_cell(term.note)}" for name, term in terms.items() if term.note]
    return "\n".join(lines) + "\n" if lines else ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(map(_cell, line)) + " |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
