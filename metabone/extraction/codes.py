"""What checking can find: every code with its severity, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metabone.extraction.table import Severity

_ERRORS = (
    # cells that cannot be read
    "unreadable-number",
    "ambiguous-number",
    "mixed-decimals",
    "thousands-mark",
    "infinite-number",
    "date-instead-of-number",
    "spreadsheet-error",
    "ragged-row",
    "repeated-header",
    # values that cannot be
    "study-blank",
    "outcome-blank",
    "n-too-small",
    "n-not-whole",
    "negative-dispersion",
    "zero-dispersion",
    "dispersion-type-blank",
    "unknown-dispersion-type",
    "dispersion-type-contradiction",
    "quartile-order",
    "range-order",
    "f-negative",
    "p-out-of-range",
    "unknown-sign",
    "sign-contradiction",
    "yi-without-variance",
    "variance-not-positive",
    "vi-sei-contradict",
    "negative-time",
    "negative-dose",
    "unknown-better",
    "exclude-not-a-reason",
)
_WARNINGS = (
    "unreadable-moderator",
    "point-or-thousands",
    "control-character",
    "unknown-column",
    "misspelt-outcome",
    "two-numbers-in-cell",
    "merged-cells",
    "formula-without-value",
    "percent-format",
    "incomplete-row",
    "sign-missing",
    "n-huge",
    "t-f-disagree",
    "unknown-unit",
    "unknown-rob",
    "out-of-range",
    "negative-mean",
    "dispersion-over-mean",
    "tiny-dispersion",
    "huge-effect",
    "arms-differ",
    "shared-control-undeclared",
    "control-mismatch",
    "control-in-two-studies",
    "duplicate-row",
    "conflicting-rows",
    "study-names-alike",
)
_NOTES = (
    "encoding",
    "decimal-comma",
    "sheet",
    "hidden-rows",
    "blank-rows",
    "missing-marks",
    "blanks-collapsed",
    "unicode-minus",
    "column-read-as",
    "column-mostly-numbers",
    "word-read-as",
    "unknown-word",
    "dispersion-type-read-as",
    "dispersion-type-from-header",
    "unit-blank",
    "bmd-kind-unknown",
    "no-numbers",
    "where-unknown",
)

SEVERITY: Mapping[str, Severity] = {
    **dict.fromkeys(_ERRORS, "error"),
    **dict.fromkeys(_WARNINGS, "warning"),
    **dict.fromkeys(_NOTES, "note"),
}
