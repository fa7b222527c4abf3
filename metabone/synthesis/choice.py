"""Which model answers, with which options, and the covariance that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from metabone.errors import DataError, UsageError
from metabone.extraction.table import rows_text
from metabone.options import (
    CI_OF_MODEL,
    CIMethod,
    Control,
    Model,
    MultilevelMethod,
    PIMethod,
    Tau2Method,
    check_option,
    choices,
    default_pi,
    nearest,
)
from metabone.synthesis.univariate import Pooler, Univariate

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.dependence import BlockCovariance
    from metabone.effects.table import EffectTable


def choose_model(effects: EffectTable, model: str) -> tuple[str, str]:
    """The model to use, and why in one sentence.

    ``auto`` is multilevel where a study gives more than one effect.
    """
    model = check_option("model", model, Model)
    if model != "auto":
        return model, "as asked"
    counts = effects.frame["study"].value_counts()
    several = int((counts > 1).sum())
    if not several:
        return "univariate", "every study gives one effect"
    return "multilevel", (
        f"{several} of {len(counts)} studies give more than one effect, so effects are nested in "
        "studies and their sampling errors covary"
    )


def check_methods(model: str, tau2: str, ci: str | None, pi: str | None) -> tuple[str, str, str]:
    """Check the options of a model and fill in its defaults: τ² estimator, interval, prediction.

    Raises
    ------
    UsageError
        For an unknown option, or one that belongs to the other model.
    """
    tau2 = check_option("tau2", tau2, Tau2Method)
    known = CI_OF_MODEL[model]
    ci = check_option("ci", ci or known[0], CIMethod)
    if ci not in known:
        raise UsageError(_other_model("ci", ci, model, known))
    if model == "multilevel" and tau2 not in choices(MultilevelMethod):
        raise UsageError(_other_model("tau2", tau2, model, choices(MultilevelMethod)))
    return tau2, ci, check_option("pi", pi or default_pi(ci), PIMethod)


def _other_model(name: str, value: str, model: str, known: tuple[str, ...]) -> str:
    other = "univariate" if model == "multilevel" else "multilevel"
    listed = ", ".join(repr(word) for word in known)
    return (
        f"{name} {value!r} belongs to the {other} model; the {model} model of these effects takes "
        f"{listed} (or ask for --model {other})"
    )


@dataclass(frozen=True, slots=True)
class Sharing:
    """What is assumed of effects that share animals; see `metabone.effects.dependence`.

    Parameters
    ----------
    rho : correlation between outcomes, sites, assays and times of the same animals.
    control : how shared controls enter: ``exact``, ``split`` or ``ignore``.
    rho_table : pairs of outcomes, sites or assays whose correlation is known better.
    time_decay : correlation of two measurements one week apart, or None.
    """

    rho: float = 0.5
    control: str = "exact"
    rho_table: tuple[Mapping[str, Any], ...] = ()
    time_decay: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The assumptions by name, as results hold them and JSON prints them."""
        return {
            "rho": self.rho,
            "control": self.control,
            "rho_table": self.rho_table,
            "time_decay": self.time_decay,
        }


def check_sharing(
    rho: float,
    control: str,
    rho_table: Sequence[Mapping[str, Any]] | None = None,
    time_decay: float | None = None,
) -> Sharing:
    """The assumptions, checked as far as they can be without the data.

    Raises
    ------
    UsageError
        If rho is not a correlation of 0 or more, below 1, or control is unknown.
    """
    if not 0 <= rho < 1:
        raise UsageError(f"rho must be at least 0 and below 1; got {rho!r}")
    control = check_option("control", control, Control)
    return Sharing(float(rho), control, tuple(rho_table or ()), time_decay)


