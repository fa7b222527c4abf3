"""Expected effects at new values of the moderators of a meta-regression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from metabone.errors import UsageError
from metabone.models.intervals import critical

if TYPE_CHECKING:
    import pandas as pd

    from metabone.synthesis.regression_results import RegressionResult


def predict(
    result: RegressionResult, new: pd.DataFrame | Mapping[str, Any], level: float
) -> pd.DataFrame:
    """See `metabone.synthesis.regression_results.RegressionResult.predict`."""
    rows = as_rows(new)
    made = result.design
    X = made.at(rows)
    coef = np.array([each.estimate for each in result.coefficients])
    se, df = result.fit.errors(X)
    estimate = X @ coef
    half = critical(df, level) * se
    # Equal effects leave nothing to predict: every study has the same true effect.
    equal = result.tau2_method == "EE"
    spread = np.full_like(se, np.nan) if equal else np.sqrt(result.tau2 + se**2)
    spread = critical(result.fit.pi_df, level) * spread
    answer = rows.loc[:, list(made.formula.columns)].reset_index(drop=True)
    return answer.assign(
        estimate=estimate,
        se=se,
        df=df,
        ci_low=estimate - half,
        ci_high=estimate + half,
        pi_low=estimate - spread,
        pi_high=estimate + spread,
        pi_df=result.fit.pi_df,
        note=[_note(*pair) for pair in zip(made.outside(rows), result.fit.alone(X), strict=True)],
    )


def _note(outside: str, study: str | None) -> str:
    lonely = f"only {study} tells this: no cluster-robust interval" if study is not None else ""
    return "; ".join(text for text in (outside, lonely) if text)


def as_rows(new: pd.DataFrame | Mapping[str, Any]) -> pd.DataFrame:
    """A table from a table, or from a mapping of column to a value or a list of values.

    Raises
    ------
    UsageError
        If lists differ in length, or there is no row.
    """
    import pandas as pd

    if isinstance(new, pd.DataFrame):
        rows = new
    else:
        lists = {name: list(value) if np.ndim(value) else [value] for name, value in new.items()}
        longest = max((len(value) for value in lists.values()), default=0)
        if any(len(value) not in (1, longest) for value in lists.values()):
            raise UsageError("the lists of new values must be of one length")
        rows = pd.DataFrame({k: v * (longest if len(v) == 1 else 1) for k, v in lists.items()})
    if not len(rows):
        raise UsageError("there is no new row to predict")
    return rows
