"""WebPlotDigitizer's points to rows: means with their error bars, treated against control."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metabone.errors import UsageError
from metabone.extraction.importers.arms import ArmNames, match_points, read_counts, tidy, unjoined
from metabone.extraction.importers.results import FIRST_ROW, Imported, LedgerLine
from metabone.extraction.importers.sheet import Value
from metabone.extraction.importers.wpd_series import Mark, Point, Series, read_series
from metabone.extraction.schema import BY_NAME
from metabone.extraction.table import rows_text
from metabone.options import DispersionType, check_option

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("outcome", "site", "timepoint_weeks", "experiment", "species", "sex", "dose")
# Labels that tell animals apart, and not measurements of the same animals.
_OTHER_ANIMALS = frozenset({"experiment", "species", "sex", "dose"})


@dataclass(frozen=True, slots=True)
class Bar:
    """A mean with the ends of its error bar."""

    role: str
    arm: str
    key: str
    mean: Point
    ends: tuple[tuple[Mark, Point], ...]

    @property
    def points(self) -> Iterable[tuple[str, Point]]:
        """Its points, and what each is used as."""
        yield self.role, self.mean
        for _, end in self.ends:
            yield "error bar", end

    def spread(self) -> float | None:
        """Half the length of the bar: from the mean to its end, or half of end to end."""
        at = {mark: end.y for mark, end in self.ends}
        if "upper" in at and "lower" in at:
            return (at["upper"] - at["lower"]) / 2
        if "upper" in at:
            return at["upper"] - self.mean.y
        if "lower" in at:
            return self.mean.y - at["lower"]
        return abs(at["end"] - self.mean.y) if "end" in at else None


def read_wpd(
    path: str | Path,
    *,
    sheet: str | None = None,
    study: str | None = None,
    outcome: str | None = None,
    unit: str | None = None,
    n: str | None = None,
    error: str | None = None,
    label: str | None = None,
    treated: Sequence[str] = (),
    control: str | None = None,
    sham: str | None = None,
) -> Imported:
    """Read points of WebPlotDigitizer ("export all data", or one series alone).

    A series is named after an arm, or after what is measured with the arms as labels of its bars.
    The last word of the name says what the points are: ``mean`` (or nothing), ``upper``, ``lower``
    or ``end`` of the error bar. Points of different series belong together by their label, or by
    their place on the axis (see `match_points`).

    Parameters
    ----------
    path : the CSV.
    sheet : sheet of a workbook.
    study, outcome, unit : what the figure does not say.
    n : animals, as `read_counts` reads them; blank in the table otherwise.
    error : SD, SEM or CI95; blank in the table otherwise, and then `check` calls it an error.
    label : column that labels or x are written to (one of `LABELS`); ``wpd_label`` in any case.
    treated, control, sham : what the arms are called; see `ArmNames`.

    Raises
    ------
    DataError
        If the file is no such export.
    UsageError
        If an option is none of its words.
    """
    kind = None if error is None else check_option("error", error, DispersionType)
    if label is not None and label not in LABELS:
        raise UsageError(f"--label must be one of {', '.join(LABELS)}; got {label!r}")
    names = ArmNames(tuple(treated), control, sham)
    counts = read_counts(n)
    source, series, ledger, notes = read_series(path, sheet=sheet)
    bars = _bars(series, names, ledger)
    groups = _groups(bars)
    fixed: dict[str, Value] = {
        "study": study, "outcome": outcome, "unit": unit, "dispersion_type": kind,
        "source": "figure", "location": Path(source.file).name,
    }  # fmt: skip
    rows: list[dict[str, Value]] = []
    used: dict[tuple[int, str], tuple[str, list[int]]] = {}
    for group in groups:
        for made, parts in _rows(group, fixed, counts, label, ledger):
            rows.append(made)
            for part in parts:
                for role, point in part.points:
                    spot = used.setdefault((point.row, point.column), (role, []))
                    spot[1].append(len(rows) - 1 + FIRST_ROW)
    lines = [
        *(line for line in ledger if (line.row, line.column or "") not in used),
        *(
            LedgerLine(row, column or None, role, tuple(numbers))
            for (row, column), (role, numbers) in used.items()
        ),
    ]
    return Imported(
        kind="wpd",
        source=source,
        frame=_frame(rows),
        ledger=tuple(sorted(lines, key=lambda line: (line.row, line.column or ""))),
        notes=(*notes, *_missing(fixed, counts, bars, label)),
    )


def _missing(
    fixed: dict[str, Value], counts: dict[str, float], bars: Sequence[Bar], label: str | None
) -> list[str]:
    """What the figure does not say and no option gives."""
    options = {"study": "--study", "outcome": "--outcome", "unit": "--unit"}
    blank = [option for name, option in options.items() if fixed[name] is None and name != label]
    if not counts:
        blank.append("--n")
    if fixed["dispersion_type"] is None and any(bar.ends for bar in bars):
        blank.append("--error")
    notes = [f"blank in the table, for want of {', '.join(blank)}"] if blank else []
    bare = sum(not bar.ends for bar in bars)
    if bare:
        notes.append(f"{bare} of {len(bars)} means have no error bar")
    for bar in bars:
        at = {mark: end.y for mark, end in bar.ends}
        if "upper" in at and "lower" in at:
            up, down = at["upper"] - bar.mean.y, bar.mean.y - at["lower"]
            if abs(up - down) > 0.1 * max(abs(up), abs(down)):
                notes.append(
                    f"row {bar.mean.row}: the error bar of {bar.arm!r} reaches {up:g} up and "
                    f"{down:g} down; digitise it anew if it is meant to be even"
                )
    return notes


def _bars(series: Sequence[Series], names: ArmNames, ledger: list[LedgerLine]) -> list[Bar]:
    """Means with their arm and their error bars."""
    means = [one for one in series if one.mark == "mean"]
    # With the control as a series, series are arms; else the labels of the bars are.
    by_series = any(names.role(one.base) in ("control", "sham") for one in means) or not any(
        names.role(point.label) for one in means if one.by_label for point in one.points
    )
    bars: list[Bar] = []
    kept: set[tuple[int, str]] = set()
    for one in means:
        ends = [
            (other, _partners(one, other))
            for other in series
            if other.mark != "mean" and tidy(other.base) == tidy(one.base)
        ]
        for at, point in enumerate(one.points):
            arm, key = (one.base, point.label) if by_series else (point.label, one.base)
            role = names.role(arm)
            mine = {other.mark: other.points[of[at]] for other, of in ends if at in of}
            kept |= {(end.row, end.column) for end in mine.values()}
            if role is None:
                said = f"{arm!r} is no known arm; name the arms with --control and --treated"
                ledger.extend(_line(each, "arm-unknown", said) for each in (point, *mine.values()))
            else:
                bars.append(Bar(role, arm, key, point, tuple(mine.items())))
    for other in series:
        for point in other.points:
            if other.mark != "mean" and (point.row, point.column) not in kept:
                ledger.append(_line(point, "no-mean", "an end of an error bar without its mean"))
    return bars


def _line(point: Point, code: str, reason: str) -> LedgerLine:
    return LedgerLine(point.row, point.column or None, code=code, reason=reason)


def _partners(one: Series, other: Series) -> dict[int, int]:
    """Which point of the other series belongs to each point of one."""
    if not one.by_label and not other.by_label:
        return match_points([p.x for p in one.points], [p.x for p in other.points])
    mine, theirs = (_once([tidy(p.label) for p in each.points]) for each in (one, other))
    return {at: theirs[word] for word, at in mine.items() if word in theirs}


def _once(words: Sequence[str]) -> dict[str, int]:
    """Where each word stands that stands once."""
    return {word: at for at, word in enumerate(words) if words.count(word) == 1}


def _groups(bars: Sequence[Bar]) -> list[list[Bar]]:
    """Bars that may be compared: of one label, or of one place on the axis."""
    by_key: dict[str, list[Bar]] = {}
    for bar in bars:
        if bar.mean.x != bar.mean.x:
            by_key.setdefault(tidy(bar.key), []).append(bar)
    placed = [bar for bar in bars if bar.mean.x == bar.mean.x]
    return [*by_key.values(), *_placed_groups(placed)]


def _placed_groups(placed: Sequence[Bar]) -> list[list[Bar]]:
    """Points at one place of the axis as the control's."""
    arms: dict[str, list[Bar]] = {}
    for bar in placed:
        arms.setdefault(bar.arm, []).append(bar)
    control = next((arm for arm in arms.values() if arm[0].role == "control"), [])
    groups = [[bar] for bar in control]
    for arm in arms.values():
        if arm is control:
            continue
        pairs = match_points([bar.mean.x for bar in arm], [bar.mean.x for bar in control])
        for at, bar in enumerate(arm):
            if at in pairs:
                groups[pairs[at]].append(bar)
            else:
                groups.append([bar])
    return groups


