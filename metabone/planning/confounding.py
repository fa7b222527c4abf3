"""Is treatment mixed up with cage, weight or surgeon? A randomisation test for each of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, UsageError
from metabone.files import plain
from metabone.planning.animals import text_of

if TYPE_CHECKING:
    import pandas as pd

Labels = NDArray[np.int64]
FloatArray = NDArray[np.float64]

# Up to so many ways to allot the groups, all are tried; beyond, a sample.
MOST_EXACT = 50_000
_BATCH = 2_000
# Sums of permuted values differ in their last digits.
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Check:
    """How one covariate lies across the groups.

    Parameters
    ----------
    kind : ``number`` or ``level``.
    statistic : share of the covariate's variation that lies between groups: η² of a number,
        Cramér's V² of levels; 0 none, 1 all.
    pvalue : chance of as much or more, if the groups were dealt out anew; NaN if nothing varies.
    ways : allotments looked at.
    exact : whether these are all.
    verdict : ``confounded`` (each level has one group only), ``uneven`` (p below 0.05), ``even``,
        or ``cannot be told``.
    left_out : animals whose value is missing.
    """

    covariate: str
    kind: str
    statistic: float
    pvalue: float
    ways: int
    exact: bool
    verdict: str
    text: str
    left_out: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The check as JSON prints it."""
        return dict(plain({name: getattr(self, name) for name in self.__slots__}))

    def __str__(self) -> str:
        return self.text


def check_confounding(
    animals: pd.DataFrame,
    covariates: Sequence[str],
    *,
    group: str = "group",
    unit: str | None = None,
    numbers: Sequence[str] = ("weight",),
    draws: int = 9_999,
    seed: int = 1,
) -> tuple[Check, ...]:
    """Test for each covariate whether groups differ in it more than by chance.

    Groups are dealt out anew to the units, all ways if they are few, else `draws` ways. An
    allocation in blocks is more even than this, so that its p lies near 1; a small p says that
    something else than chance was at work, and a covariate whose every level has one group only
    cannot be told from the treatment whatever its p.

    Parameters
    ----------
    animals : one row each.
    covariates : columns. All-number columns are compared as numbers, unless they hold few whole
        numbers that come again, as cages and surgeons do; others as levels.
    numbers : columns that are numbers however few they hold.
    group : column of the treatment or its code.
    unit : column of what was randomised as a whole, such as ``cage``; None for single animals.

    Raises
    ------
    UsageError
        If a column is not there.
    DataError
        If there are fewer than two groups, an animal has none, or a unit has several.

    Examples
    --------
    >>> import pandas as pd
    >>> rats = pd.DataFrame({"group": ["A", "A", "A", "B", "B", "B"],
    ...                      "surgeon": ["Li", "Li", "Li", "Roe", "Roe", "Roe"],
    ...                      "weight": [250, 262, 247, 251, 255, 259]})
    >>> for check in check_confounding(rats, ["surgeon", "weight"]):
    ...     print(check)
    surgeon is confounded with treatment: no surgeon has two groups
    weight is even across groups (randomisation test of all 20 ways, p 0.7)
    """
    for name in (group, *covariates, *([unit] if unit else [])):
        if name not in animals.columns:
            raise UsageError(f"the animals have no column {name!r}")
    label = _groups(animals, group)
    clusters = None if unit is None else np.asarray([text_of(value) for value in animals[unit]])
    if clusters is not None:
        _one_group(clusters, label, str(unit), group)
    return tuple(
        _check(animals[name], name, label, clusters, name == unit, name in numbers, draws, seed)
        for name in covariates
    )


def _groups(animals: pd.DataFrame, group: str) -> Labels:
    texts = [text_of(value) for value in animals[group]]
    if "" in texts:
        raise DataError(f"row {animals.index[texts.index('')]}: the animal has no {group}")
    names, label = np.unique(np.asarray(texts), return_inverse=True)
    if len(names) < 2:
        raise DataError(f"the column {group!r} has only one group; two are needed")
    return np.asarray(label, dtype=np.int64)


def _one_group(clusters: NDArray[Any], label: Labels, unit: str, group: str) -> None:
    for name in np.unique(clusters):
        if len(set(label[clusters == name])) > 1:
            raise DataError(
                f"{unit} {str(name)!r} holds animals of several groups, so that it was not "
                f"randomised as a whole; leave out the unit, or look at {group!r}"
            )


def _check(
    column: pd.Series[Any],
    name: str,
    label: Labels,
    clusters: NDArray[Any] | None,
    is_unit: bool,
    is_number: bool,
    draws: int,
    seed: int,
) -> Check:
    kind, values, known = _values(column, is_number)
    label, left_out = label[known], int((~known).sum())
    values = values[known]
    units = np.arange(len(label)) if clusters is None else _numbered(clusters[known])
    told = f"; {left_out} animals without a {name} left out" if left_out else ""
    if is_unit:
        text = f"{name} is the unit: its animals do not count singly"
        return Check(name, kind, math.nan, math.nan, 0, False, "cannot be told", text, left_out)
    names = np.unique(label)
    if len(np.unique(values)) < 2 or len(names) < 2:
        text = f"{name} is the same for all, or known in one group only{told}"
        return Check(name, kind, math.nan, math.nan, 0, False, "cannot be told", text, left_out)
    label = np.searchsorted(names, label)
    score = _scores(kind, values, len(names))
    statistic = float(score(label[None, :])[0])
    if kind == "level" and len(np.unique(values)) == len(values):
        text = f"{name} is another for each animal, so that it cannot be compared{told}"
        return Check(name, kind, statistic, math.nan, 0, False, "cannot be told", text, left_out)
    pvalue, ways, exact = _pvalue(score, statistic, label, units, draws, seed)
    if kind == "level" and _aliased(values, label):
        text = f"{name} is confounded with treatment: no {name} has two groups{told}"
        verdict = "confounded"
    else:
        verdict = "uneven" if pvalue < 0.05 else "even"
        told_ways = f"all {ways:,}" if exact else f"{ways:,} random"
        text = (f"{name} is {verdict} across groups (randomisation test of {told_ways} ways, "
                f"p {pvalue:.2g}){told}")  # fmt: skip
    return Check(name, kind, statistic, pvalue, ways, exact, verdict, text, left_out)


