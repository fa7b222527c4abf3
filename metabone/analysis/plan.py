"""What an analysis file asks for, with every answer named and every figure tied to its answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metabone.analysis.spec import (
    SECTIONS,
    AnalysisSpec,
    BiasSpec,
    DirectionSpec,
    OutcomesSpec,
    PoolSpec,
    RegressSpec,
    SensitivitySpec,
)
from metabone.analysis.spec_choices import ChoicesSpec
from metabone.analysis.spec_figure import KINDS, FigureSpec
from metabone.analysis.spec_rob import RobSpec
from metabone.analysis.spec_values import Grouping
from metabone.errors import UsageError
from metabone.options import nearest

Numeric = PoolSpec | OutcomesSpec | RegressSpec | BiasSpec | SensitivitySpec | ChoicesSpec
Asked = Numeric | DirectionSpec | RobSpec


@dataclass(frozen=True, slots=True)
class Task:
    """One answer to compute: its name (unique in the file) and what was asked."""

    name: str
    asked: Asked

    @property
    def title(self) -> str:
        """The heading for people."""
        if self.asked.title:
            return self.asked.title
        if isinstance(self.asked, RegressSpec):
            return f"{', '.join(self.asked.outcome)} by {self.asked.formula}"
        if isinstance(self.asked, BiasSpec):
            return f"Small-study effects of {', '.join(self.asked.outcome)}"
        if isinstance(self.asked, SensitivitySpec):
            return f"Sensitivity of {', '.join(self.asked.outcome)}"
        if isinstance(self.asked, ChoicesSpec):
            return f"Every way to analyse {', '.join(self.asked.outcome)}"
        if isinstance(self.asked, RobSpec):
            return f"How the studies were judged ({self.asked.tool})"
        return ", ".join(self.asked.outcome) or "Direction of effect"


@dataclass(frozen=True, slots=True)
class Drawing:
    """One figure: its name, what was asked, and the name of the answer it draws."""

    name: str
    asked: FigureSpec
    answer: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All the work that an analysis file asks for, in its order."""

    tasks: tuple[Task, ...]
    drawings: tuple[Drawing, ...]


def make_plan(spec: AnalysisSpec) -> Plan:
    """Name every answer and find the answer of every figure.

    An answer without a name is named after its outcomes (``bv-tv``); a second one of the same
    outcomes gets ``-2``.

    Raises
    ------
    UsageError
        If two answers share a name that the file gives, or a figure draws an answer that is not
        in the file or not clear.

    Examples
    --------
    >>> from metabone.analysis.spec import parse_spec
    >>> text = b'title = "t"\\n[data]\\ndataset = "unloading"\\n[[pool]]\\noutcome = "BV/TV"'
    >>> make_plan(parse_spec(text, "example.toml")).tasks[0].name
    'bv-tv'
    """
    asked: list[Asked] = [
        *spec.pool, *spec.outcomes, *spec.regress, *spec.bias, *spec.sensitivity, *spec.choices,
        *spec.direction, *spec.rob,
    ]  # fmt: skip
    defaults = [_default_name(one) for one in asked]
    names = _unique_names([one.name for one in asked], defaults)
    tasks = tuple(Task(name, one) for name, one in zip(names, asked, strict=True))
    answers = [_answer_of(figure, number, tasks) for number, figure in enumerate(spec.figure, 1)]
    figure_names = _unique_names(
        [figure.name for figure in spec.figure],
        [
            _figure_name(figure.kind, task.name)
            for figure, task in zip(spec.figure, answers, strict=True)
        ],
    )
    drawings = tuple(
        Drawing(name, figure, task.name)
        for name, figure, task in zip(figure_names, spec.figure, answers, strict=True)
    )
    return Plan(tasks, drawings)


def _figure_name(kind: str, answer: str) -> str:
    """The kind and the answer, once where the answer's name begins with the kind."""
    return answer if answer.startswith(f"{kind}-") else f"{kind}-{answer}"


def slug(text: str) -> str:
    """`text` as a part of a file name.

    Examples
    --------
    >>> slug("BV/TV"), slug("β-catenin"), slug("§")
    ('bv-tv', 'β-catenin', 'answer')
    """
    return re.sub(r"[\W_]+", "-", text.casefold()).strip("-")[:60] or "answer"


def label_of(grouping: Grouping) -> str:
    """A grouping for people: ``species`` or ``species × site``."""
    return grouping if isinstance(grouping, str) else " × ".join(grouping)


