"""``[[rob]]``: how the studies were judged, by which list."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import model_validator

from metabone.analysis.spec_values import Name, Section, Where, Words, option
from metabone.options import RobConflicts, RobTool, RobWeights


class RobSpec(Section):
    """``[[rob]]``: one assessment of the studies by risk of bias, quality or reporting."""

    name: Name = None
    title: str | None = None
    outcome: Words = ()
    where: Where = ()
    tool: Annotated[RobTool, option("tool", RobTool)] = "syrcle"
    weights: Annotated[RobWeights, option("weights", RobWeights)] = "studies"
    overall: str | None = None
    conflicts: Annotated[RobConflicts, option("conflicts", RobConflicts)] = "show"

    @model_validator(mode="after")
    def _rule(self) -> Self:
        from metabone.synthesis.rob import check_rule

        check_rule(self.overall, self.tool)
        return self
