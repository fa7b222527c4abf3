"""Files written whole or not at all, and JSON that is exact."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from metabone.errors import FileWriteError


def plain(value: Any) -> Any:
    """Turn results into what JSON can hold: NaN and infinities become null, arrays lists.

    Examples
    --------
    >>> plain({"a": (1.5, float("nan"))})
    {'a': [1.5, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (str, bool)) or value is None:
        return value
    if hasattr(value, "tolist"):  # numpy arrays and scalars, without importing numpy here
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def dump_json(value: Any) -> str:
    """Exact JSON text: every float to its last digit, UTF-8 as it is, NaN as null."""
    return json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def check_target(path: Path, *, force: bool) -> None:
    """Refuse early when `path` exists without `force`, or its folder does not.

    Raises
    ------
    FileWriteError
        With the path and what to do.
    """
    if path.is_dir():
        raise FileWriteError(f"{path} is a folder; give the name of a file")
    if path.exists() and not force:
        raise FileWriteError(f"{path} exists; use --force to replace it")
    if not path.parent.is_dir():
        raise FileWriteError(f"{path}: the folder {path.parent} does not exist")


def write_whole(path: str | Path, content: bytes | str, *, force: bool = False) -> Path:
    """Write a file so that no reader ever sees half of it.

    The content goes to a temporary file in the same folder, which is then renamed.

    Raises
    ------
    FileWriteError
        If the file exists and `force` is not set, or it cannot be written.
    """
    path = Path(path)
    check_target(path, force=force)
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise FileWriteError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path
