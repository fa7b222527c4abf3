"""Permutation tests of the pooled mean and of moderators."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, ModelError, UsageError
from metabone.models.permutation import Permutation, check_iterations, permutation_test
from metabone.synthesis.sensitivity.base import Base, fewest, prepare
from metabone.synthesis.sensitivity.resampling_results import PermutationResult, PermutedCoefficient
from metabone.synthesis.univariate import effect_arrays

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable
    from metabone.synthesis.regression_fits import MultilevelRegression
    from metabone.synthesis.regression_results import RegressionResult

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

ITERATIONS = 1000


def permutation(
    effects: EffectTable,
    formula: str | None = None,
    iterations: int = ITERATIONS,
    seed: int = 1,
    workers: int = 1,
    **options: Any,
) -> PermutationResult:
    """Test the pooled mean, or the moderators of a formula, by permutation.

    Under no effect at all an effect is as likely to be of either sign: the mean is tested by
    turning signs, of whole studies where effects depend on each other. Under no association
    moderators could as well have belonged to other effects: they are tested by exchanging them, in
    the multilevel model between whole studies where they are constant within studies, and between
    the effects of one study where they are not. The model is fitted again each time. Where no more
    than `iterations` permutations differ all are gone through, and the test is exact.

    Parameters
    ----------
    effects : the effect table, of one measure.
    formula : moderators, as for `metabone.synthesis.regression.regress`; None for the mean.
    iterations : permutations, 99 or more.
    seed : of the random ones.
    workers : processes; the answer does not depend on it.
    options : as for `metabone.synthesis.pool.pool`: model, tau2, ci, level, rho, control,
        rho_table, time_decay, random.

    Raises
    ------
    DataError, ModelError
        If the effects cannot give the model, or no permutation differs.
    UsageError
        For an unknown option, or a formula without an intercept.

    References
    ----------
    Higgins & Thompson (2004), doi:10.1002/sim.1752; Follmann & Proschan (1999),
    doi:10.1111/j.0006-341X.1999.00732.x.
    """
    return permute(prepare(effects, **options), formula, iterations, seed, workers)


def permute(
    base: Base,
    formula: str | None = None,
    iterations: int = ITERATIONS,
    seed: int = 1,
    workers: int = 1,
) -> PermutationResult:
    """`permutation` of effects that are prepared."""
    check_iterations(iterations)
    if formula is None:
        return _mean(base, iterations, seed, workers)
    from metabone.synthesis.regression import regress

    fitted = regress(base.given, formula, **base.options())
    if not fitted.moderators.intercept:
        raise UsageError(
            "a permutation test of moderators takes a formula with an intercept: without one its "
            "coefficients are means, which exchanging rows does not test"
        )
    if fitted.model == "multilevel":
        return _moderators_of_studies(fitted, iterations, seed, workers)
    return _moderators(fitted, iterations, seed, workers)


def _mean(base: Base, iterations: int, seed: int, workers: int) -> PermutationResult:
    one = base.overall
    unit = "study" if base.multilevel else "effect"
    fewest(base, unit, 3, "a permutation test")
    if base.multilevel:
        statistic, pvalue, count, exact, failed = _signs_of_studies(base, iterations, seed, workers)
    else:
        yi, vi = effect_arrays(base.frame)
        test = permutation_test(
            yi, vi, method=base.tau2, test=base.ci, iterations=iterations, seed=seed,
            n_jobs=workers,
        )  # fmt: skip
        statistic, pvalue = float(test.statistic[0]), float(test.pvalue[0])
        count, exact, failed = test.iterations, test.exact, test.failed
    coef = PermutedCoefficient(
        "mean", one.estimate, statistic, pvalue, one.pvalue, "signs", count, exact
    )
    return PermutationResult(
        statistic=statistic, pvalue=pvalue, pvalue_model=one.pvalue, iterations=count,
        exact=exact, seed=seed, unit=unit, formula=None, coefs=(coef,), failed=failed,
        effects=base.effects, model=base.model,
    )  # fmt: skip


def _signs_of_studies(
    base: Base, iterations: int, seed: int, workers: int
) -> tuple[float, float, int, bool, int]:
    """Signs of whole studies: the wild bootstrap of a mean under no effect is just that."""
    from metabone.models.wild import wild_test

    try:
        test = wild_test(base.fit(), [1.0], replicates=iterations, seed=seed, n_jobs=workers)
    except ModelError as error:
        raise ModelError(f"no permutation test by study: {error}") from error
    size = math.copysign(math.sqrt(test.statistic), base.overall.estimate)
    return size, test.pvalue, test.replicates, test.exact, test.failed


def _moderators(
    fitted: RegressionResult, iterations: int, seed: int, workers: int
) -> PermutationResult:
    X = fitted.design.X
    lengths = np.where(np.ptp(X, axis=0) > 0, np.abs(X).max(axis=0), 1.0)
    yi, vi = effect_arrays(fitted.effects.frame)
    test = permutation_test(
        yi, vi, X / lengths, method=fitted.tau2_method, test=fitted.ci_method,
        iterations=iterations, seed=seed, n_jobs=workers,
    )  # fmt: skip
    how: list[tuple[str, Permutation] | None] = [
        None if math.isnan(p) else ("rows", test) for p in test.pvalue
    ]
    return _of_formula(fitted, "effect", [test], how, seed)


def _moderators_of_studies(
    fitted: RegressionResult, iterations: int, seed: int, workers: int
) -> PermutationResult:
    from metabone.models.multilevel_permutation import permute_moderators, split_columns

    regression: MultilevelRegression = fitted.fit  # type: ignore[assignment]
    between, within = split_columns(regression.fit)
    how: list[tuple[str, Permutation] | None] = [None] * len(between)
    tests = []
    for word, columns in (("studies", between), ("within", within)):
        if not columns.any():
            continue
        try:
            test = permute_moderators(
                regression.fit, columns, iterations=iterations, seed=seed, n_jobs=workers
            )
        except DataError as error:
            names = [name for name, on in zip(fitted.design.names, columns, strict=True) if on]
            raise DataError(f"{', '.join(names)}: {error}") from error
        tests.append(test)
        for i in np.flatnonzero(columns):
            how[i] = (word, test)
    return _of_formula(fitted, "study", tests, how, seed)


def _of_formula(
    fitted: RegressionResult,
    unit: str,
    tests: list[Permutation],
    how: list[tuple[str, Permutation] | None],
    seed: int,
) -> PermutationResult:
    """One result of one or two tests; of two there is no statistic of all moderators together."""
    coefs = []
    for i, (one, by) in enumerate(zip(fitted.coefficients, how, strict=True)):
        test = tests[0] if by is None else by[1]
        coefs.append(
            PermutedCoefficient(
                one.term, one.estimate, float(test.statistic[i]),
                math.nan if by is None else float(test.pvalue[i]), one.pvalue,
                "" if by is None else by[0], 0 if by is None else test.iterations, test.exact,
            )
        )  # fmt: skip
    single = len(tests) == 1
    return PermutationResult(
        statistic=tests[0].omnibus if single else math.nan,
        pvalue=tests[0].omnibus_pvalue if single else math.nan,
        pvalue_model=fitted.moderators.pvalue,
        iterations=min(test.iterations for test in tests),
        exact=all(test.exact for test in tests),
        seed=seed, unit=unit, formula=fitted.formula, coefs=tuple(coefs),
        failed=sum(test.failed for test in tests), effects=fitted.effects, model=fitted.model,
    )  # fmt: skip
