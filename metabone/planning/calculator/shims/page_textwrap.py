"""``textwrap.fill`` of plain text, without breaking words."""

from __future__ import annotations

from typing import Any


def fill(
    text: str, width: int, initial_indent: str = "", subsequent_indent: str = "", **_: Any
) -> str:
    """The text in lines of at most `width`, broken at blanks."""
    lines: list[str] = []
    line, indent = "", initial_indent
    for chunk in _chunks(text):
        blank = chunk[0] == " "
        if blank and not line and lines:
            continue
        if not line or len(indent) + len(line) + len(chunk) <= width:
            line += chunk
            continue
        lines.append(indent + line.rstrip(" "))
        indent, line = subsequent_indent, "" if blank else chunk
    if line.rstrip(" "):
        lines.append(indent + line.rstrip(" "))
    return "\n".join(lines)


def _chunks(text: str) -> list[str]:
    """Words and the blanks between them."""
    for space in "\t\n\r\x0b\x0c":
        text = text.replace(space, " ")
    chunks: list[str] = []
    now = ""
    for char in text:
        if now and (now[0] == " ") != (char == " "):
            chunks.append(now)
            now = ""
        now += char
    return [*chunks, now] if now else chunks
