"""Values of animals to rows of the extraction table, with the account of what is missing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from metabone.errors import DataError, UsageError
from metabone.extraction.animals.cohorts import cohorts
from metabone.extraction.animals.values import Roles, Values
from metabone.extraction.schema import BY_NAME, canonical_column, fold_header
from metabone.options import nearest

if TYPE_CHECKING:
    import pandas as pd

_CONTROL = re.compile(r"\b(controls?|ctrl|con|vehicle|veh|pbs|saline|placebo|untreated)\b")
SOURCE = "animal-level data"


@dataclass(frozen=True, slots=True)
class AnimalSummary:
    """Extraction rows of animal-level data.

    Parameters
    ----------
    file, sha256 : the file of animals.
    study, control, sham : as the rows name them.
    rows : the extraction table, one row for each treated arm, measurement and experiment.
    groups : one line for each arm and measurement: ``experiment``, ``group``, ``outcome``,
        ``site``, ``timepoint_weeks``, ``column``, ``n``, ``blank`` (animals whose cell is blank),
        ``absent`` (animals of the arm with no row for it), ``mean``, ``sd`` (divisor n - 1).
    places : for each row of `rows` the keys ``(stratum, measure, treated arm)``.
    values : the animals behind it.
    ledger : what is in no row: ``row`` of the file or None, ``group``, ``animal``, ``outcome``,
        ``reason``.
    notes : how the file was understood, and what to look at again.
    """

    file: str
    sha256: str
    study: str
    control: str
    sham: str | None
    rows: pd.DataFrame
    groups: pd.DataFrame
    places: tuple[tuple[str, int, str], ...]
    values: Values = field(repr=False)
    ledger: tuple[dict[str, Any], ...] = field(repr=False)
    notes: tuple[str, ...]


def _few(names: list[str]) -> str:
    """The first names of a list in words, and how many more."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(map(repr, names[:5])) + more


def find_control(groups: Sequence[str], control: str | None, role: str = "--control") -> str:
    """The control arm: the one that was named, or the only one whose name says so.

    Raises
    ------
    UsageError
        If there is no such arm, or none or several arms say that they are controls.

    Examples
    --------
    >>> find_control(["Flight", "Ground Control", "Baseline"], None)
    'Ground Control'
    """
    listed = ", ".join(repr(name[:40]) for name in groups[:12])
    if control is None:
        said = [name for name in groups if _CONTROL.search(name.casefold())]
        if len(said) == 1:
            return said[0]
        raise UsageError(f"which group is the control? Say --control; the groups are {listed}")
    asked = " ".join(control.split())
    for fold in (str, str.casefold):
        hits = [name for name in groups if fold(name) == fold(asked)]
        if len(hits) == 1:
            return hits[0]
    close = nearest(asked, groups)
    hint = f"nearest: {', '.join(map(repr, close))}" if close else f"there are {listed}"
    raise UsageError(f"no group is named {control!r} ({role}); {hint}")


def group_statistics(values: Values) -> pd.DataFrame:
    """n, mean and SD (divisor n - 1) of every arm and measurement, and what is missing.

    Returns
    -------
    frame : ``stratum``, ``group``, ``measure``, ``n``, ``blank``, ``absent``, ``mean``, ``sd``; an
        SD of one animal is NaN.

    Raises
    ------
    DataError
        If values are so large that an SD is infinite.
    """
    frame = values.frame
    key = ["stratum", "group", "measure"]
    values_of = frame.groupby(key, sort=False)["value"]
    made = values_of.agg(n="count", lines="size", mean="mean", sd="std").reset_index()
    # Equal values may leave a mean that differs in the last digit, and an SD that is not quite 0.
    ends = values_of.agg(low="min", high="max").reset_index()
    same = (ends["low"] == ends["high"]) & (made["n"] > 1)
    made.loc[same, "mean"], made.loc[same, "sd"] = ends.loc[same, "low"], 0.0
    large = made[(made["mean"].abs() == math.inf) | (made["sd"] == math.inf)]
    for line in large.to_dict("records"):
        raise DataError(
            f"column {values.measures[line['measure']].column}: the values of {line['group']!r} "
            "are too large for a mean and an SD; is a cell without its decimal mark?"
        )
    animals = (
        frame.drop_duplicates(["stratum", "group", "animal"]).groupby(["stratum", "group"]).size()
    )
    all_of = [animals[pair] for pair in zip(made["stratum"], made["group"], strict=True)]
    made["blank"] = made["lines"] - made["n"]
    made["absent"] = [int(n) - int(seen) for n, seen in zip(all_of, made["lines"], strict=True)]
    return made.drop(columns="lines")


