"""A short document as data, and its Markdown."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, paragraphs, and a table of two or more columns with its header first."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    bullets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A title, what must not be overlooked, and sections; all texts are plain."""

    title: str
    sections: tuple[Section, ...]
    banner: str = ""
    footer: str = ""
    picture: bytes | None = field(default=None, repr=False)
    caption: str = ""


def printable(text: str) -> str:
    """The text on one line, with □ for each control or hidden character.

    Examples
    --------
    >>> printable("a\\x07b\\nc")
    'a□b c'
    """
    joined = " ".join(text.split())
    return "".join("□" if unicodedata.category(char).startswith("C") else char for char in joined)


def markdown(document: Document) -> str:
    """The document as Markdown; nothing in its texts is read as markup.

    Examples
    --------
    >>> print(markdown(Document("A *b*", (Section("C", ("d_e",)),))))
    # A \\*b\\*
    <BLANKLINE>
    ## C
    <BLANKLINE>
    d\\_e
    <BLANKLINE>
    """
    parts = [f"# {escaped(document.title)}"]
    if document.banner:
        parts.append(f"**{escaped(document.banner)}**")
    for section in document.sections:
        parts.append(f"## {escaped(section.heading)}")
        parts += map(escaped, section.paragraphs)
        if section.bullets:
            parts.append("\n".join(f"- {escaped(text)}" for text in section.bullets))
        if section.table:
            parts.append(_table(section.table))
    if document.footer:
        parts.append(f"---\n\n{escaped(document.footer)}")
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Plain text for Markdown, HTML in it included."""
    safe = _SPECIAL.sub(r"\\\1", printable(text))
    # A line that begins like a list or a heading stays a line of text.
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", re.sub(r"^([-+=~])", r"\\\1", safe))


def _table(rows: tuple[tuple[str, ...], ...]) -> str:
    lines = ["| " + " | ".join(map(escaped, row)) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines)
