"""A folder of results that appears whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from glob import escape
from pathlib import Path

from metabone.errors import FileWriteError

PROVENANCE = "provenance.json"
# A folder that this module is filling, and one that it is replacing; both are hidden siblings of
# the result and carry the number of the process that made them.
_PART, _OLD = ".metabone-part-", ".metabone-old-"
# What file managers leave behind; not a reason to refuse, and no loss.
_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}


@contextlib.contextmanager
def whole_folder(out: Path, *, force: bool) -> Iterator[Path]:
    """A folder to fill; on success it becomes `out`, on any error it vanishes.

    Left-overs of runs that were killed are cleared away first.

    Raises
    ------
    FileWriteError
        If `out` is in the way and `force` is not set, or `out` holds anything that metabone did
        not write, or the folder cannot be made.
    """
    out = out.resolve()
    check_folder(out, force=force)
    part = out.with_name(f".{out.name}{_PART}{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _clear(out)
        part.mkdir()
    except OSError as error:
        raise _cannot(out, error) from error
    try:
        yield part
        _put_in_place(part, out, force=force)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_folder(out: Path, *, force: bool) -> None:
    """Refuse a folder that must not be written, before any work is done.

    Raises
    ------
    FileWriteError
        See `whole_folder`.
    """
    out = out.resolve()
    if not out.name:
        raise FileWriteError(f"{out} cannot be a result folder")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not out.is_dir():
        raise FileWriteError(f"{out} is a file; give the name of a folder")
    written = _written(out)
    if written is None:
        raise FileWriteError(f"{out} is not empty and holds no results of metabone; name another")
    if not force:
        raise FileWriteError(f"{out} holds results; use --force to replace them")
    strange = sorted(
        str(path.relative_to(out))
        for path in out.rglob("*")
        if not path.is_dir() and path.name not in _LITTER
        and path.relative_to(out).as_posix() not in written
    )  # fmt: skip
    if strange:
        raise FileWriteError(
            f"{out} also holds {strange[0]}, which metabone did not write; move it away first"
        )


def _written(out: Path) -> set[str] | None:
    """The files that a result folder says it is made of; None if it is no result folder."""
    try:
        content = json.loads((out / PROVENANCE).read_text(encoding="utf-8"))
        return {PROVENANCE, *content["outputs"]} if "metabone_version" in content else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _put_in_place(part: Path, out: Path, *, force: bool) -> None:
    old = out.with_name(f".{out.name}{_OLD}{os.getpid()}")
    try:
        check_folder(out, force=force)  # it may have changed while the answer was computed
        if out.exists():
            out.rename(old)
        try:
            part.rename(out)
        except OSError:
            if old.exists():
                old.rename(out)
            raise
    except OSError as error:
        raise _cannot(out, error) from error
    shutil.rmtree(old, ignore_errors=True)


def _clear(out: Path) -> None:
    """Remove what killed runs left beside `out`; put back what one had taken away."""
    for path in sorted(out.parent.glob(f".{escape(out.name)}.metabone-*")):
        head, _, process = path.name.rpartition("-")
        if not process.isdigit() or _alive(int(process)):
            continue
        if f"{head}-".endswith(_OLD) and not out.exists():
            path.rename(out)
        elif f"{head}-".endswith((_OLD, _PART)):
            shutil.rmtree(path)


def _alive(process: int) -> bool:
    if process == os.getpid():
        return False
    if os.name == "nt":  # os.kill would end the process there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _cannot(out: Path, error: OSError) -> FileWriteError:
    return FileWriteError(f"{out} cannot be written: {error.strerror or error}")
