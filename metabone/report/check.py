"""Everything that checking says about a table: findings, suspicions, what they would change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metabone.extraction.audit.audit import audit
from metabone.extraction.audit.codes import check_codes
from metabone.extraction.audit.results import Suspicion
from metabone.extraction.table import Finding, StudyTable
from metabone.files import plain
from metabone.synthesis.impact import ImpactLine
from metabone.synthesis.impact import impact as impact_of

if TYPE_CHECKING:
    import pandas as pd

#: A cell of the tables made here holds at most so many characters of the user's own.
LONGEST_VALUE = 1000
#: So many suspicions, the strongest, are told with what each alone would change.
MOST_IMPACTS = 100
#: Of a large table fewer: each takes pooling this many effects, divided among them.
MOST_EFFECTS = 2_000_000
#: So many outcomes, those of the strongest suspicions, are pooled at all.
MOST_OUTCOMES = 200


@dataclass(frozen=True, slots=True)
class Block:
    """Suspicions of one code.

    Parameters
    ----------
    suspicions : at least one, the strongest first.
    changes : what the pooled answer of each outcome would become if all of them were right, the
        largest change first; empty where nothing was pooled.
    """

    suspicions: tuple[Suspicion, ...]
    changes: tuple[ImpactLine, ...] = ()

    @property
    def code(self) -> str:
        """The code that they share."""
        return self.suspicions[0].code

    @property
    def strength(self) -> float:
        """The strength of the strongest."""
        return self.suspicions[0].strength

    @property
    def weight(self) -> tuple[float, float]:
        """Strength times the change of the pooled answer in its standard errors, then strength."""
        shift = max((change.shift for change in self.changes), default=0.0)
        return self.strength * shift, self.strength

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows suspected, each once, in order."""
        return tuple(sorted({one.row for one in self.suspicions if one.row is not None}))


