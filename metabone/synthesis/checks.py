"""What must not be pooled together, refused in words, and what must be said beside an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metabone.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable

# A ratio of spreads has no better direction, and NMD is 100 at full rescue whatever the outcome.
DIRECTION_FREE = ("NMD", "VR", "CVR")
UNIT_BOUND = ("MD",)
# Variances of an SMD that grow with the effect itself, and where that matters.
SIZE_BOUND = ("LS", "LS2", "UB", "REVMAN")
SMALL_ARM, LARGE_EFFECT = 10, 0.5
# Below so many Satterthwaite df the t distribution no longer holds: Tipton (2015).
FEW_DF = 4


def refuse_mixtures(effects: EffectTable) -> None:
    """Refuse effects whose pooled mean would have no meaning.

    Raises
    ------
    DataError
        If there are fewer than two effects; if outcomes for which higher and lower is better meet
        without alignment; if units differ under MD; if measurements of bone tissue meet markers.
    """
    frame = effects.frame
    if effects.k < 2:
        raise DataError(
            f"{'one effect' if effects.k == 1 else 'no effect'} is left to pool "
            f"(of {effects.selected} selected rows); pooling takes two or more"
            + _first_reasons(effects)
        )
    _refuse_kinds(effects)
    if effects.measure not in DIRECTION_FREE and effects.align == "none":
        _refuse_directions(frame)
    if effects.measure in UNIT_BOUND:
        _refuse_units(effects)


def _first_reasons(effects: EffectTable) -> str:
    reasons = list(dict.fromkeys(line.reason for line in effects.excluded))
    return "" if not reasons else "; set aside because " + "; ".join(reasons[:3])


def _outcomes(frame: pd.DataFrame) -> list[str]:
    return sorted(frame["outcome"].dropna().unique())


def _refuse_kinds(effects: EffectTable) -> None:
    tissue: dict[bool, list[str]] = {True: [], False: []}
    for name in _outcomes(effects.frame):
        endpoint = effects.vocabulary.endpoint(name)
        if endpoint is not None:
            tissue[endpoint.skeletal].append(name)
    if tissue[True] and tissue[False]:
        raise DataError(
            "bone measurements and markers are not one quantity: "
            f"{_list(tissue[True])} are measured on bone, {_list(tissue[False])} are not; "
            "choose with --outcome"
        )


def _refuse_directions(frame: pd.DataFrame) -> None:
    names = _outcomes(frame)
    better: dict[str, list[str]] = {"higher": [], "lower": [], "": []}
    for name in names:
        for direction in frame.loc[frame["outcome"] == name, "better_used"].fillna("").unique():
            better[direction].append(name)
    if better["higher"] and better["lower"]:
        raise DataError(
            f"better directions differ: higher is better for {_list(better['higher'])}, lower for "
            f"{_list(better['lower'])}; use --align benefit, or choose with --outcome"
        )
    if len(names) > 1 and better[""]:
        raise DataError(
            f"the better direction of {_list(better[''])} is not known, so it cannot be pooled "
            "with other outcomes; fill the column better, or choose with --outcome"
        )


def _refuse_units(effects: EffectTable) -> None:
    frame = effects.frame
    if effects.unit is not None:
        return
    names = _outcomes(frame)
    if len(names) > 1:
        raise DataError(
            f"mean differences of {_list(names)} are not one quantity; choose with --outcome, "
            "or use --measure SMD or ROM"
        )
    units = frame["unit"].fillna("(blank)")
    if units.nunique() > 1:
        listed = ", ".join(f"{unit} ({n} rows)" for unit, n in units.value_counts().items())
        raise DataError(
            f"units differ under MD: {listed}; convert with --unit, or use --measure SMD or ROM"
        )


def _list(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def warn_dependence(frame: pd.DataFrame) -> list[str]:
    """Say where effects are not independent: one study gives several, or controls are shared."""
    messages = []
    counts = frame["study"].value_counts()
    several = counts[counts > 1]
    if len(several):
        shown = ", ".join(f"{name}: {n}" for name, n in several.head(4).items())
        more = "" if len(several) <= 4 else f" and {len(several) - 4} more"
        messages.append(
            f"{len(several)} of {len(counts)} studies give more than one effect ({shown}{more}); "
            "this model takes effects as independent, so its intervals are too narrow"
        )
    named = frame.loc[frame["control_id"].notna(), ["study", "control_id"]]
    shared = named.value_counts()
    shared = shared[shared > 1]
    if len(shared):
        noun = "control group" if len(shared) == 1 else "control groups"
        messages.append(
            f"{int(shared.sum())} effects share {len(shared)} {noun}; "
            "the covariance that this gives is not modelled"
        )
    return messages


def warn_small_arms(effects: EffectTable, estimate: float) -> list[str]:
    """Say where the variance of an SMD leans on its own size, so that large effects weigh less.

    In the simulation of ``benchmarks/coverage.py`` with 6 animals an arm and a true mean of 1, 95 %
    intervals hold the truth in 88 % of data sets with ``LS`` and in 95 % with ``AV``.
    """
    if effects.measure != "SMD" or effects.variance not in SIZE_BOUND:
        return []
    animals = effects.frame[["n_treated", "n_control"]].stack().median()
    if not (animals < SMALL_ARM and abs(estimate) > LARGE_EFFECT):
        return []
    return [
        f"with {animals:.0f} animals an arm the variance {effects.variance} gives large SMDs less "
        "weight, which pulls the mean to zero; compare with --variance AV"
    ]


def warn_mixtures(effects: EffectTable) -> list[str]:
    """Say what was pooled together that a reader may not expect."""
    frame = effects.frame
    messages = []
    names = _outcomes(frame)
    if len(names) > 1:
        messages.append(f"{len(names)} outcomes are pooled together: {_list(names)}")
    assays = sorted(frame["assay"].dropna().unique())
    if len(assays) > 1:
        messages.append(f"measurements by different assays are pooled: {_list(assays)}")
    if effects.measure in UNIT_BOUND and frame["unit"].isna().all():
        messages.append("no row has a unit: mean differences are taken to share one")
    return messages
