"""``Path`` of a pooled result that is in the page: a name, and the text behind it."""

from __future__ import annotations

import json

from metabone.planning.calculator.shims.planner_data import DATA


class Path:
    """The name of a result."""

    def __init__(self, name: object = "") -> None:
        self.name = str(name)

    def __truediv__(self, name: object) -> Path:
        return Path(name)

    def __str__(self) -> str:
        return self.name

    def read_text(self, encoding: str = "utf-8") -> str:
        """The text of the result, or `OSError`."""
        if self.name not in DATA.get("results", {}):
            raise OSError(2, "it is not in the page")
        return json.dumps(DATA["results"][self.name])
