"""From a plan to its answers: read once, then select, measure and ask for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from metabone.analysis.plan import Plan, Task
from metabone.analysis.spec import (
    AnalysisSpec,
    BiasSpec,
    DataSpec,
    DirectionSpec,
    EffectSpec,
    OutcomesSpec,
    PoolSpec,
    RegressSpec,
    SensitivitySpec,
)
from metabone.analysis.spec_choices import ChoicesSpec
from metabone.analysis.spec_rob import RobSpec
from metabone.effects.escalc import escalc
from metabone.effects.table import EffectTable
from metabone.errors import MetaboneError, UsageError
from metabone.extraction.reading import read_table
from metabone.extraction.shipped import find_dataset, unknown_dataset
from metabone.extraction.table import StudyTable
from metabone.extraction.where import compile_where, select
from metabone.synthesis.bias.results import BiasResult
from metabone.synthesis.choices.results import ChoicesResult
from metabone.synthesis.direction_results import DirectionResult
from metabone.synthesis.multivariate_results import OutcomesResult
from metabone.synthesis.regression_results import RegressionResult
from metabone.synthesis.results import Estimate, PoolResult
from metabone.synthesis.rob_results import RobResult
from metabone.synthesis.sensitivity.results import SensitivityResult
from metabone.vocabulary import load_vocabulary

Numeric = PoolResult | OutcomesResult | RegressionResult | BiasResult | SensitivityResult
Result = Numeric | ChoicesResult | DirectionResult | RobResult
Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """One computed answer.

    Parameters
    ----------
    task : what was asked, and its name.
    rows : the rows it selected, with their ledger.
    effects : its effect sizes; None for a direction, which has none.
    result : the answer itself.
    univariate : beside a multilevel pooled answer, the overall one that takes effects as
        independent.
    """

    task: Task
    rows: StudyTable
    effects: EffectTable | None
    result: Result
    univariate: Estimate | None = None

    @property
    def name(self) -> str:
        """The name of the answer, which its files carry."""
        return self.task.name

    @property
    def synthetic(self) -> bool:
        """Whether any row behind it is declared synthetic."""
        return self.rows.synthetic

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to look at again."""
        return self.result.warnings

    @property
    def notes(self) -> tuple[str, ...]:
        """What was converted or aligned on the way."""
        return () if self.effects is None else self.effects.notes


def read_data(data: DataSpec, folder: Path) -> StudyTable:
    """The table of an analysis file; its paths are relative to `folder`, where the file lies.

    The table is called what the analysis file calls it, so that no result depends on where on a
    machine it lies.
    """
    vocabulary = load_vocabulary(None if data.vocabulary is None else folder / data.vocabulary)
    table = read_table(_table_path(data, folder), vocabulary=vocabulary, sheet=data.sheet)
    return replace(table, source=replace(table.source, file=str(data.table or data.dataset)))


def _table_path(data: DataSpec, folder: Path) -> Path:
    if data.table is not None:
        return folder / data.table
    path = find_dataset(str(data.dataset))
    if path is None:
        raise UsageError(f"[data]: {unknown_dataset(str(data.dataset))}")
    return path


def compute(spec: AnalysisSpec, plan: Plan, table: StudyTable, step: Step) -> tuple[Answer, ...]:
    """Every answer of the plan, in its order; `step` is called before each with its name.

    Raises
    ------
    MetaboneError
        Of the kind that the step raised, with the answer's name in front.
    """
    with _called("[data]"):
        _check_conditions(spec.data.where, table)
    answers = []
    for task in plan.tasks:
        step(task.name)
        with _called(task.name):
            _check_conditions(task.asked.where, table)
            answers.append(_answer(spec, task, table))
    return tuple(answers)


@contextmanager
def _called(name: str) -> Iterator[None]:
    """Say in an error which part of the analysis it comes from."""
    try:
        yield
    except MetaboneError as error:
        raise type(error)(f"{name}: {error}") from error


def _check_conditions(conditions: Sequence[str], table: StudyTable) -> None:
    """Read each condition by itself, so that none can lean on the brackets of another."""
    for condition in conditions:
        compile_where(condition, map(str, table.frame.columns))


def conditions_of(spec: AnalysisSpec, task: Task) -> tuple[str, ...]:
    """What a row must fulfil to be in an answer: the conditions of the data, then its own."""
    return tuple(dict.fromkeys((*spec.data.where, *task.asked.where)))


def all_of(conditions: Sequence[str]) -> str | None:
    """Several conditions as one.

    Examples
    --------
    >>> all_of(["species == 'rat'", "sex == 'female'"])
    "(species == 'rat') and (sex == 'female')"
    """
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return " and ".join(f"({condition})" for condition in conditions)


