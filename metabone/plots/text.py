"""Text as it will be painted: which characters can be shown, how wide they are, where they break.

Only DejaVu Sans, which travels inside matplotlib, is counted on, so that a figure is the same on
every machine.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import text_to_path

from metabone.errors import UsageError
from metabone.options import nearest

Weight = Literal["normal", "bold"]
Slant = Literal["normal", "italic"]
#: What stands where no font has the character, or the character cannot be seen.
MISSING = "□"
FALLBACK = "DejaVu Sans"
#: A last line narrower than this share of the room is not left alone.
ORPHAN = 0.22
#: Joiners change how their neighbours are written; everything else of the kind is hidden text.
_ALLOWED_FORMAT = "\u200c\u200d"
_WORD = re.compile(r"[^ ]+ *")
_SPACES = re.compile(r"[^\S\u00a0]+")
_BREAKABLE = re.compile(r"[^-–/;,+_.]+[-–/;,+_.]*|[-–/;,+_.]+")


@dataclass(frozen=True, slots=True)
class Face:
    """How a text is set: family, size in points, weight and slant."""

    family: str = FALLBACK
    size: float = 7.5
    weight: Weight = "normal"
    slant: Slant = "normal"

    @property
    def properties(self) -> FontProperties:
        """The face as matplotlib names it, with DejaVu Sans for what the family lacks."""
        families = [self.family] if self.family == FALLBACK else [self.family, FALLBACK]
        return FontProperties(
            family=families, size=self.size, weight=self.weight, style=self.slant
        )  # fmt: skip

    def bold(self) -> Face:
        """The same face in bold."""
        return replace(self, weight="bold")

    def scaled(self, factor: float) -> Face:
        """The same face in another size."""
        return replace(self, size=self.size * factor)


def check_family(family: str) -> str:
    """Return the font family if this machine has it.

    Raises
    ------
    UsageError
        If it has not; the nearest families that it has are named.
    """
    from matplotlib.font_manager import fontManager

    known = sorted({font.name for font in fontManager.ttflist})
    if family not in known:
        near = nearest(family, known)
        hint = f"; did you mean {' or '.join(repr(name) for name in near)}?" if near else ""
        raise UsageError(f"font {family!r} is not installed here{hint}")
    return family


@cache
def _characters(family: str, weight: Weight, slant: Slant) -> frozenset[int]:
    """Code points that the family, or DejaVu Sans behind it, can show."""
    known: set[int] = set()
    for name in {family, FALLBACK}:
        path = findfont(FontProperties(family=[name], weight=weight, style=slant))
        known.update(get_font(path).get_charmap())
    return frozenset(known)


def clean(text: str, face: Face) -> str:
    """`text` with plain white space, and □ for each character that cannot be shown.

    Control characters, direction overrides and other hidden ones do not vanish: a reader must
    see that something stood there. A no-break space stays.

    Examples
    --------
    >>> clean("β-catenin\\x07\\n$x$", Face())
    'β-catenin□ $x$'
    """
    known = _characters(face.family, face.weight, face.slant)
    return "".join(char if ord(char) in known else MISSING for char in readable(text))


def readable(text: str) -> str:
    """`text` with plain white space, and □ for each control or hidden character.

    Examples
    --------
    >>> readable("骨\\x07\\n$x$")
    '骨□ $x$'
    """
    text = unicodedata.normalize("NFC", _SPACES.sub(" ", text).strip())
    return "".join(MISSING if _hidden(char) else char for char in text)


def _hidden(char: str) -> bool:
    return unicodedata.category(char).startswith("C") and char not in _ALLOWED_FORMAT


@lru_cache(maxsize=16384)
def _width_at_100(text: str, family: str, weight: Weight, slant: Slant) -> float:
    face = Face(family, 100.0, weight, slant)
    width, _, _ = text_to_path.get_text_width_height_descent(text, face.properties, False)
    return float(width) / 100


def width(text: str, face: Face) -> float:
    """Width of one line of clean text, in points, from the font's own unhinted metrics.

    Examples
    --------
    >>> round(width("0000000000", Face(size=10)), 1)
    63.6
    """
    if not text:
        return 0.0
    return _width_at_100(text, face.family, face.weight, face.slant) * face.size


def widest(lines: Iterable[str], face: Face) -> float:
    """Width of the widest of some lines, in points; 0 for none."""
    return max((width(line, face) for line in lines), default=0.0)


def longest_word(text: str, face: Face) -> float:
    """Width of the widest word of a text, in points."""
    return widest(text.split(" "), face)


def wrap(text: str, face: Face, limit: float) -> tuple[str, ...]:
    """Break clean text into lines no wider than `limit` points.

    Breaks fall at spaces; a word that is too wide is broken after a hyphen, slash or the like,
    and as the last resort anywhere. A line always holds at least one character.

    Examples
    --------
    >>> wrap("exosomes of bone marrow", Face(size=10), 75)
    ('exosomes of', 'bone marrow')
    """
    if not text or width(text, face) <= limit:
        return (text,)
    lines: list[str] = []
    current = ""
    for piece in _pieces(text, face, limit):
        if current and width((current + piece).rstrip(" "), face) > limit:
            lines.append(current.rstrip(" "))
            current = ""
        current += piece
    return (*lines, current.rstrip(" "))


def balance(text: str, face: Face, limit: float) -> tuple[str, ...]:
    """`wrap`, with lines of about the same width where the last one would be a short word.

    Examples
    --------
    >>> wrap("one two three four five", Face(size=10), 110)
    ('one two three four', 'five')
    >>> balance("one two three four five", Face(size=10), 110)
    ('one two three', 'four five')
    """
    lines = wrap(text, face, limit)
    if len(lines) == 1 or width(lines[-1], face) > ORPHAN * limit:
        return lines
    # Never so narrow that a word which fits would be broken.
    low, high = min(limit, max(limit / 2, longest_word(text, face))), limit
    for _ in range(8):
        middle = (low + high) / 2
        if len(wrap(text, face, middle)) > len(lines):
            low = middle
        else:
            high = middle
    return wrap(text, face, high)


def _pieces(text: str, face: Face, limit: float) -> list[str]:
    """The text in pieces that each fit into `limit`; joined they give the text again."""
    pieces: list[str] = []
    for word in _WORD.findall(text):
        if width(word.rstrip(" "), face) <= limit:
            pieces.append(word)
            continue
        for part in _BREAKABLE.findall(word):
            fits = width(part.rstrip(" "), face) <= limit
            pieces.extend([part] if fits else _chop(part, face, limit))
    return pieces


def _chop(word: str, face: Face, limit: float) -> list[str]:
    chunks = [""]
    for char in word:
        if chunks[-1] and width((chunks[-1] + char).rstrip(" "), face) > limit:
            chunks.append("")
        chunks[-1] += char
    return chunks
