"""``json`` whose reader puts the columns of a stratum into their order; MicroPython's loses it."""

from __future__ import annotations

import json
from typing import Any

dumps = json.dumps


def loads(text: str) -> Any:
    """The value of a JSON text; ``by`` of a stratum in the order that its ``order`` names."""
    content = json.loads(text)
    if isinstance(content, dict):
        for one in content.get("strata") or []:
            one["by"] = {name: one["by"][name] for name in one.get("order") or sorted(one["by"])}
    return content
