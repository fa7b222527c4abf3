"""How results become JSON, tables and text: what the answers of the synthesis have alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from metabone.files import plain

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable


class Record:
    """A frozen dataclass whose JSON is its fields, in their order."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON prints them; records within as they show themselves."""
        names = [one.name for one in fields(self)]  # type: ignore[arg-type]
        return {name: _shown(getattr(self, name)) for name in names}


def _shown(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    return plain(value)


class Summarised(ABC):
    """An answer that people see by its summary, in a terminal and in a notebook."""

    __slots__ = ()

    @abstractmethod
    def summary(self) -> str:
        """The answer for people, as plain text."""

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.summary())}</pre>"


def named(result: object, *names: str) -> dict[str, Any]:
    """Some attributes of a result as JSON prints them, in the order asked for."""
    return {name: plain(getattr(result, name)) for name in names}


def effects_dict(effects: EffectTable) -> dict[str, Any]:
    """What the JSON of every answer says of the effects that it is about."""
    return {"input": effects.input_dict()} | named(
        effects, "measure", "variance", "align", "better", "unit"
    )


def flat_frame(lines: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Tidy table of lines; what is a list in JSON is one cell, its parts between blanks."""
    import pandas as pd

    joined = [
        {
            key: " ".join(map(str, value)) if isinstance(value, list) else value
            for key, value in line.items()
        }
        for line in lines
    ]
    return pd.DataFrame(joined)
