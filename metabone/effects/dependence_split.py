"""Shared controls split between the arms that share them, before effect sizes are computed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from metabone.effects import conversions
from metabone.effects.dependence_arms import BoolArray, IntArray, combine, find_arms
from metabone.effects.formulas import FloatArray
from metabone.effects.routes import read_arm

if TYPE_CHECKING:
    import pandas as pd

    from metabone.extraction.table import StudyTable

#: Holds the whole `n_control` of the rows whose controls were split, NaN elsewhere.
SPLIT_COLUMN = "n_control_whole"


def control_shares(frame: pd.DataFrame) -> IntArray:
    """Among how many treated arms each row's controls are shared; 1 where it has its own.

    Shared are the animals of one ``control_id``, for one outcome, site, assay and time.

    Returns
    -------
    (k,) counts.

    Examples
    --------
    >>> import pandas as pd
    >>> control_shares(pd.DataFrame({"study": ["A", "A", "B"], "comparison": ["low", "high", "low"],
    ...                              "control_id": "vehicle", "outcome": "BMD"})).tolist()
    [2, 2, 1]
    """
    arms = find_arms(frame)
    group = combine(arms.control, arms.measurement)
    distinct = np.unique(np.stack([group, arms.treated]), axis=1)[0]
    counts: IntArray = np.bincount(distinct, minlength=group.max(initial=-1) + 1)[group]
    return counts


def split_controls(table: StudyTable) -> StudyTable:
    """Divide the control animals of each row by the number of treated arms that share them.

    Means and SDs stay as they are, so that effect sizes keep their size (but for the small-sample
    factor of an SMD) and get a larger variance. A SEM or half-width, quantiles, t, F or p belong to
    the whole group: they are converted first, to SD, to mean and SD, and to the t that the smaller
    group would have had at the same difference. An effect size that is given keeps its variance.

    Parameters
    ----------
    table : its usable rows count and are changed; those of the ledger are not.

    Returns
    -------
    The table with smaller, possibly broken `n_control`; the whole number is in the new column
    ``n_control_whole`` (NaN where nothing was split), and `printed` keeps every cell as it was.

    References
    ----------
    Higgins et al., Cochrane Handbook for Systematic Reviews of Interventions, section 23.3.4.
    """
    aside = {line.row for line in table.excluded}
    usable = np.array([row not in aside for row in table.frame.index], dtype=bool)
    frame = table.frame.copy()
    shares = np.ones(len(frame))
    shares[usable] = control_shares(table.frame.loc[usable])
    rows = (shares > 1) & frame["n_control"].notna().to_numpy()
    frame[SPLIT_COLUMN] = np.where(rows, frame["n_control"], np.nan)
    if rows.any():
        _convert(frame, rows, shares)
        frame["n_control"] = np.where(rows, frame["n_control"] / shares, frame["n_control"])
    return replace(table, frame=frame)


def _convert(frame: pd.DataFrame, rows: BoolArray, shares: FloatArray) -> None:
    """What depends on the whole n, in terms that do not."""
    arms = {name: read_arm(frame, name) for name in ("treated", "control", "sham")}
    n1, n2 = arms["treated"].n, arms["control"].n
    t, f, p = (frame[name].to_numpy(dtype=float) for name in ("t", "f", "p"))
    sign = frame["sign"].map({"+": 1.0, "-": -1.0}).to_numpy(dtype=float)
    with np.errstate(all="ignore"):
        signed = np.where(np.isnan(sign), t, np.abs(t) * sign)
        signed = np.where(np.isnan(t), conversions.f_to_t(f, sign), signed)
        by_p = np.isnan(t) & np.isnan(f)
        signed = np.where(by_p, conversions.p_to_t(p, n1 + n2 - 2, sign), signed)
        smaller = signed * np.sqrt((1 / n1 + 1 / n2) / (1 / n1 + shares / n2))
    tested = rows & np.isfinite(smaller)
    frame["t"] = np.where(tested, smaller, t)
    frame["sign"] = frame["sign"].where(~tested, None)
    for name, arm in arms.items():
        frame[f"mean_{name}"] = np.where(rows, arm.mean, frame[f"mean_{name}"])
        frame[f"dispersion_{name}"] = np.where(rows, arm.sd, frame[f"dispersion_{name}"])
    has_spread = frame[[f"dispersion_{name}" for name in arms]].notna().any(axis=1).to_numpy()
    frame["dispersion_type"] = frame["dispersion_type"].where(~(rows & has_spread), "SD")
