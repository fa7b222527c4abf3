"""What a planner wants to know of animals before trusting n, mean and SD."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from metabone.effects.formulas import hedges_j
from metabone.errors import DataError
from metabone.models.intervals import check_level
from metabone.synthesis.animal_cages import CageICC, cage_icc
from metabone.synthesis.animal_groups import (
    ArmTest,
    Correlation,
    Outlier,
    baseline_within,
    constant,
    equal_variance,
    normality,
    outliers,
    quietly,
    residuals,
)
from metabone.synthesis.results import SCHEMA_VERSION

if TYPE_CHECKING:
    import pandas as pd

    from metabone.extraction.animals.summary import AnimalSummary

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Witness:
    """The effect from the animals beside the effect from the row that summarises them.

    Parameters
    ----------
    row : row of the written table, its header being row 1.
    difference, ci_low, ci_high, pvalue : treated less control, t test with pooled variance.
    welch_low, welch_high, welch_pvalue : without presuming equal variances.
    g : Hedges' g from the animals (pingouin's d times the exact J).
    g_row : ``yi`` of the written row.
    agrees : whether both are the same to 1e-9; None where one does not exist.
    """

    row: int
    comparison: str
    difference: float
    ci_low: float
    ci_high: float
    pvalue: float
    welch_low: float
    welch_high: float
    welch_pvalue: float
    g: float
    g_row: float
    agrees: bool | None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The witness as JSON prints it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class MeasureChecks:
    """The checks of one measurement of one experiment.

    Parameters
    ----------
    experiment, outcome, site, timepoint_weeks, column : what was measured, on whom.
    normality : Shapiro-Wilk of each arm.
    residual_normality : of the residuals of all arms together.
    equal_variance : Brown-Forsythe over the arms.
    outliers : animals that stand apart; none was left out.
    baseline, cage : None where no such column was named.
    effects : one for each row of the table.
    """

    experiment: str
    outcome: str
    site: str | None
    timepoint_weeks: str | None
    column: str
    normality: tuple[ArmTest, ...]
    residual_normality: ArmTest
    equal_variance: ArmTest
    outliers: tuple[Outlier, ...]
    baseline: Correlation | None
    cage: CageICC | None
    effects: tuple[Witness, ...]

    def to_dict(self) -> dict[str, Any]:
        """The checks as JSON prints them."""
        plain = ("experiment", "outcome", "site", "timepoint_weeks", "column")
        many = ("normality", "outliers", "effects")
        one = ("residual_normality", "equal_variance", "baseline", "cage")
        return {
            **{name: getattr(self, name) for name in plain},
            **{name: [each.to_dict() for each in getattr(self, name)] for name in many},
            **{name: each.to_dict() if (each := getattr(self, name)) else None for name in one},
        }


@dataclass(frozen=True, slots=True)
class AnimalChecks:
    """The account of a summary of animals, and its checks.

    Parameters
    ----------
    summary : what was checked.
    checks : one for each measurement and experiment that has a row.
    """

    summary: AnimalSummary = field(repr=False)
    checks: tuple[MeasureChecks, ...]
    level: float

    def text(self) -> str:
        """The checks for people."""
        from metabone.synthesis.animal_text import checks_text

        return checks_text(self)

    def __str__(self) -> str:
        return self.text()

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        made = self.summary
        groups = made.groups.astype(object).where(made.groups.notna(), None)
        return {
            "schema_version": SCHEMA_VERSION,
            "input": {"file": made.file, "sha256": made.sha256},
            "study": made.study,
            "control": made.control,
            "sham": made.sham,
            "rows": len(made.rows),
            "level": self.level,
            "groups": groups.to_dict("records"),
            "ledger": list(made.ledger),
            "notes": list(made.notes),
            "checks": [each.to_dict() for each in self.checks],
        }


def check_animals(summary: AnimalSummary, *, level: float = 0.95) -> AnimalChecks:
    """Check the animals behind the rows of a summary.

    Nothing is decided by these tests: no animal is left out, no row changed.

    Parameters
    ----------
    level : of the intervals.

    Raises
    ------
    UsageError
        For a level that is none.
    """
    check_level(level)
    return AnimalChecks(summary, tuple(_each(summary, level)), level)


def _each(summary: AnimalSummary, level: float) -> Iterator[MeasureChecks]:
    frame = summary.values.frame
    parts = {
        (str(one), int(str(two))): part
        for (one, two), part in frame[frame["value"].notna()].groupby(
            ["stratum", "measure"], sort=False
        )
    }
    written, rows_of = _row_effects(summary), _rows_of(summary)
    for (stratum, place), rows in rows_of.items():
        measure = summary.values.measures[place]
        part = parts[stratum, place]
        groups = {str(name): each for name, each in part.groupby("group", sort=False)}
        values = {name: each["value"].to_numpy(dtype=float) for name, each in groups.items()}
        codes = np.unique(part["group"].to_numpy(dtype=str), return_inverse=True)[1]
        end = part["value"].to_numpy(dtype=float)
        apart = [
            found
            for name, each in groups.items()
            for found in outliers(
                values[name], each["row"].tolist(), each["animal"].tolist(), name
            )[0]
        ]
        yield MeasureChecks(
            experiment=str(summary.rows["experiment"].iloc[rows[0]] or ""),
            outcome=measure.outcome,
            site=measure.words.get("site"),
            timepoint_weeks=measure.words.get("timepoint_weeks"),
            column=measure.column,
            normality=tuple(normality(each, name) for name, each in values.items()),
            residual_normality=_all_residuals(end, codes),
            equal_variance=equal_variance(values),
            outliers=tuple(apart),
            baseline=None if measure.baseline is None else _baseline(part, codes, level),
            cage=None if part["cage"].isna().all() else _cage(part, level),
            effects=tuple(_witness(summary, at, values, written, level) for at in rows),
        )


def _rows_of(summary: AnimalSummary) -> dict[tuple[str, int], list[int]]:
    """The rows of each experiment and measurement."""
    found: dict[tuple[str, int], list[int]] = {}
    for at, (stratum, measure, _) in enumerate(summary.places):
        found.setdefault((stratum, measure), []).append(at)
    return found


def _all_residuals(end: Any, codes: Any) -> ArmTest:
    left = residuals(end, codes)
    if np.ptp(left) <= 1e-12 * np.max(np.abs(end), initial=0.0):
        left = np.zeros(len(left))
    return normality(left)


def _baseline(part: pd.DataFrame, codes: Any, level: float) -> Correlation:
    start, end = (part[name].to_numpy(dtype=float) for name in ("baseline", "value"))
    both = np.isfinite(start)
    return baseline_within(start[both], end[both], codes[both], level)


def _cage(part: pd.DataFrame, level: float) -> CageICC:
    named = part[part["cage"].fillna("").astype(str) != ""]
    if not len(named):
        return CageICC(NAN, NAN, NAN, NAN, NAN, 0, 0, NAN, NAN, NAN, 0, 0, 0, "no cage is named")
    arms, cages = (
        np.unique(named[name].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)
        for name in ("group", "cage")
    )
    return cage_icc(named["value"].to_numpy(dtype=float), arms, cages, level=level)


def _row_effects(summary: AnimalSummary) -> dict[int, float]:
    """Row of the written table to its Hedges' g, through the way that every table goes."""
    from metabone.effects.escalc import escalc
    from metabone.extraction.reading import parse_table
    from metabone.extraction.where import select
    from metabone.files import frame_to_csv

    text = frame_to_csv(summary.rows)
    table = parse_table("the summary", text.encode("utf-8"))
    try:
        effects = escalc(select(table, on_error="exclude"), "SMD")
    except DataError:  # no row gives an effect: there is nothing to compare with
        return {}
    return dict(zip(effects.frame.index.tolist(), effects.yi.tolist(), strict=True))


