"""What sensitivity analyses answer with: frozen results that figures and reports are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabone.files import plain
from metabone.synthesis.results import SCHEMA_VERSION, Estimate

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RefitLine:
    """The pooled answer of some of the effects.

    `label` names the study or effect that this refit leaves out, or that it adds to those before;
    `rows` are its spreadsheet rows. `value` is what a cumulative analysis is ordered by, as text.
    Where the rest cannot give the answer the numbers are NaN and `reason` says why.
    """

    label: str
    study: str
    rows: tuple[int, ...]
    k_studies: int
    k_effects: int
    estimate: float
    se: float
    df: float
    ci_low: float
    ci_high: float
    pvalue: float
    tau2: float
    i2: float
    q: float
    value: str | None = None
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON prints it."""
        names = (
            "label", "study", "rows", "value", "k_studies", "k_effects", "estimate", "se", "df",
            "ci_low", "ci_high", "pvalue", "tau2", "i2", "q", "reason",
        )  # fmt: skip
        return dict(plain({name: getattr(self, name) for name in names}))


@dataclass(frozen=True, slots=True)
class Refits:
    """The answer without each study or effect, or as evidence came in.

    Parameters
    ----------
    kind : ``leave_one_out`` or ``cumulative``.
    by : ``study`` or ``effect``; of a cumulative analysis ``year``, ``precision``, ``quality`` or
        the column that it is ordered by.
    overall : the answer of all effects.
    level : level of the intervals.
    """

    kind: str
    by: str
    lines: tuple[RefitLine, ...]
    overall: Estimate
    effects: EffectTable = field(repr=False)
    level: float
    model: str

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest estimate; NaN if there is none."""
        found = [line.estimate for line in self.lines if line.estimate == line.estimate]
        return (min(found), max(found)) if found else (float("nan"), float("nan"))

    def to_dict(self) -> dict[str, Any]:
        """The refits as JSON prints them."""
        low, high = self.range
        return {
            "kind": self.kind,
            "by": self.by,
            "estimate_min": plain(low),
            "estimate_max": plain(high),
            "lines": [line.to_dict() for line in self.lines],
        }

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row for each refit."""
        return _frame([line.to_dict() for line in self.lines])


@dataclass(frozen=True, slots=True)
class InfluenceLine:
    """How one effect, or one study with all its effects, sways the pooled mean.

    Attributes
    ----------
    label, study, rows, row : whose; `row` is the first of its spreadsheet rows.
    rstudent : externally standardised residual (of the study's mean, where it is a study).
    dffits : change of the mean in standard errors of its part in it.
    cook_d : squared change of the mean over its variance.
    cov_ratio : variance of the mean without it over that with it.
    hat, weight : leverage, and weight in per cent.
    dfbetas : change of the mean over its standard error with the heterogeneity of the rest.
    tau2_deleted, q_deleted : heterogeneity of the rest.
    flags : which of the measures lie beyond their threshold.
    """

    label: str
    row: int
    study: str
    rows: tuple[int, ...]
    rstudent: float
    dffits: float
    cook_d: float
    cov_ratio: float
    hat: float
    weight: float
    dfbetas: float
    tau2_deleted: float
    q_deleted: float
    flags: tuple[str, ...]

    @property
    def influential(self) -> bool:
        """Whether any of the measures lies beyond its threshold."""
        return bool(self.flags)

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON prints it."""
        names = (
            "label", "study", "rows", "rstudent", "dffits", "cook_d", "cov_ratio", "hat",
            "weight", "dfbetas", "tau2_deleted", "q_deleted", "influential", "flags",
        )  # fmt: skip
        return dict(plain({name: getattr(self, name) for name in names}))


@dataclass(frozen=True, slots=True)
class InfluenceResult:
    """Influence of each effect or study; `thresholds` by measure, those that flags go by."""

    by: str
    lines: tuple[InfluenceLine, ...]
    thresholds: Mapping[str, float]
    overall: Estimate
    effects: EffectTable = field(repr=False)
    model: str

    @property
    def influential(self) -> tuple[InfluenceLine, ...]:
        """The lines with any flag."""
        return tuple(line for line in self.lines if line.flags)

    def to_dict(self) -> dict[str, Any]:
        """The diagnostics as JSON prints them."""
        return {
            "by": self.by,
            "thresholds": plain(self.thresholds),
            "lines": [line.to_dict() for line in self.lines],
        }

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row for each effect or study."""
        return _frame([line.to_dict() for line in self.lines])


