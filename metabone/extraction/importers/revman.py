"""RevMan's data and analyses: the CSV of RevMan 5 and the data rows of RevMan Web."""

from __future__ import annotations

from pathlib import Path

from metabone.extraction.importers.assemble import Made, assemble, ledger_of
from metabone.extraction.importers.repeats import repeat_notes
from metabone.extraction.importers.results import Imported, LedgerLine
from metabone.extraction.importers.revman_rows import (
    FIELDS,
    Headings,
    effect_of,
    has_means,
    number_of,
    refused,
)
from metabone.extraction.importers.sheet import Sheet, Value, read_sheet

_ARMS = {
    "n_treated": "n1", "mean_treated": "m1", "dispersion_treated": "sd1",
    "n_control": "n2", "mean_control": "m2", "dispersion_control": "sd2",
}  # fmt: skip
_COPIED = {**_ARMS, "study": "study", "outcome": "outcome", "yi": "effect", "sei": "se"}


def read_revman(path: str | Path, *, sheet: str | None = None) -> Imported:
    """Read the studies of RevMan's analyses; group 1 (experimental) is the treated arm.

    Means with SDs, and effects with standard errors of generic inverse variance, become rows.
    Counts of events, totals and headings are left out and told; headings of RevMan 5 give their
    names to the rows below them, and say what kind of data these hold.

    Parameters
    ----------
    path : CSV or workbook: "data and analyses" of RevMan 5, or the data rows of RevMan Web.
    sheet : sheet of a workbook.

    Raises
    ------
    DataError
        If the file is no such export.
    """
    export = read_sheet(path, "RevMan", FIELDS, sheet=sheet)
    headings, out, rows = Headings(), dict[int, LedgerLine](), list[Made]()
    for at in range(len(export)):
        line = refused(export, at, headings)
        if line is None:
            try:
                rows.append(Made(_values(export, at, headings), {"row": at}))
                continue
            except ValueError as error:
                line = LedgerLine(export.rows[at], code="scale-unknown", reason=str(error))
        out[at] = line
    rows = _once_each(export, rows, out)
    return Imported(
        kind="revman",
        source=export.source,
        frame=assemble("revman", export, rows, _COPIED),
        ledger=tuple(ledger_of(export, rows, out)),
        notes=(*export.notes, *_notes(rows, out)),
    )


def _notes(rows: list[Made], out: dict[int, LedgerLine]) -> list[str]:
    notes = ["dispersions are SDs, as RevMan takes them"]
    if any(row.values.get("yi") is not None for row in rows):
        notes.append("yi is the effect of generic inverse variance as entered, of whatever measure")
    counts = sum(line.code == "not-continuous" for line in out.values())
    if counts:
        notes.append(f"{counts} rows hold counts or nothing that can be pooled, and are left out")
    parts = sum(line.code == "part-of-study" for line in out.values())
    if parts:
        notes.append(
            f"{parts} rows are parts of a study for a subgroup only and are left out, as the same "
            "analysis has the whole study"
        )
    return notes + repeat_notes(rows, "one study in several analyses or subgroups?")


def _once_each(sheet: Sheet, rows: list[Made], out: dict[int, LedgerLine]) -> list[Made]:
    """Without the rows that count in a subgroup only where the whole study is a row as well."""
    whole: dict[tuple[str | None, ...], int] = {}
    for row in rows:
        at = row.parts["row"]
        if _counts_in(sheet, at) == "OVERALL":
            whole.setdefault(_analysis(sheet, at), at)
    kept = []
    for row in rows:
        at = row.parts["row"]
        if _counts_in(sheet, at) == "SUBGROUP" and _analysis(sheet, at) in whole:
            other = sheet.rows[whole[_analysis(sheet, at)]]
            out[at] = LedgerLine(
                sheet.rows[at],
                code="part-of-study",
                reason=f"counts in its subgroup only; row {other} is the study in the total",
            )
        else:
            kept.append(row)
    return kept


def _counts_in(sheet: Sheet, at: int) -> str:
    return (sheet.text(at, "applicability") or "").upper()


def _analysis(sheet: Sheet, at: int) -> tuple[str | None, ...]:
    return tuple(sheet.text(at, part) for part in ("comparison_no", "outcome_no", "study"))


def _values(sheet: Sheet, at: int, headings: Headings) -> dict[str, Value]:
    first, second, third = (
        number_of(sheet, at, part) for part in ("comparison_no", "outcome_no", "subgroup_no")
    )
    numbered = ".".join(part for part in (first, second) if part)
    labels = headings.labels_of(sheet, at)
    comparison = sheet.text(at, "comparison") or headings.comparisons.get(first)
    if all(labels):
        comparison = " vs ".join(str(label) for label in labels)
    means = has_means(sheet, at, headings)
    values: dict[str, Value] = {
        "study": sheet.text(at, "study"),
        "comparison": comparison or (f"comparison {first}" if first else None),
        "outcome": sheet.text(at, "outcome")
        or headings.outcomes.get((first, second))
        or (f"analysis {numbered}" if numbered else None),
        **{
            name: sheet.value(at, part)
            for name, part in _ARMS.items()
            if means or name.startswith("n_")
        },
    }
    if (subgroup := headings.subgroups.get((first, second, third))) is not None:
        values["subgroup"] = subgroup
    if not means:
        yi, note = effect_of(sheet, at, headings)
        values |= {"yi": yi, "sei": sheet.value(at, "se"), "note": note}
        # RevMan 5 fills in zeros where it has no numbers.
        values |= {name: values[name] or None for name in ("n_treated", "n_control")}
    elif values["dispersion_treated"] is not None or values["dispersion_control"] is not None:
        values["dispersion_type"] = "SD"
    return values
