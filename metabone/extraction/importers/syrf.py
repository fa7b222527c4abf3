"""SyRF's quantitative export: one row for each cohort, joined to treated against control."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from metabone.errors import UsageError
from metabone.extraction.importers.arms import tidy
from metabone.extraction.importers.assemble import Made, assemble, ledger_of
from metabone.extraction.importers.dispersion import Spread, common, kind_of
from metabone.extraction.importers.repeats import repeat_notes
from metabone.extraction.importers.results import Imported
from metabone.extraction.importers.sheet import Sheet, Value, read_sheet
from metabone.extraction.importers.syrf_columns import FALSE, FIELDS, TRUE
from metabone.extraction.importers.syrf_entries import Entry, Out, find_entries, leave
from metabone.extraction.importers.syrf_names import Names, weeks
from metabone.extraction.table import rows_text
from metabone.options import nearest


@dataclass(frozen=True, slots=True)
class Trio:
    """A treated cohort, its control and, where there is one, its healthy cohort."""

    treated: Entry
    control: Entry
    sham: Entry | None
    note: str | None = None


def read_syrf(
    path: str | Path,
    *,
    sheet: str | None = None,
    investigator: str | None = None,
    control: str | None = None,
) -> Imported:
    """Read SyRF's quantitative export.

    Cohorts of one experiment, outcome and time are joined. A cohort that has the disease model and
    a treatment that is no control is a treated arm; one that has the disease and no such treatment
    is a control; one that has neither is the healthy (sham) arm. In an experiment without any
    disease model, untreated cohorts are the controls. What is not clear is left out and told.

    Parameters
    ----------
    path : CSV or workbook as SyRF writes it.
    sheet : sheet of a workbook.
    investigator : id or name of the person whose entry to take where several people entered a
        study and nobody reconciled.
    control : label or id of a control treatment or cohort, to be taken where several untreated
        cohorts may be the control.

    Raises
    ------
    DataError
        If the file is no such export.
    UsageError
        If nobody of that name entered anything, or no untreated cohort is called like that.

    References
    ----------
    The columns are those of SyRF's data dictionary for quantitative data.
    """
    export = read_sheet(path, "SyRF", FIELDS, sheet=sheet)
    entries, out, notes = find_entries(export, investigator)
    _refuse_unknown(export, entries, control)
    trios = _join(export, entries, control, out)
    namer = Names(export, entries)
    rows: list[Made] = []
    for trio in trios:
        made = _row(export, trio, namer, out)
        if made is not None:
            rows.append(made)
    used = {at for row in rows for at in row.parts.values()}
    for entry in entries:
        if entry.at not in used and entry.at not in out:
            reason = "no comparison of its experiment, outcome and time could be made"
            out[entry.at] = leave(export, entry.at, "no-treated", reason)
    return Imported(
        kind="syrf",
        source=export.source,
        frame=assemble("syrf", export, rows),
        ledger=tuple(ledger_of(export, rows, out)),
        notes=(*export.notes, *notes, *_notes(export, rows), *_hints(out, control)),
    )


def _refuse_unknown(sheet: Sheet, entries: Sequence[Entry], control: str | None) -> None:
    if control is None:
        return
    known = {word for entry in entries if not entry.treated for word in entry.called}
    if tidy(control) not in known:
        close = nearest(tidy(control), sorted(known), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"{sheet.source.file} has no untreated cohort and no control treatment called "
            f"{control!r}{hint}"
        )


def _hints(out: Out, control: str | None) -> list[str]:
    unsure = [line.row for line in out.values() if line.code == "ambiguous-control"]
    if not unsure:
        return []
    named = "another name for --control" if control else "--control and its label"
    return [f"{len(unsure)} rows may have one of several controls; say which with {named}"]


def _notes(sheet: Sheet, rows: Sequence[Made]) -> list[str]:
    notes = []
    if "time" in sheet:
        notes.append("timepoint_weeks is TimeInMinute / 10080")
    else:
        notes.append("no TimeInMinute: all rows of an outcome are taken as of one time")
    if "worse" not in sheet:
        notes.append("no GreaterIsWorse: better is left to the vocabulary")
    wide = sum("median_treated" in row.values or "median_control" in row.values for row in rows)
    if wide:
        notes.append(
            f"{wide} rows give a median with at most the width of an interquartile range: "
            "look up q1 and q3"
        )
    converted = sum("SEM × √n" in str(row.values.get("note") or "") for row in rows)
    if converted:
        notes.append(
            f"in {converted} rows one arm prints an SEM and another an SD; both are SD now"
        )
    return notes + repeat_notes(rows, "was the study entered twice?")


def _join(sheet: Sheet, entries: Sequence[Entry], control: str | None, out: Out) -> list[Trio]:
    """Every treated cohort with its control and its healthy cohort."""
    ill = {(entry.study, entry.experiment) for entry in entries if entry.ill}
    groups: dict[tuple[Hashable, ...], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry)
    trios: list[Trio] = []
    for members in groups.values():
        first = members[0]
        with_disease = (first.study, first.experiment) in ill
        trios += _join_group(sheet, members, with_disease, control, out)
    return sorted(trios, key=lambda trio: trio.treated.at)


def _join_group(
    sheet: Sheet, members: list[Entry], with_disease: bool, control: str | None, out: Out
) -> list[Trio]:
    treated = [one for one in members if one.treated and (one.ill or not with_disease)]
    controls = [one for one in members if not one.treated and (one.ill or not with_disease)]
    shams = [one for one in members if with_disease and not one.treated and not one.ill]
    for one in members:
        if with_disease and one.treated and not one.ill:
            reason = "treated, but without the disease model of its experiment"
            out[one.at] = leave(sheet, one.at, "healthy-treated", reason)
    if not treated:
        for one in (*controls, *shams):
            reason = "no treated cohort in its experiment for this outcome and time"
            out[one.at] = leave(sheet, one.at, "no-treated", reason)
        return []
    trios = [_trio(sheet, one, _called(controls, control), shams, out) for one in treated]
    return [trio for trio in trios if trio is not None]


def _called(controls: list[Entry], name: str | None) -> list[Entry]:
    """Those of that name, if there are any."""
    named = [one for one in controls if name is not None and tidy(name) in one.called]
    return named or controls


def _trio(
    sheet: Sheet, treated: Entry, controls: list[Entry], shams: list[Entry], out: Out
) -> Trio | None:
    alike = [one for one in controls if one.diseases == treated.diseases]
    control = _choose(treated, alike)
    if control is None:
        code = "ambiguous-control" if alike else "no-control"
        if not alike:
            what = "none has the same disease model" if controls else "none is in its experiment"
            reason = f"of untreated cohorts for this outcome and time {what}"
        else:
            reason = f"{rows_text([one.row for one in alike])} may each be its control"
            for one in alike:
                why = f"may be the control of row {treated.row}, as others may"
                out.setdefault(one.at, leave(sheet, one.at, code, why))
        out[treated.at] = leave(sheet, treated.at, code, reason)
        return None
    sham = _choose(treated, shams) or _choose(control, shams)
    note = None
    if sham is None and shams:
        where = rows_text([one.row for one in shams])
        note = f"healthy arm not joined: {where} of the export may each be it"
        for one in shams:
            why = f"{where} may each be the healthy arm of row {treated.row}"
            out.setdefault(one.at, leave(sheet, one.at, "ambiguous-sham", why))
    return Trio(treated, control, sham, note)


def _choose(of: Entry, among: list[Entry]) -> Entry | None:
    """The only one, or the only one that got the very control treatments of the other."""
    if len(among) == 1:
        return among[0]
    matched = [one for one in among if of.vehicles and one.vehicles == of.vehicles]
    return matched[0] if len(matched) == 1 else None


def _row(sheet: Sheet, trio: Trio, namer: Names, out: Out) -> Made | None:
    treated, control, sham = trio.treated, trio.control, trio.sham
    notes = [trio.note] if trio.note else []
    if len(units := _units(sheet, (treated, control))) > 1:
        _refuse(sheet, (treated, control), "mixed-units", " and ".join(map(repr, units)), out)
        return None
    try:
        spreads, kind, said = common([_spread(sheet, one) for one in (treated, control)])
    except ValueError as error:
        _refuse(sheet, (treated, control), "mixed-dispersion", str(error), out)
        return None
    if sham is not None:
        fit = _with_sham(sheet, trio, out)
        if fit is None:
            sham = None
            notes.append("healthy arm not joined: other unit, dispersion or average")
        else:
            spreads, kind, said = fit
    notes += [said] if said else []
    notes += _unread(sheet, treated, control)
    arms = {"treated": treated, "control": control} | ({"sham": sham} if sham else {})
    values: dict[str, Value] = {
        **_labels(sheet, trio, namer),
        "dispersion_type": None if kind == "IQR" else kind,
    }
    for (arm, entry), spread in zip(arms.items(), spreads, strict=True):
        values |= _numbers(sheet, arm, entry, None if kind == "IQR" else spread)
    if kind == "IQR":
        notes.append("the error is the width of an interquartile range: q1 and q3 are needed")
    values["note"] = "; ".join(notes) or None
    return Made(values, {arm: entry.at for arm, entry in arms.items()})


def _with_sham(
    sheet: Sheet, trio: Trio, out: Out
) -> tuple[list[Value], str | None, str | None] | None:
    """Dispersions of the three arms, or None where the healthy arm does not fit the others."""
    sham = trio.sham
    if sham is None:
        return None
    arms = (trio.treated, trio.control, sham)
    code, said = "mixed-units", " and ".join(map(repr, _units(sheet, arms)))
    if (sheet.text(sham.at, "average") or "mean").casefold() != "mean":
        code, said = "not-a-mean", "a healthy level is a mean"
    elif len(_units(sheet, arms)) == 1:
        try:
            return common([_spread(sheet, one) for one in arms])
        except ValueError as error:
            code, said = "mixed-dispersion", str(error)
    reason = f"differs from the arms of row {trio.treated.row}: {said}"
    out.setdefault(sham.at, leave(sheet, sham.at, code, reason))
    return None


def _units(sheet: Sheet, entries: Sequence[Entry]) -> list[str]:
    return sorted({sheet.text(one.at, "unit") or "" for one in entries})


def _spread(sheet: Sheet, entry: Entry) -> Spread:
    return Spread(
        sheet.value(entry.at, "spread"),
        kind_of(sheet.text(entry.at, "spread_kind")),
        sheet.number(entry.at, "n"),
    )


def _refuse(sheet: Sheet, entries: Sequence[Entry], code: str, said: str, out: Out) -> None:
    where = rows_text([one.row for one in entries])
    for one in entries:
        out.setdefault(one.at, leave(sheet, one.at, code, f"{where} cannot be joined: {said}"))


def _labels(sheet: Sheet, trio: Trio, namer: Names) -> dict[str, Value]:
    treated, control = trio.treated, trio.control
    worse = {(sheet.text(one.at, "worse") or "").casefold() for one in (treated, control)}
    directions: Mapping[str, str] = {
        **dict.fromkeys(TRUE, "lower"),
        **dict.fromkeys(FALSE, "higher"),
    }
    model = sheet.text(treated.at, "disease_label") if treated.ill else None
    own_model = any(name.casefold() == "model" for name in sheet.header)
    return {
        "study": namer.study[treated.study],
        "experiment": namer.experiment[(treated.study, treated.experiment)],
        "comparison": f"{namer.cohort_of(treated)} vs {namer.cohort_of(control)}",
        "control_id": namer.control_id(control),
        "outcome": sheet.text(treated.at, "outcome_label"),
        "unit": sheet.text(treated.at, "unit"),
        "timepoint_weeks": weeks(sheet.number(treated.at, "time")),
        "model": None if own_model else model,
        "better": directions.get(next(iter(worse))) if len(worse) == 1 else None,
    }


def _unread(sheet: Sheet, treated: Entry, control: Entry) -> list[str]:
    """What the arms say of time and direction that gives no cell of the table."""
    time = sheet.value(treated.at, "time")
    notes = [f"TimeInMinute is {time!r}: timepoint_weeks is blank"] if isinstance(time, str) else []
    worse = [sheet.text(one.at, "worse") or "blank" for one in (treated, control)]
    known = {word.casefold() for word in worse}
    if len(known) > 1:
        notes.append(f"GreaterIsWorse is {' and '.join(worse)} in the two arms: better is blank")
    elif not known <= {*TRUE, *FALSE, "blank"}:
        notes.append(f"GreaterIsWorse is {worse[0]!r}, neither true nor false: better is blank")
    return notes


def _numbers(sheet: Sheet, arm: str, entry: Entry, spread: Value) -> dict[str, Value]:
    average = (sheet.text(entry.at, "average") or "mean").casefold()
    return {
        f"n_{arm}": sheet.value(entry.at, "n"),
        f"{average}_{arm}": sheet.value(entry.at, "mean"),
        f"dispersion_{arm}": spread,
    }
