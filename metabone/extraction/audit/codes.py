"""What the audit can suspect: every code, what to look up, and the check of codes turned off."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from metabone.errors import UsageError
from metabone.extraction.codes import SEVERITY
from metabone.options import nearest

_KIND = "the table's footnote and the statistics paragraph of the methods: SD, SEM or interval?"

#: Every code of the audit with what to look up in the paper.
LOOK_UP: Mapping[str, str] = MappingProxyType(
    {
        "sem-as-sd": _KIND,
        "sd-as-sem": _KIND,
        "variance-as-sd": _KIND + " Is it squared?",
        "ci-as-sd": _KIND,
        "sem-as-ci": _KIND,
        "ci-as-sem": _KIND,
        "sd-as-ci": _KIND,
        "dispersion-scale": "the printed dispersion, digit by digit, and its unit",
        "dispersion-odd": "the printed dispersion, digit by digit, and what it is",
        "unit-scale": "the unit in the table's header or the axis label, for every arm",
        "areal-as-volumetric": "the device (DXA or a tomograph) and the unit: by area or volume",
        "direction-contradiction": "which arm the paper says is higher, and which way is better",
        "arms-swapped": "which column of the paper's table is the treated arm",
        "yi-sign": "which arm is subtracted from which in the source of yi",
        "t-mismatch": "the test, its t and degrees of freedom: paired, adjusted?",
        "p-mismatch": "the test behind p: which arms, paired, adjusted or one-sided?",
        "asymmetric-interval": "the estimate and both limits, digit by digit, and their scale",
        "pooled-interval-too-narrow": "whether animals, fields or cells were counted; the model",
        "same-animals-twice": "whether both papers or experiments describe the same animals",
        "cohort-exceeded": "the number of animals in all and in each arm",
        "n-as-range": "the n of this outcome; ask the authors if the paper gives a range only",
        "effect-over-bound": "the means, the dispersions and what kind of dispersion they are",
        "conflicting-reports": "both places in the paper, and which of them has an erratum",
        "duplicate-value": "both cells in the paper: chance, or the same cell copied twice?",
        "digit-preference": "whether the numbers were read from a figure by eye",
    }
)  # fmt: skip
CODES: tuple[str, ...] = tuple(LOOK_UP)


def check_codes(off: Collection[str]) -> frozenset[str]:
    """The codes to be turned off, those of checking and of the audit alike.

    Raises
    ------
    UsageError
        For a code that does not exist, with the nearest ones; for an error, which cannot be
        turned off, since the row cannot be pooled whether it is told or not; for a text in the
        place of a list.

    Examples
    --------
    >>> sorted(check_codes(["sem-as-sd", "out-of-range"]))
    ['out-of-range', 'sem-as-sd']
    """
    if isinstance(off, str):
        raise UsageError(f"off is a list of codes; got the text {off!r}")
    for code in off:
        severity = SEVERITY.get(code)
        if severity == "error":
            raise UsageError(
                f"{code!r} is an error and cannot be turned off: correct the cell, or give a "
                "reason in the column exclude"
            )
        if severity is None and code not in LOOK_UP:
            close = nearest(str(code), (*CODES, *SEVERITY))
            listed = ", ".join(repr(word) for word in close or CODES)
            raise UsageError(f"{code!r} is no code of checking; nearest: {listed}")
    return frozenset(off)
