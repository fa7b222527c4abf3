"""The words of the vocabulary that the shipped variability knows."""

from __future__ import annotations

from metabone.planning.calculator.shims.planner_data import DATA


class Term:
    """A word of the vocabulary: its name, and whether it can have a coefficient of variation."""

    def __init__(self, name: str, ratio_scale: bool) -> None:
        self.name = name
        self.ratio_scale = ratio_scale


class Vocabulary:
    """Finds a word by any of its spellings."""

    def find(self, kind: str, word: str) -> Term | None:
        """The term that the word means, or None."""
        known, folded = DATA["vocabulary"][kind], fold_word(word)
        found = known.get(folded)
        if found is None and len(folded) > 2 and folded[-1] == "s":
            found = known.get(folded[:-1])
        return None if found is None else Term(found[0], found[1])

    def endpoint(self, word: str) -> Term | None:
        """The outcome that the word means, or None."""
        return self.find("outcome", word)


def load_vocabulary() -> Vocabulary:
    """The words of the page."""
    return Vocabulary()


_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "π": "pi",
    "σ": "sigma", "ς": "sigma", "τ": "tau", "ω": "omega", "%": "percent",
    "²": "2", "³": "3", "¹": "1", "₂": "2", "₃": "3",
}  # fmt: skip


def fold_word(word: str) -> str:
    """One form for every spelling of a word; letters with accents are left as they are.

    Examples
    --------
    >>> fold_word("Tb. Th"), fold_word("µCT"), fold_word("BV/TV (%)")
    ('tbth', 'muct', 'bvtvpercent')
    """
    spelled = [_GREEK.get(char, char) for char in word.casefold()]
    return "".join([char for char in "".join(spelled) if _counts(char)])


def _counts(char: str) -> bool:
    return char.isalpha() or char.isdigit() or ord(char) > 127
