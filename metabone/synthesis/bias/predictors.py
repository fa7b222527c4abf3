"""What the regression tests regress on: how imprecise an effect is, and when the SE will not do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabone.errors import DataError, UsageError
from metabone.extraction.table import rows_text
from metabone.options import Predictor, check_option, choices
from metabone.synthesis.checks import SIZE_BOUND

if TYPE_CHECKING:
    import pandas as pd

    from metabone.effects.table import EffectTable

FloatArray = NDArray[np.float64]

# Measures whose variance holds the effect itself, so that the two correlate without any bias.
STANDARDISED = ("SMD", "SMDH", "SMD1", "NMD")
WORDS = {
    "sei": "the standard error", "vi": "the sampling variance", "sqrtninv": "1/√N", "ninv": "1/N",
    "arms": "√(1/n1 + 1/n2)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """A predictor by name, why not to trust it if there is a reason, and why it was taken."""

    name: str
    warning: str | None = None


def choose_predictors(effects: EffectTable, asked: str | Sequence[str]) -> tuple[Choice, ...]:
    """The predictors to use; ``auto`` is one that is safe for the measure.

    Standardised effects get √(1/n1 + 1/n2), or 1/√N where the arms are not known; other measures
    their standard error.

    Raises
    ------
    UsageError
        For an unknown predictor.
    DataError
        If a predictor that was asked for needs numbers of animals that some rows do not have.
    """
    names = [asked] if isinstance(asked, str) else list(asked)
    if not names:
        raise UsageError(f"predictor takes one or more of {', '.join(choices(Predictor))}")
    found: list[Choice] = []
    for word in names:
        name = check_option("predictor", word, Predictor)
        if name == "auto":
            name = _safe(effects)
        else:
            _refuse_blank(effects, name)
        if name not in [one.name for one in found]:
            found.append(Choice(name, leaning(effects, name)))
    return tuple(found)


def values(frame: pd.DataFrame, name: str) -> FloatArray:
    """(k,) the predictor of the effects of a frame."""
    if name in ("sei", "vi"):
        vi = frame["vi"].to_numpy(dtype=float)
        return np.asarray(np.sqrt(vi)) if name == "sei" else vi
    if name == "arms":
        n1, n2 = (frame[key].to_numpy(dtype=float) for key in ("n_treated", "n_control"))
        return np.asarray(np.sqrt(1 / n1 + 1 / n2))
    total = frame["ni"].to_numpy(dtype=float)
    return np.asarray(1 / np.sqrt(total)) if name == "sqrtninv" else 1 / total


def root_of(name: str) -> str:
    """The predictor that PET takes when a test took `name`: PEESE has the square of it."""
    return {"vi": "sei", "ninv": "sqrtninv"}.get(name, name)


def leaning(effects: EffectTable, name: str) -> str | None:
    """Why a predictor finds asymmetry where there is none, or None."""
    if name not in ("sei", "vi") or effects.measure not in STANDARDISED:
        return None
    if effects.measure == "SMD" and effects.variance not in SIZE_BOUND:
        return None
    return (
        f"{WORDS[name]} of an {effects.measure} holds the {effects.measure} itself, so that this "
        "test finds asymmetry without any bias (with 5 to 8 animals an arm, 10 effects and a true "
        "mean of 1, in 6 data sets of 10); read the test on √(1/n1 + 1/n2)"
    )


def safe_known(effects: EffectTable) -> bool:
    """Whether the part of the variance that does not lean on the effect is known."""
    bound = effects.measure in STANDARDISED[:3] and effects.variance in SIZE_BOUND
    return bound and not _blank(effects, "arms")


def _safe(effects: EffectTable) -> str:
    if effects.measure not in STANDARDISED:
        return "sei"
    for name in ("arms", "sqrtninv"):
        if not _blank(effects, name):
            return name
    return "sei"


def _blank(effects: EffectTable, name: str) -> list[int]:
    """Rows that do not say what a predictor needs."""
    needs = {"arms": ("n_treated", "n_control"), "sqrtninv": ("ni",), "ninv": ("ni",)}
    frame = effects.frame
    missing: set[int] = set()
    for key in needs.get(name, ()):
        if key not in frame.columns:
            return [int(row) for row in frame.index]
        column = frame[key].to_numpy(dtype=float)
        missing.update(int(row) for row in frame.index[~(np.isfinite(column) & (column > 0))])
    return sorted(missing)


def _refuse_blank(effects: EffectTable, name: str) -> None:
    missing = _blank(effects, name)
    if missing:
        needed = "n_treated and n_control" if name == "arms" else "the number of animals"
        raise DataError(
            f"predictor {name} needs {needed}, which {rows_text(missing)} "
            f"{'does' if len(missing) == 1 else 'do'} not say; fill them in, leave these rows out, "
            "or take another predictor"
        )
