"""What the audit suspects, as the end of a sentence about one row and about several."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Code to (after "1 row", after "3 rows").
PHRASES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "sem-as-sd": ("looks like SEM typed as SD", "look like SEM typed as SD"),
        "sd-as-sem": ("looks like SD typed as SEM", "look like SD typed as SEM"),
        "variance-as-sd": ("looks like a variance typed as SD", "look like variances typed as SD"),
        "ci-as-sd": ("looks like a CI typed as SD", "look like CIs typed as SD"),
        "sem-as-ci": ("looks like SEM typed as CI95", "look like SEM typed as CI95"),
        "ci-as-sem": ("looks like a CI typed as SEM", "look like CIs typed as SEM"),
        "sd-as-ci": ("looks like SD typed as CI95", "look like SD typed as CI95"),
        "dispersion-scale": (
            "has a dispersion that looks a power of ten away",
            "have dispersions that look a power of ten away",
        ),
        "dispersion-odd": (
            "has a dispersion unlike the others",
            "have dispersions unlike the others",
        ),
        "unit-scale": ("looks as if in another unit", "look as if in another unit"),
        "areal-as-volumetric": (
            "looks like the other kind of BMD (areal, volumetric)",
            "look like the other kind of BMD (areal, volumetric)",
        ),
        "direction-contradiction": (
            "contradicts its own words on the direction",
            "contradict their own words on the direction",
        ),
        "arms-swapped": ("looks as if its arms were swapped", "look as if their arms were swapped"),
        "yi-sign": ("has a yi of the wrong sign", "have a yi of the wrong sign"),
        "conflicting-reports": (
            "is told with other numbers elsewhere",
            "are told with other numbers elsewhere",
        ),
        "t-mismatch": (
            "has a t or F that does not follow from its means",
            "have a t or F that does not follow from their means",
        ),
        "p-mismatch": (
            "has a p that does not follow from its numbers",
            "have a p that does not follow from their numbers",
        ),
        "asymmetric-interval": (
            "has an interval that is not symmetric where it must be",
            "have intervals that are not symmetric where they must be",
        ),
        "pooled-interval-too-narrow": (
            "has an interval too narrow for its number of studies",
            "have intervals too narrow for their number of studies",
        ),
        "same-animals-twice": ("looks like animals told twice", "look like animals told twice"),
        "cohort-exceeded": (
            "has more animals than its cohort",
            "have more animals than their cohort",
        ),
        "n-as-range": ("has an n out of a range", "have an n out of a range"),
        "effect-over-bound": (
            "has an effect larger than animals give",
            "have effects larger than animals give",
        ),
        "duplicate-value": ("repeats the numbers of another", "repeat numbers of each other"),
        "digit-preference": (
            "ends in the same digits too often",
            "end in the same digits too often",
        ),
    }
)  # fmt: skip


def phrase(code: str, rows: int) -> str:
    """What is suspected of so many rows.

    Examples
    --------
    >>> phrase("sem-as-sd", 3)
    '3 rows look like SEM typed as SD'
    >>> phrase("digit-preference", 0)
    'the table ends in the same digits too often'
    >>> phrase("no-such-code", 1)
    '1 row: no such code'
    """
    subject = {0: "the table", 1: "1 row"}.get(rows, f"{rows} rows")
    if code not in PHRASES:
        return f"{subject}: {code.replace('-', ' ')}"
    return f"{subject} {PHRASES[code][rows > 1]}"


def likely(strength: float) -> str:
    """The strength of a suspicion in per cent, which is never certainty.

    Examples
    --------
    >>> likely(0.54), likely(0.9986)
    ('54%', '>99%')
    """
    return ">99%" if strength >= 0.995 else f"{strength:.0%}"
