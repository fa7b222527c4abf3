"""The programs whose exports can be read, and the one function that reads them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from metabone.errors import UsageError
from metabone.extraction.importers.results import Imported
from metabone.options import check_option

Kind = Literal["syrf", "revman", "wpd", "metadigitise", "metafor"]

_ARMS = ("treated", "control", "sham")
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "syrf": ("sheet", "investigator", "control"),
    "revman": ("sheet",),
    "wpd": ("sheet", "study", "outcome", "unit", "n", "error", "label", *_ARMS),
    "metadigitise": ("sheet", "study", "outcome", "unit", *_ARMS),
    "metafor": ("sheet", "outcome"),
}
"""The options that each kind takes."""


def import_table(kind: str, path: str | Path, **options: Any) -> Imported:
    """Read an export of another program as an extraction table.

    Parameters
    ----------
    kind : ``syrf``, ``revman``, ``wpd``, ``metadigitise`` or ``metafor``.
    path : the export, or ``-`` for standard input.
    options : those of ``read_KIND``; None and empty ones count as not given.

    Raises
    ------
    UsageError
        If there is no such kind, or it does not take an option.
    DataError
        If the file is no such export.
    """
    chosen = check_option("kind", kind, Kind)
    given = {name: value for name, value in options.items() if value not in (None, (), [])}
    strange = [name for name in given if name not in OPTIONS[chosen]]
    if strange:
        takes = ", ".join(f"--{name}" for name in OPTIONS[chosen])
        raise UsageError(f"--{strange[0]} is not for {chosen}, which takes {takes}")
    module = import_module(f"metabone.extraction.importers.{chosen}")
    read: Callable[..., Imported] = getattr(module, f"read_{chosen}")
    return read(path, **given)