def _answer(spec: AnalysisSpec, task: Task, table: StudyTable) -> Answer:
    asked = task.asked
    rows = select(
        table,
        where=all_of(conditions_of(spec, task)),
        outcome=asked.outcome,
        on_error=spec.data.on_error,
    )
    if isinstance(asked, DirectionSpec):
        from metabone.synthesis.direction import direction

        return Answer(task, rows, None, direction(rows, by=asked.by, level=asked.level))
    if isinstance(asked, RobSpec):
        return Answer(task, rows, None, _judged(asked, rows, spec.effect))
    if isinstance(asked, ChoicesSpec):
        curve = _every_way(asked, rows, spec.effect)
        return Answer(task, rows, curve.effects, curve)
    measure = asked.effect(spec.effect)
    effects = escalc(
        rows, measure.measure, variance=measure.variance, align=measure.align, unit=measure.unit
    )
    result = _fit(asked, effects, measure)
    # The effects as the model took them: from split controls, without blank moderators.
    return Answer(task, rows, result.effects, result, _univariate(result))


def _judged(asked: RobSpec, rows: StudyTable, shared: EffectSpec) -> RobResult:
    from metabone.synthesis.pool import pool
    from metabone.synthesis.rob import assess

    pooled = None
    if asked.weights == "pooled":
        effects = escalc(
            rows, shared.measure, variance=shared.variance, align=shared.align, unit=shared.unit
        )
        pooled = pool(
            effects, rho=shared.rho, control=shared.control, time_decay=shared.time_decay,
            rho_table=[pair.model_dump() for pair in shared.rho_table],
        )  # fmt: skip
    return assess(
        rows, asked.tool, weights=asked.weights, overall=asked.overall, conflicts=asked.conflicts,
        pooled=pooled,
    )  # fmt: skip


def _every_way(asked: ChoicesSpec, rows: StudyTable, shared: EffectSpec) -> ChoicesResult:
    from metabone.synthesis.choices.analyse import choices

    return choices(
        rows, asked.factors, measure=shared.measure, variance=shared.variance,
        align=asked.align or shared.align, unit=asked.unit or shared.unit, rho=shared.rho,
        control=shared.control, rho_table=[pair.model_dump() for pair in shared.rho_table],
        time_decay=shared.time_decay, level=asked.level, permutations=asked.permutations,
        seed=asked.seed, workers=None,
    )  # fmt: skip


def _univariate(result: Result) -> Estimate | None:
    """The overall answer without levels, by Hartung-Knapp, to lay beside a multilevel one."""
    if not isinstance(result, PoolResult) or result.model != "multilevel":
        return None
    from metabone.synthesis.univariate import Univariate

    pooler = Univariate(result.tau2_method, "hksj", "t_k_minus_1", result.level)
    return pooler.overall(result.effects.frame)


def _fit(
    asked: PoolSpec | OutcomesSpec | RegressSpec | BiasSpec | SensitivitySpec,
    effects: EffectTable,
    shared: EffectSpec,
) -> Numeric:
    table = [pair.model_dump() for pair in shared.rho_table]
    if isinstance(asked, PoolSpec):
        from metabone.synthesis.pool import pool

        return pool(
            effects, by=asked.by, model=asked.model, tau2=asked.tau2, ci=asked.ci, pi=asked.pi,
            strata_tau2=asked.strata_tau2, level=asked.level, rho=shared.rho,
            control=shared.control, rho_table=table, time_decay=shared.time_decay,
            random=asked.random, wild=asked.wild, seed=asked.seed,
        )  # fmt: skip
    if isinstance(asked, OutcomesSpec):
        from metabone.synthesis.multivariate import pool_outcomes

        return pool_outcomes(
            effects, structure=asked.structure, method=asked.tau2, ci=asked.ci, level=asked.level,
            rho=shared.rho, control=shared.control, rho_table=table, time_decay=shared.time_decay,
        )  # fmt: skip
    if isinstance(asked, BiasSpec):
        from metabone.synthesis.bias.bias import bias

        return bias(
            effects, predictor=asked.predictor, model=asked.model, tau2=asked.tau2, ci=asked.ci,
            level=asked.level, rho=shared.rho, control=shared.control, rho_table=table,
            time_decay=shared.time_decay, random=asked.random, year=asked.year,
            target=asked.target, alpha=asked.alpha, selection=asked.selection,
            selection_side=asked.selection_side, bootstrap=asked.bootstrap, seed=asked.seed,
        )  # fmt: skip
    if isinstance(asked, SensitivitySpec):
        from metabone.synthesis.sensitivity.sensitivity import sensitivity

        return sensitivity(
            effects, leave_one_out=asked.leave_one_out, cumulative=asked.cumulative,
            influence=asked.influence, baujat=asked.baujat, gosh=asked.gosh,
            gosh_sample=asked.gosh_sample, permutation=asked.permutation, formula=asked.formula,
            seed=asked.seed, model=asked.model, tau2=asked.tau2, ci=asked.ci, level=asked.level,
            rho=shared.rho, control=shared.control, rho_table=table,
            time_decay=shared.time_decay, random=asked.random,
        )  # fmt: skip
    from metabone.synthesis.regression import regress

    return regress(
        effects, asked.formula, model=asked.model, tau2=asked.tau2, ci=asked.ci,
        level=asked.level, rho=shared.rho, control=shared.control, rho_table=table,
        time_decay=shared.time_decay, random=asked.random,
    )  # fmt: skip