def _default_name(asked: Asked) -> str:
    outcomes = slug("-".join(asked.outcome)) if asked.outcome else ""
    if isinstance(asked, OutcomesSpec):
        return f"outcomes-{outcomes}"
    if isinstance(asked, RegressSpec):
        return f"regress-{outcomes}"
    if isinstance(asked, BiasSpec):
        return f"bias-{outcomes}"
    if isinstance(asked, SensitivitySpec):
        return f"sensitivity-{outcomes}"
    if isinstance(asked, ChoicesSpec):
        return f"choices-{outcomes}"
    if isinstance(asked, RobSpec):
        return f"rob-{asked.tool}"
    if isinstance(asked, DirectionSpec):
        return f"direction-{outcomes}" if outcomes else "direction"
    return outcomes


def _unique_names(given: Sequence[str | None], defaults: Iterable[str]) -> list[str]:
    taken: set[str] = set()
    for name in given:
        if name is not None and name.casefold() in taken:
            raise UsageError(f"two answers or figures are called {name!r}; give each its own name")
        if name is not None:
            taken.add(name.casefold())
    names = []
    for name, default in zip(given, defaults, strict=True):
        chosen, number = name or default, 2
        while name is None and chosen in taken:
            chosen, number = f"{default}-{number}", number + 1
        taken.add(chosen.casefold())
        names.append(chosen)
    return names


def _answer_of(figure: FigureSpec, number: int, tasks: Sequence[Task]) -> Task:
    place, fits = f"[[figure]] {number}: ", list[Task]()
    for kind in figure.sections:
        # A later section is asked only where the more natural one has nothing.
        fits = fits or _fitting(figure, kind, tasks, place)
    kind = figure.sections[0] if not fits else section_of(fits[0].asked)
    if not fits:
        about = f" with the outcome {', '.join(figure.outcome)!r}" if figure.outcome else ""
        raise UsageError(f"{place}there is no [[{kind}]]{about} to draw")
    if len(fits) > 1:
        listed = ", ".join(repr(task.name) for task in fits)
        raise UsageError(f"{place}say which [[{kind}]] to draw: {kind} = one of {listed}")
    _check_grouping(figure, fits[0], place)
    _check_part(figure, fits[0], place)
    return fits[0]


def section_of(asked: Asked) -> str:
    """The section of the file that an answer was asked in."""
    return next(name for name, section in SECTIONS.items() if type(asked) is section)


def _fitting(figure: FigureSpec, kind: str, tasks: Sequence[Task], place: str) -> list[Task]:
    """The answers of a section that a figure may mean."""
    fits = [task for task in tasks if section_of(task.asked) == kind]
    wanted: str | None = getattr(figure, kind)
    if wanted is not None:
        fits = _named(fits, wanted, place, kind)
    if figure.outcome is not None:
        outcomes = tuple(word.casefold() for word in figure.outcome)
        fits = [t for t in fits if tuple(w.casefold() for w in t.asked.outcome) == outcomes]
    return fits


def _check_part(figure: FigureSpec, task: Task, place: str) -> None:
    """Refuse the figure of a part that its answer is not asked for."""
    part = KINDS[figure.kind].part
    if part is None or not isinstance(task.asked, SensitivitySpec):
        return
    asked = task.asked
    # An answer without any question has the influence diagnostics.
    given = (asked.leave_one_out, asked.cumulative, asked.influence, asked.baujat, asked.gosh,
             asked.permutation)  # fmt: skip
    if not getattr(asked, part) and (part != "influence" or any(given)):
        raise UsageError(f"{place}the answer {task.name!r} is not asked for {part}; add {part}")


def _named(fits: Sequence[Task], wanted: str, place: str, kind: str) -> list[Task]:
    found = [task for task in fits if task.name == wanted]
    if not found:
        names = [task.name for task in fits]
        close = nearest(wanted, names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {names}"
        raise UsageError(f"{place}no [[{kind}]] is called {wanted!r}; {hint}")
    return found


def _check_grouping(figure: FigureSpec, task: Task, place: str) -> None:
    if not figure.by or not isinstance(task.asked, PoolSpec):
        return
    if figure.by not in task.asked.by:
        known = ", ".join(label_of(by) for by in task.asked.by) or "nothing"
        raise UsageError(
            f"{place}by = {label_of(figure.by)!r}, but the answer {task.name!r} is stratified by "
            f"{known}; a figure shows only what the tables hold"
        )