@dataclass(frozen=True, slots=True)
class BaujatPoint:
    """One effect or study: its part in Q, and how far the mean moves without it."""

    label: str
    row: int
    study: str
    q: float
    influence: float

    def to_dict(self) -> dict[str, Any]:
        """The point as JSON prints it."""
        names = ("label", "row", "study", "q", "influence")
        return dict(plain({name: getattr(self, name) for name in names}))


@dataclass(frozen=True, slots=True)
class BaujatResult:
    """Where heterogeneity comes from, and whether it matters for the mean."""

    by: str
    points: tuple[BaujatPoint, ...]
    overall: Estimate
    effects: EffectTable = field(repr=False)
    model: str

    def to_dict(self) -> dict[str, Any]:
        """The points as JSON prints them."""
        return {"by": self.by, "points": [point.to_dict() for point in self.points]}

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row for each point."""
        return _frame([point.to_dict() for point in self.points])


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
class PermutedCoefficient:
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

    def to_dict(self) -> dict[str, Any]:
        """The coefficient as JSON prints it."""
        names = (
            "term", "estimate", "statistic", "pvalue", "pvalue_model", "permuted", "iterations",
            "exact",
        )  # fmt: skip
        return dict(plain({name: getattr(self, name) for name in names}))


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
        names = (
            "formula", "unit", "statistic", "pvalue", "pvalue_model", "iterations", "exact",
            "seed", "failed",
        )  # fmt: skip
        values = dict(plain({name: getattr(self, name) for name in names}))
        return values | {"coefs": [one.to_dict() for one in self.coefs]}

    def to_frame(self) -> pd.DataFrame:
        """Tidy table, one row for each coefficient."""
        return _frame([one.to_dict() for one in self.coefs])


@dataclass(frozen=True, slots=True)
class SensitivityResult:
    """All sensitivity analyses that were asked for, with the answer that they are about."""

    effects: EffectTable = field(repr=False)
    outcome: str
    overall: Estimate
    model: str
    model_reason: str
    tau2_method: str
    ci_method: str
    level: float
    warnings: tuple[str, ...]
    version: str
    rho: float | None = None
    control: str | None = None
    rho_table: tuple[Mapping[str, Any], ...] = ()
    time_decay: float | None = None
    random: tuple[str, ...] = ()
    leave_one_out: Refits | None = None
    cumulative: Refits | None = None
    influence: InfluenceResult | None = None
    baujat: BaujatResult | None = None
    gosh: GoshResult | None = None
    permutation: PermutationResult | None = None

    @property
    def parts(self) -> dict[str, Any]:
        """The analyses that were asked for, by name."""
        names = ("leave_one_out", "cumulative", "influence", "baujat", "gosh", "permutation")
        found = {name: getattr(self, name) for name in names}
        return {name: part for name, part in found.items() if part is not None}

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "metabone_version": self.version,
            "outcome": self.outcome,
            "input": self.effects.input_dict(),
            "measure": self.effects.measure,
            "variance": self.effects.variance,
            "align": self.effects.align,
            "better": self.effects.better,
            "unit": self.effects.unit,
            "model": self.model,
            "model_reason": self.model_reason,
            "tau2_method": self.tau2_method,
            "ci_method": self.ci_method,
            "level": self.level,
            "rho": self.rho,
            "control": self.control,
            "rho_table": list(self.rho_table),
            "time_decay": self.time_decay,
            "random": list(self.random),
            "synthetic": self.effects.synthetic,
            "overall": self.overall.to_dict(),
            **{
                name: None if (part := getattr(self, name)) is None else part.to_dict()
                for name in (
                    "leave_one_out", "cumulative", "influence", "baujat", "gosh", "permutation",
                )
            },
            "warnings": list(self.warnings),
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Tidy table of all refits and diagnostics, one row each; `part` says which analysis."""
        import pandas as pd

        frames: list[pd.DataFrame] = [
            part.to_frame().assign(part=name)
            for name, part in self.parts.items()
            if name != "gosh"
        ]  # fmt: skip
        if not frames:
            return pd.DataFrame({"part": []})
        joined = pd.concat(frames, ignore_index=True)
        return joined[["part", *(name for name in joined.columns if name != "part")]]

    def summary(self) -> str:
        """The answer for people, as plain text."""
        from metabone.synthesis.sensitivity.text import summarise

        return summarise(self)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.summary())}</pre>"


def _frame(lines: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    joined = [
        {
            key: " ".join(map(str, value)) if isinstance(value, list) else value
            for key, value in line.items()
        }
        for line in lines
    ]
    return pd.DataFrame(joined)


def _median(values: FloatArray) -> float:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else float("nan")
