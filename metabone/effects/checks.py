"""What an effect size must be refused for, what keeps it out, and what must be said beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone.effects.formulas import FloatArray, mean_term
from metabone.errors import DataError
from metabone.extraction.table import Exclusion, rows_text
from metabone.extraction.where import refusal

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.routes import Routes
    from metabone.extraction.table import StudyTable
    from metabone.vocabulary import Vocabulary

#: Measures that take the logarithm of a mean.
LOG_OF_MEAN = ("ROM", "CVR")


def settle(table: StudyTable) -> StudyTable:
    """The table as `select` leaves it, for tables that did not pass through it.

    Rows with a reason in ``exclude`` go to the ledger.

    Raises
    ------
    DataError
        If a row that is not set aside holds an impossible value.
    """
    marked = table.frame["exclude"].dropna()
    table = table.set_aside(
        Exclusion(row, str(reason))
        for row, reason in zip(marked.index.tolist(), marked, strict=True)
    )
    kept = set(table.usable().index)
    wrong = tuple(found for found in table.errors if found.row in kept)
    if wrong:
        raise DataError(refusal(wrong))
    return table


def refuse_scale(frame: pd.DataFrame, routes: Routes, measure: str, vocabulary: Vocabulary) -> None:
    """Refuse logs of means where an outcome has no true zero, or a mean is not positive.

    Raises
    ------
    DataError
        Naming outcomes or rows, and values.
    """
    if measure not in LOG_OF_MEAN:
        return
    used = frame.loc[[name is not None for name in routes.name]]
    known = {name: vocabulary.endpoint(name) for name in used["outcome"].dropna().unique()}
    wrong = sorted(
        name for name, endpoint in known.items() if endpoint and not endpoint.ratio_scale
    )
    if wrong:
        listed = "; ".join(
            f"{name} ({rows_text(used.index[used['outcome'] == name])})" for name in wrong
        )
        raise DataError(
            f"{measure} needs an outcome with a true zero, and this has none: {listed}; "
            "choose other outcomes, or use MD or SMD"
        )
    _refuse_means(frame, routes, measure)


def _refuse_means(frame: pd.DataFrame, routes: Routes, measure: str) -> None:
    arms = routes.by("mean", "median")
    treated, control = routes.treated.mean, routes.control.mean
    cells = []
    for i in np.flatnonzero(arms & ((treated <= 0) | (control <= 0))).tolist():
        values = [
            f"mean_{arm} = {mean[i]:.6g}"
            for arm, mean in (("treated", treated), ("control", control))
            if mean[i] <= 0
        ]
        cells.append(f"row {frame.index[i]} ({frame['study'].iat[i]}): {', '.join(values)}")
    if cells:
        raise DataError(
            f"{measure} takes the logarithm of means, which must be positive: {'; '.join(cells)}; "
            "leave these rows out with --where or a reason in their exclude column, "
            "or use MD or SMD"
        )


def why_not(routes: Routes, measure: str, i: int) -> str:
    """Why the formula has no finite answer for row `i`, which has all its numbers."""
    if routes.name[i] == "yi":
        return "the variance of yi is not a positive number"
    arms = {"treated": routes.treated, "control": routes.control}
    if measure == "NMD":
        arms["sham"] = routes.sham
    for name, arm in arms.items():
        if arm.n[i] < 2:
            return f"n_{name} is {arm.n[i]:g}; a spread needs two animals or more"
    if routes.name[i] in ("mean", "median"):
        for name, arm in arms.items():
            if arm.median[i] and np.isnan(arm.sd[i]):
                return f"the quantiles of the {name} arm are out of order or all equal"
            if arm.sd[i] <= 0:
                return f"the SD of the {name} arm is {arm.sd[i]:g}; it must be positive"
    if measure == "SMD1" and routes.control.n[i] < 3:
        return "n_control is 2; SMD1 needs three control animals or more"
    if measure == "NMD" and routes.sham.mean[i] == routes.control.mean[i]:
        return "mean_sham equals mean_control, so NMD has no scale"
    return f"{measure} has no finite value for these numbers"


def unstable_nmd(routes: Routes) -> NDArray[np.bool_]:
    """(k,) rows whose sham and control means differ by less than two standard errors of that.

    Where the sham arm has no SD or n, the error of the control mean stands alone.
    """
    sham, control = routes.sham, routes.control
    with np.errstate(all="ignore"):
        error = np.nan_to_num(mean_term(sham.n, sham.sd)) + mean_term(control.n, control.sd)
        unstable: NDArray[np.bool_] = np.abs(sham.mean - control.mean) < 2 * np.sqrt(error)
    return unstable


def unharmed_nmd(routes: Routes, better: list[str | None]) -> NDArray[np.bool_]:
    """(k,) rows whose control arm is better off than the sham arm, so that rescue means nothing."""
    gap: FloatArray = routes.sham.mean - routes.control.mean
    sign = np.array([{"higher": 1.0, "lower": -1.0}.get(word or "", np.nan) for word in better])
    unharmed: NDArray[np.bool_] = gap * sign < 0
    return unharmed


def far_from_normal(routes: Routes) -> NDArray[np.bool_]:
    """(k,) rows where the log of a mean is poorly approximated: Geary's test, below 3 in an arm.

    (mean / SD) · 4 n^1.5 / (1 + 4 n), in Lajeunesse's small-sample form.

    References
    ----------
    Lajeunesse (2015), doi:10.1890/14-2402.1, eq. 13.
    """
    failed = np.zeros(len(routes.name), dtype=bool)
    with np.errstate(all="ignore"):
        for arm in (routes.treated, routes.control):
            failed |= arm.mean / arm.sd * 4 * arm.n**1.5 / (1 + 4 * arm.n) < 3
    result: NDArray[np.bool_] = failed & routes.by("mean", "median")
    return result
