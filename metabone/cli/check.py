"""``metabone check``: what is in a table, and everything that is wrong with it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

from metabone.cli import common as c

if TYPE_CHECKING:
    from metabone.extraction.table import Finding, StudyTable

WIDTH = 100
LINES_PER_CODE = 8
HEADINGS = {
    "error": "these rows cannot be pooled as they are",
    "warning": "look again",
    "note": "how the table was understood",
}


def check(
    table: c.Table,
    vocabulary: c.VocabularyFile = None,
    sheet: c.Sheet = None,
    json: c.Json = None,
    force: c.Force = False,
) -> None:
    """Check every cell of an extraction table and list all problems at once.

    The exit status is 1 if there is an error, 0 otherwise.
    """
    c.check_targets(json, force=force, table=table)
    from metabone.extraction.reading import read_table
    from metabone.vocabulary import load_vocabulary

    read = read_table(table, vocabulary=load_vocabulary(vocabulary), sheet=sheet)
    if not c.emit_json(content(read), json, force=force):
        c.show("\n".join(screen(read)))
    if read.errors:
        raise typer.Exit(1)


def content(table: StudyTable) -> dict[str, Any]:
    """The answer as JSON prints it: every finding, and how many of which severity."""
    from metabone.synthesis.results import SCHEMA_VERSION

    source = table.source
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
        "rows": len(table.frame),
        "errors": len(table.errors),
        "warnings": len(table.warnings),
        "findings": [found.to_dict() for found in table.findings],
    }


def screen(table: StudyTable) -> Iterator[str]:
    """The lines that a person reads, errors first, alike findings in one line."""
    frame, source = table.frame, table.source
    how = [source.encoding, _separator(source.separator), source.sheet and f"sheet {source.sheet}"]
    yield from _wrap(
        f"{source.file}: {_count(len(frame), 'row')}, {_count(frame['study'].nunique(), 'study')}, "
        f"{_count(frame['outcome'].nunique(), 'outcome')}"
        + "".join(f", {part}" for part in how if part),
        0,
    )
    by_severity: dict[str, list[Finding]] = {severity: [] for severity in HEADINGS}
    for found in table.findings:
        by_severity[found.severity].append(found)
    yield ", ".join(_count(len(found), severity) for severity, found in by_severity.items())
    for severity, findings in by_severity.items():
        if findings:
            yield ""
            yield f"{severity.upper()}S: {HEADINGS[severity]}"
            yield from _by_code(findings)
    yield ""
    yield _verdict(table)


def _by_code(findings: list[Finding]) -> Iterator[str]:
    codes: dict[str, list[Finding]] = {}
    for found in findings:
        codes.setdefault(found.code, []).append(found)
    for code, alike in sorted(codes.items(), key=lambda item: (-len(item[1]), item[0])):
        yield f"  {code} ({len(alike)})"
        groups: dict[tuple[str | None, str], list[Finding]] = {}
        for found in alike:
            groups.setdefault((found.column, found.message), []).append(found)
        for group in list(groups.values())[:LINES_PER_CODE]:
            yield from _wrap(_line(group), 4)
        if len(groups) > LINES_PER_CODE:
            yield f"    … and {len(groups) - LINES_PER_CODE} more; --json lists them all"


def _line(group: list[Finding]) -> str:
    """One message with the rows and values that it holds for."""
    from metabone.extraction.table import rows_text

    rows = [found.row for found in group if found.row is not None]
    values = list(dict.fromkeys(repr(_cut(found.value)) for found in group if found.value))
    place = [rows_text(rows) if rows else "", group[0].column or ""]
    shown = ", ".join(values[:4]) + (", …" if len(values) > 4 else "")
    lead = ", ".join(part for part in place if part) + (f" ({shown})" if shown else "")
    return f"{lead}: {group[0].message}" if lead else group[0].message


def _cut(value: str | None) -> str:
    text = value or ""
    return text if len(text) <= 40 else text[:39] + "…"


def _wrap(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 4),
        break_on_hyphens=False,
    )


def _count(number: int, word: str) -> str:
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{number} {word if number == 1 else plural}"


def _separator(mark: str | None) -> str | None:
    from metabone.extraction.delimited import SEPARATORS

    return f"separated by {SEPARATORS.get(mark, repr(mark))}" if mark else None


def _verdict(table: StudyTable) -> str:
    if not table.errors:
        return "No errors."
    rows = {found.row for found in table.errors}
    return f"{_count(len(rows), 'row')} with errors: correct them, or give a reason in `exclude`."
