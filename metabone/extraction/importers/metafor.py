"""Data frames for R's metafor, written by `write.csv`: one row is one row of the table."""

from __future__ import annotations

from pathlib import Path

from metabone.errors import DataError
from metabone.extraction.importers.assemble import Made, assemble, ledger_of
from metabone.extraction.importers.dispersion import kind_of
from metabone.extraction.importers.results import Imported, LedgerLine
from metabone.extraction.importers.sheet import Field, Sheet, Value, advice, fold, read_sheet
from metabone.extraction.schema import BY_NAME

# metafor's names where they differ from the table's own names and synonyms.
_NUMBERS = {
    "t": ("ti",), "f": ("fi",), "p": ("pi", "pval"),
    "sei": ("sei", "se"), "vi": ("vi", "v", "var"), "yi": ("yi",),
    "n_treated": ("n1i", "n1", "nt", "n.e"),
    "n_control": ("n2i", "n2", "nc", "n.c"),
    "mean_treated": ("m1i", "m1", "mt", "mean.e"),
    "mean_control": ("m2i", "m2", "mc", "mean.c"),
    "dispersion_treated": ("sd1i", "sd1", "sdt", "sd.e"),
    "dispersion_control": ("sd2i", "sd2", "sdc", "sd.c"),
}  # fmt: skip
_TESTS = ("t", "f", "p")
_STUDIES = (
    "study",
    "slab",
    "studlab",
    "study_id",
    "studyid",
    "paper",
    "article",
    "trial",
    "author",
    "authors",
)
_AUTHORS = ("study as author", "study as authors")


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
    notes = [*export.notes, *_notes(export, named, rows)]
    if from_header is not None:
        notes.append(f"dispersions are taken as {from_header}, as their headers say")
    out: dict[int, LedgerLine] = {}
    return Imported(
        kind="metafor",
        source=export.source,
        frame=assemble(
            "metafor", export, rows, {**{name: name for name in BY_NAME}, "study": named[0]}
        ),
        ledger=tuple(ledger_of(export, rows, out)),
        notes=tuple(notes),
    )


def _notes(sheet: Sheet, named: list[str], rows: list[Made]) -> list[str]:
    notes = []
    if named[0] in _AUTHORS and "year" in sheet:
        notes.append("study is author and year")
    elif any(name in _AUTHORS for name in named[1:]) and all(
        (str(row.values["study"]) or "0").isdecimal() for row in rows
    ):
        shown = sheet.header[sheet.places[named[0]]]
        notes.append(f"studies are called by their number in {shown!r}; the authors are kept")
    if "yi" in sheet:
        notes.append("yi is taken as it is, of whatever measure it was computed")
        tests = [sheet.header[sheet.places[name]] for name in _TESTS if name in sheet]
        if tests:
            notes.append(f"{', '.join(tests)} stand beside yi and are kept, but are no data")
    counted = [name for name in sheet.header if fold(name) in ("ai", "ci", "x1i", "x2i", "t1i")]
    if counted:
        notes.append(f"counts ({', '.join(counted)}) are kept but give no effect size")
    return notes


def _refuse(sheet: Sheet, named: list[str], outcome: str | None) -> None:
    shown = ", ".join(repr(name[:40]) for name in sheet.header[:8])
    file = sheet.source.file
    if not named:
        raise DataError(
            f"{file} has no column that names the studies ({', '.join(_STUDIES)}); it has {shown}"
            f"{advice('metafor', sheet.header)}"
        )
    if not any(name in sheet for name in ("yi", "mean_treated", "median_treated", "t", "f", "p")):
        raise DataError(
            f"{file} holds neither effects (yi), means (m1i, m2i) nor tests (ti, pi); "
            f"it has {shown}{advice('metafor', sheet.header)}"
        )
    if outcome is None and "outcome" not in sheet:
        raise DataError(f"{file} has no column 'outcome'; name the outcome with --outcome")


def _kind(sheet: Sheet) -> str | None:
    """What the header of the treated arm's dispersion says that it is."""
    if "dispersion_type" in sheet or "dispersion_treated" not in sheet:
        return None
    word = fold(sheet.header[sheet.places["dispersion_treated"]])
    for mark in ("", "1i", "1", "treated", "t", "e"):
        kind = kind_of(word.removesuffix(mark))
        if word.endswith(mark) and kind in ("SD", "SEM", "CI95"):
            return kind
    return None


def _values(
    sheet: Sheet, at: int, named: str, outcome: str | None, kind: str | None
) -> dict[str, Value]:
    values: dict[str, Value] = {
        name: sheet.value(at, name) if column.kind == "number" else sheet.text(at, name)
        for name, column in BY_NAME.items()
        # The p of a summary of yi is no test that yi could be worked out from.
        if name in sheet and not (name in _TESTS and "yi" in sheet)
    }
    study = sheet.text(at, named)
    if named in _AUTHORS and study is not None:
        study = " ".join(filter(None, (study, sheet.text(at, "year"))))
    values |= {"study": study, "outcome": sheet.text(at, "outcome") or outcome}
    if kind is not None and values.get("dispersion_treated") is not None:
        values["dispersion_type"] = kind
    return values
