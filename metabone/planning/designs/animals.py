"""Animals that a study starts with, without its power."""

from metabone.planning.designs.cages import cluster_sizes
from metabone.planning.designs.common import group_sizes, with_losses
from metabone.planning.designs.inputs import completed
from metabone.planning.designs.shared_control import differences_of, sizes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from metabone.planning.designs.common import Block


def animals_started(design: "Block", inputs: "Block") -> int:
    """Animals in all at the start, losses included: n_total_with_losses of the design's answer.

    Examples
    --------
    >>> from metabone.planning.designs.registry import find
    >>> animals_started(find("two-groups"), {"n": 9, "losses": 0.1, "ratio": 2})
    30
    """
    known = completed(design, inputs)
    lost = known.get("losses") or 0.0
    key = design["size"] or "n"
    if key in ("cages", "litters"):
        m, gone = known["animals_per_" + key[:-1]], known["cluster_losses"]
        if "error" in known:
            housed = m if not lost else 2 * with_losses(m // 2, lost)
            return with_losses(known[key], gone) * housed
        started = [with_losses(count, gone) for count in cluster_sizes(known, key)]
        return sum(started) * with_losses(m, lost)
    return sum([with_losses(size, lost) for size in _sizes(design, known, key)])


def _sizes(design: "Block", known: "Block", key: str) -> "list[float]":
    """Animals that are measured, in each arm."""
    name, means = design["name"], known.get("means")
    if name == "shared-control":
        return sizes_of(known, len(differences_of(known)))
    if name == "resource-equation":
        return [known[key]] * known["groups"]
    if name == "randomised-blocks":
        return [known[key]] * len(means or [])
    if name == "paired":
        return [known[key]]
    if name == "group-sequential":
        return [known[key]] * 2
    return group_sizes(known, len(means) if means is not None else 2)
