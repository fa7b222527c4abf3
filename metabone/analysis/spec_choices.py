"""``[[choices]]``: the lists of options that one specification curve goes through."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from metabone.analysis.spec_values import Level, Name, Section, Where, Words, option
from metabone.options import Align
from metabone.synthesis.choices.factors import FACTORS, check_factors
from metabone.synthesis.choices.permutation import MOST


class ChoicesSpec(Section):
    """``[[choices]]``: one table analysed in every way that lists of options make.

    The first option of each list is the reference; a factor without a list has its default one,
    which begins with the option of ``[effect]``.
    """

    outcome: Words
    name: Name = None
    title: str | None = None
    where: Where = ()
    measure: tuple[str, ...] | None = None
    variance: tuple[str, ...] | None = None
    rob: tuple[str, ...] | None = None
    outliers: tuple[str, ...] | None = None
    control: tuple[str, ...] | None = None
    rho: tuple[str, ...] | None = None
    cluster: tuple[str, ...] | None = None
    tau2: tuple[str, ...] | None = None
    ci: tuple[str, ...] | None = None
    align: Annotated[Align | None, option("align", Align)] = None
    unit: str | None = None
    level: Level = 0.95
    permutations: Annotated[int, Field(ge=0, le=MOST)] = 500
    seed: Annotated[int, Field(ge=0)] = 1

    @field_validator(*FACTORS, mode="before")
    @classmethod
    def _listed(cls, value: Any, info: ValidationInfo) -> Any:
        name = str(info.field_name)
        return check_factors({name: value})[name]

    @property
    def factors(self) -> dict[str, tuple[str, ...]]:
        """The lists that the file gives."""
        given = {name: getattr(self, name) for name in FACTORS}
        return {name: options for name, options in given.items() if options is not None}