def summarise_values(
    values: Values,
    *,
    file: str,
    sha256: str,
    roles: Roles,
    study: str,
    control: str | None,
    sham: str | None = None,
    fixed: Mapping[str, str] | None = None,
    notes: Iterable[str] = (),
) -> AnimalSummary:
    """Rows of the extraction table from values of animals.

    Every arm but the control and the sham is a treated arm, against the control of its experiment.
    A row with a single animal in an arm, or without spread, is written with a reason in
    ``exclude``.

    Raises
    ------
    UsageError
        For a control or sham that is not there.
    DataError
        If no row can be made.
    """
    import pandas as pd

    names = list(dict.fromkeys(values.frame["group"]))
    name = find_control(names, control)
    healthy = None if sham is None else find_control(names, sham, "--sham")
    if healthy == name:
        raise UsageError(f"{name!r} cannot be both --control and --sham")
    stats = group_statistics(values)
    cohort, said = cohorts(values.frame, values.measures)
    maker = _Maker(values, roles, study, name, healthy, PurePath(file).name, dict(fixed or {}))
    rows, places, ledger = maker.make(stats, cohort)
    if not rows:
        reasons = list(dict.fromkeys(line["reason"] for line in ledger))
        told = f": {'; '.join(reasons[:3])}" if reasons else f"; groups: {_few(names)}"
        raise DataError(f"{file}: no group can be compared with {name!r}{told}")
    chosen = [] if control is not None else [f"the control is {name!r}, by its name"]
    alike = _alike(names)
    return AnimalSummary(
        file=file, sha256=sha256, study=study, control=name, sham=healthy,
        rows=pd.DataFrame(rows, columns=maker.columns()), groups=maker.named(stats, cohort),
        places=tuple(places), values=values, ledger=(*_missing(values, maker), *ledger),
        notes=(*notes, *values.notes, *chosen, *alike, *said),
    )  # fmt: skip


def _alike(names: Sequence[str]) -> list[str]:
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(fold_header(name), []).append(name)
    return [
        f"groups {', '.join(map(repr, same))} differ only in letter case or marks; they are taken "
        "as different groups"
        for same in folded.values()
        if len(same) > 1
    ]


def _missing(values: Values, maker: _Maker) -> list[dict[str, Any]]:
    blank = values.frame[values.frame["value"].isna()]
    names = {place: maker.outcome(place) for place in blank["measure"].unique()}
    return [
        {"row": int(row), "group": group, "animal": animal, "outcome": names[measure],
         "reason": "no value"}
        for row, group, animal, measure in zip(
            blank["row"], blank["group"], blank["animal"], blank["measure"], strict=True
        )
    ]  # fmt: skip


