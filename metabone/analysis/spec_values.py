"""Values of the analysis file: texts, conditions, groupings, limits, names, as pydantic types."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from metabone.errors import UsageError
from metabone.options import FigureFormat, Predictor, check_option

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class Section(BaseModel):
    """What all tables of the file share: unknown keys are refused, types are not guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def option(key: str, literal: Any) -> BeforeValidator:
    """A validator that takes one of the words of a ``Literal``."""
    return BeforeValidator(partial(_checked, key, literal))


def _checked(key: str, literal: Any, value: Any) -> Any:
    return check_option(key, value, literal)


def words(value: Any) -> Any:
    """One text or a list of texts, as a tuple."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise UsageError(f"takes a text or a list of texts; got {value!r}")
    if not value or not all(word.strip() for word in value):
        raise UsageError(f"needs at least one text, none of them empty; got {value!r}")
    return tuple(dict.fromkeys(value))


def _conditions(value: Any) -> Any:
    """One condition or a list of conditions that must all hold, as a tuple."""
    conditions = words(value)
    return tuple(" ".join(condition.splitlines()).strip() for condition in conditions)


def _groupings(value: Any) -> Any:
    """Columns to stratify by; a list of two inside the list is a two-way table."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise UsageError(f"takes a list of columns; got {value!r}")
    found: list[str | tuple[str, ...]] = []
    for entry in value:
        pair = tuple(entry) if isinstance(entry, list) else (entry,)
        if len(pair) not in (1, 2) or not all(isinstance(w, str) and w.strip() for w in pair):
            raise UsageError(f"takes columns, or pairs of columns; got {entry!r}")
        found.append(pair if len(pair) == 2 else pair[0])
    return tuple(dict.fromkeys(found))


def _one_grouping(value: Any) -> Any:
    """One grouping: a column, or a list of two columns; an empty text is none."""
    return () if value == "" else _groupings([value])[0]


def _limits(value: Any) -> Any:
    """Two numbers, the smaller first."""
    numbers = isinstance(value, list) and all(
        isinstance(end, (int, float)) and not isinstance(end, bool) for end in value
    )
    if not numbers or len(value) != 2 or not value[0] < value[1]:
        raise UsageError(f"takes two numbers, the smaller first; got {value!r}")
    return (float(value[0]), float(value[1]))


def _formats(value: Any) -> Any:
    return tuple(check_option("formats", word, FigureFormat) for word in words(value))


def _name(value: Any) -> Any:
    if isinstance(value, str) and not _NAME.fullmatch(value):
        raise UsageError(
            f"becomes part of file names: letters, digits, '-', '_' and '.'; got {value!r}"
        )
    return value


def _predictors(value: Any) -> Any:
    return tuple(check_option("predictor", word, Predictor) for word in words(value))


def _selection(value: Any) -> Any:
    """The steps of one selection model, or a list of such lists, as tuples."""
    from metabone.models.selection import check_steps

    nested = isinstance(value, list) and any(isinstance(steps, list) for steps in value)
    models = value if nested else [value]
    for steps in models:
        numbers = isinstance(steps, list) and all(
            isinstance(step, (int, float)) and not isinstance(step, bool) for step in steps
        )
        if not numbers:
            raise UsageError(
                "takes a list of one-sided p-values such as [0.025, 0.5], or a list of such "
                f"lists; got {value!r}"
            )
    return tuple(check_steps(steps) for steps in models)


Name = Annotated[str | None, BeforeValidator(_name)]
Words = Annotated[tuple[str, ...], BeforeValidator(words)]
Where = Annotated[tuple[str, ...], BeforeValidator(_conditions)]
Grouping = str | tuple[str, ...]
Groupings = Annotated[tuple[Grouping, ...], BeforeValidator(_groupings)]
OneGrouping = Annotated[Grouping | None, BeforeValidator(_one_grouping)]
Predictors = Annotated[tuple[Predictor, ...], BeforeValidator(_predictors)]
Selection = Annotated[tuple[tuple[float, ...], ...], BeforeValidator(_selection)]
Formats = Annotated[tuple[FigureFormat, ...], BeforeValidator(_formats)]
Level = Annotated[float, Field(gt=0, lt=1)]
Width = Annotated[float, Field(ge=40, le=600)]

Limits = Annotated[tuple[float, float] | None, BeforeValidator(_limits)]
