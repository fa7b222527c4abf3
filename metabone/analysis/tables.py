"""The answers of an analysis as tables: exact numbers, one line for one thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from metabone.analysis.compute import Answer
from metabone.analysis.plan import slug
from metabone.files import dump_json, frame_to_csv
from metabone.report.check import Checked
from metabone.synthesis.bias.results import BiasResult
from metabone.synthesis.choices.results import ChoicesResult
from metabone.synthesis.direction_results import DirectionResult
from metabone.synthesis.multivariate_results import OutcomesResult
from metabone.synthesis.regression_results import RegressionResult
from metabone.synthesis.results import PoolResult, Stratum
from metabone.synthesis.rob_results import RobResult
from metabone.synthesis.sensitivity.results import SensitivityResult

# Of so many subsets each gets a line in a table.
LISTED_SUBSETS = 100_000


def table_files(answers: Sequence[Answer], checked: Checked) -> dict[str, str]:
    """Every table of the result folder, by its path in it; an empty table is not written.

    The one of the check is written even if nothing was found: its header says that it was looked.
    """
    combined = {
        "tables/pooled.csv": _pooled(answers),
        "tables/between.csv": _between(answers),
        "tables/outcomes.csv": _outcomes(answers),
        "tables/regressions.csv": _regressions(answers),
        "tables/small-study-effects.csv": _bias(answers),
        "tables/sensitivity.csv": _sensitivity(answers),
        "tables/ledger.csv": _ledger(answers),
    }
    files = {path: frame_to_csv(pd.DataFrame(lines)) for path, lines in combined.items() if lines}
    files["tables/check.csv"] = frame_to_csv(checked.to_frame())
    for answer in answers:
        files |= _own_tables(answer)
    return files


def json_files(answers: Sequence[Answer]) -> dict[str, str]:
    """The exact JSON of every answer, the same that its command prints."""
    return {f"json/{answer.name}.json": dump_json(answer.result.to_dict()) for answer in answers}


def pairs_of(result: PoolResult) -> list[tuple[str, str]]:
    """The two-way groupings of a pooled answer."""
    found = dict.fromkeys(tuple(stratum.by) for stratum in result.strata)
    return [(names[0], names[1]) for names in found if len(names) == 2]


def cells_of(
    strata: Iterable[Stratum], pair: tuple[str, str]
) -> tuple[list[str], list[str], dict[tuple[str, str], Stratum]]:
    """Rows, columns and cells of one two-way grouping."""
    cells = {
        (stratum.by[pair[0]], stratum.by[pair[1]]): stratum
        for stratum in strata
        if tuple(stratum.by) == pair
    }
    rows = list(dict.fromkeys(row for row, _ in cells))
    columns = list(dict.fromkeys(column for _, column in cells))
    return rows, columns, cells


def _own_tables(answer: Answer) -> dict[str, str]:
    files = {}
    if answer.effects is not None:
        files[f"tables/effects-{answer.name}.csv"] = frame_to_csv(answer.effects.to_frame())
    if isinstance(answer.result, DirectionResult):
        # The prefix keeps an answer called "pooled" from writing over the table of that name.
        name = answer.name if answer.name.startswith("direction") else f"direction-{answer.name}"
        files[f"tables/{name}.csv"] = frame_to_csv(answer.result.to_frame())
    if isinstance(answer.result, RobResult):
        name = answer.name if answer.name.startswith("rob") else f"rob-{answer.name}"
        files[f"tables/{name}.csv"] = frame_to_csv(answer.result.to_frame())
    if isinstance(answer.result, ChoicesResult):
        name = answer.name if answer.name.startswith("choices") else f"choices-{answer.name}"
        files[f"tables/{name}.csv"] = frame_to_csv(answer.result.to_frame())
    if isinstance(answer.result, SensitivityResult):
        gosh = answer.result.gosh
        if gosh is not None and len(gosh.estimate) <= LISTED_SUBSETS:
            files[f"tables/subsets-{answer.name}.csv"] = frame_to_csv(gosh.to_frame())
    if isinstance(answer.result, PoolResult):
        for pair in pairs_of(answer.result):
            name = slug("-x-".join(pair))
            files[f"tables/two-way-{answer.name}-{name}.csv"] = _study_counts(answer.result, pair)
    return files


def _study_counts(result: PoolResult, pair: tuple[str, str]) -> str:
    """How many studies stand in each cell; a 0 is a gap in the evidence."""
    rows, columns, cells = cells_of(result.strata, pair)
    lines = [
        {f"{pair[0]} \\ {pair[1]}": row}
        | {column: cells[row, column].k_studies for column in columns}
        for row in rows
    ]
    return frame_to_csv(pd.DataFrame(lines))


def _pooled(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    lines = []
    for answer in answers:
        result = answer.result
        if not isinstance(result, PoolResult):
            continue
        head = {
            "answer": answer.name, "outcome": result.outcome, "measure": result.effects.measure,
            "variance": result.effects.variance, "unit": result.effects.unit,
        }  # fmt: skip
        tail = {
            "model": result.model, "tau2_method": result.tau2_method,
            "ci_method": result.ci_method, "pi_method": result.pi_method,
        }  # fmt: skip
        lines += [head | line | tail for line in _records(result.to_frame())]
    return lines


def _between(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    return [
        {"answer": answer.name} | test.to_dict() | {"by": " × ".join(test.by)}
        for answer in answers
        if isinstance(answer.result, PoolResult)
        for test in answer.result.between
    ]


def _outcomes(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    return [
        {
            "answer": answer.name, "measure": answer.result.effects.measure,
            "structure": answer.result.structure,
        }
        | line
        for answer in answers
        if isinstance(answer.result, OutcomesResult)
        for line in _records(answer.result.to_frame())
    ]  # fmt: skip


def _regressions(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    return [
        {"answer": answer.name, "outcome": answer.result.outcome, "formula": answer.result.formula}
        | line
        for answer in answers
        if isinstance(answer.result, RegressionResult)
        for line in _records(answer.result.to_frame())
    ]


def _bias(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    return [
        {
            "answer": answer.name, "outcome": answer.result.pooled.outcome,
            "measure": answer.result.effects.measure, "counted": answer.result.unit,
        }
        | line
        for answer in answers
        if isinstance(answer.result, BiasResult)
        for line in _records(answer.result.to_frame())
    ]  # fmt: skip


def _sensitivity(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    return [
        {
            "answer": answer.name, "outcome": answer.result.outcome,
            "measure": answer.result.effects.measure,
        }
        | line
        for answer in answers
        if isinstance(answer.result, SensitivityResult)
        for line in _records(answer.result.to_frame())
    ]  # fmt: skip


def _ledger(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    lines = []
    for answer in answers:
        frame = answer.rows.frame
        for line in excluded_of(answer):
            lines.append(
                {
                    "answer": answer.name, "row": line.row,
                    "study": frame.at[line.row, "study"],
                    "outcome": frame.at[line.row, "outcome"], "reason": line.reason,
                }
            )  # fmt: skip
    return lines


def excluded_of(answer: Answer) -> Sequence[Any]:
    """The ledger of an answer: what its own steps set aside, too."""
    result = answer.result
    if isinstance(result, DirectionResult | RobResult):
        return result.excluded
    return result.effects.excluded


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
