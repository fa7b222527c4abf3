"""``dataclasses.replace`` for classes made plain."""

from __future__ import annotations

from typing import Any


def replace(instance: Any, **changes: Any) -> Any:
    """A copy with other values of some fields."""
    values = {name: getattr(instance, name) for name in instance.FIELDS}
    values.update(changes)
    return instance.__class__(**values)
