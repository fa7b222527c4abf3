"""What was baked into the page: pooled results, shipped variability, words of the vocabulary."""

from __future__ import annotations

import json
from typing import Any

FILE = "/page/data.json"


def _read() -> dict[str, Any]:
    try:
        with open(FILE) as lines:  # noqa: PTH123
            found: dict[str, Any] = json.loads(lines.read())
    except OSError:
        return {}
    return found


DATA: dict[str, Any] = _read()