def _witness(
    summary: AnimalSummary, at: int, values: dict[str, Any], written: dict[int, float], level: float
) -> Witness:
    import pingouin
    from statsmodels.stats.weightstats import CompareMeans

    treated, control = values[summary.places[at][2]], values[summary.control]
    name, row = str(summary.rows["comparison"].iloc[at]), at + 2
    g_row = written.get(row, NAN)
    difference = float(treated.mean() - control.mean())
    df = len(treated) + len(control) - 2
    short = min(len(treated), len(control)) < 2
    if short or (constant(treated) and constant(control)):
        reason = "one animal in an arm" if short else "no arm varies"
        return Witness(
            row, name, difference, NAN, NAN, NAN, NAN, NAN, NAN, NAN, g_row, None, reason
        )
    means, said = quietly(lambda: CompareMeans.from_data(treated, control))
    low, high = means.tconfint_diff(alpha=1 - level, usevar="pooled")
    welch_low, welch_high = means.tconfint_diff(alpha=1 - level, usevar="unequal")
    d = float(pingouin.compute_effsize(treated, control, eftype="cohen"))
    g = d * float(hedges_j(df))
    both = math.isfinite(g) and math.isfinite(g_row)
    return Witness(
        row=row, comparison=name, difference=difference, ci_low=float(low), ci_high=float(high),
        pvalue=float(means.ttest_ind(usevar="pooled")[1]), welch_low=float(welch_low),
        welch_high=float(welch_high), welch_pvalue=float(means.ttest_ind(usevar="unequal")[1]),
        g=g, g_row=g_row,
        agrees=math.isclose(g, g_row, rel_tol=1e-9, abs_tol=1e-9) if both else None, note=said,
    )  # fmt: skip
