"""``Literal`` as the tuple of its words."""

from __future__ import annotations

from typing import Any


class _Words:
    def __getitem__(self, words: Any) -> Any:
        return words


Literal = _Words()
