"""What the subsets and the permutations of the data answer with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.files import plain
from metabone.synthesis.results import Estimate
from metabone.synthesis.shaping import Record, flat_frame, named

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GoshResult:
    """The pooled answer of every subset of the studies, or of a sample of the subsets.

    Attributes
    ----------
    estimate, tau2, i2, size : (m,) pooled mean, heterogeneity, I² in per cent, and number of
        members of each subset.
    members : (m, ⌈n / 8⌉) which of the n members each subset has, packed by ``numpy.packbits``.
    labels : (n,) the members: studies where effects depend on each other, else effects.
    unit : ``study`` or ``effect``.
    complete : whether all 2ⁿ − 1 subsets are there.
    seed : of the sample; None if complete.
    """

    estimate: FloatArray = field(repr=False)
    tau2: FloatArray = field(repr=False)
    i2: FloatArray = field(repr=False)
    size: NDArray[np.int64] = field(repr=False)
    members: NDArray[np.uint8] = field(repr=False)
    labels: tuple[str, ...]
    unit: str
    complete: bool
    seed: int | None
    overall: Estimate
    effects: EffectTable = field(repr=False)
    model: str

    def with_member(self, number: int) -> BoolArray:
        """(m,) whether each subset has the member of that number (0 … n − 1)."""
        return (self.members[:, number >> 3] >> np.uint8(7 - (number & 7)) & 1).astype(bool)

    def quantiles(self, at: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)) -> list[float]:
        """Quantiles of the subsets' estimates."""
        return [float(value) for value in np.nanquantile(self.estimate, at)]

    def by_member(self) -> tuple[tuple[str, float, float, float, float], ...]:
        """For each member: label, median estimate with and without it, median I² the same."""
        lines = []
        for number, label in enumerate(self.labels):
            on = self.with_member(number)
            lines.append(
                (label, _median(self.estimate[on]), _median(self.estimate[~on]),
                 _median(self.i2[on]), _median(self.i2[~on]))
            )  # fmt: skip
        return tuple(lines)

    def to_dict(self) -> dict[str, Any]:
        """What the subsets say together, as JSON prints it; `to_frame` has each of them."""
        names = ("estimate_with", "estimate_without", "i2_with", "i2_without")
        quantiles = self.quantiles()
        return {
            "unit": self.unit,
            "subsets": len(self.estimate),
            "complete": self.complete,
            "seed": self.seed,
            "estimate_min": plain(quantiles[0]),
            "estimate_quartiles": plain(quantiles[1:4]),
            "estimate_max": plain(quantiles[4]),
            "share_positive": plain(float(np.nanmean(self.estimate > 0))),
            "members": [
                {"label": label} | plain(dict(zip(names, values, strict=True)))
                for label, *values in self.by_member()
            ],
        }

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row for each subset, without its members."""
        import pandas as pd

        return pd.DataFrame(
            {"size": self.size, "estimate": self.estimate, "tau2": self.tau2, "i2": self.i2}
        )


@dataclass(frozen=True, slots=True)
class PermutedCoefficient(Record):
    """One coefficient with the p-value that permutation gives it, beside the model's own.

    `permuted` says what changed places: ``signs``, ``rows`` (moderators of effects), ``studies``
    (moderators that are constant within studies) or ``within`` (rows inside their studies).
    `pvalue` is NaN where permutation says nothing of the coefficient (an intercept beside
    moderators). `iterations` and `exact` are as in `PermutationResult`.
    """

    term: str
    estimate: float
    statistic: float
    pvalue: float
    pvalue_model: float
    permuted: str
    iterations: int
    exact: bool


@dataclass(frozen=True, slots=True)
class PermutationResult:
    """Permutation test of the pooled mean (`formula` None) or of moderators.

    `statistic` and `pvalue` are of the mean, or of all moderators together. `iterations` says how
    many permutations are counted; with `exact` they are all there are, the data's own among them.
    Where moderators are permuted in two ways the fewest count, and there is no test of all.
    """

    statistic: float
    pvalue: float
    pvalue_model: float
    iterations: int
    exact: bool
    seed: int
    unit: str
    formula: str | None
    coefs: tuple[PermutedCoefficient, ...]
    failed: int
    effects: EffectTable = field(repr=False)
    model: str

    def to_dict(self) -> dict[str, Any]:
        """The test as JSON prints it."""
        values = named(
            self, "formula", "unit", "statistic", "pvalue", "pvalue_model", "iterations", "exact",
            "seed", "failed",
        )  # fmt: skip
        return values | {"coefs": [one.to_dict() for one in self.coefs]}

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row for each coefficient."""
        return flat_frame([one.to_dict() for one in self.coefs])


def _median(values: FloatArray) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")
