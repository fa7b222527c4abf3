"""The resource equation and other rules of thumb: labels, not a justification of a number."""

import math

from metabone.planning.designs.common import answer, whole
from metabone.planning.designs.inputs import HOUSING, joined, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def mead_e(total: float, arms: int, blocks: int = 1) -> float:
    """Error degrees of freedom left by Mead's resource equation.

    Examples
    --------
    >>> mead_e(30, 5, 6)
    20
    """
    return (total - 1) - (arms - 1) - (blocks - 1)


def resource_range(arms: int) -> "tuple[int, int]":
    """Animals a group for which the resource equation's E lies between 10 and 20.

    References
    ----------
    Arifin & Zahiruddin (2017), doi:10.21315/mjms2017.24.5.11.

    Examples
    --------
    >>> resource_range(5)
    (3, 5)
    """
    return whole(10 / arms + 1), math.floor(20 / arms + 1 + 1e-9)


def snedecor_n(sd_over_difference: float, constant: float) -> float:
    """n = 1 + 2 C (s / d)^2, the old approximation (C = 7.85 for 80 %, 10.51 for 90 %)."""
    return 1 + 2 * constant * sd_over_difference**2


def resource_equation(inputs: "Block") -> "Block":
    """Mead's E of a design: it says nothing about power."""
    n, arms, blocks = inputs.get("n"), inputs["groups"], inputs["blocks"]
    if n is None:
        raise ValueError("give n, the animals in a group")
    e = mead_e(n * arms, arms, blocks)
    low, high = resource_range(arms)
    return answer(
        inputs,
        float("nan"),
        [n] * arms,
        arms=["group " + str(i + 1) for i in range(arms)],
        error_df=e,
        label="below 10: few" if e < 10 else "10 to 20: as usual" if e <= 20 else "over 20: many",
        usual_n=[low, high],
        effect=None,
        d=None,
        df=e,
        test="resource equation",
        notes=["a label: it knows neither the effect nor the SD, so it justifies no number"],
    )


DESIGNS = {
    "resource-equation": {
        "title": "Resource equation (a label, no power)",
        "inputs": joined(
            {
                "n": number("animals in a group", "animals", None, 2, None, "whole"),
                "groups": number("groups", "", 2, 2, 100, "whole"),
                "blocks": number("blocks", "", 1, 1, 1000, "whole"),
            },
            HOUSING,
        ),
        "power": resource_equation,
        "no_interval": "the resource equation estimates nothing",
        "size": None,
        "effect": None,
    },
}
