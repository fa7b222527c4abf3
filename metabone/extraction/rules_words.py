"""Rules about words: units that the outcome does not have, and names too vague to act on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from metabone.extraction.rows import Rows
from metabone.extraction.table import Finding

SHOWN_UNITS = 6


def units(rows: Rows) -> Iterator[Finding]:
    """The unit is one in which the outcome is reported."""
    accepted: dict[tuple[object, object], bool] = {}
    wrong = np.zeros(len(rows), dtype=bool)
    blank = np.zeros(len(rows), dtype=bool)
    given = rows.any_filled(("mean_treated", "mean_control", "median_treated", "median_control"))
    pairs = zip(rows.endpoints, rows.text("outcome"), rows.text("unit"), strict=True)
    for at, (endpoint, outcome, unit) in enumerate(pairs):
        if endpoint is None:
            continue
        key = (outcome, unit)
        if key not in accepted:
            accepted[key] = endpoint.accepts(unit)
        wrong[at] = unit is not None and not accepted[key]
        blank[at] = unit is None and not accepted[key] and given[at]

    def message(at: int) -> str:
        endpoint = rows.endpoints[at]
        known = [unit or "none" for unit in (*endpoint.units, *endpoint.other_units)]
        more = f", … ({len(known)} in all)" if len(known) > SHOWN_UNITS else ""
        return (
            f"is no unit of {endpoint.name}, so the size is not checked and the row cannot be "
            f"converted; accepted: {', '.join(known[:SHOWN_UNITS])}{more}"
        )

    yield from rows.report(wrong, "unit", "unknown-unit", message)
    yield from rows.report(
        blank, "unit", "unit-blank",
        lambda at: f"is blank; {rows.endpoints[at].name} is usually in {rows.endpoints[at].unit}",
    )  # fmt: skip


def density(rows: Rows) -> Iterator[Finding]:
    """BMD is areal or volumetric: the unit says which, and the two are never pooled."""
    kinds = [rows.vocabulary.endpoint(name) for name in ("aBMD", "vBMD")]
    vague = np.array(
        [
            outcome == "BMD" and all(kind is None or kind.factor(unit) is None for kind in kinds)
            for outcome, unit in zip(rows.text("outcome"), rows.text("unit"), strict=True)
        ],
        dtype=bool,
    )
    yield from rows.report(
        vague, "outcome", "bmd-kind-unknown",
        "may be areal or volumetric and the unit does not tell; write aBMD or vBMD",
    )  # fmt: skip
