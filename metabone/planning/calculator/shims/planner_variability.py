"""The shipped variability as it was pooled when the page was made, in place of the pooling."""

from __future__ import annotations

from typing import Any

from metabone.errors import UsageError
from metabone.planning.calculator.shims.planner_data import DATA
from metabone.planning.variability import Split, Variability
from metabone.planning.variability_groups import choose, named

NAN = float("nan")
NUMBERS = ("value", "ci_low", "ci_high", "pi_low", "pi_high", "tau", "low", "high")


class Kind:
    """Animals with the same labels: what `choose` needs of a group, and its place in the table."""

    def __init__(self, labels: dict[str, str], place: int) -> None:
        self.labels = labels
        self.place = place


def pooled_cv(endpoint: str, **wanted: Any) -> Variability:
    """The coefficient of variation between animals; see the planner's own."""
    if wanted.get("table") is not None:
        raise UsageError("the page has the shipped variability alone")
    return _found("cv", endpoint, wanted)


def baseline_correlation(endpoint: str, **wanted: Any) -> Variability:
    """The correlation of a first and a later scan; see the planner's own."""
    return _found("correlation", endpoint, wanted)


def _found(kind: str, endpoint: str, wanted: dict[str, Any]) -> Variability:
    tables = DATA["variability"][kind]
    table = tables[named(endpoint, sorted(tables))]
    names = ("species", "strain", "sex", "site", "assay")
    groups: Any = [
        Kind({name: labels[i] for i, name in enumerate(names)}, place)
        for place, labels in enumerate(table["labels"])
    ]
    asked = {name: wanted.get(name) for name in names}
    chosen: Any = choose(groups, asked)
    places = [str(group.place) for group in chosen]
    answer = table["answers"][" ".join(places)]
    pooled: Any = None
    numbers = {name: NAN if answer[name] is None else answer[name] for name in NUMBERS}
    return Variability(
        kind=kind, endpoint=endpoint, wanted={k: v for k, v in asked.items() if v is not None},
        ask=tuple(answer["ask"]), split=tuple(map(_split, answer["split"])), labs=answer["labs"],
        animals=answer["animals"], level=answer["level"], notes=tuple(answer["notes"]), groups=(),
        pooled=pooled, **numbers,
    )  # fmt: skip


def _split(line: dict[str, Any]) -> Split:
    labels = {name: line["labels"][name] for name in line["order"]}
    return Split(labels, line["value"], line["labs"], line["animals"])
