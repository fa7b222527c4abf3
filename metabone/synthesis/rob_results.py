"""What an assessment of the studies answers with: frozen results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metabone.synthesis.results import SCHEMA_VERSION
from metabone.synthesis.shaping import Record, Summarised, named

if TYPE_CHECKING:
    import pandas as pd

    from metabone.extraction.table import Exclusion, Source
    from metabone.vocabulary.judgements import Tool

#: What a study has where its rows are blank, and where they contradict each other.
NOT_JUDGED, CONFLICTING = "not judged", "conflicting"
#: What the shares are shares of.
WEIGHT_WORDS: Mapping[str, str] = {
    "studies": "studies", "effects": "effects", "animals": "animals",
    "pooled": "the weight in the pooled answer",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """One item: the name of its column, the words for it, and where its bias enters."""

    name: str
    label: str
    domain: str

    def to_dict(self) -> dict[str, Any]:
        """The item as JSON prints it."""
        return {"item": self.name, "label": self.label, "domain": self.domain}


@dataclass(frozen=True, slots=True)
class JudgedStudy:
    """One study.

    Parameters
    ----------
    rows : the rows of the table it rests on.
    judgements : by item one of the answers of the list, ``not judged`` or ``conflicting``.
    overall : its overall judgement, or None without a rule.
    percent : its part in the shares, in per cent; None where it has no weight.
    """

    study: str
    rows: tuple[int, ...]
    judgements: Mapping[str, str]
    overall: str | None
    percent: float | None

    def count(self, answer: str) -> int:
        """How many items have this answer."""
        return sum(one == answer for one in self.judgements.values())

    def to_dict(self) -> dict[str, Any]:
        """The study as JSON prints it."""
        return named(self, "study", "rows", "judgements", "overall", "percent")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Rows of one study that answer one item differently: the rows by answer."""

    study: str
    item: str
    rows: Mapping[str, tuple[int, ...]]

    def to_dict(self) -> dict[str, Any]:
        """The conflict as JSON prints it."""
        rows = {answer: list(places) for answer, places in self.rows.items()}
        return {"study": self.study, "item": self.item, "rows_by_answer": rows}


@dataclass(frozen=True, slots=True)
class Unread(Record):
    """A cell that holds no answer of the list; it counts as not judged."""

    row: int
    item: str
    value: str


@dataclass(frozen=True, slots=True)
class Share(Record):
    """How many studies have an answer to an item, and their part in per cent.

    `item` is None for the overall judgement.
    """

    item: str | None
    answer: str
    studies: int
    percent: float


@dataclass(frozen=True, slots=True)
class RobResult(Summarised):
    """An assessment: every study by every item, and the shares.

    Parameters
    ----------
    tool : the list of items.
    items : those that the table has a column for.
    studies : in the order of the table.
    shares : by item and answer; for each item they sum to 100 per cent.
    conflicts : rows of one study that contradict each other, whatever `policy` made of them.
    unread : cells that hold no answer.
    absent : items of the list without a column.
    weights : what the shares count.
    overall : the rule of the overall judgement, or None.
    policy : what became of conflicts, ``show`` or ``worst``.
    """

    tool: Tool
    items: tuple[JudgedItem, ...]
    studies: tuple[JudgedStudy, ...]
    shares: tuple[Share, ...]
    conflicts: tuple[Conflict, ...]
    unread: tuple[Unread, ...]
    absent: tuple[str, ...]
    weights: str
    overall: str | None
    policy: str
    source: Source
    selected: int
    excluded: tuple[Exclusion, ...]
    synthetic: bool
    version: str

    def share(self, item: str | None, answer: str) -> Share:
        """The share of an answer to an item (None: to the overall judgement)."""
        return next(one for one in self.shares if (one.item, one.answer) == (item, answer))

    @property
    def answers(self) -> tuple[str, ...]:
        """The answers of the list, then what else any study has."""
        met = {one for study in self.studies for one in study.judgements.values()}
        extra = [one for one in (CONFLICTING, NOT_JUDGED) if one in met]
        return (*self.tool.allowed, *extra)

    @property
    def unweighted(self) -> tuple[str, ...]:
        """Studies that have no part in the shares."""
        return tuple(study.study for study in self.studies if study.percent is None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to look at again."""
        from metabone.synthesis.rob_text import warnings_of

        return warnings_of(self)

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: one row for each study, a column for each item."""
        import pandas as pd

        lines = []
        for study in self.studies:
            line: dict[str, Any] = {"study": study.study} | dict(study.judgements)
            line |= {f"n_{answer}": study.count(answer) for answer in self.tool.allowed}
            lines.append(line | {"overall": study.overall, "percent": study.percent})
        return pd.DataFrame(lines)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "metabone_version": self.version,
            "input": {
                "file": self.source.file, "sha256": self.source.sha256, "rows": self.source.rows,
                "selected": self.selected, "used": sum(len(one.rows) for one in self.studies),
                "excluded": [line.to_dict() for line in self.excluded],
            },
            "tool": self.tool.name,
            "weights": self.weights,
            "rule": self.overall,
            "conflict_policy": self.policy,
            "synthetic": self.synthetic,
            "items": [one.to_dict() for one in self.items],
            "absent": list(self.absent),
            "studies": [one.to_dict() for one in self.studies],
            "shares": [one.to_dict() for one in self.shares],
            "conflicts": [one.to_dict() for one in self.conflicts],
            "unread": [one.to_dict() for one in self.unread],
            "warnings": list(self.warnings),
        }  # fmt: skip

    def summary(self) -> str:
        """The answer for people, as plain text."""
        from metabone.synthesis.rob_text import summarise_rob

        return summarise_rob(self)
