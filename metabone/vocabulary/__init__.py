"""What the words mean: endpoints, vesicle sources, target cells, disease models, risk of bias."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from metabone.errors import UsageError
from metabone.options import nearest as nearest_option
from metabone.vocabulary.folding import fold_word, without_aside
from metabone.vocabulary.loading import FILES, Kind, built_in, read_extra
from metabone.vocabulary.terms import Endpoint, Term

__all__ = ["KINDS", "Endpoint", "Term", "Vocabulary", "load_vocabulary"]

KINDS: tuple[str, ...] = tuple(FILES)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that tables may use, by kind; read-only.

    Parameters
    ----------
    extra : the user's own file that was merged into the shipped words, or None.
    own : the kinds that this file changed.
    """

    extra: Path | None = None
    own: Mapping[str, Kind] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only mappings cannot be pickled; another process reads the same files.
        return load_vocabulary, (self.extra,)

    def terms(self, kind: str) -> Mapping[str, Term]:
        """The terms of a kind by canonical name, in the order of the files.

        Raises
        ------
        UsageError
            If there is no such kind.

        Examples
        --------
        >>> list(load_vocabulary().terms("species"))[:2]
        ['rat', 'mouse']
        """
        return self._kind(kind).terms

    def find(self, kind: str, word: str | None) -> Term | None:
        """The term that `word` names or is a synonym of; None when it is not known exactly.

        Examples
        --------
        >>> load_vocabulary().find("outcome", "tb. th").name
        'Tb.Th'
        >>> load_vocabulary().find("outcome", "BMD (g/cm2)") is None
        True
        """
        known = self._kind(kind)
        name = known.means(word) if word else None
        return None if name is None else known.terms[name]

    def endpoint(self, word: str | None) -> Endpoint | None:
        """The outcome that `word` means, with its units and better direction.

        Examples
        --------
        >>> load_vocabulary().endpoint("bone volume fraction").better
        'higher'
        """
        found = self.find("outcome", word)
        return found if isinstance(found, Endpoint) else None

    def nearest(self, kind: str, word: str, n: int = 3, cutoff: float = 0.6) -> list[str]:
        """Up to `n` canonical names whose spellings look like `word`, best first.

        Parameters
        ----------
        cutoff : share of letters in common from which a spelling is near, 0 to 1.

        Examples
        --------
        >>> load_vocabulary().nearest("outcome", "BMD (g/cm2)")[0]
        'BMD'
        """
        known = self._kind(kind)
        found = [known.means(without_aside(word))]
        close = difflib.get_close_matches(fold_word(word), known.index, n=4 * n, cutoff=cutoff)
        found += [known.index[spelling] for spelling in close]
        return [name for name in dict.fromkeys(found) if name is not None][:n]

    def _kind(self, kind: str) -> Kind:
        if kind not in FILES:
            close = nearest_option(kind, KINDS) or KINDS
            raise UsageError(f"{kind!r} is no kind of word; nearest: {', '.join(close)}")
        return self.own.get(kind) or built_in(kind)


@cache
def _shipped() -> Vocabulary:
    return Vocabulary()


def load_vocabulary(extra: str | Path | None = None) -> Vocabulary:
    """The shipped words, with those of a user's own TOML file added.

    Parameters
    ----------
    extra : a file of the same form as the shipped ones (see ``docs/vocabulary.md``). It may add
        terms, and synonyms, units, ranges or a better direction to known ones.

    Raises
    ------
    UsageError
        If the file is malformed; the message names file, table and key.

    Examples
    --------
    >>> load_vocabulary().endpoint("BV/TV").factor("fraction")
    100.0
    """
    if extra is None:
        return _shipped()
    path = Path(extra)
    return Vocabulary(extra=path, own=read_extra(path))
