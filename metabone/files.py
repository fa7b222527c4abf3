"""Files written whole or not at all, TOML read with clear refusals, and JSON that is exact."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabone.errors import FileWriteError, UsageError

if TYPE_CHECKING:
    import pandas as pd


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


def safe_cell(value: Any) -> str:
    """One cell of a CSV: numbers to their last digit, blanks empty, text that no sheet executes.

    Text that a spreadsheet would take for a formula (it begins with ``= + - @``, a tab or a
    carriage return) gets an apostrophe in front, unless it is a sign alone or a plain number.

    Examples
    --------
    >>> safe_cell("=HYPERLINK(A1)"), safe_cell("-"), safe_cell(0.1), safe_cell(8.0), safe_cell(None)
    ("'=HYPERLINK(A1)", '-', '0.1', '8', '')
    """
    if hasattr(value, "item"):  # a numpy scalar, without importing numpy here
        value = value.item()
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if not isinstance(value, str):
        return str(value)
    if value[:1] not in ("=", "+", "-", "@", "\t", "\r") or value in ("+", "-"):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def visible(text: str) -> str:
    """Escape what can steer a terminal or turn the order of letters, so that it is only seen.

    Line breaks and tabs stay; other control characters, marks of direction, line and paragraph
    separators, surrogates and tag characters become ``\\x`` and their code.

    Examples
    --------
    >>> visible("a\\x1b[31mb"), visible("a\\u202eb")
    ('a\\\\x1b[31mb', 'a\\\\x202eb')
    """
    if text.isascii() and text.isprintable():
        return text
    return _STEERING.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


# C0 without tab and line feed, C1, marks of direction, separators of lines, surrogates, tags.
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def frame_to_csv(frame: pd.DataFrame) -> str:
    """A table as CSV text without its index: UTF-8, commas, lines that end in a newline.

    Headers and cells pass through `safe_cell`.
    """
    cells = frame.astype(object).where(frame.notna(), None)
    rows = [tuple(frame.columns), *cells.itertuples(index=False, name=None)]
    lines = [",".join(_quoted(safe_cell(value)) for value in row) for row in rows]
    # A line that is empty would be no row to most readers.
    return "".join((line or '""') + "\n" for line in lines)


def _quoted(cell: str) -> str:
    # Not by the csv module, which leaves a lone carriage return unquoted before Python 3.13.
    if any(mark in cell for mark in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def read_bytes(path: Path) -> bytes:
    """The content of a file that the user names.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def toml_values(content: bytes, file: str, *, what: str, most: int) -> dict[str, Any]:
    """What the bytes of a TOML file say.

    Parameters
    ----------
    file, what : its name, and in words what it is: ``a plan file``.
    most : bytes that such a file has at most.

    Raises
    ------
    UsageError
        If it is too long or nested too deeply, or is no TOML in UTF-8.

    Examples
    --------
    >>> toml_values(b"rho = 0.5", "plan.toml", what="a plan file", most=1_000_000)
    {'rho': 0.5}
    """
    import tomllib

    if len(content) > most:
        limit = f"{most // 1_000_000} MB" if most >= 1_000_000 else f"{most // 1000} kB"
        raise UsageError(f"{file} has {len(content)} bytes; {what} has at most {limit}")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is no TOML: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{file} is nested too deeply") from error


def check_target(path: Path, *, force: bool) -> None:
    """Refuse early when `path` exists without `force` or is no file, or its folder does not exist.

    Raises
    ------
    FileWriteError
        With the path and what to do.
    """
    try:
        if path.is_dir():
            raise FileWriteError(f"{path} is a folder; give the name of a file")
        if path.exists() and not path.is_file():
            # A device or a pipe would be replaced by a file, not written to.
            raise FileWriteError(f"{path} is no regular file")
        if path.exists() and not force:
            raise FileWriteError(f"{path} exists; use --force to replace it")
        if not path.parent.is_dir():
            raise FileWriteError(f"{path}: the folder {path.parent} does not exist")
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise FileWriteError(f"{path} cannot be written: {error.strerror or error}") from error


def write_whole(path: str | Path, content: bytes | str, *, force: bool = False) -> Path:
    """Write a file so that no reader ever sees half of it.

    The content goes to a temporary file in the same folder, which is then renamed. Of a link the
    file that it points to is written, and a file that is replaced keeps its permissions.

    Raises
    ------
    FileWriteError
        If the file exists and `force` is not set, or it cannot be written.
    """
    path = Path(path)
    check_target(path, force=force)
    data = content.encode("utf-8") if isinstance(content, str) else content
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    # Cut, so that a name as long as the system allows leaves room for the rest.
    temporary = target.with_name(f".{target.name[:50]}.{os.getpid()}.part")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except OSError as error:
        raise FileWriteError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path
