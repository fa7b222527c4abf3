"""Endpoints on a ratio scale: fold change and CV, a t test of logarithms."""

import math

from metabone.planning.designs.common import answer, caution, group_sizes, t_estimate
from metabone.planning.designs.equivalence import log_sd
from metabone.planning.designs.inputs import ALPHA, HOUSING, PERCENT, SIDES, SIZE, joined, number
from metabone.planning.designs.two_groups import pooled_power

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def fold_d(fold: float, cv: float) -> float:
    """Fold change in SDs of the logarithm, `cv` as a fraction.

    Examples
    --------
    >>> round(fold_d(1.5, 0.35), 6)
    1.192759
    """
    return math.log(fold) / log_sd(cv)


def fold_estimate(inputs: "Block") -> "Block":
    """The logarithm of the ratio of two means."""
    fold, cv = inputs.get("fold"), inputs.get("cv")
    if not fold or not cv:
        raise ValueError("give fold and cv, the CV between animals in per cent")
    n1, n2 = group_sizes(inputs)
    found = t_estimate(math.log(fold), log_sd(cv / 100) * math.sqrt(1 / n1 + 1 / n2), n1 + n2 - 2)
    found["scale"] = "ratio"
    return found


def fold_change(inputs: "Block") -> "Block":
    """Two groups of log-normal values with one CV: t test of the logarithms."""
    fold, cv = inputs.get("fold"), inputs.get("cv")
    if not fold or not cv:
        raise ValueError("give fold and cv, the CV between animals in per cent")
    d = fold_d(fold, cv / 100)
    sizes = group_sizes(inputs)
    return answer(
        inputs,
        pooled_power(d, sizes[0], sizes[1], inputs["alpha"], inputs["sides"]),
        sizes,
        arms=["control", "treated"],
        effect=fold,
        sd_log=log_sd(cv / 100),
        d=d,
        se=log_sd(cv / 100) * math.sqrt(1 / sizes[0] + 1 / sizes[1]),
        df=sum(sizes) - 2,
        test="t test of logarithms",
        notes=caution(d),
    )


DESIGNS = {
    "fold-change": {
        "title": "Fold change of a log-scale endpoint",
        "inputs": joined(
            {
                "fold": number("treated over control", "times", None, 1e-6, 1e6),
                "cv": number("CV between animals", PERCENT, None, 0.0),
            },
            SIZE,
            {"ratio": number("treated animals for each control animal", "", 1, 0.05, 20)},
            SIDES,
            ALPHA,
            HOUSING,
        ),
        "power": fold_change,
        "estimate": fold_estimate,
        "size": "n",
        "effect": "fold",
        "effect_range": (1.000001, None),
    },
}
