"""From an extraction table to effect sizes: every conversion said, every loss in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.effects import checks, formulas
from metabone.effects.alignment import Alignment, align_rows, outcome_better
from metabone.effects.conversions import t_to_g
from metabone.effects.formulas import Effects, FloatArray
from metabone.effects.routes import AS_GIVEN, NOTHING, Arm, Routes, find_routes
from metabone.effects.table import EffectTable
from metabone.effects.units import scaled, unit_factors
from metabone.errors import DataError, UsageError
from metabone.extraction.schema import BY_NAME
from metabone.extraction.table import Exclusion, rows_text
from metabone.options import Align, Measure, check_option, check_variance

if TYPE_CHECKING:
    import pandas as pd

    from metabone.extraction.table import StudyTable

_FORMULAS: Mapping[str, Callable[..., Effects]] = MappingProxyType({
    "MD": formulas.md, "SMD": formulas.smd, "SMDH": formulas.smdh, "SMD1": formulas.smd1,
    "ROM": formulas.rom, "VR": formulas.vr, "CVR": formulas.cvr,
})  # fmt: skip
#: What `escalc` adds to the columns of the extraction table.
ADDED = (
    "yi", "vi", "sei", "ni", "computed_from", "conversion", "flipped", "better_used",
    "n1i", "m1i", "sd1i", "n2i", "m2i", "sd2i", "n3i", "m3i", "sd3i",
)  # fmt: skip


def escalc(
    table: StudyTable,
    measure: str = "SMD",
    *,
    variance: str = "LS",
    align: str = "none",
    unit: str | None = None,
) -> EffectTable:
    """Effect size and sampling variance of every row that gives one.

    Parameters
    ----------
    measure : MD, SMD, SMDH, SMD1, ROM, NMD, VR or CVR (see `formulas`).
    variance : name of the variance formula; which ones a measure has: `options.VARIANCES`.
    align : ``benefit`` multiplies `yi` by −1 where lower is better; ``none`` flips nothing.
    unit : for MD, convert all rows to this unit by the vocabulary's factors.

    Raises
    ------
    UsageError
        For an unknown option, or one that the measure does not have.
    DataError
        If rows hold impossible values, no row gives an effect, a log is taken of means that are
        not positive or have no true zero, a unit is not known, or a better direction is not.
    """
    measure = check_option("measure", measure, Measure)
    variance = check_variance(measure, variance)
    align = check_option("align", align, Align)
    if unit is not None and measure != "MD":
        raise UsageError(f"unit converts mean differences (MD); {measure} has no unit of its own")
    table = checks.settle(table)
    frame = table.usable()
    routes = find_routes(frame, measure, variance)
    checks.refuse_scale(frame, routes, measure, table.vocabulary)
    factors = None
    if unit is not None:
        has_route = np.array([name is not None for name in routes.name], dtype=bool)
        factors = np.ones(len(frame))
        factors[has_route] = unit_factors(frame.loc[has_route], unit, table.vocabulary)
        routes = _in_unit(routes, frame, unit, factors)
    effects = _compute(frame, routes, measure, variance, factors)
    known = np.isfinite(effects[0]) & np.isfinite(effects[1]) & (effects[1] > 0)
    table = table.set_aside(_losses(frame, routes, measure, known))
    if not known.any():
        raise DataError(_nothing(table, measure))
    alignment = align_rows(frame.loc[known], measure, align, table.vocabulary)
    kept = _frame(frame, routes, measure, effects, known, alignment, unit)
    notes = [*_notes(frame, routes, table, measure, known), *alignment.notes]
    return EffectTable(
        frame=kept,
        measure=measure,
        variance=variance,
        align=align,
        better=_only(alignment.better),
        unit=_only(kept["unit"].tolist()) if measure == "MD" else None,
        source=table.source,
        vocabulary=table.vocabulary,
        selected=table.selected,
        excluded=table.excluded,
        notes=tuple(notes),
        table=table,
    )


def _in_unit(routes: Routes, frame: pd.DataFrame, unit: str, factors: FloatArray) -> Routes:
    """The routes with their arms in `unit`, and the conversion said."""
    texts = []
    for text, own, factor in zip(routes.text, frame["unit"], factors, strict=True):
        words = "" if own == unit else f"{own or 'number'} × {factor:.12g} to {unit}"
        texts.append("; ".join(part for part in (text if text != "none" else "", words) if part))
    return replace(
        routes,
        text=tuple(text or "none" for text in texts),
        treated=scaled(routes.treated, factors),
        control=scaled(routes.control, factors),
    )


def _compute(
    frame: pd.DataFrame, routes: Routes, measure: str, variance: str, factors: FloatArray | None
) -> Effects:
    """(yi, vi) of all rows, not yet aligned; NaN where there is no way."""
    by_arms = routes.by("mean", "median")
    n1, m1, sd1 = _cells(routes.treated, by_arms)
    n2, m2, sd2 = _cells(routes.control, by_arms)
    if measure == "NMD":
        n3, m3, sd3 = _cells(routes.sham, by_arms)
        yi, vi = formulas.nmd(n1, m1, sd1, n2, m2, sd2, n3, m3, sd3, variance=variance)
    else:
        yi, vi = _FORMULAS[measure](n1, m1, sd1, n2, m2, sd2, variance=variance)
    by_test = routes.by("t", "f", "p")
    if by_test.any():
        # The variance is asked for again, of all rows at once: under AV they share a mean.
        n1, n2 = routes.treated.n, routes.control.n
        yi = np.where(by_test, t_to_g(routes.t, n1, n2), yi)
        vi = formulas.smd_variance(yi, n1, n2, variance)
    given = routes.by("yi")
    scale = np.ones(len(frame)) if factors is None else factors
    own_vi = np.where(frame["vi"].notna(), frame["vi"], frame["sei"].astype(float) ** 2)
    yi = np.where(given, frame["yi"].to_numpy(dtype=float) * scale, yi)
    vi = np.where(given, own_vi.astype(float) * scale**2, vi)
    return yi, vi


def _cells(arm: Arm, used: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """n, mean and SD of one arm, NaN in the rows that do not use it."""
    n, mean, sd = (np.where(used, values, np.nan) for values in (arm.n, arm.mean, arm.sd))
    return n, mean, sd


def _frame(
    frame: pd.DataFrame,
    routes: Routes,
    measure: str,
    effects: Effects,
    known: NDArray[np.bool_],
    alignment: Alignment,
    unit: str | None,
) -> pd.DataFrame:
    """The rows that gave an effect, with their inputs after conversion."""
    import pandas as pd

    yi, vi = (values[known] for values in effects)
    by_arms, by_test = routes.by("mean", "median")[known], routes.by("t", "f", "p")[known]
    columns: dict[str, Any] = {
        "yi": np.where(alignment.flip, -yi, yi),
        "vi": vi,
        "sei": np.sqrt(vi),
        "ni": (routes.treated.n + routes.control.n)[known],
        "computed_from": _texts(routes.name)[known],
        "conversion": _texts(routes.text)[known],
        "flipped": alignment.flip,
        "better_used": _texts(alignment.better),
    }
    arms = [("1", routes.treated), ("2", routes.control)]
    if measure == "NMD":
        arms.append(("3", routes.sham))
    for number, arm in arms:
        columns[f"n{number}i"] = np.where(by_arms | by_test, arm.n[known], np.nan)
        columns[f"m{number}i"] = np.where(by_arms, arm.mean[known], np.nan)
        columns[f"sd{number}i"] = np.where(by_arms, arm.sd[known], np.nan)
    kept = frame.loc[known].drop(columns=["yi", "vi", "sei"])
    if unit is not None:
        columns = {"unit_reported": kept["unit"], "unit": _texts([unit] * len(kept))} | columns
    # Without its dtype said again pandas would make NaN of the None in texts.
    return kept.assign(
        **{
            name: pd.Series(values, index=kept.index, dtype=values.dtype)
            for name, values in columns.items()
        }
    )


def _texts(words: Sequence[str | None]) -> NDArray[np.object_]:
    """(k,) text with None for a blank, as the extraction table holds it."""
    return np.array(words, dtype=object)


def _losses(
    frame: pd.DataFrame, routes: Routes, measure: str, known: NDArray[np.bool_]
) -> list[Exclusion]:
    return [
        Exclusion(int(row), routes.reason[i] or checks.why_not(routes, measure, i))
        for i, row in enumerate(frame.index)
        if not known[i]
    ]


def _nothing(table: StudyTable, measure: str) -> str:
    reasons: dict[str, list[int]] = {}
    for line in table.excluded:
        reasons.setdefault(line.reason, []).append(line.row)
    if not reasons:
        return f"no row is selected, so there is no {measure} to compute"
    listed = "; ".join(f"{rows_text(rows)}: {reason}" for reason, rows in reasons.items())
    hint = ". Directions need no numbers: metabone direction" if list(reasons) == [NOTHING] else ""
    return f"none of the {table.selected} selected rows gives {measure}: {listed}{hint}"


def _notes(
    frame: pd.DataFrame, routes: Routes, table: StudyTable, measure: str, known: NDArray[np.bool_]
) -> list[str]:
    """What the reader of these effects must know, with the rows it concerns."""
    done: dict[str, NDArray[np.bool_]] = {}
    for text in dict.fromkeys(routes.text):
        if text not in ("none", AS_GIVEN):
            done[text] = np.array([other == text for other in routes.text])
    done |= {
        f"an effect size that is given is taken to be {measure}, treated against control": (
            routes.by("yi")
        ),
        "yi is given and not used, since the arms come first": (
            ~routes.by("yi") & frame["yi"].notna().to_numpy(dtype=bool)
        ),
        "a mean and SD from a median presume near-normal data": (
            routes.treated.median | routes.control.median
        )
        & routes.by("median"),
    }
    arms = routes.by("mean", "median")
    if measure == "NMD":
        better = outcome_better(frame, table.vocabulary)
        done["sham and control means differ by less than two standard errors; NMD is unstable"] = (
            arms & checks.unstable_nmd(routes)
        )
        done["the control arm is better off than the sham arm, so rescue has no meaning"] = (
            arms & checks.unharmed_nmd(routes, better)
        )
    if measure in checks.LOG_OF_MEAN:
        done["the mean is near zero against its spread (Geary's test); the log is unreliable"] = (
            checks.far_from_normal(routes)
        )
    notes = [
        f"{text}: {rows_text(frame.index[rows & known])}"
        for text, rows in done.items()
        if (rows & known).any()
    ]
    extra = _extra_columns(frame)
    taken = [name for name in (*ADDED, "unit_reported") if name in extra]
    if taken:
        notes.append(f"columns of the table give way to computed ones: {', '.join(taken)}")
    return notes


def _extra_columns(frame: pd.DataFrame) -> set[str]:
    return set(frame.columns) - set(BY_NAME)


def _only(values: Sequence[str | None]) -> str | None:
    """The value that all share, or None."""
    return values[0] if len(set(values)) == 1 else None
