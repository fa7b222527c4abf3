"""The words of a table brought to their canonical names; what is not known stays and is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from metabone.extraction.codes import SEVERITY
from metabone.extraction.columns import map_unique
from metabone.extraction.schema import BY_NAME, COLUMNS
from metabone.extraction.table import Finding
from metabone.vocabulary.judgements import tool_of
from metabone.vocabulary.units import fold_unit

if TYPE_CHECKING:
    import pandas as pd

    from metabone.vocabulary import Endpoint, Vocabulary

Find = Callable[[str], str | None]
# From so many letters in common on a word is taken for a slip, as for the names of columns.
_ALIKE = 0.84
# Looking for what is near takes a millisecond a word: of a column with more unknown words than
# these, which is no slip but another vocabulary, the rest is not compared.
_MOST_COMPARED = 1000

_DISPERSION_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("sd", "std", "stdev", "stddev", "standarddeviation"), "SD"),
    **dict.fromkeys(
        ("sem", "se", "stderr", "standarderror", "standarderrorofthemean", "standarderrorofmean"),
        "SEM",
    ),
    **dict.fromkeys(
        ("ci95", "95ci", "95%ci", "ci95%", "ci95halfwidth", "95%cihalfwidth", "halfwidth95%ci"),
        "CI95",
    ),
}
_SIGN_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("+", "+1", "1", "positive", "pos", "higher", "up", "increase", "plus"), "+"),
    **dict.fromkeys(
        ("-", "−", "–", "-1", "−1", "negative", "neg", "lower", "down", "decrease", "minus"), "-"
    ),
}


def canonical_words(
    frame: pd.DataFrame, headers: Mapping[str, str], vocabulary: Vocabulary
) -> tuple[pd.DataFrame, list[Finding]]:
    """Replace each word by its canonical name where it is known exactly.

    Returns
    -------
    frame : a copy with canonical words.
    findings : one note for each distinct word that was replaced or is not known.
    """
    frame = frame.copy()
    findings: list[Finding] = []
    for column in COLUMNS:
        if column.vocabulary is not None and column.name in headers:
            findings += _by_vocabulary(
                frame, headers[column.name], column.name, column.vocabulary, vocabulary
            )
    if "unit" in headers:
        findings += _units(frame, headers["unit"], vocabulary)
    tables: dict[str, Find] = {
        "dispersion_type": _fold_dispersion,
        "sign": lambda word: _SIGN_WORDS.get(word.casefold()),
        "better": _choice(BY_NAME["better"].allowed),
    }
    for name, find in tables.items():
        if name in headers:
            code = "dispersion-type-read-as" if name == "dispersion_type" else None
            findings += _replace(frame, headers[name], name, find, code)
    for name in map(str, frame.columns):
        tool = tool_of(name, vocabulary)
        if tool is not None and name in headers and frame[name].dtype == object:
            findings += _replace(frame, headers[name], name, tool.read, "word-read-as")
    return frame, findings


def _choice(allowed: tuple[str, ...]) -> Find:
    def find(word: str) -> str | None:
        folded = word.casefold()
        return folded if folded in allowed else None

    return find


def _fold_dispersion(word: str) -> str | None:
    folded = "".join(mark for mark in word.casefold() if mark.isalnum() or mark == "%")
    return _DISPERSION_WORDS.get(folded)


def _replace(
    frame: pd.DataFrame, header: str, name: str, find: Find, code: str | None
) -> Iterator[Finding]:
    """Put what `find` gives in the place of each word; words it does not know stay."""
    for word, row, count in _distinct(frame, name):
        found = find(word)
        if found is not None and found != word and code is not None:
            yield _note(row, header, word, code, f"is read as {found!r}{_times(count)}")
    frame[name] = _object(frame, map_unique(frame[name].to_numpy(), lambda w: find(w) or w))


def _by_vocabulary(
    frame: pd.DataFrame, header: str, name: str, kind: str, vocabulary: Vocabulary
) -> Iterator[Finding]:
    def find(word: str) -> str | None:
        term = vocabulary.find(kind, word)
        return None if term is None else term.name

    unknown = [(word, row, n) for word, row, n in _distinct(frame, name) if find(word) is None]
    for place, (word, row, count) in enumerate(unknown):
        code, message = "unknown-word", f"is no {name} of the vocabulary and kept as it is"
        if place < _MOST_COMPARED:
            close = vocabulary.nearest(kind, word)
            message += (
                f" (nearest: {', '.join(map(repr, close))})" if close else " (nothing is near)"
            )
        else:
            close = []
            message += f" (not compared: {len(unknown):,} words of the column are unknown)"
        # Which rows are pooled goes by the outcome alone: there a slip would lose rows unseen.
        alike = close and name == "outcome" and vocabulary.nearest(kind, word, 1, _ALIKE)
        if alike:
            code = "misspelt-outcome"
            message = (
                f"is no outcome of the vocabulary but looks like {alike[0]!r}; it stays an outcome "
                f"of its own, which {alike[0]} does not select"
            )
        yield _note(row, header, word, code, message + _times(count))
    yield from _replace(frame, header, name, find, "word-read-as")


def _units(frame: pd.DataFrame, header: str, vocabulary: Vocabulary) -> Iterator[Finding]:
    """Units in the spelling of their outcome; the number that one stands for is not changed."""
    spellings = {
        (outcome, unit): _spelling(vocabulary.endpoint(outcome), unit)
        for outcome, unit in set(zip(frame["outcome"], frame["unit"], strict=True))
        if outcome is not None and unit is not None
    }
    pairs = list(zip(frame["outcome"], frame["unit"], strict=True))
    changed: dict[tuple[str, str], list[int]] = {}
    for row, pair in zip(frame.index, pairs, strict=True):
        if pair in spellings and spellings[pair] != pair[1]:
            changed.setdefault((pair[1], spellings[pair]), []).append(int(row))
    for (unit, spelling), rows in changed.items():
        message = f"is read as {spelling!r}{_times(len(rows))}"
        yield _note(rows[0], header, unit, "word-read-as", message)
    frame["unit"] = _object(frame, [spellings.get(pair, pair[1]) for pair in pairs])


def _spelling(endpoint: Endpoint | None, unit: str) -> str:
    folded = fold_unit(unit)
    if endpoint is None or folded is None:
        return unit
    return next((known for known in endpoint.units if fold_unit(known) == folded), unit)


def _distinct(frame: pd.DataFrame, name: str) -> list[tuple[str, int, int]]:
    """Each distinct word with its first row and how many rows have it."""
    import numpy as np
    import pandas as pd

    codes, words = pd.factorize(frame[name].to_numpy())
    filled = codes >= 0
    _, first, counts = np.unique(codes[filled], return_index=True, return_counts=True)
    rows = frame.index[filled][first]
    return list(zip(words.tolist(), rows.tolist(), counts.tolist(), strict=True))


def _times(count: int) -> str:
    return f"; {count} rows" if count > 1 else ""


def _note(row: int, header: str, word: str, code: str, message: str) -> Finding:
    return Finding(row, header, word, code, SEVERITY[code], message)


def _object(frame: pd.DataFrame, values: Any) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series(values, index=frame.index, dtype=object)
