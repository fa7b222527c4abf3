"""All designs by name, each a plain dict; the one place where inputs are checked."""

from metabone.planning.designs import (
    ancova,
    cages,
    coprimary,
    equivalence,
    factorial,
    fold_change,
    precision,
    ranks,
    repeated,
    resource,
    sequential,
    several_arms,
    shared_control,
    two_groups,
)
from metabone.planning.designs.inputs import completed, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from metabone.planning.designs.common import Block

FAMILIES = (
    two_groups,
    several_arms,
    shared_control,
    factorial,
    cages,
    ancova,
    repeated,
    coprimary,
    equivalence,
    fold_change,
    ranks,
    precision,
    sequential,
    resource,
)


def _checked(name: str, entry: "Block") -> "Block":
    """The entry with its name, and a `power` that fills in and checks its inputs first."""
    design: Block = {"floor": 2, "step": 1}
    design.update(entry)
    design["name"] = name
    raw: Callable[[Block], Block] = entry["power"]

    def power(inputs: "Block") -> "Block":
        result = raw(completed(design, inputs))
        result["design"] = name
        return result

    design["raw"] = raw
    design["power"] = power
    return design


def _all() -> "Block":
    designs: Block = {}
    for family in FAMILIES:
        for name in family.DESIGNS:
            designs[name] = _checked(name, family.DESIGNS[name])
    return designs


DESIGNS = _all()


def find(name: str) -> "Block":
    """The design of that name.

    Raises
    ------
    ValueError
        No such design; the nearest name is given.

    Examples
    --------
    >>> find("paired")["title"]
    'Two measurements of the same animal'
    """
    if name in DESIGNS:
        entry: Block = DESIGNS[name]
        return entry
    close = nearest(name, list(DESIGNS))
    raise ValueError("there is no design " + name + "; nearest: " + close)


def power(name: str, inputs: "Block") -> "Block":
    """Power of a design at given animals and effect, with everything that goes with it.

    Examples
    --------
    >>> inputs = {"mean_control": 20, "cv": 20, "percent_change": 30, "n": 8}
    >>> round(power("two-groups", inputs)["power"], 4)
    0.7965
    """
    result: Block = find(name)["power"](inputs)
    return result
