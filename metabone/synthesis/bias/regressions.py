"""The parts that are regressions: asymmetry, PET-PEESE and the change over the years."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, ModelError, UsageError
from metabone.extraction.table import rows_text
from metabone.models.asymmetry import (
    NO_SPREAD,
    PET_ALPHA,
    RegressionTest,
    pet_one_sided,
    regression_test,
)
from metabone.models.intervals import interval, two_sided_p
from metabone.options import nearest
from metabone.synthesis.bias.predictors import WORDS, Choice, root_of, values
from metabone.synthesis.bias.results import AsymmetryTest, Corrected, PetPeese, TimeLag
from metabone.synthesis.counting import count_studies
from metabone.synthesis.univariate import effect_arrays

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable
    from metabone.synthesis.multilevel import Multilevel

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """One regression: slope and limit, each with its error, and df of its own."""

    slope: float
    slope_se: float
    slope_df: float
    limit: float
    limit_se: float
    limit_df: float

    @property
    def statistic(self) -> float:
        """t or z of the slope."""
        return self.slope / self.slope_se if self.slope_se > 0 else float("nan")

    @property
    def pvalue(self) -> float:
        """Two-sided p-value of the slope."""
        return float(two_sided_p(self.statistic, self.slope_df))

    def corrected(self, level: float) -> Corrected:
        """The effect at predictor 0."""
        return corrected(self.limit, self.limit_se, self.limit_df, level)


def corrected(estimate: float, se: float, df: float, level: float) -> Corrected:
    """A mean with its test and its interval; NaN where it has no error."""
    statistic = estimate / se if se > 0 else float("nan")
    low, high = interval(estimate, se, df, level)
    return Corrected(
        float(estimate), float(se), float(df), float(statistic),
        float(two_sided_p(statistic, df)), low, high,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Regressor:
    """How effects are regressed: options, and the multilevel model where they depend.

    Parameters
    ----------
    tau2, ci, level : as in `metabone.synthesis.pool.pool`.
    multilevel : the model of dependent effects, or None.
    """

    tau2: str
    ci: str
    level: float
    multilevel: Multilevel | None

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in which a test of asymmetry is given."""
        return ("mixed", "least_squares") if self.multilevel is None else ("multilevel",)

    def line(self, frame: pd.DataFrame, x: FloatArray, form: str) -> Line:
        """Regress the effects of a frame on `x` (k,).

        Raises
        ------
        DataError
            If `x` does not vary.
        ModelError
            If these effects cannot tell the slope.
        """
        if np.ptp(x) <= NO_SPREAD * np.abs(x).max():
            raise DataError("it is the same for all effects")
        if self.multilevel is not None:
            return _multilevel_line(self.multilevel, frame, x)
        yi, vi = effect_arrays(frame)
        fit = regression_test(yi, vi, x, model=form, method=self.tau2, test=self.ci)
        return line_of(fit)


def _multilevel_line(model: Multilevel, frame: pd.DataFrame, x: FloatArray) -> Line:
    from metabone.synthesis.regression_fits import fit_multilevel

    fit = fit_multilevel(model, frame, np.column_stack([np.ones(len(x)), x]))
    if np.isnan(fit.se[1]):
        study = fit.alone(np.array([[0.0, 1.0]]))[0]
        raise ModelError(
            f"its slope cannot be told without the study {study}"
            if study is not None
            else "the effects lie on the regression without scatter"
        )
    return Line(
        float(fit.coef[1]), float(fit.se[1]), float(fit.df[1]),
        float(fit.coef[0]), float(fit.se[0]), float(fit.df[0]),
    )  # fmt: skip


def line_of(fit: RegressionTest) -> Line:
    """The numbers of one data set."""
    df = float(fit.df)
    return Line(
        float(fit.slope), float(fit.slope_se), df, float(fit.limit), float(fit.limit_se), df
    )


def asymmetry_test(
    regressor: Regressor, frame: pd.DataFrame, choice: Choice, form: str
) -> AsymmetryTest:
    """Test of asymmetry with one predictor in one form; raises as `Regressor.line` does."""
    line = regressor.line(frame, values(frame, choice.name), form)
    limit = line.corrected(regressor.level)
    name = f"regression on {WORDS[choice.name]}"
    if (choice.name, form) == ("sei", "least_squares"):
        name = "Egger's test"
    return AsymmetryTest(
        name=name, predictor=choice.name, model=form, slope=line.slope, se=line.slope_se,
        statistic=line.statistic, df=line.slope_df, pvalue=line.pvalue, limit=limit.estimate,
        limit_low=limit.ci_low, limit_high=limit.ci_high, warning=choice.warning,
    )  # fmt: skip


def pet_peese(
    regressor: Regressor, frame: pd.DataFrame, predictor: str, direction: float
) -> PetPeese:
    """PET and PEESE by least squares, or by the multilevel model where effects depend.

    `predictor` is that of the test of asymmetry; `direction` has the sign of the uncorrected mean.
    """
    root = root_of(predictor)
    form = regressor.forms[-1]
    x = values(frame, root)
    pet = regressor.line(frame, x, form).corrected(regressor.level)
    peese = regressor.line(frame, x**2, form).corrected(regressor.level)
    one_sided = float(pet_one_sided(pet.statistic, pet.df, direction))
    return PetPeese(root, form, pet, peese, one_sided, "PEESE" if one_sided < PET_ALPHA else "PET")


def time_lag(
    regressor: Regressor, effects: EffectTable, column: str
) -> tuple[TimeLag, tuple[str, ...]]:
    """The effects regressed on the year of their study, and what to say of it.

    Raises
    ------
    UsageError
        If the table has no such column.
    DataError
        If it holds anything but numbers, or fewer than three years that differ.
    ModelError
        If these effects cannot tell the slope.
    """
    frame, told = _with_year(effects, column)
    year = frame[column].to_numpy(dtype=float)
    first, last = float(year.min()), float(year.max())
    form = regressor.forms[0]
    # From the last year backwards, so that the limit is the effect of today.
    line = regressor.line(frame, year - last, form) if first < last else None
    if line is None:
        raise DataError(f"{column} is {first:g} in every row used")
    low, high = interval(line.slope, line.slope_se, line.slope_df, regressor.level)
    lag = TimeLag(
        column=column, model=form, slope=line.slope, se=line.slope_se, statistic=line.statistic,
        df=line.slope_df, pvalue=line.pvalue, ci_low=low, ci_high=high, first=first, last=last,
        effect_first=line.limit + line.slope * (first - last), effect_last=line.limit,
        k_effects=len(frame), k_studies=count_studies(frame),
    )  # fmt: skip
    return lag, told


def _with_year(effects: EffectTable, column: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    import pandas as pd

    frame = effects.frame
    if column not in frame.columns:
        close = nearest(column, [str(name) for name in frame.columns])
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise UsageError(f"year: the table has no column {column!r}{hint}")
    given = frame[column]
    numbers = pd.to_numeric(given, errors="coerce")
    odd = frame.index[given.notna() & numbers.isna()].tolist()
    if odd:
        raise DataError(
            f"year: {column} must hold years as numbers; {rows_text(odd)} "
            f"{'has' if len(odd) == 1 else 'have'} {given.loc[odd[0]]!r}"
        )
    known = np.isfinite(numbers.to_numpy(dtype=float))
    blank = frame.index[~known].tolist()
    told = (f"by {column}: {rows_text(blank)} set aside, where it is blank",) if blank else ()
    kept = frame.loc[known].assign(**{column: numbers.loc[known]})
    if kept["study"].nunique() < 3:
        raise DataError(f"fewer than three studies have a {column}")
    return kept, told
