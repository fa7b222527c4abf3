"""The columns of risk of bias beside a forest plot: a sign for each item, explained underneath."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import TYPE_CHECKING

from metabone.errors import UsageError
from metabone.plots.rob_spec import shortened
from metabone.plots.spec import Column
from metabone.synthesis.rob import judge, judged_items
from metabone.synthesis.rob_results import CONFLICTING, JudgedItem
from metabone.synthesis.rob_text import OTHER_SIGNS
from metabone.vocabulary.judgements import tools

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable

#: The key that asks for these columns, and what the keys of each of them begin with.
ROB, ROB_KEY = "rob", "rob."
GROUP = "Risk of bias"


def shown_items(effects: EffectTable) -> tuple[JudgedItem, ...]:
    """The items that any effect is judged by.

    Raises
    ------
    UsageError
        If there is none.
    """
    tool = tools()["syrcle"]
    items = judged_items(effects.frame, tool, effects.vocabulary)
    found = tuple(item for item in items if effects.frame[item.name].isin(tool.allowed).any())
    if not found:
        raise UsageError("columns: 'rob': no effect has a judgement in a column rob_…")
    return found


def define_rob(items: tuple[JudgedItem, ...]) -> list[Column]:
    """A narrow column for each item, under one heading."""
    return [
        Column(f"{ROB_KEY}{item.name}", letter_of(place), group=GROUP, parts=("center",))
        for place, item in enumerate(items)
    ]


def letter_of(place: int) -> str:
    """What stands over the column of an item: A to Z, then AA and so on.

    Examples
    --------
    >>> letter_of(0), letter_of(26)
    ('A', 'AA')
    """
    lead = "" if place < 26 else letter_of(place // 26 - 1)
    return lead + ascii_uppercase[place % 26]


def fill_rob(
    effects: EffectTable, items: tuple[JudgedItem, ...]
) -> Mapping[int, dict[str, tuple[str]]]:
    """The signs of every effect: its own judgement, else what the rows of its study share."""
    tool = tools()["syrcle"]
    signs = {answer.name: answer.sign for answer in tool.answers}
    signs[CONFLICTING] = OTHER_SIGNS[CONFLICTING]
    cells: dict[int, dict[str, tuple[str]]] = {}
    shared = judge(effects.frame, items, tool)
    columns = {item.name: effects.frame[item.name].tolist() for item in items}
    places = zip(effects.frame.index.tolist(), effects.frame["study"].tolist(), strict=True)
    for at, (row, study) in enumerate(places):
        cells[int(row)] = {
            f"{ROB_KEY}{name}": (
                signs.get(str(own[at])) or signs.get(shared[str(study)][name], ""),
            )
            for name, own in columns.items()
        }
    return cells


def legend_of(items: tuple[JudgedItem, ...]) -> str:
    """What the letters and signs mean, in a sentence."""
    tool = tools()["syrcle"]
    signs = ", ".join(f"{answer.sign} {answer.label}" for answer in tool.answers)
    letters = "; ".join(
        f"{letter_of(place)}\u00a0{shortened(item.label)}" for place, item in enumerate(items)
    )
    return f"Risk of bias ({signs}; blank: not judged): {letters}."
