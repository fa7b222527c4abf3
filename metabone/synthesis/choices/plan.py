"""The list of choices as a file: TOML with one list of options for each factor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from metabone.errors import UsageError
from metabone.files import read_bytes, toml_values
from metabone.synthesis.choices.factors import check_factors

MAX_BYTES = 100_000


def read_plan(path: Path) -> dict[str, tuple[str, ...]]:
    """The declared lists of a TOML file, checked.

    Raises
    ------
    UsageError
        If the file cannot be read, is no TOML, or names a factor or an option that is not known.
    """
    return parse_plan(read_bytes(path), str(path))


def parse_plan(content: bytes, file: str) -> dict[str, tuple[str, ...]]:
    """The declared lists that the bytes of a TOML file give; see `read_plan`.

    Examples
    --------
    >>> parse_plan(b'tau2 = ["REML", "PM"]\\nrho = [0.3, 0.7]', "choices.toml")
    {'rho': ('0.3', '0.7'), 'tau2': ('REML', 'PM')}
    """
    values = toml_values(content, file, what="a list of choices", most=MAX_BYTES)
    try:
        return check_factors(values)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error


def parse_lists(entries: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """``FACTOR=OPTION,OPTION`` entries, checked; of two for one factor the last counts.

    Raises
    ------
    UsageError
        For an entry without an equals sign, or a factor or option that is not known.

    Examples
    --------
    >>> parse_lists(["rho=0.2,0.8", "measure=smd"])
    {'measure': ('SMD',), 'rho': ('0.2', '0.8')}
    """
    lists: dict[str, Any] = {}
    for entry in entries:
        name, equals, options = entry.partition("=")
        if not equals:
            raise UsageError(
                f"--choice takes FACTOR=OPTION,OPTION, e.g. rho=0.2,0.8; got {entry!r}"
            )
        lists[name.strip()] = [word.strip() for word in options.split(",") if word.strip()]
    return check_factors(lists)
