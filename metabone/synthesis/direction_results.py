"""What a synthesis of effect directions answers with: frozen results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from metabone.synthesis.results import SCHEMA_VERSION
from metabone.synthesis.shaping import Record, Summarised, named

if TYPE_CHECKING:
    import pandas as pd

    from metabone.extraction.table import Exclusion, Source

Judgement = Literal["benefit", "harm", "no change", "unclear", "mixed"]

#: Every judgement, in the order in which tables print them. ``mixed`` is for studies only.
JUDGEMENTS: tuple[Judgement, ...] = ("benefit", "harm", "no change", "mixed", "unclear")

NO_BETTER = "neither the column better nor the vocabulary says which direction is good"


@dataclass(frozen=True, slots=True)
class RowVerdict(Record):
    """The direction of one row of the table.

    Parameters
    ----------
    row : row as the spreadsheet counts.
    study, outcome : as the table has them.
    change : ``increase``, ``decrease``, ``no change`` or ``unclear``: what the outcome did under
        treatment.
    better : ``higher`` or ``lower``: which is good for the animal; None if nobody says.
    verdict : ``benefit``, ``harm``, ``no change`` or ``unclear``.
    basis : where `change` comes from, e.g. ``column change`` or ``means``.
    reason : why the verdict is unclear, else None.
    """

    row: int
    study: str
    outcome: str
    change: str
    better: str | None
    verdict: Judgement
    basis: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class StudyVerdict(Record):
    """The direction of one study, over all of its rows or over those in one cell.

    Parameters
    ----------
    study : its name.
    rows : the rows it rests on.
    verdict : the judgement; ``mixed`` where less than 70% of the rows agree.
    counts : how many rows have each judgement.
    outcomes : the outcomes of those rows, each once.
    in_vivo, vesicles_given : ``yes``, ``no`` or ``unclear``; None where the table does not say.
    bone_mass : ``skeletal`` (mass, density or structure of the skeleton), ``local`` (a lesion:
        defect, fracture, joint or tooth), ``none`` or ``unclear``; None where the table does not
        say.
    """

    study: str
    rows: tuple[int, ...]
    verdict: Judgement
    counts: Mapping[str, int]
    outcomes: tuple[str, ...]
    in_vivo: str | None = None
    vesicles_given: str | None = None
    bone_mass: str | None = None

    @property
    def counts_for_bone(self) -> bool:
        """Whether it measures skeletal bone mass in an animal given vesicles."""
        return (self.in_vivo, self.vesicles_given, self.bone_mass) == ("yes", "yes", "skeletal")


@dataclass(frozen=True, slots=True)
class Cell:
    """One group of studies, e.g. one source × target cell; `studies` may be empty."""

    by: Mapping[str, str]
    studies: tuple[StudyVerdict, ...]

    @property
    def empty(self) -> bool:
        """Whether no study is in the cell: a gap in the evidence."""
        return not self.studies

    @property
    def counts(self) -> dict[str, int]:
        """How many studies have each judgement."""
        return count_verdicts(self.studies)

    def to_dict(self) -> dict[str, Any]:
        """The cell as JSON prints it."""
        return {
            "by": dict(self.by),
            "counts": self.counts,
            "studies": [
                {"study": study.study, "verdict": study.verdict, "rows": list(study.rows)}
                for study in self.studies
            ],
        }


@dataclass(frozen=True, slots=True)
class SignTest:
    """Exact two-sided sign test of benefit against harm, one vote for each study.

    `proportion` is benefit / (benefit + harm) with the Clopper-Pearson interval at `level`; all
    are NaN when no study has a direction. `left_out` counts the studies without one.
    """

    benefit: int
    harm: int
    left_out: int
    proportion: float
    ci_low: float
    ci_high: float
    pvalue: float
    level: float

    @property
    def n(self) -> int:
        """Studies that have a direction."""
        return self.benefit + self.harm

    @property
    def smallest_pvalue(self) -> float:
        """The p value if all `n` studies pointed the same way: the test can show no less."""
        return min(1.0, 2.0 ** (1 - self.n)) if self.n else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """The test as JSON prints it."""
        return named(
            self, "benefit", "harm", "n", "left_out", "proportion", "ci_low", "ci_high", "pvalue",
            "smallest_pvalue", "level",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DirectionResult(Summarised):
    """A synthesis without numbers: which way the studies point.

    Parameters
    ----------
    by : the columns of the counts table: none, one or two.
    rows : one verdict for each row of the table that was used.
    studies : one verdict for each study, in the order of the table.
    cells : the counts table; two columns give every combination of their words, empty ones too.
    sign_test : benefit against harm over `studies`.
    bone_sentence : which studies measure skeletal bone mass in an animal given vesicles.
    swim : the nine items of SWiM, by their names.
    """

    by: tuple[str, ...]
    rows: tuple[RowVerdict, ...]
    studies: tuple[StudyVerdict, ...]
    cells: tuple[Cell, ...]
    sign_test: SignTest
    bone_sentence: str
    swim: Mapping[str, str]
    warnings: tuple[str, ...]
    source: Source
    selected: int
    excluded: tuple[Exclusion, ...]
    synthetic: bool
    version: str
    level: float = field(default=0.95)

    @property
    def counts(self) -> dict[str, int]:
        """How many studies have each judgement."""
        return count_verdicts(self.studies)

    def levels(self, column: str) -> tuple[str, ...]:
        """The words of one of the `by` columns, in the order of the table."""
        return tuple(dict.fromkeys(cell.by[column] for cell in self.cells))

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: one row for each row of the extraction table that was used.

        The columns are those of `RowVerdict`, the `by` columns, and ``study_verdict``.
        """
        import pandas as pd

        of_study = {study.study: study.verdict for study in self.studies}
        of_row = {
            row: cell.by for cell in self.cells for study in cell.studies for row in study.rows
        }
        lines = [
            row.to_dict() | dict(of_row.get(row.row, {})) | {"study_verdict": of_study[row.study]}
            for row in self.rows
        ]
        return pd.DataFrame(lines)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "metabone_version": self.version,
            "input": {
                "file": self.source.file,
                "sha256": self.source.sha256,
                "rows": self.source.rows,
                "selected": self.selected,
                "used": len(self.rows),
                "excluded": [line.to_dict() for line in self.excluded],
            },
            "by": list(self.by),
            "level": self.level,
            "synthetic": self.synthetic,
            "counts": self.counts,
            "rows": [row.to_dict() for row in self.rows],
            "studies": [study.to_dict() for study in self.studies],
            "cells": [cell.to_dict() for cell in self.cells],
            "sign_test": self.sign_test.to_dict(),
            "bone_mass": {
                "studies": [study.study for study in self.studies if study.counts_for_bone],
                "sentence": self.bone_sentence,
            },
            "swim": dict(self.swim),
            "warnings": list(self.warnings),
        }

    def summary(self) -> str:
        """The answer for people, as plain text."""
        from metabone.synthesis.direction_text import summarise_direction

        return summarise_direction(self)


def count_verdicts(studies: Iterable[StudyVerdict]) -> dict[str, int]:
    """How many of `studies` have each judgement; those that none has are 0."""
    found = Counter(study.verdict for study in studies)
    return {judgement: found[judgement] for judgement in JUDGEMENTS}