@dataclass(frozen=True, slots=True)
class Checked:
    """A table with all that checking says about it.

    Parameters
    ----------
    table : as it was read; nothing in it is changed.
    findings : of validation, in row order, without the codes turned off.
    suspicions : of the audit, the strongest first, without the codes turned off.
    off : the codes turned off.
    impacts : for each suspicion what it alone would change in the pooled answer, or why that is not
        known; None for notes, and where nothing was pooled.
    blocks : suspicions that are warnings, by code, those first that would change the answer most.
    """

    table: StudyTable
    findings: tuple[Finding, ...]
    suspicions: tuple[Suspicion, ...]
    off: tuple[str, ...]
    impacts: tuple[ImpactLine | None, ...]
    blocks: tuple[Block, ...]

    def of(self, severity: str) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(found for found in self.findings if found.severity == severity)

    @property
    def weak(self) -> tuple[Suspicion, ...]:
        """The suspicions that are only notes."""
        return tuple(one for one in self.suspicions if one.severity == "note")

    @property
    def not_pooled(self) -> int:
        """How many outcomes with suspicions are beyond those that are pooled."""
        looked_at = {change.outcome for block in self.blocks for change in block.changes}
        met = {line.outcome for line in self.impacts if line is not None}
        return len(met - looked_at - {None})

    def worst_first(self) -> Iterator[tuple[Finding, None] | tuple[Suspicion, ImpactLine | None]]:
        """Errors, suspicions by block, warnings, weak suspicions, notes; each with its impact."""
        impacts = {
            id(one): impact for one, impact in zip(self.suspicions, self.impacts, strict=True)
        }
        strong = [one for block in self.blocks for one in block.suspicions]
        yield from ((found, None) for found in self.of("error"))
        yield from ((one, impacts[id(one)]) for one in strong)
        yield from ((found, None) for found in self.of("warning"))
        yield from ((one, impacts[id(one)]) for one in self.weak)
        yield from ((found, None) for found in self.of("note"))

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it: every finding and every suspicion."""
        from metabone.synthesis.results import SCHEMA_VERSION

        source = self.table.source
        return {
            "schema_version": SCHEMA_VERSION,
            "input": {
                "file": source.file,
                "sha256": source.sha256,
                "rows": source.rows,
                "encoding": source.encoding,
                "separator": source.separator,
                "decimal": source.decimal,
                "sheet": source.sheet,
            },
            "rows": len(self.table.frame),
            "errors": len(self.of("error")),
            "warnings": len(self.of("warning")),
            "off": list(self.off),
            "findings": [found.to_dict() for found in self.findings],
            "suspicions": [
                one.to_dict() | {"impact": None if impact is None else impact_dict(impact)}
                for one, impact in zip(self.suspicions, self.impacts, strict=True)
            ],
        }

    def to_frame(self) -> pd.DataFrame:
        """One line for each finding and suspicion, the worst first."""
        import pandas as pd

        return pd.DataFrame([_line(*each) for each in self.worst_first()], columns=COLUMNS)

    def headline(self) -> str:
        """The check in one line of plain text."""
        return _headline(self)


COLUMNS = (
    "severity", "code", "row", "rows", "columns", "value", "strength", "message", "look_up",
    "correction", "pooled", "as_is", "corrected", "left_out",
)  # fmt: skip


def check_table(
    table: StudyTable, *, off: Collection[str] = (), impact: bool = True, measure: str = "SMD"
) -> Checked:
    """Validate, audit, and ask what each suspicion would change in the pooled answer.

    Parameters
    ----------
    table : a table that was read.
    off : codes that are not to be told.
    impact : whether to pool; otherwise no suspicion says what it would change.
    measure : the effect measure that is pooled.

    Raises
    ------
    UsageError
        For a code that does not exist, or that is an error.

    Examples
    --------
    >>> from metabone import read_table
    >>> checked = check_table(read_table("anabolic"), impact=False)
    >>> checked.to_dict()["errors"]
    0
    """
    silent = check_codes(off)
    suspicions = audit(table, off=off)
    strong = [one for one in suspicions if one.severity != "note"]
    alone, together = _changes(table, strong if impact else [], measure)
    blocks = [
        Block(tuple(alike), tuple(together.get(code, ())))
        for code, alike in by_code(strong).items()
    ]
    return Checked(
        table=table,
        findings=tuple(found for found in table.findings if found.code not in silent),
        suspicions=suspicions,
        off=tuple(sorted(silent)),
        impacts=tuple(alone.get(id(one)) for one in suspicions),
        blocks=tuple(sorted(blocks, key=lambda block: block.weight, reverse=True)),
    )


def _changes(
    table: StudyTable, strong: Sequence[Suspicion], measure: str
) -> tuple[dict[int, ImpactLine], dict[str, list[ImpactLine]]]:
    """What each suspicion would change, by its id; and all of a code, the largest change first."""
    # Pooling takes time that grows with the table.
    many = max(1, min(MOST_IMPACTS, MOST_EFFECTS // max(1, len(table.frame))))
    found = impact_of(table, strong, measure, most=many, most_outcomes=MOST_OUTCOMES)
    alone = {id(one): line for one, line in zip(strong, found.lines, strict=True)}
    largest = sorted(found.together, key=lambda line: -line.shift)
    return alone, by_code(largest)


def impact_dict(line: ImpactLine) -> dict[str, Any]:
    """What one suspicion would change, as JSON prints it: estimates, and the error of the first."""
    answers = {name: getattr(line, name) for name in ("as_is", "corrected", "left_out")}
    estimates = {name: None if one is None else one.estimate for name, one in answers.items()}
    told = {
        "outcome": line.outcome,
        "measure": line.measure,
        "as_is": estimates["as_is"],
        "se": None if line.as_is is None else line.as_is.se,
        "corrected": estimates["corrected"],
        "left_out": estimates["left_out"],
        "reason": line.reason or None,
    }
    return {name: plain(value) for name, value in told.items()}


def by_code(found: Iterable[Any]) -> dict[str, list[Any]]:
    """Findings or suspicions by their code, in the order in which the codes come."""
    codes: dict[str, list[Any]] = {}
    for one in found:
        codes.setdefault(one.code, []).append(one)
    return codes


def _line(one: Finding | Suspicion, impact: ImpactLine | None) -> dict[str, Any]:
    return _of_finding(one) if isinstance(one, Finding) else _of_suspicion(one, impact)


def _of_finding(found: Finding) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS) | {
        "severity": found.severity, "code": found.code, "row": found.row,
        "columns": found.column, "value": shortened(found.value), "message": found.message,
    }  # fmt: skip


def _of_suspicion(one: Suspicion, impact: ImpactLine | None) -> dict[str, Any]:
    told = {} if impact is None else impact_dict(impact)
    return {
        "severity": one.severity, "code": one.code, "row": one.row,
        "rows": " ".join(map(str, one.rows)), "columns": " ".join(one.columns),
        "value": shortened(one.value), "strength": one.strength, "message": one.message,
        "look_up": one.look_up, "correction": correction_text(one),
        "pooled": told.get("outcome"), "as_is": told.get("as_is"),
        "corrected": told.get("corrected"), "left_out": told.get("left_out"),
    }  # fmt: skip


def correction_text(one: Suspicion) -> str:
    """What the row would be if the suspicion is right, in words; empty where that is not known."""
    items = (one.correction or {}).items()
    return ", ".join(f"{name} = {_digits(value)}" for name, value in items)


def _digits(value: object) -> str:
    """A cell as it would be written: a computed number without the digits that nobody printed."""
    return f"{value:.6g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def shortened(text: str | None, longest: int = LONGEST_VALUE) -> str | None:
    """A text with its end cut off, and said, where it is longer than a table should hold.

    Examples
    --------
    >>> shortened("abcdef", 3), shortened("abc", 3)
    ('abc… (6 characters)', 'abc')
    """
    if text is None or len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text):,} characters)"


def _headline(checked: Checked) -> str:
    errors, strong = len(checked.of("error")), sum(len(b.suspicions) for b in checked.blocks)
    warnings = len(checked.of("warning"))
    text = ", ".join(
        [count(errors, "error"), count(strong, "suspicion"), count(warnings, "warning")]
    )
    if checked.blocks:
        from metabone.report.check_text import change_text, title

        first = checked.blocks[0]
        changed = change_text(first.changes)
        text += f"; the strongest: {title(first)}{f', {changed}' if changed else ''}"
    if checked.off:
        text += f"; turned off: {', '.join(checked.off)}"
    return text


def count(number: int, word: str) -> str:
    """A number with its word in singular or plural.

    Examples
    --------
    >>> count(1, "study"), count(2, "study"), count(0, "row")
    ('1 study', '2 studies', '0 rows')
    """
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{number} {word if number == 1 else plural}"
