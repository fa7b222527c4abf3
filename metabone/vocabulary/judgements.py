"""The lists by which studies are judged, and what their answers are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

from metabone.vocabulary import Vocabulary, load_vocabulary
from metabone.vocabulary.folding import fold_word
from metabone.vocabulary.loading import read_toml

_SIGNS = {"+": "+", "-": "−", "−": "−", "–": "−", "?": "?", "±": "±", "+/-": "±"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that an item takes.

    Parameters
    ----------
    name : the word that tables hold after reading.
    label : the words that figures and reports print.
    sign : the character that figures print beside its colour.
    """

    name: str
    label: str
    sign: str
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """One list of items by which studies are judged.

    Parameters
    ----------
    name : ``syrcle``, ``camarades`` or ``arrive``.
    kind : the kind of word that its items are in the vocabulary.
    prefix : what the names of its columns begin with.
    about : what it judges, in a few words.
    answers : from the best to the worst.
    """

    name: str
    kind: str
    prefix: str
    label: str
    about: str
    source: str
    answers: tuple[Answer, ...]

    @property
    def allowed(self) -> tuple[str, ...]:
        """The words that a cell may hold."""
        return tuple(answer.name for answer in self.answers)

    def read(self, word: str) -> str | None:
        """The answer that a cell means, or None.

        Examples
        --------
        >>> tools()["syrcle"].read("Low risk of bias"), tools()["arrive"].read("some")
        ('low', None)
        >>> tools()["syrcle"].read("+"), tools()["camarades"].read("-")
        ('low', 'no')
        """
        sign = _SIGNS.get("".join(word.split()))
        if sign is not None:
            return next((answer.name for answer in self.answers if answer.sign == sign), None)
        return _spellings(self.name).get(fold_word(word))


@cache
def tools() -> Mapping[str, Tool]:
    """Every list by its name."""
    found = {}
    for name, table in read_toml(Path(__file__).with_name("judgements.toml")).items():
        answers = tuple(
            Answer(word, one["label"], one["sign"], tuple(one["synonyms"]))
            for word, one in table["answers"].items()
        )
        rest = {key: value for key, value in table.items() if key != "answers"}
        found[name] = Tool(name, answers=answers, **rest)
    return MappingProxyType(found)


@cache
def _spellings(tool: str) -> Mapping[str, str]:
    return {
        fold_word(word): answer.name
        for answer in tools()[tool].answers
        for word in (answer.name, answer.label, *answer.synonyms)
    }


@lru_cache(maxsize=1024)
def item_column(header: str) -> str | None:
    """The column that a header in lower snake case means, where it names an item of a list.

    The header has the prefix of the list (or ``syrcle_``), then the item by its name, its words, a
    synonym, or for ``syrcle_`` and ``arrive_`` its number. Any other ``rob_`` column is an item of
    the user's own.

    Examples
    --------
    >>> item_column("rob_randomisation"), item_column("syrcle_7"), item_column("arrive_blinding")
    ('rob_sequence_generation', 'rob_blinding_outcome_assessors', 'arrive_blinding')
    >>> item_column("rob_funding"), item_column("camarades_score"), item_column("blinding")
    ('rob_funding', None, None)
    """
    if header.startswith("syrcle_"):
        found = item_column(f"rob_{header}")
        return None if found == f"rob_{header}" else found
    for tool in tools().values():
        rest = header.removeprefix(tool.prefix)
        if rest == header or not rest:
            continue
        for word in (header, rest, rest.removeprefix("syrcle_")):
            term = load_vocabulary().find(tool.kind, word.replace("_", " "))
            if term is not None:
                return term.name
        if tool.prefix == "rob_":
            return header
        break
    return None


def tool_of(column: str, vocabulary: Vocabulary) -> Tool | None:
    """The list that a column of a table belongs to, or None.

    Examples
    --------
    >>> words = load_vocabulary()
    >>> tool_of("rob_funding", words).name, tool_of("camarades_score", words)
    ('syrcle', None)
    """
    for tool in tools().values():
        if column.startswith(tool.prefix) and column != tool.prefix:
            known = tool.prefix == "rob_" or column in vocabulary.terms(tool.kind)
            return tool if known else None
    return None
