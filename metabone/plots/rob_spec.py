"""Figures of judged studies as data, and what both of them say in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metabone.plots.judgement_marks import Tone
from metabone.synthesis.rob_results import CONFLICTING, NOT_JUDGED
from metabone.synthesis.rob_text import answer_words, rule_words

if TYPE_CHECKING:
    from metabone.synthesis.rob_results import RobResult

#: Names longer than this are cut: no figure is a place for a page of text.
LONGEST = 160


@dataclass(frozen=True, slots=True)
class Judgement:
    """One judgement: its tone, which colours it, its sign and its words."""

    tone: Tone
    sign: str
    words: str


@dataclass(frozen=True, slots=True)
class TrafficSpec:
    """A traffic-light plot as data.

    Parameters
    ----------
    columns : the label of each item, and where its bias enters.
    rows : each study with its judgements, in the order of the columns.
    overall : each study's overall judgement; empty without a rule.
    legend : every judgement that the figure may show.
    page : which of how many pages this is.
    """

    title: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[Judgement, ...]], ...]
    overall: tuple[Judgement, ...]
    legend: tuple[Judgement, ...]
    footer: tuple[str, ...]
    banner: str | None
    description: str
    page: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class Bar:
    """One item of a summary: the per cent of each judgement of the legend, in its order."""

    label: str
    percents: tuple[float, ...]
    overall: bool = False


@dataclass(frozen=True, slots=True)
class SummarySpec:
    """A summary of judgements in stacked bars, as data."""

    title: str
    bars: tuple[Bar, ...]
    legend: tuple[Judgement, ...]
    axis: str
    footer: tuple[str, ...]
    banner: str | None
    description: str


def judgement(result: RobResult, answer: str) -> Judgement:
    """An answer as a figure shows it."""
    sign, words = answer_words(result, answer)
    if answer == NOT_JUDGED:
        return Judgement("blank", "", words)
    if answer == CONFLICTING:
        return Judgement("conflict", sign, "rows of the study contradict each other")
    place = result.tool.allowed.index(answer)
    tone: Tone = "good" if place == 0 else "middle"
    return Judgement("bad" if place == len(result.tool.allowed) - 1 else tone, sign, words)


def shortened(text: str) -> str:
    """A name of at most `LONGEST` characters.

    Examples
    --------
    >>> len(shortened("x" * 10**6))
    160
    """
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def footer_of(result: RobResult, *, shares: str = "") -> tuple[str, ...]:
    """What stands under the figure: the list, the rule, what was set aside, the version."""
    synthetic = "SYNTHETIC DATA. " if result.synthetic else ""
    told = [f"{synthetic}{result.tool.label} ({result.tool.source})."]
    if shares:
        told.append(shares)
    if result.overall is not None:
        told.append(f"Overall: {rule_words(result.overall)}.")
    if result.conflicts:
        what = "shown as such" if result.policy == "show" else "given the worst of them"
        count = len(result.conflicts)
        noun = "judgement differs" if count == 1 else "judgements differ"
        told.append(f"{count} {noun} between rows of one study and {'is' if count == 1 else 'are'} "
                    f"{what}.")  # fmt: skip
    if result.unread:
        told.append(f"{len(result.unread)} cells hold no answer and count as not judged.")
    if result.excluded:
        verb = "is" if len(result.excluded) == 1 else "are"
        told.append(f"{len(result.excluded)} of {result.selected} selected rows {verb} set aside.")
    told.append(f"Made with metabone\u00a0{result.version}.")
    return (" ".join(told),)
