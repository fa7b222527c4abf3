"""Partially pooled cells of a two-way table: sparse cells borrow from their row and column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone.errors import ModelError
from metabone.models.blup import predict_levels
from metabone.models.components import Blocks
from metabone.models.intervals import interval
from metabone.models.multilevel import multilevel
from metabone.synthesis.multilevel import keep_blocks
from metabone.synthesis.results import PartialEstimate, Stratum
from metabone.synthesis.strata import BLANK
from metabone.synthesis.univariate import effect_arrays

if TYPE_CHECKING:
    import pandas as pd

IntArray = NDArray[np.int64]


def add_partial(
    strata: Sequence[Stratum],
    frame: pd.DataFrame,
    blocks: Blocks | None,
    *,
    level: float,
) -> tuple[tuple[Stratum, ...], tuple[str, ...]]:
    """Give the filled cells of each two-way grouping their partially pooled mean.

    The model has random effects for row, column, cell, study and effect (those that the data can
    tell apart); a cell's mean is predicted by it. Cells without a study stay empty, and cells with
    a blank heading are left out.

    Returns
    -------
    The strata, and warnings.
    """
    found: dict[tuple[tuple[str, str], ...], PartialEstimate] = {}
    warnings = []
    for columns in dict.fromkeys(tuple(one.by) for one in strata if len(one.by) == 2):
        cells = [
            one for one in strata
            if tuple(one.by) == columns and one.rows and BLANK not in one.by.values()
        ]  # fmt: skip
        try:
            found |= _predict(cells, frame, blocks, level)
        except ModelError as error:
            warnings.append(f"{' × '.join(columns)}: no partially pooled means, since {error}")
    filled = (replace(one, partial=found.get(tuple(one.by.items()))) for one in strata)
    return tuple(filled), tuple(warnings)


def _predict(
    cells: Sequence[Stratum], frame: pd.DataFrame, blocks: Blocks | None, level: float
) -> dict[tuple[tuple[str, str], ...], PartialEstimate]:
    if len(cells) < 2:
        raise ModelError("one cell has nothing to borrow from")
    rows = [row for cell in cells for row in cell.rows]
    part = frame.loc[rows]
    cell = np.repeat(np.arange(len(cells)), [len(one.rows) for one in cells])
    heads = np.array([list(one.by.values()) for one in cells])
    labels = {
        "row": heads[cell, 0], "column": heads[cell, 1], "cell": cell,
        "study": part["study"].to_numpy(str), "effect": np.arange(len(part)),
    }  # fmt: skip
    factors = _distinct(labels)
    yi, vi = effect_arrays(part)
    V = vi if blocks is None else _pick(blocks, frame.index.get_indexer(part.index))
    fit = multilevel(yi, V, factors)
    first = np.array([int(np.flatnonzero(cell == one)[0]) for one in range(len(cells))])
    wanted: dict[str, IntArray] = {
        name: fit.problem.codes[name][first]
        for name in ("row", "column", "cell") if name in factors
    }  # fmt: skip
    if not wanted:
        raise ModelError("the cells cannot be told from the studies")
    predicted = predict_levels(fit, wanted)
    answers = {}
    for one, mean, se in zip(cells, predicted.estimate, predicted.se, strict=True):
        low, high = interval(float(mean), float(se), float("nan"), level)
        answers[tuple(one.by.items())] = PartialEstimate(float(mean), float(se), low, high)
    return answers


def _distinct(labels: dict[str, NDArray[np.generic]]) -> dict[str, IntArray]:
    """The factors that split the effects in different ways; of two alike the later stays out."""
    factors: dict[str, IntArray] = {}
    for name, values in labels.items():
        codes = np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)
        count = int(codes.max()) + 1
        alike = any(
            len(np.unique(codes * (int(other.max()) + 1) + other)) == count == int(other.max()) + 1
            for other in factors.values()
        )
        if count > 1 and not alike:
            factors[name] = codes
    return factors


def _pick(blocks: Blocks, positions: NDArray[np.intp]) -> Blocks:
    """The blocks of V among the rows at `positions`, renumbered in their order."""
    where = np.full(sum(len(rows) for rows, _ in blocks), -1, dtype=np.intp)
    where[positions] = np.arange(len(positions))
    return keep_blocks(blocks, where)
