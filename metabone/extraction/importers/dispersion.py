"""The kinds of dispersion that other programs print, brought to one kind for a table row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metabone.extraction.importers.sheet import Value, fold

_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("sd", "std", "stdev", "standarddeviation"), "SD"),
    **dict.fromkeys(("sem", "se", "stderr", "standarderror", "standarderrorofthemean"), "SEM"),
    **dict.fromkeys(("ci95", "95ci", "ci"), "CI95"),
    **dict.fromkeys(("iqr", "interquartilerange"), "IQR"),
}


@dataclass(frozen=True, slots=True)
class Spread:
    """Dispersion of one arm as the export prints it."""

    value: Value
    kind: str | None
    n: float


def kind_of(word: str | None) -> str | None:
    """SD, SEM, CI95 or IQR; any other word as it is.

    Examples
    --------
    >>> kind_of("Standard error"), kind_of("sd"), kind_of("range"), kind_of(None)
    ('SEM', 'SD', 'range', None)
    """
    return None if word is None else _KINDS.get(fold(word), word)


def common(spreads: Sequence[Spread]) -> tuple[list[Value], str | None, str | None]:
    """Dispersions of the arms of one row, and their one kind.

    Arms of one kind stay as printed. SD and SEM in one row are brought to SD, by SEM × √n.

    Returns
    -------
    values : the dispersions.
    kind : SD, SEM, CI95, another word as printed, or None if no arm has one.
    note : what was converted, or None.

    Raises
    ------
    ValueError
        If the kinds differ and cannot be converted.

    Examples
    --------
    >>> common([Spread(1.0, "SEM", 4), Spread(3.0, "SD", 5)])
    ([2.0, 3.0], 'SD', 'SEM × √n where the other arm prints an SD')
    """
    filled = [spread for spread in spreads if spread.value is not None]
    kinds = {spread.kind for spread in filled}
    if len(kinds) < 2:
        return [spread.value for spread in spreads], next(iter(kinds), None), None
    convertible = kinds == {"SD", "SEM"} and all(
        isinstance(spread.value, float) and (spread.kind == "SD" or spread.n >= 1)
        for spread in filled
    )
    if not convertible:
        raise ValueError(" and ".join(sorted(kind or "no kind" for kind in kinds)))
    values: list[Value] = [
        spread.value * math.sqrt(spread.n)
        if isinstance(spread.value, float) and spread.kind == "SEM"
        else spread.value
        for spread in spreads
    ]
    return values, "SD", "SEM × √n where the other arm prints an SD"
