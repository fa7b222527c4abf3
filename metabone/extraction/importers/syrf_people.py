"""Which entry of a SyRF study counts: the reconciled one, or that of one person."""

from __future__ import annotations

from collections.abc import Iterable

from metabone.errors import UsageError
from metabone.extraction.importers.results import LedgerLine
from metabone.extraction.importers.sheet import Sheet, fold
from metabone.extraction.importers.syrf_columns import TRUE

MARKS = ("reconciled", "reconciliation")


def agreed_rows(
    sheet: Sheet, investigator: str | None
) -> tuple[list[int], dict[int, LedgerLine], list[str]]:
    """The rows of the agreed entry of each study, a ledger line for each other row, and notes.

    Raises
    ------
    UsageError
        If nobody of that id or name entered anything.
    """
    _refuse_unknown(sheet, investigator)
    by_study: dict[str | None, list[int]] = {}
    for at in range(len(sheet)):
        by_study.setdefault(sheet.text(at, "study"), []).append(at)
    out: dict[int, LedgerLine] = {}
    agreed: list[int] = []
    for rows in by_study.values():
        agreed += _agreed_of_study(sheet, rows, investigator, out)
    return sorted(agreed), out, _notes(sheet, out)


def _refuse_unknown(sheet: Sheet, investigator: str | None) -> None:
    if investigator is None:
        return
    known = {
        word
        for at in range(len(sheet))
        for name in ("investigator", "investigator_name")
        if (word := sheet.text(at, name)) is not None
    }
    if investigator not in known:
        listed = ", ".join(map(repr, sorted(known)[:10])) or "no column that names anyone"
        raise UsageError(
            f"{sheet.source.file} has no investigator {investigator!r}; it has {listed}"
        )


def _agreed_of_study(
    sheet: Sheet, rows: list[int], investigator: str | None, out: dict[int, LedgerLine]
) -> list[int]:
    final = [at for at in rows if _is_reconciled(sheet, at)]
    kept = final or rows
    for at in set(rows) - set(kept):
        out[at] = _line(sheet, at, "not-reconciled", "the study has a reconciled entry")
    if investigator is not None and len(_people(sheet, kept)) > 1:
        mine = [at for at in kept if investigator in (_person(sheet, at), _called(sheet, at))]
        for at in set(kept) - set(mine) if mine else ():
            out[at] = _line(sheet, at, "not-reconciled", f"not entered by {investigator}")
        kept = mine or kept
    if len(_people(sheet, kept)) > 1:
        listed = ", ".join(repr(name) for name in _people(sheet, kept))
        what = "reconciled" if final else "entered and nobody reconciled"
        for at in kept:
            out[at] = _line(sheet, at, "several-annotators", f"{listed} {what} the study")
        return []
    return kept


def _is_reconciled(sheet: Sheet, at: int) -> bool:
    return any((sheet.text(at, mark) or "").casefold() in TRUE for mark in MARKS)


def _person(sheet: Sheet, at: int) -> str:
    """Who entered the row: the id, or the name where there is no id."""
    return sheet.text(at, "investigator") or sheet.text(at, "investigator_name") or ""


def _called(sheet: Sheet, at: int) -> str:
    return sheet.text(at, "investigator_name") or _person(sheet, at)


def _people(sheet: Sheet, rows: Iterable[int]) -> list[str]:
    """Names of the people behind the rows, one for each id."""
    people = {_person(sheet, at): _called(sheet, at) for at in rows}
    return sorted(people.values())


def _line(sheet: Sheet, at: int, code: str, reason: str) -> LedgerLine:
    return LedgerLine(sheet.rows[at], code=code, reason=reason)


def _notes(sheet: Sheet, out: dict[int, LedgerLine]) -> list[str]:
    notes = []
    marked = [
        sheet.header[sheet.places[mark]]
        for mark in MARKS
        if mark in sheet
        and any((sheet.text(at, mark) or "").casefold() in TRUE for at in range(len(sheet)))
    ]
    if marked:
        notes.append(f"reconciled entries are those with {' or '.join(map(repr, marked))} TRUE")
    if "investigator" not in sheet and "investigator_name" not in sheet:
        notes.append("no column says who entered a row: entries of two people cannot be told apart")
    asked = {sheet.places[mark] for mark in MARKS if mark in sheet}
    other = [
        name
        for place, name in enumerate(sheet.header)
        if "reconcil" in fold(name) and place not in asked
    ]
    if other:
        shown = " and ".join(map(repr, other))
        notes.append(f"{shown} speaks of reconciliation and is not used")
    lost = [line for line in out.values() if line.code == "not-reconciled"]
    if lost:
        notes.append(f"{len(lost)} rows are not of the agreed entry of their study")
    several = [line for line in out.values() if line.code == "several-annotators"]
    if several:
        notes.append(
            f"{len(several)} rows are of studies that several people entered, with no single "
            "reconciled entry; choose whose with --investigator"
        )
    return notes
