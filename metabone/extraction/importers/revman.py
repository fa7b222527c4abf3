"""RevMan's data and analyses: the CSV of RevMan 5 and the data rows of RevMan Web."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from metabone.extraction.importers.assemble import Made, assemble, ledger_of
from metabone.extraction.importers.results import Imported, LedgerLine
from metabone.extraction.importers.sheet import Field, Sheet, Value, read_sheet

# RevMan 5's names, RevMan Web's, and those of R's meta, which reads and writes both.
FIELDS = (
    Field("comparison_no", ("Comparison Number", "Analysis group", "comp.no")),
    Field("outcome_no", ("Outcome Number", "Analysis number", "outcome.no")),
    Field("subgroup_no", ("Subgroup Number", "group.no")),
    Field("comparison", ("Comparison", "Comparison Name", "Analysis group name", "complab")),
    Field("outcome", ("Outcome", "Outcome Name", "Analysis name", "outclab")),
    Field("study", ("Study", "Name", "Study ID", "Study Name", "studlab"), required=True),
    Field("n1", ("Total 1", "Experimental N", "n.e"), required=True, number=True),
    Field("m1", ("Mean 1", "Experimental mean", "mean.e"), required=True, number=True),
    Field("sd1", ("SD 1", "Experimental SD", "sd.e"), required=True, number=True),
    Field("n2", ("Total 2", "Control N", "n.c"), required=True, number=True),
    Field("m2", ("Mean 2", "Control mean", "mean.c"), required=True, number=True),
    Field("sd2", ("SD 2", "Control SD", "sd.c"), required=True, number=True),
    Field("events1", ("Events 1", "Experimental cases", "event.e"), number=True),
    Field("events2", ("Events 2", "Control cases", "event.c"), number=True),
    Field("effect", ("GIV Mean", "Effect Estimate", "TE"), number=True),
    Field("se", ("GIV SE", "SE", "seTE"), number=True),
    Field("variance", ("Variance", "V"), number=True),
    Field("label1", ("Group Label 1", "Experimental group label", "label.e")),
    Field("label2", ("Group Label 2", "Control group label", "label.c")),
)
_ARMS = {
    "n_treated": "n1", "mean_treated": "m1", "dispersion_treated": "sd1",
    "n_control": "n2", "mean_control": "m2", "dispersion_control": "sd2",
}  # fmt: skip
_TOTALS = frozenset({"total", "subtotal", "overall"})


@dataclass(slots=True)
class _Headings:
    """Names that RevMan 5 writes in rows of their own above the studies."""

    seen: set[tuple[str, ...]] = field(default_factory=set)
    comparisons: dict[str, str] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], str] = field(default_factory=dict)
    subgroups: dict[tuple[str, str, str], str] = field(default_factory=dict)


def read_revman(path: str | Path, *, sheet: str | None = None) -> Imported:
    """Read the studies of RevMan's analyses; group 1 (experimental) is the treated arm.

    Means with SDs, and effects with standard errors of generic inverse variance, become rows.
    Counts of events, totals and headings are left out and told; headings of RevMan 5 give their
    names to the rows below them.

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
    headings, out, rows = _Headings(), dict[int, LedgerLine](), list[Made]()
    for at in range(len(export)):
        if (line := _not_a_study(export, at, headings)) is not None:
            out[at] = line
        else:
            rows.append(Made(_values(export, at, headings), {"row": at}))
    notes = [*export.notes, "dispersions are SDs, as RevMan takes them"]
    if any(row.values.get("yi") is not None for row in rows):
        notes.append("yi is the effect of generic inverse variance as entered, of whatever measure")
    counts = sum(line.code == "not-continuous" for line in out.values())
    if counts:
        notes.append(f"{counts} rows hold counts or nothing that can be pooled, and are left out")
    return Imported(
        kind="revman",
        source=export.source,
        frame=assemble("revman", export, rows),
        ledger=tuple(ledger_of(export, rows, out)),
        notes=tuple(notes),
    )


def _not_a_study(sheet: Sheet, at: int, headings: _Headings) -> LedgerLine | None:
    """Why the row is no row of the table; a heading is remembered."""
    row, name = sheet.rows[at], sheet.text(at, "study")
    if any(sheet.value(at, part) is not None for part in ("m1", "sd1", "m2", "sd2")):
        if name is None:
            return LedgerLine(row, code="id-blank", reason="study blank")
        if name.casefold() in _TOTALS:
            return LedgerLine(row, code="not-a-study", reason=f"{name!r} is no study")
        return None
    if _is_effect(sheet, at) and name is not None and name.casefold() not in _TOTALS:
        return None
    if "outcome" not in sheet and (what := _heading(sheet, at, name, headings)) is not None:
        return LedgerLine(row, code="not-a-study", reason=f"names {what}")
    if name is None or name.casefold() in _TOTALS:
        return LedgerLine(row, code="not-a-study", reason="a total, or a row without a study")
    counts = any(sheet.value(at, part) is not None for part in ("events1", "events2", "variance"))
    said = "counts or observed minus expected" if counts else "neither means nor an effect"
    return LedgerLine(row, code="not-continuous", reason=f"holds {said}")


def _is_effect(sheet: Sheet, at: int) -> bool:
    """Whether the row is of generic inverse variance: an effect and its SE, and no counts."""
    counts = any(sheet.value(at, part) is not None for part in ("events1", "events2"))
    return not counts and all(sheet.value(at, part) is not None for part in ("effect", "se"))


def _heading(sheet: Sheet, at: int, name: str | None, headings: _Headings) -> str | None:
    """What the row names, the first time that its numbers come: comparison, outcome, subgroup."""
    first, second, third = (
        _number(sheet, at, part) for part in ("comparison_no", "outcome_no", "subgroup_no")
    )
    key = tuple(part for part in (first, second, third) if part)
    if not first or name is None or key in headings.seen or (third and not second):
        return None
    headings.seen.add(key)
    if not second:
        headings.comparisons[first] = name
        return "a comparison"
    if not third:
        headings.outcomes[first, second] = name
        return "an outcome"
    headings.subgroups[first, second, third] = name
    return "a subgroup"


def _number(sheet: Sheet, at: int, part: str) -> str:
    """The number of a comparison, outcome or subgroup; empty for 0, which means none."""
    word = sheet.text(at, part) or ""
    return "" if word in ("0", "0.0") else word.removesuffix(".0")


def _values(sheet: Sheet, at: int, headings: _Headings) -> dict[str, Value]:
    first, second, third = (
        _number(sheet, at, part) for part in ("comparison_no", "outcome_no", "subgroup_no")
    )
    numbered = ".".join(part for part in (first, second) if part)
    labels = [sheet.text(at, part) for part in ("label1", "label2")]
    comparison = sheet.text(at, "comparison") or headings.comparisons.get(first)
    if all(labels):
        comparison = " vs ".join(str(label) for label in labels)
    values: dict[str, Value] = {
        "study": sheet.text(at, "study"),
        "comparison": comparison or (f"comparison {first}" if first else None),
        "outcome": sheet.text(at, "outcome")
        or headings.outcomes.get((first, second))
        or (f"analysis {numbered}" if numbered else None),
        **{name: sheet.value(at, part) for name, part in _ARMS.items()},
    }
    if (subgroup := headings.subgroups.get((first, second, third))) is not None:
        values["subgroup"] = subgroup
    if values["dispersion_treated"] is not None or values["dispersion_control"] is not None:
        values["dispersion_type"] = "SD"
    elif _is_effect(sheet, at):
        values |= {"yi": sheet.value(at, "effect"), "sei": sheet.value(at, "se")}
    return values
