"""Text in lines of a terminal: wide letters take two columns, and nothing steers it."""

from __future__ import annotations

from metabone.files import visible

WIDTH = 100


def wrapped(text: str, indent: int = 0, *, width: int = WIDTH, longest: int = 0) -> list[str]:
    """Lines of at most `width` columns, later ones indented by four more.

    Parameters
    ----------
    text : one paragraph; what could steer the terminal is made visible before it is measured.
    indent : blanks before the first line.
    longest : at most so many lines, the last one ending in ``…``; 0 for all of them.

    Examples
    --------
    >>> wrapped("one two three", 2, width=11)
    ['  one two', '      three']
    >>> wrapped("one two three", 2, width=9, longest=1)
    ['  one tw…']
    """
    from rich.cells import cell_len, set_cell_size

    # More than this cannot be shown where the number of lines is limited.
    text = text[: 4 * width * longest] if longest else text
    words = visible(text.replace("\t", " ")).split()
    lines: list[str] = []
    line, used = " " * indent, 0
    for word in words:
        for part in _parts(word, width - indent - 4):
            size = cell_len(part)
            if used and cell_len(line) + 1 + size > width:
                lines.append(line)
                line, used = " " * (indent + 4), 0
            line += f"{' ' if used else ''}{part}"
            used += 1
    lines.append(line)
    if longest and len(lines) > longest:
        kept = lines[:longest]
        kept[-1] = set_cell_size(kept[-1], min(cell_len(kept[-1]), width - 1)).rstrip() + "…"
        return kept
    return lines


def _parts(word: str, width: int) -> list[str]:
    """A word that is longer than a line, in pieces that fit."""
    from rich.cells import cell_len, chop_cells

    return [word] if cell_len(word) <= width else chop_cells(word, width)


def cut(text: str, longest: int = 40) -> str:
    """A text of at most so many letters, the last one ``…`` where it is longer.

    Examples
    --------
    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"
