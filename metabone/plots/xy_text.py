"""What stands under figures of sensitivity analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metabone._version import __version__
from metabone.plots.footer import measure_of
from metabone.plots.styles import find_style
from metabone.plots.words import number

if TYPE_CHECKING:
    from metabone.effects.table import EffectTable
    from metabone.synthesis.results import Estimate


def sensitivity_footer(
    effects: EffectTable, overall: Estimate, model: str, *told: str
) -> tuple[str, ...]:
    """The answer that the figure is about, what is told of it, measure and version."""
    low, high = overall.ci()
    kind = "Multilevel random-effects model" if model == "multilevel" else "Random-effects model"
    parts = [
        "SYNTHETIC DATA." if effects.synthetic else "",
        f"{kind} of {overall.k_effects} effects of {overall.k_studies} studies: "
        f"{number(overall.estimate, 2)} ({number(low, 2)} to {number(high, 2)}), "
        f"I²\u00a0=\u00a0{number(overall.i2, 0)}%.",
        *told, measure_of(effects, find_style("metabone")),
        f"Made with metabone\u00a0{__version__}.",
    ]  # fmt: skip
    return (" ".join(part for part in parts if part),)