class _Maker:
    """Makes rows; it knows what is the same for all of them."""

    def __init__(
        self, values: Values, roles: Roles, study: str, control: str, sham: str | None, file: str,
        fixed: dict[str, str],
    ) -> None:  # fmt: skip
        self.values, self.roles, self.study = values, roles, study
        self.control, self.sham, self.file, self.fixed = control, sham, file, fixed
        self.by = [canonical_column(name) or fold_header(name) for name in roles.by]

    def columns(self) -> list[str]:
        """The columns of the table, in the order of the schema, others last."""
        words = {key for measure in self.values.measures for key in measure.words}
        used = {
            "study", "experiment", "comparison", "control_id", "outcome", "unit", "site", "assay",
            "timepoint_weeks", "dispersion_type", "source", "location", "note", "exclude",
            *(f"{word}_{arm}" for arm in self._arms() for word in ("n", "mean", "dispersion")),
            *words, *self.fixed, *self.by,
        }  # fmt: skip
        known = [name for name in BY_NAME if name in used]
        return [*known, *sorted(used - set(known))]

    def _arms(self) -> tuple[str, ...]:
        return ("treated", "control") if self.sham is None else ("treated", "control", "sham")

    def outcome(self, place: int) -> str:
        """The name of a measure, with its site and time, for the account."""
        measure = self.values.measures[place]
        words = [measure.words.get(key) for key in ("site", "assay", "timepoint_weeks")]
        more = ", ".join(word for word in words if word)
        return f"{measure.outcome} ({more})" if more else measure.outcome

    def experiment(self, stratum: str, cohort: str) -> str:
        """Name of the animals that the rows of a stratum and cohort share."""
        parts = [
            f"{name} {word}" if word.replace(".", "").isdigit() else word
            for name, word in zip(self.roles.by, stratum.split("\x1f"), strict=False)
            if word
        ]
        return "; ".join([*parts, cohort] if cohort else parts)

    def make(
        self, stats: pd.DataFrame, cohort: Mapping[tuple[str, int], str]
    ) -> tuple[list[dict[str, Any]], list[tuple[str, int, str]], list[dict[str, Any]]]:
        """Rows, their places, and the lines of the ledger for comparisons that cannot be made."""
        arms: dict[tuple[str, int], dict[str, dict[str, Any]]] = {}
        for line in stats.to_dict("records"):
            arms.setdefault((line["stratum"], line["measure"]), {})[line["group"]] = {
                str(key): value for key, value in line.items()
            }
        rows, places, ledger = [], [], []
        for (stratum, place), found in arms.items():
            control = found.get(self.control)
            for group, treated in found.items():
                if group in (self.control, self.sham):
                    continue
                name = self.experiment(stratum, cohort.get((stratum, place), ""))
                reason = _no_row(group, treated, self.control, control)
                if reason or control is None:
                    where = f" in {name}" if name else ""
                    ledger.append(
                        {
                            "row": None,
                            "group": group,
                            "animal": None,
                            "outcome": self.outcome(place),
                            "reason": f"no row{where}: {reason}",
                        }
                    )
                    continue
                rows.append(self._row(stratum, place, name, found, group))
                places.append((stratum, place, group))
        return rows, places, ledger

    def _row(
        self, stratum: str, place: int, name: str, found: Mapping[str, Any], group: str
    ) -> dict[str, Any]:
        measure = self.values.measures[place]
        by = dict(zip(self.by, stratum.split("\x1f"), strict=False)) if self.by else {}
        row: dict[str, Any] = {**self.fixed, **by, **measure.words}
        arms = {"treated": found[group], "control": found[self.control]}
        if self.sham is not None and self.sham in found and found[self.sham]["n"]:
            arms["sham"] = found[self.sham]
        for arm, line in arms.items():
            row |= {f"n_{arm}": int(line["n"]), f"mean_{arm}": line["mean"],
                    f"dispersion_{arm}": line["sd"]}  # fmt: skip
        column = measure.column if self.roles.value is None else (
            f"{self.roles.value}, {self.roles.names} = {measure.column}"
        )  # fmt: skip
        return row | {
            "study": self.study, "experiment": name or None,
            "comparison": f"{group} vs {self.control}" + (f", {name}" if name else ""),
            "control_id": " / ".join(part for part in (self.study, self.control, name) if part),
            "outcome": measure.outcome, "dispersion_type": "SD", "source": SOURCE,
            "location": f"{self.file} column {column}",
            "note": "; ".join(filter(None, (measure.words.get("note"), _left_out(arms)))) or None,
            "exclude": "; ".join(_unusable(arms)) or None,
        }  # fmt: skip

    def named(self, stats: pd.DataFrame, cohort: Mapping[tuple[str, int], str]) -> pd.DataFrame:
        """The statistics of the arms under the names of the rows."""
        import pandas as pd

        keys = list(zip(stats["stratum"], stats["measure"], strict=True))
        measures = [self.values.measures[place] for _, place in keys]
        return pd.DataFrame(
            {
                "experiment": [self.experiment(s, cohort.get((s, m), "")) for s, m in keys],
                "group": stats["group"],
                "outcome": [measure.outcome for measure in measures],
                "site": [measure.words.get("site") for measure in measures],
                "timepoint_weeks": [measure.words.get("timepoint_weeks") for measure in measures],
                "column": [measure.column for measure in measures],
                **{key: stats[key] for key in ("n", "blank", "absent", "mean", "sd")},
            }
        )


def _no_row(group: str, treated: Any, control_name: str, control: Any) -> str:
    if control is None:
        return f"there is no {control_name!r} for {group!r}"
    empty = [name for name, line in ((group, treated), (control_name, control)) if not line["n"]]
    return f"no animal of {' and '.join(map(repr, empty))} has a value" if empty else ""


def _left_out(arms: Mapping[str, Any]) -> str:
    gone = {arm: int(line["blank"]) for arm, line in arms.items() if line["blank"]}
    return "; ".join(
        f"{arm}: {count} {'animal' if count == 1 else 'animals'} without a value"
        for arm, count in gone.items()
    )


def _unusable(arms: Mapping[str, Any]) -> list[str]:
    reasons = []
    for arm, line in arms.items():
        if line["n"] == 1:
            reasons.append(f"one {arm} animal has no SD")
        elif line["sd"] == 0:
            reasons.append(f"all {arm} animals have the same value, so the SD is 0")
    return reasons
