"""Summaries of metaDigitise: one row for each group of a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from metabone.extraction.importers.arms import ArmNames, unjoined
from metabone.extraction.importers.assemble import Made, assemble, ledger_of
from metabone.extraction.importers.dispersion import Spread, common, kind_of
from metabone.extraction.importers.results import Imported, LedgerLine
from metabone.extraction.importers.sheet import Field, Sheet, Value, read_sheet
from metabone.extraction.table import rows_text

FIELDS = (
    Field("file", ("filename", "file"), required=True),
    Field("variable", ("variable",), required=True),
    Field("group", ("group_id", "id", "group"), required=True),
    Field("mean", ("mean",), required=True, number=True),
    Field("sd", ("sd",), number=True),
    Field("se", ("se",), number=True),
    Field("n", ("n",), required=True, number=True),
    Field("error", ("error",), number=True),
    Field("error_type", ("error_type",)),
    Field("plot_type", ("plot_type",)),
)
# Plots of which metaDigitise works out mean and SD itself.
_WORKED_OUT = {
    "boxplot": "estimated from the quartiles of box plots",
    "histogram": "worked out from the bars of histograms",
    "scatterplot": "worked out from the points of scatter plots",
}


def read_metadigitise(
    path: str | Path,
    *,
    sheet: str | None = None,
    study: str | None = None,
    outcome: str | None = None,
    unit: str | None = None,
    treated: Sequence[str] = (),
    control: str | None = None,
    sham: str | None = None,
) -> Imported:
    """Read a summary of metaDigitise and join the groups of each figure and variable.

    The SD that metaDigitise worked out is taken; where it is blank (no n), its standard error, or
    the error and its type.

    Parameters
    ----------
    path : the summary, written by `write.csv`.
    sheet : sheet of a workbook.
    study : name of the study; by default the name of each figure without its ending.
    outcome : name of the outcome; by default the variable.
    unit : unit of the means.
    treated, control, sham : what the groups are called; see `ArmNames`.

    Raises
    ------
    DataError
        If the file is no such summary.
    """
    export = read_sheet(path, "metaDigitise", FIELDS, sheet=sheet)
    names = ArmNames(tuple(treated), control, sham)
    out: dict[int, LedgerLine] = {}
    groups: dict[tuple[str | None, str | None], dict[str, list[int]]] = {}
    for at in range(len(export)):
        role = names.role(export.text(at, "group"))
        if role is None:
            said = f"the group is {export.text(at, 'group')!r}; name the arms with --control"
            out[at] = LedgerLine(export.rows[at], code="arm-unknown", reason=said)
            continue
        key = (export.text(at, "file"), export.text(at, "variable"))
        groups.setdefault(key, {}).setdefault(role, []).append(at)
    labels: dict[str, Value] = {"study": study, "outcome": outcome, "unit": unit}
    rows = [row for arms in groups.values() for row in _rows(export, arms, labels, out)]
    rows.sort(key=lambda row: row.parts["treated"])
    notes = [*export.notes]
    if study is None:
        notes.append("study is the name of the figure; give --study if it is another")
    if unit is None:
        notes.append("no unit: give --unit")
    used = [at for row in rows for at in row.parts.values()]
    for plot, how in _WORKED_OUT.items():
        of_plot = sorted({export.rows[at] for at in used if export.text(at, "plot_type") == plot})
        if of_plot:
            notes.append(f"means and SDs of {rows_text(of_plot)} are {how}")
    return Imported(
        kind="metadigitise",
        source=export.source,
        frame=assemble("metadigitise", export, rows),
        ledger=tuple(ledger_of(export, rows, out)),
        notes=tuple(notes),
    )


def _rows(
    sheet: Sheet, arms: dict[str, list[int]], labels: dict[str, Value], out: dict[int, LedgerLine]
) -> list[Made]:
    treated, controls, shams = (arms.get(role, []) for role in ("treated", "control", "sham"))
    if (code := unjoined(len(treated), len(controls))) is not None:
        where = rows_text([sheet.rows[at] for at in (*treated, *controls, *shams)])
        for at in (*treated, *controls, *shams):
            said = f"{where}: {len(treated)} treated and {len(controls)} control groups"
            out[at] = LedgerLine(sheet.rows[at], code=code, reason=said)
        return []
    if len(shams) > 1:
        for at in shams:
            said = f"{rows_text([sheet.rows[sham] for sham in shams])} may each be the healthy arm"
            out[at] = LedgerLine(sheet.rows[at], code="ambiguous-sham", reason=said)
        shams = []
    rows = []
    for at in treated:
        parts = {"treated": at, "control": controls[0]} | ({"sham": shams[0]} if shams else {})
        try:
            rows.append(Made(_values(sheet, parts, labels), parts))
        except ValueError as error:
            for part in parts.values():
                out.setdefault(
                    part,
                    LedgerLine(sheet.rows[part], code="mixed-dispersion", reason=str(error)),
                )
    return rows


def _values(sheet: Sheet, parts: dict[str, int], labels: dict[str, Value]) -> dict[str, Value]:
    spreads, kind, note = common([_spread(sheet, at) for at in parts.values()])
    at, other = parts["treated"], parts["control"]
    figure = sheet.text(at, "file")
    values: dict[str, Value] = {
        "study": labels["study"] or (Path(figure).stem if figure else None),
        "outcome": labels["outcome"] or sheet.text(at, "variable"),
        "unit": labels["unit"],
        "comparison": f"{sheet.text(at, 'group')} vs {sheet.text(other, 'group')}",
        "control_id": f"{figure}: {sheet.text(other, 'group')}",
        "dispersion_type": kind,
        "source": "figure",
        "location": figure,
        "note": note,
    }
    for (role, part), spread in zip(parts.items(), spreads, strict=True):
        values |= {
            f"n_{role}": sheet.value(part, "n"),
            f"mean_{role}": sheet.value(part, "mean"),
            f"dispersion_{role}": spread,
        }
    return values


def _spread(sheet: Sheet, at: int) -> Spread:
    n = sheet.number(at, "n")
    for name, kind in (("sd", "SD"), ("se", "SEM")):
        if sheet.value(at, name) is not None:
            return Spread(sheet.value(at, name), kind, n)
    return Spread(sheet.value(at, "error"), kind_of(sheet.text(at, "error_type")), n)
