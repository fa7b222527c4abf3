"""The rows of a forest plot: effects, subgroups, pooled effects, and the notes on them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from metabone.models.intervals import interval
from metabone.options import ForestSort, check_option
from metabone.plots.columns import effect_cell, fill, fill_totals, weight_cell
from metabone.plots.labels import cell_text, sentence_case
from metabone.plots.scales import Scale
from metabone.plots.spec import Mark, Row
from metabone.plots.styles import Style
from metabone.plots.words import (
    between,
    decimals_for,
    heterogeneity,
    level_text,
    overall_test,
)

if TYPE_CHECKING:
    from metabone.synthesis.results import Estimate, PoolResult, Stratum

#: Measures that the field prints with two decimals whatever their size.
TWO_DECIMALS = frozenset({"SMD", "SMDH", "SMD1"})


def order_rows(
    result: PoolResult, strata: Sequence[Stratum], sort: str | None
) -> tuple[tuple[int, ...], ...]:
    """The spreadsheet rows of each stratum (of the whole table without strata), in figure order.

    Raises
    ------
    UsageError
        For a `sort` that is not ``effect``, ``precision`` or ``study``.
    """
    frame = result.effects.frame
    names = frame["study"].map(cell_text)
    first_seen = {name: i for i, name in enumerate(dict.fromkeys(names))}
    by = "table" if sort is None else check_option("sort", sort, ForestSort)
    keys = {
        "table": names.map(first_seen),
        "study": names.map(str.casefold),
        "effect": frame["yi"],
        "precision": frame["vi"],
    }[by]
    ordered = keys.sort_values(kind="stable").index.tolist()
    if not strata:
        return (tuple(ordered),)
    return tuple(tuple(row for row in ordered if row in set(part.rows)) for part in strata)


class Builder:
    """Turns a pooled answer into rows; holds what every row needs to know."""

    def __init__(
        self,
        result: PoolResult,
        style: Style,
        scale: Scale,
        keys: Sequence[str],
        names: Mapping[int, str],
        show_prediction: bool,
        judged: Mapping[int, Mapping[str, tuple[str, ...]]] | None = None,
    ) -> None:
        self.result = result
        self.judged = judged or {}
        self.style = style
        self.scale = scale
        self.keys = tuple(keys)
        self.names = names
        self.show_prediction = show_prediction
        self.frame = result.effects.frame
        self.place = {row: at for at, row in enumerate(self.frame.index.tolist())}
        self.effects = {
            row: (yi, *interval(yi, math.sqrt(vi), math.nan, result.level))
            for row, yi, vi in zip(
                self.frame.index.tolist(), result.effects.yi.tolist(),
                result.effects.vi.tolist(), strict=True,
            )
        }  # fmt: skip
        self.heaviest = max(result.overall.weights.values(), default=1.0)
        self.decimals = self._decimals()

    def rows(self, strata: Sequence[Stratum], groups: Sequence[Sequence[int]]) -> tuple[Row, ...]:
        """All rows from top to bottom."""
        rows: list[Row] = []
        if not strata:
            rows += [self._effect(row) for row in groups[0]]
        for stratum, members in zip(strata, groups, strict=False):
            if members:  # an empty cell of a two-way table has nothing to draw
                rows += self._stratum(stratum, members)
        return (*rows, *self._overall(strata))

    def _decimals(self) -> int:
        if self.result.effects.measure in TWO_DECIMALS or self.scale.name == "ratio":
            return 2
        shown = [self._shown(values) for values in self.effects.values()]
        widths = [high - low for _, low, high in shown if math.isfinite(high - low)]
        return decimals_for(median(widths) / 2 if widths else math.nan)

    def _shown(self, values: Sequence[float]) -> tuple[float, float, float]:
        estimate, low, high = (self.scale.show(value) for value in values)
        return estimate, low, high

    def _effect_text(self, values: Sequence[float]) -> tuple[str, str, str]:
        signed = self.scale.name == "percent"
        return effect_cell(self._shown(values), self.decimals, self.style, signed=signed)

    def _effect(self, row: int) -> Row:
        values = self.effects[row]
        weight = self.result.overall.weights.get(row, math.nan)
        cells = {"study": (self.names[row],)} | fill(self.keys, self.frame.iloc[self.place[row]])
        cells |= self.judged.get(row, {})
        if "effect" in self.keys:
            cells["effect"] = self._effect_text(values)
        if "weight" in self.keys:
            cells["weight"] = weight_cell(weight, self.style)
        # Strongly correlated effects can have a weight below zero: then a point.
        mark = Mark("square", *values, weight=max(weight, 0.0) / self.heaviest)
        return Row("study", cells=cells, mark=mark, source=row)

    def _stratum(self, stratum: Stratum, members: Sequence[int]) -> list[Row]:
        rows = [Row("heading", _heading(stratum)), *(self._effect(row) for row in members)]
        if stratum.estimate is None:
            return [*rows, Row("note", sentence_case(stratum.reason or "not pooled"))]
        estimate = stratum.estimate
        share = sum(self.result.overall.weights.get(row, math.nan) for row in members)
        rows.append(self._pooled("subtotal", estimate, members, share))
        return rows + [Row("note", line) for line in self._lines(estimate, subgroup=True)]

    def _overall(self, strata: Sequence[Stratum]) -> list[Row]:
        estimate = self.result.overall
        rows = [self._pooled("overall", estimate, self.frame.index.tolist(), 100.0)]
        low, high = estimate.pi()
        if self.show_prediction and not math.isnan(low):
            rows.append(self._prediction(low, high))
        rows += [Row("note", line) for line in self._lines(estimate, subgroup=False)]
        shown = tuple(strata[0].by) if strata else None
        tests = [test for test in self.result.between if test.by == shown]
        return rows + [Row("note", between(test, self.style)) for test in tests]

    def _lines(self, estimate: Estimate, *, subgroup: bool) -> list[str]:
        """Heterogeneity, test of the effect, prediction interval: on one line or on several."""
        decimals = decimals_for(estimate.tau2, most=4)
        parts = [heterogeneity(estimate, self.style, max(2, decimals))]
        if self.style.numbers.test_subgroups or not subgroup:
            parts.append(overall_test(estimate, self.style))
        low, high = estimate.pi()
        if subgroup and self.show_prediction and not math.isnan(low):
            _, first, last = self._effect_text((math.nan, low, high))
            name = self.style.words.prediction.format(level=level_text(estimate.level))
            parts.append(f"{name} {first} {last}".replace(" ", "\u00a0"))
        return self.style.numbers.join.join(parts).split("\n")

    def _pooled(self, kind: str, estimate: Estimate, members: Sequence[int], share: float) -> Row:
        values = (estimate.estimate, *estimate.ci())
        spread = estimate.pi() if self.show_prediction and kind == "subtotal" else None
        cells: dict[str, tuple[str, ...]] = {}
        if "weight" in self.keys:
            cells["weight"] = weight_cell(share, self.style)
        label = self._pooled_label(kind, estimate)
        if "effect" in self.keys:
            cells["effect"] = self._effect_text(values)
        else:
            label = f"{label}: {' '.join(self._effect_text(values))}"
        cells |= fill_totals(self.keys, self.frame.loc[list(members)], estimate.n_animals)
        mark = Mark("diamond", *values, spread=spread)
        return Row("subtotal" if kind == "subtotal" else "overall", label, cells, mark)

    def _pooled_label(self, kind: str, estimate: Estimate) -> str:
        words = self.style.words
        name = words.subtotal if kind == "subtotal" else words.overall
        name = name.format(level=level_text(estimate.level))
        counts = f"k{self.style.numbers.eq}{estimate.k_effects}"
        if estimate.k_studies != estimate.k_effects:
            noun = "study" if estimate.k_studies == 1 else "studies"
            counts += f" in {estimate.k_studies} {noun}"
        return f"{name} ({counts})" if "(" not in name else f"{name}, {counts}"

    def _prediction(self, low: float, high: float) -> Row:
        label = self.style.words.prediction.format(level=level_text(self.result.level))
        text = self._effect_text((math.nan, low, high))
        cells = {"effect": text} if "effect" in self.keys else {}
        if not cells:
            label = f"{label}: {' '.join(text[1:])}"
        return Row("prediction", label, cells, Mark("interval", math.nan, low, high))


def _heading(stratum: Stratum) -> str:
    """The stratum's name."""
    return " × ".join(sentence_case(value) for value in stratum.by.values())
