"""The SD and the baseline correlation that a plan takes from data instead of naming them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from metabone.errors import UsageError
from metabone.planning.plan_file import Plan

if TYPE_CHECKING:
    from metabone.planning.variability import Variability

LABELS = ("species", "strain", "sex", "site", "assay")
SHIPPED = "shipped"


def shipped_spread(plan: Plan) -> dict[str, Any]:
    """CV between animals of the plan's endpoint, from the shipped data or a table of the plan.

    Returns
    -------
    ``cv`` in per cent, ``source`` in words, ``notes``, and the pooled answer as JSON prints it.

    Raises
    ------
    UsageError
        If the data need to know more (site, strain), or have no such animals.

    Examples
    --------
    >>> study = {"endpoint": "BV/TV", "species": "rat", "strain": "Fischer", "site": "metaphysis"}
    >>> round(shipped_spread(Plan({"study": study}))["cv"], 1)
    19.1
    """
    from metabone.planning.variability import pooled_cv

    source = str(plan.get("variability", "from", SHIPPED))
    table = None
    if source != SHIPPED:
        from metabone.extraction.reading import read_table
        from metabone.extraction.shipped import find_dataset

        path = source if find_dataset(source) is not None else str(plan.folder / source)
        table = read_table(path)
    found = pooled_cv(str(plan.get("study", "endpoint")), **_labels(plan), table=table)
    name = "bone-variability" if source == SHIPPED else source
    return _answer(found, name, "cv")


def shipped_correlation(plan: Plan) -> dict[str, Any]:
    """Correlation of a baseline with a later scan of the plan's endpoint; see `shipped_spread`."""
    from metabone.planning.variability import baseline_correlation

    found = baseline_correlation(str(plan.get("study", "endpoint")), **_labels(plan))
    return _answer(found, "bone-variability", "correlation")


def _labels(plan: Plan) -> dict[str, Any]:
    words = {name: plan.get("study", name) for name in LABELS}
    return {name: str(word) for name, word in words.items() if word}


def _answer(found: Variability, source: str, key: str) -> dict[str, Any]:
    if not found.answered:
        options = " and ".join(f"--{name}" for name in found.ask)
        raise UsageError(f"say more ({options}) to take it from {source}\n{found.summary()}")
    unit = " %" if key == "cv" else ""
    form = ".3g" if key == "cv" else ".2f"
    labs = "1 lab" if found.labs == 1 else f"{found.labs} labs"
    text = f"{found.animals} animals of {labs} in {source}"
    notes = list(found.notes)
    if math.isfinite(found.pi_low):
        notes.append(
            f"a new lab may have {found.pi_low:{form}} to {found.pi_high:{form}}{unit} in place of "
            f"{found.value:{form}}{unit} ({100 * found.level:g} % prediction interval)"
        )
    else:
        notes.append(f"the {'CV' if key == 'cv' else key} is of one lab, which says nothing of "
                     "others")  # fmt: skip
    return {**found.to_dict(), key: found.value, "source": text, "notes": notes}