def _rows(
    group: Sequence[Bar],
    fixed: dict[str, Value],
    counts: dict[str, float],
    label: str | None,
    ledger: list[LedgerLine],
) -> Iterable[tuple[dict[str, Value], list[Bar]]]:
    by_role = {
        role: [bar for bar in group if bar.role == role] for role in ("treated", "control", "sham")
    }
    treated, controls, shams = by_role.values()
    where = rows_text(sorted({bar.mean.row for bar in group}))
    if (code := unjoined(len(treated), len(controls))) is not None:
        said = f"{where}: {len(treated)} treated and {len(controls)} control points belong together"
        ledger += [_line(point, code, said) for bar in group for _, point in bar.points]
        return
    if len(shams) > 1:
        said = f"{where}: {len(shams)} healthy points belong together"
        ledger += [_line(p, "ambiguous-sham", said) for bar in shams for _, p in bar.points]
        shams = []
    for bar in treated:
        parts = [bar, controls[0], *shams]
        yield _values(parts, fixed, counts, label), parts


def _values(
    parts: Sequence[Bar], fixed: dict[str, Value], counts: dict[str, float], label: str | None
) -> dict[str, Value]:
    treated, control = parts[0], parts[1]
    cohort = f" ({treated.key})" if label in _OTHER_ANIMALS and treated.key else ""
    values: dict[str, Value] = {
        **fixed,
        "comparison": f"{treated.arm} vs {control.arm}",
        "control_id": f"{fixed['location']}: {control.arm}{cohort}",
    }
    if label is not None and treated.key:
        values[label] = treated.key if treated.mean.x != treated.mean.x else treated.mean.x
    for bar in parts:
        values |= {
            f"n_{bar.role}": counts.get(bar.role),
            f"mean_{bar.role}": bar.mean.y,
            f"dispersion_{bar.role}": bar.spread(),
        }
    values["wpd_label"] = treated.key or None
    for bar in parts:
        values[f"wpd_row_{bar.role}"] = str(bar.mean.row)
        values[f"wpd_series_{bar.role}"] = bar.mean.column or None
        values[f"wpd_label_{bar.role}"] = bar.mean.label or None
        for mark, end in bar.ends:
            values[f"wpd_{mark}_{bar.role}"] = end.y
    return values


def _frame(rows: Sequence[dict[str, Value]]) -> pd.DataFrame:
    import pandas as pd

    names = dict.fromkeys([*BY_NAME, *(name for row in rows for name in row)])
    made = [
        name
        for name in names
        if (name in BY_NAME and BY_NAME[name].required)
        or any(row.get(name) is not None for row in rows)
    ]
    return pd.DataFrame([{name: row.get(name) for name in made} for row in rows],
                        columns=made, dtype=object)  # fmt: skip
