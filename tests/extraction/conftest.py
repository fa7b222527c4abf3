"""Files for the tests of reading and checking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .tables import as_csv


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write rows (or text, or bytes) to a file and give its path."""

    def writer(*content: object, name: str = "table.csv", separator: str = ",") -> Path:
        path = tmp_path / name
        if len(content) == 1 and isinstance(content[0], bytes):
            path.write_bytes(content[0])
        elif len(content) == 1 and isinstance(content[0], str):
            path.write_bytes(content[0].encode())
        else:
            path.write_bytes(as_csv(*content, separator=separator).encode())  # type: ignore[arg-type]
        return path

    return writer
