"""The confidence interval that a study of a given size is expected to end with.

Its half-width is the mean over studies, E[s]/σ of the error SD included, as in `precision`.
"""

import math

from metabone.planning.designs.assurance import over_shares
from metabone.planning.designs.inputs import completed
from metabone.planning.designs.precision import expected_s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def expected_interval(design: "Block", inputs: "Block") -> "Block":
    """Expected interval of a design's estimate, if the true effect is the one of the inputs.

    The level is 1 − alpha, two-sided also for a one-sided test; 1 − 2 alpha for equivalence and
    non-inferiority, where that interval decides.

    Parameters
    ----------
    design : an entry of ``DESIGNS``.
    inputs : its inputs, with the size.

    Returns
    -------
    ``level``, ``estimate``, ``half_width``, ``low``, ``high``, ``scale`` (``difference``, or
    ``ratio``: the limits are then estimate / half_width and estimate · half_width), ``kind``,
    ``per`` (what else the unit is divided by, or None), ``reason``: why there is none, the others
    being None then.

    Examples
    --------
    >>> from metabone.planning.designs.registry import find
    >>> found = expected_interval(find("two-groups"), {"difference": 6, "sd": 4, "n": 9})
    >>> [round(found[key], 4) for key in ("level", "half_width", "low", "high")]
    [0.95, 3.9354, 2.0646, 9.9354]
    """
    empty: Block = {"level": None, "estimate": None, "half_width": None, "low": None, "high": None}
    empty.update({"scale": None, "kind": None, "per": None, "reason": design.get("no_interval")})
    if design.get("estimate") is None:
        return empty
    known = completed(design, inputs)
    found = design["estimate"](known)
    if found.get("none") is not None:
        empty["reason"] = found["none"]
        return empty
    if found["df"] < 1:
        empty["reason"] = "there are too few animals for an error of their own"
        return empty
    tail = known["alpha"] * found.get("tails", 1)

    def width(share: float) -> float:
        se, _, cut = found["at"](share, tail, 2)
        return float(cut * se)

    half = over_shares(found, width) * expected_s(found["df"])
    result = {
        "level": 1 - tail,
        "estimate": found["value"],
        "half_width": half,
        "low": found["value"] - half,
        "high": found["value"] + half,
        "scale": found["scale"],
        "kind": found["kind"],
        "per": found.get("per"),
        "reason": None,
    }
    if found["scale"] == "ratio":
        for key in ("estimate", "half_width", "low", "high"):
            result[key] = math.exp(result[key])
    return result
