"""What sensitivity analyses answer with: frozen results that figures and reports are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metabone.synthesis.results import SCHEMA_VERSION, Estimate
from metabone.synthesis.sensitivity.influence_results import (
    BaujatResult,
    InfluenceResult,
    Refits,
)
from metabone.synthesis.sensitivity.resampling_results import GoshResult, PermutationResult
from metabone.synthesis.shaping import Summarised, effects_dict, named

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable

#: The analyses, as results, JSON and tables name them, in the order of the summary.
PARTS = ("leave_one_out", "cumulative", "influence", "baujat", "gosh", "permutation")


@dataclass(frozen=True, slots=True)
class SensitivityResult(Summarised):
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
        found = {name: getattr(self, name) for name in PARTS}
        return {name: part for name, part in found.items() if part is not None}

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "metabone_version": self.version,
            "outcome": self.outcome,
            **effects_dict(self.effects),
            **named(
                self, "model", "model_reason", "tau2_method", "ci_method", "level", "rho",
                "control", "rho_table", "time_decay", "random",
            ),
            "synthetic": self.effects.synthetic,
            "overall": self.overall.to_dict(),
            **{
                name: None if (part := getattr(self, name)) is None else part.to_dict()
                for name in PARTS
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
