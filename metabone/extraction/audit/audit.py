"""All rules of the audit on all rows, the strongest suspicion first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain

from metabone.extraction.audit import rules_counts as counts
from metabone.extraction.audit import rules_digits as digits
from metabone.extraction.audit import rules_direction as direction
from metabone.extraction.audit import rules_dispersion as dispersion
from metabone.extraction.audit import rules_swapped as swapped
from metabone.extraction.audit import rules_tests as tests
from metabone.extraction.audit import rules_units as units
from metabone.extraction.audit.codes import check_codes
from metabone.extraction.audit.results import Suspicion
from metabone.extraction.audit.sheet import Rule, Sheet
from metabone.extraction.table import StudyTable

RULES: tuple[Rule, ...] = (
    dispersion.dispersion_kinds,
    units.scale,
    units.two_units,
    units.areal_or_volumetric,
    direction.better_against_vocabulary,
    direction.words_against_numbers,
    swapped.control_as_treated,
    swapped.against_the_rest,
    tests.t_and_p,
    tests.yi_against_arms,
    tests.intervals,
    counts.n_as_range,
    counts.cohort_exceeded,
    counts.same_animals,
    digits.copied_values,
    digits.conflicting_reports,
    digits.digit_preference,
    digits.over_bound,
)


def audit(table: StudyTable, *, off: Collection[str] = ()) -> tuple[Suspicion, ...]:
    """Suspect what looks like a slip of extraction. The table is not changed.

    Parameters
    ----------
    table : a table that was read and validated.
    off : codes that are not to be told, see ``docs/audit.md``.

    Returns
    -------
    Suspicions, the strongest first and then by row.

    Raises
    ------
    UsageError
        For a code that does not exist, or that is an error of checking.

    Examples
    --------
    >>> from metabone import read_table
    >>> found = audit(read_table("anabolic"), off=["duplicate-value"])
    >>> "duplicate-value" in {suspicion.code for suspicion in found}
    False
    """
    silent = check_codes(off)
    if len(table.frame) == 0:
        return ()
    sheet = Sheet.of(table)
    found = [each for each in _all(RULES, sheet) if each.code not in silent]
    return tuple(sorted(_explained(found), key=_worst_first))


def _all(rules: Iterable[Rule], sheet: Sheet) -> Iterator[Suspicion]:
    return chain.from_iterable(rule(sheet) for rule in rules)


def _explained(found: Sequence[Suspicion]) -> Iterator[Suspicion]:
    """Without what follows from another: a mean in another unit makes its sound dispersion odd."""
    moved = {
        each.row
        for each in found
        if each.code == "unit-scale"
        and each.severity == "warning"
        and any(name.startswith("mean_") for name in each.correction or ())
        and not any(name.startswith("dispersion_") for name in each.correction or ())
    }
    for each in found:
        if each.code not in ("dispersion-scale", "dispersion-odd") or each.row not in moved:
            yield each


def _worst_first(found: Suspicion) -> tuple[bool, float, int, str, tuple[str, ...]]:
    """Warnings before notes, strong before weak, then in the order of rows."""
    row = -1 if found.row is None else found.row
    return found.severity != "warning", -found.strength, row, found.code, found.columns
