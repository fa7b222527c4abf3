"""Spellings that mean the same word, brought to one form."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_GREEK = str.maketrans(
    {
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
        "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "π": "pi",
        "σ": "sigma", "ς": "sigma", "τ": "tau", "ω": "omega", "%": "percent",
    }
)  # fmt: skip
_ASCII = {code: None if not chr(code).isalnum() else chr(code).lower() for code in range(128)} | {
    ord("%"): "percent"
}
_ASIDE = re.compile(r"[(\[{].*?[)\]}]|[,;].*$")


@lru_cache(maxsize=4096)
def fold_word(word: str) -> str:
    """One form for every spelling of a word: case, spaces, accents and punctuation are dropped.

    Letters and digits stay, so that Tb.Th and Tb.Sp stay apart; Greek letters are spelled out,
    and a per cent sign becomes a word, so that a unit in a heading is never lost silently.

    Examples
    --------
    >>> fold_word("Tb. Th"), fold_word("β-catenin"), fold_word("AD-MSCs"), fold_word("BV/TV (%)")
    ('tbth', 'betacatenin', 'admscs', 'bvtvpercent')
    """
    if word.isascii():
        return word.translate(_ASCII)
    text = unicodedata.normalize("NFKD", word).casefold().translate(_GREEK)
    return "".join(letter for letter in text if letter.isalnum())


def singular(folded: str) -> str:
    """A folded word without the s of its plural.

    Examples
    --------
    >>> singular(fold_word("BMSCs"))
    'bmsc'
    """
    return folded[:-1] if len(folded) > 2 and folded.endswith("s") else folded


def without_aside(word: str) -> str:
    """The word without what stands in brackets or after a comma.

    Examples
    --------
    >>> without_aside("BMD (g/cm2)"), without_aside("spaceflight, microgravity")
    ('BMD', 'spaceflight')
    """
    return _ASIDE.sub("", word).strip()
