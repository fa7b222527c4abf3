"""``contextlib.contextmanager`` for generators that only turn one error into another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class _Manager:
    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __enter__(self) -> Any:
        return next(self.generator)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if kind is None:
            next(self.generator, None)
            return False
        try:
            self.generator.throw(error)
        except StopIteration:
            return True
        except Exception as other:
            if other is error:
                return False
            raise
        raise RuntimeError("the generator did not stop")


def contextmanager(function: Callable[..., Any]) -> Callable[..., _Manager]:
    """A function whose generator is a context."""

    def enter(*args: Any, **words: Any) -> _Manager:
        return _Manager(function(*args, **words))

    return enter
