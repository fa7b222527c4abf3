"""Data frames for R's metafor, written by `write.csv`: one row is one row of the table."""

from __future__ import annotations

from pathlib import Path

from metabone.errors import DataError
from metabone.extraction.importers.assemble import Made, assemble, ledger_of
from metabone.extraction.importers.dispersion import kind_of
from metabone.extraction.importers.results import Imported, LedgerLine
from metabone.extraction.importers.sheet import Field, Sheet, Value, fold, read_sheet
from metabone.extraction.schema import BY_NAME

# metafor's names where they differ from the table's own names and synonyms.
_NUMBERS = {
    "t": ("ti",), "f": ("fi",), "p": ("pi", "pval"),
    "sei": ("sei", "se"), "vi": ("vi", "v", "var"), "yi": ("yi",),
    "n_treated": ("n1i", "n1"), "n_control": ("n2i", "n2"),
    "mean_treated": ("m1i", "m1"), "mean_control": ("m2i", "m2"),
    "dispersion_treated": ("sd1i", "sd1"), "dispersion_control": ("sd2i", "sd2"),
}  # fmt: skip
_STUDIES = (
    "study",
    "slab",
    "studlab",
    "study_id",
    "studyid",
    "paper",
    "trial",
    "author",
    "authors",
)


def _fields() -> tuple[Field, ...]:
    fields = []
    for name, column in BY_NAME.items():
        spellings = dict.fromkeys((*_NUMBERS.get(name, ()), *column.synonyms, name))
        if name not in ("study", "outcome"):
            fields.append(Field(name, tuple(spellings), number=column.kind == "number"))
    return (
        *fields,
        *(Field(f"study as {word}", (word,)) for word in _STUDIES),
        Field("year", ("year", "yr")),
        Field("outcome", ("outcome", "endpoint")),
    )


def read_metafor(
    path: str | Path, *, sheet: str | None = None, outcome: str | None = None
) -> Imported:
    """Read a data frame with metafor's names: ``yi vi``, or ``m1i sd1i n1i m2i sd2i n2i``.

    Group 1 is the treated arm. Every row becomes a row of the table, every other column (factors,
    moderators, R's row names) is kept.

    Parameters
    ----------
    path : CSV or workbook.
    sheet : sheet of a workbook.
    outcome : name of the outcome, where the frame has no such column.

    Raises
    ------
    DataError
        If the frame names no studies, no outcome, or holds neither effects nor means.
    """
    export = read_sheet(path, "metafor", _fields(), sheet=sheet)
    named = [f"study as {word}" for word in _STUDIES if f"study as {word}" in export]
    _refuse(export, named, outcome)
    from_header = _kind(export)
    rows = [Made(_values(export, at, named[0], outcome, from_header), {"row": at})
            for at in range(len(export))]  # fmt: skip
    notes = list(export.notes)
    if from_header is not None:
        notes.append(f"dispersions are taken as {from_header}, as their headers say")
    if named[0] in ("study as author", "study as authors") and "year" in export:
        notes.append("study is author and year")
    counted = [name for name in export.header if fold(name) in ("ai", "ci", "x1i", "x2i", "t1i")]
    if counted:
        notes.append(f"counts ({', '.join(counted)}) are kept but give no effect size")
    out: dict[int, LedgerLine] = {}
    return Imported(
        kind="metafor",
        source=export.source,
        frame=assemble("metafor", export, rows),
        ledger=tuple(ledger_of(export, rows, out)),
        notes=tuple(notes),
    )


def _refuse(sheet: Sheet, named: list[str], outcome: str | None) -> None:
    shown = ", ".join(repr(name[:40]) for name in sheet.header[:8])
    file = sheet.source.file
    if not named:
        raise DataError(
            f"{file} has no column that names the studies ({', '.join(_STUDIES)}); it has {shown}"
        )
    if outcome is None and "outcome" not in sheet:
        raise DataError(f"{file} has no column 'outcome'; name the outcome with --outcome")
    if not any(name in sheet for name in ("yi", "mean_treated", "median_treated", "t", "f", "p")):
        raise DataError(
            f"{file} holds neither effects (yi), means (m1i, m2i) nor tests (ti, pi); "
            f"it has {shown}"
        )


def _kind(sheet: Sheet) -> str | None:
    """What the header of the treated arm's dispersion says that it is."""
    if "dispersion_type" in sheet or "dispersion_treated" not in sheet:
        return None
    word = fold(sheet.header[sheet.places["dispersion_treated"]])
    for mark in ("1i", "1", "treated"):
        word = word.removesuffix(mark)
    kind = kind_of(word)
    return kind if kind in ("SD", "SEM", "CI95") else None


def _values(
    sheet: Sheet, at: int, named: str, outcome: str | None, kind: str | None
) -> dict[str, Value]:
    values: dict[str, Value] = {
        name: sheet.value(at, name) if column.kind == "number" else sheet.text(at, name)
        for name, column in BY_NAME.items()
        if name in sheet
    }
    study = sheet.text(at, named)
    if named in ("study as author", "study as authors") and study is not None:
        study = " ".join(filter(None, (study, sheet.text(at, "year"))))
    values |= {"study": study, "outcome": sheet.text(at, "outcome") or outcome}
    if kind is not None and values.get("dispersion_treated") is not None:
        values["dispersion_type"] = kind
    return values
