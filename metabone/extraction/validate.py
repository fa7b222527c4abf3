"""All rules on all rows: every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from metabone.extraction import rules_plausible as plausible
from metabone.extraction import rules_repeats as repeats
from metabone.extraction import rules_values as values
from metabone.extraction import rules_words as words
from metabone.extraction.columns import Built
from metabone.extraction.rows import ARMS, Rows
from metabone.extraction.table import Finding

if TYPE_CHECKING:
    import pandas as pd

    from metabone.vocabulary import Vocabulary

Rule = Callable[[Rows], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    values.study_blank,
    values.outcome_blank,
    values.animals,
    values.dispersion,
    values.dispersion_type,
    values.quantiles,
    values.statistics,
    values.signs,
    values.t_and_f,
    values.precomputed,
    values.times_and_dose,
    values.choices,
    values.exclude,
    values.incomplete,
    words.units,
    words.density,
    plausible.ranges,
    plausible.negative_means,
    plausible.dispersion_over_mean,
    plausible.tiny_dispersion,
    plausible.huge_effects,
    plausible.arms_apart,
    repeats.duplicates,
    repeats.conflicts,
    repeats.shared_controls,
    repeats.control_mismatch,
    repeats.control_in_two_studies,
    repeats.study_names,
)


def validate(
    frame: pd.DataFrame, built: Built, vocabulary: Vocabulary
) -> tuple[pd.DataFrame, list[Finding]]:
    """Check all rows by all rules.

    Parameters
    ----------
    frame : the table with canonical words.
    built : the same table as printed, and what its headers say.

    Returns
    -------
    frame : with the kind of dispersion that the headers name, where the cell is blank.
    findings : everything found, rule by rule.
    """
    frame, findings = _from_headers(frame, built, vocabulary)
    rows = Rows(frame, built.printed, built.headers, built.bad, vocabulary)
    for rule in RULES:
        findings.extend(rule(rows))
    return frame, findings


def _from_headers(
    frame: pd.DataFrame, built: Built, vocabulary: Vocabulary
) -> tuple[pd.DataFrame, list[Finding]]:
    """Take the kind of dispersion from headers such as sd1i, and tell what contradicts them."""
    if built.implied is None:
        return frame, []
    rows = Rows(frame, built.printed, built.headers, built.bad, vocabulary)
    given = rows.any_filled(f"dispersion_{arm}" for arm in ARMS)
    blank = ~rows.filled("dispersion_type")
    findings = list(
        rows.report(
            ~blank & (rows.text("dispersion_type") != built.implied), "dispersion_type",
            "dispersion-type-contradiction",
            f"contradicts the header of the dispersion, which says {built.implied}",
        )
    )  # fmt: skip
    fill = given & blank
    if fill.any():
        count = int(fill.sum())
        plural = "s" if count > 1 else ""
        message = f"the headers of the dispersion say {built.implied}; {count} row{plural}"
        findings.append(Finding(None, None, None, "dispersion-type-from-header", "note", message))
        kind = np.where(fill, built.implied, rows.text("dispersion_type"))
        frame = frame.assign(dispersion_type=kind.astype(object))
    return frame, findings
