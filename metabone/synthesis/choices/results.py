"""What a specification curve answers with: frozen results that carry everything they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metabone.files import plain
from metabone.synthesis.results import SCHEMA_VERSION
from metabone.synthesis.shaping import Record, Summarised, effects_dict

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable


@dataclass(frozen=True, slots=True)
class Specification(Record):
    """One way to analyse the table, and what it gives.

    `options` has the option of each factor; a factor that means nothing in this analysis (the
    correlation of shared animals where effects are taken as independent) is not in it. `z` is the
    normal quantile of the two-sided p-value with the sign of the estimate, which can be compared
    across measures and degrees of freedom. `scale` names what the estimate is measured in. Where
    the analysis could not be done, all numbers are NaN and `reason` says why.
    """

    options: Mapping[str, str]
    scale: str
    estimate: float
    se: float
    df: float
    ci_low: float
    ci_high: float
    pvalue: float
    z: float
    tau2: float
    k_studies: int
    k_effects: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut(Record):
    """Combinations of the declared options that are no analysis of their own.

    `kind` is ``same`` (identical with one that is in the curve), ``impossible`` (options that do
    not go together) or ``failed`` (tried, and the data could not give it).
    """

    kind: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class OptionLine(Record):
    """All analyses that share one option: how many, and what they say.

    `median` is of the estimates on the scale of the reference, NaN where the option has none there;
    the shares are of all analyses with the option.
    """

    factor: str
    option: str
    count: int
    median: float
    significant: float
    sign_changed: float


@dataclass(frozen=True, slots=True)
class ScaleLine(Record):
    """The curve of the analyses on one scale: those whose estimates can be compared.

    `null_low` and `null_high` hold for each rank of the curve the limits between which the
    estimate of that rank lies if no study has an effect; empty without a permutation test.
    """

    scale: str
    measures: tuple[str, ...]
    count: int
    median: float
    low: float
    high: float
    null_low: tuple[float, ...] = field(default=(), repr=False)
    null_high: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class CurveTest(Record):
    """One statistic of the whole curve, what it is on average under the null, and its p-value."""

    statistic: str
    observed: float
    expected: float
    pvalue: float


@dataclass(frozen=True, slots=True)
class CurvePermutation(Record):
    """Permutation test of the whole curve: the signs of whole studies flipped at random.

    `tests` are of the median z, the share of analyses that are significant in the dominant
    direction, and the mean z. `exact`: all patterns of signs were gone through, `iterations` of
    them (a pattern and its mirror image are one). `null_low` and `null_high` hold the band of z for
    each rank of the curve of all analyses.
    """

    tests: tuple[CurveTest, ...]
    iterations: int
    exact: bool
    seed: int
    studies: int
    unanswered: int
    null_low: tuple[float, ...] = field(default=(), repr=False)
    null_high: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ChoicesResult(Summarised):
    """The specification curve of one table.

    Parameters
    ----------
    specifications : those that were answered, by ascending estimate within each scale, the
        reference's scale first; then those that failed.
    reference : position of the reference analysis in them.
    most_different : position of the analysis on the reference's scale that lies furthest from it.
    factors : options of each factor that has two or more, in the declared order; the first option
        of each is the reference's.
    fixed : the option of each factor that has one, and `vanished`, why a declared factor has no
        choice in this table.
    declared : number of declared combinations; `left_out` says which of them are no analyses.
    shares : of the answered analyses, those with ``sign_changed`` and ``significance_changed``
        against the reference, with ``significant`` (of either sign), ``significant_same``
        (significant with the sign of the reference) and ``significant_opposite``.
    importance, importance_z : share of each factor in the variance of the estimates (on the
        reference's scale) and of z (all analyses); ``interactions`` is what main effects leave.
    by_option, scales, permutation : see their classes.
    effects : effect sizes of the reference analysis.
    """

    specifications: tuple[Specification, ...]
    reference: int
    most_different: int
    factors: Mapping[str, tuple[str, ...]]
    fixed: Mapping[str, str]
    vanished: Mapping[str, str]
    declared: int
    left_out: tuple[LeftOut, ...]
    shares: Mapping[str, float]
    importance: Mapping[str, float]
    importance_z: Mapping[str, float]
    by_option: tuple[OptionLine, ...]
    scales: tuple[ScaleLine, ...]
    permutation: CurvePermutation | None
    level: float
    outcome: str
    effects: EffectTable
    warnings: tuple[str, ...]
    version: str

    @property
    def answered(self) -> tuple[Specification, ...]:
        """The specifications that gave an answer."""
        return tuple(one for one in self.specifications if one.reason is None)

    def on_scale(self, scale: str | None = None) -> tuple[Specification, ...]:
        """The answered specifications of one scale (default: the reference's), by estimate."""
        wanted = self.specifications[self.reference].scale if scale is None else scale
        return tuple(one for one in self.answered if one.scale == wanted)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "metabone_version": self.version,
            "outcome": self.outcome,
            **effects_dict(self.effects),
            "level": self.level,
            "synthetic": self.effects.synthetic,
            "declared": self.declared,
            "answered": len(self.answered),
            "left_out": [line.to_dict() for line in self.left_out],
            "factors": plain(self.factors),
            "fixed": dict(self.fixed),
            "vanished": dict(self.vanished),
            "reference": self.reference,
            "most_different": self.most_different,
            "shares": plain(self.shares),
            "importance": plain(self.importance),
            "importance_z": plain(self.importance_z),
            "by_option": [line.to_dict() for line in self.by_option],
            "scales": [line.to_dict() for line in self.scales],
            "permutation": None if self.permutation is None else self.permutation.to_dict(),
            "specifications": [one.to_dict() for one in self.specifications],
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> pd.DataFrame:
        """Tidy table: one row for each specification, its options first."""
        import pandas as pd

        names = [*self.factors, *self.fixed]
        rows = []
        for position, one in enumerate(self.specifications):
            line = one.to_dict()
            chosen = line.pop("options")
            rows.append(
                {name: chosen.get(name) for name in names}
                | line
                | {"reference": position == self.reference}
            )
        return pd.DataFrame(rows)

    def summary(self) -> str:
        """The answer for people, as plain text."""
        from metabone.synthesis.choices.text import summarise_choices

        return summarise_choices(self)