def _values(column: pd.Series[Any], is_number: bool) -> tuple[str, NDArray[Any], NDArray[np.bool_]]:
    """Kind, values, and which are known."""
    from metabone.extraction.numbers import find_decimal, parse_number

    texts = [text_of(value) for value in column]
    known = np.array([bool(text) for text in texts])
    mark = find_decimal([texts]).mark
    try:
        numbers = np.array([parse_number(text, mark) for text in texts])
    except ValueError as error:
        if is_number:
            raise DataError(f"{column.name} holds a value that is not a number") from error
        return "level", _numbered(np.asarray(texts)), known
    # Cages and surgeons are often numbered: few whole numbers that come again are levels.
    present = numbers[known]
    levels = np.unique(present)
    if (
        not is_number
        and len(present)
        and (present == np.round(present)).all()
        and 2 * len(levels) <= len(present)
    ):
        return "level", _numbered(np.asarray(texts)), known
    return "number", numbers, known & np.isfinite(numbers)


def _numbered(values: NDArray[Any]) -> Labels:
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64)


def _aliased(values: Labels, label: Labels) -> bool:
    """Whether every level with two animals or more has one group only."""
    repeated = [level for level in np.unique(values) if (values == level).sum() > 1]
    return bool(repeated) and all(len(set(label[values == level])) == 1 for level in repeated)


class _Score:
    """Share of variation between groups, for many allotments (ways, animals) at once."""

    def __init__(self, axes: FloatArray, total: float, groups: int) -> None:
        self._axes, self._total, self._groups = axes, total, groups

    def __call__(self, labels: Labels) -> FloatArray:
        between = np.zeros(len(labels))
        for group in range(self._groups):
            member = (labels == group).astype(float)
            between += ((member @ self._axes) ** 2).sum(axis=1) / member.sum(axis=1)
        return between / self._total


def _scores(kind: str, values: NDArray[Any], groups: int) -> _Score:
    """η² of a centred number; for levels χ² / n / (the most it can be), which is Cramér's V².

    χ² / n is the sum of squares between groups of the centred level indicators, each divided by
    the square root of its frequency.
    """
    if kind == "number":
        centred = np.asarray(values, dtype=float) - np.mean(values)
        return _Score(centred[:, None], float(centred @ centred), groups)
    shown = (values[:, None] == np.unique(values)).astype(float)
    share = shown.mean(axis=0)
    axes = (shown - share) / np.sqrt(share)
    most = min(groups, shown.shape[1]) - 1
    return _Score(axes, float(len(values) * most), groups)


def _pvalue(
    score: _Score, statistic: float, label: Labels, units: Labels, draws: int, seed: int
) -> tuple[float, int, bool]:
    """p, ways looked at, and whether these are all there are.

    References
    ----------
    Phipson & Smyth (2010), doi:10.2202/1544-6115.1585: (b + 1) / (m + 1) for sampled ways.
    """
    _, first = np.unique(units, return_index=True)
    own = label[first]
    sizes = np.bincount(own)
    ways = math.factorial(len(own))
    for size in sizes:
        ways //= math.factorial(int(size))
    bar = statistic - _SLACK * max(1.0, abs(statistic))
    if ways <= MOST_EXACT:
        hits = sum(
            int((score(batch[:, units]) >= bar).sum()) for batch in _batches(all_ways(sizes))
        )
        return hits / ways, ways, True
    if draws < 99:
        raise UsageError(f"draws must be 99 or more; got {draws}")
    rng = np.random.default_rng(seed)
    hits, left = 0, draws
    while left:
        size = min(_BATCH, left)
        batch = rng.permuted(np.tile(own, (size, 1)), axis=1)
        hits += int((score(batch[:, units]) >= bar).sum())
        left -= size
    return (hits + 1) / (draws + 1), draws, False


def all_ways(sizes: Sequence[int] | Labels) -> Iterator[tuple[int, ...]]:
    """Every way to allot groups of these sizes.

    Examples
    --------
    >>> list(all_ways([1, 2]))
    [(0, 1, 1), (1, 0, 1), (1, 1, 0)]
    """

    def place(free: tuple[int, ...], group: int, made: list[int]) -> Iterator[tuple[int, ...]]:
        if group == len(sizes):
            yield tuple(made)
            return
        for chosen in itertools.combinations(free, int(sizes[group])):
            for unit in chosen:
                made[unit] = group
            rest = tuple(unit for unit in free if unit not in chosen)
            yield from place(rest, group + 1, made)

    total = int(sum(sizes))
    yield from place(tuple(range(total)), 0, [0] * total)


def _batches(ways: Iterator[tuple[int, ...]]) -> Iterator[Labels]:
    while batch := list(itertools.islice(ways, _BATCH)):
        yield np.array(batch, dtype=np.int64)
