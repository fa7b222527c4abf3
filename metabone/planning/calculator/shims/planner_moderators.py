"""Regressions are not in the page."""

from __future__ import annotations

from typing import Any

from metabone.errors import UsageError


def at_values(source: Any, result: Any, at: Any) -> tuple[dict[str, Any], str]:
    """Refuse: the page is made of pooled results alone.

    Raises
    ------
    UsageError
        Always.
    """
    raise UsageError("the page plans from results of `metabone pool`, not from regressions")
