"""How much an endpoint varies between animals, and between the scans of one animal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from metabone.errors import DataError
from metabone.models.intervals import check_level
from metabone.options import check_option
from metabone.planning.variability_groups import (
    Group,
    choose,
    shipped_correlations,
    shipped_cv,
    spread_of,
    table_cv,
)
from metabone.planning.variability_pooling import (
    LabMean,
    Pool,
    Pooled,
    lab_correlation,
    lab_cv,
    pool_labs,
)

if TYPE_CHECKING:
    from metabone.extraction.table import StudyTable

Arms = Literal["control", "treated", "both"]

# Labels are asked for where what they split would change the number of animals by more than this.
WIDE = 2.0
# Of labels that split equally, the one that a planner knows best is asked for.
ORDER = ("site", "strain", "species", "assay", "sex")


@dataclass(frozen=True, slots=True)
class Split:
    """One line of the split that an unasked-for label makes."""

    labels: Mapping[str, str]
    value: float
    labs: int
    animals: int

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON prints it."""
        return {**self.labels, "value": self.value, "labs": self.labs, "animals": self.animals}


@dataclass(frozen=True, slots=True)
class Variability:
    """A pooled CV in per cent, or a pooled correlation, or the question that must come first.

    Parameters
    ----------
    kind : ``cv`` (per cent) or ``correlation``.
    endpoint, wanted : what was asked.
    ask : labels to be given before there is one answer, the most telling first; empty if there is.
    split : what each value of these labels gives.
    value, ci_low, ci_high : pooled value of a typical lab; NaN if not answered.
    pi_low, pi_high : true value in a new lab; NaN for fewer than three labs.
    tau : SD between labs on the scale of pooling (log CV, Fisher's z).
    low, high : least and greatest of the groups.
    labs, animals : how many; animals measured repeatedly count once.
    groups : what it was made of.
    """

    kind: str
    endpoint: str
    wanted: Mapping[str, str]
    ask: tuple[str, ...]
    split: tuple[Split, ...]
    value: float
    ci_low: float
    ci_high: float
    pi_low: float
    pi_high: float
    tau: float
    low: float
    high: float
    labs: int
    animals: int
    level: float
    notes: tuple[str, ...]
    groups: tuple[Group, ...] = field(repr=False)
    pooled: Pooled = field(repr=False)

    @property
    def answered(self) -> bool:
        """Whether there is one value to plan with."""
        return not self.ask

    def quantile(self, p: float) -> float:
        """Quantile of the true value in a new lab, to plan with more than a typical one.

        NaN for fewer than three labs, and where a question is open.
        """
        check_level(p)
        return self._back(self.pooled.quantile(p)) if self.answered else float("nan")

    def _back(self, y: float) -> float:
        return _SCALES[self.kind].back(y)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON prints it."""
        names = ("kind", "endpoint", "value", "ci_low", "ci_high", "pi_low", "pi_high", "tau",
                 "low", "high", "labs", "animals", "level", "answered")  # fmt: skip
        return {name: getattr(self, name) for name in names} | {
            "unit": "%" if self.kind == "cv" else None,
            "wanted": dict(self.wanted),
            "ask": list(self.ask),
            "split": [line.to_dict() for line in self.split],
            "notes": list(self.notes),
        }

    def summary(self) -> str:
        """The answer, or the question, for people."""
        unit = " %" if self.kind == "cv" else ""
        digits = ".1f" if self.kind == "cv" else ".2f"
        name = f"{'CV' if self.kind == 'cv' else 'correlation'} of {self.endpoint}"
        if self.ask:
            lines = [
                f"{name}: {self.low:{digits}} to {self.high:{digits}}{unit} between groups. Which "
                f"{', '.join(self.ask)}?"
            ]
            lines += [
                f"  {', '.join(one.labels.values())}: {one.value:{digits}}{unit} ({one.animals} "
                f"animals, {one.labs} {'lab' if one.labs == 1 else 'labs'})"
                for one in self.split
            ]
            return "\n".join([*lines, *self.notes])
        new = (
            f"{'one lab' if self.labs == 1 else '2 labs'}: not enough to tell a new one"
            if self.labs < 3
            else f"a new lab: {self.pi_low:{digits}} to {self.pi_high:{digits}}"
        )
        head = (
            f"{name}: {self.value:{digits}}{unit} ({self.level:.0%} CI {self.ci_low:{digits}} to "
            f"{self.ci_high:{digits}}; {new}), {self.animals} animals, {self.labs} "
            f"{'lab' if self.labs == 1 else 'labs'}"
        )
        return "\n".join([head, *self.notes])

    def __str__(self) -> str:
        return self.summary()


@dataclass(frozen=True, slots=True)
class _Scale:
    """How groups of one kind are pooled, shown, and what their value does to animal numbers."""

    one: Callable[[Sequence[Group]], LabMean]
    back: Callable[[float], float]
    animals: Callable[[float], float]


# The number of animals goes with CV², and with 1 − r² for an ANCOVA on the baseline.
_SCALES: Mapping[str, _Scale] = {
    "cv": _Scale(lab_cv, lambda y: float(100 * np.exp(y)), lambda cv: cv**2),
    "correlation": _Scale(
        lab_correlation, lambda y: float(np.tanh(y)), lambda r: max(1 - r**2, 1e-12)
    ),
}


def pooled_cv(
    endpoint: str,
    *,
    species: str | None = None,
    strain: str | None = None,
    sex: str | None = None,
    site: str | None = None,
    assay: str | None = None,
    table: StudyTable | None = None,
    arms: str = "control",
    ask: bool = True,
    level: float = 0.95,
) -> Variability:
    """The coefficient of variation between animals, pooled over labs, with that of a new lab.

    Parameters
    ----------
    endpoint : outcome, or a synonym.
    species, strain, sex, site, assay : to narrow down; parts of a name are enough.
    table : an extraction table to take arms from; by default the shipped ``bone-variability``.
    arms : of the table: ``control``, ``treated`` or ``both``.
    ask : where labels left open would change the number of animals more than twofold, return
        the split and the question instead of one number.
    level : of the intervals.

    Raises
    ------
    UsageError
        For an endpoint or label that the data do not have, or one without a CV (SMI).
    DataError
        If no arm has a mean, an SD and n.

    Examples
    --------
    >>> found = pooled_cv("BV/TV", species="rat", strain="Fischer", site="metaphysis")
    >>> found.answered, round(found.value, 1), found.animals, found.labs
    (True, 19.1, 30, 1)
    >>> pooled_cv("BV/TV").ask
    ('site', 'assay', 'strain')
    """
    lost = 0
    if table is None:
        groups = shipped_cv(endpoint)
    else:
        chosen = check_option("arms", arms, Arms)
        wanted_arms = ("control", "treated") if chosen == "both" else (chosen,)
        groups, lost = table_cv(table, endpoint, wanted_arms)
        if not groups:
            raise DataError(f"no {chosen} arm of {endpoint} has n, a mean above 0 and an SD")
    notes = [f"arms without n, a mean above 0 and an SD were left out: {lost}"] if lost else []
    if table is not None and table.synthetic:
        notes.append("SYNTHETIC: the table holds generated data")
    wanted = {"species": species, "strain": strain, "sex": sex, "site": site, "assay": assay}
    return pooled_groups("cv", endpoint, choose(groups, wanted), wanted, ask, level, notes)


def baseline_correlation(
    endpoint: str,
    *,
    species: str | None = None,
    strain: str | None = None,
    sex: str | None = None,
    site: str | None = None,
    assay: str | None = None,
    ask: bool = True,
    level: float = 0.95,
) -> Variability:
    """Correlation of a baseline scan with a later one of the same animal, by Fisher's z.

    Parameters and errors as in `pooled_cv`; the data are the shipped ``bone-variability``.

    Examples
    --------
    >>> found = baseline_correlation("vBMD", site="proximal tibia")
    >>> round(found.value, 2), found.labs
    (0.95, 1)
    """
    wanted = {"species": species, "strain": strain, "sex": sex, "site": site, "assay": assay}
    groups = choose(shipped_correlations(endpoint), wanted)
    return pooled_groups("correlation", endpoint, groups, wanted, ask, level, [])


def pooled_groups(
    kind: str,
    endpoint: str,
    groups: list[Group],
    wanted: Mapping[str, str | None],
    ask: bool,
    level: float,
    notes: list[str],
    pool: Pool = pool_labs,
) -> Variability:
    """The answer of groups that were chosen already, or the question; see `pooled_cv`.

    Parameters
    ----------
    kind : ``cv`` or ``correlation``.
    pool : `pool_labs`, or what remembers its answers.
    """
    check_level(level)
    scale = _SCALES[kind]
    pooled = pool(groups, scale.one)
    ci_low, ci_high = (scale.back(y) for y in pooled.ci(level))
    pi_low, pi_high = (
        scale.back(pooled.quantile(p)) for p in ((1 - level) / 2, (1 + level) / 2)
    )  # fmt: skip
    low, high = spread_of(group.value * (100 if kind == "cv" else 1) for group in groups)
    questions = _questions(groups, scale, pool) if ask else ()
    numbers = (scale.back(pooled.mean), ci_low, ci_high, pi_low, pi_high, pooled.tau)
    if questions:
        numbers = (float("nan"),) * 6
    elif pooled.labs == 3:
        notes = [*notes, "3 labs say little of a new one: its interval is wide"]
    value, ci_low, ci_high, pi_low, pi_high, tau = numbers
    return Variability(
        kind=kind, endpoint=endpoint, wanted={k: v for k, v in wanted.items() if v is not None},
        ask=questions, split=_split(groups, questions, scale, pool), value=value, ci_low=ci_low,
        ci_high=ci_high, pi_low=pi_low, pi_high=pi_high, tau=tau, low=low, high=high,
        labs=pooled.labs, animals=pooled.animals, level=level, notes=tuple(notes),
        groups=tuple(groups), pooled=pooled,
    )  # fmt: skip


def _questions(groups: list[Group], scale: _Scale, pool: Pool) -> tuple[str, ...]:
    """Labels whose values ask for animal numbers more than `WIDE` apart.

    The widest first, then what is still wide among groups that agree in those before it: a label
    that only follows another one is not asked for.
    """
    asked: list[str] = []
    while True:
        ratios = {
            name: _widest(groups, (*asked, name), scale, pool)
            for name in ORDER
            if name not in asked
        }
        name = max(ratios, key=lambda label: round(ratios[label], 9), default=None)
        if name is None or ratios[name] <= WIDE:
            return tuple(asked)
        asked.append(name)


def _widest(groups: list[Group], names: tuple[str, ...], scale: _Scale, pool: Pool) -> float:
    """Largest ratio of animal numbers between values of the last label, the others being equal."""
    needs: dict[tuple[str, ...], list[float]] = {}
    for line in _split(groups, names, scale, pool):
        same = tuple(line.labels[label] for label in names[:-1])
        needs.setdefault(same, []).append(scale.animals(line.value))
    return max(max(each) / min(each) for each in needs.values())


def _split(
    groups: list[Group], names: tuple[str, ...], scale: _Scale, pool: Pool
) -> tuple[Split, ...]:
    """The pooled value of every combination of labels that there is, in order of value."""
    if not names:
        return ()
    parts: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        parts.setdefault(tuple(group.labels[name] for name in names), []).append(group)
    lines = []
    for labels, members in parts.items():
        pooled = pool(members, scale.one)
        named = dict(zip(names, labels, strict=True))
        lines.append(Split(named, scale.back(pooled.mean), pooled.labs, pooled.animals))
    return tuple(sorted(lines, key=lambda line: line.value))
