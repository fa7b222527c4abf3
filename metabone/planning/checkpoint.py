"""Finished chunks of a simulation in a file, so that a stopped run goes on where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metabone.errors import DataError, UsageError
from metabone.files import check_target, dump_json, plain, write_whole

FORMAT = "metabone simulation chunks 1"
_EVERY = 2.0  # seconds between two writings

# A chunk as kept: size, counts, sums, squares.
Kept = tuple[int, tuple[int, ...], tuple[float, ...], tuple[float, ...]]


class Checkpoint:
    """The finished chunks of one simulation, in their order; without a file it keeps nothing.

    Parameters
    ----------
    path : the file, or None.
    key : what makes the chunks those of this simulation and no other.
    kept : chunks found in the file.
    """

    def __init__(self, path: Path | None, key: Mapping[str, Any], kept: Sequence[Kept]) -> None:
        self._path, self._key = path, key
        self._kept = list(kept)
        self._saved = time.monotonic()
        self._changed = False
        self.resumed = 0

    @classmethod
    def open(
        cls,
        path: str | Path | None,
        design: str,
        inputs: Mapping[str, Any],
        seed: int,
        *,
        chunk: int,
        events: int,
    ) -> Checkpoint:
        """Take up the file at `path` if there is one.

        Raises
        ------
        UsageError
            If it holds chunks of another design, inputs, seed or version of numpy.
        DataError
            If it is no checkpoint.
        """
        import numpy as np

        # The streams of numpy's distributions may change between its versions.
        key = {"format": FORMAT, "design": design, "inputs": plain(dict(inputs)), "seed": seed,
               "chunk": chunk, "numpy": np.__version__}  # fmt: skip
        if path is None:
            return cls(None, key, ())
        path = Path(path)
        if not path.exists():
            check_target(path, force=True)  # before hours of work, not after
            return cls(path, key, ())
        return cls(path, key, _read(path, json.loads(dump_json(key)), events))

    def find(self, index: int, size: int) -> Kept | None:
        """The chunk at `index`, if it is finished and has that size."""
        if index >= len(self._kept) or self._kept[index][0] != size:
            return None
        self.resumed += size
        return self._kept[index]

    def add(
        self,
        index: int,
        size: int,
        counts: Sequence[int],
        sums: Sequence[float],
        squares: Sequence[float],
    ) -> None:
        """Keep the chunk at `index`; the file is written every few seconds."""
        if self._path is None:
            return
        del self._kept[index:]
        self._kept.append((size, tuple(counts), tuple(sums), tuple(squares)))
        self._changed = True
        if time.monotonic() - self._saved >= _EVERY:
            self.save()

    def save(self) -> None:
        """Write the file whole, if there is something new."""
        if self._path is None or not self._changed:
            return
        write_whole(self._path, dump_json({**self._key, "chunks": self._kept}), force=True)
        self._saved, self._changed = time.monotonic(), False


def _read(path: Path, key: Mapping[str, Any], events: int) -> list[Kept]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} cannot be read as a checkpoint: {error}") from error
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise DataError(f"{path} is no checkpoint of a simulation; name another file")
    for name, value in key.items():
        if held.get(name) != value:
            raise UsageError(
                f"{path} holds chunks of another simulation: its {name} is {held.get(name)!r}, "
                f"not {value!r}; name another file, or delete this one"
            )
    try:
        kept = [_chunk(*row) for row in held["chunks"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is a damaged checkpoint: its chunks cannot be read") from error
    if any(len(row[1]) != events or max(row[1]) > row[0] or min(row[1]) < 0 for row in kept):
        raise DataError(f"{path} is a damaged checkpoint: its counts cannot be")
    return kept


def _chunk(size: int, counts: list[int], sums: list[float], squares: list[float]) -> Kept:
    return (
        int(size), tuple(map(int, counts)), tuple(map(float, sums)), tuple(map(float, squares))
    )  # fmt: skip