def check_random(effects: EffectTable, random: Sequence[str], model: str) -> tuple[str, ...]:
    """The columns that are further random factors, such as strain or laboratory.

    Raises
    ------
    UsageError
        For an unknown column, one that is a level of the model anyway, or the univariate model.
    DataError
        If a row leaves one blank, or it splits the effects as a level of the model does.
    """
    names = tuple(dict.fromkeys(random))
    if names and model != "multilevel":
        raise UsageError("random factors belong to the multilevel model; use --model multilevel")
    for name in names:
        if name in ("study", "experiment", "effect"):
            raise UsageError(f"random: {name} is a level of the multilevel model already")
        if name not in effects.frame.columns:
            close = nearest(name, [str(column) for column in effects.frame.columns])
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise UsageError(f"random: the table has no column {name!r}{hint}")
        values = effects.frame[name]
        blank = effects.frame.index[values.isna()].tolist()
        if blank:
            raise DataError(
                f"random: {name} is blank in {rows_text(blank)}; fill it, or leave these rows out"
            )
        _refuse_alike(effects, name)
    return names


def _refuse_alike(effects: EffectTable, name: str) -> None:
    """Refuse a random factor whose variance cannot be told from another's."""
    values, study = effects.frame[name], effects.frame["study"]
    levels = values.nunique()
    if levels < 2:
        raise DataError(f"random: {name} is {values.iloc[0]} in every row used; leave it out")
    if levels == effects.k:
        raise DataError(f"random: {name} differs in every row, as the effects do; leave it out")
    if levels == study.nunique() == len(effects.frame[[name, "study"]].drop_duplicates()):
        raise DataError(
            f"random: {name} splits the effects as the studies do, so that the two variances "
            "cannot be told apart; leave it out"
        )


def with_covariance(effects: EffectTable, sharing: Sharing) -> tuple[EffectTable, BlockCovariance]:
    """The effects as the way of treating shared controls wants them, and their covariance.

    ``split`` computes the effects anew from divided control groups.

    Raises
    ------
    DataError
        If the covariance is not positive definite, or effects to be split were not computed from a
        table.
    """
    from metabone.effects.dependence import sampling_covariance

    if sharing.control == "split":
        effects = _split(effects)
    covariance = sampling_covariance(
        effects, control=sharing.control, rho=sharing.rho,
        rho_table=sharing.rho_table or None, time_decay=sharing.time_decay,
    )  # fmt: skip
    told = (*effects.notes, *covariance.notes)
    return replace(effects, notes=tuple(dict.fromkeys(told))), covariance


def row_places(frame: pd.DataFrame) -> dict[int, int]:
    """Spreadsheet row → its position in a frame of effects, and so in their covariance."""
    return {row: position for position, row in enumerate(frame.index.tolist())}


def make_pooler(
    effects: EffectTable,
    covariance: BlockCovariance | None,
    *,
    tau2: str,
    ci: str,
    pi: str,
    level: float,
    random: tuple[str, ...],
) -> Pooler:
    """The multilevel model of effects that covary, the univariate one of those that do not."""
    if covariance is None:
        return Univariate(tau2, ci, pi, level)
    # The multilevel modules are loaded where an answer needs them, and not before.
    from metabone.synthesis.multilevel import Multilevel

    return Multilevel(tau2, ci, pi, level, covariance, row_places(effects.frame), random)


def _split(effects: EffectTable) -> EffectTable:
    from metabone.effects.dependence_split import split_controls
    from metabone.effects.escalc import escalc

    if effects.table is None:
        raise DataError(
            "control 'split' divides control groups before effect sizes are computed, and these "
            "effects were not computed from an extraction table"
        )
    rows = set(effects.frame.index)
    table = effects.table.keep(effects.table.frame.index.isin(rows))
    try:
        again = escalc(
            split_controls(table), effects.measure, variance=effects.variance, align=effects.align,
            unit=effects.unit if effects.measure == "MD" else None,
        )  # fmt: skip
        lost = sorted(rows - set(again.frame.index))
    except DataError:  # none is left
        lost = sorted(rows)
    if lost:
        raise DataError(
            f"splitting the controls leaves no effect size for {rows_text(lost)}: fewer than two "
            "control animals for each arm; use control 'exact'"
        )
    return replace(again, selected=effects.selected, excluded=effects.excluded, table=effects.table)
